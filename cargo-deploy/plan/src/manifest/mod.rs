//! The manifest: what the author wrote in `Deploy.toml`, in the metadata of `Cargo.toml`, in `CARGO_DEPLOY_*` and in
//! `--config`, with the place of every setting, and with every problem in one report.
//!
//! ```text
//! text --document--> tree --check--> problems
//!                     tree --layer--> merged tree --reading--> Manifest
//! types --schema--> JSON Schema, which is what `check` checks against
//! ```
//!
//! There is one description of what may be written: the types in this file. The schema is derived from them, the
//! checker reads the schema, and so does an editor. Keys are kebab-case. At the top of the manifest, `metadata` and
//! keys that begin with `x-` are free for other tools; nothing looks at them.

mod byte_size;
mod check;
mod document;
mod field_path;
mod human_duration;
mod layer;
mod linux;
mod mistake;
mod problem;
mod reading;
mod schema;
mod source;
mod suggestion;
#[cfg(test)]
mod tests;
mod text_format;
mod unchecked;
mod view;
mod windows;

use std::borrow::Cow;
use std::collections::BTreeMap;

use deploy_model::{Format, GlibcVersion, Os, RelPath, Sha256};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize};

use crate::project::{Level, Unpack};

pub use byte_size::{ByteSize, InvalidByteSize};
pub use deploy_model::release::Requirement;
pub use document::{Entry, MAXIMUM_CARGO_SIZE, MAXIMUM_DEPTH, MAXIMUM_SIZE, Node, Table, Value};
pub use field_path::{FieldPath, InvalidFieldPath, Segment};
pub use human_duration::{DurationRange, HumanDuration, InvalidDuration, InvalidDurationRange};
pub use layer::ENVIRONMENT_PREFIX;
pub use linux::{Desktop, InstalledFile, Linux, Metainfo, Unit, UnitScope};
pub use problem::{CODES, Label, PlaceRecord, Problem, ProblemDiagnostic, ProblemRecord, Report, Severity};
pub use reading::{DEFAULTS, InputFile, Inputs, Merged, SCHEMA_VERSION, read, version_fits};
pub use schema::{LATER_KEYS, Sections, schema};
pub use source::{Location, Position, Source, SourceId, SourceKind, Sources};
pub use suggestion::nearest;
pub use text_format::{TEXT_FORMATS, TextFormat, text_format};
pub use unchecked::unchecked_keywords;
pub use windows::{
    Association, Component, Protocol, RegistryRoot, RegistryType, RegistryValue, ResourcePolicy,
    ServiceAccount, ServiceStart, Shortcut, ShortcutPlace, Subsystem, Windows, WindowsService,
};

/// Settings of plug-ins, by name. Each plug-in reads its own.
pub type PluginSettings = BTreeMap<String, serde_json::Value>;

/// What a release is. All of it is optional; what Cargo.toml knows already is taken from there.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Manifest {
    /// The version of the manifest's format. There is one so far: 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 1), extend("examples" = [1]))]
    pub schema: Option<u32>,

    /// The versions of cargo-deploy that can make this release, as cargo writes version requirements. Another
    /// version refuses the manifest and says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "semver-requirement", "examples" = [">=0.1"]))]
    pub required_version: Option<String>,

    /// The application as people see it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub app: App,

    /// The machines that the release is for.
    #[serde(default, skip_serializing_if = "is_default")]
    pub targets: Targets,

    /// What cargo is asked to build.
    #[serde(default, skip_serializing_if = "is_default")]
    pub cargo: Cargo,

    /// What goes into the packages, and which packages are made.
    #[serde(default, skip_serializing_if = "is_default")]
    pub bundle: Bundle,

    /// Settings of package formats, a table a format: `[package.deb]`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub package: PluginSettings,

    /// What goes into packages for Linux beside the binaries: manual pages, units, configuration, the desktop entry.
    #[serde(default, skip_serializing_if = "is_default")]
    pub linux: Linux,

    /// What the programs say of themselves on Windows, and what installers for Windows do beside copying files.
    #[serde(default, skip_serializing_if = "is_default")]
    pub windows: Windows,

    /// Parts that a person who installs can choose. A list of a stronger layer replaces the whole list of a weaker
    /// one.
    #[serde(default, rename = "component", skip_serializing_if = "is_default")]
    pub components: Vec<Component>,

    /// Package repositories to make of the packages, a table a kind: `[repository.apt]`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub repository: PluginSettings,

    /// Settings of toolchains, a table a toolchain: `[toolchain.zig]`.
    #[serde(default, skip_serializing_if = "is_default")]
    pub toolchain: PluginSettings,

    /// Settings of publishers, a table a publisher.
    #[serde(default, skip_serializing_if = "is_default")]
    pub publish: PluginSettings,

    /// Settings of signers, a table a signer: `[sign.gpg]`. A signer that has a table signs.
    #[serde(default, skip_serializing_if = "is_default")]
    pub sign: PluginSettings,

    /// Files that are fetched or taken from the project, checked and put into the packages. A list of a stronger
    /// layer replaces the whole list of a weaker one.
    #[serde(default, rename = "asset", skip_serializing_if = "is_default")]
    pub assets: Vec<Asset>,

    /// What the finished release must hold to; `cargo deploy verify` reads it back from the files.
    #[serde(default, skip_serializing_if = "is_default")]
    pub release: Release,
}

/// The application as people see it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct App {
    /// Identifier in reverse domain order. It names the application to macOS and to update feeds, so it must never
    /// change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "app-id", "examples" = ["com.example.picker-wheel"]))]
    pub id: Option<String>,

    /// The name that people read. Default: the package's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["Picker Wheel"]))]
    pub name: Option<String>,

    /// The version of the release. Default: the package's version.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "semver", "examples" = ["1.2.3"]))]
    pub version: Option<String>,

    /// One line about the application. Default: the package's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub description: Option<String>,

    /// The licence as an SPDX expression. Default: the package's licence.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line", "examples" = ["MIT OR Apache-2.0"]))]
    pub license: Option<String>,

    /// A file with the licence's text, relative to the manifest. Default: the package's `license-file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path", "examples" = ["LICENSE"]))]
    pub license_file: Option<String>,

    /// Who made it; the first one maintains it. Default: the package's authors.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Line>>", extend("examples" = [["Team Picker <team@example.com>"]]))]
    pub authors: Option<Vec<String>>,

    /// A picture of it, PNG or SVG, relative to the manifest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path", "examples" = ["assets/icon.png"]))]
    pub icon: Option<String>,

    /// Where people read about it. Default: the package's homepage.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "url", "examples" = ["https://example.com/picker-wheel"]))]
    pub homepage: Option<String>,

    /// Where its source is. Default: the package's repository.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "url"))]
    pub repository: Option<String>,
}

/// The machines that the release is for.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Targets {
    /// Targets to build for, by alias or triple, with a glibc version behind it where one is wanted. Default: the
    /// target of the machine that builds.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(
        with = "Option<Vec<TargetName>>",
        extend(
            "uniqueItems" = true,
            "examples" = [["linux-x64", "x86_64-unknown-linux-gnu.2.17", "windows-x64", "macos-arm64"]]
        )
    )]
    pub build: Option<Vec<String>>,

    /// The oldest glibc that the binaries for Linux must run with. A version behind a target in `build` is stronger.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "glibc-version", "examples" = ["2.17"]))]
    pub glibc: Option<GlibcVersion>,

    /// The oldest macOS that the binaries for macOS must run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "dotted-version", "examples" = ["11.0"]))]
    pub macos_minimum: Option<String>,

    /// The toolchain that compiles for a target, by the target's alias or triple. Default: the best one that can.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(
        with = "BTreeMap<String, ToolchainName>",
        extend("propertyNames" = { "format": "target" }, "examples" = [{ "linux-arm64": "zig" }])
    )]
    pub toolchain: BTreeMap<String, String>,
}

/// What cargo is asked to build.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Cargo {
    /// Packages of the workspace whose binaries are released. Default: the package at hand, or the workspace's
    /// default members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("uniqueItems" = true))]
    pub packages: Option<Vec<String>>,

    /// Binaries that are released. Default: all binaries of the packages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("uniqueItems" = true))]
    pub bins: Option<Vec<String>>,

    /// Features to turn on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(inner(length(min = 1)), extend("uniqueItems" = true))]
    pub features: Option<Vec<String>>,

    /// Whether to turn on all features.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub all_features: Option<bool>,

    /// Whether to leave the default features out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub no_default_features: Option<bool>,

    /// The profile to build with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1), extend("examples" = ["release"]))]
    pub profile: Option<String>,

    /// Whether `Cargo.lock` must be up to date. Default: only where `CI` is set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locked: Option<bool>,
}

/// What goes into the packages, and which packages are made.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Bundle {
    /// The formats of packages: one list for all systems, or a list for each.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub formats: Option<Formats>,

    /// Files of the project that go into every package beside the binaries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [["README.md", { "from": "docs/*.1", "to": "share/man/man1" }]]))]
    pub include: Option<Vec<Include>>,

    /// How hard compressors work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub level: Option<Level>,
}

/// The formats of packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Formats {
    /// The same formats for every system; a target makes those that exist for it.
    Everywhere(
        #[schemars(with = "Vec<FormatName>", extend("uniqueItems" = true, "examples" = [["tar.gz", "deb"]]))]
        Vec<Format>,
    ),
    /// A list for each system.
    BySystem(FormatsBySystem),
}

/// A list of formats for each system.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct FormatsBySystem {
    /// Formats for Linux.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<FormatName>>", extend("uniqueItems" = true))]
    pub linux: Option<Vec<Format>>,

    /// Formats for Windows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<FormatName>>", extend("uniqueItems" = true))]
    pub windows: Option<Vec<Format>>,

    /// Formats for macOS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<FormatName>>", extend("uniqueItems" = true))]
    pub macos: Option<Vec<Format>>,

    /// Formats for WebAssembly with WASI.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<FormatName>>", extend("uniqueItems" = true))]
    pub wasi: Option<Vec<Format>>,
}

impl FormatsBySystem {
    /// The list of a system; `None` if it has none.
    pub fn of(&self, system: Os) -> Option<&[Format]> {
        match system {
            Os::Linux => self.linux.as_deref(),
            Os::Windows => self.windows.as_deref(),
            Os::Macos => self.macos.as_deref(),
            Os::Wasi => self.wasi.as_deref(),
        }
    }
}

/// Files of the project that go into every package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Include {
    /// A pattern of paths relative to the manifest; what matches keeps its path.
    Pattern(#[schemars(extend("format" = "glob"))] String),
    /// A pattern, and where what matches goes.
    Moved(MovedInclude),
}

/// Files that go to another place in the package.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MovedInclude {
    /// A pattern of paths relative to the manifest.
    #[schemars(extend("format" = "glob"))]
    pub from: String,

    /// Where it goes: a directory if `from` has wildcards, the file's new path otherwise.
    #[schemars(with = "String", extend("format" = "relative-path"))]
    pub to: RelPath,
}

/// A file that is fetched or taken from the project, checked and put into the packages.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["url"] }, { "required": ["file"] }]))]
pub struct Asset {
    /// Where it goes in the package: the path of a file, or of a directory if an archive is unpacked into it.
    #[schemars(with = "String", extend("format" = "relative-path", "examples" = ["resources/model.bin"]))]
    pub path: RelPath,

    /// Where it is fetched from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "url", "examples" = ["https://example.com/model-v3.bin.zst"]))]
    pub url: Option<String>,

    /// A file of the project, relative to the manifest, instead of `url`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub file: Option<String>,

    /// The SHA-256 digest of what is fetched, before it is unpacked. `cargo deploy assets lock` writes it into
    /// Deploy.lock where it is left out.
    #[serde(default, deserialize_with = "digest_in_any_case", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "sha256"))]
    pub sha256: Option<Sha256>,

    /// The size of what is fetched, in bytes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,

    /// The largest size that is accepted, of what is fetched and of what it unpacks to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = ["120 MiB"]))]
    pub max_size: Option<ByteSize>,

    /// How it is unpacked. Default: not at all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unpack: Option<Unpack>,

    /// The one file of the archive that is wanted. Default: all of them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<String>", extend("format" = "relative-path"))]
    pub member: Option<RelPath>,

    /// How many leading parts are taken off the paths in the archive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 32))]
    pub strip: Option<u32>,

    /// The targets it is for, by alias or triple. Default: all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<TargetName>>", extend("uniqueItems" = true))]
    pub targets: Option<Vec<String>>,

    /// Whether the file can be executed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub executable: Option<bool>,

    /// Its licence as an SPDX expression, for the list of components.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub license: Option<String>,
}

/// What the finished release must hold to.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Release {
    /// Properties that every artifact, or the release, must have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true, "examples" = [["sbom", "provenance"]]))]
    pub require: Option<Vec<Requirement>>,

    /// The largest size of a package, by format.
    #[serde(default, skip_serializing_if = "is_default")]
    #[schemars(
        with = "BTreeMap<String, ByteSize>",
        extend("propertyNames" = { "x-names": "package" }, "examples" = [{ "appimage": "120 MiB" }])
    )]
    pub max_size: BTreeMap<Format, ByteSize>,
}

/// Describes a text for the schema where the value's own type says too little: a string with one more keyword.
macro_rules! described_text {
    ($name:ident, $keyword:literal, $value:literal) => {
        enum $name {}

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", $keyword: $value })
            }
        }
    };
}

// `x-names` becomes the list of the family's plug-ins (see `schema`).
described_text!(FormatName, "x-names", "package");
described_text!(ToolchainName, "x-names", "toolchain");
described_text!(TargetName, "format", "target");
described_text!(Line, "format", "single-line");
described_text!(Pattern, "format", "glob");

/// Whether nothing was written.
fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Digests are compared in lower case, and some tools print upper case.
fn digest_in_any_case<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Sha256>, D::Error> {
    let text = Option::<String>::deserialize(deserializer)?;
    text.map(|text| text.to_ascii_lowercase().parse()).transpose().map_err(serde::de::Error::custom)
}
