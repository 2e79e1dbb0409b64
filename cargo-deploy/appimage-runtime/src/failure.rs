//! Why the runtime could not do what it was asked for.

use crate::squashfs::ImageError;
use std::fmt;
use std::io;
use std::path::PathBuf;

/// What ends the program with a message.
#[derive(Debug)]
pub(crate) enum Failure {
    /// Something with a file or directory did not work.
    Path {
        /// What was to be done, as in "open".
        action: &'static str,
        /// With which path.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
    /// Something that concerns no file did not work.
    System {
        /// What was to be done.
        action: &'static str,
        /// What the system said.
        cause: io::Error,
    },
    /// The AppImage is not one.
    Image {
        /// The AppImage.
        path: PathBuf,
        /// What is wrong with it.
        cause: ImageError,
    },
    /// Something in the AppImage cannot be read.
    Member {
        /// The AppImage.
        path: PathBuf,
        /// What in it.
        member: PathBuf,
        /// What is wrong with it.
        cause: ImageError,
    },
    /// The program at the front of the AppImage cannot be made out.
    Program {
        /// The AppImage.
        path: PathBuf,
        /// What is wrong with it.
        cause: io::Error,
    },
    /// The image has no `AppRun`, or one that is a directory.
    NoAppRun {
        /// The AppImage.
        path: PathBuf,
    },
    /// No way to mount worked.
    NoMount {
        /// Each way with the reason.
        reasons: Vec<String>,
    },
    /// Neither mounting nor unpacking worked.
    NoWay {
        /// Why nothing could be mounted.
        reasons: Vec<String>,
        /// Why nothing could be unpacked.
        cause: Box<Failure>,
    },
    /// A pattern that means nothing in the image.
    NoMatch {
        /// The pattern.
        pattern: String,
    },
    /// Arguments that make no sense.
    Usage {
        /// What is wrong.
        what: String,
    },
    /// The program has no such section.
    NoSection {
        /// The section.
        name: &'static str,
    },
}

impl Failure {
    /// A failure with a path, for `map_err`.
    pub(crate) fn path(action: &'static str, path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |cause| Self::Path { action, path, cause }
    }

    /// A failure without one, for `map_err`.
    pub(crate) fn system<E: Into<io::Error>>(action: &'static str) -> impl FnOnce(E) -> Self {
        move |cause| Self::System { action, cause: cause.into() }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path { action, path, cause } => {
                write!(out, "failed to {action} {}: {cause}", path.display())
            }
            Self::System { action, cause } => write!(out, "failed to {action}: {cause}"),
            Self::Image { path, cause } => write!(out, "{} is no sound AppImage: {cause}", path.display()),
            Self::Member { path, member, cause } => {
                write!(out, "{} is no sound AppImage: {cause} (at {})", path.display(), member.display())
            }
            Self::Program { path, cause } => {
                write!(out, "failed to find the image in {}: {cause}", path.display())
            }
            Self::NoAppRun { path } => write!(out, "{} has no file AppRun to run", path.display()),
            Self::NoMount { reasons } => write!(
                out,
                "failed to mount the AppImage: {}\n--appimage-extract unpacks it without mounting",
                reasons.join("; ")
            ),
            Self::NoWay { reasons, cause } => write!(
                out,
                "{cause}\nit was unpacked because it could not be mounted: {}",
                reasons.join("; ")
            ),
            Self::NoMatch { pattern } => write!(out, "nothing in the AppImage matches {pattern}"),
            Self::Usage { what } => write!(out, "{what}; see --appimage-help"),
            Self::NoSection { name } => write!(out, "the AppImage has no section {name}"),
        }
    }
}
