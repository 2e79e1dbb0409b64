//! Publishers: what puts a finished release where its users find it. One file each; the list is [`ALL`].

pub mod directory;

use crate::bench::files::FileError;
use crate::plugin::{self, Info, Plugin, SettingsError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use deploy_plan::catalog::PluginEntry;

/// Every publisher. To add one, write its file and add its line.
pub const ALL: &[&dyn AnyPublisher] = &[&directory::Directory];

/// A file to publish.
#[derive(Debug, Clone)]
pub struct PublishedFile {
    /// Its path in the release, with slashes.
    pub name: String,
    /// Where it is now.
    pub path: Utf8PathBuf,
    /// Its digest.
    pub sha256: Sha256,
}

/// A release to publish, and where there is room for work.
#[derive(Debug)]
pub struct Publication<'a> {
    /// Name of the release: `hello-1.0.0`.
    pub release: &'a str,
    /// Its files, sorted by name.
    pub files: &'a [PublishedFile],
    /// The directory that releases lie in: `target/deploy`.
    pub releases: &'a Utf8Path,
    /// A directory on the same file system for what is not ready yet.
    pub stage: &'a Utf8Path,
    /// Digests that are known.
    pub memo: &'a crate::bench::memo::DigestMemo,
}

/// What publishing came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Published {
    /// Where the release is now.
    pub place: String,
    /// Whether exactly these files were there already.
    pub unchanged: bool,
}

/// A way to publish.
pub trait Publisher: Plugin {
    /// Publishes: whoever looks sees the release as it was before, or this one whole.
    fn publish(
        &self,
        settings: &Self::Settings,
        publication: &Publication<'_>,
    ) -> Result<Published, PublishError>;
}

/// A release that could not be published.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The settings cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// A publisher whose settings type is forgotten, so that a list can hold it.
pub trait AnyPublisher: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> PluginEntry;
    /// See [`Publisher::publish`].
    fn publish(
        &self,
        settings: &serde_json::Value,
        publication: &Publication<'_>,
    ) -> Result<Published, PublishError>;
}

impl<P: Publisher> AnyPublisher for P {
    fn info(&self) -> Info {
        P::INFO
    }

    fn entry(&self) -> PluginEntry {
        plugin::entry::<P>()
    }

    fn publish(
        &self,
        settings: &serde_json::Value,
        publication: &Publication<'_>,
    ) -> Result<Published, PublishError> {
        Publisher::publish(self, &plugin::settings::<P>(settings)?, publication)
    }
}

/// The publisher with this id.
pub fn find(id: &str) -> Option<&'static dyn AnyPublisher> {
    ALL.iter().copied().find(|publisher| publisher.info().id == id)
}
