//! Manual pages: which section and name a file has, where it is installed, and its compression (man(1), FHS 3.0, 4.11.7).

use std::io::{self, Read, Write};
use std::num::NonZeroUsize;

use thiserror::Error;

use crate::{Level, gzip};

/// The largest page that is read: a hundred times the largest there is.
const LARGEST: u64 = 64 << 20;

/// What a manual page is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManPage {
    /// What `man` is asked for: `example`, `example-build`.
    pub name: String,
    /// `1`, `5`, `8`, `3perl`.
    pub section: String,
    /// `de`, `pt_BR`; `None` for English.
    pub language: Option<String>,
}

/// Why a file is no manual page.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum ManPageError {
    /// Neither the name nor the text says so.
    #[error(
        "`{path}` is not a manual page: its name does not end in a section such as .1, and it has no .TH or .Dt line"
    )]
    Unknown {
        /// As given.
        path: String,
    },
    /// The name and the text disagree.
    #[error("`{path}` is called a page of section {named}, and its text says section {written}")]
    Section {
        /// As given.
        path: String,
        /// By the name.
        named: String,
        /// By `.TH` or `.Dt`.
        written: String,
    },
    /// Compressed and broken, or too large.
    #[error("decompress `{path}`")]
    Decompress {
        /// As given.
        path: String,
        /// Of the decompressor.
        source: io::Error,
    },
}

impl ManPage {
    /// Reads what page a file holds from its path (`man/de/example.1`, `example.1.gz`), and from its text if the name does not say.
    pub fn identify(path: &str, content: &[u8]) -> Result<ManPage, ManPageError> {
        let text = plain(path, content)?;
        let written = header(&text);
        let file = path.rsplit('/').next().unwrap_or(path);
        let file = file.strip_suffix(".gz").unwrap_or(file);
        let named = file
            .rsplit_once('.')
            .filter(|(stem, end)| !stem.is_empty() && is_section(end))
            .map(|(stem, section)| (stem.to_owned(), section.to_owned()));
        let (name, section) = match (named, written) {
            (Some((_, named)), Some((_, written))) if named.get(..1) != written.get(..1) => {
                return Err(ManPageError::Section { path: path.to_owned(), named, written });
            }
            (Some(named), _) => named,
            (None, Some(written)) => written,
            (None, None) => return Err(ManPageError::Unknown { path: path.to_owned() }),
        };
        Ok(ManPage { name, section, language: language(path) })
    }

    /// Where it is installed, compressed, relative to the root: `usr/share/man/man1/example.1.gz`.
    pub fn path(&self) -> String {
        let language = self.language.as_ref().map(|language| format!("{language}/")).unwrap_or_default();
        let number = self.section.get(..1).unwrap_or_default();
        format!("usr/share/man/{language}man{number}/{}.{}.gz", self.name, self.section)
    }
}

/// Whether a name's end is a section: a digit or `n`, and maybe letters (`3pm`, `1x`).
fn is_section(end: &str) -> bool {
    let mut bytes = end.bytes();
    matches!(bytes.next(), Some(b'1'..=b'9'))
        && bytes.clone().count() < 12
        && bytes.all(|byte| byte.is_ascii_lowercase())
}

/// The language by the directories above the file: `de/man1/x.1`, `man/de/x.1`, `x.de.1` is not one.
fn language(path: &str) -> Option<String> {
    let directories: Vec<&str> = path.split('/').rev().skip(1).collect();
    let is_language = |text: &str| {
        let stem = text.split(['.', '@']).next().unwrap_or_default();
        let (language, country) = stem.split_once('_').map_or((stem, None), |(a, b)| (a, Some(b)));
        matches!(language.len(), 2 | 3)
            && language.bytes().all(|byte| byte.is_ascii_lowercase())
            && country
                .is_none_or(|text| text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_uppercase()))
    };
    let sections = |text: &&str| text.strip_prefix("man").is_some_and(is_section);
    let found = match directories.as_slice() {
        // Only below a directory of manual pages does a short word mean a language: `bin/x.1` and `doc/x.1` do not.
        [first, second, ..] if sections(first) && *second != "man" => Some(*second),
        [first, second, ..] if *second == "man" => Some(*first),
        _ => None,
    };
    found.filter(|text| is_language(text) && *text != "man").map(str::to_owned)
}

/// Name and section by the title line: `.TH NAME SECTION` (man(7)) or `.Dt NAME SECTION` (mdoc(7)). Titles
/// are often in capitals; the name is then taken in small letters.
fn header(text: &[u8]) -> Option<(String, String)> {
    let text = String::from_utf8_lossy(text);
    let line = text.lines().take(500).find_map(|line| {
        line.strip_prefix(".TH ").or_else(|| line.strip_prefix(".Dt ")).or_else(|| line.strip_prefix("'TH "))
    })?;
    let mut words = line.split_whitespace().map(|word| word.trim_matches('"').replace("\\-", "-"));
    let name = words.next().filter(|name| !name.is_empty() && !name.contains('/'))?;
    let section = words.next().filter(|section| is_section(&section.to_ascii_lowercase()))?;
    let shouted = name.chars().all(|c| !c.is_lowercase());
    Some((if shouted { name.to_lowercase() } else { name }, section.to_ascii_lowercase()))
}

/// The text of a page, decompressed if it is a gzip file.
fn plain(path: &str, content: &[u8]) -> Result<Vec<u8>, ManPageError> {
    if !content.starts_with(&[0x1f, 0x8b]) {
        return Ok(content.to_owned());
    }
    let mut text = Vec::new();
    let mut reader = flate2::read::MultiGzDecoder::new(content).take(LARGEST + 1);
    let read = reader.read_to_end(&mut text).and_then(|length| {
        if length as u64 > LARGEST { Err(io::Error::from(io::ErrorKind::FileTooLarge)) } else { Ok(()) }
    });
    read.map_err(|source| ManPageError::Decompress { path: path.to_owned(), source })?;
    Ok(text)
}

/// A page as it is installed: compressed as hard as gzip can, without name and time (Debian policy 12.1). A page that is a gzip file
/// already is compressed anew, so that its bytes do not depend on who did it.
pub fn compressed(path: &str, content: &[u8]) -> Result<Vec<u8>, ManPageError> {
    gzipped(&plain(path, content)?)
        .map_err(|source| ManPageError::Decompress { path: path.to_owned(), source })
}

/// What `gzip -9n` is for, for manual pages and changelogs: small, and always the same bytes.
pub fn gzipped(content: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = gzip::Encoder::new(Vec::new(), Level::Small, NonZeroUsize::MIN)?;
    encoder.write_all(content)?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_known_by_name_or_by_text() {
        let table: &[(&str, &str, &str)] = &[
            ("man/example.1", "", "usr/share/man/man1/example.1.gz"),
            (
                "share/man/man1/example-build.1",
                ".TH EXAMPLE-BUILD 1",
                "usr/share/man/man1/example-build.1.gz",
            ),
            ("example.conf.5", ".Dd May 1\n.Dt EXAMPLE.CONF 5\n", "usr/share/man/man5/example.conf.5.gz"),
            ("man/de/example.1", "", "usr/share/man/de/man1/example.1.gz"),
            ("man/pt_BR/man8/example.8", "", "usr/share/man/pt_BR/man8/example.8.gz"),
            ("target/doc/example.1", "", "usr/share/man/man1/example.1.gz"),
            ("bin/example.3pm", "", "usr/share/man/man3/example.3pm.gz"),
            (
                "manual.roff",
                ".\\\" x\n.TH \"EXAMPLE\\-TOOL\" \"1\" \"2026\"\n",
                "usr/share/man/man1/example-tool.1.gz",
            ),
            ("manual", ".TH Example 7\n", "usr/share/man/man7/Example.7.gz"),
        ];
        for (path, text, expected) in table {
            assert_eq!(ManPage::identify(path, text.as_bytes()).unwrap().path(), *expected, "{path}");
        }
    }

    #[test]
    fn what_is_no_page_is_said() {
        let error = ManPage::identify("man/example.txt", b"hello").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`man/example.txt` is not a manual page: its name does not end in a section such as .1, and it has no .TH or .Dt line"
        );
        let error = ManPage::identify("example.1", b".TH EXAMPLE 8\n").unwrap_err();
        assert_eq!(
            error.to_string(),
            "`example.1` is called a page of section 1, and its text says section 8"
        );
        let error = ManPage::identify("example.1.gz", &[0x1f, 0x8b, 8, 0]).unwrap_err();
        assert_eq!(error.to_string(), "decompress `example.1.gz`");
    }

    #[test]
    fn a_compressed_page_is_compressed_anew() {
        let text = b".TH EXAMPLE 1\nhello\n";
        let ours = compressed("example.1", text).unwrap();
        // RFC 1952: no flags, no time, most compression.
        assert_eq!(ours[3..9], [0, 0, 0, 0, 0, 2]);
        let mut other = flate2::GzBuilder::new()
            .filename("example.1")
            .mtime(5)
            .write(Vec::new(), flate2::Compression::fast());
        other.write_all(text).unwrap();
        let other = other.finish().unwrap();
        assert_ne!(other, ours);
        assert_eq!(compressed("example.1.gz", &other).unwrap(), ours);
        assert_eq!(ManPage::identify("example.1.gz", &other).unwrap().section, "1");
    }

    #[test]
    fn man_shows_a_page_that_was_compressed() {
        let directory = crate::sample::Directory::new("man");
        let page = compressed("example.1", b".TH EXAMPLE 1\n.SH NAME\nexample \\- does nothing\n").unwrap();
        let path = directory.file("example.1.gz", &page);
        let Some(output) = crate::sample::ask("man", &["-l", &path], b"") else { return };
        let shown = String::from_utf8_lossy(&output.stdout);
        assert!(shown.contains("example - does nothing"), "{output:?}");
    }
}
