//! Public keys: what users are given, and what signatures are verified with.

use super::cleartext::{self, CleartextError};
use super::file::{self, KeyFileError};
use super::standing::{Identity, Part, Standing, StandingError, hexadecimal};
use super::{Hash, armour, signature};
use crate::moment;
use pgp::composed::{PublicOrSecret, SignedPublicKey};
use pgp::packet::{Signature, SignatureType};
use pgp::ser::Serialize as _;
use pgp::types::RsaPublicParams;
use std::fmt;
use std::io::{self, Read};
use thiserror::Error;

/// A public key with its subkeys, user ids and signatures.
#[derive(Clone)]
pub struct Certificate {
    key: SignedPublicKey,
    standing: Standing,
    bytes: Vec<u8>,
}

/// A signature that verified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// Of the key as a whole. Upper-case hexadecimal.
    pub fingerprint: String,
    /// Of the part of it that signed.
    pub signing_fingerprint: String,
    /// When it was made, as it says itself, in seconds since 1970-01-01 UTC.
    pub moment: u64,
    /// The earliest moment that a signature of that part can bear; as in [`Identity::valid_from`].
    pub valid_from: u64,
    /// The hash it was made with.
    pub hash: Hash,
}

/// Why a signature does not hold.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It is no signature.
    #[error("read the signature: {problem}")]
    Signature {
        /// What is wrong.
        problem: String,
    },
    /// It is no text in the cleartext framework.
    #[error(transparent)]
    Cleartext(#[from] CleartextError),
    /// The content cannot be read.
    #[error("read what was signed")]
    Content {
        /// Of the reader.
        source: io::Error,
    },
    /// Another key made it.
    #[error("verify the signature: it was made by the key {found}, and not by {fingerprint}")]
    OtherKey {
        /// Of the signer, or its id; `unknown` where the signature does not say.
        found: String,
        /// Of the key it was verified with.
        fingerprint: String,
    },
    /// A part of the key made it that is not for signing.
    #[error("verify the signature: the part {part} of the key {fingerprint} that made it is not for signing")]
    NotForSigning {
        /// Of the key.
        fingerprint: String,
        /// Of the part.
        part: String,
    },
    /// The key or the part of it that signed was revoked.
    #[error("verify the signature: the key {fingerprint} was revoked{reason}")]
    Revoked {
        /// Of the part that signed.
        fingerprint: String,
        /// Empty, or the reason with a colon before.
        reason: String,
    },
    /// The key was not valid when the signature was made.
    #[error("verify the signature: it was made on {}, and the key {fingerprint} {validity}", moment::text(*moment))]
    Moment {
        /// Of the part that signed.
        fingerprint: String,
        /// Of the signature.
        moment: u64,
        /// When the key began or ceased to be valid, as half a sentence.
        validity: String,
    },
    /// It is a signature of some other kind.
    #[error("verify the signature: it is of the kind {found}, and should be of the kind {expected}")]
    Kind {
        /// As it is.
        found: String,
        /// As it should be.
        expected: &'static str,
    },
    /// Its hash is none to rely on.
    #[error("verify the signature: its hash is {found}, which is not accepted")]
    Hash {
        /// The name.
        found: String,
    },
    /// The content is not what was signed, or the signature was damaged.
    #[error("verify the signature: it does not fit what it should have signed")]
    Mismatch,
}

impl Certificate {
    /// Reads a public key, armoured or binary. Of a secret key its public part is taken.
    pub fn read(bytes: &[u8]) -> Result<Self, KeyFileError> {
        Certificate::of(match file::read(bytes)? {
            PublicOrSecret::Public(key) => key,
            PublicOrSecret::Secret(key) => key.to_public_key(),
        })
    }

    pub(super) fn of(key: SignedPublicKey) -> Result<Self, KeyFileError> {
        let bytes = key.to_bytes().map_err(|error| KeyFileError::Damaged { problem: error.to_string() })?;
        Ok(Certificate { standing: Standing::of(&key), key, bytes })
    }

    pub(super) fn standing(&self) -> &Standing {
        &self.standing
    }

    /// The fingerprint of the key as a whole, upper-case hexadecimal.
    pub fn fingerprint(&self) -> &str {
        &self.standing.primary.fingerprint
    }

    /// Who signs with this key at the moment `now` (seconds since 1970-01-01 UTC), wherever the secrets are.
    pub fn identity(&self, now: u64) -> Result<Identity, StandingError> {
        self.standing.choose(now, |_| Ok(())).map(|(_, identity)| identity)
    }

    /// The key as a binary file: what apt has in `/usr/share/keyrings` and `gpgv --keyring` reads.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The key in armour: what `gpg --import`, `rpm --import` and apt's `Signed-By` read.
    pub fn armoured(&self) -> String {
        armour::write("PUBLIC KEY BLOCK", &self.bytes)
    }

    /// Verifies a detached signature over binary content, armoured or as a packet. `content` is read to its end.
    pub fn verify(&self, signature: &[u8], content: impl Read) -> Result<Seen, VerifyError> {
        let signature = signature::read(signature).map_err(|problem| VerifyError::Signature { problem })?;
        self.examine(&signature, SignatureType::Binary, content)
    }

    /// Verifies a text in the cleartext framework, as `InRelease` is, and gives the text that was signed: without
    /// dash escapes, without space at the ends of lines, with a newline at the end.
    pub fn verify_cleartext(&self, message: &[u8]) -> Result<(Seen, Vec<u8>), VerifyError> {
        let message = cleartext::read(message)?;
        let signature =
            signature::read(message.signature).map_err(|problem| VerifyError::Signature { problem })?;
        let seen = self.examine(&signature, SignatureType::Text, &message.signed()[..])?;
        // gpg hashes with what the header names, and finds a bad signature if that is another.
        if !message.hashes.iter().any(|name| *name == seen.hash.to_string()) {
            return Err(CleartextError::Hash { hash: seen.hash.to_string() }.into());
        }
        Ok((seen, message.text()))
    }

    fn examine(
        &self,
        signature: &Signature,
        kind: SignatureType,
        content: impl Read,
    ) -> Result<Seen, VerifyError> {
        if signature.typ() != Some(kind) {
            return Err(VerifyError::Kind {
                found: signature
                    .typ()
                    .map_or("unknown".to_owned(), |kind| format!("{kind:?}").to_lowercase()),
                expected: if kind == SignatureType::Text { "text" } else { "binary" },
            });
        }
        let Some((hash, algorithm)) =
            signature.hash_alg().and_then(|algorithm| Some((Hash::of(algorithm)?, algorithm)))
        else {
            let found = signature.hash_alg().map_or("unknown".to_owned(), |hash| hash.to_string());
            return Err(VerifyError::Hash { found });
        };
        debug_assert_eq!(hash.algorithm(), algorithm);
        let (at, part) = self.signer(signature)?;
        let Some(made) = signature.created().map(|moment| u64::from(moment.as_secs())) else {
            return Err(VerifyError::Signature { problem: "it does not say when it was made".to_owned() });
        };
        self.valid(part, made)?;
        let result = match at {
            0 => signature.verify(&self.key.primary_key, content),
            _ => match self.key.public_subkeys.get(at - 1) {
                Some(subkey) => signature.verify(&subkey.key, content),
                None => return Err(VerifyError::Mismatch),
            },
        };
        match result {
            Ok(()) => Ok(Seen {
                fingerprint: self.fingerprint().to_owned(),
                signing_fingerprint: part.fingerprint.clone(),
                moment: made,
                valid_from: self.standing.valid_from(part),
                hash,
            }),
            Err(pgp::errors::Error::IO { source, .. }) => Err(VerifyError::Content { source }),
            Err(_) => Err(VerifyError::Mismatch),
        }
    }

    /// The part of the key that a signature names as its maker.
    fn signer(&self, signature: &Signature) -> Result<(usize, &Part), VerifyError> {
        let fingerprints: Vec<String> = signature.issuer_fingerprint().into_iter().map(hexadecimal).collect();
        let ids: Vec<String> = signature.issuer_key_id().into_iter().map(hexadecimal).collect();
        let primary = &self.standing.primary;
        let parts = std::iter::once(primary).chain(&self.standing.subkeys).enumerate();
        // The fingerprint counts where there is one: ids can be made to collide.
        let named = |part: &Part| {
            if fingerprints.is_empty() {
                ids.contains(&part.key_id)
            } else {
                fingerprints.contains(&part.fingerprint)
            }
        };
        let Some((at, part)) = parts.into_iter().find(|(_, part)| named(part)) else {
            let found = fingerprints.into_iter().chain(ids).next().unwrap_or_else(|| "unknown".to_owned());
            return Err(VerifyError::OtherKey { found, fingerprint: primary.fingerprint.clone() });
        };
        if !part.signs {
            return Err(VerifyError::NotForSigning {
                fingerprint: primary.fingerprint.clone(),
                part: part.fingerprint.clone(),
            });
        }
        Ok((at, part))
    }

    /// Whether the key and its part were valid when a signature was made.
    fn valid(&self, part: &Part, made: u64) -> Result<(), VerifyError> {
        for part in [&self.standing.primary, part] {
            let fingerprint = part.fingerprint.clone();
            if let Some(reason) = part.revoked.clone() {
                return Err(VerifyError::Revoked { fingerprint, reason });
            }
            if made < part.created {
                let validity = format!("was made on {}", moment::text(part.created));
                return Err(VerifyError::Moment { fingerprint, moment: made, validity });
            }
            if let Some(expires) = part.expires.filter(|expires| *expires <= made) {
                let validity = format!("expired on {}", moment::text(expires));
                return Err(VerifyError::Moment { fingerprint, moment: made, validity });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_tuple("Certificate").field(&self.fingerprint()).finish()
    }
}

/// The bits of an RSA modulus.
pub(super) fn modulus_bits(key: &RsaPublicParams) -> usize {
    // The first of the two numbers that are written, each with its count of bits before it.
    let bytes = key.to_bytes().unwrap_or_default();
    match bytes.first_chunk::<2>() {
        Some(bits) => usize::from(u16::from_be_bytes(*bits)),
        None => 0,
    }
}
