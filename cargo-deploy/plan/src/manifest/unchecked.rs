//! What a schema demands that the checker would not check.

use serde_json::Value as Json;

use super::text_format::text_format;

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

/// What a schema demands that the checker would not check, as JSON pointers with the keyword; sorted. The conformance
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
