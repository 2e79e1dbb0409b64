//! Windows, their controls, and the keys of the keyboard.

use std::collections::{BTreeMap, BTreeSet};

use crate::msi::check::{Checks, Row, Rule};

pub(super) fn check(checks: &mut Checks<'_>) {
    standard(checks);
    events(checks);
    let mut controls: BTreeMap<&str, Vec<Row<'_>>> = BTreeMap::new();
    for row in checks.rows("Control") {
        controls.entry(row.key()).or_default().push(row);
    }
    for dialogue in checks.rows("Dialog") {
        let controls = controls.get(dialogue.key()).map(Vec::as_slice).unwrap_or_default();
        tab_order(checks, dialogue, controls);
        accelerators(checks, dialogue, controls);
        inside(checks, dialogue, controls);
    }
    needs(checks);
    styles(checks);
}

/// What Windows asks for by itself.
fn standard(checks: &mut Checks<'_>) {
    let dialogues = checks.keys("Dialog");
    let error = checks.properties().get("ErrorDialog").copied().unwrap_or_default();
    for (name, what) in [
        ("FilesInUse", "files that are in use"),
        ("MsiRMFilesInUse", "programs to be closed"),
        (error, "messages"),
    ] {
        if !dialogues.contains(name) {
            checks.tell(
                Rule::StandardDialogues,
                "Dialog",
                format!("there is no dialogue `{name}` for {what}"),
            );
        }
    }
    for sequence in ["InstallUISequence", "AdminUISequence"] {
        let places: BTreeSet<i32> = checks.rows(sequence).filter_map(|row| row.number("Sequence")).collect();
        for (place, what) in [(-1, "the end"), (-2, "an end by the person"), (-3, "an end by a mistake")] {
            if !places.contains(&place) {
                checks.tell(Rule::StandardDialogues, sequence, format!("there is no dialogue for {what}"));
            }
        }
    }
}

fn events(checks: &mut Checks<'_>) {
    let dialogues = checks.keys("Dialog");
    for row in checks.rows("ControlEvent") {
        let argument = row.text("Argument");
        let opens = matches!(row.text("Event"), "NewDialog" | "SpawnDialog" | "SpawnWaitDialog");
        if opens && !dialogues.contains(argument) {
            checks.tell(Rule::DialogueEvents, row, format!("there is no dialogue `{argument}`"));
        }
    }
    let known: BTreeSet<(&str, &str)> =
        checks.rows("Control").map(|row| (row.key(), row.text("Control"))).collect();
    for table in ["ControlEvent", "ControlCondition", "EventMapping"] {
        for row in checks.rows(table) {
            if !known.contains(&(row.key(), row.text("Control_"))) {
                checks.tell(Rule::DialogueEvents, row, "there is no such control");
            }
        }
    }
}

/// From the first control back to it, past every other that the tabulator can reach.
fn tab_order(checks: &mut Checks<'_>, dialogue: Row<'_>, controls: &[Row<'_>]) {
    let next: BTreeMap<&str, &str> =
        controls.iter().map(|row| (row.text("Control"), row.text("Control_Next"))).collect();
    let first = dialogue.text("Control_First");
    for (column, needed) in [("Control_First", true), ("Control_Default", false), ("Control_Cancel", false)] {
        let name = dialogue.text(column);
        if (needed || !name.is_empty()) && !next.contains_key(name) {
            checks.tell(
                Rule::TabOrder,
                dialogue,
                format!("`{column}` is `{name}`, which is none of its controls"),
            );
        }
    }
    let mut reached = BTreeSet::from([first]);
    let mut at = first;
    while let Some(following) = next.get(at).copied().filter(|following| !following.is_empty()) {
        if !next.contains_key(following) {
            return checks.tell(
                Rule::TabOrder,
                dialogue,
                format!("after `{at}` comes `{following}`, which is not there"),
            );
        }
        if !reached.insert(following) {
            if following != first {
                checks.tell(
                    Rule::TabOrder,
                    dialogue,
                    format!("after `{at}` the tabulator does not come back to `{first}`"),
                );
            }
            break;
        }
        at = following;
    }
    for control in controls {
        let name = control.text("Control");
        let stops = !matches!(
            control.text("Type"),
            "Text" | "Bitmap" | "Icon" | "Line" | "ProgressBar" | "GroupBox" | "VolumeCostList"
        );
        if stops && !reached.contains(name) {
            checks.tell(Rule::TabOrder, *control, "the tabulator does not reach it");
        }
    }
}

/// The letter behind a single `&`.
fn accelerator(text: &str) -> Option<char> {
    let mut letters = text.chars();
    while let Some(letter) = letters.next() {
        if letter == '&' {
            match letters.next() {
                Some('&') => {}
                other => return other.and_then(|letter| letter.to_lowercase().next()),
            }
        }
    }
    None
}

fn accelerators(checks: &mut Checks<'_>, dialogue: Row<'_>, controls: &[Row<'_>]) {
    const NO_PREFIX: i32 = 0x2_0000;
    let mut taken: BTreeMap<char, &str> = BTreeMap::new();
    let mut texts = Vec::new();
    for control in controls {
        let is_text = control.text("Type") == "Text";
        if is_text && control.number("Attributes").unwrap_or_default() & NO_PREFIX != 0 {
            continue;
        }
        if control.text("Type") == "RadioButtonGroup" {
            let property = control.text("Property");
            texts.extend(
                checks.rows("RadioButton").filter(|row| row.key() == property).map(|row| row.text("Text")),
            );
        } else if control.text("Type") != "ScrollableText" {
            texts.push(control.text("Text"));
        }
    }
    for text in texts {
        let Some(letter) = accelerator(text) else { continue };
        if let Some(other) = taken.insert(letter, text) {
            checks.tell(Rule::Accelerators, dialogue, format!("`{other}` and `{text}` have the same key"));
        }
    }
}

/// Controls that would be cut off.
fn inside(checks: &mut Checks<'_>, dialogue: Row<'_>, controls: &[Row<'_>]) {
    let number = |row: Row<'_>, column: &str| row.number(column).unwrap_or_default();
    for control in controls {
        let right = number(*control, "X") + number(*control, "Width");
        let bottom = number(*control, "Y") + number(*control, "Height");
        if right > number(dialogue, "Width") || bottom > number(dialogue, "Height") {
            checks.tell(Rule::ControlNeeds, *control, "it does not fit into its dialogue");
        }
    }
}

fn needs(checks: &mut Checks<'_>) {
    let pictures = checks.keys("Binary");
    let properties = checks.properties();
    let boxes = checks.keys("CheckBox");
    let acting: BTreeSet<(&str, &str)> =
        checks.rows("ControlEvent").map(|row| (row.key(), row.text("Control_"))).collect();
    for row in checks.rows("Control") {
        let (kind, property) = (row.text("Type"), row.text("Property"));
        let missing = match kind {
            "Bitmap" | "Icon" if !pictures.contains(row.text("Text")) => {
                Some("the picture that it shows is not there")
            }
            "PushButton" if !acting.contains(&(row.key(), row.text("Control"))) => {
                Some("nothing happens when it is pushed")
            }
            "CheckBox" if !boxes.contains(property) => Some("no row of CheckBox says its value"),
            "PathEdit" | "SelectionTree" | "DirectoryList" | "DirectoryCombo" | "RadioButtonGroup"
            | "ListBox"
                if property.is_empty() =>
            {
                Some("it has no property")
            }
            _ => None,
        };
        if let Some(what) = missing {
            checks.tell(Rule::ControlNeeds, row, what);
        }
        if kind == "RadioButtonGroup" {
            let chosen = properties.get(property).copied().unwrap_or_default();
            let mut values = checks.rows("RadioButton").filter(|button| button.key() == property);
            if !values.any(|button| button.text("Value") == chosen) {
                checks.tell(
                    Rule::RadioDefault,
                    row,
                    format!("none of its buttons is `{chosen}`, the value of `{property}`"),
                );
            }
        }
    }
}

fn styles(checks: &mut Checks<'_>) {
    let styles = checks.keys("TextStyle");
    let default = checks.properties().get("DefaultUIFont").copied().unwrap_or_default();
    if !styles.contains(default) {
        checks.tell(Rule::TextStyles, "Property DefaultUIFont", format!("there is no style `{default}`"));
    }
    for row in checks.rows("Control").filter(|row| row.text("Type") != "ScrollableText") {
        let style = row.text("Text").strip_prefix("{\\").or_else(|| row.text("Text").strip_prefix("{&"));
        let Some(style) = style.and_then(|rest| rest.split('}').next()) else { continue };
        if !styles.contains(style) {
            checks.tell(Rule::TextStyles, row, format!("there is no style `{style}`"));
        }
    }
}
