//! Keystores: where the keys of X.509 certificates live, with which programs and installers are signed. One file each; the
//! list is [`ALL`].
//!
//! Which keystore a table of the manifest means is told by the key that has the keystore's name:
//! `key = { pfx = "certs/win.pfx" }`. Everything that could keep a key from signing is found when it is [opened](open), before
//! anything is compiled, and no signature of a metered service is spent for that. What a certificate must be is checked here,
//! for all of them alike, and so is every signature: one that does not fit the certificate never leaves this module.

pub mod aws_kms;
mod azure;
pub mod azure_artifact_signing;
pub mod azure_key_vault;
pub mod command;
mod credential;
pub mod google_kms;
pub mod pem;
pub mod pfx;
pub mod pkcs11;

use crate::bench::environment::Environment;
use crate::bench::fetch::Network;
use crate::cause::chain;
use crate::cloud::CloudError;
use crate::plugin::{self, Info, Plugin};
use camino::Utf8Path;
use deploy_crypto::{
    Certificate, Chain, Hash, KeyAlgorithm, KeyPurpose, RawSignature, SigningKey, SigningKeyError,
};
use deploy_formats::date::Moment;
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};
use serde_json::Value as Json;
use std::borrow::Cow;

/// Every keystore. To add one, write its file and add its line.
pub const ALL: &[&dyn AnyKeystore] = &[
    &pfx::Pfx,
    &pem::Pem,
    &pkcs11::Pkcs11,
    &azure_artifact_signing::AzureArtifactSigning,
    &azure_key_vault::AzureKeyVault,
    &aws_kms::AwsKms,
    &google_kms::GoogleKms,
    &command::Command,
];

/// Every code that the findings of keystores carry, with what it means. The reference page is made from it.
pub const CODES: &[(&str, &str)] = &[
    (
        "keystore::certificate",
        "The certificate of a key is missing, not valid now, not for this purpose, or of another key.",
    ),
    ("keystore::key", "What should be a key is none, is of a kind that cannot sign, or is not unique."),
    ("keystore::missing", "A key is not where the manifest says: no such file, variable, token, or program."),
    ("keystore::secret", "The password or PIN of a key is missing or wrong."),
    ("keystore::service", "The service that holds a key refused, or did not answer."),
    ("keystore::settings", "The settings of a keystore do not fit each other."),
];

/// With what, and where, keys are looked for.
#[derive(Clone, Copy)]
pub struct KeystoreContext<'a> {
    /// The workspace's root directory, which files are relative to.
    pub root: &'a Utf8Path,
    /// The environment, for secrets and for what services say about themselves there.
    pub environment: &'a Environment,
    /// The network; `None` where nothing may be asked for.
    pub network: Option<&'a Network>,
    /// The moment at which certificates must be valid, in seconds since 1970-01-01 UTC.
    pub now: u64,
    /// The hash of the digests that are to be signed.
    pub hash: Hash,
    /// What the certificate must be for.
    pub purpose: &'a KeyPurpose,
    /// Where the table stands in the manifest: `sign.windows.key`.
    pub field: &'a str,
    /// Files with further certificates of the chain.
    pub certificates: &'a [String],
    /// Where their list stands in the manifest: `sign.windows.certificates`.
    pub certificates_field: &'a str,
}

impl KeystoreContext<'_> {
    /// A finding about the key `name` of the table; about the table itself if that is empty.
    fn finding(
        &self,
        code: &'static str,
        name: &str,
        message: impl Into<String>,
        help: impl Into<String>,
    ) -> Finding {
        let path = if name.is_empty() { self.field.to_owned() } else { format!("{}.{name}", self.field) };
        Finding::configuration(code, message, help).at(path).class(FailureClass::Credentials)
    }

    /// A finding about a service.
    fn service(&self, name: &str, error: &CloudError) -> Finding {
        self.finding("keystore::service", name, format!("failed to {}", chain(error)), error.help())
            .class(error.class())
    }

    /// The network, which keys at services need.
    fn network(&self, name: &str) -> Result<&Network, Finding> {
        self.network.ok_or_else(|| {
            self.finding(
                "keystore::service",
                name,
                "the key is at a service, and nothing may be asked for offline",
                "leave --offline out, or use --no-sign",
            )
            .class(FailureClass::Configuration)
        })
    }
}

/// A kind of place where keys live. Its settings have a key with the name of the keystore, and no other keystore's
/// settings have that key.
pub trait Keystore: Plugin {
    /// Opens the key: finds everything that could keep it from signing, and spends no signature.
    fn open(
        &self,
        settings: &Self::Settings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding>;

    /// Which key it is, in the words of the settings.
    fn describe(&self, settings: &Self::Settings) -> String;
}

/// A keystore whose settings type is forgotten, so that a list can hold it.
pub trait AnyKeystore: Send + Sync {
    /// Who it is.
    fn info(&self) -> Info;
    /// The schema of its settings.
    fn schema(&self, generator: &mut SchemaGenerator) -> Schema;
    /// The names of the keys that its settings know.
    fn keys(&self) -> Vec<String>;
    /// See [`Keystore::open`].
    fn open(&self, settings: &Json, context: &KeystoreContext<'_>) -> Result<Box<dyn SigningKey>, Finding>;
    /// See [`Keystore::describe`].
    fn describe(&self, settings: &Json) -> String;
}

impl<K: Keystore> AnyKeystore for K {
    fn info(&self) -> Info {
        K::INFO
    }

    fn schema(&self, generator: &mut SchemaGenerator) -> Schema {
        generator.subschema_for::<K::Settings>()
    }

    fn keys(&self) -> Vec<String> {
        let schema = schemars::schema_for!(K::Settings).to_value();
        let properties = schema.get("properties").and_then(Json::as_object);
        properties.into_iter().flatten().map(|(name, _)| name.clone()).collect()
    }

    fn open(&self, settings: &Json, context: &KeystoreContext<'_>) -> Result<Box<dyn SigningKey>, Finding> {
        let settings = plugin::settings::<K>(settings).map_err(|error| {
            let message = format!("failed to {}", chain(&error));
            context
                .finding("keystore::settings", "", message, "mend the table")
                .class(FailureClass::Configuration)
        })?;
        Keystore::open(self, &settings, context)
    }

    fn describe(&self, settings: &Json) -> String {
        match plugin::settings::<K>(settings) {
            Ok(settings) => Keystore::describe(self, &settings),
            Err(_) => K::INFO.summary.to_owned(),
        }
    }
}

/// Which key signs: a table with the settings of one keystore, told by the key that has the keystore's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct KeySettings(pub Json);

impl JsonSchema for KeySettings {
    fn schema_name() -> Cow<'static, str> {
        "KeySettings".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let branches: Vec<Schema> = ALL.iter().map(|keystore| keystore.schema(generator)).collect();
        json_schema!({ "oneOf": branches })
    }
}

impl KeySettings {
    /// The key that the variables of common tools name, where the manifest names none: `WIN_CSC_LINK` or `CSC_LINK`, with
    /// the password in `WIN_CSC_KEY_PASSWORD` or `CSC_KEY_PASSWORD`.
    pub fn of_variables(environment: &Environment) -> Option<Self> {
        let is_set = |name: &&&str| environment.get(name).is_some();
        let link = ["WIN_CSC_LINK", "CSC_LINK"].iter().find(is_set)?;
        let mut settings = serde_json::json!({ "pfx-env": link });
        if let Some(password) = ["WIN_CSC_KEY_PASSWORD", "CSC_KEY_PASSWORD"].iter().find(is_set)
            && let Some(settings) = settings.as_object_mut()
        {
            settings.insert("password-env".to_owned(), (*password).into());
        }
        Some(KeySettings(settings))
    }

    /// The keystore that the table means.
    fn keystore(&self) -> Option<&'static dyn AnyKeystore> {
        let table = self.0.as_object()?;
        let names = |keystore: &&&'static dyn AnyKeystore| {
            let id = keystore.info().id;
            let variable = format!("{id}-env");
            table.contains_key(id) || (table.contains_key(&variable) && keystore.keys().contains(&variable))
        };
        ALL.iter().find(names).copied()
    }

    /// Which key it is, in the words of the manifest: for `doctor`, also where the key cannot be opened.
    pub fn describe(&self) -> String {
        match self.keystore() {
            Some(keystore) => keystore.describe(&self.0),
            None => "no keystore".to_owned(),
        }
    }
}

/// Opens a key and checks its certificate: valid now, for the purpose, of this key.
pub fn open(settings: &KeySettings, context: &KeystoreContext<'_>) -> Result<Box<dyn SigningKey>, Finding> {
    let Some(keystore) = settings.keystore() else {
        let known: Vec<String> = ALL.iter().map(|keystore| format!("`{}`", keystore.info().id)).collect();
        let help = format!("write one of {}", known.join(", "));
        let message = "nothing says where the key is";
        return Err(context
            .finding("keystore::settings", "", message, help)
            .class(FailureClass::Configuration));
    };
    let beside = credential::beside(context)?;
    let key = keystore.open(&settings.0, context)?;
    let chain = completed(key.chain(), &beside).map_err(|error| {
        let finding = Finding::configuration(
            "keystore::certificate",
            format!("failed to {}", crate::cause::chain(&error)),
            "put the certificates of the authorities that issued that of the key there",
        );
        finding.at(context.certificates_field).class(FailureClass::Credentials)
    })?;
    if let Some(leaf) = chain.first() {
        check(key.algorithm(), leaf, context)?;
    }
    Ok(Box::new(Certified { key, chain, beside }))
}

/// What was opened, for people: whose certificate it is, what the key is, and until when it can be used.
pub fn found(key: &dyn SigningKey) -> String {
    match key.chain().first() {
        Some(leaf) => {
            format!("{}, {}, valid until {}", leaf.name(), key.algorithm(), day(leaf.not_after()))
        }
        None => format!("{}, {}", key.identity(), key.algorithm()),
    }
}

/// What the failure of a signature means for whoever asked for it.
pub fn class(error: &SigningKeyError) -> FailureClass {
    match error {
        SigningKeyError::Place { source, .. } => match source.downcast_ref::<CloudError>() {
            Some(error) => error.class(),
            None => FailureClass::Credentials,
        },
        SigningKeyError::DigestLength { .. } | SigningKeyError::Fault { .. } => FailureClass::Bug,
        SigningKeyError::UnsupportedHash { .. }
        | SigningKeyError::Mismatch { .. }
        | SigningKeyError::CertificateMissing { .. } => FailureClass::Credentials,
    }
}

fn day(moment: u64) -> String {
    Moment::of(moment).iso_day()
}

/// The chain of a key with the certificates that were given beside it.
fn completed(
    chain: &[Certificate],
    beside: &[Certificate],
) -> Result<Vec<Certificate>, deploy_crypto::ChainError> {
    match chain.first() {
        Some(leaf) if !beside.is_empty() => {
            let all = [chain, beside].concat();
            Chain::of_key(all, leaf.public_key_der()).map(Chain::into_certificates)
        }
        _ => Ok(chain.to_vec()),
    }
}

/// Checks what every certificate must be.
fn check(algorithm: KeyAlgorithm, leaf: &Certificate, context: &KeystoreContext<'_>) -> Result<(), Finding> {
    let refuse =
        |message: String, help: &str| Err(context.finding("keystore::certificate", "", message, help));
    let name = leaf.name();
    if leaf.algorithm() != Some(algorithm) {
        return refuse(
            format!("the certificate of {name} is that of another key: the key is {algorithm}"),
            "give the certificate that was issued for this key",
        );
    }
    if let KeyAlgorithm::Rsa { bits } = algorithm
        && bits < 2048
    {
        return refuse(
            format!(
                "the key of {name} is RSA with {bits} bits, which nobody accepts for signatures any more"
            ),
            "get a certificate for a key with at least 3072 bits",
        );
    }
    if context.now > leaf.not_after() {
        return refuse(
            format!("the certificate of {name} expired on {}", day(leaf.not_after())),
            "get it renewed; what was signed and stamped before stays good",
        );
    }
    if context.now < leaf.not_before() {
        return refuse(
            format!("the certificate of {name} is not valid before {}", day(leaf.not_before())),
            "is the clock of this machine right?",
        );
    }
    if !leaf.has_purpose(context.purpose) {
        let purposes: Vec<String> = leaf
            .extended_key_usage()
            .map(|usage| usage.purposes.iter().map(ToString::to_string).collect())
            .unwrap_or_default();
        let found = if purposes.is_empty() {
            "it does not say what it is for".to_owned()
        } else {
            format!("it is for {}", purposes.join(", "))
        };
        return refuse(
            format!("the certificate of {name} is not for {}: {found}", context.purpose),
            "get a certificate for that purpose; one for a web server or for mail does not do",
        );
    }
    if !leaf.signs_data() {
        return refuse(
            format!("the key usage of the certificate of {name} does not allow digital signatures"),
            "get a certificate whose key usage has digitalSignature",
        );
    }
    Ok(())
}

/// A key whose certificates are completed and whose signatures are checked.
struct Certified {
    key: Box<dyn SigningKey>,
    chain: Vec<Certificate>,
    beside: Vec<Certificate>,
}

impl SigningKey for Certified {
    fn identity(&self) -> &str {
        self.key.identity()
    }

    fn algorithm(&self) -> KeyAlgorithm {
        self.key.algorithm()
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, SigningKeyError> {
        let identity = || self.identity().to_owned();
        if digest.len() != hash.length() {
            let (expected, found) = (hash.length(), digest.len());
            return Err(SigningKeyError::DigestLength { identity: identity(), hash, expected, found });
        }
        let RawSignature { bytes, chain } = self.key.sign(hash, digest)?;
        let chain = match chain {
            Some(chain) => {
                let completed = completed(&chain, &self.beside);
                let place = |error| SigningKeyError::Place { identity: identity(), source: Box::new(error) };
                Some(completed.map_err(place)?)
            }
            None => None,
        };
        let leaf = chain.as_ref().unwrap_or(&self.chain).first();
        let leaf = leaf.ok_or_else(|| SigningKeyError::CertificateMissing { identity: identity() })?;
        if !leaf.verifies(hash, digest, &bytes) {
            let subject = leaf.subject().to_owned();
            return Err(SigningKeyError::Mismatch { identity: identity(), subject });
        }
        Ok(RawSignature { bytes, chain })
    }
}
