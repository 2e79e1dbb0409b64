//! What keystores read: files, variables, passwords and certificates, with what to do when one is not there.

use crate::bench::files;
use crate::cause::chain;
use crate::keystore::KeystoreContext;
use deploy_crypto::{Certificate, Chain, Hash, KeyAlgorithm, Secret, read_certificates};
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;

/// A file that the key `field` of the table names.
pub(super) fn file(
    context: &KeystoreContext<'_>,
    field: &str,
    name: &str,
) -> Result<Secret<Vec<u8>>, Finding> {
    match files::read_if_exists(&context.root.join(name)) {
        Ok(Some(bytes)) => Ok(Secret::new(bytes)),
        Ok(None) => Err(context.finding(
            "keystore::missing",
            field,
            format!("the file {name:?} is not there"),
            "put it there; what is secret, outside of version control",
        )),
        Err(error) => Err(context.finding(
            "keystore::missing",
            field,
            format!("failed to {}", chain(&error)),
            "make it a file that whoever runs this can read",
        )),
    }
}

/// A variable that the key `field` of the table names; `what` should be in it.
pub(super) fn variable<'a>(
    context: &KeystoreContext<'a>,
    field: &str,
    name: &str,
    what: &str,
) -> Result<&'a str, Finding> {
    context.environment.get(name).ok_or_else(|| {
        context.finding(
            "keystore::missing",
            field,
            format!("the variable {name}, which should hold {what}, is not set"),
            format!("set {name}; to release without signatures, use --no-sign"),
        )
    })
}

/// A password or PIN in a variable, where the settings name one.
pub(super) fn password(
    context: &KeystoreContext<'_>,
    field: &str,
    name: Option<&str>,
    what: &str,
) -> Result<Option<Secret<String>>, Finding> {
    let Some(name) = name else { return Ok(None) };
    match context.environment.get(name) {
        // What was piped into a secret often has a line break at its end, which none of these can have.
        Some(value) => Ok(Some(Secret::new(value.trim_end_matches(['\n', '\r']).to_owned()))),
        None => Err(context.finding(
            "keystore::secret",
            field,
            format!("the variable {name}, which should hold the {what} of the key, is not set"),
            format!("set {name}, or take `{field}` out if the key has no {what}"),
        )),
    }
}

/// The certificates in a file that the key `field` of the table names.
pub(super) fn certificates(
    context: &KeystoreContext<'_>,
    field: &str,
    name: &str,
) -> Result<Vec<Certificate>, Finding> {
    read_certificates(file(context, field, name)?.expose()).map_err(|error| {
        context.finding(
            "keystore::certificate",
            field,
            format!("failed to {} of {name:?}", chain(&error)),
            "give the certificate as PEM, DER or PKCS #7; those of the authorities may be in the same file",
        )
    })
}

/// The certificates in a file, in their order, of a key that cannot be looked at itself.
pub(super) fn chain_of(
    context: &KeystoreContext<'_>,
    field: &str,
    name: &str,
) -> Result<(KeyAlgorithm, Vec<Certificate>), Finding> {
    let ordered = Chain::of_certificates(certificates(context, field, name)?);
    let ordered = ordered.map_err(|error| certificate_finding(context, field, &error))?;
    algorithm(context, field, ordered.leaf()).map(|algorithm| (algorithm, ordered.into_certificates()))
}

/// What the key of a certificate is.
pub(super) fn algorithm(
    context: &KeystoreContext<'_>,
    field: &str,
    leaf: &Certificate,
) -> Result<KeyAlgorithm, Finding> {
    leaf.algorithm().ok_or_else(|| {
        context.finding(
            "keystore::certificate",
            field,
            format!(
                "the certificate of {} is for a kind of key that programs are not signed with",
                leaf.name()
            ),
            "known are RSA and the curves P-256, P-384 and P-521",
        )
    })
}

/// A finding about the certificates of a key.
pub(super) fn certificate_finding(
    context: &KeystoreContext<'_>,
    field: &str,
    error: &dyn std::error::Error,
) -> Finding {
    context.finding(
        "keystore::certificate",
        field,
        format!("failed to {}", chain(error)),
        "give the certificate that was issued for this key, and those of its authorities",
    )
}

/// The certificates that the manifest gives beside the key.
pub(super) fn beside(context: &KeystoreContext<'_>) -> Result<Vec<Certificate>, Finding> {
    let mut all = Vec::new();
    for (position, name) in context.certificates.iter().enumerate() {
        let at = format!("{}[{position}]", context.certificates_field);
        let found = certificates(context, "", name).map_err(|finding| finding.at(at))?;
        all.extend(found);
    }
    Ok(all)
}

/// Refuses a hash that a service does not sign with a key of this kind: each curve has one.
pub(super) fn check_pair(
    context: &KeystoreContext<'_>,
    field: &str,
    algorithm: KeyAlgorithm,
) -> Result<(), Finding> {
    if signs(algorithm, context.hash) {
        return Ok(());
    }
    let message = format!("the service signs no digests of {} with a key of {algorithm}", context.hash);
    let help = format!("write `digest = \"{}\"`", algorithm.usual_hash());
    Err(context.finding("keystore::key", field, message, help).class(FailureClass::Configuration))
}

/// Whether services sign digests of this hash with such a key.
pub(super) fn signs(algorithm: KeyAlgorithm, hash: Hash) -> bool {
    algorithm.is_rsa() || algorithm.usual_hash() == hash
}
