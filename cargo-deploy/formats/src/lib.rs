//! The bytes of package formats: tar, gzip, xz, zstd, zip, Mach-O universal files, binary linkage.

pub mod compression;
mod deflate;
pub mod gzip;
mod level;
#[cfg(test)]
mod sample;
mod workers;
pub mod xz;
pub mod zstd;

pub use level::Level;
