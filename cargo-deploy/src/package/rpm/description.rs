//! What an rpm package says of itself: made from Cargo's metadata and the settings, and told as properties.

use super::settings::RpmSettings;
use deploy_formats::rpm::{Dependency, DependencyError, Moment, Package};
use deploy_plan::project::App;
use std::collections::BTreeMap;

/// What stands for the dependencies that are computed.
const AUTO: &str = "$auto";

/// The name of the package.
pub(super) fn name<'a>(settings: &'a RpmSettings, app: &'a App) -> &'a str {
    settings.name.as_deref().unwrap_or(&app.name)
}

/// The number of the package among those of one version.
pub(super) fn release(settings: &RpmSettings) -> &str {
    settings.release.as_deref().unwrap_or("1")
}

/// Who makes the package, as change logs name them.
pub(super) fn packager(settings: &RpmSettings, app: &App) -> Option<String> {
    settings.packager.clone().or_else(|| app.authors.first().cloned())
}

/// One line about the application.
pub(super) fn summary(settings: &RpmSettings, app: &App) -> String {
    let text = settings.summary.as_deref().or(app.description.as_deref()).unwrap_or(&app.title);
    // Descriptions in Cargo.toml may have line breaks.
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The scripts that the settings name, with the keys.
pub(super) fn scripts(settings: &RpmSettings) -> [(Moment, &'static str, Option<&String>); 6] {
    [
        (Moment::PreTransaction, "pre-trans-script", settings.pre_trans_script.as_ref()),
        (Moment::PreInstall, "pre-install-script", settings.pre_install_script.as_ref()),
        (Moment::PostInstall, "post-install-script", settings.post_install_script.as_ref()),
        (Moment::PreRemove, "pre-uninstall-script", settings.pre_uninstall_script.as_ref()),
        (Moment::PostRemove, "post-uninstall-script", settings.post_uninstall_script.as_ref()),
        (Moment::PostTransaction, "post-trans-script", settings.post_trans_script.as_ref()),
    ]
}

/// A list of dependencies, and whether `$auto` is in it; or the first that is none, with its place in the list.
pub(super) fn dependencies(lines: &[String]) -> Result<(Vec<Dependency>, bool), (usize, DependencyError)> {
    let mut all = Vec::new();
    let mut auto = false;
    for (place, line) in lines.iter().enumerate() {
        match line.trim() {
            AUTO => auto = true,
            line => all.push(line.parse().map_err(|error| (place, error))?),
        }
    }
    Ok((all, auto))
}

/// The program and its arguments that run a script.
pub(super) fn interpreter(script: &str) -> Vec<String> {
    let line = script.lines().next().and_then(|line| line.strip_prefix("#!")).unwrap_or("/bin/sh");
    line.split_whitespace().map(str::to_owned).collect()
}

/// The properties of a package, by the names `rpm -qi` has for them. What is empty is left out.
pub(super) fn properties(package: &Package) -> BTreeMap<String, String> {
    let mut properties = BTreeMap::new();
    let mut put = |name: &str, value: String| {
        if !value.is_empty() {
            properties.insert(name.to_owned(), value);
        }
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    put("Name", package.name.clone());
    put("Epoch", package.epoch.map(|epoch| epoch.to_string()).unwrap_or_default());
    put("Version", package.version.clone());
    put("Release", package.release.clone());
    put("Architecture", package.architecture.clone());
    put("Summary", package.summary.clone());
    put("Description", package.description.clone());
    put("License", package.license.clone());
    put("Group", text(&package.group));
    put("URL", text(&package.url));
    put("Vendor", text(&package.vendor));
    put("Packager", text(&package.packager));
    put("Build Host", text(&package.build_host));
    put("Build Date", package.source_date.to_string());
    for (relation, list) in package.relations() {
        let lines: Vec<String> = list.iter().map(Dependency::to_string).collect();
        let mut name = relation.to_owned();
        if let Some(first) = name.get_mut(..1) {
            first.make_ascii_uppercase();
        }
        put(&name, lines.join("\n"));
    }
    for script in &package.scripts {
        put(
            &format!("%{}", script.moment.name()),
            format!("{}\n{}", script.interpreter.join(" "), script.body),
        );
    }
    let changes: Vec<String> = package
        .changelog
        .iter()
        .map(|change| format!("* {} {}\n{}", change.time, change.author, change.text))
        .collect();
    put("Changelog", changes.join("\n\n"));
    properties
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn auto_is_told_apart_from_dependencies() {
        let lines = ["git >= 2", " $auto ", "/bin/sh"].map(str::to_owned);
        let (list, auto) = dependencies(&lines).unwrap();
        assert_eq!(list.iter().map(Dependency::to_string).collect::<Vec<_>>(), ["git >= 2", "/bin/sh"]);
        assert!(auto);
        let (place, error) = dependencies(&["git".to_owned(), "git (>= 2)".to_owned()]).unwrap_err();
        assert_eq!(place, 1);
        assert_eq!(
            error.to_string(),
            "read the dependency `git (>= 2)`: after the name comes one of `<`, `<=`, `=`, `>=` and `>`, and not `(>=`"
        );
    }

    #[test]
    fn a_script_says_what_runs_it() {
        assert_eq!(interpreter("#!/bin/bash -e\necho"), ["/bin/bash", "-e"]);
        assert_eq!(interpreter("echo"), ["/bin/sh"]);
    }
}
