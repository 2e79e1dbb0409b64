//! A project of a test's own, in a directory that is gone when the test has ended, and the program run in it with an
//! environment of its own: nothing of the machine's is seen but rustc, cargo and the C compiler.

use std::collections::BTreeMap;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

/// The moment that is written into everything: 2024-01-01.
pub(crate) const EPOCH: &str = "1704067200";

/// The program under test.
pub(crate) const PROGRAM: &str = env!("CARGO_BIN_EXE_cargo-deploy");

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// rustc's own directory, and what it says of its version.
static RUSTC: LazyLock<(String, String)> = LazyLock::new(|| {
    let ask = |argument: &[&str]| {
        let output = Command::new("rustc").args(argument).current_dir("/").output().expect("rustc runs");
        String::from_utf8(output.stdout).expect("UTF-8").trim().to_owned()
    };
    (ask(&["--print", "sysroot"]), ask(&["--version"]))
});

/// rustc's own directory.
pub(crate) fn sysroot() -> &'static Path {
    Path::new(&RUSTC.0)
}

/// The triple of the machine that the tests run on.
pub(crate) const HOST: &str = "x86_64-unknown-linux-gnu";

/// A directory of a test's own.
pub(crate) struct Scratch(pub(crate) PathBuf);

impl Scratch {
    /// A fresh, empty one.
    pub(crate) fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let path = std::env::temp_dir().join(format!("cargo-deploy-test-{}-{number}", std::process::id()));
        let _ = std::fs::remove_dir_all(&path);
        std::fs::create_dir_all(&path).expect("create");
        Scratch(path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// A project.
pub(crate) struct Project {
    scratch: Scratch,
    directory: String,
}

impl Project {
    /// A package `hello` 1.0.0 with one binary.
    pub(crate) fn new() -> Self {
        Self::named("project")
    }

    /// As [`Project::new`], in a directory with another name.
    pub(crate) fn named(directory: &str) -> Self {
        let project = Self::empty(directory);
        project.write(
            "Cargo.toml",
            "[package]\nname = \"hello\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\
             description = \"Says hello\"\nlicense = \"MIT\"\n\n[workspace]\n",
        );
        project.write("src/main.rs", "fn main() {\n    println!(\"hello\");\n}\n");
        project.write("README.md", "# hello\n");
        project.write("LICENSE", "Do what you like.\n");
        project.write("Cargo.lock", "version = 4\n\n[[package]]\nname = \"hello\"\nversion = \"1.0.0\"\n");
        project
    }

    /// A directory without anything in it.
    pub(crate) fn empty(directory: &str) -> Self {
        let scratch = Scratch::new();
        for name in [directory, "home", "bin", "temporary"] {
            std::fs::create_dir_all(scratch.0.join(name)).expect("create");
        }
        // What rustc links with, and nothing else of what the machine may have: no zig, no python.
        for program in ["cc", "gcc", "ld", "ar", "as", "git", "sh"] {
            for place in ["/usr/bin", "/bin"] {
                let path = Path::new(place).join(program);
                let link = scratch.0.join("bin").join(program);
                if path.exists() && !link.exists() {
                    std::os::unix::fs::symlink(path, link).expect("link");
                }
            }
        }
        Project { scratch, directory: directory.to_owned() }
    }

    /// The directory that stands for the machine: the project, a home, a cache.
    pub(crate) fn scratch(&self) -> &Path {
        &self.scratch.0
    }

    /// The project's directory.
    pub(crate) fn root(&self) -> PathBuf {
        self.scratch.0.join(&self.directory)
    }

    /// A path below the project's directory.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root().join(name)
    }

    /// The published release of `hello` 1.0.0.
    pub(crate) fn release(&self) -> PathBuf {
        self.path("target/deploy/hello-1.0.0")
    }

    /// Writes a file.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("create");
        std::fs::write(path, text).expect("write");
    }

    /// Reads a file.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        let path = self.path(name);
        std::fs::read(&path).unwrap_or_else(|error| panic!("read {}: {error}", path.display()))
    }

    /// Runs the program with these arguments, in the project's directory.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.ran(self.command(arguments))
    }

    /// The program with these arguments, not started.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        self.command_by(&[], arguments)
    }

    /// The program with these arguments, started by other words: `["sh", "-c", "umask 077; exec \"$0\" \"$@\""]`.
    pub(crate) fn command_by(&self, around: &[&str], arguments: &[&str]) -> Command {
        let words = [around, &[PROGRAM, "deploy"], arguments].concat();
        let mut command = Command::new(words[0]);
        command.args(&words[1..]).current_dir(self.root()).env_clear().envs(self.environment());
        command
    }

    /// A variable of the environment that the program runs with.
    pub(crate) fn variable(&self, name: &str) -> String {
        self.environment().remove(name).unwrap_or_default()
    }

    fn environment(&self) -> BTreeMap<&'static str, String> {
        let at = |name: &str| self.scratch.0.join(name).display().to_string();
        BTreeMap::from([
            ("PATH", format!("{}/bin:{}", RUSTC.0, at("bin"))),
            ("HOME", at("home")),
            ("CARGO_HOME", at("home/cargo")),
            ("CARGO_DEPLOY_CACHE_DIR", at("cache")),
            ("TMPDIR", at("temporary")),
            ("SOURCE_DATE_EPOCH", EPOCH.to_owned()),
            ("LC_ALL", "C".to_owned()),
        ])
    }

    /// Runs a command to its end.
    pub(crate) fn ran(&self, mut command: Command) -> Ran {
        let output = command.output().expect("it can be started");
        self.of(&output)
    }

    /// What a finished run said.
    pub(crate) fn of(&self, output: &Output) -> Ran {
        let text = |bytes: &[u8]| self.normalised(&String::from_utf8_lossy(bytes));
        Ran { code: output.status.code(), stdout: text(&output.stdout), stderr: text(&output.stderr) }
    }

    /// A text without what differs from machine to machine and from run to run.
    pub(crate) fn normalised(&self, text: &str) -> String {
        let mut text = text
            .replace(&self.scratch.0.display().to_string(), "[SCRATCH]")
            .replace(&RUSTC.1, "[RUSTC]")
            .replace(&RUSTC.0, "[SYSROOT]");
        text = times(&text);
        text
    }

    /// Every file, directory and link below a directory of the project: kind, mode, digest of the content.
    pub(crate) fn tree(&self, name: &str) -> BTreeMap<String, String> {
        tree(&self.path(name))
    }
}

/// How a run ended and what it said, normalised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Ran {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Ran {
    /// All of it, as one text.
    pub(crate) fn text(&self) -> String {
        let code = self.code.map_or_else(|| "none".to_owned(), |code| code.to_string());
        format!("exit code: {code}\n----- stdout -----\n{}----- stderr -----\n{}", self.stdout, self.stderr)
    }

    /// The same, when it went well.
    #[track_caller]
    pub(crate) fn good(self) -> Self {
        assert_eq!(self.code, Some(0), "{}", self.text());
        self
    }

    /// With the size of what was made left out, which is the compiler's affair.
    pub(crate) fn without_sizes(mut self) -> Self {
        self.stdout = sizes(&self.stdout);
        self.stderr = sizes(&self.stderr);
        self
    }
}

/// `(0.4 s)` becomes `([TIME])`.
fn times(text: &str) -> String {
    let mut result = String::new();
    let mut rest = text;
    while let Some(at) = rest.find('(') {
        let (before, from) = rest.split_at(at + 1);
        result.push_str(before);
        let digits = from.bytes().take_while(|byte| byte.is_ascii_digit() || *byte == b'.').count();
        if digits > 0 && from[digits..].starts_with(" s)") {
            result.push_str("[TIME]");
            rest = &from[digits + 2..];
        } else {
            rest = from;
        }
    }
    result.push_str(rest);
    result
}

/// `183.6 KiB` becomes `[SIZE]`.
fn sizes(text: &str) -> String {
    let mut words: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let unit = ["KiB", "MiB"].iter().find(|unit| word.starts_with(**unit));
        match (unit, words.last_mut()) {
            (Some(unit), Some(number)) if number.parse::<f64>().is_ok() => {
                *number = format!("[SIZE]{}", &word[unit.len()..]);
            }
            _ => words.push(word.to_owned()),
        }
    }
    words.join(" ")
}

/// Every file, directory and link below a directory: kind, mode, digest of the content.
pub(crate) fn tree(root: &Path) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    collect(root, root, &mut found);
    found
}

fn collect(root: &Path, directory: &Path, found: &mut BTreeMap<String, String>) {
    let Ok(entries) = std::fs::read_dir(directory) else { return };
    for entry in entries {
        let path = entry.expect("list").path();
        let metadata = std::fs::symlink_metadata(&path).expect("look");
        let name = path.strip_prefix(root).expect("below").display().to_string();
        let mode = metadata.permissions().mode() & 0o777;
        let what = if metadata.is_dir() {
            collect(root, &path, found);
            format!("directory {mode:03o}")
        } else if metadata.is_symlink() {
            format!("link to {}", std::fs::read_link(&path).expect("read").display())
        } else {
            let sha256 = deploy_model::Sha256::of(&std::fs::read(&path).expect("read"));
            format!("file {mode:03o} {sha256}")
        };
        found.insert(name, what);
    }
}

/// The inode of every file below a directory.
pub(crate) fn inodes(root: &Path) -> BTreeMap<String, u64> {
    let number = |name: &String| std::fs::symlink_metadata(root.join(name)).expect("look").ino();
    tree(root).into_keys().map(|name| (name.clone(), number(&name))).collect()
}

/// Copies a directory.
pub(crate) fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("create");
    for entry in std::fs::read_dir(from).expect("list") {
        let entry = entry.expect("list");
        let (path, place) = (entry.path(), to.join(entry.file_name()));
        if path.is_dir() {
            copy(&path, &place);
        } else {
            std::fs::copy(&path, &place).expect("copy");
        }
    }
}
