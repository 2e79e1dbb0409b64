//! The bytes of package formats: tar, gzip, xz, zstd, zip, ar, Debian packages, RPM packages, SquashFS, AppImage, files of Linux desktops, Mach-O
//! universal files, binary linkage, programs and icons of Windows.
//!
//! Bytes in, bytes out: nothing here knows a project, opens a file, reads the clock or the environment. Writers take any
//! [`Write`](std::io::Write) and readers any [`Read`](std::io::Read), with `Seek` only where the format demands it; the caller opens the files. What a
//! writer produces depends on its input and [`Level`] alone, not on the number of threads. What a reader is given may be
//! damaged or hostile: the answer is an error, never a panic or an absurd allocation.
//!
//! ```
//! use std::num::NonZeroUsize;
//! use deploy_formats::compression::{Compression, Encoder, open};
//! use deploy_formats::{Level, tar};
//!
//! let threads = NonZeroUsize::new(2).unwrap();
//! let encoder = Encoder::new(Compression::Gzip, Vec::new(), Level::Default, threads)?;
//! let mut writer = tar::Writer::new(encoder, 1_700_000_000);
//! writer.directory("app")?;
//! writer.file("app/run", true, 5, &mut &b"hello"[..])?;
//! let file: Vec<u8> = writer.finish()?.finish()?;
//!
//! let members = tar::list(open(Compression::of(&file), &file[..])?)?;
//! assert_eq!(members[1].path, "app/run");
//! assert_eq!(members[1].mode, Some(0o755));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod appimage;
pub mod apt;
pub mod ar;
pub mod changelog;
pub mod compression;
pub mod copyright;
pub mod date;
pub mod debian;
mod deflate;
pub mod freedesktop;
pub mod gzip;
pub mod icon;
mod level;
pub mod linkage;
pub mod located;
pub mod maintainer_script;
pub mod member;
pub mod msi;
pub mod pe;
pub mod rpm;
pub mod rpm_repository;
#[cfg(test)]
mod sample;
pub mod setup;
pub mod squashfs;
pub mod tar;
pub mod universal;
pub mod windows_icon;
mod workers;
pub mod xz;
pub mod zip;
pub mod zstd;

pub use level::Level;
