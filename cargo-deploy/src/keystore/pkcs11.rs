//! `pkcs11`: a key in a token: a smartcard, a USB token, a hardware security module, or SoftHSM.
//!
//! The token's maker gives a module, a library that speaks PKCS #11 (OASIS, version 2.40 and 3); it is loaded when the key is
//! opened. RSA keys sign a `DigestInfo` (`CKM_RSA_PKCS`), others the digest (`CKM_ECDSA`). A wrong PIN is tried once, and not
//! at all where the token says that it would be the last try.

use crate::bench::files;
use crate::cause::chain;
use crate::keystore::{Keystore, KeystoreContext, credential};
use crate::plugin::{Info, Plugin};
use camino::{Utf8Path, Utf8PathBuf};
use cryptoki::context::{CInitializeArgs, CInitializeFlags, Pkcs11 as Module};
use cryptoki::error::{Error, RvError};
use cryptoki::mechanism::Mechanism;
use cryptoki::object::{Attribute, AttributeType, CertificateType, KeyType, ObjectClass, ObjectHandle};
use cryptoki::session::{Session, UserType};
use cryptoki::slot::{Slot, TokenInfo};
use cryptoki::types::AuthPin;
use deploy_crypto::{
    Certificate, Chain, Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError, ecdsa_signature,
};
use deploy_plan::finding::Finding;
use schemars::JsonSchema;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// `pkcs11`.
#[derive(Debug)]
pub struct Pkcs11;

/// A key in a token or a hardware security module.
#[derive(Debug, Clone, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Pkcs11Settings {
    /// The module: a path, relative to the workspace's root, or the bare name of a library that the system finds.
    #[schemars(length(min = 1), extend("examples" = ["/usr/lib/softhsm/libsofthsm2.so"]))]
    pkcs11: String,

    /// The label of the token. Not needed where there is one token only.
    #[serde(default)]
    #[schemars(extend("examples" = ["release"]))]
    token: Option<String>,

    /// The serial number of the token.
    #[serde(default)]
    serial: Option<String>,

    /// The number of the slot that the token is in. Some modules give other numbers after each start: prefer `token` or
    /// `serial`.
    #[serde(default)]
    slot: Option<u64>,

    /// The label of the key. Not needed where the token has one key only.
    #[serde(default)]
    #[schemars(extend("examples" = ["release-2026"]))]
    label: Option<String>,

    /// The id of the key, in hexadecimal digits.
    #[serde(default)]
    #[schemars(extend("examples" = ["01"]))]
    id: Option<String>,

    /// The variable that holds the PIN. Without it, the token must have a keypad of its own, or need no PIN.
    #[serde(default)]
    #[schemars(extend("examples" = ["TOKEN_PIN"]))]
    pin_env: Option<String>,

    /// The file with the certificate, relative to the workspace's root, where the token does not have it.
    #[serde(default)]
    #[schemars(extend("examples" = ["certs/release.crt"]))]
    certificate: Option<String>,
}

impl Plugin for Pkcs11 {
    type Settings = Pkcs11Settings;
    const INFO: Info =
        Info { id: "pkcs11", summary: "a key in a token, by the module of its maker", revision: 1 };
}

impl Keystore for Pkcs11 {
    fn open(
        &self,
        settings: &Pkcs11Settings,
        context: &KeystoreContext<'_>,
    ) -> Result<Box<dyn SigningKey>, Finding> {
        let opening = Opening { settings, context };
        let module = opening.module()?;
        let (slot, info) = opening.token(&module)?;
        let session = opening.session(&module, slot, &info)?;
        let (key, attributes) = opening.key(&session, info.label())?;
        let chain = opening.chain(&session, &attributes)?;
        let leaf = chain.first().ok_or_else(|| opening.no_certificate(info.label()))?;
        let algorithm = credential::algorithm(context, "certificate", leaf)?;
        if !attributes.fit(algorithm, leaf) {
            return Err(context.finding(
                "keystore::certificate",
                if settings.certificate.is_some() { "certificate" } else { "label" },
                format!(
                    "the certificate of {} is that of another key than the one in the token",
                    leaf.name()
                ),
                "give the certificate that was issued for this key",
            ));
        }
        let identity = leaf.sha256();
        Ok(Box::new(TokenKey { session: Mutex::new(session), key, identity, algorithm, chain }))
    }

    fn describe(&self, settings: &Pkcs11Settings) -> String {
        let key = match (&settings.label, &settings.id) {
            (Some(label), _) => format!("key {label}"),
            (None, Some(id)) => format!("key with the id {id}"),
            (None, None) => "the key".to_owned(),
        };
        match settings.token.as_ref().or(settings.serial.as_ref()) {
            Some(token) => format!("{key} of the token {token}, by {}", settings.pkcs11),
            None => format!("{key} of the token that {} finds", settings.pkcs11),
        }
    }
}

/// The modules that were loaded. A module is initialised once in a process, and stays.
static MODULES: Mutex<BTreeMap<Utf8PathBuf, Module>> = Mutex::new(BTreeMap::new());

/// What is needed to open a key.
struct Opening<'a> {
    settings: &'a Pkcs11Settings,
    context: &'a KeystoreContext<'a>,
}

/// What is known of a key in a token.
struct Attributes {
    kind: KeyType,
    id: Vec<u8>,
    modulus: Option<Vec<u8>>,
}

impl Attributes {
    /// Whether a certificate can be that of the key: the modulus of an RSA key is not secret. Of other keys it is known
    /// when the first signature is checked.
    fn fit(&self, algorithm: KeyAlgorithm, leaf: &Certificate) -> bool {
        if algorithm.is_rsa() != (self.kind == KeyType::RSA) {
            return false;
        }
        match &self.modulus {
            Some(modulus) => {
                let first = modulus.iter().position(|byte| *byte != 0).unwrap_or(modulus.len());
                let modulus = &modulus[first..];
                !modulus.is_empty()
                    && leaf.public_key_der().windows(modulus.len()).any(|window| window == modulus)
            }
            None => true,
        }
    }
}

impl Opening<'_> {
    fn finding(&self, field: &str, action: &str, error: &Error, help: &str) -> Finding {
        let message = format!("failed to {action}: {}", said(error));
        self.context.finding("keystore::missing", field, message, help)
    }

    /// Loads the module, once.
    fn module(&self) -> Result<Module, Finding> {
        let name = &self.settings.pkcs11;
        let path = if name.contains('/') { self.context.root.join(name) } else { Utf8PathBuf::from(name) };
        if name.contains('/') && !is_there(&path) {
            let message = format!("the module {name:?} is not there");
            let help = "install the software of the token's maker, and give the path of its PKCS #11 library";
            return Err(self.context.finding("keystore::missing", "pkcs11", message, help));
        }
        let mut modules = MODULES.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(module) = modules.get(&path) {
            return Ok(module.clone());
        }
        let help = "is it the PKCS #11 library of the token's maker, for this processor?";
        let module = Module::new(&path)
            .map_err(|error| self.finding("pkcs11", &format!("load the module {name:?}"), &error, help))?;
        match module.initialize(CInitializeArgs::new(CInitializeFlags::OS_LOCKING_OK)) {
            Ok(()) | Err(Error::Pkcs11(RvError::CryptokiAlreadyInitialized, _)) => {}
            Err(error) => {
                let help = "try it with `pkcs11-tool --module FILE --list-slots`";
                return Err(self.finding("pkcs11", &format!("start the module {name:?}"), &error, help));
            }
        }
        modules.insert(path, module.clone());
        Ok(module)
    }

    /// The one token that is meant.
    fn token(&self, module: &Module) -> Result<(Slot, TokenInfo), Finding> {
        let settings = self.settings;
        let list = "list the slots";
        let help = "try it with `pkcs11-tool --module FILE --list-slots`";
        let slots = module
            .get_slots_with_initialized_token()
            .map_err(|error| self.finding("pkcs11", list, &error, help))?;
        let mut tokens = Vec::new();
        for slot in slots {
            let info =
                module.get_token_info(slot).map_err(|error| self.finding("pkcs11", list, &error, help))?;
            tokens.push((slot, info));
        }
        let known: Vec<String> = tokens
            .iter()
            .map(|(slot, info)| {
                format!("{:?} (serial {}, slot {})", info.label(), info.serial_number(), slot.id())
            })
            .collect();
        tokens.retain(|(slot, info)| {
            settings.token.as_ref().is_none_or(|label| info.label() == label)
                && settings.serial.as_ref().is_none_or(|serial| info.serial_number() == serial)
                && settings.slot.is_none_or(|number| slot.id() == number)
        });
        let field = match (&settings.token, &settings.serial, settings.slot) {
            (Some(_), ..) => "token",
            (None, Some(_), _) => "serial",
            (None, None, Some(_)) => "slot",
            (None, None, None) => "pkcs11",
        };
        let found = if known.is_empty() {
            "none is there".to_owned()
        } else {
            format!("there is {}", known.join(", "))
        };
        match (tokens.pop(), tokens.len()) {
            (Some(token), 0) => Ok(token),
            (Some(_), _) => Err(self.context.finding(
                "keystore::key",
                field,
                format!("there are several tokens: {}", known.join(", ")),
                "say which one with `token` or `serial`",
            )),
            (None, _) => Err(self.context.finding(
                "keystore::missing",
                field,
                format!("the token is not there: {found}"),
                "plug it in, or mend its name",
            )),
        }
    }

    /// A session in which the key can be used.
    fn session(&self, module: &Module, slot: Slot, info: &TokenInfo) -> Result<Session, Finding> {
        let pin = credential::password(self.context, "pin-env", self.settings.pin_env.as_deref(), "PIN")?;
        let refuse = |message: String, help: &str| {
            Err(self.context.finding("keystore::secret", "pin-env", message, help))
        };
        let token = info.label();
        if info.user_pin_locked() {
            return refuse(
                format!("the PIN of the token {token} is locked"),
                "unlock it with the software of the token's maker",
            );
        }
        if info.user_pin_final_try() {
            return refuse(
                format!("the token {token} says that one more wrong PIN would lock it, so none is tried"),
                "log in once with the software of the token's maker, which sets its counter back",
            );
        }
        let session = module.open_ro_session(slot).map_err(|error| {
            let help = "is another program using the token alone?";
            self.finding("pkcs11", &format!("open a session with the token {token}"), &error, help)
        })?;
        let pin = match (pin, info.login_required(), info.protected_authentication_path()) {
            (Some(pin), ..) => Some(AuthPin::from(pin.expose().clone())),
            (None, true, true) => None,
            (None, true, false) => {
                return refuse(
                    format!("the token {token} needs a PIN, and none is given"),
                    "put it into a variable and name it: `pin-env = \"TOKEN_PIN\"`",
                );
            }
            (None, false, _) => return Ok(session),
        };
        match session.login(UserType::User, pin.as_ref()) {
            Ok(()) | Err(Error::Pkcs11(RvError::UserAlreadyLoggedIn, _)) => Ok(session),
            Err(Error::Pkcs11(RvError::PinIncorrect | RvError::PinInvalid | RvError::PinLenRange, _)) => {
                refuse(
                    format!("the PIN is not that of the token {token}"),
                    "mend it before the next try: after some wrong ones the token locks itself",
                )
            }
            Err(Error::Pkcs11(RvError::PinLocked, _)) => refuse(
                format!("the PIN of the token {token} is locked"),
                "unlock it with the software of the token's maker",
            ),
            Err(error) => refuse(
                format!("failed to log in to the token {token}: {}", said(&error)),
                "try it with `pkcs11-tool --module FILE --login --list-objects`",
            ),
        }
    }

    /// The one private key that is meant.
    fn key(&self, session: &Session, token: &str) -> Result<(ObjectHandle, Attributes), Finding> {
        let settings = self.settings;
        let mut template = vec![Attribute::Class(ObjectClass::PRIVATE_KEY)];
        template.extend(settings.label.as_ref().map(|label| Attribute::Label(label.as_bytes().to_vec())));
        if let Some(digits) = &settings.id {
            let id = bytes_of(digits).ok_or_else(|| {
                let message = format!("the id {digits:?} is not written in hexadecimal digits");
                self.context.finding(
                    "keystore::settings",
                    "id",
                    message,
                    "write two digits for each byte: `id = \"01\"`",
                )
            })?;
            template.push(Attribute::Id(id));
        }
        let field = if settings.label.is_some() { "label" } else { "id" };
        let help = "list the keys with `pkcs11-tool --module FILE --login --list-objects --type privkey`";
        let failed = |error: Error| self.finding(field, "look for the key", &error, help);
        let found = session.find_objects(&template).map_err(failed)?;
        let key = match found.as_slice() {
            [key] => *key,
            [] => {
                let message = format!("the token {token} has no such key");
                return Err(self.context.finding("keystore::missing", field, message, help));
            }
            several => {
                let message = format!("the token {token} has {} keys that could be meant", several.len());
                let help = format!("say which one with `label` or `id`; {help}");
                return Err(self.context.finding("keystore::key", field, message, help));
            }
        };
        let wanted = [
            AttributeType::KeyType,
            AttributeType::Id,
            AttributeType::Modulus,
            AttributeType::AlwaysAuthenticate,
            AttributeType::Sign,
        ];
        let mut attributes = Attributes { kind: KeyType::RSA, id: Vec::new(), modulus: None };
        let (mut asks_each_time, mut signs) = (false, true);
        for attribute in session.get_attributes(key, &wanted).map_err(failed)? {
            match attribute {
                Attribute::KeyType(kind) => attributes.kind = kind,
                Attribute::Id(id) => attributes.id = id,
                Attribute::Modulus(modulus) if !modulus.is_empty() => attributes.modulus = Some(modulus),
                Attribute::AlwaysAuthenticate(always) => asks_each_time = always,
                Attribute::Sign(may) => signs = may,
                _ => {}
            }
        }
        if asks_each_time {
            let message = format!(
                "the key of the token {token} asks for its PIN before each signature, which is not supported"
            );
            let help = "use a key without that policy, or the token's own tool by `command`";
            return Err(self.context.finding("keystore::key", field, message, help));
        }
        if !signs || (attributes.kind != KeyType::RSA && attributes.kind != KeyType::EC) {
            let message = format!("the key of the token {token} is none that signs");
            return Err(self.context.finding(
                "keystore::key",
                field,
                message,
                "RSA and the curves of NIST do",
            ));
        }
        Ok((key, attributes))
    }

    /// The chain of the key: from a file, or those certificates of the token that belong together.
    fn chain(&self, session: &Session, key: &Attributes) -> Result<Vec<Certificate>, Finding> {
        if let Some(name) = &self.settings.certificate {
            return credential::chain_of(self.context, "certificate", name).map(|(_, chain)| chain);
        }
        let failed = |error: Error| {
            self.finding(
                "label",
                "look for the certificate",
                &error,
                "name a file with it: `certificate = \"...\"`",
            )
        };
        let template =
            [Attribute::Class(ObjectClass::CERTIFICATE), Attribute::CertificateType(CertificateType::X_509)];
        let (mut own, mut all) = (None, Vec::new());
        for object in session.find_objects(&template).map_err(failed)? {
            let (mut id, mut value) = (Vec::new(), Vec::new());
            for attribute in
                session.get_attributes(object, &[AttributeType::Id, AttributeType::Value]).map_err(failed)?
            {
                match attribute {
                    Attribute::Id(bytes) => id = bytes,
                    Attribute::Value(bytes) => value = bytes,
                    _ => {}
                }
            }
            // A token may hold what is no certificate of ours; it is not what is looked for.
            let Ok(certificate) = Certificate::from_der(&value) else { continue };
            if !key.id.is_empty() && id == key.id {
                own = Some(certificate.clone());
            }
            all.push(certificate);
        }
        let Some(own) = own else { return Ok(Vec::new()) };
        Chain::of_key(all, own.public_key_der())
            .map(Chain::into_certificates)
            .map_err(|error| credential::certificate_finding(self.context, "label", &error))
    }

    fn no_certificate(&self, token: &str) -> Finding {
        self.context.finding(
            "keystore::certificate",
            "label",
            format!("the token {token} has no certificate with the id of the key"),
            "put it there, or name a file with it: `certificate = \"certs/release.crt\"`",
        )
    }
}

fn is_there(path: &Utf8Path) -> bool {
    files::metadata_if_exists(path).is_ok_and(|metadata| metadata.is_some())
}

/// What the module says, without the wording of the bindings around it.
fn said(error: &Error) -> String {
    match error {
        Error::Pkcs11(error, function) => format!("{function} gives {error:?}"),
        error => chain(error),
    }
}

/// The bytes that hexadecimal digits stand for.
fn bytes_of(digits: &str) -> Option<Vec<u8>> {
    let digits = digits.as_bytes();
    let pairs = digits.chunks(2).map(|pair| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok());
    if digits.len().is_multiple_of(2) { pairs.collect() } else { None }
}

struct TokenKey {
    session: Mutex<Session>,
    key: ObjectHandle,
    identity: String,
    algorithm: KeyAlgorithm,
    chain: Vec<Certificate>,
}

/// What the module said instead of signing.
#[derive(Debug, thiserror::Error)]
#[error("{said}")]
struct TokenFailure {
    said: String,
}

impl SigningKey for TokenKey {
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
        // FIPS 186-4, section 6.4: of a digest longer than the numbers of the curve, its beginning is signed. Tokens
        // differ in whether they cut it themselves.
        let length = match self.algorithm {
            KeyAlgorithm::EcdsaP256 => 32,
            KeyAlgorithm::EcdsaP384 => 48,
            KeyAlgorithm::EcdsaP521 | KeyAlgorithm::Rsa { .. } => digest.len(),
        };
        let session = self.session.lock().unwrap_or_else(PoisonError::into_inner);
        let made = if self.algorithm.is_rsa() {
            session.sign(&Mechanism::RsaPkcs, self.key, &hash.digest_info(digest))
        } else {
            session.sign(&Mechanism::Ecdsa, self.key, &digest[..length.min(digest.len())])
        };
        let identity = || self.identity.clone();
        let place =
            |said| SigningKeyError::Place { identity: identity(), source: Box::new(TokenFailure { said }) };
        let bytes = made.map_err(|error| place(said(&error)))?;
        let bytes = if self.algorithm.is_rsa() { Some(bytes) } else { ecdsa_signature(&bytes) };
        let bytes = bytes.ok_or_else(|| place("C_Sign gives no signature".to_owned()))?;
        Ok(RawSignature { bytes, chain: None })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_written_in_hexadecimal_digits() {
        assert_eq!(bytes_of("01aF"), Some(vec![1, 0xaf]));
        assert_eq!(bytes_of("1"), None);
        assert_eq!(bytes_of("zz"), None);
    }
}
