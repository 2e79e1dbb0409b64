//! Secret keys: which part signs, with which passphrase, and the signatures that are made.

use super::certificate::Certificate;
use super::file::{self, KeyFileError};
use super::signature::Signature;
use super::standing::{Elsewhere, Identity, StandingError, hexadecimal};
use super::{Hash, cleartext};
use crate::{Secret, moment};
use pgp::composed::{PublicOrSecret, SignedSecretKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::crypto::public_key::PublicKeyAlgorithm;
use pgp::packet::{
    PacketTrait as _, SecretKey, SecretSubkey, SignatureConfig, SignatureType, Subpacket, SubpacketData,
};
use pgp::types::{
    Fingerprint, KeyDetails, KeyId, KeyVersion, Password, PublicParams, S2kParams, SecretParams,
    SignatureBytes, SigningKey as Sign, StringToKey, Timestamp, VerifyingKey as _,
};
use std::fmt;
use std::io::{self, Read};
use thiserror::Error;

/// Why a key cannot sign.
#[derive(Debug, Error)]
pub enum KeyError {
    /// It cannot be read.
    #[error(transparent)]
    File(#[from] KeyFileError),
    /// Only the public key is there.
    #[error(
        "sign with the OpenPGP key {fingerprint}: this is the public key; `gpg --armor --export-secret-keys {fingerprint}` exports the secret one"
    )]
    Public {
        /// Of the key.
        fingerprint: String,
    },
    /// None of its parts may sign now.
    #[error(transparent)]
    Standing(#[from] StandingError),
    /// It is locked, and no passphrase was given.
    #[error("unlock the OpenPGP key {fingerprint}: it is protected by a passphrase, and none was given")]
    PassphraseMissing {
        /// Of the key.
        fingerprint: String,
    },
    /// The passphrase does not unlock it.
    #[error("unlock the OpenPGP key {fingerprint}: the passphrase is wrong")]
    PassphraseWrong {
        /// Of the key.
        fingerprint: String,
    },
    /// It is locked in a way that is unknown.
    #[error("unlock the OpenPGP key {fingerprint}: {problem}")]
    Locked {
        /// Of the key.
        fingerprint: String,
        /// What is unknown of it.
        problem: String,
    },
}

/// Why a signature cannot be made.
#[derive(Debug, Error)]
pub enum SignError {
    /// What should be signed cannot be read.
    #[error("read what should be signed")]
    Content {
        /// Of the reader.
        source: io::Error,
    },
    /// OpenPGP counts seconds in 32 bits.
    #[error("make the signature: its moment, {moment} seconds after 1970, is too late for OpenPGP")]
    TooLate {
        /// As given.
        moment: u64,
    },
    /// Clients would refuse the signature.
    #[error("make the signature: it should be of {}, and the key {fingerprint} is valid only from {}", moment::text(*moment), moment::text(*valid_from))]
    TooEarly {
        /// Of the key.
        fingerprint: String,
        /// As given.
        moment: u64,
        /// Of the key.
        valid_from: u64,
    },
    /// Clients would refuse the signature.
    #[error("make the signature: it should be of {}, and the key {fingerprint} is valid only until {}", moment::text(*moment), moment::text(*expires))]
    Expired {
        /// Of the key.
        fingerprint: String,
        /// As given.
        moment: u64,
        /// Of the key.
        expires: u64,
    },
    /// Programs differ in what they take as the end of a line.
    #[error("sign the text: line {line} holds a carriage return, which signed text must not")]
    CarriageReturn {
        /// From 1.
        line: usize,
    },
    /// The secret does not belong to the public key, or the machine calculates wrongly.
    #[error("make the signature: {problem}")]
    Made {
        /// What went wrong.
        problem: String,
    },
}

/// The part of a secret key that signs, unlocked.
pub struct SigningKey {
    secret: Part,
    certificate: Certificate,
    identity: Identity,
}

impl SigningKey {
    /// Reads a secret key, armoured or binary, chooses the part of it that signs at the moment `now` (seconds since
    /// 1970-01-01 UTC) and unlocks it. A passphrase for a key that is not locked is passed over.
    pub fn open(bytes: &[u8], passphrase: Option<&Secret<String>>, now: u64) -> Result<Self, KeyError> {
        let key = match file::read(bytes)? {
            PublicOrSecret::Secret(key) => key,
            PublicOrSecret::Public(key) => {
                return Err(KeyError::Public { fingerprint: hexadecimal(&key.fingerprint()) });
            }
        };
        let certificate = Certificate::of(key.to_public_key())?;
        let (_, identity) = certificate.standing().choose(now, |fingerprint| location(&key, fingerprint))?;
        let mut secret = part(&key, &identity.signing_fingerprint)
            .ok_or_else(|| elsewhere(&identity, Elsewhere::Offline))?;
        secret.unlock(passphrase).map_err(|problem| {
            let fingerprint = identity.fingerprint.clone();
            match problem {
                Lock::Missing => KeyError::PassphraseMissing { fingerprint },
                Lock::Wrong => KeyError::PassphraseWrong { fingerprint },
                Lock::Unknown(problem) => KeyError::Locked { fingerprint, problem },
            }
        })?;
        Ok(SigningKey { secret, certificate, identity })
    }

    /// Who signs.
    pub fn identity(&self) -> &Identity {
        &self.identity
    }

    /// The public key, for users and for verification.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Signs what `content` gives, to its end, with a signature of `moment` (seconds since 1970-01-01 UTC;
    /// [`Identity::moment`] makes one that clients accept). The hash is `hash`, or a stronger one that the key demands.
    pub fn sign(&self, content: impl Read, hash: Hash, moment: u64) -> Result<Signature, SignError> {
        self.make(SignatureType::Binary, content, hash, moment)
    }

    /// Signs a text so that it stays readable: the cleartext framework, which `InRelease` is in. The hash is SHA-512. A
    /// newline at the end is added where there is none; lines must end in a newline alone.
    pub fn sign_cleartext(&self, text: &str, moment: u64) -> Result<String, SignError> {
        if let Some(at) = text.find('\r') {
            let line = text.bytes().take(at).filter(|byte| *byte == b'\n').count() + 1;
            return Err(SignError::CarriageReturn { line });
        }
        let signed = cleartext::signed(text);
        let signature = self.make(SignatureType::Text, &signed[..], Hash::Sha512, moment)?;
        Ok(cleartext::write(text, signature.hash(), &signature.armoured()))
    }

    fn make(
        &self,
        kind: SignatureType,
        content: impl Read,
        hash: Hash,
        moment: u64,
    ) -> Result<Signature, SignError> {
        let fingerprint = || self.identity.fingerprint.clone();
        let seconds = u32::try_from(moment).map_err(|_| SignError::TooLate { moment })?;
        let valid_from = self.identity.valid_from;
        if moment < valid_from {
            return Err(SignError::TooEarly { fingerprint: fingerprint(), moment, valid_from });
        }
        if let Some(expires) = self.identity.expires.filter(|expires| *expires <= moment) {
            return Err(SignError::Expired { fingerprint: fingerprint(), moment, expires });
        }
        let hash = hash.max(self.identity.algorithm.least_hash());
        let signature = self.packet(kind, content, hash, seconds).map_err(|error| match error {
            pgp::errors::Error::IO { source, .. } => SignError::Content { source },
            other => SignError::Made { problem: other.to_string() },
        })?;
        let mut packet = Vec::new();
        signature
            .to_writer_with_header(&mut packet)
            .map_err(|error| SignError::Made { problem: error.to_string() })?;
        Ok(Signature { packet, hash })
    }

    /// What gpg puts into a signature, at the places where gpg puts it.
    fn packet(
        &self,
        kind: SignatureType,
        content: impl Read,
        hash: Hash,
        seconds: u32,
    ) -> Result<pgp::packet::Signature, pgp::errors::Error> {
        let mut config = SignatureConfig::v4(kind, self.secret.algorithm(), hash.algorithm());
        config.hashed_subpackets = vec![
            Subpacket::regular(SubpacketData::IssuerFingerprint(self.secret.fingerprint()))?,
            Subpacket::regular(SubpacketData::SignatureCreationTime(Timestamp::from_secs(seconds)))?,
        ];
        config.unhashed_subpackets =
            vec![Subpacket::regular(SubpacketData::IssuerKeyId(self.secret.legacy_key_id()))?];
        config.sign(&self.secret, &Password::empty(), content)
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("SigningKey").field("identity", &self.identity).finish_non_exhaustive()
    }
}

/// The primary key or a subkey, with its secret. It is wiped when it is dropped.
enum Part {
    Primary(SecretKey),
    Subkey(SecretSubkey),
}

enum Lock {
    Missing,
    Wrong,
    Unknown(String),
}

impl Part {
    fn details(&self) -> &dyn KeyDetails {
        match self {
            Part::Primary(key) => key,
            Part::Subkey(key) => key,
        }
    }

    fn unlock(&mut self, passphrase: Option<&Secret<String>>) -> Result<(), Lock> {
        let params = match self {
            Part::Primary(key) => key.secret_params(),
            Part::Subkey(key) => key.secret_params(),
        };
        if !params.is_encrypted() {
            return Ok(());
        }
        let passphrase = passphrase.ok_or(Lock::Missing)?;
        let password = Password::from(passphrase.expose().as_str());
        let result = match self {
            Part::Primary(key) => key.remove_password(&password),
            Part::Subkey(key) => key.remove_password(&password),
        };
        result.map_err(|error| match error {
            pgp::errors::Error::Unsupported { message, .. }
            | pgp::errors::Error::Unimplemented { message, .. } => Lock::Unknown(message),
            _ => Lock::Wrong,
        })
    }
}

/// The part of a key with that fingerprint.
fn part(key: &SignedSecretKey, fingerprint: &str) -> Option<Part> {
    if hexadecimal(&key.primary_key.fingerprint()) == fingerprint {
        return Some(Part::Primary(key.primary_key.clone()));
    }
    let mut subkeys = key.secret_subkeys.iter();
    let found = subkeys.find(|subkey| hexadecimal(&subkey.key.fingerprint()) == fingerprint)?;
    Some(Part::Subkey(found.key.clone()))
}

/// Whether the secret of a part is in the file: gpg writes a stub where it is not (DETAILS in gpg's documentation:
/// string-to-key mode 101, `GNU`, and 1 for no secret, 2 for one on a card).
fn location(key: &SignedSecretKey, fingerprint: &str) -> Result<(), Elsewhere> {
    let Some(part) = part(key, fingerprint) else { return Err(Elsewhere::Offline) };
    let params = match &part {
        Part::Primary(key) => key.secret_params(),
        Part::Subkey(key) => key.secret_params(),
    };
    let SecretParams::Encrypted(params) = params else { return Ok(()) };
    match params.string_to_key_params() {
        S2kParams::Cfb { s2k: StringToKey::Private { typ: 101, unknown }, .. }
        | S2kParams::MalleableCfb { s2k: StringToKey::Private { typ: 101, unknown }, .. }
        | S2kParams::Aead { s2k: StringToKey::Private { typ: 101, unknown }, .. } => {
            // A byte for the hash, `GNU`, the mode.
            Err(if unknown.get(4) == Some(&2) { Elsewhere::Card } else { Elsewhere::Offline })
        }
        _ => Ok(()),
    }
}

fn elsewhere(identity: &Identity, location: Elsewhere) -> StandingError {
    let part = identity.signing_fingerprint.clone();
    StandingError::Elsewhere { fingerprint: identity.fingerprint.clone(), part, location }
}

impl fmt::Debug for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Part").field(&self.details().fingerprint()).finish()
    }
}

impl KeyDetails for Part {
    fn version(&self) -> KeyVersion {
        self.details().version()
    }

    fn legacy_key_id(&self) -> KeyId {
        self.details().legacy_key_id()
    }

    fn fingerprint(&self) -> Fingerprint {
        self.details().fingerprint()
    }

    fn algorithm(&self) -> PublicKeyAlgorithm {
        self.details().algorithm()
    }

    fn created_at(&self) -> Timestamp {
        self.details().created_at()
    }

    fn legacy_v3_expiration_days(&self) -> Option<u16> {
        self.details().legacy_v3_expiration_days()
    }

    fn public_params(&self) -> &PublicParams {
        self.details().public_params()
    }
}

/// Signs, and looks whether the public key agrees: a fault while signing can give the secret away.
impl Sign for Part {
    fn sign(
        &self,
        password: &Password,
        hash: HashAlgorithm,
        data: &[u8],
    ) -> Result<SignatureBytes, pgp::errors::Error> {
        match self {
            Part::Primary(key) => {
                let signature = Sign::sign(key, password, hash, data)?;
                key.public_key().verify(hash, data, &signature)?;
                Ok(signature)
            }
            Part::Subkey(key) => {
                let signature = Sign::sign(key, password, hash, data)?;
                key.public_key().verify(hash, data, &signature)?;
                Ok(signature)
            }
        }
    }

    fn hash_alg(&self) -> HashAlgorithm {
        match self {
            Part::Primary(key) => key.hash_alg(),
            Part::Subkey(key) => key.hash_alg(),
        }
    }
}
