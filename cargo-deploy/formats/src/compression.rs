//! What a tar stream is wrapped in: one word for gzip, xz, zstd or nothing, and its reader and writer.

use std::fmt;
use std::io::{self, BufRead, Read, Write};
use std::num::NonZeroUsize;

use liblzma::stream::{CONCATENATED, Stream};

use crate::{Level, gzip, xz, zstd};

/// How a stream is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Compression {
    /// Not at all.
    None,
    /// RFC 1952.
    Gzip,
    /// The .xz file format.
    Xz,
    /// RFC 8878.
    Zstd,
}

/// What decompressing may need: the dictionary of an xz file is held in memory, and a header can claim up to 4 GiB. The
/// largest preset of `xz` needs 65 MiB.
const MEMORY_LIMIT: u64 = 512 << 20;

impl Compression {
    /// Tells the compression by the first bytes of a stream: six are enough.
    pub fn of(start: &[u8]) -> Self {
        match start {
            [0x1f, 0x8b, ..] => Compression::Gzip,
            [0xfd, b'7', b'z', b'X', b'Z', 0, ..] => Compression::Xz,
            [0x28, 0xb5, 0x2f, 0xfd, ..] => Compression::Zstd,
            _ => Compression::None,
        }
    }

    /// What follows `.tar` in the name of a file, the dot included: empty for [`Compression::None`].
    pub fn suffix(self) -> &'static str {
        match self {
            Compression::None => "",
            Compression::Gzip => ".gz",
            Compression::Xz => ".xz",
            Compression::Zstd => ".zst",
        }
    }
}

/// The plain bytes of a compressed stream. Files of several gzip members, xz streams or zstd frames are read to
/// the end. Wrong data is an error of reading.
pub fn open<'a>(compression: Compression, reader: impl BufRead + 'a) -> io::Result<Box<dyn Read + 'a>> {
    Ok(match compression {
        Compression::None => Box::new(reader),
        Compression::Gzip => Box::new(flate2::bufread::MultiGzDecoder::new(reader)),
        Compression::Xz => {
            let stream = Stream::new_stream_decoder(MEMORY_LIMIT, CONCATENATED)?;
            Box::new(liblzma::bufread::XzDecoder::new_stream(reader, stream))
        }
        Compression::Zstd => Box::new(::zstd::Decoder::with_buffer(reader)?),
    })
}

/// A writer for any compression. The file is complete only after [`finish`](Encoder::finish).
#[must_use = "the file is complete only after `finish`"]
pub enum Encoder<W: Write> {
    /// Passes everything through.
    None(W),
    /// See [`gzip`].
    Gzip(gzip::Encoder<W>),
    /// See [`xz`].
    Xz(xz::Encoder<W>),
    /// See [`zstd`].
    Zstd(zstd::Encoder<W>),
}

impl<W: Write> Encoder<W> {
    /// Starts a compressed stream. Up to `threads` threads compress.
    pub fn new(compression: Compression, inner: W, level: Level, threads: NonZeroUsize) -> io::Result<Self> {
        Encoder::with_filter(compression, inner, level, threads, xz::Filter::None)
    }

    /// Starts a compressed stream with a filter for xz; the other compressions have none.
    pub fn with_filter(
        compression: Compression,
        inner: W,
        level: Level,
        threads: NonZeroUsize,
        filter: xz::Filter,
    ) -> io::Result<Self> {
        Ok(match compression {
            Compression::None => Encoder::None(inner),
            Compression::Gzip => Encoder::Gzip(gzip::Encoder::new(inner, level, threads)?),
            Compression::Xz => Encoder::Xz(xz::Encoder::with_filter(inner, level, threads, filter)?),
            Compression::Zstd => Encoder::Zstd(zstd::Encoder::new(inner, level, threads)?),
        })
    }

    /// Writes what is left and gives the writer back, unflushed.
    pub fn finish(self) -> io::Result<W> {
        match self {
            Encoder::None(inner) => Ok(inner),
            Encoder::Gzip(encoder) => encoder.finish(),
            Encoder::Xz(encoder) => encoder.finish(),
            Encoder::Zstd(encoder) => encoder.finish(),
        }
    }
}

impl<W: Write> Write for Encoder<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Encoder::None(inner) => inner.write(bytes),
            Encoder::Gzip(encoder) => encoder.write(bytes),
            Encoder::Xz(encoder) => encoder.write(bytes),
            Encoder::Zstd(encoder) => encoder.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Encoder::None(inner) => inner.flush(),
            Encoder::Gzip(encoder) => encoder.flush(),
            Encoder::Xz(encoder) => encoder.flush(),
            Encoder::Zstd(encoder) => encoder.flush(),
        }
    }
}

impl<W: Write> fmt::Debug for Encoder<W> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Encoder::None(_) => "Encoder::None",
            Encoder::Gzip(_) => "Encoder::Gzip",
            Encoder::Xz(_) => "Encoder::Xz",
            Encoder::Zstd(_) => "Encoder::Zstd",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Random, mixed};

    const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

    fn packed(compression: Compression, input: &[u8]) -> Vec<u8> {
        let mut encoder =
            Encoder::new(compression, Vec::new(), Level::Fast, NonZeroUsize::new(2).unwrap()).unwrap();
        encoder.write_all(input).unwrap();
        encoder.finish().unwrap()
    }

    fn unpacked(compression: Compression, file: &[u8]) -> io::Result<Vec<u8>> {
        let mut output = Vec::new();
        open(compression, file)?.take(1 << 24).read_to_end(&mut output)?;
        Ok(output)
    }

    #[test]
    fn each_compression_is_recognised_and_read_back() {
        let input = mixed(1, 300_000);
        for compression in ALL {
            let file = packed(compression, &input);
            assert_eq!(Compression::of(&file[..6]), compression);
            assert!(unpacked(compression, &file).unwrap() == input, "{compression:?}");
        }
    }

    #[test]
    fn several_members_are_read_as_one() {
        for compression in ALL {
            let file = [packed(compression, b"first "), packed(compression, b"second")].concat();
            assert_eq!(unpacked(compression, &file).unwrap(), b"first second", "{compression:?}");
        }
    }

    #[test]
    fn a_cut_file_is_an_error() {
        let input = mixed(2, 3000);
        for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let file = packed(compression, &input);
            for length in 1..file.len() {
                assert!(unpacked(compression, &file[..length]).is_err(), "{compression:?} cut to {length}");
            }
        }
    }

    #[test]
    fn a_damaged_file_is_an_error_or_the_content() {
        let input = mixed(3, 3000);
        let mut random = Random::new(4);
        for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let file = packed(compression, &input);
            for _ in 0..1000 {
                let mut damaged = file.clone();
                let place = random.below(damaged.len());
                damaged[place] ^= 1 << random.below(8);
                if let Ok(output) = unpacked(compression, &damaged) {
                    assert!(output == input, "{compression:?} damaged at {place}");
                }
            }
        }
    }

    #[test]
    fn an_xz_file_that_claims_a_huge_dictionary_is_refused_before_it_is_allocated() {
        // A block header with LZMA2 and the dictionary size 40, 4 GiB - 1 (the .xz file format, 3.1 and 5.3.1).
        let header = [2u8, 0, 0x21, 1, 40, 0, 0, 0];
        let mut crc = flate2::Crc::new();
        crc.update(&header);
        let mut file = packed(Compression::Xz, b"")[..12].to_vec();
        file.extend(header);
        file.extend(crc.sum().to_le_bytes());
        file.extend([0; 64]);
        let error = unpacked(Compression::Xz, &file).unwrap_err();
        assert!(error.to_string().contains("memory"), "{error}");
    }
}
