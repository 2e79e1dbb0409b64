//! SquashFS images against those who know them best: the kernel, `unsquashfs` and `mksquashfs`.

use crate::support::clients;
use crate::support::project::{Scratch, tree};
use deploy_formats::member::Kind;
use deploy_formats::squashfs::{self, Compression};
use deploy_formats::{Level, member};
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::BufReader;
use std::num::NonZeroUsize;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

const MODIFIED: i64 = 1_700_000_000;

/// Bytes that compress to about half.
fn bytes(seed: u32, length: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(length + 8);
    let mut state = seed | 1;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        bytes.extend(state.to_le_bytes());
        bytes.extend(*b"same");
    }
    bytes.truncate(length);
    bytes
}

/// A tree with everything that a file system has to get right.
fn plant(root: &Path) {
    let write = |name: &str, mode: u32, content: &[u8]| {
        let path = root.join(name);
        fs::create_dir_all(path.parent().expect("a directory")).expect("create");
        fs::write(&path, content).expect("write");
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("permissions");
    };
    write("empty", 0o600, b"");
    write("usr/bin/run me", 0o755, b"#!/bin/sh\n");
    write("usr/share/grüße/größe.txt", 0o644, "Grüße\n".as_bytes());
    write("usr/share/private", 0o640, b"not for all\n");
    // Around the sizes of blocks, of ours and of others.
    for size in [4095, 4096, 4097, 131_072, 262_145, 1 << 20, (1 << 20) + 1, 3 << 20] {
        write(&format!("sizes/{size}"), 0o644, &bytes(size as u32, size));
    }
    write("twice/one", 0o644, &bytes(7, 2_500_000));
    write("twice/other", 0o644, &bytes(7, 2_500_000));
    write("twice/small", 0o644, b"small");
    write("twice/small too", 0o644, b"small");
    let mut holes = vec![0; 9 << 20];
    holes[4_000_000..4_000_010].copy_from_slice(b"not a hole");
    write("holes/some", 0o644, &holes);
    write("holes/only", 0o644, &holes[..3 << 20]);
    write("holes/with a tail", 0o644, &holes[..(2 << 20) + 5]);
    for index in 0..5000 {
        write(&format!("many/{index:04}-{}", "n".repeat(index % 150)), 0o644, &index.to_le_bytes());
    }
    write(&format!("deep/{}/end", vec!["d"; 150].join("/")), 0o644, b"deep\n");
    fs::create_dir_all(root.join("nothing/in it")).expect("create");
    symlink("usr/bin/run me", root.join("AppRun")).expect("link");
    symlink("/nowhere/at all", root.join("dangling")).expect("link");
    symlink("t".repeat(4000), root.join("long")).expect("link");
    for directory in ["usr", "usr/share", "sizes", "twice", "holes", "many", "deep", "nothing/in it"] {
        fs::set_permissions(root.join(directory), fs::Permissions::from_mode(0o755)).expect("permissions");
    }
    fs::set_permissions(root.join("nothing"), fs::Permissions::from_mode(0o700)).expect("permissions");
    fs::set_permissions(root.join("usr/bin"), fs::Permissions::from_mode(0o711)).expect("permissions");
}

/// Packs a directory as a caller of the crate does.
fn pack(root: &Path, image: &Path, compression: Compression) {
    let threads = NonZeroUsize::new(3).expect("not zero");
    let file = File::create(image).expect("create");
    let mut writer =
        squashfs::Writer::new(file, MODIFIED as u64, compression, Level::Fast, threads).expect("a writer");
    for name in tree(root).into_keys() {
        let path = root.join(&name);
        let metadata = fs::symlink_metadata(&path).expect("look");
        let mode = metadata.permissions().mode();
        if metadata.is_dir() {
            writer.directory(&name, mode).expect("a directory");
        } else if metadata.is_symlink() {
            let target = fs::read_link(&path).expect("read");
            writer.symlink(&name, target.to_str().expect("UTF-8")).expect("a link");
        } else {
            writer.file(&name, mode, metadata.len(), || File::open(&path)).expect("a file");
        }
    }
    writer.finish().expect("an image");
}

/// What our reader finds, in the words of [`tree`].
fn found(image: &Path) -> BTreeMap<String, String> {
    let file = BufReader::new(File::open(image).expect("open"));
    let line = |member: &member::Member| {
        let mode = member.mode.expect("a mode") & 0o777;
        match &member.kind {
            Kind::Directory => format!("directory {mode:03o}"),
            Kind::Symlink { target } => format!("link to {target}"),
            Kind::File => {
                let sum = member.sha256.expect("a digest");
                let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("file {mode:03o} {sum}")
            }
            other => format!("{other:?}"),
        }
    };
    let members = squashfs::list(file, 0).expect("it can be read");
    members.iter().map(|member| (member.path.clone(), line(member))).collect()
}

#[track_caller]
fn same(expected: &BTreeMap<String, String>, actual: &BTreeMap<String, String>, who: &str) {
    for (name, what) in expected {
        assert_eq!(actual.get(name), Some(what), "{who}: {name}");
    }
    for name in actual.keys() {
        assert!(expected.contains_key(name), "{who}: {name} is too much");
    }
}

fn run(program: &Path, arguments: &[&str]) -> String {
    let output = Command::new(program).args(arguments).env("TZ", "UTC").output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{} {arguments:?}: {said}", program.display());
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// A mounted image; unmounted when it goes.
struct Mounted(PathBuf);

impl Mounted {
    /// `None` where this is not root, or the kernel cannot.
    fn new(image: &Path, at: &Path) -> Option<Self> {
        let mount = clients::find("mount")?;
        let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
        let known = fs::read_to_string("/proc/filesystems").is_ok_and(|list| list.contains("squashfs"));
        if !is_root || !known {
            clients::skip("root and a kernel with squashfs");
            return None;
        }
        fs::create_dir_all(at).expect("create");
        let text = |path: &Path| path.to_str().expect("UTF-8").to_owned();
        run(&mount, &["-t", "squashfs", "-o", "loop,ro", &text(image), &text(at)]);
        Some(Mounted(at.to_owned()))
    }
}

impl Drop for Mounted {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(&self.0).status();
    }
}

fn text(path: &Path) -> &str {
    path.to_str().expect("UTF-8")
}

#[test]
fn the_kernel_and_unsquashfs_see_the_tree_that_was_packed() {
    let scratch = Scratch::new();
    let (root, image) = (scratch.0.join("tree"), scratch.0.join("image"));
    plant(&root);
    let expected = tree(&root);
    for compression in [Compression::Zstd, Compression::Gzip] {
        pack(&root, &image, compression);
        same(&expected, &found(&image), "our reader");
        if let Some(unsquashfs) = clients::find("unsquashfs") {
            let place = scratch.0.join(compression.name());
            run(&unsquashfs, &["-quiet", "-no-progress", "-d", text(&place), text(&image)]);
            same(&expected, &tree(&place), "unsquashfs");
            let listing = run(&unsquashfs, &["-lls", "-d", "", text(&image)]);
            let line = listing.lines().find(|line| line.ends_with("/usr/bin/run me")).expect("it is there");
            let words: Vec<&str> = line.split_whitespace().collect();
            assert_eq!(words[..5], ["-rwxr-xr-x", "root/root", "10", "2023-11-14", "22:13"]);
        }
        if let Some(mounted) = Mounted::new(&image, &scratch.0.join("mounted")) {
            same(&expected, &tree(&mounted.0), "the kernel");
            for name in ["", "usr", "usr/bin/run me", "AppRun"] {
                let metadata = fs::symlink_metadata(mounted.0.join(name)).expect("look");
                assert_eq!((metadata.uid(), metadata.gid(), metadata.mtime()), (0, 0, MODIFIED), "{name}");
            }
            let root = fs::metadata(&mounted.0).expect("look");
            assert_eq!((root.mode() & 0o7777, root.nlink()), (0o755, 9));
            // Names that are not there, before, between and behind those that are: the index must not mislead.
            for name in ["many/", "many/0", "many/2499", "many/4999-z", "many/zzz", "0", "zzz"] {
                let wrong = mounted.0.join(format!("{name}x"));
                assert!(!wrong.exists(), "{name}");
            }
            // Holes take no room, equal files take it once.
            let blocks = |name: &str| fs::metadata(mounted.0.join(name)).expect("look").blocks();
            assert_eq!((blocks("holes/only"), blocks("holes/some")), (0, 2048));
            drop(mounted);
        }
    }
    // 2.5 MB once, 8.9 MB in `sizes`, both half as large when compressed; 24 MB of holes and 2.5 MB again for nothing.
    let length = fs::metadata(&image).expect("look").len();
    assert!((5_000_000..7_000_000).contains(&length), "{length}");
}

#[test]
fn images_of_mksquashfs_are_read() {
    let Some(mksquashfs) = clients::find("mksquashfs") else { return };
    let scratch = Scratch::new();
    let (root, image) = (scratch.0.join("tree"), scratch.0.join("image"));
    plant(&root);
    let mut expected = tree(&root);
    let fixed = ["-quiet", "-no-progress", "-noappend", "-no-xattrs", "-processors", "2"];
    let table: [&[&str]; 8] = [
        &["-comp", "zstd", "-Xcompression-level", "3"],
        &["-comp", "gzip", "-Xcompression-level", "3"],
        &["-comp", "xz", "-Xbcj", "x86", "-b", "1M"],
        &["-comp", "zstd", "-Xcompression-level", "3", "-b", "1M", "-no-duplicates", "-no-sparse"],
        &["-comp", "gzip", "-Xcompression-level", "3", "-b", "4K", "-no-exports"],
        &["-comp", "zstd", "-Xcompression-level", "3", "-no-fragments"],
        &["-comp", "gzip", "-Xcompression-level", "3", "-always-use-fragments"],
        &["-comp", "zstd", "-noI", "-noD", "-noF", "-noId"],
    ];
    for options in table {
        run(&mksquashfs, &[&[text(&root), text(&image)][..], &fixed, options].concat());
        same(&expected, &found(&image), &options.join(" "));
    }
    // What we never write: two names of a file, a queue, another owner.
    fs::hard_link(root.join("usr/share/private"), root.join("usr/share/same")).expect("link");
    expected.insert("usr/share/same".to_owned(), expected["usr/share/private"].clone());
    expected.insert("queue".to_owned(), "Other { flag: 54 }".to_owned());
    let other =
        ["-comp", "zstd", "-Xcompression-level", "3", "-force-uid", "1000", "-p", "queue i 640 7 8 f"];
    run(&mksquashfs, &[&[text(&root), text(&image)][..], &fixed, &other].concat());
    same(&expected, &found(&image), "hard links");
    let file = BufReader::new(File::open(&image).expect("open"));
    let members = squashfs::list(file, 0).expect("it can be read");
    assert!(members.iter().all(|member| member.owner.as_ref().expect("an owner").user == 1000));
}

#[test]
fn a_large_file_goes_both_ways() {
    let scratch = Scratch::new();
    let (root, image) = (scratch.0.join("tree"), scratch.0.join("image"));
    fs::create_dir_all(&root).expect("create");
    fs::write(root.join("large"), bytes(11, 100_000_003)).expect("write");
    let expected = tree(&root);
    pack(&root, &image, Compression::Zstd);
    same(&expected, &found(&image), "our reader");
    if let Some(unsquashfs) = clients::find("unsquashfs") {
        let place = scratch.0.join("unpacked");
        run(&unsquashfs, &["-quiet", "-no-progress", "-d", text(&place), text(&image)]);
        same(&expected, &tree(&place), "unsquashfs");
    }
    if let Some(mounted) = Mounted::new(&image, &scratch.0.join("mounted")) {
        same(&expected, &tree(&mounted.0), "the kernel");
    }
    let Some(mksquashfs) = clients::find("mksquashfs") else { return };
    let options = ["-quiet", "-no-progress", "-noappend", "-comp", "gzip", "-Xcompression-level", "1"];
    run(&mksquashfs, &[&[text(&root), text(&image)][..], &options].concat());
    same(&expected, &found(&image), "mksquashfs");
}
