//! The string pool: every text of the tables once, with a number by which the tables refer to it.

use std::collections::BTreeMap;

use thiserror::Error;

/// The code page of UTF-8.
pub(crate) const UTF_8: u32 = 65001;
/// References are three bytes long.
const LONG: u32 = 0x8000_0000;
/// How many texts there can be.
const MOST: usize = 0xff_ffff;

/// Why a string pool cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum PoolError {
    /// There are more than 16,777,215.
    #[error("there are more texts than can be numbered")]
    Many,
    /// The streams `_StringPool` and `_StringData` do not fit each other.
    #[error("the lengths of its texts do not add up")]
    Lengths,
    /// A text is not what its code page says.
    #[error("text {number} is not in code page {code_page}")]
    Text {
        /// Of the text, from 1.
        number: usize,
        /// Of the database.
        code_page: u32,
    },
}

/// Texts on their way into a pool.
#[derive(Debug, Default)]
pub(crate) struct PoolWriter {
    texts: BTreeMap<String, (u32, u32)>,
}

impl PoolWriter {
    /// Counts a text that stands in a table. An empty one has no number.
    pub(crate) fn count(&mut self, text: &str) {
        if text.is_empty() {
            return;
        }
        match self.texts.get_mut(text) {
            Some((uses, _)) => *uses += 1,
            None => {
                self.texts.insert(text.to_owned(), (1, 0));
            }
        }
    }

    /// Numbers the texts in their order, so that rows which are sorted by their numbers are sorted by their texts.
    pub(crate) fn number(&mut self) -> Result<(), PoolError> {
        if self.texts.len() > MOST {
            return Err(PoolError::Many);
        }
        for ((_, number), next) in self.texts.values_mut().zip(1..) {
            *number = next;
        }
        Ok(())
    }

    /// The number of a text, 0 for an empty one.
    pub(crate) fn number_of(&self, text: &str) -> u32 {
        self.texts.get(text).map_or(0, |(_, number)| *number)
    }

    /// How long references to the texts are: 2 or 3 bytes.
    pub(crate) fn width(&self) -> usize {
        if self.texts.len() > usize::from(u16::MAX) { 3 } else { 2 }
    }

    /// The streams `_StringPool` and `_StringData`.
    pub(crate) fn streams(&self) -> (Vec<u8>, Vec<u8>) {
        let flag = if self.width() == 3 { LONG } else { 0 };
        let mut pool = (UTF_8 | flag).to_le_bytes().to_vec();
        let mut data = Vec::new();
        for (text, (uses, _)) in &self.texts {
            let uses = u16::try_from(*uses).unwrap_or(u16::MAX).to_le_bytes();
            if let Ok(length) = u16::try_from(text.len()) {
                pool.extend_from_slice(&length.to_le_bytes());
                pool.extend_from_slice(&uses);
            } else {
                pool.extend_from_slice(&[0, 0]);
                pool.extend_from_slice(&uses);
                pool.extend_from_slice(&(text.len() as u32).to_le_bytes());
            }
            data.extend_from_slice(text.as_bytes());
        }
        (pool, data)
    }
}

/// The texts of a database that was read.
#[derive(Debug)]
pub(crate) struct Pool<'a> {
    code_page: u32,
    /// How long references are.
    pub(crate) width: usize,
    texts: Vec<&'a [u8]>,
}

impl<'a> Pool<'a> {
    /// Of the streams `_StringPool` and `_StringData`.
    pub(crate) fn read(pool: &[u8], mut data: &'a [u8]) -> Result<Self, PoolError> {
        let (head, mut rest) = pool.split_first_chunk::<4>().ok_or(PoolError::Lengths)?;
        let head = u32::from_le_bytes(*head);
        let mut texts = Vec::new();
        while let Some((entry, after)) = rest.split_first_chunk::<4>() {
            rest = after;
            let uses = u16::from_le_bytes([entry[2], entry[3]]);
            let mut length = usize::from(u16::from_le_bytes([entry[0], entry[1]]));
            if length == 0 && uses != 0 {
                let (long, after) = rest.split_first_chunk::<4>().ok_or(PoolError::Lengths)?;
                rest = after;
                length = u32::from_le_bytes(*long) as usize;
            }
            let (text, after) = data.split_at_checked(length).ok_or(PoolError::Lengths)?;
            data = after;
            texts.push(text);
        }
        if !rest.is_empty() || !data.is_empty() {
            return Err(PoolError::Lengths);
        }
        Ok(Pool { code_page: head & !LONG, width: if head & LONG == 0 { 2 } else { 3 }, texts })
    }

    /// The text of a number other than 0. `None` where there is none.
    pub(crate) fn text(&self, number: u32) -> Option<Result<String, PoolError>> {
        let index = (number as usize).checked_sub(1)?;
        let text = *self.texts.get(index)?;
        let wrong = || PoolError::Text { number: index + 1, code_page: self.code_page };
        Some(decode(text, self.code_page).ok_or_else(wrong))
    }
}

/// Text of a code page: UTF-8, and Latin as Windows has it. Of the others, what is ASCII.
pub(crate) fn decode(bytes: &[u8], code_page: u32) -> Option<String> {
    /// What windows-1252 has from 0x80 to 0x9f.
    const LATIN: [char; 32] = [
        '€', '\u{81}', '‚', 'ƒ', '„', '…', '†', '‡', 'ˆ', '‰', 'Š', '‹', 'Œ', '\u{8d}', 'Ž', '\u{8f}',
        '\u{90}', '‘', '’', '“', '”', '•', '–', '—', '˜', '™', 'š', '›', 'œ', '\u{9d}', 'ž', 'Ÿ',
    ];
    if bytes.is_ascii() || code_page == UTF_8 {
        return String::from_utf8(bytes.to_vec()).ok();
    }
    let latin = |byte: &u8| match byte {
        0x80..=0x9f => LATIN[usize::from(byte - 0x80)],
        _ => char::from(*byte),
    };
    matches!(code_page, 0 | 1252).then(|| bytes.iter().map(latin).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_numbered_in_their_order() {
        let mut writer = PoolWriter::default();
        for text in ["b", "", "a", "größe", "b"] {
            writer.count(text);
        }
        writer.number().unwrap();
        let numbers: Vec<u32> = ["", "a", "b", "größe", "x"].map(|text| writer.number_of(text)).to_vec();
        assert_eq!(numbers, [0, 1, 2, 3, 0]);
        let (pool, data) = writer.streams();
        assert_eq!(data, "abgröße".as_bytes());
        assert_eq!(pool, [0xe9, 0xfd, 0, 0, 1, 0, 1, 0, 1, 0, 2, 0, 7, 0, 1, 0]);
        let read = Pool::read(&pool, &data).unwrap();
        assert_eq!(read.text(3), Some(Ok("größe".to_owned())));
        assert_eq!(read.text(4), None);
        assert_eq!(read.text(0), None);
    }

    #[test]
    fn long_texts_and_many_texts_are_read_back() {
        let mut writer = PoolWriter::default();
        let long = "x".repeat(70_000);
        writer.count(&long);
        for number in 0..70_000 {
            writer.count(&format!("{number:05}"));
        }
        writer.number().unwrap();
        assert_eq!(writer.width(), 3);
        let (pool, data) = writer.streams();
        let read = Pool::read(&pool, &data).unwrap();
        assert_eq!(read.width, 3);
        assert_eq!(read.text(70_001), Some(Ok(long)));
        assert_eq!(read.text(70_000), Some(Ok("69999".to_owned())));
    }

    #[test]
    fn code_pages_are_respected() {
        assert_eq!(decode(b"\x80 gr\xf6\xdfe", 1252).as_deref(), Some("€ größe"));
        assert_eq!(decode(b"gr\xf6", 65001), None);
        assert_eq!(decode(b"gr\xf6", 932), None);
        assert_eq!(decode(b"plain", 932).as_deref(), Some("plain"));
    }

    #[test]
    fn lengths_that_do_not_add_up_are_an_error() {
        let pool = [0xe9, 0xfd, 0, 0, 3, 0, 1, 0];
        assert_eq!(Pool::read(&pool, b"ab").unwrap_err(), PoolError::Lengths);
        assert_eq!(Pool::read(&pool, b"abcd").unwrap_err(), PoolError::Lengths);
        assert_eq!(Pool::read(&pool[..6], b"abc").unwrap_err(), PoolError::Lengths);
        assert_eq!(
            Pool::read(&[0, 0, 0, 0, 0, 0, 1, 0, 255, 255, 255, 255], b"").unwrap_err(),
            PoolError::Lengths
        );
    }
}
