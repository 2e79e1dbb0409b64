//! A key that signs digests, wherever it lives: in a file, in a token, behind a service.
//!
//! Everything that makes signatures with X.509 certificates asks a [`SigningKey`] alone, so that a further service is one
//! implementation of it.

use crate::Certificate;
use crate::asn1::{self, Reader};
use sha2::{Digest as _, Sha256, Sha384, Sha512};
use std::error::Error;
use std::fmt;
use std::str::FromStr;
use thiserror::Error;

/// The hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Hash {
    /// What every Windows since 7 verifies.
    Sha256,
    /// The least for keys of 384 bits.
    Sha384,
    /// The longest.
    Sha512,
}

/// It is no hash that signatures are made with.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("`{name}` is no hash of signatures: known are sha256, sha384 and sha512")]
pub struct UnknownHash {
    /// What was given.
    pub name: String,
}

impl Hash {
    /// All of them.
    pub const ALL: [Hash; 3] = [Hash::Sha256, Hash::Sha384, Hash::Sha512];

    /// How many bytes a digest has.
    pub fn length(self) -> usize {
        match self {
            Hash::Sha256 => 32,
            Hash::Sha384 => 48,
            Hash::Sha512 => 64,
        }
    }

    /// As it stands in manifests: `sha256`.
    pub fn name(self) -> &'static str {
        match self {
            Hash::Sha256 => "sha256",
            Hash::Sha384 => "sha384",
            Hash::Sha512 => "sha512",
        }
    }

    /// The digest of these bytes.
    pub fn digest(self, bytes: &[u8]) -> Vec<u8> {
        let mut hasher = self.hasher();
        hasher.update(bytes);
        hasher.finish()
    }

    pub(crate) fn hasher(self) -> Hasher {
        match self {
            Hash::Sha256 => Hasher::Sha256(Sha256::new()),
            Hash::Sha384 => Hasher::Sha384(Sha384::new()),
            Hash::Sha512 => Hasher::Sha512(Sha512::new()),
        }
    }

    /// The content of its object identifier (NIST, `2.16.840.1.101.3.4.2`).
    pub(crate) fn object(self) -> &'static [u8] {
        match self {
            Hash::Sha256 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01],
            Hash::Sha384 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02],
            Hash::Sha512 => &[0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x03],
        }
    }

    pub(crate) fn of_object(object: &[u8]) -> Option<Self> {
        Hash::ALL.into_iter().find(|hash| hash.object() == object)
    }

    /// `AlgorithmIdentifier` as CMS has it, with `NULL` as its parameters.
    pub(crate) fn identifier(self) -> Vec<u8> {
        asn1::sequence(&[&asn1::object(self.object()), asn1::NULL])
    }

    /// What RSA signs in PKCS #1 v1.5 (RFC 8017 section 9.2): the name of the hash and the digest, encoded. It is what
    /// mechanisms such as `CKM_RSA_PKCS` want to be given.
    pub fn digest_info(self, digest: &[u8]) -> Vec<u8> {
        asn1::sequence(&[&self.identifier(), &asn1::encode(asn1::OCTET_STRING, digest)])
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Hash {
    type Err = UnknownHash;

    fn from_str(name: &str) -> Result<Self, UnknownHash> {
        let found = Hash::ALL.into_iter().find(|hash| hash.name() == name);
        found.ok_or_else(|| UnknownHash { name: name.to_owned() })
    }
}

/// A hash that takes its content piece by piece.
#[derive(Clone)]
pub(crate) enum Hasher {
    Sha256(Sha256),
    Sha384(Sha384),
    Sha512(Sha512),
}

impl Hasher {
    pub(crate) fn update(&mut self, bytes: &[u8]) {
        match self {
            Hasher::Sha256(hasher) => hasher.update(bytes),
            Hasher::Sha384(hasher) => hasher.update(bytes),
            Hasher::Sha512(hasher) => hasher.update(bytes),
        }
    }

    pub(crate) fn finish(self) -> Vec<u8> {
        match self {
            Hasher::Sha256(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha384(hasher) => hasher.finalize().to_vec(),
            Hasher::Sha512(hasher) => hasher.finalize().to_vec(),
        }
    }
}

/// What a key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyAlgorithm {
    /// RSA, with the size of its modulus.
    Rsa {
        /// Bits of the modulus.
        bits: u32,
    },
    /// ECDSA over the NIST curve P-256.
    EcdsaP256,
    /// ECDSA over the NIST curve P-384.
    EcdsaP384,
    /// ECDSA over the NIST curve P-521.
    EcdsaP521,
}

impl KeyAlgorithm {
    /// Whether signatures are those of RSA.
    pub fn is_rsa(self) -> bool {
        matches!(self, KeyAlgorithm::Rsa { .. })
    }

    /// The hash that services pair with keys of this kind: as strong as the key.
    pub fn usual_hash(self) -> Hash {
        match self {
            KeyAlgorithm::Rsa { .. } | KeyAlgorithm::EcdsaP256 => Hash::Sha256,
            KeyAlgorithm::EcdsaP384 => Hash::Sha384,
            KeyAlgorithm::EcdsaP521 => Hash::Sha512,
        }
    }

    /// `AlgorithmIdentifier` of a signature in CMS: `rsaEncryption` (RFC 3370 section 3.2) or ECDSA with its hash
    /// (RFC 5754 section 3.3).
    pub(crate) fn identifier(self, hash: Hash) -> Vec<u8> {
        const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        if self.is_rsa() {
            return asn1::sequence(&[&asn1::object(RSA), asn1::NULL]);
        }
        let last = match hash {
            Hash::Sha256 => 2,
            Hash::Sha384 => 3,
            Hash::Sha512 => 4,
        };
        asn1::sequence(&[&asn1::object(&[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last])])
    }
}

impl fmt::Display for KeyAlgorithm {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyAlgorithm::Rsa { bits } => write!(formatter, "RSA with {bits} bits"),
            KeyAlgorithm::EcdsaP256 => formatter.write_str("ECDSA over P-256"),
            KeyAlgorithm::EcdsaP384 => formatter.write_str("ECDSA over P-384"),
            KeyAlgorithm::EcdsaP521 => formatter.write_str("ECDSA over P-521"),
        }
    }
}

/// A signature as a key makes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawSignature {
    /// RSA: as long as the modulus. ECDSA: `Ecdsa-Sig-Value` in DER (RFC 3279 section 2.2.3); see
    /// [`ecdsa_signature`] for keys that give two plain numbers.
    pub bytes: Vec<u8>,
    /// The certificates of the key, leaf first, from services that renew them between signatures. They take the place
    /// of [`SigningKey::chain`].
    pub chain: Option<Vec<Certificate>>,
}

/// Why a key did not sign.
#[derive(Debug, Error)]
pub enum SigningKeyError {
    /// The digest is not one of this hash.
    #[error(
        "sign with the key {identity}: a digest of {hash} has {expected} bytes, and this one has {found}"
    )]
    DigestLength {
        /// Of the key.
        identity: String,
        /// Of the digest.
        hash: Hash,
        /// Bytes.
        expected: usize,
        /// Bytes.
        found: usize,
    },
    /// The key does not sign digests of this hash.
    #[error("sign with the key {identity}: it does not sign digests of {hash}")]
    UnsupportedHash {
        /// Of the key.
        identity: String,
        /// That was asked for.
        hash: Hash,
    },
    /// What came back is not the signature of this key: a fault, or the wrong certificate beside the key.
    #[error(
        "sign with the key {identity}: its signature does not fit the certificate of {subject}; is this the certificate of the key?"
    )]
    Mismatch {
        /// Of the key.
        identity: String,
        /// Of the certificate.
        subject: String,
    },
    /// There is no certificate of the key.
    #[error("sign with the key {identity}: it has no certificate")]
    CertificateMissing {
        /// Of the key.
        identity: String,
    },
    /// The cryptography itself failed.
    #[error("sign with the key {identity}: {problem}")]
    Fault {
        /// Of the key.
        identity: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Where the key lives could not be asked, or refused.
    #[error("sign with the key {identity}")]
    Place {
        /// Of the key.
        identity: String,
        /// What the token, service or program said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// A key that signs digests, and its certificates.
pub trait SigningKey: Send + Sync {
    /// A stable name for caches and messages: the SHA-256 thumbprint of the certificate, or service, account and
    /// profile where the service renews the certificates. It never holds a secret.
    fn identity(&self) -> &str;

    /// What the key is.
    fn algorithm(&self) -> KeyAlgorithm;

    /// Its certificates, leaf first, as far as they are known. It is empty for services that tell them with the first
    /// signature.
    fn chain(&self) -> &[Certificate];

    /// Signs a digest: RSA in PKCS #1 v1.5, ECDSA in DER.
    ///
    /// # Errors
    /// See [`SigningKeyError`].
    fn sign(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, SigningKeyError>;
}

impl<K: SigningKey + ?Sized> SigningKey for Box<K> {
    fn identity(&self) -> &str {
        (**self).identity()
    }

    fn algorithm(&self) -> KeyAlgorithm {
        (**self).algorithm()
    }

    fn chain(&self) -> &[Certificate] {
        (**self).chain()
    }

    fn sign(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, SigningKeyError> {
        (**self).sign(hash, digest)
    }
}

/// `Ecdsa-Sig-Value` of the two numbers of equal length that PKCS #11 tokens and some services give for an ECDSA
/// signature (the form of IEEE P1363). `None` for an odd number of bytes, and for none.
pub fn ecdsa_signature(numbers: &[u8]) -> Option<Vec<u8>> {
    if numbers.is_empty() || !numbers.len().is_multiple_of(2) {
        return None;
    }
    let (r, s) = numbers.split_at(numbers.len() / 2);
    Some(asn1::sequence(&[&asn1::unsigned(r), &asn1::unsigned(s)]))
}

/// The two numbers of an `Ecdsa-Sig-Value`, each with `length` bytes.
pub(crate) fn ecdsa_numbers(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let mut outer = Reader::new(signature);
    let mut inner = outer.enter(asn1::SEQUENCE).ok()?;
    let mut numbers = Vec::with_capacity(2 * length);
    for _ in 0..2 {
        let number = inner.value(asn1::INTEGER).ok()?;
        let number = number.unsigned().ok()?;
        numbers.resize(numbers.len() + length.checked_sub(number.len())?, 0);
        numbers.extend(number);
    }
    (inner.end().is_ok() && outer.end().is_ok()).then_some(numbers)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_has_one_name() {
        for hash in Hash::ALL {
            assert_eq!(hash.name().parse::<Hash>().unwrap(), hash);
            assert_eq!(hash.digest(b"").len(), hash.length());
        }
        let error = "sha1".parse::<Hash>().unwrap_err().to_string();
        assert_eq!(error, "`sha1` is no hash of signatures: known are sha256, sha384 and sha512");
    }

    #[test]
    fn the_digest_info_is_the_one_of_rfc_8017() {
        let info = Hash::Sha256.digest_info(&[7; 32]);
        let prefix = [0x30, 0x31, 0x30, 0x0d, 6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1, 5, 0, 4, 0x20];
        assert_eq!(info, [&prefix[..], &[7; 32]].concat());
    }

    #[test]
    fn two_plain_numbers_are_encoded_and_come_back() {
        let numbers = [0, 1, 2, 3, 0x80, 0, 0, 1];
        let encoded = ecdsa_signature(&numbers).unwrap();
        assert_eq!(encoded, [0x30, 12, 2, 3, 1, 2, 3, 2, 5, 0, 0x80, 0, 0, 1]);
        assert_eq!(ecdsa_numbers(&encoded, 4).unwrap(), numbers.to_vec());
        assert_eq!(ecdsa_numbers(&encoded, 3), None);
        assert_eq!(ecdsa_signature(&[1, 2, 3]), None);
    }
}
