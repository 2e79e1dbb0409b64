//! Tables as streams: the rows of a table column by column, and the tables that describe the tables.

use std::cmp::Ordering;
use std::collections::BTreeMap;

use thiserror::Error;

use crate::msi::names;
use crate::msi::pool::{Pool, PoolError, PoolWriter};
use crate::msi::{Category, Column, ColumnType, Database, Table, Value};

/// Column types in `_Columns`: the bits that say what the low byte means.
const VALID: i32 = 0x100;
const LOCALIZABLE: i32 = 0x200;
const SHORT: i32 = 0x400;
const TEXT: i32 = 0x800;
const NULLABLE: i32 = 0x1000;
const KEY: i32 = 0x2000;

/// How many bytes the texts and numbers of all tables may take in memory.
const MOST_MEMORY: usize = 256 << 20;

/// Why tables cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RowsError {
    /// A table of a database that is to be written.
    #[error("table `{table}`: {problem}")]
    Table {
        /// Its name.
        table: String,
        /// What is wrong with it.
        problem: TableProblem,
    },
    /// The texts.
    #[error(transparent)]
    Pool(#[from] PoolError),
    /// The tables have more than 256 MiB in memory.
    #[error("its tables are larger than 256 MiB")]
    Large,
}

/// What is wrong with a table.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TableProblem {
    /// Letters, digits, `_` and `.`, at most 31.
    #[error("`{name}` is no name for a table or a column")]
    Name {
        /// As it was given.
        name: String,
    },
    /// There is another table of the name, or another column.
    #[error("there are two of the name `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// 1 to 32, of them at least one key, and the keys first.
    #[error("it should have one to 32 columns, the keys first")]
    Columns,
    /// A row has not as many values as there are columns.
    #[error("row {row} should have {expected} values")]
    Width {
        /// From 1, in the order given.
        row: usize,
        /// As many as columns.
        expected: usize,
    },
    /// A value is of another type than its column, or is missing, or too large.
    #[error("row {row} has no value that fits the column `{column}`")]
    Value {
        /// From 1, in the order given.
        row: usize,
        /// The name of the column.
        column: String,
    },
    /// Two rows with the same key.
    #[error("there are two rows with the key `{key}`")]
    Key {
        /// Its values, with dots.
        key: String,
    },
    /// A table that was read: the length of its stream is no multiple of that of a row.
    #[error("its rows are cut off")]
    Cut,
    /// A table that was read: a reference to a text that there is not.
    #[error("it refers to text {number}, which is missing")]
    Reference {
        /// The reference.
        number: u32,
    },
    /// A table that was read: a row has bytes, and there is no stream for them.
    #[error("the stream `{name}` is missing")]
    Stream {
        /// Its name.
        name: String,
    },
    /// A table that was read: the columns of a table are not numbered, or have an unknown type.
    #[error("its columns are not described as they should be")]
    Description,
}

fn wrong(table: &str, problem: TableProblem) -> RowsError {
    RowsError::Table { table: table.to_owned(), problem }
}

/// `_Tables`, which describes itself.
fn tables_table() -> Table {
    Table::new("_Tables", vec![Column::text("Name", 64).key()])
}

/// `_Columns`, which describes itself too.
fn columns_table() -> Table {
    Table::new(
        "_Columns",
        vec![
            Column::text("Table", 64).key(),
            Column::integer16("Number").key(),
            Column::text("Name", 64),
            Column::integer16("Type"),
        ],
    )
}

/// `_Validation` ("_Validation Table" of the Windows Installer SDK).
fn validation_table() -> Table {
    use Category::{Identifier, Text};
    const BOUND: i32 = i32::MAX;
    let kinds = "Text;Formatted;Template;Condition;Guid;Path;Version;Language;Identifier;Binary;UpperCase;LowerCase;\
                 Filename;Paths;AnyPath;WildCardFilename;RegPath;CustomSource;Property;Cabinet;Shortcut;\
                 FormattedSDDLText;Integer;DoubleInteger;Time/Date;DefaultDir;URL;KeyFormatted";
    let column = |column: Column, description: &str| column.description(description);
    Table::new(
        "_Validation",
        vec![
            column(Column::text("Table", 32).key().category(Identifier), "Name of a table"),
            column(Column::text("Column", 32).key().category(Identifier), "Name of a column"),
            column(Column::text("Nullable", 4).set("Y;N;@"), "Whether a value may be missing"),
            column(Column::integer32("MinValue").nullable().range(-BOUND, BOUND), "The least number"),
            column(Column::integer32("MaxValue").nullable().range(-BOUND, BOUND), "The greatest number"),
            column(
                Column::text("KeyTable", 255).nullable().category(Identifier),
                "Tables that the value is a key of",
            ),
            column(Column::integer16("KeyColumn").nullable().range(1, 32), "Number of the key column there"),
            column(Column::text("Category", 32).nullable().set(kinds), "Kind of text"),
            column(Column::text("Set", 255).nullable().category(Text), "Values that are allowed"),
            column(Column::text("Description", 255).nullable().category(Text), "What the column is for"),
        ],
    )
}

fn validation_row(table: &str, column: &Column) -> Vec<Value> {
    let validation = &column.validation;
    let text = |text: Option<&str>| Value::from(text.filter(|text| !text.is_empty()));
    vec![
        Value::from(table),
        Value::from(column.name.as_str()),
        Value::from(if column.nullable { "Y" } else { "N" }),
        Value::from(validation.range.map(|(least, _)| least)),
        Value::from(validation.range.map(|(_, greatest)| greatest)),
        text(validation.foreign.as_ref().map(|foreign| foreign.tables.as_str())),
        Value::from(validation.foreign.as_ref().map(|foreign| i32::from(foreign.column))),
        text(validation.category.map(Category::name)),
        text(validation.set.as_deref()),
        text(Some(&validation.description)),
    ]
}

/// The number that stands in `_Columns` for what a column is.
fn type_number(column: &Column) -> i32 {
    let kind = match column.column_type {
        ColumnType::Integer16 => VALID | SHORT | 2,
        ColumnType::Integer32 => VALID | 4,
        ColumnType::Text { length } => VALID | SHORT | TEXT | i32::from(length),
        ColumnType::Stream => VALID | TEXT,
    };
    let mut number = kind;
    for (flag, bit) in [(column.localizable, LOCALIZABLE), (column.nullable, NULLABLE), (column.key, KEY)] {
        if flag {
            number |= bit;
        }
    }
    number
}

fn column_of(name: String, number: i32) -> Option<Column> {
    let length = (number & 0xff) as u8;
    // Bytes are texts without the bit of short columns.
    let column_type = match (number & TEXT != 0, number & SHORT != 0, length) {
        (true, false, 0) => ColumnType::Stream,
        (true, _, length) => ColumnType::Text { length },
        (false, _, 2 | 1) => ColumnType::Integer16,
        (false, _, 4) => ColumnType::Integer32,
        _ => return None,
    };
    let mut column = Column::text(&name, 0);
    column.column_type = column_type;
    column.key = number & KEY != 0;
    column.nullable = number & NULLABLE != 0;
    column.localizable = number & LOCALIZABLE != 0;
    Some(column)
}

fn is_name(name: &str) -> bool {
    let known = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.';
    (1..=31).contains(&name.len()) && name.bytes().all(known)
}

/// The streams that the tables of a database are, with their encoded names.
pub(crate) fn encode(database: &Database) -> Result<Vec<(String, Vec<u8>)>, RowsError> {
    let mut tables: Vec<&Table> = database.tables.iter().collect();
    let validation;
    if database.table("_Validation").is_none() {
        let mut table = validation_table();
        let rows = |table: &Table| -> Vec<Vec<Value>> {
            table.columns.iter().map(|column| validation_row(&table.name, column)).collect()
        };
        let all: Vec<Vec<Value>> = tables.iter().copied().chain([&table]).flat_map(rows).collect();
        table.rows = all;
        validation = table;
        tables.push(&validation);
    }
    tables.sort_by(|left, right| left.name.cmp(&right.name));
    if let Some(pair) = tables.windows(2).find(|pair| pair[0].name == pair[1].name) {
        return Err(wrong(&pair[0].name, TableProblem::Twice { name: pair[0].name.clone() }));
    }
    let mut names = tables_table();
    let mut columns = columns_table();
    for table in &tables {
        check(table)?;
        names.rows.push(vec![Value::from(table.name.as_str())]);
        for (column, number) in table.columns.iter().zip(1..) {
            columns.rows.push(vec![
                Value::from(table.name.as_str()),
                Value::Integer(number),
                Value::from(column.name.as_str()),
                Value::Integer(type_number(column)),
            ]);
        }
    }

    let mut pool = PoolWriter::default();
    for table in tables.iter().copied().chain([&names, &columns]) {
        for value in table.rows.iter().flatten() {
            if let Value::Text(text) = value {
                pool.count(text);
            }
        }
    }
    pool.number()?;
    let mut streams = Vec::new();
    for table in tables.iter().copied().chain([&names, &columns]) {
        if !table.rows.is_empty() {
            streams.push((names::encode(&table.name, true), rows(table, &pool)?));
        }
        for (name, bytes) in streams_of(table) {
            streams.push((names::encode(&name, false), bytes.to_vec()));
        }
    }
    let (texts, data) = pool.streams();
    streams.push((names::encode("_StringPool", true), texts));
    streams.push((names::encode("_StringData", true), data));
    Ok(streams)
}

/// The streams that the values of a table are, by name.
fn streams_of(table: &Table) -> Vec<(String, &[u8])> {
    let mut streams = Vec::new();
    for row in &table.rows {
        for value in row {
            if let Value::Stream(bytes) = value {
                streams.push((stream_name(table, row), bytes.as_slice()));
            }
        }
    }
    streams
}

/// The name of the stream that belongs to a row: the table and the key, with dots.
fn stream_name(table: &Table, row: &[Value]) -> String {
    format!("{}.{}", table.name, key_text(table, row))
}

fn key_text(table: &Table, row: &[Value]) -> String {
    let keys = row.iter().zip(&table.columns).filter(|(_, column)| column.key);
    let texts: Vec<String> = keys
        .map(|(value, _)| match value {
            Value::Text(text) => text.clone(),
            Value::Integer(number) => number.to_string(),
            Value::Null | Value::Stream(_) => String::new(),
        })
        .collect();
    texts.join(".")
}

fn check(table: &Table) -> Result<(), RowsError> {
    let fail = |problem| Err(wrong(&table.name, problem));
    for name in table.columns.iter().map(|column| &column.name).chain([&table.name]) {
        if !is_name(name) {
            return fail(TableProblem::Name { name: name.clone() });
        }
    }
    let mut seen: Vec<&str> = table.columns.iter().map(|column| column.name.as_str()).collect();
    seen.sort_unstable();
    if let Some(pair) = seen.windows(2).find(|pair| pair[0] == pair[1]) {
        return fail(TableProblem::Twice { name: pair[0].to_owned() });
    }
    let keys = table.columns.iter().take_while(|column| column.key).count();
    let streams = table.columns.iter().filter(|column| column.column_type == ColumnType::Stream);
    let late_key = table.columns[keys..].iter().any(|column| column.key);
    // The name of the stream of a value has the key and not the column.
    if keys == 0 || table.columns.len() > 32 || late_key || streams.count() > 1 {
        return fail(TableProblem::Columns);
    }
    for (row, number) in table.rows.iter().zip(1..) {
        if row.len() != table.columns.len() {
            return fail(TableProblem::Width { row: number, expected: table.columns.len() });
        }
        for (value, column) in row.iter().zip(&table.columns) {
            let fits = match (value, column.column_type) {
                (Value::Null, _) => column.nullable,
                (Value::Integer(number), ColumnType::Integer16) => (-0x7fff..=0x7fff).contains(number),
                (Value::Integer(number), ColumnType::Integer32) => *number != i32::MIN,
                (Value::Text(text), ColumnType::Text { .. }) => {
                    !text.contains('\0') && (!text.is_empty() || column.nullable)
                }
                (Value::Stream(_), ColumnType::Stream) => !column.key,
                _ => false,
            };
            if !fits {
                return fail(TableProblem::Value { row: number, column: column.name.clone() });
            }
        }
    }
    Ok(())
}

/// A value as it is stored. Sorting by it is sorting by number, or by text.
fn stored(value: &Value, column: &Column, pool: &PoolWriter) -> u32 {
    match value {
        Value::Null => 0,
        Value::Integer(number) if column.column_type == ColumnType::Integer16 => {
            u32::from(*number as u16 ^ 0x8000)
        }
        Value::Integer(number) => *number as u32 ^ 0x8000_0000,
        Value::Text(text) => pool.number_of(text),
        Value::Stream(_) => 1,
    }
}

fn width(column: &Column, reference: usize) -> usize {
    match column.column_type {
        ColumnType::Integer16 | ColumnType::Stream => 2,
        ColumnType::Integer32 => 4,
        ColumnType::Text { .. } => reference,
    }
}

/// The stream of a table.
fn rows(table: &Table, pool: &PoolWriter) -> Result<Vec<u8>, RowsError> {
    let keys = table.columns.iter().filter(|column| column.key).count();
    let mut order: Vec<(Vec<u32>, usize)> = table
        .rows
        .iter()
        .map(|row| {
            row.iter().zip(&table.columns).map(|(value, column)| stored(value, column, pool)).collect()
        })
        .zip(0..)
        .collect();
    let compare = |left: &[u32], right: &[u32]| -> Ordering { left[..keys].cmp(&right[..keys]) };
    order.sort_by(|left, right| compare(&left.0, &right.0));
    if let Some(pair) = order.windows(2).find(|pair| compare(&pair[0].0, &pair[1].0).is_eq()) {
        return Err(wrong(&table.name, TableProblem::Key { key: key_text(table, &table.rows[pair[0].1]) }));
    }
    let mut bytes = Vec::new();
    for (index, column) in table.columns.iter().enumerate() {
        let width = width(column, pool.width());
        for (row, _) in &order {
            bytes.extend_from_slice(&row[index].to_le_bytes()[..width]);
        }
    }
    Ok(bytes)
}

/// What is read: streams by their decoded names, and what is left of the memory.
pub(crate) struct Decoder<'a> {
    /// Of the texts.
    pub(crate) pool: &'a Pool<'a>,
    /// The streams of the tables.
    pub(crate) tables: &'a BTreeMap<String, Vec<u8>>,
    /// The other streams. Those which are values are taken out.
    pub(crate) streams: &'a mut BTreeMap<String, Vec<u8>>,
}

impl Decoder<'_> {
    /// The tables of a database, sorted by name, but those that describe the others.
    pub(crate) fn tables(mut self) -> Result<Vec<Table>, RowsError> {
        let mut memory = MOST_MEMORY;
        let described = self.described()?;
        let mut read = Vec::with_capacity(described.len());
        for (name, columns) in described {
            read.push(self.table(Table { name, columns, rows: Vec::new() }, &mut memory)?);
        }
        Ok(read)
    }

    /// What `_Tables` and `_Columns` say: the columns of every table.
    fn described(&mut self) -> Result<BTreeMap<String, Vec<Column>>, RowsError> {
        let mut memory = MOST_MEMORY;
        let names = self.table(tables_table(), &mut memory)?;
        let columns = self.table(columns_table(), &mut memory)?;
        let mut tables: BTreeMap<String, Vec<Column>> = BTreeMap::new();
        for row in names.rows {
            if let [Value::Text(name)] = row.as_slice() {
                tables.insert(name.clone(), Vec::new());
            }
        }
        let mut described: Vec<(String, i32, String, i32)> = Vec::new();
        for row in columns.rows {
            let [Value::Text(table), Value::Integer(number), Value::Text(name), Value::Integer(kind)] =
                row.as_slice()
            else {
                return Err(wrong("_Columns", TableProblem::Description));
            };
            described.push((table.clone(), *number, name.clone(), *kind));
        }
        described.sort();
        for (table, number, name, kind) in described {
            let fail = || wrong(&table, TableProblem::Description);
            let columns = tables.get_mut(&table).ok_or_else(fail)?;
            columns.push(column_of(name, kind).ok_or_else(fail)?);
            if i32::try_from(columns.len()).ok() != Some(number) || columns.len() > 32 {
                return Err(fail());
            }
        }
        match tables.iter().find(|(_, columns)| columns.is_empty()) {
            Some((name, _)) => Err(wrong(name, TableProblem::Description)),
            None => Ok(tables),
        }
    }

    fn table(&mut self, mut table: Table, memory: &mut usize) -> Result<Table, RowsError> {
        let Some(bytes) = self.tables.get(&table.name) else { return Ok(table) };
        let widths: Vec<usize> = table.columns.iter().map(|column| width(column, self.pool.width)).collect();
        let row_width: usize = widths.iter().sum();
        if !bytes.len().is_multiple_of(row_width) {
            return Err(wrong(&table.name, TableProblem::Cut));
        }
        let count = bytes.len() / row_width;
        let cost = count.saturating_mul(table.columns.len() * size_of::<Value>() + size_of::<Vec<Value>>());
        *memory = memory.checked_sub(cost).ok_or(RowsError::Large)?;
        let mut rows: Vec<Vec<Value>> = (0..count).map(|_| Vec::with_capacity(widths.len())).collect();
        let mut rest = bytes.as_slice();
        for (column, width) in table.columns.iter().zip(widths) {
            for row in &mut rows {
                let (value, after) = rest.split_at(width);
                rest = after;
                let mut number = [0; 4];
                number[..width].copy_from_slice(value);
                let number = u32::from_le_bytes(number);
                row.push(match column.column_type {
                    _ if number == 0 => Value::Null,
                    ColumnType::Integer16 => Value::Integer(i32::from((number as u16 ^ 0x8000) as i16)),
                    ColumnType::Integer32 => Value::Integer((number ^ 0x8000_0000) as i32),
                    ColumnType::Text { .. } => {
                        let text = self.pool.text(number);
                        let text =
                            text.ok_or_else(|| wrong(&table.name, TableProblem::Reference { number }))??;
                        *memory = memory.checked_sub(text.len()).ok_or(RowsError::Large)?;
                        Value::Text(text)
                    }
                    ColumnType::Stream => Value::Stream(Vec::new()),
                });
            }
        }
        for row in &mut rows {
            if !row.iter().any(|value| matches!(value, Value::Stream(_))) {
                continue;
            }
            let name = stream_name(&table, row);
            let Some(bytes) = self.streams.remove(&name) else {
                return Err(wrong(&table.name, TableProblem::Stream { name }));
            };
            if let Some(value) = row.iter_mut().find(|value| matches!(value, Value::Stream(_))) {
                *value = Value::Stream(bytes);
            }
        }
        table.rows = rows;
        Ok(table)
    }
}

/// The table `Media`, if it is there, before all others.
pub(crate) fn media(pool: &Pool<'_>, tables: &BTreeMap<String, Vec<u8>>) -> Result<Option<Table>, RowsError> {
    let mut decoder = Decoder { pool, tables, streams: &mut BTreeMap::new() };
    let described = decoder.described()?;
    let Some(columns) = described.into_iter().find(|(name, _)| name == "Media").map(|(_, columns)| columns)
    else {
        return Ok(None);
    };
    if columns.iter().any(|column| column.column_type == ColumnType::Stream) {
        return Err(wrong("Media", TableProblem::Description));
    }
    let mut memory = MOST_MEMORY;
    decoder.table(Table { name: "Media".to_owned(), columns, rows: Vec::new() }, &mut memory).map(Some)
}
