//! Values have the form of their columns, and references lead somewhere.

use std::collections::BTreeSet;

use crate::msi::check::{Checks, Row, Rule};
use crate::msi::{Category, Column, ColumnType, Guid, Value};

/// What stands for a key although no row has it: directories that Windows knows.
const KNOWN_DIRECTORIES: [&str; 8] = [
    "TARGETDIR",
    "ProgramFilesFolder",
    "ProgramFiles64Folder",
    "LocalAppDataFolder",
    "ProgramMenuFolder",
    "DesktopFolder",
    "StartupFolder",
    "SystemFolder",
];

pub(super) fn check(checks: &mut Checks<'_>) {
    for table in &checks.database.tables {
        let mut seen = BTreeSet::new();
        for values in &table.rows {
            let row = Row { table, values };
            if values.len() != table.columns.len() {
                checks.tell(Rule::Values, row, "the row does not have a value for every column");
                continue;
            }
            for (column, value) in table.columns.iter().zip(values) {
                if let Some(what) = wrong(column, value) {
                    checks.tell(Rule::Values, row, format!("`{}` {what}", column.name));
                }
                reference(checks, row, column, value);
            }
            let keys: Vec<Value> = table
                .columns
                .iter()
                .zip(values)
                .filter(|(column, _)| column.key)
                .map(|(_, value)| value.clone())
                .collect();
            if !seen.insert(keys) {
                checks.tell(Rule::Values, row, "the key is there twice");
            }
        }
    }
    formatted(checks);
}

/// What is wrong with a value.
fn wrong(column: &Column, value: &Value) -> Option<String> {
    let text = match (column.column_type, value) {
        (_, Value::Null) => return (!column.nullable && !column.key).then(|| "is missing".to_owned()),
        (ColumnType::Integer16 | ColumnType::Integer32, Value::Integer(number)) => {
            let (least, greatest) = column.validation.range.unwrap_or(match column.column_type {
                ColumnType::Integer16 => (-32_767, 32_767),
                _ => (-i32::MAX, i32::MAX),
            });
            let set = column.validation.set.as_deref();
            let within = set.map_or((least..=greatest).contains(number), |set| {
                set.split(';').any(|one| one.parse() == Ok(*number))
            });
            return (!within).then(|| format!("is {number}, which it cannot be"));
        }
        (ColumnType::Stream, Value::Stream(_)) => return None,
        (ColumnType::Text { .. }, Value::Text(text)) => text,
        _ => return Some("has another type than its column".to_owned()),
    };
    if text.is_empty() && !column.nullable {
        return Some("is empty".to_owned());
    }
    if let Some(set) = &column.validation.set
        && !set.split(';').any(|one| one == text)
    {
        return Some(format!("is `{text}`, which is not among `{set}`"));
    }
    form(column, text).map(|form| format!("is `{text}`, which is not {form}"))
}

/// The form that a text ought to have and has not.
fn form(column: &Column, text: &str) -> Option<&'static str> {
    let plain = |text: &str| {
        text.chars().all(|letter| letter.is_ascii_alphanumeric() || letter == '_' || letter == '.')
    };
    let identifier = |text: &str| {
        plain(text) && text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_')
    };
    let (right, form) = match column.validation.category? {
        Category::Identifier | Category::Property => (identifier(text), "an identifier"),
        Category::UpperCase => (
            identifier(text) && !text.contains(|letter: char| letter.is_ascii_lowercase()),
            "an identifier in capitals",
        ),
        Category::Guid => {
            let capital = text.parse::<Guid>().is_ok_and(|guid| guid.to_string() == text);
            (capital, "a GUID in braces and capitals")
        }
        Category::Version => {
            let numbers: Vec<&str> = text.split('.').collect();
            let small = |number: &&str| number.parse::<u16>().is_ok();
            // A column of versions may also name a file that has the version.
            ((1..=4).contains(&numbers.len()) && numbers.iter().all(small) || identifier(text), "a version")
        }
        Category::Language => {
            (text.split(',').all(|number| number.parse::<u16>().is_ok()), "the number of a language")
        }
        Category::Condition => (balanced(text), "a condition"),
        _ => return None,
    };
    (!right).then_some(form)
}

/// Whether quotes and parentheses are closed.
fn balanced(condition: &str) -> bool {
    let mut depth = 0_i32;
    let mut quoted = false;
    for letter in condition.chars() {
        match letter {
            '"' => quoted = !quoted,
            '(' if !quoted => depth += 1,
            ')' if !quoted => depth -= 1,
            _ => {}
        }
        if depth < 0 {
            return false;
        }
    }
    depth == 0 && !quoted
}

fn reference(checks: &mut Checks<'_>, row: Row<'_>, column: &Column, value: &Value) {
    let (Some(foreign), Value::Text(text)) = (&column.validation.foreign, value) else { return };
    // A version may be one, or the file that has it.
    if column.validation.category == Some(Category::Version) && text.contains('.') {
        return;
    }
    let known = |table: &str| checks.keys(table).contains(text.as_str());
    let directory = foreign.tables == "Directory" && KNOWN_DIRECTORIES.contains(&text.as_str());
    if !directory && !foreign.tables.split(';').any(known) {
        let what = format!(
            "`{}` is `{text}`, which is no row of {}",
            column.name,
            foreign.tables.replace(';', " or ")
        );
        checks.tell(Rule::Values, row, what);
    }
}

/// Files, components and directories that stand in brackets.
fn formatted(checks: &mut Checks<'_>) {
    let [files, components] = ["File", "Component"].map(|table| checks.keys(table));
    for table in &checks.database.tables {
        // A licence is text that somebody else has written.
        for values in table.rows.iter().filter(|_| table.name != "Control") {
            for value in values {
                let Value::Text(text) = value else { continue };
                for part in text.split('[').skip(1) {
                    let name = part.split(']').next().unwrap_or_default();
                    let missing = match name.split_at_checked(1) {
                        Some(("#" | "!", file)) if !files.contains(file) => Some(("file", file)),
                        Some(("$", component)) if !components.contains(component) => {
                            Some(("component", component))
                        }
                        _ => None,
                    };
                    if let Some((kind, name)) = missing {
                        let what = format!("the text names the {kind} `{name}`, which is not there");
                        checks.tell(Rule::FormattedReferences, Row { table, values }, what);
                    }
                }
            }
        }
    }
}
