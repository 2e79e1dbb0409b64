//! Every exit code, and what it means. Part of the public contract.

use deploy_model::FailureClass;

/// How the process ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ExitCode {
    /// Everything asked for is there.
    Done = 0,
    /// Something unexpected: a full disk, a file in the way.
    Unexpected = 1,
    /// The command line cannot be understood.
    Usage = 2,
    /// The manifest or the configuration is wrong.
    Configuration = 64,
    /// What was made or fetched is not what was declared.
    Verification = 65,
    /// A file that is named is not there.
    MissingInput = 66,
    /// A remote does not answer; trying again may help.
    Remote = 69,
    /// A bug in the tool.
    Bug = 70,
    /// Credentials are missing or refused.
    Credentials = 77,
    /// A tool is missing; `cargo deploy doctor` says which.
    MissingTool = 78,
    /// `cargo build` failed, with cargo's own code for that.
    CargoBuild = 101,
    /// `cargo metadata` failed.
    CargoMetadata = 102,
}

impl ExitCode {
    /// All, in order, for the reference page.
    pub const ALL: &[ExitCode] = &[
        ExitCode::Done,
        ExitCode::Unexpected,
        ExitCode::Usage,
        ExitCode::Configuration,
        ExitCode::Verification,
        ExitCode::MissingInput,
        ExitCode::Remote,
        ExitCode::Bug,
        ExitCode::Credentials,
        ExitCode::MissingTool,
        ExitCode::CargoBuild,
        ExitCode::CargoMetadata,
    ];

    /// What it means, for the reference page.
    pub fn meaning(self) -> &'static str {
        match self {
            ExitCode::Done => "Done: everything asked for is there.",
            ExitCode::Unexpected => "Something unexpected: a full disk, a file in the way.",
            ExitCode::Usage => "The command line cannot be understood.",
            ExitCode::Configuration => "The manifest or the configuration asks for something impossible.",
            ExitCode::Verification => "What was made or fetched is not what was declared.",
            ExitCode::MissingInput => "A file that is named is not there.",
            ExitCode::Remote => "A remote does not answer; trying again may help.",
            ExitCode::Bug => "A bug in cargo-deploy.",
            ExitCode::Credentials => "Credentials are missing or refused.",
            ExitCode::MissingTool => "A tool is missing; `cargo deploy doctor` says which and how to get it.",
            ExitCode::CargoBuild => "`cargo build` failed.",
            ExitCode::CargoMetadata => "`cargo metadata` failed.",
        }
    }

    /// The code of a class of failure.
    pub fn of(class: FailureClass) -> Self {
        match class {
            FailureClass::Bug => ExitCode::Bug,
            FailureClass::CargoBuild => ExitCode::CargoBuild,
            FailureClass::CargoMetadata => ExitCode::CargoMetadata,
            FailureClass::Configuration => ExitCode::Configuration,
            FailureClass::MissingTool => ExitCode::MissingTool,
            FailureClass::MissingInput => ExitCode::MissingInput,
            FailureClass::Credentials => ExitCode::Credentials,
            FailureClass::Verification => ExitCode::Verification,
            FailureClass::Remote => ExitCode::Remote,
            FailureClass::Unexpected => ExitCode::Unexpected,
        }
    }

    /// The code of a run with several failures: that of the class that stands first in [`FailureClass`].
    pub fn of_all(classes: impl IntoIterator<Item = FailureClass>) -> Self {
        classes.into_iter().min().map_or(ExitCode::Done, ExitCode::of)
    }
}

impl From<ExitCode> for std::process::ExitCode {
    fn from(code: ExitCode) -> Self {
        std::process::ExitCode::from(code as u8)
    }
}
