//! SquashFS 4.0 images whose bytes depend on their members alone, compressed by several threads, and their reader.
//!
//! Written after "Squashfs Binary Format" (doc/format.adoc of squashfs-tools-ng) and what the kernel's driver checks
//! (fs/squashfs). All numbers are little-endian. An image is, in this order: the superblock, the blocks of the files and of
//! the fragments, the tables of inodes, directories, fragments and owners.
//!
//! Everything belongs to root (0:0) and has one time. There are no extended attributes and no table for NFS. The content of
//! a file is cut into blocks of [`BLOCK`] bytes; what is left at its end, and files smaller than a block, share
//! fragment blocks. Blocks of zeros take no room. Files with the same content are stored once.
//!
//! With zstd, [`Level::Fast`](crate::Level) is its level 3, [`Level::Default`](crate::Level) its level 11 with matches of
//! four bytes, [`Level::Small`](crate::Level) its level 19; with gzip they are libdeflate's levels 1, 6 and 12. Blocks of
//! 1 MiB, the largest there are, make up for a lower level: `docs/design/squashfs-writer.md` has the reasons.

mod compressor;
mod reader;
mod writer;

use std::io;

use thiserror::Error;

use crate::member::PathProblem;

pub use reader::{Superblock, list, superblock, visit};
pub use writer::Writer;

/// How many bytes of a file are compressed at once. Part of the format of our images: another value gives other bytes.
pub const BLOCK: usize = 1 << 20;

/// Images end at a multiple of this many bytes, counted from their start: devices come in such pieces.
pub const PADDING: u64 = 4096;

/// What compresses the blocks of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// zlib streams (RFC 1950), the oldest: every kernel since 2.6.29 reads it.
    Gzip,
    /// The .xz file format. We read it and never write it: it is several times as slow to read as the others.
    Xz,
    /// Zstandard frames (RFC 8878), for kernels since 4.14.
    Zstd,
}

impl Compression {
    /// The number in the superblock.
    fn id(self) -> u16 {
        match self {
            Compression::Gzip => 1,
            Compression::Xz => 4,
            Compression::Zstd => 6,
        }
    }

    /// As users know it from `mksquashfs -comp`.
    pub fn name(self) -> &'static str {
        match self {
            Compression::Gzip => "gzip",
            Compression::Xz => "xz",
            Compression::Zstd => "zstd",
        }
    }
}

/// Why an image cannot be written or read.
#[derive(Debug, Error)]
pub enum SquashfsError {
    /// The path of a member.
    #[error("add `{path}` to the image: {problem}")]
    Path {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// A name in a path.
    #[error("add `{path}` to the image: names have at most 255 bytes and paths at most 4,095")]
    Long {
        /// As it was given.
        path: String,
    },
    /// Something below what is no directory.
    #[error("add `{path}` to the image: `{parent}` is not a directory")]
    Parent {
        /// As it was given.
        path: String,
        /// The part of it that is something else.
        parent: String,
    },
    /// The target of a symlink.
    #[error(
        "add `{path}` to the image: its link target is empty, contains a zero byte or is longer than 4,095 bytes"
    )]
    Target {
        /// The path of the link.
        path: String,
    },
    /// A file has another size than was said.
    #[error("add `{path}` to the image: it should have {expected} bytes and has {found}")]
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
    /// A number does not fit the format.
    #[error("write the image: {what}")]
    TooLarge {
        /// What is too much.
        what: &'static str,
    },
    /// The image cannot be written.
    #[error("write the image")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
    /// Compression other than those of [`Writer::new`].
    #[error("write the image with {compression} compression, which is only read")]
    ReadOnly {
        /// Its name.
        compression: &'static str,
    },
    /// The image cannot be read.
    #[error("read the image")]
    Read {
        /// Of the reader.
        source: io::Error,
    },
    /// What should be an image is none.
    #[error("read the image: there is no SquashFS superblock at byte {offset}")]
    Magic {
        /// Where it should be.
        offset: u64,
    },
    /// A version or compression we do not read.
    #[error("read the image: {what} {number} is not supported")]
    Unsupported {
        /// What it is.
        what: &'static str,
        /// As the superblock has it.
        number: u16,
    },
    /// The image contradicts itself, or ends too early.
    #[error("read the image: {what}")]
    Damaged {
        /// What is wrong.
        what: &'static str,
    },
}

/// The number that marks a superblock: `hsqs`.
const MAGIC: u32 = 0x7371_7368;
/// Of the superblock, in bytes.
const SUPERBLOCK: usize = 96;
/// How many bytes of metadata are compressed at once ("Packing Metadata").
const METADATA: usize = 8192;
/// In the size of a block of a file: it is not compressed ("Data and Fragment Blocks").
const STORED_BLOCK: u32 = 1 << 24;
/// The same in the size of a block of metadata.
const STORED_METADATA: u16 = 1 << 15;
/// No fragment, no extended attributes.
const NONE32: u32 = u32::MAX;
/// No such table.
const NONE64: u64 = u64::MAX;
/// The size of a directory's listing counts three bytes that are not there ("Directory Inodes").
const PHANTOM: u32 = 3;

/// The types of inodes ("Common Inode Header"). The extended ones are higher by seven.
mod kind {
    pub(super) const DIRECTORY: u16 = 1;
    pub(super) const FILE: u16 = 2;
    pub(super) const SYMLINK: u16 = 3;
    pub(super) const BLOCK_DEVICE: u16 = 4;
    pub(super) const CHARACTER_DEVICE: u16 = 5;
    pub(super) const QUEUE: u16 = 6;
    pub(super) const SOCKET: u16 = 7;
    pub(super) const EXTENDED: u16 = 7;
}

#[cfg(test)]
mod tests;
