//! Windows, behind safe functions. Everything unsafe of this program stands in this module.

#![expect(unsafe_code, reason = "the system is called by its own interface, without a library in between")]
#![expect(clippy::too_many_arguments, reason = "the system's own functions")]

mod files;
mod late;
mod process;
mod registry;
mod service;
mod shell;
mod start;
mod system;
mod window;

pub(crate) use files::{
    Source, available_space, copy_file, create_directories, delete_file, delete_tree, entries, exists,
    full_path, move_file, read_file, remove_directory, write_file,
};
pub(crate) use process::{
    close_programs, close_windows, processes_below, start, start_elevated, start_hidden, wait_for_end,
};
pub(crate) use registry::{Hive, Key};
pub(crate) use service::{create_service, delete_service, service_exists, start_service, stop_service};
pub(crate) use shell::{Folder, Link, associations_changed, create_link, environment_changed, folder};
pub(crate) use system::{
    Error, Lock, command_line, environment, is_elevated, language, own_path, process_id, set_environment,
    sleep,
};
pub(crate) use window::{Answer, Progress, ask, choose, tell};

/// A text with a zero at its end, as the system reads it.
fn wide(text: &str) -> alloc::vec::Vec<u16> {
    text.encode_utf16().filter(|unit| *unit != 0).chain([0]).collect()
}

/// A text as the system wrote it, up to a zero.
fn narrow(units: &[u16]) -> alloc::string::String {
    let end = units.iter().position(|unit| *unit == 0).unwrap_or(units.len());
    alloc::string::String::from_utf16_lossy(&units[..end])
}
