//! What a key and its subkeys may do and until when, by its own signatures, and which of them signs.
//!
//! A self-signature counts only if it verifies. Where several are for the same thing the newest counts, as RFC 4880
//! section 5.2.3.3 has it. The choice of the part that signs is gpg's: of the subkeys that may sign the youngest, or else the
//! key itself.

use crate::moment;
use pgp::composed::{SignedPublicKey, SignedPublicSubKey};
use pgp::crypto::hash::HashAlgorithm;
use pgp::packet::{KeyFlags, PublicKey, RevocationCode, Signature, SignatureType, SubpacketData};
use pgp::types::{EcdsaPublicParams, EddsaLegacyPublicParams, KeyDetails, PublicParams, Tag};
use std::fmt;
use thiserror::Error;

/// RSA keys below this are refused by today's apt and rpm.
const LEAST_RSA_BITS: usize = 2048;

/// The algorithm of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Algorithm {
    /// RSA, with the bits of its modulus.
    Rsa {
        /// Of the modulus.
        bits: usize,
    },
    /// EdDSA over Curve25519.
    Ed25519,
    /// ECDSA over the NIST curve of so many bits: 256, 384 or 521.
    Ecdsa {
        /// Of the curve.
        bits: usize,
    },
    /// One that signatures of releases are not made with, by its name.
    Other(String),
}

impl Algorithm {
    fn of(key: &impl KeyDetails) -> Self {
        match key.public_params() {
            PublicParams::RSA(rsa) => Algorithm::Rsa { bits: super::certificate::modulus_bits(rsa) },
            PublicParams::Ed25519(_) | PublicParams::EdDSALegacy(EddsaLegacyPublicParams::Ed25519 { .. }) => {
                Algorithm::Ed25519
            }
            PublicParams::ECDSA(EcdsaPublicParams::P256 { .. }) => Algorithm::Ecdsa { bits: 256 },
            PublicParams::ECDSA(EcdsaPublicParams::P384 { .. }) => Algorithm::Ecdsa { bits: 384 },
            PublicParams::ECDSA(EcdsaPublicParams::P521 { .. }) => Algorithm::Ecdsa { bits: 521 },
            PublicParams::ECDSA(other) => Algorithm::Other(format!("ECDSA over {}", other.curve())),
            _ => Algorithm::Other(format!("{:?}", key.algorithm())),
        }
    }

    /// The weakest hash that goes with it (RFC 6637 section 13; RFC 9580 section 5.2.3.2).
    pub(super) fn least_hash(&self) -> super::Hash {
        match self {
            Algorithm::Ecdsa { bits: 384 } => super::Hash::Sha384,
            Algorithm::Ecdsa { bits: 521 } => super::Hash::Sha512,
            _ => super::Hash::Sha256,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Algorithm::Rsa { bits } => write!(formatter, "RSA with {bits} bits"),
            Algorithm::Ed25519 => formatter.write_str("Ed25519"),
            Algorithm::Ecdsa { bits } => write!(formatter, "ECDSA over P-{bits}"),
            Algorithm::Other(name) => formatter.write_str(name),
        }
    }
}

/// Who signs. Moments are seconds since 1970-01-01 UTC, fingerprints and ids upper-case hexadecimal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Of the key as a whole, that is, of its primary key: what people compare. 40 digits.
    pub fingerprint: String,
    /// Of the part that signs: the same, or that of a subkey.
    pub signing_fingerprint: String,
    /// The id of the part that signs, as signatures bear it. 16 digits.
    pub key_id: String,
    /// The primary user id, where there is one and it is UTF-8.
    pub user_id: Option<String>,
    /// Of the part that signs.
    pub algorithm: Algorithm,
    /// When the key was made.
    pub created: u64,
    /// The earliest moment that a signature can bear: then the part that signs existed, and the key's own signatures
    /// said so. Clients refuse an earlier signature.
    pub valid_from: u64,
    /// When the key or the part that signs expires, whichever is first.
    pub expires: Option<u64>,
    /// The key says what it may do by signatures with SHA-1 or weaker. gpg takes them; rpm from 4.20 and apt from 3.0 do not.
    pub weak_bindings: bool,
}

impl Identity {
    /// The moment that a signature should bear which is made for something of `source_date`: that, or when the key
    /// became valid if that is later. The same inputs give the same moment, whenever they are signed.
    pub fn moment(&self, source_date: u64) -> u64 {
        source_date.max(self.valid_from)
    }
}

/// Why no part of a key can sign.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum StandingError {
    /// It has no user id or direct signature of its own that verifies.
    #[error(
        "sign with the OpenPGP key {fingerprint}: it has no valid signature of its own, so nobody may rely on it"
    )]
    Unbound {
        /// Of the key.
        fingerprint: String,
    },
    /// It was revoked.
    #[error("sign with the OpenPGP key {fingerprint}: it was revoked{reason}")]
    Revoked {
        /// Of the key.
        fingerprint: String,
        /// Empty, or the reason with a colon before.
        reason: String,
    },
    /// It is expired.
    #[error("sign with the OpenPGP key {fingerprint}: it expired on {}", moment::text(*moment))]
    Expired {
        /// Of the key.
        fingerprint: String,
        /// When.
        moment: u64,
    },
    /// The subkey that signs was revoked.
    #[error("sign with the OpenPGP key {fingerprint}: its signing subkey {subkey} was revoked{reason}")]
    SubkeyRevoked {
        /// Of the key.
        fingerprint: String,
        /// Of the subkey.
        subkey: String,
        /// Empty, or the reason with a colon before.
        reason: String,
    },
    /// The subkey that signs is expired.
    #[error("sign with the OpenPGP key {fingerprint}: its signing subkey {subkey} expired on {}", moment::text(*moment))]
    SubkeyExpired {
        /// Of the key.
        fingerprint: String,
        /// Of the subkey.
        subkey: String,
        /// When.
        moment: u64,
    },
    /// Nothing in it is for signing.
    #[error("sign with the OpenPGP key {fingerprint}: neither it nor a subkey of it is for signing")]
    NotForSigning {
        /// Of the key.
        fingerprint: String,
    },
    /// It is for signing, with something that clients do not read, or that does not sign twice in the same way.
    #[error(
        "sign with the OpenPGP key {fingerprint}: its algorithm, {algorithm}, is not supported; supported are RSA from 2048 bits, Ed25519, and ECDSA over P-256 and P-384"
    )]
    Algorithm {
        /// Of the key.
        fingerprint: String,
        /// Of the part that would sign.
        algorithm: Algorithm,
    },
    /// The secret of the part that signs is not in the file.
    #[error("sign with the OpenPGP key {fingerprint}: the secret of {part} is not in it, {location}")]
    Elsewhere {
        /// Of the key.
        fingerprint: String,
        /// Of the part that would sign.
        part: String,
        /// Where it is, as far as the file says.
        location: Elsewhere,
    },
}

/// Where a secret is that is not in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Elsewhere {
    /// It was left out of the export.
    Offline,
    /// On a smartcard.
    Card,
}

impl fmt::Display for Elsewhere {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Elsewhere::Offline => "it was left out when the key was exported",
            Elsewhere::Card => "it lies on a smartcard, which only gpg's agent can use",
        })
    }
}

/// The digits of a fingerprint or key id as people write them.
pub(super) fn hexadecimal(value: &impl fmt::Display) -> String {
    value.to_string().to_ascii_uppercase()
}

/// A key or subkey, and what the signatures of the key say of it.
#[derive(Debug, Clone)]
pub(super) struct Part {
    pub(super) fingerprint: String,
    pub(super) key_id: String,
    pub(super) algorithm: Algorithm,
    pub(super) created: u64,
    /// The moment of the oldest of its valid self-signatures. `None`: it has none, and counts for nothing.
    bound: Option<u64>,
    pub(super) expires: Option<u64>,
    /// Empty, or the reason with a colon before.
    pub(super) revoked: Option<String>,
    pub(super) signs: bool,
    weak: bool,
}

/// A key with its parts.
#[derive(Debug, Clone)]
pub(super) struct Standing {
    pub(super) primary: Part,
    pub(super) subkeys: Vec<Part>,
    user_id: Option<String>,
}

impl Standing {
    pub(super) fn of(key: &SignedPublicKey) -> Self {
        let (primary, user_id) = primary(key);
        let subkeys = key.public_subkeys.iter().map(|sub| subkey(&key.primary_key, sub)).collect();
        Standing { primary, subkeys, user_id }
    }

    /// The part that signs at the moment `now`, as 0 for the primary key and from 1 for the subkeys, and who it is.
    /// `secret` says for a fingerprint whether its secret is there.
    pub(super) fn choose(
        &self,
        now: u64,
        secret: impl Fn(&str) -> Result<(), Elsewhere>,
    ) -> Result<(usize, Identity), StandingError> {
        let primary = &self.primary;
        let fingerprint = || primary.fingerprint.clone();
        if primary.bound.is_none() {
            // Without the algorithm its own signatures cannot be verified either.
            if let Algorithm::Other(_) = primary.algorithm {
                let algorithm = primary.algorithm.clone();
                return Err(StandingError::Algorithm { fingerprint: fingerprint(), algorithm });
            }
            return Err(StandingError::Unbound { fingerprint: fingerprint() });
        };
        if let Some(reason) = &primary.revoked {
            return Err(StandingError::Revoked { fingerprint: fingerprint(), reason: reason.clone() });
        }
        if let Some(moment) = primary.expires.filter(|moment| *moment <= now) {
            return Err(StandingError::Expired { fingerprint: fingerprint(), moment });
        }
        let mut candidates: Vec<_> =
            self.subkeys.iter().enumerate().map(|(at, part)| (at + 1, part)).collect();
        candidates.retain(|(_, part)| part.signs && part.bound.is_some());
        candidates.sort_by_key(|(at, part)| (part.created, *at));
        candidates.reverse();
        if primary.signs {
            candidates.push((0, primary));
        }
        let mut first = None;
        for (at, part) in candidates {
            let problem = match self.problem(at, part, now, &secret) {
                None => {
                    let expires = [primary.expires, part.expires].into_iter().flatten().min();
                    let identity = Identity {
                        fingerprint: fingerprint(),
                        signing_fingerprint: part.fingerprint.clone(),
                        key_id: part.key_id.clone(),
                        user_id: self.user_id.clone(),
                        algorithm: part.algorithm.clone(),
                        created: primary.created,
                        valid_from: self.valid_from(part),
                        expires,
                        weak_bindings: primary.weak || part.weak,
                    };
                    return Ok((at, identity));
                }
                Some(problem) => problem,
            };
            first.get_or_insert(problem);
        }
        Err(first.unwrap_or_else(|| StandingError::NotForSigning { fingerprint: fingerprint() }))
    }

    /// The earliest moment that a signature of a part can bear.
    pub(super) fn valid_from(&self, part: &Part) -> u64 {
        [self.primary.bound, part.bound].into_iter().flatten().fold(part.created, u64::max)
    }

    fn problem(
        &self,
        at: usize,
        part: &Part,
        now: u64,
        secret: impl Fn(&str) -> Result<(), Elsewhere>,
    ) -> Option<StandingError> {
        let fingerprint = self.primary.fingerprint.clone();
        let subkey = part.fingerprint.clone();
        if at > 0 {
            if let Some(reason) = part.revoked.clone() {
                return Some(StandingError::SubkeyRevoked { fingerprint, subkey, reason });
            }
            if let Some(moment) = part.expires.filter(|moment| *moment <= now) {
                return Some(StandingError::SubkeyExpired { fingerprint, subkey, moment });
            }
        }
        let accepted = match part.algorithm {
            Algorithm::Rsa { bits } => bits >= LEAST_RSA_BITS,
            Algorithm::Ed25519 => true,
            // The nonces of P-521 are drawn at random by the crate p521, so that no two signatures are the same.
            Algorithm::Ecdsa { bits } => bits < 521,
            Algorithm::Other(_) => false,
        };
        if !accepted {
            return Some(StandingError::Algorithm { fingerprint, algorithm: part.algorithm.clone() });
        }
        let location = secret(&part.fingerprint).err()?;
        Some(StandingError::Elsewhere { fingerprint, part: subkey, location })
    }
}

fn part(key: &impl KeyDetails) -> Part {
    Part {
        fingerprint: hexadecimal(&key.fingerprint()),
        key_id: hexadecimal(&key.legacy_key_id()),
        algorithm: Algorithm::of(key),
        created: created(key),
        bound: None,
        expires: None,
        revoked: None,
        signs: false,
        weak: false,
    }
}

fn created(key: &impl KeyDetails) -> u64 {
    u64::from(key.created_at().as_secs())
}

fn made(signature: &Signature) -> u64 {
    signature.created().map_or(0, |moment| u64::from(moment.as_secs()))
}

fn newest<'a>(signatures: impl Iterator<Item = &'a Signature>) -> Option<&'a Signature> {
    signatures.max_by_key(|signature| made(signature))
}

fn flags(signature: &Signature) -> Option<&KeyFlags> {
    signature.config()?.hashed_subpackets().find_map(|subpacket| match &subpacket.data {
        SubpacketData::KeyFlags(flags) => Some(flags),
        _ => None,
    })
}

/// When a key of `created` expires by `signature`; 0 seconds are never.
fn expiry(created: u64, signature: &Signature) -> Option<u64> {
    let seconds = signature.key_expiration_time()?.as_secs();
    (seconds > 0).then(|| created + u64::from(seconds))
}

fn weak(signature: &Signature) -> bool {
    matches!(signature.hash_alg(), Some(HashAlgorithm::Md5 | HashAlgorithm::Sha1 | HashAlgorithm::Ripemd160))
}

/// Why, as `: text`, or nothing.
fn reason(revocation: &Signature) -> String {
    let text = revocation.revocation_reason_string().map(|text| String::from_utf8_lossy(text).into_owned());
    let text: String =
        text.unwrap_or_default().chars().filter(|letter| !letter.is_control()).take(200).collect();
    let code = match revocation.revocation_reason_code() {
        Some(RevocationCode::KeySuperseded) => "superseded",
        Some(RevocationCode::KeyCompromised) => "compromised",
        Some(RevocationCode::KeyRetired) => "no longer used",
        _ => "",
    };
    match (code, text.trim()) {
        ("", "") => String::new(),
        ("", text) => format!(": {text}"),
        (code, "") => format!(": {code}"),
        (code, text) => format!(": {code}, {text}"),
    }
}

fn primary(key: &SignedPublicKey) -> (Part, Option<String>) {
    let own = &key.primary_key;
    let mut part = part(own);
    part.revoked = key
        .details
        .revocation_signatures
        .iter()
        .find(|signature| {
            signature.typ() == Some(SignatureType::KeyRevocation) && signature.verify_key(own).is_ok()
        })
        .map(reason);
    let direct: Vec<&Signature> = key
        .details
        .direct_signatures
        .iter()
        .filter(|signature| signature.typ() == Some(SignatureType::Key) && signature.verify_key(own).is_ok())
        .collect();

    // Per user id that is not revoked: its name, its newest signature, the moment of its oldest.
    let mut users = Vec::new();
    for user in &key.details.users {
        let mine: Vec<&Signature> = user
            .signatures
            .iter()
            .filter(|signature| signature.verify_certification(own, Tag::UserId, &user.id).is_ok())
            .collect();
        let revokes = |signature: &&&Signature| signature.typ() == Some(SignatureType::CertRevocation);
        let certificates = mine.iter().filter(|signature| !revokes(signature));
        let Some(latest) = newest(certificates.clone().copied()) else { continue };
        let revoked = mine.iter().filter(revokes).any(|revocation| made(revocation) >= made(latest));
        if !revoked {
            let oldest = certificates.map(|signature| made(signature)).min();
            users.push((user.id.as_str().map(str::to_owned), latest, oldest));
        }
    }
    let main = users.iter().max_by_key(|(_, latest, _)| (latest.is_primary(), made(latest)));
    let user_id = main.and_then(|(name, ..)| name.clone());

    let direct_latest = newest(direct.iter().copied());
    let sources: Vec<&Signature> =
        direct_latest.into_iter().chain(main.map(|(_, latest, _)| *latest)).collect();
    part.bound = users
        .iter()
        .filter_map(|(.., oldest)| *oldest)
        .chain(direct.iter().map(|signature| made(signature)))
        .min();
    part.expires = sources.iter().find_map(|signature| expiry(part.created, signature));
    part.signs = sources.iter().find_map(|signature| flags(signature)).is_none_or(KeyFlags::sign);
    part.signs &= can_sign(own);
    part.weak = !sources.is_empty() && sources.iter().all(|signature| weak(signature));
    (part, user_id)
}

fn subkey(own: &PublicKey, sub: &SignedPublicSubKey) -> Part {
    let mut part = part(&sub.key);
    let mine: Vec<&Signature> = sub
        .signatures
        .iter()
        .filter(|signature| signature.verify_subkey_binding(own, &sub.key).is_ok())
        .collect();
    let revokes = |signature: &&&Signature| signature.typ() == Some(SignatureType::SubkeyRevocation);
    part.revoked = mine.iter().find(revokes).map(|signature| reason(signature));
    let bindings = mine.iter().filter(|signature| !revokes(signature));
    let Some(latest) = newest(bindings.clone().copied()) else { return part };
    part.bound = bindings.map(|signature| made(signature)).min();
    part.expires = expiry(part.created, latest);
    // A subkey that signs must say itself that it belongs to the key, or a stranger's could be claimed.
    let agreed = latest
        .embedded_signature()
        .is_some_and(|signature| signature.verify_primary_key_binding(&sub.key, own).is_ok());
    part.signs = agreed && flags(latest).is_none_or(KeyFlags::sign) && can_sign(&sub.key);
    part.weak = weak(latest);
    part
}

/// Whether the algorithm is one of signatures at all.
fn can_sign(key: &impl KeyDetails) -> bool {
    !matches!(
        key.public_params(),
        PublicParams::ECDH(_) | PublicParams::Elgamal(_) | PublicParams::X25519(_) | PublicParams::X448(_)
    )
}
