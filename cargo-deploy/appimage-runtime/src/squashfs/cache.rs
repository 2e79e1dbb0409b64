//! The blocks that were unpacked last, up to a number of bytes.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// A block after unpacking.
pub(super) struct Block {
    /// Its content.
    pub(super) bytes: Vec<u8>,
    /// Where what follows it begins in the image.
    pub(super) next: u64,
    /// Whether this is all of it, and not its beginning only.
    pub(super) whole: bool,
}

/// The least recently used goes first. Threads share it.
pub(super) struct Cache {
    limit: usize,
    held: Mutex<Held>,
}

struct Held {
    bytes: usize,
    blocks: VecDeque<(u64, Arc<Block>)>,
}

impl Cache {
    /// A cache of at most `limit` bytes.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, held: Mutex::new(Held { bytes: 0, blocks: VecDeque::new() }) }
    }

    /// The block that begins at the byte `at` of the image, if it is held.
    pub(super) fn get(&self, at: u64) -> Option<Arc<Block>> {
        let mut held = self.held.lock().ok()?;
        let index = held.blocks.iter().position(|(start, _)| *start == at)?;
        let found = held.blocks.remove(index)?;
        let block = found.1.clone();
        held.blocks.push_front(found);
        Some(block)
    }

    /// Holds the block that begins at the byte `at`.
    pub(super) fn put(&self, at: u64, block: &Arc<Block>) {
        let Ok(mut held) = self.held.lock() else { return };
        if let Some(index) = held.blocks.iter().position(|(start, _)| *start == at) {
            // Another thread was here, or this was the beginning only.
            if let Some((_, known)) = held.blocks.remove(index) {
                held.bytes = held.bytes.saturating_sub(known.bytes.len());
            }
        }
        held.bytes = held.bytes.saturating_add(block.bytes.len());
        held.blocks.push_front((at, block.clone()));
        while held.bytes > self.limit {
            let Some((_, oldest)) = held.blocks.pop_back() else { break };
            held.bytes = held.bytes.saturating_sub(oldest.bytes.len());
        }
    }
}
