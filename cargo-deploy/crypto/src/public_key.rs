//! Public keys of certificates: what they are, and whether a signature is theirs.

use crate::asn1::{self, Asn1Error, Reader};
use crate::signing_key::{Hash, KeyAlgorithm, ecdsa_numbers};
use p256::ecdsa::signature::hazmat::PrehashVerifier as _;
use rsa::{BigUint, Pkcs1v15Sign, RsaPublicKey};

/// `rsaEncryption` (RFC 8017 appendix A.1).
const RSA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
/// `id-ecPublicKey` (RFC 5480 section 2.1.1).
const ELLIPTIC: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01];
/// The curves of RFC 5480 section 2.1.1.1.
const P256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x03, 0x01, 0x07];
const P384: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x22];
const P521: &[u8] = &[0x2b, 0x81, 0x04, 0x00, 0x23];

/// RSA keys above this size are not verified: a damaged certificate must not keep the machine busy.
const LARGEST_MODULUS: usize = 16_384;

/// The content of `AlgorithmIdentifier` for a key of RSA or of a curve.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Rsa,
    P256,
    P384,
    P521,
}

impl Kind {
    /// Reads an `AlgorithmIdentifier` of a key; `None` for a kind that is not known here.
    pub(crate) fn read(mut identifier: Reader<'_>) -> Result<Option<Self>, Asn1Error> {
        let algorithm = identifier.object()?;
        if algorithm == RSA {
            return Ok(Some(Kind::Rsa));
        }
        if algorithm != ELLIPTIC || identifier.peek() != Some(asn1::OBJECT) {
            return Ok(None);
        }
        Kind::of_curve(identifier.object()?).map_or(Ok(None), |kind| Ok(Some(kind)))
    }

    /// The kind for the content of a curve's object identifier.
    pub(crate) fn of_curve(curve: &[u8]) -> Option<Self> {
        match curve {
            P256 => Some(Kind::P256),
            P384 => Some(Kind::P384),
            P521 => Some(Kind::P521),
            _ => None,
        }
    }
}

/// A key that verifies.
#[derive(Clone)]
pub(crate) enum PublicKey {
    Rsa(RsaPublicKey),
    P256(p256::ecdsa::VerifyingKey),
    P384(p384::ecdsa::VerifyingKey),
    P521(p521::ecdsa::VerifyingKey),
}

impl PublicKey {
    /// Of `SubjectPublicKeyInfo`; `None` for a kind of key that is not known here, or a point that is not on its curve.
    pub(crate) fn read(mut information: Reader<'_>) -> Result<Option<Self>, Asn1Error> {
        let kind = Kind::read(information.enter(asn1::SEQUENCE)?)?;
        let bits = information.value(asn1::BIT_STRING)?.bits()?;
        Ok(match kind {
            None => None,
            Some(Kind::Rsa) => {
                let mut numbers = asn1::single(bits, asn1::SEQUENCE)?.reader();
                let modulus = BigUint::from_bytes_be(numbers.value(asn1::INTEGER)?.unsigned()?);
                let exponent = BigUint::from_bytes_be(numbers.value(asn1::INTEGER)?.unsigned()?);
                RsaPublicKey::new_with_max_size(modulus, exponent, LARGEST_MODULUS).ok().map(PublicKey::Rsa)
            }
            Some(Kind::P256) => p256::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok().map(PublicKey::P256),
            Some(Kind::P384) => p384::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok().map(PublicKey::P384),
            Some(Kind::P521) => p521::ecdsa::VerifyingKey::from_sec1_bytes(bits).ok().map(PublicKey::P521),
        })
    }

    pub(crate) fn algorithm(&self) -> KeyAlgorithm {
        use rsa::traits::PublicKeyParts as _;
        match self {
            PublicKey::Rsa(key) => KeyAlgorithm::Rsa { bits: key.n().bits() as u32 },
            PublicKey::P256(_) => KeyAlgorithm::EcdsaP256,
            PublicKey::P384(_) => KeyAlgorithm::EcdsaP384,
            PublicKey::P521(_) => KeyAlgorithm::EcdsaP521,
        }
    }

    /// Whether `signature` is one by this key over `digest`.
    pub(crate) fn verifies(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        match self {
            PublicKey::Rsa(key) => {
                key.verify(Pkcs1v15Sign::new_unprefixed(), &hash.digest_info(digest), signature).is_ok()
            }
            PublicKey::P256(key) => ecdsa_numbers(signature, 32)
                .and_then(|numbers| p256::ecdsa::Signature::from_slice(&numbers).ok())
                .is_some_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            PublicKey::P384(key) => ecdsa_numbers(signature, 48)
                .and_then(|numbers| p384::ecdsa::Signature::from_slice(&numbers).ok())
                .is_some_and(|signature| key.verify_prehash(digest, &signature).is_ok()),
            PublicKey::P521(key) => ecdsa_numbers(signature, 66)
                .and_then(|numbers| p521::ecdsa::Signature::from_slice(&numbers).ok())
                .is_some_and(|signature| key.verify_prehash(&field(digest), &signature).is_ok()),
        }
    }
}

/// A digest as a number of the field of P-521. Shorter digests are the same number (SEC 1 section 4.1.3), but those below
/// half of the field's length are refused by the library unless they are filled up.
pub(crate) fn field(digest: &[u8]) -> [u8; 66] {
    let mut field = [0; 66];
    let length = digest.len().min(66);
    field[66 - length..].copy_from_slice(&digest[..length]);
    field
}

/// `SubjectPublicKeyInfo` of a key: RFC 8017 appendix A.1.1 for RSA, a point for a curve.
pub(crate) fn information(kind: Kind, key: &[u8]) -> Vec<u8> {
    let curve = |curve| asn1::sequence(&[&asn1::object(ELLIPTIC), &asn1::object(curve)]);
    let identifier = match kind {
        Kind::Rsa => asn1::sequence(&[&asn1::object(RSA), asn1::NULL]),
        Kind::P256 => curve(P256),
        Kind::P384 => curve(P384),
        Kind::P521 => curve(P521),
    };
    asn1::sequence(&[&identifier, &asn1::nest(asn1::BIT_STRING, &[&[0], key])])
}
