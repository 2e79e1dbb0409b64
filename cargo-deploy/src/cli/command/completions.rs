//! `cargo deploy completions`: a shell's completion script.

use crate::cli::args::{Cli, Completions};
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use clap::CommandFactory as _;

/// Prints the script for `cargo-deploy`; cargo's own completion does not know its subcommands.
pub fn run(arguments: &Completions, console: &Console) -> Result<ExitCode, Trouble> {
    let mut command = Cli::command().bin_name("cargo-deploy");
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut command, "cargo-deploy", &mut script);
    console.data(&String::from_utf8_lossy(&script));
    Ok(ExitCode::Done)
}
