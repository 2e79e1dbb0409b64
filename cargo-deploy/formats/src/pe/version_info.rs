//! Version information: the resource that Explorer's Details page, Windows Installer and crash reports read
//! (Microsoft, "VS_VERSIONINFO structure" and the pages it leads to).

use thiserror::Error;

use super::{put, u16_at, u32_at};

/// The first number of `VS_FIXEDFILEINFO`.
const SIGNATURE: u32 = 0xfeef_04bd;
/// UTF-16, as all text in it is.
const CODE_PAGE: u16 = 1200;
/// More lines than anybody writes.
const MOST_BLOCKS: usize = 10_000;

/// Why version information cannot be read or written.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum VersionInfoError {
    /// What is in the file.
    #[error("read the version information: {problem}")]
    Damaged {
        /// What does not fit.
        problem: &'static str,
    },
    /// A line that is given.
    #[error("write the version information: `{name}` {problem}")]
    Line {
        /// Its name.
        name: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// All of them together.
    #[error("write the version information: it has {size} bytes, and 65535 are the most")]
    TooLarge {
        /// In bytes.
        size: usize,
    },
}

/// What a program says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct VersionInfo {
    /// What Windows Installer compares before it replaces a file.
    pub file_version: [u16; 4],
    /// The version of the whole that the file belongs to.
    pub product_version: [u16; 4],
    /// `VS_FF_…`: 1 debug, 2 pre-release, 4 patched, 8 private build, 32 special build.
    pub flags: u32,
    /// A DLL, as against a program.
    pub is_library: bool,
    /// Lines of text in their order: `CompanyName`, `FileDescription`, `FileVersion`, `InternalName`, `LegalCopyright`, `OriginalFilename`,
    /// `ProductName`, `ProductVersion`, and any other.
    pub strings: Vec<(String, String)>,
    /// The language of the lines: 1033 English (United States), 0 neutral.
    pub language: u16,
}

impl VersionInfo {
    /// The value of a line, whose name is compared without regard to case, as Windows does it.
    pub fn string(&self, name: &str) -> Option<&str> {
        let line = self.strings.iter().find(|(found, _)| found.eq_ignore_ascii_case(name))?;
        Some(&line.1)
    }

    /// Adds what is missing: lines, and numbers where all are zero.
    pub(super) fn fill(&mut self, from: &VersionInfo) {
        if self.file_version == [0; 4] {
            self.file_version = from.file_version;
        }
        if self.product_version == [0; 4] {
            self.product_version = from.product_version;
        }
        for (name, value) in &from.strings {
            match self.strings.iter_mut().find(|(found, _)| found.eq_ignore_ascii_case(name)) {
                Some((_, found)) if found.is_empty() => value.clone_into(found),
                Some(_) => {}
                None => self.strings.push((name.clone(), value.clone())),
            }
        }
    }

    /// Reads the content of a resource, which says in which language it is stored.
    pub fn read(content: &[u8], language: u16) -> Result<Self, VersionInfoError> {
        let mut budget = MOST_BLOCKS;
        let root = block(content, &mut budget)?;
        if root.key != "VS_VERSION_INFO" {
            return Err(damaged("it does not begin with VS_VERSION_INFO"));
        }
        let mut info = VersionInfo { language, ..VersionInfo::default() };
        if root.value.len() >= 52 && u32_at(root.value, 0) == SIGNATURE {
            let version = |at: usize| {
                let (high, low) = (u32_at(root.value, at), u32_at(root.value, at + 4));
                [(high >> 16) as u16, high as u16, (low >> 16) as u16, low as u16]
            };
            info.file_version = version(8);
            info.product_version = version(16);
            info.flags = u32_at(root.value, 28) & u32_at(root.value, 24);
            info.is_library = u32_at(root.value, 36) == 2;
        }
        let tables = blocks(root.children, &mut budget)?;
        for file in tables.iter().filter(|block| block.key == "StringFileInfo") {
            // Of several languages the first is read: Windows Installer and Explorer show one, too.
            let Some(table) = blocks(file.children, &mut budget)?.into_iter().next() else { continue };
            if let Some(Ok(language)) = table.key.get(..4).map(|digits| u16::from_str_radix(digits, 16)) {
                info.language = language;
            }
            for line in blocks(table.children, &mut budget)? {
                info.strings.push((line.key, text(line.value)));
            }
            break;
        }
        Ok(info)
    }

    /// The content of the resource.
    pub fn write(&self) -> Result<Vec<u8>, VersionInfoError> {
        for (index, (name, value)) in self.strings.iter().enumerate() {
            let earlier = self.strings.iter().take(index);
            let problem = if name.is_empty() {
                "is a line without a name"
            } else if name.contains('\0') || value.contains('\0') {
                "contains a zero character"
            } else if earlier.clone().any(|(earlier, _)| earlier.eq_ignore_ascii_case(name)) {
                "is there twice"
            } else {
                continue;
            };
            return Err(VersionInfoError::Line { name: name.clone(), problem });
        }
        let pair = |version: [u16; 4]| {
            let [first, second, third, fourth] = version.map(u32::from);
            [first << 16 | second, third << 16 | fourth]
        };
        let ([file_high, file_low], [product_high, product_low]) =
            (pair(self.file_version), pair(self.product_version));
        // VS_FFI_FILEFLAGSMASK, and VOS_NT_WINDOWS32; sub-type and date are 0, as everywhere.
        let kind = if self.is_library { 2 } else { 1 };
        let fixed = [
            SIGNATURE,
            0x1_0000,
            file_high,
            file_low,
            product_high,
            product_low,
            0x3f,
            self.flags & 0x3f,
            0x4_0004,
            kind,
            0,
            0,
            0,
        ];
        let fixed: Vec<u8> = fixed.iter().flat_map(|field| field.to_le_bytes()).collect();

        let mut root = Node::open("VS_VERSION_INFO", &fixed, 0, fixed.len());
        if !self.strings.is_empty() {
            let mut table = Node::open(&format!("{:04x}{CODE_PAGE:04x}", self.language), &[], 1, 0);
            for (name, value) in &self.strings {
                let units: Vec<u16> = value.encode_utf16().chain([0]).collect();
                let bytes: Vec<u8> = units.iter().flat_map(|unit| unit.to_le_bytes()).collect();
                table.child(Node::open(name, &bytes, 1, units.len()));
            }
            let mut file = Node::open("StringFileInfo", &[], 1, 0);
            file.child(table);
            root.child(file);
            let translation = [self.language, CODE_PAGE].map(u16::to_le_bytes).concat();
            let mut variables = Node::open("VarFileInfo", &[], 1, 0);
            variables.child(Node::open("Translation", &translation, 0, translation.len()));
            root.child(variables);
        }
        let content = root.0;
        match u16::try_from(content.len()) {
            Ok(length) => {
                let mut content = content;
                put(&mut content, 0, &length.to_le_bytes());
                Ok(content)
            }
            Err(_) => Err(VersionInfoError::TooLarge { size: content.len() }),
        }
    }
}

/// A block that is being written: length, length of its value, type, key, value, children, each from a multiple of four.
struct Node(Vec<u8>);

impl Node {
    fn open(key: &str, value: &[u8], kind: u16, value_length: usize) -> Self {
        let mut bytes = vec![0, 0];
        // A longer value makes the whole longer than it may be, which is an error.
        bytes.extend((value_length as u16).to_le_bytes());
        bytes.extend(kind.to_le_bytes());
        bytes.extend(key.encode_utf16().chain([0]).flat_map(u16::to_le_bytes));
        if !value.is_empty() {
            bytes.resize(bytes.len().next_multiple_of(4), 0);
            bytes.extend_from_slice(value);
        }
        Node(bytes)
    }

    fn child(&mut self, mut child: Node) {
        let length = child.0.len() as u16;
        put(&mut child.0, 0, &length.to_le_bytes());
        self.0.resize(self.0.len().next_multiple_of(4), 0);
        self.0.append(&mut child.0);
    }
}

fn damaged(problem: &'static str) -> VersionInfoError {
    VersionInfoError::Damaged { problem }
}

/// A block that was read.
struct Read<'a> {
    key: String,
    value: &'a [u8],
    children: &'a [u8],
    /// Its length with the padding behind it.
    taken: usize,
}

fn block<'a>(bytes: &'a [u8], budget: &mut usize) -> Result<Read<'a>, VersionInfoError> {
    *budget = budget.checked_sub(1).ok_or_else(|| damaged("it has too many lines"))?;
    let length = usize::from(u16_at(bytes, 0));
    let own =
        bytes.get(..length).filter(|own| own.len() >= 6).ok_or_else(|| damaged("a block is cut off"))?;
    let units = own.get(6..).unwrap_or_default().chunks_exact(2).map(|unit| u16_at(unit, 0));
    let key: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    let start = (6 + key.len() * 2 + 2).next_multiple_of(4).min(length);
    let value_length = usize::from(u16_at(own, 2));
    // Text is measured in units, though some compilers write bytes.
    let is_text = u16_at(own, 4) == 1;
    let value_length = if is_text { value_length * 2 } else { value_length };
    let end = (start + value_length).min(length);
    Ok(Read {
        key: String::from_utf16_lossy(&key),
        value: own.get(start..end).unwrap_or_default(),
        children: own.get(end.next_multiple_of(4)..).unwrap_or_default(),
        taken: length.next_multiple_of(4),
    })
}

fn blocks<'a>(mut bytes: &'a [u8], budget: &mut usize) -> Result<Vec<Read<'a>>, VersionInfoError> {
    let mut found = Vec::new();
    // Padding of up to three bytes, and a length of zero that some tools leave, end a list.
    while bytes.len() >= 6 && u16_at(bytes, 0) != 0 {
        let next = block(bytes, budget)?;
        bytes = bytes.get(next.taken..).unwrap_or_default();
        found.push(next);
    }
    Ok(found)
}

fn text(value: &[u8]) -> String {
    let units = value.chunks_exact(2).map(|unit| u16_at(unit, 0));
    let units: Vec<u16> = units.take_while(|unit| *unit != 0).collect();
    String::from_utf16_lossy(&units)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Random;

    fn info() -> VersionInfo {
        let strings = [("CompanyName", "Example"), ("Comments", ""), ("FileVersion", "1.0 Größe 😀")];
        VersionInfo {
            file_version: [1, 2, 65535, 4],
            product_version: [5, 6, 7, 8],
            flags: 2,
            is_library: true,
            strings: strings.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec(),
            language: 1031,
        }
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let content = info().write().unwrap();
        assert_eq!(usize::from(u16_at(&content, 0)), content.len());
        assert_eq!(VersionInfo::read(&content, 0).unwrap(), info());
        assert_eq!(info().string("fileversion"), Some("1.0 Größe 😀"));
        let bare = VersionInfo { strings: Vec::new(), ..info() };
        assert_eq!(VersionInfo::read(&bare.write().unwrap(), 1031).unwrap(), bare);
    }

    #[test]
    fn lines_that_cannot_be_written_are_said() {
        let error = |strings: &[(&str, &str)]| {
            let strings = strings.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
            VersionInfo { strings: strings.collect(), ..info() }.write().unwrap_err().to_string()
        };
        assert_eq!(error(&[("A", "b\0c")]), "write the version information: `A` contains a zero character");
        assert_eq!(error(&[("A", ""), ("a", "")]), "write the version information: `a` is there twice");
        assert_eq!(error(&[("", "")]), "write the version information: `` is a line without a name");
        let long = "x".repeat(40_000);
        assert_eq!(
            error(&[("A", &long)]),
            "write the version information: it has 80236 bytes, and 65535 are the most"
        );
    }

    #[test]
    fn cut_or_damaged_information_is_no_panic() {
        let content = info().write().unwrap();
        for length in 0..content.len() {
            assert!(VersionInfo::read(&content[..length], 0).is_err(), "cut to {length}");
        }
        let mut random = Random::new(3);
        for _ in 0..20_000 {
            let mut damaged = content.clone();
            for _ in 0..1 + random.below(3) {
                let at = random.below(damaged.len());
                damaged[at] = random.next() as u8;
            }
            let _ = VersionInfo::read(&damaged, 0);
        }
    }
}
