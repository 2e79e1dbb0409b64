//! Proxies and certificates, as the environment names them.

use super::Address;
use crate::bench::environment::Environment;
use crate::bench::files::{self, FileError};
use camino::{Utf8Path, Utf8PathBuf};
use ureq::tls::{PemItem, RootCerts, parse_pem};
use ureq::{Proxy, ProxyProtocol};

/// The environment names a proxy or certificates that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum NetworkError {
    /// The proxy's address cannot be read. It is not shown, since it may hold a password.
    #[error("use the proxy in {variable}: it is not an address such as http://proxy.example:8080")]
    Proxy {
        /// The variable.
        variable: &'static str,
    },
    /// A SOCKS proxy.
    #[error("use the proxy in {variable}: it is a SOCKS proxy, and only http and https proxies can be used")]
    Socks {
        /// The variable.
        variable: &'static str,
    },
    /// The file of certificates cannot be read.
    #[error("read the certificates of SSL_CERT_FILE")]
    Certificates {
        /// Why.
        #[source]
        source: FileError,
    },
    /// The file holds no certificate.
    #[error("read the certificates of SSL_CERT_FILE: there is none in {path}")]
    NoCertificate {
        /// The file.
        path: Utf8PathBuf,
    },
}

/// The proxies and the hosts that are reached without them.
#[derive(Debug, Clone, Default)]
pub(in crate::bench) struct Proxies {
    /// For https.
    encrypted: Option<NamedProxy>,
    /// For plain http to other machines.
    plain: Option<NamedProxy>,
    exceptions: Vec<String>,
}

/// A proxy.
#[derive(Debug, Clone)]
pub(in crate::bench) struct NamedProxy {
    pub(in crate::bench) proxy: Proxy,
    /// Its host and port, for messages.
    pub(in crate::bench) shown: String,
}

impl NamedProxy {
    /// The proxy in the first of these variables that is set.
    fn of(environment: &Environment, variables: [&'static str; 4]) -> Result<Option<Self>, NetworkError> {
        let named = variables.into_iter().find_map(|variable| Some((variable, environment.get(variable)?)));
        let Some((variable, value)) = named else { return Ok(None) };
        let proxy = Proxy::new(value).map_err(|_| NetworkError::Proxy { variable })?;
        if !matches!(proxy.protocol(), ProxyProtocol::Http | ProxyProtocol::Https) {
            return Err(NetworkError::Socks { variable });
        }
        let shown = format!("{}:{}", proxy.host(), proxy.port());
        Ok(Some(NamedProxy { proxy, shown }))
    }
}

impl Proxies {
    /// Reads the proxies' variables, the lower-case spelling first, as curl does.
    pub(super) fn read(environment: &Environment) -> Result<Self, NetworkError> {
        let encrypted =
            NamedProxy::of(environment, ["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"])?;
        let plain = NamedProxy::of(environment, ["http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"])?;
        let exceptions =
            environment.get("no_proxy").or_else(|| environment.get("NO_PROXY")).unwrap_or_default();
        let exceptions = exceptions
            .split([',', ' '])
            .map(|entry| entry.trim().trim_start_matches('*').trim_start_matches('.').to_ascii_lowercase())
            .zip(exceptions.split([',', ' ']))
            // What is empty after the trimming was `*`: every host.
            .filter(|(_, written)| !written.trim().is_empty())
            .map(|(entry, _)| entry)
            .collect();
        Ok(Proxies { encrypted, plain, exceptions })
    }

    /// The proxy for an address, if it is reached through one. This machine never is.
    pub(in crate::bench) fn of(&self, address: &Address) -> Option<&NamedProxy> {
        let host = address.host();
        let excepted = |entry: &String| {
            let (name, port) = match entry.rsplit_once(':') {
                Some((name, port)) if !name.contains(':') => (name, port.parse::<u16>().ok()),
                _ => (entry.as_str(), None),
            };
            let same_host = name.is_empty()
                || host == name
                || host.strip_suffix(name).is_some_and(|before| before.ends_with('.'));
            same_host && port.is_none_or(|port| port == address.port())
        };
        let direct =
            (!address.is_https() && address.is_this_machine()) || self.exceptions.iter().any(excepted);
        let proxy = if address.is_https() { &self.encrypted } else { &self.plain };
        proxy.as_ref().filter(|_| !direct)
    }
}

/// The certificates in a PEM file.
pub(super) fn certificates(path: &Utf8Path) -> Result<RootCerts, NetworkError> {
    let pem = files::read(path).map_err(|source| NetworkError::Certificates { source })?;
    let certificates: Vec<_> = parse_pem(&pem)
        .filter_map(|item| match item {
            Ok(PemItem::Certificate(certificate)) => Some(certificate),
            _ => None,
        })
        .collect();
    if certificates.is_empty() {
        return Err(NetworkError::NoCertificate { path: path.to_owned() });
    }
    Ok(RootCerts::new_with_certs(&certificates))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn through(variables: &[(&str, &str)], url: &str) -> Option<String> {
        let proxies = Proxies::read(&Environment::of(variables, "/")).expect("a proxy that can be used");
        proxies.of(&Address::unencrypted(url).expect("an address")).map(|proxy| proxy.shown.clone())
    }

    #[test]
    fn the_proxy_is_used_for_every_host_that_is_not_excepted() {
        let variables = [
            ("HTTPS_PROXY", "http://me:secret@proxy.example:3128"),
            ("NO_PROXY", "intern.example, .own.example,*.star.example,10.0.0.1,ported.example:8443"),
        ];
        for (url, proxied) in [
            ("https://example.com/a", true),
            ("https://intern.example/a", false),
            ("https://a.intern.example/a", false),
            ("https://notintern.example/a", true),
            ("https://a.own.example/a", false),
            ("https://a.star.example/a", false),
            ("https://10.0.0.1/a", false),
            ("https://10.0.0.11/a", true),
            ("https://ported.example:8443/a", false),
            ("https://ported.example/a", true),
            ("http://127.0.0.1:8080/a", false),
        ] {
            assert_eq!(through(&variables, url).is_some(), proxied, "{url}");
        }
        assert_eq!(through(&variables, "https://example.com/a").as_deref(), Some("proxy.example:3128"));
    }

    #[test]
    fn plain_http_has_a_proxy_of_its_own() {
        let variables = [
            ("HTTPS_PROXY", "http://safe.example:1"),
            ("http_proxy", "http://plain.example:2"),
            ("NO_PROXY", "intern.example"),
        ];
        assert_eq!(through(&variables, "http://time.example/").as_deref(), Some("plain.example:2"));
        assert_eq!(through(&variables, "https://time.example/").as_deref(), Some("safe.example:1"));
        assert_eq!(through(&variables, "http://intern.example/"), None);
        assert_eq!(through(&variables[..1], "http://time.example/"), None);
    }

    #[test]
    fn a_star_excepts_every_host_and_nothing_excepts_none() {
        let star = [("ALL_PROXY", "proxy.example:3128"), ("NO_PROXY", "*")];
        assert_eq!(through(&star, "https://example.com/a"), None);
        let none = [("ALL_PROXY", "proxy.example:3128"), ("NO_PROXY", " , ")];
        assert_eq!(through(&none, "https://example.com/a").as_deref(), Some("proxy.example:3128"));
    }

    #[test]
    fn a_proxy_that_cannot_be_used_is_an_error_that_does_not_show_it() {
        let read =
            |value| Proxies::read(&Environment::of(&[("HTTPS_PROXY", value)], "/")).expect_err("unusable");
        assert_eq!(
            read("socks5://me:secret@proxy.example").to_string(),
            "use the proxy in HTTPS_PROXY: it is a SOCKS proxy, and only http and https proxies can be used"
        );
        assert_eq!(
            read("carrier-pigeon://me:secret@proxy.example").to_string(),
            "use the proxy in HTTPS_PROXY: it is not an address such as http://proxy.example:8080"
        );
    }
}
