//! Reads an apt repository back, as strictly as no client does: everything that is listed must be there, everything that is there must be listed, and
//! every index must say of a package what the package says of itself.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use sha2::{Digest, Sha256};

use super::{ADDED, COMPRESSIONS, hex, parse_date};
use crate::compression::{Compression, open};
use crate::debian::Paragraph;

/// A repository as it was found.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// Every file below `dists/`, by its path below the repository's directory.
    pub indexes: BTreeMap<String, Vec<u8>>,
    /// Every file below `pool/`, by its path below the repository's directory.
    pub pool: BTreeMap<String, Stored>,
}

/// A package in the pool.
#[derive(Debug, Clone)]
pub struct Stored {
    /// In bytes.
    pub size: u64,
    /// Of the file.
    pub sha256: [u8; 32],
    /// The package's own control file.
    pub control: Paragraph,
}

/// Something that is wrong with a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// The file, below the repository's directory.
    pub file: String,
    /// What was found and what was expected: a sentence without a full stop.
    pub message: String,
}

/// An index that is larger than this is not read: that of Debian itself has a fifth of it.
const LARGEST: u64 = 256 << 20;

/// Everything that is wrong, sorted. Signatures are looked for but not checked, except that the text of `InRelease` must be that of `Release`.
pub fn check(present: &Present) -> Vec<Flaw> {
    let mut check = Check { present, flaws: BTreeSet::new(), offered: BTreeSet::new() };
    let suites: BTreeSet<&str> = present
        .indexes
        .keys()
        .filter_map(|path| path.strip_prefix("dists/")?.split_once('/'))
        .map(|(suite, _)| suite)
        .collect();
    if suites.is_empty() {
        check.flaw("dists", "the repository has no suite");
    }
    for path in present.indexes.keys().filter(|path| !path.starts_with("dists/")) {
        check.flaw(path, "the file belongs to nothing");
    }
    for suite in suites {
        check.suite(suite);
    }
    for path in present.pool.keys() {
        if !check.offered.contains(path) {
            check.flaw(path, "no index lists the package");
        }
    }
    check.flaws.into_iter().collect()
}

struct Check<'a> {
    present: &'a Present,
    flaws: BTreeSet<Flaw>,
    /// Paths of packages that some index lists.
    offered: BTreeSet<String>,
}

impl Check<'_> {
    fn flaw(&mut self, file: &str, message: impl Into<String>) {
        self.flaws.insert(Flaw { file: file.to_owned(), message: message.into() });
    }

    fn suite(&mut self, suite: &str) {
        let present = self.present;
        let root = format!("dists/{suite}/");
        let name = format!("{root}Release");
        let Some(bytes) = present.indexes.get(&name) else {
            return self.flaw(&name, "the file is missing");
        };
        let Ok(text) = str::from_utf8(bytes) else {
            return self.flaw(&name, "the file is not text");
        };
        let release = match Paragraph::read(text) {
            Ok(release) => release,
            Err(error) => return self.flaw(&name, format!("the file cannot be read: {error}")),
        };
        self.signed_text(&root, text);
        let field = |field: &str| release.get(field).unwrap_or_default();
        if field("Suite") != suite && field("Codename") != suite {
            let message = format!("it lies in the directory of `{suite}` and is for `{}`", field("Suite"));
            self.flaw(&name, message);
        }
        if parse_date(field("Date")).is_none() {
            self.flaw(&name, format!("`{}` is not a date", field("Date")));
        }
        if release.get("Valid-Until").is_some_and(|date| parse_date(date) <= parse_date(field("Date"))) {
            self.flaw(&name, "`Valid-Until` is not a date behind `Date`");
        }

        let listed = self.listed(&name, field("SHA256"));
        let by_hash = field("Acquire-By-Hash") == "yes";
        let mut expected: BTreeSet<String> =
            ["Release", "InRelease", "Release.gpg"].map(|file| format!("{root}{file}")).into();
        for (file, (size, digest)) in &listed {
            let path = format!("{root}{file}");
            let directory = path.rsplit_once('/').map_or("", |(directory, _)| directory);
            let mut copies = vec![path.clone()];
            if by_hash {
                copies.push(format!("{directory}/by-hash/SHA256/{digest}"));
            }
            for copy in copies {
                match present.indexes.get(&copy) {
                    None => self.flaw(&copy, format!("`{name}` lists the file, and it is missing")),
                    Some(bytes) if bytes.len() as u64 != *size || hex(&Sha256::digest(bytes)) != *digest => {
                        let message = format!("its size or digest is not the one that `{name}` lists");
                        self.flaw(&copy, message);
                    }
                    Some(_) => {}
                }
                expected.insert(copy);
            }
        }
        for path in present.indexes.keys().filter(|path| path.starts_with(&root)) {
            if !expected.contains(path) {
                self.flaw(path, format!("`{name}` does not list the file"));
            }
        }

        let architectures: BTreeSet<&str> = field("Architectures").split_whitespace().collect();
        let components: BTreeSet<&str> = field("Components").split_whitespace().collect();
        for component in &components {
            for architecture in &architectures {
                let directory = format!("{component}/binary-{architecture}/");
                let names: Vec<String> =
                    COMPRESSIONS.iter().map(|kind| format!("{directory}Packages{}", kind.suffix())).collect();
                if !names.iter().any(|file| listed.contains_key(file)) {
                    let message = format!("it lists no `Packages` for {architecture} in {component}");
                    self.flaw(&name, message);
                }
            }
        }
        for file in listed.keys() {
            let place = file.split_once("/binary-").and_then(|(component, rest)| {
                let (architecture, file) = rest.split_once('/')?;
                Some((component, architecture, file.starts_with("Packages")))
            });
            match place {
                Some((component, architecture, packages))
                    if components.contains(component) && architectures.contains(architecture) =>
                {
                    if packages {
                        self.packages(&format!("{root}{file}"), component, architecture);
                    }
                }
                _ => self.flaw(
                    &format!("{root}{file}"),
                    "it belongs to no component and architecture of the suite",
                ),
            }
        }
    }

    /// The files that `Release` lists, with size and digest.
    fn listed(&mut self, name: &str, sums: &str) -> BTreeMap<String, (u64, String)> {
        let mut listed = BTreeMap::new();
        for line in sums.lines().filter(|line| !line.is_empty()) {
            let words: Vec<&str> = line.split_whitespace().collect();
            let entry = match words[..] {
                [digest, size, file] if digest.len() == 64 => {
                    size.parse().ok().map(|size| (file.to_owned(), (size, digest.to_owned())))
                }
                _ => None,
            };
            match entry {
                Some((file, entry)) => {
                    if listed.insert(file.clone(), entry).is_some() {
                        self.flaw(name, format!("it lists `{file}` twice"));
                    }
                }
                None => self.flaw(name, format!("`{}` is not a digest, a size and a file", line.trim())),
            }
        }
        if listed.is_empty() {
            self.flaw(name, "it lists no files with SHA-256 digests");
        }
        listed
    }

    /// The signed text is the unsigned one.
    fn signed_text(&mut self, root: &str, release: &str) {
        let name = format!("{root}InRelease");
        let Some(bytes) = self.present.indexes.get(&name) else { return };
        let text = str::from_utf8(bytes).ok().and_then(cleartext);
        // The line break at the end does not count as part of a signed text (RFC 9580, 7.2).
        if text.as_deref().map(str::trim_end) != Some(release.trim_end()) {
            self.flaw(&name, "what it signs is not the text of `Release`");
        }
    }

    fn packages(&mut self, name: &str, component: &str, architecture: &str) {
        let Some(bytes) = self.present.indexes.get(name) else { return };
        let text = match plain(bytes) {
            Ok(text) => text,
            Err(problem) => return self.flaw(name, problem),
        };
        let stanzas = match Paragraph::read_all(&text) {
            Ok(stanzas) => stanzas,
            Err(error) => return self.flaw(name, format!("the file cannot be read: {error}")),
        };
        let mut listed = BTreeSet::new();
        for stanza in &stanzas {
            let Some(place) = stanza.get("Filename") else {
                self.flaw(name, "a package has no `Filename`");
                continue;
            };
            if !listed.insert(place.to_owned()) {
                self.flaw(name, format!("it lists `{place}` twice"));
            }
            match self.present.pool.get(place) {
                None => self.flaw(name, format!("it lists `{place}`, which is missing")),
                Some(stored) => {
                    for difference in differences(stanza, stored) {
                        self.flaw(name, format!("`{place}`: {difference}"));
                    }
                    let own = stored.control.get("Architecture").unwrap_or_default();
                    if own != architecture && own != "all" {
                        self.flaw(name, format!("it lists `{place}`, which is for {own}"));
                    }
                }
            }
        }
        let prefix = format!("pool/{component}/");
        for (place, stored) in &self.present.pool {
            let own = stored.control.get("Architecture").unwrap_or_default();
            let belongs = place.starts_with(&prefix) && (own == architecture || own == "all");
            if belongs && !listed.contains(place) {
                self.flaw(name, format!("it does not list `{place}`"));
            }
        }
        self.offered.extend(listed);
    }
}

/// How a paragraph of an index differs from the package itself.
fn differences(stanza: &Paragraph, stored: &Stored) -> Vec<String> {
    let mut differences = Vec::new();
    let size = stored.size.to_string();
    let digest = hex(&stored.sha256);
    for (field, value) in [("Size", size.as_str()), ("SHA256", digest.as_str())] {
        let found = stanza.get(field).unwrap_or("nothing");
        if found != value {
            differences.push(format!("`{field}` is {found} and should be {value}"));
        }
    }
    let added = |field: &str| ADDED.iter().any(|name| name.eq_ignore_ascii_case(field));
    for (field, value) in stored.control.iter() {
        match stanza.get(field) {
            None => differences.push(format!("`{field}` of the package is not there")),
            Some(found) if found != value => {
                differences.push(format!("`{field}` is not that of the package"))
            }
            Some(_) => {}
        }
    }
    for (field, _) in stanza.iter() {
        if !added(field) && stored.control.get(field).is_none() {
            differences.push(format!("the package has no `{field}`"));
        }
    }
    differences
}

fn plain(bytes: &[u8]) -> Result<String, String> {
    let mut text = String::new();
    let wrong = |error: std::io::Error| format!("the file cannot be read: {error}");
    let reader = open(Compression::of(bytes), bytes).map_err(wrong)?;
    reader.take(LARGEST + 1).read_to_string(&mut text).map_err(wrong)?;
    if text.len() as u64 > LARGEST {
        Err(format!("the file holds more than {LARGEST} bytes"))
    } else {
        Ok(text)
    }
}

/// What a text signed in OpenPGP's cleartext framework says (RFC 9580, 7). The signature is not looked at.
fn cleartext(signed: &str) -> Option<String> {
    let body = signed.split_once("-----BEGIN PGP SIGNED MESSAGE-----")?.1;
    let body = body.trim_start_matches(['\r', '\n']);
    // Headers up to an empty line, then the text.
    let mut lines = body.lines().skip_while(|line| !line.trim().is_empty()).skip(1);
    let mut text = String::new();
    loop {
        let line = lines.next()?;
        if line == "-----BEGIN PGP SIGNATURE-----" {
            return Some(text);
        }
        text.push_str(line.strip_prefix("- ").unwrap_or(line));
        text.push('\n');
    }
}
