//! Why something was not done, and the exit code that says so.

use crate::platform::Error;
use crate::texts::{self, Texts, fill};
use alloc::string::{String, ToString as _};
use core::fmt;

/// Why something was not done.
#[derive(Debug)]
pub(crate) enum Failure {
    /// An argument that is none.
    Usage(String),
    /// Somebody closed the window, or declined.
    Cancelled,
    /// The setup.exe is not what it was.
    Damaged(String),
    /// A newer version is installed.
    Newer(String),
    /// The application, or something else of its folder, does not end.
    StillRunning(String),
    /// Another installation runs.
    Busy,
    /// There are no administrator's rights, and none are to be had.
    NoRights,
    /// This program, run again with an administrator's rights, ended with this code, and has said why.
    Elevated(u32),
    /// So many bytes do not fit.
    NoSpace(u64),
    /// The system said no.
    System {
        /// What was to be done.
        what: String,
        /// What it said.
        error: Error,
    },
}

impl Failure {
    /// The exit code.
    pub(crate) fn code(&self) -> u32 {
        match self {
            Failure::System { .. } => 1,
            Failure::Elevated(code) => *code,
            Failure::Usage(_) => 2,
            Failure::Cancelled => 3,
            Failure::Damaged(_) => 4,
            Failure::Newer(_) => 5,
            Failure::StillRunning(_) => 6,
            Failure::Busy => 7,
            Failure::NoRights => 8,
            Failure::NoSpace(_) => 9,
        }
    }

    /// What people are told; `None` for what they did themselves.
    pub(crate) fn text(&self, texts: &Texts) -> Option<String> {
        match self {
            Failure::Cancelled | Failure::Elevated(_) => None,
            Failure::Usage(_) => Some(alloc::format!("{self}\n\n{}", texts::HELP)),
            Failure::Damaged(_) => Some(texts.damaged.into()),
            Failure::Newer(version) => Some(fill(texts.newer, version)),
            Failure::Busy => Some(texts.busy.into()),
            Failure::NoSpace(bytes) => Some(fill(texts.no_space, &texts::size(*bytes))),
            Failure::StillRunning(_) | Failure::NoRights | Failure::System { .. } => {
                Some(fill(texts.failed, &self.to_string()))
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Failure::Usage(word) => write!(f, "unknown argument: {word}"),
            Failure::Cancelled => write!(f, "cancelled"),
            Failure::Damaged(what) => write!(f, "damaged: {what}"),
            Failure::Newer(version) => write!(f, "version {version} is installed, which is newer"),
            Failure::StillRunning(program) => write!(f, "{program} does not end"),
            Failure::Busy => write!(f, "another installation is running"),
            Failure::NoRights => write!(f, "an administrator's rights are needed"),
            Failure::Elevated(code) => write!(f, "the elevated setup ended with the exit code {code}"),
            Failure::NoSpace(bytes) => write!(f, "not enough space for {bytes} bytes"),
            Failure::System { what, error } => write!(f, "{what}: {error}"),
        }
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Failure {
        Failure::System { what: "write".into(), error }
    }
}

/// Says what was to be done when the system said no.
pub(crate) trait Doing<T> {
    /// `what` completes "failed to …".
    fn doing(self, what: &str, of: &str) -> Result<T, Failure>;
}

impl<T> Doing<T> for Result<T, Error> {
    fn doing(self, what: &str, of: &str) -> Result<T, Failure> {
        self.map_err(|error| Failure::System { what: alloc::format!("{what} {of}"), error })
    }
}
