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

    /// The first bytes of the content of `packed`, at least `wanted` of them: less work where a zstd frame is made of
    /// several blocks, as those of more than 128 KiB are. Nothing where that cannot be told beforehand.
    pub(super) fn unpack_beginning(self, packed: &[u8], wanted: usize, limit: usize) -> Option<Vec<u8>> {
        let Self::Zstd = self else { return None };
        let shorter = zstd_beginning(packed, wanted)?;
        self.unpack(&shorter, limit).ok().filter(|content| content.len() >= wanted)
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

/// The most that a block within a zstd frame gives (RFC 8878, section 3.1.1.2.4).
const ZSTD_BLOCK: usize = 128 << 10;

/// A zstd frame that ends behind the block with the byte `wanted` of `frame`, if blocks are as large as they may be. Nothing
/// where that is no shorter.
fn zstd_beginning(frame: &[u8], wanted: usize) -> Option<Vec<u8>> {
    // RFC 8878, section 3.1.1.1: four bytes of magic, a descriptor, the window, the dictionary, the content's size.
    let descriptor = *frame.get(4)?;
    let single = descriptor & 0x20 != 0;
    let dictionary = [0, 1, 2, 4][usize::from(descriptor & 3)];
    let size = match descriptor >> 6 {
        0 => usize::from(single),
        1 => 2,
        2 => 4,
        _ => 8,
    };
    let mut at = 5 + usize::from(!single) + dictionary + size;
    let mut given = 0;
    loop {
        // Section 3.1.1.2: three bytes with the mark of the last block, the type and the size.
        let header = frame.get(at..at + 3)?;
        let number = u32::from_le_bytes([header[0], header[1], header[2], 0]);
        let length = (number >> 3) as usize;
        let (given_here, taken) = match number >> 1 & 3 {
            0 => (length, length),
            1 => (length, 1),
            2 => (ZSTD_BLOCK, length),
            _ => return None,
        };
        if number & 1 == 1 {
            return None;
        }
        given += given_here;
        let end = at + 3 + taken;
        if given >= wanted {
            let mut shorter = frame.get(..end)?.to_vec();
            *shorter.get_mut(at)? |= 1;
            // Without a checksum, which would be another one.
            *shorter.get_mut(4)? &= !4;
            return Some(shorter);
        }
        at = end;
    }
}
