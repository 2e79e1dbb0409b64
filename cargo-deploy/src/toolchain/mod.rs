//! Toolchains: what turns sources into binaries for a target. One file each; the list is [`ALL`].

pub mod cargo_call;
pub mod cross;
pub mod native;
pub mod standard_library;
pub mod xwin;
pub mod zig;

pub use cargo_call::CompileError;
pub use standard_library::ProvisionError;

use crate::bench::Workbench;
use crate::plugin::{self, Info, Plugin, SettingsError};
use crate::probe::machine::Machine;
use camino::Utf8PathBuf;
use deploy_model::FailureClass;
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
    /// `--config` arguments, paths absolute.
    pub config: &'a [String],
}

impl Job<'_> {
    /// The triples, separated by commas, for messages.
    pub fn triples(&self) -> String {
        let triples: Vec<&str> = self.compiles.iter().map(|compile| compile.triple.as_str()).collect();
        triples.join(", ")
    }
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
    /// Whether the program takes one target only in a call.
    pub one_target_a_call: bool,
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
