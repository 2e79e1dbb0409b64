//! The checksum of the optional header: the sum of all 16-bit words of the file in ones' complement, with the checksum taken as 0,
//! plus the length of the file. Microsoft publishes no text of it but the function `CheckSumMappedFile`, whose results these are.

use std::io::{Read, Seek, SeekFrom};

use super::{PeError, put};

/// Adds up a file in pieces of an even length.
#[derive(Default)]
struct Sum(u64);

impl Sum {
    /// Sums of 32-bit words are congruent to those of their halves, and faster.
    fn add(&mut self, bytes: &[u8]) {
        let mut words = bytes.chunks_exact(4);
        for word in &mut words {
            self.0 += word.first_chunk().map_or(0, |word| u64::from(u32::from_le_bytes(*word)));
        }
        let mut last = [0; 4];
        put(&mut last, 0, words.remainder());
        self.0 += u64::from(u32::from_le_bytes(last));
    }

    fn finish(self, length: u64) -> u32 {
        let mut sum = self.0;
        while sum > 0xffff {
            sum = (sum & 0xffff) + (sum >> 16);
        }
        (sum as u32).wrapping_add(length as u32)
    }
}

/// Of a whole file, whose checksum stands at `offset`.
pub(super) fn of_bytes(file: &[u8], offset: usize) -> u32 {
    let mut sum = Sum::default();
    // A header at an odd place is allowed, so the field is left out by its bytes and not by its words.
    let start = (offset & !3).min(file.len());
    let end = (start + 8).min(file.len());
    let (before, rest) = file.split_at(start);
    let (around, after) = rest.split_at(end - start);
    let mut around = around.to_vec();
    put(&mut around, offset - start, &[0; 4]);
    sum.add(before);
    sum.add(&around);
    sum.add(after);
    sum.finish(file.len() as u64)
}

/// The same of a file that is read from its start to its end.
pub(super) fn of_reader(reader: &mut (impl Read + Seek), offset: usize) -> Result<u32, PeError> {
    let failed = |source| PeError::Read { source };
    reader.seek(SeekFrom::Start(0)).map_err(failed)?;
    let mut sum = Sum::default();
    let mut length = 0;
    let mut piece = Vec::with_capacity(1 << 18);
    loop {
        piece.clear();
        reader.by_ref().take(1 << 18).read_to_end(&mut piece).map_err(failed)?;
        if piece.is_empty() {
            return Ok(sum.finish(length));
        }
        for byte in offset..offset + 4 {
            if let Some(place) = (byte as u64).checked_sub(length) {
                put(&mut piece, place as usize, &[0]);
            }
        }
        sum.add(&piece);
        length += piece.len() as u64;
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::sample::incompressible;

    /// The words one by one, as everybody writes it.
    fn plainly(file: &[u8], offset: usize) -> u32 {
        let mut file = file.to_vec();
        let length = file.len() as u32;
        file[offset..offset + 4].fill(0);
        file.resize(file.len().next_multiple_of(2), 0);
        let mut sum = 0u32;
        for word in file.chunks_exact(2) {
            sum += u32::from(u16::from_le_bytes([word[0], word[1]]));
            sum = (sum & 0xffff) + (sum >> 16);
        }
        sum + length
    }

    #[test]
    fn it_is_the_sum_of_the_words_for_every_length_and_place() {
        for length in [300, 301, 302, 303, (1 << 18) + 5, (1 << 19) + 2] {
            let file = incompressible(length as u64, length);
            for offset in [216, 217, 218, 219] {
                let expected = plainly(&file, offset);
                assert_eq!(of_bytes(&file, offset), expected, "{length} {offset}");
                assert_eq!(of_reader(&mut Cursor::new(&file), offset).unwrap(), expected);
            }
        }
        // A field that crosses the border of two pieces.
        let file = incompressible(7, 1 << 19);
        let offset = (1 << 18) - 2;
        assert_eq!(of_reader(&mut Cursor::new(&file), offset).unwrap(), plainly(&file, offset));
        assert_eq!(of_bytes(&file, offset), plainly(&file, offset));
    }
}
