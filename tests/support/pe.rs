//! The smallest program for Windows that readers of such programs take for one. It does nothing.

/// Its bytes: headers and one section of zeros (PE Format).
pub(crate) fn program() -> Vec<u8> {
    let mut bytes = vec![0; 0x400];
    let mut put = |at: usize, value: &[u8]| bytes[at..at + value.len()].copy_from_slice(value);
    put(0, b"MZ");
    put(0x3c, &0x80_u32.to_le_bytes());
    put(0x80, b"PE\0\0");
    // AMD64, one section, an optional header of 240 bytes, an executable image.
    put(0x84, &0x8664_u16.to_le_bytes());
    put(0x86, &1_u16.to_le_bytes());
    put(0x94, &240_u16.to_le_bytes());
    put(0x96, &0x22_u16.to_le_bytes());
    let optional = 0x98;
    put(optional, &0x20b_u16.to_le_bytes());
    put(optional + 16, &0x1000_u32.to_le_bytes());
    put(optional + 24, &0x1_4000_0000_u64.to_le_bytes());
    for (at, value) in [(32, 0x1000_u32), (36, 0x200), (56, 0x2000), (60, 0x200), (108, 16)] {
        put(optional + at, &value.to_le_bytes());
    }
    for at in [40, 48] {
        put(optional + at, &6_u16.to_le_bytes());
    }
    put(optional + 68, &2_u16.to_le_bytes());
    let section = optional + 240;
    put(section, b".text\0\0\0");
    for (at, value) in [(8, 0x200_u32), (12, 0x1000), (16, 0x200), (20, 0x200), (36, 0x6000_0020)] {
        put(section + at, &value.to_le_bytes());
    }
    bytes
}
