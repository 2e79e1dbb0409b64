//! ELF: the dynamic section, symbol versions and what stripping leaves.

use std::collections::BTreeMap;

use object::Endianness;
use object::elf;
use object::read::elf::{Dyn, FileHeader, ProgramHeader, SectionHeader, SectionTable, Sym};
use object::read::{ReadRef, StringTable};

use super::{
    BinaryKind, Container, ElfNeeds, GlibcDemand, Linkage, Linking, Machine, Names, Problem, SymbolNeed,
    VersionNeed,
};

pub(super) fn read(bytes: &[u8]) -> Result<Linkage, Problem> {
    match bytes.get(4).copied().map(elf::FileClass) {
        Some(elf::ELFCLASS32) => read_class::<elf::FileHeader32<Endianness>>(bytes),
        Some(elf::ELFCLASS64) => read_class::<elf::FileHeader64<Endianness>>(bytes),
        _ => Err("a class that is neither 32 nor 64 bits".into()),
    }
}

pub(super) fn needs(bytes: &[u8]) -> Result<ElfNeeds, Problem> {
    match bytes.get(4).copied().map(elf::FileClass) {
        Some(elf::ELFCLASS32) => needs_class::<elf::FileHeader32<Endianness>>(bytes),
        Some(elf::ELFCLASS64) => needs_class::<elf::FileHeader64<Endianness>>(bytes),
        _ => Err("a class that is neither 32 nor 64 bits".into()),
    }
}

fn needs_class<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<ElfNeeds, Problem> {
    let (header, file) = File::<Elf>::open(bytes)?;
    let dynamic = file.dynamic()?;
    let needs = file.version_needs(&dynamic).ok_or("symbol versions outside the file")?;
    let mut names = Names::default();
    for need in &needs {
        names.push(need.library)?;
        names.push(need.version)?;
    }
    let versions = names.list.chunks_exact(2).zip(&needs).map(|(names, need)| VersionNeed {
        library: names[0].clone(),
        version: names[1].clone(),
        weak: need.weak,
    });
    Ok(ElfNeeds {
        machine: machine(header, file.endian),
        wide: header.is_class_64(),
        own_name: dynamic.name(elf::DT_SONAME)?,
        needed: dynamic.needed()?,
        versions: versions.collect(),
        symbols: file.undefined_symbols(&needs)?,
        definitions: file.version_definitions(&dynamic)?,
        position_independent: header.e_type(file.endian) == elf::ET_DYN,
        gnu_hash: dynamic.value(elf::DT_GNU_HASH).is_some(),
        system_v_hash: dynamic.value(elf::DT_HASH).is_some(),
        debugger_slot: dynamic.value(elf::DT_DEBUG).is_some(),
    })
}

fn read_class<Elf: FileHeader<Endian = Endianness>>(bytes: &[u8]) -> Result<Linkage, Problem> {
    let (header, file) = File::<Elf>::open(bytes)?;
    let endian = file.endian;
    let dynamic = file.dynamic()?;
    let mut linkage = Linkage::new(Container::Elf, machine(header, endian), BinaryKind::Other);
    for segment in file.segments {
        if let Some(interpreter) = segment.interpreter(endian, bytes)? {
            linkage.interpreter = Some(Names::one(interpreter)?);
        }
    }
    let needed = dynamic.needed()?;
    linkage.own_name = dynamic.name(elf::DT_SONAME)?;
    linkage.rpath = dynamic.paths(elf::DT_RPATH)?;
    linkage.runpath = dynamic.paths(elf::DT_RUNPATH)?;
    linkage.kind = match header.e_type(endian) {
        elf::ET_EXEC => BinaryKind::Executable,
        elf::ET_REL => BinaryKind::Object,
        elf::ET_DYN if is_program(header, endian, &linkage, &dynamic, &needed) => BinaryKind::Executable,
        elf::ET_DYN => BinaryKind::SharedLibrary,
        _ => BinaryKind::Other,
    };
    linkage.needed = needed;
    if linkage.interpreter.is_some() || !linkage.needed.is_empty() {
        linkage.linking = Linking::Dynamic;
    }
    linkage.position_independent = header.e_type(endian) == elf::ET_DYN;
    linkage.highest_glibc = file.highest_glibc(&dynamic)?;
    let mut has_symbols = false;
    for section in file.sections.iter() {
        let name = file.sections.section_name(endian, section).unwrap_or_default();
        linkage.debug_info |= super::is_debug_section(name);
        // The first symbol of every table is none.
        let size: u64 = section.sh_size(endian).into();
        has_symbols |= section.sh_type(endian) == elf::SHT_SYMTAB && size > size_of::<Elf::Sym>() as u64;
    }
    linkage.stripped = !has_symbols && !linkage.debug_info;
    Ok(linkage)
}

/// A position-independent program and a shared library are both `ET_DYN`. Linkers mark the program with
/// `DF_1_PIE`; where they did not, it has an interpreter and no name as a library (some libraries, glibc's own among
/// them, have an interpreter, so that they can be started), or an entry point and not a single library it needs.
fn is_program<Elf: FileHeader<Endian = Endianness>>(
    header: &Elf,
    endian: Endianness,
    linkage: &Linkage,
    dynamic: &Dynamic<'_>,
    needed: &[String],
) -> bool {
    let marked = dynamic.value(elf::DT_FLAGS_1).is_some_and(|flags| flags & elf::DF_1_PIE.0 != 0);
    let nameless = linkage.own_name.is_none();
    let entry: u64 = header.e_entry(endian).into();
    marked || (nameless && (linkage.interpreter.is_some() || (entry != 0 && needed.is_empty())))
}

fn machine<Elf: FileHeader<Endian = Endianness>>(header: &Elf, endian: Endianness) -> Machine {
    machine_of(header.e_machine(endian), header.is_class_64(), endian == Endianness::Little)
}

/// The machine of a header's `e_machine`, with 64 or 32 bits and its byte order.
pub(crate) fn machine_of(number: elf::Machine, wide: bool, little: bool) -> Machine {
    match number {
        elf::EM_386 => Machine::X86,
        // With 32 bits it is the x32 ABI, which no Linux runs any more without being told to.
        elf::EM_X86_64 if wide => Machine::X86_64,
        elf::EM_ARM => Machine::Arm,
        elf::EM_AARCH64 => Machine::Aarch64,
        elf::EM_RISCV if wide => Machine::Riscv64,
        elf::EM_RISCV => Machine::Riscv32,
        elf::EM_PPC => Machine::Powerpc,
        elf::EM_PPC64 if little => Machine::Powerpc64le,
        elf::EM_PPC64 => Machine::Powerpc64,
        elf::EM_S390 if wide => Machine::S390x,
        elf::EM_LOONGARCH if wide => Machine::Loongarch64,
        elf::EM_MIPS => match (wide, little) {
            (false, false) => Machine::Mips,
            (false, true) => Machine::Mipsel,
            (true, false) => Machine::Mips64,
            (true, true) => Machine::Mips64el,
        },
        elf::EM_SPARCV9 => Machine::Sparc64,
        other => Machine::Other(other.0.into()),
    }
}

struct File<'a, Elf: FileHeader<Endian = Endianness>> {
    bytes: &'a [u8],
    endian: Endianness,
    segments: &'a [Elf::ProgramHeader],
    sections: SectionTable<'a, Elf>,
}

/// One `Elfxx_Vernaux`, with the library of its `Elfxx_Verneed`.
struct Need<'a> {
    library: &'a [u8],
    version: &'a [u8],
    /// What symbols have for it in `.gnu.version`.
    index: u16,
    weak: bool,
}

/// The dynamic section, with its strings. Empty where there is none.
struct Dynamic<'a> {
    entries: Vec<(elf::DynamicTag, u64)>,
    strings: &'a [u8],
}

impl Dynamic<'_> {
    fn value(&self, tag: elf::DynamicTag) -> Option<u64> {
        self.entries.iter().find(|entry| entry.0 == tag).map(|entry| entry.1)
    }

    fn string(&self, offset: u64) -> Result<&[u8], Problem> {
        let start = usize::try_from(offset).ok();
        let rest = start.and_then(|start| self.strings.get(start..)).filter(|rest| !rest.is_empty());
        rest.ok_or_else(|| "a dynamic string outside the string table".into())
    }

    fn name(&self, tag: elf::DynamicTag) -> Result<Option<String>, Problem> {
        self.value(tag).map(|offset| Names::one(self.string(offset)?)).transpose()
    }

    fn paths(&self, tag: elf::DynamicTag) -> Result<Vec<String>, Problem> {
        let paths = self.name(tag)?.unwrap_or_default();
        Ok(paths.split(':').filter(|path| !path.is_empty()).map(str::to_owned).collect())
    }

    fn needed(&self) -> Result<Vec<String>, Problem> {
        let mut names = Names::default();
        for (_, offset) in self.entries.iter().filter(|entry| entry.0 == elf::DT_NEEDED) {
            names.push(self.string(*offset)?)?;
        }
        Ok(names.list)
    }
}

impl<'a, Elf: FileHeader<Endian = Endianness>> File<'a, Elf> {
    fn open(bytes: &'a [u8]) -> Result<(&'a Elf, Self), Problem> {
        let header = Elf::parse(bytes)?;
        let endian = header.endian()?;
        let segments = header.program_headers(endian, bytes)?;
        let sections = header.sections(endian, bytes)?;
        Ok((header, File { bytes, endian, segments, sections }))
    }

    /// What the loader sees at an address: the rest of the segment there.
    fn at(&self, address: u64) -> Option<&'a [u8]> {
        self.segments.iter().filter(|segment| segment.p_type(self.endian) == elf::PT_LOAD).find_map(
            |segment| {
                let start: u64 = segment.p_vaddr(self.endian).into();
                let (offset, size) = segment.file_range(self.endian);
                let skipped = address.checked_sub(start).filter(|skipped| *skipped < size)?;
                self.bytes.read_bytes_at(offset.checked_add(skipped)?, size - skipped).ok()
            },
        )
    }

    /// Found by the program headers, as a loader does: the section headers may be stripped.
    fn dynamic(&self) -> Result<Dynamic<'a>, Problem> {
        let mut dynamic = Dynamic { entries: Vec::new(), strings: &[] };
        for segment in self.segments {
            let Some(entries) = segment.dynamic(self.endian, self.bytes)? else { continue };
            dynamic.entries = entries
                .iter()
                .map(|entry| (entry.d_tag(self.endian), entry.d_val(self.endian).into()))
                .take_while(|entry| entry.0 != elf::DT_NULL)
                .collect();
        }
        if let Some(address) = dynamic.value(elf::DT_STRTAB) {
            let strings = self.at(address).ok_or("a dynamic string table outside the file")?;
            let size = dynamic.value(elf::DT_STRSZ).and_then(|size| usize::try_from(size).ok());
            dynamic.strings = size.and_then(|size| strings.get(..size)).unwrap_or(strings);
        }
        Ok(dynamic)
    }

    fn u16_at(&self, bytes: &[u8], place: usize) -> Option<u16> {
        let field = *bytes.get(place..)?.first_chunk()?;
        Some(if self.endian == Endianness::Little {
            u16::from_le_bytes(field)
        } else {
            u16::from_be_bytes(field)
        })
    }

    fn u32_at(&self, bytes: &[u8], place: usize) -> Option<u32> {
        let field = *bytes.get(place..)?.first_chunk()?;
        Some(if self.endian == Endianness::Little {
            u32::from_le_bytes(field)
        } else {
            u32::from_be_bytes(field)
        })
    }

    /// The version definitions a file needs, weakly or not.
    ///
    /// Linux Standard Base Core, "Symbol Versioning": `Elfxx_Verneed` (16 bytes: version, count, file, aux, next) and
    /// `Elfxx_Vernaux` (16 bytes: hash, flags, other, name, next).
    fn version_needs(&self, dynamic: &Dynamic<'a>) -> Option<Vec<Need<'a>>> {
        const WEAK: u16 = 2;
        /// No program needs a hundredth of it; overlapping records in a small file could claim billions.
        const MOST: usize = 1 << 16;
        let mut needs = Vec::new();
        let Some(address) = dynamic.value(elf::DT_VERNEED) else { return Some(needs) };
        let mut need = self.at(address)?;
        for _ in 0..dynamic.value(elf::DT_VERNEEDNUM)? {
            let library = dynamic.strings.get(self.u32_at(need, 4)? as usize..)?;
            let mut auxiliary = need.get(self.u32_at(need, 8)? as usize..)?;
            for _ in 0..self.u16_at(need, 2)? {
                let version = dynamic.strings.get(self.u32_at(auxiliary, 8)? as usize..)?;
                let weak = self.u16_at(auxiliary, 4)? & WEAK != 0;
                needs.push(Need { library, version, index: self.u16_at(auxiliary, 6)?, weak });
                match self.u32_at(auxiliary, 12)? as usize {
                    0 => break,
                    next => auxiliary = auxiliary.get(next..)?,
                }
            }
            match self.u32_at(need, 12)? as usize {
                _ if needs.len() > MOST => return None,
                0 => break,
                next => need = need.get(next..)?,
            }
        }
        Some(needs)
    }

    /// The versions a library defines. The same standard: `Elfxx_Verdef` (20 bytes: version, flags, index, count, hash, aux, next)
    /// and `Elfxx_Verdaux` (8 bytes: name, next), of which the first names the version and the others those it inherits from.
    fn version_definitions(&self, dynamic: &Dynamic<'a>) -> Result<Vec<String>, Problem> {
        const BASE: u16 = 1;
        let outside = || Problem::from("version definitions outside the file");
        let mut names = Names::default();
        let Some(address) = dynamic.value(elf::DT_VERDEF) else { return Ok(names.list) };
        let mut definition = self.at(address).ok_or_else(outside)?;
        for _ in 0..dynamic.value(elf::DT_VERDEFNUM).ok_or_else(outside)? {
            if self.u16_at(definition, 2).ok_or_else(outside)? & BASE == 0 {
                let auxiliary = self.u32_at(definition, 12).ok_or_else(outside)? as usize;
                let auxiliary = definition.get(auxiliary..).ok_or_else(outside)?;
                let offset = self.u32_at(auxiliary, 0).ok_or_else(outside)?;
                names.push(dynamic.string(offset.into())?)?;
            }
            match self.u32_at(definition, 16).ok_or_else(outside)? as usize {
                0 => break,
                next => definition = definition.get(next..).ok_or_else(outside)?,
            }
        }
        Ok(names.list)
    }

    fn highest_glibc(&self, dynamic: &Dynamic<'a>) -> Result<Option<GlibcDemand>, Problem> {
        let needs = self.version_needs(dynamic).ok_or("symbol versions outside the file")?;
        let mut highest: Option<(u32, u32)> = None;
        let mut indexes = Vec::new();
        let mut symbols = Vec::new();
        for Need { version: name, index, .. } in needs.into_iter().filter(|need| !need.weak) {
            let name = Names::one(name)?;
            let Some(version) = glibc_version(&name) else { continue };
            if highest < Some(version) {
                highest = Some(version);
                indexes.clear();
                symbols.clear();
            }
            if highest == Some(version) {
                indexes.push(index);
                if name == RELATIVE_RELOCATIONS {
                    symbols.push(name);
                }
            }
        }
        let Some(version) = highest else { return Ok(None) };
        symbols.extend(self.symbols_of(&indexes)?);
        symbols.sort_unstable();
        symbols.dedup();
        symbols.truncate(16);
        Ok(Some(GlibcDemand { version, symbols }))
    }

    /// All undefined symbols, with the version that each asks for.
    fn undefined_symbols(&self, needs: &[Need<'_>]) -> Result<Vec<SymbolNeed>, Problem> {
        /// Hidden, in `.gnu.version`.
        const INDEX: u16 = 0x7fff;
        let places: BTreeMap<u16, usize> =
            needs.iter().enumerate().map(|(place, need)| (need.index & INDEX, place)).collect();
        let versions = self.sections.gnu_versym(self.endian, self.bytes)?.map_or(&[][..], |found| found.0);
        let table = self.sections.symbols(self.endian, self.bytes, elf::SHT_DYNSYM)?;
        let strings: StringTable<'_> = table.strings();
        let mut names = Names::default();
        let mut symbols = Vec::new();
        for (place, symbol) in table.iter().enumerate() {
            if symbol.st_shndx(self.endian) != elf::SHN_UNDEF {
                continue;
            }
            let name = symbol.name(self.endian, strings)?;
            if name.is_empty() {
                continue;
            }
            names.push(name)?;
            let index = versions.get(place).map_or(0, |version| version.0.get(self.endian).index().0);
            let weak = symbol.st_bind() == elf::STB_WEAK;
            symbols.push(SymbolNeed { name: String::new(), version: places.get(&index).copied(), weak });
        }
        for (symbol, name) in symbols.iter_mut().zip(names.list) {
            symbol.name = name;
        }
        Ok(symbols)
    }

    /// The undefined symbols that need one of some versions.
    fn symbols_of(&self, indexes: &[u16]) -> Result<Vec<String>, Problem> {
        let mut names = Names::default();
        let Some((versions, _)) = self.sections.gnu_versym(self.endian, self.bytes)? else {
            return Ok(names.list);
        };
        let table = self.sections.symbols(self.endian, self.bytes, elf::SHT_DYNSYM)?;
        let strings: StringTable<'_> = table.strings();
        for (symbol, version) in table.iter().zip(versions) {
            let index = version.0.get(self.endian).index().0;
            if symbol.st_shndx(self.endian) == elf::SHN_UNDEF && indexes.contains(&index) {
                names.push(symbol.name(self.endian, strings)?)?;
            }
        }
        Ok(names.list)
    }
}

/// What the linker asks for with packed relative relocations.
const RELATIVE_RELOCATIONS: &str = "GLIBC_ABI_DT_RELR";

/// The numbers of `GLIBC_2.34` and `GLIBC_2.2.5`; none of `GLIBC_PRIVATE`.
fn glibc_version(name: &str) -> Option<(u32, u32)> {
    if name == RELATIVE_RELOCATIONS {
        return Some((2, 36));
    }
    let mut numbers = name.strip_prefix("GLIBC_")?.split('.').map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}
