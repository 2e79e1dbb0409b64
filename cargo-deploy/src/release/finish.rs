//! What the programs for Windows say of themselves: version, icon and manifest, put in after they are compiled.

use crate::bench::files::{self, FileError};
use crate::cause::chain;
use camino::Utf8Path;
use deploy_formats::linkage::Subsystem as PeSubsystem;
use deploy_formats::pe::{
    ApplicationManifest, Finishing, Manifest, Pe, PeError, Policy, RuntimeOrigin, VersionInfo, Wanted, finish,
};
use deploy_formats::windows_icon::WindowsIcon;
use deploy_plan::finding::Finding;
use deploy_plan::manifest::{ResourcePolicy, Subsystem};
use deploy_plan::project::App;
use deploy_plan::windows_app::WindowsApp;

/// English (United States), the language of what programs say where nothing else is known.
const ENGLISH: u16 = 1033;

/// What all programs of an application have in common.
#[derive(Debug)]
pub struct Finisher<'a> {
    /// The application.
    pub app: &'a App,
    /// The same as Windows knows it.
    pub windows: &'a WindowsApp,
    /// Its picture.
    pub icon: Option<WindowsIcon>,
    /// A manifest of the project's own.
    pub manifest: Option<String>,
}

/// A program that could not be finished.
#[derive(Debug, thiserror::Error)]
pub enum FinishError {
    /// It is no program for Windows, or its resources cannot be written.
    #[error("finish {program}")]
    Program {
        /// The program.
        program: String,
        /// What is wrong with it.
        source: PeError,
    },
    /// It is not what `[windows]` says.
    #[error("keep what [windows] says of {program}: {what}")]
    NotAsDeclared {
        /// The program.
        program: String,
        /// What it is and what it was to be.
        what: String,
    },
}

impl Finisher<'_> {
    /// The finished bytes of a program: the same for the same arguments. What was to be in them is read back.
    pub fn finish(&self, name: &str, program: Vec<u8>) -> Result<Vec<u8>, FinishError> {
        let failed = |source| FinishError::Program { program: name.to_owned(), source };
        let wrong = |what: String| FinishError::NotAsDeclared { program: name.to_owned(), what };
        let bytes = match self.policy() {
            Some(policy) => finish(program, &self.finishing(name, policy)).map_err(failed)?,
            None => program,
        };
        let mut read = Pe::read(&bytes).map_err(failed)?;
        if let Some(subsystem) = self.windows.subsystem {
            let subsystem = match subsystem {
                Subsystem::Console => PeSubsystem::Console,
                Subsystem::Windows => PeSubsystem::Gui,
            };
            read.check_subsystem(subsystem).map_err(|error| wrong(chain(&error)))?;
        }
        if self.windows.static_crt {
            let runtimes = read.c_runtime().map_err(failed)?;
            let foreign: Vec<&str> = runtimes
                .iter()
                .filter(|one| one.origin != RuntimeOrigin::Windows)
                .map(|one| one.library.as_str())
                .collect();
            if !foreign.is_empty() {
                let what = format!(
                    "it needs {}, and `static-crt` says that it brings its C runtime along",
                    foreign.join(", ")
                );
                return Err(wrong(what));
            }
        }
        if self.policy().is_some() {
            let (stored, computed) = (read.headers.checksum, read.computed_checksum().map_err(failed)?);
            if stored != computed {
                return Err(wrong(format!("its checksum is {stored:#x}, expected {computed:#x}")));
            }
            if read.version_info().map_err(failed)?.is_none() {
                return Err(wrong("it has no version".to_owned()));
            }
        }
        Ok(bytes)
    }

    /// The finished bytes of a program of ours that installs the application, and removes it again.
    pub fn installer(&self, name: &str, program: Vec<u8>) -> Result<Vec<u8>, FinishError> {
        let mut version = self.version_info(name);
        version.strings.retain(|(key, _)| key != "InternalName" && key != "OriginalFilename");
        for (key, value) in &mut version.strings {
            if key == "FileDescription" {
                *value = format!("{} Setup", self.app.title);
            }
        }
        let manifest = ApplicationManifest { common_controls: true, ..ApplicationManifest::default() };
        let finishing = Finishing {
            version: Some(Wanted::filling(version)),
            icons: self.icon.clone().map(|icon| Wanted::filling(vec![icon])),
            manifest: Some(Wanted::filling(Manifest::Settings(manifest))),
            resources: Vec::new(),
            language: ENGLISH,
        };
        finish(program, &finishing)
            .map_err(|source| FinishError::Program { program: name.to_owned(), source })
    }

    fn policy(&self) -> Option<Policy> {
        match self.windows.resources {
            ResourcePolicy::Keep => None,
            ResourcePolicy::Fill => Some(Policy::Fill),
            ResourcePolicy::Replace => Some(Policy::Replace),
        }
    }

    fn finishing(&self, name: &str, policy: Policy) -> Finishing {
        let manifest = match &self.manifest {
            Some(text) => Manifest::Text(text.clone()),
            None => Manifest::Settings(ApplicationManifest::default()),
        };
        Finishing {
            version: Some(Wanted { value: self.version_info(name), policy }),
            icons: self.icon.clone().map(|icon| Wanted { value: vec![icon], policy }),
            manifest: Some(Wanted { value: manifest, policy }),
            resources: Vec::new(),
            language: ENGLISH,
        }
    }

    fn version_info(&self, name: &str) -> VersionInfo {
        let app = self.app;
        let numbers = numbers(&app.version);
        let stem = name.strip_suffix(".exe").unwrap_or(name);
        let description = app.description.clone().unwrap_or_else(|| app.title.clone());
        let mut strings = vec![
            ("CompanyName", self.windows.publisher.clone()),
            ("FileDescription", description),
            ("FileVersion", app.version.clone()),
            ("InternalName", stem.to_owned()),
        ];
        if let Some(license) = &app.license {
            strings.push(("LegalCopyright", format!("{}, {license}", self.windows.publisher)));
        }
        strings.push(("OriginalFilename", name.to_owned()));
        strings.push(("ProductName", app.title.clone()));
        strings.push(("ProductVersion", app.version.clone()));
        VersionInfo {
            file_version: numbers,
            product_version: numbers,
            // VS_FF_PRERELEASE
            flags: if app.version.contains('-') { 2 } else { 0 },
            is_library: false,
            strings: strings.into_iter().map(|(key, value)| (key.to_owned(), value)).collect(),
            language: ENGLISH,
        }
    }
}

/// A version as Windows has it: four numbers of 16 bits. What stands behind a hyphen or plus sign is not among them.
fn numbers(version: &str) -> [u16; 4] {
    let release = version.split(['-', '+']).next().unwrap_or(version);
    let mut numbers = [0; 4];
    for (place, part) in numbers.iter_mut().zip(release.split('.')) {
        // The project is not resolved where a number is larger.
        *place = part.parse().unwrap_or(u16::MAX);
    }
    numbers
}

/// What is wrong with the pictures and the manifest that `[windows]` names, said before anything is compiled.
pub fn check(app: &App, windows: &WindowsApp, root: &Utf8Path) -> Result<Vec<Finding>, FileError> {
    let shortcuts = windows.shortcuts.iter().enumerate().map(|(at, one)| ("shortcut", at, &one.icon));
    let associations =
        windows.associations.iter().enumerate().map(|(at, one)| ("association", at, &one.icon));
    let main = if windows.icon == app.icon { "app.icon" } else { "windows.icon" };
    let icons = shortcuts
        .chain(associations)
        .filter_map(|(kind, at, icon)| Some((format!("windows.{kind}[{at}].icon"), icon.as_ref()?)))
        .chain(windows.icon.as_ref().map(|icon| (main.to_owned(), icon)));
    let mut findings = Vec::new();
    for (field, path) in icons {
        if let Err(error) = WindowsIcon::open(&files::read(&root.join(path.as_str()))?) {
            let message = format!("{path} cannot be an icon on Windows: {}", chain(&error));
            let help = "Windows shows icons from 16 to 256 pixels: give an .ico with all of 16, 32, 48 and 256, a PNG of 256 pixels or more, or an SVG; `windows.icon` is for Windows alone";
            findings.push(Finding::configuration("windows::invalid-icon", message, help).at(field));
        }
    }
    if let Some(path) = &windows.manifest
        && let Err(error) = ApplicationManifest::read(&files::read(&root.join(path.as_str()))?)
    {
        let message = format!("{path} is no application manifest: {}", chain(&error));
        let help = "it is an XML document whose root is <assembly>; without one of your own you get ours";
        findings
            .push(Finding::configuration("windows::invalid-manifest", message, help).at("windows.manifest"));
    }
    Ok(findings)
}
