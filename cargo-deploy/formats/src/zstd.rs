//! Zstandard (RFC 8878), written by several threads into one frame.
//!
//! libzstd cuts the input into jobs by the parameters alone, so with at least one worker thread the bytes are the
//! same for every number of threads. (Without worker threads they would be others, so there is always one.)
//! The frame carries a checksum of its content.
//!
//! [`Level::Fast`] is zstd's level 3, [`Level::Default`] its level 9, [`Level::Small`] its level 19. None of them
//! has a window above 8 MiB, which is what a decoder is asked to support at least (RFC 8878, 3.1.1.1.2).

use std::fmt;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use crate::Level;

/// Compresses what is written to it.
///
/// The file is complete only after [`finish`](Encoder::finish); `flush` ends no block, because the bytes would then
/// depend on when a caller flushes.
#[must_use = "the file is complete only after `finish`"]
pub struct Encoder<W: Write> {
    inner: ::zstd::Encoder<'static, W>,
}

impl<W: Write> Encoder<W> {
    /// Starts a frame. Up to `threads` threads compress.
    pub fn new(inner: W, level: Level, threads: NonZeroUsize) -> io::Result<Self> {
        let level = match level {
            Level::Fast => 3,
            Level::Default => 9,
            Level::Small => 19,
        };
        let mut inner = ::zstd::Encoder::new(inner, level)?;
        inner.multithread(u32::try_from(threads.get()).unwrap_or(u32::MAX).min(MOST_THREADS))?;
        inner.include_checksum(true)?;
        Ok(Encoder { inner })
    }

    /// Compresses what is left, writes the end of the frame and gives the writer back, unflushed.
    pub fn finish(self) -> io::Result<W> {
        self.inner.finish()
    }
}

/// libzstd refuses more than this on machines of 32 bits (`ZSTDMT_NBWORKERS_MAX`).
const MOST_THREADS: u32 = 64;

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
        for length in [0, 1, 1000, 5 << 20] {
            let input = mixed(length as u64, length);
            for level in [Level::Fast, Level::Default] {
                let file = packed(&input, level, 2, 100_000);
                assert!(::zstd::decode_all(&file[..]).unwrap() == input, "{length} bytes, {level:?}");
            }
        }
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads_or_on_the_size_of_writes() {
        // More than one job of 16 MiB (four windows of 4 MiB, at level 9), or it would prove nothing.
        let input = text(1, 40 << 20);
        let one = packed(&input, Level::Default, 1, 1 << 16);
        for (threads, step) in [(2, 1 << 20), (4, 777_777), (2, usize::MAX)] {
            assert!(packed(&input, Level::Default, threads, step) == one, "{threads} threads, {step} bytes");
        }
    }

    #[test]
    fn damage_is_noticed_by_the_checksum() {
        let input = text(2, 100_000);
        let file = packed(&input, Level::Fast, 1, usize::MAX);
        // Frame_Header_Descriptor, bit 2: Content_Checksum_flag (RFC 8878, 3.1.1.1.1).
        assert_eq!(file[4] & 4, 4);
        let mut damaged = file.clone();
        *damaged.last_mut().unwrap() ^= 1;
        assert!(::zstd::decode_all(&damaged[..]).is_err());
    }

    #[test]
    fn no_level_asks_a_decoder_for_more_than_eight_mebibytes() {
        for level in [Level::Fast, Level::Default, Level::Small] {
            let file = packed(&text(3, 1000), level, 1, usize::MAX);
            // Not a single segment, so the window descriptor follows (RFC 8878, 3.1.1.1.2).
            assert_eq!(file[4] & 0x20, 0);
            let base = 1u64 << (10 + (file[5] >> 3));
            assert!(base + base / 8 * u64::from(file[5] & 7) <= 8 << 20, "{level:?}: {:#x}", file[5]);
        }
    }

    #[test]
    fn higher_levels_give_smaller_files() {
        let input = text(4, 1 << 20);
        let sizes =
            [Level::Fast, Level::Default, Level::Small].map(|level| packed(&input, level, 2, 1 << 20).len());
        assert!(sizes[0] > sizes[1] && sizes[1] > sizes[2], "{sizes:?}");
    }
}
