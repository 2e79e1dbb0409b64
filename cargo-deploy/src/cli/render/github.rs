//! What GitHub Actions understands: annotations on lines of files, and the summary of a step.
//! Source: "Workflow commands for GitHub Actions" in the documentation of GitHub.

use crate::bench::environment::Environment;
use crate::bench::files::{self, FileError};
use camino::Utf8PathBuf;
use deploy_plan::manifest::{Report, Severity};
use std::fmt::Write as _;

/// A job of GitHub Actions.
#[derive(Debug, Clone)]
pub(super) struct Github {
    summary: Option<Utf8PathBuf>,
}

impl Github {
    /// The job that this runs in, if it runs in one.
    pub(super) fn detect(environment: &Environment) -> Option<Self> {
        (environment.get("GITHUB_ACTIONS") == Some("true"))
            .then(|| Github { summary: environment.get("GITHUB_STEP_SUMMARY").map(Utf8PathBuf::from) })
    }

    /// An annotation for each problem.
    pub(super) fn problems(&self, report: &Report) -> String {
        let mut text = String::new();
        for (problem, record) in report.problems().iter().zip(report.records()) {
            let kind = match problem.severity {
                Severity::Error => "error",
                Severity::Warning => "warning",
            };
            let place = match (&record.file, &record.start) {
                (Some(file), Some(start)) => {
                    format!("file={},line={},col={},", property(file), start.line, start.column)
                }
                _ => String::new(),
            };
            // Writing to a String cannot fail.
            let _ = writeln!(text, "::{kind} {place}title={}::{}", problem.code, data(&problem.message));
        }
        text
    }

    /// An annotation for a failure.
    pub(super) fn failure(&self, message: &str) -> String {
        format!("::error title=cargo deploy::{}\n", data(&format!("failed to {message}")))
    }

    /// Appends to the summary of the step.
    pub(super) fn summarize(&self, markdown: &str) -> Result<(), FileError> {
        match &self.summary {
            Some(path) => files::append(path, markdown.as_bytes()),
            None => Ok(()),
        }
    }
}

fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}
