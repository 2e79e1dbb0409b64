//! The runtime as its users meet it: compiled from the source that the library carries, put before images that mksquashfs
//! made, and started.
#![expect(clippy::disallowed_methods, reason = "tests make AppImages, run them and look at what they left")]

mod bench;
mod extract;
mod hostile;
mod run;
mod source;
