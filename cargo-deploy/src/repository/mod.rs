//! Package repositories: what lets package managers install by name from a directory or a web server. One file each;
//! the list is [`ALL`].

pub mod apt;
pub mod rpm;
#[cfg(test)]
mod tests;

use crate::bench::Workbench;
use crate::bench::files::FileError;
use crate::key::Certificate;
use crate::plugin::{self, Info, Plugin, SettingsError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use deploy_plan::catalog::{Offer, RepositoryEntry};
use deploy_plan::project::App;
use std::collections::BTreeMap;

/// Every kind of repository. To add one, write its file and add its line.
pub const ALL: &[&dyn AnyRepository] = &[&apt::Apt, &rpm::Rpm];

/// What a repository is made of.
#[derive(Debug, Clone, Copy)]
pub struct Stock<'a> {
    /// The application.
    pub app: &'a App,
    /// The packages that it offers, sorted by file name.
    pub packages: &'a [StockedPackage],
    /// The public key that its signatures are checked with, and the name of that file; `None` for a repository
    /// without signatures.
    pub public_key: Option<(&'a str, &'a str)>,
}

/// A package that a repository offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StockedPackage {
    /// Its file name in the release.
    pub file: String,
    /// Where it is now.
    pub path: Utf8PathBuf,
    /// Its digest.
    pub sha256: Sha256,
    /// Its size in bytes.
    pub size: u64,
}

/// A file of a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryFile {
    /// One that was made, in the bench's scratch directory.
    Made(Utf8PathBuf),
    /// One of the packages, by its file name in the release.
    Package(String),
}

/// A kind of repository.
pub trait Repository: Plugin {
    /// What it offers, and what of it is signed.
    const OFFER: Offer;

    /// Makes every file of the repository but the signatures, by its path below the repository's directory.
    fn index(
        &self,
        settings: &Self::Settings,
        stock: &Stock<'_>,
        bench: &Workbench<'_>,
    ) -> Result<BTreeMap<String, RepositoryFile>, RepositoryError>;

    /// Reads a repository back as its clients would: every index, digest and signature; each of `packages`, by file
    /// name and digest, must be offered, and nothing else. Gives everything that is wrong, a sentence each.
    fn verify(
        &self,
        files: &BTreeMap<String, Utf8PathBuf>,
        packages: &BTreeMap<String, Sha256>,
        certificate: Option<&dyn Certificate>,
    ) -> Result<Vec<Flaw>, FileError>;
}

/// Something that is wrong with a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// The file, below the repository's directory.
    pub file: String,
    /// What was found and what was expected.
    pub message: String,
}

/// A repository that could not be made.
#[derive(Debug, thiserror::Error)]
pub enum RepositoryError {
    /// The settings cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A package cannot be offered.
    #[error("offer {file} in the repository")]
    Package {
        /// The package.
        file: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// An index could not be written.
    #[error("write {file} of the repository")]
    Write {
        /// The index.
        file: String,
        /// Why not.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// A repository whose settings type is forgotten, so that a list can hold it.
pub trait AnyRepository: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> RepositoryEntry;
    /// See [`Repository::index`].
    fn index(
        &self,
        settings: &serde_json::Value,
        stock: &Stock<'_>,
        bench: &Workbench<'_>,
    ) -> Result<BTreeMap<String, RepositoryFile>, RepositoryError>;
    /// See [`Repository::verify`].
    fn verify(
        &self,
        files: &BTreeMap<String, Utf8PathBuf>,
        packages: &BTreeMap<String, Sha256>,
        certificate: Option<&dyn Certificate>,
    ) -> Result<Vec<Flaw>, FileError>;
}

impl<R: Repository> AnyRepository for R {
    fn info(&self) -> Info {
        R::INFO
    }

    fn entry(&self) -> RepositoryEntry {
        RepositoryEntry { plugin: plugin::entry::<R>(), offer: R::OFFER }
    }

    fn index(
        &self,
        settings: &serde_json::Value,
        stock: &Stock<'_>,
        bench: &Workbench<'_>,
    ) -> Result<BTreeMap<String, RepositoryFile>, RepositoryError> {
        Repository::index(self, &plugin::settings::<R>(settings)?, stock, bench)
    }

    fn verify(
        &self,
        files: &BTreeMap<String, Utf8PathBuf>,
        packages: &BTreeMap<String, Sha256>,
        certificate: Option<&dyn Certificate>,
    ) -> Result<Vec<Flaw>, FileError> {
        Repository::verify(self, files, packages, certificate)
    }
}

/// The repository with this id.
pub fn find(id: &str) -> Option<&'static dyn AnyRepository> {
    ALL.iter().copied().find(|repository| repository.info().id == id)
}

/// A file of the repository in the bench's scratch directory, its directories made.
pub fn scratch_file(bench: &Workbench<'_>, name: &str) -> Result<Utf8PathBuf, FileError> {
    let path = bench.file(name);
    crate::bench::files::create_directory(path.parent().unwrap_or(Utf8Path::new("")))?;
    Ok(path)
}
