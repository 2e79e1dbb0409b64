//! MSZIP, the compression of cabinets: blocks of 32 KiB, each a deflate stream of its own that may refer to the block before
//! (\[MS-MCI\], "Microsoft ZIP (MSZIP) Compression and Decompression Data Structure").

use std::io;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::Level;

/// How much a block holds, and how far back it can refer.
pub(crate) const BLOCK: usize = 1 << 15;
/// How many blocks are compressed at once. They need only the block before them, so it does not change the bytes.
pub(crate) const BATCH: usize = 32;

/// Blocks that follow each other, and the one before them.
#[derive(Debug)]
pub(crate) struct Job {
    /// Empty before the first block of a folder, a whole block otherwise.
    pub(crate) before: Vec<u8>,
    /// At most [`BATCH`] blocks.
    pub(crate) bytes: Vec<u8>,
}

/// Blocks as they stand in a cabinet: with their headers.
pub(crate) type Done = io::Result<Vec<u8>>;

/// Gives what compresses blocks in one thread.
pub(crate) fn compressor(level: Level) -> Box<dyn FnMut(Job) -> Done> {
    let level = match level {
        Level::Fast => 1,
        Level::Default => 6,
        Level::Small => 9,
    };
    let mut compress = Compress::new(Compression::new(level), false);
    Box::new(move |job| {
        let mut output = Vec::with_capacity(job.bytes.len() / 2);
        let mut before = job.before.as_slice();
        for block in job.bytes.chunks(BLOCK) {
            compress_block(&mut compress, before, block, &mut output)?;
            before = block;
        }
        Ok(output)
    })
}

fn compress_block(
    compress: &mut Compress,
    before: &[u8],
    block: &[u8],
    output: &mut Vec<u8>,
) -> io::Result<()> {
    compress.reset();
    if !before.is_empty() {
        compress.set_dictionary(before).map_err(io::Error::other)?;
    }
    let begin = output.len();
    // Checksum and two lengths of a CFDATA come before the signature ([MS-CAB] 2.4).
    output.extend_from_slice(&[0; 8]);
    output.extend_from_slice(b"CK");
    output.reserve(block.len() + 5);
    let room = output.capacity();
    let status = compress.compress_vec(block, output, FlushCompress::Finish).map_err(io::Error::other)?;
    debug_assert_eq!(room, output.capacity());
    // A stored block has five bytes of its own.
    if status != Status::StreamEnd || output.len() - begin - 10 > block.len() + 5 {
        output.truncate(begin + 10);
        let length = block.len() as u16;
        output.push(1);
        output.extend_from_slice(&length.to_le_bytes());
        output.extend_from_slice(&(!length).to_le_bytes());
        output.extend_from_slice(block);
    }
    let data = output.len() - begin - 8;
    let lengths = [(data as u16).to_le_bytes(), (block.len() as u16).to_le_bytes()].concat();
    output[begin + 4..begin + 8].copy_from_slice(&lengths);
    let sum = checksum(&output[begin + 4..begin + 8], checksum(&output[begin + 8..], 0));
    output[begin..begin + 4].copy_from_slice(&sum.to_le_bytes());
    Ok(())
}

/// The sum of a CFDATA (\[MS-CAB\] 3.1): words of four bytes by exclusive or; what is left over has its first byte highest.
pub(crate) fn checksum(bytes: &[u8], seed: u32) -> u32 {
    let (words, rest) = bytes.as_chunks::<4>();
    let sum = words.iter().fold(seed, |sum, word| sum ^ u32::from_le_bytes(*word));
    sum ^ rest.iter().fold(0, |last, byte| last << 8 | u32::from(*byte))
}

/// Takes blocks apart.
#[derive(Debug)]
pub(crate) struct Decompressor {
    decompress: Decompress,
    before: Vec<u8>,
}

impl Decompressor {
    pub(crate) fn new() -> Self {
        Decompressor { decompress: Decompress::new(false), before: Vec::new() }
    }

    /// The content of a block, which must have the size that is said of it. `None` if it is damaged.
    pub(crate) fn block(&mut self, data: &[u8], size: usize) -> Option<Vec<u8>> {
        let data = data.strip_prefix(b"CK")?;
        self.decompress.reset(false);
        if !self.before.is_empty() {
            self.decompress.set_dictionary(&self.before).ok()?;
        }
        // One more, so that a block which is longer than it should be is seen.
        let mut block = Vec::with_capacity(size + 1);
        let status = self.decompress.decompress_vec(data, &mut block, FlushDecompress::Finish).ok()?;
        if status != Status::StreamEnd || block.len() != size {
            return None;
        }
        self.before.extend_from_slice(&block);
        let old = self.before.len().saturating_sub(BLOCK);
        self.before.drain(..old);
        Some(block)
    }
}
