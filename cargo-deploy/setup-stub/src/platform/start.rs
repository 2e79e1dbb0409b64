//! What a program needs where there is no C runtime: its beginning, memory, and an end.

use core::alloc::{GlobalAlloc, Layout};

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn GetProcessHeap() -> isize;
    fn HeapAlloc(heap: isize, flags: u32, bytes: usize) -> *mut u8;
    fn HeapReAlloc(heap: isize, flags: u32, memory: *mut u8, bytes: usize) -> *mut u8;
    fn HeapFree(heap: isize, flags: u32, memory: *mut u8) -> i32;
    fn SetDefaultDllDirectories(flags: u32) -> i32;
    fn SetDllDirectoryW(path: *const u16) -> i32;
    fn SetErrorMode(mode: u32) -> u32;
    fn ExitProcess(code: u32) -> !;
}

// What the compiler itself calls.
#[link(name = "ntdll", kind = "raw-dylib")]
unsafe extern "C" {
    #[expect(dead_code, reason = "called by what the compiler writes")]
    fn memcpy(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    #[expect(dead_code, reason = "called by what the compiler writes")]
    fn memmove(to: *mut u8, from: *const u8, bytes: usize) -> *mut u8;
    #[expect(dead_code, reason = "called by what the compiler writes")]
    fn memset(to: *mut u8, value: i32, bytes: usize) -> *mut u8;
    #[expect(dead_code, reason = "called by what the compiler writes")]
    fn memcmp(one: *const u8, other: *const u8, bytes: usize) -> i32;
}

/// The process's heap.
struct Heap;

/// How the heap aligns what it gives on 64-bit systems.
const HEAP_ALIGNMENT: usize = 16;

// SAFETY: the heap gives memory of the length asked for, aligned to 16 bytes, until it is freed; a layout that asks for
// more gets none.
unsafe impl GlobalAlloc for Heap {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if layout.align() > HEAP_ALIGNMENT {
            return core::ptr::null_mut();
        }
        // SAFETY: the heap of the process always exists.
        unsafe { HeapAlloc(GetProcessHeap(), 0, layout.size()) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, _: Layout) {
        // SAFETY: the caller says that the memory came from `alloc`.
        unsafe { HeapFree(GetProcessHeap(), 0, memory) };
    }

    unsafe fn realloc(&self, memory: *mut u8, _: Layout, bytes: usize) -> *mut u8 {
        // SAFETY: the caller says that the memory came from `alloc`.
        unsafe { HeapReAlloc(GetProcessHeap(), 0, memory, bytes) }
    }
}

#[global_allocator]
static HEAP: Heap = Heap;

/// Told to the linker by whoever multiplies numbers with a point.
#[unsafe(no_mangle)]
static _fltused: i32 = 0;

// The libraries that come with rustc unwind, and name who would do it. A panic ends this program at once, so nobody does.
#[cfg(target_arch = "x86_64")]
core::arch::global_asm!(
    ".globl rust_eh_personality",
    "rust_eh_personality:",
    ".globl _Unwind_Resume",
    "_Unwind_Resume:",
    "ud2"
);
#[cfg(target_arch = "aarch64")]
core::arch::global_asm!(
    ".globl rust_eh_personality",
    "rust_eh_personality:",
    ".globl _Unwind_Resume",
    "_Unwind_Resume:",
    "brk #1"
);

/// The exit code of a bug.
const BUG: u32 = 70;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    // SAFETY: it ends the process.
    unsafe { ExitProcess(BUG) }
}

/// `LOAD_LIBRARY_SEARCH_SYSTEM32`.
const SYSTEM_DIRECTORY_ONLY: u32 = 0x800;

/// `SEM_FAILCRITICALERRORS | SEM_NOOPENFILEERRORBOX`.
const NO_DIALOGUES: u32 = 0x8001;

/// Where Windows starts this program.
#[unsafe(no_mangle)]
extern "C" fn setup_start() -> ! {
    // First of all: a DLL that lies beside a downloaded setup.exe is never loaded.
    // SAFETY: these set what they say for this process.
    unsafe {
        SetDefaultDllDirectories(SYSTEM_DIRECTORY_ONLY);
        SetDllDirectoryW([0].as_ptr());
        SetErrorMode(NO_DIALOGUES);
    }
    let code = crate::run();
    // SAFETY: it ends the process.
    unsafe { ExitProcess(code) }
}
