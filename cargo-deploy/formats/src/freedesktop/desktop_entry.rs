//! Desktop entries: the files by which menus know a program (Desktop Entry Specification 1.5; the categories are those of
//! the Desktop Menu Specification 1.1, appendix A).
//!
//! An entry is written from what a program is, and a project's own file is read and checked; its text is
//! packaged as it is, so that translations and actions stay what they were.

use thiserror::Error;

use crate::located::{Located, utf8};

const GROUP: &str = "Desktop Entry";

/// Categories of which an entry should have at least one.
const MAIN_CATEGORIES: &str = "\
    AudioVideo Audio Video Development Education Game Graphics Network Office Science Settings System \
    Utility";

/// Categories that say more.
const ADDITIONAL_CATEGORIES: &str = "\
    2DGraphics 3DGraphics Accessibility ActionGame Adult AdventureGame Amusement ArcadeGame Archiving \
    Art ArtificialIntelligence Astronomy AudioVideoEditing Biology BlocksGame BoardGame Building \
    Calculator Calendar CardGame Chart Chat Chemistry Clock Compression ComputerScience ConsoleOnly \
    Construction ContactManagement Core DataVisualization Database Debugger DesktopSettings Dialup \
    Dictionary DiscBurning Documentation Economy Electricity Electronics Email Emulator Engineering Feed \
    FileManager FileTools FileTransfer Filesystem Finance FlowChart GNOME GTK GUIDesigner Geography \
    Geology Geoscience HamRadio HardwareSettings History Humanities IDE IRCClient ImageProcessing \
    InstantMessaging Java KDE KidsGame Languages Literature LogicGame Maps Math MedicalSoftware Midi \
    Mixer Monitor Motif Music News NumericalAnalysis OCR P2P PDA PackageManager ParallelComputing \
    Photography Physics Player Presentation Printing Profiling ProjectManagement Publishing Qt \
    RasterGraphics Recorder RemoteAccess RevisionControl Robotics RolePlaying Scanning Screensaver \
    Security Sequencer Shell Shooter Simulation Spirituality Sports SportsGame Spreadsheet StrategyGame \
    TV Telephony TelephonyTools TerminalEmulator TextEditor TextTools Translation TrayIcon Applet Tuner \
    VectorGraphics VideoConference Viewer WebBrowser WebDevelopment WordProcessor XFCE";

/// All registered categories, main ones first.
pub fn categories() -> impl Iterator<Item = &'static str> + Clone {
    MAIN_CATEGORIES.split(' ').chain(ADDITIONAL_CATEGORIES.split(' '))
}

/// The type of a key's value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ValueType {
    Text,
    Localized,
    Boolean,
    List,
    Number,
}

/// The keys of the specification, and those that are reserved or deprecated and read by somebody still.
const KEYS: &[(&str, ValueType)] = &[
    ("Type", ValueType::Text),
    ("Version", ValueType::Text),
    ("Name", ValueType::Localized),
    ("GenericName", ValueType::Localized),
    ("NoDisplay", ValueType::Boolean),
    ("Comment", ValueType::Localized),
    ("Icon", ValueType::Localized),
    ("Hidden", ValueType::Boolean),
    ("OnlyShowIn", ValueType::List),
    ("NotShowIn", ValueType::List),
    ("DBusActivatable", ValueType::Boolean),
    ("TryExec", ValueType::Text),
    ("Exec", ValueType::Text),
    ("Path", ValueType::Text),
    ("Terminal", ValueType::Boolean),
    ("Actions", ValueType::List),
    ("MimeType", ValueType::List),
    ("Categories", ValueType::List),
    ("Implements", ValueType::List),
    ("Keywords", ValueType::Localized),
    ("StartupNotify", ValueType::Boolean),
    ("StartupWMClass", ValueType::Text),
    ("URL", ValueType::Text),
    ("PrefersNonDefaultGPU", ValueType::Boolean),
    ("SingleMainWindow", ValueType::Boolean),
    ("Encoding", ValueType::Text),
    ("InitialPreference", ValueType::Number),
    ("ServiceTypes", ValueType::List),
    ("DocPath", ValueType::Text),
];

/// What an entry of a program says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DesktopEntry {
    /// As menus show it.
    pub name: String,
    /// What sort of program it is: `Web Browser`.
    pub generic_name: Option<String>,
    /// A line about it, shown when the pointer rests on it.
    pub comment: Option<String>,
    /// The program and its arguments. Arguments that are field codes (`%f %F %u %U %i %c %k`) stay field codes.
    pub exec: Vec<String>,
    /// Name of the icon, without directory and end; or an absolute path.
    pub icon: Option<String>,
    /// Whether it runs in a terminal.
    pub terminal: bool,
    /// Registered names, main ones first.
    pub categories: Vec<String>,
    /// Words by which it is found.
    pub keywords: Vec<String>,
    /// What it opens: `image/png`, `x-scheme-handler/example`.
    pub mime_types: Vec<String>,
    /// The class of its windows, by which docks match window and entry.
    pub startup_wm_class: Option<String>,
    /// Whether it tells the desktop when it has started.
    pub startup_notify: Option<bool>,
    /// Whether menus leave it out (it still opens files).
    pub no_display: bool,
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum EntryProblem {
    /// Bytes that are no text.
    #[error("the entry is not UTF-8")]
    NotUtf8,
    /// Windows line ends.
    #[error("the line ends in CR LF; save the entry with LF")]
    CarriageReturn,
    /// A control character.
    #[error("the value of {key} has a control character")]
    Control {
        /// The key.
        key: String,
    },
    /// Something before the first group that is neither empty nor a comment.
    #[error("`{line}` stands before the group [Desktop Entry]")]
    BeforeGroup {
        /// The line.
        line: String,
    },
    /// The first group is another one, or there is none.
    #[error("the first group has to be [Desktop Entry]")]
    FirstGroup,
    /// `[Desktop Entry` and the like.
    #[error("`{line}` is not a group: write [NAME]")]
    Group {
        /// The line.
        line: String,
    },
    /// A group that was there already.
    #[error("the group [{group}] is there twice")]
    GroupTwice {
        /// Its name.
        group: String,
    },
    /// No `=`.
    #[error("`{line}` is neither a group, a comment nor Key=Value")]
    Line {
        /// The line.
        line: String,
    },
    /// Characters that keys do not have.
    #[error("`{key}` is not a key: keys have letters, digits and dashes, and maybe a locale in brackets")]
    Key {
        /// The key.
        key: String,
    },
    /// A key that was there already.
    #[error("{key} is there twice")]
    KeyTwice {
        /// With its locale.
        key: String,
    },
    /// Not a key of the specification.
    #[error("{key} is not a key of the specification; keys of one's own begin with X-")]
    UnknownKey {
        /// The key.
        key: String,
    },
    /// A key that has to be there.
    #[error("{key} is missing")]
    Missing {
        /// The key.
        key: &'static str,
    },
    /// Not an application.
    #[error("Type has to be Application, not `{value}`")]
    Type {
        /// As written.
        value: String,
    },
    /// Neither `true` nor `false`.
    #[error("{key} has to be true or false, not `{value}`")]
    Boolean {
        /// The key.
        key: String,
        /// As written.
        value: String,
    },
    /// An escape that does not exist.
    #[error("{key} has a backslash before `{character}`: the escapes are \\s, \\n, \\t, \\r, \\; and \\\\")]
    Escape {
        /// The key.
        key: String,
        /// What follows the backslash.
        character: String,
    },
    /// A character that has to be quoted.
    #[error("Exec has `{character}` outside of quotes: put the argument into double quotes")]
    Unquoted {
        /// The character.
        character: char,
    },
    /// A quote that does not end, or ends within an argument.
    #[error("a quote of Exec does not begin and end with its argument")]
    Quote,
    /// A character that has to be escaped within quotes.
    #[error("Exec has `{character}` in quotes without a backslash before it")]
    Unescaped {
        /// The character.
        character: char,
    },
    /// A field code that does not exist.
    #[error("Exec has `%{code}`, which is not a field code; a percent sign is written %%")]
    FieldCode {
        /// Behind the percent sign.
        code: String,
    },
    /// Two field codes for files.
    #[error("Exec has several of %f, %F, %u and %U; one entry takes files in one way")]
    SeveralFiles,
    /// Not a registered category.
    #[error("`{category}` is not a registered category{}", suggestion(.similar))]
    Category {
        /// As written.
        category: String,
        /// One that looks like it.
        similar: Option<&'static str>,
    },
    /// Not a media type.
    #[error("`{value}` is not a media type such as image/png")]
    MediaType {
        /// As written.
        value: String,
    },
    /// An icon with an end that themes add themselves.
    #[error("Icon is a name without directory and end, or an absolute path, not `{value}`")]
    Icon {
        /// As written.
        value: String,
    },
    /// An action without group.
    #[error("Actions names `{action}`, and there is no group [Desktop Action {action}]")]
    NoAction {
        /// Its name.
        action: String,
    },
    /// A group without action.
    #[error("Actions does not name `{action}`")]
    StrayAction {
        /// Its name.
        action: String,
    },
    /// Nothing to start.
    #[error("Exec has no program")]
    NoProgram,
}

fn suggestion(similar: &Option<&'static str>) -> String {
    similar.map(|similar| format!("; did you mean `{similar}`?")).unwrap_or_default()
}

impl DesktopEntry {
    /// Writes the entry. Problems are those that [`check`] would find in it.
    pub fn text(&self) -> Result<String, Vec<Located<EntryProblem>>> {
        let mut text = format!("[{GROUP}]\nType=Application\n");
        let mut put = |key: &str, value: &str| text.push_str(&format!("{key}={value}\n"));
        put("Name", &escaped(&self.name));
        if let Some(generic_name) = &self.generic_name {
            put("GenericName", &escaped(generic_name));
        }
        if let Some(comment) = &self.comment {
            put("Comment", &escaped(&comment.split_whitespace().collect::<Vec<_>>().join(" ")));
        }
        if let Some(program) = self.exec.first().filter(|program| program.starts_with('/')) {
            put("TryExec", &escaped(program));
        }
        let command: Vec<String> = self.exec.iter().map(|argument| quoted(argument)).collect();
        put("Exec", &escaped(&command.join(" ")));
        if let Some(icon) = &self.icon {
            put("Icon", &escaped(icon));
        }
        put("Terminal", if self.terminal { "true" } else { "false" });
        for (key, list) in
            [("Categories", &self.categories), ("MimeType", &self.mime_types), ("Keywords", &self.keywords)]
        {
            if !list.is_empty() {
                let list: String =
                    list.iter().map(|item| format!("{};", escaped(item).replace(';', "\\;"))).collect();
                put(key, &list);
            }
        }
        if let Some(notify) = self.startup_notify {
            put("StartupNotify", if notify { "true" } else { "false" });
        }
        if let Some(class) = &self.startup_wm_class {
            put("StartupWMClass", &escaped(class));
        }
        if self.no_display {
            put("NoDisplay", "true");
        }
        check(text.as_bytes()).map(|_| text)
    }
}

/// A value with the escapes of the type `string`. A space at its begin would be taken for the one behind `=`.
fn escaped(text: &str) -> String {
    let mut output = String::new();
    for (index, c) in text.chars().enumerate() {
        match c {
            '\\' => output.push_str("\\\\"),
            '\n' => output.push_str("\\n"),
            '\t' => output.push_str("\\t"),
            '\r' => output.push_str("\\r"),
            ' ' if index == 0 => output.push_str("\\s"),
            c => output.push(c),
        }
    }
    output
}

/// Characters for which an argument of `Exec` has to be quoted.
const RESERVED: &str = " \t\n\"'\\><~|&;$*?#()`";

/// An argument of `Exec`. Field codes stand by themselves; other percent signs are doubled.
fn quoted(argument: &str) -> String {
    if is_field_code(argument) {
        return argument.to_owned();
    }
    let text = argument.replace('%', "%%");
    if !text.is_empty() && !text.contains(|c| RESERVED.contains(c)) {
        return text;
    }
    let mut output = String::from("\"");
    for c in text.chars() {
        if matches!(c, '"' | '`' | '$' | '\\') {
            output.push('\\');
        }
        output.push(c);
    }
    output.push('"');
    output
}

fn is_field_code(text: &str) -> bool {
    matches!(text, "%f" | "%F" | "%u" | "%U" | "%i" | "%c" | "%k")
}

/// A line `Key=Value`.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Line {
    group: String,
    key: String,
    locale: String,
    value: String,
    number: usize,
}

/// An entry that was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    lines: Vec<Line>,
    program: String,
}

impl Checked {
    /// The value of a key of the group `[Desktop Entry]` without locale, unescaped.
    pub fn get(&self, key: &str) -> Option<String> {
        let line = self
            .lines
            .iter()
            .find(|line| line.group == GROUP && line.key == key && line.locale.is_empty())?;
        unescaped(&line.value).ok()
    }

    /// The items of a key whose value is a list.
    pub fn list(&self, key: &str) -> Vec<String> {
        self.lines
            .iter()
            .find(|line| line.group == GROUP && line.key == key && line.locale.is_empty())
            .map(|line| items(&line.value))
            .unwrap_or_default()
    }

    /// The program that `Exec` starts; empty if the entry is started by D-Bus alone.
    pub fn program(&self) -> &str {
        &self.program
    }
}

/// Reads and checks an entry of an application. All problems at once, in the order of the lines.
pub fn check(bytes: &[u8]) -> Result<Checked, Vec<Located<EntryProblem>>> {
    let text = utf8(bytes).map_err(|line| vec![Located::at(line, EntryProblem::NotUtf8)])?;
    let mut problems = Vec::new();
    let (lines, groups) = read(text, &mut problems);
    for (index, line) in lines.iter().enumerate() {
        let twice = lines
            .iter()
            .take(index)
            .any(|other| (&other.group, &other.key, &other.locale) == (&line.group, &line.key, &line.locale));
        if twice {
            let key = if line.locale.is_empty() {
                line.key.clone()
            } else {
                format!("{}[{}]", line.key, line.locale)
            };
            problems.push(Located::at(line.number, EntryProblem::KeyTwice { key }));
        }
        check_value(line, &mut problems);
    }
    let checked = Checked { program: String::new(), lines };
    let program = check_whole(&checked, &groups, &mut problems);
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(Checked { program, ..checked }) } else { Err(problems) }
}

type Problems = Vec<Located<EntryProblem>>;

fn read(text: &str, problems: &mut Problems) -> (Vec<Line>, Vec<(String, usize)>) {
    let mut lines = Vec::new();
    let mut groups: Vec<(String, usize)> = Vec::new();
    if let Some(index) = text.split('\n').position(|line| line.ends_with('\r')) {
        problems.push(Located::at(index + 1, EntryProblem::CarriageReturn));
    }
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let mut problem = |problem| problems.push(Located::at(number, problem));
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        if let Some(rest) = line.strip_prefix('[') {
            match rest.trim_end().strip_suffix(']') {
                Some(name) if !name.contains(['[', ']']) && !name.contains(char::is_control) => {
                    if groups.is_empty() && name != GROUP {
                        problem(EntryProblem::FirstGroup);
                    }
                    if groups.iter().any(|(other, _)| other == name) {
                        problem(EntryProblem::GroupTwice { group: name.to_owned() });
                    }
                    groups.push((name.to_owned(), number));
                }
                _ => problem(EntryProblem::Group { line: line.to_owned() }),
            }
            continue;
        }
        let Some((group, _)) = groups.last() else {
            problem(EntryProblem::BeforeGroup { line: line.to_owned() });
            continue;
        };
        let Some((key, value)) = line.split_once('=') else {
            problem(EntryProblem::Line { line: line.to_owned() });
            continue;
        };
        let key = key.trim_end();
        let (name, locale) = match key.strip_suffix(']').and_then(|key| key.split_once('[')) {
            Some((name, locale)) => (name, locale),
            None => (key, ""),
        };
        let plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !plain(name) || key.ends_with("[]") {
            problem(EntryProblem::Key { key: key.to_owned() });
            continue;
        }
        lines.push(Line {
            group: group.clone(),
            key: name.to_owned(),
            locale: locale.to_owned(),
            value: value.trim_start().to_owned(),
            number,
        });
    }
    if groups.is_empty() && problems.is_empty() {
        problems.push(Located::whole(EntryProblem::FirstGroup));
    }
    (lines, groups)
}

fn check_value(line: &Line, problems: &mut Problems) {
    let mut problem = |problem| problems.push(Located::at(line.number, problem));
    let key = || line.key.clone();
    if line.value.contains(|c: char| c.is_control() && c != '\t') {
        problem(EntryProblem::Control { key: key() });
    }
    // Groups of one's own hold what they like.
    if (line.group != GROUP && !line.group.starts_with("Desktop Action ")) || line.key.starts_with("X-") {
        return;
    }
    let Some((_, value_type)) = KEYS.iter().find(|(key, _)| *key == line.key) else {
        problem(EntryProblem::UnknownKey { key: key() });
        return;
    };
    if let Err(character) = unescaped(&line.value) {
        problem(EntryProblem::Escape { key: key(), character });
        return;
    }
    if *value_type == ValueType::Boolean && !matches!(line.value.as_str(), "true" | "false") {
        problem(EntryProblem::Boolean { key: key(), value: line.value.clone() });
    }
    match line.key.as_str() {
        "Categories" => {
            for category in items(&line.value) {
                let mut known = categories();
                if known.clone().any(|known| known == category) || category.starts_with("X-") {
                    continue;
                }
                let similar = known.find(|known| alike(known, &category));
                problem(EntryProblem::Category { category, similar });
            }
        }
        "MimeType" => {
            for value in items(&line.value) {
                if !is_media_type(&value) {
                    problem(EntryProblem::MediaType { value });
                }
            }
        }
        "Icon" => {
            let ends = [".png", ".svg", ".xpm", ".svgz", ".ico"];
            let named = !line.value.starts_with('/');
            if named && (line.value.contains('/') || ends.iter().any(|end| line.value.ends_with(end))) {
                problem(EntryProblem::Icon { value: line.value.clone() });
            }
        }
        _ => {}
    }
}

/// Whether two names differ in case, in dashes or in an `s` at the end.
fn alike(known: &str, written: &str) -> bool {
    let plain = |text: &str| {
        let text: String =
            text.chars().filter(char::is_ascii_alphanumeric).map(|c| c.to_ascii_lowercase()).collect();
        text.trim_end_matches("ies").trim_end_matches('y').trim_end_matches('s').to_owned()
    };
    plain(known) == plain(written)
}

fn check_whole(checked: &Checked, groups: &[(String, usize)], problems: &mut Problems) -> String {
    if !groups.iter().any(|(name, _)| name == GROUP) {
        return String::new();
    }
    let line = |key: &str| {
        checked.lines.iter().find(|line| line.group == GROUP && line.key == key && line.locale.is_empty())
    };
    match line("Type") {
        Some(line) if line.value != "Application" => {
            problems.push(Located::at(line.number, EntryProblem::Type { value: line.value.clone() }));
        }
        Some(_) => {}
        None => problems.push(Located::whole(EntryProblem::Missing { key: "Type" })),
    }
    if line("Name").is_none_or(|line| line.value.is_empty()) {
        problems.push(Located::whole(EntryProblem::Missing { key: "Name" }));
    }
    let mut program = String::new();
    match line("Exec") {
        Some(exec) => match unescaped(&exec.value).map(|value| arguments(&value)) {
            Ok(Ok(arguments)) => program = arguments.into_iter().next().unwrap_or_default(),
            Ok(Err(problem)) => problems.push(Located::at(exec.number, problem)),
            // Was said with the values.
            Err(_) => {}
        },
        None if line("DBusActivatable").is_some_and(|line| line.value == "true") => {}
        None => problems.push(Located::whole(EntryProblem::Missing { key: "Exec" })),
    }
    let (named, number) = line("Actions").map_or((Vec::new(), 0), |line| (items(&line.value), line.number));
    for action in &named {
        if !groups.iter().any(|(name, _)| name.strip_prefix("Desktop Action ") == Some(action)) {
            problems.push(Located::at(number, EntryProblem::NoAction { action: action.clone() }));
        }
    }
    for (group, number) in groups {
        if let Some(action) = group.strip_prefix("Desktop Action ")
            && !named.iter().any(|name| name == action)
        {
            problems.push(Located::at(*number, EntryProblem::StrayAction { action: action.to_owned() }));
        }
    }
    program
}

/// A value without its escapes, or what follows a backslash wrongly. `\;` is for lists and stays.
fn unescaped(value: &str) -> Result<String, String> {
    let mut output = String::new();
    let mut characters = value.chars();
    while let Some(c) = characters.next() {
        if c != '\\' {
            output.push(c);
            continue;
        }
        output.push(match characters.next() {
            Some('s') => ' ',
            Some('n') => '\n',
            Some('t') => '\t',
            Some('r') => '\r',
            Some('\\') => '\\',
            Some(';') => ';',
            other => return Err(other.map(String::from).unwrap_or_default()),
        });
    }
    Ok(output)
}

/// The items of a list, unescaped. The last may lack its semicolon.
fn items(value: &str) -> Vec<String> {
    let mut items = Vec::new();
    let mut item = String::new();
    let mut escape = false;
    for c in value.chars() {
        match c {
            ';' if !escape => items.push(std::mem::take(&mut item)),
            c => item.push(c),
        }
        escape = c == '\\' && !escape;
    }
    items.push(item);
    items.iter().filter_map(|item| unescaped(item.trim()).ok()).filter(|item| !item.is_empty()).collect()
}

/// The arguments of an unescaped `Exec`.
fn arguments(command: &str) -> Result<Vec<String>, EntryProblem> {
    let mut arguments = Vec::new();
    let mut rest = command.trim_start_matches(' ');
    let mut files = 0;
    while !rest.is_empty() {
        let (argument, behind) = match rest.strip_prefix('"') {
            Some(inner) => quoted_argument(inner)?,
            None => {
                let end = rest.find(' ').unwrap_or(rest.len());
                let (word, behind) = rest.split_at(end);
                if let Some(character) = word.chars().find(|c| RESERVED.contains(*c)) {
                    return Err(EntryProblem::Unquoted { character });
                }
                let mut after = word.chars();
                while let Some(c) = after.next() {
                    if c != '%' {
                        continue;
                    }
                    match after.next() {
                        // The last six are deprecated and mean nothing.
                        Some('%' | 'i' | 'c' | 'k' | 'd' | 'D' | 'n' | 'N' | 'v' | 'm') => {}
                        Some('f' | 'F' | 'u' | 'U') => files += 1,
                        other => {
                            let code = other.map(String::from).unwrap_or_default();
                            return Err(EntryProblem::FieldCode { code });
                        }
                    }
                }
                (word.to_owned(), behind)
            }
        };
        arguments.push(argument.replace("%%", "%"));
        rest = behind.trim_start_matches(' ');
    }
    if files > 1 {
        return Err(EntryProblem::SeveralFiles);
    }
    if arguments.first().is_none_or(|program| program.is_empty() || program.contains('=')) {
        return Err(EntryProblem::NoProgram);
    }
    Ok(arguments)
}

/// The argument behind an opening quote, and what follows the closing one.
fn quoted_argument(inner: &str) -> Result<(String, &str), EntryProblem> {
    let mut argument = String::new();
    let mut characters = inner.char_indices();
    while let Some((index, c)) = characters.next() {
        match c {
            '"' => {
                let behind = inner.get(index + 1..).unwrap_or_default();
                let ends = behind.is_empty() || behind.starts_with(' ');
                return if ends { Ok((argument, behind)) } else { Err(EntryProblem::Quote) };
            }
            '\\' => match characters.next() {
                Some((_, c @ ('"' | '`' | '$' | '\\'))) => argument.push(c),
                _ => return Err(EntryProblem::Unescaped { character: '\\' }),
            },
            '`' | '$' => return Err(EntryProblem::Unescaped { character: c }),
            c => argument.push(c),
        }
    }
    Err(EntryProblem::Quote)
}

fn is_media_type(value: &str) -> bool {
    let part = |text: &str| {
        !text.is_empty()
            && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"!#$&-^_.+".contains(&byte))
    };
    value.split_once('/').is_some_and(|(kind, subtype)| part(kind) && part(subtype))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Directory, ask};

    fn example() -> DesktopEntry {
        DesktopEntry {
            name: "Picker Wheel".to_owned(),
            generic_name: Some("Wheel of Names".to_owned()),
            comment: Some("Spin a wheel;\nsee who wins".to_owned()),
            exec: ["picker-wheel", "--title=50% \"off\" $HOME", "--plain", "%U"].map(str::to_owned).to_vec(),
            icon: Some("picker-wheel".to_owned()),
            terminal: false,
            categories: vec!["Game".to_owned(), "KidsGame".to_owned()],
            keywords: vec!["random".to_owned(), "a;b".to_owned()],
            mime_types: vec!["application/x-wheel".to_owned(), "x-scheme-handler/wheel".to_owned()],
            startup_wm_class: Some("picker-wheel".to_owned()),
            startup_notify: Some(true),
            no_display: false,
        }
    }

    fn problems(text: &str) -> Vec<String> {
        match check(text.as_bytes()) {
            Ok(_) => Vec::new(),
            Err(problems) => problems.iter().map(ToString::to_string).collect(),
        }
    }

    #[test]
    fn an_entry_is_written_with_escapes_and_quotes() {
        let text = example().text().unwrap();
        assert_eq!(
            text,
            r#"[Desktop Entry]
Type=Application
Name=Picker Wheel
GenericName=Wheel of Names
Comment=Spin a wheel; see who wins
Exec=picker-wheel "--title=50%% \\"off\\" \\$HOME" --plain %U
Icon=picker-wheel
Terminal=false
Categories=Game;KidsGame;
MimeType=application/x-wheel;x-scheme-handler/wheel;
Keywords=random;a\;b;
StartupNotify=true
StartupWMClass=picker-wheel
"#
        );
        let read = check(text.as_bytes()).unwrap();
        assert_eq!(read.program(), "picker-wheel");
        assert_eq!(read.get("Icon").unwrap(), "picker-wheel");
        assert_eq!(read.list("Keywords"), ["random", "a;b"]);
        let command = arguments(&read.get("Exec").unwrap()).unwrap();
        assert_eq!(command, example().exec);
    }

    #[test]
    fn the_desktops_own_checker_finds_nothing() {
        let directory = Directory::new("desktop-entry");
        let console = DesktopEntry {
            name: "Ünï".to_owned(),
            exec: vec!["/usr/bin/with space".to_owned()],
            terminal: true,
            categories: vec!["ConsoleOnly".to_owned(), "Utility".to_owned()],
            ..DesktopEntry::default()
        };
        for (name, entry) in [("a.desktop", example()), ("b.desktop", console)] {
            let path = directory.file(name, entry.text().unwrap().as_bytes());
            let Some(output) = ask("desktop-file-validate", &["--no-hints", &path], b"") else { return };
            assert_eq!(String::from_utf8_lossy(&output.stdout), "");
            assert!(output.status.success());
        }
        // And every category that we know is one that it knows.
        let all: String = categories()
            .filter(|name| !matches!(*name, "Screensaver" | "TrayIcon" | "Applet" | "Shell"))
            .map(|name| format!("{name};"))
            .collect();
        let text = format!("[Desktop Entry]\nType=Application\nName=a\nExec=a\nCategories={all}\n");
        let path = directory.file("all.desktop", text.as_bytes());
        let Some(output) = ask("desktop-file-validate", &["--no-hints", &path], b"") else { return };
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }

    #[test]
    fn every_problem_is_said_with_its_line() {
        let text = "\
Name=early
[Desktop Entry]
Type=Link
Name=a
Name=b
Foo=1
Terminal=yes
Icon=a.png
Categories=Utilities;development;Nonsense;X-Own;
MimeType=png;
Exec=a 'b' %f
Keywords=a\\qb
Actions=one;two
no equals
[Desktop Action one]
Name=One
[Desktop Action three]
[Broken
";
        assert_eq!(
            problems(text),
            [
                "line 1: `Name=early` stands before the group [Desktop Entry]",
                "line 3: Type has to be Application, not `Link`",
                "line 5: Name is there twice",
                "line 6: Foo is not a key of the specification; keys of one's own begin with X-",
                "line 7: Terminal has to be true or false, not `yes`",
                "line 8: Icon is a name without directory and end, or an absolute path, not `a.png`",
                "line 9: `Utilities` is not a registered category; did you mean `Utility`?",
                "line 9: `development` is not a registered category; did you mean `Development`?",
                "line 9: `Nonsense` is not a registered category",
                "line 10: `png` is not a media type such as image/png",
                "line 11: Exec has `'` outside of quotes: put the argument into double quotes",
                "line 12: Keywords has a backslash before `q`: the escapes are \\s, \\n, \\t, \\r, \\; and \\\\",
                "line 13: Actions names `two`, and there is no group [Desktop Action two]",
                "line 14: `no equals` is neither a group, a comment nor Key=Value",
                "line 17: Actions does not name `three`",
                "line 18: `[Broken` is not a group: write [NAME]",
            ]
        );
        assert_eq!(problems("[Desktop Entry]\n"), ["Type is missing", "Name is missing", "Exec is missing"]);
        assert_eq!(problems(""), ["the first group has to be [Desktop Entry]"]);
        assert_eq!(problems("[Other]\n"), ["line 1: the first group has to be [Desktop Entry]"]);
    }

    #[test]
    fn commands_are_read_as_the_specification_says() {
        let table: &[(&str, Result<&[&str], &str>)] = &[
            ("a", Ok(&["a"])),
            ("a  b", Ok(&["a", "b"])),
            (r#""a b" "c\"d" 100%%"#, Ok(&["a b", "c\"d", "100%"])),
            ("a %f %U", Err("Exec has several of %f, %F, %u and %U; one entry takes files in one way")),
            ("a %z", Err("Exec has `%z`, which is not a field code; a percent sign is written %%")),
            ("a 5%", Err("Exec has `%`, which is not a field code; a percent sign is written %%")),
            ("a \"b", Err("a quote of Exec does not begin and end with its argument")),
            ("a \"b\"c", Err("a quote of Exec does not begin and end with its argument")),
            ("a \"$b\"", Err("Exec has `$` in quotes without a backslash before it")),
            ("a&", Err("Exec has `&` outside of quotes: put the argument into double quotes")),
            ("", Err("Exec has no program")),
        ];
        for (command, expected) in table {
            let found = arguments(command).map_err(|problem| problem.to_string());
            let found = found.as_ref().map(|list| list.iter().map(String::as_str).collect::<Vec<_>>());
            assert_eq!(found.as_deref().map_err(|text| text.as_str()), *expected, "{command}");
        }
    }

    #[test]
    fn translations_and_actions_are_taken_as_they_are() {
        let text = "# me\n[Desktop Entry]\nType=Application\nName=a\nName[de]=b\nName[sr@latin]=c\nExec=a %f\nActions=new;\nX-Own=\\q\n\n[Desktop Action new]\nName=New\nExec=a --new\n\n[X-Group]\nAnything=\\q\n";
        assert_eq!(problems(text), [""; 0]);
    }

    #[test]
    fn bytes_that_are_no_text_and_windows_line_ends_are_said() {
        assert_eq!(
            problems("[Desktop Entry]\r\nType=Application\r\nName=a\r\nExec=a\r\n"),
            ["line 1: the line ends in CR LF; save the entry with LF"]
        );
        assert_eq!(
            check(b"[Desktop Entry]\nName=\xff\n").unwrap_err()[0].to_string(),
            "line 2: the entry is not UTF-8"
        );
        assert_eq!(example_with("a\u{7}b"), ["line 3: the value of Name has a control character"]);
    }

    fn example_with(name: &str) -> Vec<String> {
        let entry = DesktopEntry { name: name.to_owned(), ..example() };
        entry.text().unwrap_err().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn no_bytes_make_it_panic() {
        let text = example().text().unwrap();
        for cut in 0..text.len() {
            let _ = check(&text.as_bytes()[..cut]);
        }
        for text in [
            "[",
            "]",
            "[]",
            "=",
            "[Desktop Entry]\n=",
            "[Desktop Entry]\n[x]=\\",
            "[Desktop Entry]\nExec=\\\nExec=%",
        ] {
            let _ = check(text.as_bytes());
        }
    }
}
