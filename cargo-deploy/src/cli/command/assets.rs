//! `cargo deploy assets fetch|verify|lock`: the work of the three verbs and what they say. Nothing is printed here.

use crate::asset::lock::{self, Change, Locked, Wanted};
use crate::asset::verify::{Finding, Verified};
use crate::asset::{self, Context, Obtained, Place};
use crate::bench::environment::Environment;
use crate::cause::chain;
use crate::cli::args::{Assets, AssetsVerb, LockArguments};
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble, counted};
use camino::Utf8Path;
use deploy_model::FailureClass;
use deploy_model::event::EventSink;
use deploy_plan::project::Asset;
use std::fmt::Write as _;

/// How a verb ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// What it has to say on standard output, complete lines.
    pub text: String,
    /// Everything that failed, in the order of the assets.
    pub failures: Vec<Failure>,
}

/// Something that failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// What kind of failure it is.
    pub class: FailureClass,
    /// One sentence with its causes that completes "failed to ...".
    pub message: String,
    /// Whether it was told already, as the event that a step failed.
    pub is_told: bool,
}

/// `assets fetch`: gets every asset, so that a later run needs no network.
pub fn fetch(assets: &[Asset], context: &Context<'_>, events: &dyn EventSink) -> Report {
    let mut report = Report { text: String::new(), failures: Vec::new() };
    let mut seen = [0, 0];
    for (asset, result) in assets.iter().zip(asset::fetch(assets, context, events)) {
        match result {
            Ok(Obtained { size, place, .. }) => {
                seen[usize::from(place == Place::Network)] += 1;
                report.line(&format!("{}  {size} bytes, from {place}", asset.path));
            }
            Err(error) => report.told(error.class(), chain(&error)),
        }
    }
    let [here, fetched] = seen;
    report.line(&format!("{fetched} fetched, {here} here already, {} failed", report.failures.len()));
    report
}

/// `assets verify`: reads every asset that is here and compares it with what was pinned.
pub fn verify(assets: &[Asset], context: &Context<'_>) -> Report {
    let mut report = Report { text: String::new(), failures: Vec::new() };
    for verified in asset::verify::verify(assets, context) {
        describe(&verified, &mut report);
    }
    let good = assets.len() - report.failures.len().min(assets.len());
    report.line(&format!("{good} of {} as pinned", counted(assets.len(), "asset")));
    report
}

fn describe(verified: &Verified, report: &mut Report) {
    let Verified { path, sha256, places } = verified;
    if places.is_empty() {
        report.line(&format!("{path}  not here"));
        let message = format!("verify the asset {path}: it is not here; `cargo deploy assets fetch` gets it");
        report.untold(FailureClass::MissingInput, message);
        return;
    }
    let mut wrong = Vec::new();
    for found in places {
        let (place, file) = (found.place, &found.path);
        match &found.finding {
            Finding::Same => report.line(&format!("{path}  as pinned, in {place}")),
            Finding::Differs { got } => {
                report.line(&format!("{path}  changed, in {place}"));
                wrong.push(format!("{file}\n  expected sha256 {sha256}\n  got      sha256 {got}"));
            }
            Finding::OtherSize { got, expected } => {
                report.line(&format!("{path}  of another size, in {place}"));
                wrong.push(format!("{file}\n  expected {expected} bytes\n  got      {got} bytes"));
            }
            Finding::Unreadable(error) => {
                report.line(&format!("{path}  unreadable, in {place}"));
                wrong.push(chain(error));
            }
        }
    }
    if !wrong.is_empty() {
        let message = format!("verify the asset {path}: {}", wrong.join("\n"));
        report.untold(FailureClass::Verification, message);
    }
}

/// `assets lock`: looks at every asset and writes what it is into the lock file. When anything fails, the file stays as
/// it was.
pub fn lock(
    wanted: &[Wanted],
    lock_file: &Utf8Path,
    update: bool,
    context: &Context<'_>,
    events: &dyn EventSink,
) -> Report {
    let mut report = Report { text: String::new(), failures: Vec::new() };
    let old = match lock::read(lock_file) {
        Ok(old) => old,
        Err(error) => {
            report.untold(error.class(), chain(&error));
            return report;
        }
    };
    match lock::lock(wanted, &old, update, context, events) {
        Ok(Locked { lock, changes }) => {
            if let Err(error) = lock::write(lock_file, &lock) {
                report.untold(FailureClass::Unexpected, chain(&error));
                return report;
            }
            for change in &changes {
                report.line(&match change {
                    Change::Added(now) => {
                        format!("{}  added, sha256 {}, {} bytes", now.path, now.sha256, now.size)
                    }
                    Change::Changed { was, now } if was.sha256 == now.sha256 => {
                        format!("{}  described anew", now.path)
                    }
                    Change::Changed { was, now } => {
                        format!("{}  changed from sha256 {} to {}", now.path, was.sha256, now.sha256)
                    }
                    Change::Removed(was) => format!("{}  removed", was.path),
                });
            }
            report.line(&format!(
                "{} locked in {}",
                counted(lock.assets.len(), "asset"),
                lock_file.file_name().unwrap_or_default()
            ));
        }
        Err(failures) => {
            for failure in &failures {
                report.told(failure.class(), chain(failure));
            }
        }
    }
    report
}

impl Report {
    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    /// Notes a failure that was an event.
    pub(super) fn told(&mut self, class: FailureClass, message: String) {
        self.failures.push(Failure { class, message, is_told: true });
    }

    /// Notes a failure that nobody knows of yet.
    fn untold(&mut self, class: FailureClass, message: String) {
        self.failures.push(Failure { class, message, is_told: false });
    }
}

/// Does what the command line asks for.
pub fn run(arguments: &Assets, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let (AssetsVerb::Fetch(selection)
    | AssetsVerb::Verify(selection)
    | AssetsVerb::Lock(LockArguments { selection, .. })) = &arguments.verb;
    let session = Session::open(selection, &[], environment)?;
    let context = session.asset_context();
    let sink = console.sink();
    let report = match &arguments.verb {
        AssetsVerb::Fetch(_) => fetch(&session.assets()?, &context, sink.as_ref()),
        AssetsVerb::Verify(_) => verify(&session.assets()?, &context),
        AssetsVerb::Lock(lock_arguments) => {
            let lock_file = session.workspace.root.join(lock::FILE_NAME);
            lock(&session.wanted_assets()?, &lock_file, lock_arguments.update, &context, sink.as_ref())
        }
    };
    drop(sink);
    Ok(tell(&report, console))
}

/// Prints a report. Failures that were events are printed already.
pub(super) fn tell(report: &Report, console: &Console) -> ExitCode {
    if console.is_json() {
        let failures: Vec<_> = report
            .failures
            .iter()
            .map(|failure| serde_json::json!({ "class": failure.class, "message": failure.message }))
            .collect();
        console.json(&serde_json::json!({ "reason": "report", "text": report.text, "failures": failures }));
        return ExitCode::of_all(report.failures.iter().map(|failure| failure.class));
    }
    console.data(&report.text);
    for Failure { class, message, .. } in report.failures.iter().filter(|failure| !failure.is_told) {
        console.trouble(&Trouble::Failure { class: *class, message: message.clone() });
    }
    ExitCode::of_all(report.failures.iter().map(|failure| failure.class))
}
