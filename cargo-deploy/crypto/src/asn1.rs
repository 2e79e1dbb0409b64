//! ASN.1 in its distinguished encoding (ITU-T X.690, DER): a reader that keeps the exact bytes of what it reads, and a
//! writer.
//!
//! Signatures are made over bytes, so what is verified has to be the bytes that were read, never something that was
//! encoded anew. The reader therefore gives slices of its input. Lengths have to be definite and minimal; tags above
//! thirty, which none of the formats here uses, are refused.

use std::borrow::Cow;
use thiserror::Error;

/// What cannot be read as DER.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("its ASN.1 is damaged at byte {offset}")]
pub(crate) struct Asn1Error {
    /// Counted from the first byte that the outermost reader was given.
    pub(crate) offset: usize,
}

pub(crate) const BOOLEAN: u8 = 0x01;
pub(crate) const INTEGER: u8 = 0x02;
pub(crate) const BIT_STRING: u8 = 0x03;
pub(crate) const OCTET_STRING: u8 = 0x04;
pub(crate) const OBJECT: u8 = 0x06;
pub(crate) const UTF8_STRING: u8 = 0x0c;
pub(crate) const PRINTABLE_STRING: u8 = 0x13;
pub(crate) const TELETEX_STRING: u8 = 0x14;
pub(crate) const IA5_STRING: u8 = 0x16;
pub(crate) const UTC_TIME: u8 = 0x17;
pub(crate) const GENERALIZED_TIME: u8 = 0x18;
pub(crate) const BMP_STRING: u8 = 0x1e;
pub(crate) const SEQUENCE: u8 = 0x30;
pub(crate) const SET: u8 = 0x31;

/// The tag `[number]` around other values.
pub(crate) const fn constructed(number: u8) -> u8 {
    0xa0 | number
}

/// The tag `[number]` in place of a primitive one.
pub(crate) const fn primitive(number: u8) -> u8 {
    0x80 | number
}

/// One value: its tag, its content and the whole with tag and length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Value<'a> {
    pub(crate) tag: u8,
    pub(crate) content: &'a [u8],
    /// Tag, length and content.
    pub(crate) whole: &'a [u8],
    /// Where the content begins.
    offset: usize,
}

impl<'a> Value<'a> {
    /// Reads what stands within.
    pub(crate) fn reader(&self) -> Reader<'a> {
        Reader { bytes: self.content, offset: self.offset }
    }

    fn error(&self) -> Asn1Error {
        Asn1Error { offset: self.offset }
    }

    /// The content, if the tag is the expected one.
    pub(crate) fn expect(self, tag: u8) -> Result<Self, Asn1Error> {
        if self.tag == tag { Ok(self) } else { Err(self.error()) }
    }

    /// An integer that is not negative, without leading zeros.
    pub(crate) fn unsigned(&self) -> Result<&'a [u8], Asn1Error> {
        match self.content {
            [] => Err(self.error()),
            [first, ..] if first & 0x80 != 0 => Err(self.error()),
            [0, second, ..] if second & 0x80 == 0 => Err(self.error()),
            [0, rest @ ..] if !rest.is_empty() => Ok(rest),
            bytes => Ok(bytes),
        }
    }

    /// An integer that is not negative and below 2^64.
    pub(crate) fn small(&self) -> Result<u64, Asn1Error> {
        let bytes = self.unsigned()?;
        if bytes.len() > 8 {
            return Err(self.error());
        }
        Ok(bytes.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    /// The bytes of a bit string that has no unused bits.
    pub(crate) fn bits(&self) -> Result<&'a [u8], Asn1Error> {
        match self.content {
            [0, rest @ ..] => Ok(rest),
            _ => Err(self.error()),
        }
    }

    /// A boolean.
    pub(crate) fn boolean(&self) -> Result<bool, Asn1Error> {
        match self.content {
            [0] => Ok(false),
            [0xff] => Ok(true),
            _ => Err(self.error()),
        }
    }

    /// Any of the kinds of strings as text; `None` for what is no string or no text.
    pub(crate) fn text(&self) -> Option<String> {
        match self.tag {
            UTF8_STRING | PRINTABLE_STRING | IA5_STRING => String::from_utf8(self.content.to_vec()).ok(),
            // Written as Latin-1 by everyone who wrote it.
            TELETEX_STRING => Some(self.content.iter().map(|byte| char::from(*byte)).collect()),
            BMP_STRING => {
                let (units, rest) = self.content.as_chunks::<2>();
                let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
                rest.is_empty().then(|| String::from_utf16(&units).ok()).flatten()
            }
            _ => None,
        }
    }

    /// A `UTCTime` or a `GeneralizedTime` of UTC, as seconds since 1970; fractions of a second are cut off.
    pub(crate) fn moment(&self) -> Result<u64, Asn1Error> {
        let digits = |range: std::ops::Range<usize>| -> Result<u64, Asn1Error> {
            let bytes = self.content.get(range).ok_or(self.error())?;
            bytes.iter().try_fold(0, |value, byte| match byte {
                b'0'..=b'9' => Ok(value * 10 + u64::from(byte - b'0')),
                _ => Err(self.error()),
            })
        };
        // RFC 5280 section 4.1.2.5.1: two digits from 50 on are of the twentieth century.
        let (year, rest) = match self.tag {
            UTC_TIME => (digits(0..2).map(|year| if year < 50 { 2000 + year } else { 1900 + year })?, 2),
            GENERALIZED_TIME => (digits(0..4)?, 4),
            _ => return Err(self.error()),
        };
        let field = |number: usize| digits(rest + 2 * number..rest + 2 * number + 2);
        let (month, day, hour, minute, second) = (field(0)?, field(1)?, field(2)?, field(3)?, field(4)?);
        let tail = self.content.get(rest + 10..).unwrap_or_default();
        let fraction = tail.strip_suffix(b"Z").ok_or(self.error())?;
        let fraction = match fraction {
            [] => true,
            [b'.', digits @ ..] => self.tag == GENERALIZED_TIME && digits.iter().all(u8::is_ascii_digit),
            _ => false,
        };
        let valid = fraction && (1..=12).contains(&month) && (1..=31).contains(&day) && hour < 24;
        if !valid || minute > 59 || second > 60 || year < 1970 {
            return Err(self.error());
        }
        Ok(days(year, month, day) * 86_400 + hour * 3_600 + minute * 60 + second)
    }
}

/// Days from 1970-01-01 to a date of the Gregorian calendar; the year begins in March so that the leap day is its last.
fn days(year: u64, month: u64, day: u64) -> u64 {
    let year = if month <= 2 { year - 1 } else { year };
    let shifted = (month + 9) % 12;
    let day_of_year = (153 * shifted + 2) / 5 + day - 1;
    year * 365 + year / 4 - year / 100 + year / 400 + day_of_year - 719_468
}

/// Reads one value after the other.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { bytes, offset: 0 }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The tag of the next value.
    pub(crate) fn peek(&self) -> Option<u8> {
        self.bytes.first().copied()
    }

    pub(crate) fn error(&self) -> Asn1Error {
        Asn1Error { offset: self.offset }
    }

    /// The next value, whatever it is.
    pub(crate) fn any(&mut self) -> Result<Value<'a>, Asn1Error> {
        let error = self.error();
        let (tag, length, header) = match *self.bytes {
            [tag, ..] if tag & 0x1f == 0x1f => return Err(error),
            [tag, length @ 0..=0x7f, ..] => (tag, usize::from(length), 2),
            [tag, count @ 0x81..=0x84, ref rest @ ..] => {
                let count = usize::from(count - 0x80);
                let bytes = rest.get(..count).ok_or(error)?;
                let length = bytes.iter().fold(0_u64, |length, byte| length << 8 | u64::from(*byte));
                let minimal = bytes.first() != Some(&0) && length >= 0x80;
                let length = usize::try_from(length).map_err(|_| error)?;
                if !minimal {
                    return Err(error);
                }
                (tag, length, 2 + count)
            }
            _ => return Err(error),
        };
        let end = header.checked_add(length).ok_or(error)?;
        let (whole, rest) = self.bytes.split_at_checked(end).ok_or(error)?;
        let value = Value { tag, content: &whole[header..], whole, offset: self.offset + header };
        self.bytes = rest;
        self.offset += end;
        Ok(value)
    }

    /// The next value, which has this tag.
    pub(crate) fn value(&mut self, tag: u8) -> Result<Value<'a>, Asn1Error> {
        let error = self.error();
        if self.peek() != Some(tag) {
            return Err(error);
        }
        self.any()
    }

    /// The next value, if it has this tag.
    pub(crate) fn optional(&mut self, tag: u8) -> Result<Option<Value<'a>>, Asn1Error> {
        if self.peek() == Some(tag) { self.any().map(Some) } else { Ok(None) }
    }

    /// What stands within the next value, which has this tag.
    pub(crate) fn enter(&mut self, tag: u8) -> Result<Reader<'a>, Asn1Error> {
        Ok(self.value(tag)?.reader())
    }

    /// The content of an object identifier.
    pub(crate) fn object(&mut self) -> Result<&'a [u8], Asn1Error> {
        Ok(self.value(OBJECT)?.content)
    }

    /// Nothing may follow.
    pub(crate) fn end(&self) -> Result<(), Asn1Error> {
        if self.is_empty() { Ok(()) } else { Err(self.error()) }
    }

    /// Every value that is left.
    pub(crate) fn all(mut self) -> Result<Vec<Value<'a>>, Asn1Error> {
        let mut values = Vec::new();
        while !self.is_empty() {
            values.push(self.any()?);
        }
        Ok(values)
    }
}

/// The one value that `bytes` are.
pub(crate) fn single(bytes: &[u8], tag: u8) -> Result<Value<'_>, Asn1Error> {
    let mut reader = Reader::new(bytes);
    let value = reader.value(tag)?;
    reader.end()?;
    Ok(value)
}

/// What other programs encode with lengths that are told by an end mark, and strings in pieces, as DER (X.690 sections
/// 8.1.3.6 and 8.7.3); what is definite already is left as it is.
pub(crate) fn definite(bytes: &[u8]) -> Result<Cow<'_, [u8]>, Asn1Error> {
    if matches!(bytes, [_, 0x80, ..]) || bytes.first() == Some(&(OCTET_STRING | 0x20)) {
        let mut rest = bytes;
        let value = definite_value(&mut rest, 0).ok_or(Asn1Error { offset: bytes.len() - rest.len() })?;
        return Ok(Cow::Owned(value));
    }
    Ok(Cow::Borrowed(bytes))
}

fn definite_value(bytes: &mut &[u8], depth: usize) -> Option<Vec<u8>> {
    const DEEPEST: usize = 32;
    if depth > DEEPEST {
        return None;
    }
    let indefinite = matches!(bytes, [tag, 0x80, ..] if tag & 0x20 != 0);
    let (tag, mut content) = if indefinite {
        let tag = bytes[0];
        *bytes = &bytes[2..];
        (tag, *bytes)
    } else {
        let mut reader = Reader::new(bytes);
        let value = reader.any().ok()?;
        *bytes = reader.bytes;
        if value.tag & 0x20 == 0 {
            return Some(value.whole.to_vec());
        }
        (value.tag, value.content)
    };
    let mut parts = Vec::new();
    let mut pieces = Vec::new();
    loop {
        if indefinite && let Some(rest) = content.strip_prefix(&[0, 0]) {
            *bytes = rest;
            break;
        }
        if !indefinite && content.is_empty() {
            break;
        }
        let part = definite_value(&mut content, depth + 1)?;
        if tag == OCTET_STRING | 0x20 {
            pieces.extend(single(&part, OCTET_STRING).ok()?.content);
        }
        parts.extend(part);
    }
    Some(if tag == OCTET_STRING | 0x20 { encode(OCTET_STRING, &pieces) } else { encode(tag, &parts) })
}

/// A value of this tag and content.
pub(crate) fn encode(tag: u8, content: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(content.len() + 6);
    bytes.push(tag);
    match content.len() {
        length @ 0..=0x7f => bytes.push(length as u8),
        length => {
            let length = length.to_be_bytes();
            let first = length.iter().position(|byte| *byte != 0).unwrap_or(0);
            bytes.push(0x80 | (length.len() - first) as u8);
            bytes.extend(&length[first..]);
        }
    }
    bytes.extend(content);
    bytes
}

/// A value of this tag around others.
pub(crate) fn nest(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    encode(tag, &parts.concat())
}

/// A sequence of what is already encoded.
pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    nest(SEQUENCE, parts)
}

/// A set of what is already encoded, in the order that X.690 section 11.6 asks for.
pub(crate) fn set_of(tag: u8, mut parts: Vec<Vec<u8>>) -> Vec<u8> {
    parts.sort();
    encode(tag, &parts.concat())
}

/// An object identifier of its content.
pub(crate) fn object(content: &[u8]) -> Vec<u8> {
    encode(OBJECT, content)
}

/// An integer that is not negative, of its bytes from the highest on.
pub(crate) fn unsigned(bytes: &[u8]) -> Vec<u8> {
    let first = bytes.iter().position(|byte| *byte != 0).unwrap_or(bytes.len());
    let bytes = &bytes[first..];
    match bytes.first() {
        Some(byte) if byte & 0x80 == 0 => encode(INTEGER, bytes),
        _ => nest(INTEGER, &[&[0], bytes]),
    }
}

/// The value `NULL`.
pub(crate) const NULL: &[u8] = &[0x05, 0x00];

/// An object identifier as people write it.
pub(crate) fn dotted(content: &[u8]) -> String {
    let mut parts = Vec::new();
    let mut part = 0_u128;
    for byte in content {
        part = (part << 7 & (u128::MAX >> 1)) | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            if parts.is_empty() {
                let first = (part / 40).min(2);
                parts.push(first);
                part -= first * 40;
            }
            parts.push(part);
            part = 0;
        }
    }
    parts.iter().map(u128::to_string).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_read_as_they_were_written() {
        for size in [0, 1, 0x7f, 0x80, 0xff, 0x100, 0xffff, 0x1_0000] {
            let written = encode(OCTET_STRING, &vec![7; size]);
            let value = single(&written, OCTET_STRING).unwrap();
            assert_eq!((value.content.len(), value.whole), (size, &*written));
        }
    }

    #[test]
    fn lengths_that_are_not_minimal_are_refused() {
        for bytes in
            [&[4, 0x81, 1, 0][..], &[4, 0x82, 0, 0x80], &[4, 0x80, 0, 0], &[4, 2, 0], &[4], &[0x1f, 1, 0]]
        {
            assert!(Reader::new(bytes).any().is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn integers_have_one_form() {
        let table: [(&[u8], &[u8]); 5] = [
            (&[], &[2, 1, 0]),
            (&[0, 0], &[2, 1, 0]),
            (&[0, 5], &[2, 1, 5]),
            (&[0x80], &[2, 2, 0, 0x80]),
            (&[0, 0xff, 1], &[2, 3, 0, 0xff, 1]),
        ];
        for (bytes, expected) in table {
            assert_eq!(unsigned(bytes), expected);
        }
        for bytes in [&[2, 0][..], &[2, 1, 0x80], &[2, 2, 0, 1]] {
            assert!(single(bytes, INTEGER).unwrap().unsigned().is_err(), "{bytes:02x?}");
        }
    }

    #[test]
    fn moments_are_read_in_both_forms() {
        let table = [
            (UTC_TIME, "700101000000Z", Some(0)),
            (UTC_TIME, "240229123000Z", Some(1_709_209_800)),
            (GENERALIZED_TIME, "20240229123000Z", Some(1_709_209_800)),
            (GENERALIZED_TIME, "20240229123000.25Z", Some(1_709_209_800)),
            (GENERALIZED_TIME, "21000301000000Z", Some(4_107_542_400)),
            (UTC_TIME, "2402291230Z", None),
            (UTC_TIME, "240229123000+0100", None),
            (UTC_TIME, "241329123000Z", None),
            (GENERALIZED_TIME, "2024022912300xZ", None),
        ];
        for (tag, text, expected) in table {
            let bytes = encode(tag, text.as_bytes());
            assert_eq!(single(&bytes, tag).unwrap().moment().ok(), expected, "{text}");
        }
    }

    #[test]
    fn lengths_by_end_marks_and_strings_in_pieces_become_definite() {
        let bytes = [0x30, 0x80, 0x24, 0x80, 4, 2, 1, 2, 4, 1, 3, 0, 0, 0xa0, 3, 2, 1, 9, 0, 0];
        assert_eq!(*definite(&bytes).unwrap(), [0x30, 10, 4, 3, 1, 2, 3, 0xa0, 3, 2, 1, 9]);
        for end in 2..bytes.len() {
            assert!(definite(&bytes[..end]).is_err(), "{end}");
        }
    }

    #[test]
    fn object_identifiers_are_shown_with_dots() {
        assert_eq!(dotted(&[0x2b, 6, 1, 4, 1, 0x82, 0x37, 2, 1, 4]), "1.3.6.1.4.1.311.2.1.4");
        assert_eq!(dotted(&[0x55, 4, 3]), "2.5.4.3");
        assert_eq!(dotted(&[0x88, 0x37]), "2.999");
    }
}
