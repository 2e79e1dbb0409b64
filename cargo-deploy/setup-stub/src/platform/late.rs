//! Functions of the system's libraries, looked for when they are first called. Only `kernel32` and `ntdll`, which every
//! process has, are linked: whatever is loaded beside them comes from the system's directory, and after this program has
//! said so.

use core::sync::atomic::{AtomicUsize, Ordering};

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn LoadLibraryExW(name: *const u16, file: isize, flags: u32) -> isize;
    fn GetProcAddress(library: isize, name: *const u8) -> usize;
}

/// `LOAD_LIBRARY_SEARCH_SYSTEM32`.
const SYSTEM_DIRECTORY_ONLY: u32 = 0x800;

/// The address of a function; 0 if this Windows does not have it. `name` ends with a zero.
pub(super) fn address(known: &AtomicUsize, library: &str, name: &'static str) -> usize {
    let found = known.load(Ordering::Relaxed);
    if found != 0 {
        return found;
    }
    let library = super::wide(library);
    // SAFETY: both names end with a zero and outlive the calls.
    let found = unsafe {
        let library = LoadLibraryExW(library.as_ptr(), 0, SYSTEM_DIRECTORY_ONLY);
        if library == 0 { 0 } else { GetProcAddress(library, name.as_ptr()) }
    };
    known.store(found, Ordering::Relaxed);
    found
}

/// Declares functions of a library of Windows 10. Each is as unsafe as the system's function of its name.
macro_rules! late {
    ($library:literal: $(fn $name:ident($($argument:ident: $kind:ty),* $(,)?) $(-> $result:ty)?;)*) => {$(
        #[expect(non_snake_case, reason = "the system's own name")]
        unsafe fn $name($($argument: $kind),*) $(-> $result)? {
            static KNOWN: core::sync::atomic::AtomicUsize = core::sync::atomic::AtomicUsize::new(0);
            let address = super::late::address(&KNOWN, $library, concat!(stringify!($name), "\0"));
            assert!(address != 0, "this Windows lacks a function");
            // SAFETY: the address is that of the function, whose signature stands here; the rest is the caller's.
            unsafe {
                let function: unsafe extern "system" fn($($kind),*) $(-> $result)? = core::mem::transmute(address);
                function($($argument),*)
            }
        }
    )*};
}
pub(super) use late;
