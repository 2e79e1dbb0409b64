//! `cargo deploy config show|check`: the manifest of all layers.

use crate::bench::environment::Environment;
use crate::cli::args::{Config, ConfigShow, ConfigVerb, Selection};
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use deploy_model::FailureClass;
use std::fmt::Write as _;

/// Shows or checks.
pub fn run(arguments: &Config, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    match &arguments.verb {
        ConfigVerb::Show(show) => self::show(show, environment, console),
        ConfigVerb::Check(selection) => check(selection, environment, console),
    }
}

fn show(arguments: &ConfigShow, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &[], environment)?;
    if arguments.resolved {
        let project = session.project()?;
        console.pretty(&project);
        return Ok(ExitCode::Done);
    }
    if arguments.origin {
        let mut rows = Vec::new();
        for (path, node) in session.merged.settings() {
            let origin = session.merged.origin_of(&path).unwrap_or_default();
            rows.push((path.to_string(), node.to_json(), origin));
        }
        if console.is_json() {
            let rows = rows.iter().map(
                |(path, value, origin)| serde_json::json!({ "key": path, "value": value, "origin": origin }),
            );
            console.pretty(&rows.collect::<Vec<_>>());
        } else {
            let mut text = String::new();
            let settings: Vec<(String, String)> =
                rows.into_iter().map(|(path, value, origin)| (format!("{path} = {value}"), origin)).collect();
            let width = settings.iter().map(|(setting, _)| setting.chars().count()).max().unwrap_or(0);
            for (setting, origin) in settings {
                // Writing to a String cannot fail.
                let _ = writeln!(text, "{setting:width$}  # {origin}");
            }
            console.data(&text);
        }
        return Ok(ExitCode::Done);
    }
    if console.is_json() {
        console.pretty(&session.merged.manifest);
    } else {
        let text = toml::to_string_pretty(&session.merged.manifest)
            .map_err(|error| Trouble::failure(FailureClass::Bug, &error))?;
        console.data(&text);
    }
    Ok(ExitCode::Done)
}

fn check(selection: &Selection, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(selection, &[], environment)?;
    let project = session.project()?;
    let targets: Vec<&str> = project.targets.iter().map(|target| target.target.name.as_str()).collect();
    console.status(
        "Checked",
        &format!("{} {} for {}", project.app.name, project.app.version, targets.join(", ")),
    );
    Ok(ExitCode::Done)
}
