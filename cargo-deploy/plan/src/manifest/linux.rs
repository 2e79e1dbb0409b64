//! `[linux]`: what an application brings along on a freedesktop system, whatever the package format.

use super::{Pattern, is_default};
use deploy_model::RelPath;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What goes into deb, rpm and AppImage beside the binaries, at the places where Linux systems look for it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Linux {
    /// Patterns of manual pages, relative to the manifest. A page's section is the end of its name: `rg.1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Pattern>>", extend("examples" = [["doc/*.1"]]))]
    pub man: Option<Vec<String>>,

    /// Patterns of shell completions. The shell is known by the name: `rg.bash`, `_rg`, `rg.fish`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Pattern>>", extend("examples" = [["complete/*"]]))]
    pub completions: Option<Vec<String>>,

    /// Patterns of documents for `/usr/share/doc`, beside the read-me and the licences.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Option<Vec<Pattern>>", extend("examples" = [["GUIDE.md"]]))]
    pub docs: Option<Vec<String>>,

    /// A change log: in the layout of Debian's, or Markdown with a heading for each version. Default: the
    /// package's `CHANGELOG.md`, or the workspace's, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path", "examples" = ["CHANGELOG.md"]))]
    pub changelog: Option<String>,

    /// Configuration files: an upgrade keeps what the administrator changed.
    #[serde(default, rename = "config", skip_serializing_if = "is_default")]
    pub configs: Vec<InstalledFile>,

    /// Other files with a place of their own on the system.
    #[serde(default, rename = "file", skip_serializing_if = "is_default")]
    pub files: Vec<InstalledFile>,

    /// systemd units.
    #[serde(default, rename = "unit", skip_serializing_if = "is_default")]
    pub units: Vec<Unit>,

    /// The desktop entry. An application without one has none in deb and rpm; an AppImage gets one for a terminal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub desktop: Option<Desktop>,

    /// The AppStream metadata that software centres show.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub metainfo: Option<Metainfo>,
}

/// A file with a place of its own on the system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct InstalledFile {
    /// The file of the project, relative to the manifest.
    #[schemars(extend("format" = "source-path", "examples" = ["dist/app.toml"]))]
    pub from: String,

    /// Where it goes, from the root of the system but without the leading slash.
    #[schemars(with = "String", extend("format" = "relative-path", "examples" = ["etc/app/app.toml"]))]
    pub to: RelPath,

    /// Its permission bits as octal digits. Default: `0644`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "file-mode", "examples" = ["0640"]))]
    pub mode: Option<String>,
}

/// A systemd unit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Unit {
    /// The unit file, relative to the manifest. Its name is the unit's.
    #[schemars(extend("format" = "source-path", "examples" = ["dist/app.service"]))]
    pub file: String,

    /// Whether it is a unit of the system or of each user's session. Default: the system.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scope: Option<UnitScope>,

    /// Whether it is enabled when it is installed. Default: yes, if it has an `[Install]` section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enable: Option<bool>,

    /// Whether it is started when it is installed. Default: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<bool>,

    /// Whether it is restarted when it is upgraded. Default: yes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub restart_on_upgrade: Option<bool>,
}

/// Whose unit it is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum UnitScope {
    /// The system's.
    #[default]
    System,
    /// Each user's session's.
    User,
}

/// A desktop entry, by the freedesktop specification.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Desktop {
    /// A desktop entry of your own, relative to the manifest, instead of the other keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub file: Option<String>,

    /// Menu categories.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("uniqueItems" = true, "examples" = [["Utility"]]))]
    pub categories: Option<Vec<String>>,

    /// The kind of application: `Web Browser`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub generic_name: Option<String>,

    /// Words that find it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub keywords: Option<Vec<String>>,

    /// Media types that it opens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("examples" = [["text/plain"]]))]
    pub mime_types: Option<Vec<String>>,

    /// Arguments for the binary: `%U`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Vec<String>>,

    /// The binary that it starts. Default: the one with the application's name, else the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub binary: Option<String>,

    /// Whether it runs in a terminal. Default: no.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terminal: Option<bool>,

    /// The window class that its windows have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub window_class: Option<String>,
}

/// AppStream metadata.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Metainfo {
    /// A metainfo file of your own, relative to the manifest, instead of the other keys.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "source-path"))]
    pub file: Option<String>,

    /// One line. Default: the application's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub summary: Option<String>,

    /// A text of paragraphs, divided by empty lines. Default: the application's description.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,

    /// Who makes it. Default: the first author.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub developer: Option<String>,

    /// The licence of the metadata itself. Default: `FSFAP`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("format" = "single-line"))]
    pub metadata_license: Option<String>,
}
