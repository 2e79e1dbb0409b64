//! The program at the front of an AppImage: mounts or unpacks the file system behind it and runs the application there.
//!
//! ```text
//! main -- options -- launch -- mount ---- keeper -- fuse --+
//!                      |                                   +-- squashfs
//!                      +------ extract (pattern, scratch) --+
//! elf: where the program ends and the file system begins
//! ```

#![expect(
    clippy::disallowed_methods,
    reason = "this is a program of its own, to whose users the AppImage is an application"
)]

mod elf;
mod extract;
mod failure;
mod fuse;
mod keeper;
mod launch;
mod mount;
mod options;
mod pattern;
mod scratch;
mod sections;
mod squashfs;

use extract::Choice;
use failure::Failure;
use launch::AppImage;
use options::Task;
use pattern::Pattern;
use std::ffi::OsString;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

/// Ourselves.
const SELF: &str = "/proc/self/exe";
/// Where `--appimage-extract` unpacks to, as every runtime does.
const EXTRACTED: &str = "squashfs-root";
/// The status when the application could not be started, as shells have it.
const NOT_RUN: u8 = 127;

fn main() -> ExitCode {
    sections::keep();
    let mut arguments = std::env::args_os();
    let called = arguments.next().unwrap_or_default();
    let arguments: Vec<OsString> = arguments.collect();
    if let Some(well) = keeper::internal(&called, &arguments) {
        return if well { ExitCode::SUCCESS } else { ExitCode::FAILURE };
    }
    let unpacked = std::env::var_os("APPIMAGE_EXTRACT_AND_RUN").is_some_and(|value| !value.is_empty());
    let (done, status) = match options::task(arguments, unpacked) {
        Ok(Task::Run { unpacked, arguments }) => {
            (appimage(called).and_then(|one| Err(one.run(&arguments, unpacked))), NOT_RUN)
        }
        Ok(task) => (appimage(called).and_then(|one| perform(&task, &one)), 1),
        Err(failure) => (Err(failure), 1),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Where nobody can hear it, the status says enough.
            let _ = writeln!(io::stderr(), "AppImage: {failure}");
            ExitCode::from(status)
        }
    }
}

/// The AppImage that is meant: this program, or the one that the environment names.
fn appimage(called: OsString) -> Result<AppImage, Failure> {
    let target = std::env::var_os("TARGET_APPIMAGE").filter(|path| !path.is_empty());
    let (file, path, called) = match target {
        Some(target) => {
            let path = fs::canonicalize(&target).map_err(Failure::path("find", &target))?;
            (File::open(&path).map_err(Failure::path("open", &path))?, path, target)
        }
        None => {
            let path = fs::read_link(SELF).map_err(Failure::path("read the link", SELF))?;
            (File::open(SELF).map_err(Failure::path("open", &path))?, path, called)
        }
    };
    let temporary = std::env::var_os("TMPDIR");
    let mounter = std::env::var_os("FUSERMOUNT_PROG");
    let keep = std::env::var_os("NO_CLEANUP").is_some_and(|value| !value.is_empty());
    Ok(AppImage { file, path, called, temporary, mounter, keep })
}

/// Does all that is not running the application.
fn perform(task: &Task, appimage: &AppImage) -> Result<(), Failure> {
    match task {
        Task::Run { unpacked, arguments } => Err(appimage.run(arguments, *unpacked)),
        Task::Extract { pattern } => extract(appimage, pattern.as_ref()),
        Task::Mount => {
            let (point, _pipe) = appimage.stay()?;
            print(&[point.as_os_str().as_bytes(), b"\n"].concat())?;
            // A signal ends this process, and then the keeper unmounts.
            loop {
                std::thread::park();
            }
        }
        Task::Offset => print(format!("{}\n", appimage.layout()?.end).as_bytes()),
        Task::Section { name } => {
            let text = appimage.layout()?.text(&appimage.file, name);
            match text.map_err(Failure::path("read", &appimage.path))? {
                Some(text) => print(&[text.as_slice(), b"\n"].concat()),
                None => Err(Failure::NoSection { name }),
            }
        }
        Task::Portable { suffix } => {
            let directory = launch::beside(&appimage.path, suffix);
            DirBuilder::new()
                .mode(0o700)
                .create(&directory)
                .map_err(Failure::path("make the directory", &directory))?;
            print(&[directory.as_os_str().as_bytes(), b"\n"].concat())
        }
        Task::Version => print(concat!("AppImage runtime ", env!("CARGO_PKG_VERSION"), "\n").as_bytes()),
        Task::Help => print(options::HELP.as_bytes()),
    }
}

fn print(text: &[u8]) -> Result<(), Failure> {
    let mut out = io::stdout();
    out.write_all(text).and_then(|()| out.flush()).map_err(Failure::system("write the answer"))
}

/// Unpacks into the directory where we are, and says what.
fn extract(appimage: &AppImage, pattern: Option<&OsString>) -> Result<(), Failure> {
    let (image, _) = appimage.image()?;
    let to = Path::new(EXTRACTED);
    match DirBuilder::new().mode(0o755).create(to) {
        Ok(()) => {}
        Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => {}
        Err(cause) => return Err(Failure::path("make the directory", to)(cause)),
    }
    let parsed = pattern.map(|text| Pattern::new(text.as_bytes()));
    let choice = Choice { pattern: parsed.as_ref(), mask: 0o7777, directories: 0 };
    let mut out = io::BufWriter::new(io::stdout());
    let mut found = false;
    let mut said = Ok(());
    let mut tell = |path: &Path| {
        found = true;
        if said.is_ok() {
            said =
                out.write_all(&[PathBuf::from(EXTRACTED).join(path).as_os_str().as_bytes(), b"\n"].concat());
        }
    };
    extract::extract(&image, to, &choice, &mut tell).map_err(|error| appimage.failed(error, to))?;
    said.and_then(|()| out.flush()).map_err(Failure::system("write the answer"))?;
    match pattern {
        Some(pattern) if !found => Err(Failure::NoMatch { pattern: pattern.display().to_string() }),
        _ => Ok(()),
    }
}
