//! `setup`: one program for Windows that installs the application, asks for no rights it does not need, and is understood by
//! updaters.
//!
//! The program is ours and comes first; the files and the description of what is done with them stand behind it. The same
//! program is installed as `uninstall.exe`.

use crate::bench::Workbench;
use crate::bench::files::{self, FileErrorExt as _};
use crate::layout::{Node, NodeKind, Payload, Tree};
use crate::package::{Contents, Inspection, Keep, PackageError, Packager, broken, unreadable};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::linkage::Machine;
use deploy_formats::pe::Pe;
use deploy_formats::setup;
use deploy_formats::windows_icon::WindowsIcon;
use deploy_model::event::ProgressUnit;
use deploy_model::{Arch, Member, MemberKind, Os, RelPath, Sha256};
use deploy_plan::catalog::{Layout, Shape};
use deploy_plan::finding::Finding;
use deploy_plan::manifest::{
    HumanDuration, RegistryRoot, RegistryType, ServiceAccount, ServiceStart, ShortcutPlace,
};
use deploy_plan::project::{App, Level, Role};
use deploy_plan::windows_app::WindowsApp;
use deploy_setup_stub::description::{
    Account, Association, Description, Place, Protocol, RegistryValue, Root, Run, SCHEMA, Scope, Service,
    Shortcut, Start, Value,
};
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::{self, BufReader, BufWriter, Write as _};

/// Where the program that removes the application is.
const UNINSTALLER: &str = "uninstall.exe";

/// How long the running application has to close, in seconds.
const CLOSE_SECONDS: u32 = 10;

/// The languages that the program speaks.
const LANGUAGES: [&str; 10] = ["de", "en", "es", "fr", "it", "ja", "nl", "pl", "pt", "zh"];

/// Settings of setup programs for Windows.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct SetupSettings {
    /// How hard the compressor works, for this format only.
    level: Option<Level>,

    /// Who the application is installed for. Default: `user`.
    scope: Option<SetupScope>,

    /// The folder's name, below `%LOCALAPPDATA%\Programs` or `%ProgramFiles%`. Default: the application's name.
    #[schemars(extend("format" = "single-line", "examples" = ["Picker Wheel"]))]
    install_directory: Option<String>,

    /// The folder in `%LOCALAPPDATA%` where a copy of the setup program is kept, so that electron-updater can fetch
    /// differences to it from the first update on: the `updaterCacheDirName` of its `app-update.yml`.
    #[schemars(extend("format" = "single-line", "examples" = ["picker-wheel-updater"]))]
    updater_cache_directory: Option<String>,

    /// The binary that is started after the installation, or another program by its path in the package. Default: the
    /// one of the first shortcut, if there is one.
    #[schemars(extend("format" = "single-line"))]
    run: Option<String>,

    /// Arguments for that program, as on a command line.
    #[schemars(extend("format" = "single-line"))]
    run_arguments: Option<String>,

    /// The language of what is shown. Default: the user's.
    language: Option<SetupLanguage>,

    /// How long the running application has to close before it is ended. Default: `10s`.
    close_timeout: Option<HumanDuration>,
}

/// Who an application is installed for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SetupScope {
    /// The user who installs it, without asking for rights.
    #[default]
    User,
    /// Everybody on the machine, with an administrator's rights.
    Machine,
    /// Whoever installs it chooses.
    Choose,
}

/// A language that the setup program speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
enum SetupLanguage {
    /// German.
    De,
    /// English.
    En,
    /// Spanish.
    Es,
    /// French.
    Fr,
    /// Italian.
    It,
    /// Japanese.
    Ja,
    /// Dutch.
    Nl,
    /// Polish.
    Pl,
    /// Portuguese of Brazil.
    Pt,
    /// Simplified Chinese.
    Zh,
}

/// `setup`.
#[derive(Debug)]
pub struct Setup;

impl Plugin for Setup {
    type Settings = SetupSettings;
    const INFO: Info = Info {
        id: "setup",
        summary: "A setup program for Windows; installs for one user without asking for rights",
        revision: 1,
    };
}

impl Packager for Setup {
    const SHAPE: Shape = Shape {
        systems: &[Os::Windows],
        architectures: &[(Arch::X64, "x64"), (Arch::Arm64, "arm64")],
        file_name: "{name}-{version}-{arch}-setup.exe",
        layout: Layout::Flat,
        program: Some(deploy_setup_stub::NAME),
        installs_program: Some(UNINSTALLER),
        embeds: Some("windows"),
        executable: true,
        ..Shape::ANYWHERE
    };

    fn check(&self, settings: &SetupSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut find = |code: &'static str, at: &str, message: String, help: &str| {
            findings.push(Finding::configuration(code, message, help).at(at));
        };
        let empty = WindowsApp::default();
        let windows = inspection.windows.unwrap_or(&empty);
        let names = [
            ("package.setup.install-directory", &settings.install_directory),
            ("package.setup.updater-cache-directory", &settings.updater_cache_directory),
        ];
        let given = names.into_iter().filter_map(|(at, name)| Some((at, name.as_ref()?.as_str())));
        let default = settings.install_directory.is_none().then_some(("app.name", &*inspection.app.title));
        for (at, name) in given.chain(default) {
            if !is_folder_name(name) {
                let message = format!("{name:?} cannot be the name of a folder on Windows");
                find(
                    "setup::unfit-name",
                    at,
                    message,
                    "write `package.setup.install-directory`, a name without any of \\ / : * ? \" < > | and without a dot or space at its end",
                );
            }
        }
        let entries = &inspection.package.payload.entries;
        if let Some(run) = &settings.run {
            let path = program_path(run);
            if !entries.iter().any(|entry| entry.path.as_str() == path) {
                let message =
                    format!("{run} is to be started after the installation and is not in the package");
                find(
                    "setup::unknown-program",
                    "package.setup.run",
                    message,
                    "name a binary of the project, or a program by its path in the package",
                );
            }
        }
        if settings.scope.unwrap_or_default() != SetupScope::Machine {
            let help = "write `scope = \"machine\"` in `[package.setup]`, or leave them out";
            if !windows.services.is_empty() {
                let message = "services can only be installed for everybody on the machine".to_owned();
                find("setup::needs-machine", "package.setup.scope", message, help);
            }
            if windows.registry.iter().any(|value| value.root == RegistryRoot::Machine) {
                let message = "values of the machine's part of the registry can only be written for everybody on the machine".to_owned();
                find("setup::needs-machine", "package.setup.scope", message, help);
            }
        }
        findings
    }

    fn lay_out(
        &self,
        settings: &SetupSettings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Tree, PackageError> {
        let mut nodes: Vec<Node> = payload
            .entries
            .iter()
            .map(|entry| Node {
                path: entry.path.to_string(),
                kind: NodeKind::File {
                    content: entry.content.clone(),
                    size: entry.size,
                    sha256: entry.sha256.clone(),
                    // Windows knows what is a program by its name.
                    mode: 0,
                    role: entry.role.clone(),
                },
                origin: Some(entry.path.clone()),
            })
            .collect();
        if !nodes.iter().any(|node| node.path == UNINSTALLER) {
            let program = payload.program.clone();
            let program =
                program.ok_or_else(|| broken(Utf8Path::new(&payload.file), "there is no program"))?;
            nodes.push(made(UNINSTALLER, program, Role::Program)?);
        }
        for (path, picture) in &payload.icons {
            let place = icon_place(path);
            if !is_named(payload.windows.as_ref(), path) || nodes.iter().any(|node| node.path == place) {
                continue;
            }
            let icon = WindowsIcon::open(&files::read(&picture.content)?)
                .map_err(|error| broken(&picture.content, error))?;
            let file = bench.file(&place.replace('/', "-"));
            files::replace(&file, &icon.write())?;
            nodes.push(made(&place, file, Role::Resource)?);
        }
        nodes.sort_by(|one, other| one.path.cmp(&other.path));
        let machine = match payload.triple.as_str().split('-').next() {
            Some("aarch64") => "aarch64",
            _ => "x86_64",
        };
        let properties = properties(&describe(settings, payload), machine);
        Ok(Tree { nodes, properties: properties.into_iter().collect() })
    }

    fn package(
        &self,
        settings: &SetupSettings,
        payload: &Payload,
        tree: &Tree,
        bench: &Workbench<'_>,
    ) -> Result<Utf8PathBuf, PackageError> {
        let path = bench.file(&payload.file);
        let program = payload.program.as_ref().ok_or_else(|| broken(&path, "there is no program"))?;
        let level = payload.level(settings.level);
        let threads = bench.workers();
        let file = BufWriter::with_capacity(256 << 10, files::create(&path)?);
        let mut writer = setup::Writer::new(file, &files::read(program)?, level, threads)
            .map_err(|error| broken(&path, error))?;
        let sizes = tree.nodes.iter().map(|node| match &node.kind {
            NodeKind::File { size, .. } => *size,
            NodeKind::Symlink { .. } => 0,
        });
        let total = sizes.sum();
        let mut done = 0;
        for node in &tree.nodes {
            let NodeKind::File { content, size, .. } = &node.kind else {
                return Err(PackageError::Entry {
                    path: node.path.clone(),
                    source: io::Error::other("it is a link, which is not installed on Windows"),
                });
            };
            writer.file(&node.path, &mut files::open(content)?).map_err(|error| PackageError::Entry {
                path: node.path.clone(),
                source: io::Error::other(error),
            })?;
            done += size;
            bench.progress(done, Some(total), ProgressUnit::Bytes);
        }
        let mut file = writer.finish(describe(settings, payload)).map_err(|error| broken(&path, error))?;
        file.flush().file("write", &path)?;
        Ok(path)
    }

    fn read(&self, artifact: &Utf8Path, keep: Keep<'_>) -> Result<Contents, PackageError> {
        let mut file = BufReader::with_capacity(256 << 10, files::open(artifact)?);
        let program = Pe::open(&mut file).map_err(|error| unreadable(artifact, error))?;
        let machine = match program.headers.machine {
            Machine::Aarch64 => "aarch64",
            Machine::X86_64 => "x86_64",
            other => return Err(unreadable(artifact, format!("it is a program for {other}"))),
        };
        let mut contents = Contents::default();
        let setup = setup::read(file, &mut |found, content| {
            let (path, size) = (found.path.clone(), found.size);
            let member = Member { path, kind: MemberKind::File, mode: 0, size, sha256: None, link: None };
            contents.take_in(member, content, keep)
        })
        .map_err(|error| unreadable(artifact, error))?;
        contents.listing.properties = properties(&setup.description, machine);
        Ok(contents)
    }
}

/// Whether Windows can have a folder of this name.
fn is_folder_name(name: &str) -> bool {
    let forbidden = |letter: char| letter < ' ' || "\\/:*?\"<>|".contains(letter);
    !name.is_empty() && !name.contains(forbidden) && !name.ends_with(['.', ' ']) && !name.starts_with(' ')
}

/// A program's path in the package, where a binary is named without its ending.
fn program_path(name: &str) -> String {
    if name.to_ascii_lowercase().ends_with(".exe") { name.to_owned() } else { format!("{name}.exe") }
}

/// Where a picture stands that the project names.
fn icon_place(path: &RelPath) -> String {
    let name = path.file_name();
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    format!("icons/{stem}-{}.ico", Sha256::of(path.as_str().as_bytes()).short())
}

/// Whether a shortcut or a kind of files has this picture; that of the application is in its programs.
fn is_named(windows: Option<&WindowsApp>, path: &RelPath) -> bool {
    let Some(windows) = windows else { return false };
    windows.shortcuts.iter().any(|shortcut| shortcut.icon.as_ref() == Some(path))
        || windows.associations.iter().any(|association| association.icon.as_ref() == Some(path))
}

/// A file that the layout made.
fn made(path: &str, content: Utf8PathBuf, role: Role) -> Result<Node, PackageError> {
    let bytes = files::read(&content)?;
    let (size, sha256) = (bytes.len() as u64, Sha256::of(&bytes));
    let kind = NodeKind::File { content, size, sha256, mode: 0, role };
    Ok(Node { path: path.to_owned(), kind, origin: None })
}

/// What a setup program says about itself, without its files.
fn describe(settings: &SetupSettings, payload: &Payload) -> Description {
    let app = &payload.app;
    let empty = WindowsApp::default();
    let windows = payload.windows.as_ref().unwrap_or(&empty);
    let first = windows.shortcuts.first().map(|shortcut| shortcut.program.to_string());
    let run = settings.run.as_deref().map(program_path).or_else(|| first.clone());
    let close = settings.close_timeout.map(|time| time.duration().as_secs());
    let icon = |icon: &Option<RelPath>| icon.as_ref().map(icon_place);
    Description {
        schema: SCHEMA,
        id: app.id.clone().unwrap_or_else(|| app.name.clone()),
        name: app.title.clone(),
        version: app.version.clone(),
        publisher: (!windows.publisher.is_empty()).then(|| windows.publisher.clone()),
        homepage: app.homepage.clone(),
        help: app.homepage.clone(),
        updates: None,
        scope: match settings.scope.unwrap_or_default() {
            SetupScope::User => Scope::User,
            SetupScope::Machine => Scope::Machine,
            SetupScope::Choose => Scope::Choose,
        },
        directory: settings.install_directory.clone().unwrap_or_else(|| app.title.clone()),
        cache: settings.updater_cache_directory.clone(),
        run: run.map(|program| Run { program, arguments: settings.run_arguments.clone() }),
        language: settings.language.map(|language| LANGUAGES[language as usize].to_owned()),
        close_seconds: close.map_or(CLOSE_SECONDS, |close| u32::try_from(close).unwrap_or(u32::MAX)),
        icon: first,
        uninstaller: UNINSTALLER.to_owned(),
        path: windows.path,
        files: Vec::new(),
        shortcuts: windows
            .shortcuts
            .iter()
            .map(|shortcut| Shortcut {
                name: shortcut.name.clone(),
                place: match shortcut.place {
                    ShortcutPlace::StartMenu => Place::StartMenu,
                    ShortcutPlace::Desktop => Place::Desktop,
                    ShortcutPlace::Startup => Place::Startup,
                },
                folder: shortcut.folder.clone(),
                program: shortcut.program.to_string(),
                arguments: shortcut.arguments.clone(),
                description: shortcut.description.clone(),
                icon: icon(&shortcut.icon),
                app_user_model_id: shortcut.app_user_model_id.clone(),
            })
            .collect(),
        registry: windows
            .registry
            .iter()
            .map(|value| RegistryValue {
                root: match value.root {
                    RegistryRoot::Scope => Root::Scope,
                    RegistryRoot::Machine => Root::Machine,
                    RegistryRoot::User => Root::User,
                },
                key: value.key.clone(),
                name: value.name.clone(),
                value: match value.kind {
                    RegistryType::String => Value::String(value.value.clone()),
                    RegistryType::ExpandString => Value::ExpandString(value.value.clone()),
                    // The project is not resolved where it is no number.
                    RegistryType::Dword => Value::Dword(value.value.trim().parse().unwrap_or(0)),
                },
            })
            .collect(),
        associations: windows
            .associations
            .iter()
            .map(|association| Association {
                extension: association.extension.clone(),
                class: class(app, &association.extension),
                description: association.description.clone(),
                program: association.program.to_string(),
                arguments: association.arguments.clone(),
                icon: icon(&association.icon),
                mime_type: association.mime_type.clone(),
            })
            .collect(),
        protocols: windows
            .protocols
            .iter()
            .map(|protocol| Protocol {
                scheme: protocol.scheme.clone(),
                description: protocol.description.clone(),
                program: protocol.program.to_string(),
                arguments: protocol.arguments.clone(),
            })
            .collect(),
        services: windows
            .services
            .iter()
            .map(|service| Service {
                name: service.name.clone(),
                title: service.title.clone(),
                description: service.description.clone(),
                program: service.program.to_string(),
                arguments: service.arguments.clone(),
                start: match service.start {
                    ServiceStart::Automatic => Start::Automatic,
                    ServiceStart::Manual => Start::Manual,
                    ServiceStart::Disabled => Start::Disabled,
                },
                account: match service.account {
                    ServiceAccount::LocalService => Account::LocalService,
                    ServiceAccount::NetworkService => Account::NetworkService,
                    ServiceAccount::LocalSystem => Account::LocalSystem,
                },
                depends: service.depends.clone(),
            })
            .collect(),
    }
}

/// The key of a kind of files (Microsoft, "Programmatic Identifiers": at most 39 letters and digits, with dots).
fn class(app: &App, extension: &str) -> String {
    let plain = |text: &str| -> String { text.chars().filter(char::is_ascii_alphanumeric).collect() };
    let mut name = plain(&app.title);
    if name.is_empty() || name.starts_with(|letter: char| letter.is_ascii_digit()) {
        name.insert_str(0, "App");
    }
    let extension = plain(extension);
    name.truncate(38_usize.saturating_sub(extension.len()).max(1));
    format!("{name}.{extension}")
}

/// What a setup program says of itself: every field of its description but the files, each thing of a list on its own.
fn properties(description: &Description, machine: &str) -> Vec<(String, String)> {
    let without_files = Description { files: Vec::new(), ..description.clone() };
    let mut found = vec![("architecture".to_owned(), machine.to_owned())];
    // A description always is a table.
    let value = serde_json::to_value(&without_files).unwrap_or_default();
    for (name, value) in value.as_object().into_iter().flatten() {
        match value {
            serde_json::Value::Array(things) => {
                let things = things.iter().enumerate();
                found.extend(things.map(|(at, thing)| (format!("{name}[{at}]"), thing.to_string())));
            }
            serde_json::Value::String(text) => found.push((name.clone(), text.clone())),
            other => found.push((name.clone(), other.to_string())),
        }
    }
    found.sort();
    found
}
