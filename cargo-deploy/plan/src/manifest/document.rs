//! A TOML text as a tree in which everything knows its place, and all of the text's syntax errors at once.
//!
//! The `toml` crate parses and recovers. What this adds: limits that hold before a parser sees a byte, one problem
//! for one mistake (a recovering parser stumbles over the same mistake several times), and a tree that can be
//! trusted in spite of mistakes. For the last, the statements with mistakes are blanked out and the rest is parsed
//! again, so that nothing in the tree is a guess.

use std::collections::BTreeMap;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::byte_size::ByteSize;
use super::problem::Problem;
use super::source::{Location, Source, SourceId, SourceKind, Sources};

/// The largest manifest that is read, in bytes.
pub const MAXIMUM_SIZE: usize = 1 << 20;

/// The largest `Cargo.toml` that is read for its metadata, in bytes. Generated ones are large.
pub const MAXIMUM_CARGO_SIZE: usize = 16 << 20;

/// How deep lists and tables can stand in one another.
pub const MAXIMUM_DEPTH: usize = 64;

/// How many syntax errors of a text are told. What comes after so many is noise.
const MAXIMUM_SYNTAX_PROBLEMS: usize = 50;

/// How often the rest is parsed again without the statements that had mistakes.
const MAXIMUM_ROUNDS: usize = 4;

/// A value with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Node {
    /// The value.
    pub value: Value,
    /// Where it stands: of a table written with a header, the header.
    pub location: Location,
}

/// A TOML value (TOML 1.0, sections String to Table).
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// A string.
    String(String),
    /// An integer; TOML's range is that of 64 bits with a sign.
    Integer(i64),
    /// A float.
    Float(f64),
    /// A boolean.
    Boolean(bool),
    /// A date, a time or both, as written.
    Datetime(String),
    /// An array, also one of tables.
    Array(Vec<Node>),
    /// A table, also an inline one.
    Table(Table),
}

/// The entries of a table by key.
pub type Table = BTreeMap<String, Entry>;

/// A key of a table with its value.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// Where the key stands.
    pub key: Location,
    /// The value.
    pub node: Node,
}

impl Node {
    /// The entries, if it is a table.
    pub fn as_table(&self) -> Option<&Table> {
        match &self.value {
            Value::Table(table) => Some(table),
            _ => None,
        }
    }

    /// The text, if it is a string.
    pub fn as_str(&self) -> Option<&str> {
        match &self.value {
            Value::String(text) => Some(text),
            _ => None,
        }
    }

    /// The same value for serde, without places. What JSON cannot hold (`nan`, `inf`) becomes `null`.
    pub fn to_json(&self) -> serde_json::Value {
        match &self.value {
            Value::String(text) | Value::Datetime(text) => text.clone().into(),
            Value::Integer(number) => (*number).into(),
            Value::Float(number) => (*number).into(),
            Value::Boolean(truth) => (*truth).into(),
            Value::Array(items) => items.iter().map(Node::to_json).collect(),
            Value::Table(table) => serde_json::Value::Object(
                table.iter().map(|(key, entry)| (key.clone(), entry.node.to_json())).collect(),
            ),
        }
    }
}

/// Takes a file in: checks size and encoding, drops a byte order mark. The text of what cannot be taken is empty, or
/// ends where it stops being UTF-8, so that the place can be shown.
pub(crate) fn take_in(
    sources: &mut Sources,
    kind: SourceKind,
    name: &str,
    bytes: &[u8],
) -> (SourceId, Option<Problem>) {
    let limit = match kind {
        SourceKind::PackageMetadata | SourceKind::WorkspaceMetadata => MAXIMUM_CARGO_SIZE,
        _ => MAXIMUM_SIZE,
    };
    if bytes.len() > limit {
        let id = sources.add(kind, name, "");
        let limit = ByteSize::from_bytes(limit as u64);
        let found = format!("{} bytes", bytes.len());
        let problem = Problem::error(
            "manifest::too-large",
            format!("{name} is {found} large; at most {limit} are read"),
        )
        .help("a manifest holds settings only; data belongs into files of its own, as [[asset]] or `bundle.include`")
        .mismatch(found, format!("at most {limit}"))
        .about(id);
        return (id, Some(problem));
    }
    let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    match std::str::from_utf8(bytes) {
        Ok(text) => (sources.add(kind, name, text), None),
        Err(error) => {
            let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
            // The prefix is valid by the contract of `valid_up_to`.
            let text = std::str::from_utf8(valid).unwrap_or_default();
            let id = sources.add(kind, name, text);
            let place = Location::new(id, valid.len()..valid.len());
            let position = sources.describe(&place);
            let byte = bytes.get(valid.len()).copied().unwrap_or_default();
            let wide = matches!(bytes, [0xff, 0xfe, ..] | [0xfe, 0xff, ..]);
            let help = if wide {
                "it looks like UTF-16; save it as UTF-8"
            } else {
                "save it as UTF-8; an editor calls this the file's encoding"
            };
            let problem = Problem::error(
                "manifest::encoding",
                format!("{position}: byte {} (0x{byte:02x}) is not UTF-8", valid.len()),
            )
            .help(help)
            .label(place, "here the text stops being UTF-8")
            .mismatch(format!("the byte 0x{byte:02x}"), "UTF-8");
            (id, Some(problem))
        }
    }
}

/// A text that was parsed: as much of a tree as can be trusted, and what is wrong with the text.
pub(crate) struct Parsed {
    /// The root table; `None` when nothing can be trusted.
    pub(crate) root: Option<Node>,
    /// The syntax errors, one for each mistake.
    pub(crate) problems: Vec<Problem>,
}

/// Parses a text. The root is complete when there are no problems, and lacks the statements with mistakes otherwise.
pub(crate) fn parse(source: &Source) -> Parsed {
    let id = source.id();
    if let Some(problem) = too_deep(source.text(), id) {
        return Parsed { root: None, problems: vec![problem] };
    }

    let mut text = source.text().to_owned();
    let mut problems = Vec::new();
    for _ in 0..MAXIMUM_ROUNDS {
        let (root, errors) = DeTable::parse_recoverable(&text);
        let mut mistakes = Vec::new();
        for error in &errors {
            let span = error.span().unwrap_or(0..0);
            mistakes.push(Mistake { span: clamp(span, &text), words: error.message().to_owned() });
        }
        let mut converter = Converter { source: id, mistakes };
        let root = converter.table(root.get_ref(), 0);
        let mistakes = converter.mistakes;
        if mistakes.is_empty() {
            let location = Location::new(id, 0..0);
            return Parsed { root: Some(Node { value: Value::Table(root), location }), problems };
        }
        let statements = statements_with_mistakes(&text, &root, mistakes);
        let too_many = statements.len() > MAXIMUM_SYNTAX_PROBLEMS;
        for statement in statements.iter().take(MAXIMUM_SYNTAX_PROBLEMS) {
            problems.push(syntax_problem(source, &root, statement));
        }
        if too_many {
            let message = format!("{} has more syntax errors than these", source.name());
            let end = source.text().len();
            problems.push(Problem::error("manifest::more", message).label(Location::new(id, end..end), ""));
            break;
        }
        text = blanked(&text, &statements);
    }
    Parsed { root: None, problems }
}

/// Cuts a span down to the text and to whole characters.
fn clamp(span: Range<usize>, text: &str) -> Range<usize> {
    let whole = |mut offset: usize| {
        offset = offset.min(text.len());
        while !text.is_char_boundary(offset) {
            offset -= 1;
        }
        offset
    };
    let start = whole(span.start);
    start..whole(span.end.max(start)).max(start)
}

/// Finds brackets that stand too deep without recursion and without a parser.
fn too_deep(text: &str, id: SourceId) -> Option<Problem> {
    let bytes = text.as_bytes();
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'#' => at += line_length(&bytes[at..]),
            b'"' | b'\'' => {
                at += string_length(&bytes[at..], *byte);
                continue;
            }
            b'[' | b'{' => {
                depth += 1;
                if depth > MAXIMUM_DEPTH {
                    return Some(
                        Problem::error(
                            "manifest::too-deep",
                            format!("lists and tables stand in one another more than {MAXIMUM_DEPTH} deep"),
                        )
                        .help("no setting needs that; is a bracket missing before this place?")
                        .label(Location::new(id, at..at + 1), "this one is too deep"),
                    );
                }
            }
            b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        at += 1;
    }
    None
}

/// Bytes up to the next line break.
fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len())
}

/// Bytes of the string at the front, with its quotes. A string that is not closed ends with its line, or with the
/// text if it can have several lines (TOML 1.0, section String).
fn string_length(bytes: &[u8], quote: u8) -> usize {
    let triple = bytes.len() >= 3 && bytes[..3].iter().all(|byte| *byte == quote);
    let mut at = if triple { 3 } else { 1 };
    while let Some(byte) = bytes.get(at) {
        match byte {
            b'\\' if quote == b'"' => at += 1,
            b'\n' if !triple => return at,
            byte if *byte == quote => {
                if !triple {
                    return at + 1;
                }
                if bytes[at..].starts_with(&[quote; 3]) {
                    // Up to two quotes may stand before the three that close.
                    let run = bytes[at..].iter().take(5).take_while(|byte| **byte == quote).count();
                    return at + run;
                }
            }
            _ => {}
        }
        at += 1;
    }
    bytes.len()
}

/// Something the parser did not like.
struct Mistake {
    span: Range<usize>,
    words: String,
}

/// Turns the parser's tree into ours.
struct Converter {
    source: SourceId,
    mistakes: Vec<Mistake>,
}

impl Converter {
    fn table(&mut self, table: &DeTable<'_>, depth: usize) -> Table {
        table
            .iter()
            .map(|(key, value)| {
                let entry =
                    Entry { key: Location::new(self.source, key.span()), node: self.node(value, depth + 1) };
                (key.get_ref().clone().into_owned(), entry)
            })
            .collect()
    }

    fn node(&mut self, value: &Spanned<DeValue<'_>>, depth: usize) -> Node {
        let span = value.span();
        let converted = match value.get_ref() {
            DeValue::String(text) => Value::String(text.clone().into_owned()),
            DeValue::Integer(number) => match i64::from_str_radix(number.as_str(), number.radix()) {
                Ok(number) => Value::Integer(number),
                Err(_) => self.refuse(span.clone(), "number does not fit into 64 bits"),
            },
            DeValue::Float(number) => match number.as_str().parse::<f64>() {
                Ok(number) if number.is_finite() || names_infinity(value) => Value::Float(number),
                _ => self.refuse(span.clone(), "number does not fit into 64 bits"),
            },
            DeValue::Boolean(truth) => Value::Boolean(*truth),
            DeValue::Datetime(moment) => Value::Datetime(moment.to_string()),
            // Dotted keys and headers nest without brackets, so the limit is kept here too.
            DeValue::Array(_) | DeValue::Table(_) if depth > MAXIMUM_DEPTH => {
                self.refuse(span.clone(), TOO_DEEP)
            }
            DeValue::Array(items) => {
                Value::Array(items.iter().map(|item| self.node(item, depth + 1)).collect())
            }
            DeValue::Table(table) => Value::Table(self.table(table, depth)),
        };
        Node { value: converted, location: Location::new(self.source, span) }
    }

    fn refuse(&mut self, span: Range<usize>, words: &str) -> Value {
        // Recovery leaves empty numbers behind where it already complained.
        let known = self
            .mistakes
            .iter()
            .any(|mistake| mistake.span.start <= span.end && span.start <= mistake.span.end);
        if !known {
            self.mistakes.push(Mistake { span, words: words.to_owned() });
        }
        Value::Boolean(false)
    }
}

/// Whether a float is written `inf` or `nan`, so that not being finite is meant.
fn names_infinity(value: &Spanned<DeValue<'_>>) -> bool {
    match value.get_ref() {
        DeValue::Float(number) => {
            let word = number.as_str().trim_start_matches(['+', '-']);
            matches!(word, "inf" | "nan")
        }
        _ => false,
    }
}

/// The words by which [`syntax_problem`] knows that dotted keys nest too deep.
const TOO_DEEP: &str = "nested too deep";

/// A statement (a header, or a key with its value) that has mistakes in it.
struct Statement {
    /// The lines to blank out.
    lines: Range<usize>,
    /// The mistake that says most.
    mistake: Mistake,
}

impl Statement {
    /// Keeps the mistake that says more: an opening without an end explains everything after it.
    fn take_over(&mut self, mistake: Mistake) {
        if mistake.words.starts_with("unclosed") && !self.mistake.words.starts_with("unclosed") {
            self.mistake = mistake;
        }
    }
}

/// Groups mistakes by statement: what follows from the first one in a statement is not told.
fn statements_with_mistakes(text: &str, root: &Table, mut mistakes: Vec<Mistake>) -> Vec<Statement> {
    mistakes.sort_by_key(|mistake| mistake.span.start);
    let mut values = Vec::new();
    value_spans(root, &mut values);
    values.sort_by_key(|span| (span.start, std::cmp::Reverse(span.end)));

    let mut statements: Vec<Statement> = Vec::new();
    for mistake in mistakes {
        // What stands in the lines of a statement with a mistake follows from that mistake, more likely than not.
        // (This also keeps the work linear when one value has a hundred thousand mistakes.)
        if let Some(last) = statements.last_mut()
            && mistake.span.start < last.lines.end
        {
            last.take_over(mistake);
            continue;
        }
        // An error that follows from an unclosed value may stand right behind the value.
        let around = values
            .iter()
            .take_while(|span| span.start <= mistake.span.start)
            .filter(|span| mistake.span.start <= span.end)
            .fold(line_around(text, mistake.span.clone()), |lines, span| {
                let value = line_around(text, span.clone());
                lines.start.min(value.start)..lines.end.max(value.end)
            });
        match statements.last_mut() {
            Some(last) if around.start < last.lines.end => {
                last.lines = last.lines.start.min(around.start)..last.lines.end.max(around.end);
                last.take_over(mistake);
            }
            _ => statements.push(Statement { lines: around, mistake }),
        }
        if statements.len() > MAXIMUM_SYNTAX_PROBLEMS {
            break;
        }
    }

    // Without its header, what stands under it would be taken for part of the section before.
    for statement in &mut statements {
        if text[statement.lines.clone()].trim_start().starts_with('[') {
            statement.lines.end = next_header(text, statement.lines.end);
        }
    }
    statements
}

/// Where each value stands that can have several lines.
fn value_spans(table: &Table, spans: &mut Vec<Range<usize>>) {
    for entry in table.values() {
        let span = entry.node.location.span.clone();
        match &entry.node.value {
            // A header's place is its own line, so taking it in does no harm.
            Value::Table(inner) => {
                spans.push(span);
                value_spans(inner, spans);
            }
            Value::Array(items) => {
                spans.push(span);
                for item in items {
                    if let Value::Table(inner) = &item.value {
                        value_spans(inner, spans);
                    }
                }
            }
            Value::String(_) => spans.push(span),
            _ => {}
        }
    }
}

/// The whole lines that a span touches, with the line break at their end.
fn line_around(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline + 1);
    start..end
}

/// The start of the next line that begins with `[`, from a line's start on.
fn next_header(text: &str, from: usize) -> usize {
    let mut at = from;
    for line in text[from..].split_inclusive('\n') {
        if line.trim_start().starts_with('[') {
            return at;
        }
        at += line.len();
    }
    text.len()
}

/// The text with spaces for the statements, so that every other offset stays.
fn blanked(text: &str, statements: &[Statement]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut done = 0;
    for statement in statements {
        let start = statement.lines.start.max(done);
        let end = statement.lines.end.max(start);
        result.push_str(&text[done..start]);
        result.extend(text[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
        done = end;
    }
    result.push_str(&text[done..]);
    result
}

/// Says a mistake in our words where the parser's need a grammar to understand.
fn syntax_problem(source: &Source, root: &Table, statement: &Statement) -> Problem {
    let text = source.text();
    let Mistake { span, words } = &statement.mistake;
    let place = Location::new(source.id(), span.clone());
    let written = text[span.clone()].trim();
    let line = &text[line_around(text, span.clone())];

    if words.starts_with("duplicate key") {
        let name = written.trim_matches(['"', '\'']);
        let problem = Problem::error("manifest::duplicate-key", format!("`{name}` is written twice"))
            .label(place, "the second time")
            .help("keep one of the two");
        return match first_of(text, root, source.id(), span, line) {
            Some(first) => problem.label(first, "the first time"),
            None => problem,
        };
    }
    if words.starts_with("cannot recurse") || words.starts_with("recursion limit") || words == TOO_DEEP {
        return Problem::error(
            "manifest::too-deep",
            format!("lists and tables stand in one another more than {MAXIMUM_DEPTH} deep"),
        )
        .label(place, "this is too deep")
        .help("no setting needs that");
    }

    let (message, label, help) = if words.starts_with("string values must be quoted") {
        if written.is_empty() {
            (
                "a value is missing".to_owned(),
                "expected a value here",
                "write a value behind the `=`".to_owned(),
            )
        } else {
            let help = match written.to_ascii_lowercase().as_str() {
                "yes" | "on" | "true" => "write `true`".to_owned(),
                "no" | "off" | "false" => "write `false`".to_owned(),
                _ if written.starts_with('\u{201c}') || written.starts_with('\u{2018}') => {
                    "write straight quotes: \"...\"".to_owned()
                }
                _ => format!("write \"{}\"", written.escape_debug()),
            };
            (
                format!("the value {} is not in quotes", shortened(written)),
                "expected a string in quotes",
                help,
            )
        }
    } else if words.starts_with("key with no value") {
        let help = if line.contains(':') && !line.contains('=') {
            "TOML writes `key = value`, with `=` and not with `:`"
        } else {
            "write `key = value`; a table's name stands in brackets: `[table]`"
        };
        ("a key has no value".to_owned(), "expected `=` and a value", help.to_owned())
    } else if words.starts_with("unclosed array") {
        ("a list is not closed".to_owned(), "expected `]`", "close the list with `]`".to_owned())
    } else if words.starts_with("unclosed inline table") {
        ("a table is not closed".to_owned(), "expected `}`", "close the table with `}`".to_owned())
    } else if words.starts_with("unclosed table") || words.starts_with("unclosed array of tables") {
        (
            "a table's header is not closed".to_owned(),
            "expected `]`",
            "close the header as it was opened: `[table]` or `[[table]]`".to_owned(),
        )
    } else if words.starts_with("missing comma") {
        ("a comma is missing".to_owned(), "expected `,`", "separate the items with commas".to_owned())
    } else if words.starts_with("invalid boolean") {
        (
            format!("{} is not true or false", shortened(written)),
            "expected `true` or `false`",
            "write `true` or `false`, in lower case".to_owned(),
        )
    } else if words.starts_with("invalid basic string, expected `\"`")
        || words.starts_with("invalid literal string, expected `'`")
    {
        (
            "a string is not closed".to_owned(),
            "expected the closing quote",
            "close the string with the quote it began with, on the same line".to_owned(),
        )
    } else if words.starts_with("invalid multi-line") {
        (
            "a string of several lines is not closed".to_owned(),
            "expected the closing quotes",
            "close the string with the three quotes it began with".to_owned(),
        )
    } else if words.starts_with("missing escaped value") {
        (
            "a backslash begins an escape that does not exist".to_owned(),
            "expected one of b, e, f, n, r, t, \\, \", x, u, U",
            "write `\\\\` for a backslash, or put the string in single quotes; paths take forward slashes"
                .to_owned(),
        )
    } else if words.starts_with("number does not fit") {
        (
            format!("the number {} does not fit into 64 bits", shortened(written)),
            "too large",
            "write a smaller number".to_owned(),
        )
    } else {
        return Problem::error("manifest::syntax", format!("{} is not valid TOML: {words}", source.name()))
            .label(place, "here")
            .help("the syntax is described at https://toml.io");
    };
    Problem::error("manifest::syntax", message).label(place, label).help(help)
}

/// What was written, in code quotes, as far as a line of a message has room for it.
fn shortened(written: &str) -> String {
    let mut start: String = written.chars().take(40).flat_map(char::escape_debug).collect();
    if written.chars().count() > 40 {
        start.push('…');
    }
    format!("`{start}`")
}

/// Where a key was written before it was written again.
fn first_of(text: &str, root: &Table, id: SourceId, again: &Range<usize>, line: &str) -> Option<Location> {
    // A header: the same header on an earlier line.
    let header = line.trim_start();
    if header.starts_with('[') {
        let end = header.find(']')?;
        let header = &header[..=end];
        let mut at = 0;
        for earlier in text[..again.start].split_inclusive('\n') {
            let indent = earlier.len() - earlier.trim_start().len();
            if earlier.trim_start().starts_with(header) {
                return Some(Location::new(id, at + indent..at + indent + header.len()));
            }
            at += earlier.len();
        }
        return None;
    }
    // A key: the one of that name that stands nearest before it, with no header between.
    let name = text.get(again.clone())?.trim_matches(['"', '\'']);
    let mut keys = Vec::new();
    key_spans(root, name, &mut keys);
    let first = keys.into_iter().filter(|span| span.end <= again.start).max_by_key(|span| span.start)?;
    let between = text.get(first.end..again.start)?;
    let section_between = between.lines().skip(1).any(|line| line.trim_start().starts_with('['));
    (!section_between).then(|| Location::new(id, first))
}

/// Where keys of this name stand, at any depth.
fn key_spans(table: &Table, name: &str, spans: &mut Vec<Range<usize>>) {
    for (key, entry) in table {
        if key == name {
            spans.push(entry.key.span.clone());
        }
        match &entry.node.value {
            Value::Table(inner) => key_spans(inner, name, spans),
            Value::Array(items) => {
                for item in items {
                    if let Value::Table(inner) = &item.value {
                        key_spans(inner, name, spans);
                    }
                }
            }
            _ => {}
        }
    }
}
