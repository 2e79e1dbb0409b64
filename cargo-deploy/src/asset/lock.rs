//! `Deploy.lock`: reading it, and writing what the assets are now.

use super::obtain::{Unpinned, download_unpinned, obtain};
use super::{Context, FetchReason, as_step, each};
use crate::bench::Workbench;
use crate::bench::files::{self, FileError};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_model::event::EventSink;
use deploy_model::{FailureClass, RelPath, Sha256};
use deploy_plan::lock::{Lock, LockedAsset, VERSION};
use deploy_plan::project::{Asset, Origin, Unpack};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// The name of the lock file, beside `Deploy.toml`.
pub const FILE_NAME: &str = "Deploy.lock";

/// What stands at the head of the lock file.
const HEAD: &str = "# Written by `cargo deploy assets lock`: what each asset was when it was last looked at. Commit this file.\n";

/// A lock file that cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockReadError {
    /// The file cannot be read.
    #[error(transparent)]
    File(#[from] FileError),
    /// It is not text.
    #[error("read {path}: it is not UTF-8")]
    NotText {
        /// The file.
        path: Utf8PathBuf,
    },
    /// It is not what `assets lock` writes.
    #[error("read {path}: {message}")]
    Syntax {
        /// The file.
        path: Utf8PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// It is of a later version.
    #[error("read {path}: its version is {found}, and this cargo-deploy knows version {VERSION}")]
    Version {
        /// The file.
        path: Utf8PathBuf,
        /// The version that it has.
        found: u32,
    },
}

impl LockReadError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match self {
            LockReadError::File(_) => FailureClass::Unexpected,
            LockReadError::NotText { .. } | LockReadError::Syntax { .. } | LockReadError::Version { .. } => {
                FailureClass::Configuration
            }
        }
    }
}

/// Reads a lock file; where there is none, the lock is empty.
pub fn read(path: &Utf8Path) -> Result<Lock, LockReadError> {
    let Some(bytes) = files::read_if_exists(path)? else {
        return Ok(Lock { version: VERSION, assets: Vec::new() });
    };
    let text = String::from_utf8(bytes).map_err(|_| LockReadError::NotText { path: path.to_owned() })?;
    let lock: Lock = toml::from_str(&text).map_err(|error| LockReadError::Syntax {
        path: path.to_owned(),
        message: error.to_string().trim_end().to_owned(),
    })?;
    if lock.version != VERSION {
        return Err(LockReadError::Version { path: path.to_owned(), found: lock.version });
    }
    Ok(lock)
}

/// Writes a lock file, durably and whole. Does nothing where the file is the same already.
pub fn write(path: &Utf8Path, lock: &Lock) -> Result<(), FileError> {
    let text = text(HEAD, lock);
    if files::read_if_exists(path)?.as_deref() == Some(text.as_bytes()) {
        return Ok(());
    }
    files::publish(path, text.as_bytes())
}

/// A lock as TOML: the same lock, the same bytes.
pub(super) fn text(head: &str, lock: &Lock) -> String {
    let mut text = format!("{head}version = {}\n", lock.version);
    let mut assets: Vec<&LockedAsset> = lock.assets.iter().collect();
    assets.sort_by(|one, other| (&one.path, &one.origin).cmp(&(&other.path, &other.origin)));
    for asset in assets {
        text.push_str("\n[[asset]]\n");
        let mut line = |key: &str, value: &str| {
            // Writing to a String cannot fail.
            let _ = writeln!(text, "{key} = {}", quoted(value));
        };
        line("path", &asset.path);
        line("origin", &asset.origin);
        line("sha256", asset.sha256.as_str());
        let _ = writeln!(text, "size = {}", asset.size);
        if let Some(license) = &asset.license {
            let _ = writeln!(text, "license = {}", quoted(license));
        }
    }
    text
}

/// A basic string of TOML 1.0.
fn quoted(value: &str) -> String {
    let mut text = String::from('"');
    for c in value.chars() {
        match c {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\t' => text.push_str("\\t"),
            c if c.is_control() => {
                let _ = write!(text, "\\u{:04X}", u32::from(c));
            }
            c => text.push(c),
        }
    }
    text.push('"');
    text
}

/// An asset to lock, as the manifest has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// Its path in the payload, which is its name.
    pub path: RelPath,
    /// Where it comes from.
    pub origin: Origin,
    /// The digest that the manifest gives.
    pub sha256: Option<Sha256>,
    /// The size that the manifest gives, in bytes.
    pub size: Option<u64>,
    /// The largest size that is accepted, in bytes.
    pub max_size: u64,
    /// The licence that the manifest gives.
    pub license: Option<String>,
}

/// An asset that could not be locked.
#[derive(Debug, thiserror::Error)]
#[error("lock the asset {path}")]
pub struct LockError {
    /// Its path in the payload, which is its name.
    pub path: RelPath,
    /// Why.
    #[source]
    pub reason: LockFailure,
}

/// Why an asset could not be locked.
#[derive(Debug, thiserror::Error)]
pub enum LockFailure {
    /// It could not be had.
    #[error(transparent)]
    Fetch(#[from] FetchReason),
    /// What it is now can only be found out with a network.
    #[error("what {origin} holds now cannot be found out offline")]
    Offline {
        /// Where it comes from.
        origin: String,
    },
    /// Its content is another one than when it was locked.
    #[error(
        "{origin} has changed\n  locked sha256 {}, {} bytes\n  now    sha256 {}, {} bytes\n  \
         if that is meant to be so, run `cargo deploy assets lock --update`",
        .locked.0, .locked.1, .now.0, .now.1
    )]
    Changed {
        /// Where it comes from.
        origin: String,
        /// Digest and size in the lock file.
        locked: Box<(Sha256, u64)>,
        /// Digest and size now.
        now: Box<(Sha256, u64)>,
    },
    /// The manifest's digest is not the one of the lock file.
    #[error(
        "the manifest and Deploy.lock disagree on {origin}\n  manifest sha256 {manifest}\n  locked   sha256 {locked}\n  \
         if the manifest is right, run `cargo deploy assets lock --update`"
    )]
    Disagreement {
        /// Where it comes from.
        origin: String,
        /// The manifest's digest.
        manifest: Sha256,
        /// The lock file's.
        locked: Sha256,
    },
    /// A web page came, and no web page is wanted.
    #[error(
        "{origin} holds a web page, perhaps to log in: open the address in a browser, or give the sha256 in the manifest"
    )]
    WebPage {
        /// Where it comes from.
        origin: String,
    },
}

impl LockError {
    /// What kind of failure it is.
    pub fn class(&self) -> FailureClass {
        match &self.reason {
            LockFailure::Fetch(reason) => reason.class(),
            LockFailure::Offline { .. } => FailureClass::MissingInput,
            LockFailure::Disagreement { .. } => FailureClass::Configuration,
            LockFailure::Changed { .. } | LockFailure::WebPage { .. } => FailureClass::Verification,
        }
    }
}

/// What is different in a new lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// An asset that was not locked.
    Added(LockedAsset),
    /// An asset whose content or description is another one.
    Changed {
        /// As it was.
        was: LockedAsset,
        /// As it is.
        now: LockedAsset,
    },
    /// An asset that the manifest no longer has.
    Removed(LockedAsset),
}

/// A new lock.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Locked {
    /// The lock, sorted by path.
    pub lock: Lock,
    /// What is different from the old one, sorted by path.
    pub changes: Vec<Change>,
}

/// Looks at every asset and makes a new lock. What has changed since the old lock is an error, unless `update` says
/// that it is meant to be so. All errors are found, in the order of the assets.
pub fn lock(
    wanted: &[Wanted],
    old: &Lock,
    update: bool,
    context: &Context<'_>,
    events: &dyn EventSink,
) -> Result<Locked, Vec<LockError>> {
    let results = each(wanted, |wanted| {
        as_step(&wanted.path, context, events, LockError::class, |bench| {
            let before = old.assets.iter().find(|entry| {
                entry.path == wanted.path.as_str() && entry.origin == wanted.origin.to_string()
            });
            let entry = look_at(wanted, before.filter(|_| !update), context, bench)
                .map_err(|reason| LockError { path: wanted.path.clone(), reason })?;
            Ok((entry, false))
        })
    });
    let mut assets = Vec::new();
    let mut failures = Vec::new();
    for result in results {
        match result {
            Ok(entry) => assets.push(entry),
            Err(failure) => failures.push(failure),
        }
    }
    if !failures.is_empty() {
        return Err(failures);
    }
    assets.sort_by(|one, other| (&one.path, &one.origin).cmp(&(&other.path, &other.origin)));
    let lock = Lock { version: VERSION, assets };
    let changes = changes(old, &lock);
    Ok(Locked { lock, changes })
}

/// What an asset is now.
fn look_at(
    wanted: &Wanted,
    before: Option<&LockedAsset>,
    context: &Context<'_>,
    bench: &Workbench<'_>,
) -> Result<LockedAsset, LockFailure> {
    let origin = wanted.origin.to_string();
    if let (Some(manifest), Some(before)) = (&wanted.sha256, before)
        && *manifest != before.sha256
    {
        let (manifest, locked) = (manifest.clone(), before.sha256.clone());
        return Err(LockFailure::Disagreement { origin, manifest, locked });
    }
    let (sha256, size) = match (&wanted.sha256, &wanted.origin) {
        (Some(sha256), _) => (sha256.clone(), obtain(&as_asset(wanted, sha256), context, bench)?.size),
        (None, Origin::Url(_)) if context.offline => return Err(LockFailure::Offline { origin }),
        (None, Origin::Url(url)) => {
            let unpinned = Unpinned { url, size: wanted.size, max_size: wanted.max_size };
            let downloaded = download_unpinned(&unpinned, context, bench)?;
            let is_meant = [wanted.path.as_str(), url.split(['?', '#']).next().unwrap_or(url)]
                .iter()
                .any(|name| name.ends_with(".html") || name.ends_with(".htm"));
            if downloaded.is_web_page && !is_meant {
                return Err(LockFailure::WebPage { origin });
            }
            (downloaded.sha256, downloaded.size)
        }
        (None, Origin::File(path)) => {
            files::digest(&context.root.join(path.as_str())).map_err(FetchReason::from)?
        }
    };
    if let Some(before) = before.filter(|before| before.sha256 != sha256 || before.size != size) {
        let locked = Box::new((before.sha256.clone(), before.size));
        return Err(LockFailure::Changed { origin, locked, now: Box::new((sha256, size)) });
    }
    let license = wanted.license.clone();
    Ok(LockedAsset { path: wanted.path.to_string(), origin, sha256, size, license })
}

/// The asset that a digest makes of it; how it is unpacked does not matter here.
fn as_asset(wanted: &Wanted, sha256: &Sha256) -> Asset {
    Asset {
        path: wanted.path.clone(),
        origin: wanted.origin.clone(),
        sha256: sha256.clone(),
        size: wanted.size,
        max_size: wanted.max_size,
        unpack: Unpack::None,
        member: None,
        strip: 0,
        executable: false,
        targets: Vec::new(),
        license: wanted.license.clone(),
    }
}

/// What is different. Entries are compared by path and origin, since assets of one path may have other origins for other
/// targets; an entry whose origin alone is new is the same asset from another place.
fn changes(old: &Lock, new: &Lock) -> Vec<Change> {
    let place = |entry: &LockedAsset| (entry.path.clone(), entry.origin.clone());
    let mut before: BTreeMap<_, _> = old.assets.iter().map(|entry| (place(entry), entry)).collect();
    let mut changes: Vec<((String, String), Change)> = Vec::new();
    let mut left = Vec::new();
    for now in &new.assets {
        match before.remove(&place(now)) {
            Some(was) if was == now => {}
            Some(was) => changes.push((place(now), Change::Changed { was: was.clone(), now: now.clone() })),
            None => left.push(now),
        }
    }
    for now in left {
        let moved = before.keys().find(|(path, _)| *path == now.path).cloned();
        let change = match moved.and_then(|key| before.remove(&key)) {
            Some(was) => Change::Changed { was: was.clone(), now: now.clone() },
            None => Change::Added(now.clone()),
        };
        changes.push((place(now), change));
    }
    changes.extend(before.into_iter().map(|(place, was)| (place, Change::Removed(was.clone()))));
    changes.sort_by(|one, other| one.0.cmp(&other.0));
    changes.into_iter().map(|(_, change)| change).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(path: &str, license: Option<&str>) -> LockedAsset {
        LockedAsset {
            path: path.to_owned(),
            origin: format!("https://example.com/{path}"),
            sha256: Sha256::of(path.as_bytes()),
            size: path.len() as u64,
            license: license.map(str::to_owned),
        }
    }

    #[test]
    fn a_lock_is_written_sorted_and_read_back() {
        let lock =
            Lock { version: VERSION, assets: vec![entry("b \"\\\u{7}é", Some("MIT")), entry("a", None)] };
        let text = text(HEAD, &lock);
        let expected = [
            "# Written by `cargo deploy assets lock`: what each asset was when it was last looked at. Commit this file.",
            "version = 1",
            "",
            "[[asset]]",
            "path = \"a\"",
            "origin = \"https://example.com/a\"",
            "sha256 = \"ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb\"",
            "size = 1",
            "",
            "[[asset]]",
            "path = \"b \\\"\\\\\\u0007é\"",
            "origin = \"https://example.com/b \\\"\\\\\\u0007é\"",
            "sha256 = \"4ee5932d84be2ace5ba95a6680690c586dc9c44f9770badbc4a68710da244b72\"",
            "size = 7",
            "license = \"MIT\"",
            "",
        ];
        assert_eq!(text, expected.join("\n"));
        let mut sorted = lock;
        sorted.assets.sort_by(|one, other| (&one.path, &one.origin).cmp(&(&other.path, &other.origin)));
        assert_eq!(toml::from_str::<Lock>(&text).expect("TOML"), sorted);
    }

    #[test]
    fn assets_of_one_path_are_told_apart_by_their_origins() {
        let from = |origin: &str, content: &str| LockedAsset {
            origin: origin.to_owned(),
            sha256: Sha256::of(content.as_bytes()),
            ..entry("tool", None)
        };
        let lock = |assets| Lock { version: VERSION, assets };
        let old = lock(vec![from("https://linux/", "1"), from("https://windows/", "2")]);
        let new = lock(vec![from("https://linux/", "1"), from("https://windows/", "3")]);
        let changed = |was, now| Change::Changed { was, now };
        assert_eq!(
            changes(&old, &new),
            [changed(from("https://windows/", "2"), from("https://windows/", "3"))]
        );
        let moved = lock(vec![from("https://linux/", "1"), from("https://elsewhere/", "2")]);
        assert_eq!(
            changes(&old, &moved),
            [changed(from("https://windows/", "2"), from("https://elsewhere/", "2"))]
        );
    }

    #[test]
    fn changes_are_told_by_path() {
        let lock = |assets| Lock { version: VERSION, assets };
        let old = lock(vec![entry("a", None), entry("b", None), entry("c", None)]);
        let new = lock(vec![entry("a", None), entry("b", Some("MIT")), entry("d", None)]);
        assert_eq!(
            changes(&old, &new),
            [
                Change::Changed { was: entry("b", None), now: entry("b", Some("MIT")) },
                Change::Removed(entry("c", None)),
                Change::Added(entry("d", None)),
            ]
        );
    }
}
