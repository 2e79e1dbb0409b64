//! Files and directories: every failure names the action and the path; what is published is published whole.
//!
//! Two classes of writing. *Cache and work files* are written to a temporary name and renamed: a torn one is never
//! seen, and a lost one is made again. *Published files and state* are also fsynced, file and directory, before
//! and after the rename: after a power cut there is the old one or the new one.
#![expect(clippy::disallowed_methods, reason = "the bench is the door to files")]

use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use std::fs::{self, File};
use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicU64, Ordering};

/// A failure on a file: what was tried, on which path, and what the system said.
#[derive(Debug, thiserror::Error)]
#[error("{action} {path}")]
pub struct FileError {
    /// What was tried, as a verb: `read`, `create the directory`.
    pub action: &'static str,
    /// On what.
    pub path: Utf8PathBuf,
    /// What the system said.
    pub source: io::Error,
}

impl FileError {
    /// The same failure once more, for a second step that it hits.
    #[must_use]
    pub fn again(&self) -> Self {
        let source = match self.source.raw_os_error() {
            Some(code) => io::Error::from_raw_os_error(code),
            None => io::Error::new(self.source.kind(), self.source.to_string()),
        };
        FileError { action: self.action, path: self.path.clone(), source }
    }

    /// Whether the path does not exist.
    pub fn is_not_found(&self) -> bool {
        self.source.kind() == io::ErrorKind::NotFound
    }

    /// Whether the disk or the quota is full.
    pub fn is_storage_full(&self) -> bool {
        matches!(self.source.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
    }
}

/// Gives a system error its action and path.
pub trait FileErrorExt<T> {
    /// Says what was tried on which path.
    fn file(self, action: &'static str, path: &Utf8Path) -> Result<T, FileError>;
}

impl<T> FileErrorExt<T> for io::Result<T> {
    fn file(self, action: &'static str, path: &Utf8Path) -> Result<T, FileError> {
        self.map_err(|source| FileError { action, path: path.to_owned(), source })
    }
}

/// The whole content of a file.
pub fn read(path: &Utf8Path) -> Result<Vec<u8>, FileError> {
    fs::read(path).file("read", path)
}

/// The whole content of a text file; `None` when there is none.
pub fn read_if_exists(path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error).file("read", path),
    }
}

/// Opens a file for reading.
pub fn open(path: &Utf8Path) -> Result<File, FileError> {
    File::open(path).file("open", path)
}

/// Creates a file for writing in a directory that is the caller's own.
pub fn create(path: &Utf8Path) -> Result<File, FileError> {
    File::create(path).file("create", path)
}

/// Opens a file that is the caller's own for reading and for changing it in place.
pub fn open_to_change(path: &Utf8Path) -> Result<File, FileError> {
    File::options().read(true).write(true).open(path).file("open", path)
}

/// Creates a directory and all above it.
pub fn create_directory(path: &Utf8Path) -> Result<(), FileError> {
    fs::create_dir_all(path).file("create the directory", path)
}

/// Removes a directory and all below it. It may be absent.
pub fn remove_directory(path: &Utf8Path) -> Result<(), FileError> {
    match fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.file("remove the directory", path),
    }
}

/// Removes a file. It may be absent.
pub fn remove_file(path: &Utf8Path) -> Result<(), FileError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other.file("remove", path),
    }
}

/// What a file's inode says; `None` when there is none.
pub fn metadata_if_exists(path: &Utf8Path) -> Result<Option<fs::Metadata>, FileError> {
    match fs::symlink_metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            Ok(None)
        }
        Err(error) => Err(error).file("look at", path),
    }
}

/// The names in a directory, sorted.
pub fn names(path: &Utf8Path) -> Result<Vec<String>, FileError> {
    let mut names = Vec::new();
    for entry in path.read_dir_utf8().file("list", path)? {
        names.push(entry.file("list", path)?.file_name().to_owned());
    }
    names.sort();
    Ok(names)
}

/// The paths of all that lies below a directory but directories, with slashes, sorted.
pub fn names_below(path: &Utf8Path) -> Result<Vec<String>, FileError> {
    let mut found = Vec::new();
    let mut open = vec![String::new()];
    while let Some(below) = open.pop() {
        let directory = path.join(&below);
        for entry in directory.read_dir_utf8().file("list", &directory)? {
            let entry = entry.file("list", &directory)?;
            let name = if below.is_empty() {
                entry.file_name().to_owned()
            } else {
                format!("{below}/{}", entry.file_name())
            };
            if entry.file_type().file("look at", entry.path())?.is_dir() {
                open.push(name);
            } else {
                found.push(name);
            }
        }
    }
    found.sort();
    Ok(found)
}

/// Digest and size of a file.
pub fn digest(path: &Utf8Path) -> Result<(Sha256, u64), FileError> {
    let mut file = open(path)?;
    let mut hasher = deploy_model::sha256::Hasher::new();
    let mut buffer = vec![0; 256 * 1024];
    let mut size = 0;
    loop {
        let count = match file.read(&mut buffer) {
            Ok(0) => break,
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error).file("read", path),
        };
        hasher.update(&buffer[..count]);
        size += count as u64;
    }
    Ok((hasher.finish(), size))
}

/// Puts a work file in place: a reader sees the old one or the new one.
pub fn replace(path: &Utf8Path, bytes: &[u8]) -> Result<(), FileError> {
    write_and_rename(path, bytes, false)
}

/// Publishes a file: as [`replace`], and it survives a power cut once this returns.
pub fn publish(path: &Utf8Path, bytes: &[u8]) -> Result<(), FileError> {
    write_and_rename(path, bytes, true)
}

fn write_and_rename(path: &Utf8Path, bytes: &[u8], durable: bool) -> Result<(), FileError> {
    let temporary = temporary_beside(path);
    let written = (|| {
        let mut file = File::create_new(&temporary).file("create", &temporary)?;
        file.write_all(bytes).file("write", &temporary)?;
        if durable {
            file.sync_all().file("sync", &temporary)?;
        }
        drop(file);
        fs::rename(&temporary, path).file("put in place", path)?;
        match path.parent() {
            Some(parent) if durable => sync_directory(parent),
            _ => Ok(()),
        }
    })();
    if written.is_err() {
        // The first failure is the one to report.
        let _ = fs::remove_file(&temporary);
    }
    written
}

/// Adds to the end of a file that is not ours alone, and makes it when it is not there.
pub fn append(path: &Utf8Path, bytes: &[u8]) -> Result<(), FileError> {
    let mut file = File::options().append(true).create(true).open(path).file("open", path)?;
    file.write_all(bytes).file("write", path)
}

/// A name beside `path` that no other thread or process uses.
pub fn temporary_beside(path: &Utf8Path) -> Utf8PathBuf {
    static COUNTER: AtomicU64 = AtomicU64::new(0);
    let number = COUNTER.fetch_add(1, Ordering::Relaxed);
    let name = path.file_name().unwrap_or("file");
    path.with_file_name(format!(".{name}.{}-{number}.tmp", std::process::id()))
}

/// Makes renames in a directory survive a power cut.
pub fn sync_directory(path: &Utf8Path) -> Result<(), FileError> {
    if cfg!(unix) {
        let directory = if path.as_str().is_empty() { Utf8Path::new(".") } else { path };
        open(directory)?.sync_all().file("sync", directory)?;
    }
    Ok(())
}

/// Makes a file's content survive a power cut.
pub fn sync_file(path: &Utf8Path) -> Result<(), FileError> {
    open(path)?.sync_all().file("sync", path)
}

/// Renames within one file system.
pub fn rename(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    fs::rename(from, to).file("put in place", to)
}

/// Copies a file's content; the copy has the usual permissions, whatever the umask.
pub fn copy(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    fs::copy(from, to).file("copy to", to)?;
    set_executable(to, false)
}

/// Gives a file a second name, without a copy where the file system allows it.
pub fn link_or_copy(from: &Utf8Path, to: &Utf8Path) -> Result<(), FileError> {
    match fs::hard_link(from, to) {
        Ok(()) => Ok(()),
        // Another file system, too many links, links not allowed: a copy always will do.
        Err(_) => copy(from, to),
    }
}

/// Sets the permissions of a file to 0755 or 0644, and those of a directory to 0755, whatever the umask.
pub fn set_executable(path: &Utf8Path, executable: bool) -> Result<(), FileError> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = if executable { 0o755 } else { 0o644 };
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).file("set the permissions of", path)?;
    }
    #[cfg(not(unix))]
    let _ = (path, executable);
    Ok(())
}

/// Swaps two directories in one step, so that a reader of `published` sees the old one or the new one. Where
/// `published` does not exist, it is a plain rename and `staged` is gone afterwards.
pub fn exchange_directories(staged: &Utf8Path, published: &Utf8Path) -> Result<(), FileError> {
    if metadata_if_exists(published)?.is_none() {
        return rename(staged, published);
    }
    #[cfg(target_os = "linux")]
    {
        use rustix::fs::{CWD, RenameFlags, renameat_with};
        match renameat_with(CWD, staged.as_std_path(), CWD, published.as_std_path(), RenameFlags::EXCHANGE) {
            Ok(()) => return Ok(()),
            // Some file systems cannot exchange; two renames are the next best thing.
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS | rustix::io::Errno::OPNOTSUPP) => {}
            Err(error) => return Err(io::Error::from(error)).file("put in place", published),
        }
    }
    let aside = temporary_beside(staged);
    rename(published, &aside)?;
    if let Err(error) = rename(staged, published) {
        rename(&aside, published)?;
        return Err(error);
    }
    rename(&aside, staged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn directory(name: &str) -> Utf8PathBuf {
        let path = Utf8PathBuf::from(std::env::temp_dir().to_str().expect("UTF-8"))
            .join(format!("cargo-deploy-{}-{name}", std::process::id()));
        remove_directory(&path).expect("clean");
        create_directory(&path).expect("create");
        path
    }

    #[test]
    fn a_failed_write_leaves_the_old_file_and_no_litter() {
        let directory = directory("files-failed-write");
        let path = directory.join("there");
        create_directory(&path).expect("a directory in the way");
        let error = publish(&path, b"new").expect_err("a file cannot replace a directory");
        assert_eq!(error.to_string(), format!("put in place {path}"));
        assert_eq!(names(&directory).expect("list"), ["there"]);
    }

    #[test]
    fn exchanging_directories_keeps_both_trees() {
        let directory = directory("files-exchange");
        for (name, text) in [("old", "1"), ("new", "2")] {
            create_directory(&directory.join(name)).expect("create");
            replace(&directory.join(name).join("f"), text.as_bytes()).expect("write");
        }
        exchange_directories(&directory.join("new"), &directory.join("old")).expect("exchange");
        assert_eq!(read(&directory.join("old/f")).expect("read"), b"2");
        assert_eq!(read(&directory.join("new/f")).expect("read"), b"1");
    }
}
