//! What a package is called: name, version and release as rpm allows them.
//!
//! The characters are those of rpm's own check (`ALLOWED_CHARS_NAME` and `ALLOWED_CHARS_VERREL` in build/parsePreamble.c),
//! without `%`, `{` and `}`, which only macros in spec files need.

use super::RpmError;

/// The version of a package for a version of cargo's (SemVer 2.0.0).
///
/// A pre-release stands behind `~`, which rpm sorts before the release itself: `1.2.0-rc.1` gives `1.2.0~rc.1`. Build metadata
/// keeps its `+`. Hyphens within either become dots, because a hyphen separates version and release. The rest is
/// unchanged: whether the result is a version of rpm's is checked when a package is written.
pub fn version(semver: &str) -> String {
    let (core, build) = match semver.split_once('+') {
        Some((core, build)) => (core, Some(build)),
        None => (semver, None),
    };
    let mut version = match core.split_once('-') {
        Some((numbers, before)) => format!("{numbers}~{}", before.replace('-', ".")),
        None => core.to_owned(),
    };
    if let Some(build) = build {
        version.push('+');
        version.push_str(&build.replace('-', "."));
    }
    version
}

/// Checks the name of a package.
pub fn check_name(name: &str) -> Result<(), RpmError> {
    let wrong = |problem: String| Err(RpmError::Label { field: "name", value: name.to_owned(), problem });
    match name.chars().next() {
        None => return wrong("is empty".to_owned()),
        Some(first) if first.is_ascii_alphanumeric() || first == '_' => {}
        Some(first) => return wrong(format!("starts with `{first}` instead of a letter, a digit or `_`")),
    }
    match name.chars().find(|found| !(found.is_ascii_alphanumeric() || ".-_+".contains(*found))) {
        Some(found) => wrong(format!("contains `{found}`; letters, digits and `.-_+` are allowed")),
        None => Ok(()),
    }
}

/// Checks a version. `field` is `version` or `release`: the same characters are allowed in both.
pub fn check_version(field: &'static str, version: &str) -> Result<(), RpmError> {
    let wrong = |problem: String| Err(RpmError::Label { field, value: version.to_owned(), problem });
    if version.is_empty() {
        return wrong("is empty".to_owned());
    }
    match version.chars().find(|found| !(found.is_ascii_alphanumeric() || "._+~^".contains(*found))) {
        Some(found) => wrong(format!("contains `{found}`; letters, digits and `._+~^` are allowed")),
        None => Ok(()),
    }
}

/// What rpm calls an architecture in `name(x86-64)`: `%{_isa}` of its platform macros. `None` for `noarch` and what rpm does
/// not know.
pub(super) fn isa(architecture: &str) -> Option<&'static str> {
    Some(match architecture {
        "x86_64" => "x86-64",
        "i386" | "i486" | "i586" | "i686" => "x86-32",
        "aarch64" => "aarch-64",
        "armv6hl" => "armv6hl-32",
        "armv7hl" => "armv7hl-32",
        "riscv64" => "riscv-64",
        "ppc64" | "ppc64le" => "ppc-64",
        "s390x" => "s390-64",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_of_cargo_become_versions_of_rpm() {
        let table = [
            ("1.2.3", "1.2.3"),
            ("1.2.3-rc.1", "1.2.3~rc.1"),
            ("1.2.3-alpha-2.x", "1.2.3~alpha.2.x"),
            ("1.2.3+build-5", "1.2.3+build.5"),
            ("1.2.3-beta+exp.sha", "1.2.3~beta+exp.sha"),
        ];
        for (semver, expected) in table {
            assert_eq!(version(semver), expected);
            check_version("version", expected).unwrap();
        }
    }

    #[test]
    fn names_and_versions_that_rpm_refuses_are_refused() {
        let shown = |result: Result<(), RpmError>| result.unwrap_err().to_string();
        check_name("gtk4-layer_shell.c++").unwrap();
        assert_eq!(
            shown(check_name("my app")),
            "write the package: its name `my app` contains ` `; letters, digits and `.-_+` are allowed"
        );
        assert_eq!(
            shown(check_name("-app")),
            "write the package: its name `-app` starts with `-` instead of a letter, a digit or `_`"
        );
        assert_eq!(
            shown(check_version("version", "1.2-3")),
            "write the package: its version `1.2-3` contains `-`; letters, digits and `._+~^` are allowed"
        );
        assert_eq!(shown(check_version("release", "")), "write the package: its release `` is empty");
    }
}
