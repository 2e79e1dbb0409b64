//! Signers: what puts a signature into or beside an artifact. One file each; the list is [`ALL`].

use crate::bench::environment::Environment;
use crate::key::{Certificate, Key};
use crate::plugin::{self, Info, Plugin};
use camino::Utf8Path;
use deploy_model::FailureClass;
use deploy_plan::catalog::PluginEntry;
use deploy_plan::finding::Finding;

mod credential;
pub mod gpg;
pub mod minisign;

/// Every signer. To add one, write its file and add its line.
pub const ALL: &[&dyn AnySigner] = &[&gpg::Gpg, &minisign::Minisign];

/// Every code that the findings of signers carry, with what it means. The reference page is made from it.
pub const CODES: &[(&str, &str)] = &[
    ("sign::missing-key", "A key is not where the manifest says: no such file, variable, or key of gpg."),
    ("sign::passphrase", "A key is locked, and its passphrase or password is missing or wrong."),
    ("sign::settings", "The settings of a signer cannot be read: a bug."),
    ("sign::unusable-key", "What should be a key is none, or one that must not or cannot sign."),
];

/// Where keys are looked for.
#[derive(Clone, Copy)]
pub struct KeyContext<'a> {
    /// The workspace's root directory, which key files are relative to.
    pub root: &'a Utf8Path,
    /// The environment, for keys and passphrases that are there.
    pub environment: &'a Environment,
    /// The moment that signatures will say, in seconds since 1970-01-01 UTC: a key must be valid then.
    pub moment: i64,
}

/// A kind of signature.
pub trait Signer: Plugin {
    /// What is appended to a file's name for its detached signature, with the dot.
    const SUFFIX: &'static str;

    /// What the public key's file is called: `{name}` stands for the application's.
    const PUBLIC_KEY: &'static str;

    /// Opens the key. Everything that could keep it from signing is found here, before anything is compiled.
    fn open(&self, settings: &Self::Settings, context: &KeyContext<'_>) -> Result<Box<dyn Key>, Finding>;

    /// Reads a public key back, or says why it cannot be one.
    fn certificate(
        &self,
        public_key: &str,
    ) -> Result<Box<dyn Certificate>, Box<dyn std::error::Error + Send + Sync>>;
}

/// A signer whose settings type is forgotten, so that a list can hold it.
pub trait AnySigner: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> PluginEntry;
    /// See [`Signer::SUFFIX`].
    fn suffix(&self) -> &'static str;
    /// See [`Signer::PUBLIC_KEY`].
    fn public_key(&self) -> &'static str;
    /// See [`Signer::open`].
    fn open(&self, settings: &serde_json::Value, context: &KeyContext<'_>) -> Result<Box<dyn Key>, Finding>;
    /// See [`Signer::certificate`].
    fn certificate(
        &self,
        public_key: &str,
    ) -> Result<Box<dyn Certificate>, Box<dyn std::error::Error + Send + Sync>>;
}

impl<S: Signer> AnySigner for S {
    fn info(&self) -> Info {
        S::INFO
    }

    fn entry(&self) -> PluginEntry {
        plugin::entry::<S>()
    }

    fn suffix(&self) -> &'static str {
        S::SUFFIX
    }

    fn public_key(&self) -> &'static str {
        S::PUBLIC_KEY
    }

    fn open(&self, settings: &serde_json::Value, context: &KeyContext<'_>) -> Result<Box<dyn Key>, Finding> {
        let settings = plugin::settings::<S>(settings).map_err(|error| {
            Finding::configuration("sign::settings", crate::cause::chain(&error), "mend the table")
                .at(format!("sign.{}", S::INFO.id))
                .class(FailureClass::Bug)
        })?;
        Signer::open(self, &settings, context)
    }

    fn certificate(
        &self,
        public_key: &str,
    ) -> Result<Box<dyn Certificate>, Box<dyn std::error::Error + Send + Sync>> {
        Signer::certificate(self, public_key)
    }
}

/// The signer with this id.
pub fn find(id: &str) -> Option<&'static dyn AnySigner> {
    ALL.iter().copied().find(|signer| signer.info().id == id)
}
