//! `cargo deploy doctor`: what this project needs of this machine, and for each miss the command that mends it.

use crate::bench::environment::Environment;
use crate::cli::args::Selection;
use crate::cli::command::session::Session;
use crate::cli::command::targets::{self, StandardLibrary, TargetState};
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use crate::probe::cargo_lock;
use camino::Utf8Path;
use deploy_model::{Os, Triple};
use deploy_plan::catalog::Catalog;
use deploy_plan::draw::Until;
use deploy_plan::facts::{Availability, Facts};
use deploy_plan::project::Project;
use deploy_plan::target_table::Target;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// Something that the project needs, or can use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Check {
    /// What: `zig`, `standard library for aarch64-apple-darwin`.
    pub name: String,
    /// What for: names of targets, or a few words.
    pub needed_for: Vec<String>,
    /// How it stands.
    #[serde(flatten)]
    pub health: Health,
}

/// How something that is needed stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "health")]
pub enum Health {
    /// It is there.
    Good {
        /// Version and place.
        found: String,
    },
    /// It is not there, and the first run gets it.
    Automatic {
        /// How.
        how: String,
    },
    /// The release can be made without it, and may lack something.
    Advice {
        /// What.
        what: String,
        /// The command or the action that mends it.
        mend: String,
    },
    /// It is not there, and the release cannot be made.
    Missing {
        /// What is not there.
        what: String,
        /// The command or the action that mends it.
        mend: String,
    },
}

/// What is known beside the facts.
#[derive(Debug, Clone, Default)]
pub struct Surroundings {
    /// Whether `SDKROOT` leads to a macOS SDK.
    pub macos_sdk: bool,
    /// The names of the packages in `Cargo.lock`.
    pub locked_packages: BTreeSet<String>,
    /// The triples that programs of ours are compiled for, with the formats that hold them.
    pub programs: BTreeMap<Triple, BTreeSet<String>>,
    /// Each signer that is to sign with the key that it found, or with what is in its way and what mends it.
    pub keys: BTreeMap<String, Result<String, (String, String)>>,
}

/// Crates that link one of Apple's frameworks, which zig does not have.
const FRAMEWORKS: &[&str] = &[
    "cocoa",
    "core-foundation-sys",
    "core-graphics",
    "coreaudio-sys",
    "fsevent-sys",
    "io-kit-sys",
    "metal",
    "objc2-app-kit",
    "objc2-core-foundation",
    "objc2-foundation",
    "security-framework-sys",
    "system-configuration-sys",
];

/// Looks at everything that `project` needs, the missing first.
pub fn doctor(project: &Project, facts: &Facts, surroundings: &Surroundings) -> Vec<Check> {
    let mut checks = vec![Check {
        name: "rustc".to_owned(),
        needed_for: vec!["compiling".to_owned()],
        health: Health::Good { found: format!("{} ({})", facts.rustc, facts.sysroot) },
    }];
    checks.push(linker(facts));
    checks.extend(toolchains(project, facts));
    checks.extend(standard_libraries(project, facts));
    checks.extend(macos(project, facts, surroundings));
    checks.extend(programs(project, facts, surroundings));
    checks.extend(keys(surroundings));
    checks.push(source(facts));
    checks.sort_by_key(|check| match check.health {
        Health::Missing { .. } => 0,
        Health::Advice { .. } => 1,
        Health::Automatic { .. } => 2,
        Health::Good { .. } => 3,
    });
    checks
}

/// Whether something is missing without which the release cannot be made.
pub fn is_ill(checks: &[Check]) -> bool {
    checks.iter().any(|check| matches!(check.health, Health::Missing { .. }))
}

fn linker(facts: &Facts) -> Check {
    let health = match facts.toolchains.get("native") {
        Some(Availability::Ready { place, .. }) => Health::Good { found: place.clone() },
        Some(Availability::Missing { what, mend }) => {
            Health::Missing { what: what.clone(), mend: mend.clone() }
        }
        None => {
            Health::Missing { what: "nothing links here".to_owned(), mend: "install a C compiler".to_owned() }
        }
    };
    Check {
        name: "C compiler".to_owned(),
        needed_for: vec!["build scripts and procedural macros".to_owned()],
        health,
    }
}

/// The toolchain that each target would be compiled with; where none can be used, every one that could be mended.
fn toolchains(project: &Project, facts: &Facts) -> Vec<Check> {
    let mut found: BTreeMap<String, (Vec<String>, Health)> = BTreeMap::new();
    for target in &project.targets {
        let row = &target.target;
        let asked = target.toolchain.as_deref();
        let mut add = |name: &str, health: Health| {
            found.entry(name.to_owned()).or_insert_with(|| (Vec::new(), health)).0.push(row.name.clone());
        };
        match targets::state(row, asked, target.glibc.is_some(), facts) {
            TargetState::Ready { toolchain, .. } => {
                if let Some(Availability::Ready { version, place }) = facts.toolchains.get(&toolchain) {
                    add(&toolchain, Health::Good { found: format!("{version} ({place})") });
                }
            }
            TargetState::Missing { lacks } => {
                // One of them would do: they are one miss with several mends.
                let what: Vec<&str> = lacks.iter().map(|lack| lack.what.as_str()).collect();
                let mend: Vec<&str> = lacks.iter().map(|lack| lack.mend.as_str()).collect();
                let of: Vec<&str> = lacks.iter().map(|lack| lack.of.as_str()).collect();
                // A missing standard library has a check of its own.
                if of != ["standard library"] {
                    add(
                        &of.join(" or "),
                        Health::Missing { what: what.join("; "), mend: mend.join(", or ") },
                    );
                }
            }
        }
    }
    found.into_iter().map(|(name, (needed_for, health))| Check { name, needed_for, health }).collect()
}

fn standard_libraries(project: &Project, facts: &Facts) -> Vec<Check> {
    let mut found: BTreeMap<String, (Vec<String>, Health)> = BTreeMap::new();
    for target in &project.targets {
        let row = &target.target;
        let triples =
            if row.parts.is_empty() { std::slice::from_ref(&row.triple) } else { row.parts.as_slice() };
        for triple in triples.iter().filter(|triple| !facts.standard_libraries.contains(*triple)) {
            let mut part = row.clone();
            part.triple = triple.clone();
            part.parts = Vec::new();
            let asked = target.toolchain.as_deref();
            let health = match targets::state(&part, asked, target.glibc.is_some(), facts) {
                TargetState::Ready { standard_library: StandardLibrary::Fetched, .. } => {
                    Health::Automatic { how: format!("the first run calls `rustup target add {triple}`") }
                }
                TargetState::Ready { standard_library: StandardLibrary::Built, .. } => Health::Automatic {
                    how: "the first run builds it from rust-src, which takes minutes".to_owned(),
                },
                TargetState::Ready { .. } => continue,
                TargetState::Missing { lacks } => {
                    match lacks.into_iter().find(|lack| lack.of == "standard library") {
                        Some(lack) => Health::Missing { what: lack.what, mend: lack.mend },
                        // Without a toolchain it is too early to ask.
                        None => continue,
                    }
                }
            };
            let entry =
                found.entry(format!("standard library for {triple}")).or_insert_with(|| (Vec::new(), health));
            entry.0.push(row.name.clone());
        }
    }
    found.into_iter().map(|(name, (needed_for, health))| Check { name, needed_for, health }).collect()
}

/// zig knows macOS's C library and nothing else of it.
fn macos(project: &Project, facts: &Facts, surroundings: &Surroundings) -> Option<Check> {
    let needed_for: Vec<String> = project
        .targets
        .iter()
        .filter(|target| target.target.os == Os::Macos)
        .filter(|target| {
            let state = targets::state(&target.target, target.toolchain.as_deref(), false, facts);
            matches!(state, TargetState::Ready { toolchain, .. } if toolchain == "zig")
        })
        .map(|target| target.target.name.clone())
        .collect();
    let users: Vec<&str> =
        FRAMEWORKS.iter().copied().filter(|name| surroundings.locked_packages.contains(*name)).collect();
    if needed_for.is_empty() || users.is_empty() {
        return None;
    }
    let health = if surroundings.macos_sdk {
        Health::Good { found: "SDKROOT".to_owned() }
    } else {
        Health::Advice {
            what: format!(
                "Cargo.lock has {}, which may link Apple's frameworks, and zig has none of them",
                users.join(", ")
            ),
            mend: "set SDKROOT to the MacOSX.sdk of an Xcode".to_owned(),
        }
    };
    Some(Check { name: "macOS SDK".to_owned(), needed_for, health })
}

/// Programs of ours are static, so they may need a standard library that no target does.
fn programs(project: &Project, facts: &Facts, surroundings: &Surroundings) -> Vec<Check> {
    let is_target = |triple: &Triple| project.targets.iter().any(|target| target.target.triple == *triple);
    let lacking = surroundings
        .programs
        .iter()
        .filter(|(triple, _)| !facts.standard_libraries.contains(*triple) && !is_target(triple));
    let check = |(triple, formats): (&Triple, &BTreeSet<String>)| Check {
        name: format!("standard library for {triple}"),
        needed_for: formats.iter().cloned().collect(),
        health: if facts.rustup && !facts.offline {
            Health::Automatic { how: format!("the first run calls `rustup target add {triple}`") }
        } else if facts.rust_src {
            Health::Automatic { how: "the first run builds it from rust-src, which takes minutes".to_owned() }
        } else {
            Health::Missing {
                what: "it is not installed".to_owned(),
                mend: format!("run `rustup target add {triple}`"),
            }
        },
    };
    lacking.map(check).collect()
}

/// The keys of the signers that are to sign.
fn keys(surroundings: &Surroundings) -> Vec<Check> {
    let check = |(signer, key): (&String, &Result<String, (String, String)>)| Check {
        name: format!("key of {signer}"),
        needed_for: vec!["signatures".to_owned()],
        health: match key {
            Ok(key) => Health::Good { found: key.clone() },
            Err((what, mend)) => Health::Missing { what: what.clone(), mend: mend.clone() },
        },
    };
    surroundings.keys.iter().map(check).collect()
}

fn source(facts: &Facts) -> Check {
    let health = match &facts.source {
        Some(source) if source.dirty => Health::Advice {
            what: format!(
                "tracked files differ from commit {}, and the release will say so",
                source.revision
            ),
            mend: "run `git commit` before you release".to_owned(),
        },
        Some(source) => Health::Good { found: format!("commit {}", source.revision) },
        None => Health::Advice {
            what: "the workspace is not under git, so the release names no commit".to_owned(),
            mend: "run `git init` and `git commit`, or set SOURCE_DATE_EPOCH to date what is made".to_owned(),
        },
    };
    Check { name: "git".to_owned(), needed_for: vec!["commit and date of the release".to_owned()], health }
}

/// The triples that programs of ours are compiled for.
fn static_triples(project: &Project, catalog: &Catalog) -> BTreeMap<Triple, BTreeSet<String>> {
    let mut found: BTreeMap<Triple, BTreeSet<String>> = BTreeMap::new();
    for target in &project.targets {
        for format in &target.formats {
            let holds_one = catalog.packagers.get(format).is_some_and(|one| one.shape.program.is_some());
            let Target { os, arch, .. } = &target.target;
            if holds_one && let Some(row) = catalog.targets.of_own_programs(*os, *arch) {
                found.entry(row.triple.clone()).or_default().insert(format.to_string());
            }
        }
    }
    found
}

/// The checks for people.
pub fn text(checks: &[Check]) -> String {
    let mut text = String::new();
    for check in checks {
        let needed_for = check.needed_for.join(", ");
        let (word, rest) = match &check.health {
            Health::Good { found } => ("ok", format!("{found}\n")),
            Health::Automatic { how } => ("ok", format!("{how}\n")),
            Health::Advice { what, mend } => ("note", format!("{what}\n           {mend}\n")),
            Health::Missing { what, mend } => ("MISSING", format!("{what}\n           {mend}\n")),
        };
        text.push_str(&format!("{word:>7}  {} (for {needed_for})\n           {rest}", check.name));
    }
    text
}

/// Looks, and says what to do.
pub fn run(selection: &Selection, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(selection, &[], environment)?;
    let project = session.project()?;
    let gathered = session.facts(&project, Until::Compiled)?;
    for warning in &gathered.warnings {
        console.warning(warning);
    }
    let surroundings = Surroundings {
        macos_sdk: environment.get("SDKROOT").is_some_and(|path| Utf8Path::new(path).is_dir()),
        locked_packages: cargo_lock::locked_packages(&session.workspace.root),
        programs: static_triples(&project, &session.catalog),
        keys: session
            .keys(&project, gathered.facts.epoch)
            .into_iter()
            .map(|(signer, key)| (signer, key.map(|planned| planned.key)))
            .chain(
                session
                    .code_keys(&project, gathered.facts.epoch)
                    .into_iter()
                    .map(|(signer, key)| (signer, key.map(|(_, found)| found))),
            )
            .map(|(signer, key)| (signer, key.map_err(|finding| (finding.message, finding.help))))
            .collect(),
    };
    let checks = doctor(&project, &gathered.facts, &surroundings);
    if console.is_json() {
        console.pretty(&checks);
    } else {
        console.data(&text(&checks));
    }
    Ok(if is_ill(&checks) { ExitCode::MissingTool } else { ExitCode::Done })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::command::targets::testing::facts;
    use deploy_model::release::SourceRevision;
    use deploy_plan::project::{App, CargoRequest, Level, ProjectTarget};
    use deploy_plan::target_table::TargetTable;
    use deploy_plan::windows_app::WindowsApp;

    fn project(targets: &[&str]) -> Project {
        let table = TargetTable::parse(crate::embedded::TARGETS).expect("readable");
        let target = |name: &&str| ProjectTarget {
            target: table.find(name).expect("a row").clone(),
            glibc: None,
            macos: None,
            toolchain: None,
            formats: Vec::new(),
            formats_by_default: false,
            path: None,
        };
        Project {
            app: App {
                name: "app".to_owned(),
                title: "App".to_owned(),
                version: "1.0.0".to_owned(),
                ..App::default()
            },
            root: "/project".into(),
            target_directory: "/project/target".into(),
            cargo: CargoRequest::default(),
            binaries: Vec::new(),
            targets: targets.iter().map(target).collect(),
            files: Vec::new(),
            assets: Vec::new(),
            level: Level::default(),
            packages: BTreeMap::new(),
            named_files: BTreeMap::new(),
            desktop: None,
            metainfo: None,
            signers: BTreeMap::new(),
            windows: WindowsApp::default(),
            require: BTreeSet::new(),
            repositories: BTreeMap::new(),
            toolchains: BTreeMap::new(),
            max_size: BTreeMap::new(),
            skipped: Vec::new(),
        }
    }

    fn clean() -> Facts {
        let mut facts = facts();
        facts.source = Some(SourceRevision { revision: "abc".to_owned(), dirty: false });
        facts
    }

    #[test]
    fn a_healthy_machine_is_asked_only_for_what_the_project_needs() {
        let checks = doctor(&project(&["linux-x64", "macos-arm64"]), &clean(), &Surroundings::default());
        assert!(!is_ill(&checks));
        assert_eq!(
            text(&checks),
            "     ok  rustc (for compiling)\n           rustc 1.95.0 (/rust)\n     \
                 ok  C compiler (for build scripts and procedural macros)\n           /bin\n     \
                 ok  native (for linux-x64)\n           rustc 1.95.0 (/bin)\n     \
                 ok  zig (for macos-arm64)\n           zig 0.15.2 (/bin)\n     \
                 ok  git (for commit and date of the release)\n           commit abc\n"
        );
    }

    #[test]
    fn what_is_missing_comes_first_with_its_mend() {
        let checks = doctor(&project(&["linux-x64", "windows-x64-msvc"]), &clean(), &Surroundings::default());
        assert!(is_ill(&checks));
        assert_eq!(checks[0].name, "xwin");
        assert_eq!(checks[0].needed_for, ["windows-x64-msvc"]);
        assert_eq!(
            checks[0].health,
            Health::Missing {
                what: "cargo-xwin is not on PATH".to_owned(),
                mend: "run `cargo install cargo-xwin`".to_owned()
            }
        );
    }

    #[test]
    fn a_missing_standard_library_is_said_once_for_every_target_that_needs_it() {
        let mut facts = clean();
        let names = ["macos-x64", "macos-universal"];
        let find = |facts: &Facts| {
            let checks = doctor(&project(&names), facts, &Surroundings::default());
            checks
                .into_iter()
                .find(|check| check.name == "standard library for x86_64-apple-darwin")
                .expect("there")
        };
        assert_eq!(find(&facts).needed_for, names);
        assert!(matches!(find(&facts).health, Health::Missing { .. }));
        facts.rustup = true;
        assert_eq!(
            find(&facts).health,
            Health::Automatic {
                how: "the first run calls `rustup target add x86_64-apple-darwin`".to_owned()
            }
        );
    }

    #[test]
    fn programs_that_use_apples_frameworks_want_an_sdk() {
        let mut surroundings = Surroundings::default();
        let project = project(&["macos-arm64"]);
        let health = |surroundings: &Surroundings| {
            let checks = doctor(&project, &clean(), surroundings);
            checks.into_iter().find(|check| check.name == "macOS SDK").map(|check| check.health)
        };
        assert_eq!(health(&surroundings), None);
        surroundings.locked_packages.insert("security-framework-sys".to_owned());
        assert!(matches!(health(&surroundings), Some(Health::Advice { .. })));
        surroundings.macos_sdk = true;
        assert_eq!(health(&surroundings), Some(Health::Good { found: "SDKROOT".to_owned() }));
    }
}
