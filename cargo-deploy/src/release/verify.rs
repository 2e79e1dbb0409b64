//! Reads a release back from its bytes and compares it with what it declares.

use crate::bench::files::{self, FileError};
use crate::cause::chain;
use crate::key::{self, Certificate, CodeState, Subject};
use crate::package;
use crate::release::{RELEASE_FILE, SUMS_FILE, examine};
use crate::sign::AnyCodeSigner;
use crate::{repository, sign};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::artifact::SignatureForm;
use deploy_model::release::{CodeSignerRecord, DeclaredTarget, Requirement};
use deploy_model::{Artifact, ArtifactKind, Member, MemberKind, Os, Release, Sha256};
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::Cursor;
use std::sync::{Mutex, PoisonError};

/// What a verification found.
#[derive(Debug, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Report {
    /// Name and version of the release, where they could be read.
    pub release: Option<String>,
    /// Files whose bytes were read.
    pub files: usize,
    /// Members of packages whose bytes were read.
    pub members: usize,
    /// Binaries inside packages that were examined.
    pub binaries: usize,
    /// Everything that is wrong, sorted; empty when the release is what it declares.
    pub problems: Vec<Problem>,
}

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub struct Problem {
    /// The file of the release.
    pub file: String,
    /// The member inside it, where it is about one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<String>,
    /// What was found and what was expected.
    pub message: String,
}

impl std::fmt::Display for Problem {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.member {
            Some(member) => write!(f, "{}: {member}: {}", self.file, self.message),
            None => write!(f, "{}: {}", self.file, self.message),
        }
    }
}

/// A verification that could not be done at all.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// A file or directory cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// The directory is no release.
    #[error("verify {path}: it holds no {RELEASE_FILE}")]
    NoRelease {
        /// The directory.
        path: Utf8PathBuf,
    },
    /// The file's name says no format that can be read.
    #[error("read {path}: {name:?} does not end in the name of a format that this version reads")]
    UnknownFormat {
        /// The file.
        path: Utf8PathBuf,
        /// Its name.
        name: String,
    },
}

/// Verifies the release in a directory.
pub fn directory(path: &Utf8Path, threads: usize) -> Result<Report, VerifyError> {
    let mut found = BTreeMap::new();
    let mut odd = Vec::new();
    for name in files::names_below(path)? {
        let file = path.join(&name);
        match files::metadata_if_exists(&file)? {
            Some(metadata) if metadata.is_file() => {
                found.insert(name, file);
            }
            _ => odd.push(problem(&name, "it is no regular file")),
        }
    }
    if !found.contains_key(RELEASE_FILE) {
        return Err(VerifyError::NoRelease { path: path.to_owned() });
    }
    let mut report = files_of_release(&found, threads)?;
    report.problems.append(&mut odd);
    report.problems.sort();
    Ok(report)
}

/// Verifies one file: against the `release.json` beside it where there is one that names it, else as a file that
/// has to be readable in its format.
pub fn file(path: &Utf8Path) -> Result<Report, VerifyError> {
    let name = path.file_name().unwrap_or_default();
    let beside = path.with_file_name(RELEASE_FILE);
    let release: Option<Release> =
        files::read_if_exists(&beside)?.and_then(|bytes| serde_json::from_slice(&bytes).ok());
    let declared = release.as_ref().and_then(|release| {
        let artifact = release.artifacts.iter().find(|artifact| artifact.file == name)?;
        Some((release, artifact))
    });
    let mut report = Report { files: 1, ..Report::default() };
    match declared {
        Some((release, artifact)) => {
            report.release = Some(format!("{} {}", release.name, release.version));
            check_artifact(release, artifact, path, &mut report)?;
        }
        None => {
            let Some(packager) = package::of_file(name) else {
                // A file that is not there has no format, either; that it is not there helps more.
                drop(files::open(path)?);
                return Err(VerifyError::UnknownFormat { path: path.to_owned(), name: name.to_owned() });
            };
            match packager.read(path, &|_, _| false) {
                Ok(contents) => report.members = contents.listing.members.len(),
                Err(error) => report.problems.push(problem(name, &chain(&error))),
            }
            for signer in sign::CODE {
                let mut content = files::open(path)?;
                if matches!(signer.state(&mut content), Ok(CodeState::Signed))
                    && let Err(error) = signer.check_any(&mut content)
                {
                    report.problems.push(problem(name, &chain(error.as_ref())));
                }
            }
        }
    }
    Ok(report)
}

/// Verifies the files of a release, wherever they are. `found` has every file, by name.
pub fn files_of_release(
    found: &BTreeMap<String, Utf8PathBuf>,
    threads: usize,
) -> Result<Report, VerifyError> {
    let mut report = Report { files: found.len(), ..Report::default() };
    let Some(path) = found.get(RELEASE_FILE) else {
        return Err(VerifyError::NoRelease { path: Utf8PathBuf::from(".") });
    };
    let release_bytes = files::read(path)?;
    check_sums(found, &release_bytes, &mut report)?;
    let release: Release = match serde_json::from_slice(&release_bytes) {
        Ok(release) => release,
        Err(error) => {
            report.problems.push(problem(RELEASE_FILE, &format!("it cannot be understood: {error}")));
            return Ok(report);
        }
    };
    report.release = Some(format!("{} {}", release.name, release.version));
    if release.schema != deploy_model::release::SCHEMA {
        let expected = deploy_model::release::SCHEMA;
        let message = format!("its schema is {}, this version reads {expected}", release.schema);
        report.problems.push(problem(RELEASE_FILE, &message));
        return Ok(report);
    }
    check_names(&release, found, &mut report);
    check_declared(&release, &mut report);
    let certificates = certificates(&release, found, &mut report)?;
    check_signatures(&release, found, &certificates, &mut report)?;
    check_repositories(&release, found, &certificates, &mut report)?;

    let shared = Mutex::new(report);
    let queue = Mutex::new(release.artifacts.iter());
    let failure = Mutex::new(None);
    std::thread::scope(|scope| {
        for _ in 0..threads.clamp(1, release.artifacts.len().max(1)) {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).next();
                    let Some(artifact) = next else { return };
                    let Some(path) = found.get(&artifact.file) else { continue };
                    let mut own = Report::default();
                    let result = check_artifact(&release, artifact, path, &mut own);
                    let mut all = shared.lock().unwrap_or_else(PoisonError::into_inner);
                    all.members += own.members;
                    all.binaries += own.binaries;
                    all.problems.append(&mut own.problems);
                    if let Err(error) = result {
                        *failure.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
                    }
                }
            });
        }
    });
    if let Some(error) = failure.into_inner().unwrap_or_else(PoisonError::into_inner) {
        return Err(error);
    }
    let mut report = shared.into_inner().unwrap_or_else(PoisonError::into_inner);
    report.problems.sort();
    report.problems.dedup();
    Ok(report)
}

fn problem(file: &str, message: &str) -> Problem {
    Problem { file: file.to_owned(), member: None, message: message.to_owned() }
}

/// `SHA256SUMS` must name every other file, once, with the digest of its bytes. Digests of artifacts are compared
/// where each artifact is read; here it is about the list.
fn check_sums(
    found: &BTreeMap<String, Utf8PathBuf>,
    release_bytes: &[u8],
    report: &mut Report,
) -> Result<(), FileError> {
    let Some(path) = found.get(SUMS_FILE) else {
        report.problems.push(problem(SUMS_FILE, "it is missing"));
        return Ok(());
    };
    let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
    let mut listed: BTreeMap<&str, &str> = BTreeMap::new();
    for line in text.lines() {
        match line.split_once("  ") {
            Some((digest, name)) if digest.parse::<Sha256>().is_ok() => {
                if listed.insert(name, digest).is_some() {
                    report.problems.push(problem(SUMS_FILE, &format!("it names {name} twice")));
                }
            }
            _ => {
                report.problems.push(problem(SUMS_FILE, &format!("this line cannot be understood: {line:?}")))
            }
        }
    }
    let is_own_signature = |name: &str| name.strip_prefix(SUMS_FILE).is_some_and(|end| end.starts_with('.'));
    for (name, path) in found.iter().filter(|(name, _)| *name != SUMS_FILE && !is_own_signature(name)) {
        let Some(digest) = listed.remove(name.as_str()) else {
            report.problems.push(problem(name, &format!("{SUMS_FILE} does not name it")));
            continue;
        };
        let actual = if name == RELEASE_FILE { Sha256::of(release_bytes) } else { files::digest(path)?.0 };
        if actual.as_str() != digest {
            let message = format!("its sha256 is {actual}, {SUMS_FILE} says {digest}");
            report.problems.push(problem(name, &message));
        }
    }
    for name in listed.keys() {
        report.problems.push(problem(name, &format!("it is missing; {SUMS_FILE} names it")));
    }
    Ok(())
}

/// The directory must hold the files of `release.json`, all of them and no others.
fn check_names(release: &Release, found: &BTreeMap<String, Utf8PathBuf>, report: &mut Report) {
    let declared: BTreeSet<&str> = release.artifacts.iter().map(|artifact| artifact.file.as_str()).collect();
    for name in &declared {
        if !found.contains_key(*name) {
            report.problems.push(problem(name, &format!("it is missing; {RELEASE_FILE} names it")));
        }
    }
    for name in found.keys() {
        let is_signature_of_sums = release
            .signers
            .values()
            .any(|signer| name.strip_prefix(SUMS_FILE) == Some(signer.suffix.as_str()));
        if !declared.contains(name.as_str())
            && name != RELEASE_FILE
            && name != SUMS_FILE
            && !is_signature_of_sums
        {
            report.problems.push(problem(name, &format!("{RELEASE_FILE} does not name it")));
        }
    }
}

/// Every declared target must be there in every declared format.
fn check_declared(release: &Release, report: &mut Report) {
    for target in &release.targets {
        for format in &target.formats {
            let there = release.artifacts.iter().any(|artifact| {
                artifact.target.as_ref() == Some(&target.triple) && artifact.format.as_ref() == Some(format)
            });
            if !there {
                let message = format!("it has no {format} for {}, which was declared", target.name);
                report.problems.push(problem(RELEASE_FILE, &message));
            }
        }
    }
}

/// One artifact: size, digest, and for a package all that is inside.
fn check_artifact(
    release: &Release,
    artifact: &Artifact,
    path: &Utf8Path,
    report: &mut Report,
) -> Result<(), VerifyError> {
    let (sha256, size) = files::digest(path)?;
    if size != artifact.size {
        let message = format!("it has {size} bytes, {RELEASE_FILE} says {}", artifact.size);
        report.problems.push(problem(&artifact.file, &message));
    }
    if sha256 != artifact.sha256 {
        let message = format!("its sha256 is {sha256}, {RELEASE_FILE} says {}", artifact.sha256);
        report.problems.push(problem(&artifact.file, &message));
    }
    if artifact.kind != ArtifactKind::Package {
        return Ok(());
    }
    let Some(format) = &artifact.format else {
        report.problems.push(problem(&artifact.file, "it is a package and has no format"));
        return Ok(());
    };
    if let Some(limit) = release.max_size.get(format)
        && size > *limit
    {
        let message = format!("it has {size} bytes, expected at most {limit}");
        report.problems.push(problem(&artifact.file, &message));
    }
    let Some(packager) = package::find(format.as_str()) else {
        let message = format!("this version cannot read the format {format}");
        report.problems.push(problem(&artifact.file, &message));
        return Ok(());
    };
    let target = release.targets.iter().find(|target| artifact.target.as_ref() == Some(&target.triple));
    let binaries = artifact.linkage.keys().cloned().collect::<BTreeSet<String>>();
    let system = target.and_then(system);
    let signers: Vec<&dyn AnyCodeSigner> = system.map(|os| sign::code_of(os).collect()).unwrap_or_default();
    let keep = |member: &Member, head: &[u8]| {
        binaries.contains(&member.path) || signers.iter().any(|signer| signer.may_sign(head))
    };
    let contents = match packager.read(path, &keep) {
        Ok(contents) => contents,
        Err(error) => {
            report.problems.push(problem(&artifact.file, &chain(&error)));
            return Ok(());
        }
    };
    check_contents(artifact, &contents, report);
    check_properties(artifact, &contents, report);
    for signer in &signers {
        check_code(release, artifact, *signer, &contents, report);
    }
    match target {
        Some(target) => check_binaries(artifact, target, &contents, report),
        None => report.problems.push(problem(&artifact.file, "its target is not among those declared")),
    }
    Ok(())
}

/// The files inside must be those declared: no more, no fewer, with the same bytes and permissions.
fn check_contents(artifact: &Artifact, contents: &package::Contents, report: &mut Report) {
    let mut wrong = |member: &str, message: String| {
        report.problems.push(Problem {
            file: artifact.file.clone(),
            member: Some(member.to_owned()),
            message,
        });
    };
    let mut missing: BTreeMap<&str, &deploy_model::artifact::Content> =
        artifact.contents.iter().map(|content| (content.path.as_str(), content)).collect();
    let mut links: BTreeMap<&str, &str> =
        artifact.links.iter().map(|(path, target)| (path.as_str(), target.as_str())).collect();
    let mut members = 0;
    for member in &contents.listing.members {
        members += 1;
        match member.kind {
            MemberKind::Directory => {
                if member.mode & 0o777 != 0o755 {
                    wrong(&member.path, format!("its mode is {:04o}, expected 0755", member.mode));
                }
            }
            MemberKind::Symlink => {
                let actual = member.link.as_deref().unwrap_or_default();
                match links.remove(member.path.as_str()) {
                    Some(expected) if expected == actual => {}
                    Some(expected) => {
                        wrong(&member.path, format!("it links to {actual:?}, expected {expected:?}"));
                    }
                    None => wrong(&member.path, "it is a symbolic link that was not declared".to_owned()),
                }
            }
            MemberKind::File => {
                let Some(content) = missing.remove(member.path.as_str()) else {
                    wrong(&member.path, "it was not declared, or is there twice".to_owned());
                    continue;
                };
                if member.sha256.as_ref() != Some(&content.sha256) {
                    let actual = member.sha256.as_ref().map_or("unknown", Sha256::as_str);
                    wrong(&member.path, format!("its sha256 is {actual}, expected {}", content.sha256));
                }
                if member.size != content.size {
                    wrong(&member.path, format!("it has {} bytes, expected {}", member.size, content.size));
                }
                if member.mode != content.mode {
                    let message = format!("its mode is {:04o}, expected {:04o}", member.mode, content.mode);
                    wrong(&member.path, message);
                }
            }
        }
    }
    for path in missing.keys().chain(links.keys()) {
        wrong(path, "it is missing".to_owned());
    }
    report.members += members;
}

/// The system that a target's programs run on, where programs of that system can be signed inside.
fn system(target: &DeclaredTarget) -> Option<Os> {
    match target.container.as_str() {
        "pe" => Some(Os::Windows),
        "mach-o" => Some(Os::Macos),
        _ => None,
    }
}

/// Every program inside must carry the signature that was declared, and none where the release is to be signed may
/// be without.
fn check_code(
    release: &Release,
    artifact: &Artifact,
    signer: &dyn AnyCodeSigner,
    contents: &package::Contents,
    report: &mut Report,
) {
    let id = signer.info().id;
    let record = release.code_signers.get(id);
    let must = record.is_some() || release.require.contains(&Requirement::Signed);
    for (path, bytes) in &contents.kept {
        let mut content = Cursor::new(bytes);
        let declared = artifact.contents.iter().find(|content| content.path == *path);
        let declared = declared.and_then(|content| content.code_signature.as_ref());
        let found = match (signer.state(&mut content), declared) {
            (Ok(CodeState::Other), None) => Ok(()),
            (Ok(CodeState::Unsigned), None) if must => {
                Err("it is a program that nobody has signed".to_owned())
            }
            (Ok(CodeState::Unsigned), None) => Ok(()),
            (Ok(CodeState::Signed), None) if record.is_some() => {
                Err("it carries a signature that was not declared".to_owned())
            }
            // Where nothing was to be signed, nobody looked for what others have signed.
            (Ok(CodeState::Signed), None) => {
                signer.check_foreign(&mut content).map_err(|error| chain(error.as_ref()))
            }
            (Ok(CodeState::Other | CodeState::Unsigned), Some(_)) => {
                Err("it carries no signature, and one was declared".to_owned())
            }
            (Ok(CodeState::Signed), Some(declared)) => match (&declared.signer, record) {
                (None, _) => signer.check_foreign(&mut content).map_err(|error| chain(error.as_ref())),
                (Some(by), Some(record)) if by == id => {
                    check_code_signature(signer, &mut content, record, declared.unsigned.as_ref())
                }
                (Some(by), _) => {
                    Err(format!("it was to be signed by {by}, of whom {RELEASE_FILE} has no key"))
                }
            },
            (Err(error), _) => Err(chain(error.as_ref())),
        };
        if let Err(message) = found {
            let (file, member) = (artifact.file.clone(), Some(path.clone()));
            report.problems.push(Problem { file, member, message });
        }
    }
    let format = artifact.format.as_ref().map(ToString::to_string).unwrap_or_default();
    let carries = package::find(&format).is_some_and(|packager| packager.entry().shape.embeds == Some(id));
    if must && carries && artifact.signature.is_none() {
        report.problems.push(problem(&artifact.file, "it is an installer that nobody has signed"));
    }
}

/// The signature in a program or an installer, and what remains when it is taken off.
fn check_code_signature(
    signer: &dyn AnyCodeSigner,
    content: &mut dyn key::Content,
    record: &CodeSignerRecord,
    declared: Option<&Sha256>,
) -> Result<(), String> {
    let unsigned = signer.check(content, record).map_err(|error| chain(error.as_ref()))?;
    match declared {
        Some(declared) if *declared != unsigned => {
            Err(format!("without its signature its sha256 is {unsigned}, {RELEASE_FILE} says {declared}"))
        }
        _ => Ok(()),
    }
}

/// What a package says of itself must be what was declared.
fn check_properties(artifact: &Artifact, contents: &package::Contents, report: &mut Report) {
    for (name, expected) in &artifact.properties {
        let found = contents.listing.properties.iter().find(|(known, _)| known == name);
        let message = match found {
            Some((_, value)) if value == expected => continue,
            Some((_, value)) => format!("its {name} is {value:?}, expected {expected:?}"),
            None => format!("it has no {name}, expected {expected:?}"),
        };
        report.problems.push(problem(&artifact.file, &message));
    }
}

/// The public keys of a release, by signer.
type Certificates = BTreeMap<String, Box<dyn Certificate>>;

/// Reads the public keys; each must be the one that is recorded.
fn certificates(
    release: &Release,
    found: &BTreeMap<String, Utf8PathBuf>,
    report: &mut Report,
) -> Result<Certificates, FileError> {
    let mut certificates = Certificates::new();
    for (id, record) in &release.signers {
        let Some(signer) = sign::find(id) else {
            let message = format!("it was signed with {id}, whose signatures this version cannot check");
            report.problems.push(problem(RELEASE_FILE, &message));
            continue;
        };
        // That a file is missing is said elsewhere.
        let Some(path) = found.get(&record.public_key) else { continue };
        let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
        match signer.certificate(&text) {
            Ok(certificate) if certificate.key() == record.key => {
                certificates.insert(id.clone(), certificate);
            }
            Ok(certificate) => {
                let message =
                    format!("it is the key {}, {RELEASE_FILE} says {}", certificate.key(), record.key);
                report.problems.push(problem(&record.public_key, &message));
            }
            Err(error) => {
                let message = format!("it is no public key: {}", chain(error.as_ref()));
                report.problems.push(problem(&record.public_key, &message));
            }
        }
    }
    Ok(certificates)
}

/// Every signer must have signed every package and the checksums, and every signature must be good.
fn check_signatures(
    release: &Release,
    found: &BTreeMap<String, Utf8PathBuf>,
    certificates: &Certificates,
    report: &mut Report,
) -> Result<(), VerifyError> {
    for (id, record) in &release.signers {
        let packages = release.artifacts.iter().filter(|artifact| artifact.kind == ArtifactKind::Package);
        for name in packages.map(|artifact| artifact.file.as_str()).chain([SUMS_FILE]) {
            let signature = format!("{name}{}", record.suffix);
            let declared = release.artifacts.iter().any(|artifact| artifact.file == signature);
            if !found.contains_key(&signature) || (name != SUMS_FILE && !declared) {
                let message = format!("its signature by {id}, {signature}, is missing");
                report.problems.push(problem(name, &message));
            } else if name == SUMS_FILE
                && let (Some(certificate), Some(of), Some(own)) =
                    (certificates.get(id), found.get(SUMS_FILE), found.get(&signature))
            {
                check_detached(release, certificate.as_ref(), (SUMS_FILE, of), (&signature, own), report)?;
            }
        }
    }
    for artifact in &release.artifacts {
        let Some(signature) = &artifact.signature else { continue };
        if let (Some(signer), Some(record)) =
            (sign::find_code(&signature.signer), release.code_signers.get(&signature.signer))
        {
            let Some(path) = found.get(&artifact.file) else { continue };
            let mut content = files::open(path)?;
            let unsigned = signature.unsigned.as_ref();
            if let Err(message) = check_code_signature(signer, &mut content, record, unsigned) {
                report.problems.push(problem(&artifact.file, &message));
            }
            continue;
        }
        let Some(certificate) = certificates.get(&signature.signer) else {
            if !release.signers.contains_key(&signature.signer) {
                let message = format!("{RELEASE_FILE} has no key of {}", signature.signer);
                report.problems.push(problem(&artifact.file, &message));
            }
            continue;
        };
        let Some(path) = found.get(&artifact.file) else { continue };
        let of = signature.of.as_deref().unwrap_or(&artifact.file);
        let Some(signed) = found.get(of) else { continue };
        match signature.form {
            SignatureForm::Detached => {
                check_detached(release, certificate.as_ref(), (of, signed), (&artifact.file, path), report)?;
            }
            SignatureForm::Cleartext => {
                let text = String::from_utf8_lossy(&files::read(path)?).into_owned();
                let original = files::read(signed)?;
                match certificate.check_cleartext(&text) {
                    Ok(inside) if inside.trim_end().as_bytes() == original.trim_ascii_end() => {}
                    Ok(_) => report
                        .problems
                        .push(problem(&artifact.file, &format!("the text inside is not that of {of}"))),
                    Err(error) => report.problems.push(problem(&artifact.file, &chain(&error))),
                }
            }
            SignatureForm::Embedded => {
                let format = artifact.format.as_ref().map(ToString::to_string).unwrap_or_default();
                let Some(packager) = package::find(&format) else { continue };
                let subject = subject(release, &artifact.file);
                if let Err(error) = packager.check_embedded(path, certificate.as_ref(), &subject) {
                    report.problems.push(problem(&artifact.file, &chain(&error)));
                }
            }
        }
    }
    Ok(())
}

/// What a signature of a file of the release must say.
fn subject<'a>(release: &'a Release, file: &'a str) -> Subject<'a> {
    Subject { file, name: &release.name, version: &release.version, moment: release.source_date_epoch }
}

fn check_detached(
    release: &Release,
    certificate: &dyn Certificate,
    (of, signed): (&str, &Utf8Path),
    (name, path): (&str, &Utf8Path),
    report: &mut Report,
) -> Result<(), FileError> {
    let signature = files::read(path)?;
    let subject = subject(release, of);
    if let Err(error) = certificate.check_detached(&mut files::open(signed)?, &signature, &subject) {
        report.problems.push(problem(name, &chain(&error)));
    }
    Ok(())
}

/// Every repository is read as its clients would.
fn check_repositories(
    release: &Release,
    found: &BTreeMap<String, Utf8PathBuf>,
    certificates: &Certificates,
    report: &mut Report,
) -> Result<(), FileError> {
    for (id, record) in &release.repositories {
        let Some(repository) = repository::find(id) else {
            let message = format!("this version cannot read the repository {id}");
            report.problems.push(problem(RELEASE_FILE, &message));
            continue;
        };
        let inside = format!("{}/", record.directory);
        let files: BTreeMap<String, Utf8PathBuf> = found
            .iter()
            .filter_map(|(name, path)| Some((name.strip_prefix(&inside)?.to_owned(), path.clone())))
            .collect();
        let packages: BTreeMap<String, Sha256> = release
            .artifacts
            .iter()
            .filter(|artifact| record.packages.contains(&artifact.file))
            .map(|artifact| (artifact.file.clone(), artifact.sha256.clone()))
            .collect();
        let certificate = match &record.signer {
            Some(signer) => match certificates.get(signer) {
                Some(certificate) => Some(certificate.as_ref()),
                // Why there is none has been said.
                None => continue,
            },
            None => None,
        };
        for flaw in repository.verify(&files, &packages, certificate)? {
            report.problems.push(problem(&format!("{inside}{}", flaw.file), &flaw.message));
        }
    }
    Ok(())
}

/// Every declared binary must be inside, must say of itself what was recorded, and must fit its target.
fn check_binaries(
    artifact: &Artifact,
    target: &DeclaredTarget,
    contents: &package::Contents,
    report: &mut Report,
) {
    for binary in &target.binaries {
        let is_it = |path: &String| {
            let name = path.rsplit('/').next().unwrap_or(path);
            name == binary || name.split_once('.').is_some_and(|(stem, _)| stem == binary)
        };
        if !artifact.linkage.keys().any(is_it) {
            report.problems.push(problem(&artifact.file, &format!("it does not hold the binary {binary}")));
        }
    }
    for (path, recorded) in &artifact.linkage {
        let mut wrong = |message: String| {
            report.problems.push(Problem {
                file: artifact.file.clone(),
                member: Some(path.clone()),
                message,
            });
        };
        let Some(bytes) = contents.kept.get(path) else {
            wrong("it is missing".to_owned());
            continue;
        };
        match examine::read(bytes) {
            Ok(images) => {
                if images != *recorded {
                    wrong(format!("its linkage is not the one that {RELEASE_FILE} records"));
                }
                for difference in examine::differences(&images, target) {
                    wrong(difference);
                }
            }
            Err(error) => wrong(chain(&error)),
        }
        report.binaries += 1;
    }
}
