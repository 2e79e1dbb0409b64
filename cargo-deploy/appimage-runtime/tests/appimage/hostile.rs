//! What is wrong with an AppImage is said; nothing in one makes the runtime crash.

use crate::bench::{HERE, Room, complaint, runtime};
use std::fs;
use std::path::Path;

fn fails(room: &Room, appimage: &Path, arguments: &[&str], status: i32, expected: &str) {
    let output = room.command(appimage).args(arguments).env("APPIMAGE_EXTRACT_AND_RUN", "1").output();
    let output = output.expect("start");
    assert_eq!(output.status.code(), Some(status), "{output:?}");
    let expected = expected.replace("{}", appimage.to_str().expect("UTF-8"));
    assert_eq!(complaint(&output), format!("AppImage: {expected}"));
    room.wait_until_clean();
}

#[test]
fn an_unsound_appimage_is_refused_with_the_reason() {
    let room = Room::new("unsound");
    room.write("AppRun", b"#!/bin/sh\n", 0o755);
    room.write("data", &vec![7; 400_000], 0o644);
    let Some(whole) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let bytes = fs::read(&whole).expect("read");
    let image = fs::read(room.path.join("image")).expect("read");
    let begin = bytes.len() - image.len();

    let bare = room.put("bare", &bytes[..begin]);
    fails(&room, &bare, &[], 127, "{} is no sound AppImage: no squashfs file system follows the program");
    let garbage = room.put("garbage", &[&bytes[..begin], &[b'x'; 5000][..]].concat());
    fails(
        &room,
        &garbage,
        &["--appimage-extract"],
        1,
        "{} is no sound AppImage: no squashfs file system follows the program",
    );
    let used = u64::from_le_bytes(image[40..48].try_into().expect("eight bytes"));
    let cut = room.put("cut", &bytes[..begin + 200]);
    let expected = format!(
        "{{}} is no sound AppImage: its file system has 200 of {used} bytes: the file was not copied or downloaded whole"
    );
    fails(&room, &cut, &[], 127, &expected);
    let mut other = bytes.clone();
    other[begin + 20] = 4;
    let other = room.put("xz", &other);
    fails(
        &room,
        &other,
        &[],
        127,
        "{} is no sound AppImage: its file system is compressed with xz, and only gzip and zstd can be read",
    );
    let mut old = bytes.clone();
    old[begin + 28] = 3;
    let old = room.put("old", &old);
    fails(
        &room,
        &old,
        &["--appimage-mount"],
        1,
        "{} is no sound AppImage: its file system is squashfs 3.0, and only 4.0 can be read",
    );
    let mut broken = bytes.clone();
    for byte in &mut broken[begin + 96..begin + 110] {
        *byte = !*byte;
    }
    let broken = room.put("broken", &broken);
    let output = room.command(&broken).arg("--appimage-extract").output().expect("start");
    assert_eq!(output.status.code(), Some(1));
    assert!(
        complaint(&output)
            .contains("is no sound AppImage: its file system is damaged: a block does not unpack (at "),
        "{output:?}"
    );

    fails(
        &room,
        &whole,
        &["--appimage-nonsense"],
        1,
        "--appimage-nonsense is no option of an AppImage; see --appimage-help",
    );
    fails(
        &room,
        &whole,
        &["--appimage-offset", "x"],
        1,
        "--appimage-offset has too many arguments; see --appimage-help",
    );
}

#[test]
fn arguments_cannot_ask_for_what_only_the_runtime_asks_itself() {
    let room = Room::new("internal");
    room.write("AppRun", b"#!/bin/sh\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let victim = room.path.join("AppDir");
    let arguments = ["--appimage-runtime-internal", "1", victim.to_str().expect("UTF-8")];
    let expected = "--appimage-runtime-internal is no option of an AppImage; see --appimage-help";
    fails(&room, &appimage, &arguments, 1, expected);
    assert!(victim.join("AppRun").exists());
}

#[test]
fn an_appimage_without_a_program_is_refused() {
    let room = Room::new("no-apprun");
    room.write("other", b"x", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    fails(&room, &appimage, &[], 127, "{} has no file AppRun to run");
    room.write("AppRun", b"#!/bin/sh\n", 0o644);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let output = room.command(&appimage).env("APPIMAGE_EXTRACT_AND_RUN", "1").output().expect("start");
    assert_eq!(output.status.code(), Some(127));
    assert!(complaint(&output).ends_with("/AppRun: Permission denied (os error 13)"), "{output:?}");
    room.wait_until_clean();
}

/// Unpacks many images with a few wrong bytes each.
fn mutates(options: &[&str], rounds: u64, test: &str) {
    let room = Room::new(test);
    room.write("AppRun", b"#!/bin/sh\n", 0o755);
    for number in 0..40 {
        room.write(&format!("usr/share/file-{number}"), format!("{number}\n").repeat(300).as_bytes(), 0o644);
    }
    std::os::unix::fs::symlink("usr/share", room.path.join("AppDir/link")).expect("link");
    room.write("usr/large", &b"0123456789abcdef".repeat(30_000), 0o644);
    let Some(appimage) = room.pack(HERE, options) else { return };
    let Some(runtime) = runtime(HERE) else { return };
    let bytes = fs::read(&appimage).expect("read");
    let begin = bytes.len() - fs::metadata(room.path.join("image")).expect("look").len() as usize;
    let mut refused = 0;
    for round in 0..rounds {
        let mut number = round.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut next = || {
            number ^= number << 13;
            number ^= number >> 7;
            number ^= number << 17;
            number
        };
        let mut wrong = bytes.clone();
        for _ in 0..=next() % 4 {
            // The tables are at the end, the superblock at the beginning.
            let length = (bytes.len() - begin) as u64;
            let at = match next() % 4 {
                0 => next() % 96,
                1 => next() % length,
                _ => length - 1 - next() % length.min(4000),
            };
            wrong[begin + at as usize] = match next() % 3 {
                0 => 0xff,
                1 => 0,
                _ => (next() >> 32) as u8,
            };
        }
        let path = room.put("wrong", &wrong);
        let output = room
            .command(&runtime)
            .arg("--appimage-extract")
            .env("TARGET_APPIMAGE", &path)
            .output()
            .expect("start");
        match output.status.code() {
            Some(0) => {}
            Some(1) => {
                refused += 1;
                assert!(complaint(&output).starts_with("AppImage: "), "{output:?}");
            }
            _ => panic!("round {round}: {output:?}"),
        }
        if let Ok(unpacked) = fs::read_dir(room.path.join("squashfs-root")) {
            drop(unpacked);
            std::process::Command::new("chmod")
                .args(["-R", "u+rwX"])
                .arg(room.path.join("squashfs-root"))
                .status()
                .expect("start chmod");
            fs::remove_dir_all(room.path.join("squashfs-root")).expect("remove");
        }
    }
    assert!(refused > rounds / 10, "only {refused} of {rounds} were refused");
}

#[test]
fn wrong_bytes_give_an_error_and_no_crash() {
    mutates(&["-comp", "zstd", "-noI", "-noF", "-noD"], 300, "wrong-stored");
    mutates(&["-comp", "zstd"], 200, "wrong-zstd");
    mutates(&["-comp", "gzip"], 200, "wrong-gzip");
}
