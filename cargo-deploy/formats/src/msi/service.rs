//! The services of an installer.

use std::collections::BTreeSet;

use crate::msi::Value;
use crate::msi::draft::Draft;
use crate::msi::file_name::identifier;
use crate::msi::installer::{InstallerProblem, Scope, ServiceAccount, ServiceStart};
use crate::msi::registry::literal;

/// A program of its own (`SERVICE_WIN32_OWN_PROCESS`).
const OWN_PROCESS: i32 = 0x10;
/// Windows writes it down and goes on when it does not start; the installation fails if it cannot be installed.
const NORMAL_AND_VITAL: i32 = 1 | 0x8000;
/// Started at installation.
const START: i32 = 1;
/// Stopped before files are replaced, stopped and deleted at removal.
const STOP_AND_DELETE: i32 = 2 | 32 | 128;

/// Rows of ServiceInstall and ServiceControl.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let mut seen = BTreeSet::new();
    for service in &installer.services {
        let what = || format!("the service `{}`", service.name);
        if installer.scope != Scope::Machine {
            draft.problems.push(InstallerProblem::ServiceScope { name: service.name.clone() });
        }
        let unusable = |letter: char| matches!(letter, '/' | '\\') || letter.is_control();
        if service.name.is_empty() || service.name.len() > 256 || service.name.contains(unusable) {
            draft.problems.push(InstallerProblem::ServiceName { name: service.name.clone() });
        }
        if !seen.insert(service.name.to_lowercase()) {
            draft.problems.push(InstallerProblem::Twice { what: what() });
            continue;
        }
        // Windows Installer starts the key path of the component that the service is in: the file itself.
        let Some(program) = draft.file(&service.target, what) else { continue };
        let start = match service.start {
            ServiceStart::Automatic => 2,
            ServiceStart::Manual => 3,
            ServiceStart::Disabled => 4,
        };
        let account = match service.account {
            ServiceAccount::LocalService => Some("NT AUTHORITY\\LocalService"),
            ServiceAccount::NetworkService => Some("NT AUTHORITY\\NetworkService"),
            ServiceAccount::LocalSystem => None,
        };
        // Each ends with a zero, and the list with another.
        let depends: String = service.depends.iter().map(|name| format!("{}[~]", literal(name))).collect();
        let depends = (!depends.is_empty()).then(|| format!("{depends}[~]"));
        let key = identifier("v", &service.name.to_lowercase());
        draft.row(
            "ServiceInstall",
            [
                key.as_str().into(),
                literal(&service.name).into(),
                literal(&service.title).into(),
                OWN_PROCESS.into(),
                start.into(),
                NORMAL_AND_VITAL.into(),
                Value::Null,
                depends.into(),
                account.into(),
                Value::Null,
                service.arguments.as_deref().map(literal).into(),
                program.component.as_str().into(),
                service.description.as_deref().map(literal).into(),
            ],
        );
        let event =
            if service.start == ServiceStart::Automatic { STOP_AND_DELETE | START } else { STOP_AND_DELETE };
        draft.row(
            "ServiceControl",
            [
                key.into(),
                literal(&service.name).into(),
                event.into(),
                Value::Null,
                1.into(),
                program.component.into(),
            ],
        );
    }
}
