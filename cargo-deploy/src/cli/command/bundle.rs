//! `cargo deploy bundle`, the main job, and `cargo deploy build`, its first half.

use crate::bench::environment::Environment;
use crate::bench::files;
use crate::cli::args::{PlanStyle, Run};
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{self, Console, Trouble};
use crate::engine::{self, Finished, timings};
use crate::release::SUMS_FILE;
use camino::Utf8Path;
use deploy_model::FailureClass;
use deploy_model::artifact::SignatureForm;
use deploy_plan::draw::{self, Until};
use deploy_plan::plan::{Action, Plan};
use std::fmt::Write as _;

/// Draws the plan and runs it.
pub fn run(
    arguments: &Run,
    until: Until,
    environment: &Environment,
    console: &Console,
) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &arguments.cargo_arguments, environment)?;
    let project = session.project()?;
    let gathered = session.facts(&project, until)?;
    for warning in &gathered.warnings {
        console.warning(warning);
    }
    let plan = draw::draw(&project, &gathered.facts, &session.catalog, until)
        .map_err(|findings| session.trouble(findings))?;
    session.check_packages(&plan)?;
    for skipped in &plan.skipped {
        console.warning(&format!("{} is left out: {}", skipped.what, skipped.why));
    }
    if arguments.dry_run {
        console.plan(&plan, None, PlanStyle::Tree);
        return Ok(ExitCode::Done);
    }
    let releases = session.releases();
    let sink = console.sink();
    let setup = session.setup(&gathered.facts, &plan, &releases, sink.as_ref());
    let finished =
        engine::run(&plan, &setup).map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
    drop(sink);
    if arguments.timings {
        let path = releases.join("timings.html");
        let title = format!("{} {}", plan.name, plan.version);
        files::replace(&path, timings::page(&title, &finished.timings).as_bytes())
            .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
        console.status("Timed", path.as_str());
    }
    tell(&plan, &finished, environment, console);
    Ok(ExitCode::of_all(finished.failures.iter().map(|failure| failure.error.class())))
}

fn tell(plan: &Plan, finished: &Finished, environment: &Environment, console: &Console) {
    let made = packages(plan, finished);
    if let Some(place) = &finished.place {
        let shown = Utf8Path::new(place).strip_prefix(&environment.directory).unwrap_or(Utf8Path::new(place));
        if !console.is_json() {
            let mut text = String::new();
            for (name, ..) in &made {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{}", shown.join(name));
            }
            for step in &plan.steps {
                if let Action::Index(index) = &step.action {
                    let _ = writeln!(text, "{}/", shown.join(&index.directory));
                }
            }
            console.data(&text);
        }
        let size = render::bytes(made.iter().map(|(_, size, _)| size).sum());
        let all = finished.timings.len();
        let reused = finished.timings.iter().filter(|timing| timing.reused).count();
        let count = render::counted(made.len(), "package");
        console.status(
            "Finished",
            &format!(
                "{} {}: {count}, {size}, in {shown} ({reused} of {all} steps reused)",
                plan.name, plan.version
            ),
        );
    } else if finished.failures.is_empty() {
        let binaries = plan
            .steps
            .iter()
            .filter(|step| matches!(step.action, Action::Compile(_) | Action::Join(_)))
            .filter_map(|step| finished.receipts.get(&step.id))
            .flat_map(|receipt| receipt.outputs.values());
        let mut text = String::new();
        for output in binaries {
            let path = output.path.strip_prefix(&environment.directory).unwrap_or(&output.path);
            let _ = writeln!(text, "{path}");
        }
        if !console.is_json() {
            console.data(&text);
        }
        console.status("Finished", &format!("{} {}: the binaries are as declared", plan.name, plan.version));
    }
    console.step_summary(&summary(plan, finished, &made));
}

/// The packages that were made, each with its size and digest. One that a signature was put into is made twice; the
/// signed one counts.
fn packages<'a>(plan: &'a Plan, finished: &'a Finished) -> Vec<(&'a str, u64, &'a str)> {
    let mut made: Vec<(&str, u64, &str)> = Vec::new();
    for step in &plan.steps {
        let is_package = match &step.action {
            Action::Package(_) => true,
            Action::Sign(sign) => sign.form == SignatureForm::Embedded,
            _ => false,
        };
        let receipt = finished.receipts.get(&step.id).filter(|_| is_package);
        for (name, output) in receipt.iter().flat_map(|receipt| &receipt.outputs) {
            made.retain(|(known, ..)| known != name);
            made.push((name, output.size, output.sha256.as_str()));
        }
    }
    made
}

/// The summary that GitHub shows for the step, as markdown.
fn summary(plan: &Plan, finished: &Finished, made: &[(&str, u64, &str)]) -> String {
    let mut text = format!("### {} {}\n\n", plan.name, plan.version);
    if !made.is_empty() {
        text.push_str("| file | size | sha256 |\n|---|---:|---|\n");
        for (name, size, sha256) in made {
            let _ = writeln!(text, "| `{name}` | {} | `{sha256}` |", render::bytes(*size));
        }
    }
    for failure in &finished.failures {
        let _ = writeln!(text, "\n- **{}** failed: {}", failure.step, crate::cause::chain(&failure.error));
    }
    if finished.failures.is_empty() && finished.place.is_some() {
        let _ = writeln!(text, "\nRead back from its bytes; the digests are in `{SUMS_FILE}`.");
    }
    text
}
