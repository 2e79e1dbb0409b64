//! zig as C compiler and linker: one program with the C library of every system in it.
//!
//! The crate `cargo-zigbuild` knows which variables make cargo use zig, and filters what rustc and C build scripts
//! pass on. It is made for a program of its own: it changes the process's environment, it starts zig several times
//! for each target, and the scripts that it writes call back `<this program> zig cc -- ...`. So this program answers
//! to that ([`serve`]), asks the crate in a child process of its own (`zig-environment`), and remembers the answer.

use crate::bench::Workbench;
use crate::bench::environment::Environment;
use crate::bench::process::Program;
use crate::plugin::{Info, NoSettings, Plugin};
use crate::probe::answer::Remembered;
use crate::probe::machine::Machine;
use crate::toolchain::{Job, Preparation, Toolchain, ToolchainError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_plan::facts::Availability;
use deploy_plan::plan::Compile;
use serde::{Deserialize, Serialize};
use std::ffi::OsString;
use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

/// See the module.
#[derive(Debug, Clone, Copy)]
pub struct Zig;

/// The oldest zig that is accepted: older ones need other arguments for macOS, Windows and ARM.
const MINIMUM: semver::Version = semver::Version::new(0, 12, 0);

/// The word that asks this program for the environment of a target. Not for people.
const ENVIRONMENT_VERB: &str = "zig-environment";

/// Variables that have a part in the crate's answer; those that begin with these words.
const DECIDING: &[&str] = &[
    "AR_",
    "BINDGEN_EXTRA_CLANG_ARGS",
    "CARGO_TARGET_",
    "CARGO_ZIGBUILD_",
    "CC_",
    "CMAKE_",
    "CXX_",
    "MACOSX_DEPLOYMENT_TARGET",
    "MSYSTEM",
    "OHOS_NDK_HOME",
    "PKG_CONFIG_SYSROOT_DIR",
    "RANLIB_",
    "SDKROOT",
    "TARGET_CMAKE_",
];

impl Plugin for Zig {
    type Settings = NoSettings;
    const INFO: Info = Info {
        id: "zig",
        summary: "zig as C compiler and linker, with the C library of every system",
        revision: 1,
    };
}

/// A zig on this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Found {
    program: Utf8PathBuf,
    version: semver::Version,
    place: String,
}

impl Toolchain for Zig {
    fn probe(&self, machine: &Machine) -> Availability {
        match find(machine) {
            Ok(found) => {
                Availability::Ready { version: format!("zig {}", found.version), place: found.place }
            }
            Err((what, mend)) => Availability::Missing { what, mend },
        }
    }

    fn prepare(
        &self,
        _: &NoSettings,
        job: &Job<'_>,
        machine: &Machine,
        bench: &Workbench<'_>,
    ) -> Result<Preparation, ToolchainError> {
        let zig =
            find(machine).map_err(|(what, mend)| ToolchainError::Gone { toolchain: "zig", what, mend })?;
        let answers: Vec<Result<Preparation, ToolchainError>> = std::thread::scope(|scope| {
            let asked: Vec<_> = job
                .compiles
                .iter()
                .map(|compile| scope.spawn(|| environment(&zig, compile, job, machine, bench)))
                .collect();
            asked
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
                .collect()
        });
        let mut preparation = Preparation::default();
        for answer in answers {
            preparation.add(answer?);
        }
        // One variable cannot answer for several targets; each has one of its own beside it.
        if job.compiles.len() > 1 {
            preparation.set.remove("CARGO_ZIGBUILD_TARGET");
        }
        // rustc looks for Apple's SDK before it links. What needs it fails to link, and says what it lacks.
        preparation.hushed.insert("warning: invoking `\"xcrun\"".to_owned());
        preparation.set.insert("CARGO_ZIGBUILD_CACHE_DIR".to_owned(), machine.cache.to_string());
        Ok(preparation)
    }
}

/// The zig to use, or what is missing and how to mend it: the one on PATH, else the one in the Python package.
fn find(machine: &Machine) -> Result<Found, (String, String)> {
    let mend = || "run `pip install ziglang`, or get it from https://ziglang.org/download".to_owned();
    let (program, place) = match machine.program("zig") {
        Some(path) => (path.clone(), path.into_string()),
        None => {
            let absent = "zig is neither on PATH nor in the Python package ziglang".to_owned();
            let python = machine.program("python3").ok_or_else(|| (absent.clone(), mend()))?;
            (in_python(&python).ok_or_else(|| (absent, mend()))?, "python3 -m ziglang".to_owned())
        }
    };
    let remembered = Remembered::of(&machine.cache, vec!["zig".to_owned(), program.to_string()]);
    let said = match remembered.recall::<String>() {
        Some(said) => said,
        None => {
            let ask = Program::new(program.as_str()).arg("version");
            let said =
                ask.run().map_err(|error| (format!("zig does not say its version: {error}"), mend()))?.text();
            remembered.keep(&said, [program.clone()]);
            said
        }
    };
    let version = semver::Version::parse(&said)
        .map_err(|_| (format!("{program} says that its version is {said:?}, which is none"), mend()))?;
    if (version.major, version.minor) < (MINIMUM.major, MINIMUM.minor) {
        return Err((format!("zig {version} is too old, {MINIMUM} is needed at least"), mend()));
    }
    Ok(Found { program, version, place })
}

/// The program itself in the Python package, so that Python need not start for every file that is compiled.
fn in_python(python: &Utf8Path) -> Option<Utf8PathBuf> {
    let script = "import importlib.util as u; s = u.find_spec('ziglang'); \
                  print(s.submodule_search_locations[0] if s else '')";
    let said = Program::new(python.as_str()).args(["-c", script]).run().ok()?.text();
    let program = Utf8PathBuf::from(said).join(format!("zig{}", std::env::consts::EXE_SUFFIX));
    (program.is_absolute() && program.is_file()).then_some(program)
}

/// What is asked of the child process.
#[derive(Debug, Clone, Serialize, Deserialize)]
struct Request {
    target: String,
    macos: Option<String>,
    profile: String,
    target_directory: Utf8PathBuf,
}

/// The variables that make cargo use `zig` for one triple.
fn environment(
    zig: &Found,
    compile: &Compile,
    job: &Job<'_>,
    machine: &Machine,
    bench: &Workbench<'_>,
) -> Result<Preparation, ToolchainError> {
    let request = Request {
        target: compile.triple_with_floor.clone(),
        macos: compile.macos.clone(),
        profile: job.profile.to_owned(),
        target_directory: job.target_directory.to_owned(),
    };
    let broken = |answer: &str| ToolchainError::Answer {
        toolchain: "zig",
        answer: answer.chars().take(200).collect(),
    };
    let request = serde_json::to_string(&request).map_err(|error| broken(&error.to_string()))?;
    let flags = compile.rustflags.join("\u{1f}");
    let mut question = vec![
        ENVIRONMENT_VERB.to_owned(),
        env!("CARGO_PKG_VERSION").to_owned(),
        machine.executable.to_string(),
        zig.program.to_string(),
        zig.version.to_string(),
        machine.rustc_version.clone(),
        machine.host.to_string(),
        machine.cache.to_string(),
        request.clone(),
        flags.clone(),
    ];
    for prefix in DECIDING {
        let set = machine.environment.with_prefix(prefix);
        question.extend(set.map(|(name, value)| format!("{name}={value}")));
    }
    if compile.triple.as_str().contains("windows") {
        // Whether it needs zig's dlltool depends on what else is on PATH.
        question.push(machine.environment.get("PATH").unwrap_or_default().to_owned());
    }
    let remembered = Remembered::of(&machine.cache, question);
    if let Some(preparation) = remembered.recall() {
        return Ok(preparation);
    }
    bench.output(&format!(
        "zig has not compiled for {} here yet: its first link there builds the C library, which takes a minute or two",
        compile.triple_with_floor
    ));
    let output = Program::new(machine.executable.as_str())
        .args([ENVIRONMENT_VERB, &request])
        .directory(&machine.root)
        .env("CARGO_ENCODED_RUSTFLAGS", flags)
        .env("CARGO_ZIGBUILD_CACHE_DIR", machine.cache.as_str())
        .env("CARGO_ZIGBUILD_ZIG_COMMAND", zig.program.as_str())
        .env("CARGO_ZIGBUILD_ZIG_VERSION", zig.version.to_string())
        .env_remove("CARGO_ZIGBUILD_ZIG_COMMAND_ARGS")
        .env("RUSTC", machine.rustc.as_str())
        .run()
        .map_err(|source| ToolchainError::Ask {
            toolchain: "zig",
            triples: compile.triple_with_floor.clone(),
            source,
        })?;
    let text = output.text();
    let preparation: Preparation = serde_json::from_str(&text).map_err(|_| broken(&text))?;
    let scripts =
        preparation.set.values().map(Utf8PathBuf::from).filter(|path| path.is_absolute() && path.is_file());
    let depends: Vec<Utf8PathBuf> =
        [machine.executable.clone(), zig.program.clone()].into_iter().chain(scripts).collect();
    remembered.keep(&preparation, depends);
    Ok(preparation)
}

/// Answers for the scripts and links that the crate makes, and for [`Toolchain::prepare`]'s child process, when
/// `arguments` (the program's own name first) ask for that; `None` when they are meant for people.
pub fn serve(arguments: &[OsString]) -> Option<ExitCode> {
    let name = Path::new(arguments.first()?).file_stem()?.to_string_lossy().into_owned();
    let rest = |skipped: usize| -> Vec<String> {
        arguments.iter().skip(skipped).map(|argument| argument.to_string_lossy().into_owned()).collect()
    };
    let wrapped = |skipped: usize| -> Vec<String> {
        let mut rest = rest(skipped);
        if rest.first().is_some_and(|first| first == "--") {
            rest.remove(0);
        }
        rest
    };
    let tool = match name.as_str() {
        "ar" => cargo_zigbuild::Zig::Ar { args: rest(1) },
        "lib" => cargo_zigbuild::Zig::Lib { args: rest(1) },
        "install_name_tool" => {
            return Some(finish(cargo_zigbuild::macos::install_name_tool::execute(rest(1))));
        }
        name if name.ends_with("dlltool") => cargo_zigbuild::Zig::Dlltool { args: rest(1) },
        _ => match arguments.get(1)?.to_str()? {
            ENVIRONMENT_VERB => return Some(finish(answer(&rest(2)))),
            "zig" => match arguments.get(2)?.to_str()? {
                "cc" => cargo_zigbuild::Zig::Cc { args: wrapped(3) },
                "c++" => cargo_zigbuild::Zig::Cxx { args: wrapped(3) },
                "ar" => cargo_zigbuild::Zig::Ar { args: wrapped(3) },
                "ranlib" => cargo_zigbuild::Zig::Ranlib { args: wrapped(3) },
                "lib" => cargo_zigbuild::Zig::Lib { args: wrapped(3) },
                "dlltool" => cargo_zigbuild::Zig::Dlltool { args: wrapped(3) },
                _ => return None,
            },
            _ => return None,
        },
    };
    Some(finish(tool.execute()))
}

fn finish<E: std::fmt::Debug>(result: Result<(), E>) -> ExitCode {
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Whoever called reads this; nobody is left to tell when it cannot be written.
            let _ = writeln!(std::io::stderr(), "error: {error:?}");
            ExitCode::FAILURE
        }
    }
}

/// What the child process does: lets the crate set up one target and writes down the changes.
fn answer(arguments: &[String]) -> Result<(), Box<dyn std::error::Error>> {
    let [request] = arguments else { return Err("one argument is expected".into()) };
    let request: Request = serde_json::from_str(request)?;
    let before = Environment::read()?;
    let cargo = cargo_options::Build {
        common: cargo_options::CommonOptions {
            target: vec![request.target],
            target_dir: Some(request.target_directory.into_std_path_buf()),
            profile: Some(request.profile),
            ..cargo_options::CommonOptions::default()
        },
        ..cargo_options::Build::default()
    };
    let build = cargo_zigbuild::Build {
        cargo,
        disable_zig_linker: false,
        enable_zig_ar: true,
        macosx_deployment_target: request.macos,
    };
    let command = build.build_command()?;
    let mut preparation = Preparation::default();
    for (name, value) in command.get_envs() {
        let name = name.to_str().ok_or("a variable's name is not UTF-8")?.to_owned();
        match value {
            None => {
                preparation.removed.insert(name);
            }
            Some(value) if name == "PATH" => preparation.path = prepended(value, before.get_os("PATH"))?,
            Some(value) => {
                let value = value.to_str().ok_or("a variable's value is not UTF-8")?;
                preparation.set.insert(name, value.to_owned());
            }
        }
    }
    // What it wants bindgen to see it puts into its own environment.
    let after = Environment::read()?;
    for (name, value) in after.with_prefix("BINDGEN_EXTRA_CLANG_ARGS") {
        if before.get_os(name) != after.get_os(name) {
            preparation.set.insert(name.to_owned(), value.to_owned());
        }
    }
    // One call of cargo can have several targets with several lowest systems: whoever makes it sets this.
    preparation.set.remove("MACOSX_DEPLOYMENT_TARGET");
    serde_json::to_writer(std::io::stdout(), &preparation)?;
    Ok(())
}

/// The directories that stand in `path` in front of those in `before`.
fn prepended(
    path: &std::ffi::OsStr,
    before: Option<&std::ffi::OsStr>,
) -> Result<Vec<Utf8PathBuf>, &'static str> {
    let old = before.map_or(0, |before| std::env::split_paths(before).count());
    let all: Vec<std::path::PathBuf> = std::env::split_paths(path).collect();
    all.into_iter()
        .rev()
        .skip(old)
        .rev()
        .map(|path| Utf8PathBuf::from_path_buf(path).map_err(|_| "a directory of PATH is not UTF-8"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::machine::testing::{directory, machine, script};
    use crate::toolchain::testing::{compile, with_bench, with_events};

    #[test]
    fn zig_is_taken_from_path_else_from_python() {
        let root = directory("zig-find");
        let machine = machine(&root, &[]);
        let bin = root.join("bin");
        let probe = || Toolchain::probe(&Zig, &machine);
        let Availability::Missing { what, .. } = probe() else { panic!("there is no zig") };
        assert_eq!(what, "zig is neither on PATH nor in the Python package ziglang");
        let package = root.join("ziglang");
        script(&bin, "python3", &format!("echo {package}"));
        assert!(!probe().is_ready(), "the package is not there");
        script(&package, "zig", "echo 0.15.2");
        let version = "zig 0.15.2".to_owned();
        assert_eq!(probe(), Availability::Ready { version, place: "python3 -m ziglang".to_owned() });
        let own = script(&bin, "zig", "echo 0.16.0-dev.1+abc");
        let version = "zig 0.16.0-dev.1+abc".to_owned();
        assert_eq!(probe(), Availability::Ready { version, place: own.into_string() });
        script(&bin, "zig", "echo 0.11.0");
        let Availability::Missing { what, .. } = probe() else { panic!("it is too old") };
        assert_eq!(what, "zig 0.11.0 is too old, 0.12.0 is needed at least");
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn each_target_is_asked_for_once_and_again_when_zig_changes() {
        let root = directory("zig-prepare");
        let machine = machine(&root, &[]);
        let bin = root.join("bin");
        script(&bin, "zig", "echo 0.15.2");
        let asked = root.join("asked");
        script(
            &bin,
            "cargo-deploy",
            &format!(
                r#"echo "$2" >> {asked}
                target=$(echo "$2" | cut -d'"' -f4)
                echo '{{"set":{{"CARGO_ZIGBUILD_TARGET":"t","CC_'$target'":"'$CARGO_ZIGBUILD_ZIG_COMMAND'"}},"path":["/w"],"removed":["CARGO"],"one-target-a-call":false}}'"#
            ),
        );
        let mut compiles =
            [compile("x86_64-unknown-linux-gnu", "zig"), compile("aarch64-apple-darwin", "zig")];
        compiles[0].triple_with_floor = "x86_64-unknown-linux-gnu.2.17".to_owned();
        compiles[1].macos = Some("12.0".to_owned());
        let both: Vec<&Compile> = compiles.iter().collect();
        let prepare = |compiles: &[&Compile]| {
            let job = Job { compiles, profile: "release", target_directory: &root };
            with_events(&root, |bench| {
                Toolchain::prepare(&Zig, &NoSettings {}, &job, &machine, bench).expect("prepared")
            })
        };
        let requests =
            || String::from_utf8(files::read(&asked).expect("asked")).expect("UTF-8").lines().count();
        let (preparation, lines) = prepare(&both);
        let zig = bin.join("zig").into_string();
        let set: Vec<(&str, &str)> =
            preparation.set.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(
            set,
            [
                ("CARGO_ZIGBUILD_CACHE_DIR", machine.cache.as_str()),
                ("CC_aarch64-apple-darwin", zig.as_str()),
                ("CC_x86_64-unknown-linux-gnu.2.17", zig.as_str()),
            ]
        );
        assert_eq!(preparation.path, ["/w"]);
        assert!(preparation.removed.contains("CARGO"));
        assert_eq!(
            (requests(), lines.len()),
            (2, 2),
            "each is asked for, and people are told that it takes long"
        );
        assert_eq!(prepare(&both), (preparation, Vec::new()));
        assert_eq!(prepare(&both[1..]).0.set["CARGO_ZIGBUILD_TARGET"], "t");
        assert_eq!(requests(), 2, "the answers are remembered");
        script(&bin, "zig", "echo 0.15.3");
        prepare(&both);
        assert_eq!(requests(), 4, "another zig is asked again");
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn a_zig_that_went_away_is_told_with_its_mend() {
        let root = directory("zig-gone");
        let machine = machine(&root, &[]);
        let compile = compile("aarch64-apple-darwin", "zig");
        let job = Job { compiles: &[&compile], profile: "release", target_directory: &root };
        let error =
            with_bench(&root, |bench| Toolchain::prepare(&Zig, &NoSettings {}, &job, &machine, bench))
                .expect_err("there is no zig");
        assert_eq!(
            error.to_string(),
            "use zig: zig is neither on PATH nor in the Python package ziglang (to mend it, run `pip install ziglang`, \
             or get it from https://ziglang.org/download)"
        );
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn only_words_that_are_not_for_people_are_served() {
        let of = |words: &[&str]| serve(&words.iter().map(OsString::from).collect::<Vec<_>>()).is_some();
        assert!(!of(&["cargo-deploy"]));
        assert!(!of(&["cargo-deploy", "bundle"]));
        assert!(!of(&["cargo-deploy", "deploy", "zig"]));
        assert!(!of(&["cargo-deploy", "zig"]));
        assert!(!of(&["cargo-deploy", "zig", "fly"]));
    }

    #[test]
    fn directories_in_front_of_path_are_told_from_those_behind() {
        let path = |directories: &[&str]| std::env::join_paths(directories).expect("no separator in them");
        let old = path(&["/a", "/b"]);
        assert_eq!(prepended(&path(&["/w", "/a", "/b"]), Some(&old)), Ok(vec!["/w".into()]));
        assert_eq!(prepended(&old, Some(&old)), Ok(Vec::new()));
        assert_eq!(prepended(&path(&["/w"]), None), Ok(vec!["/w".into()]));
    }
}
