//! Access tokens of Google: for the key of a service account (RFC 7523), or for an identity token of another platform that a
//! workload identity pool trusts (RFC 8693), with or without a service account that is taken for it.

use crate::bench::clock;
use crate::bench::environment::Environment;
use crate::bench::fetch::Network;
use crate::bench::files;
use crate::bench::http::Method;
use crate::cause::chain;
use crate::cloud::access_token::{AccessToken, Tokens};
use crate::cloud::identity_token::IdentityTokens;
use crate::cloud::{Ask, CloudError, FORM, JSON, form, read_json};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use camino::Utf8PathBuf;
use deploy_crypto::{Hash, PrivateKey, Secret};
use deploy_model::FailureClass;
use serde::Deserialize;
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};

/// What the tokens are for: everything that the account is allowed to do.
const SCOPE: &str = "https://www.googleapis.com/auth/cloud-platform";

/// Where identity tokens are exchanged.
const STS: &str = "https://sts.googleapis.com";

/// Where service accounts are taken.
const IAM: &str = "https://iamcredentials.googleapis.com/v1";

/// How long tokens are asked for, in seconds.
const LIFETIME: u64 = 3600;

/// A difference of clocks that is not complained of, in seconds.
const TOLERATED: i64 = 60;

/// What the codes of Google's authority mean: they come with the status 400.
const CODES: [(&str, FailureClass); 4] = [
    ("invalid_client", FailureClass::Credentials),
    ("invalid_grant", FailureClass::Credentials),
    ("invalid_target", FailureClass::Credentials),
    ("unauthorized_client", FailureClass::Credentials),
];

/// Who asks.
pub struct Account {
    kind: Kind,
    /// How many seconds Google's clock is ahead of ours.
    ahead: AtomicI64,
}

enum Kind {
    Service(ServiceAccount),
    Federated(Federation),
}

/// A service account with a key of its own.
struct ServiceAccount {
    email: String,
    key: PrivateKey,
    key_id: String,
    token_uri: String,
}

/// A workload of another platform.
struct Federation {
    audience: String,
    subject_type: String,
    token_url: String,
    impersonation_url: Option<String>,
    subject: Subject,
}

/// Where the identity token of the workload comes from.
enum Subject {
    /// A place that is asked for an audience.
    Tokens { tokens: IdentityTokens, audience: String },
    /// A file with the token as it is, or as a field of JSON.
    File { path: Utf8PathBuf, field: Option<String> },
    /// An address.
    Url { url: String, headers: BTreeMap<String, Secret<String>>, field: Option<String> },
}

/// A file of credentials, as Google writes them.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum CredentialsFile {
    ServiceAccount {
        client_email: String,
        private_key: String,
        #[serde(default)]
        private_key_id: String,
        token_uri: String,
    },
    ExternalAccount {
        audience: String,
        subject_token_type: String,
        token_url: String,
        service_account_impersonation_url: Option<String>,
        credential_source: Source,
    },
    #[serde(other)]
    Other,
}

#[derive(Deserialize)]
struct Source {
    file: Option<Utf8PathBuf>,
    url: Option<String>,
    #[serde(default)]
    headers: BTreeMap<String, String>,
    format: Option<Format>,
}

#[derive(Deserialize)]
struct Format {
    #[serde(rename = "type")]
    kind: String,
    subject_token_field_name: Option<String>,
}

/// Parts of an account that are written down.
#[derive(Debug, Clone, Copy, Default)]
pub struct Given<'a> {
    /// The variable with the path of a file of credentials; else `GOOGLE_APPLICATION_CREDENTIALS`.
    pub credentials_env: Option<&'a str>,
    /// The workload identity provider, for identity tokens of GitHub Actions without such a file:
    /// `projects/123/locations/global/workloadIdentityPools/POOL/providers/PROVIDER`.
    pub workload_identity_provider: Option<&'a str>,
    /// The service account that is taken for them.
    pub service_account: Option<&'a str>,
    /// The address of the authority that exchanges them; else Google's.
    pub authority: Option<&'a str>,
}

fn unproven(why: String, help: &str) -> CloudError {
    CloudError::Unproven { action: "get a token from Google".to_owned(), why, help: help.to_owned() }
}

impl Account {
    /// Who settings and variables say that one is. Asks nobody yet.
    pub fn find(given: Given<'_>, environment: &Environment) -> Result<Self, CloudError> {
        let kind = match given.workload_identity_provider {
            Some(provider) => Self::of_github(provider, given, environment)?,
            None => {
                let variable = given.credentials_env.unwrap_or("GOOGLE_APPLICATION_CREDENTIALS");
                let path = environment.get(variable).ok_or_else(|| {
                    unproven(
                        format!("{variable} is not set"),
                        "set it to the path of the account's file of credentials, or name a `workload-identity-provider` in GitHub \
                         Actions",
                    )
                })?;
                Self::of_file(variable, environment.directory.join(path))?
            }
        };
        Ok(Account { kind, ahead: AtomicI64::new(0) })
    }

    fn of_github(provider: &str, given: Given<'_>, environment: &Environment) -> Result<Kind, CloudError> {
        let tokens = IdentityTokens::of_github(environment).ok_or_else(|| {
            unproven(
                "there is no identity token of GitHub Actions".to_owned(),
                "give the job the permission `id-token: write`",
            )
        })?;
        let provider = provider.trim_start_matches('/').trim_start_matches("iam.googleapis.com/");
        Ok(Kind::Federated(Federation {
            audience: format!("//iam.googleapis.com/{provider}"),
            subject_type: "urn:ietf:params:oauth:token-type:jwt".to_owned(),
            token_url: format!("{}/v1/token", given.authority.unwrap_or(STS).trim_end_matches('/')),
            impersonation_url: given
                .service_account
                .map(|email| format!("{IAM}/projects/-/serviceAccounts/{email}:generateAccessToken")),
            subject: Subject::Tokens { tokens, audience: format!("https://iam.googleapis.com/{provider}") },
        }))
    }

    fn of_file(variable: &str, path: Utf8PathBuf) -> Result<Kind, CloudError> {
        let help = "make it the file that `gcloud iam service-accounts keys create` or the workload identity pool gives";
        let bytes = files::read(&path).map_err(|error| {
            unproven(format!("failed to {}, which {variable} names", chain(&error)), help)
        })?;
        let bytes = Secret::new(bytes);
        let file: CredentialsFile = serde_json::from_slice(bytes.expose()).map_err(|_| {
            unproven(format!("{path}, which {variable} names, is not a file of credentials of Google"), help)
        })?;
        match file {
            CredentialsFile::ServiceAccount { client_email, private_key, private_key_id, token_uri } => {
                let private_key = Secret::new(private_key);
                let key = PrivateKey::open(private_key.expose().as_bytes(), None)
                    .map_err(|error| unproven(format!("{path}: failed to {}", chain(&error)), help))?;
                let account = ServiceAccount { email: client_email, key, key_id: private_key_id, token_uri };
                Ok(Kind::Service(account))
            }
            CredentialsFile::ExternalAccount {
                audience,
                subject_token_type,
                token_url,
                service_account_impersonation_url,
                credential_source: Source { file, url, headers, format },
            } => {
                let field = format
                    .filter(|format| format.kind == "json")
                    .and_then(|format| format.subject_token_field_name);
                let directory = path.parent().unwrap_or(&path);
                let subject = match (file, url) {
                    (Some(file), _) => Subject::File { path: directory.join(file), field },
                    (None, Some(url)) => {
                        let headers = headers.into_iter().map(|(name, value)| (name, Secret::new(value)));
                        Subject::Url { url, headers: headers.collect(), field }
                    }
                    (None, None) => {
                        return Err(unproven(
                            format!("{path} says of no file and no address where identity tokens come from"),
                            "use a pool for OpenID Connect; those for Amazon and for programs are not supported",
                        ));
                    }
                };
                Ok(Kind::Federated(Federation {
                    audience,
                    subject_type: subject_token_type,
                    token_url,
                    impersonation_url: service_account_impersonation_url,
                    subject,
                }))
            }
            CredentialsFile::Other => Err(unproven(
                format!("{path} has credentials of a person, and not of a service account or a workload"),
                help,
            )),
        }
    }

    fn now(&self) -> u64 {
        clock::unix_seconds().saturating_add_signed(self.ahead.load(Ordering::Relaxed))
    }
}

/// A token as an authority gives it.
#[derive(Deserialize)]
struct Granted {
    access_token: String,
    #[serde(default)]
    expires_in: Option<u64>,
}

impl Tokens for Account {
    fn fetch(&self, network: &Network) -> Result<AccessToken, CloudError> {
        match &self.kind {
            Kind::Service(account) => match account.fetch(self.now(), network) {
                Err(CloudError::Refused(refusal))
                    if refusal.code.as_deref() == Some("invalid_grant")
                        && self.learns_the_time(refusal.moment) =>
                {
                    account.fetch(self.now(), network)
                }
                outcome => outcome,
            },
            Kind::Federated(federation) => federation.fetch(network),
        }
    }
}

impl Account {
    /// Whether a refusal comes of a wrong clock of ours: then that of the service is taken from here on.
    fn learns_the_time(&self, theirs: Option<u64>) -> bool {
        let Some(theirs) = theirs else { return false };
        let ahead = theirs.cast_signed() - clock::unix_seconds().cast_signed();
        let before = self.ahead.swap(ahead, Ordering::Relaxed);
        (ahead - before).abs() > TOLERATED
    }
}

impl ServiceAccount {
    /// What the account says of itself and signs (RFC 7519).
    fn assertion(&self, now: u64) -> Option<Secret<String>> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(header) = header.as_object_mut().filter(|_| !self.key_id.is_empty()) {
            header.insert("kid".to_owned(), self.key_id.clone().into());
        }
        let claims = json!({
            "iss": self.email,
            "scope": SCOPE,
            "aud": self.token_uri,
            "iat": now,
            "exp": now + LIFETIME,
        });
        let part = |json: &Json| URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", part(&header), part(&claims));
        let signature = self.key.sign(Hash::Sha256, &Hash::Sha256.digest(signed.as_bytes()))?;
        Some(Secret::new(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))))
    }

    fn fetch(&self, now: u64, network: &Network) -> Result<AccessToken, CloudError> {
        let assertion = self.assertion(now).filter(|_| self.key.algorithm().is_rsa()).ok_or_else(|| {
            unproven(
                format!("the key of the service account {} is none with which it can sign", self.email),
                "make a new key for the account",
            )
        })?;
        let body = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:jwt-bearer"),
            ("assertion", assertion.expose()),
        ]);
        let granted: Granted = Ask {
            action: &format!("get a token for the service account {}", self.email),
            method: &Method::POST,
            url: &self.token_uri,
            headers: &[FORM, ("accept", "application/json")],
            body: body.expose().as_bytes(),
            secrets: &[assertion.expose()],
            codes: &CODES,
        }
        .json(network)?;
        Ok(granted.token())
    }
}

impl Granted {
    fn token(self) -> AccessToken {
        let until = clock::unix_seconds().saturating_add(self.expires_in.unwrap_or(LIFETIME));
        AccessToken { value: Secret::new(self.access_token), until }
    }
}

impl Federation {
    fn fetch(&self, network: &Network) -> Result<AccessToken, CloudError> {
        let subject = self.subject.fetch(network)?;
        let body = form(&[
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("audience", &self.audience),
            ("scope", SCOPE),
            ("requested_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", subject.expose()),
            ("subject_token_type", &self.subject_type),
        ]);
        let granted: Granted = Ask {
            action: "exchange the identity token for one of Google",
            method: &Method::POST,
            url: &self.token_url,
            headers: &[FORM, ("accept", "application/json")],
            body: body.expose().as_bytes(),
            secrets: &[subject.expose()],
            codes: &CODES,
        }
        .json(network)?;
        let token = granted.token();
        let Some(url) = &self.impersonation_url else { return Ok(token) };

        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Taken {
            access_token: String,
        }
        let authorization = Secret::new(format!("Bearer {}", token.value.expose()));
        let body = json!({ "scope": [SCOPE], "lifetime": format!("{LIFETIME}s") }).to_string();
        let asked = clock::unix_seconds();
        let taken: Taken = Ask {
            action: "take the service account",
            method: &Method::POST,
            url,
            headers: &[JSON, ("accept", "application/json"), ("authorization", authorization.expose())],
            body: body.as_bytes(),
            secrets: &[token.value.expose()],
            codes: &[],
        }
        .json(network)?;
        Ok(AccessToken { value: Secret::new(taken.access_token), until: asked + LIFETIME })
    }
}

impl Subject {
    fn fetch(&self, network: &Network) -> Result<Secret<String>, CloudError> {
        const ACTION: &str = "get the identity token of the workload";
        let garbled = |why: String| CloudError::Garbled { action: ACTION.to_owned(), why };
        let field_of = |bytes: &[u8], field: &Option<String>| match field {
            Some(field) => {
                let json: Json = read_json(ACTION, bytes)?;
                let token = json.get(field).and_then(Json::as_str);
                token.map(str::to_owned).ok_or_else(|| garbled(format!("has no field {field:?}")))
            }
            None => {
                let text = String::from_utf8(bytes.to_vec());
                text.map(|text| text.trim().to_owned()).map_err(|_| garbled("is no text".to_owned()))
            }
        };
        match self {
            Subject::Tokens { tokens, audience } => tokens.fetch(audience, network),
            Subject::File { path, field } => match field {
                None => IdentityTokens::File(path.clone()).fetch("", network),
                Some(_) => {
                    let bytes = files::read(path).map_err(|error| {
                        unproven(
                            format!("failed to {}", chain(&error)),
                            "check that the platform has written it",
                        )
                    })?;
                    field_of(&bytes, field).map(Secret::new)
                }
            },
            Subject::Url { url, headers, field } => {
                let given: Vec<(&str, &str)> =
                    headers.iter().map(|(name, value)| (name.as_str(), value.expose().as_str())).collect();
                let secrets: Vec<&str> = given.iter().map(|(_, value)| *value).collect();
                let answer = Ask {
                    action: ACTION,
                    method: &Method::GET,
                    url,
                    headers: &given,
                    body: &[],
                    secrets: &secrets,
                    codes: &[],
                }
                .send(network)?;
                field_of(&answer.body, field).map(Secret::new)
            }
        }
    }
}
