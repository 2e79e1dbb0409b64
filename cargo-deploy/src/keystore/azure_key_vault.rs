//! `azure-key-vault`: a key of a certificate in Azure Key Vault or a managed HSM.
//!
//! The certificate is asked for when the key is opened (`GET {vault}/certificates/{name}`); it says which key belongs to it, and
//! digests are signed with that version of the key (`POST {key}/sign`). As described in the REST reference of Key Vault,
//! version 7.4.

use crate::bench::fetch::Address;
use crate::bench::http::Method;
use crate::cloud::access_token::Bearer;
use crate::cloud::entra::Given;
use crate::cloud::{Ask, CloudError, JSON, percent_encoded};
use crate::keystore::{Keystore, KeystoreContext, azure, credential};
use crate::plugin::{Info, Plugin};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use deploy_crypto::{
    Certificate, Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError, ecdsa_signature,
};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

const VERSION: &str = "api-version=7.4";

/// `azure-key-vault`.
#[derive(Debug)]
pub struct AzureKeyVault;

/// A key of a certificate in Azure Key Vault.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct AzureKeyVaultSettings {
    /// The address of the vault.
    #[schemars(extend("examples" = ["https://example.vault.azure.net"]))]
    azure_key_vault: String,

    /// The name of the certificate in the vault, or its name and version with a slash between them.
    #[schemars(length(min = 1), extend("examples" = ["release"]))]
    certificate: String,

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

impl Plugin for AzureKeyVault {
    type Settings = AzureKeyVaultSettings;
    const INFO: Info = Info { id: "azure-key-vault", summary: "a key in Azure Key Vault", revision: 1 };
}

/// What access tokens for a vault are for: the domain of its cloud.
fn scope(vault: &Address) -> String {
    const DOMAINS: [&str; 4] =
        ["vault.azure.net", "vault.azure.cn", "vault.usgovcloudapi.net", "managedhsm.azure.net"];
    let host = vault.host();
    let domain = DOMAINS.into_iter().find(|domain| host.ends_with(&format!(".{domain}")));
    format!("https://{}/.default", domain.unwrap_or("vault.azure.net"))
}

impl Keystore for AzureKeyVault {
    fn open(
        &self,
        settings: &AzureKeyVaultSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        #[derive(Deserialize)]
        struct Attributes {
            enabled: Option<bool>,
        }
        #[derive(Deserialize)]
        struct Found {
            kid: String,
            cer: String,
            attributes: Option<Attributes>,
        }
        const FIELD: &str = "azure-key-vault";
        let (vault, address) = azure::endpoint(context, FIELD, &settings.azure_key_vault)?;
        let given = Given {
            tenant: settings.tenant.as_deref(),
            client: settings.client.as_deref(),
            client_secret_env: settings.client_secret_env.as_deref(),
            authority: settings.authority.as_deref(),
        };
        let bearer = azure::bearer(context, FIELD, given, scope(&address))?;
        let name = settings.certificate.as_str();
        let action = format!("get the certificate {name} of {vault}");
        let path = name.split('/').map(percent_encoded).collect::<Vec<_>>().join("/");
        let found: Found = bearer
            .json(&Ask {
                action: &action,
                method: &Method::GET,
                url: &format!("{vault}/certificates/{path}?{VERSION}"),
                headers: &[("accept", "application/json")],
                body: &[],
                secrets: &[],
                codes: &[],
            })
            .map_err(|error| context.service("certificate", &error))?;
        let garbled = |why: &str| {
            let error = CloudError::Garbled { action: action.clone(), why: why.to_owned() };
            context.service("certificate", &error)
        };
        if found.attributes.is_some_and(|attributes| attributes.enabled == Some(false)) {
            let message = format!("the certificate {name} of {vault} is disabled");
            return Err(context.finding(
                "keystore::certificate",
                "certificate",
                message,
                "enable it in the vault",
            ));
        }
        // Access tokens are sent to the vault and to nobody else, whatever it says.
        let kid: Address = found.kid.parse().map_err(|_| garbled("names a key without an address"))?;
        if kid.authority() != address.authority() || kid.is_https() != address.is_https() {
            return Err(garbled("names a key of another vault"));
        }
        let leaf = STANDARD.decode(&found.cer).ok().and_then(|der| Certificate::from_der(&der).ok());
        let leaf = leaf.ok_or_else(|| garbled("has a certificate that is none"))?;
        let algorithm = credential::algorithm(context, "certificate", &leaf)?;
        credential::check_pair(context, "", algorithm)?;
        Ok(Box::new(VaultKey {
            bearer,
            url: found.kid,
            identity: leaf.sha256(),
            algorithm,
            chain: vec![leaf],
        }))
    }

    fn describe(&self, settings: &AzureKeyVaultSettings) -> String {
        format!("certificate {} of {}", settings.certificate, settings.azure_key_vault)
    }
}

struct VaultKey {
    bearer: Bearer,
    url: String,
    identity: String,
    algorithm: KeyAlgorithm,
    chain: Vec<Certificate>,
}

impl SigningKey for VaultKey {
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
            value: String,
        }
        let identity = || self.identity.clone();
        if !credential::signs(self.algorithm, hash) {
            return Err(SigningKeyError::UnsupportedHash { identity: identity(), hash });
        }
        let place =
            |error: CloudError| SigningKeyError::Place { identity: identity(), source: Box::new(error) };
        let action = format!("sign with the key at {}", self.url);
        let body = serde_json::json!({
            "alg": azure::signature_algorithm(self.algorithm, hash),
            "value": URL_SAFE_NO_PAD.encode(digest),
        });
        let made: Made = self
            .bearer
            .json(&Ask {
                action: &action,
                method: &Method::POST,
                url: &format!("{}/sign?{VERSION}", self.url),
                headers: &[JSON, ("accept", "application/json")],
                body: body.to_string().as_bytes(),
                secrets: &[],
                codes: &[],
            })
            .map_err(place)?;
        let bytes = URL_SAFE_NO_PAD.decode(made.value.trim_end_matches('=')).ok();
        // The curves' signatures are two plain numbers.
        let bytes =
            if self.algorithm.is_rsa() { bytes } else { bytes.and_then(|bytes| ecdsa_signature(&bytes)) };
        let why = "has a signature that is none".to_owned();
        let bytes = bytes.ok_or_else(|| place(CloudError::Garbled { action, why }))?;
        Ok(RawSignature { bytes, chain: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn access_tokens_are_for_the_cloud_of_the_vault() {
        for (vault, expected) in [
            ("https://example.vault.azure.net", "https://vault.azure.net/.default"),
            ("https://example.vault.azure.cn/", "https://vault.azure.cn/.default"),
            ("https://example.managedhsm.azure.net", "https://managedhsm.azure.net/.default"),
            ("http://127.0.0.1:8080", "https://vault.azure.net/.default"),
        ] {
            assert_eq!(scope(&vault.parse().expect("an address")), expected);
        }
    }
}
