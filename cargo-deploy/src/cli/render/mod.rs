//! The only code that prints. Standard output is data; everything else goes to standard error.

mod github;
mod human;
mod json;
mod plain;
mod plan;
mod problem;

use crate::bench::environment::Environment;
use crate::cli::args::{Color, Global, MessageFormat, PlanStyle};
use crate::cli::exit::ExitCode;
use crate::engine::why::Verdict;
use anstyle::{AnsiColor, Style};
use deploy_model::event::EventSink;
use deploy_model::{FailureClass, StepId};
use deploy_plan::manifest::Report;
use deploy_plan::plan::Plan;
use std::collections::BTreeMap;
use std::io::{IsTerminal as _, Write as _};

/// The style of verbs: what was done.
const GOOD: Style = AnsiColor::Green.on_default().bold();
/// The style of warnings.
const ODD: Style = AnsiColor::Yellow.on_default().bold();
/// The style of errors.
const BAD: Style = AnsiColor::Red.on_default().bold();

/// Something that stops a command, for people to mend.
#[derive(Debug)]
pub enum Trouble {
    /// Something is wrong with the manifest, or with what it asks for.
    Problems {
        /// What kind of failure it is.
        class: FailureClass,
        /// Every problem.
        report: Box<Report>,
    },
    /// Something failed.
    Failure {
        /// What kind of failure it is.
        class: FailureClass,
        /// A sentence that completes "failed to ...".
        message: String,
    },
}

impl Trouble {
    /// A failure, with its causes.
    pub fn failure(class: FailureClass, error: &dyn std::error::Error) -> Self {
        Trouble::Failure { class, message: crate::cause::chain(error) }
    }
}

/// Where and how the tool speaks.
#[derive(Debug, Clone)]
pub struct Console {
    format: MessageFormat,
    quiet: bool,
    verbose: bool,
    bars: bool,
    width: usize,
    github: Option<github::Github>,
}

impl Console {
    /// Decides how to speak, from the command line and the environment.
    pub fn new(global: &Global, environment: &Environment) -> Self {
        let wanted = match global.color {
            Some(Color::Always) => Some("always"),
            Some(Color::Never) => Some("never"),
            Some(Color::Auto) => Some("auto"),
            None => environment.get("CARGO_TERM_COLOR"),
        };
        match wanted {
            Some("always") => anstream::ColorChoice::AlwaysAnsi.write_global(),
            Some("never") => anstream::ColorChoice::Never.write_global(),
            _ => anstream::ColorChoice::Auto.write_global(),
        }
        let terminal = std::io::stderr().is_terminal() && environment.get("TERM") != Some("dumb");
        let bars = match environment.get("CARGO_TERM_PROGRESS_WHEN") {
            Some("never") => false,
            Some("always") => true,
            _ => terminal && !environment.is_ci(),
        };
        Console {
            format: global.message_format(),
            quiet: global.quiet,
            verbose: global.verbose > 0,
            bars: bars && !global.quiet,
            width: 100,
            github: github::Github::detect(environment),
        }
    }

    /// Whether results are told to a program.
    pub fn is_json(&self) -> bool {
        self.format == MessageFormat::Json
    }

    /// Where the events of a run go.
    pub fn sink(&self) -> Box<dyn EventSink> {
        match self.format {
            MessageFormat::Json => Box::new(json::Json),
            _ if self.bars => Box::new(human::Human::new(self.verbose)),
            _ => Box::new(plain::Plain::new(self.quiet, self.verbose)),
        }
    }

    /// Data.
    pub fn data(&self, text: &str) {
        // A reader that has gone away has read what it wanted.
        let _ = anstream::stdout().write_all(text.as_bytes());
    }

    /// A value as one line of JSON.
    pub fn json(&self, value: &impl serde::Serialize) {
        // Everything we print has text keys.
        let mut line = serde_json::to_string(value).unwrap_or_default();
        line.push('\n');
        self.data(&line);
    }

    /// A value as indented JSON.
    pub fn pretty(&self, value: &impl serde::Serialize) {
        let mut text = serde_json::to_string_pretty(value).unwrap_or_default();
        text.push('\n');
        self.data(&text);
    }

    /// What was done: a verb of cargo's width and its object.
    pub fn status(&self, verb: &str, rest: &str) {
        if !self.quiet && !self.is_json() {
            status(verb, rest, GOOD);
        }
    }

    /// Something odd.
    pub fn warning(&self, message: &str) {
        if !self.quiet && !self.is_json() {
            say(&format!("{ODD}warning{ODD:#}: {message}"));
        }
    }

    /// Tells of trouble and gives the exit code for it.
    pub fn trouble(&self, trouble: &Trouble) -> ExitCode {
        match trouble {
            Trouble::Problems { class, report } => {
                match self.format {
                    MessageFormat::Json => {
                        for record in report.records() {
                            self.json(&serde_json::json!({ "reason": "problem", "problem": record }));
                        }
                    }
                    MessageFormat::Short => say_all(&problem::short(report)),
                    MessageFormat::Human => say_all(&problem::human(report, self.width)),
                }
                if let Some(github) = &self.github {
                    say_all(&github.problems(report));
                }
                ExitCode::of(*class)
            }
            Trouble::Failure { class, message } => {
                if self.is_json() {
                    self.json(
                        &serde_json::json!({ "reason": "failure", "class": class, "message": message }),
                    );
                } else {
                    say(&format!("{BAD}error{BAD:#}: failed to {message}"));
                }
                if let Some(github) = &self.github {
                    say_all(&github.failure(message));
                }
                ExitCode::of(*class)
            }
        }
    }

    /// A plan, with what would be done with each step where that was asked for.
    pub fn plan(&self, plan: &Plan, verdicts: Option<&BTreeMap<StepId, Verdict>>, style: PlanStyle) {
        if self.is_json() {
            // A plan has text keys only.
            let mut value = serde_json::to_value(plan).unwrap_or_default();
            if let (Some(verdicts), Some(object)) = (verdicts, value.as_object_mut()) {
                object.insert("verdicts".to_owned(), serde_json::to_value(verdicts).unwrap_or_default());
            }
            self.pretty(&value);
        } else {
            self.data(&match style {
                PlanStyle::Tree => plan::tree(plan, verdicts),
                PlanStyle::Mermaid => plan::mermaid(plan),
            });
        }
    }

    /// What GitHub Actions wants to know of a finished run.
    pub fn step_summary(&self, markdown: &str) {
        if let Some(github) = &self.github
            && let Err(error) = github.summarize(markdown)
        {
            self.warning(&crate::cause::chain(&error));
        }
    }
}

fn status(verb: &str, rest: &str, style: Style) {
    say(&format!("{style}{verb:>12}{style:#} {rest}"));
}

fn say(line: &str) {
    // Nobody is left to tell that standard error is gone.
    let _ = writeln!(anstream::stderr(), "{line}");
}

fn say_all(text: &str) {
    let _ = anstream::stderr().write_all(text.as_bytes());
}

/// A count with its noun: `1 file`, `2 files`.
pub fn counted(count: usize, noun: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    let noun = match noun.strip_suffix('y') {
        Some(stem) if count != 1 => format!("{stem}ie"),
        _ => noun.to_owned(),
    };
    format!("{count} {noun}{plural}")
}

/// Milliseconds for people: `0.4 s`, `75 s`.
pub fn seconds(milliseconds: u64) -> String {
    if milliseconds < 10_000 {
        format!("{}.{} s", milliseconds / 1000, milliseconds % 1000 / 100)
    } else {
        format!("{} s", milliseconds / 1000)
    }
}

/// Bytes for people: `1.4 MiB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
    let mut unit = 0;
    let mut tenths = count.saturating_mul(10);
    while tenths >= 10_240 && unit + 1 < UNITS.len() {
        tenths /= 1024;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{}.{} {}", tenths / 10, tenths % 10, UNITS[unit]) }
}

/// An error before there is a console.
pub fn complain(message: &str) {
    say(&format!("{BAD}error{BAD:#}: failed to {message}"));
}
