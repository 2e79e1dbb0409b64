//! The process that stays beside the application: it serves the mounted image, waits for the application's end and then
//! removes what was made for it.
//!
//! The process that the user started becomes the application, so that its status, its signals and its terminal are the
//! application's own. All else is here, in a process that is nobody's child: it is started by a helper that ends at once.
//! The three standard streams carry its descriptors: the FUSE device, the pipe, the AppImage.
//!
//! The end of the application is the end of the process, and of everything that still holds the other end of the
//! pipe, which the application hands on to what it starts. What is mounted goes when the kernel says that nobody uses it.

use crate::failure::Failure;
use crate::fuse::Server;
use crate::mount::{self, Way};
use crate::squashfs::Image;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::FdFlags;
use rustix::pipe::PipeFlags;
use rustix::process::{Pid, PidfdFlags};
use std::ffi::{OsStr, OsString};
use std::fs::{self, File};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::Arc;

/// The names that the helper, and the process that it starts, are called by. Whoever can only choose the arguments of an
/// AppImage cannot choose the name, and so cannot have either of them do anything.
const HELPER: &str = "appimage-helper";
const KEEPER: &str = "appimage-keeper";
/// The first argument of both.
const INTERNAL: &str = "--appimage-runtime-internal";

/// Ourselves, whatever the AppImage is called and wherever it went.
const SELF: &str = "/proc/self/exe";
/// How many threads answer the kernel at most.
const THREADS: usize = 4;
/// Between two attempts to unmount what is in use, in milliseconds: the first pause, doubled up to the last.
const PAUSES: (i64, i64) = (10, 1000);

/// What is kept, and removed in the end.
pub(crate) enum Kept {
    /// A mounted image.
    Mount {
        /// Where the kernel's questions come from.
        device: OwnedFd,
        /// How it is unmounted.
        way: Way,
        /// Where the image begins in the AppImage.
        offset: u64,
    },
    /// A directory full of files.
    Files,
}

/// Starts the keeper of the directory `point`, and returns the end of the pipe that the application must inherit.
pub(crate) fn start(kept: Kept, point: &Path, appimage: File) -> Result<OwnedFd, Failure> {
    let (read, write) =
        rustix::pipe::pipe_with(PipeFlags::CLOEXEC).map_err(Failure::system("make a pipe"))?;
    let mut helper = Command::new(SELF);
    helper.arg0(HELPER).arg(INTERNAL).arg(std::process::id().to_string()).arg(point);
    match kept {
        Kept::Mount { device, way, offset } => {
            helper.arg(offset.to_string()).stdin(Stdio::from(device));
            if let Way::Program(program) = way {
                helper.arg(program);
            }
        }
        Kept::Files => {
            helper.stdin(Stdio::null());
        }
    }
    let status = helper
        .stdout(Stdio::from(read))
        .stderr(Stdio::from(appimage))
        .status()
        .map_err(Failure::system("start the process beside the application"))?;
    if !status.success() {
        let cause = std::io::Error::other(status.to_string());
        return Err(Failure::system("start the process beside the application")(cause));
    }
    Ok(write)
}

/// Lets the next program of this process inherit the pipe.
pub(crate) fn hand_on(pipe: &OwnedFd) -> Result<(), Failure> {
    rustix::io::fcntl_setfd(pipe, FdFlags::empty()).map_err(Failure::system("hand on a pipe"))
}

/// Does what this process was started for, if it was started by [`start`] or the helper; says whether that went well.
pub(crate) fn internal(called: &OsStr, arguments: &[OsString]) -> Option<bool> {
    let (first, rest) = arguments.split_first()?;
    match called.to_str()? {
        _ if first != INTERNAL => None,
        HELPER => Some(help(rest)),
        KEEPER => Some(keep(rest).is_some()),
        _ => None,
    }
}

/// The helper: starts the keeper in a session of its own, out of reach of the terminal's signals, and ends.
fn help(arguments: &[OsString]) -> bool {
    // It fails only for who leads a session already.
    let _ = rustix::process::setsid();
    Command::new(SELF).arg0(KEEPER).arg(INTERNAL).args(arguments).current_dir("/").spawn().is_ok()
}

/// The keeper. It has nowhere to complain to, and does what it can.
fn keep(arguments: &[OsString]) -> Option<()> {
    let process = arguments.first()?.to_str()?.parse().ok()?;
    let point = PathBuf::from(arguments.get(1)?);
    let pipe = std::io::stdout().as_fd().try_clone_to_owned().ok()?;
    let application = Application::new(process, pipe);
    let Some(offset) = arguments.get(2) else {
        application.wait(None);
        return fs::remove_dir_all(&point).ok();
    };
    let device = std::io::stdin().as_fd().try_clone_to_owned().ok()?;
    let file = File::from(std::io::stderr().as_fd().try_clone_to_owned().ok()?);
    let image = Image::open(file, offset.to_str()?.parse().ok()?).ok()?;
    let way = match arguments.get(3) {
        Some(program) => Way::Program(program.clone()),
        None => Way::Direct,
    };
    let null = fs::OpenOptions::new().read(true).write(true).open("/dev/null").ok()?;
    let _ = rustix::stdio::dup2_stdin(&null);
    let _ = rustix::stdio::dup2_stdout(&null);
    let _ = rustix::stdio::dup2_stderr(&null);

    let server = Arc::new(Server::new(image, device));
    let threads = std::thread::available_parallelism().map_or(1, usize::from).clamp(2, THREADS);
    for _ in 0..threads {
        let server = server.clone();
        std::thread::spawn(move || server.serve());
    }
    application.wait(Some(server.device()));
    let mut pause = PAUSES.0;
    while mount::unmount(&way, &point).is_err() {
        let time = Timespec { tv_sec: pause / 1000, tv_nsec: pause % 1000 * 1_000_000 };
        // No event is asked for, so that this ends early only where somebody else has unmounted.
        let gone = poll(&mut [PollFd::new(server.device(), PollFlags::empty())], Some(&time));
        if gone.is_ok_and(|count| count > 0) {
            break;
        }
        pause = (pause * 2).min(PAUSES.1);
    }
    fs::remove_dir(&point).ok()
}

/// The application and what it started.
struct Application {
    process: Option<OwnedFd>,
    pipe: OwnedFd,
}

impl Application {
    fn new(process: i32, pipe: OwnedFd) -> Self {
        // Kernels before 5.3 cannot wait for a process that is no child; there the pipe must do.
        let opened = Pid::from_raw(process)
            .and_then(|process| rustix::process::pidfd_open(process, PidfdFlags::empty()).ok());
        // If all have let go of the pipe already then the process is dead, and its number may be another's by now.
        let dead = hung_up(&pipe);
        Self { process: opened.filter(|_| !dead), pipe }
    }

    /// Waits until nothing is left of it, or until `device` is no longer mounted.
    fn wait(&self, device: Option<&OwnedFd>) {
        // A process becomes readable when it ends; the pipe is hung up when nobody holds its other end.
        let mut left: Vec<(&OwnedFd, PollFlags)> = vec![(&self.pipe, PollFlags::empty())];
        left.extend(self.process.as_ref().map(|process| (process, PollFlags::IN)));
        while !left.is_empty() {
            let watched = left.iter().copied().chain(device.map(|device| (device, PollFlags::empty())));
            let mut watched: Vec<PollFd<'_>> =
                watched.map(|(descriptor, flags)| PollFd::new(descriptor, flags)).collect();
            if poll(&mut watched, None).is_err() {
                continue;
            }
            let happened: Vec<bool> = watched.iter().map(|one| !one.revents().is_empty()).collect();
            if device.is_some() && happened.last() == Some(&true) {
                return;
            }
            let mut happened = happened.into_iter();
            left.retain(|_| !happened.next().unwrap_or(false));
        }
    }
}

fn hung_up(pipe: &OwnedFd) -> bool {
    let now = Timespec { tv_sec: 0, tv_nsec: 0 };
    poll(&mut [PollFd::new(pipe, PollFlags::empty())], Some(&now)).is_ok_and(|count| count > 0)
}
