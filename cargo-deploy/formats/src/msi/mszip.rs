//! MSZIP, the compression of cabinets: blocks of 32 KiB, each a deflate stream of its own that may refer to the block before
//! (\[MS-MCI\], "Microsoft ZIP (MSZIP) Compression and Decompression Data Structure").

use std::io;

use flate2::{Decompress, FlushDecompress, Status};
use libdeflater::Compressor;

use crate::Level;
use crate::deflate::{self, BlockWriter, symbols};

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

/// The distance that is written as what it repeats: a window of 32 KiB that is a ring has the byte there just before it is lost, and
/// it is worth nothing to rely on that.
const FARTHEST: u16 = BLOCK as u16;

/// Gives what compresses blocks in one thread.
pub(crate) fn compressor(level: Level) -> Box<dyn FnMut(Job) -> Done> {
    let mut compressor = deflate::compressor(level);
    let mut block = BlockWriter::new();
    Box::new(move |job| compress(&mut compressor, &mut block, job))
}

/// Compresses the blocks as if they were one stream, and codes what that stream says anew, a stream a block. So matches are found by the best
/// compressor there is, although it knows neither dictionaries nor blocks.
fn compress(compressor: &mut Compressor, writer: &mut BlockWriter, Job { mut before, bytes }: Job) -> Done {
    let begin = before.len();
    before.extend_from_slice(&bytes);
    let content = before;
    let mut stream = vec![0; compressor.deflate_compress_bound(content.len())];
    let length = compressor.deflate_compress(&content, &mut stream).map_err(io::Error::other)?;
    stream.truncate(length);

    let mut output = Vec::with_capacity(length);
    let mut position = 0;
    let mut block = begin..content.len().min(begin + BLOCK);
    symbols(&stream, &mut |symbol| {
        let end = position + usize::from(symbol.length).max(1);
        // Nothing of the block before, and of a match that reaches into the next block both parts.
        position = position.max(begin);
        while position < end {
            let part = end.min(block.end) - position;
            if part < 3 || symbol.length == 0 || symbol.value == FARTHEST {
                content[position..position + part].iter().for_each(|byte| writer.literal(*byte));
            } else {
                writer.repeat(part as u16, symbol.value);
            }
            position += part;
            if position == block.end {
                write_block(writer, &content[block.clone()], &mut output);
                block = position..content.len().min(position + BLOCK);
            }
        }
        position = end;
    })
    .map_err(io::Error::other)?;
    Ok(output)
}

/// Writes a CFDATA (\[MS-CAB\] 2.4).
fn write_block(writer: &mut BlockWriter, content: &[u8], output: &mut Vec<u8>) {
    let begin = output.len();
    output.extend_from_slice(&[0; 8]);
    output.extend_from_slice(b"CK");
    writer.write(content, output);
    let data = output.len() - begin - 8;
    let lengths = [(data as u16).to_le_bytes(), (content.len() as u16).to_le_bytes()].concat();
    output[begin + 4..begin + 8].copy_from_slice(&lengths);
    let sum = checksum(&output[begin + 4..begin + 8], checksum(&output[begin + 8..], 0));
    output[begin..begin + 4].copy_from_slice(&sum.to_le_bytes());
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::mixed;

    #[test]
    fn a_block_refers_to_the_one_before() {
        // Noise that repeats after 30,000 bytes: only with what lies before does a block shrink.
        let noise = crate::sample::incompressible(1, 30_000);
        let content = noise.repeat(4);
        let mut compress = compressor(Level::Default);
        let first = compress(Job { before: Vec::new(), bytes: content[..BLOCK].to_vec() }).unwrap();
        let second =
            compress(Job { before: content[..BLOCK].to_vec(), bytes: content[BLOCK..2 * BLOCK].to_vec() })
                .unwrap();
        assert!(first.len() > 30_000 && second.len() < 1000, "{} {}", first.len(), second.len());
        let mut decompressor = Decompressor::new();
        assert!(decompressor.block(&first[8..], BLOCK).unwrap() == content[..BLOCK]);
        assert!(decompressor.block(&second[8..], BLOCK).unwrap() == content[BLOCK..2 * BLOCK]);
        assert_eq!(Decompressor::new().block(&second[8..], BLOCK), None);
    }

    #[test]
    fn what_repeats_from_a_whole_window_back_is_written_out() {
        let noise = crate::sample::incompressible(2, BLOCK);
        let job = Job { before: noise.clone(), bytes: noise.clone() };
        let blocks = compressor(Level::Default)(job).unwrap();
        assert!(blocks.len() > BLOCK);
        let mut decompressor = Decompressor::new();
        decompressor.before = noise.clone();
        assert!(decompressor.block(&blocks[8..], BLOCK).unwrap() == noise);
    }

    #[test]
    fn a_damaged_block_is_none() {
        let content = mixed(3, 5000);
        let block = compressor(Level::Fast)(Job { before: Vec::new(), bytes: content.clone() }).unwrap();
        assert_eq!(Decompressor::new().block(&block[8..], 5000), Some(content));
        for (data, size) in
            [(&block[8..], 4999), (&block[8..], 5001), (&block[9..], 5000), (&block[8..30], 5000)]
        {
            assert_eq!(Decompressor::new().block(data, size), None);
        }
    }

    #[test]
    fn the_sum_is_that_of_the_specification() {
        assert_eq!(checksum(&[1, 2, 3, 4, 5, 6, 7, 8], 0), 0x0c04_0404);
        assert_eq!(checksum(&[1, 2, 3, 4, 0xa, 0xb, 0xc], 0), 0x0403_0201 ^ 0x000a_0b0c);
    }
}
