//! Something a user can mend, found while a project is resolved or a plan is drawn.

use deploy_model::FailureClass;
use serde::Serialize;

/// A problem with its place in the manifest given as a path of keys (`targets.build[2]`). Whoever holds the
/// merged manifest turns it into a [`crate::manifest::Problem`] with file and span.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// Stable code: `plan::no-toolchain`.
    pub code: &'static str,
    /// Where in the manifest, when it is about something written there.
    pub path: Option<String>,
    /// What was found and what was expected.
    pub message: String,
    /// How to mend it.
    pub help: String,
    /// The class of the failure, which decides the exit code.
    pub class: FailureClass,
}

impl Finding {
    /// A finding of class [`FailureClass::Configuration`].
    pub fn configuration(code: &'static str, message: impl Into<String>, help: impl Into<String>) -> Self {
        Finding {
            code,
            path: None,
            message: message.into(),
            help: help.into(),
            class: FailureClass::Configuration,
        }
    }

    /// The same finding, about what stands at `path`.
    #[must_use]
    pub fn at(mut self, path: impl Into<String>) -> Self {
        self.path = Some(path.into());
        self
    }

    /// The same finding with another class.
    #[must_use]
    pub fn class(mut self, class: FailureClass) -> Self {
        self.class = class;
        self
    }
}

/// Every code that [`Finding`]s carry, with what it means. The reference page is made from it.
pub const CODES: &[(&str, &str)] = &[
    ("project::no-binaries", "The chosen packages have no binary, so there is nothing to release."),
    (
        "project::several-packages",
        "Several packages have binaries and nothing says what the release is called.",
    ),
    ("project::unknown-package", "A package that was asked for is not a member of the workspace."),
    ("project::unknown-binary", "A binary that was asked for is in none of the chosen packages."),
    ("project::unknown-target", "A target is neither an alias nor a triple of the table of targets."),
    ("project::duplicate-target", "Two entries of the list of targets mean the same triple."),
    ("project::unknown-format", "A format is not one that this version can make."),
    (
        "project::impossible-format",
        "A format cannot hold what the target needs, or exists for another system only.",
    ),
    ("project::glibc-floor", "A glibc version was given for a target that has no glibc."),
    ("project::missing-file", "A file that the manifest names is not there."),
    ("project::path-escapes", "A path leads out of the project."),
    ("project::duplicate-path", "Two files would have the same path in the package."),
    ("project::unlocked-asset", "An asset has no sha256, neither in the manifest nor in Deploy.lock."),
    ("project::unknown-toolchain", "A toolchain that was asked for does not exist."),
    ("project::unmet-requirement", "The release is to have a property that this version cannot give it."),
    ("project::empty-repository", "A package repository is to be made, and no package of its format."),
    ("project::unsigned-repository", "A package repository has nothing to be signed with."),
    ("project::bad-pattern", "A pattern of paths cannot be understood."),
    ("windows::component-overlap", "A file would belong to two components."),
    ("windows::empty-component", "A pattern of a component matches no file of the packages."),
    ("windows::invalid-icon", "A picture cannot be an icon on Windows, or lacks sizes that Windows shows."),
    ("windows::invalid-manifest", "The application manifest of the project's own cannot be read."),
    (
        "windows::registry-value",
        "A value for the registry has a key or a content that the registry cannot have.",
    ),
    ("windows::twice", "Two things for Windows have one name where each needs its own."),
    ("windows::unfit-name", "A file or a shortcut has a name that Windows cannot have."),
    ("windows::version", "The version is not one that programs for Windows can have."),
    ("windows::unknown-program", "A program that `[windows]` names is not in the packages."),
    ("linux::invalid-completion", "A file of `linux.completions` is not one of a known shell."),
    (
        "linux::invalid-desktop-entry",
        "A desktop entry is against its specification, or starts what is not packaged.",
    ),
    ("linux::invalid-icon", "The icon cannot be read, is not square, or is too small."),
    ("linux::invalid-manual-page", "A file of `linux.man` is not a manual page."),
    (
        "linux::invalid-metainfo",
        "AppStream metadata lacks what software centres need, or is not well-formed.",
    ),
    ("linux::invalid-unit", "A systemd unit would not work where it is installed."),
    ("appimage::update-information", "The update information of AppImages has no form that anybody reads."),
    ("deb::invalid-name", "The name of a Debian package breaks the rules of Debian."),
    ("deb::invalid-version", "The version or revision of a Debian package breaks the rules of Debian."),
    ("deb::invalid-maintainer", "The maintainer of a Debian package is not a name with an address."),
    ("deb::invalid-section", "The section of a Debian package is none."),
    ("deb::invalid-relation", "What a Debian package says of other packages cannot be understood."),
    (
        "deb::invalid-asset",
        "An asset or unit of a Debian package is not there, or cannot be put where it should go.",
    ),
    ("deb::invalid-script", "A maintainer script of a Debian package cannot be run."),
    ("deb::invalid-trigger", "A line of a Debian package's triggers cannot be understood."),
    ("deb::invalid-changelog", "The change log of a Debian package is not in Debian's layout."),
    ("deb::invalid-file", "A text of a Debian package cannot be read."),
    ("deb::unsupported", "A key of cargo-deb that is not supported has been set."),
    ("rpm::invalid-name", "The name of an rpm package breaks the rules of rpm."),
    ("rpm::invalid-version", "The version or release of an rpm package breaks the rules of rpm."),
    ("rpm::invalid-text", "A text of an rpm package is not what rpm can hold."),
    ("rpm::invalid-dependency", "What an rpm package says of other packages cannot be understood."),
    ("rpm::invalid-script", "A script of an rpm package cannot be run."),
    (
        "setup::needs-machine",
        "A setup.exe for one user has services or machine-wide values, which it could not install.",
    ),
    ("setup::unfit-name", "A name that a setup.exe makes a folder of cannot be one on Windows."),
    ("setup::unknown-program", "The program that a setup.exe starts is not in the package."),
    ("plan::no-toolchain", "No toolchain that can compile for a target can be used on this machine."),
    (
        "plan::no-static-target",
        "A program of ours that goes into a package has no target that it could be compiled for.",
    ),
    (
        "plan::no-standard-library",
        "The standard library of a target is missing and there is no way to get it here.",
    ),
];
