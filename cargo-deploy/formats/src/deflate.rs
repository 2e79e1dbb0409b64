//! Deflate (RFC 1951) in parallel: independent chunks, stitched into one stream.
//!
//! libdeflate is the fastest deflate compressor at a given size, but it knows only whole streams: the last block
//! of what it gives has BFINAL set (RFC 1951, 3.2.3), and it does not say where that block begins. To join
//! streams, [`walk`] goes over the symbols of a stream, without producing output, and finds the header of the
//! last block and the exact bit where the stream ends. The bit is then cleared and an empty stored block brings the
//! stream to a byte boundary (what zlib calls a sync flush), so that the next chunk can follow as bytes.

mod block;
mod symbols;

use std::io;

use flate2::Crc;
use libdeflater::{CompressionLvl, Compressor};
use thiserror::Error;

use crate::Level;

pub(crate) use block::BlockWriter;
pub(crate) use symbols::symbols;

/// How much input is compressed at once. Part of the format of our files: another value gives other bytes.
pub(crate) const CHUNK: usize = 1 << 20;

/// A piece of the input of one deflate stream.
#[derive(Debug)]
pub(crate) struct Chunk {
    /// At most [`CHUNK`] bytes.
    pub(crate) bytes: Vec<u8>,
    /// Whether the stream ends with it.
    pub(crate) last: bool,
}

/// What became of a [`Chunk`].
#[derive(Debug)]
pub(crate) struct Compressed {
    /// The chunk as it came.
    pub(crate) input: Vec<u8>,
    /// The next bytes of the deflate stream.
    pub(crate) bytes: Vec<u8>,
    /// Of the input.
    pub(crate) crc: Crc,
}

/// Gives what compresses the chunks in one thread.
pub(crate) fn chunk_compressor(level: Level) -> Box<dyn FnMut(Chunk) -> io::Result<Compressed>> {
    let mut compressor = compressor(level);
    Box::new(move |chunk| compress(&mut compressor, chunk))
}

/// Levels 1, 6 and 12 of libdeflate.
pub(crate) fn compressor(level: Level) -> Compressor {
    let level = match level {
        Level::Fast => 1,
        Level::Default => 6,
        Level::Small => 12,
    };
    Compressor::new(CompressionLvl::new(level).unwrap_or_default())
}

fn compress(compressor: &mut Compressor, chunk: Chunk) -> io::Result<Compressed> {
    let mut crc = Crc::new();
    crc.update(&chunk.bytes);
    // Five bytes more for the empty stored block.
    let mut bytes = vec![0; compressor.deflate_compress_bound(chunk.bytes.len()) + 5];
    let length = compressor.deflate_compress(&chunk.bytes, &mut bytes).map_err(io::Error::other)?;
    bytes.truncate(length);
    if !chunk.last {
        unfinish(&mut bytes).map_err(io::Error::other)?;
    }
    Ok(Compressed { input: chunk.bytes, bytes, crc })
}

/// Makes a finished deflate stream one that can be continued with the bytes of another stream.
fn unfinish(stream: &mut Vec<u8>) -> Result<(), DeflateError> {
    let Walk { last_block, end } = walk(stream)?;
    if end.div_ceil(8) != stream.len() {
        return Err(DeflateError::BytesAfterEnd { end_bit: end });
    }
    stream[last_block / 8] &= !(1 << (last_block % 8));
    // BFINAL 0 and BTYPE 00, three bits, then zeros up to the byte, then LEN 0 and its complement (RFC 1951, 3.2.4).
    let used = end % 8;
    if used != 0
        && let Some(byte) = stream.last_mut()
    {
        *byte &= (1 << used) - 1;
    }
    if !(1..=5).contains(&used) {
        stream.push(0);
    }
    stream.extend_from_slice(&[0, 0, 0xff, 0xff]);
    Ok(())
}

/// Where a deflate stream ends. Positions are in bits from the start, the lowest bit of a byte first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Walk {
    /// The BFINAL bit of the last block.
    last_block: usize,
    /// The first bit after the last block.
    end: usize,
}

/// Why a deflate stream cannot be followed to its end.
#[derive(Debug, Error, PartialEq, Eq)]
pub(crate) enum DeflateError {
    /// The data ends within a block.
    #[error("the deflate stream ends too early")]
    Truncated,
    /// BTYPE 11.
    #[error("the deflate stream has a block of the reserved type")]
    ReservedBlock,
    /// LEN and NLEN do not agree.
    #[error("the deflate stream has a stored block of uncertain length")]
    StoredLength,
    /// The code lengths are no prefix code, or a repeat has nothing to repeat.
    #[error("the deflate stream has an invalid prefix code")]
    Code,
    /// A bit sequence or symbol that means nothing.
    #[error("the deflate stream has an undefined symbol")]
    Symbol,
    /// There is more than the stream.
    #[error("the deflate stream ends at bit {end_bit}, before the end of its data")]
    BytesAfterEnd {
        /// The end of the stream, in bits.
        end_bit: usize,
    },
}

/// Bits of a byte slice, the lowest bit first (RFC 1951, 3.1.1). Beyond the end there are zeros; whoever
/// consumed one of them finds out by `position`.
struct Bits<'a> {
    bytes: &'a [u8],
    next: usize,
    buffer: u64,
    count: u32,
}

impl<'a> Bits<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Bits { bytes, next: 0, buffer: 0, count: 0 }
    }

    /// At least 56 bits in the buffer.
    #[inline(always)]
    fn refill(&mut self) {
        if let Some(word) = self.bytes.get(self.next..).and_then(|rest| rest.first_chunk::<8>()) {
            self.buffer |= u64::from_le_bytes(*word) << self.count;
            self.next += ((63 - self.count) >> 3) as usize;
            self.count |= 56;
        } else {
            while self.count < 56 {
                let byte = self.bytes.get(self.next).copied().unwrap_or(0);
                self.buffer |= u64::from(byte) << self.count;
                self.next += 1;
                self.count += 8;
            }
        }
    }

    #[inline(always)]
    fn consume(&mut self, bits: u32) {
        self.buffer >>= bits;
        self.count -= bits;
    }

    fn take(&mut self, bits: u32) -> usize {
        let value = self.buffer & ((1 << bits) - 1);
        self.consume(bits);
        value as usize
    }

    /// Of the next bit.
    fn position(&self) -> usize {
        self.next * 8 - self.count as usize
    }

    fn check(&self) -> Result<(), DeflateError> {
        if self.position() > self.bytes.len() * 8 { Err(DeflateError::Truncated) } else { Ok(()) }
    }

    /// Goes on at a byte.
    fn jump(&mut self, byte: usize) {
        self.next = byte;
        self.buffer = 0;
        self.count = 0;
    }
}

/// An entry of a table says how many bits it stands for, extra bits included, and what comes next.
const BITS: u16 = 0x3f;
/// A distance comes next: the bit that leads from the first half of the table to the second.
const LENGTH: u16 = 1 << 11;
/// How many of the bits are the extra bits of a length, which need not lie within the index. Three bits.
const EXTRA_SHIFT: u32 = 12;
/// Nothing that is skipped: the end of the block, a longer code, or no code at all.
const STOP: u16 = 1 << 15;
const END: u16 = STOP;
const LONG: u16 = STOP | 1 << 8;
const INVALID: u16 = STOP | 2 << 8;
const STOP_KIND: u16 = STOP | 3 << 8;

/// How many bits of a code are looked up at once.
const INDEX_BITS: u32 = 11;
const HALF: usize = 1 << INDEX_BITS;

/// The extra bits of the length symbols 257 to 285 (RFC 1951, 3.2.5).
const LENGTH_EXTRA: [u8; 29] =
    [0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0];

/// The entry for a symbol of the literal/length alphabet, without the bits of its code.
fn literal_entry(symbol: usize) -> u16 {
    match symbol {
        0..=255 => 0,
        256 => END,
        257..=285 => {
            let extra = u16::from(LENGTH_EXTRA[symbol - 257]);
            LENGTH | extra << EXTRA_SHIFT | extra
        }
        _ => INVALID,
    }
}

/// The same for the distance alphabet (RFC 1951, 3.2.5).
fn distance_entry(symbol: usize) -> u16 {
    match symbol {
        0..=3 => 0,
        4..=29 => symbol as u16 / 2 - 1,
        _ => INVALID,
    }
}

/// A prefix code in canonical form (RFC 1951, 3.2.2).
struct Code {
    /// How many codes there are of each length.
    counts: [u16; 16],
    /// The symbols in the order of their codes.
    symbols: [u16; 288],
    entry: fn(usize) -> u16,
}

impl Code {
    fn new(entry: fn(usize) -> u16) -> Self {
        Code { counts: [0; 16], symbols: [0; 288], entry }
    }

    /// Takes the code lengths of the symbols and fills a table for codes up to the length of its index. An incomplete
    /// code is accepted where it has one symbol or none, as the RFC allows it for distances.
    fn set(&mut self, lengths: &[u8], table: &mut [u16]) -> Result<(), DeflateError> {
        let index_bits = table.len().trailing_zeros();
        self.counts = [0; 16];
        for &length in lengths {
            self.counts[usize::from(length)] += 1;
        }
        self.counts[0] = 0;
        let mut left: i32 = 1;
        for &count in &self.counts[1..] {
            left = (left << 1) - i32::from(count);
            if left < 0 {
                return Err(DeflateError::Code);
            }
        }
        let used: u16 = self.counts.iter().sum();
        if left > 0 {
            if used > 1 {
                return Err(DeflateError::Code);
            }
            table.fill(INVALID);
        }

        let mut offsets = [0u16; 16];
        let mut codes = [0u16; 16];
        for length in 1..15 {
            offsets[length + 1] = offsets[length] + self.counts[length];
            codes[length + 1] = (codes[length] + self.counts[length]) << 1;
        }
        for (symbol, &length) in lengths.iter().enumerate() {
            if length == 0 {
                continue;
            }
            let place = usize::from(length);
            self.symbols[usize::from(offsets[place])] = symbol as u16;
            offsets[place] += 1;
            let code = codes[place];
            codes[place] += 1;
            let length = u32::from(length);
            // Codes come with their highest bit first, the buffer has the lowest first (RFC 1951, 3.1.1).
            let reversed = usize::from(code.reverse_bits() >> (16 - length));
            if length <= index_bits {
                let entry = (self.entry)(symbol) + length as u16;
                for slot in table[reversed..].iter_mut().step_by(1 << length) {
                    *slot = entry;
                }
            } else {
                table[reversed & (table.len() - 1)] = LONG;
            }
        }
        Ok(())
    }

    /// Reads a code bit by bit: one that is longer than an index.
    #[cold]
    fn long(&self, buffer: u64) -> u16 {
        let mut code = 0i32;
        let mut first = 0i32;
        let mut index = 0i32;
        for length in 1..16 {
            code |= (buffer >> (length - 1)) as i32 & 1;
            let count = i32::from(self.counts[length]);
            if code - first < count {
                let symbol = self.symbols[(index + code - first) as usize];
                return (self.entry)(usize::from(symbol)) + length as u16;
            }
            index += count;
            first = (first + count) << 1;
            code <<= 1;
        }
        INVALID
    }
}

/// The two codes of a block, with their tables in one: what a length leads to is a matter of arithmetic and not of a
/// jump the processor would have to guess.
struct Codes {
    literals: Code,
    distances: Code,
    table: [u16; 2 * HALF],
}

impl Codes {
    fn new() -> Self {
        Codes {
            literals: Code::new(literal_entry),
            distances: Code::new(distance_entry),
            table: [INVALID; 2 * HALF],
        }
    }

    fn set(&mut self, literals: &[u8], distances: &[u8]) -> Result<(), DeflateError> {
        let (literal_table, distance_table) = self.table.split_at_mut(HALF);
        self.literals.set(literals, literal_table)?;
        self.distances.set(distances, distance_table)?;
        join_literals(literal_table);
        Ok(())
    }
}

/// Several literals that fit in one look-up become one entry, and so does a length symbol behind them:
/// which literals they were is of no matter here.
fn join_literals(table: &mut [u16]) {
    // Smaller indexes are not joined yet, and the rest of an index is smaller, but for index 0.
    for index in (1..table.len()).rev() {
        let mut joined = table[index];
        while joined & (STOP | LENGTH) == 0 && u32::from(joined) < INDEX_BITS {
            let next = table[index >> joined];
            let code = (next & BITS) - (next >> EXTRA_SHIFT & 7);
            if next & STOP != 0 || u32::from(joined + code) > INDEX_BITS {
                break;
            }
            joined += next;
        }
        table[index] = joined;
    }
}

/// Follows a deflate stream to its end.
fn walk(stream: &[u8]) -> Result<Walk, DeflateError> {
    let mut bits = Bits::new(stream);
    let mut codes = Codes::new();
    loop {
        let last_block = bits.position();
        bits.refill();
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => {
                skip_stored(&mut bits)?;
            }
            1 => {
                set_fixed(&mut codes)?;
                skip_symbols(&mut bits, &codes)?;
            }
            2 => {
                set_dynamic(&mut bits, &mut codes)?;
                skip_symbols(&mut bits, &codes)?;
            }
            _ => {
                bits.check()?;
                return Err(DeflateError::ReservedBlock);
            }
        }
        bits.check()?;
        if last {
            return Ok(Walk { last_block, end: bits.position() });
        }
    }
}

/// RFC 1951, 3.2.4.
fn skip_stored<'a>(bits: &mut Bits<'a>) -> Result<&'a [u8], DeflateError> {
    let start = bits.position().div_ceil(8);
    let header = bits.bytes.get(start..).and_then(|rest| rest.first_chunk::<4>());
    let Some(&[low, high, low_complement, high_complement]) = header else {
        return Err(DeflateError::Truncated);
    };
    let length = u16::from_le_bytes([low, high]);
    if length != !u16::from_le_bytes([low_complement, high_complement]) {
        return Err(DeflateError::StoredLength);
    }
    let content = start + 4;
    bits.jump(content + usize::from(length));
    bits.bytes.get(content..bits.next).ok_or(DeflateError::Truncated)
}

/// RFC 1951, 3.2.6.
fn set_fixed(codes: &mut Codes) -> Result<(), DeflateError> {
    let mut lengths = [8u8; 288];
    lengths[144..256].fill(9);
    lengths[256..280].fill(7);
    codes.set(&lengths, &[5; 32])
}

/// RFC 1951, 3.2.7.
fn set_dynamic(bits: &mut Bits<'_>, codes: &mut Codes) -> Result<(), DeflateError> {
    let Lengths { lengths, literals, total } = Lengths::read(bits)?;
    codes.set(&lengths[..literals], &lengths[literals..total])
}

/// The code lengths at the head of a dynamic block: those of the literal/length alphabet, then those of the distances.
struct Lengths {
    lengths: [u8; 286 + 32],
    literals: usize,
    total: usize,
}

impl Lengths {
    fn read(bits: &mut Bits<'_>) -> Result<Self, DeflateError> {
        const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];
        bits.refill();
        let literal_count = bits.take(5) + 257;
        let distance_count = bits.take(5) + 1;
        let length_count = bits.take(4) + 4;
        if literal_count > 286 {
            return Err(DeflateError::Code);
        }
        let mut lengths = [0u8; 19];
        for &symbol in &ORDER[..length_count] {
            bits.refill();
            lengths[symbol] = bits.take(3) as u8;
        }
        // Here the symbol itself is wanted. Its codes have seven bits at most.
        let mut table = [0; 128];
        Code::new(|symbol| (symbol as u16) << 8).set(&lengths, &mut table)?;

        let mut lengths = [0u8; 286 + 32];
        let total = literal_count + distance_count;
        let mut filled = 0;
        while filled < total {
            bits.refill();
            let entry = table[(bits.buffer & 127) as usize];
            // An unused half of an incomplete code has no length. (Of a code without symbols it has all.)
            let length = u32::from(entry & BITS);
            if length == 0 {
                return Err(DeflateError::Symbol);
            }
            bits.consume(length);
            let (value, repeat) = match entry >> 8 {
                16 => {
                    let previous = filled.checked_sub(1).ok_or(DeflateError::Code)?;
                    (lengths[previous], 3 + bits.take(2))
                }
                17 => (0, 3 + bits.take(3)),
                18 => (0, 11 + bits.take(7)),
                length => (length as u8, 1),
            };
            let place = lengths[..total].get_mut(filled..filled + repeat).ok_or(DeflateError::Code)?;
            place.fill(value);
            filled += repeat;
            bits.check()?;
        }
        Ok(Lengths { lengths, literals: literal_count, total })
    }
}

/// Goes over the symbols of a block up to and including its end-of-block symbol.
fn skip_symbols(bits: &mut Bits<'_>, codes: &Codes) -> Result<(), DeflateError> {
    // A few bytes of zeros behind the data may be read in advance; whoever gets further has lost its way.
    let limit = bits.bytes.len() + 16;
    let mut entry = 0;
    while bits.next <= limit {
        bits.refill();
        // Two entries are at most 40 of 56 bits, 16 for literals and a length, 24 for a distance. A long code, which is at
        // most 28, starts anew.
        for _ in 0..2 {
            let half = entry & LENGTH;
            entry = codes.table[usize::from(half) | (bits.buffer as usize & (HALF - 1))];
            if entry & STOP != 0 {
                if entry & STOP_KIND == LONG {
                    bits.refill();
                    entry = if half == 0 { &codes.literals } else { &codes.distances }.long(bits.buffer);
                }
                match entry & STOP_KIND {
                    END => {
                        bits.consume(u32::from(entry & BITS));
                        return Ok(());
                    }
                    INVALID => {
                        bits.check()?;
                        return Err(DeflateError::Symbol);
                    }
                    _ => {}
                }
            }
            bits.consume(u32::from(entry & BITS));
        }
    }
    Err(DeflateError::Truncated)
}

#[cfg(test)]
mod tests {
    use std::io::Read;
    use std::io::Write;

    use flate2::Compression;
    use flate2::read::DeflateDecoder;
    use flate2::write::DeflateEncoder;

    use super::*;
    use crate::sample::{Random, incompressible, mixed, text};

    fn plain(level: i32, input: &[u8]) -> Vec<u8> {
        let mut compressor = Compressor::new(CompressionLvl::new(level).unwrap());
        let mut bytes = vec![0; compressor.deflate_compress_bound(input.len())];
        let length = compressor.deflate_compress(input, &mut bytes).unwrap();
        bytes.truncate(length);
        bytes
    }

    fn inflate(stream: &[u8]) -> (Vec<u8>, u64) {
        let mut decoder = DeflateDecoder::new(stream);
        let mut output = Vec::new();
        decoder.read_to_end(&mut output).unwrap();
        (output, decoder.total_in())
    }

    /// Several streams in one, as the writers make it.
    fn stitched(level: Level, pieces: &[&[u8]]) -> Vec<u8> {
        let mut compress = chunk_compressor(level);
        let mut stream = Vec::new();
        for (index, piece) in pieces.iter().enumerate() {
            let chunk = Chunk { bytes: piece.to_vec(), last: index + 1 == pieces.len() };
            stream.extend(compress(chunk).unwrap().bytes);
        }
        stream
    }

    #[test]
    fn the_end_of_a_stream_is_found_whatever_compressed_it() {
        let inputs: &[(&str, Vec<u8>)] = &[
            ("nothing", Vec::new()),
            ("one byte", vec![7]),
            ("two equal bytes, which need no distance", vec![7, 7]),
            ("short text, for which the fixed codes are best", b"hello hello hello".to_vec()),
            ("zeros, with one distance only", vec![0; 300_000]),
            ("text", text(1, 400_000)),
            ("what cannot be compressed, in stored blocks", incompressible(2, 200_000)),
            ("both, in turns", mixed(3, 700_000)),
        ];
        for (name, input) in inputs {
            for level in 0..=12 {
                let stream = plain(level, input);
                let walked = walk(&stream).unwrap();
                assert_eq!(walked.end.div_ceil(8), stream.len(), "{name}, level {level}");
                assert_eq!(
                    stream[walked.last_block / 8] >> (walked.last_block % 8) & 1,
                    1,
                    "{name}, {level}"
                );
            }
            for level in 0..=9 {
                let mut encoder = DeflateEncoder::new(Vec::new(), Compression::new(level));
                encoder.write_all(input).unwrap();
                let stream = encoder.finish().unwrap();
                assert_eq!(
                    walk(&stream).unwrap().end.div_ceil(8),
                    stream.len(),
                    "{name}, zlib level {level}"
                );
            }
        }
    }

    #[test]
    fn the_blocks_of_the_specification_are_followed_by_hand() {
        // BFINAL 1, BTYPE 00, LEN 3.
        let stored = [0b001, 3, 0, 0xfc, 0xff, b'a', b'b', b'c'];
        assert_eq!(walk(&stored), Ok(Walk { last_block: 0, end: 64 }));
        // BFINAL 1, BTYPE 01, seven zeros: an empty block with fixed codes.
        assert_eq!(walk(&[0b011, 0]), Ok(Walk { last_block: 0, end: 10 }));
        // The same behind an empty stored block: 3 bits and padding, then LEN and NLEN.
        assert_eq!(walk(&[0, 0, 0, 0xff, 0xff, 0b011, 0]), Ok(Walk { last_block: 40, end: 50 }));
        let wrong: &[(&[u8], DeflateError)] = &[
            (&[], DeflateError::Truncated),
            (&[0b111], DeflateError::ReservedBlock),
            (&[0b001, 3, 0, 0xfc, 0xfe, 0, 0, 0], DeflateError::StoredLength),
            (&[0b001, 3, 0, 0xfc, 0xff, 0, 0], DeflateError::Truncated),
            (&[0b011], DeflateError::Truncated),
            // BTYPE 10 with HLIT 31: 288 literal codes, of which the RFC knows 286.
            (&[0b1111_1101, 0, 0, 0], DeflateError::Code),
            // All lengths of the code length code are zero.
            (&[0b101, 0, 0, 0], DeflateError::Symbol),
        ];
        for (stream, error) in wrong {
            assert_eq!(walk(stream).as_ref(), Err(error), "{stream:02x?}");
        }
    }

    #[test]
    fn long_codes_are_read_beyond_the_table() {
        // Frequencies like the Fibonacci numbers give the longest codes there are.
        let mut input = Vec::new();
        let (mut one, mut two) = (1usize, 1usize);
        for byte in 0..22u8 {
            for _ in 0..one {
                input.push(byte);
            }
            (one, two) = (two, one + two);
        }
        let mut random = Random::new(4);
        for index in (1..input.len()).rev() {
            input.swap(index, random.below(index + 1));
        }
        let stream = plain(6, &input);
        assert_eq!(walk(&stream).unwrap().end.div_ceil(8), stream.len());
        assert_eq!(inflate(&stitched(Level::Default, &[&input, &input])).0, [input.clone(), input].concat());
    }

    #[test]
    fn stitched_streams_are_one_stream() {
        let a = mixed(5, 900_000);
        let b = text(6, 1000);
        let c = incompressible(7, 70_000);
        for level in [Level::Fast, Level::Default, Level::Small] {
            for pieces in [&[&a[..], &b, &c][..], &[&c, &a, &b], &[&b, &b, &b, &b], &[&c, &c], &[&a, &[]]] {
                let stream = stitched(level, pieces);
                let (output, used) = inflate(&stream);
                assert!(output == pieces.concat(), "{level:?}");
                assert_eq!(used, stream.len() as u64);
                assert_eq!(walk(&stream).unwrap().end.div_ceil(8), stream.len());
            }
        }
    }

    #[test]
    fn every_bit_position_of_an_end_can_be_continued() {
        let mut seen = [false; 8];
        for length in 0..200 {
            let piece = text(length as u64, length);
            seen[walk(&plain(7, &piece)).unwrap().end % 8] = true;
            let (output, _) = inflate(&stitched(Level::Default, &[&piece, b"tail"]));
            assert_eq!(output, [&piece[..], b"tail"].concat());
        }
        assert_eq!(seen, [true; 8]);
    }

    #[test]
    fn damaged_streams_end_with_an_error_or_within_the_data() {
        let streams =
            [plain(6, &mixed(8, 30_000)), plain(6, b"hello hello hello"), plain(1, &incompressible(9, 500))];
        for stream in &streams {
            for length in 0..stream.len().min(600) {
                assert!(walk(&stream[..length]).is_err(), "cut to {length}");
            }
        }
        let mut random = Random::new(10);
        for _ in 0..3000 {
            let mut stream = streams[random.below(streams.len())].clone();
            for _ in 0..1 + random.below(4) {
                let place = random.below(stream.len());
                stream[place] ^= 1 << random.below(8);
            }
            if let Ok(walked) = walk(&stream) {
                assert!(walked.end <= stream.len() * 8);
            }
            let _ = walk(&incompressible(random.next(), 300));
        }
    }
}
