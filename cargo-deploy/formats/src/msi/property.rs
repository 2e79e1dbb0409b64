//! Properties of an installer: what the list of installed programs shows, what may be said on the command line, and which
//! versions of the product are replaced or stand in the way.

use crate::msi::association::locator;
use crate::msi::draft::{Draft, INSTALL_DIRECTORY};
use crate::msi::installer::{InstallerProblem, Scope};
use crate::msi::shortcut::{PRODUCT_ICON, is_icon};
use crate::msi::{Database, Value};

/// An older version, or another build of the same.
pub(super) const OLDER: &str = "OLDERVERSION";
/// A newer version.
pub(super) const NEWER: &str = "NEWERVERSION";
/// Sets a property to a text (custom action type 51).
const SET_PROPERTY: i32 = 51;

/// Rows of Property, Icon, Upgrade, LaunchCondition, AppSearch and CustomAction.
pub(super) fn rows(draft: &mut Draft<'_>) {
    let product = &draft.installer.product;
    for (what, text) in [("name", &product.name), ("publisher", &product.publisher)] {
        if text.trim().is_empty() {
            draft.problems.push(InstallerProblem::Missing { what });
        }
    }
    remembered(draft);
    upgrade(draft);
    launch_conditions(draft);
    programs_list(draft);
    let installer = draft.installer;
    let product = &installer.product;
    for (name, value) in [
        ("Manufacturer", product.publisher.clone()),
        ("ProductCode", installer.product_code().to_string()),
        ("ProductLanguage", installer.language.id().to_string()),
        ("ProductName", product.name.clone()),
        ("ProductVersion", product.version.to_string()),
        ("UpgradeCode", product.upgrade_code.to_string()),
        ("INSTALLLEVEL", "100".to_owned()),
        // What lies in the product's directory is the product's: the files of this version are taken, also where one that is
        // there says a higher version of itself. Otherwise a library that went back a version would be gone after an upgrade.
        ("REINSTALLMODE", "amus".to_owned()),
    ] {
        draft.property(name, value);
    }
    match installer.scope {
        Scope::Machine => draft.property("ALLUSERS", "1"),
        Scope::User => {}
        Scope::Choose => {
            draft.property("ALLUSERS", "2");
            draft.property("MSIINSTALLPERUSER", "1");
        }
    }
    draft.secure.insert(INSTALL_DIRECTORY.to_owned());
    let secure = draft.secure.iter().cloned().collect::<Vec<_>>().join(";");
    draft.property("SecureCustomProperties", secure);
}

/// What the list of installed programs shows.
fn programs_list(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let product = &installer.product;
    let texts = [
        ("ARPCOMMENTS", &product.description),
        ("ARPCONTACT", &product.contact),
        ("ARPHELPLINK", &product.help_url),
        ("ARPURLINFOABOUT", &product.about_url),
        ("ARPURLUPDATEINFO", &product.update_url),
    ];
    for (name, text) in texts {
        if let Some(text) = text {
            draft.property(name, text.clone());
        }
    }
    if let Some(icon) = &product.icon {
        if !is_icon(icon) {
            draft.problems.push(InstallerProblem::Icon { what: "the product".to_owned() });
        }
        draft.row("Icon", [PRODUCT_ICON.into(), Value::Stream(icon.clone())]);
        draft.property("ARPPRODUCTICON", PRODUCT_ICON);
    }
    if !installer.has_choices() {
        draft.property("ARPNOMODIFY", "1");
    }
    set(draft, "SetInstallLocation", "ARPINSTALLLOCATION", "[INSTALLDIR]");
}

fn set(draft: &mut Draft<'_>, action: &str, property: &str, value: &str) {
    draft.row("CustomAction", [action.into(), SET_PROPERTY.into(), property.into(), value.into()]);
}

/// The directory that the version before was installed in.
fn remembered(draft: &mut Draft<'_>) {
    let installer = draft.installer;
    let places: &[(&str, i32)] = match installer.scope {
        Scope::Machine => &[("PREVIOUSDIRECTORY", 2)],
        Scope::User => &[("PREVIOUSDIRECTORY", 1)],
        Scope::Choose => &[("PREVIOUSMACHINEDIRECTORY", 2), ("PREVIOUSUSERDIRECTORY", 1)],
    };
    let memory = installer.memory();
    for (property, root) in places {
        let signature = format!("Find{property}");
        draft.row("AppSearch", [(*property).into(), signature.as_str().into()]);
        let kind = locator(draft);
        draft.row(
            "RegLocator",
            [signature.into(), (*root).into(), memory.as_str().into(), "InstallDirectory".into(), kind],
        );
        draft.secure.insert((*property).to_owned());
    }
    if installer.scope != Scope::Choose {
        set(draft, "UsePreviousDirectory", INSTALL_DIRECTORY, "[PREVIOUSDIRECTORY]");
        return;
    }
    let below = crate::msi::registry::literal(&installer.directory.join("\\"));
    // Windows moves ProgramFiles64Folder into the profile while it believes that the user alone is meant; the variable stays.
    let programs = if installer.architecture.is_64() { "[%ProgramW6432]" } else { "[%ProgramFiles]" };
    set(draft, "SetUserDirectory", "UserDirectory", &format!("[LocalAppDataFolder]Programs\\{below}\\"));
    set(draft, "SetPreviousUserDirectory", "UserDirectory", "[PREVIOUSUSERDIRECTORY]");
    set(draft, "SetMachineDirectory", "MachineDirectory", &format!("{programs}\\{below}\\"));
    set(draft, "SetPreviousMachineDirectory", "MachineDirectory", "[PREVIOUSMACHINEDIRECTORY]");
    set(draft, "UseUserDirectory", INSTALL_DIRECTORY, "[UserDirectory]");
    set(draft, "UseMachineDirectory", INSTALL_DIRECTORY, "[MachineDirectory]");
    set(draft, "ChooseMachine", "InstallScope", "machine");
}

/// An older version goes, a newer one stands in the way.
fn upgrade(draft: &mut Draft<'_>) {
    // What the person chose of the older version is taken over; the highest version counts, too, so that another build of
    // the same version is not installed beside it.
    const TAKE_OVER_AND_INCLUSIVE: i32 = 1 | 256 | 512;
    const DETECT: i32 = 2;
    let product = &draft.installer.product;
    let code = Value::from(product.upgrade_code.to_string());
    let version = Value::from(product.version.to_string());
    draft.row(
        "Upgrade",
        [
            code.clone(),
            "0.0.0".into(),
            version.clone(),
            Value::Null,
            TAKE_OVER_AND_INCLUSIVE.into(),
            Value::Null,
            OLDER.into(),
        ],
    );
    draft.row("Upgrade", [code, version, Value::Null, Value::Null, DETECT.into(), Value::Null, NEWER.into()]);
    draft.secure.extend([OLDER, NEWER].map(str::to_owned));
}

fn launch_conditions(draft: &mut Draft<'_>) {
    let language = &draft.installer.language;
    let mut conditions = vec![
        (format!("Installed OR NOT {NEWER}"), "launch.newer"),
        // Windows 10 and 11 say that they are 8.1 to Windows Installer; nothing older has this number.
        ("Installed OR VersionNT >= 603".to_owned(), "launch.windows"),
    ];
    if draft.installer.architecture.is_64() {
        conditions.push(("Installed OR VersionNT64".to_owned(), "launch.bits"));
    }
    for (condition, text) in conditions {
        draft.row("LaunchCondition", [condition.into(), language.text(text).into()]);
    }
}

/// The properties of a package, as its tables say them.
pub fn properties(database: &Database) -> Vec<(String, String)> {
    let rows = database.table("Property").map(|table| table.rows.as_slice()).unwrap_or_default();
    let text = |row: &[Value], index: usize| row.get(index).and_then(Value::as_text).map(str::to_owned);
    rows.iter().filter_map(|row| Some((text(row, 0)?, text(row, 1)?))).collect()
}
