//! Keys in a token: SoftHSM, with a key of RSA and one of a curve.
//!
//! A module reads its configuration from the environment of the process, once. So each test runs itself again as a process of
//! its own, with the environment that belongs to its token.

use super::{How, Office, SECRET, USUAL};
use crate::support::clients::find;
use deploy_crypto::Hash;
use serde_json::{Value as Json, json};
use std::process::Command;

const PIN: &str = SECRET;
const MODULES: [&str; 3] = [
    "/usr/lib/softhsm/libsofthsm2.so",
    "/usr/lib/x86_64-linux-gnu/softhsm/libsofthsm2.so",
    "/usr/lib64/softhsm/libsofthsm2.so",
];

/// The variable that says to the second process where the token is.
const INNER: &str = "KEYSTORE_TEST_TOKEN";

/// Makes a token with keys and certificates; `None` where SoftHSM is not there.
pub(super) fn token() -> Option<Office> {
    let office = Office::new()?;
    let (Some(_), Some(_)) = (find("softhsm2-util"), find("pkcs11-tool")) else { return None };
    std::fs::create_dir(office.path("tokens")).expect("create");
    let configuration = format!(
        "directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n",
        office.path("tokens").display()
    );
    std::fs::write(office.path("softhsm2.conf"), configuration).expect("write");
    let run = |program: &str, arguments: &[&str]| {
        let mut command = Command::new(program);
        command.args(arguments).current_dir(office.root()).env("SOFTHSM2_CONF", office.path("softhsm2.conf"));
        let output = command.output().expect("it starts");
        let said = [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
        assert!(output.status.success(), "{program} {arguments:?}: {}", said.concat());
    };
    for label in ["release", "spare"] {
        let free = ["--init-token", "--free", "--label", label, "--pin", PIN, "--so-pin", "87654321"];
        run("softhsm2-util", &free);
    }
    for (name, kind, id) in [("rsa", "rsa:2048", "01"), ("small", "P-256", "02"), ("large", "P-384", "03")] {
        office.issue(name, kind);
        let (key, der) = (format!("{name}.key"), format!("{name}.der"));
        let import = ["--import", &key, "--token", "release", "--label", name, "--id", id, "--pin", PIN];
        run("softhsm2-util", &import);
        if name == "large" {
            continue;
        }
        std::fs::write(office.path(&der), office.der(name)).expect("write");
        let token = ["--module", module(), "--token-label", "release", "--login", "--pin", PIN];
        let write = ["--write-object", &der, "--type", "cert", "--id", id, "--label", name];
        run("pkcs11-tool", &[&token[..], &write[..]].concat());
    }
    Some(office)
}

/// Runs the test named so again, with a token.
fn with_a_token(test: &str) {
    let Some(office) = token() else { return };
    let output = Command::new(std::env::current_exe().expect("a path"))
        .args([test, "--exact", "--nocapture"])
        .env("SOFTHSM2_CONF", office.path("softhsm2.conf"))
        .env(INNER, office.root())
        .output()
        .expect("it starts");
    let said =
        [output.stdout, output.stderr].map(|bytes| String::from_utf8_lossy(&bytes).into_owned()).concat();
    assert!(output.status.success() && said.contains("1 passed"), "{said}");
}

/// SoftHSM.
pub(super) fn module() -> &'static str {
    MODULES.into_iter().find(|path| std::path::Path::new(path).exists()).expect("the module of SoftHSM")
}

/// The directory of the token in the second process.
fn inner() -> Option<Office> {
    let path = std::env::var_os(INNER)?;
    Some(Office::at(path.into()))
}

fn settings(more: Json) -> Json {
    let mut settings = json!({ "pkcs11": module(), "token": "release", "pin-env": "TOKEN_PIN" });
    let table = settings.as_object_mut().expect("a table");
    for (name, value) in more.as_object().expect("a table") {
        table.insert(name.clone(), value.clone());
    }
    settings
}

#[test]
fn a_token_signs_with_the_certificate_that_it_holds() {
    let test = "keystore::token::a_token_signs_with_the_certificate_that_it_holds";
    let Some(office) = inner() else { return with_a_token(test) };
    let how = How { variables: &[("TOKEN_PIN", PIN)], ..USUAL };
    for (which, name, hash) in [
        (json!({ "label": "rsa" }), "rsa", Hash::Sha256),
        (json!({ "id": "01" }), "rsa", Hash::Sha512),
        (json!({ "label": "small" }), "small", Hash::Sha256),
        // Of a longer digest the curve signs the beginning.
        (json!({ "label": "small" }), "small", Hash::Sha384),
        (json!({ "label": "large", "certificate": "large.crt" }), "large", Hash::Sha384),
    ] {
        let key = office.opened(settings(which), &how);
        office.signs(&*key, name, hash);
    }
    // From several threads at once.
    let key = office.opened(settings(json!({ "label": "rsa" })), &how);
    let digest = Hash::Sha256.digest(b"a program");
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..5).for_each(|_| drop(key.sign(Hash::Sha256, &digest).expect("a signature"))));
        }
    });
    std::mem::forget(office);
}

#[test]
fn what_a_token_lacks_is_told_and_its_pin_never_is() {
    let test = "keystore::token::what_a_token_lacks_is_told_and_its_pin_never_is";
    let Some(office) = inner() else { return with_a_token(test) };
    let wrong = format!("{SECRET}!");
    let label = json!({ "label": "rsa" });
    // First, since a process that has logged in once stays so.
    let (_, said) =
        office.refused(settings(label.clone()), &How { variables: &[("TOKEN_PIN", &wrong)], ..USUAL });
    assert_eq!(said, "keystore::secret sign.windows.key.pin-env: the PIN is not that of the token release");
    let (_, said) = office.refused(json!({ "pkcs11": module(), "token": "release", "label": "rsa" }), &USUAL);
    assert_eq!(
        said,
        "keystore::secret sign.windows.key.pin-env: the token release needs a PIN, and none is given"
    );

    let how = How { variables: &[("TOKEN_PIN", PIN)], ..USUAL };
    for (more, expected) in [
        (
            json!({ "label": "absent" }),
            "keystore::missing sign.windows.key.label: the token release has no such key",
        ),
        (json!({}), "keystore::key sign.windows.key.id: the token release has 3 keys that could be meant"),
        (
            json!({ "label": "large" }),
            "keystore::certificate sign.windows.key.label: the token release has no certificate with the id of the key",
        ),
        (
            json!({ "label": "rsa", "certificate": "small.crt" }),
            "keystore::certificate sign.windows.key.certificate: the certificate of Example small is that of another key than \
             the one in the token",
        ),
        (
            json!({ "id": "1" }),
            "keystore::settings sign.windows.key.id: the id \"1\" is not written in hexadecimal digits",
        ),
    ] {
        let (_, said) = office.refused(settings(more), &how);
        assert_eq!(said, expected);
    }
    let (_, said) = office.refused(settings(json!({ "token": "absent" })), &how);
    assert!(
        said.starts_with("keystore::missing sign.windows.key.token: the token is not there: there is \""),
        "{said}"
    );
    let (_, said) = office.refused(json!({ "pkcs11": module(), "pin-env": "TOKEN_PIN" }), &how);
    assert!(said.starts_with("keystore::key sign.windows.key.pkcs11: there are several tokens: "), "{said}");
    let (_, said) = office.refused(settings(json!({ "pkcs11": "./absent.so" })), &how);
    assert_eq!(said, "keystore::missing sign.windows.key.pkcs11: the module \"./absent.so\" is not there");
    std::fs::write(office.path("text.so"), "no library").expect("write");
    let (_, said) = office.refused(settings(json!({ "pkcs11": "./text.so" })), &how);
    assert!(
        said.starts_with(
            "keystore::missing sign.windows.key.pkcs11: failed to load the module \"./text.so\""
        ),
        "{said}"
    );
    std::mem::forget(office);
}
