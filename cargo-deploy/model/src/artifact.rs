//! A file we made.

use crate::{Format, Linkage, Sha256, StepId, Triple};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// A file of the release, with what is needed to trust it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Artifact {
    /// File name in the release directory.
    pub file: String,
    /// What it is.
    pub kind: ArtifactKind,
    /// Its package format; absent for what is no package.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub format: Option<Format>,
    /// The target it is for; absent for what serves all.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<Triple>,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the whole file.
    pub sha256: Sha256,
    /// The step that made it.
    pub step: StepId,
    /// The files that it must hold, sorted by path; for a package that unpacks to files, all of them.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub contents: Vec<Content>,
    /// For each executable inside, by its path in the artifact, what its images say about themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub linkage: BTreeMap<String, Vec<Linkage>>,
}

/// A file inside an artifact.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Content {
    /// Where it stands, as the artifact's own reader spells it.
    pub path: String,
    /// Digest of its content.
    pub sha256: Sha256,
    /// Size of its content in bytes.
    pub size: u64,
    /// Whether it can be executed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub executable: bool,
}

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactKind {
    /// Something a user installs or unpacks.
    Package,
    /// Something that describes the release: a checksum file, a table.
    Description,
}
