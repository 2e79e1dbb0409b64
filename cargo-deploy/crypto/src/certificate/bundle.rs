//! Files of certificates: PEM with any number of them, DER, and PKCS #7 without content, as authorities deliver chains.

use crate::asn1::{self, Asn1Error};
use crate::certificate::{Certificate, CertificateError};
use crate::pem;
use crate::signed_data::SIGNED_DATA;
use thiserror::Error;

/// Chains are a few kilobytes; files of all roots of a system a few hundred.
const LARGEST: usize = 16 << 20;

/// Why a file of certificates cannot be read.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum BundleError {
    /// It holds none.
    #[error("read the certificates: the file holds none, neither as PEM, DER nor PKCS #7")]
    None,
    /// It is too large to be one.
    #[error("read the certificates: the file has {bytes} bytes")]
    TooLarge {
        /// Its size.
        bytes: usize,
    },
    /// A block of PEM is not closed, or not Base64.
    #[error("read the certificates: the block `{label}` is not closed, or is no Base64")]
    Block {
        /// What stands between the dashes.
        label: String,
    },
    /// It is PKCS #7, but damaged.
    #[error("read the certificates: the PKCS #7 file is damaged at byte {offset}")]
    Damaged {
        /// Where reading ended.
        offset: usize,
    },
    /// One of them is damaged.
    #[error("read certificate number {number} of the file")]
    Certificate {
        /// From 1 on.
        number: usize,
        /// What is wrong.
        source: CertificateError,
    },
}

impl From<Asn1Error> for BundleError {
    fn from(error: Asn1Error) -> Self {
        BundleError::Damaged { offset: error.offset }
    }
}

/// All certificates of a file, in its order: PEM (what stands between the blocks, and keys among them, is passed
/// over), one certificate in DER, or PKCS #7 (`.p7b`, `.spc`) in DER or PEM.
///
/// # Errors
/// If it holds no certificate, or a damaged one.
pub fn read_certificates(bytes: &[u8]) -> Result<Vec<Certificate>, BundleError> {
    if bytes.len() > LARGEST {
        return Err(BundleError::TooLarge { bytes: bytes.len() });
    }
    let mut found = Vec::new();
    if pem::looks_like(bytes) {
        for block in pem::blocks(bytes).map_err(|label| BundleError::Block { label })? {
            match &*block.label {
                "CERTIFICATE" | "X509 CERTIFICATE" => found.push(block.content.clone()),
                "PKCS7" | "CMS" => found.extend(of_signed_data(&block.content)?),
                _ => {}
            }
        }
    } else if let Ok(value) = asn1::single(bytes, asn1::SEQUENCE) {
        if value.reader().object().is_ok_and(|object| object == SIGNED_DATA) {
            found = of_signed_data(bytes)?;
        } else {
            found.push(bytes.to_vec());
        }
    }
    if found.is_empty() {
        return Err(BundleError::None);
    }
    let read = |(number, der): (usize, &Vec<u8>)| {
        Certificate::from_der(der).map_err(|source| BundleError::Certificate { number: number + 1, source })
    };
    found.iter().enumerate().map(read).collect()
}

/// The certificates in `SignedData` (RFC 5652 section 5.1).
fn of_signed_data(bytes: &[u8]) -> Result<Vec<Vec<u8>>, Asn1Error> {
    let mut outer = asn1::single(bytes, asn1::SEQUENCE)?.reader();
    outer.object()?;
    let mut fields = outer.enter(asn1::constructed(0))?.enter(asn1::SEQUENCE)?;
    fields.value(asn1::INTEGER)?;
    fields.value(asn1::SET)?;
    fields.value(asn1::SEQUENCE)?;
    let Some(certificates) = fields.optional(asn1::constructed(0))? else { return Ok(Vec::new()) };
    let values = certificates.reader().all()?;
    // Attribute certificates, which stand there with tags of their own, are nothing for signatures.
    Ok(values.iter().filter(|value| value.tag == asn1::SEQUENCE).map(|value| value.whole.to_vec()).collect())
}
