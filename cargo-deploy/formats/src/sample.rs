//! Input for the tests of this crate: the same bytes for the same seed.

/// A small generator of pseudo-random numbers (splitmix64).
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    pub(crate) fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

/// Bytes no compressor can shrink.
pub(crate) fn incompressible(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    (0..length).map(|_| random.next() as u8).collect()
}

/// Words in random order.
pub(crate) fn text(seed: u64, length: usize) -> Vec<u8> {
    const WORDS: [&str; 16] = [
        "let ",
        "return ",
        "function ",
        "package",
        "target",
        "release",
        "= ",
        "{ ",
        "}\n",
        "// ",
        "0x",
        "archive",
        "\n",
        "member",
        "(",
        ") ",
    ];
    let mut random = Random::new(seed);
    let mut output = Vec::with_capacity(length + 16);
    while output.len() < length {
        // The square makes the first words the frequent ones.
        let place = random.below(WORDS.len()) * random.below(WORDS.len()) / WORDS.len();
        output.extend_from_slice(WORDS[place].as_bytes());
    }
    output.truncate(length);
    output
}

/// Text, zeros and noise in turns.
pub(crate) fn mixed(seed: u64, length: usize) -> Vec<u8> {
    let mut random = Random::new(seed);
    let mut output = Vec::with_capacity(length + 40_000);
    while output.len() < length {
        let piece = 1 + random.below(40_000);
        match random.below(4) {
            0 => output.extend(incompressible(random.next(), piece)),
            1 => output.resize(output.len() + piece, 0),
            _ => output.extend(text(random.next(), piece)),
        }
    }
    output.truncate(length);
    output
}

/// Asks a program that reads what we write. `None`, said aloud, where it is not installed; where `CARGO_DEPLOY_CLIENTS` is
/// `required`, that is an error.
#[expect(
    clippy::disallowed_methods,
    reason = "the real reader is asked, and CI says whether it must be there"
)]
#[expect(clippy::print_stderr, reason = "a check that is left out must be seen")]
pub(crate) fn ask(program: &str, arguments: &[&str], input: &[u8]) -> Option<std::process::Output> {
    use std::io::Write;
    use std::process::{Command, Stdio};

    let spawned = Command::new(program)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .env("LC_ALL", "C.UTF-8")
        .spawn();
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let required = std::env::var_os("CARGO_DEPLOY_CLIENTS").is_some_and(|value| value == "required");
            assert!(!required, "{program}: {error}, and CARGO_DEPLOY_CLIENTS=required");
            eprintln!("skipped: {program} not found");
            return None;
        }
    };
    let mut stdin = child.stdin.take().unwrap();
    // A program that has seen enough closes its end.
    let _ = stdin.write_all(input);
    drop(stdin);
    Some(child.wait_with_output().unwrap())
}

/// A directory with files for a program that wants them, removed at the end.
pub(crate) struct Directory(pub(crate) std::path::PathBuf);

#[expect(clippy::disallowed_methods, reason = "a program wants its input as files")]
impl Directory {
    pub(crate) fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("deploy-formats-{}-{name}", std::process::id()));
        std::fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    /// Writes a file and says where it is.
    pub(crate) fn file(&self, name: &str, content: &[u8]) -> String {
        let path = self.0.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, content).unwrap();
        path.to_str().unwrap().to_owned()
    }
}

impl Drop for Directory {
    #[expect(clippy::disallowed_methods, reason = "what the test wrote is taken away")]
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
