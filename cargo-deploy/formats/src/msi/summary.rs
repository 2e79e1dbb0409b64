//! The summary information of a package: the stream that Windows reads before the tables.

use crate::msi::Guid;

/// What the summary information says ("Summary Property Descriptions" of the Windows Installer SDK).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// What the file is: `Installation Database`.
    pub title: String,
    /// The name of the product.
    pub subject: String,
    /// The publisher.
    pub author: String,
    /// Words to find it by: `Installer`.
    pub keywords: String,
    /// Free text.
    pub comments: String,
    /// Architecture and languages: `x64;1033`, `Arm64;1033`, `Intel;1033`.
    pub template: String,
    /// The package code: another one for every file that has other bytes.
    pub package_code: Guid,
    /// When it was made and saved, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// "Page count": the least version of Windows Installer, times 100. 200 for x64, 500 for Arm64 and per-user packages.
    pub installer_version: i32,
    /// "Word count": 2 for compressed files with long names, and 8 more where no elevation is asked for.
    pub source: i32,
    /// 2: opening it read-only is recommended.
    pub security: i32,
    /// The program that made it.
    pub application: String,
}
