//! `Deploy.lock`: what was fetched when the lock was written, by digest.

use deploy_model::Sha256;
use serde::{Deserialize, Serialize};

/// The version of the lock file's layout.
pub const VERSION: u32 = 1;

/// The lock file: committed beside `Deploy.toml`, written by `cargo deploy assets lock`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Lock {
    /// Layout version: 1.
    pub version: u32,
    /// One entry an asset, sorted by path.
    #[serde(default, rename = "asset", skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<LockedAsset>,
}

/// An asset as it was when the lock was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct LockedAsset {
    /// The asset's path in the payload, which is its name.
    pub path: String,
    /// Where it came from: the URL, or the file's path relative to the manifest.
    pub origin: String,
    /// Digest of what was fetched, before unpacking.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
    /// Its licence, where the manifest gives one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
}
