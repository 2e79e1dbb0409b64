//! xz (the .xz file format, version 1.2.1), written by several threads into one stream of blocks.
//!
//! liblzma's threaded encoder compresses blocks of a fixed size independently. The size belongs to the level, so
//! the bytes are the same for every number of threads. The check is CRC64, the default of `xz`.
//!
//! | level | preset of `xz` | dictionary | block | memory for each thread |
//! |---|---|---|---|---|
//! | [`Level::Fast`] | 2 | 2 MiB | 6 MiB | 30 MiB |
//! | [`Level::Default`] | 6 | 12 MiB | 12 MiB | 160 MiB |
//! | [`Level::Default`] with [`Filter::X86`] | 6 | 8 MiB | 24 MiB | 140 MiB |
//! | [`Level::Small`] | 9, extreme | 32 MiB | 96 MiB | 560 MiB |
//!
//! `xz -6` has a dictionary of 8 MiB and blocks of 24 MiB. Blocks of half the size keep more threads busy, and with a
//! dictionary as large as the block they cost no size. A decoder needs as much memory as the dictionary.

use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use liblzma::stream::{Check, Filters, LzmaOptions, MtStreamBuilder};
use liblzma::write::XzEncoder;

use crate::Level;

/// Compresses what is written to it.
///
/// The file is complete only after [`finish`](Encoder::finish); `flush` ends no block, because the bytes would then
/// depend on when a caller flushes.
#[must_use = "the file is complete only after `finish`"]
pub struct Encoder<W: Write> {
    inner: XzEncoder<W>,
}

impl<W: Write> Encoder<W> {
    /// Starts a stream. Up to `threads` threads compress.
    pub fn new(inner: W, level: Level, threads: NonZeroUsize) -> io::Result<Self> {
        Encoder::with_filter(inner, level, threads, Filter::None)
    }

    /// Starts a stream with a filter in front of the compressor.
    pub fn with_filter(inner: W, level: Level, threads: NonZeroUsize, filter: Filter) -> io::Result<Self> {
        let (preset, dictionary, block) = match level {
            Level::Fast => (2, 2 << 20, 6 << 20),
            // Packages are filtered, and are to be made in less than 300 MiB with two threads.
            Level::Default if filter == Filter::X86 => (6, 8 << 20, 24 << 20),
            Level::Default => (6, 12 << 20, 12 << 20),
            Level::Small => (9 | EXTREME, 32 << 20, 96 << 20),
        };
        let mut options = LzmaOptions::new_preset(preset)?;
        options.dict_size(dictionary);
        let mut filters = Filters::new();
        if filter == Filter::X86 {
            filters.x86();
        }
        filters.lzma2(&options);
        let stream = MtStreamBuilder::new()
            .threads(u32::try_from(threads.get()).unwrap_or(u32::MAX).min(MOST_THREADS))
            .filters(filters)
            .block_size(block)
            .check(Check::Crc64)
            .encoder()?;
        Ok(Encoder { inner: XzEncoder::new_stream(inner, stream) })
    }

    /// Compresses what is left, writes the end of the file and gives the writer back, unflushed.
    pub fn finish(self) -> io::Result<W> {
        self.inner.finish()
    }
}

/// What is done to the content before it is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Filter {
    /// Nothing.
    #[default]
    None,
    /// Relative addresses of x86 calls and jumps become absolute ones (BCJ, the .xz file format 5.3.2), of which there are fewer: programs
    /// get a few percent smaller, and other content is left nearly as it is. liblzma and XZ for Java undo it; small decoders may not.
    X86,
}

/// `LZMA_PRESET_EXTREME`: `xz -e`.
const EXTREME: u32 = 1 << 31;

/// A bound well below what liblzma refuses (`LZMA_THREADS_MAX`); a thread more costs memory.
const MOST_THREADS: u32 = 256;

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.inner.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.get_mut().flush()
    }
}

impl<W: Write> fmt::Debug for Encoder<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Encoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{mixed, text};

    fn packed(input: &[u8], level: Level, threads: usize, step: usize) -> Vec<u8> {
        let mut encoder = Encoder::new(Vec::new(), level, NonZeroUsize::new(threads).unwrap()).unwrap();
        for piece in input.chunks(step) {
            encoder.write_all(piece).unwrap();
            encoder.flush().unwrap();
        }
        encoder.finish().unwrap()
    }

    #[test]
    fn the_content_comes_back() {
        for length in [0, 1, 1000, 1 << 20] {
            let input = mixed(length as u64, length);
            for level in [Level::Fast, Level::Default] {
                let file = packed(&input, level, 2, 100_000);
                assert!(liblzma::decode_all(&file[..]).unwrap() == input, "{length} bytes, {level:?}");
            }
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_or_on_the_size_of_writes() {
        // Several blocks, or it would prove nothing.
        let input = text(1, 13 << 20);
        let one = packed(&input, Level::Fast, 1, 1 << 16);
        for (threads, step) in [(2, 1 << 20), (4, 777_777), (2, usize::MAX)] {
            assert!(packed(&input, Level::Fast, threads, step) == one, "{threads} threads, {step} bytes");
        }
    }

    #[test]
    fn the_check_is_crc64() {
        // Stream Flags, second byte (the .xz file format, 2.1.1.2).
        assert_eq!(packed(b"", Level::Default, 1, 1)[7], 4);
    }

    #[test]
    fn higher_levels_give_smaller_files() {
        let input = mixed(2, 2 << 20);
        let sizes = [Level::Fast, Level::Default].map(|level| packed(&input, level, 2, 1 << 20).len());
        assert!(sizes[0] > sizes[1], "{sizes:?}");
    }
}
