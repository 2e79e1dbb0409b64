//! Remembers digests of files, so that a file that did not change is not read again.
//!
//! As git's index does, it takes a file for unchanged when path, size, inode and both its times are: that of its content
//! and that of its inode, which no program can set back. It never
//! decides that two files are equal: it only saves reading one again.

use crate::bench::files::{self, FileError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::Sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, UNIX_EPOCH};

/// A file that changed this shortly before it was read may change again within the same tick of its file system's
/// clock: its digest is not remembered.
const RACY: Duration = Duration::from_millis(50);

/// Digests by path.
#[derive(Debug, Default)]
pub struct DigestMemo {
    entries: Mutex<BTreeMap<Utf8PathBuf, Remembered>>,
    path: Utf8PathBuf,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Remembered {
    stamp: Stamp,
    sha256: Sha256,
}

/// What says that a file did not change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Stamp {
    size: u64,
    modified: u128,
    changed: i128,
    inode: u64,
}

impl Stamp {
    fn of(metadata: &std::fs::Metadata) -> Self {
        let modified = metadata.modified().ok().and_then(|time| time.duration_since(UNIX_EPOCH).ok());
        #[cfg(unix)]
        let (inode, changed) = {
            use std::os::unix::fs::MetadataExt as _;
            (metadata.ino(), i128::from(metadata.ctime()) * 1_000_000_000 + i128::from(metadata.ctime_nsec()))
        };
        #[cfg(not(unix))]
        let (inode, changed) = (0, 0);
        Stamp { size: metadata.len(), modified: modified.unwrap_or_default().as_nanos(), changed, inode }
    }
}

impl DigestMemo {
    /// Loads what was remembered at `path`. What cannot be understood is forgotten: it costs reading again.
    pub fn load(path: &Utf8Path) -> Result<Self, FileError> {
        let entries = files::read_if_exists(path)?
            .and_then(|bytes| serde_json::from_slice(&bytes).ok())
            .unwrap_or_default();
        Ok(DigestMemo { entries: Mutex::new(entries), path: path.to_owned() })
    }

    /// Digest and size of a file; `None` when there is none.
    pub fn digest(&self, path: &Utf8Path) -> Result<Option<(Sha256, u64)>, FileError> {
        let Some(metadata) = files::metadata_if_exists(path)? else { return Ok(None) };
        let metadata =
            if metadata.is_symlink() { files::open(path)?.metadata().unwrap_or(metadata) } else { metadata };
        let stamp = Stamp::of(&metadata);
        let known = self.entries.lock().unwrap_or_else(PoisonError::into_inner).get(path).cloned();
        if let Some(remembered) = known.filter(|remembered| remembered.stamp == stamp) {
            return Ok(Some((remembered.sha256, stamp.size)));
        }
        let (sha256, size) = files::digest(path)?;
        let age = metadata.modified().ok().and_then(|time| time.elapsed().ok());
        if size == stamp.size && age.is_some_and(|age| age > RACY) {
            self.remember(path, Remembered { stamp, sha256: sha256.clone() });
        }
        Ok(Some((sha256, size)))
    }

    /// Takes over a digest that the caller has just computed from this file's bytes.
    pub fn learn(&self, path: &Utf8Path, sha256: &Sha256) -> Result<(), FileError> {
        if let Some(metadata) = files::metadata_if_exists(path)? {
            self.remember(path, Remembered { stamp: Stamp::of(&metadata), sha256: sha256.clone() });
        }
        Ok(())
    }

    fn remember(&self, path: &Utf8Path, remembered: Remembered) {
        self.entries.lock().unwrap_or_else(PoisonError::into_inner).insert(path.to_owned(), remembered);
    }

    /// Writes what is remembered, where it differs from what was loaded; forgets files that are gone.
    pub fn save(&self) -> Result<(), FileError> {
        let mut entries = self.entries.lock().unwrap_or_else(PoisonError::into_inner);
        entries.retain(|path, _| path.exists());
        let bytes = serde_json::to_vec(&*entries).unwrap_or_default();
        if files::read_if_exists(&self.path)?.as_deref() == Some(&bytes) {
            return Ok(());
        }
        files::replace(&self.path, &bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_changed_file_of_the_same_size_is_read_again() {
        let directory = Utf8PathBuf::try_from(std::env::temp_dir()).expect("UTF-8");
        let directory = directory.join(format!("cargo-deploy-memo-{}", std::process::id()));
        files::create_directory(&directory).expect("create");
        let file = directory.join("file");
        let memo = DigestMemo::load(&directory.join("memo")).expect("nothing there");
        for text in ["first", "other"] {
            files::replace(&file, text.as_bytes()).expect("write");
            let (sha256, size) = memo.digest(&file).expect("read").expect("there");
            assert_eq!((sha256, size), (Sha256::of(text.as_bytes()), 5));
        }
        assert_eq!(memo.digest(&directory.join("absent")).expect("look"), None);
        files::remove_directory(&directory).expect("clean");
    }
}
