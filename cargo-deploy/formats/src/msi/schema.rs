//! The columns of the tables that installers have ("Database Tables" of the Windows Installer SDK).

use crate::msi::{Category, Column, Table};

/// The table of a name with its columns and no rows. `None` for one that installers made here do not have.
pub fn table(name: &str) -> Option<Table> {
    Some(Table::new(name, columns(name)?))
}

/// The names of all tables that [`table`] knows, in the order of the alphabet.
pub const TABLES: [&str; 42] = [
    "ActionText",
    "AdminExecuteSequence",
    "AdminUISequence",
    "AdvtExecuteSequence",
    "AppSearch",
    "Binary",
    "CheckBox",
    "Component",
    "Condition",
    "Control",
    "ControlCondition",
    "ControlEvent",
    "CreateFolder",
    "CustomAction",
    "Dialog",
    "Directory",
    "Environment",
    "EventMapping",
    "Feature",
    "FeatureComponents",
    "File",
    "Icon",
    "InstallExecuteSequence",
    "InstallUISequence",
    "LaunchCondition",
    "ListBox",
    "Media",
    "MsiFileHash",
    "MsiLockPermissionsEx",
    "MsiShortcutProperty",
    "Property",
    "RadioButton",
    "RegLocator",
    "Registry",
    "RemoveFile",
    "ServiceControl",
    "ServiceInstall",
    "Shortcut",
    "Signature",
    "TextStyle",
    "UIText",
    "Upgrade",
];

const MAX16: i32 = 32_767;
const MAX32: i32 = i32::MAX;

fn identifier(name: &str) -> Column {
    Column::text(name, 72).category(Category::Identifier)
}

fn key(name: &str) -> Column {
    identifier(name).key()
}

fn text(name: &str, length: u8) -> Column {
    Column::text(name, length).category(Category::Text)
}

fn formatted(name: &str, length: u8) -> Column {
    Column::text(name, length).category(Category::Formatted)
}

fn condition(name: &str) -> Column {
    Column::text(name, 255).category(Category::Condition)
}

fn directory(name: &str) -> Column {
    identifier(name).foreign("Directory", 1)
}

fn component() -> Column {
    identifier("Component_").foreign("Component", 1)
}

fn unit(name: &str) -> Column {
    Column::integer16(name).range(0, MAX16)
}

fn sequence() -> Vec<Column> {
    vec![
        key("Action").description("The action, or the dialogue"),
        condition("Condition").nullable(),
        Column::integer16("Sequence")
            .nullable()
            .range(-4, MAX16)
            .description("Its place; less than 0 for what ends"),
    ]
}

#[expect(clippy::too_many_lines, reason = "a table of tables")]
fn columns(name: &str) -> Option<Vec<Column>> {
    Some(match name {
        "ActionText" => vec![
            key("Action"),
            text("Description", 64).nullable().localizable(),
            Column::text("Template", 128).category(Category::Template).nullable().localizable(),
        ],
        "AdminExecuteSequence"
        | "AdminUISequence"
        | "AdvtExecuteSequence"
        | "InstallExecuteSequence"
        | "InstallUISequence" => sequence(),
        "AppSearch" => vec![key("Property"), key("Signature_").foreign("Signature;RegLocator", 1)],
        "Binary" => vec![key("Name"), Column::stream("Data")],
        "CheckBox" => vec![key("Property"), formatted("Value", 64).nullable()],
        "Component" => vec![
            key("Component"),
            Column::text("ComponentId", 38).category(Category::Guid).nullable(),
            directory("Directory_"),
            Column::integer16("Attributes"),
            condition("Condition").nullable(),
            identifier("KeyPath").nullable().foreign("File;Registry;ODBCDataSource", 1),
        ],
        "Condition" => vec![
            Column::text("Feature_", 38).category(Category::Identifier).key().foreign("Feature", 1),
            Column::integer16("Level").key().range(0, MAX16),
            condition("Condition").nullable(),
        ],
        "Control" => vec![
            key("Dialog_").foreign("Dialog", 1),
            Column::text("Control", 50).category(Category::Identifier).key(),
            Column::text("Type", 20).category(Category::Identifier),
            unit("X"),
            unit("Y"),
            unit("Width"),
            unit("Height"),
            Column::integer32("Attributes").nullable().range(0, MAX32),
            Column::text("Property", 50).category(Category::Identifier).nullable(),
            formatted("Text", 0).nullable().localizable(),
            Column::text("Control_Next", 50).category(Category::Identifier).nullable(),
            text("Help", 50).nullable().localizable(),
        ],
        "ControlCondition" => vec![
            key("Dialog_").foreign("Dialog", 1),
            Column::text("Control_", 50).category(Category::Identifier).key(),
            Column::text("Action", 50).category(Category::Text).key().set("Default;Disable;Enable;Hide;Show"),
            condition("Condition").key(),
        ],
        "ControlEvent" => vec![
            key("Dialog_").foreign("Dialog", 1),
            Column::text("Control_", 50).category(Category::Identifier).key(),
            Column::text("Event", 50).category(Category::Formatted).key(),
            Column::text("Argument", 255).category(Category::Formatted).key(),
            condition("Condition").key().nullable(),
            Column::integer16("Ordering").nullable().range(0, MAX16),
        ],
        "CreateFolder" => vec![key("Directory_").foreign("Directory", 1), component().key()],
        "CustomAction" => vec![
            key("Action"),
            Column::integer16("Type").range(1, MAX16),
            Column::text("Source", 72).category(Category::CustomSource).nullable(),
            formatted("Target", 255).nullable(),
            Column::integer32("ExtendedType").nullable().range(0, MAX32),
        ],
        "Dialog" => vec![
            key("Dialog"),
            Column::integer16("HCentering").range(0, 100),
            Column::integer16("VCentering").range(0, 100),
            unit("Width"),
            unit("Height"),
            Column::integer32("Attributes").nullable().range(0, MAX32),
            formatted("Title", 128).nullable().localizable(),
            Column::text("Control_First", 50).category(Category::Identifier),
            Column::text("Control_Default", 50).category(Category::Identifier).nullable(),
            Column::text("Control_Cancel", 50).category(Category::Identifier).nullable(),
        ],
        "Directory" => vec![
            key("Directory"),
            directory("Directory_Parent").nullable(),
            Column::text("DefaultDir", 255).category(Category::DefaultDir).localizable(),
        ],
        "Environment" => vec![
            key("Environment"),
            text("Name", 255).localizable(),
            formatted("Value", 255).nullable().localizable(),
            component(),
        ],
        "EventMapping" => vec![
            key("Dialog_").foreign("Dialog", 1),
            Column::text("Control_", 50).category(Category::Identifier).key(),
            Column::text("Event", 50).category(Category::Identifier).key(),
            Column::text("Attribute", 50).category(Category::Identifier),
        ],
        "Feature" => vec![
            Column::text("Feature", 38).category(Category::Identifier).key(),
            Column::text("Feature_Parent", 38)
                .category(Category::Identifier)
                .nullable()
                .foreign("Feature", 1),
            text("Title", 64).nullable().localizable(),
            text("Description", 255).nullable().localizable(),
            Column::integer16("Display").nullable().range(0, MAX16),
            Column::integer16("Level").range(0, MAX16),
            Column::text("Directory_", 72).category(Category::UpperCase).nullable().foreign("Directory", 1),
            Column::integer16("Attributes").range(0, 63),
        ],
        "FeatureComponents" => vec![
            Column::text("Feature_", 38).category(Category::Identifier).key().foreign("Feature", 1),
            component().key(),
        ],
        "File" => vec![
            key("File"),
            component(),
            Column::text("FileName", 255).category(Category::Filename).localizable(),
            Column::integer32("FileSize").range(0, MAX32),
            Column::text("Version", 72).category(Category::Version).nullable().foreign("File", 1),
            Column::text("Language", 20).category(Category::Language).nullable(),
            Column::integer16("Attributes").nullable().range(0, MAX16),
            Column::integer32("Sequence").range(1, MAX32),
        ],
        "Icon" => vec![key("Name"), Column::stream("Data")],
        "LaunchCondition" => vec![
            Column::text("Condition", 255).category(Category::Condition).key(),
            formatted("Description", 255).localizable(),
        ],
        "ListBox" => vec![
            key("Property"),
            Column::integer16("Order").key().range(1, MAX16),
            formatted("Value", 64),
            text("Text", 64).nullable().localizable(),
        ],
        "Media" => vec![
            Column::integer16("DiskId").key().range(1, MAX16),
            Column::integer32("LastSequence").range(0, MAX32),
            text("DiskPrompt", 64).nullable().localizable(),
            Column::text("Cabinet", 255).category(Category::Cabinet).nullable(),
            text("VolumeLabel", 32).nullable(),
            Column::text("Source", 72).category(Category::Property).nullable(),
        ],
        "MsiFileHash" => vec![
            key("File_").foreign("File", 1),
            Column::integer16("Options").range(0, MAX16),
            Column::integer32("HashPart1"),
            Column::integer32("HashPart2"),
            Column::integer32("HashPart3"),
            Column::integer32("HashPart4"),
        ],
        "MsiLockPermissionsEx" => vec![
            key("MsiLockPermissionsEx"),
            identifier("LockObject"),
            Column::text("Table", 32)
                .category(Category::Text)
                .set("CreateFolder;File;Registry;ServiceInstall"),
            Column::text("SDDLText", 0).category(Category::FormattedSddlText),
            condition("Condition").nullable(),
        ],
        "MsiShortcutProperty" => vec![
            key("MsiShortcutProperty"),
            identifier("Shortcut_").foreign("Shortcut", 1),
            formatted("PropertyKey", 0),
            formatted("PropVariantValue", 0),
        ],
        "Property" => vec![key("Property"), text("Value", 0).localizable()],
        "RadioButton" => vec![
            key("Property"),
            Column::integer16("Order").key().range(1, MAX16),
            formatted("Value", 64),
            unit("X"),
            unit("Y"),
            unit("Width"),
            unit("Height"),
            text("Text", 64).nullable().localizable(),
            text("Help", 50).nullable().localizable(),
        ],
        "RegLocator" => vec![
            key("Signature_"),
            Column::integer16("Root").range(0, 3),
            Column::text("Key", 255).category(Category::RegPath),
            formatted("Name", 255).nullable(),
            Column::integer16("Type").nullable().range(0, 18),
        ],
        "Registry" => vec![
            key("Registry"),
            Column::integer16("Root").range(-1, 3),
            Column::text("Key", 255).category(Category::RegPath).localizable(),
            formatted("Name", 255).nullable().localizable(),
            formatted("Value", 0).nullable().localizable(),
            component(),
        ],
        "RemoveFile" => vec![
            key("FileKey"),
            component(),
            Column::text("FileName", 255).category(Category::WildCardFilename).nullable().localizable(),
            Column::text("DirProperty", 72).category(Category::Identifier),
            Column::integer16("InstallMode").range(1, 3),
        ],
        "ServiceControl" => vec![
            key("ServiceControl"),
            formatted("Name", 255).localizable(),
            Column::integer16("Event").range(0, 187),
            formatted("Arguments", 255).nullable(),
            Column::integer16("Wait").nullable().range(0, 1),
            component(),
        ],
        "ServiceInstall" => vec![
            key("ServiceInstall"),
            formatted("Name", 255),
            formatted("DisplayName", 255).nullable().localizable(),
            Column::integer32("ServiceType"),
            Column::integer32("StartType").range(0, 4),
            Column::integer32("ErrorControl"),
            formatted("LoadOrderGroup", 255).nullable(),
            formatted("Dependencies", 255).nullable(),
            formatted("StartName", 255).nullable(),
            formatted("Password", 255).nullable(),
            formatted("Arguments", 255).nullable(),
            component(),
            formatted("Description", 255).nullable().localizable(),
        ],
        "Shortcut" => vec![
            key("Shortcut"),
            directory("Directory_"),
            Column::text("Name", 128).category(Category::Filename).localizable(),
            component(),
            Column::text("Target", 255).category(Category::Shortcut),
            formatted("Arguments", 255).nullable(),
            text("Description", 255).nullable().localizable(),
            Column::integer16("Hotkey").nullable().range(0, MAX16),
            identifier("Icon_").nullable().foreign("Icon", 1),
            Column::integer16("IconIndex").nullable(),
            Column::integer16("ShowCmd").nullable().set("1;3;7"),
            identifier("WkDir").nullable(),
        ],
        "Signature" => vec![
            key("Signature"),
            Column::text("FileName", 255).category(Category::Filename),
            Column::text("MinVersion", 20).category(Category::Text).nullable(),
            Column::text("MaxVersion", 20).category(Category::Text).nullable(),
            Column::integer32("MinSize").nullable().range(0, MAX32),
            Column::integer32("MaxSize").nullable().range(0, MAX32),
            Column::integer32("MinDate").nullable().range(0, MAX32),
            Column::integer32("MaxDate").nullable().range(0, MAX32),
            Column::text("Languages", 255).category(Category::Language).nullable(),
        ],
        "TextStyle" => vec![
            key("TextStyle"),
            text("FaceName", 32),
            Column::integer16("Size").range(0, MAX16),
            Column::integer32("Color").nullable().range(0, 16_777_215),
            Column::integer16("StyleBits").nullable().range(0, 15),
        ],
        "UIText" => vec![key("Key"), text("Text", 255).nullable().localizable()],
        "Upgrade" => vec![
            Column::text("UpgradeCode", 38).category(Category::Guid).key(),
            text("VersionMin", 20).key().nullable(),
            text("VersionMax", 20).key().nullable(),
            Column::text("Language", 255).category(Category::Language).key().nullable(),
            Column::integer32("Attributes").key().range(0, MAX32),
            formatted("Remove", 255).nullable(),
            Column::text("ActionProperty", 72).category(Category::UpperCase),
        ],
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_table_begins_with_its_keys() {
        for name in TABLES {
            let table = table(name).unwrap();
            let keys = table.columns.iter().take_while(|column| column.key).count();
            assert!(keys > 0, "{name} has no key");
            assert!(table.columns.iter().skip(keys).all(|column| !column.key), "{name}: the keys come first");
        }
        assert_eq!(table("Nonsense"), None);
    }
}
