//! Timestamps (RFC 3161): asking a server to confirm that a signature exists, and reading what it answers.
//!
//! Requests and answers are bytes; how they travel is a closure of the caller. A timestamp is what keeps a signature of code
//! valid after the certificate of its key has expired.

use crate::asn1::{self, Asn1Error};
use crate::certificate::hexadecimal;
use crate::signed_data::{SignedData, SignedDataError, hash_name, hash_object};
use crate::signing_key::Hash;
use crate::{Certificate, Chain, ChainError, KeyPurpose, moment};
use sha1::Digest as _;
use std::fmt;
use thiserror::Error;

/// `id-ct-TSTInfo`.
const CONTENT: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x01, 0x04];
/// `id-aa-signingCertificate` (RFC 2634 section 5.4) and its successor (RFC 5035 section 3).
const CERTIFICATE_BY_SHA1: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x0c];
const CERTIFICATE: &[u8] = &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x10, 0x02, 0x2f];
/// Signed data that holds no `data` is of this version (RFC 5652 section 5.1).
const VERSION: u64 = 3;
/// Answers are a few kilobytes.
const LARGEST: usize = 1 << 20;
/// How far the clock of the server and the one of this machine may be apart, in seconds.
const SKEW: u64 = 86_400;

/// Why a timestamp was not given or does not hold.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum TimestampError {
    /// It is no answer of a timestamp server.
    #[error("its answer of {bytes} bytes is no timestamp{}", beginning(.text))]
    Garbage {
        /// How long it is.
        bytes: usize,
        /// How it begins, if it is text.
        text: String,
    },
    /// The server refused.
    #[error("it refused: {reason}")]
    Refused {
        /// Status, and what it said.
        reason: String,
    },
    /// The timestamp answers another request.
    #[error("its timestamp is the answer to another request: the nonce is not the one that was asked with")]
    Nonce,
    /// The timestamp is one of something else.
    #[error("its timestamp is one of another signature")]
    Imprint,
    /// A part of it is not as the standard says.
    #[error("its timestamp is not as RFC 3161 says: {problem}")]
    Form {
        /// What is wrong.
        problem: &'static str,
    },
    /// The signature of the timestamp does not hold.
    #[error("its timestamp does not hold")]
    SignedData(#[source] SignedDataError),
    /// Its certificates do not vouch for each other.
    #[error("the certificates of its timestamp do not fit each other")]
    Chain(#[source] ChainError),
    /// None of the roots that are trusted vouches for it.
    #[error("the certificate of {subject} leads to none of the roots that are trusted with timestamps")]
    Root {
        /// Of the certificate.
        subject: String,
    },
    /// The certificate is not one for timestamps, or for more than those.
    #[error(
        "the certificate of {subject} is not one for timestamps: the usage `time stamping` has to be the only one, and critical"
    )]
    Usage {
        /// Of the certificate.
        subject: String,
    },
    /// A certificate was not valid when the timestamp was made.
    #[error("the certificate of {subject} was not valid on {}, when its timestamp was made", moment::text(*.moment))]
    Validity {
        /// Of the certificate.
        subject: String,
        /// Seconds since 1970-01-01 UTC.
        moment: u64,
    },
    /// The clocks are apart.
    #[error("its clock says {}, and here it is {}", moment::text(*.server), moment::text(*.here))]
    Clock {
        /// Seconds since 1970-01-01 UTC.
        server: u64,
        /// Seconds since 1970-01-01 UTC.
        here: u64,
    },
}

impl From<Asn1Error> for TimestampError {
    fn from(_: Asn1Error) -> Self {
        form("its encoding is damaged")
    }
}

impl From<SignedDataError> for TimestampError {
    fn from(error: SignedDataError) -> Self {
        TimestampError::SignedData(error)
    }
}

fn form(problem: &'static str) -> TimestampError {
    TimestampError::Form { problem }
}

fn beginning(text: &str) -> String {
    if text.is_empty() { String::new() } else { format!("; it begins with `{text}`") }
}

/// What a server is asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    hash: Hash,
    imprint: Vec<u8>,
    nonce: u64,
}

impl Request {
    /// Asks for a timestamp of a signature. The nonce has to be one that nobody foresees; two requests never have the
    /// same.
    pub fn new(hash: Hash, signature: &[u8], nonce: u64) -> Self {
        Request { hash, imprint: hash.digest(signature), nonce }
    }

    /// `TimeStampReq` (RFC 3161 section 2.4.1): the certificate is asked for, and no policy.
    pub fn der(&self) -> Vec<u8> {
        asn1::sequence(&[
            &asn1::unsigned(&[1]),
            &self.hash.digest_info(&self.imprint),
            &asn1::unsigned(&self.nonce.to_be_bytes()),
            &asn1::encode(asn1::BOOLEAN, &[0xff]),
        ])
    }

    /// Reads an answer, `TimeStampResp` (RFC 3161 section 2.4.2), and checks the whole of it. `now` is compared with the
    /// clock of the server.
    ///
    /// # Errors
    /// If the server refused, or the timestamp is not one of this request, or does not hold.
    pub fn read(&self, answer: &[u8], now: u64) -> Result<Token, TimestampError> {
        let garbage = |_| {
            let printable = |byte: &u8| byte.is_ascii_graphic() || *byte == b' ';
            let text = answer.iter().take(60).take_while(|byte| printable(byte));
            let text = text.map(|byte| char::from(*byte)).collect::<String>();
            // A few printable bytes are chance.
            let text = if text.len() < 4 { String::new() } else { text };
            TimestampError::Garbage { bytes: answer.len(), text }
        };
        if answer.len() > LARGEST {
            return Err(TimestampError::Garbage { bytes: answer.len(), text: String::new() });
        }
        let mut fields = asn1::single(answer, asn1::SEQUENCE).map_err(garbage)?.reader();
        let mut status = fields.enter(asn1::SEQUENCE).map_err(garbage)?;
        let number = status.value(asn1::INTEGER).and_then(|number| number.small()).map_err(garbage)?;
        // Granted, or granted with modifications.
        if number > 1 {
            let mut texts = Vec::new();
            if let Some(free) = status.optional(asn1::SEQUENCE)? {
                texts.extend(free.reader().all()?.iter().filter_map(|text| text.text()));
            }
            if let Some(bits) = status.optional(asn1::BIT_STRING)? {
                texts.extend(failure(bits.content).map(str::to_owned));
            }
            let texts = texts.iter().flat_map(|text| text.chars().chain([' ']));
            let texts: String = texts.filter(|letter| !letter.is_control()).take(300).collect();
            let texts = texts.trim();
            let between = if texts.is_empty() { "" } else { ", " };
            return Err(TimestampError::Refused { reason: format!("status {number}{between}{texts}") });
        }
        let token = fields.value(asn1::SEQUENCE).map_err(|_| form("it is missing in the answer"))?;
        fields.end()?;
        let token = Token { der: token.whole.to_vec() };
        let information = token.information()?;
        if information.hash != self.hash || information.imprint != self.imprint {
            return Err(TimestampError::Imprint);
        }
        if information.nonce.as_deref() != Some(&*asn1::unsigned(&self.nonce.to_be_bytes())) {
            return Err(TimestampError::Nonce);
        }
        let stamp = token.check(&[])?;
        if stamp.moment.abs_diff(now) > SKEW {
            return Err(TimestampError::Clock { server: stamp.moment, here: now });
        }
        Ok(token)
    }
}

/// `PKIFailureInfo` (RFC 3161 section 2.4.2) in words.
fn failure(bits: &[u8]) -> Option<&'static str> {
    const REASONS: [(usize, &str); 8] = [
        (0, "the algorithm is not known to it"),
        (2, "the request is not permitted"),
        (5, "the request has the wrong format"),
        (14, "its clock is out of order"),
        (15, "the policy is not one of its own"),
        (16, "the extension is not known to it"),
        (17, "it lacks information that was asked for"),
        (25, "it is out of order"),
    ];
    let bits = bits.get(1..)?;
    let is_set = |number: usize| bits.get(number / 8).is_some_and(|byte| byte >> (7 - number % 8) & 1 == 1);
    REASONS.into_iter().find(|(number, _)| is_set(*number)).map(|(_, reason)| reason)
}

/// A server that gave no timestamp, and why.
#[derive(Debug)]
pub struct Failure<E> {
    /// Its address.
    pub server: String,
    /// What happened.
    pub cause: FailureCause<E>,
}

/// Why a server gave no timestamp.
#[derive(Debug)]
pub enum FailureCause<E> {
    /// It was not reached, or answered with an error.
    Transport(E),
    /// What it answered is no timestamp that can be used.
    Answer(TimestampError),
}

impl<E: fmt::Display> fmt::Display for Failure<E> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.cause {
            FailureCause::Transport(error) => write!(formatter, "{}: {error}", self.server),
            FailureCause::Answer(error) => {
                write!(formatter, "{}: {error}", self.server)?;
                let mut cause = std::error::Error::source(error);
                while let Some(error) = cause {
                    write!(formatter, ": {error}")?;
                    cause = error.source();
                }
                Ok(())
            }
        }
    }
}

/// A timestamp, and the servers that were asked before in vain.
#[derive(Debug)]
pub struct Stamped<E> {
    /// The timestamp.
    pub token: Token,
    /// The address of the server that gave it.
    pub server: String,
    /// Those before it, in their order.
    pub failures: Vec<Failure<E>>,
}

/// How a request travels to the address of a server and the answer back.
pub type Transport<'a, E> = dyn FnMut(&str, &[u8]) -> Result<Vec<u8>, E> + 'a;

/// Asks one server after the other until one gives a timestamp that holds.
///
/// # Errors
/// The failures of all of them, in their order; none if there are no servers.
pub fn ask<E>(
    request: &Request,
    servers: &[String],
    now: u64,
    transport: &mut Transport<'_, E>,
) -> Result<Stamped<E>, Vec<Failure<E>>> {
    let bytes = request.der();
    let mut failures = Vec::new();
    for server in servers {
        let answer = transport(server, &bytes).map_err(FailureCause::Transport);
        let token = answer.and_then(|answer| request.read(&answer, now).map_err(FailureCause::Answer));
        match token {
            Ok(token) => return Ok(Stamped { token, server: server.clone(), failures }),
            Err(cause) => failures.push(Failure { server: server.clone(), cause }),
        }
    }
    Err(failures)
}

/// A timestamp as a server gives it: signed data in DER.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    der: Vec<u8>,
}

/// What a timestamp says, after all of it was checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stamp {
    /// When the signature existed: seconds since 1970-01-01 UTC.
    pub moment: u64,
    /// Of what was stamped.
    pub hash: Hash,
    /// The number of the timestamp at its server, in hexadecimal digits.
    pub serial: String,
    /// The certificates of the server, leaf first, as far as they are known.
    pub chain: Vec<Certificate>,
}

/// What is read from a token before it is checked.
struct Information {
    hash: Hash,
    imprint: Vec<u8>,
    moment: u64,
    serial: String,
    /// As an encoded integer.
    nonce: Option<Vec<u8>>,
}

impl Token {
    /// Takes a token that was read from a signature.
    pub(crate) fn new(der: &[u8]) -> Self {
        Token { der: der.to_vec() }
    }

    /// `TimeStampToken` in DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// `TSTInfo` (RFC 3161 section 2.4.2).
    fn information(&self) -> Result<Information, TimestampError> {
        let data = SignedData::read(&self.der, VERSION)?;
        if data.content_type != CONTENT {
            return Err(form("it holds something else"));
        }
        let content = data.content.expect(asn1::OCTET_STRING)?.content;
        let mut fields = asn1::single(content, asn1::SEQUENCE)?.reader();
        if fields.value(asn1::INTEGER)?.small()? != 1 {
            return Err(form("it is of an unknown version"));
        }
        fields.object()?;
        let mut imprint = fields.enter(asn1::SEQUENCE)?;
        let object = hash_object(imprint.enter(asn1::SEQUENCE)?)?;
        let hash = Hash::of_object(object).ok_or_else(|| {
            TimestampError::SignedData(SignedDataError::Algorithm { algorithm: hash_name(object) })
        })?;
        let imprint = imprint.value(asn1::OCTET_STRING)?.content.to_vec();
        let serial = hexadecimal(fields.value(asn1::INTEGER)?.content);
        let moment = fields.value(asn1::GENERALIZED_TIME)?.moment()?;
        fields.optional(asn1::SEQUENCE)?;
        fields.optional(asn1::BOOLEAN)?;
        let nonce = fields.optional(asn1::INTEGER)?.map(|nonce| nonce.whole.to_vec());
        fields.optional(asn1::constructed(0))?;
        fields.optional(asn1::constructed(1))?;
        fields.end()?;
        Ok(Information { hash, imprint, moment, serial, nonce })
    }

    /// Checks that this is a timestamp of this signature, and that all of it holds: its own signature, the certificate and
    /// its usage, and the validity of every certificate at the moment of the timestamp. Where `roots` are given, the chain has to reach one of them.
    ///
    /// # Errors
    /// What does not hold.
    pub fn verify(&self, signature: &[u8], roots: &[Certificate]) -> Result<Stamp, TimestampError> {
        let information = self.information()?;
        if information.hash.digest(signature) != information.imprint {
            return Err(TimestampError::Imprint);
        }
        self.check(roots)
    }

    fn check(&self, roots: &[Certificate]) -> Result<Stamp, TimestampError> {
        let Information { hash, moment, serial, .. } = self.information()?;
        let data = SignedData::read(&self.der, VERSION)?;
        let content = data.content.expect(asn1::OCTET_STRING)?.content;
        let (leaf, _) = data.check(content)?;
        check_named(&data, leaf)?;
        let only = leaf
            .extended_key_usage()
            .is_some_and(|usage| usage.critical && usage.purposes == [KeyPurpose::TimeStamping]);
        if !only {
            return Err(TimestampError::Usage { subject: leaf.subject().to_owned() });
        }
        let known = [&data.certificates[..], roots].concat();
        let chain =
            Chain::from_leaf(leaf.clone(), &known).and_then(|chain| chain.check_root().map(|()| chain));
        let chain = chain.map_err(TimestampError::Chain)?;
        if !chain.leads_to(roots) {
            return Err(TimestampError::Root { subject: leaf.subject().to_owned() });
        }
        let chain = chain.into_certificates();
        if let Some(stranger) = data.certificates.iter().find(|certificate| !chain.contains(certificate)) {
            // Servers may hand out more than is needed, but what nobody vouches for could be anything.
            let issuer = known.iter().find(|issuer| issuer.subject_der() == stranger.issuer_der());
            match issuer.map(|issuer| stranger.check_issuer(issuer)) {
                Some(Ok(())) => {}
                Some(Err(error)) => return Err(TimestampError::Chain(ChainError::Issuer(error))),
                None => return Err(form("it holds a certificate that is not of its chain")),
            }
        }
        if data.has_revocations || !data.signer.unsigned.is_empty() {
            return Err(form("it holds more than a timestamp"));
        }
        if let Some(invalid) = chain.iter().find(|certificate| !certificate.is_valid_at(moment)) {
            return Err(TimestampError::Validity { subject: invalid.subject().to_owned(), moment });
        }
        Ok(Stamp { moment, hash, serial, chain })
    }
}

/// The certificate has to be named in what is signed (RFC 3161 section 2.4.2, RFC 5816), so that it cannot be changed for another
/// one of the same key.
fn check_named(data: &SignedData<'_>, leaf: &Certificate) -> Result<(), TimestampError> {
    let (value, by_sha1) = match data.signer.attribute(CERTIFICATE)? {
        Some(value) => (Some(value), false),
        None => (data.signer.attribute(CERTIFICATE_BY_SHA1)?, true),
    };
    let value = value.ok_or(form("it does not name its certificate"))?;
    let mut first = value.expect(asn1::SEQUENCE)?.reader().enter(asn1::SEQUENCE)?.enter(asn1::SEQUENCE)?;
    let digest = if by_sha1 {
        sha1::Sha1::digest(leaf.der()).to_vec()
    } else {
        let hash = match first.optional(asn1::SEQUENCE)? {
            Some(identifier) => Hash::of_object(hash_object(identifier.reader())?),
            None => Some(Hash::Sha256),
        };
        hash.ok_or(form("it names its certificate by an unknown hash"))?.digest(leaf.der())
    };
    if first.value(asn1::OCTET_STRING)?.content == digest {
        Ok(())
    } else {
        Err(form("it names another certificate than the one it bears"))
    }
}
