//! Icons: a PNG or SVG that a project has, checked, and the sizes that desktops want made from it.
//!
//! Smaller icons are made from a PNG by a cubic filter (Catmull-Rom, as wide as the picture shrinks) on premultiplied colours. It
//! needs no more than adding, multiplying and dividing, so the bytes are the same on every machine. An SVG is
//! drawn anew for each size, and installed itself. Nothing is ever made larger than it is.

use png::{BitDepth, ColorType, Transformations};
use resvg::tiny_skia::{Pixmap, Transform};
use resvg::usvg;
use thiserror::Error;

/// The least that a PNG has to have, in pixels: what docks and software centres show.
pub const SMALLEST: u32 = 256;

/// The largest that is read, in pixels, so that no header makes us allocate gigabytes.
const LARGEST: u32 = 8192;

/// Why a file is no icon.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum IconError {
    /// Neither PNG nor SVG.
    #[error("read the icon: it is neither a PNG nor an SVG file")]
    Unknown,
    /// An SVG in gzip.
    #[error("read the icon: it is a compressed SVG; save it uncompressed, as .svg")]
    CompressedSvg,
    /// Not square.
    #[error("use the icon: it is {width} x {height} pixels, and an icon has to be square")]
    NotSquare {
        /// In pixels, rounded up for an SVG.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Too small.
    #[error(
        "use the icon: it is {size} x {size} pixels, and at least {SMALLEST} x {SMALLEST} are needed; 512 x 512 is best"
    )]
    TooSmall {
        /// In pixels.
        size: u32,
    },
    /// Too large.
    #[error("use the icon: it is {width} x {height} pixels, and at most {LARGEST} x {LARGEST} are read")]
    TooLarge {
        /// In pixels.
        width: u32,
        /// In pixels.
        height: u32,
    },
    /// Broken.
    #[error("read the icon: {message}")]
    Damaged {
        /// As the decoder says it.
        message: String,
    },
    /// Something of an SVG that would be missing in its pictures.
    #[error(
        "use the icon: its <{element}> in line {line} would be missing in the sizes that are drawn from it; {mend}"
    )]
    Undrawable {
        /// Its name.
        element: String,
        /// Counted from 1.
        line: u32,
        /// What to do.
        mend: &'static str,
    },
    /// A picture cannot be made.
    #[error("draw the icon at {size} x {size} pixels: {message}")]
    Draw {
        /// In pixels.
        size: u32,
        /// As the encoder says it.
        message: String,
    },
}

/// An icon that passed its checks.
pub struct Icon {
    source: Source,
}

enum Source {
    Png { bytes: Vec<u8>, size: u32, pixels: Vec<u8> },
    Svg { bytes: Vec<u8>, tree: Box<usvg::Tree> },
}

impl std::fmt::Debug for Icon {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.source {
            Source::Png { size, .. } => write!(f, "Icon(PNG, {size} x {size})"),
            Source::Svg { .. } => f.write_str("Icon(SVG)"),
        }
    }
}

impl Icon {
    /// Reads and checks an icon.
    pub fn open(bytes: &[u8]) -> Result<Icon, IconError> {
        let source = if bytes.starts_with(b"\x89PNG\r\n\x1a\n") {
            open_png(bytes)?
        } else if bytes.starts_with(&[0x1f, 0x8b]) {
            return Err(IconError::CompressedSvg);
        } else {
            open_svg(bytes)?
        };
        Ok(Icon { source })
    }

    /// An icon for a program that has none, as an AppImage of a command-line program needs it: a window with a prompt.
    pub fn of_terminal() -> Result<Icon, IconError> {
        Icon::open(terminal_svg().as_bytes())
    }

    /// The file itself, if it is an SVG.
    pub fn svg(&self) -> Option<&[u8]> {
        match &self.source {
            Source::Svg { bytes, .. } => Some(bytes),
            Source::Png { .. } => None,
        }
    }

    /// The largest size that can be made, in pixels; `None` for an SVG, which has no end.
    pub fn largest(&self) -> Option<u32> {
        match &self.source {
            Source::Png { size, .. } => Some(*size),
            Source::Svg { .. } => None,
        }
    }

    /// A PNG file of a size. A source of just this size is given as it is. A PNG is not made larger: asked for more,
    /// it gives its own size.
    pub fn png(&self, wanted: u32) -> Result<Vec<u8>, IconError> {
        match &self.source {
            Source::Png { bytes, size, .. } if wanted >= *size && wanted <= LARGEST => Ok(bytes.clone()),
            _ => encode(wanted, &self.pixels(wanted)?),
        }
    }

    /// A PNG file of a size with 32 bits a pixel, whatever the source has.
    pub(crate) fn png_exactly(&self, wanted: u32) -> Result<Vec<u8>, IconError> {
        encode(wanted, &self.pixels(wanted)?)
    }

    /// The pixels of a size, from the upper left: red, green, blue and alpha, not premultiplied. A PNG is not made larger.
    pub fn pixels(&self, wanted: u32) -> Result<Vec<u8>, IconError> {
        let draw = |message: &str| IconError::Draw { size: wanted, message: message.to_owned() };
        if wanted == 0 || wanted > LARGEST {
            return Err(draw("there is no such size"));
        }
        match &self.source {
            Source::Png { size, pixels, .. } if wanted >= *size => Ok(pixels.clone()),
            Source::Png { size, pixels, .. } => Ok(shrink(pixels, *size, wanted)),
            Source::Svg { tree, .. } => {
                let mut pixmap = Pixmap::new(wanted, wanted).ok_or_else(|| draw("there is no such size"))?;
                let side = tree.size().width().max(tree.size().height());
                let scale = wanted as f32 / side;
                resvg::render(tree, Transform::from_scale(scale, scale), &mut pixmap.as_mut());
                Ok(pixmap
                    .pixels()
                    .iter()
                    .flat_map(|pixel| {
                        let pixel = pixel.demultiply();
                        [pixel.red(), pixel.green(), pixel.blue(), pixel.alpha()]
                    })
                    .collect())
            }
        }
    }
}

fn check_size(width: u32, height: u32) -> Result<(), IconError> {
    if width != height {
        return Err(IconError::NotSquare { width, height });
    }
    if width > LARGEST {
        return Err(IconError::TooLarge { width, height });
    }
    if width < SMALLEST {
        return Err(IconError::TooSmall { size: width });
    }
    Ok(())
}

fn open_png(bytes: &[u8]) -> Result<Source, IconError> {
    let damaged = |error: png::DecodingError| IconError::Damaged { message: error.to_string() };
    let limits = png::Limits { bytes: 16 << 20 };
    let mut decoder = png::Decoder::new_with_limits(std::io::Cursor::new(bytes), limits);
    decoder.set_transformations(Transformations::EXPAND | Transformations::STRIP_16);
    let header = decoder.read_header_info().map_err(damaged)?;
    let size = header.width;
    check_size(header.width, header.height)?;
    let mut reader = decoder.read_info().map_err(damaged)?;
    let length = reader.output_buffer_size().ok_or(IconError::TooLarge { width: size, height: size })?;
    let mut raw = vec![0; length];
    let frame = reader.next_frame(&mut raw).map_err(damaged)?;
    let raw = raw.get(..frame.buffer_size()).unwrap_or_default();
    let channels = frame.color_type.samples();
    let mut pixels = Vec::with_capacity(size as usize * size as usize * 4);
    for pixel in raw.chunks_exact(channels) {
        pixels.extend_from_slice(&match *pixel {
            [gray] => [gray, gray, gray, 255],
            [gray, alpha] => [gray, gray, gray, alpha],
            [red, green, blue] => [red, green, blue, 255],
            [red, green, blue, alpha] => [red, green, blue, alpha],
            _ => [0; 4],
        });
    }
    if pixels.len() != size as usize * size as usize * 4 {
        return Err(IconError::Damaged { message: "there are fewer pixels than its header says".to_owned() });
    }
    Ok(Source::Png { bytes: bytes.to_owned(), size, pixels })
}

fn open_svg(bytes: &[u8]) -> Result<Source, IconError> {
    let text = str::from_utf8(bytes).map_err(|_| IconError::Unknown)?;
    let damaged = |message: String| IconError::Damaged { message };
    // A doctype is what drawing programs of old write; its entities are read, within the reader's limits.
    let options = roxmltree::ParsingOptions { allow_dtd: true, ..roxmltree::ParsingOptions::default() };
    let document = match roxmltree::Document::parse_with_options(text, options) {
        Ok(document) => document,
        Err(error) if text.trim_start().starts_with('<') => return Err(damaged(error.to_string())),
        Err(_) => return Err(IconError::Unknown),
    };
    if document.root_element().tag_name().name() != "svg" {
        return Err(IconError::Unknown);
    }
    for node in document.descendants().filter(|node| node.is_element()) {
        let mend = match node.tag_name().name() {
            "text" => "turn the text into paths",
            "image" => "draw it as shapes, or give the icon as a PNG",
            "foreignObject" => "draw it as shapes",
            _ => continue,
        };
        let line = document.text_pos_at(node.range().start).row;
        return Err(IconError::Undrawable { element: node.tag_name().name().to_owned(), line, mend });
    }
    let tree = usvg::Tree::from_xmltree(&document, &usvg::Options::default())
        .map_err(|error| damaged(error.to_string()))?;
    let (width, height) = (tree.size().width(), tree.size().height());
    if (width - height).abs() > 0.005 * width.max(height) {
        return Err(IconError::NotSquare { width: width.ceil() as u32, height: height.ceil() as u32 });
    }
    Ok(Source::Svg { bytes: bytes.to_owned(), tree: Box::new(tree) })
}

/// A PNG file of RGBA pixels.
fn encode(size: u32, pixels: &[u8]) -> Result<Vec<u8>, IconError> {
    let failed = |error: png::EncodingError| IconError::Draw { size, message: error.to_string() };
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, size, size);
    encoder.set_color(ColorType::Rgba);
    encoder.set_depth(BitDepth::Eight);
    encoder.set_compression(png::Compression::High);
    encoder.set_filter(png::Filter::Adaptive);
    let mut writer = encoder.write_header().map_err(failed)?;
    writer.write_image_data(pixels).map_err(failed)?;
    writer.finish().map_err(failed)?;
    Ok(file)
}

/// What a pixel of the smaller picture is made of: the first pixel of the larger one, and the weight of it and of those behind.
struct Taps {
    first: usize,
    weights: Vec<f32>,
}

/// The Catmull-Rom cubic (B = 0, C = 1/2 of Mitchell and Netravali).
fn cubic(x: f32) -> f32 {
    let x = x.abs();
    if x < 1.0 {
        (1.5 * x - 2.5) * x * x + 1.0
    } else if x < 2.0 {
        ((-0.5 * x + 2.5) * x - 4.0) * x + 2.0
    } else {
        0.0
    }
}

fn taps(from: u32, to: u32) -> Vec<Taps> {
    let scale = from as f32 / to as f32;
    let reach = 2.0 * scale;
    (0..to)
        .map(|place| {
            let centre = (place as f32 + 0.5) * scale;
            let first = (centre - reach).floor().max(0.0) as usize;
            let last = ((centre + reach).ceil() as usize).min(from as usize);
            let mut weights: Vec<f32> =
                (first..last).map(|pixel| cubic((pixel as f32 + 0.5 - centre) / scale)).collect();
            let sum: f32 = weights.iter().sum();
            weights.iter_mut().for_each(|weight| *weight /= sum);
            Taps { first, weights }
        })
        .collect()
}

/// A square RGBA picture made smaller.
fn shrink(pixels: &[u8], from: u32, to: u32) -> Vec<u8> {
    let taps = taps(from, to);
    let (from, to) = (from as usize, to as usize);
    // Rows first: each row of the source becomes a row of `to` pixels, with premultiplied colours.
    let mut narrow = vec![[0f32; 4]; from * to];
    for (row, line) in pixels.chunks_exact(from * 4).zip(narrow.chunks_exact_mut(to)) {
        let source: Vec<[f32; 4]> = row
            .chunks_exact(4)
            .map(|pixel| match *pixel {
                [red, green, blue, alpha] => {
                    let alpha = f32::from(alpha) / 255.0;
                    [f32::from(red) * alpha, f32::from(green) * alpha, f32::from(blue) * alpha, alpha]
                }
                _ => [0.0; 4],
            })
            .collect();
        for (taps, target) in taps.iter().zip(line) {
            for (weight, pixel) in taps.weights.iter().zip(source.iter().skip(taps.first)) {
                for (target, value) in target.iter_mut().zip(pixel) {
                    *target += weight * value;
                }
            }
        }
    }
    let mut output = Vec::with_capacity(to * to * 4);
    for taps in &taps {
        let mut line = vec![[0f32; 4]; to];
        for (weight, row) in taps.weights.iter().zip(narrow.chunks_exact(to).skip(taps.first)) {
            for (target, pixel) in line.iter_mut().zip(row) {
                for (target, value) in target.iter_mut().zip(pixel) {
                    *target += weight * value;
                }
            }
        }
        for [red, green, blue, alpha] in line {
            let alpha = alpha.clamp(0.0, 1.0);
            let byte = |value: f32| (value + 0.5).clamp(0.0, 255.0) as u8;
            let color = |value: f32| if alpha > 0.0 { byte(value / alpha) } else { 0 };
            let alpha_byte = byte(alpha * 255.0);
            let colors = if alpha_byte == 0 { [0; 3] } else { [color(red), color(green), color(blue)] };
            output.extend_from_slice(&colors);
            output.push(alpha_byte);
        }
    }
    output
}

/// A window with a prompt.
fn terminal_svg() -> String {
    let (frame, screen, bar, light) = ("#3b4252", "#242933", "#4c566a", "#d8dee9");
    format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"512\" height=\"512\" viewBox=\"0 0 512 512\">\n\
         <rect x=\"24\" y=\"56\" width=\"464\" height=\"400\" rx=\"40\" fill=\"{frame}\"/>\n\
         <path d=\"M24 136h464V96a40 40 0 0 0-40-40H64a40 40 0 0 0-40 40z\" fill=\"{bar}\"/>\n\
         <path d=\"M44 140h424v276a20 20 0 0 1-20 20H64a20 20 0 0 1-20-20z\" fill=\"{screen}\"/>\n\
         <path d=\"M112 216l80 72-80 72M232 368h128\" fill=\"none\" stroke=\"{light}\" stroke-width=\"36\" stroke-linecap=\"round\" stroke-linejoin=\"round\"/>\n\
         </svg>\n"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::freedesktop::icon::SIZES;

    /// A disc with a transparent surrounding: red in its upper half, blue in its lower.
    fn disc(size: u32) -> Vec<u8> {
        let half = f64::from(size) / 2.0;
        let pixels: Vec<u8> = (0..size * size)
            .flat_map(|index| {
                let (x, y) = (f64::from(index % size) + 0.5 - half, f64::from(index / size) + 0.5 - half);
                match (x * x + y * y < half * half, y < 0.0) {
                    (false, _) => [9, 200, 9, 0],
                    (true, true) => [255, 0, 0, 255],
                    (true, false) => [0, 0, 255, 255],
                }
            })
            .collect();
        encode(size, &pixels).unwrap()
    }

    fn png_of(width: u32, height: u32) -> Vec<u8> {
        let mut file = Vec::new();
        let mut encoder = png::Encoder::new(&mut file, width, height);
        encoder.set_color(ColorType::Grayscale);
        let mut writer = encoder.write_header().unwrap();
        writer.write_image_data(&vec![128; (width * height) as usize]).unwrap();
        writer.finish().unwrap();
        file
    }

    fn decoded(file: &[u8]) -> (u32, Vec<u8>) {
        let mut reader = png::Decoder::new(std::io::Cursor::new(file)).read_info().unwrap();
        let mut pixels = vec![0; reader.output_buffer_size().unwrap()];
        let frame = reader.next_frame(&mut pixels).unwrap();
        assert_eq!(frame.width, frame.height);
        (frame.width, pixels)
    }

    fn pixel(file: &[u8], x: u32, y: u32) -> [u8; 4] {
        let (size, pixels) = decoded(file);
        let place = ((y * size + x) * 4) as usize;
        pixels[place..place + 4].try_into().unwrap()
    }

    #[test]
    fn a_png_becomes_all_sizes_up_to_its_own() {
        let file = disc(300);
        let icon = Icon::open(&file).unwrap();
        assert_eq!(icon.sizes(), [16, 24, 32, 48, 64, 128, 256]);
        for size in icon.sizes() {
            let small = icon.png(size).unwrap();
            assert_eq!(decoded(&small).0, size);
            // What is transparent has no colour that could shine through, and both halves keep theirs.
            assert_eq!(pixel(&small, 0, 0), [0, 0, 0, 0]);
            assert_eq!(pixel(&small, size / 2, size / 4), [255, 0, 0, 255]);
            assert_eq!(pixel(&small, size / 2, size * 3 / 4), [0, 0, 255, 255]);
            assert_eq!(icon.png(size).unwrap(), small);
        }
        // At the rim there is colour of the disc alone, more or less of it.
        let [red, green, blue, alpha] = pixel(&icon.png(16).unwrap(), 4, 0);
        assert_eq!((red, green, blue), (255, 0, 0));
        assert!((1..255).contains(&alpha), "{alpha}");
        assert!(icon.svg().is_none());
    }

    #[test]
    fn a_png_of_the_very_size_is_taken_as_it_is() {
        let file = disc(256);
        let icon = Icon::open(&file).unwrap();
        assert_eq!(icon.png(256).unwrap(), file);
        assert_eq!(icon.png(512).unwrap(), file);
    }

    #[test]
    fn an_even_picture_stays_even() {
        let icon = Icon::open(&png_of(257, 257)).unwrap();
        for size in icon.sizes() {
            let (_, pixels) = decoded(&icon.png(size).unwrap());
            assert!(pixels.chunks_exact(4).all(|pixel| pixel == [128, 128, 128, 255]), "{size}");
        }
    }

    #[test]
    fn an_icon_of_the_wrong_size_is_said() {
        let error = |file: &[u8]| Icon::open(file).unwrap_err().to_string();
        assert_eq!(
            error(&png_of(300, 200)),
            "use the icon: it is 300 x 200 pixels, and an icon has to be square"
        );
        assert_eq!(
            error(&png_of(128, 128)),
            "use the icon: it is 128 x 128 pixels, and at least 256 x 256 are needed; 512 x 512 is best"
        );
        assert_eq!(
            error(&png_of(8193, 8193)),
            "use the icon: it is 8193 x 8193 pixels, and at most 8192 x 8192 are read"
        );
        assert_eq!(error(b"GIF89a"), "read the icon: it is neither a PNG nor an SVG file");
        assert_eq!(error(b"<html/>"), "read the icon: it is neither a PNG nor an SVG file");
        assert_eq!(
            error(&[0x1f, 0x8b, 8]),
            "read the icon: it is a compressed SVG; save it uncompressed, as .svg"
        );
        assert_eq!(
            error(b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 20 10'/>"),
            "use the icon: it is 20 x 10 pixels, and an icon has to be square"
        );
    }

    #[test]
    fn what_would_be_missing_in_pictures_of_an_svg_is_said() {
        let error = Icon::open(
            b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'>\n<g><text>A</text></g></svg>",
        );
        assert_eq!(
            error.unwrap_err().to_string(),
            "use the icon: its <text> in line 2 would be missing in the sizes that are drawn from it; turn the text into paths"
        );
    }

    #[test]
    fn an_svg_is_drawn_in_every_size() {
        let svg = b"<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 10 10'><path d='M0 0h10v5H0z' fill='#f00'/></svg>";
        let icon = Icon::open(svg).unwrap();
        assert_eq!(icon.sizes(), SIZES);
        for size in SIZES {
            let file = icon.png(size).unwrap();
            assert_eq!(decoded(&file).0, size);
            assert_eq!(pixel(&file, size / 2, 1), [255, 0, 0, 255]);
            assert_eq!(pixel(&file, size / 2, size - 1), [0, 0, 0, 0]);
        }
        assert_eq!(icon.svg().unwrap(), svg);
    }

    #[test]
    fn a_program_without_icon_gets_a_prompt() {
        let icon = Icon::of_terminal().unwrap();
        let file = icon.png(256).unwrap();
        assert_eq!(pixel(&file, 0, 0), [0, 0, 0, 0]);
        assert_eq!(pixel(&file, 96, 144), [0xd8, 0xde, 0xe9, 255]);
        assert_eq!(pixel(&file, 200, 100), [0x24, 0x29, 0x33, 255]);
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let file = disc(256);
        for cut in (0..file.len()).step_by(7) {
            // Pictures whose last chunk alone is missing can be read.
            assert!(Icon::open(&file[..cut]).is_err() || cut + 16 > file.len());
        }
        for index in (0..file.len()).step_by(3) {
            let mut broken = file.clone();
            broken[index] ^= 0x55;
            let _ = Icon::open(&broken);
        }
        let svg = terminal_svg();
        for cut in 0..svg.len() - 8 {
            assert!(Icon::open(&svg.as_bytes()[..cut]).is_err(), "{cut}");
        }
    }
}
