//! Packagers: what turns a payload into a file that a user installs or unpacks. One file a family; the list is [`ALL`].

pub mod archive;

use crate::bench::Workbench;
use crate::bench::files::FileError;
use crate::plugin::{self, Info, Plugin, SettingsError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::{Listing, Member, RelPath, Sha256, Triple};
use deploy_plan::catalog::{PackagerEntry, Shape};
use deploy_plan::project::Level;
use std::collections::BTreeMap;
use std::io;

/// Every packager. To add a format, write its file and add its line.
pub const ALL: &[&dyn AnyPackager] = &[&archive::TarGz, &archive::TarXz, &archive::TarZst, &archive::Zip];

/// What goes into a package, whatever the format.
#[derive(Debug, Clone)]
pub struct Payload {
    /// Name of the application.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The target.
    pub triple: Triple,
    /// Name of the file to make.
    pub file: String,
    /// The directory that everything goes below, for formats that have one.
    pub root: Option<RelPath>,
    /// How hard to compress.
    pub level: Level,
    /// The entries, sorted by path; directories are not among them.
    pub entries: Vec<Entry>,
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
}

/// A format.
pub trait Packager: Plugin {
    /// What it makes, and for which targets.
    const SHAPE: Shape;

    /// Turns a payload into a file in the bench's scratch directory: the same bytes for the same arguments.
    fn package(
        &self,
        settings: &Self::Settings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError>;

    /// Where an entry stands in the artifact, as [`Packager::read`] will spell it.
    fn place(&self, payload: &Payload, entry: &Entry) -> String {
        match &payload.root {
            Some(root) => entry.path.below(root).to_string(),
            None => entry.path.to_string(),
        }
    }

    /// Reads an artifact back from its bytes. The content of the members that `keep` chooses is kept.
    fn read(&self, artifact: &Utf8Path, keep: &dyn Fn(&Member) -> bool) -> Result<Contents, PackageError>;
}

/// An artifact read back.
#[derive(Debug, Default)]
pub struct Contents {
    /// What is inside.
    pub listing: Listing,
    /// The content of the members that were chosen, by path.
    pub kept: BTreeMap<String, Vec<u8>>,
}

/// A package that could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PackageError {
    /// The settings cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file of the work directory or of the payload failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// An entry could not be packed.
    #[error("pack {path}")]
    Entry {
        /// Where it goes.
        path: RelPath,
        /// What went wrong.
        source: io::Error,
    },
    /// The package as a whole could not be written.
    #[error("write {file}")]
    Write {
        /// The package.
        file: Utf8PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The package's bytes are not what its format asks for.
    #[error("read {file} back")]
    Read {
        /// The package.
        file: Utf8PathBuf,
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A packager whose settings type is forgotten, so that a list can hold it.
pub trait AnyPackager: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> PackagerEntry;
    /// See [`Packager::package`].
    fn package(
        &self,
        settings: &serde_json::Value,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError>;
    /// See [`Packager::place`].
    fn place(&self, payload: &Payload, entry: &Entry) -> String;
    /// See [`Packager::read`].
    fn read(&self, artifact: &Utf8Path, keep: &dyn Fn(&Member) -> bool) -> Result<Contents, PackageError>;
}

impl<P: Packager> AnyPackager for P {
    fn info(&self) -> Info {
        P::INFO
    }

    fn entry(&self) -> PackagerEntry {
        PackagerEntry { plugin: plugin::entry::<P>(), shape: P::SHAPE }
    }

    fn package(
        &self,
        settings: &serde_json::Value,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        Packager::package(self, &plugin::settings::<P>(settings)?, payload, bench)
    }

    fn place(&self, payload: &Payload, entry: &Entry) -> String {
        Packager::place(self, payload, entry)
    }

    fn read(&self, artifact: &Utf8Path, keep: &dyn Fn(&Member) -> bool) -> Result<Contents, PackageError> {
        Packager::read(self, artifact, keep)
    }
}

/// The packager of a format.
pub fn find(format: &str) -> Option<&'static dyn AnyPackager> {
    ALL.iter().copied().find(|packager| packager.info().id == format)
}

/// The packager whose files end as this name does: the longest ending wins.
pub fn of_file(name: &str) -> Option<&'static dyn AnyPackager> {
    ALL.iter()
        .copied()
        .filter(|packager| name.ends_with(&format!(".{}", packager.info().id)))
        .max_by_key(|packager| packager.info().id.len())
}
