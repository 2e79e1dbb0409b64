//! The file that a download is gathered in, and beside it the entity tag that allows to go on with it.

use crate::bench::files::{self, FileError, FileErrorExt as _};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::sha256::Hasher;
use serde::{Deserialize, Serialize};
use std::fs::File;
use std::io::{Read as _, Seek as _, SeekFrom};

/// A file in the making.
pub(super) struct Partial<'a> {
    path: &'a Utf8Path,
    url: &'a str,
    /// Where the tag is kept.
    tag: Utf8PathBuf,
}

/// What is there to go on from.
pub(super) struct Resumable {
    /// How many bytes.
    pub(super) length: u64,
    /// The strong entity tag of the object that they are of.
    pub(super) tag: String,
}

/// The file beside it.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tag {
    url: String,
    etag: String,
}

impl<'a> Partial<'a> {
    pub(super) fn at(path: &'a Utf8Path, url: &'a str) -> Self {
        Partial { path, url, tag: Utf8PathBuf::from(format!("{path}.etag")) }
    }

    /// What is there to go on from. A tag that cannot be read is no tag.
    pub(super) fn resumable(&self) -> Result<Option<Resumable>, FileError> {
        let length = match files::metadata_if_exists(self.path)? {
            Some(metadata) if metadata.is_file() && metadata.len() > 0 => metadata.len(),
            _ => return Ok(None),
        };
        let Some(bytes) = files::read_if_exists(&self.tag)? else { return Ok(None) };
        let tag = serde_json::from_slice::<Tag>(&bytes).ok().filter(|tag| tag.url == self.url);
        Ok(tag.filter(|tag| super::is_strong(&tag.etag)).map(|tag| Resumable { length, tag: tag.etag }))
    }

    /// Begins it anew. The tag is in place before the first byte is.
    pub(super) fn begin(&self, tag: Option<&str>) -> Result<File, FileError> {
        self.discard()?;
        let file = File::create_new(self.path).file("create", self.path)?;
        if let Some(tag) = tag {
            let tag = Tag { url: self.url.to_owned(), etag: tag.to_owned() };
            let json = serde_json::to_vec(&tag).map_err(std::io::Error::from).file("write", &self.tag)?;
            files::replace(&self.tag, &json)?;
        }
        Ok(file)
    }

    /// Goes on with it after its first `length` bytes; gives the digest of these.
    pub(super) fn go_on(&self, length: u64) -> Result<(File, Hasher), FileError> {
        let mut file = File::options().read(true).write(true).open(self.path).file("open", self.path)?;
        let mut hasher = Hasher::new();
        let copied = std::io::copy(&mut (&mut file).take(length), &mut hasher).file("read", self.path)?;
        debug_assert_eq!(copied, length, "nobody else uses the partial file");
        file.set_len(length).file("cut", self.path)?;
        file.seek(SeekFrom::Start(length)).file("go to the end of", self.path)?;
        Ok((file, hasher))
    }

    /// Its first bytes, for people.
    pub(super) fn beginning(&self) -> Result<Vec<u8>, FileError> {
        let mut bytes = Vec::new();
        files::open(self.path)?.take(512).read_to_end(&mut bytes).file("read", self.path)?;
        Ok(bytes)
    }

    /// It is whole: the tag is not needed any more.
    pub(super) fn forget_tag(&self) -> Result<(), FileError> {
        files::remove_file(&self.tag)
    }

    /// Removes it and its tag.
    pub(super) fn discard(&self) -> Result<(), FileError> {
        files::remove_file(&self.tag)?;
        files::remove_file(self.path)
    }
}
