//! The order in which Windows Installer does things, which is the one that its SDK suggests ("Suggested
//! InstallExecuteSequence" and its siblings).

use crate::msi::draft::{Draft, INSTALL_DIRECTORY};
use crate::msi::installer::Scope;

const EXECUTE: &str = "InstallExecuteSequence";
const WINDOWS: &str = "InstallUISequence";

/// Always; when one of the tables has rows.
enum When {
    Always,
    With(&'static [&'static str]),
}
use When::{Always, With};

/// The actions of an installation and a removal.
const ACTIONS: [(&str, i32, When); 31] = [
    ("FindRelatedProducts", 25, Always),
    ("AppSearch", 50, Always),
    ("LaunchConditions", 100, Always),
    ("ValidateProductID", 700, Always),
    ("CostInitialize", 800, Always),
    ("FileCost", 900, Always),
    ("CostFinalize", 1000, Always),
    ("MigrateFeatureStates", 1200, Always),
    ("InstallValidate", 1400, Always),
    ("InstallInitialize", 1500, Always),
    // Within the transaction: if the new version cannot be installed, the old one comes back.
    ("RemoveExistingProducts", 1510, Always),
    ("ProcessComponents", 1600, Always),
    ("UnpublishFeatures", 1800, Always),
    ("StopServices", 1900, With(&["ServiceControl"])),
    ("DeleteServices", 2000, With(&["ServiceControl"])),
    ("RemoveRegistryValues", 2600, Always),
    ("RemoveShortcuts", 3200, With(&["Shortcut"])),
    ("RemoveEnvironmentStrings", 3300, With(&["Environment"])),
    ("RemoveFiles", 3500, Always),
    ("RemoveFolders", 3600, Always),
    ("CreateFolders", 3700, Always),
    ("InstallFiles", 4000, Always),
    ("CreateShortcuts", 4500, With(&["Shortcut"])),
    ("WriteRegistryValues", 5000, Always),
    ("WriteEnvironmentStrings", 5200, With(&["Environment"])),
    ("InstallServices", 5800, With(&["ServiceInstall"])),
    ("StartServices", 5900, With(&["ServiceControl"])),
    ("RegisterUser", 6000, Always),
    ("RegisterProduct", 6100, Always),
    ("PublishFeatures", 6300, Always),
    ("PublishProduct", 6400, Always),
];

/// The last of all.
const FINISH: (&str, i32) = ("InstallFinalize", 6600);

/// Rows of the five sequences. The dialogues add theirs.
pub(super) fn rows(draft: &mut Draft<'_>) {
    for (action, number, when) in ACTIONS {
        let needed = match when {
            Always => true,
            With(tables) => tables.iter().any(|table| draft.has(table)),
        };
        if needed {
            row(draft, EXECUTE, action, None, number);
        }
        if number <= 1200 && action != "ValidateProductID" {
            row(draft, WINDOWS, action, None, number);
        }
    }
    row(draft, EXECUTE, FINISH.0, None, FINISH.1);
    row(draft, WINDOWS, "ExecuteAction", None, 1300);
    row(draft, EXECUTE, "SetInstallLocation", None, 1010);
    for sequence in [EXECUTE, WINDOWS] {
        directories(draft, sequence);
    }
    for (action, number) in [("CostInitialize", 800), ("FileCost", 900), ("CostFinalize", 1000)] {
        row(draft, "AdminUISequence", action, None, number);
        row(draft, "AdminExecuteSequence", action, None, number);
        if action != "FileCost" {
            row(draft, "AdvtExecuteSequence", action, None, number);
        }
    }
    row(draft, "AdminUISequence", "ExecuteAction", None, 1300);
    for (action, number) in [("InstallValidate", 1400), ("InstallInitialize", 1500), FINISH] {
        row(draft, "AdminExecuteSequence", action, None, number);
        row(draft, "AdvtExecuteSequence", action, None, number);
    }
    for (action, number) in [("InstallAdminPackage", 3900), ("InstallFiles", 4000)] {
        row(draft, "AdminExecuteSequence", action, None, number);
    }
    for (action, number) in [("PublishFeatures", 6300), ("PublishProduct", 6400)] {
        row(draft, "AdvtExecuteSequence", action, None, number);
    }
}

/// Where the product goes, before anything is measured. What was said on the command line counts most, then where the
/// version before is.
fn directories(draft: &mut Draft<'_>, sequence: &'static str) {
    let unsaid = format!("NOT {INSTALL_DIRECTORY}");
    if draft.installer.scope != Scope::Choose {
        let condition = format!("PREVIOUSDIRECTORY AND {unsaid}");
        return row(draft, sequence, "UsePreviousDirectory", Some(&condition), 60);
    }
    let user = format!("{unsaid} AND (NOT ALLUSERS OR (ALLUSERS=2 AND MSIINSTALLPERUSER=1))");
    let was_machine = "ALLUSERS=1 OR (ALLUSERS=2 AND NOT MSIINSTALLPERUSER)";
    for (action, condition, number) in [
        ("SetUserDirectory", None, 60),
        ("SetPreviousUserDirectory", Some("PREVIOUSUSERDIRECTORY"), 61),
        ("SetMachineDirectory", None, 62),
        ("SetPreviousMachineDirectory", Some("PREVIOUSMACHINEDIRECTORY"), 63),
        ("UseUserDirectory", Some(user.as_str()), 64),
        ("UseMachineDirectory", Some(unsaid.as_str()), 65),
    ] {
        row(draft, sequence, action, condition, number);
    }
    if sequence == WINDOWS {
        let before = "(PREVIOUSMACHINEDIRECTORY AND NOT PREVIOUSUSERDIRECTORY)";
        row(draft, sequence, "ChooseMachine", Some(&format!("{was_machine} OR {before}")), 66);
    }
}

/// A row of a sequence.
pub(super) fn row(
    draft: &mut Draft<'_>,
    sequence: &'static str,
    action: &str,
    condition: Option<&str>,
    number: i32,
) {
    draft.row(sequence, [action.into(), condition.into(), number.into()]);
}
