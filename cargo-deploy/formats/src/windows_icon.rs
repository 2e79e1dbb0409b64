//! Icons of Windows: `.ico` files, read and made (Microsoft, "Icons", `ICONDIR` and `ICONDIRENTRY`).
//!
//! Windows shows an icon in many sizes, from 16 pixels in a title bar to 256 in a folder, and each should be a picture of its own.
//! Pictures up to 64 pixels are bitmaps of 32 bits with a mask, which all programs read; that of 256 is a PNG,
//! as Windows Vista and newer want it.

use thiserror::Error;

use crate::icon::{Icon, IconError};

/// The sizes that are made, in pixels: 16, 32, 48 and 256 are what Windows asks for at 100 %, the others at 125 % to 200 %.
pub const SIZES: [u32; 8] = [16, 20, 24, 32, 40, 48, 64, 256];

/// The sizes that an `.ico` file has to have, in pixels.
pub const NEEDED: [u32; 4] = [16, 32, 48, 256];

const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
/// More pictures than any icon has; each may be in several depths of colour.
const MOST_PICTURES: usize = 256;

/// Why there is no icon.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum WindowsIconError {
    /// Damaged.
    #[error("read the icon: {problem}")]
    Damaged {
        /// What does not fit.
        problem: String,
    },
    /// Pictures are missing.
    #[error("use the icon: it has no picture of {}; Windows needs 16, 32, 48 and 256 pixels", .missing.iter().map(|size| format!("{size} x {size}")).collect::<Vec<_>>().join(", "))]
    Missing {
        /// In pixels.
        missing: Vec<u32>,
    },
    /// A PNG or SVG it should be made from.
    #[error(transparent)]
    Source {
        /// What is wrong with it.
        #[from]
        source: IconError,
    },
}

/// One picture of an icon.
#[derive(Clone, PartialEq, Eq)]
pub struct Picture {
    /// In pixels, 1 to 256.
    pub width: u32,
    /// In pixels, 1 to 256.
    pub height: u32,
    /// How many colours its palette has; 0 for none, or for 256.
    pub colors: u8,
    /// Planes, usually 1.
    pub planes: u16,
    /// Bits of a pixel.
    pub bits: u16,
    /// A PNG file, or a bitmap without its file header and with a mask behind it.
    pub content: Vec<u8>,
}

impl std::fmt::Debug for Picture {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let form = if self.content.starts_with(PNG) { "PNG" } else { "bitmap" };
        write!(
            f,
            "{} x {}, {} bits, {form}, {} bytes",
            self.width,
            self.height,
            self.bits,
            self.content.len()
        )
    }
}

/// An icon: pictures of the same thing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WindowsIcon {
    /// At least one, in the order of the file.
    pub pictures: Vec<Picture>,
}

impl WindowsIcon {
    /// An icon from a file of any kind that is read: `.ico`, which has to have all [`NEEDED`] sizes, PNG of at least 256
    /// pixels, or SVG.
    pub fn open(bytes: &[u8]) -> Result<Self, WindowsIconError> {
        if bytes.starts_with(&[0, 0, 1, 0]) {
            let icon = WindowsIcon::read(bytes)?;
            icon.check()?;
            Ok(icon)
        } else {
            WindowsIcon::draw(&Icon::open(bytes)?)
        }
    }

    /// Reads an `.ico` file.
    pub fn read(bytes: &[u8]) -> Result<Self, WindowsIconError> {
        let damaged = |problem: &str| WindowsIconError::Damaged { problem: problem.to_owned() };
        let Some(([0, 0, 1, 0, low, high], lines)) = bytes.split_first_chunk() else {
            return Err(damaged("it is no .ico file"));
        };
        let count = usize::from(u16::from_le_bytes([*low, *high]));
        if count == 0 {
            return Err(damaged("it contains no picture"));
        }
        if count > MOST_PICTURES {
            return Err(WindowsIconError::Damaged {
                problem: format!("it says that it has {count} pictures"),
            });
        }
        let lines = lines.get(..count * 16).ok_or_else(|| damaged("its list of pictures is cut off"))?;
        let mut pictures = Vec::new();
        let mut total = 0;
        for line in lines.as_chunks::<16>().0 {
            let size = |byte: u8| if byte == 0 { 256 } else { u32::from(byte) };
            let number =
                |at: usize| u32::from_le_bytes([line[at], line[at + 1], line[at + 2], line[at + 3]]) as usize;
            let (length, offset) = (number(8), number(12));
            total += length;
            let content = bytes.get(offset..).and_then(|rest| rest.get(..length));
            let content = content
                .filter(|_| total <= bytes.len())
                .ok_or_else(|| damaged("a picture in it is cut off"))?;
            pictures.push(picture(size(line[0]), size(line[1]), line[2], content)?);
        }
        Ok(WindowsIcon { pictures })
    }

    /// Makes an icon in all [`SIZES`].
    pub fn draw(icon: &Icon) -> Result<Self, WindowsIconError> {
        let mut pictures = Vec::new();
        for size in SIZES {
            let content =
                if size == 256 { icon.png_exactly(size)? } else { bitmap(size, &icon.pixels(size)?) };
            pictures.push(Picture { width: size, height: size, colors: 0, planes: 1, bits: 32, content });
        }
        Ok(WindowsIcon { pictures })
    }

    /// Refuses an icon that lacks one of the [`NEEDED`] sizes, and names all that it lacks.
    pub fn check(&self) -> Result<(), WindowsIconError> {
        let has =
            |size: u32| self.pictures.iter().any(|picture| (picture.width, picture.height) == (size, size));
        let missing: Vec<u32> = NEEDED.into_iter().filter(|size| !has(*size)).collect();
        if missing.is_empty() { Ok(()) } else { Err(WindowsIconError::Missing { missing }) }
    }

    /// An `.ico` file.
    pub fn write(&self) -> Vec<u8> {
        let mut file: Vec<u8> =
            [0u16, 1, self.pictures.len() as u16].iter().flat_map(|field| field.to_le_bytes()).collect();
        let mut offset = 6 + 16 * self.pictures.len();
        for picture in &self.pictures {
            // 256 is written as 0.
            file.extend([picture.width as u8, picture.height as u8, picture.colors, 0]);
            file.extend(picture.planes.to_le_bytes());
            file.extend(picture.bits.to_le_bytes());
            file.extend((picture.content.len() as u32).to_le_bytes());
            file.extend((offset as u32).to_le_bytes());
            offset += picture.content.len();
        }
        for picture in &self.pictures {
            file.extend_from_slice(&picture.content);
        }
        file
    }
}

/// A picture whose content says what it is: the list of a file is often wrong about colours.
fn picture(width: u32, height: u32, colors: u8, content: &[u8]) -> Result<Picture, WindowsIconError> {
    let damaged = |problem: String| WindowsIconError::Damaged { problem };
    let (found, planes, bits) = if let Some(rest) = content.strip_prefix(PNG) {
        // The first chunk is IHDR: 4 bytes of length, its name, width, height, depth and kind.
        let header = rest.first_chunk::<18>().filter(|header| header[4..8] == *b"IHDR");
        let header = header.ok_or_else(|| damaged("a picture in it is a PNG that is cut off".to_owned()))?;
        let number =
            |at: usize| u32::from_be_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let channels = match header[17] {
            2 => 3,
            4 => 2,
            6 => 4,
            _ => 1,
        };
        ((number(8), number(12)), 1, u16::from(header[16]) * channels)
    } else {
        // BITMAPINFOHEADER; its height counts picture and mask.
        let header = content.first_chunk::<40>().filter(|header| header[..4] == [40, 0, 0, 0]);
        let header =
            header.ok_or_else(|| damaged("a picture in it is neither a PNG nor a bitmap".to_owned()))?;
        let number =
            |at: usize| u32::from_le_bytes([header[at], header[at + 1], header[at + 2], header[at + 3]]);
        let short = |at: usize| u16::from_le_bytes([header[at], header[at + 1]]);
        ((number(4), number(8) / 2), short(12), short(14))
    };
    if found != (width, height) {
        return Err(damaged(format!(
            "its list says {width} x {height} pixels of a picture of {} x {}",
            found.0, found.1
        )));
    }
    Ok(Picture { width, height, colors, planes, bits, content: content.to_vec() })
}

/// A bitmap of 32 bits with a mask: rows from the bottom, blue before green before red.
fn bitmap(size: u32, pixels: &[u8]) -> Vec<u8> {
    let row = size as usize * 4;
    // A bit for a pixel, in rows of a multiple of 32 bits.
    let mask_row = (size as usize).div_ceil(32) * 4;
    let length = (row + mask_row) * size as usize;
    let mut content = Vec::with_capacity(40 + length);
    content.extend(40u32.to_le_bytes());
    content.extend(size.to_le_bytes());
    content.extend((size * 2).to_le_bytes());
    content.extend(1u16.to_le_bytes());
    content.extend(32u16.to_le_bytes());
    content.extend(0u32.to_le_bytes());
    content.extend((length as u32).to_le_bytes());
    content.extend([0; 16]);
    for line in pixels.chunks_exact(row).rev() {
        for pixel in line.as_chunks::<4>().0 {
            let [red, green, blue, alpha] = *pixel;
            content.extend([blue, green, red, alpha]);
        }
    }
    // What has no alpha at all is left out by programs that know masks alone.
    for line in pixels.chunks_exact(row).rev() {
        let mut mask = vec![0u8; mask_row];
        for (index, pixel) in line.as_chunks::<4>().0.iter().enumerate() {
            if pixel[3] == 0
                && let Some(byte) = mask.get_mut(index / 8)
            {
                *byte |= 0x80 >> (index % 8);
            }
        }
        content.extend(mask);
    }
    content
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Random;

    const SVG: &[u8] =
        b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'><path d='M0 0h10v5H0z' fill='#f80'/></svg>";

    #[test]
    fn an_icon_is_made_in_all_sizes_and_read_as_it_was_written() {
        let icon = WindowsIcon::open(SVG).unwrap();
        let lines: Vec<String> = icon
            .pictures
            .iter()
            .map(|picture| format!("{picture:?}").rsplit_once(", ").unwrap().0.to_owned())
            .collect();
        let expected = SIZES
            .map(|size| format!("{size} x {size}, 32 bits, {}", if size == 256 { "PNG" } else { "bitmap" }));
        assert_eq!(lines, expected);
        let file = icon.write();
        assert_eq!(WindowsIcon::open(&file).unwrap(), icon);
        assert_eq!(icon.write(), file);
        // The pixels of a PNG of 256 are ours, too, whatever kind of PNG it was.
        let png = Icon::open(SVG).unwrap().png(256).unwrap();
        assert_eq!(WindowsIcon::open(&png).unwrap().pictures.last(), icon.pictures.last());
    }

    #[test]
    fn a_bitmap_has_its_rows_from_below_and_a_mask() {
        let pixels = [[1, 2, 3, 255], [0, 0, 0, 0], [4, 5, 6, 128], [7, 8, 9, 255]].concat();
        let bitmap = bitmap(2, &pixels);
        assert_eq!(bitmap[..16], [40, 0, 0, 0, 2, 0, 0, 0, 4, 0, 0, 0, 1, 0, 32, 0]);
        assert_eq!(bitmap[40..56], [6, 5, 4, 128, 9, 8, 7, 255, 3, 2, 1, 255, 0, 0, 0, 0]);
        assert_eq!(bitmap[56..], [0, 0, 0, 0, 0x40, 0, 0, 0]);
    }

    #[test]
    fn all_missing_sizes_are_named() {
        let mut icon = WindowsIcon::open(SVG).unwrap();
        icon.pictures.retain(|picture| [20, 32].contains(&picture.width));
        assert_eq!(
            WindowsIcon::open(&icon.write()).unwrap_err().to_string(),
            "use the icon: it has no picture of 16 x 16, 48 x 48, 256 x 256; Windows needs 16, 32, 48 and 256 pixels"
        );
        assert_eq!(
            WindowsIcon::open(b"GIF89a").unwrap_err().to_string(),
            "read the icon: it is neither a PNG nor an SVG file"
        );
    }

    #[test]
    fn cut_or_damaged_files_are_errors_and_no_panics() {
        let icon = WindowsIcon::open(SVG).unwrap();
        let file = icon.write();
        for length in 0..file.len() {
            assert!(WindowsIcon::read(&file[..length]).is_err(), "cut to {length}");
        }
        let mut random = Random::new(11);
        for _ in 0..5_000 {
            let mut damaged = file.clone();
            for _ in 0..1 + random.below(4) {
                damaged[random.below(300)] = random.next() as u8;
            }
            let _ = WindowsIcon::open(&damaged);
        }
        let error = |bytes: &[u8]| WindowsIcon::read(bytes).unwrap_err().to_string();
        assert_eq!(error(&[0, 0, 1, 0, 0, 0]), "read the icon: it contains no picture");
        assert_eq!(error(&[0, 0, 1, 0, 255, 255]), "read the icon: it says that it has 65535 pictures");
    }
}
