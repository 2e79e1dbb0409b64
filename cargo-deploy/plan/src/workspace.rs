//! The cargo workspace as the planner sees it: what `cargo metadata` says, reduced to plain data.

use camino::Utf8PathBuf;
use serde::Serialize;
use std::collections::BTreeMap;

/// A cargo workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Workspace {
    /// Its root directory, absolute.
    pub root: Utf8PathBuf,
    /// Cargo's target directory, absolute.
    pub target_directory: Utf8PathBuf,
    /// Its members, sorted by name.
    pub packages: Vec<WorkspacePackage>,
}

/// A member of the workspace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkspacePackage {
    /// Name.
    pub name: String,
    /// Version.
    pub version: String,
    /// The directory of its Cargo.toml, absolute.
    pub directory: Utf8PathBuf,
    /// Whether it is the package of the workspace's root directory.
    pub is_root: bool,
    /// Whether cargo builds it when nothing is said.
    pub is_default_member: bool,
    /// One line.
    pub description: Option<String>,
    /// SPDX expression.
    pub license: Option<String>,
    /// The licence file that Cargo.toml names, relative to the package's directory.
    pub license_file: Option<Utf8PathBuf>,
    /// The read-me that Cargo.toml names or cargo found, relative to the package's directory.
    pub readme: Option<Utf8PathBuf>,
    /// Authors.
    pub authors: Vec<String>,
    /// Home page.
    pub homepage: Option<String>,
    /// Repository.
    pub repository: Option<String>,
    /// Its binaries.
    pub binaries: Vec<WorkspaceBinary>,
    /// Its features, each with what it turns on.
    pub features: BTreeMap<String, Vec<String>>,
}

/// A binary target of a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct WorkspaceBinary {
    /// Name.
    pub name: String,
    /// Features without which cargo leaves it out.
    pub required_features: Vec<String>,
}
