//! What can be wrong with a package of Windows Installer, said before anything is compiled.

use super::MsiSettings;
use super::description::{long_paths, outline, upgrade_code};
use crate::bench::files;
use crate::package::Inspection;
use deploy_formats::msi::{self, InstallerProblem, Language, PayloadFile, ProductVersion};
use deploy_model::Artifact;
use deploy_plan::finding::Finding;
use deploy_plan::plan::Source;
use deploy_plan::windows_app::WindowsApp;

/// Everything that is wrong.
pub(super) fn findings(settings: &MsiSettings, inspection: &Inspection<'_>) -> Vec<Finding> {
    let Inspection { app, package, root, earlier, .. } = *inspection;
    let mut findings = Vec::new();
    let mut find = |code: &'static str, field: &str, message: String, help: &str| {
        findings.push(Finding::configuration(code, message, help).at(field));
    };
    let version = settings.version.as_deref().unwrap_or(&app.version);
    if let Err(error) = version.parse::<ProductVersion>() {
        let field = if settings.version.is_some() { "package.msi.version" } else { "app.version" };
        let help = "give Windows Installer a version of its own, as in `[package.msi] version = \"1.2.3\"`; each one that you release has to be higher than the one before";
        find("msi::version", field, error.to_string(), help);
    }
    match upgrade_code(settings, app) {
        Ok(code) => {
            let code = code.to_string();
            let before = earlier.iter().find_map(|release| {
                let of_format = |artifact: &&Artifact| artifact.format.as_ref() == Some(&package.format);
                let old = release.artifacts.iter().find(of_format)?.properties.get("UpgradeCode")?;
                (*old != code).then(|| (release.version.clone(), old.clone()))
            });
            if let Some((version, old)) = before {
                let message = format!(
                    "the upgrade code of {version} was {old}, and now it would be {code}: Windows would not see that the one replaces the other"
                );
                let help =
                    format!("write `upgrade-code = \"{old}\"` into [package.msi], and keep it for ever");
                find("msi::upgrade-code", "package.msi", message, &help);
            }
        }
        Err(message) => {
            let help = "take it out to get one that follows from `app.id`, or write the one that your packages had before";
            find("msi::upgrade-code", "package.msi.upgrade-code", message, help);
        }
    }
    if let Some(Err(error)) = settings.language.as_deref().map(Language::named) {
        let help = "choose one of these";
        find("msi::language", "package.msi.language", error.to_string(), help);
    }
    if !findings.is_empty() {
        return findings;
    }
    let none = WindowsApp::default();
    let windows = inspection.windows.unwrap_or(&none);
    let mut installer = match outline(settings, app, windows, &package.triple) {
        Ok(installer) => installer,
        // What it could be was asked for above.
        Err(message) => {
            return vec![Finding::configuration("msi::installer", message, "mend it").at("package.msi")];
        }
    };
    let manifest = windows.manifest.as_ref().and_then(|path| files::read(&root.join(path.as_str())).ok());
    installer.long_paths = long_paths(windows, manifest.as_deref());
    let mut unpacks = false;
    for entry in &package.payload.entries {
        if let Source::Tree { .. } = entry.source {
            unpacks = true;
            continue;
        }
        let size = match &entry.source {
            Source::Project(path) => files::metadata_if_exists(&root.join(path.as_str())).ok().flatten(),
            _ => None,
        };
        installer.files.push(PayloadFile {
            path: entry.path.to_string(),
            // What is compiled or fetched has a size when it is there.
            size: size.map_or(1, |metadata| metadata.len()),
            feature: windows.component_of(entry.path.as_str()).map(|component| component.id.clone()),
            version: None,
            md5: [0; 16],
        });
    }
    let Err(problems) = msi::tables(&installer) else { return Vec::new() };
    let later = |problem: &&InstallerProblem| {
        let about_files = matches!(
            problem,
            InstallerProblem::Target { .. }
                | InstallerProblem::EmptyFeature { .. }
                | InstallerProblem::NoFiles
                | InstallerProblem::Check { .. }
        );
        !(unpacks && about_files)
    };
    problems.iter().filter(later).map(told).collect()
}

/// A problem with its place in the manifest.
fn told(problem: &InstallerProblem) -> Finding {
    let (code, field, help) = match problem {
        InstallerProblem::ServiceScope { .. } => (
            "msi::scope",
            "package.msi.scope",
            "leave `scope` out, which means for the machine, or take the service out",
        ),
        InstallerProblem::MachineRegistry { .. } => (
            "msi::scope",
            "package.msi.scope",
            "leave `scope` out, which means for the machine, or write the value for the user",
        ),
        InstallerProblem::LongPath { .. } => (
            "msi::long-path",
            "package.msi.install-directory",
            "shorten the path, or let the programs have our manifest, which takes longer ones",
        ),
        InstallerProblem::LargeFile { .. } => (
            "msi::large-file",
            "package.msi",
            "divide it, or fetch it when the program first needs it; a `.zip` or `setup` can hold it",
        ),
        InstallerProblem::Name { .. } => ("msi::name", "package.msi", "give it another name"),
        _ => ("msi::installer", "package.msi", "mend it in `[windows]` or `[[component]]`"),
    };
    Finding::configuration(code, problem.to_string(), help).at(field)
}
