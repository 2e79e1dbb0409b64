//! The shortcuts of an installer and their icons.

use std::collections::{BTreeMap, BTreeSet};

use crate::msi::Value;
use crate::msi::draft::{ComponentParts, DESKTOP, Draft, INSTALL_DIRECTORY, KeyPath};
use crate::msi::file_name::{self, ShortNames, identifier};
use crate::msi::installer::{InstallerProblem, Place, Shortcut};
use crate::msi::registry::literal;

/// Rows of Shortcut, Icon, MsiShortcutProperty and the folders that shortcuts are in.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let mut folders: BTreeMap<String, String> = BTreeMap::new();
    let mut short: BTreeMap<String, ShortNames> = BTreeMap::new();
    let mut seen = BTreeSet::new();
    let mut roots = BTreeSet::new();
    for shortcut in &installer.shortcuts {
        let what = || format!("the shortcut `{}`", shortcut.name);
        let Some(target) = draft.file(&shortcut.target, what) else { continue };
        let folder = match &shortcut.place {
            Place::StartMenu { folder: Some(folder) } => Some(folder.as_str()),
            Place::StartMenu { folder: None } | Place::Desktop | Place::Startup => None,
        };
        for name in [Some(shortcut.name.as_str()), folder].into_iter().flatten() {
            if let Some(problem) = file_name::problem(name) {
                let (path, name) = (shortcut.name.clone(), name.to_owned());
                draft.problems.push(InstallerProblem::Name { path, name, problem });
            }
        }
        let root = match shortcut.place {
            Place::StartMenu { .. } => "ProgramMenuFolder",
            Place::Desktop => "DesktopFolder",
            Place::Startup => "StartupFolder",
        };
        if roots.insert(root) {
            draft.row("Directory", [root.into(), "TARGETDIR".into(), ".".into()]);
        }
        let directory = match folder {
            Some(folder) => folders
                .entry(folder.to_lowercase())
                .or_insert_with(|| {
                    let key = identifier("m", &folder.to_lowercase());
                    let name = short.entry(root.to_owned()).or_default().pair(folder);
                    draft.row("Directory", [key.as_str().into(), root.into(), name.into()]);
                    key
                })
                .clone(),
            None => root.to_owned(),
        };
        if !seen.insert((directory.clone(), shortcut.name.to_lowercase())) {
            draft.problems.push(InstallerProblem::Twice { what: what() });
            continue;
        }
        let identity =
            format!("shortcut/{root}/{}/{}", folder.unwrap_or_default(), shortcut.name).to_lowercase();
        let value = identifier("r", &identity);
        let feature = if shortcut.place == Place::Desktop { DESKTOP } else { &target.feature };
        let component = draft.component(&ComponentParts {
            identity: &identity,
            // Not the shortcut's own: the desktop is never a directory to be removed when it is empty.
            directory: INSTALL_DIRECTORY,
            feature,
            condition: None,
            key: KeyPath::Registry(&value),
        });
        draft.mark(&value, &identity, "#1", &component);
        if folder.is_some() {
            draft.emptied.insert((directory.clone(), component.clone()));
        }
        // A shortcut's file has an extension that is not part of the name that is given here.
        let name = short.entry(directory.clone()).or_default().pair(&shortcut.name);
        let icon = icon(draft, shortcut, &identity);
        let key = identifier("s", &identity);
        let working = draft.directory_of(&shortcut.target);
        draft.row(
            "Shortcut",
            [
                key.as_str().into(),
                directory.into(),
                name.into(),
                component.into(),
                format!("[#{}]", target.key).into(),
                shortcut.arguments.as_deref().map(literal).into(),
                shortcut.description.clone().into(),
                Value::Null,
                icon.clone().into(),
                icon.map(|_| 0).into(),
                1.into(),
                working.into(),
            ],
        );
        if let Some(id) = &shortcut.app_user_model_id {
            let row = identifier("p", &identity);
            draft.row(
                "MsiShortcutProperty",
                [row.into(), key.into(), "System.AppUserModel.ID".into(), literal(id).into()],
            );
        }
    }
}

/// The key of a shortcut's own icon.
fn icon(draft: &mut Draft<'_>, shortcut: &Shortcut, identity: &str) -> Option<String> {
    let bytes = shortcut.icon.as_ref()?;
    if !is_icon(bytes) {
        let what = format!("the shortcut `{}`", shortcut.name);
        draft.problems.push(InstallerProblem::Icon { what });
    }
    if draft.installer.product.icon.as_ref() == Some(bytes) {
        return Some(PRODUCT_ICON.to_owned());
    }
    // Windows wants the extension to be that of the file it makes of it.
    let key = format!("{}.ico", identifier("i", identity));
    draft.row("Icon", [key.as_str().into(), Value::Stream(bytes.clone())]);
    Some(key)
}

/// The key of the product's icon.
pub(super) const PRODUCT_ICON: &str = "product.ico";

/// Whether bytes begin as an `.ico` does.
pub(super) fn is_icon(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 0, 1, 0]) && bytes.len() > 22
}
