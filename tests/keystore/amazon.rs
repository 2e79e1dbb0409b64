//! Keys at Amazon: the Key Management Service and the service that lends keys, as a server on this machine.

use super::azure::fields;
use super::{How, Office, SECRET, USUAL, failure};
use crate::support::http::{Act, Request, Server, answer, ok, status};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use deploy_crypto::Hash;
use deploy_model::FailureClass;
use serde_json::{Value as Json, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

fn refusal(status: &str, headers: &[&str], json: &Json) -> Vec<Act> {
    let text = json.to_string();
    answer(status, headers, text.len(), text.as_bytes())
}

/// The service with the key of that name, for those who sign their requests with the access key `id`.
fn service(
    office: &Office,
    name: &str,
    id: &'static str,
    twist: impl Fn(&Request) -> Option<Vec<Act>> + Send + Sync + 'static,
) -> Server {
    let (public, key) = (STANDARD.encode(office.public(name, "DER")), office.private(name));
    Server::start(move |request, _| {
        if let Some(acts) = twist(request) {
            return acts;
        }
        let authorization = request.header("authorization").unwrap_or_default();
        let date = request.header("x-amz-date").unwrap_or_default();
        let scope = format!("Credential={id}/{}/eu-central-1/kms/aws4_request, ", &date[..8]);
        if !authorization.contains(&scope) {
            let body = json!({ "__type": "UnrecognizedClientException", "message": format!("no {SECRET}") });
            return refusal("400 Bad Request", &[], &body);
        }
        assert!(authorization.starts_with("AWS4-HMAC-SHA256 "));
        assert!(authorization.contains("SignedHeaders=content-type;host;x-amz-date;"), "{authorization}");
        assert_eq!(request.header("content-type"), Some("application/x-amz-json-1.1"));
        let asked = request.json();
        assert_eq!(asked["KeyId"], "alias/release");
        match request.header("x-amz-target") {
            Some("TrentService.GetPublicKey") => {
                let found = json!({ "KeyId": "arn", "PublicKey": public, "KeyUsage": "SIGN_VERIFY" });
                ok(&[], found.to_string().as_bytes())
            }
            Some("TrentService.Sign") => {
                assert_eq!(asked["MessageType"], "DIGEST");
                let hash = match asked["SigningAlgorithm"].as_str().expect("an algorithm") {
                    "RSASSA_PKCS1_V1_5_SHA_256" | "ECDSA_SHA_256" => Hash::Sha256,
                    "ECDSA_SHA_384" => Hash::Sha384,
                    other => panic!("{other}"),
                };
                let digest = STANDARD.decode(asked["Message"].as_str().expect("a digest")).expect("Base64");
                let signature = STANDARD.encode(key.sign(hash, &digest).expect("a signature"));
                ok(&[], json!({ "KeyId": "arn", "Signature": signature }).to_string().as_bytes())
            }
            other => panic!("{other:?}"),
        }
    })
}

fn settings(server: &Server, certificate: &str) -> Json {
    json!({
        "aws-kms": "alias/release",
        "certificate": certificate,
        "region": "eu-central-1",
        "endpoint": server.url("/"),
    })
}

const BY_KEY: [(&str, &str); 2] = [("AWS_ACCESS_KEY_ID", "AKIAEXAMPLE"), ("AWS_SECRET_ACCESS_KEY", SECRET)];

#[test]
fn the_service_signs_for_an_access_key() {
    let Some(office) = Office::new() else { return };
    for (name, kind, hash) in [
        ("rsa", "rsa:2048", Hash::Sha256),
        ("small", "P-256", Hash::Sha256),
        ("large", "P-384", Hash::Sha384),
    ] {
        office.issue(name, kind);
        let server = service(&office, name, "AKIAEXAMPLE", |_| None);
        let how = How { variables: &BY_KEY, hash, ..USUAL };
        let key = office.opened(settings(&server, &format!("{name}.crt")), &how);
        let targets: Vec<_> = server
            .requests()
            .iter()
            .map(|request| request.header("x-amz-target").map(str::to_owned))
            .collect();
        assert_eq!(targets, [Some("TrentService.GetPublicKey".to_owned())], "opening spends no signature");
        office.signs(&*key, name, hash);
    }
    let server = service(&office, "small", "AKIAEXAMPLE", |request| {
        assert_eq!(request.header("x-amz-security-token"), Some("session"));
        let names = "SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target,";
        assert!(request.header("authorization").is_some_and(|it| it.contains(names)));
        None
    });
    let variables = [BY_KEY[0], BY_KEY[1], ("AWS_SESSION_TOKEN", "session")];
    let key = office.opened(settings(&server, "small.crt"), &How { variables: &variables, ..USUAL });
    office.signs(&*key, "small", Hash::Sha256);
}

/// The service that lends keys, before the other one.
fn lending(office: &Office, name: &str) -> Server {
    service(office, name, "ASIALENT", |request| {
        if request.path.starts_with("/oidc?") {
            assert_eq!(request.path, "/oidc?v=1&audience=sts.amazonaws.com");
            return Some(ok(&[], br#"{"value":"identity-of-the-job"}"#));
        }
        let form = fields(request);
        if form.get("Action").map(String::as_str) != Some("AssumeRoleWithWebIdentity") {
            return None;
        }
        assert_eq!(form["Version"], "2011-06-15");
        assert_eq!(form["RoleArn"], "arn:aws:iam::123456789012:role/release");
        if !["identity-of-the-job", "identity-in-a-file"].contains(&form["WebIdentityToken"].as_str()) {
            let body = format!(
                "<ErrorResponse><Error><Type>Sender</Type><Code>InvalidIdentityToken</Code>\
                 <Message>No provider for {}</Message></Error></ErrorResponse>",
                form["WebIdentityToken"]
            );
            return Some(answer("400 Bad Request", &[], body.len(), body.as_bytes()));
        }
        let body = format!(
            "<AssumeRoleWithWebIdentityResponse><AssumeRoleWithWebIdentityResult><Credentials>\
             <AccessKeyId>ASIALENT</AccessKeyId><SecretAccessKey>{SECRET}</SecretAccessKey>\
             <SessionToken>session</SessionToken><Expiration>2100-01-01T00:00:00Z</Expiration></Credentials>\
             </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>"
        );
        Some(ok(&[], body.as_bytes()))
    })
}

#[test]
fn a_key_is_lent_for_an_identity_token() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    std::fs::write(office.path("identity"), "identity-in-a-file\n").expect("write");
    std::fs::write(office.path("wrong"), SECRET).expect("write");
    let server = lending(&office, "small");
    let (sts, oidc) = (server.url("/"), server.url("/oidc?v=1"));
    let role = ("AWS_ROLE_ARN", "arn:aws:iam::123456789012:role/release");
    let sts = ("AWS_ENDPOINT_URL_STS", sts.as_str());
    let by_file = [role, sts, ("AWS_WEB_IDENTITY_TOKEN_FILE", "identity")];
    let by_github = [
        role,
        sts,
        ("ACTIONS_ID_TOKEN_REQUEST_URL", oidc.as_str()),
        ("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "runtime-token"),
    ];
    for variables in [&by_file[..], &by_github[..]] {
        let before = server.requests().len();
        let key = office.opened(settings(&server, "small.crt"), &How { variables, ..USUAL });
        office.signs(&*key, "small", Hash::Sha256);
        let lent = server.requests()[before..]
            .iter()
            .filter(|request| request.text().contains("AssumeRoleWithWebIdentity"))
            .count();
        assert_eq!(lent, 1, "a key is lent once");
    }
    let wrong = [role, sts, ("AWS_WEB_IDENTITY_TOKEN_FILE", "wrong")];
    let (finding, said) = office.refused(settings(&server, "small.crt"), &How { variables: &wrong, ..USUAL });
    assert!(
        said.ends_with("it answers 400 Bad Request, InvalidIdentityToken: No provider for ***"),
        "{said}"
    );
    assert_eq!(finding.class, FailureClass::Credentials);
    let (_, said) = office.refused(settings(&server, "small.crt"), &How { variables: &[role], ..USUAL });
    assert!(said.ends_with("there is no identity token to take it with"), "{said}");
}

#[test]
fn a_clock_that_is_wrong_is_set_by_that_of_the_service() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    for code in ["InvalidSignatureException", "RequestTimeTooSkewed"] {
        let server = service(&office, "small", "AKIAEXAMPLE", move |request| {
            // The service lives in the year 2099.
            let date = request.header("x-amz-date").expect("a date");
            (!date.starts_with("20990101T0000")).then(|| {
                let body = json!({ "__type": code, "message": "Signature expired" });
                refusal("400 Bad Request", &["Date: Thu, 01 Jan 2099 00:00:00 GMT"], &body)
            })
        });
        let key = office.opened(settings(&server, "small.crt"), &How { variables: &BY_KEY, ..USUAL });
        office.signs(&*key, "small", Hash::Sha256);
        assert_eq!(server.requests().len(), 3, "the clock is learnt once");
    }
    // A service that is never content is not asked for ever.
    let server = service(&office, "small", "AKIAEXAMPLE", |_| {
        let body = json!({ "__type": "InvalidSignatureException", "message": "The request signature does not match" });
        Some(refusal("400 Bad Request", &["Date: Thu, 01 Jan 2099 00:00:00 GMT"], &body))
    });
    let (finding, said) =
        office.refused(settings(&server, "small.crt"), &How { variables: &BY_KEY, ..USUAL });
    assert!(said.ends_with("InvalidSignatureException: The request signature does not match"), "{said}");
    assert_eq!((finding.class, server.requests().len()), (FailureClass::Credentials, 2));
}

#[test]
fn what_the_service_refuses_is_told() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    office.issue("other", "P-256");
    let how = How { variables: &BY_KEY, ..USUAL };
    for (status_line, code, class) in [
        ("400 Bad Request", "AccessDeniedException", FailureClass::Credentials),
        ("400 Bad Request", "ExpiredTokenException", FailureClass::Credentials),
        ("400 Bad Request", "NotFoundException", FailureClass::Configuration),
        ("400 Bad Request", "ThrottlingException", FailureClass::Remote),
        ("500 Internal Server Error", "KMSInternalException", FailureClass::Remote),
    ] {
        let server = service(&office, "small", "AKIAEXAMPLE", move |_| {
            let body = json!({ "__type": format!("com.amazonaws.kms#{code}"), "message": SECRET });
            Some(refusal(status_line, &[], &body))
        });
        let (finding, said) = office.refused(settings(&server, "small.crt"), &how);
        assert!(said.ends_with(&format!("it answers {status_line}, {code}: ***")), "{said}");
        assert_eq!(finding.class, class, "{code}");
    }
    let server = service(&office, "small", "AKIAOTHER", |_| None);
    let (_, said) = office.refused(settings(&server, "small.crt"), &how);
    assert!(said.ends_with("it answers 400 Bad Request, UnrecognizedClientException: no ***"), "{said}");

    let server = service(&office, "small", "AKIAEXAMPLE", |_| None);
    let (_, said) = office.refused(settings(&server, "other.crt"), &how);
    assert_eq!(
        said,
        "keystore::certificate sign.windows.key.certificate: the certificate in \"other.crt\" is not that of the key \
         alias/release"
    );
    let (_, said) = office
        .refused(settings(&server, "small.crt"), &How { later: 21 * 86_400, variables: &BY_KEY, ..USUAL });
    assert!(said.contains("the certificate of Example small expired on "), "{said}");
    let (_, said) = office.refused(settings(&server, "small.crt"), &USUAL);
    assert!(
        said.ends_with("neither AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY nor AWS_ROLE_ARN are set"),
        "{said}"
    );
    let unknown = json!({ "aws-kms": "alias/release", "certificate": "small.crt" });
    let (_, said) = office.refused(unknown, &how);
    assert!(said.ends_with("nothing says in which region the key is"), "{said}");
}

#[test]
fn a_service_that_is_busy_is_asked_again_and_garbage_is_never_used() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    let signatures = Arc::new(AtomicUsize::new(0));
    let server = service(&office, "small", "AKIAEXAMPLE", {
        let signatures = Arc::clone(&signatures);
        move |request| {
            if request.header("x-amz-target") != Some("TrentService.Sign") {
                return None;
            }
            match signatures.fetch_add(1, Ordering::SeqCst) {
                0 => Some(status("429 Too Many Requests", &["Retry-After: 1"])),
                1 => Some(vec![Act::Reset]),
                // The service says so with a status that means something else.
                2 => {
                    let body = json!({ "__type": "ThrottlingException", "message": "too many" });
                    Some(refusal("400 Bad Request", &[], &body))
                }
                _ => None,
            }
        }
    });
    let how = How { variables: &BY_KEY, ..USUAL };
    office.signs(&*office.opened(settings(&server, "small.crt"), &how), "small", Hash::Sha256);
    assert_eq!(signatures.load(Ordering::SeqCst), 4);

    let server = service(&office, "small", "AKIAEXAMPLE", |request| {
        let is_sign = request.header("x-amz-target") == Some("TrentService.Sign");
        is_sign.then(|| ok(&[], br#"{"Signature":"AAAA"}"#))
    });
    let (class, said) = failure(&*office.opened(settings(&server, "small.crt"), &how));
    assert!(said.ends_with("is this the certificate of the key?"), "{said}");
    assert_eq!(class, FailureClass::Credentials);
}
