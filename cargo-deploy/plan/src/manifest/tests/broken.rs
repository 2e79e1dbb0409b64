//! Broken manifests with the whole report that each gives, in `broken.txt`.

use super::{read_bytes, rendered};

/// `(name, manifest, report)` of each case.
fn cases() -> Vec<(&'static str, &'static str, &'static str)> {
    let text = include_str!("broken.txt");
    let mut cases = Vec::new();
    for case in text.split("\n======== ").skip(1) {
        let (name, rest) = case.split_once('\n').unwrap();
        let (manifest, report) = rest.split_once("-------- report\n").unwrap();
        cases.push((name, manifest, report.trim_end()));
    }
    cases
}

#[test]
fn every_broken_manifest_gives_exactly_its_report() {
    let mut wrong = String::new();
    for (name, manifest, expected) in cases() {
        let actual = match read_bytes(manifest.as_bytes()) {
            Ok(_) => "no problem".to_owned(),
            Err(report) => rendered(&report),
        };
        if actual != expected {
            wrong.push_str(&format!("\n======== {name}\n{manifest}-------- report\n{actual}\n"));
        }
    }
    assert!(wrong.is_empty(), "these reports differ from broken.txt:\n{wrong}");
}
