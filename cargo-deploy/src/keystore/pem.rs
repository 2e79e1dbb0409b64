//! `pem`: a key in a PEM file, with its certificate in the same or in another file.

use crate::cause::chain;
use crate::keystore::{Keystore, KeystoreContext, credential};
use crate::plugin::{Info, Plugin};
use deploy_crypto::{CertifiedKey, PrivateKey, PrivateKeyError, Secret, SigningKey, read_certificates};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

/// `pem`.
#[derive(Debug)]
pub struct Pem;

/// A key in a PEM file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["pem"] }, { "required": ["pem-env"] }]))]
pub struct PemSettings {
    /// The file with the key, relative to the workspace's root.
    #[serde(default)]
    #[schemars(extend("examples" = ["../secrets/release.key"]))]
    pem: Option<String>,

    /// The variable that holds the content of that file.
    #[serde(default)]
    #[schemars(extend("examples" = ["SIGNING_KEY"]))]
    pem_env: Option<String>,

    /// The file with the certificate, relative to the workspace's root; PEM, DER or PKCS #7. Without it, the certificate stands
    /// in the same file as the key.
    #[serde(default)]
    #[schemars(extend("examples" = ["certs/release.crt"]))]
    certificate: Option<String>,

    /// The variable that holds the key's password.
    #[serde(default)]
    #[schemars(extend("examples" = ["SIGNING_KEY_PASSWORD"]))]
    password_env: Option<String>,
}

impl Plugin for Pem {
    type Settings = PemSettings;
    const INFO: Info = Info { id: "pem", summary: "a key in a PEM file", revision: 1 };
}

impl Keystore for Pem {
    fn open(
        &self,
        settings: &PemSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        let password =
            credential::password(context, "password-env", settings.password_env.as_deref(), "password")?;
        let (field, bytes) = match (&settings.pem, &settings.pem_env) {
            (Some(name), _) => ("pem", credential::file(context, "pem", name)?),
            (None, Some(variable)) => {
                let text = credential::variable(context, "pem-env", variable, "the key")?;
                ("pem-env", Secret::new(text.as_bytes().to_vec()))
            }
            (None, None) => {
                let help = "write `pem` with the file, or `pem-env` with a variable";
                return Err(context.finding("keystore::missing", "", "nothing says where the key is", help));
            }
        };
        let certificates = match &settings.certificate {
            Some(name) => credential::certificates(context, "certificate", name)?,
            None => read_certificates(bytes.expose()).map_err(|_| {
                let message = "there is no certificate beside the key";
                let help = "name its file: `certificate = \"release.crt\"`";
                context.finding("keystore::certificate", field, message, help)
            })?,
        };
        let key = PrivateKey::open(bytes.expose(), password.as_ref()).map_err(|error| {
            let message = format!("failed to {}", chain(&error));
            match error {
                PrivateKeyError::PasswordMissing => context.finding(
                    "keystore::secret",
                    field,
                    message,
                    "put the password into a variable and name it: `password-env = \"SIGNING_KEY_PASSWORD\"`",
                ),
                PrivateKeyError::PasswordWrong => context.finding(
                    "keystore::secret",
                    "password-env",
                    message,
                    "try it with `openssl pkey -noout -in FILE`, which asks for it",
                ),
                _ => context.finding(
                    "keystore::key",
                    field,
                    message,
                    "known are RSA and the curves P-256, P-384 and P-521, in PKCS #8, PKCS #1 or SEC 1",
                ),
            }
        })?;
        let of = if settings.certificate.is_some() { "certificate" } else { field };
        let key = CertifiedKey::new(key, certificates)
            .map_err(|error| credential::certificate_finding(context, of, &error))?;
        Ok(Box::new(key))
    }

    fn describe(&self, settings: &PemSettings) -> String {
        match (&settings.pem, &settings.pem_env) {
            (Some(name), _) => name.clone(),
            (None, Some(variable)) => format!("the key in {variable}"),
            (None, None) => "a PEM file".to_owned(),
        }
    }
}
