//! The source of the AppImage runtime, to be compiled on demand for the machine that an AppImage is for.
//!
//! The runtime is the program at the front of an AppImage (type 2): a static executable that mounts or unpacks the file
//! system behind it and runs the application there. No copy of it in machine code is kept anywhere. Whoever packs an
//! AppImage writes [`SOURCE`] into a directory and has cargo compile it there:
//!
//! ```text
//! CARGO_ENCODED_RUSTFLAGS=<rustflags(..), joined by 0x1f> cargo build --release --locked --target <one of TARGETS>
//! ```
//!
//! The result is `<target directory>/<target>/release/appimage-runtime`. No C compiler and no system library takes part: the
//! linker is the one that comes with rustc. The file system begins at the result's end, without padding. What stands in
//! [`SECTIONS`] may be filled in place; the bytes 8 to 10 of the file become [`MAGIC`].

/// The name of the program.
pub const NAME: &str = "appimage-runtime";

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the runtime is compiled for.
pub const TARGETS: &[&str] = &["x86_64-unknown-linux-musl", "aarch64-unknown-linux-musl"];

/// The files of the package, each with its path relative to the package's directory, sorted by it.
pub const SOURCE: &[(&str, &str)] = &[
    ("Cargo.lock", include_str!("../program.lock")),
    ("Cargo.toml", include_str!("../program.toml")),
    ("src/elf.rs", include_str!("elf.rs")),
    ("src/extract.rs", include_str!("extract.rs")),
    ("src/failure.rs", include_str!("failure.rs")),
    ("src/fuse.rs", include_str!("fuse.rs")),
    ("src/keeper.rs", include_str!("keeper.rs")),
    ("src/launch.rs", include_str!("launch.rs")),
    ("src/main.rs", include_str!("main.rs")),
    ("src/mount.rs", include_str!("mount.rs")),
    ("src/options.rs", include_str!("options.rs")),
    ("src/pattern.rs", include_str!("pattern.rs")),
    ("src/scratch.rs", include_str!("scratch.rs")),
    ("src/sections.rs", include_str!("sections.rs")),
    ("src/squashfs/cache.rs", include_str!("squashfs/cache.rs")),
    ("src/squashfs/codec.rs", include_str!("squashfs/codec.rs")),
    ("src/squashfs/content.rs", include_str!("squashfs/content.rs")),
    ("src/squashfs/directory.rs", include_str!("squashfs/directory.rs")),
    ("src/squashfs/inode.rs", include_str!("squashfs/inode.rs")),
    ("src/squashfs/metadata.rs", include_str!("squashfs/metadata.rs")),
    ("src/squashfs/mod.rs", include_str!("squashfs/mod.rs")),
];

/// What rustc needs to link without a C compiler. [`rustflags`] adds what keeps directories out of the bytes.
pub const RUSTFLAGS: &[&str] =
    &["-Clinker=rust-lld", "-Clink-self-contained=yes", "-Ctarget-feature=+crt-static"];

/// The magic bytes of an AppImage of type 2, at byte 8 of the file: AppImage specification, "Type 2 image format".
pub const MAGIC: [u8; 3] = *b"AI\x02";

/// The sections of the program that may be filled in place, with their lengths in bytes. They are full of zeros: the
/// update information, a signature in ASCII armor, its key, and an MD5 digest.
pub const SECTIONS: &[(&str, usize)] =
    &[(".upd_info", 1024), (".sha256_sig", 1024), (".sig_key", 8192), (".digest_md5", 16)];

/// Where things are on the machine that compiles.
#[derive(Clone, Copy, Debug)]
pub struct Directories<'a> {
    /// Where [`SOURCE`] was written to.
    pub source: &'a str,
    /// The directories that hold the unpacked dependencies, as `NAME-VERSION`: every one in `registry/src` of cargo's home,
    /// which is named after the host that served them, or the one that they were vendored into. They are there after
    /// `cargo fetch --locked`.
    pub crates: &'a [&'a str],
    /// What `rustc --print sysroot` says.
    pub sysroot: &'a str,
}

/// All flags for rustc. With them the bytes of the program are the same in any directory, for any user, from any mirror.
///
/// They go into `CARGO_ENCODED_RUSTFLAGS`, where a path may hold spaces.
#[must_use]
pub fn rustflags(directories: &Directories<'_>) -> Vec<String> {
    let crates = directories.crates.iter().map(|directory| (*directory, "/crates"));
    let renamed = [(directories.source, "/appimage-runtime"), (directories.sysroot, "/rust")];
    let renamed = renamed.into_iter().chain(crates);
    let renamed = renamed.map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
    RUSTFLAGS.iter().map(|flag| (*flag).to_owned()).chain(renamed).collect()
}
