//! Files with OpenPGP keys: binary, armoured, or either of them in base64, as the secrets of CI services are often kept.

use super::armour::{self, ArmourError};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use pgp::composed::PublicOrSecret;
use pgp::types::{KeyDetails as _, KeyVersion};
use thiserror::Error;
use zeroize::Zeroizing;

/// Larger files are not read: a key with hundreds of signatures of others has 200 KB.
const LARGEST: usize = 4 << 20;

/// Why what should be an OpenPGP key is not read.
#[derive(Debug, Error)]
pub enum KeyFileError {
    /// There is nothing.
    #[error("read the OpenPGP key: it is empty")]
    Empty,
    /// It is too large to be a key.
    #[error("read the OpenPGP key: it has {bytes} bytes, which is too much for a key")]
    Large {
        /// Its size.
        bytes: usize,
    },
    /// It is something else.
    #[error("read the OpenPGP key: this is {found}, not an OpenPGP key")]
    Other {
        /// What it is, with its article.
        found: String,
    },
    /// It is armoured, and the armour is damaged.
    #[error("read the OpenPGP key: {problem}")]
    Armour {
        /// What is wrong with it.
        problem: ArmourError,
    },
    /// It begins like a key and is none.
    #[error("read the OpenPGP key: it is damaged: {problem}")]
    Damaged {
        /// What the reader of packets said.
        problem: String,
    },
    /// It holds several keys, and which is meant is unknown.
    #[error("read the OpenPGP key: there are {} keys in it, {}; export the one that is meant", fingerprints.len(), fingerprints.join(" and "))]
    Several {
        /// Of the keys.
        fingerprints: Vec<String>,
    },
    /// It is of a version that clients do not read, or no longer.
    #[error(
        "read the OpenPGP key {fingerprint}: it is of version {version}; apt, rpm and gpg read version 4"
    )]
    Version {
        /// Of the key.
        fingerprint: String,
        /// Of the key.
        version: u8,
    },
}

/// The one key in `bytes`.
pub(super) fn read(bytes: &[u8]) -> Result<PublicOrSecret, KeyFileError> {
    if bytes.len() > LARGEST {
        return Err(KeyFileError::Large { bytes: bytes.len() });
    }
    let Some(first) = bytes.iter().copied().find(|byte| !byte.is_ascii_whitespace()) else {
        return Err(KeyFileError::Empty);
    };
    if first & 0x80 != 0 {
        return one(vec![Zeroizing::new(bytes.to_vec())]);
    }
    let text = std::str::from_utf8(bytes).map_err(|_| KeyFileError::Other {
        found: "something that is neither text nor OpenPGP".to_owned(),
    })?;
    if text.contains("-----BEGIN ") {
        return armoured(text);
    }
    // A secret of a CI service is one line, so what has several is often kept in base64.
    let packed = Zeroizing::new(text.split_ascii_whitespace().collect::<String>());
    let Ok(inner) = STANDARD.decode(packed.as_bytes()).map(Zeroizing::new) else {
        return Err(KeyFileError::Other { found: "some other text".to_owned() });
    };
    match std::str::from_utf8(&inner) {
        Ok(text) if text.contains("-----BEGIN ") => armoured(text),
        _ if inner.first().is_some_and(|byte| byte & 0x80 != 0) => one(vec![inner]),
        _ => Err(KeyFileError::Other { found: "some other text".to_owned() }),
    }
}

fn armoured(text: &str) -> Result<PublicOrSecret, KeyFileError> {
    let mut blocks = Vec::new();
    let mut rest = text;
    loop {
        match armour::read(rest) {
            Ok(found) if matches!(found.label, "PUBLIC KEY BLOCK" | "PRIVATE KEY BLOCK") => {
                blocks.push(found.data);
                rest = found.rest;
            }
            Ok(found) => return Err(KeyFileError::Other { found: format!("a PGP {}", found.label) }),
            Err(ArmourError::NoBegin) if blocks.is_empty() => {
                return Err(KeyFileError::Other { found: named(text) });
            }
            Err(ArmourError::NoBegin) => return one(blocks),
            Err(problem) => return Err(KeyFileError::Armour { problem }),
        }
    }
}

/// What a PEM file without `PGP` says that it is.
fn named(text: &str) -> String {
    let label = text
        .split_once("-----BEGIN ")
        .and_then(|(_, rest)| rest.split_once("-----"))
        .map_or("", |(label, _)| label)
        .chars()
        .filter(|letter| letter.is_ascii_uppercase() || letter.is_ascii_digit() || *letter == ' ')
        .take(40)
        .collect::<String>();
    if label.is_empty() { "some other text".to_owned() } else { format!("a PEM file with `{label}`") }
}

fn one(blocks: Vec<Zeroizing<Vec<u8>>>) -> Result<PublicOrSecret, KeyFileError> {
    let damaged = |error: pgp::errors::Error| KeyFileError::Damaged { problem: error.to_string() };
    let mut keys = Vec::new();
    for block in &blocks {
        for key in PublicOrSecret::from_bytes_many(&block[..]).map_err(damaged)? {
            keys.push(key.map_err(damaged)?);
        }
    }
    let fingerprint = |key: &PublicOrSecret| match key {
        PublicOrSecret::Public(key) => super::standing::hexadecimal(&key.fingerprint()),
        PublicOrSecret::Secret(key) => super::standing::hexadecimal(&key.primary_key.fingerprint()),
    };
    if keys.len() > 1 {
        let mut fingerprints: Vec<_> = keys.iter().map(fingerprint).collect();
        // gpg's public and secret export of one key, one after the other: the secret one has all.
        fingerprints.dedup();
        if fingerprints.len() > 1 {
            return Err(KeyFileError::Several { fingerprints });
        }
        keys.sort_by_key(|key| !key.is_secret());
        keys.truncate(1);
    }
    let Some(key) = keys.pop() else {
        return Err(KeyFileError::Other { found: "OpenPGP data without a key".to_owned() });
    };
    let version = match &key {
        PublicOrSecret::Public(key) => key.version(),
        PublicOrSecret::Secret(key) => key.primary_key.version(),
    };
    match version {
        KeyVersion::V4 => Ok(key),
        other => Err(KeyFileError::Version { fingerprint: fingerprint(&key), version: other.into() }),
    }
}
