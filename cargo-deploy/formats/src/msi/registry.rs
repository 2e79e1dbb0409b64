//! Values in the registry, and texts in which brackets mean something to Windows Installer.

use crate::msi::Value;
use crate::msi::draft::{ComponentParts, Draft, INSTALL_DIRECTORY, KeyPath, MAIN};
use crate::msi::file_name::identifier;
use crate::msi::installer::{InstallerProblem, RegistryData, Root, Scope};

/// A text that Windows Installer shall take as it stands ("Formatted" of the Windows Installer SDK).
pub(super) fn literal(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '[' | ']' | '{' | '}' => {
                escaped.push_str("[\\");
                escaped.push(character);
                escaped.push(']');
            }
            _ => escaped.push(character),
        }
    }
    escaped
}

/// A text with `{install}` for the directory. What Windows Installer puts there ends with a backslash, so that one which
/// stands behind it in the text is left away.
pub(super) fn with_directory(text: &str) -> String {
    let parts: Vec<&str> = text.split("{install}").collect();
    let mut written = String::new();
    for (index, part) in parts.iter().enumerate() {
        let part = if index > 0 { part.strip_prefix('\\').unwrap_or(part) } else { part };
        if index > 0 {
            written.push_str("[INSTALLDIR]");
        }
        written.push_str(&literal(part));
    }
    written
}

/// As the column `Value` of the table Registry has it: `#` at the start says what type it is.
pub(super) fn data(data: &RegistryData) -> Value {
    let text = match data {
        RegistryData::Text(text) if text.starts_with('#') => format!("#{}", with_directory(text)),
        RegistryData::Text(text) => with_directory(text),
        RegistryData::Expand(text) => format!("#%{}", with_directory(text)),
        RegistryData::Number(number) => format!("#{number}"),
    };
    text.into()
}

/// Rows of Registry for the values that the installer was told.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let mut seen = std::collections::BTreeSet::new();
    for value in &installer.registry {
        let root = match value.root {
            Root::Scope => draft.root(),
            Root::Machine => 2,
            Root::User => 1,
        };
        if root == 2 && installer.scope != Scope::Machine {
            draft.problems.push(InstallerProblem::MachineRegistry { key: value.key.clone() });
        }
        let key = value.key.trim_matches('\\');
        if key.is_empty() {
            draft.problems.push(InstallerProblem::Missing { what: "key for a value in the registry" });
            continue;
        }
        let name = value.name.as_deref().unwrap_or_default();
        let identity = format!("registry/{root}/{key}/{name}").to_lowercase();
        if !seen.insert(identity.clone()) {
            let what = format!("the value `{name}` of the key `{key}` in the registry");
            draft.problems.push(InstallerProblem::Twice { what });
            continue;
        }
        let row = identifier("r", &identity);
        let component = draft.component(&ComponentParts {
            identity: &identity,
            directory: INSTALL_DIRECTORY,
            feature: MAIN,
            condition: None,
            key: KeyPath::Registry(&row),
        });
        let name = value.name.as_deref().map(literal);
        draft.row(
            "Registry",
            [row.into(), root.into(), literal(key).into(), name.into(), data(&value.data), component.into()],
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_stand_in_the_registry_as_they_were_given() {
        assert_eq!(literal("a [b] {c}"), "a [\\[]b[\\]] [\\{]c[\\}]");
        assert_eq!(
            with_directory("\"{install}\\app.exe\" --in={install}"),
            "\"[INSTALLDIR]app.exe\" --in=[INSTALLDIR]"
        );
        let text = |text: &str| RegistryData::Text(text.to_owned());
        assert_eq!(data(&text("#1")), Value::from("##1"));
        assert_eq!(data(&RegistryData::Number(7)), Value::from("#7"));
        assert_eq!(data(&RegistryData::Expand("%TEMP%".to_owned())), Value::from("#%%TEMP%"));
    }
}
