//! A length of time as people write it: `30s`, `1m30s`, `500ms..30s`.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;
use std::time::Duration;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

/// A length of time in whole milliseconds, written as numbers with units, the larger unit first: `500ms`,
/// `30s`, `1m30s`, `2h`, `7d`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct HumanDuration {
    milliseconds: u64,
}

/// Units from the largest down, in milliseconds.
const UNITS: [(&str, u64); 5] = [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a length of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDuration {
    /// Nothing but spaces.
    #[error("it is empty")]
    Empty,
    /// A number was expected and something else was there.
    #[error("a number is expected at \"{rest}\"")]
    NoNumber {
        /// What stands there.
        rest: String,
    },
    /// `30`: of what?
    #[error("the unit is missing after {number}; write for example \"{number}s\"")]
    NoUnit {
        /// The number.
        number: String,
    },
    /// A unit nobody defined.
    #[error("the unit \"{unit}\" is not known; known are d, h, m, s, ms")]
    UnknownUnit {
        /// What was written.
        unit: String,
    },
    /// `30s1m`, or a unit twice.
    #[error("\"{unit}\" comes after a smaller unit or after itself; write the larger unit first, each once")]
    Order {
        /// The unit that came too late.
        unit: String,
    },
    /// More than 2^64 - 1 milliseconds.
    #[error("it is too long")]
    TooLong,
}

impl HumanDuration {
    /// So many milliseconds.
    pub const fn from_milliseconds(milliseconds: u64) -> Self {
        Self { milliseconds }
    }

    /// How many milliseconds it is.
    pub const fn milliseconds(self) -> u64 {
        self.milliseconds
    }

    /// The same for the standard library.
    pub const fn duration(self) -> Duration {
        Duration::from_millis(self.milliseconds)
    }
}

impl FromStr for HumanDuration {
    type Err = InvalidDuration;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut rest = text.trim();
        if rest.is_empty() {
            return Err(InvalidDuration::Empty);
        }
        let mut milliseconds: u64 = 0;
        let mut next_unit = 0;
        while !rest.is_empty() {
            let end = rest.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(rest.len());
            let (number, after) = rest.split_at(end);
            if number.is_empty() {
                return Err(InvalidDuration::NoNumber { rest: rest.chars().take(20).collect() });
            }
            let after = after.trim_start();
            let end = after.find(|letter: char| !letter.is_alphabetic()).unwrap_or(after.len());
            let (unit, after) = after.split_at(end);
            if unit.is_empty() {
                return Err(InvalidDuration::NoUnit { number: number.to_owned() });
            }
            let position = UNITS
                .iter()
                .position(|(name, _)| *name == unit)
                .ok_or_else(|| InvalidDuration::UnknownUnit { unit: unit.chars().take(20).collect() })?;
            if position < next_unit {
                return Err(InvalidDuration::Order { unit: unit.to_owned() });
            }
            next_unit = position + 1;
            milliseconds = number
                .parse::<u64>()
                .ok()
                .and_then(|number| number.checked_mul(UNITS[position].1))
                .and_then(|part| milliseconds.checked_add(part))
                .ok_or(InvalidDuration::TooLong)?;
            rest = after.trim_start();
        }
        Ok(Self { milliseconds })
    }
}

impl fmt::Display for HumanDuration {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.milliseconds == 0 {
            return formatter.write_str("0s");
        }
        let mut rest = self.milliseconds;
        for (unit, factor) in UNITS {
            if rest >= factor {
                write!(formatter, "{}{unit}", rest / factor)?;
                rest %= factor;
            }
        }
        Ok(())
    }
}

/// Two lengths of time, the shorter first, as a back-off grows: `500ms..30s`. Both ends belong to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DurationRange {
    low: HumanDuration,
    high: HumanDuration,
}

/// Why a text is not a range of time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum InvalidDurationRange {
    /// No `..` between two lengths.
    #[error("`..` is missing between the shortest and the longest time")]
    NoDots,
    /// The part before `..`.
    #[error("before `..`: {source}")]
    Low {
        /// Why.
        source: InvalidDuration,
    },
    /// The part after `..`.
    #[error("after `..`: {source}")]
    High {
        /// Why.
        source: InvalidDuration,
    },
    /// `30s..1s`.
    #[error("it ends before it begins: {low} is longer than {high}")]
    Backwards {
        /// What stands before `..`.
        low: HumanDuration,
        /// What stands after it.
        high: HumanDuration,
    },
}

impl DurationRange {
    /// The shorter end.
    pub const fn low(self) -> HumanDuration {
        self.low
    }

    /// The longer end.
    pub const fn high(self) -> HumanDuration {
        self.high
    }
}

impl FromStr for DurationRange {
    type Err = InvalidDurationRange;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (low, high) = text.split_once("..").ok_or(InvalidDurationRange::NoDots)?;
        let low = low.parse().map_err(|source| InvalidDurationRange::Low { source })?;
        let high = high.parse().map_err(|source| InvalidDurationRange::High { source })?;
        if low > high { Err(InvalidDurationRange::Backwards { low, high }) } else { Ok(Self { low, high }) }
    }
}

impl fmt::Display for DurationRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}..{}", self.low, self.high)
    }
}

/// Serialises, reads and describes a type by its text.
macro_rules! as_text {
    ($name:ident, $format:literal) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = Cow::<'_, str>::deserialize(deserializer)?;
                text.parse().map_err(de::Error::custom)
            }
        }

        impl JsonSchema for $name {
            fn schema_name() -> Cow<'static, str> {
                stringify!($name).into()
            }

            fn inline_schema() -> bool {
                true
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string", "format": $format })
            }
        }
    };
}

as_text!(HumanDuration, "time-span");
as_text!(DurationRange, "time-span-range");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lengths_are_read_exactly() {
        for (text, milliseconds) in [
            ("0s", 0),
            ("500ms", 500),
            ("30s", 30_000),
            ("30 s", 30_000),
            ("1m30s", 90_000),
            ("1m 30s", 90_000),
            ("2h", 7_200_000),
            ("1d1h1m1s1ms", 90_061_001),
        ] {
            assert_eq!(text.parse().map(HumanDuration::milliseconds), Ok(milliseconds), "{text}");
        }
    }

    #[test]
    fn a_length_is_read_back_from_what_it_shows() {
        for milliseconds in [0, 1, 999, 1000, 61_000, 90_061_001, u64::MAX] {
            let length = HumanDuration::from_milliseconds(milliseconds);
            assert_eq!(length.to_string().parse(), Ok(length), "{length}");
        }
        assert_eq!(HumanDuration::from_milliseconds(90_500).to_string(), "1m30s500ms");
    }

    #[test]
    fn every_refusal_says_which_part_is_wrong() {
        for (text, reason) in [
            ("", "it is empty"),
            ("s", "a number is expected at \"s\""),
            ("-5s", "a number is expected at \"-5s\""),
            ("30", "the unit is missing after 30; write for example \"30s\""),
            ("1.5s", "the unit is missing after 1; write for example \"1s\""),
            ("30sec", "the unit \"sec\" is not known; known are d, h, m, s, ms"),
            ("30M", "the unit \"M\" is not known; known are d, h, m, s, ms"),
            (
                "30s1m",
                "\"m\" comes after a smaller unit or after itself; write the larger unit first, each once",
            ),
            (
                "1s1s",
                "\"s\" comes after a smaller unit or after itself; write the larger unit first, each once",
            ),
            ("99999999999999999999s", "it is too long"),
            ("999999999999d", "it is too long"),
        ] {
            assert_eq!(text.parse::<HumanDuration>().unwrap_err().to_string(), reason, "{text}");
        }
    }

    #[test]
    fn ranges_have_a_shorter_and_a_longer_end() {
        let range: DurationRange = "500ms..30s".parse().unwrap();
        assert_eq!((range.low().milliseconds(), range.high().milliseconds()), (500, 30_000));
        assert_eq!(range.to_string(), "500ms..30s");
        for (text, reason) in [
            ("30s", "`..` is missing between the shortest and the longest time"),
            ("..30s", "before `..`: it is empty"),
            ("1s..x", "after `..`: a number is expected at \"x\""),
            ("30s..1s", "it ends before it begins: 30s is longer than 1s"),
        ] {
            assert_eq!(text.parse::<DurationRange>().unwrap_err().to_string(), reason, "{text}");
        }
    }
}
