//! Each rule finds its mistake in tables that were good before.

use crate::msi::sample::installer;
use crate::msi::{Database, Rule, Scope, Table, Value, check, tables};

/// What is told of the tables of the sample after a change.
fn after(scope: Scope, change: impl FnOnce(&mut Database)) -> Vec<(Rule, String)> {
    let mut database = tables(&installer(scope)).expect("it is without problems").database;
    change(&mut database);
    check(&database).into_iter().map(|problem| (problem.rule, problem.to_string())).collect()
}

fn table<'a>(database: &'a mut Database, name: &str) -> &'a mut Table {
    database.tables.iter_mut().find(|table| table.name == name).unwrap()
}

/// Sets a column of the row of a key.
fn set(database: &mut Database, name: &str, row: &str, column: &str, value: impl Into<Value>) {
    let table = table(database, name);
    let place = table.column(column).unwrap();
    let found =
        table.rows.iter_mut().find(|values| values[0].as_text().is_some_and(|key| key.starts_with(row)));
    found.unwrap_or_else(|| panic!("{name} has no {row}"))[place] = value.into();
}

fn remove(database: &mut Database, name: &str, row: &str) {
    let table = table(database, name);
    let before = table.rows.len();
    table.rows.retain(|values| values[0].as_text() != Some(row));
    assert!(table.rows.len() < before, "{name} has no {row}");
}

#[test]
fn every_rule_sees_what_breaks_it() {
    use Rule::*;
    type Change = fn(&mut Database);
    let cases: [(Rule, Scope, Change); 29] = [
        (KeyPathOfItsComponent, Scope::Machine, |d| {
            let other = d_key(d, "f.wheel");
            set(d, "Component", "c.picker.exe", "KeyPath", other);
        }),
        (Values, Scope::Machine, |d| set(d, "Shortcut", "s.", "Directory_", "Nowhere")),
        (FileOnMedium, Scope::Machine, |d| table(d, "Media").rows[0][1] = Value::Integer(1)),
        (ComponentCodes, Scope::Machine, |d| {
            let code = table(d, "Component").rows[0][1].clone();
            table(d, "Component").rows[1][1] = code;
        }),
        (ProductNameLength, Scope::Machine, |d| set(d, "Property", "ProductName", "Value", "x".repeat(64))),
        (ControlNeeds, Scope::Machine, |d| remove(d, "Binary", "White")),
        (EmptyKeyPath, Scope::Machine, |d| set(d, "Component", "c.picker.exe", "KeyPath", Value::Null)),
        (StandardDialogues, Scope::Machine, |d| remove(d, "Dialog", "FilesInUse")),
        (ComponentInFeature, Scope::Machine, |d| drop(table(d, "FeatureComponents").rows.remove(0))),
        (TabOrder, Scope::Machine, |d| {
            let next = table(d, "Control").column("Control_Next").unwrap();
            for row in &mut table(d, "Control").rows {
                if row[0].as_text() == Some("FolderDlg") && row[1].as_text() == Some("Folder") {
                    row[next] = Value::from("Next");
                }
            }
        }),
        (ProductProperties, Scope::Machine, |d| set(d, "Property", "UpgradeCode", "Value", "{abc}")),
        (RequiredActions, Scope::Machine, |d| remove(d, "InstallExecuteSequence", "ProcessComponents")),
        (ActionOrder, Scope::Machine, |d| {
            set(d, "InstallExecuteSequence", "RemoveExistingProducts", "Sequence", 1450)
        }),
        (SameFile, Scope::Machine, |d| set(d, "File", "f.wheel", "FileName", "Picker.exe")),
        (TextStyles, Scope::Machine, |d| remove(d, "TextStyle", "Big")),
        (RadioDefault, Scope::Choose, |d| set(d, "Property", "InstallScope", "Value", "nobody")),
        (ProfileKeyPath, Scope::User, |d| set(d, "Registry", "r.picker.exe", "Root", 2)),
        (SummaryFits, Scope::User, |d| d.summary.source = 2),
        (ShortcutKeyPath, Scope::Machine, |d| {
            let other = d_key(d, "c.picker.exe");
            set(d, "Shortcut", "s.", "Component_", other);
        }),
        (DialogueEvents, Scope::Machine, |d| remove(d, "Dialog", "CancelDlg")),
        (IconExtension, Scope::Machine, |d| {
            set(d, "Icon", "product", "Name", "product.png");
            set(d, "Shortcut", "s.", "Icon_", "product.png");
        }),
        (SearchProperties, Scope::Machine, |d| {
            set(d, "AppSearch", "PREVIOUS", "Property", "PreviousDirectory")
        }),
        (LockedObject, Scope::Machine, |d| remove(d, "CreateFolder", "INSTALLDIR")),
        (Upgrade, Scope::Machine, |d| drop(table(d, "Upgrade").rows.remove(0))),
        (ProfileDirectories, Scope::User, |d| table(d, "RemoveFile").rows.clear()),
        (FormattedReferences, Scope::Machine, |d| set(d, "Shortcut", "s.", "Target", "[#gone]")),
        (Bits, Scope::Machine, |d| d.summary.template = "Intel;1033".to_owned()),
        (FileNames, Scope::Machine, |d| set(d, "File", "f.wheel", "FileName", "AUX~1|aux.txt ")),
        (ServiceKeyPath, Scope::Machine, |d| {
            let other = d_key(d, "c.Installed");
            let place = table(d, "ServiceInstall").column("Component_").unwrap();
            table(d, "ServiceInstall").rows[0][place] = Value::from(other);
        }),
    ];
    for (rule, scope, change) in cases {
        let told = after(scope, change);
        assert!(told.iter().any(|(broken, _)| *broken == rule), "{rule:?} is not among {told:?}");
    }
}

/// The key that starts so.
fn d_key(database: &Database, start: &str) -> String {
    let keys = database.tables.iter().flat_map(|table| &table.rows).filter_map(|row| row.first()?.as_text());
    keys.into_iter().find(|key| key.starts_with(start)).unwrap().to_owned()
}

#[test]
fn two_controls_with_one_key_are_seen() {
    let told = after(Scope::Machine, |database| {
        let text = table(database, "Control").column("Text").unwrap();
        for row in &mut table(database, "Control").rows {
            if row[0].as_text() == Some("WelcomeDlg") && row[1].as_text() == Some("Cancel") {
                row[text] = Value::from("Ca&ncel");
            }
        }
    });
    assert_eq!(
        told,
        [(
            Rule::Accelerators,
            "accelerators: Dialog WelcomeDlg: `&Next >` and `Ca&ncel` have the same key".to_owned()
        )]
    );
}

#[test]
fn problems_name_rule_row_and_what_to_do() {
    let mut database = tables(&installer(Scope::Machine)).unwrap().database;
    remove(&mut database, "Directory", "DesktopFolder");
    table(&mut database, "Component").rows[0][1] = Value::from("{0123abcd-0000-0000-0000-000000000000}");
    let told = check(&database);
    assert_eq!(told.len(), 1, "{told:?}");
    let key = table(&mut database, "Component").rows[0][0].as_text().unwrap().to_owned();
    assert_eq!(
        told[0].to_string(),
        format!(
            "ICE03: Component {key}: `ComponentId` is `{{0123abcd-0000-0000-0000-000000000000}}`, which is not a GUID in braces and capitals"
        )
    );
    assert!(told[0].rule.help().starts_with("mend the row"));
}
