//! What an installer does, said in plain words: an [`Installer`] becomes the [`Database`] that Windows Installer reads.
//!
//! Nothing here runs code on somebody's machine: all is rows of tables that Windows Installer carries out itself and can
//! take back. The only custom actions set a property (type 51).

use std::collections::BTreeMap;
use std::fmt;

use thiserror::Error;

use crate::msi::dialogue::Dialogues;
use crate::msi::draft::Draft;
use crate::msi::file_name::FileNameProblem;
use crate::msi::language::Language;
use crate::msi::{Cabinet, Database, Guid, ProductVersion, Summary};
use crate::msi::{
    association, component, dialogue, directory, environment, file, property, registry, sequence, service,
    shortcut,
};

/// Everything about an installer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Installer {
    /// What is installed.
    pub product: Product,
    /// For whom.
    pub scope: Scope,
    /// For which processor.
    pub architecture: Architecture,
    /// In which language it speaks.
    pub language: Language,
    /// The folders below `Program Files`, or below the user's own programs, that the product is installed in: `["Vendor", "App"]`.
    pub directory: Vec<String>,
    /// The files, in any order.
    pub files: Vec<PayloadFile>,
    /// Parts that a person can choose, in the order in which they are shown. What belongs to none is always installed.
    pub features: Vec<Feature>,
    /// A directory, relative to the product's own, that is put on `PATH`; `""` is the product's own.
    pub path: Option<String>,
    /// Shortcuts.
    pub shortcuts: Vec<Shortcut>,
    /// Values in the registry.
    pub registry: Vec<RegistryValue>,
    /// Kinds of files that a program opens.
    pub associations: Vec<Association>,
    /// Kinds of addresses that a program opens.
    pub protocols: Vec<Protocol>,
    /// Services. Only in an installer of [`Scope::Machine`].
    pub services: Vec<Service>,
    /// The windows that are shown. Without them, Windows shows a bar of progress alone.
    pub dialogues: Option<Dialogues>,
    /// Whether the programs can use paths of more than 260 characters.
    pub long_paths: bool,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: u64,
}

/// What is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Product {
    /// As people call it.
    pub name: String,
    /// Its version.
    pub version: ProductVersion,
    /// Who makes it.
    pub publisher: String,
    /// What all versions of the product have in common, for ever.
    pub upgrade_code: Guid,
    /// One line about it.
    pub description: Option<String>,
    /// Whom to ask.
    pub contact: Option<String>,
    /// Where help is.
    pub help_url: Option<String>,
    /// Where to read about it.
    pub about_url: Option<String>,
    /// Where newer versions are.
    pub update_url: Option<String>,
    /// The bytes of an `.ico` for the list of installed programs and the dialogues.
    pub icon: Option<Vec<u8>>,
}

/// For whom a product is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Scope {
    /// For everybody who uses the machine, by an administrator, into `Program Files`.
    #[default]
    Machine,
    /// For the user alone, without any rights, into `%LOCALAPPDATA%\Programs`.
    User,
    /// The person chooses; the user alone if nobody says anything.
    Choose,
}

/// A processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Architecture {
    /// 32 bits.
    X86,
    /// 64 bits.
    X64,
    /// 64 bits.
    Arm64,
}

impl Architecture {
    /// As the template of the summary information has it.
    pub const fn template(self) -> &'static str {
        match self {
            Architecture::X86 => "Intel",
            Architecture::X64 => "x64",
            Architecture::Arm64 => "Arm64",
        }
    }

    pub(super) const fn is_64(self) -> bool {
        !matches!(self, Architecture::X86)
    }

    pub(super) const fn programs(self) -> &'static str {
        if self.is_64() { "ProgramFiles64Folder" } else { "ProgramFilesFolder" }
    }
}

/// A part that a person can choose.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Feature {
    /// What `ADDLOCAL` and `REMOVE` know it by: letters, digits, `_` and `.`, at most 38.
    pub id: String,
    /// As people read it.
    pub title: String,
    /// One line about it.
    pub description: Option<String>,
    /// Whether it is installed when nobody says anything.
    pub by_default: bool,
}

/// A file that is installed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PayloadFile {
    /// Relative to the product's directory, with `/` between names.
    pub path: String,
    /// In bytes.
    pub size: u64,
    /// The id of a [`Feature`]; `None` for what is always installed.
    pub feature: Option<String>,
    /// The version and the language that the file's own version resource says.
    pub version: Option<FileVersion>,
    /// The MD5 of its content, by which Windows sees that an unversioned file has been changed.
    pub md5: [u8; 16],
}

/// What a program or library says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileVersion {
    /// The file version, as the fixed part of `VERSIONINFO` has it.
    pub numbers: [u16; 4],
    /// The language of the strings, such as 1033; 0 for none.
    pub language: u16,
}

/// A shortcut.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Shortcut {
    /// What it is called, without `.lnk`.
    pub name: String,
    /// The path of the file that it opens.
    pub target: String,
    /// Where it is.
    pub place: Place,
    /// Arguments for the program.
    pub arguments: Option<String>,
    /// What is shown when the pointer rests on it.
    pub description: Option<String>,
    /// The bytes of an `.ico`; `None` for the program's own icon.
    pub icon: Option<Vec<u8>>,
    /// The id by which Windows groups the program's windows and notifications.
    pub app_user_model_id: Option<String>,
}

/// Where a shortcut is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// In the Start menu, or in a folder of it.
    StartMenu {
        /// Its name.
        folder: Option<String>,
    },
    /// On the desktop. A person can choose to have none.
    Desktop,
    /// In the folder of what starts when somebody signs in.
    Startup,
}

/// A value in the registry. `{install}` in a text stands for the product's directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegistryValue {
    /// The hive.
    pub root: Root,
    /// Below the hive: `Software\Example`.
    pub key: String,
    /// `None` for the key's own value.
    pub name: Option<String>,
    /// What it holds.
    pub data: RegistryData,
}

/// A hive of the registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Root {
    /// The machine's for an installation for everybody, the user's for one for the user.
    Scope,
    /// `HKEY_LOCAL_MACHINE`.
    Machine,
    /// `HKEY_CURRENT_USER`.
    User,
}

/// What a value in the registry holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RegistryData {
    /// `REG_SZ`.
    Text(String),
    /// `REG_EXPAND_SZ`.
    Expand(String),
    /// `REG_DWORD`.
    Number(u32),
}

/// A kind of file that a program opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Association {
    /// Without the dot.
    pub extension: String,
    /// What the registry knows the kind by: `Example.PickerWheel.wheel`.
    pub program_id: String,
    /// The path of the program that opens them.
    pub target: String,
    /// What such a file is called.
    pub description: String,
    /// Its media type.
    pub mime_type: Option<String>,
    /// The path of an installed `.ico`; `None` for the program's own icon.
    pub icon: Option<String>,
    /// Arguments for the program: `"%1"`.
    pub arguments: String,
}

/// A kind of address that a program opens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Protocol {
    /// What stands before the colon.
    pub scheme: String,
    /// The path of the program that opens them.
    pub target: String,
    /// What such an address is called.
    pub description: String,
    /// Arguments for the program: `"%1"`.
    pub arguments: String,
}

/// A service: started when it is installed if it starts with the machine, stopped for upgrades, removed with the product.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// The name that Windows knows it by.
    pub name: String,
    /// The path of the program.
    pub target: String,
    /// As people read it.
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

/// When a service starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceStart {
    /// With the machine, and when it is installed.
    Automatic,
    /// When something asks for it.
    Manual,
    /// Never.
    Disabled,
}

/// Who a service runs as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ServiceAccount {
    /// Few rights, anonymous on the network.
    LocalService,
    /// Few rights, the machine on the network.
    NetworkService,
    /// All rights.
    LocalSystem,
}

/// What [`tables()`] makes: the database, and which files go into which cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tables {
    /// Tables and summary; the package code of the summary follows from all of these and the files' digests.
    pub database: Database,
    /// The cabinets inside the package, in their order.
    pub cabinets: Vec<Cabinet>,
    /// Where the file of a key stands in [`Installer::files`].
    pub files: BTreeMap<String, usize>,
}

/// What is wrong with an installer.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InstallerProblem {
    /// A text that has to be there.
    #[error("the installer has no {what}")]
    Missing {
        /// What it is.
        what: &'static str,
    },
    /// A name in a path that Windows cannot have.
    #[error("`{path}` cannot be a file on Windows: `{name}`: {problem}")]
    Name {
        /// The path, or the name of a shortcut or folder.
        path: String,
        /// The name in it.
        name: String,
        /// Why.
        problem: FileNameProblem,
    },
    /// A path that is too long for programs that are not aware of long ones.
    #[error(
        "`{path}` has {length} characters when it is installed in `{place}`, and Windows takes at most 259 from programs whose manifest is not `longPathAware`"
    )]
    LongPath {
        /// Relative.
        path: String,
        /// Where it is installed by default.
        place: String,
        /// Of the whole.
        length: usize,
    },
    /// A file that a cabinet cannot hold.
    #[error(
        "`{path}` has {size} bytes, and a file in an MSI has less than 2 GiB (at most 2,147,450,880 bytes)"
    )]
    LargeFile {
        /// Which.
        path: String,
        /// In bytes.
        size: u64,
    },
    /// Two files whose paths differ in their capitals at most.
    #[error("`{first}` and `{second}` would be the same file on Windows")]
    SameFile {
        /// As given.
        first: String,
        /// As given.
        second: String,
    },
    /// One file in two parts.
    #[error("`{path}` belongs to `{first}` and to `{second}`; a file has one owner")]
    TwoOwners {
        /// Which.
        path: String,
        /// The id of a feature.
        first: String,
        /// The id of a feature.
        second: String,
    },
    /// A name that is there as a file and as a directory.
    #[error("`{path}` is a file and a directory")]
    FileAndDirectory {
        /// Which.
        path: String,
    },
    /// A feature that nobody described.
    #[error("`{path}` belongs to `{feature}`, which is no feature of the installer")]
    UnknownFeature {
        /// Of a file.
        path: String,
        /// As given.
        feature: String,
    },
    /// A name of a feature that cannot be.
    #[error("`{id}` cannot be the id of a feature: {problem}")]
    FeatureId {
        /// As given.
        id: String,
        /// Why.
        problem: &'static str,
    },
    /// A feature without files.
    #[error("the feature `{id}` has no files")]
    EmptyFeature {
        /// Which.
        id: String,
    },
    /// Something that starts a file that is not installed.
    #[error("{what} starts `{target}`, which is not among the installed files")]
    Target {
        /// `the shortcut "App"`.
        what: String,
        /// A path.
        target: String,
    },
    /// Two of the same.
    #[error("{what} is there twice")]
    Twice {
        /// `the service "app"`.
        what: String,
    },
    /// A service in an installer that has no rights to install one.
    #[error(
        "the service `{name}` needs an installer for the machine: only administrators can install services"
    )]
    ServiceScope {
        /// Which.
        name: String,
    },
    /// A name of a service that cannot be.
    #[error("`{name}` cannot be the name of a service: at most 256 characters without `/` and `\\`")]
    ServiceName {
        /// As given.
        name: String,
    },
    /// A value in a hive that a user cannot write to.
    #[error("`{key}` is in HKEY_LOCAL_MACHINE, which an installer for one user cannot write to")]
    MachineRegistry {
        /// Which.
        key: String,
    },
    /// An extension or scheme with characters that cannot be.
    #[error("`{name}` cannot be the name of a kind of {kind}")]
    Kind {
        /// As given.
        name: String,
        /// `file` or `address`.
        kind: &'static str,
    },
    /// A picture that is none.
    #[error("the picture of {what} is not an .ico")]
    Icon {
        /// `the product`, `the shortcut "App"`.
        what: String,
    },
    /// Nothing to install.
    #[error("there are no files to install")]
    NoFiles,
    /// Tables that would not work; a mistake in what made them.
    #[error("{problem}")]
    Check {
        /// As [`check`](crate::msi::check) says it.
        problem: crate::msi::CheckProblem,
    },
}

impl Installer {
    /// The product code: the same for one version, architecture, scope and language of a product.
    pub fn product_code(&self) -> Guid {
        self.code(&format!("product {} {}", self.product.version, self.language.id()))
    }

    /// A code that stays the same as long as the product, its architecture and its scope do.
    pub(super) fn code(&self, name: &str) -> Guid {
        let architecture = self.architecture.template();
        Guid::named(self.product.upgrade_code, &format!("{architecture} {} {name}", self.scope))
    }

    /// The key in the registry in which the installer remembers what it did.
    pub(super) fn memory(&self) -> String {
        let plain = |text: &str| registry::literal(&text.replace('\\', "-"));
        format!("Software\\{}\\{}", plain(&self.product.publisher), plain(&self.product.name))
    }

    /// Whether there is anything that a person can choose.
    pub(super) fn has_choices(&self) -> bool {
        !self.features.is_empty() || self.path.is_some() || self.has_desktop_shortcut()
    }

    pub(super) fn has_desktop_shortcut(&self) -> bool {
        self.shortcuts.iter().any(|shortcut| shortcut.place == Place::Desktop)
    }
}

impl fmt::Display for Scope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Scope::Machine => "machine",
            Scope::User => "user",
            Scope::Choose => "choose",
        })
    }
}

/// The tables of an installer, and the order of its files. They have passed [`check`](crate::msi::check()).
///
/// # Errors
///
/// All that is wrong, at once.
pub fn tables(installer: &Installer) -> Result<Tables, Vec<InstallerProblem>> {
    let mut draft = Draft::new(installer);
    directory::rows(&mut draft);
    component::features(&mut draft);
    let (cabinets, files) = file::rows(&mut draft);
    environment::rows(&mut draft);
    shortcut::rows(&mut draft);
    registry::rows(&mut draft);
    association::rows(&mut draft);
    service::rows(&mut draft);
    directory::removals(&mut draft);
    property::rows(&mut draft);
    dialogue::rows(&mut draft);
    sequence::rows(&mut draft);
    let (tables, mut problems) = draft.finish();
    let mut database = Database { tables, streams: Vec::new(), summary: summary(installer) };
    if problems.is_empty() {
        database.summary.package_code = package_code(&database, installer);
        problems.extend(
            crate::msi::check(&database).into_iter().map(|problem| InstallerProblem::Check { problem }),
        );
    }
    if problems.is_empty() { Ok(Tables { database, cabinets, files }) } else { Err(problems) }
}

fn summary(installer: &Installer) -> Summary {
    let product = &installer.product;
    let user = installer.scope == Scope::User;
    Summary {
        title: "Installation Database".to_owned(),
        subject: product.name.clone(),
        author: product.publisher.clone(),
        keywords: "Installer".to_owned(),
        comments: format!("Installs {} {}", product.name, product.version),
        template: format!("{};{}", installer.architecture.template(), installer.language.id()),
        package_code: Guid::default(),
        created: installer.created,
        // 5.0 came with Windows 7; Arm64, MsiLockPermissionsEx and packages for machine or user need it.
        installer_version: 500,
        // Compressed, with long names; 8 is "asks for no rights".
        source: if user { 2 | 8 } else { 2 },
        security: 2,
        application: concat!("cargo-deploy ", env!("CARGO_PKG_VERSION")).to_owned(),
    }
}

/// Another code for other tables or other files.
fn package_code(database: &Database, installer: &Installer) -> Guid {
    let mut digests: Vec<String> =
        installer.files.iter().map(|file| format!("{} {} {:02x?}", file.path, file.size, file.md5)).collect();
    digests.sort();
    // The tables hold no addresses nor anything else that differs from run to run.
    installer.code(&format!("package {:?} {:?} {digests:?}", database.tables, database.summary))
}

#[cfg(test)]
mod tests;
