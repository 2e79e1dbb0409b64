//! The files of a project, as paths relative to the workspace's root.

use crate::bench::files::{self, FileError, FileErrorExt as _};
use camino::{Utf8Path, Utf8PathBuf};
use std::collections::BTreeSet;
use walkdir::WalkDir;

/// Every file below `root` but those of version control and of cargo's target directory. Paths that are not UTF-8 are
/// left out: no package format of ours could hold them.
pub fn all(root: &Utf8Path, target_directory: &Utf8Path) -> Result<BTreeSet<String>, FileError> {
    let mut found = BTreeSet::new();
    let walk = WalkDir::new(root)
        .follow_links(false)
        .into_iter()
        .filter_entry(|entry| entry.file_name() != ".git" && entry.path() != target_directory.as_std_path());
    for entry in walk {
        let entry = entry.map_err(std::io::Error::from).file("list", root)?;
        if entry.file_type().is_dir() {
            continue;
        }
        let Ok(path) = Utf8PathBuf::from_path_buf(entry.into_path()) else { continue };
        if path.is_file()
            && let Ok(below) = path.strip_prefix(root)
        {
            found.insert(below.as_str().replace('\\', "/"));
        }
    }
    Ok(found)
}

/// The files directly in each of `directories`.
pub fn beside<'a>(
    root: &Utf8Path,
    directories: impl Iterator<Item = &'a Utf8Path>,
) -> Result<BTreeSet<String>, FileError> {
    let mut found = BTreeSet::new();
    for directory in directories {
        let Ok(below) = directory.strip_prefix(root) else { continue };
        for name in files::names(directory)? {
            if directory.join(&name).is_file() {
                found.insert(below.join(name).as_str().replace('\\', "/"));
            }
        }
    }
    Ok(found)
}
