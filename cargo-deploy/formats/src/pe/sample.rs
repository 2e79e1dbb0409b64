//! Programs for the tests, made by code: headers, sections and imports as a linker lays them out, and nothing to run.

use super::put;

pub(super) const DATA: u32 = 0x4000_0040;

/// What a program is made of.
#[derive(Clone)]
pub(super) struct Program {
    pub(super) machine: u16,
    pub(super) is_64_bit: bool,
    pub(super) is_library: bool,
    pub(super) subsystem: u16,
    pub(super) file_alignment: u32,
    /// Name and content; they follow one another from 0x1000 on, each in pages of its own.
    pub(super) sections: Vec<(&'static str, Vec<u8>)>,
    /// Number of a data directory, address, size.
    pub(super) directories: Vec<(usize, u32, u32)>,
    pub(super) overlay: Vec<u8>,
    /// How much room there is behind the section table before the first section, in lines of the table.
    pub(super) free_lines: usize,
}

impl Program {
    /// For x64, with a section of code alone.
    pub(super) fn new() -> Self {
        Program {
            machine: 0x8664,
            is_64_bit: true,
            is_library: false,
            subsystem: 3,
            file_alignment: 0x200,
            sections: vec![(".text", vec![0xc3; 700])],
            directories: Vec::new(),
            overlay: Vec::new(),
            free_lines: 1,
        }
    }

    pub(super) fn x86() -> Self {
        Program { machine: 0x14c, is_64_bit: false, ..Program::new() }
    }

    pub(super) fn arm64() -> Self {
        Program { machine: 0xaa64, ..Program::new() }
    }

    /// Where in memory a section is.
    pub(super) fn address(&self, section: usize) -> u32 {
        let before = self.sections[..section].iter();
        0x1000 + before.map(|(_, content)| (content.len() as u32).next_multiple_of(0x1000)).sum::<u32>()
    }

    pub(super) fn file(&self) -> Vec<u8> {
        let start = 0x80;
        let fixed = if self.is_64_bit { 112 } else { 96 };
        let optional = start + 24;
        let table = optional + fixed + 16 * 8;
        let alignment = self.file_alignment as usize;
        let headers = (table + (self.sections.len() + self.free_lines) * 40).next_multiple_of(alignment);
        let mut file = vec![0; headers];
        put(&mut file, 0, b"MZ");
        put(&mut file, 60, &(start as u32).to_le_bytes());
        put(&mut file, start, b"PE\0\0");
        put(&mut file, start + 4, &self.machine.to_le_bytes());
        put(&mut file, start + 6, &(self.sections.len() as u16).to_le_bytes());
        put(&mut file, start + 20, &((fixed + 128) as u16).to_le_bytes());
        put(&mut file, start + 22, &if self.is_library { 0x2022u16 } else { 0x22 }.to_le_bytes());
        put(&mut file, optional, &if self.is_64_bit { 0x20bu16 } else { 0x10b }.to_le_bytes());
        for (at, value) in [
            (if self.is_64_bit { 24 } else { 28 }, 0x40_0000),
            (32, 0x1000),
            (36, self.file_alignment),
            (56, self.address(self.sections.len())),
            (60, headers as u32),
            (fixed - 4, 16),
        ] {
            put(&mut file, optional + at, &u32::to_le_bytes(value));
        }
        put(&mut file, optional + 68, &self.subsystem.to_le_bytes());
        put(&mut file, optional + 70, &0x8160u16.to_le_bytes());
        for (number, address, size) in &self.directories {
            put(&mut file, optional + fixed + number * 8, &address.to_le_bytes());
            put(&mut file, optional + fixed + number * 8 + 4, &size.to_le_bytes());
        }
        for (index, (name, content)) in self.sections.iter().enumerate() {
            let line = table + index * 40;
            let offset = file.len();
            put(&mut file, line, name.as_bytes());
            let size = content.len().next_multiple_of(alignment);
            for (at, value) in [
                (8, content.len() as u32),
                (12, self.address(index)),
                (16, size as u32),
                (20, offset as u32),
                (36, DATA),
            ] {
                put(&mut file, line + at, &value.to_le_bytes());
            }
            file.extend_from_slice(content);
            file.resize(offset + size, 0);
        }
        file.extend_from_slice(&self.overlay);
        file
    }
}
