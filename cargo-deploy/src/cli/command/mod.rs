//! The verbs, one file each. A verb drives the engine and hands what it has to say to [`crate::cli::render`].

pub mod assets;
pub mod bundle;
pub mod completions;
pub mod config;
pub mod doctor;
pub mod init;
pub mod inspect;
pub mod man;
pub mod plan;
pub mod reference;
pub mod schema;
pub mod session;
pub mod targets;
pub mod vendor;
pub mod verify;

use crate::bench::environment::Environment;
use crate::cli::args::{Cli, Verb};
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use deploy_plan::draw::Until;

/// Does what the command line asks for, and says how it ended.
pub fn run(cli: &Cli, environment: &Environment) -> ExitCode {
    let console = Console::new(&cli.global, environment);
    match dispatch(cli, environment, &console) {
        Ok(code) => code,
        Err(trouble) => console.trouble(&trouble),
    }
}

fn dispatch(cli: &Cli, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    match &cli.verb {
        Verb::Init(arguments) => init::run(arguments, environment, console),
        Verb::Targets(selection) => targets::run(selection, environment, console),
        Verb::Doctor(selection) => doctor::run(selection, environment, console),
        Verb::Plan(arguments) => plan::run(arguments, environment, console),
        Verb::Build(arguments) => bundle::run(arguments, Until::Compiled, environment, console),
        Verb::Assets(arguments) => assets::run(arguments, environment, console),
        Verb::Bundle(arguments) => bundle::run(arguments, Until::Published, environment, console),
        Verb::Verify(arguments) => verify::run(arguments, environment, console),
        Verb::Inspect(arguments) => inspect::run(arguments, environment, console),
        Verb::Vendor(arguments) => vendor::run(arguments, environment, console),
        Verb::Config(arguments) => config::run(arguments, environment, console),
        Verb::Schema(arguments) => schema::run(arguments, console),
        Verb::Completions(arguments) => completions::run(arguments, console),
        Verb::Man(arguments) => man::run(arguments, environment, console),
    }
}
