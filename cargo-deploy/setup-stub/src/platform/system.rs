//! The process, its user and the machine.

use super::late::late;
use super::{narrow, wide};
use alloc::string::String;
use alloc::vec;
use core::fmt;

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn GetLastError() -> u32;
    fn GetCommandLineW() -> *const u16;
    fn GetModuleFileNameW(module: isize, path: *mut u16, length: u32) -> u32;
    fn GetCurrentProcess() -> isize;
    fn GetCurrentProcessId() -> u32;
    fn GetEnvironmentVariableW(name: *const u16, value: *mut u16, length: u32) -> u32;
    fn SetEnvironmentVariableW(name: *const u16, value: *const u16) -> i32;
    fn Sleep(milliseconds: u32);
    fn CreateMutexW(security: *const u8, owned: i32, name: *const u16) -> isize;
    fn WaitForSingleObject(handle: isize, milliseconds: u32) -> u32;
    fn ReleaseMutex(mutex: isize) -> i32;
    fn CloseHandle(handle: isize) -> i32;
    fn GetUserDefaultLocaleName(name: *mut u16, length: i32) -> i32;
    fn GetUserDefaultUILanguage() -> u16;
    fn LCIDToLocaleName(locale: u32, name: *mut u16, length: i32, flags: u32) -> i32;
    fn FormatMessageW(
        flags: u32,
        source: *const u8,
        code: u32,
        language: u32,
        text: *mut u16,
        length: u32,
        arguments: *const u8,
    ) -> u32;
}

late! { "advapi32.dll":
    fn OpenProcessToken(process: isize, access: u32, token: *mut isize) -> i32;
    fn GetTokenInformation(token: isize, class: u32, data: *mut u32, length: u32, needed: *mut u32) -> i32;
}

/// What the system answered instead of doing something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Error(pub(crate) u32);

impl Error {
    /// Somebody declined.
    pub(crate) const CANCELLED: Error = Error(1223);

    /// The last error of this thread.
    pub(super) fn last() -> Error {
        // SAFETY: it reads a number of this thread.
        Error(unsafe { GetLastError() })
    }

    /// Whether there is nothing of that name.
    pub(crate) fn is_not_found(self) -> bool {
        // ERROR_FILE_NOT_FOUND, ERROR_PATH_NOT_FOUND, ERROR_SERVICE_DOES_NOT_EXIST
        matches!(self.0, 2 | 3 | 1060)
    }

    /// Whether it may be different in a moment: somebody else has the file open.
    pub(super) fn may_pass(self) -> bool {
        // ERROR_ACCESS_DENIED, ERROR_SHARING_VIOLATION, ERROR_LOCK_VIOLATION, ERROR_USER_MAPPED_FILE
        matches!(self.0, 5 | 32 | 33 | 1224)
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut text = [0u16; 512];
        // FORMAT_MESSAGE_FROM_SYSTEM | FORMAT_MESSAGE_IGNORE_INSERTS, on one line
        // SAFETY: the text has the length that is said.
        let length = unsafe {
            let none = core::ptr::null();
            FormatMessageW(0x12FF, none, self.0, 0, text.as_mut_ptr(), text.len() as u32, none)
        };
        let text = narrow(&text[..length as usize]);
        write!(f, "{} ({})", text.trim(), self.0)
    }
}

/// The command line of this process.
pub(crate) fn command_line() -> String {
    // SAFETY: the system's text ends with a zero and lives as long as the process.
    unsafe {
        let start = GetCommandLineW();
        let length = (0..).take_while(|place| *start.add(*place) != 0).count();
        narrow(core::slice::from_raw_parts(start, length))
    }
}

/// The file of this program.
pub(crate) fn own_path() -> String {
    let mut path = vec![0u16; 32 * 1024];
    // SAFETY: the buffer has the length that is said.
    let length = unsafe { GetModuleFileNameW(0, path.as_mut_ptr(), path.len() as u32) };
    let path = narrow(&path[..length as usize]);
    String::from(path.strip_prefix(r"\\?\").unwrap_or(&path))
}

/// The number of this process.
pub(crate) fn process_id() -> u32 {
    // SAFETY: it gives a number.
    unsafe { GetCurrentProcessId() }
}

/// A variable of the environment.
pub(crate) fn environment(name: &str) -> Option<String> {
    let name = wide(name);
    let mut value = vec![0u16; 32 * 1024];
    // SAFETY: the name ends with a zero and the buffer has the length that is said.
    let length = unsafe { GetEnvironmentVariableW(name.as_ptr(), value.as_mut_ptr(), value.len() as u32) };
    (length > 0).then(|| narrow(&value[..length as usize]))
}

/// Sets a variable of the environment, for what is started afterwards.
pub(crate) fn set_environment(name: &str, value: &str) {
    let (name, value) = (wide(name), wide(value));
    // SAFETY: both end with a zero.
    unsafe { SetEnvironmentVariableW(name.as_ptr(), value.as_ptr()) };
}

/// Waits.
pub(crate) fn sleep(milliseconds: u32) {
    // SAFETY: it waits.
    unsafe { Sleep(milliseconds) };
}

/// The name of the language that the user reads: `de-DE`.
pub(crate) fn language() -> String {
    let mut name = [0u16; 85];
    // SAFETY: the buffer has the length that is said.
    let length = unsafe {
        match LCIDToLocaleName(u32::from(GetUserDefaultUILanguage()), name.as_mut_ptr(), name.len() as i32, 0)
        {
            0 => GetUserDefaultLocaleName(name.as_mut_ptr(), name.len() as i32),
            length => length,
        }
    };
    narrow(&name[..usize::try_from(length).unwrap_or(0)])
}

/// Whether this process has an administrator's rights.
pub(crate) fn is_elevated() -> bool {
    const TOKEN_QUERY: u32 = 8;
    const TOKEN_ELEVATION: u32 = 20;
    let (mut token, mut elevated, mut needed) = (0, 0, 0);
    // SAFETY: all pointers are to values of the right size.
    unsafe {
        if OpenProcessToken(GetCurrentProcess(), TOKEN_QUERY, &mut token) == 0 {
            return false;
        }
        let known = GetTokenInformation(token, TOKEN_ELEVATION, &mut elevated, 4, &mut needed) != 0;
        CloseHandle(token);
        known && elevated != 0
    }
}

/// Something that one process at a time has.
pub(crate) struct Lock(isize);

impl Lock {
    /// Takes it, or gives `None` when another process has had it for the whole time.
    pub(crate) fn take(name: &str, milliseconds: u32) -> Option<Lock> {
        let name = wide(name);
        // SAFETY: the name ends with a zero.
        let mutex = unsafe { CreateMutexW(core::ptr::null(), 0, name.as_ptr()) };
        // SAFETY: the handle is ours. WAIT_OBJECT_0 and WAIT_ABANDONED are what it means to have it.
        (mutex != 0 && matches!(unsafe { WaitForSingleObject(mutex, milliseconds) }, 0 | 0x80))
            .then_some(Lock(mutex))
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // SAFETY: this thread has the mutex.
        unsafe {
            ReleaseMutex(self.0);
            CloseHandle(self.0);
        }
    }
}
