//! Keys as signers give them and as packagers and repositories use them: what signs, and what checks a signature.

use camino::Utf8Path;
use deploy_model::Sha256;
use deploy_model::release::CodeSignerRecord;
use std::io::{Read, Seek};

/// A key that can sign.
pub trait Key: Send + Sync {
    /// Whose key it is.
    fn identity(&self) -> &Identity;

    /// A signature of its own over everything that `content` gives, as the bytes of the signature's file.
    fn detached(&self, content: &mut dyn Read, subject: &Subject<'_>) -> Result<Vec<u8>, KeyError>;

    /// A text and the signature over it in one.
    fn cleartext(&self, text: &str, subject: &Subject<'_>) -> Result<String, KeyError>;

    /// The bare signature over some bytes, as package formats put it inside.
    fn packet(&self, content: &[u8], subject: &Subject<'_>) -> Result<Vec<u8>, KeyError>;
}

/// A public key that can check signatures.
pub trait Certificate: Send + Sync {
    /// Identifies the key, in the words of [`Identity::key`].
    fn key(&self) -> &str;

    /// Checks what [`Key::detached`] made.
    fn check_detached(
        &self,
        content: &mut dyn Read,
        signature: &[u8],
        subject: &Subject<'_>,
    ) -> Result<(), KeyError>;

    /// Checks what [`Key::cleartext`] made, and gives the text that was signed.
    fn check_cleartext(&self, signed: &str) -> Result<String, KeyError>;

    /// Checks what [`Key::packet`] made.
    fn check_packet(&self, content: &[u8], signature: &[u8]) -> Result<(), KeyError>;
}

/// A key that signs programs and installers inside their own bytes.
pub trait CodeKey: Send + Sync {
    /// What its signatures are, to be read back.
    fn record(&self) -> &CodeSignerRecord;

    /// Whose key it is and until when it can be used, for people.
    fn found(&self) -> String;

    /// Signs a file that nobody has signed and writes what comes of it to `signed`. Gives the digest of the file
    /// that remains when the signature is taken off again.
    fn sign(&self, file: &Utf8Path, signed: &Utf8Path, subject: &Subject<'_>) -> Result<Sha256, KeyError>;
}

/// Something that signatures inside are read from.
pub trait Content: Read + Seek {}

impl<T: Read + Seek> Content for T {}

/// What a file is to a signer of programs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeState {
    /// Nothing that could be signed.
    Other,
    /// Something that could be signed and is not.
    Unsigned,
    /// Something that is signed.
    Signed,
}

/// Whose key it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Identifies the key: an OpenPGP fingerprint in upper case, a minisign key id.
    pub key: String,
    /// When it was made, in seconds since 1970-01-01 UTC; 0 where the kind of key does not tell.
    pub created: i64,
    /// The public key as the text of a file that users get.
    pub public_key: String,
}

/// What a signature is about.
#[derive(Debug, Clone, Copy)]
pub struct Subject<'a> {
    /// The file.
    pub file: &'a str,
    /// Name of the application.
    pub name: &'a str,
    /// Its version.
    pub version: &'a str,
    /// The moment that the signature says it was made, in seconds since 1970-01-01 UTC: that of the source, but not
    /// before the key.
    pub moment: i64,
}

/// A signature that could not be made, or is not good.
#[derive(Debug, thiserror::Error)]
#[error("{action} {file} with the key {key}")]
pub struct KeyError {
    /// `sign`, or `check the signature of`.
    pub action: &'static str,
    /// The file.
    pub file: String,
    /// The key.
    pub key: String,
    /// What went wrong.
    pub source: Box<dyn std::error::Error + Send + Sync>,
}
