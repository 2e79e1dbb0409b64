//! The index files of an rpm repository ("repodata"), as bytes, and their reader.
//!
//! There is no specification; what createrepo_c writes and libsolv, dnf and zypper read is the format. `repodata/repomd.xml` lists the digests of three
//! others: `primary.xml` with what a package is and needs, `filelists.xml` with the files of each package, and `other.xml` with the changelogs.
//! `repomd.xml` is to be signed apart, as `repomd.xml.asc`.
//!
//! The three are compressed with gzip. Zstandard would save a few kilobytes, but dnf of the enterprise distributions before version 9 cannot read it, while
//! every client reads gzip. Their names start with their digests, so that a client that has read an older `repomd.xml` never gets a file of the newer one.
//!
//! Times are those of the packages' own source, and the revision is the repository's, so the same packages give the same bytes.

mod check;
#[cfg(test)]
mod clients;
mod xml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, BufRead, Write};
use std::num::NonZeroUsize;

use sha2::{Digest, Sha256};
use thiserror::Error;

pub use check::{Flaw, Present, check, revision};

use crate::rpm::{Change, Comparison, Dependency, Entry, FileKind, Reader};
use crate::{Level, gzip};
use xml::Writer;

/// A package of the repository.
#[derive(Debug, Clone, PartialEq)]
pub struct Package {
    /// The path of the file below the repository's directory.
    pub location: String,
    /// Of the file, in bytes.
    pub size: u64,
    /// Of the file.
    pub sha256: [u8; 32],
    /// What it says of itself.
    pub package: crate::rpm::Package,
    /// Its files.
    pub entries: Vec<Entry>,
    /// Where its header starts and ends in the file.
    pub header_range: (u64, u64),
    /// What its files take when they are installed, in bytes.
    pub installed_size: u64,
    /// Of the payload without its compression, in bytes.
    pub archive_size: u64,
    /// The name of the source package; empty where there is none.
    pub source: String,
}

/// The files that were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// By their paths below the repository's directory.
    pub files: BTreeMap<String, Vec<u8>>,
}

/// Why a repository cannot be made.
#[derive(Debug, Error)]
pub enum RpmRepositoryError {
    /// Nothing to offer.
    #[error("make an rpm repository: it would have no packages")]
    Empty,
    /// The name of a package's file.
    #[error("offer `{file}`: that is not the name of a `.rpm` file")]
    File {
        /// As it was given.
        file: String,
    },
    /// Two packages that clients could not tell apart.
    #[error("offer `{second}` beside `{first}`: both are {package}")]
    Duplicate {
        /// The file that came first.
        first: String,
        /// The other file.
        second: String,
        /// Name, version, release and architecture.
        package: String,
    },
    /// The compressor failed.
    #[error("compress `{file}`")]
    Compress {
        /// The index.
        file: &'static str,
        /// Of the compressor.
        source: io::Error,
    },
}

impl Package {
    /// What a repository needs to know of a package whose header has been read.
    pub fn new<R: BufRead>(location: &str, size: u64, sha256: [u8; 32], reader: &Reader<R>) -> Self {
        Package {
            location: location.to_owned(),
            size,
            sha256,
            package: reader.package().clone(),
            entries: reader.entries().to_vec(),
            header_range: reader.header_range(),
            installed_size: reader.installed_size(),
            archive_size: reader.archive_size(),
            source: reader.source_package().unwrap_or_default(),
        }
    }

    fn identity(&self) -> String {
        format!("{}-{}.{}", self.package.name, self.package.evr(), self.package.architecture)
    }
}

/// The place of a package below the repository's directory.
pub fn place(file: &str) -> Result<String, RpmRepositoryError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+~^".contains(&byte);
    if file.ends_with(".rpm") && !file.starts_with('.') && file.bytes().all(plain) {
        Ok(format!("packages/{file}"))
    } else {
        Err(RpmRepositoryError::File { file: file.to_owned() })
    }
}

/// Makes all index files but the signature. `revision` is a number that grows from one release of the repository to the next, such as its time in seconds.
/// The same packages in another order give the same bytes.
pub fn index(packages: &[Package], revision: u64) -> Result<Index, RpmRepositoryError> {
    if packages.is_empty() {
        return Err(RpmRepositoryError::Empty);
    }
    let mut sorted: Vec<&Package> = packages.iter().collect();
    sorted.sort_by(|left, right| left.location.cmp(&right.location));
    let mut seen: BTreeMap<String, &Package> = BTreeMap::new();
    for package in &sorted {
        if let Some(first) = seen.insert(package.identity(), package) {
            return Err(RpmRepositoryError::Duplicate {
                first: first.location.clone(),
                second: package.location.clone(),
                package: package.identity(),
            });
        }
    }
    let mut files = BTreeMap::new();
    let mut list = Writer::new();
    list.open("repomd", &[("xmlns", NAMESPACE_REPO), ("xmlns:rpm", NAMESPACE_RPM)]);
    list.leaf("revision", &[], &revision.to_string());
    for (kind, text) in
        [("primary", primary(&sorted)), ("filelists", filelists(&sorted)), ("other", other(&sorted))]
    {
        let bytes = compressed(text.as_bytes())
            .map_err(|source| RpmRepositoryError::Compress { file: kind, source })?;
        let digest = hex(&Sha256::digest(&bytes));
        let path = format!("repodata/{digest}-{kind}.xml.gz");
        list.open("data", &[("type", kind)]);
        list.leaf("checksum", &[("type", "sha256")], &digest);
        list.leaf("open-checksum", &[("type", "sha256")], &hex(&Sha256::digest(text.as_bytes())));
        list.leaf("location", &[("href", &path)], "");
        list.leaf("timestamp", &[], &revision.to_string());
        list.leaf("size", &[], &bytes.len().to_string());
        list.leaf("open-size", &[], &text.len().to_string());
        list.close("data");
        files.insert(path, bytes);
    }
    list.close("repomd");
    files.insert("repodata/repomd.xml".to_owned(), list.finish().into_bytes());
    Ok(Index { files })
}

const NAMESPACE_COMMON: &str = "http://linux.duke.edu/metadata/common";
const NAMESPACE_FILELISTS: &str = "http://linux.duke.edu/metadata/filelists";
const NAMESPACE_OTHER: &str = "http://linux.duke.edu/metadata/other";
const NAMESPACE_REPO: &str = "http://linux.duke.edu/metadata/repo";
const NAMESPACE_RPM: &str = "http://linux.duke.edu/metadata/rpm";

fn primary(packages: &[&Package]) -> String {
    let mut writer = Writer::new();
    let count = packages.len().to_string();
    let spaces = [("xmlns", NAMESPACE_COMMON), ("xmlns:rpm", NAMESPACE_RPM), ("packages", &count)];
    writer.open("metadata", &spaces);
    for package in packages {
        primary_of(&mut writer, package);
    }
    writer.close("metadata");
    writer.finish()
}

fn primary_of(writer: &mut Writer, package: &Package) {
    let about = &package.package;
    let time = about.source_date.to_string();
    writer.open("package", &[("type", "rpm")]);
    writer.leaf("name", &[], &about.name);
    writer.leaf("arch", &[], &about.architecture);
    version(writer, package);
    writer.leaf("checksum", &[("type", "sha256"), ("pkgid", "YES")], &hex(&package.sha256));
    writer.leaf("summary", &[], &about.summary);
    let description = if about.description.is_empty() { &about.summary } else { &about.description };
    writer.leaf("description", &[], description);
    writer.leaf("packager", &[], about.packager.as_deref().unwrap_or_default());
    writer.leaf("url", &[], about.url.as_deref().unwrap_or_default());
    writer.leaf("time", &[("file", &time), ("build", &time)], "");
    let sizes = [package.size, package.installed_size, package.archive_size].map(|size| size.to_string());
    writer.leaf("size", &[("package", &sizes[0]), ("installed", &sizes[1]), ("archive", &sizes[2])], "");
    writer.leaf("location", &[("href", &package.location)], "");
    writer.open("format", &[]);
    writer.leaf("rpm:license", &[], &about.license);
    writer.leaf("rpm:vendor", &[], about.vendor.as_deref().unwrap_or_default());
    writer.leaf("rpm:group", &[], about.group.as_deref().unwrap_or_default());
    writer.leaf("rpm:buildhost", &[], about.build_host.as_deref().unwrap_or_default());
    writer.leaf("rpm:sourcerpm", &[], &package.source);
    let (start, end) = package.header_range;
    let range = [start.to_string(), end.to_string()];
    writer.leaf("rpm:header-range", &[("start", &range[0]), ("end", &range[1])], "");
    relations(writer, "rpm:provides", &about.provides, |_| true);
    relations(writer, "rpm:requires", &about.requires, |dependency| is_required(package, dependency));
    relations(writer, "rpm:conflicts", &about.conflicts, |_| true);
    relations(writer, "rpm:obsoletes", &about.obsoletes, |_| true);
    relations(writer, "rpm:suggests", &about.suggests, |_| true);
    relations(writer, "rpm:enhances", &about.enhances, |_| true);
    relations(writer, "rpm:recommends", &about.recommends, |_| true);
    relations(writer, "rpm:supplements", &about.supplements, |_| true);
    files(writer, package, is_primary);
    writer.close("format");
    writer.close("package");
}

fn version(writer: &mut Writer, package: &Package) {
    let about = &package.package;
    let epoch = about.epoch.unwrap_or_default().to_string();
    writer.leaf("version", &[("epoch", &epoch), ("ver", &about.version), ("rel", &about.release)], "");
}

/// Whether others must be asked for it: not what rpm itself can do, nor what the package brings along.
fn is_required(package: &Package, dependency: &Dependency) -> bool {
    let same = |other: &Dependency| {
        other.name() == dependency.name() && other.constraint() == dependency.constraint()
    };
    let own = || {
        is_primary(dependency.name()) && package.entries.iter().any(|entry| entry.path == dependency.name())
    };
    !dependency.is_rpmlib()
        && !dependency.name().starts_with("rpmlib(")
        && !package.package.provides.iter().any(same)
        && !own()
}

fn relations(writer: &mut Writer, name: &str, list: &[Dependency], wanted: impl Fn(&Dependency) -> bool) {
    let mut seen = BTreeSet::new();
    let list: Vec<&Dependency> = list
        .iter()
        .filter(|dependency| wanted(dependency))
        .filter(|dependency| {
            let constraint =
                dependency.constraint().map(|(comparison, version)| (flags(comparison), version));
            seen.insert((dependency.name(), constraint, dependency.is_needed_first()))
        })
        .collect();
    if list.is_empty() {
        return;
    }
    writer.open(name, &[]);
    for dependency in list {
        let mut attributes = vec![("name", dependency.name())];
        let parts =
            dependency.constraint().map(|(comparison, version)| (flags(comparison), divided(version)));
        if let Some((flags, (epoch, version, release))) = &parts {
            attributes.extend([("flags", *flags), ("epoch", epoch), ("ver", version)]);
            attributes.extend(release.map(|release| ("rel", release)));
        }
        if dependency.is_needed_first() {
            attributes.push(("pre", "1"));
        }
        writer.leaf("rpm:entry", &attributes, "");
    }
    writer.close(name);
}

fn flags(comparison: Comparison) -> &'static str {
    match comparison {
        Comparison::Less => "LT",
        Comparison::LessOrEqual => "LE",
        Comparison::Equal => "EQ",
        Comparison::GreaterOrEqual => "GE",
        Comparison::Greater => "GT",
    }
}

/// `[epoch:]version[-release]`
fn divided(version: &str) -> (&str, &str, Option<&str>) {
    let (epoch, rest) = version.split_once(':').unwrap_or(("0", version));
    match rest.rsplit_once('-') {
        Some((version, release)) => (epoch, version, Some(release)),
        None => (epoch, rest, None),
    }
}

/// Files that others may depend on without reading the lists of files.
fn is_primary(path: &str) -> bool {
    path.starts_with("/etc/") || path.contains("bin/") || path == "/usr/lib/sendmail"
}

fn files(writer: &mut Writer, package: &Package, wanted: impl Fn(&str) -> bool) {
    for entry in package.entries.iter().filter(|entry| wanted(&entry.path)) {
        let attributes: &[(&str, &str)] = match &entry.kind {
            _ if entry.marks.ghost => &[("type", "ghost")],
            Some(FileKind::Directory) => &[("type", "dir")],
            _ => &[],
        };
        writer.leaf("file", attributes, &entry.path);
    }
}

fn filelists(packages: &[&Package]) -> String {
    list("filelists", NAMESPACE_FILELISTS, packages, |writer, package| files(writer, package, |_| true))
}

fn other(packages: &[&Package]) -> String {
    list("otherdata", NAMESPACE_OTHER, packages, |writer, package| {
        // The oldest first, as createrepo_c has them, and no more than the latest ten.
        let latest: Vec<&Change> = package.package.changelog.iter().take(10).collect();
        for change in latest.into_iter().rev() {
            let date = change.time.to_string();
            writer.leaf("changelog", &[("author", &change.author), ("date", &date)], &change.text);
        }
    })
}

fn list(
    root: &str,
    namespace: &str,
    packages: &[&Package],
    content: impl Fn(&mut Writer, &Package),
) -> String {
    let mut writer = Writer::new();
    let count = packages.len().to_string();
    writer.open(root, &[("xmlns", namespace), ("packages", &count)]);
    for package in packages {
        let (digest, about) = (hex(&package.sha256), &package.package);
        let attributes = [("pkgid", digest.as_str()), ("name", &about.name), ("arch", &about.architecture)];
        writer.open("package", &attributes);
        version(&mut writer, package);
        content(&mut writer, package);
        writer.close("package");
    }
    writer.close(root);
    writer.finish()
}

/// The file that users put into `/etc/yum.repos.d/`. `signed_packages` tells whether every package is signed by the key, which lies beside `repomd.xml`.
pub fn definition(id: &str, name: &str, address: &str, signed: Option<SignedParts>) -> String {
    let address = address.trim_end_matches('/');
    let mut text = format!("[{id}]\nname={name}\nbaseurl={address}\nenabled=1\n");
    match signed {
        Some(SignedParts { packages }) => {
            let _ = writeln!(text, "gpgcheck={}", u8::from(packages));
            let _ = writeln!(text, "repo_gpgcheck=1\ngpgkey={address}/{KEY_FILE}");
        }
        None => text.push_str("gpgcheck=0\nrepo_gpgcheck=0\n"),
    }
    text
}

/// Where the public key of a signed repository lies; zypper looks for it there by itself.
pub const KEY_FILE: &str = "repodata/repomd.xml.key";

/// What of a signed repository is signed beside `repomd.xml`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignedParts {
    /// Whether every package is, too.
    pub packages: bool,
}

fn compressed(bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = gzip::Encoder::new(Vec::new(), Level::Default, NonZeroUsize::MIN)?;
    encoder.write_all(bytes)?;
    encoder.finish()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rpm::Marks;

    fn dependencies(lines: &[&str]) -> Vec<Dependency> {
        lines.iter().map(|line| line.parse().unwrap()).collect()
    }

    fn package(name: &str, digest: u8) -> Package {
        let about = crate::rpm::Package {
            name: name.to_owned(),
            version: "1.2.3".to_owned(),
            release: "1".to_owned(),
            architecture: "x86_64".to_owned(),
            summary: "A <program> & more".to_owned(),
            description: "Lines\n\nof text".to_owned(),
            license: "MIT".to_owned(),
            source_date: 1_700_000_000,
            requires: dependencies(&[
                "libc.so.6(GLIBC_2.17)(64bit)",
                "data >= 1:2.0",
                "app(x86-64) = 1.2.3-1",
                "/etc/app.conf",
            ]),
            provides: dependencies(&["app = 1.2.3-1", "app(x86-64) = 1.2.3-1"]),
            changelog: vec![
                Change {
                    time: 1_700_000_000,
                    author: "Ada <ada@example.com> - 1.2.3-1".to_owned(),
                    text: "- new".to_owned(),
                },
                Change {
                    time: 1_600_000_000,
                    author: "Ada <ada@example.com> - 1.2.2-1".to_owned(),
                    text: "- old".to_owned(),
                },
            ],
            ..crate::rpm::Package::default()
        };
        let entry = |path: &str, kind, ghost| Entry {
            path: path.to_owned(),
            kind: Some(kind),
            mode: 0o755,
            marks: Marks { ghost, ..Marks::default() },
            user: "root".to_owned(),
            group: "root".to_owned(),
            modified: 1_700_000_000,
            sha256: None,
        };
        let regular = || FileKind::Regular { size: 3 };
        Package {
            location: place(&format!("{}.rpm", about.name)).unwrap(),
            size: 1000,
            sha256: [digest; 32],
            package: about,
            entries: vec![
                entry("/etc/app.conf", regular(), false),
                entry("/usr/bin/app", regular(), false),
                entry("/usr/share/app", FileKind::Directory, false),
                entry("/usr/share/app/text", regular(), false),
                entry("/var/log/app.log", regular(), true),
            ],
            header_range: (280, 5000),
            installed_size: 9,
            archive_size: 500,
            source: "app-1.2.3-1.src.rpm".to_owned(),
        }
    }

    fn text(index: &Index, kind: &str) -> String {
        let (_, bytes) =
            index.files.iter().find(|(path, _)| path.ends_with(&format!("-{kind}.xml.gz"))).unwrap();
        let mut text = String::new();
        io::Read::read_to_string(&mut flate2::read::GzDecoder::new(&bytes[..]), &mut text).unwrap();
        text
    }

    #[test]
    fn the_files_are_what_clients_expect() {
        let made = index(&[package("app", 0xab)], 1_700_000_000).unwrap();
        let abab = "ab".repeat(32);
        let primary = text(&made, "primary");
        assert_eq!(
            primary,
            format!(
                r#"<?xml version="1.0" encoding="UTF-8"?>
<metadata xmlns="http://linux.duke.edu/metadata/common" xmlns:rpm="http://linux.duke.edu/metadata/rpm" packages="1">
  <package type="rpm">
    <name>app</name>
    <arch>x86_64</arch>
    <version epoch="0" ver="1.2.3" rel="1"/>
    <checksum type="sha256" pkgid="YES">{abab}</checksum>
    <summary>A &lt;program&gt; &amp; more</summary>
    <description>Lines

of text</description>
    <packager/>
    <url/>
    <time file="1700000000" build="1700000000"/>
    <size package="1000" installed="9" archive="500"/>
    <location href="packages/app.rpm"/>
    <format>
      <rpm:license>MIT</rpm:license>
      <rpm:vendor/>
      <rpm:group/>
      <rpm:buildhost/>
      <rpm:sourcerpm>app-1.2.3-1.src.rpm</rpm:sourcerpm>
      <rpm:header-range start="280" end="5000"/>
      <rpm:provides>
        <rpm:entry name="app" flags="EQ" epoch="0" ver="1.2.3" rel="1"/>
        <rpm:entry name="app(x86-64)" flags="EQ" epoch="0" ver="1.2.3" rel="1"/>
      </rpm:provides>
      <rpm:requires>
        <rpm:entry name="libc.so.6(GLIBC_2.17)(64bit)"/>
        <rpm:entry name="data" flags="GE" epoch="1" ver="2.0"/>
      </rpm:requires>
      <file>/etc/app.conf</file>
      <file>/usr/bin/app</file>
    </format>
  </package>
</metadata>
"#
            )
        );
        assert_eq!(
            text(&made, "filelists"),
            format!(
                r#"<?xml version="1.0" encoding="UTF-8"?>
<filelists xmlns="http://linux.duke.edu/metadata/filelists" packages="1">
  <package pkgid="{abab}" name="app" arch="x86_64">
    <version epoch="0" ver="1.2.3" rel="1"/>
    <file>/etc/app.conf</file>
    <file>/usr/bin/app</file>
    <file type="dir">/usr/share/app</file>
    <file>/usr/share/app/text</file>
    <file type="ghost">/var/log/app.log</file>
  </package>
</filelists>
"#
            )
        );
        assert_eq!(
            text(&made, "other"),
            format!(
                r#"<?xml version="1.0" encoding="UTF-8"?>
<otherdata xmlns="http://linux.duke.edu/metadata/other" packages="1">
  <package pkgid="{abab}" name="app" arch="x86_64">
    <version epoch="0" ver="1.2.3" rel="1"/>
    <changelog author="Ada &lt;ada@example.com&gt; - 1.2.2-1" date="1600000000">- old</changelog>
    <changelog author="Ada &lt;ada@example.com&gt; - 1.2.3-1" date="1700000000">- new</changelog>
  </package>
</otherdata>
"#
            )
        );
        assert_eq!(revision(&made.files["repodata/repomd.xml"]), Some(1_700_000_000));
        let list = str::from_utf8(&made.files["repodata/repomd.xml"]).unwrap();
        assert!(list.contains("<revision>1700000000</revision>"), "{list}");
        let open = hex(&Sha256::digest(primary.as_bytes()));
        assert!(list.contains(&format!("<open-checksum type=\"sha256\">{open}</open-checksum>")), "{list}");
    }

    #[test]
    fn the_order_of_packages_does_not_matter() {
        let (one, two) = (package("app", 1), package("other", 2));
        let forth = index(&[one.clone(), two.clone()], 7).unwrap();
        assert_eq!(index(&[two, one], 7).unwrap(), forth);
    }

    #[test]
    fn what_clients_would_stumble_over_is_refused() {
        assert_eq!(
            index(&[], 1).unwrap_err().to_string(),
            "make an rpm repository: it would have no packages"
        );
        let twin = Package { location: "packages/b.rpm".to_owned(), ..package("app", 2) };
        assert_eq!(
            index(&[twin, package("app", 1)], 1).unwrap_err().to_string(),
            "offer `packages/b.rpm` beside `packages/app.rpm`: both are app-1.2.3-1.x86_64"
        );
        for name in ["a.deb", "a/b.rpm", ".rpm", "ä.rpm"] {
            assert_eq!(
                place(name).unwrap_err().to_string(),
                format!("offer `{name}`: that is not the name of a `.rpm` file")
            );
        }
    }

    #[test]
    fn the_file_for_users_says_what_is_signed() {
        assert_eq!(
            definition("app", "App & more", "https://example.com/rpm/", Some(SignedParts { packages: true })),
            "[app]\nname=App & more\nbaseurl=https://example.com/rpm\nenabled=1\ngpgcheck=1\nrepo_gpgcheck=1\n\
             gpgkey=https://example.com/rpm/repodata/repomd.xml.key\n"
        );
        let open = definition("app", "App", "https://example.com/rpm", None);
        assert!(open.ends_with("enabled=1\ngpgcheck=0\nrepo_gpgcheck=0\n"), "{open}");
    }

    fn present() -> Present {
        let packages = [package("app", 1), package("other", 2)];
        Present {
            indexes: index(&packages, 7).unwrap().files,
            packages: packages.into_iter().map(|package| (package.location.clone(), package)).collect(),
        }
    }

    fn messages(present: &Present) -> Vec<String> {
        check(present).into_iter().map(|flaw| format!("{}: {}", flaw.file, flaw.message)).collect()
    }

    type Damage = fn(&mut Present);

    #[test]
    fn every_damage_is_told() {
        assert_eq!(messages(&present()), [""; 0]);
        let damages: [(&str, Damage, &str); 9] = [
            (
                "a package is gone",
                |present| _ = present.packages.remove("packages/app.rpm"),
                "it lists a package 0101",
            ),
            (
                "a package is another",
                |present| present.packages.get_mut("packages/app.rpm").unwrap().sha256 = [9; 32],
                "it does not list `packages/app.rpm`",
            ),
            (
                "a package needs something else",
                |present| {
                    let package = present.packages.get_mut("packages/app.rpm").unwrap();
                    package.package.requires = dependencies(&["data >= 3.0"]);
                },
                "`packages/app.rpm`: `rpm:entry` has name=\"libc.so.6(GLIBC_2.17)(64bit)\" and should have name=\"data\"",
            ),
            (
                "a package has a file more",
                |present| {
                    let package = present.packages.get_mut("packages/app.rpm").unwrap();
                    let more = Entry { path: "/usr/share/more".to_owned(), ..package.entries[0].clone() };
                    package.entries.push(more);
                },
                "-filelists.xml.gz: `packages/app.rpm`: `package` has no further `file`",
            ),
            (
                "a package has another changelog",
                |present| present.packages.get_mut("packages/app.rpm").unwrap().package.changelog.clear(),
                "-other.xml.gz: `packages/app.rpm`: `package` has `changelog` too many",
            ),
            (
                "an index is changed",
                |present| {
                    let name =
                        present.indexes.keys().find(|name| name.ends_with("-other.xml.gz")).unwrap().clone();
                    // The system's number in the header of gzip, which no reader looks at.
                    present.indexes.get_mut(&name).unwrap()[9] = 3;
                },
                "and not the one that `repodata/repomd.xml` lists",
            ),
            (
                "an index is gone",
                |present| {
                    let name = present
                        .indexes
                        .keys()
                        .find(|name| name.ends_with("-primary.xml.gz"))
                        .unwrap()
                        .clone();
                    present.indexes.remove(&name);
                },
                "`repodata/repomd.xml` lists the file, and it is missing",
            ),
            (
                "a file has come",
                |present| _ = present.indexes.insert("repodata/new".to_owned(), Vec::new()),
                "repodata/new: `repodata/repomd.xml` does not list the file",
            ),
            (
                "the list is gone",
                |present| _ = present.indexes.remove("repodata/repomd.xml"),
                "repodata/repomd.xml: the file is missing",
            ),
        ];
        for (name, damage, expected) in damages {
            let mut present = present();
            damage(&mut present);
            let messages = messages(&present);
            assert!(messages.iter().any(|message| message.contains(expected)), "{name}: {messages:#?}");
        }
    }

    #[test]
    fn hostile_indexes_do_no_harm() {
        let whole = present();
        let mut random = crate::sample::Random::new(7);
        let paths: Vec<String> = whole.indexes.keys().cloned().collect();
        for _ in 0..2000 {
            let mut present = whole.clone();
            let bytes = present.indexes.get_mut(&paths[random.below(paths.len())]).unwrap();
            let place = random.below(bytes.len());
            match random.below(3) {
                0 => bytes.truncate(place),
                1 => bytes[place] = random.next() as u8,
                _ => _ = bytes.drain(..place),
            }
            check(&present);
        }
    }
}
