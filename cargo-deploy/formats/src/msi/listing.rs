//! A database as text: what `inspect` shows and goldens compare.

use std::fmt::Write as _;

use sha2::{Digest, Sha256};

use crate::msi::{Column, ColumnType, Database, Value};

/// The summary information, the tables and the streams, a row a line. It depends on the database alone, in the order it has; what was
/// [read](crate::msi::Package::database) is sorted.
pub fn listing(database: &Database) -> String {
    let mut text = String::from("summary\n");
    let summary = &database.summary;
    for (name, value) in [
        ("title", escaped(&summary.title)),
        ("subject", escaped(&summary.subject)),
        ("author", escaped(&summary.author)),
        ("keywords", escaped(&summary.keywords)),
        ("comments", escaped(&summary.comments)),
        ("template", escaped(&summary.template)),
        ("package code", summary.package_code.to_string()),
        ("created", summary.created.to_string()),
        ("installer version", summary.installer_version.to_string()),
        ("source", summary.source.to_string()),
        ("security", summary.security.to_string()),
        ("application", escaped(&summary.application)),
    ] {
        line(&mut text, &[format!("{name}:"), value], " ");
    }
    for table in &database.tables {
        let columns: Vec<String> = table.columns.iter().map(column).collect();
        text.push('\n');
        text.push_str(&table.name);
        text.push('\n');
        line(&mut text, &columns, " | ");
        for row in &table.rows {
            let values: Vec<String> = row.iter().map(value).collect();
            line(&mut text, &values, " | ");
        }
    }
    if !database.streams.is_empty() {
        text.push_str("\nstreams\n");
        for (name, bytes) in &database.streams {
            line(&mut text, &[escaped(name), content(bytes)], " | ");
        }
    }
    text
}

fn line(text: &mut String, cells: &[String], between: &str) {
    let joined = format!("  {}", cells.join(between));
    text.push_str(joined.trim_end());
    text.push('\n');
}

/// A column as the SDK writes it: `File s72*`, a star for a key, a capital where the value may be missing.
fn column(column: &Column) -> String {
    let (letter, width) = match column.column_type {
        ColumnType::Integer16 => ('i', 2),
        ColumnType::Integer32 => ('i', 4),
        ColumnType::Text { length } => (if column.localizable { 'l' } else { 's' }, length),
        ColumnType::Stream => ('v', 0),
    };
    let letter = if column.nullable { letter.to_ascii_uppercase() } else { letter };
    let star = if column.key { "*" } else { "" };
    format!("{} {letter}{width}{star}", column.name)
}

fn value(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => escaped(text),
        Value::Stream(bytes) => content(bytes),
    }
}

fn content(bytes: &[u8]) -> String {
    let digest = Sha256::digest(bytes);
    let mut text = format!("{} bytes, sha256 ", bytes.len());
    for byte in digest {
        // Writing to a string gives no errors.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// Line ends, other control characters and what marks them are written with backslashes.
fn escaped(text: &str) -> String {
    let mut output = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '\\' | '|' => output.extend(['\\', letter]),
            '\n' => output.push_str("\\n"),
            '\r' => output.push_str("\\r"),
            '\t' => output.push_str("\\t"),
            letter if letter.is_control() => output.extend(letter.escape_unicode()),
            letter => output.push(letter),
        }
    }
    output
}
