//! Unpacking the image into a directory.

use crate::pattern::Pattern;
use crate::squashfs::{Image, ImageError, Inode, Kind};
use rustix::fs::{AtFlags, Mode, OFlags, Timespec, Timestamps};
use std::collections::{HashMap, HashSet};
use std::fs::{File, Permissions};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// How deep directories may be nested: each level holds a descriptor open.
const DEPTH: usize = 200;
/// How much of a file is in memory at once.
const PIECE: usize = 1 << 20;

/// What is unpacked, and how.
pub(crate) struct Choice<'a> {
    /// Only what this means.
    pub(crate) pattern: Option<&'a Pattern>,
    /// The bits of a mode that are kept.
    pub(crate) mask: u16,
    /// The bits that every directory gets.
    pub(crate) directories: u16,
}

/// Why unpacking stopped.
pub(crate) enum ExtractError {
    /// The image cannot be read.
    Image {
        /// Where in it.
        path: PathBuf,
        /// What is wrong.
        cause: ImageError,
    },
    /// Writing failed.
    Write {
        /// What.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },
}

/// One run of unpacking.
struct Run<'a> {
    image: &'a Image,
    choice: &'a Choice<'a>,
    root: OwnedFd,
    /// The names down to where the run is.
    names: Vec<Vec<u8>>,
    /// Directories that were entered: an image may not have one in two places, let alone within itself.
    entered: HashSet<u64>,
    /// Where files with several names were written first.
    linked: HashMap<u64, PathBuf>,
    /// Told of every path.
    told: &'a mut dyn FnMut(&Path),
}

/// Unpacks the image into the directory `to`, which exists; calls `told` for every path. Nothing outside of `to` is
/// touched, whatever the image holds and whatever stands in `to` already: links there are replaced, never followed.
pub(crate) fn extract(
    image: &Image,
    to: &Path,
    choice: &Choice<'_>,
    told: &mut dyn FnMut(&Path),
) -> Result<(), ExtractError> {
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
    let open = || rustix::fs::open(to, flags, Mode::empty());
    let (root, here) = match (open(), open()) {
        (Ok(root), Ok(here)) => (root, here),
        (Err(cause), _) | (_, Err(cause)) => {
            return Err(ExtractError::Write { path: to.to_owned(), cause: cause.into() });
        }
    };
    let inode = image.root().map_err(|cause| ExtractError::Image { path: PathBuf::from("."), cause })?;
    let mut run =
        Run { image, choice, root, names: Vec::new(), entered: HashSet::new(), linked: HashMap::new(), told };
    run.fill(&here, &inode)
}

impl Run<'_> {
    fn path(&self) -> PathBuf {
        use std::os::unix::ffi::OsStrExt;
        self.names.iter().map(|name| std::ffi::OsStr::from_bytes(name)).collect()
    }

    fn bad(&self, cause: ImageError) -> ExtractError {
        ExtractError::Image { path: self.path(), cause }
    }

    fn unwritten(&self, cause: impl Into<io::Error>) -> ExtractError {
        ExtractError::Write { path: self.path(), cause: cause.into() }
    }

    /// Writes what is in a directory, then the directory's own mode and time.
    fn fill(&mut self, here: &OwnedFd, directory: &Inode) -> Result<(), ExtractError> {
        if !self.entered.insert(directory.reference) {
            return Err(self.bad(ImageError::Damaged { what: "a directory stands in two places" }));
        }
        if self.names.len() > DEPTH {
            return Err(self.bad(ImageError::Damaged { what: "its directories are nested too deeply" }));
        }
        let mut listing = self.image.listing(directory).map_err(|cause| self.bad(cause))?;
        while let Some(entry) = listing.next(self.image).map_err(|cause| self.bad(cause))? {
            self.names.push(entry.name);
            let inode = self.image.inode(entry.reference).map_err(|cause| self.bad(cause))?;
            let meant = self.choice.pattern.is_none_or(|pattern| pattern.means(&self.names));
            let is_directory = matches!(inode.kind, Kind::Directory(_));
            if meant {
                let path = self.path();
                (self.told)(&path);
            }
            if is_directory
                && (meant || self.choice.pattern.is_none_or(|one| one.may_mean_below(&self.names)))
            {
                self.directory(here, &inode, meant)?;
            } else if meant {
                self.file(here, &inode)?;
            }
            self.names.pop();
        }
        let mode = (directory.permissions & self.choice.mask) | self.choice.directories;
        rustix::fs::fchmod(here, Mode::from_raw_mode(mode.into())).map_err(|cause| self.unwritten(cause))?;
        rustix::fs::futimens(here, &times(directory)).map_err(|cause| self.unwritten(cause))
    }

    fn directory(&mut self, here: &OwnedFd, inode: &Inode, meant: bool) -> Result<(), ExtractError> {
        let name = self.names.last().map(Vec::as_slice).unwrap_or_default();
        let new = match rustix::fs::mkdirat(here, name, Mode::RWXU) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(cause) => return Err(self.unwritten(cause)),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let below =
            rustix::fs::openat(here, name, flags, Mode::empty()).map_err(|cause| self.unwritten(cause))?;
        // One that was unpacked before may be without the right to write.
        rustix::fs::fchmod(&below, Mode::RWXU).map_err(|cause| self.unwritten(cause))?;
        self.fill(&below, inode)?;
        if new && !meant {
            // It was only the way to what is meant; where that was nothing it goes again.
            let name = self.names.last().map(Vec::as_slice).unwrap_or_default();
            match rustix::fs::unlinkat(here, name, AtFlags::REMOVEDIR) {
                Ok(()) | Err(rustix::io::Errno::NOTEMPTY) => {}
                Err(cause) => return Err(self.unwritten(cause)),
            }
        }
        Ok(())
    }

    fn file(&mut self, here: &OwnedFd, inode: &Inode) -> Result<(), ExtractError> {
        let name = self.names.last().map(Vec::as_slice).unwrap_or_default();
        match rustix::fs::unlinkat(here, name, AtFlags::empty()) {
            Ok(()) | Err(rustix::io::Errno::NOENT) => {}
            Err(cause) => return Err(self.unwritten(cause)),
        }
        if inode.links > 1 && !matches!(inode.kind, Kind::Directory(_)) {
            if let Some(first) = self.linked.get(&inode.reference) {
                return rustix::fs::linkat(&self.root, first, here, name, AtFlags::empty())
                    .map_err(|cause| self.unwritten(cause));
            }
            self.linked.insert(inode.reference, self.path());
        }
        match &inode.kind {
            Kind::Symlink(target) => {
                let target = self.image.target(target).map_err(|cause| self.bad(cause))?;
                rustix::fs::symlinkat(target.as_slice(), here, name)
                    .map_err(|cause| self.unwritten(cause))?;
                rustix::fs::utimensat(here, name, &times(inode), AtFlags::SYMLINK_NOFOLLOW)
                    .map_err(|cause| self.unwritten(cause))
            }
            Kind::File(_) => {
                let flags =
                    OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
                let file = rustix::fs::openat(here, name, flags, Mode::RUSR | Mode::WUSR)
                    .map_err(|cause| self.unwritten(cause))?;
                self.content(&File::from(file), inode)
            }
            Kind::Special(_) => {
                Err(self.bad(ImageError::Damaged { what: "a device or a pipe stands in it" }))
            }
            Kind::Directory(_) => Ok(()),
        }
    }

    fn content(&self, file: &File, inode: &Inode) -> Result<(), ExtractError> {
        let mut piece = Vec::new();
        let mut at = 0;
        while at < inode.size {
            piece.clear();
            self.image.content(inode, at, PIECE, &mut piece).map_err(|cause| self.bad(cause))?;
            // What is all zeros stays a hole.
            if piece.iter().any(|byte| *byte != 0) {
                file.write_all_at(&piece, at).map_err(|cause| self.unwritten(cause))?;
            }
            at += piece.len() as u64;
        }
        file.set_len(inode.size).map_err(|cause| self.unwritten(cause))?;
        let mode = u32::from(inode.permissions & self.choice.mask);
        file.set_permissions(Permissions::from_mode(mode)).map_err(|cause| self.unwritten(cause))?;
        rustix::fs::futimens(file, &times(inode)).map_err(|cause| self.unwritten(cause))
    }
}

/// The time of an inode, for what is written.
fn times(inode: &Inode) -> Timestamps {
    let time = Timespec { tv_sec: inode.modified.into(), tv_nsec: 0 };
    Timestamps { last_access: time, last_modification: time }
}
