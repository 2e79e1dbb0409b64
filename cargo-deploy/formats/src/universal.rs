//! Universal ("fat") binaries: several Mach-O files, one for each architecture, in one.
//!
//! The format is that of Apple's `mach-o/fat.h`: a big-endian header, one `fat_arch` (or `fat_arch_64`) for each slice, then the
//! slices unchanged at aligned offsets. Like `lipo` we order them by architecture with arm64 last (old loaders
//! stopped at an unknown one) and align all to 2^14, the largest page size of the processors in question. The 64-bit form
//! comes only when an offset or size needs it, since older tools do not know it.

use std::fmt;
use std::io::{self, Write};

use object::macho;
use thiserror::Error;

/// The exponent of the alignment of every slice we write.
const ALIGNMENT: u32 = 14;

/// More slices than any binary has. A Java class file starts with the same four bytes as a universal binary, and has its
/// version, at least 45, where the number of slices would be.
const MOST_SLICES: u32 = 44;

/// Why files cannot be joined, or a universal binary cannot be read.
#[derive(Debug, Error)]
pub enum UniversalError {
    /// There is nothing to join.
    #[error("join no files at all")]
    Empty,
    /// More files than a reader would believe.
    #[error("join {count} files: a universal binary has at most {MOST_SLICES}")]
    TooMany {
        /// How many there were.
        count: usize,
    },
    /// A file is no Mach-O file.
    #[error("join file {index}: it is not a Mach-O file")]
    NotMachO {
        /// The place of the file among those given, from 0.
        index: usize,
    },
    /// A file is a universal binary already.
    #[error("join file {index}: it is a universal binary already, and only thin files can be joined")]
    AlreadyUniversal {
        /// The place of the file among those given, from 0.
        index: usize,
    },
    /// Two files are for the same architecture.
    #[error("join files {first} and {second}: both are for {architecture}")]
    Duplicate {
        /// The place of one among those given, from 0.
        first: usize,
        /// The place of the other.
        second: usize,
        /// Of both.
        architecture: Architecture,
    },
    /// An executable and a library, for example.
    #[error(
        "join files {first} and {second}: they are different kinds of file (Mach-O file types {first_type} and {second_type})"
    )]
    DifferentKinds {
        /// The place of one among those given, from 0.
        first: usize,
        /// The place of the other.
        second: usize,
        /// `filetype` of the one.
        first_type: u32,
        /// `filetype` of the other.
        second_type: u32,
    },
    /// The result cannot be written.
    #[error("write the universal binary")]
    Write {
        /// Of the writer.
        source: io::Error,
    },
    /// It does not start with the magic number of one.
    #[error("read the universal binary: it is none")]
    NotUniversal,
    /// A header or slice lies outside the file, or slices overlap.
    #[error("read the universal binary: its header does not agree with the file")]
    Malformed,
}

/// A processor, by the numbers of `mach/machine.h`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Architecture {
    /// `cputype`.
    pub cpu_type: u32,
    /// `cpusubtype`, with its capability bits.
    pub cpu_subtype: u32,
}

impl Architecture {
    /// Without the capability bits: what makes two slices the same.
    fn plain(self) -> (u32, u32) {
        (self.cpu_type, self.cpu_subtype & !macho::CPU_SUBTYPE_MASK)
    }

    fn is_arm64(self) -> bool {
        self.cpu_type == macho::CPU_TYPE_ARM64.0
    }
}

impl fmt::Display for Architecture {
    /// As `lipo` calls it.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        const ARM64: u32 = macho::CPU_TYPE_ARM64.0;
        const X86_64: u32 = macho::CPU_TYPE_X86_64.0;
        const X86: u32 = macho::CPU_TYPE_X86.0;
        const ARM: u32 = macho::CPU_TYPE_ARM.0;
        match self.plain() {
            (ARM64, 2) => formatter.write_str("arm64e"),
            (ARM64, _) => formatter.write_str("arm64"),
            (X86_64, 8) => formatter.write_str("x86_64h"),
            (X86_64, _) => formatter.write_str("x86_64"),
            (X86, _) => formatter.write_str("i386"),
            (ARM, 9) => formatter.write_str("armv7"),
            (ARM, 11) => formatter.write_str("armv7s"),
            (cpu_type, cpu_subtype) => write!(formatter, "cputype {cpu_type} cpusubtype {cpu_subtype}"),
        }
    }
}

/// One architecture of a universal binary.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice<'a> {
    /// As the header of the universal binary says.
    pub architecture: Architecture,
    /// Where the slice begins in the file, in bytes.
    pub offset: u64,
    /// The exponent of its alignment.
    pub alignment: u32,
    /// The thin Mach-O file.
    pub bytes: &'a [u8],
}

/// Whether a file starts like a universal binary.
pub fn is_universal(bytes: &[u8]) -> bool {
    slice_count(bytes).is_some()
}

/// The number of slices and whether their records are of the 64-bit form.
fn slice_count(bytes: &[u8]) -> Option<(u32, bool)> {
    let count = u32_at(bytes, 4)?;
    let large = match u32_at(bytes, 0)? {
        macho::FAT_MAGIC => false,
        macho::FAT_MAGIC_64 => true,
        _ => return None,
    };
    (1..=MOST_SLICES).contains(&count).then_some((count, large))
}

fn u32_at(bytes: &[u8], place: usize) -> Option<u32> {
    Some(u32::from_be_bytes(*bytes.get(place..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], place: usize) -> Option<u64> {
    Some(u64::from_be_bytes(*bytes.get(place..)?.first_chunk()?))
}

/// Joins thin Mach-O files, given in any order, to a universal binary. The files have to be of one kind and of different
/// architectures.
pub fn join(thin: &[&[u8]], out: &mut impl Write) -> Result<(), UniversalError> {
    let mut heads = Vec::new();
    for (index, bytes) in thin.iter().enumerate() {
        if is_universal(bytes) {
            return Err(UniversalError::AlreadyUniversal { index });
        }
        heads.push(head(bytes).ok_or(UniversalError::NotMachO { index })?);
    }
    if thin.is_empty() {
        return Err(UniversalError::Empty);
    }
    if thin.len() > MOST_SLICES as usize {
        return Err(UniversalError::TooMany { count: thin.len() });
    }
    for (second, (architecture, second_type)) in heads.iter().enumerate() {
        for (first, (other, first_type)) in heads[..second].iter().enumerate() {
            if architecture.plain() == other.plain() {
                return Err(UniversalError::Duplicate { first, second, architecture: *architecture });
            }
            if first_type != second_type {
                let (first_type, second_type) = (*first_type, *second_type);
                return Err(UniversalError::DifferentKinds { first, second, first_type, second_type });
            }
        }
    }
    let mut order: Vec<(Architecture, &[u8])> =
        heads.iter().map(|(architecture, _)| *architecture).zip(thin.iter().copied()).collect();
    order.sort_by_key(|(architecture, _)| (architecture.is_arm64(), *architecture));

    let sizes: Vec<(Architecture, u64)> =
        order.iter().map(|(architecture, bytes)| (*architecture, bytes.len() as u64)).collect();
    let (header, offsets) = layout(&sizes);
    let write = || -> io::Result<()> {
        out.write_all(&header)?;
        let mut place = header.len() as u64;
        for ((_, bytes), offset) in order.iter().zip(offsets) {
            io::copy(&mut io::Read::take(io::repeat(0), offset - place), out)?;
            out.write_all(bytes)?;
            place = offset + bytes.len() as u64;
        }
        Ok(())
    };
    write().map_err(|source| UniversalError::Write { source })
}

/// The header of a universal binary of such slices, and where each of them begins.
fn layout(slices: &[(Architecture, u64)]) -> (Vec<u8>, Vec<u64>) {
    let place = |record: u64| {
        let mut end = 8 + record * slices.len() as u64;
        let mut offsets = Vec::new();
        for (_, size) in slices {
            let offset = end.next_multiple_of(1 << ALIGNMENT);
            offsets.push(offset);
            end = offset + size;
        }
        (offsets, end)
    };
    // mach-o/fat.h: struct fat_arch has 20 bytes, struct fat_arch_64 has 32.
    let (mut offsets, end) = place(20);
    let large = end > u64::from(u32::MAX);
    if large {
        offsets = place(32).0;
    }
    let mut header = Vec::new();
    let magic = if large { macho::FAT_MAGIC_64 } else { macho::FAT_MAGIC };
    header.extend(magic.to_be_bytes());
    header.extend((slices.len() as u32).to_be_bytes());
    for ((architecture, size), offset) in slices.iter().zip(&offsets) {
        header.extend(architecture.cpu_type.to_be_bytes());
        header.extend(architecture.cpu_subtype.to_be_bytes());
        if large {
            header.extend(offset.to_be_bytes());
            header.extend(size.to_be_bytes());
            header.extend(ALIGNMENT.to_be_bytes());
            header.extend([0; 4]);
        } else {
            header.extend((*offset as u32).to_be_bytes());
            header.extend((*size as u32).to_be_bytes());
            header.extend(ALIGNMENT.to_be_bytes());
        }
    }
    (header, offsets)
}

/// The architecture and file type of a thin Mach-O file (`mach-o/loader.h`, `struct mach_header`).
fn head(bytes: &[u8]) -> Option<(Architecture, u32)> {
    let field = |index: usize| -> Option<[u8; 4]> { bytes.get(index * 4..)?.first_chunk().copied() };
    let number = |index| match u32::from_be_bytes(field(0)?) {
        macho::MH_MAGIC | macho::MH_MAGIC_64 => field(index).map(u32::from_be_bytes),
        macho::MH_CIGAM | macho::MH_CIGAM_64 => field(index).map(u32::from_le_bytes),
        _ => None,
    };
    let architecture = Architecture { cpu_type: number(1)?, cpu_subtype: number(2)? };
    let file_type = number(3)?;
    // The header has three more fields.
    field(6)?;
    Some((architecture, file_type))
}

/// The slices of a universal binary, in its order.
pub fn slices(bytes: &[u8]) -> Result<Vec<Slice<'_>>, UniversalError> {
    let (count, large) = slice_count(bytes).ok_or(UniversalError::NotUniversal)?;
    let record = if large { 32 } else { 20 };
    let mut slices = Vec::new();
    for index in 0..count as usize {
        let start = 8 + index * record;
        let slice = slice(bytes, start, large).ok_or(UniversalError::Malformed)?;
        slices.push(slice);
    }
    let header_end = 8 + u64::from(count) * record as u64;
    let mut ranges: Vec<(u64, u64)> =
        slices.iter().map(|slice| (slice.offset, slice.offset + slice.bytes.len() as u64)).collect();
    ranges.sort_unstable();
    let mut end = header_end;
    for (start, next_end) in ranges {
        if start < end {
            return Err(UniversalError::Malformed);
        }
        end = next_end;
    }
    Ok(slices)
}

fn slice(bytes: &[u8], start: usize, large: bool) -> Option<Slice<'_>> {
    let architecture =
        Architecture { cpu_type: u32_at(bytes, start)?, cpu_subtype: u32_at(bytes, start + 4)? };
    let (offset, size, alignment) = if large {
        (u64_at(bytes, start + 8)?, u64_at(bytes, start + 16)?, u32_at(bytes, start + 24)?)
    } else {
        let short = |place| u32_at(bytes, place).map(u64::from);
        (short(start + 8)?, short(start + 12)?, u32_at(bytes, start + 16)?)
    };
    let range = usize::try_from(offset).ok()?..usize::try_from(offset.checked_add(size)?).ok()?;
    Some(Slice { architecture, offset, alignment, bytes: bytes.get(range)? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Random;

    const X86_64: Architecture = Architecture { cpu_type: 0x0100_0007, cpu_subtype: 3 };
    const ARM64: Architecture = Architecture { cpu_type: 0x0100_000c, cpu_subtype: 0 };
    const EXECUTABLE: u32 = 2;
    const LIBRARY: u32 = 6;

    fn thin(architecture: Architecture, file_type: u32, length: usize) -> Vec<u8> {
        let mut bytes = Vec::new();
        let fields = [0xfeed_facf, architecture.cpu_type, architecture.cpu_subtype, file_type, 0, 0, 0, 0];
        for field in fields {
            bytes.extend(field.to_le_bytes());
        }
        bytes.resize(length, 0x55);
        bytes
    }

    fn joined(thin: &[&[u8]]) -> Result<Vec<u8>, UniversalError> {
        let mut bytes = Vec::new();
        join(thin, &mut bytes)?;
        Ok(bytes)
    }

    #[test]
    fn the_bytes_are_those_of_fat_h() {
        let (arm, intel) = (thin(ARM64, EXECUTABLE, 40), thin(X86_64, EXECUTABLE, 20_000));
        let bytes = joined(&[&arm, &intel]).unwrap();
        let hex: String = bytes[..48].iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "cafebabe00000002\
             01000007000000030000400000004e200000000e\
             0100000c000000000000c000000000280000000e"
        );
        assert_eq!(bytes.len(), 0xc000 + 40);
        assert!(bytes[48..0x4000].iter().all(|byte| *byte == 0));
        assert_eq!(joined(&[&intel, &arm]).unwrap(), bytes);
    }

    #[test]
    fn slices_come_back_as_they_went_in() {
        let (arm, intel) = (thin(ARM64, LIBRARY, 1 << 15), thin(X86_64, LIBRARY, 33));
        let bytes = joined(&[&arm, &intel]).unwrap();
        let found = slices(&bytes).unwrap();
        assert_eq!(
            found,
            [
                Slice { architecture: X86_64, offset: 0x4000, alignment: 14, bytes: &intel },
                Slice { architecture: ARM64, offset: 0x8000, alignment: 14, bytes: &arm },
            ]
        );
        assert_eq!(found[0].architecture.to_string(), "x86_64");
        assert_eq!(found[1].architecture.to_string(), "arm64");
    }

    #[test]
    fn what_does_not_belong_together_is_refused() {
        let (arm, intel) = (thin(ARM64, EXECUTABLE, 40), thin(X86_64, EXECUTABLE, 40));
        let fat = joined(&[&arm, &intel]).unwrap();
        let mut other_arm = thin(ARM64, EXECUTABLE, 50);
        // The capability bits make no other architecture.
        other_arm[11] = 0x80;
        let library = thin(X86_64, LIBRARY, 40);
        let table: &[(&[&[u8]], &str)] = &[
            (&[], "join no files at all"),
            (&[&arm, b"\x7fELF\x02\x01\x01"], "join file 1: it is not a Mach-O file"),
            (&[&arm[..27]], "join file 0: it is not a Mach-O file"),
            (
                &[&arm, &fat],
                "join file 1: it is a universal binary already, and only thin files can be joined",
            ),
            (&[&arm, &intel, &other_arm], "join files 0 and 2: both are for arm64"),
            (
                &[&arm, &library],
                "join files 0 and 1: they are different kinds of file (Mach-O file types 2 and 6)",
            ),
        ];
        for (files, message) in table {
            assert_eq!(joined(files).unwrap_err().to_string(), *message);
        }
    }

    #[test]
    fn offsets_beyond_four_gibibytes_take_the_large_form() {
        let (header, offsets) = layout(&[(X86_64, 5 << 30), (ARM64, 7)]);
        assert_eq!(offsets, [0x4000, 0x1_4000_4000]);
        let hex: String = header.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(
            hex,
            "cafebabf00000002\
             0100000700000003000000000000400000000001400000000000000e00000000\
             0100000c00000000000000014000400000000000000000070000000e00000000"
        );
        let (header, _) = layout(&[(X86_64, 1 << 31), (ARM64, (1 << 31) - (1 << 15))]);
        assert_eq!(header[..4], [0xca, 0xfe, 0xba, 0xbe]);
    }

    #[test]
    fn the_large_form_is_read_too() {
        let mut bytes = Vec::new();
        bytes.extend(macho::FAT_MAGIC_64.to_be_bytes());
        bytes.extend(1u32.to_be_bytes());
        bytes.extend(ARM64.cpu_type.to_be_bytes());
        bytes.extend(ARM64.cpu_subtype.to_be_bytes());
        bytes.extend(64u64.to_be_bytes());
        bytes.extend(3u64.to_be_bytes());
        bytes.extend(6u32.to_be_bytes());
        bytes.extend(0u32.to_be_bytes());
        bytes.resize(64, 0);
        bytes.extend(b"abc");
        let expected = Slice { architecture: ARM64, offset: 64, alignment: 6, bytes: b"abc" };
        assert_eq!(slices(&bytes).unwrap(), [expected]);
    }

    #[test]
    fn a_java_class_is_no_universal_binary() {
        // Version 52 of the class file format.
        let class = [0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 52, 0, 1];
        assert!(matches!(slices(&class), Err(UniversalError::NotUniversal)));
    }

    #[test]
    fn cut_or_damaged_files_are_errors_or_slices_within_the_file() {
        let (arm, intel) = (thin(ARM64, EXECUTABLE, 40), thin(X86_64, EXECUTABLE, 40));
        let bytes = joined(&[&arm, &intel]).unwrap();
        for length in 0..bytes.len() {
            assert!(slices(&bytes[..length]).is_err(), "cut to {length}");
        }
        let mut random = Random::new(1);
        for _ in 0..10_000 {
            let mut damaged = bytes[..4096].to_vec();
            for _ in 0..1 + random.below(4) {
                damaged[random.below(48)] = random.next() as u8;
            }
            let _ = slices(&damaged);
        }
    }
}
