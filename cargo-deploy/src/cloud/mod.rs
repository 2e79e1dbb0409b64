//! Services of clouds: how they are asked, who asks, and what their refusals mean.
//!
//! Plug-ins that use a service stand on this: keys that sign, and whatever else is done at a service. One file for each way
//! of proving who one is:
//!
//! - [`identity_token`]: tokens that say which workload this is, from a file or from GitHub Actions;
//! - [`entra`]: what Microsoft gives for a secret or for such a token;
//! - [`google`]: what Google gives for a service account or for such a token;
//! - [`amazon`]: keys of Amazon, one's own or lent for such a token, and [`sigv4`], the signatures made with them.
//!
//! What comes from a service is bounded, and what is shown of it is one line without secrets.

pub mod access_token;
pub mod amazon;
pub mod entra;

pub mod google;
pub mod identity_token;
pub mod sigv4;

use crate::bench::fetch::Network;
use crate::bench::http::{Answer, Encryption, HttpError, Method, Request};
use deploy_crypto::Secret;
use deploy_model::FailureClass;
use serde::de::DeserializeOwned;
use serde_json::Value as Json;
use std::fmt;

/// The largest answer of a service that is taken. Tokens and certificates have some thousand bytes.
const MAX_ANSWER: u64 = 1 << 20;

/// The longest message of a service that is shown, in characters.
const MAX_MESSAGE: usize = 300;

/// Why a service did not do what it was asked for.
#[derive(Debug, thiserror::Error)]
pub enum CloudError {
    /// There was no answer.
    #[error("{action}")]
    Unanswered {
        /// What was to be done, as a verb with its object.
        action: String,
        /// Why not.
        source: HttpError,
    },
    /// The service refused.
    #[error(transparent)]
    Refused(Box<Refusal>),
    /// The answer is not what such an answer is.
    #[error("{action}: the answer {why}")]
    Garbled {
        /// What was to be done.
        action: String,
        /// What is wrong with it, as a clause whose subject it is.
        why: String,
    },
    /// What proves who asks is missing or cannot be used.
    #[error("{action}: {why}")]
    Unproven {
        /// What was to be done.
        action: String,
        /// What is missing.
        why: String,
        /// How to mend it.
        help: String,
    },
}

/// The refusal of a service.
#[derive(Debug, thiserror::Error)]
pub struct Refusal {
    /// What was to be done.
    pub action: String,
    /// The status with its words.
    pub status: String,
    /// The service's own name for what is wrong, where it gives one: `AccessDeniedException`.
    pub code: Option<String>,
    /// What the service says about it: one line without secrets.
    pub message: Option<String>,
    /// What it means for whoever asks.
    pub class: FailureClass,
    /// What the clock of the server says.
    pub moment: Option<u64>,
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: it answers {}", self.action, self.status)?;
        if let Some(code) = &self.code {
            write!(f, ", {code}")?;
        }
        match &self.message {
            Some(message) => write!(f, ": {message}"),
            None => Ok(()),
        }
    }
}

impl CloudError {
    /// The class of the failure: no answer and answers that make no sense may pass, refusals are said by the service.
    pub fn class(&self) -> FailureClass {
        match self {
            CloudError::Unanswered { source, .. } => source.class(),
            CloudError::Refused(refusal) => refusal.class,
            CloudError::Garbled { .. } => FailureClass::Remote,
            CloudError::Unproven { .. } => FailureClass::Credentials,
        }
    }

    /// How to mend it.
    pub fn help(&self) -> String {
        match self {
            CloudError::Unproven { help, .. } => help.clone(),
            CloudError::Refused(refusal) => match refusal.class {
                FailureClass::Credentials => {
                    "check who this runs as, that its credentials are not expired, and what it is allowed to do".to_owned()
                }
                FailureClass::Remote => "try it again later".to_owned(),
                _ => "compare the names in the manifest with those at the service".to_owned(),
            },
            CloudError::Unanswered { source, .. } if source.class() != FailureClass::Remote => {
                "mend the address or the credential".to_owned()
            }
            CloudError::Unanswered { .. } => {
                "check the address and the connection to it; behind a proxy, set HTTPS_PROXY".to_owned()
            }
            CloudError::Garbled { .. } => "check that the address is that of the service".to_owned(),
        }
    }
}

/// A request to a service.
#[derive(Clone, Copy)]
pub(crate) struct Ask<'a> {
    /// What it is for, as a verb with its object: `sign with the key at https://...`.
    pub(crate) action: &'a str,
    /// `GET` or `POST`.
    pub(crate) method: &'a Method,
    /// The address.
    pub(crate) url: &'a str,
    /// The headers.
    pub(crate) headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub(crate) body: &'a [u8],
    /// What must not be shown, should the service say it again.
    pub(crate) secrets: &'a [&'a str],
    /// Which of the service's codes mean what, where the status does not say it.
    pub(crate) codes: &'a [(&'a str, FailureClass)],
}

impl Ask<'_> {
    /// Asks, and again where the service says by status or code that it may help; anything but a success is an error.
    pub(crate) fn send(&self, network: &Network) -> Result<Answer, CloudError> {
        let request = Request {
            method: self.method,
            url: self.url,
            headers: self.headers,
            body: self.body,
            max_size: MAX_ANSWER,
            encryption: Encryption::Needed,
        };
        let answer = network
            .exchange_while(&request, |answer| {
                !answer.is_success() && self.class(answer) == FailureClass::Remote
            })
            .map_err(|source| CloudError::Unanswered { action: self.action.to_owned(), source })?;
        if answer.is_success() { Ok(answer) } else { Err(self.refused(&answer)) }
    }

    /// Asks for something in JSON.
    pub(crate) fn json<T: DeserializeOwned>(&self, network: &Network) -> Result<T, CloudError> {
        read_json(self.action, &self.send(network)?.body)
    }

    /// What a refusal means, by its code or else by its status.
    fn class(&self, answer: &Answer) -> FailureClass {
        let (code, _) = said(&answer.body);
        let by_code = |code: String| {
            let matches = |known: &&(&str, FailureClass)| known.0 == code;
            self.codes.iter().find(matches).map(|(_, class)| *class)
        };
        code.and_then(by_code).unwrap_or_else(|| match answer.status {
            401 | 403 => FailureClass::Credentials,
            _ if answer.may_pass() => FailureClass::Remote,
            _ => FailureClass::Configuration,
        })
    }

    fn refused(&self, answer: &Answer) -> CloudError {
        let (code, message) = said(&answer.body);
        let class = self.class(answer);
        CloudError::Refused(Box::new(Refusal {
            action: self.action.to_owned(),
            status: answer.status_line(),
            code: code.map(|code| shown(&code, self.secrets)),
            message: message.map(|message| shown(&message, self.secrets)),
            class,
            moment: answer.moment(),
        }))
    }
}

/// Reads JSON. What does not fit is never shown, since it may be a token.
pub(crate) fn read_json<T: DeserializeOwned>(action: &str, bytes: &[u8]) -> Result<T, CloudError> {
    serde_json::from_slice(bytes).map_err(|error| {
        let why = match error.classify() {
            serde_json::error::Category::Data => {
                format!(
                    "lacks something, or has it in another form (line {}, column {})",
                    error.line(),
                    error.column()
                )
            }
            _ => "is not JSON".to_owned(),
        };
        CloudError::Garbled { action: action.to_owned(), why }
    })
}

/// The code and the message of a refusal, in the forms that the services have for it.
fn said(body: &[u8]) -> (Option<String>, Option<String>) {
    let Ok(json) = serde_json::from_slice::<Json>(body) else {
        // The Security Token Service of Amazon speaks XML.
        let text = String::from_utf8_lossy(body);
        return (element(&text, "Code"), element(&text, "Message"));
    };
    let text = |value: Option<&Json>| value.and_then(Json::as_str).map(str::to_owned);
    // Microsoft and Google: { "error": { "code" or "status", "message" } }; Artifact Signing: "errorDetail".
    for key in ["error", "errorDetail"] {
        if let Some(error) = json.get(key).filter(|error| error.is_object()) {
            let code = text(error.get("status")).or_else(|| text(error.get("code")));
            return (code, text(error.get("message")));
        }
    }
    // OAuth 2.0 (RFC 6749, section 5.2).
    if let Some(error) = text(json.get("error")) {
        return (Some(error), text(json.get("error_description")));
    }
    // Amazon: "__type" with a name space before it.
    if let Some(code) = text(json.get("__type")) {
        let code = code.rsplit('#').next().unwrap_or_default().to_owned();
        return (Some(code), text(json.get("message")).or_else(|| text(json.get("Message"))));
    }
    // RFC 9457.
    (None, text(json.get("detail")).or_else(|| text(json.get("title"))))
}

/// The text of the first element of this name.
pub(crate) fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let plain = [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&amp;", "&")];
    Some(
        plain.into_iter().fold(text.trim().to_owned(), |text, (entity, letter)| text.replace(entity, letter)),
    )
}

/// What others say, for people: its first line, bounded, without control characters and secrets.
pub(crate) fn shown(text: &str, secrets: &[&str]) -> String {
    let text = secrets
        .iter()
        .filter(|secret| !secret.is_empty())
        .fold(text.to_owned(), |text, secret| text.replace(secret, "***"));
    let line = text.trim().lines().next().unwrap_or_default();
    let line: String = line.chars().filter(|letter| !letter.is_control()).collect();
    match line.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

/// Percent-encodes all but what RFC 3986 (section 2.3) calls unreserved.
pub(crate) fn percent_encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

/// A body of `application/x-www-form-urlencoded`.
pub(crate) fn form(fields: &[(&str, &str)]) -> Secret<String> {
    let fields =
        fields.iter().map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)));
    Secret::new(fields.collect::<Vec<_>>().join("&"))
}

/// Names as the subject of a sentence: `A is`, `A and B are`.
pub(crate) fn are(names: &[&str]) -> String {
    match names {
        [only] => format!("{only} is"),
        [before @ .., last] => format!("{} and {last} are", before.join(", ")),
        [] => "nothing is".to_owned(),
    }
}

/// The type of such a body.
pub(crate) const FORM: (&str, &str) = ("content-type", "application/x-www-form-urlencoded");

/// The type of a body in JSON.
pub(crate) const JSON: (&str, &str) = ("content-type", "application/json");

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_of_every_service_is_understood() {
        for (body, code, message) in [
            (r#"{"error":{"code":"Forbidden","message":"no"}}"#, Some("Forbidden"), Some("no")),
            (
                r#"{"error":{"code":403,"status":"PERMISSION_DENIED","message":"no"}}"#,
                Some("PERMISSION_DENIED"),
                Some("no"),
            ),
            (
                r#"{"errorDetail":{"code":"InvalidProfile","message":"no"}}"#,
                Some("InvalidProfile"),
                Some("no"),
            ),
            (
                r#"{"error":"invalid_client","error_description":"AADSTS7000215: no"}"#,
                Some("invalid_client"),
                Some("AADSTS7000215: no"),
            ),
            (
                r#"{"__type":"com.amazonaws.kms#NotFoundException","message":"no"}"#,
                Some("NotFoundException"),
                Some("no"),
            ),
            (
                r#"{"__type":"AccessDeniedException","Message":"no"}"#,
                Some("AccessDeniedException"),
                Some("no"),
            ),
            (r#"{"title":"Unauthorized","status":401}"#, None, Some("Unauthorized")),
            (
                "<ErrorResponse><Error><Code>AccessDenied</Code><Message>no &amp; no</Message></Error></ErrorResponse>",
                Some("AccessDenied"),
                Some("no & no"),
            ),
            ("<html>", None, None),
            ("", None, None),
        ] {
            let (found_code, found_message) = said(body.as_bytes());
            assert_eq!((found_code.as_deref(), found_message.as_deref()), (code, message), "{body}");
        }
    }

    #[test]
    fn what_a_service_says_is_shown_without_secrets_and_in_one_line() {
        assert_eq!(shown("bad token abc!\x07\nsecond line", &["abc", ""]), "bad token ***!");
        assert_eq!(shown(&"x".repeat(1000), &[]).chars().count(), MAX_MESSAGE + 1);
    }

    #[test]
    fn what_does_not_fit_is_not_shown() {
        let error =
            read_json::<Vec<String>>("get a token", br#"{"access_token":"secret"}"#).expect_err("a table");
        assert_eq!(
            error.to_string(),
            "get a token: the answer lacks something, or has it in another form (line 1, column 0)"
        );
        let error = read_json::<Json>("get a token", b"<html>secret").expect_err("no JSON");
        assert_eq!(error.to_string(), "get a token: the answer is not JSON");
    }

    #[test]
    fn a_form_is_encoded() {
        let body = form(&[("scope", "https://vault.azure.net/.default"), ("b", "ä +")]);
        assert_eq!(body.expose(), "scope=https%3A%2F%2Fvault.azure.net%2F.default&b=%C3%A4%20%2B");
    }
}
