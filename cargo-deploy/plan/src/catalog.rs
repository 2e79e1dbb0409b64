//! What this build of the tool can do, as plain data for the planner: no handle to an effect.

use crate::target_table::{Target, TargetTable};
use deploy_model::artifact::SignatureForm;
use deploy_model::{Arch, Format, Os};
use serde::Serialize;
use std::collections::BTreeMap;

/// Targets and plug-ins.
#[derive(Debug, Clone, Serialize)]
pub struct Catalog {
    /// The table of targets.
    pub targets: TargetTable,
    /// Toolchains, by id.
    pub toolchains: BTreeMap<String, PluginEntry>,
    /// Packagers, by the format they make.
    pub packagers: BTreeMap<Format, PackagerEntry>,
    /// Signers, by id.
    pub signers: BTreeMap<String, PluginEntry>,
    /// Signers of programs, by id.
    pub code_signers: BTreeMap<String, CodeSignerEntry>,
    /// Publishers, by id.
    pub publishers: BTreeMap<String, PluginEntry>,
    /// Kinds of package repositories, by id.
    pub repositories: BTreeMap<String, RepositoryEntry>,
}

/// What the planner knows of any plug-in.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PluginEntry {
    /// One line for lists.
    pub summary: String,
    /// Raised whenever the plug-in makes other bytes from the same arguments; part of every cache key.
    pub revision: u32,
    /// JSON Schema of its settings table.
    pub settings: serde_json::Value,
}

/// What the planner knows of a packager.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct PackagerEntry {
    /// As of any plug-in.
    #[serde(flatten)]
    pub plugin: PluginEntry,
    /// What it makes, and for which targets.
    pub shape: Shape,
}

/// What the planner knows of a signer of programs.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct CodeSignerEntry {
    /// As of any plug-in.
    #[serde(flatten)]
    pub plugin: PluginEntry,
    /// The systems whose programs it signs.
    pub systems: &'static [Os],
}

/// What the planner knows of a kind of package repository.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct RepositoryEntry {
    /// As of any plug-in.
    #[serde(flatten)]
    pub plugin: PluginEntry,
    /// The format of the packages that it offers, and the name of its directory in the release.
    pub offer: Offer,
}

/// What a kind of package repository offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Offer {
    /// The format of its packages.
    pub format: &'static str,
    /// The name of its directory in the release.
    pub directory: &'static str,
    /// The signer that its clients understand.
    pub signer: &'static str,
    /// What is signed: file, form, the file that comes of it. `{name}` stands for the setting of that name.
    pub signatures: &'static [(&'static str, SignatureForm, &'static str)],
    /// What a setting in those names is when it is not given.
    pub defaults: &'static [(&'static str, &'static str)],
}

impl Offer {
    /// One of the names of [`Offer::signatures`] with the settings put in.
    pub fn file(&self, pattern: &str, settings: &serde_json::Value) -> String {
        self.defaults.iter().fold(pattern.to_owned(), |name, (key, default)| {
            let value = settings.get(key).and_then(serde_json::Value::as_str).unwrap_or(default);
            name.replace(&format!("{{{key}}}"), value)
        })
    }
}

/// Where the entries of a payload stand in a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layout {
    /// As they are.
    Flat,
    /// Below one directory `{name}-{version}-{triple}/`.
    Rooted,
    /// Where Linux systems look for things of their kind.
    Freedesktop,
}

/// What a packager makes, and for which targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shape {
    /// Systems that its packages exist for; empty means all.
    pub systems: &'static [Os],
    /// Processors that its packages exist for, with the format's names for them; empty means all, by our names.
    pub architectures: &'static [(Arch, &'static str)],
    /// File name with `{name}`, `{version}`, `{triple}`, `{arch}` and `{revision}` in it; `{-revision}` is a hyphen and
    /// the revision, or nothing where the revision is empty. `{name}` is the setting of that name where there is one.
    pub file_name: &'static str,
    /// Whether names are in lower case, with hyphens for underscores and spaces.
    pub plain_names: bool,
    /// The setting that `{revision}` stands for, and what it is when it is not given.
    pub revision: Option<(&'static str, &'static str)>,
    /// What stands for the hyphen before a pre-release in `{version}`: `~` where it sorts before the release.
    pub pre_release: char,
    /// Where the entries stand.
    pub layout: Layout,
    /// The program of ours, by id, that it needs for the target.
    pub program: Option<&'static str>,
    /// Where that program is among the files, too, for formats that install it: signed like every other program.
    pub installs_program: Option<&'static str>,
    /// The signer, by id, whose signature goes inside.
    pub embeds: Option<&'static str>,
    /// Whether the package is a program itself.
    pub executable: bool,
}

impl Shape {
    /// A shape that serves all systems and needs nothing.
    pub const ANYWHERE: Shape = Shape {
        systems: &[],
        architectures: &[],
        file_name: "{name}-{version}-{triple}",
        plain_names: false,
        revision: None,
        pre_release: '-',
        layout: Layout::Rooted,
        program: None,
        installs_program: None,
        embeds: None,
        executable: false,
    };

    /// Whether packages of this shape exist for `target`.
    pub fn serves(&self, target: &Target) -> bool {
        let system = self.systems.is_empty() || self.systems.contains(&target.os);
        system && (self.architectures.is_empty() || self.architecture(target.arch).is_some())
    }

    /// The format's name of a processor.
    pub fn architecture(&self, arch: Arch) -> Option<&'static str> {
        self.architectures.iter().find(|(known, _)| *known == arch).map(|(_, name)| *name)
    }

    /// The file name for an application and a target.
    pub fn file_name(
        &self,
        name: &str,
        version: &str,
        target: &Target,
        settings: &serde_json::Value,
    ) -> String {
        let revision = self.revision.map_or_else(String::new, |(key, default)| match settings.get(key) {
            Some(serde_json::Value::String(text)) => text.clone(),
            Some(serde_json::Value::Number(number)) => number.to_string(),
            _ => default.to_owned(),
        });
        let given = settings.get("name").and_then(serde_json::Value::as_str);
        let name = match given {
            None if self.plain_names => name.to_lowercase().replace(['_', ' '], "-"),
            given => given.unwrap_or(name).to_owned(),
        };
        let behind = if revision.is_empty() { String::new() } else { format!("-{revision}") };
        self.file_name
            .replace("{name}", &name)
            .replace("{-revision}", &behind)
            .replace("{version}", &self.version(version))
            .replace("{revision}", &revision)
            .replace("{triple}", target.triple.as_str())
            .replace("{arch}", self.architecture(target.arch).unwrap_or(target.arch.as_str()))
    }

    /// A version as this format spells it.
    pub fn version(&self, version: &str) -> String {
        let (release, build) = version.split_once('+').map_or((version, None), |(r, b)| (r, Some(b)));
        let release = match release.split_once('-') {
            // Where a hyphen divides version and revision there can be no other.
            Some((release, pre)) if self.pre_release != '-' => {
                format!("{release}{}{}", self.pre_release, pre.replace('-', "."))
            }
            _ => release.to_owned(),
        };
        build.map_or(release.clone(), |build| format!("{release}+{build}"))
    }
}
