//! The summary information of a package: the stream that Windows reads before the tables.

use std::collections::BTreeMap;

use thiserror::Error;

use crate::msi::pool::{UTF_8, decode};
use crate::msi::{Guid, GuidError};

/// The name of its stream.
pub(crate) const STREAM: &str = "\u{5}SummaryInformation";

/// {F29F85E0-4FF9-1068-AB91-08002B27B3D9} in the order of its bytes (\[MS-OLEPS\] 3.1.1).
const FORMAT: [u8; 16] =
    [0xe0, 0x85, 0x9f, 0xf2, 0xf9, 0x4f, 0x68, 0x10, 0xab, 0x91, 0x08, 0, 0x2b, 0x27, 0xb3, 0xd9];
/// Seconds from 1601, where the times of Windows begin, to 1970.
const TO_1970: u64 = 11_644_473_600;
/// Latin: what Windows takes without asking, and enough for texts that are ASCII.
const LATIN: u32 = 1252;

const CODE_PAGE: u32 = 1;
const TITLE: u32 = 2;
const SUBJECT: u32 = 3;
const AUTHOR: u32 = 4;
const KEYWORDS: u32 = 5;
const COMMENTS: u32 = 6;
const TEMPLATE: u32 = 7;
const REVISION: u32 = 9;
const CREATED: u32 = 12;
const SAVED: u32 = 13;
const PAGES: u32 = 14;
const WORDS: u32 = 15;
const APPLICATION: u32 = 18;
const SECURITY: u32 = 19;

/// What the summary information says ("Summary Property Descriptions" of the Windows Installer SDK).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Summary {
    /// What the file is: `Installation Database`.
    pub title: String,
    /// The name of the product.
    pub subject: String,
    /// The publisher.
    pub author: String,
    /// Words to find it by: `Installer`.
    pub keywords: String,
    /// Free text.
    pub comments: String,
    /// Architecture and languages: `x64;1033`, `Arm64;1033`, `Intel;1033`.
    pub template: String,
    /// The package code: another one for every file that has other bytes.
    pub package_code: Guid,
    /// When it was made and saved, in seconds since 1970-01-01 UTC.
    pub created: u64,
    /// "Page count": the least version of Windows Installer, times 100. 200 for x64, 500 for Arm64 and per-user packages.
    pub installer_version: i32,
    /// "Word count": 2 for compressed files with long names, and 8 more where no elevation is asked for.
    pub source: i32,
    /// 2: opening it read-only is recommended.
    pub security: i32,
    /// The program that made it.
    pub application: String,
}

/// Why summary information cannot be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum SummaryError {
    /// There is no such stream.
    #[error("it has no summary information")]
    Missing,
    /// It is no property set, or leads out of itself.
    #[error("its summary information is damaged")]
    Damaged,
    /// The package code.
    #[error("its package code is none")]
    PackageCode {
        /// What it is instead.
        source: GuidError,
    },
}

enum Property {
    Short(i16),
    Long(i32),
    Time(u64),
    Text(String),
}

impl Property {
    /// \[MS-OLEPS\] 2.15, a multiple of four bytes.
    fn bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        match self {
            Property::Short(number) => {
                bytes.extend_from_slice(&2_u32.to_le_bytes());
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            Property::Long(number) => {
                bytes.extend_from_slice(&3_u32.to_le_bytes());
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            Property::Time(number) => {
                bytes.extend_from_slice(&64_u32.to_le_bytes());
                bytes.extend_from_slice(&number.to_le_bytes());
            }
            Property::Text(text) => {
                bytes.extend_from_slice(&30_u32.to_le_bytes());
                bytes.extend_from_slice(&(text.len() as u32 + 1).to_le_bytes());
                bytes.extend_from_slice(text.as_bytes());
                bytes.push(0);
            }
        }
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }
}

impl Summary {
    /// The property set (\[MS-OLEPS\] 2.21).
    pub(crate) fn encode(&self) -> Vec<u8> {
        let texts = [
            (TITLE, &self.title),
            (SUBJECT, &self.subject),
            (AUTHOR, &self.author),
            (KEYWORDS, &self.keywords),
            (COMMENTS, &self.comments),
            (TEMPLATE, &self.template),
            (APPLICATION, &self.application),
        ];
        let ascii = texts.iter().all(|(_, text)| text.is_ascii());
        let code_page = if ascii { LATIN } else { UTF_8 } as u16 as i16;
        let time = self.created.saturating_add(TO_1970).saturating_mul(10_000_000);
        let mut properties = BTreeMap::from([
            (CODE_PAGE, Property::Short(code_page)),
            (REVISION, Property::Text(self.package_code.to_string())),
            (CREATED, Property::Time(time)),
            (SAVED, Property::Time(time)),
            (PAGES, Property::Long(self.installer_version)),
            (WORDS, Property::Long(self.source)),
            (SECURITY, Property::Long(self.security)),
        ]);
        for (number, text) in texts {
            if !text.is_empty() {
                properties.insert(number, Property::Text(text.clone()));
            }
        }
        let mut index = Vec::new();
        let mut values = Vec::new();
        for (number, property) in &properties {
            let offset = 8 + properties.len() * 8 + values.len();
            index.extend_from_slice(&number.to_le_bytes());
            index.extend_from_slice(&(offset as u32).to_le_bytes());
            values.extend(property.bytes());
        }
        let mut bytes = vec![0xfe, 0xff, 0, 0];
        // Version 10.0 of Windows, as its own programs say.
        bytes.extend_from_slice(&[10, 0, 2, 0]);
        bytes.extend_from_slice(&[0; 16]);
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(&FORMAT);
        bytes.extend_from_slice(&48_u32.to_le_bytes());
        bytes.extend_from_slice(&((8 + index.len() + values.len()) as u32).to_le_bytes());
        bytes.extend_from_slice(&(properties.len() as u32).to_le_bytes());
        bytes.extend(index);
        bytes.extend(values);
        bytes
    }

    /// Reads the property set. What is not in it stays empty, but for the package code.
    pub(crate) fn decode(bytes: &[u8]) -> Result<Self, SummaryError> {
        let word = |at: usize| -> Result<u32, SummaryError> {
            let four =
                bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()).ok_or(SummaryError::Damaged)?;
            Ok(u32::from_le_bytes(*four))
        };
        if !bytes.starts_with(&[0xfe, 0xff]) || bytes.get(28..44) != Some(&FORMAT) {
            return Err(SummaryError::Damaged);
        }
        let section = word(44)? as usize;
        let count = word(section.saturating_add(4))? as usize;
        let mut places = BTreeMap::new();
        for index in 0..count.min(256) {
            let at = section + 8 + index * 8;
            places.insert(word(at)?, section.saturating_add(word(at + 4)? as usize));
        }
        let number = |property: u32| -> Result<Option<i32>, SummaryError> {
            let Some(&at) = places.get(&property) else { return Ok(None) };
            let value = word(at.saturating_add(4))?;
            match word(at)? {
                2 => Ok(Some(i32::from(value as u16 as i16))),
                3 => Ok(Some(value as i32)),
                _ => Err(SummaryError::Damaged),
            }
        };
        let code_page = number(CODE_PAGE)?.map_or(0, |page| u32::from(page as u16));
        let text = |property: u32| -> Result<String, SummaryError> {
            let Some(&at) = places.get(&property) else { return Ok(String::new()) };
            if word(at)? != 30 {
                return Err(SummaryError::Damaged);
            }
            let length = word(at.saturating_add(4))? as usize;
            let rest =
                bytes.get(at + 8..).and_then(|rest| rest.get(..length)).ok_or(SummaryError::Damaged)?;
            let text = rest.split(|byte| *byte == 0).next().unwrap_or_default();
            decode(text, code_page).ok_or(SummaryError::Damaged)
        };
        let created = match places.get(&CREATED) {
            Some(&at) if word(at)? == 64 => {
                u64::from(word(at.saturating_add(8))?) << 32 | u64::from(word(at.saturating_add(4))?)
            }
            Some(_) => return Err(SummaryError::Damaged),
            None => 0,
        };
        let package_code = text(REVISION)?.parse().map_err(|source| SummaryError::PackageCode { source })?;
        Ok(Summary {
            title: text(TITLE)?,
            subject: text(SUBJECT)?,
            author: text(AUTHOR)?,
            keywords: text(KEYWORDS)?,
            comments: text(COMMENTS)?,
            template: text(TEMPLATE)?,
            package_code,
            created: (created / 10_000_000).saturating_sub(TO_1970),
            installer_version: number(PAGES)?.unwrap_or_default(),
            source: number(WORDS)?.unwrap_or_default(),
            security: number(SECURITY)?.unwrap_or_default(),
            application: text(APPLICATION)?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::Random;

    fn example() -> Summary {
        Summary {
            title: "Installation Database".to_owned(),
            subject: "Größe €".to_owned(),
            template: "x64;1033".to_owned(),
            package_code: Guid::named(Guid::DNS, "example.com"),
            created: 1_700_000_000,
            installer_version: 200,
            source: 2,
            security: 2,
            ..Summary::default()
        }
    }

    #[test]
    fn what_was_written_is_read_back() {
        let summary = example();
        assert_eq!(Summary::decode(&summary.encode()).unwrap(), summary);
        let ascii = Summary { subject: "App".to_owned(), ..example() };
        let bytes = ascii.encode();
        assert_eq!(Summary::decode(&bytes).unwrap(), ascii);
        // The first property is the code page: 1252 as a number of 16 bits.
        let place = bytes.windows(6).position(|window| window == [2, 0, 0, 0, 0xe4, 0x04]);
        assert_eq!(place, Some(48 + 8 + 10 * 8));
    }

    #[test]
    fn damaged_bytes_do_no_harm() {
        let bytes = example().encode();
        for length in 0..bytes.len() - 4 {
            assert!(Summary::decode(&bytes[..length]).is_err());
        }
        let mut random = Random::new(1);
        for _ in 0..20_000 {
            let mut damaged = bytes.clone();
            for _ in 0..1 + random.below(3) {
                let place = random.below(damaged.len());
                damaged[place] = random.next() as u8;
            }
            let _ = Summary::decode(&damaged);
        }
    }
}
