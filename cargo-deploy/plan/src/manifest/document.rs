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
use super::mistake::{self, MAXIMUM_STATEMENTS, Mistake, Statement, TOO_DEEP};
use super::problem::Problem;
use super::source::{Location, Source, SourceId, SourceKind, Sources};

/// The largest manifest that is read, in bytes.
pub const MAXIMUM_SIZE: usize = 1 << 20;

/// The largest `Cargo.toml` that is read for its metadata, in bytes. Generated ones are large.
pub const MAXIMUM_CARGO_SIZE: usize = 16 << 20;

/// How deep lists and tables can stand in one another.
pub const MAXIMUM_DEPTH: usize = 64;

/// How often the rest is parsed again without the statements that had mistakes.
const MAXIMUM_ROUNDS: usize = 16;

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
        SourceKind::PackageMetadata | SourceKind::WorkspaceMetadata | SourceKind::DebMetadata => {
            MAXIMUM_CARGO_SIZE
        }
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

    let unclosed = Statement::unclosed(source.text());
    let mut text = Statement::blanked(source.text(), &unclosed);
    let mut problems: Vec<Problem> = unclosed
        .iter()
        .take(MAXIMUM_STATEMENTS)
        .map(|statement| statement.problem(source, &Table::new()))
        .collect();
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
        let statements = Statement::with_mistakes(&text, &root, mistakes);
        problems.extend(statements.iter().map(|statement| statement.problem(source, &root)));
        if problems.len() > MAXIMUM_STATEMENTS {
            break;
        }
        text = Statement::blanked(&text, &statements);
    }
    if problems.len() > MAXIMUM_STATEMENTS {
        problems.truncate(MAXIMUM_STATEMENTS);
        let message = format!("{} has more syntax errors than these", source.name());
        let end = source.text().len();
        problems.push(Problem::error("manifest::more", message).label(Location::new(id, end..end), ""));
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
                    return Some(mistake::too_deep(Location::new(id, at..at + 1)));
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
pub(crate) fn line_length(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| *byte == b'\n').unwrap_or(bytes.len())
}

/// Bytes of the string at the front, with its quotes. A string that is not closed ends with its line, or with the
/// text if it can have several lines (TOML 1.0, section String).
pub(crate) fn string_length(bytes: &[u8], quote: u8) -> usize {
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
                Err(_) if number.as_str().is_empty() => self.refuse(span.clone(), "invalid number"),
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
