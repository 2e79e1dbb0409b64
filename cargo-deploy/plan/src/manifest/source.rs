//! A text that settings come from, and places in it.

use std::borrow::Cow;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use serde::Serialize;

/// Names one [`Source`] among the [`Sources`] of a reading. Smaller ids are stronger layers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct SourceId(u32);

/// Which layer a text belongs to, in order of precedence, the strongest first.
///
/// What is written as a path in a layer is relative to that layer's directory: the working directory for
/// the first two, the package's or the workspace's directory for the files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum SourceKind {
    /// A `--config KEY=VALUE` argument.
    ConfigArgument,
    /// A variable `CARGO_DEPLOY_*`.
    Environment,
    /// `Deploy.toml` beside the package's `Cargo.toml`.
    PackageFile,
    /// `Deploy.toml` beside the workspace's `Cargo.toml`.
    WorkspaceFile,
    /// `[package.metadata.deploy]` in the package's `Cargo.toml`.
    PackageMetadata,
    /// `[workspace.metadata.deploy]` in the workspace's `Cargo.toml`.
    WorkspaceMetadata,
    /// `[package.metadata.deb]` in the package's `Cargo.toml`: the settings of cargo-deb, read as `[package.deb]`.
    DebMetadata,
    /// What cargo-deploy brings with it.
    Defaults,
}

/// One text with the name it is shown under.
#[derive(Clone, Debug)]
pub struct Source {
    id: SourceId,
    kind: SourceKind,
    name: String,
    text: Arc<str>,
}

impl Source {
    /// The id under which [`Sources`] holds it.
    pub fn id(&self) -> SourceId {
        self.id
    }

    /// The layer it belongs to.
    pub fn kind(&self) -> SourceKind {
        self.kind
    }

    /// The path as the user would write it, `--config`, or `environment variable NAME`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The whole text, without a byte order mark.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text as it may be shown: every character that could steer a terminal, and every name and password in an
    /// address, replaced by as many bytes of something harmless, so that offsets stay what they are. A line break is
    /// added at the end if there is none.
    pub fn printable_text(&self) -> Arc<str> {
        match printable(&self.text) {
            Cow::Borrowed(text) if text.ends_with('\n') => Arc::clone(&self.text),
            text => (text.into_owned() + if self.text.ends_with('\n') { "" } else { "\n" }).into(),
        }
    }

    /// Line and column of a byte offset. An offset past the end is the end.
    pub fn position(&self, offset: usize) -> Position {
        let mut offset = offset.min(self.text.len());
        while !self.text.is_char_boundary(offset) {
            offset -= 1;
        }
        let before = &self.text[..offset];
        let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
        Position { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1 }
    }
}

/// A text without the names and passwords in its addresses, as long as before.
pub(crate) fn without_credentials(text: &str) -> Cow<'_, str> {
    replaced(text, |_, _| false)
}

/// A text as it may be shown, as long as before.
fn printable(text: &str) -> Cow<'_, str> {
    replaced(text, steers_a_terminal)
}

/// A text for one line of a message: what could steer a terminal is spelled out.
pub(crate) fn spelled_out(text: String) -> String {
    if !text.chars().any(|character| steers_a_terminal(character, None) || matches!(character, '\n' | '\t')) {
        return text;
    }
    let mut line = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\n' | '\t' => line.extend(character.escape_default()),
            character if steers_a_terminal(character, None) => line.extend(character.escape_default()),
            character => line.push(character),
        }
    }
    line
}

/// Covers credentials and the characters that are to go, given with the one behind them.
fn replaced(text: &str, goes: impl Fn(char, Option<char>) -> bool) -> Cow<'_, str> {
    let credentials = credentials(text);
    let mut following = text.chars().skip(1);
    if credentials.is_empty() && !text.chars().any(|character| goes(character, following.next())) {
        return Cow::Borrowed(text);
    }
    let mut printable = String::with_capacity(text.len());
    let mut hidden = credentials.into_iter().peekable();
    let mut following = text.chars().skip(1);
    for (at, character) in text.char_indices() {
        let next = following.next();
        while hidden.next_if(|span| span.end <= at).is_some() {}
        let width = character.len_utf8();
        if hidden.peek().is_some_and(|span| span.contains(&at)) {
            printable.extend(std::iter::repeat_n('*', width));
        } else if !goes(character, next) {
            printable.push(character);
        } else if width == 3 {
            printable.push('\u{fffd}');
        } else {
            printable.extend(std::iter::repeat_n('?', width));
        }
    }
    Cow::Owned(printable)
}

/// Where addresses hold a name or a password (RFC 3986, section 3.2.1).
fn credentials(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    for (at, scheme) in text.match_indices("://") {
        let start = at + scheme.len();
        let authority = text[start..].split(['/', '?', '#', '"', '\'', ' ', '\n']).next().unwrap_or("");
        if let Some(length) = authority.rfind('@') {
            spans.push(start..start + length);
        }
    }
    spans
}

/// Control characters but tabs and line ends, and what reorders the text around it.
fn steers_a_terminal(character: char, next: Option<char>) -> bool {
    match character {
        '\n' | '\t' => false,
        '\r' => next != Some('\n'),
        '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => true,
        other => other.is_control(),
    }
}

/// A place for people: both numbers start at 1, columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Position {
    /// The line, from 1.
    pub line: usize,
    /// The column in characters, from 1.
    pub column: usize,
}

impl fmt::Display for Position {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.line, self.column)
    }
}

/// A stretch of bytes in one source.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Location {
    /// The text.
    pub source: SourceId,
    /// Byte offsets into it.
    pub span: Range<usize>,
}

impl Location {
    /// A place in a source.
    pub fn new(source: SourceId, span: Range<usize>) -> Self {
        Self { source, span }
    }
}

/// Every text of a reading, the strongest layer first.
#[derive(Clone, Debug, Default)]
pub struct Sources {
    list: Vec<Source>,
}

impl Sources {
    /// Takes a text in and names it. Texts are given in order of precedence.
    pub fn add(&mut self, kind: SourceKind, name: impl Into<String>, text: impl Into<Arc<str>>) -> SourceId {
        let id = SourceId(u32::try_from(self.list.len()).unwrap_or(u32::MAX));
        self.list.push(Source { id, kind, name: name.into(), text: text.into() });
        id
    }

    /// The text behind an id; `None` for an id of another reading.
    pub fn get(&self, id: SourceId) -> Option<&Source> {
        self.list.get(id.0 as usize)
    }

    /// All of them, the strongest first.
    pub fn iter(&self) -> impl Iterator<Item = &Source> {
        self.list.iter()
    }

    /// The text at a place, as written; empty for a place that is not in these sources.
    pub fn slice(&self, location: &Location) -> &str {
        self.get(location.source).and_then(|source| source.text.get(location.span.clone())).unwrap_or("")
    }

    /// `Deploy.toml:3:7`.
    pub fn describe(&self, location: &Location) -> String {
        match self.get(location.source) {
            Some(source) => format!("{}:{}", source.name, source.position(location.span.start)),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_count_characters_from_one() {
        let mut sources = Sources::default();
        let id = sources.add(SourceKind::PackageFile, "Deploy.toml", "é = 1\r\nü = \"€\" # x\n");
        let source = sources.get(id).unwrap();
        let at = |needle: &str| source.position(source.text().find(needle).unwrap()).to_string();
        assert_eq!(at("é"), "1:1");
        assert_eq!(at("1"), "1:5");
        assert_eq!(at("ü"), "2:1");
        assert_eq!(at("# x"), "2:9");
        assert_eq!(source.position(9999).to_string(), "3:1");
    }

    #[test]
    fn printable_text_hides_what_an_address_gives_away() {
        let text = "a = \"https://me:pa@ss@example.com/x@y\" # ftp://é@h, b://c d@e";
        let shown = printable(text);
        assert_eq!(shown, "a = \"https://********@example.com/x@y\" # ftp://**@h, b://c d@e");
        assert_eq!(shown.len(), text.len());
    }

    #[test]
    fn printable_text_keeps_every_offset_and_no_control_character() {
        let mut sources = Sources::default();
        let id = sources.add(SourceKind::PackageFile, "a", "a\u{1b}[31m\u{85}\u{202e}b\tc\rd\r\ne");
        let source = sources.get(id).unwrap();
        let printable = source.printable_text();
        assert_eq!(&*printable, "a?[31m??\u{fffd}b\tc?d\r\ne\n");
        assert_eq!(printable.len(), source.text().len() + 1);
    }
}
