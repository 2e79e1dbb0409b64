//! What goes into a package, and where it stands there: the shapes that several formats share.

pub mod freedesktop;

use crate::bench::files::FileError;
use camino::Utf8PathBuf;
use deploy_model::artifact::CodeSignature;
use deploy_model::{RelPath, Sha256, Triple};
use deploy_plan::manifest::{Desktop, Metainfo};
use deploy_plan::project::{App, Level, Role};
use deploy_plan::windows_app::WindowsApp;
use std::collections::BTreeMap;

/// What goes into a package, whatever the format.
#[derive(Debug, Clone)]
pub struct Payload {
    /// The application.
    pub app: App,
    /// The desktop entry, where there is to be one.
    pub desktop: Option<Desktop>,
    /// The AppStream metadata, where something was said about it.
    pub metainfo: Option<Metainfo>,
    /// The application as Windows knows it, where there is a target of Windows.
    pub windows: Option<WindowsApp>,
    /// The target.
    pub triple: Triple,
    /// Name of the file to make.
    pub file: String,
    /// The directory that everything goes below, for formats that have one.
    pub root: Option<RelPath>,
    /// How hard to compress.
    pub level: Level,
    /// The entries, sorted by role and path; directories are not among them.
    pub entries: Vec<Entry>,
    /// The program of ours that the format asked for, compiled for the target.
    pub program: Option<Utf8PathBuf>,
    /// The files that the settings name, by the name as it is written there.
    pub named_files: BTreeMap<String, NamedFile>,
    /// The pictures that `[windows]` names, by their path in the project.
    pub icons: BTreeMap<RelPath, NamedFile>,
}

/// A file that goes into a package.
#[derive(Debug, Clone)]
pub struct Entry {
    /// Where it goes, before the format has its say.
    pub path: RelPath,
    /// Where its content is.
    pub content: Utf8PathBuf,
    /// Size of the content in bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: Sha256,
    /// Whether it can be executed.
    pub executable: bool,
    /// What it is for.
    pub role: Role,
    /// The signature that it carries in its own bytes.
    pub code_signature: Option<CodeSignature>,
}

/// A file of the project that a packager's settings name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedFile {
    /// Where its content is.
    pub content: Utf8PathBuf,
    /// Its path, relative to the workspace root.
    pub path: RelPath,
    /// Size of the content in bytes.
    pub size: u64,
    /// Digest of the content.
    pub sha256: Sha256,
}

/// Where everything stands in a package: what is written, and what is expected when it is read back.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Tree {
    /// Files and links, sorted by path, each path once. Directories follow from them.
    pub nodes: Vec<Node>,
    /// What the package says of itself, in the words of its format; reading it back must give the same.
    pub properties: BTreeMap<String, String>,
}

/// A file or a link of a package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Its path, as the package's own reader spells it.
    pub path: String,
    /// What it is.
    pub kind: NodeKind,
    /// The payload's entry that it is, unchanged; `None` for what the layout made.
    pub origin: Option<RelPath>,
}

/// What a node of a package is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NodeKind {
    /// A regular file.
    File {
        /// Where its content is.
        content: Utf8PathBuf,
        /// Size of the content in bytes.
        size: u64,
        /// Digest of the content.
        sha256: Sha256,
        /// Permission bits.
        mode: u32,
        /// What it is for.
        role: Role,
    },
    /// A symbolic link.
    Symlink {
        /// Where it points.
        target: String,
    },
}

/// A payload that has no place in a package.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Two entries would stand at one place.
    #[error("put {one} and {other} into the package: both would be {path}")]
    Taken {
        /// The place.
        path: String,
        /// The first one.
        one: String,
        /// The second one.
        other: String,
    },
    /// A file cannot be what it is to be.
    #[error("use {file} as {what}")]
    Unusable {
        /// The file.
        file: String,
        /// What it was to be: `a manual page`.
        what: &'static str,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

impl Payload {
    /// How hard to compress, where the settings of a format may say something of their own.
    pub fn level(&self, own: Option<Level>) -> deploy_formats::Level {
        match own.unwrap_or(self.level) {
            Level::Fast => deploy_formats::Level::Fast,
            Level::Default => deploy_formats::Level::Default,
            Level::Small => deploy_formats::Level::Small,
        }
    }

    /// The entries as they are, below the payload's root where it has one.
    pub fn as_it_is(&self) -> Tree {
        let node = |entry: &Entry| Node {
            path: match &self.root {
                Some(root) => entry.path.below(root).to_string(),
                None => entry.path.to_string(),
            },
            kind: NodeKind::File {
                content: entry.content.clone(),
                size: entry.size,
                sha256: entry.sha256.clone(),
                mode: if entry.executable { 0o755 } else { 0o644 },
                role: entry.role.clone(),
            },
            origin: Some(entry.path.clone()),
        };
        let mut nodes: Vec<Node> = self.entries.iter().map(node).collect();
        nodes.sort_by(|one, other| one.path.cmp(&other.path));
        Tree { nodes, properties: BTreeMap::new() }
    }
}
