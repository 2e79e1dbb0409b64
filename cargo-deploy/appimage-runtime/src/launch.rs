//! Turns this process into the application.

use crate::extract::{self, Choice, ExtractError};
use crate::failure::Failure;
use crate::keeper::{self, Kept};
use crate::mount::{self, Mounted};
use crate::squashfs::{Image, Kind};
use crate::{elf, scratch};
use std::ffi::OsString;
use std::fs::{self, File};
use std::os::fd::OwnedFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What is run or looked at, with what the environment says.
pub(crate) struct AppImage {
    /// The opened file.
    pub(crate) file: File,
    /// Its absolute path.
    pub(crate) path: PathBuf,
    /// The name it was called by.
    pub(crate) called: OsString,
    /// Where the user wants temporary files.
    pub(crate) temporary: Option<OsString>,
    /// The program that the user wants to mount with.
    pub(crate) mounter: Option<OsString>,
    /// Whether what was unpacked is kept.
    pub(crate) keep: bool,
}

/// Where the application is, and the pipe that tells the keeper how long.
struct Place {
    directory: PathBuf,
    pipe: Option<OwnedFd>,
}

impl AppImage {
    /// What stands where in the program at its front.
    pub(crate) fn layout(&self) -> Result<elf::Layout, Failure> {
        elf::Layout::read(&self.file).map_err(|cause| Failure::Program { path: self.path.clone(), cause })
    }

    /// The image, and where it begins.
    pub(crate) fn image(&self) -> Result<(Image, u64), Failure> {
        let offset = self.layout()?.end;
        let image = Image::open(self.again()?, offset);
        Ok((image.map_err(|cause| Failure::Image { path: self.path.clone(), cause })?, offset))
    }

    fn again(&self) -> Result<File, Failure> {
        self.file.try_clone().map_err(Failure::path("open", &self.path))
    }

    fn scratch(&self, prefix: &str) -> Result<PathBuf, Failure> {
        scratch::directory(self.temporary.as_deref(), prefix, &self.path)
    }

    /// Mounts the image and starts its keeper; the reasons where nothing could be mounted.
    fn mount(&self, offset: u64) -> Result<Result<Place, Vec<String>>, Failure> {
        let point = self.scratch(".mount_")?;
        let Mounted { device, way } = match mount::mount(&self.path, &point, self.mounter.clone()) {
            Ok(mounted) => mounted,
            Err(reasons) => {
                fs::remove_dir(&point).map_err(Failure::path("remove the directory", &point))?;
                return Ok(Err(reasons));
            }
        };
        match keeper::start(Kept::Mount { device, way: way.clone(), offset }, &point, self.again()?) {
            Ok(pipe) => Ok(Ok(Place { directory: point, pipe: Some(pipe) })),
            Err(failure) => {
                let _ = mount::unmount(&way, &point);
                let _ = fs::remove_dir(&point);
                Err(failure)
            }
        }
    }

    /// Unpacks the image into a directory of its own; the keeper is there before the first file is.
    fn unpack(&self, image: &Image) -> Result<Place, Failure> {
        let directory = self.scratch("appimage_")?;
        let pipe = match self.keep {
            true => None,
            false => Some(keeper::start(Kept::Files, &directory, self.again()?)?),
        };
        // As a mount would have it: no other user's rights. And what cannot be entered cannot be removed.
        let choice = Choice { pattern: None, mask: 0o777, directories: 0o700 };
        extract::extract(image, &directory, &choice, &mut |_| {})
            .map_err(|error| self.failed(error, &directory))?;
        Ok(Place { directory, pipe })
    }

    /// The failure for an error of unpacking into a directory.
    pub(crate) fn failed(&self, error: ExtractError, directory: &Path) -> Failure {
        match error {
            ExtractError::Image { path: member, cause } => {
                Failure::Member { path: self.path.clone(), member, cause }
            }
            ExtractError::Write { path, cause } => {
                Failure::Path { action: "write", path: directory.join(path), cause }
            }
        }
    }

    /// Mounts, and returns where; the mount lasts as long as this process.
    pub(crate) fn stay(&self) -> Result<(PathBuf, Option<OwnedFd>), Failure> {
        let (image, offset) = self.image()?;
        image.root().map_err(|cause| Failure::Image { path: self.path.clone(), cause })?;
        match self.mount(offset)? {
            Ok(place) => Ok((place.directory, place.pipe)),
            Err(reasons) => Err(Failure::NoMount { reasons }),
        }
    }

    /// Becomes the application. Returns only what went wrong.
    pub(crate) fn run(&self, arguments: &[OsString], unpacked: bool) -> Failure {
        match self.place(unpacked) {
            Ok(place) => self.become_application(&place, arguments),
            Err(failure) => failure,
        }
    }

    fn place(&self, unpacked: bool) -> Result<Place, Failure> {
        let (image, offset) = self.image()?;
        // Said now and in our words, not by the system after everything has been prepared.
        match image.find(b"AppRun").map_err(|cause| Failure::Image { path: self.path.clone(), cause })? {
            Some(inode) if matches!(inode.kind, Kind::File(_) | Kind::Symlink(_)) => {}
            _ => return Err(Failure::NoAppRun { path: self.path.clone() }),
        }
        if unpacked {
            return self.unpack(&image);
        }
        match self.mount(offset)? {
            Ok(place) => Ok(place),
            Err(reasons) => {
                self.unpack(&image).map_err(|cause| Failure::NoWay { reasons, cause: Box::new(cause) })
            }
        }
    }

    fn become_application(&self, place: &Place, arguments: &[OsString]) -> Failure {
        let program = place.directory.join("AppRun");
        let mut command = Command::new(&program);
        command
            .arg0(&self.called)
            .args(arguments)
            .env("APPIMAGE", &self.path)
            .env("APPDIR", &place.directory)
            .env("ARGV0", &self.called)
            // It names the AppImage of this start, not of those that the application starts.
            .env_remove("TARGET_APPIMAGE");
        if let Ok(directory) = std::env::current_dir() {
            command.env("OWD", directory);
        }
        for (suffix, variable) in [(".home", "HOME"), (".config", "XDG_CONFIG_HOME")] {
            let directory = beside(&self.path, suffix);
            if directory.is_dir() {
                command.env(variable, directory);
            }
        }
        if let Some(Err(failure)) = place.pipe.as_ref().map(keeper::hand_on) {
            return failure;
        }
        Failure::path("run", program)(command.exec())
    }
}

/// The path with a suffix behind its last name.
pub(crate) fn beside(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}
