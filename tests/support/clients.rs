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
