//! `cargo deploy verify`, on a release far from its project, good and spoiled.

use crate::support::project::{HOST, Project, copy};
use crate::support::snapshot::{check, same};
use std::path::PathBuf;

/// A release, copied to a directory with no project near.
fn copied() -> (Project, PathBuf) {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let place = project.scratch().join("elsewhere");
    copy(&project.release(), &place);
    std::fs::remove_dir_all(project.root()).expect("remove");
    std::fs::create_dir(project.root()).expect("create");
    (project, place)
}

/// What `verify` says of it, with digests left out.
fn verified(project: &Project) -> String {
    let ran = project.run(&["verify", "../elsewhere"]);
    let mut text = String::new();
    for word in ran.text().split_inclusive([' ', '\n', ',']) {
        let digest = word.trim_end_matches([' ', '\n', ',']);
        let is_digest = digest.len() == 64 && digest.bytes().all(|byte| byte.is_ascii_hexdigit());
        text.push_str(if is_digest { "[SHA256]" } else { digest });
        text.push_str(&word[digest.len()..]);
    }
    text
}

fn archive() -> String {
    format!("hello-1.0.0-{HOST}.tar.gz")
}

#[test]
fn a_release_verifies_with_no_project_near() {
    let (project, _) = copied();
    check("cli/verify", &verified(&project));
}

#[test]
fn one_archive_verifies_with_its_release_beside_it() {
    let (project, _) = copied();
    let ran = project.run(&["verify", &format!("../elsewhere/{}", archive())]);
    check("cli/verify-one", &ran.text());
}

#[test]
fn a_flipped_byte_is_found() {
    let (project, place) = copied();
    let path = place.join(archive());
    let mut bytes = std::fs::read(&path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&path, bytes).expect("write");
    let text = verified(&project);
    assert!(text.starts_with("exit code: 65\n"), "{text}");
    let (said, rest) = text.split_once("read ").map_or((text.as_str(), ""), |parts| parts);
    // How the decoder puts it depends on the bytes; that the digests differ does not.
    assert!(!rest.is_empty(), "{text}");
    assert!(said.contains("its sha256 is [SHA256], release.json says [SHA256]"), "{text}");
    assert!(said.contains("its sha256 is [SHA256], SHA256SUMS says [SHA256]"), "{text}");
}

#[test]
fn a_missing_file_is_found() {
    let (project, place) = copied();
    std::fs::remove_file(place.join(archive())).expect("remove");
    check("cli/verify-missing", &verified(&project));
}

#[test]
fn a_file_too_many_is_found() {
    let (project, place) = copied();
    std::fs::write(place.join("extra.txt"), "extra").expect("write");
    check("cli/verify-extra", &verified(&project));
}

#[test]
fn an_edited_release_json_is_found() {
    let (project, place) = copied();
    let path = place.join("release.json");
    let text = std::fs::read_to_string(&path).expect("read");
    std::fs::write(&path, text.replacen("1.0.0", "1.0.1", 1)).expect("write");
    check("cli/verify-edited", &verified(&project));
}

#[test]
fn a_link_in_a_release_is_found() {
    let (project, place) = copied();
    std::os::unix::fs::symlink("/etc/passwd", place.join("link")).expect("link");
    check("cli/verify-link", &verified(&project));
}

#[test]
fn all_of_it_can_be_read_by_a_program() {
    let (project, place) = copied();
    std::fs::write(place.join("extra.txt"), "extra").expect("write");
    let ran = project.run(&["verify", "--json", "../elsewhere"]);
    assert_eq!(ran.code, Some(65));
    let report: serde_json::Value = serde_json::from_str(&ran.stdout).expect("JSON");
    same(
        "[{\"file\":\"extra.txt\",\"message\":\"SHA256SUMS does not name it\"},\
         {\"file\":\"extra.txt\",\"message\":\"release.json does not name it\"}]",
        &report["problems"].to_string(),
    );
}

#[test]
fn what_is_no_release_is_said_to_be_none() {
    let project = Project::new();
    check("cli/verify-none", &project.run(&["verify", "src"]).text());
    check("cli/verify-nothing", &project.run(&["verify", "nowhere"]).text());
    check("cli/verify-source", &project.run(&["verify", "src/main.rs"]).text());
}
