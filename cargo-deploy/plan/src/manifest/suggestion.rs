//! What somebody most likely meant by a word that is not known.

/// The candidate nearest to what was written, if one is near enough to be worth a question.
///
/// Case, and `_` or space for `-`, never count as a difference. Of equally near candidates the first wins.
pub fn nearest<'c>(written: &str, candidates: impl IntoIterator<Item = &'c str>) -> Option<&'c str> {
    // Comparing is quadratic in the length; nobody mistypes a word into one this long.
    if written.len() > 100 {
        return None;
    }
    let plain = plain(written);
    let allowed = match plain.chars().count() {
        0..=2 => 1,
        3..=5 => 2,
        length => length / 3,
    };
    let mut best: Option<(usize, &str)> = None;
    for candidate in candidates {
        let compared = self::plain(candidate);
        let mut distance = strsim::damerau_levenshtein(&plain, &compared);
        if distance > allowed && is_long_part(&plain, &compared) {
            distance = allowed;
        }
        // A word that shares nothing with what was written is no suggestion, however short both are.
        let shares_nothing = distance >= compared.chars().count().max(plain.chars().count());
        if distance <= allowed && !shares_nothing && best.is_none_or(|(smallest, _)| distance < smallest) {
            best = Some((distance, candidate));
        }
    }
    best.map(|(_, candidate)| candidate)
}

/// Whether one begins with the other, by at least four letters: `no-default` for `no-default-features`.
fn is_long_part(one: &str, other: &str) -> bool {
    let shorter = one.len().min(other.len());
    shorter >= 4 && (one.starts_with(other) || other.starts_with(one))
}

fn plain(word: &str) -> String {
    word.to_lowercase().replace(['_', ' '], "-")
}

/// `"a", "b" or "c"`, each in the given quotes.
pub(crate) fn joined<'w>(words: impl IntoIterator<Item = &'w str>, quote: char, last: &str) -> String {
    let words: Vec<String> = words.into_iter().map(|word| format!("{quote}{word}{quote}")).collect();
    match words.split_last() {
        None => String::new(),
        Some((only, [])) => only.clone(),
        Some((end, rest)) => format!("{} {last} {end}", rest.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_slip_is_recognised_and_a_stranger_is_not() {
        let keys = ["build", "glibc", "toolchain", "macos-minimum", "no-default-features", "deb", "rpm"];
        for (written, meant) in [
            ("biuld", Some("build")),
            ("Glibc", Some("glibc")),
            ("macos_minimum", Some("macos-minimum")),
            ("toolchains", Some("toolchain")),
            ("no-default", Some("no-default-features")),
            ("debb", Some("deb")),
            ("dep", Some("deb")),
            ("xyz", None),
            ("z", None),
            ("", None),
            ("wholly-other-thing", None),
        ] {
            assert_eq!(nearest(written, keys), meant, "{written}");
        }
    }

    #[test]
    fn an_endless_word_has_no_suggestion_and_costs_nothing() {
        assert_eq!(nearest(&"build".repeat(100_000), ["build"]), None);
    }
}
