//! One release for seven targets through zig, and the programs in it run by what runs them: this machine, qemu, wine.

mod appimage;
mod deb;
mod msi;
mod rpm;
mod setup;
mod squashfs;

use crate::support::clients;
use crate::support::project::{Project, sysroot};
use crate::support::snapshot::same;
use std::path::{Path, PathBuf};
use std::process::Command;

const TARGETS: [&str; 7] = [
    "linux-x64.2.17",
    "linux-arm64",
    "linux-x64-musl",
    "linux-arm64-musl",
    "windows-x64",
    "macos-universal",
    "wasm32-wasip1",
];

/// The triples that are compiled for them.
const TRIPLES: [&str; 8] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "x86_64-unknown-linux-musl",
    "aarch64-unknown-linux-musl",
    "x86_64-pc-windows-gnullvm",
    "x86_64-apple-darwin",
    "aarch64-apple-darwin",
    "wasm32-wasip1",
];

/// Unpacks an archive of the release and gives the directory with the program.
fn unpacked(project: &Project, triple: &str, format: &str) -> PathBuf {
    let name = format!("hello-1.0.0-{triple}");
    let archive = project.release().join(format!("{name}.{format}"));
    let place = project.scratch().join("home");
    let mut command = if format == "zip" { Command::new("unzip") } else { Command::new("tar") };
    command.args(if format == "zip" { ["-q"] } else { ["-xf"] }).arg(&archive).current_dir(&place);
    assert!(command.status().expect("it runs").success(), "{} opens", archive.display());
    place.join(name)
}

/// What a program says when started by these words in its directory.
fn said(directory: &Path, words: &[&str]) -> String {
    let output = Command::new(words[0]).args(&words[1..]).current_dir(directory).output().expect("it starts");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).replace('\r', "")
}

#[test]
fn seven_targets_are_made_by_one_command_and_run() {
    let Some(zig) = clients::find("zig") else { return };
    for triple in TRIPLES {
        if !sysroot().join("lib/rustlib").join(triple).join("lib").is_dir() {
            clients::skip(&format!("the standard library for {triple}"));
            return;
        }
    }
    let project = Project::new();
    project.write(
        "src/main.rs",
        "fn main() {\n    println!(\"hello from {} on {}\", std::env::consts::OS, std::env::consts::ARCH);\n}\n",
    );
    // Everything but the floor of this one glibc is written in the manifest; the other comes from it.
    let list: Vec<String> = TARGETS.iter().map(|target| format!("{target:?}")).collect();
    project.write(
        "Deploy.toml",
        format!("schema = 1\n\n[targets]\nbuild = [{}]\nglibc = \"2.17\"\n", list.join(", ")),
    );
    let mut command = project.command(&["bundle"]);
    let tools = zig.parent().expect("a directory").display();
    command
        .env("PATH", format!("{}:{tools}", project.variable("PATH")))
        // zig makes C libraries when they are first asked for; the tests share them.
        .env("ZIG_GLOBAL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig"));
    let ran = project.ran(command).good();
    let files = [
        "x86_64-unknown-linux-gnu.tar.gz",
        "aarch64-unknown-linux-gnu.tar.gz",
        "x86_64-unknown-linux-musl.tar.gz",
        "aarch64-unknown-linux-musl.tar.gz",
        "x86_64-pc-windows-gnullvm.zip",
        "universal2-apple-darwin.tar.gz",
        "wasm32-wasip1.tar.gz",
    ];
    same(&files.map(|file| format!("target/deploy/hello-1.0.0/hello-1.0.0-{file}\n")).concat(), &ran.stdout);
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    let native = unpacked(&project, "x86_64-unknown-linux-gnu", "tar.gz");
    same("hello from linux on x86_64\n", &said(&native, &["./hello"]));
    let musl = unpacked(&project, "x86_64-unknown-linux-musl", "tar.gz");
    same("hello from linux on x86_64\n", &said(&musl, &["./hello"]));
    if let Some(qemu) = clients::find("qemu-aarch64-static") {
        // The static one: a loader for the other is not everywhere.
        let arm64 = unpacked(&project, "aarch64-unknown-linux-musl", "tar.gz");
        same("hello from linux on aarch64\n", &said(&arm64, &[qemu.to_str().expect("UTF-8"), "./hello"]));
    }
    match std::env::var("CARGO_DEPLOY_PROVISION") {
        Ok(provision) => {
            let windows = unpacked(&project, "x86_64-pc-windows-gnullvm", "zip");
            let words = ["bash", &provision, "in-newer", "wine", "hello.exe"];
            same("hello from windows on x86_64\n", &said(&windows, &words));
        }
        Err(_) => clients::skip("wine (CARGO_DEPLOY_PROVISION is not set)"),
    }
}
