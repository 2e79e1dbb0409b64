//! PEM: blocks of Base64 between lines of dashes (RFC 7468, and RFC 1421 for headers within a block).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use zeroize::{Zeroize as _, Zeroizing};

const BEGIN: &str = "-----BEGIN ";
const END: &str = "-----END ";
const DASHES: &str = "-----";

/// What stands between two lines of dashes.
pub(crate) struct Block {
    pub(crate) label: String,
    /// `Proc-Type: 4,ENCRYPTED` and such, which keys of old have.
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) content: Vec<u8>,
}

impl Drop for Block {
    // It may be a key.
    fn drop(&mut self) {
        self.content.zeroize();
    }
}

/// Whether there is any block in it.
pub(crate) fn looks_like(bytes: &[u8]) -> bool {
    bytes.windows(BEGIN.len()).any(|window| window == BEGIN.as_bytes())
}

/// All blocks; what stands between them is passed over. The label of the first damaged one is the error.
pub(crate) fn blocks(bytes: &[u8]) -> Result<Vec<Block>, String> {
    let text = String::from_utf8_lossy(bytes);
    let mut found = Vec::new();
    let mut lines = text.lines().map(str::trim);
    while let Some(line) = lines.next() {
        let Some(label) = line.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(DASHES)) else {
            continue;
        };
        let mut body = Zeroizing::new(String::new());
        let mut headers = Vec::new();
        let mut closed = false;
        for line in lines.by_ref() {
            if let Some(rest) = line.strip_prefix(END) {
                closed = rest.strip_suffix(DASHES) == Some(label);
                break;
            }
            match line.split_once(':') {
                Some((name, value)) => headers.push((name.to_owned(), value.trim().to_owned())),
                None => body.push_str(line),
            }
        }
        let content = STANDARD.decode(body.as_bytes()).ok().filter(|_| closed);
        let content = content.ok_or_else(|| label.to_owned())?;
        found.push(Block { label: label.to_owned(), headers, content });
    }
    Ok(found)
}

/// A block with lines of 64 characters.
pub(crate) fn encode(label: &str, content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    let mut out = format!("{BEGIN}{label}{DASHES}\n");
    for line in encoded.as_bytes().chunks(64) {
        out.extend(line.iter().map(|byte| char::from(*byte)));
        out.push('\n');
    }
    out + END + label + DASHES + "\n"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_found_between_other_text() {
        let text = format!(
            "Bag Attributes\r\n  friendlyName: a\r\n{}\n{}",
            encode("CERTIFICATE", &[7; 100]).replace('\n', "\r\n"),
            encode("PRIVATE KEY", b"key").replace("KEY-----\na", "KEY-----\nProc-Type: 4,ENCRYPTED\n\na"),
        );
        assert!(looks_like(text.as_bytes()));
        let blocks = blocks(text.as_bytes()).unwrap();
        let seen: Vec<_> =
            blocks.iter().map(|block| (&*block.label, block.headers.len(), block.content.len())).collect();
        assert_eq!(seen, [("CERTIFICATE", 0, 100), ("PRIVATE KEY", 1, 3)]);
        assert_eq!(blocks[1].headers[0], ("Proc-Type".to_owned(), "4,ENCRYPTED".to_owned()));
    }

    #[test]
    fn a_damaged_block_is_named() {
        for text in [
            "-----BEGIN A-----\nAAAA\n",
            "-----BEGIN A-----\nAA!A\n-----END A-----",
            "-----BEGIN A-----\nAAAA\n-----END B-----",
        ] {
            assert_eq!(blocks(text.as_bytes()).err().as_deref(), Some("A"));
        }
    }
}
