//! `[windows]` and `[[component]]`: what an application brings along on Windows, whatever the installer.

use super::{Pattern, is_default};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What the programs say of themselves on Windows, and what installers do beside copying files.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Windows {
    /// Who publishes it, as the list of installed programs shows. Default: the first author, without the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["Example Ltd"]))]
    pub publisher: Option<String>,

    /// A picture for Windows, `.ico`, PNG or SVG, relative to the manifest. Default: `app.icon`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path", "examples" = ["assets/app.ico"]))]
    pub icon: Option<String>,

    /// What is done with version, icon and manifest of the programs that are compiled. Default: `fill`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resources: Option<ResourcePolicy>,

    /// An application manifest of your own, relative to the manifest, instead of ours: UTF-8, long paths, sharp on
    /// every display, with the rights of whoever starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub manifest: Option<String>,

    /// Whether the programs open a console. What is compiled must be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub subsystem: Option<Subsystem>,

    /// Whether the programs bring the C runtime of Visual Studio inside them. What is compiled must be so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub static_crt: Option<bool>,

    /// Whether installers put the programs' directory on `PATH`. Default: yes, if there is no shortcut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<bool>,

    /// Shortcuts in the Start menu and on the desktop.
    #[serde(default, rename = "shortcut", skip_serializing_if = "is_default")]
    pub shortcuts: Vec<Shortcut>,

    /// Values in the registry.
    #[serde(default, skip_serializing_if = "is_default")]
    pub registry: Vec<RegistryValue>,

    /// Kinds of files that a program opens.
    #[serde(default, rename = "association", skip_serializing_if = "is_default")]
    pub associations: Vec<Association>,

    /// Kinds of addresses that a program opens.
    #[serde(default, rename = "protocol", skip_serializing_if = "is_default")]
    pub protocols: Vec<Protocol>,

    /// Services that Windows runs.
    #[serde(default, rename = "service", skip_serializing_if = "is_default")]
    pub services: Vec<WindowsService>,
}

/// What is done with a resource that a program has already, or has not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ResourcePolicy {
    /// Nothing: the programs stay as they were compiled.
    Keep,
    /// What is missing is added.
    #[default]
    Fill,
    /// What is there is replaced.
    Replace,
}

/// Whether a program opens a console.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Subsystem {
    /// It runs in a console.
    Console,
    /// It has windows of its own and no console.
    Windows,
}

/// A shortcut.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shortcut {
    /// What it is called. Default: the application's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["Picker Wheel"]))]
    pub name: Option<String>,

    /// The binary that it starts, or another program by its path in the package. Default: the binary with the
    /// application's name, else the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub program: Option<String>,

    /// Where it is. Default: the Start menu.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<ShortcutPlace>,

    /// A folder of the Start menu to put it into. Default: none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub folder: Option<String>,

    /// Arguments for the program, as on a command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub arguments: Option<String>,

    /// What is shown when the pointer rests on it. Default: the application's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub description: Option<String>,

    /// Its picture, `.ico`, PNG or SVG, relative to the manifest. Default: the program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub icon: Option<String>,

    /// The id by which Windows groups the program's windows and notifications (AppUserModelID).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["Example.PickerWheel"]))]
    pub app_user_model_id: Option<String>,
}

/// Where a shortcut is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ShortcutPlace {
    /// In the Start menu.
    #[default]
    StartMenu,
    /// On the desktop.
    Desktop,
    /// In the folder of what starts when somebody signs in.
    Startup,
}

/// A value in the registry.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegistryValue {
    /// The hive. Default: the machine's for an installation per machine, the user's for one per user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub root: Option<RegistryRoot>,

    /// The key below the hive: `Software\Example`.
    #[schemars(extend("format" = "single-line", "examples" = ["Software\\Example\\Picker Wheel"]))]
    pub key: String,

    /// The value's name. Default: the key's own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub name: Option<String>,

    /// What it holds. `{install}` stands for the directory that the programs are in. In an MSI there is a backslash behind
    /// it where nothing follows.
    pub value: String,

    /// The value's type. Default: `string`.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    pub kind: Option<RegistryType>,
}

/// A hive of the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryRoot {
    /// The machine's for an installation per machine, the user's for one per user.
    #[default]
    Scope,
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_CURRENT_USER`.
    User,
}

/// The type of a value in the registry.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RegistryType {
    /// A text (`REG_SZ`).
    #[default]
    String,
    /// A text with variables in percent signs (`REG_EXPAND_SZ`).
    ExpandString,
    /// A number of 32 bits (`REG_DWORD`), written in decimal.
    Dword,
}

/// A kind of file that a program opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Association {
    /// The end of the files' names, without the dot.
    #[schemars(extend("format" = "file-extension", "examples" = ["wheel"]))]
    pub extension: String,

    /// The program that opens them. Default: as for shortcuts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub program: Option<String>,

    /// What such a file is called. Default: the extension in capitals and `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["Picker Wheel document"]))]
    pub description: Option<String>,

    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["application/x-wheel"]))]
    pub mime_type: Option<String>,

    /// The picture of such files, `.ico`, PNG or SVG, relative to the manifest. Default: the program's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub icon: Option<String>,

    /// Arguments for the program. Default: `"%1"`, which is the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub arguments: Option<String>,
}

/// A kind of address that a program opens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Protocol {
    /// What stands before the colon of such an address.
    #[schemars(extend("format" = "uri-scheme", "examples" = ["picker-wheel"]))]
    pub scheme: String,

    /// The program that opens them. Default: as for shortcuts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub program: Option<String>,

    /// What such an address is called. Default: the application's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub description: Option<String>,

    /// Arguments for the program. Default: `"%1"`, which is the address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub arguments: Option<String>,
}

/// A service that Windows runs. Installers for one user alone cannot install it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WindowsService {
    /// The name that Windows knows it by.
    #[schemars(extend("format" = "service-name", "examples" = ["PickerWheel"]))]
    pub name: String,

    /// The program that is the service. Default: as for shortcuts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub program: Option<String>,

    /// The name that people read. Default: the service's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub title: Option<String>,

    /// What it does. Default: the application's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub description: Option<String>,

    /// Arguments for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub arguments: Option<String>,

    /// When it starts. Default: with the machine.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<ServiceStart>,

    /// Who it runs as. Default: `local-service`, which may do little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<ServiceAccount>,

    /// Names of services that have to run before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true))]
    pub depends: Option<Vec<String>>,
}

/// When a service starts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceStart {
    /// With the machine, and when it is installed.
    #[default]
    Automatic,
    /// When something asks for it.
    Manual,
    /// Never, until an administrator says otherwise.
    Disabled,
}

/// Who a service runs as.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ServiceAccount {
    /// `NT AUTHORITY\LocalService`: few rights, anonymous on the network.
    #[default]
    LocalService,
    /// `NT AUTHORITY\NetworkService`: few rights, the machine on the network.
    NetworkService,
    /// `LocalSystem`: all rights.
    LocalSystem,
}

/// A part of the application that a person can choose to install.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Component {
    /// Its id: installers know it by this name, on command lines, too.
    #[schemars(extend("format" = "component-id", "examples" = ["Documentation"]))]
    pub id: String,

    /// The name that people read. Default: its id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub title: Option<String>,

    /// One line about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub description: Option<String>,

    /// Patterns of paths in the package. What no component names belongs to the application itself, which is always
    /// installed.
    #[schemars(with = "Vec<Pattern>", extend("examples" = [["docs/**"]]))]
    pub files: Vec<String>,

    /// Whether it is installed when nobody says anything. Default: yes.
    #[serde(default, rename = "default", skip_serializing_if = "Option::is_none")]
    pub by_default: Option<bool>,
}
