//! What a step depends on, by name: the key of its cache entry, and the reason when it has to run again.

use deploy_model::Sha256;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Everything that decides a step's outputs, by name: `action`, `plug-in`, `README.md`, `binary rg`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Fingerprint {
    inputs: BTreeMap<String, String>,
}

impl Fingerprint {
    /// Adds an input. Its value is a digest or a short text.
    pub fn add(&mut self, name: impl Into<String>, value: impl Into<String>) {
        self.inputs.insert(name.into(), value.into());
    }

    /// Adds something that can be written as JSON, by the digest of that JSON.
    pub fn add_json(&mut self, name: impl Into<String>, value: &impl Serialize) {
        // Maps of our types have text keys, so they always can be written.
        let bytes = serde_json::to_vec(value).unwrap_or_default();
        self.add(name, Sha256::of(&bytes).to_string());
    }

    /// The key under which a step's outputs are kept.
    pub fn key(&self) -> Sha256 {
        Sha256::of(&serde_json::to_vec(&self.inputs).unwrap_or_default())
    }

    /// What differs from an earlier fingerprint, in words; `None` when nothing does.
    pub fn difference(&self, earlier: &Fingerprint) -> Option<String> {
        let changed = self.inputs.iter().filter_map(|(name, value)| match earlier.inputs.get(name) {
            Some(before) if before == value => None,
            Some(_) => Some(format!("{name} changed")),
            None => Some(format!("{name} is new")),
        });
        let gone = earlier
            .inputs
            .keys()
            .filter(|name| !self.inputs.contains_key(*name))
            .map(|name| format!("{name} is gone"));
        let all: Vec<String> = changed.chain(gone).collect();
        match all.as_slice() {
            [] => None,
            [first, second, third, rest @ ..] if !rest.is_empty() => {
                Some(format!("{first}, {second}, {third} and {} more", rest.len()))
            }
            few => Some(few.join(", ")),
        }
    }

    /// The inputs by name.
    pub fn inputs(&self) -> &BTreeMap<String, String> {
        &self.inputs
    }
}

#[cfg(test)]
mod tests {
    use super::Fingerprint;

    fn of(inputs: &[(&str, &str)]) -> Fingerprint {
        let mut fingerprint = Fingerprint::default();
        for (name, value) in inputs {
            fingerprint.add(*name, *value);
        }
        fingerprint
    }

    #[test]
    fn a_difference_is_told_by_name() {
        let before = of(&[("action", "1"), ("README.md", "a"), ("gone", "x")]);
        let after = of(&[("action", "1"), ("README.md", "b"), ("binary rg", "y")]);
        assert_eq!(
            after.difference(&before).as_deref(),
            Some("README.md changed, binary rg is new, gone is gone")
        );
        assert_eq!(before.difference(&before), None);
        assert_ne!(before.key(), after.key());
    }

    #[test]
    fn many_differences_are_counted() {
        let after = of(&[("a", "1"), ("b", "1"), ("c", "1"), ("d", "1"), ("e", "1")]);
        assert_eq!(
            after.difference(&Fingerprint::default()).as_deref(),
            Some("a is new, b is new, c is new and 2 more")
        );
    }
}
