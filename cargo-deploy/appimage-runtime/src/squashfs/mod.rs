//! Reading a squashfs 4.0 file system that stands at the end of another file, block by block and without unpacking it.
//!
//! The format is that of the Linux kernel's `fs/squashfs` (`squashfs_fs.h`): a superblock, the compressed blocks of the
//! files, and four tables of metadata blocks. An image is untrusted: everything read from it is checked before it is
//! used, and the memory taken does not depend on what it says.

mod cache;
mod codec;
mod content;
mod directory;
mod inode;
mod metadata;

pub(crate) use directory::Listing;
pub(crate) use inode::{Inode, Kind};

use cache::Cache;
use codec::Compression;
use std::fmt;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::sync::Mutex;

/// The first four bytes of an image.
const MAGIC: u32 = 0x7371_7368;
/// The length of the superblock.
const SUPERBLOCK: usize = 96;
/// What the caches may hold: of the metadata, and of the files' content at least.
const METADATA_CACHE: usize = 2 << 20;
const CONTENT_CACHE: usize = 4 << 20;
/// How many places in long lists of blocks and in long directories are remembered.
const REMEMBERED: usize = 16;

/// Why an image cannot be read.
#[derive(Debug)]
pub(crate) enum ImageError {
    /// The file that holds the image cannot be read.
    Read {
        /// What the system said.
        cause: io::Error,
    },
    /// There is no image where one should be.
    Missing,
    /// Another version of squashfs than 4.0.
    Version {
        /// The major number that the image names.
        major: u16,
        /// The minor number that the image names.
        minor: u16,
    },
    /// A compression other than gzip and zstd, by its number in the superblock.
    Compression {
        /// The number.
        id: u16,
    },
    /// The file ends before the image does.
    Cut {
        /// Bytes that the image says it has.
        expected: u64,
        /// Bytes that are there.
        found: u64,
    },
    /// Something in the image contradicts the format.
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
}

impl fmt::Display for ImageError {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { cause } => write!(out, "reading it failed: {cause}"),
            Self::Missing => write!(out, "no squashfs file system follows the program"),
            Self::Version { major, minor } => {
                write!(out, "its file system is squashfs {major}.{minor}, and only 4.0 can be read")
            }
            Self::Compression { id } => write!(
                out,
                "its file system is compressed with {}, and only gzip and zstd can be read",
                match id {
                    2 => "lzma",
                    3 => "lzo",
                    4 => "xz",
                    5 => "lz4",
                    _ => "an unknown method",
                }
            ),
            Self::Cut { expected, found } => write!(
                out,
                "its file system has {found} of {expected} bytes: the file was not copied or downloaded whole"
            ),
            Self::Damaged { what } => write!(out, "its file system is damaged: {what}"),
        }
    }
}

/// Shorthand for an image that contradicts the format.
fn damaged<T>(what: &'static str) -> Result<T, ImageError> {
    Err(ImageError::Damaged { what })
}

/// Where a stream of metadata is read: a metadata block, counted from the start of the image, and a byte in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Position {
    block: u64,
    offset: usize,
}

/// An opened image. Reads need no exclusive access.
pub(crate) struct Image {
    file: File,
    start: u64,
    length: u64,
    compression: Compression,
    block_size: u32,
    fragments: u32,
    inodes: u32,
    root: u64,
    inode_table: u64,
    directory_table: u64,
    fragment_table: u64,
    metadata: Cache,
    content: Cache,
    /// One for each remainder of a block's beginning: a prime number of them, so that neighbours rarely share one.
    turns: [Mutex<()>; 13],
    walks: Mutex<Vec<content::Walk>>,
    listings: Mutex<Vec<Listing>>,
}

impl Image {
    /// The image that begins at the byte `start` of `file`.
    pub(crate) fn open(file: File, start: u64) -> Result<Self, ImageError> {
        let size = file.metadata().map_err(|cause| ImageError::Read { cause })?.len();
        let found = size.saturating_sub(start);
        let mut superblock = [0_u8; SUPERBLOCK];
        if found < SUPERBLOCK as u64 {
            return Err(ImageError::Missing);
        }
        file.read_exact_at(&mut superblock, start).map_err(|cause| ImageError::Read { cause })?;
        let short = |at: usize| u16::from_le_bytes(metadata::array(&superblock, at));
        let word = |at: usize| u32::from_le_bytes(metadata::array(&superblock, at));
        let long = |at: usize| u64::from_le_bytes(metadata::array(&superblock, at));
        if word(0) != MAGIC {
            return Err(ImageError::Missing);
        }
        if (short(28), short(30)) != (4, 0) {
            return Err(ImageError::Version { major: short(28), minor: short(30) });
        }
        let compression = Compression::from_id(short(20))?;
        let block_size = word(12);
        if !block_size.is_power_of_two() || !(1 << 12..=1 << 20).contains(&block_size) {
            return damaged("the size of its blocks is not allowed");
        }
        let length = long(40);
        if length > found {
            return Err(ImageError::Cut { expected: length, found });
        }
        let (inode_table, directory_table, fragment_table) = (long(64), long(72), long(80));
        let fragments = word(16);
        let inside = |table: u64| (SUPERBLOCK as u64..length).contains(&table);
        if !inside(inode_table) || !inside(directory_table) || (fragments > 0 && !inside(fragment_table)) {
            return damaged("a table stands outside of it");
        }
        Ok(Self {
            file,
            start,
            length,
            compression,
            block_size,
            fragments,
            inodes: word(4),
            root: long(32),
            inode_table,
            directory_table,
            fragment_table,
            metadata: Cache::new(METADATA_CACHE),
            content: Cache::new(CONTENT_CACHE.max(8 * block_size as usize)),
            turns: Default::default(),
            walks: Mutex::new(Vec::new()),
            listings: Mutex::new(Vec::new()),
        })
    }

    /// The directory that all others stand in.
    pub(crate) fn root(&self) -> Result<Inode, ImageError> {
        let root = self.inode(self.root)?;
        match root.kind {
            Kind::Directory(_) => Ok(root),
            _ => damaged("its root is no directory"),
        }
    }

    /// What a path from the root leads to, or nothing. Symbolic links are not followed.
    pub(crate) fn find(&self, path: &[u8]) -> Result<Option<Inode>, ImageError> {
        let mut inode = self.root()?;
        for name in path.split(|byte| *byte == b'/') {
            let Kind::Directory(directory) = &inode.kind else { return Ok(None) };
            match self.lookup(directory, name)? {
                Some(entry) => inode = self.inode(entry.reference)?,
                None => return Ok(None),
            }
        }
        Ok(Some(inode))
    }

    /// The size of a whole block of a file.
    pub(crate) fn block_size(&self) -> u32 {
        self.block_size
    }

    /// The length of the image in bytes.
    pub(crate) fn length(&self) -> u64 {
        self.length
    }

    /// How many files, directories and links it says it has.
    pub(crate) fn inodes(&self) -> u32 {
        self.inodes
    }

    /// Fills `buffer` from the byte `at` of the image.
    fn read(&self, buffer: &mut [u8], at: u64) -> Result<(), ImageError> {
        match at.checked_add(buffer.len() as u64) {
            Some(end) if end <= self.length => self
                .file
                .read_exact_at(buffer, self.start.saturating_add(at))
                .map_err(|cause| ImageError::Read { cause }),
            _ => damaged("something stands beyond its end"),
        }
    }
}

/// Keeps `item` as the newest of at most [`REMEMBERED`].
fn remember<T>(list: &Mutex<Vec<T>>, item: T) {
    if let Ok(mut list) = list.lock() {
        if list.len() == REMEMBERED {
            list.remove(0);
        }
        list.push(item);
    }
}

/// Takes out of `list` the newest that `fits`.
fn recall<T>(list: &Mutex<Vec<T>>, fits: impl Fn(&T) -> bool) -> Option<T> {
    let mut list = list.lock().ok()?;
    let found = list.iter().rposition(fits)?;
    Some(list.remove(found))
}
