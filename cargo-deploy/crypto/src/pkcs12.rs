//! PKCS #12 (RFC 7292): a key and its certificates in one file, `.pfx` or `.p12`.
//!
//! Read are the files of Windows, OpenSSL and Java, with the old ciphers (RC2 and triple DES by SHA-1) and the new ones (AES by
//! PBKDF2). Whether the password is right is seen by the file's authentication code.

use crate::asn1::{self, Asn1Error, Reader, Value};
use crate::password_encryption::{self, Derivation, Locked, Password, Wide};
use crate::{
    Certificate, CertificateError, CertifiedKey, ChainError, KeyPurpose, PrivateKey, PrivateKeyError, Secret,
};
use std::borrow::Cow;
use thiserror::Error;
use zeroize::Zeroizing;

/// Files of keys are a few kilobytes.
const LARGEST: usize = 8 << 20;

/// `1.2.840.113549.1.7`, of CMS.
const CMS: [u8; 8] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7];
/// `1.2.840.113549.1.12.10.1`, of the kinds of bags.
const BAG: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 12, 10, 1];
/// `1.2.840.113549.1.9.22.1`.
const X509: [u8; 10] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 9, 22, 1];
/// `1.2.840.113549.1.5.14`, PBMAC1 (RFC 9579).
const PBMAC1: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 5, 14];

/// Why a PKCS #12 file cannot be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum Pkcs12Error {
    /// It is no PKCS #12 file.
    #[error("open the PKCS #12 file: it is none, or damaged at byte {offset}")]
    Damaged {
        /// Where reading ended.
        offset: usize,
    },
    /// The password does not open it.
    #[error("open the PKCS #12 file: the password is wrong")]
    PasswordWrong,
    /// It needs a password.
    #[error("open the PKCS #12 file: it is protected by a password, and none was given")]
    PasswordMissing,
    /// It is locked in a way that is not known here.
    #[error("open the PKCS #12 file: it is protected by {algorithm}, which is not supported")]
    Encryption {
        /// What is unknown.
        algorithm: String,
    },
    /// It is protected with public keys instead of a password.
    #[error(
        "open the PKCS #12 file: it is protected by a certificate instead of a password, which is not supported"
    )]
    PublicKeyMode,
    /// It holds certificates alone.
    #[error("open the PKCS #12 file: it holds no private key; export it together with the certificate")]
    KeyMissing,
    /// It holds several keys.
    #[error(
        "open the PKCS #12 file: it holds {count} private keys, and it is not known which of them is meant"
    )]
    SeveralKeys {
        /// How many could be meant.
        count: usize,
    },
    /// Its key cannot be used.
    #[error("open the PKCS #12 file")]
    Key(#[source] PrivateKeyError),
    /// A certificate in it cannot be read.
    #[error("open the PKCS #12 file")]
    Certificate(#[source] CertificateError),
    /// Its certificates do not fit the key, or each other.
    #[error("open the PKCS #12 file")]
    Chain(#[source] ChainError),
}

impl From<Asn1Error> for Pkcs12Error {
    fn from(error: Asn1Error) -> Self {
        Pkcs12Error::Damaged { offset: error.offset }
    }
}

fn locked(locked: Locked) -> Pkcs12Error {
    match locked {
        Locked::Unknown(algorithm) => Pkcs12Error::Encryption { algorithm },
        Locked::WrongPassword => Pkcs12Error::PasswordWrong,
        Locked::Damaged(offset) => Pkcs12Error::Damaged { offset },
    }
}

/// What a PKCS #12 file holds.
#[derive(Default)]
struct Content {
    keys: Vec<PrivateKey>,
    certificates: Vec<Certificate>,
}

impl CertifiedKey {
    /// Opens a PKCS #12 file. `beside` are certificates that it lacks, such as those of its authorities.
    ///
    /// Of several keys the one is taken whose certificate is for signing code, if there is exactly one.
    ///
    /// # Errors
    /// If the password is wrong, or the file holds no key, or no certificate of it. No message holds the password.
    pub fn of_pkcs12(
        file: &[u8],
        password: Option<&Secret<String>>,
        beside: &[Certificate],
    ) -> Result<Self, Pkcs12Error> {
        let Content { keys, mut certificates } = open(file, password)?;
        certificates.extend_from_slice(beside);
        let count = keys.len();
        let signs = |key: &PrivateKey| {
            let public = key.public_key_der();
            certificates.iter().any(|certificate| {
                certificate.public_key_der() == public && certificate.has_purpose(&KeyPurpose::CodeSigning)
            })
        };
        let (mut signing, mut others): (Vec<_>, Vec<_>) = keys.into_iter().partition(signs);
        let key = match (signing.len(), others.len()) {
            (0, 0) => return Err(Pkcs12Error::KeyMissing),
            (1, _) => signing.pop(),
            (0, 1) => others.pop(),
            _ => None,
        };
        let key = key.ok_or(Pkcs12Error::SeveralKeys { count })?;
        CertifiedKey::new(key, certificates).map_err(Pkcs12Error::Chain)
    }
}

fn open(file: &[u8], password: Option<&Secret<String>>) -> Result<Content, Pkcs12Error> {
    if file.len() > LARGEST {
        return Err(Pkcs12Error::Damaged { offset: LARGEST });
    }
    let file = asn1::definite(file)?;
    let mut fields = asn1::single(&file, asn1::SEQUENCE)?.reader();
    if fields.value(asn1::INTEGER)?.small()? != 3 {
        return Err(fields.error().into());
    }
    let mut safe = fields.enter(asn1::SEQUENCE)?;
    match safe.object()?.strip_prefix(&CMS) {
        Some([1]) => {}
        Some([2]) => return Err(Pkcs12Error::PublicKeyMode),
        _ => return Err(safe.error().into()),
    }
    let safe = safe.enter(asn1::constructed(0))?.value(asn1::OCTET_STRING)?.content;
    let text = password.map_or("", |password| password.expose());
    let mut password = Password { text, wide: Wide::Text };
    if let Some(mac) = fields.optional(asn1::SEQUENCE)? {
        let mut right = authenticates(mac.reader(), safe, &password)?;
        if !right && text.is_empty() {
            password.wide = Wide::Nothing;
            right = authenticates(mac.reader(), safe, &password)?;
        }
        if !right {
            return Err(if text.is_empty() {
                Pkcs12Error::PasswordMissing
            } else {
                Pkcs12Error::PasswordWrong
            });
        }
    }
    let mut content = Content::default();
    let safe = asn1::definite(safe)?;
    for part in asn1::single(&safe, asn1::SEQUENCE)?.reader().all()? {
        let mut part = part.expect(asn1::SEQUENCE)?.reader();
        match part.object()?.strip_prefix(&CMS) {
            Some([1]) => {
                let bags = part.enter(asn1::constructed(0))?.value(asn1::OCTET_STRING)?.content;
                content.bags(bags, &password)?;
            }
            Some([6]) => {
                let bags = decrypted(part.enter(asn1::constructed(0))?, &password)?;
                content.bags(&bags, &password)?;
            }
            Some([3]) => return Err(Pkcs12Error::PublicKeyMode),
            _ => return Err(part.error().into()),
        }
    }
    Ok(content)
}

/// Whether the authentication code of the file fits the password (RFC 7292 section 4; RFC 9579).
fn authenticates(mut mac: Reader<'_>, content: &[u8], password: &Password<'_>) -> Result<bool, Pkcs12Error> {
    let mut information = mac.enter(asn1::SEQUENCE)?;
    let mut identifier = information.enter(asn1::SEQUENCE)?;
    let expected = information.value(asn1::OCTET_STRING)?.content;
    let salt = mac.value(asn1::OCTET_STRING)?.content;
    let rounds = match mac.optional(asn1::INTEGER)? {
        Some(rounds) => rounds.small()?,
        None => 1,
    };
    let object = identifier.object()?;
    let unknown = |object: &[u8]| Pkcs12Error::Encryption {
        algorithm: format!("an authentication code by {}", asn1::dotted(object)),
    };
    if object == PBMAC1 {
        let mut parameters = identifier.enter(asn1::SEQUENCE)?;
        let derivation = parameters.enter(asn1::SEQUENCE)?;
        let object = parameters.enter(asn1::SEQUENCE)?.object()?;
        let hash = Derivation::of_mac(object).ok_or_else(|| unknown(object))?;
        // The length of the key has to be given there (RFC 9579 section 5).
        let mut given = derivation;
        given.object()?;
        let mut given = given.enter(asn1::SEQUENCE)?;
        given.value(asn1::OCTET_STRING)?;
        given.value(asn1::INTEGER)?;
        let length = given.value(asn1::INTEGER)?.small()?.min(1024) as usize;
        let key = password_encryption::derived(derivation, password.text.as_bytes(), length);
        return Ok(hash.authenticates(&key.map_err(locked)?, content, expected));
    }
    let hash = Derivation::of_hash(object).ok_or_else(|| unknown(object))?;
    let key = hash.pkcs12(password, salt, rounds, 3, hash.length()).map_err(locked)?;
    Ok(hash.authenticates(&key, content, expected))
}

/// `EncryptedData` (RFC 5652 section 8).
fn decrypted(mut outer: Reader<'_>, password: &Password<'_>) -> Result<Zeroizing<Vec<u8>>, Pkcs12Error> {
    let mut fields = outer.enter(asn1::SEQUENCE)?;
    fields.value(asn1::INTEGER)?;
    let mut content = fields.enter(asn1::SEQUENCE)?;
    content.object()?;
    let identifier = content.enter(asn1::SEQUENCE)?;
    let bytes: Cow<'_, [u8]> = match content.any()? {
        value if value.tag == asn1::primitive(0) => Cow::Borrowed(value.content),
        // In pieces.
        value if value.tag == asn1::constructed(0) => {
            Cow::Owned(value.reader().all()?.iter().flat_map(|piece| piece.content.iter().copied()).collect())
        }
        _ => return Err(content.error().into()),
    };
    password_encryption::decrypt(identifier, &bytes, password).map_err(locked)
}

impl Content {
    /// `SafeContents` (RFC 7292 section 4.2).
    fn bags(&mut self, bytes: &[u8], password: &Password<'_>) -> Result<(), Pkcs12Error> {
        let bytes = asn1::definite(bytes)?;
        for bag in asn1::single(&bytes, asn1::SEQUENCE)?.reader().all()? {
            let mut bag = bag.expect(asn1::SEQUENCE)?.reader();
            let kind = bag.object()?.strip_prefix(&BAG);
            let mut value = bag.enter(asn1::constructed(0))?;
            match kind {
                Some([1]) => self.key(PrivateKey::of_pkcs8(value.any()?.whole))?,
                Some([2]) => self.key(PrivateKey::of_encrypted_by(value.any()?.whole, password))?,
                Some([3]) => {
                    let mut certificate = value.enter(asn1::SEQUENCE)?;
                    if certificate.object()? == X509 {
                        let der: Value<'_> =
                            certificate.enter(asn1::constructed(0))?.value(asn1::OCTET_STRING)?;
                        let read = Certificate::from_der(der.content);
                        self.certificates.push(read.map_err(Pkcs12Error::Certificate)?);
                    }
                }
                // Revocation lists, secrets of other programs, bags within bags.
                _ => {}
            }
        }
        Ok(())
    }

    fn key(&mut self, key: Result<PrivateKey, PrivateKeyError>) -> Result<(), Pkcs12Error> {
        match key {
            Ok(key) => self.keys.push(key),
            Err(PrivateKeyError::PasswordWrong) => return Err(Pkcs12Error::PasswordWrong),
            // Keys that do not sign code may lie beside the one that does.
            Err(PrivateKeyError::Kind) => {}
            Err(error) => return Err(Pkcs12Error::Key(error)),
        }
        Ok(())
    }
}
