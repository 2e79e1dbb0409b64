//! Changelogs: Debian's (deb-changelog(5)), the entries of rpm's, and the sections of a `CHANGELOG.md` that they are made from.

use thiserror::Error;

use crate::date::Moment;
use crate::located::{Located, utf8};

/// A version in a changelog.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Of the Debian package.
    pub package: String,
    /// With the revision: `1.2.3-1`.
    pub version: String,
    /// Where it went: `stable`, `unstable`.
    pub distribution: String,
    /// `medium` and the like.
    pub urgency: String,
    /// What was changed, a paragraph each, without the asterisk.
    pub changes: Vec<String>,
    /// `Name <address>`.
    pub maintainer: String,
    /// When.
    pub date: Moment,
}

/// What is wrong with a Debian changelog.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ChangelogProblem {
    /// Bytes that are no text.
    #[error("the changelog is not UTF-8")]
    NotUtf8,
    /// Nothing in it.
    #[error("the changelog has no entry")]
    Empty,
    /// A line that should begin an entry.
    #[error("an entry begins with `package (version) distribution; urgency=medium`, not with `{line}`")]
    Heading {
        /// The line.
        line: String,
    },
    /// A line within an entry that is neither a change nor its end.
    #[error(
        "a change begins with two spaces, and an entry ends with ` -- Name <address>  date`; this is `{line}`"
    )]
    Line {
        /// The line.
        line: String,
    },
    /// The end of an entry.
    #[error("an entry ends with ` -- Name <address>  Mon, 01 Jan 2024 00:00:00 +0000`, not with `{line}`")]
    Trailer {
        /// The line.
        line: String,
    },
    /// An entry that does not end.
    #[error("the entry of {version} has no ` -- Name <address>  date` at its end")]
    Unfinished {
        /// Of the entry.
        version: String,
    },
    /// An entry that says nothing.
    #[error("the entry of {version} says nothing")]
    NoChanges {
        /// Of the entry.
        version: String,
    },
    /// The first entry is about something else.
    #[error("the first entry is about {found}, and the package is {expected}")]
    Other {
        /// `package (version)`.
        found: String,
        /// `package (version)`.
        expected: String,
    },
}

/// Writes a Debian changelog. Texts of several lines are indented, and long lines are broken at 80 characters.
pub fn debian(entries: &[Entry]) -> String {
    let mut text = String::new();
    for (index, entry) in entries.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        let Entry { package, version, distribution, urgency, .. } = entry;
        text.push_str(&format!("{package} ({version}) {distribution}; urgency={urgency}\n\n"));
        for change in &entry.changes {
            wrap(change, &mut text);
        }
        text.push_str(&format!("\n -- {}  {}\n", one_line(&entry.maintainer), entry.date.rfc5322()));
    }
    text
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn wrap(change: &str, text: &mut String) {
    let mut prefix = "  * ";
    let mut line = String::new();
    for word in change.split_whitespace() {
        if !line.is_empty() && line.chars().count() + 1 + word.chars().count() > 76 {
            text.push_str(&format!("{prefix}{line}\n"));
            prefix = "    ";
            line.clear();
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    text.push_str(&format!("{prefix}{line}\n"));
}

/// Reads a Debian changelog. All problems at once, in the order of the lines.
pub fn parse(bytes: &[u8]) -> Result<Vec<Entry>, Vec<Located<ChangelogProblem>>> {
    let text = utf8(bytes).map_err(|line| vec![Located::at(line, ChangelogProblem::NotUtf8)])?;
    let mut entries = Vec::new();
    let mut problems = Vec::new();
    let mut open: Option<(usize, Entry)> = None;
    for (index, line) in text.lines().enumerate() {
        let number = index + 1;
        let owned = || line.to_owned();
        if line.trim().is_empty() {
            continue;
        }
        // What editors and version control leave behind (deb-changelog(5)).
        if open.is_none()
            && (line.starts_with('#') || line.starts_with("vim:") || line.starts_with("Local variables:"))
        {
            break;
        }
        if let Some(trailer) = line.strip_prefix(" --") {
            let Some((_, mut entry)) = open.take() else {
                problems.push(Located::at(number, ChangelogProblem::Heading { line: owned() }));
                continue;
            };
            match parse_trailer(trailer) {
                Some((maintainer, date)) => {
                    entry.maintainer = maintainer;
                    entry.date = date;
                }
                None => problems.push(Located::at(number, ChangelogProblem::Trailer { line: owned() })),
            }
            if entry.changes.is_empty() {
                let problem = ChangelogProblem::NoChanges { version: entry.version.clone() };
                problems.push(Located::at(number, problem));
            }
            entries.push(entry);
        } else if let Some(change) = line.strip_prefix("  ") {
            match &mut open {
                Some((_, entry)) => add_change(entry, change),
                None => problems.push(Located::at(number, ChangelogProblem::Heading { line: owned() })),
            }
        } else if line.starts_with([' ', '\t']) {
            problems.push(Located::at(number, ChangelogProblem::Line { line: owned() }));
        } else {
            if let Some((begin, entry)) = open.take() {
                problems.push(Located::at(begin, ChangelogProblem::Unfinished { version: entry.version }));
            }
            match parse_heading(line) {
                Some(entry) => open = Some((number, entry)),
                None => problems.push(Located::at(number, ChangelogProblem::Heading { line: owned() })),
            }
        }
    }
    if let Some((begin, entry)) = open {
        problems.push(Located::at(begin, ChangelogProblem::Unfinished { version: entry.version }));
    }
    if entries.is_empty() && problems.is_empty() {
        problems.push(Located::whole(ChangelogProblem::Empty));
    }
    problems.sort_by_key(|problem| problem.line);
    if problems.is_empty() { Ok(entries) } else { Err(problems) }
}

/// Checks that a project's own changelog begins with the version that is packaged.
pub fn check(bytes: &[u8], package: &str, version: &str) -> Vec<Located<ChangelogProblem>> {
    match parse(bytes) {
        Err(problems) => problems,
        Ok(entries) => entries
            .first()
            .filter(|entry| entry.package != package || entry.version != version)
            .map(|entry| {
                Located::whole(ChangelogProblem::Other {
                    found: format!("{} ({})", entry.package, entry.version),
                    expected: format!("{package} ({version})"),
                })
            })
            .into_iter()
            .collect(),
    }
}

fn add_change(entry: &mut Entry, line: &str) {
    let change = line.trim();
    match (change.strip_prefix("* "), entry.changes.last_mut()) {
        (Some(change), _) => entry.changes.push(change.trim().to_owned()),
        (None, Some(last)) => {
            last.push('\n');
            last.push_str(change);
        }
        (None, None) => entry.changes.push(change.to_owned()),
    }
}

fn parse_heading(line: &str) -> Option<Entry> {
    let (package, rest) = line.split_once(" (")?;
    let (version, rest) = rest.split_once(") ")?;
    let (distribution, keys) = rest.split_once(';')?;
    let urgency = keys.split(',').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim().eq_ignore_ascii_case("urgency").then(|| value.trim().to_owned())
    })?;
    let plain = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    (plain(package) && plain(version) && !distribution.trim().is_empty()).then(|| Entry {
        package: package.to_owned(),
        version: version.to_owned(),
        distribution: distribution.trim().to_owned(),
        urgency,
        changes: Vec::new(),
        maintainer: String::new(),
        date: Moment::of(0),
    })
}

fn parse_trailer(trailer: &str) -> Option<(String, Moment)> {
    let (maintainer, date) = trailer.strip_prefix(' ')?.split_once(">  ")?;
    maintainer.contains(" <").then_some(())?;
    Some((format!("{maintainer}>"), Moment::of_rfc5322(date.trim())?))
}

/// A version's part of a `CHANGELOG.md` as <https://keepachangelog.com> has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// As written, without brackets and a leading `v`: `1.2.3`, `Unreleased`.
    pub version: String,
    /// If the heading has one.
    pub date: Option<Moment>,
    /// Each item of a list and each other paragraph, without Markdown's marks, with the heading above it: `Added: a window`.
    pub changes: Vec<String>,
}

/// Reads the sections of a `CHANGELOG.md`: headings of the second level (or of the first, where versions stand there)
/// that begin with a version. Other text is passed over, so any Markdown can be given.
pub fn markdown_sections(text: &str) -> Vec<Section> {
    let mut sections: Vec<Section> = Vec::new();
    // The heading below the version's, the item that is being read, and whether we are within a version.
    let mut heading = String::new();
    let mut item: Option<String> = None;
    let mut level = 0;
    let mut fenced = false;
    for line in text.lines() {
        let bare = line.trim();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            fenced = !fenced;
            continue;
        }
        if fenced {
            continue;
        }
        let depth = bare.bytes().take_while(|byte| *byte == b'#').count();
        let title = bare.get(depth..).filter(|rest| depth > 0 && rest.starts_with(' ')).map(str::trim);
        if let Some(title) = title {
            finish(&mut sections, &heading, item.take());
            heading.clear();
            match version_heading(title).filter(|_| level == 0 || depth <= level) {
                Some(section) => {
                    level = depth;
                    sections.push(section);
                }
                None if depth > level => heading = plain_text(title),
                // A heading of the versions' level that is none ends the last version.
                None if level > 0 => {
                    sections.push(Section { version: String::new(), date: None, changes: Vec::new() });
                }
                None => {}
            }
            continue;
        }
        let marked = ["- ", "* ", "+ "].iter().find_map(|mark| bare.strip_prefix(mark));
        match marked {
            _ if is_link_definition(bare) => {}
            Some(begin) => {
                finish(&mut sections, &heading, item.take());
                item = Some(plain_text(begin));
            }
            None if bare.is_empty() => finish(&mut sections, &heading, item.take()),
            None => match &mut item {
                Some(item) => {
                    item.push(' ');
                    item.push_str(&plain_text(bare));
                }
                None => item = Some(plain_text(bare)),
            },
        }
    }
    finish(&mut sections, &heading, item);
    sections.retain(|section| !section.version.is_empty());
    sections
}

/// What a `CHANGELOG.md` says of a version; empty if nothing.
pub fn markdown_changes(text: &str, version: &str) -> Vec<String> {
    markdown_sections(text)
        .into_iter()
        .find(|section| section.version == version)
        .map(|section| section.changes)
        .unwrap_or_default()
}

fn finish(sections: &mut [Section], heading: &str, item: Option<String>) {
    let Some(item) = item.filter(|item| !item.trim().is_empty()) else { return };
    let Some(section) = sections.last_mut() else { return };
    section.changes.push(if heading.is_empty() { item } else { format!("{heading}: {item}") });
}

/// `[1.2.3] - 2026-01-02`, `v1.2.3 (2026-01-02)`, `Version 1.2.3`, `[Unreleased]`.
fn version_heading(title: &str) -> Option<Section> {
    let title = plain_text(title).replace(['[', ']'], "");
    let mut words = title
        .split(|c: char| c.is_whitespace() || c == ',' || c == '(' || c == ')')
        .filter(|w| !w.is_empty());
    let mut word = words.next()?;
    if word.eq_ignore_ascii_case("version") || word.eq_ignore_ascii_case("release") {
        word = words.next()?;
    }
    let version = word.strip_prefix(['v', 'V']).unwrap_or(word).trim_end_matches(':');
    let numbered = version.starts_with(|c: char| c.is_ascii_digit()) && version.contains('.');
    if !numbered && !version.eq_ignore_ascii_case("unreleased") {
        return None;
    }
    let date = words.find_map(Moment::of_iso_day);
    Some(Section { version: version.to_owned(), date, changes: Vec::new() })
}

/// `[1.2.3]: https://...`, at the end of most changelogs.
fn is_link_definition(line: &str) -> bool {
    line.starts_with('[') && line.contains("]: ")
}

/// Markdown's inline marks taken out: links become their text, code and emphasis lose their marks.
fn plain_text(text: &str) -> String {
    let mut output = String::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let behind = rest.get(c.len_utf8()..).unwrap_or_default();
        if c == '['
            && let Some((label, target)) = behind.split_once("](")
            && !label.contains(['[', ']'])
            && let Some((_, after)) = target.split_once(')')
        {
            output.push_str(&plain_text(label));
            rest = after;
            continue;
        }
        if c == '`' || (c == '*' && (behind.starts_with('*') || output.ends_with('*'))) {
            rest = behind.strip_prefix('*').filter(|_| c == '*').unwrap_or(behind);
            continue;
        }
        output.push(c);
        rest = behind;
    }
    output
}

/// An entry of rpm's `%changelog`: who and which version, and what. The time is the entry's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpmEntry {
    /// `Name <address> - 1.2.3-1`.
    pub author: String,
    /// A line for each change, each with its dash.
    pub text: String,
    /// Seconds since 1970-01-01 UTC: noon of the day, as rpm has it.
    pub epoch: u64,
}

/// An entry for rpm.
pub fn rpm(entry: &Entry) -> RpmEntry {
    let lines: Vec<String> = entry.changes.iter().map(|change| format!("- {}", one_line(change))).collect();
    RpmEntry {
        author: format!("{} - {}", one_line(&entry.maintainer), entry.version),
        text: lines.join("\n"),
        epoch: entry.date.epoch / 86_400 * 86_400 + 43_200,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEPT: &str = "\
# Changelog

All notable changes.

## [Unreleased]

- Not yet

## [1.2.3] - 2026-01-02

### Added

- A window with a [link](https://example.com/a) and `code`,
  which goes on here
- **Bold** things

### Fixed
* A bug

```
- not a change
```

## v1.2.2 (2025-12-01)

Only a paragraph.

## Contributors

- nobody

[1.2.3]: https://example.com
";

    fn entry() -> Entry {
        Entry {
            package: "example".to_owned(),
            version: "1.2.3-1".to_owned(),
            distribution: "stable".to_owned(),
            urgency: "medium".to_owned(),
            changes: markdown_changes(KEPT, "1.2.3"),
            maintainer: "Ada Example <ada@example.com>".to_owned(),
            date: Moment::of(1_700_000_000),
        }
    }

    #[test]
    fn the_sections_of_a_kept_changelog_are_found() {
        let sections = markdown_sections(KEPT);
        let versions: Vec<(&str, Option<String>)> =
            sections.iter().map(|s| (s.version.as_str(), s.date.map(|date| date.iso_day()))).collect();
        assert_eq!(
            versions,
            [
                ("Unreleased", None),
                ("1.2.3", Some("2026-01-02".to_owned())),
                ("1.2.2", Some("2025-12-01".to_owned()))
            ]
        );
        assert_eq!(
            markdown_changes(KEPT, "1.2.3"),
            [
                "Added: A window with a link and code, which goes on here",
                "Added: Bold things",
                "Fixed: A bug"
            ]
        );
        assert_eq!(markdown_changes(KEPT, "1.2.2"), ["Only a paragraph."]);
        assert_eq!(markdown_changes(KEPT, "9.9.9"), [""; 0]);
    }

    #[test]
    fn a_debian_changelog_is_written_and_read_back() {
        let text = debian(&[entry(), Entry { version: "1.2.2-1".to_owned(), ..entry() }]);
        let first = text.split("\n\nexample (1.2.2-1)").next().unwrap();
        assert_eq!(
            first,
            "example (1.2.3-1) stable; urgency=medium\n\n  * Added: A window with a link and code, which goes on here\n  * Added: Bold things\n  * Fixed: A bug\n\n -- Ada Example <ada@example.com>  Tue, 14 Nov 2023 22:13:20 +0000"
        );
        let entries = parse(text.as_bytes()).unwrap();
        assert_eq!(entries[0], entry());
        assert_eq!(entries.len(), 2);
        assert_eq!(check(text.as_bytes(), "example", "1.2.3-1"), []);
        assert_eq!(
            check(text.as_bytes(), "example", "1.2.4-1")[0].to_string(),
            "the first entry is about example (1.2.3-1), and the package is example (1.2.4-1)"
        );
    }

    #[test]
    fn long_changes_are_broken() {
        let long = Entry { changes: vec!["word ".repeat(40)], ..entry() };
        let text = debian(&[long]);
        assert!(text.lines().all(|line| line.len() <= 80), "{text}");
        assert!(text.contains("\n    word"), "{text}");
    }

    #[test]
    fn rpm_has_the_same_at_noon() {
        assert_eq!(
            rpm(&entry()),
            RpmEntry {
                author: "Ada Example <ada@example.com> - 1.2.3-1".to_owned(),
                text: "- Added: A window with a link and code, which goes on here\n- Added: Bold things\n- Fixed: A bug".to_owned(),
                epoch: 1_699_963_200,
            }
        );
    }

    #[test]
    fn every_problem_is_said_with_its_line() {
        let text = "example 1.2.3 stable\n\nother (1) x; urgency=low\n\n  * a\n\n -- Ada <a@b> Tue, 14 Nov 2023 22:13:20 +0000\n\nmore (2) x; urgency=low\n one\n";
        let found: Vec<String> =
            parse(text.as_bytes()).unwrap_err().iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "line 1: an entry begins with `package (version) distribution; urgency=medium`, not with `example 1.2.3 stable`",
                "line 7: an entry ends with ` -- Name <address>  Mon, 01 Jan 2024 00:00:00 +0000`, not with ` -- Ada <a@b> Tue, 14 Nov 2023 22:13:20 +0000`",
                "line 9: the entry of 2 has no ` -- Name <address>  date` at its end",
                "line 10: a change begins with two spaces, and an entry ends with ` -- Name <address>  date`; this is ` one`",
            ]
        );
        assert_eq!(parse(b"\n").unwrap_err()[0].to_string(), "the changelog has no entry");
        assert_eq!(parse(b"a\n\xff").unwrap_err()[0].to_string(), "line 2: the changelog is not UTF-8");
    }

    #[test]
    fn dpkg_reads_what_we_write() {
        let text = debian(&[entry()]);
        let arguments = ["--show-field", "Version", "-l", "-"];
        let Some(output) = crate::sample::ask("dpkg-parsechangelog", &arguments, text.as_bytes()) else {
            return;
        };
        assert_eq!(String::from_utf8_lossy(&output.stdout), "1.2.3-1\n");
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    }
}
