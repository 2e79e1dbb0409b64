//! Other programs: who runs from a folder, closing them, starting them.

use super::late::late;
use super::system::Error;
use super::{narrow, wide};
use crate::options::quoted;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

#[link(name = "kernel32", kind = "raw-dylib")]
unsafe extern "system" {
    fn CreateToolhelp32Snapshot(flags: u32, process: u32) -> isize;
    fn Process32FirstW(snapshot: isize, entry: *mut ProcessEntry) -> i32;
    fn Process32NextW(snapshot: isize, entry: *mut ProcessEntry) -> i32;
    fn OpenProcess(access: u32, inherit: i32, process: u32) -> isize;
    fn QueryFullProcessImageNameW(process: isize, flags: u32, path: *mut u16, length: *mut u32) -> i32;
    fn TerminateProcess(process: isize, code: u32) -> i32;
    fn WaitForSingleObject(handle: isize, milliseconds: u32) -> u32;
    fn GetExitCodeProcess(process: isize, code: *mut u32) -> i32;
    fn CreateProcessW(
        program: *const u16,
        line: *mut u16,
        process_security: *const u8,
        thread_security: *const u8,
        inherit: i32,
        flags: u32,
        environment: *const u16,
        directory: *const u16,
        startup: *const StartupInfo,
        information: *mut ProcessInformation,
    ) -> i32;
    fn CloseHandle(handle: isize) -> i32;
}

late! { "user32.dll":
    fn EnumWindows(each: unsafe extern "system" fn(isize, isize) -> i32, data: isize) -> i32;
    fn GetWindowThreadProcessId(window: isize, process: *mut u32) -> u32;
    fn PostMessageW(window: isize, message: u32, first: usize, second: isize) -> i32;
}

late! { "shell32.dll":
    fn ShellExecuteExW(information: *mut ShellExecuteInfo) -> i32;
}

/// `PROCESSENTRY32W`.
#[repr(C)]
struct ProcessEntry {
    size: u32,
    usage: u32,
    process: u32,
    heap: usize,
    module: u32,
    threads: u32,
    parent: u32,
    priority: i32,
    flags: u32,
    name: [u16; 260],
}

/// `STARTUPINFOW`.
#[repr(C)]
struct StartupInfo {
    size: u32,
    texts: [usize; 3],
    numbers: [u32; 8],
    show: u16,
    reserved_length: u16,
    reserved: usize,
    handles: [isize; 3],
}

/// `PROCESS_INFORMATION`.
#[repr(C)]
struct ProcessInformation {
    process: isize,
    thread: isize,
    ids: [u32; 2],
}

/// `SHELLEXECUTEINFOW`.
#[repr(C)]
struct ShellExecuteInfo {
    size: u32,
    flags: u32,
    window: isize,
    verb: *const u16,
    file: *const u16,
    parameters: *const u16,
    directory: *const u16,
    show: i32,
    instance: isize,
    id_list: usize,
    class: usize,
    class_key: isize,
    hot_key: u32,
    icon: isize,
    process: isize,
}

const SNAPSHOT_PROCESSES: u32 = 2;
const QUERY_LIMITED: u32 = 0x1000;
const TERMINATE: u32 = 1;
const SYNCHRONIZE: u32 = 0x0010_0000;
const CLOSE: u32 = 0x10;
const INVALID: isize = -1;
const NO_CONSOLE: u32 = 0x0800_0000;

/// The processes whose program lies below a folder, by number, each with its program. Those of this program are not among
/// them: one without rights waits for another with them.
pub(crate) fn processes_below(directory: &str) -> Vec<(u32, String)> {
    let below = alloc::format!(r"{}\", directory.to_lowercase());
    let own = super::own_path().to_lowercase();
    let mut found = Vec::new();
    let mut entry = ProcessEntry {
        size: core::mem::size_of::<ProcessEntry>() as u32,
        usage: 0,
        process: 0,
        heap: 0,
        module: 0,
        threads: 0,
        parent: 0,
        priority: 0,
        flags: 0,
        name: [0; 260],
    };
    // SAFETY: the entry says its size, and the functions fill it in.
    unsafe {
        let snapshot = CreateToolhelp32Snapshot(SNAPSHOT_PROCESSES, 0);
        if snapshot == INVALID {
            return found;
        }
        let mut more = Process32FirstW(snapshot, &mut entry);
        while more != 0 {
            if let Some(program) = program_of(entry.process)
                && program.to_lowercase().starts_with(&below)
                && program.to_lowercase() != own
            {
                found.push((entry.process, program));
            }
            more = Process32NextW(snapshot, &mut entry);
        }
        CloseHandle(snapshot);
    }
    found
}

fn program_of(process: u32) -> Option<String> {
    let mut path = vec![0u16; 4096];
    let mut length = path.len() as u32;
    // SAFETY: the buffer has the length that is said, and the handle is ours.
    let known = unsafe {
        let handle = OpenProcess(QUERY_LIMITED, 0, process);
        if handle == 0 {
            return None;
        }
        let known = QueryFullProcessImageNameW(handle, 0, path.as_mut_ptr(), &mut length);
        CloseHandle(handle);
        known
    };
    (known != 0).then(|| narrow(&path[..length as usize]))
}

unsafe extern "system" fn close_if_listed(window: isize, data: isize) -> i32 {
    // SAFETY: `data` is the list that `close_windows` gave, which waits for this.
    unsafe {
        let processes = &*(data as *const Vec<u32>);
        let mut process = 0;
        GetWindowThreadProcessId(window, &mut process);
        if processes.contains(&process) {
            PostMessageW(window, CLOSE, 0, 0);
        }
    }
    1
}

/// Asks all windows of processes to close.
pub(crate) fn close_windows(processes: &[u32]) {
    let processes: Vec<u32> = processes.to_vec();
    // SAFETY: the list outlives the call, which returns after the last window.
    unsafe { EnumWindows(close_if_listed, &raw const processes as isize) };
}

/// Ends processes at once. Gives whether all of them are gone.
pub(crate) fn close_programs(processes: &[u32]) -> bool {
    let mut all = true;
    for process in processes {
        // SAFETY: the handle is ours.
        unsafe {
            let handle = OpenProcess(TERMINATE | SYNCHRONIZE, 0, *process);
            // One that is gone by now needs no ending.
            if handle != 0 {
                TerminateProcess(handle, 1);
                all &= WaitForSingleObject(handle, 5000) == 0;
                CloseHandle(handle);
            }
        }
    }
    all
}

/// A process that was started.
pub(crate) struct Started(isize);

impl Drop for Started {
    fn drop(&mut self) {
        // SAFETY: the handle is ours.
        unsafe { CloseHandle(self.0) };
    }
}

/// Waits for a process's end, and gives its exit code.
pub(crate) fn wait_for_end(process: &Started) -> u32 {
    let mut code = 1;
    // SAFETY: the handle is ours.
    unsafe {
        WaitForSingleObject(process.0, u32::MAX);
        GetExitCodeProcess(process.0, &mut code);
    }
    code
}

/// Starts a program in a folder. `arguments` are written as on a command line.
pub(crate) fn start(program: &str, arguments: &str, directory: &str) -> Result<Started, Error> {
    create(program, arguments, directory, 0)
}

/// Starts a program of the console without one.
pub(crate) fn start_hidden(program: &str, arguments: &str, directory: &str) -> Result<Started, Error> {
    create(program, arguments, directory, NO_CONSOLE)
}

fn create(program: &str, arguments: &str, directory: &str, flags: u32) -> Result<Started, Error> {
    let mut line = wide(&alloc::format!("{} {arguments}", quoted(program)));
    let (program, directory) = (wide(program), wide(directory));
    let startup = StartupInfo {
        size: core::mem::size_of::<StartupInfo>() as u32,
        texts: [0; 3],
        numbers: [0; 8],
        show: 0,
        reserved_length: 0,
        reserved: 0,
        handles: [0; 3],
    };
    let mut information = ProcessInformation { process: 0, thread: 0, ids: [0; 2] };
    let none = core::ptr::null();
    // SAFETY: the texts end with a zero, the line may be changed, and the structures are ours.
    unsafe {
        let created = CreateProcessW(
            program.as_ptr(),
            line.as_mut_ptr(),
            none,
            none,
            0,
            flags,
            core::ptr::null(),
            directory.as_ptr(),
            &startup,
            &mut information,
        );
        if created == 0 {
            return Err(Error::last());
        }
        CloseHandle(information.thread);
    }
    Ok(Started(information.process))
}

/// Starts a program with an administrator's rights, which Windows asks the user for.
pub(crate) fn start_elevated(program: &str, arguments: &str) -> Result<Started, Error> {
    // SEE_MASK_NOCLOSEPROCESS | SEE_MASK_NOASYNC | SEE_MASK_FLAG_NO_UI
    const FLAGS: u32 = 0x40 | 0x100 | 0x400;
    let (verb, file, parameters) = (wide("runas"), wide(program), wide(arguments));
    let mut information = ShellExecuteInfo {
        size: core::mem::size_of::<ShellExecuteInfo>() as u32,
        flags: FLAGS,
        window: 0,
        verb: verb.as_ptr(),
        file: file.as_ptr(),
        parameters: parameters.as_ptr(),
        directory: core::ptr::null(),
        show: 1,
        instance: 0,
        id_list: 0,
        class: 0,
        class_key: 0,
        hot_key: 0,
        icon: 0,
        process: 0,
    };
    // SAFETY: the texts end with a zero and outlive the call, and the structure says its size.
    if unsafe { ShellExecuteExW(&mut information) } == 0 {
        return Err(Error::last());
    }
    Ok(Started(information.process))
}
