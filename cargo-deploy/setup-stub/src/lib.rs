//! The source of the program at the front of a setup.exe, to be compiled on demand for the machine that it is for, and the
//! words that it shares with whoever writes a setup.exe: the [`container`] behind it and the [`description`] in there.
//!
//! The program installs what is in its container and, as a copy without one, removes it. No copy of it in machine code is
//! kept anywhere: whoever packs a setup.exe writes [`SOURCE`] into a directory and has cargo compile it there.
//!
//! ```text
//! CARGO_ENCODED_RUSTFLAGS=<rustflags(..), joined by 0x1f> cargo build --release --locked --target <one of TARGETS>
//! ```
//!
//! The result is `<target directory>/<target>/release/setup-stub.exe`. No C compiler and no import library takes part: the
//! program has no C runtime and no standard library, rustc itself writes what is needed to call Windows, and the linker is
//! the one that comes with rustc.

extern crate alloc;

pub mod container;
pub mod description;
#[cfg(test)]
mod options;
#[cfg(test)]
mod texts;

/// The name of the program.
pub const NAME: &str = "setup-stub";

/// The version of the program.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// What the program is compiled for.
pub const TARGETS: &[&str] = &["x86_64-pc-windows-gnullvm", "aarch64-pc-windows-gnullvm"];

/// An archive without members.
const NO_LIBRARY: &str = "!<arch>\n";

/// The files of the package, each with its path relative to the package's directory, sorted by it.
///
/// The libraries are empty. rustc names them to the linker for every program of these targets, and this one needs none of
/// what is usually in them.
pub const SOURCE: &[(&str, &str)] = &[
    ("Cargo.lock", include_str!("../program.lock")),
    ("Cargo.toml", include_str!("../program.toml")),
    ("lib/libkernel32.a", NO_LIBRARY),
    ("lib/libmingw32.a", NO_LIBRARY),
    ("lib/libmingwex.a", NO_LIBRARY),
    ("lib/libmsvcrt.a", NO_LIBRARY),
    ("lib/libuser32.a", NO_LIBRARY),
    ("src/container.rs", include_str!("container.rs")),
    ("src/description.rs", include_str!("description.rs")),
    ("src/failure.rs", include_str!("failure.rs")),
    ("src/install.rs", include_str!("install.rs")),
    ("src/item.rs", include_str!("item.rs")),
    ("src/main.rs", include_str!("main.rs")),
    ("src/options.rs", include_str!("options.rs")),
    ("src/payload.rs", include_str!("payload.rs")),
    ("src/platform/files.rs", include_str!("platform/files.rs")),
    ("src/platform/late.rs", include_str!("platform/late.rs")),
    ("src/platform/mod.rs", include_str!("platform/mod.rs")),
    ("src/platform/process.rs", include_str!("platform/process.rs")),
    ("src/platform/registry.rs", include_str!("platform/registry.rs")),
    ("src/platform/service.rs", include_str!("platform/service.rs")),
    ("src/platform/shell.rs", include_str!("platform/shell.rs")),
    ("src/platform/start.rs", include_str!("platform/start.rs")),
    ("src/platform/system.rs", include_str!("platform/system.rs")),
    ("src/platform/window.rs", include_str!("platform/window.rs")),
    ("src/session.rs", include_str!("session.rs")),
    ("src/switch.rs", include_str!("switch.rs")),
    ("src/texts.rs", include_str!("texts.rs")),
    ("src/uninstall.rs", include_str!("uninstall.rs")),
];

/// What rustc needs to link without a C compiler. [`rustflags`] adds the directory of the empty libraries, and what keeps
/// directories out of the bytes.
pub const RUSTFLAGS: &[&str] = &[
    "-Clinker=rust-lld",
    "-Clink-self-contained=no",
    "-Clink-arg=--entry=setup_start",
    "-Clink-arg=--dynamicbase",
    // The moment of linking would be in the bytes otherwise.
    "-Clink-arg=--no-insert-timestamp",
];

/// Where things are on the machine that compiles.
#[derive(Clone, Copy, Debug)]
pub struct Directories<'a> {
    /// Where [`SOURCE`] was written to.
    pub source: &'a str,
    /// The directories that hold the unpacked dependencies, as `NAME-VERSION`.
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
    let renamed = [(directories.source, "/setup-stub"), (directories.sysroot, "/rust")];
    let renamed = renamed.into_iter().chain(crates);
    let renamed = renamed.map(|(from, to)| format!("--remap-path-prefix={from}={to}"));
    let libraries = format!("-Lnative={}/lib", directories.source);
    RUSTFLAGS.iter().map(|flag| (*flag).to_owned()).chain([libraries]).chain(renamed).collect()
}
