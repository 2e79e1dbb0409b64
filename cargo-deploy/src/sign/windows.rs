//! `windows`: Authenticode, the signatures that Windows looks for in programs and installers. The key lives in a keystore; the
//! time comes from a timestamp server; and a signature that was made once is kept, so that nobody pays for it twice.

use crate::bench::clock;
use crate::bench::fetch::{Limits, Network};
use crate::bench::files::{self, FileError};
use crate::bench::http::{Encryption, HttpError, Method, Request};
use crate::bench::nonce;
use crate::cause::chain;
use crate::key::{CodeKey, CodeState, Content, KeyError, Subject};
use crate::keystore::{self, KeySettings, KeystoreContext};
use crate::plugin::{Info, Plugin};
use crate::sign::{CodeError, CodeSigner, KeyContext};
use camino::{Utf8Path, Utf8PathBuf};
use deploy_crypto::authenticode::{
    self, Expectations, FileError as CodeFileError, Policy, SignError, Signature, Signing, VerifyError,
};
use deploy_crypto::timestamp::{self, Failure, Request as TimestampRequest, Stamped, Token};
use deploy_crypto::{Hash, KeyPurpose, SigningKey};
use deploy_formats::msi::Package;
use deploy_formats::pe::Pe;
use deploy_model::release::CodeSignerRecord;
use deploy_model::sha256::Hasher;
use deploy_model::{FailureClass, Os, Sha256};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;
use std::error::Error;
use std::io::{self, BufWriter, Write};
use std::sync::atomic::{AtomicU32, AtomicUsize, Ordering};

/// The servers that are asked for the time where the manifest names none: those of three authorities that every Windows
/// trusts, as they name them themselves.
const TIMESTAMP_SERVERS: &[&str] =
    &["http://timestamp.acs.microsoft.com", "http://timestamp.digicert.com", "http://timestamp.sectigo.com"];

/// A timestamp with its certificates is about six kilobytes.
const LARGEST_TIMESTAMP: u64 = 1 << 20;

/// `windows`.
#[derive(Debug)]
pub struct Windows;

/// With which key programs and installers for Windows are signed.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct WindowsSettings {
    /// Where the key is. Default: what `WIN_CSC_LINK` or `CSC_LINK` holds.
    #[serde(default)]
    key: Option<KeySettings>,

    /// Files with the certificates of the authorities between that of the key and a root, relative to the workspace's root.
    #[serde(default)]
    #[schemars(extend("examples" = [["certs/chain.pem"]]))]
    certificates: Vec<String>,

    /// The servers for timestamps (RFC 3161), in the order in which they are asked. An empty list is for signatures without
    /// a time, which end with the certificate. Default: those of Microsoft, DigiCert and Sectigo.
    #[serde(default)]
    timestamp: Option<Servers>,

    /// The digest that is signed. Default: `sha256`.
    #[serde(default)]
    digest: DigestName,

    /// What Windows shows as the name when it asks whether the program may change the system. Default: the application's.
    #[serde(default)]
    #[schemars(extend("format" = "single-line"))]
    description: Option<String>,

    /// Where people read about it.
    #[serde(default)]
    #[schemars(extend("format" = "url"))]
    url: Option<String>,

    /// The most signatures that one run may ask the key for. Those that were kept do not count. Default: no limit.
    #[serde(default)]
    max_signatures: Option<u32>,
}

/// One server or several.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(untagged)]
enum Servers {
    /// One.
    One(#[schemars(extend("format" = "url"))] String),
    /// Several.
    Several(#[schemars(extend("uniqueItems" = true))] Vec<String>),
}

/// The name of a digest.
#[derive(Debug, Clone, Copy, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum DigestName {
    /// SHA-256.
    #[default]
    Sha256,
    /// SHA-384.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl WindowsSettings {
    fn servers(&self) -> Vec<String> {
        match &self.timestamp {
            None => TIMESTAMP_SERVERS.iter().map(|server| (*server).to_owned()).collect(),
            Some(Servers::One(server)) => vec![server.clone()],
            Some(Servers::Several(servers)) => servers.clone(),
        }
    }

    fn hash(&self) -> Hash {
        match self.digest {
            DigestName::Sha256 => Hash::Sha256,
            DigestName::Sha384 => Hash::Sha384,
            DigestName::Sha512 => Hash::Sha512,
        }
    }
}

impl Plugin for Windows {
    type Settings = WindowsSettings;
    const INFO: Info = Info {
        id: "windows",
        summary: "Authenticode signatures in programs and installers for Windows",
        revision: 1,
    };
}

impl CodeSigner for Windows {
    const SYSTEMS: &'static [Os] = &[Os::Windows];

    fn open(
        &self,
        settings: &WindowsSettings,
        context: &KeyContext<'_>,
    ) -> Result<Box<dyn CodeKey>, Finding> {
        let fault = |code, field: &str, message: String, help: &str| {
            Err(Finding::configuration(code, message, help).at(field).class(FailureClass::Credentials))
        };
        let hasty = Limits { retries: 0, ..Limits::default() };
        let networks = Network::new(context.environment)
            .and_then(|network| Ok((network, Network::with_limits(context.environment, hasty)?)));
        let network = match networks {
            Ok(networks) => (!context.offline).then_some(networks),
            Err(error) => {
                let message = format!("failed to {}", chain(&error));
                return fault("sign::network", "sign.windows", message, "mend the variable");
            }
        };
        let servers = settings.servers();
        if network.is_none() && !servers.is_empty() {
            let message = "timestamps come from a server, and nothing may be asked for offline".to_owned();
            let help = "leave --offline out, or use --no-sign; `timestamp = []` is for signatures that end with the certificate";
            return fault("sign::timestamp", "sign.windows.timestamp", message, help);
        }
        let Some(key) = settings.key.clone().or_else(|| KeySettings::of_variables(context.environment))
        else {
            let message = "nothing says where the key is".to_owned();
            let help = "write `key = { pfx = \"certs/win.pfx\", password-env = \"NAME\" }` or the like, or set WIN_CSC_LINK";
            return fault("sign::missing-key", "sign.windows", message, help);
        };
        let now = clock::unix_seconds();
        let key = keystore::open(
            &key,
            &KeystoreContext {
                root: context.root,
                environment: context.environment,
                network: network.as_ref().map(|(patient, _)| patient),
                now,
                hash: settings.hash(),
                purpose: &KeyPurpose::CodeSigning,
                field: "sign.windows.key",
                certificates: &settings.certificates,
                certificates_field: "sign.windows.certificates",
            },
        )?;
        let record = CodeSignerRecord {
            key: key.identity().to_owned(),
            subject: key.chain().first().map(|leaf| leaf.subject().to_owned()).unwrap_or_default(),
            digest: settings.hash().name().to_owned(),
            timestamped: !servers.is_empty(),
        };
        Ok(Box::new(WindowsKey {
            key,
            record,
            servers,
            network,
            server: AtomicUsize::new(0),
            settings: settings.clone(),
            kept: context.cache.join("signatures"),
            asked: AtomicU32::new(0),
        }))
    }

    fn may_sign(&self, head: &[u8]) -> bool {
        head.starts_with(b"MZ") || head.starts_with(&[0xd0, 0xcf, 0x11, 0xe0])
    }

    fn state(&self, mut content: &mut dyn Content) -> Result<CodeState, CodeError> {
        let state = match authenticode::kind(&mut content)? {
            None => return Ok(CodeState::Other),
            // A program for DOS begins with the same two letters and has no place for a signature.
            Some(authenticode::Kind::Pe) if Pe::open(&mut content).is_err() => return Ok(CodeState::Other),
            // Documents of old word processors are compound files, too.
            Some(authenticode::Kind::Msi) if Package::open(&mut content).is_err() => {
                return Ok(CodeState::Other);
            }
            Some(_) => authenticode::is_signed(&mut content)?,
        };
        Ok(if state { CodeState::Signed } else { CodeState::Unsigned })
    }

    fn check(&self, mut content: &mut dyn Content, record: &CodeSignerRecord) -> Result<Sha256, CodeError> {
        let seen = authenticode::verify(&mut content, &expectations(true))?;
        let leaf = seen.chain.first();
        let thumbprint = leaf.map(|leaf| leaf.sha256()).unwrap_or_default();
        let subject = leaf.map(|leaf| leaf.subject().to_owned()).unwrap_or_default();
        // Where certificates change from day to day, the record names the service, and the person stays.
        if is_thumbprint(&record.key) && record.key != thumbprint {
            return Err(differs("certificate", &record.key, &thumbprint));
        }
        if subject != record.subject {
            return Err(differs("signer", &record.subject, &subject));
        }
        if seen.hash.name() != record.digest {
            return Err(differs("digest", &record.digest, seen.hash.name()));
        }
        if record.timestamped && seen.stamp.is_none() {
            return Err("verify the signature: it has no timestamp, and one was declared".into());
        }
        unsigned_digest(content)
    }

    fn check_foreign(&self, mut content: &mut dyn Content) -> Result<(), CodeError> {
        match authenticode::verify(&mut content, &expectations(false)) {
            Ok(_) => Ok(()),
            // What its signature was worth is between them and Windows; that it is still theirs is for us to see.
            Err(
                error @ (VerifyError::File(_)
                | VerifyError::Unsigned
                | VerifyError::Kind
                | VerifyError::Digest
                | VerifyError::Metadata),
            ) => Err(Box::new(error)),
            Err(_) => Ok(()),
        }
    }

    fn check_any(&self, mut content: &mut dyn Content) -> Result<(), CodeError> {
        authenticode::verify(&mut content, &expectations(false))?;
        Ok(())
    }
}

fn is_thumbprint(key: &str) -> bool {
    key.len() == 64 && key.bytes().all(|digit| digit.is_ascii_hexdigit())
}

fn differs(what: &str, declared: &str, found: &str) -> CodeError {
    format!("verify the signature: its {what} is {found}, and {declared} was declared").into()
}

/// What is asked of a signature. Which certificates are trusted is told by the record of who signed.
fn expectations(strict: bool) -> Expectations<'static> {
    Expectations { now: clock::unix_seconds(), roots: &[], timestamp_roots: &[], strict }
}

/// The digest of the file without its signature.
fn unsigned_digest(mut content: &mut dyn Content) -> Result<Sha256, CodeError> {
    let mut sink = Digesting(Hasher::new());
    authenticode::strip(&mut content, &mut sink)?;
    Ok(sink.0.finish())
}

/// Takes bytes in for their digest alone.
struct Digesting(Hasher);

impl Write for Digesting {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// A key with what its signatures need.
struct WindowsKey {
    key: Box<dyn SigningKey>,
    record: CodeSignerRecord,
    servers: Vec<String>,
    /// With patience, and with none: where there is another server, a second try at the first one is a waste.
    network: Option<(Network, Network)>,
    /// The server that answered last.
    server: AtomicUsize,
    settings: WindowsSettings,
    /// Where signatures are kept.
    kept: Utf8PathBuf,
    /// How many signatures the key was asked for.
    asked: AtomicU32,
}

/// Why a file was not signed.
#[derive(Debug, thiserror::Error)]
enum WindowsError {
    /// A file failed.
    #[error(transparent)]
    File(#[from] FileError),
    /// The file is not one that can be signed.
    #[error(transparent)]
    Code(#[from] CodeFileError),
    /// It was not signed.
    #[error(transparent)]
    Sign(#[from] SignError),
    /// More signatures than allowed.
    #[error(
        "ask for another signature: {limit} were made, and `max-signatures` allows no more; those that were made are kept"
    )]
    Limit {
        /// The limit.
        limit: u32,
    },
    /// What was signed cannot be read again.
    #[error("read what was signed")]
    Unsigned {
        /// What is wrong.
        source: CodeError,
    },
}

/// No server gave a timestamp.
#[derive(Debug, thiserror::Error)]
#[error("reach a timestamp server: {}", .failures.join("; "))]
struct NoTimestamp {
    /// What each of them said.
    failures: Vec<String>,
}

/// A server that did not answer as it should.
#[derive(Debug, thiserror::Error)]
enum TransportError {
    /// It did not answer.
    #[error("{}", chain(.0))]
    Http(HttpError),
    /// It answered with an error.
    #[error("it answered with {status}")]
    Status {
        /// The status with its words.
        status: String,
    },
}

impl CodeKey for WindowsKey {
    fn record(&self) -> &CodeSignerRecord {
        &self.record
    }

    fn found(&self) -> String {
        keystore::found(self.key.as_ref())
    }

    fn sign(&self, file: &Utf8Path, signed: &Utf8Path, subject: &Subject<'_>) -> Result<Sha256, KeyError> {
        self.sign_file(file, signed, subject).map_err(|error| KeyError {
            action: "sign",
            file: subject.file.to_owned(),
            key: self.record.subject.clone(),
            source: Box::new(error),
        })
    }
}

impl WindowsKey {
    fn sign_file(
        &self,
        file: &Utf8Path,
        signed: &Utf8Path,
        subject: &Subject<'_>,
    ) -> Result<Sha256, WindowsError> {
        let policy = Policy {
            hash: self.settings.hash(),
            description: self.settings.description.clone().or_else(|| Some(subject.name.to_owned())),
            url: self.settings.url.clone(),
            timestamp: !self.servers.is_empty(),
        };
        let mut content = files::open(file)?;
        let digest = authenticode::digest(&mut content, policy.hash)?;
        let signing = Signing { key: self.key.as_ref(), policy: &policy, now: clock::unix_seconds() };
        let kept = self.kept.join(format!("{}.der", policy.cache_key(&digest, self.key.identity())));
        let known = files::read_if_exists(&kept)?.and_then(|der| Signature::from_der(&der).ok());
        let fits = |known: &Signature| known.fits(&digest, &signing, &expectations(true)).is_ok();
        let signature = match known.filter(fits) {
            Some(signature) => signature,
            None => {
                self.count()?;
                let mut stamper = |bytes: &[u8]| self.stamp(policy.hash, bytes);
                let signature = authenticode::sign(&signing, &digest, Some(&mut stamper))?;
                files::create_directory(&self.kept)?;
                files::publish(&kept, signature.der())?;
                signature
            }
        };
        let mut output = BufWriter::with_capacity(1 << 20, files::create(signed)?);
        authenticode::embed(&mut content, &digest, &signature, &mut output)?;
        output.flush().map_err(|source| FileError { action: "write", path: signed.to_owned(), source })?;
        drop(output);
        unsigned_digest(&mut files::open(signed)?).map_err(|source| WindowsError::Unsigned { source })
    }

    /// Counts a signature that the key is asked for.
    fn count(&self) -> Result<(), WindowsError> {
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        match self.settings.max_signatures {
            Some(limit) if asked >= limit => Err(WindowsError::Limit { limit }),
            _ => Ok(()),
        }
    }

    /// A timestamp for the bytes of a signature.
    fn stamp(&self, hash: Hash, signature: &[u8]) -> Result<Token, Box<dyn Error + Send + Sync>> {
        let Some((patient, hasty)) = &self.network else {
            return Err("nothing may be asked for offline".into());
        };
        let request = TimestampRequest::new(hash, signature, nonce::nonce());
        // What answered last is asked first.
        let mut servers = self.servers.clone();
        let first = self.server.load(Ordering::Relaxed).min(servers.len().saturating_sub(1));
        servers.rotate_left(first);
        let stamped = self.ask(&request, &servers, hasty).or_else(|_| self.ask(&request, &servers, patient));
        match stamped {
            Ok(stamped) => {
                let at = self.servers.iter().position(|server| *server == stamped.server);
                self.server.store(at.unwrap_or(0), Ordering::Relaxed);
                Ok(stamped.token)
            }
            Err(failures) => {
                let failures = failures.iter().map(Failure::to_string).collect();
                Err(Box::new(NoTimestamp { failures }))
            }
        }
    }

    /// Asks one server after the other.
    fn ask(
        &self,
        request: &TimestampRequest,
        servers: &[String],
        network: &Network,
    ) -> Result<Stamped<TransportError>, Vec<Failure<TransportError>>> {
        let mut transport = |url: &str, body: &[u8]| {
            let answer = network
                .exchange(&Request {
                    method: &Method::POST,
                    url,
                    headers: &[
                        ("Content-Type", "application/timestamp-query"),
                        ("Accept", "application/timestamp-reply"),
                    ],
                    body,
                    max_size: LARGEST_TIMESTAMP,
                    // What comes is signed itself, and what goes is a digest.
                    encryption: Encryption::Unneeded,
                })
                .map_err(TransportError::Http)?;
            if answer.is_success() {
                Ok(answer.body)
            } else {
                Err(TransportError::Status { status: answer.status_line() })
            }
        };
        timestamp::ask(request, servers, clock::unix_seconds(), &mut transport)
    }
}

/// What the failure of a signature means, where it is one of this signer's.
pub(super) fn class(error: &(dyn Error + 'static)) -> Option<FailureClass> {
    Some(match error.downcast_ref::<WindowsError>()? {
        WindowsError::File(_) => FailureClass::Unexpected,
        WindowsError::Sign(SignError::Key(error)) => keystore::class(error),
        WindowsError::Sign(SignError::Timestamp { .. }) => FailureClass::Remote,
        WindowsError::Limit { .. } => FailureClass::Configuration,
        _ => FailureClass::Credentials,
    })
}
