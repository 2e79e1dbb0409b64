//! A size as people write it: `120 MiB`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A number of bytes, written with a unit: `512 B`, `1.5 GB`, `120 MiB`.
///
/// `kB`, `MB`, `GB`, `TB` are powers of 1000 (SI); `KiB`, `MiB`, `GiB`, `TiB` are powers of 1024
/// (IEC 80000-13). Upper and lower case mean the same, and the space before the unit may be left out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ByteSize {
    bytes: u64,
}

/// Units from the largest down, so that [`fmt::Display`] takes the first that divides.
const UNITS: [(&str, u64); 9] = [
    ("TiB", 1 << 40),
    ("TB", 1_000_000_000_000),
    ("GiB", 1 << 30),
    ("GB", 1_000_000_000),
    ("MiB", 1 << 20),
    ("MB", 1_000_000),
    ("KiB", 1 << 10),
    ("kB", 1_000),
    ("B", 1),
];

/// Why a text is not a size.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidByteSize {
    /// Nothing but spaces.
    #[error("it is empty")]
    Empty,
    /// It does not begin with a number.
    #[error("it does not begin with a number such as 120 or 1.5")]
    NoNumber,
    /// Only digits: bytes, or megabytes?
    #[error("the unit is missing; write for example \"{number} MiB\", or \"{number} B\" for bytes")]
    NoUnit {
        /// What was written.
        number: String,
    },
    /// A unit nobody defined.
    #[error("the unit \"{unit}\" is not known; known are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB")]
    UnknownUnit {
        /// What was written.
        unit: String,
    },
    /// `0.3 KiB` is 307.2 bytes.
    #[error("it does not come to a whole number of bytes")]
    NotWhole,
    /// More than 2^64 - 1 bytes.
    #[error("it is larger than 16 EiB")]
    TooLarge,
}

impl ByteSize {
    /// So many bytes.
    pub const fn from_bytes(bytes: u64) -> Self {
        Self { bytes }
    }

    /// How many bytes it is.
    pub const fn bytes(self) -> u64 {
        self.bytes
    }
}

impl FromStr for ByteSize {
    type Err = InvalidByteSize;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if text.is_empty() {
            return Err(InvalidByteSize::Empty);
        }
        let end = text.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(text.len());
        let (number, unit) = text.split_at(end);
        let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
        if whole.is_empty() || fraction.is_empty() || fraction.contains('.') {
            return Err(InvalidByteSize::NoNumber);
        }
        let unit = unit.trim_start();
        if unit.is_empty() {
            return Err(InvalidByteSize::NoUnit { number: number.to_owned() });
        }
        let factor = UNITS
            .iter()
            .find(|(name, _)| name.eq_ignore_ascii_case(unit))
            .map(|(_, factor)| u128::from(*factor))
            .ok_or_else(|| InvalidByteSize::UnknownUnit { unit: unit.chars().take(20).collect() })?;

        // More than twelve decimals of a terabyte are less than a byte, so they cannot be whole.
        let fraction = fraction.trim_end_matches('0');
        let scale = u32::try_from(fraction.len())
            .ok()
            .filter(|decimals| *decimals <= 12)
            .map(|decimals| 10_u128.pow(decimals))
            .ok_or(InvalidByteSize::NotWhole)?;
        let whole: u64 = whole.parse().map_err(|_| InvalidByteSize::TooLarge)?;
        let fraction: u128 = format!("0{fraction}").parse().map_err(|_| InvalidByteSize::NotWhole)?;
        let scaled = (u128::from(whole) * scale + fraction) * factor;
        if !scaled.is_multiple_of(scale) {
            return Err(InvalidByteSize::NotWhole);
        }
        let bytes = u64::try_from(scaled / scale).map_err(|_| InvalidByteSize::TooLarge)?;
        Ok(Self { bytes })
    }
}

impl fmt::Display for ByteSize {
    /// The largest unit that divides it, so that reading it back gives the same size.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (unit, factor) = UNITS
            .iter()
            .find(|(_, factor)| self.bytes != 0 && self.bytes.is_multiple_of(*factor))
            .unwrap_or(&("B", 1));
        write!(formatter, "{} {unit}", self.bytes / factor)
    }
}

impl Serialize for ByteSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for ByteSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Cow::<'_, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl JsonSchema for ByteSize {
    fn schema_name() -> Cow<'static, str> {
        "ByteSize".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "format": "byte-size" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_read_exactly() {
        for (text, bytes) in [
            ("0 B", 0),
            ("1B", 1),
            ("1 kB", 1000),
            ("1KiB", 1024),
            ("1 kib", 1024),
            ("120 MiB", 125_829_120),
            (" 120  MiB ", 125_829_120),
            ("1.5 GiB", 1_610_612_736),
            ("1.50 GB", 1_500_000_000),
            ("0.000000000001 TB", 1),
            ("18446744073709551615 B", u64::MAX),
        ] {
            assert_eq!(text.parse::<ByteSize>().map(ByteSize::bytes), Ok(bytes), "{text}");
        }
    }

    #[test]
    fn a_size_is_read_back_from_what_it_shows() {
        for bytes in [0, 1, 999, 1000, 1024, 1_500_000, 125_829_120, u64::MAX] {
            let size = ByteSize::from_bytes(bytes);
            assert_eq!(size.to_string().parse(), Ok(size), "{size}");
        }
        assert_eq!(ByteSize::from_bytes(125_829_120).to_string(), "120 MiB");
        assert_eq!(ByteSize::from_bytes(1_500_000).to_string(), "1500 kB");
    }

    #[test]
    fn every_refusal_says_which_part_is_wrong() {
        for (text, reason) in [
            ("", "it is empty"),
            ("MiB", "it does not begin with a number such as 120 or 1.5"),
            ("-1 MiB", "it does not begin with a number such as 120 or 1.5"),
            (".5 MiB", "it does not begin with a number such as 120 or 1.5"),
            ("1. MiB", "it does not begin with a number such as 120 or 1.5"),
            ("1.2.3 MiB", "it does not begin with a number such as 120 or 1.5"),
            ("120", "the unit is missing; write for example \"120 MiB\", or \"120 B\" for bytes"),
            ("120 M", "the unit \"M\" is not known; known are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"),
            ("1,5 MiB", "the unit \",5 MiB\" is not known; known are B, kB, MB, GB, TB, KiB, MiB, GiB, TiB"),
            ("0.3 KiB", "it does not come to a whole number of bytes"),
            ("0.0000000000001 TB", "it does not come to a whole number of bytes"),
            ("16777216 TiB", "it is larger than 16 EiB"),
            ("99999999999999999999999 B", "it is larger than 16 EiB"),
        ] {
            assert_eq!(text.parse::<ByteSize>().unwrap_err().to_string(), reason, "{text}");
        }
    }
}
