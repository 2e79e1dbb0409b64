//! The manifest after layers, defaults and checks: total. Nothing after this asks "and if it is absent?".

use crate::manifest::{Desktop, Metainfo, UnitScope};
use crate::target_table::Target;
use crate::windows_app::WindowsApp;
use camino::Utf8PathBuf;
use deploy_model::release::Requirement;
use deploy_model::{Format, GlibcVersion, RelPath, Sha256};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What is to be released.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Project {
    /// The application.
    pub app: App,
    /// The workspace's root directory, absolute.
    pub root: Utf8PathBuf,
    /// Cargo's target directory, absolute.
    pub target_directory: Utf8PathBuf,
    /// What cargo is asked for.
    pub cargo: CargoRequest,
    /// The binaries to ship, by package and name.
    pub binaries: Vec<Binary>,
    /// The targets, in the order in which they were asked for.
    pub targets: Vec<ProjectTarget>,
    /// Files that go into every package beside the binaries.
    pub files: Vec<PayloadFile>,
    /// Files to fetch.
    pub assets: Vec<Asset>,
    /// How hard compressors work.
    pub level: Level,
    /// The desktop entry, where there is to be one.
    pub desktop: Option<Desktop>,
    /// The AppStream metadata, where something was said about it.
    pub metainfo: Option<Metainfo>,
    /// The application as Windows knows it.
    pub windows: WindowsApp,
    /// Settings of packagers, by format.
    pub packages: BTreeMap<Format, serde_json::Value>,
    /// The files of the project that the settings of a packager name: by format, then by the name as it is written
    /// there.
    pub named_files: BTreeMap<Format, BTreeMap<String, RelPath>>,
    /// Settings of the signers that are to sign, by id.
    pub signers: BTreeMap<String, serde_json::Value>,
    /// Settings of the package repositories to make, by id.
    pub repositories: BTreeMap<String, serde_json::Value>,
    /// Settings of toolchains, by id.
    pub toolchains: BTreeMap<String, serde_json::Value>,
    /// The largest size allowed, in bytes, by format.
    pub max_size: BTreeMap<Format, u64>,
    /// Properties that the release must have.
    pub require: BTreeSet<Requirement>,
    /// What was asked for in general terms and is left out, with the reason.
    pub skipped: Vec<Skipped>,
}

/// Something that was asked for in general terms and is left out.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Skipped {
    /// What.
    pub what: String,
    /// Why.
    pub why: String,
}

/// The application as people see it.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct App {
    /// Name in file names.
    pub name: String,
    /// Name that people read.
    pub title: String,
    /// Version, from the package.
    pub version: String,
    /// Reverse-DNS identifier, where one is given.
    pub id: Option<String>,
    /// One line.
    pub description: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
    /// Authors as Cargo.toml has them.
    pub authors: Vec<String>,
    /// Home page, else the repository.
    pub homepage: Option<String>,
    /// Where its source is.
    pub repository: Option<String>,
    /// Its picture, relative to the workspace root.
    pub icon: Option<RelPath>,
}

/// What cargo is asked for, the same for every target.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct CargoRequest {
    /// `--profile`.
    pub profile: String,
    /// `--features`.
    pub features: Vec<String>,
    /// `--all-features`.
    pub all_features: bool,
    /// `--no-default-features`.
    pub no_default_features: bool,
    /// `--locked`.
    pub locked: bool,
    /// `--offline`.
    pub offline: bool,
    /// `-j`.
    pub jobs: Option<u32>,
    /// `--config` arguments.
    pub config: Vec<String>,
    /// What was given after `--`.
    pub arguments: Vec<String>,
}

/// A binary target of a package.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Binary {
    /// The package.
    pub package: String,
    /// The binary's name, without suffix.
    pub name: String,
}

/// A target to release for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct ProjectTarget {
    /// The row of the table of targets.
    #[serde(flatten)]
    pub target: Target,
    /// The glibc floor, where one was given.
    pub glibc: Option<GlibcVersion>,
    /// The lowest macOS, where one was given or the table has one.
    pub macos: Option<String>,
    /// The toolchain that was asked for, where one was.
    pub toolchain: Option<String>,
    /// The formats to make, each once.
    pub formats: Vec<Format>,
    /// Whether nobody asked for these formats: what cannot be made of them here is left out.
    pub formats_by_default: bool,
    /// Where in the manifest it was asked for.
    pub path: Option<String>,
}

/// What an entry of a package is for. Formats that know places for such things put it there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "role")]
pub enum Role {
    /// One of the application's binaries.
    Program,
    /// A file of the application, at its path.
    #[default]
    Resource,
    /// A document for people.
    Document,
    /// The text of a licence.
    License,
    /// What changed from version to version.
    Changelog,
    /// A manual page.
    Manual,
    /// A completion for a shell.
    Completion,
    /// A desktop entry of the project's own.
    DesktopEntry,
    /// AppStream metadata of the project's own.
    Metainfo,
    /// The application's picture.
    Icon,
    /// A file for its path from the root of the system.
    System {
        /// Its permission bits.
        mode: u32,
    },
    /// A configuration file, for its path from the root of the system.
    Config {
        /// Its permission bits.
        mode: u32,
    },
    /// A systemd unit.
    Unit(UnitPlan),
}

impl Role {
    /// Whether an archive holds such entries, too: it has no places for the others.
    pub fn is_for_archives(&self) -> bool {
        matches!(self, Role::Program | Role::Resource | Role::Document | Role::License)
    }
}

/// What is done with a systemd unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct UnitPlan {
    /// Whose it is.
    pub scope: UnitScope,
    /// Whether it is enabled when it is installed; `None` where its `[Install]` section decides.
    pub enable: Option<bool>,
    /// Whether it is started when it is installed.
    pub start: bool,
    /// Whether it is restarted when it is upgraded.
    pub restart_on_upgrade: bool,
}

/// A file of the project that goes into packages.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PayloadFile {
    /// Where it goes in the package.
    pub to: RelPath,
    /// Where it is, relative to the workspace root.
    pub from: RelPath,
    /// Whether it can be executed there.
    pub executable: bool,
    /// What it is for.
    pub role: Role,
}

/// Something to fetch.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Asset {
    /// Where it goes in the package: a file, or a directory when an archive is unpacked whole.
    pub path: RelPath,
    /// Where it comes from.
    pub origin: Origin,
    /// Digest of what is fetched, before unpacking.
    pub sha256: Sha256,
    /// Size of what is fetched, in bytes, where it is known.
    pub size: Option<u64>,
    /// The largest size that is accepted, in bytes.
    pub max_size: u64,
    /// How it is unpacked.
    pub unpack: Unpack,
    /// The one member of the archive that is wanted.
    pub member: Option<RelPath>,
    /// Leading path components taken off members.
    pub strip: u32,
    /// Whether the file can be executed.
    pub executable: bool,
    /// Names of the targets it is for; empty means all.
    pub targets: Vec<String>,
    /// Licence, where one is given.
    pub license: Option<String>,
}

/// Where an asset comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Origin {
    /// An `https:` (or loopback `http:`) address.
    Url(String),
    /// A file, relative to the workspace root.
    File(RelPath),
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Origin::Url(url) => f.write_str(url),
            Origin::File(path) => write!(f, "{path}"),
        }
    }
}

/// How an asset is unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize, JsonSchema)]
pub enum Unpack {
    /// Not at all: the file is the asset.
    #[default]
    #[serde(rename = "none")]
    None,
    /// A tar archive compressed by gzip.
    #[serde(rename = "tar.gz")]
    TarGz,
    /// A tar archive compressed by xz.
    #[serde(rename = "tar.xz")]
    TarXz,
    /// A tar archive compressed by zstd.
    #[serde(rename = "tar.zst")]
    TarZst,
    /// A zip archive.
    #[serde(rename = "zip")]
    Zip,
    /// One file compressed by gzip.
    #[serde(rename = "gz")]
    Gz,
    /// One file compressed by xz.
    #[serde(rename = "xz")]
    Xz,
    /// One file compressed by zstd.
    #[serde(rename = "zst", alias = "zstd")]
    Zst,
}

impl Unpack {
    /// Whether unpacking gives a tree and not one file.
    pub fn gives_tree(self) -> bool {
        matches!(self, Unpack::TarGz | Unpack::TarXz | Unpack::TarZst | Unpack::Zip)
    }
}

/// How hard compressors work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, serde::Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// For trying things out.
    Fast,
    /// The best size for reasonable time.
    #[default]
    Default,
    /// The smallest size, whatever it takes.
    Small,
}
