//! The program `cargo-xwin`, which fetches Microsoft's C library and SDK and points clang-cl and lld-link at them
//! (<https://github.com/rust-cross/cargo-xwin>).

use crate::bench::Workbench;
use crate::bench::process::Program;
use crate::plugin::{Info, NoSettings, Plugin};
use crate::probe::machine::Machine;
use crate::toolchain::{Job, Preparation, Toolchain, ToolchainError};
use deploy_plan::facts::Availability;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Xwin;

impl Plugin for Xwin {
    type Settings = NoSettings;
    const INFO: Info = Info {
        id: "xwin",
        summary: "cargo-xwin: clang-cl and lld-link with Microsoft's libraries",
        revision: 1,
    };
}

const INSTALL: &str = "run `cargo install cargo-xwin`";

impl Toolchain for Xwin {
    fn probe(&self, machine: &Machine) -> Availability {
        let Some(xwin) = machine.program("cargo-xwin") else {
            return Availability::Missing {
                what: "the program cargo-xwin is not on PATH".to_owned(),
                mend: INSTALL.to_owned(),
            };
        };
        match Program::new(xwin.as_str()).arg("--version").run() {
            Ok(output) => {
                let said = output.text();
                let version = said.lines().next().unwrap_or("cargo-xwin").to_owned();
                Availability::Ready { version, place: xwin.into_string() }
            }
            Err(error) => Availability::Missing {
                what: format!("cargo-xwin does not say its version: {error}"),
                mend: INSTALL.to_owned(),
            },
        }
    }

    fn prepare(
        &self,
        _: &NoSettings,
        _: &Job<'_>,
        _: &Machine,
        _: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError> {
        Ok(Preparation::default())
    }
}
