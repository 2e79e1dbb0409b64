//! The compressors of images: every block is a stream of its own.

use std::io;

use libdeflater::CompressionLvl;
use liblzma::stream::{Action, Status, Stream};
use zstd::zstd_safe::{CParameter, Strategy};

use super::Compression;
use crate::Level;

/// Compresses block after block. What it makes of a block does not depend on those before.
pub(super) enum Compressor {
    Gzip(libdeflater::Compressor),
    Zstd(zstd::bulk::Compressor<'static>),
}

impl Compressor {
    /// `None` for the compression we only read.
    pub(super) fn new(compression: Compression, level: Level) -> io::Result<Option<Self>> {
        Ok(match compression {
            Compression::Gzip => {
                let level = match level {
                    Level::Fast => 1,
                    Level::Default => 6,
                    Level::Small => 12,
                };
                let level = CompressionLvl::new(level).unwrap_or_default();
                Some(Compressor::Gzip(libdeflater::Compressor::new(level)))
            }
            Compression::Xz => None,
            Compression::Zstd => {
                let number = match level {
                    Level::Fast => 3,
                    Level::Default => 11,
                    Level::Small => 19,
                };
                let mut compressor = zstd::bulk::Compressor::new(number)?;
                if level == Level::Default {
                    // Found by measuring: machine code has many matches of four bytes, which level 11 does not look for.
                    // One percent and a half less, for an eighth more of time.
                    compressor.set_parameter(CParameter::Strategy(Strategy::ZSTD_lazy2))?;
                    compressor.set_parameter(CParameter::SearchLog(6))?;
                    compressor.set_parameter(CParameter::TargetLength(32))?;
                    compressor.set_parameter(CParameter::MinMatch(4))?;
                }
                Some(Compressor::Zstd(compressor))
            }
        })
    }

    /// The compressed bytes, or `None` where they would not be fewer.
    pub(super) fn compress(&mut self, input: &[u8]) -> io::Result<Option<Vec<u8>>> {
        let output = match self {
            Compressor::Gzip(compressor) => {
                let mut output = vec![0; compressor.zlib_compress_bound(input.len())];
                let length = compressor.zlib_compress(input, &mut output).map_err(io::Error::other)?;
                output.truncate(length);
                output
            }
            Compressor::Zstd(compressor) => compressor.compress(input)?,
        };
        Ok((output.len() < input.len()).then_some(output))
    }
}

/// The content of a compressed block, which has at most `most` bytes. Wrong data is an error.
pub(super) fn decompress(compression: Compression, input: &[u8], most: usize) -> io::Result<Vec<u8>> {
    match compression {
        Compression::Gzip => {
            let mut output = vec![0; most];
            let mut stream = flate2::Decompress::new(true);
            let status = stream
                .decompress(input, &mut output, flate2::FlushDecompress::Finish)
                .map_err(io::Error::other)?;
            if status != flate2::Status::StreamEnd {
                return Err(unfinished());
            }
            output.truncate(usize::try_from(stream.total_out()).unwrap_or(most));
            Ok(output)
        }
        Compression::Xz => {
            let mut output = vec![0; most];
            // The dictionary is no larger than a block is; the filters need little.
            let mut stream = Stream::new_stream_decoder(64 << 20, 0)?;
            let status = stream.process(input, &mut output, Action::Finish)?;
            if status != Status::StreamEnd {
                return Err(unfinished());
            }
            output.truncate(usize::try_from(stream.total_out()).unwrap_or(most));
            Ok(output)
        }
        Compression::Zstd => zstd::bulk::decompress(input, most),
    }
}

fn unfinished() -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, "a compressed block is longer than a block can be, or cut")
}
