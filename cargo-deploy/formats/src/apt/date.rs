//! The dates of a `Release` file: RFC 5322, but with `UTC` for the zone, as Debian itself writes them.

use crate::date::Moment;

/// `Mon, 23 Nov 2026 23:15:20 UTC` for seconds since 1970-01-01 UTC.
pub fn format_date(seconds: u64) -> String {
    Moment::of(seconds).rfc5322().replace("+0000", "UTC")
}

/// Reads what [`format_date`] writes; `None` for anything else.
pub fn parse_date(text: &str) -> Option<u64> {
    let moment = Moment::of_rfc5322(&text.strip_suffix("UTC").map(|text| format!("{text}+0000"))?)?;
    // Whatever was read must be written in the same way: so the day of the week is right, too.
    (format_date(moment.epoch) == text).then_some(moment.epoch)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_those_of_debian() {
        for (seconds, text) in [
            (0, "Thu, 01 Jan 1970 00:00:00 UTC"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 UTC"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 UTC"),
        ] {
            assert_eq!(format_date(seconds), text);
            assert_eq!(parse_date(text), Some(seconds));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "Mon, 23 Nov 2026",
            "Tue, 23 Nov 2026 23:15:20 UTC",
            "Mon, 23 Nov 2026 23:15:20 +0000",
            "Mon, 31 Nov 2026 23:15:20 UTC",
            "Mon, 23 Nov 2026 24:15:20 UTC",
            "Mon, 23 Nov 99999 23:15:20 UTC",
            "Mon, 18446744073709551615 Nov 2026 23:15:20 UTC",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
