//! Downloads: one address into one file, resumed, bounded, and checked before anybody sees it.
//!
//! What is promised:
//!
//! - Only `https` is spoken; plain `http` only with this machine itself.
//! - At most five redirects are followed, none from `https` down to `http`, none to an address with a user name or a
//!   password in it. No credential, cookie or referrer is ever sent, so none can follow a redirect.
//! - A download is resumed only where the server gave a strong entity tag (RFC 9110, section 8.8.3) and confirms it
//!   (`If-Range`, section 13.1.5); the digest is that of the whole file in any case, and where it is wrong after a
//!   resumption, the file is fetched once more from its beginning.
//! - The size limit holds while the bytes come, whatever the server announced.
//! - The bytes lie under the name of the partial file until they are known to be the right ones. The caller renames
//!   them. Wrong bytes are deleted.
//! - Time limits are for connecting, for each read, and for the rate over a window: there is no way to keep a
//!   download open for ever.

pub(in crate::bench) mod address;
mod failure;
mod partial;
pub(in crate::bench) mod proxy;

pub use address::{Address, InvalidAddress};
pub(in crate::bench) use failure::status_line;
pub use failure::{DownloadError, DownloadFailure, Mismatch};
pub use proxy::NetworkError;

use crate::bench::environment::Environment;
use crate::bench::files::{self, FileErrorExt as _};
use crate::bench::{Workbench, clock};
use camino::Utf8Path;
use deploy_model::Sha256;
use deploy_model::event::ProgressUnit;
use deploy_model::sha256::Hasher;
use partial::{Partial, Resumable};
use proxy::Proxies;
use std::io::{self, Read as _, Write as _};
use std::time::Duration;
use ureq::http::{HeaderMap, Response, header};
use ureq::tls::{RootCerts, TlsConfig};

/// How long and how often a download is tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// The longest time for looking up a name and, again, for getting a connection with its encryption.
    pub connect: Duration,
    /// The longest time that the server may send nothing.
    pub read: Duration,
    /// How often a download that failed for a passing reason is tried again.
    pub retries: u32,
    /// The pause before the first of these tries; each later one is twice as long.
    pub first_pause: Duration,
    /// The longest pause, also where the server asks for a longer one.
    pub longest_pause: Duration,
    /// The longest time that all pauses of one [request](crate::bench::http) may take together.
    pub all_pauses: Duration,
    /// The longest time for one try of such a request, from its first byte to the last one of the answer.
    pub exchange: Duration,
    /// The most redirects that are followed.
    pub redirects: usize,
    /// The lowest rate that is put up with, in bytes a second.
    pub lowest_rate: u64,
    /// The time over which the rate is measured.
    pub rate_window: Duration,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            connect: Duration::from_secs(10),
            read: Duration::from_secs(30),
            retries: 3,
            first_pause: Duration::from_secs(1),
            longest_pause: Duration::from_secs(60),
            all_pauses: Duration::from_secs(120),
            exchange: Duration::from_secs(90),
            redirects: 5,
            lowest_rate: 1000,
            rate_window: Duration::from_secs(30),
        }
    }
}

impl Limits {
    /// The pause before try number `again`, counted from 1. It is the same in every run: the downloads of one
    /// machine are too few for a thundering herd.
    pub(in crate::bench) fn pause(&self, again: u32, asked: Option<Duration>) -> Duration {
        let doubled = self.first_pause.saturating_mul(1 << again.saturating_sub(1).min(16));
        asked.unwrap_or_default().max(doubled).min(self.longest_pause)
    }
}

/// What is wanted, and where its bytes are gathered.
#[derive(Debug, Clone)]
pub struct Download<'a> {
    /// Its address.
    pub url: &'a str,
    /// Its digest, where it is known. Without one, whatever comes is right: the caller has to say so to people.
    pub sha256: Option<&'a Sha256>,
    /// Its size in bytes, where it is known.
    pub size: Option<u64>,
    /// The largest size that is accepted, in bytes.
    pub max_size: u64,
    /// The file that the bytes are gathered in. What an earlier run left there is resumed from. Nobody else may use
    /// it at the same time.
    pub partial: &'a Utf8Path,
}

/// A download that is done. Its bytes are in the partial file, which the caller gives its name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// The digest of the bytes.
    pub sha256: Sha256,
    /// How many there are.
    pub size: u64,
    /// Whether the server sent a web page, by its own word or by how it begins.
    pub is_web_page: bool,
}

/// The network, as the environment says it is to be used.
#[derive(Debug, Clone)]
pub struct Network {
    pub(in crate::bench) agent: ureq::Agent,
    pub(in crate::bench) proxies: Proxies,
    pub(in crate::bench) limits: Limits,
}

impl Network {
    /// The network with the usual limits: proxies from `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY` and `NO_PROXY`, certificates from
    /// `SSL_CERT_FILE` or else those of the Mozilla root program. Opens no socket.
    pub fn new(environment: &Environment) -> Result<Self, NetworkError> {
        Self::with_limits(environment, Limits::default())
    }

    /// The network with limits of one's own.
    pub fn with_limits(environment: &Environment, limits: Limits) -> Result<Self, NetworkError> {
        let roots = match environment.get("SSL_CERT_FILE") {
            Some(path) => proxy::certificates(&environment.directory.join(path))?,
            None => RootCerts::WebPki,
        };
        let agent = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .max_redirects(0)
            .max_redirects_will_error(false)
            .proxy(None)
            .tls_config(TlsConfig::builder().root_certs(roots).build())
            .user_agent(concat!("cargo-deploy/", env!("CARGO_PKG_VERSION")))
            .accept_encoding("identity")
            .timeout_resolve(Some(limits.connect))
            .timeout_connect(Some(limits.connect))
            .timeout_send_request(Some(limits.read))
            .timeout_recv_response(Some(limits.read))
            .timeout_per_read(Some(limits.read))
            .timeout_per_write(Some(limits.read))
            .build()
            .new_agent();
        Ok(Network { agent, proxies: Proxies::read(environment)?, limits })
    }

    /// Downloads into the partial file and checks what came.
    pub fn download(
        &self,
        wanted: &Download<'_>,
        bench: &Workbench<'_>,
    ) -> Result<Downloaded, DownloadError> {
        let partial = Partial::at(wanted.partial, wanted.url);
        let mut transfer = Transfer { network: self, wanted, partial, bench, hops: Vec::new(), tries: 0 };
        transfer.run().map_err(|reason| DownloadError {
            url: address::masked(wanted.url),
            hops: transfer.hops.iter().map(Address::without_query).collect(),
            tries: transfer.tries,
            reason: Box::new(reason),
        })
    }
}

/// One download in the making.
struct Transfer<'a> {
    network: &'a Network,
    wanted: &'a Download<'a>,
    partial: Partial<'a>,
    bench: &'a Workbench<'a>,
    /// Where the last try was sent.
    hops: Vec<Address>,
    tries: u32,
}

/// How one try ended that did not fail.
enum Attempt {
    /// All bytes are there.
    Whole { downloaded: Downloaded, resumed: bool },
    /// What is there and what the server sends do not belong together.
    Misfit { why: &'static str },
}

impl Transfer<'_> {
    fn run(&mut self) -> Result<Downloaded, DownloadFailure> {
        let address: Address = self.wanted.url.parse()?;
        let limits = &self.network.limits;
        let mut again = 0;
        let mut began_anew = false;
        loop {
            self.tries += 1;
            let failure = match self.attempt(&address) {
                Ok(Attempt::Whole { downloaded, resumed }) => match self.check(&downloaded) {
                    Ok(()) => {
                        self.partial.forget_tag()?;
                        return Ok(downloaded);
                    }
                    Err(DownloadFailure::Mismatch(_)) if resumed && !began_anew => {
                        began_anew = true;
                        self.begin_anew("the parts do not make the whole")?;
                        continue;
                    }
                    Err(failure) => failure,
                },
                Ok(Attempt::Misfit { why }) if !began_anew => {
                    began_anew = true;
                    self.begin_anew(why)?;
                    continue;
                }
                Ok(Attempt::Misfit { why }) => DownloadFailure::Misfit { why },
                Err(failure) => failure,
            };
            let worth_keeping = failure.may_pass() && self.partial.resumable()?.is_some();
            if !worth_keeping {
                self.partial.discard()?;
            }
            if !failure.may_pass() || again == limits.retries {
                return Err(failure);
            }
            if let Some(asked) = failure.retry_after().filter(|asked| *asked > limits.longest_pause) {
                return Err(DownloadFailure::Later { seconds: asked.as_secs() });
            }
            again += 1;
            self.tell(&format!("{failure}; trying again ({again} of {})", limits.retries));
            clock::wait(limits.pause(again, failure.retry_after()));
        }
    }

    fn tell(&self, what: &str) {
        self.bench.output(&format!("{}: {what}", address::masked(self.wanted.url)));
    }

    fn begin_anew(&self, why: &str) -> Result<(), DownloadFailure> {
        self.partial.discard()?;
        self.tell(&format!("{why}; fetching it anew"));
        Ok(())
    }

    /// The most bytes to take.
    fn most(&self) -> u64 {
        self.wanted.size.unwrap_or(u64::MAX).min(self.wanted.max_size)
    }

    /// One try: asks, follows redirects, takes the bytes.
    fn attempt(&mut self, address: &Address) -> Result<Attempt, DownloadFailure> {
        self.hops.clear();
        let mut have = self.partial.resumable()?;
        if have.as_ref().is_some_and(|have| have.length > self.most()) {
            self.partial.discard()?;
            have = None;
        }
        if have.as_ref().is_some_and(|have| Some(have.length) == self.wanted.size) {
            // Everything came, and the run ended before it could be looked at.
            let (sha256, size) = files::digest(self.wanted.partial)?;
            let is_web_page = looks_like_web_page(&self.partial.beginning()?, false);
            return Ok(Attempt::Whole {
                downloaded: Downloaded { sha256, size, is_web_page },
                resumed: true,
            });
        }

        let response = self.ask(address, have.as_ref())?;
        let status = response.status().as_u16();
        let have = match (status, have) {
            (200, _) => None,
            (206, Some(have)) => {
                if !continues(response.headers(), have.length, &have.tag, self.wanted.size) {
                    return Ok(Attempt::Misfit {
                        why: "the server sends another part than the one asked for",
                    });
                }
                Some(have)
            }
            (206, None) => return Err(DownloadFailure::UnaskedPart),
            (416, Some(_)) => return Ok(Attempt::Misfit { why: "the server has no such part" }),
            _ => {
                let retry_after = number(response.headers(), &header::RETRY_AFTER).map(Duration::from_secs);
                return Err(DownloadFailure::Status { status, retry_after });
            }
        };
        let downloaded = self.take(response, have.as_ref().map_or(0, |have| have.length))?;
        Ok(Attempt::Whole { downloaded, resumed: have.is_some() })
    }

    /// Sends the request, and to wherever the answers send it.
    fn ask(
        &mut self,
        address: &Address,
        have: Option<&Resumable>,
    ) -> Result<Response<ureq::Body>, DownloadFailure> {
        let Network { agent, proxies, limits } = self.network;
        let mut current = address.clone();
        loop {
            let proxy = proxies.of(&current);
            let mut request =
                agent.get(current.to_string()).config().proxy(proxy.map(|proxy| proxy.proxy.clone())).build();
            if let Some(have) = have {
                request = request
                    .header(header::RANGE, format!("bytes={}-", have.length))
                    .header(header::IF_RANGE, &have.tag);
            }
            let response = request.call().map_err(|source| {
                let through = proxy.map(|proxy| proxy.shown.clone());
                DownloadFailure::of_request(source, &current, through, limits)
            })?;
            let status = response.status().as_u16();
            if !matches!(status, 301 | 302 | 303 | 307 | 308) {
                return Ok(response);
            }
            let location =
                text(response.headers(), &header::LOCATION).ok_or(DownloadFailure::NoLocation { status })?;
            let next = current.redirect(location).map_err(|invalid| DownloadFailure::Redirect {
                to: address::masked(location),
                why: invalid.why,
            })?;
            if self.hops.len() == limits.redirects {
                return Err(DownloadFailure::Redirects { limit: limits.redirects });
            }
            self.hops.push(next.clone());
            current = next;
        }
    }

    /// Takes the bytes of an answer; `start` of them are there already.
    fn take(&self, response: Response<ureq::Body>, start: u64) -> Result<Downloaded, DownloadFailure> {
        let Download { size, max_size, partial: path, .. } = *self.wanted;
        let limits = &self.network.limits;
        let headers = response.headers();
        let is_said_web_page =
            text(headers, &header::CONTENT_TYPE).is_some_and(|kind| kind.trim().starts_with("text/html"));
        let announced = number(headers, &header::CONTENT_LENGTH).map(|length| length.saturating_add(start));
        if let Some(announced) = announced.filter(|announced| *announced > max_size) {
            return Err(DownloadFailure::TooLarge { announced: Some(announced), limit: max_size });
        }
        // Without a length or chunks, the end of the connection is the end of the answer, and a cut one looks whole.
        let has_end = announced.is_some() || headers.contains_key(header::TRANSFER_ENCODING);
        let total = announced.or(size);

        let (mut file, mut hasher) = if start == 0 {
            let tag = text(headers, &header::ETAG).filter(|tag| is_strong(tag));
            (self.partial.begin(tag)?, Hasher::new())
        } else {
            self.partial.go_on(start)?
        };
        let mut rate = Rate::start(limits);
        let mut received = start;
        let mut told = start;
        let telling = (total.unwrap_or(0) / 200).max(256 * 1024);
        self.bench.progress(received, total, ProgressUnit::Bytes);

        let mut body = response.into_body().into_reader();
        let mut buffer = vec![0; 64 * 1024];
        loop {
            let bytes = match body.read(&mut buffer) {
                Ok(0) => break,
                Ok(count) => &buffer[..count],
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(DownloadFailure::of_body(&error, received, total, limits)),
            };
            let before = received;
            received += bytes.len() as u64;
            if received > self.most() {
                if size.is_none_or(|size| size > max_size) {
                    return Err(DownloadFailure::TooLarge { announced: None, limit: max_size });
                }
                let beginning = if before == 0 { bytes.to_vec() } else { self.partial.beginning()? };
                return Err(self.mismatch(None, received, &beginning, is_said_web_page));
            }
            file.write_all(bytes).file("write", path)?;
            hasher.update(bytes);
            if received - told >= telling {
                told = received;
                self.bench.progress(received, total, ProgressUnit::Bytes);
            }
            if rate.is_too_low(bytes.len()) {
                let (rate, window) = (limits.lowest_rate, limits.rate_window);
                return Err(DownloadFailure::TooSlow { received, total, rate, window });
            }
        }
        drop(file);
        let is_web_page = looks_like_web_page(&self.partial.beginning()?, is_said_web_page);
        if !has_end && !is_web_page && size.is_some_and(|size| received < size) {
            return Err(DownloadFailure::Cut { received, total });
        }
        self.bench.progress(received, Some(received), ProgressUnit::Bytes);
        Ok(Downloaded { sha256: hasher.finish(), size: received, is_web_page })
    }

    /// Compares what came with what is wanted.
    fn check(&self, got: &Downloaded) -> Result<(), DownloadFailure> {
        let Download { sha256, size, .. } = *self.wanted;
        if sha256.is_none_or(|sha256| *sha256 == got.sha256) && size.is_none_or(|size| size == got.size) {
            return Ok(());
        }
        let beginning = self.partial.beginning()?;
        Err(self.mismatch(Some(got.sha256.clone()), got.size, &beginning, got.is_web_page))
    }

    fn mismatch(
        &self,
        got: Option<Sha256>,
        size: u64,
        beginning: &[u8],
        is_web_page: bool,
    ) -> DownloadFailure {
        DownloadFailure::Mismatch(Box::new(Mismatch {
            expected_sha256: self.wanted.sha256.cloned(),
            expected_size: self.wanted.size,
            got_sha256: got,
            got_size: size,
            beginning: printable(beginning),
            is_web_page: looks_like_web_page(beginning, is_web_page),
        }))
    }
}

/// Watches how fast bytes come.
struct Rate<'a> {
    limits: &'a Limits,
    since: clock::Stopwatch,
    received: u64,
}

impl<'a> Rate<'a> {
    fn start(limits: &'a Limits) -> Self {
        Rate { limits, since: clock::Stopwatch::start(), received: 0 }
    }

    /// Counts bytes; at the end of each window says whether too few came in it.
    fn is_too_low(&mut self, count: usize) -> bool {
        self.received += count as u64;
        let elapsed = self.since.milliseconds();
        if u128::from(elapsed) < self.limits.rate_window.as_millis() {
            return false;
        }
        let low = self.received.saturating_mul(1000) < self.limits.lowest_rate.saturating_mul(elapsed);
        *self = Rate::start(self.limits);
        low
    }
}

/// The text of a header, where there is one and it is text.
pub(in crate::bench) fn text<'a>(headers: &'a HeaderMap, name: &header::HeaderName) -> Option<&'a str> {
    headers.get(name).and_then(|value| std::str::from_utf8(value.as_bytes()).ok())
}

/// The number that a header holds, where it holds one.
fn number(headers: &HeaderMap, name: &header::HeaderName) -> Option<u64> {
    text(headers, name).and_then(|value| value.trim().parse().ok())
}

/// Whether an entity tag stands for these very bytes (RFC 9110, section 8.8.3: weak ones begin with `W/`).
fn is_strong(tag: &str) -> bool {
    tag.len() > 2
        && tag.starts_with('"')
        && tag.ends_with('"')
        && tag.bytes().all(|byte| (0x20..0x7f).contains(&byte))
}

/// Whether a part (RFC 9110, section 14.4) begins where the file ends, reaches to the end of the whole, and is of the
/// whole that was begun with.
fn continues(headers: &HeaderMap, have: u64, tag: &str, size: Option<u64>) -> bool {
    if text(headers, &header::ETAG).is_some_and(|found| found != tag) {
        return false;
    }
    let Some((range, whole)) = text(headers, &header::CONTENT_RANGE)
        .and_then(|value| value.trim().strip_prefix("bytes "))
        .and_then(|value| value.split_once('/'))
    else {
        return false;
    };
    let Some((first, last)) = range.split_once('-') else { return false };
    let (Ok(first), Ok(last)) = (first.trim().parse::<u64>(), last.trim().parse::<u64>()) else {
        return false;
    };
    let whole = match whole.trim() {
        "*" => None,
        whole => match whole.parse::<u64>() {
            Ok(whole) => Some(whole),
            Err(_) => return false,
        },
    };
    let Some(end) = last.checked_add(1) else { return false };
    let announced = number(headers, &header::CONTENT_LENGTH);
    first == have
        && end > first
        && whole.is_none_or(|whole| whole == end)
        && size.is_none_or(|size| size == end)
        && announced.is_none_or(|announced| announced == end - first)
}

/// The first bytes as people can read them: what is not printable ASCII becomes a point.
fn printable(bytes: &[u8]) -> String {
    let shown = |byte: &u8| if (0x20..0x7f).contains(byte) { char::from(*byte) } else { '.' };
    bytes.iter().take(60).map(shown).collect()
}

/// Whether bytes begin like a web page, or the server says that they are one.
fn looks_like_web_page(beginning: &[u8], is_said: bool) -> bool {
    let beginning = beginning.strip_prefix(b"\xef\xbb\xbf").unwrap_or(beginning).trim_ascii_start();
    let begins =
        |word: &[u8]| beginning.len() >= word.len() && beginning[..word.len()].eq_ignore_ascii_case(word);
    is_said || begins(b"<!doctype html") || begins(b"<html")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(lines: &[(header::HeaderName, &str)]) -> HeaderMap {
        lines.iter().map(|(name, value)| (name.clone(), value.parse().expect("a header value"))).collect()
    }

    #[test]
    fn the_pauses_double_and_never_exceed_the_longest() {
        let limits = Limits::default();
        let pauses: Vec<u64> = (1..=8).map(|again| limits.pause(again, None).as_secs()).collect();
        assert_eq!(pauses, [1, 2, 4, 8, 16, 32, 60, 60]);
    }

    #[test]
    fn the_server_may_ask_for_a_longer_pause_but_not_for_a_shorter_one() {
        let limits = Limits::default();
        let pause = |again, asked| limits.pause(again, Some(Duration::from_secs(asked))).as_secs();
        assert_eq!((pause(1, 7), pause(3, 1), pause(1, 3600)), (7, 4, 60));
    }

    #[test]
    fn only_a_part_that_continues_what_is_there_is_taken() {
        let range = |value| headers(&[(header::CONTENT_RANGE, value)]);
        for (value, fits) in [
            ("bytes 100-299/300", true),
            ("bytes 100-299/*", true),
            ("bytes 0-299/300", false),
            ("bytes 99-299/300", false),
            ("bytes 100-298/300", false),
            ("bytes 100-399/400", false),
            ("bytes 100-99/300", false),
            ("bytes 100-18446744073709551615/*", false),
            ("items 100-299/300", false),
            ("bytes */300", false),
            ("", false),
        ] {
            assert_eq!(continues(&range(value), 100, "\"a\"", Some(300)), fits, "{value}");
        }
        let other = headers(&[(header::CONTENT_RANGE, "bytes 100-299/300"), (header::ETAG, "\"b\"")]);
        assert!(!continues(&other, 100, "\"a\"", Some(300)), "another object");
        let short = headers(&[(header::CONTENT_RANGE, "bytes 100-299/300"), (header::CONTENT_LENGTH, "5")]);
        assert!(!continues(&short, 100, "\"a\"", Some(300)), "a length that contradicts the range");
    }

    #[test]
    fn weak_and_broken_tags_are_not_resumed_from() {
        for (tag, strong) in
            [("\"abc\"", true), ("W/\"abc\"", false), ("abc", false), ("\"\"", false), ("\"", false)]
        {
            assert_eq!(is_strong(tag), strong, "{tag}");
        }
    }

    #[test]
    fn a_web_page_is_known_by_its_beginning() {
        for (text, is) in [
            ("<!DOCTYPE html><title>Sign in", true),
            ("\u{feff}\n  <HTML>", true),
            ("<?xml version", false),
            ("\x1f\u{8b}", false),
        ] {
            assert_eq!(looks_like_web_page(text.as_bytes(), false), is, "{text}");
        }
    }
}
