//! Packages under the eyes of the real rpm, its helpers, and cpio.

#![expect(clippy::disallowed_methods, reason = "the real clients are programs that read files")]

use std::fs;
use std::io::{Cursor, Read};
use std::num::NonZeroUsize;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::writer::write_above;
use super::*;
use crate::Level;
use crate::sample::{Random, mixed};

const DATE: u32 = 1_700_000_000;

/// A directory of its own, which goes with it.
struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("deploy-formats-rpm-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Directory(path)
    }

    fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.0.join(name);
        fs::write(&path, bytes).unwrap();
        path
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// What a program says on its standard output; it must succeed.
fn run(program: &str, arguments: &[&str]) -> String {
    let output = Command::new(program)
        .args(arguments)
        .env("LC_ALL", "C")
        .env("TZ", "UTC")
        .output()
        .unwrap_or_else(|cause| panic!("{program} of the package rpm is needed for this test: {cause}"));
    let errors = String::from_utf8_lossy(&output.stderr);
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {}\n{text}{errors}", output.status);
    text
}

fn options(compression: Compression) -> Options {
    Options { compression, level: Level::Fast, threads: NonZeroUsize::new(2).unwrap() }
}

/// Files with their contents.
type Files = Vec<(File, Vec<u8>)>;

fn regular(path: &str, mode: u16, content: &[u8], marks: Marks) -> (File, Vec<u8>) {
    let kind = FileKind::Regular { size: content.len() as u64 };
    (File { path: path.to_owned(), kind, mode, marks }, content.to_vec())
}

fn files() -> Files {
    let plain = Marks::default();
    let config = Marks { config: true, no_replace: true, ..plain };
    let directory = |path: &str| File {
        path: path.to_owned(),
        kind: FileKind::Directory,
        mode: 0o750,
        marks: Marks::default(),
    };
    let link = File {
        path: "/usr/bin/wheel".to_owned(),
        kind: FileKind::Symlink { target: "picker".to_owned() },
        mode: 0o777,
        marks: plain,
    };
    let ghost = Marks { ghost: true, ..plain };
    vec![
        regular("/usr/share/doc/picker/README", 0o644, b"read me\n", Marks { documentation: true, ..plain }),
        regular("/usr/bin/picker", 0o755, b"#!/bin/sh\necho picked\n", plain),
        regular("/etc/picker/picker.conf", 0o640, b"a = 1\n", config),
        regular("/usr/share/licenses/picker/MIT", 0o644, b"MIT\n", Marks { license: true, ..plain }),
        regular("/usr/share/picker/empty", 0o644, b"", plain),
        regular("/usr/share/picker/data", 0o644, &mixed(1, 700_001), plain),
        (directory("/etc/picker"), Vec::new()),
        (directory("/usr/share/picker"), Vec::new()),
        (link, Vec::new()),
        regular("/var/log/picker.log", 0o644, b"", ghost),
    ]
}

fn package() -> Package {
    let parse = |lines: &[&str]| lines.iter().map(|line| line.parse().unwrap()).collect();
    let script = |moment: Moment, body: &str| Script {
        moment,
        interpreter: vec!["/bin/sh".to_owned()],
        body: body.to_owned(),
    };
    Package {
        name: "picker".to_owned(),
        epoch: Some(2),
        version: version("1.2.3-rc.1"),
        release: "1".to_owned(),
        architecture: "x86_64".to_owned(),
        summary: "Picks a wheel".to_owned(),
        description: "Picks a wheel,\nand nothing else: ä.".to_owned(),
        license: "MIT OR Apache-2.0".to_owned(),
        group: Some("Applications/System".to_owned()),
        url: Some("https://example.com/picker".to_owned()),
        vendor: Some("Example".to_owned()),
        packager: Some("A Person <person@example.com>".to_owned()),
        build_host: Some("reproducible".to_owned()),
        source_date: DATE,
        requires: parse(&["bash >= 4"]),
        provides: parse(&["wheel-picker = 1.2.3"]),
        conflicts: parse(&["picker-ng < 2"]),
        obsoletes: parse(&["old-picker <= 1"]),
        recommends: parse(&["(gtk4 or gtk3)"]),
        suggests: parse(&["wheel"]),
        supplements: parse(&["desktop"]),
        enhances: parse(&["roulette"]),
        scripts: vec![
            script(Moment::PreInstall, "echo pre $1"),
            script(Moment::PostInstall, "echo post $1"),
            script(Moment::PreRemove, "echo preun $1"),
            script(Moment::PostRemove, "echo postun $1"),
            script(Moment::PostTransaction, "echo posttrans $1"),
        ],
        changelog: vec![
            Change {
                time: DATE,
                author: "A Person <person@example.com> - 1.2.3~rc.1-1".to_owned(),
                text: "- second".to_owned(),
            },
            Change {
                time: DATE - 86_400,
                author: "A Person <person@example.com> - 1.2.2-1".to_owned(),
                text: "- first".to_owned(),
            },
        ],
    }
}

fn packed(package: &Package, files: &Files, options: Options) -> Vec<u8> {
    packed_above(u64::MAX, package, files, options).unwrap()
}

fn packed_above(limit: u64, package: &Package, files: &Files, options: Options) -> Result<Vec<u8>, RpmError> {
    let list: Vec<File> = files.iter().map(|(file, _)| file.clone()).collect();
    let mut content = |file: &File| {
        let (_, content) = files.iter().find(|(other, _)| other.path == file.path).unwrap();
        Ok(Box::new(&content[..]) as Box<dyn Read>)
    };
    Ok(write_above(limit, package, &list, options, &mut content, Cursor::new(Vec::new()))?.into_inner())
}

const ALL: [Compression; 4] = [Compression::None, Compression::Gzip, Compression::Xz, Compression::Zstd];

#[test]
fn rpm_shows_what_was_written() {
    let directory = Directory::new("shows");
    let bytes = packed(&package(), &files(), options(Compression::Zstd));
    let path = directory.file("picker.rpm", &bytes);
    let path = path.to_str().unwrap();
    let shown = run("rpm", &["-qip", path]);
    let expected = "\
Name        : picker
Epoch       : 2
Version     : 1.2.3~rc.1
Release     : 1
Architecture: x86_64
Install Date: (not installed)
Group       : Applications/System
Size        : 700047
License     : MIT OR Apache-2.0
Signature   : (none)
Source RPM  : picker-1.2.3~rc.1-1.src.rpm
Build Date  : Tue Nov 14 22:13:20 2023
Build Host  : reproducible
Packager    : A Person <person@example.com>
Vendor      : Example
URL         : https://example.com/picker
Summary     : Picks a wheel
Description :
Picks a wheel,
and nothing else: ä.
";
    assert_eq!(shown, expected);
    let shown = run(
        "rpm",
        &[
            "-qp",
            "--qf",
            "[%{FILEMODES:perms} %{FILEUSERNAME}:%{FILEGROUPNAME} %{FILESIZES} %{FILEFLAGS:fflags} %{FILENAMES} %{FILELINKTOS}\n]",
            path,
        ],
    );
    let expected = "\
drwxr-x--- root:root 0  /etc/picker 
-rw-r----- root:root 6 cn /etc/picker/picker.conf 
-rwxr-xr-x root:root 22  /usr/bin/picker 
lrwxrwxrwx root:root 6  /usr/bin/wheel picker
-rw-r--r-- root:root 8 d /usr/share/doc/picker/README 
-rw-r--r-- root:root 4 l /usr/share/licenses/picker/MIT 
drwxr-x--- root:root 0  /usr/share/picker 
-rw-r--r-- root:root 700001  /usr/share/picker/data 
-rw-r--r-- root:root 0  /usr/share/picker/empty 
-rw-r--r-- root:root 0 g /var/log/picker.log 
";
    assert_eq!(shown, expected);
    let lists = [
        (
            "--requires",
            "/bin/sh\n/bin/sh\n/bin/sh\n/bin/sh\n/bin/sh\nbash >= 4\nconfig(picker) = 2:1.2.3~rc.1-1\n\
             rpmlib(CompressedFileNames) <= 3.0.4-1\nrpmlib(FileDigests) <= 4.6.0-1\n\
             rpmlib(PayloadFilesHavePrefix) <= 4.0-1\nrpmlib(PayloadIsZstd) <= 5.4.18-1\n\
             rpmlib(RichDependencies) <= 4.12.0-1\nrpmlib(TildeInVersions) <= 4.10.0-1\n",
        ),
        (
            "--provides",
            "config(picker) = 2:1.2.3~rc.1-1\npicker = 2:1.2.3~rc.1-1\npicker(x86-64) = 2:1.2.3~rc.1-1\n\
             wheel-picker = 1.2.3\n",
        ),
        ("--conflicts", "picker-ng < 2\n"),
        ("--obsoletes", "old-picker <= 1\n"),
        ("--recommends", "(gtk4 or gtk3)\n"),
        ("--suggests", "wheel\n"),
        ("--supplements", "desktop\n"),
        ("--enhances", "roulette\n"),
        (
            "--scripts",
            "preinstall scriptlet (using /bin/sh):\necho pre $1\npostinstall scriptlet (using /bin/sh):\necho post $1\n\
             preuninstall scriptlet (using /bin/sh):\necho preun $1\npostuninstall scriptlet (using /bin/sh):\n\
             echo postun $1\nposttrans scriptlet (using /bin/sh):\necho posttrans $1\n",
        ),
        (
            "--changelog",
            "* Tue Nov 14 2023 A Person <person@example.com> - 1.2.3~rc.1-1\n- second\n\n\
             * Mon Nov 13 2023 A Person <person@example.com> - 1.2.2-1\n- first\n\n",
        ),
    ];
    for (flag, expected) in lists {
        assert_eq!(run("rpm", &["-qp", flag, path]), expected, "{flag}");
    }
}

#[test]
fn rpm_checks_and_cpio_unpacks_every_compression() {
    let directory = Directory::new("checks");
    let files = files();
    for compression in ALL {
        for limit in [0, u64::MAX] {
            let bytes = packed_above(limit, &package(), &files, options(compression)).unwrap();
            let path = directory.file("picker.rpm", &bytes);
            let path = path.to_str().unwrap();
            // Of a payload without compression it also shows the other digest, which is the same.
            let shown = run("rpm", &["-Kv", path]).replace("    Payload SHA256 ALT digest: OK\n", "");
            let expected =
                "Header SHA256 digest: OK\n    Header SHA1 digest: OK\n    Payload SHA256 digest: OK";
            assert_eq!(shown, format!("{path}:\n    {expected}\n"));
            if limit > 0 {
                let root = directory.0.join(format!("{compression:?}"));
                fs::create_dir(&root).unwrap();
                let root = root.to_str().unwrap();
                let script = format!(
                    "cd {root} && rpm2cpio {path} | cpio -idm --quiet && find . -mindepth 1 | LC_ALL=C sort"
                );
                let found = run("sh", &["-c", &script]);
                assert!(found.contains("./usr/bin/wheel\n") && !found.contains("picker.log"), "{found}");
                let data = fs::read(format!("{root}/usr/share/picker/data")).unwrap();
                assert!(data == mixed(1, 700_001), "{compression:?}");
            }
        }
    }
}

fn install(root: &Path, package: &Path) -> String {
    let root = root.to_str().unwrap();
    run("rpm", &["-i", "--nodeps", "--noscripts", "--root", root, package.to_str().unwrap()]);
    run("rpm", &["-V", "--nodeps", "--noscripts", "--root", root, "picker"])
}

#[test]
fn rpm_installs_it_into_an_empty_root_and_finds_nothing_changed() {
    let directory = Directory::new("installs");
    for (index, (compression, limit)) in [
        (Compression::Xz, u64::MAX),
        (Compression::Zstd, u64::MAX),
        (Compression::Gzip, 0),
        (Compression::None, u64::MAX),
    ]
    .into_iter()
    .enumerate()
    {
        let bytes = packed_above(limit, &package(), &files(), options(compression)).unwrap();
        let path = directory.file("picker.rpm", &bytes);
        let root = directory.0.join(index.to_string());
        fs::create_dir(&root).unwrap();
        assert_eq!(install(&root, &path), "", "{compression:?}");
        let data = fs::read(root.join("usr/share/picker/data")).unwrap();
        assert!(data == mixed(1, 700_001));
        assert_eq!(fs::read_link(root.join("usr/bin/wheel")).unwrap(), Path::new("picker"));
        assert!(!root.join("var/log/picker.log").exists());
        fs::write(root.join("etc/picker/picker.conf"), "a = 2\n").unwrap();
        let changed = Command::new("rpm")
            .args(["-V", "--nodeps", "--noscripts", "--root"])
            .arg(&root)
            .arg("picker")
            .output();
        let changed = String::from_utf8(changed.unwrap().stdout).unwrap();
        assert_eq!(changed, "..5....T.  c /etc/picker/picker.conf\n");
        run("rpm", &["-e", "--nodeps", "--noscripts", "--root", root.to_str().unwrap(), "picker"]);
        assert!(!root.join("usr/bin/picker").exists());
        assert!(root.join("etc/picker/picker.conf.rpmsave").exists());
    }
}

#[test]
fn what_is_read_is_what_was_written() {
    let files = files();
    for compression in ALL {
        for limit in [0, u64::MAX] {
            let bytes = packed_above(limit, &package(), &files, options(compression)).unwrap();
            let reader = Reader::new(&bytes[..]).unwrap();
            assert_eq!(reader.compression(), super::compressor(compression).unwrap_or("none"));
            assert_eq!(reader.installed_size(), 700_047);
            assert!(reader.signatures().is_empty());
            let list: Vec<File> = files.iter().map(|(file, _)| file.clone()).collect();
            let expected = complete(&package(), &list, compression);
            let mut read = reader.package().clone();
            if limit == 0 {
                read.requires.retain(|dependency| dependency.name() != "rpmlib(LargeFiles)");
            }
            assert_eq!(read, expected);
            let entries = reader.entries().to_vec();
            let paths: Vec<&str> = entries.iter().map(|entry| entry.path.as_str()).collect();
            assert!(paths.is_sorted());
            for (file, _) in &files {
                let entry = entries.iter().find(|entry| entry.path == file.path).unwrap();
                assert_eq!(entry.kind.as_ref(), Some(&file.kind));
                assert_eq!((entry.mode, entry.marks), (file.mode, file.marks));
                assert_eq!(
                    (entry.user.as_str(), entry.group.as_str(), entry.modified),
                    ("root", "root", DATE)
                );
            }
            let mut visited = 0;
            reader
                .visit(|entry, content| {
                    let (file, expected) = files.iter().find(|(file, _)| file.path == entry.path).unwrap();
                    let mut found = Vec::new();
                    content.read_to_end(&mut found)?;
                    match &file.kind {
                        FileKind::Symlink { target } => assert_eq!(found, target.as_bytes()),
                        _ => assert!(found == *expected),
                    }
                    visited += 1;
                    Ok(())
                })
                .unwrap();
            assert_eq!(visited, files.len() - 1);
        }
    }
}

#[test]
fn the_bytes_do_not_depend_on_threads_or_on_the_order_of_the_files() {
    for compression in ALL {
        let one =
            packed(&package(), &files(), Options { threads: NonZeroUsize::MIN, ..options(compression) });
        let mut other = files();
        other.reverse();
        assert!(packed(&package(), &other, options(compression)) == one, "{compression:?}");
    }
}

#[test]
fn a_package_of_rpmbuild_is_read_and_has_the_values_of_ours() {
    let directory = Directory::new("rpmbuild");
    let top = directory.0.to_str().unwrap();
    let specification = "Name: picker\nVersion: 1.2.3\nRelease: 1\nSummary: Picks\nLicense: MIT\nBuildArch: noarch\n\
        %description\nPicks a wheel.\n%install\nmkdir -p %{buildroot}/usr/bin %{buildroot}/etc\n\
        printf 'echo 1' > %{buildroot}/usr/bin/picker\nln %{buildroot}/usr/bin/picker %{buildroot}/usr/bin/twin\n\
        ln -s picker %{buildroot}/usr/bin/wheel\nprintf 'a = 1' > %{buildroot}/etc/picker.conf\n\
        %post\necho post\n%files\n/usr/bin/*\n%config /etc/picker.conf\n%ghost /var/log/picker.log\n";
    let specification = directory.file("picker.spec", specification.as_bytes());
    for payload in ["w2.xzdio", "w3.zstdio", "w9.gzdio", "w.ufdio"] {
        let top = format!("_topdir {top}");
        let payload = format!("_binary_payload {payload}");
        let specification = specification.to_str().unwrap();
        run("rpmbuild", &["-bb", "--quiet", "--define", &top, "--define", &payload, specification]);
        let bytes = fs::read(directory.0.join("RPMS/noarch/picker-1.2.3-1.noarch.rpm")).unwrap();
        let reader = Reader::new(&bytes[..]).unwrap();
        let paths: Vec<_> = reader.entries().iter().map(|entry| entry.path.clone()).collect();
        assert_eq!(
            paths,
            ["/etc/picker.conf", "/usr/bin/picker", "/usr/bin/twin", "/usr/bin/wheel", "/var/log/picker.log"]
        );
        assert!(reader.entries()[0].marks.config && reader.entries()[4].marks.ghost);
        assert_eq!(reader.package().scripts[0].body, "echo post");
        let provides: Vec<_> = reader.package().provides.iter().map(Dependency::to_string).collect();
        assert_eq!(provides, ["config(picker) = 1.2.3-1", "picker = 1.2.3-1"]);
        let mut contents = Vec::new();
        reader
            .visit(|entry, content| {
                let mut text = String::new();
                content.read_to_string(&mut text)?;
                contents.push(format!("{} {text}", entry.path));
                Ok(())
            })
            .unwrap();
        contents.sort();
        // Of two names for one file, the last comes with the content.
        assert_eq!(contents, ["/etc/picker.conf a = 1", "/usr/bin/twin echo 1", "/usr/bin/wheel picker"]);
    }
}

#[test]
fn elf_files_have_the_capabilities_that_rpms_generator_finds() {
    let exe = std::env::current_exe().unwrap();
    let libraries = "/lib/x86_64-linux-gnu";
    let mut paths = vec![exe, PathBuf::from("/bin/ls"), PathBuf::from("/lib64/ld-linux-x86-64.so.2")];
    let mut names: Vec<_> = fs::read_dir(libraries).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    paths.extend(names.into_iter().filter(|path| path.is_file() && path.to_string_lossy().contains(".so")));
    let mut compared = 0;
    for path in paths {
        let path = fs::canonicalize(path).unwrap();
        let bytes = fs::read(&path).unwrap();
        // Some are texts for linkers.
        if !bytes.starts_with(b"\x7fELF") {
            continue;
        }
        let executable = fs::metadata(&path).unwrap().permissions().mode() & 0o111 != 0;
        let found =
            elf::capabilities(&bytes, path.file_name().unwrap().to_str().unwrap(), executable).unwrap();
        for (flag, found) in [("--requires", found.requires), ("--provides", found.provides)] {
            let script = format!("echo '{}' | /usr/lib/rpm/elfdeps {flag}", path.display());
            let mut expected: Vec<_> = run("sh", &["-c", &script]).lines().map(str::to_owned).collect();
            expected.sort();
            expected.dedup();
            assert_eq!(found.into_iter().collect::<Vec<_>>(), expected, "{flag} {}", path.display());
        }
        compared += 1;
    }
    assert!(compared > 10, "{compared}");
}

/// A key without a passphrase, made by gpg, and what signs with it.
struct Key {
    home: Directory,
}

impl Key {
    fn new(name: &str, algorithm: &str) -> Self {
        let home = Directory::new(&format!("gnupg-{name}"));
        let key = Key { home };
        key.gpg(
            "--batch --passphrase '' --quick-generate-key person@example.com ALGORITHM sign never"
                .replace("ALGORITHM", algorithm)
                .as_str(),
        );
        key
    }

    fn gpg(&self, arguments: &str) -> String {
        run(
            "sh",
            &[
                "-c",
                &format!(
                    "chmod 700 {0} && gpg --homedir {0} --quiet {arguments} 2>/dev/null",
                    self.home.0.display()
                ),
            ],
        )
    }

    fn sign(&self, bytes: &[u8]) -> Vec<u8> {
        let input = self.home.file("input", bytes);
        let output = self.home.0.join("input.sig");
        let _ = fs::remove_file(&output);
        self.gpg(&format!("--batch --detach-sign --digest-algo SHA256 {}", input.display()));
        fs::read(output).unwrap()
    }
}

impl Drop for Key {
    fn drop(&mut self) {
        let _ = Command::new("gpgconf").arg("--homedir").arg(&self.home.0).args(["--kill", "all"]).output();
    }
}

#[test]
fn rpm_accepts_a_signature_and_taking_it_out_gives_the_bytes_from_before() {
    let directory = Directory::new("signs");
    let bytes = packed(&package(), &files(), options(Compression::Zstd));
    for (algorithm, name) in [("rsa3072", "RSA/SHA256"), ("ed25519", "EdDSA/SHA256")] {
        let key = Key::new(algorithm, algorithm);
        let mut seen = Vec::new();
        let signed = sign(
            &bytes[..],
            |header| {
                seen = header.to_vec();
                Ok::<_, io::Error>(key.sign(header))
            },
            Vec::new(),
        )
        .unwrap();
        assert_eq!(signed.len(), bytes.len());
        let reader = Reader::new(&signed[..]).unwrap();
        assert_eq!(reader.signed_bytes(), seen);
        let [info] = reader.signatures() else { panic!("one signature") };
        let id = info.key_id.clone().unwrap();
        let keys = key.gpg("--list-keys --with-colons");
        assert!(keys.contains(&format!(":{}:", id.to_uppercase())), "{id}\n{keys}");
        reader.visit(|_, _| Ok(())).unwrap();

        let path = directory.file("signed.rpm", &signed);
        let public = directory.0.join("public.asc");
        key.gpg(&format!("--armor --export > {}", public.display()));
        let database = directory.0.join(algorithm);
        let database = database.to_str().unwrap();
        run("rpm", &["--dbpath", database, "--initdb"]);
        run("rpm", &["--dbpath", database, "--import", public.to_str().unwrap()]);
        let shown = run("rpm", &["--dbpath", database, "-Kv", path.to_str().unwrap()]);
        let expected = format!("    Header V4 {name} Signature, key ID {}: OK\n", &id[8..]);
        assert!(shown.contains(&expected), "{shown}");

        // Again with another signature, and without.
        let again = sign(&signed[..], |header| Ok::<_, io::Error>(key.sign(header)), Vec::new()).unwrap();
        assert_eq!(again.len(), bytes.len());
        assert_eq!(Reader::new(&again[..]).unwrap().signatures().len(), 1);
        assert!(unsign(&signed[..], Vec::new()).unwrap() == bytes);
        assert!(unsign(&again[..], Vec::new()).unwrap() == bytes);
    }
    assert!(unsign(&bytes[..], Vec::new()).unwrap() == bytes);
}

#[test]
fn what_is_no_signature_is_not_put_in() {
    let bytes = packed(&package(), &files(), options(Compression::Gzip));
    let error = |packet: &[u8]| {
        let made = sign(&bytes[..], |_| Ok::<_, io::Error>(packet.to_vec()), Vec::new());
        made.unwrap_err().to_string()
    };
    assert_eq!(error(b"-----BEGIN PGP"), "sign the package: the packet is no OpenPGP signature");
    assert_eq!(error(&[0xc2, 3, 4, 1, 1]), "sign the package: the type is 1 instead of 0, a binary document");
    assert_eq!(
        error(&[0xc2, 9, 4, 0, 1]),
        "sign the package: the packet has another length than it says, or is not alone"
    );
    assert_eq!(error(&[0xc2, 3, 5, 0, 1]), "sign the package: the version is 5, which is unknown");
    let refused = sign(&bytes[..], |_| Err(io::Error::other("no key")), Vec::new()).unwrap_err();
    assert_eq!(refused.to_string(), "sign the package");
    assert_eq!(std::error::Error::source(&refused).unwrap().to_string(), "no key");
}

fn refused(change: impl FnOnce(&mut Package, &mut Files)) -> String {
    let (mut package, mut files) = (package(), files());
    change(&mut package, &mut files);
    packed_above(u64::MAX, &package, &files, options(Compression::None)).unwrap_err().to_string()
}

#[test]
fn what_rpm_cannot_have_is_refused_and_named() {
    let table: [(&str, String); 11] = [
        (
            "write the package: its architecture `x86-64` is no word of letters, digits and `_`",
            refused(|package, _| package.architecture = "x86-64".to_owned()),
        ),
        (
            "write the package: its summary `a\nb` is not one line of text",
            refused(|package, _| package.summary = "a\nb".to_owned()),
        ),
        ("write the package: its license `` is empty", refused(|package, _| package.license.clear())),
        (
            "write the package: its script `pre` is given twice",
            refused(|package, _| package.scripts.push(package.scripts[0].clone())),
        ),
        (
            "write the package: its script `pre` has an interpreter that is no absolute path",
            refused(|package, _| package.scripts[0].interpreter = vec!["sh".to_owned()]),
        ),
        (
            "add `usr/bin/a` to the package: it is not absolute",
            refused(|_, files| files[0].0.path = "usr/bin/a".to_owned()),
        ),
        (
            "add `/usr/../a` to the package: it has a `.` or `..` component",
            refused(|_, files| files[0].0.path = "/usr/../a".to_owned()),
        ),
        (
            "add `/usr/bin/picker` to the package: the package has a file of this path already",
            refused(|_, files| files[0].0.path = "/usr/bin/picker".to_owned()),
        ),
        (
            "add `/usr/bin/picker/a` to the package: it is below another file of the package that is no directory",
            refused(|_, files| files[0].0.path = "/usr/bin/picker/a".to_owned()),
        ),
        (
            "add `/usr/share/doc/picker/README` to the package: it should have 8 bytes and has 9",
            refused(|_, files| files[0].1.push(0)),
        ),
        (
            "add `/usr/share/doc/picker/README` to the package: it should have 8 bytes and has 7",
            refused(|_, files| files[0].1.truncate(7)),
        ),
    ];
    for (expected, found) in table {
        assert_eq!(found, expected);
    }
}

/// Everything that can be asked of a package.
fn read_all(bytes: &[u8]) -> Result<(), RpmError> {
    let reader = Reader::new(bytes)?;
    let _ = reader.installed_size();
    reader.visit(|_, content| io::copy(&mut content.take(100), &mut io::sink()).map(|_| ()))
}

#[test]
fn every_changed_byte_is_noticed() {
    let bytes = packed(&package(), &files()[..5].to_vec(), options(Compression::None));
    read_all(&bytes).unwrap();
    let header = Reader::new(&bytes[..]).unwrap();
    let length = header.signed_bytes().len();
    let start = bytes.windows(8).rposition(|window| window == [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0]).unwrap();
    for place in start..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[place] ^= 0x20;
        assert!(read_all(&damaged).is_err(), "{place} of {start}, {length}");
    }
}

#[test]
fn cut_and_damaged_packages_do_no_harm() {
    let mut random = Random::new(7);
    for compression in ALL {
        let bytes = packed(&package(), &files()[..5].to_vec(), options(compression));
        for length in 0..bytes.len() {
            assert!(read_all(&bytes[..length]).is_err(), "{compression:?} cut to {length}");
        }
        // The signature header has a digest of the header, so what reads the header must see it without.
        let plain = sign_header_out(&bytes);
        read_all(&plain).unwrap();
        for source in [&bytes, &plain] {
            for _ in 0..2000 {
                let mut damaged = source.clone();
                for _ in 0..1 + random.below(3) {
                    let place = random.below(damaged.len().min(6000));
                    damaged[place] = match random.below(4) {
                        0 => 0xff,
                        1 => 0,
                        2 => damaged[place] ^ (1 << random.below(8)),
                        _ => random.next() as u8,
                    };
                }
                let _ = read_all(&damaged);
                let _ = sign(&damaged[..], |_| Ok::<_, io::Error>(vec![0xc2, 3, 4, 0, 1]), io::sink());
                let _ = unsign(&damaged[..], io::sink());
            }
        }
    }
}

/// The package with an empty signature header.
fn sign_header_out(bytes: &[u8]) -> Vec<u8> {
    let mut plain = bytes[..96].to_vec();
    plain.extend([0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let start = bytes.windows(8).rposition(|window| window == [0x8e, 0xad, 0xe8, 1, 0, 0, 0, 0]).unwrap();
    plain.extend(&bytes[start..]);
    plain
}

#[test]
fn a_table_that_claims_too_much_is_refused_before_it_is_allocated() {
    let bytes = packed(&package(), &files()[..1].to_vec(), options(Compression::None));
    let claim = |place: usize, value: u32| {
        let mut bytes = bytes.clone();
        bytes[place..place + 4].copy_from_slice(&value.to_be_bytes());
        Reader::new(&bytes[..]).unwrap_err().to_string()
    };
    assert_eq!(
        claim(96 + 8, u32::MAX),
        "read the package: its signature header claims 4294967295 values in 4276 bytes, more than there can be"
            .replace("4276", &number_at(&bytes, 96 + 12).to_string())
    );
    assert_eq!(claim(96 + 12, 60 << 20), "read the package: its signature header ends too early");
    // Of the second entry: its type, its offset, its count.
    assert_eq!(
        claim(96 + 32 + 4, 12),
        "read the package: its signature header has a value (tag 269) of an unknown type"
    );
    assert_eq!(
        claim(96 + 32 + 8, 1 << 31),
        "read the package: its signature header has a value (tag 269) outside its data"
    );
    assert_eq!(
        claim(96 + 32 + 12, 7),
        "read the package: its signature header has a value (tag 269) of several strings that should be one"
    );
}

fn number_at(bytes: &[u8], place: usize) -> u32 {
    u32::from_be_bytes(*bytes[place..].first_chunk().unwrap())
}
