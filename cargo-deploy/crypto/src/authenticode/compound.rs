//! Compound files, around packages of Windows Installer (\[MS-CFB\]): where their streams lie, and how they are written in
//! one piece each.
//!
//! Written is version 3 with sectors of 512 bytes: large streams in the order of the directory, then the small ones, the
//! directory and the allocation tables. It is the layout in which our own packages are written, so that taking a signature
//! out gives back the package as it was.

mod layout;

use super::{FileError, Kind, read_error, write_error};
use layout::Layout;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::ops::Range;

pub(crate) const MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const SECTOR: usize = 512;
const MINI_SECTOR: u64 = 64;
/// Smaller streams lie in the mini stream.
const CUTOFF: u64 = 4096;
const ENTRY: usize = 128;
/// How many sectors of the allocation table the header lists.
const IN_HEADER: usize = 109;
const DIFAT_SECTOR: u32 = 0xffff_fffc;
const FAT_SECTOR: u32 = 0xffff_fffd;
const END: u32 = 0xffff_fffe;
const FREE: u32 = 0xffff_ffff;
/// Windows Installer opens no larger files.
const LIMIT: u64 = 0x7fff_ff00;
/// Storages within storages; packages have none or one level of them.
const DEEPEST: usize = 16;

fn damaged(problem: &'static str) -> FileError {
    FileError::Damaged { kind: Kind::Msi, problem }
}

/// Where the content of a stream is.
#[derive(Debug, Clone)]
pub(crate) enum Content {
    /// In these places of the file, one after the other.
    Places(Vec<Range<u64>>),
    /// Not in the file.
    Bytes(Vec<u8>),
}

impl Content {
    pub(crate) fn size(&self) -> u64 {
        match self {
            Content::Places(places) => places.iter().map(|place| place.end - place.start).sum(),
            Content::Bytes(bytes) => bytes.len() as u64,
        }
    }

    /// Reads it piece by piece.
    pub(crate) fn read<F: Read + Seek>(
        &self,
        file: &mut F,
        buffer: &mut [u8],
        take: &mut dyn FnMut(&[u8]),
    ) -> Result<(), FileError> {
        let places = match self {
            Content::Bytes(bytes) => {
                take(bytes);
                return Ok(());
            }
            Content::Places(places) => places,
        };
        for place in places {
            file.seek(SeekFrom::Start(place.start)).map_err(read_error)?;
            let mut left = place.end - place.start;
            while left > 0 {
                let length = left.min(buffer.len() as u64) as usize;
                read_or_zero(file, &mut buffer[..length])?;
                take(&buffer[..length]);
                left -= length as u64;
            }
        }
        Ok(())
    }

    fn write<F: Read + Seek, W: Write>(&self, file: &mut F, output: &mut W) -> Result<(), FileError> {
        let places = match self {
            Content::Bytes(bytes) => return output.write_all(bytes).map_err(write_error),
            Content::Places(places) => places,
        };
        for place in places {
            file.seek(SeekFrom::Start(place.start)).map_err(read_error)?;
            let wanted = place.end - place.start;
            let copied = io::copy(&mut file.by_ref().take(wanted), output).map_err(write_error)?;
            io::copy(&mut io::repeat(0).take(wanted - copied), output).map_err(write_error)?;
        }
        Ok(())
    }
}

/// What lies behind the end of a file that is cut off within its last sector is zero.
fn read_or_zero<F: Read>(file: &mut F, mut buffer: &mut [u8]) -> Result<(), FileError> {
    while !buffer.is_empty() {
        match file.read(buffer) {
            Ok(0) => {
                buffer.fill(0);
                break;
            }
            Ok(length) => buffer = &mut buffer[length..],
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(source) => return Err(read_error(source)),
        }
    }
    Ok(())
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum NodeKind {
    /// The root, too.
    Storage,
    Stream,
}

/// A stream or storage.
#[derive(Debug)]
pub(crate) struct Node {
    pub(crate) name: Vec<u16>,
    pub(crate) kind: NodeKind,
    pub(crate) class: [u8; 16],
    pub(crate) state: u32,
    pub(crate) created: u64,
    pub(crate) modified: u64,
    pub(crate) content: Content,
    pub(crate) children: Vec<Node>,
}

impl Node {
    pub(crate) fn stream(name: &str, content: Content) -> Self {
        Node {
            name: name.encode_utf16().collect(),
            kind: NodeKind::Stream,
            class: [0; 16],
            state: 0,
            created: 0,
            modified: 0,
            content,
            children: Vec::new(),
        }
    }
}

/// A compound file whose tables were read.
#[derive(Debug)]
pub(crate) struct Compound {
    pub(crate) root: Node,
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |word| u32::from_le_bytes([word[0], word[1], word[2], word[3]]))
}

fn long(bytes: &[u8], at: usize) -> u64 {
    u64::from(word(bytes, at)) | u64::from(word(bytes, at + 4)) << 32
}

/// The tables by which streams are found.
struct Tables {
    sector: u64,
    /// How many there are in the file.
    sectors: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    /// The sectors of the mini stream.
    mini_stream: Vec<u32>,
    entries: Vec<u8>,
}

impl Tables {
    fn read<F: Read + Seek>(file: &mut F) -> Result<Self, FileError> {
        let length = file.seek(SeekFrom::End(0)).map_err(read_error)?;
        if length > LIMIT {
            return Err(FileError::Large { kind: Kind::Msi, bytes: length, limit: LIMIT });
        }
        let mut header = [0; SECTOR];
        file.seek(SeekFrom::Start(0)).map_err(read_error)?;
        read_or_zero(file, &mut header)?;
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let sector = match (half(26), half(30)) {
            _ if header[..8] != MAGIC => return Err(damaged("it is no compound file")),
            (3, 9) => 512,
            (4, 12) => 4096,
            _ => return Err(damaged("its version is none that there is")),
        };
        if half(28) != 0xfffe || half(32) != 6 || u64::from(word(&header, 56)) != CUTOFF {
            return Err(damaged("its header is damaged"));
        }
        let sectors = length.div_ceil(sector).saturating_sub(1) as usize;
        let mut tables = Tables {
            sector,
            sectors,
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini_stream: Vec::new(),
            entries: Vec::new(),
        };
        let mut listed: Vec<u32> = (0..IN_HEADER).map(|index| word(&header, 76 + index * 4)).collect();
        let mut next = word(&header, 68);
        while next < DIFAT_SECTOR {
            if listed.len() > sectors + IN_HEADER {
                return Err(damaged("the list of its allocation table has no end"));
            }
            let mut numbers = tables.numbers(file, &[next])?;
            next = numbers.pop().unwrap_or(END);
            listed.extend(numbers);
        }
        listed.retain(|place| *place != FREE);
        if listed.len() > sectors {
            return Err(damaged("its allocation table is longer than itself"));
        }
        tables.fat = tables.numbers(file, &listed)?;
        tables.fat.truncate(sectors);
        let chain = tables.chain(word(&header, 60))?;
        tables.mini_fat = tables.numbers(file, &chain)?;
        let chain = tables.chain(word(&header, 48))?;
        tables.entries = tables.sectors(file, &chain)?;
        if tables.entries.get(66) != Some(&5) {
            return Err(damaged("it has no root"));
        }
        tables.mini_stream = tables.chain(word(&tables.entries, 116))?;
        Ok(tables)
    }

    fn sectors<F: Read + Seek>(&self, file: &mut F, chain: &[u32]) -> Result<Vec<u8>, FileError> {
        let mut bytes = vec![0; chain.len() * self.sector as usize];
        for (place, part) in chain.iter().zip(bytes.chunks_mut(self.sector as usize)) {
            if *place as usize >= self.sectors {
                return Err(damaged("it leads behind its end"));
            }
            file.seek(SeekFrom::Start((u64::from(*place) + 1) * self.sector)).map_err(read_error)?;
            read_or_zero(file, part)?;
        }
        Ok(bytes)
    }

    fn numbers<F: Read + Seek>(&self, file: &mut F, chain: &[u32]) -> Result<Vec<u32>, FileError> {
        let bytes = self.sectors(file, chain)?;
        Ok(bytes.as_chunks::<4>().0.iter().map(|word| u32::from_le_bytes(*word)).collect())
    }

    /// The sectors of a chain to its end.
    fn chain(&self, start: u32) -> Result<Vec<u32>, FileError> {
        let mut chain = Vec::new();
        let mut next = start;
        while next < DIFAT_SECTOR {
            if chain.len() >= self.fat.len() {
                return Err(damaged("a chain of its sectors has no end"));
            }
            chain.push(next);
            let after = self.fat.get(next as usize);
            next = *after.ok_or(damaged("a chain of its sectors leads out of the file"))?;
        }
        Ok(chain)
    }

    /// Where a stream lies, neighbouring sectors joined.
    fn places(&self, start: u32, size: u64) -> Result<Vec<Range<u64>>, FileError> {
        let mini = size < CUTOFF;
        let (table, unit) = if mini { (&self.mini_fat, MINI_SECTOR) } else { (&self.fat, self.sector) };
        if size.div_ceil(unit) > table.len() as u64 {
            return Err(damaged("a stream has more sectors than the file"));
        }
        let mut places: Vec<Range<u64>> = Vec::new();
        let (mut next, mut left) = (start, size);
        while left > 0 {
            let offset = if mini {
                let within = u64::from(next) * MINI_SECTOR;
                let place = self.mini_stream.get((within / self.sector) as usize);
                let place = *place.ok_or(damaged("a small stream leads out of the mini stream"))?;
                (u64::from(place) + 1) * self.sector + within % self.sector
            } else {
                (u64::from(next) + 1) * self.sector
            };
            let length = left.min(unit);
            match places.last_mut() {
                Some(last) if last.end == offset => last.end += length,
                _ => places.push(offset..offset + length),
            }
            left -= length;
            next = *table.get(next as usize).ok_or(damaged("a stream ends before its size"))?;
        }
        Ok(places)
    }

    fn entry(&self, index: u32) -> Result<&[u8], FileError> {
        let start = index as usize * ENTRY;
        let entry = self.entries.get(start..start + ENTRY);
        entry.ok_or(damaged("its directory leads to an entry that it lacks"))
    }

    fn node(&self, index: u32, seen: &mut [bool], depth: usize) -> Result<Node, FileError> {
        let entry = self.entry(index)?;
        let length = usize::from(u16::from_le_bytes([entry[64], entry[65]]));
        if !(2..=64).contains(&length) || !length.is_multiple_of(2) {
            return Err(damaged("a name in its directory has an impossible length"));
        }
        let units = entry[..length - 2].as_chunks::<2>().0;
        let kind = match entry[66] {
            2 => NodeKind::Stream,
            1 | 5 => NodeKind::Storage,
            _ => return Err(damaged("its directory leads to what is neither stream nor storage")),
        };
        let size = if self.sector == 512 { u64::from(word(entry, 120)) } else { long(entry, 120) };
        let places = if kind == NodeKind::Stream { self.places(word(entry, 116), size)? } else { Vec::new() };
        let mut node = Node {
            name: units.iter().map(|unit| u16::from_le_bytes(*unit)).collect(),
            kind,
            class: [0; 16],
            state: word(entry, 96),
            created: long(entry, 100),
            modified: long(entry, 108),
            content: Content::Places(places),
            children: Vec::new(),
        };
        node.class.copy_from_slice(&entry[80..96]);
        if kind == NodeKind::Stream {
            return Ok(node);
        }
        if depth > DEEPEST {
            return Err(damaged("its storages are too deep"));
        }
        // In order: what is left of an entry, the entry, what is right of it.
        let mut stack = Vec::new();
        let mut next = word(entry, 76);
        loop {
            while next != FREE {
                let place = seen.get_mut(next as usize);
                let place = place.ok_or(damaged("its directory leads to an entry that it lacks"))?;
                if std::mem::replace(place, true) {
                    return Err(damaged("its directory leads in a circle"));
                }
                stack.push(next);
                next = word(self.entry(next)?, 68);
            }
            let Some(index) = stack.pop() else { break };
            node.children.push(self.node(index, seen, depth + 1)?);
            next = word(self.entry(index)?, 72);
        }
        Ok(node)
    }
}

impl Compound {
    /// Reads the tables and the directory.
    pub(crate) fn read<F: Read + Seek>(file: &mut F) -> Result<Self, FileError> {
        let tables = Tables::read(file)?;
        let mut seen = vec![false; tables.entries.len() / ENTRY];
        if let Some(root) = seen.first_mut() {
            *root = true;
        }
        Ok(Compound { root: tables.node(0, &mut seen, 0)? })
    }

    /// Writes it anew, each stream in one piece, with the content that lies in `file`.
    pub(crate) fn write<F: Read + Seek, W: Write>(
        &self,
        file: &mut F,
        output: &mut W,
    ) -> Result<(), FileError> {
        let layout = Layout::of(&self.root)?;
        output.write_all(&layout.header).map_err(write_error)?;
        let mut padded = |content: &Content, unit: u64, output: &mut W| {
            content.write(file, output)?;
            let rest = content.size().next_multiple_of(unit) - content.size();
            output.write_all(&[0; SECTOR][..rest as usize]).map_err(write_error)
        };
        let (large, small): (Vec<&Content>, Vec<&Content>) =
            layout.contents().partition(|content| content.size() >= CUTOFF);
        for content in large {
            padded(content, SECTOR as u64, output)?;
        }
        let mut mini = 0;
        for content in small {
            padded(content, MINI_SECTOR, output)?;
            mini += content.size().next_multiple_of(MINI_SECTOR);
        }
        let rest = mini.next_multiple_of(SECTOR as u64) - mini;
        output.write_all(&[0; SECTOR][..rest as usize]).map_err(write_error)?;
        output.write_all(&layout.tables).map_err(write_error)
    }
}
