//! The only door to the world: files, programs, downloads, the clock.
//!
//! Everything above this module that touches the machine does it through here, so that a failure always says
//! which action on which path failed and why, so that what is published is published whole, and so that a test can
//! look at one place to know what the tool can do to a machine.

pub mod clock;
pub mod environment;
pub mod fetch;
pub mod files;
pub mod http;
pub mod lock;
pub mod memo;
pub mod nonce;
pub mod process;
pub mod unpack;

use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::StepId;
use deploy_model::event::{Event, EventSink, ProgressUnit};
use std::num::NonZeroUsize;

/// What a step has in its hands while it runs.
pub struct Workbench<'a> {
    /// The step.
    pub step: &'a StepId,
    /// An empty directory of its own for what it makes; gone when the step has ended.
    pub scratch: Utf8PathBuf,
    /// How many threads it may keep busy.
    pub threads: usize,
    /// The moment to write wherever a file holds one, in seconds since 1970-01-01 UTC.
    pub epoch: i64,
    /// Where its events go.
    pub events: &'a dyn EventSink,
}

impl Workbench<'_> {
    /// How many threads a compressor gets: one at least.
    pub fn workers(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.threads).unwrap_or(NonZeroUsize::MIN)
    }

    /// The moment for what holds none before 1970.
    pub fn moment(&self) -> u64 {
        u64::try_from(self.epoch).unwrap_or(0)
    }

    /// Tells how far the step is.
    pub fn progress(&self, done: u64, total: Option<u64>, unit: ProgressUnit) {
        self.events.event(Event::StepProgress { step: self.step.clone(), done, total, unit });
    }

    /// Passes on a line of a program that the step runs.
    pub fn output(&self, line: &str) {
        self.events.event(Event::StepOutput { step: self.step.clone(), line: line.to_owned() });
    }

    /// Tells of something odd that does not make the result wrong.
    pub fn warn(&self, message: String, help: Option<String>) {
        self.events.event(Event::Warning { message, help });
    }

    /// A path for a file that the step makes.
    pub fn file(&self, name: &str) -> Utf8PathBuf {
        self.scratch.join(name)
    }

    /// The scratch directory.
    pub fn scratch(&self) -> &Utf8Path {
        &self.scratch
    }
}
