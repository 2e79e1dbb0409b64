//! The dotted name of a setting, such as `targets.build[2]`.

use std::fmt;
use std::str::FromStr;

/// One step into a tree of settings.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// Into a table.
    Key(String),
    /// Into a list, from 0.
    Index(usize),
}

/// Where a setting stands: the names of the tables around it, then its own, with list positions in brackets.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FieldPath {
    segments: Vec<Segment>,
}

impl FieldPath {
    /// The whole manifest.
    pub fn root() -> Self {
        Self::default()
    }

    /// The setting `name` in the table at this path.
    #[must_use]
    pub fn key(&self, name: impl Into<String>) -> Self {
        self.with(Segment::Key(name.into()))
    }

    /// The item at `position` in the list at this path.
    #[must_use]
    pub fn index(&self, position: usize) -> Self {
        self.with(Segment::Index(position))
    }

    fn with(&self, segment: Segment) -> Self {
        let mut segments = Vec::with_capacity(self.segments.len() + 1);
        segments.extend_from_slice(&self.segments);
        segments.push(segment);
        Self { segments }
    }

    /// The steps from the root.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The path of the table or list around it; `None` for the root.
    pub fn parent(&self) -> Option<Self> {
        let (_, rest) = self.segments.split_last()?;
        Some(Self { segments: rest.to_vec() })
    }

    /// The last key on the way, as in `build` for `targets.build[2]`.
    pub fn last_key(&self) -> Option<&str> {
        self.segments.iter().rev().find_map(|segment| match segment {
            Segment::Key(name) => Some(name.as_str()),
            Segment::Index(_) => None,
        })
    }

    /// Whether it is the whole manifest.
    pub fn is_root(&self) -> bool {
        self.segments.is_empty()
    }

    /// Whether a list is on the way.
    pub fn is_in_list(&self) -> bool {
        self.segments.iter().any(|segment| matches!(segment, Segment::Index(_)))
    }
}

/// Whether TOML lets a key stand without quotes (TOML 1.0, section Keys).
fn is_bare(key: &str) -> bool {
    !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

/// A key as TOML writes it: bare where that is allowed, quoted otherwise.
pub(crate) fn written_key(key: &str) -> String {
    if is_bare(key) { key.to_owned() } else { quoted(key) }
}

/// A text in double quotes, with what could steer a terminal escaped.
pub(crate) fn quoted(text: &str) -> String {
    format!("\"{}\"", text.escape_debug().to_string().replace("\\'", "'"))
}

impl fmt::Display for FieldPath {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (position, segment) in self.segments.iter().enumerate() {
            match segment {
                Segment::Key(key) => {
                    let dot = if position == 0 { "" } else { "." };
                    write!(formatter, "{dot}{}", written_key(key))?;
                }
                Segment::Index(index) => write!(formatter, "[{index}]")?,
            }
        }
        Ok(())
    }
}

/// A text is not a path such as `targets.build[2]` or `package."tar.gz".level`.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a field path: \"{text}\"")]
pub struct InvalidFieldPath {
    /// What was given.
    pub text: String,
}

impl FromStr for FieldPath {
    type Err = InvalidFieldPath;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut path = Self::root();
        let mut rest = text;
        while !rest.is_empty() {
            let (segment, after) = next_segment(rest, path.is_root())
                .ok_or_else(|| InvalidFieldPath { text: text.to_owned() })?;
            path.segments.push(segment);
            rest = after;
        }
        Ok(path)
    }
}

/// Takes one segment off the front.
fn next_segment(rest: &str, first: bool) -> Option<(Segment, &str)> {
    if let Some(after) = rest.strip_prefix('[') {
        let (digits, after) = after.split_once(']')?;
        return Some((Segment::Index(digits.parse().ok()?), after));
    }
    let rest = if first { rest } else { rest.strip_prefix('.')? };
    if let Some(after) = rest.strip_prefix('"') {
        let (key, after) = after.split_once('"')?;
        return Some((Segment::Key(key.to_owned()), after));
    }
    let end = rest.find(['.', '[']).unwrap_or(rest.len());
    let (key, after) = rest.split_at(end);
    is_bare(key).then(|| (Segment::Key(key.to_owned()), after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_read_back_as_it_is_written() {
        for text in
            ["", "app", "targets.build[2]", "package.\"tar.gz\".level", "asset[0].targets[11]", "a[1][2].b"]
        {
            assert_eq!(text.parse::<FieldPath>().unwrap().to_string(), text);
        }
    }

    #[test]
    fn what_is_no_path_is_refused() {
        for text in [".", "a.", "a..b", "a[", "a[x]", "a b", "a.\"b", "[1]x", "a]"] {
            assert_eq!(
                text.parse::<FieldPath>(),
                Err(InvalidFieldPath { text: text.to_owned() }),
                "{text} was taken for a path"
            );
        }
    }

    #[test]
    fn keys_that_need_quotes_get_them() {
        assert_eq!(FieldPath::root().key("package").key("tar.gz").to_string(), "package.\"tar.gz\"");
        assert_eq!(FieldPath::root().key("a\u{1b}b").to_string(), "\"a\\u{1b}b\"");
    }
}
