//! The program `cross`, which compiles in a container that holds a target's C toolchain
//! (<https://github.com/cross-rs/cross>).

use crate::bench::Workbench;
use crate::bench::process::Program;
use crate::plugin::{Info, NoSettings, Plugin};
use crate::probe::machine::Machine;
use crate::toolchain::{Job, Preparation, Toolchain, ToolchainError};
use camino::Utf8PathBuf;
use deploy_plan::facts::Availability;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Cross;

impl Plugin for Cross {
    type Settings = NoSettings;
    const INFO: Info =
        Info { id: "cross", summary: "the program cross, which compiles in containers", revision: 1 };
}

const INSTALL: &str = "run `cargo install cross`";

impl Toolchain for Cross {
    fn probe(&self, machine: &Machine) -> Availability {
        let Some(cross) = machine.program("cross") else {
            return Availability::Missing {
                what: "the program cross is not on PATH".to_owned(),
                mend: INSTALL.to_owned(),
            };
        };
        let engines: Vec<Utf8PathBuf> = match machine.environment.get("CROSS_CONTAINER_ENGINE") {
            Some(engine) => vec![Utf8PathBuf::from(engine)],
            // The order in which cross looks.
            None => ["docker", "podman"].into_iter().filter_map(|name| machine.program(name)).collect(),
        };
        let Some(engine) = engines.first() else {
            return Availability::Missing {
                what: "cross needs a container engine, and neither docker nor podman is on PATH".to_owned(),
                mend: "install docker or podman".to_owned(),
            };
        };
        // The client answers without the service; only the service knows its own version.
        if let Err(error) = Program::new(engine.as_str()).arg("info").run() {
            return Availability::Missing {
                what: format!(
                    "the container engine {engine} does not answer: {}",
                    first_line(&error.to_string())
                ),
                mend: "start it: `systemctl start docker`, or `podman machine start`".to_owned(),
            };
        }
        let version = Program::new(cross.as_str()).arg("--version").directory(&machine.root).run();
        let version = version.map(|output| first_line(&output.text())).unwrap_or_else(|_| "cross".to_owned());
        Availability::Ready { version, place: format!("{cross} with {engine}") }
    }

    fn prepare(
        &self,
        _: &NoSettings,
        job: &Job<'_>,
        machine: &Machine,
        _: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError> {
        let program = machine.program("cross").ok_or_else(|| ToolchainError::Gone {
            toolchain: "cross",
            what: "the program cross is not on PATH".to_owned(),
            mend: INSTALL.to_owned(),
        })?;
        // The container sees only what is named here.
        let mut through = vec![
            "CARGO_ENCODED_RUSTFLAGS".to_owned(),
            "CARGO_INCREMENTAL".to_owned(),
            "SOURCE_DATE_EPOCH".to_owned(),
        ];
        through.extend(machine.environment.get("CROSS_BUILD_ENV_PASSTHROUGH").map(str::to_owned));
        for compile in job.compiles {
            let triple = compile.triple.as_str().replace(['-', '.'], "_");
            through.extend([format!("CFLAGS_{triple}"), format!("CXXFLAGS_{triple}")]);
        }
        let mut preparation =
            Preparation { program: Some(program), one_target_a_call: true, ..Preparation::default() };
        preparation.set.insert("CROSS_BUILD_ENV_PASSTHROUGH".to_owned(), through.join(" "));
        Ok(preparation)
    }
}

fn first_line(text: &str) -> String {
    text.lines().next().unwrap_or_default().to_owned()
}
