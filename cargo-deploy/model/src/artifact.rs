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
    /// The symbolic links that it must hold, by path, with where they point.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<String, String>,
    /// What it must say of itself, in the words of its format: control fields, digests of scripts.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub properties: BTreeMap<String, String>,
    /// The signature that it is, or that it carries inside.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signature: Option<Signature>,
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
    /// Its permission bits; as four octal digits in JSON.
    #[serde(with = "octal")]
    #[schemars(with = "String", regex(pattern = "^[0-7]{4}$"))]
    pub mode: u32,
    /// The signature that the program carries in its own bytes; absent for what is no program or has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code_signature: Option<CodeSignature>,
}

/// A signature that a program carries in its own bytes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CodeSignature {
    /// The signer, by id; `release.json` has its key. Absent where somebody else had signed it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub signer: Option<String>,
    /// Digest of the program without the signature; absent where somebody else had signed it before.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<Sha256>,
}

/// A signature, as it was declared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Signature {
    /// The signer, by id; `release.json` has its key.
    pub signer: String,
    /// How it relates to what is signed.
    pub form: SignatureForm,
    /// The file that is signed; absent where the signature is inside the artifact.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// Digest of the artifact without the signature inside, for signers that can take theirs off again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unsigned: Option<Sha256>,
}

/// How a signature relates to what it signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SignatureForm {
    /// A file of its own beside what is signed.
    Detached,
    /// Inside the file that is signed, as its format has it.
    Embedded,
    /// One file that holds a text and the signature over it.
    Cleartext,
}

/// Permission bits as four octal digits.
mod octal {
    use serde::{Deserialize as _, Deserializer, Serializer, de::Error as _};

    pub(super) fn serialize<S: Serializer>(mode: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&format!("{mode:04o}"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        let text = String::deserialize(deserializer)?;
        u32::from_str_radix(&text, 8)
            .ok()
            .filter(|mode| *mode <= 0o7777)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no mode of four octal digits")))
    }
}

/// What an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ArtifactKind {
    /// Something a user installs or unpacks.
    Package,
    /// Something that describes the release: a checksum file, a table.
    Description,
    /// A signature of another file.
    Signature,
    /// The public key that a signer's signatures are checked with.
    Key,
    /// A file of a package repository.
    Repository,
}
