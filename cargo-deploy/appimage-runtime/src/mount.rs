//! Puts the image into the tree of files, and takes it out again.

use rustix::fs::{Mode, OFlags};
use rustix::io::FdFlags;
use rustix::mount::{MountFlags, UnmountFlags};
use rustix::net::{
    AddressFamily, RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SocketFlags, SocketType,
};
use std::ffi::{CString, OsStr, OsString};
use std::io::{self, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;
use std::process::{Command, Stdio};

/// Where the kernel takes answers from.
const DEVICE: &str = "/dev/fuse";
/// The programs that mount for who may not, by preference.
const PROGRAMS: [&str; 2] = ["fusermount3", "fusermount"];

/// How something was mounted, and so how it is unmounted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Way {
    /// By asking the kernel.
    Direct,
    /// By a program that may.
    Program(OsString),
}

/// What mounting gave: the descriptor that questions come from.
pub(crate) struct Mounted {
    pub(crate) device: OwnedFd,
    pub(crate) way: Way,
}

/// Mounts at `point` what will be served. On failure, a reason for each way that was tried.
pub(crate) fn mount(
    appimage: &Path,
    point: &Path,
    program: Option<OsString>,
) -> Result<Mounted, Vec<String>> {
    let source = source(appimage);
    let mut reasons = Vec::new();
    match direct(&source, point) {
        Ok(device) => return Ok(Mounted { device, way: Way::Direct }),
        Err(reason) => reasons.push(reason),
    }
    let named = program.into_iter().filter(|name| !name.is_empty());
    for program in named.chain(PROGRAMS.map(OsString::from)) {
        match by_program(&program, &source, point) {
            Ok(device) => return Ok(Mounted { device, way: Way::Program(program) }),
            Err(reason) => reasons.push(format!("{}: {reason}", program.display())),
        }
    }
    Err(reasons)
}

/// Unmounts what is at `point`. It fails where something there is in use.
pub(crate) fn unmount(way: &Way, point: &Path) -> io::Result<()> {
    match way {
        Way::Direct => Ok(rustix::mount::unmount(point, UnmountFlags::NOFOLLOW)?),
        Way::Program(program) => {
            let status = Command::new(program)
                .args(["-u", "-q", "--"])
                .arg(point)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(Stdio::null())
                .status()?;
            if status.success() { Ok(()) } else { Err(io::ErrorKind::ResourceBusy.into()) }
        }
    }
}

/// The name that `mount` and `df` show: letters that need no quoting in any option.
fn source(appimage: &Path) -> String {
    let name = appimage.file_name().unwrap_or(OsStr::new("AppImage")).to_string_lossy();
    name.chars()
        .map(|letter| match letter {
            letter if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | '+') => letter,
            _ => '_',
        })
        .take(64)
        .collect()
}

fn direct(source: &str, point: &Path) -> Result<OwnedFd, String> {
    let device = rustix::fs::open(DEVICE, OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())
        .map_err(|cause| format!("{DEVICE}: {}", io::Error::from(cause)))?;
    let options = format!(
        "fd={},rootmode=40000,user_id={},group_id={}",
        device.as_raw_fd(),
        rustix::process::geteuid().as_raw(),
        rustix::process::getegid().as_raw()
    );
    let options = CString::new(options).map_err(|cause| cause.to_string())?;
    let flags = MountFlags::RDONLY | MountFlags::NODEV | MountFlags::NOSUID;
    rustix::mount::mount(source, point, "fuse.appimage", flags, Some(options.as_c_str()))
        .map_err(|cause| format!("mount: {}", io::Error::from(cause)))?;
    Ok(device)
}

/// Has `program` mount; it sends the descriptor over a socket whose number it finds in its environment.
fn by_program(program: &OsStr, source: &str, point: &Path) -> Result<OwnedFd, String> {
    let said = |cause: rustix::io::Errno| io::Error::from(cause).to_string();
    let (ours, theirs) =
        rustix::net::socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
            .map_err(said)?;
    // No other program is started meanwhile.
    rustix::io::fcntl_setfd(&theirs, FdFlags::empty()).map_err(said)?;
    let child = Command::new(program)
        .arg("-o")
        .arg(format!("ro,nosuid,nodev,fsname={source},subtype=appimage"))
        .arg("--")
        .arg(point)
        .env("_FUSE_COMMFD", theirs.as_raw_fd().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(|cause| cause.to_string())?;
    drop(theirs);
    let device = receive(&ours);
    let output = child.wait_with_output().map_err(|cause| cause.to_string())?;
    match device {
        Some(device) if output.status.success() => Ok(device),
        _ => {
            let text = String::from_utf8_lossy(&output.stderr);
            match text.lines().map(str::trim).find(|line| !line.is_empty()) {
                Some(line) => Err(line
                    .trim_start_matches("fusermount3: ")
                    .trim_start_matches("fusermount: ")
                    .to_owned()),
                None => Err(format!("it ended with {}", output.status)),
            }
        }
    }
}

/// The descriptor that comes over a socket, or nothing.
fn receive(socket: &OwnedFd) -> Option<OwnedFd> {
    let mut byte = [0];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let received = loop {
        match rustix::net::recvmsg(
            socket,
            &mut [IoSliceMut::new(&mut byte)],
            &mut control,
            RecvFlags::CMSG_CLOEXEC,
        ) {
            Err(rustix::io::Errno::INTR) => continue,
            other => break other.ok()?,
        }
    };
    if received.bytes == 0 {
        return None;
    }
    control.drain().find_map(|message| match message {
        RecvAncillaryMessage::ScmRights(mut descriptors) => descriptors.next(),
        _ => None,
    })
}
