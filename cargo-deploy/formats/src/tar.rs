//! tar archives whose bytes depend on their members alone, and their reader.
//!
//! Written is POSIX.1-1988 `ustar` wherever it suffices. Names that do not fit (over 100 bytes and not
//! divisible into a prefix of 155 and a name of 100) and links over 100 bytes come as GNU `L` and `K` members before
//! the header, and sizes from 8 GiB as GNU base-256 numbers. GNU's extensions rather than POSIX.1-2001 `x` headers because
//! dpkg and busybox refuse or ignore the latter, while everything that reads `x` headers reads GNU's too (GNU tar,
//! bsdtar, Python, Go, 7-Zip).
//!
//! Every member belongs to root:root (0:0). Modes are 0755 for directories and executables, 0644 for other files and 0777
//! for links, or what the caller says, whatever the umask. All members have the same time. The order is the caller's.

use std::io::{self, Read, Write};

use ::tar::{EntryType, Header};
use thiserror::Error;

use crate::member::{Kind, Member, Owner, PathProblem, Paths, check_path, digest, name_text, read_full};

const BLOCK: usize = 512;

/// Why a tar archive cannot be written or read.
#[derive(Debug, Error)]
pub enum TarError {
    /// The path of a member.
    #[error("add `{path}` to the archive: {problem}")]
    Path {
        /// As it was given.
        path: String,
        /// What is wrong with it.
        problem: PathProblem,
    },
    /// The target of a symlink.
    #[error("add `{path}` to the archive: its link target is empty or contains a zero byte")]
    Target {
        /// The path of the link.
        path: String,
    },
    /// A file has another size than was said.
    #[error("add `{path}` to the archive: it should have {expected} bytes and has {found}")]
    Size {
        /// The path of the file.
        path: String,
        /// As it was given.
        expected: u64,
        /// How much there was to read; one more than expected where there was more.
        found: u64,
    },
    /// The content of a file cannot be read.
    #[error("read the content of `{path}`")]
    Content {
        /// The path of the file.
        path: String,
        /// Of the reader.
        source: io::Error,
    },
    /// The archive cannot be written.
    #[error("write the archive")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
    /// The archive cannot be read.
    #[error("read the archive")]
    Read {
        /// Of the reader.
        source: io::Error,
    },
    /// The archive ends within a member, or without the zero block that marks its end.
    #[error("read the archive: it ends too early")]
    Truncated,
    /// What should be a header is none.
    #[error("read the archive: the header at byte {offset} is not one of a tar archive")]
    Header {
        /// Of the header.
        offset: u64,
    },
    /// An extension we do not read.
    #[error("read the archive: the member at byte {offset} is {what}, which is not supported")]
    Unsupported {
        /// Of its header.
        offset: u64,
        /// What it is, with its article.
        what: &'static str,
    },
}

/// Writes an archive. It writes single headers, so an unbuffered file wants a `BufWriter`.
#[derive(Debug)]
#[must_use = "the archive is complete only after `finish`"]
pub struct Writer<W: Write> {
    inner: W,
    modified: u64,
    paths: Paths,
    buffer: Vec<u8>,
}

impl<W: Write> Writer<W> {
    /// `modified` is the time of every member, in seconds since 1970-01-01 UTC.
    pub fn new(inner: W, modified: u64) -> Self {
        Writer { inner, modified, paths: Paths::default(), buffer: vec![0; 1 << 17] }
    }

    /// Adds a file of `size` bytes. It is an error if `content` has less or more.
    ///
    /// Paths are relative, with forward slashes and without `.` and `..`; one leading `./` is allowed and kept, as
    /// Debian packages have it.
    pub fn file(
        &mut self,
        path: &str,
        executable: bool,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), TarError> {
        self.file_with_mode(path, if executable { 0o755 } else { 0o644 }, size, content)
    }

    /// Adds a file as [`file`](Writer::file) does, with any permissions. Of `mode` the lowest twelve bits are taken.
    pub fn file_with_mode(
        &mut self,
        path: &str,
        mode: u32,
        size: u64,
        content: &mut dyn Read,
    ) -> Result<(), TarError> {
        self.accept(path)?;
        self.header(path.as_bytes(), b"", EntryType::Regular, mode & 0o7777, size)?;
        let mut left = size;
        loop {
            // One byte more is asked for than is due, to notice a file that has grown.
            let want = left.saturating_add(1).min(self.buffer.len() as u64) as usize;
            let length = read_full(content, &mut self.buffer[..want])
                .map_err(|source| TarError::Content { path: path.to_owned(), source })?;
            let found = size - left + length as u64;
            if length as u64 > left || (length < want && found != size) {
                return Err(TarError::Size { path: path.to_owned(), expected: size, found });
            }
            self.write(|writer| writer.inner.write_all(&writer.buffer[..length]))?;
            left -= length as u64;
            if length < want {
                return self.pad(size);
            }
        }
    }

    /// Adds a directory. Its path may be `./` or `.`, as the root is called in Debian packages.
    pub fn directory(&mut self, path: &str) -> Result<(), TarError> {
        let plain = path.strip_suffix('/').unwrap_or(path);
        if plain != "." {
            self.accept(plain)?;
        }
        self.header(format!("{plain}/").as_bytes(), b"", EntryType::Directory, 0o755, 0)
    }

    /// Adds a symlink. `target` is not looked at: it may be absolute or lead outside.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), TarError> {
        self.accept(path)?;
        if target.is_empty() || target.contains('\0') {
            return Err(TarError::Target { path: path.to_owned() });
        }
        self.header(path.as_bytes(), target.as_bytes(), EntryType::Symlink, 0o777, 0)
    }

    /// Writes the end of the archive (two zero blocks) and gives the writer back, unflushed.
    pub fn finish(mut self) -> Result<W, TarError> {
        self.write(|writer| writer.inner.write_all(&[0; 2 * BLOCK]))?;
        Ok(self.inner)
    }

    fn accept(&mut self, path: &str) -> Result<(), TarError> {
        let plain = path.strip_prefix("./").unwrap_or(path);
        check_path(plain)
            .and_then(|()| self.paths.insert(plain))
            .map_err(|problem| TarError::Path { path: path.to_owned(), problem })
    }

    fn write(&mut self, act: impl FnOnce(&mut Self) -> io::Result<()>) -> Result<(), TarError> {
        act(self).map_err(|source| TarError::Write { source })
    }

    fn pad(&mut self, size: u64) -> Result<(), TarError> {
        let used = (size % BLOCK as u64) as usize;
        let rest = if used == 0 { 0 } else { BLOCK - used };
        self.write(|writer| writer.inner.write_all(&[0; BLOCK][..rest]))
    }

    fn header(
        &mut self,
        path: &[u8],
        target: &[u8],
        kind: EntryType,
        mode: u32,
        size: u64,
    ) -> Result<(), TarError> {
        const LARGEST_USTAR: u64 = 0o77_777_777_777;
        let split = split_path(path);
        let gnu =
            split.is_none() || target.len() > 100 || size > LARGEST_USTAR || self.modified > LARGEST_USTAR;
        let mut header = if gnu { Header::new_gnu() } else { Header::new_ustar() };
        let (prefix, name) = match split {
            Some(parts) if !gnu => parts,
            // The place of the prefix means something else in a GNU header.
            _ => (&b""[..], &path[..path.len().min(100)]),
        };
        if gnu && path.len() > 100 {
            self.long(b'L', path)?;
        }
        if target.len() > 100 {
            self.long(b'K', target)?;
        }
        let old = header.as_old_mut();
        old.name[..name.len()].copy_from_slice(name);
        let shown = &target[..target.len().min(100)];
        old.linkname[..shown.len()].copy_from_slice(shown);
        if let Some(ustar) = header.as_ustar_mut() {
            ustar.prefix[..prefix.len()].copy_from_slice(prefix);
            ustar.uname[..4].copy_from_slice(b"root");
            ustar.gname[..4].copy_from_slice(b"root");
            ustar.dev_major.copy_from_slice(b"0000000\0");
            ustar.dev_minor.copy_from_slice(b"0000000\0");
        }
        if let Some(gnu) = header.as_gnu_mut() {
            gnu.uname[..4].copy_from_slice(b"root");
            gnu.gname[..4].copy_from_slice(b"root");
        }
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(self.modified);
        header.set_size(size);
        header.set_cksum();
        self.write(|writer| writer.inner.write_all(header.as_bytes()))
    }

    /// A member that holds a long name or link target for the header behind it, ended by a zero byte.
    fn long(&mut self, flag: u8, text: &[u8]) -> Result<(), TarError> {
        let mut header = Header::new_gnu();
        let name = b"././@LongLink";
        header.as_old_mut().name[..name.len()].copy_from_slice(name);
        header.set_entry_type(EntryType::new(flag));
        header.set_mode(0o644);
        header.set_uid(0);
        header.set_gid(0);
        header.set_mtime(0);
        header.set_size(text.len() as u64 + 1);
        header.set_cksum();
        self.write(|writer| {
            writer.inner.write_all(header.as_bytes())?;
            writer.inner.write_all(text)?;
            writer.inner.write_all(&[0])
        })?;
        self.pad(text.len() as u64 + 1)
    }
}

/// Divides a path into the `prefix` and `name` of a ustar header, if it can be: at a slash, 155 and 100 bytes.
fn split_path(path: &[u8]) -> Option<(&[u8], &[u8])> {
    if path.len() <= 100 {
        return Some((b"", path));
    }
    // The slash behind a directory is no place to divide: the name would be empty.
    let first = path.len().checked_sub(101)?;
    let slashes = path.iter().enumerate().skip(first).take_while(|(index, _)| *index <= 155);
    let mut places = slashes.filter(|(index, byte)| **byte == b'/' && *index + 1 < path.len());
    let (place, _) = places.next()?;
    (place > 0).then(|| (&path[..place], &path[place + 1..]))
}

/// What an archive holds, in its order. See [`visit`] for what is read.
pub fn list(reader: impl Read) -> Result<Vec<Member>, TarError> {
    let mut members = Vec::new();
    visit(reader, |member, content| {
        let mut member = member.clone();
        if member.kind == Kind::File {
            let (_, sha256) = digest(content)?;
            member.sha256 = Some(sha256);
        }
        members.push(member);
        Ok(())
    })?;
    Ok(members)
}

/// Goes through a plain (not compressed) archive. `act` gets each member with its content, of which it may read as
/// much as it likes; an error it returns ends the visit as [`TarError::Content`]. The digest of the members is not known
/// yet, so `sha256` is `None`.
///
/// Read are ustar, GNU (long names, base-256 numbers) and POSIX.1-2001 headers (`path`, `linkpath`, `size`, `mtime`,
/// `uid`, `gid`, `uname`, `gname`). Sparse files are refused. The reader is read to its end, so that the checksum
/// of a compressed file is checked even if something follows the archive.
pub fn visit(
    reader: impl Read,
    mut act: impl FnMut(&Member, &mut dyn Read) -> io::Result<()>,
) -> Result<(), TarError> {
    let mut source = Source { inner: reader, offset: 0 };
    let mut global = Extensions::default();
    let mut local = Extensions::default();
    loop {
        let offset = source.offset;
        let mut header = Header::new_old();
        source.fill(header.as_mut_bytes())?;
        if header.as_bytes() == &[0; BLOCK] {
            return source.drain();
        }
        let wrong = || TarError::Header { offset };
        if header.cksum().ok() != Some(checksum(header.as_bytes())) {
            return Err(wrong());
        }
        let size = number(&header.as_old().size).ok_or_else(wrong)?;
        match header.entry_type().as_byte() {
            b'L' => local.path = Some(source.long_text(offset, size)?),
            b'K' => local.target = Some(source.long_text(offset, size)?),
            b'x' => local.read(&source.extension(offset, size)?, offset)?,
            b'g' => global.read(&source.extension(offset, size)?, offset)?,
            b'S' => return Err(TarError::Unsupported { offset, what: "a sparse file" }),
            flag => {
                let mut extensions = std::mem::take(&mut local);
                extensions.inherit(&global);
                let content = if has_content(flag) { extensions.size.unwrap_or(size) } else { 0 };
                let member = member(&header, flag, content, extensions).ok_or_else(wrong)?;
                let mut content = Content { source: &mut source, left: content, cut: false };
                let acted = act(&member, &mut content);
                let (left, cut) = (content.left, content.cut);
                match acted {
                    Err(_) if cut => return Err(TarError::Truncated),
                    Err(source) => return Err(TarError::Content { path: member.path, source }),
                    Ok(()) => source.skip(left)?,
                }
                let size = member.size;
                source.skip(size.next_multiple_of(BLOCK as u64) - size)?;
            }
        }
    }
}

/// Members of the other types have no content, whatever their size says.
fn has_content(flag: u8) -> bool {
    !matches!(flag, b'1'..=b'6')
}

fn member(header: &Header, flag: u8, size: u64, extensions: Extensions) -> Option<Member> {
    let path = extensions.path.unwrap_or_else(|| header.path_bytes().into_owned());
    let target = || {
        let short = || header.link_name_bytes().unwrap_or_default().into_owned();
        name_text(&extensions.target.unwrap_or_else(short))
    };
    let is_directory = flag == b'5' || (matches!(flag, b'0' | 0) && path.ends_with(b"/"));
    let kind = match flag {
        _ if is_directory => Kind::Directory,
        // 7 is a file that was contiguous on its disk.
        b'0' | 0 | b'7' => Kind::File,
        b'1' => Kind::HardLink { target: target() },
        b'2' => Kind::Symlink { target: target() },
        flag => Kind::Other { flag },
    };
    let mut end = path.len();
    while is_directory && end > 1 && path[end - 1] == b'/' {
        end -= 1;
    }
    let old = header.as_old();
    Some(Member {
        path: name_text(&path[..end]),
        kind,
        mode: Some(number(&old.mode)? as u32 & 0o7777),
        size,
        sha256: None,
        modified: match extensions.modified {
            Some(modified) => modified,
            None => number(&old.mtime)?,
        },
        owner: Some(Owner {
            user: extensions.user.map_or_else(|| number(&old.uid), Some)?,
            group: extensions.group.map_or_else(|| number(&old.gid), Some)?,
            user_name: name_text(
                extensions.user_name.as_deref().or(header.username_bytes()).unwrap_or_default(),
            ),
            group_name: name_text(
                extensions.group_name.as_deref().or(header.groupname_bytes()).unwrap_or_default(),
            ),
        }),
    })
}

/// The sum of the bytes of a header, with spaces for the checksum itself.
fn checksum(header: &[u8; BLOCK]) -> u32 {
    let spaces = 8 * u32::from(b' ');
    header[..148].iter().chain(&header[156..]).map(|byte| u32::from(*byte)).sum::<u32>() + spaces
}

/// A numeric field: octal digits, or with the highest bit set a big-endian number. Nothing at all is 0, and so is a
/// negative number (a time before 1970).
fn number(field: &[u8]) -> Option<u64> {
    match *field.first()? {
        0xff => Some(0),
        first if first & 0x80 != 0 => {
            let (high, low) = field.split_at(field.len() - 8);
            let high_is_zero =
                high.iter().enumerate().all(|(index, byte)| *byte == if index == 0 { 0x80 } else { 0 });
            // An eight byte field has the mark in the number itself.
            let low = u64::from_be_bytes(low.try_into().ok()?);
            if high.is_empty() { Some(low & !(1 << 63)) } else { high_is_zero.then_some(low) }
        }
        _ => {
            let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
            let text = str::from_utf8(&field[..end]).ok()?.trim_matches(' ');
            if text.is_empty() { Some(0) } else { u64::from_str_radix(text, 8).ok() }
        }
    }
}

/// What extension headers say of the member behind them.
#[derive(Debug, Default)]
struct Extensions {
    path: Option<Vec<u8>>,
    target: Option<Vec<u8>>,
    size: Option<u64>,
    modified: Option<u64>,
    user: Option<u64>,
    group: Option<u64>,
    user_name: Option<Vec<u8>>,
    group_name: Option<Vec<u8>>,
}

impl Extensions {
    /// Takes the records `length key=value\n` of a POSIX.1-2001 extended header.
    fn read(&mut self, mut records: &[u8], offset: u64) -> Result<(), TarError> {
        let wrong = || TarError::Header { offset };
        while !records.is_empty() {
            let space = records.iter().take(20).position(|byte| *byte == b' ').ok_or_else(wrong)?;
            let length = decimal(&records[..space]).and_then(|length| usize::try_from(length).ok());
            let length = length.filter(|length| *length > space + 1).ok_or_else(wrong)?;
            let (record, rest) = records.split_at_checked(length).ok_or_else(wrong)?;
            records = rest;
            let record = record[space + 1..].strip_suffix(b"\n").ok_or_else(wrong)?;
            let equals = record.iter().position(|byte| *byte == b'=').ok_or_else(wrong)?;
            let (key, value) = (&record[..equals], &record[equals + 1..]);
            let text = || Some(value.to_vec());
            let whole = || decimal(value).map(Some).ok_or_else(wrong);
            match key {
                b"path" => self.path = text(),
                b"linkpath" => self.target = text(),
                b"uname" => self.user_name = text(),
                b"gname" => self.group_name = text(),
                b"size" => self.size = whole()?,
                b"uid" => self.user = whole()?,
                b"gid" => self.group = whole()?,
                b"mtime" if value.starts_with(b"-") => self.modified = Some(0),
                b"mtime" => {
                    // Fractions of a second are dropped.
                    let seconds = value.split(|byte| *byte == b'.').next().unwrap_or_default();
                    self.modified = Some(decimal(seconds).ok_or_else(wrong)?);
                }
                key if key.starts_with(b"GNU.sparse.") => {
                    return Err(TarError::Unsupported { offset, what: "a sparse file" });
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn inherit(&mut self, global: &Extensions) {
        self.path = self.path.take().or_else(|| global.path.clone());
        self.target = self.target.take().or_else(|| global.target.clone());
        self.size = self.size.or(global.size);
        self.modified = self.modified.or(global.modified);
        self.user = self.user.or(global.user);
        self.group = self.group.or(global.group);
        self.user_name = self.user_name.take().or_else(|| global.user_name.clone());
        self.group_name = self.group_name.take().or_else(|| global.group_name.clone());
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if plain { str::from_utf8(digits).ok()?.parse().ok() } else { None }
}

/// The bytes of an archive, and how far we are.
struct Source<R> {
    inner: R,
    offset: u64,
}

/// No name or extension header is longer; one that claims to be would fill the memory.
const LONGEST_EXTENSION: u64 = 1 << 20;

impl<R: Read> Source<R> {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), TarError> {
        let length = read_full(&mut self.inner, buffer).map_err(|source| TarError::Read { source })?;
        self.offset += length as u64;
        if length == buffer.len() { Ok(()) } else { Err(TarError::Truncated) }
    }

    fn skip(&mut self, length: u64) -> Result<(), TarError> {
        let mut buffer = [0; 1 << 13];
        let mut left = length;
        while left > 0 {
            let step = left.min(buffer.len() as u64);
            self.fill(&mut buffer[..step as usize])?;
            left -= step;
        }
        Ok(())
    }

    fn drain(mut self) -> Result<(), TarError> {
        io::copy(&mut self.inner, &mut io::sink()).map_err(|source| TarError::Read { source })?;
        Ok(())
    }

    fn extension(&mut self, offset: u64, size: u64) -> Result<Vec<u8>, TarError> {
        if size > LONGEST_EXTENSION {
            return Err(TarError::Header { offset });
        }
        let mut content = vec![0; size as usize];
        self.fill(&mut content)?;
        self.skip(size.next_multiple_of(BLOCK as u64) - size)?;
        Ok(content)
    }

    /// A long name ends with a zero byte.
    fn long_text(&mut self, offset: u64, size: u64) -> Result<Vec<u8>, TarError> {
        let mut text = self.extension(offset, size)?;
        let end = text.iter().position(|byte| *byte == 0).unwrap_or(text.len());
        text.truncate(end);
        Ok(text)
    }
}

/// The content of one member.
struct Content<'a, R> {
    source: &'a mut Source<R>,
    left: u64,
    cut: bool,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = self.left.min(buffer.len() as u64) as usize;
        if most == 0 {
            return Ok(0);
        }
        let length = self.source.inner.read(&mut buffer[..most])?;
        if length == 0 {
            self.cut = true;
            return Err(io::Error::from(io::ErrorKind::UnexpectedEof));
        }
        self.source.offset += length as u64;
        self.left -= length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::{Random, incompressible};

    fn hex(digest: &[u8; 32]) -> String {
        digest.iter().map(|byte| format!("{byte:02x}")).collect()
    }

    /// One line a member, to compare.
    fn listing(archive: &[u8]) -> Vec<String> {
        let line = |member: &Member| {
            let kind = match &member.kind {
                Kind::File => "-".to_owned(),
                Kind::Directory => "d".to_owned(),
                Kind::Symlink { target } => format!("l {target}"),
                Kind::HardLink { target } => format!("h {target}"),
                Kind::Other { flag } => format!("? {flag}"),
            };
            let digest = member.sha256.as_ref().map_or(String::new(), |digest| hex(digest)[..8].to_owned());
            let owner = member.owner.clone().unwrap();
            format!(
                "{:o} {}:{} {}:{} {} {} {digest} {} {kind}",
                member.mode.unwrap(),
                owner.user,
                owner.group,
                owner.user_name,
                owner.group_name,
                member.size,
                member.modified,
                member.path,
            )
        };
        list(archive).unwrap().iter().map(line).collect()
    }

    fn example() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), 1_700_000_000);
        writer.directory("app").unwrap();
        writer.file("app/run", true, 5, &mut &b"hello"[..]).unwrap();
        writer.file("app/empty", false, 0, &mut io::empty()).unwrap();
        writer.symlink("app/latest", "run").unwrap();
        writer.finish().unwrap()
    }

    #[test]
    fn what_was_written_is_read_back() {
        assert_eq!(
            listing(&example()),
            [
                "755 0:0 root:root 0 1700000000  app d",
                "755 0:0 root:root 5 1700000000 2cf24dba app/run -",
                "644 0:0 root:root 0 1700000000 e3b0c442 app/empty -",
                "777 0:0 root:root 0 1700000000  app/latest l run",
            ]
        );
    }

    #[test]
    fn the_bytes_are_those_of_posix_ustar() {
        let archive = example();
        // 4 headers, 1 block of content, 2 zero blocks.
        assert_eq!(archive.len(), 7 * 512);
        let header = &archive[512..1024];
        assert_eq!(&header[..8], b"app/run\0");
        assert_eq!(&header[100..108], b"0000755\0");
        assert_eq!(&header[108..116], b"0000000\0");
        assert_eq!(&header[124..136], b"00000000005\0");
        assert_eq!(&header[136..148], b"14524770400\0");
        assert_eq!(&header[156..265], [b"0", &[0; 100][..], b"ustar\x0000"].concat());
        assert_eq!(&header[265..270], b"root\0");
        assert_eq!(archive[archive.len() - 1024..], [0; 1024]);
    }

    #[test]
    fn long_names_of_every_length_are_kept() {
        for length in [1, 99, 100, 101, 102, 154, 155, 156, 157, 255, 256, 257, 300, 4000] {
            for part in [3, 50, 99, 120, 5000] {
                let mut path = String::new();
                while path.len() < length {
                    let slash =
                        !path.is_empty() && path.len().is_multiple_of(part) && path.len() + 1 < length;
                    path.push(if slash { '/' } else { 'n' });
                }
                let mut writer = Writer::new(Vec::new(), 0);
                writer.file(&path, false, 3, &mut &b"abc"[..]).unwrap();
                writer.directory(&format!("{path}d")).unwrap();
                writer.symlink(&format!("{path}l"), &path).unwrap();
                let archive = writer.finish().unwrap();
                let members = list(&archive[..]).unwrap();
                let expected = [
                    (path.clone(), Kind::File),
                    (format!("{path}d"), Kind::Directory),
                    (format!("{path}l"), Kind::Symlink { target: path.clone() }),
                ];
                let found: Vec<_> = members.into_iter().map(|member| (member.path, member.kind)).collect();
                assert_eq!(found, expected);
                // The crate we share the header with has a reader of its own.
                let mut other = ::tar::Archive::new(&archive[..]);
                let paths: Vec<String> = other
                    .entries()
                    .unwrap()
                    .map(|entry| entry.unwrap().path().unwrap().to_string_lossy().into_owned())
                    .collect();
                assert_eq!(paths[0], path);
                assert_eq!(paths[1].trim_end_matches('/'), format!("{path}d"));
            }
        }
    }

    #[test]
    fn a_size_that_is_not_the_promised_one_is_an_error() {
        for (size, content) in
            [(3u64, 2usize), (3, 4), (0, 1), (1, 0), (200_000, 199_999), (200_000, 200_001)]
        {
            let mut writer = Writer::new(Vec::new(), 0);
            let content = vec![1; content];
            let error = writer.file("a", false, size, &mut &content[..]).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("add `a` to the archive: it should have {size} bytes and has {}", content.len())
            );
        }
        for size in [0, 1, 511, 512, 513, 131_071, 131_072, 131_073, 262_144] {
            let content = incompressible(1, size);
            let mut writer = Writer::new(Vec::new(), 0);
            writer.file("a", false, size as u64, &mut &content[..]).unwrap();
            let members = list(&writer.finish().unwrap()[..]).unwrap();
            assert_eq!(members[0].sha256, Some(digest(&mut &content[..]).unwrap().1));
        }
    }

    #[test]
    fn paths_that_would_surprise_are_refused() {
        let table = [
            ("", "it is empty"),
            ("/a", "it is absolute"),
            ("a/../b", "it has a `.` or `..` component"),
            ("./", "it is empty"),
            ("a//b", "it has an empty component"),
            ("old", "the archive has a member of this path already"),
            ("./old", "the archive has a member of this path already"),
        ];
        for (path, problem) in table {
            let mut writer = Writer::new(Vec::new(), 0);
            writer.directory("old").unwrap();
            let error = writer.symlink(path, "x").unwrap_err();
            assert_eq!(error.to_string(), format!("add `{path}` to the archive: {problem}"));
        }
        let mut writer = Writer::new(Vec::new(), 0);
        assert!(matches!(writer.symlink("a", ""), Err(TarError::Target { .. })));
    }

    #[test]
    fn the_names_of_debian_packages_keep_their_dot() {
        let mut writer = Writer::new(Vec::new(), 0);
        writer.directory("./").unwrap();
        writer.directory("./usr/").unwrap();
        writer.file("./usr/a", false, 0, &mut io::empty()).unwrap();
        let archive = writer.finish().unwrap();
        assert_eq!(&archive[..3], b"./\0");
        assert_eq!(&archive[512..519], b"./usr/\0");
        let paths: Vec<_> = list(&archive[..]).unwrap().into_iter().map(|member| member.path).collect();
        assert_eq!(paths, [".", "./usr", "./usr/a"]);
    }

    #[test]
    fn a_large_size_is_a_binary_number() {
        struct Head(Vec<u8>);
        impl Write for Head {
            fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
                if self.0.len() >= 512 {
                    return Err(io::Error::from(io::ErrorKind::StorageFull));
                }
                self.0.extend_from_slice(bytes);
                Ok(bytes.len())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let mut head = Head(Vec::new());
        let mut writer = Writer::new(&mut head, 0);
        let size = 9 << 30;
        writer.file("a", false, size, &mut io::repeat(0)).unwrap_err();
        drop(writer);
        assert_eq!(head.0[124..136], [0x80, 0, 0, 0, 0, 0, 0, 2, 0x40, 0, 0, 0]);
        assert_eq!(number(&head.0[124..136]), Some(size));
    }

    fn raw(flag: u8, name: &str, content: &[u8]) -> Vec<u8> {
        let mut header = Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(EntryType::new(flag));
        header.set_mode(0o600);
        header.set_size(content.len() as u64);
        header.set_cksum();
        let mut bytes = header.as_bytes().to_vec();
        bytes.extend(content);
        bytes.resize(bytes.len().next_multiple_of(512), 0);
        bytes
    }

    #[test]
    fn extended_headers_of_posix_are_read() {
        let record = |text: &str| format!("{} {text}\n", text.len() + 4);
        let records =
            ["path=longname", "linkpath=to", "uid=123456", "uname=mina", "mtime=12.375", "comment=no"]
                .map(record)
                .concat();
        let archive = [
            raw(b'g', "global", record("gname=all1").as_bytes()),
            raw(b'x', "extended", records.as_bytes()),
            raw(b'2', "short", b""),
            raw(b'1', "hard", b""),
            raw(b'3', "device", b""),
            raw(0, "old/", b""),
            vec![0; 512],
        ]
        .concat();
        assert_eq!(
            listing(&archive),
            [
                "600 123456:0 mina:all1 0 12  longname l to",
                "600 0:0 :all1 0 0  hard h ",
                "600 0:0 :all1 0 0  device ? 51",
                "600 0:0 :all1 0 0  old d",
            ]
        );
    }

    #[test]
    fn what_is_not_read_is_refused() {
        assert!(matches!(list(&raw(b'S', "a", b"")[..]), Err(TarError::Unsupported { offset: 0, .. })));
        let sparse = raw(b'x', "a", b"22 GNU.sparse.major=1\n");
        for records in
            [&b"9 path=a"[..], b"10 path=abc\n", b"99 path=a\n", b"path=a\n", b" path=a\n", b"2 \n"]
        {
            let wrong = raw(b'x', "a", records);
            assert!(matches!(list(&wrong[..]), Err(TarError::Header { offset: 0 })));
        }
        assert!(matches!(list(&sparse[..]), Err(TarError::Unsupported { offset: 0, .. })));
        assert!(matches!(list(&[7; 512][..]), Err(TarError::Header { offset: 0 })));
        // An extension header of a gigabyte, of which nothing is there.
        let mut header = Header::new_gnu();
        header.set_entry_type(EntryType::GNULongName);
        header.set_size(1 << 30);
        header.set_cksum();
        assert!(matches!(list(&header.as_bytes()[..]), Err(TarError::Header { offset: 0 })));
    }

    #[test]
    fn a_visitor_may_leave_content_unread() {
        let mut seen = Vec::new();
        visit(&example()[..], |member, content| {
            let mut first = [0; 2];
            let length = content.read(&mut first)?;
            seen.push((member.path.clone(), first[..length].to_vec()));
            Ok(())
        })
        .unwrap();
        assert_eq!(seen[1], ("app/run".to_owned(), b"he".to_vec()));
        assert_eq!(seen.len(), 4);
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let archive = example();
        for length in 0..archive.len() - 1023 {
            assert!(matches!(list(&archive[..length]), Err(TarError::Truncated)), "cut to {length}");
        }
    }

    #[test]
    fn damaged_archives_do_no_harm() {
        let long = "n".repeat(150);
        let mut writer = Writer::new(Vec::new(), 0);
        writer.file(&long, false, 700, &mut &[1; 700][..]).unwrap();
        writer.symlink("l", &long).unwrap();
        let archive = [raw(b'x', "x", b"13 path=four\n"), writer.finish().unwrap()].concat();
        let mut random = Random::new(1);
        for _ in 0..20_000 {
            let mut damaged = archive.clone();
            for _ in 0..1 + random.below(3) {
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
                // Without a right checksum nothing behind it is looked at.
                let block = place / 512 * 512;
                let mut header = Header::new_old();
                header.as_mut_bytes().copy_from_slice(&damaged[block..block + 512]);
                header.set_cksum();
                if random.below(2) == 0 {
                    damaged[block..block + 512].copy_from_slice(header.as_bytes());
                }
            }
            let _ = list(&damaged[..]);
        }
    }
}
