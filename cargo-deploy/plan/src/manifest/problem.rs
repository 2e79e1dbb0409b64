//! What is wrong with a manifest, as plain data and as a picture of the place.

use std::collections::BTreeMap;
use std::error::Error;
use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use miette::{
    Diagnostic, LabeledSpan, MietteError, MietteSpanContents, SourceCode, SourceSpan, SpanContents,
};
use serde::Serialize;

use super::source::{Location, Position, SourceId, Sources, spelled_out};

/// Every code that a reading can give, with what it means in one sentence. The reference page is made from it.
pub const CODES: &[(&str, &str)] = &[
    ("manifest::encoding", "A file is not UTF-8."),
    ("manifest::too-large", "A file is larger than any manifest needs to be."),
    ("manifest::too-deep", "Lists and tables stand in one another more than 64 deep."),
    ("manifest::syntax", "A text is not valid TOML."),
    ("manifest::duplicate-key", "A key or a table is written twice in one file."),
    ("manifest::unknown-key", "A key is not one that this version knows at that place."),
    (
        "manifest::wrong-type",
        "A value is of another kind than its key takes: a string for a list, for example.",
    ),
    ("manifest::wrong-value", "A value is not one of the few that its key takes."),
    ("manifest::out-of-range", "A number is smaller or larger than its key takes."),
    ("manifest::wrong-length", "A text or a list is shorter or longer than its key takes."),
    (
        "manifest::wrong-text",
        "A text does not have the form that its key takes: a size, a digest, a path, and so on.",
    ),
    ("manifest::repeated-item", "A list that names each thing once names one twice."),
    ("manifest::missing-key", "A table lacks a key that it cannot do without."),
    ("manifest::conflicting-keys", "A table has two keys of which it can have only one."),
    ("manifest::set-twice", "A key is set both in Deploy.toml and in the metadata of the same Cargo.toml."),
    ("manifest::schema-version", "A manifest is written for another version of the manifest's format."),
    ("manifest::required-version", "A manifest asks for another version of cargo-deploy."),
    ("manifest::config-argument", "A --config argument is not one KEY=VALUE."),
    (
        "manifest::environment-variable",
        "A CARGO_DEPLOY_ variable does not name one setting, or its value cannot be read.",
    ),
    (
        "manifest::unreadable",
        "The checks passed and the values could still not be taken over, which is a bug.",
    ),
    ("manifest::more", "There are more problems than are worth showing at once."),
];

/// Whether a problem stops the run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// It does.
    Error,
    /// It does not.
    Warning,
}

/// A place with a few words about it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Label {
    /// Where.
    pub location: Location,
    /// What is to be seen there; may be empty.
    pub text: String,
}

/// One thing that somebody has to mend.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// One of [`CODES`], or a code of whoever checks further.
    pub code: &'static str,
    /// Whether it stops the run.
    pub severity: Severity,
    /// What is the case, on one line.
    pub message: String,
    /// How to mend it.
    pub help: Option<String>,
    /// The places it is about, the most important one first.
    pub labels: Vec<Label>,
    /// The text it is about, for problems that have no place in it.
    pub source: Option<SourceId>,
    /// The dotted path of the setting.
    pub field: Option<String>,
    /// What was found, in words.
    pub found: Option<String>,
    /// What was expected, in words.
    pub expected: Option<String>,
}

impl Problem {
    /// An error that says this and nothing more yet. Control characters in it are spelled out, as in all texts that
    /// are added to it.
    pub fn error(code: &'static str, message: impl Into<String>) -> Self {
        Self {
            code,
            severity: Severity::Error,
            message: spelled_out(message.into()),
            help: None,
            labels: Vec::new(),
            source: None,
            field: None,
            found: None,
            expected: None,
        }
    }

    /// With words on how to mend it.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(spelled_out(help.into()));
        self
    }

    /// With one more place.
    #[must_use]
    pub fn label(mut self, location: Location, text: impl Into<String>) -> Self {
        self.labels.push(Label { location, text: spelled_out(text.into()) });
        self
    }

    /// About a text as a whole.
    #[must_use]
    pub fn about(mut self, source: SourceId) -> Self {
        self.source = Some(source);
        self
    }

    /// About a setting.
    #[must_use]
    pub fn field(mut self, path: impl fmt::Display) -> Self {
        self.field = Some(path.to_string());
        self
    }

    /// With what was found and what was expected.
    #[must_use]
    pub fn mismatch(mut self, found: impl Into<String>, expected: impl Into<String>) -> Self {
        self.found = Some(spelled_out(found.into()));
        self.expected = Some(spelled_out(expected.into()));
        self
    }

    /// Where it is sorted in.
    fn order(&self) -> (Option<SourceId>, usize, usize, &'static str, &str) {
        let place = self.labels.first().map(|label| &label.location);
        (
            place.map(|location| location.source).or(self.source),
            place.map_or(0, |location| location.span.start),
            place.map_or(0, |location| location.span.end),
            self.code,
            &self.message,
        )
    }

    /// The problem for machines, one JSON object.
    pub fn record(&self, sources: &Sources) -> ProblemRecord {
        let places: Vec<PlaceRecord> =
            self.labels.iter().filter_map(|label| PlaceRecord::of(label, sources)).collect();
        ProblemRecord {
            code: self.code.to_owned(),
            severity: self.severity,
            message: self.message.clone(),
            help: self.help.clone(),
            file: places.first().map(|place| place.file.clone()).or_else(|| {
                self.source.and_then(|id| sources.get(id)).map(|source| source.name().to_owned())
            }),
            start: places.first().map(|place| place.start),
            end: places.first().map(|place| place.end),
            field: self.field.clone(),
            found: self.found.clone(),
            expected: self.expected.clone(),
            related: places.into_iter().skip(1).collect(),
        }
    }

    /// The problem with its texts attached, ready for miette's report handlers.
    pub fn diagnostic(&self, sources: &Sources) -> ProblemDiagnostic {
        let mut texts = Texts::default();
        texts.add(self, sources);
        self.diagnostic_with(sources, &texts)
    }

    fn diagnostic_with(&self, sources: &Sources, texts: &Texts) -> ProblemDiagnostic {
        let mut labels = Vec::new();
        let mut elsewhere = Vec::new();
        let primary = self.labels.first().map(|label| &label.location);
        for (position, label) in self.labels.iter().enumerate() {
            let Some(text) = texts.0.get(&label.location.source) else { continue };
            let span = marked(&text.text, &label.location.span);
            let words = (!label.text.is_empty()).then(|| label.text.clone());
            let far = primary.is_some_and(|primary| {
                primary.source != label.location.source
                    || primary.span.start.abs_diff(label.location.span.start) > MAXIMUM_DISTANCE
            });
            if position == 0 {
                labels.push(LabeledSpan::new_primary_with_span(words, span));
            } else if !far {
                labels.push(LabeledSpan::new_with_span(words, span));
            } else {
                elsewhere.push(ElsewhereDiagnostic {
                    message: format!("see also {}", sources.describe(&label.location)),
                    label: LabeledSpan::new_with_span(words, span),
                    text: text.clone(),
                });
            }
        }
        let text = primary.and_then(|primary| texts.0.get(&primary.source)).cloned();
        ProblemDiagnostic { problem: self.clone(), labels, text, elsewhere }
    }
}

/// The texts of a report as they are shown, each made once.
#[derive(Default)]
struct Texts(BTreeMap<SourceId, NamedText>);

impl Texts {
    fn add(&mut self, problem: &Problem, sources: &Sources) {
        for label in &problem.labels {
            let id = label.location.source;
            if !self.0.contains_key(&id)
                && let Some(source) = sources.get(id)
            {
                self.0
                    .insert(id, NamedText { name: source.name().to_owned(), text: source.printable_text() });
            }
        }
    }
}

/// How many bytes two places can be from each other to be shown in one picture.
const MAXIMUM_DISTANCE: usize = 1000;

/// How many bytes of a line are shown on each side of a place, and of a line beside it.
const SHOWN_WIDTH: usize = 200;

/// A text for miette. It counts columns in characters (miette counts bytes), and shows no more of a line than a
/// screen has room for (a manifest can be one line of a megabyte).
#[derive(Clone, Debug)]
struct NamedText {
    name: String,
    text: Arc<str>,
}

impl NamedText {
    /// The start of what is shown before a place.
    fn window_start(&self, place: usize, lines: usize) -> usize {
        let mut start = line_start(&self.text, place);
        if place - start > SHOWN_WIDTH {
            return floor_boundary(&self.text, place - SHOWN_WIDTH);
        }
        for _ in 0..lines {
            let before = line_start(&self.text, start.saturating_sub(1));
            if start - before > SHOWN_WIDTH {
                break;
            }
            start = before;
        }
        start
    }

    /// The end of what is shown behind a place.
    fn window_end(&self, place: usize, lines: usize) -> usize {
        let mut end = line_end(&self.text, place);
        if end - place > SHOWN_WIDTH {
            return floor_boundary(&self.text, place + SHOWN_WIDTH);
        }
        for _ in 0..lines {
            let after = line_end(&self.text, end);
            if after - end > SHOWN_WIDTH {
                break;
            }
            end = after;
        }
        end
    }
}

impl SourceCode for NamedText {
    fn read_span<'a>(
        &'a self,
        span: &SourceSpan,
        lines_before: usize,
        lines_after: usize,
    ) -> Result<Box<dyn SpanContents<'a> + 'a>, MietteError> {
        let (from, to) = (span.offset(), span.offset() + span.len());
        if self.text.get(from..to).is_none() {
            return Err(MietteError::OutOfBounds);
        }
        // Without lines around it, miette asks for the place itself, to name its line and column.
        let (start, end) = match (lines_before, lines_after) {
            (0, 0) => (from, to),
            _ => (self.window_start(from, lines_before), self.window_end(to, lines_after)),
        };
        let before = self.text.get(..start).unwrap_or("");
        let data = self.text.get(start..end).unwrap_or("");
        let column = before.rsplit('\n').next().unwrap_or("").chars().count();
        Ok(Box::new(MietteSpanContents::new_named(
            self.name.clone(),
            data.as_bytes(),
            (start, end - start).into(),
            before.matches('\n').count(),
            column,
            data.matches('\n').count(),
        )))
    }
}

/// The start of the line that a place is in.
fn line_start(text: &str, place: usize) -> usize {
    text.get(..place).and_then(|before| before.rfind('\n')).map_or(0, |newline| newline + 1)
}

/// The end of the line that a place is in, behind its line break.
fn line_end(text: &str, place: usize) -> usize {
    text.get(place..).and_then(|after| after.find('\n')).map_or(text.len(), |length| place + length + 1)
}

/// The place, or the start of the character that it is in.
fn floor_boundary(text: &str, place: usize) -> usize {
    (0..=place.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0)
}

/// As much of a place as is marked: what is on its first line, and no more than fits. A place behind the last line
/// break would not be seen, so it moves in front of it.
fn marked(text: &str, span: &Range<usize>) -> Range<usize> {
    let mut start = floor_boundary(text, span.start);
    if start > 0 && start == text.len() && text.ends_with('\n') {
        start -= 1;
    }
    let mut end = floor_boundary(text, span.end.min(start + SHOWN_WIDTH / 2)).max(start);
    if let Some(length) = text.get(start..end).and_then(|marked| marked.find(['\r', '\n'])) {
        end = start + length;
    }
    start..end
}

/// A [`Problem`] for machines: `--message-format json`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ProblemRecord {
    /// The code.
    pub code: String,
    /// Whether it stops the run.
    pub severity: Severity,
    /// What is the case.
    pub message: String,
    /// How to mend it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub help: Option<String>,
    /// The file, `--config`, or `environment variable NAME`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// Where it begins.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub start: Option<Position>,
    /// Where it ends: the place after its last character.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub end: Option<Position>,
    /// The dotted path of the setting.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// What was found.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub found: Option<String>,
    /// What was expected.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<String>,
    /// Further places.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub related: Vec<PlaceRecord>,
}

/// A further place of a [`ProblemRecord`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct PlaceRecord {
    /// The file, `--config`, or `environment variable NAME`.
    pub file: String,
    /// Where it begins.
    pub start: Position,
    /// Where it ends.
    pub end: Position,
    /// What is to be seen there.
    pub message: String,
}

impl PlaceRecord {
    fn of(label: &Label, sources: &Sources) -> Option<Self> {
        let source = sources.get(label.location.source)?;
        Some(Self {
            file: source.name().to_owned(),
            start: source.position(label.location.span.start),
            end: source.position(label.location.span.end),
            message: label.text.clone(),
        })
    }
}

/// A [`Problem`] that miette can draw.
#[derive(Debug)]
pub struct ProblemDiagnostic {
    problem: Problem,
    labels: Vec<LabeledSpan>,
    text: Option<NamedText>,
    elsewhere: Vec<ElsewhereDiagnostic>,
}

impl fmt::Display for ProblemDiagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.problem.message)
    }
}

impl Error for ProblemDiagnostic {}

impl Diagnostic for ProblemDiagnostic {
    fn code<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        Some(Box::new(self.problem.code))
    }

    fn severity(&self) -> Option<miette::Severity> {
        Some(match self.problem.severity {
            Severity::Error => miette::Severity::Error,
            Severity::Warning => miette::Severity::Warning,
        })
    }

    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.problem.help.as_ref().map(|help| Box::new(help) as Box<dyn fmt::Display + 'a>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.text.as_ref().map(|text| text as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        if self.labels.is_empty() { None } else { Some(Box::new(self.labels.iter().cloned())) }
    }

    fn related<'a>(&'a self) -> Option<Box<dyn Iterator<Item = &'a dyn Diagnostic> + 'a>> {
        if self.elsewhere.is_empty() {
            return None;
        }
        Some(Box::new(self.elsewhere.iter().map(|note| note as &dyn Diagnostic)))
    }
}

/// A place of a problem in another text than its first place.
#[derive(Debug)]
struct ElsewhereDiagnostic {
    message: String,
    label: LabeledSpan,
    text: NamedText,
}

impl fmt::Display for ElsewhereDiagnostic {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.message)
    }
}

impl Error for ElsewhereDiagnostic {}

impl Diagnostic for ElsewhereDiagnostic {
    fn severity(&self) -> Option<miette::Severity> {
        Some(miette::Severity::Advice)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        Some(&self.text)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        Some(Box::new(std::iter::once(self.label.clone())))
    }
}

/// How many problems a report holds. Whoever mends so many asks again.
const MAXIMUM_PROBLEMS: usize = 100;

/// All problems of a reading, in the order of the sources and of the places in them.
#[derive(Clone, Debug)]
pub struct Report {
    problems: Vec<Problem>,
    sources: Sources,
}

impl Report {
    /// Sorts the problems in and drops those that say the same of the same place.
    pub fn new(mut problems: Vec<Problem>, sources: Sources) -> Self {
        problems.sort_by(|one, other| one.order().cmp(&other.order()));
        problems.dedup_by(|later, earlier| later.order() == earlier.order());
        if problems.len() > MAXIMUM_PROBLEMS {
            problems.truncate(MAXIMUM_PROBLEMS);
            let message = format!("there are more problems than these {MAXIMUM_PROBLEMS}");
            problems.push(Problem::error("manifest::more", message));
        }
        Self { problems, sources }
    }

    /// The problems.
    pub fn problems(&self) -> &[Problem] {
        &self.problems
    }

    /// The texts they are about.
    pub fn sources(&self) -> &Sources {
        &self.sources
    }

    /// Each problem with its texts attached, ready for miette's report handlers.
    pub fn diagnostics(&self) -> Vec<ProblemDiagnostic> {
        let mut texts = Texts::default();
        self.problems.iter().for_each(|problem| texts.add(problem, &self.sources));
        self.problems.iter().map(|problem| problem.diagnostic_with(&self.sources, &texts)).collect()
    }

    /// Each problem for machines.
    pub fn records(&self) -> Vec<ProblemRecord> {
        self.problems.iter().map(|problem| problem.record(&self.sources)).collect()
    }
}

impl fmt::Display for Report {
    /// `the manifest has 3 problems`.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.problems.len() {
            1 => formatter.write_str("the manifest has 1 problem"),
            count => write!(formatter, "the manifest has {count} problems"),
        }
    }
}

impl Error for Report {}
