//! `cargo deploy targets`: for every target of the table, what would compile for it here, or what is missing.

use crate::bench::environment::Environment;
use crate::cli::args::Selection;
use crate::cli::command::session::Session;
use crate::cli::exit::ExitCode;
use crate::cli::render::{Console, Trouble};
use deploy_model::{Format, Triple};
use deploy_plan::catalog::Catalog;
use deploy_plan::draw::Until;
use deploy_plan::facts::{Availability, Facts};
use deploy_plan::target_table::Target;
use serde::Serialize;

/// What this machine can do for a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct TargetReport {
    /// The target's alias.
    pub name: String,
    /// Its triple.
    pub triple: Triple,
    /// The formats that it can be packaged in.
    pub formats: Vec<Format>,
    /// Whether it can be compiled for.
    #[serde(flatten)]
    pub state: TargetState,
}

/// Whether a target can be compiled for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case", tag = "state")]
pub enum TargetState {
    /// It can.
    Ready {
        /// The toolchain that would be taken.
        toolchain: String,
        /// Where its standard library comes from.
        standard_library: StandardLibrary,
    },
    /// It cannot.
    Missing {
        /// What would have to be there, any one of these.
        lacks: Vec<Lack>,
    },
}

/// Where a standard library comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum StandardLibrary {
    /// It is installed.
    Installed,
    /// The first run fetches it by `rustup target add`.
    Fetched,
    /// The first run builds it from `rust-src`.
    Built,
    /// The toolchain's container has it.
    Contained,
}

/// Something that is not there.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Lack {
    /// The toolchain, or `standard library`.
    pub of: String,
    /// What is not there.
    pub what: String,
    /// The command or the action that mends it.
    pub mend: String,
}

/// One report for every target, in the order of the table.
pub fn targets(facts: &Facts, catalog: &Catalog) -> Vec<TargetReport> {
    let report = |row: &Target| TargetReport {
        name: row.name.clone(),
        triple: row.triple.clone(),
        formats: catalog
            .packagers
            .iter()
            .filter(|(_, packager)| packager.shape.serves(row))
            .map(|(format, _)| format.clone())
            .collect(),
        state: state(row, None, false, facts),
    };
    catalog.targets.target.iter().map(report).collect()
}

/// Whether a target can be compiled for, with the toolchain that was `asked` for or the first that can be used. A
/// glibc floor rules `native` out, which links against whatever this machine has.
pub fn state(row: &Target, asked: Option<&str>, has_floor: bool, facts: &Facts) -> TargetState {
    let native = (row.triple == facts.host && !has_floor).then_some("native");
    let candidates: Vec<&str> = match asked {
        Some(asked) => vec![asked],
        None => native.into_iter().chain(row.toolchains.iter().map(String::as_str)).collect(),
    };
    let mut lacks = Vec::new();
    for toolchain in candidates {
        match facts.toolchains.get(toolchain) {
            Some(Availability::Ready { .. }) => {
                return match standard_library(row, toolchain, facts) {
                    Ok(standard_library) => {
                        TargetState::Ready { toolchain: toolchain.to_owned(), standard_library }
                    }
                    Err(lack) => TargetState::Missing { lacks: vec![lack] },
                };
            }
            Some(Availability::Missing { what, mend }) => {
                lacks.push(Lack { of: toolchain.to_owned(), what: what.clone(), mend: mend.clone() });
            }
            None => {}
        }
    }
    TargetState::Missing { lacks }
}

/// Where the standard libraries of a target come from: of several, the one that takes longest to get.
fn standard_library(row: &Target, toolchain: &str, facts: &Facts) -> Result<StandardLibrary, Lack> {
    if toolchain == "cross" {
        return Ok(StandardLibrary::Contained);
    }
    let triples = if row.parts.is_empty() { std::slice::from_ref(&row.triple) } else { row.parts.as_slice() };
    let Some(absent) = triples.iter().find(|triple| !facts.standard_libraries.contains(*triple)) else {
        return Ok(StandardLibrary::Installed);
    };
    if facts.rustup && !facts.offline {
        Ok(StandardLibrary::Fetched)
    } else if facts.rust_src {
        Ok(StandardLibrary::Built)
    } else {
        Err(Lack {
            of: "standard library".to_owned(),
            what: format!("the standard library for {absent} is not installed"),
            mend: format!("run `rustup target add {absent}`, or install the rust-src of {}", facts.rustc),
        })
    }
}

/// The reports as a table for people.
pub fn text(reports: &[TargetReport]) -> String {
    let width =
        |of: fn(&TargetReport) -> &str| reports.iter().map(|report| of(report).len()).max().unwrap_or(0);
    let (names, triples) = (width(|report| &report.name), width(|report| report.triple.as_str()));
    let mut text = String::new();
    let mut mends: Vec<&Lack> = Vec::new();
    for report in reports {
        let said = match &report.state {
            TargetState::Ready { toolchain, standard_library } => match standard_library {
                StandardLibrary::Installed | StandardLibrary::Contained => format!("yes, by {toolchain}"),
                StandardLibrary::Fetched => {
                    format!("yes, by {toolchain}; the first run fetches its standard library")
                }
                StandardLibrary::Built => {
                    format!("yes, by {toolchain}; the first run builds its standard library")
                }
            },
            TargetState::Missing { lacks } => {
                mends.extend(lacks);
                let of: Vec<&str> = lacks.iter().map(|lack| lack.of.as_str()).collect();
                format!("no, needs {}", of.join(" or "))
            }
        };
        text.push_str(&format!("{:names$}  {:triples$}  {said}\n", report.name, report.triple));
    }
    mends.sort();
    mends.dedup();
    for lack in mends {
        text.push_str(&format!("\n{}: {}\n  {}\n", lack.of, lack.what, lack.mend));
    }
    text
}

/// Shows every target of the table.
pub fn run(selection: &Selection, environment: &Environment, console: &Console) -> Result<ExitCode, Trouble> {
    let session = Session::open(selection, &[], environment)?;
    let project = session.project()?;
    let gathered = session.facts(&project, Until::Compiled)?;
    let reports = targets(&gathered.facts, &session.catalog);
    if console.is_json() {
        console.pretty(&reports);
    } else {
        console.data(&text(&reports));
    }
    Ok(ExitCode::Done)
}

#[cfg(test)]
pub(crate) mod testing {
    use super::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// Facts of a machine with zig and without cross, xwin and rustup.
    pub(crate) fn facts() -> Facts {
        let ready =
            |version: &str| Availability::Ready { version: version.to_owned(), place: "/bin".to_owned() };
        let missing =
            |what: &str, mend: &str| Availability::Missing { what: what.to_owned(), mend: mend.to_owned() };
        let triple = |text: &str| text.parse::<Triple>().expect("a triple");
        Facts {
            host: triple("x86_64-unknown-linux-gnu"),
            rustc: "rustc 1.95.0".to_owned(),
            rustc_commit: None,
            sysroot: "/rust".into(),
            cargo_home: "/cargo".into(),
            standard_libraries: BTreeSet::from(
                ["x86_64-unknown-linux-gnu", "aarch64-apple-darwin", "wasm32-wasip1"].map(triple),
            ),
            rustup: false,
            rust_src: false,
            toolchains: BTreeMap::from([
                ("native".to_owned(), ready("rustc 1.95.0")),
                ("zig".to_owned(), ready("zig 0.15.2")),
                (
                    "cross".to_owned(),
                    missing("the program cross is not on PATH", "run `cargo install cross`"),
                ),
                ("xwin".to_owned(), missing("cargo-xwin is not on PATH", "run `cargo install cargo-xwin`")),
            ]),
            signers: BTreeMap::new(),
            code_signers: BTreeMap::new(),
            rustflags: BTreeMap::new(),
            source: None,
            epoch: 0,
            ci: false,
            offline: false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::testing::facts;
    use super::*;
    use deploy_plan::target_table::TargetTable;

    fn row(name: &str) -> Target {
        let table = TargetTable::parse(crate::embedded::TARGETS).expect("readable");
        table.find(name).expect("a row").clone()
    }

    fn ready(toolchain: &str, standard_library: StandardLibrary) -> TargetState {
        TargetState::Ready { toolchain: toolchain.to_owned(), standard_library }
    }

    #[test]
    fn the_first_toolchain_that_can_be_used_is_taken() {
        let facts = facts();
        let of = |name: &str, asked, floor| state(&row(name), asked, floor, &facts);
        assert_eq!(of("linux-x64", None, false), ready("native", StandardLibrary::Installed));
        assert_eq!(of("linux-x64", None, true), ready("zig", StandardLibrary::Installed));
        assert_eq!(of("linux-x64", Some("zig"), false), ready("zig", StandardLibrary::Installed));
        assert_eq!(of("wasi", None, false), ready("native", StandardLibrary::Installed));
        let TargetState::Missing { lacks } = of("windows-x64-msvc", None, false) else {
            panic!("xwin is missing")
        };
        assert_eq!(lacks[0].mend, "run `cargo install cargo-xwin`");
    }

    #[test]
    fn a_standard_library_is_installed_fetched_built_or_missing() {
        let mut facts = facts();
        let universal = row("macos-universal");
        let TargetState::Missing { lacks } = state(&universal, None, false, &facts) else {
            panic!("it is missing")
        };
        assert_eq!(lacks[0].what, "the standard library for x86_64-apple-darwin is not installed");
        facts.rust_src = true;
        assert_eq!(state(&universal, None, false, &facts), ready("zig", StandardLibrary::Built));
        facts.rustup = true;
        assert_eq!(state(&universal, None, false, &facts), ready("zig", StandardLibrary::Fetched));
        facts.offline = true;
        assert_eq!(state(&universal, None, false, &facts), ready("zig", StandardLibrary::Built));
    }

    #[test]
    fn people_see_what_is_missing_once_with_its_mend() {
        let facts = facts();
        let reports: Vec<TargetReport> = ["linux-x64", "windows-x64-msvc", "windows-arm64-msvc"]
            .map(|name| {
                let row = row(name);
                let state = state(&row, None, false, &facts);
                TargetReport { name: row.name, triple: row.triple, formats: Vec::new(), state }
            })
            .to_vec();
        assert_eq!(
            text(&reports),
            "linux-x64           x86_64-unknown-linux-gnu  yes, by native\n\
             windows-x64-msvc    x86_64-pc-windows-msvc    no, needs xwin\n\
             windows-arm64-msvc  aarch64-pc-windows-msvc   no, needs xwin\n\
             \n\
             xwin: cargo-xwin is not on PATH\n  run `cargo install cargo-xwin`\n"
        );
    }
}
