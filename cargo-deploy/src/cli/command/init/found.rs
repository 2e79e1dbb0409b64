//! What a project has that Linux packages have places for.

use crate::bench::files::{self, FileError};
use crate::probe::project_files;
use camino::Utf8Path;
use deploy_formats::freedesktop::completion::Completion;
use deploy_formats::freedesktop::desktop_entry;
use deploy_formats::freedesktop::icon::Icon;
use deploy_formats::freedesktop::man_page::ManPage;
use deploy_formats::freedesktop::metainfo;
use deploy_formats::freedesktop::systemd_unit::{self, UnitName};
use std::collections::BTreeSet;

/// Larger files are none of these.
const LARGEST: u64 = 4 << 20;

/// Patterns and paths for the manifest.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Found {
    /// A PNG or SVG that can be the icon.
    pub(super) icon: Option<String>,
    /// Patterns of manual pages.
    pub(super) man: Vec<String>,
    /// Patterns of completions.
    pub(super) completions: Vec<String>,
    /// systemd units.
    pub(super) units: Vec<String>,
    /// A desktop entry.
    pub(super) desktop: Option<String>,
    /// AppStream metadata.
    pub(super) metainfo: Option<String>,
}

impl Found {
    /// Looks at the files of a project. Only what would pass the checks is taken, so that the manifest is a good one.
    pub(super) fn look(root: &Utf8Path, target_directory: &Utf8Path) -> Result<Found, FileError> {
        let mut found = Found::default();
        let mut man = BTreeSet::new();
        let mut completions = BTreeSet::new();
        let mut icons = Vec::new();
        for path in project_files::all(root, target_directory)? {
            let file = Utf8Path::new(&path);
            let (Some(name), Some(directory)) = (file.file_name(), file.parent()) else { continue };
            // Examples, tests and what was installed by others are not the project's own.
            let foreign = ["tests", "test", "examples", "example", "fixtures", "node_modules", "vendor"];
            let hidden = |part: &str| part.starts_with('.') || foreign.contains(&part);
            if directory.components().any(|part| hidden(part.as_str())) || !may_be_wanted(name, directory) {
                continue;
            }
            let place = root.join(file);
            if files::metadata_if_exists(&place)?.is_none_or(|metadata| metadata.len() > LARGEST) {
                continue;
            }
            let content = files::read(&place)?;
            let beside = |pattern: &str| match directory.as_str() {
                "" => pattern.to_owned(),
                directory => format!("{directory}/{pattern}"),
            };
            if name.parse::<UnitName>().is_ok() {
                if systemd_unit::parse(&content).is_ok() {
                    found.units.push(path);
                }
            } else if name.ends_with(".desktop") {
                if desktop_entry::check(&content).is_ok() {
                    found.desktop.get_or_insert(path);
                }
            } else if name.ends_with(".metainfo.xml") || name.ends_with(".appdata.xml") {
                if metainfo::check(&content).is_ok() {
                    found.metainfo.get_or_insert(path);
                }
            } else if is_icon(name) {
                if Icon::open(&content).is_ok() {
                    icons.push(path);
                }
            } else if let Some((_, section)) = name.rsplit_once('.').filter(|(_, end)| is_section(end)) {
                // The text has to say that it is one: logs are called `app.log.1`, too.
                if ManPage::identify("page", &content).is_ok() && ManPage::identify(&path, &content).is_ok() {
                    man.insert(beside(&format!("*.{section}")));
                }
            } else if Completion::identify(&path, &content).is_ok() {
                completions.insert(beside("*"));
            }
        }
        // A vector picture is sharp in every size.
        icons.sort_by_key(|path| (!path.ends_with(".svg"), path.matches('/').count(), path.clone()));
        found.icon = icons.into_iter().next();
        found.man = man.into_iter().collect();
        found.completions = completions.into_iter().filter(|pattern| all_complete(root, pattern)).collect();
        Ok(found)
    }
}

/// Whether a file is worth reading, by its name and directory.
fn may_be_wanted(name: &str, directory: &Utf8Path) -> bool {
    let end = name.rsplit_once('.').map_or("", |(_, end)| end);
    let in_completions = directory.file_name().is_some_and(|name| name.starts_with("complet"));
    in_completions
        || is_section(end)
        || is_icon(name)
        || name.ends_with(".desktop")
        || name.ends_with(".metainfo.xml")
        || name.ends_with(".appdata.xml")
        || name.parse::<UnitName>().is_ok()
}

fn is_section(end: &str) -> bool {
    end.len() == 1 && end.starts_with(|c: char| ('1'..='8').contains(&c))
}

fn is_icon(name: &str) -> bool {
    let stem = name.strip_suffix(".svg").or_else(|| name.strip_suffix(".png"));
    stem.is_some_and(|stem| matches!(stem, "icon" | "logo" | "app-icon"))
}

/// Whether everything that a pattern `directory/*` means is a completion.
fn all_complete(root: &Utf8Path, pattern: &str) -> bool {
    let directory = root.join(pattern.strip_suffix('*').unwrap_or(pattern));
    let Ok(names) = files::names(&directory) else { return false };
    names.iter().all(|name| {
        let content = files::read(&directory.join(name)).unwrap_or_default();
        Completion::identify(name, &content).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use camino::Utf8PathBuf;

    #[test]
    fn what_packages_have_places_for_is_found() {
        let temporary = Utf8PathBuf::from_path_buf(std::env::temp_dir()).unwrap();
        let root = temporary.join(format!("cargo-deploy-init-{}", std::process::id()));
        let svg = "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 8 8'/>";
        for (path, content) in [
            ("doc/app.1", ".TH APP 1\n"),
            ("doc/app-conf.5", ".Dd May 1\n.Dt APP-CONF 5\n"),
            ("logs/app.log.1", "started\n"),
            ("complete/_app", "#compdef app\n"),
            ("complete/app.bash", ""),
            ("completion/readme.txt", "hello"),
            ("dist/app.service", "[Service]\nExecStart=/usr/bin/app\n"),
            ("dist/app.desktop", "[Desktop Entry]\nType=Application\nName=App\nExec=app\n"),
            ("dist/broken.desktop", "[Desktop Entry]\n"),
            ("assets/icon.svg", svg),
            ("assets/icon.png", "not a picture"),
            ("tests/other.service", "[Service]\nExecStart=/usr/bin/app\n"),
        ] {
            let place = root.join(path);
            files::create_directory(place.parent().unwrap()).unwrap();
            files::replace(&place, content.as_bytes()).unwrap();
        }
        let found = Found::look(&root, &root.join("target"));
        files::remove_directory(&root).unwrap();
        assert_eq!(
            found.unwrap(),
            Found {
                icon: Some("assets/icon.svg".to_owned()),
                man: vec!["doc/*.1".to_owned(), "doc/*.5".to_owned()],
                completions: vec!["complete/*".to_owned()],
                units: vec!["dist/app.service".to_owned()],
                desktop: Some("dist/app.desktop".to_owned()),
                metainfo: None,
            }
        );
    }
}
