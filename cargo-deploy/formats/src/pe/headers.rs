//! The headers of a PE file: COFF header, optional header, data directories and section table.

use std::io::{Read, Seek};
use std::ops::Range;

use object::pe;

use super::{PeError, align, damaged, read_range, u16_at, u32_at};
use crate::linkage::pe::{machine, subsystem};
use crate::linkage::{Machine, Subsystem};

/// Places of fields, relative to the optional header, that PE32 and PE32+ share (Optional Header Windows-Specific Fields).
pub(super) mod field {
    pub(in super::super) const SIZE_OF_INITIALIZED_DATA: usize = 8;
    pub(in super::super) const SECTION_ALIGNMENT: usize = 32;
    pub(in super::super) const FILE_ALIGNMENT: usize = 36;
    pub(in super::super) const SIZE_OF_IMAGE: usize = 56;
    pub(in super::super) const SIZE_OF_HEADERS: usize = 60;
    pub(in super::super) const CHECKSUM: usize = 64;
    pub(in super::super) const SUBSYSTEM: usize = 68;
    pub(in super::super) const DLL_CHARACTERISTICS: usize = 70;
}

/// Places in the list of data directories (Optional Header Data Directories).
pub(super) mod directory {
    pub(in super::super) const IMPORT: usize = 1;
    pub(in super::super) const RESOURCE: usize = 2;
    pub(in super::super) const CERTIFICATE: usize = 4;
    pub(in super::super) const DEBUG: usize = 6;
    pub(in super::super) const BOUND_IMPORT: usize = 11;
    pub(in super::super) const DELAY_IMPORT: usize = 13;
}

/// The length of the COFF header with the signature before it.
const COFF: usize = 24;
/// The length of a line of the section table.
pub(super) const SECTION_HEADER: usize = 40;
/// What the Windows loader takes (Section Table: "limits the number of sections to 96") is less.
const MOST_SECTIONS: usize = 1024;

/// Where a table is in memory, relative to the image base.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Directory {
    /// Relative to the image base; for the certificate table a place in the file. 0 where there is none.
    pub address: u32,
    /// In bytes.
    pub size: u32,
}

/// A line of the section table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// As it stands in the header, without the zeros: `.text`; `/4` where the name is in the COFF string table.
    pub name: String,
    /// Relative to the image base.
    pub address: u32,
    /// Its length in memory, in bytes.
    pub virtual_size: u32,
    /// Where it begins in the file.
    pub offset: u32,
    /// Its length in the file, in bytes.
    pub size: u32,
    /// Flags (Section Flags).
    pub characteristics: u32,
}

impl Section {
    /// Where its bytes are in the file; empty for one that has none.
    pub fn range(&self) -> Range<u64> {
        if self.size == 0 {
            return 0..0;
        }
        let start = u64::from(self.offset);
        start..start + u64::from(self.size)
    }

    /// Its length in memory; linkers of old leave the virtual size 0.
    pub(super) fn memory(&self) -> u32 {
        if self.virtual_size == 0 { self.size } else { self.virtual_size }
    }
}

/// What a PE file says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Headers {
    /// The processor it is for.
    pub machine: Machine,
    /// PE32+, as against PE32.
    pub is_64_bit: bool,
    /// A DLL, as against a program.
    pub is_library: bool,
    /// Whether Windows opens a console for it.
    pub subsystem: Subsystem,
    /// Flags (DLL Characteristics): 0x40 can be loaded anywhere, 0x100 no execution of data, 0x4000 control flow guard.
    pub dll_characteristics: u16,
    /// `TimeDateStamp`: seconds since 1970, or a hash in a reproducible build.
    pub timestamp: u32,
    /// As it stands in the file; 0 where none was computed.
    pub checksum: u32,
    /// Where its memory begins unless Windows moves it.
    pub image_base: u64,
    /// A multiple that sections begin at in memory.
    pub section_alignment: u32,
    /// A multiple that sections begin at in the file.
    pub file_alignment: u32,
    /// `SizeOfImage`: the length of all in memory.
    pub image_size: u32,
    /// `SizeOfHeaders`: the length of the headers in the file.
    pub headers_size: u32,
    /// The tables, in the order of the document.
    pub directories: Vec<Directory>,
    /// The sections, in the order of the file's table.
    pub sections: Vec<Section>,
    /// Where the Authenticode signatures are in the file (The Attribute Certificate Table).
    pub certificate_table: Option<Range<u64>>,
    /// What follows the last section, without the certificate table: the payload of an installer's stub, or COFF symbols.
    pub overlay: Option<Range<u64>>,
    /// The length of the file, in bytes.
    pub length: u64,
    /// Where the optional header begins in the file.
    pub(super) optional: usize,
    /// Where the data directories begin in the file.
    pub(super) directories_offset: usize,
    /// Where the section table begins in the file.
    pub(super) sections_offset: usize,
    /// `PointerToSymbolTable` of the COFF header.
    pub(super) symbols: u32,
}

impl Headers {
    /// Reads and checks the headers of a file of a known length.
    pub(super) fn read(reader: &mut (impl Read + Seek), length: u64) -> Result<Self, PeError> {
        let not = |problem| PeError::NotPe { problem };
        if length < 64 {
            return Err(not("it is shorter than its first header"));
        }
        let dos = read_range(reader, 0..64, length, "the DOS header")?;
        if !dos.starts_with(b"MZ") {
            return Err(not("it does not begin with `MZ`"));
        }
        let start = u64::from(u32_at(&dos, 60));
        if start.checked_add(COFF as u64).is_none_or(|end| end > length) {
            return Err(not("it ends before the PE header"));
        }
        let coff = read_range(reader, start..start + COFF as u64, length, "the COFF header")?;
        if !coff.starts_with(b"PE\0\0") {
            return Err(not("it has no PE signature"));
        }
        let count = usize::from(u16_at(&coff, 6));
        let optional_size = usize::from(u16_at(&coff, 20));
        if count > MOST_SECTIONS {
            return Err(damaged(format!("it says that it has {count} sections")));
        }
        let optional = start as usize + COFF;
        let table = optional + optional_size;
        let end = table + count * SECTION_HEADER;
        let header = read_range(reader, optional as u64..table as u64, length, "the optional header")?;
        let lines = read_range(reader, table as u64..end as u64, length, "the section table")?;

        let (is_64_bit, fixed) = match u16_at(&header, 0) {
            0x10b => (false, 96),
            0x20b => (true, 112),
            _ => return Err(not("its optional header is neither PE32 nor PE32+")),
        };
        if header.len() < fixed {
            return Err(damaged("the optional header is cut off"));
        }
        // Linkers may leave room behind the list, and a count of more than 16 is cut to that by Windows.
        let listed = u32_at(&header, fixed - 4).min(16) as usize;
        let listed = listed.min((header.len() - fixed) / 8);
        let directories: Vec<Directory> = (0..listed)
            .map(|index| Directory {
                address: u32_at(&header, fixed + index * 8),
                size: u32_at(&header, fixed + index * 8 + 4),
            })
            .collect();
        let sections: Vec<Section> = lines.chunks_exact(SECTION_HEADER).map(section).collect();
        let certificate_table = match directories.get(directory::CERTIFICATE) {
            Some(table) if table.address != 0 && table.size != 0 => {
                let range = u64::from(table.address)..u64::from(table.address) + u64::from(table.size);
                if range.end > length {
                    return Err(damaged("the certificate table reaches beyond the end of the file"));
                }
                Some(range)
            }
            _ => None,
        };
        let mut headers = Headers {
            machine: machine(pe::Machine(u16_at(&coff, 4))),
            is_64_bit,
            is_library: u16_at(&coff, 22) & 0x2000 != 0,
            subsystem: subsystem(pe::Subsystem(u16_at(&header, field::SUBSYSTEM))),
            dll_characteristics: u16_at(&header, field::DLL_CHARACTERISTICS),
            timestamp: u32_at(&coff, 8),
            checksum: u32_at(&header, field::CHECKSUM),
            image_base: if is_64_bit {
                u64::from(u32_at(&header, 28)) << 32 | u64::from(u32_at(&header, 24))
            } else {
                u64::from(u32_at(&header, 28))
            },
            section_alignment: u32_at(&header, field::SECTION_ALIGNMENT),
            file_alignment: u32_at(&header, field::FILE_ALIGNMENT),
            image_size: u32_at(&header, field::SIZE_OF_IMAGE),
            headers_size: u32_at(&header, field::SIZE_OF_HEADERS),
            directories,
            sections,
            certificate_table,
            overlay: None,
            length,
            optional,
            directories_offset: optional + fixed,
            sections_offset: table,
            symbols: u32_at(&coff, 12),
        };
        headers.check()?;
        let sections_end = headers.sections_end();
        let overlay_end = match &headers.certificate_table {
            // Signers append it; what is behind it is no part of a program.
            Some(table) if table.start >= sections_end => table.start,
            _ => length,
        };
        headers.overlay = (sections_end < overlay_end).then_some(sections_end..overlay_end);
        Ok(headers)
    }

    fn check(&self) -> Result<(), PeError> {
        for (name, alignment) in [("section", self.section_alignment), ("file", self.file_alignment)] {
            if !alignment.is_power_of_two() || alignment > 1 << 26 {
                return Err(damaged(format!(
                    "its {name} alignment is {alignment}, which is no power of two"
                )));
            }
        }
        for section in &self.sections {
            if section.range().end > self.length {
                let problem = format!("the section {} reaches beyond the end of the file", section.name);
                return Err(damaged(problem));
            }
            if section.address.checked_add(section.memory()).is_none() {
                return Err(damaged(format!("the section {} reaches beyond 4 GiB of memory", section.name)));
            }
        }
        Ok(())
    }

    /// A table, if there is one.
    pub(super) fn directory(&self, index: usize) -> Option<Directory> {
        self.directories.get(index).copied().filter(|table| table.address != 0 && table.size != 0)
    }

    /// Where the last byte of any section is in the file, at least behind the headers.
    pub(super) fn sections_end(&self) -> u64 {
        let headers = (self.sections_offset + self.sections.len() * SECTION_HEADER) as u64;
        let headers = headers.max(u64::from(self.headers_size)).min(self.length);
        self.sections.iter().map(|section| section.range().end).fold(headers, u64::max)
    }

    /// Where memory ends behind the last section, a multiple of the section alignment.
    pub(super) fn memory_end(&self) -> u64 {
        let ends =
            self.sections.iter().map(|section| u64::from(section.address) + u64::from(section.memory()));
        align(ends.fold(u64::from(self.headers_size), u64::max), self.section_alignment)
    }

    /// Where the checksum is in the file.
    pub(super) fn checksum_offset(&self) -> usize {
        self.optional + field::CHECKSUM
    }

    /// Where something in memory is in the file, and how many bytes of its section follow there.
    pub(super) fn locate(&self, address: u32) -> Option<Range<u64>> {
        for section in &self.sections {
            let Some(inside) = address.checked_sub(section.address) else { continue };
            // What is beyond the virtual size but in the file is mapped too, up to the next page.
            if inside < section.size {
                return Some(section.range().start + u64::from(inside)..section.range().end);
            }
        }
        let headers = u64::from(self.headers_size).min(self.length);
        (u64::from(address) < headers).then_some(u64::from(address)..headers)
    }
}

fn section(line: &[u8]) -> Section {
    let name = line.get(..8).unwrap_or_default();
    let end = name.iter().position(|byte| *byte == 0).unwrap_or(name.len());
    Section {
        name: String::from_utf8_lossy(name.get(..end).unwrap_or_default()).into_owned(),
        virtual_size: u32_at(line, 8),
        address: u32_at(line, 12),
        size: u32_at(line, 16),
        offset: u32_at(line, 20),
        characteristics: u32_at(line, 36),
    }
}
