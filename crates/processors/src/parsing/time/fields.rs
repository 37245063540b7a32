//! The specifiers of a time pattern: how each is written and what it reads.

use super::Read;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Item {
    Literal(u8),
    /// Any white space, none included.
    Space,
    Field(Field),
    /// A specifier nobody knows: no text fits.
    Unknown,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field {
    Year,
    YearOfCentury,
    Century,
    Month,
    MonthName,
    Day,
    DayOfYear,
    Hour,
    HourOfTwelve,
    Minute,
    Second,
    AmPm,
    WeekdayName,
    /// A number that says nothing the date does not: the week, the day in it.
    Ignored,
    Epoch,
    Fraction,
    Offset,
    ZoneName,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"];

/// Names that stand for an offset, in hours.
const ZONES: [(&str, i32); 12] = [
    ("UTC", 0),
    ("GMT", 0),
    ("UT", 0),
    ("Z", 0),
    ("EST", -5),
    ("EDT", -4),
    ("CST", -6),
    ("CDT", -5),
    ("MST", -7),
    ("MDT", -6),
    ("PST", -8),
    ("PDT", -7),
];

/// Reads a pattern; second are the specifiers it does not know.
pub(super) fn compile(pattern: &str) -> (Vec<Item>, Vec<String>) {
    let (mut items, mut unknown) = (Vec::new(), Vec::new());
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        if character.is_ascii_whitespace() {
            items.push(Item::Space);
        } else if character != '%' {
            let mut buffer = [0; 4];
            items.extend(character.encode_utf8(&mut buffer).bytes().map(Item::Literal));
        } else {
            // `%E` and `%O` ask for other numerals, which no log uses.
            let letter = characters.by_ref().find(|letter| !matches!(letter, 'E' | 'O'));
            if !specifier(letter, &mut items) {
                unknown.push(format!("%{}", letter.map(String::from).unwrap_or_default()));
                items.push(Item::Unknown);
            }
        }
    }
    (items, unknown)
}

fn specifier(letter: Option<char>, items: &mut Vec<Item>) -> bool {
    let field = match letter {
        Some('Y' | 'G') => Field::Year,
        Some('y' | 'g') => Field::YearOfCentury,
        Some('C') => Field::Century,
        Some('m') => Field::Month,
        Some('b' | 'B' | 'h') => Field::MonthName,
        Some('d' | 'e') => Field::Day,
        Some('j') => Field::DayOfYear,
        Some('H' | 'k') => Field::Hour,
        Some('I' | 'l') => Field::HourOfTwelve,
        Some('M') => Field::Minute,
        Some('S') => Field::Second,
        Some('p' | 'P') => Field::AmPm,
        Some('a' | 'A') => Field::WeekdayName,
        Some('u' | 'w' | 'U' | 'V' | 'W') => Field::Ignored,
        Some('s') => Field::Epoch,
        Some('L') => Field::Fraction,
        Some('z') => Field::Offset,
        Some('Z') => Field::ZoneName,
        other => return composite(other, items),
    };
    items.push(Item::Field(field));
    true
}

fn composite(letter: Option<char>, items: &mut Vec<Item>) -> bool {
    let written_out = match letter {
        Some('T' | 'X') => "%H:%M:%S",
        Some('R') => "%H:%M",
        Some('D' | 'x') => "%m/%d/%y",
        Some('F') => "%Y-%m-%d",
        Some('r') => "%I:%M:%S %p",
        Some('c') => "%a %b %e %H:%M:%S %Y",
        Some('n' | 't') => " ",
        Some('%') => {
            items.push(Item::Literal(b'%'));
            return true;
        }
        _ => return false,
    };
    items.extend(compile(written_out).0);
    true
}

impl Item {
    /// Reads it off the front of the text and returns what is left; `None` when the text does not fit.
    pub fn read<'t>(self, text: &'t [u8], read: &mut Read) -> Option<&'t [u8]> {
        match self {
            Item::Literal(byte) => text.strip_prefix(&[byte]),
            Item::Space => Some(text.trim_ascii_start()),
            Item::Unknown => None,
            Item::Field(field) => {
                let rest = field.read(text, read)?;
                read.anything = true;
                Some(rest)
            }
        }
    }
}

impl Field {
    fn read<'t>(self, text: &'t [u8], read: &mut Read) -> Option<&'t [u8]> {
        let number = |digits: usize, least: i64, most: i64| {
            let (value, rest) = digits_of(text.trim_ascii_start(), digits)?;
            (least..=most).contains(&value).then_some((value, rest))
        };
        let rest;
        match self {
            Field::Year => (read.year, rest) = some(number(4, 0, 9999)?),
            Field::YearOfCentury => {
                let (year, after) = number(2, 0, 99)?;
                read.year = Some(if year < 69 { 2000 + year } else { 1900 + year });
                rest = after;
            }
            Field::Century => (read.century, rest) = some(number(2, 0, 99)?),
            Field::Month => (read.month, rest) = some(number(2, 1, 12)?),
            Field::Day => (read.day, rest) = some(number(2, 1, 31)?),
            Field::DayOfYear => (read.day_of_year, rest) = some(number(3, 1, 366)?),
            Field::Hour => (read.hour, rest) = number(2, 0, 23)?,
            Field::HourOfTwelve => {
                (read.hour, rest) = number(2, 1, 12)?;
                read.afternoon = read.afternoon.or(Some(false));
            }
            Field::Minute => (read.minute, rest) = number(2, 0, 59)?,
            // Leap seconds are written as 60.
            Field::Second => (read.second, rest) = number(2, 0, 60)?,
            Field::Ignored => (_, rest) = number(2, 0, 53)?,
            Field::Epoch => (read.epoch, rest) = some(digits_of(text, 18)?),
            Field::MonthName => {
                let (place, after) = name(text, &MONTHS)?;
                read.month = Some(place as i64 + 1);
                rest = after;
            }
            Field::WeekdayName => (_, rest) = name(text, &WEEKDAYS)?,
            Field::AmPm => {
                read.afternoon = Some(afternoon(text)?);
                rest = &text[2..];
            }
            Field::Fraction => (read.nanos, rest) = fraction(text)?,
            Field::Offset => {
                let text = text.trim_ascii_start();
                let (offset, after) = offset(text).or_else(|| zone_name(text))?;
                read.offset = Some(offset);
                rest = after;
            }
            Field::ZoneName => {
                let (offset, after) = zone_name(text)?;
                read.offset = Some(offset);
                rest = after;
            }
        }
        Some(rest)
    }
}

fn some<T, R>((value, rest): (T, R)) -> (Option<T>, R) {
    (Some(value), rest)
}

/// Up to `most` digits as a number.
fn digits_of(text: &[u8], most: usize) -> Option<(i64, &[u8])> {
    let count = text.iter().take(most).take_while(|byte| byte.is_ascii_digit()).count();
    let value = std::str::from_utf8(&text[..count]).ok()?.parse().ok()?;
    Some((value, &text[count..]))
}

/// One to nine digits as nanoseconds.
fn fraction(text: &[u8]) -> Option<(i64, &[u8])> {
    let (value, rest) = digits_of(text, 9)?;
    let digits = (text.len() - rest.len()) as u32;
    Some((value * 10i64.pow(9 - digits), rest))
}

fn starts_with(text: &[u8], word: &str) -> bool {
    text.get(..word.len()).is_some_and(|start| start.eq_ignore_ascii_case(word.as_bytes()))
}

/// The place of a name at the front of the text, whole or as its first three letters.
fn name<'t>(text: &'t [u8], names: &[&str]) -> Option<(usize, &'t [u8])> {
    let place = names.iter().position(|name| starts_with(text, &name[..3]))?;
    let used = if starts_with(text, names[place]) { names[place].len() } else { 3 };
    Some((place, &text[used..]))
}

fn afternoon(text: &[u8]) -> Option<bool> {
    let afternoon = starts_with(text, "pm");
    (afternoon || starts_with(text, "am")).then_some(afternoon)
}

/// `+hh`, `+hhmm` or `+hh:mm` in seconds.
pub(super) fn offset(text: &[u8]) -> Option<(i32, &[u8])> {
    let (sign, rest) = match text {
        [b'+', rest @ ..] => (1, rest),
        [b'-', rest @ ..] => (-1, rest),
        _ => return None,
    };
    let (hours, after) = two_digits(rest)?;
    let minutes = two_digits(after.strip_prefix(b":").unwrap_or(after));
    let (minutes, after) = minutes.unwrap_or((0, after));
    (hours < 24 && minutes < 60).then_some((sign * (hours * 3600 + minutes * 60), after))
}

fn two_digits(text: &[u8]) -> Option<(i32, &[u8])> {
    match text {
        [tens @ b'0'..=b'9', ones @ b'0'..=b'9', rest @ ..] => {
            Some((i32::from(tens - b'0') * 10 + i32::from(ones - b'0'), rest))
        }
        _ => None,
    }
}

fn zone_name(text: &[u8]) -> Option<(i32, &[u8])> {
    let letters = text.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (word, rest) = text.split_at(letters);
    let (_, hours) = ZONES.iter().find(|(name, _)| name.as_bytes() == word)?;
    Some((hours * 3600, rest))
}
