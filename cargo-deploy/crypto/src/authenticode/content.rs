//! What a signature of Authenticode says: the digest of a file, and its kind (`SpcIndirectDataContent`).

use super::Kind;
use crate::asn1;
use crate::signed_data::{SignedDataError, hash_name, hash_object};
use crate::signing_key::Hash;

/// `SPC_INDIRECT_DATA_OBJID`, `1.3.6.1.4.1.311.2.1.4`.
pub(crate) const INDIRECT_DATA: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 4];
/// `SPC_PE_IMAGE_DATAOBJ`, `1.3.6.1.4.1.311.2.1.15`.
const PE_IMAGE_DATA: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 15];
/// `SPC_SIPINFO_OBJID`, `1.3.6.1.4.1.311.2.1.30`.
const SIP_INFORMATION: &[u8] = &[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 30];
/// The class of what reads packages of Windows Installer for signatures, `{000C10F1-0000-0000-C000-000000000046}`.
const MSI_PROVIDER: [u8; 16] = [0xf1, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

/// The content to be signed, encoded.
pub(crate) fn encode(kind: Kind, hash: Hash, digest: &[u8]) -> Vec<u8> {
    let data = match kind {
        // No flags, and a link to a file without a name: what is hashed is this file itself.
        Kind::Pe => {
            let name = asn1::nest(asn1::constructed(2), &[&asn1::encode(asn1::primitive(0), &[])]);
            let image = asn1::sequence(&[
                &asn1::encode(asn1::BIT_STRING, &[0]),
                &asn1::nest(asn1::constructed(0), &[&name]),
            ]);
            asn1::sequence(&[&asn1::object(PE_IMAGE_DATA), &image])
        }
        Kind::Msi => {
            let zero = asn1::unsigned(&[]);
            let provider = asn1::encode(asn1::OCTET_STRING, &MSI_PROVIDER);
            let information =
                asn1::sequence(&[&asn1::unsigned(&[1]), &provider, &zero, &zero, &zero, &zero, &zero]);
            asn1::sequence(&[&asn1::object(SIP_INFORMATION), &information])
        }
    };
    asn1::sequence(&[&data, &hash.digest_info(digest)])
}

/// Reads the content of `SpcIndirectDataContent`, as it stands within its sequence.
pub(crate) fn decode(content: asn1::Reader<'_>) -> Result<(Kind, Hash, Vec<u8>), SignedDataError> {
    let mut fields = content;
    let mut data = fields.enter(asn1::SEQUENCE)?;
    let object = data.object()?;
    let kind = match object {
        PE_IMAGE_DATA => Kind::Pe,
        SIP_INFORMATION => Kind::Msi,
        _ => return Err(SignedDataError::Form { problem: "it is a signature of another kind of file" }),
    };
    data.any()?;
    data.end()?;
    let mut information = fields.enter(asn1::SEQUENCE)?;
    let object = hash_object(information.enter(asn1::SEQUENCE)?)?;
    let hash =
        Hash::of_object(object).ok_or_else(|| SignedDataError::Algorithm { algorithm: hash_name(object) })?;
    let digest = information.value(asn1::OCTET_STRING)?.content.to_vec();
    information.end()?;
    fields.end()?;
    Ok((kind, hash, digest))
}
