//! Components, files, versions and sequences.

use std::collections::{BTreeMap, BTreeSet};

use crate::msi::check::{Checks, Row, Rule};
use crate::msi::file_name;
use crate::msi::{Guid, ProductVersion};

const REGISTRY_KEY_PATH: i32 = 4;
const BITS64: i32 = 256;
const CURRENT_USER: i32 = 1;

pub(super) fn check(checks: &mut Checks<'_>) {
    product(checks);
    components(checks);
    files(checks);
    profile(checks);
    shortcuts(checks);
    services(checks);
    media(checks);
    upgrade(checks);
    rights(checks);
    sequences(checks);
}

fn product(checks: &mut Checks<'_>) {
    let properties = checks.properties();
    let place = "Property";
    for name in ["ProductName", "Manufacturer", "ProductLanguage"] {
        if properties.get(name).is_none_or(|value| value.trim().is_empty()) {
            checks.tell(Rule::ProductProperties, place, format!("`{name}` is not there"));
        }
    }
    for name in ["ProductCode", "UpgradeCode"] {
        let value = properties.get(name).copied().unwrap_or_default();
        if !value.parse::<Guid>().is_ok_and(|guid| guid.to_string() == value) {
            let what = format!("`{name}` is `{value}`, which is not a GUID in braces and capitals");
            checks.tell(Rule::ProductProperties, place, what);
        }
    }
    let version = properties.get("ProductVersion").copied().unwrap_or_default();
    if let Err(error) = version.parse::<ProductVersion>() {
        checks.tell(Rule::ProductProperties, place, error.to_string());
    }
    let name = properties.get("ProductName").copied().unwrap_or_default();
    let length = name.chars().count();
    if length > 63 {
        let what = format!("`{name}` has {length} characters, and Windows shows at most 63");
        checks.tell(Rule::ProductNameLength, "Property ProductName", what);
    }
    let summary = &checks.database.summary;
    let user = !properties.contains_key("ALLUSERS");
    if user != (summary.source & 8 != 0) {
        let what = format!(
            "the word count is {}, which says otherwise than ALLUSERS whether rights are needed",
            summary.source
        );
        checks.tell(Rule::SummaryFits, "summary", what);
    }
    let [platform, languages] = match summary.template.split_once(';') {
        Some((platform, languages)) => [platform, languages],
        None => [summary.template.as_str(), ""],
    };
    if !matches!(platform, "Intel" | "x64" | "Arm64") || languages.parse::<u16>().is_err() {
        checks.tell(Rule::SummaryFits, "summary", format!("the template is `{}`", summary.template));
    }
    let bits64 = platform != "Intel";
    for row in checks.rows("Component") {
        if (row.number("Attributes").unwrap_or_default() & BITS64 != 0) != bits64 {
            checks.tell(Rule::Bits, row, format!("it does not fit a package for `{platform}`"));
        }
    }
}

fn components(checks: &mut Checks<'_>) {
    let mut codes: BTreeMap<&str, &str> = BTreeMap::new();
    let owned: BTreeSet<&str> = checks.rows("FeatureComponents").map(|row| row.text("Component_")).collect();
    let created: BTreeSet<&str> = checks.rows("CreateFolder").map(|row| row.text("Component_")).collect();
    let owner = |table: &str| -> BTreeMap<&str, &str> {
        checks.rows(table).map(|row| (row.key(), row.text("Component_"))).collect()
    };
    let (files, values) = (owner("File"), owner("Registry"));
    for row in checks.rows("Component") {
        let code = row.text("ComponentId");
        if let Some(other) = codes.insert(code, row.key()) {
            checks.tell(Rule::ComponentCodes, row, format!("it has the code of `{other}`"));
        }
        if !owned.contains(row.key()) {
            checks.tell(Rule::ComponentInFeature, row, "no feature has it");
        }
        let path = row.text("KeyPath");
        let registry = row.number("Attributes").unwrap_or_default() & REGISTRY_KEY_PATH != 0;
        if path.is_empty() {
            if !created.contains(row.key()) {
                checks.tell(
                    Rule::EmptyKeyPath,
                    row,
                    "its key path is its directory, which no row of CreateFolder creates",
                );
            }
        } else if (if registry { &values } else { &files }).get(path) != Some(&row.key()) {
            checks.tell(
                Rule::KeyPathOfItsComponent,
                row,
                format!("its key path `{path}` does not belong to it"),
            );
        }
    }
}

/// The long name of a directory or file; `.` for one that is not below its parent.
fn long(name: &str) -> &str {
    let target = name.split(':').next().unwrap_or(name);
    target.split_once('|').map_or(target, |(_, long)| long)
}

/// The path of each directory, from its topmost.
fn paths<'a>(checks: &Checks<'a>) -> BTreeMap<&'a str, String> {
    let rows: BTreeMap<&str, Row<'_>> = checks.rows("Directory").map(|row| (row.key(), row)).collect();
    let mut paths = BTreeMap::new();
    for key in rows.keys().copied() {
        let mut parts = Vec::new();
        let mut at = key;
        // No deeper than there are directories, so that a loop ends.
        for _ in 0..=rows.len() {
            let Some(row) = rows.get(at) else { break };
            let name = long(row.text("DefaultDir"));
            let parent = row.text("Directory_Parent");
            if parent.is_empty() || parent == at {
                break;
            }
            parts.push(if name == "." { at } else { name });
            at = parent;
        }
        parts.reverse();
        paths.insert(key, parts.join("\\"));
    }
    paths
}

fn files(checks: &mut Checks<'_>) {
    let paths = paths(checks);
    let directory: BTreeMap<&str, &str> =
        checks.rows("Component").map(|row| (row.key(), row.text("Directory_"))).collect();
    let mut installed: BTreeMap<String, &str> = BTreeMap::new();
    let mut short: BTreeSet<String> = BTreeSet::new();
    for row in checks.rows("File") {
        let place = directory.get(row.text("Component_")).and_then(|directory| paths.get(directory));
        let place = place.map(String::as_str).unwrap_or_default();
        let name = row.text("FileName");
        let path = format!("{place}\\{}", long(name));
        if let Some(other) = installed.insert(path.to_lowercase(), row.key()) {
            checks.tell(Rule::SameFile, row, format!("`{path}` is installed by `{other}`, too"));
        }
        names(checks, row, name);
        let first = name.split('|').next().unwrap_or(name).to_uppercase();
        if !short.insert(format!("{}\\{first}", place.to_lowercase())) {
            checks.tell(
                Rule::FileNames,
                row,
                format!("another file of the directory has the short name `{first}`"),
            );
        }
    }
    for row in checks.rows("Directory") {
        let name = row.text("DefaultDir");
        if !matches!(name, "." | "SourceDir") {
            names(checks, row, name);
        }
    }
    for row in checks.rows("Shortcut") {
        names(checks, row, row.text("Name"));
    }
}

fn names(checks: &mut Checks<'_>, row: Row<'_>, name: &str) {
    let (short, long) = name.split_once('|').unwrap_or((name, name));
    if !file_name::is_short(short) {
        checks.tell(Rule::FileNames, row, format!("`{short}` is no short name"));
    }
    if let Some(problem) = file_name::problem(long) {
        checks.tell(Rule::FileNames, row, format!("`{long}`: {problem}"));
    }
}

/// Directories in the profile of a user, and the components in them.
fn profile(checks: &mut Checks<'_>) {
    let always = ["LocalAppDataFolder", "AppDataFolder"];
    // For the user alone also those that are the machine's otherwise.
    let user = ["ProgramMenuFolder", "DesktopFolder", "StartupFolder"];
    let is_user = !checks.properties().contains_key("ALLUSERS");
    let paths = paths(checks);
    let inside = |directory: &str| {
        let path = paths.get(directory).map(String::as_str).unwrap_or_default();
        let top = path.split('\\').next().unwrap_or_default();
        always.contains(&top) || is_user && user.contains(&top)
    };
    let roots: BTreeMap<&str, i32> =
        checks.rows("Registry").map(|row| (row.key(), row.number("Root").unwrap_or_default())).collect();
    for row in checks.rows("Component").filter(|row| inside(row.text("Directory_"))) {
        let registry = row.number("Attributes").unwrap_or_default() & REGISTRY_KEY_PATH != 0;
        if !registry || roots.get(row.text("KeyPath")) != Some(&CURRENT_USER) {
            let what =
                "it is installed into the profile of a user, and its key path is not in HKEY_CURRENT_USER";
            checks.tell(Rule::ProfileKeyPath, row, what);
        }
    }
    let removed: BTreeSet<&str> = checks.rows("RemoveFile").map(|row| row.text("DirProperty")).collect();
    for row in checks.rows("Directory").filter(|row| row.text("DefaultDir") != "." && inside(row.key())) {
        if !removed.contains(row.key()) {
            checks.tell(Rule::ProfileDirectories, row, "no row of RemoveFile removes it");
        }
    }
}

fn shortcuts(checks: &mut Checks<'_>) {
    let registry: BTreeSet<&str> = checks
        .rows("Component")
        .filter(|row| row.number("Attributes").unwrap_or_default() & REGISTRY_KEY_PATH != 0)
        .map(Row::key)
        .collect();
    for row in checks.rows("Shortcut") {
        if !registry.contains(row.text("Component_")) {
            checks.tell(Rule::ShortcutKeyPath, row, "the key path of its component is not in the registry");
        }
        let icon = row.text("Icon_");
        if !icon.is_empty() && !icon.ends_with(".ico") && !icon.ends_with(".exe") {
            checks.tell(
                Rule::IconExtension,
                row,
                format!("its icon `{icon}` is not called `.ico` or `.exe`"),
            );
        }
    }
}

fn services(checks: &mut Checks<'_>) {
    let files = checks.keys("File");
    let paths: BTreeMap<&str, &str> =
        checks.rows("Component").map(|row| (row.key(), row.text("KeyPath"))).collect();
    for row in checks.rows("ServiceInstall") {
        let path = paths.get(row.text("Component_")).copied().unwrap_or_default();
        if !files.contains(path) {
            checks.tell(Rule::ServiceKeyPath, row, "the key path of its component is no file");
        }
    }
}

fn media(checks: &mut Checks<'_>) {
    let last = checks.rows("Media").filter_map(|row| row.number("LastSequence")).max().unwrap_or_default();
    let mut seen = BTreeSet::new();
    for row in checks.rows("File") {
        let number = row.number("Sequence").unwrap_or_default();
        if number > last {
            checks.tell(
                Rule::FileOnMedium,
                row,
                format!("its place is {number}, and the last medium ends at {last}"),
            );
        }
        if !seen.insert(number) {
            checks.tell(Rule::FileOnMedium, row, format!("another file has the place {number}"));
        }
    }
}

fn upgrade(checks: &mut Checks<'_>) {
    let properties = checks.properties();
    let code = properties.get("UpgradeCode").copied().unwrap_or_default();
    let version = properties.get("ProductVersion").copied().unwrap_or_default();
    let secure: BTreeSet<&str> =
        properties.get("SecureCustomProperties").copied().unwrap_or_default().split(';').collect();
    let (mut replaces, mut detects) = (false, false);
    for row in checks.rows("Upgrade") {
        let property = row.text("ActionProperty");
        if property.contains(|letter: char| letter.is_ascii_lowercase()) || !secure.contains(property) {
            let what = format!(
                "`{property}` is not among SecureCustomProperties, so that it is lost before it is used"
            );
            checks.tell(Rule::Upgrade, row, what);
        }
        if properties.contains_key(property) {
            checks.tell(Rule::Upgrade, row, format!("`{property}` has a value from the start"));
        }
        let only_detects = row.number("Attributes").unwrap_or_default() & 2 != 0;
        if row.text("UpgradeCode") == code {
            replaces |= !only_detects && row.text("VersionMax") == version;
            detects |= only_detects && row.text("VersionMin") == version;
        }
    }
    if !replaces {
        checks.tell(Rule::Upgrade, "Upgrade", format!("no row replaces versions before {version}"));
    }
    if !detects {
        checks.tell(Rule::Upgrade, "Upgrade", format!("no row sees versions after {version}"));
    }
    for row in checks.rows("AppSearch") {
        let property = row.key();
        if property.contains(|letter: char| letter.is_ascii_lowercase()) {
            checks.tell(
                Rule::SearchProperties,
                row,
                format!("`{property}` is not in capitals, so that it is lost"),
            );
        } else if !secure.contains(property) {
            checks.tell(
                Rule::SearchProperties,
                row,
                format!("`{property}` is not among SecureCustomProperties"),
            );
        }
    }
}

fn rights(checks: &mut Checks<'_>) {
    for row in checks.rows("MsiLockPermissionsEx") {
        let object = row.text("LockObject");
        if !checks.keys(row.text("Table")).contains(object) {
            checks.tell(Rule::LockedObject, row, format!("`{object}` is no row of {}", row.text("Table")));
        }
    }
}

/// What every sequence needs.
const REQUIRED: [(&str, &[&str]); 4] = [
    (
        "InstallExecuteSequence",
        &[
            "CostInitialize",
            "FileCost",
            "CostFinalize",
            "InstallValidate",
            "InstallInitialize",
            "ProcessComponents",
            "UnpublishFeatures",
            "RegisterUser",
            "RegisterProduct",
            "PublishFeatures",
            "PublishProduct",
            "InstallFinalize",
        ],
    ),
    ("InstallUISequence", &["CostInitialize", "FileCost", "CostFinalize", "ExecuteAction"]),
    (
        "AdminExecuteSequence",
        &[
            "CostInitialize",
            "FileCost",
            "CostFinalize",
            "InstallValidate",
            "InstallInitialize",
            "InstallAdminPackage",
            "InstallFiles",
            "InstallFinalize",
        ],
    ),
    (
        "AdvtExecuteSequence",
        &[
            "CostInitialize",
            "CostFinalize",
            "InstallValidate",
            "InstallInitialize",
            "PublishFeatures",
            "PublishProduct",
            "InstallFinalize",
        ],
    ),
];

/// What has to come before what.
const ORDER: [(&str, &str); 17] = [
    ("FindRelatedProducts", "LaunchConditions"),
    ("FindRelatedProducts", "MigrateFeatureStates"),
    ("AppSearch", "LaunchConditions"),
    ("CostInitialize", "FileCost"),
    ("FileCost", "CostFinalize"),
    ("CostFinalize", "InstallValidate"),
    ("CostFinalize", "MigrateFeatureStates"),
    ("InstallValidate", "InstallInitialize"),
    ("InstallInitialize", "RemoveExistingProducts"),
    ("RemoveExistingProducts", "ProcessComponents"),
    ("StopServices", "DeleteServices"),
    ("DeleteServices", "RemoveFiles"),
    ("RemoveFiles", "CreateFolders"),
    ("CreateFolders", "InstallFiles"),
    ("InstallFiles", "InstallServices"),
    ("InstallServices", "StartServices"),
    ("StartServices", "InstallFinalize"),
];

fn sequences(checks: &mut Checks<'_>) {
    let dialogues = checks.keys("Dialog");
    let custom = checks.keys("CustomAction");
    for (sequence, required) in REQUIRED {
        let places: BTreeMap<&str, i32> = checks
            .rows(sequence)
            .map(|row| (row.key(), row.number("Sequence").unwrap_or_default()))
            .collect();
        for action in required {
            if !places.contains_key(action) {
                checks.tell(Rule::RequiredActions, sequence, format!("`{action}` is not there"));
            }
        }
        for (first, second) in ORDER {
            if let (Some(before), Some(after)) = (places.get(first), places.get(second))
                && before >= after
            {
                checks.tell(Rule::ActionOrder, sequence, format!("`{first}` has to come before `{second}`"));
            }
        }
        // Windows refuses a dialogue or a custom action that is not there only when it comes to it.
        for action in places.keys().filter(|action| action.ends_with("Dlg")) {
            if !dialogues.contains(action) && !custom.contains(action) {
                checks.tell(Rule::RequiredActions, sequence, format!("the dialogue `{action}` is not there"));
            }
        }
    }
}
