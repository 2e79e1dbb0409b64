//! Images that the writer makes are read back, and damaged ones are refused.

use std::io::{Cursor, Read};
use std::num::NonZeroUsize;

use super::*;
use crate::Level;
use crate::member::{Kind, Member, digest};
use crate::sample::{Random, incompressible, mixed, text};

const MODIFIED: u64 = 1_700_000_000;

fn writer(compression: Compression, threads: usize) -> Writer<Cursor<Vec<u8>>> {
    let threads = NonZeroUsize::new(threads).unwrap();
    Writer::new(Cursor::new(Vec::new()), MODIFIED, compression, Level::Fast, threads).unwrap()
}

fn add(writer: &mut Writer<Cursor<Vec<u8>>>, path: &str, mode: u32, content: &[u8]) {
    writer.file(path, mode, content.len() as u64, || Ok(content)).unwrap();
}

fn finished(writer: Writer<Cursor<Vec<u8>>>) -> Vec<u8> {
    writer.finish().unwrap().into_inner()
}

fn read(image: &[u8]) -> Vec<Member> {
    list(Cursor::new(image), 0).unwrap()
}

fn sum(bytes: &[u8]) -> Option<[u8; 32]> {
    Some(digest(&mut &*bytes).unwrap().1)
}

fn example() -> Vec<u8> {
    let mut writer = writer(Compression::Zstd, 2);
    add(&mut writer, "usr/share/größe 1.txt", 0o640, &text(1, 3000));
    writer.directory("usr", 0o750).unwrap();
    add(&mut writer, "usr/bin/run", 0o4755, b"hello");
    add(&mut writer, "empty", 0o600, b"");
    writer.symlink("AppRun", "usr/bin/run").unwrap();
    writer.directory("var/empty", 0o1777).unwrap();
    finished(writer)
}

#[test]
fn what_was_written_is_read_back() {
    let image = example();
    let lines: Vec<String> = read(&image)
        .iter()
        .map(|member| {
            let owner = member.owner.as_ref().unwrap();
            assert_eq!((owner.user, owner.group, member.modified), (0, 0, MODIFIED));
            let digest = member.sha256.map_or(String::new(), |sum| format!("{:02x}{:02x}", sum[0], sum[1]));
            format!("{:o} {} {} {digest} {:?}", member.mode.unwrap(), member.path, member.size, member.kind)
        })
        .collect();
    let of_text = sum(&text(1, 3000)).unwrap();
    assert_eq!(
        lines,
        [
            "777 AppRun 0  Symlink { target: \"usr/bin/run\" }".to_owned(),
            "600 empty 0 e3b0 File".to_owned(),
            "750 usr 0  Directory".to_owned(),
            "755 usr/bin 0  Directory".to_owned(),
            "4755 usr/bin/run 5 2cf2 File".to_owned(),
            "755 usr/share 0  Directory".to_owned(),
            format!("640 usr/share/größe 1.txt 3000 {:02x}{:02x} File", of_text[0], of_text[1]),
            "755 var 0  Directory".to_owned(),
            "1777 var/empty 0  Directory".to_owned(),
        ]
    );
    let superblock = superblock(&mut Cursor::new(&image), 0).unwrap();
    assert_eq!(superblock.compression, Compression::Zstd);
    assert_eq!((superblock.inodes, superblock.modified), (10, MODIFIED as u32));
    assert_eq!(superblock.length.next_multiple_of(4096), image.len() as u64);
}

#[test]
fn an_image_may_stand_behind_something_else() {
    let alone = example();
    let mut place = Cursor::new(b"program".to_vec());
    place.set_position(7);
    let one = NonZeroUsize::MIN;
    let mut writer = Writer::new(place, MODIFIED, Compression::Zstd, Level::Fast, one).unwrap();
    writer.file("a", 0o644, 3, || Ok(&b"abc"[..])).unwrap();
    let place = writer.finish().unwrap();
    assert_eq!(place.position(), place.get_ref().len() as u64);
    let file = place.into_inner();
    assert_eq!(&file[..11], b"programhsqs");
    assert_eq!(list(Cursor::new(&file), 7).unwrap()[0].path, "a");
    // The image itself does not know where it stands.
    assert_eq!(list(Cursor::new([&b"x"[..], &alone].concat()), 1).unwrap(), read(&alone));
}

#[test]
fn the_bytes_of_the_superblock_are_those_of_the_specification() {
    let mut writer = writer(Compression::Gzip, 1);
    add(&mut writer, "a", 0o644, b"hi");
    let image = finished(writer);
    let hex: String = image[..96].iter().map(|byte| format!("{byte:02x}")).collect();
    // Two inodes, one fragment, blocks of 2^20 bytes, gzip, one owner, version 4.0. The content is the first after it.
    let expected = "68737173 02000000 00f15365 00001000 01000000 0100 1400 6002 0100 0400 0000";
    assert_eq!(&hex[..64], expected.split_whitespace().collect::<String>());
    assert_eq!(&image[96..98], b"hi");
    assert_eq!(image.len(), 4096);
}

#[test]
fn contents_of_all_sizes_come_back() {
    for compression in [Compression::Gzip, Compression::Zstd] {
        let sizes = [1, 4095, BLOCK - 1, BLOCK, BLOCK + 1, 2 * BLOCK, 5 * BLOCK + 77_777];
        let contents: Vec<Vec<u8>> = sizes.iter().map(|&size| mixed(size as u64, size)).collect();
        let mut writer = writer(compression, 2);
        for (index, content) in contents.iter().enumerate() {
            add(&mut writer, &format!("{index}"), 0o644, content);
        }
        let image = finished(writer);
        let members = read(&image);
        for (member, content) in members.iter().zip(&contents) {
            assert_eq!(member.size, content.len() as u64);
            assert_eq!(member.sha256, sum(content), "{compression:?} {}", member.path);
        }
        assert_eq!(members.len(), sizes.len());
    }
}

#[test]
fn the_bytes_do_not_depend_on_the_number_of_threads() {
    let packed = |threads, level| {
        let threads = NonZeroUsize::new(threads).unwrap();
        let mut writer =
            Writer::new(Cursor::new(Vec::new()), MODIFIED, Compression::Zstd, level, threads).unwrap();
        for seed in 0..40u64 {
            let content = mixed(seed % 30, (seed % 30 * (seed % 30) * 7000) as usize);
            add(&mut writer, &format!("d{}/f{seed}", seed % 3), 0o644, &content);
        }
        finished(writer)
    };
    for level in [Level::Fast, Level::Default] {
        let one = packed(1, level);
        assert!(packed(2, level) == one, "{level:?}");
        assert!(packed(5, level) == one, "{level:?}");
    }
}

#[test]
fn the_order_of_the_members_does_not_change_the_tables() {
    let paths = ["b/two", "a", "b/one", "c/d/e"];
    let listed = |paths: &[&str]| {
        let mut writer = writer(Compression::Zstd, 1);
        for path in paths {
            add(&mut writer, path, 0o644, b"the same");
        }
        finished(writer)
    };
    let forwards = listed(&paths);
    let backwards: Vec<&str> = paths.iter().rev().copied().collect();
    assert!(listed(&backwards) == forwards);
}

#[test]
fn files_with_the_same_content_are_stored_once() {
    let small = incompressible(1, 50_000);
    let large = incompressible(2, 3 * BLOCK + 10);
    let whole = incompressible(3, 2 * BLOCK);
    let mut almost = large.clone();
    *almost.last_mut().unwrap() ^= 1;
    let mut other = large.clone();
    other[0] ^= 1;
    let mut writer = writer(Compression::Zstd, 2);
    for (index, content) in
        [&small, &large, &small, &whole, &almost, &large, &whole, &other].iter().enumerate()
    {
        add(&mut writer, &format!("{index}"), 0o644, content);
    }
    let image = finished(writer);
    let unique = small.len() + 3 * large.len() + whole.len();
    assert!((unique..unique + 20_000).contains(&image.len()), "{} {unique}", image.len());
    let sums: Vec<_> = read(&image).iter().map(|member| member.sha256).collect();
    let expected =
        [&small, &large, &small, &whole, &almost, &large, &whole, &other].map(|content| sum(content));
    assert_eq!(sums, expected);
}

#[test]
fn blocks_of_zeros_take_no_room() {
    let mut holes = vec![0; 20 * BLOCK + 5];
    holes[7 * BLOCK + 3] = 1;
    let mut writer = writer(Compression::Zstd, 2);
    add(&mut writer, "holes", 0o644, &holes);
    add(&mut writer, "zeros", 0o644, &holes[8 * BLOCK..]);
    add(&mut writer, "whole", 0o644, &holes[..7 * BLOCK]);
    let image = finished(writer);
    assert!(image.len() <= 8192, "{}", image.len());
    let sums: Vec<_> = read(&image).iter().map(|member| member.sha256).collect();
    assert_eq!(sums, [sum(&holes), sum(&holes[..7 * BLOCK]), sum(&holes[8 * BLOCK..])]);
}

#[test]
fn many_members_in_a_directory_are_read_back() {
    let mut writer = writer(Compression::Zstd, 1);
    let path = |index: usize| format!("many/{:05}-{}", index, "n".repeat(index % 200));
    for index in 0..5000 {
        match index % 5 {
            0 => writer.symlink(&path(index), "target").unwrap(),
            1 => writer.directory(&path(index), 0o700).unwrap(),
            _ => add(&mut writer, &path(index), 0o644, &index.to_le_bytes()),
        }
    }
    let members = read(&finished(writer));
    assert_eq!(members.len(), 5001);
    for (index, member) in members[1..].iter().enumerate() {
        assert_eq!(member.path, path(index));
        let is_right = match index % 5 {
            0 => member.kind == Kind::Symlink { target: "target".to_owned() },
            1 => member.kind == Kind::Directory,
            _ => member.sha256 == sum(&index.to_le_bytes()),
        };
        assert!(is_right, "{member:?}");
    }
}

#[test]
fn more_members_than_differences_of_sixteen_bits_count_are_read_back() {
    let mut writer = writer(Compression::Zstd, 1);
    writer.directory("aa", 0o755).unwrap();
    for index in 0..40_000 {
        writer.directory(&format!("b/{index:05}"), 0o755).unwrap();
    }
    writer.directory("cc", 0o755).unwrap();
    let members = read(&finished(writer));
    assert_eq!(members.len(), 40_003);
    assert_eq!(members[40_001].path, "b/39999");
    assert_eq!(members[40_002].path, "cc");
}

#[test]
fn deep_directories_are_read_back() {
    let path = vec!["d"; 2000].join("/");
    let mut writer = writer(Compression::Zstd, 1);
    add(&mut writer, &path, 0o644, b"deep");
    let members = read(&finished(writer));
    assert_eq!(members.len(), 2000);
    assert_eq!(members[1999].path, path);
    assert_eq!(members[1999].sha256, sum(b"deep"));
}

#[test]
fn an_image_without_members_is_an_image() {
    assert_eq!(read(&finished(writer(Compression::Gzip, 1))), []);
}

#[test]
fn a_size_that_is_not_the_promised_one_is_an_error() {
    for (size, content) in [(3usize, 2usize), (3, 4), (0, 1), (1, 0), (BLOCK, BLOCK + 1), (2 * BLOCK, BLOCK)]
    {
        let content = vec![1; content];
        let error =
            writer(Compression::Zstd, 1).file("a", 0o644, size as u64, || Ok(&content[..])).unwrap_err();
        let found = content.len();
        assert_eq!(
            error.to_string(),
            format!("add `a` to the image: it should have {size} bytes and has {found}")
        );
    }
}

#[test]
fn members_that_cannot_be_are_refused() {
    let mut writer = writer(Compression::Zstd, 1);
    add(&mut writer, "file", 0o644, b"");
    writer.directory("made/by/hand", 0o755).unwrap();
    let long = "n".repeat(256);
    let table = [
        ("/a", "it is absolute"),
        ("../b", "it has a `.` or `..` component"),
        ("file", "the archive has a member of this path already"),
        ("file/below", "`file` is not a directory"),
        ("made/by/hand", "the archive has a member of this path already"),
        (&long, "names have at most 255 bytes and paths at most 4,095"),
    ];
    for (path, problem) in table {
        let error = writer.directory(path, 0o755).unwrap_err();
        assert_eq!(error.to_string(), format!("add `{path}` to the image: {problem}"));
    }
    // Implied before, named now.
    writer.directory("made/by", 0o700).unwrap();
    let refused = |target: &str| {
        let mut writer = self::writer(Compression::Zstd, 1);
        writer.symlink("link", target).unwrap_err().to_string()
    };
    let message = "add `link` to the image: its link target is empty, contains a zero byte or is longer than 4,095 bytes";
    for target in ["", "a\0b", &"t".repeat(4096)] {
        assert_eq!(refused(target), message);
    }
    let threads = NonZeroUsize::MIN;
    let error = Writer::new(Cursor::new(Vec::new()), 0, Compression::Xz, Level::Fast, threads).unwrap_err();
    assert_eq!(error.to_string(), "write the image with xz compression, which is only read");
}

/// What a reader says of an image, which may be anything.
fn verdict(image: &[u8]) -> Result<usize, SquashfsError> {
    let mut members = 0;
    visit(Cursor::new(image), 0, |_, content| {
        members += 1;
        // A damaged size can promise any amount of zeros.
        std::io::copy(&mut content.take(1 << 20), &mut std::io::sink()).map(|_| ())
    })
    .map(|()| members)
}

#[test]
fn what_is_no_image_is_said_to_be_none() {
    let error = verdict(b"hello").unwrap_err().to_string();
    assert_eq!(error, "read the image: there is no SquashFS superblock at byte 0");
    let mut image = example();
    image[28] = 3;
    assert_eq!(verdict(&image).unwrap_err().to_string(), "read the image: version 3 is not supported");
    let mut image = example();
    image[20] = 5;
    assert_eq!(verdict(&image).unwrap_err().to_string(), "read the image: compression 5 is not supported");
}

#[test]
fn a_cut_image_is_an_error() {
    let image = example();
    let length = superblock(&mut Cursor::new(&image), 0).unwrap().length as usize;
    for length in 0..length {
        assert!(verdict(&image[..length]).is_err(), "cut to {length}");
    }
    assert_eq!(verdict(&image[..length]).unwrap(), 9);
}

#[test]
fn a_damaged_image_is_an_error_or_another_image() {
    let mut writer = writer(Compression::Gzip, 1);
    add(&mut writer, "stored", 0o644, &incompressible(1, 9000));
    add(&mut writer, "large", 0o644, &text(2, BLOCK + 5000));
    for index in 0..300 {
        add(&mut writer, &format!("d/{index}"), 0o644, &text(index, 20));
    }
    let gzip = finished(writer);
    let mut random = Random::new(9);
    let mut errors = 0;
    for image in [example(), gzip] {
        let length = superblock(&mut Cursor::new(&image), 0).unwrap().length as usize;
        for round in 0..600 {
            let mut damaged = image.clone();
            // Mostly the superblock and the tables: there the numbers are.
            let place = match round % 3 {
                0 => random.below(96),
                1 => length - 1 - random.below(length.min(1500)),
                _ => random.below(length),
            };
            damaged[place] ^= 1 << random.below(8);
            if round % 2 == 0 {
                let place = random.below(length);
                damaged[place] = random.next() as u8;
            }
            errors += usize::from(verdict(&damaged).is_err());
        }
    }
    assert!(errors > 300, "{errors}");
}

/// An image written by hand, with nothing compressed: a file `a` of two bytes, a directory `d` and a link in it.
fn plain_image() -> Vec<u8> {
    let mut tables = Vec::new();
    let metadata = |tables: &mut Vec<u8>, bytes: &[u8]| {
        tables.extend((bytes.len() as u16 | STORED_METADATA).to_le_bytes());
        tables.extend(bytes);
    };
    let head = |kind: u16, mode: u16, number: u32| {
        let mut bytes = [kind.to_le_bytes(), mode.to_le_bytes(), [0; 2], [0; 2]].concat();
        bytes.extend([0; 4]);
        bytes.extend(number.to_le_bytes());
        bytes
    };
    let words = |words: &[u32]| words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<u8>>();
    // The link at 0, `d` at 26, `a` at 58, the root at 94.
    let mut inodes = [head(kind::SYMLINK, 0o777, 3), words(&[1, 2]), b"hi".to_vec()].concat();
    inodes.extend([head(kind::DIRECTORY, 0o755, 2), words(&[0, 2, 3 + 21, 1])].concat());
    inodes.extend([head(kind::FILE, 0o644, 4), words(&[96, NONE32, 0, 2, 2 | STORED_BLOCK])].concat());
    inodes.extend([head(kind::DIRECTORY, 0o755, 1), words(&[0, 3, (3 + 30) | (21 << 16), 0])].concat());
    let entry = |offset: u16, number: u16, kind: u16, name: u8| {
        [&offset.to_le_bytes()[..], &number.to_le_bytes(), &kind.to_le_bytes(), &[0, 0, name]].concat()
    };
    let mut listings = [words(&[0, 0, 3]), entry(0, 0, kind::SYMLINK, b'l')].concat();
    listings.extend([words(&[1, 0, 2]), entry(58, 2, kind::FILE, b'a')].concat());
    listings.extend(entry(26, 0, kind::DIRECTORY, b'd'));
    tables.extend(b"hi");
    let inode_table = 96 + tables.len() as u64;
    metadata(&mut tables, &inodes);
    let directory_table = 96 + tables.len() as u64;
    metadata(&mut tables, &listings);
    let owners = 96 + tables.len() as u64;
    metadata(&mut tables, &[0; 4]);
    let owner_table = 96 + tables.len() as u64;
    tables.extend(owners.to_le_bytes());
    let length = 96 + tables.len() as u64;
    let mut image = words(&[MAGIC, 4, 0, 4096, 0, 1 | 12 << 16, 0x200 | 1 << 16, 4]);
    for number in [94, length, owner_table, NONE64, inode_table, directory_table, NONE64, NONE64] {
        image.extend(number.to_le_bytes());
    }
    image.extend(tables);
    image
}

#[test]
fn numbers_in_tables_that_are_not_compressed_can_be_anything() {
    let plain = plain_image();
    let paths: Vec<String> = read(&plain).into_iter().map(|member| member.path).collect();
    assert_eq!(paths, ["a", "d", "d/l"]);
    let mut random = Random::new(10);
    let mut errors = 0;
    for _ in 0..10_000 {
        let mut damaged = plain.clone();
        for _ in 0..1 + random.below(3) {
            let place = random.below(plain.len());
            damaged[place] = if random.below(2) == 0 { 0xff } else { random.next() as u8 };
        }
        errors += usize::from(verdict(&damaged).is_err());
    }
    assert!(errors > 2500, "{errors}");
}

#[test]
fn a_directory_in_itself_is_an_error() {
    let mut image = plain_image();
    // The entry of `d` leads to the root: offset 94 instead of 26.
    let place = image.windows(9).rposition(|window| window == [26, 0, 0, 0, 1, 0, 0, 0, b'd']).unwrap();
    image[place] = 94;
    assert_eq!(
        verdict(&image).unwrap_err().to_string(),
        "read the image: a directory in it is in two places, or there are too many"
    );
}
