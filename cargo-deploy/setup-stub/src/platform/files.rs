//! Files and folders, by paths of any length.

use super::system::{Error, sleep};
use super::{narrow, wide};
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn CreateFileW(
        path: *const u16,
        access: u32,
        share: u32,
        security: *const u8,
        disposition: u32,
        flags: u32,
        template: isize,
    ) -> isize;
    fn ReadFile(file: isize, bytes: *mut u8, length: u32, read: *mut u32, place: *mut Overlapped) -> i32;
    fn WriteFile(
        file: isize,
        bytes: *const u8,
        length: u32,
        written: *mut u32,
        place: *mut Overlapped,
    ) -> i32;
    fn GetFileSizeEx(file: isize, size: *mut i64) -> i32;
    fn CloseHandle(handle: isize) -> i32;
    fn CreateDirectoryW(path: *const u16, security: *const u8) -> i32;
    fn RemoveDirectoryW(path: *const u16) -> i32;
    fn DeleteFileW(path: *const u16) -> i32;
    fn MoveFileExW(from: *const u16, to: *const u16, flags: u32) -> i32;
    fn CopyFileW(from: *const u16, to: *const u16, fail_if_exists: i32) -> i32;
    fn GetFileAttributesW(path: *const u16) -> u32;
    fn SetFileAttributesW(path: *const u16, attributes: u32) -> i32;
    fn GetFullPathNameW(path: *const u16, length: u32, full: *mut u16, name: *mut *mut u16) -> u32;
    fn FindFirstFileW(pattern: *const u16, found: *mut Found) -> isize;
    fn FindNextFileW(search: isize, found: *mut Found) -> i32;
    fn FindClose(search: isize) -> i32;
    fn GetDiskFreeSpaceExW(path: *const u16, available: *mut u64, total: *mut u64, free: *mut u64) -> i32;
}

/// `OVERLAPPED`, for the place in the file alone.
#[repr(C)]
struct Overlapped {
    internal: [usize; 2],
    place: u64,
    event: isize,
}

/// `WIN32_FIND_DATAW`.
#[repr(C)]
struct Found {
    attributes: u32,
    times: [u32; 6],
    size: [u32; 2],
    reserved: [u32; 2],
    name: [u16; 260],
    short_name: [u16; 14],
}

const DIRECTORY: u32 = 0x10;
const READ_ONLY: u32 = 1;
const LINK: u32 = 0x400;
const NORMAL: u32 = 0x80;
const MISSING: u32 = u32::MAX;
const INVALID: isize = -1;
const GENERIC_READ: u32 = 0x8000_0000;
const GENERIC_WRITE: u32 = 0x4000_0000;
const SHARE_ALL: u32 = 7;
const SHARE_READ: u32 = 1;
const CREATE_ALWAYS: u32 = 2;
const OPEN_EXISTING: u32 = 3;

/// How often something that may pass is tried, and how long is waited at first, in milliseconds: 6 seconds in all.
const TRIES: u32 = 9;
const FIRST_WAIT: u32 = 12;

/// A full path in the form that has no limit of length.
fn long(path: &str) -> Vec<u16> {
    match path.strip_prefix(r"\\") {
        Some(rest) if !path.starts_with(r"\\?\") => wide(&alloc::format!(r"\\?\UNC\{rest}")),
        Some(_) => wide(path),
        None => wide(&alloc::format!(r"\\?\{path}")),
    }
}

fn done(answer: i32) -> Result<(), Error> {
    if answer == 0 { Err(Error::last()) } else { Ok(()) }
}

/// Does something again while it fails for a reason that may pass: virus scanners open what was just written.
fn patiently(mut act: impl FnMut() -> Result<(), Error>) -> Result<(), Error> {
    let mut wait = FIRST_WAIT;
    for _ in 1..TRIES {
        match act() {
            Err(error) if error.may_pass() => sleep(wait),
            result => return result,
        }
        wait *= 2;
    }
    act()
}

/// A path as a person may write it, made full.
pub(crate) fn full_path(path: &str) -> Result<String, Error> {
    let path = wide(path);
    let mut full = vec![0u16; 32 * 1024];
    // SAFETY: the path ends with a zero and the buffer has the length that is said.
    let length = unsafe {
        GetFullPathNameW(path.as_ptr(), full.len() as u32, full.as_mut_ptr(), core::ptr::null_mut())
    };
    if length == 0 || length as usize >= full.len() {
        return Err(Error::last());
    }
    let full = narrow(&full[..length as usize]);
    Ok(String::from(full.trim_end_matches('\\')))
}

fn attributes(path: &str) -> u32 {
    // SAFETY: the path ends with a zero.
    unsafe { GetFileAttributesW(long(path).as_ptr()) }
}

/// Whether there is a file or folder.
pub(crate) fn exists(path: &str) -> bool {
    attributes(path) != MISSING
}

/// Whether there is a folder.
pub(crate) fn is_directory(path: &str) -> bool {
    let found = attributes(path);
    found != MISSING && found & DIRECTORY != 0
}

/// Creates a folder and those that it lies in. Gives those that were not there before, outermost first.
pub(crate) fn create_directories(path: &str) -> Result<Vec<String>, Error> {
    let mut missing = Vec::new();
    let mut at = path;
    while !is_directory(at) {
        missing.push(String::from(at));
        match at.rfind('\\') {
            Some(end) if !at[..end].is_empty() && !at[..end].ends_with(':') => at = &at[..end],
            _ => break,
        }
    }
    missing.reverse();
    for path in &missing {
        // SAFETY: the path ends with a zero.
        let created = done(unsafe { CreateDirectoryW(long(path).as_ptr(), core::ptr::null()) });
        if created.is_err() && !is_directory(path) {
            created?;
        }
    }
    Ok(missing)
}

/// Removes a folder that is empty.
pub(crate) fn remove_directory(path: &str) -> Result<(), Error> {
    // SAFETY: the path ends with a zero.
    done(unsafe { RemoveDirectoryW(long(path).as_ptr()) })
}

/// Deletes a file. One that is not there is deleted.
pub(crate) fn delete_file(path: &str) -> Result<(), Error> {
    let name = long(path);
    // SAFETY: the path ends with a zero.
    let delete = || match done(unsafe { DeleteFileW(name.as_ptr()) }) {
        Err(error) if error.is_not_found() => Ok(()),
        Err(error) => {
            let found = attributes(path);
            if found != MISSING && found & READ_ONLY != 0 {
                // SAFETY: as above.
                unsafe { SetFileAttributesW(name.as_ptr(), NORMAL) };
                return done(unsafe { DeleteFileW(name.as_ptr()) });
            }
            Err(error)
        }
        result => result,
    };
    patiently(delete)
}

/// Moves a file on its volume; a file that is there already is replaced.
pub(crate) fn move_file(from: &str, to: &str) -> Result<(), Error> {
    let (from, to) = (long(from), long(to));
    // MOVEFILE_REPLACE_EXISTING
    // SAFETY: both paths end with a zero.
    patiently(|| done(unsafe { MoveFileExW(from.as_ptr(), to.as_ptr(), 1) }))
}

/// Copies a file; a file that is there already is replaced.
pub(crate) fn copy_file(from: &str, to: &str) -> Result<(), Error> {
    let (from, to) = (long(from), long(to));
    // SAFETY: both paths end with a zero.
    patiently(|| done(unsafe { CopyFileW(from.as_ptr(), to.as_ptr(), 0) }))
}

/// The names in a folder, each with whether it is a folder itself; none if there is no such folder. A link to a folder is
/// a file here: what it leads to is not ours.
pub(crate) fn entries(path: &str) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    let mut found = Found {
        attributes: 0,
        times: [0; 6],
        size: [0; 2],
        reserved: [0; 2],
        name: [0; 260],
        short_name: [0; 14],
    };
    let pattern = long(&alloc::format!(r"{path}\*"));
    // SAFETY: the pattern ends with a zero, and `found` is what the functions fill in.
    unsafe {
        let search = FindFirstFileW(pattern.as_ptr(), &mut found);
        if search == INVALID {
            return names;
        }
        loop {
            let name = narrow(&found.name);
            if name != "." && name != ".." {
                names.push((name, found.attributes & DIRECTORY != 0 && found.attributes & LINK == 0));
            }
            if FindNextFileW(search, &mut found) == 0 {
                break;
            }
        }
        FindClose(search);
    }
    names
}

/// Deletes a folder with all that is in it. One that is not there is deleted.
pub(crate) fn delete_tree(path: &str) -> Result<(), Error> {
    if !exists(path) {
        return Ok(());
    }
    for (name, is_directory) in entries(path) {
        let path = alloc::format!(r"{path}\{name}");
        if is_directory {
            delete_tree(&path)?;
        } else if remove_directory(&path).is_err() {
            delete_file(&path)?;
        }
    }
    patiently(|| remove_directory(path))
}

/// How many bytes the user may still write where a folder lies.
pub(crate) fn available_space(path: &str) -> Option<u64> {
    let path = long(&alloc::format!(r"{path}\"));
    let (mut available, mut total, mut free) = (0, 0, 0);
    // SAFETY: the path ends with a zero, and the numbers are ours.
    let known = unsafe { GetDiskFreeSpaceExW(path.as_ptr(), &mut available, &mut total, &mut free) };
    (known != 0).then_some(available)
}

/// An open file.
pub(crate) struct Source {
    handle: isize,
    /// Its length in bytes.
    pub(crate) length: u64,
}

impl Source {
    /// Opens a file to read.
    pub(crate) fn open(path: &str) -> Result<Source, Error> {
        let name = long(path);
        let mut length = 0;
        // SAFETY: the path ends with a zero, and the number is ours.
        unsafe {
            let none = core::ptr::null();
            let handle = CreateFileW(name.as_ptr(), GENERIC_READ, SHARE_ALL, none, OPEN_EXISTING, NORMAL, 0);
            if handle == INVALID {
                return Err(Error::last());
            }
            let mut source = Source { handle, length: 0 };
            done(GetFileSizeEx(handle, &mut length))?;
            source.length = u64::try_from(length).unwrap_or(0);
            Ok(source)
        }
    }

    /// Bytes from a place in the file; fewer only at its end.
    pub(crate) fn read_at(&self, place: u64, length: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; length];
        let mut filled = 0;
        while filled < length {
            let mut read = 0;
            let mut from = Overlapped { internal: [0; 2], place: place + filled as u64, event: 0 };
            let rest = &mut bytes[filled..];
            let most = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            // SAFETY: the buffer has the length that is said, and the file is not read asynchronously.
            let answer = unsafe { ReadFile(self.handle, rest.as_mut_ptr(), most, &mut read, &mut from) };
            match done(answer) {
                // ERROR_HANDLE_EOF
                Err(Error(38)) => break,
                result => result?,
            }
            if read == 0 {
                break;
            }
            filled += read as usize;
        }
        bytes.truncate(filled);
        Ok(bytes)
    }
}

impl Drop for Source {
    fn drop(&mut self) {
        // SAFETY: the handle is ours.
        unsafe { CloseHandle(self.handle) };
    }
}

/// A whole file.
pub(crate) fn read_file(path: &str) -> Result<Vec<u8>, Error> {
    let source = Source::open(path)?;
    source.read_at(0, usize::try_from(source.length).unwrap_or(0))
}

/// Writes a file, piece by piece as they come, up to the first `Err`.
pub(crate) fn write_file<E: From<Error>>(
    path: &str,
    pieces: impl Iterator<Item = Result<Vec<u8>, E>>,
) -> Result<(), E> {
    let name = long(path);
    // SAFETY: the path ends with a zero.
    let handle = unsafe {
        let none = core::ptr::null();
        CreateFileW(name.as_ptr(), GENERIC_WRITE, SHARE_READ, none, CREATE_ALWAYS, NORMAL, 0)
    };
    if handle == INVALID {
        return Err(Error::last().into());
    }
    let file = Source { handle, length: 0 };
    let mut place = 0;
    for piece in pieces {
        let piece = piece?;
        let mut rest = piece.as_slice();
        while !rest.is_empty() {
            let mut written = 0;
            let mut to = Overlapped { internal: [0; 2], place, event: 0 };
            let most = u32::try_from(rest.len()).unwrap_or(u32::MAX);
            // SAFETY: the bytes have the length that is said, and the file is not written asynchronously.
            done(unsafe { WriteFile(file.handle, rest.as_ptr(), most, &mut written, &mut to) })?;
            rest = &rest[written as usize..];
            place += u64::from(written);
        }
    }
    Ok(())
}
