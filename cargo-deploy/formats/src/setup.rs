//! setup.exe: the program that installs, and behind it a container with the files of an application and the description of
//! how it is installed. What both mean stands with the program, in [`deploy_setup_stub`].
//!
//! Each file is cut where its content says so (after [`SHORTEST`] bytes at the earliest, at [`LONGEST`] at the latest), and
//! each piece is compressed by itself. A change in the middle of a file changes the pieces around it, and what follows has
//! the same bytes as before, at another place: an updater that looks for bytes it has already finds nearly all of them.
//!
//! Pieces of programs go through the filter of liblzma for their processor first.
//!
//! | level | preset of `xz` | dictionary |
//! |---|---|---|
//! | [`Level::Fast`] | 1 | 1 MiB |
//! | [`Level::Default`] | 6 | 8 MiB |
//! | [`Level::Small`] | 9, extreme | 8 MiB |

use std::collections::VecDeque;
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;
use std::ops::Range;

use deploy_setup_stub::container::{
    ALIGNMENT, DICTIONARY, HEADER, Header, LONGEST_DESCRIPTION, PROGRAM_HEADERS, program_end,
};
use deploy_setup_stub::description::{Block, Description, File, Filter, SCHEMA};
use liblzma::stream::{Action, Filters, LzmaOptions, Status, Stream};
use liblzma::write::XzEncoder;
use sha2::{Digest as _, Sha256};
use thiserror::Error;

use crate::Level;
use crate::member::{PathProblem, Paths, check_path, read_full};
use crate::workers::{Ticket, Workers};

/// How many bytes a piece of a file has at least, unless the file ends.
pub const SHORTEST: usize = 1 << 20;

/// How many bytes a piece of a file has at most.
pub const LONGEST: usize = DICTIONARY as usize;

/// Why a setup.exe could not be written or read.
#[derive(Debug, Error)]
pub enum SetupError {
    /// The program that comes first is none, is signed already, or has something behind it.
    #[error("use the program: it is no bare program for Windows")]
    Program,
    /// A path that cannot be installed.
    #[error("take in {path}: {problem}")]
    Path {
        /// The path.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// The description names a file that is not there.
    #[error("describe the installation: it names {path}, which is not among the files")]
    Unknown {
        /// The path.
        path: String,
    },
    /// The description is longer than a container can hold.
    #[error("describe the installation: the description is too long")]
    Description,
    /// The content of a file could not be read.
    #[error("read the content of {path}")]
    Content {
        /// The path.
        path: String,
        /// What went wrong.
        source: io::Error,
    },
    /// The file could not be written.
    #[error("write the setup.exe")]
    Write {
        /// What went wrong.
        source: io::Error,
    },
    /// The file could not be read.
    #[error("read the setup.exe")]
    Read {
        /// What went wrong.
        source: io::Error,
    },
    /// It is no setup.exe of ours.
    #[error("find a container: there is none behind the program")]
    NoContainer,
    /// It does not hold together.
    #[error("read the container: {what}")]
    Damaged {
        /// What does not.
        what: String,
    },
}

impl SetupError {
    fn damaged(what: impl Into<String>) -> SetupError {
        SetupError::Damaged { what: what.into() }
    }
}

/// A piece of a file on its way through the compressor.
struct Job {
    bytes: Vec<u8>,
    filter: Filter,
}

/// A piece that waits for its place in the file.
struct Pending {
    /// The file's number.
    number: usize,
    /// The piece's length before it was compressed.
    length: u32,
    ticket: Ticket<io::Result<Vec<u8>>>,
}

/// Writes a setup.exe: the program, the files in the order in which they come, the description.
#[must_use = "the file is complete only after `finish`"]
pub struct Writer<W: Write + Seek> {
    out: W,
    /// Where the container begins in the file.
    start: u64,
    /// Where the next piece begins in the container.
    place: u64,
    workers: Workers<Job, io::Result<Vec<u8>>>,
    /// The pieces under way.
    pending: VecDeque<Pending>,
    files: Vec<File>,
    paths: Paths,
    level: Level,
}

impl<W: Write + Seek> Writer<W> {
    /// Begins a setup.exe with its program: with its icon and all, unsigned. Up to `threads` threads compress.
    pub fn new(mut out: W, program: &[u8], level: Level, threads: NonZeroUsize) -> Result<Self, SetupError> {
        let start = program_end(program).ok_or(SetupError::Program)?;
        let length = program.len() as u64;
        if length > start || start - length >= ALIGNMENT || certificates(program)?.is_some() {
            return Err(SetupError::Program);
        }
        let failed = |source| SetupError::Write { source };
        out.write_all(program).map_err(failed)?;
        let padding = usize::try_from(start - length).unwrap_or(0) + HEADER;
        out.write_all(&vec![0; padding]).map_err(failed)?;
        let workers =
            Workers::new(threads, move || Box::new(move |job: Job| compress(&job.bytes, job.filter, level)));
        Ok(Writer {
            out,
            start,
            place: HEADER as u64,
            workers,
            pending: VecDeque::new(),
            files: Vec::new(),
            paths: Paths::default(),
            level,
        })
    }

    /// Adds a file with everything that `content` gives.
    pub fn file(&mut self, path: &str, content: &mut dyn Read) -> Result<(), SetupError> {
        let problem = |problem| SetupError::Path { path: path.to_owned(), problem };
        check_path(path).map_err(problem)?;
        if path.contains(['\\', ':']) {
            return Err(problem(PathProblem::Windows));
        }
        // Windows has one name in capitals and small letters.
        self.paths.insert(&path.to_lowercase()).map_err(problem)?;
        let number = self.files.len();
        self.files.push(File {
            path: path.to_owned(),
            size: 0,
            sha256: String::new(),
            filter: Filter::None,
            blocks: Vec::new(),
        });
        let mut digest = Sha256::new();
        let mut size = 0;
        let mut rest: Vec<u8> = Vec::new();
        loop {
            let filled = rest.len();
            rest.resize(LONGEST, 0);
            let read = read_full(content, &mut rest[filled..])
                .map_err(|source| SetupError::Content { path: path.to_owned(), source })?;
            rest.truncate(filled + read);
            if rest.is_empty() {
                break;
            }
            if size == 0 {
                self.files[number].filter = filter_of(&rest);
            }
            let behind = rest.split_off(cut(&rest));
            digest.update(&rest);
            size += rest.len() as u64;
            let piece = std::mem::replace(&mut rest, behind);
            self.submit(number, piece)?;
        }
        self.files[number].size = size;
        self.files[number].sha256 = hex(&digest.finalize());
        Ok(())
    }

    fn submit(&mut self, number: usize, bytes: Vec<u8>) -> Result<(), SetupError> {
        while self.pending.len() >= self.workers.places() {
            self.write_one()?;
        }
        let length = u32::try_from(bytes.len()).unwrap_or(u32::MAX);
        let filter = self.files[number].filter;
        let ticket =
            self.workers.submit(Job { bytes, filter }).map_err(|source| SetupError::Write { source })?;
        self.pending.push_back(Pending { number, length, ticket });
        Ok(())
    }

    fn write_one(&mut self) -> Result<(), SetupError> {
        let Some(Pending { number, length, ticket }) = self.pending.pop_front() else { return Ok(()) };
        let failed = |source| SetupError::Write { source };
        let packed = ticket.wait().and_then(|packed| packed).map_err(failed)?;
        let block = self.append(&packed, length)?;
        self.files[number].blocks.push(block);
        Ok(())
    }

    fn append(&mut self, packed: &[u8], length: u32) -> Result<Block, SetupError> {
        self.out.write_all(packed).map_err(|source| SetupError::Write { source })?;
        let block = Block(self.place, u32::try_from(packed.len()).unwrap_or(u32::MAX), length);
        self.place += packed.len() as u64;
        Ok(block)
    }

    /// Writes what is left and gives the writer back, unflushed. `description` is without files; those that were added are
    /// put in.
    pub fn finish(mut self, mut description: Description) -> Result<W, SetupError> {
        while !self.pending.is_empty() {
            self.write_one()?;
        }
        description.schema = SCHEMA;
        description.files = std::mem::take(&mut self.files);
        check_names(&description)?;
        let text = serde_json::to_vec(&description).map_err(|_| SetupError::Description)?;
        let size = u32::try_from(text.len()).ok().filter(|size| *size <= LONGEST_DESCRIPTION);
        let size = size.ok_or(SetupError::Description)?;
        let failed = |source| SetupError::Write { source };
        let packed = compress(&text, Filter::None, self.level).map_err(failed)?;
        let Block(place, compressed, _) = self.append(&packed, size)?;
        let length = self.place.next_multiple_of(ALIGNMENT);
        let padding = usize::try_from(length - self.place).unwrap_or(0);
        self.out.write_all(&[0; ALIGNMENT as usize][..padding]).map_err(failed)?;
        let sha256 = Sha256::digest(&text).into();
        let header = Header { length, description: place, compressed, size, sha256 };
        self.out.seek(SeekFrom::Start(self.start)).map_err(failed)?;
        self.out.write_all(&header.bytes()).map_err(failed)?;
        self.out.seek(SeekFrom::End(0)).map_err(failed)?;
        Ok(self.out)
    }
}

impl<W: Write + Seek> fmt::Debug for Writer<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Writer").field("files", &self.files.len()).finish_non_exhaustive()
    }
}

/// Checks that every file that a description names is there.
fn check_names(description: &Description) -> Result<(), SetupError> {
    let named = [&description.uninstaller]
        .into_iter()
        .chain(&description.icon)
        .chain(description.run.iter().map(|run| &run.program))
        .chain(description.shortcuts.iter().flat_map(|it| [&it.program].into_iter().chain(&it.icon)))
        .chain(description.associations.iter().flat_map(|it| [&it.program].into_iter().chain(&it.icon)))
        .chain(description.protocols.iter().map(|it| &it.program))
        .chain(description.services.iter().map(|it| &it.program));
    for name in named {
        if !description.files.iter().any(|file| file.path == *name) {
            return Err(SetupError::Unknown { path: name.clone() });
        }
    }
    Ok(())
}

/// A setup.exe as it was read back.
#[derive(Debug, Clone)]
pub struct Setup {
    /// How the application is installed, with all files.
    pub description: Description,
    /// Where the program is in the file.
    pub program: Range<u64>,
    /// Where the container is in the file.
    pub container: Range<u64>,
    /// Where its certificates are, if it is signed.
    pub certificates: Option<Range<u64>>,
}

/// Reads a setup.exe. `visit` gets every file in order with its content, whose digest is compared afterwards; what it
/// leaves unread is read for it.
///
/// Everything in the file has to be accounted for: the program, the container without gaps, certificates at the very end.
pub fn read<R: Read + Seek>(
    mut file: R,
    visit: &mut dyn FnMut(&File, &mut dyn Read) -> io::Result<()>,
) -> Result<Setup, SetupError> {
    let failed = |source| SetupError::Read { source };
    let length = file.seek(SeekFrom::End(0)).map_err(failed)?;
    let mut headers = vec![0; PROGRAM_HEADERS];
    file.rewind().map_err(failed)?;
    let read = read_full(&mut file, &mut headers).map_err(failed)?;
    headers.truncate(read);
    let start = program_end(&headers).ok_or(SetupError::NoContainer)?;
    file.seek(SeekFrom::Start(start)).map_err(failed)?;
    let mut bytes = [0; HEADER];
    if read_full(&mut file, &mut bytes).map_err(failed)? < HEADER {
        return Err(SetupError::NoContainer);
    }
    let header = Header::read(&bytes).ok_or(SetupError::NoContainer)?;
    let end = start
        .checked_add(header.length)
        .filter(|end| *end <= length)
        .ok_or_else(|| SetupError::damaged("it is cut off"))?;
    let certificates = certificates(&headers)?;
    if certificates.clone().unwrap_or(end..end) != (end..length) {
        return Err(SetupError::damaged("something stands behind it that is no table of certificates"));
    }

    let mut source = Container { file: &mut file, start, end };
    let text = source.block(&Block(header.description, header.compressed, header.size), Filter::None)?;
    if Sha256::digest(&text).as_slice() != header.sha256 {
        return Err(SetupError::damaged("the description does not have its digest"));
    }
    let description: Description = serde_json::from_slice(&text)
        .map_err(|error| SetupError::damaged(format!("the description: {error}")))?;
    if description.schema != SCHEMA {
        return Err(SetupError::damaged("the description has another version"));
    }
    let mut place = HEADER as u64;
    let mut paths = Paths::default();
    for file in &description.files {
        let problem = |problem| SetupError::Path { path: file.path.clone(), problem };
        check_path(&file.path).map_err(problem)?;
        paths.insert(&file.path.to_lowercase()).map_err(problem)?;
        for Block(begin, packed, size) in &file.blocks {
            if *begin != place || *size as usize > LONGEST || packed > size {
                return Err(SetupError::damaged(format!("the blocks of {} do not fit", file.path)));
            }
            place = begin.saturating_add(u64::from(*packed));
        }
    }
    if place != header.description {
        return Err(SetupError::damaged("there is a gap between files and description"));
    }
    check_names(&description)?;
    for file in &description.files {
        let mut content = Content {
            container: &mut source,
            blocks: file.blocks.iter(),
            filter: file.filter,
            current: io::Cursor::new(Vec::new()),
            digest: Sha256::new(),
            size: 0,
        };
        visit(file, &mut content).map_err(failed)?;
        io::copy(&mut content, &mut io::sink()).map_err(failed)?;
        if content.size != file.size || hex(&content.digest.finalize()) != file.sha256 {
            return Err(SetupError::damaged(format!("{} does not have its digest", file.path)));
        }
    }
    Ok(Setup { description, program: 0..start, container: start..end, certificates })
}

/// The blocks of a container.
struct Container<'a, R> {
    file: &'a mut R,
    start: u64,
    end: u64,
}

impl<R: Read + Seek> Container<'_, R> {
    fn block(&mut self, &Block(place, packed, size): &Block, filter: Filter) -> Result<Vec<u8>, SetupError> {
        let begin = self.start.saturating_add(place);
        if begin.saturating_add(u64::from(packed)) > self.end || packed > size {
            return Err(SetupError::damaged("a block lies outside of it"));
        }
        let failed = |source| SetupError::Read { source };
        self.file.seek(SeekFrom::Start(begin)).map_err(failed)?;
        let mut bytes = vec![0; packed as usize];
        self.file.read_exact(&mut bytes).map_err(failed)?;
        if packed == size {
            return Ok(bytes);
        }
        decompress(&bytes, size, filter).ok_or_else(|| SetupError::damaged("a block cannot be unpacked"))
    }
}

/// The content of a file, block by block.
struct Content<'a, 'b, R> {
    container: &'a mut Container<'b, R>,
    blocks: std::slice::Iter<'a, Block>,
    filter: Filter,
    current: io::Cursor<Vec<u8>>,
    digest: Sha256,
    size: u64,
}

impl<R: Read + Seek> Read for Content<'_, '_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let read = self.current.read(buffer)?;
            if read > 0 || buffer.is_empty() {
                return Ok(read);
            }
            let Some(block) = self.blocks.next() else { return Ok(0) };
            let bytes = self.container.block(block, self.filter).map_err(io::Error::other)?;
            self.digest.update(&bytes);
            self.size += bytes.len() as u64;
            self.current = io::Cursor::new(bytes);
        }
    }
}

/// Where a program's certificates are (PE format, "Optional Header Data Directories").
fn certificates(headers: &[u8]) -> Result<Option<Range<u64>>, SetupError> {
    let number = |place: usize| -> Option<u32> {
        Some(u32::from_le_bytes(headers.get(place..place.checked_add(4)?)?.try_into().ok()?))
    };
    let find = || -> Option<(u32, u32)> {
        let optional = number(0x3c)? as usize + 24;
        let directories = match number(optional)? & 0xFFFF {
            0x20B => optional + 112,
            0x10B => optional + 96,
            _ => return None,
        };
        if number(directories - 4)? < 5 {
            return Some((0, 0));
        }
        Some((number(directories + 32)?, number(directories + 36)?))
    };
    let (place, length) = find().ok_or(SetupError::Program)?;
    Ok((length > 0).then(|| u64::from(place)..u64::from(place) + u64::from(length)))
}

/// The filter for what a file begins with.
fn filter_of(bytes: &[u8]) -> Filter {
    let machine = || -> Option<[u8; 2]> {
        if bytes.get(..2)? != b"MZ" {
            return None;
        }
        let pe = u32::from_le_bytes(bytes.get(0x3c..0x40)?.try_into().ok()?) as usize;
        let header = bytes.get(pe..pe.checked_add(6)?)?;
        (header.get(..4)? == b"PE\0\0").then(|| [header[4], header[5]])
    };
    match machine() {
        // IMAGE_FILE_MACHINE_AMD64, IMAGE_FILE_MACHINE_I386
        Some([0x64, 0x86] | [0x4C, 0x01]) => Filter::X86,
        // IMAGE_FILE_MACHINE_ARM64
        Some([0x64, 0xAA]) => Filter::Arm64,
        _ => Filter::None,
    }
}

/// A number for each value of a byte, all bits of it as good as random.
const GEAR: [u64; 256] = {
    let mut numbers = [0; 256];
    let mut state: u64 = 0;
    let mut index = 0;
    while index < 256 {
        // SplitMix64.
        state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        numbers[index] = mixed ^ (mixed >> 31);
        index += 1;
    }
    numbers
};

/// A piece ends where these bits of the hash of the last 64 bytes are zero: every 2 MiB on average.
const END: u64 = !0 << (64 - 21);

/// Where the first piece of some bytes ends: where their content says so, or at their end.
fn cut(bytes: &[u8]) -> usize {
    let mut hash: u64 = 0;
    let begin = SHORTEST.min(bytes.len());
    for (place, byte) in bytes.iter().enumerate().skip(begin.saturating_sub(64)) {
        hash = (hash << 1).wrapping_add(GEAR[usize::from(*byte)]);
        if place >= begin && hash & END == 0 {
            return place + 1;
        }
    }
    bytes.len()
}

fn filters(filter: Filter, options: &LzmaOptions) -> Filters {
    let mut filters = Filters::new();
    match filter {
        Filter::None => {}
        Filter::X86 => {
            filters.x86();
        }
        Filter::Arm64 => {
            filters.arm64();
        }
    }
    filters.lzma2(options);
    filters
}

/// `LZMA_PRESET_EXTREME`: `xz -e`.
const EXTREME: u32 = 1 << 31;

/// A piece, compressed; as it is where that is not longer.
fn compress(bytes: &[u8], filter: Filter, level: Level) -> io::Result<Vec<u8>> {
    let (preset, dictionary) = match level {
        Level::Fast => (1, 1 << 20),
        Level::Default => (6, DICTIONARY),
        Level::Small => (9 | EXTREME, DICTIONARY),
    };
    let mut options = LzmaOptions::new_preset(preset)?;
    options.dict_size(fitting(bytes.len(), dictionary));
    let stream = Stream::new_raw_encoder(&filters(filter, &options))?;
    let mut encoder = XzEncoder::new_stream(Vec::with_capacity(bytes.len() / 2), stream);
    encoder.write_all(bytes)?;
    let packed = encoder.finish()?;
    Ok(if packed.len() < bytes.len() { packed } else { bytes.to_vec() })
}

/// As much of a dictionary as a piece can use.
fn fitting(length: usize, dictionary: u32) -> u32 {
    u32::try_from(length).unwrap_or(dictionary).clamp(4096, dictionary)
}

/// A piece, unpacked: exactly `size` bytes, from exactly these ones.
fn decompress(bytes: &[u8], size: u32, filter: Filter) -> Option<Vec<u8>> {
    let mut options = LzmaOptions::new_preset(6).ok()?;
    options.dict_size(fitting(size as usize, DICTIONARY));
    let mut stream = Stream::new_raw_decoder(&filters(filter, &options)).ok()?;
    let size = size as usize;
    // A byte more, so that a piece that goes on is noticed; grown as it comes, since the size is only said.
    let mut unpacked = Vec::new();
    loop {
        let wanted = (unpacked.len().max(1 << 16) * 2).min(size + 1);
        unpacked.reserve(wanted - unpacked.len());
        let taken = usize::try_from(stream.total_in()).ok()?;
        let before = (stream.total_in(), stream.total_out());
        let status = stream.process_vec(&bytes[taken..], &mut unpacked, Action::Finish).ok()?;
        if status == Status::StreamEnd {
            break;
        }
        if unpacked.len() > size || (before == (stream.total_in(), stream.total_out())) {
            return None;
        }
    }
    (unpacked.len() == size && stream.total_in() == bytes.len() as u64).then_some(unpacked)
}

fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        // Writing to a text cannot fail.
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests;
