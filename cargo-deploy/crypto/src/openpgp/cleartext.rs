//! The cleartext signature framework (RFC 4880 section 7; RFC 9580 section 7): a text that stays readable, and its signature below it.
//!
//! Signed is the text with CR LF between its lines, without the newline before the signature, and without spaces
//! and tabs at the ends of lines. Lines that begin with a dash stand there with `- ` before them.
//!
//! A carriage return is refused when signing: programs differ in whether one at the end of a line belongs to it.

use super::Hash;
use thiserror::Error;

const BEGIN: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
const SIGNATURE: &[u8] = b"-----BEGIN PGP SIGNATURE-----";

/// Why a text is not in the cleartext framework, or cannot be put into it.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum CleartextError {
    /// It begins otherwise.
    #[error("read the signed text: its first line is not `-----BEGIN PGP SIGNED MESSAGE-----`")]
    Begin,
    /// Before the text there is something else than `Hash:`.
    #[error("read the signed text: line {line} should name the hash or be empty")]
    Header {
        /// From 1.
        line: usize,
    },
    /// A line of the text begins with a dash that is not escaped.
    #[error("read the signed text: line {line} begins with a dash and is neither escaped nor a signature")]
    Dash {
        /// From 1.
        line: usize,
    },
    /// No signature follows.
    #[error("read the signed text: there is no signature below it")]
    NoSignature,
    /// The header names another hash than the signature has.
    #[error("read the signed text: its header does not name {hash}, the hash of its signature")]
    Hash {
        /// Of the signature.
        hash: String,
    },
}

/// A signed text, as it was read.
#[derive(Debug)]
pub(super) struct Message<'a> {
    pub(super) hashes: Vec<&'a str>,
    lines: Vec<&'a [u8]>,
    /// In its armour.
    pub(super) signature: &'a [u8],
}

impl Message<'_> {
    /// What was signed.
    pub(super) fn signed(&self) -> Vec<u8> {
        self.lines.join(&b"\r\n"[..])
    }

    /// The text with newlines.
    pub(super) fn text(&self) -> Vec<u8> {
        let mut text = self.lines.join(&b'\n');
        text.push(b'\n');
        text
    }
}

/// Takes a signed text apart.
pub(super) fn read(message: &[u8]) -> Result<Message<'_>, CleartextError> {
    let mut at = 0;
    let mut lines = message.split_inclusive(|byte| *byte == b'\n').enumerate().map(|(number, line)| {
        let start = at;
        at += line.len();
        (number + 1, start, trimmed(line))
    });
    if lines.next().is_none_or(|(.., line)| line != BEGIN) {
        return Err(CleartextError::Begin);
    }
    let mut hashes = Vec::new();
    loop {
        let (number, _, line) = lines.next().ok_or(CleartextError::NoSignature)?;
        if line.is_empty() {
            break;
        }
        let names = std::str::from_utf8(line).ok().and_then(|line| line.strip_prefix("Hash:"));
        let names = names.ok_or(CleartextError::Header { line: number })?;
        hashes.extend(names.split(',').map(str::trim));
    }
    let mut text = Vec::new();
    loop {
        let (number, start, line) = lines.next().ok_or(CleartextError::NoSignature)?;
        if line == SIGNATURE {
            let signature = message.get(start..).unwrap_or_default();
            return Ok(Message { hashes, lines: text, signature });
        }
        match line.strip_prefix(b"-") {
            None => text.push(line),
            Some(rest) => match rest.strip_prefix(b" ") {
                Some(line) => text.push(line),
                // `- ` alone lost its space to the trimming.
                None if rest.is_empty() => text.push(rest),
                None => return Err(CleartextError::Dash { line: number }),
            },
        }
    }
}

/// What of `text` is signed.
pub(super) fn signed(text: &str) -> Vec<u8> {
    let text = text.strip_suffix('\n').unwrap_or(text);
    let lines: Vec<&[u8]> = text.split('\n').map(|line| trimmed(line.as_bytes())).collect();
    lines.join(&b"\r\n"[..])
}

/// The text with its escapes and its signature.
pub(super) fn write(text: &str, hash: Hash, signature: &str) -> String {
    let mut message = format!("-----BEGIN PGP SIGNED MESSAGE-----\nHash: {hash}\n\n");
    for line in text.strip_suffix('\n').unwrap_or(text).split('\n') {
        if line.starts_with('-') {
            message.push_str("- ");
        }
        message.push_str(line);
        message.push('\n');
    }
    message.push_str(signature);
    message
}

fn trimmed(line: &[u8]) -> &[u8] {
    let end = line.iter().rposition(|byte| !b" \t\r\n".contains(byte)).map_or(0, |at| at + 1);
    line.get(..end).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    const END: &str = "-----BEGIN PGP SIGNATURE-----\n\nAAAA\n-----END PGP SIGNATURE-----\n";

    #[test]
    fn what_is_signed_has_no_space_at_ends_of_lines_and_no_last_newline() {
        let table = [
            ("", ""),
            ("\n", ""),
            ("one", "one"),
            ("one\n", "one"),
            ("one\n\n", "one\r\n"),
            ("one \t\n two\n", "one\r\n two"),
            ("-dash\n", "-dash"),
        ];
        for (text, expected) in table {
            assert_eq!(String::from_utf8_lossy(&signed(text)), expected, "{text:?}");
        }
    }

    #[test]
    fn what_was_written_is_read_as_what_was_signed() {
        for text in [
            "",
            "one",
            "one\n",
            "- one\n--\n-\n",
            "From here\n\n",
            " a \n\tb\t\n",
            "-----BEGIN PGP SIGNATURE-----",
        ] {
            let message = write(text, Hash::Sha512, END);
            let read = read(message.as_bytes()).unwrap();
            assert_eq!(read.signed(), signed(text), "{text:?}");
            assert_eq!((read.hashes, read.signature), (vec!["SHA512"], END.as_bytes()));
        }
    }

    #[test]
    fn dashes_are_escaped() {
        let message = write("-a\nb\n", Hash::Sha256, END);
        let expected = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\n- -a\nb\n";
        assert_eq!(message, format!("{expected}{END}"));
    }

    #[test]
    fn other_texts_are_refused() {
        let good = write("text\n", Hash::Sha512, END);
        let refused = |text: String| read(text.as_bytes()).err();
        assert_eq!(refused(format!("\n{good}")), Some(CleartextError::Begin));
        assert_eq!(refused(good.replace("Hash", "Charset")), Some(CleartextError::Header { line: 2 }));
        assert_eq!(refused(good.replace("text", "-text")), Some(CleartextError::Dash { line: 4 }));
        assert_eq!(refused(good.replace("SIGNATURE", "KEY")), Some(CleartextError::Dash { line: 5 }));
        assert_eq!(
            refused("-----BEGIN PGP SIGNED MESSAGE-----\n".to_owned()),
            Some(CleartextError::NoSignature)
        );
    }
}
