//! systemd units, read and checked before they are packaged (systemd.syntax(7), systemd.unit(5), systemd.service(5)).
//!
//! What is checked is what makes a unit fail on the user's machine although systemd loads it there: programs that are not
//! installed, a unit that is to be enabled and says nothing of where, a socket without its service. Keys are not compared
//! with a list: every version of systemd has more of them, and it passes over those that it does not know.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use crate::located::{Located, utf8};

/// What kind of unit a file holds, by the end of its name (systemd.unit(5)). Devices, scopes and snapshots have no files.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum UnitKind {
    /// A program that runs.
    Service,
    /// Sockets or queues that start a service when something comes.
    Socket,
    /// Times at which a unit is started.
    Timer,
    /// Paths whose change starts a unit.
    Path,
    /// A file system.
    Mount,
    /// A file system mounted when it is used.
    Automount,
    /// Memory on disk.
    Swap,
    /// A group of units.
    Target,
    /// A share of the machine's resources.
    Slice,
}

impl UnitKind {
    /// All, in the order of systemd.unit(5).
    pub const ALL: [UnitKind; 9] = [
        UnitKind::Service,
        UnitKind::Socket,
        UnitKind::Timer,
        UnitKind::Path,
        UnitKind::Mount,
        UnitKind::Automount,
        UnitKind::Swap,
        UnitKind::Target,
        UnitKind::Slice,
    ];

    /// The end of a unit's name, without its dot.
    pub fn suffix(self) -> &'static str {
        match self {
            UnitKind::Service => "service",
            UnitKind::Socket => "socket",
            UnitKind::Timer => "timer",
            UnitKind::Path => "path",
            UnitKind::Mount => "mount",
            UnitKind::Automount => "automount",
            UnitKind::Swap => "swap",
            UnitKind::Target => "target",
            UnitKind::Slice => "slice",
        }
    }

    /// The section that is this kind's own; targets have none, and a slice may go without.
    fn section(self) -> Option<&'static str> {
        match self {
            UnitKind::Service => Some("Service"),
            UnitKind::Socket => Some("Socket"),
            UnitKind::Timer => Some("Timer"),
            UnitKind::Path => Some("Path"),
            UnitKind::Mount => Some("Mount"),
            UnitKind::Automount => Some("Automount"),
            UnitKind::Swap => Some("Swap"),
            UnitKind::Slice => Some("Slice"),
            UnitKind::Target => None,
        }
    }
}

/// The name of a unit: `app.service`, `app@.service` (a template), `app@tty1.service` (an instance).
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UnitName {
    text: String,
    stem: usize,
    kind: UnitKind,
}

/// Why a text is no name of a unit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnitNameError {
    /// It does not end as units do.
    #[error(
        "`{name}` is not the name of a unit: it has to end in .service, .socket, .timer, .path, .mount, .automount, .swap, .target or .slice"
    )]
    Kind {
        /// As it was given.
        name: String,
    },
    /// Characters that systemd does not take, or nothing before the end.
    #[error(
        "`{name}` is not the name of a unit: before its end stand letters, digits and `:-_.\\@`, 255 bytes at most"
    )]
    Characters {
        /// As it was given.
        name: String,
    },
}

impl UnitName {
    /// What the unit is.
    pub fn kind(&self) -> UnitKind {
        self.kind
    }

    /// The name as it was given.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// Whether it is `x@.service`: nothing that can be started or enabled without an instance.
    pub fn is_template(&self) -> bool {
        self.stem().ends_with('@')
    }

    /// Without its end: `app@` of `app@.service`.
    pub fn stem(&self) -> &str {
        self.text.get(..self.stem).unwrap_or_default()
    }

    /// The name of another kind beside this unit: of `app.socket`, `app.service`.
    pub fn sibling(&self, kind: UnitKind) -> String {
        format!("{}.{}", self.stem(), kind.suffix())
    }
}

impl FromStr for UnitName {
    type Err = UnitNameError;

    fn from_str(name: &str) -> Result<Self, UnitNameError> {
        let unknown = || UnitNameError::Kind { name: name.to_owned() };
        let (stem, suffix) = name.rsplit_once('.').ok_or_else(unknown)?;
        let kind = UnitKind::ALL.into_iter().find(|kind| kind.suffix() == suffix).ok_or_else(unknown)?;
        let fits = |c: char| c.is_ascii_alphanumeric() || ":-_.\\@".contains(c);
        if stem.is_empty() || stem.starts_with('@') || name.len() > 255 || !stem.chars().all(fits) {
            return Err(UnitNameError::Characters { name: name.to_owned() });
        }
        Ok(UnitName { text: name.to_owned(), stem: stem.len(), kind })
    }
}

impl fmt::Display for UnitName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

/// Who runs a unit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Scope {
    /// The system's manager.
    System,
    /// The manager of each user's session.
    User,
}

impl Scope {
    /// Where packages put such units, relative to the root. (`/lib` is a link to `/usr/lib` wherever dpkg or rpm still
    /// matter; systemd reads this directory everywhere.)
    pub fn directory(self) -> &'static str {
        match self {
            Scope::System => "usr/lib/systemd/system",
            Scope::User => "usr/lib/systemd/user",
        }
    }
}

/// What is wrong with a unit.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum UnitProblem {
    /// Bytes that are no text.
    #[error("the unit is not UTF-8")]
    NotUtf8,
    /// A byte that ends texts.
    #[error("the unit contains a zero byte")]
    Zero,
    /// `[Service` and the like.
    #[error("`{line}` is not a section: it lacks its bracket")]
    Section {
        /// The line.
        line: String,
    },
    /// No `=`.
    #[error("`{line}` is neither a section nor KEY=VALUE")]
    Line {
        /// The line.
        line: String,
    },
    /// A key before any section.
    #[error("`{key}` stands before any section")]
    Homeless {
        /// The key.
        key: String,
    },
    /// A section that systemd passes over in this kind of unit.
    #[error("systemd ignores the section [{section}] in a unit of kind .{kind}")]
    StraySection {
        /// Its name.
        section: String,
        /// The end of the unit's name.
        kind: &'static str,
    },
    /// The section of the kind is missing.
    #[error("a unit of kind .{kind} needs a section [{section}]")]
    NoSection {
        /// Its name.
        section: &'static str,
        /// The end of the unit's name.
        kind: &'static str,
    },
    /// A key that has to be there.
    #[error("[{section}] has no {key}")]
    NoKey {
        /// The section.
        section: &'static str,
        /// The key, or the keys of which one has to be there.
        key: &'static str,
    },
    /// Several commands where only one may be.
    #[error("a service has only one ExecStart, unless it is Type=oneshot")]
    SeveralStarts,
    /// A command that is no absolute path.
    #[error("{key} starts `{program}`, which is not an absolute path")]
    RelativeProgram {
        /// `ExecStart` and the like.
        key: String,
        /// As written.
        program: String,
    },
    /// A command without a program, or with an open quote.
    #[error("the command of {key} has no program, or a quote that does not end")]
    Command {
        /// `ExecStart` and the like.
        key: String,
    },
    /// A command whose program is not there.
    #[error("{key} starts `{program}`, which is neither in the package nor a program of the system")]
    MissingProgram {
        /// `ExecStart` and the like.
        key: String,
        /// As written.
        program: String,
    },
    /// The unit is to be enabled and does not say by whom it is wanted.
    #[error(
        "the unit is to be enabled and its [Install] section has none of WantedBy, RequiredBy, UpheldBy, Alias and Also"
    )]
    NothingToEnable,
    /// A template that is to be enabled.
    #[error(
        "the unit is a template: it can only be enabled as an instance, or with DefaultInstance in [Install]"
    )]
    TemplateEnabled,
    /// A timer, path or socket without the unit that it starts.
    #[error("the unit starts `{unit}`, which is not in the package")]
    MissingUnit {
        /// Its name.
        unit: String,
    },
    /// An `Alias` or `Also` that is no name of a unit.
    #[error("{key} names `{unit}`, which is not the name of a unit of this kind")]
    BadUnit {
        /// The key.
        key: &'static str,
        /// As written.
        unit: String,
    },
    /// A mount whose name is not its place.
    #[error("a unit that mounts `{place}` has to be called `{expected}`")]
    MountName {
        /// `Where`.
        place: String,
        /// The name.
        expected: String,
    },
}

/// A setting of a unit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// Of the section, without brackets.
    pub section: String,
    /// Before the `=`.
    pub key: String,
    /// Behind the `=`, with continued lines joined by spaces.
    pub value: String,
    /// The line where it begins, counted from 1.
    pub line: usize,
}

/// A unit as it was read.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Unit {
    sections: Vec<(String, usize)>,
    settings: Vec<Setting>,
}

/// What the unit will find where it is installed.
pub struct Surroundings<'a> {
    /// Whether a program stands at this absolute path: in the package, or in every system.
    pub has_program: &'a dyn Fn(&str) -> bool,
    /// Whether the package, or every system, has a unit of this name in the same scope.
    pub has_unit: &'a dyn Fn(&str) -> bool,
    /// Whether the unit is to be enabled.
    pub enable: bool,
}

/// Programs that a unit may start without the package bringing them: in every Linux system that runs systemd.
pub fn is_system_program(path: &str) -> bool {
    const NAMES: &str = "\
        awk bash busctl cat chgrp chmod chown cp cut date echo env false find flock grep head id install \
        journalctl kill ln logger loginctl ls mkdir mkfifo mktemp modprobe mount mv pkill readlink rm rmdir \
        runuser sed setpriv sh sleep sort stat stty su sync sysctl systemctl systemd-cat systemd-notify \
        systemd-run systemd-sysusers systemd-tmpfiles tail tee test timeout touch tr true udevadm umount \
        uname";
    ["/bin/", "/usr/bin/", "/sbin/", "/usr/sbin/"].iter().any(|directory| {
        path.strip_prefix(directory).is_some_and(|name| NAMES.split(' ').any(|known| known == name))
    })
}

/// Reads a unit. All problems of its syntax at once, in the order of the lines.
pub fn parse(bytes: &[u8]) -> Result<Unit, Vec<Located<UnitProblem>>> {
    let text = utf8(bytes).map_err(|line| vec![Located::at(line, UnitProblem::NotUtf8)])?;
    let mut unit = Unit::default();
    let mut problems = Vec::new();
    // A line that is continued: where it began, and what there is of it.
    let mut open: Option<(usize, String)> = None;
    for (index, raw) in text.split('\n').enumerate() {
        let line = raw.strip_suffix('\r').unwrap_or(raw);
        if line.contains('\0') {
            problems.push(Located::at(index + 1, UnitProblem::Zero));
        }
        let bare = line.trim_start();
        // Comments and nothing else may stand between the parts of a continued line.
        if bare.starts_with(['#', ';']) {
            continue;
        }
        let (begin, so_far) = open.take().unwrap_or((index + 1, String::new()));
        if let Some(part) = line.strip_suffix('\\') {
            open = Some((begin, so_far + part + " "));
            continue;
        }
        unit.take(begin, (so_far + line).trim(), &mut problems);
    }
    if let Some((begin, text)) = open {
        unit.take(begin, text.trim(), &mut problems);
    }
    if problems.is_empty() { Ok(unit) } else { Err(problems) }
}

impl Unit {
    fn take(&mut self, number: usize, line: &str, problems: &mut Vec<Located<UnitProblem>>) {
        if line.is_empty() {
            return;
        }
        if let Some(rest) = line.strip_prefix('[') {
            match rest.strip_suffix(']') {
                Some(name) => self.sections.push((name.to_owned(), number)),
                None => {
                    problems.push(Located::at(number, UnitProblem::Section { line: line.to_owned() }));
                }
            }
            return;
        }
        let Some((key, value)) = line.split_once('=') else {
            problems.push(Located::at(number, UnitProblem::Line { line: line.to_owned() }));
            return;
        };
        let key = key.trim_end();
        let Some((section, _)) = self.sections.last() else {
            problems.push(Located::at(number, UnitProblem::Homeless { key: key.to_owned() }));
            return;
        };
        self.settings.push(Setting {
            section: section.clone(),
            key: key.to_owned(),
            value: value.trim_start().to_owned(),
            line: number,
        });
    }

    /// All settings, in the order of the file.
    pub fn settings(&self) -> &[Setting] {
        &self.settings
    }

    /// What a key is set to. An empty value takes back what stands before it, as systemd does it for lists.
    pub fn values(&self, section: &str, key: &str) -> Vec<&Setting> {
        let mut values = Vec::new();
        for setting in self.settings.iter().filter(|s| s.section == section && s.key == key) {
            if setting.value.is_empty() {
                values.clear();
            } else {
                values.push(setting);
            }
        }
        values
    }

    /// The words of a key whose value is a list of units, from all its lines.
    pub fn words(&self, section: &str, key: &str) -> Vec<&str> {
        self.values(section, key)
            .into_iter()
            .flat_map(|setting| setting.value.split_whitespace())
            .map(|word| word.trim_matches(['"', '\'']))
            .collect()
    }

    /// Whether enabling the unit does something: its `[Install]` section says by whom it is wanted.
    pub fn can_be_enabled(&self) -> bool {
        ["WantedBy", "RequiredBy", "UpheldBy", "Alias", "Also"]
            .iter()
            .any(|key| !self.words("Install", key).is_empty())
    }

    /// The units that are enabled and disabled together with this one.
    pub fn also(&self) -> Vec<&str> {
        self.words("Install", "Also")
    }

    /// The programs that the unit starts: key, path as written and line. Those whose path depends on
    /// the machine (`%h/bin/x`, `${X}`) are left out.
    pub fn programs(&self) -> Vec<(&str, String, usize)> {
        self.commands()
            .filter_map(|setting| match program(&setting.value) {
                Some(Program::Path(path)) => Some((setting.key.as_str(), path, setting.line)),
                _ => None,
            })
            .collect()
    }

    fn commands(&self) -> impl Iterator<Item = &Setting> {
        self.settings.iter().filter(|setting| {
            !setting.value.is_empty()
                && matches!(setting.section.as_str(), "Service" | "Socket")
                && matches!(
                    setting.key.as_str(),
                    "ExecStart"
                        | "ExecStartPre"
                        | "ExecStartPost"
                        | "ExecCondition"
                        | "ExecReload"
                        | "ExecStop"
                        | "ExecStopPre"
                        | "ExecStopPost"
                )
        })
    }

    /// What would go wrong with this unit where it is installed, in the order of the lines.
    pub fn check(&self, name: &UnitName, surroundings: &Surroundings<'_>) -> Vec<Located<UnitProblem>> {
        let mut problems = Vec::new();
        self.check_sections(name, &mut problems);
        self.check_commands(surroundings, &mut problems);
        self.check_start(name, surroundings, &mut problems);
        self.check_install(name, surroundings, &mut problems);
        problems.sort_by_key(|problem| problem.line);
        problems
    }

    fn check_sections(&self, name: &UnitName, problems: &mut Vec<Located<UnitProblem>>) {
        let kind = name.kind();
        for (section, line) in &self.sections {
            let known = matches!(section.as_str(), "Unit" | "Install")
                || Some(section.as_str()) == kind.section()
                || section.starts_with("X-");
            if !known {
                let problem = UnitProblem::StraySection { section: section.clone(), kind: kind.suffix() };
                problems.push(Located::at(*line, problem));
            }
        }
        if kind == UnitKind::Slice {
            return;
        }
        if let Some(section) = kind.section()
            && !self.sections.iter().any(|(name, _)| name == section)
        {
            problems.push(Located::whole(UnitProblem::NoSection { section, kind: kind.suffix() }));
        }
    }

    fn check_commands(&self, surroundings: &Surroundings<'_>, problems: &mut Vec<Located<UnitProblem>>) {
        for setting in self.commands() {
            let key = setting.key.clone();
            let problem = match program(&setting.value) {
                None => UnitProblem::Command { key },
                Some(Program::Unknown) => continue,
                Some(Program::Path(program)) if !program.starts_with('/') => {
                    UnitProblem::RelativeProgram { key, program }
                }
                Some(Program::Path(program)) if !(surroundings.has_program)(&program) => {
                    UnitProblem::MissingProgram { key, program }
                }
                Some(Program::Path(_)) => continue,
            };
            problems.push(Located::at(setting.line, problem));
        }
    }

    /// What the unit needs in order to start anything.
    fn check_start(
        &self,
        name: &UnitName,
        surroundings: &Surroundings<'_>,
        problems: &mut Vec<Located<UnitProblem>>,
    ) {
        let has = |section: &str, starts: &[&str]| {
            self.settings
                .iter()
                .any(|s| s.section == section && starts.iter().any(|start| s.key.starts_with(start)))
        };
        let mut lack = |section, key| problems.push(Located::whole(UnitProblem::NoKey { section, key }));
        match name.kind() {
            UnitKind::Service => {
                let starts = self.values("Service", "ExecStart");
                let oneshot = self.words("Service", "Type").last() == Some(&"oneshot");
                if starts.is_empty() && !has("Service", &["ExecStop"]) && has_section(self, "Service") {
                    lack("Service", "ExecStart");
                }
                if let (false, Some(second)) = (oneshot, starts.get(1)) {
                    problems.push(Located::at(second.line, UnitProblem::SeveralStarts));
                }
            }
            UnitKind::Socket => {
                if !has("Socket", &["Listen"]) && has_section(self, "Socket") {
                    lack("Socket", "Listen... key");
                }
                let accept = self.words("Socket", "Accept").last().is_some_and(|word| is_true(word));
                let default = if accept {
                    format!("{}@.service", name.stem())
                } else {
                    name.sibling(UnitKind::Service)
                };
                self.check_started("Socket", "Service", default, surroundings, problems);
            }
            UnitKind::Timer => {
                if !has("Timer", &["On"]) && has_section(self, "Timer") {
                    lack("Timer", "OnCalendar, OnBootSec or other On... key");
                }
                self.check_started("Timer", "Unit", name.sibling(UnitKind::Service), surroundings, problems);
            }
            UnitKind::Path => {
                if !has("Path", &["Path", "DirectoryNotEmpty"]) && has_section(self, "Path") {
                    lack("Path", "PathExists, PathChanged or other Path... key");
                }
                self.check_started("Path", "Unit", name.sibling(UnitKind::Service), surroundings, problems);
            }
            UnitKind::Mount => {
                if self.values("Mount", "What").is_empty() && has_section(self, "Mount") {
                    lack("Mount", "What");
                }
                match self.values("Mount", "Where").last() {
                    Some(place) => {
                        let expected = format!("{}.mount", escape_path(&place.value));
                        if !place.value.contains('%') && expected != name.as_str() {
                            let problem = UnitProblem::MountName { place: place.value.clone(), expected };
                            problems.push(Located::at(place.line, problem));
                        }
                    }
                    None if has_section(self, "Mount") => lack("Mount", "Where"),
                    None => {}
                }
            }
            UnitKind::Automount | UnitKind::Swap | UnitKind::Target | UnitKind::Slice => {}
        }
    }

    fn check_started(
        &self,
        section: &str,
        key: &str,
        default: String,
        surroundings: &Surroundings<'_>,
        problems: &mut Vec<Located<UnitProblem>>,
    ) {
        let (unit, line) = match self.values(section, key).last() {
            Some(setting) => (setting.value.clone(), setting.line),
            None => (default, 0),
        };
        // An instance is started from its template.
        let template = unit.split_once('@').zip(unit.rsplit_once('.'));
        let template = template.map(|((stem, _), (_, kind))| format!("{stem}@.{kind}"));
        let known = (surroundings.has_unit)(&unit)
            || template.is_some_and(|template| (surroundings.has_unit)(&template));
        if !known && !unit.contains('%') {
            problems.push(Located::at(line, UnitProblem::MissingUnit { unit }));
        }
    }

    fn check_install(
        &self,
        name: &UnitName,
        surroundings: &Surroundings<'_>,
        problems: &mut Vec<Located<UnitProblem>>,
    ) {
        for key in ["Alias", "Also"] {
            for setting in self.values("Install", key) {
                for word in setting.value.split_whitespace().map(|word| word.trim_matches(['"', '\''])) {
                    let parsed = word.parse::<UnitName>();
                    let fits = word.contains('%')
                        || parsed.is_ok_and(|unit| key == "Also" || unit.kind() == name.kind());
                    if !fits {
                        let problem = UnitProblem::BadUnit { key, unit: word.to_owned() };
                        problems.push(Located::at(setting.line, problem));
                    }
                }
            }
        }
        if !surroundings.enable {
            return;
        }
        let line = self.sections.iter().find(|(name, _)| name == "Install").map_or(0, |(_, line)| *line);
        if !self.can_be_enabled() {
            problems.push(Located::at(line, UnitProblem::NothingToEnable));
        } else if name.is_template() && self.words("Install", "DefaultInstance").is_empty() {
            problems.push(Located::at(line, UnitProblem::TemplateEnabled));
        }
    }
}

fn has_section(unit: &Unit, section: &str) -> bool {
    unit.sections.iter().any(|(name, _)| name == section)
}

fn is_true(word: &str) -> bool {
    matches!(word.to_ascii_lowercase().as_str(), "1" | "yes" | "y" | "true" | "t" | "on")
}

/// What a command starts.
enum Program {
    /// A path or name.
    Path(String),
    /// Something that depends on the machine.
    Unknown,
}

/// The first word of a command line (systemd.service(5), "Command lines"), without the marks before it.
fn program(value: &str) -> Option<Program> {
    let value = value.trim_start_matches(['@', '-', ':', '+', '!', '|']);
    let mut word = String::new();
    let mut quote = None;
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        match (c, quote) {
            (c, Some(open)) if c == open => quote = None,
            ('"' | '\'', None) => quote = Some(c),
            (' ' | '\t' | ';', None) => break,
            ('\\', _) => word.push(match characters.next()? {
                's' => ' ',
                't' => '\t',
                'n' => '\n',
                c @ ('\\' | '"' | '\'' | ';') => c,
                // The numbered escapes name what hardly stands in a path; nobody can say more without the machine.
                _ => return Some(Program::Unknown),
            }),
            _ => word.push(c),
        }
    }
    if quote.is_some() || word.is_empty() {
        return None;
    }
    let plain = word.replace("%%", "");
    if plain.contains('%') || plain.contains('$') {
        return Some(Program::Unknown);
    }
    Some(Program::Path(word.replace("%%", "%")))
}

/// A path as the stem of a mount unit (systemd-escape(1), `--path`).
fn escape_path(path: &str) -> String {
    let components: Vec<&str> = path.split('/').filter(|part| !part.is_empty() && *part != ".").collect();
    if components.is_empty() {
        return "-".to_owned();
    }
    let mut escaped = String::new();
    for (index, byte) in components.join("/").bytes().enumerate() {
        match byte {
            b'/' => escaped.push('-'),
            b'.' if index == 0 => escaped.push_str("\\x2e"),
            b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b':' | b'_' | b'.' => escaped.push(char::from(byte)),
            _ => escaped.push_str(&format!("\\x{byte:02x}")),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const SERVICE: &str = "\
[Unit]
Description=An example
After=network.target

[Service]
Type=simple
ExecStartPre=-/bin/mkdir -p /var/lib/example
ExecStart=/usr/bin/example \\
    # a remark in between
    --port 80 \\
    --verbose
Restart=on-failure

[Install]
WantedBy=multi-user.target
";

    fn problems(name: &str, text: &str, enable: bool) -> Vec<String> {
        let surroundings = Surroundings {
            has_program: &|path| path == "/usr/bin/example" || is_system_program(path),
            has_unit: &|unit| matches!(unit, "example.service" | "other@.service" | "multi-user.target"),
            enable,
        };
        let found = match parse(text.as_bytes()) {
            Ok(unit) => unit.check(&name.parse().unwrap(), &surroundings),
            Err(problems) => problems,
        };
        found.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_good_service_has_no_problems() {
        assert_eq!(problems("example.service", SERVICE, true), [""; 0]);
    }

    #[test]
    fn continued_lines_are_joined_across_comments() {
        let unit = parse(SERVICE.as_bytes()).unwrap();
        let start = unit.values("Service", "ExecStart");
        assert_eq!(start[0].line, 8);
        let words: Vec<&str> = start[0].value.split_whitespace().collect();
        assert_eq!(words, ["/usr/bin/example", "--port", "80", "--verbose"]);
    }

    #[test]
    fn an_empty_value_takes_back_what_stands_before() {
        let unit = parse(b"[Service]\nExecStart=/bin/a\nExecStart=\nExecStart=/bin/b\n").unwrap();
        let values: Vec<&str> =
            unit.values("Service", "ExecStart").iter().map(|s| s.value.as_str()).collect();
        assert_eq!(values, ["/bin/b"]);
    }

    #[test]
    fn every_problem_of_syntax_is_said_with_its_line() {
        let found = problems("a.service", "Key=1\n[Unit\nno equals sign\n", false);
        assert_eq!(
            found,
            [
                "line 1: `Key` stands before any section",
                "line 2: `[Unit` is not a section: it lacks its bracket",
                "line 3: `no equals sign` is neither a section nor KEY=VALUE",
            ]
        );
        let found = parse(b"[Unit]\nDescription=caf\xe9\n").unwrap_err();
        assert_eq!(found, [Located::at(2, UnitProblem::NotUtf8)]);
    }

    #[test]
    fn programs_that_are_not_there_are_named() {
        let text = "[Service]\nExecStartPre=/bin/sh -c 'true'\nExecStart=@+/usr/bin/exmaple name\nExecStop=example stop\nExecReload=%h/bin/reload\nExecStopPost=\"/opt/with space/x\"\n";
        assert_eq!(
            problems("a.service", text, false),
            [
                "line 3: ExecStart starts `/usr/bin/exmaple`, which is neither in the package nor a program of the system",
                "line 4: ExecStop starts `example`, which is not an absolute path",
                "line 6: ExecStopPost starts `/opt/with space/x`, which is neither in the package nor a program of the system",
            ]
        );
    }

    #[test]
    fn a_unit_to_be_enabled_says_by_whom_it_is_wanted() {
        let text = "[Service]\nExecStart=/usr/bin/example\n";
        assert_eq!(
            problems("a.service", text, true),
            [
                "the unit is to be enabled and its [Install] section has none of WantedBy, RequiredBy, UpheldBy, Alias and Also"
            ]
        );
        assert_eq!(problems("a.service", text, false), [""; 0]);
        let template = format!("{text}[Install]\nWantedBy=multi-user.target\n");
        assert_eq!(
            problems("a@.service", &template, true),
            [
                "line 3: the unit is a template: it can only be enabled as an instance, or with DefaultInstance in [Install]"
            ]
        );
        let with_default = format!("{template}DefaultInstance=one\n");
        assert_eq!(problems("a@.service", &with_default, true), [""; 0]);
    }

    #[test]
    fn what_starts_another_unit_needs_it() {
        let timer = "[Timer]\nOnCalendar=daily\n";
        assert_eq!(problems("example.timer", timer, false), [""; 0]);
        assert_eq!(
            problems("lonely.timer", timer, false),
            ["the unit starts `lonely.service`, which is not in the package"]
        );
        let named = "[Timer]\nOnCalendar=daily\nUnit=other@one.service\n";
        assert_eq!(problems("lonely.timer", named, false), [""; 0]);
        assert_eq!(problems("other.socket", "[Socket]\nAccept=yes\nListenStream=80\n", false), [""; 0]);
        assert_eq!(
            problems("example.socket", "[Socket]\nAccept=no\n", false),
            ["[Socket] has no Listen... key"]
        );
        assert_eq!(
            problems("example.path", "[Path]\nUnit=nothing.service\n", false),
            [
                "[Path] has no PathExists, PathChanged or other Path... key",
                "line 2: the unit starts `nothing.service`, which is not in the package",
            ]
        );
    }

    #[test]
    fn sections_of_other_kinds_are_said() {
        assert_eq!(
            problems("example.timer", "[Service]\nExecStart=/usr/bin/example\n", false),
            [
                "a unit of kind .timer needs a section [Timer]",
                "line 1: systemd ignores the section [Service] in a unit of kind .timer",
            ]
        );
        assert_eq!(problems("a.target", "[Unit]\nDescription=x\n[X-Own]\na=b\n", false), [""; 0]);
    }

    #[test]
    fn a_mount_is_called_after_its_place() {
        let text = "[Mount]\nWhat=/dev/sda1\nWhere=/srv/my data/.x-y\n";
        assert_eq!(
            problems("data.mount", text, false),
            [
                "line 3: a unit that mounts `/srv/my data/.x-y` has to be called `srv-my\\x20data-.x\\x2dy.mount`"
            ]
        );
        assert_eq!(problems("srv-my\\x20data-.x\\x2dy.mount", text, false), [""; 0]);
    }

    #[test]
    fn several_starts_need_oneshot() {
        let text = "[Service]\nExecStart=/bin/true\nExecStart=/bin/false\n";
        assert_eq!(
            problems("a.service", text, false),
            ["line 3: a service has only one ExecStart, unless it is Type=oneshot"]
        );
        assert_eq!(problems("a.service", &format!("{text}Type=oneshot\n"), false), [""; 0]);
    }

    #[test]
    fn names_of_units_are_parsed() {
        let table: &[(&str, Option<(UnitKind, bool)>)] = &[
            ("a.service", Some((UnitKind::Service, false))),
            ("a.b@.socket", Some((UnitKind::Socket, true))),
            ("a@x.timer", Some((UnitKind::Timer, false))),
            ("a", None),
            ("a.conf", None),
            (".service", None),
            ("@.service", None),
            ("a b.service", None),
            ("../a.service", None),
        ];
        for (name, expected) in table {
            let parsed = name.parse::<UnitName>().ok().map(|unit| (unit.kind(), unit.is_template()));
            assert_eq!(&parsed, expected, "{name}");
        }
    }

    #[test]
    fn no_bytes_make_it_panic() {
        for cut in 0..SERVICE.len() {
            let _ = parse(&SERVICE.as_bytes()[..cut]);
        }
        for text in ["\\", "[", "[]", "=", "[a]\n=", "[Service]\nExecStart=\"\\", "[Service]\nExecStart=@"] {
            if let Ok(unit) = parse(text.as_bytes()) {
                let surroundings =
                    Surroundings { has_program: &|_| false, has_unit: &|_| false, enable: true };
                for kind in UnitKind::ALL {
                    let name = format!("a.{}", kind.suffix()).parse().unwrap();
                    unit.check(&name, &surroundings);
                }
            }
        }
    }

    #[test]
    fn systemd_is_of_the_same_opinion() {
        let directory = crate::sample::Directory::new("units");
        let good = "[Unit]\nDescription=x\n\n[Service]\nExecStartPre=-/bin/sh -c \"true; \\\n  true\"\nExecStart=/bin/sleep 5\n";
        let table = [
            (good.to_owned(), true),
            (good.replace("/bin/sleep", "/usr/bin/no-such-program"), false),
            (format!("{good}ExecStart=/bin/true\n"), false),
            (good.replace("ExecStart=", "#"), false),
        ];
        for (index, (text, expected)) in table.iter().enumerate() {
            let ours = problems("x.service", text, false);
            assert_eq!(ours.is_empty(), *expected, "{ours:?}\n{text}");
            let path = directory.file(&format!("x{index}.service"), text.as_bytes());
            let Some(output) = crate::sample::ask("systemd-analyze", &["verify", &path], b"") else { return };
            assert_eq!(output.status.success(), *expected, "{output:?}\n{text}");
        }
    }
}
