//! `aws-kms`: a key in the Key Management Service of Amazon.
//!
//! The service has no certificates, so that is a file; when the key is opened, its public key (`GetPublicKey`) is compared
//! with it. Digests are signed by `Sign` with `MessageType` `DIGEST`. As described in the API reference of the service.

use crate::cloud::CloudError;
use crate::cloud::amazon::{self, Account, Call};
use crate::keystore::{Keystore, KeystoreContext, credential};
use crate::plugin::{Info, Plugin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_crypto::{Certificate, Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

/// `aws-kms`.
#[derive(Debug)]
pub struct AwsKms;

/// A key in the Key Management Service of Amazon.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AwsKmsSettings {
    /// The key: its id, its ARN, or `alias/NAME`.
    #[schemars(length(min = 1), extend("examples" = ["alias/release"]))]
    aws_kms: String,

    /// The file with the key's certificate, relative to the workspace's root; PEM, DER or PKCS #7.
    #[schemars(extend("examples" = ["certs/release.crt"]))]
    certificate: String,

    /// The region. Default: that of the ARN, `AWS_REGION`, or `AWS_DEFAULT_REGION`.
    #[serde(default)]
    #[schemars(extend("examples" = ["eu-central-1"]))]
    region: Option<String>,

    /// The role to take with an identity token, where there is no access key in `AWS_ACCESS_KEY_ID` and
    /// `AWS_SECRET_ACCESS_KEY`. Default: `AWS_ROLE_ARN`.
    #[serde(default)]
    #[schemars(extend("examples" = ["arn:aws:iam::123456789012:role/release"]))]
    role: Option<String>,

    /// The address of the service. Default: `AWS_ENDPOINT_URL_KMS`, `AWS_ENDPOINT_URL`, or that of the region.
    #[serde(default)]
    endpoint: Option<String>,
}

impl Plugin for AwsKms {
    type Settings = AwsKmsSettings;
    const INFO: Info = Info { id: "aws-kms", summary: "a key in the KMS of Amazon", revision: 1 };
}

/// The region in `arn:aws:kms:eu-central-1:123456789012:key/...`.
fn region_of(key: &str) -> Option<&str> {
    key.strip_prefix("arn:")?.split(':').nth(2).filter(|region| !region.is_empty())
}

impl Keystore for AwsKms {
    fn open(
        &self,
        settings: &AwsKmsSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Found {
            public_key: String,
            key_usage: Option<String>,
        }
        const FIELD: &str = "aws-kms";
        let (algorithm, chain) = credential::chain_of(context, "certificate", &settings.certificate)?;
        credential::check_pair(context, "", algorithm)?;
        let network = context.network(FIELD)?;
        let environment = context.environment;
        let region = settings
            .region
            .as_deref()
            .or_else(|| region_of(&settings.aws_kms))
            .or_else(|| environment.get("AWS_REGION"))
            .or_else(|| environment.get("AWS_DEFAULT_REGION"));
        let Some(region) = region else {
            let help = "write `region = \"eu-central-1\"`, or set AWS_REGION";
            return Err(context.finding(
                "keystore::missing",
                FIELD,
                "nothing says in which region the key is",
                help,
            ));
        };
        let account = Account::find(region, settings.role.as_deref(), environment, network)
            .map_err(|error| context.service(FIELD, &error))?;
        let endpoint = match &settings.endpoint {
            Some(url) => url.trim_end_matches('/').to_owned(),
            None => amazon::endpoint("kms", region, environment),
        };
        let identity = chain.first().map(Certificate::sha256).unwrap_or_default();
        let key = KmsKey { account, endpoint, name: settings.aws_kms.clone(), identity, algorithm, chain };
        let action = format!("get the public key of {}", key.name);
        let found: Found = key
            .call(&action, "TrentService.GetPublicKey", &serde_json::json!({ "KeyId": key.name }))
            .map_err(|error| context.service(FIELD, &error))?;
        if found.key_usage.as_deref().is_some_and(|usage| usage != "SIGN_VERIFY") {
            let message = format!("the key {} is not one for signatures", key.name);
            let help = "make a key with the usage SIGN_VERIFY";
            return Err(context.finding("keystore::key", FIELD, message, help));
        }
        let public = STANDARD.decode(found.public_key).ok();
        let fits = |leaf: &Certificate| public.as_deref() == Some(leaf.public_key_der());
        if !key.chain.first().is_some_and(fits) {
            let message =
                format!("the certificate in {:?} is not that of the key {}", settings.certificate, key.name);
            let help = "give the certificate that was issued for this key";
            return Err(context.finding("keystore::certificate", "certificate", message, help));
        }
        Ok(Box::new(key))
    }

    fn describe(&self, settings: &AwsKmsSettings) -> String {
        format!("key {} in the KMS of Amazon", settings.aws_kms)
    }
}

struct KmsKey {
    account: Account,
    endpoint: String,
    name: String,
    identity: String,
    algorithm: KeyAlgorithm,
    chain: Vec<Certificate>,
}

impl KmsKey {
    fn call<T: serde::de::DeserializeOwned>(
        &self,
        action: &str,
        target: &str,
        body: &serde_json::Value,
    ) -> Result<T, CloudError> {
        let body = body.to_string();
        let call = Call { action, service: "kms", endpoint: &self.endpoint, target, body: body.as_bytes() };
        self.account.json(&call)
    }
}

/// The service's name of a signature's algorithm.
fn signing_algorithm(algorithm: KeyAlgorithm, hash: Hash) -> &'static str {
    match (algorithm.is_rsa(), hash) {
        (true, Hash::Sha256) => "RSASSA_PKCS1_V1_5_SHA_256",
        (true, Hash::Sha384) => "RSASSA_PKCS1_V1_5_SHA_384",
        (true, Hash::Sha512) => "RSASSA_PKCS1_V1_5_SHA_512",
        (false, Hash::Sha256) => "ECDSA_SHA_256",
        (false, Hash::Sha384) => "ECDSA_SHA_384",
        (false, Hash::Sha512) => "ECDSA_SHA_512",
    }
}

impl SigningKey for KmsKey {
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
        #[serde(rename_all = "PascalCase")]
        struct Made {
            signature: String,
        }
        let identity = || self.identity.clone();
        if !credential::signs(self.algorithm, hash) {
            return Err(SigningKeyError::UnsupportedHash { identity: identity(), hash });
        }
        let place =
            |error: CloudError| SigningKeyError::Place { identity: identity(), source: Box::new(error) };
        let action = format!("sign with the key {}", self.name);
        let body = serde_json::json!({
            "KeyId": self.name,
            "Message": STANDARD.encode(digest),
            "MessageType": "DIGEST",
            "SigningAlgorithm": signing_algorithm(self.algorithm, hash),
        });
        let made: Made = self.call(&action, "TrentService.Sign", &body).map_err(place)?;
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
    fn an_arn_says_its_region() {
        assert_eq!(region_of("arn:aws:kms:eu-central-1:123456789012:key/1234"), Some("eu-central-1"));
        assert_eq!(region_of("alias/release"), None);
        assert_eq!(region_of("arn:aws:kms"), None);
    }
}
