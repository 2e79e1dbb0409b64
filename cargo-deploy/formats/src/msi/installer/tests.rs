//! What becomes of an installer, and what is wrong with others.

use crate::msi::sample::{file, installer};
use crate::msi::{
    Architecture, Feature, Installer, Language, Root, Scope, Table, Tables, Value, properties, tables,
};

/// The rows of a table as text, the columns joined with `|`.
fn rows(tables: &Tables, name: &str) -> Vec<String> {
    let value = |value: &Value| match value {
        Value::Null => String::new(),
        Value::Integer(number) => number.to_string(),
        Value::Text(text) => text.clone(),
        Value::Stream(bytes) => format!("{} bytes", bytes.len()),
    };
    let table: Option<&Table> = tables.database.table(name);
    let row = |row: &Vec<Value>| row.iter().map(value).collect::<Vec<_>>().join("|");
    table.map(|table| table.rows.iter().map(row).collect()).unwrap_or_default()
}

fn made(installer: &Installer) -> Tables {
    tables(installer).unwrap_or_else(|problems| panic!("{}", told(&problems).join("\n")))
}

fn told(problems: &[crate::msi::InstallerProblem]) -> Vec<String> {
    problems.iter().map(ToString::to_string).collect()
}

fn problems(installer: &Installer) -> Vec<String> {
    told(&tables(installer).expect_err("it is refused"))
}

#[test]
fn every_scope_and_architecture_makes_tables_without_a_problem_in_every_language() {
    for scope in [Scope::Machine, Scope::User, Scope::Choose] {
        for architecture in [Architecture::X86, Architecture::X64, Architecture::Arm64] {
            let mut installer = installer(scope);
            installer.architecture = architecture;
            made(&installer);
        }
        for tag in Language::tags() {
            let mut installer = installer(scope);
            installer.language = Language::named(tag).unwrap();
            made(&installer);
        }
    }
}

#[test]
fn the_least_installer_is_one_file() {
    let mut installer = installer(Scope::Machine);
    installer.files.retain(|file| file.path == "picker.exe");
    (installer.features, installer.path, installer.product.icon, installer.dialogues) =
        (Vec::new(), None, None, None);
    (installer.shortcuts, installer.registry, installer.services) = Default::default();
    (installer.associations, installer.protocols) = Default::default();
    let tables = made(&installer);
    let names: Vec<&str> = tables.database.tables.iter().map(|table| table.name.as_str()).collect();
    for absent in ["Shortcut", "Environment", "Dialog", "ServiceInstall", "Icon", "Condition", "MsiFileHash"]
    {
        assert!(!names.contains(&absent), "{absent} in {names:?}");
    }
    assert!(properties(&tables.database).contains(&("ARPNOMODIFY".to_owned(), "1".to_owned())));
}

#[test]
fn directories_files_and_cabinets_of_an_installer_for_the_machine() {
    let tables = made(&installer(Scope::Machine));
    assert_eq!(
        rows(&tables, "Directory"),
        [
            "TARGETDIR||SourceDir",
            "ProgramFiles64Folder|TARGETDIR|.",
            "OuterFolder1|ProgramFiles64Folder|Example",
            "INSTALLDIR|OuterFolder1|PICKER~1|Picker Wheel",
            "d.docs.1c664175|INSTALLDIR|docs",
            "d.en.22b8e896|d.docs.1c664175|en",
            "ProgramMenuFolder|TARGETDIR|.",
            "m.example.f8b72323|ProgramMenuFolder|Example",
            "DesktopFolder|TARGETDIR|.",
        ]
        .map(str::to_owned)
    );
    let files: Vec<String> = rows(&tables, "File")
        .iter()
        .map(|row| row.split('|').skip(2).collect::<Vec<_>>().join("|"))
        .collect();
    assert_eq!(
        files,
        [
            "REFERE~1.HTM|Reference.html|1000|||512|1",
            "README~1.TXT|Read me first.txt|1000|||512|2",
            "picker.exe|1000|1.2.3.0|1033|512|3",
            "wheel.ico|1000|||512|4",
        ]
    );
    assert_eq!(rows(&tables, "Media"), ["1|4||#files1.cab||"]);
    assert_eq!(tables.cabinets.len(), 1);
    assert_eq!(rows(&tables, "MsiFileHash").len(), 3, "those without a version");
    assert_eq!(tables.database.summary.template, "x64;1033");
    assert_eq!((tables.database.summary.source, tables.database.summary.installer_version), (2, 500));
}

#[test]
fn codes_are_the_same_for_the_next_version_and_others_for_another_scope_or_architecture() {
    let codes = |installer: &Installer| -> Vec<String> {
        let tables = made(installer);
        let rows = tables.database.table("Component").unwrap().rows.clone();
        rows.iter().map(|row| row[1].as_text().unwrap().to_owned()).collect()
    };
    let first = installer(Scope::Machine);
    let mut next = first.clone();
    next.product.version = "1.3.0".parse().unwrap();
    assert_eq!(codes(&first), codes(&next));
    assert_ne!(first.product_code(), next.product_code());
    let mut arm = first.clone();
    arm.architecture = Architecture::Arm64;
    assert!(codes(&first).iter().all(|code| !codes(&arm).contains(code)));
    let user = codes(&installer(Scope::User));
    assert!(codes(&first).iter().all(|code| !user.contains(code)));
    let mut backwards = first.clone();
    backwards.files.reverse();
    assert_eq!(made(&first).database, made(&backwards).database, "the order of the files does not matter");
}

#[test]
fn another_content_has_another_package_code() {
    let first = installer(Scope::User);
    let mut second = first.clone();
    second.files[0].md5[0] ^= 1;
    let code = |installer: &Installer| made(installer).database.summary.package_code;
    assert_eq!(code(&first), code(&first.clone()));
    assert_ne!(code(&first), code(&second));
}

#[test]
fn what_is_installed_for_a_user_lies_in_the_profile_and_its_keys_in_the_users_registry() {
    let tables = made(&installer(Scope::User));
    assert_eq!(
        rows(&tables, "Directory")[1..3],
        ["LocalAppDataFolder|TARGETDIR|.", "UserPrograms|LocalAppDataFolder|Programs"]
    );
    assert!(
        rows(&tables, "Component").iter().all(|row| row.contains("|260|")),
        "64 bits and key path in the registry"
    );
    assert!(rows(&tables, "Registry").iter().all(|row| row.split('|').nth(1) == Some("1")));
    assert!(rows(&tables, "RemoveFile").iter().any(|row| row.ends_with("||UserPrograms|2")));
    assert_eq!(rows(&tables, "Environment")[0].split('|').nth(1), Some("=-PATH"));
    assert_eq!(rows(&tables, "MsiLockPermissionsEx"), [""; 0]);
    assert_eq!(tables.database.summary.source, 10);
    assert!(!properties(&tables.database).iter().any(|(name, _)| name == "ALLUSERS"));
}

#[test]
fn a_person_who_may_choose_gets_one_package_for_both() {
    let tables = made(&installer(Scope::Choose));
    let properties = properties(&tables.database);
    for property in [("ALLUSERS", "2"), ("MSIINSTALLPERUSER", "1"), ("InstallScope", "user")] {
        assert!(properties.contains(&(property.0.to_owned(), property.1.to_owned())), "{property:?}");
    }
    assert_eq!(tables.database.summary.source, 2, "Windows asks for rights where they are needed");
    let conditions: Vec<String> = rows(&tables, "Component")
        .iter()
        .filter_map(|row| row.split('|').nth(4).filter(|text| text.contains("ALLUSERS")).map(str::to_owned))
        .collect();
    assert_eq!(conditions, ["ALLUSERS=1", "NOT ALLUSERS=1"], "PATH of the machine and of the user");
    let custom = rows(&tables, "CustomAction");
    assert!(custom.iter().all(|row| row.split('|').nth(1) == Some("51")), "no code: {custom:?}");
    assert!(custom.contains(
        &"SetMachineDirectory|51|MachineDirectory|[%ProgramW6432]\\Example\\Picker Wheel\\|".to_owned()
    ));
}

#[test]
fn shortcuts_start_their_program_with_what_was_said() {
    let tables = made(&installer(Scope::Machine));
    let shortcuts = rows(&tables, "Shortcut");
    let start: Vec<&str> = shortcuts[0].split('|').skip(1).collect();
    assert_eq!(start[0], "m.example.f8b72323");
    assert_eq!(start[1..3], ["PICKER~1", "Picker Wheel"]);
    assert!(start[4].starts_with("[#f.picker.exe."), "{}", start[4]);
    assert_eq!(start[5..7], ["--spin [\\[]fast[\\]]", "Spins"]);
    assert_eq!(start[8], "product.ico", "the same picture is there once");
    assert_eq!(rows(&tables, "Icon").len(), 1);
    assert!(rows(&tables, "MsiShortcutProperty")[0].ends_with("|System.AppUserModel.ID|Example.PickerWheel"));
    assert!(
        rows(&tables, "Condition")
            .contains(&"DesktopShortcut|1000|DESKTOPSHORTCUT=\"0\" AND NOT Installed".to_owned())
    );
}

#[test]
fn a_kind_of_file_is_taken_over_only_where_nothing_else_opens_it() {
    let tables = made(&installer(Scope::Machine));
    let registry = rows(&tables, "Registry").join("\n");
    for line in [
        "|2|Software\\Classes\\Example.PickerWheel.wheel||Wheel|",
        "|2|Software\\Classes\\.wheel\\OpenWithProgids|Example.PickerWheel.wheel||",
        "|2|Software\\Classes\\.wheel|Content Type|application/x-wheel|",
        "|2|Software\\Classes\\.wheel||Example.PickerWheel.wheel|",
        "|2|Software\\Classes\\picker-wheel|URL Protocol||",
        "|2|Software\\RegisteredApplications|Picker Wheel|Software\\Example Ltd\\Picker Wheel\\Capabilities|",
        "|2|Software\\Example\\Picker Wheel\\Settings|Home|[INSTALLDIR]picker.exe|",
    ] {
        assert!(registry.contains(line), "{line}\nis not in\n{registry}");
    }
    assert!(rows(&tables, "RegLocator").contains(&"Association0|0|.wheel||18".to_owned()));
    let conditions = rows(&tables, "Component");
    let condition = "|NOT ASSOCIATION0 OR ASSOCIATION0=\"Example.PickerWheel.wheel\"|";
    assert!(conditions.iter().any(|row| row.contains(condition)), "{conditions:?}");
}

#[test]
fn services_are_installed_started_stopped_and_removed() {
    let tables = made(&installer(Scope::Machine));
    let service = &rows(&tables, "ServiceInstall")[0];
    assert!(service.contains(
        "|PickerWheel|Picker Wheel service|16|2|32769||Tcpip[~][~]|NT AUTHORITY\\LocalService||--service|"
    ));
    assert!(rows(&tables, "ServiceControl")[0].contains("|PickerWheel|163||1|"));
    let order: Vec<String> = rows(&tables, "InstallExecuteSequence");
    for action in
        ["StopServices||1900", "DeleteServices||2000", "InstallServices||5800", "StartServices||5900"]
    {
        assert!(order.contains(&action.to_owned()), "{action}");
    }
}

#[test]
fn older_versions_are_replaced_and_newer_ones_stand_in_the_way() {
    let installer = installer(Scope::Machine);
    let code = installer.product.upgrade_code;
    let tables = made(&installer);
    assert_eq!(
        rows(&tables, "Upgrade"),
        [format!("{code}|0.0.0|1.2.3||769||OLDERVERSION"), format!("{code}|1.2.3|||2||NEWERVERSION")]
    );
    assert_eq!(
        rows(&tables, "LaunchCondition")[0],
        "Installed OR NOT NEWERVERSION|A newer version of [ProductName] is installed. To go back to version [ProductVersion], remove it first."
    );
}

#[test]
fn all_that_is_wrong_is_told_at_once() {
    let mut bad = installer(Scope::User);
    bad.product.publisher = String::new();
    bad.directory = vec!["CON".to_owned()];
    bad.files.push(file("a/nul.txt", None));
    bad.files.push(file("trailing./x:y", None));
    bad.files.push(file("PICKER.EXE", Some("Documentation")));
    bad.files.push(file("docs", Some("Nobody")));
    bad.files.push(file(&format!("{}.txt", "long/".repeat(50)), None));
    bad.files[0].size = 1 << 31;
    bad.features.push(Feature {
        id: "main".to_owned(),
        title: String::new(),
        description: None,
        by_default: true,
    });
    bad.shortcuts[0].target = "gone.exe".to_owned();
    bad.shortcuts[1].icon = Some(b"PNG".to_vec());
    bad.registry[0].root = Root::Machine;
    bad.associations[0].extension = "a.b".to_owned();
    bad.services = installer(Scope::Machine).services;
    let long = format!("{}.txt", "long/".repeat(50));
    assert_eq!(
        problems(&bad),
        [
            "`CON` cannot be a file on Windows: `CON`: `CON` is a device on Windows, with any extension, too".to_owned(),
            "`docs` is a file and a directory".to_owned(),
            "`main` cannot be the id of a feature: the installer itself uses it".to_owned(),
            "the feature `main` has no files".to_owned(),
            "`a/nul.txt` cannot be a file on Windows: `nul.txt`: `NUL` is a device on Windows, with any extension, too".to_owned(),
            "`docs` belongs to `Nobody`, which is no feature of the installer".to_owned(),
            format!(
                "`{long}` has 311 characters when it is installed in `C:\\Users\\ABCDEFGHIJKLMNOPQRST\\AppData\\Local\\Programs\\CON`, and Windows takes at most 259 from programs whose manifest is not `longPathAware`"
            ),
            "`picker.exe` has 2147483648 bytes, and a file in an MSI has less than 2 GiB (at most 2,147,450,880 bytes)".to_owned(),
            "`picker.exe` and `PICKER.EXE` would be the same file on Windows".to_owned(),
            "`trailing./x:y` cannot be a file on Windows: `trailing.`: Windows takes away the dot at the end".to_owned(),
            "`trailing./x:y` cannot be a file on Windows: `x:y`: `:` cannot be in a name on Windows".to_owned(),
            "the shortcut `Picker Wheel` starts `gone.exe`, which is not among the installed files".to_owned(),
            "the picture of the shortcut `Picker Wheel` is not an .ico".to_owned(),
            "`Software\\Example\\Picker Wheel\\Settings` is in HKEY_LOCAL_MACHINE, which an installer for one user cannot write to".to_owned(),
            "`a.b` cannot be the name of a kind of file".to_owned(),
            "the service `PickerWheel` needs an installer for the machine: only administrators can install services".to_owned(),
            "the installer has no publisher".to_owned(),
        ]
    );
}

#[test]
fn a_file_with_two_owners_is_refused() {
    let mut bad = installer(Scope::Machine);
    bad.features.push(Feature {
        id: "Extras".to_owned(),
        title: "Extras".to_owned(),
        description: None,
        by_default: true,
    });
    bad.files.push(file("docs/Read me first.txt", Some("Extras")));
    assert_eq!(
        problems(&bad),
        ["`docs/Read me first.txt` belongs to `Documentation` and to `Extras`; a file has one owner"]
    );
}

#[test]
fn long_paths_are_fine_for_programs_that_are_aware_of_them() {
    let mut long = installer(Scope::Machine);
    long.files.push(file(&format!("{}x.txt", "long/".repeat(60)), None));
    assert!(problems(&long)[0].contains("longPathAware"));
    long.long_paths = true;
    made(&long);
}

#[test]
fn a_part_that_is_asked_for_brings_what_is_always_installed() {
    // `ADDLOCAL=Documentation` installs that feature and those above it alone.
    let tables = made(&installer(Scope::Machine));
    let parents: Vec<String> = rows(&tables, "Feature")
        .iter()
        .map(|row| row.split('|').take(2).collect::<Vec<_>>().join(" below "))
        .collect();
    let expected =
        ["Main below ", "Documentation below Main", "AddToPath below Main", "DesktopShortcut below Main"];
    assert_eq!(parents, expected);
}

#[test]
fn no_component_lies_in_the_folders_of_shortcuts_which_are_not_the_products_to_remove() {
    for scope in [Scope::Machine, Scope::User, Scope::Choose] {
        let tables = made(&installer(scope));
        for row in rows(&tables, "Component") {
            let directory = row.split('|').nth(2).unwrap_or_default();
            assert!(directory == "INSTALLDIR" || directory.starts_with("d."), "{row}");
        }
        let removed = rows(&tables, "RemoveFile");
        assert!(
            !removed.iter().any(|row| row.contains("DesktopFolder") || row.contains("ProgramMenuFolder"))
        );
        assert!(
            removed.iter().any(|row| row.contains("|m.example.")),
            "the folder in the Start menu: {removed:?}"
        );
    }
}

#[test]
fn whose_installation_it_is_is_said_in_so_many_words() {
    let tables = made(&installer(Scope::Choose));
    let events: Vec<String> = rows(&tables, "ControlEvent")
        .into_iter()
        .filter_map(|row| row.strip_prefix("ScopeDlg|Next|").map(str::to_owned))
        .filter(|row| row.starts_with("[ALLUSERS]") || row.starts_with("[MSIINSTALLPERUSER]"))
        .collect();
    assert_eq!(
        events,
        [
            "[ALLUSERS]|2|InstallScope=\"user\"|1",
            "[MSIINSTALLPERUSER]|1|InstallScope=\"user\"|2",
            "[ALLUSERS]|1|InstallScope=\"machine\"|3"
        ]
    );
}

#[test]
fn the_last_page_says_what_the_buttons_did() {
    let tables = made(&installer(Scope::Machine));
    let events = rows(&tables, "ControlEvent");
    for (button, mode) in [("Change", "change"), ("Repair", "repair"), ("Remove", "remove")] {
        let start = format!("MaintenanceDlg|{button}|[InstallMode]|{mode}|1|1");
        assert!(events.contains(&start), "{start}");
    }
    let conditions = rows(&tables, "ControlCondition");
    for (control, condition) in
        [("Installed", "NOT Installed"), ("Removed", "REMOVE=\"ALL\" OR InstallMode=\"remove\"")]
    {
        assert!(
            conditions.contains(&format!("FinishDlg|{control}|Show|{condition}")),
            "{control}: {conditions:?}"
        );
    }
}

#[test]
fn enter_goes_on_and_not_back() {
    let tables = made(&installer(Scope::Choose));
    for dialogue in rows(&tables, "Dialog") {
        let first = dialogue.split('|').nth(7).unwrap_or_default();
        assert!(first != "Back", "{dialogue}");
    }
}

#[test]
fn nothing_is_drawn_behind_a_picture_that_is_larger() {
    // They are drawn in the order of the rows, which is that of their names.
    let tables = made(&installer(Scope::Choose));
    let controls = rows(&tables, "Control");
    let parsed: Vec<(Vec<&str>, [i32; 4])> = controls
        .iter()
        .map(|row| {
            let row: Vec<&str> = row.split('|').collect();
            let area = [3, 4, 5, 6].map(|column: usize| row[column].parse().unwrap());
            (row, area)
        })
        .collect();
    let mut seen = 0;
    for (picture, [x, y, width, height]) in parsed.iter().filter(|(row, _)| row[2] == "Bitmap") {
        for (other, [left, top, ..]) in
            parsed.iter().filter(|(row, _)| row[0] == picture[0] && row[1] != picture[1])
        {
            if (*x..x + width).contains(left) && (*y..y + height).contains(top) {
                assert!(picture[1] < other[1], "{} of {} lies behind {}", other[1], other[0], picture[1]);
                seen += 1;
            }
        }
    }
    assert!(seen > 20, "{seen}");
}
