//! The directory that an installer puts on `PATH`.

use crate::msi::draft::{Draft, INSTALL_DIRECTORY, PATH};
use crate::msi::installer::{InstallerProblem, Scope};

/// Rows of Environment. `=` writes it at installation, `-` takes it away at removal, `*` is the machine's environment, and
/// `[~]` stands for what is there already ("Environment Table" of the Windows Installer SDK).
pub(super) fn rows(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let Some(path) = &installer.path else { return };
    let Some(key) = draft.directories.get(&path.to_lowercase()).cloned() else {
        let problem = InstallerProblem::Target { what: "PATH".to_owned(), target: path.clone() };
        return draft.problems.push(problem);
    };
    debug_assert!(!path.is_empty() || key == INSTALL_DIRECTORY);
    let value = format!("[~];[{key}]");
    let variants: &[(&str, &str, Option<&str>)] = match installer.scope {
        Scope::Machine => &[("Path", "=-*PATH", None)],
        Scope::User => &[("Path", "=-PATH", None)],
        Scope::Choose => {
            &[("MachinePath", "=-*PATH", Some("ALLUSERS=1")), ("UserPath", "=-PATH", Some("NOT ALLUSERS=1"))]
        }
    };
    for (mark, name, condition) in variants {
        let component = draft.marked_component(mark, PATH, *condition);
        draft.row("Environment", [(*mark).into(), (*name).into(), value.as_str().into(), component.into()]);
    }
}
