//! Debian's binary packages (deb(5)) and the words of their control files.
//!
//! The rules are those of the Debian Policy Manual 4.6.2, chapters 5 (control files) and 7 (relations between packages), and of dpkg where
//! Policy is silent.

mod architecture;
mod description;
pub mod package;
mod package_name;
pub mod paragraph;
pub mod relation;
pub mod shlibs;
mod version;

pub use architecture::{Architecture, InvalidArchitecture};
pub use description::{DescriptionProblem, description};
pub use package_name::{InvalidPackageName, PackageName};
pub use paragraph::Paragraph;
pub use relation::Relations;
pub use version::{InvalidVersion, Version, VersionProblem};
