//! The content of assets by digest, shared by all projects of a user, and checked whenever it is used.

use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::bench::lock::DirectoryLock;
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use serde::{Deserialize, Serialize};
use std::time::{Duration, UNIX_EPOCH};

/// The store.
pub(super) struct Store {
    directory: Utf8PathBuf,
}

/// What the store has of an object.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Found {
    /// It is there and is what it should be.
    Whole { size: u64 },
    /// It is there, damaged.
    Damaged { got: Sha256 },
    /// It is not there.
    Absent,
}

/// What tells that a file was not changed since it was read: as git's index does, and with the time of the last
/// change of the inode, which nobody can set back.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    modified: u128,
    changed: u128,
    inode: u64,
}

/// A file that changed this shortly before it was read may change again within the same tick of its file system's
/// clock: that it is whole is not remembered.
const RACY: Duration = Duration::from_millis(50);

impl Store {
    /// The store in the cache of all projects. Nothing is made before there is something to keep.
    pub(super) fn at(cache: &Utf8Path) -> Self {
        Store { directory: cache.join("assets") }
    }

    /// Where the content with this digest is or would be.
    pub(super) fn object(&self, sha256: &Sha256) -> Utf8PathBuf {
        let (shard, rest) = sha256.as_str().split_at(2);
        self.directory.join("objects").join(shard).join(rest)
    }

    fn stamp_file(&self, sha256: &Sha256) -> Utf8PathBuf {
        let mut path = self.object(sha256);
        path.set_extension("stamp");
        path
    }

    /// Looks for an object. Its digest is computed unless it is known to be unchanged since that was last done.
    pub(super) fn find(&self, sha256: &Sha256) -> Result<Found, FileError> {
        let object = self.object(sha256);
        let Some(metadata) = files::metadata_if_exists(&object)? else { return Ok(Found::Absent) };
        let stamp = Stamp::of(&metadata);
        let remembered = files::read_if_exists(&self.stamp_file(sha256))?
            .and_then(|bytes| serde_json::from_slice::<Stamp>(&bytes).ok());
        if remembered.as_ref() == Some(&stamp) {
            return Ok(Found::Whole { size: stamp.size });
        }
        let (got, size) = match files::digest(&object) {
            Ok(found) => found,
            // Another run has dropped it this moment.
            Err(error) if error.is_not_found() => return Ok(Found::Absent),
            Err(error) => return Err(error),
        };
        if got != *sha256 {
            return Ok(Found::Damaged { got });
        }
        if size == stamp.size && stamp.is_older_than(RACY) {
            let json = serde_json::to_vec(&stamp).unwrap_or_default();
            // A store that can be read only is a store all the same.
            let _ = files::replace(&self.stamp_file(sha256), &json);
        }
        Ok(Found::Whole { size })
    }

    /// Reads an object again, whatever is remembered of it.
    pub(super) fn find_by_reading(&self, sha256: &Sha256) -> Result<Found, FileError> {
        files::remove_file(&self.stamp_file(sha256))?;
        self.find(sha256)
    }

    /// Drops an object that is damaged. Only who has its lock may do so.
    pub(super) fn drop_damaged(
        &self,
        sha256: &Sha256,
        got: &Sha256,
        bench: &Workbench<'_>,
    ) -> Result<(), FileError> {
        let object = self.object(sha256);
        files::remove_file(&self.stamp_file(sha256))?;
        files::remove_file(&object)?;
        bench.warn(
            format!(
                "{object} was damaged and is dropped: its digest is {} and not {}",
                got.short(),
                sha256.short()
            ),
            Some("it is fetched again; if this happens often, check the disk".to_owned()),
        );
        Ok(())
    }

    /// Moves a file of the same file system to its place. A reader sees all of it or nothing.
    pub(super) fn adopt(&self, file: &Utf8Path, sha256: &Sha256) -> Result<Utf8PathBuf, FileError> {
        let object = self.object(sha256);
        if let Some(parent) = object.parent() {
            files::create_directory(parent)?;
        }
        files::set_executable(file, false)?;
        files::rename(file, &object)?;
        Ok(object)
    }

    /// Where the bytes of a download are gathered.
    pub(super) fn partial(&self, url: &str, sha256: Option<&Sha256>) -> Result<Utf8PathBuf, FileError> {
        let directory = self.directory.join("partial");
        files::create_directory(&directory)?;
        let url = Sha256::of(url.as_bytes());
        Ok(directory.join(match sha256 {
            // Two projects may have pinned different states of one address.
            Some(sha256) => format!("{url}-{}", sha256.short()),
            None => url.to_string(),
        }))
    }

    /// Waits until nobody else gets the same object, or the same address where its digest is not known.
    pub(super) fn lock(
        &self,
        url: &str,
        sha256: Option<&Sha256>,
        bench: &Workbench<'_>,
    ) -> Result<DirectoryLock, FileError> {
        let directory = self.directory.join("locks");
        files::create_directory(&directory)?;
        let name = sha256.cloned().unwrap_or_else(|| Sha256::of(url.as_bytes()));
        DirectoryLock::take(&directory.join(name.as_str()), |holder| {
            let who = holder.map_or("another process".to_owned(), |holder| format!("process {holder}"));
            bench.output(&format!("waiting for {who}, which downloads the same"));
        })
    }
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let (changed, inode) = {
            use std::os::unix::fs::MetadataExt as _;
            let seconds = u128::try_from(metadata.ctime()).unwrap_or_default();
            let nanoseconds = u128::try_from(metadata.ctime_nsec()).unwrap_or_default();
            (seconds * 1_000_000_000 + nanoseconds, metadata.ino())
        };
        #[cfg(not(unix))]
        let (changed, inode) = (0, 0);
        Stamp { size: metadata.len(), modified: modified.unwrap_or_default().as_nanos(), changed, inode }
    }

    /// Whether both times lie so long ago.
    fn is_older_than(&self, age: Duration) -> bool {
        let last = Duration::from_nanos(u64::try_from(self.modified.max(self.changed)).unwrap_or(u64::MAX));
        (UNIX_EPOCH + last).elapsed().is_ok_and(|elapsed| elapsed > age)
    }
}
