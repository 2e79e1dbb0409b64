//! The files of an installer, their components and their cabinets.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use md5::{Digest as _, Md5};

use crate::msi::directory::parent;
use crate::msi::draft::{ComponentParts, Draft, KeyPath, MAIN, Placed};
use crate::msi::file_name::{self, ShortNames, identifier};
use crate::msi::installer::{InstallerProblem, PayloadFile, Scope};
use crate::msi::{Cabinet, CabinetFile, LARGEST_FOLDER, Value, spread};

/// The installation fails if it cannot be installed.
const VITAL: i32 = 512;
/// When a next cabinet begins. Half of what one can hold, so that its own size, too, stays below what tools take.
const FULL: u64 = 1 << 30;
/// What a program that is not aware of longer ones can open, with the zero at the end.
const LONGEST: usize = 260;

/// Rows of File, MsiFileHash, Component and Media; the cabinets, and the places of the files by their keys.
pub(super) fn rows(draft: &mut Draft<'_>) -> (Vec<Cabinet>, BTreeMap<String, usize>) {
    let installer = draft.installer;
    if installer.files.is_empty() {
        draft.problems.push(InstallerProblem::NoFiles);
    }
    let mut order: Vec<usize> = (0..installer.files.len()).collect();
    order.sort_by_cached_key(|index| installer.files.get(*index).map(|file| file.path.to_lowercase()));
    let mut names: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for file in &installer.files {
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        names.entry(parent(&file.path).to_lowercase()).or_default().push(name);
    }
    let mut short: BTreeMap<String, ShortNames> =
        names.into_iter().map(|(directory, names)| (directory, ShortNames::of(names))).collect();
    let mut packed = Vec::new();
    let mut places = BTreeMap::new();
    let mut before: Option<&PayloadFile> = None;
    for (sequence, index) in (1_i32..).zip(order) {
        let Some(file) = installer.files.get(index) else { continue };
        check(draft, file);
        if let Some(before) = before.filter(|before| before.path.to_lowercase() == file.path.to_lowercase()) {
            draft.problems.push(same(before, file));
            continue;
        }
        before = Some(file);
        let lower = file.path.to_lowercase();
        let key = identifier("f", &lower);
        let name = file.path.rsplit('/').next().unwrap_or(&file.path);
        let name = short.entry(parent(&lower).to_owned()).or_default().pair(name);
        let component = component(draft, file, &key);
        let (version, language) = match file.version {
            Some(version) => {
                let numbers = version.numbers.map(|number| number.to_string()).join(".");
                (Value::from(numbers), (version.language != 0).then(|| version.language.to_string()).into())
            }
            None => (Value::Null, Value::Null),
        };
        let row_size = i32::try_from(file.size).unwrap_or(i32::MAX);
        draft.row(
            "File",
            [
                key.as_str().into(),
                component.into(),
                name.into(),
                row_size.into(),
                version,
                language,
                VITAL.into(),
                sequence.into(),
            ],
        );
        if file.version.is_none() {
            hash(draft, &key, file);
        }
        places.insert(key.clone(), index);
        packed.push(CabinetFile { key, size: file.size });
    }
    let cabinets = spread(packed, FULL, &|number| format!("files{number}.cab"));
    let mut last = 0;
    for (disk, cabinet) in (1_i32..).zip(&cabinets) {
        last += i32::try_from(cabinet.files.len()).unwrap_or(i32::MAX);
        let stream = format!("#{}", cabinet.name);
        draft.row("Media", [disk.into(), last.into(), Value::Null, stream.into()]);
    }
    (cabinets, places)
}

fn same(first: &PayloadFile, second: &PayloadFile) -> InstallerProblem {
    let owner = |file: &PayloadFile| file.feature.clone().unwrap_or_else(|| MAIN.to_owned());
    if first.path == second.path && first.feature != second.feature {
        let (path, first, second) = (first.path.clone(), owner(first), owner(second));
        return InstallerProblem::TwoOwners { path, first, second };
    }
    InstallerProblem::SameFile { first: first.path.clone(), second: second.path.clone() }
}

/// What stands in the way of a file.
fn check(draft: &mut Draft<'_>, file: &PayloadFile) {
    let path = || file.path.clone();
    let mut told = BTreeSet::new();
    for name in file.path.split('/') {
        if let Some(problem) = file_name::problem(name)
            && told.insert(name)
        {
            draft.problems.push(InstallerProblem::Name { path: path(), name: name.to_owned(), problem });
        }
    }
    if file.size > LARGEST_FOLDER {
        draft.problems.push(InstallerProblem::LargeFile { path: path(), size: file.size });
    }
    let installer = draft.installer;
    let place = match installer.scope {
        Scope::Machine => "C:\\Program Files",
        // A name of twenty characters is the longest that Windows gives a local user.
        Scope::User | Scope::Choose => "C:\\Users\\ABCDEFGHIJKLMNOPQRST\\AppData\\Local\\Programs",
    };
    let place = format!("{place}\\{}", installer.directory.join("\\"));
    let length = place.encode_utf16().count() + 1 + file.path.encode_utf16().count();
    if !installer.long_paths && length >= LONGEST {
        draft.problems.push(InstallerProblem::LongPath { path: path(), place, length });
    }
    if let Some(feature) = &file.feature
        && !installer.features.iter().any(|known| known.id == *feature)
    {
        draft.problems.push(InstallerProblem::UnknownFeature { path: path(), feature: feature.clone() });
    }
}

/// The component of a file: itself its key path, but in the profile of a user, where it is a value of the user's registry.
fn component(draft: &mut Draft<'_>, file: &PayloadFile, key: &str) -> String {
    let lower = file.path.to_lowercase();
    let directory = draft.directory_of(&file.path);
    let feature = file.feature.clone().unwrap_or_else(|| MAIN.to_owned());
    let value = draft.in_profile().then(|| identifier("r", &format!("file/{lower}")));
    let component = draft.component(&ComponentParts {
        identity: &format!("file/{lower}"),
        directory: &directory,
        feature: &feature,
        condition: None,
        key: value.as_deref().map_or(KeyPath::File(key), KeyPath::Registry),
    });
    if let Some(value) = value {
        draft.mark(&value, key, "#1", &component);
    }
    draft.files.insert(lower, Placed { key: key.to_owned(), component: component.clone(), feature });
    component
}

/// By what Windows sees that a file without a version is another.
fn hash(draft: &mut Draft<'_>, key: &str, file: &PayloadFile) {
    let mut parts = [0_i32; 4];
    for (part, bytes) in parts.iter_mut().zip(file.md5.chunks_exact(4)) {
        *part = bytes.try_into().map(i32::from_le_bytes).unwrap_or_default();
    }
    // The least number is how a database says null; one file in a thousand million goes without.
    if !parts.contains(&i32::MIN) {
        let [a, b, c, d] = parts.map(Value::from);
        draft.row("MsiFileHash", [key.into(), 0.into(), a, b, c, d]);
    }
}

/// The MD5 of a file's content, by which Windows sees whether a file without a version has been changed (table `MsiFileHash` of the
/// SDK).
///
/// # Errors
/// If it cannot be read.
pub fn content_hash(mut content: impl Read) -> io::Result<[u8; 16]> {
    let mut hasher = Md5::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        match content.read(&mut buffer)? {
            0 => return Ok(hasher.finalize().into()),
            length => hasher.update(&buffer[..length]),
        }
    }
}
