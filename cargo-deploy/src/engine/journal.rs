//! The journal of a run: written as it goes, removed when it ends well. One that is there at the start is the trace
//! of a run that was cut off.

use crate::bench::files::{self, FileError, FileErrorExt as _};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::StepId;
use serde::Serialize;
use std::fs::File;
use std::io::Write as _;
use std::sync::{Mutex, PoisonError};

/// The journal of this run.
#[derive(Debug)]
pub struct Journal {
    path: Utf8PathBuf,
    file: Mutex<File>,
    /// Whether an earlier run was cut off.
    pub resumed: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "kebab-case", tag = "entry")]
enum Entry<'a> {
    Began { process: u32, release: &'a str },
    Finished { step: &'a StepId },
    Failed { step: &'a StepId },
}

impl Journal {
    /// Begins a journal. The caller holds the lock of the work directory.
    pub fn begin(path: &Utf8Path, release: &str) -> Result<Self, FileError> {
        let resumed = files::metadata_if_exists(path)?.is_some();
        let file = files::create(path)?;
        let journal = Journal { path: path.to_owned(), file: Mutex::new(file), resumed };
        journal.write(&Entry::Began { process: std::process::id(), release })?;
        Ok(journal)
    }

    /// A step ended well: its outputs are in the store.
    pub fn finished(&self, step: &StepId) -> Result<(), FileError> {
        self.write(&Entry::Finished { step })
    }

    /// A step failed.
    pub fn failed(&self, step: &StepId) -> Result<(), FileError> {
        self.write(&Entry::Failed { step })
    }

    fn write(&self, entry: &Entry<'_>) -> Result<(), FileError> {
        let mut line = serde_json::to_vec(entry).unwrap_or_default();
        line.push(b'\n');
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.write_all(&line).file("write the journal", &self.path)
    }

    /// The run ended, well or not, and nothing is half done: the journal goes.
    pub fn end(self) -> Result<(), FileError> {
        files::remove_file(&self.path)
    }
}
