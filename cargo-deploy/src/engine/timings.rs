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

/// Height of one row of the chart, in pixels.
const ROW: u64 = 24;

/// The chart as a page without any script: a bar a step, in the order in which they began.
pub fn page(title: &str, timings: &[Timing]) -> String {
    let mut sorted = timings.to_vec();
    sorted.sort_by(|one, other| (one.begun, &one.step).cmp(&(other.begun, &other.step)));
    let total = sorted.iter().map(|timing| timing.begun + timing.milliseconds).max().unwrap_or(0).max(1);
    let mut bars = String::new();
    for (row, timing) in (0_u64..).zip(&sorted) {
        let y = row * ROW;
        let x = per_mille(timing.begun, total);
        let width = per_mille(timing.milliseconds, total).max(1);
        let class = if timing.reused { "reused" } else { "done" };
        let word = if timing.reused { "reused" } else { "done" };
        // Writing to a String cannot fail.
        let _ = writeln!(
            bars,
            "<g><title>{step}: {word} in {ms} ms, begun at {begun} ms</title>\
             <rect class=\"{class}\" x=\"{x}\" y=\"{bar}\" width=\"{width}\" height=\"{height}\"/>\
             <text x=\"{x}\" y=\"{text}\">{step} {ms} ms</text></g>",
            step = escape(timing.step.as_str()),
            ms = timing.milliseconds,
            begun = timing.begun,
            bar = y + 2,
            height = ROW - 4,
            text = y + 16,
        );
    }
    let height = ROW * sorted.len() as u64;
    format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>{title}</title>\n<style>\n\
         body {{ font: 14px system-ui, sans-serif; margin: 2rem; color: #1b1f24; background: #fff; }}\n\
         svg {{ width: 100%; overflow: visible; font: 12px ui-monospace, monospace; }}\n\
         .done {{ fill: #9cc5f8; }} .reused {{ fill: #cfe8cf; }}\n\
         @media (prefers-color-scheme: dark) {{ body {{ color: #e6e6e6; background: #16181c; }} text {{ fill: #e6e6e6; }} \
         .done {{ fill: #2b5c94; }} .reused {{ fill: #2f5c37; }} }}\n\
         </style></head>\n<body>\n<h1>{title}</h1>\n<p>{count} steps, {total} ms in all. Blue was done, green was there already.</p>\n\
         <svg viewBox=\"0 0 1000 {height}\" height=\"{height}\" preserveAspectRatio=\"none\">\n{bars}</svg>\n</body></html>\n",
        title = escape(title),
        count = sorted.len(),
    )
}

fn per_mille(part: u64, whole: u64) -> u64 {
    part.saturating_mul(1000) / whole
}

fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_has_a_bar_in_the_order_of_its_beginning() {
        let timing = |step: &str, begun, reused| Timing {
            step: step.parse().expect("valid"),
            begun,
            milliseconds: 50,
            reused,
        };
        let page = page("a <b>", &[timing("second", 50, true), timing("first", 0, false)]);
        let first = page.find("first: done in 50 ms, begun at 0 ms").expect("there");
        let second = page.find("second: reused in 50 ms, begun at 50 ms").expect("there");
        assert!(first < second);
        assert!(page.contains("<title>a &lt;b&gt;</title>"));
    }
}
