//! `apt`: a directory from which `apt install` works, on a disk or a web server.

use super::{Flaw, Repository, RepositoryError, RepositoryFile, Stock, StockedPackage, scratch_file};
use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use crate::cause::chain;
use crate::key::{Certificate, Subject};
use crate::plugin::{Info, Plugin};
use camino::Utf8PathBuf;
use deploy_formats::apt;
use deploy_formats::debian::{Paragraph, package};
use deploy_model::Sha256;
use deploy_model::artifact::SignatureForm;
use deploy_plan::catalog::Offer;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::{BTreeMap, BTreeSet};

/// Settings of the apt repository.
#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct AptSettings {
    /// What users write behind the address. Default: `stable`.
    #[schemars(extend("format" = "suite-name"))]
    suite: Option<String>,
    /// A name of the suite that stays when others become stable. Default: the suite.
    #[schemars(extend("format" = "suite-name"))]
    codename: Option<String>,
    /// The part of the suite that the packages are in. Default: `main`.
    #[schemars(extend("format" = "suite-name"))]
    component: Option<String>,
    /// Who makes the repository; preferences of apt can name it. Default: the application's title.
    #[schemars(extend("format" = "single-line"))]
    origin: Option<String>,
    /// A short name of the repository; preferences of apt can name it. Default: the application's title.
    #[schemars(extend("format" = "single-line"))]
    label: Option<String>,
    /// One line. Default: the application's description.
    #[schemars(extend("format" = "single-line"))]
    description: Option<String>,
    /// Where the directory will be: `https://example.com/apt`, or `file:///srv/apt`. With it, the repository has a file `{name}.sources` that
    /// users put into `/etc/apt/sources.list.d`.
    #[schemars(extend("format" = "repository-address", "examples" = ["https://example.com/apt"]))]
    url: Option<String>,
    /// `false`: made without signatures, although apt then wants to be told to trust it. Default: `true`.
    signed: Option<bool>,
}

/// `apt`.
#[derive(Debug)]
pub struct Apt;

impl Plugin for Apt {
    type Settings = AptSettings;
    const INFO: Info = Info {
        id: "apt",
        summary: "A repository for apt: users of Debian and Ubuntu install by name",
        revision: 1,
    };
}

impl Repository for Apt {
    const OFFER: Offer = Offer {
        format: "deb",
        directory: "apt",
        signer: "gpg",
        signatures: &[
            ("dists/{suite}/Release", SignatureForm::Cleartext, "dists/{suite}/InRelease"),
            ("dists/{suite}/Release", SignatureForm::Detached, "dists/{suite}/Release.gpg"),
        ],
        defaults: &[("suite", "stable")],
    };

    fn index(
        &self,
        settings: &AptSettings,
        stock: &Stock<'_>,
        bench: &Workbench<'_>,
    ) -> Result<BTreeMap<String, RepositoryFile>, RepositoryError> {
        let suite = settings.suite.as_deref().unwrap_or("stable");
        let title = stock.app.title.as_str();
        let description = settings.description.as_deref().or(stock.app.description.as_deref());
        let about = apt::Repository {
            origin: settings.origin.as_deref().unwrap_or(title),
            label: settings.label.as_deref().unwrap_or(title),
            suite,
            codename: settings.codename.as_deref().unwrap_or(suite),
            component: settings.component.as_deref().unwrap_or("main"),
            description: description.and_then(|text| text.lines().next()).unwrap_or(title),
            date: bench.moment(),
            valid_until: None,
        };
        let controls = stock.packages.iter().map(control).collect::<Result<Vec<Paragraph>, _>>()?;
        let packages: Vec<apt::Package<'_>> = stock
            .packages
            .iter()
            .zip(&controls)
            .map(|(package, control)| apt::Package {
                file: &package.file,
                size: package.size,
                sha256: package.sha256.bytes(),
                control,
            })
            .collect();
        let failed = |file: &str, source: Box<dyn std::error::Error + Send + Sync>| RepositoryError::Write {
            file: file.to_owned(),
            source,
        };
        let made = apt::index(&about, &packages).map_err(|error| failed("the index", error.into()))?;
        let mut all: BTreeMap<String, RepositoryFile> = BTreeMap::new();
        for (place, package) in made.places.into_iter().zip(stock.packages) {
            all.insert(place, RepositoryFile::Package(package.file.clone()));
        }
        let mut write = |name: String, bytes: &[u8]| -> Result<(), RepositoryError> {
            let path = scratch_file(bench, &name)?;
            files::replace(&path, bytes)?;
            all.insert(name, RepositoryFile::Made(path));
            Ok(())
        };
        for (name, bytes) in made.files {
            write(name, &bytes)?;
        }
        if let Some(url) = &settings.url {
            let name = format!("{}.sources", stock.app.name);
            let key = stock.public_key.map(|(_, key)| key);
            let text = apt::sources(&about, url, key).map_err(|error| failed(&name, error.into()))?;
            write(name, text.as_bytes())?;
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
        let mut present = apt::Present::default();
        let mut offered: BTreeMap<&str, Sha256> = BTreeMap::new();
        for (name, path) in files {
            if name.starts_with("dists/") {
                present.indexes.insert(name.clone(), files::read(path)?);
            } else if name.starts_with("pool/") {
                let (sha256, size) = files::digest(path)?;
                match package::read_control(files::open(path)?) {
                    Ok(control) => {
                        let stored = apt::Stored { size, sha256: sha256.bytes(), control };
                        present.pool.insert(name.clone(), stored);
                    }
                    Err(error) => flaw(name, chain(&error)),
                }
                offered.insert(name.rsplit('/').next().unwrap_or(name), sha256);
            } else if name.ends_with(".sources") && !name.contains('/') {
                if let Some(problem) = sources(&files::read(path)?, certificate.is_some()) {
                    flaw(name, problem.to_owned());
                }
            } else {
                flaw(name, "the file belongs to nothing".to_owned());
            }
        }
        for (file, sha256) in packages {
            if offered.get(file.as_str()) != Some(sha256) {
                flaw("pool", format!("{file} of the release is not there as it is"));
            }
        }
        for file in offered.keys().filter(|file| !packages.contains_key(**file)) {
            flaw("pool", format!("{file} is no package of the release"));
        }
        for (name, text) in present.indexes.iter().filter(|(name, _)| name.ends_with("/Release")) {
            // The one of an architecture is listed with its digest and has no signature.
            let Some(suite) = name.strip_suffix("/Release").filter(|suite| suite.matches('/').count() == 1)
            else {
                continue;
            };
            for problem in signatures(&present, suite, name, text, certificate) {
                flaw(&problem.0, problem.1);
            }
        }
        let told: BTreeSet<Flaw> = apt::check(&present)
            .into_iter()
            .map(|one| Flaw { file: one.file, message: one.message })
            .collect();
        flaws.extend(told);
        Ok(flaws)
    }
}

fn control(package: &StockedPackage) -> Result<Paragraph, RepositoryError> {
    package::read_control(files::open(&package.path)?)
        .map_err(|error| RepositoryError::Package { file: package.file.clone(), source: error.into() })
}

/// What is wrong with the signatures of a suite's `Release`: file and sentence.
fn signatures(
    present: &apt::Present,
    suite: &str,
    name: &str,
    text: &[u8],
    certificate: Option<&dyn Certificate>,
) -> Vec<(String, String)> {
    let (whole, apart) = (format!("{suite}/InRelease"), format!("{suite}/Release.gpg"));
    // The moment of the release, which is also that of its signatures.
    let date = str::from_utf8(text).ok().and_then(|text| Paragraph::read(text).ok());
    let date = date.and_then(|release| apt::parse_date(release.get("Date")?));
    let moment = date.and_then(|moment| i64::try_from(moment).ok()).unwrap_or_default();
    let mut problems = Vec::new();
    for file in [&whole, &apart] {
        match (certificate, present.indexes.get(file)) {
            (Some(_), None) => problems.push((file.clone(), "the signature is missing".to_owned())),
            (None, Some(_)) => {
                problems.push((file.clone(), "it is signed, and the release says that it is not".to_owned()));
            }
            (None, None) => {}
            (Some(certificate), Some(signed)) => {
                let subject = Subject { file: name, name: "", version: "", moment };
                let checked = if *file == apart {
                    certificate.check_detached(&mut &text[..], signed, &subject)
                } else {
                    // That it is the text of `Release` is checked with everything else.
                    certificate.check_cleartext(&String::from_utf8_lossy(signed)).map(|_| ())
                };
                problems.extend(checked.err().map(|error| (file.clone(), chain(&error))));
            }
        }
    }
    problems
}

/// What is wrong with the file for users.
fn sources(bytes: &[u8], signed: bool) -> Option<&'static str> {
    let Some(source) = str::from_utf8(bytes).ok().and_then(|text| Paragraph::read(text).ok()) else {
        return Some("it is not a source of apt");
    };
    if source.get("Types") != Some("deb") || source.get("URIs").is_none() || source.get("Suites").is_none() {
        return Some("it does not say where packages are");
    }
    match (source.get("Signed-By").is_some(), signed) {
        (true, false) => Some("it has a key, and the repository is not signed"),
        (false, true) => Some("it has no key, and the repository is signed"),
        _ => None,
    }
}
