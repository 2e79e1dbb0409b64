//! The archive within a package: cpio in the "new ASCII" form (`newc`, magic 070701), and rpm's own stripped form of it.
//!
//! cpio(5) describes the first. The second (magic `07070X`, rpm 4.12) is for packages with files from 4 GiB: a header there holds
//! nothing but the index of the file in the package's header, which knows the rest.
//!
//! Headers, with their names, and contents are padded with zeros to a multiple of four bytes.

use std::io::{self, Read, Write};

/// The name of the last member, which is none.
const TRAILER: &str = "TRAILER!!!";

/// Longer than any path a system accepts.
const LONGEST_NAME: u32 = 16 << 10;

/// What is written of a member.
#[derive(Debug, Clone, Copy)]
pub(super) struct Member<'a> {
    /// With a leading `./`.
    pub(super) name: &'a str,
    /// Its place among the files of the package, from 0.
    pub(super) index: u32,
    /// Type and permissions as Unix has them in `st_mode`.
    pub(super) mode: u16,
    /// Seconds since 1970-01-01 UTC.
    pub(super) modified: u32,
    /// Of the content.
    pub(super) size: u64,
}

/// Writes the header of a member.
pub(super) fn write_header(output: &mut impl Write, member: Member<'_>, stripped: bool) -> io::Result<()> {
    if stripped {
        write!(output, "07070X{:08x}", member.index)?;
        return write_padding(output, 14);
    }
    let size = u32::try_from(member.size).map_err(|_| io::Error::from(io::ErrorKind::FileTooLarge))?;
    let fields = [member.index + 1, member.mode.into(), 0, 0, 1, member.modified, size];
    write_newc(output, &fields, member.name)
}

/// Writes the end of the archive.
pub(super) fn write_trailer(output: &mut impl Write) -> io::Result<()> {
    write_newc(output, &[0, 0, 0, 0, 1, 0, 0], TRAILER)
}

/// The fields are inode, mode, user, group, links, time and size. The others are zero: the numbers of the device the file is on and
/// of the device it is.
fn write_newc(output: &mut impl Write, fields: &[u32; 7], name: &str) -> io::Result<()> {
    write!(output, "070701")?;
    for field in fields {
        write!(output, "{field:08x}")?;
    }
    write!(output, "{:032x}{:08x}{:08x}", 0, name.len() + 1, 0)?;
    output.write_all(name.as_bytes())?;
    output.write_all(&[0])?;
    write_padding(output, 110 + name.len() as u64 + 1)
}

/// Fills up what has been written to a multiple of four.
pub(super) fn write_padding(output: &mut impl Write, written: u64) -> io::Result<()> {
    output.write_all(&[0; 3][..padding(written)])
}

fn padding(length: u64) -> usize {
    ((4 - length % 4) % 4) as usize
}

/// The header of a member as it was read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Header {
    /// The usual form.
    Plain {
        /// As it is.
        name: Vec<u8>,
        /// Links to the same inode are one file.
        inode: u32,
        /// Type and permissions.
        mode: u32,
        /// How many names the file has.
        links: u32,
        /// Of the content.
        size: u32,
    },
    /// The stripped form.
    Stripped {
        /// The place of the file in the header of the package.
        index: u32,
    },
    /// The end of the archive.
    Trailer,
}

/// Why an archive cannot be read.
#[derive(Debug)]
pub(super) enum Problem {
    /// The reader below.
    Read(io::Error),
    /// What is wrong, as a clause with its subject.
    Form(String),
}

impl From<io::Error> for Problem {
    fn from(cause: io::Error) -> Self {
        if cause.kind() == io::ErrorKind::UnexpectedEof {
            Problem::Form("it ends too early".to_owned())
        } else {
            Problem::Read(cause)
        }
    }
}

/// Reads a header, with its name and padding.
pub(super) fn read_header(input: &mut dyn Read) -> Result<Header, Problem> {
    let mut magic = [0; 6];
    input.read_exact(&mut magic)?;
    match &magic {
        // 070702 has a checksum in its last field, which we have better ones for.
        b"070701" | b"070702" => {}
        b"07070X" => {
            let index = read_number(input)?;
            skip(input, padding(14))?;
            return Ok(Header::Stripped { index });
        }
        _ => return Err(Problem::Form(format!("`{}` is no magic of cpio", magic.escape_ascii()))),
    }
    let mut fields = [0; 13];
    for field in &mut fields {
        *field = read_number(input)?;
    }
    let [inode, mode, _, _, links, _, size, _, _, _, _, length, _] = fields;
    if length == 0 || length > LONGEST_NAME {
        return Err(Problem::Form(format!("a name of {length} bytes is none")));
    }
    let mut name = vec![0; length as usize];
    input.read_exact(&mut name)?;
    skip(input, padding(110 + u64::from(length)))?;
    if name.pop() != Some(0) || name.contains(&0) {
        return Err(Problem::Form("a name does not end with a zero byte".to_owned()));
    }
    if name == TRAILER.as_bytes() {
        return Ok(Header::Trailer);
    }
    Ok(Header::Plain { name, inode, mode, links, size })
}

/// Skips what fills up a content.
pub(super) fn skip_padding(input: &mut dyn Read, read: u64) -> Result<(), Problem> {
    skip(input, padding(read))
}

fn skip(input: &mut dyn Read, length: usize) -> Result<(), Problem> {
    Ok(input.read_exact(&mut [0; 3][..length])?)
}

fn read_number(input: &mut dyn Read) -> Result<u32, Problem> {
    let mut digits = [0; 8];
    input.read_exact(&mut digits)?;
    let text =
        str::from_utf8(&digits).ok().filter(|text| text.bytes().all(|digit| digit.is_ascii_hexdigit()));
    text.and_then(|text| u32::from_str_radix(text, 16).ok())
        .ok_or_else(|| Problem::Form(format!("`{}` is no hexadecimal number", digits.escape_ascii())))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn member(name: &str) -> Member<'_> {
        Member { name, index: 6, mode: 0o100755, modified: 1_700_000_000, size: 5 }
    }

    #[test]
    fn a_header_is_what_cpio_writes() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, member("./bin/app"), false).unwrap();
        let expected = "070701000000070000\
            81ed00000000000000000000000165\
            53f1000000000500000000000000000000000000000000\
            0000000a00000000./bin/app\0";
        assert_eq!(String::from_utf8(bytes.clone()).unwrap(), expected.to_owned());
        assert_eq!(bytes.len() % 4, 0);
        let expected =
            Header::Plain { name: b"./bin/app".to_vec(), inode: 7, mode: 0o100755, links: 1, size: 5 };
        assert_eq!(read_header(&mut &bytes[..]).unwrap(), expected);
    }

    #[test]
    fn a_stripped_header_holds_an_index() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, member("./bin/app"), true).unwrap();
        assert_eq!(bytes, b"07070X00000006\0\0");
        assert_eq!(read_header(&mut &bytes[..]).unwrap(), Header::Stripped { index: 6 });
    }

    #[test]
    fn the_trailer_is_the_end() {
        let mut bytes = Vec::new();
        write_trailer(&mut bytes).unwrap();
        assert_eq!(bytes.len(), 124);
        assert_eq!(read_header(&mut &bytes[..]).unwrap(), Header::Trailer);
    }

    #[test]
    fn a_file_of_four_gibibytes_has_no_place_in_a_plain_header() {
        let large = Member { size: 1 << 32, ..member("./a") };
        assert_eq!(
            write_header(&mut io::sink(), large, false).unwrap_err().kind(),
            io::ErrorKind::FileTooLarge
        );
        write_header(&mut io::sink(), large, true).unwrap();
    }

    #[test]
    fn what_is_no_header_is_an_error() {
        let mut bytes = Vec::new();
        write_header(&mut bytes, member("./bin/app"), false).unwrap();
        let broken = |place: usize, byte: u8| {
            let mut bytes = bytes.clone();
            bytes[place] = byte;
            match read_header(&mut &bytes[..]).unwrap_err() {
                Problem::Form(problem) => problem,
                Problem::Read(cause) => panic!("{cause}"),
            }
        };
        assert_eq!(broken(5, b'7'), "`070707` is no magic of cpio");
        assert_eq!(broken(6, b'+'), "`+0000007` is no hexadecimal number");
        assert_eq!(broken(94, b'1'), "a name of 268435466 bytes is none");
        assert_eq!(broken(101, b'9'), "a name does not end with a zero byte");
        for length in 0..bytes.len() {
            assert!(matches!(read_header(&mut &bytes[..length]), Err(Problem::Form(_))), "{length}");
        }
    }
}
