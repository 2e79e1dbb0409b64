//! Licences as the dialogues show them: rich text, made of plain text or Markdown ("Rich Text Format Specification" 1.9.1).

/// The text of a licence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Licence {
    /// Rich text already.
    Rtf(String),
    /// Lines of text.
    Plain(String),
    /// Headings, lists and emphasis are shown; all else stands as it is.
    Markdown(String),
}

impl Licence {
    /// Of the bytes of a file, by its extension: `rtf`, `md`, or any other for plain text.
    pub fn of(extension: &str, text: &str) -> Self {
        let text = text.trim_start_matches('\u{feff}').to_owned();
        match extension.to_ascii_lowercase().as_str() {
            "rtf" => Licence::Rtf(text),
            "md" | "markdown" => Licence::Markdown(text),
            _ => Licence::Plain(text),
        }
    }

    /// As rich text in a font.
    pub(super) fn rtf(&self, font: &str) -> String {
        let (text, markdown) = match self {
            Licence::Rtf(text) => return text.clone(),
            Licence::Plain(text) => (text, false),
            Licence::Markdown(text) => (text, true),
        };
        let mut rtf =
            format!("{{\\rtf1\\ansi\\ansicpg1252\\deff0{{\\fonttbl{{\\f0\\fnil {font};}}}}\\uc1\\f0\\fs16\n");
        for paragraph in paragraphs(text, markdown) {
            rtf.push_str(&paragraph);
            rtf.push('\n');
        }
        rtf.push('}');
        rtf
    }
}

/// Lines that belong together become one, so that the window may break them where it wants.
fn paragraphs(text: &str, markdown: bool) -> Vec<String> {
    let mut paragraphs: Vec<String> = Vec::new();
    // Whether the line before goes on.
    let mut open = false;
    for line in text.lines() {
        let trimmed = line.trim();
        if trimmed.is_empty() {
            if paragraphs.last().is_some_and(|last| last != "\\par") {
                paragraphs.push("\\par".to_owned());
            }
            open = false;
            continue;
        }
        let level = trimmed.bytes().take_while(|byte| *byte == b'#').count();
        if markdown && (1..=6).contains(&level) && trimmed[level..].starts_with(' ') {
            let size = if level == 1 { 22 } else { 18 };
            paragraphs.push(format!("{{\\b\\fs{size} {}}}\\par", escape(trimmed[level..].trim())));
            open = false;
            continue;
        }
        let written = if markdown { emphasis(bullet(trimmed)) } else { escape(trimmed) };
        match paragraphs.last_mut() {
            Some(last) if open && !starts_item(trimmed) => {
                last.truncate(last.len() - "\\par".len());
                last.push(' ');
                last.push_str(&written);
                last.push_str("\\par");
            }
            _ => paragraphs.push(format!("{written}\\par")),
        }
        // A short line was meant to end where it does: a title, an address.
        open = trimmed.chars().count() >= 45;
    }
    paragraphs
}

/// Whether a line begins something of its own: `- `, `* `, `1. `, `(a) `.
fn starts_item(line: &str) -> bool {
    let first = line.split_whitespace().next().unwrap_or_default();
    let numbered = first.ends_with(['.', ')']) && first.len() <= 5 && first != ").";
    matches!(first, "-" | "*" | "+" | "•")
        || numbered && first.trim_matches(['(', ')', '.']).chars().count() <= 3
}

/// A list's item with the point that people know.
fn bullet(line: &str) -> std::borrow::Cow<'_, str> {
    match line.strip_prefix("- ").or_else(|| line.strip_prefix("* ")) {
        Some(rest) => format!("• {rest}").into(),
        None => line.into(),
    }
}

/// `**bold**` is bold.
fn emphasis(line: std::borrow::Cow<'_, str>) -> String {
    let parts: Vec<&str> = line.split("**").collect();
    if parts.len().is_multiple_of(2) {
        return escape(&line);
    }
    let style = |(index, part): (usize, &&str)| {
        if index % 2 == 1 { format!("{{\\b {}}}", escape(part)) } else { escape(part) }
    };
    parts.iter().enumerate().map(style).collect()
}

/// Any text, in ASCII. Brackets are written in hexadecimal, so that nobody takes them for a property.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '\\' | '{' | '}' => {
                escaped.push('\\');
                escaped.push(character);
            }
            '[' => escaped.push_str("\\'5b"),
            ']' => escaped.push_str("\\'5d"),
            '\t' => escaped.push_str("\\tab "),
            ' '..='~' => escaped.push(character),
            _ if character.is_control() => {}
            _ => {
                let mut units = [0; 2];
                for unit in character.encode_utf16(&mut units) {
                    // Numbers are of 16 bits with a sign; `?` is for readers that do not know them.
                    let number = i16::from_ne_bytes(unit.to_ne_bytes());
                    escaped.push_str(&format!("\\u{number}?"));
                }
            }
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(licence: &Licence) -> Vec<String> {
        licence.rtf("Tahoma").lines().skip(1).map(str::to_owned).collect()
    }

    #[test]
    fn plain_text_keeps_its_paragraphs_and_loses_its_line_ends() {
        let text = "The Example License\n\nPermission is hereby granted, free of charge, to any person\nobtaining a copy {of} this [software].\n\n  1. First item of a list that is long enough to be broken\n  2. Second\n";
        assert_eq!(
            body(&Licence::of("txt", text)),
            [
                "The Example License\\par",
                "\\par",
                "Permission is hereby granted, free of charge, to any person obtaining a copy \\{of\\} this \\'5bsoftware\\'5d.\\par",
                "\\par",
                "1. First item of a list that is long enough to be broken\\par",
                "2. Second\\par",
                "}",
            ]
        );
    }

    #[test]
    fn markdown_shows_headings_lists_and_emphasis() {
        let text = "# Terms\n\nYou may **not** sell it.\n- ä\n- 日 🦀\n";
        assert_eq!(
            body(&Licence::of("md", text)),
            [
                "{\\b\\fs22 Terms}\\par",
                "\\par",
                "You may {\\b not} sell it.\\par",
                "\\u8226? \\u228?\\par",
                "\\u8226? \\u26085? \\u-10178?\\u-8832?\\par",
                "}",
            ]
        );
    }

    #[test]
    fn rich_text_stays_as_it_is() {
        assert_eq!(Licence::of("RTF", "{\\rtf1 x}").rtf("Tahoma"), "{\\rtf1 x}");
    }
}
