//! minisign: its secret and public keys, and signatures that sign their own comment.
//!
//! The formats are those of minisign 0.11 (its manual, section "Signature format" and "Secret key format"). Written are
//! prehashed signatures, `ED`: Ed25519 over the BLAKE2b-512 of the content, so that content of any size is read once.
//! The older `Ed` over the content itself is recognised and refused.
//!
//! Keys that minisign makes with a password are locked by scrypt with a gigabyte of memory, and so does unlocking them
//! take a gigabyte for a moment, here as there.

use crate::Secret;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use blake2::digest::consts::U32;
use blake2::{Blake2b, Blake2b512, Digest as _};
use ed25519_dalek::{Signature, Signer as _, SigningKey as Ed25519, VerifyingKey};
use std::fmt;
use std::io::{self, Read};
use thiserror::Error;
use zeroize::Zeroizing;

/// Keys and signatures are a few hundred bytes.
const LARGEST: usize = 64 << 10;
/// minisign reads trusted comments up to this many bytes.
const LONGEST_COMMENT: usize = 8192;
/// More memory than this for unlocking a key is not what minisign asks for; it asks for half of it.
const MOST_MEMORY: u64 = 2 << 30;
/// More work than this neither; minisign asks for a thirty-second of it.
const MOST_OPERATIONS: u64 = 1 << 30;

const ALGORITHM: &[u8; 2] = b"Ed";
const PREHASHED: &[u8; 2] = b"ED";
const CHECKSUM: &[u8; 2] = b"B2";
const SCRYPT: &[u8; 2] = b"Sc";
const UNLOCKED: &[u8; 2] = &[0, 0];

/// Why a minisign key cannot be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum KeyError {
    /// It is no key of minisign.
    #[error("read the minisign key: {problem}")]
    Format {
        /// What is wrong.
        problem: &'static str,
    },
    /// It is the public key.
    #[error(
        "sign with the minisign key {id}: this is the public key; the secret one begins with `untrusted comment: minisign encrypted secret key`"
    )]
    Public {
        /// Of the key.
        id: KeyId,
    },
    /// It is the secret key where users should get the public one.
    #[error("read the minisign public key: this is a secret key")]
    SecretKey,
    /// It is locked, and no password was given. Its id is locked too.
    #[error("unlock the minisign key: it is protected by a password, and none was given")]
    PasswordMissing,
    /// The password does not unlock it.
    #[error("unlock the minisign key: the password is wrong")]
    PasswordWrong,
    /// Unlocking asks for more than any minisign does.
    #[error("unlock the minisign key: it asks for {mebibytes} MiB of memory, which no key of minisign does")]
    Memory {
        /// How much.
        mebibytes: u64,
    },
}

/// Why a minisign signature cannot be made.
#[derive(Debug, Error)]
pub enum SignError {
    /// What should be signed cannot be read.
    #[error("read what should be signed")]
    Content {
        /// Of the reader.
        source: io::Error,
    },
    /// A comment is one line of text.
    #[error("sign with minisign: the comment holds {found}, and must be one line")]
    Comment {
        /// What it holds.
        found: &'static str,
    },
    /// minisign would not read it.
    #[error("sign with minisign: the comment has {bytes} bytes, and minisign reads up to {LONGEST_COMMENT}")]
    LongComment {
        /// Its size.
        bytes: usize,
    },
}

/// Why a minisign signature does not hold.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It is no signature of minisign.
    #[error("read the minisign signature: {problem}")]
    Format {
        /// What is wrong.
        problem: &'static str,
    },
    /// The content cannot be read.
    #[error("read what was signed")]
    Content {
        /// Of the reader.
        source: io::Error,
    },
    /// Another key made it.
    #[error("verify the minisign signature: it was made by the key {found}, and not by {expected}")]
    OtherKey {
        /// Of the signature.
        found: KeyId,
        /// It was verified with.
        expected: KeyId,
    },
    /// The content is not what was signed.
    #[error("verify the minisign signature: it does not fit what it should have signed")]
    Mismatch,
    /// The trusted comment is not the one that was signed.
    #[error("verify the minisign signature: its trusted comment is not the one that was signed")]
    Comment,
}

/// The id of a key: a random number, shown as minisign shows it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:016X}", u64::from_le_bytes(self.0))
    }
}

/// What users verify with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicKey {
    id: KeyId,
    key: VerifyingKey,
}

impl PublicKey {
    /// Reads the content of a `.pub` file, or the line of base64 alone that `minisign -P` takes.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyError> {
        let data = key_data(bytes)?;
        if data.len() == SECRET_KEY {
            return Err(KeyError::SecretKey);
        }
        let mut fields = Fields(&data);
        if fields.take() != Some(*ALGORITHM) {
            return Err(KeyError::Format { problem: "it is not for Ed25519" });
        }
        let (Some(id), Some(key), []) = (fields.take(), fields.take::<32>(), fields.0) else {
            return Err(KeyError::Format { problem: "it has another length than a minisign key" });
        };
        let key = VerifyingKey::from_bytes(&key)
            .map_err(|_| KeyError::Format { problem: "its number is no point of the curve" })?;
        Ok(PublicKey { id: KeyId(id), key })
    }

    /// Its id.
    pub fn id(&self) -> KeyId {
        self.id
    }

    /// The line of base64 that people put into manuals: `minisign -P`.
    pub fn base64(&self) -> String {
        STANDARD.encode([&ALGORITHM[..], &self.id.0, self.key.as_bytes()].concat())
    }

    /// The content of a `.pub` file.
    pub fn file(&self) -> String {
        // In this comment minisign writes no zeros in front of the id.
        let id = self.id.to_string();
        format!("untrusted comment: minisign public key {}\n{}\n", id.trim_start_matches('0'), self.base64())
    }

    /// Verifies a signature file over `content`, which is read to its end, and gives the trusted comment.
    pub fn verify(&self, signature: &[u8], content: impl Read) -> Result<String, VerifyError> {
        let format = |problem| VerifyError::Format { problem };
        if signature.len() > LARGEST {
            return Err(format("it is too large"));
        }
        let text = std::str::from_utf8(signature).map_err(|_| format("it is not text"))?;
        let mut lines = text.lines();
        if !lines.next().is_some_and(|line| line.starts_with("untrusted comment: ")) {
            return Err(format("its first line is no untrusted comment"));
        }
        let decode = |line: Option<&str>, problem| {
            line.and_then(|line| STANDARD.decode(line.trim_end()).ok()).ok_or(format(problem))
        };
        let data = decode(lines.next(), "its second line is not base64")?;
        let comment = lines
            .next()
            .and_then(|line| line.strip_prefix("trusted comment: "))
            .ok_or(format("its third line is no trusted comment"))?;
        let global = decode(lines.next(), "its fourth line is not base64")?;
        if lines.any(|line| !line.is_empty()) {
            return Err(format("something follows it"));
        }
        let mut fields = Fields(&data);
        match fields.take() {
            Some(algorithm) if algorithm == *PREHASHED => {}
            Some(algorithm) if algorithm == *ALGORITHM => {
                return Err(format("it is of the old kind that does not hash before it signs"));
            }
            _ => return Err(format("its algorithm is unknown")),
        }
        let length = "it has another length than a minisign signature";
        let (Some(id), Some(bytes), []) = (fields.take(), fields.take::<64>(), fields.0) else {
            return Err(format(length));
        };
        let global = <[u8; 64]>::try_from(global).map_err(|_| format(length))?;
        if id != self.id.0 {
            return Err(VerifyError::OtherKey { found: KeyId(id), expected: self.id });
        }
        let hash = prehash(content).map_err(|source| VerifyError::Content { source })?;
        self.key.verify_strict(&hash, &Signature::from_bytes(&bytes)).map_err(|_| VerifyError::Mismatch)?;
        let message = [&bytes[..], comment.as_bytes()].concat();
        self.key
            .verify_strict(&message, &Signature::from_bytes(&global))
            .map_err(|_| VerifyError::Comment)?;
        Ok(comment.to_owned())
    }
}

/// A secret key, unlocked. It is wiped when it is dropped.
pub struct SigningKey {
    id: KeyId,
    key: Ed25519,
}

impl SigningKey {
    /// Reads the content of a secret key file and unlocks it. A password for a key that is not locked is passed over.
    pub fn open(bytes: &[u8], password: Option<&Secret<String>>) -> Result<Self, KeyError> {
        let format = |problem| KeyError::Format { problem };
        let data = key_data(bytes)?;
        if data.len() != SECRET_KEY {
            return Err(match PublicKey::read(bytes) {
                Ok(key) => KeyError::Public { id: key.id },
                Err(problem) => problem,
            });
        }
        let length = format("it has another length than a minisign key");
        let mut fields = Fields(&data);
        if fields.take() != Some(*ALGORITHM) {
            return Err(format("it is not for Ed25519"));
        }
        let locked = match fields.take() {
            Some(kind) if kind == *SCRYPT => true,
            Some(kind) if kind == *UNLOCKED => false,
            _ => return Err(format("how it is locked is unknown")),
        };
        if fields.take() != Some(*CHECKSUM) {
            return Err(format("its checksum is of an unknown kind"));
        }
        let (Some(salt), Some(operations), Some(memory)) = (
            fields.take::<32>(),
            fields.take().map(u64::from_le_bytes),
            fields.take().map(u64::from_le_bytes),
        ) else {
            return Err(length);
        };
        let mut body = Zeroizing::new(fields.0.to_vec());
        if locked {
            let password = password.ok_or(KeyError::PasswordMissing)?;
            let stream = stretch(password.expose(), &salt, operations, memory, body.len())?;
            body.iter_mut().zip(stream.iter()).for_each(|(byte, other)| *byte ^= other);
        }
        let mut fields = Fields(&body);
        let (Some(id), Some(seed), Some(public), Some(checksum), []) = (
            fields.take(),
            fields.take().map(Zeroizing::new),
            fields.take::<32>(),
            fields.take::<32>(),
            fields.0,
        ) else {
            return Err(length);
        };
        let mut hash = Blake2b::<U32>::new();
        hash.update(ALGORITHM);
        hash.update(id);
        hash.update(&seed[..]);
        hash.update(public);
        // `minisign -W` leaves the checksum of an unlocked key at zero; other programs fill it in.
        let fits = hash.finalize()[..] == checksum;
        if locked && !fits {
            return Err(KeyError::PasswordWrong);
        }
        let key = Ed25519::from_bytes(&seed);
        let agrees = key.verifying_key().as_bytes() == &public;
        if !agrees || !(fits || checksum == [0; 32]) {
            return Err(format("it is damaged"));
        }
        Ok(SigningKey { id: KeyId(id), key })
    }

    /// What users verify with.
    pub fn public(&self) -> PublicKey {
        PublicKey { id: self.id, key: self.key.verifying_key() }
    }

    /// The content of the `.minisig` file for what `content` gives, to its end. The comment is signed too; minisign
    /// shows it after verification.
    pub fn sign(&self, content: impl Read, comment: &TrustedComment) -> Result<String, SignError> {
        let hash = prehash(content).map_err(|source| SignError::Content { source })?;
        let signature = self.key.sign(&hash).to_bytes();
        let data = STANDARD.encode([&PREHASHED[..], &self.id.0, &signature].concat());
        let global = self.key.sign(&[&signature[..], comment.0.as_bytes()].concat()).to_bytes();
        Ok(format!(
            "untrusted comment: signature from minisign secret key {}\n{data}\ntrusted comment: {}\n{}\n",
            self.id,
            comment.0,
            STANDARD.encode(global)
        ))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("id", &self.id).finish_non_exhaustive()
    }
}

/// The comment that is signed with the content: one line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrustedComment(String);

impl TrustedComment {
    /// A comment that says for which file of which version a signature is, so that neither can be passed off as
    /// another: `timestamp:<seconds>`, `file:<name>`, `version:<version>` and minisign's own `hashed`, with tabs between.
    pub fn of(moment: u64, file: &str, version: &str) -> Result<Self, SignError> {
        if file.contains('\t') || version.contains('\t') {
            return Err(SignError::Comment { found: "a tab within a name" });
        }
        TrustedComment::new(format!("timestamp:{moment}\tfile:{file}\tversion:{version}\thashed"))
    }

    /// Any comment of one line.
    pub fn new(comment: String) -> Result<Self, SignError> {
        if comment.chars().any(|letter| letter.is_control() && letter != '\t') {
            return Err(SignError::Comment { found: "a line break or another control character" });
        }
        if comment.len() >= LONGEST_COMMENT {
            return Err(SignError::LongComment { bytes: comment.len() });
        }
        Ok(TrustedComment(comment))
    }

    /// The comment.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The bytes of a secret key: three kinds, salt, two limits, id, secret and public key, checksum.
const SECRET_KEY: usize = 2 + 2 + 2 + 32 + 8 + 8 + 8 + 32 + 32 + 32;

/// What the base64 line of a key file says.
fn key_data(bytes: &[u8]) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    let format = |problem| KeyError::Format { problem };
    if bytes.len() > LARGEST {
        return Err(format("it is too large to be one"));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| format("it is not text"))?;
    let mut lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let first = lines.next().ok_or(format("it is empty"))?;
    let line = match first.strip_prefix("untrusted comment:") {
        Some(_) => lines.next().ok_or(format("its second line is missing"))?,
        None => first,
    };
    if lines.next().is_some() {
        return Err(format("it has more lines than a minisign key"));
    }
    STANDARD.decode(line).map(Zeroizing::new).map_err(|_| format("it is not one of minisign"))
}

/// The parameters of scrypt from libsodium's limits (`crypto_pwhash_scryptsalsa208sha256`), and the stream from them.
fn stretch(
    password: &str,
    salt: &[u8; 32],
    operations: u64,
    memory: u64,
    length: usize,
) -> Result<Zeroizing<Vec<u8>>, KeyError> {
    const BLOCK: u64 = 8;
    if memory > MOST_MEMORY {
        return Err(KeyError::Memory { mebibytes: memory >> 20 });
    }
    let unusual = KeyError::Format { problem: "its limits for unlocking are out of range" };
    if operations > MOST_OPERATIONS {
        return Err(unusual);
    }
    let operations = operations.max(32768);
    let (log, parallel) = if operations < memory / 32 {
        (logarithm(operations / (BLOCK * 4)), 1)
    } else {
        let log = logarithm(memory / (BLOCK * 128));
        let most = ((operations / 4) >> log).min(0x3fff_ffff);
        (log, most / BLOCK)
    };
    let parallel = u32::try_from(parallel).map_err(|_| unusual.clone())?;
    // The first is the block size, and the last is not used by the function.
    let parameters =
        scrypt::Params::new(log, BLOCK as u32, parallel.max(1), 32).map_err(|_| unusual.clone())?;
    let mut stream = Zeroizing::new(vec![0; length]);
    scrypt::scrypt(password.as_bytes(), salt, &parameters, &mut stream).map_err(|_| unusual)?;
    Ok(stream)
}

/// As libsodium counts: the first exponent from 1 whose power of two exceeds half of `most`.
fn logarithm(most: u64) -> u8 {
    (1..63).find(|log| 1_u64 << log > most / 2).unwrap_or(63)
}

/// BLAKE2b-512 of all that a reader gives.
fn prehash(mut content: impl Read) -> io::Result<[u8; 64]> {
    let mut hash = Blake2b512::new();
    let mut buffer = vec![0; 1 << 17];
    loop {
        match content.read(&mut buffer) {
            Ok(0) => return Ok(hash.finalize().into()),
            Ok(count) => hash.update(buffer.get(..count).unwrap_or_default()),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Fields of fixed sizes, one after the other.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*field)
    }
}
