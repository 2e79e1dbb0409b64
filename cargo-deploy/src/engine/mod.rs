//! Runs a plan. It makes no decisions: what is done, in which order and why is in the plan; what is done already is
//! in the store.
//!
//! ```text
//! target/deploy/<name>-<version>/   the release, exchanged whole at the end
//! target/deploy/.work/              lock, journal, ledger, scratch, stage: swept at the next start
//! target/deploy/.cache/             content and receipts, checked on use
//! ```
//!
//! A run that is killed at any moment leaves a journal; the next one sweeps the scratch, finds what was finished in
//! the store and goes on. Nothing outside the work directory is ever half written.

pub mod fingerprint;
pub mod journal;
pub mod ledger;
pub mod schedule;
mod signing;
mod step;
pub mod store;
pub mod timings;
pub mod why;

use crate::bench::Workbench;
use crate::bench::clock::Stopwatch;
use crate::bench::files::{self, FileError};
use crate::bench::lock::DirectoryLock;
use crate::bench::memo::DigestMemo;
use crate::cause::chain;
use crate::probe::machine::Machine;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::StepId;
use deploy_model::event::{Event, EventSink};
use deploy_model::release::SourceRevision;
use deploy_plan::plan::{Action, Plan, Step};
use fingerprint::Fingerprint;
use journal::Journal;
use ledger::Ledger;
use schedule::{Outcome, Unit};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
pub use step::StepError;
use store::{Lookup, Receipt, Store};
use timings::Timing;

/// Where and with what a plan is run.
pub struct Setup<'a> {
    /// This machine.
    pub machine: &'a Machine,
    /// The workspace's root directory.
    pub root: &'a Utf8Path,
    /// The directory that releases lie in: `target/deploy`.
    pub releases: &'a Utf8Path,
    /// How many threads may be kept busy.
    pub threads: usize,
    /// Whether no network may be used.
    pub offline: bool,
    /// Programs that have a part in the bytes, with their versions, for `release.json`.
    pub tools: BTreeMap<String, String>,
    /// Where the source stands.
    pub source: Option<SourceRevision>,
    /// Where events go.
    pub events: &'a dyn EventSink,
}

/// How a run ended.
#[derive(Debug)]
pub struct Finished {
    /// Where the release was published, when the plan got so far.
    pub place: Option<String>,
    /// Everything that failed, in the order of the plan.
    pub failures: Vec<Failure>,
    /// What each step made.
    pub receipts: BTreeMap<StepId, Receipt>,
    /// When each step ran, for the chart.
    pub timings: Vec<Timing>,
}

/// A step that failed.
#[derive(Debug)]
pub struct Failure {
    /// Which.
    pub step: StepId,
    /// What it was to do, for people.
    pub title: String,
    /// Why.
    pub error: StepError,
}

/// A run that could not begin or could not keep its books.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// A file of the work directory failed.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Runs a plan to its end, or as far as it goes.
pub fn run(plan: &Plan, setup: &Setup<'_>) -> Result<Finished, RunError> {
    let clock = Stopwatch::start();
    let work = setup.releases.join(".work");
    files::create_directory(&work)?;
    mark_as_cache(setup.releases)?;
    let _lock =
        DirectoryLock::take(&work.join("lock"), |holder| setup.events.event(Event::Waiting { holder }))?;
    let journal = Journal::begin(&work.join("journal.jsonl"), &format!("{}-{}", plan.name, plan.version))?;
    for leftover in ["scratch", "stage"] {
        files::remove_directory(&work.join(leftover))?;
    }
    setup.events.event(Event::RunStarted {
        name: plan.name.clone(),
        version: plan.version.clone(),
        steps: plan.steps.len(),
        resumed: journal.resumed,
    });
    let engine = Engine {
        plan,
        setup,
        clock,
        store: Store::open(&setup.releases.join(".cache"))?,
        memo: DigestMemo::load(&work.join("digests.json"))?,
        ledger: Mutex::new(Ledger::load(&work.join("ledger.json"))?),
        receipts: Mutex::default(),
        keys: Mutex::default(),
        code_keys: Mutex::default(),
        failures: Mutex::default(),
        timings: Mutex::default(),
        counts: Mutex::default(),
        place: Mutex::default(),
        journal,
        work: work.clone(),
    };
    engine.run_steps();
    engine.finish()
}

/// Tells backup programs that all below can be made again (<https://bford.info/cachedir/>).
fn mark_as_cache(directory: &Utf8Path) -> Result<(), FileError> {
    let tag = directory.join("CACHEDIR.TAG");
    if files::metadata_if_exists(&tag)?.is_none() {
        files::replace(&tag, b"Signature: 8a477f597d28d172789f06886806bc55\n# Made by cargo-deploy.\n")?;
    }
    Ok(())
}

#[derive(Debug, Default)]
struct Counts {
    done: usize,
    reused: usize,
}

struct Engine<'a> {
    plan: &'a Plan,
    setup: &'a Setup<'a>,
    clock: Stopwatch,
    store: Store,
    memo: DigestMemo,
    ledger: Mutex<Ledger>,
    receipts: Mutex<BTreeMap<StepId, Receipt>>,
    /// Keys that were opened, by signer.
    keys: Mutex<BTreeMap<String, std::sync::Arc<dyn crate::key::Key>>>,
    /// The keys of signers of programs.
    code_keys: Mutex<BTreeMap<String, std::sync::Arc<dyn crate::key::CodeKey>>>,
    failures: Mutex<Vec<(usize, Failure)>>,
    timings: Mutex<Vec<Timing>>,
    counts: Mutex<Counts>,
    place: Mutex<Option<String>>,
    journal: Journal,
    work: Utf8PathBuf,
}

impl Engine<'_> {
    fn run_steps(&self) {
        let index: BTreeMap<&StepId, usize> =
            self.plan.steps.iter().enumerate().map(|(at, step)| (&step.id, at)).collect();
        let needs: Vec<Vec<usize>> = self
            .plan
            .steps
            .iter()
            .map(|step| step.needs.iter().filter_map(|need| index.get(need).copied()).collect())
            .collect();
        schedule::run(
            units(self.plan),
            &needs,
            self.setup.threads.max(2),
            |steps| self.perform(steps),
            |step, by| {
                let by = self.plan.steps[by].id.clone();
                self.setup.events.event(Event::StepBlocked { step: self.plan.steps[step].id.clone(), by });
            },
        );
    }

    fn perform(&self, steps: &[usize]) -> Vec<(usize, Outcome)> {
        if let [single] = steps
            && !matches!(self.plan.steps[*single].action, Action::Compile(_))
        {
            return vec![(*single, self.perform_single(*single))];
        }
        self.perform_batch(steps)
    }

    fn perform_single(&self, at: usize) -> Outcome {
        let step = &self.plan.steps[at];
        let begun = self.clock.milliseconds();
        match self.reuse_or_execute(step) {
            Ok((receipt, reused)) => self.succeed(step, receipt, reused, begun),
            Err(error) => self.fail(at, error, begun),
        }
    }

    fn reuse_or_execute(&self, step: &Step) -> Result<(Receipt, bool), StepError> {
        let Some(fingerprint) = self.fingerprint(step)? else {
            self.start(step, "it is done in every run");
            let (receipt, reused) = self.execute_in_scratch(step)?;
            return Ok((receipt, reused));
        };
        let why = match self.store.look_up(&fingerprint, &self.memo)? {
            Lookup::Found(receipt) => {
                self.locked(&self.ledger).remember(&step.id, fingerprint, &receipt);
                return Ok((receipt, true));
            }
            Lookup::Absent => self.locked(&self.ledger).why(&step.id, &fingerprint),
            Lookup::Damaged { what, .. } => {
                let message =
                    format!("the cache entry of {} was damaged ({what}); it is made again", step.id);
                self.setup.events.event(Event::Warning { message, help: None });
                format!("its cache entry was damaged: {what}")
            }
        };
        self.start(step, &why);
        let (receipt, _) = self.execute_in_scratch(step)?;
        self.store.keep(&fingerprint, &receipt)?;
        self.locked(&self.ledger).remember(&step.id, fingerprint, &receipt);
        Ok((receipt, false))
    }

    fn execute_in_scratch(&self, step: &Step) -> Result<(Receipt, bool), StepError> {
        let scratch = self.work.join("scratch").join(step.id.as_str().replace([':', '/'], "-"));
        files::create_directory(&scratch)?;
        let bench = self.bench(step, scratch.clone());
        let result = self.execute(step, &bench);
        files::remove_directory(&scratch)?;
        result
    }

    fn bench<'b>(&'b self, step: &'b Step, scratch: Utf8PathBuf) -> Workbench<'b> {
        Workbench {
            step: &step.id,
            scratch,
            threads: self.setup.threads,
            epoch: self.plan.source_date_epoch,
            events: self.setup.events,
        }
    }

    fn start(&self, step: &Step, why: &str) {
        self.setup.events.event(Event::StepStarted {
            step: step.id.clone(),
            title: step.title.clone(),
            why: why.to_owned(),
        });
    }

    fn succeed(&self, step: &Step, receipt: Receipt, reused: bool, begun: u64) -> Outcome {
        if let Err(error) = self.journal.finished(&step.id) {
            // The journal only tells the next run that this one was cut off.
            let message = chain(&error);
            self.setup.events.event(Event::Warning { message, help: None });
        }
        let milliseconds = self.clock.milliseconds() - begun;
        self.locked(&self.receipts).insert(step.id.clone(), receipt);
        self.locked(&self.timings).push(Timing { step: step.id.clone(), begun, milliseconds, reused });
        let mut counts = self.locked(&self.counts);
        counts.done += usize::from(!reused);
        counts.reused += usize::from(reused);
        drop(counts);
        self.setup.events.event(Event::StepFinished {
            step: step.id.clone(),
            title: step.title.clone(),
            reused,
            milliseconds,
        });
        Outcome::Done
    }

    fn fail(&self, at: usize, error: StepError, begun: u64) -> Outcome {
        let step = &self.plan.steps[at];
        if let Err(error) = self.journal.failed(&step.id) {
            let message = chain(&error);
            self.setup.events.event(Event::Warning { message, help: None });
        }
        let milliseconds = self.clock.milliseconds() - begun;
        self.locked(&self.timings).push(Timing { step: step.id.clone(), begun, milliseconds, reused: false });
        self.setup.events.event(Event::StepFailed {
            step: step.id.clone(),
            title: step.title.clone(),
            class: error.class(),
            message: chain(&error),
        });
        let failure = Failure { step: step.id.clone(), title: step.title.clone(), error };
        self.locked(&self.failures).push((at, failure));
        Outcome::Failed
    }

    fn locked<'m, T>(&self, mutex: &'m Mutex<T>) -> std::sync::MutexGuard<'m, T> {
        mutex.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn finish(self) -> Result<Finished, RunError> {
        self.memo.save()?;
        self.locked(&self.ledger).save()?;
        files::remove_directory(&self.work.join("scratch"))?;
        files::remove_directory(&self.work.join("stage"))?;
        let mut failures = self.failures.into_inner().unwrap_or_else(PoisonError::into_inner);
        failures.sort_by_key(|(at, _)| *at);
        let counts = self.counts.into_inner().unwrap_or_else(PoisonError::into_inner);
        let place = self.place.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.journal.end()?;
        self.setup.events.event(Event::RunFinished {
            success: failures.is_empty(),
            directory: place.clone(),
            done: counts.done,
            reused: counts.reused,
            failed: failures.len(),
            milliseconds: self.clock.milliseconds(),
        });
        Ok(Finished {
            place,
            failures: failures.into_iter().map(|(_, failure)| failure).collect(),
            receipts: self.receipts.into_inner().unwrap_or_else(PoisonError::into_inner),
            timings: self.timings.into_inner().unwrap_or_else(PoisonError::into_inner),
        })
    }
}

/// The units of a plan: compile steps of one batch together, every other step alone.
fn units(plan: &Plan) -> Vec<Unit> {
    let mut units: Vec<Unit> = Vec::new();
    let mut batches: BTreeMap<usize, usize> = BTreeMap::new();
    for (at, step) in plan.steps.iter().enumerate() {
        match &step.action {
            Action::Compile(compile) => match batches.get(&compile.batch) {
                Some(unit) => units[*unit].steps.push(at),
                None => {
                    batches.insert(compile.batch, units.len());
                    units.push(Unit { steps: vec![at], exclusive: true });
                }
            },
            _ => units.push(Unit { steps: vec![at], exclusive: false }),
        }
    }
    units
}

impl Engine<'_> {
    /// What decides the outputs of a step; `None` for a step that is done in every run.
    fn fingerprint(&self, step: &Step) -> Result<Option<Fingerprint>, StepError> {
        let receipts = self.locked(&self.receipts).clone();
        let known = step::Known { receipts: &receipts, root: self.setup.root, memo: &self.memo };
        step::fingerprint(step, self.plan, self.setup, &known)
    }
}
