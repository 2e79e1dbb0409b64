//! Programs that other people open packages with. One that is not here is said; where `CARGO_DEPLOY_CLIENTS` is
//! `required`, it is an error.

use std::path::PathBuf;

/// Where a program is, if it is on PATH.
#[expect(clippy::print_stderr, reason = "a check that is left out must be seen")]
pub(crate) fn find(program: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found =
        std::env::split_paths(&path).map(|directory| directory.join(program)).find(|path| path.is_file());
    if found.is_none() {
        assert!(!required(), "{program} is not on PATH, and CARGO_DEPLOY_CLIENTS=required");
        eprintln!("skipped: {program} not found");
    }
    found
}

/// Says that a check is left out for want of something that is no program on PATH.
#[expect(clippy::print_stderr, reason = "a check that is left out must be seen")]
pub(crate) fn skip(what: &str) {
    assert!(!required(), "{what} not found, and CARGO_DEPLOY_CLIENTS=required");
    eprintln!("skipped: {what} not found");
}

fn required() -> bool {
    std::env::var_os("CARGO_DEPLOY_CLIENTS").is_some_and(|value| value == "required")
}

/// A directory with a minimal system of a Debian release, made once by mmdebstrap and kept in a cache outside the
/// repository. Only root can make and use one.
pub(crate) fn debian(name: &str, suite: &str) -> Option<PathBuf> {
    let home = std::env::var_os("CLIENTS_HOME")
        .map(PathBuf::from)
        .or_else(|| Some(PathBuf::from(std::env::var_os("HOME")?).join(".cache/cargo-deploy-clients")))?;
    let root = home.join(name);
    if root.join(".complete").exists() {
        return Some(root);
    }
    if !rustix::process::geteuid().is_root() {
        skip("a root of Debian, which only root can make,");
        return None;
    }
    let mmdebstrap = find("mmdebstrap")?;
    std::fs::create_dir_all(&home).expect("create");
    // Two tests may want the same one: the second makes its own, and the one that is complete first stays.
    let part = home.join(format!("{name}.{}", std::process::id()));
    let mut command = std::process::Command::new(mmdebstrap);
    command.args(["--quiet", "--variant=minbase", suite]).arg(&part);
    command.args(mirror().map(|mirror| format!("deb {mirror} {suite} main")));
    let output = command.output().expect("it runs");
    if !output.status.success() {
        let _ = std::fs::remove_dir_all(&part);
        skip(&format!("a root of {suite} ({})", String::from_utf8_lossy(&output.stderr).trim()));
        return None;
    }
    std::fs::write(part.join(".complete"), "").expect("write");
    if std::fs::rename(&part, &root).is_err() {
        let _ = std::fs::remove_dir_all(&part);
    }
    Some(root)
}

/// The mirror that this machine's own packages come from.
fn mirror() -> Option<String> {
    let files = ["/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list"];
    files.iter().filter_map(|file| std::fs::read_to_string(file).ok()).find_map(|text| {
        text.lines().find_map(|line| {
            let words: Vec<&str> = line.split_whitespace().collect();
            match words.as_slice() {
                ["URIs:", mirror, ..] => Some((*mirror).to_owned()),
                ["deb", rest @ ..] => {
                    rest.iter().find(|word| word.contains("://")).map(|word| (*word).to_owned())
                }
                _ => None,
            }
        })
    })
}
