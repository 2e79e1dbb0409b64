//! Where resources go in a file: back into their own section where they fit, or into one at the end.

use super::headers::{Headers, SECTION_HEADER, directory, field};
use super::{PeError, align, damaged, put, u32_at};

/// Initialised data that can be read.
const CHARACTERISTICS: u32 = 0x4000_0040;

/// A place for resources.
pub(super) struct Place {
    /// In memory.
    pub(super) address: u32,
    /// The line of the section table, or none for a new section.
    section: Option<usize>,
    /// Where it begins in the file.
    offset: u64,
    /// Its length in the file, as it will be.
    size: u64,
    /// How many bytes are put in before the overlay; fewer where negative.
    growth: i64,
    /// How many bytes are put in behind the headers, for another line of the table.
    headers: u64,
}

/// Finds a place for a block of a size.
pub(super) fn place(headers: &Headers, file: &[u8], size: u64) -> Result<Place, PeError> {
    let nowhere = |problem| Err(PeError::NoPlace { problem });
    if headers.directories.len() <= directory::RESOURCE {
        return nowhere("the program's headers have no entry for them");
    }
    if headers.section_alignment < 4096 {
        return nowhere(
            "the program's sections are closer together than a page of memory, as those of a driver are",
        );
    }
    if headers.optional < 64 + 24 {
        return nowhere("the program's headers lie in one another");
    }
    match own_section(headers) {
        Some(index) => match inside(headers, index, size) {
            Some(place) => Ok(place),
            None => behind(headers, file, size),
        },
        None => behind(headers, file, size),
    }
}

/// The section that holds the resources and nothing else that the headers know of.
fn own_section(headers: &Headers) -> Option<usize> {
    let table = headers.directory(directory::RESOURCE)?;
    let index = headers.sections.iter().position(|section| section.address == table.address)?;
    let section = headers.sections.get(index)?;
    let memory = section.address..section.address.checked_add(section.memory().max(section.size))?;
    // Packers put the imports behind the resources.
    let shared = (0..headers.directories.len())
        .filter(|other| *other != directory::RESOURCE && *other != directory::CERTIFICATE)
        .filter_map(|other| headers.directory(other))
        .any(|other| memory.contains(&other.address));
    let file = section.range();
    let table_end = (headers.sections_offset + headers.sections.len() * SECTION_HEADER) as u64;
    let overlapping = headers.sections.iter().enumerate().any(|(other, section)| {
        other != index && section.range().start < file.end && file.start < section.range().end
    });
    (section.size > 0 && !shared && !overlapping && file.start >= table_end).then_some(index)
}

/// In the section that they have.
fn inside(headers: &Headers, index: usize, size: u64) -> Option<Place> {
    let section = headers.sections.get(index)?;
    let others = || headers.sections.iter().enumerate().filter(|(other, _)| *other != index);
    let last_in_memory = others().all(|(_, other)| other.address < section.address);
    let end = section.range().end;
    let last_in_file = others().all(|(_, other)| other.range().end <= section.range().start);
    let (offset, old) = (section.range().start, u64::from(section.size));
    let address = section.address;
    let size = if last_in_memory && last_in_file && end == headers.sections_end() {
        align(size, headers.file_alignment)
    } else {
        let next = others().map(|(_, other)| other.address).filter(|other| *other > address).min();
        let room = next.map_or(u64::MAX, |next| u64::from(next - address));
        if size > old || size > room {
            return None;
        }
        old
    };
    Some(Place { address, section: Some(index), offset, size, growth: size as i64 - old as i64, headers: 0 })
}

/// In a new section behind all others.
fn behind(headers: &Headers, file: &[u8], size: u64) -> Result<Place, PeError> {
    let nowhere = |problem| PeError::NoPlace { problem };
    let address = u32::try_from(headers.memory_end()).map_err(|_| PeError::TooLarge { size })?;
    if headers.sections.len() >= 96 {
        return Err(nowhere("the program has 96 sections already"));
    }
    if headers.directory(directory::BOUND_IMPORT).is_some() {
        return Err(nowhere(
            "the program's headers are followed by bound imports, which would have to be moved",
        ));
    }
    let table_end = (headers.sections_offset + (headers.sections.len() + 1) * SECTION_HEADER) as u64;
    let first =
        headers.sections.iter().filter(|section| section.size > 0).map(|section| section.range().start).min();
    let room_end = first.unwrap_or(headers.sections_end()).min(u64::from(headers.headers_size));
    let line = file.get(table_end as usize - SECTION_HEADER..table_end as usize);
    let is_free = table_end <= room_end && line.is_some_and(|line| line.iter().all(|byte| *byte == 0));
    let added = if is_free {
        0
    } else {
        let added = u64::from(headers.file_alignment);
        let memory = headers.sections.iter().map(|section| section.address).min().unwrap_or(u32::MAX);
        let between = file.get(table_end as usize - SECTION_HEADER..room_end as usize).unwrap_or_default();
        if u64::from(headers.headers_size) + added > u64::from(memory)
            || room_end < u64::from(headers.headers_size)
            || between.iter().any(|byte| *byte != 0)
        {
            return Err(nowhere("the program's headers have no place for another section"));
        }
        added
    };
    let end = headers.sections_end();
    let offset = align(end, headers.file_alignment);
    let size = align(size, headers.file_alignment);
    Ok(Place { address, section: None, offset, size, growth: (offset + size - end) as i64, headers: added })
}

/// Writes a block into its place, and says so in the headers.
pub(super) fn write(
    file: &mut Vec<u8>,
    headers: &Headers,
    place: &Place,
    block: &[u8],
) -> Result<(), PeError> {
    let sections_end = headers.sections_end();
    let grown = place.offset + place.size + place.headers;
    if u32::try_from(grown).is_err() {
        return Err(PeError::TooLarge { size: block.len() as u64 });
    }
    // First the pointers, as long as the places of the headers are those that were read.
    move_pointers(file, headers, place)?;
    let optional = headers.optional;
    let old = place.section.and_then(|index| headers.sections.get(index)).map_or(0, |section| section.size);
    let data = u32_at(file, optional + field::SIZE_OF_INITIALIZED_DATA);
    let data = data.wrapping_sub(old).wrapping_add(place.size as u32);
    put(file, optional + field::SIZE_OF_INITIALIZED_DATA, &data.to_le_bytes());
    let index = place.section.unwrap_or(headers.sections.len());
    let line = headers.sections_offset + index * SECTION_HEADER;
    let memory = block.len() as u32;
    let mut end = align(u64::from(place.address) + u64::from(memory), headers.section_alignment);
    if place.section.is_some() {
        let others = headers.sections.iter().enumerate().filter(|(other, _)| *other != index);
        let ends = others.map(|(_, other)| u64::from(other.address) + u64::from(other.memory()));
        end = align(ends.fold(end, u64::max), headers.section_alignment);
    }
    let end = u32::try_from(end).map_err(|_| PeError::TooLarge { size: block.len() as u64 })?;
    put(file, optional + field::SIZE_OF_IMAGE, &end.to_le_bytes());
    let header_size = headers.headers_size + place.headers as u32;
    put(file, optional + field::SIZE_OF_HEADERS, &header_size.to_le_bytes());
    let entry = headers.directories_offset + directory::RESOURCE * 8;
    put(file, entry, &place.address.to_le_bytes());
    put(file, entry + 4, &memory.to_le_bytes());

    // Then the bytes, from the back.
    resize_at(file, sections_end, place.growth);
    if place.headers > 0 {
        resize_at(file, u64::from(headers.headers_size), place.headers as i64);
    }
    let offset = place.offset + place.headers;
    if place.section.is_none() {
        let mut header = [0; SECTION_HEADER];
        put(&mut header, 0, b".rsrc");
        put(&mut header, 12, &place.address.to_le_bytes());
        put(&mut header, 20, &(offset as u32).to_le_bytes());
        put(&mut header, 36, &CHARACTERISTICS.to_le_bytes());
        put(file, line, &header);
        let count = headers.sections.len() as u16 + 1;
        put(file, optional - 24 + 6, &count.to_le_bytes());
    }
    put(file, line + 8, &memory.to_le_bytes());
    put(file, line + 16, &(place.size as u32).to_le_bytes());
    let range = offset as usize..(offset + place.size) as usize;
    let target = file.get_mut(range).ok_or_else(|| damaged("the place for resources is not in the file"))?;
    target.fill(0);
    put(target, 0, block);
    Ok(())
}

/// Corrects what points into the part of the file that moves: sections, COFF symbols, debug data.
fn move_pointers(file: &mut [u8], headers: &Headers, place: &Place) -> Result<(), PeError> {
    let end = headers.sections_end();
    let moved = |pointer: u32| {
        let mut target = i64::from(pointer);
        if u64::from(pointer) >= end {
            target += place.growth;
        }
        if u64::from(pointer) >= u64::from(headers.headers_size) {
            target += place.headers as i64;
        }
        u32::try_from(target).map_err(|_| damaged("a pointer in its headers leads nowhere"))
    };
    if headers.symbols != 0 {
        put(file, headers.optional - 24 + 12, &moved(headers.symbols)?.to_le_bytes());
    }
    for (index, section) in headers.sections.iter().enumerate() {
        if section.size > 0 {
            let at = headers.sections_offset + index * SECTION_HEADER + 20;
            put(file, at, &moved(section.offset)?.to_le_bytes());
        }
    }
    let Some(table) = headers.directory(directory::DEBUG) else { return Ok(()) };
    let Some(range) = headers.locate(table.address) else { return Ok(()) };
    let length = u64::from(table.size).min(range.end - range.start);
    // Debug Directory (Image Only): 28 bytes a line, the place in the file at 24.
    for line in 0..length / 28 {
        let at = (range.start + line * 28) as usize + 24;
        match u32_at(file, at) {
            0 => {}
            pointer => put(file, at, &moved(pointer)?.to_le_bytes()),
        }
    }
    Ok(())
}

/// Puts zeros into a file at a place, or takes away as many bytes before it.
fn resize_at(file: &mut Vec<u8>, at: u64, by: i64) {
    let at = at as usize;
    let length = file.len();
    let count = by.unsigned_abs() as usize;
    if by > 0 {
        file.resize(length + count, 0);
        file.copy_within(at..length, at + count);
        if let Some(gap) = file.get_mut(at..at + count) {
            gap.fill(0);
        }
    } else if count > 0 {
        file.copy_within(at..length, at - count);
        file.truncate(length - count);
    }
}
