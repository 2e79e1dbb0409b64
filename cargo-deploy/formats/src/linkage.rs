//! What a binary needs from the machine it runs on, read back from its bytes.
//!
//! ELF (System V gABI, and the GNU symbol versions of the Linux Standard Base), PE (Microsoft's "PE Format"), Mach-O
//! (`mach-o/loader.h`) and WebAssembly modules. A universal binary gives one answer for each slice.
//!
//! These are plain types without serialisation: the words that cross a process boundary are those of the model crate.

mod elf;
mod macho;
pub(crate) mod pe;
mod wasm;

use std::collections::BTreeSet;
use std::fmt;

use thiserror::Error;

use crate::member::name_text;
use crate::universal::{self, UniversalError};

pub(crate) use elf::machine_of;

/// Why the linkage of a file cannot be read.
#[derive(Debug, Error)]
pub enum LinkageError {
    /// The file starts like none of the containers.
    #[error("tell what the file is: it is neither ELF nor PE nor Mach-O nor WebAssembly")]
    Unrecognised,
    /// The headers contradict each other or the length of the file.
    #[error("read the {container} file: {problem}")]
    Malformed {
        /// As its start says.
        container: Container,
        /// What does not fit.
        problem: String,
    },
    /// The slices of a universal binary.
    #[error(transparent)]
    Universal {
        /// What is wrong with them.
        #[from]
        source: UniversalError,
    },
}

/// The format of a binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Container {
    /// Linux, the BSDs and most other systems.
    Elf,
    /// Windows, UEFI.
    Pe,
    /// macOS, iOS and their relatives.
    MachO,
    /// A WebAssembly module.
    Wasm,
}

impl fmt::Display for Container {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Container::Elf => "ELF",
            Container::Pe => "PE",
            Container::MachO => "Mach-O",
            Container::Wasm => "WebAssembly",
        })
    }
}

/// The processor a binary is for. It is displayed as the first word of Rust's target triples for it, in its most general
/// form (`x86`, though the triples say `i686`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Machine {
    /// 32-bit x86.
    X86,
    /// 64-bit x86.
    X86_64,
    /// 32-bit Arm.
    Arm,
    /// 64-bit Arm.
    Aarch64,
    /// 64-bit Arm with pointer authentication, as Apple has it.
    Arm64e,
    /// 32-bit RISC-V.
    Riscv32,
    /// 64-bit RISC-V.
    Riscv64,
    /// 32-bit PowerPC, big-endian.
    Powerpc,
    /// 64-bit PowerPC, big-endian.
    Powerpc64,
    /// 64-bit PowerPC, little-endian.
    Powerpc64le,
    /// IBM Z.
    S390x,
    /// 64-bit LoongArch.
    Loongarch64,
    /// 32-bit MIPS, big-endian.
    Mips,
    /// 32-bit MIPS, little-endian.
    Mipsel,
    /// 64-bit MIPS, big-endian.
    Mips64,
    /// 64-bit MIPS, little-endian.
    Mips64el,
    /// 64-bit SPARC.
    Sparc64,
    /// WebAssembly with 32-bit addresses.
    Wasm32,
    /// WebAssembly with 64-bit addresses.
    Wasm64,
    /// Any other, by the number its container has for it.
    Other(u32),
}

impl fmt::Display for Machine {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Machine::X86 => "x86",
            Machine::X86_64 => "x86_64",
            Machine::Arm => "arm",
            Machine::Aarch64 => "aarch64",
            Machine::Arm64e => "arm64e",
            Machine::Riscv32 => "riscv32",
            Machine::Riscv64 => "riscv64",
            Machine::Powerpc => "powerpc",
            Machine::Powerpc64 => "powerpc64",
            Machine::Powerpc64le => "powerpc64le",
            Machine::S390x => "s390x",
            Machine::Loongarch64 => "loongarch64",
            Machine::Mips => "mips",
            Machine::Mipsel => "mipsel",
            Machine::Mips64 => "mips64",
            Machine::Mips64el => "mips64el",
            Machine::Sparc64 => "sparc64",
            Machine::Wasm32 => "wasm32",
            Machine::Wasm64 => "wasm64",
            Machine::Other(number) => return write!(formatter, "machine {number:#x}"),
        })
    }
}

/// What a binary is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BinaryKind {
    /// A program. Wasm: a module that exports `_start`.
    Executable,
    /// A library or plug-in that is loaded into a program. Mach-O: also a bundle. Wasm: any other module.
    SharedLibrary,
    /// An object file for a linker.
    Object,
    /// A core dump, a file of debug information, a kernel extension.
    Other,
}

/// Whether a binary needs libraries when it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Linking {
    /// It names no interpreter and needs no library. Wasm modules are static unless they have a `dylink` section.
    Static,
    /// It does. That is every ordinary program on Windows and macOS, where the system itself is such libraries.
    Dynamic,
}

/// The PE subsystem.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Subsystem {
    /// Windows opens a console for it.
    Console,
    /// It has no console.
    Gui,
    /// A driver or a part of the system.
    Native,
    /// A UEFI application, driver or image.
    Efi,
    /// Any other, by its number.
    Other(u16),
}

/// A version in three numbers, as Mach-O has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct AppleVersion {
    /// The first number.
    pub major: u16,
    /// The second.
    pub minor: u8,
    /// The third.
    pub patch: u8,
}

impl fmt::Display for AppleVersion {
    /// Without a third number that is 0.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}", self.major, self.minor)?;
        if self.patch != 0 { write!(formatter, ".{}", self.patch) } else { Ok(()) }
    }
}

/// A system of Apple's, by the platform numbers of `mach-o/loader.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ApplePlatform {
    /// macOS.
    MacOs,
    /// iOS and iPadOS.
    Ios,
    /// The simulator of it.
    IosSimulator,
    /// iOS programs on macOS.
    MacCatalyst,
    /// tvOS.
    TvOs,
    /// watchOS.
    WatchOs,
    /// visionOS.
    VisionOs,
    /// Any other, by its number.
    Other(u32),
}

/// What a Mach-O file says of the system it was built for: `LC_BUILD_VERSION`, or one of the older `LC_VERSION_MIN_*`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct AppleBuild {
    /// The system.
    pub platform: ApplePlatform,
    /// The oldest version of it that starts the program.
    pub minimum: AppleVersion,
    /// The version of the SDK it was linked with; `None` where it is given as 0.
    pub sdk: Option<AppleVersion>,
}

/// The newest glibc an ELF file asks for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct GlibcDemand {
    /// The two numbers of `GLIBC_2.34`; a third, as in `GLIBC_2.2.5`, is left out. Versions that are needed weakly do not
    /// count, and `GLIBC_ABI_DT_RELR` counts as 2.36, the first release that provides it.
    pub version: (u32, u32),
    /// The symbols that need it, sorted, at most sixteen. Empty if the symbol table is gone.
    pub symbols: Vec<String>,
}

/// What a binary is, and what it needs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Linkage {
    /// The format.
    pub container: Container,
    /// The processor.
    pub machine: Machine,
    /// Program, library or something else.
    pub kind: BinaryKind,
    /// Whether libraries are needed when it starts.
    pub linking: Linking,
    /// The program that loads it. ELF: `PT_INTERP`; Mach-O: `LC_LOAD_DYLINKER`.
    pub interpreter: Option<String>,
    /// Libraries it does not start without, in the order of the file. ELF: `DT_NEEDED`; PE: the import directory; Mach-O:
    /// `LC_LOAD_DYLIB`, re-exported and upward libraries; Wasm: the modules it imports from, each once.
    pub needed: Vec<String>,
    /// Libraries it starts without, in the order of the file. PE: delay-loaded; Mach-O: weak and lazy ones.
    pub optional: Vec<String>,
    /// What others call it as a library. ELF: `DT_SONAME`; PE: the name in the export directory; Mach-O: `LC_ID_DYLIB`.
    pub own_name: Option<String>,
    /// Where its libraries are looked for. ELF: `DT_RPATH`, divided at colons; Mach-O: `LC_RPATH`.
    pub rpath: Vec<String>,
    /// The same in ELF's newer form, `DT_RUNPATH`.
    pub runpath: Vec<String>,
    /// The newest glibc it asks for; ELF only.
    pub highest_glibc: Option<GlibcDemand>,
    /// The system it was built for; Mach-O only.
    pub apple: Option<AppleBuild>,
    /// PE only.
    pub subsystem: Option<Subsystem>,
    /// Whether it can be loaded at any address. ELF: `ET_DYN`; PE: `DYNAMIC_BASE`; Mach-O: `MH_PIE`, and every library;
    /// Wasm: a `dylink` section.
    pub position_independent: bool,
    /// Whether it has no symbols but those that linking needs, and no debug information.
    ///
    /// ELF: no `SHT_SYMTAB` with a symbol. PE: no COFF symbols. Mach-O: no debugging entries (`strip`'s own
    /// mark, an `N_OPT` entry, does not count) and no local symbols but those that zig's linker makes up itself. Wasm: no `name` section. And in all of them `debug_info` is false.
    pub stripped: bool,
    /// Whether it contains DWARF. ELF: `.debug_info` or `.zdebug_info`, or the reduced `.debug_line`; PE: the same (a PDB is
    /// a file of its own and does not count); Mach-O: a `__DWARF` segment; Wasm: a `.debug_info` or `.debug_line` section.
    pub debug_info: bool,
}

/// What an ELF file asks of the libraries it is linked with, in all detail: what package formats compute dependencies from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ElfNeeds {
    /// The processor.
    pub machine: Machine,
    /// Whether it is a file of 64 bits.
    pub wide: bool,
    /// What others call it as a library, `DT_SONAME`.
    pub own_name: Option<String>,
    /// The libraries it does not start without, `DT_NEEDED`, in the order of the file.
    pub needed: Vec<String>,
    /// The symbol versions it asks for, in the order of the file.
    pub versions: Vec<VersionNeed>,
    /// The symbols it does not define itself, in the order of the file. Empty where the section headers are stripped.
    pub symbols: Vec<SymbolNeed>,
    /// The symbol versions that it defines as a library, in the order of the file, without the one of its own name.
    pub definitions: Vec<String>,
    /// Whether it can be loaded at any address (`ET_DYN`), as libraries and most programs can.
    pub position_independent: bool,
    /// Whether it has a table of symbols by GNU's hash, `DT_GNU_HASH`.
    pub gnu_hash: bool,
    /// Whether it has a table of symbols by the hash of the gABI, `DT_HASH`.
    pub system_v_hash: bool,
    /// Whether it has a slot for debuggers, `DT_DEBUG`, as programs have and libraries have not.
    pub debugger_slot: bool,
}

/// A symbol version that a library must define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VersionNeed {
    /// The library, as in [`ElfNeeds::needed`].
    pub library: String,
    /// Such as `GLIBC_2.34`.
    pub version: String,
    /// Whether the program starts without it.
    pub weak: bool,
}

/// A symbol that some library must define.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SymbolNeed {
    /// As it is in the file, not demangled.
    pub name: String,
    /// The place in [`ElfNeeds::versions`] of the version that it asks for, if it asks for any.
    pub version: Option<usize>,
    /// Whether the program starts without it.
    pub weak: bool,
}

impl Linkage {
    /// The oldest macOS that starts it, if it was built for macOS.
    pub fn minimum_macos(&self) -> Option<AppleVersion> {
        self.apple.filter(|build| build.platform == ApplePlatform::MacOs).map(|build| build.minimum)
    }

    fn new(container: Container, machine: Machine, kind: BinaryKind) -> Self {
        Linkage {
            container,
            machine,
            kind,
            linking: Linking::Static,
            interpreter: None,
            needed: Vec::new(),
            optional: Vec::new(),
            own_name: None,
            rpath: Vec::new(),
            runpath: Vec::new(),
            highest_glibc: None,
            apple: None,
            subsystem: None,
            position_independent: false,
            stripped: false,
            debug_info: false,
        }
    }
}

/// Tells the container by the start of a file: 64 bytes are enough. A universal binary is Mach-O.
pub fn container(bytes: &[u8]) -> Option<Container> {
    match bytes {
        [0x7f, b'E', b'L', b'F', ..] => Some(Container::Elf),
        [b'M', b'Z', ..] => Some(Container::Pe),
        [0, b'a', b's', b'm', ..] => Some(Container::Wasm),
        [0xfe, 0xed, 0xfa, 0xce | 0xcf, ..] | [0xce | 0xcf, 0xfa, 0xed, 0xfe, ..] => Some(Container::MachO),
        _ if universal::is_universal(bytes) => Some(Container::MachO),
        _ => None,
    }
}

/// Reads a whole file. There is one answer, or for a universal binary one for each slice, in its order.
pub fn read(bytes: &[u8]) -> Result<Vec<Linkage>, LinkageError> {
    if universal::is_universal(bytes) {
        return universal::slices(bytes)?.iter().map(|slice| read_thin(slice.bytes)).collect();
    }
    Ok(vec![read_thin(bytes)?])
}

/// Reads what an ELF file asks of its libraries. A file in another format is [`LinkageError::Unrecognised`].
pub fn elf_needs(bytes: &[u8]) -> Result<ElfNeeds, LinkageError> {
    match container(bytes) {
        Some(Container::Elf) => elf::needs(bytes)
            .map_err(|Problem(problem)| LinkageError::Malformed { container: Container::Elf, problem }),
        _ => Err(LinkageError::Unrecognised),
    }
}

fn read_thin(bytes: &[u8]) -> Result<Linkage, LinkageError> {
    let container = container(bytes).ok_or(LinkageError::Unrecognised)?;
    let linkage = match container {
        Container::Elf => elf::read(bytes),
        Container::Pe => pe::read(bytes),
        Container::MachO => macho::read(bytes),
        Container::Wasm => wasm::read(bytes),
    };
    linkage.map_err(|Problem(problem)| LinkageError::Malformed { container, problem })
}

/// What is wrong with a file: a noun phrase.
#[derive(Debug)]
struct Problem(String);

impl From<object::read::Error> for Problem {
    fn from(cause: object::read::Error) -> Self {
        Problem(cause.to_string())
    }
}

impl From<&str> for Problem {
    fn from(text: &str) -> Self {
        Problem(text.to_owned())
    }
}

/// Names as they are collected. A small damaged file can name the same long string very often, so there is an end.
#[derive(Default)]
struct Names {
    list: Vec<String>,
    bytes: usize,
}

impl Names {
    /// No path or library name of any system is longer.
    const LONGEST: usize = 4096;
    /// More than the largest programs have by a factor of a hundred.
    const MOST_BYTES: usize = 1 << 22;

    /// Takes the name at the start of some bytes, which end with it or behind a zero byte.
    fn push(&mut self, bytes: &[u8]) -> Result<(), Problem> {
        self.list.push(Self::one(bytes)?);
        self.bytes += self.list.last().map_or(0, String::len) + 1;
        if self.bytes > Self::MOST_BYTES { Err("more names than a program can have".into()) } else { Ok(()) }
    }

    fn one(bytes: &[u8]) -> Result<String, Problem> {
        let end = bytes.iter().take(Self::LONGEST + 1).position(|byte| *byte == 0);
        let name = &bytes[..end.unwrap_or(bytes.len())];
        if name.len() > Self::LONGEST {
            Err("a name of more than 4096 bytes".into())
        } else {
            Ok(name_text(name))
        }
    }
}

/// Each once, in the order of their first appearance.
fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    names.into_iter().filter(|name| seen.insert(name.clone())).collect()
}

/// Whether a section is one of DWARF, maybe compressed by the linker. `.debug_line` is all that `line-tables-only` might leave.
fn is_debug_section(name: &[u8]) -> bool {
    matches!(name, b".debug_info" | b".debug_line" | b".zdebug_info" | b".zdebug_line")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Random;

    /// Bytes of numbers in one byte order, written one after the other.
    struct Bytes {
        bytes: Vec<u8>,
        big: bool,
    }

    impl Bytes {
        fn new() -> Self {
            Bytes { bytes: Vec::new(), big: false }
        }

        fn put<const LENGTH: usize>(&mut self, mut little: [u8; LENGTH]) -> &mut Self {
            if self.big {
                little.reverse();
            }
            self.bytes.extend(little);
            self
        }

        fn u16(&mut self, values: &[u16]) -> &mut Self {
            values.iter().for_each(|value| _ = self.put(value.to_le_bytes()));
            self
        }

        fn u32(&mut self, values: &[u32]) -> &mut Self {
            values.iter().for_each(|value| _ = self.put(value.to_le_bytes()));
            self
        }

        fn u64(&mut self, values: &[u64]) -> &mut Self {
            values.iter().for_each(|value| _ = self.put(value.to_le_bytes()));
            self
        }

        fn raw(&mut self, bytes: &[u8]) -> &mut Self {
            self.bytes.extend(bytes);
            self
        }

        fn pad(&mut self, length: usize) -> &mut Self {
            assert!(self.bytes.len() <= length, "{:#x}", self.bytes.len());
            self.bytes.resize(length, 0);
            self
        }
    }

    /// Strings with zero bytes between them, and where each begins.
    fn strings(list: &[&str]) -> (Vec<u8>, Vec<u32>) {
        let mut bytes = vec![0];
        let mut places = Vec::new();
        for string in list {
            places.push(bytes.len() as u32);
            bytes.extend(string.as_bytes());
            bytes.push(0);
        }
        (bytes, places)
    }

    /// A 64-bit ELF file; what it has is switched on by fields.
    struct Elf {
        big: bool,
        machine: u16,
        file_type: u16,
        entry: u64,
        interpreter: Option<&'static str>,
        /// Tag and string.
        names: Vec<(u64, &'static str)>,
        flags_1: u64,
        /// Version, whether it is needed weakly, and the symbols that need it.
        versions: Vec<(&'static str, bool, Vec<&'static str>)>,
        symbols: bool,
        debug: bool,
        section_headers: bool,
    }

    const NEEDED: u64 = 1;
    const SONAME: u64 = 14;
    const RPATH: u64 = 15;
    const RUNPATH: u64 = 29;

    impl Elf {
        fn new() -> Self {
            Elf {
                big: false,
                machine: 62,
                file_type: 3,
                entry: 0x1000,
                interpreter: None,
                names: Vec::new(),
                flags_1: 0,
                versions: Vec::new(),
                symbols: false,
                debug: false,
                section_headers: true,
            }
        }

        /// One segment holds the whole file, at the address 0x10000.
        fn bytes(&self) -> Vec<u8> {
            const BASE: u64 = 0x10000;
            let new = || Bytes { bytes: Vec::new(), big: self.big };
            let mut list: Vec<&str> = vec!["libc.so.6"];
            list.extend(self.names.iter().map(|(_, name)| *name));
            for (version, _, symbols) in &self.versions {
                list.push(version);
                list.extend(symbols);
            }
            let (string_table, places) = strings(&list);
            let place = |name: &str| places[list.iter().position(|other| *other == name).unwrap()];

            let mut symbols = new();
            let mut versyms = new();
            symbols.u64(&[0, 0, 0]);
            versyms.u16(&[0]);
            let mut needs = new();
            if !self.versions.is_empty() {
                needs.u16(&[1, self.versions.len() as u16]).u32(&[place("libc.so.6"), 16, 0]);
            }
            for (index, (version, weak, names)) in self.versions.iter().enumerate() {
                let other = index as u16 + 2;
                let next = if index + 1 == self.versions.len() { 0 } else { 16 };
                needs.u32(&[0]).u16(&[if *weak { 2 } else { 0 }, other]).u32(&[place(version), next]);
                for name in names {
                    // A global function without a section.
                    symbols.u32(&[place(name)]).raw(&[0x12, 0]).u16(&[0]).u64(&[0, 0]);
                    versyms.u16(&[other]);
                }
            }
            let interpreter = self.interpreter.map_or(Vec::new(), |path| [path.as_bytes(), b"\0"].concat());

            let (interpreter_at, strings_at, symbols_at) = (0x200, 0x300, 0x800);
            let (versyms_at, needs_at, dynamic_at, names_at, headers_at) =
                (0xc00, 0xd00, 0xe00, 0x1000, 0x1100);
            let mut dynamic = new();
            for (tag, name) in &self.names {
                dynamic.u64(&[*tag, place(name).into()]);
            }
            dynamic.u64(&[5, BASE + strings_at, 10, string_table.len() as u64]);
            if !self.versions.is_empty() {
                dynamic.u64(&[0x6fff_fffe, BASE + needs_at, 0x6fff_ffff, 1]);
            }
            dynamic.u64(&[0x6fff_fffb, self.flags_1, 0, 0]);

            let has_dynamic = !self.names.is_empty() || !self.versions.is_empty() || self.flags_1 != 0;
            let mut segments = vec![[1, 0, 0x1000]];
            if has_dynamic {
                segments.push([2, dynamic_at, dynamic.bytes.len() as u64]);
            }
            if !interpreter.is_empty() {
                segments.push([3, interpreter_at, interpreter.len() as u64]);
            }
            let (section_names, name_places) =
                strings(&[".dynsym", ".dynstr", ".gnu.version", ".shstrtab", ".symtab", ".debug_info"]);
            // Name, type, offset, size, link, size of an entry.
            let mut sections = vec![
                [0; 6],
                [name_places[0].into(), 11, symbols_at, symbols.bytes.len() as u64, 2, 24],
                [name_places[1].into(), 3, strings_at, string_table.len() as u64, 0, 0],
                [name_places[2].into(), 0x6fff_ffff, versyms_at, versyms.bytes.len() as u64, 1, 2],
                [name_places[3].into(), 3, names_at, section_names.len() as u64, 0, 0],
            ];
            if self.symbols {
                sections.push([name_places[4].into(), 2, symbols_at, 48, 2, 24]);
            }
            if self.debug {
                sections.push([name_places[5].into(), 1, 0, 16, 0, 0]);
            }

            let mut file = new();
            file.raw(&[
                0x7f,
                b'E',
                b'L',
                b'F',
                2,
                if self.big { 2 } else { 1 },
                1,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
                0,
            ]);
            file.u16(&[self.file_type, self.machine]).u32(&[1]);
            file.u64(&[self.entry, 64, if self.section_headers { headers_at } else { 0 }]).u32(&[0]);
            let section_count = if self.section_headers { sections.len() as u16 } else { 0 };
            file.u16(&[
                64,
                56,
                segments.len() as u16,
                64,
                section_count,
                if self.section_headers { 4 } else { 0 },
            ]);
            for [kind, offset, size] in segments {
                file.u32(&[kind as u32, 4]).u64(&[offset, BASE + offset, BASE + offset, size, size, 8]);
            }
            let parts: [(u64, &[u8]); 8] = [
                (interpreter_at, &interpreter),
                (strings_at, &string_table),
                (symbols_at, &symbols.bytes),
                (versyms_at, &versyms.bytes),
                (needs_at, &needs.bytes),
                (dynamic_at, &dynamic.bytes),
                (names_at, &section_names),
                (headers_at, &[]),
            ];
            for (place, part) in parts {
                file.pad(place as usize).raw(part);
            }
            if self.section_headers {
                for [name, kind, offset, size, link, entry] in sections {
                    file.u32(&[name as u32, kind as u32]).u64(&[0, BASE + offset, offset, size]);
                    file.u32(&[link as u32, 0]).u64(&[8, entry]);
                }
            }
            file.bytes
        }

        fn linkage(&self) -> Linkage {
            let mut all = read(&self.bytes()).unwrap();
            assert_eq!(all.len(), 1);
            all.remove(0)
        }
    }

    fn program() -> Elf {
        Elf {
            interpreter: Some("/lib64/ld-linux-x86-64.so.2"),
            names: vec![
                (NEEDED, "libz.so.1"),
                (NEEDED, "libc.so.6"),
                (RPATH, "/opt/lib:$ORIGIN"),
                (RUNPATH, "$ORIGIN/../lib"),
            ],
            flags_1: 0x0800_0000,
            versions: vec![
                ("GLIBC_2.2.5", false, vec!["puts"]),
                ("GLIBC_2.34", false, vec!["pthread_join", "__libc_start_main"]),
                ("GLIBC_2.38", true, vec!["strlcpy"]),
                ("GLIBC_PRIVATE", false, vec!["__secret"]),
            ],
            ..Elf::new()
        }
    }

    #[test]
    fn an_elf_program_is_read() {
        let expected = Linkage {
            linking: Linking::Dynamic,
            interpreter: Some("/lib64/ld-linux-x86-64.so.2".to_owned()),
            needed: vec!["libz.so.1".to_owned(), "libc.so.6".to_owned()],
            rpath: vec!["/opt/lib".to_owned(), "$ORIGIN".to_owned()],
            runpath: vec!["$ORIGIN/../lib".to_owned()],
            highest_glibc: Some(GlibcDemand {
                version: (2, 34),
                symbols: vec!["__libc_start_main".to_owned(), "pthread_join".to_owned()],
            }),
            position_independent: true,
            stripped: true,
            ..Linkage::new(Container::Elf, Machine::X86_64, BinaryKind::Executable)
        };
        assert_eq!(program().linkage(), expected);
        let big = Elf { big: true, machine: 21, ..program() };
        assert_eq!(big.linkage(), Linkage { machine: Machine::Powerpc64, ..expected.clone() });
        // Without section headers there are no symbols, but all that a loader knows is there.
        let bare = Elf { section_headers: false, ..program() }.linkage();
        let glibc = Some(GlibcDemand { version: (2, 34), symbols: Vec::new() });
        assert_eq!(bare, Linkage { highest_glibc: glibc, ..expected });
    }

    #[test]
    fn what_an_elf_program_asks_of_its_libraries_is_read() {
        let needs = elf_needs(&program().bytes()).unwrap();
        assert_eq!((needs.machine, needs.wide, needs.own_name), (Machine::X86_64, true, None));
        assert_eq!(needs.needed, ["libz.so.1", "libc.so.6"]);
        let versions: Vec<_> = needs
            .versions
            .iter()
            .map(|need| (need.library.as_str(), need.version.as_str(), need.weak))
            .collect();
        assert_eq!(
            versions,
            [
                ("libc.so.6", "GLIBC_2.2.5", false),
                ("libc.so.6", "GLIBC_2.34", false),
                ("libc.so.6", "GLIBC_2.38", true),
                ("libc.so.6", "GLIBC_PRIVATE", false),
            ]
        );
        let symbols: Vec<_> = needs.symbols.iter().map(|need| (need.name.as_str(), need.version)).collect();
        assert_eq!(
            symbols,
            [
                ("puts", Some(0)),
                ("pthread_join", Some(1)),
                ("__libc_start_main", Some(1)),
                ("strlcpy", Some(2)),
                ("__secret", Some(3)),
            ]
        );
        let bare = elf_needs(&Elf { section_headers: false, ..program() }.bytes()).unwrap();
        assert_eq!((bare.versions, bare.symbols), (needs.versions, Vec::new()));
        assert!(matches!(elf_needs(b"MZ"), Err(LinkageError::Unrecognised)));
    }

    #[test]
    fn programs_and_libraries_of_elf_are_told_apart() {
        let pie = 0x0800_0000;
        let linker = Some("/lib/ld-musl-x86_64.so.1");
        let table: &[(&str, Elf, BinaryKind, Linking, bool)] = &[
            (
                "static, at a fixed address",
                Elf { file_type: 2, ..Elf::new() },
                BinaryKind::Executable,
                Linking::Static,
                false,
            ),
            ("static-pie", Elf { flags_1: pie, ..Elf::new() }, BinaryKind::Executable, Linking::Static, true),
            (
                "static-pie of an old linker",
                Elf { flags_1: 1, ..Elf::new() },
                BinaryKind::Executable,
                Linking::Static,
                true,
            ),
            (
                "pie of an old linker",
                Elf { interpreter: linker, names: vec![(NEEDED, "libc.so")], ..Elf::new() },
                BinaryKind::Executable,
                Linking::Dynamic,
                true,
            ),
            (
                "a library",
                Elf { names: vec![(SONAME, "libx.so.1"), (NEEDED, "libc.so")], ..Elf::new() },
                BinaryKind::SharedLibrary,
                Linking::Dynamic,
                true,
            ),
            (
                "a library without a name",
                Elf { names: vec![(NEEDED, "libc.so")], ..Elf::new() },
                BinaryKind::SharedLibrary,
                Linking::Dynamic,
                true,
            ),
            (
                "a library that needs nothing",
                Elf { entry: 0, flags_1: 1, ..Elf::new() },
                BinaryKind::SharedLibrary,
                Linking::Static,
                true,
            ),
            (
                "a library that can be started",
                Elf { names: vec![(SONAME, "libc.so.6")], interpreter: linker, ..Elf::new() },
                BinaryKind::SharedLibrary,
                Linking::Dynamic,
                true,
            ),
            (
                "an object file",
                Elf { file_type: 1, ..Elf::new() },
                BinaryKind::Object,
                Linking::Static,
                false,
            ),
            ("a core dump", Elf { file_type: 4, ..Elf::new() }, BinaryKind::Other, Linking::Static, false),
        ];
        for (name, elf, kind, linking, position_independent) in table {
            let linkage = elf.linkage();
            let found = (linkage.kind, linkage.linking, linkage.position_independent);
            assert_eq!(found, (*kind, *linking, *position_independent), "{name}");
        }
        assert_eq!(table[4].1.linkage().own_name.as_deref(), Some("libx.so.1"));
    }

    #[test]
    fn symbols_and_debug_information_of_elf_are_seen() {
        for (symbols, debug, stripped) in
            [(false, false, true), (true, false, false), (false, true, false), (true, true, false)]
        {
            let linkage = Elf { symbols, debug, ..program() }.linkage();
            assert_eq!((linkage.stripped, linkage.debug_info), (stripped, debug));
        }
    }

    #[test]
    fn packed_relocations_demand_glibc_2_36() {
        let versions = vec![("GLIBC_2.34", false, vec!["puts"]), ("GLIBC_ABI_DT_RELR", false, vec![])];
        let demand = Elf { versions, ..Elf::new() }.linkage().highest_glibc.unwrap();
        assert_eq!(demand.version, (2, 36));
        assert_eq!(demand.symbols, ["GLIBC_ABI_DT_RELR"]);
        let versions = vec![("GLIBC_2.9", false, vec!["a"]), ("GLIBC_2.10", false, vec!["b"])];
        let demand = Elf { versions, ..Elf::new() }.linkage().highest_glibc.unwrap();
        assert_eq!((demand.version, demand.symbols), ((2, 10), vec!["b".to_owned()]));
        assert_eq!(Elf::new().linkage().highest_glibc, None);
    }

    #[test]
    fn the_processors_of_elf_have_their_names() {
        let table = [
            (183, false, "aarch64"),
            (243, false, "riscv64"),
            (21, false, "powerpc64le"),
            (22, true, "s390x"),
            (258, false, "loongarch64"),
            (8, true, "mips64"),
            (8, false, "mips64el"),
            (43, true, "sparc64"),
            (0x9026, false, "machine 0x9026"),
        ];
        for (machine, big, name) in table {
            assert_eq!(Elf { machine, big, ..Elf::new() }.linkage().machine.to_string(), name);
        }
    }

    #[test]
    fn the_program_that_runs_this_test_is_read() {
        let path = std::env::current_exe().unwrap();
        #[expect(clippy::disallowed_methods, reason = "a real program as input of a test")]
        let bytes = std::fs::read(path).unwrap();
        let linkage = &read(&bytes).unwrap()[0];
        assert_eq!(linkage.machine.to_string(), std::env::consts::ARCH);
        assert_eq!(linkage.kind, BinaryKind::Executable);
        let container = match std::env::consts::FAMILY {
            "windows" => Container::Pe,
            _ if cfg!(target_vendor = "apple") => Container::MachO,
            _ => Container::Elf,
        };
        assert_eq!(linkage.container, container);
        if cfg!(all(target_os = "linux", target_env = "gnu", not(target_feature = "crt-static"))) {
            assert_eq!(linkage.linking, Linking::Dynamic);
            assert!(linkage.needed.contains(&"libc.so.6".to_owned()), "{:?}", linkage.needed);
            let demand = linkage.highest_glibc.clone().unwrap();
            assert!(demand.version >= (2, 2) && !demand.symbols.is_empty(), "{demand:?}");
        }
    }

    /// A 64-bit PE file with one section at the address 0x1000 and the offset 0x400.
    struct Pe {
        machine: u16,
        characteristics: u16,
        subsystem: u16,
        dll_characteristics: u16,
        imports: Vec<&'static str>,
        delayed: Vec<&'static str>,
        /// Without the bit that says so, addresses of the delayed ones are absolute.
        absolute: bool,
        export: Option<&'static str>,
        symbols: u32,
        section: &'static [u8; 8],
    }

    impl Pe {
        fn new() -> Self {
            Pe {
                machine: 0x8664,
                characteristics: 0x22,
                subsystem: 3,
                dll_characteristics: 0x8160,
                imports: Vec::new(),
                delayed: Vec::new(),
                absolute: false,
                export: None,
                symbols: 0,
                section: b".idata\0\0",
            }
        }

        fn bytes(&self) -> Vec<u8> {
            const IMAGE_BASE: u64 = 0x1_0000;
            let list: Vec<&str> = [&self.imports[..], &self.delayed, self.export.as_slice()].concat();
            let (names, places) = strings(&list);
            let address = |name: &str| 0x1400 + places[list.iter().position(|other| *other == name).unwrap()];

            let mut data = Bytes::new();
            for name in &self.imports {
                data.u32(&[1, 0, 0, address(name), 1]);
            }
            data.u32(&[0; 5]).pad(0x200);
            for name in &self.delayed {
                let (attributes, base) = if self.absolute { (0, IMAGE_BASE as u32) } else { (1, 0) };
                data.u32(&[attributes, address(name) + base, 0, 0, 0, 0, 0, 0]);
            }
            data.u32(&[0; 8]).pad(0x300);
            let name = self.export.map_or(0, address);
            data.u32(&[0, 0, 0, name, 1, 0, 0, 0, 0, 0]).pad(0x400).raw(&names).pad(0x800);

            let mut file = Bytes::new();
            file.raw(b"MZ").pad(60).u32(&[64]).raw(b"PE\0\0");
            let symbols_at = if self.symbols == 0 { 0 } else { 0xc00 };
            file.u16(&[self.machine, 1])
                .u32(&[0, symbols_at, self.symbols])
                .u16(&[240, self.characteristics]);
            file.u16(&[0x20b, 0]).u32(&[0; 5]).u64(&[IMAGE_BASE]).u32(&[0x1000, 0x200]);
            file.u16(&[6, 0, 0, 0, 6, 0]).u32(&[0, 0x2000, 0x400, 0]);
            file.u16(&[self.subsystem, self.dll_characteristics]).u64(&[0; 4]).u32(&[0, 16]);
            let mut directories = [[0u32; 2]; 16];
            if self.export.is_some() {
                directories[0] = [0x1300, 40];
            }
            if !self.imports.is_empty() {
                directories[1] = [0x1000, 40];
            }
            if !self.delayed.is_empty() {
                directories[13] = [0x1200, 64];
            }
            for directory in directories {
                file.u32(&directory);
            }
            file.raw(self.section).u32(&[0x800, 0x1000, 0x800, 0x400, 0, 0]).u16(&[0, 0]).u32(&[0x4000_0040]);
            file.pad(0x400).raw(&data.bytes);
            for _ in 0..self.symbols {
                file.raw(b"symbol\0\0").u32(&[0]).u16(&[1, 0]).raw(&[2, 0]);
            }
            if self.symbols != 0 {
                file.u32(&[16]).raw(b".debug_info\0");
            }
            file.bytes
        }

        fn linkage(&self) -> Linkage {
            read(&self.bytes()).unwrap().remove(0)
        }
    }

    #[test]
    fn a_pe_program_is_read() {
        let program = Pe {
            imports: vec!["KERNEL32.dll", "ntdll.dll"],
            delayed: vec!["bcryptprimitives.dll"],
            ..Pe::new()
        };
        let expected = Linkage {
            linking: Linking::Dynamic,
            needed: vec!["KERNEL32.dll".to_owned(), "ntdll.dll".to_owned()],
            optional: vec!["bcryptprimitives.dll".to_owned()],
            subsystem: Some(Subsystem::Console),
            position_independent: true,
            stripped: true,
            ..Linkage::new(Container::Pe, Machine::X86_64, BinaryKind::Executable)
        };
        assert_eq!(program.linkage(), expected);
        let absolute = Pe { absolute: true, ..program };
        assert_eq!(absolute.linkage(), expected);
    }

    #[test]
    fn a_pe_library_is_read() {
        let library = Pe {
            machine: 0xaa64,
            characteristics: 0x2022,
            subsystem: 2,
            dll_characteristics: 0,
            export: Some("answer.dll"),
            ..Pe::new()
        };
        let expected = Linkage {
            own_name: Some("answer.dll".to_owned()),
            subsystem: Some(Subsystem::Gui),
            stripped: true,
            ..Linkage::new(Container::Pe, Machine::Aarch64, BinaryKind::SharedLibrary)
        };
        assert_eq!(library.linkage(), expected);
        for (number, subsystem) in [(1, Subsystem::Native), (10, Subsystem::Efi), (14, Subsystem::Other(14))]
        {
            assert_eq!(Pe { subsystem: number, ..Pe::new() }.linkage().subsystem, Some(subsystem));
        }
    }

    #[test]
    fn symbols_and_debug_information_of_pe_are_seen() {
        let linkage = Pe { symbols: 2, ..Pe::new() }.linkage();
        assert_eq!((linkage.stripped, linkage.debug_info), (false, false));
        // The name of the section is in the string table behind the symbols.
        let linkage = Pe { symbols: 1, section: b"/4\0\0\0\0\0\0", ..Pe::new() }.linkage();
        assert_eq!((linkage.stripped, linkage.debug_info), (false, true));
    }

    /// A 64-bit Mach-O file of some load commands, each with its number, and symbols by their `n_type` and name.
    fn macho(file_type: u32, flags: u32, commands: &[(u32, Vec<u8>)], symbols: &[(u8, &str)]) -> Vec<u8> {
        let mut body = Bytes::new();
        for (number, content) in commands {
            let length = (8 + content.len()).next_multiple_of(8);
            let end = body.bytes.len() + length;
            body.u32(&[*number, length as u32]).raw(content).pad(end);
        }
        let names: Vec<&str> = symbols.iter().map(|symbol| symbol.1).collect();
        let (names, places) = strings(&names);
        let symbols_at = 32 + body.bytes.len() as u32 + 24;
        let names_at = symbols_at + 16 * symbols.len() as u32;
        body.u32(&[2, 24, symbols_at, symbols.len() as u32, names_at, names.len() as u32]);
        let mut file = Bytes::new();
        let head = [0xfeed_facf, 0x0100_000c, 0, file_type, commands.len() as u32 + 1];
        file.u32(&head).u32(&[body.bytes.len() as u32, flags, 0]).raw(&body.bytes);
        for ((kind, _), place) in symbols.iter().zip(places) {
            file.u32(&[place]).raw(&[*kind, 1]).u16(&[0]).u64(&[0]);
        }
        file.raw(&names);
        file.bytes
    }

    fn fields(values: &[u32]) -> Vec<u8> {
        let mut bytes = Bytes::new();
        bytes.u32(values);
        bytes.bytes
    }

    fn library(name: &str) -> Vec<u8> {
        [&fields(&[24, 2, 0, 0])[..], name.as_bytes(), b"\0"].concat()
    }

    fn path(name: &str) -> Vec<u8> {
        [&fields(&[12])[..], name.as_bytes(), b"\0"].concat()
    }

    const LOAD_WEAK: u32 = 0x8000_0018;
    const RPATH_COMMAND: u32 = 0x8000_001c;

    fn mac_program() -> Vec<u8> {
        let commands = [
            (0xe, path("/usr/lib/dyld")),
            (0x32, fields(&[1, 11 << 16 | 2 << 8 | 3, 15 << 16 | 5 << 8, 0])),
            (0xc, library("/usr/lib/libSystem.B.dylib")),
            (LOAD_WEAK, library("/usr/lib/libweak.dylib")),
            (0xc, library("@rpath/libmine.dylib")),
            (RPATH_COMMAND, path("@executable_path/../Frameworks")),
        ];
        // Two that the linker makes, what strip leaves, an exported one, and one that is missing.
        let symbols = [
            (0x0e, "dyld_private"),
            (0x0e, "_pow__thunk"),
            (0x3c, "radr://5614542"),
            (0x0f, "_main"),
            (0x01, "_pow"),
        ];
        macho(2, 0x0020_0085, &commands, &symbols)
    }

    #[test]
    fn a_mac_program_is_read() {
        let expected = Linkage {
            linking: Linking::Dynamic,
            interpreter: Some("/usr/lib/dyld".to_owned()),
            needed: vec!["/usr/lib/libSystem.B.dylib".to_owned(), "@rpath/libmine.dylib".to_owned()],
            optional: vec!["/usr/lib/libweak.dylib".to_owned()],
            rpath: vec!["@executable_path/../Frameworks".to_owned()],
            apple: Some(AppleBuild {
                platform: ApplePlatform::MacOs,
                minimum: AppleVersion { major: 11, minor: 2, patch: 3 },
                sdk: Some(AppleVersion { major: 15, minor: 5, patch: 0 }),
            }),
            position_independent: true,
            stripped: true,
            ..Linkage::new(Container::MachO, Machine::Aarch64, BinaryKind::Executable)
        };
        let found = read(&mac_program()).unwrap();
        assert_eq!(found, [expected]);
        let shown = (found[0].minimum_macos().unwrap(), found[0].apple.unwrap().sdk.unwrap());
        assert_eq!((shown.0.to_string(), shown.1.to_string()), ("11.2.3".to_owned(), "15.5".to_owned()));
    }

    #[test]
    fn a_mac_library_is_read() {
        let commands = [(0xd, library("@rpath/libmine.dylib")), (0x24, fields(&[10 << 16 | 13 << 8, 0]))];
        let linkage = &read(&macho(6, 0x85, &commands, &[])).unwrap()[0];
        assert_eq!(linkage.kind, BinaryKind::SharedLibrary);
        assert_eq!(linkage.linking, Linking::Static);
        assert_eq!(linkage.own_name.as_deref(), Some("@rpath/libmine.dylib"));
        assert!(linkage.position_independent);
        assert_eq!(linkage.minimum_macos(), Some(AppleVersion { major: 10, minor: 13, patch: 0 }));
        assert_eq!(linkage.apple.unwrap().sdk, None);
    }

    #[test]
    fn a_program_for_ios_has_no_minimum_macos() {
        let build = |platform| vec![(0x32, fields(&[platform, 17 << 16, 0, 0]))];
        let table = [
            (2, ApplePlatform::Ios),
            (7, ApplePlatform::IosSimulator),
            (11, ApplePlatform::VisionOs),
            (99, ApplePlatform::Other(99)),
        ];
        for (number, platform) in table {
            let linkage = &read(&macho(2, 0, &build(number), &[])).unwrap()[0];
            assert_eq!(linkage.apple.unwrap().platform, platform);
            assert_eq!(linkage.minimum_macos(), None);
            assert!(!linkage.position_independent);
        }
    }

    #[test]
    fn symbols_and_debug_information_of_macho_are_seen() {
        for symbol in [(0x0e, "_private"), (0x64, "main.c"), (0x1e, "_hidden")] {
            let linkage = &read(&macho(2, 0, &[], &[symbol])).unwrap()[0];
            assert_eq!((linkage.stripped, linkage.debug_info), (false, false), "{symbol:?}");
        }
        let mut segment = b"__DWARF\0\0\0\0\0\0\0\0\0".to_vec();
        segment.extend([0; 48]);
        let linkage = &read(&macho(10, 0, &[(0x19, segment)], &[])).unwrap()[0];
        assert_eq!((linkage.kind, linkage.stripped, linkage.debug_info), (BinaryKind::Other, false, true));
    }

    #[test]
    fn each_slice_of_a_universal_binary_is_read() {
        let arm = mac_program();
        let mut intel = arm.clone();
        intel[4..12].copy_from_slice(&[7, 0, 0, 1, 3, 0, 0, 0]);
        let mut joined = Vec::new();
        universal::join(&[&arm, &intel], &mut joined).unwrap();
        let machines: Vec<Machine> = read(&joined).unwrap().iter().map(|linkage| linkage.machine).collect();
        assert_eq!(machines, [Machine::X86_64, Machine::Aarch64]);
        assert_eq!(container(&joined), Some(Container::MachO));
        joined.truncate(joined.len() - 1);
        assert_eq!(
            read(&joined).unwrap_err().to_string(),
            "read the universal binary: its header does not agree with the file"
        );
    }

    /// A module of some sections, all below 128 bytes long.
    fn wasm(sections: &[(u8, &[u8])]) -> Vec<u8> {
        let mut bytes = b"\0asm\x01\0\0\0".to_vec();
        for (id, content) in sections {
            bytes.extend([*id, content.len() as u8]);
            bytes.extend(*content);
        }
        bytes
    }

    const IMPORTS: &[u8] = b"\x05\
        \x04wasi\x01a\0\x07\
        \x03env\x03mem\x02\x01\x01\x80\x02\
        \x03env\x03tab\x01\x70\0\x0a\
        \x04wasi\x01b\x03\x7f\x01\
        \x03env\x01t\x04\0\x02";
    const START: &[u8] = b"\x02\x06memory\x02\0\x06_start\0\x01";

    #[test]
    fn a_wasm_program_is_read() {
        let expected = Linkage {
            needed: vec!["wasi".to_owned(), "env".to_owned()],
            stripped: true,
            ..Linkage::new(Container::Wasm, Machine::Wasm32, BinaryKind::Executable)
        };
        assert_eq!(read(&wasm(&[(2, IMPORTS), (5, b"\x01\0\x11"), (7, START)])).unwrap(), [expected]);
    }

    #[test]
    fn the_kinds_of_wasm_modules_are_told_apart() {
        let find = |sections: &[(u8, &[u8])]| read(&wasm(sections)).unwrap().remove(0);
        assert_eq!(find(&[]).kind, BinaryKind::SharedLibrary);
        assert_eq!(find(&[(0, b"\x07linking\x02"), (7, START)]).kind, BinaryKind::Object);
        let dynamic = find(&[(0, b"\x08dylink.0\x01")]);
        assert_eq!((dynamic.linking, dynamic.position_independent), (Linking::Dynamic, true));
        assert_eq!(find(&[(5, b"\x01\x05\x01\x02")]).machine, Machine::Wasm64);
        let named = find(&[(0, b"\x04name")]);
        assert_eq!((named.stripped, named.debug_info), (false, false));
        let debug = find(&[(0, b"\x0b.debug_info")]);
        assert_eq!((debug.stripped, debug.debug_info), (false, true));
        assert_eq!(
            read(b"\0asm\x0d\0\x01\0").unwrap_err().to_string(),
            "read the WebAssembly file: a component, of which only the modules inside could be read"
        );
    }

    #[test]
    fn what_is_no_binary_is_said_to_be_none() {
        for bytes in [&b""[..], b"#!/bin/sh\n", b"!<arch>\n", &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52]] {
            assert_eq!(
                read(bytes).unwrap_err().to_string(),
                "tell what the file is: it is neither ELF nor PE nor Mach-O nor WebAssembly"
            );
        }
    }

    fn samples() -> Vec<Vec<u8>> {
        let arm = mac_program();
        let mut intel = arm.clone();
        intel[4..12].copy_from_slice(&[7, 0, 0, 1, 3, 0, 0, 0]);
        let mut joined = Vec::new();
        universal::join(&[&arm, &intel], &mut joined).unwrap();
        let pe = Pe {
            imports: vec!["a.dll", "b.dll"],
            delayed: vec!["c.dll"],
            export: Some("d.dll"),
            symbols: 2,
            ..Pe::new()
        };
        vec![
            Elf { symbols: true, debug: true, ..program() }.bytes(),
            Elf { big: true, section_headers: false, ..program() }.bytes(),
            pe.bytes(),
            arm,
            wasm(&[(2, IMPORTS), (5, b"\x01\0\x11"), (7, START), (0, b"\x04name")]),
            joined[..0x4000 + 200].to_vec(),
        ]
    }

    #[test]
    fn cut_files_do_no_harm() {
        for sample in samples() {
            for length in 0..sample.len() {
                let _ = read(&sample[..length]);
                let _ = elf_needs(&sample[..length]);
            }
        }
        let elf = program().bytes();
        let cut = read(&elf[..elf.len() - 1]).unwrap_err().to_string();
        assert!(cut.starts_with("read the ELF file: "), "{cut}");
    }

    #[test]
    fn damaged_files_do_no_harm() {
        let mut random = Random::new(1);
        for sample in samples() {
            for _ in 0..20_000 {
                let mut damaged = sample.clone();
                for _ in 0..1 + random.below(4) {
                    let place = random.below(damaged.len());
                    damaged[place] = match random.below(3) {
                        0 => 0xff,
                        1 => 0,
                        _ => random.next() as u8,
                    };
                }
                if let Ok(needs) = elf_needs(&damaged) {
                    assert!(needs.versions.len() < 1 << 17 && needs.symbols.len() < 1 << 16);
                }
                if let Ok(all) = read(&damaged) {
                    let names: usize = all.iter().map(|linkage| linkage.needed.len()).sum();
                    assert!(names < 1 << 16);
                }
            }
        }
    }

    #[test]
    fn a_file_that_names_one_long_string_very_often_is_refused() {
        let mut elf = Bytes::new();
        elf.raw(&[0x7f, b'E', b'L', b'F', 2, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        elf.u16(&[3, 62]).u32(&[1]).u64(&[0, 64, 0]).u32(&[0]).u16(&[64, 56, 2, 64, 0, 0]);
        let count = 2000u64;
        let (dynamic_at, strings_at) = (0x100, 0x100 + (count + 3) * 16);
        let end = strings_at + 4000;
        elf.u32(&[1, 4]).u64(&[0, 0, 0, end, end, 8]);
        elf.u32(&[2, 4]).u64(&[dynamic_at, dynamic_at, dynamic_at, (count + 3) * 16, (count + 3) * 16, 8]);
        elf.pad(dynamic_at as usize);
        for _ in 0..count {
            elf.u64(&[NEEDED, 1]);
        }
        elf.u64(&[5, strings_at, 10, 4000, 0, 0]).raw(&[b'n'; 3999]).raw(&[0]);
        assert_eq!(
            read(&elf.bytes).unwrap_err().to_string(),
            "read the ELF file: more names than a program can have"
        );
    }
}
