//! What every packager has to hold, whatever its format: the same bytes from the same payload, a listing that is
//! kept in `tests/golden`, and a file that other people's programs open.

use crate::support::clients;
use crate::support::elf;
use crate::support::pe;
use crate::support::project::{Scratch, repository, tree};
use crate::support::snapshot::check_file;
use camino::{Utf8Path, Utf8PathBuf};
use cargo_deploy::bench::Workbench;
use cargo_deploy::layout::{Entry, Payload};
use cargo_deploy::package::{self, AnyPackager};
use deploy_model::event::EventSink;
use deploy_model::{Event, Os, Sha256, StepId};
use deploy_plan::catalog::Layout;
use deploy_plan::project::{App, Level, Role};
use deploy_plan::windows_app::WindowsApp;
use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

/// Nobody listens.
struct Nobody;

impl EventSink for Nobody {
    fn event(&self, _: Event) {}
}

/// How the machine is while a package is made.
pub(crate) struct Circumstances {
    directory: &'static str,
    mode: u32,
    threads: usize,
    backwards: bool,
}

pub(crate) const ONE: Circumstances =
    Circumstances { directory: "one", mode: 0o644, threads: 1, backwards: false };
const OTHER: Circumstances =
    Circumstances { directory: "another/deeper place", mode: 0o600, threads: 4, backwards: true };

/// The files of the payload: text, nothing, a program, names beyond ASCII, a long path, and more than one block of
/// every compressor.
fn files() -> Vec<(&'static str, Vec<u8>, bool)> {
    let mut noise = Vec::new();
    let mut state = 0x9e37_79b9_u32;
    while noise.len() < 3 << 20 {
        state ^= state << 13;
        state ^= state >> 17;
        state ^= state << 5;
        // Half noise, half repetition: compressors have something to do.
        noise.extend(if state & 1 == 0 { state.to_le_bytes() } else { *b"same" });
    }
    vec![
        ("bin/hello", b"\x7fELF is not looked at here".to_vec(), true),
        ("data/large.bin", noise, false),
        ("empty", Vec::new(), false),
        (
            "long/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb/cccccccccccccccccc.txt",
            b"a path longer than 100 characters\n".to_vec(),
            false,
        ),
        ("text/grüße.txt", "Grüße\n".as_bytes().to_vec(), false),
        ("text/read me.txt", b"a name with a space\n".to_vec(), false),
    ]
}

/// What an application brings along on Windows.
fn windows_app() -> WindowsApp {
    WindowsApp { publisher: "The Makers".to_owned(), path: true, ..WindowsApp::default() }
}

/// Makes a package.
pub(crate) fn make(
    packager: &dyn AnyPackager,
    scratch: &Scratch,
    circumstances: &Circumstances,
) -> Utf8PathBuf {
    let base = Utf8Path::from_path(&scratch.0).expect("UTF-8").join(circumstances.directory);
    let mut contents = files();
    if circumstances.backwards {
        contents.reverse();
    }
    let mut entries = Vec::new();
    for (name, content, executable) in contents {
        let path = base.join("content").join(name);
        std::fs::create_dir_all(path.parent().expect("a directory")).expect("create");
        std::fs::write(&path, &content).expect("write");
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(circumstances.mode))
            .expect("permissions");
        entries.push(Entry {
            path: name.parse().expect("a path"),
            content: path,
            size: content.len() as u64,
            sha256: Sha256::of(&content),
            executable,
            role: if executable { Role::Program } else { Role::Resource },
            code_signature: None,
        });
    }
    entries.sort_by(|one, other| one.path.cmp(&other.path));
    let format = packager.info().id;
    let rooted = packager.entry().shape.layout == Layout::Rooted;
    let on_windows = packager.entry().shape.systems == [Os::Windows];
    let triple = if on_windows { "x86_64-pc-windows-gnullvm" } else { "x86_64-unknown-linux-gnu" };
    let app = App {
        name: "hello".to_owned(),
        title: "Hello".to_owned(),
        version: "1.0.0".to_owned(),
        description: Some("Says hello".to_owned()),
        license: Some("MIT".to_owned()),
        authors: vec!["The Makers <makers@example.com>".to_owned()],
        ..App::default()
    };
    let program = packager.entry().shape.program.map(|name| {
        let path = base.join(name);
        let bytes = if on_windows { pe::program() } else { elf::runtime(62) };
        std::fs::write(&path, bytes).expect("write");
        path
    });
    let payload = Payload {
        app,
        desktop: None,
        metainfo: None,
        program,
        windows: on_windows.then(windows_app),
        named_files: BTreeMap::new(),
        icons: BTreeMap::new(),
        triple: triple.parse().expect("a triple"),
        file: format!("hello-1.0.0-{triple}.{format}"),
        root: rooted.then(|| format!("hello-1.0.0-{triple}").parse().expect("a path")),
        level: Level::Default,
        entries,
    };
    let step = StepId::of(&["package", format, "linux-x64"]);
    let scratch = base.join("scratch");
    std::fs::create_dir_all(&scratch).expect("create");
    let bench = Workbench {
        step: &step,
        scratch,
        threads: circumstances.threads,
        epoch: 1_704_067_200,
        events: &Nobody,
    };
    let settings = serde_json::Value::Null;
    let tree = packager.lay_out(&settings, &payload, &bench).expect("a tree");
    packager.package(&settings, &payload, &tree, &bench).expect("a package")
}

#[test]
fn the_same_payload_gives_the_same_bytes_whatever_the_circumstances() {
    for packager in package::ALL {
        let scratch = Scratch::new();
        let one = std::fs::read(make(*packager, &scratch, &ONE)).expect("read");
        let other = std::fs::read(make(*packager, &scratch, &OTHER)).expect("read");
        assert!(one == other, "{} differs with directory, mode, order or threads", packager.info().id);
    }
}

#[test]
fn what_is_inside_is_what_the_golden_listing_says() {
    for packager in package::ALL {
        let scratch = Scratch::new();
        let path = make(*packager, &scratch, &ONE);
        let contents = packager.read(&path, &|_, _| false).expect("it can be read");
        let golden = repository().join(format!("tests/golden/{}.txt", packager.info().id));
        check_file(&golden, &contents.listing.to_string());
    }
}

#[test]
fn every_entry_is_found_where_the_packager_says_it_stands() {
    for packager in package::ALL {
        let scratch = Scratch::new();
        let path = make(*packager, &scratch, &ONE);
        let contents =
            packager.read(&path, &|member, _| member.path.ends_with("grüße.txt")).expect("it can be read");
        assert_eq!(contents.kept.len(), 1, "{}", packager.info().id);
        for (place, content) in contents.kept {
            assert!(place.ends_with("text/grüße.txt"), "{place}");
            assert_eq!(content, "Grüße\n".as_bytes());
        }
    }
}

#[test]
fn a_file_that_is_cut_off_anywhere_near_its_end_is_not_read_as_good() {
    for packager in package::ALL {
        let scratch = Scratch::new();
        let path = make(*packager, &scratch, &ONE);
        let bytes = std::fs::read(&path).expect("read");
        for missing in [1, 2, 8, 100, bytes.len() / 2, bytes.len() - 1] {
            std::fs::write(&path, &bytes[..bytes.len() - missing]).expect("write");
            let read = packager.read(&path, &|_, _| false);
            assert!(read.is_err(), "{} less {missing} bytes is taken for whole", packager.info().id);
        }
    }
}

/// Unpacks with a program and compares with the payload.
fn opened_by(program: &str, arguments: &[&str], formats: &[&str]) {
    let Some(program) = clients::find(program) else { return };
    for format in formats {
        let scratch = Scratch::new();
        let packager = package::find(format).expect("a packager");
        let archive = make(packager, &scratch, &ONE);
        let place = scratch.0.join("unpacked");
        std::fs::create_dir_all(&place).expect("create");
        // The umask of the test's own process must not decide what is unpacked.
        let status = Command::new("sh")
            .args(["-c", "umask 022; exec \"$0\" \"$@\""])
            .arg(&program)
            .args(arguments)
            .arg(archive.as_std_path())
            .current_dir(&place)
            .env("LC_ALL", "C.UTF-8")
            .output()
            .expect("it runs");
        let said = String::from_utf8_lossy(&status.stderr).into_owned();
        assert!(status.status.success(), "{} and {format}: {said}", program.display());
        let unpacked = tree(&place.join("hello-1.0.0-x86_64-unknown-linux-gnu"));
        for (name, content, executable) in files() {
            let mode = if executable { "755" } else { "644" };
            let expected = format!("file {mode} {}", Sha256::of(&content));
            assert_eq!(unpacked.get(name), Some(&expected), "{} and {format}: {name}", program.display());
        }
        let unpacked_files = unpacked.values().filter(|what| what.starts_with("file")).count();
        assert_eq!(unpacked_files, files().len(), "{} and {format}", program.display());
    }
}

#[test]
fn gnu_tar_opens_every_tar() {
    opened_by("tar", &["-xpf"], &["tar.gz", "tar.xz", "tar.zst"]);
}

#[test]
fn bsdtar_opens_every_archive() {
    opened_by("bsdtar", &["-xpf"], &["tar.gz", "tar.xz", "tar.zst", "zip"]);
}

#[test]
fn unzip_opens_the_zip() {
    opened_by("unzip", &["-q"], &["zip"]);
}

#[test]
fn the_decompressors_own_tests_pass() {
    for (program, format) in [("gzip", "tar.gz"), ("xz", "tar.xz"), ("zstd", "tar.zst"), ("unzip", "zip")] {
        let Some(program) = clients::find(program) else { continue };
        let scratch = Scratch::new();
        let archive = make(package::find(format).expect("a packager"), &scratch, &ONE);
        let output = Command::new(&program).arg("-t").arg(archive.as_std_path()).output().expect("it runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{}: {said}", program.display());
    }
}

#[test]
fn python_reads_the_tars_and_the_zip() {
    let Some(python) = clients::find("python3") else { return };
    let script = "import sys, tarfile, zipfile\n\
        path = sys.argv[1]\n\
        names = zipfile.ZipFile(path).namelist() if path.endswith('.zip') else tarfile.open(path).getnames()\n\
        sys.stdout.buffer.write('\\n'.join(sorted(n.rstrip('/') for n in names)).encode())\n";
    for format in ["tar.gz", "tar.xz", "zip"] {
        let scratch = Scratch::new();
        let packager = package::find(format).expect("a packager");
        let archive = make(packager, &scratch, &ONE);
        let output = Command::new(&python)
            .args(["-c", script])
            .arg(Path::new(archive.as_str()))
            .output()
            .expect("it runs");
        let contents = packager.read(&archive, &|_, _| false).expect("it can be read");
        let mut names: Vec<&str> =
            contents.listing.members.iter().map(|member| member.path.as_str()).collect();
        names.sort_unstable();
        assert_eq!(String::from_utf8_lossy(&output.stdout), names.join("\n"), "{format}");
    }
}
