//! From the merged manifest, the workspace and the command line to a [`Project`]: total, or every reason why not.

mod windows;

use crate::catalog::Catalog;
use crate::finding::Finding;
use crate::lock::LockedAsset;
use crate::manifest::{
    Formats, Include, InstalledFile, Manifest, Merged, Requirement, SourceKind, UnitScope, nearest,
};
use crate::project::{
    App, Asset, Binary, CargoRequest, Origin, PayloadFile, Project, ProjectTarget, Role, Skipped, UnitPlan,
};
use crate::target_table::{Target, TargetRequest};
use crate::workspace::{Workspace, WorkspacePackage};
use camino::Utf8Path;
use deploy_model::target::dotted_version;
use deploy_model::{FailureClass, Format, Os, RelPath, Sha256, Triple};
use globset::{GlobBuilder, GlobMatcher};
use std::collections::{BTreeMap, BTreeSet};

/// The largest asset that is accepted where the manifest sets no size: 8 GiB.
pub const MAXIMUM_ASSET: u64 = 8 << 30;

/// What the command line asks for; it is stronger than every manifest.
#[derive(Debug, Clone, Default)]
pub struct Request {
    /// `--package`.
    pub packages: Vec<String>,
    /// `--workspace`.
    pub workspace: bool,
    /// `--bin`.
    pub binaries: Vec<String>,
    /// `--target`.
    pub targets: Vec<String>,
    /// `--format`.
    pub formats: Vec<String>,
    /// `--profile` or `--release`.
    pub profile: Option<String>,
    /// `--features`.
    pub features: Vec<String>,
    /// `--all-features`.
    pub all_features: bool,
    /// `--no-default-features`.
    pub no_default_features: bool,
    /// `--locked` or `--frozen`.
    pub locked: bool,
    /// `--offline` or `--frozen`.
    pub offline: bool,
    /// `--no-sign`.
    pub no_sign: bool,
    /// `--max-signatures`.
    pub max_signatures: Option<u32>,
    /// `--jobs`.
    pub jobs: Option<u32>,
    /// `--config` arguments that are cargo's.
    pub config: Vec<String>,
    /// What was given after `--`.
    pub arguments: Vec<String>,
}

/// All that a project is resolved from.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    /// The manifest of all layers.
    pub merged: &'a Merged,
    /// The workspace.
    pub workspace: &'a Workspace,
    /// The package whose directory the user is in, if any.
    pub current_package: Option<&'a str>,
    /// The command line.
    pub request: &'a Request,
    /// What this build can do.
    pub catalog: &'a Catalog,
    /// The triple that rustc compiles for when told nothing.
    pub host: &'a Triple,
    /// The target when neither the command line nor the manifest names one (`CARGO_BUILD_TARGET`).
    pub default_target: Option<&'a str>,
    /// Whether this runs in continuous integration.
    pub ci: bool,
    /// The lowest macOS where the manifest has none (`MACOSX_DEPLOYMENT_TARGET`).
    pub macos: Option<&'a str>,
    /// The entries of `Deploy.lock`.
    pub locked: &'a [LockedAsset],
    /// Files of the project, relative to the workspace's root.
    pub files: &'a BTreeSet<String>,
}

/// An asset before its digest is known, as `assets lock` needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AssetDraft {
    /// Its place in the manifest: `asset[0]`.
    pub path_in_manifest: String,
    /// All but the digest; the one in here stands for nothing where `sha256` is `None`.
    pub asset: Asset,
    /// The digest that the manifest gives.
    pub sha256: Option<Sha256>,
}

/// Resolves the project, or says everything that is in its way.
pub fn resolve(given: &Given<'_>) -> Result<Project, Vec<Finding>> {
    let mut resolving = Resolving { given, findings: Vec::new(), skipped: Vec::new() };
    let packages = resolving.packages();
    let cargo = resolving.cargo();
    let binaries = resolving.binaries(&packages, &cargo);
    let app = resolving.app(&packages);
    let targets = resolving.targets();
    let mut files = resolving.files(&packages);
    let drafts = resolving.asset_drafts();
    let assets = resolving.pinned(drafts);
    resolving.distinct_paths(&binaries, &files, &assets);
    files.extend(resolving.linux_files(&packages));
    files.sort();
    resolving.requirements(&targets);
    let signers = resolving.signers();
    let repositories = resolving.repositories(&signers, &targets);
    let manifest = resolving.manifest();
    let mut app = app.unwrap_or_default();
    app.icon = files.iter().find(|file| file.role == Role::Icon).map(|file| file.from.clone());
    let contents = windows::Contents { app: &app, binaries: &binaries, files: &files, assets: &assets };
    let windows = resolving.windows(&contents, &targets);
    let project = Project {
        app,
        root: given.workspace.root.clone(),
        target_directory: given.workspace.target_directory.clone(),
        cargo,
        binaries,
        targets,
        files,
        assets,
        level: manifest.bundle.level.unwrap_or_default(),
        packages: manifest
            .package
            .iter()
            .filter_map(|(name, settings)| Some((name.parse().ok()?, settings.clone())))
            .collect(),
        named_files: BTreeMap::new(),
        signers,
        repositories,
        desktop: manifest.linux.desktop.clone(),
        metainfo: manifest.linux.metainfo.clone(),
        windows,
        require: manifest.release.require.iter().flatten().copied().collect(),
        toolchains: manifest.toolchain.clone(),
        max_size: manifest
            .release
            .max_size
            .iter()
            .map(|(format, size)| (format.clone(), size.bytes()))
            .collect(),
        skipped: resolving.skipped,
    };
    if resolving.findings.is_empty() { Ok(project) } else { Err(resolving.findings) }
}

/// The assets of the manifest with or without digests, or everything that is wrong with them.
pub fn asset_drafts(given: &Given<'_>) -> Result<Vec<AssetDraft>, Vec<Finding>> {
    let mut resolving = Resolving { given, findings: Vec::new(), skipped: Vec::new() };
    let drafts = resolving.asset_drafts();
    if resolving.findings.is_empty() { Ok(drafts) } else { Err(resolving.findings) }
}

/// The assets of the manifest, each with its digest from the manifest or the lock.
pub fn assets(given: &Given<'_>) -> Result<Vec<Asset>, Vec<Finding>> {
    let mut resolving = Resolving { given, findings: Vec::new(), skipped: Vec::new() };
    let drafts = resolving.asset_drafts();
    let assets = resolving.pinned(drafts);
    if resolving.findings.is_empty() { Ok(assets) } else { Err(resolving.findings) }
}

struct Resolving<'a> {
    given: &'a Given<'a>,
    findings: Vec<Finding>,
    skipped: Vec<Skipped>,
}

impl<'a> Resolving<'a> {
    fn manifest(&self) -> &'a Manifest {
        &self.given.merged.manifest
    }

    fn find(&mut self, code: &'static str, path: impl Into<String>, message: String, help: String) {
        let finding = Finding::configuration(code, message, help);
        let path = path.into();
        self.findings.push(if path.is_empty() { finding } else { finding.at(path) });
    }

    /// The packages whose binaries are released.
    fn packages(&mut self) -> Vec<&'a WorkspacePackage> {
        let given = self.given;
        let all = &given.workspace.packages;
        let (asked, path): (&[String], &str) = match &self.manifest().cargo.packages {
            _ if !given.request.packages.is_empty() => (&given.request.packages, ""),
            _ if given.request.workspace => (&[], ""),
            Some(packages) => (packages, "cargo.packages"),
            None => (&[], ""),
        };
        if !asked.is_empty() {
            return self.asked_packages(asked, path);
        }
        let with_binaries = |package: &&WorkspacePackage| !package.binaries.is_empty();
        if given.request.workspace {
            return all.iter().filter(with_binaries).collect();
        }
        let current = all.iter().find(|package| Some(package.name.as_str()) == given.current_package);
        if let Some(package) = current.filter(with_binaries) {
            return vec![package];
        }
        let chosen: Vec<&WorkspacePackage> =
            all.iter().filter(|package| package.is_default_member).filter(with_binaries).collect();
        if chosen.is_empty() && !all.iter().any(|package| with_binaries(&package)) {
            self.find(
                "project::no-binaries",
                "",
                "no package of this workspace has a binary, so there is nothing to release".to_owned(),
                "add a `src/main.rs` or a `[[bin]]` to Cargo.toml".to_owned(),
            );
        } else if chosen.is_empty() {
            let names = all.iter().filter(with_binaries).map(|package| package.name.as_str());
            let names: Vec<&str> = names.collect();
            self.find(
                "project::no-binaries",
                "",
                "no default member of this workspace has a binary".to_owned(),
                format!("choose a package with `-p`; these have binaries: {}", names.join(", ")),
            );
        }
        chosen
    }

    fn asked_packages(&mut self, asked: &[String], path: &str) -> Vec<&'a WorkspacePackage> {
        let all = &self.given.workspace.packages;
        let mut chosen: Vec<&WorkspacePackage> = Vec::new();
        for (position, name) in asked.iter().enumerate() {
            let place = if path.is_empty() { String::new() } else { format!("{path}[{position}]") };
            match all.iter().find(|package| package.name == *name) {
                Some(package) if package.binaries.is_empty() => self.find(
                    "project::no-binaries",
                    place,
                    format!("the package {name} has no binary, so there is nothing to release"),
                    "choose a package with a binary, or add a `src/main.rs` to this one".to_owned(),
                ),
                Some(package) if chosen.iter().any(|known| known.name == package.name) => {}
                Some(package) => chosen.push(package),
                None => {
                    let known = all.iter().map(|package| package.name.as_str());
                    let help = match nearest(name, known.clone()) {
                        Some(near) => format!("did you mean `{near}`?"),
                        None => format!("the members are: {}", known.collect::<Vec<_>>().join(", ")),
                    };
                    let message = format!("{name:?} is not a member of this workspace");
                    self.find("project::unknown-package", place, message, help);
                }
            }
        }
        chosen
    }

    fn cargo(&self) -> CargoRequest {
        let (request, manifest) = (self.given.request, &self.manifest().cargo);
        CargoRequest {
            profile: request
                .profile
                .clone()
                .or_else(|| manifest.profile.clone())
                .unwrap_or_else(|| "release".to_owned()),
            features: if request.features.is_empty() {
                manifest.features.clone().unwrap_or_default()
            } else {
                request.features.clone()
            },
            all_features: request.all_features || manifest.all_features == Some(true),
            no_default_features: request.no_default_features || manifest.no_default_features == Some(true),
            locked: request.locked || manifest.locked.unwrap_or(self.given.ci),
            offline: request.offline,
            jobs: request.jobs,
            config: request.config.clone(),
            arguments: request.arguments.clone(),
        }
    }

    /// The binaries to ship. One that cargo would leave out, because its features are off, is left out and said so,
    /// unless it was asked for by name.
    fn binaries(&mut self, packages: &[&WorkspacePackage], cargo: &CargoRequest) -> Vec<Binary> {
        let (asked, path): (&[String], &str) = match &self.manifest().cargo.bins {
            _ if !self.given.request.binaries.is_empty() => (&self.given.request.binaries, ""),
            Some(bins) => (bins, "cargo.bins"),
            None => (&[], ""),
        };
        let mut chosen = Vec::new();
        for package in packages {
            let on = features_on(package, cargo);
            for binary in &package.binaries {
                if !asked.is_empty() && !asked.contains(&binary.name) {
                    continue;
                }
                let off: Vec<&str> = binary
                    .required_features
                    .iter()
                    .map(String::as_str)
                    .filter(|feature| !cargo.all_features && !on.contains(*feature))
                    .collect();
                if !off.is_empty() && asked.is_empty() {
                    self.skipped.push(Skipped {
                        what: format!("the binary {}", binary.name),
                        why: format!("it needs the features {}, which are off", off.join(", ")),
                    });
                    continue;
                }
                chosen.push(Binary { package: package.name.clone(), name: binary.name.clone() });
            }
        }
        for (position, name) in asked.iter().enumerate() {
            if packages.is_empty() || chosen.iter().any(|binary| binary.name == *name) {
                continue;
            }
            let known =
                packages.iter().flat_map(|package| &package.binaries).map(|known| known.name.as_str());
            let help = match nearest(name, known.clone()) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the binaries are: {}", known.collect::<Vec<_>>().join(", ")),
            };
            let place = if path.is_empty() { String::new() } else { format!("{path}[{position}]") };
            let message = format!("{name:?} is not a binary of the chosen packages");
            self.find("project::unknown-binary", place, message, help);
        }
        if chosen.is_empty() && self.findings.is_empty() {
            self.find(
                "project::no-binaries",
                "",
                "every binary is left out because the features it needs are off".to_owned(),
                "turn them on with `--features`".to_owned(),
            );
        }
        chosen.sort();
        chosen
    }

    fn app(&mut self, packages: &[&WorkspacePackage]) -> Option<App> {
        let written = &self.manifest().app;
        let main = match packages {
            [] => return None,
            [only] => Some(*only),
            several => several.iter().copied().find(|package| package.is_root),
        };
        let names = packages.iter().map(|package| package.name.as_str()).collect::<Vec<_>>().join(", ");
        let name = match (main, &written.name) {
            (Some(package), _) => package.name.clone(),
            (None, Some(title)) => file_name_of(title),
            (None, None) => {
                self.find(
                    "project::several-packages",
                    "",
                    format!(
                        "several packages have binaries and nothing says what the release is called: {names}"
                    ),
                    "choose one with `-p`, or give the release a name with `app.name`".to_owned(),
                );
                return None;
            }
        };
        let versions: BTreeSet<&str> = packages.iter().map(|package| package.version.as_str()).collect();
        let version = match (&written.version, main) {
            (Some(version), _) => version.clone(),
            (None, Some(package)) => package.version.clone(),
            (None, None) if versions.len() == 1 => packages[0].version.clone(),
            (None, None) => {
                self.find(
                    "project::several-packages",
                    "",
                    format!(
                        "the packages {names} have different versions: {}",
                        Vec::from_iter(versions).join(", ")
                    ),
                    "give the release a version with `app.version`".to_owned(),
                );
                return None;
            }
        };
        let from = |get: fn(&WorkspacePackage) -> Option<String>| main.and_then(get);
        Some(App {
            title: written.name.clone().unwrap_or_else(|| name.clone()),
            name,
            version,
            id: written.id.clone(),
            description: written.description.clone().or_else(|| from(|package| package.description.clone())),
            license: written.license.clone().or_else(|| from(|package| package.license.clone())),
            authors: written
                .authors
                .clone()
                .unwrap_or_else(|| main.map(|package| package.authors.clone()).unwrap_or_default()),
            homepage: written
                .homepage
                .clone()
                .or_else(|| written.repository.clone())
                .or_else(|| from(|package| package.homepage.clone().or_else(|| package.repository.clone()))),
            repository: written.repository.clone().or_else(|| from(|package| package.repository.clone())),
            // Found with the other files for Linux.
            icon: None,
        })
    }

    fn targets(&mut self) -> Vec<ProjectTarget> {
        let given = self.given;
        let mut asked: Vec<(String, String)> = Vec::new();
        if !given.request.targets.is_empty() {
            asked.extend(given.request.targets.iter().map(|name| (name.clone(), String::new())));
        } else if let Some(build) = &self.manifest().targets.build {
            let places = (0..build.len()).map(|position| format!("targets.build[{position}]"));
            asked.extend(build.iter().cloned().zip(places));
        } else {
            let default = given.default_target.unwrap_or(given.host.as_str());
            asked.push((default.to_owned(), String::new()));
        }
        let mut overrides = self.toolchain_overrides();
        let mut targets: Vec<ProjectTarget> = Vec::new();
        for (text, place) in asked {
            let request = TargetRequest::parse(&text);
            let Some(row) = self.row(&request.name, &place) else { continue };
            if let Some(other) = targets.iter().find(|other| other.target.triple == row.triple) {
                let message = format!("{text:?} is a second time {}", other.target.triple);
                let help = "name each target once".to_owned();
                self.find("project::duplicate-target", place, message, help);
                continue;
            }
            let glibc = match request.glibc {
                Some(version) if !row.has_glibc() => {
                    self.find(
                        "project::glibc-floor",
                        place.clone(),
                        format!("{text:?} gives glibc {version}, and {} has no glibc", row.triple),
                        format!("write {:?}", row.name),
                    );
                    None
                }
                Some(version) => Some(version),
                None => self.manifest().targets.glibc.filter(|_| row.has_glibc()),
            };
            let macos = self.macos(row);
            let formats = self.formats(row);
            let toolchain = overrides.remove(&row.triple);
            let path = (!place.is_empty()).then_some(place);
            targets.push(ProjectTarget {
                target: row.clone(),
                glibc,
                macos,
                toolchain,
                formats,
                formats_by_default: self.are_formats_by_default(row),
                path,
            });
        }
        self.formats_made(&targets);
        targets
    }

    /// The lowest macOS: what was asked for, but no lower than the processor's first.
    fn macos(&self, row: &Target) -> Option<String> {
        if row.os != deploy_model::Os::Macos {
            return None;
        }
        let asked = self.manifest().targets.macos_minimum.as_deref().or(self.given.macos);
        let lowest = row.minimum_macos.as_deref();
        match (asked, lowest) {
            (Some(asked), Some(lowest)) if dotted_version(asked) < dotted_version(lowest) => Some(lowest),
            (asked, lowest) => asked.or(lowest),
        }
        .map(str::to_owned)
    }

    fn row(&mut self, name: &str, place: &str) -> Option<&'a Target> {
        let table = &self.given.catalog.targets;
        let row = table.find(name);
        if row.is_none() {
            let help = match table.suggestion(name) {
                Some(near) => format!("did you mean `{near}`? `cargo deploy targets` lists all"),
                None => "`cargo deploy targets` lists all".to_owned(),
            };
            let message = format!("{name:?} is neither the name nor the triple of a target");
            self.find("project::unknown-target", place, message, help);
        }
        row
    }

    fn toolchain_overrides(&mut self) -> BTreeMap<Triple, String> {
        let mut overrides = BTreeMap::new();
        for (name, toolchain) in &self.manifest().targets.toolchain {
            let place = format!("targets.toolchain.{}", quoted_key(name));
            let Some(row) = self.row(name, &place) else { continue };
            if !self.given.catalog.toolchains.contains_key(toolchain) {
                let known: Vec<&str> = self.given.catalog.toolchains.keys().map(String::as_str).collect();
                let message = format!("{toolchain:?} is not a toolchain");
                let help = format!("the toolchains are: {}", known.join(", "));
                self.find("project::unknown-toolchain", place, message, help);
                continue;
            }
            overrides.insert(row.triple.clone(), toolchain.clone());
        }
        overrides
    }

    /// The formats for a target. A list for all systems gives each target those that exist for it; a list for one
    /// system is meant as it stands.
    fn formats(&mut self, row: &Target) -> Vec<Format> {
        let given = self.given;
        if !given.request.formats.is_empty() {
            let known = |name: &String| {
                let format: Format = name.parse().ok()?;
                let packager = given.catalog.packagers.get(&format)?;
                packager.shape.serves(row).then_some(format)
            };
            return distinct(given.request.formats.iter().filter_map(known));
        }
        match &self.manifest().bundle.formats {
            None => vec![row.archive.clone()],
            Some(Formats::Everywhere(formats)) => {
                let serves = |format: &&Format| {
                    given.catalog.packagers.get(*format).is_some_and(|packager| packager.shape.serves(row))
                };
                distinct(formats.iter().filter(serves).cloned())
            }
            Some(Formats::BySystem(by_system)) => {
                let Some(formats) = by_system.of(row.os) else { return vec![row.archive.clone()] };
                for (position, format) in formats.iter().enumerate() {
                    let Some(packager) = given.catalog.packagers.get(format) else { continue };
                    if !packager.shape.serves(row) {
                        let place = format!("bundle.formats.{}[{position}]", row.os);
                        let systems: Vec<&str> =
                            packager.shape.systems.iter().map(|system| system.as_str()).collect();
                        let finding = Finding::configuration(
                            "project::impossible-format",
                            format!("there is no {format} for {}", row.os),
                            format!("{format} exists for {}", systems.join(", ")),
                        )
                        .at(place);
                        if !self.findings.contains(&finding) {
                            self.findings.push(finding);
                        }
                    }
                }
                distinct(formats.iter().cloned())
            }
        }
    }

    /// Whether the formats of a target come from the defaults.
    fn are_formats_by_default(&self, row: &Target) -> bool {
        let place = crate::manifest::FieldPath::root().key("bundle").key("formats").key(row.os.as_str());
        let source = self.given.merged.source_of(&place);
        self.given.request.formats.is_empty()
            && source.is_none_or(|source| source.kind() == SourceKind::Defaults)
    }

    /// A format of `--format` that does not exist, or that no target makes, was asked for in vain.
    fn formats_made(&mut self, targets: &[ProjectTarget]) {
        for name in &self.given.request.formats {
            let known = &self.given.catalog.packagers;
            if !known.keys().any(|format| format.as_str() == name) {
                let help = match nearest(name, known.keys().map(Format::as_str)) {
                    Some(near) => format!("did you mean `{near}`?"),
                    None => {
                        let all: Vec<&str> = known.keys().map(Format::as_str).collect();
                        format!("the formats are: {}", all.join(", "))
                    }
                };
                self.find("project::unknown-format", "", format!("{name:?} is not a format"), help);
            } else if !targets.is_empty()
                && !targets.iter().any(|target| target.formats.iter().any(|format| format.as_str() == name))
            {
                let message = format!("there is no {name} for any of the targets");
                let help = "`cargo deploy targets` lists the formats of each target".to_owned();
                self.find("project::impossible-format", "", message, help);
            }
        }
        for target in targets.iter().filter(|target| target.formats.is_empty()) {
            let name = &target.target.name;
            if self.given.request.formats.is_empty() {
                let message = format!("none of the formats exists for {name}");
                let help = "add one to `bundle.formats`, or leave the target out".to_owned();
                self.find("project::impossible-format", "bundle.formats", message, help);
            } else {
                let why = "none of the formats of the command line exists for it".to_owned();
                self.skipped.push(Skipped { what: format!("packages for {name}"), why });
            }
        }
    }

    /// Files that go into every package: read-me, licences, and what the manifest includes.
    fn files(&mut self, packages: &[&WorkspacePackage]) -> Vec<PayloadFile> {
        let mut found: BTreeMap<RelPath, PayloadFile> = BTreeMap::new();
        for package in packages {
            for path in self.standard_files(package) {
                let name = Utf8Path::new(path.as_str()).file_name().unwrap_or_default();
                let Ok(to) = name.parse::<RelPath>() else { continue };
                let role = if is_licence(name) { Role::License } else { Role::Document };
                found.entry(to.clone()).or_insert(PayloadFile { to, from: path, executable: false, role });
            }
        }
        if let Some(text) = &self.manifest().app.license_file {
            let file = self.manifest_file("app.license-file", text);
            if let Some(from) = file
                && let Ok(to) = from.file_name().parse::<RelPath>()
            {
                let role = Role::License;
                found.entry(to.clone()).or_insert(PayloadFile { to, from, executable: false, role });
            }
        }
        let includes = self.manifest().bundle.include.clone().unwrap_or_default();
        for (position, include) in includes.iter().enumerate() {
            for file in self.included(position, include) {
                match found.get(&file.to) {
                    Some(other) if other.from != file.from => {
                        let message = format!(
                            "{} and {} would both be {} in the package",
                            other.from, file.from, file.to
                        );
                        let help = "give one of them another place with `to`".to_owned();
                        let place = format!("bundle.include[{position}]");
                        self.find("project::duplicate-path", place, message, help);
                    }
                    Some(_) => {}
                    None => drop(found.insert(file.to.clone(), file)),
                }
            }
        }
        found.into_values().collect()
    }

    /// The read-me and the licence files of a package; those of the workspace's root where it has none of its own.
    fn standard_files(&self, package: &WorkspacePackage) -> Vec<RelPath> {
        let root = &self.given.workspace.root;
        let own = package.directory.strip_prefix(root).unwrap_or(Utf8Path::new(""));
        let mut found = Vec::new();
        for named in [&package.readme, &package.license_file].into_iter().flatten() {
            found.extend(self.known_file(&own.join(named)));
        }
        let licences = |directory: &Utf8Path| -> Vec<RelPath> {
            self.given
                .files
                .iter()
                .filter(|path| Utf8Path::new(path).parent() == Some(directory))
                .filter(|path| Utf8Path::new(path).file_name().is_some_and(is_licence))
                .filter_map(|path| path.parse().ok())
                .collect()
        };
        let own_licences = licences(own);
        found.extend(if own_licences.is_empty() { licences(Utf8Path::new("")) } else { own_licences });
        found
    }

    /// The change log of a package, or that of the workspace's root.
    fn standard_changelog(&self, package: &WorkspacePackage) -> Option<RelPath> {
        let own = package.directory.strip_prefix(&self.given.workspace.root).unwrap_or(Utf8Path::new(""));
        [own, Utf8Path::new("")]
            .into_iter()
            .find_map(|directory| self.known_file(&directory.join("CHANGELOG.md")))
    }

    /// A path as a file of the project, without `.` and `..`, where there is such a file.
    fn known_file(&self, path: &Utf8Path) -> Option<RelPath> {
        let path = flattened(path)?;
        self.given.files.contains(path.as_str()).then_some(path)
    }

    /// The directory that a path of the manifest is relative to, below the workspace's root.
    fn base(&self, place: &str) -> String {
        let source = place.parse().ok().and_then(|path| self.given.merged.source_of(&path));
        let of_package = source.is_some_and(|source| {
            matches!(
                source.kind(),
                SourceKind::PackageFile | SourceKind::PackageMetadata | SourceKind::DebMetadata
            )
        });
        let current = self.given.current_package;
        let package =
            self.given.workspace.packages.iter().find(|package| Some(package.name.as_str()) == current);
        match package {
            Some(package) if of_package => package
                .directory
                .strip_prefix(&self.given.workspace.root)
                .map(ToString::to_string)
                .unwrap_or_default(),
            _ => String::new(),
        }
    }

    /// A file that the manifest names, or a finding.
    fn manifest_file(&mut self, place: &str, text: &str) -> Option<RelPath> {
        let joined = Utf8Path::new(&self.base(place)).join(text);
        let Some(path) = flattened(&joined) else {
            let message = format!("{text:?} leads out of the project");
            let help = format!("name a file below {}", self.given.workspace.root);
            self.find("project::path-escapes", place, message, help);
            return None;
        };
        if !self.given.files.contains(path.as_str()) {
            let finding = Finding::configuration(
                "project::missing-file",
                format!("there is no file {path}"),
                "create it, or mend the path; it is relative to the manifest's directory",
            );
            self.findings.push(finding.at(place).class(FailureClass::MissingInput));
            return None;
        }
        Some(path)
    }

    fn included(&mut self, position: usize, include: &Include) -> Vec<PayloadFile> {
        let (pattern, to, place) = match include {
            Include::Pattern(pattern) => (pattern, None, format!("bundle.include[{position}]")),
            Include::Moved(moved) => {
                (&moved.from, Some(&moved.to), format!("bundle.include[{position}].from"))
            }
        };
        let base = self.base(&place);
        let has_wildcard = pattern.contains(['*', '?', '[', '{']);
        let mut files = Vec::new();
        for path in self.matching(pattern, &place) {
            let below = path.as_str().strip_prefix(&base).unwrap_or(path.as_str()).trim_start_matches('/');
            let place_in_package = match to {
                None => below.to_owned(),
                Some(to) if has_wildcard => format!("{to}/{}", path.file_name()),
                Some(to) => to.to_string(),
            };
            if let Ok(to) = place_in_package.parse() {
                files.push(PayloadFile { to, from: path, executable: false, role: Role::Resource });
            }
        }
        files
    }

    /// The files of the project that a pattern of the manifest means; a finding if there are none.
    fn matching(&mut self, pattern: &str, place: &str) -> Vec<RelPath> {
        let base = self.base(place);
        let full = if base.is_empty() { pattern.to_owned() } else { format!("{base}/{pattern}") };
        let Some(matcher) = self.matcher(&full, pattern, place) else { return Vec::new() };
        let files = self.given.files;
        let matched: Vec<RelPath> =
            files.iter().filter(|path| matcher.is_match(path)).filter_map(|path| path.parse().ok()).collect();
        if matched.is_empty() {
            let finding = Finding::configuration(
                "project::missing-file",
                format!("{pattern:?} matches no file of the project"),
                "create the file, or mend the pattern; it is relative to the manifest's directory",
            );
            self.findings.push(finding.at(place).class(FailureClass::MissingInput));
        }
        matched
    }

    /// What `[linux]` and `app.icon` name. These go to places of their own, so they may have the names of others.
    fn linux_files(&mut self, packages: &[&WorkspacePackage]) -> Vec<PayloadFile> {
        let manifest = self.manifest();
        let linux = &manifest.linux;
        let mut files = Vec::new();
        let lists = [
            ("linux.man", &linux.man, Role::Manual),
            ("linux.completions", &linux.completions, Role::Completion),
            ("linux.docs", &linux.docs, Role::Document),
        ];
        for (key, patterns, role) in lists {
            for (position, pattern) in patterns.iter().flatten().enumerate() {
                for from in self.matching(pattern, &format!("{key}[{position}]")) {
                    // Directories may say more of a page or completion than its name: `de/x.1`, `zsh/_x`.
                    let named = match role {
                        Role::Document => from.file_name().parse(),
                        _ => Ok(from.clone()),
                    };
                    let Ok(to) = named else { continue };
                    files.push(PayloadFile { to, from, executable: false, role: role.clone() });
                }
            }
        }
        let singles = [
            ("linux.changelog", &linux.changelog, Role::Changelog),
            (
                "linux.desktop.file",
                &linux.desktop.as_ref().and_then(|desktop| desktop.file.clone()),
                Role::DesktopEntry,
            ),
            (
                "linux.metainfo.file",
                &linux.metainfo.as_ref().and_then(|metainfo| metainfo.file.clone()),
                Role::Metainfo,
            ),
            ("app.icon", &manifest.app.icon, Role::Icon),
        ];
        for (key, text, role) in singles {
            let Some(from) = text.as_ref().and_then(|text| self.manifest_file(key, text)) else { continue };
            let Ok(to) = from.file_name().parse() else { continue };
            files.push(PayloadFile { to, from, executable: false, role });
        }
        if linux.changelog.is_none()
            && let Some(from) = packages.iter().find_map(|package| self.standard_changelog(package))
            && let Ok(to) = from.file_name().parse()
        {
            files.push(PayloadFile { to, from, executable: false, role: Role::Changelog });
        }
        for (key, list) in [("linux.config", &linux.configs), ("linux.file", &linux.files)] {
            for (position, file) in list.iter().enumerate() {
                let place = format!("{key}[{position}]");
                let Some(from) = self.manifest_file(&format!("{place}.from"), &file.from) else { continue };
                let mode = mode(file);
                let role = if key == "linux.config" { Role::Config { mode } } else { Role::System { mode } };
                let executable = mode & 0o111 != 0;
                files.push(PayloadFile { to: file.to.clone(), from, executable, role });
            }
        }
        for (position, unit) in linux.units.iter().enumerate() {
            let place = format!("linux.unit[{position}].file");
            let Some(from) = self.manifest_file(&place, &unit.file) else { continue };
            let Ok(to) = from.file_name().parse() else { continue };
            let plan = UnitPlan {
                scope: unit.scope.unwrap_or(UnitScope::System),
                enable: unit.enable,
                start: unit.start.unwrap_or(true),
                restart_on_upgrade: unit.restart_on_upgrade.unwrap_or(true),
            };
            files.push(PayloadFile { to, from, executable: false, role: Role::Unit(plan) });
        }
        // Two patterns may match one file.
        files.sort();
        files.dedup();
        files
    }

    /// Signers with a table of their own sign, unless the command line says that nothing is signed.
    fn signers(&mut self) -> BTreeMap<String, serde_json::Value> {
        let mut signers = self.manifest().sign.clone();
        if self.given.request.no_sign {
            self.skipped.extend(signers.keys().map(|signer| Skipped {
                what: format!("signing with {signer}"),
                why: "--no-sign was given".to_owned(),
            }));
            return BTreeMap::new();
        }
        if let Some(maximum) = self.given.request.max_signatures {
            for id in self.given.catalog.code_signers.keys() {
                if let Some(settings) = signers.get_mut(id).and_then(serde_json::Value::as_object_mut) {
                    settings.insert("max-signatures".to_owned(), maximum.into());
                }
            }
        }
        signers
    }

    /// The package repositories to make: each needs packages of its format, and a signer unless it is to be unsigned.
    fn repositories(
        &mut self,
        signers: &BTreeMap<String, serde_json::Value>,
        targets: &[ProjectTarget],
    ) -> BTreeMap<String, serde_json::Value> {
        let repositories = self.manifest().repository.clone();
        for (id, settings) in &repositories {
            let Some(entry) = self.given.catalog.repositories.get(id) else { continue };
            let offer = &entry.offer;
            let there = targets
                .iter()
                .any(|target| target.formats.iter().any(|format| format.as_str() == offer.format));
            // A run for one format or target alone is not about the repository.
            let narrowed = !self.given.request.formats.is_empty() || !self.given.request.targets.is_empty();
            if !there && !narrowed {
                let message = format!("no target makes a {}, so the repository would be empty", offer.format);
                let help = format!("add {:?} to `bundle.formats`, or take this table out", offer.format);
                self.find("project::empty-repository", format!("repository.{id}"), message, help);
            }
            let unsigned = settings.get("signed") == Some(&serde_json::Value::Bool(false));
            if !unsigned && !signers.contains_key(offer.signer) && !self.given.request.no_sign {
                let message =
                    format!("a repository is signed by {0}, and there is no [sign.{0}]", offer.signer);
                let help = format!(
                    "add [sign.{}] with a key, or write `signed = false`: then each user has to trust it by hand",
                    offer.signer
                );
                self.find("project::unsigned-repository", format!("repository.{id}"), message, help);
            }
        }
        repositories
    }

    fn matcher(&mut self, full: &str, pattern: &str, place: &str) -> Option<GlobMatcher> {
        match GlobBuilder::new(full).literal_separator(true).backslash_escape(true).build() {
            Ok(glob) => Some(glob.compile_matcher()),
            Err(error) => {
                let message = format!("{pattern:?} is not a pattern of paths: {}", error.kind());
                let help = "`*` is any name, `**` any directories, `{a,b}` one of several".to_owned();
                self.find("project::bad-pattern", place, message, help);
                None
            }
        }
    }

    fn asset_drafts(&mut self) -> Vec<AssetDraft> {
        let mut drafts = Vec::new();
        for (position, written) in self.manifest().assets.iter().enumerate() {
            let place = format!("asset[{position}]");
            let origin = match (&written.url, &written.file) {
                (Some(url), _) => Some(Origin::Url(url.clone())),
                (None, Some(file)) => self.manifest_file(&format!("{place}.file"), file).map(Origin::File),
                // The schema asks for one of the two.
                (None, None) => None,
            };
            let mut targets = Vec::new();
            for (at, name) in written.targets.iter().flatten().enumerate() {
                let request = TargetRequest::parse(name);
                if let Some(row) = self.row(&request.name, &format!("{place}.targets[{at}]")) {
                    targets.push(row.name.clone());
                }
            }
            let Some(origin) = origin else { continue };
            let asset = Asset {
                path: written.path.clone(),
                origin,
                sha256: written.sha256.clone().unwrap_or_else(|| Sha256::of(b"")),
                size: written.size,
                max_size: written.max_size.map_or(MAXIMUM_ASSET, |size| size.bytes()),
                unpack: written.unpack.unwrap_or_default(),
                member: written.member.clone(),
                strip: written.strip.unwrap_or(0),
                executable: written.executable.unwrap_or(false),
                targets,
                license: written.license.clone(),
            };
            drafts.push(AssetDraft { path_in_manifest: place, asset, sha256: written.sha256.clone() });
        }
        drafts
    }

    /// Gives every asset its digest: the manifest's, else the lock's for the same origin.
    fn pinned(&mut self, drafts: Vec<AssetDraft>) -> Vec<Asset> {
        let mut assets = Vec::new();
        for AssetDraft { path_in_manifest, mut asset, sha256 } in drafts {
            let origin = asset.origin.to_string();
            let locked = self
                .given
                .locked
                .iter()
                .find(|entry| entry.path == asset.path.as_str() && entry.origin == origin);
            match (sha256, locked) {
                (Some(sha256), _) => asset.sha256 = sha256,
                (None, Some(entry)) => {
                    asset.sha256 = entry.sha256.clone();
                    asset.size = asset.size.or(Some(entry.size));
                }
                (None, None) => {
                    let message =
                        format!("the asset {} has no sha256, and Deploy.lock has none for it", asset.path);
                    let help = "run `cargo deploy assets lock`, or write the sha256 here".to_owned();
                    self.find("project::unlocked-asset", path_in_manifest, message, help);
                    continue;
                }
            }
            assets.push(asset);
        }
        assets
    }

    /// What goes into packages must have paths of its own.
    fn distinct_paths(&mut self, binaries: &[Binary], files: &[PayloadFile], assets: &[Asset]) {
        let mut taken: BTreeMap<&str, String> = BTreeMap::new();
        for binary in binaries {
            if let Some(other) = taken.insert(&binary.name, format!("the binary {}", binary.name)) {
                let message = format!("{other} is in two of the chosen packages");
                let help = "choose one package with `-p` or `cargo.packages`".to_owned();
                self.find("project::duplicate-path", "", message, help);
            }
        }
        for file in files {
            if let Some(other) = taken.get(file.to.as_str()) {
                let message =
                    format!("{other} and the file {} would both be {} in the package", file.from, file.to);
                let help = "give the file another place with `to`".to_owned();
                self.find("project::duplicate-path", "bundle.include", message, help);
            } else {
                taken.insert(file.to.as_str(), format!("the file {}", file.from));
            }
        }
        let mut by_path: BTreeMap<&str, Vec<&Asset>> = BTreeMap::new();
        for (position, asset) in assets.iter().enumerate() {
            let others = by_path.entry(asset.path.as_str()).or_default();
            let overlaps = |other: &&Asset| {
                asset.targets.is_empty()
                    || other.targets.is_empty()
                    || asset.targets.iter().any(|target| other.targets.contains(target))
            };
            let clash = match taken.get(asset.path.as_str()) {
                Some(other) => Some(other.clone()),
                None => {
                    others.iter().copied().find(|other| overlaps(other)).map(|_| "another asset".to_owned())
                }
            };
            others.push(asset);
            if let Some(other) = clash {
                let message = format!("{other} has the path {} too", asset.path);
                let help = "give the asset a path of its own, or other targets".to_owned();
                self.find("project::duplicate-path", format!("asset[{position}].path"), message, help);
            }
        }
    }

    /// Whether there is a target whose programs are signed inside.
    fn has_code_signer(&self, targets: &[ProjectTarget]) -> bool {
        let signs = |system: Os| {
            let signers = &self.given.catalog.code_signers;
            self.manifest()
                .sign
                .keys()
                .filter_map(|id| signers.get(id))
                .any(|one| one.systems.contains(&system))
        };
        targets.iter().any(|target| signs(target.target.os))
    }

    /// Programs of a system that has a signer of its own are signed by it, or the release is not signed.
    fn unsigned_systems(&mut self, place: &str, targets: &[ProjectTarget]) {
        for (id, signer) in &self.given.catalog.code_signers {
            let needed = targets.iter().find(|target| signer.systems.contains(&target.target.os));
            if let Some(target) = needed.filter(|_| !self.manifest().sign.contains_key(id)) {
                let message = format!(
                    "the release is to be signed, and nothing says with which key programs for {} are",
                    target.target.name
                );
                let help = format!("add a table `[sign.{id}]` with a key, or take this out");
                self.find("project::unmet-requirement", place, message, help);
            }
        }
    }

    /// A property that this version cannot give a release must not be promised.
    fn requirements(&mut self, targets: &[ProjectTarget]) {
        for (position, requirement) in self.manifest().release.require.iter().flatten().enumerate() {
            let what = match requirement {
                Requirement::Signed => {
                    let place = format!("release.require[{position}]");
                    if self.given.request.no_sign {
                        let message = "the release is to be signed, and --no-sign was given".to_owned();
                        let help = "leave --no-sign out, or take this out".to_owned();
                        self.find("project::unmet-requirement", place, message, help);
                    } else if self.manifest().sign.is_empty() {
                        let message =
                            "the release is to be signed, and nothing says with which key".to_owned();
                        let help = "add a table `[sign.gpg]` or `[sign.minisign]`".to_owned();
                        self.find("project::unmet-requirement", place, message, help);
                    } else {
                        self.unsigned_systems(&place, targets);
                    }
                    continue;
                }
                // Whether a signer has servers for it, the signer says; OpenPGP and minisign have none.
                Requirement::Timestamped if self.has_code_signer(targets) => continue,
                Requirement::Timestamped => "give a signature a trusted time",
                Requirement::Notarized => "have anything notarised",
                Requirement::Sbom => "make a list of components",
                Requirement::Provenance => "make a statement of provenance",
            };
            self.find(
                "project::unmet-requirement",
                format!("release.require[{position}]"),
                format!("this version cannot {what}, so no release of its can meet this"),
                "take it out, or use a version that can".to_owned(),
            );
        }
    }
}

/// The features that cargo turns on for a package.
fn features_on<'p>(package: &'p WorkspacePackage, cargo: &'p CargoRequest) -> BTreeSet<&'p str> {
    let default = (!cargo.no_default_features).then_some("default");
    let mut open: Vec<&str> = cargo
        .features
        .iter()
        .map(|feature| feature.strip_prefix(&format!("{}/", package.name)).unwrap_or(feature))
        .chain(default)
        .collect();
    let mut on = BTreeSet::new();
    while let Some(feature) = open.pop() {
        if on.insert(feature) {
            open.extend(package.features.get(feature).into_iter().flatten().map(String::as_str));
        }
    }
    on
}

fn distinct(formats: impl Iterator<Item = Format>) -> Vec<Format> {
    let mut all = Vec::new();
    for format in formats {
        if !all.contains(&format) {
            all.push(format);
        }
    }
    all
}

/// A title as a file name: lowercase, with hyphens for what is neither letter nor digit.
fn file_name_of(title: &str) -> String {
    let mut name = String::new();
    for c in title.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() || c == '_' || c == '.' {
            name.push(c);
        } else if !name.is_empty() && !name.ends_with('-') {
            name.push('-');
        }
    }
    name.trim_end_matches(['-', '.']).to_owned()
}

/// Whether a file's name says that it is a licence.
fn is_licence(name: &str) -> bool {
    let upper = name.to_ascii_uppercase();
    ["LICENSE", "LICENCE", "COPYING", "UNLICENSE", "NOTICE", "COPYRIGHT"]
        .iter()
        .any(|word| upper.starts_with(word))
}

/// The permission bits of a file; the schema lets nothing but octal digits through.
fn mode(file: &InstalledFile) -> u32 {
    file.mode.as_deref().and_then(|text| u32::from_str_radix(text, 8).ok()).unwrap_or(0o644)
}

/// The file of the project that a setting of a plug-in names, relative to the manifest that the setting is in.
/// `field` is its place: `package.deb.changelog`.
pub fn file_of_setting(given: &Given<'_>, field: &str, text: &str) -> Result<RelPath, Vec<Finding>> {
    let mut resolving = Resolving { given, findings: Vec::new(), skipped: Vec::new() };
    resolving.manifest_file(field, text).ok_or(resolving.findings)
}

/// The files of the project that a setting's pattern means; at least one.
pub fn files_of_setting(given: &Given<'_>, field: &str, pattern: &str) -> Result<Vec<RelPath>, Vec<Finding>> {
    let mut resolving = Resolving { given, findings: Vec::new(), skipped: Vec::new() };
    let files = resolving.matching(pattern, field);
    if resolving.findings.is_empty() { Ok(files) } else { Err(resolving.findings) }
}

/// A relative path without `.` and `..`; `None` when it leads out.
fn flattened(path: &Utf8Path) -> Option<RelPath> {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.as_str().split('/') {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop()?;
            }
            part => parts.push(part),
        }
    }
    if path.is_absolute() { None } else { parts.join("/").parse().ok() }
}

/// A key as a path of keys spells it.
fn quoted_key(key: &str) -> String {
    crate::manifest::FieldPath::root().key(key).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_title_becomes_a_file_name() {
        assert_eq!(file_name_of("Picker Wheel!"), "picker-wheel");
        assert_eq!(file_name_of("  Über  App 2.0 "), "über-app-2.0");
    }

    #[test]
    fn paths_are_flattened_and_never_lead_out() {
        let flat = |path: &str| flattened(Utf8Path::new(path)).map(|path| path.to_string());
        assert_eq!(flat("crates/a/../../LICENSE").as_deref(), Some("LICENSE"));
        assert_eq!(flat("./docs//a.1").as_deref(), Some("docs/a.1"));
        assert_eq!(flat("../outside"), None);
        assert_eq!(flat("/etc/passwd"), None);
    }
}
