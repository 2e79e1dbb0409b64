//! Gathers the plug-in lists into the plain value that the planner reads.

use crate::{embedded, package, publish, repository, sign, toolchain};
use deploy_model::Format;
use deploy_plan::catalog::Catalog;
use deploy_plan::target_table::TargetTable;

/// A part of this program's own data that cannot be read: a bug.
#[derive(Debug, thiserror::Error)]
pub enum CatalogError {
    /// The table of targets.
    #[error("read the table of targets that is part of this program")]
    Targets {
        /// What is wrong with it.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A packager's id is no format name.
    #[error("use the packager {id:?}: its id is no format name")]
    Format {
        /// The id.
        id: &'static str,
    },
}

/// What this build can do.
pub fn catalog() -> Result<Catalog, CatalogError> {
    let targets = TargetTable::parse(embedded::TARGETS)
        .map_err(|source| CatalogError::Targets { source: Box::new(source) })?;
    let mut packagers = std::collections::BTreeMap::new();
    for packager in package::ALL {
        let id = packager.info().id;
        let format: Format = id.parse().map_err(|_| CatalogError::Format { id })?;
        packagers.insert(format, packager.entry());
    }
    Ok(Catalog {
        targets,
        packagers,
        toolchains: toolchain::ALL.iter().map(|one| (one.info().id.to_owned(), one.entry())).collect(),
        signers: sign::ALL.iter().map(|one| (one.info().id.to_owned(), one.entry())).collect(),
        code_signers: sign::CODE.iter().map(|one| (one.info().id.to_owned(), one.entry())).collect(),
        repositories: repository::ALL.iter().map(|one| (one.info().id.to_owned(), one.entry())).collect(),
        publishers: publish::ALL.iter().map(|one| (one.info().id.to_owned(), one.entry())).collect(),
    })
}
