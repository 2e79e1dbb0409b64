//! The layers that settings come from, and how a stronger one covers a weaker one.
//!
//! Tables merge key by key. Everything else of a stronger layer replaces what the weaker one has: strings and
//! numbers, lists as a whole (also lists of tables, such as `[[asset]]`: an asset list of a package replaces the
//! workspace's), and tables of several sorts, since keys of two sorts make no sense together.

use serde_json::Value as Json;

use super::check;
use super::document::{Entry, Node, Parsed, Table, Value, parse};
use super::field_path::{FieldPath, Segment, written_key};
use super::problem::Problem;
use super::source::{Location, Source, SourceKind, Sources};
use super::suggestion::{joined, nearest};
use super::view::View;

/// What the names of our environment variables begin with.
pub const ENVIRONMENT_PREFIX: &str = "CARGO_DEPLOY_";

/// How deep tables are looked into for names of variables.
const MAXIMUM_NAME_DEPTH: usize = 8;

/// A `--config` argument as a tree with one setting in it.
pub(crate) fn config_argument(source: &Source) -> Parsed {
    let text = source.text();
    let everything = Location::new(source.id(), 0..text.len());
    let refuse = |message: &str, help: &str| {
        let problem = Problem::error("manifest::config-argument", message)
            .label(everything.clone(), "this argument")
            .help(help);
        Parsed { root: None, problems: vec![problem] }
    };
    if !text.contains('=') {
        return refuse("--config takes KEY=VALUE", "write for example --config 'bundle.level=\"fast\"'");
    }
    let mut parsed = parse(source);
    if !parsed.problems.is_empty() {
        for problem in &mut parsed.problems {
            let help = "the value is TOML, and the shell takes quotes away: put the whole argument in single quotes, \
                        as in --config 'bundle.level=\"fast\"'";
            problem.help = Some(help.to_owned());
        }
        return Parsed { root: None, problems: parsed.problems };
    }
    let mut settings = 0;
    let mut headers = false;
    if let Some(root) = &parsed.root {
        count_settings(root, source, &mut settings, &mut headers);
    }
    if settings != 1 || headers {
        return refuse(
            "--config takes one setting as KEY=VALUE",
            "repeat --config for each setting, with a dotted key: --config 'bundle.level=\"fast\"'",
        );
    }
    parsed
}

/// Counts what is set, an inline table as one, and looks for headers.
fn count_settings(node: &Node, source: &Source, settings: &mut usize, headers: &mut bool) {
    for entry in node.as_table().into_iter().flatten().map(|(_, entry)| entry) {
        let written = source.text().get(entry.node.location.span.clone()).unwrap_or("");
        match &entry.node.value {
            Value::Table(_) if written.starts_with('{') => *settings += 1,
            Value::Table(_) => {
                *headers |= written.starts_with('[');
                count_settings(&entry.node, source, settings, headers);
            }
            Value::Array(_) if written.starts_with("[[") && !written.ends_with(']') => *headers = true,
            _ => *settings += 1,
        }
    }
}

/// A variable's name and value as one text, so that places in it can be shown.
pub(crate) fn variable_text(name: &str, value: &str) -> String {
    format!("{name}={value}")
}

/// A variable as a tree with one setting in it.
pub(crate) fn environment_variable(source: &Source, name: &str, schema: &Json) -> Parsed {
    let value_start = name.len() + 1;
    let key = Location::new(source.id(), 0..name.len());
    let refuse = |problem: Problem| Parsed { root: None, problems: vec![problem] };
    let wanted = name.strip_prefix(ENVIRONMENT_PREFIX).unwrap_or(name).to_ascii_uppercase();

    let mut search = NameSearch { found: Vec::new(), open: None };
    search.descend(&View::of(schema, schema), &wanted, &FieldPath::root());
    let mut found = search.found;
    found.sort_by(|(one, _), (other, _)| one.cmp(other));
    found.dedup_by(|(one, _), (other, _)| one == other);

    let (path, view) = match found.as_slice() {
        [only] => only,
        [] => {
            let problem =
                Problem::error("manifest::environment-variable", format!("{name} names no setting"))
                    .field(name);
            if let Some(open) = search.open {
                return refuse(
                    problem
                        .label(key, format!("the keys of `{open}` cannot be told from a variable's name"))
                        .help(format!("set it with --config '{open}.KEY=VALUE', or in Deploy.toml")),
                );
            }
            let mut names = Vec::new();
            variable_names(&View::of(schema, schema), ENVIRONMENT_PREFIX, 0, &mut names);
            let label = match nearest(name, names.iter().map(String::as_str)) {
                Some(near) => format!("did you mean {near}?"),
                None => "no setting has this name".to_owned(),
            };
            let help = "the name is CARGO_DEPLOY_ and the setting's path in capitals, with _ for dots and hyphens: \
                        CARGO_DEPLOY_TARGETS_GLIBC for targets.glibc";
            return refuse(problem.label(key, label).help(help));
        }
        several => {
            let paths: Vec<String> = several.iter().map(|(path, _)| path.to_string()).collect();
            let list = joined(paths.iter().map(String::as_str), '`', "and");
            return refuse(
                Problem::error("manifest::environment-variable", format!("{name} can mean {list}"))
                    .label(key, "which of them?")
                    .help("set it with --config, or in Deploy.toml"),
            );
        }
    };

    let text = source.text().get(value_start..).unwrap_or("");
    let place = Location::new(source.id(), value_start..source.text().len());
    let node = match typed_value(view, text, &place) {
        Ok(node) => node,
        Err(problem) => {
            let expected = view.expected();
            let mut problem = problem.field(path).help(format!("`{path}` takes {expected}"));
            problem.expected = Some(expected);
            return refuse(problem);
        }
    };
    let mut tree = node;
    for segment in path.segments().iter().rev() {
        if let Segment::Key(name) = segment {
            let entry = Entry { key: key.clone(), node: tree };
            let table = Table::from([(name.clone(), entry)]);
            tree = Node { value: Value::Table(table), location: key.clone() };
        }
    }
    Parsed { root: Some(tree), problems: Vec::new() }
}

/// How a setting's name is spelled in a variable's name.
fn variable_spelling(key: &str) -> String {
    key.to_ascii_uppercase().replace(['-', '.'], "_")
}

struct NameSearch<'s> {
    found: Vec<(FieldPath, View<'s>)>,
    /// A table with free keys in which the name ended.
    open: Option<FieldPath>,
}

impl<'s> NameSearch<'s> {
    fn descend(&mut self, view: &View<'s>, wanted: &str, path: &FieldPath) {
        for (name, property) in view.all_properties() {
            let Some(rest) = wanted.strip_prefix(&variable_spelling(name)) else { continue };
            let path = path.key(name);
            if rest.is_empty() {
                self.found.push((path, property));
            } else if let Some(rest) = rest.strip_prefix('_') {
                if property.takes_tables() {
                    self.descend(&property, rest, &path);
                }
                if property.is_open() && !rest.is_empty() {
                    self.open = self.open.take().or(Some(path));
                }
            }
        }
    }
}

/// Every variable that names a setting.
fn variable_names(view: &View<'_>, prefix: &str, depth: usize, names: &mut Vec<String>) {
    if depth > MAXIMUM_NAME_DEPTH {
        return;
    }
    for (name, property) in view.all_properties() {
        let name = format!("{prefix}{}", variable_spelling(name));
        if property.takes_tables() {
            variable_names(&property, &format!("{name}_"), depth + 1, names);
        }
        names.push(name);
    }
}

/// A variable's value as the kind of value that its setting takes.
fn typed_value(view: &View<'_>, text: &str, place: &Location) -> Result<Node, Box<Problem>> {
    let trimmed = text.trim();
    let node = |value: Value| Ok(Node { value, location: place.clone() });
    let bracketed =
        trimmed.starts_with('[') && view.takes_lists() || trimmed.starts_with('{') && view.takes_tables();
    if bracketed {
        return toml_value(trimmed, text, place);
    }
    match trimmed {
        "true" if view.takes_booleans() => return node(Value::Boolean(true)),
        "false" if view.takes_booleans() => return node(Value::Boolean(false)),
        _ => {}
    }
    if view.takes_integers()
        && let Ok(number) = trimmed.parse()
    {
        return node(Value::Integer(number));
    }
    if view.takes_fractions()
        && let Ok(number) = trimmed.parse::<f64>()
        && number.is_finite()
    {
        return node(Value::Float(number));
    }
    if view.takes_strings() {
        return node(Value::String(text.to_owned()));
    }
    if view.takes_lists() {
        // Anything but text in a list has to be written as TOML.
        if view.items().is_none_or(|items| items.takes_strings()) {
            return node(Value::Array(comma_separated(text, place)));
        }
    }
    let shown: String = trimmed.chars().take(40).flat_map(char::escape_debug).collect();
    let message = format!("the value \"{shown}\" cannot be read");
    let problem = Problem::error("manifest::environment-variable", message);
    Err(Box::new(problem.label(place.clone(), "this value")))
}

/// `a,b, c` as a list of texts, each with its place. Nothing is an empty list.
fn comma_separated(text: &str, place: &Location) -> Vec<Node> {
    let mut items = Vec::new();
    let mut start = place.span.start;
    for item in text.split(',') {
        let indent = item.len() - item.trim_start().len();
        let trimmed = item.trim();
        if !trimmed.is_empty() {
            let from = start + indent;
            items.push(Node {
                value: Value::String(trimmed.to_owned()),
                location: Location::new(place.source, from..from + trimmed.len()),
            });
        }
        start += item.len() + 1;
    }
    items
}

/// A value in brackets or braces, written as TOML.
fn toml_value(trimmed: &str, text: &str, place: &Location) -> Result<Node, Box<Problem>> {
    const KEY: &str = "value = ";
    let mut sources = Sources::default();
    let id = sources.add(SourceKind::Environment, "", format!("{KEY}{trimmed}"));
    let offset = place.span.start + (text.len() - text.trim_start().len());
    let shift = move |location: &mut Location| {
        location.source = place.source;
        location.span.start = (location.span.start + offset).saturating_sub(KEY.len());
        location.span.end = (location.span.end + offset).saturating_sub(KEY.len());
    };
    let parsed = sources.get(id).map(parse);
    let value = parsed.and_then(|parsed| {
        if let Some(mut problem) = parsed.problems.into_iter().next() {
            problem.labels.iter_mut().for_each(|label| shift(&mut label.location));
            return Some(Err(Box::new(problem)));
        }
        let Some(Value::Table(mut table)) = parsed.root.map(|root| root.value) else { return None };
        table.remove("value").map(|entry| Ok(entry.node))
    });
    let mut node = value.unwrap_or_else(|| {
        let problem = Problem::error("manifest::environment-variable", "the value cannot be read as TOML");
        Err(Box::new(problem.label(place.clone(), "this value")))
    })?;
    move_node(&mut node, &shift);
    Ok(node)
}

fn move_node(node: &mut Node, shift: &impl Fn(&mut Location)) {
    shift(&mut node.location);
    match &mut node.value {
        Value::Array(items) => items.iter_mut().for_each(|item| move_node(item, shift)),
        Value::Table(table) => {
            for entry in table.values_mut() {
                shift(&mut entry.key);
                move_node(&mut entry.node, shift);
            }
        }
        _ => {}
    }
}

/// The table at `package.metadata.deploy` or `workspace.metadata.deploy`, with its places in `Cargo.toml`, or the one at
/// `package.metadata.deb` as `package.deb`. What is wrong with the rest of the file is for cargo to say.
pub(crate) fn metadata_table(source: &Source) -> Parsed {
    let mut parsed = parse(source);
    if !parsed.problems.is_empty() {
        // Cargo allows more depth than is allowed here, so that has to be said.
        parsed.problems.retain(|problem| problem.code == "manifest::too-deep");
        return Parsed { root: None, problems: parsed.problems };
    }
    let (first, last, below): (_, _, &[&str]) = match source.kind() {
        SourceKind::WorkspaceMetadata => ("workspace", "deploy", &[]),
        SourceKind::DebMetadata => ("package", "deb", &["package", "deb"]),
        _ => ("package", "deploy", &[]),
    };
    let mut root = parsed.root.take();
    for key in [first, "metadata", last] {
        root = root.and_then(|node| match node.value {
            Value::Table(mut table) => table.remove(key).map(|entry| entry.node),
            _ => None,
        });
    }
    let Some(node) = root else { return Parsed { root: None, problems: Vec::new() } };
    if node.as_table().is_none() {
        let expected = "a table";
        let problem = Problem::error(
            "manifest::wrong-type",
            format!("`{first}.metadata.{last}` is {}", check::found(&node)),
        )
        .label(node.location.clone(), format!("expected {expected}"))
        .help(format!("write `[{first}.metadata.{last}]`"))
        .field(format!("{first}.metadata.{last}"))
        .mismatch(check::found(&node), expected);
        return Parsed { root: None, problems: vec![problem] };
    }
    let within = |node: Node, key: &&str| {
        let location = node.location.clone();
        let entry = Entry { key: location.clone(), node };
        Node { value: Value::Table(Table::from([((*key).to_owned(), entry)])), location }
    };
    Parsed { root: Some(below.iter().rev().fold(node, within)), problems: Vec::new() }
}

/// Covers a weaker layer with a stronger one.
pub(crate) fn merge(view: &View<'_>, stronger: Node, weaker: Node) -> Node {
    let (strong, mut weak) = match (stronger.value, weaker.value) {
        (Value::Table(strong), Value::Table(weak)) if !view.is_choice_of_tables() => (strong, weak),
        (value, _) => return Node { value, location: stronger.location },
    };
    let mut merged = Table::new();
    for (name, entry) in strong {
        let entry = match weak.remove(&name) {
            None => entry,
            Some(covered) => {
                let property = property(view, &name);
                Entry { key: entry.key, node: merge(&property, entry.node, covered.node) }
            }
        };
        merged.insert(name, entry);
    }
    merged.extend(weak);
    Node { value: Value::Table(merged), location: stronger.location }
}

/// The schema of a key in a table, whichever branch knows it.
fn property<'s>(view: &View<'s>, name: &str) -> View<'s> {
    let branches = view.with_branches();
    branches
        .iter()
        .find_map(|branch| branch.property(name))
        .or_else(|| view.additional(name))
        .unwrap_or_else(|| view.clone())
}

/// Drops from the lists of the defaults what this program has no plug-in for: they name the formats that people
/// expect, and a program built without one of them must still work.
pub(crate) fn keep_known_words(view: &View<'_>, node: &mut Node) {
    match &mut node.value {
        Value::Table(table) => {
            for (name, entry) in table {
                keep_known_words(&property(view, name), &mut entry.node);
            }
        }
        Value::Array(items) => {
            if let Some(words) = view.items().and_then(|items| items.words()) {
                items.retain(|item| item.as_str().is_none_or(|word| words.contains(&word)));
            }
        }
        _ => {}
    }
}

/// Settings that stand in two files of which only one may have them.
pub(crate) struct SetTwice<'t> {
    /// The file's name.
    pub(crate) file: &'t str,
    /// What is written in it.
    pub(crate) in_file: &'t Node,
    /// The name of the metadata's table.
    pub(crate) metadata: &'t str,
    /// What is written in it.
    pub(crate) in_metadata: &'t Node,
}

impl SetTwice<'_> {
    /// What is set both in a `Deploy.toml` and in the metadata beside it.
    pub(crate) fn problems(&self, view: &View<'_>) -> Vec<Problem> {
        let mut problems = Vec::new();
        self.collect(view, (self.in_file, self.in_metadata), &FieldPath::root(), &mut problems);
        problems
    }

    fn collect(
        &self,
        view: &View<'_>,
        (in_file, in_metadata): (&Node, &Node),
        path: &FieldPath,
        problems: &mut Vec<Problem>,
    ) {
        let (Some(in_file), Some(in_metadata)) = (in_file.as_table(), in_metadata.as_table()) else { return };
        for (name, entry) in in_file {
            let Some(other) = in_metadata.get(name) else { continue };
            let path = path.key(name.as_str());
            let property = property(view, name);
            let tables = entry.node.as_table().is_some() && other.node.as_table().is_some();
            if tables && !property.is_choice_of_tables() {
                self.collect(&property, (&entry.node, &other.node), &path, problems);
                continue;
            }
            let message = format!("`{path}` is set in {} and in `{}`", self.file, self.metadata);
            problems.push(
                Problem::error("manifest::set-twice", message)
                    .label(entry.key.clone(), "set here")
                    .label(other.key.clone(), "and here")
                    .help("keep one of the two; a Deploy.toml can hold everything that the metadata can")
                    .field(&path),
            );
        }
    }
}

/// Every setting of a tree with its path: what is not a table, and tables without keys.
pub(crate) fn leaves<'n>(node: &'n Node, path: &FieldPath, all: &mut Vec<(FieldPath, &'n Node)>) {
    match &node.value {
        Value::Table(table) if !table.is_empty() => {
            for (name, entry) in table {
                leaves(&entry.node, &path.key(name.as_str()), all);
            }
        }
        _ => all.push((path.clone(), node)),
    }
}

/// Where a layer's settings come from, in words for `config show --origin`.
pub(crate) fn origin(sources: &Sources, location: &Location) -> String {
    let Some(source) = sources.get(location.source) else { return String::new() };
    match source.kind() {
        SourceKind::ConfigArgument | SourceKind::Environment => source.name().to_owned(),
        SourceKind::Defaults => "default".to_owned(),
        _ => sources.describe(location),
    }
}

/// The name of a source made of one setting.
pub(crate) fn variable_source(name: &str) -> String {
    format!("environment variable {}", written_key(name).trim_matches('"'))
}

/// A layer that was parsed.
pub(crate) struct Layer {
    pub(crate) kind: SourceKind,
    pub(crate) root: Option<Node>,
    /// Whether the tree holds all that the text says.
    pub(crate) complete: bool,
}
