//! Whether the assets that are here are still what was pinned: every byte of them is read.

use super::obtain::Place;
use super::store::{Found, Store};
use super::{Context, each, vendored};
use crate::bench::files::{self, FileError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::{RelPath, Sha256};
use deploy_plan::project::{Asset, Origin};

/// An asset and every place where it was found.
#[derive(Debug)]
pub struct Verified {
    /// Its path in the payload, which is its name.
    pub path: RelPath,
    /// The digest that was pinned.
    pub sha256: Sha256,
    /// The places, in the order in which they are looked at; none where it is not here.
    pub places: Vec<VerifiedPlace>,
}

/// A place where an asset was found.
#[derive(Debug)]
pub struct VerifiedPlace {
    /// Which place.
    pub place: Place,
    /// The file.
    pub path: Utf8PathBuf,
    /// What it is.
    pub finding: Finding,
}

/// What a file of an asset is.
#[derive(Debug)]
pub enum Finding {
    /// What was pinned.
    Same,
    /// Something else.
    Differs {
        /// The digest that it has.
        got: Sha256,
    },
    /// Of the right digest, and of another size than the manifest says.
    OtherSize {
        /// The size that it has, in bytes.
        got: u64,
        /// The size that the manifest says.
        expected: u64,
    },
    /// It cannot be read.
    Unreadable(FileError),
}

impl Verified {
    /// Whether it is here, and is what was pinned wherever it is.
    pub fn is_good(&self) -> bool {
        !self.places.is_empty() && self.places.iter().all(|place| matches!(place.finding, Finding::Same))
    }
}

/// Reads every asset in every place where it is. Nothing is fetched and nothing is changed. The results are in the
/// order of the assets.
pub fn verify(assets: &[Asset], context: &Context<'_>) -> Vec<Verified> {
    each(assets, |asset| {
        let places = match &asset.origin {
            Origin::File(path) => vec![(Place::Project, context.root.join(path.as_str()))],
            Origin::Url(_) => vec![
                (Place::Cache, Store::at(context.cache).object(&asset.sha256)),
                (
                    Place::Vendored,
                    vendored::object(&vendored::default_directory(context.root), &asset.sha256),
                ),
            ],
        };
        let places = places
            .into_iter()
            .filter_map(|(place, path)| {
                let finding = match finding(place, &path, asset, context) {
                    Ok(None) => return None,
                    Ok(Some(finding)) => finding,
                    Err(error) => Finding::Unreadable(error),
                };
                Some(VerifiedPlace { place, path, finding })
            })
            .collect();
        Verified { path: asset.path.clone(), sha256: asset.sha256.clone(), places }
    })
}

fn finding(
    place: Place,
    path: &Utf8Path,
    asset: &Asset,
    context: &Context<'_>,
) -> Result<Option<Finding>, FileError> {
    let (got, size) = if place == Place::Cache {
        match Store::at(context.cache).find_by_reading(&asset.sha256)? {
            Found::Whole { size } => (asset.sha256.clone(), size),
            Found::Damaged { got } => return Ok(Some(Finding::Differs { got })),
            Found::Absent => return Ok(None),
        }
    } else if files::metadata_if_exists(path)?.is_none() {
        return Ok(None);
    } else {
        files::digest(path)?
    };
    Ok(Some(match asset.size {
        _ if got != asset.sha256 => Finding::Differs { got },
        Some(expected) if expected != size => Finding::OtherSize { got: size, expected },
        _ => Finding::Same,
    }))
}
