//! The table of targets: one row a target, from `toolchains/targets.toml`.

use deploy_model::{Arch, Format, GlibcVersion, Os, Triple};
use serde::{Deserialize, Serialize};

/// Everything the tool knows about a target. To add a target, add a row to `toolchains/targets.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Target {
    /// The short name used in manifests: `linux-x64`.
    pub name: String,
    /// The triple, used in file names. For a universal target it is a name that rustc does not know.
    pub triple: Triple,
    /// Operating system.
    pub os: Os,
    /// Processor.
    pub arch: Arch,
    /// C library or ABI: `gnu`, `musl`, `gnullvm`, `msvc`; absent where the system has one only.
    #[serde(default)]
    pub libc: Option<String>,
    /// Go's name of the system.
    pub goos: String,
    /// Go's name of the processor; absent for a universal target.
    #[serde(default)]
    pub goarch: Option<String>,
    /// Key in `bundle.json` v0.1: `linux-x64`, `darwin-arm64`, `win-x64`.
    #[serde(default)]
    pub platform: Option<String>,
    /// What is appended to a binary's name: `.exe`, `.wasm`, or nothing.
    #[serde(default)]
    pub exe_suffix: String,
    /// The archive format used when nothing is said.
    pub archive: Format,
    /// What its binaries must be: `elf`, `pe`, `mach-o`, `wasm`.
    pub container: String,
    /// The machines that each binary must hold, as its headers name them.
    pub machines: Vec<String>,
    /// `static` where its binaries must not need the system's loader.
    #[serde(default)]
    pub linking: Option<String>,
    /// The lowest macOS that rustc's default for this triple runs on.
    #[serde(default)]
    pub minimum_macos: Option<String>,
    /// Toolchains that can compile for it, best first. `native` is put in front where the triple is the host's.
    pub toolchains: Vec<String>,
    /// For a universal target, the triples of its parts; empty otherwise.
    #[serde(default)]
    pub parts: Vec<Triple>,
}

impl Target {
    /// Whether this target has a glibc, so that a floor can be given.
    pub fn has_glibc(&self) -> bool {
        self.os == Os::Linux && self.libc.as_deref() == Some("gnu")
    }
}

/// The rows, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct TargetTable {
    /// The rows.
    pub target: Vec<Target>,
}

/// A target as a user asks for it: an alias or a triple, with an optional glibc floor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetRequest {
    /// Alias or triple.
    pub name: String,
    /// The floor given with it: `.2.17`.
    pub glibc: Option<GlibcVersion>,
}

impl TargetRequest {
    /// Splits `linux-x64.2.17` or `x86_64-unknown-linux-gnu.2.17` into name and floor. Total: what has no
    /// well-formed suffix is all name.
    pub fn parse(text: &str) -> Self {
        if let Some((name, suffix)) = text.split_once('.')
            && let Ok(version) = suffix.parse()
        {
            return TargetRequest { name: name.to_owned(), glibc: Some(version) };
        }
        TargetRequest { name: text.to_owned(), glibc: None }
    }
}

impl TargetTable {
    /// The table from the text of `toolchains/targets.toml`.
    pub fn parse(text: &str) -> Result<Self, toml::de::Error> {
        toml::from_str(text)
    }

    /// The row with this alias or triple.
    pub fn find(&self, name: &str) -> Option<&Target> {
        self.target.iter().find(|row| row.name == name || row.triple.as_str() == name)
    }

    /// The target that programs of ours are compiled for, where they are part of a package for `system` and `arch`: the
    /// one whose programs stand alone, and that rustc links without any C compiler.
    pub fn of_own_programs(&self, system: Os, arch: Arch) -> Option<&Target> {
        let libc = match system {
            Os::Linux => "musl",
            Os::Windows => "gnullvm",
            _ => return None,
        };
        self.target
            .iter()
            .find(|row| row.os == system && row.arch == arch && row.libc.as_deref() == Some(libc))
    }

    /// The known name most like `name`, when one is like it at all.
    pub fn suggestion(&self, name: &str) -> Option<&str> {
        self.target
            .iter()
            .flat_map(|row| [row.name.as_str(), row.triple.as_str()])
            .map(|known| (strsim::damerau_levenshtein(known, name), known))
            .min()
            .filter(|(distance, known)| *distance <= 1 + known.len() / 4)
            .map(|(_, known)| known)
    }
}
