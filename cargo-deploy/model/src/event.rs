//! All that an observer may learn while a plan runs.

use crate::{Artifact, FailureClass, StepId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// One thing that happened. `--message-format json` prints one event a line; `reason` says which it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "reason", rename_all = "kebab-case")]
pub enum Event {
    /// The plan is drawn and its steps begin.
    RunStarted {
        /// Name of the application.
        name: String,
        /// Its version.
        version: String,
        /// How many steps the plan has.
        steps: usize,
        /// Whether an earlier run was cut off and this one goes on from what it left.
        resumed: bool,
    },
    /// Another run holds the work directory; this one waits for it.
    Waiting {
        /// Process id of the other run, where it is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        holder: Option<u32>,
    },
    /// A step began.
    StepStarted {
        /// Which step.
        step: StepId,
        /// What it does, for people: `Packaging hello-1.0.0-x86_64-unknown-linux-gnu.tar.gz`.
        title: String,
        /// Why it has to be done and was not taken from the cache.
        why: String,
    },
    /// A step told how far it is.
    StepProgress {
        /// Which step.
        step: StepId,
        /// Units done.
        done: u64,
        /// Units in all, where known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        total: Option<u64>,
        /// What is counted.
        unit: ProgressUnit,
    },
    /// A step passed on a line of a program that it runs.
    StepOutput {
        /// Which step.
        step: StepId,
        /// The line, secrets masked.
        line: String,
    },
    /// A step ended well.
    StepFinished {
        /// Which step.
        step: StepId,
        /// What it did, for people.
        title: String,
        /// Whether its outputs were taken from the cache.
        reused: bool,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
    /// A step failed. The steps that do not need it go on.
    StepFailed {
        /// Which step.
        step: StepId,
        /// What it was to do, for people.
        title: String,
        /// What kind of failure it is.
        class: FailureClass,
        /// Why it failed: one sentence and what caused it, innermost last.
        message: String,
    },
    /// A step was left out, because a step that it needs failed.
    StepBlocked {
        /// Which step.
        step: StepId,
        /// The step that failed.
        by: StepId,
    },
    /// Something is odd, but the result is right.
    Warning {
        /// One sentence.
        message: String,
        /// How to mend it.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        help: Option<String>,
    },
    /// A file of the release is there.
    ArtifactReady {
        /// The file.
        artifact: Box<Artifact>,
    },
    /// The run ended.
    RunFinished {
        /// Whether everything requested is there.
        success: bool,
        /// The published directory, where there is one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        directory: Option<String>,
        /// Steps done in this run.
        done: usize,
        /// Steps whose outputs were taken from the cache.
        reused: usize,
        /// Steps that failed.
        failed: usize,
        /// How long it took, in milliseconds.
        milliseconds: u64,
    },
}

/// What a progress event counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProgressUnit {
    /// Bytes moved.
    Bytes,
    /// Crates compiled.
    Crates,
    /// Files handled.
    Files,
}

/// Where events go. The engine knows no terminal: it knows this.
pub trait EventSink: Send + Sync {
    /// Takes one event. Called from several threads; the order within one step is the order in which things
    /// happened.
    fn event(&self, event: Event);
}
