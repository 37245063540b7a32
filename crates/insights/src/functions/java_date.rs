//! Reads times by the patterns of Java's DateTimeFormatter: `yyyy-MM-dd'T'HH:mm:ss.SSSXXX`.

use jiff::civil::DateTime;
use jiff::tz::{Offset, TimeZone};

const MONTHS: [&str; 12] =
    ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];

#[derive(Default)]
struct Parts {
    year: Option<i64>,
    month: Option<i64>,
    day: Option<i64>,
    hour: i64,
    minute: i64,
    second: i64,
    nanosecond: i64,
    afternoon: Option<bool>,
    offset: Option<Offset>,
}

/// Milliseconds since the epoch. Parts that the pattern lacks are the first of January 1970, midnight.
pub fn parse(text: &str, pattern: &str, zone: &TimeZone) -> Option<i64> {
    let (mut parts, mut rest) = (Parts::default(), text);
    let mut letters = pattern.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\'' {
            let mut quoted: String = letters.by_ref().take_while(|letter| *letter != '\'').collect();
            if quoted.is_empty() {
                quoted.push('\'');
            }
            rest = rest.strip_prefix(quoted.as_str())?;
        } else if letter.is_ascii_alphabetic() {
            let mut width = 1;
            while letters.next_if_eq(&letter).is_some() {
                width += 1;
            }
            rest = parts.read(letter, width, rest)?;
        } else {
            rest = rest.strip_prefix(letter)?;
        }
    }
    if rest.is_empty() { parts.moment(zone) } else { None }
}

impl Parts {
    /// Takes one field from the front of `text`.
    fn read<'t>(&mut self, letter: char, width: usize, text: &'t str) -> Option<&'t str> {
        let most = |most| digits(text, 1, most);
        match letter {
            'y' | 'u' => {
                let (value, rest) = if width == 2 { digits(text, 2, 2)? } else { most(4)? };
                self.year = Some(if width == 2 { 2000 + value } else { value });
                Some(rest)
            }
            'M' | 'L' if width >= 3 => self.month_name(text, width),
            'M' | 'L' => keep(&mut self.month, most(2)?),
            'd' => keep(&mut self.day, most(2)?),
            'H' | 'h' | 'k' | 'K' => set(&mut self.hour, most(2)?),
            'm' => set(&mut self.minute, most(2)?),
            's' => set(&mut self.second, most(2)?),
            'S' | 'n' => self.fraction(text, width),
            'a' => {
                let half = text.get(..2)?.to_ascii_lowercase();
                self.afternoon = Some(match half.as_str() {
                    "am" => false,
                    "pm" => true,
                    _ => return None,
                });
                Some(&text[2..])
            }
            'E' => Some(text.trim_start_matches(|letter: char| letter.is_ascii_alphabetic())),
            'X' | 'x' | 'Z' | 'z' | 'V' => {
                let length =
                    text.find(|letter: char| !matches!(letter, '+' | '-' | ':' | '0'..='9' | 'A'..='Z'));
                let (zone, rest) = text.split_at(length.unwrap_or(text.len()));
                self.offset = Some(offset(zone)?);
                Some(rest)
            }
            _ => None,
        }
    }

    fn month_name<'t>(&mut self, text: &'t str, width: usize) -> Option<&'t str> {
        let name = text.get(..3)?.to_ascii_lowercase();
        self.month = Some(MONTHS.iter().position(|month| **month == *name)? as i64 + 1);
        let rest = &text[3..];
        Some(if width > 3 {
            rest.trim_start_matches(|letter: char| letter.is_ascii_lowercase())
        } else {
            rest
        })
    }

    fn fraction<'t>(&mut self, text: &'t str, width: usize) -> Option<&'t str> {
        let (value, rest) = digits(text, width, width.min(9))?;
        self.nanosecond = value * 10i64.pow(9 - width.min(9) as u32);
        Some(rest)
    }

    fn moment(self, zone: &TimeZone) -> Option<i64> {
        let hour = match self.afternoon {
            Some(afternoon) => self.hour % 12 + if afternoon { 12 } else { 0 },
            None => self.hour % 24,
        };
        let small = |value: i64| i8::try_from(value).ok();
        let civil = DateTime::new(
            i16::try_from(self.year.unwrap_or(1970)).ok()?,
            small(self.month.unwrap_or(1))?,
            small(self.day.unwrap_or(1))?,
            small(hour)?,
            small(self.minute)?,
            small(self.second)?,
            i32::try_from(self.nanosecond).ok()?,
        );
        let zone = self.offset.map_or_else(|| zone.clone(), TimeZone::fixed);
        Some(civil.ok()?.to_zoned(zone).ok()?.timestamp().as_millisecond())
    }
}

fn digits(text: &str, least: usize, most: usize) -> Option<(i64, &str)> {
    let length = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    if length < least || length == 0 {
        return None;
    }
    Some((text[..length].parse().ok()?, &text[length..]))
}

fn keep<'t>(part: &mut Option<i64>, (value, rest): (i64, &'t str)) -> Option<&'t str> {
    *part = Some(value);
    Some(rest)
}

fn set<'t>(part: &mut i64, (value, rest): (i64, &'t str)) -> Option<&'t str> {
    *part = value;
    Some(rest)
}

/// `Z`, `UTC`, `GMT`, `+02`, `+0200`, `+02:00`.
pub fn offset(text: &str) -> Option<Offset> {
    if matches!(text, "Z" | "UTC" | "GMT") {
        return Some(Offset::UTC);
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let (hours, rest) = digits(&text[1..], 2, 2)?;
    let rest = rest.strip_prefix(':').unwrap_or(rest);
    let minutes = if rest.is_empty() { 0 } else { digits(rest, 2, 2).filter(|(_, rest)| rest.is_empty())?.0 };
    Offset::from_seconds(sign * (hours * 3600 + minutes * 60) as i32).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_read() {
        for (text, pattern, expected) in [
            ("2024-01-02", "yyyy-MM-dd", Some(1_704_153_600_000)),
            ("2024-01-02T03:04:05.678Z", "yyyy-MM-dd'T'HH:mm:ss.SSSX", Some(1_704_164_645_678)),
            ("2024-01-02 03:04:05 +0200", "yyyy-MM-dd HH:mm:ss Z", Some(1_704_157_445_000)),
            ("02/Jan/2024:03:04:05", "dd/MMM/yyyy:HH:mm:ss", Some(1_704_164_645_000)),
            ("1/2/24 3:04 PM", "M/d/yy h:mm a", Some(1_704_207_840_000)),
            ("2024-13-02", "yyyy-MM-dd", None),
            ("2024-01-02x", "yyyy-MM-dd", None),
            ("é", "MMM", None),
        ] {
            assert_eq!(parse(text, pattern, &TimeZone::UTC), expected, "{text}");
        }
    }
}
