//! Durations as Go writes them: `1h15m30.5s`.

use crate::fault::RunError;
use crate::function::Args;
use crate::target::Target;
use crate::value::Val;

const UNITS: [(&str, i64); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000),
    ("μs", 1_000),
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

pub fn duration(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let text = args.string(0, t)?;
    let text = t.text(text);
    read(&text).map(Val::Duration).ok_or_else(|| RunError(format!("`{text}` is no duration")))
}

fn read(text: &str) -> Option<i64> {
    let (negative, mut rest) = match text.as_bytes().first()? {
        b'-' => (true, &text[1..]),
        b'+' => (false, &text[1..]),
        _ => (false, text),
    };
    if rest == "0" {
        return Some(0);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total = 0i128;
    while !rest.is_empty() {
        let digits = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.')?;
        let (number, behind) = rest.split_at(digits);
        let letters = behind.find(|letter: char| letter.is_ascii_digit() || letter == '.');
        let (unit, behind) = behind.split_at(letters.unwrap_or(behind.len()));
        let (_, nanos) = UNITS.iter().find(|(name, _)| *name == unit)?;
        total = total.checked_add(part(number, i128::from(*nanos))?)?;
        rest = behind;
    }
    i64::try_from(if negative { -total } else { total }).ok()
}

fn part(number: &str, unit: i128) -> Option<i128> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let whole: i128 = if whole.is_empty() { 0 } else { whole.parse::<i64>().ok()?.into() };
    let fraction = &fraction[..fraction.len().min(18)];
    let fraction_value: i128 = if fraction.is_empty() { 0 } else { fraction.parse::<i64>().ok()?.into() };
    Some(whole * unit + fraction_value * unit / 10i128.pow(fraction.len() as u32))
}

/// A duration as text.
pub fn show(nanos: i64) -> String {
    let size = nanos.unsigned_abs();
    let sign = if nanos < 0 { "-" } else { "" };
    let decimal = |value: u64, unit: u64| {
        let text = format!("{}.{:0width$}", value / unit, value % unit, width = unit.ilog10() as usize);
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    };
    let text = match size {
        0 => "0s".to_owned(),
        1..1_000 => format!("{size}ns"),
        1_000..1_000_000 => format!("{}µs", decimal(size, 1_000)),
        1_000_000..1_000_000_000 => format!("{}ms", decimal(size, 1_000_000)),
        _ => {
            let (minutes, rest) = (size / 60_000_000_000, size % 60_000_000_000);
            let seconds = decimal(rest, 1_000_000_000);
            match (minutes / 60, minutes % 60) {
                (0, 0) => format!("{seconds}s"),
                (0, minutes) => format!("{minutes}m{seconds}s"),
                (hours, minutes) => format!("{hours}h{minutes}m{seconds}s"),
            }
        }
    };
    format!("{sign}{text}")
}

/// A duration in another unit, whole or with a fraction.
fn converted(args: &Args<'_>, t: &mut Target<'_>, unit: i64, whole: bool) -> Result<Val, RunError> {
    let nanos = args.duration(0, t)?;
    Ok(if whole { Val::Int(nanos / unit) } else { Val::Double(nanos as f64 / unit as f64) })
}

pub fn hours(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    converted(args, t, 3_600_000_000_000, false)
}

pub fn minutes(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    converted(args, t, 60_000_000_000, false)
}

pub fn seconds(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    converted(args, t, 1_000_000_000, false)
}

pub fn milliseconds(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    converted(args, t, 1_000_000, true)
}

pub fn microseconds(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    converted(args, t, 1_000, true)
}

pub fn nanoseconds(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    converted(args, t, 1, true)
}
