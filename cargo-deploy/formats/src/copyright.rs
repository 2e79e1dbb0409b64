//! Debian's machine-readable copyright file (DEP-5, <https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/>)
//! from an SPDX expression, authors and the project's licence files.

use crate::located::Located;
use thiserror::Error;

/// What the file is made from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Copyright<'a> {
    /// The project's name.
    pub name: &'a str,
    /// Where its source is found, if known.
    pub source: Option<&'a str>,
    /// `Name <address>`, for files whose licence text names no holder.
    pub authors: Vec<&'a str>,
    /// The year to put before authors.
    pub year: u64,
    /// An SPDX expression: `MIT OR Apache-2.0`. `None` if the project says nothing but the texts.
    pub license: Option<&'a str>,
    /// Licence files: name and text. Files that are no licence are passed over.
    pub texts: Vec<(&'a str, &'a str)>,
}

/// SPDX identifier, the name that DEP-5 has for it, and the file that Debian has of its text.
const KNOWN: &[(&str, &str, Option<&str>)] = &[
    ("0BSD", "0BSD", None),
    ("AGPL-3.0-only", "AGPL-3", None),
    ("AGPL-3.0-or-later", "AGPL-3+", None),
    ("Apache-2.0", "Apache-2.0", Some("Apache-2.0")),
    ("Artistic-1.0", "Artistic", Some("Artistic")),
    ("BSD-2-Clause", "BSD-2-clause", None),
    ("BSD-3-Clause", "BSD-3-clause", None),
    ("BSL-1.0", "BSL-1.0", None),
    ("CC0-1.0", "CC0-1.0", Some("CC0-1.0")),
    ("GFDL-1.2-only", "GFDL-1.2", Some("GFDL-1.2")),
    ("GFDL-1.3-only", "GFDL-1.3", Some("GFDL-1.3")),
    ("GPL-1.0-only", "GPL-1", Some("GPL-1")),
    ("GPL-1.0-or-later", "GPL-1+", Some("GPL-1")),
    ("GPL-2.0", "GPL-2", Some("GPL-2")),
    ("GPL-2.0+", "GPL-2+", Some("GPL-2")),
    ("GPL-2.0-only", "GPL-2", Some("GPL-2")),
    ("GPL-2.0-or-later", "GPL-2+", Some("GPL-2")),
    ("GPL-3.0", "GPL-3", Some("GPL-3")),
    ("GPL-3.0+", "GPL-3+", Some("GPL-3")),
    ("GPL-3.0-only", "GPL-3", Some("GPL-3")),
    ("GPL-3.0-or-later", "GPL-3+", Some("GPL-3")),
    ("ISC", "ISC", None),
    ("LGPL-2.0-only", "LGPL-2", Some("LGPL-2")),
    ("LGPL-2.0-or-later", "LGPL-2+", Some("LGPL-2")),
    ("LGPL-2.1", "LGPL-2.1", Some("LGPL-2.1")),
    ("LGPL-2.1-only", "LGPL-2.1", Some("LGPL-2.1")),
    ("LGPL-2.1-or-later", "LGPL-2.1+", Some("LGPL-2.1")),
    ("LGPL-3.0-only", "LGPL-3", Some("LGPL-3")),
    ("LGPL-3.0-or-later", "LGPL-3+", Some("LGPL-3")),
    ("MIT", "Expat", None),
    ("MPL-1.1", "MPL-1.1", Some("MPL-1.1")),
    ("MPL-2.0", "MPL-2.0", Some("MPL-2.0")),
    ("Unlicense", "Unlicense", None),
    ("Zlib", "Zlib", None),
];

/// Phrases by which a licence text is known: all of them have to be in it. More special ones come first.
const MARKS: &[(&[&str], &str)] = &[
    (&["GNU AFFERO GENERAL PUBLIC LICENSE", "Version 3"], "AGPL-3"),
    (&["GNU LESSER GENERAL PUBLIC LICENSE", "Version 3"], "LGPL-3"),
    (&["GNU LESSER GENERAL PUBLIC LICENSE", "Version 2.1"], "LGPL-2.1"),
    (&["GNU LIBRARY GENERAL PUBLIC LICENSE", "Version 2"], "LGPL-2"),
    (&["GNU GENERAL PUBLIC LICENSE", "Version 3"], "GPL-3"),
    (&["GNU GENERAL PUBLIC LICENSE", "Version 2"], "GPL-2"),
    (&["Apache License", "Version 2.0"], "Apache-2.0"),
    (&["Mozilla Public License", "2.0"], "MPL-2.0"),
    (&["Mozilla Public License", "1.1"], "MPL-1.1"),
    (&["CC0 1.0"], "CC0-1.0"),
    (&["Boost Software License"], "BSL-1.0"),
    (&["This is free and unencumbered software"], "Unlicense"),
    (&["Redistribution and use in source and binary forms", "Neither the name"], "BSD-3-clause"),
    (&["Redistribution and use in source and binary forms"], "BSD-2-clause"),
    (&["Permission is hereby granted, free of charge"], "Expat"),
    (&["Permission to use, copy, modify, and", "provided that the above copyright notice"], "ISC"),
    (&["Permission to use, copy, modify, and"], "0BSD"),
    (&["This software is provided 'as-is'", "Altered source versions"], "Zlib"),
];

impl Copyright<'_> {
    /// Writes the file.
    pub fn text(&self) -> String {
        let mut output =
            String::from("Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n");
        output.push_str(&format!("Upstream-Name: {}\n", one_line(self.name)));
        if !self.authors.is_empty() {
            output.push_str("Upstream-Contact:");
            output.push_str(&lines(&self.authors.iter().map(|author| one_line(author)).collect::<Vec<_>>()));
        }
        if let Some(source) = self.source {
            output.push_str(&format!("Source: {}\n", one_line(source)));
        }
        let texts: Vec<(&str, &str, &str)> = self
            .texts
            .iter()
            .filter_map(|(file, text)| Some((*file, license_of_text(text)?, *text)))
            .collect();
        let expression = match self.license {
            Some(license) => dep5_expression(license),
            None => {
                let mut names: Vec<&str> = texts.iter().map(|(_, name, _)| *name).collect();
                names.dedup();
                if names.is_empty() { "unknown".to_owned() } else { names.join(" or ") }
            }
        };
        output.push_str("\nFiles: *\nCopyright:");
        output.push_str(&lines(&self.holders(&texts)));
        output.push_str(&format!("License: {expression}\n"));
        for name in names_of(&expression) {
            output.push_str(&format!("\nLicense: {name}\n"));
            output.push_str(&self.paragraph(&name, &texts));
        }
        output
    }

    /// The licence files whose text the copyright file holds, or has a path for: these need not be installed
    /// beside it. Long files, and second ones of a licence, are not among them: they may be collections.
    pub fn told_texts(&self) -> Vec<&str> {
        const LONGEST: usize = 50 << 10;
        let names = self.license.map(|license| names_of(&dep5_expression(license)));
        let mut seen = Vec::new();
        let mut told = Vec::new();
        for (file, text) in &self.texts {
            let Some(name) = license_of_text(text).filter(|name| !seen.contains(name)) else { continue };
            seen.push(name);
            let is_meant = names.as_ref().is_none_or(|names| {
                names.iter().any(|other| {
                    let bare = other.split(" with ").next().unwrap_or(other);
                    bare == name || bare.strip_suffix('+') == Some(name)
                })
            });
            let file_name = file.to_ascii_lowercase();
            let is_collection = ["third", "3rd", "notice"].iter().any(|word| file_name.contains(word));
            if is_meant && !is_collection && text.len() <= LONGEST {
                told.push(*file);
            }
        }
        told
    }

    /// Who holds the rights: as the licence texts say, else the authors.
    fn holders(&self, texts: &[(&str, &str, &str)]) -> Vec<String> {
        let mut holders = Vec::new();
        for (_, name, text) in texts {
            // These texts bear the notice of the foundation that wrote the licence.
            if !matches!(*name, "Expat" | "ISC" | "0BSD" | "BSD-2-clause" | "BSD-3-clause" | "Zlib") {
                continue;
            }
            for line in text.lines().take(40) {
                let line = one_line(line);
                let holder = line.strip_prefix("Copyright").map(|rest| {
                    let rest = rest.trim_start();
                    let rest =
                        ["(c)", "(C)", "©"].iter().find_map(|mark| rest.strip_prefix(mark)).unwrap_or(rest);
                    rest.trim_start().trim_end_matches("All rights reserved.").trim_end().to_owned()
                });
                let says = |text: &String| text.chars().any(char::is_alphabetic) && !text.contains('<');
                let named = |text: &String| text.contains('@') || says(text);
                if let Some(holder) = holder.filter(|text| named(text))
                    && !holders.contains(&holder)
                {
                    holders.push(holder);
                }
            }
        }
        if holders.is_empty() {
            let year = self.year;
            holders = self.authors.iter().map(|author| format!("{year} {}", one_line(author))).collect();
        }
        if holders.is_empty() {
            holders.push(format!("{} the authors of {}", self.year, one_line(self.name)));
        }
        holders
    }

    fn paragraph(&self, name: &str, texts: &[(&str, &str, &str)]) -> String {
        let plain = name.strip_suffix('+').unwrap_or(name);
        let bare = plain.split(" with ").next().unwrap_or(plain).trim_end_matches('+');
        let common =
            KNOWN.iter().find(|(_, dep5, _)| *dep5 == name || *dep5 == bare).and_then(|known| known.2);
        if let Some(common) = common {
            return format!(
                " The full text of this licence is in /usr/share/common-licenses/{common} on Debian systems.\n"
            );
        }
        match texts.iter().find(|(_, known, _)| *known == bare) {
            Some((_, _, text)) => indented(text),
            None => {
                let spdx = KNOWN.iter().find(|(_, dep5, _)| *dep5 == name).map_or(name, |known| known.0);
                format!(" The full text of this licence is at https://spdx.org/licenses/{spdx}.html\n")
            }
        }
    }
}

/// Values of a field that has one a line.
fn lines(values: &[String]) -> String {
    match values {
        [one] => format!(" {one}\n"),
        _ => {
            std::iter::once("\n".to_owned()).chain(values.iter().map(|value| format!(" {value}\n"))).collect()
        }
    }
}

fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A text as the value of a field: every line begins with a space, and an empty line is a dot (deb822(5)).
fn indented(text: &str) -> String {
    text.trim_matches(['\n', '\r'])
        .lines()
        .map(|line| match line.trim_end() {
            "" => " .\n".to_owned(),
            line => format!(" {}\n", line.replace('\x0c', "")),
        })
        .collect()
}

/// Which licence a text is, by its DEP-5 name.
fn license_of_text(text: &str) -> Option<&'static str> {
    // Titles stand at the beginning; what a text says of other licences stands behind.
    let end = (0..=text.len().min(4000)).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    let squeezed = one_line(text.get(..end).unwrap_or_default()).to_lowercase();
    MARKS
        .iter()
        .find(|(marks, _)| marks.iter().all(|mark| squeezed.contains(&mark.to_lowercase())))
        .map(|(_, name)| *name)
}

/// An SPDX expression in DEP-5's words: `MIT OR Apache-2.0` becomes `Expat or Apache-2.0`. The slash that
/// old Cargo manifests have means `OR`.
pub fn dep5_expression(spdx: &str) -> String {
    let spaced = spdx.replace('/', " OR ").replace('(', " ( ").replace(')', " ) ");
    let mut output = String::new();
    let mut exception = false;
    for word in spaced.split_whitespace() {
        let word = match word {
            "OR" | "or" => "or".to_owned(),
            "AND" | "and" => "and".to_owned(),
            "WITH" | "with" => {
                exception = true;
                output.push_str(" with");
                continue;
            }
            "(" | ")" => word.to_owned(),
            word if exception => {
                exception = false;
                output.push_str(&format!(" {} exception", word.trim_end_matches("-exception")));
                continue;
            }
            word => KNOWN
                .iter()
                .find(|(spdx, ..)| spdx.eq_ignore_ascii_case(word))
                .map_or_else(|| word.to_owned(), |known| known.1.to_owned()),
        };
        if !output.is_empty() {
            output.push(' ');
        }
        output.push_str(&word);
    }
    output
}

/// The names in an expression, each once, in its order.
fn names_of(expression: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    let mut name = String::new();
    for word in expression.split_whitespace().chain(["or"]) {
        if matches!(word, "or" | "and" | "(" | ")") {
            if !name.is_empty() && !names.contains(&name) {
                names.push(std::mem::take(&mut name));
            }
            name.clear();
        } else {
            if !name.is_empty() {
                name.push(' ');
            }
            name.push_str(word);
        }
    }
    names
}

/// What is wrong with a project's own copyright file.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum CopyrightProblem {
    /// Bytes that are no text.
    #[error("the copyright file is not UTF-8")]
    NotUtf8,
    /// Nothing in it.
    #[error("the copyright file is empty")]
    Empty,
    /// A machine-readable file without a field that it has to have.
    #[error("the machine-readable copyright file has no paragraph with `{field}`")]
    NoField {
        /// Its name.
        field: &'static str,
    },
    /// A line that is neither a field, nor goes on with one, nor is empty.
    #[error("`{line}` is neither `Field: value` nor begins with a space")]
    Line {
        /// The line.
        line: String,
    },
}

/// Checks a project's own file. One that does not begin with `Format:` is free text, which Debian takes as well.
pub fn check(bytes: &[u8]) -> Vec<Located<CopyrightProblem>> {
    let text = match crate::located::utf8(bytes) {
        Ok(text) => text,
        Err(line) => return vec![Located::at(line, CopyrightProblem::NotUtf8)],
    };
    if text.trim().is_empty() {
        return vec![Located::whole(CopyrightProblem::Empty)];
    }
    if !text.starts_with("Format:") {
        return Vec::new();
    }
    let mut problems = Vec::new();
    let mut seen = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if line.is_empty() || line.starts_with([' ', '\t', '#']) {
            continue;
        }
        match line.split_once(':') {
            Some((field, _)) if !field.is_empty() && !field.contains(char::is_whitespace) => {
                seen.push(field.to_ascii_lowercase());
            }
            _ => problems.push(Located::at(index + 1, CopyrightProblem::Line { line: line.to_owned() })),
        }
    }
    for field in ["Files", "Copyright", "License"] {
        if !seen.contains(&field.to_ascii_lowercase()) {
            problems.push(Located::whole(CopyrightProblem::NoField { field }));
        }
    }
    problems
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIT: &str = "MIT License\n\nCopyright (c) 2020-2026 Ada Example\n\nPermission is hereby granted, free of charge, to any person\n";
    const APACHE: &str = "                                 Apache License\n                           Version 2.0, January 2004\n\n   Copyright [yyyy] [name of copyright owner]\n";

    #[test]
    fn two_licences_are_written_as_debian_has_them() {
        let copyright = Copyright {
            name: "example",
            source: Some("https://example.com/source"),
            authors: vec!["Ada Example <ada@example.com>"],
            year: 2026,
            license: Some("MIT OR Apache-2.0"),
            texts: vec![("LICENSE-APACHE", APACHE), ("LICENSE-MIT", MIT), ("NOTICE", "thanks")],
        };
        assert_eq!(
            copyright.text(),
            "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: example
Upstream-Contact: Ada Example <ada@example.com>
Source: https://example.com/source

Files: *
Copyright: 2020-2026 Ada Example
License: Expat or Apache-2.0

License: Expat
 MIT License
 .
 Copyright (c) 2020-2026 Ada Example
 .
 Permission is hereby granted, free of charge, to any person

License: Apache-2.0
 The full text of this licence is in /usr/share/common-licenses/Apache-2.0 on Debian systems.
"
        );
        assert_eq!(check(copyright.text().as_bytes()), []);
        assert_eq!(copyright.told_texts(), ["LICENSE-APACHE", "LICENSE-MIT"]);
    }

    #[test]
    fn texts_that_the_file_does_not_tell_are_known() {
        let copyright = Copyright {
            name: "example",
            license: Some("MIT"),
            texts: vec![
                ("LICENSE", MIT),
                ("LICENSE-of-a-library", MIT),
                ("LICENSE-APACHE", APACHE),
                ("THIRD-PARTY.md", MIT),
                ("NOTICE", "thanks"),
            ],
            ..Copyright::default()
        };
        assert_eq!(copyright.told_texts(), ["LICENSE"]);
    }

    #[test]
    fn without_texts_the_authors_hold_the_rights() {
        let copyright = Copyright {
            name: "example",
            authors: vec!["Ada <a@example.com>", "Bob"],
            year: 2026,
            license: Some("GPL-3.0-or-later WITH Classpath-exception-2.0 AND BSD-3-Clause"),
            ..Copyright::default()
        };
        assert_eq!(
            copyright.text(),
            "\
Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/
Upstream-Name: example
Upstream-Contact:
 Ada <a@example.com>
 Bob

Files: *
Copyright:
 2026 Ada <a@example.com>
 2026 Bob
License: GPL-3+ with Classpath-exception-2.0 exception and BSD-3-clause

License: GPL-3+ with Classpath-exception-2.0 exception
 The full text of this licence is in /usr/share/common-licenses/GPL-3 on Debian systems.

License: BSD-3-clause
 The full text of this licence is at https://spdx.org/licenses/BSD-3-Clause.html
"
        );
    }

    #[test]
    fn expressions_are_translated() {
        for (spdx, dep5) in [
            ("MIT", "Expat"),
            ("MIT/Apache-2.0", "Expat or Apache-2.0"),
            ("(MIT OR Apache-2.0) AND Unicode-3.0", "( Expat or Apache-2.0 ) and Unicode-3.0"),
            ("GPL-2.0-only", "GPL-2"),
            ("LicenseRef-Proprietary", "LicenseRef-Proprietary"),
        ] {
            assert_eq!(dep5_expression(spdx), dep5);
        }
    }

    #[test]
    fn texts_are_known_by_their_words() {
        assert_eq!(license_of_text("GNU GENERAL PUBLIC LICENSE\n  Version 3, 29 June 2007"), Some("GPL-3"));
        assert_eq!(license_of_text("GNU LESSER GENERAL PUBLIC\nLICENSE Version 2.1"), Some("LGPL-2.1"));
        assert_eq!(license_of_text("thanks to all"), None);
    }

    #[test]
    fn problems_of_an_own_file_are_said() {
        let found: Vec<String> = check(b"Format: x\nfree words\n").iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            [
                "line 2: `free words` is neither `Field: value` nor begins with a space",
                "the machine-readable copyright file has no paragraph with `Files`",
                "the machine-readable copyright file has no paragraph with `Copyright`",
                "the machine-readable copyright file has no paragraph with `License`",
            ]
        );
        assert_eq!(check(b"This is free software by Ada.\n"), []);
        assert_eq!(check(b" ")[0].to_string(), "the copyright file is empty");
    }
}
