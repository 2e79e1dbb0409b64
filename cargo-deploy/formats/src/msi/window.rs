//! A window of an installer, and the controls in it, while they are laid out.

use crate::msi::Value;
use crate::msi::draft::Draft;

/// Left, top, width and height, in twelfths of the height of the system's font.
pub(super) type Area = (i32, i32, i32, i32);

pub(super) const VISIBLE: i32 = 1;
pub(super) const ENABLED: i32 = 2;
pub(super) const SUNKEN: i32 = 4;
/// The property holds the name of the one that is shown.
pub(super) const INDIRECT: i32 = 8;
/// What lies behind a text is seen.
const TRANSPARENT: i32 = 0x1_0000;
/// `&` is a letter.
const NO_PREFIX: i32 = 0x2_0000;

/// The least width and height of all windows of the row that a person goes through.
pub(super) const WIDTH: i32 = 370;
pub(super) const HEIGHT: i32 = 270;

/// Something in a window.
#[derive(Debug)]
pub(super) struct Control {
    name: &'static str,
    kind: &'static str,
    area: Area,
    attributes: i32,
    property: Option<String>,
    text: Option<String>,
    /// Event, argument, condition.
    events: Vec<(String, String, String)>,
    conditions: Vec<(&'static str, String)>,
    mappings: Vec<(&'static str, &'static str)>,
    /// Whether the tabulator stops at it although it is a text.
    stop: bool,
}

impl Control {
    pub(super) fn new(name: &'static str, kind: &'static str, area: Area) -> Self {
        Control {
            name,
            kind,
            area,
            attributes: VISIBLE | ENABLED,
            property: None,
            text: None,
            events: Vec::new(),
            conditions: Vec::new(),
            mappings: Vec::new(),
            stop: false,
        }
    }

    /// A text that is not a label of something else.
    pub(super) fn words(name: &'static str, area: Area, text: impl Into<String>) -> Self {
        Control::new(name, "Text", area).text(text).and(TRANSPARENT | NO_PREFIX)
    }

    pub(super) fn text(mut self, text: impl Into<String>) -> Self {
        self.text = Some(text.into());
        self
    }

    pub(super) fn property(mut self, property: impl Into<String>) -> Self {
        self.property = Some(property.into());
        self
    }

    /// More attributes.
    pub(super) fn and(mut self, attributes: i32) -> Self {
        self.attributes |= attributes;
        self
    }

    /// Shown where the condition holds, and not otherwise.
    pub(super) fn only_if(mut self, condition: &str) -> Self {
        self.attributes &= !VISIBLE;
        self.conditions.push(("Show", condition.to_owned()));
        self
    }

    /// Grey until the condition holds.
    pub(super) fn enabled_if(mut self, condition: &str) -> Self {
        self.conditions.push(("Enable", condition.to_owned()));
        self.conditions.push(("Disable", format!("NOT ({condition})")));
        self
    }

    /// What happens when it is used.
    pub(super) fn does(self, event: &str, argument: &str) -> Self {
        self.does_if(event, argument, "1")
    }

    pub(super) fn does_if(mut self, event: &str, argument: &str, condition: &str) -> Self {
        self.events.push((event.to_owned(), argument.to_owned(), condition.to_owned()));
        self
    }

    /// Sets a property when it is used; `{}` empties it.
    pub(super) fn sets(self, property: &str, value: &str, condition: &str) -> Self {
        self.does_if(&format!("[{property}]"), value, condition)
    }

    /// An attribute follows what Windows Installer tells.
    pub(super) fn follows(mut self, event: &'static str, attribute: &'static str) -> Self {
        self.mappings.push((event, attribute));
        self
    }

    /// The tabulator stops at it.
    pub(super) fn stop(mut self) -> Self {
        self.stop = true;
        self
    }

    /// Whether the tabulator stops at it.
    fn takes_part(&self) -> bool {
        self.stop
            || !matches!(
                self.kind,
                "Bitmap" | "Icon" | "Line" | "ProgressBar" | "GroupBox" | "VolumeCostList"
            ) && (self.kind != "Text" || self.attributes & NO_PREFIX == 0)
    }
}

/// A window.
#[derive(Debug)]
pub(super) struct Window {
    name: &'static str,
    size: (i32, i32),
    attributes: i32,
    controls: Vec<Control>,
    default: Option<&'static str>,
    cancel: Option<&'static str>,
}

impl Window {
    /// One that has to be answered: visible, modal.
    pub(super) fn small(name: &'static str, size: (i32, i32)) -> Self {
        let attributes = 1 | 2;
        Window { name, size, attributes, controls: Vec::new(), default: None, cancel: None }
    }

    /// One of the row that a person goes through: it can be minimised and knows how much room there is.
    pub(super) fn large(name: &'static str) -> Self {
        let mut window = Window::small(name, (WIDTH, HEIGHT));
        window.attributes |= 4 | 32;
        window
    }

    pub(super) fn with_attributes(mut self, attributes: i32) -> Self {
        self.attributes = attributes;
        self
    }

    pub(super) fn with(mut self, control: Control) -> Self {
        self.controls.push(control);
        self
    }

    /// The buttons that Enter and Escape stand for.
    pub(super) fn keys(mut self, default: &'static str, cancel: &'static str) -> Self {
        self.default = Some(default);
        self.cancel = Some(cancel);
        self
    }

    /// Rows of Dialog, Control, ControlEvent, ControlCondition and EventMapping. The tabulator goes from control to control in
    /// the order in which they were added.
    pub(super) fn rows(self, draft: &mut Draft<'_>) {
        let title = draft.installer.language.text("window.title").to_owned();
        let stops: Vec<&str> =
            self.controls.iter().filter(|control| control.takes_part()).map(|control| control.name).collect();
        let any = self.controls.first().map(|control| control.name).unwrap_or_default();
        // The first is that which is used most: the default button, but where there is something to fill in before it.
        let first = stops.first().copied().unwrap_or(any);
        let first = self.default.filter(|_| first == "Back").unwrap_or(first);
        draft.row(
            "Dialog",
            [
                self.name.into(),
                50.into(),
                50.into(),
                self.size.0.into(),
                self.size.1.into(),
                self.attributes.into(),
                title.into(),
                first.into(),
                self.default.into(),
                self.cancel.into(),
            ],
        );
        for control in self.controls {
            let place = stops.iter().position(|stop| *stop == control.name);
            let next = place.and_then(|place| stops.iter().cycle().nth(place + 1)).copied();
            let next = next.filter(|_| stops.len() > 1);
            let (x, y, width, height) = control.area;
            draft.row(
                "Control",
                [
                    self.name.into(),
                    control.name.into(),
                    control.kind.into(),
                    x.into(),
                    y.into(),
                    width.into(),
                    height.into(),
                    control.attributes.into(),
                    control.property.into(),
                    control.text.into(),
                    next.into(),
                ],
            );
            for (order, (event, argument, condition)) in (1_i32..).zip(control.events) {
                draft.row(
                    "ControlEvent",
                    [
                        self.name.into(),
                        control.name.into(),
                        event.into(),
                        argument.into(),
                        condition.into(),
                        order.into(),
                    ],
                );
            }
            for (action, condition) in control.conditions {
                draft.row(
                    "ControlCondition",
                    [self.name.into(), control.name.into(), action.into(), condition.into()],
                );
            }
            for (event, attribute) in control.mappings {
                let row: [Value; 4] = [self.name.into(), control.name.into(), event.into(), attribute.into()];
                draft.row("EventMapping", row);
            }
        }
    }
}
