//! The application runs as if there were no runtime, and nothing is left when it has ended.

use crate::bench::{HERE, Room, can_mount, complaint, given, have, is_root, lines, tree};
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};

/// How an AppImage can be started, where it can here.
fn ways() -> Vec<&'static str> {
    let mut ways = vec!["unpacked"];
    ways.extend(can_mount().then_some("mounted"));
    ways
}

fn start(room: &Room, appimage: &Path, way: &str) -> Command {
    let mut command = room.command(appimage);
    if way == "unpacked" {
        command.env("APPIMAGE_EXTRACT_AND_RUN", "1");
    }
    command
}

/// Whether something is mounted below a directory.
fn mounted(directory: &Path) -> bool {
    let mounts = fs::read_to_string("/proc/self/mounts").expect("read");
    mounts.lines().any(|line| line.contains(directory.to_str().expect("UTF-8")))
}

/// Waits for the first line that a process prints.
fn first_line(child: &mut Child) -> String {
    let mut line = String::new();
    let out = child.stdout.as_mut().expect("a pipe");
    // No more than the line is taken.
    BufReader::with_capacity(1, out).read_line(&mut line).expect("read");
    line.trim_end().to_owned()
}

#[test]
fn arguments_status_and_environment_are_the_applications_own() {
    let room = Room::new("environment");
    room.write("AppRun", b"#!/bin/sh\nprintf '<%s>\\n' \"$@\"\nenv\nexit 7\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let arguments = ["one", "", "two words", "--appimage-offset", "ü*"];
    let plain = |mut command: Command| {
        command.args(arguments).env("LD_LIBRARY_PATH", "/a::/b").env("PATH", "/usr/bin:/bin");
        let output = command.output().expect("start");
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        let mut lines = lines(&output);
        lines.sort();
        lines
    };
    let mut expected = plain(room.command(room.path.join("AppDir/AppRun")));
    assert!(expected.contains(&"LD_LIBRARY_PATH=/a::/b".to_owned()));
    assert!(expected.contains(&"<two words>".to_owned()));
    let here = room.path.display();
    expected.push(format!("APPIMAGE={here}/it.AppImage"));
    expected.push("ARGV0=./link".to_owned());
    expected.push(format!("OWD={here}"));
    // Called by another name, and by a path that is not absolute.
    symlink(&appimage, room.path.join("link")).expect("link");
    expected.sort();
    for way in ways() {
        let mut found = plain(start(&room, Path::new("./link"), way));
        let directory = found.iter().find(|line| line.starts_with("APPDIR=")).expect("APPDIR").clone();
        let begin = if way == "mounted" { ".mount_" } else { "appimage_" };
        assert!(directory.starts_with(&format!("APPDIR={here}/tmp/{begin}itAppI")), "{directory}");
        found.retain(|line| *line != directory && line != "APPIMAGE_EXTRACT_AND_RUN=1");
        assert_eq!(found, expected, "{way}");
        room.wait_until_clean();
    }
}

#[test]
fn a_mounted_tree_is_the_tree_that_was_packed() {
    let room = Room::new("tree");
    room.write("AppRun", b"#!/bin/sh\n", 0o755);
    let text: Vec<u8> = (0..200_000_u32).flat_map(|line| format!("{line}\n").into_bytes()).collect();
    room.write("usr/share/large", &text, 0o640);
    room.write("usr/share/exactly", &text[..262_144], 0o600);
    room.write("empty", b"", 0o644);
    for number in 0..2000 {
        room.write(&format!("usr/share/many/a-name-that-takes-some-room-{number}"), b"x\n", 0o644);
    }
    symlink("usr/share", room.path.join("AppDir/link")).expect("link");
    for options in [&["-comp", "zstd"][..], &["-comp", "zstd", "-b", "1M"], &["-comp", "gzip", "-b", "64K"]] {
        let Some(appimage) = room.pack(HERE, options) else { return };
        if !can_mount() {
            return;
        }
        let mut child =
            room.command(&appimage).arg("--appimage-mount").stdout(Stdio::piped()).spawn().expect("start");
        let point = first_line(&mut child);
        assert_eq!(tree(Path::new(&point)), tree(&room.path.join("AppDir")));
        let many = Path::new(&point).join("usr/share/many");
        assert!(many.join("a-name-that-takes-some-room-1234").exists());
        assert!(!many.join("a-name-that-takes-some-room-2000").exists());
        assert!(!many.join("zzz").exists() && !many.join("0").exists());
        let refused = fs::write(many.join("new"), "x").expect_err("it is for reading only");
        assert_eq!(refused.kind(), std::io::ErrorKind::ReadOnlyFilesystem);
        let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(signalled.expect("start kill").success());
        assert_eq!(child.wait().expect("wait").signal(), Some(15));
        room.wait_until_clean();
        assert!(!mounted(&room.path));
    }
}

#[test]
fn signals_reach_the_application() {
    let room = Room::new("signal");
    let script = "#!/bin/sh\nsleep 1000 &\ntrap \"kill $!; exit 42\" TERM\necho ready\nwait\n";
    room.write("AppRun", script.as_bytes(), 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    for way in ways() {
        let mut child = start(&room, &appimage, way).stdout(Stdio::piped()).spawn().expect("start");
        assert_eq!(first_line(&mut child), "ready");
        let signalled = Command::new("kill").args(["-TERM", &child.id().to_string()]).status();
        assert!(signalled.expect("start kill").success());
        assert_eq!(child.wait().expect("wait").code(), Some(42), "{way}");
        room.wait_until_clean();
        assert!(!mounted(&room.path));
    }
}

#[test]
fn nothing_is_left_of_an_application_that_was_killed() {
    let room = Room::new("kill");
    room.write("AppRun", b"#!/bin/sh\necho ready\nexec sleep 1000\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    for way in ways() {
        let mut child = start(&room, &appimage, way).stdout(Stdio::piped()).spawn().expect("start");
        assert_eq!(first_line(&mut child), "ready");
        assert_eq!(room.left().len(), 1);
        assert_eq!(mounted(&room.path), way == "mounted");
        child.kill().expect("kill");
        assert_eq!(child.wait().expect("wait").signal(), Some(9));
        room.wait_until_clean();
        assert!(!mounted(&room.path));
    }
}

#[test]
fn the_files_stay_for_what_the_application_leaves_running() {
    let room = Room::new("background");
    room.write("AppRun", b"#!/bin/sh\n\"$APPDIR/late\" >/dev/null 2>&1 &\n", 0o755);
    let script =
        "#!/bin/sh\ncd /\nread go <\"$OWD/fifo\"\ncat \"$APPDIR/data\" >\"$OWD/out\"\necho >\"$OWD/fifo\"\n";
    room.write("late", script.as_bytes(), 0o755);
    room.write("data", b"still here\n", 0o644);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    assert!(Command::new("mkfifo").arg(room.path.join("fifo")).status().expect("start mkfifo").success());
    for way in ways() {
        assert!(start(&room, &appimage, way).status().expect("start").success());
        fs::write(room.path.join("fifo"), "go\n").expect("write");
        assert_eq!(fs::read_to_string(room.path.join("fifo")).expect("read"), "\n");
        assert_eq!(fs::read_to_string(room.path.join("out")).expect("read"), "still here\n", "{way}");
        fs::remove_file(room.path.join("out")).expect("remove");
        room.wait_until_clean();
        assert!(!mounted(&room.path));
    }
}

#[test]
fn without_fuse_the_application_runs_unpacked() {
    let room = Room::new("fallback");
    room.write("AppRun", b"#!/bin/sh\necho \"$APPDIR\"\nstat -c %a \"$APPDIR\"\nexit 3\n", 0o755);
    room.write("usr/bin/privileged", b"#!/bin/sh\n", 0o4755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let nobody = || {
        // Who is not root may not mount, and finds no program that may.
        if is_root() {
            let mut command = room.command("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups", "env", "PATH=/nowhere"]);
            command.arg(&appimage);
            command
        } else {
            let mut command = room.command(&appimage);
            command.env("PATH", "/nowhere");
            command
        }
    };
    if is_root() && !have(&["setpriv"]) {
        return;
    }
    // The script's own programs.
    room.write("AppRun", b"#!/bin/sh\nPATH=/usr/bin:/bin\necho \"$APPDIR\"\nstat -c %a \"$APPDIR\" \"$APPDIR/usr/bin/privileged\"\nexit 3\n", 0o755);
    assert!(room.pack(HERE, &["-comp", "zstd"]).is_some());
    let output = nobody().output().expect("start");
    assert_eq!(output.status.code(), Some(3), "{output:?}");
    let said = lines(&output);
    assert!(said[0].starts_with(&format!("{}/tmp/appimage_itAppI", room.path.display())), "{said:?}");
    // Nobody else may look in, and nobody's rights come along.
    assert_eq!(said[1..], ["755", "755"], "{said:?}");
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
    room.wait_until_clean();

    let output = nobody().arg("--appimage-mount").output().expect("start");
    assert_eq!(output.status.code(), Some(1));
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.starts_with("AppImage: failed to mount the AppImage: "), "{text}");
    assert!(text.contains("fusermount3: ") && text.contains("--appimage-extract unpacks it"), "{text}");
    assert_eq!(room.left(), Vec::<String>::new());

    // Nor can it be unpacked: both reasons are said.
    let output = nobody().env("TMPDIR", "/nowhere/at/all").output().expect("start");
    assert_eq!(output.status.code(), Some(127));
    assert!(complaint(&output).contains("/nowhere/at/all"), "{output:?}");
}

#[test]
fn a_user_mounts_by_fusermount() {
    if !can_mount() || !have(&["fusermount3", "setpriv", "unshare", "mknod"]) {
        return;
    }
    let room = Room::new("fusermount");
    room.write(
        "AppRun",
        b"#!/bin/sh\necho \"$APPDIR\"\ngrep appimage /proc/self/mounts | cut -d' ' -f3\nexit 5\n",
        0o755,
    );
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    // The device may be root's alone here: in a name space of its own it is everybody's, as on a desktop.
    let script = "mknod \"$1\" c 10 229 && chmod 666 \"$1\" && mount --bind \"$1\" /dev/fuse || exit 99\n\
        setpriv --reuid=65534 --regid=65534 --clear-groups \"$2\"; status=$?\n\
        while [ -n \"$(ls -A \"$TMPDIR\")\" ]; do sleep 0.01; done\nexit $status\n";
    let output = room
        .command("unshare")
        .args(["--mount", "sh", "-c", script, "sh"])
        .arg(room.path.join("fuse"))
        .arg(&appimage)
        .output()
        .expect("start");
    if !given(output.status.code() != Some(99), "the right to bind /dev/fuse") {
        return;
    }
    assert_eq!(output.status.code(), Some(5), "{output:?}");
    let said = lines(&output);
    assert!(said[0].contains("/tmp/.mount_itAppI"), "{output:?}");
    assert_eq!(said[1..], ["fuse.appimage"]);
}

#[test]
fn what_was_unpacked_to_run_stays_on_request() {
    let room = Room::new("no-cleanup");
    room.write("AppRun", b"#!/bin/sh\necho \"$1\"\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let output = room
        .command(&appimage)
        .args(["--appimage-extract-and-run", "argument"])
        .env("NO_CLEANUP", "1")
        .output()
        .expect("start");
    assert_eq!(lines(&output), ["argument"]);
    let left = room.left();
    assert_eq!(left.len(), 1);
    let kept = room.path.join("tmp").join(&left[0]);
    assert!(kept.join("AppRun").is_file());
    // Once more beside it: no directory is taken that exists already.
    assert!(start(&room, &appimage, "unpacked").env("NO_CLEANUP", "1").status().expect("start").success());
    assert_eq!(room.left().len(), 2);
}

#[test]
fn portable_directories_beside_the_appimage_are_used() {
    let room = Room::new("portable");
    room.write("AppRun", b"#!/bin/sh\necho \"$HOME\"\necho \"$XDG_CONFIG_HOME\"\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let here = room.path.display();
    let run = || {
        let mut command = start(&room, &appimage, "unpacked");
        lines(&command.env("HOME", "/own").env_remove("XDG_CONFIG_HOME").output().expect("start"))
    };
    assert_eq!(run(), ["/own", ""]);
    for option in ["home", "config"] {
        let output = room.command(&appimage).arg(format!("--appimage-portable-{option}")).output();
        let directory = format!("{here}/it.AppImage.{option}");
        assert_eq!(lines(&output.expect("start")).join("\n"), directory);
        assert_eq!(fs::metadata(directory).expect("look").permissions().mode() & 0o777, 0o700);
    }
    assert_eq!(run(), [format!("{here}/it.AppImage.home"), format!("{here}/it.AppImage.config")]);
}

#[test]
fn the_runtime_works_on_another_appimage() {
    let room = Room::new("target");
    room.write("AppRun", b"#!/bin/sh\necho \"$APPIMAGE $ARGV0 ${TARGET_APPIMAGE-none}\"\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    let Some(runtime) = crate::bench::runtime(HERE) else { return };
    let output = start(&room, &runtime, "unpacked").env("TARGET_APPIMAGE", "it.AppImage").output();
    let expected = format!("{} it.AppImage none", appimage.display());
    assert_eq!(lines(&output.expect("start")), [expected]);
}

#[test]
fn sections_that_were_filled_are_shown() {
    let room = Room::new("sections");
    room.write("AppRun", b"#!/bin/sh\n", 0o755);
    let Some(appimage) = room.pack(HERE, &["-comp", "zstd"]) else { return };
    if !have(&["readelf"]) {
        return;
    }
    let output = Command::new("readelf").arg("-SW").arg(&appimage).output().expect("start readelf");
    let mut bytes = fs::read(&appimage).expect("read");
    let information = "gh-releases-zsync|somebody|something|latest|it-*x86_64.AppImage.zsync";
    for (section, text) in [(".upd_info", information), (".sha256_sig", "\nsigned\n")] {
        let line = lines(&output).into_iter().find(|line| line.contains(section)).expect("a section");
        let offset =
            line.split_whitespace().skip_while(|word| *word != "PROGBITS").nth(2).expect("an offset");
        let offset = usize::from_str_radix(offset, 16).expect("a number");
        bytes[offset..offset + text.len()].copy_from_slice(text.as_bytes());
    }
    let appimage = room.put("filled.AppImage", &bytes);
    let shown = |option: &str| {
        let output = room.command(&appimage).arg(option).output().expect("start");
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).expect("UTF-8")
    };
    assert_eq!(shown("--appimage-updateinformation"), format!("{information}\n"));
    assert_eq!(shown("--appimage-updateinfo"), format!("{information}\n"));
    assert_eq!(shown("--appimage-signature"), "\nsigned\n\n");
    assert_eq!(shown("--appimage-version"), format!("AppImage runtime {}\n", env!("CARGO_PKG_VERSION")));
    assert!(shown("--appimage-help").contains("\n  --appimage-extract [PATTERN] "));
}
