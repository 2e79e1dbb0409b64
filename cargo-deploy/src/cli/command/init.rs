//! `cargo deploy init`: looks at the workspace and writes a commented Deploy.toml.

mod found;

use crate::bench::environment::Environment;
use crate::bench::files;
use crate::cli::args::Init;
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use crate::embedded;
use deploy_model::FailureClass;
use deploy_plan::catalog::Catalog;
use found::Found;
use minijinja::{Environment as Templates, UndefinedBehavior, context};
use std::io::{BufRead as _, IsTerminal as _};

/// The targets that are offered when nothing is said: what most users of most programs have.
const OFFERED: &[&str] =
    &["linux-x64", "linux-arm64", "windows-x64", "windows-arm64", "macos-x64", "macos-arm64"];

/// Writes the manifest.
pub fn run(arguments: &Init, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(&arguments.selection, &[], environment)?;
    let path = session.workspace.root.join("Deploy.toml");
    let there = files::metadata_if_exists(&path)
        .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?
        .is_some();
    if there && !arguments.force && !arguments.dry_run {
        return Err(Trouble::Failure {
            class: FailureClass::Configuration,
            message: format!("write {path}: it is there already; `--force` replaces it"),
        });
    }
    let mut targets = arguments.selection.target.clone();
    if targets.is_empty() {
        let offered = OFFERED.iter().map(|name| (*name).to_owned()).collect();
        let may_ask = !arguments.yes && !arguments.dry_run && !environment.is_ci() && !console.is_json();
        targets = if may_ask && std::io::stdin().is_terminal() { ask(offered, console) } else { offered };
    }
    let found = Found::look(&session.workspace.root, &session.workspace.target_directory)
        .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
    let text = manifest(&targets, &arguments.selection.format, &session.catalog, &found)
        .map_err(|error| Trouble::failure(FailureClass::Bug, &error))?;
    if arguments.dry_run {
        console.data(&text);
        return Ok(ExitCode::Done);
    }
    files::publish(&path, text.as_bytes())
        .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
    // What was just written is read as any manifest is: a wrong target is told here and not at the first run.
    Session::open(&arguments.selection, &[], environment)?.project()?;
    console.status("Written", path.strip_prefix(&environment.directory).unwrap_or(&path).as_str());
    console.status("Next", "cargo deploy doctor, then cargo deploy bundle");
    Ok(ExitCode::Done)
}

/// Asks for the targets, on a terminal only.
fn ask(offered: Vec<String>, console: &Console) -> Vec<String> {
    console.status("Targets", &offered.join(" "));
    console.status("", "press Enter to take these, or name others, separated by spaces");
    let mut line = String::new();
    match std::io::stdin().lock().read_line(&mut line) {
        Ok(_) if !line.trim().is_empty() => line.split_whitespace().map(str::to_owned).collect(),
        _ => offered,
    }
}

/// The manifest as text.
fn manifest(
    targets: &[String],
    formats: &[String],
    catalog: &Catalog,
    found: &Found,
) -> Result<String, minijinja::Error> {
    let strings = |list: &[String]| list.iter().map(|text| toml_string(text)).collect::<Vec<_>>();
    let mut templates = Templates::new();
    templates.set_undefined_behavior(UndefinedBehavior::Strict);
    templates.add_template("init/Deploy.toml", embedded::INIT_MANIFEST)?;
    let known: Vec<String> = catalog.packagers.keys().map(ToString::to_string).collect();
    templates.get_template("init/Deploy.toml")?.render(context! {
        targets => strings(targets),
        formats => strings(formats),
        known => known,
        icon => found.icon.as_deref().map(toml_string),
        man => strings(&found.man),
        completions => strings(&found.completions),
        units => strings(&found.units),
        desktop => found.desktop.as_deref().map(toml_string),
        metainfo => found.metainfo.as_deref().map(toml_string),
    })
}

/// A text as a TOML string.
fn toml_string(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
