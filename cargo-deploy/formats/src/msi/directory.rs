//! The directories of an installer: where the product goes, and what lies below it.

use std::collections::{BTreeMap, BTreeSet};

use crate::msi::draft::{Draft, INSTALL_DIRECTORY};
use crate::msi::file_name::{self, ShortNames, identifier};
use crate::msi::installer::{InstallerProblem, Scope};

/// What protects the product's directory: administrators and the system write, everybody and every sandboxed app reads.
/// `P` keeps what the directory above allows from coming through ("Security Descriptor String Format" of the Windows
/// documentation).
const ONLY_ADMINISTRATORS_WRITE: &str =
    "D:PAI(A;OICI;FA;;;SY)(A;OICI;FA;;;BA)(A;OICI;0x1200a9;;;BU)(A;OICI;0x1200a9;;;AC)";

/// The part of a path before the last `/`; "" if there is none.
pub(super) fn parent(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(parent, _)| parent)
}

/// The key of the directory around that of the product; 1 is the next one.
fn outer(distance: usize) -> String {
    format!("OuterFolder{distance}")
}

/// Rows of Directory.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let programs = installer.architecture.programs();
    draft.row("Directory", ["TARGETDIR".into(), crate::msi::Value::Null, "SourceDir".into()]);
    let mut above = programs;
    if installer.scope == Scope::User {
        draft.row("Directory", ["LocalAppDataFolder".into(), "TARGETDIR".into(), ".".into()]);
        draft.row("Directory", ["UserPrograms".into(), "LocalAppDataFolder".into(), "Programs".into()]);
        above = "UserPrograms";
    } else {
        draft.row("Directory", [programs.into(), "TARGETDIR".into(), ".".into()]);
    }
    let mut above = above.to_owned();
    let last = installer.directory.len().saturating_sub(1);
    if installer.directory.is_empty() {
        draft.problems.push(InstallerProblem::Missing { what: "directory to install into" });
    }
    for (index, name) in installer.directory.iter().enumerate() {
        if let Some(problem) = file_name::problem(name) {
            let (path, name) = (installer.directory.join("\\"), name.clone());
            draft.problems.push(InstallerProblem::Name { path, name, problem });
        }
        let key = if index == last { INSTALL_DIRECTORY.to_owned() } else { outer(last - index) };
        let name = ShortNames::default().pair(name);
        draft.row("Directory", [key.as_str().into(), above.as_str().into(), name.into()]);
        above = key;
    }
    draft.directories.insert(String::new(), INSTALL_DIRECTORY.to_owned());
    below(draft);
}

/// The directories in that of the product.
fn below(draft: &mut Draft<'_>) {
    // By the path in lower case, since that is what Windows compares; the first way of writing it stays.
    let mut paths: BTreeMap<String, &str> = BTreeMap::new();
    let mut files: Vec<&str> = draft.installer.files.iter().map(|file| file.path.as_str()).collect();
    files.sort_unstable();
    for file in &files {
        let mut path = parent(file);
        while !path.is_empty() {
            paths.entry(path.to_lowercase()).or_insert(path);
            path = parent(path);
        }
    }
    for file in files {
        if paths.contains_key(&file.to_lowercase()) {
            draft.problems.push(InstallerProblem::FileAndDirectory { path: file.to_owned() });
        }
    }
    // The names in one directory, so that short names differ.
    let mut siblings: BTreeMap<String, BTreeSet<&str>> = BTreeMap::new();
    for path in paths.values() {
        let name = path.rsplit('/').next().unwrap_or(path);
        siblings.entry(parent(path).to_lowercase()).or_default().insert(name);
    }
    let mut short: BTreeMap<String, ShortNames> =
        siblings.into_iter().map(|(parent, names)| (parent, ShortNames::of(names))).collect();
    for (lower, path) in paths {
        let above = parent(&lower).to_owned();
        let name = path.rsplit('/').next().unwrap_or(path);
        let key = identifier("d", &lower);
        let above_key = draft.directories.get(&above).cloned().unwrap_or_default();
        let pair = short.entry(above).or_default().pair(name);
        draft.row("Directory", [key.as_str().into(), above_key.into(), pair.into()]);
        draft.directories.insert(lower, key);
    }
}

/// Rows of RemoveFile, CreateFolder and MsiLockPermissionsEx: what becomes of directories.
pub(super) fn removals(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let component = draft.marked_component("Installed", crate::msi::draft::MAIN, None);
    // Where it is, for the version that comes after.
    draft.mark("r.InstallDirectory", "InstallDirectory", "[INSTALLDIR]", &component);
    let mut keys: BTreeSet<String> = draft.directories.values().cloned().collect();
    let last = installer.directory.len().saturating_sub(1);
    keys.extend((1..=last).map(outer));
    if installer.scope == Scope::User {
        keys.insert("UserPrograms".to_owned());
    }
    draft.emptied.extend(keys.into_iter().map(|key| (key, component.clone())));
    for (key, component) in std::mem::take(&mut draft.emptied) {
        let row = identifier("x", &key);
        draft
            .row("RemoveFile", [row.into(), component.into(), crate::msi::Value::Null, key.into(), 2.into()]);
    }
    // Windows removes what it created, in the order of the keys where it is wine: inside before outside.
    draft.row("CreateFolder", [INSTALL_DIRECTORY.into(), component.as_str().into()]);
    let mut around: Vec<String> = (1..=last).map(outer).collect();
    around.extend((installer.scope == Scope::User).then(|| "UserPrograms".to_owned()));
    for key in around {
        draft.row("CreateFolder", [key.into(), component.as_str().into()]);
    }
    if installer.scope != Scope::User {
        // A drive's root is never ours to lock.
        let for_machine = if installer.scope == Scope::Choose { "ALLUSERS=1 AND " } else { "" };
        let condition = format!("{for_machine}NOT (INSTALLDIR >> \":\\\")");
        draft.row(
            "MsiLockPermissionsEx",
            [
                "InstallDirectory".into(),
                INSTALL_DIRECTORY.into(),
                "CreateFolder".into(),
                ONLY_ADMINISTRATORS_WRITE.into(),
                condition.into(),
            ],
        );
    }
}
