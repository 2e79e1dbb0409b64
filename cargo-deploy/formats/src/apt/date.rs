//! The dates of a `Release` file: RFC 5322 in English, in UTC.

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
const DAY: u64 = 86_400;

/// `Mon, 23 Nov 2026 23:15:20 UTC` for seconds since 1970-01-01 UTC, in the calendar of today (there are no other moments than later ones).
pub fn format_date(seconds: u64) -> String {
    let (days, rest) = (seconds / DAY, seconds % DAY);
    // Years that start in March end with the leap day. 719468 days lie between 0000-03-01 and 1970-01-01, 146097 in 400 years.
    let shifted = days + 719_468;
    let (era, day_of_era) = (shifted / 146_097, shifted % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_from_march + 2) / 5 + 1;
    let month = (month_from_march + 2) % 12;
    let year = era * 400 + year_of_era + u64::from(month < 2);
    let week_day = DAYS[(days % 7) as usize];
    let month = MONTHS[month as usize];
    format!(
        "{week_day}, {day:02} {month} {year} {:02}:{:02}:{:02} UTC",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Reads what [`format_date`] writes, up to the year 9999; `None` for anything else.
pub fn parse_date(text: &str) -> Option<u64> {
    let mut words = text.split(' ');
    let (_, day, month, year, time) =
        (words.next()?, words.next()?, words.next()?, words.next()?, words.next()?);
    let day: u64 = day.parse().ok().filter(|day| *day < 32)?;
    let month = MONTHS.iter().position(|name| *name == month)? as u64;
    let year: u64 = year.parse().ok().filter(|year| (1970..10_000).contains(year))?;
    let mut parts = time.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let (month_from_march, year) = if month < 2 { (month + 10, year - 1) } else { (month - 2, year) };
    let days = (365 * year + year / 4 - year / 100 + year / 400 + (153 * month_from_march + 2) / 5 + day)
        .checked_sub(719_469)?;
    let clock = hour.checked_mul(3600)?.checked_add(minute.checked_mul(60)?)?.checked_add(second)?;
    let seconds = days.checked_mul(DAY)?.checked_add(clock)?;
    // Whatever was read must be written in the same way: so the day of the week is right, and no number is too large.
    (format_date(seconds) == text).then_some(seconds)
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use super::*;

    #[test]
    fn dates_are_those_of_the_calendar() {
        let table = [
            (0, "Thu, 01 Jan 1970 00:00:00 UTC"),
            (951_782_399, "Mon, 28 Feb 2000 23:59:59 UTC"),
            (951_782_400, "Tue, 29 Feb 2000 00:00:00 UTC"),
            (951_868_800, "Wed, 01 Mar 2000 00:00:00 UTC"),
            (1_700_000_000, "Tue, 14 Nov 2023 22:13:20 UTC"),
            (4_107_542_399, "Sun, 28 Feb 2100 23:59:59 UTC"),
            (4_107_542_400, "Mon, 01 Mar 2100 00:00:00 UTC"),
        ];
        for (seconds, text) in table {
            assert_eq!(format_date(seconds), text);
            assert_eq!(parse_date(text), Some(seconds));
        }
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "the program date is asked")]
    fn the_program_date_writes_the_same() {
        for seconds in (0..40).map(|number| number * 99_999_999_u64) {
            let output = Command::new("date")
                .args(["-u", "-d", &format!("@{seconds}"), "+%a, %d %b %Y %H:%M:%S UTC"])
                .env("LC_ALL", "C")
                .output()
                .unwrap();
            assert_eq!(String::from_utf8(output.stdout).unwrap().trim(), format_date(seconds));
        }
    }

    #[test]
    fn what_is_no_date_is_refused() {
        for text in [
            "",
            "Mon, 23 Nov 2026",
            "Tue, 23 Nov 2026 23:15:20 UTC",
            "Mon, 23 Nov 2026 23:15:20 +0100",
            "Mon, 31 Nov 2026 23:15:20 UTC",
            "Mon, 23 Nov 2026 24:15:20 UTC",
            "Mon, 23 Nov 99999 23:15:20 UTC",
            "Mon, 18446744073709551615 Nov 2026 23:15:20 UTC",
        ] {
            assert_eq!(parse_date(text), None, "{text}");
        }
    }
}
