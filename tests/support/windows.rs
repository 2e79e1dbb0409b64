//! Projects for Windows, compiled through zig, and what runs their programs: wine.

use crate::support::clients::{self, find};
use crate::support::project::{Project, Ran, sysroot};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The triple that the projects are compiled for.
pub(crate) const TRIPLE: &str = "x86_64-pc-windows-gnullvm";

/// A project for Windows on x64 with these further lines in its manifest; `None` where it cannot be compiled.
pub(crate) fn project(formats: &[&str], manifest: &str) -> Option<Project> {
    find("zig")?;
    if !sysroot().join("lib/rustlib").join(TRIPLE).join("lib").is_dir() {
        clients::skip(&format!("the standard library for {TRIPLE}"));
        return None;
    }
    let project = Project::new();
    project.write(
        "Deploy.toml",
        format!(
            "schema = 1\n\n[targets]\nbuild = [\"windows-x64\"]\n\n[bundle.formats]\nwindows = {formats:?}\n\n{manifest}"
        ),
    );
    Some(project)
}

/// The program with zig within reach.
pub(crate) fn command(project: &Project, arguments: &[&str]) -> Command {
    let mut command = project.command(arguments);
    with_zig(&mut command, project);
    command
}

/// Puts zig within reach of a command of a project, where there is one.
pub(crate) fn with_zig(command: &mut Command, project: &Project) {
    if let Some(zig) = find("zig") {
        let tools = zig.parent().expect("a directory").display();
        command
            .env("PATH", format!("{}:{tools}", project.variable("PATH")))
            // zig makes C libraries when they are first asked for; the tests share them.
            .env("ZIG_GLOBAL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig"));
    }
}

/// Runs the program with zig within reach.
pub(crate) fn run(project: &Project, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
    let mut command = command(project, arguments);
    command.envs(variables.iter().copied());
    project.ran(command)
}

/// Runs words under wine, seen from a directory as `/work`, with the directory `prefix` in it as the Windows machine.
/// `None` where there is no wine.
pub(crate) fn wine(directory: &Path, words: &[&str]) -> Option<Output> {
    in_wine_root(directory, &[&["wine"], words].concat())
}

/// Runs lines of a shell beside wine, and gives what they print. `$C` is drive C of the Windows machine, and `run` tells how a
/// program under wine ended. `None` where there is no wine.
pub(crate) fn script(directory: &Path, lines: &str) -> Option<String> {
    let begin = "export WINEDLLOVERRIDES='mscoree=;mshtml=;winemenubuilder.exe=d'\nC=/work/prefix/drive_c\n\
         run() { wine \"$@\" 2>/dev/null; echo \"[$?]\"; }\n";
    std::fs::write(directory.join("script.sh"), format!("{begin}{lines}\nwineserver -w\n")).expect("write");
    let output = in_wine_root(directory, &["sh", "script.sh"])?;
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    Some(String::from_utf8_lossy(&output.stdout).replace('\r', ""))
}

fn in_wine_root(directory: &Path, words: &[&str]) -> Option<Output> {
    let Ok(provision) = std::env::var("CARGO_DEPLOY_PROVISION") else {
        clients::skip("wine (CARGO_DEPLOY_PROVISION is not set)");
        return None;
    };
    let mut command = Command::new("bash");
    command.args([&provision, "in-newer", "env", "WINEPREFIX=/work/prefix"]).args(words);
    Some(command.current_dir(directory).output().expect("it starts"))
}

/// A file of this name somewhere below a directory.
pub(crate) fn find_file(directory: &Path, name: &str) -> Option<PathBuf> {
    std::fs::read_dir(directory).ok()?.flatten().find_map(|entry| {
        let path = entry.path();
        if path.is_dir() { find_file(&path, name) } else { (entry.file_name() == name).then_some(path) }
    })
}
