//! The cache: files by their digest, and for each step's key the files that it made.
//!
//! ```text
//! target/deploy/.cache/objects/ab/cdef…   content, by SHA-256
//! target/deploy/.cache/actions/ab/cdef…   receipts, by fingerprint
//! ```
//!
//! An entry is checked whenever it is used: an object's digest is computed again unless its inode says that it has
//! not changed since that was last done. What is torn, flipped or gone is dropped, and the step runs again.

use crate::bench::files::{self, FileError};
use crate::bench::memo::DigestMemo;
use crate::engine::fingerprint::Fingerprint;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::{Linkage, Sha256};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// What a step made.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Receipt {
    /// Files, by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, Output>,
    /// For each examined binary, what its images say.
    #[serde(default)]
    pub linkage: BTreeMap<String, Vec<Linkage>>,
    /// The files that a package must hold.
    #[serde(default)]
    pub contents: Vec<deploy_model::artifact::Content>,
    /// The links that a package must hold, with where they point.
    #[serde(default)]
    pub links: BTreeMap<String, String>,
    /// What a package must say of itself.
    #[serde(default)]
    pub properties: BTreeMap<String, String>,
    /// For outputs that carry a signature in their own bytes, what it is.
    #[serde(default)]
    pub code_signatures: BTreeMap<String, deploy_model::artifact::CodeSignature>,
}

/// A file that a step made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Output {
    /// Digest of its content.
    pub sha256: Sha256,
    /// Size in bytes.
    pub size: u64,
    /// Whether it can be executed.
    #[serde(default)]
    pub executable: bool,
    /// Where it is now: an object of the store, or for compiled binaries their place in cargo's directory.
    #[serde(skip)]
    pub path: Utf8PathBuf,
}

/// The cache of one target directory.
#[derive(Debug)]
pub struct Store {
    directory: Utf8PathBuf,
}

/// What a look into the cache gave.
#[derive(Debug)]
pub enum Lookup {
    /// Everything is there and is what it was.
    Found(Receipt),
    /// There is no entry.
    Absent,
    /// There was an entry, but it was damaged; it is dropped.
    Damaged {
        /// What was wrong.
        what: String,
        /// The damaged object, where it is one.
        object: Option<Utf8PathBuf>,
    },
}

impl Store {
    /// The store in a directory, made when it is not there.
    pub fn open(directory: &Utf8Path) -> Result<Self, FileError> {
        for part in ["objects", "actions"] {
            files::create_directory(&directory.join(part))?;
        }
        Ok(Store { directory: directory.to_owned() })
    }

    /// The store in a directory that may not be there: for looking only.
    pub fn look(directory: &Utf8Path) -> Self {
        Store { directory: directory.to_owned() }
    }

    fn place(&self, part: &str, digest: &Sha256) -> Utf8PathBuf {
        let (shard, rest) = digest.as_str().split_at(2);
        self.directory.join(part).join(shard).join(rest)
    }

    /// Where the content with this digest is or would be.
    pub fn object(&self, digest: &Sha256) -> Utf8PathBuf {
        self.place("objects", digest)
    }

    /// Moves a work file into the store.
    pub fn adopt(&self, file: &Utf8Path, executable: bool, memo: &DigestMemo) -> Result<Output, FileError> {
        let (sha256, size) = files::digest(file)?;
        let object = self.object(&sha256);
        if let Some(parent) = object.parent() {
            files::create_directory(parent)?;
        }
        files::set_executable(file, executable)?;
        files::rename(file, &object)?;
        memo.learn(&object, &sha256)?;
        Ok(Output { sha256, size, executable, path: object })
    }

    /// The receipt of an earlier run with the same fingerprint. What is damaged is dropped.
    pub fn look_up(&self, fingerprint: &Fingerprint, memo: &DigestMemo) -> Result<Lookup, FileError> {
        let found = self.peek(fingerprint, memo)?;
        if let Lookup::Damaged { object, .. } = &found {
            files::remove_file(&self.place("actions", &fingerprint.key()))?;
            if let Some(object) = object {
                files::remove_file(object)?;
            }
        }
        Ok(found)
    }

    /// As [`Store::look_up`], and changes nothing.
    pub fn peek(&self, fingerprint: &Fingerprint, memo: &DigestMemo) -> Result<Lookup, FileError> {
        let path = self.place("actions", &fingerprint.key());
        let Some(bytes) = files::read_if_exists(&path)? else { return Ok(Lookup::Absent) };
        let Some(mut receipt) = Self::decode(&bytes) else {
            return Ok(Lookup::Damaged { what: "its receipt cannot be read".to_owned(), object: None });
        };
        for (name, output) in &mut receipt.outputs {
            let object = self.object(&output.sha256);
            let what = match memo.digest(&object)? {
                Some((sha256, _)) if sha256 == output.sha256 => {
                    output.path = object;
                    continue;
                }
                None => format!("{name} is gone"),
                Some((sha256, _)) => {
                    format!("{name} has the digest {} and not {}", sha256.short(), output.sha256.short())
                }
            };
            return Ok(Lookup::Damaged { what, object: Some(object) });
        }
        Ok(Lookup::Found(receipt))
    }

    /// Keeps a receipt. All its outputs must be in the store.
    pub fn keep(&self, fingerprint: &Fingerprint, receipt: &Receipt) -> Result<(), FileError> {
        let path = self.place("actions", &fingerprint.key());
        if let Some(parent) = path.parent() {
            files::create_directory(parent)?;
        }
        files::replace(&path, &Self::encode(receipt))
    }

    /// A receipt carries its own digest, so that a flipped bit in it is seen.
    fn encode(receipt: &Receipt) -> Vec<u8> {
        let body = serde_json::to_vec(receipt).unwrap_or_default();
        let mut bytes = Sha256::of(&body).as_str().as_bytes().to_vec();
        bytes.push(b'\n');
        bytes.extend_from_slice(&body);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Receipt> {
        let (digest, body) = bytes.split_at_checked(65)?;
        let digest: Sha256 = std::str::from_utf8(digest).ok()?.strip_suffix('\n')?.parse().ok()?;
        (Sha256::of(body) == digest).then(|| serde_json::from_slice(body).ok()).flatten()
    }
}
