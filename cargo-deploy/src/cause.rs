//! An error with everything that caused it, as one text.

use std::error::Error;

/// `error`, then each cause, separated by colons: `failed to read a.toml: permission denied`. A cause that the text
/// before it already ends with is not said twice.
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let words = inner.to_string();
        if !text.ends_with(&words) {
            text.push_str(": ");
            text.push_str(&words);
        }
        cause = inner.source();
    }
    text
}
