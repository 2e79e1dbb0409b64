//! What is true here and now: the host, the tools found, the revision, the epoch.

use crate::plan::{PlannedCodeSigner, PlannedSigner};
use camino::Utf8PathBuf;
use deploy_model::Triple;
use deploy_model::release::SourceRevision;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// What `probe` found out about this machine and this checkout. Plain data: the planner reads it and asks the
/// machine nothing.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Facts {
    /// The triple that rustc compiles for when told nothing.
    pub host: Triple,
    /// Version of rustc as it prints it: `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub rustc: String,
    /// The commit that rustc was built from; its standard library names that commit in its paths.
    pub rustc_commit: Option<String>,
    /// rustc's own directory, below which the standard libraries lie.
    pub sysroot: Utf8PathBuf,
    /// Cargo's home directory, where registry sources lie.
    pub cargo_home: Utf8PathBuf,
    /// Triples whose standard library is there.
    pub standard_libraries: BTreeSet<Triple>,
    /// Whether `rustup target add` can be asked for a missing one.
    pub rustup: bool,
    /// Whether the sources of the standard library are there (`rust-src`), to build a missing one from.
    pub rust_src: bool,
    /// For each toolchain of the catalog, whether it can be used here.
    pub toolchains: BTreeMap<String, Availability>,
    /// For each signer that is to sign, the key that it found.
    pub signers: BTreeMap<String, PlannedSigner>,
    /// For each signer of programs that is to sign, the key that it found.
    pub code_signers: BTreeMap<String, PlannedCodeSigner>,
    /// The compiler flags that cargo would use for a triple, from `RUSTFLAGS` and its configuration files.
    /// Triples without an entry have none.
    pub rustflags: BTreeMap<Triple, Vec<String>>,
    /// Where the source stands, when it is under git.
    pub source: Option<SourceRevision>,
    /// The moment to write wherever a file holds one, in seconds since 1970: `SOURCE_DATE_EPOCH`, else the time
    /// of HEAD's commit, else 1980-01-01.
    pub epoch: i64,
    /// Whether this runs in continuous integration (`CI` is set and not `false`).
    pub ci: bool,
    /// Whether no network may be used.
    pub offline: bool,
}

/// Whether a tool can be used here.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum Availability {
    /// It can.
    Ready {
        /// Its name and version, as `release.json` records it: `zig 0.15.2`. The same on every machine.
        version: String,
        /// Where it was found, for people: `python3 -m ziglang`.
        place: String,
    },
    /// It cannot.
    Missing {
        /// What is not there: `zig is neither on PATH nor in the Python package ziglang`.
        what: String,
        /// The command or the action that mends it.
        mend: String,
    },
}

impl Availability {
    /// Whether it can be used.
    pub fn is_ready(&self) -> bool {
        matches!(self, Availability::Ready { .. })
    }
}
