//! Packagers: what turns a payload into a file that a user installs or unpacks. One file a family; the list is [`ALL`].

pub mod appimage;
pub mod archive;
pub mod deb;
pub mod msi;
pub mod rpm;
pub mod setup;

use crate::bench::Workbench;
use crate::bench::files::FileError;
use crate::key::{Certificate, Key, KeyError, Subject};
use crate::layout::{LayoutError, Payload, Tree};
use crate::plugin::{self, Info, Plugin, SettingsError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::member::Kind;
use deploy_model::sha256::Hasher;
use deploy_model::{Listing, Member, MemberKind, RelPath, Release};
use deploy_plan::catalog::{PackagerEntry, Shape};
use deploy_plan::finding::Finding;
use deploy_plan::plan::Package;
use std::collections::BTreeMap;
use std::io::{self, Read};

/// Every packager. To add a format, write its file and add its line.
pub const ALL: &[&dyn AnyPackager] = &[
    &appimage::AppImage,
    &deb::Deb,
    &msi::Msi,
    &rpm::Rpm,
    &setup::Setup,
    &archive::TarGz,
    &archive::TarXz,
    &archive::TarZst,
    &archive::Zip,
];

/// A format.
pub trait Packager: Plugin {
    /// What it makes, and for which targets.
    const SHAPE: Shape;

    /// The files of the project that the settings name, each by its name as it is written there, or what is wrong
    /// with the names. They are inputs of the package: [`Payload::named_files`] has them.
    fn named_files(
        &self,
        settings: &Self::Settings,
        project: &dyn ProjectFiles,
    ) -> Result<BTreeMap<String, RelPath>, Vec<Finding>> {
        let _ = (settings, project);
        Ok(BTreeMap::new())
    }

    /// What is wrong with the settings and the files of the project that go in, said before anything is compiled.
    fn check(&self, settings: &Self::Settings, inspection: &Inspection<'_>) -> Vec<Finding> {
        let _ = (settings, inspection);
        Vec::new()
    }

    /// Where everything stands in the package, and what the package will say of itself.
    fn lay_out(
        &self,
        settings: &Self::Settings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        let _ = (settings, bench);
        Ok(payload.as_it_is())
    }

    /// Writes the tree to a file in the bench's scratch directory: the same bytes for the same arguments.
    fn package(
        &self,
        settings: &Self::Settings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError>;

    /// Puts a signature inside a finished package; for formats whose [`Shape::embeds`] names a signer.
    fn embed(
        &self,
        artifact: &Utf8Path,
        key: &dyn Key,
        subject: &Subject<'_>,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let _ = (key, subject, bench);
        Err(PackageError::NoRoomForSignature { file: artifact.to_owned() })
    }

    /// Checks the signature inside a package.
    fn check_embedded(
        &self,
        artifact: &Utf8Path,
        certificate: &dyn Certificate,
        subject: &Subject<'_>,
    ) -> Result<(), PackageError> {
        let _ = (certificate, subject);
        Err(PackageError::NoRoomForSignature { file: artifact.to_owned() })
    }

    /// Reads an artifact back from its bytes. The content of the members that `keep` chooses is kept.
    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError>;
}

/// The files of the project, for settings that name some.
pub trait ProjectFiles {
    /// The file with this name, relative to the manifest; `field` is where it is written: `package.deb.changelog`.
    fn file(&self, field: &str, name: &str) -> Result<RelPath, Vec<Finding>>;
    /// The files that match a pattern, at least one.
    fn matching(&self, field: &str, pattern: &str) -> Result<Vec<RelPath>, Vec<Finding>>;
}

/// What can be looked at before anything is compiled.
pub struct Inspection<'a> {
    /// The application.
    pub app: &'a deploy_plan::project::App,
    /// The desktop entry, where there is to be one.
    pub desktop: Option<&'a deploy_plan::manifest::Desktop>,
    /// The application as Windows knows it, where there is a target of Windows.
    pub windows: Option<&'a deploy_plan::windows_app::WindowsApp>,
    /// The package as it is planned.
    pub package: &'a Package,
    /// The workspace's root directory, which the files of the plan are relative to.
    pub root: &'a Utf8Path,
    /// The releases that were made here before.
    pub earlier: &'a [Release],
}

/// Chooses the members whose content is kept, by the member and the first bytes of its content, four at most.
pub type Keep<'k> = &'k dyn Fn(&Member, &[u8]) -> bool;

/// An artifact read back.
#[derive(Debug, Default)]
pub struct Contents {
    /// What is inside.
    pub listing: Listing,
    /// The content of the members that were chosen, by path.
    pub kept: BTreeMap<String, Vec<u8>>,
}

impl Contents {
    /// Takes a member in: with the digest of a file's content, and with the content where `keep` chooses it.
    pub fn take_in(&mut self, mut member: Member, content: &mut dyn Read, keep: Keep<'_>) -> io::Result<()> {
        if member.kind == MemberKind::File {
            let mut hasher = Hasher::new();
            let mut bytes = Vec::new();
            (&mut *content).take(4).read_to_end(&mut bytes)?;
            if keep(&member, &bytes) {
                content.read_to_end(&mut bytes)?;
                hasher.update(&bytes);
                self.kept.insert(member.path.clone(), bytes);
            } else {
                hasher.update(&bytes);
                io::copy(content, &mut hasher)?;
            }
            member.sha256 = Some(hasher.finish());
        }
        self.listing.members.push(member);
        Ok(())
    }
}

/// A member as a reader of archives found it, under the path that the listing has it by; an error for what no format
/// of ours ever holds.
fn listed(member: &deploy_formats::member::Member, path: &str) -> io::Result<Member> {
    let (kind, link) = match &member.kind {
        Kind::File => (MemberKind::File, None),
        Kind::Directory => (MemberKind::Directory, None),
        Kind::Symlink { target } => (MemberKind::Symlink, Some(target.clone())),
        Kind::HardLink { target } => {
            return Err(io::Error::other(format!("it is a hard link to {target}, which we never write")));
        }
        Kind::Other { flag } => {
            return Err(io::Error::other(format!("it is of the type {flag}, which we never write")));
        }
    };
    let mode = member.mode.unwrap_or(0);
    Ok(Member { path: path.to_owned(), kind, mode, size: member.size, sha256: None, link })
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
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The payload has no place in the package.
    #[error(transparent)]
    Layout(#[from] LayoutError),
    /// A signature could not be made or is not good.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The format holds no signature.
    #[error("find room for a signature in {file}: its format has none")]
    NoRoomForSignature {
        /// The package.
        file: Utf8PathBuf,
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

/// A package that could not be written.
fn broken(path: &Utf8Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PackageError {
    PackageError::Write { file: path.to_owned(), source: io::Error::other(error) }
}

/// A package that could not be read back.
fn unreadable(path: &Utf8Path, error: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> PackageError {
    PackageError::Read { file: path.to_owned(), source: error.into() }
}

/// A packager whose settings type is forgotten, so that a list can hold it.
pub trait AnyPackager: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> PackagerEntry;
    /// See [`Packager::named_files`].
    fn named_files(
        &self,
        settings: &serde_json::Value,
        project: &dyn ProjectFiles,
    ) -> Result<BTreeMap<String, RelPath>, Vec<Finding>>;
    /// See [`Packager::check`].
    fn check(
        &self,
        settings: &serde_json::Value,
        inspection: &Inspection<'_>,
    ) -> Result<Vec<Finding>, SettingsError>;
    /// See [`Packager::lay_out`].
    fn lay_out(
        &self,
        settings: &serde_json::Value,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError>;
    /// See [`Packager::package`].
    fn package(
        &self,
        settings: &serde_json::Value,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError>;
    /// See [`Packager::embed`].
    fn embed(
        &self,
        artifact: &Utf8Path,
        key: &dyn Key,
        subject: &Subject<'_>,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError>;
    /// See [`Packager::check_embedded`].
    fn check_embedded(
        &self,
        artifact: &Utf8Path,
        certificate: &dyn Certificate,
        subject: &Subject<'_>,
    ) -> Result<(), PackageError>;
    /// See [`Packager::read`].
    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError>;
}

impl<P: Packager> AnyPackager for P {
    fn info(&self) -> Info {
        P::INFO
    }

    fn entry(&self) -> PackagerEntry {
        PackagerEntry { plugin: plugin::entry::<P>(), shape: P::SHAPE }
    }

    fn named_files(
        &self,
        settings: &serde_json::Value,
        project: &dyn ProjectFiles,
    ) -> Result<BTreeMap<String, RelPath>, Vec<Finding>> {
        match plugin::settings::<P>(settings) {
            Ok(settings) => Packager::named_files(self, &settings, project),
            // The manifest's own checks say what is wrong with them.
            Err(_) => Ok(BTreeMap::new()),
        }
    }

    fn check(
        &self,
        settings: &serde_json::Value,
        inspection: &Inspection<'_>,
    ) -> Result<Vec<Finding>, SettingsError> {
        Ok(Packager::check(self, &plugin::settings::<P>(settings)?, inspection))
    }

    fn lay_out(
        &self,
        settings: &serde_json::Value,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        Packager::lay_out(self, &plugin::settings::<P>(settings)?, payload, bench)
    }

    fn package(
        &self,
        settings: &serde_json::Value,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        Packager::package(self, &plugin::settings::<P>(settings)?, payload, tree, bench)
    }

    fn embed(
        &self,
        artifact: &Utf8Path,
        key: &dyn Key,
        subject: &Subject<'_>,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        Packager::embed(self, artifact, key, subject, bench)
    }

    fn check_embedded(
        &self,
        artifact: &Utf8Path,
        certificate: &dyn Certificate,
        subject: &Subject<'_>,
    ) -> Result<(), PackageError> {
        Packager::check_embedded(self, artifact, certificate, subject)
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        Packager::read(self, artifact, keep)
    }
}

/// The packager of a format.
pub fn find(format: &str) -> Option<&'static dyn AnyPackager> {
    ALL.iter().copied().find(|packager| packager.info().id == format)
}

/// The packager whose files end as this name does: the longest ending wins.
pub fn of_file(name: &str) -> Option<&'static dyn AnyPackager> {
    let ending = |packager: &dyn AnyPackager| {
        let pattern = packager.entry().shape.file_name;
        let end = pattern.rsplit('}').next().unwrap_or(pattern).to_owned();
        name.ends_with(&end).then_some(end.len())
    };
    ALL.iter()
        .copied()
        .filter_map(|one| Some((ending(one)?, one)))
        .max_by_key(|(length, _)| *length)
        .map(|(_, one)| one)
}
