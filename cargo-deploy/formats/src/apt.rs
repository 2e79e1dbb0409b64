//! The index files of an apt repository, as bytes, and their reader.
//!
//! The format is that of apt's documentation (sources.list(5), apt-secure(8)) and of <https://wiki.debian.org/DebianRepository/Format>: below
//! `dists/SUITE/` a file `Release` lists the digests of all other index files, and `COMPONENT/binary-ARCHITECTURE/Packages` has a paragraph for
//! each package, which lies below `pool/`. `Release` is to be signed twice: in one text as `InRelease`, and apart as `Release.gpg`.
//!
//! Digests are SHA-256 only. Every apt since 1.1 (2015) takes that, and MD5 and SHA-1 have stopped to say anything. Each index is there plain, as
//! `.gz` and as `.xz`, and once more under the name of its digest in `by-hash/`, so that a client which has fetched `Release` just before an upload still
//! finds what belongs to it.
//!
//! Packages for all architectures stand in the index of each architecture, as Debian itself has it; a repository that has no others gets an index of
//! the architecture `all`.

mod check;
#[cfg(test)]
mod clients;
mod date;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::io::{self, Write};
use std::num::NonZeroUsize;

use sha2::{Digest, Sha256};
use thiserror::Error;

pub use check::{Flaw, Present, Stored, check};
pub use date::{format_date, parse_date};

use crate::Level;
use crate::compression::{Compression, Encoder};
use crate::debian::paragraph::ParagraphError;
use crate::debian::{Paragraph, Version};

/// What a repository says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Repository<'a> {
    /// Who makes it; preferences of apt can name it.
    pub origin: &'a str,
    /// A short name for it; preferences of apt can name it.
    pub label: &'a str,
    /// What users write behind its address: `stable`. It is also a directory.
    pub suite: &'a str,
    /// Another name of the suite that stays when `stable` moves on; often the same.
    pub codename: &'a str,
    /// The part of the suite: `main`. It is also a directory.
    pub component: &'a str,
    /// One line.
    pub description: &'a str,
    /// When it was made, in seconds since 1970-01-01 UTC.
    pub date: u64,
    /// When it is not to be believed any more, in seconds since 1970-01-01 UTC. Clients refuse it from then on.
    pub valid_until: Option<u64>,
}

/// A package of the repository.
#[derive(Debug, Clone, Copy)]
pub struct Package<'a> {
    /// The file's name, without directories.
    pub file: &'a str,
    /// In bytes.
    pub size: u64,
    /// Of the file.
    pub sha256: [u8; 32],
    /// The package's own control file.
    pub control: &'a Paragraph,
}

/// The files that were made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Index {
    /// By their paths below the repository's directory.
    pub files: BTreeMap<String, Vec<u8>>,
    /// The place of each package below the repository's directory, in the order the packages were given.
    pub places: Vec<String>,
}

/// Why a repository cannot be made.
#[derive(Debug, Error)]
pub enum AptError {
    /// Nothing to offer.
    #[error("make an apt repository: it would have no packages")]
    Empty,
    /// A name that is to be a directory.
    #[error(
        "make an apt repository: the {what} `{name}` is not one; it is of lower-case letters, digits and `-`, `.`, `_`, `+`, and starts with a \
         letter or digit"
    )]
    Name {
        /// `suite`, `codename` or `component`.
        what: &'static str,
        /// As it was given.
        name: String,
    },
    /// The name of a package's file.
    #[error("offer `{file}`: that is not the name of a `.deb` file")]
    File {
        /// As it was given.
        file: String,
    },
    /// A control file lacks what every package has.
    #[error("offer `{file}`: its control file has no `{field}`, or a wrong one")]
    Field {
        /// The file.
        file: String,
        /// The field.
        field: &'static str,
    },
    /// Two packages that clients could not tell apart.
    #[error("offer `{second}` beside `{first}`: both are {package} {version} for {architecture}")]
    Duplicate {
        /// The file that came first.
        first: String,
        /// The other file.
        second: String,
        /// The package's name.
        package: String,
        /// Its version.
        version: String,
        /// Its architecture.
        architecture: String,
    },
    /// A value that cannot stand in an index.
    #[error("write `{file}`")]
    Paragraph {
        /// The index.
        file: String,
        /// What is wrong.
        source: ParagraphError,
    },
    /// A compressor failed.
    #[error("compress `{file}`")]
    Compress {
        /// The index.
        file: String,
        /// Of the compressor.
        source: io::Error,
    },
}

/// What an index adds to a control file.
const ADDED: [&str; 3] = ["Filename", "Size", "SHA256"];

/// How each index is there.
const COMPRESSIONS: [Compression; 3] = [Compression::None, Compression::Gzip, Compression::Xz];

/// What a package is, by which clients tell it from others.
struct Key<'a> {
    package: &'a str,
    version: Version,
    architecture: &'a str,
}

/// Makes all index files but the signatures. The same packages in another order give the same bytes.
pub fn index(repository: &Repository<'_>, packages: &[Package<'_>]) -> Result<Index, AptError> {
    for (what, name) in
        [("suite", repository.suite), ("codename", repository.codename), ("component", repository.component)]
    {
        check_name(what, name)?;
    }
    let keys: Vec<Key<'_>> = packages.iter().map(key).collect::<Result<_, _>>()?;
    let mut order: Vec<usize> = (0..packages.len()).collect();
    let parts = |place: &usize| (keys[*place].package, &keys[*place].version, keys[*place].architecture);
    order.sort_by(|left, right| {
        parts(left).cmp(&parts(right)).then(packages[*left].file.cmp(packages[*right].file))
    });
    for pair in order.windows(2) {
        if parts(&pair[0]) == parts(&pair[1]) {
            let key = &keys[pair[0]];
            return Err(AptError::Duplicate {
                first: packages[pair[0]].file.to_owned(),
                second: packages[pair[1]].file.to_owned(),
                package: key.package.to_owned(),
                version: key.version.to_string(),
                architecture: key.architecture.to_owned(),
            });
        }
    }
    let place_of = |place: usize| {
        format!("pool/{}/{}", repository.component, pool_path(keys[place].package, packages[place].file))
    };
    let architectures = architectures(keys.iter().map(|key| key.architecture));
    if architectures.is_empty() {
        return Err(AptError::Empty);
    }

    let mut files = BTreeMap::new();
    let root = format!("dists/{}", repository.suite);
    for architecture in &architectures {
        let directory = format!("{}/binary-{architecture}", repository.component);
        let mut text = String::new();
        for place in order.iter().copied() {
            if keys[place].architecture == "all" || keys[place].architecture == *architecture {
                let stanza = stanza(&packages[place], &place_of(place));
                let stanza = stanza.map_err(failed(&format!("{root}/{directory}/Packages")))?;
                let _ = writeln!(text, "{stanza}");
            }
        }
        for compression in COMPRESSIONS {
            let file = format!("{directory}/Packages{}", compression.suffix());
            let bytes = compressed(compression, text.as_bytes());
            let bytes = bytes.map_err(|source| AptError::Compress { file: file.clone(), source })?;
            files.insert(file, bytes);
        }
        let file = format!("{directory}/Release");
        let about = part(repository, architecture).map_err(failed(&format!("{root}/{file}")))?;
        files.insert(file, about.to_string().into_bytes());
    }

    let mut all = BTreeMap::new();
    let mut sums = String::new();
    for (file, bytes) in files {
        let digest = hex(&Sha256::digest(&bytes));
        let _ = write!(sums, "\n{digest} {:>9} {file}", bytes.len());
        let directory = file.rsplit_once('/').map_or("", |(directory, _)| directory);
        all.insert(format!("{root}/{directory}/by-hash/SHA256/{digest}"), bytes.clone());
        all.insert(format!("{root}/{file}"), bytes);
    }
    let name = format!("{root}/Release");
    let text = release(repository, &architectures, &sums).map_err(failed(&name))?;
    all.insert(name, text.to_string().into_bytes());
    Ok(Index { files: all, places: (0..packages.len()).map(place_of).collect() })
}

fn failed(file: &str) -> impl Fn(ParagraphError) -> AptError {
    move |source| AptError::Paragraph { file: file.to_owned(), source }
}

fn check_name(what: &'static str, name: &str) -> Result<(), AptError> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let good = name.bytes().next().is_some_and(plain)
        && name.bytes().all(|byte| plain(byte) || b"-._+".contains(&byte));
    if good { Ok(()) } else { Err(AptError::Name { what, name: name.to_owned() }) }
}

fn key<'a>(package: &Package<'a>) -> Result<Key<'a>, AptError> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._+~%:".contains(&byte);
    if !package.file.ends_with(".deb") || package.file.starts_with('.') || !package.file.bytes().all(plain) {
        return Err(AptError::File { file: package.file.to_owned() });
    }
    let field = |field: &'static str, good: fn(&str) -> bool| {
        let value = package.control.get(field).filter(|value| good(value));
        value.ok_or_else(|| AptError::Field { file: package.file.to_owned(), field })
    };
    let wrong = |_| AptError::Field { file: package.file.to_owned(), field: "Version" };
    Ok(Key {
        package: field("Package", |name| name.parse::<crate::debian::PackageName>().is_ok())?,
        version: field("Version", |_| true)?.parse().map_err(wrong)?,
        architecture: field("Architecture", |name| name.parse::<crate::debian::Architecture>().is_ok())?,
    })
}

/// The architectures that get an index.
fn architectures<'a>(all: impl Iterator<Item = &'a str>) -> BTreeSet<&'a str> {
    let mut architectures: BTreeSet<&str> = all.collect();
    if architectures.len() > 1 {
        architectures.remove("all");
    }
    architectures
}

/// As Debian divides its pool: by the first letter, or four of a library.
fn pool_path(package: &str, file: &str) -> String {
    let length = if package.starts_with("lib") { 4 } else { 1 };
    format!("{}/{package}/{file}", package.get(..length).unwrap_or(package))
}

fn stanza(package: &Package<'_>, place: &str) -> Result<Paragraph, ParagraphError> {
    let mut stanza = package.control.clone();
    stanza.push("Filename", place)?;
    stanza.push("Size", &package.size.to_string())?;
    stanza.push("SHA256", &hex(&package.sha256))?;
    Ok(stanza)
}

/// The `Release` of one architecture.
fn part(repository: &Repository<'_>, architecture: &str) -> Result<Paragraph, ParagraphError> {
    let mut part = Paragraph::new();
    part.push("Archive", repository.suite)?;
    part.push("Origin", repository.origin)?;
    part.push("Label", repository.label)?;
    part.push("Acquire-By-Hash", "yes")?;
    part.push("Component", repository.component)?;
    part.push("Architecture", architecture)?;
    Ok(part)
}

fn release(
    repository: &Repository<'_>,
    architectures: &BTreeSet<&str>,
    sums: &str,
) -> Result<Paragraph, ParagraphError> {
    let names: Vec<&str> = architectures.iter().copied().collect();
    let mut release = Paragraph::new();
    release.push("Origin", repository.origin)?;
    release.push("Label", repository.label)?;
    release.push("Suite", repository.suite)?;
    release.push("Codename", repository.codename)?;
    release.push("Date", &format_date(repository.date))?;
    if let Some(end) = repository.valid_until {
        release.push("Valid-Until", &format_date(end))?;
    }
    release.push("Acquire-By-Hash", "yes")?;
    if !architectures.contains("all") {
        release.push("No-Support-for-Architecture-all", "Packages")?;
    }
    release.push("Architectures", &names.join(" "))?;
    release.push("Components", repository.component)?;
    release.push("Description", repository.description)?;
    release.push("SHA256", sums)?;
    Ok(release)
}

/// The file that users put into `/etc/apt/sources.list.d/` (deb822 style, sources.list(5)). The key, if there is one, stands in it, which apt reads
/// since 2.3.10 (Debian 12, Ubuntu 22.04); without a key, apt is told to trust the address.
pub fn sources(
    repository: &Repository<'_>,
    address: &str,
    public_key: Option<&str>,
) -> Result<String, ParagraphError> {
    let mut sources = Paragraph::new();
    sources.push("Types", "deb")?;
    sources.push("URIs", address)?;
    sources.push("Suites", repository.suite)?;
    sources.push("Components", repository.component)?;
    match public_key {
        Some(key) => sources.push("Signed-By", &format!("\n{}", key.trim_end()))?,
        None => sources.push("Trusted", "yes")?,
    }
    Ok(sources.to_string())
}

fn compressed(compression: Compression, bytes: &[u8]) -> io::Result<Vec<u8>> {
    let mut encoder = Encoder::new(compression, Vec::new(), Level::Default, NonZeroUsize::MIN)?;
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

    fn control(package: &str, version: &str, architecture: &str) -> Paragraph {
        Paragraph::read(&format!(
            "Package: {package}\nVersion: {version}\nArchitecture: {architecture}\nMaintainer: A <a@example.com>\nDescription: a program\n \
             that does\n .\n things\n"
        ))
        .unwrap()
    }

    fn repository() -> Repository<'static> {
        Repository {
            origin: "Example",
            label: "Example",
            suite: "stable",
            codename: "stable",
            component: "main",
            description: "Programs of Example",
            date: 1_700_000_000,
            valid_until: None,
        }
    }

    fn package<'a>(file: &'a str, control: &'a Paragraph) -> Package<'a> {
        Package { file, size: 1234, sha256: [0xab; 32], control }
    }

    fn text<'a>(index: &'a Index, path: &str) -> &'a str {
        str::from_utf8(&index.files[path]).unwrap()
    }

    #[test]
    fn the_files_are_what_apt_expects() {
        let [amd, arm] = ["amd64", "arm64"].map(|architecture| control("app", "1.0-1", architecture));
        let data = control("libapp-data", "1:1.0", "all");
        let packages = [
            package("libapp-data_1.0_all.deb", &data),
            package("app_1.0-1_arm64.deb", &arm),
            package("app_1.0-1_amd64.deb", &amd),
        ];
        let made = index(&repository(), &packages).unwrap();
        let abab = "ab".repeat(32);
        assert_eq!(
            made.places,
            [
                "pool/main/liba/libapp-data/libapp-data_1.0_all.deb",
                "pool/main/a/app/app_1.0-1_arm64.deb",
                "pool/main/a/app/app_1.0-1_amd64.deb",
            ]
        );
        assert_eq!(
            text(&made, "dists/stable/main/binary-amd64/Packages"),
            format!(
                "Package: app\nVersion: 1.0-1\nArchitecture: amd64\nMaintainer: A <a@example.com>\nDescription: a program\n that does\n .\n \
                 things\nFilename: pool/main/a/app/app_1.0-1_amd64.deb\nSize: 1234\nSHA256: {abab}\n\nPackage: libapp-data\nVersion: \
                 1:1.0\nArchitecture: all\nMaintainer: A <a@example.com>\nDescription: a program\n that does\n .\n things\nFilename: \
                 pool/main/liba/libapp-data/libapp-data_1.0_all.deb\nSize: 1234\nSHA256: {abab}\n\n"
            )
        );
        assert_eq!(
            text(&made, "dists/stable/main/binary-arm64/Release"),
            "Archive: stable\nOrigin: Example\nLabel: Example\nAcquire-By-Hash: yes\nComponent: main\nArchitecture: arm64\n"
        );
        let release = text(&made, "dists/stable/Release");
        let (head, sums) = release.split_once("SHA256:\n").unwrap();
        assert_eq!(
            head,
            "Origin: Example\nLabel: Example\nSuite: stable\nCodename: stable\nDate: Tue, 14 Nov 2023 22:13:20 UTC\nAcquire-By-Hash: \
             yes\nNo-Support-for-Architecture-all: Packages\nArchitectures: amd64 arm64\nComponents: main\nDescription: Programs of \
             Example\n"
        );
        let files: Vec<&str> = sums.lines().map(|line| line.rsplit_once(' ').unwrap().1).collect();
        assert_eq!(
            files,
            [
                "main/binary-amd64/Packages",
                "main/binary-amd64/Packages.gz",
                "main/binary-amd64/Packages.xz",
                "main/binary-amd64/Release",
                "main/binary-arm64/Packages",
                "main/binary-arm64/Packages.gz",
                "main/binary-arm64/Packages.xz",
                "main/binary-arm64/Release",
            ]
        );
        assert_eq!(made.files.len(), 17);
        let mut turned = packages;
        turned.reverse();
        assert_eq!(index(&repository(), &turned).unwrap().files, made.files);
    }

    #[test]
    fn packages_for_all_architectures_alone_have_an_index_of_their_own() {
        let all = control("app", "1.0", "all");
        let made = index(&repository(), &[package("app_1.0_all.deb", &all)]).unwrap();
        let release = text(&made, "dists/stable/Release");
        assert!(release.contains("\nArchitectures: all\n") && !release.contains("No-Support"), "{release}");
        assert!(made.files.contains_key("dists/stable/main/binary-all/Packages.xz"));
    }

    #[test]
    fn what_clients_would_stumble_over_is_refused() {
        let one = control("app", "1.0-1", "amd64");
        let same = control("app", "0:1.0-1", "amd64");
        let nameless = Paragraph::read("Version: 1\nArchitecture: amd64\n").unwrap();
        let table: [(Repository<'_>, Vec<Package<'_>>, &str); 6] = [
            (repository(), vec![], "make an apt repository: it would have no packages"),
            (
                Repository { suite: "../up", ..repository() },
                vec![package("app.deb", &one)],
                "make an apt repository: the suite `../up` is not one; it is of lower-case letters, digits and `-`, `.`, `_`, `+`, and \
                 starts with a letter or digit",
            ),
            (
                repository(),
                vec![package("b.deb", &same), package("a.deb", &one)],
                "offer `b.deb` beside `a.deb`: both are app 1.0-1 for amd64",
            ),
            (
                repository(),
                vec![package("a/b.deb", &one)],
                "offer `a/b.deb`: that is not the name of a `.deb` file",
            ),
            (
                repository(),
                vec![package("b.rpm", &one)],
                "offer `b.rpm`: that is not the name of a `.deb` file",
            ),
            (
                repository(),
                vec![package("b.deb", &nameless)],
                "offer `b.deb`: its control file has no `Package`, or a wrong one",
            ),
        ];
        for (repository, packages, expected) in table {
            assert_eq!(index(&repository, &packages).unwrap_err().to_string(), expected);
        }
    }

    #[test]
    fn the_file_for_users_has_the_key_in_it() {
        let key = "-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nabc\n-----END PGP PUBLIC KEY BLOCK-----\n";
        assert_eq!(
            sources(&repository(), "https://example.com/apt", Some(key)).unwrap(),
            "Types: deb\nURIs: https://example.com/apt\nSuites: stable\nComponents: main\nSigned-By:\n -----BEGIN PGP PUBLIC KEY \
             BLOCK-----\n .\n abc\n -----END PGP PUBLIC KEY BLOCK-----\n"
        );
        let open = sources(&repository(), "https://example.com/apt", None).unwrap();
        assert!(open.ends_with("Components: main\nTrusted: yes\n"), "{open}");
    }

    /// A repository of three packages that does not lie on a disk.
    fn present() -> Present {
        let [amd, arm] = ["amd64", "arm64"].map(|architecture| control("app", "1.0-1", architecture));
        let data = control("app-data", "1.0-1", "all");
        let packages = [
            package("app_1.0-1_amd64.deb", &amd),
            package("app_1.0-1_arm64.deb", &arm),
            package("app-data_1.0-1_all.deb", &data),
        ];
        let Index { files, places } = index(&repository(), &packages).unwrap();
        let stored = packages.iter().map(|package| Stored {
            size: package.size,
            sha256: package.sha256,
            control: package.control.clone(),
        });
        Present { indexes: files, pool: places.into_iter().zip(stored).collect() }
    }

    fn messages(present: &Present) -> Vec<String> {
        check(present).into_iter().map(|flaw| format!("{}: {}", flaw.file, flaw.message)).collect()
    }

    #[test]
    fn a_repository_is_read_back_without_a_flaw() {
        assert_eq!(messages(&present()), [""; 0]);
    }

    type Damage = fn(&mut Present);

    #[test]
    fn every_damage_is_told() {
        const DEB: &str = "pool/main/a/app/app_1.0-1_amd64.deb";
        let damages: [(&str, Damage, &str); 10] = [
            (
                "a package is gone",
                |present| _ = present.pool.remove(DEB),
                "it lists `pool/main/a/app/app_1.0-1_amd64.deb`, which is missing",
            ),
            (
                "a package is another",
                |present| present.pool.get_mut(DEB).unwrap().sha256[0] = 0,
                "`pool/main/a/app/app_1.0-1_amd64.deb`: `SHA256` is abab",
            ),
            (
                "a package is longer",
                |present| present.pool.get_mut(DEB).unwrap().size += 1,
                "`pool/main/a/app/app_1.0-1_amd64.deb`: `Size` is 1234 and should be 1235",
            ),
            (
                "a package says something else of itself",
                |present| present.pool.get_mut(DEB).unwrap().control = control("app", "1.0-2", "amd64"),
                "`pool/main/a/app/app_1.0-1_amd64.deb`: `Version` is not that of the package",
            ),
            (
                "a package is not listed",
                |present| {
                    let stored = present.pool[DEB].clone();
                    present.pool.insert("pool/main/a/app/more.deb".to_owned(), stored);
                },
                "pool/main/a/app/more.deb: no index lists the package",
            ),
            (
                "an index is changed",
                |present| {
                    present.indexes.get_mut("dists/stable/main/binary-amd64/Packages.xz").unwrap()[20] ^= 1
                },
                "dists/stable/main/binary-amd64/Packages.xz: its size or digest is not the one that `dists/stable/Release` lists",
            ),
            (
                "an index is gone",
                |present| _ = present.indexes.remove("dists/stable/main/binary-arm64/Packages.gz"),
                "dists/stable/main/binary-arm64/Packages.gz: `dists/stable/Release` lists the file, and it is missing",
            ),
            (
                "a file has come",
                |present| _ = present.indexes.insert("dists/stable/main/new".to_owned(), Vec::new()),
                "dists/stable/main/new: `dists/stable/Release` does not list the file",
            ),
            (
                "the release is gone",
                |present| _ = present.indexes.remove("dists/stable/Release"),
                "dists/stable/Release: the file is missing",
            ),
            (
                "something else is signed",
                |present| {
                    let text = b"-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\nOrigin: Other\n-----BEGIN PGP SIGNATURE-----\n";
                    present.indexes.insert("dists/stable/InRelease".to_owned(), text.to_vec());
                },
                "dists/stable/InRelease: what it signs is not the text of `Release`",
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
            if present.indexes != whole.indexes {
                assert_ne!(messages(&present), [""; 0]);
            }
        }
    }
}
