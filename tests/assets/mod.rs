//! Downloads, archives, the store of assets, the lock, and the promise of `--offline`.

mod archives;
mod download;
mod offline;
mod operations;
mod sample;

use camino::{Utf8Path, Utf8PathBuf};
use cargo_deploy::bench::{Workbench, files};
use deploy_model::event::EventSink;
use deploy_model::{Event, StepId};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU32, Ordering};

/// A directory of a test's own; gone when the test has ended.
struct Directory(Utf8PathBuf);

impl Directory {
    fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        let base = Utf8PathBuf::try_from(std::env::temp_dir()).expect("UTF-8");
        let path = base.join(format!("cargo-deploy-assets-{}-{number}", std::process::id()));
        files::remove_directory(&path).expect("clean");
        files::create_directory(&path).expect("create");
        Directory(path)
    }

    fn join(&self, name: &str) -> Utf8PathBuf {
        self.0.join(name)
    }

    /// Every file and link below the directory, sorted.
    fn listing(&self) -> Vec<String> {
        let mut found = Vec::new();
        list(&self.0, &self.0, &mut found);
        found.sort();
        found
    }
}

fn list(root: &Utf8Path, directory: &Utf8Path, found: &mut Vec<String>) {
    for name in files::names(directory).expect("list") {
        let path = directory.join(name);
        let metadata = files::metadata_if_exists(&path).expect("look").expect("there");
        if metadata.is_dir() {
            list(root, &path, found);
        } else {
            found.push(path.strip_prefix(root).expect("below").to_string());
        }
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = files::remove_directory(&self.0);
    }
}

/// Keeps every event.
#[derive(Default)]
struct Events(Mutex<Vec<Event>>);

impl EventSink for Events {
    fn event(&self, event: Event) {
        self.0.lock().expect("no panic").push(event);
    }
}

impl Events {
    /// What was told in words, in order.
    fn lines(&self) -> Vec<String> {
        let line = |event: &Event| match event {
            Event::StepOutput { line, .. } => Some(line.clone()),
            Event::Warning { message, .. } => Some(format!("warning: {message}")),
            _ => None,
        };
        self.0.lock().expect("no panic").iter().filter_map(line).collect()
    }

    /// How far the bytes were told to be, in order.
    fn progress(&self) -> Vec<(u64, Option<u64>)> {
        let progress = |event: &Event| match event {
            Event::StepProgress { done, total, .. } => Some((*done, *total)),
            _ => None,
        };
        self.0.lock().expect("no panic").iter().filter_map(progress).collect()
    }
}

/// Runs something with a workbench in a fresh scratch directory.
fn at_bench<T>(scratch: &Utf8Path, events: &dyn EventSink, work: impl FnOnce(&Workbench<'_>) -> T) -> T {
    let step = StepId::of(&["fetch", "test"]);
    let scratch = scratch.to_owned();
    files::create_directory(&scratch).expect("create");
    work(&Workbench { step: &step, scratch, threads: 1, epoch: 0, events })
}
