//! One run at a time in a directory: a lock that dies with its holder.

use crate::bench::clock;
use crate::bench::files::{FileError, FileErrorExt as _};
use camino::Utf8Path;
use std::fs::{File, TryLockError};
use std::io::{Read as _, Seek as _, Write as _};
use std::time::Duration;

/// Holds a lock file until it is dropped or the process dies, however it dies: the kernel keeps the lock, not the
/// file's existence.
#[derive(Debug)]
pub struct DirectoryLock {
    _file: File,
}

impl DirectoryLock {
    /// Takes the lock at `path`. When another process has it, calls `waiting` once with that process's id, where
    /// it is known, and waits until it is free.
    pub fn take(path: &Utf8Path, waiting: impl FnOnce(Option<u32>)) -> Result<Self, FileError> {
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .file("open the lock file", path)?;
        match try_for_a_moment(&file) {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                // Whoever holds it may be writing its id this moment: an unreadable id is no id.
                let _ = file.read_to_string(&mut holder);
                waiting(holder.trim().parse().ok());
                file.lock().file("wait for the lock", path)?;
            }
            Err(TryLockError::Error(error)) => return Err(error).file("lock", path),
        }
        file.set_len(0).file("write the lock file", path)?;
        file.rewind().file("write the lock file", path)?;
        writeln!(file, "{}", std::process::id()).file("write the lock file", path)?;
        Ok(DirectoryLock { _file: file })
    }
}

/// Tries a few times: between being forked and becoming its program, a child of another thread holds every lock of its
/// parent, and nobody should be told to wait for that.
fn try_for_a_moment(file: &File) -> Result<(), TryLockError> {
    for _ in 0..10 {
        match file.try_lock() {
            Err(TryLockError::WouldBlock) => clock::wait(Duration::from_millis(10)),
            other => return other,
        }
    }
    file.try_lock()
}
