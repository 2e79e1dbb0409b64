//! How hard a compressor works: one word for all of them.

/// The effort of a compressor. What it means in numbers is written at each compressor
/// ([`gzip`](crate::gzip), [`zstd`](crate::zstd), [`xz`](crate::xz), [`zip`](crate::zip), [`squashfs`](crate::squashfs)).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum Level {
    /// The shortest time: for trying things out.
    Fast,
    /// The last level whose time pays: smaller than the usual tool's default, in less time.
    #[default]
    Default,
    /// The smallest file, whatever it costs (eight to twenty-five times the processor time).
    Small,
}
