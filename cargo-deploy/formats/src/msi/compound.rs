//! Compound files: streams with names in sectors of 512 bytes (\[MS-CFB\], "Compound File Binary File Format", version 3).
//!
//! The writer lays everything out in one pass, every stream in one piece: large streams, then the small ones in the mini
//! stream, then the directory and the allocation tables. Version 3 and not 4 (with sectors of 4,096 bytes), because that is what Windows
//! Installer itself writes, and a package of 2 GiB or more would be refused by it in any case.

use std::cmp::Ordering;
use std::io::{self, Read, Seek, SeekFrom, Write};

use thiserror::Error;

use crate::msi::names;

/// What makes a compound file a Windows Installer package: the class of its root, in the order of the bytes.
pub(crate) const PACKAGE_CLASS: [u8; 16] = [0x84, 0x10, 0x0c, 0, 0, 0, 0, 0, 0xc0, 0, 0, 0, 0, 0, 0, 0x46];

const MAGIC: [u8; 8] = [0xd0, 0xcf, 0x11, 0xe0, 0xa1, 0xb1, 0x1a, 0xe1];
const SECTOR: usize = 512;
const MINI_SECTOR: usize = 64;
/// Smaller streams lie in the mini stream.
const CUTOFF: u64 = 4096;
/// Directory entries have this size (\[MS-CFB\] 2.6.1).
const ENTRY: usize = 128;
/// How many FAT sectors the header lists.
const IN_HEADER: usize = 109;

const DIFAT_SECTOR: u32 = 0xffff_fffc;
const FAT_SECTOR: u32 = 0xffff_fffd;
const END: u32 = 0xffff_fffe;
const FREE: u32 = 0xffff_ffff;
const NO_ENTRY: u32 = 0xffff_ffff;

/// Just below 2 GiB, where the range lock sector would be.
pub(crate) const LARGEST_FILE: u64 = 0x7fff_ff00;

/// Why a compound file cannot be written or read.
#[derive(Debug, Error)]
pub enum CompoundError {
    /// Of the writer.
    #[error("write the compound file")]
    Write {
        /// What happened.
        source: io::Error,
    },
    /// Of the reader.
    #[error("read the compound file")]
    Read {
        /// What happened.
        source: io::Error,
    },
    /// Names are at most 31 code units of UTF-16, without `/`, `\`, `:` and `!`.
    #[error("a stream cannot be named `{name}`")]
    Name {
        /// As it was given.
        name: String,
    },
    /// Two streams whose names differ in capitals at most.
    #[error("there are two streams of the name `{name}`")]
    Twice {
        /// Of one of them.
        name: String,
    },
    /// Windows Installer opens no larger ones.
    #[error("the package would have 2 GiB or more, which Windows Installer does not open")]
    Large,
    /// The first bytes are others.
    #[error("it is no compound file")]
    Magic,
    /// A part of it makes no sense.
    #[error("the compound file is damaged: {problem}")]
    Damaged {
        /// What makes no sense.
        problem: &'static str,
    },
}

fn damaged(problem: &'static str) -> CompoundError {
    CompoundError::Damaged { problem }
}

struct Placed {
    name: Vec<u16>,
    start: u32,
    size: u64,
}

/// Writes a compound file.
pub(crate) struct Writer<W> {
    out: W,
    /// How many sectors are complete, without the header.
    sectors: u64,
    class: [u8; 16],
    placed: Vec<Placed>,
    /// Where each chain of sectors begins, and its length.
    chains: Vec<(u64, u64)>,
    small: Vec<(Vec<u16>, Vec<u8>)>,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins one, at the position 0 of what it writes to.
    pub(crate) fn new(mut out: W, class: [u8; 16]) -> Result<Self, CompoundError> {
        out.write_all(&[0; SECTOR]).map_err(|source| CompoundError::Write { source })?;
        Ok(Writer { out, sectors: 0, class, placed: Vec::new(), chains: Vec::new(), small: Vec::new() })
    }

    /// Adds a stream.
    pub(crate) fn stream(&mut self, name: &str, bytes: &[u8]) -> Result<(), CompoundError> {
        let mut stream = self.begin(name)?;
        stream.write_all(bytes).map_err(|source| CompoundError::Write { source })?;
        stream.finish()
    }

    /// Begins a stream whose length is not known.
    pub(crate) fn begin(&mut self, name: &str) -> Result<StreamWriter<'_, W>, CompoundError> {
        let wide: Vec<u16> = name.encode_utf16().collect();
        if wide.is_empty() || wide.len() > 31 || name.contains(['/', '\\', ':', '!', '\0']) {
            return Err(CompoundError::Name { name: names::decode(name).0 });
        }
        Ok(StreamWriter { writer: self, name: wide, head: Vec::new(), length: 0 })
    }

    fn offset(&self) -> u64 {
        (self.sectors + 1) * SECTOR as u64
    }

    /// Notes that bytes were written behind the last sector, fills the last one, and gives the first.
    fn close_chain(&mut self, length: u64) -> io::Result<u32> {
        let padding = length.next_multiple_of(SECTOR as u64) - length;
        self.out.write_all(&[0; SECTOR][..padding as usize])?;
        let count = length.div_ceil(SECTOR as u64);
        let start = if count == 0 { END } else { self.sectors as u32 };
        if count > 0 {
            self.chains.push((self.sectors, count));
            self.sectors += count;
        }
        Ok(start)
    }

    fn chain(&mut self, bytes: &[u8]) -> Result<u32, CompoundError> {
        if self.offset() + bytes.len() as u64 > LARGEST_FILE {
            return Err(CompoundError::Large);
        }
        let write = |writer: &mut Self| {
            writer.out.write_all(bytes)?;
            writer.close_chain(bytes.len() as u64)
        };
        write(self).map_err(|source| CompoundError::Write { source })
    }

    /// Writes the small streams, the directory and the allocation tables, and gives back what it wrote to.
    pub(crate) fn finish(mut self) -> Result<W, CompoundError> {
        let mut mini_stream = Vec::new();
        let mut mini_fat = Vec::new();
        let mut small = std::mem::take(&mut self.small);
        small.sort_by(|left, right| order_wide(&left.0, &right.0));
        for (name, bytes) in small {
            let count = bytes.len().div_ceil(MINI_SECTOR) as u32;
            let first = mini_fat.len() as u32;
            let start = if count == 0 { END } else { first };
            push_chain(&mut mini_fat, first, count);
            mini_stream.extend_from_slice(&bytes);
            mini_stream.resize(mini_fat.len() * MINI_SECTOR, 0);
            self.placed.push(Placed { name, start, size: bytes.len() as u64 });
        }
        self.placed.sort_by(|left, right| order_wide(&left.name, &right.name));
        if let Some(pair) =
            self.placed.windows(2).find(|pair| order_wide(&pair[0].name, &pair[1].name).is_eq())
        {
            let name = String::from_utf16_lossy(&pair[0].name);
            return Err(CompoundError::Twice { name: names::decode(&name).0 });
        }

        let mini_stream_start = self.chain(&mini_stream)?;
        let mini_fat_sectors = mini_fat.len().div_ceil(SECTOR / 4) as u32;
        mini_fat.resize(mini_fat_sectors as usize * (SECTOR / 4), FREE);
        let mini_fat_start = self.chain(&little(&mini_fat))?;
        let directory = self.directory(mini_stream_start, mini_stream.len() as u64);
        let directory_start = self.chain(&directory)?;

        let data = self.sectors as usize;
        let (mut fat_sectors, mut difat_sectors) = (0, 0);
        loop {
            let needed = (data + fat_sectors + difat_sectors).div_ceil(SECTOR / 4);
            let listed = needed.saturating_sub(IN_HEADER).div_ceil(SECTOR / 4 - 1);
            if needed == fat_sectors && listed == difat_sectors {
                break;
            }
            (fat_sectors, difat_sectors) = (needed, listed);
        }
        if ((data + fat_sectors + difat_sectors + 1) * SECTOR) as u64 > LARGEST_FILE {
            return Err(CompoundError::Large);
        }
        let mut fat: Vec<u32> = Vec::with_capacity(fat_sectors * SECTOR / 4);
        for &(start, count) in &self.chains {
            push_chain(&mut fat, start as u32, count as u32);
        }
        fat.resize(data + fat_sectors, FAT_SECTOR);
        fat.resize(data + fat_sectors + difat_sectors, DIFAT_SECTOR);
        fat.resize(fat_sectors * (SECTOR / 4), FREE);
        let listed: Vec<u32> = (data..data + fat_sectors).map(|sector| sector as u32).collect();
        let in_header = listed.len().min(IN_HEADER);
        let mut difat = Vec::new();
        for (index, part) in listed[in_header..].chunks(SECTOR / 4 - 1).enumerate() {
            difat.extend_from_slice(part);
            difat.resize(index * (SECTOR / 4) + SECTOR / 4 - 1, FREE);
            let next = data + fat_sectors + index + 1;
            difat.push(if index + 1 == difat_sectors { END } else { next as u32 });
        }

        let mut header = Vec::with_capacity(SECTOR);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&[0; 16]);
        for field in [0x3e_u16, 3, 0xfffe, 9, 6, 0, 0, 0] {
            header.extend_from_slice(&field.to_le_bytes());
        }
        let first_difat = if difat_sectors == 0 { END } else { (data + fat_sectors) as u32 };
        header.extend(little(&[
            0,
            fat_sectors as u32,
            directory_start,
            0,
            CUTOFF as u32,
            mini_fat_start,
            mini_fat_sectors,
            first_difat,
            difat_sectors as u32,
        ]));
        header.extend(little(&listed[..in_header]));
        header.resize(SECTOR, 0xff);

        let Writer { mut out, .. } = self;
        let mut write = || {
            out.write_all(&little(&fat))?;
            out.write_all(&little(&difat))?;
            out.seek(SeekFrom::Start(0))?;
            out.write_all(&header)?;
            out.seek(SeekFrom::End(0))?;
            out.flush()
        };
        write().map_err(|source| CompoundError::Write { source })?;
        Ok(out)
    }

    /// The entries of the directory: the root, then the streams in their order, which form a balanced tree.
    fn directory(&self, mini_stream_start: u32, mini_stream_size: u64) -> Vec<u8> {
        let count = self.placed.len();
        let mut links = vec![(NO_ENTRY, NO_ENTRY, 0); count];
        let root = balance(&mut links, 0, count, 0);
        // Nodes of the lowest level are red where that level is not full: then all ways down have as many black ones.
        let levels = usize::BITS - count.leading_zeros();
        let full = (count + 1).is_power_of_two();
        let mut bytes = Vec::with_capacity((count + 1) * ENTRY);
        let name: Vec<u16> = "Root Entry".encode_utf16().collect();
        let root = DirectoryEntry {
            name: &name,
            kind: 5,
            black: true,
            links: [NO_ENTRY, NO_ENTRY, root],
            class: self.class,
            start: mini_stream_start,
            size: mini_stream_size,
        };
        root.write(&mut bytes);
        for (placed, &(left, right, level)) in self.placed.iter().zip(&links) {
            let entry = DirectoryEntry {
                name: &placed.name,
                kind: 2,
                black: full || level + 1 < levels,
                links: [left, right, NO_ENTRY],
                class: [0; 16],
                start: placed.start,
                size: placed.size,
            };
            entry.write(&mut bytes);
        }
        while bytes.len() % SECTOR != 0 {
            let unused = DirectoryEntry {
                name: &[],
                kind: 0,
                black: false,
                links: [NO_ENTRY; 3],
                class: [0; 16],
                start: 0,
                size: 0,
            };
            unused.write(&mut bytes);
        }
        bytes
    }
}

/// Links the entries of a range as a tree and gives the number of its root in the directory.
fn balance(links: &mut [(u32, u32, u32)], from: usize, to: usize, level: u32) -> u32 {
    if from == to {
        return NO_ENTRY;
    }
    let middle = from + (to - from) / 2;
    let left = balance(links, from, middle, level + 1);
    let right = balance(links, middle + 1, to, level + 1);
    links[middle] = (left, right, level);
    middle as u32 + 1
}

struct DirectoryEntry<'a> {
    name: &'a [u16],
    kind: u8,
    black: bool,
    links: [u32; 3],
    class: [u8; 16],
    start: u32,
    size: u64,
}

impl DirectoryEntry<'_> {
    fn write(&self, bytes: &mut Vec<u8>) {
        let begin = bytes.len();
        for unit in self.name {
            bytes.extend_from_slice(&unit.to_le_bytes());
        }
        bytes.resize(begin + 64, 0);
        let length = if self.name.is_empty() { 0 } else { self.name.len() as u16 * 2 + 2 };
        bytes.extend_from_slice(&length.to_le_bytes());
        bytes.extend_from_slice(&[self.kind, u8::from(self.black)]);
        bytes.extend(little(&self.links));
        bytes.extend_from_slice(&self.class);
        // State bits and two times, all zero.
        bytes.resize(begin + 116, 0);
        bytes.extend_from_slice(&self.start.to_le_bytes());
        bytes.extend_from_slice(&self.size.to_le_bytes());
    }
}

/// A stream that is being written.
pub(crate) struct StreamWriter<'a, W> {
    writer: &'a mut Writer<W>,
    name: Vec<u16>,
    /// The bytes, as long as the stream may be a small one.
    head: Vec<u8>,
    length: u64,
}

impl<W: Write + Seek> StreamWriter<'_, W> {
    /// Replaces bytes that were written.
    pub(crate) fn patch(&mut self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        if self.length < CUTOFF {
            let place = self.head.get_mut(offset as usize..offset as usize + bytes.len());
            return place
                .map(|place| place.copy_from_slice(bytes))
                .ok_or_else(|| io::ErrorKind::InvalidInput.into());
        }
        let begin = self.writer.offset();
        self.writer.out.seek(SeekFrom::Start(begin + offset))?;
        self.writer.out.write_all(bytes)?;
        self.writer.out.seek(SeekFrom::Start(begin + self.length))?;
        Ok(())
    }

    /// Ends the stream.
    pub(crate) fn finish(self) -> Result<(), CompoundError> {
        let StreamWriter { writer, name, head, length } = self;
        if length < CUTOFF {
            writer.small.push((name, head));
            return Ok(());
        }
        if writer.offset() + length > LARGEST_FILE {
            return Err(CompoundError::Large);
        }
        let start = writer.close_chain(length).map_err(|source| CompoundError::Write { source })?;
        writer.placed.push(Placed { name, start, size: length });
        Ok(())
    }
}

impl<W: Write> Write for StreamWriter<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.length + bytes.len() as u64;
        if length < CUTOFF {
            self.head.extend_from_slice(bytes);
        } else {
            self.writer.out.write_all(&self.head)?;
            self.head = Vec::new();
            self.writer.out.write_all(bytes)?;
        }
        self.length = length;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn push_chain(table: &mut Vec<u32>, start: u32, count: u32) {
    for index in 1..=count {
        table.push(if index == count { END } else { start + index });
    }
}

fn little(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

/// The order of names in a directory: by length, then by code units in capitals (\[MS-CFB\] 2.6.4).
pub(crate) fn order(left: &str, right: &str) -> Ordering {
    order_wide(&left.encode_utf16().collect::<Vec<u16>>(), &right.encode_utf16().collect::<Vec<u16>>())
}

fn order_wide(left: &[u16], right: &[u16]) -> Ordering {
    fn capital(unit: u16) -> u16 {
        let Some(letter) = char::from_u32(unit.into()) else { return unit };
        let mut capitals = letter.to_uppercase();
        match (capitals.next(), capitals.next()) {
            (Some(capital), None) => u16::try_from(u32::from(capital)).unwrap_or(unit),
            _ => unit,
        }
    }
    let capitals = |name: &[u16]| name.iter().copied().map(capital).collect::<Vec<u16>>();
    left.len().cmp(&right.len()).then_with(|| capitals(left).cmp(&capitals(right)))
}

/// A stream of a compound file that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Stream {
    /// As it is in the directory: not decoded.
    pub(crate) name: String,
    /// In bytes.
    pub(crate) size: u64,
    start: u32,
}

/// A compound file that is being read, of version 3 or 4.
#[derive(Debug)]
pub(crate) struct Compound<R> {
    reader: R,
    sector: usize,
    fat: Vec<u32>,
    mini_fat: Vec<u32>,
    /// The sectors of the mini stream.
    mini_stream: Vec<u32>,
    mini_cutoff: u64,
    /// Of the root.
    pub(crate) class: [u8; 16],
    /// Those of the root, in the order of the directory's tree.
    pub(crate) streams: Vec<Stream>,
    /// The names of storages in the root.
    pub(crate) storages: Vec<String>,
}

impl<R: Read + Seek> Compound<R> {
    /// Reads the allocation tables and the directory.
    pub(crate) fn open(mut reader: R) -> Result<Self, CompoundError> {
        let read = |source| CompoundError::Read { source };
        let length = reader.seek(SeekFrom::End(0)).map_err(read)?;
        reader.seek(SeekFrom::Start(0)).map_err(read)?;
        let mut header = [0; SECTOR];
        reader.read_exact(&mut header).map_err(|_| CompoundError::Magic)?;
        if header[..8] != MAGIC {
            return Err(CompoundError::Magic);
        }
        let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        let word =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let sector = match (half(26), half(30)) {
            (3, 9) => 512_usize,
            (4, 12) => 4096,
            _ => return Err(damaged("its version or the size of its sectors is none that there is")),
        };
        if half(28) != 0xfffe || half(32) != 6 || word(56) != CUTOFF as u32 {
            return Err(damaged("its header has another byte order, mini sector or cutoff than all others"));
        }
        // Where a file ends within a sector, the rest of the sector is as good as zero.
        let sectors = length.div_ceil(sector as u64).saturating_sub(1);
        let sectors =
            u32::try_from(sectors).map_err(|_| damaged("it has more sectors than there are numbers"))?;
        let mut compound = Compound {
            reader,
            sector,
            fat: Vec::new(),
            mini_fat: Vec::new(),
            mini_stream: Vec::new(),
            mini_cutoff: CUTOFF,
            class: [0; 16],
            streams: Vec::new(),
            storages: Vec::new(),
        };
        let mut listed: Vec<u32> = (0..IN_HEADER).map(|index| word(76 + index * 4)).collect();
        let mut next = word(68);
        let most = (sectors as usize).div_ceil(sector / 4);
        while next < DIFAT_SECTOR {
            if listed.len() > most + IN_HEADER + sector / 4 {
                return Err(damaged("the list of its allocation table has no end"));
            }
            let mut numbers = compound.numbers(next)?;
            next = numbers.pop().unwrap_or(END);
            listed.extend(numbers);
        }
        for place in listed.into_iter().filter(|place| *place != FREE).take(most) {
            let numbers = compound.numbers(place)?;
            compound.fat.extend(numbers);
        }
        compound.fat.truncate(sectors as usize);

        for place in compound.whole_chain(word(60))? {
            let numbers = compound.numbers(place)?;
            compound.mini_fat.extend(numbers);
        }
        let directory = compound.whole_chain(word(48))?;
        let mut bytes = Vec::with_capacity(directory.len() * sector);
        for place in directory {
            bytes.extend(compound.sector(place)?);
        }
        compound.read_directory(&bytes, length)?;
        Ok(compound)
    }

    fn read_directory(&mut self, bytes: &[u8], length: u64) -> Result<(), CompoundError> {
        let entries: Vec<&[u8; ENTRY]> =
            bytes.chunks_exact(ENTRY).filter_map(|entry| entry.first_chunk()).collect();
        let word = |entry: &[u8; ENTRY], at: usize| {
            u32::from_le_bytes([entry[at], entry[at + 1], entry[at + 2], entry[at + 3]])
        };
        let Some(root) = entries.first().filter(|root| root[66] == 5) else {
            return Err(damaged("it has no root"));
        };
        self.class.copy_from_slice(&root[80..96]);
        self.mini_stream = self.whole_chain(word(root, 116))?;
        let mut seen = vec![false; entries.len()];
        let mut total = 0_u64;
        // In order: what is left of an entry, the entry, what is right of it.
        let mut stack = Vec::new();
        let mut next = word(root, 76);
        loop {
            while next != NO_ENTRY {
                let index = next as usize;
                let entry =
                    entries.get(index).ok_or(damaged("its directory leads to an entry that it lacks"))?;
                if std::mem::replace(&mut seen[index], true) {
                    return Err(damaged("its directory leads in a circle"));
                }
                stack.push(index);
                next = word(entry, 68);
            }
            let Some(index) = stack.pop() else { break };
            let entry = entries[index];
            let name_length = usize::from(u16::from_le_bytes([entry[64], entry[65]]));
            if !(4..=64).contains(&name_length) || !name_length.is_multiple_of(2) {
                return Err(damaged("a name in its directory has an impossible length"));
            }
            let units: Vec<u16> = entry[..name_length - 2]
                .chunks_exact(2)
                .map(|two| u16::from_le_bytes([two[0], two[1]]))
                .collect();
            let name =
                String::from_utf16(&units).map_err(|_| damaged("a name in its directory is not UTF-16"))?;
            match entry[66] {
                1 => self.storages.push(name),
                2 => {
                    let high = if self.sector == SECTOR { 0 } else { word(entry, 124) };
                    let size = u64::from(high) << 32 | u64::from(word(entry, 120));
                    total = total.saturating_add(size);
                    self.streams.push(Stream { name, size, start: word(entry, 116) });
                }
                _ => return Err(damaged("its directory leads to what is neither stream nor storage")),
            }
            next = word(entry, 72);
        }
        if total > length {
            return Err(damaged("its streams are longer than the file"));
        }
        Ok(())
    }

    fn numbers(&mut self, place: u32) -> Result<Vec<u32>, CompoundError> {
        let bytes = self.sector(place)?;
        Ok(bytes
            .chunks_exact(4)
            .map(|four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
            .collect())
    }

    fn sector(&mut self, place: u32) -> Result<Vec<u8>, CompoundError> {
        let mut bytes = vec![0; self.sector];
        self.read_sector(place, 0, &mut bytes)?;
        Ok(bytes)
    }

    /// Reads from a sector. Behind the end of the file there are zeros.
    fn read_sector(&mut self, place: u32, within: usize, bytes: &mut [u8]) -> Result<(), CompoundError> {
        let offset = (u64::from(place) + 1) * self.sector as u64 + within as u64;
        let mut read = |reader: &mut R| {
            reader.seek(SeekFrom::Start(offset))?;
            crate::member::read_full(reader, bytes)
        };
        let found = read(&mut self.reader).map_err(|source| CompoundError::Read { source })?;
        if found == 0 {
            return Err(damaged("it leads to a sector behind its end"));
        }
        bytes[found..].fill(0);
        Ok(())
    }

    /// The sectors of a chain to its end.
    fn whole_chain(&self, start: u32) -> Result<Vec<u32>, CompoundError> {
        let mut chain = Vec::new();
        let mut next = start;
        while next < DIFAT_SECTOR {
            if chain.len() >= self.fat.len() {
                return Err(damaged("a chain of its sectors has no end"));
            }
            chain.push(next);
            next = *self
                .fat
                .get(next as usize)
                .ok_or(damaged("a chain of its sectors leads out of the file"))?;
        }
        Ok(chain)
    }

    /// Where a stream lies: its sectors, or mini sectors.
    fn chain_of(&self, stream: &Stream) -> Result<Vec<u32>, CompoundError> {
        let mini = stream.size < self.mini_cutoff;
        let (table, size) = if mini { (&self.mini_fat, MINI_SECTOR) } else { (&self.fat, self.sector) };
        let count = stream.size.div_ceil(size as u64) as usize;
        if count > table.len() {
            return Err(damaged("a stream has more sectors than the file"));
        }
        let mut chain = Vec::with_capacity(count);
        let mut next = stream.start;
        for _ in 0..count {
            let after = *table.get(next as usize).ok_or(damaged("a stream ends before its size"))?;
            chain.push(next);
            next = after;
        }
        Ok(chain)
    }

    /// Reads a stream whole.
    pub(crate) fn read(&mut self, stream: &Stream) -> Result<Vec<u8>, CompoundError> {
        let mut bytes = Vec::with_capacity(stream.size as usize);
        self.reader(stream)?.read_to_end(&mut bytes).map_err(|source| CompoundError::Read { source })?;
        Ok(bytes)
    }

    /// Reads a stream piece by piece.
    pub(crate) fn reader(&mut self, stream: &Stream) -> Result<StreamReader<'_, R>, CompoundError> {
        let chain = self.chain_of(stream)?;
        Ok(StreamReader { compound: self, chain, size: stream.size, position: 0 })
    }
}

/// A stream that is being read.
#[derive(Debug)]
pub(crate) struct StreamReader<'a, R> {
    compound: &'a mut Compound<R>,
    chain: Vec<u32>,
    size: u64,
    position: u64,
}

impl<R: Read + Seek> StreamReader<'_, R> {
    fn read_some(&mut self, buffer: &mut [u8]) -> Result<usize, CompoundError> {
        let left = (self.size - self.position).min(buffer.len() as u64) as usize;
        if left == 0 {
            return Ok(0);
        }
        let mini = self.size < self.compound.mini_cutoff;
        let size = if mini { MINI_SECTOR } else { self.compound.sector };
        let index = (self.position / size as u64) as usize;
        let within = (self.position % size as u64) as usize;
        let place = self.chain[index];
        let length = if mini {
            let length = left.min(size - within);
            let offset = place as usize * MINI_SECTOR;
            let sector = self.compound.mini_stream.get(offset / self.compound.sector);
            let sector = *sector.ok_or(damaged("a small stream leads out of the mini stream"))?;
            let offset = offset % self.compound.sector + within;
            self.compound.read_sector(sector, offset, &mut buffer[..length])?;
            length
        } else {
            // Neighbouring sectors in one read.
            let mut run = 1;
            while run * size - within < left && self.chain.get(index + run) == Some(&(place + run as u32)) {
                run += 1;
            }
            let length = left.min(run * size - within);
            self.compound.read_sector(place, within, &mut buffer[..length])?;
            length
        };
        self.position += length as u64;
        Ok(length)
    }
}

impl<R: Read + Seek> Read for StreamReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.read_some(buffer).map_err(|cause| match cause {
            CompoundError::Read { source } => source,
            other => io::Error::new(io::ErrorKind::InvalidData, other),
        })
    }
}

impl<R: Read + Seek> Seek for StreamReader<'_, R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let position = match to {
            SeekFrom::Start(position) => Some(position),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.position.checked_add_signed(offset),
        };
        let position = position.filter(|position| *position <= self.size);
        self.position = position.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.position)
    }
}
