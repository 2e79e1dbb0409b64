//! The names Debian gives to processors and systems.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// The name of an architecture as it stands in a control file: `amd64`, `all`, `linux-any` (Policy 5.6.8, 11.1).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Architecture(String);

/// What should be the name of an architecture is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "`{found}` is not the name of an architecture: they are of lower-case letters, digits and `-`, as in `amd64`"
)]
pub struct InvalidArchitecture {
    /// As it was given.
    pub found: String,
}

/// First what a triple of rustc starts with, then how it ends, then Debian's name (the tables `cputable` and `ostable` of dpkg).
/// The first row that fits holds.
const TABLE: [(&str, &str, &str); 16] = [
    ("x86_64-", "-gnux32", "x32"),
    ("x86_64-", "", "amd64"),
    ("aarch64-", "", "arm64"),
    ("armv7-", "eabihf", "armhf"),
    ("thumbv7neon-", "eabihf", "armhf"),
    ("armv7-", "eabi", "armel"),
    ("arm-", "eabi", "armel"),
    ("armv5te-", "eabi", "armel"),
    ("i586-", "", "i386"),
    ("i686-", "", "i386"),
    ("riscv64gc-", "", "riscv64"),
    ("riscv64a23-", "", "riscv64"),
    ("powerpc64le-", "", "ppc64el"),
    ("s390x-", "", "s390x"),
    ("loongarch64-", "", "loong64"),
    ("mips64el-", "abi64", "mips64el"),
];

impl Architecture {
    /// The architecture that a target of rustc is to Debian; `None` for what is not Linux or has no port. A
    /// program that is linked against musl statically runs on the same architecture as one linked against glibc.
    pub fn of_triple(triple: &str) -> Option<Self> {
        let linux = triple.split('-').any(|part| part == "linux") && !triple.contains("android");
        let row = TABLE.iter().find(|(start, end, _)| triple.starts_with(start) && triple.ends_with(end));
        row.filter(|_| linux).map(|(_, _, name)| Architecture((*name).to_owned()))
    }

    /// `all`: the package is the same on every architecture.
    pub fn all() -> Self {
        Architecture("all".to_owned())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether this architecture is meant by `pattern`, which may be a name or one of the wildcards `any`, `linux-any` and
    /// `any-amd64` (Policy 11.1.1). This one must be a name of a Linux port.
    pub fn is(&self, pattern: &Architecture) -> bool {
        match pattern.0.as_str() {
            "any" | "linux-any" => true,
            pattern => pattern.strip_prefix("any-").unwrap_or(pattern) == self.0,
        }
    }
}

impl FromStr for Architecture {
    type Err = InvalidArchitecture;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let good = text.bytes().all(|byte| plain(byte) || byte == b'-')
            && text.bytes().next().is_some_and(plain)
            && text.bytes().last().is_some_and(plain);
        if good {
            Ok(Architecture(text.to_owned()))
        } else {
            Err(InvalidArchitecture { found: text.to_owned() })
        }
    }
}

impl fmt::Display for Architecture {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_triple_has_the_name_of_its_port() {
        let table = [
            ("x86_64-unknown-linux-gnu", Some("amd64")),
            ("x86_64-unknown-linux-musl", Some("amd64")),
            ("x86_64-unknown-linux-gnux32", Some("x32")),
            ("aarch64-unknown-linux-gnu", Some("arm64")),
            ("armv7-unknown-linux-gnueabihf", Some("armhf")),
            ("armv7-unknown-linux-musleabihf", Some("armhf")),
            ("arm-unknown-linux-gnueabi", Some("armel")),
            ("arm-unknown-linux-gnueabihf", None),
            ("i686-unknown-linux-gnu", Some("i386")),
            ("riscv64gc-unknown-linux-gnu", Some("riscv64")),
            ("powerpc64le-unknown-linux-gnu", Some("ppc64el")),
            ("powerpc64-unknown-linux-gnu", None),
            ("s390x-unknown-linux-gnu", Some("s390x")),
            ("aarch64-linux-android", None),
            ("x86_64-apple-darwin", None),
            ("x86_64-pc-windows-msvc", None),
        ];
        for (triple, expected) in table {
            let found = Architecture::of_triple(triple);
            assert_eq!(found.as_ref().map(Architecture::as_str), expected, "{triple}");
        }
    }

    #[test]
    fn names_are_checked() {
        for good in ["amd64", "all", "any", "linux-any", "any-arm64", "kfreebsd-amd64"] {
            assert_eq!(good.parse::<Architecture>().unwrap().as_str(), good);
        }
        for bad in ["", "AMD64", "amd 64", "-any", "any-", "!i386", "amd64]"] {
            let error = bad.parse::<Architecture>().unwrap_err();
            assert!(error.to_string().starts_with(&format!("`{bad}` is not")), "{error}");
        }
    }

    #[test]
    fn wildcards_mean_every_linux() {
        let arm64: Architecture = "arm64".parse().unwrap();
        for (pattern, expected) in [
            ("any", true),
            ("linux-any", true),
            ("any-arm64", true),
            ("arm64", true),
            ("amd64", false),
            ("kfreebsd-any", false),
        ] {
            assert_eq!(arm64.is(&pattern.parse().unwrap()), expected, "{pattern}");
        }
    }
}
