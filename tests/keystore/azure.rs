//! Keys at Microsoft: a vault and a signing account, with tokens of an authority, as a server on this machine.

use super::{How, Office, SECRET, USUAL, failure};
use crate::support::http::{Act, Request, Server, answer, ok, status};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use deploy_crypto::{Hash, PrivateKey};
use deploy_model::FailureClass;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// What is done with one request instead of the usual.
type Twist = dyn Fn(&Request) -> Option<Vec<Act>> + Send + Sync;

fn json_ok(json: &Json) -> Vec<Act> {
    ok(&["Content-Type: application/json"], json.to_string().as_bytes())
}

fn refusal(status: &str, json: &Json) -> Vec<Act> {
    let text = json.to_string();
    answer(status, &["Content-Type: application/json"], text.len(), text.as_bytes())
}

/// The fields of a form.
pub(super) fn fields(request: &Request) -> std::collections::BTreeMap<String, String> {
    let decoded = |text: &str| {
        let mut bytes = Vec::new();
        let mut rest = text.as_bytes();
        while let [first, tail @ ..] = rest {
            if *first == b'%' {
                let digits = std::str::from_utf8(&tail[..2]).expect("digits");
                bytes.push(u8::from_str_radix(digits, 16).expect("digits"));
                rest = &tail[2..];
            } else {
                bytes.push(*first);
                rest = tail;
            }
        }
        String::from_utf8(bytes).expect("UTF-8")
    };
    let text = request.text();
    text.split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decoded(name), decoded(value)))
        .collect()
}

/// The authority's answer to a request for a token, where it is one: the secret, or an identity token, must be right.
fn authority(request: &Request, scope: &str) -> Option<Vec<Act>> {
    if request.path.starts_with("/oidc?") {
        assert_eq!(request.path, "/oidc?v=1&audience=api%3A%2F%2FAzureADTokenExchange");
        assert_eq!(request.header("authorization"), Some("Bearer runtime-token"));
        return Some(json_ok(&json!({ "value": "identity-of-the-job" })));
    }
    if request.path != "/tenant/oauth2/v2.0/token" {
        return None;
    }
    let form = fields(request);
    assert_eq!(form["grant_type"], "client_credentials");
    assert_eq!(form["scope"], scope);
    let proven = match form.get("client_secret") {
        Some(secret) => secret == SECRET,
        None => {
            assert_eq!(
                form["client_assertion_type"],
                "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
            );
            ["identity-of-the-job", "identity-in-a-file"].contains(&form["client_assertion"].as_str())
        }
    };
    Some(if proven && form["client_id"] == "client" {
        json_ok(
            &json!({ "token_type": "Bearer", "expires_in": 3599, "access_token": format!("access-{SECRET}") }),
        )
    } else {
        let said = format!(
            "AADSTS7000215: Invalid client secret {} provided.\r\nTrace ID: 1",
            form["client_secret"]
        );
        refusal("401 Unauthorized", &json!({ "error": "invalid_client", "error_description": said }))
    })
}

fn is_allowed(request: &Request) -> bool {
    request.header("authorization") == Some(&format!("Bearer access-{SECRET}"))
}

/// The two plain numbers of a signature in DER.
fn numbers(signature: &[u8], length: usize) -> Vec<u8> {
    let mut rest = &signature[2..];
    let mut numbers = Vec::new();
    for _ in 0..2 {
        let (value, tail) = rest[2..].split_at(usize::from(rest[1]));
        let value: Vec<u8> = value.iter().copied().skip_while(|byte| *byte == 0).collect();
        numbers.extend(vec![0; length - value.len()]);
        numbers.extend(value);
        rest = tail;
    }
    numbers
}

/// A vault with the certificate and the key of that name.
pub(super) fn vault(
    office: &Office,
    name: &str,
    twist: impl Fn(&Request) -> Option<Vec<Act>> + Send + Sync + 'static,
) -> Server {
    let (cer, key) = (STANDARD.encode(office.der(name)), office.private(name));
    let twist: Box<Twist> = Box::new(twist);
    Server::start(move |request, _| {
        if let Some(acts) = twist(request).or_else(|| authority(request, "https://vault.azure.net/.default"))
        {
            return acts;
        }
        if !is_allowed(request) {
            return refusal(
                "401 Unauthorized",
                &json!({ "error": { "code": "Unauthorized", "message": "no token" } }),
            );
        }
        let host = request.header("host").expect("a host");
        match request.path.as_str() {
            "/certificates/release?api-version=7.4" => json_ok(&json!({
                "id": format!("http://{host}/certificates/release/0123"),
                "kid": format!("http://{host}/keys/release/0123"),
                "cer": cer,
                "attributes": { "enabled": true },
            })),
            "/keys/release/0123/sign?api-version=7.4" => {
                let asked = request.json();
                let value = asked["value"].as_str().expect("a digest");
                let digest = URL_SAFE_NO_PAD.decode(value).expect("Base64");
                json_ok(
                    &json!({ "kid": "", "value": URL_SAFE_NO_PAD.encode(made(&key, &asked["alg"], &digest)) }),
                )
            }
            _ => refusal(
                "404 Not Found",
                &json!({ "error": { "code": "CertificateNotFound", "message": "there is none" } }),
            ),
        }
    })
}

fn made(key: &PrivateKey, algorithm: &Json, digest: &[u8]) -> Vec<u8> {
    let (hash, length) = match algorithm.as_str().expect("an algorithm") {
        "RS256" => (Hash::Sha256, None),
        "RS512" => (Hash::Sha512, None),
        "ES256" => (Hash::Sha256, Some(32)),
        "ES384" => (Hash::Sha384, Some(48)),
        other => panic!("{other}"),
    };
    assert_eq!(digest.len(), hash.length());
    let signature = key.sign(hash, digest).expect("a signature");
    length.map_or(signature.clone(), |length| numbers(&signature, length))
}

fn vault_settings(server: &Server) -> Json {
    json!({ "azure-key-vault": server.url(""), "certificate": "release", "authority": server.url("") })
}

pub(super) const BY_SECRET: [(&str, &str); 3] =
    [("AZURE_TENANT_ID", "tenant"), ("AZURE_CLIENT_ID", "client"), ("AZURE_CLIENT_SECRET", SECRET)];

#[test]
fn a_vault_signs_for_a_secret_and_for_identity_tokens() {
    let Some(office) = Office::new() else { return };
    std::fs::write(office.path("identity"), "identity-in-a-file\n").expect("write");
    for (name, kind, hash) in [
        ("rsa", "rsa:2048", Hash::Sha256),
        ("rsa", "rsa:2048", Hash::Sha512),
        ("small", "P-256", Hash::Sha256),
        ("large", "P-384", Hash::Sha384),
    ] {
        office.issue(name, kind);
        let server = vault(&office, name, |_| None);
        let key = office.opened(vault_settings(&server), &How { variables: &BY_SECRET, hash, ..USUAL });
        let before = server.requests().len();
        office.signs(&*key, name, hash);
        office.signs(&*key, name, hash);
        assert_eq!(server.requests().len(), before + 2, "a token is asked for once");
    }
    let server = vault(&office, "rsa", |_| None);
    let by_file = [("AZURE_FEDERATED_TOKEN_FILE", "identity")];
    let url = server.url("/oidc?v=1");
    let by_github =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runtime-token")];
    for proof in [&by_file[..], &by_github[..]] {
        let variables = [&BY_SECRET[..2], proof].concat();
        let key = office.opened(vault_settings(&server), &How { variables: &variables, ..USUAL });
        office.signs(&*key, "rsa", Hash::Sha256);
    }
    let mut written = vault_settings(&server);
    let table = written.as_object_mut().expect("a table");
    table.extend(
        [("tenant", "tenant"), ("client", "client"), ("client-secret-env", "OWN")]
            .map(|(name, value)| (name.to_owned(), value.into())),
    );
    let key = office.opened(written, &How { variables: &[("OWN", SECRET)], ..USUAL });
    office.signs(&*key, "rsa", Hash::Sha256);
}

#[test]
fn who_asks_must_be_said_and_be_right() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    let server = vault(&office, "small", |_| None);
    let (finding, said) = office.refused(vault_settings(&server), &USUAL);
    assert_eq!(
        said,
        "keystore::service sign.windows.key.azure-key-vault: failed to get a token from Microsoft Entra ID: AZURE_TENANT_ID \
         and AZURE_CLIENT_ID are not set"
    );
    assert_eq!(finding.class, FailureClass::Credentials);
    assert_eq!(server.requests(), []);
    let (_, said) = office.refused(vault_settings(&server), &How { variables: &BY_SECRET[..2], ..USUAL });
    assert!(said.ends_with("AZURE_CLIENT_SECRET is not set"), "{said}");

    // The service repeats the wrong secret, and it is not shown for all that.
    let wrong = format!("{SECRET}!");
    let variables = [BY_SECRET[0], BY_SECRET[1], ("AZURE_CLIENT_SECRET", wrong.as_str())];
    let (finding, said) = office.refused(vault_settings(&server), &How { variables: &variables, ..USUAL });
    assert_eq!(finding.class, FailureClass::Credentials);
    assert!(
        said.ends_with(
            "it answers 401 Unauthorized, invalid_client: AADSTS7000215: Invalid client secret *** provided."
        ),
        "{said}"
    );
    let (finding, said) =
        office.refused(vault_settings(&server), &How { offline: true, variables: &BY_SECRET, ..USUAL });
    assert!(said.ends_with("the key is at a service, and nothing may be asked for offline"), "{said}");
    assert_eq!(finding.class, FailureClass::Configuration);
}

#[test]
fn what_a_vault_refuses_is_told_before_anything_is_compiled() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    let how = How { variables: &BY_SECRET, ..USUAL };
    let of_certificate = |request: &Request| request.path.starts_with("/certificates/");
    for (status_line, code, class) in [
        ("403 Forbidden", "Forbidden", FailureClass::Credentials),
        ("404 Not Found", "CertificateNotFound", FailureClass::Configuration),
        ("500 Internal Server Error", "Oops", FailureClass::Remote),
        ("503 Service Unavailable", "Busy", FailureClass::Remote),
    ] {
        let server = vault(&office, "small", move |request| {
            let body = json!({ "error": { "code": code, "message": format!("not for access-{SECRET}") } });
            of_certificate(request).then(|| refusal(status_line, &body))
        });
        let (finding, said) = office.refused(vault_settings(&server), &how);
        assert!(said.ends_with(&format!("it answers {status_line}, {code}: not for ***")), "{said}");
        assert_eq!(finding.class, class);
    }
    for (body, expected) in [
        ("<html>", "the answer is not JSON"),
        ("{}", "the answer lacks something, or has it in another form (line 1, column 2)"),
        (
            r#"{"kid":"https://elsewhere.example/keys/a/1","cer":""}"#,
            "the answer names a key of another vault",
        ),
        (r#"{"kid":"ftp://a","cer":""}"#, "the answer names a key without an address"),
    ] {
        let server =
            vault(&office, "small", move |request| of_certificate(request).then(|| ok(&[], body.as_bytes())));
        let (finding, said) = office.refused(vault_settings(&server), &how);
        assert!(said.ends_with(expected), "{said}");
        assert_eq!(finding.class, FailureClass::Remote);
    }
    let server = vault(&office, "small", |_| None);
    let (_, said) =
        office.refused(vault_settings(&server), &How { later: 21 * 86_400, variables: &BY_SECRET, ..USUAL });
    assert!(
        said.starts_with("keystore::certificate sign.windows.key: the certificate of Example small expired"),
        "{said}"
    );
    let (_, said) =
        office.refused(vault_settings(&server), &How { hash: Hash::Sha512, variables: &BY_SECRET, ..USUAL });
    assert_eq!(
        said,
        "keystore::key sign.windows.key: the service signs no digests of sha512 with a key of ECDSA over P-256"
    );
    let (finding, said) =
        office.refused(json!({ "azure-key-vault": "http://vault.example", "certificate": "a" }), &how);
    assert!(said.ends_with("it is an address which is not encrypted: use https"), "{said}");
    assert_eq!(finding.class, FailureClass::Configuration);
}

#[test]
fn a_vault_that_is_busy_is_asked_again_and_a_withdrawn_token_is_renewed() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    let signatures = Arc::new(AtomicUsize::new(0));
    let server = vault(&office, "small", {
        let signatures = Arc::clone(&signatures);
        move |request| {
            if !request.path.contains("/sign?") {
                return None;
            }
            match signatures.fetch_add(1, Ordering::SeqCst) {
                0 => Some(status("429 Too Many Requests", &["Retry-After: 1"])),
                1 => Some(status("502 Bad Gateway", &[])),
                2 => Some(refusal(
                    "401 Unauthorized",
                    &json!({ "error": { "code": "Unauthorized", "message": "expired" } }),
                )),
                _ => None,
            }
        }
    });
    let key = office.opened(vault_settings(&server), &How { variables: &BY_SECRET, ..USUAL });
    assert_eq!(signatures.load(Ordering::SeqCst), 0, "opening spends no signature");
    office.signs(&*key, "small", Hash::Sha256);
    let tokens = server.requests().iter().filter(|request| request.path.ends_with("/token")).count();
    assert_eq!(tokens, 2);
}

#[test]
fn garbage_for_a_signature_is_never_used() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    for (value, class, expected) in [
        ("", FailureClass::Remote, "the answer has a signature that is none"),
        ("AAECAwQ", FailureClass::Remote, "the answer has a signature that is none"),
        ("AAECAw", FailureClass::Credentials, "is this the certificate of the key?"),
    ] {
        let server = vault(&office, "small", move |request| {
            request.path.contains("/sign?").then(|| json_ok(&json!({ "value": value })))
        });
        let key = office.opened(vault_settings(&server), &How { variables: &BY_SECRET, ..USUAL });
        let (found, said) = failure(&*key);
        assert!(said.ends_with(expected), "{said}");
        assert_eq!(found, class);
    }
}

/// A signing account whose certificate is `first` until a signature was made, and then `then`.
fn account(
    office: &Office,
    first: &str,
    then: &str,
    twist: impl Fn(&Request) -> Option<Vec<Act>> + Send + Sync + 'static,
) -> Server {
    let bundle = |name: &str| {
        let certificate = format!("{name}.crt");
        let arguments =
            ["crl2pkcs7", "-nocrl", "-certfile", &certificate, "-certfile", "root.crt", "-outform", "DER"];
        office.openssl(&arguments)
    };
    let (before, after, key) = (bundle(first), bundle(then), office.private(then));
    let made_signature = std::sync::Mutex::new(String::new());
    let twist: Box<Twist> = Box::new(twist);
    let polls = AtomicUsize::new(0);
    Server::start(move |request, _| {
        if let Some(acts) =
            twist(request).or_else(|| authority(request, "https://codesigning.azure.net/.default"))
        {
            return acts;
        }
        if !is_allowed(request) {
            return status("401 Unauthorized", &[]);
        }
        let (path, query) = request.path.split_once('?').expect("a query");
        assert_eq!(query, "api-version=2022-06-15-preview");
        let rest = path.strip_prefix("/codesigningaccounts/ex%20ample/certificateprofiles/release/sign");
        match (request.method.as_str(), rest) {
            ("GET", Some("/certchain")) => ok(&["Content-Type: application/pkcs7-mime"], &before),
            ("POST", Some("")) => {
                let asked = request.json();
                let digest = STANDARD.decode(asked["digest"].as_str().expect("a digest")).expect("Base64");
                *made_signature.lock().expect("no panic") =
                    STANDARD.encode(made(&key, &asked["signatureAlgorithm"], &digest));
                let body = json!({ "operationId": "op-1", "status": "InProgress" });
                refusal("202 Accepted", &body)
            }
            ("GET", Some("/op-1")) if polls.fetch_add(1, Ordering::SeqCst) < 2 => {
                json_ok(&json!({ "operationId": "op-1", "status": "InProgress" }))
            }
            ("GET", Some("/op-1")) => {
                let lines: Vec<String> = STANDARD
                    .encode(&after)
                    .as_bytes()
                    .chunks(64)
                    .map(|line| String::from_utf8_lossy(line).into_owned())
                    .collect();
                json_ok(&json!({
                    "operationId": "op-1",
                    "status": "Succeeded",
                    "signature": *made_signature.lock().expect("no panic"),
                    "signingCertificate": STANDARD.encode(lines.join("\r\n")),
                }))
            }
            _ => {
                let errors = json!({ "errorDetail": { "code": "NotFound", "message": "no such profile" } });
                refusal("404 Not Found", &errors)
            }
        }
    })
}

fn account_settings(server: &Server, profile: &str) -> Json {
    json!({
        "azure-artifact-signing": format!("{}/", server.url("")),
        "account": "ex ample",
        "profile": profile,
        "authority": server.url(""),
    })
}

#[test]
fn a_signing_account_signs_with_the_certificate_that_it_has_at_that_moment() {
    let Some(office) = Office::new() else { return };
    office.issue("yesterday", "rsa:2048");
    office.issue("today", "rsa:2048");
    let how = How { variables: &BY_SECRET, ..USUAL };
    let server = account(&office, "yesterday", "today", |_| None);
    let key = office.opened(account_settings(&server, "release"), &how);
    assert_eq!(key.identity(), format!("{}/ex ample/release", server.authority()));
    assert_eq!(key.chain()[0].name(), "Example yesterday");
    let submitted = |server: &Server| {
        server
            .requests()
            .iter()
            .filter(|request| request.method == "POST" && request.path.contains("/sign?"))
            .count()
    };
    assert_eq!(submitted(&server), 0, "opening spends no signature");

    let digest = Hash::Sha256.digest(b"a program");
    let signature = key.sign(Hash::Sha256, &digest).expect("a signature");
    let chain = signature.chain.expect("the chain of that moment");
    assert_eq!(chain.iter().map(|one| one.name()).collect::<Vec<_>>(), ["Example today", "Example Root"]);
    office.verified("today", Hash::Sha256, &digest, &signature.bytes);
    assert_eq!(submitted(&server), 1);
}

#[test]
fn a_signing_account_that_does_not_sign_says_why() {
    let Some(office) = Office::new() else { return };
    office.issue("today", "rsa:2048");
    let how = How { variables: &BY_SECRET, ..USUAL };
    let server = account(&office, "today", "today", |_| None);
    let (finding, said) = office.refused(account_settings(&server, "absent"), &how);
    assert!(said.ends_with("it answers 404 Not Found, NotFound: no such profile"), "{said}");
    assert_eq!(finding.class, FailureClass::Configuration);
    let server = account(&office, "today", "today", |request| {
        request.path.contains("/certchain").then(|| ok(&[], b"garbage"))
    });
    let (_, said) = office.refused(account_settings(&server, "release"), &how);
    assert!(said.ends_with("the answer has no certificates"), "{said}");

    for (body, expected) in [
        (
            json!({ "operationId": "op-1", "status": "Failed", "errorDetail": { "message": "no quota" } }),
            "the answer says that the operation ended as Failed: no quota",
        ),
        (json!({ "operationId": "op-1", "status": "Succeeded" }), "the answer has no signature"),
        (
            json!({ "operationId": "op-1", "status": "Succeeded", "signature": "AAAA", "signingCertificate": "AAAA" }),
            "the answer has certificates that are none",
        ),
        (
            json!({ "operationId": "op-1" }),
            "the answer lacks something, or has it in another form (line 1, column 22)",
        ),
    ] {
        let server = account(&office, "today", "today", move |request| {
            request.path.contains("/op-1?").then(|| json_ok(&body))
        });
        let (class, said) = failure(&*office.opened(account_settings(&server, "release"), &how));
        assert!(said.ends_with(expected), "{said}");
        assert_eq!(class, FailureClass::Remote);
    }
    let server = account(&office, "today", "today", |request| {
        (request.method == "POST" && request.path.contains("/sign?")).then(|| status("403 Forbidden", &[]))
    });
    let (class, said) = failure(&*office.opened(account_settings(&server, "release"), &how));
    assert!(said.ends_with("it answers 403 Forbidden"), "{said}");
    assert_eq!(class, FailureClass::Credentials);
}
