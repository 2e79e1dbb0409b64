//! Identifiers of components, products and packages, and how they follow from a name.

use std::fmt;
use std::str::FromStr;

use sha1::{Digest, Sha1};
use thiserror::Error;

/// A globally unique identifier, written as Windows Installer wants it: `{0123ABCD-…}`, in braces and capitals.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Guid([u8; 16]);

impl Guid {
    /// The namespace of fully qualified domain names (RFC 9562, 6.6).
    pub const DNS: Guid = Guid(0x6ba7_b810_9dad_11d1_80b4_00c0_4fd4_30c8_u128.to_be_bytes());
    /// The namespace of URLs (RFC 9562, 6.6).
    pub const URL: Guid = Guid(0x6ba7_b811_9dad_11d1_80b4_00c0_4fd4_30c8_u128.to_be_bytes());

    /// Of the bytes in the order of the text, which is not that of a `GUID` in memory.
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Guid(bytes)
    }

    /// The bytes in the order of the text.
    pub const fn bytes(self) -> [u8; 16] {
        self.0
    }

    /// The identifier that a name has in a namespace: the same for the same arguments, for ever (RFC 9562, 5.5, version 5).
    pub fn named(namespace: Guid, name: &str) -> Self {
        let digest = Sha1::new_with_prefix(namespace.0).chain_update(name.as_bytes()).finalize();
        let mut bytes = [0; 16];
        for (byte, from) in bytes.iter_mut().zip(digest) {
            *byte = from;
        }
        bytes[6] = bytes[6] & 0x0f | 0x50;
        bytes[8] = bytes[8] & 0x3f | 0x80;
        Guid(bytes)
    }
}

impl fmt::Display for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("{")?;
        for (index, byte) in self.0.iter().enumerate() {
            let dash = if matches!(index, 4 | 6 | 8 | 10) { "-" } else { "" };
            write!(formatter, "{dash}{byte:02X}")?;
        }
        formatter.write_str("}")
    }
}

impl fmt::Debug for Guid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

/// A text that is no identifier.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{text}` is no GUID: it should look like {{01234567-89AB-CDEF-0123-456789ABCDEF}}")]
pub struct GuidError {
    /// What was read.
    pub text: String,
}

impl FromStr for Guid {
    type Err = GuidError;

    /// With or without braces, in capitals or not.
    fn from_str(text: &str) -> Result<Self, GuidError> {
        let wrong = || GuidError { text: text.to_owned() };
        let inner = match text.strip_prefix('{') {
            Some(rest) => rest.strip_suffix('}').ok_or_else(wrong)?,
            None => text,
        };
        let groups: Vec<&str> = inner.split('-').collect();
        if !groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) {
            return Err(wrong());
        }
        let digits = groups.concat();
        if !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(wrong());
        }
        u128::from_str_radix(&digits, 16).map(|number| Guid(number.to_be_bytes())).map_err(|_| wrong())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_identifier() {
        // The example of RFC 9562, A.4.
        let guid = Guid::named(Guid::DNS, "www.example.com");
        assert_eq!(guid.to_string(), "{2ED6657D-E927-568B-95E1-2665A8AEA6A2}");
        assert_ne!(Guid::named(Guid::URL, "www.example.com"), guid);
    }

    #[test]
    fn texts_are_read_back() {
        for text in ["{2ED6657D-E927-568B-95E1-2665A8AEA6A2}", "2ed6657d-e927-568b-95e1-2665a8aea6a2"] {
            let guid: Guid = text.parse().unwrap();
            assert_eq!(guid.to_string(), "{2ED6657D-E927-568B-95E1-2665A8AEA6A2}");
        }
        for text in [
            "",
            "{}",
            "{2ED6657D-E927-568B-95E1-2665A8AEA6A2",
            "2ED6657D-E927-568B-95E1-2665A8AEA6A2}",
            "2ED6657DE927568B95E12665A8AEA6A2",
            "+ED6657D-E927-568B-95E1-2665A8AEA6A2",
            "2ED6657D-E927-568B-95E1-2665A8AEA6é",
        ] {
            let error = text.parse::<Guid>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("`{text}` is no GUID")), "{error}");
        }
    }
}
