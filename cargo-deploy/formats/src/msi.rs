//! Windows Installer packages (`.msi`): a database of tables and streams in a compound file, with cabinets of files.
//!
//! A package is built in two steps. First the [`Database`]: plain data, made by whoever knows what shall be installed.
//! Then [`write()`] makes the bytes, which know nothing of what the tables mean. [`Package`] reads all of it back.
//!
//! ```
//! use std::io::{Cursor, Read};
//! use std::num::NonZeroUsize;
//! use deploy_formats::Level;
//! use deploy_formats::msi::{self, Cabinet, CabinetFile, Column, Database, Package, Packing, Table, Value};
//!
//! let mut property = Table::new("Property", vec![Column::text("Property", 72).key(), Column::text("Value", 0).localizable()]);
//! property.rows.push(vec![Value::from("ProductName"), Value::from("App")]);
//! let database = Database { tables: vec![property], ..Database::default() };
//! let cabinets = [Cabinet { name: "app.cab".into(), files: vec![CabinetFile { key: "run".into(), size: 5 }] }];
//! let packing = Packing { level: Level::Default, threads: NonZeroUsize::MIN, modified: 1_700_000_000 };
//! let mut open = |_: &str| Ok(Box::new(&b"hello"[..]) as Box<dyn Read>);
//! let file = msi::write(Cursor::new(Vec::new()), &database, &cabinets, &mut open, packing)?;
//!
//! let package = Package::open(file)?;
//! assert_eq!(package.database().table("Property"), database.table("Property"));
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod cabinet;
mod compound;
mod database;
mod guid;
mod installed;
mod listing;
mod mszip;
mod names;
mod package;
mod pool;
mod rows;
mod summary;
#[cfg(test)]
mod tests;

pub use cabinet::{Cabinet, CabinetError, CabinetFile, LARGEST_FOLDER, Open, Packing, spread};
pub use compound::CompoundError;
pub use database::{Category, Column, ColumnType, Database, Foreign, Table, Validation, Value};
pub use guid::{Guid, GuidError};
pub use installed::{InstalledFile, PathProblem};
pub use listing::listing;
pub use package::{MsiError, Package, unsigned, write};
pub use pool::PoolError;
pub use rows::{RowsError, TableProblem};
pub use summary::{Summary, SummaryError};
