//! The two tables of a package: how they are checked before the crate `rpm` may read them, and how they are made.
//!
//! The crate trusts offsets, counts and lengths of what it reads (0.30.2 panics on an offset outside the table and reserves
//! whatever a count says), so everything is checked here first, by the rules that rpm's own `hdrblobVerifyInfo` has
//! (lib/header.c, 4.18): known types, values inside the data and one behind the other, strings that end.

use std::io::{BufRead, Read};

use ::rpm::{Header, HeaderEntry, IndexData, IndexSignatureTag, IndexTag, Lead, PackageMetadata};

use super::{Part, RpmError};

/// Of a lead.
pub(super) const LEAD: usize = 96;

/// Magic, version, four reserved bytes; the number of entries and the size of their data follow, 4 bytes each.
const MAGIC: [u8; 8] = [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0];

/// Of an entry: tag, type, offset, count.
const ENTRY: usize = 16;

/// What rpm accepts (`HEADER_TAGS_MAX`).
const MOST_ENTRIES: u32 = 0xffff;

/// A quarter of what rpm accepts: the header of a package with 100,000 files has 20 MiB.
const MOST_DATA: u32 = 64 << 20;

/// The bytes before the payload, checked, and what the crate makes of them.
pub(super) struct Tables {
    pub(super) metadata: PackageMetadata,
    /// What a signature signs.
    pub(super) header: Vec<u8>,
    /// The lead, as it was.
    pub(super) lead: [u8; LEAD],
    /// Of the signature header, without what fills it up to a multiple of eight.
    pub(super) signature_length: usize,
}

/// Reads up to the payload.
pub(super) fn read(input: &mut impl BufRead) -> Result<Tables, RpmError> {
    let mut bytes = Vec::new();
    take(input, LEAD as u64, &mut bytes, Part::Lead)?;
    if !bytes.starts_with(&[0xed, 0xab, 0xee, 0xdb]) {
        return Err(malformed(Part::Lead, "is not one of a package"));
    }
    let mut lead = [0; LEAD];
    lead.copy_from_slice(&bytes);
    table(input, &mut bytes, Part::SignatureHeader)?;
    let signature_length = bytes.len() - LEAD;
    let padding = bytes.len().next_multiple_of(8) - bytes.len();
    take(input, padding as u64, &mut bytes, Part::SignatureHeader)?;
    let header_offset = bytes.len();
    table(input, &mut bytes, Part::Header)?;
    let metadata = PackageMetadata::parse(&mut &bytes[..])
        .map_err(|cause| malformed(Part::Header, &format!("cannot be read: {cause}")))?;
    let header = bytes.split_off(header_offset);
    Ok(Tables { metadata, header, lead, signature_length })
}

fn malformed(part: Part, problem: &str) -> RpmError {
    RpmError::Malformed { part, problem: problem.to_owned() }
}

fn take(input: &mut impl BufRead, length: u64, bytes: &mut Vec<u8>, part: Part) -> Result<(), RpmError> {
    // Grows with what there is to read, whatever was announced.
    let read = input.take(length).read_to_end(bytes).map_err(|source| RpmError::Read { source })?;
    if read as u64 == length { Ok(()) } else { Err(malformed(part, "ends too early")) }
}

fn number(bytes: &[u8], place: usize) -> u32 {
    let field = bytes.get(place..).and_then(|rest| rest.first_chunk());
    field.map_or(0, |field| u32::from_be_bytes(*field))
}

/// Reads and checks a table.
fn table(input: &mut impl BufRead, bytes: &mut Vec<u8>, part: Part) -> Result<(), RpmError> {
    let start = bytes.len();
    take(input, 16, bytes, part)?;
    if bytes[start..start + 8] != MAGIC {
        return Err(malformed(part, "does not start as a table of values"));
    }
    let count = number(bytes, start + 8);
    let size = number(bytes, start + 12);
    if count > MOST_ENTRIES || size > MOST_DATA {
        return Err(malformed(
            part,
            &format!("claims {count} values in {size} bytes, more than there can be"),
        ));
    }
    take(input, u64::from(count) * ENTRY as u64 + u64::from(size), bytes, part)?;
    let (index, data) = bytes[start + 16..].split_at(count as usize * ENTRY);
    let mut end = 0;
    let mut region = None;
    for (place, entry) in index.chunks_exact(ENTRY).enumerate() {
        let [tag, kind, offset, count] = [0, 4, 8, 12].map(|field| number(entry, field));
        let wrong = |problem: &str| malformed(part, &format!("has a value (tag {tag}) {problem}"));
        let offset = usize::try_from(offset).map_err(|_| wrong("outside its data"))?;
        let rest = data.get(offset..).ok_or_else(|| wrong("outside its data"))?;
        let is_region = (62..=63).contains(&tag);
        // Before the strings are looked through: each byte only once.
        if !is_region && offset < end {
            return Err(wrong("within another"));
        }
        let length = length(kind, count as usize, rest).map_err(wrong)?;
        if is_region {
            // Its value, the last of all, is an entry that tells how far back the table goes.
            if place != 0 || kind != 7 || length != ENTRY {
                return Err(wrong("that is no region"));
            }
            region = Some(offset);
        } else {
            end = offset + length;
        }
    }
    match region {
        Some(offset) if offset < end => Err(malformed(part, "has values within its region")),
        _ => Ok(()),
    }
}

/// How many bytes `count` values of a type take, which must all be there.
fn length(kind: u32, count: usize, rest: &[u8]) -> Result<usize, &'static str> {
    let outside = "outside its data";
    let fixed = |width: usize| count.checked_mul(width).filter(|length| *length <= rest.len()).ok_or(outside);
    match kind {
        // Nothing, or what never was in use.
        0 => Ok(0),
        1 | 2 | 7 => fixed(1),
        3 => fixed(2),
        4 => fixed(4),
        5 => fixed(8),
        6 if count != 1 => Err("of several strings that should be one"),
        6 | 8 | 9 => {
            let mut length = 0;
            for _ in 0..count {
                let string = rest[length..].iter().position(|byte| *byte == 0).ok_or("that does not end")?;
                length += string + 1;
            }
            Ok(length)
        }
        _ => Err("of an unknown type"),
    }
}

/// A value for the header.
pub(super) fn entry(tag: IndexTag, data: IndexData) -> HeaderEntry {
    HeaderEntry::new(tag as u32, data)
}

/// The tables of a package, made of values.
pub(super) struct Made {
    metadata: PackageMetadata,
    /// What a signature signs.
    pub(super) header: Vec<u8>,
}

fn build(cause: ::rpm::Error) -> RpmError {
    RpmError::Build { problem: cause.to_string() }
}

impl Made {
    pub(super) fn new(name: &str, entries: Vec<HeaderEntry>) -> Result<Self, RpmError> {
        let metadata = PackageMetadata {
            lead: Lead::new(name),
            signature: Header::new_empty(),
            header: Header::from_entries(entries, IndexTag::RPMTAG_HEADERIMMUTABLE),
        };
        let header = metadata.header_bytes().map_err(build)?;
        Ok(Made { metadata, header })
    }

    /// Everything up to the payload, with these values in the signature header.
    pub(super) fn bytes(mut self, signature: Vec<HeaderEntry>) -> Result<Vec<u8>, RpmError> {
        self.metadata.signature = signature_table(signature);
        let mut bytes = Vec::new();
        self.metadata.write(&mut bytes).map_err(build)?;
        Ok(bytes)
    }
}

fn signature_table(entries: Vec<HeaderEntry>) -> Header<IndexSignatureTag> {
    Header::from_entries(entries, IndexSignatureTag::HEADER_SIGNATURES)
}

/// The length that a table has by its own words, which is without what fills it up.
pub(super) fn table_length(table: &[u8]) -> usize {
    16 + number(table, 8) as usize * ENTRY + number(table, 12) as usize
}

/// The bytes of a signature header, filled up to a multiple of eight.
pub(super) fn signature_bytes(
    metadata: &PackageMetadata,
    entries: Vec<HeaderEntry>,
) -> Result<Vec<u8>, RpmError> {
    let whole = PackageMetadata {
        lead: metadata.lead.clone(),
        signature: signature_table(entries),
        header: metadata.header.clone(),
    };
    let mut bytes = Vec::new();
    whole.write(&mut bytes).map_err(build)?;
    let header = whole.header_bytes().map_err(build)?;
    bytes.truncate(bytes.len() - header.len());
    bytes.drain(..LEAD);
    Ok(bytes)
}
