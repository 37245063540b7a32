//! Times as applications and web servers write them.
//!
//! A bare number tells its unit by its size: between 2001 and 2286, seconds, milliseconds, microseconds and
//! nanoseconds since the epoch have 10, 13, 16 and 19 digits. Any other number is no time.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::Offset;
use model::{Arena, Value};

use super::text::{digits, number, span};

/// Years that a log line may be from.
const PLAUSIBLE: std::ops::Range<i64> = 946_684_800..4_102_444_800;

/// Nanoseconds since the epoch.
pub fn of_value(arena: &Arena, value: Value) -> Option<u64> {
    if let Some(span) = span(arena, value) {
        let text = arena.bytes(span);
        return of_text(text).or_else(|| of_number(text));
    }
    match (value, number(arena, value)?) {
        (Value::Json(span), _) if of_number(arena.bytes(span)).is_some() => of_number(arena.bytes(span)),
        (_, Value::Int(int)) => scaled(u64::try_from(int).ok()?, 0),
        (_, Value::Double(seconds)) if (1e9..1e10).contains(&seconds) => Some((seconds * 1e6) as u64 * 1000),
        _ => None,
    }
}

/// RFC 3339; the zone must be told.
fn of_text(text: &[u8]) -> Option<u64> {
    let dated = text.len() >= 20 && text[4] == b'-' && text[..4].iter().all(u8::is_ascii_digit);
    let at: Timestamp = std::str::from_utf8(text).ok().filter(|_| dated)?.parse().ok()?;
    plausible(at)
}

/// `1714564800.123`.
fn of_number(text: &[u8]) -> Option<u64> {
    let dot = text.iter().position(|byte| *byte == b'.');
    let (whole, rest) = text.split_at(dot.unwrap_or(text.len()));
    let whole = digits::<u64>(whole)?;
    let Some(fraction) = rest.get(1..) else { return scaled(whole, 0) };
    let fraction = &fraction[..fraction.len().min(9)];
    let read: u64 = digits(fraction)?;
    scaled(whole, read * 10u64.pow(9 - fraction.len() as u32))
}

/// `billionths` of the number's unit are added.
fn scaled(whole: u64, billionths: u64) -> Option<u64> {
    let unit = match whole {
        1_000_000_000..10_000_000_000 => 1_000_000_000,
        1_000_000_000_000..10_000_000_000_000 => 1_000_000,
        1_000_000_000_000_000..10_000_000_000_000_000 => 1_000,
        1_000_000_000_000_000_000..10_000_000_000_000_000_000 => 1,
        _ => return None,
    };
    (whole * unit).checked_add(billionths * unit / 1_000_000_000)
}

/// An access log's `10/Oct/2000:13:55:36 -0700`.
pub fn of_access_log(text: &[u8]) -> Option<u64> {
    const MONTHS: &[u8] = b"JanFebMarAprMayJunJulAugSepOctNovDec";
    if text.len() != 26 || !text.is_ascii() {
        return None;
    }
    let field = |from: usize, to: usize| digits::<i16>(&text[from..to]);
    let month = MONTHS.chunks(3).position(|month| month == &text[3..6])? as i8 + 1;
    let zone = i32::from(field(22, 24)?) * 3600 + i32::from(field(24, 26)?) * 60;
    let zone = if text[21] == b'-' { -zone } else { zone };
    let at = civil([
        field(7, 11)?,
        i16::from(month),
        field(0, 2)?,
        field(12, 14)?,
        field(15, 17)?,
        field(18, 20)?,
    ])?;
    plausible(Offset::from_seconds(zone).ok()?.to_timestamp(at).ok()?)
}

/// nginx's error log's `2024/05/01 12:34:56`, which has no zone: containers have UTC.
pub fn of_error_log(text: &[u8]) -> Option<u64> {
    let field = |from: usize, to: usize| digits::<i16>(text.get(from..to)?);
    let at =
        civil([field(0, 4)?, field(5, 7)?, field(8, 10)?, field(11, 13)?, field(14, 16)?, field(17, 19)?])?;
    plausible(Offset::UTC.to_timestamp(at).ok()?)
}

fn civil([year, month, day, hour, minute, second]: [i16; 6]) -> Option<DateTime> {
    let short = |number: i16| i8::try_from(number).ok();
    DateTime::new(year, short(month)?, short(day)?, short(hour)?, short(minute)?, short(second)?, 0).ok()
}

fn plausible(at: Timestamp) -> Option<u64> {
    PLAUSIBLE.contains(&at.as_second()).then(|| u64::try_from(at.as_nanosecond()).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_read_in_each_unit_and_zone() {
        for (json, expected) in [
            (r#""2024-05-01T12:00:00.123Z""#, Some(1_714_564_800_123_000_000)),
            (r#""2024-05-01T14:00:00.123456789+02:00""#, Some(1_714_564_800_123_456_789)),
            (r#""2024-05-01T14:00:00.123+0200""#, Some(1_714_564_800_123_000_000)),
            (r#""2024-05-01 12:00:00,123""#, None),
            (r#""0001-01-01T00:00:00Z""#, None),
            ("1714564800", Some(1_714_564_800_000_000_000)),
            (r#""1714564800""#, Some(1_714_564_800_000_000_000)),
            ("1714564800.1234567", Some(1_714_564_800_123_456_700)),
            ("1.714564800123e+09", Some(1_714_564_800_123_000_000)),
            ("1714564800123", Some(1_714_564_800_123_000_000)),
            ("1714564800123.5", Some(1_714_564_800_123_500_000)),
            ("1714564800123456", Some(1_714_564_800_123_456_000)),
            ("1714564800123456789", Some(1_714_564_800_123_456_789)),
            ("9999999999999999999", Some(9_999_999_999_999_999_999)),
            ("12", None),
            ("0.25", None),
            ("-1714564800", None),
            ("true", None),
        ] {
            let mut arena = Arena::default();
            let span = arena.store(json.as_bytes());
            assert_eq!(of_value(&arena, Value::Json(span)), expected, "{json}");
        }
    }

    #[test]
    fn times_of_web_servers_are_read() {
        assert_eq!(of_access_log(b"10/Oct/2000:13:55:36 -0700"), Some(971_211_336_000_000_000));
        assert_eq!(of_access_log(b"10/Okt/2000:13:55:36 -0700"), None);
        assert_eq!(of_access_log(b"99/Oct/2000:13:55:36 -0700"), None);
        assert_eq!(of_error_log(b"2024/05/01 12:00:00"), Some(1_714_564_800_000_000_000));
        assert_eq!(of_error_log(b"2024/05/01"), None);
    }
}
