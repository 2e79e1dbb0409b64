//! What people see: a window with the progress, questions and messages.

use super::late::late;
use super::wide;
use core::sync::atomic::{AtomicBool, Ordering};

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn GetModuleHandleW(name: *const u16) -> isize;
}

late! { "user32.dll":
    fn RegisterClassExW(class: *const WindowClass) -> u16;
    fn CreateWindowExW(
        extended: u32, class: *const u16, title: *const u16, style: u32, left: i32, top: i32, width: i32, height: i32,
        parent: isize, menu: isize, module: isize, data: *const u8,
    ) -> isize;
    fn DefWindowProcW(window: isize, message: u32, first: usize, second: isize) -> isize;
    fn DestroyWindow(window: isize) -> i32;
    fn ShowWindow(window: isize, how: i32) -> i32;
    fn UpdateWindow(window: isize) -> i32;
    fn SetForegroundWindow(window: isize) -> i32;
    fn SetWindowTextW(window: isize, text: *const u16) -> i32;
    fn SendMessageW(window: isize, message: u32, first: usize, second: isize) -> isize;
    fn PeekMessageW(message: *mut Message, window: isize, first: u32, last: u32, remove: u32) -> i32;
    fn TranslateMessage(message: *const Message) -> i32;
    fn DispatchMessageW(message: *const Message) -> isize;
    fn LoadCursorW(module: isize, name: usize) -> isize;
    fn LoadImageW(module: isize, name: usize, kind: u32, width: i32, height: i32, flags: u32) -> isize;
    fn LoadIconW(module: isize, name: usize) -> isize;
    fn GetSystemMetrics(what: i32) -> i32;
    fn GetDpiForSystem() -> u32;
    fn AdjustWindowRectExForDpi(area: *mut [i32; 4], style: u32, menu: i32, extended: u32, dpi: u32) -> i32;
    fn SystemParametersInfoForDpi(what: u32, length: u32, data: *mut u8, flags: u32, dpi: u32) -> i32;
    fn MessageBoxW(owner: isize, text: *const u16, title: *const u16, kind: u32) -> i32;
    fn GetSysColorBrush(which: i32) -> isize;
}

late! { "gdi32.dll":
    fn CreateFontIndirectW(font: *const u8) -> isize;
    fn DeleteObject(object: isize) -> i32;
}

late! { "comctl32.dll":
    fn InitCommonControlsEx(what: *const [u32; 2]) -> i32;
    fn TaskDialogIndirect(settings: *const TaskDialog, button: *mut i32, radio: *mut i32, checked: *mut i32) -> i32;
}

/// `WNDCLASSEXW`.
#[repr(C)]
struct WindowClass {
    size: u32,
    style: u32,
    procedure: unsafe extern "system" fn(isize, u32, usize, isize) -> isize,
    extra: [i32; 2],
    module: isize,
    icon: isize,
    cursor: isize,
    background: isize,
    menu: *const u16,
    name: *const u16,
    small_icon: isize,
}

/// `MSG`.
#[repr(C)]
#[derive(Default)]
struct Message {
    window: isize,
    message: u32,
    first: usize,
    second: isize,
    time: u32,
    point: [i32; 2],
    private: u32,
}

/// `TASKDIALOGCONFIG`, which is packed.
#[repr(C, packed)]
struct TaskDialog {
    size: u32,
    owner: isize,
    module: isize,
    flags: u32,
    common_buttons: u32,
    title: *const u16,
    icon: usize,
    instruction: *const u16,
    content: *const u16,
    button_count: u32,
    buttons: *const TaskButton,
    default_button: i32,
    radio_count: u32,
    radios: *const TaskButton,
    default_radio: i32,
    verification: *const u16,
    expanded: *const u16,
    expand: *const u16,
    collapse: *const u16,
    footer_icon: usize,
    footer: *const u16,
    callback: usize,
    callback_data: isize,
    width: u32,
}

/// `TASKDIALOG_BUTTON`, which is packed.
#[repr(C, packed)]
struct TaskButton {
    id: i32,
    text: *const u16,
}

const WINDOW_STYLE: u32 = 0x00CA_0000; // WS_CAPTION | WS_SYSMENU | WS_MINIMIZEBOX
const CHILD: u32 = 0x5000_0000; // WS_CHILD | WS_VISIBLE
const ELLIPSIS: u32 = 0x4080; // SS_ENDELLIPSIS | SS_NOPREFIX
const SHOW_ICON: u32 = 0x3; // SS_ICON
const SET_ICON: u32 = 0x170; // STM_SETICON
const SET_FONT: u32 = 0x30; // WM_SETFONT
const SET_WINDOW_ICON: u32 = 0x80; // WM_SETICON
const SET_RANGE: u32 = 0x406; // PBM_SETRANGE32
const SET_POSITION: u32 = 0x402; // PBM_SETPOS
const CLOSE: u32 = 0x10; // WM_CLOSE
const COLOUR_OF_TEXT: u32 = 0x138; // WM_CTLCOLORSTATIC
const WINDOW_COLOUR: i32 = 5; // COLOR_WINDOW
const ICON: u32 = 1; // IMAGE_ICON
const OWN_ICON: usize = 1;
const FONTS: u32 = 0x29; // SPI_GETNONCLIENTMETRICS
/// `NONCLIENTMETRICSW`: its length, and where in it the font of messages stands.
const FONTS_LENGTH: usize = 504;
const FONT_OF_MESSAGES: usize = 408;
/// What the bar counts to.
const STEPS: u64 = 1000;

/// Whether somebody closed the window.
static CANCELLED: AtomicBool = AtomicBool::new(false);

/// The window with the progress.
pub(crate) struct Progress {
    window: isize,
    label: isize,
    bar: isize,
    font: isize,
    shown: u64,
}

/// What somebody answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Answer {
    Yes,
    No,
}

unsafe extern "system" fn procedure(window: isize, message: u32, first: usize, second: isize) -> isize {
    match message {
        CLOSE => {
            CANCELLED.store(true, Ordering::Relaxed);
            0
        }
        // SAFETY: the system's own brush, and the message as it came.
        COLOUR_OF_TEXT => unsafe { GetSysColorBrush(WINDOW_COLOUR) },
        _ => unsafe { DefWindowProcW(window, message, first, second) },
    }
}

impl Progress {
    /// Opens the window.
    pub(crate) fn open(title: &str, text: &str) -> Progress {
        let (title, text, name) = (wide(title), wide(text), wide("cargo-deploy-setup"));
        // SAFETY: all texts end with a zero and outlive the calls; all structures are ours and say their sizes.
        unsafe {
            // ICC_PROGRESS_CLASS
            InitCommonControlsEx(&[8, 0x20]);
            let module = GetModuleHandleW(core::ptr::null());
            let dpi = GetDpiForSystem().cast_signed();
            let scaled = |length: i32| length * dpi / 96;
            let class = WindowClass {
                size: core::mem::size_of::<WindowClass>() as u32,
                style: 0,
                procedure,
                extra: [0; 2],
                module,
                icon: 0,
                cursor: LoadCursorW(0, 32512),
                background: GetSysColorBrush(WINDOW_COLOUR),
                menu: core::ptr::null(),
                name: name.as_ptr(),
                small_icon: 0,
            };
            RegisterClassExW(&class);
            let mut area = [0, 0, scaled(420), scaled(112)];
            AdjustWindowRectExForDpi(&mut area, WINDOW_STYLE, 0, 0, dpi.cast_unsigned());
            let (width, height) = (area[2] - area[0], area[3] - area[1]);
            let (left, top) = ((GetSystemMetrics(0) - width) / 2, (GetSystemMetrics(1) - height) / 2);
            let none = core::ptr::null();
            let title = title.as_ptr();
            let window = CreateWindowExW(
                0,
                name.as_ptr(),
                title,
                WINDOW_STYLE,
                left,
                top,
                width,
                height,
                0,
                0,
                module,
                none,
            );
            let child = |class: &str, text: *const u16, style: u32, area: [i32; 4]| {
                let class = wide(class);
                let [left, top, width, height] = area.map(scaled);
                CreateWindowExW(
                    0,
                    class.as_ptr(),
                    text,
                    CHILD | style,
                    left,
                    top,
                    width,
                    height,
                    window,
                    0,
                    module,
                    none,
                )
            };
            let icon_of = |length: i32| match LoadImageW(module, OWN_ICON, ICON, length, length, 0) {
                0 => LoadIconW(0, 32512),
                icon => icon,
            };
            let picture = child("STATIC", core::ptr::null(), SHOW_ICON, [20, 20, 32, 32]);
            SendMessageW(picture, SET_ICON, icon_of(scaled(32)).cast_unsigned(), 0);
            SendMessageW(window, SET_WINDOW_ICON, 0, icon_of(scaled(16)));
            SendMessageW(window, SET_WINDOW_ICON, 1, icon_of(scaled(32)));
            let label = child("STATIC", text.as_ptr(), ELLIPSIS, [68, 28, 332, 20]);
            let bar = child("msctls_progress32", core::ptr::null(), 0, [20, 72, 380, 16]);
            SendMessageW(bar, SET_RANGE, 0, STEPS as isize);
            let mut fonts = [0u8; FONTS_LENGTH];
            fonts[..4].copy_from_slice(&(FONTS_LENGTH as u32).to_le_bytes());
            let length = FONTS_LENGTH as u32;
            SystemParametersInfoForDpi(FONTS, length, fonts.as_mut_ptr(), 0, dpi.cast_unsigned());
            let font = CreateFontIndirectW(fonts[FONT_OF_MESSAGES..].as_ptr());
            SendMessageW(label, SET_FONT, font.cast_unsigned(), 1);
            ShowWindow(window, 5);
            UpdateWindow(window);
            SetForegroundWindow(window);
            let progress = Progress { window, label, bar, font, shown: 0 };
            progress.pump();
            progress
        }
    }

    /// Lets the window answer.
    pub(crate) fn pump(&self) {
        let mut message = Message::default();
        // SAFETY: the message is ours.
        unsafe {
            while PeekMessageW(&mut message, 0, 0, 0, 1) != 0 {
                TranslateMessage(&message);
                DispatchMessageW(&message);
            }
        }
    }

    /// Shows how much is done.
    pub(crate) fn show(&mut self, done: u64, total: u64) {
        let step = done.saturating_mul(STEPS) / total.max(1);
        if step != self.shown {
            self.shown = step;
            // SAFETY: the bar is ours.
            unsafe { SendMessageW(self.bar, SET_POSITION, usize::try_from(step).unwrap_or(0), 0) };
        }
        self.pump();
    }

    /// Shows what is being done.
    pub(crate) fn say(&self, text: &str) {
        let text = wide(text);
        // SAFETY: the text ends with a zero.
        unsafe { SetWindowTextW(self.label, text.as_ptr()) };
        self.pump();
    }

    /// Whether somebody closed the window.
    pub(crate) fn is_cancelled(&self) -> bool {
        CANCELLED.load(Ordering::Relaxed)
    }

    fn handle(owner: Option<&Progress>) -> isize {
        owner.map_or(0, |owner| owner.window)
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        // SAFETY: window and font are ours.
        unsafe {
            DestroyWindow(self.window);
            DeleteObject(self.font);
        }
    }
}

fn message(owner: Option<&Progress>, title: &str, text: &str, kind: u32) -> i32 {
    let (title, text) = (wide(title), wide(text));
    // MB_SETFOREGROUND
    // SAFETY: both texts end with a zero.
    unsafe { MessageBoxW(Progress::handle(owner), text.as_ptr(), title.as_ptr(), kind | 0x1_0000) }
}

/// Says something; as an error if it is one.
pub(crate) fn tell(owner: Option<&Progress>, title: &str, text: &str, is_error: bool) {
    message(owner, title, text, if is_error { 0x10 } else { 0x40 });
}

/// Asks something that is answered by yes or no.
pub(crate) fn ask(owner: Option<&Progress>, title: &str, text: &str) -> Answer {
    if message(owner, title, text, 0x24) == 6 { Answer::Yes } else { Answer::No }
}

/// Lets somebody choose between two things. Gives the first one's or the second one's number, or `None` for neither.
pub(crate) fn choose(title: &str, question: &str, choices: [&str; 2]) -> Option<usize> {
    const FIRST: i32 = 100;
    // TDF_USE_COMMAND_LINKS | TDF_ALLOW_DIALOG_CANCELLATION, TDCBF_CANCEL_BUTTON
    let (flags, cancel) = (0x10 | 0x8, 0x8);
    let (title, question) = (wide(title), wide(question));
    let texts = choices.map(wide);
    let buttons =
        [0, 1].map(|index: i32| TaskButton { id: FIRST + index, text: texts[index as usize].as_ptr() });
    let none = core::ptr::null();
    // SAFETY: all texts end with a zero and outlive the call; the structure says its size.
    unsafe {
        let settings = TaskDialog {
            size: core::mem::size_of::<TaskDialog>() as u32,
            owner: 0,
            module: GetModuleHandleW(none),
            flags,
            common_buttons: cancel,
            title: title.as_ptr(),
            icon: 0,
            instruction: question.as_ptr(),
            content: none,
            button_count: 2,
            buttons: buttons.as_ptr(),
            default_button: FIRST,
            radio_count: 0,
            radios: core::ptr::null(),
            default_radio: 0,
            verification: none,
            expanded: none,
            expand: none,
            collapse: none,
            footer_icon: 0,
            footer: none,
            callback: 0,
            callback_data: 0,
            width: 0,
        };
        let mut button = 0;
        let nothing = core::ptr::null_mut();
        if TaskDialogIndirect(&settings, &mut button, nothing, core::ptr::null_mut()) < 0 {
            return None;
        }
        usize::try_from(button - FIRST).ok().filter(|index| *index < 2)
    }
}
