//! The toolchain that rustc brings: its own linker where it has one, else this machine's C compiler.

use crate::bench::Workbench;
use crate::plugin::{Info, NoSettings, Plugin};
use crate::probe::machine::Machine;
use crate::toolchain::{Job, Preparation, Toolchain, ToolchainError};
use deploy_plan::facts::Availability;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Native;

impl Plugin for Native {
    type Settings = NoSettings;
    const INFO: Info = Info {
        id: "native",
        summary: "rustc with its own linker, or with this machine's C compiler",
        revision: 1,
    };
}

/// The C compiler that rustc links with when told nothing.
fn linker() -> &'static str {
    if cfg!(windows) { "link" } else { "cc" }
}

impl Toolchain for Native {
    /// Even a target that rustc links by itself needs this: build scripts and procedural macros are programs for
    /// this machine.
    fn probe(&self, machine: &Machine) -> Availability {
        let linker = linker();
        // Visual Studio's linker is found through the registry, not on PATH: rustc says it best.
        if cfg!(windows) {
            return Availability::Ready {
                version: machine.rustc_version.clone(),
                place: machine.rustc.to_string(),
            };
        }
        match machine.program(linker) {
            Some(path) => Availability::Ready {
                version: machine.rustc_version.clone(),
                place: format!("linking with {path}"),
            },
            None => Availability::Missing {
                what: format!("there is no C compiler `{linker}` on PATH to link with"),
                mend: if cfg!(target_os = "macos") {
                    "run `xcode-select --install`".to_owned()
                } else {
                    "install gcc or clang: `apt-get install gcc`, `dnf install gcc`".to_owned()
                },
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
