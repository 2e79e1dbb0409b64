//! Every exit code that can be provoked, and what is said with it.

use crate::support::project::Project;
use crate::support::snapshot::check;

/// What a run says; it must end with this code.
fn ends(project: &Project, code: i32, name: &str, arguments: &[&str]) {
    let ran = project.run(arguments);
    assert_eq!(ran.code, Some(code), "{}", ran.text());
    check(&format!("cli/exit-{name}"), &ran.text());
}

#[test]
fn an_unknown_option_ends_with_2() {
    let project = Project::new();
    ends(&project, 2, "usage", &["bundle", "--fromat", "zip"]);
    ends(&project, 2, "verb", &["bundel"]);
    ends(&project, 2, "jobs", &["bundle", "-j0"]);
}

#[test]
fn a_wrong_manifest_ends_with_64_and_shows_all_that_is_wrong() {
    let project = Project::new();
    project.write(
        "Deploy.toml",
        "schema = 1\n\n[targets]\nbuild = \"linux-x64\"\nformts = [\"zip\"]\n\n[bundle]\nlevel = \"smal\"\n",
    );
    ends(&project, 64, "manifest", &["bundle"]);
    ends(&project, 64, "manifest-short", &["bundle", "--message-format", "short"]);
}

#[test]
fn a_misspelled_target_ends_with_64_and_a_proposal() {
    let project = Project::new();
    ends(&project, 64, "target", &["bundle", "--target", "linux-x46"]);
    ends(&project, 64, "format", &["bundle", "--format", "tar.gzip"]);
    project.write("Deploy.toml", "schema = 1\n\n[targets]\nbuild = [\"linux-x64\", \"linux-arm46\"]\n");
    ends(&project, 64, "target-in-manifest", &["bundle"]);
}

#[test]
fn a_package_without_binaries_ends_with_64() {
    let project = Project::new();
    std::fs::remove_file(project.path("src/main.rs")).expect("remove");
    project.write("src/lib.rs", "//! A library.\n");
    ends(&project, 64, "no-binaries", &["bundle"]);
}

#[test]
fn an_artifact_larger_than_declared_ends_with_65_and_is_not_published() {
    let project = Project::new();
    project.write("Deploy.toml", "schema = 1\n\n[release]\nmax-size = { \"tar.gz\" = \"1KB\" }\n");
    let ran = project.run(&["bundle"]);
    assert_eq!(ran.code, Some(65), "{}", ran.text());
    assert!(ran.stderr.contains("expected at most 1000"), "{}", ran.text());
    assert!(!project.release().exists());
}

#[test]
fn a_missing_file_ends_with_66() {
    let project = Project::new();
    project.write("Deploy.toml", "schema = 1\n\n[bundle]\ninclude = [\"guide.txt\"]\n");
    ends(&project, 66, "missing-file", &["bundle"]);
}

#[test]
fn a_missing_toolchain_ends_with_78_before_anything_is_compiled() {
    let project = Project::new();
    ends(&project, 78, "no-toolchain", &["bundle", "--target", "linux-x64", "--target", "linux-arm64"]);
    assert!(!project.path("target").exists(), "something was compiled");
}

#[test]
fn a_source_that_does_not_compile_ends_with_101() {
    let project = Project::new();
    project.write("src/main.rs", "fn main() { this is no rust }\n");
    let ran = project.run(&["bundle"]);
    assert_eq!(ran.code, Some(101), "{}", ran.text());
    assert!(ran.stderr.contains("src/main.rs:1"), "where it is wrong is not said:\n{}", ran.text());
    assert!(!project.release().exists());
}

#[test]
fn a_broken_cargo_toml_ends_with_102() {
    let project = Project::new();
    project.write("Cargo.toml", "[package\n");
    let ran = project.run(&["bundle"]);
    assert_eq!(ran.code, Some(102), "{}", ran.text());
    assert!(ran.stderr.contains("Cargo.toml"), "{}", ran.text());
}

#[test]
fn a_failed_run_leaves_the_release_before_it_as_it_was() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let before = project.tree("target/deploy/hello-1.0.0");
    project.write("src/main.rs", "fn main() { this is no rust }\n");
    assert_eq!(project.run(&["bundle"]).code, Some(101));
    assert_eq!(before, project.tree("target/deploy/hello-1.0.0"));
}
