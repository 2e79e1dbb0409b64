//! Signers: what puts a signature into or beside an artifact. The list is [`ALL`]; it has no member yet.

use crate::plugin::Info;
use deploy_plan::catalog::PluginEntry;

/// Every signer. To add one, write its file and add its line.
pub const ALL: &[&dyn AnySigner] = &[];

/// A signer as the catalog sees it. What signing takes and gives is drawn with the first signer, so that the trait
/// fits a real one.
pub trait AnySigner: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> PluginEntry;
}
