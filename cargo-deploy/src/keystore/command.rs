//! `command`: a program that signs a digest, for keys at places that have no file here.
//!
//! The program reads the digest from its standard input, as bare bytes, and writes the signature to its standard output: as bare
//! bytes or in Base64, RSA in PKCS #1 v1.5, ECDSA in DER or as two plain numbers. `DEPLOY_SIGN_HASH` says the hash (`sha256`), and
//! `DEPLOY_SIGN_ALGORITHM` the kind of key (`rsa`, `ecdsa-p256`). It is run once for each signature, in the workspace's root.

use crate::bench::environment::Environment;
use crate::bench::process::{ProcessError, Program};
use crate::cause::chain;
use crate::keystore::{Keystore, KeystoreContext, credential};
use crate::plugin::{Info, Plugin};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use camino::Utf8PathBuf;
use deploy_crypto::{
    Certificate, Hash, KeyAlgorithm, RawSignature, Secret, SigningKey, SigningKeyError, ecdsa_signature,
};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;

/// `command`.
#[derive(Debug)]
pub struct Command;

/// A program that signs a digest.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct CommandSettings {
    /// The program and its arguments. It reads the digest from its standard input and writes the signature to its standard output.
    #[schemars(length(min = 1), extend("examples" = [["./scripts/sign-digest", "--key", "release"]]))]
    command: Vec<String>,

    /// The file with the key's certificate, relative to the workspace's root; PEM, DER or PKCS #7.
    #[schemars(extend("examples" = ["certs/release.crt"]))]
    certificate: String,
}

impl Plugin for Command {
    type Settings = CommandSettings;
    const INFO: Info = Info { id: "command", summary: "a program that signs a digest", revision: 1 };
}

impl Keystore for Command {
    fn open(
        &self,
        settings: &CommandSettings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        let (algorithm, chain) = credential::chain_of(context, "certificate", &settings.certificate)?;
        let [program, arguments @ ..] = settings.command.as_slice() else {
            let help = "write the program and its arguments";
            return Err(context.finding("keystore::missing", "command", "there is no program", help));
        };
        let path = find(context, program).ok_or_else(|| {
            context.finding(
                "keystore::missing",
                "command",
                format!("the program {program:?} is not there"),
                "give a path relative to the workspace's root that begins with `./`, or a name on PATH",
            )
        })?;
        let program = Program::new(path.as_str()).args(arguments).directory(context.root);
        let identity = chain.first().map(Certificate::sha256).unwrap_or_default();
        let secrets = secrets(context.environment);
        Ok(Box::new(CommandKey { program, secrets, identity, algorithm, chain }))
    }

    fn describe(&self, settings: &CommandSettings) -> String {
        format!("the command `{}`", settings.command.join(" "))
    }
}

/// The program: a path with a slash is relative to the workspace's root, a name is looked up on PATH.
fn find(context: &KeystoreContext<'_>, program: &str) -> Option<Utf8PathBuf> {
    let is_file = |path: &Utf8PathBuf| path.is_file();
    if program.contains('/') {
        return Some(context.root.join(program)).filter(is_file);
    }
    let path = context.environment.get_os("PATH")?;
    std::env::split_paths(path)
        .filter_map(|directory| Utf8PathBuf::from_path_buf(directory).ok())
        .map(|directory| context.environment.directory.join(directory).join(program))
        .find(is_file)
}

/// The values of variables that are secret by their names. A program that fails may say one of them.
fn secrets(environment: &Environment) -> Vec<Secret<String>> {
    const WORDS: [&str; 7] = ["SECRET", "TOKEN", "PASS", "KEY", "PIN", "CREDENTIAL", "AUTH"];
    environment
        .with_prefix("")
        .filter(|(name, value)| {
            let name = name.to_ascii_uppercase();
            value.len() >= 4 && WORDS.iter().any(|word| name.contains(word))
        })
        .map(|(_, value)| Secret::new(value.trim().to_owned()))
        .collect()
}

struct CommandKey {
    program: Program,
    secrets: Vec<Secret<String>>,
    identity: String,
    algorithm: KeyAlgorithm,
    chain: Vec<Certificate>,
}

/// The program did not sign.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct CommandFailure {
    /// What happened, without secrets.
    said: String,
}

/// The name of a kind of key in the program's environment.
fn name(algorithm: KeyAlgorithm) -> &'static str {
    match algorithm {
        KeyAlgorithm::Rsa { .. } => "rsa",
        KeyAlgorithm::EcdsaP256 => "ecdsa-p256",
        KeyAlgorithm::EcdsaP384 => "ecdsa-p384",
        KeyAlgorithm::EcdsaP521 => "ecdsa-p521",
    }
}

impl CommandKey {
    fn failure(&self, error: &ProcessError) -> SigningKeyError {
        let said = self
            .secrets
            .iter()
            .fold(chain(error), |said, secret| said.replace(secret.expose().as_str(), "***"));
        SigningKeyError::Place { identity: self.identity.clone(), source: Box::new(CommandFailure { said }) }
    }
}

impl SigningKey for CommandKey {
    fn identity(&self) -> &str {
        &self.identity
    }

    fn algorithm(&self) -> KeyAlgorithm {
        self.algorithm
    }

    fn chain(&self) -> &[Certificate] {
        &self.chain
    }

    fn sign(&self, hash: Hash, digest: &[u8]) -> Result<RawSignature, SigningKeyError> {
        let program = self
            .program
            .clone()
            .env("DEPLOY_SIGN_HASH", hash.name())
            .env("DEPLOY_SIGN_ALGORITHM", name(self.algorithm));
        let output = program.feed(&mut &*digest).map_err(|error| self.failure(&error))?;
        let candidates = candidates(&output.stdout, self.algorithm);
        let leaf = self.chain.first();
        let fits = |bytes: &Vec<u8>| leaf.is_some_and(|leaf| leaf.verifies(hash, digest, bytes));
        match candidates.into_iter().find(fits) {
            Some(bytes) => Ok(RawSignature { bytes, chain: None }),
            None => Err(SigningKeyError::Mismatch {
                identity: self.identity.clone(),
                subject: leaf.map(|leaf| leaf.subject().to_owned()).unwrap_or_default(),
            }),
        }
    }
}

/// What the output of a program may mean; the right one is that which verifies.
fn candidates(output: &[u8], algorithm: KeyAlgorithm) -> Vec<Vec<u8>> {
    let text: String = String::from_utf8_lossy(output).split_whitespace().collect();
    let mut found = vec![output.to_vec()];
    found.extend(STANDARD.decode(text));
    if !algorithm.is_rsa() {
        let numbers: Vec<Vec<u8>> = found.iter().filter_map(|bytes| ecdsa_signature(bytes)).collect();
        found.extend(numbers);
    }
    found
}
