//! `cargo deploy man`: the manual pages, one a verb.

use crate::bench::environment::Environment;
use crate::bench::files;
use crate::cli::args::{Cli, Man};
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use clap::CommandFactory as _;
use deploy_model::FailureClass;

/// Writes the pages.
pub fn run(arguments: &Man, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let directory = environment.directory.join(&arguments.out);
    let failed = |error: files::FileError| Trouble::failure(FailureClass::Unexpected, &error);
    files::create_directory(&directory).map_err(failed)?;
    let pages = pages().map_err(|error| Trouble::failure(FailureClass::Bug, &error))?;
    for (name, page) in &pages {
        files::replace(&directory.join(name), page).map_err(failed)?;
    }
    console.status("Written", &format!("{} pages to {}", pages.len(), arguments.out));
    Ok(ExitCode::Done)
}

fn pages() -> Result<Vec<(String, Vec<u8>)>, std::io::Error> {
    let mut command = Cli::command().name("cargo-deploy").bin_name("cargo-deploy");
    command.build();
    let mut pages = Vec::new();
    add(&command, "cargo-deploy", &mut pages)?;
    Ok(pages)
}

fn add(
    command: &clap::Command,
    name: &str,
    pages: &mut Vec<(String, Vec<u8>)>,
) -> Result<(), std::io::Error> {
    let mut page = Vec::new();
    // The date of a page would differ from build to build.
    clap_mangen::Man::new(command.clone()).title(name.to_uppercase()).date("").render(&mut page)?;
    pages.push((format!("{name}.1"), page));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        add(verb, &format!("{name}-{}", verb.get_name()), pages)?;
    }
    Ok(())
}
