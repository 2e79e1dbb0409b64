//! Names of files on Windows: those that cannot be, short names, and identifiers made of names.

use std::collections::BTreeSet;

use thiserror::Error;

use crate::msi::Guid;

/// Why Windows cannot have a file of a name ("Naming Files, Paths, and Namespaces" of the Windows documentation).
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum FileNameProblem {
    /// `CON`, `nul.txt`.
    #[error("`{device}` is a device on Windows, with any extension, too")]
    Device {
        /// Which.
        device: String,
    },
    /// A character such as `:` or `?`.
    #[error("`{}` cannot be in a name on Windows", .character.escape_default())]
    Character {
        /// Which.
        character: char,
    },
    /// A dot or a space at the end.
    #[error("Windows takes away the {} at the end", if *.character == '.' { "dot" } else { "space" })]
    End {
        /// Which.
        character: char,
    },
    /// Nothing, `.` or `..`.
    #[error("it is no name")]
    None,
    /// More than 255 characters.
    #[error("it has {length} characters, and Windows takes at most 255 in a name")]
    Long {
        /// In units of UTF-16.
        length: usize,
    },
}

/// What stands in the way of a file or directory of this name; not of a path.
pub fn problem(name: &str) -> Option<FileNameProblem> {
    if matches!(name, "" | "." | "..") {
        return Some(FileNameProblem::None);
    }
    let forbidden = |character: &char| *character < ' ' || r#"<>:"/\|?*"#.contains(*character);
    if let Some(character) = name.chars().find(forbidden) {
        return Some(FileNameProblem::Character { character });
    }
    if let Some(character @ ('.' | ' ')) = name.chars().next_back() {
        return Some(FileNameProblem::End { character });
    }
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_uppercase();
    let numbered = |start| {
        let rest = stem.strip_prefix(start);
        rest.is_some_and(|rest| {
            matches!(rest, "0" | "1" | "2" | "3" | "4" | "5" | "6" | "7" | "8" | "9" | "¹" | "²" | "³")
        })
    };
    let device = matches!(stem.as_str(), "CON" | "PRN" | "AUX" | "NUL" | "CONIN$" | "CONOUT$" | "CLOCK$");
    if device || numbered("COM") || numbered("LPT") {
        return Some(FileNameProblem::Device { device: stem });
    }
    let length = name.encode_utf16().count();
    (length > 255).then_some(FileNameProblem::Long { length })
}

/// Whether a name is one of eight and three characters that needs no short name beside it.
pub fn is_short(name: &str) -> bool {
    let (stem, extension) = name.split_once('.').unwrap_or((name, ""));
    let plain = |part: &str| {
        part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-!#$%&'()@^`{}~".contains(&byte))
    };
    (1..=8).contains(&stem.len())
        && extension.len() <= 3
        && plain(stem)
        && plain(extension)
        && (extension.is_empty() != name.contains('.'))
}

/// Gives the names in one directory their short names.
#[derive(Debug, Default)]
pub(super) struct ShortNames {
    /// In capitals.
    taken: BTreeSet<String>,
}

impl ShortNames {
    /// Of a directory with these names in it: what is short already keeps its name.
    pub(super) fn of<'a>(names: impl IntoIterator<Item = &'a str>) -> Self {
        let short = names.into_iter().filter(|name| is_short(name));
        ShortNames { taken: short.map(str::to_ascii_uppercase).collect() }
    }

    /// As the columns of type Filename want it: `short|long`, or the name alone if it is short.
    pub(super) fn pair(&mut self, name: &str) -> String {
        if is_short(name) {
            return name.to_owned();
        }
        let plain = |part: &str| -> String {
            part.chars()
                .filter(char::is_ascii_alphanumeric)
                .map(|letter| letter.to_ascii_uppercase())
                .collect()
        };
        let (stem, extension) = match name.trim_start_matches('.').rsplit_once('.') {
            Some((stem, extension)) => (plain(stem), plain(extension)),
            None => (plain(name), String::new()),
        };
        let extension: String = extension.chars().take(3).collect();
        let mut number = 1_u32;
        loop {
            let tail = format!("~{number}");
            let mut short: String = stem.chars().take(8 - tail.len().min(7)).collect();
            if short.is_empty() {
                short.push('_');
            }
            short.push_str(&tail);
            if !extension.is_empty() {
                short.push('.');
                short.push_str(&extension);
            }
            if self.taken.insert(short.clone()) {
                return format!("{short}|{name}");
            }
            number += 1;
        }
    }
}

/// An identifier for what has this path: readable, and different for different paths.
pub(super) fn identifier(kind: &str, path: &str) -> String {
    let name = path.rsplit(['/', '\\']).next().unwrap_or(path);
    let plain = |letter: char| if letter.is_ascii_alphanumeric() || letter == '.' { letter } else { '_' };
    let readable: String = name.chars().map(plain).take(40).collect();
    let digest = Guid::named(Guid::URL, path).bytes();
    format!("{kind}.{readable}.{:02x}{:02x}{:02x}{:02x}", digest[0], digest[1], digest[2], digest[3])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_windows_cannot_have_are_told_with_their_reason() {
        let told = ["CON", "nul.txt", "com1.tar.gz", "a.", "b ", "a:b", "x?", "..", "tab\there", "LPT²"]
            .map(|name| problem(name).unwrap().to_string());
        assert_eq!(
            told,
            [
                "`CON` is a device on Windows, with any extension, too",
                "`NUL` is a device on Windows, with any extension, too",
                "`COM1` is a device on Windows, with any extension, too",
                "Windows takes away the dot at the end",
                "Windows takes away the space at the end",
                "`:` cannot be in a name on Windows",
                "`?` cannot be in a name on Windows",
                "it is no name",
                "`\\t` cannot be in a name on Windows",
                "`LPT²` is a device on Windows, with any extension, too",
            ]
        );
        for name in ["console.txt", "COM10", "a.b.c", "Über uns.txt", ".config", "日本語.txt"] {
            assert_eq!(problem(name), None, "{name}");
        }
    }

    #[test]
    fn short_names_are_unique_and_the_same_every_time() {
        let names = [
            "rg.exe",
            "README.md",
            "complete",
            "completions.zsh",
            "Completions.fish",
            "日本",
            ".gitignore",
            "a b.txt",
        ];
        let mut short = ShortNames::of(names);
        let pairs = names.map(|name| short.pair(name));
        assert_eq!(
            pairs,
            [
                "rg.exe",
                "README.md",
                "complete",
                "COMPLE~1.ZSH|completions.zsh",
                "COMPLE~1.FIS|Completions.fish",
                "_~1|日本",
                "GITIGN~1|.gitignore",
                "AB~1.TXT|a b.txt",
            ]
        );
        let mut many = ShortNames::default();
        let pairs: BTreeSet<String> = (0..200)
            .map(|number| many.pair(&format!("component-{number}.json")))
            .map(|pair| pair.split('|').next().unwrap().to_owned())
            .collect();
        assert_eq!(pairs.len(), 200);
        assert!(pairs.iter().all(|name| is_short(name)), "{pairs:?}");
    }

    #[test]
    fn identifiers_are_readable_and_differ() {
        assert_eq!(identifier("f", "doc/rg.1"), identifier("f", "doc/rg.1"));
        assert_ne!(identifier("f", "doc/rg.1"), identifier("f", "man/rg.1"));
        assert!(identifier("f", "a/ü b.txt").starts_with("f.__b.txt."));
    }
}
