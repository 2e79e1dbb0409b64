//! The names in a directory.

use super::inode::Directory;
use super::metadata::{Cursor, LENGTH};
use super::{Image, ImageError, Inode, Kind, Position, damaged, recall, remember};

/// A name in a directory.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) name: Vec<u8>,
    /// The inode behind it.
    pub(crate) reference: u64,
    /// That inode's number.
    pub(crate) number: u32,
    /// The type as directories give it: 1 a directory, 2 a file, 3 a link, and so on.
    pub(crate) kind: u16,
}

/// How far a directory was read: a value of its own, so that reading can go on later.
#[derive(Clone, Debug)]
pub(crate) struct Listing {
    /// The directory's inode.
    reference: u64,
    /// How many entries are behind.
    passed: u64,
    position: Position,
    /// Bytes that are left.
    left: u32,
    /// Entries that are left of the group, with what all of them share: the inodes' block and the first number.
    group: (u32, u32, u32),
}

impl Listing {
    fn new(reference: u64, position: Position, left: u32) -> Self {
        Self { reference, passed: 0, position, left, group: (0, 0, 0) }
    }

    /// How many entries are behind.
    pub(crate) fn passed(&self) -> u64 {
        self.passed
    }

    fn spend(&mut self, bytes: u32) -> Result<(), ImageError> {
        match self.left.checked_sub(bytes) {
            Some(left) => {
                self.left = left;
                Ok(())
            }
            None => damaged("a directory ends in the middle of an entry"),
        }
    }

    /// The next entry, or nothing at the end.
    pub(crate) fn next(&mut self, image: &Image) -> Result<Option<Entry>, ImageError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut cursor = Cursor::new(image, self.position);
        if self.group.0 == 0 {
            self.spend(12)?;
            let count = cursor.word()?;
            if count >= 256 {
                return damaged("a directory has a group of too many entries");
            }
            self.group = (count + 1, cursor.word()?, cursor.word()?);
        }
        let offset = cursor.short()?;
        let difference = cursor.array::<2>()?;
        let kind = cursor.short()?;
        let length = usize::from(cursor.short()?) + 1;
        if length > 256 {
            return damaged("a name is too long");
        }
        self.spend(8 + length as u32)?;
        let mut name = vec![0; length];
        cursor.read(&mut name)?;
        if name == b"." || name == b".." || name.iter().any(|byte| matches!(byte, 0 | b'/')) {
            return damaged("a name is not allowed");
        }
        let (left, block, number) = self.group;
        self.group.0 = left - 1;
        self.position = cursor.position();
        self.passed += 1;
        Ok(Some(Entry {
            name,
            reference: u64::from(block) << 16 | u64::from(offset),
            number: number.wrapping_add_signed(i16::from_le_bytes(difference).into()),
            kind,
        }))
    }
}

impl Image {
    /// The entries of a directory from the first on.
    pub(crate) fn listing(&self, inode: &Inode) -> Result<Listing, ImageError> {
        match &inode.kind {
            Kind::Directory(directory) => {
                Ok(Listing::new(inode.reference, directory.listing, directory.length))
            }
            _ => damaged("a directory is none"),
        }
    }

    /// The entries of a directory without the first `passed`, fast where reading stopped there before.
    pub(crate) fn listing_after(&self, inode: &Inode, passed: u64) -> Result<Listing, ImageError> {
        let known = recall(&self.listings, |one| one.reference == inode.reference && one.passed == passed);
        let mut listing = match known {
            Some(listing) => listing,
            None => self.listing(inode)?,
        };
        while listing.passed < passed && listing.next(self)?.is_some() {}
        Ok(listing)
    }

    /// Remembers where reading a directory stopped.
    pub(crate) fn set_aside(&self, listing: Listing) {
        remember(&self.listings, listing);
    }

    /// The entry with a name, or nothing.
    pub(crate) fn lookup(&self, directory: &Directory, name: &[u8]) -> Result<Option<Entry>, ImageError> {
        // The index of a long directory names the first entry of every metadata block that the listing goes on in.
        let (mut position, mut behind) = (directory.listing, 0);
        let mut index = Cursor::new(self, directory.index.1);
        for _ in 0..directory.index.0 {
            let at = index.word()?;
            let block = index.word()?;
            let length = usize::try_from(index.word()?).unwrap_or(usize::MAX).saturating_add(1);
            if length > 256 {
                return damaged("a name is too long");
            }
            let mut first = vec![0; length];
            index.read(&mut first)?;
            if first.as_slice() > name {
                break;
            }
            behind = at;
            position = Position {
                block: self.directory_table.saturating_add(u64::from(block)),
                offset: (directory.listing.offset.saturating_add(at as usize)) % LENGTH,
            };
        }
        let mut listing = Listing::new(0, position, directory.length.saturating_sub(behind));
        while let Some(entry) = listing.next(self)? {
            if entry.name == name {
                return Ok(Some(entry));
            }
        }
        Ok(None)
    }

    /// The number of the directory above.
    pub(crate) fn parent(&self, inode: &Inode) -> u32 {
        match &inode.kind {
            Kind::Directory(directory) => directory.parent,
            _ => inode.number,
        }
    }
}
