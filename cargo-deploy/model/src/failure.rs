//! The classes of failure, which decide the exit code.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What kind of failure it is: who can mend it, and whether trying again may help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum FailureClass {
    /// The tool is wrong.
    Bug,
    /// cargo could not compile.
    CargoBuild,
    /// `cargo metadata` failed.
    CargoMetadata,
    /// The manifest or the command line asks for something impossible.
    Configuration,
    /// A tool is not there.
    MissingTool,
    /// A file that is named is not there.
    MissingInput,
    /// Something was not given the rights or the key it needs.
    Credentials,
    /// What was made or fetched is not what was declared.
    Verification,
    /// A remote does not answer; trying again may help.
    Remote,
    /// Something else: a full disk, a file in the way.
    Unexpected,
}
