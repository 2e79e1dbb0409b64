//! Runs units of work in parallel, each when all that it needs has ended, and goes on where it can when one fails.

use std::collections::BTreeSet;
use std::sync::{Condvar, Mutex, PoisonError};

/// Steps that are done together: a batch of compile steps, or a single step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unit {
    /// Indices of its steps in the plan.
    pub steps: Vec<usize>,
    /// Whether it must have cargo for itself: cargo locks its target directory anyway.
    pub exclusive: bool,
}

/// How a step ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// Its outputs are there.
    Done,
    /// It failed.
    Failed,
}

struct State {
    /// Units not yet begun, in the order of the plan.
    waiting: Vec<Unit>,
    /// How each step ended; `None` while it has not.
    ended: Vec<Option<Outcome>>,
    /// Units being worked on.
    running: usize,
    /// Whether an exclusive unit is being worked on.
    exclusive: bool,
}

/// Runs `units` on `workers` threads. `needs[i]` are the steps that step `i` needs. `work` does the given steps of
/// a unit and says how each ended; `blocked(step, by)` is called for a step that is left out because `by` failed.
///
/// When one step of a unit is blocked, the others are still done.
pub fn run(
    units: Vec<Unit>,
    needs: &[Vec<usize>],
    workers: usize,
    work: impl Fn(&[usize]) -> Vec<(usize, Outcome)> + Sync,
    blocked: impl Fn(usize, usize) + Sync,
) -> Vec<Option<Outcome>> {
    let state =
        Mutex::new(State { waiting: units, ended: vec![None; needs.len()], running: 0, exclusive: false });
    let changed = Condvar::new();
    std::thread::scope(|scope| {
        for _ in 0..workers.max(1) {
            scope.spawn(|| {
                let mut guard = state.lock().unwrap_or_else(PoisonError::into_inner);
                loop {
                    drop_blocked(&mut guard, needs, &blocked);
                    if let Some(unit) = take_ready(&mut guard, needs) {
                        guard.running += 1;
                        guard.exclusive |= unit.exclusive;
                        drop(guard);
                        let ends = work(&unit.steps);
                        guard = state.lock().unwrap_or_else(PoisonError::into_inner);
                        for (step, outcome) in ends {
                            guard.ended[step] = Some(outcome);
                        }
                        guard.running -= 1;
                        guard.exclusive &= !unit.exclusive;
                        changed.notify_all();
                    } else if guard.waiting.is_empty() || guard.running == 0 {
                        changed.notify_all();
                        return;
                    } else {
                        guard = changed.wait(guard).unwrap_or_else(PoisonError::into_inner);
                    }
                }
            });
        }
    });
    state.into_inner().unwrap_or_else(PoisonError::into_inner).ended
}

/// Takes steps out of waiting units that need a failed step, and says so once for each.
fn drop_blocked(state: &mut State, needs: &[Vec<usize>], blocked: &impl Fn(usize, usize)) {
    // What is blocked blocks in turn, so this goes on until nothing changes.
    loop {
        let mut found = BTreeSet::new();
        for step in state.waiting.iter().flat_map(|unit| &unit.steps) {
            let failed = needs[*step].iter().find(|need| state.ended[**need] == Some(Outcome::Failed));
            if let Some(by) = failed {
                found.insert((*step, *by));
            }
        }
        if found.is_empty() {
            return;
        }
        for (step, by) in found {
            state.ended[step] = Some(Outcome::Failed);
            blocked(step, by);
            for unit in &mut state.waiting {
                unit.steps.retain(|other| *other != step);
            }
        }
        state.waiting.retain(|unit| !unit.steps.is_empty());
    }
}

fn take_ready(state: &mut State, needs: &[Vec<usize>]) -> Option<Unit> {
    let ready = |unit: &Unit| {
        let met = |need: &usize| state.ended[*need] == Some(Outcome::Done) || unit.steps.contains(need);
        !(unit.exclusive && state.exclusive) && unit.steps.iter().all(|step| needs[*step].iter().all(met))
    };
    let at = state.waiting.iter().position(ready)?;
    Some(state.waiting.remove(at))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::atomic::{AtomicUsize, Ordering};

    fn single(step: usize) -> Unit {
        Unit { steps: vec![step], exclusive: false }
    }

    #[test]
    fn a_step_runs_after_all_that_it_needs() {
        let needs = vec![vec![], vec![0], vec![0], vec![1, 2]];
        let order = Mutex::new(Vec::new());
        let ended = run(
            (0..4).map(single).collect(),
            &needs,
            3,
            |steps| {
                order.lock().expect("unpoisoned").push(steps[0]);
                vec![(steps[0], Outcome::Done)]
            },
            |_, _| panic!("nothing failed"),
        );
        let order = order.into_inner().expect("unpoisoned");
        assert_eq!((order[0], order[3], order.len()), (0, 3, 4));
        assert_eq!(ended, [Some(Outcome::Done); 4]);
    }

    #[test]
    fn what_needs_a_failed_step_is_left_out_and_the_rest_goes_on() {
        // 0 fails; 2 needs it, 3 needs 2; 1 and 4 stand alone.
        let needs = vec![vec![], vec![], vec![0], vec![2], vec![1]];
        let blocked = Mutex::new(Vec::new());
        let ended = run(
            (0..5).map(single).collect(),
            &needs,
            2,
            |steps| vec![(steps[0], if steps[0] == 0 { Outcome::Failed } else { Outcome::Done })],
            |step, by| blocked.lock().expect("unpoisoned").push((step, by)),
        );
        assert_eq!(blocked.into_inner().expect("unpoisoned"), [(2, 0), (3, 2)]);
        let done: Vec<bool> = ended.iter().map(|end| *end == Some(Outcome::Done)).collect();
        assert_eq!(done, [false, true, false, false, true]);
    }

    #[test]
    fn one_blocked_step_of_a_batch_does_not_keep_the_others_back() {
        let needs = vec![vec![], vec![], vec![0], vec![1]];
        let units = vec![single(0), single(1), Unit { steps: vec![2, 3], exclusive: true }];
        let ended = run(
            units,
            &needs,
            2,
            |steps| {
                steps
                    .iter()
                    .map(|step| (*step, if *step == 0 { Outcome::Failed } else { Outcome::Done }))
                    .collect()
            },
            |step, by| assert_eq!((step, by), (2, 0)),
        );
        assert_eq!(ended[3], Some(Outcome::Done));
    }

    #[test]
    fn exclusive_units_never_run_at_the_same_time() {
        let needs = vec![vec![]; 6];
        let units = (0..6).map(|step| Unit { steps: vec![step], exclusive: true }).collect();
        let inside = AtomicUsize::new(0);
        run(
            units,
            &needs,
            4,
            |steps| {
                assert_eq!(inside.fetch_add(1, Ordering::SeqCst), 0);
                std::thread::yield_now();
                inside.fetch_sub(1, Ordering::SeqCst);
                vec![(steps[0], Outcome::Done)]
            },
            |_, _| {},
        );
    }
}
