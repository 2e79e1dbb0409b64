//! Paragraphs of control files: fields with values, as Debian writes them (deb822(5), Policy 5.1).

use std::fmt;

use thiserror::Error;

/// The fields of one paragraph, in their order.
///
/// A value may have several lines. How they stand in the file, with a space in front and ` .` for an empty one, is not part of the value:
/// `"short\nlong\n\nlonger"` is written as `Name: short`, ` long`, ` .`, ` longer`.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Paragraph {
    fields: Vec<(String, String)>,
}

/// Why a paragraph cannot be written or read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ParagraphError {
    /// The name of a field (Policy 5.1: printable ASCII but colon and space, and no `#` or `-` in front).
    #[error("the field name {name:?} has other characters than a field name may have")]
    Name {
        /// As it was given.
        name: String,
    },
    /// The same name twice; case does not matter.
    #[error("the field `{name}` comes twice")]
    Duplicate {
        /// As it came the second time.
        name: String,
    },
    /// Characters that would not come back, or would look like another field.
    #[error("the value of `{name}` has {problem}")]
    Value {
        /// Of the field.
        name: String,
        /// What it has.
        problem: &'static str,
    },
    /// A line that is none of a paragraph.
    #[error("line {line} is neither a field nor the continuation of one")]
    Line {
        /// From 1.
        line: usize,
    },
    /// No fields at all.
    #[error("there are no fields")]
    Empty,
}

impl Paragraph {
    /// Without fields.
    pub fn new() -> Self {
        Paragraph::default()
    }

    /// Adds a field behind the others. Nothing is added for an empty value, which Policy allows in sources only.
    pub fn push(&mut self, name: &str, value: &str) -> Result<(), ParagraphError> {
        let printable = |byte: u8| byte.is_ascii_graphic() && byte != b':';
        if name.is_empty() || !name.bytes().all(printable) || name.starts_with(['#', '-']) {
            return Err(ParagraphError::Name { name: name.to_owned() });
        }
        if self.get(name).is_some() {
            return Err(ParagraphError::Duplicate { name: name.to_owned() });
        }
        let problem = |problem| ParagraphError::Value { name: name.to_owned(), problem };
        if value.is_empty() {
            return Ok(());
        }
        if value.contains(|character: char| character.is_control() && !"\n\t".contains(character)) {
            return Err(problem("a control character (a carriage return, perhaps)"));
        }
        if value.starts_with([' ', '\t']) || value.ends_with(['\n', ' ', '\t']) {
            return Err(problem("spaces at its start or end, or an empty line at its end"));
        }
        self.fields.push((name.to_owned(), value.to_owned()));
        Ok(())
    }

    /// The value of a field. Upper and lower case are the same in its name.
    pub fn get(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(field, _)| field.eq_ignore_ascii_case(name));
        field.map(|(_, value)| value.as_str())
    }

    /// Names and values.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.fields.iter().map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Reads one paragraph; empty lines may stand around it.
    pub fn read(text: &str) -> Result<Self, ParagraphError> {
        let mut paragraphs = Paragraph::read_all(text)?.into_iter();
        let first = paragraphs.next().ok_or(ParagraphError::Empty)?;
        match paragraphs.next() {
            None => Ok(first),
            Some(_) => {
                let lines = text.lines().skip_while(|line| line.trim().is_empty()).count();
                let first = text.lines().skip_while(|line| line.trim().is_empty());
                let fields = first.take_while(|line| !line.trim().is_empty()).count();
                Err(ParagraphError::Line { line: text.lines().count() - lines + fields + 1 })
            }
        }
    }

    /// Reads paragraphs divided by empty lines. Lines that start with `#` are comments.
    pub fn read_all(text: &str) -> Result<Vec<Self>, ParagraphError> {
        let mut paragraphs = Vec::new();
        let mut current = Paragraph::new();
        for (index, line) in text.lines().enumerate() {
            if line.starts_with('#') {
                continue;
            }
            let line_end = line.trim_end_matches([' ', '\t', '\r']);
            if line_end.is_empty() {
                if !current.fields.is_empty() {
                    paragraphs.push(std::mem::take(&mut current));
                }
            } else if let Some(continued) = line_end.strip_prefix([' ', '\t']) {
                let (_, value) = current.fields.last_mut().ok_or(ParagraphError::Line { line: index + 1 })?;
                value.push('\n');
                value.push_str(if continued == "." { "" } else { continued });
            } else {
                let (name, value) =
                    line_end.split_once(':').ok_or(ParagraphError::Line { line: index + 1 })?;
                let graphic = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_graphic());
                if !graphic || name.starts_with('-') {
                    return Err(ParagraphError::Line { line: index + 1 });
                }
                if current.get(name).is_some() {
                    return Err(ParagraphError::Duplicate { name: name.to_owned() });
                }
                current.fields.push((name.to_owned(), value.trim_start().to_owned()));
            }
        }
        if !current.fields.is_empty() {
            paragraphs.push(current);
        }
        Ok(paragraphs)
    }
}

/// The paragraph as it stands in a file, with a line break behind each line and no empty line behind it.
impl fmt::Display for Paragraph {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, value) in &self.fields {
            let mut lines = value.split('\n');
            let first = lines.next().unwrap_or_default();
            let space = if first.is_empty() { "" } else { " " };
            writeln!(formatter, "{name}:{space}{first}")?;
            for line in lines {
                let line = if line.trim().is_empty() { "." } else { line };
                writeln!(formatter, " {line}")?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read_back() {
        let mut paragraph = Paragraph::new();
        paragraph.push("Package", "hello").unwrap();
        paragraph.push("Section", "").unwrap();
        paragraph.push("Conffiles", "\n/etc/a\n/etc/b").unwrap();
        paragraph.push("Description", "says hello\nTo everyone.\n\n  * verbatim\n#no: comment").unwrap();
        let text = paragraph.to_string();
        assert_eq!(
            text,
            "Package: hello\nConffiles:\n /etc/a\n /etc/b\nDescription: says hello\n To everyone.\n .\n   * verbatim\n #no: comment\n"
        );
        assert_eq!(Paragraph::read(&text).unwrap(), paragraph);
        assert_eq!(paragraph.get("package"), Some("hello"));
        assert_eq!(paragraph.get("Section"), None);
    }

    #[test]
    fn paragraphs_are_divided_by_empty_lines() {
        let text = "\n# a comment\nA: 1\n \n\nB:2\t\nb2 : 3\n";
        assert_eq!(Paragraph::read_all(text), Err(ParagraphError::Line { line: 7 }));
        let text = "\n# a comment\nA: 1\r\n\nB:2\t\n more \n# inside\n\ttab\n";
        let read = Paragraph::read_all(text).unwrap();
        let fields: Vec<_> = read.iter().map(|paragraph| paragraph.iter().collect::<Vec<_>>()).collect();
        assert_eq!(fields, [vec![("A", "1")], vec![("B", "2\nmore\ntab")]]);
        assert_eq!(Paragraph::read(text), Err(ParagraphError::Line { line: 4 }));
        assert_eq!(Paragraph::read("\n#\n"), Err(ParagraphError::Empty));
    }

    #[test]
    fn what_would_not_come_back_is_not_written() {
        let mut paragraph = Paragraph::new();
        paragraph.push("A", "1").unwrap();
        for (name, value, message) in [
            ("a", "2", "the field `a` comes twice"),
            ("B c", "2", "the field name \"B c\" has other characters than a field name may have"),
            ("#B", "2", "the field name \"#B\" has other characters than a field name may have"),
            ("", "2", "the field name \"\" has other characters than a field name may have"),
            ("B", "x\r\ny", "the value of `B` has a control character (a carriage return, perhaps)"),
            ("B", "x\n", "the value of `B` has spaces at its start or end, or an empty line at its end"),
            ("B", " x", "the value of `B` has spaces at its start or end, or an empty line at its end"),
        ] {
            assert_eq!(paragraph.push(name, value).unwrap_err().to_string(), message);
        }
        assert_eq!(paragraph.to_string(), "A: 1\n");
    }

    #[test]
    fn what_is_no_paragraph_is_an_error() {
        for (text, error) in [
            (" continued", ParagraphError::Line { line: 1 }),
            ("A: 1\nnothing", ParagraphError::Line { line: 2 }),
            ("A: 1\nB x: 2", ParagraphError::Line { line: 2 }),
            (": 2", ParagraphError::Line { line: 1 }),
            ("A: 1\na: 2", ParagraphError::Duplicate { name: "a".to_owned() }),
        ] {
            assert_eq!(Paragraph::read(text), Err(error), "{text:?}");
        }
    }
}
