//! The container of this setup.exe, read.

use crate::container::{DICTIONARY, HEADER, Header, PROGRAM_HEADERS, program_end};
use crate::description::{Block, Description, File, Filter, SCHEMA};
use crate::failure::{Doing as _, Failure};
use crate::platform::Source;
use alloc::string::{String, ToString as _};
use alloc::vec;
use alloc::vec::Vec;
use lzma_rust2::filter::StreamFilter;
use lzma_rust2::{FilterConfig, Lzma2Reader, Read as _};
use sha2::{Digest as _, Sha256};

/// A container, and what it describes.
pub(crate) struct Payload {
    source: Source,
    start: u64,
    /// What it describes.
    pub(crate) description: Description,
}

impl Payload {
    /// The container behind a program; `None` if there is none, as behind an uninstaller.
    pub(crate) fn open(program: &str) -> Result<Option<Payload>, Failure> {
        let source = Source::open(program).doing("read", program)?;
        let headers = source.read_at(0, PROGRAM_HEADERS).doing("read", program)?;
        let Some(start) = program_end(&headers) else { return Err(damaged("the program's headers")) };
        let bytes = source.read_at(start, HEADER).doing("read", program)?;
        let Some(header) = Header::read(&bytes) else { return Ok(None) };
        if start.checked_add(header.length).is_none_or(|end| end > source.length) {
            return Err(damaged("the file is cut off"));
        }
        let block = Block(header.description, header.compressed, header.size);
        let mut payload = Payload { source, start, description: nothing() };
        let text = payload.block(&block, Filter::None)?;
        if Sha256::digest(&text).as_slice() != header.sha256 {
            return Err(damaged("the description"));
        }
        payload.description = serde_json::from_slice(&text).map_err(|error| damaged(&error.to_string()))?;
        if payload.description.schema != SCHEMA {
            return Err(damaged("the description has another version"));
        }
        Ok(Some(payload))
    }

    /// The bytes of a file, block by block; the last one is given only when all of them have the file's digest.
    pub(crate) fn blocks<'a>(
        &'a self,
        file: &'a File,
    ) -> impl Iterator<Item = Result<Vec<u8>, Failure>> + 'a {
        let mut hasher = Sha256::new();
        let mut size = 0;
        let empty = file.blocks.is_empty().then(|| Ok(Vec::new()));
        let last = file.blocks.len().saturating_sub(1);
        let pieces = file.blocks.iter().map(|block| self.block(block, file.filter)).chain(empty);
        pieces.enumerate().map(move |(index, piece)| {
            let piece = piece?;
            hasher.update(&piece);
            size += piece.len() as u64;
            let digest = || hex(&hasher.clone().finalize());
            if index == last && (size != file.size || !digest().eq_ignore_ascii_case(&file.sha256)) {
                return Err(damaged(&file.path));
            }
            Ok(piece)
        })
    }

    fn block(&self, &Block(place, compressed, size): &Block, filter: Filter) -> Result<Vec<u8>, Failure> {
        let place = self.start.checked_add(place).ok_or_else(|| damaged("a block's place"))?;
        if place.checked_add(u64::from(compressed)).is_none_or(|end| end > self.source.length) {
            return Err(damaged("a block's place"));
        }
        let bytes = self.source.read_at(place, compressed as usize).doing("read", "this file")?;
        let mut unpacked = if compressed == size { bytes } else { decompress(&bytes, size)? };
        if compressed != size {
            let configuration = match filter {
                Filter::None => return Ok(unpacked),
                Filter::X86 => FilterConfig::new_bcj_x86(0),
                Filter::Arm64 => FilterConfig::new_bcj_arm64(0),
            };
            let mut filter = StreamFilter::new(&configuration).map_err(|_| damaged("a block's filter"))?;
            filter.decode(&mut unpacked);
        }
        Ok(unpacked)
    }
}

fn decompress(bytes: &[u8], size: u32) -> Result<Vec<u8>, Failure> {
    let dictionary = size.clamp(4096, DICTIONARY);
    let mut unpacked = vec![0; size as usize];
    let mut reader = Lzma2Reader::new(bytes, dictionary, None);
    reader.read_exact(&mut unpacked).map_err(|_| damaged("a block"))?;
    Ok(unpacked)
}

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes
        .iter()
        .flat_map(|byte| [byte >> 4, byte & 15])
        .filter_map(|digit| char::from_digit(digit.into(), 16))
        .collect()
}

fn damaged(what: &str) -> Failure {
    Failure::Damaged(what.into())
}

/// A description that stands for none yet.
fn nothing() -> Description {
    Description {
        schema: SCHEMA,
        id: String::new(),
        name: String::new(),
        version: String::new(),
        publisher: None,
        homepage: None,
        help: None,
        updates: None,
        scope: crate::description::Scope::User,
        directory: String::new(),
        cache: None,
        run: None,
        language: None,
        close_seconds: 0,
        icon: None,
        uninstaller: String::new(),
        path: false,
        files: Vec::new(),
        shortcuts: Vec::new(),
        registry: Vec::new(),
        associations: Vec::new(),
        protocols: Vec::new(),
        services: Vec::new(),
    }
}
