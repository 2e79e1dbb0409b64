//! The address of a download or a request: `https`, or `http` to this machine itself, and nothing else but where a caller
//! says that what is asked for needs no encryption.

use std::fmt;
use std::str::FromStr;
use ureq::http::Uri;

/// An address that may be asked. It holds no user name, password or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    https: bool,
    /// As it stands in an address: IPv6 in brackets, names in lower case.
    host: String,
    port: Option<u16>,
    /// Begins with a slash.
    path: String,
    query: Option<String>,
}

/// A text that is no such address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("it is an address {why}")]
pub struct InvalidAddress {
    /// What is wrong with it, as a clause that begins with "which".
    pub why: &'static str,
}

impl Address {
    /// Whether it is spoken to in TLS.
    pub fn is_https(&self) -> bool {
        self.https
    }

    /// The host, IPv6 addresses without brackets.
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.https { 443 } else { 80 })
    }

    /// The host, and the port where it is written, as the header `Host` has it.
    pub fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }

    /// The last part of the path, where it has one.
    pub fn file_name(&self) -> Option<&str> {
        self.path.rsplit('/').next().filter(|name| !name.is_empty())
    }

    /// The address for messages about redirects: queries of such addresses hold signatures.
    pub fn without_query(&self) -> String {
        let query = if self.query.is_some() { "?..." } else { "" };
        format!("{}{query}", Address { query: None, ..self.clone() })
    }

    /// The address that a reference found at this one means (RFC 3986, section 5.2).
    pub fn join(&self, reference: &str) -> Result<Address, InvalidAddress> {
        let reference = reference.trim();
        let reference = reference.split_once('#').map_or(reference, |(before, _)| before);
        if scheme(reference).is_some() {
            return reference.parse();
        }
        let scheme = if self.https { "https" } else { "http" };
        if reference.starts_with("//") {
            return format!("{scheme}:{reference}").parse();
        }
        let (path, query) = match reference.split_once('?') {
            Some((path, query)) => (path, Some(query)),
            None => (reference, None),
        };
        let (path, query) = match path {
            "" => (self.path.clone(), query.map(str::to_owned).or_else(|| self.query.clone())),
            _ if path.starts_with('/') => (without_dots(path), query.map(str::to_owned)),
            _ => {
                let directory = &self.path[..self.path.rfind('/').map_or(0, |at| at + 1)];
                (without_dots(&format!("{directory}{path}")), query.map(str::to_owned))
            }
        };
        Address { path, query, ..self.clone() }.to_string().parse()
    }

    /// Where a redirect at this address leads, if a download may go there.
    pub(super) fn redirect(&self, location: &str) -> Result<Address, InvalidAddress> {
        let next = self.join(location)?;
        if self.https && !next.https {
            return Err(InvalidAddress { why: "which leaves encryption behind" });
        }
        Ok(next)
    }

    /// An address that may be plain `http` to anybody: for what neither holds a secret nor is believed without its own
    /// signature, as time stamps (RFC 3161).
    pub fn unencrypted(text: &str) -> Result<Address, InvalidAddress> {
        Address::read(text, true)
    }

    fn read(text: &str, plain: bool) -> Result<Address, InvalidAddress> {
        let invalid = |why| Err(InvalidAddress { why });
        let text = text.split_once('#').map_or(text, |(before, _)| before);
        let https = match scheme(text).map(str::to_ascii_lowercase).as_deref() {
            Some("https") => true,
            Some("http") => false,
            _ => return invalid("which is neither https nor, on this machine, http"),
        };
        let Ok(uri) = encoded(text).parse::<Uri>() else { return invalid("which is not well-formed") };
        let Some(authority) = uri.authority() else { return invalid("which names no host") };
        if authority.as_str().contains('@') {
            return invalid("which holds a user name or a password");
        }
        let host = authority.host().to_ascii_lowercase();
        if host.is_empty() {
            return invalid("which names no host");
        }
        let port = match authority.as_str()[authority.host().len()..].strip_prefix(':') {
            None | Some("") => None,
            Some(port) => match port.parse::<u16>() {
                Ok(port) if port > 0 => Some(port),
                _ => return invalid("whose port is none"),
            },
        };
        let path = if uri.path().is_empty() { "/" } else { uri.path() };
        let address =
            Address { https, host, port, path: path.to_owned(), query: uri.query().map(str::to_owned) };
        if !https && !plain && !address.is_this_machine() {
            return invalid("which is not encrypted: use https");
        }
        Ok(address)
    }

    pub(super) fn is_this_machine(&self) -> bool {
        self.host == "localhost"
            || self.host().parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
    }
}

impl FromStr for Address {
    type Err = InvalidAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Address::read(text, false)
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", if self.https { "https" } else { "http" }, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)?;
        match &self.query {
            Some(query) => write!(f, "?{query}"),
            None => Ok(()),
        }
    }
}

/// An address for messages: a user name and a password in it are not shown.
pub(in crate::bench) fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.escape_debug().to_string() };
    let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => text.to_owned(),
    }
    .escape_debug()
    .to_string()
}

/// The scheme of an address, where it has one (RFC 3986, section 3.1).
fn scheme(text: &str) -> Option<&str> {
    let (scheme, _) = text.split_once(':')?;
    let valid = scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    valid.then_some(scheme)
}

/// Percent-encodes what people and servers write as it is: blanks and letters beyond ASCII.
fn encoded(text: &str) -> String {
    let mut encoded = String::with_capacity(text.len());
    for byte in text.bytes() {
        match byte {
            0x21..=0x7e => encoded.push(char::from(byte)),
            _ => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

/// A path without `.` and `..` (RFC 3986, section 5.2.4).
fn without_dots(path: &str) -> String {
    let mut kept: Vec<&str> = Vec::new();
    let parts: Vec<&str> = path.split('/').skip(1).collect();
    for (index, part) in parts.iter().enumerate() {
        let last = index + 1 == parts.len();
        match *part {
            "." | ".." => {
                if *part == ".." {
                    kept.pop();
                }
                if last {
                    kept.push("");
                }
            }
            part => kept.push(part),
        }
    }
    format!("/{}", kept.join("/"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_https_and_http_to_this_machine_are_addresses() {
        for good in [
            "https://example.com/a",
            "https://example.com:8443/a?b=c",
            "http://127.0.0.1:8080/x",
            "http://localhost/x",
            "http://[::1]:80/x",
        ] {
            assert_eq!(good.parse::<Address>().map(|address| address.to_string()), Ok(good.to_owned()));
        }
        for (bad, why) in [
            ("http://example.com/a", "which is not encrypted: use https"),
            ("http://127.0.0.1.example.com/a", "which is not encrypted: use https"),
            ("http://localhost.example.com/a", "which is not encrypted: use https"),
            ("ftp://example.com/a", "which is neither https nor, on this machine, http"),
            ("file:///etc/passwd", "which is neither https nor, on this machine, http"),
            ("example.com/a", "which is neither https nor, on this machine, http"),
            ("https://user:word@example.com/a", "which holds a user name or a password"),
            ("https://user@example.com/a", "which holds a user name or a password"),
            ("https:///a", "which is not well-formed"),
            ("https://example.com:0/a", "whose port is none"),
            ("https://example.com:99999/a", "whose port is none"),
        ] {
            assert_eq!(bad.parse::<Address>(), Err(InvalidAddress { why }), "{bad}");
        }
    }

    #[test]
    fn what_needs_no_encryption_may_be_asked_of_anybody_and_of_nobody_else_by_name_and_password() {
        let address = Address::unencrypted("http://time.example/stamp").map(|address| address.to_string());
        assert_eq!(address, Ok("http://time.example/stamp".to_owned()));
        let why = "which holds a user name or a password";
        assert_eq!(Address::unencrypted("http://user:word@time.example/"), Err(InvalidAddress { why }));
        assert!(Address::unencrypted("ftp://time.example/").is_err());
    }

    #[test]
    fn references_are_resolved_as_the_standard_shows() {
        // RFC 3986, section 5.4, as far as it speaks of http.
        let base: Address = "https://a/b/c/d;p?q".parse().expect("valid");
        for (reference, meant) in [
            ("g", "https://a/b/c/g"),
            ("./g", "https://a/b/c/g"),
            ("g/", "https://a/b/c/g/"),
            ("/g", "https://a/g"),
            ("//g", "https://g/"),
            ("?y", "https://a/b/c/d;p?y"),
            ("g?y", "https://a/b/c/g?y"),
            ("#s", "https://a/b/c/d;p?q"),
            ("g;x=1/../y", "https://a/b/c/y"),
            ("", "https://a/b/c/d;p?q"),
            (".", "https://a/b/c/"),
            ("..", "https://a/b/"),
            ("../g", "https://a/b/g"),
            ("../../../g", "https://a/g"),
            ("/./g/../h", "https://a/h"),
            ("https://other/x y", "https://other/x%20y"),
            ("/é", "https://a/%C3%A9"),
        ] {
            assert_eq!(base.join(reference).expect(reference).to_string(), meant, "{reference}");
        }
    }

    #[test]
    fn redirects_never_lead_from_https_to_http_or_to_credentials() {
        let base: Address = "https://example.com/a".parse().expect("valid");
        for (location, why) in [
            ("http://example.com/a", "which is not encrypted: use https"),
            ("http://127.0.0.1/a", "which leaves encryption behind"),
            ("http://localhost:8080/a", "which leaves encryption behind"),
            ("file:///etc/passwd", "which is neither https nor, on this machine, http"),
            ("data:text/plain,a", "which is neither https nor, on this machine, http"),
            ("https://me:secret@example.com/a", "which holds a user name or a password"),
            ("//me@example.com/a", "which holds a user name or a password"),
        ] {
            assert_eq!(base.redirect(location), Err(InvalidAddress { why }), "{location}");
        }
        let own: Address = "http://127.0.0.1:8080/a".parse().expect("valid");
        for location in ["https://example.com/a", "https://127.0.0.1/a", "http://localhost/a", "/b"] {
            assert!(own.redirect(location).is_ok(), "{location}");
        }
    }

    #[test]
    fn credentials_and_signatures_are_not_shown() {
        assert_eq!(masked("https://me:secret@example.com/a@b"), "https://***@example.com/a@b");
        assert_eq!(masked("https://example.com/a@b"), "https://example.com/a@b");
        let signed: Address = "https://store.example/a?signature=s3cret".parse().expect("valid");
        assert_eq!(signed.without_query(), "https://store.example/a?...");
    }

    #[test]
    fn the_file_name_is_the_last_part_of_the_path() {
        let name = |text: &str| text.parse::<Address>().expect("valid").file_name().map(str::to_owned);
        assert_eq!(name("https://example.com/a/b.tar.gz?x=1"), Some("b.tar.gz".to_owned()));
        assert_eq!(name("https://example.com/a/"), None);
    }
}
