//! `rpm`: a directory from which `dnf install` and `zypper install` work, on a disk or a web server.

use super::{Flaw, Repository, RepositoryError, RepositoryFile, Stock, scratch_file};
use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::cause::chain;
use crate::key::{Certificate, Subject};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_formats::rpm::{Reader, RpmError};
use deploy_formats::rpm_repository::{self, Package, SignedParts};
use deploy_model::Sha256;
use deploy_model::artifact::SignatureForm;
use deploy_plan::catalog::Offer;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::io::BufReader;

/// Settings of the rpm repository.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct RpmSettings {
    /// The name that people read. Default: the application's title.
    #[schemars(extend("format" = "single-line"))]
    title: Option<String>,
    /// Where the directory will be: `https://example.com/rpm`, or `file:///srv/rpm`. With it, the repository has a file `{name}.repo` that users
    /// put into `/etc/yum.repos.d`.
    #[schemars(extend("format" = "repository-address", "examples" = ["https://example.com/rpm"]))]
    url: Option<String>,
    /// `false`: made without a signature, and users are not told to check one. Default: `true`.
    signed: Option<bool>,
}

/// `rpm`.
#[derive(Debug)]
pub struct Rpm;

/// What is signed.
const LIST: &str = "repodata/repomd.xml";
const SIGNATURE: &str = "repodata/repomd.xml.asc";

impl Plugin for Rpm {
    type Settings = RpmSettings;
    const INFO: Info = Info {
        id: "rpm",
        summary: "A repository for dnf and zypper: users of Fedora, openSUSE and their relatives install by name",
        revision: 1,
    };
}

impl Repository for Rpm {
    const OFFER: Offer = Offer {
        format: "rpm",
        directory: "rpm",
        signer: "gpg",
        signatures: &[(LIST, SignatureForm::Detached, SIGNATURE)],
        defaults: &[],
    };

    fn index(
        &self,
        settings: &RpmSettings,
        stock: &Stock<'_>,
        bench: &Workbench<'_>,
    ) -> Result<BTreeMap<String, RepositoryFile>, RepositoryError> {
        let mut all: BTreeMap<String, RepositoryFile> = BTreeMap::new();
        let mut packages = Vec::new();
        let mut every_one_signed = true;
        for package in stock.packages {
            let place = rpm_repository::place(&package.file);
            let offered = place.map_err(|error| offer(&package.file, error)).and_then(|place| {
                let (read, signed) = package_at(&package.path, &place, &package.sha256, package.size)?
                    .map_err(|error| offer(&package.file, error))?;
                every_one_signed &= signed;
                packages.push(read);
                Ok(place)
            })?;
            all.insert(offered, RepositoryFile::Package(package.file.clone()));
        }
        let revision = bench.moment();
        let made = rpm_repository::index(&packages, revision)
            .map_err(|error| RepositoryError::Write { file: "the index".to_owned(), source: error.into() })?;
        let mut write = |name: String, bytes: &[u8]| -> Result<(), RepositoryError> {
            let path = scratch_file(bench, &name)?;
            files::replace(&path, bytes)?;
            all.insert(name, RepositoryFile::Made(path));
            Ok(())
        };
        for (name, bytes) in made.files {
            write(name, &bytes)?;
        }
        if let Some((_, key)) = stock.public_key {
            write(rpm_repository::KEY_FILE.to_owned(), key.as_bytes())?;
        }
        if let Some(url) = &settings.url {
            let title = settings.title.as_deref().unwrap_or(&stock.app.title);
            let signed = stock.public_key.map(|_| SignedParts { packages: every_one_signed });
            let text = rpm_repository::definition(&stock.app.name, title, url, signed);
            write(format!("{}.repo", stock.app.name), text.as_bytes())?;
        }
        Ok(all)
    }

    fn verify(
        &self,
        files: &BTreeMap<String, Utf8PathBuf>,
        packages: &BTreeMap<String, Sha256>,
        certificate: Option<&dyn Certificate>,
    ) -> Result<Vec<Flaw>, FileError> {
        let mut flaws = Vec::new();
        let mut flaw = |file: &str, message: String| flaws.push(Flaw { file: file.to_owned(), message });
        let mut present = rpm_repository::Present::default();
        let mut offered: BTreeMap<&str, Sha256> = BTreeMap::new();
        for (name, path) in files {
            if name.starts_with("repodata/") {
                present.indexes.insert(name.clone(), files::read(path)?);
            } else if let Some(file) = name.strip_prefix("packages/") {
                let (sha256, size) = files::digest(path)?;
                match package_at(path, name, &sha256, size)? {
                    Ok((package, _)) => _ = present.packages.insert(name.clone(), package),
                    Err(error) => flaw(name, chain(&error)),
                }
                offered.insert(file, sha256);
            } else if name.ends_with(".repo") && !name.contains('/') {
                let text = files::read(path)?;
                let expected = format!("\nrepo_gpgcheck={}\n", u8::from(certificate.is_some()));
                if !String::from_utf8_lossy(&text).contains(&expected) {
                    flaw(name, format!("it does not say `{}`", expected.trim()));
                }
            } else {
                flaw(name, "the file belongs to nothing".to_owned());
            }
        }
        for (file, sha256) in packages {
            if offered.get(file.as_str()) != Some(sha256) {
                flaw("packages", format!("{file} of the release is not there as it is"));
            }
        }
        for file in offered.keys().filter(|file| !packages.contains_key(**file)) {
            flaw("packages", format!("{file} is no package of the release"));
        }
        let list = present.indexes.get(LIST);
        match (certificate, present.indexes.get(SIGNATURE)) {
            (Some(_), None) => flaw(SIGNATURE, "the signature is missing".to_owned()),
            (Some(certificate), Some(signature)) => {
                let content = list.map(Vec::as_slice).unwrap_or_default();
                // The list's revision is the moment of the release, and so is the signature's.
                let moment = rpm_repository::revision(content).and_then(|moment| i64::try_from(moment).ok());
                let subject =
                    Subject { file: LIST, name: "", version: "", moment: moment.unwrap_or_default() };
                if let Err(error) = certificate.check_detached(&mut &content[..], signature, &subject) {
                    flaw(SIGNATURE, chain(&error));
                }
                if !present.indexes.contains_key(rpm_repository::KEY_FILE) {
                    flaw(rpm_repository::KEY_FILE, "the public key is missing".to_owned());
                }
            }
            (None, Some(_)) => {
                flaw(SIGNATURE, "it is signed, and the release says that it is not".to_owned());
            }
            (None, None) => {}
        }
        flaws.extend(
            rpm_repository::check(&present)
                .into_iter()
                .map(|one| Flaw { file: one.file, message: one.message }),
        );
        Ok(flaws)
    }
}

fn offer(file: &str, error: impl std::error::Error + Send + Sync + 'static) -> RepositoryError {
    RepositoryError::Package { file: file.to_owned(), source: error.into() }
}

/// A package, by its header, and whether it is signed.
fn package_at(
    path: &Utf8Path,
    place: &str,
    sha256: &Sha256,
    size: u64,
) -> Result<Result<(Package, bool), RpmError>, FileError> {
    let reader = Reader::new(BufReader::new(files::open(path)?));
    Ok(reader
        .map(|reader| (Package::new(place, size, sha256.bytes(), &reader), !reader.signatures().is_empty())))
}
