//! What is true of the source as a whole: layers, files, names, codes.

use crate::support::project::repository;
use deploy_plan::manifest::{self, unchecked_keywords};
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// The layers of the program, top first. A module may import those below its own; what it may import of its own
/// layer is said in [`SIDEWAYS`].
const LAYERS: &[&[&str]] = &[
    &["main", "cli"],
    &["engine"],
    &["release"],
    &["package", "sign", "repository", "publish", "toolchain", "asset", "catalog"],
    &["keystore"],
    &["layout", "cloud"],
    &["probe"],
    &["bench"],
    &["plugin", "key", "cause", "embedded"],
];

/// Imports within a layer, each with its reason.
const SIDEWAYS: &[(&str, &str, &str)] = &[
    ("catalog", "package", "gathers the lists of plug-ins"),
    ("catalog", "sign", "gathers the lists of plug-ins"),
    ("catalog", "repository", "gathers the lists of plug-ins"),
    ("catalog", "publish", "gathers the lists of plug-ins"),
    ("catalog", "toolchain", "gathers the lists of plug-ins"),
];

/// Imports upwards, each with its reason.
const UPWARDS: &[(&str, &str, &str)] =
    &[("probe", "toolchain", "the facts say of every toolchain of the list whether it can be used")];

/// Every Rust file below a directory of the repository, with its text.
fn sources(directory: &str) -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    collect(&repository().join(directory), &mut found);
    found.sort();
    assert!(!found.is_empty(), "{directory} has no sources");
    found
}

fn collect(directory: &Path, found: &mut Vec<(PathBuf, String)>) {
    for entry in std::fs::read_dir(directory).expect("list") {
        let path = entry.expect("list").path();
        if path.is_dir() {
            collect(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).expect("read");
            found.push((path.strip_prefix(repository()).expect("below").to_owned(), text));
        }
    }
}

/// Whether a file is compiled for tests only, or is an example: it lies in such a directory, or the module above it
/// says so.
fn is_for_tests(path: &Path) -> bool {
    let in_directory =
        path.components().any(|part| part.as_os_str() == "tests" || part.as_os_str() == "examples");
    let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
    let declaration = format!("#[cfg(test)]\nmod {name};");
    let Some(directory) = path.parent() else { return in_directory };
    let above = [directory.join("mod.rs"), directory.join("lib.rs"), directory.with_extension("rs")];
    let declared = above
        .iter()
        .filter_map(|above| std::fs::read_to_string(repository().join(above)).ok())
        .any(|text| text.contains(&declaration));
    in_directory || declared
}

/// The source of a file without its tests and comments.
fn code(text: &str) -> String {
    let text = match text.split_once("#[cfg(test)]\nmod tests {") {
        Some((before, _)) => before,
        None => text,
    };
    text.lines().filter(|line| !line.trim_start().starts_with("//")).map(|line| format!("{line}\n")).collect()
}

/// The top-level modules that a text names after `crate::`, also within braces.
fn imports(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let word = |text: &str| {
        text.chars().take_while(|letter| letter.is_alphanumeric() || *letter == '_').collect::<String>()
    };
    for (at, _) in text.match_indices("crate::") {
        let rest = &text[at + "crate::".len()..];
        if let Some(list) = rest.strip_prefix('{') {
            let mut depth = 0;
            let mut begin = true;
            for (position, letter) in list.char_indices() {
                match letter {
                    '{' => depth += 1,
                    '}' if depth == 0 => break,
                    '}' => depth -= 1,
                    ',' if depth == 0 => begin = true,
                    letter if begin && letter.is_alphabetic() => {
                        found.insert(word(&list[position..]));
                        begin = false;
                    }
                    _ => {}
                }
            }
        } else {
            found.insert(word(rest));
        }
    }
    found
}

fn layer(module: &str) -> Option<usize> {
    LAYERS.iter().position(|layer| layer.contains(&module))
}

#[test]
fn imports_point_down() {
    let mut wrong = Vec::new();
    for (path, text) in sources("cargo-deploy/src") {
        let below = path.strip_prefix("cargo-deploy/src").expect("below");
        let first = below.components().next().expect("a name").as_os_str().to_str().expect("UTF-8");
        let module = first.trim_end_matches(".rs");
        if module == "lib" {
            continue;
        }
        let own = layer(module).unwrap_or_else(|| panic!("the module {module} is in no layer: give it one"));
        for import in imports(&code(&text)) {
            let Some(other) = layer(&import) else { continue };
            let allowed = |list: &[(&str, &str, &str)]| {
                list.iter().any(|(from, to, _)| *from == module && *to == import)
            };
            let good =
                import == module || other > own || (other == own && allowed(SIDEWAYS)) || allowed(UPWARDS);
            if !good {
                wrong.push(format!("{}: {module} must not import {import}", path.display()));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn the_exceptions_of_the_layers_are_in_use() {
    let mut used = BTreeSet::new();
    for (path, text) in sources("cargo-deploy/src") {
        let below = path.strip_prefix("cargo-deploy/src").expect("below");
        let first = below.components().next().expect("a name").as_os_str().to_str().expect("UTF-8");
        for import in imports(&code(&text)) {
            used.insert((first.trim_end_matches(".rs").to_owned(), import));
        }
    }
    for (from, to, _) in SIDEWAYS.iter().chain(UPWARDS) {
        assert!(used.contains(&((*from).to_owned(), (*to).to_owned())), "{from} no longer imports {to}");
    }
}

#[test]
fn the_scan_of_imports_sees_them() {
    let text = "use crate::{embedded, package::{self, archive}, sign};\nuse crate::cli::args;\nlet a = crate::cause::chain(x);";
    let expected = ["cause", "cli", "embedded", "package", "sign"].map(str::to_owned);
    assert_eq!(imports(text), BTreeSet::from(expected));
}

#[test]
fn the_crates_below_know_nothing_of_those_above() {
    let forbidden = [
        (
            "cargo-deploy/model",
            &["deploy_plan", "deploy_formats", "cargo_deploy", "std::fs", "std::process"][..],
        ),
        (
            "cargo-deploy/plan/src",
            &["deploy_formats", "cargo_deploy::", "std::fs", "std::process", "std::env::"],
        ),
        (
            "cargo-deploy/crypto/src",
            &[
                "deploy_plan",
                "cargo_deploy::",
                "std::fs",
                "std::process",
                "std::env::",
                "SystemTime::now",
                "Timestamp::now",
                "thread_rng",
                "OsRng",
            ],
        ),
        ("cargo-deploy/formats/src", &["deploy_plan", "cargo_deploy::", "std::process", "std::env::"]),
    ];
    for (directory, names) in forbidden {
        for (path, text) in sources(directory) {
            if is_for_tests(&path) {
                continue;
            }
            let code = code(&text);
            for name in names {
                assert!(!code.contains(name), "{} names {name}", path.display());
            }
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for directory in ["cargo-deploy", "tests"] {
        for (path, text) in sources(directory) {
            assert!(text.starts_with("//! "), "{} does not begin with a sentence", path.display());
        }
    }
}

#[test]
fn nothing_is_left_undone_or_waved_through() {
    for (path, text) in sources("cargo-deploy") {
        if is_for_tests(&path) {
            continue;
        }
        let code = code(&text);
        for word in [".unwrap()", "todo!", "unimplemented!", "#[allow", "#![allow", "dbg!"] {
            assert!(!code.contains(word), "{} has {word}", path.display());
        }
        // The program at the front of a setup.exe calls Windows itself, in this one module.
        let calls_windows = path.to_string_lossy().contains("setup-stub/src/platform/");
        assert!(calls_windows || !code.contains("unsafe {"), "{} has unsafe code", path.display());
        for word in ["TODO", "FIXME", "XXX"] {
            assert!(!text.contains(word), "{} has {word}", path.display());
        }
    }
}

#[test]
fn files_are_named_after_nouns() {
    let empty = ["utils", "util", "helpers", "helper", "common", "manager", "misc", "types", "errors"];
    for directory in ["cargo-deploy", "tests"] {
        for (path, _) in sources(directory) {
            for part in path.components() {
                let name = part.as_os_str().to_str().expect("UTF-8").trim_end_matches(".rs");
                assert!(!empty.contains(&name), "{} has a name that says nothing", path.display());
            }
        }
    }
}

/// The names of the files of a folder of plug-ins, and the text of its `mod.rs`.
fn folder(name: &str) -> (BTreeSet<String>, String) {
    let directory = repository().join("cargo-deploy/src").join(name);
    let text = std::fs::read_to_string(directory.join("mod.rs")).expect("read");
    let names = std::fs::read_dir(&directory)
        .expect("list")
        .map(|entry| entry.expect("list").file_name().into_string().expect("UTF-8"))
        .filter(|name| name != "mod.rs" && name != "tests.rs")
        .map(|name| name.trim_end_matches(".rs").to_owned())
        .collect();
    (names, text)
}

#[test]
fn every_packager_and_publisher_file_is_in_its_list() {
    for family in ["package", "publish", "repository"] {
        let (names, text) = folder(family);
        let list =
            text.split("pub const ALL").nth(1).and_then(|rest| rest.split(';').next()).expect("a list");
        for name in names {
            assert!(list.contains(&format!("{name}::")), "nothing of {family}/{name}.rs is in {family}::ALL");
        }
    }
}

#[test]
fn every_keystore_is_told_by_a_key_of_its_name_that_no_other_has() {
    use cargo_deploy::keystore::ALL;
    for one in ALL {
        let id = one.info().id;
        let knowing: Vec<&str> = ALL
            .iter()
            .filter(|other| other.keys().iter().any(|key| key == id))
            .map(|other| other.info().id)
            .collect();
        assert_eq!(knowing, [id]);
    }
}

#[test]
fn plug_ins_have_distinct_names() {
    let families: [(&str, Vec<&str>); 6] = [
        ("package", cargo_deploy::package::ALL.iter().map(|one| one.info().id).collect()),
        ("toolchain", cargo_deploy::toolchain::ALL.iter().map(|one| one.info().id).collect()),
        ("sign", cargo_deploy::sign::ALL.iter().map(|one| one.info().id).collect()),
        ("publish", cargo_deploy::publish::ALL.iter().map(|one| one.info().id).collect()),
        ("repository", cargo_deploy::repository::ALL.iter().map(|one| one.info().id).collect()),
        ("keystore", cargo_deploy::keystore::ALL.iter().map(|one| one.info().id).collect()),
    ];
    for (family, ids) in families {
        let distinct: BTreeSet<&str> = ids.iter().copied().collect();
        assert_eq!(distinct.len(), ids.len(), "two plug-ins of {family} have one name");
    }
}

#[test]
fn the_settings_of_every_plug_in_are_checked_in_full() {
    let catalog = cargo_deploy::catalog::catalog().expect("a catalog");
    let packagers = catalog.packagers.iter().map(|(id, one)| (id.to_string(), &one.plugin.settings));
    let toolchains = catalog.toolchains.iter().map(|(id, one)| (id.clone(), &one.settings));
    let publishers = catalog.publishers.iter().map(|(id, one)| (id.clone(), &one.settings));
    let signers = catalog.signers.iter().map(|(id, one)| (id.clone(), &one.settings));
    let repositories = catalog.repositories.iter().map(|(id, one)| (id.clone(), &one.plugin.settings));
    for (id, settings) in packagers.chain(toolchains).chain(publishers).chain(signers).chain(repositories) {
        assert_eq!(unchecked_keywords(settings), Vec::<String>::new(), "{id}");
    }
    let keystores = schemars::schema_for!(cargo_deploy::keystore::KeySettings).to_value();
    assert_eq!(unchecked_keywords(&keystores), Vec::<String>::new());
}

#[test]
fn every_toolchain_of_the_table_of_targets_exists() {
    let catalog = cargo_deploy::catalog::catalog().expect("a catalog");
    for row in &catalog.targets.target {
        for toolchain in &row.toolchains {
            assert!(catalog.toolchains.contains_key(toolchain), "{} names {toolchain}", row.name);
        }
        assert!(catalog.packagers.contains_key(&row.archive), "{} names {}", row.name, row.archive);
        for part in &row.parts {
            assert!(catalog.targets.find(part.as_str()).is_some(), "{} names {part}", row.name);
        }
    }
}

#[test]
fn every_code_of_a_problem_is_listed_once_and_used() {
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for (code, meaning) in manifest::CODES.iter().chain(deploy_plan::finding::CODES) {
        assert!(listed.insert(code, meaning).is_none(), "{code} is listed twice");
        assert!(meaning.ends_with('.'), "{code}: {meaning:?} is no sentence");
    }
    let mut used = BTreeSet::new();
    // What a plug-in finds wrong has codes of the plug-in's own.
    let all = sources("cargo-deploy/plan/src").into_iter().chain(sources("cargo-deploy/src"));
    for (path, text) in all {
        if path.components().any(|part| part.as_os_str() == "tests") {
            continue;
        }
        let lists = path.ends_with("finding.rs") || path.ends_with("manifest/problem.rs");
        let code = code(&text);
        let without_list = match code.split_once("pub const CODES") {
            Some((before, after)) if lists => {
                format!("{before}{}", after.split_once("];").expect("an end").1)
            }
            _ => code,
        };
        let families: BTreeSet<&str> =
            listed.keys().filter_map(|code| code.split_once("::")).map(|(family, _)| family).collect();
        for prefix in families.iter().map(|family| format!("\"{family}::")) {
            for (at, _) in without_list.match_indices(&prefix) {
                let literal = without_list[at + 1..].split('"').next().expect("an end");
                assert!(listed.contains_key(literal), "{}: {literal} is in no list", path.display());
                used.insert(literal.to_owned());
            }
        }
    }
    for code in listed.keys() {
        assert!(used.contains(*code), "{code} is listed and never used");
    }
}

#[test]
fn every_code_of_a_finding_about_keys_is_listed_once_and_used() {
    let families = [("sign", cargo_deploy::sign::CODES), ("keystore", cargo_deploy::keystore::CODES)];
    for (family, codes) in families {
        let listed: BTreeSet<&str> = codes.iter().map(|(code, _)| *code).collect();
        assert_eq!(listed.len(), codes.len(), "a code of {family} is listed twice");
        let mut used = BTreeSet::new();
        for (_, text) in sources(&format!("cargo-deploy/src/{family}")) {
            let code = code(&text);
            let without_list = match code.split_once("pub const CODES") {
                Some((before, after)) => format!("{before}{}", after.split_once("];").expect("an end").1),
                None => code,
            };
            for (at, _) in without_list.match_indices(&format!("\"{family}::")) {
                used.insert(without_list[at + 1..].split('"').next().expect("an end").to_owned());
            }
        }
        assert_eq!(used.iter().map(String::as_str).collect::<BTreeSet<_>>(), listed);
    }
}
