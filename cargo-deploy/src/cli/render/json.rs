//! Events for programs: one JSON object a line on standard output.

use deploy_model::event::{Event, EventSink};
use std::io::Write as _;

/// Prints every event.
pub(super) struct Json;

impl EventSink for Json {
    fn event(&self, event: Event) {
        // Every event has text keys; a reader that has gone away has read what it wanted.
        let mut line = serde_json::to_vec(&event).unwrap_or_default();
        line.push(b'\n');
        let _ = std::io::stdout().lock().write_all(&line);
    }
}
