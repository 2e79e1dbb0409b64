//! Where keys, passphrases and passwords are read from: files and variables, with what to do when one is not there.

use crate::bench::environment::Environment;
use crate::bench::files;
use crate::cause::chain;
use crate::key::KeyError;
use crate::sign::KeyContext;
use deploy_crypto::Secret;
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;

/// A finding about a key: what keeps it from signing, at a place of the manifest.
pub(super) fn finding(code: &'static str, field: &str, message: String, help: impl Into<String>) -> Finding {
    Finding::configuration(code, message, help).at(field).class(FailureClass::Credentials)
}

/// A secret key in a file, relative to the workspace's root.
pub(super) fn file(context: &KeyContext<'_>, field: &str, name: &str) -> Result<Secret<Vec<u8>>, Finding> {
    let path = context.root.join(name);
    match files::read_if_exists(&path) {
        Ok(Some(bytes)) => Ok(Secret::new(bytes)),
        Ok(None) => Err(finding(
            "sign::missing-key",
            field,
            format!("the key file {name:?} is not there"),
            "put the secret key there, outside of version control, or name a variable that holds it: `key = { env = \"NAME\" }`",
        )),
        Err(error) => Err(finding(
            "sign::missing-key",
            field,
            format!("failed to {}", chain(&error)),
            "make the file readable for whoever runs this, and for nobody else",
        )),
    }
}

/// A secret key in a variable.
pub(super) fn variable(
    environment: &Environment,
    field: &str,
    name: &str,
) -> Result<Secret<Vec<u8>>, Finding> {
    match environment.get(name) {
        Some(value) => Ok(Secret::new(value.as_bytes().to_vec())),
        None => Err(finding(
            "sign::missing-key",
            field,
            format!("the variable {name}, which should hold the key, is not set"),
            format!(
                "set {name} to the content of the key's file; to release without signatures, use --no-sign"
            ),
        )),
    }
}

/// A passphrase or password in a variable, where the settings name one. `what` is the word for it.
pub(super) fn passphrase(
    environment: &Environment,
    field: &str,
    name: Option<&str>,
    what: &str,
) -> Result<Option<Secret<String>>, Finding> {
    let Some(name) = name else { return Ok(None) };
    match environment.get(name) {
        // What was piped into a secret often has a newline at its end, which none of these can have.
        Some(value) => Ok(Some(Secret::new(value.trim_end_matches(['\n', '\r']).to_owned()))),
        None => Err(finding(
            "sign::passphrase",
            field,
            format!("the variable {name}, which should hold the {what} of the key, is not set"),
            format!("set {name}, or take this out if the key has no {what}"),
        )),
    }
}

/// A moment as keys count it; before 1970 there are no keys.
pub(super) fn moment(seconds: i64) -> u64 {
    u64::try_from(seconds).unwrap_or(0)
}

/// A moment for the words of others: at most what fits.
pub(super) fn seconds(moment: u64) -> i64 {
    i64::try_from(moment).unwrap_or(i64::MAX)
}

/// What keeps a key from signing a file.
pub(super) fn cannot_sign(
    file: &str,
    key: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> KeyError {
    KeyError { action: "sign", file: file.to_owned(), key: key.to_owned(), source: source.into() }
}

/// What is wrong with a signature of a file.
pub(super) fn not_good(
    file: &str,
    key: &str,
    source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
) -> KeyError {
    let action = "check the signature of";
    KeyError { action, file: file.to_owned(), key: key.to_owned(), source: source.into() }
}
