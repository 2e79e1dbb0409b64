//! Tests of the repositories: packages in, files out, and what is said of damaged ones.

use super::*;
use crate::bench::files;
use crate::key::{KeyError, Subject};
use deploy_formats::debian::package::{Packing, write};
use deploy_formats::debian::{Paragraph, package::DataWriter};
use deploy_formats::{Level, compression::Compression, rpm as rpm_format};
use deploy_model::StepId;
use deploy_model::event::{Event, EventSink};
use std::io::{Cursor, Read};
use std::num::NonZeroUsize;

struct Nobody;

impl EventSink for Nobody {
    fn event(&self, _: Event) {}
}

/// A certificate whose signatures are digests.
#[derive(Debug)]
struct Digests;

fn signature(content: &[u8]) -> String {
    format!("signed {}\n", Sha256::of(content))
}

fn wrong() -> KeyError {
    let (file, key) = ("the file".to_owned(), "DIGESTS".to_owned());
    KeyError { action: "check the signature of", file, key, source: "it is by somebody else".into() }
}

impl Certificate for Digests {
    fn key(&self) -> &str {
        "DIGESTS"
    }

    fn check_detached(
        &self,
        content: &mut dyn Read,
        made: &[u8],
        subject: &Subject<'_>,
    ) -> Result<(), KeyError> {
        assert_eq!(subject.moment, 1_700_000_000);
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).unwrap();
        if made == signature(&bytes).as_bytes() { Ok(()) } else { Err(wrong()) }
    }

    fn check_cleartext(&self, signed: &str) -> Result<String, KeyError> {
        let text = signed
            .split_once("\n\n")
            .and_then(|(_, rest)| rest.split_once("-----BEGIN PGP SIGNATURE-----\n"));
        let (text, made) = text.ok_or_else(wrong)?;
        if made == signature(text.as_bytes()) { Ok(text.to_owned()) } else { Err(wrong()) }
    }

    fn check_packet(&self, _: &[u8], _: &[u8]) -> Result<(), KeyError> {
        Err(wrong())
    }
}

/// A directory of packages, and the repository made of them.
struct Made {
    directory: Utf8PathBuf,
    packages: BTreeMap<String, Sha256>,
    files: BTreeMap<String, Utf8PathBuf>,
}

impl Drop for Made {
    fn drop(&mut self) {
        let _ = files::remove_directory(&self.directory);
    }
}

fn deb(architecture: &str) -> Vec<u8> {
    let packing = Packing {
        compression: Compression::Xz,
        level: Level::Fast,
        threads: NonZeroUsize::MIN,
        modified: 1_700_000_000,
        x86: false,
    };
    let control = Paragraph::read(&format!(
        "Package: wheel\nVersion: 1.2.3-1\nArchitecture: {architecture}\nMaintainer: Ada <ada@example.com>\nDescription: a wheel\n"
    ));
    let (data, _) = DataWriter::new(Vec::new(), packing).unwrap().finish().unwrap();
    write(Vec::new(), packing, &control.unwrap(), &[], data.len() as u64, &mut &data[..]).unwrap()
}

fn rpm(architecture: &str) -> Vec<u8> {
    let about = rpm_format::Package {
        name: "wheel".to_owned(),
        version: "1.2.3".to_owned(),
        release: "1".to_owned(),
        architecture: architecture.to_owned(),
        summary: "A wheel".to_owned(),
        license: "MIT".to_owned(),
        source_date: 1_700_000_000,
        ..rpm_format::Package::default()
    };
    let options = rpm_format::Options {
        compression: Compression::Gzip,
        level: Level::Fast,
        threads: NonZeroUsize::MIN,
    };
    let nothing = &mut |_: &rpm_format::File| Ok(Box::new(std::io::empty()) as Box<dyn Read>);
    rpm_format::write(&about, &[], options, nothing, Cursor::new(Vec::new())).unwrap().into_inner()
}

/// Makes a repository of these packages, with the settings that are given.
fn make(
    name: &str,
    kind: &str,
    packages: &[(&str, Vec<u8>)],
    settings: serde_json::Value,
    key: Option<&str>,
) -> Result<Made, RepositoryError> {
    let temporary = Utf8PathBuf::from_path_buf(std::env::temp_dir()).unwrap();
    let directory = temporary.join(format!("cargo-deploy-repository-{}-{name}", std::process::id()));
    let scratch = directory.join("scratch");
    files::create_directory(&scratch).unwrap();
    let mut made = Made { directory, packages: BTreeMap::new(), files: BTreeMap::new() };
    let mut stocked = Vec::new();
    for (file, bytes) in packages {
        let path = made.directory.join(file);
        files::replace(&path, bytes).unwrap();
        let (sha256, size) = (Sha256::of(bytes), bytes.len() as u64);
        made.packages.insert((*file).to_owned(), sha256.clone());
        stocked.push(StockedPackage { file: (*file).to_owned(), path, sha256, size });
    }
    let app = App {
        name: "wheel".to_owned(),
        title: "Wheel".to_owned(),
        version: "1.2.3".to_owned(),
        description: Some("Spins a wheel".to_owned()),
        ..App::default()
    };
    let stock = Stock { app: &app, packages: &stocked, public_key: key.map(|key| ("wheel-key.asc", key)) };
    let step: StepId = "index:wheel".parse().unwrap();
    let bench = Workbench { step: &step, scratch, threads: 1, epoch: 1_700_000_000, events: &Nobody };
    for (name, file) in find(kind).unwrap().index(&settings, &stock, &bench)? {
        let path = match file {
            RepositoryFile::Made(path) => path,
            RepositoryFile::Package(file) => made.directory.join(file),
        };
        made.files.insert(name, path);
    }
    Ok(made)
}

impl Made {
    fn text(&self, name: &str) -> String {
        String::from_utf8(files::read(&self.files[name]).unwrap()).unwrap()
    }

    fn add(&mut self, name: &str, bytes: &[u8]) {
        let path = self.directory.join(name.replace('/', "_"));
        files::replace(&path, bytes).unwrap();
        self.files.insert(name.to_owned(), path);
    }

    /// What is said of it.
    fn flaws(&self, kind: &str, signed: bool) -> Vec<String> {
        let certificate = signed.then_some(&Digests as &dyn Certificate);
        let flaws = find(kind).unwrap().verify(&self.files, &self.packages, certificate).unwrap();
        flaws.into_iter().map(|flaw| format!("{}: {}", flaw.file, flaw.message)).collect()
    }
}

fn debs() -> Vec<(&'static str, Vec<u8>)> {
    vec![("wheel_1.2.3-1_amd64.deb", deb("amd64")), ("wheel_1.2.3-1_arm64.deb", deb("arm64"))]
}

fn rpms() -> Vec<(&'static str, Vec<u8>)> {
    vec![("wheel-1.2.3-1.aarch64.rpm", rpm("aarch64")), ("wheel-1.2.3-1.x86_64.rpm", rpm("x86_64"))]
}

/// Signs a suite as the signer does.
fn sign_apt(made: &mut Made) {
    let release = made.text("dists/stable/Release");
    let made_signature = signature(release.as_bytes());
    let whole = format!(
        "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n{release}-----BEGIN PGP SIGNATURE-----\n{made_signature}"
    );
    made.add("dists/stable/InRelease", whole.as_bytes());
    made.add("dists/stable/Release.gpg", made_signature.as_bytes());
}

#[test]
fn an_apt_repository_is_made_and_read_back() {
    let settings = serde_json::json!({ "url": "https://example.com/apt", "origin": "Example" });
    let mut made = make("apt", "apt", &debs(), settings, Some("KEY\n")).unwrap();
    for name in ["pool/main/w/wheel/wheel_1.2.3-1_amd64.deb", "dists/stable/main/binary-arm64/Packages.xz"] {
        assert!(made.files.contains_key(name), "{name}");
    }
    assert_eq!(
        made.text("wheel.sources"),
        "Types: deb\nURIs: https://example.com/apt\nSuites: stable\nComponents: main\nSigned-By:\n KEY\n"
    );
    let release = made.text("dists/stable/Release");
    assert!(release.starts_with("Origin: Example\nLabel: Wheel\nSuite: stable\n"), "{release}");
    assert!(release.contains("\nDescription: Spins a wheel\n"), "{release}");
    assert_eq!(
        made.flaws("apt", true),
        [
            "dists/stable/InRelease: the signature is missing",
            "dists/stable/Release.gpg: the signature is missing"
        ]
    );
    sign_apt(&mut made);
    assert_eq!(made.flaws("apt", true), [""; 0]);
    let unsigned = made.flaws("apt", false);
    assert!(
        unsigned.contains(&"wheel.sources: it has a key, and the repository is not signed".to_owned()),
        "{unsigned:?}"
    );

    made.add("dists/stable/Release.gpg", b"signed by somebody else");
    let flaws = made.flaws("apt", true);
    assert_eq!(flaws.len(), 1, "{flaws:?}");
    assert!(
        flaws[0].starts_with("dists/stable/Release.gpg: ") && flaws[0].contains("somebody else"),
        "{flaws:?}"
    );
    sign_apt(&mut made);

    made.packages.insert("wheel_1.2.3-1_armhf.deb".to_owned(), Sha256::of(b""));
    made.packages.remove("wheel_1.2.3-1_arm64.deb");
    made.add("more", b"");
    assert_eq!(
        made.flaws("apt", true),
        [
            "more: the file belongs to nothing",
            "pool: wheel_1.2.3-1_armhf.deb of the release is not there as it is",
            "pool: wheel_1.2.3-1_arm64.deb is no package of the release",
        ]
    );
}

#[test]
fn an_rpm_repository_is_made_and_read_back() {
    let settings = serde_json::json!({ "url": "https://example.com/rpm" });
    let mut made = make("rpm", "rpm", &rpms(), settings, Some("KEY\n")).unwrap();
    assert!(made.files.contains_key("packages/wheel-1.2.3-1.x86_64.rpm"));
    assert_eq!(made.text("repodata/repomd.xml.key"), "KEY\n");
    // The packages themselves are not signed.
    assert_eq!(
        made.text("wheel.repo"),
        "[wheel]\nname=Wheel\nbaseurl=https://example.com/rpm\nenabled=1\ngpgcheck=0\nrepo_gpgcheck=1\n\
         gpgkey=https://example.com/rpm/repodata/repomd.xml.key\n"
    );
    assert_eq!(made.flaws("rpm", true), ["repodata/repomd.xml.asc: the signature is missing"]);
    let list = made.text("repodata/repomd.xml");
    made.add("repodata/repomd.xml.asc", signature(list.as_bytes()).as_bytes());
    assert_eq!(made.flaws("rpm", true), [""; 0]);
    let unsigned = made.flaws("rpm", false);
    assert!(unsigned.contains(&"wheel.repo: it does not say `repo_gpgcheck=0`".to_owned()), "{unsigned:?}");

    made.add("repodata/repomd.xml.asc", b"signed by somebody else");
    let flaws = made.flaws("rpm", true);
    assert!(flaws.len() == 1 && flaws[0].contains("somebody else"), "{flaws:?}");
    made.add("repodata/repomd.xml.asc", signature(list.as_bytes()).as_bytes());

    made.packages.remove("wheel-1.2.3-1.aarch64.rpm");
    assert_eq!(made.flaws("rpm", true), ["packages: wheel-1.2.3-1.aarch64.rpm is no package of the release"]);
}

#[test]
fn repositories_without_signatures_say_so() {
    let made =
        make("apt-open", "apt", &debs(), serde_json::json!({ "url": "file:///srv/apt" }), None).unwrap();
    assert!(made.text("wheel.sources").ends_with("\nTrusted: yes\n"));
    assert_eq!(made.flaws("apt", false), [""; 0]);
    let made = make("rpm-open", "rpm", &rpms(), serde_json::json!({}), None).unwrap();
    assert!(!made.files.keys().any(|name| name.ends_with(".repo") || name.ends_with(".key")));
    assert_eq!(made.flaws("rpm", false), [""; 0]);
}

#[test]
fn two_packages_of_one_name_and_version_are_refused() {
    let twins = [("a.deb", deb("amd64")), ("b.deb", deb("amd64"))];
    let error = make("apt-twins", "apt", &twins, serde_json::Value::Null, None).err().unwrap();
    let text = crate::cause::chain(&error);
    assert!(text.contains("offer `b.deb` beside `a.deb`: both are wheel 1.2.3-1 for amd64"), "{text}");
    let twins = [("a.rpm", rpm("x86_64")), ("b.rpm", rpm("x86_64"))];
    let error = make("rpm-twins", "rpm", &twins, serde_json::Value::Null, None).err().unwrap();
    let text = crate::cause::chain(&error);
    assert!(text.contains("both are wheel-1.2.3-1.x86_64"), "{text}");
}
