//! ar archives as Debian's packages are (deb(5)): the common format without tables of long names, and its reader.
//!
//! Sixty bytes of header before each member: name, time, owner, group, mode, size, each as text filled up with spaces. Members start at even
//! offsets. Names have up to sixteen characters; a slash behind them (System V) is removed when reading. BSD's and GNU's long
//! names are refused: dpkg reads neither.

use std::io::{self, Read, Write};

use thiserror::Error;

use crate::member::{name_text, read_full};

const MAGIC: &[u8; 8] = b"!<arch>\n";
const HEADER: usize = 60;

/// Why an ar archive cannot be written or read.
#[derive(Debug, Error)]
pub enum ArError {
    /// The name of a member.
    #[error(
        "add `{name}` to the archive: a name has 1 to 16 characters of ASCII, without spaces and slashes"
    )]
    Name {
        /// As it was given.
        name: String,
    },
    /// A number that does not fit into its columns.
    #[error("add `{name}` to the archive: it is too large, or its time too far away")]
    Large {
        /// Of the member.
        name: String,
    },
    /// A member has another size than was said.
    #[error("add `{name}` to the archive: it should have {expected} bytes and has {found}")]
    Size {
        /// Of the member.
        name: String,
        /// As it was given.
        expected: u64,
        /// How much there was to read; one more than expected where there was more.
        found: u64,
    },
    /// The content of a member cannot be read.
    #[error("read the content of `{name}`")]
    Content {
        /// Of the member.
        name: String,
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
    /// The first eight bytes are others.
    #[error("read the archive: it does not start as an ar archive")]
    Magic,
    /// The archive ends within a member.
    #[error("read the archive: it ends too early")]
    Truncated,
    /// What should be a header is none.
    #[error("read the archive: the header at byte {offset} is not one of an ar archive")]
    Header {
        /// Of the header.
        offset: u64,
    },
}

/// A member as it was read back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// Without the spaces, or the slash, behind it.
    pub name: String,
    /// Seconds since 1970-01-01 UTC.
    pub modified: u64,
    /// Numeric owner.
    pub user: u64,
    /// Numeric group.
    pub group: u64,
    /// File type and permission bits.
    pub mode: u32,
    /// Of the content, in bytes.
    pub size: u64,
}

/// Writes an archive, as it comes, to any writer.
#[derive(Debug)]
#[must_use = "the writer is given back by `finish`"]
pub struct Writer<W: Write> {
    inner: W,
    modified: u64,
}

impl<W: Write> Writer<W> {
    /// Starts an archive. `modified` is the time of every member, in seconds since 1970-01-01 UTC.
    pub fn new(mut inner: W, modified: u64) -> Result<Self, ArError> {
        inner.write_all(MAGIC).map_err(|source| ArError::Write { source })?;
        Ok(Writer { inner, modified })
    }

    /// Adds a regular file of root:root with mode 0644. It is an error if `content` has less or more than `size` bytes.
    pub fn file(&mut self, name: &str, size: u64, content: &mut dyn Read) -> Result<(), ArError> {
        let plain = |byte: u8| byte.is_ascii_graphic() && byte != b'/';
        if name.is_empty() || name.len() > 16 || !name.bytes().all(plain) {
            return Err(ArError::Name { name: name.to_owned() });
        }
        let header = format!("{name:<16}{:<12}{:<6}{:<6}{:<8}{size:<10}`\n", self.modified, 0, 0, "100644");
        if header.len() != HEADER {
            return Err(ArError::Large { name: name.to_owned() });
        }
        self.write(header.as_bytes())?;
        let mut buffer = vec![0; 1 << 17];
        let mut found = 0;
        loop {
            let want = (size - found).saturating_add(1).min(buffer.len() as u64) as usize;
            let length = read_full(content, &mut buffer[..want])
                .map_err(|source| ArError::Content { name: name.to_owned(), source })?;
            found += length as u64;
            if found > size || (length < want && found != size) {
                return Err(ArError::Size { name: name.to_owned(), expected: size, found });
            }
            self.write(&buffer[..length])?;
            if length < want {
                return self.write(&b"\n"[..(size % 2) as usize]);
            }
        }
    }

    /// Gives the writer back, unflushed. There is no end mark.
    pub fn finish(self) -> W {
        self.inner
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), ArError> {
        self.inner.write_all(bytes).map_err(|source| ArError::Write { source })
    }
}

/// Reads an archive, member by member.
#[derive(Debug)]
pub struct Reader<R: Read> {
    inner: R,
    offset: u64,
    /// What is left of the content of the last member, and of the byte that makes its end even.
    left: u64,
    padded: bool,
}

impl<R: Read> Reader<R> {
    /// Starts to read. It is an error if the reader does not start as an archive.
    pub fn new(mut inner: R) -> Result<Self, ArError> {
        let mut magic = [0; MAGIC.len()];
        let length = read_full(&mut inner, &mut magic).map_err(|source| ArError::Read { source })?;
        if length != magic.len() || &magic != MAGIC {
            return Err(ArError::Magic);
        }
        Ok(Reader { inner, offset: MAGIC.len() as u64, left: 0, padded: false })
    }

    /// Goes on to the next member; `None` at the end. What is left of the content of the one before is skipped.
    pub fn member(&mut self) -> Result<Option<Member>, ArError> {
        let failed = |source| ArError::Read { source };
        let skipped = io::copy(&mut (&mut self.inner).take(self.left), &mut io::sink()).map_err(failed)?;
        if skipped < self.left {
            return Err(ArError::Truncated);
        }
        self.left = 0;
        if self.padded {
            // GNU ar leaves out the last of these bytes.
            read_full(&mut self.inner, &mut [0]).map_err(failed)?;
        }
        let mut header = [0; HEADER];
        match read_full(&mut self.inner, &mut header).map_err(failed)? {
            0 => return Ok(None),
            HEADER => {}
            _ => return Err(ArError::Truncated),
        }
        let member = member(&header).ok_or(ArError::Header { offset: self.offset })?;
        self.padded = !member.size.is_multiple_of(2);
        self.left = member.size;
        self.offset += HEADER as u64 + member.size.next_multiple_of(2);
        Ok(Some(member))
    }

    /// What has not yet been read of the content of the last member.
    pub fn content(&mut self) -> Content<'_, R> {
        Content { reader: self }
    }
}

fn member(header: &[u8; HEADER]) -> Option<Member> {
    let text = |from: usize, to: usize| header[from..to].trim_ascii_end();
    let number = |from, to, radix| match text(from, to) {
        b"" => Some(0),
        digits if digits.iter().all(u8::is_ascii_digit) => {
            u64::from_str_radix(str::from_utf8(digits).ok()?, radix).ok()
        }
        _ => None,
    };
    let name = text(0, 16);
    let name = name.strip_suffix(b"/").unwrap_or(name);
    // `/`, `//` and `/12` are tables and references of System V, `#1/12` a long name of BSD.
    if name.is_empty() || name.contains(&b'/') || &header[58..] != b"`\n" {
        return None;
    }
    Some(Member {
        name: name_text(name),
        modified: number(16, 28, 10)?,
        user: number(28, 34, 10)?,
        group: number(34, 40, 10)?,
        mode: u32::try_from(number(40, 48, 8)?).ok()?,
        size: number(48, 58, 10).filter(|_| !text(48, 58).is_empty())?,
    })
}

/// The content of one member. That the archive ends within it is an error of reading.
#[derive(Debug)]
pub struct Content<'a, R: Read> {
    reader: &'a mut Reader<R>,
}

impl<R: Read> Read for Content<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let want = self.reader.left.min(buffer.len() as u64) as usize;
        if want == 0 {
            return Ok(0);
        }
        let length = self.reader.inner.read(&mut buffer[..want])?;
        if length == 0 {
            return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the archive ends too early"));
        }
        self.reader.left -= length as u64;
        Ok(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Random;

    fn example() -> Vec<u8> {
        let mut writer = Writer::new(Vec::new(), 1_700_000_000).unwrap();
        writer.file("debian-binary", 4, &mut &b"2.0\n"[..]).unwrap();
        writer.file("odd", 3, &mut &b"abc"[..]).unwrap();
        writer.file("empty", 0, &mut io::empty()).unwrap();
        writer.finish()
    }

    fn listing(archive: &[u8]) -> Result<Vec<(Member, Vec<u8>)>, ArError> {
        let mut reader = Reader::new(archive)?;
        let mut members = Vec::new();
        while let Some(member) = reader.member()? {
            let mut bytes = Vec::new();
            let read = reader.content().read_to_end(&mut bytes);
            read.map_err(|source| ArError::Content { name: member.name.clone(), source })?;
            members.push((member, bytes));
        }
        Ok(members)
    }

    #[test]
    fn the_bytes_are_those_of_the_format() {
        let expected = concat!(
            "!<arch>\n",
            "debian-binary   1700000000  0     0     100644  4         `\n2.0\n",
            "odd             1700000000  0     0     100644  3         `\nabc\n",
            "empty           1700000000  0     0     100644  0         `\n",
        );
        assert_eq!(String::from_utf8(example()).unwrap(), expected);
    }

    #[test]
    fn what_is_written_is_read_back() {
        let members = listing(&example()).unwrap();
        let names: Vec<_> = members.iter().map(|(member, _)| member.name.as_str()).collect();
        assert_eq!(names, ["debian-binary", "odd", "empty"]);
        assert_eq!(members[1].1, b"abc");
        let expected = Member {
            name: "odd".to_owned(),
            modified: 1_700_000_000,
            user: 0,
            group: 0,
            mode: 0o100644,
            size: 3,
        };
        assert_eq!(members[1].0, expected);
    }

    #[test]
    fn content_may_be_left_unread() {
        let archive = example();
        let mut reader = Reader::new(&archive[..]).unwrap();
        let mut names = Vec::new();
        while let Some(member) = reader.member().unwrap() {
            let _ = reader.content().read(&mut [0; 2]).unwrap();
            names.push(member.name);
        }
        assert_eq!(names, ["debian-binary", "odd", "empty"]);
    }

    #[test]
    fn a_size_that_is_not_kept_and_a_name_that_does_not_fit_are_errors() {
        for (size, content, found) in [(5, "abc", 3), (2, "abc", 3), (0, "a", 1)] {
            let mut writer = Writer::new(Vec::new(), 0).unwrap();
            let error = writer.file("a", size, &mut content.as_bytes()).unwrap_err();
            assert_eq!(
                error.to_string(),
                format!("add `a` to the archive: it should have {size} bytes and has {found}")
            );
        }
        for name in ["", "a b", "a/", "seventeen-letters", "é"] {
            let mut writer = Writer::new(Vec::new(), 0).unwrap();
            assert!(matches!(writer.file(name, 0, &mut io::empty()), Err(ArError::Name { .. })), "{name}");
        }
        let mut writer = Writer::new(Vec::new(), 0).unwrap();
        let error = writer.file("a", 10_000_000_000, &mut io::empty()).unwrap_err();
        assert!(matches!(error, ArError::Large { .. }));
    }

    #[test]
    fn other_spellings_are_read_or_refused() {
        let archive = String::from_utf8(example()).unwrap();
        let system_v = archive.replace("odd ", "odd/").replace("100644  3", "        3");
        assert_eq!(listing(system_v.as_bytes()).unwrap()[1].0.name, "odd");
        assert_eq!(listing(system_v.as_bytes()).unwrap()[1].0.mode, 0);
        for (from, to) in [
            ("odd   ", "#1/12 "),
            ("odd ", "/12 "),
            ("odd ", "//  "),
            ("100644  3", "100644  -"),
            ("100644  3 ", "100644    "),
            ("100644  3", "1006480 3"),
            ("`\nabc", "'\nabc"),
        ] {
            let wrong = archive.replace(from, to);
            assert!(matches!(listing(wrong.as_bytes()), Err(ArError::Header { offset: 72 })), "{to}");
        }
        assert!(matches!(listing(b"!<thin>\n"), Err(ArError::Magic)));
        assert!(matches!(listing(b""), Err(ArError::Magic)));
    }

    #[test]
    fn a_cut_archive_is_an_error() {
        let archive = &example()[..72 + 64];
        for length in 8..archive.len() {
            let complete = length == 8 || length == 72 || length == archive.len() - 1;
            assert_eq!(listing(&archive[..length]).is_ok(), complete, "cut to {length}");
        }
        let mut huge = archive.to_vec();
        huge[72 + 48..72 + 58].copy_from_slice(b"9999999999");
        assert!(matches!(listing(&huge), Err(ArError::Content { .. })));
        let mut reader = Reader::new(&huge[..]).unwrap();
        assert!(reader.member().unwrap().is_some());
        assert!(reader.member().unwrap().is_some());
        assert!(matches!(reader.member(), Err(ArError::Truncated)));
    }

    #[test]
    fn damaged_archives_do_no_harm() {
        let archive = example();
        let mut random = Random::new(1);
        for _ in 0..20_000 {
            let mut damaged = archive.clone();
            for _ in 0..1 + random.below(3) {
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
            }
            let _ = listing(&damaged);
        }
    }
}
