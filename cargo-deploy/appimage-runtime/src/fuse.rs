//! Answers the kernel's questions about a mounted image: the FUSE protocol, version 7, as far as reading needs it.
//!
//! The protocol is that of Linux's `include/uapi/linux/fuse.h`. A node's number is made from the place of its inode in the
//! image, so that nothing must be remembered between questions and what the kernel forgets does not matter. All
//! that was ever said stays true, so that the kernel may keep names, attributes and content as long as it likes.

use crate::squashfs::{Image, Inode, Kind};
use rustix::io::Errno;
use std::os::fd::OwnedFd;
use std::sync::atomic::{AtomicBool, Ordering};

/// The version of the protocol that is spoken: the first that knows everything used here.
const MAJOR: u32 = 7;
const MINOR: u32 = 31;
/// The oldest minor version that is understood: since it the kernel's messages have today's lengths.
const OLDEST: u32 = 12;
/// A question is at most a name or a few numbers; the kernel wants room for 8 KiB at least.
const ROOM: usize = 16 << 10;
/// The largest answer that the kernel may ask for, in pages of 4 KiB and in bytes.
const PAGES: u16 = 256;
const LARGEST: u32 = 1 << 20;
/// How long the kernel may keep what it was told, in seconds: a year.
const KEEP: u64 = 365 * 24 * 3600;

/// What the kernel offers and we take (`FUSE_INIT`): several reads at once, several questions about a directory at once,
/// large reads, links kept, files and directories opened without a question.
const ASYNC_READ: u32 = 1 << 0;
const NO_OPEN: u32 = 1 << 17;
const PARALLEL_DIROPS: u32 = 1 << 18;
const MAX_PAGES: u32 = 1 << 22;
const CACHE_SYMLINKS: u32 = 1 << 23;
const NO_OPENDIR: u32 = 1 << 24;
const WANTED: u32 = ASYNC_READ | NO_OPEN | PARALLEL_DIROPS | MAX_PAGES | CACHE_SYMLINKS | NO_OPENDIR;
/// Answers to opening where it is asked for: keep what is cached of a file, of a directory.
const KEEP_CACHE: u32 = 1 << 1;
const CACHE_DIR: u32 = 1 << 3;

/// A mounted image.
pub(crate) struct Server {
    image: Image,
    device: OwnedFd,
    /// Everything belongs to who runs the application, as if it had been unpacked.
    owner: (u32, u32),
    /// Whether files, and directories, can be opened without a question.
    open: AtomicBool,
    open_directory: AtomicBool,
}

/// An answer in the making: the header's room, then the words.
struct Answer(Vec<u8>);

impl Answer {
    fn new() -> Self {
        Self(vec![0; 16])
    }

    fn short(&mut self, value: u16) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn word(&mut self, value: u32) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }

    fn long(&mut self, value: u64) -> &mut Self {
        self.0.extend_from_slice(&value.to_le_bytes());
        self
    }
}

/// A question's parts behind the header.
struct Question<'a> {
    node: u64,
    body: &'a [u8],
}

impl Question<'_> {
    fn word(&self, at: usize) -> u32 {
        let bytes = self.body.get(at..at + 4).unwrap_or_default();
        bytes.iter().rev().fold(0, |number, byte| number << 8 | u32::from(*byte))
    }

    fn long(&self, at: usize) -> u64 {
        u64::from(self.word(at)) | u64::from(self.word(at + 4)) << 32
    }
}

impl Server {
    /// A server of `image` to the opened and mounted `device`.
    pub(crate) fn new(image: Image, device: OwnedFd) -> Self {
        let owner = (rustix::process::geteuid().as_raw(), rustix::process::getegid().as_raw());
        let (open, open_directory) = (AtomicBool::new(false), AtomicBool::new(false));
        Self { image, device, owner, open, open_directory }
    }

    /// The device.
    pub(crate) fn device(&self) -> &OwnedFd {
        &self.device
    }

    /// Answers until the file system is no longer mounted. Several threads may do this at once.
    pub(crate) fn serve(&self) {
        let mut room = vec![0; ROOM];
        loop {
            let length = match rustix::io::read(&self.device, room.as_mut_slice()) {
                Ok(length) => length,
                // A question that was taken back, a signal, nothing there after all.
                Err(Errno::NOENT | Errno::INTR | Errno::AGAIN) => continue,
                Err(_) => return,
            };
            let message = room.get(..length).unwrap_or_default();
            let whole = Question { node: 0, body: message };
            let (operation, unique) = (whole.word(4), whole.long(8));
            let question = Question { node: whole.long(16), body: message.get(40..).unwrap_or_default() };
            let mut answer = Answer::new();
            let error = match self.answer(operation, &question, &mut answer) {
                Ok(true) => 0,
                Ok(false) => continue,
                Err(error) => {
                    answer.0.truncate(16);
                    error.raw_os_error()
                }
            };
            let total = u32::try_from(answer.0.len()).unwrap_or(u32::MAX);
            answer.0[..4].copy_from_slice(&total.to_le_bytes());
            answer.0[4..8].copy_from_slice(&error.wrapping_neg().to_le_bytes());
            answer.0[8..16].copy_from_slice(&unique.to_le_bytes());
            // Who asked may be gone by now.
            let _ = rustix::io::write(&self.device, &answer.0);
        }
    }

    /// Answers one question; false where none is expected.
    fn answer(&self, operation: u32, question: &Question<'_>, out: &mut Answer) -> Result<bool, Errno> {
        match operation {
            // LOOKUP
            1 => self.lookup(question, out)?,
            // FORGET, BATCH_FORGET
            2 | 42 => return Ok(false),
            // GETATTR
            3 => {
                out.long(KEEP).long(0);
                self.attributes(&self.inode(question.node)?, out);
            }
            // READLINK
            5 => match self.inode(question.node)?.kind {
                Kind::Symlink(target) => out.0.extend(self.image.target(&target).map_err(|_| Errno::IO)?),
                _ => return Err(Errno::INVAL),
            },
            // OPEN, OPENDIR
            14 if self.open.load(Ordering::Relaxed) => return Err(Errno::NOSYS),
            27 if self.open_directory.load(Ordering::Relaxed) => return Err(Errno::NOSYS),
            14 => {
                out.long(0).word(KEEP_CACHE).word(0);
            }
            27 => {
                out.long(0).word(KEEP_CACHE | CACHE_DIR).word(0);
            }
            // READ
            15 => {
                let count = question.word(16).min(LARGEST) as usize;
                let inode = self.inode(question.node)?;
                out.0.reserve(count);
                self.image.content(&inode, question.long(8), count, &mut out.0).map_err(|_| Errno::IO)?;
            }
            // STATFS
            17 => {
                let size = self.image.block_size();
                let blocks = self.image.length().div_ceil(u64::from(size));
                out.long(blocks).long(0).long(0).long(self.image.inodes().into()).long(0);
                out.word(size).word(255).word(size).word(0);
                for _ in 0..6 {
                    out.word(0);
                }
            }
            // RELEASE, RELEASEDIR, DESTROY
            18 | 29 | 38 => {}
            // INIT
            26 => self.agree(question, out)?,
            // READDIR
            28 => self.list(question, out)?,
            // All else would write, or is for what a read-only file system of this kind does not have. The kernel does not
            // ask for most of it a second time.
            _ => return Err(Errno::NOSYS),
        }
        Ok(true)
    }

    /// The first question: which version, and what both sides can.
    fn agree(&self, question: &Question<'_>, out: &mut Answer) -> Result<(), Errno> {
        let (major, minor) = (question.word(0), question.word(4));
        if major < MAJOR || (major == MAJOR && minor < OLDEST) {
            return Err(Errno::PROTO);
        }
        if major > MAJOR {
            // The kernel asks again in our version.
            out.word(MAJOR).word(MINOR);
            return Ok(());
        }
        let flags = question.word(12) & WANTED;
        self.open.store(flags & NO_OPEN != 0, Ordering::Relaxed);
        self.open_directory.store(flags & NO_OPENDIR != 0, Ordering::Relaxed);
        out.word(MAJOR).word(MINOR).word(LARGEST).word(flags);
        // Reads ahead that may wait at once, and when the kernel shows restraint.
        out.short(32).short(24);
        // The largest write, of which there are none; the granularity of times; pages of a read.
        out.word(4096).word(1_000_000_000).short(PAGES).short(0);
        if minor >= 23 {
            for _ in 0..8 {
                out.word(0);
            }
        } else {
            out.0.truncate(16 + 24);
        }
        Ok(())
    }

    /// The inode of a node.
    fn inode(&self, node: u64) -> Result<Inode, Errno> {
        let inode = match node {
            0 => return Err(Errno::INVAL),
            1 => self.image.root(),
            node => self.image.inode(node - 2),
        };
        inode.map_err(|_| Errno::IO)
    }

    fn attributes(&self, inode: &Inode, out: &mut Answer) {
        out.long(inode.number.into()).long(inode.size).long(inode.size.div_ceil(512));
        let time = u64::from(inode.modified);
        out.long(time).long(time).long(time).word(0).word(0).word(0);
        out.word(inode.mode()).word(inode.links).word(self.owner.0).word(self.owner.1);
        out.word(0).word(self.image.block_size()).word(0);
    }

    fn lookup(&self, question: &Question<'_>, out: &mut Answer) -> Result<(), Errno> {
        let name = question.body.split(|byte| *byte == 0).next().unwrap_or_default();
        let Kind::Directory(directory) = self.inode(question.node)?.kind else { return Err(Errno::NOTDIR) };
        match self.image.lookup(&directory, name).map_err(|_| Errno::IO)? {
            Some(entry) => {
                let inode = self.image.inode(entry.reference).map_err(|_| Errno::IO)?;
                out.long(entry.reference + 2).long(0).long(KEEP).long(KEEP).word(0).word(0);
                self.attributes(&inode, out);
            }
            None => {
                // Node zero: there is no such name, and that may be kept too. Programs look for libraries in vain a lot.
                out.long(0).long(0).long(KEEP).long(0);
                out.0.resize(16 + 128, 0);
            }
        }
        Ok(())
    }

    fn list(&self, question: &Question<'_>, out: &mut Answer) -> Result<(), Errno> {
        let inode = self.inode(question.node)?;
        let (offset, room) = (question.long(8), question.word(16).min(LARGEST) as usize);
        // Entries 0 and 1 are the directory itself and the one above.
        let parent = self.image.parent(&inode);
        for (at, number, name) in [(0, inode.number, &b"."[..]), (1, parent, b"..")] {
            if offset <= at && !entry(out, room, number, at + 1, 4, name) {
                return Ok(());
            }
        }
        let mut listing =
            self.image.listing_after(&inode, offset.saturating_sub(2)).map_err(|_| Errno::IO)?;
        loop {
            let before = listing.clone();
            let Some(next) = listing.next(&self.image).map_err(|_| Errno::IO)? else { return Ok(()) };
            let kind = match next.kind {
                1 | 8 => 4,
                2 | 9 => 8,
                3 | 10 => 10,
                _ => 0,
            };
            if !entry(out, room, next.number, listing.passed() + 2, kind, &next.name) {
                self.image.set_aside(before);
                return Ok(());
            }
        }
    }
}

/// Adds a directory's entry to an answer of at most `room` bytes; false where it does not fit.
fn entry(out: &mut Answer, room: usize, number: u32, next: u64, kind: u32, name: &[u8]) -> bool {
    let end = (out.0.len() + 24 + name.len()).next_multiple_of(8);
    if end > 16 + room {
        return false;
    }
    out.long(number.into()).long(next).word(name.len() as u32).word(kind);
    out.0.extend_from_slice(name);
    out.0.resize(end, 0);
    true
}
