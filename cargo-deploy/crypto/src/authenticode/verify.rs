//! Reading signatures back from the bytes of a file.

use super::signature::{
    NESTED, OPUS, SHORTEST_RSA, Signature, SignatureError, TIMESTAMP, VERSION, decode_opus,
};
use super::{FileError, Kind, content, digest, known, msi, pe, signature};
use crate::asn1::{self, Asn1Error};
use crate::signed_data::{SignedData, SignedDataError};
use crate::signing_key::{Hash, KeyAlgorithm};
use crate::timestamp::{Stamp, TimestampError, Token};
use crate::{Certificate, Chain, ChainError, KeyPurpose, moment};
use std::io::{Read, Seek};
use thiserror::Error;

/// Signatures within signatures.
const MOST_NESTED: usize = 8;

/// Why a file is not signed as it should be.
#[derive(Debug, Error)]
pub enum VerifyError {
    /// It cannot be read, or is of another kind.
    #[error(transparent)]
    File(#[from] FileError),
    /// It has no signature.
    #[error("verify the signature: the file has none")]
    Unsigned,
    /// It has several where one is allowed, or too many.
    #[error("verify the signature: it holds more than {MOST_NESTED} others")]
    TooManyNested,
    /// The signature does not hold.
    #[error("verify the signature: {0}")]
    SignedData(SignedDataError),
    /// The signature is one of another kind of file.
    #[error("verify the signature: it is one of another kind of file")]
    Kind,
    /// The file was changed after it was signed, or the signature is one of another file.
    #[error("verify the signature: the file is not the one that was signed")]
    Digest,
    /// Names, sizes or times of the streams of a package were changed.
    #[error("verify the signature: what the package says of its streams is not what was signed")]
    Metadata,
    /// Its certificates do not vouch for each other.
    #[error("verify the signature: its certificates do not fit each other")]
    Chain(#[source] ChainError),
    /// None of the roots that are trusted vouches for it.
    #[error("verify the signature: the certificate of {subject} leads to none of the roots that are trusted")]
    Root {
        /// Of the certificate of the signer.
        subject: String,
    },
    /// The certificate is not one for signing code.
    #[error("verify the signature: the certificate of {subject} is not one for code signing")]
    Purpose {
        /// Of the certificate.
        subject: String,
    },
    /// The key is too short.
    #[error("verify the signature: it is by a key of {algorithm}; {SHORTEST_RSA} bits are the least")]
    WeakKey {
        /// What it is.
        algorithm: KeyAlgorithm,
    },
    /// A certificate was not valid at the moment that counts.
    #[error("verify the signature: the certificate of {subject} was not valid on {}{}", moment::text(*.moment), if *.stamped { ", when the timestamp was made" } else { ", and there is no timestamp" })]
    Validity {
        /// Of the certificate.
        subject: String,
        /// Seconds since 1970-01-01 UTC.
        moment: u64,
        /// Whether it is the one of the timestamp.
        stamped: bool,
    },
    /// The timestamp does not hold.
    #[error("verify the timestamp: {0}")]
    Timestamp(#[source] TimestampError),
    /// There is something in or beside the signature that our own signatures have not, and that nothing vouches for.
    #[error("verify the signature: {what}, which nothing vouches for")]
    Foreign {
        /// What it is.
        what: String,
    },
    /// The signature was made by another key or another policy.
    #[error("use the kept signature again: it was made by another key or with other settings")]
    OtherPolicy,
}

impl From<SignedDataError> for VerifyError {
    fn from(error: SignedDataError) -> Self {
        VerifyError::SignedData(error)
    }
}

impl From<SignatureError> for VerifyError {
    fn from(error: SignatureError) -> Self {
        VerifyError::SignedData(error.0)
    }
}

impl From<Asn1Error> for VerifyError {
    fn from(error: Asn1Error) -> Self {
        VerifyError::SignedData(error.into())
    }
}

/// What a signature is measured by.
#[derive(Debug, Clone, Copy)]
pub struct Expectations<'a> {
    /// The certificates have to be valid at this moment where there is no timestamp: seconds since 1970-01-01 UTC.
    pub now: u64,
    /// Roots that are trusted. Where there are none, the chain is checked as far as the signature holds it.
    pub roots: &'a [Certificate],
    /// Roots that are trusted with timestamps, likewise.
    pub timestamp_roots: &'a [Certificate],
    /// Whether everything in the file has to be as [`embed`](super::embed) writes it, so that there is no byte that could be
    /// changed unseen. Signatures by others may be right and have more.
    pub strict: bool,
}

/// What a signature says, after all of it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// What the file is.
    pub kind: Kind,
    /// Of the file and the signature.
    pub hash: Hash,
    /// What is signed.
    pub digest: Vec<u8>,
    /// What the key is.
    pub algorithm: KeyAlgorithm,
    /// The certificates, leaf first, as far as they are known.
    pub chain: Vec<Certificate>,
    /// What Windows shows as the name of the program.
    pub description: Option<String>,
    /// Where it leads for more information.
    pub url: Option<String>,
    /// The timestamp.
    pub stamp: Option<Stamp>,
    /// Whether names, sizes and times of the streams are signed, too; always in PE files.
    pub is_extended: bool,
    /// The signatures within this one.
    pub nested: Vec<Seen>,
}

/// Reads the signature of a file and checks all of it: that the file is the one that was signed, the signature, the certificates
/// and what they are for, their validity at the moment of the timestamp or now, and the timestamp.
///
/// Revocation is not looked up.
///
/// # Errors
/// What does not hold.
pub fn verify<F: Read + Seek>(file: &mut F, expectations: &Expectations<'_>) -> Result<Seen, VerifyError> {
    let kind = known(file)?;
    let signature = signature(file)?.ok_or(VerifyError::Unsigned)?;
    let mut seen = check(&signature, expectations)?;
    check_file(file, kind, &mut seen)?;
    for nested in &mut seen.nested {
        check_file(file, kind, nested)?;
    }
    if expectations.strict {
        let foreign = |what: &str| Err(VerifyError::Foreign { what: what.to_owned() });
        match kind {
            Kind::Pe => {
                let digest = digest(file, seen.hash)?;
                if !pe::has_right_checksum(file, digest.sum)? {
                    return foreign("the checksum in its header is not the one of the file");
                }
            }
            Kind::Msi if !seen.is_extended => {
                return foreign("it leaves out the names of the package's streams");
            }
            Kind::Msi => {
                if !msi::is_canonical(file)? {
                    return foreign(
                        "the package is laid out in another way, or has something between its streams",
                    );
                }
            }
        }
    }
    Ok(seen)
}

/// Checks that this is the file that was signed.
fn check_file<F: Read + Seek>(file: &mut F, kind: Kind, seen: &mut Seen) -> Result<(), VerifyError> {
    if seen.kind != kind {
        return Err(VerifyError::Kind);
    }
    let found = match kind {
        Kind::Pe => digest(file, seen.hash)?,
        Kind::Msi => {
            if let Some(extended) = msi::extended(file, seen.hash)? {
                seen.is_extended = true;
                if extended.found != extended.expected {
                    return Err(VerifyError::Metadata);
                }
            }
            msi::digest(file, seen.hash, seen.is_extended)?
        }
    };
    if found.bytes == seen.digest { Ok(()) } else { Err(VerifyError::Digest) }
}

/// Checks everything but the file.
pub(super) fn check(signature: &Signature, expectations: &Expectations<'_>) -> Result<Seen, VerifyError> {
    check_level(signature, expectations, true)
}

fn check_level(
    signature: &Signature,
    expectations: &Expectations<'_>,
    is_outer: bool,
) -> Result<Seen, VerifyError> {
    let data = SignedData::read(signature.der(), VERSION)?;
    if data.content_type != content::INDIRECT_DATA {
        return Err(SignedDataError::Form { problem: "it is no signature of a file" }.into());
    }
    let value = data.content.expect(asn1::SEQUENCE)?;
    let (kind, hash, digest) = content::decode(value.reader())?;
    let (leaf, signed_by) = data.check(value.content)?;
    if hash != signed_by {
        return Err(SignedDataError::Form { problem: "its hashes differ" }.into());
    }
    let algorithm =
        leaf.algorithm().ok_or(SignedDataError::Algorithm { algorithm: "an unknown key".to_owned() })?;
    if matches!(algorithm, KeyAlgorithm::Rsa { bits } if bits < SHORTEST_RSA) {
        return Err(VerifyError::WeakKey { algorithm });
    }
    if !leaf.has_purpose(&KeyPurpose::CodeSigning) || !leaf.signs_data() {
        return Err(VerifyError::Purpose { subject: leaf.subject().to_owned() });
    }
    let chain = chain(leaf, &data.certificates, expectations.roots)?;
    let stamp = match data.signer.unsigned(TIMESTAMP)? {
        Some(token) => {
            let token = Token::new(token.whole);
            let stamp = token.verify(data.signer.signature, expectations.timestamp_roots);
            Some(stamp.map_err(VerifyError::Timestamp)?)
        }
        None => None,
    };
    let moment = stamp.as_ref().map_or(expectations.now, |stamp| stamp.moment);
    if let Some(invalid) = chain.iter().find(|certificate| !certificate.is_valid_at(moment)) {
        let subject = invalid.subject().to_owned();
        return Err(VerifyError::Validity { subject, moment, stamped: stamp.is_some() });
    }
    let (description, url) = match data.signer.attribute(OPUS)? {
        Some(opus) => decode_opus(opus)?,
        None => (None, None),
    };
    let nested = signature.nested()?;
    if nested.len() > MOST_NESTED || (!is_outer && !nested.is_empty()) {
        return Err(VerifyError::TooManyNested);
    }
    if expectations.strict {
        check_nothing_else(&data, &chain)?;
    }
    let nested = nested.iter().map(|nested| check_level(nested, expectations, false));
    let nested = nested.collect::<Result<_, _>>()?;
    let is_extended = kind == Kind::Pe;
    Ok(Seen { kind, hash, digest, algorithm, chain, description, url, stamp, is_extended, nested })
}

/// There is nothing in the signature that nothing vouches for.
fn check_nothing_else(data: &SignedData<'_>, chain: &[Certificate]) -> Result<(), VerifyError> {
    let foreign = |what: String| Err(VerifyError::Foreign { what });
    if let Some(stranger) = data.certificates.iter().find(|certificate| !chain.contains(certificate)) {
        return foreign(format!("it holds the certificate of {}", stranger.subject()));
    }
    if data.has_revocations {
        return foreign("it holds a list of revoked certificates".to_owned());
    }
    let unknown = data.signer.unsigned.iter().find(|known| ![TIMESTAMP, NESTED].contains(&known.object));
    if let Some(unknown) = unknown {
        return foreign(format!("it holds the unsigned attribute {}", asn1::dotted(unknown.object)));
    }
    Ok(())
}

fn chain(
    leaf: &Certificate,
    embedded: &[Certificate],
    roots: &[Certificate],
) -> Result<Vec<Certificate>, VerifyError> {
    let known = [embedded, roots].concat();
    let chain = Chain::from_leaf(leaf.clone(), &known).and_then(|chain| chain.check_root().map(|()| chain));
    let chain = chain.map_err(VerifyError::Chain)?;
    if chain.leads_to(roots) {
        Ok(chain.into_certificates())
    } else {
        Err(VerifyError::Root { subject: leaf.subject().to_owned() })
    }
}
