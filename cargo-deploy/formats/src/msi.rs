//! Windows Installer packages (`.msi`): a database of tables and streams in a compound file, with cabinets of files.
//!
//! A package is built in two steps. First the [`Database`]: plain data, made by whoever knows what shall be installed.
//! Then its bytes, which know nothing of what the tables mean.

mod database;
mod guid;
mod summary;

pub use database::{Category, Column, ColumnType, Database, Foreign, Table, Validation, Value};
pub use guid::{Guid, GuidError};
pub use summary::Summary;
