//! What programs and CI services are told.

use crate::support::project::{HOST, Project};
use crate::support::snapshot::{check, same};
use deploy_model::Event;

/// The names of the events, in order; progress and output of programs left out.
fn names(stdout: &str) -> Vec<String> {
    let mut names = Vec::new();
    for line in stdout.lines() {
        let event: Event = serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}"));
        let value = serde_json::to_value(&event).expect("JSON");
        let told =
            |key: &str| value.get(key).and_then(serde_json::Value::as_str).unwrap_or_default().to_owned();
        let name = told("reason");
        if name != "step-progress" && name != "step-output" {
            let step = told("step");
            names.push(format!("{name} {step}").trim_end().to_owned());
        }
    }
    names
}

#[test]
fn every_line_for_programs_is_an_event() {
    let project = Project::new();
    let ran = project.run(&["bundle", "--message-format", "json"]).good();
    let mut told = names(&ran.stdout);
    told.push(String::new());
    check("cli/events", &told.join("\n"));
    same("", &ran.stderr);
    let again = project.run(&["bundle", "--json"]).good();
    let reused = again.stdout.matches("\"reused\":true").count();
    assert_eq!(reused, 5, "all but the compiling is reused:\n{}", again.stdout);
}

#[test]
fn a_problem_is_told_to_programs() {
    let project = Project::new();
    let ran = project.run(&["bundle", "--json", "--target", "linux-x46"]);
    assert_eq!(ran.code, Some(64));
    let line: serde_json::Value = serde_json::from_str(ran.stdout.trim()).expect("one line of JSON");
    same("\"problem\"", &line["reason"].to_string());
    same("\"project::unknown-target\"", &line["problem"]["code"].to_string());
}

#[test]
fn github_gets_a_summary() {
    let project = Project::new();
    let mut command = project.command(&["bundle"]);
    command.env("GITHUB_ACTIONS", "true").env("GITHUB_STEP_SUMMARY", project.scratch().join("summary.md"));
    project.ran(command).good();
    let text = std::fs::read_to_string(project.scratch().join("summary.md")).expect("a summary");
    let archive = project.read(&format!("target/deploy/hello-1.0.0/hello-1.0.0-{HOST}.tar.gz"));
    assert!(text.contains(deploy_model::Sha256::of(&archive).as_str()), "{text}");
    let outline: String =
        text.lines().filter(|line| !line.starts_with("| `")).map(|line| format!("{line}\n")).collect();
    check("cli/github-summary", &outline);
}

#[test]
fn github_gets_annotations_where_the_manifest_is_wrong() {
    let project = Project::new();
    project.write("Deploy.toml", "schema = 1\n\n[targets]\nbuild = [\"linux-x46\"]\n");
    let mut command = project.command(&["bundle", "--message-format", "short"]);
    command.env("GITHUB_ACTIONS", "true");
    let ran = project.ran(command);
    assert_eq!(ran.code, Some(64));
    check("cli/github-annotation", &ran.text());
}

#[test]
fn quiet_says_nothing_but_the_result() {
    let ran = Project::new().run(&["bundle", "--quiet"]).good();
    same("", &ran.stderr);
    same(&format!("target/deploy/hello-1.0.0/hello-1.0.0-{HOST}.tar.gz\n"), &ran.stdout);
}

#[test]
fn colours_are_there_only_when_asked_for() {
    let project = Project::new();
    assert!(!project.run(&["bundle"]).good().stderr.contains('\u{1b}'));
    assert!(project.run(&["bundle", "--color", "always"]).good().stderr.contains('\u{1b}'));
}

#[test]
fn the_version_is_told() {
    same(
        &format!("cargo-deploy {}\n", env!("CARGO_PKG_VERSION")),
        &Project::new().run(&["--version"]).good().stdout,
    );
}
