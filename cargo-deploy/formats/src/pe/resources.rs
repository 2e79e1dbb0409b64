//! Resources: a tree of type, name and language with content at its leaves (The .rsrc Section).
//!
//! They are read as a flat, sorted map and written as one block in the order that the document gives: directory tables
//! level by level, names, descriptions, content. Every piece of content begins at a multiple of 8, and so do the descriptions:
//! icons and version information hold words of four bytes that Windows reads where they are.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::io::{Read, Seek};
use std::ops::Range;

use super::headers::{Headers, directory};
use super::{PeError, align, damaged, put, read_range, u16_at, u32_at};

/// Numbers of resource types (`winuser.h`, `RT_…`).
pub mod kind {
    /// One picture of an icon.
    pub const ICON: u16 = 3;
    /// An icon: a list of its pictures.
    pub const GROUP_ICON: u16 = 14;
    /// Version information.
    pub const VERSION: u16 = 16;
    /// An application manifest.
    pub const MANIFEST: u16 = 24;
}

/// More entries than the largest libraries of Windows have, by a factor of ten.
const MOST_ENTRIES: usize = 200_000;
/// The same for the text of all names, in units.
const MOST_TEXT: usize = 1 << 22;

/// A type or name: text or a number. In a directory, text comes first, in the order of its code units, then the numbers.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ResourceName {
    /// UTF-16, at most 65535 units.
    Text(Vec<u16>),
    /// A number; the type of a number is one of [`kind`] or the like.
    Id(u16),
}

impl ResourceName {
    /// A name as the resource compiler stores it: Windows looks for names in upper case, and would not find another.
    pub fn text(name: &str) -> Self {
        ResourceName::Text(name.to_uppercase().encode_utf16().collect())
    }
}

impl From<u16> for ResourceName {
    fn from(id: u16) -> Self {
        ResourceName::Id(id)
    }
}

impl fmt::Display for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResourceName::Text(units) => f.write_str(&String::from_utf16_lossy(units)),
            ResourceName::Id(id) => write!(f, "{id}"),
        }
    }
}

impl fmt::Debug for ResourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ResourceName::Text(units) => write!(f, "{:?}", String::from_utf16_lossy(units)),
            ResourceName::Id(id) => write!(f, "{id}"),
        }
    }
}

/// What a resource is found by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResourceKey {
    /// Its type.
    pub kind: ResourceName,
    /// Its name.
    pub name: ResourceName,
    /// A language identifier: 0 neutral, 1033 English (United States).
    pub language: u16,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Leaf<'a> {
    code_page: u32,
    content: Cow<'a, [u8]>,
}

/// The resources of a program, in the order of the file.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Resources<'a> {
    leaves: BTreeMap<ResourceKey, Leaf<'a>>,
}

impl<'a> Resources<'a> {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.leaves.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.leaves.is_empty()
    }

    /// The content of one.
    pub fn get(&self, key: &ResourceKey) -> Option<&[u8]> {
        self.leaves.get(key).map(|leaf| &*leaf.content)
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = (&ResourceKey, &[u8])> {
        self.leaves.iter().map(|(key, leaf)| (key, &*leaf.content))
    }

    /// All of one type.
    pub fn of_kind(&self, kind: &ResourceName) -> impl Iterator<Item = (&ResourceKey, &[u8])> {
        self.iter().filter(move |(key, _)| key.kind == *kind)
    }

    /// The one of a type that Windows takes first: of its first name the English one, or else the first.
    pub fn first_of(&self, kind: &ResourceName) -> Option<(&ResourceKey, &[u8])> {
        let first = self.of_kind(kind).next()?;
        let english = self.of_kind(kind).find(|(key, _)| key.name == first.0.name && key.language == 1033);
        Some(english.unwrap_or(first))
    }

    /// Puts one there, in place of one with the same key. Its code page is 0, as for everything that is not text of an
    /// old encoding.
    pub fn insert(&mut self, key: ResourceKey, content: Vec<u8>) {
        self.leaves.insert(key, Leaf { code_page: 0, content: Cow::Owned(content) });
    }

    /// Takes away those that a condition is not true of.
    pub fn retain(&mut self, mut keep: impl FnMut(&ResourceKey) -> bool) {
        self.leaves.retain(|key, _| keep(key));
    }

    /// Reads those that are wanted from a file.
    pub(super) fn read(
        headers: &Headers,
        reader: &mut (impl Read + Seek),
        wanted: impl Fn(&ResourceKey) -> bool,
    ) -> Result<Resources<'static>, PeError> {
        let mut resources = Resources::default();
        let mut total = 0;
        for (key, place) in index(headers, reader)? {
            if !wanted(&key) {
                continue;
            }
            total += place.range.end - place.range.start;
            check_total(total, headers)?;
            let content = Cow::Owned(read_range(reader, place.range, headers.length, "a resource")?);
            resources.leaves.insert(key, Leaf { code_page: place.code_page, content });
        }
        Ok(resources)
    }

    /// Reads all of a file in memory, without copies.
    pub(super) fn borrow(headers: &Headers, file: &'a [u8]) -> Result<Self, PeError> {
        let mut resources = Resources::default();
        let mut total = 0;
        for (key, place) in index(headers, &mut std::io::Cursor::new(file))? {
            total += place.range.end - place.range.start;
            check_total(total, headers)?;
            let content = file.get(place.range.start as usize..place.range.end as usize);
            let content = Cow::Borrowed(content.ok_or_else(|| damaged("a resource is not in the file"))?);
            resources.leaves.insert(key, Leaf { code_page: place.code_page, content });
        }
        Ok(resources)
    }

    /// The length of the block.
    pub(super) fn block_size(&self) -> u64 {
        Block::plan(self).size
    }

    /// The block for an address in memory, which must be a multiple of 8.
    pub(super) fn block(&self, address: u32) -> Result<Vec<u8>, PeError> {
        let plan = Block::plan(self);
        // The upper bit of an offset marks a directory or a name, and addresses have 32 bits.
        if plan.size >= 1 << 31 || u64::from(address) + plan.size > u64::from(u32::MAX) {
            return Err(PeError::TooLarge { size: plan.size });
        }
        Ok(plan.write(address))
    }
}

/// Several entries may share bytes, but not so that a small file becomes a large memory.
fn check_total(total: u64, headers: &Headers) -> Result<(), PeError> {
    if total > headers.length {
        return Err(damaged("its resources together are larger than the file"));
    }
    Ok(())
}

/// Where the content of a resource is.
struct Place {
    code_page: u32,
    range: Range<u64>,
}

/// Finds all resources. A tree has three levels and no more, so none can be endless; what one part of it can be reached by twice
/// is bounded by the number of entries.
fn index(headers: &Headers, reader: &mut (impl Read + Seek)) -> Result<Vec<(ResourceKey, Place)>, PeError> {
    let Some(table) = headers.directory(directory::RESOURCE) else { return Ok(Vec::new()) };
    let missing = || damaged("the resource directory is not in the file");
    let root = headers.locate(table.address).ok_or_else(missing)?;
    let mut tree = Tree { root, length: headers.length, entries: 0, text: 0 };
    let mut found = Vec::new();
    for (kind, offset) in tree.directory(reader, 0, true)? {
        for (name, offset) in tree.directory(reader, offset, true)? {
            for (language, offset) in tree.directory(reader, offset, false)? {
                let ResourceName::Id(language) = language else {
                    return Err(damaged("a resource has a language that is no number"));
                };
                let entry = tree.bytes(reader, u64::from(offset), 16)?;
                let (address, size) = (u32_at(&entry, 0), u64::from(u32_at(&entry, 4)));
                let place = if size == 0 { Some(0..0) } else { headers.locate(address) };
                let place = place.filter(|place| place.end - place.start >= size);
                let place = place.ok_or_else(|| {
                    damaged(format!(
                        "the resource {kind}/{name} is not in the file, as if the file were packed by another program"
                    ))
                })?;
                tree.count(&kind)?;
                tree.count(&name)?;
                let key = ResourceKey { kind: kind.clone(), name: name.clone(), language };
                let range = place.start..place.start + size;
                found.push((key, Place { code_page: u32_at(&entry, 8), range }));
            }
        }
    }
    let mut keys: Vec<&ResourceKey> = found.iter().map(|(key, _)| key).collect();
    keys.sort();
    match keys.windows(2).find(|pair| pair.first() == pair.last()) {
        Some([key, ..]) => {
            Err(damaged(format!("there are two resources {}/{} of the same language", key.kind, key.name)))
        }
        _ => Ok(found),
    }
}

struct Tree {
    /// From the root to the end of its section, in the file.
    root: Range<u64>,
    length: u64,
    entries: usize,
    /// How many units of text are in the keys that were made.
    text: usize,
}

impl Tree {
    fn count(&mut self, name: &ResourceName) -> Result<(), PeError> {
        if let ResourceName::Text(units) = name {
            self.text += units.len();
        }
        if self.text > MOST_TEXT { Err(damaged("the names of its resources are too long")) } else { Ok(()) }
    }

    fn bytes(&self, reader: &mut (impl Read + Seek), offset: u64, size: u64) -> Result<Vec<u8>, PeError> {
        let start = self.root.start + offset;
        if start + size > self.root.end {
            return Err(damaged("its resource tree reaches beyond its section"));
        }
        read_range(reader, start..start + size, self.length, "its resource tree")
    }

    /// The entries of a directory, and the offsets of what they lead to: directories, or descriptions.
    fn directory(
        &mut self,
        reader: &mut (impl Read + Seek),
        offset: u32,
        directories: bool,
    ) -> Result<Vec<(ResourceName, u32)>, PeError> {
        let header = self.bytes(reader, u64::from(offset), 16)?;
        let count = usize::from(u16_at(&header, 12)) + usize::from(u16_at(&header, 14));
        self.entries += count;
        if self.entries > MOST_ENTRIES {
            return Err(damaged(format!("it has more than {MOST_ENTRIES} resources")));
        }
        let lines = self.bytes(reader, u64::from(offset) + 16, count as u64 * 8)?;
        let mut entries = Vec::new();
        for line in lines.chunks_exact(8) {
            let (name, target) = (u32_at(line, 0), u32_at(line, 4));
            let name = if name & HIGH == 0 {
                let id = u16::try_from(name);
                ResourceName::Id(id.map_err(|_| damaged(format!("a resource has the number {name}")))?)
            } else {
                let offset = u64::from(name & !HIGH);
                let units = u64::from(u16_at(&self.bytes(reader, offset, 2)?, 0));
                let text = self.bytes(reader, offset + 2, units * 2)?;
                let name = ResourceName::Text(text.chunks_exact(2).map(|unit| u16_at(unit, 0)).collect());
                self.count(&name)?;
                name
            };
            if (target & HIGH != 0) != directories {
                return Err(damaged("its resource tree has another depth than three levels"));
            }
            entries.push((name, target & !HIGH));
        }
        Ok(entries)
    }
}

/// The bit of an offset that says that a directory or a name is there.
const HIGH: u32 = 1 << 31;

/// One type with its names, each with its languages.
type Names<'r> = BTreeMap<&'r ResourceName, Vec<(u16, &'r Leaf<'r>)>>;

/// The tree before it is written, with the places of its parts.
struct Block<'r> {
    kinds: BTreeMap<&'r ResourceName, Names<'r>>,
    /// Where the text of names begins.
    texts: BTreeMap<&'r [u16], u64>,
    texts_end: u64,
    descriptions: u64,
    content: u64,
    size: u64,
}

impl<'r> Block<'r> {
    fn plan(resources: &'r Resources<'_>) -> Self {
        let mut kinds: BTreeMap<&ResourceName, Names<'_>> = BTreeMap::new();
        for (key, leaf) in &resources.leaves {
            kinds.entry(&key.kind).or_default().entry(&key.name).or_default().push((key.language, leaf));
        }
        let table = |entries: usize| 16 + 8 * entries as u64;
        let mut at = table(kinds.len());
        at += kinds.values().map(|names| table(names.len())).sum::<u64>();
        at += kinds.values().flat_map(BTreeMap::values).map(|languages| table(languages.len())).sum::<u64>();
        let mut texts = BTreeMap::new();
        for key in resources.leaves.keys() {
            for name in [&key.kind, &key.name] {
                if let ResourceName::Text(units) = name {
                    texts.entry(&**units).or_insert(0);
                }
            }
        }
        for (units, place) in &mut texts {
            *place = at;
            at += 2 + 2 * units.len() as u64;
        }
        let descriptions = align(at, 8);
        let content = descriptions + 16 * resources.leaves.len() as u64;
        let lengths = resources.leaves.values().map(|leaf| align(leaf.content.len() as u64, 8));
        let size = content + lengths.sum::<u64>();
        Block { kinds, texts, texts_end: at, descriptions, content, size }
    }

    fn write(&self, address: u32) -> Vec<u8> {
        let mut block = Vec::with_capacity(self.size as usize);
        let mut below = 16 + 8 * self.kinds.len() as u64;
        let all = self.kinds.iter();
        self.table(
            &mut block,
            all.map(|(kind, names)| (*kind, 16 + 8 * names.len() as u64)),
            &mut below,
            HIGH,
        );
        for names in self.kinds.values() {
            let lines = names.iter().map(|(name, languages)| (*name, 16 + 8 * languages.len() as u64));
            self.table(&mut block, lines, &mut below, HIGH);
        }
        let mut description = self.descriptions;
        for languages in self.kinds.values().flat_map(BTreeMap::values) {
            let ids: Vec<ResourceName> = languages.iter().map(|(language, _)| (*language).into()).collect();
            self.table(&mut block, ids.iter().map(|id| (id, 16)), &mut description, 0);
        }
        for units in self.texts.keys() {
            block.extend((units.len() as u16).to_le_bytes());
            block.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
        }
        debug_assert_eq!(block.len() as u64, self.texts_end);
        block.resize(self.descriptions as usize, 0);
        let leaves = || self.kinds.values().flat_map(BTreeMap::values).flatten().map(|(_, leaf)| leaf);
        let mut at = self.content;
        for leaf in leaves() {
            let length = leaf.content.len() as u64;
            for field in [address + at as u32, length as u32, leaf.code_page, 0] {
                block.extend(field.to_le_bytes());
            }
            at += align(length, 8);
        }
        for leaf in leaves() {
            block.extend_from_slice(&leaf.content);
            block.resize(block.len().next_multiple_of(8), 0);
        }
        block
    }

    /// Writes a directory, whose entries lead to places that follow one another.
    fn table<'n>(
        &self,
        block: &mut Vec<u8>,
        entries: impl Iterator<Item = (&'n ResourceName, u64)>,
        target: &mut u64,
        mark: u32,
    ) {
        let header = block.len();
        block.resize(header + 16, 0);
        let (mut named, mut numbered) = (0u16, 0u16);
        for (name, size) in entries {
            let name = match name {
                ResourceName::Text(units) => {
                    named += 1;
                    self.texts.get(&**units).map_or(0, |place| *place as u32) | HIGH
                }
                ResourceName::Id(id) => {
                    numbered += 1;
                    u32::from(*id)
                }
            };
            block.extend(name.to_le_bytes());
            block.extend((*target as u32 | mark).to_le_bytes());
            *target += size;
        }
        put(block, header + 12, &named.to_le_bytes());
        put(block, header + 14, &numbered.to_le_bytes());
    }
}
