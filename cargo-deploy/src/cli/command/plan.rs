//! `cargo deploy plan`: everything that a run would do, decided, and nothing done.

use crate::bench::environment::Environment;
use crate::cli::args::PlanArguments;
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use crate::engine::why;
use deploy_model::FailureClass;
use deploy_model::event::{Event, EventSink};
use deploy_plan::draw::{self, Until};

/// Shows the plan.
pub fn run(
    arguments: &PlanArguments,
    environment: &Environment,
    console: &Console,
) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &arguments.cargo_arguments, environment)?;
    let project = session.project()?;
    let gathered = session.facts(&project, Until::Published)?;
    for warning in &gathered.warnings {
        console.warning(warning);
    }
    let plan = draw::draw(&project, &gathered.facts, &session.catalog, Until::Published)
        .map_err(|findings| session.trouble(findings))?;
    session.check_packages(&plan)?;
    let verdicts = if arguments.why {
        let releases = session.releases();
        let setup = session.setup(&gathered.facts, &plan, &releases, &Nobody);
        let verdicts = why::verdicts(&plan, &setup)
            .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
        Some(verdicts)
    } else {
        None
    };
    console.plan(&plan, verdicts.as_ref(), arguments.style);
    Ok(ExitCode::Done)
}

/// Nothing runs, so nobody listens.
struct Nobody;

impl EventSink for Nobody {
    fn event(&self, _: Event) {}
}
