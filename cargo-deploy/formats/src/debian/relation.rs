//! What a package says of others: the lines `Depends`, `Recommends`, `Conflicts` and their like (Policy 7.1).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;

use super::{Architecture, InvalidArchitecture, InvalidPackageName, InvalidVersion, PackageName, Version};

/// A whole line: every one of these, and of each any one of its alternatives.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Relations(pub Vec<Vec<Relation>>);

/// One package that is meant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Relation {
    /// Its name.
    pub package: PackageName,
    /// Behind the colon: `any`, or the name of an architecture.
    pub qualifier: Option<Architecture>,
    /// Which of its versions.
    pub version: Option<(Operator, Version)>,
    /// In brackets: the architectures this holds for, or with `!` those it does not hold for. A control file of a package must have none:
    /// see [`Relations::for_architecture`].
    pub restriction: Option<Restriction>,
}

/// How a version must stand to the one that is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Operator {
    /// `<<`
    Earlier,
    /// `<=`
    EarlierOrEqual,
    /// `=`
    Equal,
    /// `>=`
    LaterOrEqual,
    /// `>>`
    Later,
}

/// The architectures that a relation holds for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restriction {
    /// Whether it holds for all but these.
    pub negated: bool,
    /// Names and wildcards.
    pub architectures: Vec<Architecture>,
}

/// Why a line is none.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("`{relation}`: {problem}")]
pub struct InvalidRelation {
    /// The part of the line between two commas or bars, without the spaces around it.
    pub relation: String,
    /// What is wrong with it.
    pub problem: RelationProblem,
}

/// What is wrong with a relation.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum RelationProblem {
    /// Two commas, two bars, or one at an end.
    #[error("there is nothing between two separators, or between one and the end")]
    Empty,
    /// A variable of debhelper.
    #[error(
        "`{found}` is a substitution variable, which only debhelper fills in; the libraries a program needs are written as `$auto`"
    )]
    Substitution {
        /// With its braces, if they are closed.
        found: String,
    },
    /// `$auto` in company.
    #[error(
        "`{found}` is no name of a package (`$auto` must stand between commas alone, and no other word starts with `$`)"
    )]
    Dollar {
        /// Up to the next space.
        found: String,
    },
    /// The name.
    #[error(transparent)]
    Name(#[from] InvalidPackageName),
    /// What stands behind the colon.
    #[error("behind the `:`: {0}")]
    Qualifier(InvalidArchitecture),
    /// What stands in the brackets.
    #[error("in the brackets: {0}")]
    Architecture(InvalidArchitecture),
    /// What stands in the parentheses.
    #[error(transparent)]
    Version(#[from] InvalidVersion),
    /// What a version starts with.
    #[error("`{found}` does not say how versions compare: it is one of `<<`, `<=`, `=`, `>=`, `>>`")]
    Operator {
        /// As it was given.
        found: String,
    },
    /// The old spelling, which meant "or equal".
    #[error("`{found}` alone is no longer used: `{strict}` is strict, `{loose}` allows the same version")]
    OldOperator {
        /// As it was given.
        found: char,
        /// The one that excludes equality.
        strict: &'static str,
        /// The one that includes it.
        loose: &'static str,
    },
    /// A parenthesis or bracket without its partner.
    #[error("the `{opened}` is not closed")]
    Unclosed {
        /// Which.
        opened: char,
    },
    /// An empty pair of brackets.
    #[error("there is nothing in the brackets")]
    NoArchitectures,
    /// `[amd64 !arm64]`
    #[error("some architectures in the brackets have a `!` and some have none")]
    MixedRestriction,
    /// `<!nocheck>`
    #[error("restrictions to build profiles (`<...>`) belong to sources, not to packages")]
    Profile,
    /// Something behind the end.
    #[error(
        "`{found}` stands where the relation should end; relations are divided by `,` and alternatives by `|`"
    )]
    Rest {
        /// All of it.
        found: String,
    },
}

impl Relations {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// What a control file for this architecture says: relations that do not hold for it are left out, and the brackets of the others
    /// removed. An alternative that does not hold is left out alone.
    #[must_use]
    pub fn for_architecture(&self, architecture: &Architecture) -> Relations {
        let holds = |relation: &&Relation| {
            relation.restriction.as_ref().is_none_or(|restriction| restriction.holds_for(architecture))
        };
        let reduced = |group: &Vec<Relation>| {
            let left = group.iter().filter(holds).cloned();
            left.map(|relation| Relation { restriction: None, ..relation }).collect::<Vec<_>>()
        };
        Relations(self.0.iter().map(reduced).filter(|group| !group.is_empty()).collect())
    }
}

impl Restriction {
    /// Whether what has this restriction holds for an architecture.
    pub fn holds_for(&self, architecture: &Architecture) -> bool {
        self.architectures.iter().any(|pattern| architecture.is(pattern)) != self.negated
    }
}

impl FromStr for Relations {
    type Err = InvalidRelation;

    /// An empty text has no relations. One comma at the end is let pass, as dpkg-gencontrol does.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let text = text.strip_suffix(',').unwrap_or(text);
        if text.is_empty() {
            return Ok(Relations::default());
        }
        let group = |group: &str| group.split('|').map(str::parse).collect::<Result<Vec<Relation>, _>>();
        text.split(',').map(group).collect::<Result<_, _>>().map(Relations)
    }
}

impl FromStr for Relation {
    type Err = InvalidRelation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        parse(text).map_err(|problem| InvalidRelation { relation: text.to_owned(), problem })
    }
}

fn parse(text: &str) -> Result<Relation, RelationProblem> {
    if text.is_empty() {
        return Err(RelationProblem::Empty);
    }
    if let Some(start) = text.find("${") {
        let variable = &text[start..];
        let end = variable.find('}').map_or(variable.len(), |end| end + 1);
        return Err(RelationProblem::Substitution { found: variable[..end].to_owned() });
    }
    let name_ends = |character: char| character.is_whitespace() || "([<:".contains(character);
    let (name, rest) = text.split_at(text.find(name_ends).unwrap_or(text.len()));
    if name.starts_with('$') {
        return Err(RelationProblem::Dollar { found: name.to_owned() });
    }
    let package = name.parse()?;
    let (qualifier, rest) = match rest.strip_prefix(':') {
        Some(rest) => {
            let (qualifier, rest) = rest.split_at(rest.find(name_ends).unwrap_or(rest.len()));
            (Some(qualifier.parse().map_err(RelationProblem::Qualifier)?), rest)
        }
        None => (None, rest),
    };
    let rest = rest.trim_start();
    let (version, rest) = match enclosed(rest, '(', ')')? {
        Some((inside, rest)) => (Some(parse_version(inside)?), rest),
        None => (None, rest),
    };
    let (restriction, rest) = match enclosed(rest, '[', ']')? {
        Some((inside, rest)) => (Some(parse_restriction(inside)?), rest),
        None => (None, rest),
    };
    match rest.chars().next() {
        None => Ok(Relation { package, qualifier, version, restriction }),
        Some('<') => Err(RelationProblem::Profile),
        Some(_) => Err(RelationProblem::Rest { found: rest.to_owned() }),
    }
}

/// What stands between a pair, and what follows it, both without spaces around; `None` if the text does not start with the pair.
fn enclosed(text: &str, open: char, close: char) -> Result<Option<(&str, &str)>, RelationProblem> {
    let Some(text) = text.strip_prefix(open) else { return Ok(None) };
    match text.split_once(close) {
        Some((inside, rest)) => Ok(Some((inside.trim(), rest.trim_start()))),
        None => Err(RelationProblem::Unclosed { opened: open }),
    }
}

fn parse_version(inside: &str) -> Result<(Operator, Version), RelationProblem> {
    let operator_ends = |character: char| !"<>=!~^".contains(character);
    let (operator, version) = inside.split_at(inside.find(operator_ends).unwrap_or(inside.len()));
    let operator = match operator {
        "<<" => Operator::Earlier,
        "<=" => Operator::EarlierOrEqual,
        "=" => Operator::Equal,
        ">=" => Operator::LaterOrEqual,
        ">>" => Operator::Later,
        "<" => return Err(RelationProblem::OldOperator { found: '<', strict: "<<", loose: "<=" }),
        ">" => return Err(RelationProblem::OldOperator { found: '>', strict: ">>", loose: ">=" }),
        "" => return Err(RelationProblem::Operator { found: inside.to_owned() }),
        other => return Err(RelationProblem::Operator { found: other.to_owned() }),
    };
    Ok((operator, version.trim_start().parse()?))
}

fn parse_restriction(inside: &str) -> Result<Restriction, RelationProblem> {
    let words: Vec<&str> = inside.split_whitespace().collect();
    let negated = words.iter().filter(|word| word.starts_with('!')).count();
    if words.is_empty() {
        return Err(RelationProblem::NoArchitectures);
    }
    if negated != 0 && negated != words.len() {
        return Err(RelationProblem::MixedRestriction);
    }
    let name = |word: &&str| word.strip_prefix('!').unwrap_or(word).parse();
    let architectures = words.iter().map(name).collect::<Result<_, _>>();
    Ok(Restriction {
        negated: negated != 0,
        architectures: architectures.map_err(RelationProblem::Architecture)?,
    })
}

impl fmt::Display for Relations {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, group) in self.0.iter().enumerate() {
            formatter.write_str(if index == 0 { "" } else { ", " })?;
            for (index, relation) in group.iter().enumerate() {
                formatter.write_str(if index == 0 { "" } else { " | " })?;
                relation.fmt(formatter)?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Relation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}", self.package)?;
        if let Some(qualifier) = &self.qualifier {
            write!(formatter, ":{qualifier}")?;
        }
        if let Some((operator, version)) = &self.version {
            write!(formatter, " ({operator} {version})")?;
        }
        if let Some(restriction) = &self.restriction {
            let mark = if restriction.negated { "!" } else { "" };
            let words: Vec<_> =
                restriction.architectures.iter().map(|name| format!("{mark}{name}")).collect();
            write!(formatter, " [{}]", words.join(" "))?;
        }
        Ok(())
    }
}

impl fmt::Display for Operator {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Operator::Earlier => "<<",
            Operator::EarlierOrEqual => "<=",
            Operator::Equal => "=",
            Operator::LaterOrEqual => ">=",
            Operator::Later => ">>",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relations(text: &str) -> Relations {
        text.parse().unwrap()
    }

    #[test]
    fn a_line_is_written_in_one_way() {
        let table = [
            ("", ""),
            ("  \n ", ""),
            ("libc6", "libc6"),
            ("libc6(>=2.17)", "libc6 (>= 2.17)"),
            ("libc6 ( >= 2.17 ) ,zlib1g", "libc6 (>= 2.17), zlib1g"),
            ("libc6,\n zlib1g,", "libc6, zlib1g"),
            ("a1|b1 (<<1:2.0-1)| c1:any", "a1 | b1 (<< 1:2.0-1) | c1:any"),
            ("python3:any (>= 3.9~)", "python3:any (>= 3.9~)"),
            ("foo (= 1)[amd64  linux-any]", "foo (= 1) [amd64 linux-any]"),
            (
                "foo [!i386 !hurd-any], bar (>> 1), baz (<= 2)",
                "foo [!i386 !hurd-any], bar (>> 1), baz (<= 2)",
            ),
        ];
        for (text, expected) in table {
            assert_eq!(relations(text).to_string(), expected);
            assert_eq!(relations(expected), relations(text));
        }
    }

    #[test]
    fn what_does_not_parse_names_what_was_found() {
        let table = [
            ("a1,,b1", "``: there is nothing between two separators, or between one and the end"),
            (",", ""),
            ("a1,", ""),
            ("a1 |", "``: there is nothing between two separators, or between one and the end"),
            (
                "libc6, ${shlibs:Depends}",
                "`${shlibs:Depends}`: `${shlibs:Depends}` is a substitution variable, which only debhelper fills in; the libraries a \
                 program needs are written as `$auto`",
            ),
            (
                "a1 (= ${binary:Version})",
                "`a1 (= ${binary:Version})`: `${binary:Version}` is a substitution variable, which only debhelper fills in; the \
                 libraries a program needs are written as `$auto`",
            ),
            (
                "$auto | a1",
                "`$auto`: `$auto` is no name of a package (`$auto` must stand between commas alone, and no other word starts with `$`)",
            ),
            (
                "libc6 >= 2.17",
                "`libc6 >= 2.17`: `>= 2.17` stands where the relation should end; relations are divided by `,` and alternatives by `|`",
            ),
            (
                "a1 b1",
                "`a1 b1`: `b1` stands where the relation should end; relations are divided by `,` and alternatives by `|`",
            ),
            ("a1 (>= 1", "`a1 (>= 1`: the `(` is not closed"),
            ("a1 [amd64", "`a1 [amd64`: the `[` is not closed"),
            (
                "a1 (> 1)",
                "`a1 (> 1)`: `>` alone is no longer used: `>>` is strict, `>=` allows the same version",
            ),
            (
                "a1 (< 1)",
                "`a1 (< 1)`: `<` alone is no longer used: `<<` is strict, `<=` allows the same version",
            ),
            (
                "a1 (== 1)",
                "`a1 (== 1)`: `==` does not say how versions compare: it is one of `<<`, `<=`, `=`, `>=`, `>>`",
            ),
            (
                "a1 (1.0)",
                "`a1 (1.0)`: `1.0` does not say how versions compare: it is one of `<<`, `<=`, `=`, `>=`, `>>`",
            ),
            (
                "a1 (>= v1)",
                "`a1 (>= v1)`: `v1` is not a version number of Debian: it does not start with a digit",
            ),
            ("a1 (>=)", "`a1 (>=)`: `` is not a version number of Debian: it is empty"),
            (
                "Foo",
                "`Foo`: `Foo` is not a name Debian takes for a package: only lower-case letters, digits, `+`, `-` and `.` may stand in \
                 it (`foo` would be one)",
            ),
            (
                "a1:",
                "`a1:`: behind the `:`: `` is not the name of an architecture: they are of lower-case letters, digits and `-`, as in \
                 `amd64`",
            ),
            ("a1 []", "`a1 []`: there is nothing in the brackets"),
            (
                "a1 [AMD64]",
                "`a1 [AMD64]`: in the brackets: `AMD64` is not the name of an architecture: they are of lower-case letters, digits and \
                 `-`, as in `amd64`",
            ),
            (
                "a1 [amd64 !i386]",
                "`a1 [amd64 !i386]`: some architectures in the brackets have a `!` and some have none",
            ),
            (
                "a1 <!nocheck>",
                "`a1 <!nocheck>`: restrictions to build profiles (`<...>`) belong to sources, not to packages",
            ),
        ];
        for (text, expected) in table {
            match text.parse::<Relations>() {
                Ok(_) => assert_eq!(expected, "", "{text}"),
                Err(error) => assert_eq!(error.to_string(), expected),
            }
        }
    }

    #[test]
    fn relations_are_reduced_to_an_architecture() {
        let all = relations(
            "a1 [amd64], b1 [!amd64] | c1, d1 [!amd64], e1 [linux-any], f1 (>= 1) [any-amd64], g1:any",
        );
        let reduced = |name: &str| all.for_architecture(&name.parse().unwrap()).to_string();
        assert_eq!(reduced("amd64"), "a1, c1, e1, f1 (>= 1), g1:any");
        assert_eq!(reduced("arm64"), "b1 | c1, d1, e1, g1:any");
    }
}
