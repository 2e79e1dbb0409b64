//! `azure-artifact-signing`: keys that Microsoft keeps, with certificates of a few days (once called Trusted Signing).
//!
//! The chain is asked for when the key is opened, which costs nothing (`GET .../sign/certchain`). A digest is submitted
//! (`POST .../sign`), and the operation is asked after until it has ended. The certificate may have been renewed in
//! between, so the chain that comes with the signature is the one that counts. As described in the REST reference of the
//! service, version 2022-06-15-preview, which its own clients speak.

use crate::bench::clock;
use crate::bench::http::Method;
use crate::cloud::access_token::Bearer;
use crate::cloud::entra::Given;
use crate::cloud::{Ask, CloudError, JSON, percent_encoded, read_json, shown};
use crate::keystore::{Keystore, KeystoreContext, azure, credential};
use crate::plugin::{Info, Plugin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_crypto::{
    Certificate, Chain, Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError, read_certificates,
};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value as Json;
use std::time::Duration;

const VERSION: &str = "api-version=2022-06-15-preview";

/// What access tokens are for.
const SCOPE: &str = "https://codesigning.azure.net/.default";

/// How often an operation is asked after. With the pauses below it is about two minutes.
const MAX_POLLS: u32 = 130;

/// `azure-artifact-signing`.
#[derive(Debug)]
pub struct AzureArtifactSigning;

/// A certificate profile of Azure Artifact Signing.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AzureArtifactSigningSettings {
    /// The address of the service in the account's region.
    #[schemars(extend("examples" = ["https://weu.codesigning.azure.net"]))]
    azure_artifact_signing: String,

    /// The signing account.
    #[schemars(length(min = 1))]
    account: String,

    /// The certificate profile of the account.
    #[schemars(length(min = 1))]
    profile: String,

    /// The tenant. Default: `AZURE_TENANT_ID`.
    #[serde(default)]
    tenant: Option<String>,

    /// The id of the application that signs. Default: `AZURE_CLIENT_ID`.
    #[serde(default)]
    client: Option<String>,

    /// The variable that holds the application's secret. Default: `AZURE_CLIENT_SECRET`; where that is not set, the identity
    /// token in `AZURE_FEDERATED_TOKEN_FILE` or of GitHub Actions takes its place.
    #[serde(default)]
    client_secret_env: Option<String>,

    /// The address of the authority that gives access tokens. Default: `AZURE_AUTHORITY_HOST`, or
    /// `https://login.microsoftonline.com`.
    #[serde(default)]
    authority: Option<String>,
}

impl Plugin for AzureArtifactSigning {
    type Settings = AzureArtifactSigningSettings;
    const INFO: Info =
        Info { id: "azure-artifact-signing", summary: "a profile of Azure Artifact Signing", revision: 1 };
}

impl Keystore for AzureArtifactSigning {
    fn open(
        &self,
        settings: &AzureArtifactSigningSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        const FIELD: &str = "azure-artifact-signing";
        let (endpoint, address) = azure::endpoint(context, FIELD, &settings.azure_artifact_signing)?;
        let given = Given {
            tenant: settings.tenant.as_deref(),
            client: settings.client.as_deref(),
            client_secret_env: settings.client_secret_env.as_deref(),
            authority: settings.authority.as_deref(),
        };
        let bearer = azure::bearer(context, FIELD, given, SCOPE.to_owned())?;
        let (account, profile) = (&settings.account, &settings.profile);
        let base = format!(
            "{endpoint}/codesigningaccounts/{}/certificateprofiles/{}/sign",
            percent_encoded(account),
            percent_encoded(profile)
        );
        let action = format!("get the certificates of the profile {profile} of the account {account}");
        let answer = bearer
            .send(&Ask {
                action: &action,
                method: &Method::GET,
                url: &format!("{base}/certchain?{VERSION}"),
                headers: &[("accept", "application/pkcs7-mime, application/json")],
                body: &[],
                secrets: &[],
                codes: &[],
            })
            .map_err(|error| context.service(FIELD, &error))?;
        let garbled = |why: &str| {
            let error = CloudError::Garbled { action: action.clone(), why: why.to_owned() };
            context.service(FIELD, &error)
        };
        let chain = chain_in(&answer.body).ok_or_else(|| garbled("has no certificates"))?;
        let leaf = chain.first().ok_or_else(|| garbled("has no certificates"))?;
        let algorithm = credential::algorithm(context, FIELD, leaf)?;
        credential::check_pair(context, "", algorithm)?;
        let identity = format!("{}/{account}/{profile}", address.authority());
        Ok(Box::new(ProfileKey { bearer, base, identity, algorithm, chain }))
    }

    fn describe(&self, settings: &AzureArtifactSigningSettings) -> String {
        let AzureArtifactSigningSettings { azure_artifact_signing, account, profile, .. } = settings;
        format!("profile {profile} of the account {account} at {azure_artifact_signing}")
    }
}

/// The certificates in an answer, in order: PKCS #7 as it is, or in Base64 with line breaks.
fn chain_in(bytes: &[u8]) -> Option<Vec<Certificate>> {
    let certificates = read_certificates(bytes).ok().or_else(|| {
        let text: String = std::str::from_utf8(bytes).ok()?.split_whitespace().collect();
        read_certificates(&STANDARD.decode(text).ok()?).ok()
    })?;
    Chain::of_certificates(certificates).ok().map(Chain::into_certificates)
}

struct ProfileKey {
    bearer: Bearer,
    /// The address that digests are submitted to.
    base: String,
    identity: String,
    algorithm: KeyAlgorithm,
    chain: Vec<Certificate>,
}

/// How an operation stands. The two versions of the service that are in use put its result at its top, or into `result`.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Operation {
    #[serde(alias = "id")]
    operation_id: Option<String>,
    status: String,
    #[serde(flatten)]
    outcome: Outcome,
    result: Option<Outcome>,
    #[serde(alias = "errorDetail")]
    error: Option<Json>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase")]
struct Outcome {
    signature: Option<String>,
    signing_certificate: Option<String>,
}

impl ProfileKey {
    fn operate(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, CloudError> {
        let action = format!("sign with {}", self.identity);
        let body = serde_json::json!({
            "signatureAlgorithm": azure::signature_algorithm(self.algorithm, hash),
            "digest": STANDARD.encode(digest),
        })
        .to_string();
        let submit = Ask {
            action: &action,
            method: &Method::POST,
            url: &format!("{}?{VERSION}", self.base),
            headers: &[JSON, ("accept", "application/json")],
            body: body.as_bytes(),
            secrets: &[],
            codes: &[],
        };
        let garbled = |why: &str| CloudError::Garbled { action: action.clone(), why: why.to_owned() };
        let mut operation: Operation = read_json(&action, &self.bearer.send(&submit)?.body)?;
        let id = operation.operation_id.take().ok_or_else(|| garbled("names no operation"))?;
        let url = format!("{}/{}?{VERSION}", self.base, percent_encoded(&id));
        let ask = Ask {
            method: &Method::GET,
            url: &url,
            headers: &[("accept", "application/json")],
            body: &[],
            ..submit
        };
        for poll in 0..MAX_POLLS {
            match operation.status.as_str() {
                "Succeeded" => return self.finished(operation, &action),
                "InProgress" | "Running" | "NotStarted" => {
                    clock::wait(Duration::from_millis(u64::from(50 + 50 * poll).min(1000)));
                    operation = self.bearer.json(&ask)?;
                }
                status => {
                    let said = operation
                        .error
                        .as_ref()
                        .and_then(|error| error.get("message"))
                        .and_then(Json::as_str);
                    let said = said.map(|said| format!(": {}", shown(said, &[]))).unwrap_or_default();
                    return Err(garbled(&format!(
                        "says that the operation ended as {}{said}",
                        shown(status, &[])
                    )));
                }
            }
        }
        Err(garbled("says that the operation still goes on, after two minutes"))
    }

    fn finished(&self, operation: Operation, action: &str) -> Result<RawSignature, CloudError> {
        let Outcome { signature, signing_certificate } = operation.result.unwrap_or(operation.outcome);
        let garbled = |why: &str| CloudError::Garbled { action: action.to_owned(), why: why.to_owned() };
        let bytes = signature.and_then(|text| STANDARD.decode(text).ok());
        let bytes = bytes.ok_or_else(|| garbled("has no signature"))?;
        let chain = match signing_certificate {
            Some(text) => {
                let chain = STANDARD.decode(text).ok().and_then(|bytes| chain_in(&bytes));
                Some(chain.ok_or_else(|| garbled("has certificates that are none"))?)
            }
            None => None,
        };
        Ok(RawSignature { bytes, chain })
    }
}

impl SigningKey for ProfileKey {
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
        let identity = || self.identity.clone();
        if !credential::signs(self.algorithm, hash) {
            return Err(SigningKeyError::UnsupportedHash { identity: identity(), hash });
        }
        self.operate(hash, digest)
            .map_err(|error| SigningKeyError::Place { identity: identity(), source: Box::new(error) })
    }
}
