//! `[package.rpm]`: what an rpm package says that no other format does.

use deploy_plan::project::Level;
use schemars::JsonSchema;
use serde::Deserialize;

/// Settings of the rpm package.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RpmSettings {
    /// The name of the package. Default: the application's.
    #[schemars(extend("format" = "single-line", "examples" = ["picker-wheel"]))]
    pub name: Option<String>,

    /// The number of the package among those of one version. Default: `1`.
    #[schemars(extend("examples" = ["2"]))]
    pub release: Option<String>,

    /// What is compared before the version. Once given, it can never be taken back.
    pub epoch: Option<u32>,

    /// One line. Default: the application's description.
    #[schemars(extend("format" = "single-line"))]
    pub summary: Option<String>,

    /// A longer description. Default: that of `[linux.metainfo]`, else the summary.
    pub description: Option<String>,

    /// The group of packages; few distributions use it any more. Default: `Unspecified`.
    #[schemars(extend("format" = "single-line", "examples" = ["Applications/System"]))]
    pub group: Option<String>,

    /// Who distributes the package.
    #[schemars(extend("format" = "single-line", "examples" = ["Example"]))]
    pub vendor: Option<String>,

    /// Who makes the package: `Name <mail>`. Default: the first author.
    #[schemars(extend("format" = "single-line", "examples" = ["The Makers <makers@example.com>"]))]
    pub packager: Option<String>,

    /// What it needs: a name, or a name, a comparison and a version. `$auto` stands for what its programs need. Default: `["$auto"]`.
    #[schemars(extend("examples" = [["$auto", "git >= 2.30"]]))]
    pub requires: Option<Vec<String>>,

    /// What it can stand for. `$auto` stands for the libraries that it brings for others. Default: `["$auto"]`.
    #[schemars(extend("examples" = [["$auto", "wheel-picker = 1.2"]]))]
    pub provides: Option<Vec<String>>,

    /// What cannot be there together with it.
    pub conflicts: Vec<String>,

    /// What it replaces.
    pub obsoletes: Vec<String>,

    /// What is installed with it unless the administrator objects.
    pub recommends: Vec<String>,

    /// What makes it more useful.
    pub suggests: Vec<String>,

    /// With what it is installed unless the administrator objects.
    pub supplements: Vec<String>,

    /// What it makes more useful.
    pub enhances: Vec<String>,

    /// A script that runs before anything of the transaction. On a first installation there may be no shell yet.
    #[schemars(extend("format" = "source-path"))]
    pub pre_trans_script: Option<String>,

    /// A script that runs before the files are there.
    #[schemars(extend("format" = "source-path", "examples" = ["dist/pre.sh"]))]
    pub pre_install_script: Option<String>,

    /// A script that runs when the files are there.
    #[schemars(extend("format" = "source-path", "examples" = ["dist/post.sh"]))]
    pub post_install_script: Option<String>,

    /// A script that runs before the files go.
    #[schemars(extend("format" = "source-path"))]
    pub pre_uninstall_script: Option<String>,

    /// A script that runs when the files are gone.
    #[schemars(extend("format" = "source-path"))]
    pub post_uninstall_script: Option<String>,

    /// A script that runs after everything of the transaction.
    #[schemars(extend("format" = "source-path"))]
    pub post_trans_script: Option<String>,

    /// Absolute paths of configuration files outside `/etc`. Those below `/etc` are configuration files without being named.
    #[schemars(extend("examples" = [["/usr/share/app/local.conf"]]))]
    pub config_files: Vec<String>,

    /// What an upgrade does with a configuration file that was changed: `keep` leaves it and puts the new one beside it as
    /// `.rpmnew`, `replace` puts the new one into its place and saves the changed one as `.rpmsave`. Default: `keep`.
    pub changed_config: Option<ChangedConfig>,

    /// How the package is compressed. Default: `xz`, which is the smallest and which every rpm in use reads. `zstd` is quicker to write and to
    /// install; it needs Fedora 30, RHEL 8, openSUSE Leap 15.1 or later.
    pub compression: Option<RpmCompression>,

    /// How hard the compressor works, for this format only.
    pub level: Option<Level>,
}

impl RpmSettings {
    /// The lists of dependencies beside `requires` and `provides`, with their keys.
    pub(super) fn lists(&self) -> [(&'static str, &[String]); 6] {
        [
            ("conflicts", &self.conflicts),
            ("obsoletes", &self.obsoletes),
            ("recommends", &self.recommends),
            ("suggests", &self.suggests),
            ("supplements", &self.supplements),
            ("enhances", &self.enhances),
        ]
    }
}

/// What an upgrade does with a configuration file that was changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ChangedConfig {
    /// `%config(noreplace)`.
    #[default]
    Keep,
    /// `%config`.
    Replace,
}

/// How an rpm package is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RpmCompression {
    /// rpm 4.6 and later.
    #[default]
    Xz,
    /// rpm 4.14 and later.
    Zstd,
    /// Every rpm.
    Gzip,
    /// None, for trying things out.
    None,
}
