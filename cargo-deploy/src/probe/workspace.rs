//! The cargo workspace, as `cargo metadata` describes it.

use crate::bench::environment::Environment;
use crate::bench::process::{ProcessError, Program};
use crate::probe::cargo_config::absolute_arguments;
use camino::{Utf8Path, Utf8PathBuf};
use cargo_metadata::{Metadata, MetadataCommand, Package, TargetKind};
use deploy_model::FailureClass;
use deploy_plan::workspace::{Workspace, WorkspaceBinary, WorkspacePackage};

/// Which workspace, and how cargo may look at it.
#[derive(Debug, Clone, Default)]
pub struct WorkspaceRequest {
    /// `--manifest-path`, absolute or relative to the directory that the tool was started in.
    pub manifest: Option<Utf8PathBuf>,
    /// `--target-dir`, absolute or relative to the directory that the tool was started in.
    pub target_directory: Option<Utf8PathBuf>,
    /// `--locked`.
    pub locked: bool,
    /// `--offline`.
    pub offline: bool,
    /// `--config` arguments.
    pub config: Vec<String>,
}

/// A workspace that cargo cannot read.
#[derive(Debug, thiserror::Error)]
pub enum WorkspaceError {
    /// Cargo refuses.
    #[error("read the cargo workspace")]
    Cargo {
        /// What cargo says.
        source: ProcessError,
    },
    /// Cargo's answer is not understood.
    #[error("understand what cargo says about the workspace")]
    Answer {
        /// What is wrong with it.
        source: cargo_metadata::Error,
    },
}

impl WorkspaceError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        FailureClass::CargoMetadata
    }
}

/// Asks `cargo` for the workspace.
pub fn workspace(
    cargo: &Utf8Path,
    environment: &Environment,
    request: &WorkspaceRequest,
) -> Result<Workspace, WorkspaceError> {
    let mut program = Program::new(cargo.as_str())
        .args(["metadata", "--no-deps", "--format-version", "1", "--color", "never"])
        .directory(&environment.directory);
    if let Some(manifest) = &request.manifest {
        program = program.arg("--manifest-path").arg(manifest.as_str());
    }
    if request.locked {
        program = program.arg("--locked");
    }
    if request.offline {
        program = program.arg("--offline");
    }
    for argument in absolute_arguments(&request.config, environment) {
        program = program.arg("--config").arg(argument);
    }
    // `cargo metadata` has no --target-dir.
    if let Some(directory) = &request.target_directory {
        program = program.env("CARGO_TARGET_DIR", environment.directory.join(directory).as_str());
    }
    let output = program.run().map_err(|source| WorkspaceError::Cargo { source })?;
    let metadata = MetadataCommand::parse(String::from_utf8_lossy(&output.stdout))
        .map_err(|source| WorkspaceError::Answer { source })?;
    Ok(reduce(&metadata))
}

fn reduce(metadata: &Metadata) -> Workspace {
    let root = &metadata.workspace_root;
    let mut packages: Vec<WorkspacePackage> = metadata
        .packages
        .iter()
        .filter(|package| metadata.workspace_members.contains(&package.id))
        .map(|package| {
            let is_default = metadata.workspace_default_members.contains(&package.id);
            reduce_package(package, root, is_default)
        })
        .collect();
    packages.sort_by(|a, b| a.name.cmp(&b.name));
    Workspace { root: root.clone(), target_directory: metadata.target_directory.clone(), packages }
}

fn reduce_package(package: &Package, root: &Utf8Path, is_default_member: bool) -> WorkspacePackage {
    let directory = package.manifest_path.parent().unwrap_or(root).to_owned();
    let mut binaries: Vec<WorkspaceBinary> = package
        .targets
        .iter()
        .filter(|target| target.kind.contains(&TargetKind::Bin))
        .map(|target| WorkspaceBinary {
            name: target.name.clone(),
            required_features: target.required_features.clone(),
        })
        .collect();
    binaries.sort_by(|a, b| a.name.cmp(&b.name));
    WorkspacePackage {
        name: package.name.to_string(),
        version: package.version.to_string(),
        is_root: directory == root,
        is_default_member,
        directory,
        description: package.description.as_ref().map(|text| text.trim().to_owned()),
        license: package.license.clone(),
        license_file: package.license_file.clone(),
        readme: package.readme.clone(),
        authors: package.authors.clone(),
        homepage: package.homepage.clone(),
        repository: package.repository.clone(),
        binaries,
        features: package.features.clone(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::files;
    use crate::probe::machine::{self, testing::directory as test_directory};

    fn project(name: &str) -> Utf8PathBuf {
        let root = test_directory(name);
        for (path, text) in [
            ("Cargo.toml", "[workspace]\nmembers = ['b', 'a']\ndefault-members = ['b']\nresolver = '3'"),
            (
                "a/Cargo.toml",
                "[package]\nname = 'a'\nversion = '0.1.0'\nedition = '2024'\nlicense-file = 'L'\n[features]\nextra = []\n\
                 [[bin]]\nname = 'tool'\npath = 'main.rs'\nrequired-features = ['extra']",
            ),
            ("a/main.rs", "fn main() {}"),
            (
                "b/Cargo.toml",
                "[package]\nname = 'b'\nversion = '1.2.3-rc.1'\nedition = '2024'\nauthors = ['B <b@example.com>']",
            ),
            ("b/src/main.rs", "fn main() {}"),
            ("b/src/bin/also.rs", "fn main() {}"),
            ("b/README.md", "read me"),
        ] {
            let path = root.join(path);
            files::create_directory(path.parent().expect("below")).expect("create");
            files::replace(&path, text.as_bytes()).expect("write");
        }
        root
    }

    #[test]
    fn a_workspace_is_read_with_members_binaries_and_default_members() {
        let root = project("workspace");
        let mut environment = Environment::read().expect("an environment");
        environment.directory = root.join("b/src");
        let cargo = machine::cargo(&environment).expect("cargo");
        let request =
            WorkspaceRequest { target_directory: Some("out".into()), ..WorkspaceRequest::default() };
        let read = workspace(&cargo, &environment, &request).expect("readable");
        assert_eq!(read.root, root);
        assert_eq!(read.target_directory, root.join("b/src/out"));
        let names = |package: &WorkspacePackage| {
            let binaries: Vec<&str> = package.binaries.iter().map(|binary| binary.name.as_str()).collect();
            format!("{} {} {} {binaries:?}", package.name, package.version, package.is_default_member)
        };
        assert_eq!(
            read.packages.iter().map(names).collect::<Vec<_>>(),
            [r#"a 0.1.0 false ["tool"]"#, r#"b 1.2.3-rc.1 true ["also", "b"]"#]
        );
        let (a, b) = (&read.packages[0], &read.packages[1]);
        assert_eq!(a.binaries[0].required_features, ["extra"]);
        assert_eq!(a.features.keys().collect::<Vec<_>>(), ["extra"]);
        assert_eq!(a.license_file.as_deref(), Some(Utf8Path::new("L")));
        assert_eq!((b.readme.as_deref(), b.is_root), (Some(Utf8Path::new("README.md")), false));
        assert_eq!(b.authors, ["B <b@example.com>"]);
        files::remove_directory(&root).expect("clean");
    }

    #[test]
    fn cargos_own_words_are_passed_on_when_there_is_no_workspace() {
        let root = test_directory("workspace-absent");
        let mut environment = Environment::read().expect("an environment");
        environment.directory = root.clone();
        let cargo = machine::cargo(&environment).expect("cargo");
        let error = workspace(&cargo, &environment, &WorkspaceRequest::default()).expect_err("nothing there");
        assert_eq!(error.class(), FailureClass::CargoMetadata);
        let text = crate::cause::chain(&error);
        assert!(text.contains(&format!("could not find `Cargo.toml` in `{root}`")), "{text}");
        files::remove_directory(&root).expect("clean");
    }
}
