//! `pfx`: a key with its certificates in a PKCS #12 file, `.pfx` or `.p12`.

use crate::bench::files;
use crate::cause::chain;
use crate::keystore::{Keystore, KeystoreContext, credential};
use crate::plugin::{Info, Plugin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_crypto::{CertifiedKey, Pkcs12Error, Secret, SigningKey};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

/// `pfx`.
#[derive(Debug)]
pub struct Pfx;

/// A key with its certificates in a PKCS #12 file.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["pfx"] }, { "required": ["pfx-env"] }]))]
pub struct PfxSettings {
    /// The file, relative to the workspace's root.
    #[serde(default)]
    #[schemars(extend("examples" = ["../secrets/release.pfx"]))]
    pfx: Option<String>,

    /// The variable that holds the file's path, or its content in Base64.
    #[serde(default)]
    #[schemars(extend("examples" = ["WIN_CSC_LINK"]))]
    pfx_env: Option<String>,

    /// The variable that holds the file's password.
    #[serde(default)]
    #[schemars(extend("examples" = ["WIN_CSC_KEY_PASSWORD"]))]
    password_env: Option<String>,
}

impl Plugin for Pfx {
    type Settings = PfxSettings;
    const INFO: Info = Info { id: "pfx", summary: "a key in a PKCS #12 file", revision: 1 };
}

impl Keystore for Pfx {
    fn open(
        &self,
        settings: &PfxSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        let password =
            credential::password(context, "password-env", settings.password_env.as_deref(), "password")?;
        let (field, bytes) = match (&settings.pfx, &settings.pfx_env) {
            (Some(name), _) => ("pfx", credential::file(context, "pfx", name)?),
            (None, Some(variable)) => ("pfx-env", linked(context, variable)?),
            (None, None) => {
                let help = "write `pfx` with the file, or `pfx-env` with a variable";
                return Err(context.finding("keystore::missing", "", "nothing says where the key is", help));
            }
        };
        let key = CertifiedKey::of_pkcs12(bytes.expose(), password.as_ref(), &[]).map_err(|error| {
            let message = format!("failed to {}", chain(&error));
            match error {
                Pkcs12Error::PasswordMissing => context.finding(
                    "keystore::secret",
                    field,
                    message,
                    "put the password into a variable and name it: `password-env = \"WIN_CSC_KEY_PASSWORD\"`",
                ),
                Pkcs12Error::PasswordWrong => context.finding(
                    "keystore::secret",
                    "password-env",
                    message,
                    "try it with `openssl pkcs12 -info -noout -in FILE`, which asks for it",
                ),
                Pkcs12Error::Chain(_) => context.finding(
                    "keystore::certificate",
                    field,
                    message,
                    "export the key together with its certificate",
                ),
                _ => context.finding(
                    "keystore::key",
                    field,
                    message,
                    "export the key with its certificates as a .pfx file, or with `openssl pkcs12 -export`",
                ),
            }
        })?;
        Ok(Box::new(key))
    }

    fn describe(&self, settings: &PfxSettings) -> String {
        match (&settings.pfx, &settings.pfx_env) {
            (Some(name), _) => name.clone(),
            (None, Some(variable)) => format!("the PKCS #12 file in {variable}"),
            (None, None) => "a PKCS #12 file".to_owned(),
        }
    }
}

/// What a variable links to, as `CSC_LINK` is commonly written: a path, `file://` before one, or the content in Base64, with
/// or without `data:...;base64,` before it.
fn linked(context: &KeystoreContext<'_>, variable: &str) -> Result<Secret<Vec<u8>>, Finding> {
    let field = "pfx-env";
    let value = credential::variable(context, field, variable, "the key")?.trim();
    if let Some((scheme, _)) = value.split_once("://").filter(|(scheme, _)| *scheme != "file") {
        return Err(context.finding(
            "keystore::missing",
            field,
            format!("the variable {variable} holds an address of {scheme}, and keys are not fetched"),
            "put the file's path or its content in Base64 into it",
        ));
    }
    let path = value.strip_prefix("file://").unwrap_or(value);
    // A path is shorter than any key, and a directory's length is no argument against one.
    if path.len() < 4096 && !path.contains('\n') {
        let path = context.environment.directory.join(path);
        match files::read_if_exists(&path) {
            Ok(Some(bytes)) => return Ok(Secret::new(bytes)),
            Ok(None) => {}
            // Base64 can look like a path that goes through a file, or is too long.
            Err(_) if decoded(value).is_some() => {}
            Err(error) => {
                let message = format!("failed to {}, which {variable} names", chain(&error));
                let help = "make it a file that whoever runs this can read";
                return Err(context.finding("keystore::missing", field, message, help));
            }
        }
    }
    decoded(value).ok_or_else(|| {
        context.finding(
            "keystore::missing",
            field,
            format!(
                "the variable {variable} holds neither the path of a file that is there nor a key in Base64"
            ),
            format!("set {variable} to the file's path, or to what `base64 -w0 FILE` prints"),
        )
    })
}

/// A key in Base64, however its lines are broken. Every PKCS #12 file begins with a sequence.
fn decoded(value: &str) -> Option<Secret<Vec<u8>>> {
    let text = match value.strip_prefix("data:") {
        Some(data) => data.split_once(";base64,")?.1,
        None => value,
    };
    let text = Secret::new(text.split_whitespace().collect::<String>());
    let bytes = Secret::new(STANDARD.decode(text.expose()).ok()?);
    bytes.expose().starts_with(&[0x30]).then_some(bytes)
}
