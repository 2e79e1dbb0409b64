//! The source that the library carries is whole, and gives the same small program everywhere.

use crate::bench::{HERE, Room, compile, have, runtime};
use deploy_appimage_runtime::{SECTIONS, SOURCE, TARGETS};
use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

fn crate_directory() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

fn files(directory: &Path, found: &mut BTreeSet<String>) {
    for entry in fs::read_dir(directory).expect("list") {
        let path = entry.expect("list").path();
        if path.is_dir() {
            files(&path, found);
        } else {
            let path = path.strip_prefix(crate_directory()).expect("below");
            found.insert(path.to_str().expect("UTF-8").to_owned());
        }
    }
}

#[test]
fn the_library_carries_every_file_of_the_program() {
    let mut expected = BTreeSet::new();
    files(&crate_directory().join("src"), &mut expected);
    expected.remove("src/lib.rs");
    expected.extend(["Cargo.lock".to_owned(), "Cargo.toml".to_owned()]);
    let carried: Vec<&str> = SOURCE.iter().map(|(path, _)| *path).collect();
    assert_eq!(carried, expected.iter().map(String::as_str).collect::<Vec<_>>());
}

#[test]
fn both_manifests_want_the_same_dependencies() {
    let wanted = |text: &str| -> Vec<String> {
        text.lines()
            .filter(|line| {
                ["miniz_oxide =", "rustix =", "ruzstd ="].iter().any(|name| line.starts_with(name))
            })
            .map(|line| line.replace(", optional = true", ""))
            .collect()
    };
    let own = fs::read_to_string(crate_directory().join("Cargo.toml")).expect("read");
    let program = fs::read_to_string(crate_directory().join("program.toml")).expect("read");
    assert_eq!(wanted(&own).len(), 3);
    assert_eq!(wanted(&own), wanted(&program));
    assert!(program.contains(&format!("\nversion = \"{}\"\n", deploy_appimage_runtime::VERSION)));
}

#[test]
fn the_program_is_small_and_static_and_has_the_sections() {
    for triple in TARGETS {
        let Some(program) = runtime(triple) else { continue };
        let length = fs::metadata(&program).expect("look").len();
        assert!(length < 1_000_000, "{triple}: {length} bytes");
        if !have(&["readelf"]) {
            continue;
        }
        let output = Command::new("readelf").args(["-lSW"]).arg(&program).output().expect("start readelf");
        let text = String::from_utf8(output.stdout).expect("UTF-8");
        assert!(!text.contains("INTERP"), "{triple} wants a dynamic linker");
        for (name, length) in SECTIONS {
            let line = text.lines().find(|line| line.contains(&format!("{name} "))).unwrap_or_default();
            assert!(line.contains(" PROGBITS "), "{triple}: {name}: {line:?}");
            assert!(line.contains(&format!(" {length:06x} ")), "{triple}: {name}: {line:?}");
        }
        // AppImageKit's validate looks for the key right behind the signature, whatever the table of sections says.
        let offset = |name: &str| {
            let line = text.lines().find(|line| line.contains(&format!("{name} "))).expect("a section");
            let word = line.split_whitespace().skip_while(|word| *word != "PROGBITS").nth(2);
            usize::from_str_radix(word.expect("an offset"), 16).expect("a number")
        };
        assert_eq!(offset(".sig_key"), offset(".sha256_sig") + 1024, "{triple}");
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_directory() {
    let Some(program) = runtime(HERE) else { return };
    let room = Room::new("elsewhere");
    let other = compile(&room.path.join("some where/else"), &room.path.join("built"), HERE);
    assert!(fs::read(&program).expect("read") == fs::read(&other).expect("read"), "other bytes");
    for word in ["/registry/", "/home/", "/root/", "/tmp/", env!("CARGO_TARGET_TMPDIR")] {
        let bytes = fs::read(&program).expect("read");
        let found = bytes.windows(word.len()).filter(|window| *window == word.as_bytes()).count();
        assert_eq!(found, 0, "{word} is in the program");
    }
}
