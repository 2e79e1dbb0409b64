//! The features of an installer: what a person can choose.

use std::collections::BTreeSet;

use crate::msi::draft::{DESKTOP, Draft, INSTALL_DIRECTORY, MAIN, PATH};
use crate::msi::installer::InstallerProblem;

/// It cannot be deselected, and Windows offers no "when it is first used".
const ALWAYS: i32 = 16 | 8;
/// Windows offers no "when it is first used".
const CHOICE: i32 = 8;
/// Less than the level of the installation: selected.
pub(super) const ON: i32 = 1;
/// More than the level of the installation: not selected.
pub(super) const OFF: i32 = 1000;

/// Rows of Feature and Condition.
pub(super) fn features(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let mut order = 1;
    let mut row = |draft: &mut Draft<'_>,
                   id: &str,
                   title: &str,
                   description: Option<&str>,
                   level: i32,
                   attributes: i32| {
        // Below the feature that is always installed, so that `ADDLOCAL=Extra` means the program, too: what is named there
        // comes with all that is above it, and with nothing else.
        let parent = (id != MAIN).then_some(MAIN);
        // An even number would fold the part up at first.
        draft.row(
            "Feature",
            [
                id.into(),
                parent.into(),
                title.into(),
                description.into(),
                order.into(),
                level.into(),
                INSTALL_DIRECTORY.into(),
                attributes.into(),
            ],
        );
        order += 2;
    };
    let description = installer.product.description.as_deref();
    row(draft, MAIN, &installer.product.name, description, ON, ALWAYS);
    let mut seen = BTreeSet::new();
    for feature in &installer.features {
        let bad = |problem| InstallerProblem::FeatureId { id: feature.id.clone(), problem };
        let starts = feature.id.starts_with(|letter: char| letter.is_ascii_alphabetic() || letter == '_');
        let plain = |letter: char| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.';
        if !starts || !feature.id.chars().all(plain) || feature.id.len() > 38 {
            draft.problems.push(bad(
                "it must begin with a letter or `_` and have at most 38 letters, digits, `_` and `.`",
            ));
        }
        let lower = feature.id.to_lowercase();
        if [MAIN, PATH, DESKTOP, "ALL"].iter().any(|name| name.to_lowercase() == lower) {
            draft.problems.push(bad("the installer itself uses it"));
        }
        if !seen.insert(lower) {
            draft.problems.push(InstallerProblem::Twice { what: format!("the feature `{}`", feature.id) });
        }
        if !installer.files.iter().any(|file| file.feature.as_deref() == Some(&feature.id)) {
            draft.problems.push(InstallerProblem::EmptyFeature { id: feature.id.clone() });
        }
        let level = if feature.by_default { ON } else { OFF };
        row(draft, &feature.id, &feature.title, feature.description.as_deref(), level, CHOICE);
    }
    if installer.path.is_some() {
        let [title, description] =
            [installer.language.text("feature.path"), installer.language.text("feature.path-about")];
        row(draft, PATH, title, Some(description), ON, CHOICE);
        choice(draft, PATH, "ADDTOPATH", ON);
    }
    if installer.has_desktop_shortcut() {
        let [title, description] =
            [installer.language.text("feature.desktop"), installer.language.text("feature.desktop-about")];
        row(draft, DESKTOP, title, Some(description), ON, CHOICE);
        choice(draft, DESKTOP, "DESKTOPSHORTCUT", ON);
    }
}

/// Lets a property choose a feature: "0" against it, "1" for it.
fn choice(draft: &mut Draft<'_>, feature: &str, property: &'static str, level: i32) {
    let (other, value) = if level == ON { (OFF, "0") } else { (ON, "1") };
    let condition = format!("{property}=\"{value}\" AND NOT Installed");
    draft.row("Condition", [feature.into(), other.into(), condition.into()]);
    draft.secure.insert(property.to_owned());
}
