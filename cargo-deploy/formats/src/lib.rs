//! The bytes of package formats: tar, gzip, xz, zstd, zip, Mach-O universal files, binary linkage.

pub mod compression;
mod deflate;
pub mod gzip;
mod level;
pub mod linkage;
pub mod member;
#[cfg(test)]
mod sample;
pub mod tar;
pub mod universal;
mod workers;
pub mod xz;
pub mod zip;
pub mod zstd;

pub use level::Level;
