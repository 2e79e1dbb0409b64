//! Tables, columns and values: what a Windows Installer database is before it is bytes.

use crate::msi::Summary;

/// Everything in a package but its cabinets.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Database {
    /// In any order; the writer sorts them, and their rows by key. The tables `_Tables`, `_Columns` and `_Validation` follow from
    /// these and are not among them, but that a `_Validation` which is here is written as it is.
    pub tables: Vec<Table>,
    /// Streams beside the tables, by name. The values of [`ColumnType::Stream`] are not among them, nor the cabinets.
    pub streams: Vec<(String, Vec<u8>)>,
    /// What Windows reads first.
    pub summary: Summary,
}

impl Database {
    /// The table of a name.
    pub fn table(&self, name: &str) -> Option<&Table> {
        self.tables.iter().find(|table| table.name == name)
    }
}

/// A table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Table {
    /// At most 31 characters: letters, digits, `_` and `.`.
    pub name: String,
    /// The keys come first. At most 32.
    pub columns: Vec<Column>,
    /// Each with a value for every column. The keys differ.
    pub rows: Vec<Vec<Value>>,
}

impl Table {
    /// A table without rows.
    pub fn new(name: impl Into<String>, columns: Vec<Column>) -> Self {
        Table { name: name.into(), columns, rows: Vec::new() }
    }

    /// Where the column of a name is in a row.
    pub fn column(&self, name: &str) -> Option<usize> {
        self.columns.iter().position(|column| column.name == name)
    }

    /// The value of a row in the column of a name. `None` where there is no such column.
    pub fn value<'row>(&self, row: &'row [Value], column: &str) -> Option<&'row Value> {
        row.get(self.column(column)?)
    }
}

/// A column.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    /// At most 31 characters.
    pub name: String,
    /// What its values are.
    pub column_type: ColumnType,
    /// Whether it belongs to the primary key.
    pub key: bool,
    /// Whether a value may be [`Value::Null`].
    pub nullable: bool,
    /// Whether a translation may replace its texts (`l` and not `s` in the SDK).
    pub localizable: bool,
    /// What the table `_Validation` shall say of it.
    pub validation: Validation,
}

impl Column {
    fn new(name: &str, column_type: ColumnType) -> Self {
        Column {
            name: name.to_owned(),
            column_type,
            key: false,
            nullable: false,
            localizable: false,
            validation: Validation::default(),
        }
    }

    /// A text (`s72`); the length is that which tools expect, 0 for any. Windows Installer does not enforce it.
    pub fn text(name: &str, length: u8) -> Self {
        Column::new(name, ColumnType::Text { length })
    }

    /// A number of 16 bits (`i2`), from -32,767 to 32,767.
    pub fn integer16(name: &str) -> Self {
        Column::new(name, ColumnType::Integer16)
    }

    /// A number of 32 bits (`i4`), from -2,147,483,647 to 2,147,483,647.
    pub fn integer32(name: &str) -> Self {
        Column::new(name, ColumnType::Integer32)
    }

    /// Bytes (`v0`).
    pub fn stream(name: &str) -> Self {
        let mut column = Column::new(name, ColumnType::Stream);
        column.validation.category = Some(Category::Binary);
        column
    }

    /// Makes it belong to the primary key.
    pub fn key(mut self) -> Self {
        self.key = true;
        self
    }

    /// Allows [`Value::Null`] (`S72`, `I2`).
    pub fn nullable(mut self) -> Self {
        self.nullable = true;
        self
    }

    /// Marks texts that translations may replace (`l72`).
    pub fn localizable(mut self) -> Self {
        self.localizable = true;
        self
    }

    /// What kind of text it is.
    pub fn category(mut self, category: Category) -> Self {
        self.validation.category = Some(category);
        self
    }

    /// The least and the greatest number.
    pub fn range(mut self, least: i32, greatest: i32) -> Self {
        self.validation.range = Some((least, greatest));
        self
    }

    /// Texts or numbers that it may have, joined with `;`.
    pub fn set(mut self, set: &str) -> Self {
        self.validation.set = Some(set.to_owned());
        self
    }

    /// The tables (joined with `;`) that have the value as the key in the column with this number, from 1.
    pub fn foreign(mut self, tables: &str, column: u8) -> Self {
        self.validation.foreign = Some(Foreign { tables: tables.to_owned(), column });
        self
    }

    /// A sentence for whoever looks at the column in an editor.
    pub fn description(mut self, description: &str) -> Self {
        self.validation.description = description.to_owned();
        self
    }
}

/// What the values of a column are ("Column Definition Format" of the Windows Installer SDK).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnType {
    /// `i2`.
    Integer16,
    /// `i4`.
    Integer32,
    /// `s72`, `l0`.
    Text {
        /// In characters; 0 for any.
        length: u8,
    },
    /// `v0`: bytes, each in a stream of its own that is named after the table and the key.
    Stream,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Value {
    /// None.
    Null,
    /// For [`ColumnType::Integer16`] and [`ColumnType::Integer32`].
    Integer(i32),
    /// For [`ColumnType::Text`]. An empty one is the same as [`Value::Null`] once it was written.
    Text(String),
    /// For [`ColumnType::Stream`]: the bytes.
    Stream(Vec<u8>),
}

impl Value {
    /// The text, if it is one.
    pub fn as_text(&self) -> Option<&str> {
        if let Value::Text(text) = self { Some(text) } else { None }
    }

    /// The number, if it is one.
    pub fn as_integer(&self) -> Option<i32> {
        if let Value::Integer(number) = self { Some(*number) } else { None }
    }
}

impl From<&str> for Value {
    fn from(text: &str) -> Self {
        Value::Text(text.to_owned())
    }
}

impl From<String> for Value {
    fn from(text: String) -> Self {
        Value::Text(text)
    }
}

impl From<i32> for Value {
    fn from(number: i32) -> Self {
        Value::Integer(number)
    }
}

impl<V: Into<Value>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Value::Null, Into::into)
    }
}

/// What `_Validation` says of a column, for editors and for the checks of the SDK. Nothing is known by default.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Validation {
    /// The least and the greatest number.
    pub range: Option<(i32, i32)>,
    /// Where the value is a key.
    pub foreign: Option<Foreign>,
    /// What kind of text it is.
    pub category: Option<Category>,
    /// The values it may have, joined with `;`.
    pub set: Option<String>,
    /// A sentence.
    pub description: String,
}

/// A reference to the key of other tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Foreign {
    /// Their names, joined with `;`.
    pub tables: String,
    /// The number of the key column, from 1.
    pub column: u8,
}

/// Kinds of texts and numbers ("Column Data Types" of the Windows Installer SDK).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the SDK, which defines them")]
pub enum Category {
    Text,
    UpperCase,
    LowerCase,
    Integer,
    DoubleInteger,
    TimeDate,
    Identifier,
    Property,
    Filename,
    WildCardFilename,
    Path,
    Paths,
    AnyPath,
    DefaultDir,
    RegPath,
    Formatted,
    FormattedSddlText,
    KeyFormatted,
    Template,
    Condition,
    Guid,
    Version,
    Language,
    Binary,
    CustomSource,
    Cabinet,
    Shortcut,
    Url,
}

impl Category {
    /// As it stands in the column `Category` of `_Validation`.
    pub const fn name(self) -> &'static str {
        match self {
            Category::Text => "Text",
            Category::UpperCase => "UpperCase",
            Category::LowerCase => "LowerCase",
            Category::Integer => "Integer",
            Category::DoubleInteger => "DoubleInteger",
            Category::TimeDate => "Time/Date",
            Category::Identifier => "Identifier",
            Category::Property => "Property",
            Category::Filename => "Filename",
            Category::WildCardFilename => "WildCardFilename",
            Category::Path => "Path",
            Category::Paths => "Paths",
            Category::AnyPath => "AnyPath",
            Category::DefaultDir => "DefaultDir",
            Category::RegPath => "RegPath",
            Category::Formatted => "Formatted",
            Category::FormattedSddlText => "FormattedSDDLText",
            Category::KeyFormatted => "KeyFormatted",
            Category::Template => "Template",
            Category::Condition => "Condition",
            Category::Guid => "Guid",
            Category::Version => "Version",
            Category::Language => "Language",
            Category::Binary => "Binary",
            Category::CustomSource => "CustomSource",
            Category::Cabinet => "Cabinet",
            Category::Shortcut => "Shortcut",
            Category::Url => "URL",
        }
    }
}
