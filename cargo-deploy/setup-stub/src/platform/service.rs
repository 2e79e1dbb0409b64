//! Services.

use super::late::late;
use super::system::{Error, sleep};
use super::wide;
use crate::description::{Account, Service, Start};
use alloc::vec::Vec;

late! { "advapi32.dll":
    fn OpenSCManagerW(machine: *const u16, database: *const u16, access: u32) -> isize;
    fn OpenServiceW(manager: isize, name: *const u16, access: u32) -> isize;
    fn CreateServiceW(
        manager: isize, name: *const u16, title: *const u16, access: u32, kind: u32, start: u32, on_error: u32,
        line: *const u16, group: *const u16, tag: *mut u32, depends: *const u16, account: *const u16,
        password: *const u16,
    ) -> isize;
    fn ChangeServiceConfigW(
        service: isize, kind: u32, start: u32, on_error: u32, line: *const u16, group: *const u16, tag: *mut u32,
        depends: *const u16, account: *const u16, password: *const u16, title: *const u16,
    ) -> i32;
    fn ChangeServiceConfig2W(service: isize, level: u32, data: *const *const u16) -> i32;
    fn StartServiceW(service: isize, count: u32, arguments: *const *const u16) -> i32;
    fn ControlService(service: isize, control: u32, status: *mut ServiceStatus) -> i32;
    fn QueryServiceStatus(service: isize, status: *mut ServiceStatus) -> i32;
    fn DeleteService(service: isize) -> i32;
    fn CloseServiceHandle(handle: isize) -> i32;
}

/// `SERVICE_STATUS`.
#[repr(C)]
#[derive(Default)]
struct ServiceStatus {
    kind: u32,
    state: u32,
    rest: [u32; 5],
}

const ALL_OF_MANAGER: u32 = 0xF003F;
const ALL_OF_SERVICE: u32 = 0xF01FF;
const OWN_PROCESS: u32 = 0x10;
const STOPPED: u32 = 1;
const RUNNING: u32 = 4;
const STOP: u32 = 1;
const DESCRIPTION: u32 = 1;

/// How long a service may take to start or stop, in steps of [`STEP`] milliseconds.
const STEPS: u32 = 300;
const STEP: u32 = 100;

/// A handle of the service manager.
struct Handle(isize);

impl Drop for Handle {
    fn drop(&mut self) {
        // SAFETY: the handle is ours.
        unsafe { CloseServiceHandle(self.0) };
    }
}

fn handle(value: isize) -> Result<Handle, Error> {
    if value == 0 { Err(Error::last()) } else { Ok(Handle(value)) }
}

fn done(answer: i32) -> Result<(), Error> {
    if answer == 0 { Err(Error::last()) } else { Ok(()) }
}

fn manager() -> Result<Handle, Error> {
    let none = core::ptr::null();
    // SAFETY: nothing is named.
    handle(unsafe { OpenSCManagerW(none, none, ALL_OF_MANAGER) })
}

fn open(manager: &Handle, name: &str) -> Result<Handle, Error> {
    let name = wide(name);
    // SAFETY: the name ends with a zero.
    handle(unsafe { OpenServiceW(manager.0, name.as_ptr(), ALL_OF_SERVICE) })
}

/// Whether there is a service of this name.
pub(crate) fn service_exists(name: &str) -> bool {
    manager().and_then(|manager| open(&manager, name)).is_ok()
}

/// Creates a service, or gives it this line and these settings. `line` is its program with its arguments.
pub(crate) fn create_service(service: &Service, line: &str) -> Result<(), Error> {
    let manager = manager()?;
    let start = match service.start {
        Start::Automatic => 2,
        Start::Manual => 3,
        Start::Disabled => 4,
    };
    let account = match service.account {
        Account::LocalService => r"NT AUTHORITY\LocalService",
        Account::NetworkService => r"NT AUTHORITY\NetworkService",
        Account::LocalSystem => "LocalSystem",
    };
    let (title, line, account) = (wide(&service.title), wide(line), wide(account));
    let mut depends: Vec<u16> = service.depends.iter().flat_map(|name| wide(name)).collect();
    depends.extend([0, 0]);
    let (none, no_tag) = (core::ptr::null(), core::ptr::null_mut());
    let password = wide("");
    let known = match open(&manager, &service.name) {
        Ok(known) => {
            // SAFETY: all texts end with a zero; the list ends with two.
            done(unsafe {
                ChangeServiceConfigW(
                    known.0,
                    OWN_PROCESS,
                    start,
                    1,
                    line.as_ptr(),
                    none,
                    no_tag,
                    depends.as_ptr(),
                    account.as_ptr(),
                    password.as_ptr(),
                    title.as_ptr(),
                )
            })?;
            known
        }
        Err(error) if error.is_not_found() => {
            let name = wide(&service.name);
            // SAFETY: as above.
            handle(unsafe {
                CreateServiceW(
                    manager.0,
                    name.as_ptr(),
                    title.as_ptr(),
                    ALL_OF_SERVICE,
                    OWN_PROCESS,
                    start,
                    1,
                    line.as_ptr(),
                    none,
                    no_tag,
                    depends.as_ptr(),
                    account.as_ptr(),
                    password.as_ptr(),
                )
            })?
        }
        Err(error) => return Err(error),
    };
    if let Some(description) = &service.description {
        let description = wide(description);
        let data = description.as_ptr();
        // SAFETY: the structure is one pointer to a text that ends with a zero.
        done(unsafe { ChangeServiceConfig2W(known.0, DESCRIPTION, &data) })?;
    }
    Ok(())
}

fn wait_for(service: &Handle, state: u32) -> Result<(), Error> {
    let mut status = ServiceStatus::default();
    for _ in 0..STEPS {
        // SAFETY: the status is ours.
        done(unsafe { QueryServiceStatus(service.0, &mut status) })?;
        if status.state == state {
            return Ok(());
        }
        if state == RUNNING && status.state == STOPPED {
            break;
        }
        sleep(STEP);
    }
    // ERROR_SERVICE_REQUEST_TIMEOUT
    Err(Error(1053))
}

/// Starts a service and waits until it runs.
pub(crate) fn start_service(name: &str) -> Result<(), Error> {
    let service = open(&manager()?, name)?;
    // SAFETY: there are no arguments.
    match done(unsafe { StartServiceW(service.0, 0, core::ptr::null()) }) {
        // ERROR_SERVICE_ALREADY_RUNNING
        Err(Error(1056)) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => wait_for(&service, RUNNING),
    }
}

/// Stops a service and waits for its end. One that is not there or does not run is stopped.
pub(crate) fn stop_service(name: &str) -> Result<(), Error> {
    let service = match open(&manager()?, name) {
        Err(error) if error.is_not_found() => return Ok(()),
        service => service?,
    };
    let mut status = ServiceStatus::default();
    // SAFETY: the status is ours.
    match done(unsafe { ControlService(service.0, STOP, &mut status) }) {
        // ERROR_SERVICE_NOT_ACTIVE
        Err(Error(1062)) => Ok(()),
        Err(error) => Err(error),
        Ok(()) => wait_for(&service, STOPPED),
    }
}

/// Deletes a service. One that is not there is deleted.
pub(crate) fn delete_service(name: &str) -> Result<(), Error> {
    let service = match open(&manager()?, name) {
        Err(error) if error.is_not_found() => return Ok(()),
        service => service?,
    };
    // SAFETY: the handle is ours.
    match done(unsafe { DeleteService(service.0) }) {
        // ERROR_SERVICE_MARKED_FOR_DELETE
        Err(Error(1072)) => Ok(()),
        result => result,
    }
}
