//! The reader of packages: what the header says, and whether the payload is what it says.

use std::cell::RefCell;
use std::collections::HashMap;
use std::io::{self, BufRead, Read};
use std::rc::Rc;

use ::rpm::{FileFlags, FileMode, FileType, Header, IndexData, IndexSignatureTag, IndexTag, PackageMetadata};
use sha2::{Digest, Sha256};

use super::cpio::{self, Problem};
use super::header::{self, Tables};
use super::{
    Change, Dependency, FileKind, Marks, Moment, Package, Part, RELATION_TAGS, RpmError, Script,
    SignatureInfo, hexadecimal, signature,
};
use crate::compression::{Compression, open};

/// A file of a package, as its header has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// Absolute.
    pub path: String,
    /// What it is. A device, queue or socket is read as `None`.
    pub kind: Option<FileKind>,
    /// Permission bits.
    pub mode: u16,
    /// What rpm makes of it.
    pub marks: Marks,
    /// The name of its owner.
    pub user: String,
    /// The name of its group.
    pub group: String,
    /// Seconds since 1970-01-01 UTC.
    pub modified: u32,
    /// Of the content of a regular file that is no ghost. `None` also where the header has another digest than SHA-256.
    pub sha256: Option<[u8; 32]>,
}

/// A package that is being read. Its header is read and checked when it is opened; [`visit`](Reader::visit) reads the rest.
pub struct Reader<R> {
    input: R,
    tables: Tables,
    package: Package,
    entries: Vec<Entry>,
    /// The number of the inode of each file, by which hard links are known.
    inodes: Vec<u32>,
    compression: String,
    signatures: Vec<SignatureInfo>,
}

impl<R> std::fmt::Debug for Reader<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Reader").field("package", &self.package).finish_non_exhaustive()
    }
}

impl<R: BufRead> Reader<R> {
    /// Reads everything but the payload.
    ///
    /// # Errors
    /// When the headers are damaged, or do not fit the digests that the signature header has of the header.
    pub fn new(mut input: R) -> Result<Self, RpmError> {
        let tables = header::read(&mut input)?;
        let metadata = &tables.metadata;
        metadata.check_digests().map_err(|cause| wrong(Part::SignatureHeader, &cause))?;
        check_header_digests(&tables)?;
        let package = package(metadata)?;
        let (entries, inodes) = entries(metadata)?;
        let compression = optional_text(&metadata.header, IndexTag::RPMTAG_PAYLOADCOMPRESSOR)?;
        let signatures = signature::found(&metadata.signature)?;
        Ok(Reader {
            package,
            entries,
            inodes,
            compression: compression.unwrap_or_else(|| "none".to_owned()),
            signatures,
            tables,
            input,
        })
    }

    /// What the package says of itself. Its dependencies are all there are, those that the writer added among them.
    pub fn package(&self) -> &Package {
        &self.package
    }

    /// Its files, ghosts included, in the order of the header.
    pub fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// The name of the payload's compression: `gzip`, `xz`, `zstd`, or what another tool has used.
    pub fn compression(&self) -> &str {
        &self.compression
    }

    /// The signatures of the header. They are only named here, not checked.
    pub fn signatures(&self) -> &[SignatureInfo] {
        &self.signatures
    }

    /// The bytes that a signature signs: the header.
    pub fn signed_bytes(&self) -> &[u8] {
        &self.tables.header
    }

    /// What all files take when they are installed, in bytes, by the header.
    pub fn installed_size(&self) -> u64 {
        let header = &self.tables.metadata.header;
        let short = || header.get_entry_data_as_u32(IndexTag::RPMTAG_SIZE).map(u64::from);
        header.get_entry_data_as_u64(IndexTag::RPMTAG_LONGSIZE).or_else(|_| short()).unwrap_or(0)
    }

    /// Where the header starts and ends in the file, in bytes.
    pub fn header_range(&self) -> (u64, u64) {
        let start = (header::LEAD + self.tables.signature_length).next_multiple_of(8) as u64;
        (start, start + self.tables.header.len() as u64)
    }

    /// Of the payload without its compression, in bytes, by the header; 0 where it does not say.
    pub fn archive_size(&self) -> u64 {
        let table = &self.tables.metadata.signature;
        let short = || table.get_entry_data_as_u32(IndexSignatureTag::RPMSIGTAG_PAYLOADSIZE).map(u64::from);
        table
            .get_entry_data_as_u64(IndexSignatureTag::RPMSIGTAG_LONGARCHIVESIZE)
            .or_else(|_| short())
            .unwrap_or(0)
    }

    /// The name of the file of the source package, which there need not be.
    pub fn source_package(&self) -> Option<String> {
        optional_text(&self.tables.metadata.header, IndexTag::RPMTAG_SOURCERPM).ok().flatten()
    }

    /// Unpacks the payload. `act` gets each file that is in it with its content, of which it may read as much as it likes.
    ///
    /// # Errors
    /// When the payload, the archive in it or a content does not fit the digests and sizes of the header; when a file is there that
    /// the header does not have, or one is not there that it has; and what `act` returns, as [`RpmError::Content`].
    pub fn visit(self, mut act: impl FnMut(&Entry, &mut dyn Read) -> io::Result<()>) -> Result<(), RpmError> {
        let header = &self.tables.metadata.header;
        let packed = Rc::new(RefCell::new(Sha256::new()));
        let mut input = Hashing { inner: self.input, digest: Rc::clone(&packed) };
        let start = input.fill_buf().map_err(|source| RpmError::Read { source })?;
        let compression = Compression::of(start.get(..6).unwrap_or(start));
        let named = super::compressor(compression).unwrap_or("none");
        // Without a name the payload can be anything rpm's reader of gzip accepts: gzip, or nothing.
        if self.compression != named && !(self.compression == "gzip" && named == "none") {
            let problem = format!("should be compressed by {} and is by {named}", self.compression);
            return Err(RpmError::Malformed { part: Part::Payload, problem });
        }
        let plain = {
            let plain = open(compression, &mut input).map_err(|source| RpmError::Read { source })?;
            let mut archive =
                Archive { plain: Counting::new(plain), entries: &self.entries, inodes: &self.inodes };
            archive.walk(&mut act)?;
            // To the end, so that the checksums behind the archive are looked at.
            let mut rest = [0; 1 << 14];
            while archive.plain.read(&mut rest).map_err(unpacked)? > 0 {}
            archive.plain.digest.finalize()
        };
        io::copy(&mut input, &mut io::sink()).map_err(|source| RpmError::Read { source })?;
        let packed = packed.borrow().clone().finalize();
        let digests = [
            (IndexTag::RPMTAG_PAYLOADSHA256, "the payload", packed),
            (IndexTag::RPMTAG_PAYLOADSHA256ALT, "the archive", plain),
        ];
        for (tag, what, found) in digests {
            let Some(expected) = optional_text(header, tag)? else { continue };
            compare(what, &expected, &found)?;
        }
        Ok(())
    }
}

fn compare(what: &str, expected: &str, found: &[u8]) -> Result<(), RpmError> {
    let found = hexadecimal(found);
    if expected.eq_ignore_ascii_case(&found) {
        return Ok(());
    }
    Err(RpmError::Digest { what: what.to_owned(), expected: expected.to_owned(), found })
}

fn wrong(part: Part, cause: &::rpm::Error) -> RpmError {
    RpmError::Malformed { part, problem: format!("cannot be read: {cause}") }
}

/// The header against what the signature header has of it.
fn check_header_digests(tables: &Tables) -> Result<(), RpmError> {
    let signature = &tables.metadata.signature;
    let tag = ::rpm::IndexSignatureTag::RPMSIGTAG_SHA256;
    match signature.get_entry_data_as_string(tag) {
        Ok(expected) => compare("the header", expected, &Sha256::digest(&tables.header)),
        Err(::rpm::Error::TagNotFound(_)) => Ok(()),
        Err(cause) => Err(wrong(Part::SignatureHeader, &cause)),
    }
}

/// A text of the header, which can also be the first of a list or of translations.
fn optional_text(header: &Header<IndexTag>, tag: IndexTag) -> Result<Option<String>, RpmError> {
    match header.entry(tag as u32) {
        Ok(IndexData::StringTag(text)) => Ok(Some(text)),
        Ok(IndexData::StringArray(texts) | IndexData::I18NString(texts)) => Ok(texts.into_iter().next()),
        Ok(_) => Err(RpmError::Malformed { part: Part::Header, problem: format!("has no text as {tag}") }),
        Err(::rpm::Error::TagNotFound(_)) => Ok(None),
        Err(cause) => Err(wrong(Part::Header, &cause)),
    }
}

fn texts(header: &Header<IndexTag>, tag: IndexTag) -> Result<Vec<String>, RpmError> {
    match header.entry(tag as u32) {
        Ok(IndexData::StringTag(text)) => Ok(vec![text]),
        Ok(IndexData::StringArray(texts) | IndexData::I18NString(texts)) => Ok(texts),
        Ok(_) => Err(RpmError::Malformed { part: Part::Header, problem: format!("has no texts as {tag}") }),
        Err(::rpm::Error::TagNotFound(_)) => Ok(Vec::new()),
        Err(cause) => Err(wrong(Part::Header, &cause)),
    }
}

fn numbers(header: &Header<IndexTag>, tag: IndexTag) -> Result<Vec<u32>, RpmError> {
    match header.get_entry_data_as_u32_array(tag) {
        Ok(numbers) => Ok(numbers),
        Err(::rpm::Error::TagNotFound(_)) => Ok(Vec::new()),
        Err(cause) => Err(wrong(Part::Header, &cause)),
    }
}

fn unequal(of: &str) -> RpmError {
    RpmError::Malformed { part: Part::Header, problem: format!("has lists of unequal lengths for {of}") }
}

fn package(metadata: &PackageMetadata) -> Result<Package, RpmError> {
    let header = &metadata.header;
    let optional = |tag| optional_text(header, tag);
    let text = |tag: IndexTag| {
        optional(tag)?
            .ok_or_else(|| RpmError::Malformed { part: Part::Header, problem: format!("has no {tag}") })
    };
    let mut package = Package {
        name: text(IndexTag::RPMTAG_NAME)?,
        epoch: numbers(header, IndexTag::RPMTAG_EPOCH)?.first().copied(),
        version: text(IndexTag::RPMTAG_VERSION)?,
        release: text(IndexTag::RPMTAG_RELEASE)?,
        architecture: optional(IndexTag::RPMTAG_ARCH)?.unwrap_or_default(),
        summary: optional(IndexTag::RPMTAG_SUMMARY)?.unwrap_or_default(),
        description: optional(IndexTag::RPMTAG_DESCRIPTION)?.unwrap_or_default(),
        license: optional(IndexTag::RPMTAG_LICENSE)?.unwrap_or_default(),
        group: optional(IndexTag::RPMTAG_GROUP)?,
        url: optional(IndexTag::RPMTAG_URL)?,
        vendor: optional(IndexTag::RPMTAG_VENDOR)?,
        packager: optional(IndexTag::RPMTAG_PACKAGER)?,
        build_host: optional(IndexTag::RPMTAG_BUILDHOST)?,
        source_date: numbers(header, IndexTag::RPMTAG_BUILDTIME)?.first().copied().unwrap_or(0),
        ..Package::default()
    };
    for (list, [names, flags, versions]) in package.relations_mut().into_iter().zip(RELATION_TAGS) {
        let of = names.to_string();
        let (names, versions) = (texts(header, names)?, texts(header, versions)?);
        let flags = numbers(header, flags)?;
        if names.len() != flags.len() || names.len() != versions.len() {
            return Err(unequal(&of));
        }
        let all = names.into_iter().zip(flags).zip(versions);
        list.extend(all.map(|((name, flags), version)| Dependency::of_header(name, flags, version)));
    }
    for moment in Moment::ALL {
        let [body, program] = moment.tags();
        let interpreter = texts(header, program)?;
        let body = optional(body)?;
        // A program alone, without anything to read, is run too: `%post -p /sbin/ldconfig`.
        if body.is_none() && interpreter.is_empty() {
            continue;
        }
        let interpreter = if interpreter.is_empty() { vec!["/bin/sh".to_owned()] } else { interpreter };
        package.scripts.push(Script { moment, interpreter, body: body.unwrap_or_default() });
    }
    let times = numbers(header, IndexTag::RPMTAG_CHANGELOGTIME)?;
    let authors = texts(header, IndexTag::RPMTAG_CHANGELOGNAME)?;
    let changes = texts(header, IndexTag::RPMTAG_CHANGELOGTEXT)?;
    if times.len() != authors.len() || times.len() != changes.len() {
        return Err(unequal("the changelog"));
    }
    let all = times.into_iter().zip(authors).zip(changes);
    package.changelog.extend(all.map(|((time, author), text)| Change { time, author, text }));
    Ok(package)
}

fn entries(metadata: &PackageMetadata) -> Result<(Vec<Entry>, Vec<u32>), RpmError> {
    let files = metadata.get_file_entries().map_err(|cause| wrong(Part::Header, &cause))?;
    let mut inodes = numbers(&metadata.header, IndexTag::RPMTAG_FILEINODES)?;
    inodes.resize(files.len(), 0);
    let mut entries = Vec::with_capacity(files.len());
    for file in files {
        let flags = file.flags();
        let mode: FileMode = file.mode();
        let kind = match mode.file_type() {
            FileType::Regular => Some(FileKind::Regular { size: file.size() as u64 }),
            FileType::Dir => Some(FileKind::Directory),
            FileType::SymbolicLink => {
                Some(FileKind::Symlink { target: file.linkto().unwrap_or_default().to_owned() })
            }
            _ => None,
        };
        let digest = file.digest().filter(|digest| digest.algorithm() == ::rpm::DigestAlgorithm::Sha2_256);
        entries.push(Entry {
            path: format!("{}{}", file.dirname(), file.basename()),
            kind,
            mode: mode.permissions(),
            marks: Marks {
                config: flags.contains(FileFlags::CONFIG),
                no_replace: flags.contains(FileFlags::NOREPLACE),
                documentation: flags.contains(FileFlags::DOC),
                license: flags.contains(FileFlags::LICENSE),
                ghost: flags.contains(FileFlags::GHOST),
            },
            user: file.user().to_owned(),
            group: file.group().to_owned(),
            modified: file.modified_at().into(),
            sha256: digest.map(|digest| bytes(digest.as_hex())).transpose()?,
        });
    }
    Ok((entries, inodes))
}

/// A digest out of its digits.
fn bytes(digits: &str) -> Result<[u8; 32], RpmError> {
    let mut digest = [0; 32];
    let pairs = digits.as_bytes().chunks_exact(2);
    for (byte, pair) in digest.iter_mut().zip(pairs) {
        let value = str::from_utf8(pair).ok().filter(|pair| !pair.starts_with('+'));
        *byte =
            value.and_then(|pair| u8::from_str_radix(pair, 16).ok()).ok_or_else(|| RpmError::Malformed {
                part: Part::Header,
                problem: "has a digest that is no hexadecimal number".to_owned(),
            })?;
    }
    Ok(digest)
}

fn payload(problem: impl Into<String>) -> RpmError {
    RpmError::Malformed { part: Part::Payload, problem: problem.into() }
}

/// A failure of reading what is unpacked: mostly that it is damaged.
fn unpacked(source: io::Error) -> RpmError {
    RpmError::Read { source }
}

impl From<Problem> for RpmError {
    fn from(problem: Problem) -> Self {
        match problem {
            Problem::Read(source) => unpacked(source),
            Problem::Form(problem) => payload(format!("is no archive: {problem}")),
        }
    }
}

struct Archive<'a, R> {
    plain: Counting<R>,
    entries: &'a [Entry],
    inodes: &'a [u32],
}

impl<R: Read> Archive<'_, R> {
    fn walk(&mut self, act: &mut dyn FnMut(&Entry, &mut dyn Read) -> io::Result<()>) -> Result<(), RpmError> {
        let places: HashMap<&str, usize> =
            self.entries.iter().enumerate().map(|(place, entry)| (entry.path.as_str(), place)).collect();
        let mut seen = vec![false; self.entries.len()];
        // Names of a file whose content comes with its last name.
        let mut waiting: HashMap<u32, Vec<usize>> = HashMap::new();
        loop {
            let (place, inode, archived) = match cpio::read_header(&mut self.plain)? {
                cpio::Header::Trailer => break,
                cpio::Header::Stripped { index } => {
                    let place = usize::try_from(index).ok().filter(|place| *place < self.entries.len());
                    let place = place.ok_or_else(|| payload(format!("has a file of the number {index}")))?;
                    (place, self.inodes[place], None)
                }
                cpio::Header::Plain { name, inode, mode, links, size } => {
                    let path = path(&name)?;
                    let place = *places
                        .get(path.as_str())
                        .ok_or_else(|| payload(format!("has `{path}`, which the header has not")))?;
                    (place, inode, Some((mode, links, size)))
                }
            };
            let entry = &self.entries[place];
            if std::mem::replace(&mut seen[place], true) {
                return Err(payload(format!("has `{}` twice", entry.path)));
            }
            let expected = match &entry.kind {
                Some(FileKind::Regular { size }) => *size,
                Some(FileKind::Symlink { target }) => target.len() as u64,
                Some(FileKind::Directory) | None => 0,
            };
            if let Some((mode, links, size)) = archived {
                if mode & 0o7777 != u32::from(entry.mode) {
                    return Err(payload(format!("has `{}` with the mode {:o}", entry.path, mode & 0o7777)));
                }
                if size == 0 && expected > 0 && links > 1 {
                    waiting.entry(inode).or_default().push(place);
                    continue;
                }
                if u64::from(size) != expected {
                    let problem = format!("has `{}` with {size} bytes instead of {expected}", entry.path);
                    return Err(payload(problem));
                }
            }
            let found = self.content(entry, expected, act)?;
            for place in waiting.remove(&inode).unwrap_or_default().into_iter().chain([place]) {
                let entry = &self.entries[place];
                if let Some(digest) = &entry.sha256 {
                    compare(&format!("`{}`", entry.path), &hexadecimal(digest), &found)?;
                }
            }
            cpio::skip_padding(&mut self.plain, expected)?;
        }
        let missing = self.entries.iter().zip(&seen).find(|(entry, seen)| !*seen && !entry.marks.ghost);
        if let Some((entry, _)) = missing {
            return Err(payload(format!("has no `{}`, which the header has", entry.path)));
        }
        if let Some(place) = waiting.values().flatten().min() {
            return Err(payload(format!("has no content for `{}`", self.entries[*place].path)));
        }
        Ok(())
    }

    /// Lets `act` read, reads the rest, and gives the digest.
    fn content(
        &mut self,
        entry: &Entry,
        size: u64,
        act: &mut dyn FnMut(&Entry, &mut dyn Read) -> io::Result<()>,
    ) -> Result<[u8; 32], RpmError> {
        let mut content = Counting::new((&mut self.plain).take(size));
        if let Some(FileKind::Symlink { target }) = &entry.kind {
            // As long as the header says, which has it in memory already.
            let mut found = Vec::new();
            content.read_to_end(&mut found).map_err(unpacked)?;
            if found != target.as_bytes() {
                let found = crate::member::name_text(&found);
                return Err(payload(format!("has `{}` as a link to `{found}`", entry.path)));
            }
            act(entry, &mut &found[..])
                .map_err(|source| RpmError::Content { path: entry.path.clone(), source })?;
            return Ok(content.digest.finalize().into());
        }
        let acted = act(entry, &mut content);
        let mut rest = [0; 1 << 14];
        let drained = loop {
            match content.read(&mut rest) {
                Ok(0) => break Ok(()),
                Ok(_) => {}
                Err(cause) if cause.kind() == io::ErrorKind::Interrupted => {}
                Err(cause) => break Err(cause),
            }
        };
        // Damage first: `act` fails because of it.
        drained.map_err(unpacked)?;
        acted.map_err(|source| RpmError::Content { path: entry.path.clone(), source })?;
        if content.length != size {
            return Err(payload("ends too early"));
        }
        Ok(content.digest.finalize().into())
    }
}

/// The absolute path of a name in the archive.
fn path(name: &[u8]) -> Result<String, RpmError> {
    let text = str::from_utf8(name)
        .map_err(|_| payload(format!("has the name `{}`, which is not UTF-8", name.escape_ascii())))?;
    let plain = text.strip_prefix("./").or_else(|| text.strip_prefix('/')).unwrap_or(text);
    Ok(format!("/{plain}"))
}

/// Takes the digest of what is read.
struct Counting<R> {
    inner: R,
    digest: Sha256,
    length: u64,
}

impl<R> Counting<R> {
    fn new(inner: R) -> Self {
        Counting { inner, digest: Sha256::new(), length: 0 }
    }
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.digest.update(&buffer[..length]);
        self.length += length as u64;
        Ok(length)
    }
}

/// Takes the digest of what is consumed.
struct Hashing<R> {
    inner: R,
    digest: Rc<RefCell<Sha256>>,
}

impl<R: BufRead> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let length = self.inner.read(buffer)?;
        self.digest.borrow_mut().update(&buffer[..length]);
        Ok(length)
    }
}

impl<R: BufRead> BufRead for Hashing<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        self.inner.fill_buf()
    }

    fn consume(&mut self, amount: usize) {
        if let Ok(filled) = self.inner.fill_buf() {
            let consumed = &filled[..amount.min(filled.len())];
            self.digest.borrow_mut().update(consumed);
        }
        self.inner.consume(amount);
    }
}
