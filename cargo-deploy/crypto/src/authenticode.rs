//! Authenticode: signatures in programs and installers for Windows.
//!
//! Signed are PE files (`.exe`, `.dll`, `.sys`, …) and packages of Windows Installer (`.msi`); the format is the one of
//! "Windows Authenticode Portable Executable Signature Format" (Microsoft, 2008), and for packages what Windows itself
//! writes. Which of both a file is, is seen by its first bytes.
//!
//! Four steps are apart, so that whoever pays for each signature can keep the third's result: [`digest()`] reads the file;
//! [`sign()`] asks the key and the timestamp server and gives a [`Signature`], which is bytes; [`embed()`] writes the signed file; and
//! [`verify()`] reads it back. Keep signatures by [`Policy::cache_key`], and before one is used again, ask [`Signature::fits`].
//!
//! The same digest, key and policy give the same signature, unless there is a timestamp.

mod compound;
mod content;
mod msi;
mod pe;
mod signature;
mod verify;

pub use signature::{PolicyError, SignError, Signature, SignatureError, Signing, Stamper, sign};
pub use verify::{Expectations, Seen, VerifyError, verify};

use crate::asn1;
use crate::certificate::hexadecimal;
use crate::signing_key::Hash;
use std::io::{self, Read, Seek, SeekFrom, Write};
use thiserror::Error;

/// What is read and written at once.
const BUFFER: usize = 1 << 20;
/// Tables of certificates are a few ten kilobytes.
const LARGEST_SIGNATURE: u64 = 16 << 20;

/// What a file is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// A program or library.
    Pe,
    /// A package of Windows Installer.
    Msi,
}

/// Why a file cannot be signed, or its signature not be read.
#[derive(Debug, Error)]
pub enum FileError {
    /// It cannot be read.
    #[error("read the file")]
    Read {
        /// Of the reader.
        source: io::Error,
    },
    /// It cannot be written.
    #[error("write the signed file")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
    /// It is none of those that bear such signatures.
    #[error("sign the file: it is neither a PE file nor a package of Windows Installer")]
    Kind,
    /// It is one, but damaged.
    #[error("read the {}: {problem}", .kind.noun())]
    Damaged {
        /// What it is.
        kind: Kind,
        /// What is wrong.
        problem: &'static str,
    },
    /// It is larger than Windows reads.
    #[error("sign the {}: it has {bytes} bytes, and Windows reads less than {limit}", .kind.noun())]
    Large {
        /// What it is.
        kind: Kind,
        /// How large it is.
        bytes: u64,
        /// What Windows reads.
        limit: u64,
    },
    /// What is signed of a package depends on the hash of the outer signature.
    #[error(
        "embed the signature: the signatures of a package of Windows Installer have to be of the same hash"
    )]
    NestedHash,
    /// The signature is one of another file, or of another state of this one.
    #[error("embed the signature: it is one of another file")]
    OtherFile,
}

impl Kind {
    fn noun(self) -> &'static str {
        match self {
            Kind::Pe => "PE file",
            Kind::Msi => "package of Windows Installer",
        }
    }
}

pub(crate) fn read_error(source: io::Error) -> FileError {
    FileError::Read { source }
}

pub(crate) fn write_error(source: io::Error) -> FileError {
    FileError::Write { source }
}

/// What is signed of a file: everything but the places where signatures stand.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Digest {
    kind: Kind,
    hash: Hash,
    bytes: Vec<u8>,
    /// Of PE files, what the checksum is made of.
    sum: u64,
}

impl Digest {
    /// What the file is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// By which it was made.
    pub fn hash(&self) -> Hash {
        self.hash
    }

    /// The digest itself.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// What a file is by its first bytes; `None` for what bears no such signatures. The position is the beginning after that.
///
/// # Errors
/// If the file cannot be read.
pub fn kind<F: Read + Seek>(file: &mut F) -> Result<Option<Kind>, FileError> {
    let mut head = Vec::with_capacity(8);
    file.seek(SeekFrom::Start(0)).map_err(read_error)?;
    file.by_ref().take(8).read_to_end(&mut head).map_err(read_error)?;
    file.seek(SeekFrom::Start(0)).map_err(read_error)?;
    Ok(if head.starts_with(b"MZ") {
        Some(Kind::Pe)
    } else if head == compound::MAGIC {
        Some(Kind::Msi)
    } else {
        None
    })
}

fn known<F: Read + Seek>(file: &mut F) -> Result<Kind, FileError> {
    kind(file)?.ok_or(FileError::Kind)
}

/// Reads what is signed of a file. Signatures that it has already do not change that.
///
/// # Errors
/// If the file is not one that can be signed, or cannot be read.
pub fn digest<F: Read + Seek>(file: &mut F, hash: Hash) -> Result<Digest, FileError> {
    match known(file)? {
        Kind::Pe => pe::digest(file, hash),
        Kind::Msi => msi::digest(file, hash, true),
    }
}

/// Whether a file bears a signature, whatever it is worth. Only tables at the beginning and the directory are read.
///
/// # Errors
/// If the file is not one that can be signed, or cannot be read.
pub fn is_signed<F: Read + Seek>(file: &mut F) -> Result<bool, FileError> {
    match known(file)? {
        Kind::Pe => pe::is_signed(file),
        Kind::Msi => msi::is_signed(file),
    }
}

/// The signature of a file, unchecked.
///
/// # Errors
/// If the file is not one that can be signed, or cannot be read, or the signature is cut off.
pub fn signature<F: Read + Seek>(file: &mut F) -> Result<Option<Signature>, FileError> {
    let kind = known(file)?;
    let found = match kind {
        Kind::Pe => pe::signature(file)?,
        Kind::Msi => msi::signature(file)?,
    };
    let problem = "its signature is damaged";
    found.map(|der| Signature::from_der(&der).map_err(|_| FileError::Damaged { kind, problem })).transpose()
}

/// Writes the file with this signature in the place of those it has. `digest` is the one of the file.
///
/// PE files get a length that is a multiple of eight; packages are laid out anew, each stream in one piece.
///
/// # Errors
/// If the signature is not one of this digest, holds one by another hash in a package, or reading or writing fails.
pub fn embed<F: Read + Seek, W: Write>(
    file: &mut F,
    digest: &Digest,
    signature: &Signature,
    output: &mut W,
) -> Result<(), FileError> {
    let signed = signature.signed().map_err(|_| FileError::OtherFile)?;
    if signed != (digest.kind, digest.hash, digest.bytes.clone()) || known(file)? != digest.kind {
        return Err(FileError::OtherFile);
    }
    let nested = signature.nested().map_err(|_| FileError::OtherFile)?;
    let other = |nested: &Signature| nested.signed().is_ok_and(|(_, hash, _)| hash != digest.hash);
    if digest.kind == Kind::Msi && nested.iter().any(other) {
        return Err(FileError::NestedHash);
    }
    match digest.kind {
        Kind::Pe => pe::embed(file, digest.sum, signature.der(), output),
        Kind::Msi => msi::embed(file, digest, signature.der(), output),
    }
}

/// Writes the file without its signature: the bytes that were signed, where PE files had a right checksum and a length
/// that is a multiple of eight, and packages were laid out in one piece. A file without a signature comes out in that form.
///
/// # Errors
/// If the file is not one that can be signed, or reading or writing fails.
pub fn strip<F: Read + Seek, W: Write>(file: &mut F, output: &mut W) -> Result<(), FileError> {
    match known(file)? {
        Kind::Pe => pe::strip(file, output),
        Kind::Msi => msi::strip(file, output),
    }
}

/// How files are signed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    /// Of the file and of the signature.
    pub hash: Hash,
    /// What Windows shows as the name of the program when it asks for rights.
    pub description: Option<String>,
    /// Where it leads for more information.
    pub url: Option<String>,
    /// Whether a signature needs a timestamp.
    pub timestamp: bool,
}

impl Policy {
    /// A name for the signature of this digest by this key: 64 hexadecimal digits. Signatures of one name may take each other's
    /// place, once [`Signature::fits`] has said so.
    pub fn cache_key(&self, digest: &Digest, identity: &str) -> String {
        let kind = digest.kind.noun();
        let flag = [u8::from(self.timestamp)];
        let optional =
            |text: &Option<String>| text.as_ref().map_or(vec![], |text| [b"+", text.as_bytes()].concat());
        let parts: [&[u8]; 8] = [
            b"authenticode 1",
            kind.as_bytes(),
            self.hash.name().as_bytes(),
            &digest.bytes,
            identity.as_bytes(),
            &optional(&self.description),
            &optional(&self.url),
            &flag,
        ];
        let encoded: Vec<u8> = parts.iter().flat_map(|part| asn1::encode(asn1::OCTET_STRING, part)).collect();
        hexadecimal(&Hash::Sha256.digest(&encoded))
    }
}
