//! Keys in files and variables, and what every certificate must be.

use super::{How, SECRET, USUAL};
use crate::support::office::Office;
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::keystore::{self, KeySettings};
use deploy_crypto::Hash;
use deploy_model::FailureClass;
use serde_json::json;

#[test]
fn a_pfx_file_signs_with_its_password() {
    let Some(office) = Office::new() else { return };
    for (name, kind, hash) in [
        ("rsa", "rsa:2048", Hash::Sha256),
        ("small", "P-256", Hash::Sha256),
        ("large", "P-384", Hash::Sha384),
    ] {
        office.issue(name, kind);
        office.export(name, SECRET, &["-certfile", "root.crt"]);
        let settings = json!({ "pfx": format!("{name}.pfx"), "password-env": "PFX_PASSWORD" });
        // A line break behind it, as it comes of `echo` into a secret.
        let password = format!("{SECRET}\n");
        let how = How { variables: &[("PFX_PASSWORD", &password)], hash, ..USUAL };
        let key = office.opened(settings, &how);
        office.signs(&*key, name, hash);
        assert_eq!(key.chain().len(), 2, "the authority came with it");
        assert!(
            keystore::found(&*key).starts_with(&format!("Example {name}, ")),
            "{}",
            keystore::found(&*key)
        );
    }
}

#[test]
fn a_pfx_file_in_a_variable_is_its_path_or_its_content() {
    let Some(office) = Office::new() else { return };
    office.issue("rsa", "rsa:2048");
    office.export("rsa", SECRET, &[]);
    let path = office.path("rsa.pfx");
    let path = path.to_str().expect("UTF-8");
    let content = String::from_utf8(office.openssl(&["base64", "-in", "rsa.pfx"])).expect("Base64");
    let in_one_line: String = content.split_whitespace().collect();
    for value in [
        path,
        "rsa.pfx",
        &format!("file://{path}"),
        &content,
        &in_one_line,
        &format!("data:application/x-pkcs12;base64,{in_one_line}"),
    ] {
        let variables = [("WIN_CSC_LINK", value), ("WIN_CSC_KEY_PASSWORD", SECRET)];
        let KeySettings(settings) =
            KeySettings::of_variables(&Environment::of(&variables, "/")).expect("a key");
        let key = office.opened(settings, &How { variables: &variables, ..USUAL });
        office.signs(&*key, "rsa", Hash::Sha256);
    }
    for (value, expected) in [
        ("https://example.com/rsa.pfx", "holds an address of https, and keys are not fetched"),
        ("absent.pfx", "holds neither the path of a file that is there nor a key in Base64"),
        ("aGVsbG8=", "holds neither the path of a file that is there nor a key in Base64"),
    ] {
        let variables = [("LINK", value)];
        let (_, said) = office.refused(json!({ "pfx-env": "LINK" }), &How { variables: &variables, ..USUAL });
        assert_eq!(said, format!("keystore::missing sign.windows.key.pfx-env: the variable LINK {expected}"));
    }
}

#[test]
fn the_variables_of_other_tools_say_a_key_where_the_manifest_says_none() {
    let of = |variables: &[(&str, &str)]| {
        KeySettings::of_variables(&Environment::of(variables, "/")).map(|KeySettings(settings)| settings)
    };
    assert_eq!(of(&[]), None);
    assert_eq!(of(&[("CSC_LINK", "a")]), Some(json!({ "pfx-env": "CSC_LINK" })));
    assert_eq!(
        of(&[("WIN_CSC_LINK", "a"), ("CSC_LINK", "b"), ("CSC_KEY_PASSWORD", "c")]),
        Some(json!({ "pfx-env": "WIN_CSC_LINK", "password-env": "CSC_KEY_PASSWORD" }))
    );
    let described = KeySettings(json!({ "pfx-env": "CSC_LINK" })).describe();
    assert_eq!(described, "the PKCS #12 file in CSC_LINK");
}

#[test]
fn a_wrong_password_is_told_and_never_shown() {
    let Some(office) = Office::new() else { return };
    office.issue("rsa", "rsa:2048");
    office.export("rsa", SECRET, &[]);
    let settings = json!({ "pfx": "rsa.pfx", "password-env": "PFX_PASSWORD" });
    let wrong = format!("{SECRET}!");
    let (finding, said) =
        office.refused(settings.clone(), &How { variables: &[("PFX_PASSWORD", &wrong)], ..USUAL });
    assert_eq!(
        said,
        "keystore::secret sign.windows.key.password-env: failed to open the PKCS #12 file: the password is wrong"
    );
    assert_eq!(finding.class, FailureClass::Credentials);
    let (_, said) = office.refused(settings, &USUAL);
    assert_eq!(
        said,
        "keystore::secret sign.windows.key.password-env: the variable PFX_PASSWORD, which should hold the password of \
         the key, is not set"
    );
    let (_, said) = office.refused(json!({ "pfx": "rsa.pfx" }), &USUAL);
    assert_eq!(
        said,
        "keystore::secret sign.windows.key.pfx: failed to open the PKCS #12 file: it is protected by a password, and none \
         was given"
    );
    let (_, said) = office.refused(json!({ "pfx": "absent.pfx" }), &USUAL);
    assert_eq!(said, "keystore::missing sign.windows.key.pfx: the file \"absent.pfx\" is not there");
    std::fs::write(office.path("text.pfx"), "no key").expect("write");
    let (_, said) = office.refused(json!({ "pfx": "text.pfx" }), &USUAL);
    assert!(
        said.starts_with("keystore::key sign.windows.key.pfx: failed to open the PKCS #12 file"),
        "{said}"
    );
}

#[test]
fn a_pem_key_signs_with_its_certificate_beside_it_or_in_it() {
    let Some(office) = Office::new() else { return };
    office.issue("rsa", "rsa:2048");
    office.issue("other", "rsa:2048");
    let beside = json!({ "pem": "rsa.key", "certificate": "rsa.crt" });
    office.signs(&*office.opened(beside, &USUAL), "rsa", Hash::Sha512);

    let key = std::fs::read_to_string(office.path("rsa.key")).expect("read");
    let certificate = std::fs::read_to_string(office.path("rsa.crt")).expect("read");
    std::fs::write(office.path("both.pem"), format!("{key}{certificate}")).expect("write");
    office.signs(&*office.opened(json!({ "pem": "both.pem" }), &USUAL), "rsa", Hash::Sha256);
    let variables = [("SIGNING_KEY", key.as_str())];
    let settings = json!({ "pem-env": "SIGNING_KEY", "certificate": "rsa.crt" });
    office.signs(&*office.opened(settings, &How { variables: &variables, ..USUAL }), "rsa", Hash::Sha256);

    let password = format!("pass:{SECRET}");
    office.openssl(&["pkey", "-in", "rsa.key", "-aes256", "-passout", &password, "-out", "locked.key"]);
    let locked = json!({ "pem": "locked.key", "certificate": "rsa.crt", "password-env": "KEY_PASSWORD" });
    let how = How { variables: &[("KEY_PASSWORD", SECRET)], ..USUAL };
    office.signs(&*office.opened(locked.clone(), &how), "rsa", Hash::Sha256);
    let wrong = format!("{SECRET}!");
    let (_, said) = office.refused(locked, &How { variables: &[("KEY_PASSWORD", &wrong)], ..USUAL });
    assert_eq!(
        said,
        "keystore::secret sign.windows.key.password-env: failed to unlock the private key: the password is wrong"
    );

    let (_, said) = office.refused(json!({ "pem": "rsa.key" }), &USUAL);
    assert_eq!(said, "keystore::certificate sign.windows.key.pem: there is no certificate beside the key");
    let (_, said) = office.refused(json!({ "pem": "rsa.key", "certificate": "other.crt" }), &USUAL);
    assert_eq!(
        said,
        "keystore::certificate sign.windows.key.certificate: failed to order the certificates: none of them is the one of \
         the key; they are those of CN=Example other,O=Example Ltd"
    );
}

#[test]
fn certificates_given_beside_the_key_complete_its_chain() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    let settings = json!({ "pem": "small.key", "certificate": "small.crt" });
    assert_eq!(office.opened(settings.clone(), &USUAL).chain().len(), 1);
    let how = How { certificates: &["root.crt"], ..USUAL };
    assert_eq!(office.opened(settings.clone(), &how).chain().len(), 2);
    let (_, said) = office.refused(settings, &How { certificates: &["root.crt", "absent.crt"], ..USUAL });
    assert_eq!(said, "keystore::missing sign.windows.certificates[1]: the file \"absent.crt\" is not there");
}

#[test]
fn a_certificate_must_be_valid_now_and_for_signing_code() {
    let Some(office) = Office::new() else { return };
    office.issue("small", "P-256");
    office.issue_for("web", "P-256", "extendedKeyUsage=serverAuth,timeStamping\n");
    office.issue_for("plain", "P-256", "");
    let day = 86_400;
    let settings = |name: &str| json!({ "pem": format!("{name}.key"), "certificate": format!("{name}.crt") });
    for (name, later, expected) in [
        ("small", 21 * day, "the certificate of Example small expired on "),
        ("small", -day, "the certificate of Example small is not valid before "),
        (
            "web",
            0,
            "the certificate of Example web is not for code signing: it is for 1.3.6.1.5.5.7.3.1, time stamping",
        ),
        (
            "plain",
            0,
            "the certificate of Example plain is not for code signing: it does not say what it is for",
        ),
    ] {
        let (finding, said) = office.refused(settings(name), &How { later, ..USUAL });
        assert!(said.starts_with(&format!("keystore::certificate sign.windows.key: {expected}")), "{said}");
        assert_eq!(finding.class, FailureClass::Credentials);
    }
    office.opened(settings("small"), &How { later: 19 * day, ..USUAL });
}

#[test]
fn a_table_without_a_keystore_is_told() {
    let Some(office) = Office::new() else { return };
    let (finding, said) = office.refused(json!({ "password-env": "A" }), &USUAL);
    assert_eq!(said, "keystore::settings sign.windows.key: nothing says where the key is");
    assert_eq!(
        finding.help,
        "write one of `pfx`, `pem`, `pkcs11`, `azure-artifact-signing`, `azure-key-vault`, `aws-kms`, `google-kms`, \
         `command`"
    );
}
