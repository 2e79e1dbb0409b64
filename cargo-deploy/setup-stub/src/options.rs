//! The command line of a setup.exe and of its uninstaller.

use alloc::string::String;
use alloc::vec::Vec;

/// What was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Options {
    /// Nothing is shown and nothing is asked.
    pub(crate) silent: bool,
    /// An update: the application that started it is about to end.
    pub(crate) updated: bool,
    /// The application is started afterwards, even silently.
    pub(crate) force_run: bool,
    /// An older version may replace a newer one.
    pub(crate) allow_downgrade: bool,
    /// For everybody (`true`), or for this user alone.
    pub(crate) machine: Option<bool>,
    /// Where to.
    pub(crate) directory: Option<String>,
    /// The file that is told what is done.
    pub(crate) log: Option<String>,
    /// The language of what is shown.
    pub(crate) language: Option<String>,
    /// The application is removed.
    pub(crate) uninstall: bool,
    /// What can be written here is explained.
    pub(crate) help: bool,
    /// Somebody without rights waits for this program, and starts the application afterwards.
    pub(crate) elevated: bool,
}

impl Options {
    /// The options on a command line, whose first word is the program, and the first word that is none.
    pub(crate) fn parse(line: &str) -> (Options, Option<String>) {
        let mut options = Options::default();
        let mut unknown = None;
        let mut words = Words { line, place: 0 };
        words.next();
        for (place, word) in words {
            // As NSIS has it: the rest of the line, without quotes. Who quotes the word means just this word.
            if let Some(rest) = line[place..].strip_prefix("/D=") {
                options.directory = Some(rest.trim().trim_matches('"').into());
                break;
            }
            if let Err(word) = options.take(&word) {
                unknown.get_or_insert(word);
            }
        }
        (options, unknown)
    }

    fn take(&mut self, word: &str) -> Result<(), String> {
        let (name, value) = match word.split_once('=') {
            Some((name, value)) => (name, Some(value)),
            None => (word, None),
        };
        match (name.to_ascii_lowercase().as_str(), value) {
            ("/s", None) => self.silent = true,
            ("/allusers", None) => self.machine = Some(true),
            ("/currentuser", None) => self.machine = Some(false),
            ("/uninstall", None) => self.uninstall = true,
            ("/?" | "--help", None) => self.help = true,
            ("/d", Some(value)) => self.directory = Some(value.into()),
            ("/log", Some(value)) => self.log = Some(value.into()),
            ("/lang", Some(value)) => self.language = Some(value.into()),
            ("--updated", None) => self.updated = true,
            ("--force-run", None) => self.force_run = true,
            ("--allow-downgrade", None) => self.allow_downgrade = true,
            ("--elevated", None) => self.elevated = true,
            // Said by electron-updater to installers that fetch their payload.
            ("--package-file", Some(_)) => {}
            _ => return Err(word.into()),
        }
        Ok(())
    }
}

/// The words of a command line, as programs in C take it apart, each with its place in the line.
struct Words<'a> {
    line: &'a str,
    place: usize,
}

impl Iterator for Words<'_> {
    type Item = (usize, String);

    fn next(&mut self) -> Option<(usize, String)> {
        let rest = &self.line[self.place..];
        let start = self.place + rest.find(|letter: char| letter != ' ' && letter != '\t')?;
        let mut word = String::new();
        let mut quoted = false;
        let mut backslashes = 0;
        let mut end = self.line.len();
        for (place, letter) in self.line[start..].char_indices() {
            match letter {
                '\\' => {
                    backslashes += 1;
                    continue;
                }
                '"' => {
                    word.extend(core::iter::repeat_n('\\', backslashes / 2));
                    if backslashes % 2 == 1 {
                        word.push('"');
                    } else {
                        quoted = !quoted;
                    }
                }
                ' ' | '\t' if !quoted => {
                    end = start + place;
                    break;
                }
                letter => {
                    word.extend(core::iter::repeat_n('\\', backslashes));
                    word.push(letter);
                }
            }
            backslashes = 0;
        }
        word.extend(core::iter::repeat_n('\\', backslashes));
        self.place = end;
        Some((start, word))
    }
}

/// An argument, written so that programs in C read it back as one word.
pub(crate) fn quoted(argument: &str) -> String {
    if !argument.is_empty() && !argument.contains([' ', '\t', '"']) {
        return argument.into();
    }
    let mut text = String::from("\"");
    let mut backslashes = 0;
    for letter in argument.chars() {
        if letter == '\\' {
            backslashes += 1;
        } else {
            if letter == '"' {
                text.extend(core::iter::repeat_n('\\', backslashes + 1));
            }
            backslashes = 0;
        }
        text.push(letter);
    }
    text.extend(core::iter::repeat_n('\\', backslashes));
    text.push('"');
    text
}

/// What stands on a command line behind the program.
pub(crate) fn arguments(line: &str) -> &str {
    let mut words = Words { line, place: 0 };
    words.next();
    line[words.place..].trim()
}

/// Whether a version comes before another, by the rules of semantic versions.
pub(crate) fn is_older(one: &str, other: &str) -> bool {
    order(one, other) == core::cmp::Ordering::Less
}

fn order(one: &str, other: &str) -> core::cmp::Ordering {
    let without_build =
        |text: &'_ str| text.split('+').next().unwrap_or_default().trim_start_matches('v').len();
    let split = |text: &str| -> (Vec<String>, Vec<String>) {
        let text = text.trim_start_matches('v');
        let text = &text[..without_build(text)];
        let (numbers, before) = text.split_once('-').unwrap_or((text, ""));
        let parts = |text: &str| text.split('.').filter(|part| !part.is_empty()).map(String::from).collect();
        (parts(numbers), parts(before))
    };
    let ((numbers, before), (other_numbers, other_before)) = (split(one), split(other));
    let zero = String::from("0");
    let pairs = 0..numbers.len().max(other_numbers.len());
    let by_numbers = pairs
        .map(|index| part(numbers.get(index).unwrap_or(&zero), other_numbers.get(index).unwrap_or(&zero)))
        .find(|order| order.is_ne());
    by_numbers.unwrap_or_else(|| match (before.is_empty(), other_before.is_empty()) {
        (true, false) => core::cmp::Ordering::Greater,
        (false, true) => core::cmp::Ordering::Less,
        _ => {
            let pairs = before.iter().zip(&other_before).map(|(one, other)| part(one, other));
            pairs.clone().find(|order| order.is_ne()).unwrap_or_else(|| before.len().cmp(&other_before.len()))
        }
    })
}

/// Numbers by their value and before words, words by their letters.
fn part(one: &str, other: &str) -> core::cmp::Ordering {
    match (one.parse::<u64>(), other.parse::<u64>()) {
        (Ok(one), Ok(other)) => one.cmp(&other),
        (Ok(_), Err(_)) => core::cmp::Ordering::Less,
        (Err(_), Ok(_)) => core::cmp::Ordering::Greater,
        (Err(_), Err(_)) => one.cmp(other),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_is_the_unquoted_rest_of_the_line() {
        let options = Options::parse(r#""C:\Down loads\a.exe" /S --updated /D=C:\My Programs\A B"#).0;
        assert_eq!(options.directory.as_deref(), Some(r"C:\My Programs\A B"));
        assert!(options.silent && options.updated && !options.force_run);
    }

    #[test]
    fn what_the_updater_says_is_understood() {
        let options = Options::parse(r"a.exe --updated /S --force-run --package-file=x.7z").0;
        assert!(options.silent && options.updated && options.force_run);
    }

    #[test]
    fn quoted_words_are_one_word_and_unknown_ones_are_refused() {
        let options = Options::parse(r#"a.exe "/LOG=C:\a b\c.log" /currentuser /LANG=de "/D=C:\a b""#).0;
        assert_eq!(options.directory.as_deref(), Some(r"C:\a b"));
        assert_eq!(options.log.as_deref(), Some(r"C:\a b\c.log"));
        assert_eq!(options.machine, Some(false));
        let silent = Options { silent: true, ..Options::default() };
        assert_eq!(Options::parse("a.exe /ALLUSER /S"), (silent, Some("/ALLUSER".into())));
        assert_eq!(Options::parse("a.exe"), (Options::default(), None));
    }

    #[test]
    fn what_was_quoted_is_read_back() {
        for argument in [r"a", "", r"a b", r#"a"b"#, r"C:\a b\", r#"\\"x\"#] {
            let line = alloc::format!("p {} next", quoted(argument));
            let words: Vec<String> = Words { line: &line, place: 0 }.map(|(_, word)| word).collect();
            assert_eq!(words, ["p", argument, "next"]);
        }
        assert_eq!(arguments(r#""a b.exe"  /S /D=x y"#), "/S /D=x y");
    }

    #[test]
    fn versions_come_in_their_order() {
        let versions =
            ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1", "1.10.0"];
        for pair in versions.windows(2) {
            assert!(is_older(pair[0], pair[1]), "{pair:?}");
            assert!(!is_older(pair[1], pair[0]), "{pair:?}");
        }
        assert!(!is_older("1.0.0+a", "1.0.0+b") && !is_older("1.0", "1.0.0"));
    }
}
