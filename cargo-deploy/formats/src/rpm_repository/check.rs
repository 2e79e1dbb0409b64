//! Reads repodata back, as strictly as no client does: everything that is listed must be there, everything that is there must be listed, and
//! of each package everything must be said that its header says.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Read;

use sha2::{Digest, Sha256};

use super::xml::{self, Element};
use super::{KEY_FILE, Package, filelists, hex, other, primary};
use crate::compression::{Compression, open};

/// A repository as it was found.
#[derive(Debug, Clone, Default)]
pub struct Present {
    /// Every file below `repodata/`, by its path below the repository's directory.
    pub indexes: BTreeMap<String, Vec<u8>>,
    /// Every package, by its path below the repository's directory.
    pub packages: BTreeMap<String, Package>,
}

/// Something that is wrong with a repository.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Flaw {
    /// The file, below the repository's directory.
    pub file: String,
    /// What was found and what was expected: a sentence without a full stop.
    pub message: String,
}

/// An index that is larger than this is not read: that of Fedora itself has half of it.
const LARGEST: u64 = 256 << 20;

const LIST: &str = "repodata/repomd.xml";

/// Everything that is wrong, sorted. The signature of `repomd.xml` is not looked at.
pub fn check(present: &Present) -> Vec<Flaw> {
    let mut check = Check { present, flaws: BTreeSet::new() };
    check.all();
    check.flaws.into_iter().collect()
}

/// The revision that a `repomd.xml` says it is of; `None` where it says none, or is no such file.
pub fn revision(list: &[u8]) -> Option<u64> {
    let list = xml::read(str::from_utf8(list).ok()?).ok()?;
    list.child("revision")?.text.parse().ok()
}

struct Check<'a> {
    present: &'a Present,
    flaws: BTreeSet<Flaw>,
}

impl Check<'_> {
    fn flaw(&mut self, file: &str, message: impl Into<String>) {
        self.flaws.insert(Flaw { file: file.to_owned(), message: message.into() });
    }

    fn all(&mut self) {
        let present = self.present;
        let Some(bytes) = present.indexes.get(LIST) else { return self.flaw(LIST, "the file is missing") };
        let list = match str::from_utf8(bytes).map_err(|error| error.to_string()).and_then(xml::read) {
            Ok(list) => list,
            Err(problem) => return self.flaw(LIST, format!("the file cannot be read: {problem}")),
        };
        if revision(bytes).is_none() {
            self.flaw(LIST, "its revision is not a number");
        }
        let mut expected: BTreeSet<String> =
            [LIST, "repodata/repomd.xml.asc", KEY_FILE].map(str::to_owned).into();
        let mut kinds = BTreeSet::new();
        for data in list.children.iter().filter(|child| child.name == "data") {
            let kind = data.attribute("type").unwrap_or_default();
            if !kinds.insert(kind.to_owned()) {
                self.flaw(LIST, format!("it lists `{kind}` twice"));
            }
            let Some(place) = data.child("location").and_then(|location| location.attribute("href")) else {
                self.flaw(LIST, format!("it does not say where `{kind}` is"));
                continue;
            };
            expected.insert(place.to_owned());
            self.index(kind, place, data);
        }
        for kind in ["primary", "filelists", "other"] {
            if !kinds.contains(kind) {
                self.flaw(LIST, format!("it does not list `{kind}`"));
            }
        }
        for path in present.indexes.keys() {
            if !expected.contains(path) {
                self.flaw(path, format!("`{LIST}` does not list the file"));
            }
        }
    }

    /// One of the three files, and all it says.
    fn index(&mut self, kind: &str, place: &str, data: &Element) {
        let present = self.present;
        let Some(bytes) = present.indexes.get(place) else {
            return self.flaw(place, format!("`{LIST}` lists the file, and it is missing"));
        };
        let text = match plain(bytes) {
            Ok(text) => text,
            Err(problem) => return self.flaw(place, problem),
        };
        for (name, found) in [
            ("checksum", hex(&Sha256::digest(bytes))),
            ("open-checksum", hex(&Sha256::digest(text.as_bytes()))),
            ("size", bytes.len().to_string()),
            ("open-size", text.len().to_string()),
        ] {
            let listed = data.child(name);
            let of_kind =
                |listed: &&Element| !name.ends_with("checksum") || listed.attribute("type") == Some("sha256");
            if listed.filter(of_kind).is_none_or(|listed| listed.text != found) {
                self.flaw(place, format!("its {name} is {found} and not the one that `{LIST}` lists"));
            }
        }
        let packages: Vec<&Package> = present.packages.values().collect();
        let expected = match kind {
            "primary" => primary(&packages),
            "filelists" => filelists(&packages),
            "other" => other(&packages),
            _ => return self.flaw(LIST, format!("it lists `{kind}`, which is unknown")),
        };
        match (xml::read(&text), xml::read(&expected)) {
            (Ok(found), Ok(expected)) => self.compare(place, &found, &expected),
            (Err(problem), _) | (_, Err(problem)) => {
                self.flaw(place, format!("the file cannot be read: {problem}"));
            }
        }
    }

    fn compare(&mut self, file: &str, found: &Element, expected: &Element) {
        if found.name != expected.name || found.attributes != expected.attributes {
            let count = |element: &Element| element.attribute("packages").unwrap_or("no").to_owned();
            let message = format!(
                "it starts as `{}` with {} packages and should as `{}` with {}",
                found.name,
                count(found),
                expected.name,
                count(expected)
            );
            self.flaw(file, message);
        }
        let by_digest = |list: &Element| -> BTreeMap<String, Vec<Element>> {
            let mut map: BTreeMap<String, Vec<Element>> = BTreeMap::new();
            for package in &list.children {
                let digest = package.attribute("pkgid").map(str::to_owned);
                let digest = digest.or_else(|| Some(package.child("checksum")?.text.clone()));
                map.entry(digest.unwrap_or_default()).or_default().push(package.clone());
            }
            map
        };
        let (found, expected) = (by_digest(found), by_digest(expected));
        let places: BTreeMap<String, &str> = self
            .present
            .packages
            .iter()
            .map(|(place, package)| (hex(&package.sha256), place.as_str()))
            .collect();
        for (digest, packages) in &found {
            match expected.get(digest) {
                None => self.flaw(file, format!("it lists a package {digest}, which is missing")),
                Some(expected) => {
                    let place = places.get(digest).copied().unwrap_or_default();
                    if packages.len() != expected.len() {
                        self.flaw(file, format!("it lists `{place}` more than once"));
                    }
                    for (found, expected) in packages.iter().zip(expected) {
                        if let Some(difference) = difference(found, expected) {
                            self.flaw(file, format!("`{place}`: {difference}"));
                        }
                    }
                }
            }
        }
        for digest in expected.keys().filter(|digest| !found.contains_key(*digest)) {
            let place = places.get(digest).copied().unwrap_or_default();
            self.flaw(file, format!("it does not list `{place}`"));
        }
    }
}

/// The first thing in which two elements differ.
fn difference(found: &Element, expected: &Element) -> Option<String> {
    let name = &expected.name;
    if found.name != *name {
        return Some(format!("`{}` stands where `{name}` should", found.name));
    }
    if found.attributes != expected.attributes {
        let text = |element: &Element| {
            let list: Vec<String> =
                element.attributes.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
            if list.is_empty() { "no attributes".to_owned() } else { list.join(" ") }
        };
        return Some(format!("`{name}` has {} and should have {}", text(found), text(expected)));
    }
    let text =
        |element: &Element| if element.children.is_empty() { element.text.clone() } else { String::new() };
    let (found_text, expected_text) = (text(found), text(expected));
    if found_text.trim() != expected_text.trim() {
        return Some(format!("`{name}` is {found_text:?} and should be {expected_text:?}"));
    }
    for (found, expected) in found.children.iter().zip(&expected.children) {
        if let Some(difference) = difference(found, expected) {
            return Some(difference);
        }
    }
    if found.children.len() == expected.children.len() {
        return None;
    }
    let more = found.children.get(expected.children.len()).map(|child| format!("`{}` too many", child.name));
    let less = || Some(format!("no further `{}`", expected.children.get(found.children.len())?.name));
    Some(format!("`{name}` has {}", more.or_else(less)?))
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
