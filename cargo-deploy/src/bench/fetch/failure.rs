//! Why a download failed, and whether trying again may help.

use super::Limits;
use super::address::{Address, InvalidAddress};
use crate::bench::files::FileError;
use deploy_model::Sha256;
use std::fmt;
use std::io;
use std::time::Duration;

/// A download that failed: its address, the way it was sent, how often it was tried, and why it failed the last time.
#[derive(Debug, thiserror::Error)]
pub struct DownloadError {
    /// The address as it was given, without credentials.
    pub url: String,
    /// Where the server sent the request, in order, without queries.
    pub hops: Vec<String>,
    /// How often it was tried.
    pub tries: u32,
    /// Why the last try failed.
    #[source]
    pub reason: Box<DownloadFailure>,
}

impl fmt::Display for DownloadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "download {}", self.url)?;
        for hop in &self.hops {
            write!(f, ", sent on to {hop}")?;
        }
        if self.tries > 1 {
            write!(f, " ({} tries)", self.tries)?;
        }
        Ok(())
    }
}

/// Why a download failed.
#[derive(Debug, thiserror::Error)]
pub enum DownloadFailure {
    /// The address is none that may be asked.
    #[error(transparent)]
    Address(#[from] InvalidAddress),
    /// A redirect leads where a download must not go.
    #[error("it redirects to {to}, {why}")]
    Redirect {
        /// Where to.
        to: String,
        /// Why not, as a clause that begins with "which".
        why: &'static str,
    },
    /// One redirect too many.
    #[error("it redirects more than {limit} times")]
    Redirects {
        /// How many are followed.
        limit: usize,
    },
    /// A redirect that does not say where to.
    #[error("it answers {status} and does not say where to go")]
    NoLocation {
        /// The status.
        status: u16,
    },
    /// The server answered that it will not.
    #[error("it answers {}", status_line(*.status))]
    Status {
        /// The status.
        status: u16,
        /// How long the server asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server asks to come back much later.
    #[error("it asks to come back in {seconds} seconds")]
    Later {
        /// In how many seconds.
        seconds: u64,
    },
    /// No connection.
    #[error("there is no connection to {host}{}", through.as_ref().map(|it| format!(" through the proxy {it}")).unwrap_or_default())]
    Connect {
        /// The host and port.
        host: String,
        /// The proxy, where there is one.
        through: Option<String>,
        /// What the system or the client said.
        source: Box<ureq::Error>,
    },
    /// The server's certificate is not one to trust.
    #[error("{host} cannot prove that it is {host}: {said}{}", hint.map(|hint| format!("\n  {hint}")).unwrap_or_default())]
    Certificate {
        /// The host.
        host: String,
        /// What the check said.
        said: String,
        /// What may be the cause.
        hint: Option<&'static str>,
    },
    /// The server sent nothing for too long.
    #[error("it sent nothing for {}{}", seconds(*.limit), so_far(*.received, *.total))]
    Silent {
        /// For how long.
        limit: Duration,
        /// Bytes that came before.
        received: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// The server took too long for a whole answer.
    #[error("it did not answer in full within {}", seconds(*.limit))]
    Unfinished {
        /// The longest time for an answer.
        limit: Duration,
    },
    /// The server sends too slowly.
    #[error("it sends less than {rate} bytes a second over {}{}", seconds(*.window), so_far(*.received, *.total))]
    TooSlow {
        /// Bytes that came.
        received: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
        /// The lowest rate that is put up with, in bytes a second.
        rate: u64,
        /// Over which time.
        window: Duration,
    },
    /// The answer ended before its end.
    #[error("it was cut off{}", so_far(*.received, *.total))]
    Cut {
        /// Bytes that came.
        received: u64,
        /// Bytes in all, where known.
        total: Option<u64>,
    },
    /// More bytes than are accepted.
    #[error("it is larger than {limit} bytes, the largest size allowed{}", announced.map(|it| format!(": it announces {it}")).unwrap_or_default())]
    TooLarge {
        /// The size that the server announced, where it did.
        announced: Option<u64>,
        /// The largest size allowed.
        limit: u64,
    },
    /// A part that nobody asked for.
    #[error("it answers with a part, though the whole was asked for")]
    UnaskedPart,
    /// The server contradicted what it said of the same object before, twice.
    #[error("{why}")]
    Misfit {
        /// How.
        why: &'static str,
    },
    /// Not the bytes that were pinned.
    #[error(transparent)]
    Mismatch(Box<Mismatch>),
    /// An answer that is not HTTP.
    #[error("it does not answer as a web server does")]
    Protocol {
        /// What the client said.
        source: Box<ureq::Error>,
    },
    /// A file of ours.
    #[error(transparent)]
    File(#[from] FileError),
}

/// The bytes that came and the ones that were pinned.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Mismatch {
    /// The digest that was pinned.
    pub expected_sha256: Option<Sha256>,
    /// The size that was pinned.
    pub expected_size: Option<u64>,
    /// The digest of what came; `None` where more bytes came than were pinned and the rest was not taken.
    pub got_sha256: Option<Sha256>,
    /// The number of bytes that came.
    pub got_size: u64,
    /// The first bytes, those that are not printable ASCII as points.
    pub beginning: String,
    /// Whether what came is a web page.
    pub is_web_page: bool,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("its content is not what was pinned")?;
        f.write_str("\n  expected ")?;
        match (&self.expected_sha256, self.expected_size) {
            (Some(sha256), Some(size)) => write!(f, "sha256 {sha256}, {size} bytes")?,
            (Some(sha256), None) => write!(f, "sha256 {sha256}")?,
            (None, size) => write!(f, "{} bytes", size.unwrap_or(0))?,
        }
        f.write_str("\n  got      ")?;
        match &self.got_sha256 {
            Some(sha256) => write!(f, "sha256 {sha256}, {} bytes", self.got_size)?,
            None => write!(f, "more than {} bytes", self.expected_size.unwrap_or(0))?,
        }
        write!(f, "\n  it begins with \"{}\"", self.beginning)?;
        if self.is_web_page {
            f.write_str("\n  it looks like a login page: open the address in a browser")?;
        }
        Ok(())
    }
}

impl DownloadFailure {
    /// Whether the same request may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            DownloadFailure::Status { status, .. } => {
                matches!(status, 408 | 425 | 429 | 500 | 502 | 503 | 504)
            }
            DownloadFailure::Connect { .. }
            | DownloadFailure::Silent { .. }
            | DownloadFailure::Unfinished { .. }
            | DownloadFailure::TooSlow { .. }
            | DownloadFailure::Cut { .. }
            | DownloadFailure::Protocol { .. } => true,
            DownloadFailure::Address(_)
            | DownloadFailure::Redirect { .. }
            | DownloadFailure::Redirects { .. }
            | DownloadFailure::NoLocation { .. }
            | DownloadFailure::Later { .. }
            | DownloadFailure::Certificate { .. }
            | DownloadFailure::TooLarge { .. }
            | DownloadFailure::UnaskedPart
            | DownloadFailure::Misfit { .. }
            | DownloadFailure::Mismatch(_)
            | DownloadFailure::File(_) => false,
        }
    }

    /// How long the server asks to wait.
    pub(in crate::bench) fn retry_after(&self) -> Option<Duration> {
        match self {
            DownloadFailure::Status { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The failure of a request before any byte of its body.
    pub(in crate::bench) fn of_request(
        source: ureq::Error,
        address: &Address,
        through: Option<String>,
        limits: &Limits,
    ) -> DownloadFailure {
        use ureq::{Error, Timeout};
        let said = source.to_string();
        if said.contains("certificate") {
            // The client gives the reason as text only: `invalid peer certificate: Expired`.
            let clock = said.contains("xpired") || said.contains("NotValidYet");
            let issuer = said.contains("UnknownIssuer");
            let hint = match (clock, issuer) {
                (true, _) => Some("is the clock of this machine right?"),
                (_, true) => {
                    Some("SSL_CERT_FILE names a file with certificates to trust instead of the usual ones")
                }
                _ => None,
            };
            let said = said.trim_start_matches("io: ").to_owned();
            return DownloadFailure::Certificate { host: address.host().to_owned(), said, hint };
        }
        match source {
            Error::Timeout(Timeout::Resolve | Timeout::Connect)
            | Error::HostNotFound
            | Error::ConnectionFailed
            | Error::ConnectProxyFailed(_)
            | Error::Tls(_)
            | Error::Rustls(_)
            | Error::Io(_) => {
                let host = format!("{}:{}", address.host(), address.port());
                DownloadFailure::Connect { host, through, source: Box::new(source) }
            }
            Error::Timeout(Timeout::Global) => DownloadFailure::Unfinished { limit: limits.exchange },
            Error::Timeout(_) => DownloadFailure::Silent { limit: limits.read, received: 0, total: None },
            source => DownloadFailure::Protocol { source: Box::new(source) },
        }
    }

    /// The failure of reading a body.
    pub(in crate::bench) fn of_body(
        error: &io::Error,
        received: u64,
        total: Option<u64>,
        limits: &Limits,
    ) -> DownloadFailure {
        let timed_out = error.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
        match timed_out {
            Some(ureq::Error::Timeout(ureq::Timeout::Global)) => {
                DownloadFailure::Unfinished { limit: limits.exchange }
            }
            Some(ureq::Error::Timeout(_)) => DownloadFailure::Silent { limit: limits.read, received, total },
            _ if matches!(error.kind(), io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock) => {
                DownloadFailure::Silent { limit: limits.read, received, total }
            }
            _ => DownloadFailure::Cut { received, total },
        }
    }
}

pub(in crate::bench) fn status_line(status: u16) -> String {
    let reason = ureq::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    match reason {
        Some(reason) => format!("{status} {reason}"),
        None => status.to_string(),
    }
}

/// A time as people say it.
fn seconds(duration: Duration) -> String {
    match (duration.as_secs(), duration.subsec_millis()) {
        (seconds, 0) => format!("{seconds} s"),
        _ => format!("{} ms", duration.as_millis()),
    }
}

/// How far a download came.
fn so_far(received: u64, total: Option<u64>) -> String {
    match total {
        Some(total) => format!(" after {received} of {total} bytes"),
        None => format!(" after {received} bytes"),
    }
}
