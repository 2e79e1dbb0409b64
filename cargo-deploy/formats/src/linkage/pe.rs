//! PE: imports, subsystem and what stripping leaves.

use object::LittleEndian as LE;
use object::pe;
use object::read::StringTable;
use object::read::coff::{CoffHeader, SectionTable};
use object::read::pe::{DataDirectories, ImageNtHeaders, ImageOptionalHeader};

use super::{BinaryKind, Container, Linkage, Linking, Machine, Names, Problem, Subsystem};

pub(super) fn read(bytes: &[u8]) -> Result<Linkage, Problem> {
    match object::read::pe::optional_header_magic(bytes)? {
        pe::IMAGE_NT_OPTIONAL_HDR32_MAGIC => read_class::<pe::ImageNtHeaders32>(bytes),
        pe::IMAGE_NT_OPTIONAL_HDR64_MAGIC => read_class::<pe::ImageNtHeaders64>(bytes),
        _ => Err("an optional header that is neither PE32 nor PE32+".into()),
    }
}

fn read_class<Pe: ImageNtHeaders>(bytes: &[u8]) -> Result<Linkage, Problem> {
    let mut offset = pe::ImageDosHeader::parse(bytes)?.nt_headers_offset().into();
    let (headers, directories) = Pe::parse(bytes, &mut offset)?;
    let coff = headers.file_header();
    let optional = headers.optional_header();
    let file = File {
        bytes,
        sections: headers.sections(bytes, offset)?,
        directories,
        image_base: optional.image_base(),
    };
    let is_library = coff.characteristics.get(LE).contains(pe::IMAGE_FILE_DLL);
    let kind = if is_library { BinaryKind::SharedLibrary } else { BinaryKind::Executable };
    let mut linkage = Linkage::new(Container::Pe, machine(coff.machine.get(LE)), kind);
    linkage.needed = file.imports()?;
    linkage.optional = file.delayed_imports()?;
    linkage.own_name = file.export_name()?;
    if !linkage.needed.is_empty() || !linkage.optional.is_empty() {
        linkage.linking = Linking::Dynamic;
    }
    linkage.subsystem = Some(subsystem(optional.subsystem()));
    linkage.position_independent =
        optional.dll_characteristics().contains(pe::IMAGE_DLLCHARACTERISTICS_DYNAMIC_BASE);

    // Names of more than eight bytes are in the string table behind the COFF symbols, "/4" in the header.
    let symbols = coff.symbols(bytes)?;
    let strings: StringTable<'_> = symbols.strings();
    for section in file.sections.iter() {
        linkage.debug_info |= section.name(strings).is_ok_and(super::is_debug_section);
    }
    linkage.stripped = symbols.is_empty() && !linkage.debug_info;
    Ok(linkage)
}

pub(crate) fn machine(machine: pe::Machine) -> Machine {
    match machine {
        pe::IMAGE_FILE_MACHINE_I386 => Machine::X86,
        pe::IMAGE_FILE_MACHINE_AMD64 => Machine::X86_64,
        pe::IMAGE_FILE_MACHINE_ARM64 => Machine::Aarch64,
        pe::IMAGE_FILE_MACHINE_ARM | pe::IMAGE_FILE_MACHINE_ARMNT => Machine::Arm,
        pe::IMAGE_FILE_MACHINE_RISCV64 => Machine::Riscv64,
        other => Machine::Other(other.0.into()),
    }
}

pub(crate) fn subsystem(subsystem: pe::Subsystem) -> Subsystem {
    match subsystem {
        pe::IMAGE_SUBSYSTEM_WINDOWS_CUI => Subsystem::Console,
        pe::IMAGE_SUBSYSTEM_WINDOWS_GUI => Subsystem::Gui,
        pe::IMAGE_SUBSYSTEM_NATIVE => Subsystem::Native,
        pe::IMAGE_SUBSYSTEM_EFI_APPLICATION
        | pe::IMAGE_SUBSYSTEM_EFI_BOOT_SERVICE_DRIVER
        | pe::IMAGE_SUBSYSTEM_EFI_RUNTIME_DRIVER
        | pe::IMAGE_SUBSYSTEM_EFI_ROM => Subsystem::Efi,
        other => Subsystem::Other(other.0),
    }
}

struct File<'a> {
    bytes: &'a [u8],
    sections: SectionTable<'a>,
    directories: DataDirectories<'a>,
    image_base: u64,
}

impl<'a> File<'a> {
    /// The start of a table of the optional header, and what follows it in its section.
    fn directory(&self, index: usize) -> Result<Option<&'a [u8]>, Problem> {
        let Some(directory) = self.directories.get(index) else { return Ok(None) };
        let (address, size) = directory.address_range();
        if address == 0 || size == 0 {
            return Ok(None);
        }
        self.at(address).map(Some)
    }

    fn at(&self, address: u32) -> Result<&'a [u8], Problem> {
        let found = self.sections.pe_data_at(self.bytes, address);
        found.ok_or_else(|| "a table or name outside the sections".into())
    }

    /// "PE Format", The .idata Section: 20 bytes for a library, its name at 12; ended by zeros.
    fn imports(&self) -> Result<Vec<String>, Problem> {
        let mut names = Names::default();
        let Some(mut table) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_IMPORT)? else {
            return Ok(names.list);
        };
        while let Some((descriptor, rest)) = table.split_first_chunk::<20>() {
            if descriptor == &[0; 20] {
                return Ok(names.list);
            }
            names.push(self.at(u32_at(descriptor, 12))?)?;
            table = rest;
        }
        Err("an import table without an end".into())
    }

    /// "PE Format", Delay-Load Import Tables: 32 bytes for a library, its name at 4; ended by zeros.
    fn delayed_imports(&self) -> Result<Vec<String>, Problem> {
        let mut names = Names::default();
        let Some(mut table) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT)? else {
            return Ok(names.list);
        };
        while let Some((descriptor, rest)) = table.split_first_chunk::<32>() {
            let name = u32_at(descriptor, 4);
            if name == 0 {
                return Ok(names.list);
            }
            // Bit 0 of the attributes: addresses are relative, as all but the oldest linkers make them.
            let relative = u32_at(descriptor, 0) & 1 == 1;
            let base = if relative { 0 } else { self.image_base as u32 };
            names.push(self.at(name.wrapping_sub(base))?)?;
            table = rest;
        }
        Err("a delay-load import table without an end".into())
    }

    /// "PE Format", Export Directory Table: the name at 12.
    fn export_name(&self) -> Result<Option<String>, Problem> {
        let Some(table) = self.directory(pe::IMAGE_DIRECTORY_ENTRY_EXPORT)? else { return Ok(None) };
        let Some(directory) = table.first_chunk::<40>() else {
            return Err("an export directory that is cut off".into());
        };
        match u32_at(directory, 12) {
            0 => Ok(None),
            name => Names::one(self.at(name)?).map(Some),
        }
    }
}

/// A field of a record whose length is known.
fn u32_at<const LENGTH: usize>(record: &[u8; LENGTH], place: usize) -> u32 {
    u32::from_le_bytes([record[place], record[place + 1], record[place + 2], record[place + 3]])
}
