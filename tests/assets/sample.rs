//! Archives of every kind, good and hostile, made byte by byte: no writer would make the hostile ones.

use deploy_formats::Level;
use deploy_formats::compression::{Compression, Encoder};
use std::io::Write as _;
use std::num::NonZeroUsize;

/// A tar archive in the making (POSIX.1-1988, ustar).
#[derive(Default)]
pub(super) struct Tar(Vec<u8>);

impl Tar {
    /// A regular file.
    pub(super) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, b'0', 0o644, "", content)
    }

    /// A regular file with a mode.
    pub(super) fn file_with_mode(self, name: &str, mode: u32, content: &[u8]) -> Self {
        self.entry(name, b'0', mode, "", content)
    }

    /// A directory.
    pub(super) fn directory(self, name: &str) -> Self {
        self.entry(name, b'5', 0o755, "", b"")
    }

    /// A symbolic link.
    pub(super) fn link(self, name: &str, target: &str) -> Self {
        self.entry(name, b'2', 0o777, target, b"")
    }

    /// A hard link.
    pub(super) fn hard_link(self, name: &str, target: &str) -> Self {
        self.entry(name, b'1', 0o644, target, b"")
    }

    /// An entry of any kind.
    pub(super) fn entry(mut self, name: &str, kind: u8, mode: u32, target: &str, content: &[u8]) -> Self {
        if name.len() > 100 {
            self = self.entry("././@LongLink", b'L', 0, "", format!("{name}\0").as_bytes());
        }
        self.header(name, kind, mode, target, content.len() as u64);
        self.0.extend(content);
        self.0.resize(self.0.len().next_multiple_of(512), 0);
        self
    }

    /// A POSIX.1-2001 header for the next entry.
    pub(super) fn extension(self, key: &str, value: &str) -> Self {
        let mut record = String::new();
        let mut length = key.len() + value.len() + 3;
        while record.len() != length {
            length = record.len().max(length);
            record = format!("{length} {key}={value}\n");
            length = record.len();
            record = format!("{length} {key}={value}\n");
        }
        self.entry("PaxHeader", b'x', 0o644, "", record.as_bytes())
    }

    /// A header that announces a size, without the content.
    pub(super) fn header(&mut self, name: &str, kind: u8, mode: u32, target: &str, size: u64) {
        let mut header = [0; 512];
        let mut put = |at: usize, bytes: &[u8]| header[at..at + bytes.len()].copy_from_slice(bytes);
        put(0, &name.as_bytes()[..name.len().min(100)]);
        put(100, format!("{mode:07o}").as_bytes());
        put(108, b"0000000");
        put(116, b"0000000");
        put(124, format!("{size:011o}").as_bytes());
        put(136, b"00000000000");
        put(148, b"        ");
        put(156, &[kind]);
        put(157, target.as_bytes());
        put(257, b"ustar\x0000");
        let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
        header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
        self.0.extend(header);
    }

    /// The plain archive without its end.
    pub(super) fn open_ended(self) -> Vec<u8> {
        self.0
    }

    /// The plain archive.
    pub(super) fn bytes(mut self) -> Vec<u8> {
        self.0.resize(self.0.len() + 1024, 0);
        self.0
    }

    /// The archive, compressed.
    pub(super) fn gz(self) -> Vec<u8> {
        compressed(Compression::Gzip, &self.bytes())
    }
}

/// Compressed bytes.
pub(super) fn compressed(compression: Compression, bytes: &[u8]) -> Vec<u8> {
    let threads = NonZeroUsize::MIN;
    let mut encoder = Encoder::new(compression, Vec::new(), Level::Fast, threads).expect("an encoder");
    encoder.write_all(bytes).expect("memory takes everything");
    encoder.finish().expect("memory takes everything")
}

/// A zip archive in the making (APPNOTE.TXT 6.3.10), members stored.
#[derive(Default)]
pub(super) struct Zip {
    members: Vec<u8>,
    directory: Vec<u8>,
    count: u16,
}

impl Zip {
    /// A regular file.
    pub(super) fn file(self, name: &str, content: &[u8]) -> Self {
        self.entry(name, 0o100_644, content)
    }

    /// An entry with a Unix mode, which says what it is.
    pub(super) fn entry(self, name: &str, mode: u32, content: &[u8]) -> Self {
        let size = u32::try_from(content.len()).expect("small");
        self.raw((name, name), mode, content, size)
    }

    /// An entry whose two headers may have two names, and that announces a size.
    pub(super) fn raw(
        mut self,
        (local, central): (&str, &str),
        mode: u32,
        content: &[u8],
        size: u32,
    ) -> Self {
        let offset = u32::try_from(self.members.len()).expect("small");
        let stored = u32::try_from(content.len()).expect("small");
        let mut common = Vec::new();
        for number in [20_u16, 0x0800, 0, 0, 0x21] {
            common.extend(number.to_le_bytes());
        }
        for number in [crc32(content), stored, size] {
            common.extend(number.to_le_bytes());
        }
        self.members.extend(b"PK\x03\x04");
        self.members.extend(&common);
        self.members.extend(u16::try_from(local.len()).expect("short").to_le_bytes());
        self.members.extend(0_u16.to_le_bytes());
        self.members.extend(local.as_bytes());
        self.members.extend(content);

        self.directory.extend(b"PK\x01\x02");
        self.directory.extend([20, 3]);
        self.directory.extend(&common);
        for number in [u16::try_from(central.len()).expect("short"), 0, 0, 0, 0] {
            self.directory.extend(number.to_le_bytes());
        }
        self.directory.extend((mode << 16).to_le_bytes());
        self.directory.extend(offset.to_le_bytes());
        self.directory.extend(central.as_bytes());
        self.count += 1;
        self
    }

    /// Another entry in the directory for the member at the beginning.
    pub(super) fn again(mut self, name: &str, content: &[u8]) -> Self {
        let members = std::mem::take(&mut self.members);
        self = self.entry(name, 0o100_644, content);
        self.members = members;
        self
    }

    /// The archive.
    pub(super) fn bytes(self) -> Vec<u8> {
        let mut bytes = self.members;
        let start = u32::try_from(bytes.len()).expect("small");
        let length = u32::try_from(self.directory.len()).expect("small");
        bytes.extend(self.directory);
        bytes.extend(b"PK\x05\x06");
        for number in [0, 0, self.count, self.count] {
            bytes.extend(number.to_le_bytes());
        }
        bytes.extend(length.to_le_bytes());
        bytes.extend(start.to_le_bytes());
        bytes.extend(0_u16.to_le_bytes());
        bytes
    }
}

/// The checksum of zip (APPNOTE.TXT, 4.4.7).
fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            crc = if crc & 1 == 1 { (crc >> 1) ^ 0xedb8_8320 } else { crc >> 1 };
        }
    }
    !crc
}
