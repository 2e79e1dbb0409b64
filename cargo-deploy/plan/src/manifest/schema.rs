//! The JSON Schema of the manifest, with the settings of the plug-ins put in.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::Manifest;
use super::field_path::written_key;

/// Keys that later versions will know, with the plural that a sentence about them begins with. They are refused like
/// any unknown key, so that nothing is asked for in vain, but with the reason.
pub const LATER_KEYS: &[(&str, &str)] = &[
    ("ipc", "settings of the control connection"),
    ("ports", "reserved ports"),
    ("publish", "publishers"),
    ("secret", "secrets"),
    ("service", "bundled services"),
    ("shell", "desktop shells"),
    ("swap", "swaps of dependencies"),
    ("telemetry", "settings of telemetry"),
    ("update", "updates and their feeds"),
];

/// The settings schemas of the plug-ins, by family and name. A family without members has no table in the manifest.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Sections {
    /// `[package.<format>]`.
    pub packages: BTreeMap<String, Json>,
    /// `[toolchain.<name>]`.
    pub toolchains: BTreeMap<String, Json>,
    /// `[publish.<name>]`.
    pub publishers: BTreeMap<String, Json>,
    /// `[sign.<name>]`.
    pub signers: BTreeMap<String, Json>,
    /// `[repository.<name>]`.
    pub repositories: BTreeMap<String, Json>,
}

impl Sections {
    /// Each family with the key of its table.
    fn families(&self) -> [(&'static str, &BTreeMap<String, Json>); 5] {
        [
            ("package", &self.packages),
            ("toolchain", &self.toolchains),
            ("publish", &self.publishers),
            ("sign", &self.signers),
            ("repository", &self.repositories),
        ]
    }
}

/// The schema of `Deploy.toml` for these plug-ins. The same plug-ins give the same text.
pub fn schema(sections: &Sections) -> Json {
    let mut root = schemars::schema_for!(Manifest).to_value();
    each_schema(&mut root, &mut |object| {
        name_members(object, sections);
        tidy(object);
    });

    let mut definitions = Map::new();
    if let Some(Json::Object(known)) = root.get_mut("$defs").map(Json::take) {
        definitions.extend(known);
    }
    for (family, members) in sections.families() {
        let mut tables = Map::new();
        for (name, settings) in members {
            let definition = format!("{family}.{name}");
            let title = format!("[{family}.{}]", written_key(name));
            embed(&definition, &title, settings, &mut definitions);
            tables.insert(name.clone(), json!({ "$ref": format!("#/$defs/{definition}") }));
        }
        let Some(properties) = root.get_mut("properties").and_then(Json::as_object_mut) else { continue };
        if tables.is_empty() {
            properties.shift_remove(family);
        } else if let Some(property) = properties.get_mut(family).and_then(Json::as_object_mut) {
            property.insert("properties".to_owned(), Json::Object(tables));
            property.insert("additionalProperties".to_owned(), Json::Bool(false));
        }
    }
    let Some(object) = root.as_object_mut() else { return root };
    let free = json!({ "description": "Free for other tools. cargo-deploy does not look at it." });
    if let Some(properties) = object.get_mut("properties").and_then(Json::as_object_mut) {
        properties.insert("metadata".to_owned(), free.clone());
    }
    object.insert("patternProperties".to_owned(), json!({ "^x-": free }));
    object.insert("title".to_owned(), json!("Deploy.toml"));
    // The definitions last, as whoever reads from the top wants them.
    object.shift_remove("$defs");
    object.insert("$defs".to_owned(), sorted(definitions));
    root
}

fn sorted(map: Map<String, Json>) -> Json {
    let sorted: BTreeMap<String, Json> = map.into_iter().collect();
    Json::Object(sorted.into_iter().collect())
}

/// Visits a schema and every schema in it. A property called `type` is no keyword, so a walk over all of the JSON
/// would not do.
fn each_schema(schema: &mut Json, visit: &mut dyn FnMut(&mut Map<String, Json>)) {
    let Some(object) = schema.as_object_mut() else { return };
    visit(object);
    for (keyword, value) in object {
        match keyword.as_str() {
            "properties" | "patternProperties" | "$defs" => {
                let schemas = value.as_object_mut().into_iter().flat_map(Map::values_mut);
                schemas.for_each(|schema| each_schema(schema, visit));
            }
            "allOf" | "anyOf" | "oneOf" | "prefixItems" => {
                let schemas = value.as_array_mut().into_iter().flatten();
                schemas.for_each(|schema| each_schema(schema, visit));
            }
            "additionalProperties" | "items" | "propertyNames" | "not" => each_schema(value, visit),
            _ => {}
        }
    }
}

/// The order in which a reader wants the keywords of a schema; the others keep theirs, behind.
const FIRST_KEYWORDS: [&str; 7] = ["$schema", "title", "description", "$ref", "type", "format", "examples"];

/// Takes out what only speaks of JSON (TOML has no null), joins the lines of a paragraph, orders the keywords.
fn tidy(object: &mut Map<String, Json>) {
    if object.get("default") == Some(&Json::Null) {
        object.shift_remove("default");
    }
    if let Some(Json::Array(types)) = object.get_mut("type") {
        types.retain(|name| name != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            object.insert("type".to_owned(), only);
        }
    }
    if let Some(Json::Array(branches)) = object.get_mut("anyOf") {
        branches.retain(|branch| branch.get("type") != Some(&json!("null")));
        if let [Json::Object(only)] = branches.as_slice() {
            let only = only.clone();
            object.shift_remove("anyOf");
            for (keyword, value) in only {
                object.entry(keyword).or_insert(value);
            }
        }
    }
    if let Some(Json::String(text)) = object.get_mut("description") {
        *text = unwrapped(text);
    }
    let mut ordered = Map::new();
    for keyword in FIRST_KEYWORDS {
        if let Some(value) = object.shift_remove(keyword) {
            ordered.insert(keyword.to_owned(), value);
        }
    }
    ordered.append(object);
    *object = ordered;
}

/// Joins the lines of each paragraph, but not those of lists.
fn unwrapped(text: &str) -> String {
    let mut result = String::with_capacity(text.len());
    for line in text.lines() {
        let begins_item = line.trim_start().starts_with("- ");
        if result.is_empty() {
        } else if line.is_empty() || result.ends_with('\n') || begins_item {
            result.push('\n');
        } else {
            result.push(' ');
        }
        result.push_str(line.trim());
    }
    result
}

/// Replaces `"x-names": FAMILY` by the list of the family's members, if it has any.
fn name_members(object: &mut Map<String, Json>, sections: &Sections) {
    let Some(family) = object.shift_remove("x-names") else { return };
    let members = sections.families().into_iter().find(|(name, _)| family == *name);
    let names: Vec<&String> = members.into_iter().flat_map(|(_, members)| members.keys()).collect();
    if !names.is_empty() {
        object.insert("enum".to_owned(), json!(names));
    }
}

/// Takes the schema of a plug-in's settings in under a name, its own definitions under names that begin with it.
fn embed(name: &str, title: &str, settings: &Json, definitions: &mut Map<String, Json>) {
    let mut settings = settings.clone();
    each_schema(&mut settings, &mut |object| {
        tidy(object);
        // A reference of the plug-in's schema becomes one to where its definition is put here.
        if let Some(Json::String(target)) = object.get_mut("$ref") {
            if target == "#" {
                *target = format!("#/$defs/{name}");
            } else if let Some(inner) = target.strip_prefix("#/$defs/") {
                *target = format!("#/$defs/{name}:{inner}");
            }
        }
    });
    let Some(object) = settings.as_object_mut() else { return };
    object.shift_remove("$schema");
    let own = object.shift_remove("$defs");
    object.insert("title".to_owned(), title.into());
    definitions.insert(name.to_owned(), settings);
    if let Some(Json::Object(own)) = own {
        definitions.extend(own.into_iter().map(|(inner, schema)| (format!("{name}:{inner}"), schema)));
    }
}
