//! What most verbs need first: the workspace, the manifest of all layers, the machine, the project, the facts.

use crate::asset;
use crate::asset::lock::Wanted;
use crate::bench::environment::Environment;
use crate::bench::files;
use crate::catalog;
use crate::cli::args::Selection;
use crate::cli::render::Trouble;
use crate::engine::Setup;
use crate::package::{self, Inspection, ProjectFiles};
use crate::probe::cargo_config::CargoConfig;
use crate::probe::facts::{self, Inquiry};
use crate::probe::machine::{self, Machine};
use crate::probe::project_files;
use crate::probe::workspace::{self, WorkspaceRequest};
use crate::release::{RELEASE_FILE, finish};
use crate::sign::{self, KeyContext};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::event::EventSink;
use deploy_model::{FailureClass, RelPath, Release, Triple};
use deploy_plan::catalog::Catalog;
use deploy_plan::draw::Until;
use deploy_plan::facts::{Availability, Facts};
use deploy_plan::finding::Finding;
use deploy_plan::lock::LockedAsset;
use deploy_plan::manifest::{self, ENVIRONMENT_PREFIX, InputFile, Inputs, Merged, Problem, Sections};
use deploy_plan::plan::{Action, Plan, PlannedCodeSigner, PlannedSigner};
use deploy_plan::project::{Asset, Project};
use deploy_plan::resolve::{self, AssetDraft, Given, Request};
use deploy_plan::workspace::Workspace;
use std::collections::{BTreeMap, BTreeSet};

/// Variables with the manifest's prefix that are not keys of the manifest.
const NOT_SETTINGS: &[&str] = &["CARGO_DEPLOY_CACHE_DIR"];

/// A project as far as it is known before anything is decided about it.
pub struct Session<'a> {
    environment: &'a Environment,
    request: Request,
    /// What this build can do.
    pub catalog: Catalog,
    /// The workspace.
    pub workspace: Workspace,
    /// The manifest of all layers.
    pub merged: Merged,
    /// This machine.
    pub machine: Machine,
    current_package: Option<String>,
    locked: Vec<LockedAsset>,
    files: BTreeSet<String>,
    config: CargoConfig,
}

impl<'a> Session<'a> {
    /// Looks around for the project that the command line is about.
    pub fn open(
        selection: &Selection,
        cargo_arguments: &[String],
        environment: &'a Environment,
    ) -> Result<Self, Trouble> {
        let offline = selection.offline || selection.frozen || environment.is_true("CARGO_NET_OFFLINE");
        let request = request(selection, cargo_arguments, offline);
        let cargo = machine::cargo(environment).map_err(|error| Trouble::failure(error.class(), &error))?;
        let asked = WorkspaceRequest {
            manifest: selection.manifest_path.clone(),
            target_directory: selection.target_dir.clone(),
            // `cargo metadata --no-deps` reads no lock file; the build says whether it is up to date.
            locked: false,
            offline,
            config: selection.cargo_config.clone(),
        };
        let workspace = workspace::workspace(&cargo, environment, &asked)
            .map_err(|error| Trouble::failure(error.class(), &error))?;
        let catalog = catalog::catalog().map_err(|error| Trouble::failure(FailureClass::Bug, &error))?;
        let current_package = current_package(&workspace, selection, environment);
        let merged = read_manifest(selection, environment, &workspace, current_package.as_deref(), &catalog)?;
        let config = CargoConfig::read(&workspace.root, environment, &selection.cargo_config)
            .map_err(|error| Trouble::failure(error.class(), &error))?;
        let machine = Machine::find(environment, &workspace, &config, offline)
            .map_err(|error| Trouble::failure(error.class(), &error))?;
        let lock = asset::lock::read(&workspace.root.join(asset::lock::FILE_NAME))
            .map_err(|error| Trouble::failure(error.class(), &error))?;
        let files = find_files(&workspace, &merged)
            .map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
        Ok(Session {
            environment,
            request,
            catalog,
            workspace,
            merged,
            machine,
            current_package,
            locked: lock.assets,
            files,
            config,
        })
    }

    /// All that a project is resolved from.
    pub fn given(&self) -> Given<'_> {
        Given {
            merged: &self.merged,
            workspace: &self.workspace,
            current_package: self.current_package.as_deref(),
            request: &self.request,
            catalog: &self.catalog,
            host: &self.machine.host,
            default_target: self.environment.get("CARGO_BUILD_TARGET"),
            ci: self.environment.is_ci(),
            macos: self.environment.get("MACOSX_DEPLOYMENT_TARGET"),
            locked: &self.locked,
            files: &self.files,
        }
    }

    /// The project, or every reason why there is none.
    pub fn project(&self) -> Result<Project, Trouble> {
        let given = self.given();
        let mut project = resolve::resolve(&given).map_err(|findings| self.trouble(findings))?;
        let files = SettingsFiles { given: &given };
        let mut findings = Vec::new();
        for (format, settings) in &project.packages {
            let Some(packager) = package::find(format.as_str()) else { continue };
            if !project.targets.iter().any(|target| target.formats.contains(format)) {
                continue;
            }
            match packager.named_files(settings, &files) {
                Ok(named) => drop(project.named_files.insert(format.clone(), named)),
                Err(found) => findings.extend(found),
            }
        }
        if findings.is_empty() { Ok(project) } else { Err(self.trouble(findings)) }
    }

    /// The facts that the plan of a project is drawn from. Keys are looked for where the plan goes far enough to
    /// sign.
    pub fn facts(&self, project: &Project, until: Until) -> Result<Gathered, Trouble> {
        let mut triples: Vec<Triple> = Vec::new();
        for target in &project.targets {
            let parts = &target.target.parts;
            triples.extend(if parts.is_empty() { vec![target.target.triple.clone()] } else { parts.clone() });
        }
        triples.sort();
        triples.dedup();
        let inquiry = Inquiry { machine: &self.machine, config: &self.config, triples: &triples };
        let gathered = facts::gather(&inquiry).map_err(|error| Trouble::failure(error.class(), &error))?;
        let mut facts = gathered.facts;
        if until == Until::Published {
            (facts.signers, facts.code_signers) = self.signers(project, facts.epoch)?;
        }
        Ok(Gathered { facts, warnings: gathered.warnings })
    }

    /// Opens the key of every signer that is to sign, so that one that cannot sign is told of before anything is
    /// compiled.
    fn signers(&self, project: &Project, moment: i64) -> Result<Signers, Trouble> {
        let mut signers = BTreeMap::new();
        let mut code_signers = BTreeMap::new();
        let mut findings = Vec::new();
        for (id, key) in self.keys(project, moment) {
            match key {
                Ok(planned) => drop(signers.insert(id, planned)),
                Err(finding) => findings.push(finding),
            }
        }
        for (id, key) in self.code_keys(project, moment) {
            match key {
                Ok((planned, _)) => drop(code_signers.insert(id, planned)),
                Err(finding) => findings.push(finding),
            }
        }
        if findings.is_empty() { Ok((signers, code_signers)) } else { Err(self.trouble(findings)) }
    }

    /// Each signer of programs that has programs to sign, with its key and what people are told of it, or what is in the
    /// way of it.
    pub fn code_keys(
        &self,
        project: &Project,
        moment: i64,
    ) -> Vec<(String, Result<FoundCodeSigner, Finding>)> {
        let context = self.key_context(moment);
        let open = |(id, settings): (&String, &serde_json::Value)| {
            let signer = sign::find_code(id)?;
            let systems = signer.entry().systems;
            let needed = project.targets.iter().any(|target| systems.contains(&target.target.os));
            needed.then(|| {
                let planned = signer.open(settings, &context).map(|key| {
                    let record = key.record().clone();
                    let planned =
                        PlannedCodeSigner { settings: settings.clone(), systems: systems.to_vec(), record };
                    (planned, key.found())
                });
                (id.clone(), planned)
            })
        };
        project.signers.iter().filter_map(open).collect()
    }

    fn key_context(&self, moment: i64) -> KeyContext<'_> {
        KeyContext {
            root: &self.workspace.root,
            environment: self.environment,
            moment,
            cache: &self.machine.cache,
            offline: self.request.offline,
        }
    }

    /// Each signer that is to sign, with its key or what is in the way of it.
    pub fn keys(&self, project: &Project, moment: i64) -> Vec<(String, Result<PlannedSigner, Finding>)> {
        let context = self.key_context(moment);
        let open = |(id, settings): (&String, &serde_json::Value)| {
            let signer = sign::find(id)?;
            let planned = signer.open(settings, &context).map(|key| {
                let identity = key.identity();
                PlannedSigner {
                    settings: settings.clone(),
                    key: identity.key.clone(),
                    created: identity.created,
                    public_key: identity.public_key.clone(),
                    public_key_file: signer.public_key().replace("{name}", &project.app.name),
                    suffix: signer.suffix().to_owned(),
                }
            });
            Some((id.clone(), planned))
        };
        project.signers.iter().filter_map(open).collect()
    }

    /// Looks at everything that can be wrong with a planned package before it is made.
    pub fn check_packages(&self, plan: &Plan) -> Result<(), Trouble> {
        let mut findings: Vec<Finding> = Vec::new();
        if let Some(windows) = &plan.windows {
            findings = finish::check(&plan.app, windows, &self.workspace.root)
                .map_err(|error| Trouble::failure(FailureClass::MissingInput, &error))?;
        }
        let earlier =
            self.earlier(plan).map_err(|error| Trouble::failure(FailureClass::Unexpected, &error))?;
        for planned in plan.packages() {
            let Some(packager) = package::find(planned.format.as_str()) else { continue };
            let inspection = Inspection {
                app: &plan.app,
                desktop: plan.desktop.as_ref(),
                windows: plan.windows.as_ref(),
                package: planned,
                root: &self.workspace.root,
                earlier: &earlier,
            };
            let found = packager
                .check(&planned.settings, &inspection)
                .map_err(|error| Trouble::failure(FailureClass::Bug, &error))?;
            for finding in found {
                if !findings.contains(&finding) {
                    findings.push(finding);
                }
            }
        }
        if findings.is_empty() { Ok(()) } else { Err(self.trouble(findings)) }
    }

    /// The releases of other versions that lie here still. What is no release is nobody's concern.
    fn earlier(&self, plan: &Plan) -> Result<Vec<Release>, files::FileError> {
        let releases = self.releases();
        // What else is in the way there is told when something is to be made.
        if !files::metadata_if_exists(&releases)?.is_some_and(|metadata| metadata.is_dir()) {
            return Ok(Vec::new());
        }
        let mut earlier = Vec::new();
        for name in files::names(&releases)? {
            let bytes = files::read_if_exists(&releases.join(name).join(RELEASE_FILE)).unwrap_or_default();
            let release = bytes.and_then(|bytes| serde_json::from_slice::<Release>(&bytes).ok());
            let other = |release: &Release| release.name == plan.name && release.version != plan.version;
            earlier.extend(release.filter(other));
        }
        Ok(earlier)
    }

    /// The assets of the manifest, each with its digest.
    pub fn assets(&self) -> Result<Vec<Asset>, Trouble> {
        resolve::assets(&self.given()).map_err(|findings| self.trouble(findings))
    }

    /// The assets of the manifest as `assets lock` wants them, with or without digests.
    pub fn wanted_assets(&self) -> Result<Vec<Wanted>, Trouble> {
        let drafts = resolve::asset_drafts(&self.given()).map_err(|findings| self.trouble(findings))?;
        let wanted = |draft: AssetDraft| Wanted {
            path: draft.asset.path,
            origin: draft.asset.origin,
            sha256: draft.sha256,
            size: draft.asset.size,
            max_size: draft.asset.max_size,
            license: draft.asset.license,
        };
        Ok(drafts.into_iter().map(wanted).collect())
    }

    /// Where assets come from.
    pub fn asset_context(&self) -> asset::Context<'_> {
        asset::Context {
            root: &self.workspace.root,
            cache: &self.machine.cache,
            environment: self.environment,
            offline: self.request.offline,
        }
    }

    /// Findings with their places in the manifest.
    pub fn trouble(&self, findings: Vec<Finding>) -> Trouble {
        let class = findings.iter().map(|finding| finding.class).min().unwrap_or(FailureClass::Configuration);
        let problem = |finding: &Finding| match finding.path.as_ref().and_then(|path| path.parse().ok()) {
            Some(path) => self.merged.problem(&path, finding.code, &finding.message, &finding.help),
            None => Problem::error(finding.code, &finding.message).help(&finding.help),
        };
        let report = self.merged.report(findings.iter().map(problem).collect());
        Trouble::Problems { class, report: Box::new(report) }
    }

    /// Where and with what a plan is run.
    pub fn setup<'s>(
        &'s self,
        facts: &Facts,
        plan: &Plan,
        releases: &'s Utf8Path,
        events: &'s dyn EventSink,
    ) -> Setup<'s> {
        Setup {
            machine: &self.machine,
            root: &self.workspace.root,
            releases,
            threads: threads(self.request.jobs),
            offline: self.request.offline,
            tools: tools(facts, plan),
            source: facts.source.clone(),
            events,
        }
    }

    /// The directory that releases lie in.
    pub fn releases(&self) -> Utf8PathBuf {
        self.workspace.target_directory.join("deploy")
    }
}

/// The files of the project, for the settings of packagers.
struct SettingsFiles<'a> {
    given: &'a Given<'a>,
}

impl ProjectFiles for SettingsFiles<'_> {
    fn file(&self, field: &str, name: &str) -> Result<RelPath, Vec<Finding>> {
        resolve::file_of_setting(self.given, field, name)
    }

    fn matching(&self, field: &str, pattern: &str) -> Result<Vec<RelPath>, Vec<Finding>> {
        resolve::files_of_setting(self.given, field, pattern)
    }
}

/// The signers of files, and those of programs.
type Signers = (BTreeMap<String, PlannedSigner>, BTreeMap<String, PlannedCodeSigner>);

/// A signer of programs, and what people are told of its key.
type FoundCodeSigner = (PlannedCodeSigner, String);

/// Facts, and what was odd on the way to them.
pub struct Gathered {
    /// The facts.
    pub facts: Facts,
    /// Sentences for people.
    pub warnings: Vec<String>,
}

/// The programs that have a part in the bytes, with their versions; the same on every machine.
fn tools(facts: &Facts, plan: &Plan) -> BTreeMap<String, String> {
    let mut tools = BTreeMap::from([
        ("cargo-deploy".to_owned(), env!("CARGO_PKG_VERSION").to_owned()),
        ("rustc".to_owned(), facts.rustc.clone()),
    ]);
    for step in &plan.steps {
        if let Action::Compile(compile) = &step.action
            && compile.toolchain != "native"
            && let Some(Availability::Ready { version, .. }) = facts.toolchains.get(&compile.toolchain)
        {
            tools.insert(compile.toolchain.clone(), version.clone());
        }
    }
    tools
}

/// `--jobs`, else one for each processor.
pub fn threads(jobs: Option<u32>) -> usize {
    let processors = || std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    jobs.and_then(|jobs| usize::try_from(jobs).ok()).unwrap_or_else(processors)
}

/// The schemas of the plug-ins' settings, for the manifest's.
pub fn sections(catalog: &Catalog) -> Sections {
    Sections {
        packages: catalog
            .packagers
            .iter()
            .map(|(format, packager)| (format.to_string(), packager.plugin.settings.clone()))
            .collect(),
        toolchains: catalog.toolchains.iter().map(|(id, one)| (id.clone(), one.settings.clone())).collect(),
        // The only publisher so far is not a matter of choice, so it has no table.
        publishers: BTreeMap::new(),
        signers: catalog
            .signers
            .iter()
            .map(|(id, one)| (id.clone(), one.settings.clone()))
            .chain(catalog.code_signers.iter().map(|(id, one)| (id.clone(), one.plugin.settings.clone())))
            .collect(),
        repositories: catalog
            .repositories
            .iter()
            .map(|(id, one)| (id.clone(), one.plugin.settings.clone()))
            .collect(),
    }
}

fn request(selection: &Selection, cargo_arguments: &[String], offline: bool) -> Request {
    let split = |features: &String| -> Vec<String> {
        features.split([',', ' ']).filter(|feature| !feature.is_empty()).map(str::to_owned).collect()
    };
    Request {
        packages: selection.package.clone(),
        workspace: selection.workspace,
        binaries: selection.bin.clone(),
        targets: selection.target.clone(),
        formats: selection.format.clone(),
        profile: selection.profile.clone().or_else(|| selection.release.then(|| "release".to_owned())),
        features: selection.features.iter().flat_map(split).collect(),
        all_features: selection.all_features,
        no_default_features: selection.no_default_features,
        locked: selection.locked || selection.frozen,
        offline,
        no_sign: selection.no_sign,
        max_signatures: selection.max_signatures,
        jobs: selection.jobs,
        config: selection.cargo_config.clone(),
        arguments: cargo_arguments.to_vec(),
    }
}

/// The innermost member whose directory the user is in, or whose Cargo.toml was named.
fn current_package(
    workspace: &Workspace,
    selection: &Selection,
    environment: &Environment,
) -> Option<String> {
    if let [only] = selection.package.as_slice()
        && workspace.packages.iter().any(|package| package.name == *only)
    {
        return Some(only.clone());
    }
    let directory = match &selection.manifest_path {
        Some(path) => environment.directory.join(path).parent().map(Utf8Path::to_owned)?,
        None => environment.directory.clone(),
    };
    let directory = directory.canonicalize_utf8().unwrap_or(directory);
    workspace
        .packages
        .iter()
        .filter(|package| directory.starts_with(&package.directory))
        .max_by_key(|package| package.directory.as_str().len())
        .map(|package| package.name.clone())
}

/// A file of the manifest's layers: the name that it is shown under, and its bytes.
type Layer = Option<(String, Vec<u8>)>;

fn read_manifest(
    selection: &Selection,
    environment: &Environment,
    workspace: &Workspace,
    current: Option<&str>,
    catalog: &Catalog,
) -> Result<Merged, Trouble> {
    let root = &workspace.root;
    let package = workspace.packages.iter().find(|package| Some(package.name.as_str()) == current);
    let layer = |path: Utf8PathBuf| -> Result<Layer, Trouble> {
        let bytes = files::read_if_exists(&path)
            .map_err(|error| Trouble::failure(FailureClass::Configuration, &error))?;
        let shown = path.strip_prefix(&environment.directory).unwrap_or(&path).to_string();
        Ok(bytes.map(|bytes| (shown, bytes)))
    };
    let of_package = package.filter(|package| !package.is_root);
    let package_file = match of_package {
        Some(package) => layer(package.directory.join("Deploy.toml"))?,
        None => None,
    };
    let workspace_file = layer(root.join("Deploy.toml"))?;
    let package_cargo = match package {
        Some(package) => layer(package.directory.join("Cargo.toml"))?,
        None => None,
    };
    let workspace_cargo = layer(root.join("Cargo.toml"))?;
    let variables: Vec<(String, String)> = environment
        .with_prefix(ENVIRONMENT_PREFIX)
        .filter(|(name, _)| !NOT_SETTINGS.contains(name))
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let schema = manifest::schema(&sections(catalog));
    let running = env!("CARGO_PKG_VERSION")
        .parse()
        .map_err(|error: semver::Error| Trouble::failure(FailureClass::Bug, &error))?;
    manifest::read(&Inputs {
        config: &selection.config,
        environment: &variables,
        package_file: as_input(package_file.as_ref()),
        workspace_file: as_input(workspace_file.as_ref()),
        package_cargo: as_input(package_cargo.as_ref()),
        workspace_cargo: as_input(workspace_cargo.as_ref()),
        schema: &schema,
        running: &running,
    })
    .map_err(|report| Trouble::Problems { class: FailureClass::Configuration, report: Box::new(report) })
}

fn as_input(layer: Option<&(String, Vec<u8>)>) -> Option<InputFile<'_>> {
    layer.map(|(name, bytes)| InputFile { name, bytes })
}

/// The files that the planner may ask about: those beside each Cargo.toml, and where the manifest has patterns or
/// names files, all.
fn find_files(workspace: &Workspace, merged: &Merged) -> Result<BTreeSet<String>, files::FileError> {
    let manifest = &merged.manifest;
    let includes = manifest.bundle.include.as_ref().is_some_and(|includes| !includes.is_empty());
    let named = manifest.app.license_file.is_some()
        || manifest.app.icon.is_some()
        || manifest.linux != manifest::Linux::default()
        || manifest.windows != manifest::Windows::default()
        || !manifest.package.is_empty()
        || manifest.assets.iter().any(|asset| asset.file.is_some());
    if includes || named {
        return project_files::all(&workspace.root, &workspace.target_directory);
    }
    let directories = workspace.packages.iter().map(|package| package.directory.as_path());
    project_files::beside(&workspace.root, directories.chain([workspace.root.as_path()]))
}
