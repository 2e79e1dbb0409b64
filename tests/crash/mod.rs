//! What is left when a run is killed, the cache is damaged or the disk is full.

use crate::support::clients;
use crate::support::project::{Project, tree};
use crate::support::snapshot::check;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

const ARGUMENTS: &[&str] = &["bundle", "--format", "tar.gz,tar.xz,tar.zst,zip", "--jobs", "2"];

/// A project with a few megabytes to pack.
fn project() -> Project {
    let project = Project::new();
    let mut state = 1_u32;
    let mut noise = || {
        let mut bytes = Vec::with_capacity(1 << 20);
        while bytes.len() < 1 << 20 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            bytes.extend((state >> 16 & 0x0fff).to_le_bytes());
        }
        bytes
    };
    for number in 0..2 {
        project.write(&format!("data/{number}.bin"), noise());
    }
    project.write("Deploy.toml", "schema = 1\n\n[bundle]\ninclude = [\"data/**\"]\n");
    project
}

/// Everything of a project that is not in its target directory.
fn outside(project: &Project) -> BTreeMap<String, String> {
    let mut tree = tree(&project.root());
    tree.retain(|name, _| name != "target" && !name.starts_with("target/"));
    tree
}

/// What lies beside the release.
fn beside(project: &Project) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(project.path("target/deploy"))
        .expect("list")
        .map(|entry| entry.expect("list").file_name().into_string().expect("UTF-8"))
        .collect();
    names.sort();
    names
}

/// Starts the program and kills it after some time. Whether it was still running.
fn killed_after(project: &Project, time: Duration) -> bool {
    let mut child = project
        .command(ARGUMENTS)
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("it can be started");
    // Nobody sends: this is a wait that needs no clock of its own.
    let (_keep, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(time);
    let running = child.try_wait().expect("it can be asked").is_none();
    // SIGKILL, and nothing else: there is no way to clean up.
    let _ = child.kill();
    child.wait().expect("it has ended");
    running
}

#[test]
fn a_killed_run_is_finished_by_the_next_one_with_the_same_bytes() {
    let undisturbed = project();
    let begun = Instant::now();
    undisturbed.run(ARGUMENTS).good();
    let duration = begun.elapsed();
    let expected = tree(&undisturbed.release());

    let project = project();
    let before = outside(&project);
    let mut seed = 0x5eed_u64;
    let (mut cut, mut left) = (0, 0);
    for round in 0..12_u32 {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        // One moment in each twelfth of an undisturbed run.
        let within = u32::try_from(seed >> 32 & 0xff).expect("a byte");
        let moment = duration * (round * 256 + within) / (12 * 256);
        // Every other round begins with nothing, the others with what the round before left.
        if round % 2 == 0 {
            let _ = std::fs::remove_dir_all(project.path("target"));
        } else {
            let _ = std::fs::remove_dir_all(project.path("target/deploy/.cache"));
            left += 1;
        }
        let published = tree(&project.release());
        cut += u32::from(killed_after(&project, moment));
        let now = tree(&project.release());
        assert!(now == published || now == expected, "round {round}: a release is half there: {now:?}");
        assert!(before == outside(&project), "round {round}: a file of the project changed");

        project.run(ARGUMENTS).good();
        assert_eq!(
            expected,
            tree(&project.release()),
            "round {round}: other bytes after a kill at {moment:?}"
        );
        assert_eq!(beside(&project), [".cache", ".work", "CACHEDIR.TAG", "hello-1.0.0"], "round {round}");
        let work: Vec<String> = tree(&project.path("target/deploy/.work")).into_keys().collect();
        let stale = work.iter().any(|name| name.starts_with("scratch") || name.starts_with("stage"));
        assert!(!stale, "round {round}: {work:?}");
        assert!(before == outside(&project), "round {round}: a file of the project changed");
    }
    assert!(cut >= 6, "only {cut} of 12 runs were cut off: the moments do not fit");
    assert_eq!(left, 6);
}

#[test]
fn a_run_after_a_kill_says_that_it_goes_on() {
    let project = project();
    project.run(ARGUMENTS).good();
    // What a killed run leaves: a journal without an end, and scratch.
    let (begun, journal) = (Instant::now(), project.path("target/deploy/.work/journal.jsonl"));
    std::fs::remove_dir_all(project.path("target/deploy/.cache")).expect("remove");
    let mut child =
        project.command(ARGUMENTS).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts");
    while !journal.exists() {
        assert!(begun.elapsed() < Duration::from_secs(60), "it writes no journal");
        std::thread::yield_now();
    }
    child.kill().expect("it can be killed");
    child.wait().expect("it has ended");
    let ran = project.run(ARGUMENTS).good();
    assert!(ran.stderr.contains("    Resuming an earlier run that was cut off\n"), "{}", ran.stderr);
}

/// The files of a part of the cache.
fn entries(project: &Project, part: &str) -> Vec<PathBuf> {
    let root = project.path("target/deploy/.cache").join(part);
    let mut found: Vec<PathBuf> = tree(&root)
        .into_iter()
        .filter(|(_, what)| what.starts_with("file"))
        .map(|(name, _)| root.join(name))
        .collect();
    found.sort();
    assert!(!found.is_empty(), "the cache has no {part}");
    found
}

fn flip(path: &Path) {
    let mut bytes = std::fs::read(path).expect("read");
    let middle = bytes.len() / 2;
    bytes[middle] ^= 0x10;
    std::fs::write(path, bytes).expect("write");
}

fn truncate(path: &Path) {
    let bytes = std::fs::read(path).expect("read");
    std::fs::write(path, &bytes[..bytes.len() / 2]).expect("write");
}

fn delete(path: &Path) {
    std::fs::remove_file(path).expect("remove");
}

/// Damages every entry of a part of the cache, one after the other.
fn damaged(part: &str, damage: fn(&Path), warned: bool) {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let expected = tree(&project.release());
    let count = entries(&project, part).len();
    for number in 0..count {
        let path = entries(&project, part).swap_remove(number);
        damage(&path);
        let ran = project.run(&["bundle"]).good();
        assert_eq!(
            ran.stderr.contains("warning: the cache entry of "),
            warned,
            "{part} {number}: {}",
            ran.stderr
        );
        assert_eq!(expected, tree(&project.release()), "{part} {number}");
        assert_eq!(count, entries(&project, part).len(), "{part} {number}: the entry was not made again");
    }
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
}

#[test]
fn a_flipped_byte_in_a_cached_object_is_found_and_mended() {
    damaged("objects", flip, true);
}

#[test]
fn a_truncated_cached_object_is_found_and_mended() {
    damaged("objects", truncate, true);
}

#[test]
fn a_deleted_cached_object_is_found_and_mended() {
    damaged("objects", delete, true);
}

#[test]
fn a_flipped_byte_in_a_receipt_is_found_and_mended() {
    damaged("actions", flip, true);
}

#[test]
fn a_truncated_receipt_is_found_and_mended() {
    damaged("actions", truncate, true);
}

#[test]
fn a_deleted_receipt_is_as_if_it_had_never_been() {
    damaged("actions", delete, false);
}

#[test]
fn a_damaged_release_is_put_right_by_the_next_run() {
    let project = Project::new();
    project.run(&["bundle"]).good();
    let expected = tree(&project.release());
    flip(&project.release().join("release.json"));
    std::fs::write(project.release().join("extra"), "extra").expect("write");
    project.run(&["bundle"]).good();
    assert_eq!(expected, tree(&project.release()));
}

#[test]
fn a_full_disk_is_named_and_the_release_before_it_stays() {
    let Some(unshare) = clients::find("unshare") else { return };
    let project = project();
    let mount = project.path("target");
    std::fs::create_dir_all(&mount).expect("create");
    // In a mount namespace of its own: a small disk, a good release on it, then one file of ballast that leaves so
    // much room, then a run that has to make everything again.
    let script = r#"set -e
        mount -t tmpfs -o size=96m tmpfs target
        "$0" deploy bundle --quiet >/dev/null
        (cd target/deploy/hello-1.0.0 && cat *) > "$OUT/before"
        rm -rf target/deploy/.cache
        echo changed >> README.md
        free=$(df --output=avail -k target | tail -1)
        head -c $(( (free - ROOM) * 1024 )) /dev/zero > target/ballast
        set +e
        "$0" deploy bundle >/dev/null 2> "$OUT/said"
        echo $? > "$OUT/code"
        (cd target/deploy/hello-1.0.0 && cat *) > "$OUT/after"
        "#;
    for room in ["0", "100", "400", "800"] {
        project.write("README.md", "# hello\n");
        let out = project.scratch().join(format!("room-{room}"));
        std::fs::create_dir_all(&out).expect("create");
        let environment = project.command(&[]);
        let mut command = Command::new(&unshare);
        command
            .args(["-m", "sh", "-c", script, crate::support::project::PROGRAM])
            .current_dir(project.root());
        command.env_clear().envs(environment.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let path = format!("{}:/usr/bin:/bin:/usr/sbin:/sbin", project.variable("PATH"));
        let output =
            command.env("PATH", path).env("OUT", &out).env("ROOM", room).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        if said.contains("unshare failed")
            || said.contains("permission denied")
            || said.contains("must be superuser")
        {
            clients::skip("the right to mount a small disk");
            return;
        }
        assert!(output.status.success(), "room {room}: {said}");
        let read = |name: &str| {
            std::fs::read(out.join(name)).unwrap_or_else(|error| panic!("{name}: {error}: {said}"))
        };
        let error = project.normalised(&String::from_utf8_lossy(&read("said")));
        assert_eq!(String::from_utf8_lossy(&read("code")).trim(), "1", "room {room}: {error}");
        assert!(error.contains("No space left on device"), "room {room}: {error}");
        assert!(error.contains("[SCRATCH]/project/target/"), "room {room}: no path is named: {error}");
        assert!(read("before") == read("after"), "room {room}: the release before it changed");
    }
}

#[test]
fn a_file_in_the_way_is_named() {
    let project = Project::new();
    project.write("target/deploy", "in the way");
    let ran = project.run(&["bundle"]);
    assert_eq!(ran.code, Some(1), "{}", ran.text());
    check("crash/in-the-way", &ran.text());
}
