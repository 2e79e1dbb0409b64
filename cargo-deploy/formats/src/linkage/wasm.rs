//! WebAssembly modules: imports, exports and custom sections (WebAssembly Core Specification 2.0, 5.5).

use super::{BinaryKind, Container, Linkage, Linking, Machine, Names, Problem, distinct};

pub(super) fn read(bytes: &[u8]) -> Result<Linkage, Problem> {
    // Magic, version and, since the component model divided the version, layer.
    let mut input = match bytes.get(4..8) {
        Some([1, 0, 0, 0]) => Input(&bytes[8..]),
        Some([_, _, 1, 0]) => {
            return Err("a component, of which only the modules inside could be read".into());
        }
        _ => return Err("an unknown version".into()),
    };
    let mut linkage = Linkage::new(Container::Wasm, Machine::Wasm32, BinaryKind::SharedLibrary);
    let mut has_names = false;
    while !input.0.is_empty() {
        let id = input.byte()?;
        let mut section = Input(input.counted()?);
        match id {
            0 => match section.counted()? {
                b"name" => has_names = true,
                b"linking" => linkage.kind = BinaryKind::Object,
                b"dylink" | b"dylink.0" => linkage.linking = Linking::Dynamic,
                name => linkage.debug_info |= super::is_debug_section(name),
            },
            2 => imports(&mut section, &mut linkage)?,
            5 => {
                for _ in 0..section.number()? {
                    section.memory(&mut linkage)?;
                }
            }
            7 => exports(&mut section, &mut linkage)?,
            _ => {}
        }
    }
    linkage.position_independent = linkage.linking == Linking::Dynamic;
    linkage.stripped = !has_names && !linkage.debug_info;
    Ok(linkage)
}

/// 5.5.5.
fn imports(section: &mut Input<'_>, linkage: &mut Linkage) -> Result<(), Problem> {
    let mut names = Names::default();
    let mut previous: &[u8] = &[];
    for _ in 0..section.number()? {
        let module = section.counted()?;
        // Imports of one module usually come together.
        if module != previous || names.list.is_empty() {
            names.push(module)?;
            previous = module;
        }
        section.counted()?;
        match section.byte()? {
            0 => {
                section.number()?;
            }
            1 => {
                section.reference_type()?;
                section.limits()?;
            }
            2 => section.memory(linkage)?,
            3 => {
                section.value_type()?;
                section.byte()?;
            }
            4 => {
                section.byte()?;
                section.number()?;
            }
            _ => return Err("an import of an unknown kind".into()),
        }
    }
    linkage.needed = distinct(names.list);
    Ok(())
}

/// 5.5.10.
fn exports(section: &mut Input<'_>, linkage: &mut Linkage) -> Result<(), Problem> {
    for _ in 0..section.number()? {
        let name = section.counted()?;
        let kind = section.byte()?;
        section.number()?;
        if name == b"_start" && kind == 0 && linkage.kind == BinaryKind::SharedLibrary {
            linkage.kind = BinaryKind::Executable;
        }
    }
    Ok(())
}

/// What is left to read.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn byte(&mut self) -> Result<u8, Problem> {
        let (first, rest) = self.0.split_first().ok_or("a section that is cut off")?;
        self.0 = rest;
        Ok(*first)
    }

    /// An unsigned LEB128 number of up to 64 bits (5.2.2).
    fn number(&mut self) -> Result<u64, Problem> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err("a number that does not end".into())
    }

    /// Bytes behind their length.
    fn counted(&mut self) -> Result<&'a [u8], Problem> {
        let length = usize::try_from(self.number()?).unwrap_or(usize::MAX);
        let (bytes, rest) = self.0.split_at_checked(length).ok_or("a length beyond the end of the file")?;
        self.0 = rest;
        Ok(bytes)
    }

    /// A memory (5.3.8): bit 2 of the flags of its limits says 64-bit addresses.
    fn memory(&mut self, linkage: &mut Linkage) -> Result<(), Problem> {
        if self.limits()? & 4 != 0 {
            linkage.machine = Machine::Wasm64;
        }
        Ok(())
    }

    fn limits(&mut self) -> Result<u8, Problem> {
        let flags = self.byte()?;
        self.number()?;
        if flags & 1 != 0 {
            self.number()?;
        }
        // A page size of its own, from the custom page sizes proposal.
        if flags & 8 != 0 {
            self.number()?;
        }
        Ok(flags)
    }

    fn value_type(&mut self) -> Result<(), Problem> {
        self.reference_type()
    }

    /// A type: one byte, but references to a type of the module have it behind them (5.3.4).
    fn reference_type(&mut self) -> Result<(), Problem> {
        if matches!(self.byte()?, 0x63 | 0x64) {
            self.number()?;
        }
        Ok(())
    }
}
