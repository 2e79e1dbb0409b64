//! Numbers that nobody has seen before, for questions whose answers must be fresh.

use std::hash::{BuildHasher as _, RandomState};

/// A number from the randomness of the system, which the standard library seeds its hash tables with. Never for an
/// artifact, and never for a secret.
pub fn nonce() -> u64 {
    RandomState::new().hash_one(0)
}
