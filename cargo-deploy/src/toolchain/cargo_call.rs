//! One call of cargo for all targets that share a toolchain and flags, so that cargo keeps every core busy.

use crate::bench::Workbench;
use crate::bench::environment::Environment;
use crate::bench::files::FileError;
use crate::bench::process::{ProcessError, Program};
use crate::probe::answer::Remembered;
use crate::probe::cargo_config::absolute_arguments;
use crate::probe::machine::Machine;
use crate::toolchain::standard_library;
use crate::toolchain::{Job, Preparation, ToolchainError};
use camino::Utf8PathBuf;
use cargo_metadata::{Artifact, Message, TargetKind};
use deploy_model::event::ProgressUnit;
use deploy_model::{FailureClass, Triple};
use deploy_plan::plan::{Compile, Plan};
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

/// A binary that cargo made or found to be fresh.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct BuiltBinary {
    /// Its name, without the target's suffix.
    pub name: String,
    /// Where it lies, below cargo's target directory. The next call of cargo may replace it.
    pub path: Utf8PathBuf,
}

/// Binaries that could not be compiled for a target.
#[derive(Debug, thiserror::Error)]
pub enum CompileError {
    /// The toolchain is not in the list of toolchains: a bug.
    #[error("find the toolchain {id}")]
    NoToolchain {
        /// Its id.
        id: String,
    },
    /// The toolchain could not be made ready.
    #[error(transparent)]
    Toolchain(Arc<ToolchainError>),
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// Cargo could not be started, or its output could not be read.
    #[error("compile for {triple}")]
    Start {
        /// The triple.
        triple: Triple,
        /// What failed.
        source: Arc<ProcessError>,
    },
    /// Cargo failed, and binaries for this triple are not there.
    #[error("compile {} for {triple}: `{command}` ended with {status}{}", .binaries.join(", "), quoted(.said))]
    Failed {
        /// The triple.
        triple: Triple,
        /// The binaries that are not there.
        binaries: Vec<String>,
        /// The command as one could paste it.
        command: String,
        /// How cargo ended.
        status: String,
        /// The compiler's errors. Cargo does not say which target they are about; where several targets failed in
        /// one call, the first of them has the errors and the others name it.
        said: Said,
    },
    /// Cargo ended well, and a binary is not there all the same.
    #[error("find {binary} for {triple}: cargo ended well without making it")]
    Absent {
        /// The triple.
        triple: Triple,
        /// The binary.
        binary: String,
    },
}

/// What cargo said when it failed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Said {
    /// These lines.
    Lines(Vec<String>),
    /// What is shown with another triple.
    With(Triple),
}

fn quoted(said: &Said) -> String {
    match said {
        Said::Lines(lines) => lines.iter().map(|line| format!("\n  {line}")).collect(),
        Said::With(triple) => format!(", as shown with {triple}"),
    }
}

impl CompileError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            CompileError::NoToolchain { .. } => FailureClass::Bug,
            CompileError::Toolchain(error) => error.class(),
            CompileError::File(_) => FailureClass::Unexpected,
            CompileError::Start { .. } => FailureClass::MissingTool,
            CompileError::Failed { .. } | CompileError::Absent { .. } => FailureClass::CargoBuild,
        }
    }
}

/// What came of a call, for each triple.
pub type Results = BTreeMap<Triple, Result<Vec<BuiltBinary>, CompileError>>;

/// Compiles the binaries of `plan` for the given triples, which share toolchain, settings and flags. What came out
/// for a triple is good even when another one failed.
pub fn run(compiles: &[&Compile], plan: &Plan, machine: &Machine, bench: &Workbench<'_>) -> Results {
    let Some(first) = compiles.first() else { return Results::new() };
    let Some(toolchain) = crate::toolchain::find(&first.toolchain) else {
        return all(compiles, |_| CompileError::NoToolchain { id: first.toolchain.clone() });
    };
    let config = absolute_arguments(&plan.cargo.config, &machine.environment);
    let profile = &plan.cargo.profile;
    let target_directory = &machine.target_directory;
    let mut results = Results::new();
    for compiles in calls_by_system(compiles) {
        let job = Job { compiles: &compiles, profile, target_directory };
        match toolchain.prepare(&first.settings, &job, machine, bench) {
            Ok(preparation) if preparation.one_target_a_call => {
                for compile in &compiles {
                    let call = Call { compiles: &[*compile], plan, machine, config: &config };
                    results.extend(call.run(&preparation, bench));
                }
            }
            Ok(preparation) => {
                let call = Call { compiles: &compiles, plan, machine, config: &config };
                results.extend(call.run(&preparation, bench));
            }
            Err(error) => {
                let error = Arc::new(error);
                results.extend(all(&compiles, |_| CompileError::Toolchain(Arc::clone(&error))));
            }
        }
    }
    results
}

fn all(compiles: &[&Compile], error: impl Fn(&Compile) -> CompileError) -> Results {
    compiles.iter().map(|compile| (compile.triple.clone(), Err(error(compile)))).collect()
}

/// Splits compiles into calls: `MACOSX_DEPLOYMENT_TARGET` holds for a whole call. Where each macOS target wants what
/// rustc takes for it anyway, the variable is not needed and one call does.
fn calls_by_system<'a>(compiles: &[&'a Compile]) -> Vec<Vec<&'a Compile>> {
    let wanted: BTreeSet<&str> = compiles.iter().filter_map(|compile| own_macos(compile)).collect();
    let mut calls: BTreeMap<Option<&str>, Vec<&Compile>> = BTreeMap::new();
    for compile in compiles {
        let version = match compile.macos.as_deref() {
            Some(version) => wanted.get(version).copied(),
            // What is not for macOS goes with the first call.
            None => wanted.first().copied(),
        };
        calls.entry(version).or_default().push(compile);
    }
    calls.into_values().collect()
}

/// The lowest macOS of a compile where it is not the one that rustc takes when told nothing.
fn own_macos(compile: &Compile) -> Option<&str> {
    // 11 and 11.0 are the same.
    let short = |version: &str| version.trim_end_matches(".0").to_owned();
    let default = default_macos(&compile.triple).map(short);
    compile.macos.as_deref().filter(|version| default != Some(short(version)))
}

/// What `rustc --print deployment-target --target <triple>` says when `MACOSX_DEPLOYMENT_TARGET` is not set.
fn default_macos(triple: &Triple) -> Option<&'static str> {
    match triple.as_str() {
        "x86_64-apple-darwin" => Some("10.12"),
        "aarch64-apple-darwin" => Some("11.0"),
        _ => None,
    }
}

/// One call of cargo.
struct Call<'a> {
    compiles: &'a [&'a Compile],
    plan: &'a Plan,
    machine: &'a Machine,
    config: &'a [String],
}

impl Call<'_> {
    fn run(&self, preparation: &Preparation, bench: &Workbench<'_>) -> Results {
        let program = self.program(preparation, bench);
        let mut built: BTreeMap<Triple, BTreeMap<String, Utf8PathBuf>> = BTreeMap::new();
        let expected = self.expected();
        let total: Option<u64> = expected.recall();
        let mut done = 0;
        let mut errors = Errors::default();
        let mut hushing = false;
        let ended = program.stream(
            |line| {
                let Ok(Message::CompilerArtifact(artifact)) = serde_json::from_str(line) else { return };
                done += 1;
                bench.progress(done, total.filter(|total| done <= *total), ProgressUnit::Crates);
                if let Some((triple, name, path)) = self.binary(artifact) {
                    built.entry(triple).or_default().insert(name, path);
                }
            },
            |line| {
                errors.line(line);
                // A diagnostic ends with an empty line.
                hushing = preparation.hushed.iter().any(|start| line.starts_with(start.as_str()))
                    || hushing && !line.trim().is_empty();
                if !hushing {
                    bench.output(line);
                }
            },
        );
        if ended.is_ok() && total != Some(done) {
            expected.keep(done, [self.machine.root.join("Cargo.lock")]);
        }
        match ended {
            Ok(()) => self.results(built, |triple, absent| CompileError::Absent {
                triple: triple.clone(),
                binary: absent.into_iter().next().unwrap_or_default(),
            }),
            Err(ProcessError::Failed { command, status, stderr }) => {
                let lines = errors.finish(stderr);
                let shown = self.first_without(&built);
                self.results(built, |triple, binaries| CompileError::Failed {
                    triple: triple.clone(),
                    binaries,
                    command: command.clone(),
                    status: status.to_string(),
                    said: match &shown {
                        Some(shown) if shown != triple => Said::With(shown.clone()),
                        _ => Said::Lines(lines.clone()),
                    },
                })
            }
            Err(source) => {
                let source = Arc::new(source);
                all(self.compiles, |compile| CompileError::Start {
                    triple: compile.triple.clone(),
                    source: Arc::clone(&source),
                })
            }
        }
    }

    /// How many artifacts cargo told of when it was last asked for the same.
    fn expected(&self) -> Remembered {
        let mut question = vec!["artifacts".to_owned(), self.machine.root.to_string()];
        question.extend(self.arguments());
        Remembered::of(&self.machine.cache, question)
    }

    /// For each triple its binaries, or what `error` makes of those that are absent.
    fn results(
        &self,
        mut built: BTreeMap<Triple, BTreeMap<String, Utf8PathBuf>>,
        error: impl Fn(&Triple, Vec<String>) -> CompileError,
    ) -> Results {
        let mut results = Results::new();
        for compile in self.compiles {
            let mut binaries = built.remove(&compile.triple).unwrap_or_default();
            let absent = self.absent(&binaries);
            let result = if absent.is_empty() {
                binaries.retain(|name, _| self.plan.binaries.iter().any(|binary| binary.name == *name));
                Ok(binaries.into_iter().map(|(name, path)| BuiltBinary { name, path }).collect())
            } else {
                Err(error(&compile.triple, absent))
            };
            results.insert(compile.triple.clone(), result);
        }
        results
    }

    fn absent(&self, binaries: &BTreeMap<String, Utf8PathBuf>) -> Vec<String> {
        let names = self.plan.binaries.iter().map(|binary| &binary.name);
        names.filter(|name| !binaries.contains_key(*name)).cloned().collect()
    }

    fn first_without(&self, built: &BTreeMap<Triple, BTreeMap<String, Utf8PathBuf>>) -> Option<Triple> {
        let nothing = BTreeMap::new();
        let without =
            |compile: &&&Compile| !self.absent(built.get(&compile.triple).unwrap_or(&nothing)).is_empty();
        self.compiles.iter().filter(without).map(|compile| compile.triple.clone()).min()
    }

    /// Triple, name and place of a binary, when the artifact is one. Cargo puts it into
    /// `<target directory>/<triple>/<profile>/`; in a container that directory may have another name.
    fn binary(&self, artifact: Artifact) -> Option<(Triple, String, Utf8PathBuf)> {
        if !artifact.target.kind.contains(&TargetKind::Bin) {
            return None;
        }
        let path = artifact.executable?;
        let profile = path.parent()?;
        let directory = profile.parent()?.file_name()?;
        let compile = self.compiles.iter().find(|compile| compile.triple.as_str() == directory)?;
        let place =
            self.machine.target_directory.join(directory).join(profile.file_name()?).join(path.file_name()?);
        Some((compile.triple.clone(), artifact.target.name, place))
    }

    fn program(&self, preparation: &Preparation, bench: &Workbench<'_>) -> Program {
        let cargo = preparation.program.as_ref().unwrap_or(&self.machine.cargo);
        let mut program = Program::new(cargo.as_str()).args(self.arguments()).directory(&self.machine.root);
        for (name, value) in self.variables(preparation, bench.epoch) {
            program = program.env(name, value);
        }
        for name in &preparation.removed {
            program = program.env_remove(name);
        }
        if self.compiles.iter().any(|compile| compile.macos.is_some())
            && self.compiles.iter().all(|compile| own_macos(compile).is_none())
        {
            program = program.env_remove("MACOSX_DEPLOYMENT_TARGET");
        }
        // CARGO_ENCODED_RUSTFLAGS holds all that was in it.
        program.env_remove("RUSTFLAGS")
    }

    fn arguments(&self) -> Vec<String> {
        let request = &self.plan.cargo;
        let mut arguments: Vec<String> =
            ["build", "--message-format", "json-render-diagnostics"].map(str::to_owned).to_vec();
        let mut pair = |flag: &str, value: &str| arguments.extend([flag.to_owned(), value.to_owned()]);
        pair("--profile", &request.profile);
        let packages: BTreeSet<&str> =
            self.plan.binaries.iter().map(|binary| binary.package.as_str()).collect();
        for package in packages {
            pair("--package", package);
        }
        let binaries: BTreeSet<&str> = self.plan.binaries.iter().map(|binary| binary.name.as_str()).collect();
        for binary in binaries {
            pair("--bin", binary);
        }
        for compile in self.compiles {
            pair("--target", compile.triple.as_str());
        }
        pair("--target-dir", self.machine.target_directory.as_str());
        if !request.features.is_empty() {
            pair("--features", &request.features.join(","));
        }
        if let Some(jobs) = request.jobs {
            pair("--jobs", &jobs.to_string());
        }
        for argument in self.config {
            pair("--config", argument);
        }
        let flags = [
            ("--all-features", request.all_features),
            ("--no-default-features", request.no_default_features),
            ("--locked", request.locked),
            ("--offline", request.offline),
            // What one target lacks, the others may have.
            ("--keep-going", self.compiles.len() > 1),
        ];
        arguments.extend(flags.into_iter().filter(|(_, wanted)| *wanted).map(|(flag, _)| flag.to_owned()));
        arguments.extend(request.arguments.iter().cloned());
        arguments
    }

    fn variables(&self, preparation: &Preparation, epoch: i64) -> BTreeMap<String, String> {
        let environment = &self.machine.environment;
        let mut variables = preparation.set.clone();
        let Some(first) = self.compiles.first() else { return variables };
        let mut flags = first.rustflags.clone();
        for compile in self.compiles {
            flags.extend(preparation.rustflags.get(&compile.triple).into_iter().flatten().cloned());
        }
        if first.own_sysroot {
            flags.push(format!("--sysroot={}", standard_library::own_sysroot(self.machine)));
            // The start files of musl come with a standard library from rust-lang.org, not with one built here.
            if first.toolchain == "zig" {
                flags.push("-Clink-self-contained=no".to_owned());
            }
        }
        variables.insert("CARGO_ENCODED_RUSTFLAGS".to_owned(), flags.join("\u{1f}"));
        // Build scripts that write a moment into the program write the one of the release.
        variables.insert("SOURCE_DATE_EPOCH".to_owned(), epoch.to_string());
        // How a crate was cut into pieces for an incremental build can be seen in the bytes.
        variables.insert("CARGO_INCREMENTAL".to_owned(), "0".to_owned());
        for compile in self.compiles {
            for name in ["CFLAGS", "CXXFLAGS"] {
                if let Some((name, value)) = c_flags(name, compile, environment, &preparation.set) {
                    variables.insert(name, value);
                }
            }
            // All that want one want the same in one call.
            if let Some(version) = own_macos(compile) {
                variables.insert("MACOSX_DEPLOYMENT_TARGET".to_owned(), version.to_owned());
            }
        }
        if self.compiles.iter().any(|compile| compile.cflags.iter().any(|flag| needs_quotes(flag))) {
            variables.insert("CC_SHELL_ESCAPED_FLAGS".to_owned(), "1".to_owned());
        }
        if !preparation.path.is_empty() {
            let old = environment.get("PATH").unwrap_or_default();
            let new = preparation.path.iter().map(|path| path.clone().into_std_path_buf());
            // A directory that holds the separator cannot stand in PATH at all.
            if let Ok(joined) = std::env::join_paths(new.chain(std::env::split_paths(old))) {
                variables.insert("PATH".to_owned(), joined.to_string_lossy().into_owned());
            }
        }
        variables
    }
}

fn needs_quotes(flag: &str) -> bool {
    flag.chars().any(|c| c.is_whitespace() || "'\"\\".contains(c))
}

/// The variable that the crate `cc` reads first for a triple, with what would have been in force (what the toolchain
/// `prepared` stands before the environment) and our flags after it. Versions of it differ: one takes the first of four variables that is set, the other joins them; a flag
/// said twice does no harm.
fn c_flags(
    name: &str,
    compile: &Compile,
    environment: &Environment,
    prepared: &BTreeMap<String, String>,
) -> Option<(String, String)> {
    if compile.cflags.is_empty() {
        return None;
    }
    let dashed = format!("{name}_{}", compile.triple);
    let underscored = format!("{name}_{}", compile.triple.as_str().replace(['-', '.'], "_"));
    let target = format!("TARGET_{name}");
    let in_force = prepared.get(&underscored).map(String::as_str).or_else(|| {
        [&dashed, &underscored, &target, &name.to_owned()].into_iter().find_map(|name| environment.get(name))
    });
    let own = compile.cflags.iter().map(|flag| {
        if needs_quotes(flag) { format!("'{}'", flag.replace('\'', r"'\''")) } else { flag.clone() }
    });
    let value = in_force.map(str::to_owned).into_iter().chain(own).collect::<Vec<_>>().join(" ");
    Some((if environment.get(&dashed).is_some() { dashed } else { underscored }, value))
}

/// Collects the errors from what cargo and the compiler say, and leaves out progress and warnings.
#[derive(Debug, Default)]
struct Errors {
    lines: Vec<String>,
    within: bool,
}

impl Errors {
    /// More than this is not read by anybody.
    const MOST: usize = 120;

    fn line(&mut self, line: &str) {
        if line.starts_with("error") {
            self.within = true;
        } else if line.starts_with("warning") {
            self.within = false;
        }
        if self.within && !is_status(line) && self.lines.len() < Self::MOST {
            self.lines.push(line.to_owned());
        }
    }

    /// The errors, or else the last lines of all.
    fn finish(mut self, last: Vec<String>) -> Vec<String> {
        while self.lines.last().is_some_and(|line| line.trim().is_empty()) {
            self.lines.pop();
        }
        if self.lines.is_empty() { last } else { self.lines }
    }
}

/// Whether a line is one of cargo's status lines: a verb that ends in the twelfth column.
fn is_status(line: &str) -> bool {
    let Some((verb, rest)) = line.split_at_checked(12) else { return false };
    let word = verb.trim_start();
    rest.starts_with(' ')
        && word.starts_with(|c: char| c.is_ascii_uppercase())
        && word.chars().all(|c| c.is_ascii_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::cargo_config::CargoConfig;
    use crate::probe::machine::testing::{directory, machine, script};
    use crate::probe::workspace::WorkspaceRequest;
    use crate::toolchain::testing;
    use deploy_plan::project::{Binary, CargoRequest};

    fn compile(triple: &str, macos: Option<&str>) -> Compile {
        Compile {
            macos: macos.map(str::to_owned),
            cflags: vec!["-ffile-prefix-map=/src=/project".to_owned()],
            ..testing::compile(triple, "native")
        }
    }

    fn plan(binaries: &[(&str, &str)]) -> Plan {
        Plan {
            schema: 1,
            name: "app".to_owned(),
            version: "1.0.0".to_owned(),
            source_date_epoch: 1_700_000_000,
            app: deploy_plan::project::App::default(),
            desktop: None,
            metainfo: None,
            windows: None,
            require: std::collections::BTreeSet::new(),
            signers: BTreeMap::new(),
            code_signers: BTreeMap::new(),
            cargo: CargoRequest { profile: "dev".to_owned(), offline: true, ..CargoRequest::default() },
            binaries: binaries
                .iter()
                .map(|(package, name)| Binary { package: (*package).to_owned(), name: (*name).to_owned() })
                .collect(),
            targets: Vec::new(),
            max_size: BTreeMap::new(),
            steps: Vec::new(),
            skipped: Vec::new(),
        }
    }

    #[test]
    fn cargo_gets_one_call_with_every_target_and_every_flag() {
        let root = directory("cargo-call");
        let machine = machine(&root, &[("CFLAGS", "-O2")]);
        let artifact = r#"{"reason":"compiler-artifact","package_id":"p","manifest_path":"/p/Cargo.toml","target":{"kind":["bin"],"crate_types":["bin"],"name":"NAME","src_path":"/p/m.rs","edition":"2024","doc":true,"doctest":false,"test":true},"profile":{"opt_level":"0","debuginfo":0,"debug_assertions":false,"overflow_checks":false,"test":false},"features":[],"filenames":[],"executable":"/elsewhere/TRIPLE/debug/NAME","fresh":true}"#;
        let lines: String = [
            ("one", "aarch64-unknown-linux-gnu"),
            ("two", "aarch64-unknown-linux-gnu"),
            ("one", "x86_64-unknown-linux-gnu"),
        ]
        .map(|(name, triple)| {
            format!("echo '{}'\n", artifact.replace("NAME", name).replace("TRIPLE", triple))
        })
        .concat();
        let seen = root.join("seen");
        script(
            &root.join("bin"),
            "cargo",
            &format!(
                "printf '%s\\n' \"$@\" > {seen}\nenv | grep -E '^(C|RUSTFLAGS|SOURCE)' | sort >> {seen}\n{lines}\necho 'error: no two' >&2\nexit 101"
            ),
        );
        let mut compiles =
            [compile("aarch64-unknown-linux-gnu", None), compile("x86_64-unknown-linux-gnu", None)];
        for compile in &mut compiles {
            compile.rustflags = vec!["-C".to_owned(), "link-arg=a b".to_owned()];
        }
        let mut plan = plan(&[("p", "one"), ("p", "two")]);
        plan.cargo.features = vec!["a".to_owned(), "b".to_owned()];
        plan.cargo.arguments = vec!["-Zx".to_owned()];
        let compiles: Vec<&Compile> = compiles.iter().collect();
        let (results, output) = testing::with_events(&root, |bench| run(&compiles, &plan, &machine, bench));
        let told: Vec<String> = results
            .iter()
            .map(|(triple, result)| match result {
                Ok(built) => {
                    let paths: Vec<&str> = built.iter().map(|binary| binary.path.as_str()).collect();
                    format!("{triple}: {}", paths.join(" "))
                }
                Err(error) => format!("{triple}: {:?} {error}", error.class()),
            })
            .collect();
        let target = root.join("project/target");
        assert_eq!(
            told[0],
            format!(
                "aarch64-unknown-linux-gnu: {target}/aarch64-unknown-linux-gnu/debug/one {target}/aarch64-unknown-linux-gnu/debug/two"
            )
        );
        assert!(
            told[1].starts_with(
                "x86_64-unknown-linux-gnu: CargoBuild compile two for x86_64-unknown-linux-gnu: `"
            ),
            "{}",
            told[1]
        );
        assert!(told[1].ends_with("ended with exit status: 101\n  error: no two"), "{}", told[1]);
        assert_eq!(output, ["error: no two"]);
        let seen = String::from_utf8(files::read(&seen).expect("the fake cargo was called")).expect("UTF-8");
        let arguments = format!(
            "build --message-format json-render-diagnostics --profile dev --package p --bin one --bin two \
             --target aarch64-unknown-linux-gnu --target x86_64-unknown-linux-gnu --target-dir {target} \
             --features a,b --offline --keep-going -Zx"
        );
        let (told_arguments, told_variables) = seen.split_at(arguments.len() + 1);
        assert_eq!(told_arguments.trim_end().replace('\n', " "), arguments);
        let flags = "-O2 -ffile-prefix-map=/src=/project";
        for expected in [
            "CARGO_ENCODED_RUSTFLAGS=-C\u{1f}link-arg=a b".to_owned(),
            "CARGO_INCREMENTAL=0".to_owned(),
            format!("CFLAGS_aarch64_unknown_linux_gnu={flags}"),
            format!("CXXFLAGS_x86_64_unknown_linux_gnu={}", "-ffile-prefix-map=/src=/project"),
            "SOURCE_DATE_EPOCH=1700000000".to_owned(),
        ] {
            assert!(told_variables.lines().any(|line| line == expected), "{expected} in\n{told_variables}");
        }
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn a_warning_that_is_wrong_with_the_toolchain_is_not_passed_on() {
        let root = directory("cargo-call-hush");
        let machine = machine(&root, &[]);
        let lines = ["Compiling", "warning: invoking x", "  = note: y", "", "warning: other", "  = note: z"];
        let lines: String = lines.map(|line| format!("echo '{line}' >&2\n")).concat();
        script(&root.join("bin"), "cargo", &lines);
        let compile = compile("aarch64-apple-darwin", None);
        let plan = plan(&[]);
        let call = Call { compiles: &[&compile], plan: &plan, machine: &machine, config: &[] };
        let hushed = BTreeSet::from(["warning: invoking".to_owned()]);
        let preparation = Preparation { hushed, ..Preparation::default() };
        let (_, output) = testing::with_events(&root, |bench| call.run(&preparation, bench));
        assert_eq!(output, ["Compiling", "", "warning: other", "  = note: z"]);
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn a_real_cargo_makes_binaries_and_says_why_it_does_not() {
        let root = directory("cargo-call-real");
        let project = root.join("project");
        for (path, text) in [
            ("Cargo.toml", "[package]\nname = 'p'\nversion = '0.1.0'\nedition = '2024'\n[workspace]\n"),
            ("src/bin/good.rs", "fn main() {}"),
            ("src/bin/bad.rs", "fn main() { let x: u8 = \"text\"; }"),
        ] {
            files::create_directory(project.join(path).parent().expect("below")).expect("create");
            files::replace(&project.join(path), text.as_bytes()).expect("write");
        }
        // The real environment but for the cache, which is the user's own.
        let real = Environment::read().expect("an environment");
        let cache = root.join("cache");
        let mut variables: Vec<(&str, &str)> = real.with_prefix("").collect();
        variables.push(("CARGO_DEPLOY_CACHE_DIR", cache.as_str()));
        let environment = Environment::of(&variables, project.as_str());
        let cargo = crate::probe::machine::cargo(&environment).expect("cargo");
        let workspace =
            crate::probe::workspace::workspace(&cargo, &environment, &WorkspaceRequest::default())
                .expect("readable");
        let mut machine =
            Machine::find(&environment, &workspace, &CargoConfig::default(), true).expect("found");
        machine.target_directory = root.join("target");
        let compile = Compile { macos: None, ..compile(machine.host.as_str(), None) };
        let call = |binaries: &[(&str, &str)]| {
            testing::with_bench(&root, |bench| run(&[&compile], &plan(binaries), &machine, bench))
                .remove(&machine.host)
                .expect("the triple that was asked for")
                .map_err(|error| error.to_string())
        };
        let built = call(&[("p", "good")]).expect("it compiles");
        assert_eq!(built[0].name, "good");
        assert!(built[0].path.is_file(), "{}", built[0].path);
        let message = call(&[("p", "bad"), ("p", "good")]).expect_err("it does not compile");
        assert!(message.starts_with(&format!("compile bad for {}: `", machine.host)), "{message}");
        assert!(message.contains("error[E0308]: mismatched types"), "{message}");
        assert!(!message.contains("Compiling p"), "{message}");
        files::remove_directory(&root).expect("clean");
    }

    fn split(compiles: &[Compile]) -> Vec<Vec<&str>> {
        let compiles: Vec<&Compile> = compiles.iter().collect();
        calls_by_system(&compiles)
            .into_iter()
            .map(|call| call.into_iter().map(|compile| compile.triple.as_str()).collect())
            .collect()
    }

    #[test]
    fn one_call_does_while_no_two_targets_want_another_lowest_macos() {
        let (linux, intel, apple) =
            ("x86_64-unknown-linux-gnu", "x86_64-apple-darwin", "aarch64-apple-darwin");
        let of = |intel_macos, apple_macos| {
            [compile(linux, None), compile(intel, intel_macos), compile(apple, apple_macos)]
        };
        assert_eq!(split(&of(None, None)), [[linux, intel, apple]]);
        assert_eq!(split(&of(Some("10.12"), Some("11.0"))), [[linux, intel, apple]]);
        assert_eq!(split(&of(Some("10.12.0"), Some("11"))), [[linux, intel, apple]]);
        assert_eq!(split(&of(Some("12.0"), Some("12.0"))), [[linux, intel, apple]]);
        assert_eq!(split(&of(Some("11.0"), Some("11.0"))), [[linux, intel, apple]]);
        assert_eq!(split(&of(Some("10.12"), Some("12.0"))), [vec![intel], vec![linux, apple]]);
        assert_eq!(split(&of(Some("10.12"), None)), [[linux, intel, apple]]);
        assert_eq!(split(&of(Some("10.15"), Some("12.0"))), [vec![linux, intel], vec![apple]]);
    }

    #[test]
    fn c_flags_extend_what_would_have_been_in_force() {
        let compile = compile("aarch64-unknown-linux-gnu", None);
        let of = |variables: &[(&str, &str)]| {
            c_flags("CFLAGS", &compile, &Environment::of(variables, "/"), &BTreeMap::new())
                .expect("there are flags")
        };
        let ours = "-ffile-prefix-map=/src=/project";
        let underscored = "CFLAGS_aarch64_unknown_linux_gnu";
        assert_eq!(of(&[]), (underscored.to_owned(), ours.to_owned()));
        assert_eq!(of(&[("CFLAGS", "-O1")]), (underscored.to_owned(), format!("-O1 {ours}")));
        assert_eq!(of(&[("CFLAGS", "-O1"), ("TARGET_CFLAGS", "-O2")]).1, format!("-O2 {ours}"));
        assert_eq!(of(&[("TARGET_CFLAGS", "-O2"), (underscored, "-O3")]).1, format!("-O3 {ours}"));
        let dashed = "CFLAGS_aarch64-unknown-linux-gnu";
        assert_eq!(of(&[(underscored, "-O3"), (dashed, "-Os")]), (dashed.to_owned(), format!("-Os {ours}")));
    }

    #[test]
    fn a_directory_with_a_blank_stays_one_flag() {
        let mut compile = compile("aarch64-unknown-linux-gnu", None);
        compile.cflags = vec!["-ffile-prefix-map=/my src=/project".to_owned()];
        let (_, value) =
            c_flags("CFLAGS", &compile, &Environment::default(), &BTreeMap::new()).expect("there are flags");
        assert_eq!(value, "'-ffile-prefix-map=/my src=/project'");
        assert!(needs_quotes(&compile.cflags[0]));
    }

    #[test]
    fn errors_are_told_without_progress_and_warnings() {
        let mut errors = Errors::default();
        for line in [
            "   Compiling a v0.1.0 (/a)",
            "warning: unused variable: `x`",
            " --> src/main.rs:1:1",
            "",
            "error[E0308]: mismatched types",
            " --> src/main.rs:2:5",
            "   Compiling b v0.1.0 (/b)",
            "  |",
            "",
            "warning: `a` (bin \"a\") generated 1 warning",
            "error: could not compile `a` (bin \"a\") due to 1 previous error",
            "",
        ] {
            errors.line(line);
        }
        assert_eq!(
            errors.finish(vec!["last".to_owned()]),
            [
                "error[E0308]: mismatched types",
                " --> src/main.rs:2:5",
                "  |",
                "",
                "error: could not compile `a` (bin \"a\") due to 1 previous error",
            ]
        );
        assert_eq!(Errors::default().finish(vec!["last".to_owned()]), ["last"]);
    }
}
