//! What a produced binary says about itself, read from its bytes.

use crate::GlibcVersion;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The facts read back from one executable image (one slice of a universal file).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Linkage {
    /// `elf`, `pe`, `mach-o` or `wasm`.
    pub container: String,
    /// The processor as the header names it: `x86_64`, `aarch64`, `arm`, `riscv64`, `wasm32`.
    pub machine: String,
    /// Whether the system's loader has to bring libraries: `static` or `dynamic`.
    pub linking: String,
    /// The highest `GLIBC_x.y` symbol version that the file needs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub glibc: Option<GlibcVersion>,
    /// The lowest macOS that the file says it runs on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_macos: Option<String>,
    /// The libraries that the loader is asked for, in the file's order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub needed: Vec<String>,
    /// Directories that the loader is told to search (`RPATH`, `RUNPATH`, `LC_RPATH`).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_paths: Vec<String>,
    /// Whether the symbol table and the debug information are gone.
    pub stripped: bool,
}
