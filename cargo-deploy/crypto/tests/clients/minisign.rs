//! minisign: its keys, and signatures that it verifies.

use super::{Directory, find, run};
use deploy_crypto::Secret;
use deploy_crypto::minisign::{PublicKey, SigningKey, TrustedComment};
use std::path::PathBuf;

const CONTENT: &[u8] = b"what is released\n";

/// A directory with a pair of keys that minisign made.
struct Keys {
    program: PathBuf,
    directory: Directory,
}

impl Keys {
    fn new(password: Option<&str>) -> Option<Self> {
        let program = find("minisign")?;
        let directory = Directory::new();
        let path = |name| directory.path(name).to_str().unwrap().to_owned();
        let (secret, public) = (path("key"), path("key.pub"));
        let mut arguments = vec!["-G", "-f", "-p", &public, "-s", &secret];
        let input = match password {
            Some(password) => format!("{password}\n{password}\n"),
            None => {
                arguments.push("-W");
                String::new()
            }
        };
        let (good, _, stderr) = run(&program, &arguments, &directory.0, input.as_bytes());
        assert!(good, "{stderr}");
        Some(Keys { program, directory })
    }

    fn secret(&self) -> Vec<u8> {
        self.directory.read("key")
    }

    fn public(&self) -> PublicKey {
        PublicKey::read(&self.directory.read("key.pub")).unwrap()
    }

    /// What minisign says of a signature over a content.
    fn verify(&self, signature: &str, content: &[u8]) -> (bool, String) {
        let path = |name, content: &[u8]| self.directory.write(name, content).to_str().unwrap().to_owned();
        let file = path("tool-1.2.3.deb", content);
        let signature = path("tool-1.2.3.deb.minisig", signature.as_bytes());
        let public = self.directory.path("key.pub").to_str().unwrap().to_owned();
        let arguments = ["-V", "-p", &public, "-m", &file, "-x", &signature];
        let (good, stdout, stderr) = run(&self.program, &arguments, &self.directory.0, b"");
        (good, String::from_utf8_lossy(&stdout).into_owned() + &stderr)
    }
}

fn comment() -> TrustedComment {
    TrustedComment::of(1_700_000_000, "tool-1.2.3.deb", "1.2.3").unwrap()
}

#[test]
fn the_comment_of_a_public_key_has_its_id_as_minisign_writes_it() {
    // As minisign 0.11 made it: the id begins with a zero, which the comment has not.
    let file = "untrusted comment: minisign public key 307AC1A3017AD7E\nRWR+rRcwGqwHAyR8mWJv8sK+4mRmWjvbFAR9il4GWV0lg5OnaOp2Aoj/\n";
    let key = PublicKey::read(file.as_bytes()).unwrap();
    assert_eq!(key.file(), file);
    assert_eq!(key.id().to_string(), "0307AC1A3017AD7E");
}

#[test]
fn minisign_takes_our_signature_and_shows_the_comment() {
    let Some(keys) = Keys::new(None) else { return };
    let key = SigningKey::open(&keys.secret(), None).unwrap();
    assert_eq!(key.public(), keys.public());
    assert_eq!(key.public().file().as_bytes(), keys.directory.read("key.pub"));
    let signature = key.sign(CONTENT, &comment()).unwrap();
    let (good, said) = keys.verify(&signature, CONTENT);
    assert!(good, "{said}");
    let shown = "Signature and comment signature verified\nTrusted comment: timestamp:1700000000\tfile:tool-1.2.3.deb\tversion:1.2.3\thashed\n";
    assert_eq!(said, shown);
    assert_eq!(signature, key.sign(CONTENT, &comment()).unwrap());
    assert_eq!(key.public().verify(signature.as_bytes(), CONTENT).unwrap(), comment().as_str());

    let (good, said) = keys.verify(&signature, b"something else");
    assert!(!good, "{said}");
    let forged = signature.replace("version:1.2.3", "version:1.2.4");
    let (good, said) = keys.verify(&forged, CONTENT);
    assert!(!good, "{said}");
}

#[test]
fn signatures_of_minisign_are_ours_to_the_byte() {
    let Some(keys) = Keys::new(None) else { return };
    let path = |name| keys.directory.path(name).to_str().unwrap().to_owned();
    keys.directory.write("content", CONTENT);
    let key = SigningKey::open(&keys.secret(), None).unwrap();
    let ours = key.sign(CONTENT, &comment()).unwrap();
    let untrusted = format!("signature from minisign secret key {}", key.public().id());
    let (secret, content) = (path("key"), path("content"));
    let arguments =
        ["-S", "-s", &secret, "-m", &content, "-c", &untrusted, "-t", comment().as_str()].map(str::to_owned);
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (good, _, stderr) = run(&keys.program, &arguments, &keys.directory.0, b"");
    assert!(good, "{stderr}");
    assert_eq!(String::from_utf8(keys.directory.read("content.minisig")).unwrap(), ours);
}

#[test]
fn a_locked_key_wants_its_password() {
    let Some(keys) = Keys::new(Some("correct horse")) else { return };
    let open = |password: Option<&str>| {
        let password = password.map(|password| Secret::new(password.to_owned()));
        SigningKey::open(&keys.secret(), password.as_ref())
    };
    let key = open(Some("correct horse")).unwrap();
    assert_eq!(key.public(), keys.public());
    let (good, said) = keys.verify(&key.sign(CONTENT, &comment()).unwrap(), CONTENT);
    assert!(good, "{said}");
    assert_eq!(
        open(Some("battery staple")).expect_err("wrong").to_string(),
        "unlock the minisign key: the password is wrong"
    );
    assert_eq!(
        open(None).expect_err("missing").to_string(),
        "unlock the minisign key: it is protected by a password, and none was given"
    );
}

#[test]
fn what_is_no_minisign_key_is_refused() {
    let Some(keys) = Keys::new(None) else { return };
    let secret = String::from_utf8(keys.secret()).unwrap();
    let public = keys.public();
    let data = secret.lines().nth(1).unwrap();
    let mut damaged = data.to_owned().into_bytes();
    damaged[90] = if damaged[90] == b'A' { b'B' } else { b'A' };
    let damaged = String::from_utf8(damaged).unwrap();
    let table = [
        (String::new(), "read the minisign key: it is empty".to_owned()),
        ("hello".to_owned(), "read the minisign key: it is not one of minisign".to_owned()),
        (
            "untrusted comment: key\n".to_owned(),
            "read the minisign key: its second line is missing".to_owned(),
        ),
        (
            data[..100].to_owned(),
            "read the minisign key: it has another length than a minisign key".to_owned(),
        ),
        (
            format!("{secret}more\n"),
            "read the minisign key: it has more lines than a minisign key".to_owned(),
        ),
        (damaged, "read the minisign key: it is damaged".to_owned()),
        (
            data.replacen("RWQAAEIy", "RWRXXEIy", 1),
            "read the minisign key: how it is locked is unknown".to_owned(),
        ),
        (
            public.file(),
            format!(
                "sign with the minisign key {}: this is the public key; the secret one begins with `untrusted comment: minisign encrypted secret key`",
                public.id()
            ),
        ),
    ];
    for (text, expected) in table {
        assert_eq!(SigningKey::open(text.as_bytes(), None).expect_err("no key").to_string(), expected);
    }
    assert_eq!(
        PublicKey::read(secret.as_bytes()).expect_err("secret").to_string(),
        "read the minisign public key: this is a secret key"
    );
    assert_eq!(PublicKey::read(public.base64().as_bytes()).unwrap(), public);
}

#[test]
fn signatures_over_something_else_or_by_another_are_refused() {
    let (Some(keys), Some(others)) = (Keys::new(None), Keys::new(None)) else { return };
    let key = SigningKey::open(&keys.secret(), None).unwrap();
    let signature = key.sign(CONTENT, &comment()).unwrap();
    let problem = |public: &PublicKey, signature: &str, content: &[u8]| {
        public.verify(signature.as_bytes(), content).expect_err("refused").to_string()
    };
    let (mine, other) = (keys.public(), others.public());
    assert_eq!(
        problem(&mine, &signature, b"else"),
        "verify the minisign signature: it does not fit what it should have signed"
    );
    assert_eq!(
        problem(&mine, &signature.replace("1.2.3\t", "1.2.4\t"), CONTENT),
        "verify the minisign signature: its trusted comment is not the one that was signed"
    );
    assert_eq!(
        problem(&other, &signature, CONTENT),
        format!(
            "verify the minisign signature: it was made by the key {}, and not by {}",
            mine.id(),
            other.id()
        )
    );
    let lines: Vec<&str> = signature.lines().collect();
    let table = [
        (String::new(), "its first line is no untrusted comment"),
        (lines[0].to_owned(), "its second line is not base64"),
        (lines[..2].join("\n"), "its third line is no trusted comment"),
        (lines[..3].join("\n"), "its fourth line is not base64"),
        (format!("{signature}more"), "something follows it"),
        (signature.replacen("\nRU", "\nRW", 1), "it is of the old kind that does not hash before it signs"),
    ];
    for (text, expected) in table {
        assert_eq!(problem(&mine, &text, CONTENT), format!("read the minisign signature: {expected}"));
    }
}

#[test]
fn comments_are_one_line() {
    let problem = |file: &str| TrustedComment::of(1, file, "1").expect_err("refused").to_string();
    assert_eq!(
        problem("a\nb"),
        "sign with minisign: the comment holds a line break or another control character, and must be one line"
    );
    assert_eq!(
        problem("a\tb"),
        "sign with minisign: the comment holds a tab within a name, and must be one line"
    );
    assert_eq!(
        problem(&"a".repeat(8200)),
        "sign with minisign: the comment has 8234 bytes, and minisign reads up to 8192"
    );
}
