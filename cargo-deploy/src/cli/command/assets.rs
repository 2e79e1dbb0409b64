//! `cargo deploy assets fetch|verify|lock`: the work of the three verbs and what they say. Nothing is printed here.

use crate::bench::environment::Environment;
use crate::cli::args::{Assets, AssetsVerb, LockArguments};
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use crate::asset::lock::{self, Change, Locked, Wanted};
use crate::asset::verify::{Finding, Verified};
use crate::asset::{self, Context, FetchError, Obtained, Place};
use crate::bench::files::FileError;
use crate::cause::chain;
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
    /// Everything that failed: its class, and one sentence with its causes that completes "failed to ...".
    pub failures: Vec<(FailureClass, String)>,
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
            Err(error) => report.fail(&error),
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
    report.line(&format!("{good} of {} as pinned", counted(assets.len())));
    report
}

fn describe(verified: &Verified, report: &mut Report) {
    let Verified { path, sha256, places } = verified;
    if places.is_empty() {
        report.line(&format!("{path}  not here"));
        let message = format!("verify the asset {path}: it is not here; `cargo deploy assets fetch` gets it");
        report.failures.push((FailureClass::MissingInput, message));
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
        report.failures.push((FailureClass::Verification, message));
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
            report.failures.push((error.class(), chain(&error)));
            return report;
        }
    };
    match lock::lock(wanted, &old, update, context, events) {
        Ok(Locked { lock, changes }) => {
            if let Err(error) = lock::write(lock_file, &lock) {
                report.failures.push((file_class(&error), chain(&error)));
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
                counted(lock.assets.len()),
                lock_file.file_name().unwrap_or_default()
            ));
        }
        Err(failures) => {
            report.failures.extend(failures.iter().map(|failure| (failure.class(), chain(failure))));
        }
    }
    report
}

/// A number of assets, in words.
pub(super) fn counted(count: usize) -> String {
    format!("{count} {}", if count == 1 { "asset" } else { "assets" })
}

fn file_class(_: &FileError) -> FailureClass {
    FailureClass::Unexpected
}

impl Report {
    fn line(&mut self, line: &str) {
        // Writing to a String cannot fail.
        let _ = writeln!(self.text, "{line}");
    }

    fn fail(&mut self, error: &FetchError) {
        self.failures.push((error.class(), chain(error)));
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
            .map(|(class, message)| serde_json::json!({ "class": class, "message": message }))
            .collect();
        console.json(&serde_json::json!({ "reason": "report", "text": report.text, "failures": failures }));
        return ExitCode::of_all(report.failures.iter().map(|(class, _)| *class));
    }
    console.data(&report.text);
    for (class, message) in &report.failures {
        console.trouble(&Trouble::Failure { class: *class, message: message.clone() });
    }
    ExitCode::of_all(report.failures.iter().map(|(class, _)| *class))
}
