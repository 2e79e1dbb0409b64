//! What a deflate stream says: its literals and matches, so that they can be coded anew.

use super::{Bits, Code, DeflateError, HALF, LENGTH_EXTRA, LONG, Lengths, STOP, STOP_KIND, skip_stored};

/// A literal, or a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Symbol {
    /// How many bytes are repeated; 0 for a literal.
    pub(crate) length: u16,
    /// From how far back, or the literal itself.
    pub(crate) value: u16,
}

/// The length that a length symbol stands for with extra bits of zero (RFC 1951, 3.2.5).
pub(super) const LENGTH_BASE: [u16; 29] = [
    3, 4, 5, 6, 7, 8, 9, 10, 11, 13, 15, 17, 19, 23, 27, 31, 35, 43, 51, 59, 67, 83, 99, 115, 131, 163, 195,
    227, 258,
];
/// The same of the distances.
pub(super) const DISTANCE_BASE: [u16; 30] = [
    1, 2, 3, 4, 5, 7, 9, 13, 17, 25, 33, 49, 65, 97, 129, 193, 257, 385, 513, 769, 1025, 1537, 2049, 3073,
    4097, 6145, 8193, 12289, 16385, 24577,
];

/// Entries of the tables here: the symbol above, the bits of its code below.
const SHIFT: u32 = 4;

fn entry(symbol: usize) -> u16 {
    (symbol as u16) << SHIFT
}

/// Gives every literal and match of a stream to `act`, in order.
pub(crate) fn symbols(stream: &[u8], act: &mut impl FnMut(Symbol)) -> Result<(), DeflateError> {
    let mut bits = Bits::new(stream);
    let mut literals = (Code::new(entry), [0; HALF]);
    let mut distances = (Code::new(entry), [0; HALF]);
    loop {
        bits.refill();
        let last = bits.take(1) == 1;
        match bits.take(2) {
            0 => {
                for byte in skip_stored(&mut bits)? {
                    act(Symbol { length: 0, value: u16::from(*byte) });
                }
            }
            kind @ (1 | 2) => {
                if kind == 1 {
                    let mut lengths = [8; 288];
                    lengths[144..256].fill(9);
                    lengths[256..280].fill(7);
                    literals.0.set(&lengths, &mut literals.1)?;
                    distances.0.set(&[5; 32], &mut distances.1)?;
                } else {
                    let Lengths { lengths, literals: count, total } = Lengths::read(&mut bits)?;
                    literals.0.set(&lengths[..count], &mut literals.1)?;
                    distances.0.set(&lengths[count..total], &mut distances.1)?;
                }
                block(&mut bits, &literals, &distances, act)?;
            }
            _ => return Err(DeflateError::ReservedBlock),
        }
        bits.check()?;
        if last {
            return Ok(());
        }
    }
}

type Table = (Code, [u16; HALF]);

/// The next symbol of an alphabet. At most 15 bits.
#[inline(always)]
fn next(bits: &mut Bits<'_>, (code, table): &Table) -> Result<usize, DeflateError> {
    let mut entry = table[bits.buffer as usize & (HALF - 1)];
    if entry & STOP != 0 {
        if entry & STOP_KIND != LONG {
            return Err(DeflateError::Symbol);
        }
        entry = code.long(bits.buffer);
        if entry & STOP != 0 {
            return Err(DeflateError::Symbol);
        }
    }
    bits.consume(u32::from(entry & 15));
    Ok(usize::from(entry >> SHIFT))
}

fn block(
    bits: &mut Bits<'_>,
    literals: &Table,
    distances: &Table,
    act: &mut impl FnMut(Symbol),
) -> Result<(), DeflateError> {
    let limit = bits.bytes.len() + 16;
    while bits.next <= limit {
        // At most 15 and 5 bits for a length, 15 and 13 for a distance: 48 of 56.
        bits.refill();
        let symbol = next(bits, literals)?;
        if symbol < 256 {
            act(Symbol { length: 0, value: symbol as u16 });
            continue;
        }
        if symbol == 256 {
            return Ok(());
        }
        let index = symbol - 257;
        let (Some(base), Some(extra)) = (LENGTH_BASE.get(index), LENGTH_EXTRA.get(index)) else {
            return Err(DeflateError::Symbol);
        };
        let length = base + bits.take(u32::from(*extra)) as u16;
        let symbol = next(bits, distances)?;
        let base = DISTANCE_BASE.get(symbol).ok_or(DeflateError::Symbol)?;
        let extra = (symbol as u32 / 2).saturating_sub(1);
        let distance = base + bits.take(extra) as u16;
        act(Symbol { length, value: distance });
    }
    Err(DeflateError::Truncated)
}
