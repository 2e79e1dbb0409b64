//! Keys at Google: the Cloud Key Management Service and its authorities, as a server on this machine.

use super::azure::fields;
use super::{How, Office, SECRET, USUAL, failure};
use crate::support::http::{Act, Request, Server, answer, ok, status};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use cargo_deploy::bench::clock;
use deploy_crypto::{Certificate, Hash};
use deploy_model::FailureClass;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

const KEY: &str =
    "projects/example/locations/europe-west3/keyRings/release/cryptoKeys/windows/cryptoKeyVersions/1";

fn refusal(status: &str, headers: &[&str], json: &Json) -> Vec<Act> {
    let text = json.to_string();
    answer(status, headers, text.len(), text.as_bytes())
}

fn json_ok(json: &Json) -> Vec<Act> {
    ok(&["Content-Type: application/json"], json.to_string().as_bytes())
}

/// The service with the key of that name. The service account signs with the key of `account.crt`.
fn service(
    office: &Office,
    name: &str,
    algorithm: &'static str,
    twist: impl Fn(&Request) -> Option<Vec<Act>> + Send + Sync + 'static,
) -> Server {
    let pem = String::from_utf8(office.public(name, "PEM")).expect("PEM");
    let key = office.private(name);
    let account = Certificate::from_der(&office.der("account")).expect("a certificate");
    Server::start(move |request, _| {
        if let Some(acts) = twist(request) {
            return acts;
        }
        match request.path.as_str() {
            "/token" => {
                let form = fields(request);
                assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:jwt-bearer");
                let host = request.header("host").expect("a host");
                check_assertion(&form["assertion"], &account, &format!("http://{host}/token"));
                return json_ok(&json!({ "access_token": format!("access-{SECRET}"), "expires_in": 3599 }));
            }
            "/sts" | "/v1/token" => {
                let form = fields(request);
                assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:token-exchange");
                assert_eq!(form["audience"], "//iam.googleapis.com/projects/1/providers/example");
                if form["subject_token"] != "identity-of-the-job" {
                    let said = format!("Unable to verify {}", form["subject_token"]);
                    let body = json!({ "error": "invalid_grant", "error_description": said });
                    return refusal("400 Bad Request", &[], &body);
                }
                let token = if form["subject_token_type"].ends_with(":jwt") { "federated" } else { "none" };
                return json_ok(&json!({ "access_token": token, "expires_in": 3600 }));
            }
            "/take" => {
                assert_eq!(request.header("authorization"), Some("Bearer federated"));
                assert_eq!(request.json()["lifetime"], "3600s");
                let taken = json!({ "accessToken": format!("access-{SECRET}"), "expireTime": "2100-01-01T00:00:00Z" });
                return json_ok(&taken);
            }
            "/oidc?v=1&audience=https%3A%2F%2Fiam.googleapis.com%2Fprojects%2F1%2Fproviders%2Fexample" => {
                return json_ok(&json!({ "value": "identity-of-the-job" }));
            }
            "/identity" => {
                assert_eq!(request.header("authorization"), Some("Bearer runtime-token"));
                return json_ok(&json!({ "value": "identity-of-the-job" }));
            }
            _ => {}
        }
        let authorization = request.header("authorization").unwrap_or_default();
        if authorization != format!("Bearer access-{SECRET}") && authorization != "Bearer federated" {
            let body =
                json!({ "error": { "code": 401, "status": "UNAUTHENTICATED", "message": "no token" } });
            return refusal("401 Unauthorized", &[], &body);
        }
        if request.path == format!("/v1/{KEY}/publicKey") {
            return json_ok(&json!({ "pem": pem, "algorithm": algorithm, "name": KEY }));
        }
        assert_eq!(request.path, format!("/v1/{KEY}:asymmetricSign"));
        let asked = request.json();
        let (name, digest) = asked["digest"].as_object().expect("a table").iter().next().expect("a digest");
        let digest = STANDARD.decode(digest.as_str().expect("a text")).expect("Base64");
        let made = key.sign(name.parse().expect("a hash"), &digest).expect("a signature");
        json_ok(&json!({ "signature": STANDARD.encode(made), "name": KEY }))
    })
}

/// Checks what a service account says of itself: it is signed by its key, for this authority, and of this hour.
fn check_assertion(assertion: &str, account: &Certificate, audience: &str) {
    let (signed, signature) = assertion.rsplit_once('.').expect("three parts");
    let signature = URL_SAFE_NO_PAD.decode(signature).expect("Base64");
    assert!(account.verifies(Hash::Sha256, &Hash::Sha256.digest(signed.as_bytes()), &signature));
    let (header, claims) = signed.split_once('.').expect("three parts");
    let part = |text| -> Json {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("Base64")).expect("JSON")
    };
    assert_eq!(part(header), json!({ "alg": "RS256", "typ": "JWT", "kid": "key-1" }));
    let claims = part(claims);
    assert_eq!(claims["iss"], "release@example.iam.gserviceaccount.com");
    assert_eq!(claims["scope"], "https://www.googleapis.com/auth/cloud-platform");
    assert_eq!(claims["aud"], audience);
    assert_eq!(claims["exp"].as_u64().expect("a moment"), claims["iat"].as_u64().expect("a moment") + 3600);
}

fn issued(assertion: &str) -> u64 {
    let claims = assertion.split('.').nth(1).expect("three parts");
    let claims: Json =
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(claims).expect("Base64")).expect("JSON");
    claims["iat"].as_u64().expect("a moment")
}

/// Writes the file of credentials of a service account.
fn of_service_account(office: &Office, server: &Server) {
    let key = String::from_utf8(office.openssl(&["pkcs8", "-topk8", "-nocrypt", "-in", "account.key"]))
        .expect("PEM");
    let file = json!({
        "type": "service_account",
        "project_id": "example",
        "private_key_id": "key-1",
        "private_key": key,
        "client_email": "release@example.iam.gserviceaccount.com",
        "token_uri": server.url("/token"),
    });
    std::fs::write(office.path("account.json"), file.to_string()).expect("write");
}

/// Writes the file of credentials of a workload.
fn of_workload(office: &Office, server: &Server, source: Json, takes: bool) {
    let mut file = json!({
        "type": "external_account",
        "audience": "//iam.googleapis.com/projects/1/providers/example",
        "subject_token_type": "urn:ietf:params:oauth:token-type:jwt",
        "token_url": server.url("/sts"),
        "credential_source": source,
    });
    if takes {
        let table = file.as_object_mut().expect("a table");
        table.insert("service_account_impersonation_url".to_owned(), server.url("/take").into());
    }
    std::fs::write(office.path("account.json"), file.to_string()).expect("write");
}

fn settings(server: &Server, certificate: &str) -> Json {
    json!({ "google-kms": KEY, "certificate": certificate, "endpoint": server.url("") })
}

const BY_FILE: [(&str, &str); 1] = [("GOOGLE_APPLICATION_CREDENTIALS", "account.json")];

const HOW: How<'static> = How { variables: &BY_FILE, ..USUAL };

/// An office with a service account, and with a key for each of these.
fn office(keys: &[(&str, &str)]) -> Option<Office> {
    let office = Office::new()?;
    office.issue("account", "rsa:2048");
    for (name, kind) in keys {
        office.issue(name, kind);
    }
    Some(office)
}

#[test]
fn the_service_signs_for_a_service_account() {
    let keys = [("rsa", "rsa:2048"), ("small", "P-256"), ("large", "P-384")];
    let Some(office) = office(&keys) else { return };
    for (name, algorithm, hash) in [
        ("rsa", "RSA_SIGN_PKCS1_2048_SHA256", Hash::Sha256),
        ("rsa", "RSA_SIGN_PKCS1_4096_SHA512", Hash::Sha512),
        ("small", "EC_SIGN_P256_SHA256", Hash::Sha256),
        ("large", "EC_SIGN_P384_SHA384", Hash::Sha384),
    ] {
        let server = service(&office, name, algorithm, |_| None);
        of_service_account(&office, &server);
        let key = office.opened(settings(&server, &format!("{name}.crt")), &How { hash, ..HOW });
        assert!(!server.requests().iter().any(|request| request.path.ends_with(":asymmetricSign")));
        office.signs(&*key, name, hash);
        office.signs(&*key, name, hash);
        assert_eq!(server.requests().len(), 4, "a token is asked for once");
    }
}

#[test]
fn the_service_signs_for_a_workload_of_another_platform() {
    let Some(office) = office(&[("small", "P-256")]) else { return };
    let server = service(&office, "small", "EC_SIGN_P256_SHA256", |_| None);
    std::fs::write(office.path("identity"), "identity-of-the-job\n").expect("write");
    std::fs::write(office.path("identity.json"), r#"{"token":"identity-of-the-job"}"#).expect("write");
    // As google-github-actions/auth writes it.
    let url = json!({
        "url": server.url("/identity"),
        "headers": { "Authorization": "Bearer runtime-token" },
        "format": { "type": "json", "subject_token_field_name": "value" },
    });
    let format = json!({ "type": "json", "subject_token_field_name": "token" });
    for (source, takes) in [
        (json!({ "file": "identity" }), true),
        (json!({ "file": "identity" }), false),
        (json!({ "file": "identity.json", "format": format }), true),
        (url, true),
    ] {
        of_workload(&office, &server, source, takes);
        let key = office.opened(settings(&server, "small.crt"), &HOW);
        office.signs(&*key, "small", Hash::Sha256);
    }
    // Without a file of credentials, in a job of GitHub Actions.
    let mut by_github = settings(&server, "small.crt");
    let table = by_github.as_object_mut().expect("a table");
    table.insert("workload-identity-provider".to_owned(), "projects/1/providers/example".into());
    table.insert("authority".to_owned(), server.url("").into());
    let (_, said) = office.refused(by_github.clone(), &HOW);
    assert!(said.ends_with("there is no identity token of GitHub Actions"), "{said}");
    let url = server.url("/oidc?v=1");
    let variables =
        [("ACTIONS_ID_TOKEN_REQUEST_URL", url.as_str()), ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runtime-token")];
    office.signs(&*office.opened(by_github, &How { variables: &variables, ..USUAL }), "small", Hash::Sha256);

    std::fs::write(office.path("identity"), SECRET).expect("write");
    of_workload(&office, &server, json!({ "file": "identity" }), true);
    let (finding, said) = office.refused(settings(&server, "small.crt"), &HOW);
    assert!(said.ends_with("it answers 400 Bad Request, invalid_grant: Unable to verify ***"), "{said}");
    assert_eq!(finding.class, FailureClass::Credentials);
}

#[test]
fn a_clock_that_is_wrong_is_set_by_that_of_the_authority() {
    let Some(office) = office(&[("small", "P-256")]) else { return };
    const THEIRS: u64 = 4_070_908_800; // 2099-01-01
    let server = service(&office, "small", "EC_SIGN_P256_SHA256", |request| {
        if request.path != "/token" || issued(&fields(request)["assertion"]).abs_diff(THEIRS) < 60 {
            return None;
        }
        let said =
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable timeframe.";
        let body = json!({ "error": "invalid_grant", "error_description": said });
        Some(refusal("400 Bad Request", &["Date: Thu, 01 Jan 2099 00:00:00 GMT"], &body))
    });
    of_service_account(&office, &server);
    office.signs(&*office.opened(settings(&server, "small.crt"), &HOW), "small", Hash::Sha256);
    assert!(clock::unix_seconds().abs_diff(THEIRS) > 60);

    // An account that is disabled is refused with the same code; nobody is asked for ever.
    let server = service(&office, "small", "EC_SIGN_P256_SHA256", |request| {
        let body =
            json!({ "error": "invalid_grant", "error_description": "Invalid grant: account not found" });
        (request.path == "/token").then(|| refusal("400 Bad Request", &[], &body))
    });
    of_service_account(&office, &server);
    let (finding, said) = office.refused(settings(&server, "small.crt"), &HOW);
    assert!(said.ends_with("invalid_grant: Invalid grant: account not found"), "{said}");
    assert_eq!((finding.class, server.requests().len()), (FailureClass::Credentials, 1));
}

#[test]
fn what_the_service_refuses_is_told() {
    let Some(office) = office(&[("small", "P-256"), ("other", "P-256"), ("rsa", "rsa:2048")]) else { return };
    for (status_line, code, class) in [
        ("403 Forbidden", "PERMISSION_DENIED", FailureClass::Credentials),
        ("404 Not Found", "NOT_FOUND", FailureClass::Configuration),
        ("400 Bad Request", "FAILED_PRECONDITION", FailureClass::Configuration),
        ("503 Service Unavailable", "UNAVAILABLE", FailureClass::Remote),
    ] {
        let server = service(&office, "small", "EC_SIGN_P256_SHA256", move |request| {
            let body =
                json!({ "error": { "code": 1, "status": code, "message": format!("not access-{SECRET}") } });
            request.path.ends_with("/publicKey").then(|| refusal(status_line, &[], &body))
        });
        of_service_account(&office, &server);
        let (finding, said) = office.refused(settings(&server, "small.crt"), &HOW);
        assert!(said.ends_with(&format!("it answers {status_line}, {code}: not ***")), "{said}");
        assert_eq!(finding.class, class);
    }
    let server = service(&office, "small", "EC_SIGN_P256_SHA256", |_| None);
    of_service_account(&office, &server);
    let (_, said) = office.refused(settings(&server, "other.crt"), &HOW);
    assert!(said.starts_with("keystore::certificate sign.windows.key.certificate: the certificate in \"other.crt\" is not that of the key"), "{said}");
    let (finding, said) = office.refused(settings(&server, "small.crt"), &How { hash: Hash::Sha384, ..HOW });
    assert!(said.ends_with("signs digests of sha256 only, and sha384 is asked for"), "{said}");
    assert_eq!(finding.help, "write `digest = \"sha256\"`");
    let (_, said) = office.refused(settings(&server, "small.crt"), &How { later: 21 * 86_400, ..HOW });
    assert!(said.contains("the certificate of Example small expired on "), "{said}");
    let (_, said) = office.refused(settings(&server, "small.crt"), &USUAL);
    assert!(said.ends_with("GOOGLE_APPLICATION_CREDENTIALS is not set"), "{said}");
    let unversioned = json!({ "google-kms": "projects/example/cryptoKeys/a", "certificate": "small.crt" });
    let (_, said) = office.refused(unversioned, &HOW);
    assert!(said.ends_with("is not the whole name of a version of a key"), "{said}");

    let server = service(&office, "rsa", "RSA_SIGN_PSS_2048_SHA256", |_| None);
    of_service_account(&office, &server);
    let (_, said) = office.refused(settings(&server, "rsa.crt"), &HOW);
    assert!(
        said.ends_with("is one for RSA_SIGN_PSS_2048_SHA256, which programs are not signed with"),
        "{said}"
    );
    for (text, expected) in [
        ("{}", "is not a file of credentials of Google"),
        (
            r#"{"type":"authorized_user"}"#,
            "has credentials of a person, and not of a service account or a workload",
        ),
    ] {
        std::fs::write(office.path("account.json"), text).expect("write");
        let (_, said) = office.refused(settings(&server, "rsa.crt"), &HOW);
        assert!(said.ends_with(expected), "{said}");
    }
}

#[test]
fn a_service_that_is_busy_is_asked_again_and_garbage_is_never_used() {
    let Some(office) = office(&[("small", "P-256")]) else { return };
    let signatures = Arc::new(AtomicUsize::new(0));
    let server = service(&office, "small", "EC_SIGN_P256_SHA256", {
        let signatures = Arc::clone(&signatures);
        move |request| {
            if !request.path.ends_with(":asymmetricSign") {
                return None;
            }
            match signatures.fetch_add(1, Ordering::SeqCst) {
                0 => Some(status("429 Too Many Requests", &["Retry-After: 1"])),
                1 => Some(status("500 Internal Server Error", &[])),
                _ => None,
            }
        }
    });
    of_service_account(&office, &server);
    office.signs(&*office.opened(settings(&server, "small.crt"), &HOW), "small", Hash::Sha256);
    assert_eq!(signatures.load(Ordering::SeqCst), 3);

    for (body, class) in [
        (r#"{"signature":"AAAA"}"#, FailureClass::Credentials),
        (r#"{"signature":"!"}"#, FailureClass::Remote),
        ("<html>", FailureClass::Remote),
    ] {
        let server = service(&office, "small", "EC_SIGN_P256_SHA256", move |request| {
            request.path.ends_with(":asymmetricSign").then(|| ok(&[], body.as_bytes()))
        });
        of_service_account(&office, &server);
        let (found, said) = failure(&*office.opened(settings(&server, "small.crt"), &HOW));
        assert_eq!(found, class, "{said}");
    }
}
