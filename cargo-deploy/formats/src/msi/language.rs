//! The languages that installers speak: one file a language in `languages/`.
//!
//! A further language is a further file, with the same keys as the others, and a line in [`FILES`].

use std::collections::BTreeMap;

use thiserror::Error;

/// The files, in the order of their tags.
const FILES: [(&str, &str); 10] = [
    ("de-DE", include_str!("languages/de-DE.toml")),
    ("en-US", include_str!("languages/en-US.toml")),
    ("es-ES", include_str!("languages/es-ES.toml")),
    ("fr-FR", include_str!("languages/fr-FR.toml")),
    ("it-IT", include_str!("languages/it-IT.toml")),
    ("ja-JP", include_str!("languages/ja-JP.toml")),
    ("nl-NL", include_str!("languages/nl-NL.toml")),
    ("pl-PL", include_str!("languages/pl-PL.toml")),
    ("pt-BR", include_str!("languages/pt-BR.toml")),
    ("zh-CN", include_str!("languages/zh-CN.toml")),
];

/// A language and its texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Language {
    tag: String,
    id: u16,
    texts: BTreeMap<String, String>,
}

/// Why a language cannot be had.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum LanguageError {
    /// One that nobody has written the texts for.
    #[error("there are no texts of installers in `{tag}`; there are {known}")]
    Unknown {
        /// As given.
        tag: String,
        /// Those that are there.
        known: String,
    },
    /// A file that is no table of texts.
    #[error("the texts of `{tag}` cannot be read: {message}")]
    File {
        /// As given.
        tag: String,
        /// As the reader says it.
        message: String,
    },
}

impl Language {
    /// The tags of all languages: `de-DE`, `en-US`.
    pub fn tags() -> impl Iterator<Item = &'static str> {
        FILES.iter().map(|(tag, _)| *tag)
    }

    /// The language of a tag, in capitals or not; a tag without a country (`de`) is the first of that language.
    ///
    /// # Errors
    ///
    /// There is none.
    pub fn named(tag: &str) -> Result<Self, LanguageError> {
        let is = |known: &str| {
            known.eq_ignore_ascii_case(tag)
                || known.split('-').next().is_some_and(|language| language.eq_ignore_ascii_case(tag))
        };
        let Some((tag, file)) = FILES.iter().find(|(known, _)| is(known)) else {
            let known = Self::tags().collect::<Vec<_>>().join(", ");
            return Err(LanguageError::Unknown { tag: tag.to_owned(), known });
        };
        Self::read(tag, file)
    }

    /// A language from its file.
    ///
    /// # Errors
    ///
    /// The file is no TOML of tables of texts, or says no number.
    pub fn read(tag: &str, file: &str) -> Result<Self, LanguageError> {
        let wrong = |message: String| LanguageError::File { tag: tag.to_owned(), message };
        let table: toml::Table = file.parse().map_err(|error: toml::de::Error| wrong(error.to_string()))?;
        let mut texts = BTreeMap::new();
        let mut id = None;
        for (section, values) in table {
            let toml::Value::Table(values) = values else {
                return Err(wrong(format!("`{section}` is no table")));
            };
            for (name, value) in values {
                match value {
                    toml::Value::String(text) => drop(texts.insert(format!("{section}.{name}"), text)),
                    toml::Value::Integer(number) if section == "language" && name == "id" => {
                        id = u16::try_from(number).ok();
                    }
                    _ => return Err(wrong(format!("`{section}.{name}` is no text"))),
                }
            }
        }
        let id = id.ok_or_else(|| wrong("`language.id` is not there".to_owned()))?;
        Ok(Language { tag: tag.to_owned(), id, texts })
    }

    /// `en-US`.
    pub fn tag(&self) -> &str {
        &self.tag
    }

    /// The number that Windows has for it: 1033.
    pub fn id(&self) -> u16 {
        self.id
    }

    /// A text by its table and name: `welcome.heading`. The key itself, if there is none.
    pub fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }

    /// The texts of one table, with their names.
    pub(super) fn section<'a>(&'a self, section: &str) -> impl Iterator<Item = (&'a str, &'a str)> {
        let start = format!("{section}.");
        let within =
            move |(key, text): (&'a String, &'a String)| Some((key.strip_prefix(&start)?, text.as_str()));
        self.texts.iter().filter_map(within)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_language_has_every_text() {
        let english = Language::named("en-US").unwrap();
        let keys: BTreeSet<&String> = english.texts.keys().collect();
        for tag in Language::tags() {
            let language = Language::named(tag).unwrap();
            assert_eq!(language.texts.keys().collect::<BTreeSet<_>>(), keys, "{tag}");
            for (key, text) in &language.texts {
                let same = text == english.text(key);
                let empty = text.trim().is_empty() && key != "ui.AbsentPath";
                assert!(!empty, "{tag}: `{key}` is empty");
                let sentence = text.split_whitespace().count() > 4;
                assert!(!same || tag == "en-US" || !sentence, "{tag}: `{key}` is not translated");
            }
        }
    }

    #[test]
    fn texts_name_the_same_properties_in_every_language() {
        let english = Language::named("en-US").unwrap();
        let properties = |text: &str| -> BTreeSet<String> {
            text.split('[').skip(1).filter_map(|part| Some(part.split_once(']')?.0.to_owned())).collect()
        };
        for tag in Language::tags() {
            let language = Language::named(tag).unwrap();
            for (key, text) in &language.texts {
                assert_eq!(properties(text), properties(english.text(key)), "{tag}: `{key}`");
            }
        }
    }

    #[test]
    fn a_tag_is_found_without_its_country_and_an_unknown_one_told() {
        assert_eq!(Language::named("DE").unwrap().id(), 1031);
        assert_eq!(Language::named("zh-cn").unwrap().tag(), "zh-CN");
        assert_eq!(
            Language::named("tlh").unwrap_err().to_string(),
            "there are no texts of installers in `tlh`; there are de-DE, en-US, es-ES, fr-FR, it-IT, ja-JP, nl-NL, pl-PL, pt-BR, zh-CN"
        );
    }
}
