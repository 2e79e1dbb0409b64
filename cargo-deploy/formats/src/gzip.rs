//! gzip (RFC 1952), written by several threads into one member.
//!
//! Many readers stop after the first member of a gzip file, so the output is a single member, whose deflate stream is
//! stitched from chunks of 1 MiB. The bytes depend on the input and the level alone: not on
//! the number of threads, not on how the input was divided among calls of `write`, and not on the clock (MTIME is 0).
//!
//! [`Level::Fast`] is libdeflate's level 1, [`Level::Default`] its level 6, [`Level::Small`] its level 12.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use flate2::Crc;

use crate::Level;
use crate::deflate::{CHUNK, Chunk, Compressed, chunk_compressor};
use crate::workers::{Ticket, Workers};

/// Compresses what is written to it. Holds some MiB a thread, whatever the size of the input.
///
/// The file is complete only after [`finish`](Encoder::finish); `flush` passes nothing on that a chunk still waits
/// for, because the bytes would then depend on when a caller flushes.
#[derive(Debug)]
#[must_use = "the file is complete only after `finish`"]
pub struct Encoder<W: Write> {
    inner: W,
    workers: Workers<Chunk, io::Result<Compressed>>,
    pending: VecDeque<Ticket<io::Result<Compressed>>>,
    buffer: Vec<u8>,
    spare: Vec<Vec<u8>>,
    crc: Crc,
    length: u64,
}

impl<W: Write> Encoder<W> {
    /// Writes the header to `inner`, and the rest while it comes. Up to `threads` threads compress.
    pub fn new(mut inner: W, level: Level, threads: NonZeroUsize) -> io::Result<Self> {
        // RFC 1952, 2.3: ID1, ID2, CM deflate, no flags, MTIME 0 (none), XFL, OS 255 (unknown).
        let extra_flags = match level {
            Level::Fast => 4,
            Level::Default => 0,
            Level::Small => 2,
        };
        inner.write_all(&[0x1f, 0x8b, 8, 0, 0, 0, 0, 0, extra_flags, 255])?;
        Ok(Encoder {
            inner,
            workers: Workers::new(threads, move || chunk_compressor(level)),
            pending: VecDeque::new(),
            buffer: Vec::new(),
            spare: Vec::new(),
            crc: Crc::new(),
            length: 0,
        })
    }

    /// Compresses what is left, writes the end of the file and gives the writer back, unflushed.
    pub fn finish(mut self) -> io::Result<W> {
        self.submit(true)?;
        while !self.pending.is_empty() {
            self.write_next()?;
        }
        // RFC 1952, 2.3.1: CRC32 and ISIZE, the length modulo 2^32.
        self.inner.write_all(&self.crc.sum().to_le_bytes())?;
        self.inner.write_all(&(self.length as u32).to_le_bytes())?;
        Ok(self.inner)
    }

    fn submit(&mut self, last: bool) -> io::Result<()> {
        while self.pending.len() >= self.workers.places() {
            self.write_next()?;
        }
        let empty = self.spare.pop().unwrap_or_default();
        let bytes = std::mem::replace(&mut self.buffer, empty);
        self.pending.push_back(self.workers.submit(Chunk { bytes, last })?);
        Ok(())
    }

    fn write_next(&mut self) -> io::Result<()> {
        let Some(ticket) = self.pending.pop_front() else { return Ok(()) };
        let Compressed { mut input, bytes, crc } = ticket.wait()??;
        self.crc.combine(&crc);
        self.length += input.len() as u64;
        input.clear();
        self.spare.push(input);
        self.inner.write_all(&bytes)
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits for the byte behind it: only then is it known not to be the last.
        if self.buffer.len() == CHUNK && !bytes.is_empty() {
            self.submit(false)?;
        }
        let taken = bytes.len().min(CHUNK - self.buffer.len());
        self.buffer.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use std::io::Read;

    use flate2::read::GzDecoder;

    use super::*;
    use crate::sample::{incompressible, mixed, text};

    fn packed(input: &[u8], level: Level, threads: usize, step: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), level, NonZeroUsize::new(threads).unwrap()).unwrap();
        for piece in input.chunks(step) {
            encoder.write_all(piece).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    /// Reads the first member only, and says how much of the file that was.
    fn unpacked(mut file: &[u8]) -> (Vec<u8>, usize) {
        let mut output = Vec::new();
        flate2::bufread::GzDecoder::new(&mut file).read_to_end(&mut output).unwrap();
        (output, file.len())
    }

    #[test]
    fn one_member_holds_everything() {
        for length in [0, 1, 1000, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 12_345] {
            let input = mixed(length as u64, length);
            for level in [Level::Fast, Level::Default, Level::Small] {
                let file = packed(&input, level, 2, 100_000);
                let (output, left) = unpacked(&file);
                assert!(output == input, "{length} bytes, {level:?}");
                assert_eq!(left, 0);
            }
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_or_on_the_size_of_writes() {
        let input = mixed(1, 5 * CHUNK + 99);
        let one = packed(&input, Level::Default, 1, 1 << 16);
        for (threads, step) in [(2, 1 << 16), (4, 777_777), (3, 4096), (1, usize::MAX)] {
            assert!(packed(&input, Level::Default, threads, step) == one, "{threads} threads, {step} bytes");
        }
    }

    #[test]
    fn the_header_names_neither_a_time_nor_a_file() {
        // Ten bytes of header, an empty stored block, and the checksum and length of nothing.
        let file = packed(b"", Level::Default, 1, 1);
        assert_eq!(file[..10], [0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255]);
        assert_eq!(file[10..], [1, 0, 0, 0xff, 0xff, 0, 0, 0, 0, 0, 0, 0, 0]);
    }

    #[test]
    fn what_cannot_be_compressed_hardly_grows() {
        let input = incompressible(2, 3 * CHUNK);
        let file = packed(&input, Level::Default, 2, CHUNK);
        assert!(file.len() < input.len() + input.len() / 5000, "{}", file.len());
        assert!(unpacked(&file).0 == input);
    }

    #[test]
    fn higher_levels_give_smaller_files() {
        let input = text(3, 2 * CHUNK);
        let sizes =
            [Level::Fast, Level::Default, Level::Small].map(|level| packed(&input, level, 2, CHUNK).len());
        assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    }

    #[test]
    fn an_error_of_the_writer_below_reaches_the_caller() {
        struct Full;
        impl Write for Full {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if bytes.len() == 10 { Ok(10) } else { Err(io::Error::from(io::ErrorKind::StorageFull)) }
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut encoder = Encoder::new(Full, Level::Fast, NonZeroUsize::MIN).unwrap();
        let error = encoder.write_all(&mixed(4, 20 * CHUNK)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }

    #[test]
    fn a_dropped_encoder_leaves_a_file_that_is_seen_to_be_incomplete() {
        let mut file = Vec::new();
        let mut encoder = Encoder::new(&mut file, Level::Fast, NonZeroUsize::MIN).unwrap();
        encoder.write_all(&text(5, 8 * CHUNK)).unwrap();
        drop(encoder);
        let error = GzDecoder::new(&file[..]).read_to_end(&mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
    }
}
