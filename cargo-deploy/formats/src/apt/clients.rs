//! apt itself reads what we write, and refuses what is damaged.
#![expect(clippy::disallowed_methods, reason = "real clients work on files")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use sha2::{Digest, Sha256};

use super::*;
use crate::debian;

/// A directory of its own for a test, removed when all went well.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("deploy-formats-apt-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        fs::create_dir_all(&path).unwrap();
        Place(path)
    }

    fn write(&self, path: &str, bytes: impl AsRef<[u8]>) {
        let path = self.0.join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
    }

    /// Status, and what it wrote.
    fn run(&self, program: &str, arguments: &[&str]) -> (bool, String) {
        let output = Command::new(program)
            .args(arguments)
            .current_dir(&self.0)
            .env("GNUPGHOME", self.0.join("gnupg"))
            .env("APT_CONFIG", self.0.join("apt.conf"))
            .env("LC_ALL", "C")
            .output()
            .unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn must(&self, program: &str, arguments: &[&str]) -> String {
        let (good, text) = self.run(program, arguments);
        assert!(good, "{program} {arguments:?}: {text}");
        text
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ =
            Command::new("gpgconf").args(["--kill", "all"]).env("GNUPGHOME", self.0.join("gnupg")).output();
        if !std::thread::panicking() {
            let _ = fs::remove_dir_all(&self.0);
        }
    }
}

/// A package made by dpkg-deb.
fn deb(place: &Place, control: &str) -> (String, Vec<u8>, Paragraph) {
    let name = Paragraph::read(control).unwrap();
    let field = |field: &str| name.get(field).unwrap().to_owned();
    let file = format!("{}_{}_{}.deb", field("Package"), field("Version"), field("Architecture"));
    let root = format!("tree/{file}");
    place.write(&format!("{root}/usr/share/{}/text", field("Package")), "a file\n");
    place.write(&format!("{root}/DEBIAN/control"), control);
    place.must("dpkg-deb", &["--root-owner-group", "-b", &root, &file]);
    let bytes = fs::read(place.0.join(&file)).unwrap();
    let package = debian::package::read(&bytes[..], |_, _| Ok(())).unwrap();
    (file, bytes, package.control)
}

const CONTROL: &str =
    "Version: 1.2.3-1\nMaintainer: Ada <ada@example.com>\nSection: utils\nPriority: optional\n";

/// The repository in `repository/`, signed, with the packages `app` and `app-data`; and what is in it.
fn repository(place: &Place) -> Present {
    let app = deb(
        place,
        &format!(
            "Package: app\nArchitecture: amd64\n{CONTROL}Depends: app-data (= 1.2.3-1)\nDescription: a program\n with\n .\n text\n"
        ),
    );
    let data = deb(place, &format!("Package: app-data\nArchitecture: all\n{CONTROL}Description: its data\n"));
    let all = [app, data];
    let digest = |bytes: &[u8]| -> [u8; 32] { Sha256::digest(bytes).into() };
    let packages: Vec<Package<'_>> = all
        .iter()
        .map(|(file, bytes, control)| Package {
            file,
            size: bytes.len() as u64,
            sha256: digest(bytes),
            control,
        })
        .collect();
    let about = Repository {
        origin: "Example",
        label: "Example",
        suite: "stable",
        codename: "trusty-tools",
        component: "main",
        description: "Programs of Example",
        date: 1_700_000_000,
        valid_until: None,
    };
    let made = index(&about, &packages).unwrap();
    let mut present = Present { indexes: made.files.clone(), ..Present::default() };
    for (path, bytes) in &made.files {
        place.write(&format!("repository/{path}"), bytes);
    }
    for (path, (_, bytes, control)) in made.places.iter().zip(&all) {
        place.write(&format!("repository/{path}"), bytes);
        let stored = Stored { size: bytes.len() as u64, sha256: digest(bytes), control: control.clone() };
        present.pool.insert(path.clone(), stored);
    }

    fs::create_dir_all(place.0.join("gnupg")).unwrap();
    place.must("chmod", &["700", "gnupg"]);
    let key = [
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Example <example@example.com>",
        "ed25519",
        "sign",
        "never",
    ];
    place.must("gpg", &key);
    let release = "repository/dists/stable/Release";
    place.must("gpg", &["--batch", "--clearsign", "-o", "repository/dists/stable/InRelease", release]);
    place.must("gpg", &["--batch", "-abs", "-o", "repository/dists/stable/Release.gpg", release]);
    for name in ["InRelease", "Release.gpg"] {
        let path = format!("dists/stable/{name}");
        let bytes = fs::read(place.0.join("repository").join(&path)).unwrap();
        present.indexes.insert(path, bytes);
    }

    let public = place.must("gpg", &["--batch", "--armor", "--export"]);
    let address = format!("file:{}/repository", place.0.display());
    place.write("sources.d/example.sources", sources(&about, &address, Some(&public)).unwrap());
    let root = place.0.display();
    place.write(
        "apt.conf",
        format!(
            "Dir::Etc::SourceList \"/dev/null\";\nDir::Etc::SourceParts \"{root}/sources.d\";\nDir::Etc::Trusted \
             \"/dev/null\";\nDir::Etc::TrustedParts \"/dev/null\";\nDir::State \"{root}/state\";\nDir::State::status \
             \"{root}/status\";\nDir::Cache \"{root}/cache\";\nAPT::Architecture \"amd64\";\nAPT::Architectures \
             \"amd64\";\nAPT::Sandbox::User \"\";\nAcquire::Languages \"none\";\nDebug::NoLocking \"1\";\n"
        ),
    );
    place.write("status", "");
    for directory in ["state/lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(place.0.join(directory)).unwrap();
    }
    present
}

fn exists(path: &Path) -> bool {
    path.try_exists().unwrap()
}

#[test]
fn apt_installs_by_name_from_a_signed_repository() {
    let place = Place::new("install");
    let present = repository(&place);
    assert_eq!(check(&present), []);
    let update = place.must("apt-get", &["update"]);
    assert!(!update.contains("W: ") && !update.contains("E: ") && !update.contains("N: "), "{update}");
    let simulated = place.must("apt-get", &["install", "-s", "app"]);
    assert!(simulated.contains("Inst app-data (1.2.3-1 Example:stable [all])"), "{simulated}");
    assert!(simulated.contains("Inst app (1.2.3-1 Example:stable [amd64])"), "{simulated}");
    place.must("apt-get", &["install", "-y", "--download-only", "app"]);
    let policy = place.must("apt-cache", &["policy", "app"]);
    assert!(policy.contains("Candidate: 1.2.3-1"), "{policy}");
    let shown = place.must("apt-cache", &["show", "app"]);
    assert!(shown.contains("Filename: pool/main/a/app/app_1.2.3-1_amd64.deb"), "{shown}");
    place.must("apt-get", &["download", "app"]);
    assert!(exists(&place.0.join("app_1.2.3-1_amd64.deb")));
}

#[test]
fn apt_refuses_what_is_not_signed_or_was_changed() {
    let place = Place::new("refuse");
    let present = repository(&place);
    let signed = "repository/dists/stable/InRelease";
    let text = String::from_utf8(present.indexes["dists/stable/InRelease"].clone()).unwrap();
    place.write(signed, text.replace("Label: Example", "Label: Exemple"));
    fs::remove_file(place.0.join("repository/dists/stable/Release.gpg")).unwrap();
    let (good, said) = place.run("apt-get", &["update"]);
    assert!(!good && said.contains("invalid"), "{said}");
    place.write(signed, &text);
    place.must("apt-get", &["update"]);

    let deb = "repository/pool/main/a/app/app_1.2.3-1_amd64.deb";
    let mut bytes = fs::read(place.0.join(deb)).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    place.write(deb, &bytes);
    let (good, said) = place.run("apt-get", &["install", "-y", "--download-only", "app"]);
    assert!(!good && said.contains("Hash Sum mismatch"), "{said}");
}

#[test]
fn the_tool_of_debian_lists_the_same_packages() {
    let place = Place::new("ftparchive");
    let present = repository(&place);
    fs::create_dir_all(place.0.join("plain")).unwrap();
    place.must("cp", &["-r", "repository/pool", "plain/"]);
    let root = place.0.join("plain").display().to_string();
    let listed = place.must("sh", &["-c", &format!("cd {root} && apt-ftparchive packages pool")]);
    let expected = Paragraph::read_all(&listed).unwrap();
    let ours = str::from_utf8(&present.indexes["dists/stable/main/binary-amd64/Packages"]).unwrap();
    let ours = Paragraph::read_all(ours).unwrap();
    assert_eq!(ours.len(), 2);
    for paragraph in &ours {
        let same = expected.iter().find(|other| other.get("Package") == paragraph.get("Package")).unwrap();
        for (field, value) in paragraph.iter() {
            assert_eq!(same.get(field), Some(value), "{field}");
        }
    }
}
