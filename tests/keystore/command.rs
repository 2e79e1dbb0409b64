//! Keys behind a program.

use super::{How, Office, SECRET, USUAL, executable, failure};
use deploy_crypto::Hash;
use deploy_model::FailureClass;
use serde_json::{Value as Json, json};

fn settings(program: &str, certificate: &str) -> Json {
    json!({ "command": [program, "--key", "release"], "certificate": certificate })
}

#[test]
fn a_program_signs_a_digest_that_it_reads() {
    let Some(office) = Office::new() else { return };
    office.issue("rsa", "rsa:2048");
    office.issue("large", "P-384");
    let script = |name: &str, key: &str, tail: &str| {
        executable(
            &office.path(name),
            &format!(
                "#!/bin/sh\nset -e\ncat > asked\necho \"$DEPLOY_SIGN_HASH $DEPLOY_SIGN_ALGORITHM $*\" > told\n\
                 openssl pkeyutl -sign -inkey {key}.key -in asked -pkeyopt digest:$DEPLOY_SIGN_HASH {tail}\n"
            ),
        );
    };
    script("raw", "rsa", "");
    script("encoded", "rsa", "| openssl base64");
    script("curve", "large", "");
    let path = std::env::var("PATH").expect("a path");
    for (program, name, hash, told) in [
        ("./raw", "rsa", Hash::Sha256, "sha256 rsa --key release\n"),
        ("./encoded", "rsa", Hash::Sha512, "sha512 rsa --key release\n"),
        ("./curve", "large", Hash::Sha384, "sha384 ecdsa-p384 --key release\n"),
    ] {
        let how = How { variables: &[("PATH", &path)], hash, ..USUAL };
        let key = office.opened(settings(program, &format!("{name}.crt")), &how);
        office.signs(&*key, name, hash);
        assert_eq!(std::fs::read_to_string(office.path("told")).expect("read"), told);
        assert_eq!(std::fs::read(office.path("asked")).expect("read"), hash.digest(b"a program"));
    }
}

#[test]
fn a_program_that_does_not_sign_is_told_without_its_secrets() {
    let Some(office) = Office::new() else { return };
    office.issue("rsa", "rsa:2048");
    office.issue("other", "rsa:2048");
    executable(&office.path("fails"), &format!("#!/bin/sh\necho 'no session for {SECRET}' >&2\nexit 3\n"));
    executable(&office.path("garbage"), "#!/bin/sh\necho hello\n");
    executable(
        &office.path("other"),
        "#!/bin/sh\ncat > asked\nopenssl pkeyutl -sign -inkey other.key -in asked -pkeyopt digest:sha256\n",
    );
    let how = How { variables: &[("SIGNER_TOKEN", SECRET), ("PATH", "/usr/bin")], ..USUAL };
    let (class, said) = failure(&*office.opened(settings("./fails", "rsa.crt"), &how));
    assert_eq!(class, FailureClass::Credentials);
    assert!(said.contains("no session for ***"), "{said}");
    for program in ["./garbage", "./other"] {
        let (class, said) = failure(&*office.opened(settings(program, "rsa.crt"), &how));
        assert_eq!(class, FailureClass::Credentials);
        let expected = "its signature does not fit the certificate of CN=Example rsa,O=Example Ltd; is this the certificate of \
                        the key?";
        assert!(said.ends_with(expected), "{said}");
    }
    let (_, said) = office.refused(settings("./absent", "rsa.crt"), &how);
    assert_eq!(said, "keystore::missing sign.windows.key.command: the program \"./absent\" is not there");
    let (_, said) = office.refused(settings("no-such-signer", "rsa.crt"), &how);
    assert_eq!(
        said,
        "keystore::missing sign.windows.key.command: the program \"no-such-signer\" is not there"
    );
    let (_, said) = office.refused(settings("./fails", "absent.crt"), &how);
    assert_eq!(said, "keystore::missing sign.windows.key.certificate: the file \"absent.crt\" is not there");
}
