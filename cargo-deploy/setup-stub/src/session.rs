//! One run of this program: what was asked for, and who is told what happens.

use crate::description::Description;
use crate::failure::Failure;
use crate::options::Options;
use crate::platform::{self, Answer, Progress};
use crate::texts::{Texts, fill};
use alloc::format;
use alloc::string::String;

/// How long is waited between two looks at who still runs, in milliseconds.
const LOOK: u32 = 100;

/// One run.
pub(crate) struct Session {
    /// What was asked for.
    pub(crate) options: Options,
    /// What is shown.
    pub(crate) texts: &'static Texts,
    /// What the application is called.
    pub(crate) name: String,
    /// The window, if there is one.
    pub(crate) progress: Option<Progress>,
    log: String,
}

impl Session {
    /// A run about an application; nothing is shown yet.
    pub(crate) fn new(options: Options, description: Option<&Description>) -> Session {
        let language = options.language.clone();
        let language = language.or_else(|| description.and_then(|description| description.language.clone()));
        let language = language.unwrap_or_else(platform::language);
        let name = description.map_or_else(|| "Setup".into(), |description| description.name.clone());
        Session { options, texts: Texts::of(&language), name, progress: None, log: String::new() }
    }

    /// The title of every window.
    pub(crate) fn title(&self) -> String {
        fill(self.texts.title, &self.name)
    }

    /// Opens the window, where something is shown.
    pub(crate) fn open(&mut self, text: &str) {
        if !self.options.silent {
            self.progress = Some(Progress::open(&self.title(), &fill(text, &self.name)));
        }
    }

    /// Says in the window what is being done.
    pub(crate) fn say(&self, text: &str) {
        if let Some(progress) = &self.progress {
            progress.say(&fill(text, &self.name));
        }
    }

    /// Shows how much is done. Gives an error if somebody closed the window.
    pub(crate) fn advance(&mut self, done: u64, total: u64) -> Result<(), Failure> {
        let Some(progress) = &mut self.progress else { return Ok(()) };
        progress.show(done, total);
        if progress.is_cancelled() { Err(Failure::Cancelled) } else { Ok(()) }
    }

    /// Writes a line to the log, where one was asked for.
    pub(crate) fn log(&mut self, line: &str) {
        self.log.push_str(line);
        self.log.push_str("\r\n");
    }

    /// Writes the log down.
    pub(crate) fn write_log(&self) {
        if let Some(path) = &self.options.log
            && let Ok(path) = platform::full_path(path)
        {
            let before = platform::read_file(&path).unwrap_or_default();
            let text = self.log.clone().into_bytes();
            // Nobody could be told that nobody can be told.
            let _ = platform::write_file::<Failure>(&path, [Ok(before), Ok(text)].into_iter());
        }
    }

    /// Closes whatever runs from a folder: its windows are asked, then what still runs is ended.
    pub(crate) fn close_programs(&mut self, directory: &str, seconds: u32) -> Result<(), Failure> {
        let running = platform::processes_below(directory);
        let Some((_, first)) = running.first() else { return Ok(()) };
        self.log(&format!("running: {first}"));
        if !self.options.silent && !self.options.updated {
            let question = fill(self.texts.running, &self.name);
            if platform::ask(self.progress.as_ref(), &self.title(), &question) == Answer::No {
                return Err(Failure::Cancelled);
            }
        }
        self.say(self.texts.closing);
        for look in 0..seconds.saturating_mul(1000) / LOOK {
            let running = numbers(directory);
            if running.is_empty() {
                return Ok(());
            }
            // Again now and then: what had no window at first may have one that asks something.
            if look % 20 == 0 {
                platform::close_windows(&running);
            }
            platform::sleep(LOOK);
            if let Some(progress) = &self.progress {
                progress.pump();
            }
        }
        let running = numbers(directory);
        self.log(&format!("ended: {} processes", running.len()));
        platform::close_programs(&running);
        match platform::processes_below(directory).into_iter().next() {
            Some((_, program)) => Err(Failure::StillRunning(program)),
            None => Ok(()),
        }
    }
}

fn numbers(directory: &str) -> alloc::vec::Vec<u32> {
    platform::processes_below(directory).into_iter().map(|(process, _)| process).collect()
}
