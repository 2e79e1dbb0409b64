//! The maintainer scripts of a Debian package and the systemd units found beside them, by the names cargo-deb and debhelper give them.

use super::assets::{all_in, found_name};
use super::settings::{DebSettings, UnitSet};
use deploy_formats::debian::PackageName;
use deploy_model::RelPath;
use std::collections::BTreeMap;

/// The control files that a project may bring, the scripts and debconf's questions.
pub(super) const SCRIPTS: [&str; 6] = ["config", "postinst", "postrm", "preinst", "prerm", "templates"];

/// What follows the name of a unit in the name of its file.
const UNIT_SUFFIXES: [&str; 7] = ["mount", "path", "service", "socket", "target", "timer", "slice"];

/// Where a file of systemd goes that is no unit: suffix of its name in the project, directory.
const CONFIGURATIONS: [(&str, &str); 2] =
    [("tmpfile", "usr/lib/tmpfiles.d"), ("sysusers", "usr/lib/sysusers.d")];

/// A file found in a directory of units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum FoundUnit {
    /// A unit, by the name that it gets.
    Unit {
        /// `app.service`.
        name: String,
        /// Its name among the named files.
        file: String,
    },
    /// A file of sysusers.d or tmpfiles.d.
    Configuration {
        /// Where it goes.
        path: String,
        /// Its name among the named files.
        file: String,
    },
}

/// The files of a directory: name in it, name among the named files.
fn files_in<'f, T>(
    directory: &str,
    named: &'f BTreeMap<String, T>,
    path: impl Fn(&T) -> &RelPath + Copy,
) -> Vec<(&'f str, &'f str)> {
    let pattern = all_in(directory);
    named
        .iter()
        .filter(|(name, file)| **name == found_name(&pattern, path(file)))
        .filter_map(|(name, _)| Some((name.rsplit('/').next()?.rsplit(" -> ").next()?, name.as_str())))
        .collect()
}

/// The scripts of the project: name of the script, name among the named files. The more a file's name says, the
/// sooner it is taken: `PACKAGE.UNIT.postinst`, `PACKAGE.postinst`, `UNIT.postinst`, `postinst`.
pub(super) fn found<T>(
    settings: &DebSettings,
    package: &PackageName,
    named: &BTreeMap<String, T>,
    path: impl Fn(&T) -> &RelPath + Copy,
) -> Vec<(&'static str, String)> {
    let Some(directory) = &settings.maintainer_scripts else { return Vec::new() };
    let files = files_in(directory, named, path);
    let sets = settings.systemd_units.iter().flat_map(|units| units.sets(""));
    let units: Vec<String> = sets.filter_map(|(_, set)| set.unit_name.clone()).collect();
    let mut scripts = Vec::new();
    for script in SCRIPTS {
        let of_both = units.iter().map(|unit| format!("{package}.{unit}.{script}"));
        let of_unit = units.iter().map(|unit| format!("{unit}.{script}"));
        let mut wanted =
            of_both.chain([format!("{package}.{script}")]).chain(of_unit).chain([script.to_owned()]);
        let file = wanted.find_map(|name| files.iter().find(|(file, _)| *file == name));
        scripts.extend(file.map(|(_, name)| (script, (*name).to_owned())));
    }
    scripts
}

/// The units of a set.
pub(super) fn units<T>(
    settings: &DebSettings,
    set: &UnitSet,
    package: &PackageName,
    named: &BTreeMap<String, T>,
    path: impl Fn(&T) -> &RelPath + Copy,
) -> Vec<FoundUnit> {
    let Some(directory) = set.unit_scripts.as_ref().or(settings.maintainer_scripts.as_ref()) else {
        return Vec::new();
    };
    // First what the file is called in the project, then what the unit is called on the system.
    let stems: Vec<(String, String)> = match &set.unit_name {
        Some(unit) => vec![(format!("{package}.{unit}"), unit.clone()), (unit.clone(), unit.clone())],
        None => vec![(package.to_string(), package.to_string())],
    };
    let files = files_in(directory, named, path);
    let mut units: Vec<FoundUnit> = Vec::new();
    for (stem, unit) in stems {
        for (file, name) in &files {
            let Some(rest) = file.strip_prefix(stem.as_str()) else { continue };
            let (template, suffix) = match rest.strip_prefix("@.") {
                Some(suffix) => ("@", suffix),
                None => match rest.strip_prefix('.') {
                    Some(suffix) => ("", suffix),
                    None => continue,
                },
            };
            let found = if UNIT_SUFFIXES.contains(&suffix) {
                FoundUnit::Unit { name: format!("{unit}{template}.{suffix}"), file: (*name).to_owned() }
            } else if let Some((_, directory)) = CONFIGURATIONS.iter().find(|(known, _)| *known == suffix) {
                FoundUnit::Configuration {
                    path: format!("{directory}/{unit}.conf"),
                    file: (*name).to_owned(),
                }
            } else {
                continue;
            };
            let same = |other: &FoundUnit| match (other, &found) {
                (FoundUnit::Unit { name: one, .. }, FoundUnit::Unit { name: other, .. }) => one == other,
                (
                    FoundUnit::Configuration { path: one, .. },
                    FoundUnit::Configuration { path: other, .. },
                ) => one == other,
                _ => false,
            };
            if !units.iter().any(same) {
                units.push(found);
            }
        }
    }
    units
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(names: &[&str]) -> BTreeMap<String, RelPath> {
        let one = |name: &&str| {
            let path: RelPath = format!("debian/{name}").parse().unwrap();
            (found_name("debian/*", &path), path)
        };
        names.iter().map(one).collect()
    }

    fn settings(json: &str) -> DebSettings {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn the_most_certain_name_of_a_script_is_taken() {
        let package: PackageName = "app".parse().unwrap();
        let files = named(&["postinst", "app.postinst", "other.prerm", "prerm", "readme", "templates"]);
        let settings = settings(r#"{ "maintainer-scripts": "debian/" }"#);
        assert_eq!(
            found(&settings, &package, &files, |path| path),
            [
                ("postinst", "debian/* -> debian/app.postinst".to_owned()),
                ("prerm", "debian/* -> debian/prerm".to_owned()),
                ("templates", "debian/* -> debian/templates".to_owned()),
            ]
        );
    }

    #[test]
    fn units_are_found_by_their_names() {
        let package: PackageName = "app".parse().unwrap();
        let files = named(&[
            "app.service",
            "app@.service",
            "app.worker.service",
            "worker.service",
            "worker.timer",
            "app.sysusers",
            "app.tmpfile",
            "app.postinst",
            "application.service",
        ]);
        let settings = settings(
            r#"{ "maintainer-scripts": "debian", "systemd-units": [{}, { "unit-name": "worker" }] }"#,
        );
        let sets = settings.systemd_units.as_ref().unwrap().sets("");
        let names = |set: &UnitSet| -> Vec<String> {
            let one = |unit: FoundUnit| match unit {
                FoundUnit::Unit { name, file } => format!("{name} {file}"),
                FoundUnit::Configuration { path, file } => format!("{path} {file}"),
            };
            units(&settings, set, &package, &files, |path| path).into_iter().map(one).collect()
        };
        assert_eq!(
            names(sets[0].1),
            [
                "app.service debian/* -> debian/app.service",
                "usr/lib/sysusers.d/app.conf debian/* -> debian/app.sysusers",
                "usr/lib/tmpfiles.d/app.conf debian/* -> debian/app.tmpfile",
                "app@.service debian/* -> debian/app@.service",
            ]
        );
        assert_eq!(
            names(sets[1].1),
            [
                "worker.service debian/* -> debian/app.worker.service",
                "worker.timer debian/* -> debian/worker.timer"
            ]
        );
    }
}
