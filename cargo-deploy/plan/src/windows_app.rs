//! The application as Windows knows it: `[windows]` and `[[component]]` with every default in.

use crate::manifest::{
    RegistryRoot, RegistryType, ResourcePolicy, ServiceAccount, ServiceStart, ShortcutPlace, Subsystem,
};
use deploy_model::RelPath;
use globset::GlobBuilder;
use schemars::JsonSchema;
use serde::Serialize;

/// What the programs say of themselves on Windows, and what installers do beside copying files.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct WindowsApp {
    /// Who publishes it.
    pub publisher: String,
    /// Its picture, relative to the workspace root: `.ico`, PNG or SVG.
    pub icon: Option<RelPath>,
    /// What is done with version, icon and manifest of the programs that are compiled.
    pub resources: ResourcePolicy,
    /// An application manifest of the project's own, relative to the workspace root.
    pub manifest: Option<RelPath>,
    /// Whether the programs must open a console.
    pub subsystem: Option<Subsystem>,
    /// Whether the programs must bring the C runtime inside them.
    pub static_crt: bool,
    /// Whether installers put the programs' directory on `PATH`.
    pub path: bool,
    /// Shortcuts.
    pub shortcuts: Vec<PlannedShortcut>,
    /// Values in the registry.
    pub registry: Vec<PlannedRegistryValue>,
    /// Kinds of files that a program opens.
    pub associations: Vec<PlannedAssociation>,
    /// Kinds of addresses that a program opens.
    pub protocols: Vec<PlannedProtocol>,
    /// Services.
    pub services: Vec<PlannedService>,
    /// Parts that a person can choose, in the order in which they are shown.
    pub components: Vec<PlannedComponent>,
}

impl WindowsApp {
    /// The component that a path of a package belongs to; `None` for what belongs to the application itself.
    pub fn component_of(&self, path: &str) -> Option<&PlannedComponent> {
        self.components.iter().find(|component| component.files.iter().any(|pattern| matches(pattern, path)))
    }
}

/// Whether a pattern means a path. Patterns have been read before, when the project was resolved.
fn matches(pattern: &str, path: &str) -> bool {
    GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(true)
        .build()
        .is_ok_and(|glob| glob.compile_matcher().is_match(path))
}

/// A shortcut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedShortcut {
    /// What it is called.
    pub name: String,
    /// The program that it starts, by its path in the package.
    pub program: RelPath,
    /// Where it is.
    pub place: ShortcutPlace,
    /// The folder of the Start menu that it stands in.
    pub folder: Option<String>,
    /// Arguments for the program.
    pub arguments: Option<String>,
    /// What is shown when the pointer rests on it.
    pub description: Option<String>,
    /// Its picture, relative to the workspace root; `None` for the program's.
    pub icon: Option<RelPath>,
    /// Its AppUserModelID.
    pub app_user_model_id: Option<String>,
}

/// A value in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedRegistryValue {
    /// The hive.
    pub root: RegistryRoot,
    /// The key below the hive.
    pub key: String,
    /// The value's name; `None` for the key's own value.
    pub name: Option<String>,
    /// What it holds, with `{install}` for the directory of the programs.
    pub value: String,
    /// Its type.
    #[serde(rename = "type")]
    pub kind: RegistryType,
}

/// A kind of file that a program opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedAssociation {
    /// The end of the files' names, without the dot.
    pub extension: String,
    /// The program that opens them, by its path in the package.
    pub program: RelPath,
    /// What such a file is called.
    pub description: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// Its picture, relative to the workspace root; `None` for the program's.
    pub icon: Option<RelPath>,
    /// Arguments for the program.
    pub arguments: String,
}

/// A kind of address that a program opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedProtocol {
    /// What stands before the colon.
    pub scheme: String,
    /// The program that opens them, by its path in the package.
    pub program: RelPath,
    /// What such an address is called.
    pub description: String,
    /// Arguments for the program.
    pub arguments: String,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedService {
    /// The name that Windows knows it by.
    pub name: String,
    /// The program that is the service, by its path in the package.
    pub program: RelPath,
    /// The name that people read.
    pub title: String,
    /// What it does.
    pub description: Option<String>,
    /// Arguments for the program.
    pub arguments: Option<String>,
    /// When it starts.
    pub start: ServiceStart,
    /// Who it runs as.
    pub account: ServiceAccount,
    /// Services that have to run before it.
    pub depends: Vec<String>,
}

/// A part of the application that a person can choose to install.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedComponent {
    /// Its id.
    pub id: String,
    /// The name that people read.
    pub title: String,
    /// One line about it.
    pub description: Option<String>,
    /// Patterns of paths in the package.
    pub files: Vec<String>,
    /// Whether it is installed when nobody says anything.
    pub by_default: bool,
}
