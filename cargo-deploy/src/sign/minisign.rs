//! minisign: a small signature beside each file, with a comment that is signed too and names the file and its version.

use crate::cause::chain;
use crate::key::{Certificate, Identity, Key, KeyError, Subject};
use crate::plugin::{Info, Plugin};
use crate::sign::credential::{self, cannot_sign, finding, moment, not_good};
use crate::sign::{KeyContext, Signer};
use deploy_crypto::minisign::{self, SigningKey, TrustedComment};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::Read;

/// `minisign`.
#[derive(Debug)]
pub struct Minisign;

/// With which key minisign signatures are made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct MinisignSettings {
    /// The key that signs.
    key: MinisignKeySource,

    /// The variable that holds the key's password. Without it the key has to be one without a password.
    #[serde(default)]
    #[schemars(extend("examples" = ["MINISIGN_PASSWORD"]))]
    password_env: Option<String>,
}

/// Where a minisign key is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["file"] }, { "required": ["env"] }]))]
struct MinisignKeySource {
    /// The file with the secret key, as `minisign -G` writes it, relative to the workspace's root.
    #[serde(default)]
    #[schemars(extend("examples" = ["../secrets/minisign.key"]))]
    file: Option<String>,

    /// The variable that holds the content of that file, or its second line.
    #[serde(default)]
    #[schemars(extend("examples" = ["MINISIGN_KEY"]))]
    env: Option<String>,
}

impl Plugin for Minisign {
    type Settings = MinisignSettings;
    const INFO: Info = Info {
        id: "minisign",
        summary: "minisign signatures that name the file and its version",
        revision: 1,
    };
}

impl Signer for Minisign {
    const SUFFIX: &'static str = ".minisig";
    const PUBLIC_KEY: &'static str = "{name}-key.pub";

    fn open(&self, settings: &MinisignSettings, context: &KeyContext<'_>) -> Result<Box<dyn Key>, Finding> {
        let password = credential::passphrase(
            context.environment,
            "sign.minisign.password-env",
            settings.password_env.as_deref(),
            "password",
        )?;
        let (field, bytes) = match &settings.key {
            MinisignKeySource { file: Some(name), .. } => {
                let field = "sign.minisign.key.file";
                (field, credential::file(context, field, name)?)
            }
            MinisignKeySource { env: Some(name), .. } => {
                let field = "sign.minisign.key.env";
                (field, credential::variable(context.environment, field, name)?)
            }
            MinisignKeySource { .. } => {
                let message = "nothing says where the key is".to_owned();
                return Err(finding(
                    "sign::missing-key",
                    "sign.minisign.key",
                    message,
                    "write one of `file` and `env`",
                ));
            }
        };
        let key = SigningKey::open(bytes.expose(), password.as_ref()).map_err(|error| {
            let message = format!("failed to {}", chain(&error));
            match error {
                minisign::KeyError::PasswordMissing => finding(
                    "sign::passphrase",
                    field,
                    message,
                    "put the password into a variable and name it: `password-env = \"MINISIGN_PASSWORD\"`",
                ),
                minisign::KeyError::PasswordWrong => finding(
                    "sign::passphrase",
                    "sign.minisign.password-env",
                    message,
                    "try it with `minisign -S`, which asks for it",
                ),
                _ => finding(
                    "sign::unusable-key",
                    field,
                    message,
                    "`minisign -G -s FILE` makes a key; with `-W`, one without a password",
                ),
            }
        })?;
        let public = key.public();
        let identity = Identity { key: public.id().to_string(), created: 0, public_key: public.file() };
        Ok(Box::new(MinisignKey { key, identity }))
    }

    fn certificate(
        &self,
        public_key: &str,
    ) -> Result<Box<dyn Certificate>, Box<dyn std::error::Error + Send + Sync>> {
        let key = minisign::PublicKey::read(public_key.as_bytes())?;
        Ok(Box::new(PublicKey { id: key.id().to_string(), key }))
    }
}

struct MinisignKey {
    key: SigningKey,
    identity: Identity,
}

/// minisign has no such form.
#[derive(Debug, thiserror::Error)]
#[error("minisign signs only beside files")]
struct BesideOnly;

/// The comment that a signature of a file should have.
fn comment(subject: &Subject<'_>) -> Result<TrustedComment, minisign::SignError> {
    TrustedComment::of(moment(subject.moment), subject.file, subject.version)
}

impl Key for MinisignKey {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn detached(&self, content: &mut dyn Read, subject: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        let signature = comment(subject).and_then(|comment| self.key.sign(content, &comment));
        signature
            .map(String::into_bytes)
            .map_err(|error| cannot_sign(subject.file, &self.identity.key, error))
    }

    fn cleartext(&self, _: &str, subject: &Subject<'_>) -> Result<String, KeyError> {
        Err(cannot_sign(subject.file, &self.identity.key, BesideOnly))
    }

    fn packet(&self, _: &[u8], subject: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        Err(cannot_sign(subject.file, &self.identity.key, BesideOnly))
    }
}

/// A public key that a release carries.
struct PublicKey {
    id: String,
    key: minisign::PublicKey,
}

/// A signature that is for something else.
#[derive(Debug, thiserror::Error)]
#[error("its trusted comment is {found:?}, expected {expected:?}")]
struct OtherComment {
    found: String,
    expected: String,
}

impl Certificate for PublicKey {
    fn key(&self) -> &str {
        &self.id
    }

    fn check_detached(
        &self,
        content: &mut dyn Read,
        signature: &[u8],
        subject: &Subject<'_>,
    ) -> Result<(), KeyError> {
        let found =
            self.key.verify(signature, content).map_err(|error| not_good(subject.file, &self.id, error))?;
        let expected = comment(subject).map_err(|error| not_good(subject.file, &self.id, error))?;
        if found == expected.as_str() {
            return Ok(());
        }
        let expected = expected.as_str().to_owned();
        Err(not_good(subject.file, &self.id, OtherComment { found, expected }))
    }

    fn check_cleartext(&self, _: &str) -> Result<String, KeyError> {
        Err(not_good("the text", &self.id, BesideOnly))
    }

    fn check_packet(&self, _: &[u8], _: &[u8]) -> Result<(), KeyError> {
        Err(not_good("the package", &self.id, BesideOnly))
    }
}
