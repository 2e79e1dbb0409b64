//! The container behind the program of a setup.exe: where it is, and what its header says.
//!
//! ```text
//! the program, up to the end of its last section          found by its own headers
//! header, 64 bytes                                         [`Header`]
//! the blocks of all files                                  each compressed by itself
//! the description, compressed as one block                 JSON, [`crate::description::Description`]
//! zeros up to a multiple of eight bytes
//! the certificate table, if the setup.exe is signed        not a part of the container
//! ```
//!
//! A block is LZMA2 without a container, with a dictionary of [`DICTIONARY`]; a block that would not have become smaller
//! is stored.

/// The first bytes of a header.
pub const MAGIC: [u8; 8] = *b"DPLYSET1";

/// How many bytes a header has.
pub const HEADER: usize = 64;

/// What the container's length, and the place where it begins, are multiples of.
pub const ALIGNMENT: u64 = 8;

/// The dictionary of the compressor in bytes, and how many bytes a block has at most.
pub const DICTIONARY: u32 = 8 << 20;

/// How long a description may be, unpacked, in bytes.
pub const LONGEST_DESCRIPTION: u32 = 256 << 20;

/// How many bytes of the beginning of a program hold all headers that [`program_end`] looks at.
pub const PROGRAM_HEADERS: usize = 4096;

/// A container's header. Numbers are little-endian.
///
/// | bytes | meaning |
/// |---|---|
/// | 8 | [`MAGIC`] |
/// | 8 | the container's length, header and padding included |
/// | 8 | where the description begins, counted from the container's beginning |
/// | 4 | the description's length, compressed |
/// | 4 | its length, unpacked |
/// | 32 | the SHA-256 of the unpacked description |
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The container's length, header and padding included.
    pub length: u64,
    /// Where the description begins, counted from the container's beginning.
    pub description: u64,
    /// The description's length, compressed.
    pub compressed: u32,
    /// Its length, unpacked.
    pub size: u32,
    /// The SHA-256 of the unpacked description.
    pub sha256: [u8; 32],
}

impl Header {
    /// The header from its bytes; `None` if there is none, or what it says is impossible.
    #[must_use]
    pub fn read(bytes: &[u8]) -> Option<Header> {
        if bytes.get(..8)? != MAGIC.as_slice() {
            return None;
        }
        let header = Header {
            length: u64_at(bytes, 8)?,
            description: u64_at(bytes, 16)?,
            compressed: u32_at(bytes, 24)?,
            size: u32_at(bytes, 28)?,
            sha256: bytes.get(32..HEADER)?.try_into().ok()?,
        };
        let end = header.description.checked_add(u64::from(header.compressed))?;
        let possible = header.length.is_multiple_of(ALIGNMENT)
            && header.description >= HEADER as u64
            && header.length.checked_sub(end)? < ALIGNMENT
            && header.size <= LONGEST_DESCRIPTION;
        possible.then_some(header)
    }

    /// Its bytes.
    #[must_use]
    pub fn bytes(&self) -> [u8; HEADER] {
        let mut bytes = [0; HEADER];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..16].copy_from_slice(&self.length.to_le_bytes());
        bytes[16..24].copy_from_slice(&self.description.to_le_bytes());
        bytes[24..28].copy_from_slice(&self.compressed.to_le_bytes());
        bytes[28..32].copy_from_slice(&self.size.to_le_bytes());
        bytes[32..].copy_from_slice(&self.sha256);
        bytes
    }
}

/// Where the program itself ends, from the first [`PROGRAM_HEADERS`] bytes of the file: behind its last section, at the
/// next multiple of [`ALIGNMENT`]. `None` for what is no program for Windows (PE format, "Section Table").
#[must_use]
pub fn program_end(bytes: &[u8]) -> Option<u64> {
    if bytes.get(..2)? != b"MZ" {
        return None;
    }
    let pe = u32_at(bytes, 0x3c)? as usize;
    if bytes.get(pe..pe.checked_add(4)?)? != b"PE\0\0" {
        return None;
    }
    let sections = usize::from(u16_at(bytes, pe + 6)?);
    let table = pe + 24 + usize::from(u16_at(bytes, pe + 20)?);
    let mut end = 0;
    for index in 0..sections {
        let section = table + index * 40;
        let (size, place) = (u32_at(bytes, section + 16)?, u32_at(bytes, section + 20)?);
        if size > 0 {
            end = end.max(u64::from(size) + u64::from(place));
        }
    }
    (end > 0).then(|| end.next_multiple_of(ALIGNMENT))
}

fn u16_at(bytes: &[u8], place: usize) -> Option<u16> {
    Some(u16::from_le_bytes(bytes.get(place..place.checked_add(2)?)?.try_into().ok()?))
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(place..place.checked_add(4)?)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(place..place.checked_add(8)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_is_read_as_it_was_written() {
        let header = Header { length: 128, description: 64, compressed: 60, size: 70, sha256: [7; 32] };
        assert_eq!(Header::read(&header.bytes()), Some(header));
    }

    #[test]
    fn a_header_that_points_out_of_its_container_is_none() {
        let good = Header { length: 128, description: 64, compressed: 60, size: 70, sha256: [7; 32] };
        for bad in [
            Header { length: 120, ..good },
            Header { length: 136, ..good },
            Header { description: 8, ..good },
            Header { description: u64::MAX, ..good },
            Header { size: LONGEST_DESCRIPTION + 1, ..good },
        ] {
            assert_eq!(Header::read(&bad.bytes()), None, "{bad:?}");
        }
        assert_eq!(Header::read(&good.bytes()[..40]), None);
    }
}
