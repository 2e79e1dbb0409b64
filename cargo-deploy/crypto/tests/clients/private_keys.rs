//! Private keys as openssl writes them, and what they sign.

use super::certificates::{Authority, Order, P256, P384, P521, RSA_2048};
use deploy_crypto::{
    CertifiedKey, Hash, KeyAlgorithm, PrivateKey, PrivateKeyError, Secret, SigningKey, SigningKeyError,
    read_certificates,
};

fn secret(text: &str) -> Secret<String> {
    Secret::new(text.to_owned())
}

const PASSWORD: &str = "Straße 9 ☂";

/// Every form of a key that openssl writes: its arguments, and whether it is locked.
fn forms(elliptic: bool) -> Vec<(Vec<&'static str>, bool)> {
    let mut forms = vec![
        (vec!["pkcs8", "-topk8", "-nocrypt"], false),
        (vec!["pkcs8", "-topk8", "-nocrypt", "-outform", "DER"], false),
        (vec!["pkcs8", "-topk8"], true),
        (vec!["pkcs8", "-topk8", "-outform", "DER"], true),
        (vec!["pkcs8", "-topk8", "-v2", "aes-128-cbc", "-v2prf", "hmacWithSHA1"], true),
        (vec!["pkcs8", "-topk8", "-v2", "aes-192-cbc", "-v2prf", "hmacWithSHA512"], true),
        (vec!["pkcs8", "-topk8", "-v2", "des3", "-v2prf", "hmacWithSHA384"], true),
        (vec!["pkcs8", "-topk8", "-scrypt"], true),
        (vec!["pkcs8", "-topk8", "-v1", "PBE-SHA1-3DES"], true),
        (vec!["pkcs8", "-topk8", "-v1", "PBE-SHA1-2DES"], true),
    ];
    let (kind, traditional) =
        if elliptic { ("ec", vec!["ec"]) } else { ("rsa", vec!["rsa", "-traditional"]) };
    for cipher in ["-aes128", "-aes192", "-aes256", "-des3"] {
        forms.push(([vec![kind, cipher], traditional[1..].to_vec()].concat(), true));
    }
    forms.push((traditional.clone(), false));
    forms.push(([traditional, vec!["-outform", "DER"]].concat(), false));
    forms
}

#[test]
fn every_form_of_a_key_that_openssl_writes_is_the_same_key() {
    let Some(authority) = Authority::new() else { return };
    for (key, algorithm) in [
        (RSA_2048, KeyAlgorithm::Rsa { bits: 2048 }),
        (P256, KeyAlgorithm::EcdsaP256),
        (P384, KeyAlgorithm::EcdsaP384),
        (P521, KeyAlgorithm::EcdsaP521),
    ] {
        authority.openssl(&[&["genpkey", "-out", "key"], &key.split(' ').collect::<Vec<_>>()[..]].concat());
        let public = authority.openssl(&["pkey", "-in", "key", "-pubout", "-outform", "DER"]);
        for (form, is_locked) in forms(!algorithm.is_rsa()) {
            let mut arguments = [form.clone(), vec!["-in", "key"]].concat();
            let pass = format!("pass:{PASSWORD}");
            if is_locked {
                arguments.extend(["-passout", &pass]);
            }
            let file = authority.openssl(&arguments);
            let opened = PrivateKey::open(&file, is_locked.then(|| secret(PASSWORD)).as_ref());
            let opened = opened.unwrap_or_else(|error| panic!("{form:?}: {error}"));
            assert_eq!(
                (opened.algorithm(), opened.public_key_der()),
                (algorithm, public.clone()),
                "{form:?}"
            );
            if is_locked {
                let error = PrivateKey::open(&file, None).err();
                assert_eq!(error, Some(PrivateKeyError::PasswordMissing), "{form:?}");
                let error = PrivateKey::open(&file, Some(&secret("wrong horse"))).err().unwrap();
                assert_eq!(error, PrivateKeyError::PasswordWrong, "{form:?}");
                assert!(!error.to_string().contains("wrong horse"));
            }
        }
    }
}

#[test]
fn signatures_are_the_same_each_time_and_openssl_verifies_them() {
    let Some(authority) = Authority::new() else { return };
    for (name, key) in [("rsa", RSA_2048), ("p256", P256), ("p384", P384), ("p521", P521)] {
        authority.issue(&Order { name, issuer: "intermediate", section: "code", key, ..Order::default() });
        let open = || PrivateKey::open(&authority.directory.read(&format!("{name}.key")), None).unwrap();
        let certificates = read_certificates(&authority.directory.read(&format!("{name}.pem"))).unwrap();
        let certified = CertifiedKey::new(open(), certificates.clone()).unwrap();
        assert_eq!(certified.identity(), certificates[0].sha256());
        authority.openssl(&["x509", "-in", &format!("{name}.pem"), "-noout", "-pubkey", "-out", "public"]);
        for hash in Hash::ALL {
            let digest = hash.digest(b"content");
            let signature = certified.sign(hash, &digest).unwrap().bytes;
            assert_eq!(signature, certified.sign(hash, &digest).unwrap().bytes);
            authority.directory.write("digest", &digest);
            authority.directory.write("signature", &signature);
            let option = format!("digest:{hash}");
            authority.openssl(&[
                "pkeyutl",
                "-verify",
                "-pubin",
                "-inkey",
                "public",
                "-in",
                "digest",
                "-sigfile",
                "signature",
                "-pkeyopt",
                &option,
            ]);
        }
        let error = certified.sign(Hash::Sha384, &[0; 32]).unwrap_err();
        assert!(matches!(error, SigningKeyError::DigestLength { expected: 48, found: 32, .. }));
    }
}

#[test]
fn a_key_that_is_too_short_or_of_another_kind_is_refused() {
    let Some(authority) = Authority::new() else { return };
    let table = [
        (
            "-algorithm RSA -pkeyopt rsa_keygen_bits:1024",
            "read the private key: RSA with 1024 bits; 2048 are the least, 16384 the most",
        ),
        (
            "-algorithm ED25519",
            "read the private key: its kind is not supported; known are RSA and the curves P-256, P-384 and P-521",
        ),
    ];
    for (key, expected) in table {
        let file = authority.openssl(&[&["genpkey"], &key.split(' ').collect::<Vec<_>>()[..]].concat());
        assert_eq!(PrivateKey::open(&file, None).err().unwrap().to_string(), expected);
    }
}

#[test]
fn pkcs12_files_are_opened_with_the_old_and_the_new_ciphers() {
    let Some(authority) = Authority::new() else { return };
    for (name, key) in [("rsa", RSA_2048), ("p384", P384)] {
        authority.issue(&Order { name, issuer: "intermediate", section: "code", key, ..Order::default() });
        let chain: Vec<u8> = ["root", "intermediate"]
            .iter()
            .flat_map(|name| authority.directory.read(&format!("{name}.pem")))
            .collect();
        authority.directory.write("chain.pem", chain);
        let (key, certificate) = (format!("{name}.key"), format!("{name}.pem"));
        let export = |options: &[&str], password: &str| {
            let pass = format!("pass:{password}");
            let basic = [
                "pkcs12",
                "-export",
                "-inkey",
                &key,
                "-in",
                &certificate,
                "-certfile",
                "chain.pem",
                "-passout",
                &pass,
            ];
            authority.openssl(&[&basic[..], options].concat())
        };
        let expected = [name, "intermediate", "root"].map(|name| authority.certificate(name));
        for options in [
            &[][..],
            &["-legacy"],
            &["-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-3DES"],
            &["-legacy", "-certpbe", "PBE-SHA1-RC2-40", "-keypbe", "PBE-SHA1-2DES", "-macalg", "sha1"],
            &["-certpbe", "AES-128-CBC", "-keypbe", "AES-192-CBC", "-macalg", "sha512"],
            &["-certpbe", "NONE", "-keypbe", "NONE", "-macalg", "sha384", "-iter", "1"],
        ] {
            let file = export(options, PASSWORD);
            let opened = CertifiedKey::of_pkcs12(&file, Some(&secret(PASSWORD)), &[]);
            let opened = opened.unwrap_or_else(|error| panic!("{options:?}: {error}"));
            assert_eq!(opened.chain(), expected, "{options:?}");
            let error = CertifiedKey::of_pkcs12(&file, Some(&secret("wrong horse")), &[]).err().unwrap();
            assert_eq!(error.to_string(), "open the PKCS #12 file: the password is wrong", "{options:?}");
            let error = CertifiedKey::of_pkcs12(&file, None, &[]).err().unwrap().to_string();
            assert_eq!(error, "open the PKCS #12 file: it is protected by a password, and none was given");
        }
        let without_password = export(&[], "");
        assert!(CertifiedKey::of_pkcs12(&without_password, None, &[]).is_ok());
        assert!(CertifiedKey::of_pkcs12(&without_password, Some(&secret("")), &[]).is_ok());

        // The authorities beside the file.
        let lonely = ["pkcs12", "-export", "-inkey", &key, "-in", &certificate, "-passout", "pass:a"];
        let lonely = authority.openssl(&lonely);
        let beside = read_certificates(&authority.directory.read("chain.pem")).unwrap();
        let opened = CertifiedKey::of_pkcs12(&lonely, Some(&secret("a")), &beside).unwrap();
        assert_eq!(opened.chain(), expected);

        let keyless = ["pkcs12", "-export", "-nokeys", "-in", &certificate, "-passout", "pass:a"];
        let error = CertifiedKey::of_pkcs12(&authority.openssl(&keyless), Some(&secret("a")), &[]);
        let expected =
            "open the PKCS #12 file: it holds no private key; export it together with the certificate";
        assert_eq!(error.err().unwrap().to_string(), expected);
        let error = CertifiedKey::of_pkcs12(b"text", None, &[]).err().unwrap().to_string();
        assert_eq!(error, "open the PKCS #12 file: it is none, or damaged at byte 0");

        // Damaged files are refused and never stop the program.
        let file = export(&[], "a");
        for length in 0..file.len() {
            assert!(CertifiedKey::of_pkcs12(&file[..length], Some(&secret("a")), &[]).is_err());
        }
    }
}

#[test]
fn a_key_and_certificates_that_do_not_fit_are_told() {
    let Some(authority) = Authority::new() else { return };
    let order = |name| Order { name, issuer: "intermediate", section: "code", ..Order::default() };
    authority.issue(&order("one"));
    let other = authority.issue(&order("two"));
    let key = PrivateKey::open(&authority.directory.read("one.key"), None).unwrap();
    let error = CertifiedKey::new(key, vec![other]).err().unwrap().to_string();
    let expected = "order the certificates: none of them is the one of the key; they are those of \
                    CN=Example two,O=Example\\, Ltd,C=DE";
    assert_eq!(error, expected);
}
