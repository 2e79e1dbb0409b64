//! `cargo deploy plan`: everything that a run would do, decided, and nothing done.

use crate::bench::environment::Environment;
use crate::cli::args::{PlanArguments, PlanStyle};
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::plan::{mermaid, tree};
use crate::cli::render::{Console, Trouble};
use crate::engine::why::{self, Verdict};
use deploy_model::event::{Event, EventSink};
use deploy_model::{FailureClass, StepId};
use deploy_plan::draw::{self, Until};
use deploy_plan::plan::Plan;
use std::collections::BTreeMap;

/// Shows the plan.
pub fn run(arguments: &PlanArguments, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &arguments.cargo_arguments, environment)?;
    let project = session.project()?;
    let gathered = session.facts(&project)?;
    for warning in &gathered.warnings {
        console.warning(warning);
    }
    let plan = draw::draw(&project, &gathered.facts, &session.catalog, Until::Published)
        .map_err(|findings| session.trouble(findings))?;
    let verdicts = if arguments.why {
        let releases = session.releases();
        let setup = super::bundle::setup(&session, &gathered.facts, &plan, &releases, &Nobody);
        let verdicts = why::verdicts(&plan, &setup)
            .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
        Some(verdicts)
    } else {
        None
    };
    show(&plan, verdicts.as_ref(), arguments.style, console);
    Ok(ExitCode::Done)
}

/// Nothing runs, so nobody listens.
struct Nobody;

impl EventSink for Nobody {
    fn event(&self, _: Event) {}
}

/// Prints a plan.
pub(super) fn show(
    plan: &Plan,
    verdicts: Option<&BTreeMap<StepId, Verdict>>,
    style: PlanStyle,
    console: &Console,
) {
    if console.is_json() {
        let mut value = serde_json::to_value(plan).unwrap_or_default();
        if let (Some(verdicts), Some(object)) = (verdicts, value.as_object_mut()) {
            object.insert("verdicts".to_owned(), serde_json::to_value(verdicts).unwrap_or_default());
        }
        console.pretty(&value);
    } else {
        console.data(&match style {
            PlanStyle::Tree => tree(plan, verdicts),
            PlanStyle::Mermaid => mermaid(plan),
        });
    }
}
