//! Unpacking a single block.

use super::{ImageError, damaged};
use ruzstd::decoding::FrameDecoder;
use std::cell::RefCell;

/// What blocks are compressed with: one method for a whole image.
#[derive(Clone, Copy, Debug)]
pub(super) enum Compression {
    Gzip,
    Zstd,
}

/// The largest window that a zstd frame may ask for: what RFC 8878, section 3.1.1.1.2, wants every decoder to have.
const WINDOW: u64 = 8 << 20;

thread_local! {
    /// Its tables are used again for the next block.
    static ZSTD: RefCell<FrameDecoder> = RefCell::new({
        let mut decoder = FrameDecoder::new();
        decoder.set_max_window_size(WINDOW);
        decoder
    });
}

impl Compression {
    /// The method with a number of the superblock.
    pub(super) fn from_id(id: u16) -> Result<Self, ImageError> {
        match id {
            1 => Ok(Self::Gzip),
            6 => Ok(Self::Zstd),
            id => Err(ImageError::Compression { id }),
        }
    }

    /// The content of `packed`, of at most `limit` bytes.
    pub(super) fn unpack(self, packed: &[u8], limit: usize) -> Result<Vec<u8>, ImageError> {
        let mut content = vec![0; limit];
        let length = match self {
            Self::Gzip => {
                let input = std::iter::once(packed);
                miniz_oxide::inflate::decompress_slice_iter_to_slice(&mut content, input, true, false).ok()
            }
            Self::Zstd => {
                ZSTD.with_borrow_mut(|decoder| decoder.decode_all(packed, content.as_mut_slice()).ok())
            }
        };
        match length {
            Some(length) if length > 0 => {
                content.truncate(length);
                Ok(content)
            }
            _ => damaged("a block does not unpack"),
        }
    }
}
