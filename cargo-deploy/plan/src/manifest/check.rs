//! Checks a tree of settings against a JSON Schema and collects everything that does not fit.
//!
//! The subset of JSON Schema 2020-12 that is understood is the one which schemars derives from types: `$ref` into
//! `$defs`, `type`, `enum`, `const`, `anyOf`/`oneOf`/`allOf`, `properties`, `required`, `additionalProperties`,
//! `patternProperties` with a literal prefix, `propertyNames`, `items`, `prefixItems`, and the limits of numbers,
//! texts and lists. `"format"` names a row of [`super::text_format`]. [`unchecked_keywords`] tells what a schema uses
//! beyond that, so that no plug-in relies on a check that is not made.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::document::{Node, Table, Value};
use super::field_path::{FieldPath, quoted, written_key};
use super::problem::Problem;
use super::schema::LATER_KEYS;
use super::source::{Location, Sources};
use super::suggestion::{joined, nearest};
use super::text_format::text_format;

/// How many steps of `$ref` and `allOf` are followed before a schema is taken to be circular.
const MAXIMUM_FACETS: usize = 32;

/// How many choices directly in one another are followed.
const MAXIMUM_CHOICES: usize = 8;

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
    checker.check(&View::of(root, root), node, &FieldPath::root(), None);
    checker.problems
}

/// The kinds of values a place takes, one bit a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Kinds(u8);

impl Kinds {
    const NONE: Self = Self(0);
    const STRING: Self = Self(1);
    const INTEGER: Self = Self(2);
    const NUMBER: Self = Self(4);
    const BOOLEAN: Self = Self(8);
    const ARRAY: Self = Self(16);
    const TABLE: Self = Self(32);
    const ALL: Self = Self(63);

    fn named(name: &str) -> Self {
        match name {
            "string" => Self::STRING,
            "integer" => Self::INTEGER,
            "number" => Self(Self::INTEGER.0 | Self::NUMBER.0),
            "boolean" => Self::BOOLEAN,
            "array" => Self::ARRAY,
            "object" => Self::TABLE,
            _ => Self::NONE,
        }
    }

    fn of_json(value: &Json) -> Self {
        match value {
            Json::Null => Self::NONE,
            Json::Bool(_) => Self::BOOLEAN,
            Json::Number(number) if number.is_f64() => Self::NUMBER,
            Json::Number(_) => Self::INTEGER,
            Json::String(_) => Self::STRING,
            Json::Array(_) => Self::ARRAY,
            Json::Object(_) => Self::TABLE,
        }
    }

    fn of(node: &Node) -> Self {
        match &node.value {
            Value::String(_) => Self::STRING,
            Value::Integer(_) => Self::INTEGER,
            Value::Float(number) if number.is_finite() => Self::NUMBER,
            // JSON has neither of them, so no setting can take them.
            Value::Float(_) | Value::Datetime(_) => Self::NONE,
            Value::Boolean(_) => Self::BOOLEAN,
            Value::Array(_) => Self::ARRAY,
            Value::Table(_) => Self::TABLE,
        }
    }

    fn holds(self, other: Self) -> bool {
        other != Self::NONE && self.0 & other.0 == other.0
    }

    fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    fn and(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

/// A schema with its references followed: the objects whose keywords all hold at one place.
#[derive(Clone, Debug)]
pub(crate) struct View<'s> {
    root: &'s Json,
    facets: Vec<&'s Map<String, Json>>,
    /// `anyOf` and `oneOf` of which one branch must hold, where there is more than one.
    alternatives: Vec<Vec<View<'s>>>,
    /// Sets of keys of which exactly one must be there: `oneOf` with nothing but `required`.
    exclusive: Vec<Vec<&'s str>>,
    /// Whether nothing fits: the schema `false`.
    impossible: bool,
    /// How many choices this one stands in, so that a type that contains itself comes to an end.
    depth: usize,
}

impl<'s> View<'s> {
    /// The schema at a place.
    pub(crate) fn of(root: &'s Json, schema: &'s Json) -> Self {
        Self::at_depth(root, schema, 0)
    }

    fn at_depth(root: &'s Json, schema: &'s Json, depth: usize) -> Self {
        let mut view = Self {
            root,
            facets: Vec::new(),
            alternatives: Vec::new(),
            exclusive: Vec::new(),
            impossible: false,
            depth,
        };
        if depth <= MAXIMUM_CHOICES {
            view.add(schema);
        }
        view
    }

    fn add(&mut self, schema: &'s Json) {
        if *schema == Json::Bool(false) {
            self.impossible = true;
        }
        let Some(object) = schema.as_object() else { return };
        if self.facets.len() >= MAXIMUM_FACETS {
            return;
        }
        self.facets.push(object);
        if let Some(target) = object.get("$ref").and_then(Json::as_str).and_then(|path| self.referenced(path))
        {
            self.add(target);
        }
        for part in object.get("allOf").and_then(Json::as_array).into_iter().flatten() {
            self.add(part);
        }
        for keyword in ["anyOf", "oneOf"] {
            let Some(branches) = object.get(keyword).and_then(Json::as_array) else { continue };
            if let Some(keys) = required_only(branches) {
                self.exclusive.push(keys);
                continue;
            }
            let mut branches = branches.iter().filter(|branch| !is_null(branch));
            match (branches.next(), branches.next()) {
                (Some(only), None) => self.add(only),
                (Some(first), Some(second)) => {
                    let all = [first, second].into_iter().chain(branches);
                    let depth = self.depth + 1;
                    self.alternatives
                        .push(all.map(|branch| View::at_depth(self.root, branch, depth)).collect());
                }
                (None, _) => {}
            }
        }
    }

    /// What `#` or `#/$defs/Name` points at.
    fn referenced(&self, path: &str) -> Option<&'s Json> {
        let pointer = path.strip_prefix('#')?;
        self.root.pointer(pointer)
    }

    /// The first facet that has the keyword decides it.
    fn get(&self, keyword: &str) -> Option<&'s Json> {
        self.facets.iter().find_map(|facet| facet.get(keyword))
    }

    fn number(&self, keyword: &str) -> Option<f64> {
        self.get(keyword).and_then(Json::as_f64)
    }

    fn length(&self, keyword: &str) -> Option<usize> {
        self.get(keyword).and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok())
    }

    /// The properties of all facets, and of no branch.
    fn properties(&self) -> impl Iterator<Item = (&'s str, &'s Json)> + use<'s, '_> {
        self.facets
            .iter()
            .filter_map(|facet| facet.get("properties").and_then(Json::as_object))
            .flatten()
            .map(|(name, schema)| (name.as_str(), schema))
    }

    /// The schema of one property.
    pub(crate) fn property(&self, name: &str) -> Option<View<'s>> {
        self.properties().find(|(known, _)| *known == name).map(|(_, schema)| View::of(self.root, schema))
    }

    fn required(&self) -> impl Iterator<Item = &'s str> + use<'s, '_> {
        self.facets
            .iter()
            .filter_map(|facet| facet.get("required").and_then(Json::as_array))
            .flatten()
            .filter_map(Json::as_str)
    }

    /// The schema of a key that is no property; `None` if there cannot be one.
    pub(crate) fn additional(&self, key: &str) -> Option<View<'s>> {
        for facet in &self.facets {
            let patterns = facet.get("patternProperties").and_then(Json::as_object);
            for (pattern, schema) in patterns.into_iter().flatten() {
                if pattern.strip_prefix('^').is_some_and(|prefix| key.starts_with(prefix)) {
                    return Some(View::of(self.root, schema));
                }
            }
        }
        let mut free = None;
        for facet in &self.facets {
            match facet.get("additionalProperties") {
                Some(Json::Bool(false)) => return None,
                Some(schema) => free = free.or(Some(schema)),
                None => {}
            }
        }
        Some(
            free.map_or_else(|| View::of(self.root, &Json::Bool(true)), |schema| View::of(self.root, schema)),
        )
    }

    /// What the texts of a string are taken from, if it is a fixed list; branches count.
    fn words(&self) -> Option<Vec<&'s str>> {
        let mut words: Option<Vec<&str>> = None;
        for facet in &self.facets {
            let here: Option<Vec<&str>> = match (facet.get("const"), facet.get("enum")) {
                (Some(word), _) => word.as_str().map(|word| vec![word]),
                (None, Some(list)) => {
                    list.as_array().and_then(|list| list.iter().map(Json::as_str).collect())
                }
                (None, None) => None,
            };
            words = words.or(here);
        }
        if words.is_some() {
            return words;
        }
        let branches = self.alternatives.first()?;
        let listed: Option<Vec<Vec<&str>>> = branches.iter().map(View::words).collect();
        listed.map(|listed| listed.into_iter().flatten().collect())
    }

    /// The kinds of values that can fit.
    fn kinds(&self) -> Kinds {
        if self.impossible {
            return Kinds::NONE;
        }
        let mut kinds = Kinds::ALL;
        for facet in &self.facets {
            let here = match (facet.get("type"), facet.get("const"), facet.get("enum")) {
                (Some(Json::String(name)), _, _) => Kinds::named(name),
                (Some(Json::Array(names)), _, _) => names
                    .iter()
                    .filter_map(Json::as_str)
                    .fold(Kinds::NONE, |kinds, name| kinds.or(Kinds::named(name))),
                (_, Some(value), _) => Kinds::of_json(value),
                (_, _, Some(Json::Array(values))) => {
                    values.iter().fold(Kinds::NONE, |kinds, value| kinds.or(Kinds::of_json(value)))
                }
                _ => Kinds::ALL,
            };
            kinds = kinds.and(here);
        }
        for branches in &self.alternatives {
            kinds = kinds.and(branches.iter().fold(Kinds::NONE, |kinds, branch| kinds.or(branch.kinds())));
        }
        kinds
    }

    /// The same place with one branch chosen.
    fn choosing(&self, branch: &View<'s>) -> View<'s> {
        let mut view = self.clone();
        view.alternatives.remove(0);
        view.facets.extend(&branch.facets);
        view.alternatives.extend(branch.alternatives.iter().cloned());
        view.exclusive.extend(branch.exclusive.iter().cloned());
        view.impossible |= branch.impossible;
        view
    }

    /// Whether tables at this place are of several sorts, so that keys of two of them make no sense together.
    pub(crate) fn is_choice_of_tables(&self) -> bool {
        self.alternatives
            .iter()
            .any(|branches| branches.iter().filter(|branch| branch.kinds().holds(Kinds::TABLE)).count() > 1)
    }

    /// The views in which a key may be looked up: this one, and each branch.
    pub(crate) fn with_branches(&self) -> Vec<View<'s>> {
        let mut views = vec![self.clone()];
        for branch in self.alternatives.iter().flatten() {
            views.extend(branch.with_branches());
        }
        views
    }

    /// Every property by name, those of branches too, each once.
    pub(crate) fn all_properties(&self) -> Vec<(&'s str, View<'s>)> {
        let mut seen = BTreeSet::new();
        let mut all = Vec::new();
        for view in self.with_branches() {
            for (name, schema) in view.properties() {
                if seen.insert(name) {
                    all.push((name, View::of(self.root, schema)));
                }
            }
        }
        all
    }

    /// Whether keys can be had that are no properties.
    pub(crate) fn is_open(&self) -> bool {
        self.with_branches().iter().any(|view| {
            view.kinds().holds(Kinds::TABLE)
                && view
                    .facets
                    .iter()
                    .any(|facet| !matches!(facet.get("additionalProperties"), None | Some(Json::Bool(false))))
        })
    }

    pub(crate) fn takes_strings(&self) -> bool {
        self.kinds().holds(Kinds::STRING)
    }

    pub(crate) fn takes_booleans(&self) -> bool {
        self.kinds().holds(Kinds::BOOLEAN)
    }

    pub(crate) fn takes_integers(&self) -> bool {
        self.kinds().holds(Kinds::INTEGER)
    }

    pub(crate) fn takes_fractions(&self) -> bool {
        self.kinds().holds(Kinds::NUMBER)
    }

    pub(crate) fn takes_lists(&self) -> bool {
        self.kinds().holds(Kinds::ARRAY)
    }

    pub(crate) fn takes_tables(&self) -> bool {
        self.kinds().holds(Kinds::TABLE)
    }

    /// What the items of a list must be.
    pub(crate) fn items(&self) -> Option<View<'s>> {
        self.with_branches().iter().find_map(|view| view.get("items")).map(|items| View::of(self.root, items))
    }

    /// What is expected, in words with an article.
    pub(crate) fn expected(&self) -> String {
        if self.impossible {
            return "nothing".to_owned();
        }
        if let Some(words) = self.words() {
            return one_of(&words);
        }
        if let Some(branches) = self.alternatives.first() {
            let mut all: Vec<String> = Vec::new();
            let words: Vec<&str> = branches.iter().filter_map(View::words).flatten().collect();
            if !words.is_empty() {
                all.push(one_of(&words));
            }
            for branch in branches.iter().filter(|branch| branch.words().is_none()) {
                let expected = branch.expected();
                if !all.contains(&expected) {
                    all.push(expected);
                }
            }
            return all.join(", or ");
        }
        if let Some(format) = self.text_format() {
            return format.expected.to_owned();
        }
        let kinds = self.kinds();
        if kinds == Kinds::ALL {
            return "a value".to_owned();
        }
        let mut all = Vec::new();
        if kinds.holds(Kinds::STRING) {
            all.push("a string".to_owned());
        }
        if kinds.holds(Kinds::NUMBER) {
            all.push("a number".to_owned());
        } else if kinds.holds(Kinds::INTEGER) {
            all.push("a whole number".to_owned());
        }
        if kinds.holds(Kinds::BOOLEAN) {
            all.push("true or false".to_owned());
        }
        if kinds.holds(Kinds::ARRAY) {
            all.push(self.expected_list());
        }
        if kinds.holds(Kinds::TABLE) {
            all.push("a table".to_owned());
        }
        joined(all.iter().map(String::as_str), '\0', "or").replace('\0', "")
    }

    fn expected_list(&self) -> String {
        let Some(items) = self.items() else { return "a list".to_owned() };
        match items.kinds() {
            Kinds::STRING if items.words().is_some() || items.text_format().is_some() => {
                format!("a list with each item {}", items.expected())
            }
            Kinds::STRING => "a list of strings".to_owned(),
            Kinds::TABLE => "a list of tables".to_owned(),
            Kinds::INTEGER => "a list of whole numbers".to_owned(),
            _ => "a list".to_owned(),
        }
    }

    fn text_format(&self) -> Option<&'static super::text_format::TextFormat> {
        self.get("format").and_then(Json::as_str).and_then(text_format)
    }
}

fn one_of(words: &[&str]) -> String {
    match words {
        [only] => quoted(only),
        words => format!("one of {}", joined(words.iter().copied(), '"', "and")),
    }
}

fn is_null(schema: &Json) -> bool {
    schema.get("type").and_then(Json::as_str) == Some("null")
}

/// The keys of a `oneOf` whose branches only name one required key each.
fn required_only(branches: &[Json]) -> Option<Vec<&str>> {
    branches
        .iter()
        .map(|branch| {
            let object = branch.as_object().filter(|object| object.len() == 1)?;
            match object.get("required")?.as_array()?.as_slice() {
                [Json::String(key)] => Some(key.as_str()),
                _ => None,
            }
        })
        .collect()
}

/// What was found, in words with an article.
pub(crate) fn found(node: &Node) -> String {
    match &node.value {
        Value::String(text) => {
            let mut start: String = text.chars().take(40).collect();
            if text.chars().count() > 40 {
                start.push('…');
            }
            format!("the string {}", quoted(&start))
        }
        Value::Integer(number) => format!("the number {number}"),
        Value::Float(number) => format!("the number {number}"),
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

    fn check(&mut self, view: &View<'c>, node: &Node, path: &FieldPath, key: Option<&Location>) {
        if !view.kinds().holds(Kinds::of(node)) {
            return self.wrong_type(view, node, path);
        }
        if let (Value::String(text), Some(words)) = (&node.value, view.words()) {
            if !words.contains(&text.as_str()) {
                self.wrong_word(&words, text, node, path);
            }
            return;
        }
        if let Some(branches) = view.alternatives.first() {
            if let Some(branch) = self.choose(branches, view, node, path, key) {
                self.check(&view.choosing(branch), node, path, key);
            }
            return;
        }
        match &node.value {
            Value::String(text) => self.check_text(view, text, node, path),
            Value::Integer(number) => self.check_number(view, *number as f64, node, path),
            Value::Float(number) => self.check_number(view, *number, node, path),
            Value::Boolean(_) | Value::Datetime(_) => {}
            Value::Array(items) => self.check_list(view, items, node, path),
            Value::Table(table) => self.check_table(view, table, node, path, key),
        }
    }

    /// The branch that whoever wrote this meant; `None` if it had to be said that none fits.
    fn choose<'v>(
        &mut self,
        branches: &'v [View<'c>],
        view: &View<'c>,
        node: &Node,
        path: &FieldPath,
        key: Option<&Location>,
    ) -> Option<&'v View<'c>> {
        let kind = Kinds::of(node);
        let fitting: Vec<&View<'c>> = branches.iter().filter(|branch| branch.kinds().holds(kind)).collect();
        if let [only] = fitting.as_slice() {
            return Some(only);
        }
        if let Value::Table(table) = &node.value {
            if let Some(tag) = common_tag(&fitting) {
                return self.choose_by_tag(tag, &fitting, table, node, path, key);
            }
            if let Some(keys) = single_keys(&fitting) {
                return self.choose_by_key(&keys, &fitting, table, node, path, key);
            }
        }
        // The branch with the fewest problems, and of those the one that knows most of the keys.
        fitting.into_iter().min_by_key(|branch| {
            let mut trial =
                Checker { root: self.root, sources: self.sources, scope: Scope::Layer, problems: Vec::new() };
            trial.check(&view.choosing(branch), node, path, key);
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
        node: &Node,
        path: &FieldPath,
        key: Option<&Location>,
    ) -> Option<&'v View<'c>> {
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
                    let problem = missing(tag, node, path, key).help(format!(
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

    /// Tables that say by their only key which sort they are: `{ pfx = ... }`.
    fn choose_by_key<'v>(
        &mut self,
        keys: &[&str],
        fitting: &[&'v View<'c>],
        table: &Table,
        node: &Node,
        path: &FieldPath,
        key: Option<&Location>,
    ) -> Option<&'v View<'c>> {
        let present: Vec<&str> = keys.iter().copied().filter(|name| table.contains_key(*name)).collect();
        match present.as_slice() {
            [only] => fitting.iter().find(|branch| branch.property(only).is_some()).copied(),
            [] => {
                for (name, entry) in table {
                    self.unknown_key(name, &entry.key, keys, path);
                }
                if table.is_empty() {
                    self.exactly_one(keys, &present, table, node, path, key);
                }
                None
            }
            _ => {
                self.exactly_one(keys, &present, table, node, path, key);
                None
            }
        }
    }

    fn check_text(&mut self, view: &View<'c>, text: &str, node: &Node, path: &FieldPath) {
        if let Some(format) = view.text_format() {
            if let Err(reason) = (format.check)(text) {
                let problem = Problem::error(
                    "manifest::wrong-text",
                    format!("{} is {}: {reason}", subject(path), found(node)),
                )
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
        let rest = view.get("items");
        for (position, item) in items.iter().enumerate() {
            let schema = fixed.and_then(|fixed| fixed.get(position)).or(rest);
            if let Some(schema) = schema {
                self.check(&View::of(self.root, schema), item, &path.index(position), None);
            }
        }
        if view.get("uniqueItems").and_then(Json::as_bool) == Some(true) {
            self.check_repetition(items, path);
        }
    }

    fn check_repetition(&mut self, items: &[Node], path: &FieldPath) {
        let mut seen: std::collections::BTreeMap<&str, &Location> = std::collections::BTreeMap::new();
        for (position, item) in items.iter().enumerate() {
            let Some(text) = item.as_str() else { continue };
            match seen.get(text) {
                Some(first) => {
                    let path = path.index(position);
                    let problem = Problem::error(
                        "manifest::repeated-item",
                        format!("{} names {} again", subject(&path), quoted(text)),
                    )
                    .label(item.location.clone(), "the second time")
                    .label((*first).clone(), "the first time")
                    .help("keep one of the two")
                    .field(&path);
                    self.note(problem);
                }
                None => {
                    seen.insert(text, &item.location);
                }
            }
        }
    }

    fn check_table(
        &mut self,
        view: &View<'c>,
        table: &Table,
        node: &Node,
        path: &FieldPath,
        key: Option<&Location>,
    ) {
        let names = view.get("propertyNames").map(|schema| View::of(self.root, schema));
        for (name, entry) in table {
            let path_here = path.key(name.as_str());
            if let Some(property) = view.property(name) {
                self.check(&property, &entry.node, &path_here, Some(&entry.key));
                continue;
            }
            let Some(additional) = view.additional(name) else {
                let accepted: Vec<&str> = view.properties().map(|(name, _)| name).collect();
                self.unknown_key(name, &entry.key, &accepted, path);
                continue;
            };
            if let Some(names) = &names {
                let as_node = Node { value: Value::String(name.clone()), location: entry.key.clone() };
                let before = self.problems.len();
                self.check_name(names, name, &as_node, path);
                if self.problems.len() > before {
                    continue;
                }
            }
            self.check(&additional, &entry.node, &path_here, Some(&entry.key));
        }
        if self.is_complete(path) {
            let mut said = BTreeSet::new();
            for name in view.required() {
                if !table.contains_key(name) && said.insert(name) {
                    let expected = view.property(name).map(|property| property.expected());
                    let problem = missing(name, node, path, key);
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
                self.exactly_one(keys, &present, table, node, path, key);
            }
        }
    }

    /// A key of an open map, such as the name of a format or a target.
    fn check_name(&mut self, names: &View<'c>, name: &str, as_node: &Node, path: &FieldPath) {
        if let Some(words) = names.words() {
            if !words.contains(&name) {
                self.unknown_key(name, &as_node.location, &words, path);
            }
        } else {
            self.check_text(names, name, as_node, &path.key(name));
        }
    }

    fn unknown_key(&mut self, name: &str, place: &Location, accepted: &[&str], path: &FieldPath) {
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
            Value::Array(items) => match items.as_slice() {
                [only] if view.kinds().holds(Kinds::of(only)) && !written.starts_with("[[") => {
                    self.sources.slice(&only.location).to_owned()
                }
                _ => return None,
            },
            _ => return None,
        };
        let name = match path.segments().last() {
            Some(super::field_path::Segment::Key(name)) => format!("{} = ", written_key(name)),
            _ => String::new(),
        };
        Some(format!("write `{name}{value}`"))
    }

    /// Says that exactly one of some keys is needed, and which are there.
    fn exactly_one(
        &mut self,
        keys: &[&str],
        present: &[&str],
        table: &Table,
        node: &Node,
        path: &FieldPath,
        key: Option<&Location>,
    ) {
        let list = joined(keys.iter().copied(), '`', "and");
        if present.is_empty() {
            if self.is_complete(path) {
                let place = key.filter(|_| !is_header(node, self.sources)).unwrap_or(&node.location);
                let problem =
                    Problem::error("manifest::missing-key", format!("{} has none of {list}", subject(path)))
                        .label(place.clone(), "expected one of them")
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

fn missing(name: &str, node: &Node, path: &FieldPath, key: Option<&Location>) -> Problem {
    let shown = written_key(name);
    // An inline table can be long; its key says as well which table it is. A header is short.
    let place = match (&node.value, key) {
        (Value::Table(_), Some(key)) if node.location.span.len() > 60 => key,
        _ => &node.location,
    };
    let mut problem =
        Problem::error("manifest::missing-key", format!("{} lacks the key `{shown}`", subject(path)))
            .label(place.clone(), format!("expected `{shown}` in this table"))
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

/// The key that says in every branch, by a fixed word, which branch it is.
fn common_tag<'s>(branches: &[&View<'s>]) -> Option<&'s str> {
    let (first, rest) = branches.split_first()?;
    first.properties().map(|(name, _)| name).find(|name| {
        let is_tag = |view: &&View<'s>| {
            view.property(name).and_then(|property| property.words()).is_some_and(|words| words.len() == 1)
        };
        is_tag(first) && rest.iter().all(is_tag)
    })
}

/// The only key of each branch, if every branch has exactly one, which it needs.
fn single_keys<'s>(branches: &[&View<'s>]) -> Option<Vec<&'s str>> {
    branches
        .iter()
        .map(|branch| {
            let mut names = branch.properties().map(|(name, _)| name);
            match (names.next(), names.next()) {
                (Some(only), None) if branch.required().any(|name| name == only) => Some(only),
                _ => None,
            }
        })
        .collect()
}

/// Keywords that constrain a value and that the checker understands.
const CHECKED: &[&str] = &[
    "$defs",
    "$ref",
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "enum",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "items",
    "maxItems",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minimum",
    "oneOf",
    "patternProperties",
    "prefixItems",
    "properties",
    "propertyNames",
    "required",
    "type",
    "uniqueItems",
];

/// Keywords that say something about a value and forbid nothing.
const ANNOTATIONS: &[&str] = &[
    "$comment",
    "$id",
    "$schema",
    "default",
    "deprecated",
    "description",
    "examples",
    "title",
    "writeOnly",
    "readOnly",
];

/// Formats of numbers, which schemars derives from Rust's types.
const NUMBER_FORMATS: &[&str] = &[
    "double", "float", "int", "int16", "int32", "int64", "int8", "uint", "uint16", "uint32", "uint64",
    "uint8",
];

/// What a schema demands that [`check`] would not check, as JSON pointers with the keyword; sorted. The conformance
/// suite asks this of every plug-in's settings.
pub fn unchecked_keywords(schema: &Json) -> Vec<String> {
    let mut unchecked = Vec::new();
    collect_unchecked(schema, "", &mut unchecked);
    unchecked.sort();
    unchecked
}

fn collect_unchecked(schema: &Json, pointer: &str, unchecked: &mut Vec<String>) {
    let Some(object) = schema.as_object() else { return };
    for (keyword, value) in object {
        let here = format!("{pointer}/{keyword}");
        match keyword.as_str() {
            "properties" | "$defs" => {
                for (name, schema) in value.as_object().into_iter().flatten() {
                    collect_unchecked(schema, &format!("{here}/{name}"), unchecked);
                }
            }
            "patternProperties" => {
                for (pattern, schema) in value.as_object().into_iter().flatten() {
                    let prefix = pattern.strip_prefix('^').unwrap_or("");
                    let literal = !prefix.is_empty()
                        && prefix
                            .bytes()
                            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
                    if !literal {
                        unchecked.push(format!("{here}/{pattern}"));
                    }
                    collect_unchecked(schema, &format!("{here}/{pattern}"), unchecked);
                }
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                for (position, schema) in value.as_array().into_iter().flatten().enumerate() {
                    collect_unchecked(schema, &format!("{here}/{position}"), unchecked);
                }
            }
            "additionalProperties" | "items" | "propertyNames" => collect_unchecked(value, &here, unchecked),
            "format" => {
                let name = value.as_str().unwrap_or_default();
                if text_format(name).is_none() && !NUMBER_FORMATS.contains(&name) {
                    unchecked.push(format!("{here}: {name}"));
                }
            }
            known if CHECKED.contains(&known) || ANNOTATIONS.contains(&known) || known.starts_with("x-") => {}
            _ => unchecked.push(here),
        }
    }
}
