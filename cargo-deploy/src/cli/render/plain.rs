//! Events as lines, for CI and for files: what was done, and a heartbeat while something takes long.

use super::{BAD, GOOD, ODD, bytes, counted, say, seconds, status};
use crate::bench::clock::{Heartbeat, Stopwatch};
use deploy_model::StepId;
use deploy_model::event::{Event, EventSink, ProgressUnit};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

/// How often a long step says that it is still there.
const HEARTBEAT: Duration = Duration::from_secs(30);

/// Prints lines.
pub(super) struct Plain {
    quiet: bool,
    verbose: bool,
    running: Arc<Mutex<BTreeMap<StepId, Running>>>,
    _heartbeat: Option<Heartbeat>,
}

struct Running {
    title: String,
    since: Stopwatch,
    last: Option<String>,
}

impl Plain {
    /// Lines; a heartbeat unless `quiet`.
    pub(super) fn new(quiet: bool, verbose: bool) -> Self {
        let running: Arc<Mutex<BTreeMap<StepId, Running>>> = Arc::default();
        let seen = Arc::clone(&running);
        let beat = move || {
            for step in seen.lock().unwrap_or_else(PoisonError::into_inner).values() {
                let last = step.last.as_ref().map(|line| format!(": {line}")).unwrap_or_default();
                let elapsed = seconds(step.since.milliseconds());
                status("Still", &format!("{} ({elapsed}){last}", lower(&step.title)), GOOD);
            }
        };
        let heartbeat = (!quiet).then(|| Heartbeat::start(HEARTBEAT, beat));
        Plain { quiet, verbose, running, _heartbeat: heartbeat }
    }

    fn running(&self) -> std::sync::MutexGuard<'_, BTreeMap<StepId, Running>> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl EventSink for Plain {
    fn event(&self, event: Event) {
        match event {
            Event::StepStarted { step, title, why } => {
                if self.verbose {
                    status("Begin", &format!("{} ({why})", lower(&title)), GOOD);
                }
                self.running().insert(step, Running { title, since: Stopwatch::start(), last: None });
            }
            Event::StepProgress { step, done, total, unit } => {
                if let Some(running) = self.running().get_mut(&step) {
                    running.last = Some(progress(done, total, unit));
                }
            }
            Event::StepOutput { step, line } => {
                if self.verbose && !self.quiet {
                    say(&line);
                }
                if let Some(running) = self.running().get_mut(&step) {
                    running.last = Some(line);
                }
            }
            Event::StepFinished { ref step, .. } | Event::StepFailed { ref step, .. } => {
                self.running().remove(step);
                tell(&event, self.quiet, self.verbose);
            }
            other => tell(&other, self.quiet, self.verbose),
        }
    }
}

/// Says what happened, as one line, where it is worth one.
pub(super) fn tell(event: &Event, quiet: bool, verbose: bool) {
    match event {
        Event::StepFailed { message, .. } => say(&format!("{BAD}error{BAD:#}: failed to {message}")),
        _ if quiet => {}
        Event::RunStarted { resumed: true, .. } => {
            status("Resuming", "an earlier run that was cut off", GOOD);
        }
        Event::Waiting { holder } => {
            let who = holder.map(|process| format!(" (process {process})")).unwrap_or_default();
            status("Waiting", &format!("for another cargo deploy in this directory{who}"), GOOD);
        }
        Event::StepFinished { title, reused, milliseconds, .. } => {
            let (verb, object) = past(title);
            match reused {
                false => status(&verb, &format!("{object} ({})", seconds(*milliseconds)), GOOD),
                true if verbose => status("Fresh", &lower(title), GOOD),
                true => {}
            }
        }
        Event::StepBlocked { step, by } => {
            status("Left out", &format!("{step}, which needs {by}"), ODD);
        }
        Event::Warning { message, help } => {
            let help = help.as_ref().map(|help| format!("\n  help: {help}")).unwrap_or_default();
            say(&format!("{ODD}warning{ODD:#}: {message}{help}"));
        }
        _ => {}
    }
}

/// A title in the past: `Packaging a.zip` gives `Packaged` and `a.zip`.
pub(super) fn past(title: &str) -> (String, &str) {
    let (verb, object) = title.split_once(' ').unwrap_or((title, ""));
    let done = match verb {
        "Getting" => "Got",
        "Fetching" => "Fetched",
        "Compiling" => "Compiled",
        "Joining" => "Joined",
        "Examining" => "Examined",
        "Finishing" => "Finished",
        "Packaging" => "Packaged",
        "Signing" => "Signed",
        "Indexing" => "Indexed",
        "Describing" => "Described",
        "Verifying" => "Verified",
        "Publishing" => "Published",
        other => other,
    };
    (done.to_owned(), object)
}

/// A title within a sentence.
pub(super) fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

/// How far a step is.
pub(super) fn progress(done: u64, total: Option<u64>, unit: ProgressUnit) -> String {
    let noun = match unit {
        ProgressUnit::Bytes => {
            return match total {
                Some(total) => format!("{} of {}", bytes(done), bytes(total)),
                None => bytes(done),
            };
        }
        ProgressUnit::Crates => "crate",
        ProgressUnit::Files => "file",
    };
    let number = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    match total {
        Some(total) => format!("{done} of {}", counted(number(total), noun)),
        None => counted(number(done), noun),
    }
}
