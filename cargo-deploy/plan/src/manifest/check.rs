//! Checks a tree of settings against a JSON Schema and collects everything that does not fit.
//!
//! The subset of JSON Schema 2020-12 that is understood is the one which schemars derives from types: `$ref` into
//! `$defs`, `type`, `enum`, `const`, `anyOf`/`oneOf`/`allOf`, `properties`, `required`, `additionalProperties`,
//! `patternProperties` with a literal prefix, `propertyNames`, `items`, `prefixItems`, and the limits of numbers,
//! texts and lists. `"format"` names a row of [`super::text_format`]. [`super::unchecked_keywords`] tells what a schema uses
//! beyond that, so that no plug-in relies on a check that is not made.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value as Json;

use super::document::{Node, Table, Value};
use super::field_path::{FieldPath, Segment, quoted, written_key};
use super::problem::Problem;
use super::schema::LATER_KEYS;
use super::source::{Location, Source, SourceKind, Sources, without_credentials};
use super::suggestion::{joined, nearest};
use super::view::{Kinds, TellingKey, View, common_tag, one_of, telling_keys};

/// After how many problems a layer is looked at no further. A report shows fewer, the first ones in the file, so
/// there have to be some to choose from.
const ENOUGH: usize = 1000;

/// Which questions a pass answers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Scope {
    /// One layer: all but what another layer may still add.
    Layer,
    /// All layers together: only what can be known when nothing can be added any more.
    Merged,
}

/// Checks a tree against a schema; `root` holds the `$defs`.
pub(crate) fn check(root: &Json, sources: &Sources, node: &Node, scope: Scope) -> Vec<Problem> {
    let mut checker = Checker { root, sources, scope, problems: Vec::new() };
    let path = FieldPath::root();
    checker.check(&View::of(root, root), Place { node, path: &path, key: None });
    checker.problems
}

/// What was found, in words with an article.
pub(crate) fn found(node: &Node) -> String {
    match &node.value {
        Value::String(text) if text.is_empty() => "an empty string".to_owned(),
        Value::String(text) => {
            // Control characters are escaped by `quoted`, so only credentials have to go.
            let text = without_credentials(text);
            let mut start: String = text.chars().take(40).collect();
            if text.chars().count() > 40 {
                start.push('…');
            }
            format!("the string {}", quoted(&start))
        }
        Value::Integer(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number:?}"),
        Value::Boolean(truth) => truth.to_string(),
        Value::Datetime(moment) => format!("the date {moment}"),
        Value::Array(items) if items.is_empty() => "an empty list".to_owned(),
        Value::Array(items) if items.iter().all(|item| matches!(item.value, Value::Table(_))) => {
            "a list of tables".to_owned()
        }
        Value::Array(_) => "a list".to_owned(),
        Value::Table(_) => "a table".to_owned(),
    }
}

/// A value with what the messages about it need.
#[derive(Clone, Copy)]
struct Place<'p> {
    node: &'p Node,
    path: &'p FieldPath,
    /// Where its key stands; items of lists have none.
    key: Option<&'p Location>,
}

struct Checker<'c> {
    root: &'c Json,
    sources: &'c Sources,
    scope: Scope,
    problems: Vec<Problem>,
}

impl<'c> Checker<'c> {
    /// Whether something missing can be said here: another layer may still add a key, but no item of a list.
    fn is_complete(&self, path: &FieldPath) -> bool {
        path.is_in_list() == (self.scope == Scope::Layer)
    }

    /// Notes what one layer can know by itself.
    fn note(&mut self, problem: Problem) {
        if self.scope == Scope::Layer {
            self.problems.push(problem);
        }
    }

    fn check(&mut self, view: &View<'c>, place: Place<'_>) {
        let Place { node, path, .. } = place;
        if self.problems.len() >= ENOUGH {
            return;
        }
        if !view.kinds().holds(Kinds::of(node)) {
            if self.scope == Scope::Layer {
                self.wrong_type(view, node, path);
            }
            return;
        }
        if let (Value::String(text), Some(words)) = (&node.value, view.words()) {
            if !words.contains(&text.as_str()) {
                self.wrong_word(&words, text, node, path);
            }
            return;
        }
        if let Some(branches) = view.alternatives.first() {
            if let Some(branch) = self.choose(branches, view, place) {
                self.check(&view.choosing(branch), place);
            }
            return;
        }
        match &node.value {
            Value::String(text) => self.check_text(view, text, node, path),
            Value::Integer(number) => self.check_number(view, *number as f64, node, path),
            Value::Float(number) => self.check_number(view, *number, node, path),
            Value::Boolean(_) | Value::Datetime(_) => {}
            Value::Array(items) => self.check_list(view, items, node, path),
            Value::Table(table) => self.check_table(view, table, place),
        }
    }

    /// The branch that whoever wrote this meant; `None` if it had to be said that none fits.
    fn choose<'v>(
        &mut self,
        branches: &'v [View<'c>],
        view: &View<'c>,
        place: Place<'_>,
    ) -> Option<&'v View<'c>> {
        let node = place.node;
        let kind = Kinds::of(node);
        let fitting: Vec<&View<'c>> = branches.iter().filter(|branch| branch.kinds().holds(kind)).collect();
        if let [only] = fitting.as_slice() {
            return Some(only);
        }
        if let Value::Table(table) = &node.value {
            if let Some(tag) = common_tag(&fitting) {
                return self.choose_by_tag(tag, &fitting, table, place);
            }
            if let Some(keys) = telling_keys(&fitting) {
                return self.choose_by_key(&keys, &fitting, table, place);
            }
        }
        // The branch with the fewest problems, and of those the one that knows most of the keys.
        fitting.into_iter().min_by_key(|branch| {
            let mut trial =
                Checker { root: self.root, sources: self.sources, scope: Scope::Layer, problems: Vec::new() };
            trial.check(&view.choosing(branch), place);
            let known = node
                .as_table()
                .map_or(0, |table| table.keys().filter(|name| branch.property(name).is_some()).count());
            (trial.problems.len(), std::cmp::Reverse(known))
        })
    }

    /// Tables that say in one key which sort they are: `type = "http"`.
    fn choose_by_tag<'v>(
        &mut self,
        tag: &str,
        fitting: &[&'v View<'c>],
        table: &Table,
        place: Place<'_>,
    ) -> Option<&'v View<'c>> {
        let path = place.path;
        let sorts: Vec<(&str, &'v View<'c>)> = fitting
            .iter()
            .filter_map(|branch| {
                let words = branch.property(tag)?.words()?;
                words.first().map(|word| (*word, *branch))
            })
            .collect();
        let words: Vec<&str> = sorts.iter().map(|(word, _)| *word).collect();
        match table.get(tag) {
            None => {
                if self.is_complete(path) {
                    let expected = one_of(&words);
                    let problem = missing(tag, place).help(format!(
                        "add `{}`; it says which sort this is: {expected}",
                        format_args!("{tag} = \"{}\"", words.first().copied().unwrap_or_default())
                    ));
                    self.problems.push(problem);
                }
                None
            }
            Some(entry) => {
                let path = path.key(tag);
                let Some(text) = entry.node.as_str() else {
                    self.wrong_type_words(&one_of(&words), None, &entry.node, &path);
                    return None;
                };
                let chosen = sorts.iter().find(|(word, _)| *word == text).map(|(_, branch)| *branch);
                if chosen.is_none() {
                    self.wrong_word(&words, text, &entry.node, &path);
                }
                chosen
            }
        }
    }

    /// Tables that say by a key which sort they are: `{ pfx = ... }`.
    fn choose_by_key<'v>(
        &mut self,
        telling: &[TellingKey<'_>],
        fitting: &[&'v View<'c>],
        table: &Table,
        place: Place<'_>,
    ) -> Option<&'v View<'c>> {
        let keys: Vec<&str> = telling.iter().filter(|key| key.leads).map(|key| key.name).collect();
        let present: Vec<&TellingKey<'_>> =
            telling.iter().filter(|key| table.contains_key(key.name)).collect();
        let sorts: BTreeSet<usize> = present.iter().map(|key| key.branch).collect();
        match (sorts.first(), sorts.len()) {
            (Some(position), 1) => fitting.get(*position).copied(),
            (None, _) => {
                // What belongs to some sort may be the part of it that this layer says.
                let is_known = |name: &str| fitting.iter().any(|branch| branch.property(name).is_some());
                let unknown: Vec<_> = table.iter().filter(|(name, _)| !is_known(name)).collect();
                for (name, entry) in &unknown {
                    self.unknown_key(name, &entry.key, &keys, place.path);
                }
                if unknown.is_empty() {
                    self.exactly_one(&keys, &[], table, place);
                }
                None
            }
            _ => {
                let present: Vec<&str> = present.iter().map(|key| key.name).collect();
                self.exactly_one(&keys, &present, table, place);
                None
            }
        }
    }

    fn check_text(&mut self, view: &View<'c>, text: &str, node: &Node, path: &FieldPath) {
        if self.scope == Scope::Merged {
            return;
        }
        if let Some(format) = view.text_format() {
            if let Err(reason) = (format.check)(text) {
                let message = match text {
                    "" => format!("{} is an empty string", subject(path)),
                    _ => format!("{} is {}: {reason}", subject(path), found(node)),
                };
                let problem = Problem::error("manifest::wrong-text", message)
                    .label(node.location.clone(), format!("expected {}", format.expected));
                self.note(problem.field(path).mismatch(found(node), format.expected));
            }
            return;
        }
        let length = text.chars().count();
        let (least, most) = (view.length("minLength"), view.length("maxLength"));
        if least.is_some_and(|least| length < least) {
            let expected = match least {
                Some(1) | None => "a text that is not empty".to_owned(),
                Some(least) => format!("at least {least} characters"),
            };
            self.wrong_length(&expected, node, path);
        } else if let Some(most) = most.filter(|most| length > *most) {
            self.wrong_length(&format!("at most {most} characters"), node, path);
        }
    }

    fn check_number(&mut self, view: &View<'c>, number: f64, node: &Node, path: &FieldPath) {
        let (least, most) = limits(view);
        let below = least.is_some_and(|least| number < least)
            || view.number("exclusiveMinimum").is_some_and(|limit| number <= limit);
        let above = most.is_some_and(|most| number > most)
            || view.number("exclusiveMaximum").is_some_and(|limit| number >= limit);
        let listed = view.get("enum").and_then(Json::as_array).into_iter().flatten().chain(view.get("const"));
        let listed: Vec<f64> = listed.filter_map(Json::as_f64).collect();
        let unlisted = !listed.is_empty() && !listed.contains(&number);
        if !(below || above || unlisted) {
            return;
        }
        let expected = if unlisted {
            let numbers: Vec<String> = listed.iter().map(ToString::to_string).collect();
            joined(numbers.iter().map(String::as_str), '\0', "or").replace('\0', "")
        } else {
            match (least, most) {
                (Some(least), Some(most)) => format!("a number from {least} to {most}"),
                (Some(least), None) => format!("a number of at least {least}"),
                (None, Some(most)) => format!("a number of at most {most}"),
                (None, None) => match (view.number("exclusiveMinimum"), view.number("exclusiveMaximum")) {
                    (Some(limit), _) if below => format!("a number above {limit}"),
                    (_, Some(limit)) => format!("a number below {limit}"),
                    _ => "another number".to_owned(),
                },
            }
        };
        let size = if below {
            "too small"
        } else if above {
            "too large"
        } else {
            "not allowed"
        };
        let problem = Problem::error(
            "manifest::out-of-range",
            format!("{} is {}, which is {size}", subject(path), found(node)),
        )
        .label(node.location.clone(), format!("expected {expected}"));
        self.note(problem.field(path).mismatch(found(node), expected));
    }

    fn check_list(&mut self, view: &View<'c>, items: &[Node], node: &Node, path: &FieldPath) {
        if let Some(least) = view.length("minItems").filter(|least| items.len() < *least) {
            let expected =
                if least == 1 { "at least one item".to_owned() } else { format!("at least {least} items") };
            self.wrong_length(&expected, node, path);
        }
        if let Some(most) = view.length("maxItems").filter(|most| items.len() > *most) {
            self.wrong_length(&format!("at most {most} items"), node, path);
        }
        let fixed = view.get("prefixItems").and_then(Json::as_array);
        let fixed: Vec<View<'c>> =
            fixed.into_iter().flatten().map(|schema| View::of(self.root, schema)).collect();
        let rest = view.get("items").map(|schema| View::of(self.root, schema));
        for (position, item) in items.iter().enumerate() {
            if let Some(view) = fixed.get(position).or(rest.as_ref()) {
                let path = path.index(position);
                self.check(view, Place { node: item, path: &path, key: None });
            }
        }
        if view.get("uniqueItems").and_then(Json::as_bool) == Some(true) {
            self.check_repetition(items, path);
        }
    }

    fn check_repetition(&mut self, items: &[Node], path: &FieldPath) {
        let mut seen: BTreeMap<&str, &Location> = BTreeMap::new();
        for (position, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else { continue };
            match seen.get(text) {
                Some(first) => {
                    let problem = Problem::error(
                        "manifest::repeated-item",
                        format!("{} names {} twice", subject(path), quoted(text)),
                    )
                    .label(item.location.clone(), "the second time")
                    .label((*first).clone(), "the first time")
                    .help("keep one of the two")
                    .field(path.index(position));
                    self.note(problem);
                }
                None => {
                    seen.insert(text, &item.location);
                }
            }
        }
    }

    fn check_table(&mut self, view: &View<'c>, table: &Table, place: Place<'_>) {
        let path = place.path;
        let names = view.get("propertyNames").map(|schema| View::of(self.root, schema));
        for (name, entry) in table {
            if self.problems.len() >= ENOUGH {
                return;
            }
            let path_here = path.key(name.as_str());
            let inner = Place { node: &entry.node, path: &path_here, key: Some(&entry.key) };
            if let Some(property) = view.property(name) {
                self.check(&property, inner);
                continue;
            }
            let Some(additional) = view.additional(name) else {
                let accepted: Vec<&str> = view.properties().map(|(name, _)| name).collect();
                self.unknown_key(name, &entry.key, &accepted, path);
                continue;
            };
            if let Some(names) = &names
                && !self.check_name(names, name, &entry.key, path)
            {
                continue;
            }
            self.check(&additional, inner);
        }
        if self.is_complete(path) {
            let mut said = BTreeSet::new();
            for name in view.required() {
                if !table.contains_key(name) && said.insert(name) {
                    let expected = view.property(name).map(|property| property.expected());
                    let problem = missing(name, place);
                    self.problems.push(match expected {
                        Some(expected) => problem.help(format!("add `{}`: {expected}", written_key(name))),
                        None => problem,
                    });
                }
            }
        }
        for keys in &view.exclusive {
            let present: Vec<&str> = keys.iter().copied().filter(|name| table.contains_key(*name)).collect();
            if present.len() != 1 {
                self.exactly_one(keys, &present, table, place);
            }
        }
    }

    /// Whether a key of an open map is one that may be there, such as the name of a format or a target.
    fn check_name(&mut self, names: &View<'c>, name: &str, key: &Location, path: &FieldPath) -> bool {
        if let Some(words) = names.words() {
            if !words.contains(&name) {
                self.unknown_key(name, key, &words, path);
            }
            return words.contains(&name);
        }
        let Some(format) = names.text_format() else { return true };
        let Err(reason) = (format.check)(name) else { return true };
        let shown = written_key(name);
        let message = format!("the key `{shown}` in `{path}` is not {}: {reason}", format.expected);
        let problem = Problem::error("manifest::wrong-text", message)
            .label(key.clone(), format!("expected {}", format.expected))
            .field(path.key(name))
            .mismatch(format!("the key `{shown}`"), format.expected);
        self.note(problem);
        false
    }

    fn unknown_key(&mut self, name: &str, place: &Location, accepted: &[&str], path: &FieldPath) {
        // Looking for suggestions is most of the work of a check.
        if self.scope == Scope::Merged {
            return;
        }
        let shown = written_key(name);
        let message = if path.is_root() {
            format!("unknown key `{shown}`")
        } else {
            format!("unknown key `{shown}` in `{path}`")
        };
        let mut problem = Problem::error("manifest::unknown-key", message).field(path.key(name));
        problem.found = Some(format!("the key `{shown}`"));
        let listed: Vec<String> = accepted.iter().map(|name| written_key(name)).collect();
        let list = joined(listed.iter().map(String::as_str), '`', "and");
        if !accepted.is_empty() {
            problem.expected = Some(format!("one of {list}"));
        }

        let later = LATER_KEYS.iter().find(|(known, _)| path.is_root() && *known == name);
        if let Some((_, subject)) = later {
            self.note(
                problem
                    .label(place.clone(), "not supported by this version")
                    .help(format!("{subject} are not supported by this version of cargo-deploy; remove it, or put it under `metadata` to keep it")),
            );
            return;
        }
        let known = if accepted.is_empty() {
            "no key is accepted here".to_owned()
        } else {
            format!("accepted here: {list}")
        };
        let near = nearest(name, accepted.iter().copied());
        let (label, help) = match near {
            Some(near) => (format!("did you mean `{}`?", written_key(near)), known),
            None => match self.home_of(name, path) {
                Some(home) => (format!("this belongs into `[{home}]`"), known),
                None => ("not a key that is known here".to_owned(), known),
            },
        };
        self.note(problem.label(place.clone(), label).help(help));
    }

    /// The table at the top of which this key is known.
    fn home_of(&self, name: &str, path: &FieldPath) -> Option<&'c str> {
        View::of(self.root, self.root)
            .properties()
            .filter(|(home, _)| path.segments().len() != 1 || path.last_key() != Some(home))
            .map(|(home, schema)| (home, View::of(self.root, schema)))
            .find(|(_, table)| table.kinds() == Kinds::TABLE && table.property(name).is_some())
            .map(|(home, _)| home)
    }

    fn wrong_word(&mut self, words: &[&str], text: &str, node: &Node, path: &FieldPath) {
        let problem = Problem::error(
            "manifest::wrong-value",
            format!("{} is {}, which is not one of its values", subject(path), found(node)),
        )
        .field(path)
        .mismatch(found(node), one_of(words));
        let label = match nearest(text, words.iter().copied()) {
            Some(near) => format!("did you mean {}?", quoted(near)),
            None => "not one of the values".to_owned(),
        };
        self.note(
            problem
                .label(node.location.clone(), label)
                .help(format!("accepted here: {}", joined(words.iter().copied(), '"', "and"))),
        );
    }

    fn wrong_length(&mut self, expected: &str, node: &Node, path: &FieldPath) {
        let problem =
            Problem::error("manifest::wrong-length", format!("{} is {}", subject(path), found(node)))
                .label(node.location.clone(), format!("expected {expected}"))
                .field(path)
                .mismatch(found(node), expected);
        self.note(problem);
    }

    fn wrong_type(&mut self, view: &View<'c>, node: &Node, path: &FieldPath) {
        self.wrong_type_words(&view.expected(), Some(view), node, path);
    }

    fn wrong_type_words(&mut self, expected: &str, view: Option<&View<'c>>, node: &Node, path: &FieldPath) {
        let problem = Problem::error("manifest::wrong-type", format!("{} is {}", subject(path), found(node)))
            .label(node.location.clone(), format!("expected {expected}"))
            .field(path)
            .mismatch(found(node), expected);
        let help = view.and_then(|view| self.rewritten(view, node, path));
        self.note(match help {
            Some(help) => problem.help(help),
            None => problem,
        });
    }

    /// How to write what was probably meant.
    fn rewritten(&self, view: &View<'c>, node: &Node, path: &FieldPath) -> Option<String> {
        let written = self.sources.slice(&node.location);
        if written.len() > 60 || written.contains('\n') {
            return None;
        }
        let value = match &node.value {
            Value::String(text) => {
                let text = text.trim();
                match text.to_ascii_lowercase().as_str() {
                    "true" | "yes" | "on" if view.takes_booleans() => "true".to_owned(),
                    "false" | "no" | "off" if view.takes_booleans() => "false".to_owned(),
                    _ if view.takes_integers() && text.parse::<i64>().is_ok() => text.to_owned(),
                    _ if view.items().is_some_and(|items| items.takes_strings()) => format!("[{written}]"),
                    _ => return None,
                }
            }
            Value::Integer(_) | Value::Float(_) | Value::Boolean(_) | Value::Datetime(_)
                if view.takes_strings()
                    && view.text_format().is_none_or(|format| (format.check)(written).is_ok()) =>
            {
                format!("\"{written}\"")
            }
            Value::Float(number) if view.takes_integers() && number.fract() == 0.0 => format!("{number}"),
            Value::Table(_) if view.items().is_some_and(|items| items.takes_tables()) => {
                if written.starts_with('[') {
                    return Some(format!("write `[[{path}]]`, with two brackets, for each item of the list"));
                }
                format!("[{written}]")
            }
            Value::Array(_) if view.takes_tables() && written.starts_with("[[") => {
                return Some(format!("write `[{path}]`, with one bracket, once"));
            }
            Value::Array(items) => match items.as_slice() {
                [only] if view.kinds().holds(Kinds::of(only)) => {
                    self.sources.slice(&only.location).to_owned()
                }
                _ => return None,
            },
            _ => return None,
        };
        let source = self.sources.get(node.location.source).map(Source::kind);
        Some(match (source, path.segments().last()) {
            (Some(SourceKind::ConfigArgument), Some(Segment::Key(_))) if !path.is_in_list() => {
                format!("write `--config '{path} = {value}'`")
            }
            (_, Some(Segment::Key(name))) => format!("write `{} = {value}`", written_key(name)),
            _ => format!("write `{value}`"),
        })
    }

    /// Says that exactly one of some keys is needed, and which are there.
    fn exactly_one(&mut self, keys: &[&str], present: &[&str], table: &Table, place: Place<'_>) {
        let path = place.path;
        let list = joined(keys.iter().copied(), '`', "and");
        if present.is_empty() {
            if self.is_complete(path) {
                let node = place.node;
                let shown = place.key.filter(|_| !is_header(node, self.sources)).unwrap_or(&node.location);
                let problem =
                    Problem::error("manifest::missing-key", format!("{} has none of {list}", subject(path)))
                        .label(shown.clone(), "expected one of them")
                        .help("add one of them")
                        .field(path);
                self.problems.push(problem);
            }
            return;
        }
        let entries: Vec<_> = present.iter().filter_map(|name| table.get(*name)).collect();
        // Between layers this can only be seen when they are together.
        let one_source = entries.windows(2).all(|pair| match pair {
            [one, other] => one.key.source == other.key.source,
            _ => true,
        });
        if (self.scope == Scope::Layer) != one_source {
            return;
        }
        let mut problem = Problem::error(
            "manifest::conflicting-keys",
            format!(
                "{} has {}, and can have only one of them",
                subject(path),
                joined(present.iter().copied(), '`', "and")
            ),
        )
        .help("keep one of them")
        .field(path);
        for entry in entries.iter().rev() {
            problem = problem.label(entry.key.clone(), "");
        }
        problem.labels.sort_by_key(|label| (label.location.source, label.location.span.start));
        self.problems.push(problem);
    }
}

/// Whether a table's place is a header and not braces.
fn is_header(node: &Node, sources: &Sources) -> bool {
    sources.slice(&node.location).starts_with('[')
}

fn missing(name: &str, place: Place<'_>) -> Problem {
    let Place { node, path, key } = place;
    let shown = written_key(name);
    // An inline table can be long; its key says as well which table it is. A header is short.
    let at = match (&node.value, key) {
        (Value::Table(_), Some(key)) if node.location.span.len() > 60 => key,
        _ => &node.location,
    };
    let mut problem =
        Problem::error("manifest::missing-key", format!("{} lacks the key `{shown}`", subject(path)))
            .label(at.clone(), format!("expected `{shown}` in this table"))
            .field(path.key(name));
    problem.expected = Some(format!("the key `{shown}`"));
    problem
}

/// The setting as the subject of a sentence.
fn subject(path: &FieldPath) -> String {
    if path.is_root() { "the manifest".to_owned() } else { format!("`{path}`") }
}

/// The smallest and the largest number, also as schemars says them by the name of a Rust type.
fn limits(view: &View<'_>) -> (Option<f64>, Option<f64>) {
    let (least, most) = match view.get("format").and_then(Json::as_str) {
        Some("uint8") => (Some(0.0), Some(f64::from(u8::MAX))),
        Some("uint16") => (Some(0.0), Some(f64::from(u16::MAX))),
        Some("uint32") => (Some(0.0), Some(f64::from(u32::MAX))),
        Some("uint64" | "uint") => (Some(0.0), None),
        Some("int8") => (Some(f64::from(i8::MIN)), Some(f64::from(i8::MAX))),
        Some("int16") => (Some(f64::from(i16::MIN)), Some(f64::from(i16::MAX))),
        Some("int32") => (Some(f64::from(i32::MIN)), Some(f64::from(i32::MAX))),
        _ => (None, None),
    };
    (view.number("minimum").or(least), view.number("maximum").or(most))
}
