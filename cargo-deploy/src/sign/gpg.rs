//! OpenPGP signatures: beside files, in `InRelease`, inside rpm packages. With a key of one's own in process, or by gpg's
//! agent, which keeps the secret and can ask a person or a smartcard.

use crate::bench::clock;
use crate::bench::environment::Environment;
use crate::bench::process::{self, ProcessError, Program};
use crate::cause::chain;
use crate::key::{Certificate, Identity, Key, KeyError, Subject};
use crate::plugin::{Info, Plugin};
use crate::sign::credential::{self, cannot_sign, finding, moment, not_good, seconds};
use crate::sign::{KeyContext, Signer};
use camino::Utf8PathBuf;
use deploy_crypto::Secret;
use deploy_crypto::openpgp::{self, Hash, Seen, SigningKey, armour_signature};
use deploy_model::FailureClass;
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;
use std::io::Read;

/// `gpg`.
#[derive(Debug)]
pub struct Gpg;

/// With which key OpenPGP signatures are made.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct GpgSettings {
    /// The key that signs.
    key: GpgKeySource,

    /// The variable that holds the key's passphrase. Without it the key has to be one without a passphrase, or the
    /// agent has to know it.
    #[serde(default)]
    #[schemars(extend("examples" = ["GPG_PASSPHRASE"]))]
    passphrase_env: Option<String>,
}

/// Where an OpenPGP key is.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
#[schemars(extend("oneOf" = [{ "required": ["file"] }, { "required": ["env"] }, { "required": ["agent"] }]))]
struct GpgKeySource {
    /// The file with the secret key, as `gpg --export-secret-keys` writes it, relative to the workspace's root.
    #[serde(default)]
    #[schemars(extend("examples" = ["../secrets/release-key.asc"]))]
    file: Option<String>,

    /// The variable that holds the secret key, armoured, or any form of it in base64.
    #[serde(default)]
    #[schemars(extend("examples" = ["GPG_KEY"]))]
    env: Option<String>,

    /// The whole fingerprint of a key that the installed gpg has, to be signed with by its agent.
    #[serde(default)]
    #[schemars(extend("examples" = ["0123456789ABCDEF0123456789ABCDEF01234567"]))]
    agent: Option<String>,
}

impl Plugin for Gpg {
    type Settings = GpgSettings;
    const INFO: Info =
        Info { id: "gpg", summary: "OpenPGP signatures, which gpg, apt, dnf and rpm check", revision: 1 };
}

impl Signer for Gpg {
    const SUFFIX: &'static str = ".asc";
    const PUBLIC_KEY: &'static str = "{name}-key.asc";

    fn open(&self, settings: &GpgSettings, context: &KeyContext<'_>) -> Result<Box<dyn Key>, Finding> {
        let environment = context.environment;
        let passphrase = credential::passphrase(
            environment,
            "sign.gpg.passphrase-env",
            settings.passphrase_env.as_deref(),
            "passphrase",
        )?;
        // A key must be good today, or users are told that the signature is by an expired key, and when it signs.
        let now = clock::unix_seconds().max(moment(context.moment));
        let key = match &settings.key {
            GpgKeySource { agent: Some(fingerprint), .. } => by_agent(fingerprint, passphrase, now, context)?,
            GpgKeySource { file: Some(name), .. } => {
                let field = "sign.gpg.key.file";
                in_process(field, &credential::file(context, field, name)?, passphrase, now)?
            }
            GpgKeySource { env: Some(name), .. } => {
                let field = "sign.gpg.key.env";
                in_process(field, &credential::variable(environment, field, name)?, passphrase, now)?
            }
            GpgKeySource { .. } => {
                let message = "nothing says where the key is".to_owned();
                let help = "write one of `file`, `env` and `agent`";
                return Err(finding("sign::missing-key", "sign.gpg.key", message, help));
            }
        };
        Ok(Box::new(key))
    }

    fn certificate(
        &self,
        public_key: &str,
    ) -> Result<Box<dyn Certificate>, Box<dyn std::error::Error + Send + Sync>> {
        Ok(Box::new(PublicKey(openpgp::Certificate::read(public_key.as_bytes())?)))
    }
}

/// A key with what makes its signatures.
struct GpgKey {
    identity: Identity,
    signer: openpgp::Identity,
    maker: Maker,
}

enum Maker {
    Process(Box<SigningKey>),
    Agent(Agent),
}

/// gpg with its agent.
struct Agent {
    gpg: Program,
    passphrase: Option<Secret<String>>,
    /// Nobody is there who could answer a question.
    alone: bool,
    /// Of the part that signs.
    fingerprint: String,
}

/// The shapes in which gpg signs.
#[derive(Clone, Copy)]
enum Shape {
    Detached(Hash),
    Cleartext,
}

fn identity(signer: &openpgp::Identity, certificate: &openpgp::Certificate) -> Identity {
    Identity {
        key: signer.fingerprint.clone(),
        created: seconds(signer.valid_from),
        public_key: certificate.armoured(),
    }
}

/// A key whose own signatures are of a kind that clients no longer accept makes signatures that they do not accept.
fn strong(field: &str, signer: &openpgp::Identity) -> Result<(), Finding> {
    if !signer.weak_bindings {
        return Ok(());
    }
    let fingerprint = &signer.fingerprint;
    let message = format!(
        "the OpenPGP key {fingerprint} vouches for itself by SHA-1, which today's apt and rpm do not accept any more"
    );
    let help = format!(
        "renew that with `gpg --cert-digest-algo SHA256 --quick-set-expire {fingerprint} 2y` and export the key again"
    );
    Err(finding("sign::unusable-key", field, message, help))
}

fn in_process(
    field: &str,
    bytes: &Secret<Vec<u8>>,
    passphrase: Option<Secret<String>>,
    now: u64,
) -> Result<GpgKey, Finding> {
    let key = SigningKey::open(bytes.expose(), passphrase.as_ref(), now).map_err(|error| match error {
        openpgp::KeyError::PassphraseMissing { .. } => finding(
            "sign::passphrase",
            field,
            format!("failed to {error}"),
            "put the passphrase into a variable and name it: `passphrase-env = \"GPG_PASSPHRASE\"`",
        ),
        openpgp::KeyError::PassphraseWrong { .. } => finding(
            "sign::passphrase",
            "sign.gpg.passphrase-env",
            format!("failed to {error}"),
            "`gpg --import` of the key asks for the right one",
        ),
        error => finding("sign::unusable-key", field, format!("failed to {}", chain(&error)), mend(&error)),
    })?;
    strong(field, key.identity())?;
    let identity = identity(key.identity(), key.certificate());
    Ok(GpgKey { identity, signer: key.identity().clone(), maker: Maker::Process(Box::new(key)) })
}

/// How a key that cannot sign is mended.
fn mend(error: &openpgp::KeyError) -> String {
    match error {
        openpgp::KeyError::Standing(error) => mend_standing(error),
        _ => "export the secret key with `gpg --armor --export-secret-keys FINGERPRINT`".to_owned(),
    }
}

fn mend_standing(error: &openpgp::StandingError) -> String {
    use openpgp::StandingError as Problem;
    match error {
        Problem::Expired { fingerprint, .. } => format!(
            "prolong it with `gpg --quick-set-expire {fingerprint} 2y`, export it again, and give users the new public key"
        ),
        Problem::SubkeyExpired { fingerprint, subkey, .. } => format!(
            "prolong it with `gpg --quick-set-expire {fingerprint} 2y {subkey}`, export it again, and give users the new public key"
        ),
        Problem::NotForSigning { fingerprint } | Problem::SubkeyRevoked { fingerprint, .. } => {
            format!("add a subkey that signs with `gpg --quick-add-key {fingerprint} ed25519 sign 2y`")
        }
        Problem::Elsewhere { .. } => {
            "export the key where its secret is, or sign by gpg's agent: `key = { agent = \"FINGERPRINT\" }`"
                .to_owned()
        }
        Problem::Revoked { .. } | Problem::Algorithm { .. } | Problem::Unbound { .. } => {
            "make a new key with `gpg --quick-generate-key \"Name <mail@example.com>\" ed25519 sign 2y`"
                .to_owned()
        }
    }
}

fn by_agent(
    fingerprint: &str,
    passphrase: Option<Secret<String>>,
    now: u64,
    context: &KeyContext<'_>,
) -> Result<GpgKey, Finding> {
    let field = "sign.gpg.key.agent";
    let digits: String =
        fingerprint.chars().filter(|letter| !letter.is_whitespace()).collect::<String>().to_ascii_uppercase();
    if digits.len() != 40 || !digits.chars().all(|digit| digit.is_ascii_hexdigit()) {
        let message = format!("{fingerprint:?} is not the fingerprint of an OpenPGP key");
        let help = "write all 40 digits that `gpg --list-secret-keys` shows; names and short ids can mean several keys";
        let found = finding("sign::missing-key", field, message, help);
        return Err(found.class(FailureClass::Configuration));
    }
    let Some(program) = process::find("gpg", context.environment.get_os("PATH")) else {
        let message = "gpg is not on PATH, and the key is to be used by its agent".to_owned();
        let help = "install GnuPG, or export the key: `key = { file = \"...\" }` needs no gpg";
        return Err(finding("sign::missing-key", field, message, help).class(FailureClass::MissingTool));
    };
    let unusable = |message: String, help: String| finding("sign::unusable-key", field, message, help);
    let gpg = gpg(&program, context.environment);
    let export = gpg.clone().args(["--export-options", "export-minimal", "--export", &digits]);
    let output = export.run().map_err(|error| {
        let message = format!("gpg does not give the public key {digits}: {}", said(&error));
        unusable(message, format!("see what `gpg --list-keys {digits}` says"))
    })?;
    if output.stdout.is_empty() {
        let message = format!("gpg has no key {digits}");
        let help = "`gpg --list-secret-keys` shows those that it has; GNUPGHOME says where it looks";
        return Err(finding("sign::missing-key", field, message, help));
    }
    let certificate = openpgp::Certificate::read(&output.stdout).map_err(|error| {
        unusable(format!("failed to {}", chain(&error)), "export the key and use it as a file".to_owned())
    })?;
    let signer = certificate
        .identity(now)
        .map_err(|error| unusable(format!("failed to {}", chain(&error)), mend_standing(&error)))?;
    strong(field, &signer)?;
    let agent = Agent {
        gpg,
        passphrase,
        alone: context.environment.is_ci(),
        fingerprint: signer.signing_fingerprint.clone(),
    };
    // Only a signature shows that the agent has the secret and that whoever guards it agrees.
    let when = signer.moment(moment(context.moment));
    let help = || {
        format!(
            "see what is wrong with `echo test | gpg --clear-sign --local-user {digits}`; where nobody sits at a terminal, \
             the agent has to know the passphrase beforehand, or `passphrase-env` has to name a variable that holds it"
        )
    };
    let trial = agent.sign(Shape::Detached(Hash::Sha512), &mut std::io::empty(), when).map_err(|error| {
        finding(
            "sign::passphrase",
            field,
            format!("gpg does not sign with {digits}: {}", said(&error)),
            help(),
        )
    })?;
    match certificate.verify(&trial, std::io::empty()) {
        Ok(seen) if seen.moment == when => {}
        Ok(seen) => {
            let message = format!("gpg signs with the moment {} where {when} was asked for", seen.moment);
            return Err(unusable(message, "export the key and use it as a file".to_owned()));
        }
        Err(error) => return Err(unusable(format!("failed to {}", chain(&error)), help())),
    }
    Ok(GpgKey { identity: identity(&signer, &certificate), signer, maker: Maker::Agent(agent) })
}

/// gpg without the settings of whoever runs this, which would be in the signatures.
fn gpg(program: &Utf8PathBuf, environment: &Environment) -> Program {
    let gpg = Program::new(program).args(["--no-options", "--batch", "--quiet"]).env("LC_ALL", "C");
    match environment.get_os("GNUPGHOME") {
        Some(home) => gpg.env("GNUPGHOME", home),
        None => gpg,
    }
}

/// What gpg said when it failed, on one line and without what it says to everybody.
fn said(error: &ProcessError) -> String {
    let ProcessError::Failed { stderr, .. } = error else { return chain(error) };
    let mut lines: Vec<&str> = stderr
        .iter()
        .map(|line| line.strip_prefix("gpg: ").unwrap_or(line).trim())
        .filter(|line| !line.is_empty() && !line.starts_with("WARNING"))
        .collect();
    lines.dedup();
    lines.join("; ")
}

impl Agent {
    fn sign(&self, shape: Shape, content: &mut dyn Read, moment: u64) -> Result<Vec<u8>, ProcessError> {
        let mut program = self
            .gpg
            .clone()
            .args(["--faked-system-time", &format!("{moment}!")])
            .args(["--local-user", &format!("{}!", self.fingerprint)])
            .args(["--output", "-"]);
        if self.passphrase.is_some() {
            program = program.args(["--pinentry-mode", "loopback", "--passphrase-fd", "0"]);
        } else if self.alone {
            program = program.args(["--pinentry-mode", "error"]);
        }
        program = match shape {
            Shape::Detached(hash) => program.args(["--digest-algo", &hash.to_string(), "--detach-sign"]),
            Shape::Cleartext => program.args(["--digest-algo", "SHA512", "--clear-sign"]),
        };
        // gpg takes the passphrase from the first line, byte by byte, and the content from what follows.
        let line =
            self.passphrase.as_ref().map(|passphrase| Secret::new(format!("{}\n", passphrase.expose())));
        let before = line.as_ref().map_or(&[][..], |line| line.expose().as_bytes());
        Ok(program.feed(&mut before.chain(content))?.stdout)
    }
}

impl GpgKey {
    fn sign(&self, content: &mut dyn Read, hash: Hash, subject: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        let when = self.signer.moment(moment(subject.moment));
        match &self.maker {
            Maker::Process(key) => key
                .sign(content, hash, when)
                .map(|signature| signature.bytes().to_vec())
                .map_err(|error| cannot_sign(subject.file, &self.identity.key, error)),
            Maker::Agent(agent) => agent
                .sign(Shape::Detached(hash), content, when)
                .map_err(|error| cannot_sign(subject.file, &self.identity.key, error)),
        }
    }
}

impl Key for GpgKey {
    fn identity(&self) -> &Identity {
        &self.identity
    }

    fn detached(&self, content: &mut dyn Read, subject: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        Ok(armour_signature(&self.sign(content, Hash::Sha512, subject)?).into_bytes())
    }

    fn cleartext(&self, text: &str, subject: &Subject<'_>) -> Result<String, KeyError> {
        let when = self.signer.moment(moment(subject.moment));
        let refuse = |source| cannot_sign(subject.file, &self.identity.key, source);
        match &self.maker {
            Maker::Process(key) => key
                .sign_cleartext(text, when)
                .map_err(|error| refuse(Box::<dyn std::error::Error + Send + Sync>::from(error))),
            Maker::Agent(agent) => {
                let signed = agent
                    .sign(Shape::Cleartext, &mut text.as_bytes(), when)
                    .map_err(|error| refuse(Box::from(error)))?;
                String::from_utf8(signed).map_err(|error| refuse(Box::from(error)))
            }
        }
    }

    fn packet(&self, content: &[u8], subject: &Subject<'_>) -> Result<Vec<u8>, KeyError> {
        self.sign(&mut &*content, Hash::Sha256, subject)
    }
}

/// A public key that a release carries.
struct PublicKey(openpgp::Certificate);

/// A signature with a moment that was not asked for.
#[derive(Debug, thiserror::Error)]
#[error("it says that it was made {found} seconds after 1970, expected {expected}")]
struct Moment {
    found: u64,
    expected: u64,
}

/// The one moment that a signature of this part of the key should bear.
fn expect_moment(seen: &Seen, subject: &Subject<'_>) -> Result<(), Moment> {
    let expected = moment(subject.moment).max(seen.valid_from);
    if seen.moment == expected { Ok(()) } else { Err(Moment { found: seen.moment, expected }) }
}

impl Certificate for PublicKey {
    fn key(&self) -> &str {
        self.0.fingerprint()
    }

    fn check_detached(
        &self,
        content: &mut dyn Read,
        signature: &[u8],
        subject: &Subject<'_>,
    ) -> Result<(), KeyError> {
        let seen =
            self.0.verify(signature, content).map_err(|error| not_good(subject.file, self.key(), error))?;
        expect_moment(&seen, subject).map_err(|error| not_good(subject.file, self.key(), error))
    }

    fn check_cleartext(&self, signed: &str) -> Result<String, KeyError> {
        let refuse = |error| not_good("the text", self.key(), error);
        let (_, text) = self
            .0
            .verify_cleartext(signed.as_bytes())
            .map_err(|error| refuse(Box::<dyn std::error::Error + Send + Sync>::from(error)))?;
        String::from_utf8(text).map_err(|error| refuse(Box::from(error)))
    }

    fn check_packet(&self, content: &[u8], signature: &[u8]) -> Result<(), KeyError> {
        self.0
            .verify(signature, content)
            .map(drop)
            .map_err(|error| not_good("the package", self.key(), error))
    }
}
