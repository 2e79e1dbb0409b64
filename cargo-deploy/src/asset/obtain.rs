//! From an asset to its bytes: the cache, then the vendored directory, then the network.

use super::store::{Found, Store};
use super::{Context, FetchReason, vendored};
use crate::bench::Workbench;
use crate::bench::fetch::{Download, Downloaded, Network};
use crate::bench::files;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use deploy_plan::project::{Asset, Origin};

/// Where an asset was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// A file of the project.
    Project,
    /// The cache that all projects share.
    Cache,
    /// The vendored directory of the project.
    Vendored,
    /// The network; it is in the cache now.
    Network,
}

impl std::fmt::Display for Place {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(match self {
            Place::Project => "the project",
            Place::Cache => "the cache",
            Place::Vendored => "the vendored directory",
            Place::Network => "the network",
        })
    }
}

/// The bytes of an asset, before unpacking. They have the digest and size that were pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Obtained {
    /// The file. It must not be changed: it belongs to the cache or the project.
    pub path: Utf8PathBuf,
    /// Its size in bytes.
    pub size: u64,
    /// Where it was found.
    pub place: Place,
}

/// Gets an asset.
pub fn obtain(asset: &Asset, context: &Context<'_>, bench: &Workbench<'_>) -> Result<Obtained, FetchReason> {
    let url = match &asset.origin {
        Origin::Url(url) => url,
        Origin::File(path) => {
            let path = context.root.join(path.as_str());
            let size = check_file(&path, asset)?;
            return Ok(Obtained { path, size, place: Place::Project });
        }
    };
    let store = Store::at(context.cache);
    let cached = |size| -> Result<Obtained, FetchReason> {
        let path = store.object(&asset.sha256);
        check_size(&path, size, asset)?;
        Ok(Obtained { path, size, place: Place::Cache })
    };
    if let Found::Whole { size } = store.find(&asset.sha256)? {
        return cached(size);
    }
    let directory = vendored::default_directory(context.root);
    let path = vendored::object(&directory, &asset.sha256);
    if files::metadata_if_exists(&path)?.is_some() {
        let size = check_file(&path, asset)?;
        return Ok(Obtained { path, size, place: Place::Vendored });
    }
    if context.offline {
        let (origin, sha256) = (url.clone(), asset.sha256.clone());
        return Err(FetchReason::Offline { origin, sha256, vendored: directory });
    }
    let network = Network::new(context.environment)?;
    let _lock = store.lock(url, Some(&asset.sha256), bench)?;
    // Whoever had the lock before may have fetched it.
    match store.find(&asset.sha256)? {
        Found::Whole { size } => return cached(size),
        Found::Damaged { got } => store.drop_damaged(&asset.sha256, &got, bench)?,
        Found::Absent => {}
    }
    let partial = store.partial(url, Some(&asset.sha256))?;
    let wanted = Download {
        url,
        sha256: Some(&asset.sha256),
        size: asset.size,
        max_size: asset.max_size,
        partial: &partial,
    };
    let Downloaded { sha256, size, .. } = network.download(&wanted, bench)?;
    Ok(Obtained { path: store.adopt(&partial, &sha256)?, size, place: Place::Network })
}

/// An address as it is now, with nothing known of it.
pub(super) struct Unpinned<'a> {
    pub(super) url: &'a str,
    pub(super) size: Option<u64>,
    pub(super) max_size: u64,
}

/// Downloads what an address holds now, into the cache.
pub(super) fn download_unpinned(
    asset: &Unpinned<'_>,
    context: &Context<'_>,
    bench: &Workbench<'_>,
) -> Result<Downloaded, FetchReason> {
    let network = Network::new(context.environment)?;
    let store = Store::at(context.cache);
    let _lock = store.lock(asset.url, None, bench)?;
    let partial = store.partial(asset.url, None)?;
    // What an earlier run left of an address that may have changed is no help.
    files::remove_file(&partial)?;
    let Unpinned { url, size, max_size } = *asset;
    let downloaded =
        network.download(&Download { url, sha256: None, size, max_size, partial: &partial }, bench)?;
    store.adopt(&partial, &downloaded.sha256)?;
    Ok(downloaded)
}

/// Checks digest and size of a file; gives the size.
fn check_file(path: &Utf8Path, asset: &Asset) -> Result<u64, FetchReason> {
    let got = files::digest(path)?;
    if got.0 != asset.sha256 {
        return Err(changed(path, asset, got));
    }
    check_size(path, got.1, asset)?;
    Ok(got.1)
}

fn check_size(path: &Utf8Path, size: u64, asset: &Asset) -> Result<(), FetchReason> {
    if asset.size.is_some_and(|expected| expected != size) {
        return Err(changed(path, asset, (asset.sha256.clone(), size)));
    }
    if size > asset.max_size {
        return Err(FetchReason::TooLarge { path: path.to_owned(), size, limit: asset.max_size });
    }
    Ok(())
}

fn changed(path: &Utf8Path, asset: &Asset, got: (Sha256, u64)) -> FetchReason {
    let expected = Box::new((asset.sha256.clone(), asset.size));
    FetchReason::Changed { path: path.to_owned(), expected, got: Box::new(got) }
}
