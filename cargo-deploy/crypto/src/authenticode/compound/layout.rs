//! Where everything stands in a compound file that is written: the directory and the allocation tables.

use super::{
    CUTOFF, Content, DIFAT_SECTOR, END, ENTRY, FAT_SECTOR, FREE, IN_HEADER, LIMIT, MAGIC, MINI_SECTOR, Node,
    NodeKind, SECTOR, damaged,
};
use crate::authenticode::{FileError, Kind};
use std::cmp::Ordering;
use std::ops::Range;

/// An entry of the directory that is written.
struct Placed<'a> {
    node: &'a Node,
    /// To the left, to the right, and to the children.
    links: [u32; 3],
    black: bool,
    start: u32,
}

/// Where everything is written.
pub(super) struct Layout<'a> {
    /// The first sector.
    pub(super) header: Vec<u8>,
    /// Entries of the directory, without the root.
    placed: Vec<Placed<'a>>,
    /// Everything behind the streams.
    pub(super) tables: Vec<u8>,
}

/// The order of names in a directory: by length, then by code units in capitals (\[MS-CFB\] 2.6.4).
fn order(left: &[u16], right: &[u16]) -> Ordering {
    fn capital(unit: u16) -> u16 {
        let Some(letter) = char::from_u32(unit.into()) else { return unit };
        let mut capitals = letter.to_uppercase();
        match (capitals.next(), capitals.next()) {
            (Some(capital), None) => u16::try_from(u32::from(capital)).unwrap_or(unit),
            _ => unit,
        }
    }
    let capitals = |name: &[u16]| name.iter().copied().map(capital).collect::<Vec<u16>>();
    left.len().cmp(&right.len()).then_with(|| capitals(left).cmp(&capitals(right)))
}

/// Links the entries of a range as a balanced tree and gives the number of its root in the directory. With the number of
/// levels, entries of the lowest one are red: it is not full, and so all ways down have as many black ones.
fn balance(placed: &mut [Placed<'_>], range: Range<usize>, level: u32, levels: Option<u32>) -> u32 {
    if range.is_empty() {
        return FREE;
    }
    let middle = range.start + range.len() / 2;
    let left = balance(placed, range.start..middle, level + 1, levels);
    let right = balance(placed, middle + 1..range.end, level + 1, levels);
    placed[middle].links[0] = left;
    placed[middle].links[1] = right;
    placed[middle].black = levels.is_none_or(|levels| level + 1 < levels);
    middle as u32 + 1
}

/// Places the children of a storage, then those of its storages. Gives the number of the first of the tree.
fn place<'a>(node: &'a Node, placed: &mut Vec<Placed<'a>>) -> Result<u32, FileError> {
    let mut children: Vec<&Node> = node.children.iter().collect();
    children.sort_by(|left, right| order(&left.name, &right.name));
    if children.windows(2).any(|pair| order(&pair[0].name, &pair[1].name).is_eq()) {
        return Err(damaged("two of its streams have one name"));
    }
    let start = placed.len();
    placed.extend(children.iter().map(|node| Placed { node, links: [FREE; 3], black: true, start: 0 }));
    let count = children.len();
    let full = (count + 1).is_power_of_two();
    let levels = usize::BITS - count.leading_zeros();
    let root = balance(placed, start..start + count, 0, (!full).then_some(levels));
    for (index, child) in children.into_iter().enumerate() {
        placed[start + index].links[2] = place(child, placed)?;
    }
    Ok(root)
}

/// Adds a chain of that many sectors to a table and gives its first.
fn push_chain(table: &mut Vec<u32>, count: u64) -> u32 {
    let start = table.len() as u32;
    for index in 1..=count as u32 {
        table.push(if u64::from(index) == count { END } else { start + index });
    }
    if count == 0 { END } else { start }
}

fn little(numbers: &[u32]) -> Vec<u8> {
    numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
}

fn large(bytes: u64) -> FileError {
    FileError::Large { kind: Kind::Msi, bytes, limit: LIMIT }
}

impl<'a> Layout<'a> {
    pub(super) fn of(root: &'a Node) -> Result<Self, FileError> {
        let mut placed = Vec::new();
        let top = place(root, &mut placed)?;
        let total: u64 = placed.iter().map(|placed| placed.node.content.size()).sum();
        if total > LIMIT {
            return Err(large(total));
        }
        let (mut fat, mut mini_fat) = (Vec::new(), Vec::new());
        for placed in &mut placed {
            let size = placed.node.content.size();
            placed.start = match placed.node.kind {
                NodeKind::Storage => 0,
                NodeKind::Stream if size >= CUTOFF => push_chain(&mut fat, size.div_ceil(SECTOR as u64)),
                NodeKind::Stream => push_chain(&mut mini_fat, size.div_ceil(MINI_SECTOR)),
            };
        }
        let mini_size = mini_fat.len() as u64 * MINI_SECTOR;
        let mini_start = push_chain(&mut fat, mini_size.div_ceil(SECTOR as u64));
        let mini_fat_sectors = mini_fat.len().div_ceil(SECTOR / 4);
        let mini_fat_start = push_chain(&mut fat, mini_fat_sectors as u64);
        mini_fat.resize(mini_fat_sectors * (SECTOR / 4), FREE);
        let root = Placed { node: root, links: [FREE, FREE, top], black: true, start: mini_start };
        let directory = directory(&root, &placed, mini_size);
        let directory_start = push_chain(&mut fat, (directory.len() / SECTOR) as u64);

        let data = fat.len();
        let (mut fat_sectors, mut difat_sectors) = (0, 0);
        loop {
            let needed = (data + fat_sectors + difat_sectors).div_ceil(SECTOR / 4);
            let listed = needed.saturating_sub(IN_HEADER).div_ceil(SECTOR / 4 - 1);
            if (needed, listed) == (fat_sectors, difat_sectors) {
                break;
            }
            (fat_sectors, difat_sectors) = (needed, listed);
        }
        let bytes = ((data + fat_sectors + difat_sectors + 1) * SECTOR) as u64;
        if bytes > LIMIT {
            return Err(large(bytes));
        }
        fat.resize(data + fat_sectors, FAT_SECTOR);
        fat.resize(data + fat_sectors + difat_sectors, DIFAT_SECTOR);
        fat.resize(fat_sectors * (SECTOR / 4), FREE);
        let listed: Vec<u32> = (data..data + fat_sectors).map(|sector| sector as u32).collect();
        let in_header = listed.len().min(IN_HEADER);
        let mut difat = Vec::new();
        for (index, part) in listed[in_header..].chunks(SECTOR / 4 - 1).enumerate() {
            difat.extend_from_slice(part);
            difat.resize(index * (SECTOR / 4) + SECTOR / 4 - 1, FREE);
            let next = data + fat_sectors + index + 1;
            difat.push(if index + 1 == difat_sectors { END } else { next as u32 });
        }

        // The header (\[MS-CFB\] 2.2): no class; versions, byte order, sizes of sectors and mini sectors as powers of two.
        let mut header = Vec::with_capacity(SECTOR);
        header.extend_from_slice(&MAGIC);
        header.extend_from_slice(&[0; 16]);
        header.extend([0x3e_u16, 3, 0xfffe, 9, 6, 0, 0, 0].into_iter().flat_map(u16::to_le_bytes));
        header.extend(little(&[
            0,
            fat_sectors as u32,
            directory_start,
            0,
            CUTOFF as u32,
            mini_fat_start,
            mini_fat_sectors as u32,
            if difat_sectors == 0 { END } else { (data + fat_sectors) as u32 },
            difat_sectors as u32,
        ]));
        header.extend(little(&listed[..in_header]));
        header.resize(SECTOR, 0xff);
        let tables = [little(&mini_fat), directory, little(&fat), little(&difat)].concat();
        Ok(Layout { header, placed, tables })
    }

    /// What the streams hold, in the order of the directory.
    pub(super) fn contents(&self) -> impl Iterator<Item = &'a Content> + '_ {
        let streams = self.placed.iter().filter(|placed| placed.node.kind == NodeKind::Stream);
        streams.map(|placed| &placed.node.content)
    }
}

/// The sectors of the directory: the root, and the entries in their order.
fn directory(root: &Placed<'_>, placed: &[Placed<'_>], mini_size: u64) -> Vec<u8> {
    let mut bytes = Vec::with_capacity((placed.len() + 4) * ENTRY);
    write_entry(&mut bytes, root, 5, mini_size);
    for placed in placed {
        let kind = if placed.node.kind == NodeKind::Storage { 1 } else { 2 };
        write_entry(&mut bytes, placed, kind, placed.node.content.size());
    }
    while !bytes.len().is_multiple_of(SECTOR) {
        let begin = bytes.len();
        bytes.resize(begin + 68, 0);
        bytes.extend(little(&[FREE; 3]));
        bytes.resize(begin + ENTRY, 0);
    }
    bytes
}

fn write_entry(bytes: &mut Vec<u8>, placed: &Placed<'_>, kind: u8, size: u64) {
    let begin = bytes.len();
    let node = placed.node;
    bytes.extend(node.name.iter().flat_map(|unit| unit.to_le_bytes()));
    bytes.resize(begin + 64, 0);
    bytes.extend((node.name.len() as u16 * 2 + 2).to_le_bytes());
    bytes.extend([kind, u8::from(placed.black)]);
    bytes.extend(little(&placed.links));
    bytes.extend(node.class);
    bytes.extend(node.state.to_le_bytes());
    bytes.extend(node.created.to_le_bytes());
    bytes.extend(node.modified.to_le_bytes());
    bytes.extend(placed.start.to_le_bytes());
    bytes.extend(size.to_le_bytes());
}
