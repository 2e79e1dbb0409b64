//! The machine as toolchains and steps see it: the environment, the programs, cargo's and rustc's places.

use crate::bench::environment::Environment;
use crate::bench::process::{self, ProcessError, Program};
use crate::probe::answer::Remembered;
use crate::probe::cargo_config::CargoConfig;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::{FailureClass, Triple};
use deploy_plan::workspace::Workspace;
use serde::{Deserialize, Serialize};

/// This machine.
#[derive(Debug, Clone)]
pub struct Machine {
    /// The environment that the tool was started with.
    pub environment: Environment,
    /// This program's own file, for toolchains that call it back.
    pub executable: Utf8PathBuf,
    /// The cargo to call.
    pub cargo: Utf8PathBuf,
    /// rustc itself, not rustup's proxy for it.
    pub rustc: Utf8PathBuf,
    /// What `rustc -vV` prints first: `rustc 1.95.0 (59807616e 2026-04-14)`.
    pub rustc_version: String,
    /// The release part of it: `1.95.0`.
    pub rustc_release: String,
    /// The commit that rustc was built from, where it says so.
    pub rustc_commit: Option<String>,
    /// The triple that rustc compiles for when told nothing.
    pub host: Triple,
    /// rustc's directory.
    pub sysroot: Utf8PathBuf,
    /// Cargo's home directory.
    pub cargo_home: Utf8PathBuf,
    /// The cache that all projects share.
    pub cache: Utf8PathBuf,
    /// Work files of this project: `target/deploy/.work`.
    pub work: Utf8PathBuf,
    /// The workspace's root directory.
    pub root: Utf8PathBuf,
    /// Cargo's target directory.
    pub target_directory: Utf8PathBuf,
    /// Whether no network may be used.
    pub offline: bool,
}

/// A machine that lacks what every run needs.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// There is no cargo.
    #[error("find cargo: neither the variable CARGO nor PATH leads to it (get it from https://rustup.rs)")]
    NoCargo,
    /// There is no rustc.
    #[error("find rustc: neither the variable RUSTC nor PATH leads to it (get it from https://rustup.rs)")]
    NoRustc,
    /// Neither `HOME` nor what stands for it is set.
    #[error("find cargo's home directory: neither CARGO_HOME nor HOME is set")]
    NoHome,
    /// rustc does not answer.
    #[error("ask rustc for its version and directory")]
    Rustc {
        /// How it failed.
        source: ProcessError,
    },
    /// rustc's answer is not understood.
    #[error("understand what rustc says about itself: {answer:?}")]
    Answer {
        /// What it says.
        answer: String,
    },
    /// This program's own path cannot be found out.
    #[error("find out this program's own path")]
    Executable {
        /// What the system said.
        source: std::io::Error,
    },
    /// This program's own path is not UTF-8.
    #[error("use this program's own path {path:?}: it is not UTF-8")]
    ExecutableNotUnicode {
        /// The path.
        path: std::path::PathBuf,
    },
}

impl MachineError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            MachineError::NoCargo | MachineError::NoRustc | MachineError::Rustc { .. } => {
                FailureClass::MissingTool
            }
            MachineError::NoHome => FailureClass::Configuration,
            MachineError::Answer { .. }
            | MachineError::Executable { .. }
            | MachineError::ExecutableNotUnicode { .. } => FailureClass::Unexpected,
        }
    }
}

/// What rustc says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Rustc {
    path: Utf8PathBuf,
    sysroot: Utf8PathBuf,
    version: String,
    release: String,
    commit: Option<String>,
    host: Triple,
}

/// The cargo to call: the one that called us, else the one on PATH.
pub fn cargo(environment: &Environment) -> Result<Utf8PathBuf, MachineError> {
    environment
        .get("CARGO")
        .map(Utf8PathBuf::from)
        .or_else(|| process::find("cargo", environment.get_os("PATH")))
        .ok_or(MachineError::NoCargo)
}

impl Machine {
    /// Looks at this machine for a workspace. `config` is what is in force in the workspace's root.
    pub fn find(
        environment: &Environment,
        workspace: &Workspace,
        config: &CargoConfig,
        offline: bool,
    ) -> Result<Self, MachineError> {
        let cargo = cargo(environment)?;
        let cargo_home = environment.cargo_home().ok_or(MachineError::NoHome)?;
        let cache = environment.cache_directory().ok_or(MachineError::NoHome)?;
        let rustc = rustc(environment, &workspace.root, config, &cache)?;
        Ok(Machine {
            environment: environment.clone(),
            executable: executable()?,
            cargo,
            rustc: rustc.path,
            rustc_version: rustc.version,
            rustc_release: rustc.release,
            rustc_commit: rustc.commit,
            host: rustc.host,
            sysroot: rustc.sysroot,
            cargo_home,
            cache,
            work: workspace.target_directory.join("deploy").join(".work"),
            root: workspace.root.clone(),
            target_directory: workspace.target_directory.clone(),
            offline,
        })
    }

    /// The program with this name on PATH.
    pub fn program(&self, name: &str) -> Option<Utf8PathBuf> {
        process::find(name, self.environment.get_os("PATH"))
    }

    /// Where the standard library of a triple lies when it is installed.
    pub fn library_directory(&self, triple: &Triple) -> Utf8PathBuf {
        library_directory(&self.sysroot, triple)
    }

    /// The rustup that manages this rustc, when one does: only then `rustup target add` helps.
    pub fn rustup(&self) -> Option<Utf8PathBuf> {
        let home = rustup_home(&self.environment)?;
        // Both may be reached through links.
        let managed = |home: &Utf8Path| self.sysroot.starts_with(home.join("toolchains"));
        let canonical = home.canonicalize_utf8().unwrap_or_else(|_| home.clone());
        if !managed(&home) && !managed(&canonical) {
            return None;
        }
        let own = self.cargo_home.join("bin").join(format!("rustup{}", std::env::consts::EXE_SUFFIX));
        self.program("rustup").or_else(|| own.is_file().then_some(own))
    }

    /// The name that rustup has for the toolchain that this rustc belongs to.
    pub fn rustup_toolchain(&self) -> Option<&str> {
        self.sysroot.file_name()
    }

    /// The sources of the standard library, when they are installed (`rust-src`).
    pub fn library_sources(&self) -> Option<Utf8PathBuf> {
        let directory = self.sysroot.join("lib/rustlib/src/rust/library");
        directory.join("std/Cargo.toml").is_file().then_some(directory)
    }
}

/// Where the standard library of a triple lies below a sysroot.
pub fn library_directory(sysroot: &Utf8Path, triple: &Triple) -> Utf8PathBuf {
    sysroot.join("lib").join("rustlib").join(triple.as_str()).join("lib")
}

fn executable() -> Result<Utf8PathBuf, MachineError> {
    let path = std::env::current_exe().map_err(|source| MachineError::Executable { source })?;
    Utf8PathBuf::from_path_buf(path).map_err(|path| MachineError::ExecutableNotUnicode { path })
}

fn rustup_home(environment: &Environment) -> Option<Utf8PathBuf> {
    match environment.get("RUSTUP_HOME") {
        Some(path) => Some(environment.directory.join(path)),
        None => {
            let home = environment.get("HOME").or_else(|| environment.get("USERPROFILE"))?;
            Some(Utf8PathBuf::from(home).join(".rustup"))
        }
    }
}

/// Asks rustc about itself, once for as long as neither rustc nor anything that makes rustup choose another one
/// changes.
fn rustc(
    environment: &Environment,
    root: &Utf8Path,
    config: &CargoConfig,
    cache: &Utf8Path,
) -> Result<Rustc, MachineError> {
    let asked = environment
        .get("RUSTC")
        .or_else(|| environment.get("CARGO_BUILD_RUSTC"))
        .map(Utf8PathBuf::from)
        .or_else(|| config.rustc())
        .unwrap_or_else(|| Utf8PathBuf::from("rustc"));
    let asked = if asked.components().count() == 1 {
        process::find(asked.as_str(), environment.get_os("PATH")).ok_or(MachineError::NoRustc)?
    } else {
        root.join(asked)
    };
    let toolchain = environment.get("RUSTUP_TOOLCHAIN").unwrap_or_default();
    let question = ["rustc", asked.as_str(), root.as_str(), toolchain].map(str::to_owned).to_vec();
    let remembered = Remembered::of(cache, question);
    if let Some(answer) = remembered.recall() {
        return Ok(answer);
    }
    let ask = |program: &Utf8Path, argument: &[&str]| {
        Program::new(program.as_str())
            .args(argument.iter().copied())
            .directory(root)
            .run()
            .map(|output| output.text())
            .map_err(|source| MachineError::Rustc { source })
    };
    let sysroot = Utf8PathBuf::from(ask(&asked, &["--print", "sysroot"])?);
    // `rustc` on PATH may be rustup's proxy; the real one lies in the directory that it names. Where it does not
    // (a distribution's rustc behind a link), the one that was asked is real.
    let real = sysroot.join("bin").join(format!("rustc{}", std::env::consts::EXE_SUFFIX));
    let real = if real.is_file() { real } else { asked.clone() };
    let text = ask(&real, &["-vV"])?;
    let rustc = understand(&text, real.clone(), sysroot).ok_or(MachineError::Answer { answer: text })?;
    let settings = rustup_home(environment).map(|home| home.join("settings.toml"));
    let overrides = root
        .ancestors()
        .flat_map(|directory| [directory.join("rust-toolchain.toml"), directory.join("rust-toolchain")]);
    remembered.keep(&rustc, [asked, real].into_iter().chain(settings).chain(overrides));
    Ok(rustc)
}

fn understand(text: &str, path: Utf8PathBuf, sysroot: Utf8PathBuf) -> Option<Rustc> {
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name)?.strip_prefix(": "))
            .filter(|value| *value != "unknown")
    };
    Some(Rustc {
        path,
        sysroot,
        version: text.lines().next().filter(|line| line.starts_with("rustc "))?.to_owned(),
        release: field("release")?.to_owned(),
        commit: field("commit-hash").map(str::to_owned),
        host: field("host")?.parse().ok()?,
    })
}

/// What tests of other modules need.
#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use crate::bench::files;

    /// A directory of its own for a test.
    pub(crate) fn directory(name: &str) -> Utf8PathBuf {
        let base = Utf8PathBuf::try_from(std::env::temp_dir()).expect("UTF-8");
        let path = base.join(format!("cargo-deploy-{}-{name}", std::process::id()));
        files::remove_directory(&path).expect("clean");
        files::create_directory(&path).expect("create");
        path.canonicalize_utf8().expect("there")
    }

    /// A program made of shell lines. A process of its own writes the file: while this process forks for another
    /// test, a descriptor that it has open for writing would make the file busy.
    pub(crate) fn script(directory: &Utf8Path, name: &str, lines: &str) -> Utf8PathBuf {
        let path = directory.join(name);
        let text = directory.join(format!("{name}.text"));
        files::create_directory(directory).expect("create");
        files::replace(&text, format!("#!/bin/sh\n{lines}\n").as_bytes()).expect("write");
        Program::new("cp").arg(text.as_str()).arg(path.as_str()).run().expect("copy");
        files::set_executable(&path, true).expect("permissions");
        path
    }

    /// A machine of which everything lies below `directory`: programs in `bin`, the project in `project`.
    pub(crate) fn machine(directory: &Utf8Path, variables: &[(&str, &str)]) -> Machine {
        let bin = directory.join("bin");
        let mut all = vec![("PATH", bin.as_str()), ("HOME", directory.as_str())];
        all.extend(variables);
        let root = directory.join("project");
        for needed in [&bin, &root] {
            files::create_directory(needed).expect("create");
        }
        Machine {
            environment: Environment::of(&all, root.as_str()),
            executable: bin.join("cargo-deploy"),
            cargo: bin.join("cargo"),
            rustc: bin.join("rustc"),
            rustc_version: "rustc 1.95.0 (59807616e 2026-04-14)".to_owned(),
            rustc_release: "1.95.0".to_owned(),
            rustc_commit: Some("59807616e1fa".to_owned()),
            host: "x86_64-unknown-linux-gnu".parse().expect("a triple"),
            sysroot: directory.join("sysroot"),
            cargo_home: directory.join("cargo-home"),
            cache: directory.join("cache"),
            work: root.join("target/deploy/.work"),
            target_directory: root.join("target"),
            root,
            offline: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SAID: &str = "rustc 1.95.0 (59807616e 2026-04-14)\nbinary: rustc\ncommit-hash: 59807616e1fa\n\
                        commit-date: 2026-04-14\nhost: x86_64-unknown-linux-gnu\nrelease: 1.95.0\nLLVM version: 22.1.2";

    #[test]
    fn what_rustc_says_about_itself_is_understood() {
        let rustc = understand(SAID, "/r/bin/rustc".into(), "/r".into()).expect("complete");
        assert_eq!(rustc.version, "rustc 1.95.0 (59807616e 2026-04-14)");
        assert_eq!(rustc.release, "1.95.0");
        assert_eq!(rustc.commit.as_deref(), Some("59807616e1fa"));
        assert_eq!(rustc.host.as_str(), "x86_64-unknown-linux-gnu");
    }

    #[test]
    fn a_distributions_rustc_that_hides_its_commit_has_none() {
        let said = SAID.replace("commit-hash: 59807616e1fa", "commit-hash: unknown");
        assert_eq!(understand(&said, "r".into(), "/".into()).expect("complete").commit, None);
        assert_eq!(understand("clang version 19", "r".into(), "/".into()), None);
    }
}
