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

const ABSENT: &str = "the program cross is not on PATH";
const INSTALL: &str = "run `cargo install cross`";

impl Toolchain for Cross {
    fn probe(&self, machine: &Machine) -> Availability {
        let missing =
            |what: &str, mend: &str| Availability::Missing { what: what.to_owned(), mend: mend.to_owned() };
        let Some(cross) = machine.program("cross") else { return missing(ABSENT, INSTALL) };
        let engine = match machine.environment.get("CROSS_CONTAINER_ENGINE") {
            Some(engine) if Utf8PathBuf::from(engine).is_absolute() => Some(Utf8PathBuf::from(engine)),
            Some(engine) => machine.program(engine),
            // The order in which cross looks.
            None => ["docker", "podman"].into_iter().find_map(|name| machine.program(name)),
        };
        let Some(engine) = engine else {
            return missing(
                "cross needs a container engine, and neither docker nor podman is on PATH",
                "install docker or podman",
            );
        };
        // The client knows its own version without the service; this it has to ask the service for.
        if Program::new(engine.as_str()).arg("info").run().is_err() {
            return missing(
                &format!("cross needs a container engine, and `{engine} info` fails"),
                "start it: `systemctl start docker`, or `podman machine start`",
            );
        }
        let said = Program::new(cross.as_str()).arg("--version").directory(&machine.root).run();
        let said = said.map(|output| output.text()).unwrap_or_default();
        let version = said.lines().next().filter(|line| !line.is_empty()).unwrap_or("cross").to_owned();
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
            what: ABSENT.to_owned(),
            mend: INSTALL.to_owned(),
        })?;
        // What begins with CARGO_ reaches the container anyway; other variables do when they are named.
        let mut through: Vec<String> =
            machine.environment.get("CROSS_BUILD_ENV_PASSTHROUGH").map(str::to_owned).into_iter().collect();
        through.extend(["SOURCE_DATE_EPOCH", "CC_SHELL_ESCAPED_FLAGS"].map(str::to_owned));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::machine::testing::{directory, machine, script};
    use crate::toolchain::testing::{compile, with_bench};

    fn missing(machine: &Machine) -> String {
        match Toolchain::probe(&Cross, machine) {
            Availability::Missing { what, .. } => what,
            Availability::Ready { version, place } => panic!("{version} {place}"),
        }
    }

    #[test]
    fn cross_is_ready_when_its_container_engine_answers() {
        let root = directory("cross");
        let machine = machine(&root, &[]);
        let bin = root.join("bin");
        assert_eq!(missing(&machine), ABSENT);
        script(&bin, "cross", "echo 'cross 0.2.5'; echo more");
        assert_eq!(
            missing(&machine),
            "cross needs a container engine, and neither docker nor podman is on PATH"
        );
        script(&bin, "podman", "exit 1");
        assert_eq!(
            missing(&machine),
            format!("cross needs a container engine, and `{bin}/podman info` fails")
        );
        script(&bin, "podman", "test \"$1\" = info");
        assert_eq!(
            Toolchain::probe(&Cross, &machine),
            Availability::Ready {
                version: "cross 0.2.5".to_owned(),
                place: format!("{bin}/cross with {bin}/podman")
            }
        );
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn variables_that_are_not_cargos_reach_the_container_by_name() {
        let root = directory("cross-prepare");
        let machine = machine(&root, &[("CROSS_BUILD_ENV_PASSTHROUGH", "MINE")]);
        let cross = script(&root.join("bin"), "cross", "");
        let compile = compile("armv7-unknown-linux-gnueabihf", "cross");
        let job = Job { compiles: &[&compile], profile: "release", target_directory: &root };
        let preparation =
            with_bench(&root, |bench| Toolchain::prepare(&Cross, &NoSettings {}, &job, &machine, bench))
                .expect("prepared");
        assert_eq!(preparation.program, Some(cross));
        assert!(preparation.one_target_a_call);
        assert_eq!(
            preparation.set["CROSS_BUILD_ENV_PASSTHROUGH"],
            "MINE SOURCE_DATE_EPOCH CC_SHELL_ESCAPED_FLAGS CFLAGS_armv7_unknown_linux_gnueabihf \
             CXXFLAGS_armv7_unknown_linux_gnueabihf"
        );
        files::remove_directory(&root).expect("clean");
    }
}
