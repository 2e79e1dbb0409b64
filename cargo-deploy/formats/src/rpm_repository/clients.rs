//! dnf reads what we write, and createrepo_c writes the same of packages that rpmbuild made.
#![expect(clippy::disallowed_methods, reason = "real clients work on files")]

use std::collections::BTreeSet;
use std::fs;
use std::io::BufReader;
use std::path::PathBuf;
use std::process::Command;

use super::xml::{self, Element};
use super::*;

/// A directory of its own for a test, removed when all went well.
struct Place(PathBuf);

impl Place {
    fn new(name: &str) -> Self {
        let path =
            std::env::temp_dir().join(format!("deploy-formats-repodata-{name}-{}", std::process::id()));
        let _ = fs::remove_dir_all(&path);
        for directory in ["gnupg", "log", "repos.d", "repository/packages"] {
            fs::create_dir_all(path.join(directory)).unwrap();
        }
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
            .env("HOME", &self.0)
            .env("SOURCE_DATE_EPOCH", "1700000000")
            .env("LC_ALL", "C")
            .output()
            .unwrap_or_else(|cause| panic!("{program}: {cause}"));
        let text = [output.stdout, output.stderr].concat();
        (output.status.success(), String::from_utf8_lossy(&text).into_owned())
    }

    fn must(&self, program: &str, arguments: &[&str]) -> String {
        let (good, text) = self.run(program, arguments);
        assert!(good, "{program} {arguments:?}: {text}");
        text
    }

    fn dnf(&self, arguments: &[&str]) -> (bool, String) {
        let at = |option: &str, name: &str| format!("--setopt={option}={}", self.0.join(name).display());
        let options = [
            format!("--installroot={}", self.0.join("root").display()),
            at("reposdir", "repos.d"),
            at("cachedir", "cache"),
            at("varsdir", "vars"),
            at("logdir", "log"),
            at("persistdir", "persist"),
            "--releasever=1".to_owned(),
            "--noplugins".to_owned(),
            "-y".to_owned(),
        ];
        let all: Vec<&str> = options.iter().map(String::as_str).chain(arguments.iter().copied()).collect();
        self.run("dnf", &all)
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

const APP: &str = "\
Name: app
Version: 1.2.3
Release: 1
Summary: A program with <angles> & \"quotes\"
License: MIT
URL: https://example.com/?a=1&b=2
Vendor: Example
Group: Applications/Text
Packager: Ada <ada@example.com>
BuildArch: noarch
Requires: app-data >= 1:1.0
Requires(pre): /bin/sh
Recommends: other-thing
Suggests: third-thing = 2.0-3
Supplements: fourth-thing
Enhances: (fifth-thing and sixth-thing)
Conflicts: old-app < 1
Obsoletes: older-app <= 0.9
Provides: virtual-app = 1.2.3
%description
Several lines

with an <empty> one between.
%post
true
%install
mkdir -p %{buildroot}/usr/bin %{buildroot}/etc/app %{buildroot}/usr/share/app %{buildroot}/var/log
printf '#!/bin/sh\\necho hello\\n' > %{buildroot}/usr/bin/app
chmod 755 %{buildroot}/usr/bin/app
ln -s app %{buildroot}/usr/bin/wheel
echo a > %{buildroot}/etc/app/app.conf
echo b > %{buildroot}/usr/share/app/text
touch %{buildroot}/var/log/app.log
%files
/usr/bin/app
/usr/bin/wheel
%config(noreplace) /etc/app/app.conf
%dir /usr/share/app
/usr/share/app/text
%ghost /var/log/app.log
%changelog
* Tue Nov 14 2023 Ada <ada@example.com> - 1.2.3-1
- Second & better
* Mon Nov 13 2023 Ada <ada@example.com> - 1.2.2-1
- First
";

const DATA: &str = "\
Name: app-data
Epoch: 1
Version: 1.0~rc1
Release: 2
Summary: Its data
License: MIT
BuildArch: noarch
%description
Data.
%install
mkdir -p %{buildroot}/usr/share/app-data
echo b > %{buildroot}/usr/share/app-data/text
%files
/usr/share/app-data/text
";

/// Two packages in `repository/packages`, signed by a key of the test.
fn packages(place: &Place) {
    place.must("chmod", &["700", "gnupg"]);
    let key = [
        "--batch",
        "--passphrase",
        "",
        "--quick-gen-key",
        "Example <example@example.com>",
        "rsa2048",
        "sign",
        "never",
    ];
    place.must("gpg", &key);
    let root = place.0.display();
    for (name, spec) in [("app", APP), ("app-data", DATA)] {
        place.write(&format!("{name}.spec"), spec);
        place.must(
            "rpmbuild",
            &[
                "-bb",
                "--quiet",
                "--define",
                &format!("_topdir {root}/top"),
                "--define",
                &format!("_rpmdir {root}/repository/packages"),
                "--define",
                "_build_name_fmt %%{NAME}-%%{VERSION}-%%{RELEASE}.%%{ARCH}.rpm",
                "--define",
                "use_source_date_epoch_as_buildtime 1",
                &format!("{name}.spec"),
            ],
        );
    }
    let gpg = place.must("sh", &["-c", "command -v gpg"]);
    let signed = format!("__gpg {}", gpg.trim());
    place.must(
        "sh",
        &["-c", "exec rpmsign --define \"$0\" --define '_gpg_name example@example.com' --addsign repository/packages/*.rpm", &signed],
    );
}

/// What is there, with our index written beside the packages.
fn indexed(place: &Place) -> Present {
    let mut present = Present::default();
    for name in ["app-1.2.3-1.noarch.rpm", "app-data-1.0~rc1-2.noarch.rpm"] {
        let location = super::place(name).unwrap();
        let bytes = fs::read(place.0.join("repository").join(&location)).unwrap();
        let reader = Reader::new(BufReader::new(&bytes[..])).unwrap();
        let package = Package::new(&location, bytes.len() as u64, Sha256::digest(&bytes).into(), &reader);
        present.packages.insert(location, package);
    }
    let all: Vec<Package> = present.packages.values().cloned().collect();
    present.indexes = index(&all, 1_700_000_000).unwrap().files;
    for (path, bytes) in &present.indexes {
        place.write(&format!("repository/{path}"), bytes);
    }
    present
}

/// Signs the list and tells dnf of the repository.
fn publish(place: &Place) {
    place.must(
        "gpg",
        &[
            "--batch",
            "--yes",
            "-abs",
            "-o",
            "repository/repodata/repomd.xml.asc",
            "repository/repodata/repomd.xml",
        ],
    );
    let key = place.must("gpg", &["--batch", "--armor", "--export"]);
    place.write(&format!("repository/{KEY_FILE}"), key);
    let address = format!("file://{}/repository", place.0.display());
    let text = definition("example", "Example", &address, Some(SignedParts { packages: true }));
    place.write("repos.d/example.repo", text);
}

#[test]
fn dnf_installs_by_name_from_a_signed_repository() {
    let place = Place::new("install");
    packages(&place);
    let mut present = indexed(&place);
    publish(&place);
    for name in ["repodata/repomd.xml.asc", KEY_FILE] {
        present.indexes.insert(name.to_owned(), fs::read(place.0.join("repository").join(name)).unwrap());
    }
    assert_eq!(check(&present), []);

    let (good, listed) =
        place.dnf(&["repoquery", "--qf", "%{name} %{epoch}:%{version}-%{release} %{arch} %{location}"]);
    assert!(good && listed.contains("app 0:1.2.3-1 noarch packages/app-1.2.3-1.noarch.rpm"), "{listed}");
    assert!(listed.contains("app-data 1:1.0~rc1-2 noarch"), "{listed}");
    let (good, files) = place.dnf(&["repoquery", "-l", "app"]);
    assert!(good && files.contains("/usr/share/app/text") && files.contains("/var/log/app.log"), "{files}");
    let (good, owner) = place.dnf(&["repoquery", "--file", "/usr/bin/wheel"]);
    assert!(good && owner.contains("app-0:1.2.3-1.noarch"), "{owner}");
    let (good, needs) = place.dnf(&["repoquery", "--requires", "app"]);
    assert!(good && needs.contains("app-data >= 1:1.0"), "{needs}");
    let (good, changes) = place.dnf(&["repoquery", "--changelogs", "app"]);
    assert!(good && changes.contains("- Second & better"), "{changes}");

    let (good, said) = place.dnf(&["install", "app-data"]);
    assert!(good && said.contains("Importing GPG key"), "{said}");
    let installed = place.0.join("root/usr/share/app-data/text");
    assert_eq!(fs::read_to_string(installed).unwrap(), "b\n");
}

#[test]
fn dnf_refuses_what_is_not_signed_or_was_changed() {
    let place = Place::new("refuse");
    packages(&place);
    indexed(&place);
    publish(&place);
    let list = fs::read_to_string(place.0.join("repository/repodata/repomd.xml")).unwrap();
    place.write("repository/repodata/repomd.xml", list.replace("1700000000", "1700000001"));
    let (good, said) = place.dnf(&["install", "--downloadonly", "app-data"]);
    assert!(!good && said.contains("Bad GPG signature"), "{said}");
    place.write("repository/repodata/repomd.xml", &list);

    let package = place.0.join("repository/packages/app-data-1.0~rc1-2.noarch.rpm");
    let mut bytes = fs::read(&package).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&package, bytes).unwrap();
    let (good, said) = place.dnf(&["install", "app-data"]);
    assert!(!good, "{said}");
}

/// The text of all elements and attributes, without what belongs to the machine that createrepo_c ran on, and without order.
fn facts(element: &Element, path: &str, facts: &mut BTreeSet<String>) {
    let path = format!("{path}/{}", element.name);
    if element.children.is_empty() && !element.text.trim().is_empty() {
        facts.insert(format!("{path} {}", element.text.trim()));
    }
    let mut attributes: Vec<String> = element
        .attributes
        .iter()
        .filter(|(name, _)| name != "file")
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    attributes.sort();
    facts.insert(format!("{path} {attributes:?} {}", element.text.trim()));
    for child in &element.children {
        self::facts(child, &path, facts);
    }
}

#[test]
fn createrepo_c_says_the_same_of_each_package() {
    let place = Place::new("createrepo");
    packages(&place);
    let present = indexed(&place);
    place.must("cp", &["-r", "repository/packages", "plain-packages"]);
    fs::create_dir_all(place.0.join("plain")).unwrap();
    place.must("mv", &["plain-packages", "plain/packages"]);
    place.must("createrepo_c", &["--quiet", "--no-database", "plain"]);
    for kind in ["primary", "filelists", "other"] {
        let theirs = place.must("sh", &["-c", &format!("zcat plain/repodata/*-{kind}.xml.gz")]);
        let (_, ours) =
            present.indexes.iter().find(|(path, _)| path.ends_with(&format!("-{kind}.xml.gz"))).unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&ours[..]), &mut text).unwrap();
        let [ours, theirs] = [text, theirs].map(|text| {
            let mut all = BTreeSet::new();
            for (index, package) in xml::read(&text).unwrap().children.iter().enumerate() {
                let name = package.child("name").map_or_else(
                    || package.attribute("name").unwrap_or_default().to_owned(),
                    |name| name.text.clone(),
                );
                facts(package, &format!("{index} {name}"), &mut all);
            }
            all
        });
        let missing: Vec<&String> = theirs.difference(&ours).collect();
        let more: Vec<&String> = ours.difference(&theirs).collect();
        assert!(
            missing.is_empty() && more.is_empty(),
            "{kind}: not there: {missing:#?}\nnot theirs: {more:#?}"
        );
        assert!(ours.len() > 4, "{kind}: {ours:#?}");
    }
}
