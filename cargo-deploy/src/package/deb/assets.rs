//! What the settings put into a Debian package by name: `assets`, and the files found in directories of scripts and units.

use super::settings::{Asset, DebSettings};
use crate::package::ProjectFiles;
use deploy_model::RelPath;
use deploy_plan::finding::Finding;
use std::collections::BTreeMap;

/// What a source starts with that means a binary of the project, whatever the target and the profile.
const BINARIES: &str = "target/release/";

/// An asset, understood.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Placed {
    /// What goes in when nothing is said.
    Auto,
    /// A binary of the project.
    Binary {
        /// Its name.
        name: String,
        /// Where it goes.
        path: String,
        /// Its permission bits.
        mode: u32,
    },
    /// Files of the project.
    Files {
        /// The file or pattern.
        source: String,
        /// Where they go; with a slash at its end, or for a pattern, the directory.
        to: String,
        /// Their permission bits.
        mode: u32,
    },
    /// A link.
    Link {
        /// Its path.
        path: String,
        /// What it leads to.
        target: String,
    },
}

/// Whether a source means several files.
pub(super) fn is_pattern(source: &str) -> bool {
    source.contains(['*', '?', '[', '{'])
}

/// What an asset means, or what is wrong with it.
pub(super) fn placed(asset: &Asset) -> Result<Placed, String> {
    let (source, to, mode) = match asset {
        Asset::Word(word) if word == "$auto" => return Ok(Placed::Auto),
        Asset::Word(word) => {
            return Err(format!("{word:?} is neither \"$auto\" nor a list of source, destination and mode"));
        }
        Asset::List(parts) => match parts.as_slice() {
            [source, to] => (source, to, None),
            [source, to, mode] => (source, to, Some(mode)),
            _ => {
                return Err(format!(
                    "an asset has a source, a destination and a mode, not {} parts",
                    parts.len()
                ));
            }
        },
        Asset::Table(table) => {
            if table.preserve_symlinks == Some(true) {
                return Err(
                    "links of the project are followed, not kept; name each link with `dest` and `link-name`"
                        .to_owned(),
                );
            }
            let link = table.link_name.as_ref().or(table.link_name_of_cargo_deb.as_ref());
            match (&table.source, &table.dest, link) {
                (Some(source), Some(to), None) => (source, to, table.mode.as_ref()),
                (None, Some(target), Some(link)) => {
                    if target.is_empty() || target.contains(['\0', '\n']) {
                        return Err(
                            "a link leads somewhere: its `dest` is empty or has a line break".to_owned()
                        );
                    }
                    return Ok(Placed::Link { path: below_root(link)?, target: target.clone() });
                }
                _ => return Err("an asset has `source` and `dest`, a link `dest` and `link-name`".to_owned()),
            }
        }
    };
    let mode = match mode {
        None => None,
        Some(text) => Some(
            u32::from_str_radix(text, 8).ok().filter(|mode| *mode <= 0o7777 && text.len() >= 3).ok_or_else(
                || format!("the mode {text:?} is not three or four octal digits, such as \"644\""),
            )?,
        ),
    };
    let directory = to.ends_with('/');
    let to = below_root(to)?;
    if let Some(name) = source.strip_prefix(BINARIES) {
        if name.contains('/') || is_pattern(name) {
            return Err(format!(
                "{source:?} names no binary: behind {BINARIES} the name of one binary is expected; files that a build makes \
                 elsewhere cannot be packed"
            ));
        }
        let path = if directory { format!("{to}/{name}") } else { to };
        return Ok(Placed::Binary { name: name.to_owned(), path, mode: mode.unwrap_or(0o755) });
    }
    if source.starts_with("target/") {
        return Err(format!(
            "{source:?} is a file of a build; only binaries can be named, as {BINARIES}NAME"
        ));
    }
    let to = if directory { format!("{to}/") } else { to };
    Ok(Placed::Files { source: source.clone(), to, mode: mode.unwrap_or(0o644) })
}

/// A destination as a path from the root, without slashes at its ends.
fn below_root(text: &str) -> Result<String, String> {
    let plain = text.trim_start_matches("./").trim_matches('/');
    match plain.parse::<RelPath>() {
        Ok(path) => Ok(path.to_string()),
        Err(_) => Err(format!("{text:?} is no path below the root of a system")),
    }
}

/// Under which name a file that a pattern found stands among the named files.
pub(super) fn found_name(pattern: &str, path: &RelPath) -> String {
    format!("{pattern} -> {path}")
}

/// The files that a source means, from what [`named`] gave.
pub(super) fn of_source<'f, T>(
    files: &'f BTreeMap<String, T>,
    source: &str,
    path: impl Fn(&T) -> &RelPath,
) -> Vec<&'f T> {
    if !is_pattern(source) {
        return files.get(source).into_iter().collect();
    }
    let is_it = |(name, file): &(&String, &T)| **name == found_name(source, path(file));
    files.iter().filter(is_it).map(|(_, file)| file).collect()
}

/// Where a file goes that a source found: below `to`, with what follows the part of the pattern that has no wildcard.
pub(super) fn destination(source: &str, found: &RelPath, to: &str) -> String {
    let directory = to.strip_suffix('/');
    if !is_pattern(source) {
        return match directory {
            Some(directory) => format!("{directory}/{}", found.file_name()),
            None => to.to_owned(),
        };
    }
    let fixed = source.split('/').take_while(|part| !is_pattern(part)).count();
    let fixed: Vec<&str> = source.split('/').take(fixed).filter(|part| !matches!(*part, "." | "")).collect();
    // The path is relative to the workspace, the pattern to the manifest: what they share is the pattern's fixed part.
    let rest = match fixed.is_empty() {
        true => found.file_name(),
        false => {
            let fixed = format!("{}/", fixed.join("/"));
            found.as_str().split_once(&fixed).map_or(found.file_name(), |(_, rest)| rest)
        }
    };
    format!("{}/{rest}", directory.unwrap_or(to))
}

/// The pattern for everything in a directory.
pub(super) fn all_in(directory: &str) -> String {
    match directory.trim_end_matches('/') {
        "." | "" => "*".to_owned(),
        directory => format!("{directory}/*"),
    }
}

/// Every file that the settings name.
pub(super) fn named(
    settings: &DebSettings,
    project: &dyn ProjectFiles,
) -> Result<BTreeMap<String, RelPath>, Vec<Finding>> {
    let mut files = BTreeMap::new();
    let mut findings = Vec::new();
    let mut one = |field: &str, name: &str| match project.file(field, name) {
        Ok(path) => drop(files.insert(name.to_owned(), path)),
        Err(found) => findings.extend(found),
    };
    let license = settings.license_file.as_ref().and_then(|file| file.parts()).map(|(path, _)| path);
    for (key, name) in [
        ("license-file", license),
        ("extended-description-file", settings.extended_description_file.as_deref()),
        ("triggers-file", settings.triggers_file.as_deref()),
        ("changelog", settings.changelog.as_deref()),
    ] {
        if let Some(name) = name {
            one(&format!("package.deb.{key}"), name);
        }
    }
    let mut patterns: Vec<(String, String)> = Vec::new();
    if let Some(directory) = &settings.maintainer_scripts {
        patterns.push(("package.deb.maintainer-scripts".to_owned(), all_in(directory)));
    }
    for (field, set) in
        settings.systemd_units.iter().flat_map(|units| units.sets("package.deb.systemd-units"))
    {
        if let Some(directory) = &set.unit_scripts {
            patterns.push((format!("{field}.unit-scripts"), all_in(directory)));
        }
    }
    for (at, asset) in settings.assets.iter().flatten().enumerate() {
        let field = format!("package.deb.assets[{at}]");
        match placed(asset) {
            Ok(Placed::Files { source, .. }) if is_pattern(&source) => patterns.push((field, source)),
            Ok(Placed::Files { source, .. }) => one(&field, &source),
            // What is wrong with the others is said by the checks.
            Ok(_) | Err(_) => {}
        }
    }
    for (field, pattern) in patterns {
        match project.matching(&field, &pattern) {
            Ok(found) => {
                files.extend(found.into_iter().map(|path| (found_name(&pattern, &path), path)));
            }
            Err(found) => findings.extend(found),
        }
    }
    if findings.is_empty() { Ok(files) } else { Err(findings) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn list(parts: &[&str]) -> Asset {
        Asset::List(parts.iter().map(|part| (*part).to_owned()).collect())
    }

    #[test]
    fn assets_are_what_cargo_deb_takes_them_for() {
        let files = |source: &str, to: &str, mode| {
            Ok(Placed::Files { source: source.to_owned(), to: to.to_owned(), mode })
        };
        let binary =
            |path: &str, mode| Ok(Placed::Binary { name: "app".to_owned(), path: path.to_owned(), mode });
        let table = [
            (Asset::Word("$auto".to_owned()), Ok(Placed::Auto)),
            (list(&["target/release/app", "usr/bin/", "755"]), binary("usr/bin/app", 0o755)),
            (list(&["target/release/app", "/usr/lib/app/run", "0700"]), binary("usr/lib/app/run", 0o700)),
            (list(&["a.conf", "etc/app/", "644"]), files("a.conf", "etc/app/", 0o644)),
            (list(&["a.conf", "./etc/app.conf"]), files("a.conf", "etc/app.conf", 0o644)),
            (
                list(&["target/release/sub/*", "usr/share", "644"]),
                Err(
                    "\"target/release/sub/*\" names no binary: behind target/release/ the name of one binary is expected; files \
                     that a build makes elsewhere cannot be packed",
                ),
            ),
            (
                list(&["target/debug/app", "usr/bin/", "755"]),
                Err(
                    "\"target/debug/app\" is a file of a build; only binaries can be named, as target/release/NAME",
                ),
            ),
            (
                list(&["a", "b", "8"]),
                Err("the mode \"8\" is not three or four octal digits, such as \"644\""),
            ),
            (list(&["a", "../b", "644"]), Err("\"../b\" is no path below the root of a system")),
            (list(&["a"]), Err("an asset has a source, a destination and a mode, not 1 parts")),
            (
                Asset::Word("a".to_owned()),
                Err("\"a\" is neither \"$auto\" nor a list of source, destination and mode"),
            ),
        ];
        for (asset, expected) in table {
            assert_eq!(placed(&asset), expected.map_err(str::to_owned), "{asset:?}");
        }
        let link: Asset =
            serde_json::from_str(r#"{ "dest": "../app/run", "link_name": "/usr/bin/app" }"#).unwrap();
        let expected = Placed::Link { path: "usr/bin/app".to_owned(), target: "../app/run".to_owned() };
        assert_eq!(placed(&link), Ok(expected));
    }

    #[test]
    fn what_a_pattern_finds_keeps_its_place_below_it() {
        let table = [
            ("a.txt", "sub/a.txt", "usr/share/", "usr/share/a.txt"),
            ("a.txt", "a.txt", "usr/share/b.txt", "usr/share/b.txt"),
            ("assets/*", "assets/a.txt", "usr/share", "usr/share/a.txt"),
            ("assets/**/*.txt", "member/assets/x/a.txt", "usr/share/", "usr/share/x/a.txt"),
            ("*.txt", "a.txt", "usr/share/", "usr/share/a.txt"),
        ];
        for (source, found, to, expected) in table {
            assert_eq!(destination(source, &found.parse().unwrap(), to), expected, "{source}");
        }
    }
}
