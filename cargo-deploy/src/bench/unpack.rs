//! Unpacking what was fetched: everything that an archive says is checked, and what is odd is refused.
//!
//! An archive is unpacked into a fresh directory beside the wanted one, which is renamed when all is well; after a
//! refusal nothing is left. Refused, not skipped: names that leave the directory or mean something else on another
//! system, links that lead out (followed through each other, as a file system would), devices and FIFOs, names that
//! collide where letters are compared without case or accents are composed, and archives that unpack to more than
//! [`Limits`] allow. No entry is ever written through a link of the archive: links are made last.
//!
//! What comes out depends on the archive alone: files are 0644 or, where the archive lets anybody execute them, 0755,
//! whatever the umask; set-uid, set-gid and sticky bits are taken off and reported; owners and times are not kept.

mod entry_name;
mod flat;
mod tree;

pub use entry_name::Refusal;
pub use flat::{FlatFile, LinkError};

use crate::bench::files::{self, FileError, FileErrorExt as _};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::compression::{self, Compression};
use deploy_formats::member::Kind;
use deploy_formats::tar::TarError;
use deploy_model::RelPath;
use deploy_plan::project::Unpack;
use std::fs::File;
use std::io::{self, BufReader, Read};
use tree::{Node, Tree};

/// How much an archive may hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The most entries.
    pub entries: u64,
    /// The most bytes that all files together may have.
    pub bytes: u64,
    /// How many times its own size an archive may unpack to.
    pub ratio: u64,
    /// The number of bytes up to which the ratio does not matter.
    pub unquestioned: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { entries: 200_000, bytes: 8 << 30, ratio: 200, unquestioned: 16 << 20 }
    }
}

impl Limits {
    /// The most bytes that an archive of a size may unpack to.
    fn most(&self, archive: u64) -> u64 {
        self.bytes.min(archive.saturating_mul(self.ratio).max(self.unquestioned))
    }
}

/// A tree that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedTree {
    /// All that is in it, directories too, sorted by path.
    pub entries: Vec<UnpackedEntry>,
    /// The files and directories whose set-uid, set-gid or sticky bits were taken off, sorted.
    pub cleared: Vec<RelPath>,
}

/// Something in a tree that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct UnpackedEntry {
    /// Its path below the tree.
    pub path: RelPath,
    /// What it is.
    pub kind: UnpackedKind,
}

/// What an entry of a tree is.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum UnpackedKind {
    /// A directory.
    Directory,
    /// A file.
    File {
        /// Whether it can be executed.
        executable: bool,
        /// Its size in bytes.
        size: u64,
    },
    /// A symbolic link that stays inside the tree.
    Symlink {
        /// Where it points, relative to its own directory.
        target: String,
    },
}

/// A single file that was unpacked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnpackedFile {
    /// Whether the archive lets anybody execute it. A compressed file says nothing of that.
    pub executable: bool,
    /// Its size in bytes.
    pub size: u64,
}

/// An archive that was not unpacked, and why. Nothing of it is left on the disk.
#[derive(Debug, thiserror::Error)]
#[error("unpack {archive}")]
pub struct UnpackError {
    /// The archive.
    pub archive: Utf8PathBuf,
    /// Why.
    #[source]
    pub reason: Box<UnpackFailure>,
}

/// Why an archive was not unpacked.
#[derive(Debug, thiserror::Error)]
pub enum UnpackFailure {
    /// An entry that is refused.
    #[error("entry {number}, \"{name}\", {refusal}")]
    Entry {
        /// Its number, from 1.
        number: u64,
        /// Its name, control characters escaped.
        name: String,
        /// Why it is refused.
        refusal: Refusal,
    },
    /// It is something else.
    #[error("it is no {expected}: it begins with \"{beginning}\"")]
    Kind {
        /// What it should be.
        expected: &'static str,
        /// Its first bytes, those that are not printable ASCII as points.
        beginning: String,
    },
    /// Too many entries.
    #[error("it has more than {limit} entries")]
    Entries {
        /// The most entries.
        limit: u64,
    },
    /// Too many bytes.
    #[error("it unpacks to more than {limit} bytes, the most allowed for an archive of {size} bytes")]
    Bytes {
        /// The most bytes.
        limit: u64,
        /// The size of the archive.
        size: u64,
    },
    /// Data before or after the archive, or in it twice.
    #[error("{what}")]
    Stray {
        /// What is wrong, as a sentence.
        what: &'static str,
    },
    /// It is damaged, or uses something that is not supported.
    #[error("{what}")]
    Broken {
        /// What is wrong, as a sentence.
        what: String,
    },
    /// The wanted member is not there.
    #[error("it has no file {member}{}", similar.as_ref().map(|it| format!(", but a file {it}")).unwrap_or_default())]
    NoMember {
        /// The wanted member.
        member: RelPath,
        /// A file of the archive with the same last component.
        similar: Option<String>,
    },
    /// A file of ours.
    #[error(transparent)]
    File(#[from] FileError),
}

/// Unpacks an archive into a directory that does not exist yet. `strip` leading components are taken off names.
/// `kind` is one that [gives a tree](Unpack::gives_tree).
pub fn unpack_tree(
    archive: &Utf8Path,
    kind: Unpack,
    strip: u32,
    limits: &Limits,
    to: &Utf8Path,
) -> Result<UnpackedTree, UnpackError> {
    let temporary = files::temporary_beside(to);
    let unpacked = (|| {
        files::create_directory(&temporary)?;
        let mut unpacking = Unpacking::new(archive, kind, strip, limits)?;
        unpacking.run(Sink::Tree(&temporary))?;
        let entries = unpacking.finish_tree(&temporary)?;
        files::rename(&temporary, to)?;
        let mut cleared = unpacking.cleared;
        cleared.sort();
        cleared.dedup();
        Ok(UnpackedTree { entries, cleared })
    })();
    unpacked.map_err(|reason| refused(archive, &temporary, reason))
}

/// One member of an archive.
#[derive(Debug, Clone, Copy)]
pub struct Wanted<'a> {
    /// Its path in the tree that the archive would be unpacked to.
    pub member: &'a RelPath,
    /// Leading components taken off names.
    pub strip: u32,
}

/// Unpacks one member of an archive that [gives a tree](Unpack::gives_tree). Where it is a link to another file of the
/// archive, it is that file. The rest of the archive is checked as if it were unpacked.
pub fn unpack_member(
    archive: &Utf8Path,
    kind: Unpack,
    wanted: Wanted<'_>,
    limits: &Limits,
    to: &Utf8Path,
) -> Result<UnpackedFile, UnpackError> {
    into_file(archive, to, |temporary| find_member(archive, kind, wanted, limits, temporary))
}

/// Unpacks a single compressed file.
pub fn unpack_single(
    archive: &Utf8Path,
    kind: Unpack,
    limits: &Limits,
    to: &Utf8Path,
) -> Result<UnpackedFile, UnpackError> {
    into_file(archive, to, |temporary| decompress(archive, kind, limits, temporary))
}

fn into_file(
    archive: &Utf8Path,
    to: &Utf8Path,
    unpack: impl FnOnce(&Utf8Path) -> Result<UnpackedFile, UnpackFailure>,
) -> Result<UnpackedFile, UnpackError> {
    let temporary = files::temporary_beside(to);
    let unpacked = unpack(&temporary).and_then(|unpacked| {
        files::set_executable(&temporary, unpacked.executable)?;
        files::rename(&temporary, to)?;
        Ok(unpacked)
    });
    unpacked.map_err(|reason| refused(archive, &temporary, reason))
}

/// Removes what there is and says what failed.
fn refused(archive: &Utf8Path, temporary: &Utf8Path, reason: UnpackFailure) -> UnpackError {
    // The first failure is the one to report.
    let _ = match files::metadata_if_exists(temporary) {
        Ok(Some(metadata)) if metadata.is_dir() => files::remove_directory(temporary),
        _ => files::remove_file(temporary),
    };
    UnpackError { archive: archive.to_owned(), reason: Box::new(reason) }
}

fn find_member(
    archive: &Utf8Path,
    kind: Unpack,
    Wanted { member, strip }: Wanted<'_>,
    limits: &Limits,
    to: &Utf8Path,
) -> Result<UnpackedFile, UnpackFailure> {
    let mut wanted = member.as_str().to_owned();
    // A link is found out in a first pass; what it leads to is no link.
    for _ in 0..2 {
        let mut unpacking = Unpacking::new(archive, kind, strip, limits)?;
        unpacking.run(Sink::Member { wanted: &wanted, to })?;
        unpacking.check_links()?;
        let found = unpacking.tree.get(&wanted).filter(|place| place.path == wanted);
        wanted = match found.map(|place| &place.node) {
            Some(Node::File { executable, size, same_as: None }) => {
                return Ok(UnpackedFile { executable: *executable, size: *size });
            }
            Some(Node::File { same_as: Some(first), .. }) => first.clone(),
            Some(Node::Symlink { target }) => {
                let end = unpacking.tree.follow(&wanted, target).unwrap_or_default();
                match unpacking.tree.get(&end).map(|place| &place.node) {
                    Some(Node::File { same_as: Some(first), .. }) => first.clone(),
                    _ => end,
                }
            }
            Some(Node::Directory) | None => {
                let similar = unpacking.tree.places().find(|place| {
                    matches!(place.node, Node::File { .. })
                        && place.path.rsplit('/').next() == Some(member.file_name())
                });
                let similar = similar.map(|place| place.path.clone());
                return Err(UnpackFailure::NoMember { member: member.clone(), similar });
            }
        };
    }
    Err(UnpackFailure::NoMember { member: member.clone(), similar: None })
}

fn decompress(
    archive: &Utf8Path,
    kind: Unpack,
    limits: &Limits,
    to: &Utf8Path,
) -> Result<UnpackedFile, UnpackFailure> {
    let size = archive_size(archive)?;
    let mut budget = Budget { left: limits.most(size), limit: limits.most(size), archive: size };
    let mut content = decompressed(archive, kind)?;
    let mut file = File::create_new(to).file("create", to)?;
    let size = copy(&mut content, &mut file, to, &mut budget)?;
    Ok(UnpackedFile { executable: false, size })
}

/// Where the content of entries goes.
#[derive(Clone, Copy)]
enum Sink<'a> {
    /// Every file below a directory.
    Tree(&'a Utf8Path),
    /// One file to a place of its own; of the others the size is checked.
    Member { wanted: &'a str, to: &'a Utf8Path },
}

/// An archive that is being read.
struct Unpacking<'a> {
    archive: &'a Utf8Path,
    kind: Unpack,
    strip: u32,
    most_entries: u64,
    budget: Budget,
    /// How many entries there were.
    count: u64,
    tree: Tree,
    cleared: Vec<RelPath>,
}

/// What an entry says of itself, whatever the format.
struct Announced<'a> {
    name: &'a str,
    kind: EntryKind<'a>,
    /// All twelve permission bits; 0 where the format has none.
    mode: u32,
    size: u64,
}

enum EntryKind<'a> {
    Directory,
    File,
    Symlink(&'a str),
    HardLink(&'a str),
    Special(&'static str),
}

impl<'a> Unpacking<'a> {
    fn new(archive: &'a Utf8Path, kind: Unpack, strip: u32, limits: &Limits) -> Result<Self, UnpackFailure> {
        let size = archive_size(archive)?;
        let limit = limits.most(size);
        Ok(Unpacking {
            archive,
            kind,
            strip,
            most_entries: limits.entries,
            budget: Budget { left: limit, limit, archive: size },
            count: 0,
            tree: Tree::default(),
            cleared: Vec::new(),
        })
    }

    fn run(&mut self, sink: Sink<'_>) -> Result<(), UnpackFailure> {
        match self.kind {
            Unpack::Zip => self.run_zip(sink),
            _ => self.run_tar(sink),
        }
    }

    fn run_tar(&mut self, sink: Sink<'_>) -> Result<(), UnpackFailure> {
        let mut stream = Watched {
            inner: decompressed(self.archive, self.kind)?,
            read: 0,
            end_of_data: 0,
            // Headers take their place too; this bounds what comes after the last of them.
            most: self.budget.limit.saturating_mul(2).max(1 << 20),
        };
        let position = std::cell::Cell::new(0);
        let mut failure = None;
        let mut end = 0;
        let visited = deploy_formats::tar::visit(
            Counted { inner: &mut stream, position: &position },
            |member, content| {
                end = position.get() + member.size.next_multiple_of(512);
                let kind = match &member.kind {
                    Kind::File => EntryKind::File,
                    Kind::Directory => EntryKind::Directory,
                    Kind::Symlink { target } => EntryKind::Symlink(target),
                    Kind::HardLink { target } => EntryKind::HardLink(target),
                    Kind::Other { flag } => EntryKind::Special(match flag {
                        b'3' | b'4' => "a device",
                        b'6' => "a FIFO",
                        _ => "of a kind that is not known",
                    }),
                };
                let mode = member.mode.unwrap_or(0);
                let announced = Announced { name: &member.path, kind, mode, size: member.size };
                self.take(&announced, content, sink).map_err(|reason| {
                    failure = Some(reason);
                    io::Error::other("refused")
                })
            },
        );
        match (failure, visited) {
            (Some(failure), _) => Err(failure),
            (None, Err(_)) if stream.is_too_long() => Err(self.budget.exceeded()),
            (None, Err(error)) => Err(UnpackFailure::Broken { what: broken_tar(&error) }),
            (None, Ok(())) if stream.end_of_data > end => {
                Err(UnpackFailure::Stray { what: "something follows the end of the archive" })
            }
            (None, Ok(())) => Ok(()),
        }
    }

    fn run_zip(&mut self, sink: Sink<'_>) -> Result<(), UnpackFailure> {
        let broken = |error: zip::result::ZipError| UnpackFailure::Broken { what: broken_zip(error) };
        let file = files::open(self.archive)?;
        expect_beginning(self.archive, "zip archive", |start| start.starts_with(b"PK"))?;
        let mut archive = zip::ZipArchive::new(BufReader::new(file)).map_err(broken)?;
        let stray = |what| Err(UnpackFailure::Stray { what });
        if archive.has_duplicate_names() {
            return stray("two of its entries have the same name");
        }
        if archive.offset() != 0 {
            return stray("something precedes the archive");
        }
        if archive.has_overlapping_entries().map_err(broken)? {
            return stray("two of its entries share their bytes");
        }
        for index in 0..archive.len() {
            let options = zip::read::ZipReadOptions::new().enforce_header_consistency(true);
            let mut file = archive.by_index_with_options(index, options).map_err(broken)?;
            let Ok(name) = std::str::from_utf8(file.name_raw()).map(str::to_owned) else {
                let name = file.name_raw().escape_ascii().to_string();
                return Err(UnpackFailure::Broken {
                    what: format!("the name of entry {}, \"{name}\", is not UTF-8", index + 1),
                });
            };
            let is_unix = matches!(file.system(), zip::System::Unix | zip::System::OsDarwin);
            let mode = if is_unix { file.external_attributes() >> 16 } else { 0 };
            let mut target = Vec::new();
            let kind = match mode & 0o170_000 {
                0o120_000 => {
                    let read = file.by_ref().take(4096).read_to_end(&mut target);
                    read.map_err(|error| UnpackFailure::Broken { what: error.to_string() })?;
                    EntryKind::Symlink(std::str::from_utf8(&target).unwrap_or(""))
                }
                0o040_000 => EntryKind::Directory,
                0 | 0o100_000 if name.ends_with('/') => EntryKind::Directory,
                0 | 0o100_000 => EntryKind::File,
                0o010_000 => EntryKind::Special("a FIFO"),
                0o020_000 | 0o060_000 => EntryKind::Special("a device"),
                0o140_000 => EntryKind::Special("a socket"),
                _ => EntryKind::Special("of a kind that is not known"),
            };
            let size = if matches!(kind, EntryKind::File) { file.size() } else { 0 };
            let announced = Announced { name: &name, kind, mode: mode & 0o7777, size };
            self.take(&announced, &mut file, sink)?;
        }
        Ok(())
    }

    /// Takes one entry.
    fn take(
        &mut self,
        announced: &Announced<'_>,
        content: &mut dyn Read,
        sink: Sink<'_>,
    ) -> Result<(), UnpackFailure> {
        self.count += 1;
        let number = self.count;
        if number > self.most_entries {
            return Err(UnpackFailure::Entries { limit: self.most_entries });
        }
        let refuse = |refusal| UnpackFailure::Entry { number, name: shown(announced.name), refusal };
        let all = entry_name::components(announced.name).map_err(refuse)?;
        let strip = self.strip as usize;
        let is_directory = matches!(announced.kind, EntryKind::Directory);
        if all.len() <= strip {
            return if is_directory { Ok(()) } else { Err(refuse(Refusal::Stripped { strip: self.strip })) };
        }
        let components = &all[strip..];
        let path = components.join("/");
        let node = match announced.kind {
            EntryKind::Directory => Node::Directory,
            EntryKind::Special(what) => return Err(refuse(Refusal::Special { what })),
            EntryKind::File => {
                Node::File { executable: announced.mode & 0o111 != 0, size: announced.size, same_as: None }
            }
            EntryKind::Symlink(target) => {
                tree::check_target(target).map_err(refuse)?;
                Node::Symlink { target: target.to_owned() }
            }
            EntryKind::HardLink(target) => {
                self.hard_link(target).ok_or_else(|| refuse(Refusal::HardLink { target: shown(target) }))?
            }
        };
        self.tree.add(components, &shown(announced.name), number, node.clone()).map_err(refuse)?;
        if announced.mode & 0o7000 != 0
            && !matches!(node, Node::Symlink { .. })
            && let Ok(path) = path.parse()
        {
            self.cleared.push(path);
        }
        let Node::File { executable, size, same_as } = node else { return Ok(()) };
        if size > self.budget.left {
            return Err(self.budget.exceeded());
        }
        let copied = match (sink, same_as) {
            (Sink::Tree(root), Some(first)) => {
                let to = place_for(root, &path)?;
                files::copy(&root.join(first), &to)?;
                files::set_executable(&to, executable)?;
                self.budget.left -= size;
                size
            }
            (Sink::Tree(root), None) => {
                let to = place_for(root, &path)?;
                let mut file = File::create_new(&to).file("create", &to)?;
                let copied = copy(content, &mut file, &to, &mut self.budget)?;
                files::set_executable(&to, executable)?;
                copied
            }
            (Sink::Member { wanted, to }, None) if path == wanted => {
                let mut file = File::create_new(to).file("create", to)?;
                copy(content, &mut file, to, &mut self.budget)?
            }
            (Sink::Member { .. }, None) => copy(content, &mut io::sink(), self.archive, &mut self.budget)?,
            (Sink::Member { .. }, Some(_)) => {
                self.budget.left -= size;
                size
            }
        };
        if copied != size {
            return Err(refuse(Refusal::Size));
        }
        Ok(())
    }

    /// The node for a hard link to an earlier file.
    fn hard_link(&self, target: &str) -> Option<Node> {
        let components = entry_name::components(target).ok()?;
        let path = components.get(self.strip as usize..)?.join("/");
        let place = self.tree.get(&path).filter(|place| place.path == path)?;
        match &place.node {
            Node::File { executable, size, same_as } => Some(Node::File {
                executable: *executable,
                size: *size,
                same_as: Some(same_as.clone().unwrap_or(path)),
            }),
            _ => None,
        }
    }

    fn check_links(&self) -> Result<(), UnpackFailure> {
        self.tree.check_links().map_err(|refused| {
            let (place, refusal) = *refused;
            UnpackFailure::Entry { number: place.number, name: place.name, refusal }
        })
    }

    /// Makes what has no content, checks the links, and lists everything.
    fn finish_tree(&self, root: &Utf8Path) -> Result<Vec<UnpackedEntry>, UnpackFailure> {
        self.check_links()?;
        let mut entries = Vec::new();
        for place in self.tree.places() {
            let kind = match &place.node {
                Node::Directory => {
                    let path = root.join(&place.path);
                    files::create_directory(&path)?;
                    UnpackedKind::Directory
                }
                Node::File { executable, size, .. } => {
                    UnpackedKind::File { executable: *executable, size: *size }
                }
                Node::Symlink { target } => {
                    symlink(target, &place_for(root, &place.path)?)?;
                    UnpackedKind::Symlink { target: target.clone() }
                }
            };
            let path = place.path.parse().map_err(|error: deploy_model::InvalidName| {
                UnpackFailure::Broken { what: format!("entry {} is refused: {error}", place.number) }
            })?;
            entries.push(UnpackedEntry { path, kind });
        }
        for entry in entries.iter().filter(|entry| entry.kind == UnpackedKind::Directory) {
            open_to_all(&root.join(entry.path.as_str()))?;
        }
        open_to_all(root)?;
        entries.sort();
        Ok(entries)
    }
}

/// How many bytes may still come.
struct Budget {
    left: u64,
    limit: u64,
    archive: u64,
}

impl Budget {
    fn exceeded(&self) -> UnpackFailure {
        UnpackFailure::Bytes { limit: self.limit, size: self.archive }
    }
}

/// Copies content, as far as the budget allows.
fn copy(
    content: &mut (impl Read + ?Sized),
    to: &mut impl io::Write,
    path: &Utf8Path,
    budget: &mut Budget,
) -> Result<u64, UnpackFailure> {
    let mut buffer = [0; 32 * 1024];
    let mut copied = 0;
    loop {
        let count = match content.read(&mut buffer) {
            Ok(0) => return Ok(copied),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(UnpackFailure::Broken { what: broken_stream(&error) }),
        };
        let Some(left) = budget.left.checked_sub(count as u64) else { return Err(budget.exceeded()) };
        budget.left = left;
        to.write_all(&buffer[..count]).file("write", path)?;
        copied += count as u64;
    }
}

/// The path of an entry, and the directories above it.
fn place_for(root: &Utf8Path, path: &str) -> Result<Utf8PathBuf, FileError> {
    let path = root.join(path);
    if let Some(parent) = path.parent() {
        files::create_directory(parent)?;
    }
    Ok(path)
}

fn archive_size(archive: &Utf8Path) -> Result<u64, FileError> {
    Ok(files::open(archive)?.metadata().file("look at", archive)?.len())
}

/// The plain bytes of a compressed file.
fn decompressed(archive: &Utf8Path, kind: Unpack) -> Result<Box<dyn Read>, UnpackFailure> {
    let (compression, expected) = match kind {
        Unpack::TarGz | Unpack::Gz => (Compression::Gzip, "gzip file"),
        Unpack::TarXz | Unpack::Xz => (Compression::Xz, "xz file"),
        Unpack::TarZst | Unpack::Zst => (Compression::Zstd, "zstd file"),
        Unpack::None | Unpack::Zip => (Compression::None, "file"),
    };
    if compression != Compression::None {
        expect_beginning(archive, expected, |start| Compression::of(start) == compression)?;
    }
    let reader = BufReader::with_capacity(128 * 1024, files::open(archive)?);
    Ok(compression::open(compression, reader).file("read", archive)?)
}

/// Checks that a file begins like what it should be.
fn expect_beginning(
    archive: &Utf8Path,
    expected: &'static str,
    is: impl Fn(&[u8]) -> bool,
) -> Result<(), UnpackFailure> {
    let mut start = Vec::new();
    files::open(archive)?.take(60).read_to_end(&mut start).file("read", archive)?;
    if is(&start) {
        return Ok(());
    }
    let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    Err(UnpackFailure::Kind { expected, beginning: start.iter().map(shown).collect() })
}

/// A name for messages.
fn shown(name: &str) -> String {
    name.chars().take(200).flat_map(char::escape_debug).collect()
}

fn broken_tar(error: &TarError) -> String {
    match error {
        TarError::Truncated => "it is cut off".to_owned(),
        TarError::Read { source } | TarError::Content { source, .. } => broken_stream(source),
        TarError::Header { offset } => {
            format!("it is damaged: at byte {offset} should be a header, and is none")
        }
        TarError::Unsupported { offset, what } => {
            format!("the entry at byte {offset} is {what}, which is not supported")
        }
        other => other.to_string(),
    }
}

fn broken_zip(error: zip::result::ZipError) -> String {
    match error {
        zip::result::ZipError::Io(error) => broken_stream(&error),
        other => format!("it cannot be read: {other}"),
    }
}

fn broken_stream(error: &io::Error) -> String {
    match error.kind() {
        io::ErrorKind::UnexpectedEof => "it is cut off".to_owned(),
        _ => format!("it is damaged: {error}"),
    }
}

/// A stream that knows how far it was read, where its last byte that is not zero was, and when it gets too long.
struct Watched<R> {
    inner: R,
    read: u64,
    end_of_data: u64,
    most: u64,
}

impl<R> Watched<R> {
    fn is_too_long(&self) -> bool {
        self.read > self.most
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(last) = buffer[..count].iter().rposition(|byte| *byte != 0) {
            self.end_of_data = self.read + last as u64 + 1;
        }
        self.read += count as u64;
        if self.is_too_long() {
            return Err(io::Error::other("too long"));
        }
        Ok(count)
    }
}

/// A stream that tells its position to somebody who has not got it.
struct Counted<'a, R> {
    inner: R,
    position: &'a std::cell::Cell<u64>,
}

impl<R: Read> Read for Counted<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.position.set(self.position.get() + count as u64);
        Ok(count)
    }
}

#[cfg(unix)]
fn symlink(target: &str, link: &Utf8Path) -> Result<(), FileError> {
    std::os::unix::fs::symlink(target, link).file("make the link", link)
}

#[cfg(not(unix))]
fn symlink(_target: &str, link: &Utf8Path) -> Result<(), FileError> {
    Err(io::Error::from(io::ErrorKind::Unsupported)).file("make the link", link)
}

/// Gives a directory the permissions 0755, whatever the umask.
fn open_to_all(path: &Utf8Path) -> Result<(), FileError> {
    files::set_executable(path, true)
}
