//! `google-kms`: a version of a key in the Cloud Key Management Service of Google.
//!
//! The service has no certificates, so that is a file; when the key is opened, its public key (`GET .../publicKey`) is compared
//! with it. A version of a key signs in one way only, with one hash; digests are signed by `POST ...:asymmetricSign`. As
//! described in the REST reference of the service, version 1.

use crate::bench::http::Method;
use crate::cloud::access_token::Bearer;
use crate::cloud::google::{Account, Given};
use crate::cloud::{Ask, CloudError, JSON};
use crate::keystore::{Keystore, KeystoreContext, credential};
use crate::plugin::{Info, Plugin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_crypto::{Certificate, Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError};
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

/// `google-kms`.
#[derive(Debug)]
pub struct GoogleKms;

/// A version of a key in the Cloud KMS of Google.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GoogleKmsSettings {
    /// The version of the key, by its whole name.
    #[schemars(length(min = 1), extend("examples" = ["projects/example/locations/europe-west3/keyRings/release/cryptoKeys/windows/cryptoKeyVersions/1"]))]
    google_kms: String,

    /// The file with the key's certificate, relative to the workspace's root; PEM, DER or PKCS #7.
    #[schemars(extend("examples" = ["certs/release.crt"]))]
    certificate: String,

    /// The variable that holds the path of the file of credentials, of a service account or of a workload identity pool.
    /// Default: `GOOGLE_APPLICATION_CREDENTIALS`.
    #[serde(default)]
    credentials_env: Option<String>,

    /// The provider of a workload identity pool that trusts GitHub Actions. With it no file of credentials is needed.
    #[serde(default)]
    #[schemars(extend("examples" = ["projects/123456789012/locations/global/workloadIdentityPools/github/providers/example"]))]
    workload_identity_provider: Option<String>,

    /// The service account that is taken for the identity token of GitHub Actions. Without it the pool's principal itself must be
    /// allowed to sign.
    #[serde(default)]
    #[schemars(extend("examples" = ["release@example.iam.gserviceaccount.com"]))]
    service_account: Option<String>,

    /// The address of the authority that exchanges identity tokens of GitHub Actions. Default: `https://sts.googleapis.com`.
    #[serde(default)]
    authority: Option<String>,

    /// The address of the service. Default: `https://cloudkms.googleapis.com`.
    #[serde(default)]
    endpoint: Option<String>,
}

impl Plugin for GoogleKms {
    type Settings = GoogleKmsSettings;
    const INFO: Info = Info { id: "google-kms", summary: "a key in the Cloud KMS of Google", revision: 1 };
}

/// The hash that a version of a key signs digests of, by the name of its algorithm; `None` for those that do not sign
/// code.
fn hash_of(algorithm: &str) -> Option<Hash> {
    let signs = algorithm.starts_with("RSA_SIGN_PKCS1_") || algorithm.starts_with("EC_SIGN_P");
    match algorithm.rsplit('_').next() {
        Some("SHA256") if signs => Some(Hash::Sha256),
        Some("SHA384") if signs => Some(Hash::Sha384),
        Some("SHA512") if signs => Some(Hash::Sha512),
        _ => None,
    }
}

impl Keystore for GoogleKms {
    fn open(
        &self,
        settings: &GoogleKmsSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        #[derive(Deserialize)]
        struct Found {
            pem: String,
            algorithm: String,
        }
        const FIELD: &str = "google-kms";
        let (algorithm, chain) = credential::chain_of(context, "certificate", &settings.certificate)?;
        let network = context.network(FIELD)?;
        let name = settings.google_kms.trim_matches('/');
        if !name.starts_with("projects/") || !name.contains("/cryptoKeyVersions/") {
            let message = format!("{name:?} is not the whole name of a version of a key");
            let help = "write `projects/PROJECT/locations/LOCATION/keyRings/RING/cryptoKeys/KEY/cryptoKeyVersions/VERSION`";
            let finding = context.finding("keystore::settings", FIELD, message, help);
            return Err(finding.class(FailureClass::Configuration));
        }
        let given = Given {
            credentials_env: settings.credentials_env.as_deref(),
            workload_identity_provider: settings.workload_identity_provider.as_deref(),
            service_account: settings.service_account.as_deref(),
            authority: settings.authority.as_deref(),
        };
        let account =
            Account::find(given, context.environment).map_err(|error| context.service(FIELD, &error))?;
        let bearer = Bearer::new(account, network);
        let endpoint = settings.endpoint.as_deref().unwrap_or("https://cloudkms.googleapis.com");
        let url = format!("{}/v1/{name}", endpoint.trim_end_matches('/'));
        let found: Found = bearer
            .json(&Ask {
                action: &format!("get the public key of {name}"),
                method: &Method::GET,
                url: &format!("{url}/publicKey"),
                headers: &[("accept", "application/json")],
                body: &[],
                secrets: &[],
                codes: &[],
            })
            .map_err(|error| context.service(FIELD, &error))?;
        let hash = hash_of(&found.algorithm).ok_or_else(|| {
            let message =
                format!("the key {name} is one for {}, which programs are not signed with", found.algorithm);
            let help = "make one for RSA_SIGN_PKCS1_3072_SHA256 or EC_SIGN_P256_SHA256";
            context.finding("keystore::key", FIELD, message, help)
        })?;
        if hash != context.hash {
            let message =
                format!("the key {name} signs digests of {hash} only, and {} is asked for", context.hash);
            let help = format!("write `digest = \"{hash}\"`");
            let finding = context.finding("keystore::key", FIELD, message, help);
            return Err(finding.class(FailureClass::Configuration));
        }
        let fits =
            |leaf: &Certificate| public_key(&found.pem).is_some_and(|public| public == leaf.public_key_der());
        if !chain.first().is_some_and(fits) {
            let message =
                format!("the certificate in {:?} is not that of the key {name}", settings.certificate);
            let help = "give the certificate that was issued for this key";
            return Err(context.finding("keystore::certificate", "certificate", message, help));
        }
        let identity = chain.first().map(Certificate::sha256).unwrap_or_default();
        Ok(Box::new(CloudKey { bearer, url, hash, identity, algorithm, chain }))
    }

    fn describe(&self, settings: &GoogleKmsSettings) -> String {
        format!("key {} in the Cloud KMS of Google", settings.google_kms)
    }
}

/// What stands in the block `PUBLIC KEY`.
fn public_key(pem: &str) -> Option<Vec<u8>> {
    let (_, rest) = pem.split_once("-----BEGIN PUBLIC KEY-----")?;
    let (text, _) = rest.split_once("-----END PUBLIC KEY-----")?;
    STANDARD.decode(text.split_whitespace().collect::<String>()).ok()
}

struct CloudKey {
    bearer: Bearer,
    url: String,
    hash: Hash,
    identity: String,
    algorithm: KeyAlgorithm,
    chain: Vec<Certificate>,
}

impl SigningKey for CloudKey {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, SigningKeyError> {
        #[derive(Deserialize)]
        struct Made {
            signature: String,
        }
        let identity = || self.identity.clone();
        if hash != self.hash {
            return Err(SigningKeyError::UnsupportedHash { identity: identity(), hash });
        }
        let place =
            |error: CloudError| SigningKeyError::Place { identity: identity(), source: Box::new(error) };
        let action = format!("sign with the key at {}", self.url);
        let body = serde_json::json!({ "digest": { hash.name(): STANDARD.encode(digest) } }).to_string();
        let made: Made = self
            .bearer
            .json(&Ask {
                action: &action,
                method: &Method::POST,
                url: &format!("{}:asymmetricSign", self.url),
                headers: &[JSON, ("accept", "application/json")],
                body: body.as_bytes(),
                secrets: &[],
                codes: &[],
            })
            .map_err(place)?;
        let why = "has a signature that is none".to_owned();
        let bytes =
            STANDARD.decode(made.signature).map_err(|_| place(CloudError::Garbled { action, why }))?;
        Ok(RawSignature { bytes, chain: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hash_of_a_key_is_told_by_its_algorithm() {
        for (algorithm, hash) in [
            ("RSA_SIGN_PKCS1_3072_SHA256", Some(Hash::Sha256)),
            ("RSA_SIGN_PKCS1_4096_SHA512", Some(Hash::Sha512)),
            ("EC_SIGN_P384_SHA384", Some(Hash::Sha384)),
            ("RSA_SIGN_PSS_3072_SHA256", None),
            ("RSA_SIGN_RAW_PKCS1_3072", None),
            ("EC_SIGN_SECP256K1_SHA256", None),
            ("EC_SIGN_ED25519", None),
            ("RSA_DECRYPT_OAEP_3072_SHA256", None),
        ] {
            assert_eq!(hash_of(algorithm), hash, "{algorithm}");
        }
    }
}
