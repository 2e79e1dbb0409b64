//! The verbs that only look: `plan`, `targets`, `doctor`, `inspect`.

use crate::support::project::{HOST, Project};
use crate::support::snapshot::{check, same};
use std::fmt::Write as _;

#[test]
fn the_plan_is_a_tree() {
    let project = Project::new();
    check("cli/plan", &project.run(&["plan", "--format", "tar.gz,zip"]).text());
    assert!(!project.path("target/deploy").exists(), "a plan leaves nothing behind");
}

#[test]
fn the_plan_is_a_flow_chart() {
    check("cli/plan-mermaid", &Project::new().run(&["plan", "--style", "mermaid"]).text());
}

#[test]
fn the_plan_is_a_document() {
    let ran = Project::new().run(&["plan", "--message-format", "json"]).good();
    // The flag that maps the standard library's sources away names the commit of rustc.
    let lines = ran.stdout.lines().filter(|line| !line.contains("/rustc/"));
    let text: String = lines.map(|line| format!("{line}\n")).collect();
    check("cli/plan-json", &text);
}

#[test]
fn the_plan_says_why_before_and_after() {
    let project = Project::new();
    let before = project.run(&["plan", "--why"]).good().stdout;
    project.run(&["bundle"]).good();
    let after = project.run(&["plan", "--why"]).good().stdout;
    project.write("README.md", "# hello again\n");
    let changed = project.run(&["plan", "--why"]).good().stdout;
    check("cli/plan-why", &format!("# before\n{before}\n# after\n{after}\n# README.md changed\n{changed}"));
}

#[test]
fn targets_are_told_with_what_is_missing() {
    let project = Project::new();
    let ran = project.run(&["targets"]);
    assert_eq!(ran.code, Some(0), "{}", ran.text());
    // Which standard libraries are installed differs; the targets that only a cross compiler serves do not.
    let lines = ran.stdout.lines().filter(|line| line.starts_with("linux-"));
    check("cli/targets", &lines.map(|line| format!("{line}\n")).collect::<String>());
}

#[test]
fn the_doctor_finds_what_is_here() {
    check("cli/doctor", &Project::new().run(&["doctor"]).text());
}

#[test]
fn the_doctor_finds_what_is_missing() {
    let ran = Project::new().run(&["doctor", "--target", "linux-arm64"]);
    check("cli/doctor-missing", &ran.text());
}

#[test]
fn inspect_lists_an_archive() {
    let project = Project::new();
    project.run(&["bundle", "--format", "tar.gz,zip"]).good();
    for format in ["tar.gz", "zip"] {
        let path = format!("target/deploy/hello-1.0.0/hello-1.0.0-{HOST}.{format}");
        let mut listing = String::new();
        for line in project.run(&["inspect", &path]).good().stdout.lines() {
            if line.ends_with("/hello") {
                // Size and digest of the program are the compiler's affair.
                let words: Vec<&str> = line.split_whitespace().collect();
                writeln!(listing, "{} {} {}", words[0], words[1], words[words.len() - 1]).expect("memory");
            } else {
                writeln!(listing, "{line}").expect("memory");
            }
        }
        check(&format!("cli/inspect-{format}"), &listing);
    }
}

#[test]
fn inspect_reads_a_bare_binary() {
    let project = Project::new();
    let built = project.run(&["build"]).good();
    let text = project.run(&["inspect", built.stdout.trim()]).good().stdout;
    let glibc = text.lines().find(|line| line.starts_with("glibc: 2.")).expect("a glibc");
    same(
        "container: elf\nmachine: x86_64\nlinking: dynamic\nneeded: libgcc_s.so.1\nneeded: libc.so.6\n\
         needed: ld-linux-x86-64.so.2\nstripped: no\n",
        &text.replace(&format!("{glibc}\n"), ""),
    );
}

#[test]
fn inspect_says_what_it_cannot_read() {
    let project = Project::new();
    check("cli/inspect-source", &project.run(&["inspect", "src/main.rs"]).text());
    check("cli/inspect-nothing", &project.run(&["inspect", "nothing.tar.gz"]).text());
    project.write("broken.zip", "no zip");
    check("cli/inspect-broken", &project.run(&["inspect", "broken.zip"]).text());
}
