//! Windows Installer packages (`.msi`): a database of tables and streams in a compound file, with cabinets of files.
//!
//! A package is built in two steps. First the [`Database`]: plain data, made of an [`Installer`] by [`tables()`], or by anybody else
//! who knows what shall be installed; [`check()`] tells what would not work. Then [`write()`] makes the bytes, which know nothing of what the tables mean. [`Package`] reads all of it back.
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

mod association;
mod cabinet;
mod check;
mod component;
mod compound;
mod database;
mod dialogue;
mod directory;
mod draft;
mod environment;
mod file;
pub mod file_name;
mod guid;
mod installed;
mod installer;
mod language;
mod listing;
mod mszip;
mod names;
mod package;
mod pool;
mod product_version;
mod property;
mod registry;
mod rows;
mod rtf;
#[cfg(test)]
mod sample;
pub mod schema;
mod sequence;
mod service;
mod shortcut;
mod summary;
#[cfg(test)]
mod tests;
mod window;

pub use cabinet::{Cabinet, CabinetError, CabinetFile, LARGEST_FOLDER, Open, Packing, spread};
pub use check::{CheckProblem, Rule, check};
pub use compound::CompoundError;
pub use database::{Category, Column, ColumnType, Database, Foreign, Table, Validation, Value};
pub use dialogue::Dialogues;
pub use file::content_hash;
pub use guid::{Guid, GuidError};
pub use installed::{InstalledFile, PathProblem, installed_files};
pub use installer::{
    Architecture, Association, Feature, FileVersion, Installer, InstallerProblem, PayloadFile, Place,
    Product, Protocol, RegistryData, RegistryValue, Root, Scope, Service, ServiceAccount, ServiceStart,
    Shortcut, Tables, tables,
};
pub use language::{Language, LanguageError};
pub use listing::listing;
pub use package::{MsiError, Package, unsigned, write};
pub use pool::PoolError;
pub use product_version::{ProductVersion, ProductVersionError};
pub use property::properties;
pub use rows::{RowsError, TableProblem};
pub use rtf::Licence;
pub use summary::{Summary, SummaryError};
