//! Days and times as texts of packages have them, from seconds since 1970-01-01 UTC: no clock, no locale, no zone.

/// A moment in the Gregorian calendar, UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment {
    /// Seconds since 1970-01-01 UTC.
    pub epoch: u64,
    /// Full year.
    pub year: u64,
    /// 1 to 12.
    pub month: u64,
    /// 1 to 31.
    pub day: u64,
}

const DAYS: [&str; 7] = ["Thu", "Fri", "Sat", "Sun", "Mon", "Tue", "Wed"];
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
/// 9999-12-31T23:59:59: behind it, years would have five digits.
const LAST: u64 = 253_402_300_799;

impl Moment {
    /// Of seconds since 1970-01-01 UTC. What lies behind the year 9999 counts as its last second.
    pub fn of(epoch: u64) -> Self {
        let epoch = epoch.min(LAST);
        // Days are counted from 0000-03-01, so that the leap day is the last of a year.
        let days = epoch / 86_400 + 719_468;
        let (era, in_era) = (days / 146_097, days % 146_097);
        let year_of_era = (in_era - in_era / 1460 + in_era / 36_524 - in_era / 146_096) / 365;
        let in_year = in_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let shifted = (5 * in_year + 2) / 153;
        let day = in_year - (153 * shifted + 2) / 5 + 1;
        let month = if shifted < 10 { shifted + 3 } else { shifted - 9 };
        let year = year_of_era + era * 400 + u64::from(month <= 2);
        Moment { epoch, year, month, day }
    }

    /// Of a day, at midnight. `None` if there is no such day between 1970 and 9999.
    pub fn of_day(year: u64, month: u64, day: u64) -> Option<Self> {
        if !(1970..=9999).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let shifted_year = if month <= 2 { year - 1 } else { year };
        let shifted_month = if month > 2 { month - 3 } else { month + 9 };
        let in_year = (153 * shifted_month + 2) / 5 + day - 1;
        let days = 365 * shifted_year + shifted_year / 4 - shifted_year / 100 + shifted_year / 400 + in_year;
        let moment = Moment::of(days.checked_sub(719_468)? * 86_400);
        (moment.year == year && moment.month == month && moment.day == day).then_some(moment)
    }

    /// Reads `2026-11-23`.
    pub fn of_iso_day(text: &str) -> Option<Self> {
        let mut parts = text.splitn(3, '-');
        let mut part = |digits: usize| {
            let part = parts.next()?;
            (part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit()))
                .then_some(part)?
                .parse()
                .ok()
        };
        Moment::of_day(part(4)?, part(2)?, part(2)?)
    }

    /// `Mon, 23 Nov 2026 22:54:54 +0000` (RFC 5322, 3.3), as Debian's changelogs and mails have it.
    pub fn rfc5322(&self) -> String {
        let seconds = self.epoch % 86_400;
        format!(
            "{}, {:02} {} {:04} {:02}:{:02}:{:02} +0000",
            self.week_day(),
            self.day,
            self.month_name(),
            self.year,
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60
        )
    }

    /// `2026-11-23`.
    pub fn iso_day(&self) -> String {
        format!("{:04}-{:02}-{:02}", self.year, self.month, self.day)
    }

    /// `Mon`.
    pub fn week_day(&self) -> &'static str {
        DAYS.get((self.epoch / 86_400 % 7) as usize).copied().unwrap_or_default()
    }

    /// `Nov`.
    pub fn month_name(&self) -> &'static str {
        MONTHS.get((self.month - 1) as usize).copied().unwrap_or_default()
    }

    /// Reads what [`Moment::rfc5322`] writes, with any zone. The name of the day may be missing and is not compared.
    pub fn of_rfc5322(text: &str) -> Option<Self> {
        let text = match text.split_once(',') {
            Some((day, rest)) if DAYS.contains(&day.trim()) => rest,
            Some(_) => return None,
            None => text,
        };
        let mut words = text.split_whitespace();
        let day = words.next()?.parse().ok()?;
        let month = words.next()?;
        let month = MONTHS.iter().position(|name| *name == month)? as u64 + 1;
        let year = words.next()?.parse().ok()?;
        let mut time = words.next()?.split(':').map(|part| part.parse::<u64>().ok());
        let (hour, minute) = (time.next()??, time.next()??);
        let second = time.next().unwrap_or(Some(0))?;
        let zone = words.next()?;
        let (sign, digits) = zone.split_at_checked(1)?;
        if digits.len() != 4 || words.next().is_some() || hour > 23 || minute > 59 || second > 60 {
            return None;
        }
        let digits: u64 = digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())??;
        let offset = (digits / 100) * 3600 + (digits % 100) * 60;
        let local = Moment::of_day(year, month, day)?.epoch + hour * 3600 + minute * 60 + second;
        match sign {
            "+" => Some(Moment::of(local.checked_sub(offset)?)),
            "-" => Some(Moment::of(local + offset)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_become_days_of_the_calendar() {
        let table: &[(u64, &str, &str)] = &[
            (0, "1970-01-01", "Thu, 01 Jan 1970 00:00:00 +0000"),
            (951_782_399, "2000-02-28", "Mon, 28 Feb 2000 23:59:59 +0000"),
            (951_782_400, "2000-02-29", "Tue, 29 Feb 2000 00:00:00 +0000"),
            (951_868_800, "2000-03-01", "Wed, 01 Mar 2000 00:00:00 +0000"),
            (1_700_000_000, "2023-11-14", "Tue, 14 Nov 2023 22:13:20 +0000"),
            (4_107_542_400, "2100-03-01", "Mon, 01 Mar 2100 00:00:00 +0000"),
            (u64::MAX, "9999-12-31", "Fri, 31 Dec 9999 23:59:59 +0000"),
        ];
        for (epoch, day, text) in table {
            let moment = Moment::of(*epoch);
            assert_eq!(moment.iso_day(), *day);
            assert_eq!(moment.rfc5322(), *text);
            assert_eq!(Moment::of_rfc5322(text), Some(moment));
            assert_eq!(Moment::of_iso_day(day).unwrap().iso_day(), *day);
        }
    }

    #[test]
    fn zones_are_taken_into_account() {
        let moment = Moment::of_rfc5322("Tue, 14 Nov 2023 23:13:20 +0100").unwrap();
        assert_eq!(moment.epoch, 1_700_000_000);
        assert_eq!(Moment::of_rfc5322("14 Nov 2023 16:43:20 -0530").unwrap(), moment);
    }

    #[test]
    fn what_is_no_day_is_refused() {
        for text in [
            "2023-02-29",
            "2023-13-01",
            "2023-1-1",
            "2023-01-00",
            "",
            "1969-12-31",
            "20x3-01-01",
            "2023-01-01-01",
        ] {
            assert_eq!(Moment::of_iso_day(text), None, "{text}");
        }
        for text in [
            "",
            "Foo, 01 Jan 1970 00:00:00 +0000",
            "Thu, 01 Jan 1970 24:00:00 +0000",
            "Thu, 01 Jan 1970 00:00:00",
            "Thu, 01 Jan 1970 00:00:00 +000é",
            "Thu, 01 Jan 1970 00:00:00 +0100",
            "Thu, 99999999999999999999 Jan 1970 00:00:00 +0000",
        ] {
            assert_eq!(Moment::of_rfc5322(text), None, "{text}");
        }
    }
}
