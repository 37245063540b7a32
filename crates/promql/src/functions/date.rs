//! Parts of a date in UTC, for any second a double can name.

/// A second since the epoch, taken apart.
pub struct Date {
    year: i64,
    /// From 1.
    month: i64,
    day: i64,
    days: i64,
    second_of_day: i64,
}

impl Date {
    /// Nothing for what is no time: NaN, the infinities, and what no 64-bit count of seconds holds.
    pub fn of(seconds: f64) -> Option<Date> {
        const FAR: f64 = 9.2e18;
        if seconds.is_nan() || seconds.abs() > FAR {
            return None;
        }
        let seconds = seconds as i64;
        let days = seconds.div_euclid(86_400);
        let (year, month, day) = civil(days);
        Some(Date { year, month, day, days, second_of_day: seconds.rem_euclid(86_400) })
    }

    pub fn year(&self) -> f64 {
        self.year as f64
    }

    pub fn month(&self) -> f64 {
        self.month as f64
    }

    pub fn day_of_month(&self) -> f64 {
        self.day as f64
    }

    /// Sunday is 0; the epoch was a Thursday.
    pub fn day_of_week(&self) -> f64 {
        (self.days + 4).rem_euclid(7) as f64
    }

    pub fn day_of_year(&self) -> f64 {
        (self.days - days_before(self.year, 1) + 1) as f64
    }

    pub fn days_in_month(&self) -> f64 {
        let (year, month) = if self.month == 12 { (self.year + 1, 1) } else { (self.year, self.month + 1) };
        (days_before(year, month) - days_before(self.year, self.month)) as f64
    }

    pub fn hour(&self) -> f64 {
        (self.second_of_day / 3600) as f64
    }

    pub fn minute(&self) -> f64 {
        (self.second_of_day / 60 % 60) as f64
    }
}

/// Days of the epoch to year, month and day, by eras of 400 years that begin in March.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let day_of_era = days.rem_euclid(146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// Days from the epoch to the first of a month.
fn days_before(year: i64, month: i64) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let day_of_era = 365 * year_of_era + year_of_era / 4 - year_of_era / 100 + (153 * from_march + 2) / 5;
    era * 146_097 + day_of_era - 719_468
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_taken_apart() {
        let parts = |seconds: f64| {
            let date = Date::of(seconds).expect("a time");
            [
                date.year(),
                date.month(),
                date.day_of_month(),
                date.day_of_week(),
                date.day_of_year(),
                date.days_in_month(),
                date.hour(),
                date.minute(),
            ]
        };
        assert_eq!(parts(0.0), [1970.0, 1.0, 1.0, 4.0, 1.0, 31.0, 0.0, 0.0]);
        // 2024-02-29T23:59:59Z, a Thursday.
        assert_eq!(parts(1_709_251_199.0), [2024.0, 2.0, 29.0, 4.0, 60.0, 29.0, 23.0, 59.0]);
        // 1969-12-31T23:59:59Z, a Wednesday.
        assert_eq!(parts(-1.0), [1969.0, 12.0, 31.0, 3.0, 365.0, 31.0, 23.0, 59.0]);
        // 2100 is no leap year.
        assert_eq!(parts(4_107_542_400.0)[..6], [2100.0, 3.0, 1.0, 1.0, 60.0, 31.0]);
        assert!(Date::of(f64::NAN).is_none());
    }
}
