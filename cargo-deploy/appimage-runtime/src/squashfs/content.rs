//! The content of a file: whole blocks, and its end in a block that it shares with other files' ends.

use super::cache::Block;
use super::inode::Layout;
use super::metadata::Cursor;
use super::{Image, ImageError, Inode, Kind, Position, damaged, recall, remember};
use std::sync::{Arc, Mutex};

/// The bit of a block's length that says: stored as it is.
const STORED: u32 = 1 << 24;
/// Entries of the table of shared blocks in one metadata block.
const FRAGMENTS: u32 = 512;

/// How far the list of a file's blocks was read. Where a block begins is the sum of the lengths before it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Walk {
    reference: u64,
    /// The block that is next.
    index: u64,
    /// Where its length stands.
    length: Position,
    /// Where it begins in the image.
    begin: u64,
}

impl Image {
    /// Appends to `out` the bytes of a file from `offset` on, up to `count` and up to its end.
    pub(crate) fn content(
        &self,
        inode: &Inode,
        offset: u64,
        count: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), ImageError> {
        let Kind::File(layout) = &inode.kind else { return damaged("a file is none") };
        let end = offset.saturating_add(count as u64).min(inode.size);
        let size = u64::from(self.block_size);
        // The blocks that belong to the file alone.
        let whole = if layout.fragment.is_some() { inode.size / size } else { inode.size.div_ceil(size) };
        let mut at = offset;
        let mut walk = None;
        let mut before = None;
        while at < end {
            let index = at / size;
            let first = (at % size) as usize;
            let last = (end - index * size).min(size) as usize;
            if index >= whole {
                out.extend_from_slice(self.fragment(layout, first, last)?.slice());
            } else {
                let expected = (inode.size - index * size).min(size) as usize;
                let walk = match &mut walk {
                    Some(walk) => walk,
                    None => walk.insert(self.walk_to(inode.reference, layout, index)?),
                };
                // The next read may begin in this very block.
                before = Some(*walk);
                let (begin, length) = self.step(walk)?;
                if length & !STORED == 0 {
                    // A hole: zeros that take no room.
                    out.resize(out.len().saturating_add(last - first), 0);
                } else {
                    let block = self.block(begin, length, last)?;
                    match block.bytes.get(first..last) {
                        Some(part) if !block.whole || block.bytes.len() == expected => {
                            out.extend_from_slice(part);
                        }
                        _ => return damaged("a block has another length than its file"),
                    }
                }
            }
            at = index * size + last as u64;
        }
        if let Some(walk) = before {
            remember(&self.walks, walk);
        }
        Ok(())
    }

    /// The list of blocks, read up to the block `index`.
    fn walk_to(&self, reference: u64, layout: &Layout, index: u64) -> Result<Walk, ImageError> {
        let known = recall(&self.walks, |walk| walk.reference == reference && walk.index <= index);
        let mut walk =
            known.unwrap_or(Walk { reference, index: 0, length: layout.lengths, begin: layout.first });
        let mut cursor = Cursor::new(self, walk.length);
        while walk.index < index {
            walk.begin = walk.begin.saturating_add(u64::from(cursor.word()? & (STORED - 1)));
            walk.index += 1;
        }
        walk.length = cursor.position();
        Ok(walk)
    }

    /// Where the next block begins, and its length with the bit for stored ones.
    fn step(&self, walk: &mut Walk) -> Result<(u64, u32), ImageError> {
        let mut cursor = Cursor::new(self, walk.length);
        let length = cursor.word()?;
        let begin = walk.begin;
        *walk = Walk {
            reference: walk.reference,
            index: walk.index + 1,
            length: cursor.position(),
            begin: begin.saturating_add(u64::from(length & (STORED - 1))),
        };
        Ok((begin, length))
    }

    /// The block that begins at a byte of the image, or its beginning of at least `wanted` bytes.
    fn block(&self, begin: u64, length: u32, wanted: usize) -> Result<Arc<Block>, ImageError> {
        // Who wants a block that another thread unpacks right now waits for it and does not do it again.
        let turn = self.turns.get(begin as usize % self.turns.len()).map(Mutex::lock);
        let known = self.content.get(begin);
        if let Some(block) = known.as_ref().filter(|block| block.whole || block.bytes.len() >= wanted) {
            return Ok(block.clone());
        }
        let packed = length & (STORED - 1);
        if packed > self.block_size || length & !(STORED | (STORED - 1)) != 0 {
            return damaged("a block has a length that is not allowed");
        }
        let limit = self.block_size as usize;
        let mut bytes = vec![0; packed as usize];
        self.read(&mut bytes, begin)?;
        let mut whole = true;
        if length & STORED == 0 {
            // Programs and libraries are opened for their first bytes by many; who comes back wants it all.
            let beginning = match known.is_none() && wanted <= limit / 2 {
                true => self.compression.unpack_beginning(&bytes, wanted, limit),
                false => None,
            };
            whole = beginning.is_none();
            bytes = match beginning {
                Some(beginning) => beginning,
                None => self.compression.unpack(&bytes, limit)?,
            };
        }
        let block = Arc::new(Block { bytes, next: begin.saturating_add(u64::from(packed)), whole });
        self.content.put(begin, &block);
        drop(turn);
        Ok(block)
    }

    /// The bytes `first..last` of a file's end.
    fn fragment(&self, layout: &Layout, first: usize, last: usize) -> Result<Part, ImageError> {
        let Some((number, offset)) = layout.fragment else { return damaged("a file has no end") };
        if number >= self.fragments {
            return damaged("a file's end is in a block that does not exist");
        }
        let mut table = [0; 8];
        let entry = u64::from(number / FRAGMENTS) * 8;
        self.read(&mut table, self.fragment_table.saturating_add(entry))?;
        let position =
            Position { block: u64::from_le_bytes(table), offset: (number % FRAGMENTS) as usize * 16 };
        let mut cursor = Cursor::new(self, position);
        let begin = cursor.long()?;
        let length = cursor.word()?;
        if length & !STORED == 0 {
            return damaged("a block of files' ends is empty");
        }
        let (first, last) = ((offset as usize).saturating_add(first), (offset as usize).saturating_add(last));
        let block = self.block(begin, length, last)?;
        if block.bytes.get(first..last).is_none() {
            return damaged("a file's end stands outside of its block");
        }
        Ok(Part { block, first, last })
    }
}

/// A part of a block.
struct Part {
    block: Arc<Block>,
    first: usize,
    last: usize,
}

impl Part {
    fn slice(&self) -> &[u8] {
        self.block.bytes.get(self.first..self.last).unwrap_or_default()
    }
}
