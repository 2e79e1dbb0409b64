//! What can be wrong with the settings of an rpm package, said before anything is compiled.

use super::description;
use super::settings::RpmSettings;
use crate::bench::files;
use crate::layout::freedesktop::{self, Flavour, Rules};
use crate::package::Inspection;
use deploy_formats::maintainer_script;
use deploy_formats::rpm;
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;
use deploy_plan::project::Role;

/// Everything that is wrong.
pub(super) fn findings(settings: &RpmSettings, inspection: &Inspection<'_>, version: &str) -> Vec<Finding> {
    let mut checks = Checks { settings, inspection, findings: Vec::new() };
    checks.identity(version);
    checks.lines();
    checks.dependencies();
    checks.config_files();
    checks.scripts();
    let Inspection { app, desktop, package, root, .. } = *inspection;
    let name = description::name(settings, app);
    let maintainer = description::packager(settings, app).unwrap_or_default();
    let version = format!("{version}-{}", description::release(settings));
    let rules = Rules { flavour: Flavour::Rpm, name, version: &version, maintainer: &maintainer };
    checks.findings.extend(freedesktop::findings(rules, app, desktop, &package.payload.entries, root));
    checks.findings
}

struct Checks<'c> {
    settings: &'c RpmSettings,
    inspection: &'c Inspection<'c>,
    findings: Vec<Finding>,
}

impl Checks<'_> {
    fn find(&mut self, code: &'static str, key: &str, message: impl Into<String>, help: impl Into<String>) {
        self.findings.push(Finding::configuration(code, message, help).at(format!("package.rpm.{key}")));
    }

    fn identity(&mut self, version: &str) {
        // The errors say what was to be done; here it is said what is wrong.
        let told = |error: rpm::RpmError| match error {
            rpm::RpmError::Label { field, value, problem } => format!("the {field} `{value}` {problem}"),
            error => error.to_string(),
        };
        if let Err(error) = rpm::check_name(description::name(self.settings, self.inspection.app)) {
            self.find("rpm::invalid-name", "name", told(error), "give the package another name with `name`");
        }
        if let Err(error) = rpm::check_version("version", version) {
            let help = "rpm cannot have such a version; change it in Cargo.toml";
            self.findings.push(Finding::configuration("rpm::invalid-version", told(error), help));
        }
        if let Err(error) = rpm::check_version("release", description::release(self.settings)) {
            self.find(
                "rpm::invalid-version",
                "release",
                told(error),
                "a release is a number, as a rule: `2`",
            );
        }
    }

    fn lines(&mut self) {
        let settings = self.settings;
        let lines = [
            ("summary", &settings.summary),
            ("group", &settings.group),
            ("vendor", &settings.vendor),
            ("packager", &settings.packager),
        ];
        for (key, text) in lines {
            if let Some(text) = text
                && (text.is_empty() || text.chars().any(char::is_control))
            {
                self.find(
                    "rpm::invalid-text",
                    key,
                    format!("{text:?} is not one line of text"),
                    "write it in one line, or leave it out",
                );
            }
        }
    }

    fn dependencies(&mut self) {
        let settings = self.settings;
        let given = [("requires", &settings.requires), ("provides", &settings.provides)];
        let given = given.into_iter().map(|(key, list)| (key, list.as_deref().unwrap_or_default()));
        for (key, lines) in given.chain(settings.lists()) {
            let computes = key == "requires" || key == "provides";
            for (place, line) in lines.iter().enumerate() {
                let key_of_line = format!("{key}[{place}]");
                match description::dependencies(std::slice::from_ref(line)) {
                    Ok((_, true)) if !computes => {
                        let message = format!("`$auto` stands in `{key}`, where nothing is computed");
                        let help = "move it to `requires` or `provides`";
                        self.find("rpm::invalid-dependency", &key_of_line, message, help);
                    }
                    Ok(_) => {}
                    Err((_, error)) => {
                        let message = format!("`{line}` is no dependency: {}", error.problem);
                        let help =
                            "a dependency is `name`, or `name >= version`; `(a or b)` are alternatives";
                        self.find("rpm::invalid-dependency", &key_of_line, message, help);
                    }
                }
            }
        }
    }

    fn config_files(&mut self) {
        for (place, path) in self.settings.config_files.iter().enumerate() {
            if !path.starts_with('/') || path.ends_with('/') || path.chars().any(char::is_control) {
                self.find(
                    "rpm::invalid-text",
                    &format!("config-files[{place}]"),
                    format!("{path:?} is not the absolute path of a file"),
                    "write it as it is on the system: /usr/share/app/app.conf",
                );
            }
        }
    }

    fn scripts(&mut self) {
        let has_units =
            self.inspection.package.payload.entries.iter().any(|entry| matches!(entry.role, Role::Unit(_)));
        for (moment, key, name) in description::scripts(self.settings) {
            let Some(path) = name.and_then(|name| self.inspection.package.named_files.get(name)) else {
                continue;
            };
            let content = match files::read(&self.inspection.root.join(path.as_str())) {
                Ok(content) => content,
                Err(error) => {
                    let finding = Finding::configuration(
                        "rpm::invalid-script",
                        error.to_string(),
                        "mend its permissions",
                    );
                    let finding = finding.at(format!("package.rpm.{key}"));
                    self.findings.push(finding.class(FailureClass::MissingInput));
                    continue;
                }
            };
            for problem in maintainer_script::check(&content) {
                let message = format!("{path}: {problem}");
                self.find("rpm::invalid-script", key, message, "rpm runs this script as root; mend it");
            }
            let text = String::from_utf8_lossy(&content).into_owned();
            if has_units && super::takes_units(moment) && !super::is_shell(&text) {
                let program = description::interpreter(&text).join(" ");
                let message = format!(
                    "{path}: the commands for systemd units go in front of the script, and they are shell, not {program}"
                );
                self.find("rpm::invalid-script", key, message, "write the script for /bin/sh");
            }
        }
    }
}
