//! The name of a package format.

use crate::name::parsed_name;

/// A package format by its name: `tar.gz`, `zip`, `deb`. The name is the plug-in's id and, as a rule, the
/// extension of the file it makes.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Format(String);

parsed_name!(
    Format,
    |text| {
        !text.is_empty()
            && text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-')
            && !text.starts_with(['.', '-'])
            && !text.ends_with(['.', '-'])
    },
    "a format name: lowercase letters, digits, dots and hyphens"
);
