//! The writer of images: blocks in parallel while files come, the tables at the end.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;

use sha2::{Digest, Sha256};

use super::compressor::Compressor;
use super::{
    BLOCK, Compression, MAGIC, METADATA, NONE32, NONE64, PADDING, PHANTOM, STORED_BLOCK, STORED_METADATA,
    SUPERBLOCK, SquashfsError, kind,
};
use crate::Level;
use crate::member::{PathProblem, check_path, read_full};
use crate::workers::{Ticket, Workers};

type Sum = [u8; 32];

/// Writes an image. Holds some MiB a thread, and little for each file, whatever the size of the files.
///
/// The image begins where the writer stands, and what is written to must be empty from there on: a program may come
/// before. The superblock is written last, so the writer must be seekable.
#[must_use = "the image is complete only after `finish`"]
pub struct Writer<W: Write + Seek> {
    output: Output<W>,
    modified: u32,
    compression: Compression,
    tables: Compressor,
    workers: Workers<Job, io::Result<Packed>>,
    pending: VecDeque<(Place, Ticket<io::Result<Packed>>)>,
    contents: Vec<Content>,
    /// The contents of each size, to find those that come twice.
    sizes: BTreeMap<u64, Vec<usize>>,
    /// The fragment block that is being filled.
    fragment: Vec<u8>,
    fragments: Vec<Fragment>,
    nodes: Vec<Node>,
    /// The node of each path; the root, which is no member, has the empty one.
    paths: BTreeMap<String, usize>,
}

impl<W: Write + Seek> fmt::Debug for Writer<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Writer")
            .field("compression", &self.compression)
            .field("nodes", &self.nodes.len())
            .finish_non_exhaustive()
    }
}

/// Where the image goes, with how much of it there is.
struct Output<W> {
    inner: W,
    /// Of the image, in the file.
    start: u64,
    /// Of the next byte, in the image.
    offset: u64,
}

impl<W: Write> Output<W> {
    fn write(&mut self, bytes: &[u8]) -> Result<(), SquashfsError> {
        self.inner.write_all(bytes).map_err(|source| SquashfsError::Write { source })?;
        self.offset += bytes.len() as u64;
        Ok(())
    }
}

/// A block on its way to be compressed.
struct Job {
    bytes: Vec<u8>,
    /// A block of a file may be left out where it is all zeros, and its digest is wanted.
    of_a_file: bool,
}

/// What became of it.
struct Packed {
    bytes: Vec<u8>,
    stored: bool,
    /// How many bytes of zeros are left out.
    zeros: usize,
    sum: Sum,
}

/// Where a block belongs.
enum Place {
    Content(usize),
    Fragment(usize),
}

/// The bytes of a file, or of several that are the same.
#[derive(Debug, Default)]
struct Content {
    size: u64,
    /// Of the first block.
    start: Option<u64>,
    /// What each block takes, as the inode has it.
    blocks: Vec<u32>,
    /// Bytes in blocks that are left out.
    sparse: u64,
    /// What does not fill a block: which fragment block, and where in it.
    tail: Option<(u32, u32)>,
    /// The digest of each block.
    sums: Vec<Sum>,
    /// And of the tail.
    tail_sum: Option<Sum>,
}

#[derive(Debug, Default)]
struct Fragment {
    start: u64,
    size: u32,
}

struct Node {
    name: String,
    mode: u16,
    what: What,
}

enum What {
    Directory {
        children: BTreeMap<String, usize>,
        /// Made because something is in it, and not yet told of.
        implied: bool,
    },
    /// The place in `contents`; `None` for an empty file.
    File {
        content: Option<usize>,
    },
    Symlink {
        target: String,
    },
}

impl<W: Write + Seek> Writer<W> {
    /// `modified` is the time of every member and of the image, in seconds since 1970-01-01 UTC; SquashFS counts to the
    /// year 2106. Up to `threads` threads compress.
    pub fn new(
        mut inner: W,
        modified: u64,
        compression: Compression,
        level: Level,
        threads: NonZeroUsize,
    ) -> Result<Self, SquashfsError> {
        let wrong = |source| SquashfsError::Write { source };
        // The tables are small: they are always compressed as much as can be.
        let tables = Compressor::new(compression, Level::Small)
            .map_err(wrong)?
            .ok_or(SquashfsError::ReadOnly { compression: compression.name() })?;
        let start = inner.stream_position().map_err(wrong)?;
        let mut output = Output { inner, start, offset: 0 };
        output.write(&[0; SUPERBLOCK])?;
        let root = Node {
            name: String::new(),
            mode: 0o755,
            what: What::Directory { children: BTreeMap::new(), implied: false },
        };
        Ok(Writer {
            output,
            modified: u32::try_from(modified).unwrap_or(u32::MAX),
            compression,
            tables,
            workers: Workers::new(threads, move || block_compressor(compression, level)),
            pending: VecDeque::new(),
            contents: Vec::new(),
            sizes: BTreeMap::new(),
            fragment: Vec::new(),
            fragments: Vec::new(),
            nodes: vec![root],
            paths: BTreeMap::from([(String::new(), 0)]),
        })
    }

    /// Adds a directory. Directories that are not added, but have something in them, have mode 0755, as has the root.
    ///
    /// Paths are relative, with forward slashes and without `.` and `..`. The lowest twelve bits of `mode` are the permissions.
    pub fn directory(&mut self, path: &str, mode: u32) -> Result<(), SquashfsError> {
        if let Some(&known) = self.paths.get(path)
            && let Node { mode: known_mode, what: What::Directory { implied, .. }, .. } =
                &mut self.nodes[known]
            && *implied
        {
            *known_mode = permissions(mode);
            *implied = false;
            return Ok(());
        }
        let what = What::Directory { children: BTreeMap::new(), implied: false };
        self.add(path, mode, what).map(|_| ())
    }

    /// Adds a file of `size` bytes. It is an error if what `open` gives has less or more. It is called once, and twice
    /// where a file of this size came before: to see whether they are the same, then to store it if not.
    pub fn file<R: Read>(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        mut open: impl FnMut() -> io::Result<R>,
    ) -> Result<(), SquashfsError> {
        let node = self.add(path, mode, What::File { content: None })?;
        let content = self.store(path, size, &mut open)?;
        self.nodes[node].what = What::File { content };
        Ok(())
    }

    /// Adds a symlink. `target` is not looked at: it may be absolute or lead outside.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), SquashfsError> {
        if target.is_empty() || target.contains('\0') || target.len() > LONGEST_PATH {
            return Err(SquashfsError::Target { path: path.to_owned() });
        }
        self.add(path, 0o777, What::Symlink { target: target.to_owned() }).map(|_| ())
    }

    /// Writes the tables and the superblock, and gives the writer back, unflushed, standing behind the image. The image is
    /// padded to whole 4 KiB: devices come in such pieces.
    pub fn finish(mut self) -> Result<W, SquashfsError> {
        self.close_fragment()?;
        while !self.pending.is_empty() {
            self.settle()?;
        }
        let Trees { inodes, directories, root } = self.trees()?;
        let inode_table = self.output.offset;
        self.output.write(&inodes)?;
        let directory_table = self.output.offset;
        self.output.write(&directories)?;
        let fragment_table = self.fragment_table()?;
        let owner_table = self.lookup_table(&0u32.to_le_bytes())?;
        let used = self.output.offset;

        let mut superblock = Vec::with_capacity(SUPERBLOCK);
        superblock.extend(MAGIC.to_le_bytes());
        superblock.extend(number32(self.nodes.len(), "too many members")?.to_le_bytes());
        superblock.extend(self.modified.to_le_bytes());
        superblock.extend((BLOCK as u32).to_le_bytes());
        superblock.extend(number32(self.fragments.len(), "too many fragments")?.to_le_bytes());
        superblock.extend(self.compression.id().to_le_bytes());
        superblock.extend((BLOCK.trailing_zeros() as u16).to_le_bytes());
        superblock.extend(FLAGS.to_le_bytes());
        // One owner, version 4.0.
        superblock.extend([1, 0, 4, 0, 0, 0]);
        superblock.extend(root.to_le_bytes());
        superblock.extend(used.to_le_bytes());
        for table in [owner_table, NONE64, inode_table, directory_table, fragment_table, NONE64] {
            superblock.extend(table.to_le_bytes());
        }

        let padding = used.next_multiple_of(PADDING) - used;
        self.output.write(&[0; PADDING as usize][..padding as usize])?;
        let Output { mut inner, start, offset } = self.output;
        let mut complete = || {
            inner.seek(SeekFrom::Start(start))?;
            inner.write_all(&superblock)?;
            inner.seek(SeekFrom::Start(start + offset))
        };
        complete().map_err(|source| SquashfsError::Write { source })?;
        Ok(inner)
    }

    /// Puts a member into the tree, and the directories it needs.
    fn add(&mut self, path: &str, mode: u32, what: What) -> Result<usize, SquashfsError> {
        let refused = |problem| SquashfsError::Path { path: path.to_owned(), problem };
        check_path(path).map_err(refused)?;
        if path.len() > LONGEST_PATH || path.split('/').any(|name| name.len() > LONGEST_NAME) {
            return Err(SquashfsError::Long { path: path.to_owned() });
        }
        if self.paths.contains_key(path) {
            return Err(refused(PathProblem::Duplicate));
        }
        let mut parent = 0;
        for (slash, _) in path.match_indices('/') {
            parent = match self.paths.get(&path[..slash]) {
                Some(&known) => known,
                None => {
                    let what = What::Directory { children: BTreeMap::new(), implied: true };
                    self.insert(path, slash, parent, 0o755, what)?
                }
            };
        }
        self.insert(path, path.len(), parent, permissions(mode), what)
    }

    /// Makes a node of the part of the path before `end`.
    fn insert(
        &mut self,
        path: &str,
        end: usize,
        parent: usize,
        mode: u16,
        what: What,
    ) -> Result<usize, SquashfsError> {
        let own = &path[..end];
        let (above, name) = own.rsplit_once('/').unwrap_or(("", own));
        let node = self.nodes.len();
        let What::Directory { children, .. } = &mut self.nodes[parent].what else {
            return Err(SquashfsError::Parent { path: path.to_owned(), parent: above.to_owned() });
        };
        children.insert(name.to_owned(), node);
        self.paths.insert(own.to_owned(), node);
        self.nodes.push(Node { name: name.to_owned(), mode, what });
        Ok(node)
    }

    /// Queues the content of a file, or finds it among those there are.
    fn store<R: Read>(
        &mut self,
        path: &str,
        size: u64,
        open: &mut impl FnMut() -> io::Result<R>,
    ) -> Result<Option<usize>, SquashfsError> {
        let unreadable = |source| SquashfsError::Content { path: path.to_owned(), source };
        let whole = (size / BLOCK as u64) as usize;
        if whole > 0 && self.sizes.contains_key(&size) {
            let mut sums = Vec::with_capacity(whole + 1);
            let mut pieces = Pieces::new(open().map_err(unreadable)?, path, size);
            while let Some(piece) = pieces.next()? {
                sums.push(sum(&piece));
            }
            let tail_sum = if sums.len() > whole { sums.pop() } else { None };
            // The digests of what is under way are not known yet.
            while !self.pending.is_empty() {
                self.settle()?;
            }
            if let Some(same) = self.same(size, &sums, tail_sum) {
                return Ok(Some(same));
            }
        }
        let content = self.contents.len();
        let mut pieces = Pieces::new(open().map_err(unreadable)?, path, size);
        let mut begun = false;
        while let Some(bytes) = pieces.next()? {
            if bytes.len() == BLOCK {
                if !begun {
                    self.contents.push(Content { size, ..Content::default() });
                    begun = true;
                }
                self.queue(Place::Content(content), Job { bytes, of_a_file: true })?;
                continue;
            }
            let own = sum(&bytes);
            if !begun {
                if let Some(same) = self.same(size, &[], Some(own)) {
                    return Ok(Some(same));
                }
                self.contents.push(Content { size, ..Content::default() });
                begun = true;
            }
            self.contents[content].tail_sum = Some(own);
            if self.fragment.len() + bytes.len() > BLOCK {
                self.close_fragment()?;
            }
            let index = number32(self.fragments.len(), "too many fragments")?;
            self.contents[content].tail = Some((index, self.fragment.len() as u32));
            self.fragment.extend(bytes);
        }
        if begun {
            self.sizes.entry(size).or_default().push(content);
        }
        Ok(begun.then_some(content))
    }

    /// A content with these digests.
    fn same(&self, size: u64, sums: &[Sum], tail_sum: Option<Sum>) -> Option<usize> {
        let mut known = self.sizes.get(&size)?.iter().copied();
        known.find(|&index| self.contents[index].sums == sums && self.contents[index].tail_sum == tail_sum)
    }

    fn close_fragment(&mut self) -> Result<(), SquashfsError> {
        if self.fragment.is_empty() {
            return Ok(());
        }
        let bytes = std::mem::take(&mut self.fragment);
        let index = self.fragments.len();
        self.fragments.push(Fragment::default());
        self.queue(Place::Fragment(index), Job { bytes, of_a_file: false })
    }

    fn queue(&mut self, place: Place, job: Job) -> Result<(), SquashfsError> {
        while self.pending.len() >= self.workers.places() {
            self.settle()?;
        }
        let ticket = self.workers.submit(job).map_err(|source| SquashfsError::Write { source })?;
        self.pending.push_back((place, ticket));
        Ok(())
    }

    /// Waits for the oldest block under way and writes it.
    fn settle(&mut self) -> Result<(), SquashfsError> {
        let Some((place, ticket)) = self.pending.pop_front() else { return Ok(()) };
        let packed =
            ticket.wait().and_then(|packed| packed).map_err(|source| SquashfsError::Write { source })?;
        let start = self.output.offset;
        self.output.write(&packed.bytes)?;
        let size = packed.bytes.len() as u32 | if packed.stored { STORED_BLOCK } else { 0 };
        match place {
            Place::Content(index) => {
                let content = &mut self.contents[index];
                content.start.get_or_insert(start);
                content.blocks.push(size);
                content.sparse += packed.zeros as u64;
                content.sums.push(packed.sum);
            }
            Place::Fragment(index) => self.fragments[index] = Fragment { start, size },
        }
        Ok(())
    }

    /// The tables of inodes and of directories.
    fn trees(&mut self) -> Result<Trees, SquashfsError> {
        let mut inodes = Metadata::default();
        let mut directories = Metadata::default();
        // The number of each node, and where its inode is once it is written.
        let mut numbers = vec![0u32; self.nodes.len()];
        let mut places = vec![Position::default(); self.nodes.len()];
        let mut next = 1;
        // A directory comes twice: when it is entered it is numbered with what it holds, when it is left all directories
        // in it are written.
        let mut todo = vec![(0, 0, false)];
        while let Some((node, parent, leaving)) = todo.pop() {
            let What::Directory { children, .. } = &self.nodes[node].what else { continue };
            let is_directory = |child: &usize| matches!(self.nodes[*child].what, What::Directory { .. });
            if !leaving {
                numbers[node] = next;
                next += 1;
                for &child in children.values().filter(|child| !is_directory(child)) {
                    numbers[child] = next;
                    next += 1;
                }
                todo.push((node, parent, true));
                todo.extend(
                    children
                        .values()
                        .rev()
                        .filter(|child| is_directory(child))
                        .map(|&child| (child, node, false)),
                );
                continue;
            }
            for &child in children.values().filter(|child| !is_directory(child)) {
                places[child] = inodes.position();
                let bytes = self.inode(&self.nodes[child], numbers[child])?;
                inodes.write(&bytes, &mut self.tables)?;
            }
            let entries: Vec<Entry<'_>> = children
                .values()
                .map(|&child| Entry {
                    node: &self.nodes[child],
                    number: numbers[child],
                    place: places[child],
                })
                .collect();
            let listing = write_listing(&entries, &mut directories, &mut self.tables)?;
            let subdirectories = children.values().filter(|child| is_directory(child)).count();
            let directory = DirectoryInode {
                links: number32(subdirectories + 2, "too many directories in one")?,
                parent: if node == 0 { 0 } else { numbers[parent] },
                listing,
            };
            places[node] = inodes.position();
            let bytes = directory.bytes(self.head(&self.nodes[node], numbers[node]))?;
            inodes.write(&bytes, &mut self.tables)?;
        }
        let root = places[0].reference();
        Ok(Trees {
            inodes: inodes.finish(&mut self.tables)?,
            directories: directories.finish(&mut self.tables)?,
            root,
        })
    }

    /// What every inode begins with, but for its type.
    fn head(&self, node: &Node, number: u32) -> Head {
        Head { mode: node.mode, modified: self.modified, number }
    }

    /// The inode of what is no directory ("File Inodes", "Symbolic Links").
    fn inode(&self, node: &Node, number: u32) -> Result<Vec<u8>, SquashfsError> {
        let head = self.head(node, number);
        let content = match &node.what {
            What::Symlink { target } => {
                let mut bytes = head.bytes(kind::SYMLINK);
                bytes.extend(1u32.to_le_bytes());
                bytes.extend((target.len() as u32).to_le_bytes());
                bytes.extend(target.as_bytes());
                return Ok(bytes);
            }
            What::File { content: Some(content) } => &self.contents[*content],
            _ => &Content::default(),
        };
        let start = content.start.unwrap_or(0);
        let (fragment, offset) = content.tail.unwrap_or((NONE32, 0));
        let mut bytes;
        match (u32::try_from(start), u32::try_from(content.size), content.sparse) {
            (Ok(start), Ok(size), 0) => {
                bytes = head.bytes(kind::FILE);
                for number in [start, fragment, offset, size] {
                    bytes.extend(number.to_le_bytes());
                }
            }
            (_, _, sparse) => {
                bytes = head.bytes(kind::FILE + kind::EXTENDED);
                for number in [start, content.size, sparse] {
                    bytes.extend(number.to_le_bytes());
                }
                for number in [1, fragment, offset, NONE32] {
                    bytes.extend(number.to_le_bytes());
                }
            }
        }
        bytes.extend(content.blocks.iter().flat_map(|size| size.to_le_bytes()));
        Ok(bytes)
    }

    fn fragment_table(&mut self) -> Result<u64, SquashfsError> {
        if self.fragments.is_empty() {
            return Ok(NONE64);
        }
        let mut bytes = Vec::with_capacity(self.fragments.len() * 16);
        for fragment in &self.fragments {
            bytes.extend(fragment.start.to_le_bytes());
            bytes.extend(fragment.size.to_le_bytes());
            bytes.extend([0; 4]);
        }
        self.lookup_table(&bytes)
    }

    /// Writes a table and the list of its blocks, and gives the place of the list ("Storing Lookup Tables").
    fn lookup_table(&mut self, bytes: &[u8]) -> Result<u64, SquashfsError> {
        let mut list = Vec::new();
        for piece in bytes.chunks(METADATA) {
            list.extend(self.output.offset.to_le_bytes());
            let mut block = Vec::new();
            pack_metadata(piece, &mut self.tables, &mut block)?;
            self.output.write(&block)?;
        }
        let place = self.output.offset;
        self.output.write(&list)?;
        Ok(place)
    }
}

/// The kernel takes names of up to 256 bytes, but no system call does.
const LONGEST_NAME: usize = 255;
/// `PATH_MAX` without the zero byte.
const LONGEST_PATH: usize = 4095;
/// Data has been deduplicated, there are no extended attributes, tails are in fragments too ("The Superblock").
const FLAGS: u16 = 0x0040 | 0x0200 | 0x0020;

fn permissions(mode: u32) -> u16 {
    (mode & 0o7777) as u16
}

fn number32(number: usize, what: &'static str) -> Result<u32, SquashfsError> {
    u32::try_from(number).map_err(|_| SquashfsError::TooLarge { what })
}

fn sum(bytes: &[u8]) -> Sum {
    Sha256::digest(bytes).into()
}

fn block_compressor(compression: Compression, level: Level) -> Box<dyn FnMut(Job) -> io::Result<Packed>> {
    let mut compressor = None;
    Box::new(move |Job { bytes, of_a_file }| {
        if compressor.is_none() {
            compressor = Compressor::new(compression, level)?;
        }
        let compressor = compressor.as_mut().ok_or(io::ErrorKind::Unsupported)?;
        let sum = if of_a_file { sum(&bytes) } else { [0; 32] };
        if of_a_file && bytes.iter().all(|&byte| byte == 0) {
            return Ok(Packed { bytes: Vec::new(), stored: false, zeros: bytes.len(), sum });
        }
        Ok(match compressor.compress(&bytes)? {
            Some(bytes) => Packed { bytes, stored: false, zeros: 0, sum },
            None => Packed { bytes, stored: true, zeros: 0, sum },
        })
    })
}

/// The blocks of a file as they are read, and whether it has the size it should have.
struct Pieces<'a, R> {
    content: R,
    path: &'a str,
    size: u64,
    read: u64,
    ended: bool,
}

impl<'a, R: Read> Pieces<'a, R> {
    fn new(content: R, path: &'a str, size: u64) -> Self {
        Pieces { content, path, size, read: 0, ended: false }
    }

    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, SquashfsError> {
        read_full(&mut self.content, buffer)
            .map_err(|source| SquashfsError::Content { path: self.path.to_owned(), source })
    }

    fn wrong_size(&self, found: u64) -> SquashfsError {
        SquashfsError::Size { path: self.path.to_owned(), expected: self.size, found }
    }

    fn next(&mut self) -> Result<Option<Vec<u8>>, SquashfsError> {
        if self.ended {
            return Ok(None);
        }
        let due = (self.size - self.read).min(BLOCK as u64) as usize;
        let mut bytes = vec![0; due];
        let length = self.fill(&mut bytes)?;
        self.read += length as u64;
        if length < due {
            return Err(self.wrong_size(self.read));
        }
        if self.read == self.size {
            self.ended = true;
            if self.fill(&mut [0])? != 0 {
                return Err(self.wrong_size(self.size + 1));
            }
        }
        Ok((!bytes.is_empty()).then_some(bytes))
    }
}

/// What [`Writer::trees`] makes.
struct Trees {
    inodes: Vec<u8>,
    directories: Vec<u8>,
    /// The reference of the root's inode.
    root: u64,
}

/// A stream of metadata, cut into blocks that are compressed one by one.
#[derive(Default)]
struct Metadata {
    packed: Vec<u8>,
    open: Vec<u8>,
}

/// Where something in a stream of metadata begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
struct Position {
    /// The place of the block among the packed ones.
    block: usize,
    /// Within the block.
    offset: u16,
}

impl Position {
    fn reference(self) -> u64 {
        (self.block as u64) << 16 | u64::from(self.offset)
    }
}

impl Metadata {
    fn position(&self) -> Position {
        Position { block: self.packed.len(), offset: self.open.len() as u16 }
    }

    fn write(&mut self, mut bytes: &[u8], compressor: &mut Compressor) -> Result<(), SquashfsError> {
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(METADATA - self.open.len()));
            self.open.extend(now);
            bytes = later;
            if self.open.len() == METADATA {
                self.close(compressor)?;
            }
        }
        Ok(())
    }

    fn close(&mut self, compressor: &mut Compressor) -> Result<(), SquashfsError> {
        if !self.open.is_empty() {
            pack_metadata(&self.open, compressor, &mut self.packed)?;
            self.open.clear();
        }
        Ok(())
    }

    fn finish(mut self, compressor: &mut Compressor) -> Result<Vec<u8>, SquashfsError> {
        self.close(compressor)?;
        // References have 32 bits for the place of a block.
        number32(self.packed.len(), "too many members")?;
        Ok(self.packed)
    }
}

/// Appends a block of metadata with its size ("Packing Metadata").
fn pack_metadata(
    input: &[u8],
    compressor: &mut Compressor,
    output: &mut Vec<u8>,
) -> Result<(), SquashfsError> {
    match compressor.compress(input).map_err(|source| SquashfsError::Write { source })? {
        Some(packed) => {
            output.extend((packed.len() as u16).to_le_bytes());
            output.extend(packed);
        }
        None => {
            output.extend((input.len() as u16 | STORED_METADATA).to_le_bytes());
            output.extend(input);
        }
    }
    Ok(())
}

/// What every inode begins with ("Common Inode Header").
struct Head {
    mode: u16,
    modified: u32,
    number: u32,
}

impl Head {
    fn bytes(&self, kind: u16) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(64);
        bytes.extend(kind.to_le_bytes());
        bytes.extend(self.mode.to_le_bytes());
        // User and group: the first in the table of owners.
        bytes.extend([0; 4]);
        bytes.extend(self.modified.to_le_bytes());
        bytes.extend(self.number.to_le_bytes());
        bytes
    }
}

/// An entry of a directory to be written.
struct Entry<'a> {
    node: &'a Node,
    number: u32,
    place: Position,
}

/// What the inode of a directory says of its listing.
struct Listing {
    place: Position,
    /// In bytes.
    size: usize,
    /// For each block of metadata but the first: where in the listing the first header in it is, which block that is,
    /// and the name behind the header ("Directory Index").
    index: Vec<(u32, u32, String)>,
}

/// Writes the entries of a directory, which are sorted ("Directory Table").
fn write_listing(
    entries: &[Entry<'_>],
    table: &mut Metadata,
    compressor: &mut Compressor,
) -> Result<Listing, SquashfsError> {
    const MOST_IN_A_RUN: usize = 256;
    let mut listing = Listing { place: table.position(), size: 0, index: Vec::new() };
    let mut rest = entries;
    let mut last_block = listing.place.block;
    while let Some(first) = rest.first() {
        let place = table.position();
        if place.block != last_block {
            last_block = place.block;
            let offset = number32(listing.size, "too many members in a directory")?;
            listing.index.push((offset, place.block as u32, first.node.name.clone()));
        }
        // A run ends where the block of metadata ends, so that the index can name a header in each block.
        let mut end = usize::from(place.offset) + HEADER;
        let mut count = 0;
        for entry in rest.iter().take(MOST_IN_A_RUN) {
            let near = i16::try_from(i64::from(entry.number) - i64::from(first.number)).is_ok();
            if count > 0 && (end >= METADATA || !near || entry.place.block != first.place.block) {
                break;
            }
            end += ENTRY + entry.node.name.len();
            count += 1;
        }
        let (run, later) = rest.split_at(count);
        rest = later;
        let mut bytes = Vec::new();
        bytes.extend((run.len() as u32 - 1).to_le_bytes());
        bytes.extend((first.place.block as u32).to_le_bytes());
        bytes.extend(first.number.to_le_bytes());
        for entry in run {
            let kind = match entry.node.what {
                What::Directory { .. } => kind::DIRECTORY,
                What::File { .. } => kind::FILE,
                What::Symlink { .. } => kind::SYMLINK,
            };
            bytes.extend(entry.place.offset.to_le_bytes());
            bytes.extend((entry.number.wrapping_sub(first.number) as u16).to_le_bytes());
            bytes.extend(kind.to_le_bytes());
            bytes.extend((entry.node.name.len() as u16 - 1).to_le_bytes());
            bytes.extend(entry.node.name.as_bytes());
        }
        listing.size += bytes.len();
        table.write(&bytes, compressor)?;
    }
    Ok(listing)
}

/// Of a header and of an entry without its name, in bytes.
const HEADER: usize = 12;
const ENTRY: usize = 8;

struct DirectoryInode {
    links: u32,
    /// The number of the directory above.
    parent: u32,
    listing: Listing,
}

impl DirectoryInode {
    fn bytes(&self, head: Head) -> Result<Vec<u8>, SquashfsError> {
        const TOO_MANY: &str = "too many members in a directory";
        let Listing { place, size, index } = &self.listing;
        let size = number32(*size, TOO_MANY)?.checked_add(PHANTOM);
        let size = size.ok_or(SquashfsError::TooLarge { what: TOO_MANY })?;
        let block = place.block as u32;
        let mut bytes;
        match u16::try_from(size) {
            Ok(size) if index.is_empty() => {
                bytes = head.bytes(kind::DIRECTORY);
                bytes.extend(block.to_le_bytes());
                bytes.extend(self.links.to_le_bytes());
                bytes.extend(size.to_le_bytes());
                bytes.extend(place.offset.to_le_bytes());
                bytes.extend(self.parent.to_le_bytes());
            }
            _ => {
                // The index need not be complete: what is behind its last entry is searched one by one.
                let count = index.len().min(usize::from(u16::MAX));
                bytes = head.bytes(kind::DIRECTORY + kind::EXTENDED);
                for number in [self.links, size, block, self.parent] {
                    bytes.extend(number.to_le_bytes());
                }
                bytes.extend((count as u16).to_le_bytes());
                bytes.extend(place.offset.to_le_bytes());
                bytes.extend(NONE32.to_le_bytes());
                for (offset, block, name) in &index[..count] {
                    for number in [*offset, *block, name.len() as u32 - 1] {
                        bytes.extend(number.to_le_bytes());
                    }
                    bytes.extend(name.as_bytes());
                }
            }
        }
        Ok(bytes)
    }
}
