//! Toolchains: what turns sources into binaries for a target. One file each; the list is [`ALL`].

pub mod cargo_call;
pub mod cross;
pub mod native;
pub mod program;
pub mod standard_library;
pub mod xwin;
pub mod zig;

pub use cargo_call::CompileError;
pub use standard_library::ProvisionError;

use crate::bench::Workbench;
use crate::plugin::{self, Info, Plugin, SettingsError};
use crate::probe::machine::Machine;
use camino::Utf8PathBuf;
use deploy_model::{FailureClass, Triple};
use deploy_plan::catalog::PluginEntry;
use deploy_plan::facts::Availability;
use deploy_plan::plan::Compile;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// Every toolchain. To add one, write its file and add its line.
pub const ALL: &[&dyn AnyToolchain] = &[&native::Native, &zig::Zig, &cross::Cross, &xwin::Xwin];

/// A way to compile for targets.
pub trait Toolchain: Plugin {
    /// Whether it can be used on this machine: looks, changes nothing.
    fn probe(&self, machine: &Machine) -> Availability;

    /// What makes a call of cargo compile for the given triples with this toolchain.
    fn prepare(
        &self,
        settings: &Self::Settings,
        job: &Job<'_>,
        machine: &Machine,
        bench: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError>;
}

/// What a toolchain is asked to prepare for.
#[derive(Debug, Clone, Copy)]
pub struct Job<'a> {
    /// The triples, all with the same flags.
    pub compiles: &'a [&'a Compile],
    /// Cargo's profile.
    pub profile: &'a str,
    /// Cargo's target directory.
    pub target_directory: &'a camino::Utf8Path,
}

/// How cargo has to be called so that a toolchain compiles: plain data, so that it can be remembered and shown.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub struct Preparation {
    /// The program to call in cargo's place.
    pub program: Option<Utf8PathBuf>,
    /// Directories to put in front of PATH.
    pub path: Vec<Utf8PathBuf>,
    /// Variables to set.
    pub set: BTreeMap<String, String>,
    /// Variables to take away.
    pub removed: BTreeSet<String>,
    /// Flags of rustc for one triple, to go after those of the plan. Only with `one_target_a_call`.
    #[serde(default)]
    pub rustflags: BTreeMap<Triple, Vec<String>>,
    /// Beginnings of warnings that are not passed on, because they are wrong with this toolchain.
    #[serde(default)]
    pub hushed: BTreeSet<String>,
    /// Whether a call of cargo can have one target only.
    pub one_target_a_call: bool,
}

impl Preparation {
    /// Takes over what another target needs.
    fn add(&mut self, other: Preparation) {
        self.set.extend(other.set);
        self.removed.extend(other.removed);
        self.rustflags.extend(other.rustflags);
        self.hushed.extend(other.hushed);
        for directory in other.path {
            if !self.path.contains(&directory) {
                self.path.push(directory);
            }
        }
    }
}

/// A toolchain that could not be made ready.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// Its settings cannot be read.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// It was there when the plan was drawn and is not any more.
    #[error("use {toolchain}: {what} (to mend it, {mend})")]
    Gone {
        /// The toolchain.
        toolchain: &'static str,
        /// What is not there.
        what: String,
        /// How to mend it.
        mend: String,
    },
    /// A program of it failed.
    #[error("ask {toolchain} how to compile for {triples}")]
    Ask {
        /// The toolchain.
        toolchain: &'static str,
        /// The triples, separated by commas.
        triples: String,
        /// What failed.
        source: crate::bench::process::ProcessError,
    },
    /// Its answer is not understood.
    #[error("understand the answer of {toolchain}: {answer:?}")]
    Answer {
        /// The toolchain.
        toolchain: &'static str,
        /// The answer, cut short.
        answer: String,
    },
    /// A file of it failed.
    #[error(transparent)]
    File(#[from] crate::bench::files::FileError),
}

impl ToolchainError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            ToolchainError::Settings(_) => FailureClass::Bug,
            ToolchainError::Gone { .. } | ToolchainError::Ask { .. } => FailureClass::MissingTool,
            ToolchainError::Answer { .. } | ToolchainError::File(_) => FailureClass::Unexpected,
        }
    }
}

/// A toolchain whose settings type is forgotten, so that a list can hold it.
pub trait AnyToolchain: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> PluginEntry;
    /// See [`Toolchain::probe`].
    fn probe(&self, machine: &Machine) -> Availability;
    /// See [`Toolchain::prepare`].
    fn prepare(
        &self,
        settings: &serde_json::Value,
        job: &Job<'_>,
        machine: &Machine,
        bench: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError>;
}

impl<T: Toolchain> AnyToolchain for T {
    fn info(&self) -> Info {
        T::INFO
    }

    fn entry(&self) -> PluginEntry {
        plugin::entry::<T>()
    }

    fn probe(&self, machine: &Machine) -> Availability {
        Toolchain::probe(self, machine)
    }

    fn prepare(
        &self,
        settings: &serde_json::Value,
        job: &Job<'_>,
        machine: &Machine,
        bench: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError> {
        Toolchain::prepare(self, &plugin::settings::<T>(settings)?, job, machine, bench)
    }
}

/// The toolchain with this id.
pub fn find(id: &str) -> Option<&'static dyn AnyToolchain> {
    ALL.iter().copied().find(|toolchain| toolchain.info().id == id)
}

/// What tests of toolchains need.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use camino::Utf8Path;
    use deploy_model::StepId;
    use deploy_model::event::{Event, EventSink};
    use std::sync::Mutex;

    /// A compile step with nothing special.
    pub(crate) fn compile(triple: &str, toolchain: &str) -> Compile {
        Compile {
            triple: triple.parse().expect("a triple"),
            triple_with_floor: triple.to_owned(),
            toolchain: toolchain.to_owned(),
            settings: serde_json::Value::Null,
            macos: None,
            exe_suffix: String::new(),
            rustflags: Vec::new(),
            cflags: Vec::new(),
            batch: 0,
            own_sysroot: false,
        }
    }

    /// Does something with a bench whose scratch directory lies below `root`.
    pub(crate) fn with_bench<T>(root: &Utf8Path, work: impl FnOnce(&Workbench<'_>) -> T) -> T {
        with_events(root, work).0
    }

    /// As [`with_bench`], with the lines that were passed on.
    pub(crate) fn with_events<T>(
        root: &Utf8Path,
        work: impl FnOnce(&Workbench<'_>) -> T,
    ) -> (T, Vec<String>) {
        #[derive(Default)]
        struct Lines(Mutex<Vec<String>>);
        impl EventSink for Lines {
            fn event(&self, event: Event) {
                if let Event::StepOutput { line, .. } = event {
                    self.0.lock().expect("not poisoned").push(line);
                }
            }
        }
        let lines = Lines::default();
        let step = StepId::of(&["compile", "test"]);
        let scratch = root.join("scratch");
        crate::bench::files::create_directory(&scratch).expect("create");
        let bench = Workbench { step: &step, scratch, threads: 2, epoch: 1_700_000_000, events: &lines };
        let made = work(&bench);
        (made, lines.0.into_inner().expect("not poisoned"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use deploy_model::Os;
    use deploy_plan::target_table::TargetTable;

    #[test]
    fn the_table_of_targets_agrees_with_itself_and_with_the_toolchains() {
        let table = TargetTable::parse(crate::embedded::TARGETS).expect("the table is readable");
        let mut seen = BTreeSet::new();
        for row in &table.target {
            for name in [row.name.as_str(), row.triple.as_str()].into_iter().chain(row.platform.as_deref()) {
                assert!(
                    name == row.name || seen.insert(format!("{name} of {}", row.os)),
                    "{name} stands there twice"
                );
            }
            assert!(seen.insert(row.name.clone()), "{} stands there twice", row.name);
            for id in &row.toolchains {
                assert!(find(id).is_some(), "{}: there is no toolchain {id}", row.name);
            }
            let machines: Vec<&String> = row
                .parts
                .iter()
                .flat_map(|part| &table.find(part.as_str()).expect("a part has a row").machines)
                .collect();
            assert!(
                row.parts.is_empty() || machines == row.machines.iter().collect::<Vec<_>>(),
                "{}",
                row.name
            );
            assert_eq!(row.minimum_macos.is_some(), row.os == Os::Macos, "{}", row.name);
            assert_eq!(
                row.linking.as_deref() == Some("static"),
                row.libc.as_deref() == Some("musl"),
                "{}",
                row.name
            );
            assert_eq!(row.exe_suffix == ".exe", row.os == Os::Windows, "{}", row.name);
        }
    }
}
