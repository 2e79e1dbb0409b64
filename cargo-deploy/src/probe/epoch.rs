//! The moment that is written wherever a file of a release holds one.

use crate::bench::environment::Environment;

/// 1980-01-01 00:00:00 UTC, the earliest moment that a zip archive can hold.
pub const FALLBACK: i64 = 315_532_800;

/// `SOURCE_DATE_EPOCH` that is no moment.
#[derive(Debug, thiserror::Error)]
#[error("use SOURCE_DATE_EPOCH={found:?}: expected a whole number of seconds since 1970, such as 1700000000")]
pub struct InvalidEpoch {
    /// What it is set to.
    pub found: String,
}

/// Seconds since 1970-01-01 UTC: `SOURCE_DATE_EPOCH` where it is set
/// (<https://reproducible-builds.org/specs/source-date-epoch/>), else the time of the last commit, else
/// [`FALLBACK`].
pub fn epoch(environment: &Environment, committed: Option<i64>) -> Result<i64, InvalidEpoch> {
    let Some(value) = environment.get_os("SOURCE_DATE_EPOCH") else {
        return Ok(committed.unwrap_or(FALLBACK));
    };
    let text = value.to_string_lossy();
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    match text.parse() {
        Ok(seconds) if digits => Ok(seconds),
        _ => Err(InvalidEpoch { found: text.into_owned() }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_variable_wins_over_the_commit_and_the_commit_over_1980() {
        let set = Environment::of(&[("SOURCE_DATE_EPOCH", "1700000000")], "/");
        let unset = Environment::of(&[], "/");
        assert_eq!(epoch(&set, Some(5)).expect("a number"), 1_700_000_000);
        assert_eq!(epoch(&unset, Some(5)).expect("unset"), 5);
        assert_eq!(epoch(&unset, None).expect("unset"), FALLBACK);
    }

    #[test]
    fn what_is_no_whole_number_of_seconds_is_refused_by_name() {
        for bad in ["", "-1", "+1", "1.5", "now", " 1", "99999999999999999999"] {
            let environment = Environment::of(&[("SOURCE_DATE_EPOCH", bad)], "/");
            let error = epoch(&environment, Some(5)).expect_err(bad);
            assert!(error.to_string().contains("SOURCE_DATE_EPOCH"), "{error}");
        }
    }
}
