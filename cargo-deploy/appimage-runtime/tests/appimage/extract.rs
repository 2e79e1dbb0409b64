//! `--appimage-extract` gives what was packed.

use crate::bench::{ARM64, HERE, Room, complaint, have, lines, tree};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;

/// A tree with everything that matters: blocks, ends, holes, many names, links, modes.
fn plant(room: &Room) {
    room.write("AppRun", b"#!/bin/sh\nexit 0\n", 0o755);
    room.write("empty", b"", 0o644);
    room.write("secret", b"only mine\n", 0o600);
    room.write("usr/bin/shared", b"twice\n", 0o4755);
    fs::hard_link(room.path.join("AppDir/usr/bin/shared"), room.path.join("AppDir/usr/bin/again"))
        .expect("link");
    // Over four blocks of 128 KiB that compress, that do not, and an end that is shared with other files.
    let mut number = 1_u64;
    let noise: Vec<u8> = std::iter::repeat_with(|| {
        number = number.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (number >> 56) as u8
    })
    .take(700_001)
    .collect();
    let text: Vec<u8> = (0..120_000_u32).flat_map(|line| format!("{line}\n").into_bytes()).collect();
    let mut hole = vec![0; 400_000];
    hole.extend_from_slice(b"after a hole");
    room.write("usr/share/noise", &noise, 0o644);
    room.write("usr/share/text", &text, 0o444);
    room.write("usr/share/hole", &hole, 0o644);
    room.write("usr/share/exactly", &text[..4 * 131_072], 0o644);
    for number in 0..2000 {
        let path = format!("usr/share/many/a-name-that-takes-some-room-{number}");
        room.write(&path, format!("file {number}\n").repeat(number % 7).as_bytes(), 0o644);
    }
    room.write("name with spaces/ü\"'\\*", b"odd\n", 0o640);
    symlink("usr/bin/shared", room.path.join("AppDir/link")).expect("link");
    symlink("/nowhere/at/all", room.path.join("AppDir/usr/share/dangling")).expect("link");
    fs::create_dir(room.path.join("AppDir/closed")).expect("make a directory");
    fs::set_permissions(room.path.join("AppDir/closed"), fs::Permissions::from_mode(0o500))
        .expect("set a mode");
}

fn extracts(triple: &str, options: &[&str], through: Option<&str>, test: &str) {
    let room = Room::new(test);
    plant(&room);
    let Some(appimage) = room.pack(triple, options) else { return };
    let mut command = match through {
        Some(program) => {
            let mut command = room.command(program);
            command.arg(&appimage);
            command
        }
        None => room.command(&appimage),
    };
    let output = command.arg("--appimage-extract").output().expect("start");
    assert!(output.status.success(), "{output:?}");
    let source = tree(&room.path.join("AppDir"));
    let unpacked = tree(&room.path.join("squashfs-root"));
    assert!(source.len() > 2010);
    assert_eq!(unpacked, source);
    let said = lines(&output);
    assert_eq!(said.len(), source.len());
    assert!(said.contains(&"squashfs-root/usr/share/many/a-name-that-takes-some-room-1999".to_owned()));
    // Once more over what is there.
    let output = room.command(&appimage).arg("--appimage-extract").output();
    if through.is_none() {
        assert!(output.expect("start").status.success());
        assert_eq!(tree(&room.path.join("squashfs-root")), source);
    }
}

#[test]
fn a_zstd_image_unpacks_to_the_tree_it_was_made_of() {
    extracts(HERE, &["-comp", "zstd"], None, "zstd");
}

#[test]
fn a_gzip_image_unpacks_to_the_tree_it_was_made_of() {
    extracts(HERE, &["-comp", "gzip"], None, "gzip");
}

#[test]
fn blocks_of_other_sizes_and_files_without_shared_ends_unpack() {
    extracts(HERE, &["-comp", "zstd", "-b", "1M"], None, "large-blocks");
    extracts(HERE, &["-comp", "zstd", "-b", "4K", "-no-fragments"], None, "small-blocks");
    extracts(HERE, &["-comp", "zstd", "-noI", "-noD", "-noF"], None, "stored");
}

#[test]
fn the_arm64_runtime_unpacks_in_qemu() {
    if !have(&["qemu-aarch64-static"]) {
        return;
    }
    extracts(ARM64, &["-comp", "zstd"], Some("qemu-aarch64-static"), "arm64");
}

#[test]
fn the_offset_is_where_the_image_begins() {
    for (triple, through) in [(HERE, None), (ARM64, Some("qemu-aarch64-static"))] {
        if through.is_some_and(|program| !have(&[program])) {
            continue;
        }
        let room = Room::new(&format!("offset-{triple}"));
        room.write("AppRun", b"#!/bin/sh\n", 0o755);
        let Some(appimage) = room.pack(triple, &["-comp", "zstd"]) else { continue };
        let mut command = Command::new(through.unwrap_or_else(|| appimage.to_str().expect("UTF-8")));
        command.args(through.map(|_| &appimage)).arg("--appimage-offset");
        let output = command.output().expect("start");
        let whole = fs::metadata(&appimage).expect("look").len();
        let image = fs::metadata(room.path.join("image")).expect("look").len();
        assert_eq!(lines(&output), [(whole - image).to_string()]);
        if have(&["unsquashfs"]) {
            let output = Command::new("unsquashfs")
                .args(["-o", &(whole - image).to_string(), "-ls"])
                .arg(&appimage)
                .output()
                .expect("start unsquashfs");
            assert!(lines(&output).contains(&"squashfs-root/AppRun".to_owned()), "{output:?}");
        }
    }
}

#[test]
fn a_pattern_chooses_what_is_unpacked() {
    let room = Room::new("pattern");
    for path in ["AppRun", "usr/bin/one", "usr/bin/two", "usr/lib/one.so", "usr/lib/deep/two.so", "other/x"] {
        room.write(path, path.as_bytes(), 0o755);
    }
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let table: &[(&str, &[&str])] = &[
        ("usr/bin/one", &["usr", "usr/bin", "usr/bin/one"]),
        ("usr/*/one*", &["usr", "usr/bin", "usr/bin/one", "usr/lib", "usr/lib/one.so"]),
        ("usr/lib", &["usr", "usr/lib", "usr/lib/deep", "usr/lib/deep/two.so", "usr/lib/one.so"]),
        ("squashfs-root/usr/bin/t[v-x]?", &["usr", "usr/bin", "usr/bin/two"]),
        (
            "*",
            &[
                "AppRun",
                "other",
                "other/x",
                "usr",
                "usr/bin",
                "usr/bin/one",
                "usr/bin/two",
                "usr/lib",
                "usr/lib/deep",
                "usr/lib/deep/two.so",
                "usr/lib/one.so",
            ],
        ),
    ];
    for (pattern, expected) in table {
        let output = room.command(&appimage).args(["--appimage-extract", pattern]).output().expect("start");
        assert!(output.status.success(), "{output:?}");
        let unpacked = tree(&room.path.join("squashfs-root"));
        let names: Vec<&str> = unpacked.iter().map(|line| line.split(' ').next().expect("a name")).collect();
        assert_eq!(names, *expected, "{pattern}");
        fs::remove_dir_all(room.path.join("squashfs-root")).expect("remove");
    }
    let output = room.command(&appimage).args(["--appimage-extract", "usr/share/*"]).output().expect("start");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(complaint(&output), "AppImage: nothing in the AppImage matches usr/share/*");
}

#[test]
fn links_that_stand_in_the_way_are_not_followed() {
    let room = Room::new("planted");
    room.write("AppRun", b"new\n", 0o755);
    room.write("usr/x", b"new\n", 0o644);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    fs::create_dir_all(room.path.join("squashfs-root")).expect("make a directory");
    fs::create_dir_all(room.path.join("elsewhere")).expect("make a directory");
    fs::write(room.path.join("victim"), "old\n").expect("write");
    symlink(room.path.join("victim"), room.path.join("squashfs-root/AppRun")).expect("link");
    symlink(room.path.join("elsewhere"), room.path.join("squashfs-root/usr")).expect("link");
    let output = room.command(&appimage).arg("--appimage-extract").output().expect("start");
    assert_eq!(output.status.code(), Some(1));
    assert!(complaint(&output).starts_with("AppImage: failed to write squashfs-root/usr: "), "{output:?}");
    assert_eq!(fs::read_to_string(room.path.join("victim")).expect("read"), "old\n");
    assert_eq!(fs::read_to_string(room.path.join("squashfs-root/AppRun")).expect("read"), "new\n");
    assert!(!Path::new(&room.path.join("elsewhere/x")).exists());
}
