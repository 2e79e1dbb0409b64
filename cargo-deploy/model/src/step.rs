//! The name of one step of a plan.

use crate::name::parsed_name;

/// A step by its name, `compile:linux-x64` or `package:deb:linux-x64`: readable, unique in its plan, and the
/// same in every run of the same plan.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StepId(String);

parsed_name!(
    StepId,
    |text| !text.is_empty() && text.chars().all(|c| !c.is_whitespace() && !c.is_control()),
    "a step name: no white space"
);

impl StepId {
    /// A step name from its parts; white space within a part becomes `-`.
    pub fn of(parts: &[&str]) -> Self {
        let clean = |c: char| if c.is_whitespace() || c.is_control() { '-' } else { c };
        Self(parts.join(":").chars().map(clean).collect())
    }
}
