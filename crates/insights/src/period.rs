//! Periods (`5m`, `1mo`) and the boundaries they cut time at, aligned to the epoch in UTC.

use jiff::Timestamp;
use jiff::civil::date;
use jiff::tz::TimeZone;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Period {
    /// Milliseconds.
    Fixed(i64),
    /// Milliseconds, and where one of them starts.
    Weeks(i64, i64),
    Months(i64),
}

const SECOND: i64 = 1000;
const DAY: i64 = 86_400 * SECOND;

/// Units by their spellings, with milliseconds and the largest number that may stand before them.
const UNITS: [(&[&str], i64, i64); 5] = [
    (&["ms", "msec", "msecs", "millisecond", "milliseconds"], 1, 1000),
    (&["s", "sec", "secs", "second", "seconds"], SECOND, 60),
    (&["m", "min", "mins", "minute", "minutes"], 60 * SECOND, 60),
    (&["h", "hr", "hrs", "hour", "hours"], 3600 * SECOND, 24),
    (&["d", "day", "days"], DAY, LARGEST),
];

const WEEKS: [&str; 3] = ["w", "week", "weeks"];

/// The first Monday after the epoch.
const MONDAY: i64 = 4 * DAY;

const CALENDAR: [(&[&str], i64); 3] = [
    (&["mo", "mon", "mons", "month", "months"], 1),
    (&["q", "qtr", "qtrs", "quarter", "quarters"], 3),
    (&["y", "yr", "yrs", "year", "years"], 12),
];

/// Periods without a limit of their own end here.
const LARGEST: i64 = 10_000;

impl Period {
    /// Reads `5m`; numbers beyond a unit's limit are taken as the limit, as the service does.
    pub fn parse(text: &str) -> Option<Period> {
        let split = text.find(|letter: char| !letter.is_ascii_digit())?;
        let (digits, unit) = text.split_at(split);
        let count = if digits.len() > 9 { LARGEST } else { digits.parse().ok()? };
        if count == 0 {
            return None;
        }
        let unit = unit.to_ascii_lowercase();
        if let Some((_, ms, limit)) = UNITS.iter().find(|(names, ..)| names.contains(&unit.as_str())) {
            return Some(Period::Fixed(count.min(*limit) * ms));
        }
        if WEEKS.contains(&unit.as_str()) {
            return Some(Period::Weeks(count.min(LARGEST) * 7 * DAY, 0));
        }
        let (_, months) = CALENDAR.iter().find(|(names, _)| names.contains(&unit.as_str()))?;
        Some(Period::Months(count.min(LARGEST) * months))
    }

    /// Weeks as calendars show them; any other period as it is.
    pub fn starting_monday(self) -> Period {
        match self {
            Period::Weeks(step, _) => Period::Weeks(step, MONDAY),
            other => other,
        }
    }

    /// The last boundary at or before `ms`.
    pub fn floor(self, ms: i64) -> Option<i64> {
        match self {
            Period::Fixed(step) => ms.checked_sub(ms.rem_euclid(step)),
            Period::Weeks(step, start) => ms.checked_sub(ms.checked_sub(start)?.rem_euclid(step)),
            Period::Months(step) => month_start(months_of(ms)?.div_euclid(step) * step),
        }
    }

    /// The first boundary at or after `ms`.
    pub fn ceil(self, ms: i64) -> Option<i64> {
        let floor = self.floor(ms)?;
        match self {
            _ if floor == ms => Some(ms),
            Period::Fixed(step) | Period::Weeks(step, _) => floor.checked_add(step),
            Period::Months(step) => month_start((months_of(ms)?.div_euclid(step) + 1) * step),
        }
    }
}

/// Months since January 1970.
fn months_of(ms: i64) -> Option<i64> {
    let day = Timestamp::from_millisecond(ms).ok()?.to_zoned(TimeZone::UTC);
    Some((i64::from(day.year()) - 1970) * 12 + i64::from(day.month()) - 1)
}

fn month_start(months: i64) -> Option<i64> {
    let year =
        i16::try_from(1970 + months.div_euclid(12)).ok().filter(|year| (-9990..=9990).contains(year))?;
    let day = date(year, (months.rem_euclid(12) + 1) as i8, 1);
    Some(day.to_zoned(TimeZone::UTC).ok()?.timestamp().as_millisecond())
}

/// The same moment some months before, in UTC; the last day of a shorter month where the day is missing.
pub fn months_before(ms: i64, months: i64) -> Option<i64> {
    let moment = Timestamp::from_millisecond(ms).ok()?.to_zoned(TimeZone::UTC);
    let before = moment.checked_sub(jiff::Span::new().months(months)).ok()?;
    Some(before.timestamp().as_millisecond())
}

/// `YYYY-MM-DD HH:MM:SS.mmm` in UTC; the number itself beyond the calendar.
pub fn shown(ms: i64) -> String {
    match Timestamp::from_millisecond(ms) {
        Ok(time) => time.strftime("%Y-%m-%d %H:%M:%S%.3f").to_string(),
        Err(_) => ms.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn periods_are_read_and_clamped() {
        for (text, expected) in [
            ("5m", Some(Period::Fixed(300_000))),
            ("300s", Some(Period::Fixed(60_000))),
            ("2000ms", Some(Period::Fixed(1000))),
            ("48h", Some(Period::Fixed(DAY))),
            ("2days", Some(Period::Fixed(2 * DAY))),
            ("1mo", Some(Period::Months(1))),
            ("2qtrs", Some(Period::Months(6))),
            ("1Hour", Some(Period::Fixed(3_600_000))),
            ("0m", None),
            ("5", None),
            ("5x", None),
            ("m", None),
        ] {
            assert_eq!(Period::parse(text), expected, "{text}");
        }
    }

    #[test]
    fn boundaries_are_utc_and_hold_before_the_epoch() {
        let minute = Period::Fixed(60_000);
        assert_eq!(minute.floor(-1), Some(-60_000));
        assert_eq!(minute.ceil(60_000), Some(60_000));
        assert_eq!(minute.ceil(60_001), Some(120_000));
        // 2024-02-29T12:00:00Z
        let leap = 1_709_208_000_000;
        assert_eq!(shown(Period::Months(1).floor(leap).unwrap()), "2024-02-01 00:00:00.000");
        assert_eq!(shown(Period::Months(3).ceil(leap).unwrap()), "2024-04-01 00:00:00.000");
        assert_eq!(shown(Period::Months(12).floor(leap).unwrap()), "2024-01-01 00:00:00.000");
        assert_eq!(Period::Fixed(DAY).floor(i64::MIN), None);
        assert_eq!(Period::Months(1).floor(i64::MAX), None);
    }
}
