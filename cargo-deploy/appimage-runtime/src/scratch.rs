//! Directories of our own among the temporary files.

use crate::failure::Failure;
use rustix::rand::{GetRandomFlags, getrandom};
use std::ffi::OsStr;
use std::fs::{self, DirBuilder, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The letters of a name that cannot be foreseen. 32 of them, so that all are equally likely.
const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
/// How often a name that exists already is replaced by another.
const ATTEMPTS: usize = 100;

/// Makes a directory that only this user may enter, in `$TMPDIR` or else `/tmp`. Its name begins with `prefix` and a few
/// letters of the AppImage's name; the rest is random, and one that exists is never taken, whoever made it.
pub(crate) fn directory(base: Option<&OsStr>, prefix: &str, appimage: &Path) -> Result<PathBuf, Failure> {
    let base = match base {
        Some(base) if !base.is_empty() => Path::new(base),
        _ => Path::new("/tmp"),
    };
    let base =
        fs::canonicalize(base).map_err(Failure::path("find the directory for temporary files", base))?;
    let name = appimage.file_name().unwrap_or_default().as_bytes();
    let hint: String = name
        .iter()
        .filter(|byte| byte.is_ascii_alphanumeric())
        .take(6)
        .map(|byte| char::from(*byte))
        .collect();
    let mut last = io::Error::from(io::ErrorKind::AlreadyExists);
    let mut path = base.clone();
    for _ in 0..ATTEMPTS {
        let mut random = [0_u8; 10];
        let filled =
            getrandom(&mut random, GetRandomFlags::empty()).map_err(Failure::system("get random bytes"))?;
        if filled < random.len() {
            continue;
        }
        let letters = random.map(|byte| char::from(LETTERS[usize::from(byte) % LETTERS.len()]));
        path = base.join(format!("{prefix}{hint}{}", String::from_iter(letters)));
        match DirBuilder::new().mode(0o700).create(&path) {
            Ok(()) => {
                // Whatever the umask is, the owner may enter.
                let mode = Permissions::from_mode(0o700);
                fs::set_permissions(&path, mode).map_err(Failure::path("set the mode of", &path))?;
                return Ok(path);
            }
            Err(cause) if cause.kind() == io::ErrorKind::AlreadyExists => last = cause,
            Err(cause) => return Err(Failure::path("make the directory", &path)(cause)),
        }
    }
    Err(Failure::path("make the directory", &path)(last))
}
