//! What stands behind a name: its kind, mode, size and where its content is.

use super::metadata::Cursor;
use super::{Image, ImageError, Position, damaged};

/// The longest target of a symbolic link: what a path may have on Linux.
const TARGET: u32 = 4096;

/// A file, directory, link or other thing.
#[derive(Clone, Debug)]
pub(crate) struct Inode {
    /// Where it stands in the table of inodes. No two have one.
    pub(crate) reference: u64,
    /// Its number, as `ls -i` shows it.
    pub(crate) number: u32,
    /// The low twelve bits of its mode.
    pub(crate) permissions: u16,
    /// When its content changed, in seconds since 1970.
    pub(crate) modified: u32,
    /// How many names it has.
    pub(crate) links: u32,
    /// Bytes of a file or of a link's target; for a directory of its listing.
    pub(crate) size: u64,
    /// What it is.
    pub(crate) kind: Kind,
}

/// What an inode is, with what is needed to read it.
#[derive(Clone, Debug)]
pub(crate) enum Kind {
    Directory(Directory),
    File(Layout),
    Symlink(Target),
    /// A device, a pipe or a socket: the bits of its type in a mode.
    Special(u32),
}

/// Where the listing of a directory is.
#[derive(Clone, Debug)]
pub(crate) struct Directory {
    pub(super) listing: Position,
    /// Bytes of the listing.
    pub(super) length: u32,
    /// Entries of the index that long directories have, and where it stands.
    pub(super) index: (u16, Position),
    pub(super) parent: u32,
}

/// Where the blocks of a file are.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    /// The first block, from the start of the image.
    pub(super) first: u64,
    /// The table's number of the block that holds the file's end together with those of others, and the byte in it.
    pub(super) fragment: Option<(u32, u32)>,
    /// The lengths of the blocks.
    pub(super) lengths: Position,
}

/// Where the target of a symbolic link is.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    position: Position,
    length: u32,
}

impl Inode {
    /// The bits of the type and the permissions, as `stat` gives them.
    pub(crate) fn mode(&self) -> u32 {
        let kind = match &self.kind {
            Kind::Directory(_) => 0o040_000,
            Kind::File(_) => 0o100_000,
            Kind::Symlink(_) => 0o120_000,
            Kind::Special(bits) => *bits,
        };
        kind | u32::from(self.permissions)
    }
}

impl Image {
    /// The inode at a place of the table: the block from the table's start, shifted by 16, and the byte in the block.
    pub(crate) fn inode(&self, reference: u64) -> Result<Inode, ImageError> {
        let position = Position {
            block: self.inode_table.saturating_add(reference >> 16),
            offset: (reference & 0xffff) as usize,
        };
        let mut cursor = Cursor::new(self, position);
        let kind = cursor.short()?;
        let permissions = cursor.short()? & 0o7777;
        cursor.skip(4)?;
        let modified = cursor.word()?;
        let number = cursor.word()?;
        let (links, size, kind) = match kind {
            1 => {
                let block = cursor.word()?;
                let links = cursor.word()?;
                let size = u32::from(cursor.short()?);
                let offset = cursor.short()?;
                let parent = cursor.word()?;
                let index = (0, cursor.position());
                (links, u64::from(size), Kind::Directory(self.directory(block, offset, size, index, parent)))
            }
            8 => {
                let links = cursor.word()?;
                let size = cursor.word()?;
                let block = cursor.word()?;
                let parent = cursor.word()?;
                let count = cursor.short()?;
                let offset = cursor.short()?;
                cursor.skip(4)?;
                let index = (count, cursor.position());
                (links, u64::from(size), Kind::Directory(self.directory(block, offset, size, index, parent)))
            }
            2 => {
                let first = u64::from(cursor.word()?);
                let fragment = (cursor.word()?, cursor.word()?);
                let size = u64::from(cursor.word()?);
                (1, size, Kind::File(layout(first, fragment, cursor.position())))
            }
            9 => {
                let first = cursor.long()?;
                let size = cursor.long()?;
                cursor.skip(8)?;
                let links = cursor.word()?;
                let fragment = (cursor.word()?, cursor.word()?);
                cursor.skip(4)?;
                (links, size, Kind::File(layout(first, fragment, cursor.position())))
            }
            3 | 10 => {
                let links = cursor.word()?;
                let length = cursor.word()?;
                if length == 0 || length > TARGET {
                    return damaged("a symbolic link has a length that is not allowed");
                }
                let target = Target { position: cursor.position(), length };
                (links, u64::from(length), Kind::Symlink(target))
            }
            4 | 11 => (cursor.word()?, 0, Kind::Special(0o060_000)),
            5 | 12 => (cursor.word()?, 0, Kind::Special(0o020_000)),
            6 | 13 => (cursor.word()?, 0, Kind::Special(0o010_000)),
            7 | 14 => (cursor.word()?, 0, Kind::Special(0o140_000)),
            _ => return damaged("an inode has an unknown type"),
        };
        if i64::try_from(size).is_err() {
            return damaged("a file has a size that is not allowed");
        }
        Ok(Inode { reference, number, permissions, modified, links, size, kind })
    }

    fn directory(
        &self,
        block: u32,
        offset: u16,
        size: u32,
        index: (u16, Position),
        parent: u32,
    ) -> Directory {
        Directory {
            listing: Position {
                block: self.directory_table.saturating_add(u64::from(block)),
                offset: usize::from(offset),
            },
            // The size counts three bytes for `.` and `..`, which are not there.
            length: size.saturating_sub(3),
            index,
            parent,
        }
    }

    /// Where a symbolic link points to.
    pub(crate) fn target(&self, target: &Target) -> Result<Vec<u8>, ImageError> {
        let mut text = vec![0; target.length as usize];
        Cursor::new(self, target.position).read(&mut text)?;
        if text.contains(&0) {
            return damaged("a symbolic link holds a zero byte");
        }
        Ok(text)
    }
}

fn layout(first: u64, fragment: (u32, u32), lengths: Position) -> Layout {
    Layout { first, fragment: (fragment.0 != u32::MAX).then_some(fragment), lengths }
}
