//! Keystores: each is opened, signs, and refuses what it should; signatures are verified by openssl. Services are servers
//! on this machine that speak their protocols.

mod amazon;
mod azure;
mod command;
mod files;
mod google;
mod manifest;
mod release;
mod token;

use crate::support::office::Office;
use cargo_deploy::bench::clock;
use cargo_deploy::bench::environment::Environment;
use cargo_deploy::bench::fetch::{Limits, Network};
use cargo_deploy::keystore::{self, KeySettings, KeystoreContext};
use deploy_crypto::{Hash, KeyPurpose, PrivateKey, SigningKey};
use deploy_plan::finding::Finding;
use serde_json::Value as Json;
use std::path::Path;
use std::time::Duration;

/// What must be seen nowhere.
const SECRET: &str = "planted-correct-horse";

impl Office {
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

fn executable(path: &Path, text: &str) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::write(path, text).expect("write");
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).expect("permissions");
}
