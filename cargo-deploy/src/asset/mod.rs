//! Assets: files that are fetched and not made. The store that all projects share, the vendored directory of a project,
//! `Deploy.lock`, and the way from an asset to its bytes.
//!
//! ```text
//! <cache>/assets/objects/ab/cdef…       content, by SHA-256; checked whenever it is used
//! <cache>/assets/partial/…              downloads that were cut off
//! <cache>/assets/locks/…                one lock an object: two runs download it once
//! <project>/vendor/.assets/abcdef…      content that is kept with the project, and index.toml
//! ```
//!
//! An asset is looked for in the cache, then in the vendored directory, then on the network, which `--offline` leaves
//! out: no socket is opened. Whatever is found has the digest and size that were pinned, or it is not used.

pub mod lock;
mod obtain;
mod store;
pub mod vendored;
pub mod verify;

pub use obtain::{Obtained, Place, obtain};

use crate::bench::Workbench;
use crate::bench::environment::Environment;
use crate::bench::fetch::{DownloadError, DownloadFailure, NetworkError};
use crate::bench::files::{self, FileError};
use crate::bench::unpack::{
    self, LinkError, UnpackError, UnpackFailure, unpack_member, unpack_single, unpack_tree,
};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::event::{Event, EventSink};
use deploy_model::{FailureClass, RelPath, Sha256, StepId};
use deploy_plan::project::{Asset, Unpack};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;

/// Where assets come from.
#[derive(Debug, Clone, Copy)]
pub struct Context<'a> {
    /// The workspace's root directory: files of the project lie below it, and the vendored directory.
    pub root: &'a Utf8Path,
    /// The cache that all projects share.
    pub cache: &'a Utf8Path,
    /// For proxies and certificates.
    pub environment: &'a Environment,
    /// Whether no network may be used.
    pub offline: bool,
}

/// What a fetch step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedAsset {
    /// The files, sorted by name. One for an asset that is a file.
    pub files: Vec<FetchedFile>,
}

/// A file that a fetch step made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchedFile {
    /// For an asset that is a file, the last component of its path; for one that is a directory, the path below it.
    pub name: String,
    /// Where it is now: in the step's scratch directory, and the caller's to move.
    pub path: Utf8PathBuf,
    /// Whether it can be executed.
    pub executable: bool,
}

/// An asset that could not be had.
#[derive(Debug, thiserror::Error)]
#[error("fetch the asset {path}")]
pub struct FetchError {
    /// The asset's path in the payload, which is its name.
    pub path: RelPath,
    /// Why.
    #[source]
    pub reason: Box<FetchReason>,
}

/// Why an asset could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchReason {
    /// The download failed.
    #[error(transparent)]
    Download(#[from] DownloadError),
    /// The environment names a proxy or certificates that cannot be used.
    #[error(transparent)]
    Network(#[from] NetworkError),
    /// It would have to be downloaded.
    #[error(
        "it is neither in the cache nor in {vendored}, and nothing may be downloaded offline\n  \
         sha256 {sha256}\n  from {origin}\n  \
         with a network, run `cargo deploy assets fetch`; to keep it with the project, `cargo deploy vendor`"
    )]
    Offline {
        /// Where it comes from.
        origin: String,
        /// Its digest.
        sha256: Sha256,
        /// The vendored directory.
        vendored: Utf8PathBuf,
    },
    /// A file is not what was pinned.
    #[error(
        "{path} is not what was pinned\n  expected sha256 {}{}\n  got      sha256 {}, {} bytes",
        .expected.0, .expected.1.map(|size| format!(", {size} bytes")).unwrap_or_default(), .got.0, .got.1
    )]
    Changed {
        /// The file.
        path: Utf8PathBuf,
        /// Digest and size that were pinned.
        expected: Box<(Sha256, Option<u64>)>,
        /// Digest and size that it has.
        got: Box<(Sha256, u64)>,
    },
    /// A file of the project is larger than the asset may be.
    #[error("{path} has {size} bytes, and the largest size allowed is {limit}")]
    TooLarge {
        /// The file.
        path: Utf8PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The largest size allowed.
        limit: u64,
    },
    /// The archive was refused.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// A link of the archive cannot be put into a package.
    #[error(transparent)]
    Link(#[from] LinkError),
    /// A file of ours.
    #[error(transparent)]
    File(#[from] FileError),
}

impl FetchError {
    fn of(asset: &Asset) -> impl FnOnce(FetchReason) -> FetchError {
        |reason| FetchError { path: asset.path.clone(), reason: Box::new(reason) }
    }

    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        self.reason.class()
    }
}

impl FetchReason {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            FetchReason::Download(error) => match &*error.reason {
                DownloadFailure::Address(_) | DownloadFailure::Redirect { .. } => FailureClass::Configuration,
                DownloadFailure::Status { status: 401 | 403 | 407, .. } => FailureClass::Credentials,
                DownloadFailure::Status { status: 404 | 410, .. } => FailureClass::MissingInput,
                DownloadFailure::TooLarge { .. }
                | DownloadFailure::Misfit { .. }
                | DownloadFailure::Mismatch(_) => FailureClass::Verification,
                DownloadFailure::File(_) => FailureClass::Unexpected,
                _ => FailureClass::Remote,
            },
            FetchReason::Network(_) => FailureClass::Configuration,
            FetchReason::Offline { .. } => FailureClass::MissingInput,
            FetchReason::Changed { .. } | FetchReason::TooLarge { .. } => FailureClass::Verification,
            FetchReason::Unpack(error) => match &*error.reason {
                UnpackFailure::NoMember { .. } => FailureClass::Configuration,
                UnpackFailure::File(_) => FailureClass::Unexpected,
                _ => FailureClass::Verification,
            },
            FetchReason::Link(_) => FailureClass::Verification,
            FetchReason::File(error) if error.is_not_found() => FailureClass::MissingInput,
            FetchReason::File(_) => FailureClass::Unexpected,
        }
    }
}

/// Does a fetch step: gets the asset, checks it, unpacks it into the step's scratch directory.
///
/// The links of an archive are replaced by what they lead to, since not every package format can hold links.
pub fn fetch_step(
    asset: &Asset,
    context: &Context<'_>,
    bench: &Workbench<'_>,
) -> Result<FetchedAsset, FetchError> {
    let obtained = obtain(asset, context, bench).map_err(FetchError::of(asset))?;
    unpacked(asset, &obtained.path, bench).map_err(FetchError::of(asset))
}

fn unpacked(asset: &Asset, archive: &Utf8Path, bench: &Workbench<'_>) -> Result<FetchedAsset, FetchReason> {
    let usual = unpack::Limits::default();
    let limits = unpack::Limits { bytes: usual.bytes.min(asset.max_size), ..usual };
    let to = bench.file("asset");
    let of_archive = match (&asset.member, asset.unpack) {
        (_, Unpack::None) => {
            files::copy(archive, &to)?;
            false
        }
        (_, Unpack::Gz | Unpack::Xz | Unpack::Zst) => {
            unpack_single(archive, asset.unpack, &limits, &to)?.executable
        }
        (Some(member), kind) => {
            let wanted = unpack::Wanted { member, strip: asset.strip };
            unpack_member(archive, kind, wanted, &limits, &to)?.executable
        }
        (None, kind) => {
            let tree = unpack_tree(archive, kind, asset.strip, &limits, &to)?;
            return Ok(FetchedAsset { files: tree_files(asset, &tree, &to, bench)? });
        }
    };
    let executable = asset.executable || of_archive;
    files::set_executable(&to, executable)?;
    let name = asset.path.file_name().to_owned();
    Ok(FetchedAsset { files: vec![FetchedFile { name, path: to, executable }] })
}

fn tree_files(
    asset: &Asset,
    tree: &unpack::UnpackedTree,
    root: &Utf8Path,
    bench: &Workbench<'_>,
) -> Result<Vec<FetchedFile>, FetchReason> {
    if let Some(first) = tree.cleared.first() {
        let more = match tree.cleared.len() {
            1 => String::new(),
            count => format!(" and {} more", count - 1),
        };
        bench.warn(
            format!(
                "set-uid, set-gid or sticky bits of the asset {} were taken off: {first}{more}",
                asset.path
            ),
            None,
        );
    }
    let copies = bench.file("copies");
    let mut found = Vec::new();
    for (number, file) in tree.without_links()?.into_iter().enumerate() {
        let executable = asset.executable || file.executable;
        let mut path = root.join(file.content.as_str());
        if file.content != file.path {
            files::create_directory(&copies)?;
            let copy = copies.join(number.to_string());
            files::copy(&path, &copy)?;
            path = copy;
        }
        files::set_executable(&path, executable)?;
        found.push(FetchedFile { name: file.path.to_string(), path, executable });
    }
    Ok(found)
}

/// Downloads at the same time.
const THREADS: usize = 4;

/// Does the same with each item on a few threads; the results are in the order of the items.
fn each<T: Sync, R: Send>(items: &[T], work: impl Fn(&T) -> R + Sync) -> Vec<R> {
    let next = AtomicUsize::new(0);
    let (results, received) = mpsc::channel();
    std::thread::scope(|scope| {
        for _ in 0..THREADS.min(items.len()) {
            let results = results.clone();
            let (next, work) = (&next, &work);
            scope.spawn(move || {
                while let Some((at, item)) = {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    items.get(at).map(|item| (at, item))
                } {
                    // The receiver lives longer than this thread.
                    let _ = results.send((at, work(item)));
                }
            });
        }
    });
    drop(results);
    let mut results: Vec<(usize, R)> = received.into_iter().collect();
    results.sort_by_key(|(at, _)| *at);
    results.into_iter().map(|(_, result)| result).collect()
}

/// Runs work for an asset as a step of its own, outside a plan: with events that say when it began and ended.
fn as_step<T, E: std::error::Error>(
    path: &RelPath,
    context: &Context<'_>,
    events: &dyn EventSink,
    class: impl FnOnce(&E) -> FailureClass,
    work: impl FnOnce(&Workbench<'_>) -> Result<(T, bool), E>,
) -> Result<T, E> {
    let step = StepId::of(&["fetch", path.as_str()]);
    let clock = crate::bench::clock::Stopwatch::start();
    let title = format!("Fetching {path}");
    let why = "it was asked for".to_owned();
    events.event(Event::StepStarted { step: step.clone(), title: title.clone(), why });
    // These steps make no files of their own.
    let scratch = context.cache.join("assets");
    let bench = Workbench { step: &step, scratch, threads: 1, epoch: 0, events };
    match work(&bench) {
        Ok((made, reused)) => {
            let milliseconds = clock.milliseconds();
            events.event(Event::StepFinished { step, title, reused, milliseconds });
            Ok(made)
        }
        Err(error) => {
            let (class, message) = (class(&error), crate::cause::chain(&error));
            events.event(Event::StepFailed { step, title, class, message });
            Err(error)
        }
    }
}

/// Gets assets, so that they are in the cache. The results are in the order of the assets.
pub fn fetch(
    assets: &[Asset],
    context: &Context<'_>,
    events: &dyn EventSink,
) -> Vec<Result<Obtained, FetchError>> {
    each(assets, |asset| {
        as_step(&asset.path, context, events, FetchError::class, |bench| {
            let obtained = obtain(asset, context, bench).map_err(FetchError::of(asset))?;
            let reused = obtained.place != Place::Network;
            Ok((obtained, reused))
        })
    })
}
