//! What was last known of each step: the fingerprint, for telling why it runs again, and where compiled binaries lie.

use crate::bench::files::{self, FileError};
use crate::engine::fingerprint::Fingerprint;
use crate::engine::store::Receipt;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::StepId;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The ledger of a work directory. It explains; it never decides what is reused.
#[derive(Debug, Default)]
pub struct Ledger {
    path: Utf8PathBuf,
    steps: BTreeMap<StepId, Entry>,
}

/// What was last known of a step.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Entry {
    /// What decided its outputs.
    #[serde(default)]
    pub fingerprint: Fingerprint,
    /// Where its outputs were, by name.
    #[serde(default)]
    pub outputs: BTreeMap<String, Utf8PathBuf>,
}

impl Ledger {
    /// Loads a ledger. What cannot be understood is forgotten.
    pub fn load(path: &Utf8Path) -> Result<Self, FileError> {
        let steps = files::read_if_exists(path)?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Ok(Ledger { path: path.to_owned(), steps })
    }

    /// What is known of a step.
    pub fn entry(&self, step: &StepId) -> Option<&Entry> {
        self.steps.get(step)
    }

    /// Why a step with this fingerprint has to run, given that the store has nothing for it.
    pub fn why(&self, step: &StepId, fingerprint: &Fingerprint) -> String {
        match self.steps.get(step) {
            None => "it was not done before".to_owned(),
            Some(entry) => fingerprint
                .difference(&entry.fingerprint)
                .unwrap_or_else(|| "its cache entry is gone".to_owned()),
        }
    }

    /// Takes note of a step that has ended well.
    pub fn remember(&mut self, step: &StepId, fingerprint: Fingerprint, receipt: &Receipt) {
        let outputs =
            receipt.outputs.iter().map(|(name, output)| (name.clone(), output.path.clone())).collect();
        self.steps.insert(step.clone(), Entry { fingerprint, outputs });
    }

    /// Writes the ledger, where it differs from what is there.
    pub fn save(&self) -> Result<(), FileError> {
        let bytes = serde_json::to_vec(&self.steps).unwrap_or_default();
        if files::read_if_exists(&self.path)?.as_deref() == Some(&bytes) {
            return Ok(());
        }
        files::replace(&self.path, &bytes)
    }
}
