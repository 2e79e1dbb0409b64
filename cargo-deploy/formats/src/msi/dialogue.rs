//! The windows that an installer shows: what is said and chosen before, while and after it works.
//!
//! Rows alone, no code: Windows Installer draws them and acts on them ("User Interface Reference" of its SDK). They have
//! 370 × 270 units, the size that all its dialogues have had, with one unit a twelfth of the system font's height.

use crate::msi::Value;
use crate::msi::draft::{Draft, INSTALL_DIRECTORY};
use crate::msi::installer::Scope;
use crate::msi::property::{NEWER, OLDER};
use crate::msi::rtf::Licence;
use crate::msi::sequence;
use crate::msi::window::{Area, Control, INDIRECT, SUNKEN, WIDTH, Window};

/// Which windows are shown.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Dialogues {
    /// Terms that a person has to agree to.
    pub licence: Option<Licence>,
}

const WELCOME: &str = "WelcomeDlg";
const LICENCE: &str = "LicenceDlg";
const SCOPE: &str = "ScopeDlg";
const FOLDER: &str = "FolderDlg";
const BROWSE: &str = "BrowseDlg";
const FEATURES: &str = "FeaturesDlg";
const READY: &str = "ReadyDlg";
const READY_CHANGE: &str = "ReadyToChangeDlg";
const READY_REPAIR: &str = "ReadyToRepairDlg";
const READY_REMOVE: &str = "ReadyToRemoveDlg";
const PROGRESS: &str = "ProgressDlg";
const FINISH: &str = "FinishDlg";
const FATAL: &str = "FatalErrorDlg";
const STOPPED: &str = "UserExitDlg";
const MAINTENANCE: &str = "MaintenanceDlg";
const CANCEL: &str = "CancelDlg";
const DISK: &str = "OutOfDiskDlg";
const WAITING: &str = "WaitForCostingDlg";
const ERROR: &str = "ErrorDlg";

/// One white pixel, stretched to whatever is white.
const WHITE: [u8; 58] = {
    let mut bytes = [0; 58];
    (bytes[0], bytes[1]) = (b'B', b'M');
    bytes[2] = 58;
    bytes[10] = 54;
    bytes[14] = 40;
    (bytes[18], bytes[22], bytes[26], bytes[28], bytes[34]) = (1, 1, 1, 24, 4);
    (bytes[54], bytes[55], bytes[56]) = (0xff, 0xff, 0xff);
    bytes
};

/// What is going on: said on the command line, or chosen in a dialogue, which does not set the properties of the command line.
const MODES: [(&str, &str); 4] = [
    ("install", "NOT Installed"),
    (
        "change",
        "Installed AND NOT REMOVE=\"ALL\" AND NOT REINSTALL AND NOT InstallMode=\"remove\" AND NOT InstallMode=\"repair\"",
    ),
    (
        "repair",
        "Installed AND NOT REMOVE=\"ALL\" AND NOT InstallMode=\"remove\" AND (REINSTALL OR InstallMode=\"repair\")",
    ),
    ("remove", "REMOVE=\"ALL\" OR InstallMode=\"remove\""),
];

/// Rows of everything that is seen.
pub(super) fn rows(draft: &mut Draft<'_>) {
    // What is said of the work also stands in Windows' own small window.
    let language = &draft.installer.language;
    let actions: Vec<(String, String)> =
        language.section("action").map(|(action, text)| (action.to_owned(), text.to_owned())).collect();
    for (action, text) in actions {
        draft.row("ActionText", [action.into(), text.into()]);
    }
    let Some(dialogues) = draft.installer.dialogues.clone() else { return };
    let texts: Vec<(String, String)> =
        language.section("ui").map(|(key, text)| (key.to_owned(), text.to_owned())).collect();
    for (key, text) in texts {
        draft.row("UIText", [key.into(), text.into()]);
    }
    let font = language.text("language.font").to_owned();
    for (style, size, bits) in [("Normal", 8, 0), ("Title", 8, 1), ("Big", 12, 0)] {
        draft.row("TextStyle", [style.into(), font.as_str().into(), size.into(), Value::Null, bits.into()]);
    }
    draft.row("Binary", ["White".into(), Value::Stream(WHITE.to_vec())]);
    if let Some(picture) = draft.installer.product.icon.as_deref().and_then(picture) {
        draft.row("Binary", ["ProductPicture".into(), Value::Stream(picture)]);
    }
    draft.property("DefaultUIFont", "Normal");
    draft.property("ErrorDialog", ERROR);
    let pages = Pages::new(draft, &dialogues);
    pages.welcome(draft);
    if let Some(licence) = &dialogues.licence {
        pages.licence(draft, &licence.rtf(&font));
    }
    if draft.installer.scope == Scope::Choose {
        pages.scope(draft);
    }
    pages.folder(draft);
    if draft.installer.has_choices() {
        pages.features(draft);
    }
    pages.ready(draft);
    pages.maintenance(draft);
    pages.progress(draft);
    pages.ends(draft);
    pages.questions(draft);
    pages.in_use(draft);
    pages.error(draft);
    for (sequence, dialogues) in [
        (
            "InstallUISequence",
            &[
                (FATAL, None, -3),
                (STOPPED, None, -2),
                (FINISH, None, -1),
                (WELCOME, Some("NOT Installed"), 1230),
                (MAINTENANCE, Some("Installed AND NOT RESUME AND NOT Preselected"), 1250),
                (PROGRESS, None, 1280),
            ][..],
        ),
        (
            "AdminUISequence",
            &[(FATAL, None, -3), (STOPPED, None, -2), (FINISH, None, -1), (PROGRESS, None, 1280)][..],
        ),
    ] {
        for (dialogue, condition, number) in dialogues {
            sequence::row(draft, sequence, dialogue, *condition, *number);
        }
    }
}

/// The order of the pages, and what all of them have.
struct Pages {
    /// Those of an installation, up to the last before it begins.
    order: Vec<&'static str>,
    has_picture: bool,
}

impl Pages {
    fn new(draft: &Draft<'_>, dialogues: &Dialogues) -> Self {
        let mut order = vec![WELCOME];
        order.extend(dialogues.licence.is_some().then_some(LICENCE));
        order.extend((draft.installer.scope == Scope::Choose).then_some(SCOPE));
        order.push(FOLDER);
        order.extend(draft.installer.has_choices().then_some(FEATURES));
        order.push(READY);
        let picture = draft.installer.product.icon.as_deref().and_then(picture);
        Pages { order, has_picture: picture.is_some() }
    }

    fn next(&self, page: &str) -> &'static str {
        let place = self.order.iter().position(|known| *known == page);
        place.and_then(|place| self.order.get(place + 1)).copied().unwrap_or(READY)
    }

    fn before(&self, page: &str) -> &'static str {
        let place = self.order.iter().position(|known| *known == page).and_then(|place| place.checked_sub(1));
        place.and_then(|place| self.order.get(place)).copied().unwrap_or(WELCOME)
    }

    /// A page with a heading in a band at the top.
    fn page(&self, name: &'static str, heading: String, about: String) -> Window {
        let mut window = Window::large(name)
            .with(Control::new("Band", "Bitmap", (0, 0, WIDTH, 44)).text("White"))
            .with(Control::words("Heading", (15, 7, 300, 14), format!("{{\\Title}}{heading}")))
            .with(Control::words("Explanation", (23, 23, 292, 18), about))
            .with(Control::new("BandLine", "Line", (0, 44, WIDTH, 2)));
        if self.has_picture {
            window = window.with(product((334, 10, 24, 24)));
        }
        window
    }

    /// A page with a large heading on white: the first and the last. Controls lie upon each other in the order of their names.
    fn cover(&self, name: &'static str, heading: &str) -> Window {
        let mut window =
            Window::large(name).with(Control::new("Background", "Bitmap", (0, 0, WIDTH, 234)).text("White"));
        if self.has_picture {
            window = window.with(product((25, 25, 36, 36)));
        }
        window.with(Control::words("Heading", (80, 25, 270, 50), format!("{{\\Big}}{heading}")))
    }
}

fn product(area: Area) -> Control {
    Control::new("Picture", "Bitmap", area).text("ProductPicture")
}

fn line() -> Control {
    Control::new("Line", "Line", (0, 234, WIDTH, 2))
}

fn text(draft: &Draft<'_>, key: &str) -> String {
    draft.installer.language.text(key).to_owned()
}

fn button(draft: &Draft<'_>, name: &'static str, key: &str, x: i32) -> Control {
    Control::new(name, "PushButton", (x, 243, 62, 18)).text(text(draft, &format!("button.{key}")))
}

fn back(draft: &Draft<'_>) -> Control {
    button(draft, "Back", "back", 164)
}

fn next(draft: &Draft<'_>) -> Control {
    button(draft, "Next", "next", 226)
}

fn cancel(draft: &Draft<'_>) -> Control {
    button(draft, "Cancel", "cancel", 298).does("SpawnDialog", CANCEL)
}

impl Pages {
    fn welcome(&self, draft: &mut Draft<'_>) {
        self.cover(WELCOME, &text(draft, "welcome.heading"))
            .with(Control::words("Text", (80, 85, 270, 60), text(draft, "welcome.text")))
            .with(Control::words("Older", (80, 150, 270, 40), text(draft, "welcome.older")).only_if(OLDER))
            .with(line())
            .with(next(draft).does("NewDialog", self.next(WELCOME)))
            .with(cancel(draft))
            .keys("Next", "Cancel")
            .rows(draft);
    }

    fn licence(&self, draft: &mut Draft<'_>, rtf: &str) {
        self.page(LICENCE, text(draft, "licence.heading"), text(draft, "licence.about"))
            .with(Control::new("Terms", "ScrollableText", (20, 56, 330, 142)).text(rtf).and(SUNKEN))
            .with(
                Control::new("Accept", "CheckBox", (20, 208, 330, 18))
                    .text(text(draft, "licence.accept"))
                    .property("LicenceAccepted"),
            )
            .with(line())
            .with(back(draft).does("NewDialog", self.before(LICENCE)))
            .with(next(draft).does("NewDialog", self.next(LICENCE)).enabled_if("LicenceAccepted=\"1\""))
            .with(cancel(draft))
            .keys("Next", "Cancel")
            .rows(draft);
        draft.row("CheckBox", ["LicenceAccepted".into(), "1".into()]);
    }

    fn scope(&self, draft: &mut Draft<'_>) {
        const PROPERTY: &str = "InstallScope";
        let user = "InstallScope=\"user\"";
        let machine = "InstallScope=\"machine\"";
        self.page(SCOPE, text(draft, "scope.heading"), text(draft, "scope.about"))
            .with(Control::new("Choice", "RadioButtonGroup", (20, 62, 330, 100)).property(PROPERTY))
            .with(Control::words("UserAbout", (37, 82, 310, 24), text(draft, "scope.user-about")))
            .with(Control::words("MachineAbout", (37, 132, 310, 24), text(draft, "scope.machine-about")))
            .with(line())
            .with(back(draft).does("NewDialog", self.before(SCOPE)))
            .with(
                next(draft)
                    // Said in so many words: an emptied MSIINSTALLPERUSER would have to be told to the part with the rights.
                    .sets("ALLUSERS", "2", user)
                    .sets("MSIINSTALLPERUSER", "1", user)
                    .sets("ALLUSERS", "1", machine)
                    .sets(INSTALL_DIRECTORY, "[UserDirectory]", user)
                    .sets(INSTALL_DIRECTORY, "[MachineDirectory]", machine)
                    .does("SetTargetPath", INSTALL_DIRECTORY)
                    // The versions that are there were looked for in the other place.
                    .sets(OLDER, "{}", "1")
                    .sets(NEWER, "{}", "1")
                    .does("DoAction", "FindRelatedProducts")
                    .does("NewDialog", self.next(SCOPE)),
            )
            .with(cancel(draft))
            .keys("Next", "Cancel")
            .rows(draft);
        for (order, value, y) in [(1, "user", 0), (2, "machine", 50)] {
            let label = text(draft, &format!("scope.{value}"));
            draft.row(
                "RadioButton",
                [
                    PROPERTY.into(),
                    order.into(),
                    value.into(),
                    2.into(),
                    y.into(),
                    325.into(),
                    18.into(),
                    label.into(),
                ],
            );
        }
        draft.property(PROPERTY, "user");
    }

    fn folder(&self, draft: &mut Draft<'_>) {
        self.page(FOLDER, text(draft, "folder.heading"), text(draft, "folder.about"))
            .with(Control::new("Label", "Text", (20, 70, 330, 14)).text(text(draft, "folder.label")))
            .with(Control::new("Folder", "PathEdit", (20, 86, 330, 18)).property(INSTALL_DIRECTORY))
            .with(
                Control::new("Browse", "PushButton", (20, 112, 80, 18))
                    .text(text(draft, "button.browse"))
                    .sets("_BrowseProperty", INSTALL_DIRECTORY, "1")
                    .does("SpawnDialog", BROWSE),
            )
            .with(line())
            .with(back(draft).does("NewDialog", self.before(FOLDER)))
            .with(next(draft).does("SetTargetPath", INSTALL_DIRECTORY).does("NewDialog", self.next(FOLDER)))
            .with(cancel(draft))
            .keys("Next", "Cancel")
            .rows(draft);
        self.browse(draft);
    }

    fn browse(&self, draft: &mut Draft<'_>) {
        const PROPERTY: &str = "_BrowseProperty";
        // Removable, fixed, remote and in memory.
        let drives = 0x1_0000 | 0x2_0000 | 0x4_0000 | 0x10_0000;
        self.page(BROWSE, text(draft, "browse.heading"), text(draft, "browse.about"))
            .with(Control::new("LookInLabel", "Text", (20, 54, 200, 14)).text(text(draft, "browse.look-in")))
            .with(
                Control::new("LookIn", "DirectoryCombo", (20, 68, 208, 80))
                    .property(PROPERTY)
                    .and(INDIRECT | drives),
            )
            .with(
                Control::new("Up", "PushButton", (232, 67, 58, 18))
                    .text(text(draft, "browse.up"))
                    .does("DirectoryListUp", "0"),
            )
            .with(
                Control::new("New", "PushButton", (294, 67, 66, 18))
                    .text(text(draft, "browse.new"))
                    .does("DirectoryListNew", "0"),
            )
            .with(
                Control::new("List", "DirectoryList", (20, 90, 340, 98))
                    .property(PROPERTY)
                    .and(SUNKEN | INDIRECT),
            )
            .with(Control::new("PathLabel", "Text", (20, 193, 330, 14)).text(text(draft, "browse.label")))
            .with(Control::new("Path", "PathEdit", (20, 207, 340, 18)).property(PROPERTY).and(INDIRECT))
            .with(line())
            .with(
                button(draft, "OK", "ok", 226)
                    .does("SetTargetPath", "[_BrowseProperty]")
                    .does("EndDialog", "Return"),
            )
            .with(button(draft, "Cancel", "cancel", 298).does("Reset", "0").does("EndDialog", "Return"))
            .keys("OK", "Cancel")
            .rows(draft);
        draft.property(PROPERTY, INSTALL_DIRECTORY);
    }

    fn features(&self, draft: &mut Draft<'_>) {
        self.page(FEATURES, text(draft, "features.heading"), text(draft, "features.about"))
            .with(Control::words("TreeLabel", (20, 52, 340, 14), text(draft, "features.tree")))
            .with(
                Control::new("Tree", "SelectionTree", (20, 68, 180, 156))
                    .property("_BrowseProperty")
                    .and(SUNKEN),
            )
            .with(Control::words("PartAbout", (210, 70, 150, 60), "").follows("SelectionDescription", "Text"))
            .with(Control::words("PartSize", (210, 135, 150, 60), "").follows("SelectionSize", "Text"))
            .with(line())
            .with(
                Control::new("Reset", "PushButton", (20, 243, 80, 18))
                    .text(text(draft, "features.reset"))
                    .does("Reset", "0"),
            )
            .with(back(draft).does_if("NewDialog", self.before(FEATURES), "NOT Installed").does_if(
                "NewDialog",
                MAINTENANCE,
                "Installed",
            ))
            .with(next(draft).does_if("NewDialog", self.next(FEATURES), "NOT Installed").does_if(
                "NewDialog",
                READY_CHANGE,
                "Installed",
            ))
            .with(cancel(draft))
            .keys("Next", "Cancel")
            .rows(draft);
    }

    fn ready(&self, draft: &mut Draft<'_>) {
        let mut pages = vec![
            (READY, "install", self.before(READY), &[][..]),
            (READY_REPAIR, "repair", MAINTENANCE, &[("ReinstallMode", "amus"), ("Reinstall", "ALL")][..]),
            (READY_REMOVE, "remove", MAINTENANCE, &[("Remove", "ALL")][..]),
        ];
        if draft.installer.has_choices() {
            pages.push((READY_CHANGE, "change", FEATURES, &[][..]));
        }
        for (name, mode, before, events) in pages {
            let heading = text(draft, &format!("ready.{mode}-heading"));
            // A shield says that Windows will ask.
            let shield = if draft.installer.scope == Scope::Machine { 0x80_0000 } else { 0 };
            // It waits until the room that is needed is known.
            let mut go = button(draft, "Go", mode, 226).and(shield).does_if(
                "SpawnWaitDialog",
                WAITING,
                "CostingComplete = 1",
            );
            for (event, argument) in events {
                go = go.does(event, argument);
            }
            go = go.does_if("SpawnDialog", DISK, "OutOfDiskSpace = 1").does_if(
                "EndDialog",
                "Return",
                "OutOfDiskSpace <> 1",
            );
            self.page(name, heading, "[ProductName] [ProductVersion]".to_owned())
                .with(Control::words("Text", (20, 66, 330, 60), text(draft, &format!("ready.{mode}-text"))))
                .with(line())
                .with(back(draft).does("NewDialog", before))
                .with(go)
                .with(cancel(draft))
                .keys("Go", "Cancel")
                .rows(draft);
        }
    }

    fn maintenance(&self, draft: &mut Draft<'_>) {
        let mut window =
            self.page(MAINTENANCE, text(draft, "maintenance.heading"), text(draft, "maintenance.about"));
        let mut choices = vec![
            ("Repair", "RepairAbout", "repair", READY_REPAIR),
            ("Remove", "RemoveAbout", "remove", READY_REMOVE),
        ];
        if draft.installer.has_choices() {
            let change = ("Change", "ChangeAbout", "change", FEATURES);
            choices.insert(0, change);
        }
        for (row, (name, about_name, mode, page)) in (0_i32..).zip(choices) {
            let y = 64 + row * 54;
            let [label, about] = ["", "-about"].map(|end| format!("maintenance.{mode}{end}"));
            window = window
                .with(
                    Control::new(name, "PushButton", (25, y, 90, 20))
                        .text(text(draft, &label))
                        .sets("InstallMode", mode, "1")
                        .does("NewDialog", page),
                )
                .with(Control::words(about_name, (127, y + 4, 228, 40), text(draft, &about)));
        }
        let first = if draft.installer.has_choices() { "Change" } else { "Repair" };
        window.with(line()).with(cancel(draft)).keys(first, "Cancel").rows(draft);
    }

    fn progress(&self, draft: &mut Draft<'_>) {
        let mut window = Window::large(PROGRESS)
            // Not modal: the work goes on behind it.
            .with_attributes(1 | 4)
            .with(Control::new("Band", "Bitmap", (0, 0, WIDTH, 44)).text("White"))
            .with(Control::new("BandLine", "Line", (0, 44, WIDTH, 2)));
        if self.has_picture {
            window = window.with(product((334, 10, 24, 24)));
        }
        for (name, mode, condition) in modes() {
            let words = format!("{{\\Title}}{}", text(draft, &format!("progress.{mode}")));
            window = window.with(Control::words(name, (15, 15, 300, 16), words).only_if(condition));
        }
        window
            .with(Control::words("Wait", (20, 66, 330, 20), text(draft, "progress.wait")))
            .with(Control::words("Status", (20, 100, 60, 14), text(draft, "progress.status")))
            .with(Control::words("Action", (80, 100, 270, 14), "").follows("ActionText", "Text"))
            .with(
                Control::new("Bar", "ProgressBar", (20, 118, 330, 12))
                    .and(0x1_0000)
                    .follows("SetProgress", "Progress"),
            )
            .with(line())
            .with(cancel(draft))
            .keys("Cancel", "Cancel")
            .rows(draft);
    }

    /// What is shown when all is over.
    fn ends(&self, draft: &mut Draft<'_>) {
        let close = |draft: &Draft<'_>, argument: &str| {
            button(draft, "Finish", "finish", 298).does("EndDialog", argument)
        };
        let mut window = self.cover(FINISH, &text(draft, "finish.heading"));
        for (name, mode, condition) in modes() {
            let words = text(draft, &format!("finish.{mode}"));
            window = window.with(Control::words(name, (80, 85, 270, 60), words).only_if(condition));
        }
        window.with(line()).with(close(draft, "Return")).keys("Finish", "Finish").rows(draft);
        for (name, section) in [(FATAL, "fatal"), (STOPPED, "stopped")] {
            self.cover(name, &text(draft, &format!("{section}.heading")))
                .with(Control::words("Text", (80, 85, 270, 80), text(draft, &format!("{section}.text"))))
                .with(line())
                .with(close(draft, "Exit"))
                .keys("Finish", "Finish")
                .rows(draft);
        }
    }

    /// Small windows in front of the others.
    fn questions(&self, draft: &mut Draft<'_>) {
        let small = |draft: &Draft<'_>, name, key: &str, x| {
            Control::new(name, "PushButton", (x, 57, 62, 18)).text(text(draft, &format!("button.{key}")))
        };
        Window::small(CANCEL, (280, 86))
            .with(Control::words("Text", (20, 15, 240, 34), text(draft, "cancel.question")))
            .with(small(draft, "No", "no", 144).does("EndDialog", "Return"))
            .with(small(draft, "Yes", "yes", 72).does("EndDialog", "Exit"))
            .keys("No", "No")
            .rows(draft);
        Window::small(WAITING, (280, 86))
            .with(Control::words("Text", (20, 15, 240, 34), text(draft, "waiting.text")))
            .with(small(draft, "Cancel", "cancel", 109).does("EndDialog", "Exit"))
            .keys("Cancel", "Cancel")
            .rows(draft);
        self.page(DISK, text(draft, "disk.heading"), text(draft, "disk.about"))
            .with(Control::words("Text", (20, 54, 330, 30), text(draft, "disk.text")))
            .with(
                // Widths of its columns; what an undo needs counts, too.
                Control::new("Drives", "VolumeCostList", (20, 90, 330, 130))
                    .text("{90}{60}{60}{60}{60}")
                    .and(SUNKEN | 0x1_0000 | 0x2_0000 | 0x4_0000 | 0x40_0000),
            )
            .with(line())
            .with(button(draft, "OK", "ok", 298).does("EndDialog", "Return"))
            .keys("OK", "OK")
            .rows(draft);
    }

    /// Programs that use files which have to be replaced. The names of these two windows are given by Windows.
    fn in_use(&self, draft: &mut Draft<'_>) {
        let list = |y, height| {
            Control::new("List", "ListBox", (20, y, 330, height)).property("FileInUseProcess").and(SUNKEN)
        };
        self.page("FilesInUse", text(draft, "in-use.heading"), text(draft, "in-use.about"))
            .with(Control::words("Text", (20, 54, 330, 30), text(draft, "in-use.text")))
            .with(list(90, 130))
            .with(line())
            .with(button(draft, "Retry", "retry", 164).does("EndDialog", "Retry"))
            .with(button(draft, "Ignore", "ignore", 226).does("EndDialog", "Ignore"))
            .with(button(draft, "Exit", "exit", 298).does("EndDialog", "Exit"))
            .keys("Retry", "Exit")
            .rows(draft);
        const CHOICE: &str = "RestartManagerChoice";
        self.page("MsiRMFilesInUse", text(draft, "in-use.heading"), text(draft, "in-use.about"))
            .with(Control::words("Text", (20, 54, 330, 20), text(draft, "in-use.manager-text")))
            .with(list(76, 96))
            .with(Control::new("Choice", "RadioButtonGroup", (20, 180, 330, 44)).property(CHOICE))
            .with(line())
            .with(
                button(draft, "OK", "ok", 226)
                    .does_if("RMShutdownAndRestart", "0", &format!("{CHOICE}=\"close\""))
                    .does("EndDialog", "Return"),
            )
            .with(button(draft, "Cancel", "cancel", 298).does("EndDialog", "Exit"))
            .keys("OK", "Cancel")
            .rows(draft);
        for (order, value, y) in [(1, "close", 0), (2, "leave", 20)] {
            let label = text(draft, &format!("in-use.manager-{value}"));
            draft.row(
                "RadioButton",
                [
                    CHOICE.into(),
                    order.into(),
                    value.into(),
                    2.into(),
                    y.into(),
                    325.into(),
                    18.into(),
                    label.into(),
                ],
            );
        }
        draft.property(CHOICE, "close");
        draft.empty_table("ListBox");
    }

    /// The names of the controls are given by Windows, which shows those that a message needs and moves them.
    fn error(&self, draft: &mut Draft<'_>) {
        let mut window = Window::small(ERROR, (280, 110))
            .with_attributes(1 | 2 | 0x1_0000)
            .with(Control::words("ErrorText", (20, 15, 240, 60), "").stop());
        for (name, key, event, x) in [
            ("O", "ok", "ErrorOk", 109),
            ("Y", "yes", "ErrorYes", 50),
            ("N", "no", "ErrorNo", 170),
            ("A", "abort", "ErrorAbort", 20),
            ("R", "retry", "ErrorRetry", 109),
            ("I", "ignore", "ErrorIgnore", 198),
            ("C", "cancel", "ErrorCancel", 198),
        ] {
            let area = (x, 82, 62, 18);
            let label = text(draft, &format!("button.{key}"));
            window = window.with(Control::new(name, "PushButton", area).text(label).does("EndDialog", event));
        }
        window.rows(draft);
    }
}

/// The name of the control for a mode, the mode, and when it is shown.
fn modes() -> [(&'static str, &'static str, &'static str); 4] {
    let [install, change, repair, remove] = MODES;
    [
        ("Installed", install.0, install.1),
        ("Changed", change.0, change.1),
        ("Repaired", repair.0, repair.1),
        ("Removed", remove.0, remove.1),
    ]
}

/// The picture of an `.ico` that is nearest to 48 pixels, and not larger, on white as a bitmap of its own: a control for icons would
/// draw them on grey. `None` where there is none with 32 bits a point.
fn picture(icon: &[u8]) -> Option<Vec<u8>> {
    let count = u16::from_le_bytes(icon.get(4..6)?.try_into().ok()?);
    let number = |bytes: &[u8], from: usize| -> Option<usize> {
        usize::try_from(u32::from_le_bytes(bytes.get(from..from + 4)?.try_into().ok()?)).ok()
    };
    let of = |entry: &[u8]| -> Option<(usize, Vec<u8>)> {
        let side = usize::from(*entry.first()?);
        let (size, offset) = (number(entry, 8)?, number(entry, 12)?);
        let content = icon.get(offset..offset.checked_add(size)?)?;
        // A header of 40 bytes, as wide as it is said to be, twice as high (the mask follows), with 32 bits, not compressed.
        let header = [number(content, 0)?, number(content, 4)?, number(content, 8)?, number(content, 16)?];
        let bits = u16::from_le_bytes(content.get(14..16)?.try_into().ok()?);
        let fits = (1..=48).contains(&side) && header == [40, side, 2 * side, 0] && bits == 32;
        let points = content.get(40..40 + side * side * 4).filter(|_| fits)?;
        let mut rows = Vec::with_capacity(side * (side * 3 + 3));
        for row in points.chunks_exact(side * 4) {
            for point in row.chunks_exact(4) {
                let opacity = u32::from(point[3]);
                let mixed = |colour: u8| (u32::from(colour) * opacity + 255 * (255 - opacity) + 127) / 255;
                rows.extend(point[..3].iter().map(|colour| u8::try_from(mixed(*colour)).unwrap_or(u8::MAX)));
            }
            rows.resize(rows.len().next_multiple_of(4), 0);
        }
        Some((side, rows))
    };
    let entries = icon.get(6..)?.chunks_exact(16).take(usize::from(count));
    let (side, rows) = entries.filter_map(of).max_by_key(|(side, _)| *side)?;
    let side = u32::try_from(side).ok()?;
    let length = u32::try_from(rows.len()).ok()?;
    let mut bitmap = Vec::with_capacity(54 + rows.len());
    bitmap.extend_from_slice(b"BM");
    for field in [54 + length, 0, 54, 40, side, side, 1 | 24 << 16, 0, length, 0, 0, 0, 0] {
        bitmap.extend_from_slice(&field.to_le_bytes());
    }
    bitmap.extend_from_slice(&rows);
    Some(bitmap)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An icon of one picture, whose points are half see-through red.
    fn icon(side: u8) -> Vec<u8> {
        let points = usize::from(side) * usize::from(side);
        let mut content: Vec<u8> =
            [40_u32, u32::from(side), u32::from(side) * 2, 1 | 32 << 16, 0, 0, 0, 0, 0, 0]
                .iter()
                .flat_map(|field| field.to_le_bytes())
                .collect();
        content.extend([0_u8, 0, 255, 128].repeat(points));
        let mut icon = vec![0, 0, 1, 0, 1, 0, side, side, 0, 0, 1, 0, 32, 0];
        icon.extend(u32::try_from(content.len()).unwrap().to_le_bytes());
        icon.extend(22_u32.to_le_bytes());
        icon.extend(content);
        icon
    }

    #[test]
    fn the_picture_of_the_product_stands_on_white() {
        let bitmap = picture(&icon(2)).unwrap();
        assert_eq!(bitmap.len(), 54 + 2 * 8, "rows are filled up to four bytes");
        assert_eq!(bitmap[..2], *b"BM");
        assert_eq!(bitmap[54..62], [127, 127, 255, 127, 127, 255, 0, 0]);
        assert_eq!(picture(&icon(64)), None, "too large for where it stands");
        assert_eq!(picture(&icon(2)[..60]), None, "cut off");
        assert_eq!(picture(b""), None);
    }
}
