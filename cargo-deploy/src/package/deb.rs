//! `deb`: packages for Debian and its descendants.
//!
//! The control file comes from Cargo's metadata and `[package.deb]`, the files stand where [`crate::layout::freedesktop`] puts them, and the bytes
//! are written by [`deploy_formats::debian::package`].

mod assets;
mod check;
mod control;
mod needs;
mod scripts;
mod settings;

pub use settings::DebSettings;

use crate::bench::Workbench;
use crate::bench::files::{self, FileErrorExt as _};
use crate::layout::freedesktop::{self, Flavour, Laid, Rules};
use crate::layout::{Entry, LayoutError, NamedFile, Node, NodeKind, Payload, Tree};
use crate::package::{Contents, Inspection, Keep, PackageError, Packager, ProjectFiles};
use crate::plugin::{Info, Plugin};
use assets::Placed;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::compression::Compression;
use deploy_formats::debian::package::{
    self as format, ControlFile, DataFile, DataWriter, InstalledSize, Packing,
};
use deploy_formats::debian::{Architecture, PackageName, Relations, Version};
use deploy_formats::freedesktop::man_page;
use deploy_formats::maintainer_script::{self, Activation};
use deploy_formats::member::Member as FormatMember;
use deploy_model::event::ProgressUnit;
use deploy_model::{Arch, Os, RelPath, Sha256, Triple};
use deploy_plan::catalog::{Layout, Shape};
use deploy_plan::finding::Finding;
use deploy_plan::manifest::UnitScope;
use deploy_plan::project::{Role, UnitPlan};
use settings::{DebCompression, UnitSet};
use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write as _};

/// `deb`.
#[derive(Debug)]
pub struct Deb;

impl Plugin for Deb {
    type Settings = DebSettings;
    const INFO: Info =
        Info { id: "deb", summary: "A package for Debian, Ubuntu and their descendants", revision: 1 };
}

/// The property that names the owner of the files; Debian's packages belong to root.
const OWNER: (&str, &str) = ("Owner", "root:root");

impl Packager for Deb {
    const SHAPE: Shape = Shape {
        systems: &[Os::Linux],
        architectures: &[
            (Arch::X64, "amd64"),
            (Arch::Arm64, "arm64"),
            (Arch::Armv7, "armhf"),
            (Arch::Riscv64, "riscv64"),
        ],
        file_name: "{name}_{version}{-revision}_{arch}.deb",
        plain_names: true,
        revision: Some(("revision", "1")),
        pre_release: '~',
        layout: Layout::Freedesktop,
        program: None,
        installs_program: None,
        embeds: None,
        executable: false,
    };

    fn named_files(
        &self,
        settings: &DebSettings,
        project: &dyn ProjectFiles,
    ) -> Result<BTreeMap<String, RelPath>, Vec<Finding>> {
        assets::named(settings, project)
    }

    fn check(&self, settings: &DebSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
        check::findings(settings, inspection)
    }

    fn lay_out(
        &self,
        settings: &DebSettings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        lay_out(settings, payload, bench)
    }

    fn package(
        &self,
        settings: &DebSettings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        write(settings, payload, tree, bench)
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        read(artifact, keep)
    }
}

/// The architecture of a target; every target of the shape has one.
fn architecture(triple: &Triple) -> Option<Architecture> {
    Architecture::of_triple(triple.as_str())
}

/// Writes the package. The control files are all in the tree's properties.
fn write(
    settings: &DebSettings,
    payload: &Payload,
    tree: &Tree,
    bench: &Workbench<'_>,
) -> Result<Utf8PathBuf, PackageError> {
    let path = bench.file(&payload.file);
    let packing = Packing {
        compression: compression(settings),
        level: payload.level(settings.level),
        threads: bench.workers(),
        modified: bench.moment(),
        x86: matches!(
            architecture(&payload.triple).as_ref().map(Architecture::as_str),
            Some("amd64" | "i386")
        ),
    };
    let broken = |error: format::PackageError| PackageError::Write {
        file: path.clone(),
        source: io::Error::other(error),
    };

    let data_path = bench.file("data.tar");
    let data_file = BufWriter::with_capacity(1 << 18, files::create(&data_path)?);
    let mut data = DataWriter::new(data_file, packing).map_err(broken)?;
    let size = |node: &Node| match &node.kind {
        NodeKind::File { size, .. } => *size,
        NodeKind::Symlink { .. } => 0,
    };
    let total = tree.nodes.iter().map(size).sum();
    let mut done = 0;
    let conffiles = tree.properties.get(CONFFILES).map(String::as_str).unwrap_or_default();
    for node in &tree.nodes {
        let failed = |error: format::PackageError| PackageError::Entry {
            path: node.path.clone(),
            source: io::Error::other(error),
        };
        match &node.kind {
            NodeKind::File { content, size, mode, .. } => {
                let config = conffiles.lines().any(|line| line.strip_prefix('/') == Some(node.path.as_str()));
                let file = DataFile { path: &node.path, mode: *mode, size: *size, config };
                data.file(file, &mut files::open(content)?).map_err(failed)?;
            }
            NodeKind::Symlink { target } => data.symlink(&node.path, target).map_err(failed)?,
        }
        done += size(node);
        bench.progress(done, Some(total), ProgressUnit::Bytes);
    }
    let (mut data_file, summary) = data.finish().map_err(broken)?;
    data_file.flush().file("write", &data_path)?;
    drop(data_file);

    let property = |name: &str| tree.properties.get(name).map(String::as_str);
    let control = control::paragraph(property)
        .map_err(|error| PackageError::Write { file: path.clone(), source: io::Error::other(error) })?;
    let mut control_files = vec![ControlFile { name: "md5sums", content: summary.md5sums.as_bytes() }];
    for (name, content) in &tree.properties {
        if CONTROL_FILES.contains(&name.as_str()) {
            control_files.push(ControlFile { name, content: content.as_bytes() });
        }
    }
    let size = files::metadata_if_exists(&data_path)?.map_or(0, |metadata| metadata.len());
    let mut data = BufReader::with_capacity(1 << 18, files::open(&data_path)?);
    let output = BufWriter::with_capacity(1 << 18, files::create(&path)?);
    let written = format::write(output, packing, &control, &control_files, size, &mut data);
    written.map_err(broken)?.flush().file("write", &path)?;
    files::remove_file(&data_path)?;
    Ok(path)
}

fn compression(settings: &DebSettings) -> Compression {
    match settings.compression.unwrap_or_default() {
        DebCompression::Xz => Compression::Xz,
        DebCompression::Zstd => Compression::Zstd,
        DebCompression::Gzip => Compression::Gzip,
    }
}

/// Reads a package: what it says of itself, and every file, link and directory but the root.
fn read(artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
    let unreadable = |source: Box<dyn std::error::Error + Send + Sync>| PackageError::Read {
        file: artifact.to_owned(),
        source,
    };
    let mut contents = Contents::default();
    let mut owners = String::new();
    let file = BufReader::with_capacity(1 << 18, files::open(artifact)?);
    let package = format::read(file, |member, content| {
        if let Some(owner) = &member.owner
            && (owner.user, owner.group) != (0, 0)
        {
            owners.push_str(&format!("\n{}:{} {}", owner.user, owner.group, member.path));
        }
        take_in(&mut contents, member, content, keep)
    })
    .map_err(|error| unreadable(Box::new(error)))?;
    let properties = &mut contents.listing.properties;
    properties.extend(package.control.iter().map(|(name, value)| (name.to_owned(), value.to_owned())));
    properties.push((OWNER.0.to_owned(), format!("{}{owners}", OWNER.1)));
    for (member, content) in &package.files {
        let name = member.path.strip_prefix("./").unwrap_or(&member.path);
        if !CONTROL_FILES.contains(&name) {
            continue;
        }
        let expected = if format::SCRIPTS.contains(&name) { 0o755 } else { 0o644 };
        let mut text = String::from_utf8_lossy(content).into_owned();
        if member.mode != Some(expected) {
            text = format!("mode {:04o}\n{text}", member.mode.unwrap_or(0));
        }
        properties.push((name.to_owned(), text));
    }
    Ok(contents)
}

fn take_in(
    contents: &mut Contents,
    member: &FormatMember,
    content: &mut dyn Read,
    keep: Keep<'_>,
) -> io::Result<()> {
    let path = member.path.strip_prefix("./").unwrap_or(&member.path);
    if path == "." {
        return Ok(());
    }
    contents.take_in(super::listed(member, path)?, content, keep)
}

/// The control files that are properties of the package by their names, with their whole text.
const CONTROL_FILES: [&str; 8] =
    [CONFFILES, "config", "postinst", "postrm", "preinst", "prerm", "templates", "triggers"];

/// The list of configuration files.
const CONFFILES: &str = "conffiles";

/// What the settings of one package come to.
struct Draft<'d> {
    settings: &'d DebSettings,
    payload: &'d Payload,
    bench: &'d Workbench<'d>,
    name: PackageName,
    version: Version,
    maintainer: String,
    architecture: Architecture,
}

fn lay_out(settings: &DebSettings, payload: &Payload, bench: &Workbench<'_>) -> Result<Tree, PackageError> {
    let name = control::name(settings, &payload.app).map_err(|error| wrong("name", error))?;
    let architecture = architecture(&payload.triple)
        .ok_or_else(|| wrong("architecture", io::Error::from(io::ErrorKind::Unsupported)))?;
    let app = &payload.app;
    let version = control::version(settings, app).map_err(|error| wrong("revision", error))?;
    let maintainer = match control::maintainer(settings, app) {
        Some(maintainer) => maintainer.to_owned(),
        None => {
            let unknown = control::unknown_maintainer(app);
            bench.warn(
                format!("the Debian package names {unknown} as its maintainer, because nobody else is named"),
                Some("add `authors` to Cargo.toml, or `maintainer` to [package.deb]".to_owned()),
            );
            unknown
        }
    };
    Draft { settings, payload, bench, name, version, maintainer, architecture }.tree()
}

/// A setting that the checks would not have let through.
fn wrong(key: &'static str, source: impl std::error::Error + Send + Sync + 'static) -> LayoutError {
    LayoutError::Unusable {
        file: format!("`package.deb.{key}`"),
        what: "a setting",
        source: Box::new(source),
    }
}

impl Draft<'_> {
    fn tree(&self) -> Result<Tree, PackageError> {
        let mut payload = self.payload.clone();
        self.replace_texts(&mut payload)?;
        let (configurations, upgrades) = self.add_units(&mut payload);
        let (version, maintainer) = (self.version.to_string(), self.maintainer.as_str());
        let name = self.name.as_str();
        let rules = Rules { flavour: Flavour::Debian, name, version: &version, maintainer };
        let Laid { nodes, mut activation, .. } = freedesktop::lay_out(rules, &payload, self.bench)?;
        let mut nodes: BTreeMap<String, Node> =
            nodes.into_iter().map(|node| (node.path.clone(), node)).collect();
        for (path, file) in configurations {
            if let Some(name) = path.strip_prefix("usr/lib/sysusers.d/") {
                activation.sysusers.push(name.to_owned());
            } else if let Some(name) = path.strip_prefix("usr/lib/tmpfiles.d/") {
                activation.tmpfiles.push(name.to_owned());
            }
            let node = file_node(&path, file, 0o644, Role::System { mode: 0o644 });
            nodes.insert(path, node);
        }
        for unit in &mut activation.units {
            if let Some(set) = upgrades.get(unit.name.as_str()) {
                unit.restart_after_upgrade = set.restart_after_upgrade.unwrap_or(true);
                unit.stop_on_upgrade = set.stop_on_upgrade.unwrap_or(true);
            }
        }
        self.name_holders(&mut nodes)?;
        self.place_assets(&mut nodes)?;
        let mut tree = Tree { nodes: nodes.into_values().collect(), properties: BTreeMap::new() };
        tree.properties = self.properties(&tree, &activation)?;
        Ok(tree)
    }

    /// The settings' own change log and licence, instead of those that are for every format.
    fn replace_texts(&self, payload: &mut Payload) -> Result<(), PackageError> {
        let named = |name: &str| self.payload.named_files.get(name);
        if let Some(file) = self.settings.changelog.as_deref().and_then(named) {
            payload.entries.retain(|entry| entry.role != Role::Changelog);
            payload.entries.extend(entry(file, Role::Changelog));
        }
        if let Some((file, lines)) =
            self.settings.license_file.as_ref().and_then(settings::LicenseFile::parts)
            && let Some(file) = named(file)
        {
            payload.entries.retain(|entry| entry.role != Role::License);
            let mut file = file.clone();
            if lines > 0 {
                let text = String::from_utf8_lossy(&files::read(&file.content)?).into_owned();
                let rest: String = text.split_inclusive('\n').skip(lines).collect();
                file.content = self.bench.file("license");
                (file.size, file.sha256) = (rest.len() as u64, Sha256::of(rest.as_bytes()));
                files::replace(&file.content, rest.as_bytes())?;
            }
            payload.entries.extend(entry(&file, Role::License));
        }
        Ok(())
    }

    /// Writes the holders of the copyright that the settings name into the copyright file.
    fn name_holders(&self, nodes: &mut BTreeMap<String, Node>) -> Result<(), PackageError> {
        let Some(holders) = self.settings.copyright.as_deref().map(str::trim).filter(|text| !text.is_empty())
        else {
            return Ok(());
        };
        let path = format!("usr/share/doc/{}/copyright", self.name);
        let Some(Node { kind: NodeKind::File { content, size, sha256, .. }, .. }) = nodes.get_mut(&path)
        else {
            return Ok(());
        };
        let text = String::from_utf8_lossy(&files::read(content)?).into_owned();
        const FIELD: &str = "\nCopyright:";
        let Some((before, rest)) = text.split_once(FIELD) else { return Ok(()) };
        let Some(end) = rest.find("\nLicense:") else { return Ok(()) };
        let holders: Vec<&str> = holders.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        let text = format!("{before}{FIELD} {}{}", holders.join("\n "), &rest[end..]);
        *content = self.bench.file("copyright");
        (*size, *sha256) = (text.len() as u64, Sha256::of(text.as_bytes()));
        files::replace(content, text.as_bytes())?;
        Ok(())
    }

    /// Adds the units that are found by their names. Gives the other files of systemd with their places, and for each
    /// unit the set that says what an upgrade does to it.
    fn add_units(&self, payload: &mut Payload) -> (Vec<(String, &NamedFile)>, BTreeMap<String, &UnitSet>) {
        let mut configurations = Vec::new();
        let mut upgrades = BTreeMap::new();
        let named = &self.payload.named_files;
        for (_, set) in self.settings.systemd_units.iter().flat_map(|units| units.sets("")) {
            let plan = UnitPlan {
                scope: UnitScope::System,
                enable: Some(set.enable.unwrap_or(true)),
                start: set.start.unwrap_or(true),
                restart_on_upgrade: set.restart_after_upgrade.unwrap_or(true),
            };
            for found in scripts::units(self.settings, set, &self.name, named, |file| &file.path) {
                match found {
                    scripts::FoundUnit::Unit { name, file } => {
                        let Some(file) = named.get(&file) else { continue };
                        let Ok(path) = name.parse() else { continue };
                        upgrades.insert(name, set);
                        payload
                            .entries
                            .extend(entry(file, Role::Unit(plan)).map(|entry| Entry { path, ..entry }));
                    }
                    scripts::FoundUnit::Configuration { path, file } => {
                        configurations.extend(named.get(&file).map(|file| (path, file)));
                    }
                }
            }
        }
        (configurations, upgrades)
    }

    /// Puts the assets where the settings want them; they are stronger than what would stand there by itself.
    fn place_assets(&self, nodes: &mut BTreeMap<String, Node>) -> Result<(), PackageError> {
        let mut binaries: Vec<(String, String)> = Vec::new();
        for asset in self.settings.assets.iter().flatten() {
            match assets::placed(asset).map_err(|message| wrong("assets", io::Error::other(message)))? {
                Placed::Auto => {}
                Placed::Binary { name, path, mode } => {
                    let is_it = |node: &&Node| is_program(node, &name);
                    let Some(node) = nodes.values().find(is_it).cloned() else { continue };
                    // A binary may be wanted at several places; the one where it stands by itself is not among them.
                    let first = !binaries.iter().any(|(known, _)| *known == name);
                    if first {
                        nodes.remove(&node.path);
                        let leads_to_it = |other: &Node| match &other.kind {
                            NodeKind::Symlink { target } => {
                                target.trim_start_matches("../") == node.path.trim_start_matches("usr/")
                            }
                            NodeKind::File { .. } => false,
                        };
                        nodes.retain(|_, other| !leads_to_it(other));
                    }
                    let NodeKind::File { content, size, sha256, role, .. } = node.kind else { continue };
                    let kind = NodeKind::File { content, size, sha256, mode, role };
                    binaries.push((name, path.clone()));
                    nodes.insert(path.clone(), Node { path, kind, origin: node.origin });
                }
                Placed::Files { source, to, mode } => {
                    for file in assets::of_source(&self.payload.named_files, &source, |file| &file.path) {
                        let path = assets::destination(&source, &file.path, &to);
                        let node = file_node(&path, file, mode, Role::System { mode });
                        let node = self.compressed_if_manual(node)?;
                        nodes.insert(node.path.clone(), node);
                    }
                }
                Placed::Link { path, target } => {
                    nodes.insert(
                        path.clone(),
                        Node { path, kind: NodeKind::Symlink { target }, origin: None },
                    );
                }
            }
        }
        Ok(())
    }

    /// Manual pages lie compressed in a Debian package (Policy 12.1), however an asset names them.
    fn compressed_if_manual(&self, node: Node) -> Result<Node, PackageError> {
        let is_page = node.path.starts_with("usr/share/man/") && !node.path.ends_with(".gz");
        let NodeKind::File { content, mode, role, .. } = &node.kind else { return Ok(node) };
        if !is_page {
            return Ok(node);
        }
        let path = format!("{}.gz", node.path);
        let plain = files::read(content)?;
        let bytes =
            man_page::gzipped(&plain).map_err(|source| PackageError::Entry { path: path.clone(), source })?;
        let file = self.bench.file(&path.replace('/', "-"));
        files::replace(&file, &bytes)?;
        let kind = NodeKind::File {
            content: file,
            size: bytes.len() as u64,
            sha256: Sha256::of(&bytes),
            mode: *mode,
            role: role.clone(),
        };
        Ok(Node { path, kind, origin: None })
    }

    /// What the package says of itself: the fields of its control file, its owner, its scripts.
    fn properties(
        &self,
        tree: &Tree,
        activation: &Activation,
    ) -> Result<BTreeMap<String, String>, PackageError> {
        let (settings, app) = (self.settings, &self.payload.app);
        let mut size = InstalledSize::new();
        for node in &tree.nodes {
            match &node.kind {
                NodeKind::File { size: bytes, .. } => size.add_file(&node.path, *bytes),
                NodeKind::Symlink { .. } => size.add_symlink(&node.path),
            }
        }
        let extended = match (&settings.extended_description, &settings.extended_description_file) {
            (Some(text), _) => text.clone(),
            (None, Some(name)) => match self.payload.named_files.get(name) {
                Some(file) => String::from_utf8_lossy(&files::read(&file.content)?).into_owned(),
                None => String::new(),
            },
            (None, None) => {
                self.payload.metainfo.as_ref().and_then(|info| info.description.clone()).unwrap_or_default()
            }
        };
        let mut properties = BTreeMap::from([
            ("Package", self.name.to_string()),
            ("Version", self.version.to_string()),
            ("Architecture", self.architecture.to_string()),
            ("Maintainer", self.maintainer.clone()),
            ("Installed-Size", size.kibibytes().to_string()),
            ("Section", settings.section.clone().unwrap_or_else(|| "misc".to_owned())),
            ("Priority", settings.priority.map_or("optional", settings::Priority::as_str).to_owned()),
            ("Homepage", app.homepage.clone().unwrap_or_default()),
            ("Description", control::description(app, &self.name, &extended)),
            (OWNER.0, OWNER.1.to_owned()),
            (CONFFILES, self.conffiles(tree)),
        ]);
        for (field, relations) in self.relations(tree, activation)? {
            properties.insert(field, relations.to_string());
        }
        let scripts = self.scripts(activation)?;
        properties.extend(scripts.iter().map(|(name, text)| (*name, text.clone())));
        properties.retain(|_, text| !text.is_empty());
        Ok(properties.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
    }

    fn relations(
        &self,
        tree: &Tree,
        activation: &Activation,
    ) -> Result<Vec<(&'static str, Relations)>, PackageError> {
        let mut fields = Vec::new();
        let mut computed = None;
        let default = settings::RelationList::Text("$auto".to_owned());
        for (field, key, list) in control::relation_fields(self.settings) {
            let list = match (list, field) {
                (None, "Depends") => &default,
                (None, _) => continue,
                (Some(list), _) => list,
            };
            let read = control::relations(list, key, &self.architecture);
            let (mut relations, auto) = read.map_err(|findings| {
                let messages: Vec<String> = findings.into_iter().map(|finding| finding.message).collect();
                wrong(key, io::Error::other(messages.join("; ")))
            })?;
            if auto {
                let known = match computed.take() {
                    Some(known) => known,
                    None => needs::computed(tree, &self.architecture, self.bench)?,
                };
                relations = control::joined(known.clone(), relations);
                computed = Some(known);
            }
            if field == "Depends" && !activation.sysusers.is_empty() {
                let sysusers =
                    maintainer_script::SYSUSERS_DEPENDS.parse().map_err(|error| wrong(key, error))?;
                relations = control::joined(relations, sysusers);
            }
            fields.push((field, relations));
        }
        Ok(fields)
    }

    /// Files below `/etc`, and those that the settings name.
    fn conffiles(&self, tree: &Tree) -> String {
        let named =
            |path: &str| self.settings.conf_files.iter().any(|file| file.strip_prefix('/') == Some(path));
        let mut list = String::new();
        for node in &tree.nodes {
            if let NodeKind::File { role, .. } = &node.kind
                && (matches!(role, Role::Config { .. }) || node.path.starts_with("etc/") || named(&node.path))
            {
                list.push_str(&format!("/{}\n", node.path));
            }
        }
        list
    }

    /// The project's scripts with what the units need put in.
    fn scripts(&self, activation: &Activation) -> Result<Vec<(&'static str, String)>, PackageError> {
        let generated = activation.deb();
        let named = &self.payload.named_files;
        let found = scripts::found(self.settings, &self.name, named, |file| &file.path);
        let mut scripts = Vec::new();
        for script in scripts::SCRIPTS {
            let own =
                match found.iter().find(|(name, _)| *name == script).and_then(|(_, file)| named.get(file)) {
                    Some(file) => Some((file, files::read(&file.content)?)),
                    None => None,
                };
            if script == "templates" {
                scripts.extend(own.map(|(_, text)| (script, String::from_utf8_lossy(&text).into_owned())));
                continue;
            }
            let part = match script {
                "postinst" => generated.postinst.as_str(),
                "prerm" => generated.prerm.as_str(),
                "postrm" => generated.postrm.as_str(),
                _ => "",
            };
            let own_text = own.as_ref().map(|(_, text)| text.as_slice());
            let composed = maintainer_script::compose(own_text, part).map_err(|problems| {
                let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
                LayoutError::Unusable {
                    file: own.as_ref().map_or(script.to_owned(), |(file, _)| file.path.to_string()),
                    what: "a maintainer script",
                    source: Box::new(io::Error::other(lines.join("; "))),
                }
            })?;
            scripts.extend(composed.map(|text| (script, text)));
        }
        if let Some(file) = self.settings.triggers_file.as_ref().and_then(|name| named.get(name)) {
            scripts.push(("triggers", String::from_utf8_lossy(&files::read(&file.content)?).into_owned()));
        }
        Ok(scripts)
    }
}

/// A named file as an entry by the name of its file.
fn entry(file: &NamedFile, role: Role) -> Option<Entry> {
    Some(Entry {
        path: file.path.file_name().parse().ok()?,
        content: file.content.clone(),
        size: file.size,
        sha256: file.sha256.clone(),
        executable: false,
        role,
        code_signature: None,
    })
}

fn file_node(path: &str, file: &NamedFile, mode: u32, role: Role) -> Node {
    Node {
        path: path.to_owned(),
        kind: NodeKind::File {
            content: file.content.clone(),
            size: file.size,
            sha256: file.sha256.clone(),
            mode,
            role,
        },
        origin: None,
    }
}

/// Whether a node is the binary of this name.
fn is_program(node: &Node, name: &str) -> bool {
    let role = matches!(node.kind, NodeKind::File { role: Role::Program, .. });
    role && node.origin.as_ref().is_some_and(|origin| origin.file_name() == name)
}
