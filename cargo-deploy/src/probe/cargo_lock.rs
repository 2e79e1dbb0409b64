//! `Cargo.lock`: which packages a build may compile.

use crate::bench::files;
use camino::Utf8Path;
use std::collections::BTreeSet;

/// The names of all packages in the lock file of the workspace at `root`; none where there is no lock file or it
/// cannot be understood, which cargo says better when it is asked to compile.
pub fn locked_packages(root: &Utf8Path) -> BTreeSet<String> {
    let Ok(Some(bytes)) = files::read_if_exists(&root.join("Cargo.lock")) else { return BTreeSet::new() };
    let Ok(table) = toml::from_str::<toml::Table>(&String::from_utf8_lossy(&bytes)) else {
        return BTreeSet::new();
    };
    let packages = table.get("package").and_then(toml::Value::as_array);
    packages
        .into_iter()
        .flatten()
        .filter_map(|package| package.get("name")?.as_str())
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::probe::machine::testing::directory;

    #[test]
    fn names_of_locked_packages_are_read() {
        let root = directory("cargo-lock");
        assert!(locked_packages(&root).is_empty());
        let lock = "version = 4\n[[package]]\nname = \"b\"\nversion = \"1.0.0\"\n[[package]]\nname = \"a\"\n";
        files::replace(&root.join("Cargo.lock"), lock.as_bytes()).expect("write");
        assert_eq!(locked_packages(&root).into_iter().collect::<Vec<_>>(), ["a", "b"]);
        files::remove_directory(&root).expect("clean");
    }
}
