//! Requests: one to a service and its answer, bounded in size and time, tried again where that may help.
//!
//! What is promised, beside what [downloads](super::fetch) promise of addresses, encryption and proxies:
//!
//! - Only `https` is spoken; plain `http` only with this machine itself, or where the caller says that what is asked for
//!   is signed itself ([`Encryption::Unneeded`]). Time stamps are commonly offered so.
//! - No redirect is followed: what a request holds is for the one that it was written for.
//! - An answer has a largest size and a longest time.
//! - Failures that may pass, `429 Too Many Requests` and server errors are tried again; `Retry-After` is heeded. All pauses
//!   together are bounded ([`Limits::all_pauses`](super::fetch::Limits::all_pauses)).
//! - Neither a header nor a body is ever part of an error, nor is the query of an address.
//!
//! A request that was answered is an [`Answer`], whatever its status: what a refusal means is for the caller to say.

use crate::bench::clock;
use crate::bench::fetch::address::masked;
use crate::bench::fetch::proxy::NamedProxy;
use crate::bench::fetch::{Address, DownloadFailure, Network, text};
use deploy_formats::date::Moment;
use deploy_model::FailureClass;
use std::fmt;
use std::io::Read as _;
use std::time::Duration;
use ureq::AsSendBody;
use ureq::http::Response;
use ureq::http::header::{self, HeaderMap, HeaderName, HeaderValue};

pub use ureq::http::Method;

/// Whether a request must be encrypted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Encryption {
    /// It must be, but to this machine itself.
    #[default]
    Needed,
    /// It need not be: it holds no secret, and the answer is worth what its own signature is worth.
    Unneeded,
}

/// What is asked.
#[derive(Clone, Copy)]
pub struct Request<'a> {
    /// `GET` or `POST`; a body goes with all but `GET`.
    pub method: &'a Method,
    /// Whom.
    pub url: &'a str,
    /// Headers by name, beside those that every request has. Their values are never shown.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
    /// The largest answer that is taken, in bytes.
    pub max_size: u64,
    /// Whether it must be encrypted.
    pub encryption: Encryption,
}

/// What was answered.
pub struct Answer {
    /// The status, such as 200.
    pub status: u16,
    /// The body.
    pub body: Vec<u8>,
    /// How often it was asked for.
    pub tries: u32,
    headers: HeaderMap,
}

impl fmt::Debug for Answer {
    /// Shows nothing of the content: an answer can be a token.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Answer({}, {} bytes)", self.status, self.body.len())
    }
}

impl Answer {
    /// Whether it is what was asked for.
    pub fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }

    /// The status with its words: `404 Not Found`.
    pub fn status_line(&self) -> String {
        super::fetch::status_line(self.status)
    }

    /// Whether the same request may succeed later, by its status.
    pub fn may_pass(&self) -> bool {
        self.refusal().may_pass()
    }

    /// The value of a header, where there is one and it is text.
    pub fn header(&self, name: &str) -> Option<&str> {
        text(&self.headers, &HeaderName::from_bytes(name.as_bytes()).ok()?)
    }

    /// What the clock of the server says (RFC 9110, section 6.6.1), in seconds since 1970-01-01 UTC.
    pub fn moment(&self) -> Option<u64> {
        http_date(text(&self.headers, &header::DATE)?)
    }

    fn refusal(&self) -> DownloadFailure {
        DownloadFailure::Status { status: self.status, retry_after: self.retry_after() }
    }

    /// How long the server asks to wait: in seconds or as a date (RFC 9110, section 10.2.3), which is compared with the
    /// server's own clock.
    fn retry_after(&self) -> Option<Duration> {
        let asked = text(&self.headers, &header::RETRY_AFTER)?.trim();
        let seconds = match asked.parse::<u64>() {
            Ok(seconds) => seconds,
            Err(_) => {
                let now = self.moment().unwrap_or_else(clock::unix_seconds);
                http_date(asked)?.saturating_sub(now)
            }
        };
        Some(Duration::from_secs(seconds))
    }
}

/// A date as HTTP writes it: `Tue, 24 Nov 2026 02:03:04 GMT` (RFC 9110, section 5.6.7).
fn http_date(text: &str) -> Option<u64> {
    let text = text.trim().strip_suffix("GMT")?;
    Moment::of_rfc5322(&format!("{text}+0000")).map(|moment| moment.epoch)
}

/// A request that got no answer. It shows the address without its query, and nothing of what was sent.
#[derive(Debug, thiserror::Error)]
#[error("ask {url}{}", if *.tries > 1 { format!(" ({tries} tries)") } else { String::new() })]
pub struct HttpError {
    /// The address, without query and credentials.
    pub url: String,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    #[source]
    pub reason: Box<HttpFailure>,
}

/// Why a request got no answer.
#[derive(Debug, thiserror::Error)]
pub enum HttpFailure {
    /// As downloads fail.
    #[error(transparent)]
    Network(#[from] DownloadFailure),
    /// A header cannot be sent.
    #[error("the header {name} would have characters in it that no header can have, such as a line break")]
    Header {
        /// Its name.
        name: String,
    },
}

impl HttpError {
    /// The class of the failure.
    pub fn class(&self) -> FailureClass {
        match *self.reason {
            HttpFailure::Network(DownloadFailure::Address(_)) => FailureClass::Configuration,
            HttpFailure::Network(_) => FailureClass::Remote,
            HttpFailure::Header { .. } => FailureClass::Credentials,
        }
    }
}

impl Network {
    /// Asks, and asks again where that may help. The last answer is given whatever its status.
    pub fn exchange(&self, request: &Request<'_>) -> Result<Answer, HttpError> {
        self.exchange_while(request, Answer::may_pass)
    }

    /// As [`exchange`](Network::exchange), for services that say in the content of an answer that asking again may help.
    pub fn exchange_while(
        &self,
        request: &Request<'_>,
        passes: impl Fn(&Answer) -> bool,
    ) -> Result<Answer, HttpError> {
        let failed = |tries, reason: HttpFailure| HttpError {
            url: shown(request.url),
            tries,
            reason: Box::new(reason),
        };
        let address = match request.encryption {
            Encryption::Needed => request.url.parse(),
            Encryption::Unneeded => Address::unencrypted(request.url),
        };
        let address: Address = address.map_err(|invalid| failed(0, DownloadFailure::from(invalid).into()))?;
        let headers = sendable(request.headers).map_err(|reason| failed(0, reason))?;
        let limits = &self.limits;
        let mut waited = Duration::ZERO;
        let mut tries = 0;
        loop {
            tries += 1;
            let outcome = self.attempt(&address, &headers, request);
            let (may_pass, asked) = match &outcome {
                Ok(answer) => (passes(answer), answer.retry_after()),
                Err(failure) => (failure.may_pass(), None),
            };
            let pause = limits.pause(tries, asked);
            let too_long =
                asked.is_some_and(|asked| asked > limits.longest_pause) || waited + pause > limits.all_pauses;
            if !may_pass || tries > limits.retries || too_long {
                return match outcome {
                    Ok(answer) => Ok(Answer { tries, ..answer }),
                    Err(failure) => Err(failed(tries, failure.into())),
                };
            }
            waited += pause;
            clock::wait(pause);
        }
    }

    fn attempt(
        &self,
        address: &Address,
        headers: &HeaderMap,
        request: &Request<'_>,
    ) -> Result<Answer, DownloadFailure> {
        let Network { proxies, limits, .. } = self;
        let proxy = proxies.of(address);
        let sent = if *request.method == Method::GET {
            self.send(address, headers, proxy, (request.method, ()))
        } else {
            self.send(address, headers, proxy, (request.method, request.body))
        };
        let response = sent.map_err(|source| {
            DownloadFailure::of_request(source, address, proxy.map(|proxy| proxy.shown.clone()), limits)
        })?;
        let status = response.status().as_u16();
        let headers = response.headers().clone();
        let announced = text(&headers, &header::CONTENT_LENGTH).and_then(|length| length.trim().parse().ok());
        let too_large = DownloadFailure::TooLarge { announced, limit: request.max_size };
        if announced.is_some_and(|announced| announced > request.max_size) {
            return Err(too_large);
        }
        let mut body = Vec::new();
        response
            .into_body()
            .into_reader()
            .take(request.max_size.saturating_add(1))
            .read_to_end(&mut body)
            .map_err(|error| DownloadFailure::of_body(&error, 0, announced, limits))?;
        if body.len() as u64 > request.max_size {
            return Err(too_large);
        }
        Ok(Answer { status, body, tries: 0, headers })
    }

    fn send<B: AsSendBody>(
        &self,
        address: &Address,
        headers: &HeaderMap,
        proxy: Option<&NamedProxy>,
        (method, body): (&Method, B),
    ) -> Result<Response<ureq::Body>, ureq::Error> {
        let mut request =
            ureq::http::Request::builder().method(method).uri(address.to_string()).body(body)?;
        request.headers_mut().extend(headers.clone());
        let configured = self
            .agent
            .configure_request(request)
            .proxy(proxy.map(|proxy| proxy.proxy.clone()))
            .timeout_global(Some(self.limits.exchange))
            .build();
        self.agent.run(configured)
    }
}

/// The headers, marked as not to be shown.
fn sendable(headers: &[(&str, &str)]) -> Result<HeaderMap, HttpFailure> {
    let mut all = HeaderMap::new();
    for (name, value) in headers {
        let refused = || HttpFailure::Header { name: (*name).to_owned() };
        let header = HeaderName::from_bytes(name.as_bytes()).map_err(|_| refused())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| refused())?;
        value.set_sensitive(true);
        all.append(header, value);
    }
    Ok(all)
}

/// An address for messages: without its query, which may be a signature or a token.
fn shown(url: &str) -> String {
    let url = masked(url);
    match url.split_once('?') {
        Some((before, _)) => format!("{before}?..."),
        None => url,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_as_http_writes_them_and_in_no_other_way() {
        assert_eq!(http_date("Sun, 06 Nov 1994 08:49:37 GMT"), Some(784_111_777));
        for bad in ["Sunday, 06-Nov-94 08:49:37 GMT", "Sun Nov  6 08:49:37 1994", "now", ""] {
            assert_eq!(http_date(bad), None, "{bad}");
        }
    }

    #[test]
    fn a_pause_may_be_asked_for_as_a_date_which_is_measured_by_the_clock_of_the_server() {
        let asked = |retry_after: &str| {
            let headers =
                sendable(&[("date", "Sun, 06 Nov 1994 08:49:37 GMT"), ("retry-after", retry_after)]);
            let headers = headers.expect("headers");
            Answer { status: 429, body: Vec::new(), tries: 1, headers }.retry_after().map(|it| it.as_secs())
        };
        assert_eq!(asked("Sun, 06 Nov 1994 08:50:00 GMT"), Some(23));
        assert_eq!(asked("Sun, 06 Nov 1994 08:00:00 GMT"), Some(0));
        assert_eq!(asked("17"), Some(17));
        assert_eq!(asked("soon"), None);
    }

    #[test]
    fn neither_a_header_nor_a_query_is_shown() {
        let failure = sendable(&[("authorization", "Bearer secret\n")]).expect_err("a line break");
        let url = shown("https://user:word@example.com/sign?token=secret");
        let error = HttpError { url, tries: 2, reason: Box::new(failure) };
        assert_eq!(
            crate::cause::chain(&error),
            "ask https://***@example.com/sign?... (2 tries): the header authorization would have characters in it \
             that no header can have, such as a line break"
        );
        assert_eq!(error.class(), FailureClass::Credentials);
    }
}
