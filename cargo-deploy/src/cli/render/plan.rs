//! A plan for people: a tree from what is made last to what it needs, or a flow chart.

use crate::engine::why::Verdict;
use deploy_model::StepId;
use deploy_plan::plan::{Plan, Step};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

/// The steps as a tree. A step that is needed in several places is drawn once; afterwards `*` stands for what it
/// needs.
pub(super) fn tree(plan: &Plan, verdicts: Option<&BTreeMap<StepId, Verdict>>) -> String {
    let mut text = format!("{} {}\n", plan.name, plan.version);
    let needed: BTreeSet<&StepId> = plan.steps.iter().flat_map(|step| &step.needs).collect();
    let roots: Vec<&Step> = plan.steps.iter().filter(|step| !needed.contains(&step.id)).collect();
    let mut drawing = Drawing { plan, verdicts, seen: BTreeSet::new(), text: &mut text };
    for (position, root) in roots.iter().enumerate() {
        drawing.branch(root, "", position + 1 == roots.len());
    }
    for skipped in &plan.skipped {
        // Writing to a String cannot fail.
        let _ = writeln!(text, "left out: {}: {}", skipped.what, skipped.why);
    }
    text
}

struct Drawing<'a> {
    plan: &'a Plan,
    verdicts: Option<&'a BTreeMap<StepId, Verdict>>,
    seen: BTreeSet<&'a StepId>,
    text: &'a mut String,
}

impl<'a> Drawing<'a> {
    fn branch(&mut self, step: &'a Step, indent: &str, last: bool) {
        let (corner, below) = if last { ("└── ", "    ") } else { ("├── ", "│   ") };
        let first = self.seen.insert(&step.id);
        let again = if first || step.needs.is_empty() { "" } else { " *" };
        let verdict = self
            .verdicts
            .and_then(|verdicts| verdicts.get(&step.id))
            .filter(|_| first)
            .map(|verdict| format!("  [{verdict}]"))
            .unwrap_or_default();
        let _ = writeln!(self.text, "{indent}{corner}{}{again}{verdict}", step.id);
        if !first {
            return;
        }
        let direct = direct_needs(self.plan, step);
        for (position, need) in direct.iter().enumerate() {
            self.branch(need, &format!("{indent}{below}"), position + 1 == direct.len());
        }
    }
}

/// The needs of a step that are not needs of its other needs: the tree would say them twice.
fn direct_needs<'a>(plan: &'a Plan, step: &Step) -> Vec<&'a Step> {
    let needs: Vec<&Step> = step.needs.iter().filter_map(|need| plan.step(need)).collect();
    needs
        .iter()
        .copied()
        .filter(|need| !needs.iter().any(|other| other.id != need.id && reaches(plan, other, &need.id)))
        .collect()
}

fn reaches(plan: &Plan, from: &Step, to: &StepId) -> bool {
    from.needs.iter().any(|need| need == to || plan.step(need).is_some_and(|step| reaches(plan, step, to)))
}

/// The steps as a flow chart (<https://mermaid.js.org/syntax/flowchart.html>).
pub(super) fn mermaid(plan: &Plan) -> String {
    let mut text = "flowchart LR\n".to_owned();
    let number: BTreeMap<&StepId, usize> =
        plan.steps.iter().enumerate().map(|(number, step)| (&step.id, number)).collect();
    for (at, step) in plan.steps.iter().enumerate() {
        let _ = writeln!(text, "  s{at}[\"{}\"]", step.id.as_str().replace('"', "#quot;"));
    }
    for (at, step) in plan.steps.iter().enumerate() {
        for need in direct_needs(plan, step) {
            if let Some(from) = number.get(&need.id) {
                let _ = writeln!(text, "  s{from} --> s{at}");
            }
        }
    }
    text
}
