//! The tables of an installer while they are made.

use std::collections::{BTreeMap, BTreeSet};

use crate::msi::installer::{Installer, InstallerProblem, Scope};
use crate::msi::{Table, Value, directory, schema};

/// The feature that is always installed.
pub(super) const MAIN: &str = "Main";
/// The feature that puts a directory on `PATH`.
pub(super) const PATH: &str = "AddToPath";
/// The feature of shortcuts on the desktop.
pub(super) const DESKTOP: &str = "DesktopShortcut";
/// The directory of the product; people set it on the command line.
pub(super) const INSTALL_DIRECTORY: &str = "INSTALLDIR";

/// Tables, and what is known while they are filled.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) installer: &'a Installer,
    tables: BTreeMap<&'static str, Table>,
    pub(super) problems: Vec<InstallerProblem>,
    /// The keys of the installed files, with their components, by path in lower case.
    pub(super) files: BTreeMap<String, Placed>,
    /// The keys of the directories, by path in lower case with `/`; the product's own is "".
    pub(super) directories: BTreeMap<String, String>,
    /// Directories that must go when they are empty, with the component that removes them.
    pub(super) emptied: BTreeSet<(String, String)>,
    /// Properties that may be set on the command line and reach the part that has the rights.
    pub(super) secure: BTreeSet<String>,
}

/// Where a file came to be.
#[derive(Debug, Clone)]
pub(super) struct Placed {
    pub(super) key: String,
    pub(super) component: String,
    pub(super) feature: String,
}

/// What makes a component.
#[derive(Debug)]
pub(super) struct ComponentParts<'a> {
    /// What the component is, in other words than any other; its code follows from it.
    pub(super) identity: &'a str,
    pub(super) directory: &'a str,
    pub(super) feature: &'a str,
    pub(super) condition: Option<&'a str>,
    pub(super) key: KeyPath<'a>,
}

/// By what Windows Installer sees that a component is installed.
#[derive(Debug, Clone, Copy)]
pub(super) enum KeyPath<'a> {
    /// A file.
    File(&'a str),
    /// A row of the table Registry.
    Registry(&'a str),
}

/// The component's values are texts and numbers of the registry.
const REGISTRY_KEY_PATH: i32 = 4;
/// It belongs to the part of the registry and the file system for 64 bits.
const BITS64: i32 = 256;

impl<'a> Draft<'a> {
    pub(super) fn new(installer: &'a Installer) -> Self {
        Draft {
            installer,
            tables: BTreeMap::new(),
            problems: Vec::new(),
            files: BTreeMap::new(),
            directories: BTreeMap::new(),
            emptied: BTreeSet::new(),
            secure: BTreeSet::new(),
        }
    }

    /// Adds a row; the values stand in the order of the columns, and those that are missing at the end are null.
    pub(super) fn row<const N: usize>(&mut self, table: &'static str, values: [Value; N]) {
        let table = self
            .tables
            .entry(table)
            .or_insert_with(|| schema::table(table).unwrap_or_else(|| Table::new(table, Vec::new())));
        let mut row = Vec::from(values);
        row.resize(table.columns.len(), Value::Null);
        table.rows.push(row);
    }

    /// A table that has to be there without rows.
    pub(super) fn empty_table(&mut self, name: &'static str) {
        if let Some(table) = schema::table(name) {
            self.tables.entry(name).or_insert(table);
        }
    }

    /// Adds a property.
    pub(super) fn property(&mut self, name: &str, value: impl Into<String>) {
        self.row("Property", [name.into(), value.into().into()]);
    }

    pub(super) fn has(&self, table: &str) -> bool {
        self.tables.get(table).is_some_and(|table| !table.rows.is_empty())
    }

    /// Adds a component to a feature, and says its name.
    pub(super) fn component(&mut self, parts: &ComponentParts<'_>) -> String {
        let name = crate::msi::file_name::identifier("c", parts.identity);
        let (mut attributes, key) = match parts.key {
            KeyPath::File(key) => (0, key),
            KeyPath::Registry(key) => (REGISTRY_KEY_PATH, key),
        };
        if self.installer.architecture.is_64() {
            attributes |= BITS64;
        }
        let code = self.installer.code(&format!("component {}", parts.identity.to_lowercase()));
        let condition = parts.condition.map_or(Value::Null, Value::from);
        self.row(
            "Component",
            [
                name.as_str().into(),
                code.to_string().into(),
                parts.directory.into(),
                attributes.into(),
                condition,
                key.into(),
            ],
        );
        self.row("FeatureComponents", [parts.feature.into(), name.as_str().into()]);
        name
    }

    /// Adds a component that is a value in the registry: its name and that of the value. `mark` is the name under which the
    /// installer remembers it.
    pub(super) fn marked_component(&mut self, mark: &str, feature: &str, condition: Option<&str>) -> String {
        let value = crate::msi::file_name::identifier("r", &format!("mark/{mark}"));
        let component = self.component(&ComponentParts {
            identity: &format!("mark/{mark}"),
            directory: INSTALL_DIRECTORY,
            feature,
            condition,
            key: KeyPath::Registry(&value),
        });
        self.mark(&value, mark, "#1", &component);
        component
    }

    /// A value among those that the installer remembers.
    pub(super) fn mark(&mut self, key: &str, name: &str, data: &str, component: &str) {
        let (root, memory) = (self.root(), self.installer.memory());
        let name = crate::msi::registry::literal(name);
        self.row(
            "Registry",
            [key.into(), root.into(), memory.into(), name.into(), data.into(), component.into()],
        );
    }

    /// The hive for this scope, as the table Registry has it.
    pub(super) fn root(&self) -> i32 {
        match self.installer.scope {
            Scope::Machine => 2,
            Scope::User => 1,
            Scope::Choose => -1,
        }
    }

    /// Whether all that is installed lies in the profile of a user.
    pub(super) fn in_profile(&self) -> bool {
        self.installer.scope == Scope::User
    }

    /// The file at a path.
    pub(super) fn file(&mut self, path: &str, what: impl FnOnce() -> String) -> Option<Placed> {
        let placed = self.files.get(&path.to_lowercase()).cloned();
        if placed.is_none() {
            self.problems.push(InstallerProblem::Target { what: what(), target: path.to_owned() });
        }
        placed
    }

    /// The key of the directory that a file is in.
    pub(super) fn directory_of(&self, path: &str) -> String {
        let parent = directory::parent(path).to_lowercase();
        self.directories.get(&parent).cloned().unwrap_or_else(|| INSTALL_DIRECTORY.to_owned())
    }

    /// The tables that have rows.
    pub(super) fn finish(self) -> (Vec<Table>, Vec<InstallerProblem>) {
        let mut problems = self.problems;
        let mut seen = Vec::new();
        problems.retain(|problem| {
            let new = !seen.contains(problem);
            if new {
                seen.push(problem.clone());
            }
            new
        });
        (self.tables.into_values().collect(), problems)
    }
}
