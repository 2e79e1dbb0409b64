//! `[package.deb]`: the keys that users of cargo-deb know, and the few of our own.

use deploy_plan::project::Level;
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the Debian package. `[package.metadata.deb]` in Cargo.toml is read, too: what is written here is stronger.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct DebSettings {
    /// The name of the package. Default: the application's, in lower case, with `-` for `_`.
    #[schemars(extend("format" = "single-line", "examples" = ["picker-wheel"]))]
    pub name: Option<String>,

    /// Who makes the package: `Name <mail>`. Default: the first author.
    #[schemars(extend("format" = "single-line", "examples" = ["The Makers <makers@example.com>"]))]
    pub maintainer: Option<String>,

    /// The holders of the copyright, with years. Default: the authors.
    #[schemars(extend("examples" = ["2024, The Makers <makers@example.com>"]))]
    pub copyright: Option<String>,

    /// The file with the licence, or that file and how many of its first lines are left out. Default: the licence files of the project.
    pub license_file: Option<LicenseFile>,

    /// The longer description, without the first line. Default: none.
    pub extended_description: Option<String>,

    /// A file with the longer description.
    #[schemars(extend("format" = "source-path"))]
    pub extended_description_file: Option<String>,

    /// The packages that it needs. `$auto` stands for those of the libraries that its programs need. Default: `["$auto"]`.
    #[schemars(extend("examples" = [["$auto", "git (>= 1:2.30)"]]))]
    pub depends: Option<RelationList>,

    /// The packages that must be configured before this one is unpacked.
    pub pre_depends: Option<RelationList>,

    /// The packages that are installed with it unless the administrator objects.
    pub recommends: Option<RelationList>,

    /// The packages that make it more useful.
    pub suggests: Option<RelationList>,

    /// The packages that it makes more useful.
    pub enhances: Option<RelationList>,

    /// The packages that cannot be there together with it.
    pub conflicts: Option<RelationList>,

    /// The packages that would not work while this one is there.
    pub breaks: Option<RelationList>,

    /// The packages whose files it takes over.
    pub replaces: Option<RelationList>,

    /// The virtual packages that it stands for.
    pub provides: Option<RelationList>,

    /// The section of the archive. Default: `misc`.
    #[schemars(extend("format" = "single-line", "examples" = ["utils"]))]
    pub section: Option<String>,

    /// How important it is. Default: `optional`.
    pub priority: Option<Priority>,

    /// The revision of the package, behind the version and a hyphen. Default: `1`; an empty text leaves it out.
    #[schemars(extend("examples" = ["2"]))]
    pub revision: Option<String>,

    /// What goes in, and where: `["source", "dest", "mode"]`, or `"$auto"` for what goes in when nothing is said. A source
    /// `target/release/NAME` is the binary of that name, for whatever target and profile.
    #[schemars(extend("examples" = [["$auto", ["dist/app.conf", "etc/app/", "644"]]]))]
    pub assets: Option<Vec<Asset>>,

    /// Absolute paths of configuration files outside `/etc`. Those below `/etc` are configuration files without being named.
    #[schemars(extend("examples" = [["/usr/share/app/local.conf"]]))]
    pub conf_files: Vec<String>,

    /// The directory with the scripts `preinst`, `postinst`, `prerm`, `postrm` and `config`, and the file `templates`.
    #[schemars(extend("format" = "source-path", "examples" = ["debian/"]))]
    pub maintainer_scripts: Option<String>,

    /// The file with dpkg triggers.
    #[schemars(extend("format" = "source-path"))]
    pub triggers_file: Option<String>,

    /// The change log, in the layout of Debian's. Default: that of `[linux]`.
    #[schemars(extend("format" = "source-path"))]
    pub changelog: Option<String>,

    /// systemd units in a directory, found by their names. `[[linux.unit]]` is the way that serves every format.
    pub systemd_units: Option<SystemdUnits>,

    /// How the package is compressed. Default: `xz`, which every dpkg reads.
    pub compression: Option<DebCompression>,

    /// How hard the compressor works, for this format only.
    pub level: Option<Level>,

    /// Keeping symlinks of the project is not supported: name each link among the `assets`. Only `false` is accepted.
    pub preserve_symlinks: Option<bool>,

    /// Not supported; known so that it can be said where it is used.
    pub merge_assets: Option<serde_json::Value>,

    /// Not supported here: choose features in `[cargo]`.
    pub features: Option<serde_json::Value>,

    /// Not supported here: choose features in `[cargo]`.
    pub default_features: Option<bool>,

    /// Not supported; only `false` is accepted.
    pub separate_debug_symbols: Option<bool>,

    /// Not supported; only `false` is accepted.
    pub dbgsym: Option<bool>,

    /// Not supported; only `false` is accepted.
    pub compress_debug_symbols: Option<bool>,

    /// Not supported here: choose the profile in `[cargo]`.
    pub profile: Option<String>,

    /// Not supported; known so that it can be said where it is used.
    pub variants: Option<serde_json::Value>,
}

/// Relations to other packages: a list, or one text with commas.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum RelationList {
    /// With commas between the relations.
    Text(String),
    /// One or more relations in each item.
    List(Vec<String>),
}

impl RelationList {
    /// The items, each with its place below `field`.
    pub fn items(&self, field: &str) -> Vec<(String, &str)> {
        match self {
            RelationList::Text(text) => vec![(field.to_owned(), text.as_str())],
            RelationList::List(list) => {
                list.iter().enumerate().map(|(at, text)| (format!("{field}[{at}]"), text.as_str())).collect()
            }
        }
    }
}

/// A licence file.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum LicenseFile {
    /// All of it.
    File(#[schemars(extend("format" = "source-path"))] String),
    /// Its path, and how many lines are left out at its start.
    Skipping(Vec<TextOrNumber>),
}

impl LicenseFile {
    /// The path, and how many lines are left out; `None` if it is no such pair.
    pub fn parts(&self) -> Option<(&str, usize)> {
        match self {
            LicenseFile::File(path) => Some((path, 0)),
            LicenseFile::Skipping(parts) => match parts.as_slice() {
                [TextOrNumber::Text(path)] => Some((path, 0)),
                [TextOrNumber::Text(path), TextOrNumber::Text(lines)] => Some((path, lines.parse().ok()?)),
                [TextOrNumber::Text(path), TextOrNumber::Number(lines)] => {
                    Some((path, usize::try_from(*lines).ok()?))
                }
                _ => None,
            },
        }
    }
}

/// A text, or a number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum TextOrNumber {
    /// A text.
    Text(String),
    /// A number.
    Number(u64),
}

/// How important a package is (Policy 2.5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Priority {
    /// Without it the system does not work.
    Required,
    /// What one expects of any Unix.
    Important,
    /// Installed by default.
    Standard,
    /// Everything else.
    Optional,
    /// As optional; no longer used by Debian.
    Extra,
}

impl Priority {
    /// As it stands in a control file.
    pub fn as_str(self) -> &'static str {
        match self {
            Priority::Required => "required",
            Priority::Important => "important",
            Priority::Standard => "standard",
            Priority::Optional => "optional",
            Priority::Extra => "extra",
        }
    }
}

/// How a package is compressed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum DebCompression {
    /// The smallest; every dpkg since 2011 reads it.
    #[default]
    Xz,
    /// The fastest; dpkg reads it since 1.21.18 (Debian 12, Ubuntu 18.04).
    Zstd,
    /// For the oldest.
    Gzip,
}

/// What goes into a package.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Asset {
    /// `$auto`.
    Word(String),
    /// Source, destination and mode.
    List(Vec<String>),
    /// The same, or a link, with names.
    Table(AssetTable),
}

/// An asset with names for its parts: `source` and `dest`, or `dest` and `link-name`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AssetTable {
    /// The file or pattern.
    pub source: Option<String>,
    /// Where it goes. With a slash at its end it is the directory. For a link: what it leads to.
    pub dest: Option<String>,
    /// Its permission bits as octal digits.
    pub mode: Option<String>,
    /// The path of a link to `dest`.
    pub link_name: Option<String>,
    /// cargo-deb's spelling of `link-name`.
    #[serde(rename = "link_name")]
    pub link_name_of_cargo_deb: Option<String>,
    /// Only `false` is accepted.
    pub preserve_symlinks: Option<bool>,
}

/// systemd units in one directory, or in several.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum SystemdUnits {
    /// One set.
    One(Box<UnitSet>),
    /// Several.
    Several(Vec<UnitSet>),
}

impl SystemdUnits {
    /// The sets, each with its place below `field`.
    pub fn sets(&self, field: &str) -> Vec<(String, &UnitSet)> {
        match self {
            SystemdUnits::One(set) => vec![(field.to_owned(), set)],
            SystemdUnits::Several(sets) => {
                sets.iter().enumerate().map(|(at, set)| (format!("{field}[{at}]"), set)).collect()
            }
        }
    }
}

/// Units that are found by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct UnitSet {
    /// The directory with them. Default: that of the maintainer scripts.
    #[schemars(extend("format" = "source-path"))]
    pub unit_scripts: Option<String>,
    /// Only the units of this name: `NAME.service`, `PACKAGE.NAME.service`.
    #[schemars(extend("format" = "single-line"))]
    pub unit_name: Option<String>,
    /// Whether they are enabled when they are installed. Default: yes.
    pub enable: Option<bool>,
    /// Whether they are started when they are installed. Default: yes.
    pub start: Option<bool>,
    /// Whether they go on running while they are upgraded, and are restarted behind it. Default: yes.
    pub restart_after_upgrade: Option<bool>,
    /// Whether they are stopped for an upgrade. Default: yes.
    pub stop_on_upgrade: Option<bool>,
}
