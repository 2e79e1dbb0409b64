//! AppImages of a whole release: started with FUSE and without, by root and by others, on another processor; mounted by the
//! kernel; looked at by those who check desktop entries and metadata.

use crate::package::{ONE, make};
use crate::support::clients;
use crate::support::project::{Project, Scratch, sysroot, tree};
use crate::support::snapshot::same;
use camino::Utf8Path;
use cargo_deploy::bench::Workbench;
use cargo_deploy::key::{Certificate, Identity, Key, KeyError, Subject};
use cargo_deploy::package;
use deploy_model::event::EventSink;
use deploy_model::{Event, MemberKind, Sha256, StepId};
use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read, Write as _};
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

/// A program that tells how it was started.
const PROGRAM: &str = r#"fn main() {
    let variable = |name: &str| std::env::var(name).unwrap_or_else(|_| "not set".to_owned());
    println!("arguments {:?}", std::env::args().skip(1).collect::<Vec<_>>());
    println!("libraries {}", variable("LD_LIBRARY_PATH"));
    println!("directory {}", variable("APPDIR"));
    println!("program {}", std::env::current_exe().unwrap().display());
    std::process::exit(7);
}
"#;

const MANIFEST: &str = r#"schema = 1

[app]
id = "com.example.Hello"
icon = "icon.svg"

[bundle]
formats = ["appimage"]

[linux]
man = ["hello.1"]

[linux.desktop]
categories = ["Utility"]
terminal = true

[linux.metainfo]
description = "Says hello to whoever starts it, and tells how it was started."
developer = "The Makers"

[package.appimage]
update-information = "gh-releases-zsync|example|{name}|latest|{name}-*-{arch}.AppImage.zsync"
"#;

const ICON: &str = r##"<svg xmlns="http://www.w3.org/2000/svg" width="256" height="256">
  <circle cx="128" cy="128" r="120" fill="#2f6f4f"/>
</svg>
"##;

fn project() -> Project {
    let project = Project::new();
    project.write(
        "Cargo.toml",
        "[package]\nname = \"hello\"\nversion = \"1.0.0\"\nedition = \"2024\"\n\
         description = \"Says hello\"\nlicense = \"MIT\"\nhomepage = \"https://example.com/hello\"\n\
         authors = [\"The Makers <makers@example.com>\"]\n\n[workspace]\n",
    );
    project.write("src/main.rs", PROGRAM);
    project.write("icon.svg", ICON);
    project.write("hello.1", ".TH HELLO 1\n.SH NAME\nhello \\- says hello\n");
    project
}

/// Makes the release. The runtime's own dependencies come from where the machine has them already.
fn bundle(project: &Project, targets: &[&str]) {
    let list: Vec<String> = targets.iter().map(|target| format!("{target:?}")).collect();
    project.write("Deploy.toml", format!("{MANIFEST}\n[targets]\nbuild = [{}]\n", list.join(", ")));
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let cargo_home = std::env::var_os("CARGO_HOME").map_or_else(|| home.join(".cargo"), PathBuf::from);
    let mut command = project.command(&["bundle"]);
    command.env("CARGO_HOME", cargo_home);
    if let Some(zig) = clients::find("zig") {
        let tools = zig.parent().expect("a directory").display().to_string();
        command.env("PATH", format!("{}:{tools}", project.variable("PATH")));
        command.env("ZIG_GLOBAL_CACHE_DIR", Path::new(env!("CARGO_TARGET_TMPDIR")).join("zig"));
    }
    project.ran(command).good();
}

fn has_library(triple: &str) -> bool {
    let there = sysroot().join("lib/rustlib").join(triple).join("lib").is_dir();
    if !there {
        clients::skip(&format!("the standard library for {triple}"));
    }
    there
}

fn is_root() -> bool {
    fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0)
}

/// Starts something in a directory, with next to no environment.
fn start(words: &[&str], directory: &Path) -> Output {
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).current_dir(directory).env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
    command.output().expect("it starts")
}

/// What a successful start printed.
#[track_caller]
fn said(words: &[&str], directory: &Path) -> String {
    let output = start(words, directory);
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The lines that the program printed, without what differs from start to start; `way` is how its directory's name begins.
#[track_caller]
fn told(output: &Output, way: &str) -> String {
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert_eq!(output.status.code(), Some(7), "{text}{}", String::from_utf8_lossy(&output.stderr));
    let directory = text.lines().find_map(|line| line.strip_prefix("directory ")).expect("a directory");
    let name = directory.rsplit('/').next().expect("a name");
    assert!(name.starts_with(way), "{directory}");
    text.replace(directory, "[APPDIR]")
}

const TOLD: &str = "arguments [\"one\", \"two words\"]\nlibraries not set\ndirectory [APPDIR]\n\
                    program [APPDIR]/usr/bin/hello\n";

/// What the product's own reader finds, in the words of [`tree`].
fn read(appimage: &Path) -> BTreeMap<String, String> {
    let packager = package::find("appimage").expect("a packager");
    let path = Utf8Path::from_path(appimage).expect("UTF-8");
    let contents = packager.read(path, &|_, _| false).expect("it can be read");
    let line = |member: deploy_model::Member| {
        let what = match (member.kind, member.link, member.sha256) {
            (MemberKind::Symlink, Some(target), _) => format!("link to {target}"),
            (MemberKind::File, _, Some(sha256)) => format!("file {:03o} {sha256}", member.mode),
            _ => format!("directory {:03o}", member.mode),
        };
        (member.path, what)
    };
    contents.listing.members.into_iter().map(line).collect()
}

#[test]
fn an_appimage_runs_where_it_lies() {
    if !has_library("x86_64-unknown-linux-musl") {
        return;
    }
    let project = project();
    let with_arm64 = clients::find("zig").is_some() && has_library("aarch64-unknown-linux-musl");
    let targets = ["linux-x64", "linux-arm64-musl"];
    bundle(&project, if with_arm64 { &targets } else { &targets[..1] });
    project.run(&["verify", "target/deploy/hello-1.0.0"]).good();
    let release = project.release();
    let appimage = release.join("hello-1.0.0-x86_64.AppImage");
    let name = appimage.to_str().expect("UTF-8");
    let mode = fs::metadata(&appimage).expect("look").permissions().mode() & 0o777;
    assert_eq!(mode, 0o755, "{mode:o}");
    let words = ["one", "two words"];

    // As root, by FUSE; and without it.
    if is_root() && Path::new("/dev/fuse").exists() {
        same(TOLD, &told(&start(&[&[name][..], &words].concat(), &release), ".mount_"));
    } else {
        clients::skip("root with /dev/fuse");
    }
    let unpacked = [&[name, "--appimage-extract-and-run"][..], &words].concat();
    same(TOLD, &told(&start(&unpacked, &release), "appimage_"));

    // As a user who may not open the device: it falls back by itself.
    if let (true, Some(setpriv)) = (is_root(), clients::find("setpriv")) {
        let device = fs::metadata("/dev/fuse").map_or(0, |device| device.mode() & 0o777);
        let way = if device & 0o006 == 0o006 { "" } else { "appimage_" };
        let nobody = ["--reuid=65534", "--regid=65534", "--clear-groups"];
        let all = [&[setpriv.to_str().expect("UTF-8")][..], &nobody, &[name], &words].concat();
        same(TOLD, &told(&start(&all, Path::new("/")), way));
    }

    let update = "gh-releases-zsync|example|hello|latest|hello-*-x86_64.AppImage.zsync\n";
    same(update, &said(&[name, "--appimage-updateinformation"], &release));

    // The tree: as we read it, as the runtime unpacks it, as the kernel mounts it.
    let place = project.scratch().join("home");
    said(&[name, "--appimage-extract"], &place);
    let unpacked = place.join("squashfs-root");
    let expected = read(&appimage);
    same_trees(&expected, &tree(&unpacked), "--appimage-extract");
    assert_eq!(expected["AppRun"], "link to usr/bin/hello");
    assert_eq!(expected[".DirIcon"], expected["usr/share/icons/hicolor/256x256/apps/com.example.Hello.png"]);
    assert_eq!(expected[".DirIcon"], expected["com.example.Hello.png"]);
    assert!(expected.contains_key("usr/share/man/man1/hello.1.gz"));
    let offset = said(&[name, "--appimage-offset"], &release);
    mounted_by_the_kernel(&project, &appimage, offset.trim(), &expected);

    // Those who check what desktops read.
    let text = |path: PathBuf| path.to_str().expect("UTF-8").to_owned();
    if clients::find("desktop-file-validate").is_some() {
        for entry in ["com.example.Hello.desktop", "usr/share/applications/com.example.Hello.desktop"] {
            same("", &said(&["desktop-file-validate", &text(unpacked.join(entry))], &place));
        }
    }
    if clients::find("appstreamcli").is_some() {
        let metainfo = text(unpacked.join("usr/share/metainfo/com.example.Hello.metainfo.xml"));
        said(&["appstreamcli", "validate", "--no-net", &metainfo], &place);
    }

    if let (true, Some(qemu)) = (with_arm64, clients::find("qemu-aarch64-static")) {
        let arm64 = text(release.join("hello-1.0.0-aarch64.AppImage"));
        let qemu = text(qemu);
        let update = "gh-releases-zsync|example|hello|latest|hello-*-aarch64.AppImage.zsync\n";
        same(update, &said(&[&qemu, &arm64, "--appimage-updateinformation"], &release));
        let place = project.scratch().join("temporary");
        said(&[&qemu, &arm64, "--appimage-extract"], &place);
        let unpacked = place.join("squashfs-root");
        same_trees(&read(Path::new(&arm64)), &tree(&unpacked), "--appimage-extract in qemu");
        let program = text(unpacked.join("AppRun"));
        let output = start(&[&[&qemu as &str, &program][..], &words].concat(), &place);
        assert_eq!(output.status.code(), Some(7), "{output:?}");
        assert!(String::from_utf8_lossy(&output.stdout).starts_with("arguments [\"one\", \"two words\"]\n"));
    }
}

#[track_caller]
fn same_trees(expected: &BTreeMap<String, String>, actual: &BTreeMap<String, String>, who: &str) {
    let text = |tree: &BTreeMap<String, String>| {
        tree.iter().map(|(name, what)| format!("{name}: {what}\n")).collect::<String>()
    };
    assert!(expected == actual, "{who}\n{}\n{}", text(expected), text(actual));
}

fn mounted_by_the_kernel(
    project: &Project,
    appimage: &Path,
    offset: &str,
    expected: &BTreeMap<String, String>,
) {
    let known = fs::read_to_string("/proc/filesystems").is_ok_and(|list| list.contains("squashfs"));
    if !is_root() || !known {
        clients::skip("root and a kernel with squashfs");
        return;
    }
    let place = project.scratch().join("mounted");
    fs::create_dir_all(&place).expect("create");
    let (file, point) = (appimage.to_str().expect("UTF-8"), place.to_str().expect("UTF-8"));
    let options = format!("loop,ro,offset={offset}");
    said(&["mount", "-t", "squashfs", "-o", &options, file, point], project.scratch());
    let found = tree(&place);
    said(&["umount", point], project.scratch());
    same_trees(expected, &found, "the kernel");
}

#[test]
fn update_information_of_no_known_form_is_said_before_anything_is_compiled() {
    let project = project();
    project.write("Deploy.toml", MANIFEST.replace("gh-releases-zsync|example|", "gh-releases-zsync|"));
    let ran = project.run(&["bundle", "--target", "linux-x64"]);
    assert_eq!(ran.code, Some(64), "{}", ran.text());
    let form = "it should have the form `gh-releases-zsync|USER|REPOSITORY|RELEASE|FILE.AppImage.zsync`";
    assert!(ran.stderr.contains("appimage::update-information"), "{}", ran.text());
    assert!(ran.stderr.replace("\n  | ", "").contains(form), "{}", ran.text());
    assert!(!ran.stderr.contains("Compiling"), "{}", ran.text());
}

/// A key of GnuPG's, used by GnuPG itself, in a home of its own.
struct Gnupg {
    home: PathBuf,
    identity: Identity,
}

impl Gnupg {
    fn new(scratch: &Scratch) -> Option<Self> {
        clients::find("gpg")?;
        let home = scratch.0.join("gnupg");
        fs::create_dir_all(&home).expect("create");
        fs::set_permissions(&home, fs::Permissions::from_mode(0o700)).expect("permissions");
        let identity = Identity { key: String::new(), created: 0, public_key: String::new() };
        let mut key = Gnupg { home, identity };
        let user = "The Makers <makers@example.com>";
        key.run(&["--passphrase", "", "--quick-gen-key", user, "ed25519", "sign", "never"], b"");
        key.identity.public_key = key.run(&["--armor", "--export"], b"");
        Some(key)
    }

    fn call(&self, arguments: &[&str], input: &[u8]) -> Output {
        let mut command = Command::new("gpg");
        command.args(["--batch", "--quiet", "--homedir"]).arg(&self.home).args(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("it starts");
        // A signature that cannot be read is refused before anything else is, and the pipe is closed then.
        match child.stdin.take().expect("a pipe").write_all(input) {
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            written => written.expect("write"),
        }
        child.wait_with_output().expect("it ends")
    }

    #[track_caller]
    fn run(&self, arguments: &[&str], input: &[u8]) -> String {
        let output = self.call(arguments, input);
        assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
        String::from_utf8(output.stdout).expect("UTF-8")
    }

    fn refused(&self, file: &str) -> KeyError {
        let source = "gpg says no".into();
        KeyError { action: "check the signature of", file: file.to_owned(), key: "gpg".to_owned(), source }
    }
}

impl Drop for Gnupg {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.home).args(["--kill", "all"]).status();
    }
}

impl Key for Gnupg {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn detached(&self, content: &mut dyn Read, _: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).expect("read");
        Ok(self.run(&["--armor", "--detach-sign"], &bytes).into_bytes())
    }

    fn cleartext(&self, _: &str, subject: &Subject<'_>) -> Result<String, KeyError> {
        Err(self.refused(subject.file))
    }

    fn packet(&self, _: &[u8], subject: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        Err(self.refused(subject.file))
    }
}

impl Certificate for Gnupg {
    fn key(&self) -> &str {
        &self.identity.key
    }

    fn check_detached(
        &self,
        content: &mut dyn Read,
        signature: &[u8],
        subject: &Subject<'_>,
    ) -> Result<(), KeyError> {
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).expect("read");
        let file = self.home.join("signature");
        fs::write(&file, signature).expect("write");
        let output = self.call(&["--verify", file.to_str().expect("UTF-8"), "-"], &bytes);
        if output.status.success() { Ok(()) } else { Err(self.refused(subject.file)) }
    }

    fn check_cleartext(&self, _: &str) -> Result<String, KeyError> {
        Err(self.refused("a text"))
    }

    fn check_packet(&self, _: &[u8], _: &[u8]) -> Result<(), KeyError> {
        Err(self.refused("a packet"))
    }
}

/// Nobody listens.
struct Nobody;

impl EventSink for Nobody {
    fn event(&self, _: Event) {}
}

#[test]
fn a_signature_inside_is_checked_as_the_tools_of_appimages_check_it() {
    let scratch = Scratch::new();
    let Some(key) = Gnupg::new(&scratch) else { return };
    let packager = package::find("appimage").expect("a packager");
    let unsigned = make(packager, &scratch, &ONE);
    let step = StepId::of(&["sign"]);
    let directory = unsigned.parent().expect("a directory").to_owned();
    let bench = Workbench { step: &step, scratch: directory, threads: 1, epoch: 0, events: &Nobody };
    let subject = Subject { file: "hello.AppImage", name: "hello", version: "1.0.0", moment: 0 };
    let refusal = packager.check_embedded(&unsigned, &key, &subject).expect_err("nobody signed it");
    assert!(format!("{refusal:?}").contains("it has no signature"), "{refusal:?}");
    let signed = packager.embed(&unsigned, &key, &subject, &bench).expect("it can be signed");
    packager.check_embedded(&signed, &key, &subject).expect("it is signed");

    // What is signed is the digest of the unsigned file, in digits; nothing else of the file has changed.
    let (before, after) = (fs::read(&unsigned).expect("read"), fs::read(&signed).expect("read"));
    let changed: Vec<usize> = (0..before.len()).filter(|at| before[*at] != after[*at]).collect();
    assert_eq!(before.len(), after.len());
    let (first, last) = (changed[0], changed[changed.len() - 1]);
    let room = 1024 + 8192;
    assert!(last - first < room, "{first} to {last}");
    let text = |bytes: &[u8]| {
        let end = bytes.iter().position(|byte| *byte == 0).expect("an end");
        String::from_utf8(bytes[..end].to_vec()).expect("UTF-8")
    };
    let signature = text(&after[first..]);
    assert!(signature.starts_with("-----BEGIN PGP SIGNATURE-----\n"), "{signature}");
    assert_eq!(text(&after[first + 1024..]), key.identity.public_key);
    let digest = Sha256::of(&before).to_string();
    key.check_detached(&mut digest.as_bytes(), signature.as_bytes(), &subject).expect("it is good");
    let contents = packager.read(&signed, &|_, _| false).expect("it can be read");
    assert!(contents.listing.properties.contains(&("signature".to_owned(), "present".to_owned())));

    // A byte of the image, of the program, of the signature: none may change.
    for at in [after.len() - 5000, 20, first + 100] {
        let mut damaged = after.clone();
        damaged[at] ^= 1;
        fs::write(&signed, &damaged).expect("write");
        assert!(packager.check_embedded(&signed, &key, &subject).is_err(), "byte {at}");
    }
}
