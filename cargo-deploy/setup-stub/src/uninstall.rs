//! Removing: everything that the record names, and this program itself.

use crate::description::{Record, STAGING};
use crate::failure::Failure;
use crate::install::{cache, remove_files};
use crate::item;
use crate::options;
use crate::platform::{self, Answer};
use crate::session::Session;
use crate::texts::fill;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

/// Removes the application in the folder that this program lies in.
pub(crate) fn uninstall(session: &mut Session, directory: &str, record: &Record) -> Result<(), Failure> {
    let description = &record.description;
    if record.machine && !platform::is_elevated() {
        let line = platform::command_line();
        let arguments = format!("--elevated {}", options::arguments(&line));
        let started = platform::start_elevated(&platform::own_path(), &arguments).map_err(|error| {
            if error == platform::Error::CANCELLED { Failure::Cancelled } else { Failure::NoRights }
        })?;
        return match platform::wait_for_end(&started) {
            0 => Ok(()),
            code => Err(Failure::Elevated(code)),
        };
    }
    if !session.options.silent {
        let question = fill(session.texts.remove, &session.name);
        if platform::ask(None, &session.title(), &question) == Answer::No {
            return Err(Failure::Cancelled);
        }
    }
    session.log(&format!("removing {} from {directory}", description.name));
    session.open(session.texts.removing);
    session.close_programs(directory, description.close_seconds)?;
    session.say(session.texts.removing);
    let items = item::items(record, directory)?;
    // The list of installed programs comes last: until then it can be tried again.
    let mut first_failure = None;
    for item in &items {
        if let Err(failure) = item.remove() {
            session.log(&format!("{failure}"));
            first_failure.get_or_insert(failure);
        }
    }
    let own = leave(record.machine);
    let files = &description.files;
    let paths: Vec<&str> = files.iter().map(|file| file.path.as_str()).collect();
    let _ = platform::delete_tree(&format!(r"{directory}\{STAGING}"));
    remove_files(directory, &paths);
    if let Some(cache) = cache(description) {
        let _ = platform::delete_tree(&cache);
    }
    platform::associations_changed();
    session.log("done");
    session.progress = None;
    if !session.options.silent {
        platform::tell(None, &session.title(), &fill(session.texts.removed, &session.name), false);
    }
    delete_later(&own);
    first_failure.map_or(Ok(()), Err)
}

/// Where this running program is, and what is to be deleted with it.
struct Own {
    folder: String,
    name: String,
    /// The folder's own name, where it is ours.
    temporary: Option<String>,
}

/// Moves this running program out of the folder that is to go.
fn leave(machine: bool) -> Own {
    let own = platform::own_path();
    let (folder, name) = own.rsplit_once('\\').unwrap_or(("", &own));
    let stays = Own { folder: folder.into(), name: name.into(), temporary: None };
    // What is elevated keeps out of a folder that others may write to.
    let temporary = if machine {
        platform::environment("SystemRoot").map(|system| format!(r"{system}\Temp"))
    } else {
        platform::environment("TEMP")
    };
    let Some(temporary) = temporary else { return stays };
    let own_name = format!("uninstall-{}", platform::process_id());
    let folder = format!(r"{temporary}\{own_name}");
    let is_new = platform::create_directories(&folder).is_ok_and(|created| !created.is_empty());
    if is_new && platform::move_file(&own, &format!(r"{folder}\uninstall.exe")).is_ok() {
        return Own { folder, name: "uninstall.exe".into(), temporary: Some(own_name) };
    }
    // Another volume: then it goes with the folder, a moment later.
    let _ = platform::remove_directory(&folder);
    stays
}

/// Has the running program deleted when it has ended, and the folder that it lies in if nothing else is there.
fn delete_later(own: &Own) {
    let Some(system) = platform::environment("SystemRoot") else { return };
    // Names that are ours as they are, in the folder of temporary files; any others in variables, since a path may hold
    // anything.
    let (start, folder, file) = match (&own.temporary, own.folder.rsplit_once('\\')) {
        (Some(folder), Some((start, _))) => (start, folder.as_str(), format!(r"{folder}\{}", own.name)),
        _ => {
            platform::set_environment("SETUP_FILE", &format!(r"{}\{}", own.folder, own.name));
            platform::set_environment("SETUP_FOLDER", &own.folder);
            (system.as_str(), "\"%SETUP_FOLDER%\"", "\"%SETUP_FILE%\"".into())
        }
    };
    let script = format!(
        "for /l %i in (1,1,60) do @(del /f /q {file} >nul 2>nul & if not exist {file} (rd {folder} >nul 2>nul & exit) & \
         ping -n 2 127.0.0.1 >nul)"
    );
    let shell = format!(r"{system}\System32\cmd.exe");
    let _ = platform::start_hidden(&shell, &format!("/d /s /c \"{script}\""), start);
}

/// The installation that this program is the uninstaller of.
pub(crate) fn own_installation() -> Option<(String, Record)> {
    let own = platform::own_path();
    let (directory, _) = own.rsplit_once('\\')?;
    let record = item::record(directory)?;
    Some((directory.into(), record))
}
