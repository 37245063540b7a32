//! Times as text: the directives of `Time` and `FormatTime`, the calendar behind them, and Go's own forms.

use std::fmt::Write;

use crate::value::Time;

/// A format, checked and taken apart when the statement is compiled.
#[derive(Debug, Clone)]
pub struct Format(Vec<Item>);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Item {
    Literal(char),
    Directive(char),
}

pub const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

pub const WEEKDAYS: [&str; 7] =
    ["Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"];

/// A moment on the calendar and clock.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Civil {
    pub year: i64,
    pub month: i64,
    pub day: i64,
    pub hour: i64,
    pub minute: i64,
    pub second: i64,
    pub nanos: u32,
    /// 0 is Sunday.
    pub weekday: i64,
}

const DAY: i64 = 86_400;

/// Days since the epoch of a date in the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March here, so that the leap day comes last.
    let year = if month <= 2 { year - 1 } else { year };
    let (era, of_era) = (year.div_euclid(400), year.rem_euclid(400));
    let of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Days in a month.
fn month_length(year: i64, month: i64) -> i64 {
    let (next_year, next) = if month == 12 { (year + 1, 1) } else { (year, month + 1) };
    days(next_year, next, 1) - days(year, month, 1)
}

impl Civil {
    /// As clocks at the time's own offset show it.
    pub fn of(time: Time) -> Civil {
        let seconds = time.seconds.saturating_add(time.offset.into());
        let (day, rest) = (seconds.div_euclid(DAY), seconds.rem_euclid(DAY));
        let shifted = day + 719_468;
        let (era, of_era) = (shifted.div_euclid(146_097), shifted.rem_euclid(146_097));
        let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
        let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
        let month = (5 * of_year + 2) / 153;
        let date = of_year - (153 * month + 2) / 5 + 1;
        let month = if month < 10 { month + 3 } else { month - 9 };
        Civil {
            year: year_of_era + era * 400 + i64::from(month <= 2),
            month,
            day: date,
            hour: rest / 3600,
            minute: rest / 60 % 60,
            second: rest % 60,
            nanos: time.nanos,
            weekday: (day + 4).rem_euclid(7),
        }
    }

    /// Seconds since the epoch, were it shown by a clock in Greenwich.
    pub fn seconds(self) -> i64 {
        days(self.year, self.month, self.day) * DAY + self.hour * 3600 + self.minute * 60 + self.second
    }
}

impl Format {
    pub fn parse(text: &str) -> Result<Format, String> {
        let mut items = Vec::new();
        let mut letters = text.chars();
        while let Some(letter) = letters.next() {
            if letter != '%' {
                items.push(Item::Literal(letter));
                continue;
            }
            let directive = letters.next().ok_or("a `%` at the end of the time format")?;
            let longer = match directive {
                'D' | 'x' => "%m/%d/%y",
                'F' => "%Y-%m-%d",
                'T' | 'X' => "%H:%M:%S",
                'r' => "%I:%M:%S %p",
                'R' => "%H:%M",
                'c' => "%a %b %e %H:%M:%S %Y",
                'n' => "\n",
                't' => "\t",
                '%' => {
                    items.push(Item::Literal('%'));
                    continue;
                }
                known if "YymoqbhBdegaAHIlpPMSLfszZijkw".contains(known) => {
                    items.push(Item::Directive(known));
                    continue;
                }
                _ => return Err(format!("unsupported time format directive `%{directive}`")),
            };
            items.extend(Format::parse(longer)?.0);
        }
        if items.is_empty() {
            return Err("the time format is empty".to_owned());
        }
        Ok(Format(items))
    }

    pub fn show(&self, time: Time) -> String {
        let at = Civil::of(time);
        let mut out = String::new();
        for item in &self.0 {
            match item {
                Item::Literal(letter) => out.push(*letter),
                // Writing to a String cannot fail.
                Item::Directive(directive) => {
                    let _ = show(*directive, at, time.offset, &mut out);
                }
            }
        }
        out
    }

    /// Reads a text of this form: the moment on a clock, and the offset where the text names one.
    pub fn read(&self, text: &str) -> Result<(Civil, Option<i32>), String> {
        let mut reader = Reader::new(text);
        for (place, item) in self.0.iter().enumerate() {
            let read = match item {
                Item::Literal(letter) => reader.literal(*letter),
                Item::Directive(directive) => reader.directive(*directive, self.0.get(place + 1).copied()),
            };
            read.ok_or_else(|| format!("`{text}` is not of the time format, from `{}` on", reader.rest))?;
        }
        if !reader.rest.is_empty() {
            return Err(format!("`{text}` has extra text behind the time: `{}`", reader.rest));
        }
        reader.finish().ok_or_else(|| format!("`{text}` is no time there is"))
    }
}

fn show(directive: char, at: Civil, offset: i32, out: &mut String) -> std::fmt::Result {
    let name = |names: &[&'static str], place: i64| names.get(place as usize).copied().unwrap_or_default();
    let twelve = (at.hour + 11) % 12 + 1;
    match directive {
        'Y' => write!(out, "{:04}", at.year),
        'y' => write!(out, "{:02}", at.year.rem_euclid(100)),
        'm' => write!(out, "{:02}", at.month),
        'o' => write!(out, "{:2}", at.month),
        'q' => write!(out, "{}", at.month),
        'b' | 'h' => write!(out, "{}", &name(&MONTHS, at.month - 1)[..3]),
        'B' => write!(out, "{}", name(&MONTHS, at.month - 1)),
        'd' => write!(out, "{:02}", at.day),
        'e' => write!(out, "{:2}", at.day),
        'g' => write!(out, "{}", at.day),
        'a' => write!(out, "{}", &name(&WEEKDAYS, at.weekday)[..3]),
        'A' => write!(out, "{}", name(&WEEKDAYS, at.weekday)),
        'H' => write!(out, "{:02}", at.hour),
        'I' => write!(out, "{twelve:02}"),
        'l' => write!(out, "{twelve}"),
        'p' => write!(out, "{}", if at.hour < 12 { "AM" } else { "PM" }),
        'P' => write!(out, "{}", if at.hour < 12 { "am" } else { "pm" }),
        'M' => write!(out, "{:02}", at.minute),
        'S' => write!(out, "{:02}", at.second),
        'L' => write!(out, "{:03}", at.nanos / 1_000_000),
        'f' => write!(out, "{:06}", at.nanos / 1000),
        's' => write!(out, "{:09}", at.nanos),
        'Z' if offset == 0 => write!(out, "UTC"),
        'z' | 'Z' => zone(offset, "", 2, out),
        'i' => zone(offset, "", 1, out),
        'j' => zone(offset, ":", 2, out),
        'k' => zone(offset, ":", 3, out),
        _ => zone(offset, "", 3, out),
    }
}

fn zone(offset: i32, between: &str, parts: usize, out: &mut String) -> std::fmt::Result {
    let size = offset.unsigned_abs();
    write!(out, "{}{:02}", if offset < 0 { '-' } else { '+' }, size / 3600)?;
    for part in [size / 60 % 60, size % 60].iter().take(parts - 1) {
        write!(out, "{between}{part:02}")?;
    }
    Ok(())
}

struct Reader<'a> {
    rest: &'a str,
    at: Civil,
    offset: Option<i32>,
    afternoon: Option<bool>,
}

impl<'a> Reader<'a> {
    fn new(text: &'a str) -> Self {
        let at = Civil { year: 0, month: 1, day: 1, hour: 0, minute: 0, second: 0, nanos: 0, weekday: 0 };
        Reader { rest: text, at, offset: None, afternoon: None }
    }

    fn literal(&mut self, letter: char) -> Option<()> {
        self.rest = self.rest.strip_prefix(letter)?;
        Some(())
    }

    /// Between so many digits, as many as there are.
    fn digits(&mut self, least: usize, most: usize) -> Option<i64> {
        let len = self.rest.bytes().take(most).take_while(u8::is_ascii_digit).count();
        if len < least {
            return None;
        }
        let (digits, rest) = self.rest.split_at(len);
        self.rest = rest;
        digits.parse().ok()
    }

    fn fraction(&mut self) -> Option<()> {
        let len = self.rest.bytes().take(9).take_while(u8::is_ascii_digit).count();
        let value = self.digits(1, 9)?;
        self.at.nanos = u32::try_from(value).ok()? * 10u32.pow(9 - len as u32);
        Some(())
    }

    fn spaced(&mut self) -> Option<i64> {
        self.rest = self.rest.strip_prefix(' ').unwrap_or(self.rest);
        self.digits(1, 2)
    }

    /// The place of the name the text begins with, whatever its case.
    fn name(&mut self, names: &[&str], short: bool) -> Option<i64> {
        for (place, name) in names.iter().enumerate() {
            let name = if short { &name[..3] } else { name };
            if self.rest.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name)) {
                self.rest = &self.rest[name.len()..];
                return Some(place as i64);
            }
        }
        None
    }

    fn directive(&mut self, directive: char, next: Option<Item>) -> Option<()> {
        match directive {
            'Y' => self.at.year = self.digits(4, 4)?,
            'y' => {
                let year = self.digits(2, 2)?;
                self.at.year = if year >= 69 { 1900 + year } else { 2000 + year };
            }
            'm' => self.at.month = self.digits(2, 2)?,
            'o' => self.at.month = self.spaced()?,
            'q' => self.at.month = self.digits(1, 2)?,
            'b' | 'h' => self.at.month = 1 + self.name(&MONTHS, true)?,
            'B' => self.at.month = 1 + self.name(&MONTHS, false)?,
            'd' => self.at.day = self.digits(2, 2)?,
            'e' => self.at.day = self.spaced()?,
            'g' => self.at.day = self.digits(1, 2)?,
            'a' => drop(self.name(&WEEKDAYS, true)?),
            'A' => drop(self.name(&WEEKDAYS, false)?),
            'H' | 'l' => self.at.hour = self.digits(1, 2)?,
            'I' => self.at.hour = self.digits(2, 2)?,
            'p' | 'P' => self.afternoon = Some(self.name(&["AM", "PM"], false)? == 1),
            'M' => self.at.minute = self.digits(2, 2)?,
            'S' => {
                self.at.second = self.digits(2, 2)?;
                // A fraction directly behind the seconds is read even where the format has none.
                let stop = self.rest.strip_prefix(['.', ',']);
                if let Some(rest) = stop.filter(|rest| rest.starts_with(|digit: char| digit.is_ascii_digit()))
                    && !matches!(next, Some(Item::Literal('.' | ',')))
                {
                    self.rest = rest;
                    self.fraction()?;
                }
            }
            'L' | 'f' | 's' => self.fraction()?,
            'Z' => {
                let len = self.rest.bytes().take(5).take_while(u8::is_ascii_uppercase).count();
                if len < 3 {
                    return None;
                }
                self.rest = &self.rest[len..];
                self.offset = Some(0);
            }
            'z' => self.zone("", 2)?,
            'i' => self.zone("", 1)?,
            'j' => self.zone(":", 2)?,
            'k' => self.zone(":", 3)?,
            _ => self.zone("", 3)?,
        }
        Some(())
    }

    fn zone(&mut self, between: &str, parts: usize) -> Option<()> {
        let negative = self.rest.starts_with('-');
        self.rest = self.rest.strip_prefix(['+', '-'])?;
        let mut offset = 0;
        for (place, seconds) in [3600, 60, 1].into_iter().enumerate().take(parts) {
            if place > 0 {
                self.rest = self.rest.strip_prefix(between)?;
            }
            offset += self.digits(2, 2)? * seconds;
        }
        self.offset = Some(if negative { -(offset as i32) } else { offset as i32 });
        Some(())
    }

    fn finish(mut self) -> Option<(Civil, Option<i32>)> {
        match self.afternoon {
            Some(true) if self.at.hour < 12 => self.at.hour += 12,
            Some(false) if self.at.hour == 12 => self.at.hour = 0,
            _ => {}
        }
        let at = self.at;
        let is_month = (1..=12).contains(&at.month);
        let is_day = is_month && (1..=month_length(at.year, at.month)).contains(&at.day);
        (is_day && at.hour < 24 && at.minute < 60 && at.second < 60).then_some((at, self.offset))
    }
}

/// RFC 3339 with as many decimals as there are.
pub fn rfc3339(time: Time) -> String {
    let at = Civil::of(time);
    let (year, month, day) = (at.year, at.month, at.day);
    let mut out = format!("{year:04}-{month:02}-{day:02}T{:02}:{:02}:{:02}", at.hour, at.minute, at.second);
    if at.nanos > 0 {
        out.push_str(format!(".{:09}", at.nanos).trim_end_matches('0'));
    }
    if time.offset == 0 {
        out.push('Z');
    } else {
        // Writing to a String cannot fail.
        let _ = zone(time.offset, ":", 2, &mut out);
    }
    out
}

/// As Go prints a time: `2006-01-02 15:04:05.999 +0000 UTC`.
pub fn go_text(time: Time) -> String {
    let mut out =
        rfc3339(Time { offset: 0, seconds: time.seconds.saturating_add(time.offset.into()), ..time });
    out.pop();
    let mut out = out.replacen('T', " ", 1);
    out.push(' ');
    // Writing to a String cannot fail.
    let _ = zone(time.offset, "", 2, &mut out);
    out.push(' ');
    if time.offset == 0 {
        out.push_str("UTC");
    } else {
        let _ = zone(time.offset, "", 2, &mut out);
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_calendar_goes_both_ways() {
        for seconds in (-62_200_000_000..8_000_000_000).step_by(123_456_789) {
            let at = Civil::of(Time { seconds, nanos: 0, offset: 0 });
            assert_eq!(at.seconds(), seconds);
            assert!((1..=month_length(at.year, at.month)).contains(&at.day), "{at:?}");
        }
        let leap = Civil::of(Time { seconds: 951_782_400, nanos: 0, offset: 0 });
        assert_eq!((leap.year, leap.month, leap.day, leap.weekday), (2000, 2, 29, 2));
    }
}
