//! Keystores: each is opened, signs, and refuses what it should; signatures are verified by openssl. Services are servers
//! on this machine that speak their protocols.

mod amazon;
mod azure;
mod command;
mod files;
mod google;
mod manifest;
mod token;

use crate::support::clients::find;
use crate::support::project::Scratch;
use camino::Utf8Path;
use cargo_deploy::bench::clock;
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::bench::fetch::{Limits, Network};
use cargo_deploy::keystore::{self, KeySettings, KeystoreContext};
use deploy_crypto::{Hash, KeyPurpose, PrivateKey, SigningKey};
use deploy_plan::finding::Finding;
use serde_json::Value as Json;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// What must be seen nowhere.
const SECRET: &str = "planted-correct-horse";

/// A directory with an authority and certificates of it.
struct Office {
    scratch: Scratch,
}

impl Office {
    /// An authority, where openssl is there.
    fn new() -> Option<Self> {
        find("openssl")?;
        let office = Office { scratch: Scratch::new() };
        office.openssl(&[
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "30",
            "-subj",
            "/CN=Example Root",
            "-keyout",
            "root.key",
            "-out",
            "root.crt",
        ]);
        Some(office)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.scratch.0.join(name)
    }

    fn root(&self) -> &Utf8Path {
        Utf8Path::from_path(&self.scratch.0).expect("UTF-8")
    }

    fn openssl(&self, arguments: &[&str]) -> Vec<u8> {
        let output =
            Command::new("openssl").args(arguments).current_dir(&self.scratch.0).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "openssl {arguments:?}: {said}");
        output.stdout
    }

    /// Makes `name.key` and `name.crt` for signing code. `kind` is `rsa:2048` or the name of a curve.
    fn issue(&self, name: &str, kind: &str) {
        self.issue_for(name, kind, "extendedKeyUsage=codeSigning\n");
    }

    fn issue_for(&self, name: &str, kind: &str, extensions: &str) {
        let (key, request, certificate) =
            (format!("{name}.key"), format!("{name}.csr"), format!("{name}.crt"));
        let curve = format!("ec_paramgen_curve:{kind}");
        let kind: &[&str] = if kind.starts_with("rsa") { &[kind] } else { &["ec", "-pkeyopt", &curve] };
        let subject = format!("/O=Example Ltd/CN=Example {name}");
        let rest = ["-nodes", "-subj", &subject, "-keyout", &key, "-out", &request];
        self.openssl(&[&["req", "-new", "-newkey"], kind, &rest].concat());
        let extensions = format!("basicConstraints=CA:FALSE\nkeyUsage=digitalSignature\n{extensions}");
        std::fs::write(self.path("extensions"), extensions).expect("write");
        self.openssl(&[
            "x509",
            "-req",
            "-in",
            &request,
            "-CA",
            "root.crt",
            "-CAkey",
            "root.key",
            "-CAcreateserial",
            "-days",
            "20",
            "-extfile",
            "extensions",
            "-out",
            &certificate,
        ]);
    }

    /// The certificate in DER.
    fn der(&self, name: &str) -> Vec<u8> {
        self.openssl(&["x509", "-in", &format!("{name}.crt"), "-outform", "DER"])
    }

    /// The public key, as services give it.
    fn public(&self, name: &str, form: &str) -> Vec<u8> {
        self.openssl(&["pkey", "-in", &format!("{name}.key"), "-pubout", "-outform", form])
    }

    /// The key as the servers have it.
    fn private(&self, name: &str) -> PrivateKey {
        let bytes = std::fs::read(self.path(&format!("{name}.key"))).expect("read");
        PrivateKey::open(&bytes, None).expect("a key")
    }

    /// Signs with the opened key and lets openssl verify it with the public key of the certificate.
    fn signs(&self, key: &dyn SigningKey, name: &str, hash: Hash) {
        let digest = hash.digest(b"a program");
        let signature = key.sign(hash, &digest).unwrap_or_else(|error| panic!("{error:?}"));
        self.verified(name, hash, &digest, &signature.bytes);
    }

    fn verified(&self, name: &str, hash: Hash, digest: &[u8], signature: &[u8]) {
        std::fs::write(self.path("digest"), digest).expect("write");
        std::fs::write(self.path("signature"), signature).expect("write");
        let certificate = format!("{name}.crt");
        let hash = format!("digest:{hash}");
        let said = self.openssl(&[
            "pkeyutl",
            "-verify",
            "-certin",
            "-inkey",
            &certificate,
            "-in",
            "digest",
            "-sigfile",
            "signature",
            "-pkeyopt",
            &hash,
        ]);
        assert!(String::from_utf8_lossy(&said).contains("Verified Successfully"));
    }

    /// Opens a key.
    fn open(&self, settings: Json, how: &How<'_>) -> Result<Box<dyn SigningKey>, Finding> {
        let environment = Environment::of(how.variables, self.root().as_str());
        let limits = Limits {
            first_pause: Duration::from_millis(1),
            longest_pause: Duration::from_millis(1500),
            ..Limits::default()
        };
        let network = Network::with_limits(&environment, limits).expect("a network");
        let certificates: Vec<String> = how.certificates.iter().map(|name| (*name).to_owned()).collect();
        keystore::open(
            &KeySettings(settings),
            &KeystoreContext {
                root: self.root(),
                environment: &environment,
                network: (!how.offline).then_some(&network),
                now: clock::unix_seconds().saturating_add_signed(how.later),
                hash: how.hash,
                purpose: &KeyPurpose::CodeSigning,
                field: "sign.windows.key",
                certificates: &certificates,
                certificates_field: "sign.windows.certificates",
            },
        )
    }

    /// Opens a key that must open.
    fn opened(&self, settings: Json, how: &How<'_>) -> Box<dyn SigningKey> {
        self.open(settings, how).unwrap_or_else(|finding| panic!("{}: {}", finding.code, finding.message))
    }

    /// Opens a key that must not open, and gives what is said: code, place, message.
    fn refused(&self, settings: Json, how: &How<'_>) -> (Finding, String) {
        let finding = match self.open(settings, how) {
            Ok(_) => panic!("it opened"),
            Err(finding) => finding,
        };
        let said =
            format!("{} {}: {}", finding.code, finding.path.as_deref().unwrap_or("-"), finding.message);
        nothing_tells(&format!("{finding:?}"));
        assert!(!finding.help.is_empty());
        (finding, said)
    }
}

/// In which circumstances a key is opened.
struct How<'a> {
    variables: &'a [(&'a str, &'a str)],
    certificates: &'a [&'a str],
    hash: Hash,
    /// Seconds from now.
    later: i64,
    offline: bool,
}

const USUAL: How<'static> =
    How { variables: &[], certificates: &[], hash: Hash::Sha256, later: 0, offline: false };

/// What is said must not have the secret in it.
fn nothing_tells(said: &str) {
    assert!(!said.contains(SECRET), "{said}");
}

/// What a failed signature says, with all its causes.
fn failure(key: &dyn SigningKey) -> (deploy_model::FailureClass, String) {
    let error = key.sign(Hash::Sha256, &Hash::Sha256.digest(b"a program")).expect_err("no signature");
    let said = cargo_deploy::cause::chain(&error);
    nothing_tells(&format!("{error:?} {said}"));
    (keystore::class(&error), said)
}

/// Whether a program is there that a test needs beside openssl.
fn needs(program: &str) -> Option<PathBuf> {
    find(program)
}

fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("write");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}
