//! What is wrong with the files that [`super::lay_out`] will place, said before anything is compiled.

use super::metadata::made_entry;
use super::{Place, Rules, place_of_resource, scope};
use crate::bench::files;
use camino::Utf8Path;
use deploy_formats::freedesktop::completion::Completion;
use deploy_formats::freedesktop::desktop_entry;
use deploy_formats::freedesktop::icon::Icon;
use deploy_formats::freedesktop::man_page::ManPage;
use deploy_formats::freedesktop::metainfo;
use deploy_formats::freedesktop::systemd_unit::{self, Surroundings, UnitName, is_system_program};
use deploy_model::{FailureClass, RelPath};
use deploy_plan::finding::Finding;
use deploy_plan::manifest::Desktop;
use deploy_plan::plan::{PlannedEntry, Source};
use deploy_plan::project::{App, Role, UnitPlan};

/// What is wrong with the project's own files and with what is said about the desktop entry. `entries` are those of the planned
/// package, and `root` is the directory that their files are relative to.
pub fn findings(
    rules: Rules<'_>,
    app: &App,
    desktop: Option<&Desktop>,
    entries: &[PlannedEntry],
    root: &Utf8Path,
) -> Vec<Finding> {
    let mut check = Check { rules, app, entries, root, findings: Vec::new() };
    if let Some(desktop) = desktop {
        check.desktop(desktop);
    }
    for entry in entries {
        if let Source::Project(from) = &entry.source {
            check.entry(entry, from);
        }
    }
    check.findings
}

struct Check<'c> {
    rules: Rules<'c>,
    app: &'c App,
    entries: &'c [PlannedEntry],
    root: &'c Utf8Path,
    findings: Vec<Finding>,
}

impl Check<'_> {
    fn find(&mut self, code: &'static str, field: &str, message: String, help: &str) {
        self.findings.push(Finding::configuration(code, message, help).at(field));
    }

    fn programs(&self) -> impl Iterator<Item = &str> {
        self.entries.iter().filter(|entry| entry.role == Role::Program).map(|entry| entry.path.file_name())
    }

    fn desktop(&mut self, desktop: &Desktop) {
        if let Some(binary) = &desktop.binary
            && !self.programs().any(|name| name == binary)
        {
            let known: Vec<&str> = self.programs().collect();
            let message = format!("the package has no binary {binary}");
            let help = format!("name one of: {}", known.join(", "));
            self.find("linux::invalid-desktop-entry", "linux.desktop.binary", message, &help);
        }
        if desktop.file.is_some() {
            return;
        }
        let program = self.app.name.clone();
        if let Err(problems) = made_entry(self.app, desktop, program, None).text() {
            for problem in problems {
                let help =
                    "the keys of `linux.desktop` become those of a desktop entry; mend the one that is meant";
                let message = problem.problem.to_string();
                self.find("linux::invalid-desktop-entry", "linux.desktop", message, help);
            }
        }
    }

    fn entry(&mut self, entry: &PlannedEntry, from: &RelPath) {
        let needs_a_look = matches!(
            entry.role,
            Role::Manual
                | Role::Completion
                | Role::DesktopEntry
                | Role::Metainfo
                | Role::Icon
                | Role::Unit(_)
        );
        if !needs_a_look {
            return;
        }
        let content = match files::read(&self.root.join(from.as_str())) {
            Ok(content) => content,
            Err(error) => {
                let finding = Finding::configuration(
                    "project::missing-file",
                    error.to_string(),
                    "mend its permissions",
                );
                self.findings.push(finding.class(FailureClass::MissingInput));
                return;
            }
        };
        match &entry.role {
            Role::Manual => {
                if let Err(error) = ManPage::identify(entry.path.as_str(), &content) {
                    let help = "call it after its section, such as app.1, or leave it out of `linux.man`";
                    self.find("linux::invalid-manual-page", "linux.man", error.to_string(), help);
                }
            }
            Role::Completion => {
                if let Err(error) = Completion::identify(entry.path.as_str(), &content) {
                    let help = "mend its name, or leave it out of `linux.completions`";
                    self.find("linux::invalid-completion", "linux.completions", error.to_string(), help);
                }
            }
            Role::Icon => {
                if let Err(error) = Icon::open(&content) {
                    let help = "give a square PNG of 512 pixels, or an SVG";
                    self.find("linux::invalid-icon", "app.icon", format!("{from}: failed to {error}"), help);
                }
            }
            Role::DesktopEntry => self.own_desktop_entry(from, &content),
            Role::Metainfo => {
                if let Err(problems) = metainfo::check(&content) {
                    for problem in problems {
                        let help = "`appstreamcli validate` explains what software centres want";
                        let message = format!("{from}: {problem}");
                        self.find("linux::invalid-metainfo", "linux.metainfo.file", message, help);
                    }
                }
            }
            Role::Unit(plan) => self.unit(entry, *plan, from, &content),
            _ => {}
        }
    }

    fn own_desktop_entry(&mut self, from: &RelPath, content: &[u8]) {
        const CODE: &str = "linux::invalid-desktop-entry";
        const FIELD: &str = "linux.desktop.file";
        match desktop_entry::check(content) {
            Err(problems) => {
                for problem in problems {
                    let help = "see the Desktop Entry Specification";
                    self.find(CODE, FIELD, format!("{from}: {problem}"), help);
                }
            }
            Ok(checked) => {
                let program = checked.program().to_owned();
                let known = program.is_empty()
                    || if program.contains('/') {
                        self.has_program(&program)
                    } else {
                        self.has_command(&program)
                    };
                if !known {
                    let message = format!("{from}: it starts `{program}`, which is not in the package");
                    self.find(CODE, FIELD, message, "name one of the application's binaries in Exec");
                }
            }
        }
    }

    /// Whether a name is a program in the package, or one that every system has.
    fn has_command(&self, name: &str) -> bool {
        ["/usr/bin", "/bin"].iter().any(|directory| self.has_program(&format!("{directory}/{name}")))
    }

    /// Whether something is installed at an absolute path, or every system has a program there.
    fn has_program(&self, path: &str) -> bool {
        if is_system_program(path) {
            return true;
        }
        let path = path.trim_start_matches('/');
        // `/bin` and `/sbin` are links to those below `/usr`.
        let merged = ["bin/", "sbin/", "lib/"].iter().any(|directory| path.starts_with(directory));
        let path = if merged { format!("usr/{path}") } else { path.to_owned() };
        self.entries.iter().any(|entry| {
            let name = entry.path.file_name();
            let private = format!("usr/lib/{}", self.rules.name);
            let places = match &entry.role {
                Role::Program => vec![format!("usr/bin/{name}"), format!("{private}/{name}")],
                Role::Resource => match place_of_resource(&entry.path) {
                    Place::At(place) | Place::Config(place) => vec![place],
                    Place::Private => vec![format!("{private}/{}", entry.path)],
                    Place::Document => Vec::new(),
                },
                Role::System { .. } | Role::Config { .. } => vec![entry.path.to_string()],
                _ => Vec::new(),
            };
            // What an archive holds is not known before it is fetched.
            let is_tree = matches!(entry.source, Source::Tree { .. });
            places.iter().any(|place| *place == path || (is_tree && path.starts_with(&format!("{place}/"))))
        })
    }

    fn unit(&mut self, entry: &PlannedEntry, plan: UnitPlan, from: &RelPath, content: &[u8]) {
        const CODE: &str = "linux::invalid-unit";
        let name: UnitName = match entry.path.file_name().parse() {
            Ok(name) => name,
            Err(error) => {
                let help = "call the file as the unit is to be called";
                self.find(CODE, "linux.unit", error.to_string(), help);
                return;
            }
        };
        let problems = match systemd_unit::parse(content) {
            Err(problems) => problems,
            Ok(unit) => unit.check(
                &name,
                &Surroundings {
                    has_program: &|path| self.has_program(path),
                    has_unit: &|unit| {
                        unit.ends_with(".target")
                            || self.entries.iter().any(|other| match other.role {
                                Role::Unit(other_plan) => {
                                    scope(other_plan.scope) == scope(plan.scope)
                                        && other.path.file_name() == unit
                                }
                                _ => false,
                            })
                    },
                    enable: plan.enable == Some(true),
                },
            ),
        };
        for problem in problems {
            let help = "mend the unit, or add what it names to the package";
            self.find(CODE, "linux.unit", format!("{from}: {problem}"), help);
        }
    }
}
