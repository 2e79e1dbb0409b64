//! `cargo deploy vendor`: puts every fetched input into a directory, so that `--offline` needs nothing else.

use super::assets::Report;
use crate::asset::Context;
use crate::asset::vendored::{self, Vendored};
use crate::bench::environment::Environment;
use crate::cause::chain;
use crate::cli::args::Vendor;
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble, counted};
use camino::Utf8Path;
use deploy_model::event::EventSink;
use deploy_plan::project::Asset;
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

/// Vendors the assets of the project.
pub fn run(arguments: &Vendor, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &[], environment)?;
    let directory = match &arguments.directory {
        Some(directory) => environment.directory.join(directory),
        None => vendored::default_directory(&session.workspace.root),
    };
    let assets = session.assets()?;
    let sink = console.sink();
    let report = vendor(&assets, &directory, &session.asset_context(), sink.as_ref());
    drop(sink);
    Ok(super::assets::tell(&report, console))
}
