//! `rpm`: packages for Fedora, RHEL, openSUSE and their relatives.
//!
//! The header comes from Cargo's metadata and `[package.rpm]`, the files stand where [`crate::layout::freedesktop`] puts them, and the bytes are
//! written by [`deploy_formats::rpm`].

mod check;
mod description;
mod settings;

pub use settings::RpmSettings;

use crate::bench::Workbench;
use crate::bench::files::{self, FileError, FileErrorExt as _};
use crate::key::{Certificate, Key, Subject};
use crate::layout::freedesktop::{self, Flavour, Laid, Rules};
use crate::layout::{LayoutError, Node, NodeKind, Payload, Tree};
use crate::package::{Contents, Inspection, Keep, PackageError, Packager, ProjectFiles, broken, unreadable};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::changelog;
use deploy_formats::compression::Compression;
use deploy_formats::maintainer_script::{self, Activation};
use deploy_formats::rpm::{
    self as format, Change, Dependency, Entry, File, FileKind, Marks, Moment, Options, Package, Reader,
    Script,
};
use deploy_model::event::ProgressUnit;
use deploy_model::{Arch, Member, MemberKind, Os, RelPath, Triple};
use deploy_plan::catalog::{Layout, Shape};
use deploy_plan::finding::Finding;
use deploy_plan::project::Role;
use settings::{ChangedConfig, RpmCompression};
use std::cell::Cell;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, BufReader, BufWriter, Read, Write as _};

/// `rpm`.
#[derive(Debug)]
pub struct Rpm;

impl Plugin for Rpm {
    type Settings = RpmSettings;
    const INFO: Info =
        Info { id: "rpm", summary: "A package for Fedora, RHEL, openSUSE and their relatives", revision: 1 };
}

/// The property that names the owner of the files, and who else has some.
const OWNER: (&str, &str) = ("Owner", "root:root");

/// The property that lists configuration files, with what an upgrade does with them.
const CONFIGURATION: &str = "Configuration";

/// The property that names the compression.
const COMPRESSION: &str = "Compression";

impl Packager for Rpm {
    const SHAPE: Shape = Shape {
        systems: &[Os::Linux],
        architectures: &[
            (Arch::X64, "x86_64"),
            (Arch::Arm64, "aarch64"),
            (Arch::Armv7, "armv7hl"),
            (Arch::Riscv64, "riscv64"),
        ],
        file_name: "{name}-{version}-{revision}.{arch}.rpm",
        plain_names: false,
        revision: Some(("release", "1")),
        pre_release: '~',
        layout: Layout::Freedesktop,
        program: None,
        installs_program: None,
        embeds: Some("gpg"),
        executable: false,
    };

    fn named_files(
        &self,
        settings: &RpmSettings,
        project: &dyn ProjectFiles,
    ) -> Result<BTreeMap<String, RelPath>, Vec<Finding>> {
        let mut named = BTreeMap::new();
        let mut findings = Vec::new();
        for (_, key, name) in description::scripts(settings) {
            let Some(name) = name else { continue };
            match project.file(&format!("package.rpm.{key}"), name) {
                Ok(path) => drop(named.insert(name.clone(), path)),
                Err(found) => findings.extend(found),
            }
        }
        if findings.is_empty() { Ok(named) } else { Err(findings) }
    }

    fn check(&self, settings: &RpmSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
        check::findings(settings, inspection, &Self::SHAPE.version(&inspection.app.version))
    }

    fn lay_out(
        &self,
        settings: &RpmSettings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        let draft = Draft::new(settings, payload, bench)?;
        let mut properties = description::properties(&draft.complete());
        properties.insert(OWNER.0.to_owned(), OWNER.1.to_owned());
        properties.insert(COMPRESSION.to_owned(), name_of(draft.compression).to_owned());
        let configuration = configuration(draft.files.iter().map(|file| (file.path.as_str(), file.marks)));
        properties.extend(configuration.map(|list| (CONFIGURATION.to_owned(), list)));
        Ok(Tree { nodes: draft.nodes, properties })
    }

    fn package(
        &self,
        settings: &RpmSettings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file(&payload.file);
        let draft = Draft::new(settings, payload, bench)?;
        if draft.nodes != tree.nodes {
            let source = io::Error::other("the payload is not the one that was laid out");
            return Err(PackageError::Write { file: path, source });
        }
        let contents: BTreeMap<&str, &Utf8PathBuf> = tree
            .nodes
            .iter()
            .filter_map(|node| match &node.kind {
                NodeKind::File { content, .. } => Some((node.path.as_str(), content)),
                NodeKind::Symlink { .. } => None,
            })
            .collect();
        let done = Cell::new(0);
        let total = draft.files.iter().map(size).sum();
        let mut content = |file: &File| {
            let place = contents.get(relative(&file.path)).ok_or(io::ErrorKind::NotFound)?;
            let reader = files::open(place).map_err(io::Error::other)?;
            done.set(done.get() + size(file));
            bench.progress(done.get(), Some(total), ProgressUnit::Bytes);
            Ok(Box::new(reader) as Box<dyn Read>)
        };
        let options = Options {
            compression: draft.compression,
            level: payload.level(settings.level),
            threads: bench.workers(),
        };
        let output = BufWriter::with_capacity(1 << 18, files::create(&path)?);
        let written = format::write(&draft.package, &draft.files, options, &mut content, output);
        let mut output = written.map_err(|error| broken(&path, error))?;
        output.flush().file("write", &path)?;
        Ok(path)
    }

    fn embed(
        &self,
        artifact: &Utf8Path,
        key: &dyn Key,
        subject: &Subject<'_>,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file("signed.rpm");
        let input = BufReader::with_capacity(1 << 18, files::open(artifact)?);
        let output = BufWriter::with_capacity(1 << 18, files::create(&path)?);
        let mut refused = None;
        let signed = format::sign(
            input,
            |header| {
                key.packet(header, subject).map_err(|error| {
                    let told = io::Error::other(error.to_string());
                    refused = Some(error);
                    told
                })
            },
            output,
        );
        match (signed, refused) {
            (_, Some(error)) => Err(error.into()),
            (Err(error), None) => Err(broken(&path, error)),
            (Ok(mut output), None) => {
                output.flush().file("write", &path)?;
                Ok(path)
            }
        }
    }

    fn check_embedded(
        &self,
        artifact: &Utf8Path,
        certificate: &dyn Certificate,
        _: &Subject<'_>,
    ) -> Result<(), PackageError> {
        let reader = open(artifact)?;
        let Some(signature) = reader.signatures().first() else {
            return Err(unreadable(artifact, io::Error::other("it has no signature inside")));
        };
        Ok(certificate.check_packet(reader.signed_bytes(), &signature.packet)?)
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        read(artifact, keep)
    }
}

fn open(artifact: &Utf8Path) -> Result<Reader<BufReader<std::fs::File>>, PackageError> {
    let file = BufReader::with_capacity(1 << 18, files::open(artifact)?);
    Reader::new(file).map_err(|error| unreadable(artifact, error))
}

fn relative(path: &str) -> &str {
    path.strip_prefix('/').unwrap_or(path)
}

fn size(file: &File) -> u64 {
    match &file.kind {
        FileKind::Regular { size } => *size,
        FileKind::Directory | FileKind::Symlink { .. } => 0,
    }
}

fn name_of(compression: Compression) -> &'static str {
    match compression {
        Compression::None => "none",
        Compression::Gzip => "gzip",
        Compression::Xz => "xz",
        Compression::Zstd => "zstd",
    }
}

/// The architecture of a target; every target of the shape has one.
fn architecture(triple: &Triple) -> &'static str {
    let processor = triple.as_str().split('-').next().unwrap_or_default();
    match processor {
        "x86_64" => "x86_64",
        "aarch64" => "aarch64",
        "armv7" => "armv7hl",
        _ => "riscv64",
    }
}

/// The configuration files, a line each: path, and what becomes of a changed one.
fn configuration<'a>(files: impl Iterator<Item = (&'a str, Marks)>) -> Option<String> {
    let line = |(path, marks): (&str, Marks)| {
        format!("{path} {}", if marks.no_replace { "keep" } else { "replace" })
    };
    let lines: Vec<String> = files.filter(|(_, marks)| marks.config).map(line).collect();
    (!lines.is_empty()).then(|| lines.join("\n"))
}

/// Whether the commands for systemd units go into the scripts of this moment.
fn takes_units(moment: Moment) -> bool {
    matches!(moment, Moment::PostInstall | Moment::PreRemove | Moment::PostRemove)
}

/// Whether a script is one for a shell.
fn is_shell(script: &str) -> bool {
    let words = description::interpreter(script);
    let mut words = words.iter().filter_map(|word| word.rsplit('/').next());
    let first = words.next();
    let program = if matches!(first, Some("env" | "busybox")) { words.next() } else { first };
    matches!(program, Some("sh" | "bash" | "dash" | "ksh" | "zsh" | "ash"))
}

/// What the settings of one package come to.
struct Draft {
    package: Package,
    files: Vec<File>,
    compression: Compression,
    nodes: Vec<Node>,
}

impl Draft {
    fn new(settings: &RpmSettings, payload: &Payload, bench: &Workbench<'_>) -> Result<Self, PackageError> {
        let app = &payload.app;
        let (name, version) = (description::name(settings, app), Rpm::SHAPE.version(&app.version));
        let release = description::release(settings);
        let maintainer = description::packager(settings, app);
        let full_version = format!("{version}-{release}");
        let rules = Rules {
            flavour: Flavour::Rpm,
            name,
            version: &full_version,
            maintainer: maintainer.as_deref().unwrap_or(&app.title),
        };
        let Laid { nodes, activation, .. } = freedesktop::lay_out(rules, payload, bench)?;
        let files = list(settings, name, &nodes);
        let (requires, provides) = relations(settings, &nodes, bench)?;
        let [conflicts, obsoletes, recommends, suggests, supplements, enhances] = settings.lists();
        let list = |(key, lines)| parsed(key, lines).map(|(list, _)| list);
        let changes = freedesktop::changelog(rules, payload, bench.epoch)?;
        let long = || payload.metainfo.as_ref().and_then(|info| info.description.clone());
        let package = Package {
            name: name.to_owned(),
            epoch: settings.epoch,
            version,
            release: release.to_owned(),
            architecture: architecture(&payload.triple).to_owned(),
            summary: description::summary(settings, app),
            description: settings.description.clone().or_else(long).unwrap_or_default(),
            license: app.license.clone().unwrap_or_else(|| "Unspecified".to_owned()),
            group: settings.group.clone(),
            url: app.homepage.clone().or_else(|| app.repository.clone()),
            vendor: settings.vendor.clone(),
            packager: maintainer.clone(),
            // The machine's own name would differ from machine to machine.
            build_host: Some("reproducible".to_owned()),
            source_date: u32::try_from(bench.epoch.max(0)).unwrap_or(u32::MAX),
            requires,
            provides,
            conflicts: list(conflicts)?,
            obsoletes: list(obsoletes)?,
            recommends: list(recommends)?,
            suggests: list(suggests)?,
            supplements: list(supplements)?,
            enhances: list(enhances)?,
            scripts: scripts(settings, payload, &activation)?,
            changelog: changes.iter().map(change).collect(),
        };
        let compression = match settings.compression.unwrap_or_default() {
            RpmCompression::Zstd => Compression::Zstd,
            RpmCompression::Xz => Compression::Xz,
            RpmCompression::Gzip => Compression::Gzip,
            RpmCompression::None => Compression::None,
        };
        Ok(Draft { package, files, compression, nodes })
    }

    /// The package as it will be read back.
    fn complete(&self) -> Package {
        format::complete(&self.package, &self.files, self.compression)
    }
}

fn change(entry: &changelog::Entry) -> Change {
    let change = changelog::rpm(entry);
    Change { time: u32::try_from(change.epoch).unwrap_or(u32::MAX), author: change.author, text: change.text }
}

/// A setting that the checks would not have let through.
fn wrong(key: &str, source: impl std::error::Error + Send + Sync + 'static) -> LayoutError {
    LayoutError::Unusable {
        file: format!("`package.rpm.{key}`"),
        what: "a setting",
        source: Box::new(source),
    }
}

fn parsed(key: &str, lines: &[String]) -> Result<(Vec<Dependency>, bool), LayoutError> {
    description::dependencies(lines).map_err(|(_, error)| wrong(key, error))
}

/// The files, and the directories that belong to the package alone: those with its name, and what is in them.
fn list(settings: &RpmSettings, name: &str, nodes: &[Node]) -> Vec<File> {
    let no_replace = settings.changed_config.unwrap_or_default() == ChangedConfig::Keep;
    let mut list = Vec::new();
    let mut directories = BTreeSet::new();
    for node in nodes {
        let path = format!("/{}", node.path);
        let ends = node.path.match_indices('/').map(|(end, _)| &node.path[..end]);
        directories.extend(ends.filter(|directory| directory.split('/').any(|part| part == name)));
        list.push(match &node.kind {
            NodeKind::File { size, mode, role, .. } => {
                let config = matches!(role, Role::Config { .. })
                    || node.path.starts_with("etc/")
                    || settings.config_files.contains(&path);
                let license = *role == Role::License;
                let documentation = ["usr/share/doc/", "usr/share/man/", "usr/share/info/"];
                let documentation = documentation.iter().any(|start| node.path.starts_with(start));
                let marks = Marks {
                    config,
                    no_replace: config && no_replace,
                    documentation: documentation && !license && !config,
                    license,
                    ghost: false,
                };
                // The lowest twelve bits are all there are.
                let mode = u16::try_from(mode & 0o7777).unwrap_or(0o644);
                File { path, kind: FileKind::Regular { size: *size }, mode, marks }
            }
            NodeKind::Symlink { target } => File {
                path,
                kind: FileKind::Symlink { target: target.clone() },
                mode: 0o777,
                marks: Marks::default(),
            },
        });
    }
    list.extend(directories.into_iter().map(|directory| File {
        path: format!("/{directory}"),
        kind: FileKind::Directory,
        mode: 0o755,
        marks: Marks::default(),
    }));
    list
}

/// What the settings say that the package needs and provides, and what its files do.
fn relations(
    settings: &RpmSettings,
    nodes: &[Node],
    bench: &Workbench<'_>,
) -> Result<(Vec<Dependency>, Vec<Dependency>), PackageError> {
    let auto = || (Vec::new(), true);
    let of = |key, lines: &Option<Vec<String>>| match lines {
        Some(lines) => parsed(key, lines),
        None => Ok(auto()),
    };
    let (mut requires, auto_requires) = of("requires", &settings.requires)?;
    let (mut provides, auto_provides) = of("provides", &settings.provides)?;
    if !auto_requires && !auto_provides {
        return Ok((requires, provides));
    }
    let mut all = format::elf::Capabilities::default();
    let mut public = format::elf::Capabilities::default();
    let mut interpreters = BTreeSet::new();
    for node in nodes {
        let NodeKind::File { content, mode, .. } = &node.kind else { continue };
        let executable = mode & 0o111 != 0;
        let start = start(content)?;
        if executable && start.starts_with(b"#!") {
            let line = start.split(|byte| *byte == b'\n').next().unwrap_or_default();
            let line = String::from_utf8_lossy(line);
            let program = line.trim_start_matches("#!").split_whitespace().next().unwrap_or_default();
            if program.starts_with('/') {
                interpreters.insert(program.to_owned());
            }
        }
        if !start.starts_with(b"\x7fELF") {
            continue;
        }
        let name = node.path.rsplit('/').next().unwrap_or(&node.path);
        match format::elf::capabilities(&files::read(content)?, name, executable) {
            Ok(found) => {
                // Only from these the loader takes libraries for everybody.
                let directory = node.path.strip_suffix(name).unwrap_or_default();
                if ["usr/lib/", "usr/lib64/"].contains(&directory) {
                    public.extend(found.clone());
                }
                all.extend(found);
            }
            Err(error) => bench.warn(
                format!("{} looks like a program and is none: {error}", node.path),
                Some("the package does not require what it may need".to_owned()),
            ),
        }
    }
    if auto_requires {
        // What the package brings along needs nobody else to bring it.
        all.requires.retain(|name| !all.provides.contains(name));
        requires.extend(all.requirements());
        for program in interpreters {
            requires.push(program.parse().map_err(|error| wrong("requires", error))?);
        }
    }
    if auto_provides {
        provides.extend(public.provisions());
    }
    Ok((requires, provides))
}

/// The first bytes of a file, enough for a `#!` line.
fn start(path: &Utf8Path) -> Result<Vec<u8>, FileError> {
    let mut start = Vec::new();
    files::open(path)?.take(256).read_to_end(&mut start).file("read", path)?;
    Ok(start)
}

/// The project's scripts with what the units need put in front of them.
fn scripts(
    settings: &RpmSettings,
    payload: &Payload,
    activation: &Activation,
) -> Result<Vec<Script>, PackageError> {
    let generated = activation.rpm();
    let mut scripts = Vec::new();
    for (moment, _, name) in description::scripts(settings) {
        let part = match moment {
            Moment::PostInstall => generated.post.as_str(),
            Moment::PreRemove => generated.preun.as_str(),
            Moment::PostRemove => generated.postun.as_str(),
            Moment::PreTransaction | Moment::PreInstall | Moment::PostTransaction => "",
        };
        let own = name.and_then(|name| payload.named_files.get(name));
        let Some(own) = own else {
            if !part.is_empty() {
                scripts.push(Script {
                    moment,
                    interpreter: vec!["/bin/sh".to_owned()],
                    body: part.to_owned(),
                });
            }
            continue;
        };
        let bytes = files::read(&own.content)?;
        let unusable = |source: Box<dyn std::error::Error + Send + Sync>| LayoutError::Unusable {
            file: own.path.to_string(),
            what: "a script of the package",
            source,
        };
        let problems = maintainer_script::check(&bytes);
        if !problems.is_empty() {
            let lines: Vec<String> = problems.iter().map(ToString::to_string).collect();
            return Err(unusable(lines.join("; ").into()).into());
        }
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if !part.is_empty() && !is_shell(&text) {
            return Err(unusable(
                "commands for systemd units go in front of it, and it is no shell script".into(),
            )
            .into());
        }
        // Behind the first line, which says what runs the script.
        let (first, rest) = text.split_once('\n').unwrap_or((&text, ""));
        let body = if part.is_empty() { text.clone() } else { format!("{first}\n{part}{rest}") };
        scripts.push(Script { moment, interpreter: description::interpreter(&text), body });
    }
    Ok(scripts)
}

/// Reads a package: what it says of itself, and every file, link and directory of it.
fn read(artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
    let reader = open(artifact)?;
    let mut contents = Contents::default();
    let mut owners = BTreeSet::new();
    for entry in reader.entries() {
        if (entry.user.as_str(), entry.group.as_str()) != ("root", "root") {
            owners.insert(format!("\n{}:{} {}", entry.user, entry.group, entry.path));
        }
    }
    let mut properties = description::properties(reader.package());
    properties.insert(OWNER.0.to_owned(), format!("{}{}", OWNER.1, Vec::from_iter(owners).concat()));
    properties.insert(COMPRESSION.to_owned(), reader.compression().to_owned());
    let files = reader.entries().iter().map(|entry| (entry.path.as_str(), entry.marks));
    properties.extend(configuration(files).map(|list| (CONFIGURATION.to_owned(), list)));
    if let Some(signature) = reader.signatures().first() {
        let key = signature.key_id.as_deref().unwrap_or("a key that it does not name");
        properties.insert("Signed by".to_owned(), key.to_owned());
    }
    contents.listing.properties.extend(properties);
    reader
        .visit(|entry, content| take_in(&mut contents, entry, content, keep))
        .map_err(|error| unreadable(artifact, error))?;
    contents.listing.members.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(contents)
}

fn take_in(contents: &mut Contents, entry: &Entry, content: &mut dyn Read, keep: Keep<'_>) -> io::Result<()> {
    let (kind, size, link) = match &entry.kind {
        Some(FileKind::Regular { size }) => (MemberKind::File, *size, None),
        Some(FileKind::Directory) => (MemberKind::Directory, 0, None),
        Some(FileKind::Symlink { target }) => (MemberKind::Symlink, 0, Some(target.clone())),
        None => return Err(io::Error::other("it is a device, a queue or a socket, which we never write")),
    };
    let path = relative(&entry.path).to_owned();
    let member = Member { path, kind, mode: entry.mode.into(), size, sha256: None, link };
    contents.take_in(member, content, keep)
}
