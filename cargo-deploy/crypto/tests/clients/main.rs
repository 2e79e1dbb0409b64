//! Signatures against the programs that users verify them with: gpg, gpgv, sqv, minisign, openssl and osslsigncode.
#![expect(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "tests run programs, read what they write, and stop at what fails"
)]

mod authenticode;
mod certificates;
mod gpg;
mod minisign;
mod openpgp;
mod private_keys;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of its own, removed at the end.
struct Directory(PathBuf);

impl Directory {
    /// Short, because the sockets of gpg's agent lie in it and their paths are limited to about a hundred bytes.
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let name = format!("deploy-crypto-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
        let path = std::env::temp_dir().join(name);
        std::fs::create_dir_all(&path).expect("create");
        Directory(path)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) -> PathBuf {
        std::fs::write(self.path(name), content).expect("write");
        self.path(name)
    }

    fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).expect("read")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        drop(std::fs::remove_dir_all(&self.0));
    }
}

/// Where a program is, if it is on PATH; one that is not is said, and where `CARGO_DEPLOY_CLIENTS` is `required` it is
/// an error.
#[expect(clippy::print_stderr, reason = "a check that is left out must be seen")]
fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file());
    if found.is_none() {
        let required = std::env::var_os("CARGO_DEPLOY_CLIENTS").is_some_and(|value| value == "required");
        assert!(!required, "{program} is not on PATH, and CARGO_DEPLOY_CLIENTS=required");
        eprintln!("skipped: {program} not found");
    }
    found
}

/// Runs a program with its standard input; whether it succeeded, its standard output, its standard error.
fn run(program: &Path, arguments: &[&str], home: &Path, input: &[u8]) -> (bool, Vec<u8>, String) {
    use std::io::Write as _;
    let mut child = Command::new(program)
        .args(arguments)
        .env("GNUPGHOME", home)
        .env("LC_ALL", "C")
        .stdin(std::process::Stdio::piped())
        .stdout(std::process::Stdio::piped())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .expect("it starts");
    let mut stdin = child.stdin.take().expect("piped");
    let input = input.to_vec();
    // A program that reads nothing closes the pipe, which is its right.
    let writer = std::thread::spawn(move || drop(stdin.write_all(&input)));
    let output = child.wait_with_output().expect("it ends");
    writer.join().expect("written");
    (output.status.success(), output.stdout, String::from_utf8_lossy(&output.stderr).into_owned())
}
