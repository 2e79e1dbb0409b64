//! `[windows]` and `[[component]]`: programs looked up, defaults put in, and what Windows could not take found.

use super::Resolving;
use crate::manifest::{RegistryType, RegistryValue, Windows, nearest};
use crate::project::{App, Asset, Binary, PayloadFile, ProjectTarget};
use crate::windows_app::{
    PlannedAssociation, PlannedComponent, PlannedProtocol, PlannedRegistryValue, PlannedService,
    PlannedShortcut, WindowsApp,
};
use deploy_model::{Os, RelPath};
use std::collections::BTreeMap;

/// What is called on Windows as it is on no other system.
const EXE: &str = ".exe";

/// What goes into packages for Windows, as far as it is known before anything is fetched.
pub(super) struct Contents<'a> {
    /// The application.
    pub(super) app: &'a App,
    /// Its binaries.
    pub(super) binaries: &'a [Binary],
    /// Files of the project.
    pub(super) files: &'a [PayloadFile],
    /// What is fetched.
    pub(super) assets: &'a [Asset],
}

impl Contents<'_> {
    /// The paths that are known; those in archives that are unpacked whole are not.
    fn paths(&self) -> Vec<RelPath> {
        let binaries = self.binaries.iter().filter_map(|binary| format!("{}{EXE}", binary.name).parse().ok());
        let files = self.files.iter().filter(|file| file.role.is_for_archives()).map(|file| file.to.clone());
        let assets = self.assets.iter().filter(|asset| !is_tree(asset)).map(|asset| asset.path.clone());
        binaries.chain(files).chain(assets).collect()
    }

    /// Whether a path may come out of an archive.
    fn may_be_unpacked(&self, path: &str) -> bool {
        self.assets
            .iter()
            .filter(|asset| is_tree(asset))
            .any(|asset| path.strip_prefix(asset.path.as_str()).is_some_and(|rest| rest.starts_with('/')))
    }
}

fn is_tree(asset: &Asset) -> bool {
    asset.unpack.gives_tree() && asset.member.is_none()
}

impl Resolving<'_> {
    pub(super) fn windows(&mut self, contents: &Contents<'_>, targets: &[ProjectTarget]) -> WindowsApp {
        let written: Windows = self.manifest().windows.clone();
        if targets.iter().any(|target| target.target.os == Os::Windows) {
            self.version_numbers(contents.app);
            self.unfit_names(contents);
        }
        let app = contents.app;
        let author = app.authors.first().map(|author| author.split('<').next().unwrap_or(author).trim());
        let app_icon = self.manifest().app.icon.clone();
        let icon = match (&written.icon, &app_icon) {
            (Some(own), _) => self.manifest_file("windows.icon", own),
            // That it is not there is said for all systems.
            (None, Some(_)) => app.icon.clone(),
            (None, None) => None,
        };
        let manifest =
            written.manifest.as_ref().and_then(|file| self.manifest_file("windows.manifest", file));
        let shortcuts = self.shortcuts(&written, contents);
        let associations = self.associations(&written, contents);
        let protocols = self.protocols(&written, contents);
        let services = self.services(&written, contents);
        let registry =
            written.registry.iter().enumerate().map(|(at, value)| self.registry_value(at, value)).collect();
        WindowsApp {
            publisher: written
                .publisher
                .clone()
                .or(author.filter(|name| !name.is_empty()).map(str::to_owned))
                .unwrap_or_else(|| app.title.clone()),
            icon,
            resources: written.resources.unwrap_or_default(),
            manifest,
            subsystem: written.subsystem,
            static_crt: written.static_crt.unwrap_or(false),
            path: written.path.unwrap_or(shortcuts.is_empty()),
            shortcuts,
            registry,
            associations,
            protocols,
            services,
            components: self.components(contents),
        }
    }

    /// The program that `text` names, by its path in the package.
    fn program(&mut self, place: &str, text: Option<&str>, contents: &Contents<'_>) -> Option<RelPath> {
        let binaries = contents.binaries;
        let Some(text) = text else {
            let main = binaries.iter().find(|binary| binary.name == contents.app.name).or(binaries.first())?;
            return format!("{}{EXE}", main.name).parse().ok();
        };
        let stem = text.strip_suffix(EXE).unwrap_or(text);
        if binaries.iter().any(|binary| binary.name == stem) {
            return format!("{stem}{EXE}").parse().ok();
        }
        let known = contents.paths();
        match text.parse::<RelPath>() {
            Ok(path) if known.contains(&path) || contents.may_be_unpacked(path.as_str()) => Some(path),
            _ => {
                let names = binaries.iter().map(|binary| binary.name.as_str());
                let help = match nearest(text, names.clone()) {
                    Some(near) => format!("did you mean {near:?}?"),
                    None => format!(
                        "the binaries are {}; a program that is included or fetched is named by its path in the package",
                        names.collect::<Vec<&str>>().join(", ")
                    ),
                };
                let message =
                    format!("{text:?} is neither a binary of the release nor a file in its packages");
                self.find("windows::unknown-program", place, message, help);
                None
            }
        }
    }

    fn shortcuts(&mut self, written: &Windows, contents: &Contents<'_>) -> Vec<PlannedShortcut> {
        let mut planned: Vec<PlannedShortcut> = Vec::new();
        for (at, shortcut) in written.shortcuts.iter().enumerate() {
            let place = format!("windows.shortcut[{at}]");
            let field = format!("{place}.program");
            let program = self.program(&field, shortcut.program.as_deref(), contents);
            let icon =
                shortcut.icon.as_ref().and_then(|icon| self.manifest_file(&format!("{place}.icon"), icon));
            let name = shortcut.name.clone().unwrap_or_else(|| contents.app.title.clone());
            for (key, text) in [("name", Some(&name)), ("folder", shortcut.folder.as_ref())] {
                if let Some(text) = text
                    && let Some(why) = unfit_name(text)
                {
                    let message = format!("Windows cannot have a file {text:?}: {why}");
                    let help = "give it another name with `name`".to_owned();
                    let written_there = key != "name" || shortcut.name.is_some();
                    let at = if written_there { format!("{place}.{key}") } else { place.clone() };
                    self.find("windows::unfit-name", at, message, help);
                }
            }
            let Some(program) = program else { continue };
            let new = PlannedShortcut {
                name,
                program,
                place: shortcut.place.unwrap_or_default(),
                folder: shortcut.folder.clone(),
                arguments: shortcut.arguments.clone(),
                description: shortcut.description.clone().or_else(|| contents.app.description.clone()),
                icon,
                app_user_model_id: shortcut.app_user_model_id.clone(),
            };
            let same = |other: &&PlannedShortcut| {
                (other.place, &other.folder, &other.name) == (new.place, &new.folder, &new.name)
            };
            if planned.iter().find(same).is_some() {
                let message = format!("two shortcuts are called {:?} at one place", new.name);
                self.find("windows::twice", place, message, "give one another `name`".to_owned());
            }
            planned.push(new);
        }
        planned
    }

    fn associations(&mut self, written: &Windows, contents: &Contents<'_>) -> Vec<PlannedAssociation> {
        let mut planned: Vec<PlannedAssociation> = Vec::new();
        for (at, association) in written.associations.iter().enumerate() {
            let place = format!("windows.association[{at}]");
            let field = format!("{place}.program");
            let program = self.program(&field, association.program.as_deref(), contents);
            let icon =
                association.icon.as_ref().and_then(|icon| self.manifest_file(&format!("{place}.icon"), icon));
            let Some(program) = program else { continue };
            let extension = association.extension.to_lowercase();
            if planned.iter().any(|other| other.extension == extension) {
                let message = format!("two associations are about .{extension}");
                self.find("windows::twice", place, message, "take one of them out".to_owned());
            }
            planned.push(PlannedAssociation {
                description: association
                    .description
                    .clone()
                    .unwrap_or_else(|| format!("{} file", extension.to_uppercase())),
                extension,
                program,
                mime_type: association.mime_type.clone(),
                icon,
                arguments: association.arguments.clone().unwrap_or_else(|| "\"%1\"".to_owned()),
            });
        }
        planned
    }

    fn protocols(&mut self, written: &Windows, contents: &Contents<'_>) -> Vec<PlannedProtocol> {
        let mut planned: Vec<PlannedProtocol> = Vec::new();
        for (at, protocol) in written.protocols.iter().enumerate() {
            let place = format!("windows.protocol[{at}]");
            let field = format!("{place}.program");
            let Some(program) = self.program(&field, protocol.program.as_deref(), contents) else { continue };
            if planned.iter().any(|other| other.scheme == protocol.scheme) {
                let message = format!("two protocols are called {}", protocol.scheme);
                self.find("windows::twice", place, message, "take one of them out".to_owned());
            }
            planned.push(PlannedProtocol {
                scheme: protocol.scheme.clone(),
                program,
                description: protocol.description.clone().unwrap_or_else(|| contents.app.title.clone()),
                arguments: protocol.arguments.clone().unwrap_or_else(|| "\"%1\"".to_owned()),
            });
        }
        planned
    }

    fn services(&mut self, written: &Windows, contents: &Contents<'_>) -> Vec<PlannedService> {
        let mut planned: Vec<PlannedService> = Vec::new();
        for (at, service) in written.services.iter().enumerate() {
            let place = format!("windows.service[{at}]");
            let field = format!("{place}.program");
            let Some(program) = self.program(&field, service.program.as_deref(), contents) else { continue };
            if planned.iter().any(|other| other.name.eq_ignore_ascii_case(&service.name)) {
                let message = format!("two services are called {}", service.name);
                self.find("windows::twice", place, message, "give one another `name`".to_owned());
            }
            planned.push(PlannedService {
                name: service.name.clone(),
                program,
                title: service.title.clone().unwrap_or_else(|| service.name.clone()),
                description: service.description.clone().or_else(|| contents.app.description.clone()),
                arguments: service.arguments.clone(),
                start: service.start.unwrap_or_default(),
                account: service.account.unwrap_or_default(),
                depends: service.depends.clone().unwrap_or_default(),
            });
        }
        planned
    }

    fn registry_value(&mut self, at: usize, value: &RegistryValue) -> PlannedRegistryValue {
        let kind = value.kind.unwrap_or_default();
        let place = format!("windows.registry[{at}]");
        if kind == RegistryType::Dword && value.value.parse::<u32>().is_err() {
            let message = format!("{:?} is no number of 32 bits", value.value);
            let help = "write it in decimal, from 0 to 4294967295".to_owned();
            self.find("windows::registry-value", format!("{place}.value"), message, help);
        }
        let hive = value.key.split('\\').next().unwrap_or_default().to_ascii_uppercase();
        if hive.starts_with("HKEY_") || ["HKLM", "HKCU", "HKCR", "HKU"].contains(&hive.as_str()) {
            let message = format!("{hive} is a hive, and a key stands below one");
            let help =
                "write `root = \"machine\"` or `root = \"user\"`, and the key without the hive".to_owned();
            self.find("windows::registry-value", format!("{place}.key"), message, help);
        }
        if value.key.starts_with('\\') || value.key.ends_with('\\') || value.key.contains('/') {
            let message = format!("{:?} is no key of the registry", value.key);
            let help = "divide it with single backslashes: 'Software\\Example'".to_owned();
            self.find("windows::registry-value", format!("{place}.key"), message, help);
        }
        PlannedRegistryValue {
            root: value.root.unwrap_or_default(),
            key: value.key.clone(),
            name: value.name.clone(),
            value: value.value.clone(),
            kind,
        }
    }

    /// Parts that a person can choose. A file belongs to one of them at most.
    fn components(&mut self, contents: &Contents<'_>) -> Vec<PlannedComponent> {
        let written = self.manifest().components.clone();
        let paths = contents.paths();
        let unpacks = contents.assets.iter().any(is_tree);
        let mut owners: BTreeMap<&RelPath, &str> = BTreeMap::new();
        let mut planned: Vec<PlannedComponent> = Vec::new();
        for (at, component) in written.iter().enumerate() {
            let place = format!("component[{at}]");
            if planned.iter().any(|other| other.id.eq_ignore_ascii_case(&component.id)) {
                let message = format!("two components have the id {}", component.id);
                self.find("windows::twice", format!("{place}.id"), message, "give one another id".to_owned());
            }
            for (position, pattern) in component.files.iter().enumerate() {
                let place = format!("{place}.files[{position}]");
                let Some(matcher) = self.matcher(pattern, pattern, &place) else { continue };
                let matched: Vec<&RelPath> =
                    paths.iter().filter(|path| matcher.is_match(path.as_str())).collect();
                if matched.is_empty() && !unpacks {
                    let message = format!("{pattern:?} matches no file of the packages for Windows");
                    let help = "the pattern is about paths in the package: `hello.exe`, `docs/**`".to_owned();
                    self.find("windows::empty-component", place.clone(), message, help);
                }
                for path in matched {
                    match owners.insert(path, &component.id) {
                        Some(other) if other != component.id => {
                            let message = format!("{path} would belong to {other} and to {}", component.id);
                            let help = "narrow one of the patterns".to_owned();
                            self.find("windows::component-overlap", place.clone(), message, help);
                        }
                        _ => {}
                    }
                }
            }
            planned.push(PlannedComponent {
                id: component.id.clone(),
                title: component.title.clone().unwrap_or_else(|| component.id.clone()),
                description: component.description.clone(),
                files: component.files.clone(),
                by_default: component.by_default.unwrap_or(true),
            });
        }
        planned
    }

    /// Files that Windows cannot have are not packed for it.
    fn unfit_names(&mut self, contents: &Contents<'_>) {
        for path in contents.paths() {
            if let Some(why) = path.as_str().split('/').find_map(unfit_name) {
                let message = format!("Windows cannot have the file {path}: {why}");
                let help = "rename it, or leave it out of the packages for Windows".to_owned();
                self.find("windows::unfit-name", "", message, help);
            }
        }
    }

    /// Windows compares versions of programs as numbers of 16 bits.
    fn version_numbers(&mut self, app: &App) {
        let release = app.version.split(['-', '+']).next().unwrap_or_default();
        if let Some(number) = release.split('.').find(|number| number.parse::<u16>().is_err()) {
            let message = format!(
                "the version {} cannot be written into a program for Windows: {number} is too large",
                app.version
            );
            let help = "each of its numbers can be 65535 at most".to_owned();
            self.find("windows::version", "app.version", message, help);
        }
    }
}

/// Why Windows can have no file of this name.
fn unfit_name(name: &str) -> Option<String> {
    if let Some(odd) = name.chars().find(|letter| "<>:\"|?*\\/".contains(*letter)) {
        return Some(format!("{odd:?} is allowed in no name"));
    }
    name.parse::<RelPath>().err().map(|error| error.to_string())
}
