//! Schemas, completion scripts, manual pages: what the program prints about itself.

use crate::support::project::{Project, repository};
use crate::support::snapshot::check_file;

#[test]
fn the_schemas_in_the_repository_are_those_that_the_program_prints() {
    let project = Project::empty("nowhere");
    for document in ["manifest", "plan", "event", "release"] {
        let ran = project.run(&["schema", document]).good();
        check_file(&repository().join(format!("schemas/{document}.schema.json")), &ran.stdout);
    }
}

#[test]
fn completion_scripts_know_the_verbs() {
    let project = Project::empty("nowhere");
    for shell in ["bash", "zsh", "fish"] {
        let script = project.run(&["completions", shell]).good().stdout;
        for verb in ["bundle", "verify", "doctor", "vendor", "completions"] {
            assert!(script.contains(verb), "{shell} does not know {verb}");
        }
    }
}

#[test]
fn bash_accepts_its_completion_script() {
    let project = Project::empty("nowhere");
    let script = project.run(&["completions", "bash"]).good().stdout;
    project.write("script", script);
    let status =
        std::process::Command::new("bash").arg("-n").arg(project.path("script")).status().expect("it runs");
    assert!(status.success());
}

#[test]
fn every_verb_has_a_manual_page() {
    let project = Project::empty("nowhere");
    project.run(&["man", "--out", "pages"]).good();
    let pages: Vec<String> = project.tree("pages").into_keys().collect();
    for verb in
        ["init", "targets", "doctor", "plan", "build", "assets", "bundle", "verify", "inspect", "vendor"]
    {
        let page = format!("cargo-deploy-{verb}.1");
        assert!(pages.contains(&page), "{page} is not among {pages:?}");
        let text = String::from_utf8(project.read(&format!("pages/{page}"))).expect("UTF-8");
        assert!(text.contains(".TH "), "{page} is no manual page");
    }
}
