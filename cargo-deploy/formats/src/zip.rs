//! zip archives whose bytes depend on their members alone, compressed by several threads, and their reader.
//!
//! Written after APPNOTE.TXT 6.3.10 (the .ZIP file format). Members are deflated in chunks of 1 MiB, many at a time
//! and a large one in several places at once, since the chunks are stitched into one deflate stream. A member of
//! up to one chunk that deflate does not shrink is stored; in a longer one deflate's own stored blocks do the same, at
//! 0.01 % of its size. zip64 records (4.3.14, 4.5.3) come only where a size, an offset or a count needs them.
//!
//! "Version made by" is Unix, so that the modes (0755 and 0644, 0777 for symlinks) are kept by unpackers on Unix. The
//! time is written as DOS time in UTC: zip has no time zone, and local time would differ between machines.
//! Names that are not ASCII are marked as UTF-8 (bit 11, 4.4.4). There are no extra fields but zip64's. The order is
//! the caller's.
//!
//! [`Level::Fast`] is libdeflate's level 1, [`Level::Default`] its level 6, [`Level::Small`] its level 12.

use std::collections::VecDeque;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;

use ::zip::result::ZipError as CauseOfReading;
use ::zip::{System, ZipArchive};
use flate2::Crc;
use thiserror::Error;

use crate::Level;
use crate::deflate::{CHUNK, Chunk, Compressed, chunk_compressor};
use crate::member::{Kind, Member, PathProblem, Paths, check_path, digest, name_text, read_full};
use crate::workers::{Ticket, Workers};

/// Why a zip archive cannot be written or read.
#[derive(Debug, Error)]
pub enum ZipError {
    /// The path of a member.
    #[error("add `{path}` to the archive: {problem}")]
    Path {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// The target of a symlink.
    #[error("add `{path}` to the archive: its link target is empty or contains a zero byte")]
    Target {
        /// The path of the link.
        path: String,
    },
    /// A file has another size than was said.
    #[error("add `{path}` to the archive: it should have {expected} bytes and has {found}")]
    Size {
        /// The path of the file.
        path: String,
        /// As it was given.
        expected: u64,
        /// How much there was to read; one more than expected where there was more.
        found: u64,
    },
    /// The content of a file cannot be read.
    #[error("read the content of `{path}`")]
    Content {
        /// The path of the file.
        path: String,
        /// Of the reader.
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error("write the archive")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
    /// The archive, or a member of it, cannot be read.
    #[error("read the archive")]
    Read {
        /// Of the reader.
        source: CauseOfReading,
    },
}

/// Writes an archive. Holds some MiB a thread, whatever the size of the members.
///
/// The writer must be at its start, and seekable: the header of a member longer than a chunk is completed when its
/// compressed size is known.
#[derive(Debug)]
#[must_use = "the archive is complete only after `finish`"]
pub struct Writer<W: Write + Seek> {
    inner: W,
    /// Where the next byte goes.
    offset: u64,
    moment: Moment,
    workers: Workers<Chunk, io::Result<Compressed>>,
    pending: VecDeque<Pending>,
    /// The member whose chunks are being written.
    open: Option<Open>,
    records: Vec<Record>,
    paths: Paths,
}

/// What will be written next.
#[derive(Debug)]
enum Pending {
    /// A member without compression.
    Stored { entry: Entry, content: Vec<u8> },
    /// A member of one chunk.
    Whole { entry: Entry, ticket: Ticket<io::Result<Compressed>> },
    /// The first of several chunks.
    First { entry: Entry, ticket: Ticket<io::Result<Compressed>> },
    /// Another chunk of the same member.
    Next { ticket: Ticket<io::Result<Compressed>>, last: bool },
}

/// What is known of a member before its content.
#[derive(Debug)]
struct Entry {
    /// Directories end with a slash.
    name: String,
    /// Type and permissions as Unix has them in `st_mode`.
    mode: u32,
    size: u64,
}

#[derive(Debug)]
struct Open {
    record: Record,
    crc: Crc,
}

/// What the central directory says of a member (APPNOTE 4.3.12).
#[derive(Debug)]
struct Record {
    entry: Entry,
    method: u16,
    crc: u32,
    compressed: u64,
    offset: u64,
}

const STORED: u16 = 0;
const DEFLATED: u16 = 8;
/// In a field of 32 bits: look at the zip64 field.
const MAX32: u64 = 0xffff_ffff;
/// The same for 16 bits.
const MAX16: u64 = 0xffff;

impl<W: Write + Seek> Writer<W> {
    /// `modified` is the time of every member, in seconds since 1970-01-01 UTC; zip knows even seconds of the years 1980 to
    /// 2107. Up to `threads` threads compress.
    pub fn new(inner: W, modified: u64, level: Level, threads: NonZeroUsize) -> Self {
        Writer {
            inner,
            offset: 0,
            moment: Moment::of(modified),
            workers: Workers::new(threads, move || chunk_compressor(level)),
            pending: VecDeque::new(),
            open: None,
            records: Vec::new(),
            paths: Paths::default(),
        }
    }

    /// Adds a file of `size` bytes. It is an error if `content` has less or more.
    ///
    /// Paths are relative, with forward slashes, without `.` and `..` and without backslashes and colons.
    pub fn file(
        &mut self,
        path: &str,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), ZipError> {
        self.accept(path)?;
        let mode = if executable { 0o100_755 } else { 0o100_644 };
        let mut entry = Some(Entry { name: path.to_owned(), mode, size });
        let mut read = 0;
        loop {
            let due = (size - read).min(CHUNK as u64) as usize;
            let mut bytes = vec![0; due];
            let length = read_full(content, &mut bytes)
                .map_err(|source| ZipError::Content { path: path.to_owned(), source })?;
            read += length as u64;
            if length < due {
                return Err(ZipError::Size { path: path.to_owned(), expected: size, found: read });
            }
            let last = read == size;
            if last {
                let more = read_full(content, &mut [0])
                    .map_err(|source| ZipError::Content { path: path.to_owned(), source })?;
                if more != 0 {
                    return Err(ZipError::Size { path: path.to_owned(), expected: size, found: size + 1 });
                }
            }
            if size == 0 {
                if let Some(entry) = entry.take() {
                    self.queue(|_| Ok(Pending::Stored { entry, content: Vec::new() }))?;
                }
                return Ok(());
            }
            let begun = entry.take();
            self.queue(|workers| {
                let ticket = workers.submit(Chunk { bytes, last })?;
                Ok(match begun {
                    Some(entry) if last => Pending::Whole { entry, ticket },
                    Some(entry) => Pending::First { entry, ticket },
                    None => Pending::Next { ticket, last },
                })
            })?;
            if last {
                return Ok(());
            }
        }
    }

    /// Adds a directory.
    pub fn directory(&mut self, path: &str) -> Result<(), ZipError> {
        let plain = path.strip_suffix('/').unwrap_or(path);
        self.accept(plain)?;
        let entry = Entry { name: format!("{plain}/"), mode: 0o040_755, size: 0 };
        self.queue(|_| Ok(Pending::Stored { entry, content: Vec::new() }))
    }

    /// Adds a symlink. `target` is not looked at: it may be absolute or lead outside.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), ZipError> {
        self.accept(path)?;
        if target.is_empty() || target.contains('\0') {
            return Err(ZipError::Target { path: path.to_owned() });
        }
        let entry = Entry { name: path.to_owned(), mode: 0o120_777, size: target.len() as u64 };
        self.queue(|_| Ok(Pending::Stored { entry, content: target.as_bytes().to_vec() }))
    }

    /// Compresses what is left, writes the central directory and gives the writer back, unflushed.
    pub fn finish(mut self) -> Result<W, ZipError> {
        while !self.pending.is_empty() {
            self.write_next()?;
        }
        self.write_directory().map_err(|source| ZipError::Write { source })?;
        Ok(self.inner)
    }

    fn accept(&mut self, path: &str) -> Result<(), ZipError> {
        let allowed = || match path {
            _ if path.contains(['\\', ':']) => Err(PathProblem::Windows),
            // A directory gets a slash more.
            _ if path.len() as u64 >= MAX16 => Err(PathProblem::Long),
            _ => Ok(()),
        };
        check_path(path)
            .and_then(|()| allowed())
            .and_then(|()| self.paths.insert(path))
            .map_err(|problem| ZipError::Path { path: path.to_owned(), problem })
    }

    fn queue(
        &mut self,
        pending: impl FnOnce(&mut Workers<Chunk, io::Result<Compressed>>) -> io::Result<Pending>,
    ) -> Result<(), ZipError> {
        while self.pending.len() >= self.workers.places() {
            self.write_next()?;
        }
        let pending = pending(&mut self.workers).map_err(|source| ZipError::Write { source })?;
        self.pending.push_back(pending);
        Ok(())
    }

    fn write_next(&mut self) -> Result<(), ZipError> {
        let Some(pending) = self.pending.pop_front() else { return Ok(()) };
        self.write_pending(pending).map_err(|source| ZipError::Write { source })
    }

    fn write_pending(&mut self, pending: Pending) -> io::Result<()> {
        match pending {
            Pending::Stored { entry, content } => self.write_member(entry, STORED, &content, &content),
            Pending::Whole { entry, ticket } => {
                let Compressed { input, bytes, .. } = ticket.wait()??;
                if bytes.len() < input.len() {
                    self.write_member(entry, DEFLATED, &input, &bytes)
                } else {
                    self.write_member(entry, STORED, &input, &input)
                }
            }
            Pending::First { entry, ticket } => {
                let record = Record { entry, method: DEFLATED, crc: 0, compressed: 0, offset: self.offset };
                // Completed behind the last chunk.
                self.write(&record.local_header(self.moment))?;
                self.open = Some(Open { record, crc: Crc::new() });
                self.write_chunk(ticket, false)
            }
            Pending::Next { ticket, last } => self.write_chunk(ticket, last),
        }
    }

    fn write_member(&mut self, entry: Entry, method: u16, content: &[u8], bytes: &[u8]) -> io::Result<()> {
        let mut crc = Crc::new();
        crc.update(content);
        let compressed = bytes.len() as u64;
        let record = Record { entry, method, crc: crc.sum(), compressed, offset: self.offset };
        self.write(&record.local_header(self.moment))?;
        self.write(bytes)?;
        self.records.push(record);
        Ok(())
    }

    fn write_chunk(&mut self, ticket: Ticket<io::Result<Compressed>>, last: bool) -> io::Result<()> {
        let Compressed { bytes, crc, .. } = ticket.wait()??;
        self.write(&bytes)?;
        let Some(mut open) = self.open.take() else { return Ok(()) };
        open.crc.combine(&crc);
        open.record.compressed += bytes.len() as u64;
        if !last {
            self.open = Some(open);
            return Ok(());
        }
        let Open { mut record, crc } = open;
        record.crc = crc.sum();
        self.inner.seek(SeekFrom::Start(record.offset))?;
        self.inner.write_all(&record.local_header(self.moment))?;
        self.inner.seek(SeekFrom::Start(self.offset))?;
        self.records.push(record);
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.inner.write_all(bytes)?;
        self.offset += bytes.len() as u64;
        Ok(())
    }

    fn write_directory(&mut self) -> io::Result<()> {
        let start = self.offset;
        for record in std::mem::take(&mut self.records) {
            self.write(&record.central_header(self.moment))?;
            self.records.push(record);
        }
        let end = end_records(self.records.len() as u64, start, self.offset - start);
        self.write(&end)
    }
}

impl Record {
    /// Whether the local header needs zip64: known before the content, since its length is.
    fn is_large(&self) -> bool {
        // What deflate can make of incompressible content is well below a tenth more.
        self.entry.size.saturating_add(self.entry.size / 16) >= MAX32
    }

    fn version_needed(&self, zip64: bool) -> u16 {
        // APPNOTE 4.4.3.2.
        match self.method {
            _ if zip64 => 45,
            STORED if !self.entry.name.ends_with('/') => 10,
            _ => 20,
        }
    }

    fn flags(&self) -> u16 {
        if self.entry.name.is_ascii() { 0 } else { 1 << 11 }
    }

    /// APPNOTE 4.3.7.
    fn local_header(&self, moment: Moment) -> Vec<u8> {
        let large = self.is_large();
        let mut header = Vec::new();
        header.extend(0x0403_4b50u32.to_le_bytes());
        header.extend(self.version_needed(large).to_le_bytes());
        self.common(&mut header, moment);
        let extra = if large { zip64_field(&[self.entry.size, self.compressed]) } else { Vec::new() };
        let sizes = if large { [MAX32; 2] } else { [self.compressed, self.entry.size] };
        for size in sizes {
            header.extend((size as u32).to_le_bytes());
        }
        header.extend((self.entry.name.len() as u16).to_le_bytes());
        header.extend((extra.len() as u16).to_le_bytes());
        header.extend(self.entry.name.as_bytes());
        header.extend(extra);
        header
    }

    /// APPNOTE 4.3.12.
    fn central_header(&self, moment: Moment) -> Vec<u8> {
        let fields = [self.entry.size, self.compressed, self.offset];
        let large: Vec<u64> = fields.iter().copied().filter(|field| *field >= MAX32).collect();
        let zip64 = !large.is_empty() || self.is_large();
        let extra = if large.is_empty() { Vec::new() } else { zip64_field(&large) };
        let short = |field: u64| (field.min(MAX32) as u32).to_le_bytes();
        let mut header = Vec::new();
        header.extend(0x0201_4b50u32.to_le_bytes());
        // Made by: the same version of the specification, on Unix (4.4.2).
        header.push(self.version_needed(zip64).max(20) as u8);
        header.push(3);
        header.extend(self.version_needed(zip64).to_le_bytes());
        self.common(&mut header, moment);
        header.extend(short(self.compressed));
        header.extend(short(self.entry.size));
        header.extend((self.entry.name.len() as u16).to_le_bytes());
        header.extend((extra.len() as u16).to_le_bytes());
        // No comment, first disk, no internal attributes.
        header.extend([0; 6]);
        // The mode in the upper half as Unix has it, and DOS's mark of a directory (4.4.15).
        let directory = if self.entry.name.ends_with('/') { 0x10 } else { 0 };
        header.extend((self.entry.mode << 16 | directory).to_le_bytes());
        header.extend(short(self.offset));
        header.extend(self.entry.name.as_bytes());
        header.extend(extra);
        header
    }

    fn common(&self, header: &mut Vec<u8>, moment: Moment) {
        header.extend(self.flags().to_le_bytes());
        header.extend(self.method.to_le_bytes());
        header.extend(moment.time.to_le_bytes());
        header.extend(moment.date.to_le_bytes());
        header.extend(self.crc.to_le_bytes());
    }
}

/// APPNOTE 4.5.3.
fn zip64_field(values: &[u64]) -> Vec<u8> {
    let mut field = Vec::new();
    field.extend(1u16.to_le_bytes());
    field.extend((values.len() as u16 * 8).to_le_bytes());
    for value in values {
        field.extend(value.to_le_bytes());
    }
    field
}

/// What follows the central directory: APPNOTE 4.3.14 to 4.3.16.
fn end_records(count: u64, start: u64, length: u64) -> Vec<u8> {
    let mut end = Vec::new();
    if count >= MAX16 || start >= MAX32 || length >= MAX32 {
        end.extend(0x0606_4b50u32.to_le_bytes());
        // The size of what follows of this record.
        end.extend(44u64.to_le_bytes());
        end.extend([45, 3, 45, 0]);
        end.extend([0; 8]);
        for value in [count, count, length, start] {
            end.extend(value.to_le_bytes());
        }
        end.extend(0x0706_4b50u32.to_le_bytes());
        end.extend([0; 4]);
        end.extend((start + length).to_le_bytes());
        end.extend(1u32.to_le_bytes());
    }
    end.extend(0x0605_4b50u32.to_le_bytes());
    end.extend([0; 4]);
    for _ in 0..2 {
        end.extend((count.min(MAX16) as u16).to_le_bytes());
    }
    end.extend((length.min(MAX32) as u32).to_le_bytes());
    end.extend((start.min(MAX32) as u32).to_le_bytes());
    end.extend([0; 2]);
    end
}

/// A time as DOS has it (APPNOTE 4.4.6): in steps of two seconds, from 1980 to 2107. Cabinets have it too.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Moment {
    pub(crate) date: u16,
    pub(crate) time: u16,
}

impl Moment {
    pub(crate) fn of(seconds: u64) -> Self {
        const FIRST: u64 = 315_532_800;
        const LAST: u64 = 4_354_819_198;
        let seconds = seconds.clamp(FIRST, LAST);
        let (year, month, day) = date_of(seconds / 86_400);
        let second = seconds % 86_400;
        Moment {
            date: ((year - 1980) << 9 | month << 5 | day) as u16,
            time: ((second / 3600) << 11 | (second / 60 % 60) << 5 | ((second % 60) / 2)) as u16,
        }
    }
}

/// The year, month and day of a number of days since 1970-01-01, in the Gregorian calendar.
fn date_of(days: u64) -> (u64, u64, u64) {
    // Counted from 0000-03-01, so that the leap day is the last of a year; 400 years have 146,097 days.
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

/// The inverse of [`date_of`].
fn days_of(year: u64, month: u64, day: u64) -> u64 {
    let year = year - u64::from(month <= 2);
    let (era, year_of_era) = (year / 400, year % 400);
    let month = if month > 2 { month - 3 } else { month + 9 };
    let day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + (153 * month + 2) / 5 + day - 1;
    (era * 146_097 + day_of_era).saturating_sub(719_468)
}

/// What an archive holds, in the order of its central directory. The content of every file is read and checked.
pub fn list(reader: impl Read + Seek) -> Result<Vec<Member>, ZipError> {
    let mut members = Vec::new();
    visit(reader, |member, content| {
        let mut member = member.clone();
        if member.kind == Kind::File {
            let (_, sha256) = digest(content)?;
            member.sha256 = Some(sha256);
        }
        members.push(member);
        Ok(())
    })?;
    Ok(members)
}

/// No link target we follow is longer.
const LONGEST_TARGET: u64 = 1 << 16;

/// Goes through an archive in the order of its central directory. `act` gets each member with its content, of which
/// it may read as much as it likes; an error it returns ends the visit as [`ZipError::Content`]. The digest of the
/// members is not known yet, so `sha256` is `None`. Read are stored and deflated members, without encryption.
pub fn visit(
    reader: impl Read + Seek,
    mut act: impl FnMut(&Member, &mut dyn Read) -> io::Result<()>,
) -> Result<(), ZipError> {
    let wrong = |source| ZipError::Read { source };
    let mut archive = ZipArchive::new(reader).map_err(wrong)?;
    for index in 0..archive.len() {
        let mut file = archive.by_index(index).map_err(wrong)?;
        let name = name_text(file.name_raw());
        let name = file.name().map(|name| name.into_owned()).unwrap_or(name);
        let path = name.strip_suffix('/').unwrap_or(&name).to_owned();
        let broken = |source| ZipError::Content { path: path.clone(), source };
        let kind = if file.is_dir() {
            Kind::Directory
        } else if file.is_symlink() {
            let mut target = Vec::new();
            file.by_ref().take(LONGEST_TARGET).read_to_end(&mut target).map_err(broken)?;
            Kind::Symlink { target: name_text(&target) }
        } else {
            Kind::File
        };
        let modified = file.last_modified().map_or(0, |moment| {
            let days = days_of(moment.year().into(), moment.month().into(), moment.day().into());
            let hours = days * 24 + u64::from(moment.hour());
            (hours * 60 + u64::from(moment.minute())) * 60 + u64::from(moment.second())
        });
        // Where it was not made on Unix, the reader would make up a mode from the attributes of DOS.
        let mode = (file.system() == System::Unix).then(|| file.external_attributes() >> 16 & 0o7777);
        let member = Member {
            path: path.clone(),
            mode,
            size: if kind == Kind::File { file.size() } else { 0 },
            kind,
            sha256: None,
            modified,
            owner: None,
        };
        act(&member, &mut file).map_err(broken)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::sample::{Random, incompressible, mixed, text};

    fn two() -> NonZeroUsize {
        NonZeroUsize::new(2).unwrap()
    }

    fn writer(modified: u64) -> Writer<Cursor<Vec<u8>>> {
        Writer::new(Cursor::new(Vec::new()), modified, Level::Default, two())
    }

    fn finished(writer: Writer<Cursor<Vec<u8>>>) -> Vec<u8> {
        writer.finish().unwrap().into_inner()
    }

    fn example() -> Vec<u8> {
        let mut writer = writer(1_700_000_001);
        writer.directory("app").unwrap();
        writer.file("app/run", true, 5, &mut &b"hello"[..]).unwrap();
        writer.file("app/empty", false, 0, &mut io::empty()).unwrap();
        writer.file("app/größe.txt", false, 3000, &mut &text(1, 3000)[..]).unwrap();
        writer.symlink("app/latest", "run").unwrap();
        finished(writer)
    }

    #[test]
    fn what_was_written_is_read_back() {
        let members = list(Cursor::new(example())).unwrap();
        let lines: Vec<String> = members
            .iter()
            .map(|member| {
                let digest =
                    member.sha256.map_or(String::new(), |sha| format!("{:02x}{:02x}", sha[0], sha[1]));
                let mode = member.mode.unwrap();
                format!(
                    "{mode:o} {} {} {digest} {} {:?}",
                    member.size, member.modified, member.path, member.kind
                )
            })
            .collect();
        let text_digest = digest(&mut &text(1, 3000)[..]).unwrap().1;
        assert_eq!(
            lines,
            [
                "755 0 1700000000  app Directory".to_owned(),
                "755 5 1700000000 2cf2 app/run File".to_owned(),
                "644 0 1700000000 e3b0 app/empty File".to_owned(),
                format!(
                    "644 3000 1700000000 {:02x}{:02x} app/größe.txt File",
                    text_digest[0], text_digest[1]
                ),
                "777 0 1700000000  app/latest Symlink { target: \"run\" }".to_owned(),
            ]
        );
    }

    #[test]
    fn the_bytes_are_those_of_the_specification() {
        let mut writer = writer(1_700_000_000);
        writer.file("a", true, 2, &mut &b"hi"[..]).unwrap();
        let archive = finished(writer);
        // 2023-11-14 22:13:20 is 43 << 9 | 11 << 5 | 14 and 22 << 11 | 13 << 5 | 10; the CRC of "hi" is d8932aac.
        let expected = "504b0304 0a00 0000 0000 aab1 6e57 ac2a93d8 02000000 02000000 0100 0000 61 6869 \
                        504b0102 1403 0a00 0000 0000 aab1 6e57 ac2a93d8 02000000 02000000 0100 0000 \
                        0000 0000 0000 0000ed81 00000000 61 \
                        504b0506 0000 0000 0100 0100 2f000000 21000000 0000";
        let hex: String = archive.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(hex, expected.split_whitespace().collect::<String>());
    }

    #[test]
    fn members_longer_than_a_chunk_are_one_stream() {
        for size in [CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 7 * CHUNK + 5] {
            let large = mixed(size as u64, size);
            let mut writer = writer(0);
            writer.file("before", false, 9, &mut &b"123456789"[..]).unwrap();
            writer.file("large", false, size as u64, &mut &large[..]).unwrap();
            writer.file("after", false, 9, &mut &b"987654321"[..]).unwrap();
            let archive = finished(writer);
            assert!(archive.len() < size);
            let members = list(Cursor::new(&archive)).unwrap();
            let sizes: Vec<u64> = members.iter().map(|member| member.size).collect();
            assert_eq!(sizes, [9, size as u64, 9]);
            assert_eq!(members[1].sha256, Some(digest(&mut &large[..]).unwrap().1));
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_the_number_of_threads() {
        let packed = |threads: usize| {
            let threads = NonZeroUsize::new(threads).unwrap();
            let mut writer = Writer::new(Cursor::new(Vec::new()), 0, Level::Fast, threads);
            for seed in 0..60u64 {
                let content = mixed(seed, (seed * seed * 700) as usize);
                let size = content.len() as u64;
                writer.file(&format!("f{seed}"), false, size, &mut &content[..]).unwrap();
            }
            writer.finish().unwrap().into_inner()
        };
        let one = packed(1);
        assert!(packed(2) == one);
        assert!(packed(5) == one);
    }

    #[test]
    fn what_deflate_does_not_shrink_is_stored() {
        let noise = incompressible(1, 10_000);
        let mut writer = writer(0);
        writer.file("noise", false, 10_000, &mut &noise[..]).unwrap();
        writer.file("text", false, 10_000, &mut &text(1, 10_000)[..]).unwrap();
        let mut archive = ZipArchive::new(Cursor::new(finished(writer))).unwrap();
        assert_eq!(archive.by_index(0).unwrap().compression(), ::zip::CompressionMethod::Stored);
        assert_eq!(archive.by_index(1).unwrap().compression(), ::zip::CompressionMethod::Deflated);
    }

    #[test]
    fn times_are_utc_and_clamped_to_what_zip_knows() {
        let table = [
            (0, "1980-01-01 00:00:00"),
            (315_532_800, "1980-01-01 00:00:00"),
            (951_782_399, "2000-02-28 23:59:58"),
            (951_782_400, "2000-02-29 00:00:00"),
            (951_868_800, "2000-03-01 00:00:00"),
            (1_735_689_599, "2024-12-31 23:59:58"),
            (4_102_444_800, "2100-01-01 00:00:00"),
            (4_107_542_400, "2100-03-01 00:00:00"),
            (4_354_819_199, "2107-12-31 23:59:58"),
            (u64::MAX, "2107-12-31 23:59:58"),
        ];
        for (seconds, expected) in table {
            let Moment { date, time } = Moment::of(seconds);
            let shown = format!(
                "{}-{:02}-{:02} {:02}:{:02}:{:02}",
                1980 + (date >> 9),
                date >> 5 & 15,
                date & 31,
                time >> 11,
                time >> 5 & 63,
                (time & 31) * 2
            );
            assert_eq!(shown, expected, "{seconds}");
        }
        for days in (3652..50_000).step_by(17) {
            let (year, month, day) = date_of(days);
            assert_eq!(days_of(year, month, day), days);
        }
    }

    #[test]
    fn zip64_comes_where_a_number_is_too_large() {
        let record = |size: u64, compressed: u64, offset: u64| Record {
            entry: Entry { name: "a".to_owned(), mode: 0o100_644, size },
            method: DEFLATED,
            crc: 0,
            compressed,
            offset,
        };
        let moment = Moment::of(0);
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();

        let small = record(MAX32 / 2, 7, MAX32 - 1);
        assert_eq!(small.local_header(moment).len(), 31);
        assert_eq!(small.central_header(moment).len(), 47);

        let large = record(5 << 32, 7, 1 << 32);
        let local = hex(&large.local_header(moment));
        assert_eq!(&local[8..12], "2d00");
        assert_eq!(&local[36..52], "ffffffffffffffff");
        assert_eq!(
            &local[60..],
            "61010010000000000005000000\
0700000000000000"
        );
        let central = hex(&large.central_header(moment));
        assert_eq!(&central[8..16], "2d032d00");
        assert_eq!(&central[40..56], "07000000ffffffff");
        assert_eq!(
            &central[84..],
            "ffffffff61010010000000000005000000\
0000000001000000"
        );

        // Only the offset is too large: the local header knows nothing of it.
        let far = record(3, 3, 1 << 32);
        assert_eq!(far.local_header(moment).len(), 31);
        assert_eq!(hex(&far.central_header(moment)[46..]), "61010008000000000001000000");

        assert_eq!(end_records(65_534, 0, 0).len(), 22);
        let end = end_records(65_535, 0x1_0000_0000, 9);
        assert_eq!(
            hex(&end),
            "504b06062c000000000000002d032d000000000000000000ffff000000000000ffff0000000000000900000000000000\
0000000001000000504b0607000000000900000001000000\
01000000504b050600000000ffffffff09000000ffffffff0000"
        );
    }

    #[test]
    fn more_members_than_sixteen_bits_count_are_read_back() {
        let mut writer = writer(0);
        for index in 0..65_540 {
            writer.directory(&format!("{index}")).unwrap();
        }
        let members = list(Cursor::new(finished(writer))).unwrap();
        assert_eq!(members.len(), 65_540);
        assert_eq!(members[65_539].path, "65539");
    }

    #[test]
    fn a_size_that_is_not_the_promised_one_is_an_error() {
        for (size, content) in
            [(3usize, 2usize), (3, 4), (0, 1), (1, 0), (CHUNK, CHUNK + 1), (2 * CHUNK, CHUNK)]
        {
            let content = vec![1; content];
            let error = writer(0).file("a", false, size as u64, &mut &content[..]).unwrap_err();
            let found = content.len();
            assert_eq!(
                error.to_string(),
                format!("add `a` to the archive: it should have {size} bytes and has {found}")
            );
        }
    }

    #[test]
    fn paths_that_would_surprise_are_refused() {
        let table = [
            ("", "it is empty"),
            ("/a", "it is absolute"),
            ("../b", "it has a `.` or `..` component"),
            ("./b", "it has a `.` or `..` component"),
            ("a\\b", "it contains a backslash or a colon, which means something else on Windows"),
            ("c:b", "it contains a backslash or a colon, which means something else on Windows"),
            ("old", "the archive has a member of this path already"),
        ];
        for (path, problem) in table {
            let mut writer = writer(0);
            writer.directory("old").unwrap();
            let error = writer.file(path, false, 0, &mut io::empty()).unwrap_err();
            assert_eq!(error.to_string(), format!("add `{path}` to the archive: {problem}"));
        }
        assert!(matches!(writer(0).symlink("a", ""), Err(ZipError::Target { .. })));
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let archive = example();
        for length in 0..archive.len() {
            assert!(list(Cursor::new(&archive[..length])).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn damaged_archives_do_no_harm() {
        let archive = example();
        let mut random = Random::new(1);
        for _ in 0..5000 {
            let mut damaged = archive.clone();
            for _ in 0..1 + random.below(3) {
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
            }
            let _ = list(Cursor::new(&damaged));
        }
    }

    #[test]
    fn an_archive_without_unix_modes_has_none() {
        let mut archive = example();
        let text = archive.clone();
        let places = text.windows(4).enumerate().filter(|(_, window)| *window == b"PK\x01\x02");
        for (place, _) in places {
            archive[place + 5] = 0;
        }
        let members = list(Cursor::new(archive)).unwrap();
        assert!(members.iter().all(|member| member.mode.is_none()));
    }
}
