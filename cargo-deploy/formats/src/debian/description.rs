//! The field `Description`: one line, then paragraphs (Policy 5.6.13).

use thiserror::Error;

/// Columns of a line of the longer text, with the space in front: what fits on a terminal.
const WIDTH: usize = 79;

/// Why a text cannot be a description.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DescriptionProblem {
    /// Nothing in the first line.
    #[error("its first line is empty")]
    Empty,
    /// A line break in what should be one line.
    #[error("what should be one line has several")]
    SeveralLines,
}

/// The value of the field from its short and its long part.
///
/// Paragraphs of the long part are divided by empty lines and filled anew. A line that is indented, or starts a list (`-`, `*`, `1.`), begins
/// a line of its own; an indented one is kept as it is.
pub fn description(short: &str, long: &str) -> Result<String, DescriptionProblem> {
    let short = short.trim();
    if short.is_empty() {
        return Err(DescriptionProblem::Empty);
    }
    if short.contains('\n') {
        return Err(DescriptionProblem::SeveralLines);
    }
    let mut value = short.to_owned();
    let mut column = None;
    for line in long.trim_matches('\n').trim_end().lines() {
        let line = line.trim_end();
        let indented = line.starts_with([' ', '\t']);
        if line.is_empty() || indented {
            value.push('\n');
            // Two spaces in the file make a line verbatim: one of them is written by the paragraph.
            value.push_str(line);
            column = None;
            continue;
        }
        if starts_item(line) {
            column = None;
        }
        for word in line.split_whitespace() {
            let length = word.chars().count();
            match column {
                Some(used) if used + 1 + length <= WIDTH => {
                    value.push(' ');
                    column = Some(used + 1 + length);
                }
                _ => {
                    value.push('\n');
                    column = Some(1 + length);
                }
            }
            value.push_str(word);
        }
    }
    Ok(value)
}

fn starts_item(line: &str) -> bool {
    let (mark, rest) = line.split_at(line.find(' ').unwrap_or(line.len()));
    let number = mark.strip_suffix(['.', ')']).is_some_and(|digits| {
        !digits.is_empty() && digits.len() < 4 && digits.bytes().all(|byte| byte.is_ascii_digit())
    });
    !rest.is_empty() && (matches!(mark, "-" | "*" | "+" | "•") || number)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paragraphs_are_filled_and_lists_kept() {
        let long = "\nA program that says hello to everyone who is there when it is started, and to nobody else at all.\nReally.\n\n- one\n- two\n  goes on\n\n1. first\n\n    code  here\n\n";
        assert_eq!(
            description(" says hello ", long).unwrap(),
            "says hello\nA program that says hello to everyone who is there when it is started, and to\nnobody else at all. Really.\n\n- one\n- two\n  goes on\n\n1. first\n\n    code  here"
        );
        assert_eq!(description("says hello", "").unwrap(), "says hello");
    }

    #[test]
    fn a_long_word_is_not_cut() {
        let word = "w".repeat(100);
        assert_eq!(description("x", &format!("a {word} b")).unwrap(), format!("x\na\n{word}\nb"));
    }

    #[test]
    fn the_first_line_is_one() {
        assert_eq!(description(" ", "x"), Err(DescriptionProblem::Empty));
        assert_eq!(description("a\nb", "x"), Err(DescriptionProblem::SeveralLines));
    }
}
