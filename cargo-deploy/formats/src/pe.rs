//! Programs and libraries of Windows: read with bounds, and finished with what a Windows user expects to find in them: a version, an
//! icon, a manifest (Microsoft, "PE Format"; section names below are those of that document).
//!
//! [`Pe`] reads the headers of a file at once and the rest when it is asked for, so that a question about a file of
//! 200 MB costs a few reads. [`finish`] takes the bytes, changes them where they are and gives them back: one copy in memory, besides
//! the resources.
//!
//! The code runs on no particular processor: PE32 and PE32+ files for x86, x64 and arm64 are all alike to it.

mod application_manifest;
mod checksum;
#[cfg(test)]
mod clients;
mod finishing;
mod headers;
mod icon_group;
mod import;
mod resources;
#[cfg(test)]
mod sample;
mod section;
#[cfg(test)]
mod tests;
mod version_info;

use std::io::{self, Cursor, Read, Seek, SeekFrom};
use std::ops::Range;

use thiserror::Error;

pub use application_manifest::{
    ApplicationManifest, ApplicationManifestError, DpiAwareness, ExecutionLevel, WindowsVersion,
};
pub use finishing::{Finishing, Manifest, Policy, Resource, Wanted, finish};
pub use headers::{Directory, Headers, Section};
pub use import::{CRuntime, RuntimeOrigin};
pub use resources::{ResourceKey, ResourceName, Resources, kind};
pub use version_info::{VersionInfo, VersionInfoError};

use crate::linkage::Subsystem;

/// Why a PE file cannot be read or finished.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum PeError {
    /// The reader failed.
    #[error("read the program")]
    Read {
        /// Of the reader.
        source: io::Error,
    },
    /// It is another kind of file.
    #[error("read the program: it is no PE file: {problem}")]
    NotPe {
        /// What is missing.
        problem: &'static str,
    },
    /// The headers contradict each other or the length of the file.
    #[error("read the program: {problem}")]
    Damaged {
        /// What does not fit.
        problem: String,
    },
    /// Finishing would break its signature.
    #[error(
        "finish the program: it is signed, and any change would break the signature; finish it first, then sign it"
    )]
    Signed,
    /// The layout of the file leaves no place for resources.
    #[error("write the resources: {problem}")]
    NoPlace {
        /// Why not.
        problem: &'static str,
    },
    /// The resources together.
    #[error("write the resources: together they have {size} bytes, and a program can hold 2 GiB")]
    TooLarge {
        /// In bytes.
        size: u64,
    },
    /// The version information that is in the file, or that should be put there.
    #[error(transparent)]
    VersionInfo {
        /// What is wrong with it.
        #[from]
        source: VersionInfoError,
    },
    /// The manifest that is in the file, or that should be put there.
    #[error(transparent)]
    Manifest {
        /// What is wrong with it.
        #[from]
        source: ApplicationManifestError,
    },
    /// No number is left for a picture of an icon.
    #[error("write the icons: the program has pictures under all the 65535 numbers there are")]
    TooManyPictures,
    /// The program opens a console window though it should not, or the reverse.
    #[error("use the program: its subsystem is {found}, and {wanted} is wanted; {mend}")]
    WrongSubsystem {
        /// What the file has.
        found: &'static str,
        /// What was asked for.
        wanted: &'static str,
        /// What to do.
        mend: &'static str,
    },
}

pub(crate) fn damaged(problem: impl Into<String>) -> PeError {
    PeError::Damaged { problem: problem.into() }
}

/// An open PE file: its headers are read and checked, everything else is read when it is asked for.
#[derive(Debug)]
pub struct Pe<R> {
    /// What the file says of itself.
    pub headers: Headers,
    reader: R,
}

impl<'a> Pe<Cursor<&'a [u8]>> {
    /// Reads the headers of a file in memory.
    pub fn read(bytes: &'a [u8]) -> Result<Self, PeError> {
        Pe::open(Cursor::new(bytes))
    }
}

impl<R: Read + Seek> Pe<R> {
    /// Reads the headers of a file.
    pub fn open(mut reader: R) -> Result<Self, PeError> {
        let length = reader.seek(SeekFrom::End(0)).map_err(|source| PeError::Read { source })?;
        let headers = Headers::read(&mut reader, length)?;
        Ok(Pe { headers, reader })
    }

    /// The names of the libraries that Windows loads with it, in the order of the file.
    pub fn imports(&mut self) -> Result<Vec<String>, PeError> {
        import::imports(&self.headers, &mut self.reader)
    }

    /// The names of the libraries that it loads when it first calls them.
    pub fn delayed_imports(&mut self) -> Result<Vec<String>, PeError> {
        import::delayed_imports(&self.headers, &mut self.reader)
    }

    /// The libraries of a C or C++ runtime that it needs, delayed ones included. Empty for a program that brings its own, as
    /// `-C target-feature=+crt-static` makes it.
    pub fn c_runtime(&mut self) -> Result<Vec<CRuntime>, PeError> {
        let mut libraries = self.imports()?;
        libraries.extend(self.delayed_imports()?);
        Ok(import::c_runtime(&libraries))
    }

    /// All resources, with their content.
    pub fn resources(&mut self) -> Result<Resources<'static>, PeError> {
        Resources::read(&self.headers, &mut self.reader, |_| true)
    }

    /// The version information; where there are several, the one that Windows shows for English or else the first.
    pub fn version_info(&mut self) -> Result<Option<VersionInfo>, PeError> {
        let resources =
            Resources::read(&self.headers, &mut self.reader, |key| key.kind == kind::VERSION.into())?;
        let found = resources.first_of(&kind::VERSION.into());
        found.map(|(key, content)| Ok(VersionInfo::read(content, key.language)?)).transpose()
    }

    /// The application manifest as it stands in the file.
    pub fn manifest(&mut self) -> Result<Option<Vec<u8>>, PeError> {
        let resources =
            Resources::read(&self.headers, &mut self.reader, |key| key.kind == kind::MANIFEST.into())?;
        Ok(resources.first_of(&kind::MANIFEST.into()).map(|(_, content)| content.to_vec()))
    }

    /// The checksum that the file should have; [`Headers::checksum`] is the one it has, 0 where none was computed. The whole file
    /// is read.
    pub fn computed_checksum(&mut self) -> Result<u32, PeError> {
        checksum::of_reader(&mut self.reader, self.headers.checksum_offset())
    }

    /// Refuses a program that opens a console window where none is wanted, and the reverse.
    pub fn check_subsystem(&self, wanted: Subsystem) -> Result<(), PeError> {
        let found = self.headers.subsystem;
        if found == wanted {
            return Ok(());
        }
        let mend = match wanted {
            Subsystem::Gui => {
                "write `#![windows_subsystem = \"windows\"]` at the top of its main.rs, or it opens a black window behind its own"
            }
            Subsystem::Console => {
                "take `#![windows_subsystem = \"windows\"]` out of its main.rs, or nobody sees what it prints"
            }
            _ => "see how it is linked",
        };
        Err(PeError::WrongSubsystem { found: subsystem_name(found), wanted: subsystem_name(wanted), mend })
    }
}

fn subsystem_name(subsystem: Subsystem) -> &'static str {
    match subsystem {
        Subsystem::Console => "console",
        Subsystem::Gui => "windows",
        Subsystem::Native => "native",
        Subsystem::Efi => "EFI",
        Subsystem::Other(_) => "an unusual one",
    }
}

/// Some bytes of a file, which must be there.
fn read_range(
    reader: &mut (impl Read + Seek),
    range: Range<u64>,
    length: u64,
    what: &str,
) -> Result<Vec<u8>, PeError> {
    if range.start > range.end || range.end > length {
        return Err(damaged(format!("{what} reaches beyond the end of the file")));
    }
    let size =
        usize::try_from(range.end - range.start).map_err(|_| damaged(format!("{what} is too large")))?;
    reader.seek(SeekFrom::Start(range.start)).map_err(|source| PeError::Read { source })?;
    let mut bytes = vec![0; size];
    reader.read_exact(&mut bytes).map_err(|source| PeError::Read { source })?;
    Ok(bytes)
}

/// A number of two bytes; 0 behind the end, whose callers have checked the length before.
fn u16_at(bytes: &[u8], at: usize) -> u16 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u16::from_le_bytes(*bytes))
}

/// A number of four bytes; 0 behind the end, whose callers have checked the length before.
fn u32_at(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..).and_then(<[u8]>::first_chunk).map_or(0, |bytes| u32::from_le_bytes(*bytes))
}

/// Writes into bytes that are there, as callers have checked before.
fn put(bytes: &mut [u8], at: usize, value: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at.saturating_add(value.len())) {
        place.copy_from_slice(value);
    }
}

/// The next multiple of a power of two, or `None` beyond what fits.
fn align(value: u64, alignment: u32) -> u64 {
    value.next_multiple_of(u64::from(alignment.max(1)))
}
