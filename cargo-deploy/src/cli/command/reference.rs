//! The pages of `docs/reference`, made from what the program itself goes by, so that they cannot say anything else.
//!
//! `CARGO_DEPLOY_BLESS=1 cargo test --lib reference` writes them; without the variable the same test compares.

use crate::bench::environment::VARIABLES;
use crate::cli::args::{Cli, Document};
use crate::cli::command::schema;
use crate::cli::exit::ExitCode;
use crate::{keystore, sign};
use clap::CommandFactory as _;
use deploy_model::Os;
use deploy_plan::catalog::Catalog;
use deploy_plan::target_table::Target;
use deploy_plan::{finding, manifest};
use serde_json::Value;
use std::collections::BTreeSet;

/// A part of this program's own data that cannot be read: a bug.
#[derive(Debug, thiserror::Error)]
pub enum ReferenceError {
    /// The defaults of the manifest.
    #[error("read the defaults that are part of this program")]
    Defaults {
        /// What is wrong with them.
        source: toml::de::Error,
    },
    /// The schema of the manifest.
    #[error("read the schema that is part of this program")]
    Schema {
        /// What is wrong with it.
        source: serde_json::Error,
    },
}

/// Every page: its file name below `docs/reference`, and its text. The same catalog gives the same pages.
///
/// # Errors
///
/// Only when this program's own data is broken.
pub fn pages(catalog: &Catalog) -> Result<Vec<(String, String)>, ReferenceError> {
    let pages = [
        ("cli.md", command_line()),
        ("environment.md", environment()),
        ("exit-codes.md", exit_codes()),
        ("formats.md", formats(catalog)),
        ("manifest.md", manifest_keys(catalog)?),
        ("problems.md", problems()),
        ("targets.md", targets(catalog)),
        ("toolchains.md", toolchains(catalog)),
    ];
    Ok(pages.into_iter().map(|(name, text)| (name.to_owned(), text)).collect())
}

/// The beginning of a page.
fn page(title: &str, introduction: &str) -> String {
    format!(
        "<!-- Made by `CARGO_DEPLOY_BLESS=1 cargo test --lib reference`; edit what it is made from. -->\n\n\
         # {title}\n\n{introduction}\n"
    )
}

/// Text as it can stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('\n', " ")
}

/// A row of a table.
fn row(cells: &[&str]) -> String {
    let cells: Vec<String> = cells.iter().map(|text| cell(text)).collect();
    format!("| {} |\n", cells.join(" | "))
}

/// The first two lines of a table.
fn head(titles: &[&str]) -> String {
    format!("\n| {} |\n|{}\n", titles.join(" | "), "---|".repeat(titles.len()))
}

fn code(text: impl std::fmt::Display) -> String {
    format!("`{text}`")
}

fn listed<T>(items: impl IntoIterator<Item = T>, of: impl Fn(T) -> String) -> String {
    items.into_iter().map(of).collect::<Vec<_>>().join(", ")
}

fn command_line() -> String {
    let mut command = Cli::command();
    command.build();
    let mut text = page(
        "The command line",
        "`cargo deploy VERB --help` says the same on the terminal, `cargo deploy man --out DIRECTORY` writes manual \
         pages. Options are spelled as cargo spells them.",
    );
    text.push_str("\n## Options of every verb\n");
    text.push_str(&options(command.get_arguments()));
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        describe_verb(verb, "cargo deploy", 2, &mut text);
    }
    text
}

fn describe_verb(command: &clap::Command, parent: &str, depth: usize, text: &mut String) {
    let name = format!("{parent} {}", command.get_name());
    text.push_str(&format!("\n{} {}\n", "#".repeat(depth), code(&name)));
    if let Some(about) = command.get_about() {
        text.push_str(&format!("\n{about}.\n"));
    }
    let verbs: Vec<&clap::Command> =
        command.get_subcommands().filter(|verb| verb.get_name() != "help").collect();
    if !verbs.is_empty() {
        for verb in verbs {
            describe_verb(verb, &name, depth + 1, text);
        }
        return;
    }
    let usage = command.clone().render_usage().to_string();
    text.push_str(&format!("\n```text\n{}\n```\n", usage.trim_start_matches("Usage: ").trim_end()));
    text.push_str(&options(command.get_arguments().filter(|argument| !argument.is_global_set())));
}

/// The table of a verb's arguments, in the order in which they are declared.
fn options<'a>(arguments: impl Iterator<Item = &'a clap::Arg>) -> String {
    let rows: String = arguments
        .filter(|argument| {
            !argument.is_hide_set() && !matches!(argument.get_id().as_str(), "help" | "version")
        })
        .map(|argument| row(&[&code(spelling(argument)), &meaning(argument)]))
        .collect();
    if rows.is_empty() { rows } else { head(&["option", "meaning"]) + &rows }
}

/// How an argument is written.
fn spelling(argument: &clap::Arg) -> String {
    let takes_value = argument.get_action().takes_values();
    let value = match argument.get_value_names() {
        Some(names) if takes_value => names.iter().map(|name| name.as_str()).collect::<Vec<_>>().join(" "),
        _ if takes_value => argument.get_id().as_str().to_uppercase(),
        _ => String::new(),
    };
    let short = argument.get_short().map(|short| format!("-{short}"));
    let long = argument.get_long().map(|long| format!("--{long}"));
    let flags: Vec<String> = short.into_iter().chain(long).collect();
    match (flags.is_empty(), value.is_empty()) {
        (true, _) if argument.is_last_set() => format!("-- {value}"),
        (true, _) => value,
        (false, true) => flags.join(", "),
        (false, false) => format!("{} {value}", flags.join(", ")),
    }
}

fn meaning(argument: &clap::Arg) -> String {
    let mut text = argument.get_help().map(ToString::to_string).unwrap_or_default();
    let values = argument.get_possible_values();
    if !values.is_empty() && argument.get_action().takes_values() {
        text.push_str(&format!(": {}", listed(values.iter(), |value| code(value.get_name()))));
    }
    // Flags have defaults, too, which say nothing.
    if let ([default], true) = (argument.get_default_values(), argument.get_action().takes_values()) {
        text.push_str(&format!(" (default: {})", code(default.to_string_lossy())));
    }
    text
}

fn exit_codes() -> String {
    let mut text = page(
        "Exit codes",
        "Part of the public contract. Where a run fails in several ways there is one code all the same: what has to be \
         mended comes before what may pass by itself.",
    );
    text.push_str(&head(&["code", "meaning"]));
    for exit in ExitCode::ALL {
        text.push_str(&row(&[&(*exit as u8).to_string(), exit.meaning()]));
    }
    text
}

fn environment() -> String {
    let mut text = page("Environment variables", "Every variable that `cargo deploy` itself reads.");
    text.push_str(&head(&["variable", "meaning"]));
    for (names, meaning) in VARIABLES {
        text.push_str(&row(&[&listed(names.split(", "), code), meaning]));
    }
    text
}

fn problems() -> String {
    let mut text = page(
        "Problems",
        "What can be wrong with a manifest or a project, by the code that stands beside each problem and in the JSON \
         of `--message-format json`. All problems of a run are reported at once. None of them costs a compilation: \
         they are found before anything is built.",
    );
    for (title, codes) in [
        ("Reading the manifest", manifest::CODES),
        ("Resolving the project and drawing the plan", finding::CODES),
        ("Opening the keys", sign::CODES),
        ("Opening the keys of certificates", keystore::CODES),
    ] {
        text.push_str(&format!("\n## {title}\n"));
        for (name, meaning) in codes {
            text.push_str(&format!("\n### {}\n\n{meaning}\n", code(name)));
        }
    }
    text
}

/// What a target's binaries are checked against.
fn checked(target: &Target) -> String {
    let mut words = vec![target.container.clone(), target.machines.join(" + ")];
    words.extend(target.linking.clone());
    words.extend(target.minimum_macos.as_ref().map(|version| format!("for macOS {version} or older")));
    if target.has_glibc() {
        words.push("for the glibc floor, where one is given".to_owned());
    }
    words.join(", ")
}

fn targets(catalog: &Catalog) -> String {
    let mut text = page(
        "Targets",
        "Any of them can be named by its alias or its triple. A target with glibc takes a floor behind its name: \
         `linux-x64.2.17`. Toolchains are tried from left to right; `native` comes first where the triple is that of \
         the machine itself and no floor is given. `cargo deploy targets` says what your machine can do.",
    );
    text.push_str(&head(&["target", "triple", "toolchains", "archive", "binaries are checked to be"]));
    for target in &catalog.targets.target {
        text.push_str(&row(&[
            &code(&target.name),
            &code(&target.triple),
            &listed(&target.toolchains, code),
            &code(&target.archive),
            &checked(target),
        ]));
    }
    text
}

fn systems(systems: &[Os]) -> String {
    if systems.is_empty() { "all".to_owned() } else { listed(systems, |system| system.as_str().to_owned()) }
}

fn formats(catalog: &Catalog) -> String {
    let mut text = page(
        "Formats",
        "The package formats that this version makes. Another one is refused before anything is built.",
    );
    text.push_str(&head(&["format", "what it is", "file name", "systems", "settings"]));
    for (format, packager) in &catalog.packagers {
        text.push_str(&row(&[
            &code(format),
            &packager.plugin.summary,
            &code(packager.shape.file_name),
            &systems(packager.shape.systems),
            &settings_of(&packager.plugin.settings, "package", format.as_str()),
        ]));
    }
    text
}

fn toolchains(catalog: &Catalog) -> String {
    let mut text = page(
        "Toolchains",
        "What compiles for a target. `targets.toolchain` in the manifest asks for one by name; else the first that can \
         be used on the machine is taken, in the order of the [table of targets](targets.md).",
    );
    text.push_str(&head(&["toolchain", "what it is", "targets", "settings"]));
    for (id, plugin) in &catalog.toolchains {
        let named: Vec<&str> = catalog
            .targets
            .target
            .iter()
            .filter(|target| target.toolchains.contains(id))
            .map(|target| target.name.as_str())
            .collect();
        let mut serves = listed(named, code);
        if id == "native" {
            serves = format!("the machine's own, {serves}");
        }
        text.push_str(&row(&[
            &code(id),
            &plugin.summary,
            &serves,
            &settings_of(&plugin.settings, "toolchain", id),
        ]));
    }
    text
}

/// Where the settings of a plug-in are explained.
fn settings_of(schema: &Value, family: &str, id: &str) -> String {
    match schema.get("properties").and_then(Value::as_object) {
        Some(properties) if !properties.is_empty() => {
            let keys = listed(properties.keys(), code);
            format!("{keys} in [`[{family}.{}]`](manifest.md)", quoted(id))
        }
        _ => "none".to_owned(),
    }
}

/// A key as TOML wants it written.
fn quoted(key: &str) -> String {
    let bare = |letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '-' | '_');
    if key.chars().all(bare) { key.to_owned() } else { format!("{key:?}") }
}

fn manifest_keys(catalog: &Catalog) -> Result<String, ReferenceError> {
    let root: Value = serde_json::from_str(&schema::text(Document::Manifest, catalog))
        .map_err(|source| ReferenceError::Schema { source })?;
    let mut defaults: Value =
        toml::from_str(manifest::DEFAULTS).map_err(|source| ReferenceError::Defaults { source })?;
    // As in a run: a system's default formats are those that this version has.
    if let Some(formats) = defaults.pointer_mut("/bundle/formats").and_then(Value::as_object_mut) {
        for list in formats.values_mut().filter_map(Value::as_array_mut) {
            list.retain(|name| catalog.packagers.keys().any(|format| name == format.as_str()));
        }
    }
    let mut text = page(
        "The manifest",
        "Every key of `Deploy.toml`. All of it is optional: without a manifest, `cargo deploy bundle` makes an archive \
         for the machine that it runs on. The same keys can stand in `[package.metadata.deploy]` and \
         `[workspace.metadata.deploy]` of `Cargo.toml`, in `CARGO_DEPLOY_*` and in `--config`; see \
         [the layers](../concepts/manifest-layers.md). Keys are kebab-case, paths are relative to the manifest and \
         have forward slashes everywhere, and a key that is not listed here is an error. `metadata` and keys that begin \
         with `x-` are free for other tools.",
    );
    let mut walk = Walk { root: &root, defaults: &defaults, text: &mut text };
    walk.table(&root, &[], false, "");
    Ok(text)
}

/// Goes over the schema of the manifest, table by table.
struct Walk<'a> {
    root: &'a Value,
    defaults: &'a Value,
    text: &'a mut String,
}

impl<'a> Walk<'a> {
    /// What a schema refers to, or itself.
    fn resolved(&self, schema: &'a Value) -> &'a Value {
        schema
            .get("$ref")
            .and_then(Value::as_str)
            .and_then(|reference| reference.strip_prefix("#/$defs/"))
            .and_then(|name| self.root.get("$defs")?.get(name))
            .unwrap_or(schema)
    }

    /// The section of a table, then those of the tables in it.
    fn table(&mut self, schema: &'a Value, path: &[&str], is_list: bool, sort: &str) {
        let properties: Vec<(&'a String, &'a Value)> =
            schema.get("properties").and_then(Value::as_object).into_iter().flatten().collect();
        let required: Vec<&str> = strings(schema.get("required")).collect();
        let name = path.iter().map(|key| quoted(key)).collect::<Vec<_>>().join(".");
        let title = match (path.is_empty(), is_list) {
            (true, _) => "At the top".to_owned(),
            (false, true) => code(format!("[[{name}]]")),
            (false, false) => code(format!("[{name}]")),
        };
        let title = if sort.is_empty() { title } else { format!("{title} with {}", code(sort)) };
        self.text.push_str(&format!("\n## {title}\n"));
        if let Some(description) = schema.get("description").and_then(Value::as_str)
            && !properties.is_empty()
        {
            self.text.push_str(&format!("\n{description}\n"));
        }
        let mut inner: Vec<(Vec<&str>, &'a Value, bool, &str)> = Vec::new();
        let mut rows = String::new();
        for &(key, property) in &properties {
            let mut below = path.to_vec();
            below.push(key);
            let target = self.resolved(property);
            let tables: Vec<(&'a Value, bool)> = self.tables(target);
            let only_table =
                tables.len() == 1 && target.get("anyOf").is_none() && target.get("items").is_none();
            // Tables of several sorts are told apart by their first key.
            let first = |table: &'a Value| table.get("properties").and_then(Value::as_object)?.keys().next();
            let several = tables.iter().map(|(table, _)| first(table)).collect::<BTreeSet<_>>().len() > 1;
            inner.extend(tables.into_iter().map(|(table, is_list)| {
                let sort = first(table).filter(|_| several);
                (below.clone(), table, is_list, sort.map_or("", String::as_str))
            }));
            if only_table {
                continue;
            }
            let need = if required.contains(&key.as_str()) { "required" } else { "" };
            let default = match self.default(&below) {
                Some(value) if !value.is_object() => code(value),
                _ => need.to_owned(),
            };
            rows.push_str(&row(&[&code(key), &self.kind(target), &default, &self.meaning(property, target)]));
        }
        if let Some(alternatives) = schema.get("oneOf").and_then(Value::as_array) {
            let keys = alternatives.iter().flat_map(|one| strings(one.get("required"))).map(code);
            let keys: Vec<String> = keys.collect();
            self.text.push_str(&format!("\nExactly one of {} is needed.\n", keys.join(" and ")));
        }
        if !rows.is_empty() {
            self.text.push_str(&head(&["key", "value", "default", "meaning"]));
            self.text.push_str(&rows);
        } else if properties.is_empty() {
            self.text.push_str("\nThere is nothing to set yet.\n");
        } else {
            self.text.push_str("\nIt holds the tables below.\n");
        }
        for (path, table, is_list, sort) in inner {
            self.table(table, &path, is_list, sort);
        }
    }

    /// The tables that a value can be or hold, with whether they come in a list.
    fn tables(&self, schema: &'a Value) -> Vec<(&'a Value, bool)> {
        let schema = self.resolved(schema);
        if schema.get("properties").is_some()
            || schema.get("additionalProperties") == Some(&Value::Bool(false))
        {
            return vec![(schema, false)];
        }
        if let Some(items) = schema.get("items") {
            return self.tables(items).into_iter().map(|(table, _)| (table, true)).collect();
        }
        let branches = ["anyOf", "oneOf"].into_iter().filter_map(|keyword| schema.get(keyword)?.as_array());
        branches.flatten().flat_map(|branch| self.tables(branch)).collect()
    }

    fn default(&self, path: &[&str]) -> Option<&'a Value> {
        path.iter().try_fold(self.defaults, |value, key| value.get(key))
    }

    /// What can be written, in words.
    fn kind(&self, schema: &'a Value) -> String {
        let schema = self.resolved(schema);
        if let Some(value) = schema.get("const") {
            return code(value);
        }
        if let Some(values) = schema.get("enum").and_then(Value::as_array) {
            return values.iter().map(code).collect::<Vec<_>>().join(" or ");
        }
        for keyword in ["anyOf", "oneOf"] {
            if let Some(branches) = schema.get(keyword).and_then(Value::as_array)
                && schema.get("properties").is_none()
            {
                let mut kinds: Vec<String> = branches.iter().map(|branch| self.kind(branch)).collect();
                kinds.dedup();
                return kinds.join(" or ");
            }
        }
        match schema.get("type").and_then(Value::as_str) {
            Some("string") => schema
                .get("format")
                .and_then(Value::as_str)
                .and_then(manifest::text_format)
                .map_or_else(|| "a text".to_owned(), |format| format.expected.to_owned()),
            Some("integer") => "a whole number".to_owned(),
            Some("boolean") => "`true` or `false`".to_owned(),
            Some("array") => match schema.get("items") {
                Some(items) => format!("a list; each: {}", self.kind(items)),
                None => "a list".to_owned(),
            },
            Some("object") => match schema.get("additionalProperties") {
                Some(values) if values.is_object() => format!("a table; each value: {}", self.kind(values)),
                _ => "a table, below".to_owned(),
            },
            _ => "anything".to_owned(),
        }
    }

    /// The description, the meaning of each word that can be written, and an example.
    fn meaning(&self, property: &'a Value, target: &'a Value) -> String {
        let of = |keyword: &str| property.get(keyword).or_else(|| target.get(keyword));
        let mut text = of("description").and_then(Value::as_str).unwrap_or_default().to_owned();
        let words = target.get("oneOf").and_then(Value::as_array).into_iter().flatten();
        for word in words.filter(|word| word.get("const").is_some()) {
            let (value, meaning) = (&word["const"], word["description"].as_str().unwrap_or_default());
            text.push_str(&format!(" {}: {}", code(value), meaning));
        }
        if let Some(example) = of("examples").and_then(|examples| examples.get(0)) {
            text.push_str(&format!(" Example: {}.", code(toml_text(example))));
        }
        text
    }
}

fn strings(value: Option<&Value>) -> impl Iterator<Item = &str> {
    value.and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
}

/// A value as it is written in TOML, on one line.
fn toml_text(value: &Value) -> String {
    match value {
        Value::Array(items) => format!("[{}]", listed(items, toml_text)),
        Value::Object(table) => {
            format!(
                "{{ {} }}",
                listed(table, |(key, value)| format!("{} = {}", quoted(key), toml_text(value)))
            )
        }
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::environment::Environment;
    use crate::bench::files;
    use crate::catalog::catalog;
    use camino::Utf8Path;

    #[test]
    fn the_committed_reference_pages_are_what_the_program_says() {
        let directory = Utf8Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/reference");
        let bless = Environment::read().expect("an environment").is_true("CARGO_DEPLOY_BLESS");
        let pages = pages(&catalog().expect("a catalog")).expect("pages");
        let mut names = vec!["README.md".to_owned()];
        for (name, text) in pages {
            let path = directory.join(&name);
            if bless {
                files::replace(&path, text.as_bytes()).expect("written");
            }
            let committed = files::read_if_exists(&path).expect("readable").unwrap_or_default();
            let is_fresh = committed == text.as_bytes();
            assert!(is_fresh, "{path} is stale: run CARGO_DEPLOY_BLESS=1 cargo test --lib reference");
            names.push(name);
        }
        names.sort();
        assert_eq!(files::names(&directory).expect("readable"), names, "what else lies in {directory}");
    }

    #[test]
    fn every_key_of_the_schema_stands_on_the_page_of_the_manifest() {
        let catalog = catalog().expect("a catalog");
        let schema: Value =
            serde_json::from_str(&schema::text(Document::Manifest, &catalog)).expect("a schema");
        let text = manifest_keys(&catalog).expect("a page");
        let definitions = schema["$defs"].as_object().expect("definitions");
        for (name, definition) in definitions {
            for key in definition
                .get("properties")
                .and_then(Value::as_object)
                .into_iter()
                .flat_map(serde_json::Map::keys)
            {
                // A table of a table has a section of its own.
                let places = [format!("| `{key}` |"), format!(".{key}]`")];
                assert!(places.iter().any(|place| text.contains(place)), "{key} of {name}");
            }
        }
        assert!(text.contains("| `profile` | a text | `\"release\"` |"), "{text}");
    }

    #[test]
    fn a_bar_in_a_text_does_not_end_its_cell() {
        assert_eq!(row(&["a|b", "c"]), "| a\\|b | c |\n");
    }
}
