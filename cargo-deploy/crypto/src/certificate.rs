//! X.509 certificates (RFC 5280): what they say about a key, and the order in which they vouch for each other.
//!
//! Only what signatures of code ask for is read. Revocation is not: it is a question to the network, which whoever trusts a
//! signature asks at that moment.

mod bundle;
mod chain;
mod name;

pub use bundle::{BundleError, read_certificates};
pub use chain::{Chain, ChainError};

use crate::asn1::{self, Asn1Error, Reader};
use crate::public_key::PublicKey;
use crate::signing_key::{Hash, KeyAlgorithm};
use sha1::Digest as _;
use std::fmt;
use std::sync::Arc;
use thiserror::Error;

/// Certificates are a few thousand bytes.
const LARGEST: usize = 1 << 20;

/// Purposes of keys (RFC 5280 section 4.2.1.12), `1.3.6.1.5.5.7.3.…`.
const PURPOSES: [(KeyPurpose, u8); 2] = [(KeyPurpose::CodeSigning, 3), (KeyPurpose::TimeStamping, 8)];
const PURPOSE: [u8; 7] = [0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03];

/// Why bytes are no certificate that can be used.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CertificateError {
    /// It is no certificate in DER.
    #[error("read the certificate: it is damaged at byte {offset}")]
    Damaged {
        /// Where reading ended.
        offset: usize,
    },
    /// It is larger than any certificate.
    #[error("read the certificate: it has {bytes} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
}

impl From<Asn1Error> for CertificateError {
    fn from(error: Asn1Error) -> Self {
        CertificateError::Damaged { offset: error.offset }
    }
}

/// Why a certificate was not signed by the one that is named as its issuer.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum IssuerError {
    /// The names differ.
    #[error("the certificate of {subject} was issued by {issuer}, and not by {other}")]
    Name {
        /// Of the certificate.
        subject: String,
        /// Whom it names.
        issuer: String,
        /// The certificate it was compared with.
        other: String,
    },
    /// The issuer must not sign certificates.
    #[error("the certificate of {subject} was signed by {issuer}, which is no certificate authority")]
    NoAuthority {
        /// Of the certificate.
        subject: String,
        /// Of the issuer.
        issuer: String,
    },
    /// The signature is not one by the issuer.
    #[error("the signature in the certificate of {subject} is not one by {issuer}")]
    Signature {
        /// Of the certificate.
        subject: String,
        /// Of the issuer.
        issuer: String,
    },
    /// It is signed in a way that is not accepted, SHA-1 and MD5 among them.
    #[error("the certificate of {subject} is signed with the algorithm {algorithm}, which is not accepted")]
    Algorithm {
        /// Of the certificate.
        subject: String,
        /// As people know it, or an object identifier.
        algorithm: String,
    },
}

/// What a certificate says its key may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeyPurpose {
    /// Signing code.
    CodeSigning,
    /// Signing timestamps.
    TimeStamping,
    /// Something else, as an object identifier.
    Other(String),
}

impl fmt::Display for KeyPurpose {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            KeyPurpose::CodeSigning => formatter.write_str("code signing"),
            KeyPurpose::TimeStamping => formatter.write_str("time stamping"),
            KeyPurpose::Other(object) => formatter.write_str(object),
        }
    }
}

/// The extension that limits what a key may be used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExtendedKeyUsage {
    /// Whether those who do not know the extension must refuse the certificate.
    pub critical: bool,
    /// All the key may be used for.
    pub purposes: Vec<KeyPurpose>,
}

/// A certificate. Two are equal when their bytes are.
#[derive(Clone)]
pub struct Certificate(Arc<Content>);

struct Content {
    der: Vec<u8>,
    /// Where in `der` the signed part lies.
    signed: std::ops::Range<usize>,
    serial: Vec<u8>,
    issuer_name: Vec<u8>,
    subject_name: Vec<u8>,
    issuer: String,
    subject: String,
    not_before: u64,
    not_after: u64,
    public_key: Option<PublicKey>,
    public_key_information: Vec<u8>,
    signature_algorithm: Vec<u8>,
    signature: Vec<u8>,
    extended_key_usage: Option<ExtendedKeyUsage>,
    authority: bool,
    /// The bits of the extension key usage, the first of them the highest.
    key_usage: Option<u8>,
    subject_key_identifier: Option<Vec<u8>>,
}

impl Certificate {
    /// Reads one certificate in DER. See [`read_certificates`] for files in whatever form.
    ///
    /// # Errors
    /// If these bytes are no certificate. A certificate whose kind of key is not known is read, and has no
    /// [`algorithm`](Certificate::algorithm).
    pub fn from_der(der: &[u8]) -> Result<Self, CertificateError> {
        if der.len() > LARGEST {
            return Err(CertificateError::TooLarge { bytes: der.len() });
        }
        let whole = asn1::single(der, asn1::SEQUENCE)?;
        let mut outer = whole.reader();
        let signed = outer.value(asn1::SEQUENCE)?;
        let algorithm = outer.value(asn1::SEQUENCE)?;
        let signature = outer.value(asn1::BIT_STRING)?.bits()?;
        outer.end()?;
        // The signed part is the first within the whole.
        let start = der.len() - whole.content.len();

        let mut fields = signed.reader();
        if let Some(version) = fields.optional(asn1::constructed(0))? {
            version.reader().value(asn1::INTEGER)?;
        }
        let serial = fields.value(asn1::INTEGER)?.content.to_vec();
        // RFC 5280 section 4.1.1.2: both places name the same algorithm.
        if fields.value(asn1::SEQUENCE)?.whole != algorithm.whole {
            return Err(fields.error().into());
        }
        let issuer = fields.value(asn1::SEQUENCE)?;
        let mut validity = fields.enter(asn1::SEQUENCE)?;
        let (not_before, not_after) = (validity.any()?.moment()?, validity.any()?.moment()?);
        let subject = fields.value(asn1::SEQUENCE)?;
        let key = fields.value(asn1::SEQUENCE)?;
        let mut content = Content {
            der: der.to_vec(),
            signed: start..start + signed.whole.len(),
            serial,
            issuer_name: issuer.whole.to_vec(),
            subject_name: subject.whole.to_vec(),
            issuer: name::text(issuer.reader())?,
            subject: name::text(subject.reader())?,
            not_before,
            not_after,
            public_key: PublicKey::read(key.reader())?,
            public_key_information: key.whole.to_vec(),
            signature_algorithm: algorithm.content.to_vec(),
            signature: signature.to_vec(),
            extended_key_usage: None,
            authority: false,
            key_usage: None,
            subject_key_identifier: None,
        };
        // Unique identifiers, which nobody writes, stand before the extensions.
        fields.optional(0x81)?;
        fields.optional(0x82)?;
        if let Some(extensions) = fields.optional(asn1::constructed(3))? {
            for extension in extensions.reader().enter(asn1::SEQUENCE)?.all()? {
                content.extension(extension.expect(asn1::SEQUENCE)?.reader())?;
            }
        }
        fields.end()?;
        Ok(Certificate(Arc::new(content)))
    }

    /// The certificate itself.
    pub fn der(&self) -> &[u8] {
        &self.0.der
    }

    /// The certificate in PEM (RFC 7468), with a line feed at the end.
    pub fn pem(&self) -> String {
        crate::pem::encode("CERTIFICATE", &self.0.der)
    }

    /// Whom it names, as RFC 4514 writes it: `CN=Example,O=Example Ltd,C=DE`.
    pub fn subject(&self) -> &str {
        &self.0.subject
    }

    /// The name that people read: the common name, else the organisation, else the whole subject.
    pub fn name(&self) -> String {
        name::common(&self.0.subject_name).unwrap_or_else(|| self.0.subject.clone())
    }

    /// Who issued it, as RFC 4514 writes it.
    pub fn issuer(&self) -> &str {
        &self.0.issuer
    }

    /// The subject's name in DER.
    pub fn subject_der(&self) -> &[u8] {
        &self.0.subject_name
    }

    /// The issuer's name in DER.
    pub fn issuer_der(&self) -> &[u8] {
        &self.0.issuer_name
    }

    /// Its number at its issuer, in hexadecimal digits.
    pub fn serial(&self) -> String {
        hexadecimal(&self.0.serial)
    }

    /// Its number as the content of an integer in DER.
    pub(crate) fn serial_content(&self) -> &[u8] {
        &self.0.serial
    }

    /// From when on it is valid: seconds since 1970-01-01 UTC.
    pub fn not_before(&self) -> u64 {
        self.0.not_before
    }

    /// The last second in which it is valid, since 1970-01-01 UTC.
    pub fn not_after(&self) -> u64 {
        self.0.not_after
    }

    /// Whether it is valid at that moment.
    pub fn is_valid_at(&self, moment: u64) -> bool {
        (self.0.not_before..=self.0.not_after).contains(&moment)
    }

    /// What its key may be used for; `None` where the certificate does not limit it.
    pub fn extended_key_usage(&self) -> Option<&ExtendedKeyUsage> {
        self.0.extended_key_usage.as_ref()
    }

    /// Whether it names this purpose.
    pub fn has_purpose(&self, purpose: &KeyPurpose) -> bool {
        self.0.extended_key_usage.as_ref().is_some_and(|usage| usage.purposes.contains(purpose))
    }

    /// Whether its key may make signatures over data: the key usage says so, or there is none.
    pub fn signs_data(&self) -> bool {
        // digitalSignature or contentCommitment.
        self.0.key_usage.is_none_or(|usage| usage & 0b1100_0000 != 0)
    }

    /// Whether it is one of a certificate authority: whether it may issue certificates.
    pub fn is_authority(&self) -> bool {
        self.0.authority
    }

    /// Whether it names itself as its issuer, as roots do.
    pub fn is_self_issued(&self) -> bool {
        self.0.subject_name == self.0.issuer_name
    }

    /// What its key is; `None` for a kind that is not known here, such as Ed25519 or DSA.
    pub fn algorithm(&self) -> Option<KeyAlgorithm> {
        self.0.public_key.as_ref().map(PublicKey::algorithm)
    }

    /// `SubjectPublicKeyInfo` in DER.
    pub fn public_key_der(&self) -> &[u8] {
        &self.0.public_key_information
    }

    /// The SHA-1 thumbprint, in the digits with which Windows shows it.
    pub fn sha1(&self) -> String {
        hexadecimal(&sha1::Sha1::digest(&self.0.der))
    }

    /// The SHA-256 thumbprint in hexadecimal digits.
    pub fn sha256(&self) -> String {
        hexadecimal(&Hash::Sha256.digest(&self.0.der))
    }

    /// The identifier of its key, if it has one.
    pub(crate) fn subject_key_identifier(&self) -> Option<&[u8]> {
        self.0.subject_key_identifier.as_deref()
    }

    /// Whether `signature` is one by the key of this certificate over this digest.
    pub fn verifies(&self, hash: Hash, digest: &[u8], signature: &[u8]) -> bool {
        digest.len() == hash.length()
            && self.0.public_key.as_ref().is_some_and(|key| key.verifies(hash, digest, signature))
    }

    /// Whether this certificate was signed by that one.
    ///
    /// # Errors
    /// What does not fit: the names, what the issuer may do, or the signature.
    pub fn check_issuer(&self, issuer: &Certificate) -> Result<(), IssuerError> {
        let subject = || self.0.subject.clone();
        if self.0.issuer_name != issuer.0.subject_name {
            let (issuer, other) = (self.0.issuer.clone(), issuer.0.subject.clone());
            return Err(IssuerError::Name { subject: subject(), issuer, other });
        }
        // keyCertSign, where the key usage is given at all.
        let may = issuer.0.key_usage.is_none_or(|usage| usage & 0b0000_0100 != 0);
        if !may || (!issuer.is_authority() && !self.is_self_issued()) {
            return Err(IssuerError::NoAuthority { subject: subject(), issuer: issuer.0.subject.clone() });
        }
        self.check_signature(issuer)
    }

    /// Whether the signature in this certificate is one by the key of that one, whatever that one may do.
    pub(crate) fn check_signature(&self, issuer: &Certificate) -> Result<(), IssuerError> {
        let subject = || self.0.subject.clone();
        let hash = signature_hash(&self.0.signature_algorithm)
            .map_err(|algorithm| IssuerError::Algorithm { subject: subject(), algorithm })?;
        let digest = hash.digest(&self.0.der[self.0.signed.clone()]);
        if issuer.verifies(hash, &digest, &self.0.signature) {
            Ok(())
        } else {
            Err(IssuerError::Signature { subject: subject(), issuer: issuer.0.subject.clone() })
        }
    }
}

impl PartialEq for Certificate {
    fn eq(&self, other: &Self) -> bool {
        self.0.der == other.0.der
    }
}

impl Eq for Certificate {}

impl fmt::Debug for Certificate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Certificate({}, {})", self.0.subject, self.sha256())
    }
}

impl Content {
    /// Reads one extension. Those that are not known are left alone: what they limit is for those who trust a signature.
    fn extension(&mut self, mut extension: Reader<'_>) -> Result<(), CertificateError> {
        let object = extension.object()?;
        let critical = match extension.optional(asn1::BOOLEAN)? {
            Some(critical) => critical.boolean()?,
            None => false,
        };
        let value = extension.value(asn1::OCTET_STRING)?.content;
        extension.end()?;
        match object {
            // RFC 5280 section 4.2.1.9.
            [0x55, 0x1d, 0x13] => {
                let mut constraints = asn1::single(value, asn1::SEQUENCE)?.reader();
                self.authority = match constraints.optional(asn1::BOOLEAN)? {
                    Some(authority) => authority.boolean()?,
                    None => false,
                };
            }
            // RFC 5280 section 4.2.1.3.
            [0x55, 0x1d, 0x0f] => {
                let bits = asn1::single(value, asn1::BIT_STRING)?.content;
                self.key_usage = Some(bits.get(1).copied().unwrap_or(0));
            }
            // RFC 5280 section 4.2.1.2.
            [0x55, 0x1d, 0x0e] => {
                self.subject_key_identifier = Some(asn1::single(value, asn1::OCTET_STRING)?.content.to_vec());
            }
            // RFC 5280 section 4.2.1.12.
            [0x55, 0x1d, 0x25] => {
                let values = asn1::single(value, asn1::SEQUENCE)?.reader().all()?;
                let purposes = values
                    .into_iter()
                    .map(|value| Ok(purpose(value.expect(asn1::OBJECT)?.content)))
                    .collect::<Result<_, Asn1Error>>()?;
                self.extended_key_usage = Some(ExtendedKeyUsage { critical, purposes });
            }
            _ => {}
        }
        Ok(())
    }
}

fn purpose(object: &[u8]) -> KeyPurpose {
    let known = object.strip_prefix(&PURPOSE).and_then(|last| {
        PURPOSES.into_iter().find(|(_, number)| last == [*number]).map(|(purpose, _)| purpose)
    });
    known.unwrap_or_else(|| KeyPurpose::Other(asn1::dotted(object)))
}

/// The hash of a signature's algorithm identifier; the name of the algorithm if it is not accepted.
pub(crate) fn signature_hash(identifier: &[u8]) -> Result<Hash, String> {
    let mut reader = Reader::new(identifier);
    let object = reader.object().map_err(|_| "that cannot be read".to_owned())?;
    match object {
        // RFC 8017 appendix A.2.4: rsa with its hash.
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, last] => match last {
            11 => Ok(Hash::Sha256),
            12 => Ok(Hash::Sha384),
            13 => Ok(Hash::Sha512),
            4 => Err("RSA with MD5".to_owned()),
            5 => Err("RSA with SHA-1".to_owned()),
            10 => Err("RSA-PSS".to_owned()),
            _ => Err(asn1::dotted(object)),
        },
        // RFC 5758 section 3.2: ECDSA with its hash.
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, last] => match last {
            2 => Ok(Hash::Sha256),
            3 => Ok(Hash::Sha384),
            4 => Ok(Hash::Sha512),
            _ => Err(asn1::dotted(object)),
        },
        [0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x01] => Err("ECDSA with SHA-1".to_owned()),
        _ => Err(asn1::dotted(object)),
    }
}

pub(crate) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
