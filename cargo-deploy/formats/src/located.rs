//! A problem of a text with the line it stands on.

use std::fmt;

/// A problem and its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Located<P> {
    /// Counted from 1; 0 where the problem is that something is missing, or of the text as a whole.
    pub line: usize,
    /// What is wrong.
    pub problem: P,
}

impl<P> Located<P> {
    /// A problem of line `line`, counted from 1.
    pub fn at(line: usize, problem: P) -> Self {
        Located { line, problem }
    }

    /// A problem of the text as a whole.
    pub fn whole(problem: P) -> Self {
        Located { line: 0, problem }
    }
}

impl<P: fmt::Display> fmt::Display for Located<P> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            0 => self.problem.fmt(f),
            line => write!(f, "line {line}: {}", self.problem),
        }
    }
}

/// The text of a file, or the line of the first byte that is not UTF-8.
pub(crate) fn utf8(bytes: &[u8]) -> Result<&str, usize> {
    str::from_utf8(bytes).map_err(|error| {
        let valid = bytes.get(..error.valid_up_to()).unwrap_or_default();
        valid.iter().filter(|byte| **byte == b'\n').count() + 1
    })
}
