//! The signature of a package: how it is put in, taken out and named.
//!
//! A signature signs the header, which holds the digests of everything else. It is an OpenPGP signature packet (RFC 9580,
//! 5.2) in the signature header, under one tag for RSA and under another for the rest. The header leaves space for it, so a package has
//! the same length with and without, and taking the signature out gives the bytes from before.

use std::error::Error;
use std::io::{self, BufRead, Write};

use ::rpm::{Header, HeaderEntry, IndexData, IndexSignatureTag};

use super::header::{self, Tables};
use super::{Part, RpmError};

/// What a signature says of itself. Nothing of it is proven before the signature is checked with the key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SignatureInfo {
    /// The packet, as it is in the package.
    pub packet: Vec<u8>,
    /// The number of the algorithm of the key (RFC 9580, 9.1): 1 RSA, 22 EdDSA, 27 Ed25519 ...
    pub key_algorithm: u8,
    /// The number of the algorithm of the digest (RFC 9580, 9.5): 8 SHA-256, 10 SHA-512 ...
    pub hash_algorithm: u8,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub created: Option<u32>,
    /// The last eight bytes of the key's fingerprint, in hexadecimal digits.
    pub key_id: Option<String>,
}

/// What a signature header can have that a new signature makes wrong. The last is where there is space for it.
const SIGNATURES: [u32; 5] = [
    IndexSignatureTag::RPMSIGTAG_RSA as u32,
    IndexSignatureTag::RPMSIGTAG_DSA as u32,
    IndexSignatureTag::RPMSIGTAG_OPENPGP as u32,
    IndexSignatureTag::RPMSIGTAG_PGP as u32,
    IndexSignatureTag::RPMSIGTAG_GPG as u32,
];

/// Copies a package with a signature in the place of those it had. `signer` gets the bytes to be signed, and gives one OpenPGP
/// signature packet, of the type 0 (binary document), without armor.
///
/// # Errors
/// When the package cannot be read or written, and when the signer fails or gives something else.
pub fn sign<W: Write, E: Into<Box<dyn Error + Send + Sync>>>(
    input: impl BufRead,
    signer: impl FnOnce(&[u8]) -> Result<Vec<u8>, E>,
    output: W,
) -> Result<W, RpmError> {
    rewrite(
        input,
        |tables| {
            let packet = signer(&tables.header).map_err(|source| RpmError::Sign { source: source.into() })?;
            let info = read(packet).map_err(|problem| RpmError::Signature { problem })?;
            // 1 and 3 are RSA (RFC 9580, 9.1); rpm has put all the others where DSA was.
            let tag = match info.key_algorithm {
                1 | 3 => IndexSignatureTag::RPMSIGTAG_RSA,
                _ => IndexSignatureTag::RPMSIGTAG_DSA,
            };
            Ok(Some(HeaderEntry::new(tag as u32, IndexData::Bin(info.packet))))
        },
        output,
    )
}

/// Copies a package without its signatures.
///
/// # Errors
/// When the package cannot be read or written.
pub fn unsign<W: Write>(input: impl BufRead, output: W) -> Result<W, RpmError> {
    rewrite(input, |_| Ok(None), output)
}

fn rewrite<W: Write>(
    mut input: impl BufRead,
    signature: impl FnOnce(&Tables) -> Result<Option<HeaderEntry>, RpmError>,
    mut output: W,
) -> Result<W, RpmError> {
    let tables = header::read(&mut input)?;
    let metadata = &tables.metadata;
    let malformed = |cause: ::rpm::Error| RpmError::Malformed {
        part: Part::SignatureHeader,
        problem: format!("cannot be read: {cause}"),
    };
    let reserved = IndexSignatureTag::RPMSIGTAG_RESERVEDSPACE as u32;
    let all = metadata.signature.get_all_entries().map_err(malformed)?;
    let has_space = all.iter().any(|(tag, _)| *tag == reserved);
    let kept = all.into_iter().filter(|(tag, _)| {
        *tag != IndexSignatureTag::HEADER_SIGNATURES as u32 && *tag != reserved && !SIGNATURES.contains(tag)
    });
    let mut entries: Vec<_> = kept.map(|(tag, data)| HeaderEntry::new(tag, data)).collect();
    entries.extend(signature(&tables)?);
    let mut table = header::signature_bytes(metadata, entries.clone())?;
    if has_space {
        let space = |size: usize| HeaderEntry::new(reserved, IndexData::Bin(vec![0; size]));
        let with = |size: usize| {
            header::signature_bytes(metadata, entries.iter().cloned().chain([space(size)]).collect())
        };
        // What is left if the table keeps its length. rpm allows no value without bytes.
        let least = header::table_length(&with(1)?) - 1;
        match tables.signature_length.checked_sub(least) {
            None | Some(0) => {}
            Some(size) => table = with(size)?,
        }
    }
    let written = |source| RpmError::Write { source };
    output.write_all(&tables.lead).map_err(written)?;
    output.write_all(&table).map_err(written)?;
    output.write_all(&tables.header).map_err(written)?;
    loop {
        let piece = match input.fill_buf() {
            Ok([]) => return Ok(output),
            Ok(piece) => piece,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(RpmError::Read { source }),
        };
        output.write_all(piece).map_err(written)?;
        let length = piece.len();
        input.consume(length);
    }
}

/// The signatures of the header that a package has.
pub(super) fn found(table: &Header<IndexSignatureTag>) -> Result<Vec<SignatureInfo>, RpmError> {
    let wrong = |problem: String| RpmError::Malformed { part: Part::SignatureHeader, problem };
    let mut found = Vec::new();
    for tag in [IndexSignatureTag::RPMSIGTAG_RSA, IndexSignatureTag::RPMSIGTAG_DSA] {
        let packet = match table.get_entry_data_as_binary(tag) {
            Ok(packet) => packet.to_vec(),
            Err(::rpm::Error::TagNotFound(_)) => continue,
            Err(cause) => return Err(wrong(format!("cannot be read: {cause}"))),
        };
        found.push(read(packet).map_err(|problem| wrong(format!("has a signature of which {problem}")))?);
    }
    Ok(found)
}

/// Reads a packet. What is wrong is a clause.
fn read(packet: Vec<u8>) -> Result<SignatureInfo, String> {
    let short = || "the packet ends too early".to_owned();
    let body = body(&packet)?;
    let byte = |place: usize| body.get(place).copied().ok_or_else(short);
    match byte(0)? {
        // RFC 9580, 5.2.2: version 3, the length 5, the type, the time, the id of the key, algorithms of key and digest.
        3 => {
            check_type(byte(2)?)?;
            let created = body.get(3..7).and_then(|time| time.first_chunk()).ok_or_else(short)?;
            let key_id = body.get(7..15).ok_or_else(short)?;
            let (key_algorithm, hash_algorithm) = (byte(15)?, byte(16)?);
            Ok(SignatureInfo {
                key_algorithm,
                hash_algorithm,
                created: Some(u32::from_be_bytes(*created)),
                key_id: Some(super::hexadecimal(key_id)),
                packet,
            })
        }
        // 5.2.3: version, type, algorithms of key and digest, and two lists of subpackets, of which the first is signed.
        version @ (4 | 6) => {
            check_type(byte(1)?)?;
            let (key_algorithm, hash_algorithm) = (byte(2)?, byte(3)?);
            let mut info = SignatureInfo {
                key_algorithm,
                hash_algorithm,
                created: None,
                key_id: None,
                packet: Vec::new(),
            };
            let mut rest = &body[4..];
            for _ in 0..2 {
                let width = if version == 4 { 2 } else { 4 };
                let length = big_endian(rest.get(..width).ok_or_else(short)?);
                let list = rest.get(width..).and_then(|rest| rest.get(..length)).ok_or_else(short)?;
                read_subpackets(list, &mut info).ok_or_else(short)?;
                rest = &rest[width + length..];
            }
            info.packet = packet;
            Ok(info)
        }
        version => Err(format!("the version is {version}, which is unknown")),
    }
}

fn check_type(found: u8) -> Result<(), String> {
    if found == 0 { Ok(()) } else { Err(format!("the type is {found} instead of 0, a binary document")) }
}

fn big_endian(bytes: &[u8]) -> usize {
    bytes.iter().fold(0, |number, byte| number << 8 | usize::from(*byte))
}

/// The body of the only packet there is (RFC 9580, 4.2): tag and length in the old or the new form.
fn body(packet: &[u8]) -> Result<&[u8], String> {
    let none = || "the packet is no OpenPGP signature".to_owned();
    let first = *packet.first().ok_or_else(none)?;
    let (tag, skip, length) = match (first >> 6, packet.get(1).copied().ok_or_else(none)?) {
        (0b11, length @ 0..192) => (first & 0x3f, 2, usize::from(length)),
        (0b11, high @ 192..224) => {
            let low = usize::from(*packet.get(2).ok_or_else(none)?);
            (first & 0x3f, 3, (usize::from(high) - 192) * 256 + low + 192)
        }
        (0b11, 255) => (first & 0x3f, 6, big_endian(packet.get(2..6).ok_or_else(none)?)),
        (0b10, _) => {
            let width = 1 << (first & 3);
            if width == 8 {
                return Err(none());
            }
            (first >> 2 & 0xf, 1 + width, big_endian(packet.get(1..1 + width).ok_or_else(none)?))
        }
        _ => return Err(none()),
    };
    if tag != 2 {
        return Err(none());
    }
    match packet.get(skip..) {
        Some(body) if body.len() == length => Ok(body),
        _ => Err("the packet has another length than it says, or is not alone".to_owned()),
    }
}

/// RFC 9580, 5.2.3.7: each has a length of one, two or five bytes, and a type. `None` when one does not fit.
fn read_subpackets(mut list: &[u8], info: &mut SignatureInfo) -> Option<()> {
    while let Some(first) = list.first() {
        let (skip, length) = match first {
            0..192 => (1, usize::from(*first)),
            192..255 => (2, (usize::from(*first) - 192) * 256 + usize::from(*list.get(1)?) + 192),
            255 => (5, big_endian(list.get(1..5)?)),
        };
        let whole = list.get(skip..)?.get(..length)?;
        list = &list[skip + length..];
        let (kind, value) = whole.split_first()?;
        // The highest bit says that who does not know the subpacket must refuse the signature.
        match (kind & 0x7f, value) {
            (2, value) => info.created = Some(u32::from_be_bytes(*value.first_chunk()?)),
            (16, value) if value.len() == 8 => info.key_id = Some(super::hexadecimal(value)),
            // Issuer Fingerprint: the version of the key, and all of the fingerprint, whose id is its end, or from version 6 on its start.
            (33, [4, fingerprint @ ..]) if fingerprint.len() == 20 => {
                info.key_id = Some(super::hexadecimal(&fingerprint[12..]));
            }
            (33, [6, fingerprint @ ..]) if fingerprint.len() == 32 => {
                info.key_id = Some(super::hexadecimal(&fingerprint[..8]));
            }
            _ => {}
        }
    }
    Some(())
}
