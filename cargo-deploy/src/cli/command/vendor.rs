//! `cargo deploy vendor`: puts every fetched input into a directory, so that `--offline` needs nothing else.

use super::assets::Report;
use crate::asset::Context;
use crate::asset::vendored::{self, Vendored};
use crate::bench::environment::Environment;
use crate::bench::files;
use crate::cause::chain;
use crate::cli::args::Vendor;
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble, counted};
use crate::toolchain::program;
use camino::Utf8Path;
use deploy_model::FailureClass;
use deploy_model::event::EventSink;
use deploy_plan::project::Asset;
use std::collections::BTreeSet;
use std::fmt::Write as _;

/// Fills `directory` with the assets that come from a network. [`vendored::default_directory`] is where later runs
/// look.
pub fn vendor(
    assets: &[Asset],
    directory: &Utf8Path,
    context: &Context<'_>,
    events: &dyn EventSink,
) -> Report {
    let mut report = Report { text: String::new(), failures: Vec::new() };
    match vendored::vendor(assets, directory, context, events) {
        Ok(Vendored { directory, index, removed }) => {
            // Writing to a String cannot fail.
            for entry in &index.assets {
                let _ =
                    writeln!(report.text, "{}  {} bytes, sha256 {}", entry.path, entry.size, entry.sha256);
            }
            let removed =
                if removed == 0 { String::new() } else { format!(", {removed} of earlier times removed") };
            let _ = writeln!(report.text, "{} in {directory}{removed}", counted(index.assets.len(), "asset"));
            if directory != vendored::default_directory(context.root) {
                let wanted = vendored::default_directory(context.root);
                let _ = writeln!(report.text, "to use them, this directory must be {wanted}");
            }
        }
        Err(failures) => {
            for failure in &failures {
                report.told(failure.class(), chain(failure));
            }
        }
    }
    report
}

/// Vendors what the programs of ours are compiled from that go into the project's packages.
fn vendor_programs(session: &Session<'_>, directory: &Utf8Path, report: &mut Report) -> Result<(), Trouble> {
    let project = session.project()?;
    let formats = project.targets.iter().flat_map(|target| &target.formats);
    let programs: BTreeSet<&str> =
        formats.filter_map(|format| session.catalog.packagers.get(format)?.shape.program).collect();
    let failed = |error| Trouble::failure(FailureClass::Unexpected, &error);
    for id in programs {
        let Some(own) = program::find(id) else { continue };
        let scratch = session.releases().join(".work").join("vendor").join(id);
        let place = directory.join(".programs").join(id);
        files::remove_directory(&scratch).map_err(failed)?;
        files::create_directory(&scratch).map_err(failed)?;
        match program::vendor(own, &place, &scratch, &session.machine) {
            // Writing to a String cannot fail.
            Ok(()) => drop(writeln!(report.text, "the crates of {id} in {place}")),
            Err(error) => report.told(error.class(), chain(&error)),
        }
        files::remove_directory(&scratch).map_err(failed)?;
    }
    Ok(())
}

/// Vendors the assets of the project.
pub fn run(arguments: &Vendor, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &[], environment)?;
    let directory = match &arguments.directory {
        Some(directory) => environment.directory.join(directory),
        None => vendored::default_directory(&session.workspace.root),
    };
    let assets = session.assets()?;
    let sink = console.sink();
    let mut report = vendor(&assets, &directory, &session.asset_context(), sink.as_ref());
    drop(sink);
    vendor_programs(&session, &directory, &mut report)?;
    Ok(super::assets::tell(&report, console))
}
