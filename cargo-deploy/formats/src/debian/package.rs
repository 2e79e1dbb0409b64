//! Binary packages (deb(5), format 2.0): an ar archive of `debian-binary`, `control.tar` and `data.tar`.
//!
//! What is in the second depends on the third: the sums of the files. So the data is written first, to a place of its own
//! ([`DataWriter`]), and put behind the control files when it is complete ([`write`](fn@write)). Neither holds more than the buffers of its
//! compressor in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, BufReader, BufWriter, Read, Write};
use std::num::NonZeroUsize;

use md5::{Digest, Md5};
use thiserror::Error;

use super::Paragraph;
use super::paragraph::ParagraphError;
use crate::Level;
use crate::ar::{self, ArError};
use crate::compression::{self, Compression, Encoder};
use crate::member::{Kind, Member, digest, name_text};
use crate::tar::{self, TarError};
use crate::xz::Filter;

/// Why a package cannot be written or read.
#[derive(Debug, Error)]
pub enum PackageError {
    /// The outer archive.
    #[error(transparent)]
    Ar {
        /// What is wrong with it.
        #[from]
        source: ArError,
    },
    /// One of the inner archives.
    #[error("{action} `{archive}`")]
    Tar {
        /// `write` or `read`.
        action: &'static str,
        /// `control.tar` or `data.tar`.
        archive: &'static str,
        /// What is wrong with it.
        source: TarError,
    },
    /// A compressor cannot start or end.
    #[error("compress `{archive}`")]
    Compress {
        /// `control.tar` or `data.tar`.
        archive: &'static str,
        /// Of the compressor.
        source: io::Error,
    },
    /// A decompressor cannot start.
    #[error("decompress `{archive}`")]
    Decompress {
        /// `control.tar` or `data.tar`.
        archive: &'static str,
        /// Of the decompressor.
        source: io::Error,
    },
    /// `debian-binary` says something else than `2.` and a number, or cannot be read.
    #[error("read the package: its format is `{found}`, and only 2.0 is known")]
    Format {
        /// The first line, or what there is of it.
        found: String,
    },
    /// A member stands where another should.
    #[error("read the package: `{found}` stands where `{expected}` should be")]
    Order {
        /// Its name; empty at the end of the archive.
        found: String,
        /// Without the suffix of the compression.
        expected: &'static str,
    },
    /// A suffix of no compression we read.
    #[error("read the package: `{name}` is compressed in a way that is not known")]
    Compression {
        /// Of the member.
        name: String,
    },
    /// A control file is larger than any should be.
    #[error("read the package: its control files have more than {limit} bytes")]
    Large {
        /// In bytes.
        limit: u64,
    },
    /// There is no file `control`.
    #[error("read the package: it has no control file")]
    NoControl,
    /// The file `control` is not what it should be.
    #[error("read the control file")]
    Control {
        /// What is wrong with it.
        source: ParagraphError,
    },
    /// A line of `md5sums` is none.
    #[error("read the package: line {line} of its md5sums is not a sum and a path")]
    Sums {
        /// From 1.
        line: usize,
    },
    /// A file is another than `md5sums` says.
    #[error("read the package: the content of `{path}` is not what its md5sums say")]
    Sum {
        /// Without a slash or `./` in front.
        path: String,
    },
    /// A file of `md5sums` is not there.
    #[error("read the package: its md5sums name `{path}`, which is not there")]
    SumWithoutFile {
        /// As it is there.
        path: String,
    },
    /// The file `control` is not UTF-8.
    #[error("read the control file: it is not UTF-8 from byte {offset}")]
    Encoding {
        /// The first byte that is not.
        offset: usize,
    },
}

/// How the inner archives are packed.
#[derive(Debug, Clone, Copy)]
pub struct Packing {
    /// dpkg reads all four; Debian's own packages are xz.
    pub compression: Compression,
    /// How hard the compressor works.
    pub level: Level,
    /// How many threads compress. The bytes do not depend on it.
    pub threads: NonZeroUsize,
    /// The time of every member, in seconds since 1970-01-01 UTC.
    pub modified: u64,
    /// Whether most of the data is machine code of x86, which xz can make smaller then: see [`Filter::X86`].
    pub x86: bool,
}

/// A file of a package.
#[derive(Debug, Clone, Copy)]
pub struct DataFile<'a> {
    /// Below the root, without a slash or `./` in front: `usr/bin/app`.
    pub path: &'a str,
    /// Permissions: the lowest twelve bits.
    pub mode: u32,
    /// Of the content, in bytes.
    pub size: u64,
    /// Whether it belongs to the administrator once it is installed: such a file is listed in `conffiles` and not in `md5sums`, as
    /// debhelper does it.
    pub config: bool,
}

/// How much room a package takes, as dpkg-gencontrol reckons it (Policy 5.6.20): files in whole KiB, and one KiB for everything else.
#[derive(Debug, Clone, Default)]
pub struct InstalledSize {
    kibibytes: u64,
    directories: BTreeSet<String>,
}

impl InstalledSize {
    /// Of nothing.
    pub fn new() -> Self {
        InstalledSize::default()
    }

    /// Adds a file and the directories above it.
    pub fn add_file(&mut self, path: &str, size: u64) {
        self.kibibytes += size.div_ceil(1024);
        self.add_parents(path);
    }

    /// Adds a link and the directories above it.
    pub fn add_symlink(&mut self, path: &str) {
        self.kibibytes += 1;
        self.add_parents(path);
    }

    /// Adds a directory and those above it.
    pub fn add_directory(&mut self, path: &str) {
        self.add_parents(path);
        self.directories.insert(path.to_owned());
    }

    /// The sum, in KiB.
    pub fn kibibytes(&self) -> u64 {
        self.kibibytes + self.directories.len() as u64 + 1
    }

    /// Adds the directories above a path, and returns those that were not there yet, from the root.
    fn add_parents(&mut self, path: &str) -> Vec<String> {
        let parents = path.match_indices('/').map(|(end, _)| path[..end].to_owned());
        parents.filter(|parent| self.directories.insert(parent.clone())).collect()
    }
}

/// Writes `data.tar`, compressed.
///
/// Directories need not be added: those above a member come before it, with mode 0755. Symlinks come last, whenever they are added: dpkg unpacks
/// in the order of the archive, and so no link is there before what it leads to.
#[derive(Debug)]
#[must_use = "the archive is complete only after `finish`"]
pub struct DataWriter<W: Write> {
    inner: tar::Writer<BufWriter<Encoder<W>>>,
    size: InstalledSize,
    symlinks: Vec<(String, String)>,
    md5sums: String,
    conffiles: String,
}

/// What the data says for the control files.
#[derive(Debug, Clone)]
pub struct DataSummary {
    /// The control file `md5sums`: a line a file.
    pub md5sums: String,
    /// The control file `conffiles`: a line a file, maybe none.
    pub conffiles: String,
    /// The field `Installed-Size`.
    pub installed_size: u64,
}

const DATA: &str = "data.tar";
const CONTROL: &str = "control.tar";

fn writing(archive: &'static str) -> impl Fn(TarError) -> PackageError {
    move |source| PackageError::Tar { action: "write", archive, source }
}

fn compressing(archive: &'static str) -> impl Fn(io::Error) -> PackageError {
    move |source| PackageError::Compress { archive, source }
}

fn tar_writer<W: Write>(
    inner: W,
    packing: Packing,
    archive: &'static str,
) -> Result<tar::Writer<BufWriter<Encoder<W>>>, PackageError> {
    let filter = if packing.x86 && archive == DATA { Filter::X86 } else { Filter::None };
    let encoder = Encoder::with_filter(packing.compression, inner, packing.level, packing.threads, filter);
    let buffered = BufWriter::with_capacity(1 << 18, encoder.map_err(compressing(archive))?);
    let mut writer = tar::Writer::new(buffered, packing.modified);
    writer.directory("./").map_err(writing(archive))?;
    Ok(writer)
}

fn finish_tar<W: Write>(
    writer: tar::Writer<BufWriter<Encoder<W>>>,
    archive: &'static str,
) -> Result<W, PackageError> {
    let buffered = writer.finish().map_err(writing(archive))?;
    let encoder = buffered.into_inner().map_err(io::IntoInnerError::into_error);
    encoder.and_then(Encoder::finish).map_err(compressing(archive))
}

impl<W: Write> DataWriter<W> {
    /// Starts an archive with the root in it.
    pub fn new(inner: W, packing: Packing) -> Result<Self, PackageError> {
        Ok(DataWriter {
            inner: tar_writer(inner, packing, DATA)?,
            size: InstalledSize::new(),
            symlinks: Vec::new(),
            md5sums: String::new(),
            conffiles: String::new(),
        })
    }

    /// Adds a file. It is an error if `content` has less or more bytes than was said.
    pub fn file(&mut self, file: DataFile<'_>, content: &mut dyn Read) -> Result<(), PackageError> {
        self.parents(file.path)?;
        let mut content = Summed { inner: content, md5: Md5::new() };
        let path = format!("./{}", file.path);
        let written = self.inner.file_with_mode(&path, file.mode, file.size, &mut content);
        written.map_err(writing(DATA))?;
        self.size.add_file(file.path, file.size);
        if file.config {
            self.conffiles.extend(["/", file.path, "\n"]);
        } else {
            for byte in content.md5.finalize() {
                // Writing to a text cannot fail.
                let _ = write!(self.md5sums, "{byte:02x}");
            }
            self.md5sums.extend(["  ", file.path, "\n"]);
        }
        Ok(())
    }

    /// Adds a symlink. `target` is not looked at.
    pub fn symlink(&mut self, path: &str, target: &str) -> Result<(), PackageError> {
        self.parents(path)?;
        self.size.add_symlink(path);
        self.symlinks.push((format!("./{path}"), target.to_owned()));
        Ok(())
    }

    /// Adds a directory, for one that is empty. One that is there already is no error.
    pub fn directory(&mut self, path: &str) -> Result<(), PackageError> {
        self.parents(&format!("{path}/"))
    }

    /// Writes what is left, and gives the writer back, unflushed.
    pub fn finish(mut self) -> Result<(W, DataSummary), PackageError> {
        for (path, target) in &self.symlinks {
            self.inner.symlink(path, target).map_err(writing(DATA))?;
        }
        let summary = DataSummary {
            md5sums: self.md5sums,
            conffiles: self.conffiles,
            installed_size: self.size.kibibytes(),
        };
        Ok((finish_tar(self.inner, DATA)?, summary))
    }

    fn parents(&mut self, path: &str) -> Result<(), PackageError> {
        for parent in self.size.add_parents(path) {
            self.inner.directory(&format!("./{parent}")).map_err(writing(DATA))?;
        }
        Ok(())
    }
}

/// Passes content through and sums it.
struct Summed<'a> {
    inner: &'a mut dyn Read,
    md5: Md5,
}

impl Read for Summed<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.md5.update(&buffer[..length]);
        Ok(length)
    }
}

/// A file of `control.tar`.
#[derive(Debug, Clone, Copy)]
pub struct ControlFile<'a> {
    /// Its name: `postinst`, `conffiles`.
    pub name: &'a str,
    /// All of it.
    pub content: &'a [u8],
}

/// The control files that dpkg runs (Policy 6.1, debconf-devel(7)): these are executable, the others are not.
pub const SCRIPTS: [&str; 5] = ["config", "postinst", "postrm", "preinst", "prerm"];

/// Writes a package from its control files and what a [`DataWriter`] made.
///
/// `files` are those beside `control`, in any order; one without content is left out. `data` must have `data_size` bytes, compressed as `packing`
/// says.
pub fn write<W: Write>(
    output: W,
    packing: Packing,
    control: &Paragraph,
    files: &[ControlFile<'_>],
    data_size: u64,
    data: &mut dyn Read,
) -> Result<W, PackageError> {
    let text = control.to_string();
    let mut writer = tar_writer(Vec::new(), packing, CONTROL)?;
    let mut members = vec![ControlFile { name: "control", content: text.as_bytes() }];
    members.extend(files.iter().filter(|file| !file.content.is_empty()));
    members[1..].sort_by_key(|file| file.name);
    for file in members {
        let path = format!("./{}", file.name);
        let written =
            writer.file(&path, SCRIPTS.contains(&file.name), file.content.len() as u64, &mut &*file.content);
        written.map_err(writing(CONTROL))?;
    }
    let packed = finish_tar(writer, CONTROL)?;
    let suffix = packing.compression.suffix();
    let mut archive = ar::Writer::new(output, packing.modified)?;
    archive.file("debian-binary", 4, &mut &b"2.0\n"[..])?;
    archive.file(&format!("{CONTROL}{suffix}"), packed.len() as u64, &mut &packed[..])?;
    archive.file(&format!("{DATA}{suffix}"), data_size, data)?;
    Ok(archive.finish())
}

/// Files with their contents.
type ControlFiles = Vec<(Member, Vec<u8>)>;

/// What a package says of itself.
#[derive(Debug, Clone)]
pub struct Package {
    /// The file `control`.
    pub control: Paragraph,
    /// The files of `control.tar`, in its order, with digests and contents.
    pub files: ControlFiles,
    /// How `control.tar` is compressed.
    pub control_compression: Compression,
    /// How `data.tar` is compressed.
    pub data_compression: Compression,
}

impl Package {
    /// The content of a control file.
    pub fn file(&self, name: &str) -> Option<&[u8]> {
        let plain = |path: &str| path.strip_prefix("./").unwrap_or(path) == name;
        let found = self.files.iter().find(|(member, _)| member.kind == Kind::File && plain(&member.path));
        found.map(|(_, content)| content.as_slice())
    }

    fn parse_control(&self) -> Result<Paragraph, PackageError> {
        let control = self.file("control").ok_or(PackageError::NoControl)?;
        let text = str::from_utf8(control)
            .map_err(|error| PackageError::Encoding { offset: error.valid_up_to() })?;
        Paragraph::read(text).map_err(|source| PackageError::Control { source })
    }
}

/// All control files of a package together; `md5sums` of a hundred thousand files has a tenth of this.
const LARGEST_CONTROL: u64 = 64 << 20;

/// Reads a package. `act` gets each member of `data.tar` with its content, as in [`tar::visit`]. Where there is a file `md5sums`, what it
/// says must be so.
///
/// Members of the outer archive whose name starts with `_` are passed over, and so is what follows `data.tar` (deb(5)).
pub fn read(
    reader: impl Read,
    mut act: impl FnMut(&Member, &mut dyn Read) -> io::Result<()>,
) -> Result<Package, PackageError> {
    let mut archive = ar::Reader::new(reader)?;
    let (control_compression, files) = read_files(&mut archive)?;
    let (data_compression, content) = next(&mut archive, DATA)?;
    let plain = decompressed(DATA, data_compression, content)?;
    let mut package = Package { control: Paragraph::new(), files, control_compression, data_compression };
    let mut sums = sums(package.file("md5sums").unwrap_or_default())?;
    let mut wrong = None;
    tar::visit(plain, |member, content| {
        let path = member.path.strip_prefix("./").unwrap_or(&member.path);
        let Some(expected) = sums.remove(path.as_bytes()).filter(|_| member.kind == Kind::File) else {
            return act(member, content);
        };
        let mut content = Summed { inner: content, md5: Md5::new() };
        act(member, &mut content)?;
        io::copy(&mut content, &mut io::sink())?;
        if content.md5.finalize()[..] != expected {
            wrong.get_or_insert_with(|| path.to_owned());
        }
        Ok(())
    })
    .map_err(|source| PackageError::Tar { action: "read", archive: DATA, source })?;
    while archive.member()?.is_some() {}
    if let Some(path) = wrong {
        return Err(PackageError::Sum { path });
    }
    if let Some(path) = sums.into_keys().next() {
        return Err(PackageError::SumWithoutFile { path: name_text(&path) });
    }

    package.control = package.parse_control()?;
    Ok(package)
}

/// Reads the file `control` of a package and nothing behind it: of a large package that takes no time.
pub fn read_control(reader: impl Read) -> Result<Paragraph, PackageError> {
    let mut archive = ar::Reader::new(reader)?;
    let (control_compression, files) = read_files(&mut archive)?;
    let data_compression = Compression::None;
    Package { control: Paragraph::new(), files, control_compression, data_compression }.parse_control()
}

/// The control files, which stand behind the version of the format.
fn read_files<R: Read>(archive: &mut ar::Reader<R>) -> Result<(Compression, ControlFiles), PackageError> {
    let (_, content) = next(archive, "debian-binary")?;
    let mut format = String::new();
    // Whatever cannot be read of it is told by what can.
    let _ = content.take(64).read_to_string(&mut format);
    let minor = format.lines().next().and_then(|line| line.strip_prefix("2."));
    if !minor.is_some_and(|minor| !minor.is_empty() && minor.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err(PackageError::Format { found: format.lines().next().unwrap_or_default().to_owned() });
    }

    let (control_compression, content) = next(archive, CONTROL)?;
    let mut files = Vec::new();
    let mut left = Some(LARGEST_CONTROL);
    let plain = decompressed(CONTROL, control_compression, content)?;
    tar::visit(plain, |member, content| {
        let mut bytes = Vec::new();
        left = left.and_then(|left| left.checked_sub(member.size));
        if left.is_none() {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        content.read_to_end(&mut bytes)?;
        let mut member = member.clone();
        if member.kind == Kind::File {
            member.sha256 = Some(digest(&mut &bytes[..])?.1);
        }
        files.push((member, bytes));
        Ok(())
    })
    .map_err(|source| match left {
        None => PackageError::Large { limit: LARGEST_CONTROL },
        Some(_) => PackageError::Tar { action: "read", archive: CONTROL, source },
    })?;
    Ok((control_compression, files))
}

/// The sums by path: thirty-two digits, two characters, the path.
fn sums(text: &[u8]) -> Result<BTreeMap<Vec<u8>, [u8; 16]>, PackageError> {
    let mut sums = BTreeMap::new();
    for (index, line) in text.split(|byte| *byte == b'\n').enumerate().filter(|(_, line)| !line.is_empty()) {
        let wrong = || PackageError::Sums { line: index + 1 };
        let (digits, path) =
            line.split_at_checked(34).filter(|(_, path)| !path.is_empty()).ok_or_else(wrong)?;
        let mut sum = [0; 16];
        for (byte, pair) in sum.iter_mut().zip(digits[..32].chunks(2)) {
            let pair =
                str::from_utf8(pair).ok().filter(|pair| pair.bytes().all(|digit| digit.is_ascii_hexdigit()));
            *byte = pair.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(wrong)?;
        }
        sums.insert(path.strip_prefix(b"./").unwrap_or(path).to_vec(), sum);
    }
    Ok(sums)
}

/// The next member, which must have this name, maybe with the suffix of a compression.
fn next<'a, R: Read>(
    archive: &'a mut ar::Reader<R>,
    expected: &'static str,
) -> Result<(Compression, ar::Content<'a, R>), PackageError> {
    let member = loop {
        match archive.member()? {
            None => return Err(PackageError::Order { found: String::new(), expected }),
            Some(member) if member.name.starts_with('_') => {}
            Some(member) => break member,
        }
    };
    let Some(suffix) = member.name.strip_prefix(expected) else {
        return Err(PackageError::Order { found: member.name, expected });
    };
    let compression = match suffix {
        "" => Compression::None,
        ".gz" => Compression::Gzip,
        ".xz" => Compression::Xz,
        ".zst" => Compression::Zstd,
        _ => return Err(PackageError::Compression { name: member.name }),
    };
    Ok((compression, archive.content()))
}

fn decompressed<'a>(
    archive: &'static str,
    compression: Compression,
    content: impl Read + 'a,
) -> Result<Box<dyn Read + 'a>, PackageError> {
    compression::open(compression, BufReader::with_capacity(1 << 16, content))
        .map_err(|source| PackageError::Decompress { archive, source })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::member::digest;
    use crate::sample::{Random, mixed};

    fn packing(compression: Compression, threads: usize) -> Packing {
        let threads = NonZeroUsize::new(threads).unwrap();
        Packing { compression, level: Level::Fast, threads, modified: 1_700_000_000, x86: false }
    }

    fn control() -> Paragraph {
        let mut control = Paragraph::new();
        control.push("Package", "hello").unwrap();
        control.push("Description", "says hello\nTo everyone.").unwrap();
        control
    }

    fn example(packing: Packing, large: &[u8]) -> Vec<u8> {
        let mut data = DataWriter::new(Vec::new(), packing).unwrap();
        data.symlink("usr/bin/hi", "hello").unwrap();
        let config = DataFile { path: "etc/hello.conf", mode: 0o640, size: 3, config: true };
        data.file(config, &mut &b"a=1"[..]).unwrap();
        let program = DataFile { path: "usr/bin/hello", mode: 0o755, size: 5, config: false };
        data.file(program, &mut &b"hello"[..]).unwrap();
        let library =
            DataFile { path: "usr/lib/large", mode: 0o644, size: large.len() as u64, config: false };
        data.file(library, &mut &*large).unwrap();
        data.directory("var/lib/hello").unwrap();
        let (data, summary) = data.finish().unwrap();
        let files = [
            ControlFile { name: "postinst", content: b"#!/bin/sh\n" },
            ControlFile { name: "md5sums", content: summary.md5sums.as_bytes() },
            ControlFile { name: "triggers", content: b"" },
            ControlFile { name: "conffiles", content: summary.conffiles.as_bytes() },
        ];
        write(Vec::new(), packing, &control(), &files, data.len() as u64, &mut &data[..]).unwrap()
    }

    fn listing(package: &[u8]) -> Result<(Package, Vec<String>), PackageError> {
        let mut lines = Vec::new();
        let package = read(package, |member, content| {
            let (size, _) = digest(content)?;
            assert_eq!(size, member.size);
            let owner = member.owner.clone().unwrap();
            let target = match &member.kind {
                Kind::Symlink { target } => format!(" -> {target}"),
                _ => String::new(),
            };
            lines.push(format!(
                "{:o} {}:{} {size} {}{target}",
                member.mode.unwrap(),
                owner.user_name,
                owner.group_name,
                member.path
            ));
            Ok(())
        })?;
        Ok((package, lines))
    }

    #[test]
    fn what_is_written_is_read_back() {
        for compression in [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let file = example(packing(compression, 2), b"x");
            let (package, lines) = listing(&file).unwrap();
            assert_eq!(package.control, control());
            assert_eq!(read_control(&file[..]).unwrap(), control());
            // Nothing behind the control files is looked at.
            assert_eq!(read_control(&file[..file.len() - 100]).unwrap(), control());
            assert_eq!((package.control_compression, package.data_compression), (compression, compression));
            let files: Vec<_> = package
                .files
                .iter()
                .map(|(member, _)| format!("{:o} {}", member.mode.unwrap(), member.path))
                .collect();
            assert_eq!(
                files,
                ["755 .", "644 ./control", "644 ./conffiles", "644 ./md5sums", "755 ./postinst"]
            );
            assert_eq!(package.file("conffiles"), Some(&b"/etc/hello.conf\n"[..]));
            assert_eq!(
                String::from_utf8_lossy(package.file("md5sums").unwrap()),
                "5d41402abc4b2a76b9719d911017c592  usr/bin/hello\n9dd4e461268c8034f5c8564e155c67a6  usr/lib/large\n"
            );
            assert_eq!(package.file("triggers"), None);
            assert_eq!(
                lines,
                [
                    "755 root:root 0 .",
                    "755 root:root 0 ./usr",
                    "755 root:root 0 ./usr/bin",
                    "755 root:root 0 ./etc",
                    "640 root:root 3 ./etc/hello.conf",
                    "755 root:root 5 ./usr/bin/hello",
                    "755 root:root 0 ./usr/lib",
                    "644 root:root 1 ./usr/lib/large",
                    "755 root:root 0 ./var",
                    "755 root:root 0 ./var/lib",
                    "755 root:root 0 ./var/lib/hello",
                    "777 root:root 0 ./usr/bin/hi -> hello",
                ]
            );
        }
    }

    #[test]
    fn the_size_is_that_of_dpkg_gencontrol() {
        let mut size = InstalledSize::new();
        assert_eq!(size.kibibytes(), 1);
        size.add_file("usr/bin/a", 1025);
        size.add_file("usr/bin/b", 0);
        size.add_symlink("usr/lib/c");
        size.add_directory("usr/lib");
        size.add_directory("var");
        // Root, usr, usr/bin, usr/lib, var; two KiB of the file, one of the link.
        assert_eq!(size.kibibytes(), 8);
    }

    #[test]
    fn the_bytes_do_not_depend_on_threads() {
        let large = mixed(1, 14 << 20);
        for compression in [Compression::Gzip, Compression::Xz, Compression::Zstd] {
            let one = example(packing(compression, 1), &large);
            assert!(example(packing(compression, 3), &large) == one, "{compression:?}");
        }
    }

    #[test]
    fn members_that_clash_are_errors() {
        let mut data = DataWriter::new(Vec::new(), packing(Compression::None, 1)).unwrap();
        let file = DataFile { path: "usr/a", mode: 0o644, size: 0, config: false };
        data.file(file, &mut io::empty()).unwrap();
        let error = data.file(DataFile { path: "usr/a/b", ..file }, &mut io::empty()).unwrap_err();
        let message = |error: &dyn std::error::Error| {
            format!("{error}: {}", error.source().map(ToString::to_string).unwrap_or_default())
        };
        assert_eq!(
            message(&error),
            "write `data.tar`: add `./usr/a` to the archive: the archive has a member of this path already"
        );
        let error = data.file(DataFile { path: "/usr", ..file }, &mut io::empty()).unwrap_err();
        assert!(message(&error).contains("add `./"), "{}", message(&error));
        let short = DataFile { path: "usr/c", size: 2, ..file };
        let error = data.file(short, &mut &b"x"[..]).unwrap_err();
        assert_eq!(
            message(&error),
            "write `data.tar`: add `./usr/c` to the archive: it should have 2 bytes and has 1"
        );
    }

    type Contents<'a> = &'a [(&'a str, &'a [u8])];

    /// A package of these members of the outer archive.
    fn outer(members: Contents<'_>) -> Vec<u8> {
        let mut writer = ar::Writer::new(Vec::new(), 0).unwrap();
        for (name, content) in members {
            writer.file(name, content.len() as u64, &mut &content[..]).unwrap();
        }
        writer.finish()
    }

    fn inner(members: Contents<'_>) -> Vec<u8> {
        let mut writer = tar::Writer::new(Vec::new(), 0);
        for (name, content) in members {
            writer.file(name, false, content.len() as u64, &mut &content[..]).unwrap();
        }
        writer.finish().unwrap()
    }

    #[test]
    fn what_is_no_package_is_an_error() {
        let good = inner(&[("control", b"Package: a1\n")]);
        let binary = ("debian-binary", &b"2.0\n"[..]);
        let table: &[(Contents<'_>, &str)] = &[
            (&[], "`` stands where `debian-binary` should be"),
            (&[("control.tar", &good)], "`control.tar` stands where `debian-binary` should be"),
            (&[("debian-binary", b"3.0\n")], "its format is `3.0`, and only 2.0 is known"),
            (&[("debian-binary", b"\xff")], "its format is ``, and only 2.0 is known"),
            (&[binary], "`` stands where `control.tar` should be"),
            (&[binary, ("data.tar", &good)], "`data.tar` stands where `control.tar` should be"),
            (
                &[binary, ("control.tar.lzma", &good)],
                "`control.tar.lzma` is compressed in a way that is not known",
            ),
            (&[binary, ("control.tar", &good)], "`` stands where `data.tar` should be"),
            (&[binary, ("control.tar", &good), ("other", b"")], "`other` stands where `data.tar` should be"),
        ];
        for (members, message) in table {
            let error = listing(&outer(members)).unwrap_err();
            assert_eq!(error.to_string(), format!("read the package: {message}"));
        }
        for (control, message) in [
            (inner(&[("other", b"")]), "read the package: it has no control file"),
            (inner(&[("control", b"x")]), "read the control file"),
            (inner(&[("control", b"A: \xff")]), "read the control file: it is not UTF-8 from byte 3"),
            (vec![1; 512], "read `control.tar`"),
            (vec![], "read `control.tar`"),
        ] {
            let data = inner(&[]);
            let error =
                listing(&outer(&[binary, ("control.tar", &control), ("data.tar", &data)])).unwrap_err();
            assert_eq!(error.to_string(), message);
        }
    }

    #[test]
    fn files_that_are_not_what_their_sums_say_are_errors() {
        let data = inner(&[("./usr/a", b"hello")]);
        let right = "5d41402abc4b2a76b9719d911017c592  usr/a\n";
        for (sums, message) in [
            (right.to_owned(), None),
            (right.replace("5d", "5D"), None),
            (right.replace("5d", "5e"), Some("the content of `usr/a` is not what its md5sums say")),
            (
                format!("{right}{}", right.replace("usr/a", "usr/b")),
                Some("its md5sums name `usr/b`, which is not there"),
            ),
            (format!("{right}5d41 usr/a"), Some("line 2 of its md5sums is not a sum and a path")),
            (right.replace("5d", "+d"), Some("line 1 of its md5sums is not a sum and a path")),
        ] {
            let control = inner(&[("control", b"Package: a1\n"), ("md5sums", sums.as_bytes())]);
            let file = outer(&[("debian-binary", b"2.0\n"), ("control.tar", &control), ("data.tar", &data)]);
            let read = listing(&file).map(|_| ()).map_err(|error| error.to_string());
            assert_eq!(read.err(), message.map(|message| format!("read the package: {message}")), "{sums}");
        }
    }

    #[test]
    fn members_of_later_versions_are_passed_over() {
        let control = inner(&[("control", b"Package: a1\n")]);
        let data = inner(&[]);
        let file = outer(&[
            ("debian-binary", b"2.7\nmore\n"),
            ("_new", b"123"),
            ("control.tar", &control),
            ("_newer", b""),
            ("data.tar", &data),
            ("signature", b"456"),
        ]);
        assert_eq!(listing(&file).unwrap().0.control.get("Package"), Some("a1"));
    }

    #[test]
    fn a_cut_package_is_an_error() {
        let file = example(packing(Compression::Xz, 1), b"x");
        for length in 0..file.len() - 1 {
            assert!(listing(&file[..length]).is_err(), "cut to {length}");
        }
    }

    #[test]
    fn control_files_that_would_fill_the_memory_are_refused() {
        let mut writer = tar_writer(Vec::new(), packing(Compression::Zstd, 1), CONTROL).unwrap();
        let size = LARGEST_CONTROL / 2 + 1;
        for name in ["./control", "./other"] {
            writer.file(name, false, size, &mut io::repeat(b' ').take(size)).unwrap();
        }
        let control = finish_tar(writer, CONTROL).unwrap();
        let file = outer(&[("debian-binary", b"2.0\n"), ("control.tar.zst", &control)]);
        assert!(matches!(listing(&file), Err(PackageError::Large { .. })));
    }

    #[test]
    fn damaged_packages_do_no_harm() {
        let file = example(packing(Compression::None, 1), b"x");
        let mut random = Random::new(1);
        for _ in 0..3000 {
            let mut damaged = file.clone();
            for _ in 0..1 + random.below(3) {
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
            }
            let _ = read(&damaged[..], |_, content| io::copy(content, &mut io::sink()).map(|_| ()));
        }
    }
}
