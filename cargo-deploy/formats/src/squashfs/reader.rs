//! The reader of images, which trusts none of their numbers.

use std::collections::{BTreeSet, VecDeque};
use std::io::{self, Read, Seek, SeekFrom};
use std::rc::Rc;

use super::compressor::decompress;
use super::{
    BLOCK, Compression, MAGIC, METADATA, NONE32, NONE64, PHANTOM, STORED_BLOCK, STORED_METADATA, SUPERBLOCK,
    SquashfsError, kind,
};
use crate::member::{Kind, Member, Owner, digest, name_text};

/// What the superblock of an image says ("The Superblock").
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Superblock {
    /// How blocks are compressed.
    pub compression: Compression,
    /// How many bytes of a file are compressed at once.
    pub block_size: u32,
    /// How many members there are, with the root.
    pub inodes: u32,
    /// When the image was made, in seconds since 1970-01-01 UTC.
    pub modified: u32,
    /// The length of the image in bytes, without padding.
    pub length: u64,
    fragments: u32,
    owners: u16,
    root: u64,
    owner_table: u64,
    inode_table: u64,
    directory_table: u64,
    fragment_table: u64,
}

/// Reads the superblock of the image at `offset`.
pub fn superblock(reader: &mut (impl Read + Seek), offset: u64) -> Result<Superblock, SquashfsError> {
    let unreadable = |source| SquashfsError::Read { source };
    reader.seek(SeekFrom::Start(offset)).map_err(unreadable)?;
    let mut bytes = Vec::with_capacity(SUPERBLOCK);
    reader.take(SUPERBLOCK as u64).read_to_end(&mut bytes).map_err(unreadable)?;
    let mut fields = Fields(&bytes);
    if fields.u32() != MAGIC {
        return Err(SquashfsError::Magic { offset });
    }
    if bytes.len() < SUPERBLOCK {
        return damaged("it ends too early");
    }
    let [inodes, modified, block_size, fragments] = [(); 4].map(|()| fields.u32());
    let [compression, block_log, _flags, owners, major, _minor] = [(); 6].map(|()| fields.u16());
    let [root, length, owner_table, _, inode_table, directory_table, fragment_table, _] =
        [(); 8].map(|()| fields.u64());
    if major != 4 {
        return Err(SquashfsError::Unsupported { what: "version", number: major });
    }
    let compression = match compression {
        1 => Compression::Gzip,
        4 => Compression::Xz,
        6 => Compression::Zstd,
        number => return Err(SquashfsError::Unsupported { what: "compression", number }),
    };
    if !(12..=20).contains(&block_log) || block_size != 1 << block_log {
        return damaged("the size of its blocks is none that there is");
    }
    let order = [inode_table, directory_table, owner_table, length];
    let fragments_fit = match fragment_table {
        NONE64 => fragments == 0,
        place => place >= directory_table && place < length,
    };
    // Nothing is read behind `length`, so that no sum of a place and a size can overflow either.
    if !order.is_sorted() || length > u64::MAX / 4 || inode_table < SUPERBLOCK as u64 || !fragments_fit {
        return damaged("its tables lie outside of it or in the wrong order");
    }
    Ok(Superblock {
        compression,
        block_size,
        inodes,
        modified,
        length,
        fragments,
        owners,
        root,
        owner_table,
        inode_table,
        directory_table,
        fragment_table,
    })
}

/// What the image at `offset` holds. See [`visit`] for what is read.
pub fn list(reader: impl Read + Seek, offset: u64) -> Result<Vec<Member>, SquashfsError> {
    let mut members = Vec::new();
    visit(reader, offset, |member, content| {
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

/// Goes through the image that begins at byte `offset`, each directory before what is in it, in the order of the names.
/// The root is no member. `act` gets each member with its content, of which it may read as much as it likes; an
/// error it returns ends the visit as [`SquashfsError::Content`]. The digest of the members is not known yet, so `sha256`
/// is `None`.
///
/// A file with several names comes with each of them. Owners have no names, and extended attributes are not read.
/// The content of a sparse file is as long as it says, which can be much longer than the image: who keeps it must limit it.
pub fn visit(
    mut reader: impl Read + Seek,
    offset: u64,
    mut act: impl FnMut(&Member, &mut dyn Read) -> io::Result<()>,
) -> Result<(), SquashfsError> {
    let superblock = superblock(&mut reader, offset)?;
    let mut image = Image {
        reader,
        start: offset,
        owners: Vec::new(),
        superblock,
        metadata: VecDeque::new(),
        fragment: None,
    };
    image.owners = image.owner_table()?;
    let root = image.inode(image.superblock.root)?;
    let Body::Directory(listing) = root.body else {
        return Err(SquashfsError::Damaged { what: "its root is not a directory" });
    };
    // A directory that is in itself, or in two others, would never end.
    let mut seen = BTreeSet::from([image.superblock.root]);
    let mut open = vec![(String::new(), listing)];
    while let Some((path, listing)) = open.last_mut() {
        let Some(entry) = image.entry(listing)? else {
            open.pop();
            continue;
        };
        let name = name_text(&entry.name);
        let path = if path.is_empty() { name } else { format!("{path}/{name}") };
        if path.len() > LONGEST_PATH {
            return Err(SquashfsError::Damaged { what: "a path in it is too long" });
        }
        let inode = image.inode(entry.inode)?;
        let (kind, size, mut content, directory) = match inode.body {
            Body::Directory(listing) => (Kind::Directory, 0, None, Some(listing)),
            Body::File(content) => (Kind::File, content.left, Some(content), None),
            Body::Symlink(target) => (Kind::Symlink { target: name_text(&target) }, 0, None, None),
            Body::Other(flag) => (Kind::Other { flag }, 0, None, None),
        };
        let member = Member {
            path,
            kind,
            mode: Some(u32::from(inode.mode) & 0o7777),
            size,
            sha256: None,
            modified: u64::from(inode.modified),
            owner: Some(inode.owner),
        };
        let acted = match &mut content {
            Some(content) => act(&member, &mut Reading { image: &mut image, content }),
            None => act(&member, &mut io::empty()),
        };
        if let Err(source) = acted {
            if let Some(Content { failed: Some(own), .. }) = content {
                return Err(own);
            }
            return Err(SquashfsError::Content { path: member.path, source });
        }
        if let Some(listing) = directory {
            // Names of files can be more than there are inodes, directories cannot.
            if !seen.insert(entry.inode) || seen.len() as u64 > u64::from(image.superblock.inodes) {
                return Err(SquashfsError::Damaged {
                    what: "a directory in it is in two places, or there are too many",
                });
            }
            open.push((member.path, listing));
        }
    }
    Ok(())
}

/// Paths in real images are below `PATH_MAX`; escaped bytes can make them four times as long.
const LONGEST_PATH: usize = 16_384;
/// How many blocks of metadata are kept: of the inodes and directories in use.
const KEPT: usize = 16;

struct Image<R> {
    reader: R,
    start: u64,
    superblock: Superblock,
    owners: Vec<u32>,
    /// Blocks of metadata by their place, the one used last in front, with the place behind them.
    metadata: VecDeque<(u64, Rc<[u8]>, u64)>,
    /// The fragment block used last, by its number.
    fragment: Option<(u32, Vec<u8>)>,
}

/// Somewhere in a stream of metadata. The place of the block is one in the image.
#[derive(Debug, Clone, Copy)]
struct Cursor {
    block: u64,
    offset: usize,
    /// The stream ends before.
    end: u64,
}

struct Inode {
    mode: u16,
    owner: Owner,
    modified: u32,
    body: Body,
}

enum Body {
    Directory(Listing),
    File(Content),
    Symlink(Vec<u8>),
    Other(u8),
}

/// The rest of a directory's listing.
struct Listing {
    cursor: Cursor,
    /// In bytes.
    left: u32,
    /// Of the current header: how many entries follow, where their inodes are.
    run: u32,
    block: u32,
    /// To see that the names are sorted, each one once.
    last: Vec<u8>,
}

struct DirectoryEntry {
    name: Vec<u8>,
    inode: u64,
}

/// The rest of a file.
struct Content {
    /// At the size of the next block.
    sizes: Cursor,
    /// How many blocks follow.
    blocks: u64,
    /// Of the next block.
    place: u64,
    /// The tail: a fragment block and where in it.
    tail: Option<(u32, u32)>,
    /// Bytes that are not read from the image yet.
    left: u64,
    block: Vec<u8>,
    used: usize,
    failed: Option<SquashfsError>,
}

fn damaged<T>(what: &'static str) -> Result<T, SquashfsError> {
    Err(SquashfsError::Damaged { what })
}

impl<R: Read + Seek> Image<R> {
    /// Bytes of the image, all of them or none.
    fn bytes(&mut self, place: u64, length: usize) -> Result<Vec<u8>, SquashfsError> {
        let end = place.checked_add(length as u64);
        if end.is_none_or(|end| end > self.superblock.length) {
            return damaged("something in it lies outside of it");
        }
        let unreadable = |source| SquashfsError::Read { source };
        let position = self.start.checked_add(place);
        let position = position.ok_or(SquashfsError::Damaged { what: "it lies too far" })?;
        self.reader.seek(SeekFrom::Start(position)).map_err(unreadable)?;
        let mut bytes = vec![0; length];
        match self.reader.read_exact(&mut bytes) {
            Ok(()) => Ok(bytes),
            Err(cause) if cause.kind() == io::ErrorKind::UnexpectedEof => damaged("it ends too early"),
            Err(source) => Err(SquashfsError::Read { source }),
        }
    }

    fn unpack(&self, bytes: &[u8], most: usize) -> Result<Vec<u8>, SquashfsError> {
        decompress(self.superblock.compression, bytes, most)
            .map_err(|_| SquashfsError::Damaged { what: "a block in it does not decompress" })
    }

    /// The block of metadata at a place, and the place of the next.
    fn metadata(&mut self, place: u64) -> Result<(Rc<[u8]>, u64), SquashfsError> {
        let known = self.metadata.iter().position(|(known, ..)| *known == place);
        if let Some(found) = known.and_then(|index| self.metadata.remove(index)) {
            let (_, block, next) = &found;
            let answer = (Rc::clone(block), *next);
            self.metadata.push_front(found);
            return Ok(answer);
        }
        let head = self.bytes(place, 2)?;
        let head = Fields(&head).u16();
        let length = head & !STORED_METADATA;
        if length == 0 || usize::from(length) > METADATA {
            return damaged("a block of its metadata has a length that none has");
        }
        let packed = self.bytes(place + 2, usize::from(length))?;
        let block = if head & STORED_METADATA != 0 { packed } else { self.unpack(&packed, METADATA)? };
        let next = place + 2 + u64::from(length);
        let block: Rc<[u8]> = block.into();
        self.metadata.truncate(KEPT - 1);
        self.metadata.push_front((place, Rc::clone(&block), next));
        Ok((block, next))
    }

    /// Takes bytes from a stream of metadata. The buffer is for numbers and names: it is small.
    fn take(&mut self, cursor: &mut Cursor, length: usize) -> Result<Vec<u8>, SquashfsError> {
        let mut taken = Vec::with_capacity(length);
        while taken.len() < length {
            if cursor.block >= cursor.end {
                return damaged("a table in it ends too early");
            }
            let (block, next) = self.metadata(cursor.block)?;
            let Some(rest) = block.get(cursor.offset..) else {
                return damaged("a reference in it leads nowhere");
            };
            let more = rest.len().min(length - taken.len());
            taken.extend_from_slice(&rest[..more]);
            cursor.offset += more;
            if cursor.offset == block.len() {
                *cursor = Cursor { block: next, offset: 0, end: cursor.end };
            }
        }
        Ok(taken)
    }

    /// A table of fixed records: `length` bytes from `first` on ("Storing Lookup Tables").
    fn lookup(&mut self, list: u64, first: u64, length: usize) -> Result<Vec<u8>, SquashfsError> {
        let block = first / METADATA as u64;
        let entry = self.bytes(list.saturating_add(block.saturating_mul(8)), 8)?;
        let place = Fields(&entry).u64();
        let offset = (first % METADATA as u64) as usize;
        self.take(&mut Cursor { block: place, offset, end: list }, length)
    }

    fn owner_table(&mut self) -> Result<Vec<u32>, SquashfsError> {
        let count = u64::from(self.superblock.owners);
        let mut owners = Vec::with_capacity(count as usize);
        for index in 0..count {
            let bytes = self.lookup(self.superblock.owner_table, index * 4, 4)?;
            owners.push(Fields(&bytes).u32());
        }
        Ok(owners)
    }

    fn owner(&self, index: u16) -> Result<u64, SquashfsError> {
        match self.owners.get(usize::from(index)) {
            Some(&owner) => Ok(u64::from(owner)),
            None => damaged("an owner in it is in no table"),
        }
    }

    /// The inode a reference leads to ("Inode Table").
    fn inode(&mut self, reference: u64) -> Result<Inode, SquashfsError> {
        let (table, end) = (self.superblock.inode_table, self.superblock.directory_table);
        let block = table.saturating_add(reference >> 16);
        let mut cursor = Cursor { block, offset: (reference & 0xffff) as usize, end };
        let at = &mut cursor;
        let [kind, mode, user, group] = self.numbers16(at)?;
        let [modified, _] = self.numbers32(at)?;
        let extended = kind > kind::EXTENDED;
        let body = match if extended { kind - kind::EXTENDED } else { kind } {
            kind::DIRECTORY => {
                let (size, block, offset);
                if extended {
                    let [_, long_size, place, _] = self.numbers32(at)?;
                    let bytes = self.take(at, 4)?;
                    let mut fields = Fields(&bytes);
                    let _index = fields.u16();
                    (size, block, offset) = (long_size, place, fields.u16());
                } else {
                    let [place, _] = self.numbers32(at)?;
                    let bytes = self.take(at, 4)?;
                    let mut fields = Fields(&bytes);
                    size = u32::from(fields.u16());
                    (block, offset) = (place, fields.u16());
                }
                let table = self.superblock.directory_table;
                let end = match self.superblock.fragment_table {
                    NONE64 => self.superblock.owner_table,
                    place => place,
                };
                let cursor = Cursor {
                    block: table.saturating_add(u64::from(block)),
                    offset: usize::from(offset),
                    end,
                };
                let left = size.saturating_sub(PHANTOM);
                Body::Directory(Listing { cursor, left, run: 0, block: 0, last: Vec::new() })
            }
            kind::FILE => {
                let (place, size, fragment, offset);
                if extended {
                    let bytes = self.take(at, 24)?;
                    let mut fields = Fields(&bytes);
                    (place, size) = (fields.u64(), fields.u64());
                    [_, fragment, offset, _] = self.numbers32(at)?;
                } else {
                    let numbers = self.numbers32::<4>(at)?;
                    (place, size) = (u64::from(numbers[0]), u64::from(numbers[3]));
                    [_, fragment, offset, _] = numbers;
                }
                let block_size = u64::from(self.superblock.block_size);
                let tail = (fragment != NONE32 && size % block_size != 0).then_some((fragment, offset));
                let whole = fragment != NONE32;
                let blocks = if whole { size / block_size } else { size.div_ceil(block_size) };
                Body::File(Content {
                    sizes: cursor,
                    blocks,
                    place,
                    tail,
                    left: size,
                    block: Vec::new(),
                    used: 0,
                    failed: None,
                })
            }
            kind::SYMLINK => {
                let [_, length] = self.numbers32(at)?;
                if length == 0 || length as usize > LONGEST_PATH {
                    return damaged("a link target in it is empty or too long");
                }
                Body::Symlink(self.take(at, length as usize)?)
            }
            // The letters of tar, which has none for sockets.
            kind::BLOCK_DEVICE => Body::Other(b'4'),
            kind::CHARACTER_DEVICE => Body::Other(b'3'),
            kind::QUEUE => Body::Other(b'6'),
            kind::SOCKET => Body::Other(b's'),
            _ => return damaged("an inode in it is of no known type"),
        };
        let owner = Owner {
            user: self.owner(user)?,
            group: self.owner(group)?,
            user_name: String::new(),
            group_name: String::new(),
        };
        Ok(Inode { mode, owner, modified, body })
    }

    fn numbers16<const COUNT: usize>(&mut self, cursor: &mut Cursor) -> Result<[u16; COUNT], SquashfsError> {
        let bytes = self.take(cursor, COUNT * 2)?;
        let mut fields = Fields(&bytes);
        Ok([(); COUNT].map(|()| fields.u16()))
    }

    fn numbers32<const COUNT: usize>(&mut self, cursor: &mut Cursor) -> Result<[u32; COUNT], SquashfsError> {
        let bytes = self.take(cursor, COUNT * 4)?;
        let mut fields = Fields(&bytes);
        Ok([(); COUNT].map(|()| fields.u32()))
    }

    /// The next entry of a directory ("Directory Table").
    fn entry(&mut self, listing: &mut Listing) -> Result<Option<DirectoryEntry>, SquashfsError> {
        const MOST_IN_A_RUN: u32 = 256;
        const LONGEST_NAME: u16 = 256;
        if listing.left == 0 && listing.run == 0 {
            return Ok(None);
        }
        let spend = |left: &mut u32, bytes: u32| match left.checked_sub(bytes) {
            Some(rest) => {
                *left = rest;
                Ok(())
            }
            None => damaged("the listing of a directory in it ends too early"),
        };
        if listing.run == 0 {
            spend(&mut listing.left, 12)?;
            let [count, block, _] = self.numbers32(&mut listing.cursor)?;
            if count >= MOST_IN_A_RUN {
                return damaged("a run of directory entries in it is too long");
            }
            (listing.run, listing.block) = (count + 1, block);
        }
        let [offset, _, _, length] = self.numbers16(&mut listing.cursor)?;
        if length >= LONGEST_NAME {
            return damaged("a name in it is too long");
        }
        spend(&mut listing.left, 8 + u32::from(length) + 1)?;
        listing.run -= 1;
        let name = self.take(&mut listing.cursor, usize::from(length) + 1)?;
        let is_wrong = name.contains(&b'/') || name.contains(&0) || name == b"." || name == b"..";
        if is_wrong || name <= listing.last {
            return damaged("a name in it is no name, or at the wrong place");
        }
        listing.last.clone_from(&name);
        Ok(Some(DirectoryEntry { name, inode: u64::from(listing.block) << 16 | u64::from(offset) }))
    }

    /// The content of a fragment block from `offset` on.
    fn fragment(&mut self, index: u32, offset: usize, length: usize) -> Result<Vec<u8>, SquashfsError> {
        if self.fragment.as_ref().is_none_or(|(known, _)| *known != index) {
            if index >= self.superblock.fragments {
                return damaged("a fragment in it is in no table");
            }
            let bytes = self.lookup(self.superblock.fragment_table, u64::from(index) * 16, 16)?;
            let mut fields = Fields(&bytes);
            let (place, size) = (fields.u64(), fields.u32());
            let block = self.block(place, size)?;
            self.fragment = Some((index, block));
        }
        let block = self.fragment.as_ref().map_or(&[][..], |(_, block)| &block[..]);
        match offset.checked_add(length).and_then(|end| block.get(offset..end)) {
            Some(tail) => Ok(tail.to_vec()),
            None => damaged("a fragment in it is too short"),
        }
    }

    /// A block of a file or of fragments, with its size as an inode has it.
    fn block(&mut self, place: u64, size: u32) -> Result<Vec<u8>, SquashfsError> {
        let most = self.superblock.block_size as usize;
        let length = (size & !STORED_BLOCK) as usize;
        if length > most.min(BLOCK) {
            return damaged("a block in it is too long");
        }
        let bytes = self.bytes(place, length)?;
        if size & STORED_BLOCK != 0 { Ok(bytes) } else { self.unpack(&bytes, most) }
    }

    /// Reads the next block of a file, or its tail.
    fn fill(&mut self, content: &mut Content) -> Result<(), SquashfsError> {
        let block_size = self.superblock.block_size as usize;
        let due = content.left.min(block_size as u64) as usize;
        content.used = 0;
        if content.blocks > 0 {
            content.blocks -= 1;
            let [size] = self.numbers32(&mut content.sizes)?;
            content.block =
                if size & !STORED_BLOCK == 0 { vec![0; due] } else { self.block(content.place, size)? };
            content.place = content.place.saturating_add(u64::from(size & !STORED_BLOCK));
        } else if let Some((index, offset)) = content.tail.take() {
            content.block = self.fragment(index, offset as usize, due)?;
        } else {
            content.block.clear();
        }
        if content.block.len() != due {
            return damaged("a block in it has another length than its file says");
        }
        content.left -= due as u64;
        Ok(())
    }
}

/// A file that is being read.
struct Reading<'a, R> {
    image: &'a mut Image<R>,
    content: &'a mut Content,
}

impl<R: Read + Seek> Read for Reading<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let content = &mut *self.content;
        if content.used == content.block.len() && content.left > 0 {
            if content.failed.is_none()
                && let Err(cause) = self.image.fill(content)
            {
                (content.block, content.used) = (Vec::new(), 0);
                content.failed = Some(cause);
            }
            if let Some(cause) = &content.failed {
                return Err(io::Error::new(io::ErrorKind::InvalidData, cause.to_string()));
            }
        }
        let rest = &content.block[content.used..];
        let length = rest.len().min(buffer.len());
        buffer[..length].copy_from_slice(&rest[..length]);
        content.used += length;
        Ok(length)
    }
}

/// Little-endian numbers, one after the other. Callers have looked that there are as many as they take: behind the end
/// there are zeros.
struct Fields<'a>(&'a [u8]);

impl Fields<'_> {
    fn array<const LENGTH: usize>(&mut self) -> [u8; LENGTH] {
        let Some((first, rest)) = self.0.split_first_chunk() else { return [0; LENGTH] };
        self.0 = rest;
        *first
    }

    fn u16(&mut self) -> u16 {
        u16::from_le_bytes(self.array())
    }

    fn u32(&mut self) -> u32 {
        u32::from_le_bytes(self.array())
    }

    fn u64(&mut self) -> u64 {
        u64::from_le_bytes(self.array())
    }
}
