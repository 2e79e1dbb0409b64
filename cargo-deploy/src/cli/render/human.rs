//! Events on a terminal: a line for each step that runs, with a bar where its end is known.

use super::plain::{lower, progress, tell};
use deploy_model::StepId;
use deploy_model::event::{Event, EventSink, ProgressUnit};
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

/// How often what turns is turned.
const TICK: Duration = Duration::from_millis(120);

/// Draws bars on standard error.
pub(super) struct Human {
    verbose: bool,
    bars: MultiProgress,
    running: Mutex<BTreeMap<StepId, ProgressBar>>,
}

impl Human {
    /// Bars, with lines for what is done.
    pub(super) fn new(verbose: bool) -> Self {
        Human { verbose, bars: MultiProgress::new(), running: Mutex::default() }
    }

    fn bar(&self, step: &StepId) -> Option<ProgressBar> {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).get(step).cloned()
    }

    fn remove(&self, step: &StepId) {
        let bar = self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(step);
        if let Some(bar) = bar {
            bar.finish_and_clear();
            self.bars.remove(&bar);
        }
    }
}

impl EventSink for Human {
    fn event(&self, event: Event) {
        match &event {
            Event::StepStarted { step, title, .. } => {
                let bar = self.bars.add(ProgressBar::new_spinner());
                bar.set_style(style("{spinner:.green} {prefix} {wide_msg:.dim}"));
                bar.set_prefix(lower(title));
                bar.enable_steady_tick(TICK);
                self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(step.clone(), bar);
            }
            Event::StepProgress { step, done, total, unit } => {
                let Some(bar) = self.bar(step) else { return };
                if let (Some(total), ProgressUnit::Bytes) = (total, unit) {
                    bar.set_style(style("{spinner:.green} {prefix} [{bar:24.green}] {msg}"));
                    bar.set_length(*total);
                    bar.set_position(*done);
                }
                bar.set_message(progress(*done, *total, *unit));
            }
            Event::StepOutput { step, line } => {
                if self.verbose {
                    self.bars.suspend(|| super::say(line));
                }
                if let Some(bar) = self.bar(step) {
                    bar.set_message(line.clone());
                }
            }
            Event::StepFinished { step, .. } | Event::StepFailed { step, .. } => {
                self.remove(step);
                self.bars.suspend(|| tell(&event, false, self.verbose));
            }
            _ => self.bars.suspend(|| tell(&event, false, self.verbose)),
        }
    }
}

fn style(template: &str) -> ProgressStyle {
    // The templates are constants; a mistake in one would show as the default style.
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_spinner())
}
