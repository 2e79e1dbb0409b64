//! Standard libraries: which are installed, and how a missing one is got.

use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::bench::lock::DirectoryLock;
use crate::bench::process::{ProcessError, Program};
use crate::probe::machine::{Machine, library_directory};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::{FailureClass, Sha256, Triple};
use deploy_plan::plan::{Provision, ProvisionMethod};

/// A standard library that could not be got.
#[derive(Debug, thiserror::Error)]
pub enum ProvisionError {
    /// rustup does not manage this rustc.
    #[error("get the standard library for {triple}: rustup does not manage {rustc}")]
    NoRustup {
        /// The triple.
        triple: Triple,
        /// The rustc.
        rustc: Utf8PathBuf,
    },
    /// The sources are not installed.
    #[error("build the standard library for {triple}: the component rust-src of {rustc} is not installed")]
    NoSources {
        /// The triple.
        triple: Triple,
        /// The version of rustc.
        rustc: String,
    },
    /// rustup or cargo failed.
    #[error("get the standard library for {triple}")]
    Program {
        /// The triple.
        triple: Triple,
        /// How it failed.
        source: ProcessError,
    },
    /// The program ended well, and the library is not there.
    #[error("find the standard library for {triple} in {directory}, where it was just put")]
    Absent {
        /// The triple.
        triple: Triple,
        /// Where it should be.
        directory: Utf8PathBuf,
    },
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
}

impl ProvisionError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            ProvisionError::NoRustup { .. }
            | ProvisionError::NoSources { .. }
            | ProvisionError::Program { .. } => FailureClass::MissingTool,
            ProvisionError::Absent { .. } | ProvisionError::File(_) => FailureClass::Unexpected,
        }
    }
}

/// Whether a standard library lies below a sysroot: `libstd-<hash>.rlib`.
pub fn is_installed(sysroot: &Utf8Path, triple: &Triple) -> bool {
    let Ok(entries) = library_directory(sysroot, triple).read_dir_utf8() else { return false };
    entries.flatten().any(|entry| {
        let name = entry.file_name();
        name.starts_with("libstd-") && name.ends_with(".rlib")
    })
}

/// The sysroot of ours for this rustc: standard libraries that were built here. A library fits exactly the rustc
/// that compiled it.
pub fn own_sysroot(machine: &Machine) -> Utf8PathBuf {
    let rustc =
        [&machine.rustc_version, machine.rustc_commit.as_deref().unwrap_or(""), machine.host.as_str()];
    let key = Sha256::of(rustc.join("\0").as_bytes());
    machine.cache.join("sysroots").join(format!("{}-{}", machine.rustc_release, key.short()))
}

/// Gets a standard library. Says whether it was there already.
pub fn provision(
    provision: &Provision,
    machine: &Machine,
    bench: &Workbench<'_>,
) -> Result<bool, ProvisionError> {
    let triple = &provision.triple;
    let sysroot = match provision.by {
        ProvisionMethod::Rustup => machine.sysroot.clone(),
        ProvisionMethod::BuildStd => own_sysroot(machine),
    };
    if is_installed(&sysroot, triple) {
        return Ok(true);
    }
    files::create_directory(&machine.cache)?;
    // rustup does not expect to be run twice at once; a library is built once for all projects.
    let _lock = DirectoryLock::take(&machine.cache.join("standard-library.lock"), |_| {
        bench.output("waiting for another run that gets a standard library");
    })?;
    if is_installed(&sysroot, triple) {
        return Ok(true);
    }
    match provision.by {
        ProvisionMethod::Rustup => add_by_rustup(triple, machine, bench)?,
        ProvisionMethod::BuildStd => build(triple, machine, bench)?,
    }
    if !is_installed(&sysroot, triple) {
        let directory = library_directory(&sysroot, triple);
        return Err(ProvisionError::Absent { triple: triple.clone(), directory });
    }
    Ok(false)
}

fn stream(program: &Program, triple: &Triple, bench: &Workbench<'_>) -> Result<(), ProvisionError> {
    program
        .stream(|line| bench.output(line), |line| bench.output(line))
        .map_err(|source| ProvisionError::Program { triple: triple.clone(), source })
}

fn add_by_rustup(triple: &Triple, machine: &Machine, bench: &Workbench<'_>) -> Result<(), ProvisionError> {
    let (Some(rustup), Some(toolchain)) = (machine.rustup(), machine.rustup_toolchain()) else {
        return Err(ProvisionError::NoRustup { triple: triple.clone(), rustc: machine.rustc.clone() });
    };
    let program =
        Program::new(rustup.as_str()).args(["target", "add", "--toolchain", toolchain, triple.as_str()]);
    stream(&program, triple, bench)
}

fn build(triple: &Triple, machine: &Machine, bench: &Workbench<'_>) -> Result<(), ProvisionError> {
    let sources = machine.library_sources().ok_or_else(|| ProvisionError::NoSources {
        triple: triple.clone(),
        rustc: machine.rustc_version.clone(),
    })?;
    let project = bench.file("standard-library");
    files::create_directory(&project.join("src"))?;
    let manifest = "[package]\nname = \"nothing\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n[workspace]\n";
    files::replace(&project.join("Cargo.toml"), manifest.as_bytes())?;
    files::replace(&project.join("src/lib.rs"), b"")?;
    // As the libraries from rust-lang.org do, it names the commit and not this machine's directories.
    let shown = machine.rustc_commit.as_deref().unwrap_or(&machine.rustc_release);
    let library = sources.parent().unwrap_or(&sources);
    let remaps = [
        format!("--remap-path-prefix={}=/cargo", machine.cargo_home),
        format!("--remap-path-prefix={project}=/project"),
        format!("--remap-path-prefix={library}=/rustc/{shown}"),
    ];
    let target_directory = project.join("target");
    let network: &[&str] = if machine.offline { &["--offline"] } else { &[] };
    let program = Program::new(machine.cargo.as_str())
        .args(["build", "--release", "--target", triple.as_str()])
        .arg("--target-dir")
        .arg(target_directory.as_str())
        .arg("-Zbuild-std=std,panic_abort,panic_unwind")
        .args(network.iter().copied())
        .directory(&project)
        // What -Z asks of a stable compiler is stable for exactly this compiler, and no other will see the result.
        .env("RUSTC_BOOTSTRAP", "1")
        .env("CARGO_ENCODED_RUSTFLAGS", remaps.join("\u{1f}"))
        .env("CARGO_INCREMENTAL", "0")
        .env("CARGO_PROFILE_RELEASE_DEBUG", "0")
        .env("RUSTC", machine.rustc.as_str())
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_TARGET_DIR");
    stream(&program, triple, bench)?;
    let made = target_directory.join(triple.as_str()).join("release").join("deps");
    let place = library_directory(&own_sysroot(machine), triple);
    let parent = place.parent().unwrap_or(&place);
    let staged = files::temporary_beside(&place);
    files::create_directory(parent)?;
    files::create_directory(&staged)?;
    for name in files::names(&made)? {
        if name.ends_with(".rlib") && !name.starts_with("libnothing-") {
            files::copy(&made.join(&name), &staged.join(&name))?;
        }
    }
    // Whole or not at all: a half-filled directory would pass for an installed library.
    files::remove_directory(&place)?;
    files::rename(&staged, &place)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::machine::testing::{directory, machine, script};
    use crate::toolchain::testing::with_bench;

    fn wanted(by: ProvisionMethod) -> Provision {
        Provision { triple: "wasm32-wasip1".parse().expect("a triple"), by }
    }

    #[test]
    fn rustup_adds_a_target_to_the_toolchain_of_this_rustc_once() {
        let root = directory("standard-library-rustup");
        let mut machine = machine(&root, &[]);
        machine.sysroot = root.join(".rustup/toolchains/stable-x");
        let library = library_directory(&machine.sysroot, &wanted(ProvisionMethod::Rustup).triple);
        let said = root.join("said");
        let get = || with_bench(&root, |bench| provision(&wanted(ProvisionMethod::Rustup), &machine, bench));
        let error = get().expect_err("there is no rustup");
        assert!(matches!(error, ProvisionError::NoRustup { .. }), "{error}");
        script(&root.join("bin"), "rustup", "exit 0");
        let error = get().expect_err("it does nothing");
        assert!(matches!(error, ProvisionError::Absent { .. }), "{error}");
        let lines = format!("echo $@ >> {said}; mkdir -p {library}; touch {library}/libstd-0a.rlib");
        script(&root.join("bin"), "rustup", &lines);
        assert!(!get().expect("added"), "it was not there before");
        assert!(get().expect("there"), "it is there now");
        let said = String::from_utf8(files::read(&said).expect("called")).expect("UTF-8");
        assert_eq!(said, "target add --toolchain stable-x wasm32-wasip1\n");
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn a_library_built_here_lies_whole_in_a_sysroot_of_ours() {
        let root = directory("standard-library-build");
        let machine = machine(&root, &[]);
        let get =
            || with_bench(&root, |bench| provision(&wanted(ProvisionMethod::BuildStd), &machine, bench));
        let error = get().expect_err("there are no sources");
        assert!(matches!(error, ProvisionError::NoSources { .. }), "{error}");
        let sources = root.join("sysroot/lib/rustlib/src/rust/library");
        files::create_directory(&sources.join("std")).expect("create");
        files::replace(&sources.join("std/Cargo.toml"), b"").expect("write");
        let said = root.join("said");
        script(
            &root.join("bin"),
            "cargo",
            &format!(
                "echo \"$RUSTC_BOOTSTRAP $*\" > {said}\nprintf '%s' \"$CARGO_ENCODED_RUSTFLAGS\" | tr '\\037' '\\n' >> {said}\n\
                 made=target/wasm32-wasip1/release/deps; mkdir -p $made\n\
                 touch $made/libstd-0a.rlib $made/libcore-0b.rlib $made/libcore-0b.rmeta $made/libnothing-0c.rlib"
            ),
        );
        assert!(!get().expect("built"), "it was not there before");
        let triple = wanted(ProvisionMethod::BuildStd).triple;
        let library = library_directory(&own_sysroot(&machine), &triple);
        assert_eq!(files::names(&library).expect("there"), ["libcore-0b.rlib", "libstd-0a.rlib"]);
        assert!(get().expect("there"), "it is there now");
        let project = root.join("scratch/standard-library");
        assert_eq!(
            String::from_utf8(files::read(&said).expect("called")).expect("UTF-8"),
            format!(
                "1 build --release --target wasm32-wasip1 --target-dir {project}/target \
                 -Zbuild-std=std,panic_abort,panic_unwind\n\
                 --remap-path-prefix={root}/cargo-home=/cargo\n--remap-path-prefix={project}=/project\n\
                 --remap-path-prefix={root}/sysroot/lib/rustlib/src/rust=/rustc/59807616e1fa"
            )
        );
        files::remove_directory(&root).expect("clean");
    }
}
