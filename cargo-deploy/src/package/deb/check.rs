//! What can be wrong with the settings of a Debian package, said before anything is compiled.

use super::assets::{self, Placed};
use super::scripts;
use super::settings::DebSettings;
use super::{architecture, control};
use crate::bench::files;
use crate::layout::freedesktop::{self, Flavour, Rules};
use crate::package::Inspection;
use deploy_formats::debian::Version;
use deploy_formats::{changelog, maintainer_script};
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;
use deploy_plan::project::Role;

/// Everything that is wrong.
pub(super) fn findings(settings: &DebSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
    let mut checks = Checks { settings, inspection, findings: Vec::new() };
    checks.unsupported();
    checks.identity();
    checks.relations();
    checks.assets();
    checks.conf_files();
    checks.scripts();
    checks.texts();
    checks.layout();
    checks.findings
}

struct Checks<'c> {
    settings: &'c DebSettings,
    inspection: &'c Inspection<'c>,
    findings: Vec<Finding>,
}

impl Checks<'_> {
    fn find(&mut self, code: &'static str, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::configuration(code, message, help).at(format!("package.deb.{key}")));
    }

    /// What the layout will place.
    fn layout(&mut self) {
        let Inspection { app, desktop, package, root, .. } = *self.inspection;
        let (Ok(name), Ok(version)) =
            (control::name(self.settings, app), control::version(self.settings, app))
        else {
            return;
        };
        let (name, version) = (name.as_str(), &version.to_string());
        let maintainer = control::maintainer(self.settings, app).unwrap_or_default();
        let rules = Rules { flavour: Flavour::Debian, name, version, maintainer };
        self.findings.extend(freedesktop::findings(rules, app, desktop, &package.payload.entries, root));
    }

    /// Keys of cargo-deb that would be ignored.
    fn unsupported(&mut self) {
        let settings = self.settings;
        let table = [
            ("merge-assets", settings.merge_assets.is_some(), "write the whole list in `assets`"),
            ("features", settings.features.is_some(), "choose them with `cargo.features`"),
            (
                "default-features",
                settings.default_features == Some(false),
                "write `cargo.no-default-features = true`",
            ),
            ("profile", settings.profile.is_some(), "choose it with `cargo.profile`"),
            (
                "variants",
                settings.variants.is_some(),
                "take it out, or leave the format out with `bundle.formats`",
            ),
            (
                "separate-debug-symbols",
                settings.separate_debug_symbols == Some(true),
                "take it out; `strip` in the profile decides what stays in the binaries",
            ),
            (
                "dbgsym",
                settings.dbgsym == Some(true),
                "take it out; `strip` in the profile decides what stays in the binaries",
            ),
            ("compress-debug-symbols", settings.compress_debug_symbols == Some(true), "take it out"),
            (
                "preserve-symlinks",
                settings.preserve_symlinks == Some(true),
                "name each link among the assets: { link-name = \"usr/bin/a\", dest = \"b\" }",
            ),
        ];
        for (key, used, help) in table {
            if used {
                self.find(
                    "deb::unsupported",
                    key,
                    format!("`{key}` is a key of cargo-deb that is not supported here"),
                    help,
                );
            }
        }
    }

    fn identity(&mut self) {
        let (settings, app) = (self.settings, self.inspection.app);
        if let Err(error) = control::name(settings, app) {
            self.find(
                "deb::invalid-name",
                "name",
                error.to_string(),
                "give the package another name with `name`",
            );
        }
        if let Err(error) = control::version(settings, app) {
            let help = "a revision is of letters, digits, `.`, `+` and `~`";
            self.find("deb::invalid-version", "revision", error.to_string(), help);
        }
        if let Some(maintainer) = control::maintainer(settings, app)
            && !control::is_maintainer(maintainer)
        {
            let message = format!("the maintainer {maintainer:?} is not a name with an address");
            self.find(
                "deb::invalid-maintainer",
                "maintainer",
                message,
                "write it as \"Name <mail@example.com>\"",
            );
        }
        if let Some(section) = &settings.section {
            let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || "-/".contains(c);
            if section.is_empty() || !section.chars().all(plain) {
                let message = format!("{section:?} is no section of Debian's archive");
                self.find(
                    "deb::invalid-section",
                    "section",
                    message,
                    "such as \"utils\", \"net\" or \"contrib/games\"",
                );
            }
        }
    }

    fn relations(&mut self) {
        let Some(architecture) = architecture(&self.inspection.package.triple) else { return };
        for (field, key, list) in control::relation_fields(self.settings) {
            let Some(list) = list else { continue };
            match control::relations(list, key, &architecture) {
                Ok((_, true)) if field != "Depends" && field != "Pre-Depends" => {
                    let message =
                        format!("`$auto` stands in `{key}`, and only what programs need is computed");
                    self.find("deb::invalid-relation", key, message, "move it to `depends`");
                }
                Ok(_) => {}
                Err(findings) => self.findings.extend(findings),
            }
        }
    }

    fn assets(&mut self) {
        let Some(assets) = &self.settings.assets else { return };
        let entries = &self.inspection.package.payload.entries;
        let binaries: Vec<&str> = entries
            .iter()
            .filter(|entry| entry.role == Role::Program)
            .map(|entry| entry.path.file_name())
            .collect();
        let mut named = Vec::new();
        let mut auto = false;
        for (at, asset) in assets.iter().enumerate() {
            let key = format!("assets[{at}]");
            match assets::placed(asset) {
                Ok(Placed::Auto) => auto = true,
                Ok(Placed::Binary { name, .. }) => {
                    if !binaries.contains(&name.as_str()) {
                        let message =
                            format!("there is no binary {name}; this release has {}", binaries.join(", "));
                        self.find(
                            "deb::invalid-asset",
                            &key,
                            message,
                            "mend the name, or choose the binary with `cargo.bins`",
                        );
                    }
                    named.push(name);
                }
                Ok(Placed::Files { .. } | Placed::Link { .. }) => {}
                Err(message) => {
                    let help = "an asset is [\"source\", \"destination\", \"mode\"], such as [\"dist/app.conf\", \"etc/app/\", \"644\"]";
                    self.find("deb::invalid-asset", &key, message, help);
                }
            }
        }
        if !auto {
            for binary in binaries.iter().filter(|binary| !named.iter().any(|name| name == *binary)) {
                let message = format!("the binary {binary} is released, and no asset says where it goes");
                let help = format!("add \"$auto\", or [\"target/release/{binary}\", \"usr/bin/\", \"755\"]");
                self.find("deb::invalid-asset", "assets", message, help);
            }
        }
    }

    fn conf_files(&mut self) {
        for (at, path) in self.settings.conf_files.iter().enumerate() {
            if !path.starts_with('/') || path.ends_with('/') || path.contains(['\n', '\r']) {
                let message = format!("{path:?} is not the absolute path of a file");
                self.find(
                    "deb::invalid-asset",
                    &format!("conf-files[{at}]"),
                    message,
                    "write it as it is on the system: /usr/share/app/app.conf",
                );
            }
        }
    }

    /// The content of a file that the settings name; what cannot be read is told.
    fn content(&mut self, key: &str, name: &str) -> Option<Vec<u8>> {
        let path = self.inspection.package.named_files.get(name)?;
        match files::read(&self.inspection.root.join(path.as_str())) {
            Ok(content) => Some(content),
            Err(error) => {
                let finding =
                    Finding::configuration("deb::invalid-file", error.to_string(), "mend its permissions");
                self.findings
                    .push(finding.at(format!("package.deb.{key}")).class(FailureClass::MissingInput));
                None
            }
        }
    }

    fn scripts(&mut self) {
        let Ok(name) = control::name(self.settings, self.inspection.app) else { return };
        let named = &self.inspection.package.named_files;
        for (script, file) in scripts::found(self.settings, &name, named, |path| path) {
            let Some(content) = self.content("maintainer-scripts", &file) else { continue };
            if script == "templates" {
                continue;
            }
            let path = named.get(&file).map(ToString::to_string).unwrap_or_default();
            for problem in maintainer_script::check(&content) {
                self.find(
                    "deb::invalid-script",
                    "maintainer-scripts",
                    format!("{path}: {problem}"),
                    "dpkg runs this script as root; mend it",
                );
            }
        }
        if self.settings.systemd_units.is_some() {
            for (key, set) in self.settings.systemd_units.iter().flat_map(|units| units.sets("systemd-units"))
            {
                if set.unit_scripts.is_none() && self.settings.maintainer_scripts.is_none() {
                    let message = "nothing says in which directory the units are".to_owned();
                    self.find(
                        "deb::invalid-asset",
                        &key,
                        message,
                        "add `unit-scripts`, or name each unit in [[linux.unit]]",
                    );
                } else if scripts::units(self.settings, set, &name, named, |path| path).is_empty() {
                    let wanted = set.unit_name.as_deref().unwrap_or(name.as_str());
                    let message = format!("there is no unit of the name {wanted} in the directory");
                    let help = format!("units are found by their names, such as {wanted}.service");
                    self.find("deb::invalid-asset", &key, message, help);
                }
            }
        }
    }

    fn texts(&mut self) {
        let settings = self.settings;
        if let Some(file) = &settings.license_file
            && file.parts().is_none()
        {
            let message = "`license-file` is neither a path nor a path with a number of lines".to_owned();
            self.find(
                "deb::invalid-file",
                "license-file",
                message,
                "such as \"LICENSE\", or [\"LICENSE\", \"4\"]",
            );
        }
        if let Some(name) = &settings.extended_description_file
            && let Some(content) = self.content("extended-description-file", name)
            && String::from_utf8(content).is_err()
        {
            self.find(
                "deb::invalid-file",
                "extended-description-file",
                format!("{name} is not UTF-8"),
                "save it as UTF-8",
            );
        }
        if let Some(name) = &settings.triggers_file
            && let Some(content) = self.content("triggers-file", name)
        {
            for problem in trigger_problems(&content) {
                let help = "a line is such as `interest-noawait /usr/share/app`, see deb-triggers(5)";
                self.find("deb::invalid-trigger", "triggers-file", format!("{name}: {problem}"), help);
            }
        }
        if let Some(name) = &settings.changelog
            && let Some(content) = self.content("changelog", name)
            && let Ok(package) = control::name(settings, self.inspection.app)
            && let Ok(version) = control::version(settings, self.inspection.app)
        {
            for problem in changelog_problems(&content, package.as_str(), &version) {
                let help = "see deb-changelog(5); a change log in Markdown goes into `linux.changelog`";
                self.find("deb::invalid-changelog", "changelog", format!("{name}: {problem}"), help);
            }
        }
    }
}

fn changelog_problems(content: &[u8], package: &str, version: &Version) -> Vec<String> {
    changelog::check(content, package, &version.to_string()).iter().map(ToString::to_string).collect()
}

/// What is wrong with a file of triggers (deb-triggers(5)), a sentence each.
fn trigger_problems(content: &[u8]) -> Vec<String> {
    const DIRECTIVES: [&str; 6] =
        ["interest", "interest-await", "interest-noawait", "activate", "activate-await", "activate-noawait"];
    let Ok(text) = str::from_utf8(content) else { return vec!["it is not UTF-8".to_owned()] };
    let mut problems = Vec::new();
    for (index, line) in text.split('\n').enumerate() {
        let number = index + 1;
        if line.ends_with('\r') {
            problems.push(format!("line {number}: the line ends in CR LF; save the file with LF"));
            break;
        }
        let words: Vec<&str> = line.split('#').next().unwrap_or_default().split_whitespace().collect();
        match words.as_slice() {
            [] => {}
            [directive, _] if DIRECTIVES.contains(directive) => {}
            [directive, ..] if !DIRECTIVES.contains(directive) => {
                problems
                    .push(format!("line {number}: `{directive}` is not one of {}", DIRECTIVES.join(", ")));
            }
            [directive, ..] => {
                problems.push(format!("line {number}: `{directive}` takes the name of one trigger"))
            }
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn triggers_are_checked_line_by_line() {
        assert_eq!(
            trigger_problems(b"# none\n\ninterest-noawait /usr/share/a # b\nactivate ldconfig\n"),
            Vec::<String>::new()
        );
        assert_eq!(
            trigger_problems(b"intrest a\ninterest\ninterest a b\nactivate x\r\n"),
            [
                "line 1: `intrest` is not one of interest, interest-await, interest-noawait, activate, activate-await, \
                 activate-noawait",
                "line 2: `interest` takes the name of one trigger",
                "line 3: `interest` takes the name of one trigger",
                "line 4: the line ends in CR LF; save the file with LF",
            ]
        );
    }
}
