//! What the two kinds of keys at Microsoft have in common: who asks, and the names of algorithms.

use crate::bench::fetch::Address;
use crate::cloud::access_token::Bearer;
use crate::cloud::entra::{Application, Given};
use crate::keystore::KeystoreContext;
use deploy_crypto::{Hash, KeyAlgorithm};
use deploy_plan::finding::Finding;

/// Requests as the application that settings and variables name. `field` is the key of the table that has the service's
/// address.
pub(super) fn bearer(
    context: &KeystoreContext<'_>,
    field: &str,
    given: Given<'_>,
    scope: String,
) -> Result<Bearer, Finding> {
    let network = context.network(field)?;
    let application = Application::find(given, context.environment, scope)
        .map_err(|error| context.service(field, &error))?;
    Ok(Bearer::new(application, network))
}

/// The address of a service as the settings give it, without a slash at its end.
pub(super) fn endpoint(
    context: &KeystoreContext<'_>,
    field: &str,
    url: &str,
) -> Result<(String, Address), Finding> {
    match url.parse::<Address>() {
        Ok(address) => Ok((url.trim_end_matches('/').to_owned(), address)),
        Err(invalid) => Err(context
            .finding(
                "keystore::settings",
                field,
                format!("{url:?} cannot be used: {invalid}"),
                "mend the address",
            )
            .class(deploy_model::FailureClass::Configuration)),
    }
}

/// The name of a signature's algorithm (RFC 7518, section 3.1).
pub(super) fn signature_algorithm(algorithm: KeyAlgorithm, hash: Hash) -> &'static str {
    match (algorithm.is_rsa(), hash) {
        (true, Hash::Sha256) => "RS256",
        (true, Hash::Sha384) => "RS384",
        (true, Hash::Sha512) => "RS512",
        (false, Hash::Sha256) => "ES256",
        (false, Hash::Sha384) => "ES384",
        (false, Hash::Sha512) => "ES512",
    }
}
