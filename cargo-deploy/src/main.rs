//! `cargo-deploy`: parse, dispatch, exit code.

use cargo_deploy::bench::environment::Environment;
use cargo_deploy::cause::chain;
use cargo_deploy::cli::args::Cli;
use cargo_deploy::cli::command;
use cargo_deploy::cli::exit::ExitCode;
use cargo_deploy::cli::render::complain;
use cargo_deploy::toolchain::zig;
use clap::Parser as _;

fn main() -> std::process::ExitCode {
    let mut arguments: Vec<std::ffi::OsString> = std::env::args_os().collect();
    if let Some(code) = zig::serve(&arguments) {
        return code;
    }
    // Cargo calls `cargo-deploy deploy …`; a person may call `cargo-deploy …`.
    if arguments.get(1).is_some_and(|first| first == "deploy") {
        arguments.remove(1);
    }
    let cli = Cli::parse_from(arguments);
    match Environment::read() {
        Ok(environment) => command::run(&cli, &environment).into(),
        Err(error) => {
            complain(&chain(&error));
            ExitCode::Unexpected.into()
        }
    }
}
