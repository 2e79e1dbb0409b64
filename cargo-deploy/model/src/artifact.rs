//! A file we made.

use crate::{Format, Linkage, Listing, Sha256, StepId, Triple};
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
    /// What went in, by name, with its digest.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: BTreeMap<String, Sha256>,
    /// What its own reader found inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listing: Option<Listing>,
    /// For each executable inside, by its path in the artifact, what its images say about themselves.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub linkage: BTreeMap<String, Vec<Linkage>>,
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
