//! What the runtime was asked for.

use crate::failure::Failure;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// What to do.
#[derive(Debug)]
pub(crate) enum Task {
    /// Run the application with these arguments.
    Run {
        unpacked: bool,
        arguments: Vec<OsString>,
    },
    /// Unpack the image, or what a pattern means.
    Extract {
        pattern: Option<OsString>,
    },
    /// Mount, say where, and stay.
    Mount,
    /// Say where the image begins.
    Offset,
    /// Show a section of the program.
    Section {
        name: &'static str,
    },
    /// Make the directory beside the AppImage that has its name and this suffix.
    Portable {
        suffix: &'static str,
    },
    Version,
    Help,
}

/// What all of our options begin with.
const PREFIX: &[u8] = b"--appimage-";

/// What `--appimage-help` shows.
pub(crate) const HELP: &str = "\
Options of an AppImage, as its first argument; all other arguments are the application's:

  --appimage-extract [PATTERN]   unpack into ./squashfs-root, or only what matches, as in 'usr/share/*'
  --appimage-extract-and-run     unpack into a temporary directory, run from there, remove it in the end
  --appimage-mount               mount, print where, stay until ended by SIGINT or SIGTERM
  --appimage-offset              print the byte where the file system begins
  --appimage-updateinformation   print where updates come from
  --appimage-signature           print the signature
  --appimage-portable-home       make a directory beside the AppImage that will be $HOME
  --appimage-portable-config     make a directory beside the AppImage that will be $XDG_CONFIG_HOME
  --appimage-version             print the version of the runtime
  --appimage-help                print this

Environment:

  APPIMAGE_EXTRACT_AND_RUN=1     as --appimage-extract-and-run
  NO_CLEANUP=1                   keep what was unpacked to run
  TMPDIR                         where to mount and unpack, instead of /tmp
  TARGET_APPIMAGE                the AppImage to use instead of this one
  FUSERMOUNT_PROG                the program that mounts, instead of fusermount3 and fusermount

The application gets APPIMAGE (the path of the file), APPDIR (where it is mounted or unpacked), ARGV0 (the name it was
called by) and OWD (the directory it was called from).
";

/// Reads the arguments, without the program's name.
pub(crate) fn task(mut arguments: Vec<OsString>, unpacked: bool) -> Result<Task, Failure> {
    let Some(first) = arguments.first().filter(|first| first.as_bytes().starts_with(PREFIX)) else {
        return Ok(Task::Run { unpacked, arguments });
    };
    let option = first.as_bytes()[PREFIX.len()..].to_vec();
    let count = arguments.len();
    let task = match option.as_slice() {
        b"extract-and-run" => {
            arguments.remove(0);
            return Ok(Task::Run { unpacked: true, arguments });
        }
        b"extract" if count == 2 => return Ok(Task::Extract { pattern: arguments.pop() }),
        b"extract" => Task::Extract { pattern: None },
        b"mount" => Task::Mount,
        b"offset" => Task::Offset,
        b"updateinformation" | b"updateinfo" => Task::Section { name: ".upd_info" },
        b"signature" => Task::Section { name: ".sha256_sig" },
        b"portable-home" => Task::Portable { suffix: ".home" },
        b"portable-config" => Task::Portable { suffix: ".config" },
        b"version" => Task::Version,
        b"help" => Task::Help,
        _ => {
            return Err(Failure::Usage { what: format!("{} is no option of an AppImage", first.display()) });
        }
    };
    if count > 1 {
        return Err(Failure::Usage { what: format!("{} has too many arguments", first.display()) });
    }
    Ok(task)
}
