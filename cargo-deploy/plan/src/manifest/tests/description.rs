//! The schema: complete, in step with the types, understood by the checker, the same every time.

use serde_json::{Value as Json, json};

use super::{SCHEMA, inputs, read_bytes, rendered, sections};
use crate::manifest::{
    CODES, DEFAULTS, InputFile, Inputs, LATER_KEYS, Manifest, Sections, read, schema, unchecked_keywords,
};

/// A manifest that sets everything that can be set.
pub(super) const EVERYTHING: &str = include_str!("everything.toml");

#[test]
fn a_manifest_that_sets_everything_is_read_and_written_back() {
    let merged = read_bytes(EVERYTHING.as_bytes()).unwrap_or_else(|report| panic!("{}", rendered(&report)));
    let mut written = merged.tree.to_json();
    let object = written.as_object_mut().unwrap();
    object.remove("metadata");
    object.remove("x-anything");
    // Digests are taken in any case and kept in lower case; sizes are written in the largest unit that fits.
    written["asset"][0]["sha256"] = json!(written["asset"][0]["sha256"].as_str().unwrap().to_lowercase());
    written["asset"][0]["max-size"] = json!("1200 kB");
    assert_eq!(sorted(serde_json::to_value(&merged.manifest).unwrap()), sorted(written));
}

/// The same JSON with its keys in order.
fn sorted(value: Json) -> Json {
    match value {
        Json::Array(items) => items.into_iter().map(sorted).collect(),
        Json::Object(object) => {
            let sorted: std::collections::BTreeMap<String, Json> =
                object.into_iter().map(|(key, value)| (key, self::sorted(value))).collect();
            Json::Object(sorted.into_iter().collect())
        }
        other => other,
    }
}

#[test]
fn the_manifest_that_sets_everything_does() {
    let merged = read_bytes(EVERYTHING.as_bytes()).unwrap();
    let mut unset = Vec::new();
    let definitions = SCHEMA["$defs"].as_object().unwrap();
    let tables = [
        ("app", "App"),
        ("targets", "Targets"),
        ("cargo", "Cargo"),
        ("bundle", "Bundle"),
        ("linux", "Linux"),
        ("release", "Release"),
    ];
    let settings = merged.tree.to_json();
    for (table, definition) in tables {
        for (key, _) in definitions[definition]["properties"].as_object().unwrap() {
            if settings[table].get(key).is_none() {
                unset.push(format!("{table}.{key}"));
            }
        }
    }
    for (key, _) in SCHEMA["properties"].as_object().unwrap() {
        if settings.get(key).is_none() {
            unset.push(key.clone());
        }
    }
    let assets = settings["asset"].as_array().unwrap();
    for (key, _) in definitions["Asset"]["properties"].as_object().unwrap() {
        if assets.iter().all(|asset| asset.get(key).is_none()) {
            unset.push(format!("asset.{key}"));
        }
    }
    assert_eq!(unset, Vec::<String>::new());
}

#[test]
fn the_defaults_are_a_manifest_without_problems() {
    let file = InputFile { name: "defaults.toml", bytes: DEFAULTS.as_bytes() };
    assert!(read(&Inputs { workspace_file: Some(file), ..inputs() }).is_ok());
}

#[test]
fn everything_the_schema_demands_is_checked() {
    assert_eq!(unchecked_keywords(&SCHEMA), Vec::<String>::new());
    assert_eq!(
        unchecked_keywords(&json!({
            "properties": {
                "pattern": { "type": "string", "pattern": "^a+$" },
                "format": { "type": "string", "format": "email" },
            },
            "items": { "not": { "type": "string" } },
            "patternProperties": { "^a.*": {}, "^x-": { "multipleOf": 2 } },
        })),
        [
            "/items/not",
            "/patternProperties/^a.*",
            "/patternProperties/^x-/multipleOf",
            "/properties/format/format: email",
            "/properties/pattern/pattern",
        ]
    );
}

#[test]
fn every_setting_has_a_description() {
    let mut bare = Vec::new();
    for (name, definition) in SCHEMA["$defs"].as_object().unwrap() {
        if name.contains('.') {
            continue; // of the plug-ins of these tests
        }
        if definition.get("description").is_none() {
            bare.push(name.clone());
        }
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            match property["description"].as_str() {
                Some(text) if text.ends_with('.') && !text.contains('\n') => {}
                _ => bare.push(format!("{name}.{key}")),
            }
        }
    }
    assert_eq!(bare, Vec::<String>::new());
}

#[test]
fn every_example_passes_the_check_of_its_setting() {
    let mut examples = Vec::new();
    collect_examples(&SCHEMA["$defs"], &mut examples);
    assert!(examples.len() > 15);
    for (definition, key, example) in examples {
        let table = definition.to_lowercase();
        let value = toml_text(&example);
        let text = match table.as_str() {
            "asset" if key == "path" => format!("[[asset]]\nfile = \"x\"\npath = {value}\n"),
            "asset" if key == "url" => format!("[[asset]]\npath = \"x\"\nurl = {value}\n"),
            "asset" => format!("[[asset]]\npath = \"x\"\nfile = \"x\"\n{key} = {value}\n"),
            "installedfile" => {
                let other = if key == "to" { "from" } else { "to" };
                let other = if key == "mode" { "from = \"x\"\nto" } else { other };
                format!("[[linux.config]]\n{key} = {value}\n{other} = \"x\"\n")
            }
            "unit" if key == "file" => format!("[[linux.unit]]\nfile = {value}\n"),
            "shortcut" => format!("[[windows.shortcut]]\n{key} = {value}\n"),
            "registryvalue" => format!("[[windows.registry]]\nvalue = \"\"\n{key} = {value}\n"),
            "association" if key == "extension" => format!("[[windows.association]]\n{key} = {value}\n"),
            "association" => format!("[[windows.association]]\nextension = \"x\"\n{key} = {value}\n"),
            "protocol" => format!("[[windows.protocol]]\n{key} = {value}\n"),
            "windowsservice" => format!("[[windows.service]]\n{key} = {value}\n"),
            "component" if key == "id" => format!("[[component]]\nfiles = []\n{key} = {value}\n"),
            "component" => format!("[[component]]\nid = \"x\"\n{key} = {value}\n"),
            "desktop" | "metainfo" => format!("[linux.{table}]\n{key} = {value}\n"),
            _ => format!("[{table}]\n{key} = {value}\n"),
        };
        read_bytes(text.as_bytes()).unwrap_or_else(|report| panic!("{text}\n{}", rendered(&report)));
    }
}

/// `(definition, property, example)` of each example of a property.
fn collect_examples(definitions: &Json, examples: &mut Vec<(String, String, Json)>) {
    for (name, definition) in definitions.as_object().unwrap() {
        for (key, property) in definition["properties"].as_object().into_iter().flatten() {
            for example in property["examples"].as_array().into_iter().flatten() {
                examples.push((name.clone(), key.clone(), example.clone()));
            }
        }
    }
}

/// JSON as an inline TOML value.
fn toml_text(value: &Json) -> String {
    match value {
        Json::Object(object) => {
            let entries: Vec<String> =
                object.iter().map(|(key, value)| format!("{key} = {}", toml_text(value))).collect();
            format!("{{ {} }}", entries.join(", "))
        }
        Json::Array(items) => format!("[{}]", items.iter().map(toml_text).collect::<Vec<_>>().join(", ")),
        other => other.to_string(),
    }
}

#[test]
fn the_schema_is_the_same_every_time_and_speaks_of_toml() {
    let text = serde_json::to_string_pretty(&schema(&sections())).unwrap();
    assert_eq!(text, serde_json::to_string_pretty(&*SCHEMA).unwrap());
    assert!(!text.contains("null"), "TOML has no null");
    assert!(!text.contains("x-names"));
    assert!(!text.contains("$id"));
}

#[test]
fn every_reference_of_the_schema_leads_somewhere() {
    let text = serde_json::to_string(&*SCHEMA).unwrap();
    let mut references = 0;
    for part in text.split("\"$ref\":\"#").skip(1) {
        let pointer = part.split('"').next().unwrap();
        assert!(SCHEMA.pointer(pointer).is_some(), "{pointer} leads nowhere");
        references += 1;
    }
    assert!(references > 20);
}

#[test]
fn a_family_without_plug_ins_has_no_table() {
    let bare = schema(&Sections::default());
    let known: Vec<&String> = bare["properties"].as_object().unwrap().keys().collect();
    assert_eq!(
        known,
        [
            "schema",
            "required-version",
            "app",
            "targets",
            "cargo",
            "bundle",
            "linux",
            "windows",
            "component",
            "asset",
            "release",
            "metadata"
        ]
    );
    // Without plug-ins any name of a format will do.
    let file = InputFile { name: "Deploy.toml", bytes: b"bundle.formats = [\"anything\"]" };
    assert!(read(&Inputs { schema: &bare, workspace_file: Some(file), ..inputs() }).is_ok());
}

#[test]
fn keys_of_later_versions_are_sorted_and_not_known_yet() {
    assert!(LATER_KEYS.is_sorted());
    let bare = schema(&Sections::default());
    for (key, _) in LATER_KEYS {
        assert!(bare["properties"].get(key).is_none(), "{key} is known already");
    }
}

#[test]
fn settings_of_a_plug_in_keep_their_own_definitions_apart() {
    assert_eq!(SCHEMA["properties"]["package"]["properties"]["deb"]["$ref"], "#/$defs/package.deb");
    assert_eq!(SCHEMA["$defs"]["package.deb"]["title"], "[package.deb]");
    assert_eq!(SCHEMA["$defs"]["package.tar.gz"]["title"], "[package.\"tar.gz\"]");
    assert_eq!(
        SCHEMA["$defs"]["package.deb"]["properties"]["priority"]["$ref"],
        "#/$defs/package.deb:Priority"
    );
}

#[test]
fn a_plug_in_may_call_a_setting_like_a_keyword() {
    let mut sections = Sections::default();
    let settings = json!({
        "type": "object",
        "additionalProperties": false,
        "properties": {
            "type": { "type": "string", "enum": ["a", "b"] },
            "$ref": { "type": "string" },
            "x-names": { "type": "boolean" },
            "default": { "type": ["integer", "null"], "default": null },
            "properties": { "type": "object", "additionalProperties": { "type": "string" } },
        },
    });
    sections.packages.insert("odd".to_owned(), settings);
    let schema = schema(&sections);
    let read_text = |text: &str| {
        let file = InputFile { name: "Deploy.toml", bytes: text.as_bytes() };
        read(&Inputs { schema: &schema, workspace_file: Some(file), ..inputs() })
    };
    let good = "[package.odd]\ntype = \"a\"\n\"$ref\" = \"x\"\nx-names = true\ndefault = 1\nproperties = { a = \"b\" }\n";
    let merged = read_text(good).unwrap_or_else(|report| panic!("{}", rendered(&report)));
    assert_eq!(
        serde_json::to_string(&merged.manifest.package["odd"]).unwrap(),
        r##"{"$ref":"x","default":1,"properties":{"a":"b"},"type":"a","x-names":true}"##
    );
    let bad =
        "[package.odd]\ntype = \"c\"\n\"$ref\" = 1\nx-names = 1\ndefault = \"1\"\nproperties = { a = 1 }\n";
    let report = read_text(bad).unwrap_err();
    let fields: Vec<String> = report.problems().iter().filter_map(|problem| problem.field.clone()).collect();
    assert_eq!(
        fields,
        [
            "package.odd.type",
            "package.odd.\"$ref\"",
            "package.odd.x-names",
            "package.odd.default",
            "package.odd.properties.a",
        ]
    );
}

#[test]
fn defaults_that_this_program_cannot_make_are_left_out() {
    let mut few = sections();
    few.packages.retain(|format, _| format == "zip" || format == "deb");
    let merged = read(&Inputs { schema: &schema(&few), ..inputs() }).unwrap();
    assert_eq!(
        serde_json::to_value(&merged.manifest.bundle.formats).unwrap(),
        json!({ "linux": ["deb"], "windows": ["zip"], "macos": [], "wasi": [] })
    );
}

#[test]
fn every_code_is_in_the_list_and_every_one_in_the_list_is_given() {
    let sources = [
        include_str!("../check.rs"),
        include_str!("../document.rs"),
        include_str!("../layer.rs"),
        include_str!("../mistake.rs"),
        include_str!("../problem.rs").split_once("];").unwrap().1,
        include_str!("../reading.rs"),
    ];
    let mut given: Vec<&str> = sources
        .iter()
        .flat_map(|source| source.split('"').filter(|text| text.starts_with("manifest::")))
        .collect();
    given.sort_unstable();
    given.dedup();
    let mut listed: Vec<&str> = CODES.iter().map(|(code, _)| *code).collect();
    listed.sort_unstable();
    assert_eq!(given, listed);
    for (code, meaning) in CODES {
        assert!(meaning.ends_with('.'), "{code}: {meaning}");
    }
}

#[test]
fn machines_get_file_line_column_field_found_and_expected() {
    let report = read_bytes("[app]\ndescription = \"é\"\nname = 5 # é\n".as_bytes()).unwrap_err();
    assert_eq!(
        serde_json::to_value(report.records()).unwrap(),
        json!([{
            "code": "manifest::wrong-type",
            "severity": "error",
            "message": "`app.name` is the number 5",
            "help": "write `name = \"5\"`",
            "file": "Deploy.toml",
            "start": { "line": 3, "column": 8 },
            "end": { "line": 3, "column": 9 },
            "field": "app.name",
            "found": "the number 5",
            "expected": "a text on one line",
        }])
    );
    let report = read_bytes(b"bundle.formats = [\"deb\", \"deb\"]\n").unwrap_err();
    assert_eq!(
        serde_json::to_value(&report.records()[0].related).unwrap(),
        json!([{
            "file": "Deploy.toml",
            "start": { "line": 1, "column": 19 },
            "end": { "line": 1, "column": 24 },
            "message": "the first time",
        }])
    );
    let report = read_bytes(&[b' '; 2 << 20]).unwrap_err();
    assert_eq!(
        serde_json::to_value(report.records()).unwrap(),
        json!([{
            "code": "manifest::too-large",
            "severity": "error",
            "message": "Deploy.toml is 2097152 bytes large; at most 1 MiB are read",
            "help": "a manifest holds settings only; data belongs into files of its own, as [[asset]] or `bundle.include`",
            "file": "Deploy.toml",
            "found": "2097152 bytes",
            "expected": "at most 1 MiB",
        }])
    );
}

#[test]
fn nothing_written_is_nothing_set() {
    assert_eq!(serde_json::to_value(Manifest::default()).unwrap(), json!({}));
}
