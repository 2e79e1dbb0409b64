//! Gathers the facts that the planner decides by.

use crate::probe::cargo_config::CargoConfig;
use crate::probe::epoch::{self, InvalidEpoch};
use crate::probe::machine::Machine;
use crate::probe::rustflags::{self, RustflagsError};
use crate::probe::source;
use crate::toolchain;
use deploy_model::{FailureClass, Triple};
use deploy_plan::facts::{Availability, Facts};
use std::collections::{BTreeMap, BTreeSet};

/// What is asked.
#[derive(Debug, Clone, Copy)]
pub struct Inquiry<'a> {
    /// This machine.
    pub machine: &'a Machine,
    /// Cargo's configuration in the workspace's root.
    pub config: &'a CargoConfig,
    /// The triples whose flags are wanted.
    pub triples: &'a [Triple],
}

/// Facts, and what was odd on the way to them.
#[derive(Debug, Clone)]
pub struct Gathered {
    /// The facts.
    pub facts: Facts,
    /// Sentences for people.
    pub warnings: Vec<String>,
}

/// Facts that cannot be found out.
#[derive(Debug, thiserror::Error)]
pub enum FactsError {
    /// `SOURCE_DATE_EPOCH` is no moment.
    #[error(transparent)]
    Epoch(#[from] InvalidEpoch),
    /// The flags of rustc.
    #[error(transparent)]
    Rustflags(#[from] RustflagsError),
}

impl FactsError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            FactsError::Epoch(_) => FailureClass::Configuration,
            FactsError::Rustflags(error) => error.class(),
        }
    }
}

/// Asks git, the toolchains and cargo's configuration, all at once.
pub fn gather(inquiry: &Inquiry<'_>) -> Result<Gathered, FactsError> {
    let machine = inquiry.machine;
    let git = machine.program("git");
    let (source, toolchains, rustflags) = std::thread::scope(|scope| {
        let source = scope.spawn(|| source::source(git.as_deref(), &machine.root));
        let toolchains = scope.spawn(|| toolchains(machine));
        let rustflags = flags(inquiry);
        (joined(source), joined(toolchains), rustflags)
    });
    let mut warnings = Vec::new();
    let source = source.unwrap_or_else(|error| {
        warnings.push(format!("the release will not name a commit: {}", crate::cause::chain(&error)));
        None
    });
    let committed = source.as_ref().map(|source| source.committed);
    let facts = Facts {
        host: machine.host.clone(),
        rustc: machine.rustc_version.clone(),
        rustc_commit: machine.rustc_commit.clone(),
        sysroot: machine.sysroot.clone(),
        cargo_home: machine.cargo_home.clone(),
        standard_libraries: standard_libraries(machine),
        rustup: machine.rustup().is_some(),
        rust_src: machine.library_sources().is_some(),
        toolchains,
        // Whoever knows the project opens its keys.
        signers: BTreeMap::new(),
        code_signers: BTreeMap::new(),
        rustflags: rustflags?,
        source: source.map(|source| source.revision),
        epoch: epoch::epoch(&machine.environment, committed)?,
        ci: machine.environment.is_ci(),
        offline: machine.offline,
    };
    Ok(Gathered { facts, warnings })
}

fn joined<T>(thread: std::thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

/// Whether each toolchain can be used, all asked at once.
pub fn toolchains(machine: &Machine) -> BTreeMap<String, Availability> {
    std::thread::scope(|scope| {
        let asked: Vec<_> = toolchain::ALL
            .iter()
            .map(|toolchain| (toolchain.info().id, scope.spawn(|| toolchain.probe(machine))))
            .collect();
        asked.into_iter().map(|(id, answer)| (id.to_owned(), joined(answer))).collect()
    })
}

fn flags(inquiry: &Inquiry<'_>) -> Result<BTreeMap<Triple, Vec<String>>, RustflagsError> {
    let machine = inquiry.machine;
    let mut flags = BTreeMap::new();
    for triple in inquiry.triples {
        let cfg = || rustflags::cfg(&machine.rustc, triple, &machine.cache);
        let own = rustflags::rustflags(&machine.environment, inquiry.config, triple, cfg)?;
        if !own.is_empty() {
            flags.insert(triple.clone(), own);
        }
    }
    Ok(flags)
}

/// The triples whose standard library is installed.
fn standard_libraries(machine: &Machine) -> BTreeSet<Triple> {
    let Ok(entries) = machine.sysroot.join("lib").join("rustlib").read_dir_utf8() else {
        return BTreeSet::new();
    };
    entries
        .flatten()
        .filter_map(|entry| entry.file_name().parse().ok())
        .filter(|triple| toolchain::standard_library::is_installed(&machine.sysroot, triple))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::machine::testing::{directory, machine};

    #[test]
    fn facts_are_what_lies_on_this_machine() {
        let root = directory("facts");
        let machine =
            machine(&root, &[("RUSTFLAGS", "-g"), ("CI", "true"), ("SOURCE_DATE_EPOCH", "1700000000")]);
        for (triple, file) in [
            ("wasm32-wasip1", "libstd-0a.rlib"),
            ("aarch64-apple-darwin", "libcore-0a.rlib"),
            ("src", "libstd-0a.rlib"),
        ] {
            let library = root.join("sysroot/lib/rustlib").join(triple).join("lib");
            files::create_directory(&library).expect("create");
            files::replace(&library.join(file), b"").expect("write");
        }
        let config = CargoConfig::default();
        let triples = [machine.host.clone()];
        let inquiry = Inquiry { machine: &machine, config: &config, triples: &triples };
        let gathered = gather(&inquiry).expect("gathered");
        let facts = gathered.facts;
        assert_eq!(gathered.warnings, Vec::<String>::new());
        assert_eq!(
            facts.standard_libraries.iter().map(Triple::as_str).collect::<Vec<_>>(),
            ["wasm32-wasip1"]
        );
        assert_eq!(facts.rustflags[&machine.host], ["-g"]);
        assert_eq!(
            (facts.epoch, facts.ci, facts.rustup, facts.rust_src),
            (1_700_000_000, true, false, false)
        );
        assert_eq!(facts.source, None);
        let ids: Vec<&str> = toolchain::ALL.iter().map(|toolchain| toolchain.info().id).collect();
        assert!(ids.iter().all(|id| !facts.toolchains[*id].is_ready()), "{:?}", facts.toolchains);
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn a_moment_that_is_none_is_refused() {
        let root = directory("facts-epoch");
        let machine = machine(&root, &[("SOURCE_DATE_EPOCH", "yesterday")]);
        let inquiry = Inquiry { machine: &machine, config: &CargoConfig::default(), triples: &[] };
        let error = gather(&inquiry).expect_err("no number");
        assert_eq!(error.class(), FailureClass::Configuration);
        files::remove_directory(&root).expect("clean");
    }
}
