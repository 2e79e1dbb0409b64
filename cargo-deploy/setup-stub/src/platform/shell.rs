//! Folders that Windows has names for, shortcuts, and telling everybody about changes.

use super::late::late;
use super::narrow;
use super::system::Error;
use super::wide;
use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::c_void;

late! { "shell32.dll":
    fn SHGetKnownFolderPath(id: *const Guid, flags: u32, token: isize, path: *mut *mut u16) -> i32;
    fn SHChangeNotify(event: i32, flags: u32, first: *const u8, second: *const u8);
}

late! { "ole32.dll":
    fn CoTaskMemFree(memory: *mut u16);
    fn CoInitializeEx(reserved: *const u8, kind: u32) -> i32;
    fn CoCreateInstance(
        class: *const Guid, outer: *const u8, context: u32, interface: *const Guid, object: *mut *mut c_void,
    ) -> i32;
}

late! { "user32.dll":
    fn SendMessageTimeoutW(
        window: isize, message: u32, first: usize, second: *const u16, flags: u32, milliseconds: u32,
        result: *mut usize,
    ) -> isize;
}

/// `GUID`.
#[repr(C)]
#[derive(Clone, Copy)]
struct Guid(u32, u16, u16, [u8; 8]);

/// A folder that Windows knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Folder {
    /// `%LOCALAPPDATA%`.
    LocalData,
    /// `%ProgramFiles%`.
    Programs,
    /// The Start menu of the user, or of everybody.
    StartMenu { machine: bool },
    /// The desktop.
    Desktop { machine: bool },
    /// What starts when somebody signs in.
    Startup { machine: bool },
}

impl Folder {
    /// KnownFolders.h.
    fn id(self) -> Guid {
        match self {
            Folder::LocalData => {
                Guid(0xF1B3_2785, 0x6FBA, 0x4FCF, [0x9D, 0x55, 0x7B, 0x8E, 0x7F, 0x15, 0x70, 0x91])
            }
            Folder::Programs => {
                Guid(0x905E_63B6, 0xC1BF, 0x494E, [0xB2, 0x9C, 0x65, 0xB7, 0x32, 0xD3, 0xD2, 0x1A])
            }
            Folder::StartMenu { machine: false } => {
                Guid(0xA77F_5D77, 0x2E2B, 0x44C3, [0xA6, 0xA2, 0xAB, 0xA6, 0x01, 0x05, 0x4A, 0x51])
            }
            Folder::StartMenu { machine: true } => {
                Guid(0x0139_D44E, 0x6AFE, 0x49F2, [0x86, 0x90, 0x3D, 0xAF, 0xCA, 0xE6, 0xFF, 0xB8])
            }
            Folder::Desktop { machine: false } => {
                Guid(0xB4BF_CC3A, 0xDB2C, 0x424C, [0xB0, 0x29, 0x7F, 0xE9, 0x9A, 0x87, 0xC6, 0x41])
            }
            Folder::Desktop { machine: true } => {
                Guid(0xC4AA_340D, 0xF20F, 0x4863, [0xAF, 0xEF, 0xF8, 0x7E, 0xF2, 0xE6, 0xBA, 0x25])
            }
            Folder::Startup { machine: false } => {
                Guid(0xB97D_20BB, 0xF46A, 0x4C97, [0xBA, 0x10, 0x5E, 0x36, 0x08, 0x43, 0x08, 0x54])
            }
            Folder::Startup { machine: true } => {
                Guid(0x82A5_EA35, 0xD9CD, 0x47C5, [0x96, 0x29, 0xE1, 0x5D, 0x2F, 0x71, 0x4E, 0x6E])
            }
        }
    }
}

fn done(code: i32) -> Result<(), Error> {
    if code < 0 { Err(Error(code.cast_unsigned())) } else { Ok(()) }
}

/// Where a folder is.
pub(crate) fn folder(folder: Folder) -> Result<String, Error> {
    // KF_FLAG_CREATE
    const CREATE: u32 = 0x8000;
    let mut path = core::ptr::null_mut();
    // SAFETY: the id and the pointer are ours; the path ends with a zero and is freed once.
    unsafe {
        done(SHGetKnownFolderPath(&folder.id(), CREATE, 0, &mut path))?;
        let length = (0..).take_while(|place| *path.add(*place) != 0).count();
        let text = narrow(core::slice::from_raw_parts(path, length));
        CoTaskMemFree(path);
        Ok(text)
    }
}

/// A shortcut, with full paths.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Link {
    /// Its own file.
    pub(crate) path: String,
    /// The program.
    pub(crate) target: String,
    /// Arguments for the program.
    pub(crate) arguments: Option<String>,
    /// The folder that the program starts in.
    pub(crate) directory: String,
    /// What is shown when the pointer rests on it.
    pub(crate) description: Option<String>,
    /// The file that its picture is in.
    pub(crate) icon: String,
    /// Its AppUserModelID.
    pub(crate) app_user_model_id: Option<String>,
}

const SHELL_LINK: Guid = Guid(0x0002_1401, 0, 0, [0xC0, 0, 0, 0, 0, 0, 0, 0x46]);
const SHELL_LINK_INTERFACE: Guid = Guid(0x0002_14F9, 0, 0, [0xC0, 0, 0, 0, 0, 0, 0, 0x46]);
const PERSIST_FILE: Guid = Guid(0x0000_010B, 0, 0, [0xC0, 0, 0, 0, 0, 0, 0, 0x46]);
const PROPERTY_STORE: Guid =
    Guid(0x886D_8EEB, 0x8CF2, 0x4446, [0x8D, 0x02, 0xCD, 0xBA, 0x1D, 0xBD, 0xCF, 0x99]);

/// `PROPERTYKEY`.
#[repr(C)]
struct PropertyKey(Guid, u32);

/// `PKEY_AppUserModel_ID`.
const APP_USER_MODEL_ID: PropertyKey =
    PropertyKey(Guid(0x9F4C_2855, 0x9F79, 0x4B39, [0xA8, 0xD0, 0xE1, 0xD4, 0x2D, 0xE1, 0xD5, 0xF3]), 5);

/// `PROPVARIANT` with a text.
#[repr(C)]
struct TextVariant {
    kind: u16,
    reserved: [u16; 3],
    text: *const u16,
    rest: usize,
}

/// `VT_LPWSTR`.
const TEXT: u16 = 31;

/// An object of the system, which is released at the end.
struct Object(*mut c_void);

impl Object {
    /// A method of an interface, by its place in the table.
    ///
    /// # Safety
    ///
    /// `F` must be that method's signature.
    unsafe fn method<F: Copy>(&self, place: usize) -> F {
        // SAFETY: an object begins with the address of its table; the rest is the caller's.
        unsafe {
            let table = *self.0.cast::<*const usize>();
            core::mem::transmute_copy(&*table.add(place))
        }
    }

    fn query(&self, interface: &Guid) -> Result<Object, Error> {
        type Query = unsafe extern "system" fn(*mut c_void, *const Guid, *mut *mut c_void) -> i32;
        let mut object = core::ptr::null_mut();
        // SAFETY: IUnknown::QueryInterface is the first method of every interface.
        done(unsafe { self.method::<Query>(0)(self.0, interface, &mut object) })?;
        Ok(Object(object))
    }

    /// Calls a method that takes one text and nothing else.
    ///
    /// # Safety
    ///
    /// The method at this place must be such a one.
    unsafe fn set(&self, place: usize, text: &str) -> Result<(), Error> {
        type Set = unsafe extern "system" fn(*mut c_void, *const u16) -> i32;
        let text = wide(text);
        // SAFETY: the text ends with a zero; the rest is the caller's.
        done(unsafe { self.method::<Set>(place)(self.0, text.as_ptr()) })
    }
}

impl Drop for Object {
    fn drop(&mut self) {
        type Release = unsafe extern "system" fn(*mut c_void) -> u32;
        // SAFETY: IUnknown::Release is the third method of every interface, and the reference is ours.
        unsafe { self.method::<Release>(2)(self.0) };
    }
}

/// Writes a shortcut. Windows itself writes it, so that it holds what this Windows wants to find in it.
pub(crate) fn create_link(link: &Link) -> Result<(), Error> {
    type SetIcon = unsafe extern "system" fn(*mut c_void, *const u16, i32) -> i32;
    type SetValue = unsafe extern "system" fn(*mut c_void, *const PropertyKey, *const TextVariant) -> i32;
    type Commit = unsafe extern "system" fn(*mut c_void) -> i32;
    type Save = unsafe extern "system" fn(*mut c_void, *const u16, i32) -> i32;
    // COINIT_APARTMENTTHREADED, CLSCTX_INPROC_SERVER
    let mut object = core::ptr::null_mut();
    // SAFETY: the places are those of IShellLinkW (ShObjIdl.h), IPropertyStore (PropSys.h) and IPersistFile (ObjIdl.h);
    // texts end with a zero and outlive the calls.
    unsafe {
        CoInitializeEx(core::ptr::null(), 2);
        done(CoCreateInstance(&SHELL_LINK, core::ptr::null(), 1, &SHELL_LINK_INTERFACE, &mut object))?;
        let shell = Object(object);
        shell.set(20, &link.target)?;
        shell.set(9, &link.directory)?;
        if let Some(arguments) = &link.arguments {
            shell.set(11, arguments)?;
        }
        if let Some(description) = &link.description {
            // Longer ones are refused (INFOTIPSIZE).
            shell.set(7, &description.chars().take(255).collect::<String>())?;
        }
        let icon = wide(&link.icon);
        done(shell.method::<SetIcon>(17)(shell.0, icon.as_ptr(), 0))?;
        if let Some(id) = &link.app_user_model_id {
            let id = wide(id);
            let value = TextVariant { kind: TEXT, reserved: [0; 3], text: id.as_ptr(), rest: 0 };
            // Windows groups by the program without it, so that a shortcut that has none is better than no shortcut.
            if let Ok(store) = shell.query(&PROPERTY_STORE)
                && done(store.method::<SetValue>(6)(store.0, &APP_USER_MODEL_ID, &value)).is_ok()
            {
                done(store.method::<Commit>(7)(store.0))?;
            }
        }
        let file = shell.query(&PERSIST_FILE)?;
        let path = wide(&link.path);
        done(file.method::<Save>(6)(file.0, path.as_ptr(), 1))
    }
}

/// Tells Windows that kinds of files or addresses changed.
pub(crate) fn associations_changed() {
    // SHCNE_ASSOCCHANGED
    // SAFETY: nothing is pointed to.
    unsafe { SHChangeNotify(0x0800_0000, 0, core::ptr::null(), core::ptr::null()) };
}

/// Tells all windows that variables of the environment changed.
pub(crate) fn environment_changed() {
    const EVERYBODY: isize = 0xFFFF;
    const SETTING_CHANGED: u32 = 0x1A;
    const IF_NOT_HUNG: u32 = 2;
    let what: Vec<u16> = wide("Environment");
    let mut result = 0;
    // SAFETY: the text ends with a zero and the number is ours.
    unsafe {
        SendMessageTimeoutW(EVERYBODY, SETTING_CHANGED, 0, what.as_ptr(), IF_NOT_HUNG, 2000, &mut result)
    };
}
