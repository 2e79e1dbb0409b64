//! Kinds of files and addresses that a program opens, as rows of the registry (docs/design/msi-installer.md says why not by
//! the tables Extension, ProgId and Verb).

use std::collections::BTreeSet;

use crate::msi::Value;
use crate::msi::draft::{ComponentParts, Draft, INSTALL_DIRECTORY, KeyPath, Placed};
use crate::msi::file_name::identifier;
use crate::msi::installer::{Association, InstallerProblem, Protocol};
use crate::msi::registry::literal;

/// Where the shell looks for kinds.
const CLASSES: &str = "Software\\Classes";

/// Rows of Registry, AppSearch and RegLocator.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let mut seen = BTreeSet::new();
    for (index, association) in installer.associations.iter().enumerate() {
        let plain = |letter: char| letter.is_ascii_alphanumeric() || "_+-".contains(letter);
        let name = association.extension.clone();
        if name.is_empty() || !name.chars().all(plain) {
            draft.problems.push(InstallerProblem::Kind { name, kind: "file" });
        } else if !seen.insert(name.to_lowercase()) {
            draft.problems.push(InstallerProblem::Twice { what: format!("the kind of file `.{name}`") });
        } else {
            files(draft, association, index);
        }
    }
    seen.clear();
    for protocol in &installer.protocols {
        let name = protocol.scheme.clone();
        let starts = name.starts_with(|letter: char| letter.is_ascii_lowercase());
        let plain =
            |letter: char| letter.is_ascii_lowercase() || letter.is_ascii_digit() || "+.-".contains(letter);
        if !starts || !name.chars().all(plain) {
            draft.problems.push(InstallerProblem::Kind { name, kind: "address" });
        } else if !seen.insert(name.clone()) {
            draft.problems.push(InstallerProblem::Twice { what: format!("the kind of address `{name}:`") });
        } else {
            addresses(draft, protocol);
        }
    }
    if !installer.associations.is_empty() || !installer.protocols.is_empty() {
        capabilities(draft);
    }
}

/// A value below a component's first, which is its key path.
struct Values {
    root: i32,
    identity: String,
    component: String,
}

impl Values {
    fn new(draft: &mut Draft<'_>, identity: &str, feature: &str, condition: Option<&str>) -> Self {
        let first = identifier("r", &format!("{identity}/0"));
        let component = draft.component(&ComponentParts {
            identity,
            directory: INSTALL_DIRECTORY,
            feature,
            condition,
            key: KeyPath::Registry(&first),
        });
        Values { root: draft.root(), identity: identity.to_owned(), component }
    }

    /// All values, the key path first.
    fn rows(self, draft: &mut Draft<'_>, rows: Vec<(String, Option<String>, Value)>) {
        for (index, (key, name, value)) in rows.into_iter().enumerate() {
            let row = identifier("r", &format!("{}/{index}", self.identity));
            draft.row(
                "Registry",
                [
                    row.into(),
                    self.root.into(),
                    key.into(),
                    name.into(),
                    value,
                    self.component.as_str().into(),
                ],
            );
        }
    }
}

fn command(program: &Placed, arguments: &str) -> Value {
    format!("\"[#{}]\" {}", program.key, literal(arguments)).trim_end().into()
}

fn files(draft: &mut Draft<'_>, association: &Association, index: usize) {
    let what = || format!("the kind of file `.{}`", association.extension);
    let Some(program) = draft.file(&association.target, what) else { return };
    let icon = match &association.icon {
        Some(path) => {
            let Some(icon) = draft.file(path, what) else { return };
            format!("\"[#{}]\"", icon.key)
        }
        None => format!("\"[#{}]\",0", program.key),
    };
    let id = literal(&association.program_id);
    let extension = format!("{CLASSES}\\.{}", association.extension);
    let kind = format!("{CLASSES}\\{id}");
    let mut rows = vec![
        (kind.clone(), None, literal(&association.description).into()),
        (format!("{kind}\\DefaultIcon"), None, icon.into()),
        (format!("{kind}\\shell\\open\\command"), None, command(&program, &association.arguments)),
        // Among those that a person can choose from; a value without data.
        (format!("{extension}\\OpenWithProgids"), Some(id.clone()), Value::Null),
    ];
    if let Some(mime) = &association.mime_type {
        rows.push((extension.clone(), Some("Content Type".to_owned()), literal(mime).into()));
    }
    let identity = format!("association/{}", association.extension.to_lowercase());
    Values::new(draft, &identity, &program.feature, None).rows(draft, rows);
    // The program opens such files without being asked for, where nothing else does: what is there is not taken away.
    let (property, signature) = (format!("ASSOCIATION{index}"), format!("Association{index}"));
    draft.row("AppSearch", [property.as_str().into(), signature.as_str().into()]);
    draft.secure.insert(property.clone());
    let place = format!(".{}", association.extension);
    let locator_type = locator(draft);
    draft.row("RegLocator", [signature.into(), 0.into(), place.into(), Value::Null, locator_type]);
    let condition = format!("NOT {property} OR {property}=\"{}\"", association.program_id);
    let identity = format!("default-association/{}", association.extension.to_lowercase());
    let rows = vec![(extension, None, id.into())];
    Values::new(draft, &identity, &program.feature, Some(&condition)).rows(draft, rows);
}

/// A value as it stands, of the registry for 64 bits where that is ours.
pub(super) fn locator(draft: &Draft<'_>) -> Value {
    (if draft.installer.architecture.is_64() { 2 | 16 } else { 2 }).into()
}

fn addresses(draft: &mut Draft<'_>, protocol: &Protocol) {
    let what = || format!("the kind of address `{}:`", protocol.scheme);
    let Some(program) = draft.file(&protocol.target, what) else { return };
    let kind = format!("{CLASSES}\\{}", protocol.scheme);
    let rows = vec![
        (kind.clone(), None, format!("URL:{}", literal(&protocol.description)).into()),
        (kind.clone(), Some("URL Protocol".to_owned()), Value::Null),
        (format!("{kind}\\DefaultIcon"), None, format!("\"[#{}]\",0", program.key).into()),
        (format!("{kind}\\shell\\open\\command"), None, command(&program, &protocol.arguments)),
    ];
    let identity = format!("protocol/{}", protocol.scheme);
    Values::new(draft, &identity, &program.feature, None).rows(draft, rows);
}

/// What the settings of Windows show under "default apps".
fn capabilities(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let product = &installer.product;
    let key = format!("{}\\Capabilities", installer.memory());
    let about = product.description.as_deref().unwrap_or(&product.name);
    let mut rows = vec![
        (key.clone(), Some("ApplicationName".to_owned()), literal(&product.name).into()),
        (key.clone(), Some("ApplicationDescription".to_owned()), literal(about).into()),
    ];
    for association in &installer.associations {
        let (name, id) = (format!(".{}", association.extension), literal(&association.program_id));
        rows.push((format!("{key}\\FileAssociations"), Some(name), id.into()));
    }
    for protocol in &installer.protocols {
        rows.push((
            format!("{key}\\URLAssociations"),
            Some(protocol.scheme.clone()),
            protocol.scheme.as_str().into(),
        ));
    }
    let registered = "Software\\RegisteredApplications".to_owned();
    rows.push((registered, Some(literal(&product.name)), key.into()));
    let feature = crate::msi::draft::MAIN;
    Values::new(draft, "capabilities", feature, None).rows(draft, rows);
}
