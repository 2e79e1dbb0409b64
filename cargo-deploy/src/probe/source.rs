//! Where the source stands: the commit, its time, and whether tracked files differ from it.

use crate::bench::process::{ProcessError, Program};
use camino::Utf8Path;
use deploy_model::release::SourceRevision;

/// What git says about a workspace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    /// Commit and dirtiness.
    pub revision: SourceRevision,
    /// When HEAD was committed, in seconds since 1970-01-01 UTC.
    pub committed: i64,
}

/// A checkout that git will not speak about.
#[derive(Debug, thiserror::Error)]
#[error("ask git where the source in {directory} stands")]
pub struct SourceError {
    /// The workspace's root directory.
    pub directory: camino::Utf8PathBuf,
    /// What git said.
    pub source: ProcessError,
}

/// What git says about the workspace in `root`: nothing without git, outside a repository, before the first commit,
/// or when the repository around it does not track its `Cargo.toml` (a scratch project below somebody's home that
/// is under git). `git` is the program's path.
pub fn source(git: Option<&Utf8Path>, root: &Utf8Path) -> Result<Option<Source>, SourceError> {
    let Some(git) = git else { return Ok(None) };
    if !root.ancestors().any(|directory| directory.join(".git").exists()) {
        return Ok(None);
    }
    let ask = |arguments: &[&str]| {
        // Looking must not write: without this, `git status` refreshes the index.
        let program = Program::new(git.as_str()).arg("--no-optional-locks").args(arguments.iter().copied());
        program.directory(root).run().map(|output| output.text())
    };
    // Each takes a few milliseconds, the third many in a large checkout.
    let (tracked, head, status) = std::thread::scope(|scope| {
        let tracked = scope.spawn(|| ask(&["ls-files", "--", "Cargo.toml"]));
        let head =
            scope.spawn(|| ask(&["log", "-1", "--no-show-signature", "--no-color", "--format=%H %ct"]));
        let status = ask(&["status", "--porcelain", "--untracked-files=no"]);
        let join = |thread: std::thread::ScopedJoinHandle<'_, _>| {
            thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
        };
        (join(tracked), join(head), status)
    });
    let failed = |source| SourceError { directory: root.to_owned(), source };
    if tracked.map_err(failed)?.is_empty() {
        return Ok(None);
    }
    // Files can be tracked before there is a commit.
    let Ok(head) = head else { return Ok(None) };
    let Some((revision, committed)) = head.split_once(' ') else { return Ok(None) };
    let Ok(committed) = committed.trim().parse() else { return Ok(None) };
    let dirty = !status.map_err(failed)?.is_empty();
    Ok(Some(Source { revision: SourceRevision { revision: revision.to_owned(), dirty }, committed }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::environment::Environment;
    use crate::bench::files;
    use crate::bench::process;
    use crate::probe::machine::testing::directory as test_directory;

    fn git() -> camino::Utf8PathBuf {
        let environment = Environment::read().expect("an environment");
        process::find("git", environment.get_os("PATH")).expect("the tests need git")
    }

    fn run(directory: &Utf8Path, arguments: &[&str]) {
        Program::new(git().as_str())
            .args(["-c", "user.name=A", "-c", "user.email=a@example.com", "-c", "commit.gpgsign=false"])
            .args(arguments.iter().copied())
            .env("GIT_COMMITTER_DATE", "1700000000 +0000")
            .directory(directory)
            .run()
            .expect("git");
    }

    #[test]
    fn a_checkout_is_clean_until_a_tracked_file_differs() {
        let root = test_directory("source");
        let git = git();
        assert_eq!(source(Some(&git), &root).expect("no repository"), None);
        run(&root, &["init", "-q"]);
        files::replace(&root.join("Cargo.toml"), b"").expect("write");
        assert_eq!(source(Some(&git), &root).expect("not tracked"), None);
        run(&root, &["add", "Cargo.toml"]);
        assert_eq!(source(Some(&git), &root).expect("no commit"), None);
        run(&root, &["commit", "-q", "-m", "one"]);
        let clean = source(Some(&git), &root).expect("asked").expect("tracked");
        assert_eq!(
            (clean.committed, clean.revision.dirty, clean.revision.revision.len()),
            (1_700_000_000, false, 40)
        );
        files::replace(&root.join("untracked"), b"").expect("write");
        assert_eq!(source(Some(&git), &root).expect("asked"), Some(clean.clone()));
        files::replace(&root.join("Cargo.toml"), b"[workspace]").expect("write");
        let dirty = source(Some(&git), &root).expect("asked").expect("tracked");
        assert!(dirty.revision.dirty);
        assert_eq!(dirty.revision.revision, clean.revision.revision);
        assert_eq!(source(None, &root).expect("without git"), None);
        files::remove_directory(&root).expect("clean");
    }
}
