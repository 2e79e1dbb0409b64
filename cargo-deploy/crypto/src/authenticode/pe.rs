//! Signatures in PE files ("PE Format", Microsoft: optional header, attribute certificate table).
//!
//! Signed is the file but for three places: the checksum, the entry of the certificate table, and the table itself, which
//! has to be the end of the file. The length is filled up to a multiple of eight before.

use super::{BUFFER, Digest, FileError, Kind, LARGEST_SIGNATURE, read_error, write_error};
use crate::asn1::Reader;
use crate::signing_key::Hash;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

/// `WIN_CERT_REVISION_2_0`.
const REVISION: u16 = 0x0200;
/// `WIN_CERT_TYPE_PKCS_SIGNED_DATA`.
const SIGNED_DATA: u16 = 2;
/// Of an entry of the certificate table, before its content.
const ENTRY_HEADER: usize = 8;
/// Windows maps no larger files.
const LIMIT: u64 = 1 << 32;

fn damaged(problem: &'static str) -> FileError {
    FileError::Damaged { kind: Kind::Pe, problem }
}

/// Where things stand in a PE file.
struct Layout {
    length: u64,
    /// Of the checksum in the optional header, four bytes.
    checksum_at: u64,
    checksum: u32,
    /// Of the entry of the certificate table, eight bytes.
    entry_at: u64,
    /// The certificate table, if there is one; it ends with the file.
    table: Option<Range<u64>>,
}

impl Layout {
    fn read<F: Read + Seek>(file: &mut F) -> Result<Self, FileError> {
        let length = file.seek(SeekFrom::End(0)).map_err(read_error)?;
        if length >= LIMIT {
            return Err(FileError::Large { kind: Kind::Pe, bytes: length, limit: LIMIT });
        }
        let start = u64::from(u32::from_le_bytes(read_at(file, 0x3c)?));
        if !start.is_multiple_of(4) || start > length {
            return Err(damaged("its header lies outside the file"));
        }
        if read_at(file, start)? != *b"PE\0\0" {
            return Err(damaged("it has no PE header; programs for DOS cannot be signed"));
        }
        let size = u64::from(u16::from_le_bytes(read_at(file, start + 20)?));
        let optional = start + 24;
        let directories = match u16::from_le_bytes(read_at(file, optional)?) {
            0x10b => optional + 96,
            0x20b => optional + 112,
            _ => return Err(damaged("its optional header is of an unknown kind")),
        };
        let count = u32::from_le_bytes(read_at(file, directories - 4)?);
        let entry_at = directories + 4 * 8;
        if count < 5 || entry_at + 8 > optional + size {
            return Err(damaged("its header has no place for a certificate table"));
        }
        let checksum_at = optional + 64;
        let checksum = u32::from_le_bytes(read_at(file, checksum_at)?);
        let offset = u64::from(u32::from_le_bytes(read_at(file, entry_at)?));
        let bytes = u64::from(u32::from_le_bytes(read_at(file, entry_at + 4)?));
        let table = match (offset, bytes) {
            (0, 0) => None,
            _ if offset < entry_at + 8 || !offset.is_multiple_of(8) || bytes < ENTRY_HEADER as u64 => {
                return Err(damaged("its certificate table lies where it cannot be"));
            }
            _ if offset + bytes != length => {
                return Err(damaged(
                    "its certificate table is not its end; what follows would not be signed",
                ));
            }
            _ => Some(offset..length),
        };
        Ok(Layout { length, checksum_at, checksum, entry_at, table })
    }

    /// What is signed ends here, before it is filled up.
    fn end(&self) -> u64 {
        self.table.as_ref().map_or(self.length, |table| table.start)
    }

    fn padding(&self) -> usize {
        (self.end().next_multiple_of(8) - self.end()) as usize
    }
}

fn read_at<const LENGTH: usize, F: Read + Seek>(
    file: &mut F,
    offset: u64,
) -> Result<[u8; LENGTH], FileError> {
    let mut bytes = [0; LENGTH];
    file.seek(SeekFrom::Start(offset)).map_err(read_error)?;
    file.read_exact(&mut bytes).map_err(|source| match source.kind() {
        io::ErrorKind::UnexpectedEof => damaged("it is cut off"),
        _ => read_error(source),
    })?;
    Ok(bytes)
}

/// Adds the words of bytes that begin at an even offset. Sums of larger words are the same number, since carries are added
/// again at the end.
fn sum(bytes: &[u8]) -> u64 {
    let (words, rest) = bytes.as_chunks::<4>();
    let mut last = [0; 4];
    last[..rest.len()].copy_from_slice(rest);
    let sum: u64 = words.iter().map(|word| u64::from(u32::from_le_bytes(*word))).sum();
    sum + u64::from(u32::from_le_bytes(last))
}

/// The checksum of a file of this sum and length, as `CheckSumMappedFile` makes it.
fn checksum(mut sum: u64, length: u64) -> u32 {
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (sum + length) as u32
}

/// Reads what is signed, piece by piece, each beginning at an even offset.
fn read_signed<F: Read + Seek>(
    file: &mut F,
    layout: &Layout,
    take: &mut dyn FnMut(&[u8]),
) -> Result<(), FileError> {
    let (checksum_at, entry_at) = (layout.checksum_at, layout.entry_at);
    let parts = [0..checksum_at, checksum_at + 4..entry_at, entry_at + 8..layout.end()];
    let mut buffer = vec![0; BUFFER];
    for part in parts {
        file.seek(SeekFrom::Start(part.start)).map_err(read_error)?;
        let mut left = part.end.saturating_sub(part.start);
        while left > 0 {
            let piece = &mut buffer[..left.min(BUFFER as u64) as usize];
            file.read_exact(piece).map_err(read_error)?;
            left -= piece.len() as u64;
            // The last piece of a file of an odd length, with what it is filled up with.
            let length = piece.len();
            if left == 0 && part.end == layout.end() && length + layout.padding() <= BUFFER {
                buffer[length..length + layout.padding()].fill(0);
                take(&buffer[..length + layout.padding()]);
            } else {
                take(&buffer[..length]);
                if left == 0 && part.end == layout.end() {
                    take(&[0; 8][..layout.padding()]);
                }
            }
        }
    }
    Ok(())
}

pub(crate) fn digest<F: Read + Seek>(file: &mut F, hash: Hash) -> Result<Digest, FileError> {
    let layout = Layout::read(file)?;
    let mut hasher = hash.hasher();
    let mut total = 0;
    read_signed(file, &layout, &mut |piece| {
        hasher.update(piece);
        total += sum(piece);
    })?;
    Ok(Digest { kind: Kind::Pe, hash, bytes: hasher.finish(), sum: total })
}

pub(crate) fn is_signed<F: Read + Seek>(file: &mut F) -> Result<bool, FileError> {
    Ok(Layout::read(file)?.table.is_some())
}

/// The certificate table.
fn table<F: Read + Seek>(file: &mut F, range: &Range<u64>) -> Result<Vec<u8>, FileError> {
    if range.end - range.start > LARGEST_SIGNATURE {
        return Err(damaged("its certificate table is too large"));
    }
    let mut bytes = vec![0; (range.end - range.start) as usize];
    file.seek(SeekFrom::Start(range.start)).map_err(read_error)?;
    file.read_exact(&mut bytes).map_err(read_error)?;
    Ok(bytes)
}

pub(crate) fn signature<F: Read + Seek>(file: &mut F) -> Result<Option<Vec<u8>>, FileError> {
    let Some(range) = Layout::read(file)?.table else { return Ok(None) };
    let bytes = table(file, &range)?;
    let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
    let length = usize::from(number(0)) | usize::from(number(2)) << 16;
    if number(4) != REVISION || number(6) != SIGNED_DATA {
        return Err(damaged("its certificate table holds something else than a signature"));
    }
    // Some signers count what the entry is filled up with, and some do not.
    if length.next_multiple_of(8) != bytes.len() || length < ENTRY_HEADER {
        return Err(damaged("its certificate table does not hold exactly one signature"));
    }
    let content = &bytes[ENTRY_HEADER..];
    let signature = Reader::new(content).any().map_err(|_| damaged("its signature is cut off"))?.whole;
    let rest = &content[signature.len()..];
    let counted = length - ENTRY_HEADER;
    let is_counted = counted == signature.len() || counted == signature.len().next_multiple_of(8);
    if rest.len() >= 8 || rest.iter().any(|byte| *byte != 0) || !is_counted {
        return Err(damaged("there is something behind its signature"));
    }
    Ok(Some(signature.to_vec()))
}

/// Whether the checksum is the one of the file. Windows looks at it in drivers alone.
pub(crate) fn has_right_checksum<F: Read + Seek>(file: &mut F, signed_sum: u64) -> Result<bool, FileError> {
    let layout = Layout::read(file)?;
    let mut total = signed_sum + sum(&read_at::<8, F>(file, layout.entry_at)?);
    if let Some(range) = &layout.table {
        total += sum(&table(file, range)?);
    }
    Ok(checksum(total, layout.length) == layout.checksum)
}

/// Writes what is signed of the file, with this table behind it.
fn write<F: Read + Seek, W: Write>(
    file: &mut F,
    layout: &Layout,
    signed_sum: u64,
    table: &[u8],
    output: &mut W,
) -> Result<(), FileError> {
    let end = layout.end() + layout.padding() as u64;
    let length = end + table.len() as u64;
    if length >= LIMIT {
        return Err(FileError::Large { kind: Kind::Pe, bytes: length, limit: LIMIT });
    }
    let place = if table.is_empty() { [0; 2] } else { [end as u32, table.len() as u32] };
    let entry = place.map(u32::to_le_bytes).concat();
    let checksum = checksum(signed_sum + sum(&entry) + sum(table), length).to_le_bytes();
    let mut copy = |range: Range<u64>, output: &mut W| {
        file.seek(SeekFrom::Start(range.start)).map_err(read_error)?;
        let wanted = range.end - range.start;
        let copied = io::copy(&mut file.by_ref().take(wanted), output).map_err(write_error)?;
        if copied == wanted { Ok(()) } else { Err(damaged("it changed while it was read")) }
    };
    copy(0..layout.checksum_at, output)?;
    output.write_all(&checksum).map_err(write_error)?;
    copy(layout.checksum_at + 4..layout.entry_at, output)?;
    output.write_all(&entry).map_err(write_error)?;
    copy(layout.entry_at + 8..layout.end(), output)?;
    output.write_all(&[0; 8][..layout.padding()]).map_err(write_error)?;
    output.write_all(table).map_err(write_error)
}

pub(crate) fn embed<F: Read + Seek, W: Write>(
    file: &mut F,
    signed_sum: u64,
    signature: &[u8],
    output: &mut W,
) -> Result<(), FileError> {
    let layout = Layout::read(file)?;
    let length = (ENTRY_HEADER + signature.len()).next_multiple_of(8);
    let mut table = Vec::with_capacity(length);
    table.extend((length as u32).to_le_bytes());
    table.extend(REVISION.to_le_bytes());
    table.extend(SIGNED_DATA.to_le_bytes());
    table.extend(signature);
    table.resize(length, 0);
    write(file, &layout, signed_sum, &table, output)
}

pub(crate) fn strip<F: Read + Seek, W: Write>(file: &mut F, output: &mut W) -> Result<(), FileError> {
    let layout = Layout::read(file)?;
    let mut total = 0;
    read_signed(file, &layout, &mut |piece| total += sum(piece))?;
    write(file, &layout, total, &[], output)
}
