//! Signatures in packages of Windows Installer: two streams beside the others.
//!
//! `\u{5}DigitalSignature` is the signature. What it signs is the content of all streams, in the order of their names.
//! `\u{5}MsiDigitalSignatureEx` is a digest of all that is said of the streams (names, sizes, classes, times) and is
//! signed before them; without it a name could be changed and no one would see it.

use super::compound::{Compound, Content, Node, NodeKind};
use super::{BUFFER, Digest, FileError, Kind, LARGEST_SIGNATURE, read_error, write_error};
use crate::signing_key::{Hash, Hasher};
use std::cmp::Ordering;
use std::io::{self, Read, Seek, SeekFrom, Write};

const SIGNATURE: &str = "\u{5}DigitalSignature";
const EXTENDED: &str = "\u{5}MsiDigitalSignatureEx";

fn is_named(node: &Node, name: &str) -> bool {
    node.name.iter().copied().eq(name.encode_utf16())
}

/// All that is no signature, in the order in which it is hashed: by the bytes of names in UTF-16, the low one first.
fn ordered(node: &Node, is_root: bool) -> Vec<&Node> {
    let mut children: Vec<&Node> = node
        .children
        .iter()
        .filter(|child| !is_root || !(is_named(child, SIGNATURE) || is_named(child, EXTENDED)))
        .collect();
    children.sort_by(|left, right| order(&left.name, &right.name));
    children
}

fn order(left: &[u16], right: &[u16]) -> Ordering {
    let bytes =
        |name: &[u16]| name.iter().copied().chain([0]).flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    bytes(left).cmp(&bytes(right))
}

/// What `MsiDigitalSignatureEx` is the digest of.
fn hash_metadata(hasher: &mut Hasher, node: &Node, is_root: bool) {
    if !is_root {
        let name: Vec<u8> = node.name.iter().flat_map(|unit| unit.to_le_bytes()).collect();
        hasher.update(&name);
    }
    match node.kind {
        NodeKind::Storage => hasher.update(&node.class),
        NodeKind::Stream => hasher.update(&(node.content.size() as u32).to_le_bytes()),
    }
    hasher.update(&node.state.to_le_bytes());
    if !is_root {
        hasher.update(&node.created.to_le_bytes());
        hasher.update(&node.modified.to_le_bytes());
    }
    if node.kind == NodeKind::Storage {
        for child in ordered(node, is_root) {
            hash_metadata(hasher, child, false);
        }
    }
}

fn metadata(root: &Node, hash: Hash) -> Vec<u8> {
    let mut hasher = hash.hasher();
    hash_metadata(&mut hasher, root, true);
    hasher.finish()
}

fn hash_content<F: Read + Seek>(
    file: &mut F,
    hasher: &mut Hasher,
    node: &Node,
    is_root: bool,
    buffer: &mut [u8],
) -> Result<(), FileError> {
    for child in ordered(node, is_root) {
        match child.kind {
            NodeKind::Storage => hash_content(file, hasher, child, false, buffer)?,
            NodeKind::Stream => child.content.read(file, buffer, &mut |piece| hasher.update(piece))?,
        }
    }
    hasher.update(&node.class);
    Ok(())
}

/// `extended` is whether all that is said of the streams is signed, too.
pub(crate) fn digest<F: Read + Seek>(file: &mut F, hash: Hash, extended: bool) -> Result<Digest, FileError> {
    let compound = Compound::read(file)?;
    let mut hasher = hash.hasher();
    if extended {
        hasher.update(&metadata(&compound.root, hash));
    }
    hash_content(file, &mut hasher, &compound.root, true, &mut vec![0; BUFFER])?;
    Ok(Digest { kind: Kind::Msi, hash, bytes: hasher.finish(), sum: 0 })
}

pub(crate) fn is_signed<F: Read + Seek>(file: &mut F) -> Result<bool, FileError> {
    Ok(Compound::read(file)?.root.children.iter().any(|child| is_named(child, SIGNATURE)))
}

fn stream<F: Read + Seek>(file: &mut F, root: &Node, name: &str) -> Result<Option<Vec<u8>>, FileError> {
    let Some(node) = root.children.iter().find(|child| is_named(child, name)) else { return Ok(None) };
    if node.kind != NodeKind::Stream || node.content.size() > LARGEST_SIGNATURE {
        return Err(FileError::Damaged { kind: Kind::Msi, problem: "its signature is too large" });
    }
    let mut bytes = Vec::new();
    node.content.read(file, &mut vec![0; BUFFER], &mut |piece| bytes.extend_from_slice(piece))?;
    Ok(Some(bytes))
}

pub(crate) fn signature<F: Read + Seek>(file: &mut F) -> Result<Option<Vec<u8>>, FileError> {
    let root = Compound::read(file)?.root;
    stream(file, &root, SIGNATURE)
}

/// The digest of all that is said of the streams.
pub(crate) struct Extended {
    /// As it stands in the file.
    pub(crate) found: Vec<u8>,
    /// As it should be.
    pub(crate) expected: Vec<u8>,
}

/// `None` where the file has none.
pub(crate) fn extended<F: Read + Seek>(file: &mut F, hash: Hash) -> Result<Option<Extended>, FileError> {
    let root = Compound::read(file)?.root;
    let found = stream(file, &root, EXTENDED)?;
    Ok(found.map(|found| Extended { found, expected: metadata(&root, hash) }))
}

fn without_signature<F: Read + Seek>(file: &mut F) -> Result<Compound, FileError> {
    let mut compound = Compound::read(file)?;
    compound.root.children.retain(|child| !is_named(child, SIGNATURE) && !is_named(child, EXTENDED));
    Ok(compound)
}

pub(crate) fn strip<F: Read + Seek, W: Write>(file: &mut F, output: &mut W) -> Result<(), FileError> {
    without_signature(file)?.write(file, output)
}

pub(crate) fn embed<F: Read + Seek, W: Write>(
    file: &mut F,
    digest: &Digest,
    signature: &[u8],
    output: &mut W,
) -> Result<(), FileError> {
    let mut compound = without_signature(file)?;
    let extended = metadata(&compound.root, digest.hash);
    for (name, bytes) in [(SIGNATURE, signature.to_vec()), (EXTENDED, extended)] {
        compound.root.children.push(Node::stream(name, Content::Bytes(bytes)));
    }
    compound.write(file, output)
}

/// Whether the file is laid out as [`embed`] does it, so that nothing lies between the streams that nobody reads.
pub(crate) fn is_canonical<F: Read + Seek>(file: &mut F) -> Result<bool, FileError> {
    let compound = Compound::read(file)?;
    let mut expected = Measure { hasher: Hash::Sha256.hasher(), length: 0 };
    compound.write(file, &mut expected)?;
    let length = file.seek(SeekFrom::End(0)).map_err(read_error)?;
    if expected.length != length {
        return Ok(false);
    }
    file.seek(SeekFrom::Start(0)).map_err(read_error)?;
    let mut found = Measure { hasher: Hash::Sha256.hasher(), length: 0 };
    io::copy(file, &mut found).map_err(write_error)?;
    Ok(found.hasher.finish() == expected.hasher.finish())
}

/// Takes what is written for its digest and its length.
struct Measure {
    hasher: Hasher,
    length: u64,
}

impl Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.hasher.update(bytes);
        self.length += bytes.len() as u64;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
