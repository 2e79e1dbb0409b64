//! What the project says of itself, as the description that the tables of a package are made from.

use super::{MsiSettings, Scope};
use crate::bench::Workbench;
use crate::bench::files::{self, FileErrorExt as _};
use crate::layout::{Entry, Payload};
use crate::package::{PackageError, broken};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::msi::{
    self, Architecture, Association, Dialogues, Feature, FileVersion, Guid, Installer, Language, Licence,
    PayloadFile, Place, Product, Protocol, RegistryData, RegistryValue, Root, Service, ServiceAccount,
    ServiceStart, Shortcut, Tables,
};
use deploy_formats::pe::{ApplicationManifest, Pe};
use deploy_formats::windows_icon::WindowsIcon;
use deploy_model::{RelPath, Sha256, Triple};
use deploy_plan::manifest::{
    RegistryRoot, RegistryType, ResourcePolicy, ServiceAccount as PlannedAccount,
    ServiceStart as PlannedStart, ShortcutPlace,
};
use deploy_plan::project::{App, Role};
use deploy_plan::windows_app::WindowsApp;

/// An installer, and where the content of its files is.
pub(super) struct Described {
    pub(super) installer: Installer,
    /// In the order of the installer's files.
    pub(super) sources: Vec<SourceFile>,
}

/// A file that is installed.
#[derive(Debug, Clone)]
pub(super) struct SourceFile {
    pub(super) content: Utf8PathBuf,
    pub(super) size: u64,
    pub(super) sha256: Sha256,
    pub(super) role: Role,
    /// The entry of the payload that it is.
    pub(super) origin: Option<RelPath>,
}

impl Described {
    pub(super) fn of(
        settings: &MsiSettings,
        payload: &Payload,
        bench: &Workbench<'_>,
    ) -> Result<Self, PackageError> {
        let windows = payload.windows.clone().unwrap_or_default();
        let file = Utf8Path::new(&payload.file);
        let wrong = |message: String| broken(file, message);
        let icon = |path: &RelPath| -> Result<Vec<u8>, PackageError> {
            let named = payload.icons.get(path).ok_or_else(|| wrong(format!("there is no {path}")))?;
            let icon =
                WindowsIcon::open(&files::read(&named.content)?).map_err(|error| broken(file, error))?;
            Ok(icon.write())
        };
        let mut described = Described {
            installer: outline(settings, &payload.app, &windows, &payload.triple).map_err(wrong)?,
            sources: Vec::new(),
        };
        described.installer.created = bench.moment();
        described.installer.long_paths = long_paths(&windows, None);
        described.installer.product.icon = windows.icon.as_ref().map(icon).transpose()?;
        for (shortcut, planned) in described.installer.shortcuts.iter_mut().zip(&windows.shortcuts) {
            shortcut.icon = planned.icon.as_ref().map(icon).transpose()?;
        }
        for entry in &payload.entries {
            described.add(entry, &windows)?;
        }
        for (at, planned) in windows.associations.iter().enumerate() {
            let Some(path) = &planned.icon else { continue };
            let name = format!("{}.ico", planned.extension);
            let content = bench.file(&format!("association-{at}.ico"));
            let bytes = icon(path)?;
            files::replace(&content, &bytes)?;
            let source = SourceFile {
                size: bytes.len() as u64,
                sha256: Sha256::of(&bytes),
                content,
                role: Role::Icon,
                origin: None,
            };
            described.push(name.clone(), source, None)?;
            if let Some(association) = described.installer.associations.get_mut(at) {
                association.icon = Some(name);
            }
        }
        if let Some(dialogues) = &mut described.installer.dialogues {
            dialogues.licence = licence(settings, payload)?;
        }
        Ok(described)
    }

    /// The tables. What is wrong with them was told before anything was compiled, but for what only the content shows.
    pub(super) fn tables(&self, payload: &Payload) -> Result<Tables, PackageError> {
        msi::tables(&self.installer).map_err(|problems| {
            let problems: Vec<String> = problems.iter().map(ToString::to_string).collect();
            broken(Utf8Path::new(&payload.file), problems.join("; "))
        })
    }

    fn add(&mut self, entry: &Entry, windows: &WindowsApp) -> Result<(), PackageError> {
        let source = SourceFile {
            content: entry.content.clone(),
            size: entry.size,
            sha256: entry.sha256.clone(),
            role: entry.role.clone(),
            origin: Some(entry.path.clone()),
        };
        let feature = windows.component_of(entry.path.as_str()).map(|component| component.id.clone());
        self.push(entry.path.to_string(), source, feature)
    }

    fn push(
        &mut self,
        path: String,
        source: SourceFile,
        feature: Option<String>,
    ) -> Result<(), PackageError> {
        let file = files::open(&source.content)?;
        let md5 = msi::content_hash(&file).file("read", &source.content)?;
        // What is no program has no version.
        let version = Pe::open(file).and_then(|mut pe| pe.version_info()).ok().flatten();
        self.installer.files.push(PayloadFile {
            path,
            size: source.size,
            feature,
            version: version.map(|info| FileVersion { numbers: info.file_version, language: info.language }),
            md5,
        });
        self.sources.push(source);
        Ok(())
    }
}

/// Whether the programs can use long paths: `manifest` is the project's own manifest, where it was read.
pub(super) fn long_paths(windows: &WindowsApp, manifest: Option<&[u8]>) -> bool {
    match (windows.resources, manifest) {
        (ResourcePolicy::Keep, _) => false,
        (_, Some(bytes)) => ApplicationManifest::read(bytes).is_ok_and(|manifest| manifest.long_path_aware),
        // Of one that was not read nothing is known.
        (_, None) => windows.manifest.is_none(),
    }
}

/// The terms that a person has to agree to.
fn licence(settings: &MsiSettings, payload: &Payload) -> Result<Option<Licence>, PackageError> {
    let own = settings.license.as_ref().and_then(|name| payload.named_files.get(name));
    let (content, name) = match own {
        Some(named) => (&named.content, named.path.file_name().to_owned()),
        None => {
            let mut found = payload.entries.iter().filter(|entry| entry.role == Role::License);
            match (found.next(), found.next()) {
                (Some(entry), None) => (&entry.content, entry.path.file_name().to_owned()),
                _ => return Ok(None),
            }
        }
    };
    let text = String::from_utf8_lossy(&files::read(content)?).into_owned();
    let extension = Utf8Path::new(&name).extension().unwrap_or_default().to_owned();
    Ok(Some(Licence::of(&extension, &text)))
}

/// The namespace of upgrade codes that follow from an id: that of names in the domain name system, which ids are when they are turned round.
pub(super) fn upgrade_code(settings: &MsiSettings, app: &App) -> Result<Guid, String> {
    match &settings.upgrade_code {
        Some(text) => text.parse().map_err(|error: msi::GuidError| error.to_string()),
        None => {
            let id = app.id.as_deref().unwrap_or(&app.name);
            Ok(Guid::named(Guid::DNS, &format!("upgrade code of {id}")))
        }
    }
}

/// Everything about an installer but its files, pictures and licence.
pub(super) fn outline(
    settings: &MsiSettings,
    app: &App,
    windows: &WindowsApp,
    triple: &Triple,
) -> Result<Installer, String> {
    let version = settings.version.as_deref().unwrap_or(&app.version);
    let directory = settings.install_directory.as_deref().unwrap_or(&app.title);
    Ok(Installer {
        product: Product {
            name: app.title.clone(),
            version: version.parse().map_err(|error: msi::ProductVersionError| error.to_string())?,
            publisher: windows.publisher.clone(),
            upgrade_code: upgrade_code(settings, app)?,
            description: app.description.clone(),
            contact: settings.contact.clone(),
            help_url: settings.help_url.clone(),
            about_url: app.homepage.clone(),
            update_url: settings.update_url.clone(),
            icon: None,
        },
        scope: match settings.scope {
            Scope::Machine => msi::Scope::Machine,
            Scope::User => msi::Scope::User,
            Scope::Choose => msi::Scope::Choose,
        },
        architecture: if triple.as_str().starts_with("aarch64") {
            Architecture::Arm64
        } else {
            Architecture::X64
        },
        language: Language::named(settings.language.as_deref().unwrap_or("en-US"))
            .map_err(|error| error.to_string())?,
        directory: directory.split('/').map(str::to_owned).collect(),
        files: Vec::new(),
        features: windows
            .components
            .iter()
            .map(|component| Feature {
                id: component.id.clone(),
                title: component.title.clone(),
                description: component.description.clone(),
                by_default: component.by_default,
            })
            .collect(),
        path: windows.path.then(String::new),
        shortcuts: shortcuts(windows),
        registry: registry(windows),
        associations: associations(app, windows),
        protocols: windows
            .protocols
            .iter()
            .map(|protocol| Protocol {
                scheme: protocol.scheme.clone(),
                target: protocol.program.to_string(),
                description: protocol.description.clone(),
                arguments: protocol.arguments.clone(),
            })
            .collect(),
        services: services(windows),
        dialogues: settings.dialogues.unwrap_or(true).then(Dialogues::default),
        long_paths: false,
        created: 0,
    })
}

fn shortcuts(windows: &WindowsApp) -> Vec<Shortcut> {
    let shortcut = |planned: &deploy_plan::windows_app::PlannedShortcut| Shortcut {
        name: planned.name.clone(),
        target: planned.program.to_string(),
        place: match planned.place {
            ShortcutPlace::StartMenu => Place::StartMenu { folder: planned.folder.clone() },
            ShortcutPlace::Desktop => Place::Desktop,
            ShortcutPlace::Startup => Place::Startup,
        },
        arguments: planned.arguments.clone(),
        description: planned.description.clone(),
        icon: None,
        app_user_model_id: planned.app_user_model_id.clone(),
    };
    windows.shortcuts.iter().map(shortcut).collect()
}

fn registry(windows: &WindowsApp) -> Vec<RegistryValue> {
    let value = |planned: &deploy_plan::windows_app::PlannedRegistryValue| RegistryValue {
        root: match planned.root {
            RegistryRoot::Scope => Root::Scope,
            RegistryRoot::Machine => Root::Machine,
            RegistryRoot::User => Root::User,
        },
        key: planned.key.clone(),
        name: planned.name.clone(),
        data: match planned.kind {
            RegistryType::String => RegistryData::Text(planned.value.clone()),
            RegistryType::ExpandString => RegistryData::Expand(planned.value.clone()),
            // The project is not resolved where it is no number.
            RegistryType::Dword => RegistryData::Number(planned.value.parse().unwrap_or(0)),
        },
    };
    windows.registry.iter().map(value).collect()
}

fn associations(app: &App, windows: &WindowsApp) -> Vec<Association> {
    // A name for the kind that no other application has.
    let owner = app.id.as_deref().unwrap_or(&app.name);
    let association = |planned: &deploy_plan::windows_app::PlannedAssociation| Association {
        extension: planned.extension.clone(),
        program_id: format!("{owner}.{}", planned.extension),
        target: planned.program.to_string(),
        description: planned.description.clone(),
        mime_type: planned.mime_type.clone(),
        icon: None,
        arguments: planned.arguments.clone(),
    };
    windows.associations.iter().map(association).collect()
}

fn services(windows: &WindowsApp) -> Vec<Service> {
    let service = |planned: &deploy_plan::windows_app::PlannedService| Service {
        name: planned.name.clone(),
        target: planned.program.to_string(),
        title: planned.title.clone(),
        description: planned.description.clone(),
        arguments: planned.arguments.clone(),
        start: match planned.start {
            PlannedStart::Automatic => ServiceStart::Automatic,
            PlannedStart::Manual => ServiceStart::Manual,
            PlannedStart::Disabled => ServiceStart::Disabled,
        },
        account: match planned.account {
            PlannedAccount::LocalService => ServiceAccount::LocalService,
            PlannedAccount::NetworkService => ServiceAccount::NetworkService,
            PlannedAccount::LocalSystem => ServiceAccount::LocalSystem,
        },
        depends: planned.depends.clone(),
    };
    windows.services.iter().map(service).collect()
}
