//! Reads times by a pattern, as `strptime` does, with fractions (`%L`) and zones (`%z`).
//!
//! What the text leaves out is guessed so that the time is as close to now as can be: the year where there is
//! none (a line of 31 December read on 1 January is from last year), the day where there is no date at all.

mod calendar;
mod fields;

use jiff::Timestamp;
use jiff::tz::TimeZone;

use calendar::{days_from_civil, year_of};
use fields::{Item, compile};

/// A compiled pattern and what it assumes about text without a zone.
#[derive(Debug, Clone)]
pub struct TimeFormat {
    items: Vec<Item>,
    zone: Zone,
    /// Text that breaks off is read as far as it goes.
    lenient: bool,
}

#[derive(Debug, Clone)]
enum Zone {
    Offset(i32),
    Named(TimeZone),
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
struct Read {
    year: Option<i64>,
    century: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    day_of_year: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    afternoon: Option<bool>,
    nanos: i64,
    offset: Option<i32>,
    epoch: Option<i64>,
    anything: bool,
}

const DAY: i64 = 86_400;

impl TimeFormat {
    /// Compiles a pattern. Also tells which of its specifiers are unknown: text never fits those.
    pub fn new(pattern: &str, lenient: bool) -> (TimeFormat, Vec<String>) {
        let (items, unknown) = compile(pattern);
        (TimeFormat { items, zone: Zone::Offset(0), lenient }, unknown)
    }

    /// Sets what applies to text without a zone: `+hhmm`, `-hh:mm`. False when it is no offset.
    pub fn set_offset(&mut self, offset: &str) -> bool {
        let Some((seconds, rest)) = fields::offset(offset.trim().as_bytes()) else { return false };
        self.zone = Zone::Offset(seconds);
        rest.is_empty()
    }

    /// Likewise, by the name of a zone or `local`. False when the zone is not known on this machine.
    pub fn set_zone(&mut self, name: &str) -> bool {
        let zone = match name {
            "local" => Ok(TimeZone::system()),
            name => TimeZone::get(name),
        };
        zone.map(|zone| self.zone = Zone::Named(zone)).is_ok()
    }

    /// Nanoseconds since the epoch; `None` when the text does not fit or is from before 1970.
    pub fn read(&self, text: &[u8], now: u64) -> Option<u64> {
        let mut read = Read::default();
        let mut rest = text;
        for item in &self.items {
            match item.read(rest, &mut read) {
                Some(after) => rest = after,
                None if self.lenient && read.anything => break,
                None => return None,
            }
        }
        self.resolve(&read, (now / 1_000_000_000) as i64)
    }

    fn resolve(&self, read: &Read, now: i64) -> Option<u64> {
        let seconds = match read.epoch {
            Some(epoch) => epoch,
            None => self.candidates(read, now).into_iter().min_by_key(|at| at.abs_diff(now))?,
        };
        let nanos = i128::from(seconds) * 1_000_000_000 + i128::from(read.nanos);
        u64::try_from(nanos).ok()
    }

    /// The times the text may mean; several where it leaves out the year or the whole date.
    fn candidates(&self, read: &Read, now: i64) -> Vec<i64> {
        let today = now.div_euclid(DAY);
        let days: Vec<i64> = match (read.full_year(), read.month, read.day, read.day_of_year) {
            (None, None, None, None) => (today - 1..=today + 1).collect(),
            (Some(year), ..) => vec![read.day_in(year)],
            (None, ..) => {
                let this = year_of(today);
                (this - 1..=this + 1).map(|year| read.day_in(year)).collect()
            }
        };
        days.into_iter().map(|day| self.to_utc(day * DAY + read.second_of_day(), read.offset)).collect()
    }

    /// From the clock on the wall where it was written to seconds since the epoch.
    fn to_utc(&self, wall: i64, offset: Option<i32>) -> i64 {
        let zone = match (offset, &self.zone) {
            (Some(offset), _) => return wall - i64::from(offset),
            (None, Zone::Offset(offset)) => return wall - i64::from(*offset),
            (None, Zone::Named(zone)) => zone,
        };
        let Ok(naive) = Timestamp::from_second(wall) else { return wall };
        let civil = TimeZone::UTC.to_datetime(naive);
        zone.to_ambiguous_timestamp(civil).compatible().map_or(wall, Timestamp::as_second)
    }
}

impl Read {
    fn full_year(&self) -> Option<i64> {
        match (self.century, self.year) {
            (Some(century), Some(year)) => Some(century * 100 + year.rem_euclid(100)),
            (Some(century), None) => Some(century * 100),
            (None, year) => year,
        }
    }

    /// Days since the epoch. A day past the month's end runs into the next month, as with C's `timegm`.
    fn day_in(&self, year: i64) -> i64 {
        match self.day_of_year {
            Some(day) if self.month.is_none() => days_from_civil(year, 1, 1) + day - 1,
            _ => days_from_civil(year, self.month.unwrap_or(1), 1) + self.day.unwrap_or(1) - 1,
        }
    }

    fn second_of_day(&self) -> i64 {
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour,
        };
        hour * 3600 + self.minute * 60 + self.second
    }
}

#[cfg(test)]
mod tests;
