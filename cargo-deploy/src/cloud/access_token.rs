//! Access tokens: kept while they are good, renewed when they are not, and sent with requests.

use crate::bench::clock;
use crate::bench::fetch::Network;
use crate::bench::http::Answer;
use crate::cloud::{Ask, CloudError, read_json};
use deploy_crypto::Secret;
use serde::de::DeserializeOwned;
use std::sync::{Mutex, PoisonError};

/// How long before its end a token is no longer used, in seconds.
const MARGIN: u64 = 120;

/// A token that a service takes for a while.
#[derive(Debug)]
pub struct AccessToken {
    /// The token.
    pub value: Secret<String>,
    /// Until when it is good, in seconds since 1970-01-01 UTC.
    pub until: u64,
}

/// Where access tokens come from.
pub trait Tokens: Send + Sync {
    /// A new one.
    fn fetch(&self, network: &Network) -> Result<AccessToken, CloudError>;
}

/// Requests that bear an access token.
pub struct Bearer {
    tokens: Box<dyn Tokens>,
    network: Network,
    kept: Mutex<Option<AccessToken>>,
}

impl Bearer {
    /// Requests with tokens from there. Asks for nothing yet.
    pub fn new(tokens: impl Tokens + 'static, network: &Network) -> Self {
        Bearer { tokens: Box::new(tokens), network: network.clone(), kept: Mutex::new(None) }
    }

    /// Asks for something in JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, ask: &Ask<'_>) -> Result<T, CloudError> {
        read_json(ask.action, &self.send(ask)?.body)
    }

    /// Asks with a token that is good. Where the service does not take it, as when it was withdrawn, a new one is tried
    /// once.
    pub(crate) fn send(&self, ask: &Ask<'_>) -> Result<Answer, CloudError> {
        let (value, is_new) = self.authorization()?;
        match self.send_with(ask, &value) {
            Err(CloudError::Refused(refusal)) if !is_new && refusal.status.starts_with("401") => {
                *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = None;
                let (value, _) = self.authorization()?;
                self.send_with(ask, &value)
            }
            outcome => outcome,
        }
    }

    fn send_with(&self, ask: &Ask<'_>, authorization: &Secret<String>) -> Result<Answer, CloudError> {
        let value = authorization.expose().as_str();
        let token = value.strip_prefix("Bearer ").unwrap_or(value);
        let headers = [ask.headers, &[("authorization", value)]].concat();
        let secrets = [ask.secrets, &[token]].concat();
        Ask { headers: &headers, secrets: &secrets, ..*ask }.send(&self.network)
    }

    /// The header with the token, and whether the token was fetched just now.
    fn authorization(&self) -> Result<(Secret<String>, bool), CloudError> {
        // One thread at a time: the others take what it has fetched.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let good = kept.as_ref().filter(|token| token.until > clock::unix_seconds() + MARGIN);
        let is_new = good.is_none();
        let header = |token: &AccessToken| Secret::new(format!("Bearer {}", token.value.expose()));
        let value = match good {
            Some(token) => header(token),
            None => header(kept.insert(self.tokens.fetch(&self.network)?)),
        };
        Ok((value, is_new))
    }
}
