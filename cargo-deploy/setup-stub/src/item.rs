//! What an installation changes beside its files: shortcuts, `PATH`, the registry, services, and the list of installed
//! programs.

use crate::description::{Place, RECORD, Record, Root, Service, Value};
use crate::failure::{Doing as _, Failure};
use crate::platform::{self, Folder, Hive, Key, Link};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// The key that kinds of files and addresses are described below.
const CLASSES: &str = r"Software\Classes";

/// The list of installed programs.
const PROGRAMS: &str = r"Software\Microsoft\Windows\CurrentVersion\Uninstall";

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Item {
    /// A shortcut, and the folder that is removed with the last one in it.
    Link { link: Link, folder: Option<String> },
    /// A key that is ours alone. `command` is the key below it whose text has our folder in it while it is.
    Owned { hive: Hive, key: String, command: Option<&'static str>, directory: String },
    /// A value. A `shared` one is removed only while it is what we wrote.
    Value { hive: Hive, key: String, name: Option<String>, value: Value, shared: bool },
    /// A text that is set only where there is none, and removed only while it is this one.
    Default { hive: Hive, key: String, name: Option<String>, text: String },
    /// A folder on `PATH`.
    OnPath { machine: bool, directory: String },
    /// A service, with its program and arguments as on a command line.
    Service { service: Service, line: String },
}

/// Where an installation is entered in the list of installed programs.
pub(crate) fn program_key(id: &str) -> String {
    format!(r"{PROGRAMS}\{id}")
}

/// The hive of an installation.
pub(crate) fn hive(machine: bool) -> Hive {
    if machine { Hive::Machine } else { Hive::User }
}

/// A path in an installation's folder.
fn inside(directory: &str, path: &str) -> String {
    format!(r"{directory}\{}", path.replace('/', "\\"))
}

fn command(directory: &str, program: &str, arguments: &str) -> String {
    let separator = if arguments.is_empty() { "" } else { " " };
    format!("\"{}\"{separator}{arguments}", inside(directory, program))
}

/// Everything that an installation changes.
pub(crate) fn items(record: &Record, directory: &str) -> Result<Vec<Item>, Failure> {
    let (machine, description) = (record.machine, &record.description);
    let scope = hive(machine);
    let mut items = Vec::new();
    let text = |key: String, name: Option<&str>, text: String| Item::Value {
        hive: scope,
        key,
        name: name.map(String::from),
        value: Value::String(text),
        shared: true,
    };
    for shortcut in &description.shortcuts {
        let folder = match shortcut.place {
            Place::StartMenu => Folder::StartMenu { machine },
            Place::Desktop => Folder::Desktop { machine },
            Place::Startup => Folder::Startup { machine },
        };
        let root = platform::folder(folder).doing("find", "the folder of shortcuts")?;
        let folder = shortcut.folder.as_ref().map(|folder| format!(r"{root}\{folder}"));
        let place = folder.clone().unwrap_or(root);
        let target = inside(directory, &shortcut.program);
        let link = Link {
            path: format!(r"{place}\{}.lnk", shortcut.name),
            arguments: shortcut.arguments.clone(),
            directory: directory.into(),
            description: shortcut.description.clone(),
            icon: shortcut.icon.as_ref().map_or_else(|| target.clone(), |icon| inside(directory, icon)),
            app_user_model_id: shortcut.app_user_model_id.clone(),
            target,
        };
        items.push(Item::Link { link, folder });
    }
    for value in &description.registry {
        let fill = |text: &String| text.replace("{install}", directory);
        items.push(Item::Value {
            hive: match value.root {
                Root::Scope => scope,
                Root::Machine => Hive::Machine,
                Root::User => Hive::User,
            },
            key: value.key.clone(),
            name: value.name.clone(),
            value: match &value.value {
                Value::String(text) => Value::String(fill(text)),
                Value::ExpandString(text) => Value::ExpandString(fill(text)),
                Value::Dword(number) => Value::Dword(*number),
            },
            shared: false,
        });
    }
    let owned = |key: &str| Item::Owned {
        hive: scope,
        key: key.into(),
        command: Some(r"shell\open\command"),
        directory: directory.into(),
    };
    for association in &description.associations {
        let class = format!(r"{CLASSES}\{}", association.class);
        let extension = format!(r"{CLASSES}\.{}", association.extension);
        let icon = association.icon.as_ref().unwrap_or(&association.program);
        items.push(owned(&class));
        items.push(text(class.clone(), None, association.description.clone()));
        items.push(text(format!(r"{class}\DefaultIcon"), None, format!("{},0", inside(directory, icon))));
        let line = command(directory, &association.program, &association.arguments);
        items.push(text(format!(r"{class}\shell\open\command"), None, line));
        let with = format!(r"{extension}\OpenWithProgids");
        items.push(text(with, Some(&association.class), String::new()));
        let default = |name: Option<&str>, text: &str| Item::Default {
            hive: scope,
            key: extension.clone(),
            name: name.map(String::from),
            text: text.into(),
        };
        items.push(default(None, &association.class));
        if let Some(kind) = &association.mime_type {
            items.push(default(Some("Content Type"), kind));
        }
    }
    for protocol in &description.protocols {
        let class = format!(r"{CLASSES}\{}", protocol.scheme);
        items.push(owned(&class));
        items.push(text(class.clone(), None, format!("URL:{}", protocol.description)));
        items.push(text(class.clone(), Some("URL Protocol"), String::new()));
        let icon = format!("{},0", inside(directory, &protocol.program));
        items.push(text(format!(r"{class}\DefaultIcon"), None, icon));
        let line = command(directory, &protocol.program, &protocol.arguments);
        items.push(text(format!(r"{class}\shell\open\command"), None, line));
    }
    if description.path {
        items.push(Item::OnPath { machine, directory: directory.into() });
    }
    if machine {
        for service in &description.services {
            let arguments = service.arguments.as_deref().unwrap_or_default();
            let line = command(directory, &service.program, arguments);
            items.push(Item::Service { service: service.clone(), line });
        }
    }
    let key = program_key(&description.id);
    items.push(Item::Owned { hive: scope, key: key.clone(), command: None, directory: directory.into() });
    let uninstaller = inside(directory, &description.uninstaller);
    let mut say = |name: &str, what: Option<String>| {
        if let Some(what) = what {
            items.push(text(key.clone(), Some(name), what));
        }
    };
    say("DisplayName", Some(description.name.clone()));
    say("DisplayVersion", Some(description.version.clone()));
    say("Publisher", description.publisher.clone());
    let icon = description.icon.as_ref().unwrap_or(&description.uninstaller);
    say("DisplayIcon", Some(inside(directory, icon)));
    say("InstallLocation", Some(directory.into()));
    say("UninstallString", Some(format!("\"{uninstaller}\" /uninstall")));
    say("QuietUninstallString", Some(format!("\"{uninstaller}\" /uninstall /S")));
    say("URLInfoAbout", description.homepage.clone());
    say("HelpLink", description.help.clone());
    say("URLUpdateInfo", description.updates.clone());
    let size = description.files.iter().map(|file| file.size).sum::<u64>().div_ceil(1024);
    for (name, number) in
        [("EstimatedSize", u32::try_from(size).unwrap_or(u32::MAX)), ("NoModify", 1), ("NoRepair", 1)]
    {
        let (name, value) = (Some(name.into()), Value::Dword(number));
        items.push(Item::Value { hive: scope, key: key.clone(), name, value, shared: false });
    }
    Ok(items)
}

impl Item {
    /// Whether both change the same thing, to whatever.
    pub(crate) fn is_same(&self, other: &Item) -> bool {
        let same = |one: &String, other: &String| one.to_lowercase() == other.to_lowercase();
        match (self, other) {
            (Item::Link { link: one, .. }, Item::Link { link: other, .. }) => same(&one.path, &other.path),
            (Item::Owned { hive, key, .. }, Item::Owned { hive: other_hive, key: other, .. }) => {
                hive == other_hive && same(key, other)
            }
            (
                Item::Value { hive, key, name, .. } | Item::Default { hive, key, name, .. },
                Item::Value { hive: other_hive, key: other_key, name: other_name, .. }
                | Item::Default { hive: other_hive, key: other_key, name: other_name, .. },
            ) => hive == other_hive && same(key, other_key) && name == other_name,
            (
                Item::OnPath { machine, directory },
                Item::OnPath { machine: other_machine, directory: other },
            ) => machine == other_machine && same(directory, other),
            (Item::Service { service, .. }, Item::Service { service: other, .. }) => {
                same(&service.name, &other.name)
            }
            _ => false,
        }
    }

    /// Whether somebody took it away since it was made.
    pub(crate) fn was_removed(&self) -> bool {
        matches!(self, Item::Link { link, .. } if !platform::exists(&link.path))
    }

    /// Makes the change.
    pub(crate) fn apply(&self) -> Result<(), Failure> {
        match self {
            Item::Link { link, folder } => {
                if let Some(folder) = folder {
                    platform::create_directories(folder).doing("create", folder)?;
                }
                platform::create_link(link).doing("write", &link.path)
            }
            Item::Owned { .. } => Ok(()),
            Item::Value { hive, key, name, value, .. } => {
                let opened = Key::create(*hive, key).doing("create the key", key)?;
                let name = name.as_deref();
                match value {
                    Value::String(text) => opened.set_text(name, text, false),
                    Value::ExpandString(text) => opened.set_text(name, text, true),
                    Value::Dword(number) => opened.set_number(name, *number),
                }
                .doing("write to the key", key)
            }
            Item::Default { hive, key, name, text } => {
                let opened = Key::create(*hive, key).doing("create the key", key)?;
                match opened.text(name.as_deref()) {
                    Some((known, _)) if !known.is_empty() => Ok(()),
                    _ => opened.set_text(name.as_deref(), text, false).doing("write to the key", key),
                }
            }
            Item::OnPath { machine, directory } => change_path(*machine, |entries| {
                if !entries.iter().any(|entry| is_directory(entry, directory)) {
                    entries.push(directory.clone());
                }
            }),
            Item::Service { service, line } => {
                platform::create_service(service, line).doing("create the service", &service.name)
            }
        }
    }

    /// Takes the change back.
    pub(crate) fn remove(&self) -> Result<(), Failure> {
        match self {
            Item::Link { link, folder } => {
                platform::delete_file(&link.path).doing("delete", &link.path)?;
                if let Some(folder) = folder {
                    let _ = platform::remove_directory(folder);
                }
                Ok(())
            }
            Item::Owned { hive, key, command, directory } => {
                let ours = |text: &str| text.to_lowercase().contains(&directory.to_lowercase());
                if let Some(command) = command
                    && let Ok(opened) = Key::open(*hive, &format!(r"{key}\{command}"))
                    && opened.text(None).is_some_and(|(text, _)| !ours(&text))
                {
                    return Ok(());
                }
                Key::delete_tree(*hive, key).doing("delete the key", key)
            }
            Item::Value { hive, key, name, value, shared } => {
                if let Ok(opened) = Key::change(*hive, key)
                    && (!shared
                        || opened.text(name.as_deref()).map(|(text, _)| Value::String(text)).as_ref()
                            == Some(value))
                {
                    opened.delete_value(name.as_deref()).doing("delete from the key", key)?;
                }
                Key::delete_empty(*hive, key);
                Ok(())
            }
            Item::Default { hive, key, name, text } => {
                if let Ok(opened) = Key::change(*hive, key)
                    && opened.text(name.as_deref()).is_some_and(|(known, _)| known == *text)
                {
                    opened.delete_value(name.as_deref()).doing("delete from the key", key)?;
                }
                Key::delete_empty(*hive, key);
                Ok(())
            }
            Item::OnPath { machine, directory } => {
                change_path(*machine, |entries| entries.retain(|entry| !is_directory(entry, directory)))
            }
            Item::Service { service, .. } => {
                platform::stop_service(&service.name).doing("stop the service", &service.name)?;
                platform::delete_service(&service.name).doing("delete the service", &service.name)
            }
        }
    }
}

fn is_directory(entry: &str, directory: &str) -> bool {
    entry.trim_end_matches('\\').to_lowercase() == directory.to_lowercase()
}

fn change_path(machine: bool, change: impl FnOnce(&mut Vec<String>)) -> Result<(), Failure> {
    let (hive, key) = if machine {
        (Hive::Machine, r"SYSTEM\CurrentControlSet\Control\Session Manager\Environment")
    } else {
        (Hive::User, "Environment")
    };
    let opened = Key::create(hive, key).doing("open the key", key)?;
    let (before, _) = opened.text(Some("Path")).unwrap_or_default();
    let mut entries: Vec<String> =
        before.split(';').filter(|entry| !entry.is_empty()).map(String::from).collect();
    let known = entries.clone();
    change(&mut entries);
    if entries == known {
        return Ok(());
    }
    if entries.is_empty() {
        opened.delete_value(Some("Path")).doing("change", "PATH")?;
    } else {
        opened.set_text(Some("Path"), &entries.join(";"), true).doing("change", "PATH")?;
    }
    platform::environment_changed();
    Ok(())
}

/// The record of an installation in a folder.
pub(crate) fn record(directory: &str) -> Option<Record> {
    let text = platform::read_file(&format!(r"{directory}\{RECORD}")).ok()?;
    serde_json::from_slice(&text).ok()
}
