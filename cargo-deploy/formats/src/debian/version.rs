//! The version numbers of packages, and which is the later one.

use std::cmp::Ordering;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// A version number (Policy 5.6.12): `[epoch:]upstream[-revision]`.
///
/// Versions are equal when neither is later, as `1.0` and `0:1.00-0` are.
#[derive(Debug, Clone)]
pub struct Version {
    epoch: u32,
    upstream: String,
    revision: Option<String>,
}

/// What should be a version number is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{found}` is not a version number of Debian: {problem}")]
pub struct InvalidVersion {
    /// As it was given.
    pub found: String,
    /// What is wrong with it.
    pub problem: VersionProblem,
}

/// What is wrong with a version number.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum VersionProblem {
    /// No characters, or none but an epoch and a revision.
    #[error("it is empty")]
    Empty,
    /// What stands before the colon.
    #[error("the epoch before its `:` is not a whole number up to 2147483647")]
    Epoch,
    /// The first character.
    #[error("it does not start with a digit")]
    Start,
    /// A character that is not allowed.
    #[error("it contains {found:?}, and only letters, digits and `.`, `+`, `~`, `-` may stand in it")]
    Character {
        /// The first of them.
        found: char,
    },
    /// Nothing behind the last hyphen.
    #[error("the revision behind its last `-` is empty")]
    EmptyRevision,
    /// A character that is not allowed behind the last hyphen.
    #[error("its revision contains {found:?}, and only letters, digits and `.`, `+`, `~` may stand in it")]
    RevisionCharacter {
        /// The first of them.
        found: char,
    },
}

impl Version {
    /// The version of a package made from a crate of this SemVer version, with a revision if there shall be one.
    ///
    /// The hyphen before a pre-release becomes `~`, so that `1.0.0~rc.1` comes before `1.0.0`. Further hyphens become
    /// dots, because what stands behind the last hyphen is the revision.
    pub fn from_semver(version: &str, revision: Option<&str>) -> Result<Self, InvalidVersion> {
        let (numbers, build) = match version.split_once('+') {
            Some((numbers, build)) => (numbers, format!("+{build}")),
            None => (version, String::new()),
        };
        let upstream = format!("{}{build}", numbers.replacen('-', "~", 1)).replace('-', ".");
        let text = match revision {
            Some(revision) => format!("{upstream}-{revision}"),
            None => upstream.clone(),
        };
        let wrong = |problem| InvalidVersion { found: text.clone(), problem };
        check_upstream(&upstream).map_err(wrong)?;
        if let Some(revision) = revision {
            check_revision(revision).map_err(wrong)?;
        }
        Ok(Version { epoch: 0, upstream, revision: revision.map(str::to_owned) })
    }

    /// The number before the colon; 0 where there is none.
    pub fn epoch(&self) -> u32 {
        self.epoch
    }

    /// The part that the authors of the program give.
    pub fn upstream(&self) -> &str {
        &self.upstream
    }

    /// The part that who packages it gives.
    pub fn revision(&self) -> Option<&str> {
        self.revision.as_deref()
    }

    /// The version as it stands in the name of a file: without the epoch.
    pub fn without_epoch(&self) -> String {
        match &self.revision {
            Some(revision) => format!("{}-{revision}", self.upstream),
            None => self.upstream.clone(),
        }
    }
}

fn check_upstream(upstream: &str) -> Result<(), VersionProblem> {
    let bad = |character: &char| !character.is_ascii_alphanumeric() && !".+-~".contains(*character);
    match upstream.chars().next() {
        None => Err(VersionProblem::Empty),
        Some(_) if upstream.contains(|character| bad(&character)) => {
            Err(VersionProblem::Character { found: upstream.chars().find(bad).unwrap_or_default() })
        }
        Some(first) if !first.is_ascii_digit() => Err(VersionProblem::Start),
        Some(_) => Ok(()),
    }
}

fn check_revision(revision: &str) -> Result<(), VersionProblem> {
    let bad = |character: &char| !character.is_ascii_alphanumeric() && !".+~".contains(*character);
    match revision.chars().find(bad) {
        Some(found) => Err(VersionProblem::RevisionCharacter { found }),
        None if revision.is_empty() => Err(VersionProblem::EmptyRevision),
        None => Ok(()),
    }
}

impl FromStr for Version {
    type Err = InvalidVersion;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = |problem| InvalidVersion { found: text.to_owned(), problem };
        let (epoch, rest) = match text.split_once(':') {
            Some((epoch, rest)) => {
                let digits = !epoch.is_empty() && epoch.bytes().all(|byte| byte.is_ascii_digit());
                let number = epoch.parse::<i32>().ok().filter(|_| digits);
                let number = number.and_then(|number| u32::try_from(number).ok());
                (number.ok_or_else(|| wrong(VersionProblem::Epoch))?, rest)
            }
            None => (0, text),
        };
        let (upstream, revision) = match rest.rsplit_once('-') {
            Some((upstream, revision)) => (upstream, Some(revision)),
            None => (rest, None),
        };
        check_upstream(upstream).map_err(wrong)?;
        if let Some(revision) = revision {
            check_revision(revision).map_err(wrong)?;
        }
        Ok(Version { epoch, upstream: upstream.to_owned(), revision: revision.map(str::to_owned) })
    }
}

impl fmt::Display for Version {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.epoch {
            0 => formatter.pad(&self.without_epoch()),
            epoch => formatter.pad(&format!("{epoch}:{}", self.without_epoch())),
        }
    }
}

impl PartialEq for Version {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Version {}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // No revision is the same as the revision 0, and so is an empty text in what follows.
        let revision = |version: &Version| version.revision.clone().unwrap_or_default();
        let epochs = self.epoch.cmp(&other.epoch);
        let upstreams = || compare(self.upstream.as_bytes(), other.upstream.as_bytes());
        epochs
            .then_with(upstreams)
            .then_with(|| compare(revision(self).as_bytes(), revision(other).as_bytes()))
    }
}

/// Compares by turns what is not a number, character by character, and numbers by their value.
fn compare(mut left: &[u8], mut right: &[u8]) -> Ordering {
    let digits = |text: &[u8]| text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    while !left.is_empty() || !right.is_empty() {
        let words = |text: &[u8]| text.iter().take_while(|byte| !byte.is_ascii_digit()).count();
        let (left_word, left_rest) = left.split_at(words(left));
        let (right_word, right_rest) = right.split_at(words(right));
        for index in 0..left_word.len().max(right_word.len()) {
            match weight(left_word.get(index)).cmp(&weight(right_word.get(index))) {
                Ordering::Equal => {}
                other => return other,
            }
        }
        let (left_number, left_rest) = left_rest.split_at(digits(left_rest));
        let (right_number, right_rest) = right_rest.split_at(digits(right_rest));
        match value(left_number, right_number) {
            Ordering::Equal => (left, right) = (left_rest, right_rest),
            other => return other,
        }
    }
    Ordering::Equal
}

/// `~` comes before the end, letters before everything else.
fn weight(byte: Option<&u8>) -> u32 {
    match byte {
        Some(b'~') => 0,
        None => 1,
        Some(byte) if byte.is_ascii_alphabetic() => 2 + u32::from(*byte),
        Some(byte) => 300 + u32::from(*byte),
    }
}

/// Compares numbers of any length.
fn value(left: &[u8], right: &[u8]) -> Ordering {
    let plain = |digits: &[u8]| {
        let zeros = digits.iter().take_while(|byte| **byte == b'0').count();
        digits[zeros..].to_vec()
    };
    let (left, right) = (plain(left), plain(right));
    left.len().cmp(&right.len()).then_with(|| left.cmp(&right))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(text: &str) -> Version {
        text.parse().unwrap()
    }

    #[test]
    fn the_parts_are_told_apart() {
        let version = version("2:1.0-rc1+git-3.1");
        assert_eq!(version.epoch(), 2);
        assert_eq!(version.upstream(), "1.0-rc1+git");
        assert_eq!(version.revision(), Some("3.1"));
        assert_eq!(version.to_string(), "2:1.0-rc1+git-3.1");
        assert_eq!(version.without_epoch(), "1.0-rc1+git-3.1");
    }

    #[test]
    fn what_is_no_version_is_refused() {
        let table = [
            ("", "it is empty"),
            ("-1", "it is empty"),
            ("v1.0", "it does not start with a digit"),
            ("1.0_1", "it contains '_', and only letters, digits and `.`, `+`, `~`, `-` may stand in it"),
            ("1.0 ", "it contains ' ', and only letters, digits and `.`, `+`, `~`, `-` may stand in it"),
            ("1.0é", "it contains 'é', and only letters, digits and `.`, `+`, `~`, `-` may stand in it"),
            ("1:2:3", "it contains ':', and only letters, digits and `.`, `+`, `~`, `-` may stand in it"),
            ("1.0-", "the revision behind its last `-` is empty"),
            (
                "1.0-a_b",
                "its revision contains '_', and only letters, digits and `.`, `+`, `~` may stand in it",
            ),
            ("a:1", "the epoch before its `:` is not a whole number up to 2147483647"),
            (":1", "the epoch before its `:` is not a whole number up to 2147483647"),
            ("+1:1", "the epoch before its `:` is not a whole number up to 2147483647"),
            ("2147483648:1", "the epoch before its `:` is not a whole number up to 2147483647"),
        ];
        for (text, problem) in table {
            let error = text.parse::<Version>().unwrap_err();
            assert_eq!(error.to_string(), format!("`{text}` is not a version number of Debian: {problem}"));
        }
    }

    #[test]
    fn versions_of_crates_become_versions_of_packages() {
        let table = [
            ("1.2.3", None, "1.2.3"),
            ("1.2.3", Some("1"), "1.2.3-1"),
            ("1.2.3-rc.1", Some("1"), "1.2.3~rc.1-1"),
            ("1.2.3-rc.1+build.7", None, "1.2.3~rc.1+build.7"),
            ("1.2.3-alpha-x.1", Some("0ubuntu1"), "1.2.3~alpha.x.1-0ubuntu1"),
            ("1.2.3+a-b", None, "1.2.3+a.b"),
        ];
        for (semver, revision, expected) in table {
            let made = Version::from_semver(semver, revision).unwrap();
            assert_eq!(made.to_string(), expected);
            assert_eq!(version(expected).revision(), revision);
        }
        let error = Version::from_semver("1.0.0", Some("1-2")).unwrap_err();
        assert_eq!(
            error.to_string(),
            "`1.0.0-1-2` is not a version number of Debian: its revision contains '-', and only letters, digits and `.`, `+`, \
             `~` may stand in it"
        );
        assert!(Version::from_semver("1.0.0", Some("")).is_err());
    }

    #[test]
    fn later_versions_are_greater() {
        // The example of Policy 5.6.12.1 first.
        let rising = [
            "0~~",
            "0~~a",
            "0~",
            "0",
            "0a",
            "0+",
            "1.0~rc.1-1",
            "1.0~rc.2-1",
            "1.0~rc.10-1",
            "1.0-1",
            "1.0-2",
            "1.0-10",
            "1.0a-1",
            "1.0.1-1",
            "1.9",
            "1.10",
            "1.10.0.0.99999999999999999999",
            "10",
            "1:0",
            "2:0",
        ];
        for (index, lower) in rising.iter().enumerate() {
            for higher in &rising[index + 1..] {
                assert!(version(lower) < version(higher), "{lower} < {higher}");
                assert!(version(higher) > version(lower), "{higher} > {lower}");
            }
        }
        for (left, right) in [("1.0", "0:1.00"), ("1.0", "1.0-0"), ("1.0-0", "1.0-00"), ("01", "1")] {
            assert_eq!(version(left), version(right));
        }
    }
}
