//! `--timings`: when each step of a run began and how long it took, as one HTML page.

use deploy_model::StepId;
use std::fmt::Write as _;

/// When a step ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timing {
    /// Which step.
    pub step: StepId,
    /// Milliseconds from the start of the run.
    pub begun: u64,
    /// How long it took, in milliseconds.
    pub milliseconds: u64,
    /// Whether its outputs were there already.
    pub reused: bool,
}

/// The chart as a page without any script: a row a step, in the order in which they began.
pub fn page(title: &str, timings: &[Timing]) -> String {
    let mut sorted = timings.to_vec();
    sorted.sort_by(|one, other| (one.begun, &one.step).cmp(&(other.begun, &other.step)));
    let total = sorted.iter().map(|timing| timing.begun + timing.milliseconds).max().unwrap_or(0).max(1);
    let mut rows = String::new();
    for timing in &sorted {
        let word = if timing.reused { "reused" } else { "done" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            rows,
            "<tr title=\"begun at {begun} ms\"><td>{step}</td><td class=\"number\">{milliseconds} ms</td><td>{word}</td>\
             <td class=\"lane\"><div class=\"{word}\" style=\"margin-left:{left}%;width:{width}%\"></div></td></tr>",
            begun = timing.begun,
            step = escape(timing.step.as_str()),
            milliseconds = timing.milliseconds,
            left = percent(timing.begun, total),
            width = percent(timing.milliseconds, total),
        );
    }
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\n\
         body {{ font: 14px/1.5 system-ui, sans-serif; margin: 2rem; color: #1b1f24; background: #fff; }}\n\
         table {{ border-collapse: collapse; width: 100%; }} td {{ padding: 2px 12px 2px 0; white-space: nowrap; }}\n\
         .number {{ text-align: right; font-variant-numeric: tabular-nums; }} .lane {{ width: 100%; padding: 0; }}\n\
         .lane div {{ height: 14px; min-width: 2px; border-radius: 2px; }} .lane .done {{ background: #3b82d0; }} \
         .lane .reused {{ background: #6fae73; }} tr:nth-child(odd) {{ background: #f4f6f8; }}\n\
         @media (prefers-color-scheme: dark) {{ body {{ color: #e6e6e6; background: #16181c; }} \
         tr:nth-child(odd) {{ background: #1e2126; }} }}\n\
         </style></head>\n<body>\n<h1>{title}</h1>\n<p>{count} steps in {total} ms. Blue was done, green was there already.</p>\n\
         <table>\n{rows}</table>\n</body></html>\n",
        title = escape(title),
        count = sorted.len(),
    )
}

/// A part of the whole in percent, with one digit behind the point.
fn percent(part: u64, whole: u64) -> String {
    let per_mille = part.saturating_mul(1000) / whole;
    format!("{}.{}", per_mille / 10, per_mille % 10)
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_row_in_the_order_of_its_beginning() {
        let timing = |step: &str, begun, reused| Timing {
            step: step.parse().expect("valid"),
            begun,
            milliseconds: 50,
            reused,
        };
        let page = page("a <b>", &[timing("second", 50, true), timing("first", 0, false)]);
        let first = page.find("<td>first</td><td class=\"number\">50 ms</td><td>done</td>").expect("there");
        let second =
            page.find("<td>second</td><td class=\"number\">50 ms</td><td>reused</td>").expect("there");
        assert!(first < second);
        assert!(page.contains("style=\"margin-left:50.0%;width:50.0%\""));
        assert!(page.contains("<title>a &lt;b&gt;</title>"));
    }
}
