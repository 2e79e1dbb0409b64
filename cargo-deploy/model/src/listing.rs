//! What is inside an artifact, read from its bytes.

use crate::Sha256;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an artifact holds, as its own reader found it. [`std::fmt::Display`] gives the stable text that
/// `inspect` prints and that golden files keep.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Listing {
    /// Properties of the artifact as a whole, by name: a deb's control fields, an MSI's properties.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub properties: Vec<(String, String)>,
    /// The members in the order in which they stand in the file.
    pub members: Vec<Member>,
}

/// One member of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Member {
    /// The path as the artifact spells it, without a trailing slash.
    pub path: String,
    /// What it is.
    pub kind: MemberKind,
    /// Unix permission bits; 0 where the format has none.
    pub mode: u32,
    /// Content size in bytes; 0 for what has no content.
    pub size: u64,
    /// Digest of the content of a file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256>,
    /// Where a link points.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// What a member of an artifact is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum MemberKind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
}

impl std::fmt::Display for Listing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for (name, value) in &self.properties {
            writeln!(f, "{name}: {value}")?;
        }
        if !self.properties.is_empty() && !self.members.is_empty() {
            writeln!(f)?;
        }
        for member in &self.members {
            let kind = match member.kind {
                MemberKind::File => '-',
                MemberKind::Directory => 'd',
                MemberKind::Symlink => 'l',
            };
            let digest = member.sha256.as_ref().map_or("-", Sha256::short);
            write!(f, "{kind} {:04o} {:>10} {digest:12} {}", member.mode, member.size, member.path)?;
            if let Some(link) = &member.link {
                write!(f, " -> {link}")?;
            }
            writeln!(f)?;
        }
        Ok(())
    }
}
