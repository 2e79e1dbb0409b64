//! What an archive holds, whatever its format: the words `tar` and `zip` share.

use std::collections::BTreeSet;
use std::io::{self, Read};

use sha2::{Digest, Sha256};
use thiserror::Error;

/// What a member of an archive is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Kind {
    /// A regular file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink {
        /// As it is in the archive: relative to the directory of the link, or absolute.
        target: String,
    },
    /// Another name of a file that comes earlier in the archive. We read these and never write them.
    HardLink {
        /// The path of that member.
        target: String,
    },
    /// A device, a queue or something of a vendor. We read these and never write them.
    Other {
        /// The type flag of the tar header (POSIX.1-1988, ustar), in a SquashFS image too; `s` for a socket.
        flag: u8,
    },
}

/// A member as it was read back. Names that are not UTF-8 have `\xNN` for the bytes that are not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// As it is in the archive, without the slash that marks a directory: `./usr/bin/app` keeps its dot.
    pub path: String,
    /// What it is.
    pub kind: Kind,
    /// Permission bits (the lowest twelve). `None` where the archive has none: a zip not made on Unix.
    pub mode: Option<u32>,
    /// Of the content, in bytes; 0 for what is not a file.
    pub size: u64,
    /// Of the content of a file; `None` for what is not a file.
    pub sha256: Option<[u8; 32]>,
    /// Seconds since 1970-01-01 UTC. A zip has two-second steps and no time zone; it is read as UTC.
    pub modified: u64,
    /// Who it belongs to; `None` in a zip.
    pub owner: Option<Owner>,
}

impl Member {
    /// The path, if it stays below the directory where an archive is unpacked: relative, without `..`, without a
    /// drive or backslash. A leading `./` is removed. (A symlink unpacked earlier can still lead elsewhere.)
    pub fn contained_path(&self) -> Option<&str> {
        let path = self.path.strip_prefix("./").unwrap_or(&self.path);
        let plain = check_path(path).is_ok() && !path.contains(['\\', ':']);
        plain.then_some(path)
    }
}

/// The owner a tar header or an inode names.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Owner {
    /// Numeric user.
    pub user: u64,
    /// Numeric group.
    pub group: u64,
    /// Name of the user, maybe empty; a SquashFS image has none.
    pub user_name: String,
    /// Name of the group, maybe empty.
    pub group_name: String,
}

/// Why a path cannot be a member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum PathProblem {
    /// No characters.
    #[error("it is empty")]
    Empty,
    /// A leading slash.
    #[error("it is absolute")]
    Absolute,
    /// `a//b` or `a/`.
    #[error("it has an empty component")]
    EmptyComponent,
    /// `a/../b` or `a/./b`.
    #[error("it has a `.` or `..` component")]
    Dots,
    /// A zero byte, which ends names in every format.
    #[error("it contains a zero byte")]
    Zero,
    /// A backslash or a colon: unpackers on Windows would take it for a separator or a drive.
    #[error("it contains a backslash or a colon, which means something else on Windows")]
    Windows,
    /// Longer than the format can say.
    #[error("it is longer than 65,535 bytes")]
    Long,
    /// The archive has it already.
    #[error("the archive has a member of this path already")]
    Duplicate,
}

/// Checks a relative path with forward slashes and without `.` components.
pub(crate) fn check_path(path: &str) -> Result<(), PathProblem> {
    if path.is_empty() {
        return Err(PathProblem::Empty);
    }
    if path.starts_with('/') {
        return Err(PathProblem::Absolute);
    }
    if path.contains('\0') {
        return Err(PathProblem::Zero);
    }
    if path.len() > usize::from(u16::MAX) {
        return Err(PathProblem::Long);
    }
    for component in path.split('/') {
        match component {
            "" => return Err(PathProblem::EmptyComponent),
            "." | ".." => return Err(PathProblem::Dots),
            _ => {}
        }
    }
    Ok(())
}

/// The paths a writer has written.
#[derive(Debug, Default)]
pub(crate) struct Paths(BTreeSet<String>);

impl Paths {
    pub(crate) fn insert(&mut self, path: &str) -> Result<(), PathProblem> {
        if self.0.insert(path.to_owned()) { Ok(()) } else { Err(PathProblem::Duplicate) }
    }
}

/// A name of an archive as text.
pub(crate) fn name_text(bytes: &[u8]) -> String {
    match str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes
            .utf8_chunks()
            .flat_map(|chunk| [chunk.valid().to_owned(), chunk.invalid().escape_ascii().to_string()])
            .collect(),
    }
}

/// The length and digest of everything that is left in a reader.
pub(crate) fn digest(reader: &mut dyn Read) -> io::Result<(u64, [u8; 32])> {
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    let mut size = 0;
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => return Ok((size, digest.finalize().into())),
            Ok(length) => length,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(cause) => return Err(cause),
        };
        digest.update(&buffer[..length]);
        size += length as u64;
    }
}

/// Fills the buffer, or less of it where the reader ends. Returns how much.
pub(crate) fn read_full(reader: &mut dyn Read, buffer: &mut [u8]) -> io::Result<usize> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(length) => filled += length,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
            Err(cause) => return Err(cause),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_plain_relative_paths_are_accepted() {
        let table: &[(&str, Result<(), PathProblem>)] = &[
            ("a", Ok(())),
            ("a/b c/é", Ok(())),
            ("...", Ok(())),
            (".hidden", Ok(())),
            ("", Err(PathProblem::Empty)),
            ("/a", Err(PathProblem::Absolute)),
            ("a/", Err(PathProblem::EmptyComponent)),
            ("a//b", Err(PathProblem::EmptyComponent)),
            ("a/../b", Err(PathProblem::Dots)),
            ("./a", Err(PathProblem::Dots)),
            ("a\0b", Err(PathProblem::Zero)),
        ];
        for (path, expected) in table {
            assert_eq!(&check_path(path), expected, "{path:?}");
        }
        assert_eq!(check_path(&"a".repeat(65_536)), Err(PathProblem::Long));
    }

    #[test]
    fn a_path_that_leaves_the_directory_is_not_contained() {
        let table: &[(&str, Option<&str>)] = &[
            ("a/b", Some("a/b")),
            ("./a/b", Some("a/b")),
            ("../a", None),
            ("a/../../b", None),
            ("/etc/passwd", None),
            ("C:evil", None),
            ("a\\..\\b", None),
            (".", None),
            ("././a", None),
        ];
        for (path, expected) in table {
            let member = Member {
                path: (*path).to_owned(),
                kind: Kind::File,
                mode: None,
                size: 0,
                sha256: None,
                modified: 0,
                owner: None,
            };
            assert_eq!(member.contained_path(), *expected, "{path:?}");
        }
    }

    #[test]
    fn names_that_are_not_utf8_stay_apart() {
        assert_eq!(name_text("é".as_bytes()), "é");
        assert_eq!(name_text(b"caf\xe9-\xc3\xa9"), "caf\\xe9-é");
        assert_ne!(name_text(b"\xe8"), name_text(b"\xe9"));
    }
}
