//! `msi`: packages of Windows Installer. What is installed stands in tables that Windows carries out itself; no code of ours runs
//! on anybody's machine.

mod check;
mod description;

use crate::bench::Workbench;
use crate::bench::files::{self, FileErrorExt as _};
use crate::layout::{Node, NodeKind, Payload, Tree};
use crate::package::{Contents, Inspection, Keep, PackageError, Packager, ProjectFiles, broken, unreadable};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::msi::{self, Database, Package, Packing, Tables, Value};
use deploy_model::event::ProgressUnit;
use deploy_model::{Arch, Member, MemberKind, Os, RelPath, Sha256};
use deploy_plan::catalog::{Layout, Shape};
use deploy_plan::finding::Finding;
use deploy_plan::project::Level;
use description::Described;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::{self, BufReader, BufWriter, Read, Write as _};

/// Settings of packages of Windows Installer.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct MsiSettings {
    /// How hard the compressor works, for this format only.
    level: Option<Level>,

    /// For whom it is installed. Default: `machine`.
    scope: Scope,

    /// What all versions have in common, for ever: an upgrade finds the older version by it. Default: one that follows from
    /// `app.id`, or from the name where there is no id.
    #[schemars(extend("examples" = ["{01234567-89AB-CDEF-0123-456789ABCDEF}"]))]
    upgrade_code: Option<String>,

    /// The version that Windows Installer compares, of three numbers up to 255.255.65535. Default: the application's, which
    /// must not be a pre-release.
    #[schemars(extend("format" = "dotted-version", "examples" = ["1.2.3"]))]
    version: Option<String>,

    /// The language of the dialogues. Default: `en-US`.
    #[schemars(extend("examples" = ["de-DE"]))]
    language: Option<String>,

    /// The terms that a person has to agree to, as text, Markdown or rich text, relative to the manifest. Default: the licence in
    /// the package, if there is one file of that kind.
    #[schemars(extend("format" = "source-path", "examples" = ["LICENSE"]))]
    license: Option<String>,

    /// Whether there are dialogues to go through. Without them, Windows shows how far it is. Default: yes.
    dialogues: Option<bool>,

    /// The folder below `Program Files`, or below the user's own programs; with a slash between several. Default: the
    /// application's name.
    #[schemars(extend("format" = "relative-path", "examples" = ["Example/Picker Wheel"]))]
    install_directory: Option<String>,

    /// Where help is.
    #[schemars(extend("format" = "url"))]
    help_url: Option<String>,

    /// Where newer versions are.
    #[schemars(extend("format" = "url"))]
    update_url: Option<String>,

    /// Whom to ask.
    #[schemars(extend("format" = "single-line"))]
    contact: Option<String>,
}

/// For whom a package is installed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum Scope {
    /// For everybody who uses the machine, by an administrator.
    #[default]
    Machine,
    /// For the user alone, without any rights.
    User,
    /// The person chooses.
    Choose,
}

/// `msi`.
#[derive(Debug)]
pub struct Msi;

impl Plugin for Msi {
    type Settings = MsiSettings;
    const INFO: Info = Info { id: "msi", summary: "A package for Windows Installer", revision: 1 };
}

impl Packager for Msi {
    const SHAPE: Shape = Shape {
        systems: &[Os::Windows],
        architectures: &[(Arch::X64, "x64"), (Arch::Arm64, "arm64")],
        file_name: "{name}-{version}-{arch}.msi",
        layout: Layout::Flat,
        embeds: Some("windows"),
        ..Shape::ANYWHERE
    };

    fn named_files(
        &self,
        settings: &MsiSettings,
        project: &dyn ProjectFiles,
    ) -> Result<BTreeMap<String, RelPath>, Vec<Finding>> {
        let mut named = BTreeMap::new();
        if let Some(license) = &settings.license {
            named.insert(license.clone(), project.file("package.msi.license", license)?);
        }
        Ok(named)
    }

    fn check(&self, settings: &MsiSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
        check::findings(settings, inspection)
    }

    fn lay_out(
        &self,
        settings: &MsiSettings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        let described = Described::of(settings, payload, bench)?;
        let tables = described.tables(payload)?;
        let installed = msi::installed_files(&tables.database)
            .map_err(|error| broken(Utf8Path::new(&payload.file), error))?;
        let mut nodes = Vec::new();
        for file in installed {
            let Some(source) = tables.files.get(&file.key).and_then(|at| described.sources.get(*at)) else {
                continue;
            };
            nodes.push(Node {
                path: file.path,
                kind: NodeKind::File {
                    content: source.content.clone(),
                    size: source.size,
                    sha256: source.sha256.clone(),
                    mode: 0,
                    role: source.role.clone(),
                },
                origin: source.origin.clone(),
            });
        }
        nodes.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(Tree { nodes, properties: properties(&tables.database) })
    }

    fn package(
        &self,
        settings: &MsiSettings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file(&payload.file);
        let described = Described::of(settings, payload, bench)?;
        let Tables { database, cabinets, files: keys } = described.tables(payload)?;
        let level = payload.level(settings.level);
        let packing = Packing { level, threads: bench.workers(), modified: bench.moment() };
        let total: u64 = described.sources.iter().map(|source| source.size).sum();
        let mut done = 0;
        let mut open = |key: &str| -> io::Result<Box<dyn Read>> {
            let source = keys.get(key).and_then(|at| described.sources.get(*at));
            let source = source.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?;
            let file = files::open(&source.content).map_err(io::Error::other)?;
            done += source.size;
            bench.progress(done, Some(total), ProgressUnit::Bytes);
            Ok(Box::new(BufReader::with_capacity(1 << 18, file)))
        };
        let file = BufWriter::with_capacity(1 << 18, files::create(&path)?);
        let mut file = msi::write(file, &database, &cabinets, &mut open, packing)
            .map_err(|error| broken(&path, error))?;
        file.flush().file("write", &path)?;
        debug_assert_eq!(tree.nodes.len(), keys.len());
        Ok(path)
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        let file = files::open(artifact)?;
        let length = file.metadata().file("read", artifact)?.len();
        if !length.is_multiple_of(SECTOR) {
            return Err(unreadable(artifact, format!("it ends within a sector, after {length} bytes")));
        }
        let file = BufReader::with_capacity(1 << 18, file);
        let mut package = Package::open(file).map_err(|error| unreadable(artifact, error))?;
        let mut contents = Contents::default();
        contents.listing.properties.extend(properties(package.database()));
        let signed = if package.signed() { "yes" } else { "no" };
        contents.listing.properties.push((SIGNED.to_owned(), signed.to_owned()));
        package
            .visit(&mut |file, content| {
                let member = Member {
                    path: file.path.clone(),
                    kind: MemberKind::File,
                    mode: 0,
                    size: file.size,
                    sha256: None,
                    link: None,
                };
                contents.take_in(member, content, keep)
            })
            .map_err(|error| unreadable(artifact, error))?;
        contents.listing.members.sort_by(|one, other| one.path.cmp(&other.path));
        Ok(contents)
    }
}

/// What compound files are made of, in bytes ([MS-CFB] section 2.2, version 3).
const SECTOR: u64 = 512;

/// Whether there is a signature; that it is a good one is not for the packager to say.
const SIGNED: &str = "Signed";

/// The tables whose rows are told, because they are what happens on a machine beside the copying of files.
const TOLD: &[&str] = &[
    "CustomAction",
    "Environment",
    "Feature",
    "LaunchCondition",
    "MsiLockPermissionsEx",
    "MsiShortcutProperty",
    "Registry",
    "ServiceControl",
    "ServiceInstall",
    "Shortcut",
    "Upgrade",
];

/// What a package says of itself: the properties that make it what it is, the template, the rows of the tables that change a machine,
/// and one digest of all tables.
fn properties(database: &Database) -> BTreeMap<String, String> {
    let mut properties: BTreeMap<String, String> = msi::properties(database)
        .into_iter()
        .filter(|(name, _)| name.starts_with("ARP") || KEPT.contains(&name.as_str()))
        .collect();
    properties.insert("Template".to_owned(), database.summary.template.clone());
    properties.insert("PackageCode".to_owned(), database.summary.package_code.to_string());
    let mut all = String::new();
    let mut tables: Vec<_> = database.tables.iter().filter(|table| table.name != "_Validation").collect();
    tables.sort_by(|one, other| one.name.cmp(&other.name));
    for table in tables {
        let mut rows: Vec<String> = table.rows.iter().map(|row| line(row)).collect();
        rows.sort();
        let text = rows.join("\n");
        all.push_str(&format!("{}\n{text}\n", table.name));
        if TOLD.contains(&table.name.as_str()) && !rows.is_empty() {
            properties.insert(format!("table {}", table.name), text);
        }
    }
    properties.insert("tables".to_owned(), format!("sha256 {}", Sha256::of(all.as_bytes())));
    properties
}

/// The properties that are told beside those of the list of installed programs.
const KEPT: &[&str] = &[
    "ALLUSERS",
    "MSIINSTALLPERUSER",
    "Manufacturer",
    "ProductCode",
    "ProductLanguage",
    "ProductName",
    "ProductVersion",
    "SecureCustomProperties",
    "UpgradeCode",
];

fn line(row: &[Value]) -> String {
    let cell = |value: &Value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r"),
        Value::Stream(bytes) => format!("sha256 {}", Sha256::of(bytes)),
    };
    row.iter().map(cell).collect::<Vec<String>>().join(" | ")
}
