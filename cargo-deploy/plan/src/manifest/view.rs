//! A JSON Schema with its references followed: what may stand at one place, asked in the checker's words.

use std::collections::BTreeSet;

use serde_json::{Map, Value as Json};

use super::document::{Node, Value};
use super::field_path::quoted;
use super::suggestion::joined;
use super::text_format::{TextFormat, text_format};

/// How many steps of `$ref` and `allOf` are followed before a schema is taken to be circular.
const MAXIMUM_FACETS: usize = 32;

/// How many choices directly in one another are followed.
const MAXIMUM_CHOICES: usize = 8;

/// The kinds of values a place takes, one bit a kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Kinds(u8);

impl Kinds {
    pub(crate) const NONE: Self = Self(0);
    pub(crate) const STRING: Self = Self(1);
    pub(crate) const INTEGER: Self = Self(2);
    pub(crate) const NUMBER: Self = Self(4);
    pub(crate) const BOOLEAN: Self = Self(8);
    pub(crate) const ARRAY: Self = Self(16);
    pub(crate) const TABLE: Self = Self(32);
    pub(crate) const ALL: Self = Self(63);

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

    pub(crate) fn of(node: &Node) -> Self {
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

    pub(crate) fn holds(self, other: Self) -> bool {
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
    pub(crate) alternatives: Vec<Vec<View<'s>>>,
    /// Sets of keys of which exactly one must be there: `oneOf` with nothing but `required`.
    pub(crate) exclusive: Vec<Vec<&'s str>>,
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
    pub(crate) fn get(&self, keyword: &str) -> Option<&'s Json> {
        self.facets.iter().find_map(|facet| facet.get(keyword))
    }

    pub(crate) fn number(&self, keyword: &str) -> Option<f64> {
        self.get(keyword).and_then(Json::as_f64)
    }

    pub(crate) fn length(&self, keyword: &str) -> Option<usize> {
        self.get(keyword).and_then(Json::as_u64).and_then(|number| usize::try_from(number).ok())
    }

    /// The properties of all facets, and of no branch.
    pub(crate) fn properties(&self) -> impl Iterator<Item = (&'s str, &'s Json)> + use<'s, '_> {
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

    pub(crate) fn required(&self) -> impl Iterator<Item = &'s str> + use<'s, '_> {
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
    pub(crate) fn words(&self) -> Option<Vec<&'s str>> {
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
    pub(crate) fn kinds(&self) -> Kinds {
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
    pub(crate) fn choosing(&self, branch: &View<'s>) -> View<'s> {
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
            let tables: Vec<&View<'s>> = branches.iter().collect();
            if let Some(keys) = telling_keys(&tables) {
                let keys = keys.into_iter().filter(|key| key.leads).map(|key| key.name);
                return format!("a table with one of {}", joined(keys, '`', "and"));
            }
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
            Kinds::STRING if items.text_format().is_some() => {
                format!("a list with each item {}", items.expected())
            }
            Kinds::STRING if items.words().is_some() => {
                let words = items.words().unwrap_or_default();
                format!(
                    "a list of words such as {}",
                    words.first().map_or_else(String::new, |word| quoted(word))
                )
            }
            Kinds::STRING => "a list of strings".to_owned(),
            Kinds::TABLE => "a list of tables".to_owned(),
            Kinds::INTEGER => "a list of whole numbers".to_owned(),
            _ => "a list".to_owned(),
        }
    }

    pub(crate) fn text_format(&self) -> Option<&'static TextFormat> {
        self.get("format").and_then(Json::as_str).and_then(text_format)
    }
}

pub(crate) fn one_of(words: &[&str]) -> String {
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

/// The key that says in every branch, by a fixed word, which branch it is.
pub(crate) fn common_tag<'s>(branches: &[&View<'s>]) -> Option<&'s str> {
    let (first, rest) = branches.split_first()?;
    first.properties().map(|(name, _)| name).find(|name| {
        let is_tag = |view: &&View<'s>| {
            view.property(name).and_then(|property| property.words()).is_some_and(|words| words.len() == 1)
        };
        is_tag(first) && rest.iter().all(is_tag)
    })
}

/// A key that only one sort of table has.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TellingKey<'s> {
    /// Its name.
    pub(crate) name: &'s str,
    /// The position of its branch.
    pub(crate) branch: usize,
    /// Whether it is named when it is said what sorts there are: others only go with such a one.
    pub(crate) leads: bool,
}

/// The keys that tell tables of several sorts apart: those that a branch needs, or needs one of, and that no other branch
/// knows. `None` if a branch has no such key.
pub(crate) fn telling_keys<'s>(branches: &[&View<'s>]) -> Option<Vec<TellingKey<'s>>> {
    let mut telling = Vec::new();
    for (position, branch) in branches.iter().enumerate() {
        let is_known_elsewhere = |key: &str| {
            let mut others = branches.iter().enumerate().filter(|(other, _)| *other != position);
            others.any(|(_, other)| other.properties().any(|(name, _)| name == key))
        };
        let one_of = branch.exclusive.iter().flatten().copied();
        let mut found: Vec<TellingKey<'_>> = one_of
            .filter(|key| !is_known_elsewhere(key))
            .map(|name| TellingKey { name, branch: position, leads: true })
            .collect();
        for name in branch.required().filter(|key| !is_known_elsewhere(key)) {
            found.push(TellingKey { name, branch: position, leads: found.is_empty() });
        }
        if found.is_empty() {
            return None;
        }
        telling.extend(found);
    }
    Some(telling)
}
