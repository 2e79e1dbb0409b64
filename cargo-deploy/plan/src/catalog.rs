//! What this build of the tool can do, as plain data for the planner: no handle to an effect.

use crate::target_table::{Target, TargetTable};
use deploy_model::{Format, Os};
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
    /// Publishers, by id.
    pub publishers: BTreeMap<String, PluginEntry>,
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

/// What a packager makes, and for which targets.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Shape {
    /// Systems that its packages exist for; empty means all.
    pub systems: &'static [Os],
    /// File name with `{name}`, `{version}`, `{triple}`, `{arch}` in it.
    pub file_name: &'static str,
    /// Whether all files go below one directory `{name}-{version}-{triple}/`.
    pub rooted: bool,
}

impl Shape {
    /// Whether packages of this shape exist for `target`.
    pub fn serves(&self, target: &Target) -> bool {
        self.systems.is_empty() || self.systems.contains(&target.os)
    }

    /// The file name for an application and a target.
    pub fn file_name(&self, name: &str, version: &str, target: &Target) -> String {
        self.file_name
            .replace("{name}", name)
            .replace("{version}", version)
            .replace("{triple}", target.triple.as_str())
            .replace("{arch}", target.arch.as_str())
    }
}
