//! OpenPGP: keys that gpg made, signatures that gpg, gpgv and sqv verify, and what is said of keys that cannot sign.

use super::gpg::{CREATED, Home, NOW};
use super::{find, run};
use deploy_crypto::Secret;
use deploy_crypto::openpgp::{Certificate, Hash, KeyError, SigningKey};
use std::io::Read;

/// Everything that signs, with what the identity says of it.
const ALGORITHMS: [(&str, &str); 4] = [
    ("rsa3072", "RSA with 3072 bits"),
    ("ed25519", "Ed25519"),
    ("nistp256", "ECDSA over P-256"),
    ("nistp384", "ECDSA over P-384"),
];

const CONTENT: &[u8] = b"what is released\n";

const RELEASE: &str = "Origin: example\nSuite: stable\n\nSHA256:\n - escaped \t\n-\nFrom here\n 0 \n\n";

fn open(key: &[u8]) -> SigningKey {
    SigningKey::open(key, None, NOW).expect("the key can sign")
}

fn problem(key: &[u8], passphrase: Option<&str>) -> String {
    let passphrase = passphrase.map(|text| Secret::new(text.to_owned()));
    SigningKey::open(key, passphrase.as_ref(), NOW).expect_err("the key must be refused").to_string()
}

#[test]
fn gpg_and_gpgv_take_detached_signatures_of_every_algorithm() {
    let Some(home) = Home::new() else { return };
    let content = home.directory.write("content", CONTENT);
    for (algorithm, name) in ALGORITHMS {
        let fingerprint = home.generate(algorithm, "sign", "1y", "");
        let key = open(&home.secret(&fingerprint, ""));
        let identity = key.identity();
        assert_eq!(identity.fingerprint, fingerprint);
        assert_eq!(identity.signing_fingerprint, fingerprint);
        assert_eq!(identity.key_id, fingerprint[24..]);
        assert_eq!(identity.algorithm.to_string(), name);
        assert_eq!(identity.user_id.as_deref(), Some(&*format!("{algorithm} sign <sign@example.com>")));
        assert_eq!((identity.created, identity.valid_from), (CREATED, CREATED));
        assert_eq!(identity.expires, Some(CREATED + 366 * 86_400 / 366 * 365));
        assert!(!identity.weak_bindings);

        let moment = identity.moment(CREATED + 1000);
        let signature = key.sign(CONTENT, Hash::Sha512, moment).unwrap();
        let ring = home.directory.write("ring.gpg", key.certificate().bytes());
        for bytes in [signature.bytes(), signature.armoured().as_bytes()] {
            let file = home.directory.write("content.sig", bytes);
            let files = [file.to_str().unwrap(), content.to_str().unwrap()];
            let (good, status) = home.status(NOW, &["--verify", files[0], files[1]], b"");
            // Fingerprint, day, moment, expiry, version, -, algorithm, hash (10 is SHA-512), class, primary fingerprint.
            let valid = format!("VALIDSIG {fingerprint} 2024-01-01 {moment} 0 4 0");
            assert!(good && status.contains("GOODSIG") && status.contains(&valid), "{algorithm}: {status}");
            assert!(status.contains(&format!(" 10 00 {fingerprint}")), "{status}");
            if let Some(gpgv) = find("gpgv") {
                let arguments = ["--keyring", ring.to_str().unwrap(), files[0], files[1]];
                let (good, _, stderr) = run(&gpgv, &arguments, &home.directory.0, b"");
                assert!(good && stderr.contains("Good signature"), "{algorithm}: {stderr}");
            }
            let seen = key.certificate().verify(bytes, CONTENT).unwrap();
            assert_eq!(
                (seen.fingerprint, seen.moment, seen.hash),
                (fingerprint.clone(), moment, Hash::Sha512)
            );
        }
    }
}

#[test]
fn sqv_takes_our_signatures() {
    let (Some(home), Some(sqv)) = (Home::new(), find("sqv")) else { return };
    let content = home.directory.write("content", CONTENT);
    for algorithm in ["rsa3072", "ed25519", "nistp256"] {
        let fingerprint = home.generate(algorithm, "sign", "never", "");
        let key = open(&home.secret(&fingerprint, ""));
        let signature = key.sign(CONTENT, Hash::Sha256, key.identity().moment(0)).unwrap();
        let ring = home.directory.write("ring.asc", key.certificate().armoured());
        let file = home.directory.write("content.asc", signature.armoured());
        let arguments =
            ["--keyring", ring.to_str().unwrap(), file.to_str().unwrap(), content.to_str().unwrap()];
        let (good, stdout, stderr) = run(&sqv, &arguments, &home.directory.0, b"");
        assert!(good, "{algorithm}: {stderr}");
        assert_eq!(String::from_utf8_lossy(&stdout).trim(), fingerprint);
    }
}

#[test]
fn gpg_and_gpgv_take_a_signed_text_and_read_the_text_that_was_signed() {
    let Some(home) = Home::new() else { return };
    for (algorithm, _) in ALGORITHMS {
        let fingerprint = home.generate(algorithm, "sign", "never", "");
        let key = open(&home.secret(&fingerprint, ""));
        for text in
            [RELEASE, "one line without its end", "", "\n\n", "- dash\n-----BEGIN PGP SIGNATURE-----\n"]
        {
            let message = key.sign_cleartext(text, CREATED).unwrap();
            assert!(message.starts_with("-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA512\n\n"), "{message}");
            let file = home.directory.write("InRelease", &message);
            let (good, status) = home.status(NOW, &["--verify", file.to_str().unwrap()], b"");
            assert!(good && status.contains("GOODSIG"), "{algorithm}: {status}\n{message}");

            if let Some(gpgv) = find("gpgv") {
                let ring = home.directory.write("ring.gpg", key.certificate().bytes());
                let text = home.directory.path("text");
                let arguments = [
                    "--keyring",
                    ring.to_str().unwrap(),
                    "--output",
                    text.to_str().unwrap(),
                    file.to_str().unwrap(),
                ];
                let (good, _, stderr) = run(&gpgv, &arguments, &home.directory.0, b"");
                assert!(good, "{stderr}");
            }
            let trimmed: String = text.lines().map(|line| format!("{}\n", line.trim_end())).collect();
            if find("gpgv").is_some() {
                assert_eq!(
                    String::from_utf8(home.directory.read("text")).unwrap().trim_end(),
                    trimmed.trim_end()
                );
            }
            let (seen, read) = key.certificate().verify_cleartext(message.as_bytes()).unwrap();
            assert_eq!(seen.fingerprint, fingerprint);
            let expected = if trimmed.is_empty() { "\n" } else { &trimmed };
            assert_eq!(String::from_utf8(read).unwrap(), expected);
        }
    }
}

#[test]
fn the_same_key_content_and_moment_give_the_same_bytes() {
    let Some(home) = Home::new() else { return };
    for (algorithm, _) in ALGORITHMS {
        let key = home.secret(&home.generate(algorithm, "sign", "never", ""), "");
        let sign = || open(&key).sign(CONTENT, Hash::Sha512, CREATED + 5).unwrap();
        assert_eq!(sign(), sign(), "{algorithm}");
        let text = || open(&key).sign_cleartext(RELEASE, CREATED + 5).unwrap();
        assert_eq!(text(), text(), "{algorithm}");
        let other = open(&key).sign(CONTENT, Hash::Sha512, CREATED + 6).unwrap();
        assert_ne!(other, sign(), "{algorithm}");
    }
}

#[test]
fn our_signatures_are_those_of_gpg_to_the_byte() {
    let Some(home) = Home::new() else { return };
    // Where the algorithm leaves no choice; gpg draws the nonces of ECDSA in another way.
    for algorithm in ["rsa3072", "ed25519"] {
        let fingerprint = home.generate(algorithm, "sign", "never", "");
        let key = open(&home.secret(&fingerprint, ""));
        let arguments = ["--digest-algo", "SHA512", "--local-user", &fingerprint, "--detach-sign"];
        let theirs = home.gpg_at(CREATED + 7, &arguments, CONTENT);
        let ours = key.sign(CONTENT, Hash::Sha512, CREATED + 7).unwrap();
        // gpg writes the header of the packet in the old form.
        let body = |packet: &[u8]| match packet[0] {
            0x88 => packet[2..].to_vec(),
            0x89 => packet[3..].to_vec(),
            _ if packet[1] < 192 => packet[2..].to_vec(),
            _ => packet[3..].to_vec(),
        };
        assert_eq!(body(ours.bytes()), body(&theirs), "{algorithm}");
        key.certificate().verify(&theirs, CONTENT).unwrap();

        let theirs =
            home.gpg_at(CREATED + 7, &["--local-user", &fingerprint, "--clear-sign"], RELEASE.as_bytes());
        let (seen, _) = key.certificate().verify_cleartext(&theirs).unwrap();
        assert_eq!(seen.moment, CREATED + 7);
    }
}

#[test]
fn a_key_is_read_in_armour_in_binary_and_in_base64_of_either() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "");
    let armoured = home.secret(&fingerprint, "");
    let binary = home.gpg(&["--export-secret-keys", &fingerprint]);
    let encode = |bytes: &[u8]| {
        use base64::Engine as _;
        base64::engine::general_purpose::STANDARD.encode(bytes).into_bytes()
    };
    let forms = [armoured.clone(), binary.clone(), encode(&armoured), encode(&binary)];
    let lines = String::from_utf8(armoured.clone()).unwrap().replace('\n', "\r\n").into_bytes();
    let both = [home.gpg(&["--armor", "--export", &fingerprint]), armoured].concat();
    for form in forms.iter().chain([&lines, &both]) {
        assert_eq!(open(form).identity().fingerprint, fingerprint);
    }
}

#[test]
fn a_locked_key_wants_its_passphrase() {
    let Some(home) = Home::new() else { return };
    for algorithm in ["rsa3072", "ed25519", "nistp256"] {
        let fingerprint = home.generate(algorithm, "sign", "never", "correct horse");
        let key = home.secret(&fingerprint, "correct horse");
        let passphrase = Secret::new("correct horse".to_owned());
        let opened = SigningKey::open(&key, Some(&passphrase), NOW).unwrap();
        let signature = opened.sign(CONTENT, Hash::Sha512, CREATED).unwrap();
        opened.certificate().verify(signature.bytes(), CONTENT).unwrap();

        let missing = format!(
            "unlock the OpenPGP key {fingerprint}: it is protected by a passphrase, and none was given"
        );
        assert_eq!(problem(&key, None), missing);
        let wrong = format!("unlock the OpenPGP key {fingerprint}: the passphrase is wrong");
        assert_eq!(problem(&key, Some("battery staple")), wrong);
        assert_eq!(problem(&key, Some("")), wrong);
        let shown = format!("{opened:?} {:?} {passphrase:?}", opened.certificate());
        assert!(!shown.contains("horse"), "{shown}");
    }
}

#[test]
fn an_expired_key_is_refused_with_its_date() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "1m", "");
    let key = home.secret(&fingerprint, "");
    let expires = CREATED + 30 * 86_400;
    assert_eq!(
        problem(&key, None),
        format!("sign with the OpenPGP key {fingerprint}: it expired on 2024-01-31 00:00:00 UTC")
    );
    let before = SigningKey::open(&key, None, expires - 1).unwrap();
    assert!(SigningKey::open(&key, None, expires).is_err());

    let early = before.sign(CONTENT, Hash::Sha512, CREATED - 1).expect_err("before the key").to_string();
    let until = format!("and the key {fingerprint} is valid only");
    assert_eq!(
        early,
        format!(
            "make the signature: it should be of 2023-12-31 23:59:59 UTC, {until} from 2024-01-01 00:00:00 UTC"
        )
    );
    let late = before.sign(CONTENT, Hash::Sha512, expires).expect_err("after the key").to_string();
    assert_eq!(
        late,
        format!(
            "make the signature: it should be of 2024-01-31 00:00:00 UTC, {until} until 2024-01-31 00:00:00 UTC"
        )
    );
    // What was signed while the key was valid stays valid.
    let signature = before.sign(CONTENT, Hash::Sha512, CREATED + 1).unwrap();
    Certificate::read(&key).unwrap().verify(signature.bytes(), CONTENT).unwrap();
}

#[test]
fn a_prolonged_key_signs_again() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "1m", "");
    home.gpg_at(NOW, &["--quick-set-expire", &fingerprint, "1y"], b"");
    let key = open(&home.secret(&fingerprint, ""));
    assert_eq!(key.identity().expires, Some(NOW + 365 * 86_400));
    // gpg replaced the key's own signature, so there is none of the time before.
    assert_eq!(key.identity().valid_from, NOW);
    assert_eq!(key.identity().moment(CREATED), NOW);
}

#[test]
fn a_key_that_vouches_for_itself_by_sha1_is_told_until_it_is_renewed() {
    let Some(home) = Home::new() else { return };
    let weak =
        ["--cert-digest-algo", "SHA1", "--passphrase", "", "--quick-generate-key", "Weak", "rsa2048", "sign"];
    home.gpg(&weak);
    let fingerprint = home.fingerprints("Weak").remove(0);
    assert!(open(&home.secret(&fingerprint, "")).identity().weak_bindings);
    let renew = ["--cert-digest-algo", "SHA256", "--quick-set-expire", &fingerprint, "2y"];
    home.gpg_at(CREATED + 10, &renew, b"");
    let key = open(&home.secret(&fingerprint, ""));
    assert!(!key.identity().weak_bindings);
    assert_eq!(key.identity().valid_from, CREATED + 10);
}

#[test]
fn a_revoked_key_is_refused_with_the_reason() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "");
    let key = home.secret(&fingerprint, "");
    let file = format!("openpgp-revocs.d/{fingerprint}.rev");
    let revocation =
        String::from_utf8(home.directory.read(&file)).unwrap().replace(":-----BEGIN", "-----BEGIN");
    home.gpg_at(NOW, &["--import"], revocation.as_bytes());
    let revoked = home.secret(&fingerprint, "");
    assert_eq!(problem(&revoked, None), format!("sign with the OpenPGP key {fingerprint}: it was revoked"));

    let signature = open(&key).sign(CONTENT, Hash::Sha512, CREATED).unwrap();
    let certificate = Certificate::read(&home.gpg(&["--armor", "--export", &fingerprint])).unwrap();
    let error = certificate.verify(signature.bytes(), CONTENT).expect_err("revoked").to_string();
    assert_eq!(error, format!("verify the signature: the key {fingerprint} was revoked"));
}

#[test]
fn a_signing_subkey_signs_without_the_primary_key() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("rsa3072", "cert", "never", "");
    let content = home.directory.write("content", CONTENT);
    home.gpg_at(
        CREATED + 100,
        &["--passphrase", "", "--quick-add-key", &fingerprint, "ed25519", "sign", "never"],
        b"",
    );
    let subkey = home.subkeys(&fingerprint).remove(0);
    let export = home.gpg(&["--armor", "--export-secret-subkeys", &fingerprint]);
    let key = open(&export);
    let identity = key.identity();
    assert_eq!((&identity.fingerprint, &identity.signing_fingerprint), (&fingerprint, &subkey));
    assert_eq!((identity.created, identity.valid_from), (CREATED, CREATED + 100));

    let signature = key.sign(CONTENT, Hash::Sha512, identity.moment(CREATED)).unwrap();
    let file = home.directory.write("content.asc", signature.armoured());
    let (good, status) =
        home.status(NOW, &["--verify", file.to_str().unwrap(), content.to_str().unwrap()], b"");
    assert!(good && status.contains(&format!("VALIDSIG {subkey} ")), "{status}");
    let seen = key.certificate().verify(signature.bytes(), CONTENT).unwrap();
    assert_eq!((seen.fingerprint, seen.signing_fingerprint), (fingerprint, subkey));
}

#[test]
fn the_youngest_signing_subkey_is_taken_and_an_expired_one_passed_over() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "cert", "never", "");
    let add = |now: u64, usage: &str, expire: &str| {
        home.gpg_at(
            now,
            &["--passphrase", "", "--quick-add-key", &fingerprint, "ed25519", usage, expire],
            b"",
        );
        home.subkeys(&fingerprint).pop().unwrap()
    };
    let short = add(CREATED + 1, "sign", "1m");
    let key = home.secret(&fingerprint, "");
    assert_eq!(
        problem(&key, None),
        format!(
            "sign with the OpenPGP key {fingerprint}: its signing subkey {short} expired on 2024-01-31 00:00:01 UTC"
        )
    );
    let older = add(CREATED + 2, "sign", "never");
    assert_eq!(open(&home.secret(&fingerprint, "")).identity().signing_fingerprint, older);
    let younger = add(CREATED + 3, "sign", "1y");
    add(CREATED + 4, "auth", "never");
    let key = open(&home.secret(&fingerprint, ""));
    assert_eq!(key.identity().signing_fingerprint, younger);
    assert_eq!(key.identity().expires, Some(CREATED + 3 + 365 * 86_400));
}

#[test]
fn a_key_without_its_secret_is_refused() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "");
    home.gpg(&["--passphrase", "", "--quick-add-key", &fingerprint, "cv25519", "encr", "never"]);
    let public = home.gpg(&["--armor", "--export", &fingerprint]);
    assert_eq!(
        problem(&public, None),
        format!(
            "sign with the OpenPGP key {fingerprint}: this is the public key; `gpg --armor --export-secret-keys {fingerprint}` exports the secret one"
        )
    );
    let stub = home.gpg(&["--armor", "--export-secret-subkeys", &fingerprint]);
    assert_eq!(
        problem(&stub, None),
        format!(
            "sign with the OpenPGP key {fingerprint}: the secret of {fingerprint} is not in it, it was left out when the key was exported"
        )
    );
}

#[test]
fn a_key_that_is_not_for_signing_is_refused() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "cert", "never", "");
    home.gpg(&["--passphrase", "", "--quick-add-key", &fingerprint, "cv25519", "encr", "never"]);
    assert_eq!(
        problem(&home.secret(&fingerprint, ""), None),
        format!("sign with the OpenPGP key {fingerprint}: neither it nor a subkey of it is for signing")
    );
}

#[test]
fn a_key_that_clients_refuse_is_refused() {
    let Some(home) = Home::new() else { return };
    for (algorithm, name) in [
        ("rsa1024", "RSA with 1024 bits"),
        ("dsa2048", "DSA"),
        ("nistp521", "ECDSA over P-521"),
        ("secp256k1", "ECDSA over secp256k1"),
    ] {
        let fingerprint = home.generate(algorithm, "sign", "never", "");
        assert_eq!(
            problem(&home.secret(&fingerprint, ""), None),
            format!(
                "sign with the OpenPGP key {fingerprint}: its algorithm, {name}, is not supported; supported are RSA from 2048 bits, Ed25519, and ECDSA over P-256 and P-384"
            )
        );
    }
}

#[test]
fn what_is_no_key_is_refused_by_what_it_is() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "");
    let other = home.generate("nistp256", "sign", "never", "");
    let key = home.secret(&fingerprint, "");
    let signature = open(&key).sign(CONTENT, Hash::Sha512, CREATED).unwrap();
    let text = String::from_utf8(key.clone()).unwrap();
    let line = text.lines().nth(4).unwrap();
    let table = [
        (b"".to_vec(), "it is empty".to_owned()),
        (b"\n \n".to_vec(), "it is empty".to_owned()),
        (b"hello".to_vec(), "this is some other text, not an OpenPGP key".to_owned()),
        (
            b"-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n-----END OPENSSH PRIVATE KEY-----\n".to_vec(),
            "this is a PEM file with `OPENSSH PRIVATE KEY`, not an OpenPGP key".to_owned(),
        ),
        (signature.armoured().into_bytes(), "this is a PGP SIGNATURE, not an OpenPGP key".to_owned()),
        (signature.bytes().to_vec(), "this is OpenPGP data without a key, not an OpenPGP key".to_owned()),
        (
            b"\x00\xff\xfe".to_vec(),
            "this is something that is neither text nor OpenPGP, not an OpenPGP key".to_owned(),
        ),
        (
            text.split_once("-----END").unwrap().0.as_bytes().to_vec(),
            "there is no line `-----END PGP ...` that fits the first".to_owned(),
        ),
        (
            text.replace(line, &line.to_lowercase()).into_bytes(),
            "its checksum says that it was damaged".to_owned(),
        ),
        (vec![0; 5 << 20], "it has 5242880 bytes, which is too much for a key".to_owned()),
        (
            [key.clone(), home.secret(&other, "")].concat(),
            format!("there are 2 keys in it, {fingerprint} and {other}; export the one that is meant"),
        ),
    ];
    for (bytes, expected) in table {
        assert_eq!(problem(&bytes, None), format!("read the OpenPGP key: {expected}"));
        if expected != "it is empty" {
            assert_eq!(
                Certificate::read(&bytes).expect_err("no key").to_string(),
                format!("read the OpenPGP key: {expected}")
            );
        }
    }
}

#[test]
fn signatures_over_something_else_or_by_another_are_refused() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "");
    let other = home.generate("nistp256", "sign", "never", "");
    let (key, stranger) = (open(&home.secret(&fingerprint, "")), open(&home.secret(&other, "")));
    let signature = key.sign(CONTENT, Hash::Sha512, CREATED).unwrap();
    let verify = |certificate: &Certificate, signature: &[u8], content: &[u8]| {
        certificate.verify(signature, content).expect_err("it must be refused").to_string()
    };
    let mine = key.certificate();
    assert_eq!(
        verify(mine, signature.bytes(), b"what was released\n"),
        "verify the signature: it does not fit what it should have signed"
    );
    assert_eq!(
        verify(stranger.certificate(), signature.bytes(), CONTENT),
        format!("verify the signature: it was made by the key {fingerprint}, and not by {other}")
    );
    let mut broken = signature.bytes().to_vec();
    *broken.last_mut().unwrap() ^= 1;
    assert_eq!(
        verify(mine, &broken, CONTENT),
        "verify the signature: it does not fit what it should have signed"
    );
    let twice = [signature.bytes(), signature.bytes()].concat();
    assert_eq!(verify(mine, &twice, CONTENT), "read the signature: something follows it");
    assert_eq!(
        verify(mine, mine.armoured().as_bytes(), CONTENT),
        "read the signature: it is a PGP PUBLIC KEY BLOCK"
    );
    let weak = home.gpg(&["--digest-algo", "SHA1", "--local-user", &fingerprint, "--detach-sign"]);
    assert_eq!(verify(mine, &weak, b""), "verify the signature: its hash is SHA1, which is not accepted");
    let text = home.gpg(&["--textmode", "--local-user", &fingerprint, "--detach-sign"]);
    assert_eq!(
        verify(mine, &text, b""),
        "verify the signature: it is of the kind text, and should be of the kind binary"
    );

    let message = key.sign_cleartext(RELEASE, CREATED).unwrap();
    let refuse =
        |message: String| mine.verify_cleartext(message.as_bytes()).expect_err("refused").to_string();
    assert_eq!(
        refuse(message.replace("stable", "oldstable")),
        "verify the signature: it does not fit what it should have signed"
    );
    assert_eq!(
        refuse(message.replace("Hash: SHA512", "Hash: SHA256")),
        "read the signed text: its header does not name SHA512, the hash of its signature"
    );
    assert_eq!(refuse(format!("{message}more")), "read the signature: something follows it");
    assert_eq!(
        key.sign_cleartext("one\ntwo\r\n", CREATED).expect_err("CRLF").to_string(),
        "sign the text: line 2 holds a carriage return, which signed text must not"
    );
}

/// Gives 64 MiB in uneven pieces, never holding more than the piece.
struct Large {
    left: usize,
    step: usize,
}

impl Read for Large {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.step = self.step % 7919 + 1;
        let count = buffer.len().min(self.left).min(self.step);
        for (at, byte) in buffer[..count].iter_mut().enumerate() {
            *byte = (self.left - at) as u8;
        }
        self.left -= count;
        Ok(count)
    }
}

#[test]
fn large_content_is_signed_as_it_streams() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "");
    let key = open(&home.secret(&fingerprint, ""));
    let content = || Large { left: 64 << 20, step: 0 };
    let signature = key.sign(content(), Hash::Sha512, CREATED).unwrap();
    let file = home.directory.write("large.asc", signature.armoured());
    let mut all = Vec::new();
    content().read_to_end(&mut all).unwrap();
    let (good, status) = home.status(NOW, &["--verify", file.to_str().unwrap(), "-"], &all);
    assert!(good && status.contains("GOODSIG"), "{status}");
    key.certificate().verify(signature.bytes(), content()).unwrap();
}

#[test]
fn a_reader_that_fails_is_named_as_the_cause() {
    let Some(home) = Home::new() else { return };
    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::other("the disk is gone"))
        }
    }
    let key = open(&home.secret(&home.generate("ed25519", "sign", "never", ""), ""));
    let cause = |error: &dyn std::error::Error| format!("{error}: {}", error.source().expect("a cause"));
    let error = key.sign(Broken, Hash::Sha512, CREATED).expect_err("it fails");
    assert_eq!(cause(&error), "read what should be signed: the disk is gone");
    let signature = key.sign(CONTENT, Hash::Sha512, CREATED).unwrap();
    let error = key.certificate().verify(signature.bytes(), Broken).expect_err("it fails");
    assert_eq!(cause(&error), "read what was signed: the disk is gone");
}

#[test]
fn damaged_keys_and_signatures_give_errors_and_no_panic() {
    let Some(home) = Home::new() else { return };
    let fingerprint = home.generate("ed25519", "sign", "never", "secret");
    home.gpg(&["--passphrase", "secret", "--quick-add-key", &fingerprint, "rsa2048", "sign", "never"]);
    let key = home.gpg(&["--passphrase", "secret", "--export-secret-keys", &fingerprint]);
    let passphrase = Secret::new("secret".to_owned());
    let good = SigningKey::open(&key, Some(&passphrase), NOW).unwrap();
    let signature = good.sign(CONTENT, Hash::Sha512, CREATED).unwrap();
    let message = good.sign_cleartext(RELEASE, CREATED).unwrap();
    for at in 0..key.len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = key.clone();
            bytes[at] ^= change;
            // Without the passphrase: unlocking costs a second and is not what is looked at.
            match SigningKey::open(&bytes, None, NOW) {
                Ok(_) | Err(KeyError::PassphraseWrong { .. }) => panic!("byte {at} with {change:x}"),
                Err(_) => {}
            }
        }
        drop(Certificate::read(&key[..at]));
    }
    for at in 0..signature.bytes().len() {
        for change in [0x01, 0x80, 0xff] {
            let mut bytes = signature.bytes().to_vec();
            bytes[at] ^= change;
            drop(good.certificate().verify(&bytes, CONTENT));
        }
        good.certificate().verify(&signature.bytes()[..at], CONTENT).expect_err("cut off");
    }
    for at in 0..message.len() - 1 {
        good.certificate().verify_cleartext(&message.as_bytes()[..at]).expect_err("cut off");
    }
}
