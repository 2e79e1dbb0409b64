//! The stream of metadata: blocks of up to 8 KiB, each packed by itself behind a length of two bytes, read as one text.

use super::cache::Block;
use super::{Image, ImageError, Position, damaged};
use std::sync::Arc;

/// The length of a metadata block after unpacking; only the last of a table is shorter.
pub(super) const LENGTH: usize = 8192;
/// The bit of the two bytes that says: stored as it is.
const STORED: u16 = 0x8000;

/// The bytes from `at` on as an array; zeros where there are none, which callers rule out by asking within the length.
pub(super) fn array<const N: usize>(bytes: &[u8], at: usize) -> [u8; N] {
    let mut array = [0; N];
    if let Some(found) = bytes.get(at..at.saturating_add(N)) {
        array.copy_from_slice(found);
    }
    array
}

/// Reads metadata from a position on, over the borders of blocks.
pub(super) struct Cursor<'a> {
    image: &'a Image,
    position: Position,
    block: Option<Arc<Block>>,
}

impl<'a> Cursor<'a> {
    /// A cursor at a position.
    pub(super) fn new(image: &'a Image, position: Position) -> Self {
        Self { image, position, block: None }
    }

    /// Where it stands.
    pub(super) fn position(&self) -> Position {
        self.position
    }

    /// What is left of the block that it stands in: at least one byte.
    fn rest(&mut self) -> Result<(Arc<Block>, usize), ImageError> {
        loop {
            let block = match self.block.take() {
                Some(block) => block,
                None => self.image.metadata_block(self.position.block)?,
            };
            if self.position.offset < block.bytes.len() {
                self.block = Some(block.clone());
                return Ok((block, self.position.offset));
            }
            // A block is never empty, and the next one begins after it: this ends.
            self.position = Position {
                block: block.next,
                offset: self.position.offset.saturating_sub(block.bytes.len()),
            };
        }
    }

    /// Fills `buffer`.
    pub(super) fn read(&mut self, mut buffer: &mut [u8]) -> Result<(), ImageError> {
        while !buffer.is_empty() {
            let (block, offset) = self.rest()?;
            let found = block.bytes.get(offset..).unwrap_or_default();
            let count = found.len().min(buffer.len());
            let (now, later) = buffer.split_at_mut(count);
            now.copy_from_slice(&found[..count]);
            self.position.offset += count;
            buffer = later;
        }
        Ok(())
    }

    /// Passes over `count` bytes.
    pub(super) fn skip(&mut self, mut count: usize) -> Result<(), ImageError> {
        while count > 0 {
            let (block, offset) = self.rest()?;
            let step = count.min(block.bytes.len().saturating_sub(offset));
            self.position.offset += step;
            count -= step;
        }
        Ok(())
    }

    /// The next `N` bytes.
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], ImageError> {
        let mut array = [0; N];
        self.read(&mut array)?;
        Ok(array)
    }

    /// A number of two bytes.
    pub(super) fn short(&mut self) -> Result<u16, ImageError> {
        Ok(u16::from_le_bytes(self.array()?))
    }

    /// A number of four bytes.
    pub(super) fn word(&mut self) -> Result<u32, ImageError> {
        Ok(u32::from_le_bytes(self.array()?))
    }

    /// A number of eight bytes.
    pub(super) fn long(&mut self) -> Result<u64, ImageError> {
        Ok(u64::from_le_bytes(self.array()?))
    }
}

impl Image {
    /// The metadata block whose length stands at the byte `at`.
    fn metadata_block(&self, at: u64) -> Result<Arc<Block>, ImageError> {
        if let Some(block) = self.metadata.get(at) {
            return Ok(block);
        }
        let mut header = [0; 2];
        self.read(&mut header, at)?;
        let header = u16::from_le_bytes(header);
        let length = usize::from(header & !STORED);
        if length == 0 || length > LENGTH {
            return damaged("a metadata block has a length that is not allowed");
        }
        let mut bytes = vec![0; length];
        self.read(&mut bytes, at.saturating_add(2))?;
        if header & STORED == 0 {
            bytes = self.compression.unpack(&bytes, LENGTH)?;
        }
        let block = Arc::new(Block { bytes, next: at.saturating_add(2 + length as u64), whole: true });
        self.metadata.put(at, &block);
        Ok(block)
    }
}
