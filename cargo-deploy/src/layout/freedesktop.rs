//! Where Linux systems look for the things a program brings: the layout of deb, rpm and AppImage
//! (Filesystem Hierarchy Standard 3.0, Debian policy 12, the specifications of freedesktop.org).
//!
//! What a project has is put into its place; what systems want and a project rarely has (a Debian changelog, a copyright file, a desktop
//! entry, icons in all sizes) is made. docs/concepts/linux-layout.md has the rules for people.

mod inspect;
mod metadata;

pub use inspect::findings;

use crate::bench::Workbench;
use crate::bench::files;
use crate::layout::{Entry, LayoutError, Node, NodeKind, Payload};
use deploy_formats::changelog;
use deploy_formats::copyright::Copyright;
use deploy_formats::date::Moment;
use deploy_formats::freedesktop::completion::{Completion, Family};
use deploy_formats::freedesktop::icon::{self, Icon};
use deploy_formats::freedesktop::man_page::{self, ManPage};
use deploy_formats::freedesktop::systemd_unit::{self, Scope, UnitName};
use deploy_formats::located::Located;
use deploy_formats::maintainer_script::{Activation, UnitHandling};
use deploy_model::{RelPath, Sha256};
use deploy_plan::manifest::UnitScope;
use deploy_plan::project::{Role, UnitPlan};
use std::collections::BTreeMap;
use std::fmt::Display;

/// Whose customs a package follows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flavour {
    /// Debian's: one copyright file, compressed changelogs.
    Debian,
    /// rpm's: licences in a directory of their own.
    Rpm,
    /// A directory that runs where it lies. There is always a desktop entry with an icon.
    AppImage,
}

/// What the format knows of its package.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    /// Whose customs it follows.
    pub flavour: Flavour,
    /// The package's name: that of its directories in `usr/share/doc` and `usr/lib`.
    pub name: &'a str,
    /// The package's version with its revision, for changelogs: `1.2.3-1`.
    pub version: &'a str,
    /// `Name <address>`, for changelogs.
    pub maintainer: &'a str,
}

/// A payload in its places.
#[derive(Debug, Default)]
pub struct Laid {
    /// Files and links, sorted by path, each path once.
    pub nodes: Vec<Node>,
    /// What the package's scripts have to do.
    pub activation: Activation,
    /// The desktop entry, if there is one.
    pub desktop: Option<DesktopPlace>,
}

/// Where the desktop entry is, and what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DesktopPlace {
    /// `usr/share/applications/com.example.App.desktop`.
    pub path: String,
    /// The name of its icon, if it has one.
    pub icon: Option<String>,
    /// The program that it starts.
    pub program: String,
}

/// Puts a payload into its places and makes what is wanted there besides, in the bench's scratch directory.
pub fn lay_out(rules: Rules<'_>, payload: &Payload, bench: &Workbench<'_>) -> Result<Laid, LayoutError> {
    let mut layout = Layout {
        rules,
        payload,
        bench,
        apart: payload.entries.iter().any(|entry| {
            entry.role == Role::Resource && matches!(place_of_resource(&entry.path), Place::Private)
        }),
        nodes: BTreeMap::new(),
        activation: Activation::default(),
    };
    for entry in &payload.entries {
        layout.entry(entry)?;
    }
    if rules.flavour == Flavour::Debian {
        layout.debian_documents()?;
    }
    let desktop = layout.desktop()?;
    layout.metainfo(desktop.as_ref())?;
    Ok(Laid { nodes: layout.nodes.into_values().collect(), activation: layout.activation, desktop })
}

/// The changelog of the package: the project's, if it is one of Debian's or has a section for this version; else an entry that says no more
/// than the version. rpm keeps it in its header ([`changelog::rpm`]).
pub fn changelog(
    rules: Rules<'_>,
    payload: &Payload,
    epoch: i64,
) -> Result<Vec<changelog::Entry>, LayoutError> {
    let own = payload.entries.iter().find(|entry| entry.role == Role::Changelog);
    let text = own.map(|entry| files::read(&entry.content)).transpose()?.unwrap_or_default();
    if let Ok(entries) = changelog::parse(&text) {
        return Ok(entries);
    }
    let mut changes = changelog::markdown_changes(&String::from_utf8_lossy(&text), &payload.app.version);
    if changes.is_empty() {
        changes.push(format!("Version {}.", payload.app.version));
    }
    Ok(vec![changelog::Entry {
        package: rules.name.to_owned(),
        version: rules.version.to_owned(),
        distribution: "stable".to_owned(),
        urgency: "medium".to_owned(),
        changes,
        maintainer: rules.maintainer.to_owned(),
        date: moment(epoch),
    }])
}

fn moment(epoch: i64) -> Moment {
    Moment::of(u64::try_from(epoch).unwrap_or(0))
}

/// Where a file of the application goes.
#[derive(Debug, PartialEq, Eq)]
enum Place {
    /// A path that systems know.
    At(String),
    /// A configuration file.
    Config(String),
    /// A text about the application.
    Document,
    /// A place of the application's own, beside its binaries.
    Private,
}

fn place_of_resource(path: &RelPath) -> Place {
    let text = path.as_str();
    let below = |directory: &str| text.strip_prefix(directory).is_some_and(|rest| rest.starts_with('/'));
    if below("usr") {
        return Place::At(text.to_owned());
    }
    if below("etc") {
        return Place::Config(text.to_owned());
    }
    if ["bin", "lib", "libexec", "sbin", "share"].into_iter().any(below) {
        return Place::At(format!("usr/{text}"));
    }
    let name = text.to_ascii_uppercase();
    let is_text =
        ["README", "LICENSE", "LICENCE", "NOTICE", "COPYING", "COPYRIGHT", "AUTHORS", "CHANGELOG", "CHANGES"]
            .into_iter()
            .any(|start| {
                name.strip_prefix(start)
                    .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_alphanumeric()))
            });
    if is_text && !text.contains('/') { Place::Document } else { Place::Private }
}

struct Layout<'l> {
    rules: Rules<'l>,
    payload: &'l Payload,
    bench: &'l Workbench<'l>,
    /// Whether the application has files beside its binaries, so that they lie together in `usr/lib/NAME`.
    apart: bool,
    nodes: BTreeMap<String, Node>,
    activation: Activation,
}

impl Layout<'_> {
    fn entry(&mut self, entry: &Entry) -> Result<(), LayoutError> {
        let name = self.rules.name;
        match &entry.role {
            Role::Program => self.program(entry),
            Role::Resource => match place_of_resource(&entry.path) {
                Place::At(path) => self.as_it_is(entry, path, mode(entry)),
                Place::Config(path) => {
                    let mode = mode(entry);
                    self.put(path, file(entry, mode, Role::Config { mode }), Some(entry))
                }
                Place::Document => self.document(entry),
                Place::Private => self.as_it_is(entry, format!("usr/lib/{name}/{}", entry.path), mode(entry)),
            },
            Role::Document => self.document(entry),
            Role::License => match self.rules.flavour {
                Flavour::Rpm => {
                    self.as_it_is(entry, format!("usr/share/licenses/{name}/{}", entry.path), 0o644)
                }
                // Debian has all of them in one file.
                Flavour::Debian => Ok(()),
                Flavour::AppImage => self.document(entry),
            },
            Role::Changelog => match self.rules.flavour {
                Flavour::Debian => Ok(()),
                Flavour::Rpm | Flavour::AppImage => self.document(entry),
            },
            Role::Manual => self.manual(entry),
            Role::Completion => self.completion(entry),
            // These depend on each other.
            Role::DesktopEntry | Role::Metainfo | Role::Icon => Ok(()),
            Role::System { mode } | Role::Config { mode } => {
                self.system_file(&entry.path);
                self.as_it_is(entry, entry.path.to_string(), *mode)
            }
            Role::Unit(plan) => self.unit(entry, *plan),
        }
    }

    /// Puts a node into its place, which must be free, or taken by the very same.
    fn put(&mut self, path: String, kind: NodeKind, entry: Option<&Entry>) -> Result<(), LayoutError> {
        let origin = entry.map(|entry| entry.path.clone());
        let node = Node { path: path.clone(), kind, origin };
        let told = |node: &Node| match (&node.origin, &node.kind) {
            (Some(origin), _) => origin.to_string(),
            (None, NodeKind::Symlink { target }) => format!("a link to {target}"),
            (None, NodeKind::File { .. }) => "a file made for the package".to_owned(),
        };
        let bytes = |kind: &NodeKind| match kind {
            NodeKind::File { sha256, mode, .. } => Some((sha256.clone(), *mode)),
            NodeKind::Symlink { .. } => None,
        };
        match self.nodes.get(&path) {
            Some(other) if bytes(&other.kind).is_some() && bytes(&other.kind) == bytes(&node.kind) => Ok(()),
            Some(other) => Err(LayoutError::Taken { path, one: told(other), other: told(&node) }),
            None => {
                self.nodes.insert(path, node);
                Ok(())
            }
        }
    }

    fn as_it_is(&mut self, entry: &Entry, path: String, mode: u32) -> Result<(), LayoutError> {
        self.put(path, file(entry, mode, entry.role.clone()), Some(entry))
    }

    /// Puts a file into its place that was made, or made from an entry.
    fn made(&mut self, path: String, content: &[u8], role: Role) -> Result<(), LayoutError> {
        let place = self.bench.file(&format!("laid-{}", self.nodes.len()));
        files::replace(&place, content)?;
        let kind = NodeKind::File {
            content: place,
            size: content.len() as u64,
            sha256: Sha256::of(content),
            mode: 0o644,
            role,
        };
        self.put(path, kind, None)
    }

    fn program(&mut self, entry: &Entry) -> Result<(), LayoutError> {
        let (name, file) = (self.rules.name, entry.path.file_name().to_owned());
        if !self.apart {
            return self.as_it_is(entry, format!("usr/bin/{file}"), 0o755);
        }
        self.as_it_is(entry, format!("usr/lib/{name}/{file}"), 0o755)?;
        // Relative, so that it holds in an AppImage and below another root, too.
        let target = format!("../lib/{name}/{file}");
        self.put(format!("usr/bin/{file}"), NodeKind::Symlink { target }, None)
    }

    fn document(&mut self, entry: &Entry) -> Result<(), LayoutError> {
        let path = format!("usr/share/doc/{}/{}", self.rules.name, entry.path);
        self.as_it_is(entry, path, 0o644)
    }

    fn manual(&mut self, entry: &Entry) -> Result<(), LayoutError> {
        let unusable = |source| unusable(entry, "a manual page", source);
        let content = files::read(&entry.content)?;
        let page = ManPage::identify(entry.path.as_str(), &content).map_err(unusable)?;
        let compressed = man_page::compressed(entry.path.as_str(), &content).map_err(unusable)?;
        self.made(page.path(), &compressed, Role::Manual)
    }

    fn completion(&mut self, entry: &Entry) -> Result<(), LayoutError> {
        let content = files::read(&entry.content)?;
        let completion = Completion::identify(entry.path.as_str(), &content)
            .map_err(|source| unusable(entry, "a completion", source))?;
        let family = if self.rules.flavour == Flavour::Debian { Family::Debian } else { Family::Other };
        self.as_it_is(entry, completion.path(family), 0o644)
    }

    /// Takes note of users and directories that are made when the package is installed.
    fn system_file(&mut self, path: &RelPath) {
        let lists = [
            ("usr/lib/sysusers.d/", &mut self.activation.sysusers),
            ("usr/lib/tmpfiles.d/", &mut self.activation.tmpfiles),
        ];
        for (directory, list) in lists {
            if let Some(name) = path.as_str().strip_prefix(directory)
                && name.ends_with(".conf")
            {
                list.push(name.to_owned());
            }
        }
    }

    fn unit(&mut self, entry: &Entry, plan: UnitPlan) -> Result<(), LayoutError> {
        const WHAT: &str = "a systemd unit";
        let name: UnitName =
            entry.path.file_name().parse().map_err(|source| unusable(entry, WHAT, source))?;
        let unit = systemd_unit::parse(&files::read(&entry.content)?)
            .map_err(|problems| unusable(entry, WHAT, Several::of(&problems)))?;
        let scope = scope(plan.scope);
        self.as_it_is(entry, format!("{}/{name}", scope.directory()), 0o644)?;
        self.activation.units.push(UnitHandling {
            installable: unit.can_be_enabled(),
            name,
            scope,
            enable: plan.enable.unwrap_or(true),
            start: plan.start,
            restart_after_upgrade: plan.restart_on_upgrade,
            // Who does not want it restarted wants the old program to go on.
            stop_on_upgrade: plan.restart_on_upgrade,
        });
        Ok(())
    }

    /// The copyright file and the changelogs of a Debian package (policy 12.5 and 12.7).
    fn debian_documents(&mut self) -> Result<(), LayoutError> {
        let (rules, payload) = (self.rules, self.payload);
        let directory = format!("usr/share/doc/{}", rules.name);
        let of_role = |role: Role| payload.entries.iter().filter(move |entry| entry.role == role);
        let mut texts = Vec::new();
        for entry in of_role(Role::License) {
            texts.push((entry, String::from_utf8_lossy(&files::read(&entry.content)?).into_owned()));
        }
        let copyright = Copyright {
            name: &payload.app.title,
            source: payload.app.repository.as_deref().or(payload.app.homepage.as_deref()),
            authors: payload.app.authors.iter().map(String::as_str).collect(),
            year: moment(self.bench.epoch).year,
            license: payload.app.license.as_deref(),
            texts: texts.iter().map(|(entry, text)| (entry.path.as_str(), text.as_str())).collect(),
        };
        self.made(format!("{directory}/copyright"), copyright.text().as_bytes(), Role::License)?;
        let told = copyright.told_texts();
        for (entry, _) in texts.iter().filter(|(entry, _)| !told.contains(&entry.path.as_str())) {
            self.document(entry)?;
        }

        // A version without revision is one that was made for Debian: its changelog is the project's.
        let native = !rules.version.contains('-');
        let debian = if native { "changelog.gz" } else { "changelog.Debian.gz" };
        let entries = changelog(rules, payload, self.bench.epoch)?;
        let gzipped = |content: &[u8], entry: Option<&Entry>| {
            man_page::gzipped(content).map_err(|source| LayoutError::Unusable {
                file: entry.map_or_else(|| "the changelog".to_owned(), |entry| entry.path.to_string()),
                what: "a changelog",
                source: Box::new(source),
            })
        };
        let text = match of_role(Role::Changelog).next() {
            Some(entry) => {
                let content = files::read(&entry.content)?;
                if changelog::parse(&content).is_ok() {
                    // It is packaged as it was written.
                    content
                } else {
                    let own = gzipped(&content, Some(entry))?;
                    let name = if native { format!("{}.gz", entry.path) } else { "changelog.gz".to_owned() };
                    self.made(format!("{directory}/{name}"), &own, Role::Changelog)?;
                    changelog::debian(&entries).into_bytes()
                }
            }
            None => changelog::debian(&entries).into_bytes(),
        };
        self.made(format!("{directory}/{debian}"), &gzipped(&text, None)?, Role::Changelog)
    }

    /// The icon in all sizes that can be made of it.
    fn icon(&mut self, name: &str, icon: &Icon, entry: Option<&Entry>) -> Result<(), LayoutError> {
        let failed = |source: icon::IconError| LayoutError::Unusable {
            file: entry.map_or_else(
                || "the icon for programs without one".to_owned(),
                |entry| entry.path.to_string(),
            ),
            what: "the icon",
            source: Box::new(source),
        };
        for size in icon.sizes() {
            self.made(icon::png_path(name, size), &icon.png(size).map_err(failed)?, Role::Icon)?;
        }
        match icon.svg() {
            Some(svg) => self.made(icon::svg_path(name), svg, Role::Icon),
            None => Ok(()),
        }
    }
}

fn scope(scope: UnitScope) -> Scope {
    match scope {
        UnitScope::System => Scope::System,
        UnitScope::User => Scope::User,
    }
}

fn mode(entry: &Entry) -> u32 {
    if entry.executable { 0o755 } else { 0o644 }
}

fn file(entry: &Entry, mode: u32, role: Role) -> NodeKind {
    NodeKind::File {
        content: entry.content.clone(),
        size: entry.size,
        sha256: entry.sha256.clone(),
        mode,
        role,
    }
}

fn unusable(
    entry: &Entry,
    what: &'static str,
    source: impl std::error::Error + Send + Sync + 'static,
) -> LayoutError {
    LayoutError::Unusable { file: entry.path.to_string(), what, source: Box::new(source) }
}

/// Several problems of one file, as one error.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.join("; "))]
struct Several(Vec<String>);

impl Several {
    fn of<P: Display>(problems: &[Located<P>]) -> Self {
        Several(problems.iter().map(ToString::to_string).collect())
    }
}

#[cfg(test)]
mod tests;
