//! The packages that the programs of a Debian package need: `$auto`.

use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::layout::{LayoutError, NodeKind, Tree};
use camino::Utf8Path;
use deploy_formats::debian::shlibs::{Binary, Database, UnknownLibrary};
use deploy_formats::debian::{Architecture, Relations};
use deploy_formats::linkage::{self, ElfNeeds};
use std::io::Read as _;

/// Where dpkg keeps what it knows of installed libraries.
const DPKG: &str = "/var/lib/dpkg";

/// Libraries whose packages are not known.
#[derive(Debug, thiserror::Error)]
#[error("{}", .0.iter().map(|unknown| unknown.to_string()).collect::<Vec<_>>().join("\n"))]
pub(super) struct Unknown(Vec<UnknownLibrary>);

/// The relations that the ELF files of a tree ask for.
///
/// The table that is part of this program decides, so that every machine computes the same. What it does not know is looked up in the
/// local dpkg's database, if that is of the right architecture.
pub(super) fn computed(
    tree: &Tree,
    architecture: &Architecture,
    bench: &Workbench<'_>,
) -> Result<Relations, LayoutError> {
    let mut found: Vec<(String, ElfNeeds)> = Vec::new();
    for node in &tree.nodes {
        let NodeKind::File { content, .. } = &node.kind else { continue };
        if !is_elf(content)? {
            continue;
        }
        match linkage::elf_needs(&files::read(content)?) {
            Ok(needs) => found.push((node.path.clone(), needs)),
            Err(error) => bench.warn(
                format!("{} looks like a program and is none: {error}", node.path),
                Some("the package does not depend on what it may need".to_owned()),
            ),
        }
    }
    let binaries: Vec<Binary<'_>> = found.iter().map(|(path, needs)| Binary { path, needs }).collect();
    let mut database = Database::new();
    match database.dependencies(&binaries) {
        Ok(relations) => return Ok(relations),
        Err(unknown) => {
            if !add_local(&mut database, architecture)? {
                return Err(unusable(unknown));
            }
        }
    }
    database.dependencies(&binaries).map_err(unusable)
}

fn unusable(unknown: Vec<UnknownLibrary>) -> LayoutError {
    LayoutError::Unusable {
        file: "`$auto` of `package.deb.depends`".to_owned(),
        what: "a list of packages",
        source: Box::new(Unknown(unknown)),
    }
}

fn is_elf(path: &Utf8Path) -> Result<bool, FileError> {
    let mut start = Vec::new();
    let failed = |source| FileError { action: "read", path: path.to_owned(), source };
    files::open(path)?.take(4).read_to_end(&mut start).map_err(failed)?;
    Ok(start == b"\x7fELF")
}

/// Adds what dpkg knows here of an architecture; says whether that is anything.
fn add_local(database: &mut Database, architecture: &Architecture) -> Result<bool, FileError> {
    let root = Utf8Path::new(DPKG);
    let native = files::read_if_exists(&root.join("arch"))?;
    let Some(info) = files::metadata_if_exists(&root.join("info"))?.map(|_| root.join("info")) else {
        return Ok(false);
    };
    let names = files::names(&info)?;
    // The file `arch` names the architectures, the machine's own first; without it, that of dpkg itself is in the list of dpkg.
    let own = native.map(|text| String::from_utf8_lossy(&text).lines().next().unwrap_or_default().to_owned());
    let suffix = format!(":{architecture}");
    let mut added = false;
    for name in &names {
        let Some((package, kind)) = name.rsplit_once('.') else { continue };
        // Packages that can be there for several architectures say which in the names of their files.
        let fits = match package.split_once(':') {
            Some(_) => package.ends_with(&suffix),
            None => own.as_deref() == Some(architecture.as_str()),
        };
        if !fits || !matches!(kind, "symbols" | "shlibs") {
            continue;
        }
        let text = String::from_utf8_lossy(&files::read(&info.join(name))?).into_owned();
        // A file that cannot be read tells nothing; what it would have told is then unknown, and said to be.
        added |= match kind {
            "symbols" => database.add_symbols(&text).is_ok(),
            _ => database.add_shlibs(&text).is_ok(),
        };
    }
    Ok(added)
}
