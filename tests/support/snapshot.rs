//! Whole texts, compared with those in `tests/snapshots`. `BLESS=1` writes them anew; what it wrote is to be read.

use super::project::repository;
use std::path::Path;

/// Panics when `actual` is not the text of `tests/snapshots/<name>.txt`.
pub(crate) fn check(name: &str, actual: &str) {
    check_file(&repository().join("tests/snapshots").join(format!("{name}.txt")), actual);
}

/// Panics when `actual` is not the text of a file.
pub(crate) fn check_file(path: &Path, actual: &str) {
    if std::env::var_os("BLESS").is_some() {
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("create");
        std::fs::write(path, actual).expect("write");
        return;
    }
    let expected = std::fs::read_to_string(path)
        .unwrap_or_else(|error| panic!("read {}: {error}; BLESS=1 writes it", path.display()));
    assert!(
        expected == actual,
        "{} is another text; BLESS=1 writes it anew\n{}",
        path.display(),
        difference(&expected, actual)
    );
}

/// Panics with the lines that differ when two texts are not the same.
#[track_caller]
pub(crate) fn same(expected: &str, actual: &str) {
    assert!(expected == actual, "the texts differ\n{}", difference(expected, actual));
}

/// The lines between the common beginning and the common end.
fn difference(expected: &str, actual: &str) -> String {
    let (expected, actual): (Vec<&str>, Vec<&str>) = (expected.lines().collect(), actual.lines().collect());
    let shorter = expected.len().min(actual.len());
    let begin = (0..shorter).take_while(|at| expected[*at] == actual[*at]).count();
    let end = (0..shorter - begin)
        .take_while(|at| expected[expected.len() - 1 - at] == actual[actual.len() - 1 - at])
        .count();
    let mut text = format!("from line {}:\n", begin + 1);
    for line in &expected[begin..expected.len() - end] {
        text.push_str(&format!("-{line}\n"));
    }
    for line in &actual[begin..actual.len() - end] {
        text.push_str(&format!("+{line}\n"));
    }
    text
}
