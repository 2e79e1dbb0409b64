//! `--offline` opens no socket: the real program in a network namespace without interfaces, and under `strace`.
#![expect(clippy::disallowed_methods, reason = "these tests run the program and what watches it")]

use super::Directory;
use crate::support::clients;
use crate::support::http::{Server, ok};
use cargo_deploy::bench::files;
use deploy_model::Sha256;
use std::process::Command;

/// A project with one asset, and a cache of its own.
struct Project {
    directory: Directory,
    server: Server,
}

const CONTENT: &[u8] = b"the content of an asset";

impl Project {
    fn new() -> Self {
        let directory = Directory::new();
        let server = Server::start(|_, _| ok(&[], CONTENT));
        files::create_directory(&directory.join("project/src")).expect("create");
        let write = |name: &str, text: &str| {
            files::replace(&directory.join("project").join(name), text.as_bytes()).expect("write");
        };
        write(
            "Cargo.toml",
            "[package]\nname = \"hello\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\n[workspace]\n",
        );
        write("src/main.rs", "fn main() {}\n");
        write(
            "Deploy.toml",
            &format!(
                "schema = 1\nbundle.formats = [\"tar.gz\"]\n\n[[asset]]\npath = \"resources/a.bin\"\nurl = \"{}\"\nsha256 = \"{}\"\n",
                server.url("/a.bin"),
                Sha256::of(CONTENT)
            ),
        );
        Project { directory, server }
    }

    /// Runs the program with arguments, inside `around`.
    fn run(&self, around: &[&str], arguments: &[&str]) -> (Option<i32>, String, String) {
        let words = [around, &[env!("CARGO_BIN_EXE_cargo-deploy"), "deploy"], arguments].concat();
        let output = Command::new(words[0])
            .args(&words[1..])
            .current_dir(self.directory.join("project"))
            .env("CARGO_DEPLOY_CACHE_DIR", self.directory.join("cache"))
            .env("CARGO_NET_OFFLINE", "false")
            .env_remove("CI")
            .env_remove("CARGO_DEPLOY_CLIENTS")
            .env_remove("CARGO_DEPLOY_PROVISION")
            .output()
            .expect("it can be started");
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).replace(self.directory.0.as_str(), "TEST");
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    }

    fn remove(&self, name: &str) {
        files::remove_directory(&self.directory.join(name)).expect("remove");
    }
}

/// How to run a program without a network; an empty list where this machine does not allow it.
fn without_network() -> Vec<&'static str> {
    let works = |words: &[&str]| {
        let result = Command::new(words[0]).args(&words[1..]).arg("true").output();
        result.is_ok_and(|output| output.status.success())
    };
    let ways = [&["unshare", "-rn"][..], &["unshare", "-n"]];
    let found = ways.into_iter().find(|way| works(way)).unwrap_or_default().to_vec();
    if found.is_empty() {
        clients::skip("a way to run without a network (unshare)");
    }
    found
}

#[test]
fn what_is_cached_or_vendored_is_there_without_any_network() {
    let network = without_network();
    if network.is_empty() {
        return;
    }
    let project = Project::new();
    let (status, stdout, stderr) = project.run(&[], &["assets", "fetch"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("resources/a.bin  23 bytes, from the network\n"), "{stdout}");

    let (status, stdout, stderr) = project.run(&network, &["assets", "fetch", "--offline"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("resources/a.bin  23 bytes, from the cache\n"), "{stdout}");

    let (status, stdout, stderr) = project.run(&network, &["vendor", "vendor", "--offline"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("1 asset in TEST/project/vendor\n"), "{stdout}");

    project.remove("cache");
    let (status, stdout, stderr) = project.run(&network, &["assets", "fetch", "--offline"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("resources/a.bin  23 bytes, from the vendored directory\n"), "{stdout}");
    let (status, stdout, stderr) = project.run(&network, &["assets", "verify", "--offline"]);
    assert_eq!(status, Some(0), "{stderr}");
    assert!(stdout.contains("resources/a.bin  as pinned, in the vendored directory\n"), "{stdout}");

    project.remove("project/vendor");
    let (status, _, stderr) = project.run(&network, &["assets", "fetch", "--offline"]);
    assert_eq!(status, Some(66), "{stderr}");
    assert!(
        stderr.contains(
            "it is neither in the cache nor in TEST/project/vendor, and nothing may be downloaded offline"
        ),
        "{stderr}"
    );
    assert_eq!(stderr.matches("failed to fetch").count(), 1, "a failure is told once: {stderr}");
    assert_eq!(project.server.requests().len(), 1);
}

#[test]
fn offline_no_socket_of_the_internet_is_opened() {
    // Without strace, that nobody was asked is all there is to see.
    let strace = clients::find("strace").is_some();
    let project = Project::new();
    let trace = project.directory.join("trace");
    let watch = ["strace", "-f", "-qq", "-e", "trace=socket,connect,sendto,sendmsg", "-o", trace.as_str()];
    let around: &[&str] = if strace { &watch } else { &[] };
    for (arguments, status) in [
        (&["assets", "fetch", "--offline"][..], 66),
        (&["assets", "verify", "--offline"], 66),
        (&["assets", "lock", "--offline"], 66),
        (&["vendor", "vendor", "--offline"], 66),
    ] {
        let (found, _, stderr) = project.run(around, arguments);
        assert_eq!(found, Some(status), "{arguments:?}: {stderr}");
        if strace {
            let calls = String::from_utf8(files::read(&trace).expect("a trace")).expect("text");
            let internet: Vec<&str> = calls.lines().filter(|line| line.contains("AF_INET")).collect();
            assert_eq!(internet, Vec::<&str>::new(), "{arguments:?}");
        }
    }
    assert_eq!(project.server.requests(), [], "nobody was asked");
}

#[test]
fn two_processes_that_want_the_same_download_it_once() {
    let project = Project::new();
    std::thread::scope(|scope| {
        for run in (0..4).map(|_| scope.spawn(|| project.run(&[], &["assets", "fetch"]))).collect::<Vec<_>>()
        {
            let (status, _, stderr) = run.join().expect("no panic");
            assert_eq!(status, Some(0), "{stderr}");
        }
    });
    assert_eq!(project.server.requests().len(), 1);
}
