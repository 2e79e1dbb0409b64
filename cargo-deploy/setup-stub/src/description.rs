//! What a setup.exe says about itself: the application, its files, and what is done beside copying them. It stands as JSON
//! in the container behind the program, and is what the record of an installation is made of.

use alloc::string::String;
use alloc::vec::Vec;
use serde::{Deserialize, Serialize};

/// The version of this description. A program reads no other.
pub const SCHEMA: u32 = 1;

/// The name of the record of an installation, in the installation's folder.
pub const RECORD: &str = "uninstall.json";

/// The folder, in the installation's, that new files are unpacked into and old ones are kept in until all is done.
pub const STAGING: &str = ".setup";

/// An installation, described.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Description {
    /// [`SCHEMA`].
    pub schema: u32,
    /// What the application is known by: the key in the list of installed programs.
    pub id: String,
    /// Its name, for people.
    pub name: String,
    /// Its version: semantic.
    pub version: String,
    /// Who publishes it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub publisher: Option<String>,
    /// Where to read about it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub homepage: Option<String>,
    /// Where to get help.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// Where to get newer versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updates: Option<String>,
    /// Who it is installed for.
    pub scope: Scope,
    /// The folder's name, below the folder of programs.
    pub directory: String,
    /// The folder in `%LOCALAPPDATA%` that a copy of the setup.exe is kept in, as `installer.exe`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache: Option<String>,
    /// What is started after the installation.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
    /// The language, where it is not the user's: `de`, `pt-BR`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// How many seconds the running application has to close before it is ended.
    pub close_seconds: u32,
    /// The file whose picture the list of installed programs shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// The file that is this program without a payload, which removes the application.
    pub uninstaller: String,
    /// Whether the folder is put on `PATH`.
    #[serde(default)]
    pub path: bool,
    /// The files, by path.
    pub files: Vec<File>,
    /// Shortcuts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shortcuts: Vec<Shortcut>,
    /// Values in the registry.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub registry: Vec<RegistryValue>,
    /// Kinds of files that a program opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub associations: Vec<Association>,
    /// Kinds of addresses that a program opens.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub protocols: Vec<Protocol>,
    /// Services, in an installation for everybody.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub services: Vec<Service>,
}

/// Who an application is installed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// One user.
    User,
    /// Everybody on the machine.
    Machine,
    /// Whoever installs it chooses.
    Choose,
}

/// A program that is started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Run {
    /// The program's path.
    pub program: String,
    /// Its arguments, as on a command line.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
}

/// A file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct File {
    /// Its path in the installation's folder, with slashes.
    pub path: String,
    /// Its length in bytes.
    pub size: u64,
    /// The SHA-256 of its bytes, in hexadecimal.
    pub sha256: String,
    /// What its blocks went through before they were compressed.
    #[serde(default, skip_serializing_if = "Filter::is_none")]
    pub filter: Filter,
    /// Where its bytes are in the container, in order. The record of an installation has none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocks: Vec<Block>,
}

/// Some bytes of a file, compressed by themselves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Block(
    /// Where it begins, counted from the beginning of the container.
    pub u64,
    /// How many bytes it has in the container. As many as unpacked: it is stored as it is.
    pub u32,
    /// How many bytes it has unpacked.
    pub u32,
);

/// What blocks go through before they are compressed, so that the same call has the same bytes wherever it stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Filter {
    /// Nothing.
    #[default]
    None,
    /// The filter of liblzma for x86 and x64.
    X86,
    /// The filter of liblzma for arm64.
    Arm64,
}

impl Filter {
    fn is_none(&self) -> bool {
        *self == Filter::None
    }
}

/// A shortcut.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Shortcut {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub place: Place,
    /// The folder, in the Start menu, that it stands in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<String>,
    /// The program that it starts, by its path.
    pub program: String,
    /// Arguments for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// What is shown when the pointer rests on it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The file that its picture is in, by its path; `None` for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Its AppUserModelID.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app_user_model_id: Option<String>,
}

/// Where a shortcut is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Place {
    /// In the Start menu.
    StartMenu,
    /// On the desktop.
    Desktop,
    /// In the folder of what starts when somebody signs in.
    Startup,
}

/// A value in the registry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RegistryValue {
    /// The hive.
    pub root: Root,
    /// The key below the hive, with backslashes.
    pub key: String,
    /// The value's name; `None` for the key's own value.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What it holds. `{install}` stands for the installation's folder.
    pub value: Value,
}

/// A hive of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Root {
    /// The machine's in an installation for everybody, otherwise the user's.
    Scope,
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_CURRENT_USER`.
    User,
}

/// What a value in the registry holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Value {
    /// `REG_SZ`.
    String(String),
    /// `REG_EXPAND_SZ`.
    ExpandString(String),
    /// `REG_DWORD`.
    Dword(u32),
}

/// A kind of file that a program opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Association {
    /// The end of the files' names, without the dot.
    pub extension: String,
    /// The key that describes the kind, below `Software\Classes`.
    pub class: String,
    /// What such a file is called.
    pub description: String,
    /// The program that opens it, by its path.
    pub program: String,
    /// Arguments for the program, with `%1` for the file.
    pub arguments: String,
    /// The file that the picture of such files is in, by its path; `None` for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icon: Option<String>,
    /// Its media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mime_type: Option<String>,
}

/// A kind of address that a program opens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Protocol {
    /// What stands before the colon.
    pub scheme: String,
    /// What such an address is called.
    pub description: String,
    /// The program that opens it, by its path.
    pub program: String,
    /// Arguments for the program, with `%1` for the address.
    pub arguments: String,
}

/// A service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Service {
    /// The name that Windows knows it by.
    pub name: String,
    /// The name that people read.
    pub title: String,
    /// What it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// The program that is the service, by its path.
    pub program: String,
    /// Arguments for the program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<String>,
    /// When it starts.
    pub start: Start,
    /// Who it runs as.
    pub account: Account,
    /// Services that have to run before it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub depends: Vec<String>,
}

/// When a service starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Start {
    /// With the machine, and when it is installed.
    Automatic,
    /// When something asks for it.
    Manual,
    /// Never.
    Disabled,
}

/// Who a service runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Account {
    /// `NT AUTHORITY\LocalService`.
    LocalService,
    /// `NT AUTHORITY\NetworkService`.
    NetworkService,
    /// `LocalSystem`.
    LocalSystem,
}

/// What was installed: kept beside it, and read by whoever removes or replaces it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Record {
    /// Whether it is there for everybody.
    pub machine: bool,
    /// What was installed, without the places of its bytes.
    pub description: Description,
}
