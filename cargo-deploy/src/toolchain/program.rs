//! Programs of ours that go into packages: compiled for the target from the sources that this program carries, with
//! the user's own rustc. The list is [`ALL`].

use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::bench::process::{ProcessError, Program};
use crate::probe::machine::Machine;
use crate::toolchain::standard_library;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_appimage_runtime::{self as appimage_runtime, Directories};
use deploy_model::{FailureClass, Sha256, Triple};
use deploy_setup_stub as setup_stub;

/// Every program of ours.
pub const ALL: &[OwnProgram] = &[
    OwnProgram {
        id: appimage_runtime::NAME,
        sources: appimage_runtime::SOURCE,
        rustflags: appimage_runtime::rustflags,
        suffix: "",
    },
    OwnProgram {
        id: setup_stub::NAME,
        sources: setup_stub::SOURCE,
        rustflags: |at| {
            let Directories { source, crates, sysroot } = *at;
            setup_stub::rustflags(&setup_stub::Directories { source, crates, sysroot })
        },
        suffix: ".exe",
    },
];

/// A program with its sources.
#[derive(Debug, Clone, Copy)]
pub struct OwnProgram {
    /// Its name, and that of its binary.
    pub id: &'static str,
    /// Its files, each with its path below the package's directory: `Cargo.toml`, `Cargo.lock`, `src/…`.
    pub sources: &'static [(&'static str, &'static str)],
    /// The flags of rustc that link it without any C compiler, and keep directories out of its bytes.
    pub rustflags: fn(&Directories<'_>) -> Vec<String>,
    /// What cargo adds to the name of its binary on the systems that it is for.
    pub suffix: &'static str,
}

impl OwnProgram {
    /// A digest of everything that it is compiled from.
    pub fn digest(&self) -> Sha256 {
        let mut hasher = deploy_model::sha256::Hasher::new();
        for (path, text) in self.sources {
            hasher.update(format!("{path}\0{}\0{text}", text.len()).as_bytes());
        }
        let nowhere = Directories { source: "", crates: &[], sysroot: "" };
        hasher.update((self.rustflags)(&nowhere).join("\0").as_bytes());
        hasher.finish()
    }
}

/// A program of ours that could not be compiled.
#[derive(Debug, thiserror::Error)]
pub enum ProgramError {
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// cargo failed.
    #[error("compile {program} for {triple}")]
    Cargo {
        /// The program.
        program: &'static str,
        /// The triple.
        triple: Triple,
        /// What cargo said.
        source: ProcessError,
    },
    /// The crates that it needs could not be vendored.
    #[error("vendor the crates that {program} is compiled from")]
    Vendor {
        /// The program.
        program: &'static str,
        /// What cargo said.
        source: ProcessError,
    },
}

impl ProgramError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            ProgramError::File(_) => FailureClass::Unexpected,
            ProgramError::Cargo { .. } => FailureClass::CargoBuild,
            ProgramError::Vendor { .. } => FailureClass::Remote,
        }
    }
}

/// The program with this id.
pub fn find(id: &str) -> Option<&'static OwnProgram> {
    ALL.iter().find(|program| program.id == id)
}

/// Where the crates that a program needs are looked for, when they are vendored.
pub fn vendored_directory(root: &Utf8Path, own: &OwnProgram) -> Utf8PathBuf {
    root.join("vendor").join(".programs").join(own.id)
}

/// Puts the crates that a program is compiled from into a directory: those of its own lock file, checked by their
/// digests. `scratch` is an empty directory for its sources.
pub fn vendor(
    own: &OwnProgram,
    directory: &Utf8Path,
    scratch: &Utf8Path,
    machine: &Machine,
) -> Result<(), ProgramError> {
    write_sources(own, scratch)?;
    let network: &[&str] = if machine.offline { &["--offline"] } else { &[] };
    let cargo = Program::new(machine.cargo.as_str())
        .args(["vendor", "--locked", "--versioned-dirs", "--quiet"])
        .args(network.iter().copied())
        .arg(directory.as_str())
        .directory(scratch);
    cargo.run().map_err(|source| ProgramError::Vendor { program: own.id, source })?;
    Ok(())
}

fn write_sources(own: &OwnProgram, directory: &Utf8Path) -> Result<(), FileError> {
    for (path, text) in own.sources {
        let file = directory.join(path);
        files::create_directory(file.parent().unwrap_or(directory))?;
        files::replace(&file, text.as_bytes())?;
    }
    Ok(())
}

/// Compiles a program for a triple and gives it in the bench's scratch directory. The same sources and rustc give the
/// same bytes, so what was compiled once on a machine serves every project there; its digest is compared on each use.
pub fn compile(
    own: &OwnProgram,
    triple: &Triple,
    machine: &Machine,
    bench: &Workbench<'_>,
) -> Result<Utf8PathBuf, ProgramError> {
    let made = bench.file(own.id);
    let rustc = [machine.rustc_version.as_str(), machine.rustc_commit.as_deref().unwrap_or_default()];
    let key = [own.digest().as_str(), triple.as_str(), rustc[0], rustc[1]].join("\0");
    let key = Sha256::of(key.as_bytes());
    let kept = machine.cache.join("programs").join(format!("{}-{}", own.id, key.short()));
    let digest = kept.with_extension("sha256");
    if let (Some(bytes), Some(expected)) = (files::read_if_exists(&kept)?, files::read_if_exists(&digest)?)
        && Sha256::of(&bytes).as_str().as_bytes() == expected.trim_ascii_end()
    {
        files::replace(&made, &bytes)?;
        return Ok(made);
    }
    files::create_directory(&machine.cache.join("programs"))?;
    // Not below the project, whose cargo configuration is not meant for this program.
    let project = files::temporary_beside(&kept);
    let built = build(own, triple, &project, machine, bench).and_then(|program| Ok(files::read(&program)?));
    files::remove_directory(&project)?;
    let bytes = built?;
    files::publish(&kept, &bytes)?;
    files::publish(&digest, format!("{}\n", Sha256::of(&bytes)).as_bytes())?;
    files::replace(&made, &bytes)?;
    Ok(made)
}

/// Compiles a program in a directory of its own.
fn build(
    own: &OwnProgram,
    triple: &Triple,
    project: &Utf8Path,
    machine: &Machine,
    bench: &Workbench<'_>,
) -> Result<Utf8PathBuf, ProgramError> {
    write_sources(own, project)?;
    let vendored = vendored_directory(&machine.root, own);
    let is_vendored = files::metadata_if_exists(&vendored)?.is_some();
    let mut network: Vec<String> = Vec::new();
    if is_vendored {
        for (key, value) in [
            ("source.crates-io.replace-with", "cargo-deploy-vendored"),
            ("source.cargo-deploy-vendored.directory", vendored.as_str()),
        ] {
            network.extend(["--config".to_owned(), format!("{key}={value:?}")]);
        }
    }
    if machine.offline {
        network.push("--offline".to_owned());
    }
    let cargo = |arguments: &[&str], flags: &[String]| {
        let program = Program::new(machine.cargo.as_str())
            .args(arguments.iter().copied())
            .args(["--locked", "--target", triple.as_str()])
            .args(network.iter().map(String::as_str))
            .directory(project)
            .env("CARGO_ENCODED_RUSTFLAGS", flags.join("\u{1f}"))
            .env("CARGO_INCREMENTAL", "0")
            .env("RUSTC", machine.rustc.as_str())
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_TARGET_DIR")
            .env_remove("CARGO_BUILD_TARGET");
        program
            .stream(|line| bench.output(line), |line| bench.output(line))
            .map_err(|source| ProgramError::Cargo { program: own.id, triple: triple.clone(), source })
    };
    cargo(&["fetch"], &[])?;
    // Where the crates lie is named after the host that served them, which must not be seen in the bytes.
    let registries = machine.cargo_home.join("registry").join("src");
    let mut crates: Vec<String> = Vec::new();
    if is_vendored {
        crates.push(vendored.to_string());
    }
    if files::metadata_if_exists(&registries)?.is_some() {
        crates.extend(files::names(&registries)?.iter().map(|name| registries.join(name).to_string()));
    }
    let crates: Vec<&str> = crates.iter().map(String::as_str).collect();
    let directories =
        Directories { source: project.as_str(), crates: &crates, sysroot: machine.sysroot.as_str() };
    let mut flags = (own.rustflags)(&directories);
    if !standard_library::is_installed(&machine.sysroot, triple) {
        flags.push(format!("--sysroot={}", standard_library::own_sysroot(machine)));
    }
    let target_directory = project.join("target");
    let threads = bench.threads.max(1).to_string();
    let directory = target_directory.as_str();
    cargo(&["build", "--release", "--target-dir", directory, "--bin", own.id, "-j", &threads], &flags)?;
    Ok(target_directory.join(triple.as_str()).join("release").join(format!("{}{}", own.id, own.suffix)))
}
