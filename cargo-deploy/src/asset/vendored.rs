//! The vendored directory: assets that are kept with the project, so that it can be released without a network.
//!
//! The files lie in `.assets` below the directory, by digest, with an index for people. The name begins with a dot
//! because `cargo vendor` uses the same directory and removes whatever else lies there, but nothing that is hidden.

use super::lock::{self, LockReadError};
use super::obtain::obtain;
use super::{Context, FetchError, as_step, each};
use crate::bench::files::{self, FileError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::event::EventSink;
use deploy_model::{FailureClass, Sha256};
use deploy_plan::lock::{Lock, LockedAsset, VERSION};
use deploy_plan::project::{Asset, Origin};
use std::collections::BTreeSet;

/// What stands at the head of the index.
const INDEX_HEAD: &str =
    "# Written by `cargo deploy vendor`: the assets in this directory, each in a file named by its digest.\n";

/// Where a project's vendored directory is looked for.
pub fn default_directory(root: &Utf8Path) -> Utf8PathBuf {
    root.join("vendor")
}

/// Where the content with a digest is or would be in a vendored directory.
pub fn object(directory: &Utf8Path, sha256: &Sha256) -> Utf8PathBuf {
    directory.join(".assets").join(sha256.as_str())
}

/// The index of a vendored directory; empty where there is none.
pub fn index(directory: &Utf8Path) -> Result<Lock, LockReadError> {
    lock::read(&directory.join(".assets").join("index.toml"))
}

/// A directory that could not be filled.
#[derive(Debug, thiserror::Error)]
pub enum VendorError {
    /// An asset could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// A file failed.
    #[error("fill the vendored directory")]
    File(#[from] FileError),
}

impl VendorError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            VendorError::Fetch(error) => error.class(),
            VendorError::File(_) => FailureClass::Unexpected,
        }
    }
}

/// What a vendored directory holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vendored {
    /// The directory.
    pub directory: Utf8PathBuf,
    /// What is in it, sorted by path.
    pub index: Lock,
    /// How many files of earlier times were removed.
    pub removed: usize,
}

/// Puts every asset that comes from a network into a directory, with an index; removes files of assets that are no
/// longer wanted. The same assets make the same directory. When one asset fails, the index stays as it was.
pub fn vendor(
    assets: &[Asset],
    directory: &Utf8Path,
    context: &Context<'_>,
    events: &dyn EventSink,
) -> Result<Vendored, Vec<VendorError>> {
    let remote: Vec<&Asset> = assets.iter().filter(|asset| matches!(asset.origin, Origin::Url(_))).collect();
    let all = |error: FileError| vec![VendorError::from(error)];
    files::create_directory(&directory.join(".assets")).map_err(all)?;
    let results = each(&remote, |asset| {
        as_step(&asset.path, context, events, VendorError::class, |bench| {
            let obtained = obtain(asset, context, bench).map_err(FetchError::of(asset))?;
            let place = object(directory, &asset.sha256);
            let is_there =
                files::metadata_if_exists(&place)?.is_some() && files::digest(&place)?.0 == asset.sha256;
            if !is_there {
                let temporary = files::temporary_beside(&place);
                files::copy(&obtained.path, &temporary)?;
                files::sync_file(&temporary)?;
                files::rename(&temporary, &place)?;
            }
            Ok((
                LockedAsset {
                    path: asset.path.to_string(),
                    origin: asset.origin.to_string(),
                    sha256: asset.sha256.clone(),
                    size: obtained.size,
                    license: asset.license.clone(),
                },
                is_there,
            ))
        })
    });
    let mut entries = Vec::new();
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(entry) => entries.push(entry),
            Err(failure) => failures.push(failure),
        }
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    entries.sort_by(|one, other| (&one.path, &one.origin).cmp(&(&other.path, &other.origin)));
    finish(directory, Lock { version: VERSION, assets: entries }).map_err(all)
}

/// Removes what is not wanted, writes the index.
fn finish(directory: &Utf8Path, index: Lock) -> Result<Vendored, FileError> {
    let place = directory.join(".assets");
    let wanted: BTreeSet<&str> = index.assets.iter().map(|asset| asset.sha256.as_str()).collect();
    let mut removed = 0;
    for name in files::names(&place)? {
        if name != "index.toml" && !wanted.contains(name.as_str()) {
            files::remove_file(&place.join(&name))?;
            removed += 1;
        }
    }
    files::publish(&place.join("index.toml"), lock::text(INDEX_HEAD, &index).as_bytes())?;
    Ok(Vendored { directory: directory.to_owned(), index, removed })
}
