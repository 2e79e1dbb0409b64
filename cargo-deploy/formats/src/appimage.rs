//! AppImages of type 2: a program, the runtime, and behind it a SquashFS image; signed and described inside the program.
//!
//! Written after the AppImage specification (draft.md, "Type 2 image format") and, where it is silent, after what its
//! own tools do: validate.c and appimagetool_sign.c of AppImageKit, updatableappimage.cpp of AppImageUpdate.
//!
//! The runtime is an ELF program; the image begins where it ends. Three of its sections are room for text, filled with zeros:
//!
//! - `.upd_info`: where updates come from ("Update information");
//! - `.sha256_sig`: an armoured OpenPGP signature;
//! - `.sig_key`: the armoured key that made it, so that a later version can be compared with this one. Its presence proves
//!   nothing by itself: who changes the file can change both.
//!
//! Signed is not the file but the SHA-256 of it, as 64 lowercase hexadecimal digits without a line end. While it is computed, both
//! sections of the signature count as zeros. (The specification names only the first; its tools take both. validate.c wants the
//! second right behind the first, or it checks nothing and still says that all is well.)
//!
//! An AppImage is made by [`program`] for the part before the image, [`squashfs::Writer`](crate::squashfs::Writer) for the
//! image, and [`sign`] for a signature.

use std::fmt;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::str::FromStr;

use object::elf;
use sha2::{Digest, Sha256};
use thiserror::Error;

use crate::linkage::{Machine, machine_of};

/// Why an AppImage cannot be made or read.
#[derive(Debug, Error)]
pub enum AppImageError {
    /// No ELF file, or one that contradicts itself.
    #[error("read the program: {what}")]
    Program {
        /// What is wrong.
        what: &'static str,
    },
    /// The program has something behind its ELF structure already.
    #[error("take a program as runtime: it ends at byte {end} and has {length} bytes")]
    Appended {
        /// Where the ELF structure ends.
        end: u64,
        /// How long the program is.
        length: u64,
    },
    /// A runtime without room.
    #[error("write to section {section} of the runtime: there is none")]
    NoSection {
        /// The section's name.
        section: &'static str,
    },
    /// A text longer than its section.
    #[error("write to section {section} of the runtime: it has {room} bytes and {length} are needed")]
    NoRoom {
        /// The section's name.
        section: &'static str,
        /// The section's length, in bytes.
        room: u64,
        /// The text's length, in bytes.
        length: u64,
    },
    /// A zero byte in a text, which would end it.
    #[error("write to section {section} of the runtime: the text contains a zero byte")]
    Zero {
        /// The section's name.
        section: &'static str,
    },
    /// A section holds something that is no text.
    #[error("read section {section} of the runtime: it is not UTF-8 text filled up with zeros")]
    Text {
        /// The section's name.
        section: &'static str,
    },
    /// An ELF program that is no AppImage.
    #[error("read the AppImage: the mark of an AppImage of type 2 is missing")]
    Magic,
    /// The file cannot be read.
    #[error("read the AppImage")]
    Read {
        /// Of the reader.
        source: io::Error,
    },
    /// The file cannot be written.
    #[error("write the AppImage")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
}

/// The mark of type 2, and where it is: in bytes of the ELF header that nobody uses.
const MAGIC: [u8; 3] = *b"AI\x02";
const MAGIC_OFFSET: u64 = 8;

const UPDATE: &str = ".upd_info";
const SIGNATURE: &str = ".sha256_sig";
const KEY: &str = ".sig_key";
/// No such section is longer in any runtime; a longer one is not read into memory.
const LONGEST_SECTION: u64 = 1 << 20;

/// A piece of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Section {
    offset: u64,
    length: u64,
}

/// What the ELF structure of a runtime says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Layout {
    /// What it runs on.
    pub machine: Machine,
    /// 64 or 32.
    pub bits: u8,
    /// Where the ELF structure ends and the image begins, in bytes.
    pub image: u64,
    /// Whether it is marked as an AppImage of type 2; a runtime alone is not.
    pub marked: bool,
    update: Option<Section>,
    signature: Option<Section>,
    key: Option<Section>,
}

/// What an AppImage says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppImage {
    /// Its runtime.
    pub layout: Layout,
    /// Where updates come from; `None` where the section is missing or empty.
    pub update: Option<String>,
    /// The armoured signature.
    pub signature: Option<String>,
    /// The armoured key.
    pub key: Option<String>,
}

/// Makes the part of an AppImage that comes before its image: the runtime, marked and with the update information, if any.
/// The sections of the signature are left as they are: empty.
pub fn program(runtime: &[u8], update: Option<&UpdateInformation>) -> Result<Vec<u8>, AppImageError> {
    let layout = layout(&mut io::Cursor::new(runtime))?;
    let length = runtime.len() as u64;
    if layout.image != length {
        return Err(AppImageError::Appended { end: layout.image, length });
    }
    for (name, section) in [(SIGNATURE, layout.signature), (KEY, layout.key)] {
        section.ok_or(AppImageError::NoSection { section: name })?;
    }
    let mut program = io::Cursor::new(runtime.to_vec());
    let text = update.map_or(String::new(), UpdateInformation::to_string);
    fill(&mut program, UPDATE, layout.update, &text)?;
    let mut program = program.into_inner();
    program[MAGIC_OFFSET as usize..][..MAGIC.len()].copy_from_slice(&MAGIC);
    Ok(program)
}

/// Looks at an AppImage, or at a runtime alone.
pub fn layout(reader: &mut (impl Read + Seek)) -> Result<Layout, AppImageError> {
    let wrong = |what| AppImageError::Program { what };
    let header = bytes(reader, 0, 64)?;
    if header.get(..4) != Some(b"\x7fELF") {
        return Err(wrong("it is not an ELF file"));
    }
    let numbers = match header.get(4..6) {
        Some([1, 1]) => Numbers { wide: false, little: true },
        Some([1, 2]) => Numbers { wide: false, little: false },
        Some([2, 1]) => Numbers { wide: true, little: true },
        Some([2, 2]) => Numbers { wide: true, little: false },
        _ => return Err(wrong("it has neither 32 nor 64 bits, or no byte order")),
    };
    let wide = numbers.wide;
    // Elf32_Ehdr has 52 bytes, Elf64_Ehdr 64 (gABI, "ELF Header"): the places of the segments and sections are numbers as
    // wide as addresses, the five counts and sizes that end the header have sixteen bits.
    let (places, counts) = if wide { (32, 54) } else { (28, 42) };
    if header.len() < counts + 10 {
        return Err(wrong("its header ends too early"));
    }
    let half = |offset| numbers.take(&header, offset, 2).unwrap_or(0);
    let place =
        |index| numbers.take(&header, places + index * numbers.address(), numbers.address()).unwrap_or(0);
    let machine = half(18) as u16;
    let (entry_size, names) = (half(counts + 4), half(counts + 8));
    let segments = table(reader, place(0), half(counts), half(counts + 2))?;
    let headers = table(reader, place(1), entry_size, half(counts + 6))?;
    if headers.bytes.is_empty() || entry_size < if wide { 64 } else { 40 } {
        return Err(wrong("it has no section headers"));
    }
    let mut end = segments.end.max(headers.end);
    let mut reach = |offset: Option<u64>, length: Option<u64>| {
        let own = offset.zip(length).and_then(|(offset, length)| offset.checked_add(length));
        end = end.max(own.ok_or_else(|| wrong("one of its pieces lies too far"))?);
        Ok(())
    };
    let (offset, length) = if wide { (8, 32) } else { (4, 16) };
    for segment in segments.bytes.chunks(segments.entry) {
        let number = |at| numbers.take(segment, at, numbers.address());
        reach(number(offset), number(length))?;
    }
    let sections: Vec<RawSection> =
        headers.bytes.chunks(headers.entry).filter_map(|entry| RawSection::read(entry, numbers)).collect();
    for section in sections.iter().filter(|section| section.has_bytes()) {
        reach(Some(section.offset), Some(section.length))?;
    }
    let names = usize::try_from(names).ok().and_then(|index| sections.get(index));
    let names = names.ok_or_else(|| wrong("its sections have no names"))?;
    let names = bytes(reader, names.offset, names.length.min(LONGEST_SECTION))?;
    let mut layout = Layout {
        machine: machine_of(elf::Machine(machine), wide, numbers.little),
        bits: if wide { 64 } else { 32 },
        image: end,
        marked: header.get(MAGIC_OFFSET as usize..).is_some_and(|rest| rest.starts_with(&MAGIC)),
        update: None,
        signature: None,
        key: None,
    };
    for section in sections.iter().filter(|section| section.has_bytes()) {
        let name = names.get(section.name..).unwrap_or_default();
        let name = name.split(|&byte| byte == 0).next().unwrap_or_default();
        let place = match str::from_utf8(name) {
            Ok(UPDATE) => &mut layout.update,
            Ok(SIGNATURE) => &mut layout.signature,
            Ok(KEY) => &mut layout.key,
            _ => continue,
        };
        *place = Some(Section { offset: section.offset, length: section.length });
    }
    Ok(layout)
}

/// Reads what an AppImage says of itself. The image is for [`squashfs::visit`](crate::squashfs::visit), at `layout.image`.
/// The signature is not checked here.
pub fn read(reader: &mut (impl Read + Seek)) -> Result<AppImage, AppImageError> {
    let layout = layout(reader)?;
    if !layout.marked {
        return Err(AppImageError::Magic);
    }
    let update = text(reader, UPDATE, layout.update)?;
    let signature = text(reader, SIGNATURE, layout.signature)?;
    let key = text(reader, KEY, layout.key)?;
    Ok(AppImage { layout, update, signature, key })
}

/// What is signed: the digest of an AppImage as if it had no signature, in hexadecimal digits.
pub fn signed_text(reader: &mut (impl Read + Seek)) -> Result<String, AppImageError> {
    let unreadable = |source| AppImageError::Read { source };
    let layout = layout(reader)?;
    let mut holes: Vec<Section> = [layout.signature, layout.key].into_iter().flatten().collect();
    holes.sort_unstable_by_key(|hole| hole.offset);
    reader.rewind().map_err(unreadable)?;
    let mut digest = Sha256::new();
    let mut offset = 0u64;
    let mut buffer = vec![0; 1 << 17];
    loop {
        let length = match reader.read(&mut buffer) {
            Ok(0) => break,
            Ok(length) => length,
            Err(cause) if cause.kind() == io::ErrorKind::Interrupted => continue,
            Err(source) => return Err(unreadable(source)),
        };
        let end = offset + length as u64;
        for hole in &holes {
            // `layout` has looked that no section ends beyond what 64 bits count.
            let (from, to) = (hole.offset.max(offset), (hole.offset + hole.length).min(end));
            if from < to {
                buffer[(from - offset) as usize..(to - offset) as usize].fill(0);
            }
        }
        digest.update(&buffer[..length]);
        offset = end;
    }
    Ok(digest.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

/// Puts an armoured signature of the [`signed_text`], and the armoured key that made it, into a finished AppImage. What was
/// there before is replaced; two empty texts take a signature away.
pub fn sign(file: &mut (impl Read + Write + Seek), signature: &str, key: &str) -> Result<(), AppImageError> {
    let layout = layout(file)?;
    if !layout.marked {
        return Err(AppImageError::Magic);
    }
    // Both or none: a file with the one and without the other is worse than an unsigned one.
    for (name, section, text) in [(SIGNATURE, layout.signature, signature), (KEY, layout.key, key)] {
        fits(name, section, text)?;
    }
    fill(file, SIGNATURE, layout.signature, signature)?;
    fill(file, KEY, layout.key, key)
}

fn fits(name: &'static str, section: Option<Section>, text: &str) -> Result<Section, AppImageError> {
    let section = section.ok_or(AppImageError::NoSection { section: name })?;
    let length = text.len() as u64;
    // A zero must follow: readers take the section for a C string.
    if length >= section.length || section.length > LONGEST_SECTION {
        return Err(AppImageError::NoRoom { section: name, room: section.length, length: length + 1 });
    }
    if text.contains('\0') {
        return Err(AppImageError::Zero { section: name });
    }
    Ok(section)
}

/// Writes a text to a section and zeros behind it.
fn fill(
    file: &mut (impl Write + Seek),
    name: &'static str,
    section: Option<Section>,
    text: &str,
) -> Result<(), AppImageError> {
    // Nothing to say needs no room.
    if section.is_none() && text.is_empty() {
        return Ok(());
    }
    let section = fits(name, section, text)?;
    let mut bytes = text.as_bytes().to_vec();
    bytes.resize(section.length as usize, 0);
    let mut write = || {
        file.seek(SeekFrom::Start(section.offset))?;
        file.write_all(&bytes)
    };
    write().map_err(|source| AppImageError::Write { source })
}

/// The text of a section.
fn text(
    reader: &mut (impl Read + Seek),
    name: &'static str,
    section: Option<Section>,
) -> Result<Option<String>, AppImageError> {
    let Some(section) = section else { return Ok(None) };
    let wrong = || AppImageError::Text { section: name };
    if section.length > LONGEST_SECTION {
        return Err(wrong());
    }
    let mut bytes = bytes(reader, section.offset, section.length)?;
    if bytes.len() as u64 != section.length {
        return Err(AppImageError::Program { what: "it ends before one of its sections" });
    }
    let end = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    if bytes[end..].iter().any(|&byte| byte != 0) {
        return Err(wrong());
    }
    bytes.truncate(end);
    let text = String::from_utf8(bytes).map_err(|_| wrong())?;
    Ok((!text.is_empty()).then_some(text))
}

/// As many bytes of a file as there are, up to `length`.
fn bytes(reader: &mut (impl Read + Seek), offset: u64, length: u64) -> Result<Vec<u8>, AppImageError> {
    let mut bytes = Vec::new();
    let mut read = || {
        reader.seek(SeekFrom::Start(offset))?;
        reader.take(length).read_to_end(&mut bytes)
    };
    read().map_err(|source| AppImageError::Read { source })?;
    Ok(bytes)
}

/// The headers of segments or of sections.
struct Table {
    bytes: Vec<u8>,
    /// The length of an entry, in bytes; not zero.
    entry: usize,
    /// Behind the table, in the file.
    end: u64,
}

/// Reads a table whose numbers come from the header: sixteen bits each, so that it has at most 4 GiB, of which no more is
/// read than there is.
fn table(
    reader: &mut (impl Read + Seek),
    place: u64,
    entry: u64,
    count: u64,
) -> Result<Table, AppImageError> {
    let wrong = |what| AppImageError::Program { what };
    let size = entry * count;
    let end = place.checked_add(size).ok_or_else(|| wrong("its tables lie too far"))?;
    let bytes = bytes(reader, place, size)?;
    if bytes.len() as u64 != size {
        return Err(wrong("it ends before its tables"));
    }
    Ok(Table { bytes, entry: (entry as usize).max(1), end })
}

/// How an ELF file writes its numbers.
#[derive(Debug, Clone, Copy)]
struct Numbers {
    wide: bool,
    little: bool,
}

impl Numbers {
    /// Of an address or an offset, in bytes.
    fn address(self) -> usize {
        if self.wide { 8 } else { 4 }
    }

    fn take(self, bytes: &[u8], offset: usize, length: usize) -> Option<u64> {
        let bytes = bytes.get(offset..offset + length)?;
        let append = |number: u64, byte: &u8| number << 8 | u64::from(*byte);
        Some(if self.little { bytes.iter().rev().fold(0, append) } else { bytes.iter().fold(0, append) })
    }
}

/// A section header (gABI, "Section Headers").
struct RawSection {
    name: usize,
    kind: u64,
    offset: u64,
    length: u64,
}

impl RawSection {
    fn read(entry: &[u8], numbers: Numbers) -> Option<Self> {
        let (offset, length) = if numbers.wide { (24, 32) } else { (16, 20) };
        Some(RawSection {
            name: numbers.take(entry, 0, 4)? as usize,
            kind: numbers.take(entry, 4, 4)?,
            offset: numbers.take(entry, offset, numbers.address())?,
            length: numbers.take(entry, length, numbers.address())?,
        })
    }

    fn has_bytes(&self) -> bool {
        let kind = elf::SectionType(self.kind as u32);
        kind != elf::SHT_NULL && kind != elf::SHT_NOBITS
    }
}

/// Where updates of an AppImage come from (specification, "Update information").
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UpdateInformation {
    /// A `.zsync` file whose address stays the same.
    Zsync {
        /// Its address.
        url: String,
    },
    /// A `.zsync` file in a release on GitHub.
    GithubReleases {
        /// User or organisation.
        user: String,
        /// Repository.
        repository: String,
        /// A tag, or `latest`, `latest-pre`, `latest-all`.
        release: String,
        /// Name of the file, where `*` stands for anything.
        file: String,
    },
    /// A product on pling.com.
    Pling {
        /// Its number.
        product: String,
        /// Name of the AppImage, where `*` stands for anything.
        file: String,
    },
}

/// Why a text is no update information.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UpdateProblem {
    /// A transport nobody knows.
    #[error("`{transport}` is none of the transports `zsync`, `gh-releases-zsync` and `pling-v1-zsync`")]
    Transport {
        /// What comes before the first bar.
        transport: String,
    },
    /// Too many or too few bars, or nothing between two.
    #[error("it should have the form `{form}`")]
    Form {
        /// With words for the fields.
        form: &'static str,
    },
    /// A line end or another control character.
    #[error("it contains a control character")]
    Control,
}

impl FromStr for UpdateInformation {
    type Err = UpdateProblem;

    fn from_str(text: &str) -> Result<Self, UpdateProblem> {
        if text.chars().any(char::is_control) {
            return Err(UpdateProblem::Control);
        }
        let fields: Vec<&str> = text.split('|').collect();
        let filled = fields.iter().all(|field| !field.is_empty());
        let (form, update) = match fields[..] {
            ["zsync", ref rest @ ..] => (
                "zsync|https://HOST/PATH.AppImage.zsync",
                match rest {
                    [url] if url.starts_with("https://") || url.starts_with("http://") => {
                        Some(UpdateInformation::Zsync { url: (*url).to_owned() })
                    }
                    _ => None,
                },
            ),
            ["gh-releases-zsync", ref rest @ ..] => (
                "gh-releases-zsync|USER|REPOSITORY|RELEASE|FILE.AppImage.zsync",
                match rest {
                    [user, repository, release, file] => Some(UpdateInformation::GithubReleases {
                        user: (*user).to_owned(),
                        repository: (*repository).to_owned(),
                        release: (*release).to_owned(),
                        file: (*file).to_owned(),
                    }),
                    _ => None,
                },
            ),
            ["pling-v1-zsync", ref rest @ ..] => (
                "pling-v1-zsync|PRODUCT|FILE.AppImage",
                match rest {
                    [product, file] => Some(UpdateInformation::Pling {
                        product: (*product).to_owned(),
                        file: (*file).to_owned(),
                    }),
                    _ => None,
                },
            ),
            _ => {
                let transport = fields.first().copied().unwrap_or_default().to_owned();
                return Err(UpdateProblem::Transport { transport });
            }
        };
        update.filter(|_| filled).ok_or(UpdateProblem::Form { form })
    }
}

impl fmt::Display for UpdateInformation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            UpdateInformation::Zsync { url } => write!(formatter, "zsync|{url}"),
            UpdateInformation::GithubReleases { user, repository, release, file } => {
                write!(formatter, "gh-releases-zsync|{user}|{repository}|{release}|{file}")
            }
            UpdateInformation::Pling { product, file } => {
                write!(formatter, "pling-v1-zsync|{product}|{file}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;
    use std::num::NonZeroUsize;

    use super::*;
    use crate::sample::{Random, incompressible};
    use crate::{Level, squashfs};

    /// An ELF file of a header, sections of zeros and their headers, as short as it can be.
    fn elf(wide: bool, little: bool, machine: u16, sections: &[(&str, usize)]) -> Vec<u8> {
        let word = |number: u64, length: usize| -> Vec<u8> {
            let bytes = number.to_le_bytes()[..length].to_vec();
            if little { bytes } else { bytes.into_iter().rev().collect() }
        };
        let address = if wide { 8 } else { 4 };
        let mut names = b"\0".to_vec();
        let mut headers = vec![0; if wide { 64 } else { 40 }];
        let mut body = vec![0; if wide { 64 } else { 52 }];
        let all = sections.iter().chain([&(".shstrtab", 0), &(".bss", 1 << 30)]);
        for (name, length) in all {
            let at = names.len() as u64;
            names.extend(name.as_bytes());
            names.push(0);
            let kind = if *name == ".bss" { 8 } else { 1 };
            let mut length = *length;
            let offset = body.len();
            if *name == ".shstrtab" {
                length = 512;
            }
            if *name != ".bss" {
                body.resize(offset + length, 0);
            }
            headers.extend([word(at, 4), word(kind, 4), word(0, address), word(0, address)].concat());
            headers.extend([word(offset as u64, address), word(length as u64, address)].concat());
            headers.extend([word(0, 8), word(0, address), word(0, address)].concat());
        }
        let place = sections.iter().map(|(_, length)| length).sum::<usize>() + if wide { 64 } else { 52 };
        body[place..place + names.len()].copy_from_slice(&names);
        let count = sections.len() as u64 + 3;
        let (header, entry) = if wide { (64, 64) } else { (52, 40) };
        let mut head = vec![0x7f, b'E', b'L', b'F', if wide { 2 } else { 1 }, if little { 1 } else { 2 }, 1];
        head.resize(16, 0);
        head.extend([word(2, 2), word(u64::from(machine), 2), word(1, 4)].concat());
        head.extend([word(0, address), word(0, address), word(body.len() as u64, address)].concat());
        head.extend([word(0, 4), word(header, 2), word(0, 2), word(0, 2)].concat());
        head.extend([word(entry, 2), word(count, 2), word(count - 2, 2)].concat());
        assert_eq!(head.len() as u64, header);
        body[..head.len()].copy_from_slice(&head);
        body.extend(headers);
        body
    }

    const ROOM: [(&str, usize); 4] =
        [(".text", 100), (".upd_info", 1024), (".sha256_sig", 1024), (".sig_key", 8192)];

    fn update() -> UpdateInformation {
        "zsync|https://example.com/app.AppImage.zsync".parse().unwrap()
    }

    fn appimage() -> Vec<u8> {
        let runtime = elf(true, true, 62, &ROOM);
        let program = program(&runtime, Some(&update())).unwrap();
        assert_eq!(program.len(), runtime.len());
        let mut file = Cursor::new(program);
        file.seek(SeekFrom::End(0)).unwrap();
        let one = NonZeroUsize::MIN;
        let mut writer =
            squashfs::Writer::new(file, 1_700_000_000, squashfs::Compression::Zstd, Level::Fast, one)
                .unwrap();
        writer.symlink("AppRun", "usr/bin/app").unwrap();
        let content = incompressible(1, 300_000);
        writer.file("usr/bin/app", 0o755, 300_000, || Ok(&content[..])).unwrap();
        writer.finish().unwrap().into_inner()
    }

    #[test]
    fn what_was_put_together_is_read_back() {
        let file = appimage();
        assert_eq!(&file[8..11], b"AI\x02");
        let found = read(&mut Cursor::new(&file)).unwrap();
        assert_eq!((found.layout.machine, found.layout.bits), (Machine::X86_64, 64));
        assert_eq!(found.update.as_deref(), Some("zsync|https://example.com/app.AppImage.zsync"));
        assert_eq!((found.signature, found.key), (None, None));
        let members = squashfs::list(Cursor::new(&file), found.layout.image).unwrap();
        assert_eq!(members[0].path, "AppRun");
    }

    #[test]
    fn all_kinds_of_elf_files_are_understood() {
        let table = [
            (true, true, 62, Machine::X86_64),
            (true, true, 183, Machine::Aarch64),
            (false, true, 3, Machine::X86),
            (false, true, 40, Machine::Arm),
            (true, false, 21, Machine::Powerpc64),
            (false, false, 20, Machine::Powerpc),
        ];
        for (wide, little, number, machine) in table {
            let runtime = elf(wide, little, number, &ROOM);
            let found = layout(&mut Cursor::new(&runtime)).unwrap();
            assert_eq!(found.machine, machine);
            assert_eq!((found.bits, found.marked), (if wide { 64 } else { 32 }, false));
            assert_eq!(found.image, runtime.len() as u64);
            let program = program(&runtime, Some(&update())).unwrap();
            assert_eq!(read(&mut Cursor::new(&program)).unwrap().update, Some(update().to_string()));
        }
    }

    #[test]
    fn a_signature_does_not_change_what_is_signed() {
        let unsigned = appimage();
        let text = signed_text(&mut Cursor::new(&unsigned)).unwrap();
        let plain: String = Sha256::digest(&unsigned).iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, plain);
        let mut file = Cursor::new(unsigned.clone());
        sign(&mut file, "a signature", "and its key").unwrap();
        let signed = file.get_ref().clone();
        assert_ne!(signed, unsigned);
        assert_eq!(signed_text(&mut file).unwrap(), text);
        let found = read(&mut file).unwrap();
        assert_eq!(found.signature.as_deref(), Some("a signature"));
        assert_eq!(found.key.as_deref(), Some("and its key"));
        // Another one, shorter: nothing of the first is left.
        sign(&mut file, "none", "").unwrap();
        assert_eq!(read(&mut file).unwrap().key, None);
        sign(&mut file, "", "").unwrap();
        assert_eq!(file.into_inner(), unsigned);
        // Anything else that changes, changes it.
        let mut changed = Cursor::new(signed);
        changed.get_mut()[200] ^= 1;
        assert_ne!(signed_text(&mut changed).unwrap(), text);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let file = || Cursor::new(appimage());
        let long = "k".repeat(8192);
        assert_eq!(
            sign(&mut file(), "signature", &long).unwrap_err().to_string(),
            "write to section .sig_key of the runtime: it has 8192 bytes and 8193 are needed"
        );
        let mut untouched = file();
        sign(&mut untouched, "signature", &long).unwrap_err();
        assert_eq!(untouched.into_inner(), appimage());
        assert_eq!(
            sign(&mut file(), "a\0b", "").unwrap_err().to_string(),
            "write to section .sha256_sig of the runtime: the text contains a zero byte"
        );
        let long = UpdateInformation::Zsync { url: format!("https://{}", "u".repeat(1024)) };
        let runtime = elf(true, true, 62, &ROOM);
        assert_eq!(
            program(&runtime, Some(&long)).unwrap_err().to_string(),
            "write to section .upd_info of the runtime: it has 1024 bytes and 1039 are needed"
        );
        let bare = elf(true, true, 62, &ROOM[2..]);
        assert!(program(&bare, None).is_ok());
        assert_eq!(
            program(&bare, Some(&update())).unwrap_err().to_string(),
            "write to section .upd_info of the runtime: there is none"
        );
        assert_eq!(
            program(&elf(true, true, 62, &ROOM[..2]), None).unwrap_err().to_string(),
            "write to section .sha256_sig of the runtime: there is none"
        );
        let mut longer = runtime.clone();
        longer.push(0);
        let end = runtime.len();
        assert_eq!(
            program(&longer, None).unwrap_err().to_string(),
            format!("take a program as runtime: it ends at byte {end} and has {} bytes", end + 1)
        );
        assert_eq!(
            program(b"#!/bin/sh\n", None).unwrap_err().to_string(),
            "read the program: it is not an ELF file"
        );
        assert!(matches!(read(&mut Cursor::new(runtime)), Err(AppImageError::Magic)));
    }

    #[test]
    fn damaged_files_are_errors_or_other_files() {
        let file = appimage();
        for length in 0..200 {
            read(&mut Cursor::new(&file[..length])).unwrap_err();
        }
        let mut random = Random::new(1);
        let mut errors = 0;
        let headers = layout(&mut Cursor::new(&file)).unwrap().image as usize;
        for round in 0..20_000 {
            let mut head = file[..headers + 100].to_vec();
            for _ in 0..1 + random.below(3) {
                let place = if round % 2 == 0 { random.below(64) } else { headers - 1 - random.below(600) };
                head[place] = if random.below(2) == 0 { 0xff } else { random.next() as u8 };
            }
            let mut head = Cursor::new(head);
            errors += usize::from(read(&mut head).is_err());
            if let Ok(text) = signed_text(&mut head) {
                assert_eq!(text.len(), 64);
            }
        }
        assert!(errors > 2000, "{errors}");
    }

    #[test]
    fn update_information_is_one_of_three_forms() {
        let good = [
            "zsync|https://example.com/app-x86_64.AppImage.zsync",
            "gh-releases-zsync|owner|app|latest|app-*x86_64.AppImage.zsync",
            "pling-v1-zsync|1623134|*-stable-x86_64.AppImage",
        ];
        for text in good {
            assert_eq!(text.parse::<UpdateInformation>().unwrap().to_string(), text);
        }
        let bad = [
            ("", "`` is none of the transports `zsync`, `gh-releases-zsync` and `pling-v1-zsync`"),
            (
                "bintray|a",
                "`bintray` is none of the transports `zsync`, `gh-releases-zsync` and `pling-v1-zsync`",
            ),
            ("zsync|app.zsync", "it should have the form `zsync|https://HOST/PATH.AppImage.zsync`"),
            ("zsync|https://a|b", "it should have the form `zsync|https://HOST/PATH.AppImage.zsync`"),
            (
                "gh-releases-zsync|owner||latest|a.zsync",
                "it should have the form `gh-releases-zsync|USER|REPOSITORY|RELEASE|FILE.AppImage.zsync`",
            ),
            ("pling-v1-zsync|1", "it should have the form `pling-v1-zsync|PRODUCT|FILE.AppImage`"),
            ("zsync|https://a\n", "it contains a control character"),
        ];
        for (text, problem) in bad {
            assert_eq!(text.parse::<UpdateInformation>().unwrap_err().to_string(), problem, "{text}");
        }
    }
}
