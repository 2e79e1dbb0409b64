//! What a package needs, provides or excludes: one line of `Requires:` and its relatives.
//!
//! The grammar is that of `rpm`'s spec files ("Dependencies" in its manual, and what `rpmbuild` 4.18 accepts): a name, or a
//! name, a comparison and a version, `[epoch:]version[-release]`, with blanks between the three; or a "rich" dependency
//! in parentheses, such as `(gtk4 or gtk3)`, whose inside is left to rpm.

use std::fmt;
use std::str::FromStr;

use ::rpm::DependencyFlags;
use thiserror::Error;

/// How the version of a package must compare.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Comparison {
    /// `<`
    Less,
    /// `<=`
    LessOrEqual,
    /// `=`
    Equal,
    /// `>=`
    GreaterOrEqual,
    /// `>`
    Greater,
}

impl Comparison {
    fn read(text: &str) -> Option<Self> {
        Some(match text {
            "<" => Comparison::Less,
            "<=" | "=<" => Comparison::LessOrEqual,
            "=" | "==" => Comparison::Equal,
            ">=" | "=>" => Comparison::GreaterOrEqual,
            ">" => Comparison::Greater,
            _ => return None,
        })
    }

    fn flags(self) -> DependencyFlags {
        match self {
            Comparison::Less => DependencyFlags::LESS,
            Comparison::LessOrEqual => DependencyFlags::LE,
            Comparison::Equal => DependencyFlags::EQUAL,
            Comparison::GreaterOrEqual => DependencyFlags::GE,
            Comparison::Greater => DependencyFlags::GREATER,
        }
    }

    fn of(flags: DependencyFlags) -> Option<Self> {
        Self::read(flags.comparator_str())
    }
}

impl fmt::Display for Comparison {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Equal => "=",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Greater => ">",
        })
    }
}

/// A dependency, read from a line by [`FromStr`] or out of a package. It is displayed as `rpm -qp --requires` does.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dependency {
    name: String,
    constraint: Option<(Comparison, String)>,
    /// What rpm notes beside the comparison: where it comes from, which script needs it.
    purpose: u32,
}

impl Dependency {
    /// On any version. The name is not checked.
    pub(crate) fn any(name: impl Into<String>) -> Self {
        Dependency { name: name.into(), constraint: None, purpose: 0 }
    }

    /// On one version. Neither is checked.
    pub(crate) fn equal(name: impl Into<String>, version: impl Into<String>) -> Self {
        Dependency { name: name.into(), constraint: Some((Comparison::Equal, version.into())), purpose: 0 }
    }

    /// On something rpm itself must be able to do: `rpmlib(feature) <= version`.
    pub(crate) fn rpmlib(feature: &str, version: &str) -> Self {
        Dependency {
            name: format!("rpmlib({feature})"),
            constraint: Some((Comparison::LessOrEqual, version.to_owned())),
            purpose: DependencyFlags::RPMLIB.bits(),
        }
    }

    pub(crate) fn with(mut self, purpose: DependencyFlags) -> Self {
        self.purpose |= purpose.bits();
        self
    }

    pub(crate) fn of_header(name: String, flags: u32, version: String) -> Self {
        let sense = DependencyFlags::LESS | DependencyFlags::GREATER | DependencyFlags::EQUAL;
        let constraint = Comparison::of(DependencyFlags::from_bits_retain(flags))
            .filter(|_| !version.is_empty())
            .map(|comparison| (comparison, version));
        Dependency { name, constraint, purpose: flags & !sense.bits() }
    }

    pub(crate) fn flags(&self) -> u32 {
        self.constraint.as_ref().map_or(0, |(comparison, _)| comparison.flags().bits()) | self.purpose
    }

    /// What it is on: a package, a capability such as `libc.so.6()(64bit)`, a path, or a whole rich dependency.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How which version must compare; `None` where any is right.
    pub fn constraint(&self) -> Option<(Comparison, &str)> {
        self.constraint.as_ref().map(|(comparison, version)| (*comparison, version.as_str()))
    }

    pub(crate) fn version(&self) -> &str {
        self.constraint.as_ref().map_or("", |(_, version)| version)
    }

    /// Whether it asks for what rpm itself must be able to do.
    pub fn is_rpmlib(&self) -> bool {
        self.purpose & DependencyFlags::RPMLIB.bits() != 0
    }

    /// Whether it must be there before this package's files are, because a script needs it then.
    pub fn is_needed_first(&self) -> bool {
        let first = DependencyFlags::PREREQ | DependencyFlags::SCRIPT_PRE | DependencyFlags::SCRIPT_POST;
        self.purpose & first.bits() != 0
    }

    /// Whether a generator found it in a file, as [`elf`](super::elf) does.
    pub fn is_generated(&self) -> bool {
        let generated = DependencyFlags::FIND_REQUIRES | DependencyFlags::FIND_PROVIDES;
        self.purpose & generated.bits() != 0
    }

    pub(crate) fn is_rich(&self) -> bool {
        self.name.starts_with('(')
    }
}

impl fmt::Display for Dependency {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.name)?;
        match &self.constraint {
            Some((comparison, version)) => write!(formatter, " {comparison} {version}"),
            None => Ok(()),
        }
    }
}

/// Why a line is no dependency.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("read the dependency `{line}`: {problem}")]
pub struct DependencyError {
    /// As it was given.
    pub line: String,
    /// What is wrong with it.
    pub problem: DependencyProblem,
}

/// What is wrong with a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum DependencyProblem {
    /// Nothing but blanks.
    #[error("it is empty")]
    Empty,
    /// The first character of a name.
    #[error("a name starts with a letter, a digit, `_` or `/`, and this one with `{found}`")]
    Start {
        /// The character.
        found: char,
    },
    /// A character within a name.
    #[error("a name cannot contain `{found}`{hint}")]
    Character {
        /// The character.
        found: char,
        /// How it may have been meant; empty or a clause that starts with a semicolon.
        hint: &'static str,
    },
    /// Parentheses of a rich dependency or of a name.
    #[error("its parentheses do not match")]
    Parentheses,
    /// The word after the name.
    #[error("after the name comes one of `<`, `<=`, `=`, `>=` and `>`, and not `{found}`")]
    Comparison {
        /// The word.
        found: String,
    },
    /// A comparison without what it compares with.
    #[error("after `{comparison}` a version is missing")]
    NoVersion {
        /// As it was given.
        comparison: String,
    },
    /// A path with a version.
    #[error("a path cannot have a version")]
    VersionedPath,
    /// A character within a version.
    #[error("the version `{version}` cannot contain `{found}`")]
    VersionCharacter {
        /// As it was given.
        version: String,
        /// The character.
        found: char,
    },
    /// More than one hyphen.
    #[error("the version `{version}` has more than one `-`; the only one stands before the release")]
    Hyphens {
        /// As it was given.
        version: String,
    },
    /// An epoch that is no number, or an empty part.
    #[error("the version `{version}` is not of the form `[epoch:]version[-release]`")]
    VersionForm {
        /// As it was given.
        version: String,
    },
    /// Something behind the version.
    #[error("`{found}` follows the version; each dependency has a line of its own")]
    More {
        /// The first word of it.
        found: String,
    },
}

impl FromStr for Dependency {
    type Err = DependencyError;

    fn from_str(line: &str) -> Result<Self, DependencyError> {
        read(line.trim()).map_err(|problem| DependencyError { line: line.to_owned(), problem })
    }
}

fn read(line: &str) -> Result<Dependency, DependencyProblem> {
    let first = line.chars().next().ok_or(DependencyProblem::Empty)?;
    if first == '(' {
        if !balanced(line) || !line.ends_with(')') {
            return Err(DependencyProblem::Parentheses);
        }
        if let Some(found) = line.chars().find(|found| found.is_control()) {
            return Err(DependencyProblem::Character { found, hint: "" });
        }
        return Ok(Dependency::any(line));
    }
    if !(first.is_ascii_alphanumeric() || first == '_' || first == '/') {
        return Err(DependencyProblem::Start { found: first });
    }
    let mut words = line.split_whitespace();
    let name = words.next().ok_or(DependencyProblem::Empty)?;
    check_name(name)?;
    let Some(comparison) = words.next() else { return Ok(Dependency::any(name)) };
    let relation = Comparison::read(comparison)
        .ok_or_else(|| DependencyProblem::Comparison { found: comparison.to_owned() })?;
    let version =
        words.next().ok_or_else(|| DependencyProblem::NoVersion { comparison: comparison.to_owned() })?;
    if name.starts_with('/') {
        return Err(DependencyProblem::VersionedPath);
    }
    check_version(version)?;
    if let Some(found) = words.next() {
        return Err(DependencyProblem::More { found: found.to_owned() });
    }
    Ok(Dependency { name: name.to_owned(), constraint: Some((relation, version.to_owned())), purpose: 0 })
}

fn check_name(name: &str) -> Result<(), DependencyProblem> {
    for found in name.chars() {
        let hint = match found {
            '<' | '>' | '=' => "; a comparison needs a blank on both sides",
            ',' => "; each dependency has a line of its own",
            '|' | '&' => "; alternatives are written `(one or two)`",
            _ if found.is_control() || found == '"' => "",
            _ => continue,
        };
        return Err(DependencyProblem::Character { found, hint });
    }
    if balanced(name) { Ok(()) } else { Err(DependencyProblem::Parentheses) }
}

fn balanced(text: &str) -> bool {
    let mut open = 0usize;
    for byte in text.bytes() {
        match byte {
            b'(' => open += 1,
            b')' => match open.checked_sub(1) {
                Some(left) => open = left,
                None => return false,
            },
            _ => {}
        }
    }
    open == 0
}

fn check_version(whole: &str) -> Result<(), DependencyProblem> {
    let version = || whole.to_owned();
    let allowed = |found: &char| found.is_ascii_alphanumeric() || "._+~^-:".contains(*found);
    if let Some(found) = whole.chars().find(|found| !allowed(found)) {
        return Err(DependencyProblem::VersionCharacter { version: version(), found });
    }
    let (epoch, rest) = match whole.split_once(':') {
        Some((epoch, rest)) => (Some(epoch), rest),
        None => (None, whole),
    };
    if rest.matches('-').count() > 1 {
        return Err(DependencyProblem::Hyphens { version: version() });
    }
    let (number, release) = match rest.split_once('-') {
        Some((number, release)) => (number, Some(release)),
        None => (rest, None),
    };
    let numeric = |epoch: &str| !epoch.starts_with('+') && epoch.parse::<u32>().is_ok();
    if epoch.is_some_and(|epoch| !numeric(epoch))
        || number.is_empty()
        || release == Some("")
        || rest.contains(':')
    {
        return Err(DependencyProblem::VersionForm { version: version() });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_rpm_accepts_are_read_and_shown_as_rpm_shows_them() {
        let table = [
            ("bash", "bash"),
            ("  bash  >=   4 ", "bash >= 4"),
            ("bash => 4.2", "bash >= 4.2"),
            ("bash == 2:4.2-1", "bash = 2:4.2-1"),
            ("glibc < 2.17~rc1^git5", "glibc < 2.17~rc1^git5"),
            ("/usr/bin/python3", "/usr/bin/python3"),
            ("libc.so.6(GLIBC_2.17)(64bit)", "libc.so.6(GLIBC_2.17)(64bit)"),
            ("pkgconfig(gtk4) > 4.2", "pkgconfig(gtk4) > 4.2"),
            ("(gtk4 or (gtk3 and glib2 >= 2))", "(gtk4 or (gtk3 and glib2 >= 2))"),
            ("rtld(GNU_HASH)", "rtld(GNU_HASH)"),
        ];
        for (line, shown) in table {
            assert_eq!(line.parse::<Dependency>().unwrap().to_string(), shown);
        }
    }

    #[test]
    fn what_is_no_dependency_is_named() {
        let table = [
            ("", "it is empty"),
            ("-bash", "a name starts with a letter, a digit, `_` or `/`, and this one with `-`"),
            ("bash>=4", "a name cannot contain `>`; a comparison needs a blank on both sides"),
            ("bash, zsh", "a name cannot contain `,`; each dependency has a line of its own"),
            ("libc6 (>= 2.17)", "after the name comes one of `<`, `<=`, `=`, `>=` and `>`, and not `(>=`"),
            ("bash ~> 4", "after the name comes one of `<`, `<=`, `=`, `>=` and `>`, and not `~>`"),
            ("bash >=", "after `>=` a version is missing"),
            ("bash >= 4 zsh", "`zsh` follows the version; each dependency has a line of its own"),
            (
                "bash >= 4-1-1",
                "the version `4-1-1` has more than one `-`; the only one stands before the release",
            ),
            ("bash >= 4/1", "the version `4/1` cannot contain `/`"),
            ("bash >= x:4", "the version `x:4` is not of the form `[epoch:]version[-release]`"),
            ("bash >= 1:4-", "the version `1:4-` is not of the form `[epoch:]version[-release]`"),
            ("/bin/sh >= 4", "a path cannot have a version"),
            ("(gtk4 or gtk3", "its parentheses do not match"),
            ("perl(Foo", "its parentheses do not match"),
            ("a|b", "a name cannot contain `|`; alternatives are written `(one or two)`"),
        ];
        for (line, problem) in table {
            let error = line.parse::<Dependency>().unwrap_err();
            assert_eq!(error.to_string(), format!("read the dependency `{line}`: {problem}"));
        }
    }

    #[test]
    fn flags_survive_the_header() {
        let dependency = Dependency::rpmlib("FileDigests", "4.6.0-1");
        assert_eq!(dependency.flags(), 0x0100_000a);
        let again = Dependency::of_header(
            dependency.name().to_owned(),
            dependency.flags(),
            dependency.version().to_owned(),
        );
        assert_eq!(again, dependency);
        assert!(again.is_rpmlib());
        assert_eq!(again.to_string(), "rpmlib(FileDigests) <= 4.6.0-1");
    }
}
