//! Where desktops look for icons, and in which sizes (Icon Theme Specification 0.13; the sizes are those of the theme hicolor, which
//! every desktop falls back to).

pub use crate::icon::{Icon, IconError, SMALLEST};

/// The sizes that are made, in pixels.
pub const SIZES: [u32; 8] = [16, 24, 32, 48, 64, 128, 256, 512];

impl Icon {
    /// The sizes of [`SIZES`] that can be made.
    pub fn sizes(&self) -> Vec<u32> {
        SIZES.into_iter().filter(|wanted| self.largest().is_none_or(|largest| *wanted <= largest)).collect()
    }
}

/// Where the theme has a PNG of a size, relative to the root: `usr/share/icons/hicolor/48x48/apps/NAME.png`.
pub fn png_path(name: &str, size: u32) -> String {
    format!("usr/share/icons/hicolor/{size}x{size}/apps/{name}.png")
}

/// Where the theme has an SVG, relative to the root.
pub fn svg_path(name: &str) -> String {
    format!("usr/share/icons/hicolor/scalable/apps/{name}.svg")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_theme_has_these_places() {
        assert_eq!(png_path("example", 48), "usr/share/icons/hicolor/48x48/apps/example.png");
        assert_eq!(svg_path("example"), "usr/share/icons/hicolor/scalable/apps/example.svg");
    }
}
