//! Writes what a release declares: `release.json`, `SHA256SUMS` and the linkage table.

use deploy_model::{Artifact, Linkage, Release, Sha256};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// `release.json` as text: keys in a fixed order, two spaces, one line break at the end.
pub fn release_json(release: &Release) -> String {
    // Every map of the type has text keys, so it always can be written.
    let mut text = serde_json::to_string_pretty(release).unwrap_or_default();
    text.push('\n');
    text
}

/// `SHA256SUMS` in the layout of `sha256sum` (GNU coreutils): digest, two spaces, name; sorted by name.
pub fn sums<'a>(files: impl IntoIterator<Item = (&'a str, &'a Sha256)>) -> String {
    let sorted: BTreeMap<&str, &Sha256> = files.into_iter().collect();
    sorted.iter().map(|(name, sha256)| format!("{sha256}  {name}\n")).collect()
}

/// The linkage table: for each package, what its binaries need of the systems they run on.
pub fn linkage_table(artifacts: &[Artifact]) -> String {
    let mut rows =
        vec![["BINARY", "MACHINE", "LINKING", "NEEDS AT LEAST", "STRIPPED", "LIBRARIES"].map(String::from)];
    // Packages of one target hold the same binaries: the table has each once.
    let mut seen = std::collections::BTreeSet::new();
    for artifact in artifacts {
        let Some(target) = &artifact.target else { continue };
        for (path, images) in &artifact.linkage {
            let name = path.rsplit('/').next().unwrap_or(path);
            if !seen.insert((target.clone(), name.to_owned())) {
                continue;
            }
            rows.extend(images.iter().map(|image| row(&format!("{target}/{name}"), image)));
        }
    }
    let widths: Vec<usize> = (0..rows[0].len())
        .map(|column| rows.iter().map(|row| row[column].len()).max().unwrap_or(0))
        .collect();
    let mut text = String::new();
    for row in rows {
        let mut line = String::new();
        for (cell, width) in row.iter().zip(&widths) {
            // Writing to a String cannot fail.
            let _ = write!(line, "{cell:width$}  ");
        }
        text.push_str(line.trim_end());
        text.push('\n');
    }
    text
}

fn row(binary: &str, image: &Linkage) -> [String; 6] {
    let needs = match (&image.glibc, &image.minimum_macos) {
        (Some(glibc), _) => format!("glibc {glibc}"),
        (None, Some(macos)) => format!("macOS {macos}"),
        (None, None) => "-".to_owned(),
    };
    let libraries = if image.needed.is_empty() { "-".to_owned() } else { image.needed.join(" ") };
    [
        binary.to_owned(),
        image.machine.clone(),
        image.linking.clone(),
        needs,
        if image.stripped { "yes" } else { "no" }.to_owned(),
        libraries,
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sums_are_sorted_and_in_the_layout_of_sha256sum() {
        let digest = Sha256::of(b"");
        let text = sums([("b", &digest), ("a", &digest)]);
        assert_eq!(text, format!("{digest}  a\n{digest}  b\n"));
    }
}
