//! The JSON Schema of the manifest, with the settings of the plug-ins put in.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value as Json, json};

use super::Manifest;

/// Keys that later versions will know, with the plural that a sentence about them begins with. They are refused like
/// any unknown key, so that nothing is asked for in vain, but with the reason.
pub const LATER_KEYS: &[(&str, &str)] = &[
    ("ipc", "settings of the control connection"),
    ("ports", "reserved ports"),
    ("publish", "publishers"),
    ("secret", "secrets"),
    ("service", "bundled services"),
    ("shell", "desktop shells"),
    ("sign", "signers"),
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
}

impl Sections {
    /// Each family with the key of its table.
    fn families(&self) -> [(&'static str, &BTreeMap<String, Json>); 4] {
        [
            ("package", &self.packages),
            ("toolchain", &self.toolchains),
            ("publish", &self.publishers),
            ("sign", &self.signers),
        ]
    }
}

/// The schema of `Deploy.toml` for these plug-ins. The same plug-ins give the same text.
pub fn schema(sections: &Sections) -> Json {
    let mut root = schemars::schema_for!(Manifest).to_value();
    tidy(&mut root);
    name_members(&mut root, sections);

    let mut definitions = Map::new();
    if let Some(Json::Object(known)) = root.get_mut("$defs").map(Json::take) {
        definitions.extend(known);
    }
    for (family, members) in sections.families() {
        let mut tables = Map::new();
        for (name, settings) in members {
            let definition = format!("{family}.{name}");
            embed(&definition, settings, &mut definitions);
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
    if let Some(object) = root.as_object_mut() {
        if let Some(properties) = object.get_mut("properties").and_then(Json::as_object_mut) {
            properties.insert(
                "metadata".to_owned(),
                json!({ "description": "Free for other tools. cargo-deploy does not look at it." }),
            );
        }
        object.insert(
            "patternProperties".to_owned(),
            json!({ "^x-": { "description": "Free for other tools. cargo-deploy does not look at it." } }),
        );
        object.insert("title".to_owned(), json!("Deploy.toml"));
        object.insert("$defs".to_owned(), sorted(definitions));
    }
    root
}

fn sorted(map: Map<String, Json>) -> Json {
    let sorted: BTreeMap<String, Json> = map.into_iter().collect();
    Json::Object(sorted.into_iter().collect())
}

/// Takes out what only speaks of JSON (TOML has no null), and joins the lines of a paragraph.
fn tidy(schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(tidy),
        Json::Object(object) => {
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
            object.values_mut().for_each(tidy);
        }
        _ => {}
    }
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

/// Replaces `"x-names": FAMILY` by the list of the family's members, if there is one.
fn name_members(schema: &mut Json, sections: &Sections) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(|item| name_members(item, sections)),
        Json::Object(object) => {
            if let Some(family) = object.shift_remove("x-names") {
                let members = sections.families().into_iter().find(|(name, _)| family == *name);
                let names: Vec<&String> =
                    members.into_iter().flat_map(|(_, members)| members.keys()).collect();
                if !names.is_empty() {
                    object.insert("enum".to_owned(), json!(names));
                }
            }
            object.values_mut().for_each(|value| name_members(value, sections));
        }
        _ => {}
    }
}

/// Takes the schema of a plug-in's settings in under a name, its own definitions under names that begin with it.
fn embed(name: &str, settings: &Json, definitions: &mut Map<String, Json>) {
    let mut settings = settings.clone();
    let own = settings.as_object_mut().and_then(|object| {
        object.shift_remove("$schema");
        object.shift_remove("$defs")
    });
    tidy(&mut settings);
    point_into(name, &mut settings);
    definitions.insert(name.to_owned(), settings);
    let Some(Json::Object(own)) = own else { return };
    for (inner, mut schema) in own {
        tidy(&mut schema);
        point_into(name, &mut schema);
        definitions.insert(format!("{name}.{inner}"), schema);
    }
}

/// Turns references of a plug-in's schema into references to where [`embed`] puts things.
fn point_into(name: &str, schema: &mut Json) {
    match schema {
        Json::Array(items) => items.iter_mut().for_each(|item| point_into(name, item)),
        Json::Object(object) => {
            if let Some(Json::String(target)) = object.get_mut("$ref") {
                if target == "#" {
                    *target = format!("#/$defs/{name}");
                } else if let Some(inner) = target.strip_prefix("#/$defs/") {
                    *target = format!("#/$defs/{name}.{inner}");
                }
            }
            object.values_mut().for_each(|value| point_into(name, value));
        }
        _ => {}
    }
}
