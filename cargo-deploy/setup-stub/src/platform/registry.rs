//! The registry.

use super::late::late;
use super::system::Error;
use super::{narrow, wide};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

late! { "advapi32.dll":
    fn RegCreateKeyExW(
        key: isize, path: *const u16, reserved: u32, class: *const u16, options: u32, access: u32,
        security: *const u8, result: *mut isize, disposition: *mut u32,
    ) -> u32;
    fn RegOpenKeyExW(key: isize, path: *const u16, options: u32, access: u32, result: *mut isize) -> u32;
    fn RegSetValueExW(key: isize, name: *const u16, reserved: u32, kind: u32, data: *const u8, length: u32) -> u32;
    fn RegQueryValueExW(
        key: isize, name: *const u16, reserved: *const u32, kind: *mut u32, data: *mut u8, length: *mut u32,
    ) -> u32;
    fn RegDeleteValueW(key: isize, name: *const u16) -> u32;
    fn RegDeleteKeyExW(key: isize, path: *const u16, view: u32, reserved: u32) -> u32;
    fn RegDeleteTreeW(key: isize, path: *const u16) -> u32;
    fn RegQueryInfoKeyW(
        key: isize, class: *mut u16, class_length: *mut u32, reserved: *const u32, keys: *mut u32,
        longest_key: *mut u32, longest_class: *mut u32, values: *mut u32, longest_value: *mut u32,
        longest_data: *mut u32, security: *mut u32, written: *mut u64,
    ) -> u32;
    fn RegCloseKey(key: isize) -> u32;
}

/// A hive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Hive {
    /// `HKEY_LOCAL_MACHINE`, in its 64-bit view.
    Machine,
    /// `HKEY_CURRENT_USER`.
    User,
}

impl Hive {
    fn handle(self) -> isize {
        // As sign-extended 32-bit numbers (winreg.h).
        match self {
            Hive::Machine => 0x8000_0002_u32.cast_signed() as isize,
            Hive::User => 0x8000_0001_u32.cast_signed() as isize,
        }
    }
}

const READ: u32 = 0x2_0019;
const WRITE: u32 = 0x2_0006;
const DELETE: u32 = 0x1_0000;
const VIEW_64: u32 = 0x100;

/// `REG_SZ`.
const STRING: u32 = 1;
/// `REG_EXPAND_SZ`.
const EXPAND_STRING: u32 = 2;
/// `REG_DWORD`.
const DWORD: u32 = 4;

/// An open key.
pub(crate) struct Key(isize);

fn done(code: u32) -> Result<(), Error> {
    if code == 0 { Ok(()) } else { Err(Error(code)) }
}

impl Key {
    /// Opens a key to read.
    pub(crate) fn open(hive: Hive, path: &str) -> Result<Key, Error> {
        Key::open_for(hive, path, READ | VIEW_64)
    }

    /// Opens a key to change.
    pub(crate) fn change(hive: Hive, path: &str) -> Result<Key, Error> {
        Key::open_for(hive, path, READ | WRITE | DELETE | VIEW_64)
    }

    fn open_for(hive: Hive, path: &str, access: u32) -> Result<Key, Error> {
        let path = wide(path);
        let mut key = 0;
        // SAFETY: the path ends with a zero.
        done(unsafe { RegOpenKeyExW(hive.handle(), path.as_ptr(), 0, access, &mut key) })?;
        Ok(Key(key))
    }

    /// Opens a key to change, and creates it where it is not there.
    pub(crate) fn create(hive: Hive, path: &str) -> Result<Key, Error> {
        let path = wide(path);
        let mut key = 0;
        // SAFETY: the path ends with a zero.
        done(unsafe {
            RegCreateKeyExW(
                hive.handle(),
                path.as_ptr(),
                0,
                core::ptr::null(),
                0,
                READ | WRITE | VIEW_64,
                core::ptr::null(),
                &mut key,
                core::ptr::null_mut(),
            )
        })?;
        Ok(Key(key))
    }

    fn set(&self, name: Option<&str>, kind: u32, data: &[u8]) -> Result<(), Error> {
        let name = wide(name.unwrap_or_default());
        let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
        // SAFETY: the name ends with a zero and the data has the length that is said.
        done(unsafe { RegSetValueExW(self.0, name.as_ptr(), 0, kind, data.as_ptr(), length) })
    }

    /// Sets a text, with variables in percent signs where `expand` says so.
    pub(crate) fn set_text(&self, name: Option<&str>, text: &str, expand: bool) -> Result<(), Error> {
        let data: Vec<u8> = wide(text).into_iter().flat_map(u16::to_le_bytes).collect();
        self.set(name, if expand { EXPAND_STRING } else { STRING }, &data)
    }

    /// Sets a number.
    pub(crate) fn set_number(&self, name: Option<&str>, number: u32) -> Result<(), Error> {
        self.set(name, DWORD, &number.to_le_bytes())
    }

    /// A text, and whether it has variables in it.
    pub(crate) fn text(&self, name: Option<&str>) -> Option<(String, bool)> {
        let name = wide(name.unwrap_or_default());
        let (mut kind, mut length) = (0, 0);
        let none = core::ptr::null();
        // SAFETY: the name ends with a zero and the buffer has the length that is said.
        unsafe {
            let asked = core::ptr::null_mut();
            if RegQueryValueExW(self.0, name.as_ptr(), none, &mut kind, asked, &mut length) != 0 {
                return None;
            }
            let mut data = vec![0u8; length as usize + 2];
            let (mut length, data_start) = (data.len() as u32, data.as_mut_ptr());
            if RegQueryValueExW(self.0, name.as_ptr(), none, &mut kind, data_start, &mut length) != 0 {
                return None;
            }
            if kind != STRING && kind != EXPAND_STRING {
                return None;
            }
            data.truncate(length as usize);
            let units: Vec<u16> =
                data.chunks_exact(2).map(|pair| u16::from_le_bytes([pair[0], pair[1]])).collect();
            Some((narrow(&units), kind == EXPAND_STRING))
        }
    }

    /// Deletes a value. One that is not there is deleted.
    pub(crate) fn delete_value(&self, name: Option<&str>) -> Result<(), Error> {
        let name = wide(name.unwrap_or_default());
        // SAFETY: the name ends with a zero.
        match done(unsafe { RegDeleteValueW(self.0, name.as_ptr()) }) {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// Whether it has neither keys nor values.
    pub(crate) fn is_empty(&self) -> bool {
        let (mut keys, mut values) = (0, 0);
        let none = core::ptr::null_mut();
        // SAFETY: the numbers are ours; nothing else is asked for.
        let code = unsafe {
            RegQueryInfoKeyW(
                self.0,
                core::ptr::null_mut(),
                none,
                core::ptr::null(),
                &mut keys,
                none,
                none,
                &mut values,
                none,
                none,
                none,
                core::ptr::null_mut(),
            )
        };
        code == 0 && keys == 0 && values == 0
    }

    /// Deletes a key with all that is below it. One that is not there is deleted.
    pub(crate) fn delete_tree(hive: Hive, path: &str) -> Result<(), Error> {
        let Some((parent, name)) = path.rsplit_once('\\') else { return Ok(()) };
        let parent = match Key::change(hive, parent) {
            Err(error) if error.is_not_found() => return Ok(()),
            parent => parent?,
        };
        let name = wide(name);
        // SAFETY: the name ends with a zero.
        match done(unsafe { RegDeleteTreeW(parent.0, name.as_ptr()) }) {
            Err(error) if error.is_not_found() => Ok(()),
            result => result,
        }
    }

    /// Deletes a key that is empty, and each one that it was alone in, but not the outermost: `Software\Example`
    /// may go, `Software` stays.
    pub(crate) fn delete_empty(hive: Hive, path: &str) {
        let mut path = path;
        while let Some((parent, _)) = path.rsplit_once('\\') {
            if !Key::open(hive, path).is_ok_and(|key| key.is_empty()) {
                return;
            }
            let name = wide(path);
            // SAFETY: the path ends with a zero.
            if unsafe { RegDeleteKeyExW(hive.handle(), name.as_ptr(), VIEW_64, 0) } != 0 {
                return;
            }
            path = parent;
        }
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        // SAFETY: the key is ours.
        unsafe { RegCloseKey(self.0) };
    }
}
