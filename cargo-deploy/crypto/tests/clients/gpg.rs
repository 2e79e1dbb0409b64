//! A home of gpg with keys that are made for a test.

use super::{Directory, find, run};
use std::path::PathBuf;

/// 2024-01-01: keys are made then unless a test says otherwise.
pub(crate) const CREATED: u64 = 1_704_067_200;
/// 2024-06-01: when the tests look at them.
pub(crate) const NOW: u64 = 1_717_200_000;

/// A home of gpg.
pub(crate) struct Home {
    program: PathBuf,
    pub(crate) directory: Directory,
}

impl Home {
    pub(crate) fn new() -> Option<Self> {
        use std::os::unix::fs::PermissionsExt as _;
        let program = find("gpg")?;
        let directory = Directory::new();
        std::fs::set_permissions(&directory.0, std::fs::Permissions::from_mode(0o700)).expect("permissions");
        Some(Home { program, directory })
    }

    /// Runs gpg at the moment `now`; it must succeed.
    pub(crate) fn gpg_at(&self, now: u64, arguments: &[&str], input: &[u8]) -> Vec<u8> {
        let time = format!("{now}!");
        let mut all =
            vec!["--batch", "--yes", "--no-tty", "--pinentry-mode", "loopback", "--faked-system-time", &time];
        all.extend(arguments);
        let (good, stdout, stderr) = run(&self.program, &all, &self.directory.0, input);
        assert!(good, "gpg {arguments:?}: {stderr}");
        stdout
    }

    pub(crate) fn gpg(&self, arguments: &[&str]) -> Vec<u8> {
        self.gpg_at(CREATED, arguments, b"")
    }

    /// Makes a key and gives its fingerprint.
    pub(crate) fn generate(&self, algorithm: &str, usage: &str, expire: &str, passphrase: &str) -> String {
        let name = format!("{algorithm} {usage} <{usage}@example.com>");
        let quick = ["--passphrase", passphrase, "--quick-generate-key", &name, algorithm, usage, expire];
        self.gpg(&quick);
        self.fingerprints(&name).remove(0)
    }

    /// The fingerprints of a key and its subkeys.
    pub(crate) fn fingerprints(&self, name: &str) -> Vec<String> {
        let list =
            String::from_utf8(self.gpg(&["--with-colons", "--list-keys", &format!("={name}")])).unwrap();
        Self::colons(&list)
    }

    pub(crate) fn subkeys(&self, fingerprint: &str) -> Vec<String> {
        let list = String::from_utf8(self.gpg(&["--with-colons", "--list-keys", fingerprint])).unwrap();
        Self::colons(&list).split_off(1)
    }

    fn colons(list: &str) -> Vec<String> {
        let lines = list.lines().filter_map(|line| line.strip_prefix("fpr:::::::::"));
        lines.map(|rest| rest.trim_end_matches(':').to_owned()).collect()
    }

    /// The secret key in armour.
    pub(crate) fn secret(&self, fingerprint: &str, passphrase: &str) -> Vec<u8> {
        self.gpg(&["--passphrase", passphrase, "--armor", "--export-secret-keys", fingerprint])
    }

    /// What `gpg --verify` says at the moment `now`, as its lines of status.
    pub(crate) fn status(&self, now: u64, arguments: &[&str], input: &[u8]) -> (bool, String) {
        let time = format!("{now}!");
        let mut all = vec!["--batch", "--no-tty", "--status-fd", "1", "--faked-system-time", &time];
        all.extend(arguments);
        let (good, stdout, stderr) = run(&self.program, &all, &self.directory.0, input);
        (good, String::from_utf8_lossy(&stdout).into_owned() + &stderr)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if let Some(program) = find("gpgconf") {
            run(&program, &["--kill", "all"], &self.directory.0, b"");
        }
    }
}
