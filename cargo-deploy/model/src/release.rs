//! `release.json`: what a release is, for whoever wants to check it.

use crate::{Artifact, GlibcVersion, Sha256, Triple};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// The version of the `release.json` schema that this crate writes.
pub const SCHEMA: u32 = 1;

/// A release: what was declared, what was made, and from what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Release {
    /// Version of this document's schema: 1.
    pub schema: u32,
    /// Name of the application.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The moment used wherever a file holds one, in seconds since 1970-01-01 UTC.
    pub source_date_epoch: i64,
    /// Where the source stood.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<SourceRevision>,
    /// The programs that had a part in the bytes, with their versions.
    pub tools: BTreeMap<String, String>,
    /// What was declared for each target, and is checked against the bytes.
    pub targets: Vec<DeclaredTarget>,
    /// The largest size allowed, in bytes, by format.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub max_size: BTreeMap<crate::Format, u64>,
    /// Everything fetched that went in, by path in the payload.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub assets: BTreeMap<String, AssetRecord>,
    /// Who signed, by signer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub signers: BTreeMap<String, SignerRecord>,
    /// Who signed programs and installers inside their own bytes, by signer.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub code_signers: BTreeMap<String, CodeSignerRecord>,
    /// Properties that everything in the release must have, as far as it can.
    #[serde(default, skip_serializing_if = "BTreeSet::is_empty")]
    pub require: BTreeSet<Requirement>,
    /// Package repositories inside the release, by plug-in, with the directory of each.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub repositories: BTreeMap<String, RepositoryRecord>,
    /// Every file of the release but this one, `SHA256SUMS` and the signatures of `SHA256SUMS`, by file name.
    pub artifacts: Vec<Artifact>,
}

/// Where the source stood when the release was made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SourceRevision {
    /// The commit, in full.
    pub revision: String,
    /// Whether tracked files differed from that commit.
    pub dirty: bool,
}

/// What was declared for a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct DeclaredTarget {
    /// The target's alias: `linux-x64`.
    pub name: String,
    /// The triple in file names.
    pub triple: Triple,
    /// The container that its binaries must have: `elf`, `pe`, `mach-o`, `wasm`.
    pub container: String,
    /// The processors that each binary must hold, as their headers name them; two for a universal one.
    pub machines: Vec<String>,
    /// `static` where the target's binaries must not need the system's loader.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub linking: Option<String>,
    /// The oldest glibc that its binaries must run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<GlibcVersion>,
    /// The oldest macOS that its binaries must run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_macos: Option<String>,
    /// How it was compiled: the toolchain's name.
    pub toolchain: String,
    /// The binaries it must hold, without the target's suffix.
    pub binaries: Vec<String>,
    /// The formats it must be there in.
    pub formats: Vec<crate::Format>,
}

/// A signer that had a part in a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct SignerRecord {
    /// Identifies the key: an OpenPGP fingerprint, a minisign key id.
    pub key: String,
    /// The file of the release that holds the public key.
    pub public_key: String,
    /// What is appended to a file's name for its detached signature, with the dot.
    pub suffix: String,
}

/// A signer of programs that had a part in a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CodeSignerRecord {
    /// Identifies the key: the SHA-256 of its certificate in hexadecimal digits, or the service, account and profile
    /// where certificates change from day to day.
    pub key: String,
    /// Whom the certificate names: `CN=Example Ltd, C=DE`.
    pub subject: String,
    /// The digest that is signed: `sha256`.
    pub digest: String,
    /// Whether each signature has a trusted time.
    pub timestamped: bool,
}

/// A property that a release must have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Requirement {
    /// Everything that can be signed is signed.
    Signed,
    /// Every signature has a trusted time.
    Timestamped,
    /// Apple has notarised what is for macOS.
    Notarized,
    /// There is a list of components.
    Sbom,
    /// There is a statement of how it was built.
    Provenance,
}

/// A package repository inside a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct RepositoryRecord {
    /// The directory, relative to the release.
    pub directory: String,
    /// The packages it must offer, by their names in the release.
    pub packages: Vec<String>,
    /// The signer whose signatures stand in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
}

/// Something fetched that went into a release.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AssetRecord {
    /// Where it came from.
    pub origin: String,
    /// Digest of what was fetched, before unpacking.
    pub sha256: Sha256,
    /// Size of what was fetched, in bytes, where it was declared.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub size: Option<u64>,
    /// Its licence, where one was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub license: Option<String>,
}
