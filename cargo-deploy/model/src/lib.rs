//! The words of cargo-deploy that cross a process boundary: ids, artifacts, events, releases.
//!
//! Nothing here reads a file, a clock or the environment, and nothing here knows a plug-in. A program that
//! wants to read `release.json` or follow `--message-format json` needs this crate and no other.
//!
//! | module | what it names |
//! |---|---|
//! | [`sha256`] | a digest, as 64 lowercase hexadecimal digits |
//! | [`rel_path`] | a path that stays below the directory it is joined to |
//! | [`format`](mod@format) | the name of a package format (`tar.gz`, `deb`) |
//! | [`target`] | triples, systems, processors, glibc versions |
//! | [`step`] | the name of one step of a plan |
//! | [`linkage`] | what a produced binary says about itself |
//! | [`listing`] | what is inside an artifact |
//! | [`artifact`] | a file we made |
//! | [`release`] | `release.json` |
//! | [`failure`] | the classes of failure |
//! | [`event`] | all that an observer may learn while a plan runs |

pub mod artifact;
pub mod event;
pub mod failure;
pub mod format;
pub mod linkage;
pub mod listing;
mod name;
pub mod rel_path;
pub mod release;
pub mod sha256;
pub mod step;
pub mod target;

pub use artifact::{Artifact, ArtifactKind};
pub use event::Event;
pub use failure::FailureClass;
pub use format::Format;
pub use linkage::Linkage;
pub use listing::{Listing, Member, MemberKind};
pub use name::InvalidName;
pub use rel_path::RelPath;
pub use release::Release;
pub use sha256::Sha256;
pub use step::StepId;
pub use target::{Arch, GlibcVersion, Os, Triple};
