//! Versions of products, which Windows Installer knows as three numbers.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A version that Windows Installer compares: at most 255.255.65535 ("ProductVersion" of the Windows Installer SDK).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ProductVersion {
    /// At most 255.
    pub major: u8,
    /// At most 255.
    pub minor: u8,
    /// At most 65,535.
    pub build: u16,
}

/// Why a version cannot be that of a product.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum ProductVersionError {
    /// A pre-release: Windows Installer could not tell it from the release.
    #[error("`{version}` is a pre-release, and Windows Installer compares three numbers alone")]
    PreRelease {
        /// As given.
        version: String,
    },
    /// A number that is too large.
    #[error("the {place} number of `{version}` is {number}, and Windows Installer takes at most {most}")]
    Large {
        /// As given.
        version: String,
        /// `first`, `second` or `third`.
        place: &'static str,
        /// What it is.
        number: String,
        /// What it may be.
        most: u32,
    },
    /// A text that is not three numbers.
    #[error("`{version}` is not of three numbers like 1.2.3")]
    Form {
        /// As given.
        version: String,
    },
}

impl fmt::Display for ProductVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.major, self.minor, self.build)
    }
}

impl FromStr for ProductVersion {
    type Err = ProductVersionError;

    /// From a version as Cargo has it. What stands behind a `+` does not count for an order and is left away.
    fn from_str(text: &str) -> Result<Self, ProductVersionError> {
        let version = || text.to_owned();
        let numbers = text.split('+').next().unwrap_or_default();
        if numbers.contains('-') {
            return Err(ProductVersionError::PreRelease { version: version() });
        }
        let numbers: Vec<&str> = numbers.split('.').collect();
        let digits = |number: &&str| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        let ([major, minor, build], true) = (&numbers[..], numbers.iter().all(digits)) else {
            return Err(ProductVersionError::Form { version: version() });
        };
        let large = |place, number: &str, most| ProductVersionError::Large {
            version: version(),
            place,
            number: number.to_owned(),
            most,
        };
        Ok(ProductVersion {
            major: major.parse().map_err(|_| large("first", major, 255))?,
            minor: minor.parse().map_err(|_| large("second", minor, 255))?,
            build: build.parse().map_err(|_| large("third", build, 65_535))?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_numbers_are_a_version() {
        for (text, version) in
            [("1.2.3", "1.2.3"), ("255.255.65535", "255.255.65535"), ("1.0.0+abc", "1.0.0")]
        {
            assert_eq!(text.parse::<ProductVersion>().unwrap().to_string(), version);
        }
    }

    #[test]
    fn what_windows_could_not_compare_is_refused_with_its_reason() {
        let errors = ["1.2.0-rc.1", "2026.1.0", "1.256.0", "1.0.65536", "1.0", "a.b.c"]
            .map(|text| text.parse::<ProductVersion>().unwrap_err().to_string());
        assert_eq!(
            errors,
            [
                "`1.2.0-rc.1` is a pre-release, and Windows Installer compares three numbers alone",
                "the first number of `2026.1.0` is 2026, and Windows Installer takes at most 255",
                "the second number of `1.256.0` is 256, and Windows Installer takes at most 255",
                "the third number of `1.0.65536` is 65536, and Windows Installer takes at most 65535",
                "`1.0` is not of three numbers like 1.2.3",
                "`a.b.c` is not of three numbers like 1.2.3",
            ]
        );
    }
}
