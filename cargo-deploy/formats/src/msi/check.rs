//! Whether the tables of an installer will work: what the SDK's "internal consistency evaluators" (ICE) look for, as far as it
//! concerns installers made here, and some things that they do not look for. Nothing of Windows is needed.

mod dialogues;
mod installation;
mod references;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use thiserror::Error;

use crate::msi::{Database, Table, Value};

/// What is looked for. Each is named after the ICE it mirrors, where there is one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Rule {
    /// ICE02: the key path of a component belongs to the component.
    KeyPathOfItsComponent,
    /// ICE03: values have the type, form and range of their column, and references lead somewhere.
    Values,
    /// ICE04: every file lies on a medium.
    FileOnMedium,
    /// ICE08: no two components have the same code.
    ComponentCodes,
    /// ICE16: the name of the product has at most 63 characters.
    ProductNameLength,
    /// ICE17: a control has what its type needs.
    ControlNeeds,
    /// ICE18: a component whose key path is a directory creates it.
    EmptyKeyPath,
    /// ICE20: the dialogues that Windows asks for are there.
    StandardDialogues,
    /// ICE21: every component belongs to a feature.
    ComponentInFeature,
    /// ICE23: the tabulator reaches every control of a dialogue, once.
    TabOrder,
    /// ICE24: the properties of the product are there and have their form.
    ProductProperties,
    /// ICE26: the actions that every sequence needs are there.
    RequiredActions,
    /// ICE27: actions stand in an order that works.
    ActionOrder,
    /// ICE30: no two components install the same file.
    SameFile,
    /// ICE31: the styles of texts are there.
    TextStyles,
    /// ICE34: a group of radio buttons has one that is chosen.
    RadioDefault,
    /// ICE38: a component in the profile of a user has its key path in the user's registry.
    ProfileKeyPath,
    /// ICE39: the summary fits the tables.
    SummaryFits,
    /// ICE43 and ICE57: the component of a shortcut has its key path in the registry.
    ShortcutKeyPath,
    /// ICE44: dialogues that are opened are there.
    DialogueEvents,
    /// ICE50: an icon has the extension of its file.
    IconExtension,
    /// ICE52: what AppSearch finds is in a public property.
    SearchProperties,
    /// ICE55: an object whose rights are set is there.
    LockedObject,
    /// ICE61: the versions that are replaced and those that stand in the way.
    Upgrade,
    /// ICE64: a directory in the profile of a user is removed.
    ProfileDirectories,
    /// ICE69: a text names a file that is there.
    FormattedReferences,
    /// ICE80: components and architecture fit.
    Bits,
    /// No ICE: names that Windows can have, and short names that differ.
    FileNames,
    /// No ICE: the program of a service is the key path of its component.
    ServiceKeyPath,
    /// No ICE: no key of the keyboard stands for two controls of a dialogue.
    Accelerators,
}

impl Rule {
    /// `ICE03`, or a name of our own.
    pub const fn name(self) -> &'static str {
        match self {
            Rule::KeyPathOfItsComponent => "ICE02",
            Rule::Values => "ICE03",
            Rule::FileOnMedium => "ICE04",
            Rule::ComponentCodes => "ICE08",
            Rule::ProductNameLength => "ICE16",
            Rule::ControlNeeds => "ICE17",
            Rule::EmptyKeyPath => "ICE18",
            Rule::StandardDialogues => "ICE20",
            Rule::ComponentInFeature => "ICE21",
            Rule::TabOrder => "ICE23",
            Rule::ProductProperties => "ICE24",
            Rule::RequiredActions => "ICE26",
            Rule::ActionOrder => "ICE27",
            Rule::SameFile => "ICE30",
            Rule::TextStyles => "ICE31",
            Rule::RadioDefault => "ICE34",
            Rule::ProfileKeyPath => "ICE38",
            Rule::SummaryFits => "ICE39",
            Rule::ShortcutKeyPath => "ICE43",
            Rule::DialogueEvents => "ICE44",
            Rule::IconExtension => "ICE50",
            Rule::SearchProperties => "ICE52",
            Rule::LockedObject => "ICE55",
            Rule::Upgrade => "ICE61",
            Rule::ProfileDirectories => "ICE64",
            Rule::FormattedReferences => "ICE69",
            Rule::Bits => "ICE80",
            Rule::FileNames => "file names",
            Rule::ServiceKeyPath => "services",
            Rule::Accelerators => "accelerators",
        }
    }

    /// What a person can do about it.
    pub const fn help(self) -> &'static str {
        match self {
            Rule::ProductNameLength => "give the application a shorter name",
            Rule::FileNames | Rule::SameFile => "rename one of the files",
            Rule::ProductProperties => {
                "give the application a name, a publisher and a version of three numbers"
            }
            Rule::IconExtension => "use a picture of the type .ico",
            Rule::TextStyles
            | Rule::RadioDefault
            | Rule::StandardDialogues
            | Rule::DialogueEvents
            | Rule::ControlNeeds
            | Rule::TabOrder
            | Rule::Accelerators => "mend the texts of the dialogues, or leave the dialogues away",
            _ => "mend the row, and tell us if cargo-deploy made it",
        }
    }
}

/// Something that would not work.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}: {place}: {what}", .rule.name())]
pub struct CheckProblem {
    /// Which rule is broken.
    pub rule: Rule,
    /// Table and key: `Component c.app`.
    pub place: String,
    /// What is wrong there.
    pub what: String,
}

/// Looks for what would not work.
pub fn check(database: &Database) -> Vec<CheckProblem> {
    let mut checks = Checks { database, problems: Vec::new() };
    references::check(&mut checks);
    installation::check(&mut checks);
    if checks.rows("Dialog").next().is_some() {
        dialogues::check(&mut checks);
    }
    checks.problems
}

/// A database, and what is wrong with it.
struct Checks<'a> {
    database: &'a Database,
    problems: Vec<CheckProblem>,
}

/// A row and its table.
#[derive(Clone, Copy)]
struct Row<'a> {
    table: &'a Table,
    values: &'a [Value],
}

impl<'a> Row<'a> {
    /// The text of a column; "" for none.
    fn text(self, column: &str) -> &'a str {
        self.table.value(self.values, column).and_then(Value::as_text).unwrap_or_default()
    }

    fn number(self, column: &str) -> Option<i32> {
        self.table.value(self.values, column).and_then(Value::as_integer)
    }

    /// The first key.
    fn key(self) -> &'a str {
        self.values.first().and_then(Value::as_text).unwrap_or_default()
    }
}

impl fmt::Display for Row<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.table.name)?;
        let keys = self.table.columns.iter().zip(self.values).take_while(|(column, _)| column.key);
        for (_, value) in keys {
            match value {
                Value::Text(text) => write!(formatter, " {text}")?,
                Value::Integer(number) => write!(formatter, " {number}")?,
                Value::Null | Value::Stream(_) => {}
            }
        }
        Ok(())
    }
}

impl<'a> Checks<'a> {
    fn rows(&self, table: &str) -> impl Iterator<Item = Row<'a>> + use<'a> {
        let table = self.database.table(table);
        table.into_iter().flat_map(|table| table.rows.iter().map(move |values| Row { table, values }))
    }

    fn tell(&mut self, rule: Rule, place: impl fmt::Display, what: impl Into<String>) {
        self.problems.push(CheckProblem { rule, place: place.to_string(), what: what.into() });
    }

    /// The first keys of a table.
    fn keys(&self, table: &str) -> BTreeSet<&'a str> {
        self.rows(table).map(Row::key).collect()
    }

    fn properties(&self) -> BTreeMap<&'a str, &'a str> {
        self.rows("Property").map(|row| (row.key(), row.text("Value"))).collect()
    }
}

#[cfg(test)]
mod tests;
