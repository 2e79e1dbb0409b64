//! The release directory: what describes it, and what reads it back.
//!
//! `describe` writes what a release declares (`release.json`, `SHA256SUMS`, the linkage table); `verify` believes none
//! of the tool's own memory and reads every declared property from the bytes. A run ends with `verify` over the very
//! files that it is about to publish; the verb does the same over any copy of them, with no project near.

pub mod describe;
pub mod examine;
pub mod finish;
pub mod verify;

/// The file that says what a release is.
pub const RELEASE_FILE: &str = "release.json";
/// The file with the digests of all others.
pub const SUMS_FILE: &str = "SHA256SUMS";
/// The file with what the binaries need of the systems they run on.
pub const LINKAGE_FILE: &str = "linkage.txt";
