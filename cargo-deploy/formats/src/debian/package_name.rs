//! The names of packages.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of a package (Policy 5.6.1, 5.6.7): at least two characters of lower-case letters, digits, `+`, `-` and `.`, of which the first
/// is a letter or digit.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageName(String);

/// What should be the name of a package is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{found}` is not a name Debian takes for a package: {rule}{}",
    suggestion.as_ref().map(|name| format!(" (`{name}` would be one)")).unwrap_or_default()
)]
pub struct InvalidPackageName {
    /// As it was given.
    pub found: String,
    /// The rule it breaks.
    pub rule: &'static str,
    /// What comes nearest, if anything does.
    pub suggestion: Option<PackageName>,
}

impl PackageName {
    /// The name a crate's or program's name becomes: in lower case, with `-` for `_` and spaces.
    pub fn from_title(title: &str) -> Result<Self, InvalidPackageName> {
        near(title).parse().map_err(|error| InvalidPackageName { found: title.to_owned(), ..error })
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn near(title: &str) -> String {
    title.to_lowercase().replace(['_', ' '], "-")
}

/// The rule that a name breaks.
fn broken_rule(name: &str) -> Option<&'static str> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    if !name.bytes().all(|byte| plain(byte) || matches!(byte, b'+' | b'-' | b'.')) {
        Some("only lower-case letters, digits, `+`, `-` and `.` may stand in it")
    } else if !name.bytes().next().is_some_and(plain) {
        Some("it must start with a letter or digit")
    } else if name.len() < 2 {
        Some("it must have two characters or more")
    } else {
        None
    }
}

impl FromStr for PackageName {
    type Err = InvalidPackageName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match broken_rule(text) {
            None => Ok(PackageName(text.to_owned())),
            Some(rule) => {
                let name = near(text);
                let suggestion = broken_rule(&name).is_none().then_some(PackageName(name));
                Err(InvalidPackageName { found: text.to_owned(), rule, suggestion })
            }
        }
    }
}

impl fmt::Display for PackageName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_the_archive_are_accepted() {
        for name in ["0ad", "g++", "libstdc++6", "a2", "linux-image-6.1.0-9-amd64"] {
            assert_eq!(name.parse::<PackageName>().unwrap().as_str(), name);
        }
    }

    #[test]
    fn what_is_no_name_is_refused_with_the_rule_and_a_name_near_to_it() {
        let table = [
            ("", "`` is not a name Debian takes for a package: it must start with a letter or digit"),
            ("a", "`a` is not a name Debian takes for a package: it must have two characters or more"),
            (
                "My_App",
                "`My_App` is not a name Debian takes for a package: only lower-case letters, digits, `+`, `-` and `.` may stand in \
                 it (`my-app` would be one)",
            ),
            ("-ab", "`-ab` is not a name Debian takes for a package: it must start with a letter or digit"),
            (
                "größe",
                "`größe` is not a name Debian takes for a package: only lower-case letters, digits, `+`, `-` and `.` may stand in it",
            ),
        ];
        for (name, expected) in table {
            assert_eq!(name.parse::<PackageName>().unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn a_title_becomes_a_name() {
        assert_eq!(PackageName::from_title("Picker_Wheel 2").unwrap().as_str(), "picker-wheel-2");
        assert_eq!(PackageName::from_title("Größe").unwrap_err().found, "Größe");
    }
}
