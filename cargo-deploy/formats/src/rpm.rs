//! RPM packages (format version 4): their writer, reader, signatures, and what ELF files mean for their dependencies.
//!
//! A package is a lead of 96 bytes that nobody reads any more, a signature header, a header, and the payload: a compressed
//! [`cpio`] archive (rpm's manual, "RPM V4 Package format"). Both headers are tables of tagged values. Tables, tags and
//! flags are those of the crate `rpm`; the payload is ours, because the crate builds it in memory and compresses it with one
//! thread (docs/design/rpm-payload.md).
//!
//! The header holds the digests of the payload that follows it. So [`write`](fn@write) writes a header of the right length first,
//! then the payload as it comes, and at last the real header in its place. Nothing is held but what is being compressed.
//!
//! Everything belongs to root:root, all times are the source date, and files are sorted, so the same content gives the same
//! bytes.

#[cfg(test)]
mod clients;
mod cpio;
mod dependency;
pub mod elf;
mod header;
mod label;
mod reader;
mod signature;
mod writer;

use std::fmt;
use std::io;

use ::rpm::{DependencyFlags, IndexTag};
use thiserror::Error;

pub use dependency::{Comparison, Dependency, DependencyError, DependencyProblem};
pub use label::{check_name, check_version, version};
pub use reader::{Entry, Reader};
pub use signature::{SignatureInfo, sign, unsign};
pub use writer::{Options, complete, write};

use crate::compression::Compression;
use crate::member::PathProblem;

/// Why a package cannot be written, read or signed.
#[derive(Debug, Error)]
pub enum RpmError {
    /// A name, a version or another word of the package.
    #[error("write the package: its {field} `{value}` {problem}")]
    Label {
        /// Which.
        field: &'static str,
        /// As it was given.
        value: String,
        /// What is wrong with it: a verb with its object.
        problem: String,
    },
    /// The path of a file.
    #[error("add `{path}` to the package: {problem}")]
    Path {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// What else rpm cannot have in a list of files.
    #[error("add `{path}` to the package: {problem}")]
    File {
        /// Its path.
        path: String,
        /// What is wrong: a clause.
        problem: &'static str,
    },
    /// A file has another size than was said.
    #[error("add `{path}` to the package: it should have {expected} bytes and has {found}")]
    Size {
        /// The path of the file.
        path: String,
        /// As it was given.
        expected: u64,
        /// How much there was to read; one more than expected where there was more.
        found: u64,
    },
    /// The content of a file cannot be read, or the caller did not like it.
    #[error("read the content of `{path}`")]
    Content {
        /// The path of the file.
        path: String,
        /// Of the reader.
        source: io::Error,
    },
    /// The package cannot be written.
    #[error("write the package")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
    /// The crate that makes the headers has an objection.
    #[error("write the header of the package: {problem}")]
    Build {
        /// Its words.
        problem: String,
    },
    /// The package cannot be read.
    #[error("read the package")]
    Read {
        /// Of the reader.
        source: io::Error,
    },
    /// The package ends too early, or its headers are none.
    #[error("read the package: its {part} {problem}")]
    Malformed {
        /// Which part.
        part: Part,
        /// What is wrong: a verb with its object.
        problem: String,
    },
    /// A digest does not fit what it is of.
    #[error("read the package: the digest of {what} is {expected} by its header, and {found} by its bytes")]
    Digest {
        /// The header, the payload or a file.
        what: String,
        /// In hexadecimal digits.
        expected: String,
        /// In hexadecimal digits.
        found: String,
    },
    /// Who was asked for a signature could not make it.
    #[error("sign the package")]
    Sign {
        /// Of the signer.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// What was made is no OpenPGP signature that a package can hold.
    #[error("sign the package: {problem}")]
    Signature {
        /// What is wrong: a clause.
        problem: String,
    },
}

/// A part of a package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Part {
    /// The first 96 bytes.
    Lead,
    /// The header of digests and signatures.
    SignatureHeader,
    /// The header.
    Header,
    /// The archive.
    Payload,
}

impl fmt::Display for Part {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Part::Lead => "lead",
            Part::SignatureHeader => "signature header",
            Part::Header => "header",
            Part::Payload => "payload",
        })
    }
}

/// What a package says of itself, but for its files.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Package {
    /// See [`check_name`].
    pub name: String,
    /// What is compared before the version; seldom wanted, and never taken back.
    pub epoch: Option<u32>,
    /// See [`check_version`] and, for a version of cargo's, [`version`](fn@version).
    pub version: String,
    /// The number of the package among those of the same version, `1` as a rule; the same characters.
    pub release: String,
    /// `x86_64`, `aarch64`, `armv7hl`, `riscv64`, `noarch` ...
    pub architecture: String,
    /// One line.
    pub summary: String,
    /// Lines. The summary where it is empty.
    pub description: String,
    /// As SPDX has it.
    pub license: String,
    /// A section of packages; few use it any more.
    pub group: Option<String>,
    /// Of the project.
    pub url: Option<String>,
    /// Who distributes the package.
    pub vendor: Option<String>,
    /// Who made the package, `Name <address>`.
    pub packager: Option<String>,
    /// The machine it was built on: any word, the same each time.
    pub build_host: Option<String>,
    /// The time of the build and of all files, in seconds since 1970-01-01 UTC.
    pub source_date: u32,
    /// What must be there. A writer adds what its own format and the scripts' interpreters need.
    pub requires: Vec<Dependency>,
    /// What this package can stand for. A writer adds its name, for each architecture and for this one.
    pub provides: Vec<Dependency>,
    /// What must not be there.
    pub conflicts: Vec<Dependency>,
    /// What this package replaces.
    pub obsoletes: Vec<Dependency>,
    /// What is installed with it unless the user says no.
    pub recommends: Vec<Dependency>,
    /// What goes well with it.
    pub suggests: Vec<Dependency>,
    /// With what this package is installed unless the user says no.
    pub supplements: Vec<Dependency>,
    /// What this package goes well with.
    pub enhances: Vec<Dependency>,
    /// At most one of each moment.
    pub scripts: Vec<Script>,
    /// The newest first.
    pub changelog: Vec<Change>,
}

impl Package {
    /// `epoch:version-release`, or without the epoch where there is none: the version others depend on.
    pub fn evr(&self) -> String {
        match self.epoch {
            Some(epoch) => format!("{epoch}:{}-{}", self.version, self.release),
            None => format!("{}-{}", self.version, self.release),
        }
    }

    /// `name-version-release.architecture.rpm`, as packages are called.
    pub fn file_name(&self) -> String {
        format!("{}-{}-{}.{}.rpm", self.name, self.version, self.release, self.architecture)
    }

    /// The lists of dependencies, with the name each has in a spec file.
    pub fn relations(&self) -> [(&'static str, &[Dependency]); 8] {
        [
            ("requires", &self.requires),
            ("provides", &self.provides),
            ("conflicts", &self.conflicts),
            ("obsoletes", &self.obsoletes),
            ("recommends", &self.recommends),
            ("suggests", &self.suggests),
            ("supplements", &self.supplements),
            ("enhances", &self.enhances),
        ]
    }

    fn relations_mut(&mut self) -> [&mut Vec<Dependency>; 8] {
        [
            &mut self.requires,
            &mut self.provides,
            &mut self.conflicts,
            &mut self.obsoletes,
            &mut self.recommends,
            &mut self.suggests,
            &mut self.supplements,
            &mut self.enhances,
        ]
    }
}

/// Names, flags and versions of each list, in the order of [`Package::relations`].
const RELATION_TAGS: [[IndexTag; 3]; 8] = [
    [IndexTag::RPMTAG_REQUIRENAME, IndexTag::RPMTAG_REQUIREFLAGS, IndexTag::RPMTAG_REQUIREVERSION],
    [IndexTag::RPMTAG_PROVIDENAME, IndexTag::RPMTAG_PROVIDEFLAGS, IndexTag::RPMTAG_PROVIDEVERSION],
    [IndexTag::RPMTAG_CONFLICTNAME, IndexTag::RPMTAG_CONFLICTFLAGS, IndexTag::RPMTAG_CONFLICTVERSION],
    [IndexTag::RPMTAG_OBSOLETENAME, IndexTag::RPMTAG_OBSOLETEFLAGS, IndexTag::RPMTAG_OBSOLETEVERSION],
    [IndexTag::RPMTAG_RECOMMENDNAME, IndexTag::RPMTAG_RECOMMENDFLAGS, IndexTag::RPMTAG_RECOMMENDVERSION],
    [IndexTag::RPMTAG_SUGGESTNAME, IndexTag::RPMTAG_SUGGESTFLAGS, IndexTag::RPMTAG_SUGGESTVERSION],
    [IndexTag::RPMTAG_SUPPLEMENTNAME, IndexTag::RPMTAG_SUPPLEMENTFLAGS, IndexTag::RPMTAG_SUPPLEMENTVERSION],
    [IndexTag::RPMTAG_ENHANCENAME, IndexTag::RPMTAG_ENHANCEFLAGS, IndexTag::RPMTAG_ENHANCEVERSION],
];

/// When a script runs. The names are those of spec files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Moment {
    /// `%pretrans`: before anything of the transaction. On a first installation there may be no shell yet.
    PreTransaction,
    /// `%pre`: before the files are there.
    PreInstall,
    /// `%post`: after the files are there.
    PostInstall,
    /// `%preun`: before the files go.
    PreRemove,
    /// `%postun`: after the files are gone.
    PostRemove,
    /// `%posttrans`: after everything of the transaction.
    PostTransaction,
}

impl Moment {
    /// All, in the order in which they come in the life of a package.
    pub const ALL: [Moment; 6] = [
        Moment::PreTransaction,
        Moment::PreInstall,
        Moment::PostInstall,
        Moment::PreRemove,
        Moment::PostRemove,
        Moment::PostTransaction,
    ];

    /// The name in a spec file: `post`.
    pub fn name(self) -> &'static str {
        match self {
            Moment::PreTransaction => "pretrans",
            Moment::PreInstall => "pre",
            Moment::PostInstall => "post",
            Moment::PreRemove => "preun",
            Moment::PostRemove => "postun",
            Moment::PostTransaction => "posttrans",
        }
    }

    /// The tags of the script and of its interpreter.
    fn tags(self) -> [IndexTag; 2] {
        match self {
            Moment::PreTransaction => [IndexTag::RPMTAG_PRETRANS, IndexTag::RPMTAG_PRETRANSPROG],
            Moment::PreInstall => [IndexTag::RPMTAG_PREIN, IndexTag::RPMTAG_PREINPROG],
            Moment::PostInstall => [IndexTag::RPMTAG_POSTIN, IndexTag::RPMTAG_POSTINPROG],
            Moment::PreRemove => [IndexTag::RPMTAG_PREUN, IndexTag::RPMTAG_PREUNPROG],
            Moment::PostRemove => [IndexTag::RPMTAG_POSTUN, IndexTag::RPMTAG_POSTUNPROG],
            Moment::PostTransaction => [IndexTag::RPMTAG_POSTTRANS, IndexTag::RPMTAG_POSTTRANSPROG],
        }
    }

    /// What the requirement of its interpreter is marked with.
    fn purpose(self) -> DependencyFlags {
        DependencyFlags::INTERP
            | match self {
                Moment::PreTransaction => DependencyFlags::PRETRANS,
                Moment::PreInstall => DependencyFlags::SCRIPT_PRE,
                Moment::PostInstall => DependencyFlags::SCRIPT_POST,
                Moment::PreRemove => DependencyFlags::SCRIPT_PREUN,
                Moment::PostRemove => DependencyFlags::SCRIPT_POSTUN,
                Moment::PostTransaction => DependencyFlags::POSTTRANS,
            }
    }
}

/// A program that rpm runs when it installs or removes the package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Script {
    /// When.
    pub moment: Moment,
    /// The interpreter with its arguments, `/bin/sh` as a rule. `<lua>` is the one within rpm.
    pub interpreter: Vec<String>,
    /// What it reads. Its first argument is how many of the package there will be then: 1 and 2, or 0 and 1.
    pub body: String,
}

/// An entry of the changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Seconds since 1970-01-01 UTC; rpm shows the day.
    pub time: u32,
    /// `Name <address> - version-release`.
    pub author: String,
    /// Lines, each with a leading `- ` as a rule.
    pub text: String,
}

/// A file of a package, without its content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct File {
    /// Absolute, as it is on the machine where it is installed.
    pub path: String,
    /// What it is.
    pub kind: FileKind,
    /// Permission bits, the lowest twelve. Symlinks have none of their own; it is 0777 for them.
    pub mode: u16,
    /// What rpm makes of it.
    pub marks: Marks,
}

/// What a file is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FileKind {
    /// With content.
    Regular {
        /// Of the content, in bytes.
        size: u64,
    },
    /// That the package owns: removed with it, if it is empty then.
    Directory,
    /// To another path.
    Symlink {
        /// Absolute, or relative to the directory of the link.
        target: String,
    },
}

/// What rpm makes of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Marks {
    /// The user may have changed it: an update saves what was changed.
    pub config: bool,
    /// With `config`: an update leaves what was changed and puts its own beside it.
    pub no_replace: bool,
    /// Documentation, which can be left out when a package is installed.
    pub documentation: bool,
    /// A licence.
    pub license: bool,
    /// Not in the package, but belongs to it once it is there.
    pub ghost: bool,
}

/// The words of rpm for a compression (`PAYLOADCOMPRESSOR`).
fn compressor(compression: Compression) -> Option<&'static str> {
    match compression {
        Compression::None => None,
        Compression::Gzip => Some("gzip"),
        Compression::Xz => Some("xz"),
        Compression::Zstd => Some("zstd"),
    }
}

fn hexadecimal(bytes: &[u8]) -> String {
    use fmt::Write;
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        // A string takes everything.
        let _ = write!(text, "{byte:02x}");
    }
    text
}
