//! Requests to Amazon's services: with keys of one's own, or with such as are lent for an identity token.

use crate::bench::clock;
use crate::bench::environment::Environment;
use crate::bench::fetch::{Address, Network};
use crate::bench::http::Method;
use crate::cloud::identity_token::IdentityTokens;
use crate::cloud::sigv4::{self, AccessKey, Scope, Unsigned};
use crate::cloud::{Ask, CloudError, FORM, Refusal, element, form, read_json};
use deploy_crypto::Secret;
use deploy_model::FailureClass;
use serde::de::DeserializeOwned;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// The audience that identity tokens for Amazon have.
const AUDIENCE: &str = "sts.amazonaws.com";

/// How long keys are lent, in seconds, where one does not ask for another time.
const LENT: u64 = 3600;

/// How long before its end a lent key is no longer used, in seconds.
const MARGIN: u64 = 120;

/// A difference of clocks that services do not complain of, in seconds.
const TOLERATED: i64 = 60;

/// What services say when the clock of whoever asks is wrong, and also for other mistakes of a signature.
const OF_THE_CLOCK: [&str; 4] =
    ["RequestTimeTooSkewed", "RequestExpired", "InvalidSignatureException", "SignatureDoesNotMatch"];

/// What the codes of Amazon mean: most come with the status 400.
const CODES: [(&str, FailureClass); 15] = [
    ("AccessDenied", FailureClass::Credentials),
    ("AccessDeniedException", FailureClass::Credentials),
    ("ExpiredToken", FailureClass::Credentials),
    ("ExpiredTokenException", FailureClass::Credentials),
    ("IDPCommunicationError", FailureClass::Remote),
    ("IDPRejectedClaim", FailureClass::Credentials),
    ("IncompleteSignatureException", FailureClass::Credentials),
    ("InvalidClientTokenId", FailureClass::Credentials),
    ("InvalidIdentityToken", FailureClass::Credentials),
    ("InvalidSignatureException", FailureClass::Credentials),
    ("MissingAuthenticationTokenException", FailureClass::Credentials),
    ("RequestTimeTooSkewed", FailureClass::Credentials),
    ("SignatureDoesNotMatch", FailureClass::Credentials),
    ("ThrottlingException", FailureClass::Remote),
    ("UnrecognizedClientException", FailureClass::Credentials),
];

/// Who asks, and where.
pub struct Account {
    region: String,
    keys: Keys,
    sts: String,
    kept: Mutex<Option<(Arc<AccessKey>, u64)>>,
    /// How many seconds the clock of the services is ahead of ours.
    ahead: AtomicI64,
    network: Network,
}

enum Keys {
    Own(Arc<AccessKey>),
    Lent { role: String, session: String, tokens: IdentityTokens },
}

/// A call of a service.
pub(crate) struct Call<'a> {
    /// What it is for.
    pub(crate) action: &'a str,
    /// `kms`.
    pub(crate) service: &'a str,
    /// The service's address.
    pub(crate) endpoint: &'a str,
    /// Which of its functions.
    pub(crate) target: &'a str,
    /// What it is given, in JSON.
    pub(crate) body: &'a [u8],
}

/// The address of a service in a region, or the one that the variables name instead.
pub fn endpoint(service: &str, region: &str, environment: &Environment) -> String {
    let own = format!("AWS_ENDPOINT_URL_{}", service.to_ascii_uppercase());
    let named = environment.get(&own).or_else(|| environment.get("AWS_ENDPOINT_URL"));
    let suffix = if region.starts_with("cn-") { "amazonaws.com.cn" } else { "amazonaws.com" };
    match named {
        Some(url) => url.trim_end_matches('/').to_owned(),
        None => format!("https://{service}.{region}.{suffix}"),
    }
}

impl Account {
    /// Who the variables say that one is: a key of one's own goes before a role that is taken for the identity token in
    /// `AWS_WEB_IDENTITY_TOKEN_FILE`, and that before one for the identity token of GitHub Actions. Asks nobody yet.
    pub fn find(
        region: &str,
        role: Option<&str>,
        environment: &Environment,
        network: &Network,
    ) -> Result<Self, CloudError> {
        let own = environment.get("AWS_ACCESS_KEY_ID").zip(environment.get("AWS_SECRET_ACCESS_KEY"));
        let keys = match (own, role.or_else(|| environment.get("AWS_ROLE_ARN"))) {
            (Some((id, secret)), _) => Keys::Own(Arc::new(AccessKey {
                id: id.trim().to_owned(),
                secret: Secret::new(secret.trim().to_owned()),
                session_token: environment
                    .get("AWS_SESSION_TOKEN")
                    .map(|token| Secret::new(token.trim().to_owned())),
            })),
            (None, Some(role)) => {
                let tokens = IdentityTokens::in_file(environment, "AWS_WEB_IDENTITY_TOKEN_FILE")
                    .or_else(|| IdentityTokens::of_github(environment));
                let session = environment.get("AWS_ROLE_SESSION_NAME").unwrap_or("cargo-deploy").to_owned();
                let tokens = tokens.ok_or_else(|| CloudError::Unproven {
                    action: format!("take the role {role}"),
                    why: "there is no identity token to take it with".to_owned(),
                    help: "set AWS_WEB_IDENTITY_TOKEN_FILE, or give the job of GitHub Actions the permission `id-token: write`"
                        .to_owned(),
                })?;
                Keys::Lent { role: role.to_owned(), session, tokens }
            }
            (None, None) => {
                return Err(CloudError::Unproven {
                    action: "sign requests to Amazon's services".to_owned(),
                    why: "neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_ROLE_ARN are set".to_owned(),
                    help: "set the key's two variables (and AWS_SESSION_TOKEN of a lent one), or AWS_ROLE_ARN with an identity \
                           token in AWS_WEB_IDENTITY_TOKEN_FILE or of GitHub Actions"
                        .to_owned(),
                });
            }
        };
        Ok(Account {
            region: region.to_owned(),
            keys,
            sts: endpoint("sts", region, environment),
            kept: Mutex::new(None),
            ahead: AtomicI64::new(0),
            network: network.clone(),
        })
    }

    /// Who asks, for people.
    pub fn describe(&self) -> String {
        match &self.keys {
            Keys::Own(key) => format!("access key {}", key.id),
            Keys::Lent { role, tokens, .. } => format!("role {role} with {}", tokens.describe()),
        }
    }

    /// Calls a service.
    pub(crate) fn json<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CloudError> {
        match self.try_call(call) {
            Err(CloudError::Refused(refusal)) if self.learns_the_time(&refusal) => self.try_call(call),
            outcome => outcome,
        }
    }

    /// Whether a refusal comes of a wrong clock of ours: then that of the service is taken from here on.
    fn learns_the_time(&self, refusal: &Refusal) -> bool {
        let may_be = refusal.code.as_deref().is_some_and(|code| OF_THE_CLOCK.contains(&code));
        let Some(theirs) = refusal.moment.filter(|_| may_be) else { return false };
        let ahead = theirs.cast_signed() - clock::unix_seconds().cast_signed();
        let before = self.ahead.swap(ahead, Ordering::Relaxed);
        (ahead - before).abs() > TOLERATED
    }

    fn try_call<T: DeserializeOwned>(&self, call: &Call<'_>) -> Result<T, CloudError> {
        let key = self.key()?;
        let address: Address = call.endpoint.parse().map_err(|invalid| CloudError::Unproven {
            action: call.action.to_owned(),
            why: format!("the endpoint {:?} cannot be used: {invalid}", call.endpoint),
            help: "mend the address".to_owned(),
        })?;
        let content_type = ("content-type", "application/x-amz-json-1.1");
        let target = ("x-amz-target", call.target);
        let unsigned = Unsigned {
            method: "POST",
            host: &address.authority(),
            path: "/",
            query: &[],
            headers: &[content_type, target],
            body: call.body,
        };
        let now = clock::unix_seconds().saturating_add_signed(self.ahead.load(Ordering::Relaxed));
        let signed = sigv4::sign(&unsigned, Scope { region: &self.region, service: call.service }, &key, now);
        let token = key.session_token.as_ref().map_or("", |token| token.expose());
        let mut headers = vec![
            content_type,
            target,
            ("x-amz-date", signed.date.as_str()),
            ("authorization", signed.authorization.expose()),
        ];
        if !token.is_empty() {
            headers.push(("x-amz-security-token", token));
        }
        let answer = Ask {
            action: call.action,
            method: &Method::POST,
            url: call.endpoint,
            headers: &headers,
            body: call.body,
            secrets: &[key.secret.expose(), token],
            codes: &CODES,
        }
        .send(&self.network)?;
        read_json(call.action, &answer.body)
    }

    /// The key to sign with, lent anew where it has to be.
    fn key(&self) -> Result<Arc<AccessKey>, CloudError> {
        let (role, session, tokens) = match &self.keys {
            Keys::Own(key) => return Ok(Arc::clone(key)),
            Keys::Lent { role, session, tokens } => (role, session, tokens),
        };
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let now = clock::unix_seconds();
        if let Some((key, until)) = kept.as_ref()
            && *until > now + MARGIN
        {
            return Ok(Arc::clone(key));
        }
        let token = tokens.fetch(AUDIENCE, &self.network)?;
        let action = format!("take the role {role}");
        let body = form(&[
            ("Action", "AssumeRoleWithWebIdentity"),
            ("Version", "2011-06-15"),
            ("RoleArn", role),
            ("RoleSessionName", session),
            ("WebIdentityToken", token.expose()),
        ]);
        let answer = Ask {
            action: &action,
            method: &Method::POST,
            url: &self.sts,
            headers: &[FORM],
            body: body.expose().as_bytes(),
            secrets: &[token.expose()],
            codes: &CODES,
        }
        .send(&self.network)?;
        let text = String::from_utf8_lossy(&answer.body);
        let part = |name| {
            let why = format!("has no {name}");
            element(&text, name).ok_or(CloudError::Garbled { action: action.clone(), why })
        };
        let key = Arc::new(AccessKey {
            id: part("AccessKeyId")?,
            secret: Secret::new(part("SecretAccessKey")?),
            session_token: Some(Secret::new(part("SessionToken")?)),
        });
        *kept = Some((Arc::clone(&key), now + LENT));
        Ok(key)
    }
}
