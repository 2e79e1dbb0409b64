//! What each kind of step does, and what decides its outputs.

use crate::asset::{self, FetchError};
use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::bench::memo::DigestMemo;
use crate::engine::fingerprint::Fingerprint;
use crate::engine::store::{Output, Receipt};
use crate::engine::{Engine, Setup};
use crate::key::KeyError;
use crate::layout::{Entry, NamedFile, Node, NodeKind, Payload, Tree};
use crate::package::{self, PackageError};
use crate::publish::{self, Publication, PublishError, PublishedFile};
use crate::release::finish::{FinishError, Finisher};
use crate::release::{LINKAGE_FILE, RELEASE_FILE, SUMS_FILE, describe, examine, verify};
use crate::repository::{self, RepositoryError, RepositoryFile, Stock, StockedPackage};
use crate::sign;
use crate::toolchain::cargo_call::{self, CompileError};
use crate::toolchain::program::{self, ProgramError};
use crate::toolchain::standard_library::{self, ProvisionError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::windows_icon::{WindowsIcon, WindowsIconError};
use deploy_formats::{linkage::LinkageError, universal};
use deploy_model::artifact::{Content, Signature, SignatureForm};
use deploy_model::release::{AssetRecord, RepositoryRecord, SCHEMA, SignerRecord};
use deploy_model::{Artifact, ArtifactKind, FailureClass, Os, RelPath, Release, Sha256, StepId};
use deploy_plan::catalog::Layout;
use deploy_plan::finding::Finding;
use deploy_plan::plan::{
    Action, Compile, Examine, Finish, Index, Join, Package, Plan, PlannedEntry, Publish, Source, Step, Tool,
};
use deploy_plan::project::Role;
use deploy_plan::windows_app::WindowsApp;
use std::collections::BTreeMap;

/// Raise it when a step makes other outputs from the same inputs and no plug-in's revision says so.
const REVISION: u32 = 1;

/// A step that failed.
#[derive(Debug, thiserror::Error)]
pub enum StepError {
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// A standard library could not be got.
    #[error(transparent)]
    Provision(#[from] ProvisionError),
    /// An asset could not be fetched.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// Binaries could not be compiled.
    #[error(transparent)]
    Compile(#[from] Box<CompileError>),
    /// Binaries could not be joined.
    #[error("join the parts of {binary}")]
    Join {
        /// The binary.
        binary: String,
        /// What is wrong with them.
        source: universal::UniversalError,
    },
    /// The icon cannot be put into programs for Windows.
    #[error("use {path} as the icon of programs for Windows")]
    Icon {
        /// The picture.
        path: RelPath,
        /// What is wrong with it.
        source: WindowsIconError,
    },
    /// A program for Windows could not be finished.
    #[error(transparent)]
    Finish(#[from] FinishError),
    /// A binary cannot be read.
    #[error("examine {binary}")]
    Unreadable {
        /// The binary.
        binary: String,
        /// What is wrong with it.
        source: LinkageError,
    },
    /// Binaries are not what was declared.
    #[error("keep what was declared for {target}:{}", bullets(.differences))]
    NotAsDeclared {
        /// The target.
        target: String,
        /// What differs, a line each.
        differences: Vec<String>,
    },
    /// A program of ours could not be compiled.
    #[error(transparent)]
    Tool(#[from] Box<ProgramError>),
    /// A package could not be made.
    #[error(transparent)]
    Package(#[from] PackageError),
    /// A key that was there when the run began cannot be opened any more.
    #[error("open the key of {signer}: {}", .finding.message)]
    Locked {
        /// The signer.
        signer: String,
        /// What is wrong.
        finding: Box<Finding>,
    },
    /// A signature could not be made.
    #[error(transparent)]
    Sign(#[from] KeyError),
    /// A repository could not be made.
    #[error(transparent)]
    Repository(#[from] RepositoryError),
    /// Two entries of a payload have the same path.
    #[error("put {path} into the package: two entries have this path")]
    DuplicatePath {
        /// The path.
        path: RelPath,
    },
    /// An entry has no source: an earlier step did not make what the plan says it makes.
    #[error("find {name}, which {step} was to make")]
    NoSource {
        /// The output.
        name: String,
        /// The step.
        step: StepId,
    },
    /// The plan names a plug-in that does not exist: a bug.
    #[error("find the plug-in {id}")]
    NoPlugin {
        /// Its id.
        id: String,
    },
    /// The release cannot be read back.
    #[error(transparent)]
    Unverifiable(#[from] verify::VerifyError),
    /// The release is not what it declares.
    #[error("verify the release:{}", bullets(.problems))]
    Verification {
        /// What is wrong, a line each.
        problems: Vec<String>,
    },
    /// The release could not be published.
    #[error(transparent)]
    Publish(#[from] PublishError),
}

fn bullets(lines: &[String]) -> String {
    lines.iter().map(|line| format!("\n  - {line}")).collect()
}

impl StepError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            StepError::File(_)
            | StepError::Package(_)
            | StepError::Publish(_)
            | StepError::Join { .. }
            | StepError::Repository(_) => FailureClass::Unexpected,
            StepError::Icon { .. } => FailureClass::Configuration,
            StepError::Tool(error) => error.class(),
            StepError::Sign(error) => sign::class(error.source.as_ref()).unwrap_or(FailureClass::Credentials),
            StepError::Locked { finding, .. } => finding.class,
            StepError::Provision(error) => error.class(),
            StepError::Fetch(error) => error.class(),
            StepError::Compile(error) => error.class(),
            StepError::Unreadable { .. }
            | StepError::Finish(_)
            | StepError::NotAsDeclared { .. }
            | StepError::Verification { .. }
            | StepError::Unverifiable(_) => FailureClass::Verification,
            StepError::DuplicatePath { .. } => FailureClass::Configuration,
            StepError::NoSource { .. } | StepError::NoPlugin { .. } => FailureClass::Bug,
        }
    }
}

/// What is known of the world when a fingerprint is taken: what earlier steps made, and the project's files.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known<'a> {
    /// What earlier steps made.
    pub(crate) receipts: &'a BTreeMap<StepId, Receipt>,
    /// The workspace's root directory.
    pub(crate) root: &'a Utf8Path,
    /// Digests of files.
    pub(crate) memo: &'a DigestMemo,
}

/// What decides the outputs of a step; `None` for a step that is done in every run: only cargo knows whether a
/// binary is fresh, and only the publisher whether a release is there.
pub(crate) fn fingerprint(
    step: &Step,
    plan: &Plan,
    setup: &Setup<'_>,
    known: &Known<'_>,
) -> Result<Option<Fingerprint>, StepError> {
    let mut fingerprint = Fingerprint::default();
    fingerprint.add("cargo-deploy", format!("{} r{REVISION}", env!("CARGO_PKG_VERSION")));
    match &step.action {
        Action::Provision(_) | Action::Compile(_) | Action::Publish(_) => return Ok(None),
        Action::Fetch(asset) => {
            // Where it came from is for the record; what it is, is its digest.
            fingerprint.add("sha256", asset.sha256.as_str());
            fingerprint.add_json(
                "unpacking",
                &(asset.unpack, &asset.member, asset.strip, asset.executable, &asset.path),
            );
        }
        Action::Join(join) => {
            for part in &join.parts {
                add_outputs(&mut fingerprint, part, known)?;
            }
        }
        Action::Finish(finish) => {
            fingerprint.add_json("application", &(&plan.app, &plan.windows));
            for path in plan.windows.iter().flat_map(|windows| windows.icon.iter().chain(&windows.manifest)) {
                fingerprint.add(path.to_string(), project_file(path, known)?.sha256.as_str());
            }
            add_outputs(&mut fingerprint, &finish.binaries, known)?;
        }
        Action::Examine(examine) => {
            fingerprint.add_json("what was declared", &examine.declared);
            add_outputs(&mut fingerprint, &examine.binaries, known)?;
        }
        Action::Package(package) => {
            let packager = package::find(package.format.as_str())
                .ok_or_else(|| StepError::NoPlugin { id: package.format.to_string() })?;
            fingerprint.add("packager", format!("{} r{}", package.format, packager.info().revision));
            fingerprint.add("settings", package.settings.to_string());
            fingerprint.add_json("level", &package.level);
            fingerprint.add("time", plan.source_date_epoch.to_string());
            fingerprint.add("file name", package.file.clone());
            fingerprint.add_json("root", &package.payload.root);
            let shape = packager.entry().shape;
            if shape.layout == Layout::Freedesktop {
                fingerprint.add_json("application", &(&plan.app, &plan.desktop, &plan.metainfo));
            }
            if shape.systems == [Os::Windows] {
                fingerprint.add_json("application", &(&plan.app, &plan.windows));
            }
            let payload = payload(package, plan, known)?;
            for entry in payload.entries {
                let mode = if entry.executable { "x" } else { "-" };
                let role = match &entry.role {
                    Role::Program | Role::Resource => String::new(),
                    role => format!(" {}", serde_json::to_string(role).unwrap_or_default()),
                };
                fingerprint.add(entry.path.as_str().to_owned() + &role, format!("{} {mode}", entry.sha256));
            }
            for (name, file) in payload.named_files {
                fingerprint.add(format!("{name} of the settings"), file.sha256.as_str());
            }
            for (path, file) in payload.icons {
                fingerprint.add(format!("{path} as a picture"), file.sha256.as_str());
            }
            if let Some(Source::Output { step, .. }) = &package.program {
                add_outputs(&mut fingerprint, step, known)?;
            }
        }
        Action::Tool(tool) => {
            let program = program::find(&tool.program)
                .ok_or_else(|| StepError::NoPlugin { id: tool.program.clone() })?;
            fingerprint.add("sources", program.digest().as_str());
            fingerprint.add("triple", tool.triple.as_str());
            fingerprint.add_json("tools", &setup.tools.get("rustc"));
            if is_for_windows(tool) {
                fingerprint.add_json("application", &(&plan.app, &plan.windows));
                for path in plan.windows.iter().flat_map(|windows| &windows.icon) {
                    fingerprint.add(path.to_string(), project_file(path, known)?.sha256.as_str());
                }
            }
        }
        Action::SignCode(action) => {
            add_code_signer(&mut fingerprint, &action.signer, plan)?;
            for entry in entries(&action.entries, known)? {
                fingerprint.add(entry.path.to_string(), entry.sha256.as_str());
            }
        }
        Action::Sign(sign) if plan.code_signers.contains_key(&sign.signer) => {
            add_code_signer(&mut fingerprint, &sign.signer, plan)?;
            fingerprint.add("name", sign.output.clone());
            fingerprint.add(sign.file.clone(), output(known, &sign.input, &sign.file)?.sha256.as_str());
        }
        Action::Sign(sign) => {
            let signer =
                sign::find(&sign.signer).ok_or_else(|| StepError::NoPlugin { id: sign.signer.clone() })?;
            fingerprint.add("signer", format!("{} r{}", sign.signer, signer.info().revision));
            if let Some(format) = &sign.format {
                let revision = package::find(format.as_str()).map_or(0, |packager| packager.info().revision);
                fingerprint.add("packager", format!("{format} r{revision}"));
            }
            let planned = plan.signers.get(&sign.signer);
            fingerprint.add_json("key", &planned.map(|planned| (&planned.key, &planned.public_key)));
            fingerprint.add_json("form", &sign.form);
            fingerprint.add("time", plan.source_date_epoch.to_string());
            fingerprint.add("name", format!("{} {} {}", plan.name, plan.version, sign.output));
            let output = output(known, &sign.input, &sign.file)?;
            fingerprint.add(sign.file.clone(), output.sha256.as_str());
        }
        Action::Index(index) => {
            let repository = repository::find(&index.repository)
                .ok_or_else(|| StepError::NoPlugin { id: index.repository.clone() })?;
            fingerprint.add("repository", format!("{} r{}", index.repository, repository.info().revision));
            fingerprint.add("settings", index.settings.to_string());
            fingerprint.add("time", plan.source_date_epoch.to_string());
            fingerprint.add_json("application", &plan.app);
            let key = index.signer.as_ref().and_then(|signer| plan.signers.get(signer));
            fingerprint.add_json("key", &key.map(|key| (&key.public_key_file, &key.public_key)));
            for package in &index.packages {
                let output = output(known, &package.step, &package.file)?;
                fingerprint.add(package.file.clone(), output.sha256.as_str());
            }
        }
        Action::Describe => {
            fingerprint.add_json("targets", &plan.targets);
            fingerprint.add_json("sizes", &plan.max_size);
            fingerprint.add_json("tools", &setup.tools);
            fingerprint.add_json("revision", &setup.source);
            fingerprint.add_json("signers", &plan.signers);
            let records = plan.code_signers.iter().map(|(id, planned)| (id, &planned.record));
            fingerprint.add_json("signers of programs", &records.collect::<BTreeMap<_, _>>());
            fingerprint.add_json("requirements", &plan.require);
            fingerprint.add("time", plan.source_date_epoch.to_string());
            fingerprint.add("name", format!("{} {}", plan.name, plan.version));
            for step in &plan.steps {
                match &step.action {
                    Action::Package(package) => {
                        let receipt = receipt(known, &step.id)?;
                        fingerprint.add_json(package.file.clone(), receipt);
                    }
                    Action::Fetch(asset) => fingerprint.add_json(format!("asset {}", asset.path), asset),
                    Action::Sign(_) | Action::Index(_) if comes_before_describe(plan, step) => {
                        fingerprint.add_json(step.id.as_str(), receipt(known, &step.id)?);
                    }
                    _ => {}
                }
            }
        }
        Action::Verify => {
            for file in release_files(plan, known)? {
                fingerprint.add(file.name, file.sha256.as_str());
            }
        }
    }
    Ok(Some(fingerprint))
}

/// Whether a program of ours is for Windows, where it says whose installer it is.
fn is_for_windows(tool: &Tool) -> bool {
    tool.triple.as_str().contains("-windows-")
}

/// What decides a signature inside a program beside the program: the key and what was asked of it.
fn add_code_signer(fingerprint: &mut Fingerprint, id: &str, plan: &Plan) -> Result<(), StepError> {
    let signer = sign::find_code(id).ok_or_else(|| StepError::NoPlugin { id: id.to_owned() })?;
    fingerprint.add("signer", format!("{id} r{}", signer.info().revision));
    let planned = plan.code_signers.get(id);
    fingerprint.add_json("key", &planned.map(|planned| &planned.record));
    // How many signatures may be asked for is not in the bytes.
    let mut settings = planned.map(|planned| planned.settings.clone()).unwrap_or_default();
    if let Some(settings) = settings.as_object_mut() {
        settings.remove("max-signatures");
    }
    fingerprint.add("settings", settings.to_string());
    fingerprint.add("application", format!("{} {}", plan.name, plan.version));
    Ok(())
}

/// Whether a step is done before the release is described; the signatures of the description come after.
fn comes_before_describe(plan: &Plan, step: &Step) -> bool {
    let described = plan.steps.iter().position(|other| matches!(other.action, Action::Describe));
    let own = plan.steps.iter().position(|other| other.id == step.id);
    own < described
}

/// One of the files that a step made.
pub(super) fn output<'a>(known: &Known<'a>, step: &StepId, name: &str) -> Result<&'a Output, StepError> {
    receipt(known, step)?
        .outputs
        .get(name)
        .ok_or_else(|| StepError::NoSource { name: name.to_owned(), step: step.clone() })
}

fn add_outputs(fingerprint: &mut Fingerprint, step: &StepId, known: &Known<'_>) -> Result<(), StepError> {
    for (name, output) in &receipt(known, step)?.outputs {
        fingerprint.add(format!("{name} of {step}"), output.sha256.as_str());
    }
    Ok(())
}

fn receipt<'a>(known: &Known<'a>, step: &StepId) -> Result<&'a Receipt, StepError> {
    known
        .receipts
        .get(step)
        .ok_or_else(|| StepError::NoSource { name: "its receipt".to_owned(), step: step.clone() })
}

/// Every entry of a payload with its content's place, size and digest, sorted by role and path.
pub(super) fn entries(planned: &[PlannedEntry], known: &Known<'_>) -> Result<Vec<Entry>, StepError> {
    // Two entries may have the same path when they are for different things.
    let mut entries: BTreeMap<(Role, RelPath), Entry> = BTreeMap::new();
    let mut add = |entry: Entry| match entries.insert((entry.role.clone(), entry.path.clone()), entry) {
        Some(other) => Err(StepError::DuplicatePath { path: other.path }),
        None => Ok(()),
    };
    for planned in planned {
        match &planned.source {
            Source::Project(path) => {
                let file = project_file(path, known)?;
                let (path, role) = (planned.path.clone(), planned.role.clone());
                add(Entry {
                    path,
                    content: file.content,
                    size: file.size,
                    sha256: file.sha256,
                    executable: planned.executable,
                    role,
                    code_signature: None,
                })?;
            }
            Source::Output { step, name } => {
                let output = output(known, step, name)?;
                let executable = planned.executable || output.executable;
                add(entry(planned.path.clone(), output, executable, planned.role.clone()))?;
            }
            Source::Tree { step } => {
                for (name, output) in &receipt(known, step)?.outputs {
                    let below: RelPath = name
                        .parse()
                        .map_err(|_| StepError::NoSource { name: name.clone(), step: step.clone() })?;
                    let path = below.below(&planned.path);
                    add(entry(path, output, output.executable, planned.role.clone()))?;
                }
            }
        }
    }
    Ok(entries.into_values().collect())
}

/// A file of the project.
fn project_file(path: &RelPath, known: &Known<'_>) -> Result<NamedFile, StepError> {
    let content = known.root.join(path.as_str());
    let (sha256, size) = known.memo.digest(&content)?.ok_or_else(|| FileError {
        action: "read",
        path: content.clone(),
        source: std::io::ErrorKind::NotFound.into(),
    })?;
    Ok(NamedFile { content, path: path.clone(), size, sha256 })
}

/// The payload of a package.
fn payload(package: &Package, plan: &Plan, known: &Known<'_>) -> Result<Payload, StepError> {
    let mut entries = entries(&package.payload.entries, known)?;
    if let Some(signed) = &package.signed {
        let signed = receipt(known, signed)?;
        for entry in &mut entries {
            if let Some(output) = signed.outputs.get(entry.path.as_str()) {
                (entry.content, entry.size) = (output.path.clone(), output.size);
                entry.sha256 = output.sha256.clone();
            }
            entry.code_signature = signed.code_signatures.get(entry.path.as_str()).cloned();
        }
    }
    let program = match &package.program {
        Some(Source::Output { step, name }) => Some(output(known, step, name)?.path.clone()),
        _ => None,
    };
    let mut named_files = BTreeMap::new();
    for (name, path) in &package.named_files {
        named_files.insert(name.clone(), project_file(path, known)?);
    }
    let mut icons = BTreeMap::new();
    for path in &package.icons {
        icons.insert(path.clone(), project_file(path, known)?);
    }
    Ok(Payload {
        app: plan.app.clone(),
        desktop: plan.desktop.clone(),
        metainfo: plan.metainfo.clone(),
        windows: plan.windows.clone(),
        program,
        named_files,
        icons,
        triple: package.triple.clone(),
        file: package.file.clone(),
        root: package.payload.root.clone(),
        level: package.level,
        entries,
    })
}

fn entry(path: RelPath, output: &Output, executable: bool, role: Role) -> Entry {
    Entry {
        path,
        content: output.path.clone(),
        size: output.size,
        sha256: output.sha256.clone(),
        executable,
        role,
        code_signature: None,
    }
}

/// Every file of the release, sorted by name. A signature inside a package makes another file of the same name.
fn release_files(plan: &Plan, known: &Known<'_>) -> Result<Vec<PublishedFile>, StepError> {
    let mut found: BTreeMap<String, PublishedFile> = BTreeMap::new();
    for step in &plan.steps {
        if matches!(step.action, Action::Package(_) | Action::Sign(_) | Action::Index(_) | Action::Describe) {
            for (name, output) in &receipt(known, &step.id)?.outputs {
                let (path, sha256) = (output.path.clone(), output.sha256.clone());
                let file = PublishedFile { name: name.clone(), path, sha256 };
                found.insert(name.clone(), file);
            }
        }
    }
    Ok(found.into_values().collect())
}

impl Engine<'_> {
    /// Does a step; says also whether what it was to make was there already.
    pub(crate) fn execute(&self, step: &Step, bench: &Workbench<'_>) -> Result<(Receipt, bool), StepError> {
        let made = match &step.action {
            Action::Provision(provision) => {
                let there = standard_library::provision(provision, self.setup.machine, bench)?;
                return Ok((Receipt::default(), there));
            }
            Action::Fetch(asset) => {
                let fetched = asset::fetch_step(asset, &self.asset_context(), bench)?;
                let mut receipt = Receipt::default();
                for file in fetched.files {
                    let output = self.store.adopt(&file.path, file.executable, &self.memo)?;
                    receipt.outputs.insert(file.name, output);
                }
                receipt
            }
            Action::Compile(_) => Receipt::default(),
            Action::Join(join) => self.join(join, bench)?,
            Action::Examine(examine) => self.examine(examine)?,
            Action::Tool(tool) => self.tool(tool, bench)?,
            Action::Finish(finish) => self.finish_programs(finish, bench)?,
            Action::SignCode(action) => self.sign_code(action, bench)?,
            Action::Package(package) => self.package(step, package, bench)?,
            Action::Sign(sign) => self.sign(sign, bench)?,
            Action::Index(index) => self.index(index, bench)?,
            Action::Describe => self.describe(bench)?,
            Action::Verify => self.verify()?,
            Action::Publish(publish) => return self.publish(publish),
        };
        Ok((made, false))
    }

    pub(super) fn with_known<T>(&self, work: impl FnOnce(&Known<'_>) -> T) -> T {
        let receipts = self.locked(&self.receipts).clone();
        work(&Known { receipts: &receipts, root: self.setup.root, memo: &self.memo })
    }

    fn asset_context(&self) -> asset::Context<'_> {
        asset::Context {
            root: self.setup.root,
            cache: &self.setup.machine.cache,
            environment: &self.setup.machine.environment,
            offline: self.setup.offline,
        }
    }

    /// Asks cargo for a batch of compile steps in one call.
    pub(crate) fn perform_batch(&self, steps: &[usize]) -> Vec<(usize, crate::engine::Outcome)> {
        let begun = self.clock.milliseconds();
        let compiles: Vec<(usize, &Step, &Compile)> = steps
            .iter()
            .filter_map(|at| match &self.plan.steps[*at].action {
                Action::Compile(compile) => Some((*at, &self.plan.steps[*at], compile)),
                _ => None,
            })
            .collect();
        for (_, step, _) in &compiles {
            self.start(step, "cargo is always asked; it knows what is fresh");
        }
        let Some((_, first, _)) = compiles.first() else { return Vec::new() };
        let scratch = self.work.join("scratch").join(first.id.as_str().replace([':', '/'], "-"));
        let bench = self.bench(first, scratch.clone());
        let actions: Vec<&Compile> = compiles.iter().map(|(_, _, compile)| *compile).collect();
        let mut results = match files::create_directory(&scratch) {
            Ok(()) => cargo_call::run(&actions, self.plan, self.setup.machine, &bench),
            Err(error) => actions
                .iter()
                .map(|compile| (compile.triple.clone(), Err(CompileError::from(error.again()))))
                .collect(),
        };
        compiles
            .iter()
            .map(|(at, step, compile)| {
                let result = results
                    .remove(&compile.triple)
                    .ok_or_else(|| StepError::NoSource {
                        name: compile.triple.to_string(),
                        step: step.id.clone(),
                    })
                    .and_then(|built| built.map_err(|error| StepError::from(Box::new(error))))
                    .and_then(|built| self.compiled(built));
                match result {
                    Ok(receipt) => {
                        self.locked(&self.ledger).remember(&step.id, Fingerprint::default(), &receipt);
                        (*at, self.succeed(step, receipt, false, begun))
                    }
                    Err(error) => (*at, self.fail(*at, error, begun)),
                }
            })
            .collect()
    }

    fn compiled(&self, built: Vec<cargo_call::BuiltBinary>) -> Result<Receipt, StepError> {
        let mut receipt = Receipt::default();
        for binary in built {
            let name = binary.path.file_name().unwrap_or(&binary.name).to_owned();
            let (sha256, size) = self.memo.digest(&binary.path)?.ok_or_else(|| FileError {
                action: "read",
                path: binary.path.clone(),
                source: std::io::ErrorKind::NotFound.into(),
            })?;
            receipt.outputs.insert(name, Output { sha256, size, executable: true, path: binary.path });
        }
        Ok(receipt)
    }

    fn join(&self, join: &Join, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let mut parts: BTreeMap<String, Vec<Vec<u8>>> = BTreeMap::new();
        self.with_known(|known| {
            for part in &join.parts {
                for (name, output) in &receipt(known, part)?.outputs {
                    parts.entry(name.clone()).or_default().push(files::read(&output.path)?);
                }
            }
            Ok::<(), StepError>(())
        })?;
        let mut receipt = Receipt::default();
        for (name, slices) in parts {
            let slices: Vec<&[u8]> = slices.iter().map(Vec::as_slice).collect();
            let mut joined = Vec::new();
            universal::join(&slices, &mut joined)
                .map_err(|source| StepError::Join { binary: name.clone(), source })?;
            let file = bench.file(&name);
            files::replace(&file, &joined)?;
            receipt.outputs.insert(name, self.store.adopt(&file, true, &self.memo)?);
        }
        Ok(receipt)
    }

    /// Writes into the programs of a target what they say of themselves.
    fn finish_programs(&self, action: &Finish, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let outputs = self.with_known(|known| receipt(known, &action.binaries).cloned())?.outputs;
        let windows = self.plan.windows.clone().unwrap_or_default();
        let finisher = self.finisher(&windows)?;
        let mut made = Receipt::default();
        for (name, output) in outputs {
            let bytes = files::read(&output.path)?;
            let finished = finisher.finish(&name, bytes)?;
            let file = bench.file(&name);
            files::replace(&file, &finished)?;
            made.outputs.insert(name, self.store.adopt(&file, true, &self.memo)?);
        }
        Ok(made)
    }

    fn finisher<'a>(&'a self, windows: &'a WindowsApp) -> Result<Finisher<'a>, StepError> {
        let read = |path: &RelPath| files::read(&self.setup.root.join(path.as_str()));
        let icon = match &windows.icon {
            Some(path) => Some(
                WindowsIcon::open(&read(path)?)
                    .map_err(|source| StepError::Icon { path: path.clone(), source })?,
            ),
            None => None,
        };
        let manifest = windows.manifest.as_ref().map(read).transpose()?;
        let manifest = manifest.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        Ok(Finisher { app: &self.plan.app, windows, icon, manifest })
    }

    fn examine(&self, action: &Examine) -> Result<Receipt, StepError> {
        let outputs = self.with_known(|known| receipt(known, &action.binaries).cloned())?.outputs;
        let mut made = Receipt::default();
        let mut differences = Vec::new();
        for (name, output) in outputs {
            let images = examine::read(&files::read(&output.path)?)
                .map_err(|source| StepError::Unreadable { binary: name.clone(), source })?;
            let found = examine::differences(&images, &action.declared);
            differences.extend(found.into_iter().map(|difference| format!("{name}: {difference}")));
            made.linkage.insert(name, images);
        }
        if differences.is_empty() {
            Ok(made)
        } else {
            Err(StepError::NotAsDeclared { target: action.declared.name.clone(), differences })
        }
    }

    fn package(&self, step: &Step, package: &Package, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let packager = package::find(package.format.as_str())
            .ok_or_else(|| StepError::NoPlugin { id: package.format.to_string() })?;
        let payload = self.with_known(|known| payload(package, self.plan, known))?;
        let tree = packager.lay_out(&package.settings, &payload, bench)?;
        let file = packager.package(&package.settings, &payload, &tree, bench)?;
        let executable = packager.entry().shape.executable;
        let mut receipt = Receipt { properties: tree.properties.clone(), ..Receipt::default() };
        receipt.outputs.insert(package.file.clone(), self.store.adopt(&file, executable, &self.memo)?);
        let signature_of = |node: &Node| {
            let origin = node.origin.as_ref()?;
            let carries = |entry: &&Entry| entry.path == *origin && entry.code_signature.is_some();
            payload.entries.iter().find(carries)?.code_signature.clone()
        };
        for node in &tree.nodes {
            match &node.kind {
                NodeKind::File { size, sha256, mode, .. } => receipt.contents.push(Content {
                    path: node.path.clone(),
                    sha256: sha256.clone(),
                    size: *size,
                    mode: *mode,
                    code_signature: signature_of(node),
                }),
                NodeKind::Symlink { target } => {
                    receipt.links.insert(node.path.clone(), target.clone());
                }
            }
        }
        receipt.contents.sort();
        receipt.linkage = self.linkage_inside(step, package, &tree);
        Ok(receipt)
    }

    /// What the examined binaries said, by their place in the package.
    fn linkage_inside(
        &self,
        step: &Step,
        package: &Package,
        tree: &Tree,
    ) -> BTreeMap<String, Vec<deploy_model::Linkage>> {
        let receipts = self.locked(&self.receipts);
        let examined: Vec<&Receipt> = step.needs.iter().filter_map(|need| receipts.get(need)).collect();
        let binaries = package.payload.entries.iter().filter_map(|planned| match &planned.source {
            Source::Output { name, .. } if planned.role == Role::Program => {
                let images = examined.iter().find_map(|receipt| receipt.linkage.get(name))?;
                let is_it = |kind: &NodeKind| matches!(kind, NodeKind::File { role: Role::Program, .. });
                let node = tree
                    .nodes
                    .iter()
                    .find(|node| node.origin.as_ref() == Some(&planned.path) && is_it(&node.kind))?;
                Some((node.path.clone(), images.clone()))
            }
            _ => None,
        });
        binaries.collect()
    }

    fn tool(&self, tool: &Tool, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let program =
            program::find(&tool.program).ok_or_else(|| StepError::NoPlugin { id: tool.program.clone() })?;
        let file = program::compile(program, &tool.triple, self.setup.machine, bench).map_err(Box::new)?;
        if is_for_windows(tool) {
            let windows = self.plan.windows.clone().unwrap_or_default();
            let finished = self.finisher(&windows)?.installer(&tool.program, files::read(&file)?)?;
            files::replace(&file, &finished)?;
        }
        let mut receipt = Receipt::default();
        receipt.outputs.insert(tool.program.clone(), self.store.adopt(&file, true, &self.memo)?);
        Ok(receipt)
    }

    fn index(&self, index: &Index, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let repository = repository::find(&index.repository)
            .ok_or_else(|| StepError::NoPlugin { id: index.repository.clone() })?;
        let mut packages: BTreeMap<String, Output> = BTreeMap::new();
        self.with_known(|known| {
            for package in &index.packages {
                let output = output(known, &package.step, &package.file)?;
                packages.insert(package.file.clone(), output.clone());
            }
            Ok::<(), StepError>(())
        })?;
        let stocked: Vec<StockedPackage> = packages
            .iter()
            .map(|(file, output)| StockedPackage {
                file: file.clone(),
                path: output.path.clone(),
                sha256: output.sha256.clone(),
                size: output.size,
            })
            .collect();
        let signer = index.signer.as_ref().and_then(|signer| self.plan.signers.get(signer));
        let stock = Stock {
            app: &self.plan.app,
            packages: &stocked,
            public_key: signer.map(|one| (one.public_key_file.as_str(), one.public_key.as_str())),
        };
        let mut receipt = Receipt::default();
        for (name, file) in repository.index(&index.settings, &stock, bench)? {
            let output = match file {
                RepositoryFile::Made(path) => self.store.adopt(&path, false, &self.memo)?,
                RepositoryFile::Package(file) => packages
                    .get(&file)
                    .cloned()
                    .ok_or_else(|| StepError::NoSource { name: file, step: bench.step.clone() })?,
            };
            receipt.outputs.insert(format!("{}/{name}", index.directory), output);
        }
        Ok(receipt)
    }

    fn describe(&self, bench: &Workbench<'_>) -> Result<Receipt, StepError> {
        let receipts = self.locked(&self.receipts).clone();
        let mut artifacts = Vec::new();
        let mut assets = BTreeMap::new();
        let mut repositories = BTreeMap::new();
        let mut receipt = Receipt::default();
        for step in self.plan.steps.iter().filter(|step| comes_before_describe(self.plan, step)) {
            match &step.action {
                Action::Package(package) => {
                    artifacts.extend(artifact(self.plan, step, package, &receipts));
                }
                Action::Sign(sign) if sign.form != SignatureForm::Embedded => {
                    let signature = Signature {
                        signer: sign.signer.clone(),
                        form: sign.form,
                        of: Some(sign.file.clone()),
                        unsigned: None,
                    };
                    let made = receipts.get(&step.id).and_then(|receipt| receipt.outputs.get(&sign.output));
                    artifacts.extend(made.map(|made| Artifact {
                        signature: Some(signature),
                        ..plain_artifact(&sign.output, ArtifactKind::Signature, made, &step.id)
                    }));
                }
                Action::Index(index) => {
                    let made = receipts.get(&step.id).into_iter().flat_map(|receipt| &receipt.outputs);
                    artifacts.extend(
                        made.map(|(name, made)| {
                            plain_artifact(name, ArtifactKind::Repository, made, &step.id)
                        }),
                    );
                    let packages = index.packages.iter().map(|package| package.file.clone()).collect();
                    let record = RepositoryRecord {
                        directory: index.directory.clone(),
                        packages,
                        signer: index.signer.clone(),
                    };
                    repositories.insert(index.repository.clone(), record);
                }
                Action::Fetch(asset) => {
                    let record = AssetRecord {
                        origin: asset.origin.to_string(),
                        sha256: asset.sha256.clone(),
                        size: asset.size,
                        license: asset.license.clone(),
                    };
                    assets.insert(asset.path.to_string(), record);
                }
                _ => {}
            }
        }
        let mut signers = BTreeMap::new();
        for (id, signer) in &self.plan.signers {
            let file = bench.file("key");
            files::replace(&file, signer.public_key.as_bytes())?;
            let output = self.store.adopt(&file, false, &self.memo)?;
            let name = &signer.public_key_file;
            artifacts.push(plain_artifact(name, ArtifactKind::Key, &output, bench.step));
            receipt.outputs.insert(name.clone(), output);
            let record = SignerRecord {
                key: signer.key.clone(),
                public_key: name.clone(),
                suffix: signer.suffix.clone(),
            };
            signers.insert(id.clone(), record);
        }
        let table = describe::linkage_table(&artifacts);
        let file = bench.file(LINKAGE_FILE);
        files::replace(&file, table.as_bytes())?;
        let output = self.store.adopt(&file, false, &self.memo)?;
        artifacts.push(plain_artifact(LINKAGE_FILE, ArtifactKind::Description, &output, bench.step));
        receipt.outputs.insert(LINKAGE_FILE.to_owned(), output);
        artifacts.sort_by(|one, other| one.file.cmp(&other.file));
        let release = Release {
            schema: SCHEMA,
            name: self.plan.name.clone(),
            version: self.plan.version.clone(),
            source_date_epoch: self.plan.source_date_epoch,
            source: self.setup.source.clone(),
            tools: self.setup.tools.clone(),
            targets: self.plan.targets.clone(),
            max_size: self.plan.max_size.clone(),
            assets,
            signers,
            code_signers: self
                .plan
                .code_signers
                .iter()
                .map(|(id, planned)| (id.clone(), planned.record.clone()))
                .collect(),
            require: self.plan.require.clone(),
            repositories,
            artifacts,
        };
        let json = describe::release_json(&release);
        let json_digest = Sha256::of(json.as_bytes());
        let listed = release.artifacts.iter().map(|artifact| (artifact.file.as_str(), &artifact.sha256));
        let sums = describe::sums(listed.chain([(RELEASE_FILE, &json_digest)]));
        for (name, text) in [(RELEASE_FILE, &json), (SUMS_FILE, &sums)] {
            let file = bench.file(name);
            files::replace(&file, text.as_bytes())?;
            receipt.outputs.insert(name.to_owned(), self.store.adopt(&file, false, &self.memo)?);
        }
        Ok(receipt)
    }

    fn verify(&self) -> Result<Receipt, StepError> {
        let files = self.with_known(|known| release_files(self.plan, known))?;
        let found: BTreeMap<String, Utf8PathBuf> =
            files.into_iter().map(|file| (file.name, file.path)).collect();
        let report = verify::files_of_release(&found, self.setup.threads)?;
        if report.problems.is_empty() {
            Ok(Receipt::default())
        } else {
            let problems = report.problems.iter().map(ToString::to_string).collect();
            Err(StepError::Verification { problems })
        }
    }

    fn publish(&self, publish: &Publish) -> Result<(Receipt, bool), StepError> {
        let publisher = publish::find(&publish.publisher)
            .ok_or_else(|| StepError::NoPlugin { id: publish.publisher.clone() })?;
        let files = self.with_known(|known| release_files(self.plan, known))?;
        let published = publisher.publish(
            &publish.settings,
            &Publication {
                release: &publish.release,
                files: &files,
                releases: self.setup.releases,
                stage: &self.work.join("stage"),
                memo: &self.memo,
            },
        )?;
        let receipts = self.locked(&self.receipts).clone();
        for step in &self.plan.steps {
            if let Action::Package(package) = &step.action
                && let Some(artifact) = artifact(self.plan, step, package, &receipts)
            {
                let event = deploy_model::Event::ArtifactReady { artifact: Box::new(artifact) };
                self.setup.events.event(event);
            }
        }
        *self.locked(&self.place) = Some(published.place);
        Ok((Receipt::default(), published.unchanged))
    }
}

/// An artifact of which no more is to be said.
fn plain_artifact(file: &str, kind: ArtifactKind, output: &Output, step: &StepId) -> Artifact {
    Artifact {
        file: file.to_owned(),
        kind,
        format: None,
        target: None,
        size: output.size,
        sha256: output.sha256.clone(),
        step: step.clone(),
        contents: Vec::new(),
        links: BTreeMap::new(),
        properties: BTreeMap::new(),
        signature: None,
        linkage: BTreeMap::new(),
    }
}

/// The artifact that a package step made, with the signature that a later step put inside.
fn artifact(
    plan: &Plan,
    step: &Step,
    package: &Package,
    receipts: &BTreeMap<StepId, Receipt>,
) -> Option<Artifact> {
    let receipt = receipts.get(&step.id)?;
    let embedded = plan.steps.iter().find_map(|other| match &other.action {
        Action::Sign(sign) if sign.form == SignatureForm::Embedded && sign.input == step.id => {
            Some((sign, receipts.get(&other.id)?))
        }
        _ => None,
    });
    let output = match embedded {
        Some((sign, signed)) => signed.outputs.get(&sign.output)?,
        None => receipt.outputs.get(&package.file)?,
    };
    Some(Artifact {
        format: Some(package.format.clone()),
        target: Some(package.triple.clone()),
        contents: receipt.contents.clone(),
        links: receipt.links.clone(),
        properties: receipt.properties.clone(),
        signature: embedded.map(|(sign, signed)| Signature {
            signer: sign.signer.clone(),
            form: sign.form,
            of: None,
            unsigned: signed.code_signatures.get(&sign.output).and_then(|one| one.unsigned.clone()),
        }),
        linkage: receipt.linkage.clone(),
        ..plain_artifact(&package.file, ArtifactKind::Package, output, &step.id)
    })
}
