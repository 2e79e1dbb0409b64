//! Problems of a manifest, for people: with the place in the text, or one line each.

use super::counted;
use deploy_plan::manifest::{Report, Severity};
use miette::{GraphicalReportHandler, GraphicalTheme};
use std::fmt::Write as _;

/// Every problem with its place, its help, and a count at the end.
pub(super) fn human(report: &Report, width: usize) -> String {
    let handler = GraphicalReportHandler::new_themed(theme()).with_width(width).with_links(false);
    let mut text = String::new();
    for diagnostic in report.diagnostics() {
        // Writing to a String cannot fail.
        let _ = handler.render_report(&mut text, &diagnostic);
        text.push('\n');
    }
    let count = report.problems().len();
    let _ = writeln!(text, "error: {} to mend", counted(count, "problem"));
    text
}

/// Colours are taken out again by the stream where they are not wanted; characters are not.
fn theme() -> GraphicalTheme {
    let mut theme = GraphicalTheme::unicode();
    if anstream::AutoStream::choice(&std::io::stderr()) == anstream::ColorChoice::Never {
        theme = GraphicalTheme::none();
    }
    theme
}

/// One line a problem: `Deploy.toml:4:9: error[manifest::unknown-key]: …`.
pub(super) fn short(report: &Report) -> String {
    let mut text = String::new();
    for problem in report.problems() {
        let place = problem
            .labels
            .first()
            .map(|label| format!("{}: ", report.sources().describe(&label.location)))
            .unwrap_or_default();
        let severity = match problem.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        let _ = writeln!(text, "{place}{severity}[{}]: {}", problem.code, problem.message);
    }
    text
}
