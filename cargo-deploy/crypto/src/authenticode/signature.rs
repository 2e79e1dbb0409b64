//! Signatures of Authenticode: signed data of PKCS #7 that is made, kept and taken apart.

use super::verify::{Expectations, VerifyError, check};
use super::{Digest, Kind, Policy, content};
use crate::asn1::{self, Reader};
use crate::moment;
use crate::signed_data::{
    CONTENT_TYPE, MESSAGE_DIGEST, SIGNED_DATA, SignedData, SignedDataError, attribute, issuer_and_serial,
};
use crate::signing_key::{Hash, KeyAlgorithm, SigningKey, SigningKeyError};
use crate::timestamp::Token;
use crate::{Certificate, KeyPurpose};
use std::error::Error;
use thiserror::Error;

/// `SPC_STATEMENT_TYPE_OBJID`, `1.3.6.1.4.1.311.2.1.11`.
const STATEMENT_TYPE: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 11];
/// `SPC_INDIVIDUAL_SP_KEY_PURPOSE_OBJID`, `1.3.6.1.4.1.311.2.1.21`; the other statement is not in use any more.
const INDIVIDUAL: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 21];
/// `SPC_SP_OPUS_INFO_OBJID`, `1.3.6.1.4.1.311.2.1.12`.
pub(crate) const OPUS: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 12];
/// `szOID_RFC3161_counterSign`, `1.3.6.1.4.1.311.3.3.1`.
pub(crate) const TIMESTAMP: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 3, 3, 1];
/// `szOID_NESTED_SIGNATURE`, `1.3.6.1.4.1.311.2.4.1`.
pub(crate) const NESTED: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 4, 1];
/// The signed data of Authenticode is that of PKCS #7 1.5.
pub(crate) const VERSION: u64 = 1;
/// The least for RSA.
pub(crate) const SHORTEST_RSA: u32 = 2048;
/// What Windows shows is cut off long before.
const LONGEST_DESCRIPTION: usize = 1024;

/// Why nothing can be signed by a policy.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum PolicyError {
    /// The address is not one that Windows would open.
    #[error("the address `{url}` is none in ASCII that begins with `https://` or `http://`")]
    Url {
        /// As it was given.
        url: String,
    },
    /// The description is empty, too long or not one line.
    #[error("the description has to be one line of at most {LONGEST_DESCRIPTION} characters")]
    Description,
}

/// Why a file was not signed.
#[derive(Debug, Error)]
pub enum SignError {
    /// The policy is not one that can be followed.
    #[error("sign the file: {0}")]
    Policy(PolicyError),
    /// The digest was made by another hash than the policy's.
    #[error("sign the file: its digest is one of {found}, and {expected} was asked for")]
    Hash {
        /// Of the digest.
        found: Hash,
        /// Of the policy.
        expected: Hash,
    },
    /// The key did not sign.
    #[error(transparent)]
    Key(#[from] SigningKeyError),
    /// The key is too short.
    #[error("sign the file: the key is {algorithm}; {SHORTEST_RSA} bits are the least")]
    WeakKey {
        /// What it is.
        algorithm: KeyAlgorithm,
    },
    /// The certificate does not fit what the key says of itself.
    #[error(
        "sign the file: the key {identity} is {expected}, and the one in the certificate of {subject} is not"
    )]
    KeyMismatch {
        /// Of the key.
        identity: String,
        /// What the key is.
        expected: KeyAlgorithm,
        /// Of the certificate.
        subject: String,
    },
    /// The certificate is not one for signing code.
    #[error("sign the file: the certificate of {subject} is not one for code signing{}", .usage.as_ref().map_or(String::new(), |usage| format!("; it is for {usage}")))]
    Purpose {
        /// Of the certificate.
        subject: String,
        /// What it is for.
        usage: Option<String>,
    },
    /// The certificate has expired.
    #[error("sign the file: the certificate of {subject} expired on {}", moment::text(*.moment))]
    Expired {
        /// Of the certificate.
        subject: String,
        /// Its last second, since 1970-01-01 UTC.
        moment: u64,
    },
    /// The certificate is not yet valid.
    #[error("sign the file: the certificate of {subject} is not valid before {}", moment::text(*.moment))]
    NotYetValid {
        /// Of the certificate.
        subject: String,
        /// Its first second, since 1970-01-01 UTC.
        moment: u64,
    },
    /// A timestamp is asked for, and there is no way to get one.
    #[error("sign the file: a timestamp is asked for, and no server for timestamps is given")]
    TimestampMissing,
    /// No timestamp was given.
    #[error("get a timestamp for the signature")]
    Timestamp {
        /// What the servers said.
        source: Box<dyn Error + Send + Sync>,
    },
}

/// Why bytes are no signature.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
#[error("read the signature")]
pub struct SignatureError(#[from] pub(crate) SignedDataError);

/// With what is signed, and when.
pub struct Signing<'a> {
    /// The key.
    pub key: &'a dyn SigningKey,
    /// How.
    pub policy: &'a Policy,
    /// The certificate has to be valid at this moment: seconds since 1970-01-01 UTC.
    pub now: u64,
}

/// Gets a timestamp for the bytes of a signature, such as by [`timestamp::ask`](crate::timestamp::ask).
pub type Stamper<'a> = dyn FnMut(&[u8]) -> Result<Token, Box<dyn Error + Send + Sync>> + 'a;

/// Signs a digest. Everything that can be known before is checked before the key is asked, and the key is asked once.
///
/// Roots are left out of the signature: who trusts one has it.
///
/// # Errors
/// See [`SignError`].
pub fn sign(
    signing: &Signing<'_>,
    digest: &Digest,
    stamper: Option<&mut Stamper<'_>>,
) -> Result<Signature, SignError> {
    let Signing { key, policy, now } = *signing;
    if digest.hash != policy.hash {
        return Err(SignError::Hash { found: digest.hash, expected: policy.hash });
    }
    if policy.timestamp && stamper.is_none() {
        return Err(SignError::TimestampMissing);
    }
    let opus = encode_opus(policy).map_err(SignError::Policy)?;
    if let Some(leaf) = key.chain().first() {
        check_leaf(leaf, key, now)?;
    }
    let content = content::encode(digest.kind, digest.hash, &digest.bytes);
    // The tag and length of the content are not hashed (PKCS #7 1.5 section 9.3).
    let hashed = asn1::single(&content, asn1::SEQUENCE).map(|content| policy.hash.digest(content.content));
    let hashed = hashed.unwrap_or_default();
    let attributes = vec![
        attribute(CONTENT_TYPE, &asn1::object(content::INDIRECT_DATA)),
        attribute(MESSAGE_DIGEST, &asn1::encode(asn1::OCTET_STRING, &hashed)),
        attribute(STATEMENT_TYPE, &asn1::sequence(&[&asn1::object(INDIVIDUAL)])),
        attribute(OPUS, &opus),
    ];
    let signed = policy.hash.digest(&asn1::set_of(asn1::SET, attributes.clone()));
    let raw = key.sign(policy.hash, &signed)?;
    let chain = raw.chain.as_deref().unwrap_or(key.chain());
    let identity = || key.identity().to_owned();
    let leaf = chain.first().ok_or_else(|| SigningKeyError::CertificateMissing { identity: identity() })?;
    check_leaf(leaf, key, now)?;
    if !leaf.verifies(policy.hash, &signed, &raw.bytes) {
        let subject = leaf.subject().to_owned();
        return Err(SigningKeyError::Mismatch { identity: identity(), subject }.into());
    }
    let mut unsigned = Vec::new();
    if let (true, Some(stamper)) = (policy.timestamp, stamper) {
        let token = stamper(&raw.bytes).map_err(|source| SignError::Timestamp { source })?;
        unsigned.push(attribute(TIMESTAMP, token.der()));
    }
    let version = asn1::unsigned(&[VERSION as u8]);
    let hash = policy.hash.identifier();
    let mut signer = vec![
        version.clone(),
        issuer_and_serial(leaf),
        hash.clone(),
        asn1::set_of(asn1::constructed(0), attributes),
        key.algorithm().identifier(policy.hash),
        asn1::encode(asn1::OCTET_STRING, &raw.bytes),
    ];
    if !unsigned.is_empty() {
        signer.push(asn1::set_of(asn1::constructed(1), unsigned));
    }
    let embedded = chain.iter().enumerate().filter(|(index, one)| *index == 0 || !one.is_self_issued());
    let embedded = embedded.map(|(_, certificate)| certificate.der().to_vec()).collect();
    let data = asn1::sequence(&[
        &version,
        &asn1::encode(asn1::SET, &hash),
        &asn1::sequence(&[
            &asn1::object(content::INDIRECT_DATA),
            &asn1::encode(asn1::constructed(0), &content),
        ]),
        &asn1::set_of(asn1::constructed(0), embedded),
        &asn1::encode(asn1::SET, &asn1::encode(asn1::SEQUENCE, &signer.concat())),
    ]);
    let der = asn1::sequence(&[&asn1::object(SIGNED_DATA), &asn1::encode(asn1::constructed(0), &data)]);
    Ok(Signature { der })
}

/// What has to be true of a certificate before its key signs.
fn check_leaf(leaf: &Certificate, key: &dyn SigningKey, now: u64) -> Result<(), SignError> {
    let subject = || leaf.subject().to_owned();
    if let KeyAlgorithm::Rsa { bits } = key.algorithm()
        && bits < SHORTEST_RSA
    {
        return Err(SignError::WeakKey { algorithm: key.algorithm() });
    }
    if leaf.algorithm() != Some(key.algorithm()) {
        let (identity, expected) = (key.identity().to_owned(), key.algorithm());
        return Err(SignError::KeyMismatch { identity, expected, subject: subject() });
    }
    if !leaf.has_purpose(&KeyPurpose::CodeSigning) || !leaf.signs_data() {
        let usage = leaf
            .extended_key_usage()
            .map(|usage| usage.purposes.iter().map(ToString::to_string).collect::<Vec<_>>().join(" and "));
        return Err(SignError::Purpose { subject: subject(), usage });
    }
    if now > leaf.not_after() {
        return Err(SignError::Expired { subject: subject(), moment: leaf.not_after() });
    }
    if now < leaf.not_before() {
        return Err(SignError::NotYetValid { subject: subject(), moment: leaf.not_before() });
    }
    Ok(())
}

/// `SpcSpOpusInfo`: what Windows shows.
fn encode_opus(policy: &Policy) -> Result<Vec<u8>, PolicyError> {
    let mut parts = Vec::new();
    if let Some(description) = &policy.description {
        let length = description.chars().count();
        if length == 0 || length > LONGEST_DESCRIPTION || description.contains(char::is_control) {
            return Err(PolicyError::Description);
        }
        let text: Vec<u8> = description.encode_utf16().flat_map(u16::to_be_bytes).collect();
        parts.push(asn1::nest(asn1::constructed(0), &[&asn1::encode(asn1::primitive(0), &text)]));
    }
    if let Some(url) = &policy.url {
        let rest = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
        let valid =
            rest.is_some_and(|rest| !rest.is_empty() && rest.bytes().all(|byte| byte.is_ascii_graphic()));
        if !valid {
            return Err(PolicyError::Url { url: url.clone() });
        }
        parts.push(asn1::nest(asn1::constructed(1), &[&asn1::encode(asn1::primitive(0), url.as_bytes())]));
    }
    Ok(asn1::encode(asn1::SEQUENCE, &parts.concat()))
}

/// Description and address, if they are there.
pub(crate) fn decode_opus(
    value: asn1::Value<'_>,
) -> Result<(Option<String>, Option<String>), SignedDataError> {
    let mut fields = value.expect(asn1::SEQUENCE)?.reader();
    let mut description = None;
    if let Some(explicit) = fields.optional(asn1::constructed(0))? {
        let text = explicit.reader().any()?;
        let (units, rest) = text.content.as_chunks::<2>();
        let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
        let damaged = SignedDataError::Form { problem: "its description is no text" };
        description = Some(match text.tag {
            tag if tag == asn1::primitive(0) && rest.is_empty() => {
                String::from_utf16(&units).map_err(|_| damaged)?
            }
            tag if tag == asn1::primitive(1) => {
                String::from_utf8(text.content.to_vec()).map_err(|_| damaged)?
            }
            _ => return Err(damaged),
        });
    }
    let mut url = None;
    if let Some(explicit) = fields.optional(asn1::constructed(1))? {
        let link = explicit.reader().any()?;
        if link.tag == asn1::primitive(0) {
            url = Some(String::from_utf8_lossy(link.content).into_owned());
        }
    }
    fields.end()?;
    Ok((description, url))
}

/// A signature of Authenticode: signed data in DER. It is the same for the file it was made for wherever it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    der: Vec<u8>,
}

impl Signature {
    /// Takes a signature that was kept or read from a file. It is read, and not checked.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn from_der(der: &[u8]) -> Result<Self, SignatureError> {
        SignedData::read(der, VERSION)?;
        Ok(Signature { der: der.to_vec() })
    }

    /// The signature itself.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// What it says it is a signature of.
    pub(crate) fn signed(&self) -> Result<(Kind, Hash, Vec<u8>), SignedDataError> {
        content::decode(SignedData::read(&self.der, VERSION)?.content.expect(asn1::SEQUENCE)?.reader())
    }

    /// Whether this signature, which was kept, may be used again: it is one of this digest by this key (if its certificates
    /// are known beforehand) and policy, all of it holds, and it has a timestamp if it needs one.
    ///
    /// # Errors
    /// Why not.
    pub fn fits(
        &self,
        digest: &Digest,
        signing: &Signing<'_>,
        expectations: &Expectations<'_>,
    ) -> Result<(), VerifyError> {
        let seen = check(self, expectations)?;
        let Policy { hash, description, url, timestamp } = signing.policy;
        let known = signing.key.chain().first();
        if self.signed()? != (digest.kind, digest.hash, digest.bytes.clone()) {
            return Err(VerifyError::Digest);
        }
        let same = (seen.hash, &seen.description, &seen.url) == (*hash, description, url)
            && known.is_none_or(|leaf| seen.chain.first() == Some(leaf))
            && seen.chain.first().and_then(Certificate::algorithm) == Some(signing.key.algorithm());
        if !same || *timestamp != seen.stamp.is_some() {
            return Err(VerifyError::OtherPolicy);
        }
        Ok(())
    }

    /// This signature with another one of the same file within it, such as one by another hash. Windows before 8 sees
    /// the outer one alone.
    ///
    /// # Errors
    /// If this one cannot be read.
    pub fn with_nested(&self, other: &Signature) -> Result<Signature, SignatureError> {
        let mut nested: Vec<Vec<u8>> = self.nested()?.into_iter().map(|nested| nested.der).collect();
        nested.push(other.der.clone());
        let attribute = asn1::sequence(&[&asn1::object(NESTED), &asn1::set_of(asn1::SET, nested)]);
        let der = with_unsigned(&self.der, NESTED, attribute).map_err(SignedDataError::from)?;
        Ok(Signature { der })
    }

    /// The signatures within this one.
    ///
    /// # Errors
    /// If one of them cannot be read.
    pub fn nested(&self) -> Result<Vec<Signature>, SignatureError> {
        let data = SignedData::read(&self.der, VERSION)?;
        let values = data.signer.unsigned.iter().filter(|attribute| attribute.object == NESTED);
        values.flat_map(|attribute| &attribute.values).map(|value| Signature::from_der(value.whole)).collect()
    }
}

/// The signed data with this attribute among those that are not signed, in the place of the one of the same kind.
fn with_unsigned(der: &[u8], object: &[u8], attribute: Vec<u8>) -> Result<Vec<u8>, asn1::Asn1Error> {
    let mut outer = asn1::single(der, asn1::SEQUENCE)?.reader();
    let kind = outer.value(asn1::OBJECT)?.whole;
    let data = outer.enter(asn1::constructed(0))?.value(asn1::SEQUENCE)?;
    let fields = data.reader().all()?;
    let (signers, before) = fields.split_last().ok_or(data.reader().error())?;
    let signer = signers.reader().value(asn1::SEQUENCE)?;
    let mut attributes = vec![attribute];
    let mut parts: Vec<Vec<u8>> = Vec::new();
    for field in signer.reader().all()? {
        if field.tag == asn1::constructed(1) {
            for attribute in field.reader().all()? {
                if Reader::new(attribute.content).object()? != object {
                    attributes.push(attribute.whole.to_vec());
                }
            }
        } else {
            parts.push(field.whole.to_vec());
        }
    }
    parts.push(asn1::set_of(asn1::constructed(1), attributes));
    let signer = asn1::encode(asn1::SEQUENCE, &parts.concat());
    let mut data: Vec<u8> = before.iter().flat_map(|field| field.whole.iter().copied()).collect();
    data.extend(asn1::encode(asn1::SET, &signer));
    let data = asn1::encode(asn1::SEQUENCE, &data);
    Ok(asn1::sequence(&[kind, &asn1::encode(asn1::constructed(0), &data)]))
}
