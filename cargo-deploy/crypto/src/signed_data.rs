//! `SignedData` of CMS (RFC 5652 section 5) with one signer: how it is read, what is signed in it, and how it is written.

use crate::asn1::{self, Asn1Error, Reader, Value};
use crate::certificate::{hexadecimal, signature_hash};
use crate::signing_key::Hash;
use crate::{Certificate, CertificateError};
use thiserror::Error;

/// `id-signedData`.
pub(crate) const SIGNED_DATA: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x07, 0x02];
/// `id-contentType` (RFC 5652 section 11.1).
pub(crate) const CONTENT_TYPE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x03];
/// `id-messageDigest` (RFC 5652 section 11.2).
pub(crate) const MESSAGE_DIGEST: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];

/// Why signed data does not hold.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum SignedDataError {
    /// It cannot be read.
    #[error("its encoding is damaged at byte {offset}")]
    Damaged {
        /// Where reading ended.
        offset: usize,
    },
    /// A part of it is not as the standards say.
    #[error("{problem}")]
    Form {
        /// What is wrong.
        problem: &'static str,
    },
    /// One of its certificates cannot be read.
    #[error("it holds a certificate that cannot be read")]
    Certificate(#[source] CertificateError),
    /// The certificate of the signer is not among those it holds.
    #[error("it lacks the certificate of the signer with the number {serial}")]
    SignerMissing {
        /// Of the certificate.
        serial: String,
    },
    /// It is signed in a way that is not accepted, SHA-1 and MD5 among them.
    #[error("it is signed with {algorithm}, which is not accepted")]
    Algorithm {
        /// As people know it, or an object identifier.
        algorithm: String,
    },
    /// Its content is not what was signed.
    #[error("its content is not the one that was signed")]
    ContentDigest,
    /// The signature is not one by the signer's key.
    #[error("its signature is not one by the key of {subject}")]
    Signature {
        /// Of the certificate of the signer.
        subject: String,
    },
}

impl From<Asn1Error> for SignedDataError {
    fn from(error: Asn1Error) -> Self {
        SignedDataError::Damaged { offset: error.offset }
    }
}

fn form(problem: &'static str) -> SignedDataError {
    SignedDataError::Form { problem }
}

/// An attribute and its values.
#[derive(Debug)]
pub(crate) struct Attribute<'a> {
    pub(crate) object: &'a [u8],
    pub(crate) values: Vec<Value<'a>>,
}

/// Signed data that was read. Whether it holds is told by [`check`](SignedData::check).
#[derive(Debug)]
pub(crate) struct SignedData<'a> {
    pub(crate) content_type: &'a [u8],
    /// What stands in the explicit tag of the content.
    pub(crate) content: Value<'a>,
    pub(crate) certificates: Vec<Certificate>,
    /// Whether there are lists of revoked certificates, which are read by nobody.
    pub(crate) has_revocations: bool,
    pub(crate) signer: Signer<'a>,
}

/// Who signed, and what besides the content.
#[derive(Debug)]
pub(crate) struct Signer<'a> {
    identifier: Value<'a>,
    hash: Result<Hash, String>,
    attributes: Value<'a>,
    pub(crate) signed: Vec<Attribute<'a>>,
    algorithm: Value<'a>,
    pub(crate) signature: &'a [u8],
    pub(crate) unsigned: Vec<Attribute<'a>>,
}

impl<'a> SignedData<'a> {
    /// Reads a `ContentInfo` of the given version of signed data.
    pub(crate) fn read(bytes: &'a [u8], version: u64) -> Result<Self, SignedDataError> {
        let mut outer = asn1::single(bytes, asn1::SEQUENCE)?.reader();
        if outer.object()? != SIGNED_DATA {
            return Err(form("it is no signed data"));
        }
        let explicit = outer.value(asn1::constructed(0))?;
        outer.end()?;
        let mut fields = asn1::single(explicit.content, asn1::SEQUENCE)?.reader();
        if fields.value(asn1::INTEGER)?.small()? != version {
            return Err(form("it is of an unexpected version"));
        }
        let hashes = fields.value(asn1::SET)?.reader().all()?;
        let mut encapsulated = fields.enter(asn1::SEQUENCE)?;
        let content_type = encapsulated.object()?;
        let mut explicit = encapsulated.enter(asn1::constructed(0))?;
        let content = explicit.any()?;
        explicit.end()?;
        encapsulated.end()?;
        let mut certificates = Vec::new();
        if let Some(values) = fields.optional(asn1::constructed(0))? {
            for value in values.reader().all()? {
                let value = value.expect(asn1::SEQUENCE)?;
                certificates.push(Certificate::from_der(value.whole).map_err(SignedDataError::Certificate)?);
            }
        }
        let has_revocations = fields.optional(asn1::constructed(1))?.is_some();
        let signers = fields.value(asn1::SET)?.reader().all()?;
        fields.end()?;
        let [signer] = signers[..] else { return Err(form("it has not exactly one signer")) };
        let (signer, hash) = Signer::read(signer.expect(asn1::SEQUENCE)?.reader())?;
        match hashes[..] {
            [one] if hash_object(one.expect(asn1::SEQUENCE)?.reader())? == hash => {}
            _ => return Err(form("the list of its hashes is not the one of its signer")),
        }
        Ok(SignedData { content_type, content, certificates, has_revocations, signer })
    }

    /// Checks the digest of the content, given as what was hashed, and the signature. Gives the certificate of the signer.
    pub(crate) fn check(&self, hashed: &[u8]) -> Result<(&Certificate, Hash), SignedDataError> {
        let hash = self.hash()?;
        let certificate = self.signer_certificate()?;
        match self.signer.attribute(CONTENT_TYPE)? {
            Some(value) if value.expect(asn1::OBJECT)?.content == self.content_type => {}
            _ => return Err(form("the signed type of its content is not the type of its content")),
        }
        match self.signer.attribute(MESSAGE_DIGEST)? {
            Some(value) if value.expect(asn1::OCTET_STRING)?.content == hash.digest(hashed) => {}
            Some(_) => return Err(SignedDataError::ContentDigest),
            None => return Err(form("the digest of its content is not signed")),
        }
        self.signer.check_algorithm(hash)?;
        // What is signed is the set itself, and not the implicit tag in its place (RFC 5652 section 5.4).
        let attributes = asn1::encode(asn1::SET, self.signer.attributes.content);
        if certificate.verifies(hash, &hash.digest(&attributes), self.signer.signature) {
            Ok((certificate, hash))
        } else {
            Err(SignedDataError::Signature { subject: certificate.subject().to_owned() })
        }
    }

    /// The hash of the signature.
    pub(crate) fn hash(&self) -> Result<Hash, SignedDataError> {
        self.signer.hash.clone().map_err(|algorithm| SignedDataError::Algorithm { algorithm })
    }

    /// The certificate of the signer, found by the name and number of its issuer or the identifier of its key.
    pub(crate) fn signer_certificate(&self) -> Result<&Certificate, SignedDataError> {
        let identifier = self.signer.identifier;
        if identifier.tag == asn1::primitive(0) {
            let found = self
                .certificates
                .iter()
                .find(|certificate| certificate.subject_key_identifier() == Some(identifier.content));
            let serial = || hexadecimal(identifier.content);
            return found.ok_or_else(|| SignedDataError::SignerMissing { serial: serial() });
        }
        let mut fields = identifier.reader();
        let issuer = fields.value(asn1::SEQUENCE)?.whole;
        let serial = fields.value(asn1::INTEGER)?.content;
        fields.end()?;
        let found = self
            .certificates
            .iter()
            .find(|certificate| certificate.issuer_der() == issuer && certificate.serial_content() == serial);
        found.ok_or_else(|| SignedDataError::SignerMissing { serial: hexadecimal(serial) })
    }
}

impl<'a> Signer<'a> {
    /// `SignerInfo` (RFC 5652 section 5.3), and the object identifier of its hash.
    fn read(mut fields: Reader<'a>) -> Result<(Self, &'a [u8]), SignedDataError> {
        let version = fields.value(asn1::INTEGER)?.small()?;
        let identifier = fields.any()?;
        match (version, identifier.tag) {
            (1, asn1::SEQUENCE) => {}
            (3, tag) if tag == asn1::primitive(0) => {}
            _ => return Err(form("its signer is named in an unexpected way")),
        }
        let object = hash_object(fields.enter(asn1::SEQUENCE)?)?;
        let attributes = fields.value(asn1::constructed(0))?;
        let algorithm = fields.value(asn1::SEQUENCE)?;
        let signature = fields.value(asn1::OCTET_STRING)?.content;
        let unsigned = match fields.optional(asn1::constructed(1))? {
            Some(unsigned) => read_attributes(unsigned)?,
            None => Vec::new(),
        };
        fields.end()?;
        let hash = Hash::of_object(object).ok_or_else(|| hash_name(object));
        let signed = read_attributes(attributes)?;
        Ok((Signer { identifier, hash, attributes, signed, algorithm, signature, unsigned }, object))
    }

    /// The one value of a signed attribute.
    pub(crate) fn attribute(&self, object: &[u8]) -> Result<Option<Value<'a>>, SignedDataError> {
        single(&self.signed, object)
    }

    /// The one value of an attribute that is not signed.
    pub(crate) fn unsigned(&self, object: &[u8]) -> Result<Option<Value<'a>>, SignedDataError> {
        single(&self.unsigned, object)
    }

    /// The algorithm of the signature has to be one of the hash.
    fn check_algorithm(&self, hash: Hash) -> Result<(), SignedDataError> {
        let mut fields = self.algorithm.reader();
        let object = fields.object()?;
        let parameters = fields.any().map(|value| value.whole == asn1::NULL);
        fields.end()?;
        let fits = match object {
            // rsaEncryption, with its parameters; id-ecPublicKey, which some write for ECDSA.
            [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 1] => parameters == Ok(true),
            [0x2a, 0x86, 0x48, 0xce, 0x3d, 2, 1] => true,
            // RSA with its hash has them, ECDSA with its hash has not.
            _ => {
                let found = signature_hash(self.algorithm.content);
                let found = found.map_err(|algorithm| SignedDataError::Algorithm { algorithm })?;
                found == hash && parameters.unwrap_or(true)
            }
        };
        if fits { Ok(()) } else { Err(form("the algorithm of its signature is not the one of its hash")) }
    }
}

fn single<'a>(attributes: &[Attribute<'a>], object: &[u8]) -> Result<Option<Value<'a>>, SignedDataError> {
    let mut found = attributes.iter().filter(|attribute| attribute.object == object);
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(Attribute { values, .. }), None) if values.len() == 1 => Ok(values.first().copied()),
        _ => Err(form("one of its attributes stands there twice")),
    }
}

fn read_attributes(set: Value<'_>) -> Result<Vec<Attribute<'_>>, Asn1Error> {
    let mut attributes = Vec::new();
    for attribute in set.reader().all()? {
        let mut attribute = attribute.expect(asn1::SEQUENCE)?.reader();
        let object = attribute.object()?;
        let values = attribute.enter(asn1::SET)?.all()?;
        attribute.end()?;
        attributes.push(Attribute { object, values });
    }
    Ok(attributes)
}

/// The object identifier of a hash, whose parameters are absent or `NULL` (RFC 5754 section 2).
pub(crate) fn hash_object(mut identifier: Reader<'_>) -> Result<&[u8], Asn1Error> {
    let object = identifier.object()?;
    if !identifier.is_empty() && identifier.any()?.whole != asn1::NULL {
        return Err(identifier.error());
    }
    identifier.end()?;
    Ok(object)
}

pub(crate) fn hash_name(object: &[u8]) -> String {
    match object {
        [0x2b, 0x0e, 0x03, 0x02, 0x1a] => "SHA-1".to_owned(),
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x02, 0x05] => "MD5".to_owned(),
        _ => asn1::dotted(object),
    }
}

/// An attribute with one value.
pub(crate) fn attribute(object: &[u8], value: &[u8]) -> Vec<u8> {
    asn1::sequence(&[&asn1::object(object), &asn1::encode(asn1::SET, value)])
}

/// The name and number by which a signer is named: those of the issuer and the certificate.
pub(crate) fn issuer_and_serial(certificate: &Certificate) -> Vec<u8> {
    let serial = asn1::encode(asn1::INTEGER, certificate.serial_content());
    asn1::sequence(&[certificate.issuer_der(), &serial])
}
