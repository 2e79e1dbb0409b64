//! Writes literals and matches as a deflate stream of one block, in the shortest of the three ways there are.

use super::LENGTH_EXTRA;
use super::symbols::{DISTANCE_BASE, LENGTH_BASE, Symbol};

const LITERALS: usize = 286;
const DISTANCES: usize = 30;
const END: usize = 256;
/// The order in which the lengths of the code for lengths stand (RFC 1951, 3.2.7).
const ORDER: [usize; 19] = [16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15];

/// Which length symbol, from 0, stands for a length, from 3.
const LENGTH_SYMBOL: [u8; 256] = {
    let mut table = [0; 256];
    let mut symbol = 0;
    while symbol < LENGTH_BASE.len() {
        let mut length = LENGTH_BASE[symbol] as usize;
        while length <= 258 {
            table[length - 3] = symbol as u8;
            length += 1;
        }
        symbol += 1;
    }
    table
};

fn length_symbol(length: u16) -> usize {
    usize::from(LENGTH_SYMBOL[usize::from(length - 3) & 255])
}

fn distance_symbol(distance: u16) -> usize {
    let below = u32::from(distance - 1);
    if below < 4 {
        return below as usize;
    }
    // Two symbols for every power of two: the second highest bit tells them apart.
    let bits = 31 - below.leading_zeros();
    (2 * bits + (below >> (bits - 1) & 1)) as usize
}

fn distance_extra(symbol: usize) -> u32 {
    (symbol as u32 / 2).saturating_sub(1)
}

/// Collects the symbols of a block.
#[derive(Debug)]
pub(crate) struct BlockWriter {
    symbols: Vec<Symbol>,
    literals: [u32; LITERALS],
    distances: [u32; DISTANCES],
}

impl BlockWriter {
    pub(crate) fn new() -> Self {
        BlockWriter {
            symbols: Vec::with_capacity(1 << 15),
            literals: [0; LITERALS],
            distances: [0; DISTANCES],
        }
    }

    /// Adds a byte.
    pub(crate) fn literal(&mut self, byte: u8) {
        self.literals[usize::from(byte)] += 1;
        self.symbols.push(Symbol { length: 0, value: u16::from(byte) });
    }

    /// Adds a match of 3 to 258 bytes from at most 32,768 back.
    pub(crate) fn repeat(&mut self, length: u16, distance: u16) {
        self.literals[END + 1 + length_symbol(length)] += 1;
        self.distances[distance_symbol(distance)] += 1;
        self.symbols.push(Symbol { length, value: distance });
    }

    /// Writes the block as a stream, and is then as new. `content` is what the symbols stand for, at most 65,535 bytes.
    pub(crate) fn write(&mut self, content: &[u8], output: &mut Vec<u8>) {
        self.literals[END] = 1;
        let literals = lengths(&self.literals, 15);
        let mut distances = lengths(&self.distances, 15);
        // Some readers do not take a code with less than two symbols.
        if distances.iter().filter(|length| **length > 0).count() < 2 {
            let (first, second) = if distances[0] > 0 {
                (0, 1)
            } else {
                (0, distances.iter().position(|length| *length > 0).unwrap_or(1))
            };
            distances[first] = 1;
            distances[second] = 1;
        }
        let header = Header::of(&literals, &distances);
        let extra: u32 = (0..29)
            .map(|index| self.literals[END + 1 + index] * u32::from(LENGTH_EXTRA[index]))
            .chain((0..DISTANCES).map(|index| self.distances[index] * distance_extra(index)))
            .sum();
        let cost = |literals: &[u8], distances: &[u8]| -> u32 {
            let of = |uses: &[u32], lengths: &[u8]| -> u32 {
                uses.iter().zip(lengths).map(|(uses, length)| uses * u32::from(*length)).sum()
            };
            extra + of(&self.literals, literals) + of(&self.distances, distances)
        };
        let mut fixed = [8; 288];
        fixed[144..256].fill(9);
        fixed[256..280].fill(7);
        let dynamic_cost = header.cost + cost(&literals, &distances);
        let fixed_cost = cost(&fixed, &[5; DISTANCES]);
        let stored_cost = content.len() as u32 * 8 + 37;

        let mut bits = BitWriter { output, buffer: 0, count: 0 };
        bits.put(1, 1);
        if stored_cost < dynamic_cost.min(fixed_cost) {
            bits.put(0, 2);
            bits.finish();
            let length = content.len() as u16;
            output.extend_from_slice(&length.to_le_bytes());
            output.extend_from_slice(&(!length).to_le_bytes());
            output.extend_from_slice(content);
        } else {
            if fixed_cost <= dynamic_cost {
                bits.put(1, 2);
                self.put(&mut bits, &codes(&fixed), &codes(&[5; DISTANCES]));
            } else {
                bits.put(2, 2);
                header.put(&mut bits);
                self.put(&mut bits, &codes(&literals), &codes(&distances));
            }
            bits.finish();
        }
        self.symbols.clear();
        self.literals.fill(0);
        self.distances.fill(0);
    }

    fn put(&self, bits: &mut BitWriter<'_>, literals: &[(u16, u8)], distances: &[(u16, u8)]) {
        let put = |bits: &mut BitWriter<'_>, (code, length): (u16, u8)| bits.put(code.into(), length.into());
        for Symbol { length, value } in &self.symbols {
            if *length == 0 {
                put(bits, literals[usize::from(*value)]);
                continue;
            }
            let symbol = length_symbol(*length);
            put(bits, literals[END + 1 + symbol]);
            bits.put(u64::from(length - LENGTH_BASE[symbol]), LENGTH_EXTRA[symbol].into());
            let symbol = distance_symbol(*value);
            put(bits, distances[symbol]);
            bits.put(u64::from(value - DISTANCE_BASE[symbol]), distance_extra(symbol));
        }
        put(bits, literals[END]);
    }
}

/// The head of a dynamic block: the lengths of the codes, themselves coded (RFC 1951, 3.2.7).
struct Header {
    literals: usize,
    distances: usize,
    /// How many lengths of the code for lengths.
    lengths: usize,
    code: Vec<u8>,
    /// Symbols of that code with their extra bits.
    symbols: Vec<(usize, u64)>,
    cost: u32,
}

/// How many extra bits the symbols have that repeat lengths.
fn repeat_extra(symbol: usize) -> u32 {
    match symbol {
        16 => 2,
        17 => 3,
        18 => 7,
        _ => 0,
    }
}

impl Header {
    fn of(literals: &[u8], distances: &[u8]) -> Self {
        let used = |lengths: &[u8], least: usize| {
            lengths.iter().rposition(|length| *length > 0).map_or(least, |last| (last + 1).max(least))
        };
        let (literal_count, distance_count) = (used(literals, 257), used(distances, 1));
        let all = [&literals[..literal_count], &distances[..distance_count]].concat();
        let mut symbols = Vec::new();
        for run in all.chunk_by(|left, right| left == right) {
            let (value, mut left) = (usize::from(run[0]), run.len());
            if value != 0 {
                symbols.push((value, 0));
                left -= 1;
            }
            let (most, least) = if value == 0 { (138, 3) } else { (6, 3) };
            while left >= least {
                let mut count = left.min(most);
                // Not a rest that is too short to be a repeat.
                if left > most && left - most < least && value != 0 {
                    count = left - least;
                }
                symbols.push(match (value, count) {
                    (0, 11..) => (18, count as u64 - 11),
                    (0, _) => (17, count as u64 - 3),
                    _ => (16, count as u64 - 3),
                });
                left -= count;
            }
            symbols.extend(std::iter::repeat_n((value, 0), left));
        }
        let mut uses = [0; 19];
        for (symbol, _) in &symbols {
            uses[*symbol] += 1;
        }
        let code = lengths(&uses, 7);
        let length_count =
            ORDER.iter().rposition(|symbol| code[*symbol] > 0).map_or(4, |last| (last + 1).max(4));
        let cost: u32 =
            symbols.iter().map(|(symbol, _)| u32::from(code[*symbol]) + repeat_extra(*symbol)).sum();
        Header {
            literals: literal_count,
            distances: distance_count,
            lengths: length_count,
            code,
            symbols,
            cost: cost + 14 + 3 * length_count as u32,
        }
    }

    fn put(&self, bits: &mut BitWriter<'_>) {
        bits.put(self.literals as u64 - 257, 5);
        bits.put(self.distances as u64 - 1, 5);
        bits.put(self.lengths as u64 - 4, 4);
        for symbol in &ORDER[..self.lengths] {
            bits.put(self.code[*symbol].into(), 3);
        }
        let codes = codes(&self.code);
        for (symbol, extra) in &self.symbols {
            let (code, length) = codes[*symbol];
            bits.put(code.into(), length.into());
            bits.put(*extra, repeat_extra(*symbol));
        }
    }
}

/// The lengths of a prefix code for symbols that are used so often: of the least cost (Huffman), but that lengths beyond `most` are
/// brought down to it.
fn lengths(uses: &[u32], most: usize) -> Vec<u8> {
    let mut lengths = vec![0; uses.len()];
    let mut used: Vec<(u32, usize)> = uses.iter().copied().zip(0..).filter(|(uses, _)| *uses > 0).collect();
    if used.len() < 2 {
        for (_, symbol) in used {
            lengths[symbol] = 1;
        }
        return lengths;
    }
    used.sort_unstable();
    // Leaves and inner nodes are both taken in the order of their uses: two queues.
    let count = used.len();
    let mut weights: Vec<u64> = used.iter().map(|(uses, _)| u64::from(*uses)).collect();
    let mut parents = vec![0; 2 * count - 1];
    let (mut leaf, mut inner) = (0, count);
    for node in count..2 * count - 1 {
        let mut take = |weights: &[u64]| {
            let from_leaves = leaf < count && (inner >= node || weights[leaf] <= weights[inner]);
            let taken = if from_leaves { &mut leaf } else { &mut inner };
            *taken += 1;
            parents[*taken - 1] = node;
            weights[*taken - 1]
        };
        let weight = take(&weights) + take(&weights);
        weights.push(weight);
    }
    let mut depths = vec![0_usize; 2 * count - 1];
    let mut counts = vec![0_usize; most + 1];
    for node in (0..2 * count - 2).rev() {
        depths[node] = depths[parents[node]] + 1;
        if node < count {
            counts[depths[node].min(most)] += 1;
        }
    }
    // Codes that were shortened take more room than there is: longer ones of other symbols make it.
    let mut room: usize = (1..=most).map(|length| counts[length] << (most - length)).sum();
    while room > 1 << most {
        counts[most] -= 1;
        if let Some(length) = (1..most).rev().find(|length| counts[*length] > 0) {
            counts[length] -= 1;
            counts[length + 1] += 2;
        }
        room -= 1;
    }
    let by_length = (1..=most).rev().flat_map(|length| std::iter::repeat_n(length as u8, counts[length]));
    for ((_, symbol), length) in used.into_iter().zip(by_length) {
        lengths[symbol] = length;
    }
    lengths
}

/// The codes of lengths, with their lowest bit first (RFC 1951, 3.2.2).
fn codes(lengths: &[u8]) -> Vec<(u16, u8)> {
    let mut counts = [0_u16; 16];
    for length in lengths.iter().filter(|length| **length > 0) {
        counts[usize::from(*length)] += 1;
    }
    let mut next = [0_u16; 16];
    for length in 1..16 {
        next[length] = (next[length - 1] + counts[length - 1]) << 1;
    }
    let code = |length: &u8| {
        if *length == 0 {
            return (0, 0);
        }
        let place = &mut next[usize::from(*length)];
        let code = *place;
        *place += 1;
        (code.reverse_bits() >> (16 - length), *length)
    };
    lengths.iter().map(code).collect()
}

struct BitWriter<'a> {
    output: &'a mut Vec<u8>,
    buffer: u64,
    count: u32,
}

impl BitWriter<'_> {
    /// At most 32 bits.
    #[inline(always)]
    fn put(&mut self, bits: u64, count: u32) {
        self.buffer |= bits << self.count;
        self.count += count;
        if self.count >= 32 {
            self.output.extend_from_slice(&(self.buffer as u32).to_le_bytes());
            self.buffer >>= 32;
            self.count -= 32;
        }
    }

    fn finish(self) {
        let bytes = self.count.div_ceil(8) as usize;
        self.output.extend_from_slice(&self.buffer.to_le_bytes()[..bytes]);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use super::*;
    use crate::Level;
    use crate::deflate::{compressor, symbols};
    use crate::sample::{Random, incompressible, mixed, text};

    /// What one stream says, said by one block.
    fn again(content: &[u8], level: Level) -> Vec<u8> {
        let mut compressor = compressor(level);
        let mut stream = vec![0; compressor.deflate_compress_bound(content.len())];
        let length = compressor.deflate_compress(content, &mut stream).unwrap();
        let mut writer = BlockWriter::new();
        symbols(&stream[..length], &mut |symbol| match symbol.length {
            0 => writer.literal(symbol.value as u8),
            length => writer.repeat(length, symbol.value),
        })
        .unwrap();
        let mut output = Vec::new();
        writer.write(content, &mut output);
        output
    }

    fn inflated(stream: &[u8]) -> Vec<u8> {
        let mut content = Vec::new();
        flate2::read::DeflateDecoder::new(stream).read_to_end(&mut content).unwrap();
        content
    }

    #[test]
    fn a_stream_that_is_coded_anew_has_the_same_content() {
        let ramp: Vec<u8> = (0..60_000_u32).map(|index| (index / 200) as u8).collect();
        let contents = [
            Vec::new(),
            b"a".to_vec(),
            b"abcabcabcabc".to_vec(),
            vec![0; 65_535],
            ramp,
            text(1, 65_535),
            incompressible(2, 40_000),
            mixed(3, 65_535),
        ];
        for content in contents {
            for level in [Level::Fast, Level::Default, Level::Small] {
                let stream = again(&content, level);
                assert!(inflated(&stream) == content);
                assert!(stream.len() <= content.len() + 5);
            }
        }
    }

    #[test]
    fn every_length_and_distance_has_its_symbol() {
        for length in 3..=258 {
            let symbol = length_symbol(length);
            let above = length - LENGTH_BASE[symbol];
            assert!(u32::from(above) < 1 << LENGTH_EXTRA[symbol], "{length}");
        }
        assert_eq!(length_symbol(258), 28);
        for distance in 1..=32_768 {
            let symbol = distance_symbol(distance);
            assert!(u32::from(distance - DISTANCE_BASE[symbol]) < 1 << distance_extra(symbol), "{distance}");
        }
    }

    /// How full the codes of these lengths make the tree, of 32,768.
    fn fullness(lengths: &[u8]) -> u32 {
        lengths.iter().filter(|length| **length > 0).map(|length| 1 << (15 - length)).sum()
    }

    #[test]
    fn codes_are_no_longer_than_allowed_and_complete() {
        let mut fibonacci = vec![1_u32, 1];
        for index in 2..30 {
            fibonacci.push(fibonacci[index - 1] + fibonacci[index - 2]);
        }
        for most in [7, 15] {
            let uses = if most == 7 { &fibonacci[..19] } else { &fibonacci[..] };
            let lengths = lengths(uses, most);
            assert_eq!(lengths.iter().copied().max(), Some(most as u8));
            assert_eq!(fullness(&lengths), 1 << 15);
            assert!(lengths.is_sorted_by(|left, right| left >= right));
        }
        let mut random = Random::new(7);
        for _ in 0..2000 {
            let count = 2 + random.below(284);
            let uses: Vec<u32> = (0..count)
                .map(|_| {
                    let most = 1 << random.below(20);
                    random.below(most) as u32 + 1
                })
                .collect();
            assert_eq!(fullness(&lengths(&uses, 15)), 1 << 15);
        }
        assert_eq!(lengths(&[0, 5, 0], 15), [0, 1, 0]);
        assert_eq!(lengths(&[0; 4], 15), [0; 4]);
        // The example of Huffman codes that RFC 1951, 3.2.2 gives.
        let shown: Vec<(u16, u8)> = codes(&[2, 1, 3, 3]);
        assert_eq!(shown, [(0b01, 2), (0b0, 1), (0b011, 3), (0b111, 3)]);
    }

    #[test]
    fn damaged_streams_are_errors_or_other_symbols() {
        let content = mixed(5, 20_000);
        let mut random = Random::new(5);
        for level in [Level::Fast, Level::Small] {
            let stream = again(&content, level);
            for length in 0..stream.len() - 1 {
                if length % 37 == 0 {
                    assert!(symbols(&stream[..length], &mut |_| {}).is_err(), "{length}");
                }
            }
            for _ in 0..2000 {
                let mut damaged = stream.clone();
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
                let _ = symbols(&damaged, &mut |_| {});
            }
        }
    }
}
