//! Signatures of releases: OpenPGP, minisign and Authenticode, keys, signatures and their verification, behind a few functions.
//!
//! Bytes in, bytes out: nothing here opens a file, reads the clock or the environment, or asks for randomness. The
//! moment that a signature bears is an argument, and the same key, content and moment give the same bytes. Content to be
//! signed is a [`Read`](std::io::Read) and is never held as a whole. Secrets come and stay as [`Secret`], and are wiped when
//! they are dropped.
//!
//! This crate is where the heavy dependencies of cryptography live. The crates below it write to the `log` facade at
//! its two lowest levels, key material among it: a program that uses this crate must not install a logger that
//! listens to them.
//!
//! ```
//! use deploy_crypto::{Secret, openpgp, minisign};
//!
//! # fn sign(key: &[u8], passphrase: &Secret<String>, artifact: &[u8]) -> Result<(), Box<dyn std::error::Error>> {
//! let now = 1_700_000_000;
//! let key = openpgp::SigningKey::open(key, Some(passphrase), now)?;
//! let moment = key.identity().moment(1_600_000_000);
//! let signature = key.sign(artifact, openpgp::Hash::Sha512, moment)?;
//! assert!(signature.armoured().starts_with("-----BEGIN PGP SIGNATURE-----"));
//!
//! let seen = key.certificate().verify(&signature.bytes(), artifact)?;
//! assert_eq!(seen.moment, moment);
//! # Ok(())
//! # }
//! ```

mod asn1;
pub mod authenticode;
mod certificate;
pub mod minisign;
mod moment;
pub mod openpgp;
mod password_encryption;
mod pem;
mod pkcs12;
mod private_key;
mod public_key;
mod secret;
mod signed_data;
mod signing_key;
pub mod timestamp;

pub use certificate::{
    BundleError, Certificate, CertificateError, Chain, ChainError, ExtendedKeyUsage, IssuerError, KeyPurpose,
    read_certificates,
};
pub use pkcs12::Pkcs12Error;
pub use private_key::{CertifiedKey, PrivateKey, PrivateKeyError};
pub use secret::Secret;
pub use signed_data::SignedDataError;
pub use signing_key::{
    Hash, KeyAlgorithm, RawSignature, SigningKey, SigningKeyError, UnknownHash, ecdsa_signature,
};
