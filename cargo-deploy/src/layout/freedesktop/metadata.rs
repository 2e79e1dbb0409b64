//! The desktop entry, the icon and the AppStream metadata of a package: they name each other.

use super::{DesktopPlace, Flavour, Layout, Several, moment, unusable};
use crate::bench::files;
use crate::layout::{Entry, LayoutError};
use deploy_formats::changelog;
use deploy_formats::freedesktop::desktop_entry::{self, DesktopEntry};
use deploy_formats::freedesktop::icon::Icon;
use deploy_formats::freedesktop::metainfo::{self, ComponentKind, Metainfo, Release, UrlKind};
use deploy_plan::manifest::Desktop;
use deploy_plan::project::{App, Role};

/// The name that the desktop entry, its icon and the metadata share.
pub(super) fn component_id(app: &App) -> Option<String> {
    let addresses = [&app.repository, &app.homepage];
    app.id.clone().or_else(|| {
        addresses.into_iter().flatten().find_map(|address| metainfo::id_from_address(address, &app.name))
    })
}

impl Layout<'_> {
    fn of_role(&self, role: &Role) -> Option<&Entry> {
        self.payload.entries.iter().find(|entry| entry.role == *role)
    }

    /// The desktop entry with its icon. An AppImage always has one; other packages where the project wants one.
    pub(super) fn desktop(&mut self) -> Result<Option<DesktopPlace>, LayoutError> {
        let own = self.of_role(&Role::DesktopEntry).cloned();
        let place = match (&own, &self.payload.desktop, self.rules.flavour) {
            (Some(entry), ..) => self.own_desktop_entry(entry)?,
            (None, Some(desktop), _) => self.made_desktop_entry(desktop)?,
            (None, None, Flavour::AppImage) => self.made_desktop_entry(&Desktop {
                terminal: Some(true),
                categories: Some(vec!["Utility".to_owned(), "ConsoleOnly".to_owned()]),
                ..Desktop::default()
            })?,
            (None, None, _) => return Ok(None),
        };
        if let Some(name) = place.icon.clone().filter(|name| !name.contains('/')) {
            match self.of_role(&Role::Icon).cloned() {
                Some(entry) => {
                    let icon = Icon::open(&files::read(&entry.content)?)
                        .map_err(|source| unusable(&entry, "the icon", source))?;
                    self.icon(&name, &icon, Some(&entry))?;
                }
                // The project's own entry may name an icon that the project installs itself, or one of the theme.
                None if own.is_some() && self.rules.flavour != Flavour::AppImage => {}
                None if self.has_icon(&name) => {}
                None => {
                    let icon = Icon::of_terminal().map_err(|source| LayoutError::Unusable {
                        file: "the icon for programs without one".to_owned(),
                        what: "the icon",
                        source: Box::new(source),
                    })?;
                    self.icon(&name, &icon, None)?;
                }
            }
        }
        Ok(Some(place))
    }

    /// Whether the payload itself brings an icon of this name.
    fn has_icon(&self, name: &str) -> bool {
        self.nodes.keys().any(|path| {
            let file = path.rsplit('/').next().unwrap_or_default();
            path.starts_with("usr/share/icons/")
                && file.rsplit_once('.').is_some_and(|(stem, _)| stem == name)
        })
    }

    fn own_desktop_entry(&mut self, entry: &Entry) -> Result<DesktopPlace, LayoutError> {
        const WHAT: &str = "a desktop entry";
        let checked = desktop_entry::check(&files::read(&entry.content)?)
            .map_err(|problems| unusable(entry, WHAT, Several::of(&problems)))?;
        let program = checked.program().rsplit('/').next().unwrap_or_default().to_owned();
        let file = entry.path.file_name();
        let file = if file.ends_with(".desktop") { file.to_owned() } else { format!("{file}.desktop") };
        let path = format!("usr/share/applications/{file}");
        self.as_it_is(entry, path.clone(), 0o644)?;
        Ok(DesktopPlace { path, icon: checked.get("Icon"), program })
    }

    fn made_desktop_entry(&mut self, desktop: &Desktop) -> Result<DesktopPlace, LayoutError> {
        let app = &self.payload.app;
        let id = app.id.clone().unwrap_or_else(|| app.name.clone());
        let has_icon = self.of_role(&Role::Icon).is_some() || self.rules.flavour == Flavour::AppImage;
        let icon = has_icon.then(|| id.clone());
        let program = program_of(self.payload.entries.iter(), desktop, app);
        let entry = made_entry(app, desktop, program.clone(), icon.clone());
        let text = entry.text().map_err(|problems| LayoutError::Unusable {
            file: "`linux.desktop`".to_owned(),
            what: "a desktop entry",
            source: Box::new(Several::of(&problems)),
        })?;
        let path = format!("usr/share/applications/{id}.desktop");
        self.made(path.clone(), text.as_bytes(), Role::DesktopEntry)?;
        Ok(DesktopPlace { path, icon, program })
    }

    /// The AppStream metadata: the project's, or made where the package is one that software centres show and enough is known.
    pub(super) fn metainfo(&mut self, desktop: Option<&DesktopPlace>) -> Result<(), LayoutError> {
        if let Some(entry) = self.of_role(&Role::Metainfo).cloned() {
            let component = metainfo::check(&files::read(&entry.content)?)
                .map_err(|problems| unusable(&entry, "AppStream metadata", Several::of(&problems)))?;
            return self.as_it_is(&entry, metainfo::path(&component.id), 0o644);
        }
        let (app, asked) = (&self.payload.app, self.payload.metainfo.clone());
        if asked.is_none() && desktop.is_none() {
            return Ok(());
        }
        let asked_for = asked.is_some();
        let asked = asked.unwrap_or_default();
        let description = asked.description.as_ref().or(app.description.as_ref());
        let Some((id, description)) = component_id(app).zip(description) else {
            if !asked_for {
                return Ok(());
            }
            let message = "it needs `app.id`, or an address of the project to make one of, and a description";
            return Err(LayoutError::Unusable {
                file: "`linux.metainfo`".to_owned(),
                what: "AppStream metadata",
                source: Box::new(Several(vec![message.to_owned()])),
            });
        };
        let is_window = self.of_role(&Role::DesktopEntry).is_some() || self.payload.desktop.is_some();
        let kind = match desktop.filter(|_| is_window).and_then(|place| place.path.rsplit('/').next()) {
            Some(file) => ComponentKind::Desktop { desktop_id: file.to_owned() },
            None => ComponentKind::Console,
        };
        let settings = self.payload.desktop.clone().unwrap_or_default();
        let binaries = self
            .payload
            .entries
            .iter()
            .filter(|entry| entry.role == Role::Program)
            .map(|entry| entry.path.file_name().to_owned());
        let author =
            app.authors.first().map(|author| author.split('<').next().unwrap_or(author).trim().to_owned());
        let mut urls = Vec::new();
        urls.extend(app.homepage.clone().map(|address| (UrlKind::Homepage, address)));
        urls.extend(app.repository.clone().map(|address| (UrlKind::VcsBrowser, address)));
        urls.retain(|(_, address)| address.starts_with("https://") || address.starts_with("http://"));
        let metainfo = Metainfo {
            id: id.clone(),
            name: app.title.clone(),
            summary: asked
                .summary
                .clone()
                .unwrap_or_else(|| short(app.description.as_ref().unwrap_or(description))),
            description: description.split("\n\n").map(str::to_owned).collect(),
            project_license: app.license.clone(),
            metadata_license: asked.metadata_license.clone().unwrap_or_else(|| "FSFAP".to_owned()),
            developer: asked.developer.clone().or(author).filter(|name| !name.is_empty()),
            urls,
            binaries: binaries.collect(),
            releases: vec![Release {
                version: app.version.clone(),
                date: moment(self.bench.epoch),
                development: app.version.split('+').next().is_some_and(|version| version.contains('-')),
                changes: self.changes()?,
            }],
            categories: settings.categories.unwrap_or_default(),
            keywords: settings.keywords.unwrap_or_default(),
            icon: desktop.filter(|_| is_window).and_then(|place| place.icon.clone()),
            kind,
        };
        let text = metainfo.text().map_err(|problems| LayoutError::Unusable {
            file: "`linux.metainfo`".to_owned(),
            what: "AppStream metadata",
            source: Box::new(Several(problems.iter().map(ToString::to_string).collect())),
        })?;
        self.made(metainfo::path(&id), text.as_bytes(), Role::Metainfo)
    }

    /// What the project's changelog in Markdown says of this version.
    fn changes(&self) -> Result<Vec<String>, LayoutError> {
        let Some(entry) = self.of_role(&Role::Changelog) else { return Ok(Vec::new()) };
        let text = files::read(&entry.content)?;
        Ok(changelog::markdown_changes(&String::from_utf8_lossy(&text), &self.payload.app.version))
    }
}

/// The desktop entry by what the project says of it.
pub(super) fn made_entry(
    app: &App,
    desktop: &Desktop,
    program: String,
    icon: Option<String>,
) -> DesktopEntry {
    let mut exec = vec![program];
    exec.extend(desktop.arguments.iter().flatten().cloned());
    DesktopEntry {
        name: app.title.clone(),
        generic_name: desktop.generic_name.clone(),
        comment: app.description.clone().filter(|text| *text != app.title),
        exec,
        icon,
        terminal: desktop.terminal.unwrap_or(false),
        categories: desktop.categories.clone().unwrap_or_else(|| vec!["Utility".to_owned()]),
        keywords: desktop.keywords.clone().unwrap_or_default(),
        mime_types: desktop.mime_types.clone().unwrap_or_default(),
        startup_wm_class: desktop.window_class.clone(),
        startup_notify: None,
        no_display: false,
    }
}

/// The program that the desktop entry starts: the one that was said, else the one with the application's name, else the first.
fn program_of<'e>(entries: impl Iterator<Item = &'e Entry>, desktop: &Desktop, app: &App) -> String {
    let names: Vec<&str> =
        entries.filter(|entry| entry.role == Role::Program).map(|entry| entry.path.file_name()).collect();
    let named = desktop.binary.as_deref();
    named
        .or_else(|| names.iter().copied().find(|name| *name == app.name))
        .or_else(|| names.first().copied())
        .unwrap_or(&app.name)
        .to_owned()
}

/// A line that software centres show whole: the first sentence, or as many words of it as fit.
fn short(text: &str) -> String {
    const MOST: usize = 90;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    let sentence = text.split(". ").next().unwrap_or(&text).to_owned();
    if sentence.chars().count() <= MOST {
        return sentence;
    }
    let mut line = String::new();
    for word in sentence.split(' ') {
        if line.chars().count() + 1 + word.chars().count() > MOST - 1 {
            break;
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    format!("{}…", line.trim_end_matches([',', ';', ':', '-']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_descriptions_are_cut_at_words() {
        assert_eq!(short("A tool. It does more."), "A tool");
        let long = "word ".repeat(30);
        let cut = short(&long);
        assert!(cut.chars().count() <= 90 && cut.ends_with("word…"), "{cut}");
        assert_eq!(short(&"x".repeat(100)), "…");
    }
}
