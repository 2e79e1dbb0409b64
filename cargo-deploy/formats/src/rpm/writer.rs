//! The writer of packages: one pass over the files' content, and the header put in place at the end.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::num::NonZeroUsize;

use ::rpm::{
    DependencyFlags, DigestAlgorithm, FileFlags, FileMode, FileVerifyFlags, HeaderEntry, IndexData,
    IndexSignatureTag, IndexTag, RpmFormat, SignatureHeaderBuilder,
};
use sha2::{Digest, Sha256};

use super::cpio;
use super::header::{Made, entry};
use super::label::{check_name, check_version, isa};
use super::{Dependency, File, FileKind, Package, RELATION_TAGS, RpmError, compressor, hexadecimal};
use crate::compression::{Compression, Encoder};
use crate::member::{check_path, read_full};
use crate::{Level, xz};

/// How a package is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// Of the payload. Zstandard needs rpm 4.14 with support for it (Fedora 30, RHEL 8 and later), xz needs rpm 4.6.
    pub compression: Compression,
    /// How hard it works.
    pub level: Level,
    /// How many threads compress. The bytes do not depend on it.
    pub threads: NonZeroUsize,
}

/// From this size of the archive the fields of 32 bits are too small. Some 250 MB are left for the header and for what a
/// compressor adds to noise.
const LARGE: u64 = 0xf000_0000;

/// Writes a package. `content` opens the content of a regular file that is no ghost; it is called once for each, in the order
/// of the paths. The writer must be able to go back, because the header holds digests of what follows it. It is given back
/// unflushed, standing at the end.
///
/// # Errors
/// When a name, a path or a dependency is none, when a content does not have the size that was said, and when reading or
/// writing fails.
pub fn write<'a, W: Write + Seek>(
    package: &Package,
    files: &[File],
    options: Options,
    content: &mut dyn FnMut(&File) -> io::Result<Box<dyn Read + 'a>>,
    output: W,
) -> Result<W, RpmError> {
    write_above(LARGE, package, files, options, content, output)
}

/// The same with another limit of what is large, so that a test needs no file of 4 GiB.
pub(super) fn write_above<'a, W: Write + Seek>(
    limit: u64,
    package: &Package,
    files: &[File],
    options: Options,
    content: &mut dyn FnMut(&File) -> io::Result<Box<dyn Read + 'a>>,
    mut output: W,
) -> Result<W, RpmError> {
    check(package)?;
    let files = sorted(files)?;
    let size = files.iter().map(|file| installed_size(file)).try_fold(0u64, u64::checked_add);
    let size = size.ok_or_else(|| build("its files are larger than 16 EiB"))?;
    let large = archive_size(files.iter().copied(), size) >= limit;
    let mut plan = Plan { package, files: &files, options, size, large, results: Results::new(&files) };
    let start = output.stream_position().map_err(written)?;
    let placeholder = plan.tables()?;
    output.write_all(&placeholder).map_err(written)?;
    let (results, mut output) = plan.payload(content, output)?;
    plan.results = results;
    let tables = plan.tables()?;
    debug_assert_eq!(tables.len(), placeholder.len(), "every value has a fixed length");
    if tables.len() != placeholder.len() {
        return Err(build("its length depends on the content"));
    }
    output.seek(SeekFrom::Start(start)).map_err(written)?;
    output.write_all(&tables).map_err(written)?;
    output.seek(SeekFrom::End(0)).map_err(written)?;
    Ok(output)
}

fn written(source: io::Error) -> RpmError {
    RpmError::Write { source }
}

fn build(problem: &str) -> RpmError {
    RpmError::Build { problem: problem.to_owned() }
}

/// Checks the words of a package.
fn check(package: &Package) -> Result<(), RpmError> {
    check_name(&package.name)?;
    check_version("version", &package.version)?;
    check_version("release", &package.release)?;
    let wrong = |field: &'static str, value: &str, problem: &str| {
        Err(RpmError::Label { field, value: value.to_owned(), problem: problem.to_owned() })
    };
    let word = |text: &str| {
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if !word(&package.architecture) {
        return wrong("architecture", &package.architecture, "is no word of letters, digits and `_`");
    }
    let lines = [
        ("summary", Some(&package.summary)),
        ("license", Some(&package.license)),
        ("group", package.group.as_ref()),
        ("url", package.url.as_ref()),
        ("vendor", package.vendor.as_ref()),
        ("packager", package.packager.as_ref()),
        ("build host", package.build_host.as_ref()),
    ];
    for (field, text) in lines {
        let Some(text) = text else { continue };
        if text.is_empty() {
            return wrong(field, text, "is empty");
        }
        if text.chars().any(char::is_control) {
            return wrong(field, text, "is not one line of text");
        }
    }
    let unprintable = |text: &str| text.chars().any(|found| found.is_control() && !"\n\t".contains(found));
    if unprintable(&package.description) {
        return wrong("description", &package.description, "contains control characters");
    }
    for (index, script) in package.scripts.iter().enumerate() {
        let moment = script.moment.name();
        if package.scripts[..index].iter().any(|earlier| earlier.moment == script.moment) {
            return wrong("script", moment, "is given twice");
        }
        let program = script.interpreter.first().map_or("", String::as_str);
        if !(program.starts_with('/') || program == "<lua>") {
            return wrong("script", moment, "has an interpreter that is no absolute path");
        }
        if script.body.contains('\0') || script.interpreter.iter().any(|word| word.contains('\0')) {
            return wrong("script", moment, "contains a zero byte");
        }
    }
    for change in &package.changelog {
        if change.author.is_empty() || change.author.chars().any(char::is_control) {
            return wrong("changelog", &change.author, "has an author that is not one line of text");
        }
        if unprintable(&change.text) {
            return wrong("changelog", &change.author, "contains control characters");
        }
    }
    Ok(())
}

/// The files by their paths, checked.
fn sorted(files: &[File]) -> Result<Vec<&File>, RpmError> {
    let mut sorted: Vec<&File> = files.iter().collect();
    sorted.sort_by(|one, other| one.path.cmp(&other.path));
    let mut seen = BTreeSet::new();
    for file in &sorted {
        let wrong = |problem| Err(RpmError::File { path: file.path.clone(), problem });
        let Some(relative) = file.path.strip_prefix('/') else {
            return wrong("it is not absolute");
        };
        check_path(relative).map_err(|problem| RpmError::Path { path: file.path.clone(), problem })?;
        if file.path.chars().any(char::is_control) {
            return wrong("it contains a control character");
        }
        if !seen.insert(&file.path) {
            return wrong("the package has a file of this path already");
        }
        if let FileKind::Symlink { target } = &file.kind
            && (target.is_empty() || target.chars().any(char::is_control))
        {
            return wrong("its link target is empty or contains a control character");
        }
        if file.marks.no_replace && !file.marks.config {
            return wrong("only configuration files can be left as they are when the package is updated");
        }
        if file.marks.config && file.kind == FileKind::Directory {
            return wrong("a directory is no configuration file");
        }
        let mut parent = file.path.as_str();
        while let Some((above, _)) = parent.rsplit_once('/') {
            parent = above;
            let file_above = sorted.binary_search_by(|other| other.path.as_str().cmp(parent));
            if file_above.is_ok_and(|place| sorted[place].kind != FileKind::Directory) {
                return wrong("it is below another file of the package that is no directory");
            }
        }
    }
    Ok(sorted)
}

/// What rpm counts: contents and the targets of links, and nothing for what is not in the package.
fn installed_size(file: &File) -> u64 {
    match &file.kind {
        _ if file.marks.ghost => 0,
        FileKind::Regular { size } => *size,
        FileKind::Directory => 0,
        FileKind::Symlink { target } => target.len() as u64,
    }
}

fn mode(file: &File) -> u16 {
    match file.kind {
        FileKind::Regular { .. } => FileMode::regular(file.mode),
        FileKind::Directory => FileMode::dir(file.mode),
        FileKind::Symlink { .. } => FileMode::symbolic_link(0o777),
    }
    .raw_mode()
}

fn flags(file: &File) -> FileFlags {
    let marks = file.marks;
    let mut flags = FileFlags::empty();
    flags.set(FileFlags::CONFIG, marks.config);
    flags.set(FileFlags::NOREPLACE, marks.no_replace);
    flags.set(FileFlags::DOC, marks.documentation);
    flags.set(FileFlags::LICENSE, marks.license);
    flags.set(FileFlags::GHOST, marks.ghost);
    flags
}

/// A package as it is read back: its dependencies with what a writer adds, sorted, and a description.
pub fn complete(package: &Package, files: &[File], compression: Compression) -> Package {
    let size = files.iter().map(installed_size).fold(0, u64::saturating_add);
    let large = archive_size(files.iter(), size) >= LARGE;
    completed(package, files.iter().any(|file| file.marks.config), compression, large)
}

fn completed(package: &Package, config: bool, compression: Compression, large: bool) -> Package {
    let mut complete = package.clone();
    if complete.description.is_empty() {
        complete.description.clone_from(&package.summary);
    }
    complete.group.get_or_insert_with(|| "Unspecified".to_owned());
    complete.scripts.sort_by_key(|script| script.moment);
    let evr = package.evr();
    complete.provides.push(Dependency::equal(&package.name, &evr));
    if let Some(isa) = isa(&package.architecture) {
        complete.provides.push(Dependency::equal(format!("{}({isa})", package.name), &evr));
    }
    if config {
        let config =
            Dependency::equal(format!("config({})", package.name), &evr).with(DependencyFlags::CONFIG);
        complete.provides.push(config.clone());
        complete.requires.push(config);
    }
    complete.requires.extend(rpm_features(package, compression, large));
    for script in &package.scripts {
        let program = script.interpreter.first().map_or("", String::as_str);
        if program != "<lua>" {
            complete.requires.push(Dependency::any(program).with(script.moment.purpose()));
        }
    }
    for list in complete.relations_mut() {
        // Searched by bisection, so sorted as rpm sorts.
        list.sort_by(|one, other| {
            let key = |dependency: &Dependency| {
                (dependency.name().to_owned(), dependency.version().to_owned(), dependency.flags())
            };
            key(one).cmp(&key(other))
        });
        list.dedup();
    }
    complete
}

/// What rpm must be able to do, by the names that `rpm --showrc` lists.
fn rpm_features(package: &Package, compression: Compression, large: bool) -> Vec<Dependency> {
    let mut features = vec![
        ("CompressedFileNames", "3.0.4-1"),
        ("FileDigests", "4.6.0-1"),
        ("PayloadFilesHavePrefix", "4.0-1"),
    ];
    match compression {
        Compression::Xz => features.push(("PayloadIsXz", "5.2-1")),
        Compression::Zstd => features.push(("PayloadIsZstd", "5.4.18-1")),
        Compression::None | Compression::Gzip => {}
    }
    if large {
        features.push(("LargeFiles", "4.12.0-1"));
    }
    let relations = package.relations();
    let dependencies = || relations.iter().flat_map(|(_, list)| list.iter());
    let evr = package.evr();
    let has = |found: char| {
        evr.contains(found) || dependencies().any(|dependency| dependency.version().contains(found))
    };
    if has('~') {
        features.push(("TildeInVersions", "4.10.0-1"));
    }
    if has('^') {
        features.push(("CaretInVersions", "4.15.0-1"));
    }
    if dependencies().any(Dependency::is_rich) {
        features.push(("RichDependencies", "4.12.0-1"));
    }
    let scripts = &package.scripts;
    if scripts.iter().any(|script| script.interpreter.len() > 1) {
        features.push(("ScriptletInterpreterArgs", "4.0.3-1"));
    }
    if scripts.iter().any(|script| script.interpreter.first().is_some_and(|program| program == "<lua>")) {
        features.push(("BuiltinLuaScripts", "4.2.2-1"));
    }
    features.into_iter().map(|(feature, version)| Dependency::rpmlib(feature, version)).collect()
}

/// More than the archive of some files has: headers and names with their padding, and the contents.
fn archive_size<'f>(files: impl Iterator<Item = &'f File>, size: u64) -> u64 {
    files.map(|file| 128 + file.path.len() as u64).fold(size, u64::saturating_add)
}

/// What is known only when the payload is written.
struct Results {
    /// Of each file; the digest of nothing where there is none.
    files: Vec<Option<[u8; 32]>>,
    /// Of the payload as it is in the package.
    packed: [u8; 32],
    packed_size: u64,
    /// Of the archive in it.
    plain: [u8; 32],
    plain_size: u64,
}

impl Results {
    /// Of the right lengths, for the header that keeps the place.
    fn new(files: &[&File]) -> Self {
        let digest = |file: &&File| has_content(file).then_some([0; 32]);
        Results {
            files: files.iter().map(digest).collect(),
            packed: [0; 32],
            packed_size: 0,
            plain: [0; 32],
            plain_size: 0,
        }
    }
}

fn has_content(file: &File) -> bool {
    !file.marks.ghost && matches!(file.kind, FileKind::Regular { .. })
}

struct Plan<'p> {
    package: &'p Package,
    files: &'p [&'p File],
    options: Options,
    size: u64,
    large: bool,
    results: Results,
}

impl Plan<'_> {
    /// Writes the payload.
    fn payload<'a, W: Write>(
        &self,
        content: &mut dyn FnMut(&File) -> io::Result<Box<dyn Read + 'a>>,
        output: W,
    ) -> Result<(Results, W), RpmError> {
        let Options { compression, level, threads } = self.options;
        let packed = Digesting::new(output);
        let filter = match self.package.architecture.as_str() {
            "x86_64" | "i686" => xz::Filter::X86,
            _ => xz::Filter::None,
        };
        let encoder = Encoder::with_filter(compression, packed, level, threads, filter).map_err(written)?;
        let mut archive = Digesting::new(encoder);
        let mut results = Results::new(self.files);
        let mut buffer = vec![0; 1 << 18];
        for (index, file) in self.files.iter().enumerate() {
            if file.marks.ghost {
                continue;
            }
            let size = installed_size(file);
            let member = cpio::Member {
                name: &format!(".{}", file.path),
                index: u32::try_from(index).map_err(|_| build("it has too many files"))?,
                mode: mode(file),
                modified: self.package.source_date,
                size,
            };
            cpio::write_header(&mut archive, member, self.large).map_err(written)?;
            match &file.kind {
                FileKind::Directory => {}
                FileKind::Symlink { target } => archive.write_all(target.as_bytes()).map_err(written)?,
                FileKind::Regular { .. } => {
                    let failed = |source| RpmError::Content { path: file.path.clone(), source };
                    let mut reader = content(file).map_err(failed)?;
                    results.files[index] = Some(copy(&mut *reader, file, size, &mut archive, &mut buffer)?);
                }
            }
            cpio::write_padding(&mut archive, size).map_err(written)?;
        }
        cpio::write_trailer(&mut archive).map_err(written)?;
        let (encoder, plain, plain_size) = archive.finish();
        let (output, packed, packed_size) = encoder.finish().map_err(written)?.finish();
        Ok((Results { packed, packed_size, plain, plain_size, ..results }, output))
    }

    /// Everything up to the payload.
    fn tables(&self) -> Result<Vec<u8>, RpmError> {
        let made = Made::new(&self.package.name, self.entries()?)?;
        let packed = made.header.len() as u64 + self.results.packed_size;
        let signature = SignatureHeaderBuilder::new()
            .format(RpmFormat::V4)
            .reserved_space(None)
            .calculate_digests(&made.header)
            .build()
            .and_then(|header| header.get_all_entries())
            .map_err(|cause| build(&cause.to_string()))?;
        let mut entries: Vec<HeaderEntry> = signature
            .into_iter()
            .filter(|(tag, _)| *tag != IndexSignatureTag::HEADER_SIGNATURES as u32)
            .map(|(tag, data)| HeaderEntry::new(tag, data))
            .collect();
        let mut number = |short: IndexSignatureTag, long: IndexSignatureTag, value: u64| {
            // Whether it is the long form must not depend on how well the content could be compressed.
            let (tag, data) = match u32::try_from(value) {
                Ok(value) if !self.large => (short, IndexData::Int32(vec![value])),
                _ => (long, IndexData::Int64(vec![value])),
            };
            entries.push(HeaderEntry::new(tag as u32, data));
        };
        number(IndexSignatureTag::RPMSIGTAG_SIZE, IndexSignatureTag::RPMSIGTAG_LONGSIZE, packed);
        number(
            IndexSignatureTag::RPMSIGTAG_PAYLOADSIZE,
            IndexSignatureTag::RPMSIGTAG_LONGARCHIVESIZE,
            self.results.plain_size,
        );
        entries.push(HeaderEntry::new(
            IndexSignatureTag::RPMSIGTAG_RESERVEDSPACE as u32,
            IndexData::Bin(vec![0; SignatureHeaderBuilder::DEFAULT_RESERVED_SPACE as usize]),
        ));
        made.bytes(entries)
    }

    /// The values of the header.
    fn entries(&self) -> Result<Vec<HeaderEntry>, RpmError> {
        let package = self.package;
        let text = |text: &str| IndexData::StringTag(text.to_owned());
        let translated = |text: &str| IndexData::I18NString(vec![text.to_owned()]);
        let description =
            if package.description.is_empty() { &package.summary } else { &package.description };
        let source = format!("{}-{}-{}.src.rpm", package.name, package.version, package.release);
        let mut entries = vec![
            entry(IndexTag::RPMTAG_HEADERI18NTABLE, IndexData::StringArray(vec!["C".to_owned()])),
            entry(IndexTag::RPMTAG_NAME, text(&package.name)),
            entry(IndexTag::RPMTAG_VERSION, text(&package.version)),
            entry(IndexTag::RPMTAG_RELEASE, text(&package.release)),
            entry(IndexTag::RPMTAG_SUMMARY, translated(&package.summary)),
            entry(IndexTag::RPMTAG_DESCRIPTION, translated(description)),
            entry(IndexTag::RPMTAG_BUILDTIME, IndexData::Int32(vec![package.source_date])),
            entry(IndexTag::RPMTAG_LICENSE, text(&package.license)),
            entry(IndexTag::RPMTAG_GROUP, translated(package.group.as_deref().unwrap_or("Unspecified"))),
            entry(IndexTag::RPMTAG_OS, text("linux")),
            entry(IndexTag::RPMTAG_ARCH, text(&package.architecture)),
            // What has it is a binary package.
            entry(IndexTag::RPMTAG_SOURCERPM, text(&source)),
            entry(IndexTag::RPMTAG_RPMVERSION, text(concat!("deploy-formats ", env!("CARGO_PKG_VERSION")))),
            entry(IndexTag::RPMTAG_PAYLOADFORMAT, text("cpio")),
            entry(IndexTag::RPMTAG_ENCODING, text("utf-8")),
            entry(IndexTag::RPMTAG_FILEDIGESTALGO, IndexData::Int32(vec![DigestAlgorithm::Sha2_256 as u32])),
            entry(
                IndexTag::RPMTAG_PAYLOADSHA256,
                IndexData::StringArray(vec![hexadecimal(&self.results.packed)]),
            ),
            entry(
                IndexTag::RPMTAG_PAYLOADSHA256ALGO,
                IndexData::Int32(vec![DigestAlgorithm::Sha2_256 as u32]),
            ),
            entry(
                IndexTag::RPMTAG_PAYLOADSHA256ALT,
                IndexData::StringArray(vec![hexadecimal(&self.results.plain)]),
            ),
            match u32::try_from(self.size) {
                Ok(size) if !self.large => entry(IndexTag::RPMTAG_SIZE, IndexData::Int32(vec![size])),
                _ => entry(IndexTag::RPMTAG_LONGSIZE, IndexData::Int64(vec![self.size])),
            },
        ];
        let optional = [
            (IndexTag::RPMTAG_URL, &package.url),
            (IndexTag::RPMTAG_VENDOR, &package.vendor),
            (IndexTag::RPMTAG_PACKAGER, &package.packager),
            (IndexTag::RPMTAG_BUILDHOST, &package.build_host),
        ];
        for (tag, value) in optional {
            entries.extend(value.as_deref().map(|value| entry(tag, text(value))));
        }
        if let Some(epoch) = package.epoch {
            entries.push(entry(IndexTag::RPMTAG_EPOCH, IndexData::Int32(vec![epoch])));
        }
        if let Some(name) = compressor(self.options.compression) {
            let level = match (self.options.compression, self.options.level) {
                (Compression::Zstd, Level::Fast) => "3",
                (Compression::Zstd, Level::Small) => "19",
                (_, Level::Fast) => "2",
                (Compression::Gzip | Compression::Xz, Level::Default) => "6",
                _ => "9",
            };
            entries.push(entry(IndexTag::RPMTAG_PAYLOADCOMPRESSOR, text(name)));
            entries.push(entry(IndexTag::RPMTAG_PAYLOADFLAGS, text(level)));
        }
        for script in &package.scripts {
            let [body, program] = script.moment.tags();
            entries.push(entry(body, text(&script.body)));
            entries.push(entry(
                program,
                match script.interpreter.as_slice() {
                    [program] => text(program),
                    words => IndexData::StringArray(words.to_vec()),
                },
            ));
        }
        if !package.changelog.is_empty() {
            let (mut times, mut authors, mut texts) = (Vec::new(), Vec::new(), Vec::new());
            for change in &package.changelog {
                times.push(change.time);
                authors.push(change.author.clone());
                texts.push(change.text.clone());
            }
            entries.push(entry(IndexTag::RPMTAG_CHANGELOGTIME, IndexData::Int32(times)));
            entries.push(entry(IndexTag::RPMTAG_CHANGELOGNAME, IndexData::StringArray(authors)));
            entries.push(entry(IndexTag::RPMTAG_CHANGELOGTEXT, IndexData::StringArray(texts)));
        }
        self.relations(&mut entries);
        if !self.files.is_empty() {
            self.file_entries(&mut entries)?;
        }
        Ok(entries)
    }

    fn relations(&self, entries: &mut Vec<HeaderEntry>) {
        let config = self.files.iter().any(|file| file.marks.config);
        let complete = completed(self.package, config, self.options.compression, self.large);
        for ((_, list), [names, flags, versions]) in complete.relations().into_iter().zip(RELATION_TAGS) {
            if list.is_empty() {
                continue;
            }
            let all = |part: &dyn Fn(&Dependency) -> String| {
                IndexData::StringArray(list.iter().map(part).collect())
            };
            entries.push(entry(names, all(&|dependency| dependency.name().to_owned())));
            entries.push(entry(versions, all(&|dependency| dependency.version().to_owned())));
            entries.push(entry(flags, IndexData::Int32(list.iter().map(Dependency::flags).collect())));
        }
    }

    fn file_entries(&self, entries: &mut Vec<HeaderEntry>) -> Result<(), RpmError> {
        let count = u32::try_from(self.files.len()).map_err(|_| build("it has too many files"))?;
        let mut directories: Vec<String> = Vec::new();
        let mut places: BTreeMap<&str, u32> = BTreeMap::new();
        let mut indexes = Vec::new();
        let mut names = Vec::new();
        for file in self.files {
            let place = file.path.rfind('/').map_or(0, |place| place + 1);
            let (directory, name) = file.path.split_at(place);
            // Not more than there are files, whose number has been looked at.
            let next = directories.len() as u32;
            indexes.push(*places.entry(directory).or_insert_with(|| {
                directories.push(directory.to_owned());
                next
            }));
            names.push(name.to_owned());
        }
        let each =
            |one: &dyn Fn(&File) -> u32| IndexData::Int32(self.files.iter().map(|file| one(file)).collect());
        let strings = |one: &dyn Fn(&File) -> String| {
            IndexData::StringArray(self.files.iter().map(|file| one(file)).collect())
        };
        let sizes = self.files.iter().map(|file| installed_size(file));
        entries.push(if self.large {
            entry(IndexTag::RPMTAG_LONGFILESIZES, IndexData::Int64(sizes.collect()))
        } else {
            let sizes: Result<_, _> = sizes.map(u32::try_from).collect();
            let sizes = sizes.map_err(|_| build("a file has more than 4 GiB"))?;
            entry(IndexTag::RPMTAG_FILESIZES, IndexData::Int32(sizes))
        });
        let digests = self.results.files.iter();
        let digests = digests.map(|digest| digest.map_or(String::new(), |digest| hexadecimal(&digest)));
        let ghost = FileVerifyFlags::FILEDIGEST
            | FileVerifyFlags::FILESIZE
            | FileVerifyFlags::LINKTO
            | FileVerifyFlags::MTIME;
        let verify = |file: &File| {
            let without = if file.marks.ghost { ghost } else { FileVerifyFlags::empty() };
            (FileVerifyFlags::ALL_FLAGS - without).bits()
        };
        let target = |file: &File| match &file.kind {
            FileKind::Symlink { target } if !file.marks.ghost => target.clone(),
            _ => String::new(),
        };
        entries.extend([
            entry(
                IndexTag::RPMTAG_FILEMODES,
                IndexData::Int16(self.files.iter().map(|file| mode(file)).collect()),
            ),
            entry(IndexTag::RPMTAG_FILERDEVS, IndexData::Int16(vec![0; self.files.len()])),
            entry(IndexTag::RPMTAG_FILEMTIMES, each(&|_| self.package.source_date)),
            entry(IndexTag::RPMTAG_FILEDIGESTS, IndexData::StringArray(digests.collect())),
            entry(IndexTag::RPMTAG_FILELINKTOS, strings(&target)),
            entry(IndexTag::RPMTAG_FILEFLAGS, each(&|file| flags(file).bits())),
            entry(IndexTag::RPMTAG_FILEUSERNAME, strings(&|_| "root".to_owned())),
            entry(IndexTag::RPMTAG_FILEGROUPNAME, strings(&|_| "root".to_owned())),
            entry(IndexTag::RPMTAG_FILEVERIFYFLAGS, each(&verify)),
            entry(IndexTag::RPMTAG_FILEDEVICES, each(&|_| 1)),
            // The numbers that the archive has: no two files are one.
            entry(IndexTag::RPMTAG_FILEINODES, IndexData::Int32((1..=count).collect())),
            entry(IndexTag::RPMTAG_FILELANGS, strings(&|_| String::new())),
            entry(IndexTag::RPMTAG_DIRINDEXES, IndexData::Int32(indexes)),
            entry(IndexTag::RPMTAG_BASENAMES, IndexData::StringArray(names)),
            entry(IndexTag::RPMTAG_DIRNAMES, IndexData::StringArray(directories)),
        ]);
        Ok(())
    }
}

/// Copies a content of a known size, and gives its digest.
fn copy(
    content: &mut dyn Read,
    file: &File,
    size: u64,
    output: &mut impl Write,
    buffer: &mut [u8],
) -> Result<[u8; 32], RpmError> {
    let mut digest = Sha256::new();
    let mut left = size;
    loop {
        // One byte more is asked for than is due, to notice a file that has grown.
        let want = left.saturating_add(1).min(buffer.len() as u64) as usize;
        let length = read_full(content, &mut buffer[..want])
            .map_err(|source| RpmError::Content { path: file.path.clone(), source })?;
        let found = size - left + length as u64;
        if length as u64 > left || (length < want && found != size) {
            return Err(RpmError::Size { path: file.path.clone(), expected: size, found });
        }
        digest.update(&buffer[..length]);
        output.write_all(&buffer[..length]).map_err(written)?;
        left -= length as u64;
        if length < want {
            return Ok(digest.finalize().into());
        }
    }
}

/// Passes on what is written, and takes its digest and length.
struct Digesting<W> {
    inner: W,
    digest: Sha256,
    length: u64,
}

impl<W> Digesting<W> {
    fn new(inner: W) -> Self {
        Digesting { inner, digest: Sha256::new(), length: 0 }
    }

    fn finish(self) -> (W, [u8; 32], u64) {
        (self.inner, self.digest.finalize().into(), self.length)
    }
}

impl<W: Write> Write for Digesting<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let length = self.inner.write(bytes)?;
        self.digest.update(&bytes[..length]);
        self.length += length as u64;
        Ok(length)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.inner.flush()
    }
}
