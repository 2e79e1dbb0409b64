//! Archives: what good ones become, and that of hostile ones nothing remains but a message.

use super::Directory;
use super::sample::{Tar, Zip, compressed};
use cargo_deploy::bench::files;
use cargo_deploy::bench::unpack::{
    Limits, UnpackError, UnpackedKind, UnpackedTree, Wanted, unpack_member, unpack_single, unpack_tree,
};
use cargo_deploy::cause::chain;
use deploy_formats::compression::Compression;
use deploy_plan::project::Unpack;
use std::os::unix::fs::PermissionsExt as _;

/// Unpacks bytes into a fresh directory.
struct Try {
    directory: Directory,
    limits: Limits,
    strip: u32,
}

impl Try {
    fn new() -> Self {
        Try { directory: Directory::new(), limits: Limits::default(), strip: 0 }
    }

    fn tree(&self, kind: Unpack, archive: &[u8]) -> Result<UnpackedTree, UnpackError> {
        let path = self.directory.join("archive");
        files::replace(&path, archive).expect("write");
        unpack_tree(&path, kind, self.strip, &self.limits, &self.directory.join("tree"))
    }

    fn member(&self, kind: Unpack, member: &str, archive: &[u8]) -> Result<(Vec<u8>, bool), UnpackError> {
        let path = self.directory.join("archive");
        files::replace(&path, archive).expect("write");
        let to = self.directory.join("file");
        let member = member.parse().expect("a path");
        let wanted = Wanted { member: &member, strip: self.strip };
        let unpacked = unpack_member(&path, kind, wanted, &self.limits, &to)?;
        Ok((files::read(&to).expect("there"), unpacked.executable))
    }

    fn single(&self, kind: Unpack, archive: &[u8]) -> Result<Vec<u8>, UnpackError> {
        let path = self.directory.join("archive");
        files::replace(&path, archive).expect("write");
        let to = self.directory.join("file");
        unpack_single(&path, kind, &self.limits, &to)?;
        Ok(files::read(&to).expect("there"))
    }

    /// The message of a refusal, without the archive's path; and nothing is left of it.
    #[track_caller]
    fn refused<T>(&self, result: Result<T, UnpackError>) -> String {
        let Err(error) = result else { panic!("it was unpacked") };
        assert_eq!(self.directory.listing(), ["archive"], "nothing remains");
        assert_eq!(files::names(&self.directory.0).expect("list"), ["archive"], "not even a directory");
        let message = chain(&error);
        let path = self.directory.join("archive");
        message.strip_prefix(&format!("unpack {path}: ")).expect("it names the archive").to_owned()
    }
}

/// The tree as text: permissions as they are on the disk, kind, path, content or target.
fn text(attempt: &Try, tree: &UnpackedTree) -> Vec<String> {
    let line = |entry: &cargo_deploy::bench::unpack::UnpackedEntry| {
        let path = attempt.directory.join("tree").join(entry.path.as_str());
        let mode = || path.metadata().expect("there").permissions().mode() & 0o7777;
        match &entry.kind {
            UnpackedKind::Directory => format!("{:04o} {}/", mode(), entry.path),
            UnpackedKind::File { .. } => {
                let content = files::read(&path).expect("there");
                format!("{:04o} {} {}", mode(), entry.path, String::from_utf8_lossy(&content))
            }
            UnpackedKind::Symlink { target } => {
                let found = path.read_link_utf8().expect("a link");
                assert_eq!(found, *target);
                format!("{} -> {target}", entry.path)
            }
        }
    };
    tree.entries.iter().map(line).collect()
}

/// The archive that every good test unpacks.
fn good() -> Tar {
    Tar::default()
        .directory("./")
        .directory("./tool-1.0/")
        .file_with_mode("./tool-1.0/bin/tool", 0o700, b"run me")
        .file_with_mode("tool-1.0/lib/libtool.so.1", 0o444, b"library")
        .link("tool-1.0/lib/libtool.so", "libtool.so.1")
        .hard_link("tool-1.0/copy", "./tool-1.0/lib/libtool.so.1")
        .directory("tool-1.0/empty")
        .extension("path", "tool-1.0/ünïcode")
        .file("short", b"long name")
}

#[test]
fn a_tar_archive_becomes_the_same_tree_whatever_compresses_it() {
    for (kind, compression) in [
        (Unpack::TarGz, Compression::Gzip),
        (Unpack::TarXz, Compression::Xz),
        (Unpack::TarZst, Compression::Zstd),
    ] {
        let attempt = Try { strip: 1, ..Try::new() };
        let tree = attempt.tree(kind, &compressed(compression, &good().bytes())).expect("a good archive");
        assert_eq!(
            text(&attempt, &tree),
            [
                "0755 bin/",
                "0755 bin/tool run me",
                "0644 copy library",
                "0755 empty/",
                "0755 lib/",
                "lib/libtool.so -> libtool.so.1",
                "0644 lib/libtool.so.1 library",
                "0644 ünïcode long name",
            ]
        );
        assert_eq!(tree.cleared, []);
    }
}

#[test]
fn a_zip_archive_becomes_a_tree() {
    let zip = Zip::default()
        .entry("d/", 0o040_755, b"")
        .entry("d/run", 0o100_755, b"run me")
        .entry("d/link", 0o120_777, b"run")
        .entry("plain", 0, b"of no mode");
    let attempt = Try::new();
    let tree = attempt.tree(Unpack::Zip, &zip.bytes()).expect("a good archive");
    assert_eq!(
        text(&attempt, &tree),
        ["0755 d/", "d/link -> run", "0755 d/run run me", "0644 plain of no mode"]
    );
}

#[test]
fn what_our_own_writers_make_is_unpacked() {
    let mut writer = deploy_formats::tar::Writer::new(Vec::new(), 0);
    let long = "deep/".repeat(60) + "file";
    writer.file(&long, true, 5, &mut &b"hello"[..]).expect("written");
    let archive = compressed(Compression::Zstd, &writer.finish().expect("finished"));
    let attempt = Try { strip: 59, ..Try::new() };
    let tree = attempt.tree(Unpack::TarZst, &archive).expect("a good archive");
    assert_eq!(text(&attempt, &tree), ["0755 deep/", "0755 deep/file hello"]);
}

#[test]
fn single_files_are_decompressed() {
    for (kind, compression) in
        [(Unpack::Gz, Compression::Gzip), (Unpack::Xz, Compression::Xz), (Unpack::Zst, Compression::Zstd)]
    {
        let content = b"a model of something".repeat(1000);
        assert_eq!(Try::new().single(kind, &compressed(compression, &content)).expect("good"), content);
    }
}

#[test]
fn one_member_is_taken_out_even_where_it_is_a_link() {
    let archive = good().gz();
    let attempt = Try { strip: 1, ..Try::new() };
    let taken = |member| attempt.member(Unpack::TarGz, member, &archive).expect("it is there");
    assert_eq!(taken("bin/tool"), (b"run me".to_vec(), true));
    assert_eq!(taken("lib/libtool.so"), (b"library".to_vec(), false));
    assert_eq!(taken("copy"), (b"library".to_vec(), false));
    let whole = Try::new().member(Unpack::TarGz, "tool-1.0/bin/tool", &archive).expect("it is there");
    assert_eq!(whole.0, b"run me");
    let zip = Zip::default().file("a", b"A").file("b/c", b"C").bytes();
    assert_eq!(Try::new().member(Unpack::Zip, "b/c", &zip).expect("it is there"), (b"C".to_vec(), false));
}

#[test]
fn a_member_that_is_not_there_is_named_with_one_that_is() {
    let attempt = Try::new();
    for (member, message) in [
        ("bin/tool", "it has no file bin/tool, but a file tool-1.0/bin/tool"),
        ("tool-1.0/lib", "it has no file tool-1.0/lib"),
        ("nothing", "it has no file nothing"),
    ] {
        assert_eq!(attempt.refused(attempt.member(Unpack::TarGz, member, &good().gz())), message);
    }
}

#[test]
fn dangerous_bits_are_taken_off_and_reported() {
    let tar = Tar::default()
        .file_with_mode("su", 0o4755, b"")
        .file_with_mode("sg", 0o2644, b"")
        .entry("tmp", b'5', 0o1777, "", b"")
        .file("usual", b"");
    let attempt = Try::new();
    let tree = attempt.tree(Unpack::TarGz, &tar.gz()).expect("a good archive");
    assert_eq!(text(&attempt, &tree), ["0644 sg ", "0755 su ", "0755 tmp/", "0644 usual "]);
    let cleared: Vec<_> = tree.cleared.iter().map(|path| path.as_str()).collect();
    assert_eq!(cleared, ["sg", "su", "tmp"]);
}

/// A hostile archive, and why it is refused.
type Fixture = (Tar, &'static str);

#[test]
fn hostile_tar_archives_are_refused_and_nothing_remains() {
    let tar = Tar::default;
    let fixtures: Vec<Fixture> = vec![
        (tar().file("../x", b"out"), "entry 1, \"../x\", leaves the directory that it is unpacked into"),
        (
            tar().file("ok", b"").file("a/../../x", b"out"),
            "entry 2, \"a/../../x\", leaves the directory that it is unpacked into",
        ),
        (tar().file("/etc/x", b"out"), "entry 1, \"/etc/x\", has an absolute name"),
        (tar().file("C:x", b"out"), "entry 1, \"C:x\", names a drive"),
        (
            tar().file("..\\x", b"out"),
            "entry 1, \"..\\\\x\", has a backslash in its name, which separates directories on Windows",
        ),
        (tar().file("a:stream", b"hidden"), "entry 1, \"a:stream\", names a drive"),
        (
            tar().file("file:stream", b"hidden"),
            "entry 1, \"file:stream\", has a colon in its name, which opens a second stream of a file on Windows",
        ),
        (
            tar().file("d/CON.txt", b""),
            "entry 1, \"d/CON.txt\", has the component \"CON.txt\", which is a device on Windows",
        ),
        (
            tar().file("trail. /x", b""),
            "entry 1, \"trail. /x\", has a component that ends in a dot or a blank, which Windows takes off",
        ),
        (
            tar().file("a\u{1b}[2Jb\nc", b""),
            "entry 1, \"a\\u{1b}[2Jb\\nc\", has a control character in its name",
        ),
        (
            tar().link("l", "/etc").file("l/passwd", b""),
            "entry 1, \"l\", is a link to \"/etc\", which leads out of the directory that it is unpacked into",
        ),
        (tar().link("l", "d").file("l/x", b""), "entry 2, \"l/x\", lies below \"l\", which is no directory"),
        (
            tar().directory("d").link("d/l", "../../x"),
            "entry 2, \"d/l\", is a link to \"../../x\", which leads out of the directory that it is unpacked into",
        ),
        (
            tar().link("here", ".").link("out", "here/../x"),
            "entry 2, \"out\", is a link to \"here/../x\", which leads out of the directory that it is unpacked into",
        ),
        (tar().link("a", "b").link("b", "a"), "entry 1, \"a\", is a link to \"b\", which leads in a circle"),
        (
            tar().link("l", "a\\b"),
            "entry 1, \"l\", is a link to \"a\\\\b\", which is not a relative name of plain characters",
        ),
        (
            tar().hard_link("h", "../victim"),
            "entry 1, \"h\", is a hard link to \"../victim\", which is no file that comes before it in the archive",
        ),
        (
            tar().hard_link("h", "/etc/passwd"),
            "entry 1, \"h\", is a hard link to \"/etc/passwd\", which is no file that comes before it in the archive",
        ),
        (
            tar().link("l", "x").hard_link("h", "l"),
            "entry 2, \"h\", is a hard link to \"l\", which is no file that comes before it in the archive",
        ),
        (
            tar().entry("dev", b'3', 0o644, "", b""),
            "entry 1, \"dev\", is a device, neither a file nor a directory nor a link",
        ),
        (
            tar().entry("dev", b'4', 0o644, "", b""),
            "entry 1, \"dev\", is a device, neither a file nor a directory nor a link",
        ),
        (
            tar().entry("pipe", b'6', 0o644, "", b""),
            "entry 1, \"pipe\", is a FIFO, neither a file nor a directory nor a link",
        ),
        (
            tar().entry("odd", b'Z', 0o644, "", b""),
            "entry 1, \"odd\", is of a kind that is not known, neither a file nor a directory nor a link",
        ),
        (
            tar().file("A.txt", b"").file("a.TXT", b""),
            "entry 2, \"a.TXT\", is the same file as \"A.txt\" where letters are compared without case or accents are composed",
        ),
        (
            tar().file("caf\u{e9}", b"").file("cafe\u{301}", b""),
            "entry 2, \"cafe\\u{301}\", is the same file as \"caf\u{e9}\" where letters are compared without case or accents are composed",
        ),
        (
            tar().file("Dir/x", b"").file("dir/y", b""),
            "entry 2, \"dir/y\", is the same file as \"Dir\" where letters are compared without case or accents are composed",
        ),
        (tar().file("x", b"1").file("./x", b"2"), "entry 2, \"./x\", has the same name as entry 1"),
        (tar().file("x", b"").file("x/y", b""), "entry 2, \"x/y\", lies below \"x\", which is no directory"),
        (
            tar().file("x/y", b"").file("x", b""),
            "entry 2, \"x\", has the same name as entry 1, and only one of them is a directory",
        ),
        (
            tar().extension("path", "../x").file("innocent", b""),
            "entry 1, \"../x\", leaves the directory that it is unpacked into",
        ),
    ];
    assert!(fixtures.len() >= 22);
    for (tar, message) in fixtures {
        let attempt = Try::new();
        let archive = tar.gz();
        assert_eq!(attempt.refused(attempt.tree(Unpack::TarGz, &archive)), message);
        // Taking one member out is no way around.
        assert_eq!(attempt.refused(attempt.member(Unpack::TarGz, "ok", &archive)), message);
    }
}

#[test]
fn hostile_zip_archives_are_refused_and_nothing_remains() {
    let zip = Zip::default;
    for (zip, message) in [
        (
            zip().file("../x", b"out").bytes(),
            "entry 1, \"../x\", leaves the directory that it is unpacked into",
        ),
        (zip().file("/x", b"out").bytes(), "entry 1, \"/x\", has an absolute name"),
        (
            zip().file("a\\..\\..\\x", b"out").bytes(),
            "entry 1, \"a\\\\..\\\\..\\\\x\", has a backslash in its name, which separates directories on Windows",
        ),
        (
            zip().entry("l", 0o120_777, b"../x").bytes(),
            "entry 1, \"l\", is a link to \"../x\", which leads out of the directory that it is unpacked into",
        ),
        (
            zip().entry("p", 0o010_644, b"").bytes(),
            "entry 1, \"p\", is a FIFO, neither a file nor a directory nor a link",
        ),
        (
            zip().entry("d", 0o020_644, b"").bytes(),
            "entry 1, \"d\", is a device, neither a file nor a directory nor a link",
        ),
        (
            zip().entry("s", 0o140_644, b"").bytes(),
            "entry 1, \"s\", is a socket, neither a file nor a directory nor a link",
        ),
        (zip().file("x", b"1").file("x", b"2").bytes(), "two of its entries have the same name"),
        (zip().file("x", b"1").again("y", b"1").bytes(), "two of its entries share their bytes"),
        (
            [b"MZ stub".to_vec(), zip().file("x", b"1").bytes()].concat(),
            "it is no zip archive: it begins with \"MZ stubPK....\"",
        ),
    ] {
        let attempt = Try::new();
        let found = attempt.refused(attempt.tree(Unpack::Zip, &zip));
        match message.strip_suffix("....\"") {
            Some(beginning) => assert!(found.starts_with(beginning), "{found}"),
            None => assert_eq!(found, message),
        }
    }
    // What the two headers of a member say must be the same.
    for zip in [
        zip().raw(("innocent", "other"), 0o100_644, b"1", 1).bytes(),
        [b"PK stub".to_vec(), zip().file("x", b"1").bytes()].concat(),
        zip().raw(("x", "x"), 0o100_644, b"12345", 4).bytes(),
    ] {
        let attempt = Try::new();
        attempt.refused(attempt.tree(Unpack::Zip, &zip));
    }
}

#[test]
fn bombs_are_stopped_before_they_go_off() {
    let zeros = vec![0; 8 << 20];
    let limits = Limits { unquestioned: 1 << 20, ..Limits::default() };
    for (kind, compression) in
        [(Unpack::Gz, Compression::Gzip), (Unpack::Xz, Compression::Xz), (Unpack::Zst, Compression::Zstd)]
    {
        let bomb = compressed(compression, &zeros);
        let attempt = Try { limits: limits.clone(), ..Try::new() };
        let limit = (bomb.len() as u64 * 200).max(1 << 20);
        assert_eq!(
            attempt.refused(attempt.single(kind, &bomb)),
            format!(
                "it unpacks to more than {limit} bytes, the most allowed for an archive of {} bytes",
                bomb.len()
            )
        );
    }
    let bomb = Tar::default().file("small", b"1").file("zeros", &zeros).gz();
    let attempt = Try { limits, ..Try::new() };
    let limit = (bomb.len() as u64 * 200).max(1 << 20);
    let message = format!(
        "it unpacks to more than {limit} bytes, the most allowed for an archive of {} bytes",
        bomb.len()
    );
    assert_eq!(attempt.refused(attempt.tree(Unpack::TarGz, &bomb)), message);
    assert_eq!(attempt.refused(attempt.member(Unpack::TarGz, "small", &bomb)), message);
}

#[test]
fn a_bomb_behind_the_end_of_an_archive_does_not_go_off_either() {
    let mut plain = Tar::default().file("small", b"1").bytes();
    plain.resize(20 << 20, 0);
    let bomb = compressed(Compression::Gzip, &plain);
    let attempt = Try { limits: Limits { unquestioned: 1 << 20, ..Limits::default() }, ..Try::new() };
    let limit = (bomb.len() as u64 * 200).max(1 << 20);
    assert_eq!(
        attempt.refused(attempt.tree(Unpack::TarGz, &bomb)),
        format!(
            "it unpacks to more than {limit} bytes, the most allowed for an archive of {} bytes",
            bomb.len()
        )
    );
}

#[test]
fn names_of_one_file_many_times_count_as_many_files() {
    let mut tar = Tar::default().file("first", &vec![b'x'; 1 << 20]);
    for number in 0..100 {
        tar = tar.hard_link(&format!("copy{number}"), "first");
    }
    let archive = tar.gz();
    let attempt = Try::new();
    let message = attempt.refused(attempt.tree(Unpack::TarGz, &archive));
    assert!(message.starts_with("it unpacks to more than 16777216 bytes"), "{message}");
}

#[test]
fn an_archive_may_hold_only_so_many_entries() {
    let mut tar = Tar::default();
    for number in 0..11 {
        tar = tar.file(&number.to_string(), b"");
    }
    let attempt = Try { limits: Limits { entries: 10, ..Limits::default() }, ..Try::new() };
    assert_eq!(attempt.refused(attempt.tree(Unpack::TarGz, &tar.gz())), "it has more than 10 entries");
}

#[test]
fn an_entry_that_announces_more_than_may_come_is_refused_at_once() {
    let mut tar = Tar::default();
    tar.header("huge", b'0', 0o644, "", 8_000_000_000);
    let archive = compressed(Compression::Gzip, &tar.open_ended());
    let attempt = Try::new();
    let message = attempt.refused(attempt.tree(Unpack::TarGz, &archive));
    assert!(message.starts_with("it unpacks to more than 16777216 bytes"), "{message}");
}

#[test]
fn cut_damaged_and_misnamed_archives_are_refused() {
    let archive = good().gz();
    let attempt = Try::new();
    for length in [20, archive.len() / 2, archive.len() - 1] {
        let message = attempt.refused(attempt.tree(Unpack::TarGz, &archive[..length]));
        assert_eq!(message, "it is cut off", "cut to {length} of {}", archive.len());
    }
    let cut = compressed(Compression::Gzip, &good().bytes()[..2000]);
    assert_eq!(attempt.refused(attempt.tree(Unpack::TarGz, &cut)), "it is cut off");
    let mut plain = good().bytes();
    plain[600] ^= 1;
    let damaged = compressed(Compression::Gzip, &plain);
    assert_eq!(
        attempt.refused(attempt.tree(Unpack::TarGz, &damaged)),
        "it is damaged: at byte 512 should be a header, and is none"
    );
    let followed = [good().bytes(), b"PK\x03\x04 and more".to_vec()].concat();
    assert_eq!(
        attempt.refused(attempt.tree(Unpack::TarGz, &compressed(Compression::Gzip, &followed))),
        "something follows the end of the archive"
    );
    let followed = [good().gz(), b"garbage".to_vec()].concat();
    attempt.refused(attempt.tree(Unpack::TarGz, &followed));
    for (kind, message) in [
        (Unpack::TarXz, "it is no xz file: it begins with \"<!DOCTYPE html>\""),
        (Unpack::TarZst, "it is no zstd file: it begins with \"<!DOCTYPE html>\""),
        (Unpack::TarGz, "it is no gzip file: it begins with \"<!DOCTYPE html>\""),
        (Unpack::Zip, "it is no zip archive: it begins with \"<!DOCTYPE html>\""),
    ] {
        assert_eq!(attempt.refused(attempt.tree(kind, b"<!DOCTYPE html>")), message);
    }
    assert_eq!(attempt.refused(attempt.single(Unpack::Gz, b"")), "it is no gzip file: it begins with \"\"");
}

#[test]
fn taking_off_components_never_loses_a_file() {
    let attempt = Try { strip: 1, ..Try::new() };
    let archive = Tar::default().directory("tool").file("tool/a", b"").file("README", b"").gz();
    assert_eq!(
        attempt.refused(attempt.tree(Unpack::TarGz, &archive)),
        "entry 3, \"README\", has no name left when 1 leading components are taken off"
    );
    let archive = Tar::default().file("one/a", b"").file("two/a", b"").gz();
    assert_eq!(
        attempt.refused(attempt.tree(Unpack::TarGz, &archive)),
        "entry 2, \"two/a\", has the same name as entry 1"
    );
}

#[test]
fn damaged_archives_become_a_tree_or_nothing_and_never_touch_what_lies_around() {
    let tar = good().bytes();
    let zip = Zip::default().file("a/b", b"content").entry("l", 0o120_777, b"a/b").file("c", b"more").bytes();
    let mut state = 0x9e37_79b9_u32;
    let mut random = |below: usize| {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        state as usize % below
    };
    for round in 0..200 {
        let attempt = Try::new();
        files::replace(&attempt.directory.join("bystander"), b"untouched").expect("write");
        let result = if round % 2 == 0 {
            let mut bytes = tar.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] ^= 1 << random(8);
            }
            attempt.tree(Unpack::TarGz, &compressed(Compression::Gzip, &bytes))
        } else {
            let mut bytes = zip.clone();
            for _ in 0..=random(3) {
                let at = random(bytes.len());
                bytes[at] ^= 1 << random(8);
            }
            attempt.tree(Unpack::Zip, &bytes)
        };
        let mut expected = vec!["archive", "bystander"];
        if result.is_ok() {
            expected.push("tree");
        }
        assert_eq!(files::names(&attempt.directory.0).expect("list"), expected, "round {round}");
        assert_eq!(files::read(&attempt.directory.join("bystander")).expect("there"), b"untouched");
    }
}
