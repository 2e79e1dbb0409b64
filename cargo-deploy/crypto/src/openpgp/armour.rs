//! ASCII armour (RFC 4880 section 6; RFC 9580 section 6): base64 between two lines that say what it is.
//!
//! The checksum that RFC 9580 calls optional is always written: rpm's own reader asks for it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;
use zeroize::Zeroizing;

/// Why armour cannot be taken off.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum ArmourError {
    /// There is no `-----BEGIN PGP`.
    #[error("there is no line `-----BEGIN PGP ...`")]
    NoBegin,
    /// The end does not fit the beginning, or is missing.
    #[error("there is no line `-----END PGP ...` that fits the first")]
    NoEnd,
    /// What stands between is not base64.
    #[error("what stands between the first and the last line is not base64")]
    Body,
    /// The checksum is another.
    #[error("its checksum says that it was damaged")]
    Checksum,
}

/// What armour holds.
pub(super) struct Armoured<'a> {
    /// What the lines name: `PUBLIC KEY BLOCK`, `PRIVATE KEY BLOCK`, `SIGNATURE`.
    pub(super) label: &'a str,
    pub(super) data: Zeroizing<Vec<u8>>,
    /// What follows the last line.
    pub(super) rest: &'a str,
}

/// Takes the armour off the first block of `text`. What precedes it is passed over.
pub(super) fn read(text: &str) -> Result<Armoured<'_>, ArmourError> {
    const BEGIN: &str = "-----BEGIN PGP ";
    let mut lines = text.split_inclusive('\n');
    let mut at = 0;
    let label = loop {
        let line = lines.next().ok_or(ArmourError::NoBegin)?;
        at += line.len();
        if let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.trim_end().strip_suffix("-----")) {
            break label;
        }
    };
    // Headers, until a line without anything but space.
    for line in lines.by_ref() {
        at += line.len();
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = Zeroizing::new(String::new());
    let mut checksum = None;
    loop {
        let line = lines.next().ok_or(ArmourError::NoEnd)?;
        at += line.len();
        let line = line.trim_end();
        if line.starts_with('-') {
            let end = line.strip_prefix("-----END PGP ").and_then(|rest| rest.strip_suffix("-----"));
            if end != Some(label) {
                return Err(ArmourError::NoEnd);
            }
            break;
        }
        match line.strip_prefix('=') {
            Some(line) if checksum.is_none() => checksum = Some(line),
            _ if checksum.is_some() && !line.is_empty() => return Err(ArmourError::Body),
            _ => body.push_str(line),
        }
    }
    let data = Zeroizing::new(STANDARD.decode(body.as_bytes()).map_err(|_| ArmourError::Body)?);
    if let Some(expected) = checksum {
        let expected = STANDARD.decode(expected).map_err(|_| ArmourError::Body)?;
        if expected != crc24(&data) {
            return Err(ArmourError::Checksum);
        }
    }
    let rest = text.get(at..).unwrap_or_default();
    Ok(Armoured { label, data, rest })
}

/// Puts `data` into armour with lines of 64 characters.
pub(super) fn write(label: &str, data: &[u8]) -> String {
    let body = STANDARD.encode(data);
    let mut text = format!("-----BEGIN PGP {label}-----\n\n");
    let mut rest = body.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at(rest.len().min(64));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push('=');
    text.push_str(&STANDARD.encode(crc24(data)));
    text.push_str(&format!("\n-----END PGP {label}-----\n"));
    text
}

/// The checksum of RFC 4880 section 6.1.
fn crc24(data: &[u8]) -> [u8; 3] {
    let mut crc: u32 = 0xB7_04CE;
    for byte in data {
        crc ^= u32::from(*byte) << 16;
        for _ in 0..8 {
            crc <<= 1;
            if crc & 0x100_0000 != 0 {
                crc ^= 0x186_4CFB;
            }
        }
    }
    let [_, bytes @ ..] = crc.to_be_bytes();
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_armoured_comes_out_again() {
        for length in [0, 1, 47, 48, 49, 1000] {
            let data: Vec<u8> = (0..length).map(|byte| byte as u8).collect();
            let text = format!("before\n{}after", write("SIGNATURE", &data));
            let read = read(&text).unwrap();
            assert_eq!((read.label, &read.data[..], read.rest), ("SIGNATURE", &data[..], "after"));
        }
    }

    #[test]
    fn headers_and_carriage_returns_are_passed_over() {
        let text = write("SIGNATURE", b"hello").replacen("\n\n", "\nVersion: 1\nComment: two\n\n", 1);
        assert_eq!(read(&text.replace('\n', "\r\n")).unwrap().data[..], b"hello"[..]);
    }

    #[test]
    fn damaged_armour_is_refused() {
        let good = write("SIGNATURE", b"hello");
        assert_eq!(read("nothing").err(), Some(ArmourError::NoBegin));
        assert_eq!(read(&good.replace("END PGP SIG", "END PGP MESS")).err(), Some(ArmourError::NoEnd));
        assert_eq!(read(good.split_once("-----END").unwrap().0).err(), Some(ArmourError::NoEnd));
        assert_eq!(read(&good.replace("aGVs", "a!Vs")).err(), Some(ArmourError::Body));
        assert_eq!(read(&good.replace("aGVs", "aGVt")).err(), Some(ArmourError::Checksum));
    }
}
