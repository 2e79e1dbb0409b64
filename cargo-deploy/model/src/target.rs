//! Triples, systems, processors and glibc versions.

use crate::name::{InvalidName, parsed_name};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A target triple as rustc spells it: `x86_64-unknown-linux-gnu`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Triple(String);

parsed_name!(
    Triple,
    |text| {
        text.split('-').count() >= 2
            && text.split('-').all(|part| {
                !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'.')
            })
            && !text.contains("..")
    },
    "a target triple such as x86_64-unknown-linux-gnu"
);

impl Triple {
    /// The triple in the spelling of environment variables: `CARGO_TARGET_<this>_LINKER`.
    pub fn environment_name(&self) -> String {
        self.0.to_ascii_uppercase().replace(['-', '.'], "_")
    }
}

/// An operating system that a release can be made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Os {
    /// Linux with any libc.
    Linux,
    /// Windows 10 and later.
    Windows,
    /// macOS 11 and later.
    Macos,
    /// WebAssembly with the system interface of WASI.
    Wasi,
}

impl Os {
    /// The name used in manifests and file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Os::Linux => "linux",
            Os::Windows => "windows",
            Os::Macos => "macos",
            Os::Wasi => "wasi",
        }
    }
}

impl std::fmt::Display for Os {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A processor, by the short name used in file names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Arch {
    /// x86-64, also called amd64.
    X64,
    /// AArch64.
    Arm64,
    /// 32-bit ARM with hardware floating point (ARMv7-A).
    Armv7,
    /// 64-bit RISC-V with the general extensions (RV64GC).
    Riscv64,
    /// x86-64 and arm64 in one macOS file.
    Universal,
    /// 32-bit WebAssembly.
    Wasm32,
}

impl Arch {
    /// The name used in file names.
    pub fn as_str(self) -> &'static str {
        match self {
            Arch::X64 => "x64",
            Arch::Arm64 => "arm64",
            Arch::Armv7 => "armv7",
            Arch::Riscv64 => "riscv64",
            Arch::Universal => "universal",
            Arch::Wasm32 => "wasm32",
        }
    }
}

impl std::fmt::Display for Arch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.as_str())
    }
}

/// A version of the GNU C library: `2.17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GlibcVersion {
    /// The part before the dot.
    pub major: u32,
    /// The part after the dot.
    pub minor: u32,
}

impl std::str::FromStr for GlibcVersion {
    type Err = InvalidName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let refused = || InvalidName { found: text.to_owned(), expected: "a glibc version such as 2.17" };
        let number = |part: &str| {
            (!part.is_empty() && part.len() <= 3 && part.bytes().all(|b| b.is_ascii_digit()))
                .then(|| part.parse().ok())
                .flatten()
                .ok_or_else(refused)
        };
        let (major, minor) = text.split_once('.').ok_or_else(refused)?;
        Ok(GlibcVersion { major: number(major)?, minor: number(minor)? })
    }
}

impl std::fmt::Display for GlibcVersion {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}.{}", self.major, self.minor)
    }
}

impl Serialize for GlibcVersion {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for GlibcVersion {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = <std::borrow::Cow<'de, str>>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for GlibcVersion {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "GlibcVersion".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^[0-9]+\\.[0-9]+$", "description": "a version of the GNU C library such as 2.17" })
    }
}

/// A dotted version such as macOS's as numbers to compare, without trailing zeros, so that 11 and 11.0 are the same.
/// What is no number is larger than any.
pub fn dotted_version(text: &str) -> Vec<u32> {
    let mut parts: Vec<u32> = text.split('.').map(|part| part.parse().unwrap_or(u32::MAX)).collect();
    while parts.last() == Some(&0) {
        parts.pop();
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn glibc_versions_are_ordered_by_number_not_by_text() {
        let old: GlibcVersion = "2.9".parse().expect("valid");
        let new: GlibcVersion = "2.17".parse().expect("valid");
        assert!(old < new);
        assert_eq!(new.to_string(), "2.17");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        for bad in ["2", "2.", ".17", "2.17.1", "+2.17", "2.x", ""] {
            assert!(bad.parse::<GlibcVersion>().is_err(), "{bad}");
        }
    }

    #[test]
    fn a_triple_has_its_spelling_for_environment_names() {
        let triple: Triple = "thumbv7em-none-eabi".parse().expect("valid");
        assert_eq!(triple.environment_name(), "THUMBV7EM_NONE_EABI");
        assert!("linux".parse::<Triple>().is_err());
        assert!("x86_64-../etc".parse::<Triple>().is_err());
    }
}
