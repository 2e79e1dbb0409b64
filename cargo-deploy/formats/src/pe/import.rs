//! The libraries that a PE file is linked with: The .idata Section, and Delay-Load Import Tables.

use std::io::{Read, Seek};

use super::headers::{Headers, directory};
use super::{PeError, damaged, read_range, u32_at};
use crate::member::name_text;

/// More than any program has.
const MOST_LIBRARIES: usize = 4096;
/// No file name on Windows is longer.
const LONGEST_NAME: u64 = 256;

/// A library of a C or C++ runtime that a program is linked with.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct CRuntime {
    /// As the program names it.
    pub library: String,
    /// Who brings it.
    pub origin: RuntimeOrigin,
}

/// Where a library of a C or C++ runtime comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum RuntimeOrigin {
    /// A part of Windows 10 and newer: the Universal C Runtime, and the old `msvcrt.dll`.
    Windows,
    /// Visual C++'s redistributable package, which a machine may lack.
    VisualCpp,
    /// The compiler's own, which has to be shipped beside the program.
    Compiler,
}

/// Those of some libraries that belong to a C or C++ runtime, each once, sorted.
pub(super) fn c_runtime(libraries: &[String]) -> Vec<CRuntime> {
    let origin = |library: &str| {
        let name = library.to_ascii_lowercase();
        let starts = |prefixes: &[&str]| prefixes.iter().any(|prefix| name.starts_with(prefix));
        if starts(&[
            "ucrtbased.",
            "vcruntime",
            "msvcp",
            "msvcr1",
            "msvcr7",
            "msvcr8",
            "msvcr9",
            "concrt",
            "vcomp",
            "vccorlib",
        ]) {
            Some(RuntimeOrigin::VisualCpp)
        } else if starts(&["ucrtbase", "api-ms-win-crt-"]) || name == "msvcrt.dll" {
            Some(RuntimeOrigin::Windows)
        } else if starts(&["libgcc_s", "libstdc++", "libwinpthread", "libc++", "libunwind"]) {
            Some(RuntimeOrigin::Compiler)
        } else {
            None
        }
    };
    let mut found: Vec<CRuntime> = libraries
        .iter()
        .filter_map(|library| Some(CRuntime { library: library.clone(), origin: origin(library)? }))
        .collect();
    found.sort();
    found.dedup();
    found
}

/// 20 bytes for a library, its name at 12; ended by zeros.
pub(super) fn imports(headers: &Headers, reader: &mut (impl Read + Seek)) -> Result<Vec<String>, PeError> {
    let mut names = Vec::new();
    for line in lines(headers, reader, directory::IMPORT, 20, "import table")? {
        names.push(name(headers, reader, u32_at(&line, 12))?);
    }
    Ok(names)
}

/// 32 bytes for a library, its name at 4; ended by zeros.
pub(super) fn delayed_imports(
    headers: &Headers,
    reader: &mut (impl Read + Seek),
) -> Result<Vec<String>, PeError> {
    let mut names = Vec::new();
    for line in lines(headers, reader, directory::DELAY_IMPORT, 32, "delay-load import table")? {
        // Bit 0 of the attributes: addresses are relative, as all but the oldest linkers make them.
        let base = if u32_at(&line, 0) & 1 == 1 { 0 } else { headers.image_base as u32 };
        names.push(name(headers, reader, u32_at(&line, 4).wrapping_sub(base))?);
    }
    Ok(names)
}

/// The lines of a table up to the one of zeros.
fn lines(
    headers: &Headers,
    reader: &mut (impl Read + Seek),
    index: usize,
    size: usize,
    what: &str,
) -> Result<Vec<Vec<u8>>, PeError> {
    let Some(table) = headers.directory(index) else { return Ok(Vec::new()) };
    let outside = || damaged(format!("its {what} is not in the file"));
    let range = headers.locate(table.address).ok_or_else(outside)?;
    let most = ((MOST_LIBRARIES + 1) * size) as u64;
    let bytes = read_range(reader, range.start..range.end.min(range.start + most), headers.length, what)?;
    let mut found = Vec::new();
    for line in bytes.chunks_exact(size) {
        if line.iter().all(|byte| *byte == 0) {
            return Ok(found);
        }
        found.push(line.to_vec());
    }
    Err(damaged(format!("its {what} has no end")))
}

fn name(headers: &Headers, reader: &mut (impl Read + Seek), address: u32) -> Result<String, PeError> {
    let what = "the name of a library";
    let range = headers.locate(address).ok_or_else(|| damaged(format!("{what} is not in the file")))?;
    let end = range.end.min(range.start + LONGEST_NAME + 1);
    let bytes = read_range(reader, range.start..end, headers.length, what)?;
    let end =
        bytes.iter().position(|byte| *byte == 0).ok_or_else(|| damaged(format!("{what} has no end")))?;
    Ok(name_text(bytes.get(..end).unwrap_or_default()))
}
