//! `cargo deploy bundle`.

use crate::support::project::{HOST, Project, inodes};
use crate::support::snapshot::{check, same};
use std::fmt::Write as _;
use std::process::Command;

#[test]
fn a_project_without_a_manifest_becomes_a_release() {
    let project = Project::new();
    let ran = project.run(&["bundle"]).good().without_sizes();
    check("cli/bundle", &ran.text());

    let mut tree = String::new();
    for (name, what) in project.tree("target/deploy/hello-1.0.0") {
        let (kind, _) = what.rsplit_once(' ').expect("kind, mode and digest");
        writeln!(tree, "{kind} {name}").expect("memory");
    }
    same(
        "file 644 SHA256SUMS\n\
         file 644 hello-1.0.0-x86_64-unknown-linux-gnu.tar.gz\n\
         file 644 linkage.txt\n\
         file 644 release.json\n",
        &tree,
    );
    let beside: Vec<String> = std::fs::read_dir(project.path("target/deploy"))
        .expect("list")
        .map(|entry| entry.expect("list").file_name().into_string().expect("UTF-8"))
        .collect::<std::collections::BTreeSet<_>>()
        .into_iter()
        .collect();
    assert_eq!(beside, [".cache", ".work", "CACHEDIR.TAG", "hello-1.0.0"]);
}

#[test]
fn sha256sum_accepts_the_sums() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let output = Command::new("sha256sum")
        .args(["-c", "--strict", "SHA256SUMS"])
        .current_dir(project.release())
        .output()
        .expect("it runs");
    assert!(output.status.success());
    same(
        "hello-1.0.0-x86_64-unknown-linux-gnu.tar.gz: OK\nlinkage.txt: OK\nrelease.json: OK\n",
        &String::from_utf8_lossy(&output.stdout),
    );
}

#[test]
fn gnu_tar_lists_the_archive_and_the_program_in_it_runs() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let archive = project.release().join(format!("hello-1.0.0-{HOST}.tar.gz"));
    let output = Command::new("tar")
        .args(["--utc", "--full-time", "-tvf"])
        .arg(&archive)
        .env("LC_ALL", "C")
        .output()
        .expect("it runs");
    let mut listing = String::new();
    for line in String::from_utf8_lossy(&output.stdout).lines() {
        // The size is the compiler's affair.
        let words: Vec<&str> = line.split_whitespace().collect();
        writeln!(listing, "{} {} {} {} {}", words[0], words[1], words[3], words[4], words[5])
            .expect("memory");
    }
    check("cli/tar", &listing);

    let output = Command::new("tar")
        .arg("-xf")
        .arg(&archive)
        .current_dir(project.scratch().join("home"))
        .output()
        .expect("it runs");
    assert!(output.status.success());
    let program = project.scratch().join(format!("home/hello-1.0.0-{HOST}/hello"));
    let output = Command::new(program).output().expect("it runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "hello\n");
}

#[test]
fn a_second_run_reuses_everything_and_touches_nothing() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let (before, numbers) = (project.tree("target/deploy/hello-1.0.0"), inodes(&project.release()));
    let ran = project.run(&["bundle", "-v"]).good().without_sizes();
    // Cargo's own lines are about cargo.
    let stderr: String = ran
        .stderr
        .lines()
        .filter(|line| !line.contains("profile [optimized]"))
        .map(|line| format!("{line}\n"))
        .collect();
    check("cli/bundle-again", &stderr);
    assert_eq!(before, project.tree("target/deploy/hello-1.0.0"));
    assert_eq!(numbers, inodes(&project.release()), "a file of the release was written again");
}

#[test]
fn another_level_packages_again_and_compiles_nothing() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let ran = project.run(&["bundle", "--config", "bundle.level='small'"]).good().without_sizes();
    check("cli/bundle-level", &ran.text());
}

#[test]
fn four_formats_are_made_in_one_run() {
    let project = Project::new();
    let ran = project.run(&["bundle", "--format", "tar.gz,tar.xz,tar.zst,zip"]).good();
    same(
        &["tar.gz", "tar.xz", "tar.zst", "zip"]
            .map(|format| format!("target/deploy/hello-1.0.0/hello-1.0.0-{HOST}.{format}\n"))
            .concat(),
        &ran.stdout,
    );
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
}

#[test]
fn a_dry_run_prints_the_plan_and_makes_nothing() {
    let project = Project::new();
    let ran = project.run(&["bundle", "--dry-run"]).good();
    same(&project.run(&["plan"]).good().stdout, &ran.stdout);
    assert!(!project.path("target/deploy").exists());
}

#[test]
fn build_compiles_and_says_where_the_binary_is() {
    let project = Project::new();
    check("cli/build", &project.run(&["build"]).good().text());
    assert!(!project.release().exists());
}

#[test]
fn a_run_writes_its_chart_where_asked() {
    let project = Project::new();
    project.run(&["bundle", "--timings"]).good();
    let page = String::from_utf8(project.read("target/deploy/timings.html")).expect("UTF-8");
    for step in ["compile:x86_64-unknown-linux-gnu", "package:tar.gz:linux-x64", "publish:directory"] {
        assert!(page.contains(step), "{step} is not in the chart");
    }
}

#[test]
fn included_files_go_into_the_archive() {
    let project = Project::new();
    project.write("docs/guide.txt", "Read me.\n");
    project.write("Deploy.toml", "schema = 1\n\n[bundle]\ninclude = [\"docs/guide.txt\"]\n");
    project.run(&["bundle"]).good();
    let archive = format!("target/deploy/hello-1.0.0/hello-1.0.0-{HOST}.tar.gz");
    let listing = project.run(&["inspect", &archive]).good().stdout;
    assert!(listing.contains("guide.txt"), "{listing}");
}

#[test]
fn a_release_dated_otherwise_is_another_one() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let before = project.read("target/deploy/hello-1.0.0/release.json");
    let mut command = project.command(&["bundle"]);
    command.env("SOURCE_DATE_EPOCH", "1704067201");
    project.ran(command).good();
    let after = project.read("target/deploy/hello-1.0.0/release.json");
    assert_ne!(before, after);
    assert!(String::from_utf8_lossy(&after).contains("1704067201"));
}
