//! `plan --why`: for each step, whether its outputs would be reused, or because of which input it would run.

use crate::bench::files::FileError;
use crate::bench::memo::DigestMemo;
use crate::engine::Setup;
use crate::engine::ledger::Ledger;
use crate::engine::step::{self, Known, StepError};
use crate::engine::store::{Lookup, Output, Receipt, Store};
use deploy_model::StepId;
use deploy_plan::plan::{Action, Plan};
use serde::Serialize;
use std::collections::BTreeMap;

/// What would be done with a step, as far as it can be told without doing anything.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "verdict")]
pub enum Verdict {
    /// Its outputs are in the cache and nothing that decides them has changed.
    Reuse,
    /// It would run.
    Run {
        /// Because of what.
        why: String,
    },
    /// It is done in every run, and finds out itself what there is to do.
    Always,
    /// It needs a step that would run first.
    After {
        /// That step.
        step: StepId,
    },
}

impl std::fmt::Display for Verdict {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Verdict::Reuse => f.write_str("reuse"),
            Verdict::Run { why } => write!(f, "run: {why}"),
            Verdict::Always => f.write_str("ask: it is done in every run, and knows itself what is fresh"),
            Verdict::After { step } => write!(f, "run: it needs {step}, which runs"),
        }
    }
}

/// The verdict on every step of a plan. Compiled binaries are taken as they lie there now: what cargo would make of
/// changed sources only cargo knows.
pub fn verdicts(plan: &Plan, setup: &Setup<'_>) -> Result<BTreeMap<StepId, Verdict>, FileError> {
    let work = setup.releases.join(".work");
    let ledger = Ledger::load(&work.join("ledger.json"))?;
    let memo = DigestMemo::load(&work.join("digests.json"))?;
    let store = Store::look(&setup.releases.join(".cache"));
    let mut receipts: BTreeMap<StepId, Receipt> = BTreeMap::new();
    let mut verdicts: BTreeMap<StepId, Verdict> = BTreeMap::new();
    for step in &plan.steps {
        let runs_first = step.needs.iter().find(|need| {
            matches!(verdicts.get(need), Some(Verdict::Run { .. } | Verdict::After { .. }))
                || !receipts.contains_key(need)
        });
        let verdict = if let Some(need) = runs_first {
            Verdict::After { step: need.clone() }
        } else {
            let known = Known { receipts: &receipts, root: setup.root, memo: &memo };
            match step::fingerprint(step, plan, setup, &known) {
                Ok(None) => {
                    match as_compiled(&step.action, &step.id, &ledger, &memo)? {
                        Some(receipt) => drop(receipts.insert(step.id.clone(), receipt)),
                        None => {
                            let why = "it was not done before".to_owned();
                            verdicts.insert(step.id.clone(), Verdict::Run { why });
                            continue;
                        }
                    }
                    Verdict::Always
                }
                Ok(Some(fingerprint)) => match store.peek(&fingerprint, &memo)? {
                    Lookup::Found(receipt) => {
                        receipts.insert(step.id.clone(), receipt);
                        Verdict::Reuse
                    }
                    Lookup::Absent => Verdict::Run { why: ledger.why(&step.id, &fingerprint) },
                    Lookup::Damaged { what, .. } => {
                        Verdict::Run { why: format!("its cache entry is damaged: {what}") }
                    }
                },
                Err(StepError::File(error)) => return Err(error),
                // The run will say what is wrong.
                Err(error) => Verdict::Run { why: crate::cause::chain(&error) },
            }
        };
        verdicts.insert(step.id.clone(), verdict);
    }
    Ok(verdicts)
}

/// What a compile step left where cargo puts it; nothing for the other steps that are done in every run.
fn as_compiled(
    action: &Action,
    step: &StepId,
    ledger: &Ledger,
    memo: &DigestMemo,
) -> Result<Option<Receipt>, FileError> {
    let mut receipt = Receipt::default();
    if !matches!(action, Action::Compile(_)) {
        return Ok(Some(receipt));
    }
    let Some(entry) = ledger.entry(step) else { return Ok(None) };
    for (name, path) in &entry.outputs {
        let Some((sha256, size)) = memo.digest(path)? else { return Ok(None) };
        let output = Output { sha256, size, executable: true, path: path.clone() };
        receipt.outputs.insert(name.clone(), output);
    }
    Ok(Some(receipt))
}
