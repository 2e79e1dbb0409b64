//! Where an ELF file ends and where its sections are: what is behind its end is the image.
//!
//! System V ABI, chapter 4 ("Object Files") and 5 ("Program Loading"); little-endian, 32 and 64 bits.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;

/// The most bytes that the table of sections' names may have.
const NAMES: u64 = 1 << 20;

/// What stands where in an ELF file.
#[derive(Debug)]
pub(crate) struct Layout {
    /// The first byte behind everything that the file's tables name.
    pub(crate) end: u64,
    sections: Vec<Section>,
}

#[derive(Debug)]
struct Section {
    name: Vec<u8>,
    offset: u64,
    size: u64,
}

/// Positions of what is read from the headers; they differ with the width of an address.
struct Shape {
    wide: bool,
}

impl Shape {
    fn number(&self, bytes: &[u8], narrow: usize, wide: usize) -> u64 {
        if self.wide { field::<8>(bytes, wide) } else { field::<4>(bytes, narrow) }
    }
}

/// A little-endian number of `N` bytes.
fn field<const N: usize>(bytes: &[u8], at: usize) -> u64 {
    let found = bytes.get(at..at.saturating_add(N)).unwrap_or_default();
    found.iter().rev().fold(0, |number, byte| number << 8 | u64::from(*byte))
}

fn bad(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

/// `count` records of `size` bytes, at the byte `at`.
fn table(file: &File, at: u64, count: u64, size: u64) -> io::Result<Vec<u8>> {
    // Both are numbers of two bytes, so that this is at most 4 GiB, and no more than the file has.
    let length = count.saturating_mul(size);
    if at.saturating_add(length) > file.metadata()?.len() {
        return Err(bad("its tables go beyond its end"));
    }
    read(file, at, length)
}

fn read(file: &File, at: u64, length: u64) -> io::Result<Vec<u8>> {
    let length = usize::try_from(length).map_err(|_| bad("its tables are too long"))?;
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, at)?;
    Ok(bytes)
}

impl Layout {
    /// Reads the tables of an ELF file.
    pub(crate) fn read(file: &File) -> io::Result<Self> {
        let mut header = [0; 64];
        file.read_exact_at(&mut header, 0).map_err(|_| bad("it is no ELF file"))?;
        if header.get(..4) != Some(b"\x7fELF") || !matches!(header[4], 1 | 2) || header[5] != 1 {
            return Err(bad("it is no ELF file of a little-endian machine"));
        }
        let shape = Shape { wide: header[4] == 2 };
        let (segments_at, sections_at) = (shape.number(&header, 28, 32), shape.number(&header, 32, 40));
        let counts = if shape.wide { 54 } else { 42 };
        let count = |at: usize| field::<2>(&header, counts + at);
        let (segment_size, segments) = (count(0), count(2));
        let (section_size, sections, names) = (count(4), count(6), count(8));
        let mut end = header.len() as u64;

        let bytes = table(file, segments_at, segments, segment_size)?;
        for one in records(&bytes, segment_size) {
            end = end.max(shape.number(one, 4, 8).saturating_add(shape.number(one, 16, 32)));
        }
        end = end.max(segments_at.saturating_add(bytes.len() as u64));

        let bytes = table(file, sections_at, sections, section_size)?;
        let mut found: Vec<(u64, u64, u64, u64)> = Vec::new();
        for one in records(&bytes, section_size) {
            let (kind, offset, size) =
                (field::<4>(one, 4), shape.number(one, 16, 24), shape.number(one, 20, 32));
            // 0 is no section, 8 one that has no bytes in the file.
            if kind != 0 && kind != 8 {
                end = end.max(offset.saturating_add(size));
            }
            found.push((kind, field::<4>(one, 0), offset, size));
        }
        end = end.max(sections_at.saturating_add(bytes.len() as u64));
        if end > file.metadata()?.len() {
            return Err(bad("its sections go beyond its end"));
        }

        let text = match found.get(names as usize) {
            Some((3, _, offset, size)) if *size <= NAMES => read(file, *offset, *size)?,
            _ => Vec::new(),
        };
        let name = |at: u64| {
            let rest = text.get(usize::try_from(at).unwrap_or(usize::MAX)..).unwrap_or_default();
            rest.split(|byte| *byte == 0).next().unwrap_or_default().to_vec()
        };
        let sections = found
            .into_iter()
            .filter(|(kind, ..)| *kind != 0 && *kind != 8)
            .map(|(_, at, offset, size)| Section { name: name(at), offset, size })
            .collect();
        Ok(Self { end, sections })
    }

    /// The content of the section `name` up to its first zero byte, or nothing where there is no such section.
    pub(crate) fn text(&self, file: &File, name: &str) -> io::Result<Option<Vec<u8>>> {
        let Some(section) = self.sections.iter().find(|one| one.name == name.as_bytes()) else {
            return Ok(None);
        };
        let mut bytes = read(file, section.offset, section.size)?;
        if let Some(end) = bytes.iter().position(|byte| *byte == 0) {
            bytes.truncate(end);
        }
        Ok(Some(bytes))
    }
}

fn records(bytes: &[u8], size: u64) -> impl Iterator<Item = &[u8]> {
    bytes.chunks_exact(usize::try_from(size).unwrap_or(usize::MAX).max(1))
}
