//! Private keys in files: PKCS #8, PKCS #1 and SEC 1, in PEM or DER, locked by a password or not.

use crate::asn1::{self, Asn1Error};
use crate::password_encryption::{self, Locked, Password, Wide};
use crate::public_key::{self, Kind};
use crate::signing_key::{Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError, ecdsa_signature};
use crate::{Certificate, Chain, ChainError, Secret, pem};
use ecdsa::hazmat::SignPrimitive as _;
use hmac::{Hmac, Mac as _};
use p256::ecdsa::signature::hazmat::PrehashSigner as _;
use p521::elliptic_curve::PrimeField as _;
use rsa::traits::PublicKeyParts as _;
use rsa::{BigUint, Pkcs1v15Sign, RsaPrivateKey};
use sha2::Sha512;
use thiserror::Error;
use zeroize::Zeroizing;

/// Keys are a few kilobytes.
const LARGEST: usize = 1 << 20;
/// Shorter RSA keys are not accepted for signatures of code since 2021, and shorter than this not since 2013.
const SHORTEST_RSA: u32 = 2048;
/// `rsa` computes with any size, and the time grows with its cube.
const LONGEST_RSA: u32 = 16_384;

/// Why a private key cannot be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum PrivateKeyError {
    /// It holds no private key.
    #[error("read the private key: the file holds none, neither as PEM nor as DER")]
    None,
    /// It holds a certificate or a public key alone.
    #[error("read the private key: the file holds `{label}` alone")]
    OtherBlock {
        /// What stands between the dashes.
        label: String,
    },
    /// It is locked, and no password was given.
    #[error("unlock the private key: it is protected by a password, and none was given")]
    PasswordMissing,
    /// The password does not unlock it.
    #[error("unlock the private key: the password is wrong")]
    PasswordWrong,
    /// It is locked in a way that is not known here.
    #[error(
        "unlock the private key: it is protected by {algorithm}, which is not supported; `openssl pkcs8 -topk8` writes it anew"
    )]
    Encryption {
        /// What is unknown.
        algorithm: String,
    },
    /// The key is of a kind that does not sign code.
    #[error(
        "read the private key: its kind is not supported; known are RSA and the curves P-256, P-384 and P-521"
    )]
    Kind,
    /// RSA of another size.
    #[error(
        "read the private key: RSA with {bits} bits; {SHORTEST_RSA} are the least, {LONGEST_RSA} the most"
    )]
    Size {
        /// Of the modulus.
        bits: u32,
    },
    /// Its parts do not fit each other, or it is cut off.
    #[error("read the private key: it is damaged")]
    Damaged,
}

impl From<Asn1Error> for PrivateKeyError {
    fn from(_: Asn1Error) -> Self {
        // Where a key is damaged says something about its content.
        PrivateKeyError::Damaged
    }
}

/// A private key in memory. It has neither `Debug` nor a way out, and is wiped when it is dropped.
pub struct PrivateKey(Inner);

enum Inner {
    Rsa(Box<RsaPrivateKey>),
    P256(p256::ecdsa::SigningKey),
    P384(p384::ecdsa::SigningKey),
    P521(p521::ecdsa::SigningKey),
}

impl PrivateKey {
    /// Opens a key in PEM (the first one in the file) or DER. A password that is not needed is left alone.
    ///
    /// # Errors
    /// If there is none, it is locked, or it is of a kind that does not sign code. No message holds the password or a
    /// part of the key.
    pub fn open(file: &[u8], password: Option<&Secret<String>>) -> Result<Self, PrivateKeyError> {
        if file.len() > LARGEST {
            return Err(PrivateKeyError::None);
        }
        if !pem::looks_like(file) {
            return PrivateKey::of_der(file, password);
        }
        let blocks = pem::blocks(file).map_err(|_| PrivateKeyError::Damaged)?;
        let Some(block) = blocks.iter().find(|block| block.label.ends_with("PRIVATE KEY")) else {
            return Err(blocks.first().map_or(PrivateKeyError::None, |block| PrivateKeyError::OtherBlock {
                label: block.label.clone(),
            }));
        };
        let header =
            |name: &str| block.headers.iter().find(|(known, _)| known == name).map(|(_, value)| &**value);
        let legacy = header("DEK-Info")
            .map(|information| {
                let password = password.ok_or(PrivateKeyError::PasswordMissing)?;
                password_encryption::decrypt_legacy(information, &block.content, password.expose())
                    .map_err(locked)
            })
            .transpose()?;
        let content = legacy.as_deref().unwrap_or(&block.content);
        let key = match &*block.label {
            "PRIVATE KEY" => PrivateKey::of_pkcs8(content),
            "ENCRYPTED PRIVATE KEY" => PrivateKey::of_encrypted(content, password),
            "RSA PRIVATE KEY" => PrivateKey::of_pkcs1(content),
            "EC PRIVATE KEY" => PrivateKey::of_sec1(content, None),
            _ => Err(PrivateKeyError::Kind),
        };
        // What a wrong password leaves has the padding of a right one once in 256 times.
        key.map_err(|error| match error {
            PrivateKeyError::Damaged if legacy.is_some() => PrivateKeyError::PasswordWrong,
            error => error,
        })
    }

    fn of_der(bytes: &[u8], password: Option<&Secret<String>>) -> Result<Self, PrivateKeyError> {
        let mut fields = asn1::single(bytes, asn1::SEQUENCE).map_err(|_| PrivateKeyError::None)?.reader();
        if fields.peek() == Some(asn1::SEQUENCE) {
            return PrivateKey::of_encrypted(bytes, password);
        }
        fields.value(asn1::INTEGER)?;
        match fields.peek() {
            Some(asn1::SEQUENCE) => PrivateKey::of_pkcs8(bytes),
            Some(asn1::INTEGER) => PrivateKey::of_pkcs1(bytes),
            Some(asn1::OCTET_STRING) => PrivateKey::of_sec1(bytes, None),
            _ => Err(PrivateKeyError::None),
        }
    }

    /// `EncryptedPrivateKeyInfo` (RFC 5958 section 3).
    fn of_encrypted(bytes: &[u8], password: Option<&Secret<String>>) -> Result<Self, PrivateKeyError> {
        let password = password.ok_or(PrivateKeyError::PasswordMissing)?;
        let password = Password { text: password.expose(), wide: Wide::Text };
        PrivateKey::of_encrypted_by(bytes, &password)
    }

    pub(crate) fn of_encrypted_by(bytes: &[u8], password: &Password<'_>) -> Result<Self, PrivateKeyError> {
        let mut fields = asn1::single(bytes, asn1::SEQUENCE)?.reader();
        let identifier = fields.enter(asn1::SEQUENCE)?;
        let content = fields.value(asn1::OCTET_STRING)?.content;
        let plain = password_encryption::decrypt(identifier, content, password).map_err(locked)?;
        PrivateKey::of_pkcs8(&plain).map_err(|error| match error {
            PrivateKeyError::Damaged => PrivateKeyError::PasswordWrong,
            error => error,
        })
    }

    /// `PrivateKeyInfo` (RFC 5958 section 2).
    pub(crate) fn of_pkcs8(bytes: &[u8]) -> Result<Self, PrivateKeyError> {
        let mut fields = asn1::single(bytes, asn1::SEQUENCE)?.reader();
        fields.value(asn1::INTEGER)?;
        let kind = Kind::read(fields.enter(asn1::SEQUENCE)?)?;
        let key = fields.value(asn1::OCTET_STRING)?.content;
        match kind {
            None => Err(PrivateKeyError::Kind),
            Some(Kind::Rsa) => PrivateKey::of_pkcs1(key),
            Some(curve) => PrivateKey::of_sec1(key, Some(curve)),
        }
    }

    /// `RSAPrivateKey` (RFC 8017 appendix A.1.2).
    fn of_pkcs1(bytes: &[u8]) -> Result<Self, PrivateKeyError> {
        let mut fields = asn1::single(bytes, asn1::SEQUENCE)?.reader();
        fields.value(asn1::INTEGER)?;
        let mut number = || -> Result<BigUint, PrivateKeyError> {
            Ok(BigUint::from_bytes_be(fields.value(asn1::INTEGER)?.unsigned()?))
        };
        let (modulus, public, private, first, second) =
            (number()?, number()?, number()?, number()?, number()?);
        let bits = modulus.bits() as u32;
        if !(SHORTEST_RSA..=LONGEST_RSA).contains(&bits) {
            return Err(PrivateKeyError::Size { bits });
        }
        let key = RsaPrivateKey::from_components(modulus, public, private, vec![first, second])
            .map_err(|_| PrivateKeyError::Damaged)?;
        key.validate().map_err(|_| PrivateKeyError::Damaged)?;
        Ok(PrivateKey(Inner::Rsa(Box::new(key))))
    }

    /// `ECPrivateKey` (RFC 5915 section 3).
    fn of_sec1(bytes: &[u8], curve: Option<Kind>) -> Result<Self, PrivateKeyError> {
        let mut fields = asn1::single(bytes, asn1::SEQUENCE)?.reader();
        fields.value(asn1::INTEGER)?;
        let scalar = fields.value(asn1::OCTET_STRING)?.content;
        let named = match fields.optional(asn1::constructed(0))? {
            Some(parameters) if parameters.reader().peek() == Some(asn1::OBJECT) => {
                Kind::of_curve(parameters.reader().object()?)
            }
            _ => None,
        };
        let damaged = |_| PrivateKeyError::Damaged;
        Ok(PrivateKey(match curve.or(named).ok_or(PrivateKeyError::Kind)? {
            Kind::Rsa => return Err(PrivateKeyError::Damaged),
            Kind::P256 => {
                Inner::P256(p256::ecdsa::SigningKey::from_slice(&*fill::<32>(scalar)?).map_err(damaged)?)
            }
            Kind::P384 => {
                Inner::P384(p384::ecdsa::SigningKey::from_slice(&*fill::<48>(scalar)?).map_err(damaged)?)
            }
            Kind::P521 => {
                Inner::P521(p521::ecdsa::SigningKey::from_slice(&*fill::<66>(scalar)?).map_err(damaged)?)
            }
        }))
    }

    /// What it is.
    pub fn algorithm(&self) -> KeyAlgorithm {
        match &self.0 {
            Inner::Rsa(key) => KeyAlgorithm::Rsa { bits: key.n().bits() as u32 },
            Inner::P256(_) => KeyAlgorithm::EcdsaP256,
            Inner::P384(_) => KeyAlgorithm::EcdsaP384,
            Inner::P521(_) => KeyAlgorithm::EcdsaP521,
        }
    }

    /// `SubjectPublicKeyInfo` of the public key that belongs to it, in DER.
    pub fn public_key_der(&self) -> Vec<u8> {
        match &self.0 {
            Inner::Rsa(key) => {
                let numbers =
                    [asn1::unsigned(&key.n().to_bytes_be()), asn1::unsigned(&key.e().to_bytes_be())];
                public_key::information(Kind::Rsa, &asn1::sequence(&[&numbers[0], &numbers[1]]))
            }
            Inner::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                public_key::information(Kind::P256, point.as_bytes())
            }
            Inner::P384(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                public_key::information(Kind::P384, point.as_bytes())
            }
            Inner::P521(key) => {
                let point = p521::ecdsa::VerifyingKey::from(key).to_encoded_point(false);
                public_key::information(Kind::P521, point.as_bytes())
            }
        }
    }

    /// Signs a digest: RSA in PKCS #1 v1.5, ECDSA in DER with the nonce of RFC 6979, so that the same digest gives the same
    /// signature. `None` if the cryptography fails.
    pub fn sign(&self, hash: Hash, digest: &[u8]) -> Option<Vec<u8>> {
        match &self.0 {
            Inner::Rsa(key) => key.sign(Pkcs1v15Sign::new_unprefixed(), &hash.digest_info(digest)).ok(),
            Inner::P256(key) => {
                let signature: p256::ecdsa::Signature = key.sign_prehash(digest).ok()?;
                ecdsa_signature(&signature.to_bytes())
            }
            Inner::P384(key) => {
                let signature: p384::ecdsa::Signature = key.sign_prehash(digest).ok()?;
                ecdsa_signature(&signature.to_bytes())
            }
            Inner::P521(key) => {
                let field = public_key::field(digest);
                let number = p521::FieldBytes::clone_from_slice(&field);
                let scalar = key.as_nonzero_scalar();
                let mut nonces = Nonces::new(&key.to_bytes(), &field);
                // One in about 2^250 nonces is none.
                (0..16).find_map(|_| {
                    let nonce = p521::FieldBytes::clone_from_slice(&nonces.next()[..]);
                    let nonce: Option<p521::Scalar> = p521::Scalar::from_repr(nonce).into();
                    let (signature, _) = scalar.try_sign_prehashed(nonce?, &number).ok()?;
                    ecdsa_signature(&signature.to_bytes())
                })
            }
        }
    }
}

/// A scalar of its full length; some tools cut leading zeros off.
fn fill<const LENGTH: usize>(scalar: &[u8]) -> Result<Zeroizing<[u8; LENGTH]>, PrivateKeyError> {
    let first = scalar.iter().position(|byte| *byte != 0).unwrap_or(scalar.len());
    let scalar = &scalar[first..];
    let mut filled = Zeroizing::new([0; LENGTH]);
    let start = LENGTH.checked_sub(scalar.len()).ok_or(PrivateKeyError::Damaged)?;
    filled[start..].copy_from_slice(scalar);
    Ok(filled)
}

fn locked(locked: Locked) -> PrivateKeyError {
    match locked {
        Locked::Unknown(algorithm) => PrivateKeyError::Encryption { algorithm },
        Locked::WrongPassword => PrivateKeyError::PasswordWrong,
        Locked::Damaged(_) => PrivateKeyError::Damaged,
    }
}

/// Nonces for P-521 by RFC 6979 section 3.2 with SHA-512. The library derives them for curves alone whose numbers are as long
/// as the hash.
struct Nonces {
    key: Zeroizing<Vec<u8>>,
    value: Zeroizing<Vec<u8>>,
}

impl Nonces {
    /// Of the scalar and the digest, each as long as a number of the field.
    fn new(scalar: &[u8], digest: &[u8; 66]) -> Self {
        let mut nonces = Nonces { key: Zeroizing::new(vec![0; 64]), value: Zeroizing::new(vec![1; 64]) };
        for step in [0, 1] {
            nonces.update(&[&[step], scalar, digest]);
        }
        nonces
    }

    fn mac(&self, parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
        // HMAC takes keys of any length.
        let Ok(mut mac) = <Hmac<Sha512> as hmac::Mac>::new_from_slice(&self.key) else {
            return Zeroizing::default();
        };
        for part in parts {
            mac.update(part);
        }
        Zeroizing::new(mac.finalize().into_bytes().to_vec())
    }

    fn update(&mut self, parts: &[&[u8]]) {
        let mut all: Vec<&[u8]> = vec![&self.value];
        all.extend(parts);
        self.key = self.mac(&all);
        self.value = self.mac(&[&self.value]);
    }

    /// The next candidate: the leftmost 521 bits.
    fn next(&mut self) -> Zeroizing<[u8; 66]> {
        let first = self.mac(&[&self.value]);
        self.value = first.clone();
        let second = self.mac(&[&self.value]);
        self.value = second.clone();
        let mut nonce = Zeroizing::new([0; 66]);
        let mut carry = 0;
        for (out, byte) in nonce.iter_mut().zip(first.iter().chain(second.iter())) {
            *out = carry << 1 | byte >> 7;
            carry = byte & 0x7f;
        }
        // For the next one, if this is none.
        self.update(&[&[0]]);
        nonce
    }
}

/// A private key in memory with its certificates.
pub struct CertifiedKey {
    key: PrivateKey,
    chain: Vec<Certificate>,
    identity: String,
}

impl CertifiedKey {
    /// Puts a key and its certificates together. They may come in any order, and others may be among them: which is the
    /// key's is seen by its public key.
    ///
    /// # Errors
    /// If none of them is the one of the key, or a signature between them does not hold.
    pub fn new(key: PrivateKey, certificates: Vec<Certificate>) -> Result<Self, ChainError> {
        let chain = Chain::of_key(certificates, &key.public_key_der())?;
        let identity = chain.leaf().sha256();
        Ok(CertifiedKey { key, chain: chain.into_certificates(), identity })
    }
}

impl SigningKey for CertifiedKey {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, SigningKeyError> {
        if digest.len() != hash.length() {
            let (identity, expected, found) = (self.identity.clone(), hash.length(), digest.len());
            return Err(SigningKeyError::DigestLength { identity, hash, expected, found });
        }
        let problem = "the cryptography failed";
        let fault = || SigningKeyError::Fault { identity: self.identity.clone(), problem };
        let bytes = self.key.sign(hash, digest).ok_or_else(fault)?;
        // A fault in memory while signing can give the key away, so no such signature leaves this function.
        match self.chain.first() {
            Some(leaf) if leaf.verifies(hash, digest, &bytes) => Ok(RawSignature { bytes, chain: None }),
            _ => Err(fault()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(digits: &str) -> Vec<u8> {
        let digits = format!("{}{digits}", if digits.len().is_multiple_of(2) { "" } else { "0" });
        digits
            .as_bytes()
            .chunks(2)
            .map(|two| u8::from_str_radix(std::str::from_utf8(two).unwrap(), 16).unwrap())
            .collect()
    }

    #[test]
    fn nonces_of_p521_are_those_of_rfc_6979() {
        // Appendix A.2.7, with SHA-512 and the message "sample".
        let scalar = bytes(
            "0FAD06DAA62BA3B25D2FB40133DA757205DE67F5BB0018FEE8C86E1B68C7E75CAA896EB32F1F47C70855836A6D16FCC1466F6D8FBEC67DB89EC0C08B0E996B83538",
        );
        let digest = public_key::field(&Hash::Sha512.digest(b"sample"));
        let nonce = Nonces::new(&fill::<66>(&scalar).unwrap()[..], &digest).next();
        let expected = bytes(
            "1DAE2EA071F8110DC26882D4D5EAE0621A3256FC8847FB9022E2B7D28E6F10198B1574FDD03A9053C08A1854A168AA5A57470EC97DD5CE090124EF52A2F7ECBFFD3",
        );
        assert_eq!(&nonce[..], expected);
    }

    #[test]
    fn what_is_no_key_is_told() {
        let error = |file: &[u8]| PrivateKey::open(file, None).err().unwrap().to_string();
        let none = "read the private key: the file holds none, neither as PEM nor as DER";
        assert_eq!(error(b""), none);
        assert_eq!(error(b"text"), none);
        let other = pem::encode("CERTIFICATE", &[1]);
        assert_eq!(error(other.as_bytes()), "read the private key: the file holds `CERTIFICATE` alone");
        let damaged = pem::encode("RSA PRIVATE KEY", &asn1::sequence(&[&asn1::unsigned(&[])]));
        assert_eq!(error(damaged.as_bytes()), "read the private key: it is damaged");
    }
}
