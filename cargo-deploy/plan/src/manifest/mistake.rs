//! Syntax errors: which of a parser's complaints are one mistake, what the mistake is called, and what is left of a
//! text without it.

use std::cmp::Reverse;
use std::ops::Range;

use super::document::{MAXIMUM_DEPTH, Node, Table, Value, line_length, string_length};
use super::problem::Problem;
use super::source::{Location, Source, without_credentials};

/// How many statements with mistakes are told of a text. What comes after so many is noise.
pub(crate) const MAXIMUM_STATEMENTS: usize = 50;

/// The words of a [`Mistake`] that our own depth limit makes.
pub(crate) const TOO_DEEP: &str = "nested too deep";

/// Something the parser did not like.
pub(crate) struct Mistake {
    /// Where.
    pub(crate) span: Range<usize>,
    /// The parser's words.
    pub(crate) words: String,
}

impl Mistake {
    fn is(&self, words: &str) -> bool {
        self.words.starts_with(words)
    }
}

/// A statement (a header, or a key with its value) that has a mistake in it.
pub(crate) struct Statement {
    /// The lines it is in.
    lines: Range<usize>,
    /// Where what depends on it ends: of a header, its section.
    reach: usize,
    /// The mistake that says most.
    mistake: Mistake,
    /// The quotes that are not closed, if that is the mistake.
    opening: Option<Range<usize>>,
}

/// Looks for brackets without an end, statement by statement.
#[derive(Default)]
struct BracketScan {
    /// The brackets that are open, and where.
    open: Vec<(u8, usize)>,
    /// The first bracket of the statement that turned out to have no end.
    unclosed: Option<(u8, usize)>,
    /// Where the statement begins.
    start: usize,
    /// Whether its `=` was seen; brackets in front of it are no brackets of a value.
    in_value: bool,
    /// The last byte that is neither space nor comment.
    last: u8,
    found: Vec<Statement>,
}

impl BracketScan {
    /// Takes in one byte that is in no string and no comment.
    fn byte(&mut self, at: usize, byte: u8) {
        match byte {
            b'=' => self.in_value = true,
            b'[' | b'{' if self.in_value => self.open.push((byte, at)),
            b']' | b'}' => {
                let opening = if byte == b']' { b'[' } else { b'{' };
                // A bracket that closes one further out leaves those between without an end.
                if let Some(matching) = self.open.iter().rposition(|(open, _)| *open == opening) {
                    let between = self.open.get(matching + 1).copied();
                    self.unclosed = self.unclosed.or(between);
                    self.open.truncate(matching);
                }
            }
            _ => {}
        }
        if !byte.is_ascii_whitespace() {
            self.last = byte;
        }
    }

    /// Takes in the start of a line that is not in a string. Whether brackets on this line count.
    fn line(&mut self, text: &str, at: usize) -> bool {
        let line = text[at..].split_inclusive('\n').next().unwrap_or("");
        let Some((innermost, _)) = self.open.last() else {
            self.end_statement(at);
            return !line.trim_start().starts_with('[');
        };
        // No item of a list begins like that, nor does an entry of a table without a comma before it (TOML 1.1 lets
        // inline tables have several lines).
        let next_statement = begins_header(line)
            || begins_key(line) && (*innermost == b'[' || !matches!(self.last, b',' | b'{'));
        if next_statement {
            self.unclosed = self.unclosed.or(self.open.last().copied());
            self.end_statement(at);
            return !begins_header(line);
        }
        true
    }

    fn end_statement(&mut self, at: usize) {
        self.open.clear();
        if let Some((bracket, opening)) = self.unclosed.take() {
            let words = if bracket == b'[' { "unclosed array," } else { "unclosed inline table" };
            self.found.push(Statement {
                lines: self.start..at,
                reach: at,
                mistake: Mistake { span: opening..opening + 1, words: words.to_owned() },
                opening: None,
            });
        }
        self.start = at;
        self.in_value = false;
    }
}

impl Statement {
    /// The statements in which a bracket has no end. A parser would take what follows for more of the list or the
    /// table, and everything in it for a mistake.
    pub(crate) fn unclosed(text: &str) -> Vec<Self> {
        let bytes = text.as_bytes();
        let mut scan = BracketScan::default();
        let mut at = 0;
        let mut line_begins = true;
        while let Some(byte) = bytes.get(at) {
            if std::mem::take(&mut line_begins) && !scan.line(text, at) {
                at += line_length(&bytes[at..]);
            }
            match bytes.get(at).unwrap_or(byte) {
                b'#' => at += line_length(&bytes[at..]),
                quote @ (b'"' | b'\'') => {
                    scan.last = *quote;
                    at += string_length(&bytes[at..], *quote);
                }
                b'\n' => {
                    line_begins = true;
                    at += 1;
                }
                other => {
                    scan.byte(at, *other);
                    at += 1;
                }
            }
        }
        scan.unclosed = scan.unclosed.or(scan.open.last().copied());
        scan.end_statement(text.len());
        scan.found
    }

    /// Groups mistakes by statement, in the order of the text. What follows from a first mistake is left out.
    pub(crate) fn with_mistakes(text: &str, root: &Table, mut mistakes: Vec<Mistake>) -> Vec<Self> {
        mistakes.sort_by_key(|mistake| mistake.span.start);
        let mut values = Vec::new();
        value_spans(root, &mut values);
        values.sort_by_key(|span| (span.start, Reverse(span.end)));

        let mut statements: Vec<Self> = Vec::new();
        for mistake in mistakes {
            if let Some(last) = statements.last_mut() {
                // What stands in the lines of a statement with a mistake follows from that mistake, more likely than
                // not. (This also keeps the work linear when one value has a hundred thousand mistakes.)
                if mistake.span.start < last.lines.end {
                    continue;
                }
                // In a table that is there twice, the keys are there twice as well.
                if mistake.span.start < last.reach && mistake.is("duplicate key") {
                    continue;
                }
            }
            if statements.len() > MAXIMUM_STATEMENTS {
                break;
            }
            let mut statement = Self::around(text, &values, mistake);
            match statements.last_mut() {
                Some(last) if statement.lines.start < last.lines.end => {
                    last.lines.end = last.lines.end.max(statement.lines.end);
                }
                _ => {
                    statement.find_opening(text, &values);
                    statements.push(statement);
                }
            }
        }
        statements
    }

    /// The statement that a mistake is in.
    fn around(text: &str, values: &[Range<usize>], mistake: Mistake) -> Self {
        let line = line_around(text, mistake.span.clone());
        // An error that follows from a value without an end may stand right behind the value.
        let lines = values
            .iter()
            .take_while(|span| span.start <= mistake.span.start)
            .filter(|span| mistake.span.start <= span.end)
            .map(|span| line_around(text, span.clone()))
            .fold(line, |lines, value| lines.start.min(value.start)..lines.end.max(value.end));
        // Without its header, what stands under it would be taken for part of the section before.
        let is_header = text[lines.clone()].trim_start().starts_with('[');
        let reach = if is_header { next_header(text, lines.end) } else { lines.end };
        Self { lines, reach, mistake, opening: None }
    }

    /// Finds the quotes that have no end, if that is the mistake.
    fn find_opening(&mut self, text: &str, values: &[Range<usize>]) {
        if !self.mistake.is("invalid multi-line") {
            return;
        }
        let at = self.mistake.span.start;
        let around = values.iter().filter(|span| span.start <= at && at <= span.end);
        let quoted = |span: &&Range<usize>| {
            text[span.start..].starts_with("\"\"\"") || text[span.start..].starts_with("'''")
        };
        self.opening = around.filter(quoted).map(|span| span.start..span.start + 3).next_back();
    }

    /// The text with spaces in place of the statements and of what depends on them, so that every other offset stays.
    pub(crate) fn blanked(text: &str, statements: &[Self]) -> String {
        let mut result = String::with_capacity(text.len());
        let mut done = 0;
        for statement in statements {
            let untrusted = statement.untrusted(text);
            let start = untrusted.start.max(done);
            let end = untrusted.end.max(start);
            result.push_str(&text[done..start]);
            result.extend(text[start..end].bytes().map(|byte| if byte == b'\n' { '\n' } else { ' ' }));
            done = end;
        }
        result.push_str(&text[done..]);
        result
    }

    /// What cannot be trusted because of the mistake.
    fn untrusted(&self, text: &str) -> Range<usize> {
        // What stands in front of a surplus is complete.
        if self.mistake.is(SURPLUS) {
            return self.mistake.span.start..self.lines.end;
        }
        let whole = self.lines.start..self.lines.end.max(self.reach);
        let Some(opening) = self.opening.as_ref().filter(|_| self.mistake.is("invalid multi-line")) else {
            return whole;
        };
        // A string without an end takes in the rest of the text. What looks like a header most likely is one.
        let mut at = line_around(text, opening.clone()).end;
        for line in text[at..whole.end].split_inclusive('\n') {
            if begins_header(line) {
                break;
            }
            at += line.len();
        }
        whole.start..at
    }

    /// The mistake in our words.
    pub(crate) fn problem(&self, source: &Source, root: &Table) -> Problem {
        let text = source.text();
        let span = &self.mistake.span;
        let place = Location::new(source.id(), span.clone());
        if self.mistake.is("duplicate key") {
            return self.duplicate_key(source, root);
        }
        if ["cannot recurse", "recursion limit", TOO_DEEP].iter().any(|words| self.mistake.is(words)) {
            return too_deep(place);
        }
        let line = &text[line_around(text, span.clone())];
        let (place, written) = if UNQUOTED.iter().any(|words| self.mistake.is(words)) {
            let token = token_around(text, span);
            (Location::new(source.id(), token.clone()), &text[token])
        } else {
            (place, text[span.clone()].trim())
        };
        let Some(wording) = WORDINGS.iter().find(|wording| wording.fits(&self.mistake, written, line)) else {
            let message = format!("{} is not valid TOML: {}", source.name(), self.mistake.words);
            return Problem::error("manifest::syntax", message)
                .label(place, "expected something else")
                .help("the syntax is described at https://toml.io");
        };
        let place = match &self.opening {
            Some(opening) => Location::new(source.id(), opening.clone()),
            None => place,
        };
        let fill = |words: &str| words.replace("{written}", &shortened(written));
        Problem::error("manifest::syntax", fill(wording.message))
            .label(place, wording.label)
            .help(fill(wording.help))
    }

    fn duplicate_key(&self, source: &Source, root: &Table) -> Problem {
        let text = source.text();
        let span = &self.mistake.span;
        let written = text[span.clone()].trim();
        let name = shortened(written.trim_matches(['"', '\'']));
        let problem = Problem::error("manifest::duplicate-key", format!("`{name}` is written twice"))
            .label(Location::new(source.id(), span.clone()), "the second time")
            .help("keep one of the two");
        match first_of(text, root, span) {
            Some(first) => problem.label(Location::new(source.id(), first), "the first time"),
            None => problem,
        }
    }
}

/// Brackets, headers or dotted keys that stand too deep in one another.
pub(crate) fn too_deep(place: Location) -> Problem {
    let message = format!("lists and tables stand in one another more than {MAXIMUM_DEPTH} deep");
    Problem::error("manifest::too-deep", message)
        .label(place, "this is too deep")
        .help("no setting needs that; is a bracket missing before this place?")
}

/// How a mistake is called that the parser has other words for. `{written}` is what stands there.
struct Wording {
    /// What the parser's words begin with, one of these.
    parser: &'static [&'static str],
    /// What is the case.
    message: &'static str,
    /// What was expected at the place.
    label: &'static str,
    /// How to mend it.
    help: &'static str,
    /// Whether it is this mistake, by what stands there and by its line.
    applies: fn(written: &str, line: &str) -> bool,
}

impl Wording {
    fn fits(&self, mistake: &Mistake, written: &str, line: &str) -> bool {
        self.parser.iter().any(|words| mistake.is(words)) && (self.applies)(written, line)
    }
}

fn always(_: &str, _: &str) -> bool {
    true
}

fn looks_like_yaml(_: &str, line: &str) -> bool {
    line.contains(':') && !line.contains('=')
}

fn has_single_quote(_: &str, line: &str) -> bool {
    line.contains('\'')
}

fn is_empty(written: &str, _: &str) -> bool {
    written.is_empty()
}

fn means_true(written: &str, _: &str) -> bool {
    ["yes", "on", "true"].iter().any(|word| written.eq_ignore_ascii_case(word))
}

fn means_false(written: &str, _: &str) -> bool {
    ["no", "off", "false"].iter().any(|word| written.eq_ignore_ascii_case(word))
}

fn means_nothing(written: &str, _: &str) -> bool {
    ["null", "none", "nil", "undefined", "~"].iter().any(|word| written.eq_ignore_ascii_case(word))
}

fn begins_like_a_number(written: &str, _: &str) -> bool {
    written.starts_with(|first: char| first.is_ascii_digit() || matches!(first, '+' | '-' | '.'))
}

fn has_curly_quotes(written: &str, _: &str) -> bool {
    written.starts_with(['\u{2018}', '\u{2019}', '\u{201c}', '\u{201d}', '\u{201e}', '\u{ab}'])
}

/// What the parser says of a value without quotes, by what it took it for.
const UNQUOTED: &[&str] = &[
    "string values must be quoted",
    "invalid binary number",
    "invalid boolean",
    "invalid date",
    "invalid exponent",
    "invalid float",
    "invalid fraction",
    "invalid hexadecimal number",
    "invalid integer",
    "invalid mantissa",
    "invalid number",
    "invalid octal number",
    "invalid time",
    "integers with a radix cannot be signed",
    "radix must be lowercase",
    "redundant",
    "unexpected leading zero",
    "unexpected sign",
    "`_` may only go between digits",
];

/// What the parser says of something behind a complete statement on its line.
const SURPLUS: &str = "unexpected key or value";

/// The first row that fits is taken.
const WORDINGS: &[Wording] = &[
    Wording {
        parser: &["string values must be quoted"],
        message: "a value is missing",
        label: "expected a value",
        help: "write a value behind the `=`",
        applies: is_empty,
    },
    Wording {
        parser: UNQUOTED,
        message: "`{written}` is not a value",
        label: "expected a value",
        help: "write `true`, or \"{written}\" if it is a text",
        applies: means_true,
    },
    Wording {
        parser: UNQUOTED,
        message: "`{written}` is not a value",
        label: "expected a value",
        help: "write `false`, or \"{written}\" if it is a text",
        applies: means_false,
    },
    Wording {
        parser: UNQUOTED,
        message: "`{written}` is not a value",
        label: "expected a value",
        help: "TOML has no word for nothing: leave the key out",
        applies: means_nothing,
    },
    Wording {
        parser: UNQUOTED,
        message: "the value `{written}` is not in straight quotes",
        label: "expected a string in straight quotes",
        help: "write \"...\" with the straight quotes of the keyboard",
        applies: has_curly_quotes,
    },
    Wording {
        parser: &["unexpected leading zero"],
        message: "the number `{written}` begins with a zero",
        label: "expected a number",
        help: "leave the zero out, or write \"{written}\" if it is a text",
        applies: always,
    },
    Wording {
        parser: UNQUOTED,
        message: "the value `{written}` is not in quotes, and is not a number or a date either",
        label: "expected a value",
        help: "write \"{written}\" if it is a text",
        applies: begins_like_a_number,
    },
    Wording {
        parser: UNQUOTED,
        message: "the value `{written}` is not in quotes",
        label: "expected a string in quotes",
        help: "write \"{written}\"",
        applies: always,
    },
    Wording {
        parser: &["key with no value"],
        message: "a key has no value",
        label: "expected `=` and a value",
        help: "TOML writes `key = value`, with `=` and not with `:`",
        applies: looks_like_yaml,
    },
    Wording {
        parser: &["key with no value"],
        message: "a key has no value",
        label: "expected `=` and a value",
        help: "write `key = value`; a table's name stands in brackets: `[table]`",
        applies: always,
    },
    Wording {
        parser: &["invalid unquoted key"],
        message: "`{written}` cannot stand in a key without quotes",
        label: "expected letters, digits, `-` and `_`",
        help: "TOML writes `key = value`, with `=` and not with `:`; a table's name stands in brackets: `[table]`",
        applies: looks_like_yaml,
    },
    Wording {
        parser: &["invalid unquoted key"],
        message: "`{written}` cannot stand in a key without quotes",
        label: "expected letters, digits, `-` and `_`",
        help: "put the key in quotes",
        applies: always,
    },
    Wording {
        parser: &["invalid key-value pair"],
        message: "a line begins with something that is no key",
        label: "expected a key or a header",
        help: "write `key = value`; a table's name stands in brackets: `[table]`",
        applies: always,
    },
    Wording {
        parser: &["unquoted keys cannot be empty"],
        message: "a key is missing",
        label: "expected a key",
        help: "write `key = value`",
        applies: always,
    },
    Wording {
        parser: &["unclosed array,"],
        message: "a list is not closed",
        label: "this `[` has no `]`",
        help: "close the list with `]`",
        applies: always,
    },
    Wording {
        parser: &["unclosed inline table"],
        message: "a table is not closed",
        label: "this `{` has no `}`",
        help: "close the table with `}`",
        applies: always,
    },
    Wording {
        parser: &["unclosed array table"],
        message: "a header is not closed",
        label: "expected `]]`",
        help: "close the header as it was opened: `[[table]]`",
        applies: always,
    },
    Wording {
        parser: &["unclosed table"],
        message: "a header is not closed",
        label: "expected `]`",
        help: "close the header as it was opened: `[table]`",
        applies: always,
    },
    Wording {
        parser: &[SURPLUS],
        message: "something stands behind the end of a statement",
        label: "expected the end of the line",
        help: "write each `key = value` and each `[table]` on a line of its own",
        applies: always,
    },
    Wording {
        parser: &["missing comma"],
        message: "a comma is missing",
        label: "expected `,`",
        help: "separate the items with commas",
        applies: always,
    },
    Wording {
        parser: &["extra comma"],
        message: "there is a comma too many",
        label: "expected an item",
        help: "remove this comma",
        applies: always,
    },
    Wording {
        parser: &["invalid basic string, expected `\"`"],
        message: "a string is not closed",
        label: "expected the closing quote",
        help: "close the string with the quote it began with, on the same line",
        applies: always,
    },
    Wording {
        parser: &["invalid literal string, expected `'`"],
        message: "a string is not closed",
        label: "expected the closing quote",
        help: "close the string with the quote it began with, on the same line",
        applies: has_single_quote,
    },
    Wording {
        // The parser looks for a value in front of `}` and takes the nothing there for a string.
        parser: &["invalid literal string, expected `'`"],
        message: "a value is missing",
        label: "expected a value",
        help: "write `{ key = value, other = value }`",
        applies: always,
    },
    Wording {
        parser: &["missing opening quote"],
        message: "a value has a closing quote and no opening one",
        label: "expected the opening quote",
        help: "put the whole value in quotes",
        applies: always,
    },
    Wording {
        parser: &[
            "invalid basic string, expected non",
            "invalid literal string, expected non",
            "invalid comment character",
        ],
        message: "a control character stands in a text or in a comment",
        label: "this character is not allowed",
        help: "leave it out, or write it as an escape such as `\\u001b` in a string in double quotes",
        applies: always,
    },
    Wording {
        parser: &["carriage return must be followed by newline"],
        message: "a carriage return stands alone",
        label: "expected the end of the line",
        help: "save the file with the line ends of Unix or of Windows",
        applies: always,
    },
    Wording {
        parser: &["too few unicode value digits", "invalid value, expected unicode"],
        message: "an escape has too few digits, or names no character",
        label: "expected a hexadecimal digit",
        help: "write `\\u` with four digits or `\\U` with eight",
        applies: always,
    },
    Wording {
        parser: &["extra `=`"],
        message: "there is a `=` too many",
        label: "expected a value",
        help: "write `key = value`",
        applies: always,
    },
    Wording {
        parser: &["unexpected `=` in array"],
        message: "a list holds `key = value`",
        label: "expected `,` or `]`",
        help: "put the tables of a list in braces: `[{ key = value }]`",
        applies: always,
    },
    Wording {
        parser: &["missing array opening", "missing inline table opening", "missing table open"],
        message: "a bracket closes and was not opened",
        label: "this bracket",
        help: "remove it, or open it",
        applies: always,
    },
    Wording {
        parser: &["keys cannot be multi-line"],
        message: "a key stands in three quotes",
        label: "expected a key",
        help: "put the key in single quotes, or in none",
        applies: always,
    },
    Wording {
        parser: &[
            "extra assignment between key-value pairs",
            "invalid inline table element",
            "missing assignment between key-value pairs",
            "missing key for inline table element",
            "missing value for key",
        ],
        message: "an entry of a table in braces is not `key = value`",
        label: "expected `key = value`",
        help: "write `{ key = value, other = value }`",
        applies: always,
    },
    Wording {
        parser: &["invalid multi-line"],
        message: "a string of several lines is not closed",
        label: "these quotes are not closed",
        help: "close the string with the three quotes it began with",
        applies: always,
    },
    Wording {
        parser: &["missing escaped value"],
        message: "a backslash begins an escape that does not exist",
        label: "expected one of b, e, f, n, r, t, \\, \", x, u, U",
        help: "write `\\\\` for a backslash, or put the string in single quotes; paths take forward slashes",
        applies: always,
    },
    Wording {
        parser: &["number does not fit"],
        message: "the number `{written}` does not fit into 64 bits",
        label: "this number",
        help: "numbers go from -2^63 to 2^63 - 1",
        applies: always,
    },
    Wording {
        parser: &["cannot extend value of type"],
        message: "`{written}` has a value already and cannot have keys",
        label: "expected a table",
        help: "write the table's keys under `[{written}]`, and no other value for it",
        applies: always,
    },
];

/// What was written, as far as a line of a message has room for it.
fn shortened(written: &str) -> String {
    let written = without_credentials(written);
    let mut start = written.chars().take(40).collect::<String>().escape_debug().to_string();
    if written.chars().count() > 40 {
        start.push('…');
    }
    start.replace("\\'", "'").replace("\\\"", "\"")
}

/// Where each value stands that a mistake can be in.
fn value_spans(table: &Table, spans: &mut Vec<Range<usize>>) {
    for entry in table.values() {
        node_spans(&entry.node, spans);
    }
}

fn node_spans(node: &Node, spans: &mut Vec<Range<usize>>) {
    match &node.value {
        // A header's place is its own line, so taking it in does no harm.
        Value::Table(inner) => {
            spans.push(node.location.span.clone());
            value_spans(inner, spans);
        }
        Value::Array(items) => {
            spans.push(node.location.span.clone());
            items.iter().for_each(|item| node_spans(item, spans));
        }
        Value::String(_) => spans.push(node.location.span.clone()),
        _ => {}
    }
}

/// The whole lines that a span touches, with the line break at their end.
fn line_around(text: &str, span: Range<usize>) -> Range<usize> {
    let start = text[..span.start].rfind('\n').map_or(0, |newline| newline + 1);
    let end = text[span.end..].find('\n').map_or(text.len(), |newline| span.end + newline + 1);
    start..end
}

/// The value that a span is in or at, without quotes, as far as it is one word. Spans of several words stay.
fn token_around(text: &str, span: &Range<usize>) -> Range<usize> {
    let ends =
        |letter: char| letter.is_whitespace() || matches!(letter, '=' | ',' | '[' | ']' | '{' | '}' | '#');
    let start = text[..span.start]
        .rfind(ends)
        .map_or(0, |at| at + text[at..].chars().next().map_or(1, char::len_utf8));
    let end = text[span.end..].find(ends).map_or(text.len(), |length| span.end + length);
    let token = &text[start..end];
    let indent = token.len() - token.trim_start().len();
    start + indent..start + indent + token.trim().len()
}

/// Whether a line is a header such as `[app]`, and cannot be an item of a list.
fn begins_header(line: &str) -> bool {
    let Some(inner) = line.trim_start().strip_prefix('[') else { return false };
    let name = inner.trim_start_matches('[').split(']').next().unwrap_or("");
    let word = name.trim();
    inner.contains(']')
        && word.starts_with(|first: char| first.is_ascii_alphabetic())
        && word.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'"'))
        && !matches!(word, "true" | "false" | "inf" | "nan")
}

/// Whether a line begins with `key =`.
fn begins_key(line: &str) -> bool {
    let Some((key, _)) = line.split_once('=') else { return false };
    let key = key.trim();
    !key.is_empty()
        && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
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

/// Where a key was written before it was written again.
fn first_of(text: &str, root: &Table, again: &Range<usize>) -> Option<Range<usize>> {
    let line = &text[line_around(text, again.clone())];
    // A header: the same header on an earlier line.
    let header = line.trim_start();
    if header.starts_with('[') {
        let header = header.split_inclusive(']').next()?;
        let mut at = 0;
        for earlier in text[..again.start].split_inclusive('\n') {
            let indent = earlier.len() - earlier.trim_start().len();
            if earlier.trim_start().starts_with(header) {
                return Some(at + indent..at + indent + header.len());
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
    (!section_between).then_some(first)
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
                for inner in items.iter().filter_map(Node::as_table) {
                    key_spans(inner, name, spans);
                }
            }
            _ => {}
        }
    }
}
