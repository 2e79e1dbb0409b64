//! Cabinets: the files of a package, compressed in one folder (\[MS-CAB\], "Cabinet File Format").

use std::collections::VecDeque;
use std::io::{self, BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;

use thiserror::Error;

use crate::Level;
use crate::member::read_full;
use crate::msi::compound::StreamWriter;
use crate::msi::mszip::{self, BATCH, BLOCK, Decompressor, Done, Job};
use crate::workers::{Ticket, Workers};
use crate::zip::Moment;

/// How much a folder holds: 65,535 blocks, which is 32 KiB less than 2 GiB.
pub const LARGEST_FOLDER: u64 = 0xffff * BLOCK as u64;
/// How many files a cabinet holds.
const MOST_FILES: usize = 0xffff;

const HEADER: usize = 36;
const FOLDER: usize = 8;
const MSZIP: u16 = 1;
/// The archive bit, as every file of an installer has it.
const ARCHIVE: u16 = 0x20;
/// The name is UTF-8.
const UTF_8: u16 = 0x80;

/// A cabinet that is to be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cabinet {
    /// Of the stream: what the table `Media` has behind the `#`.
    pub name: String,
    /// In the order of their sequence.
    pub files: Vec<CabinetFile>,
}

/// A file in a cabinet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CabinetFile {
    /// The key in the table `File`.
    pub key: String,
    /// In bytes.
    pub size: u64,
}

/// Spreads files over cabinets, in their order: as few of them as the format allows where `most` bytes are in each. A file
/// that is larger has a cabinet of its own. `name` gives the name of a cabinet from its number, from 1.
pub fn spread(files: Vec<CabinetFile>, most: u64, name: &dyn Fn(usize) -> String) -> Vec<Cabinet> {
    let most = most.min(LARGEST_FOLDER);
    let mut cabinets: Vec<Cabinet> = Vec::new();
    let mut filled = 0;
    for file in files {
        match cabinets.last_mut() {
            Some(cabinet) if cabinet.files.len() < MOST_FILES && file.size <= most.saturating_sub(filled) => {
                filled += file.size;
                cabinet.files.push(file);
            }
            _ => {
                filled = file.size;
                cabinets.push(Cabinet { name: name(cabinets.len() + 1), files: vec![file] });
            }
        }
    }
    cabinets
}

/// How cabinets are written.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    /// [`Level::Fast`], [`Level::Default`] and [`Level::Small`] are levels 1, 6 and 12 of libdeflate.
    pub level: Level,
    /// The same bytes for any number.
    pub threads: NonZeroUsize,
    /// The time of every file, in seconds since 1970-01-01 UTC.
    pub modified: u64,
}

/// Why a cabinet cannot be written or read.
#[derive(Debug, Error)]
pub enum CabinetError {
    /// The content of a file cannot be read.
    #[error("read the content of `{key}`")]
    Content {
        /// Of the file.
        key: String,
        /// Of the reader.
        source: io::Error,
    },
    /// A file has another size than was said.
    #[error("add `{key}` to the cabinet: it should have {expected} bytes and has {found}")]
    Size {
        /// Of the file.
        key: String,
        /// As it was given.
        expected: u64,
        /// How much there was to read; one more than expected where there was more.
        found: u64,
    },
    /// A file of 2 GiB or more.
    #[error("add `{key}` to the cabinet: it has {size} bytes, and Windows Installer takes files below 2 GiB")]
    LargeFile {
        /// Of the file.
        key: String,
        /// In bytes.
        size: u64,
    },
    /// More than 65,535 files, or 2 GiB of them.
    #[error("the cabinet `{name}` would be larger than the format allows")]
    Large {
        /// Of the cabinet.
        name: String,
    },
    /// A key that is empty, longer than 255 bytes, or has a zero byte.
    #[error("a file in a cabinet cannot have the key `{key}`")]
    Key {
        /// As it was given.
        key: String,
    },
    /// Of the writer.
    #[error("write the cabinet")]
    Write {
        /// What happened.
        source: io::Error,
    },
    /// Of the reader.
    #[error("read the cabinet")]
    Read {
        /// What happened.
        source: io::Error,
    },
    /// A part of it makes no sense.
    #[error("the cabinet is damaged: {problem}")]
    Damaged {
        /// What makes no sense.
        problem: &'static str,
    },
    /// Not MSZIP, and not stored.
    #[error("the cabinet is compressed with {method}, which is not read")]
    Method {
        /// `LZX`, `Quantum`.
        method: &'static str,
    },
}

fn damaged(problem: &'static str) -> CabinetError {
    CabinetError::Damaged { problem }
}

/// Gives the content of the file with a key.
pub type Open<'a> = dyn FnMut(&str) -> io::Result<Box<dyn Read>> + 'a;

/// Writes cabinets.
#[derive(Debug)]
pub(crate) struct Writer {
    workers: Workers<Job, Done>,
    moment: Moment,
}

impl Writer {
    pub(crate) fn new(packing: Packing) -> Self {
        let level = packing.level;
        Writer {
            workers: Workers::new(packing.threads, move || mszip::compressor(level)),
            moment: Moment::of(packing.modified),
        }
    }

    /// Writes a cabinet to the stream it shall be.
    pub(crate) fn write<W: Write + Seek>(
        &mut self,
        cabinet: &Cabinet,
        open: &mut Open<'_>,
        out: &mut StreamWriter<'_, W>,
    ) -> Result<(), CabinetError> {
        let head = self.head(cabinet)?;
        let write = |source| CabinetError::Write { source };
        out.write_all(&head).map_err(write)?;
        let mut size = head.len() as u64;
        let mut batch = Batch::default();
        let mut tickets: VecDeque<Ticket<Done>> = VecDeque::new();
        for file in &cabinet.files {
            let key = &file.key;
            let content = |source| CabinetError::Content { key: key.clone(), source };
            let mut reader = open(key).map_err(content)?;
            let mut found = 0;
            loop {
                if batch.bytes.len() == BATCH * BLOCK {
                    if tickets.len() >= self.workers.places()
                        && let Some(ticket) = tickets.pop_front()
                    {
                        size += take(ticket, out).map_err(write)?;
                    }
                    tickets.push_back(self.workers.submit(batch.job()).map_err(write)?);
                }
                // One byte more than promised, to see whether there is more.
                let wanted = (file.size - found + 1).min((BATCH * BLOCK - batch.bytes.len()) as u64);
                let length = batch.fill(&mut reader, wanted as usize).map_err(content)? as u64;
                found += length;
                if found > file.size || length < wanted {
                    break;
                }
            }
            if found != file.size {
                return Err(CabinetError::Size { key: key.clone(), expected: file.size, found });
            }
        }
        if !batch.bytes.is_empty() {
            tickets.push_back(self.workers.submit(batch.job()).map_err(write)?);
        }
        for ticket in tickets {
            size += take(ticket, out).map_err(write)?;
        }
        let size = u32::try_from(size).map_err(|_| CabinetError::Large { name: cabinet.name.clone() })?;
        out.patch(8, &size.to_le_bytes()).map_err(write)
    }

    /// The header, the folder and the files (\[MS-CAB\] 2.1 to 2.3). The size of the cabinet is left open.
    fn head(&self, cabinet: &Cabinet) -> Result<Vec<u8>, CabinetError> {
        let large = || CabinetError::Large { name: cabinet.name.clone() };
        let count = u16::try_from(cabinet.files.len()).map_err(|_| large())?;
        let mut files = Vec::new();
        let mut offset = 0_u64;
        for CabinetFile { key, size } in &cabinet.files {
            if *size > LARGEST_FOLDER {
                return Err(CabinetError::LargeFile { key: key.clone(), size: *size });
            }
            if !(1..=255).contains(&key.len()) || key.contains('\0') {
                return Err(CabinetError::Key { key: key.clone() });
            }
            files.extend_from_slice(&(*size as u32).to_le_bytes());
            files.extend_from_slice(&(offset as u32).to_le_bytes());
            let attributes = if key.is_ascii() { ARCHIVE } else { ARCHIVE | UTF_8 };
            for half in [0, self.moment.date, self.moment.time, attributes] {
                files.extend_from_slice(&half.to_le_bytes());
            }
            files.extend_from_slice(key.as_bytes());
            files.push(0);
            offset += size;
            if offset > LARGEST_FOLDER {
                return Err(large());
            }
        }
        let data = HEADER + FOLDER + files.len();
        let mut head = b"MSCF".to_vec();
        for word in [0, 0, 0, (HEADER + FOLDER) as u32, 0] {
            head.extend_from_slice(&word.to_le_bytes());
        }
        head.extend_from_slice(&[3, 1]);
        for half in [1, count, 0, 0, 0] {
            head.extend_from_slice(&half.to_le_bytes());
        }
        head.extend_from_slice(&(data as u32).to_le_bytes());
        head.extend_from_slice(&(offset.div_ceil(BLOCK as u64) as u16).to_le_bytes());
        head.extend_from_slice(&MSZIP.to_le_bytes());
        head.extend(files);
        Ok(head)
    }
}

/// Waits for blocks and writes them.
fn take(ticket: Ticket<Done>, out: &mut impl Write) -> io::Result<u64> {
    let blocks = ticket.wait()??;
    out.write_all(&blocks)?;
    Ok(blocks.len() as u64)
}

/// Bytes that wait until they are enough to be compressed.
#[derive(Default)]
struct Batch {
    before: Vec<u8>,
    bytes: Vec<u8>,
}

impl Batch {
    fn fill(&mut self, reader: &mut dyn Read, wanted: usize) -> io::Result<usize> {
        let begin = self.bytes.len();
        self.bytes.reserve_exact(BATCH * BLOCK - begin);
        reader.take(wanted as u64).read_to_end(&mut self.bytes)
    }

    fn job(&mut self) -> Job {
        let bytes = std::mem::take(&mut self.bytes);
        let tail = bytes[bytes.len().saturating_sub(BLOCK)..].to_vec();
        Job { before: std::mem::replace(&mut self.before, tail), bytes }
    }
}

struct Folder {
    offset: u64,
    blocks: u16,
    method: u16,
}

/// A file of a cabinet that is being read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Entry {
    /// The name, which is the key in the table `File`.
    pub(crate) key: String,
    /// In bytes.
    pub(crate) size: u64,
    folder: u16,
    offset: u64,
}

/// Reads every file of a cabinet, in the order of the data.
pub(crate) fn visit(
    reader: impl Read + Seek,
    act: &mut dyn FnMut(&Entry, &mut dyn Read) -> io::Result<()>,
) -> Result<(), CabinetError> {
    let mut reader = BufReader::with_capacity(1 << 17, reader);
    let (folders, reserved, mut entries) = read_head(&mut reader)?;
    entries.sort_by_key(|entry| (entry.folder, entry.offset, entry.size));
    let mut rest = entries.as_slice();
    while let Some(first) = rest.first() {
        let (same, after) = rest.split_at(rest.partition_point(|entry| entry.folder == first.folder));
        rest = after;
        let folder = folders.get(usize::from(first.folder));
        let folder = folder.ok_or(damaged("a file lies in a folder that it lacks, or goes on elsewhere"))?;
        match folder.method & 15 {
            0 | MSZIP => {}
            2 => return Err(CabinetError::Method { method: "Quantum" }),
            3 => return Err(CabinetError::Method { method: "LZX" }),
            _ => return Err(damaged("its method of compression is none that there is")),
        }
        reader.seek(SeekFrom::Start(folder.offset)).map_err(|source| CabinetError::Read { source })?;
        let mut content = FolderReader {
            reader: &mut reader,
            left: folder.blocks,
            reserved,
            decompressor: (folder.method & 15 == MSZIP).then(Decompressor::new),
            block: Vec::new(),
            within: 0,
            position: 0,
        };
        for entry in same {
            content.skip_to(entry.offset)?;
            let mut taken = (&mut content).take(entry.size);
            act(entry, &mut taken).map_err(CabinetError::of)?;
            content.skip_to(entry.offset + entry.size)?;
        }
    }
    Ok(())
}

impl CabinetError {
    /// What a reader of a folder has to say went through [`io::Error`].
    fn of(cause: io::Error) -> Self {
        match cause.downcast::<CabinetError>() {
            Ok(inner) => inner,
            Err(source) => CabinetError::Read { source },
        }
    }
}

type Head = (Vec<Folder>, usize, Vec<Entry>);

fn read_head(reader: &mut (impl BufRead + Seek)) -> Result<Head, CabinetError> {
    let read = |source| CabinetError::Read { source };
    let mut header = [0; HEADER];
    if read_full(reader, &mut header).map_err(read)? != HEADER || !header.starts_with(b"MSCF") {
        return Err(damaged("it has no header"));
    }
    let half = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
    let files_at = u32::from_le_bytes([header[16], header[17], header[18], header[19]]);
    let (folder_count, file_count, flags) = (half(26), half(28), half(30));
    let (mut folder_reserved, mut data_reserved) = (0, 0);
    if flags & 3 != 0 {
        return Err(damaged("it is one of a set"));
    }
    if flags & 4 != 0 {
        let mut sizes = [0; 4];
        reader.read_exact(&mut sizes).map_err(read)?;
        let header_reserved = i64::from(u16::from_le_bytes([sizes[0], sizes[1]]));
        (folder_reserved, data_reserved) = (i64::from(sizes[2]), usize::from(sizes[3]));
        reader.seek(SeekFrom::Current(header_reserved)).map_err(read)?;
    }
    let mut folders = Vec::new();
    for _ in 0..folder_count {
        let mut folder = [0; FOLDER];
        reader.read_exact(&mut folder).map_err(read)?;
        reader.seek(SeekFrom::Current(folder_reserved)).map_err(read)?;
        folders.push(Folder {
            offset: u64::from(u32::from_le_bytes([folder[0], folder[1], folder[2], folder[3]])),
            blocks: u16::from_le_bytes([folder[4], folder[5]]),
            method: u16::from_le_bytes([folder[6], folder[7]]),
        });
    }
    reader.seek(SeekFrom::Start(u64::from(files_at))).map_err(read)?;
    let mut entries = Vec::new();
    for _ in 0..file_count {
        let mut fixed = [0; 16];
        reader.read_exact(&mut fixed).map_err(read)?;
        let mut name = Vec::new();
        reader.by_ref().take(257).read_until(0, &mut name).map_err(read)?;
        if name.pop() != Some(0) {
            return Err(damaged("the name of a file has no end"));
        }
        let key = String::from_utf8(name).map_err(|_| damaged("the name of a file is not UTF-8"))?;
        if key.is_empty() {
            return Err(damaged("a file has no name"));
        }
        let word = |at: usize| {
            u64::from(u32::from_le_bytes([fixed[at], fixed[at + 1], fixed[at + 2], fixed[at + 3]]))
        };
        let folder = u16::from_le_bytes([fixed[8], fixed[9]]);
        entries.push(Entry { key, size: word(0), folder, offset: word(4) });
    }
    Ok((folders, data_reserved, entries))
}

/// The content of a folder.
struct FolderReader<'a, R> {
    reader: &'a mut R,
    left: u16,
    reserved: usize,
    decompressor: Option<Decompressor>,
    block: Vec<u8>,
    within: usize,
    position: u64,
}

impl<R: Read> FolderReader<'_, R> {
    fn next_block(&mut self) -> Result<(), CabinetError> {
        let Some(left) = self.left.checked_sub(1) else {
            return Err(damaged("its data ends before its files"));
        };
        self.left = left;
        let read = |source| CabinetError::Read { source };
        let mut header = [0; 8];
        self.reader.read_exact(&mut header).map_err(read)?;
        let sum = u32::from_le_bytes([header[0], header[1], header[2], header[3]]);
        let length = usize::from(u16::from_le_bytes([header[4], header[5]]));
        let size = usize::from(u16::from_le_bytes([header[6], header[7]]));
        let mut data = vec![0; self.reserved + length];
        self.reader.read_exact(&mut data).map_err(read)?;
        if sum != 0 && mszip::checksum(&header[4..], mszip::checksum(&data, 0)) != sum {
            return Err(damaged("the checksum of a block is wrong"));
        }
        data.drain(..self.reserved);
        self.block = match &mut self.decompressor {
            None if data.len() == size => data,
            Some(decompressor) if (1..=BLOCK).contains(&size) => {
                decompressor.block(&data, size).ok_or(damaged("a block cannot be decompressed"))?
            }
            _ => return Err(damaged("a block has an impossible size")),
        };
        self.within = 0;
        Ok(())
    }

    fn skip_to(&mut self, position: u64) -> Result<(), CabinetError> {
        let skip = position.checked_sub(self.position).ok_or(damaged("its files overlap"))?;
        let skipped = io::copy(&mut self.by_ref().take(skip), &mut io::sink()).map_err(CabinetError::of)?;
        if skipped == skip { Ok(()) } else { Err(damaged("its data ends before its files")) }
    }
}

impl<R: Read> Read for FolderReader<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.within == self.block.len() && !buffer.is_empty() {
            self.next_block().map_err(io::Error::other)?;
        }
        let length = buffer.len().min(self.block.len() - self.within);
        buffer[..length].copy_from_slice(&self.block[self.within..self.within + length]);
        self.within += length;
        self.position += length as u64;
        Ok(length)
    }
}
