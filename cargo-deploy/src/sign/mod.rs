//! Signers: what puts a signature into or beside an artifact. One file each; the list is [`ALL`].

use crate::bench::environment::Environment;
use crate::key::{Certificate, CodeKey, CodeState, Content, Key};
use crate::plugin::{self, Info, Plugin};
use camino::Utf8Path;
use deploy_model::release::CodeSignerRecord;
use deploy_model::{FailureClass, Os, Sha256};
use deploy_plan::catalog::{CodeSignerEntry, PluginEntry};
use deploy_plan::finding::Finding;

mod credential;
pub mod gpg;
pub mod minisign;
pub mod windows;

/// Every signer. To add one, write its file and add its line.
pub const ALL: &[&dyn AnySigner] = &[&gpg::Gpg, &minisign::Minisign];

/// Every signer of programs and installers. To add one, write its file and add its line.
pub const CODE: &[&dyn AnyCodeSigner] = &[&windows::Windows];

/// Every code that the findings of signers carry, with what it means. The reference page is made from it.
pub const CODES: &[(&str, &str)] = &[
    ("sign::missing-key", "A key is not where the manifest says: no such file, variable, or key of gpg."),
    ("sign::network", "What the environment says of the network cannot be understood."),
    ("sign::passphrase", "A key is locked, and its passphrase or password is missing or wrong."),
    ("sign::settings", "The settings of a signer cannot be read: a bug."),
    ("sign::timestamp", "Signatures are to have a time, and no server can be asked for it."),
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
    /// Where what is kept of this machine's work lies.
    pub cache: &'a Utf8Path,
    /// Whether nothing may be asked for.
    pub offline: bool,
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
        Signer::open(self, &settings_of::<S>(settings)?, context)
    }

    fn certificate(
        &self,
        public_key: &str,
    ) -> Result<Box<dyn Certificate>, Box<dyn std::error::Error + Send + Sync>> {
        Signer::certificate(self, public_key)
    }
}

/// A kind of signature that programs and installers carry in their own bytes.
pub trait CodeSigner: Plugin {
    /// The systems whose programs it signs.
    const SYSTEMS: &'static [Os];

    /// Opens the key. Everything that could keep it from signing is found here, before anything is compiled, and
    /// without spending a signature of a metered service.
    fn open(&self, settings: &Self::Settings, context: &KeyContext<'_>) -> Result<Box<dyn CodeKey>, Finding>;

    /// Whether a file whose first four bytes are these may be one that it signs.
    fn may_sign(&self, head: &[u8]) -> bool;

    /// What a file is to this kind of signature.
    fn state(&self, content: &mut dyn Content) -> Result<CodeState, CodeError>;

    /// Checks the signature inside a file from its bytes: that it is good, and what the record says. Gives the
    /// digest of the file without it.
    fn check(&self, content: &mut dyn Content, record: &CodeSignerRecord) -> Result<Sha256, CodeError>;

    /// Checks that a file that somebody else has signed is still what they signed.
    fn check_foreign(&self, content: &mut dyn Content) -> Result<(), CodeError>;

    /// Checks all of a signature of which nothing is known beforehand.
    fn check_any(&self, content: &mut dyn Content) -> Result<(), CodeError>;
}

/// Why a signature inside a file is not good, or cannot be read.
pub type CodeError = Box<dyn std::error::Error + Send + Sync>;

/// A signer of programs whose settings type is forgotten, so that a list can hold it.
pub trait AnyCodeSigner: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// What the planner knows of it.
    fn entry(&self) -> CodeSignerEntry;
    /// See [`CodeSigner::open`].
    fn open(
        &self,
        settings: &serde_json::Value,
        context: &KeyContext<'_>,
    ) -> Result<Box<dyn CodeKey>, Finding>;
    /// See [`CodeSigner::may_sign`].
    fn may_sign(&self, head: &[u8]) -> bool;
    /// See [`CodeSigner::state`].
    fn state(&self, content: &mut dyn Content) -> Result<CodeState, CodeError>;
    /// See [`CodeSigner::check`].
    fn check(&self, content: &mut dyn Content, record: &CodeSignerRecord) -> Result<Sha256, CodeError>;
    /// See [`CodeSigner::check_foreign`].
    fn check_foreign(&self, content: &mut dyn Content) -> Result<(), CodeError>;
    /// See [`CodeSigner::check_any`].
    fn check_any(&self, content: &mut dyn Content) -> Result<(), CodeError>;
}

impl<S: CodeSigner> AnyCodeSigner for S {
    fn info(&self) -> Info {
        S::INFO
    }

    fn entry(&self) -> CodeSignerEntry {
        CodeSignerEntry { plugin: plugin::entry::<S>(), systems: S::SYSTEMS }
    }

    fn open(
        &self,
        settings: &serde_json::Value,
        context: &KeyContext<'_>,
    ) -> Result<Box<dyn CodeKey>, Finding> {
        CodeSigner::open(self, &settings_of::<S>(settings)?, context)
    }

    fn may_sign(&self, head: &[u8]) -> bool {
        CodeSigner::may_sign(self, head)
    }

    fn state(&self, content: &mut dyn Content) -> Result<CodeState, CodeError> {
        CodeSigner::state(self, content)
    }

    fn check(&self, content: &mut dyn Content, record: &CodeSignerRecord) -> Result<Sha256, CodeError> {
        CodeSigner::check(self, content, record)
    }

    fn check_foreign(&self, content: &mut dyn Content) -> Result<(), CodeError> {
        CodeSigner::check_foreign(self, content)
    }

    fn check_any(&self, content: &mut dyn Content) -> Result<(), CodeError> {
        CodeSigner::check_any(self, content)
    }
}

/// The settings of a signer, which the manifest's own checks have let through.
fn settings_of<P: Plugin>(settings: &serde_json::Value) -> Result<P::Settings, Finding> {
    plugin::settings::<P>(settings).map_err(|error| {
        Finding::configuration("sign::settings", crate::cause::chain(&error), "mend the table")
            .at(format!("sign.{}", P::INFO.id))
            .class(FailureClass::Bug)
    })
}

/// The signer of programs with this id.
pub fn find_code(id: &str) -> Option<&'static dyn AnyCodeSigner> {
    CODE.iter().copied().find(|signer| signer.info().id == id)
}

/// The signers of programs of a system.
pub fn code_of(system: Os) -> impl Iterator<Item = &'static dyn AnyCodeSigner> {
    CODE.iter().copied().filter(move |signer| signer.entry().systems.contains(&system))
}

/// What the failure of a signature means, where its signer can tell.
pub fn class(error: &(dyn std::error::Error + 'static)) -> Option<FailureClass> {
    windows::class(error)
}

/// The signer with this id.
pub fn find(id: &str) -> Option<&'static dyn AnySigner> {
    ALL.iter().copied().find(|signer| signer.info().id == id)
}
