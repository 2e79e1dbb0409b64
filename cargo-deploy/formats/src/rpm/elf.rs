//! What an ELF file needs and provides as a part of a package, by the rules of rpm's own generator.
//!
//! `elfdeps` (tools/elfdeps.c of rpm 4.18) gives for a file on 64 bits `libm.so.6()(64bit)` for each library it needs,
//! `libm.so.6(GLIBC_2.2.5)(64bit)` for each version of that library's symbols, and `rtld(GNU_HASH)` where there is only GNU's table of
//! symbols. A library provides its name in the same form, and each of its versions. On 32 bits the end, `(64bit)`, is left
//! out. Distributions build the dependencies of their packages with it, so these are names every rpm system knows.

use std::collections::BTreeSet;

use ::rpm::DependencyFlags;

use super::Dependency;
use crate::linkage::{self, Container, LinkageError};

/// Capabilities as rpm names them, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Capabilities {
    /// What the file needs.
    pub requires: BTreeSet<String>,
    /// What others can need of it.
    pub provides: BTreeSet<String>,
}

impl Capabilities {
    /// Adds those of another file.
    pub fn extend(&mut self, other: Capabilities) {
        self.requires.extend(other.requires);
        self.provides.extend(other.provides);
    }

    /// The needs as dependencies, marked as found in files.
    pub fn requirements(&self) -> impl Iterator<Item = Dependency> + '_ {
        self.requires.iter().map(|name| Dependency::any(name.as_str()).with(DependencyFlags::FIND_REQUIRES))
    }

    /// The offers as dependencies, marked as found in files.
    pub fn provisions(&self) -> impl Iterator<Item = Dependency> + '_ {
        self.provides.iter().map(|name| Dependency::any(name.as_str()).with(DependencyFlags::FIND_PROVIDES))
    }
}

/// Reads a file. `name` is that of the file, without directories: a library that does not say its own name goes by it. There is
/// nothing to say of a file that is not ELF, and a program that is not `executable` needs nothing.
pub fn capabilities(bytes: &[u8], name: &str, executable: bool) -> Result<Capabilities, LinkageError> {
    let mut capabilities = Capabilities::default();
    if linkage::container(bytes) != Some(Container::Elf) {
        return Ok(capabilities);
    }
    let needs = linkage::elf_needs(bytes)?;
    let has_interpreter = linkage::read(bytes)?.iter().any(|image| image.interpreter.is_some());
    let needs_something = executable || !has_interpreter;
    let mark = if needs.wide { "(64bit)" } else { "" };
    let versions = needs.versions.iter().map(|need| (need.library.as_str(), need.version.as_str()));
    for (library, version) in needs.needed.iter().map(|library| (library.as_str(), "")).chain(versions) {
        if needs_something && is_library(library) {
            capabilities.requires.insert(capability(library, version, mark));
        }
    }
    if needs_something && needs.gnu_hash && !needs.system_v_hash {
        capabilities.requires.insert("rtld(GNU_HASH)".to_owned());
    }
    let has_dynamic_section = needs.gnu_hash || needs.system_v_hash || !needs.needed.is_empty();
    let own = needs.own_name.as_deref().unwrap_or(name);
    if needs.position_independent && has_dynamic_section && !needs.debugger_slot && is_library(own) {
        capabilities.provides.insert(capability(own, "", mark));
        for version in &needs.definitions {
            capabilities.provides.insert(capability(own, version, mark));
        }
    }
    Ok(capabilities)
}

/// `libm.so.6()(64bit)`, or on 32 bits `libm.so.6` and `libm.so.6(GLIBC_2.0)`.
fn capability(library: &str, version: &str, mark: &str) -> String {
    if version.is_empty() && mark.is_empty() {
        return library.to_owned();
    }
    format!("{library}({version}){mark}")
}

/// Plug-ins are not libraries: names that do not start as those of libraries and loaders are left out, as are those without
/// `.so`.
fn is_library(name: &str) -> bool {
    let known = ["lib", "ld.", "ld-", "ld64.", "ld64-"].iter().any(|start| name.starts_with(start));
    known && name.contains(".so") && !name.contains(|found: char| found.is_whitespace() || found.is_control())
}
