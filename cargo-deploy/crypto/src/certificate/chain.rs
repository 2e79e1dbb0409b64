//! The order of certificates: the one of the key first, each signed by the next.

use crate::certificate::{Certificate, IssuerError};
use thiserror::Error;

/// Chains have three or four certificates.
const LONGEST: usize = 16;

/// Why certificates are no chain.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum ChainError {
    /// There are none.
    #[error("order the certificates: there are none")]
    Empty,
    /// None of them is the one of the key.
    #[error("order the certificates: none of them is the one of the key; they are those of {subjects}")]
    KeyMissing {
        /// Of all of them.
        subjects: String,
    },
    /// Several could be the first.
    #[error(
        "order the certificates: several are issuer of none, and it is not known which is the one of the key: {subjects}"
    )]
    Ambiguous {
        /// Of those.
        subjects: String,
    },
    /// Each of them is the issuer of another one.
    #[error("order the certificates: each of them is the issuer of another one")]
    Circle,
    /// There are more than any chain has.
    #[error("order the certificates: the chain has more than {LONGEST}")]
    TooLong,
    /// A certificate is not signed by the one it names as its issuer.
    #[error("order the certificates")]
    Issuer(#[source] IssuerError),
}

/// Certificates in order, leaf first, each signed by the next. The root may be missing, and mostly is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Chain(Vec<Certificate>);

impl Chain {
    /// Orders the certificates of a key, whose `SubjectPublicKeyInfo` is given. Certificates that do not belong to
    /// the chain are left out, and so are repetitions.
    ///
    /// # Errors
    /// If none of them is the one of the key, or a signature between two of them does not hold.
    pub fn of_key(certificates: Vec<Certificate>, public_key: &[u8]) -> Result<Self, ChainError> {
        if certificates.is_empty() {
            return Err(ChainError::Empty);
        }
        let fitting: Vec<&Certificate> =
            certificates.iter().filter(|certificate| certificate.public_key_der() == public_key).collect();
        // A key may have several certificates, such as a renewed one: the one that is valid the longest is meant.
        match fitting.iter().max_by_key(|certificate| (!certificate.is_authority(), certificate.not_after()))
        {
            Some(leaf) => Chain::from_leaf((*leaf).clone(), &certificates),
            None => Err(ChainError::KeyMissing { subjects: subjects(&certificates) }),
        }
    }

    /// Orders certificates whose key is elsewhere: the leaf is the one that issued none of the others.
    ///
    /// # Errors
    /// If it is not known which is the leaf, or a signature between two of them does not hold.
    pub fn of_certificates(certificates: Vec<Certificate>) -> Result<Self, ChainError> {
        let is_issuer = |candidate: &Certificate| {
            certificates
                .iter()
                .any(|other| other != candidate && other.issuer_der() == candidate.subject_der())
        };
        let mut leaves: Vec<Certificate> = Vec::new();
        for certificate in &certificates {
            if !is_issuer(certificate) && !leaves.contains(certificate) {
                leaves.push(certificate.clone());
            }
        }
        // Beside the leaf there may be roots and intermediates that have nothing to do with it.
        if leaves.len() > 1 && leaves.iter().any(|leaf| !leaf.is_authority()) {
            leaves.retain(|leaf| !leaf.is_authority());
        }
        match &leaves[..] {
            [leaf] => Chain::from_leaf(leaf.clone(), &certificates),
            [] if certificates.is_empty() => Err(ChainError::Empty),
            [] => Err(ChainError::Circle),
            _ => Err(ChainError::Ambiguous { subjects: subjects(&leaves) }),
        }
    }

    /// The chain from this leaf on, as far as the certificates reach.
    pub(crate) fn from_leaf(leaf: Certificate, certificates: &[Certificate]) -> Result<Self, ChainError> {
        let mut chain = vec![leaf];
        while let Some(last) = chain.last()
            && !last.is_self_issued()
        {
            let issuers: Vec<&Certificate> = certificates
                .iter()
                .filter(|candidate| {
                    candidate.subject_der() == last.issuer_der() && !chain.contains(candidate)
                })
                .collect();
            // Authorities that were renewed or cross-signed have one name and several certificates; the key counts.
            let next = match issuers.iter().find(|issuer| last.check_issuer(issuer).is_ok()) {
                Some(issuer) => (*issuer).clone(),
                None => match issuers.first() {
                    Some(issuer) => {
                        return last.check_issuer(issuer).map_or_else(
                            |error| Err(ChainError::Issuer(error)),
                            |()| Err(ChainError::Circle),
                        );
                    }
                    None => break,
                },
            };
            chain.push(next);
            if chain.len() > LONGEST {
                return Err(ChainError::TooLong);
            }
        }
        Ok(Chain(chain))
    }

    /// Whether the last one, if it names itself as its issuer, was signed by itself; it may be a leaf that vouches for
    /// itself alone. One that was signed with SHA-1 is
    /// left alone: whoever trusts a root trusts its key, and its signature says nothing.
    pub(crate) fn check_root(&self) -> Result<(), ChainError> {
        let Some(root) = self.0.last().filter(|last| last.is_self_issued()) else { return Ok(()) };
        match root.check_signature(root) {
            Ok(()) | Err(IssuerError::Algorithm { .. }) => Ok(()),
            Err(error) => Err(ChainError::Issuer(error)),
        }
    }

    /// The certificate of the key.
    pub fn leaf(&self) -> &Certificate {
        // A chain is never empty: each way to make one begins with its leaf.
        &self.0[0]
    }

    /// All of them, leaf first.
    pub fn certificates(&self) -> &[Certificate] {
        &self.0
    }

    /// Whether it reaches a certificate that names itself as its issuer.
    pub fn reaches_a_root(&self) -> bool {
        self.0.last().is_some_and(Certificate::is_self_issued)
    }

    /// Whether one of these is among them; where there are none, nothing is asked for.
    pub(crate) fn leads_to(&self, roots: &[Certificate]) -> bool {
        roots.is_empty() || self.0.iter().any(|certificate| roots.contains(certificate))
    }

    /// All of them, leaf first.
    pub fn into_certificates(self) -> Vec<Certificate> {
        self.0
    }
}

fn subjects(certificates: &[Certificate]) -> String {
    certificates.iter().map(Certificate::subject).collect::<Vec<_>>().join("; ")
}
