//! Signature Version 4, by which requests to Amazon's services prove who sends them, and that nobody changed them.
//!
//! As described in "AWS Signature Version 4 for API requests" of the AWS Identity and Access Management User Guide, and
//! tested with the requests of the test suite that AWS publishes.

use crate::cloud::percent_encoded;
use deploy_crypto::Secret;
use deploy_formats::date::Moment;
use sha2::{Digest as _, Sha256};

/// What signs. Its parts come from variables, a file, or a service that lends them for an hour.
#[derive(Debug)]
pub struct AccessKey {
    /// The name of the key: `AKIA...`, or `ASIA...` of a lent one.
    pub id: String,
    /// The key.
    pub secret: Secret<String>,
    /// What goes with a lent key.
    pub session_token: Option<Secret<String>>,
}

/// What a signature is good for, beside the day of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Scope<'a> {
    /// `eu-central-1`.
    pub region: &'a str,
    /// `kms`, `sts`, `s3`.
    pub service: &'a str,
}

/// A request to sign.
#[derive(Debug, Clone, Copy)]
pub struct Unsigned<'a> {
    /// `POST`.
    pub method: &'a str,
    /// The host, with its port where that is not the usual one.
    pub host: &'a str,
    /// The path as it is sent, percent-encoded where it has to be.
    pub path: &'a str,
    /// The query, decoded.
    pub query: &'a [(&'a str, &'a str)],
    /// The headers to sign beside `host`, `x-amz-date` and the session token.
    pub headers: &'a [(&'a str, &'a str)],
    /// The body.
    pub body: &'a [u8],
}

/// The headers that a signed request has beside its own. None of them may be shown.
#[derive(Debug)]
pub struct Signed {
    /// `x-amz-date`.
    pub date: String,
    /// `authorization`.
    pub authorization: Secret<String>,
}

/// Signs a request at a moment, in seconds since 1970-01-01 UTC. The services take signatures of the last and next
/// fifteen minutes.
pub fn sign(request: &Unsigned<'_>, scope: Scope<'_>, key: &AccessKey, moment: u64) -> Signed {
    let date = timestamp(moment);
    let day = &date[..8];
    let (canonical, signed_headers) = canonical(request, scope, key, &date);
    let credential_scope = format!("{day}/{}/{}/aws4_request", scope.region, scope.service);
    let to_sign =
        format!("AWS4-HMAC-SHA256\n{date}\n{credential_scope}\n{}", hexadecimal(&Sha256::digest(canonical)));

    let secret = Secret::new(format!("AWS4{}", key.secret.expose()));
    let mut signing = hmac(secret.expose().as_bytes(), day.as_bytes());
    for part in [scope.region, scope.service, "aws4_request"] {
        signing = hmac(&signing, part.as_bytes());
    }
    let signature = hexadecimal(&hmac(&signing, to_sign.as_bytes()));
    let authorization = format!(
        "AWS4-HMAC-SHA256 Credential={}/{credential_scope}, SignedHeaders={signed_headers}, Signature={signature}",
        key.id
    );
    Signed { date, authorization: Secret::new(authorization) }
}

/// The request in the one way of writing it that both sides agree on, and the names of its headers.
fn canonical(request: &Unsigned<'_>, scope: Scope<'_>, key: &AccessKey, date: &str) -> (String, String) {
    let mut headers: Vec<(String, String)> = request
        .headers
        .iter()
        .copied()
        .chain([("host", request.host), ("x-amz-date", date)])
        .chain(key.session_token.as_ref().map(|token| ("x-amz-security-token", token.expose().as_str())))
        .map(|(name, value)| {
            (name.to_ascii_lowercase(), value.split_whitespace().collect::<Vec<_>>().join(" "))
        })
        .collect();
    headers.sort();
    let names: Vec<&str> = headers.iter().map(|(name, _)| name.as_str()).collect();
    let names = names.join(";");
    let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();

    let mut query: Vec<String> = request
        .query
        .iter()
        .map(|(name, value)| format!("{}={}", percent_encoded(name), percent_encoded(value)))
        .collect();
    query.sort();
    // All services but S3 encode a path that is encoded already once more.
    let path = if scope.service == "s3" {
        request.path.to_owned()
    } else {
        request.path.split('/').map(percent_encoded).collect::<Vec<_>>().join("/")
    };
    let body = hexadecimal(&Sha256::digest(request.body));
    let canonical = format!("{}\n{path}\n{}\n{lines}\n{names}\n{body}", request.method, query.join("&"));
    (canonical, names)
}

/// A moment as these signatures have it: `20150830T123600Z`.
fn timestamp(moment: u64) -> String {
    let day = Moment::of(moment);
    let seconds = day.epoch % 86_400;
    let (hour, minute, second) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    format!("{:04}{:02}{:02}T{hour:02}{minute:02}{second:02}Z", day.year, day.month, day.day)
}

/// HMAC with SHA-256 (RFC 2104).
fn hmac(key: &[u8], message: &[u8]) -> [u8; 32] {
    const BLOCK: usize = 64;
    let mut block = [0; BLOCK];
    if key.len() > BLOCK {
        block[..32].copy_from_slice(&Sha256::digest(key));
    } else {
        block[..key.len()].copy_from_slice(key);
    }
    let inner = Sha256::new().chain_update(block.map(|byte| byte ^ 0x36)).chain_update(message).finalize();
    Sha256::new().chain_update(block.map(|byte| byte ^ 0x5c)).chain_update(inner).finalize().into()
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// 2015-08-30T12:36:00Z, the moment of every request of the test suite.
    const MOMENT: u64 = 1_440_938_160;

    fn signature(request: &Unsigned<'_>, session_token: Option<&str>) -> String {
        let key = AccessKey {
            id: "AKIDEXAMPLE".to_owned(),
            secret: Secret::new("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_owned()),
            session_token: session_token.map(|token| Secret::new(token.to_owned())),
        };
        let signed = sign(request, Scope { region: "us-east-1", service: "service" }, &key, MOMENT);
        assert_eq!(signed.date, "20150830T123600Z");
        signed.authorization.expose().clone()
    }

    const GET: Unsigned<'_> = Unsigned {
        method: "GET",
        host: "example.amazonaws.com",
        path: "/",
        query: &[],
        headers: &[],
        body: b"",
    };

    #[test]
    fn the_requests_of_the_published_test_suite_get_its_signatures() {
        let post = Unsigned { method: "POST", ..GET };
        let form = Unsigned {
            headers: &[("Content-Type", "application/x-www-form-urlencoded")],
            body: b"Param1=value1",
            ..post
        };
        let unordered = Unsigned { query: &[("Param2", "value2"), ("Param1", "value1")], ..GET };
        let spaces =
            Unsigned { headers: &[("My-Header1", " value1"), ("My-Header2", " \"a   b   c\"")], ..GET };
        for (name, request, names, expected) in [
            (
                "get-vanilla",
                GET,
                "host;x-amz-date",
                "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31",
            ),
            (
                "get-vanilla-query-order-key-case",
                unordered,
                "host;x-amz-date",
                "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500",
            ),
            (
                "get-header-value-trim",
                spaces,
                "host;my-header1;my-header2;x-amz-date",
                "acc3ed3afb60bb290fc8d2dd0098b9911fcaa05412b367055dee359757a9c736",
            ),
            (
                "post-vanilla",
                post,
                "host;x-amz-date",
                "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b",
            ),
            (
                "post-x-www-form-urlencoded",
                form,
                "content-type;host;x-amz-date",
                "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a",
            ),
        ] {
            let expected = format!(
                "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, \
                 SignedHeaders={names}, Signature={expected}"
            );
            assert_eq!(signature(&request, None), expected, "{name}");
        }
    }

    #[test]
    fn the_token_of_a_lent_key_is_signed_too() {
        let token = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA==";
        let request = Unsigned { method: "POST", ..GET };
        let found = signature(&request, Some(token));
        let expected = "SignedHeaders=host;x-amz-date;x-amz-security-token, \
                        Signature=85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead";
        assert!(found.ends_with(expected), "{found}");
    }

    #[test]
    fn hmac_gives_what_the_standard_shows() {
        // RFC 4231, test cases 2 and 6: a key shorter and one longer than a block.
        let short = hmac(b"Jefe", b"what do ya want for nothing?");
        assert_eq!(hexadecimal(&short), "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
        let long = hmac(&[0xaa; 131], b"Test Using Larger Than Block-Size Key - Hash Key First");
        assert_eq!(hexadecimal(&long), "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    }
}
