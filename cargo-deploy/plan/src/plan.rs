//! The plan: ordered steps, and all that is skipped and why. Running it makes no decisions.

use crate::manifest::{Desktop, Metainfo};
use crate::project::{App, Asset, Binary, CargoRequest, Level, Role, Skipped};
use crate::windows_app::WindowsApp;
use deploy_model::artifact::SignatureForm;
use deploy_model::release::{CodeSignerRecord, DeclaredTarget, Requirement};
use deploy_model::{Format, Os, RelPath, StepId, Triple};
use schemars::JsonSchema;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};

/// The version of the plan's JSON form.
pub const SCHEMA: u32 = 1;

/// Everything that a run will do, decided.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Plan {
    /// Version of this document's schema: 1.
    pub schema: u32,
    /// Name of the application.
    pub name: String,
    /// Its version.
    pub version: String,
    /// The moment written wherever a file holds one, in seconds since 1970-01-01 UTC.
    pub source_date_epoch: i64,
    /// The application.
    pub app: App,
    /// The desktop entry, where there is to be one.
    pub desktop: Option<Desktop>,
    /// The AppStream metadata, where something was said about it.
    pub metainfo: Option<Metainfo>,
    /// The application as Windows knows it, where there is a target of Windows.
    pub windows: Option<WindowsApp>,
    /// Who signs, by signer.
    pub signers: BTreeMap<String, PlannedSigner>,
    /// Who signs programs and installers inside their own bytes, by signer.
    pub code_signers: BTreeMap<String, PlannedCodeSigner>,
    /// Properties that the release must have.
    pub require: BTreeSet<Requirement>,
    /// What cargo is asked for, for every target.
    pub cargo: CargoRequest,
    /// The binaries to compile.
    pub binaries: Vec<Binary>,
    /// What is declared for each target; read back from the bytes at the end.
    pub targets: Vec<DeclaredTarget>,
    /// The largest size allowed, in bytes, by format.
    pub max_size: BTreeMap<Format, u64>,
    /// The steps. Each stands after all that it needs.
    pub steps: Vec<Step>,
    /// What was asked for in general terms and is left out, with the reason.
    pub skipped: Vec<Skipped>,
}

/// One step.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Step {
    /// Its name, unique in the plan.
    pub id: StepId,
    /// What it does, for people, as a verb and its object: `Packaging hello-1.0.0-….tar.gz`.
    pub title: String,
    /// The steps whose outputs it needs.
    pub needs: Vec<StepId>,
    /// What is done.
    #[serde(flatten)]
    pub action: Action,
}

/// What a step does.
#[derive(Debug, Clone, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case", tag = "action")]
pub enum Action {
    /// Gets the standard library of a triple that has none here.
    Provision(Provision),
    /// Fetches an asset, checks its digest, unpacks it.
    Fetch(Box<Asset>),
    /// Compiles the binaries for one triple. Always asked of cargo, which knows what is fresh.
    Compile(Compile),
    /// Joins thin Mach-O files to universal ones.
    Join(Join),
    /// Writes version, icon and manifest into the programs of a target of Windows.
    Finish(Finish),
    /// Reads the binaries of a target back and compares them with what was declared.
    Examine(Examine),
    /// Compiles a small program of ours that goes into packages of one target.
    Tool(Tool),
    /// Signs the programs that go into the packages of a target.
    SignCode(SignCode),
    /// Makes one package.
    Package(Box<Package>),
    /// Puts a signature into a file or beside it.
    Sign(Sign),
    /// Makes a package repository of packages.
    Index(Index),
    /// Writes the linkage table, `release.json` and `SHA256SUMS`.
    Describe,
    /// Reads the whole release back from its bytes.
    Verify,
    /// Puts the release where it belongs, whole or not at all.
    Publish(Publish),
}

impl Action {
    /// The word that stands for the kind of action in lists and step names.
    pub fn word(&self) -> &'static str {
        match self {
            Action::Provision(_) => "provision",
            Action::Fetch(_) => "fetch",
            Action::Compile(_) => "compile",
            Action::Join(_) => "join",
            Action::Finish(_) => "finish",
            Action::Examine(_) => "examine",
            Action::Tool(_) => "tool",
            Action::SignCode(_) => "sign-code",
            Action::Package(_) => "package",
            Action::Sign(_) => "sign",
            Action::Index(_) => "index",
            Action::Describe => "describe",
            Action::Verify => "verify",
            Action::Publish(_) => "publish",
        }
    }
}

/// See [`Action::Provision`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Provision {
    /// The triple whose standard library is missing.
    pub triple: Triple,
    /// How it is got.
    pub by: ProvisionMethod,
}

/// How a missing standard library is got.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ProvisionMethod {
    /// `rustup target add`.
    Rustup,
    /// Built from the sources of the same rustc version.
    BuildStd,
}

/// See [`Action::Compile`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Compile {
    /// The triple that rustc knows.
    pub triple: Triple,
    /// The triple with the glibc floor, as zig and people spell it: `x86_64-unknown-linux-gnu.2.17`.
    pub triple_with_floor: String,
    /// The toolchain, by id.
    pub toolchain: String,
    /// Its settings.
    pub settings: serde_json::Value,
    /// The lowest macOS, for macOS.
    pub macos: Option<String>,
    /// What is appended to a binary's name.
    pub exe_suffix: String,
    /// rustc flags, complete: the user's own, then ours.
    pub rustflags: Vec<String>,
    /// C compiler flags to add, so that the checkout's path is in no object file.
    pub cflags: Vec<String>,
    /// Compile steps with the same number are asked of cargo in one call.
    pub batch: usize,
    /// Whether the standard library comes from a sysroot of ours, made by a [`Provision`] step.
    pub own_sysroot: bool,
}

/// See [`Action::Join`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Join {
    /// The steps that made the parts, in the order in which they stand in the file.
    pub parts: Vec<StepId>,
}

/// See [`Action::Examine`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Examine {
    /// The step that made the binaries.
    pub binaries: StepId,
    /// What they must be.
    pub declared: DeclaredTarget,
}

/// See [`Action::Finish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Finish {
    /// The step that compiled the programs.
    pub binaries: StepId,
}

/// See [`Action::SignCode`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct SignCode {
    /// The signer, by id.
    pub signer: String,
    /// The entries whose programs are signed, if nobody has signed them yet. The outputs have the entries' paths.
    pub entries: Vec<PlannedEntry>,
}

/// See [`Action::Package`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Package {
    /// The format, which names the packager.
    pub format: Format,
    /// The target's alias.
    pub target: String,
    /// The triple in file names.
    pub triple: Triple,
    /// Name of the file to make.
    pub file: String,
    /// The packager's settings.
    pub settings: serde_json::Value,
    /// How hard it compresses.
    pub level: Level,
    /// What goes in.
    pub payload: PayloadPlan,
    /// The program of ours that the format needs, where it needs one.
    pub program: Option<Source>,
    /// The files of the project that the settings name, by the name as it is written there.
    pub named_files: BTreeMap<String, RelPath>,
    /// The pictures that `[windows]` names.
    pub icons: BTreeSet<RelPath>,
    /// The step that signed the programs inside, where one does.
    pub signed: Option<StepId>,
}

/// See [`Action::Tool`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Tool {
    /// The program, by id.
    pub program: String,
    /// The triple it is compiled for.
    pub triple: Triple,
}

/// See [`Action::Sign`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Sign {
    /// The signer, by id.
    pub signer: String,
    /// How the signature relates to what is signed.
    pub form: SignatureForm,
    /// The step that made the file.
    pub input: StepId,
    /// The file, by its name among the step's outputs.
    pub file: String,
    /// The file to make; the same name where the signature goes inside.
    pub output: String,
    /// The package's format, where the signature goes inside.
    pub format: Option<Format>,
}

/// A signer with the key that it will use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedSigner {
    /// Its settings.
    pub settings: serde_json::Value,
    /// Identifies the key: an OpenPGP fingerprint, a minisign key id.
    pub key: String,
    /// When the key was made, in seconds since 1970-01-01 UTC; no signature is older.
    pub created: i64,
    /// The public key, as the file that users get.
    pub public_key: String,
    /// The name of that file.
    pub public_key_file: String,
    /// What is appended to a file's name for its detached signature, with the dot.
    pub suffix: String,
}

/// A signer of programs with the key that it will use.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedCodeSigner {
    /// Its settings.
    pub settings: serde_json::Value,
    /// The systems whose programs it signs.
    pub systems: Vec<Os>,
    /// What its signatures will be, to be read back.
    #[serde(flatten)]
    pub record: CodeSignerRecord,
}

/// See [`Action::Index`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Index {
    /// The repository, by id.
    pub repository: String,
    /// Its settings.
    pub settings: serde_json::Value,
    /// Its directory in the release.
    pub directory: String,
    /// The packages that it offers.
    pub packages: Vec<IndexedPackage>,
    /// The signer whose signatures stand in it; `None` for a repository without.
    pub signer: Option<String>,
}

/// A package that a repository offers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct IndexedPackage {
    /// The step that made it, or signed it.
    pub step: StepId,
    /// Its file name.
    pub file: String,
}

/// What goes into a package, before it exists: where each entry will come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PayloadPlan {
    /// The directory that everything goes below, for formats that have one.
    pub root: Option<RelPath>,
    /// The entries, sorted by path.
    pub entries: Vec<PlannedEntry>,
}

/// An entry of a payload.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct PlannedEntry {
    /// Where it goes.
    pub path: RelPath,
    /// Where it comes from.
    pub source: Source,
    /// Whether it can be executed there.
    pub executable: bool,
    /// What it is for.
    #[serde(flatten)]
    pub role: Role,
}

/// Where an entry of a payload comes from.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// A file of the project, relative to the workspace root.
    Project(RelPath),
    /// A file that a step made, by its name among the step's outputs.
    Output {
        /// The step.
        step: StepId,
        /// The output's name.
        name: String,
    },
    /// Everything that a step made, below the entry's path.
    Tree {
        /// The step.
        step: StepId,
    },
}

/// See [`Action::Publish`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Publish {
    /// The publisher, by id.
    pub publisher: String,
    /// Its settings.
    pub settings: serde_json::Value,
    /// Name of the release: `hello-1.0.0`.
    pub release: String,
}

/// A step that is in the plan already. The only way to get one is to add a step, and a step can need only what is
/// already there: a plan cannot hold a cycle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Handle(usize);

/// A plan in the making.
#[derive(Debug, Default)]
pub struct Builder {
    steps: Vec<Step>,
}

impl Builder {
    /// Adds a step that needs the given ones.
    pub fn add(&mut self, id: StepId, title: String, needs: &[Handle], action: Action) -> Handle {
        let mut needed: Vec<StepId> = Vec::with_capacity(needs.len());
        for handle in needs {
            let id = &self.steps[handle.0].id;
            if !needed.contains(id) {
                needed.push(id.clone());
            }
        }
        debug_assert!(self.steps.iter().all(|step| step.id != id), "step names are unique: {id}");
        self.steps.push(Step { id, title, needs: needed, action });
        Handle(self.steps.len() - 1)
    }

    /// The step with this name, where it is there already.
    pub fn find(&self, id: &StepId) -> Option<Handle> {
        self.steps.iter().position(|step| step.id == *id).map(Handle)
    }

    /// The name of a step.
    pub fn id(&self, handle: Handle) -> StepId {
        self.steps[handle.0].id.clone()
    }

    /// The steps, each after all that it needs.
    pub fn finish(self) -> Vec<Step> {
        self.steps
    }
}

impl Plan {
    /// The step with this name.
    pub fn step(&self, id: &StepId) -> Option<&Step> {
        self.steps.iter().find(|step| &step.id == id)
    }

    /// The files that the release directory will hold as packages, by name.
    pub fn packages(&self) -> impl Iterator<Item = &Package> {
        self.steps.iter().filter_map(|step| match &step.action {
            Action::Package(package) => Some(package.as_ref()),
            _ => None,
        })
    }
}
