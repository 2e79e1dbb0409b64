//! OpenPGP: keys as gpg exports them, signatures as gpg, apt and rpm read them, and their verification.
//!
//! Read are version 4 keys (RFC 4880; RFC 9580 section 5.5), armoured or binary, with RSA, EdDSA (Ed25519, in both its
//! codings) or ECDSA over the NIST curves P-256 and P-384. Keys of version 6 are refused: no gpg, and neither apt nor rpm of today's
//! distributions reads them.
//!
//! Written are version 4 signatures: detached ones, packets for rpm, and the cleartext framework that `InRelease` uses.
//! They hold the moment, the fingerprint and the id of the key and nothing else, and no randomness: RSA signatures
//! are PKCS #1 v1.5, EdDSA is deterministic by itself, and ECDSA takes its nonce by RFC 6979. Each signature is checked
//! with the public key before it is handed out, so that a fault in memory gives an error instead of a bad signature.

mod armour;
mod certificate;
mod cleartext;
mod file;
mod key;
mod signature;
mod standing;

pub use certificate::{Certificate, Seen, VerifyError};
pub use file::KeyFileError;
pub use key::{KeyError, SignError, SigningKey};
pub use signature::{Signature, armour_signature};
pub use standing::{Algorithm, Identity, StandingError};

use pgp::crypto::hash::HashAlgorithm;
use std::fmt;

/// The hash of a signature.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Hash {
    /// What rpm packages are signed with.
    Sha256,
    /// The least for keys of 384 bits.
    Sha384,
    /// What detached signatures and `InRelease` are made with.
    Sha512,
}

impl Hash {
    fn algorithm(self) -> HashAlgorithm {
        match self {
            Hash::Sha256 => HashAlgorithm::Sha256,
            Hash::Sha384 => HashAlgorithm::Sha384,
            Hash::Sha512 => HashAlgorithm::Sha512,
        }
    }

    /// `None` for a hash that signatures must not be made with any more, and for unusual ones.
    fn of(algorithm: HashAlgorithm) -> Option<Self> {
        [Hash::Sha256, Hash::Sha384, Hash::Sha512].into_iter().find(|hash| hash.algorithm() == algorithm)
    }
}

/// As the header `Hash:` of the cleartext framework has it (RFC 9580 section 9.5).
impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Hash::Sha256 => "SHA256",
            Hash::Sha384 => "SHA384",
            Hash::Sha512 => "SHA512",
        })
    }
}
