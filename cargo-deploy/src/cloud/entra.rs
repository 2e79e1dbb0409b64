//! Access tokens of Microsoft Entra ID for applications: for a client secret, or for an identity token of another
//! platform that the application trusts (OAuth 2.0 client credentials, RFC 6749 section 4.4 and RFC 7523 section 2.2).

use crate::bench::clock;
use crate::bench::environment::Environment;
use crate::bench::fetch::Network;
use crate::bench::http::Method;
use crate::cloud::access_token::{AccessToken, Tokens};
use crate::cloud::identity_token::IdentityTokens;
use crate::cloud::{Ask, CloudError, FORM, form, percent_encoded};
use deploy_crypto::Secret;
use deploy_model::FailureClass;
use serde::Deserialize;

/// The audience that identity tokens for Entra have.
const AUDIENCE: &str = "api://AzureADTokenExchange";

/// Where tokens come from in the public cloud.
const AUTHORITY: &str = "https://login.microsoftonline.com";

/// The application that asks, and how it proves that it is it.
pub struct Application {
    authority: String,
    tenant: String,
    client: String,
    proof: Proof,
    scope: String,
}

enum Proof {
    Secret(Secret<String>),
    Identity(IdentityTokens),
}

/// Parts of an application that are written down where they are not in the usual variables.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// The tenant; else `AZURE_TENANT_ID`.
    pub tenant: Option<&'a str>,
    /// The application's id; else `AZURE_CLIENT_ID`.
    pub client: Option<&'a str>,
    /// The variable with its secret; else `AZURE_CLIENT_SECRET`.
    pub client_secret_env: Option<&'a str>,
    /// The address of the authority; else `AZURE_AUTHORITY_HOST`, else that of the public cloud.
    pub authority: Option<&'a str>,
}

impl Application {
    /// The application of these settings and variables, for a scope such as `https://vault.azure.net/.default`. A secret goes
    /// before `AZURE_FEDERATED_TOKEN_FILE`, and that before GitHub Actions. Asks nobody yet.
    pub fn find(given: Given<'_>, environment: &Environment, scope: String) -> Result<Self, CloudError> {
        let mut missing = Vec::new();
        let mut named = |written: Option<&str>, variable: &'static str| {
            let value = written.or_else(|| environment.get(variable));
            if value.is_none() {
                missing.push(variable);
            }
            value.unwrap_or_default().to_owned()
        };
        let tenant = named(given.tenant, "AZURE_TENANT_ID");
        let client = named(given.client, "AZURE_CLIENT_ID");
        let secret_variable = given.client_secret_env.unwrap_or("AZURE_CLIENT_SECRET");
        let secret = environment.get(secret_variable).map(|secret| Secret::new(secret.trim().to_owned()));
        let proof = match (secret, given.client_secret_env) {
            (Some(secret), _) => Some(Proof::Secret(secret)),
            // A variable that is named must be set: nothing else is taken in its place.
            (None, Some(_)) => None,
            (None, None) => IdentityTokens::in_file(environment, "AZURE_FEDERATED_TOKEN_FILE")
                .or_else(|| IdentityTokens::of_github(environment))
                .map(Proof::Identity),
        };
        let authority =
            given.authority.or_else(|| environment.get("AZURE_AUTHORITY_HOST")).unwrap_or(AUTHORITY);
        let Some(proof) = proof.filter(|_| missing.is_empty()) else {
            if missing.is_empty() {
                missing.push(secret_variable);
            }
            return Err(CloudError::Unproven {
                action: "get a token from Microsoft Entra ID".to_owned(),
                why: format!("{} not set", crate::cloud::are(&missing)),
                help: "set AZURE_TENANT_ID, AZURE_CLIENT_ID and one of AZURE_CLIENT_SECRET and \
                       AZURE_FEDERATED_TOKEN_FILE; in GitHub Actions, the permission `id-token: write` takes the place of \
                       a secret"
                    .to_owned(),
            });
        };
        let authority = authority.trim_end_matches('/').to_owned();
        Ok(Application { authority, tenant, client, proof, scope })
    }

    /// Who asks, for people.
    pub fn describe(&self) -> String {
        let proof = match &self.proof {
            Proof::Secret(_) => "a client secret".to_owned(),
            Proof::Identity(tokens) => tokens.describe(),
        };
        format!("application {} of tenant {} with {proof}", self.client, self.tenant)
    }
}

impl Tokens for Application {
    fn fetch(&self, network: &Network) -> Result<AccessToken, CloudError> {
        #[derive(Deserialize)]
        struct Given {
            access_token: String,
            expires_in: u64,
        }
        let proof = match &self.proof {
            Proof::Secret(secret) => Secret::new(secret.expose().clone()),
            Proof::Identity(tokens) => tokens.fetch(AUDIENCE, network)?,
        };
        let common = [
            ("grant_type", "client_credentials"),
            ("client_id", self.client.as_str()),
            ("scope", self.scope.as_str()),
        ];
        let own: &[(&str, &str)] = match &self.proof {
            Proof::Secret(_) => &[("client_secret", proof.expose())],
            Proof::Identity(_) => &[
                ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
                ("client_assertion", proof.expose()),
            ],
        };
        let body = form(&[&common, own].concat());
        let url = format!("{}/{}/oauth2/v2.0/token", self.authority, percent_encoded(&self.tenant));
        let asked = clock::unix_seconds();
        let given: Given = Ask {
            action: &format!("get a token for the application {} from {}", self.client, self.authority),
            method: &Method::POST,
            url: &url,
            headers: &[FORM, ("accept", "application/json")],
            body: body.expose().as_bytes(),
            secrets: &[proof.expose()],
            // The service answers with 400 or 401 for all of them.
            codes: &[
                ("invalid_client", FailureClass::Credentials),
                ("invalid_grant", FailureClass::Credentials),
                ("unauthorized_client", FailureClass::Credentials),
                ("temporarily_unavailable", FailureClass::Remote),
            ],
        }
        .json(network)?;
        Ok(AccessToken {
            value: Secret::new(given.access_token),
            until: asked.saturating_add(given.expires_in),
        })
    }
}
