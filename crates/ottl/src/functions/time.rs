//! Converters of times.

use jiff::civil::DateTime;
use jiff::tz::TimeZone;

use super::format_time::Civil;
use crate::fault::RunError;
use crate::function::{Arg, Args};
use crate::target::Target;
use crate::value::{Time, Val};

type Result<T = Val> = std::result::Result<T, RunError>;

pub fn now(_: &Args<'_>, t: &mut Target<'_>) -> Result {
    Ok(Val::Time(Time::from_unix_nanos((t.clock)())))
}

/// The location and locale of `Time` are known.
pub fn known_place(args: &[Arg]) -> std::result::Result<(), String> {
    if let Some(Arg::Text(name)) = args.get(2) {
        zone(name)?;
    }
    match args.get(3) {
        Some(Arg::Text(name)) if !name.to_ascii_lowercase().starts_with("en") => {
            Err(format!("the locale `{name}` is not supported, only English is"))
        }
        _ => Ok(()),
    }
}

fn zone(name: &str) -> std::result::Result<TimeZone, String> {
    match name {
        "" | "UTC" => Ok(TimeZone::UTC),
        "Local" => Ok(TimeZone::system()),
        _ => TimeZone::get(name).map_err(|_| format!("unknown time zone `{name}`")),
    }
}

pub fn time(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let text = args.string(0, t)?;
    let (at, offset) = args.format(1)?.read(&t.text(text)).map_err(RunError)?;
    let local = at.seconds();
    let offset = match (offset, args.literal(2)) {
        (Some(offset), _) => offset,
        (None, Some(name)) => offset_at(&zone(name).map_err(RunError)?, at),
        (None, None) => offset_at(&TimeZone::system(), at),
    };
    Ok(Val::Time(Time { seconds: local - i64::from(offset), nanos: at.nanos, offset }))
}

/// What the zone's clocks differ from Greenwich by when they show this.
fn offset_at(zone: &TimeZone, at: Civil) -> i32 {
    let part = |value: i64| value as i8;
    let shown = DateTime::new(
        at.year as i16,
        part(at.month),
        part(at.day),
        part(at.hour),
        part(at.minute),
        part(at.second),
        0,
    );
    let Ok(moment) = shown.and_then(|shown| zone.to_timestamp(shown)) else { return 0 };
    zone.to_offset(moment).seconds()
}

pub fn format_time(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let time = args.time(0, t)?;
    let text = args.format(1)?.show(time);
    t.string(text)
}

pub fn unix(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let seconds = args.int(0, t)?;
    let nanos = if args.is_given(1) { args.int(1, t)? } else { 0 };
    let whole = i128::from(seconds) * 1_000_000_000 + i128::from(nanos);
    let time = Time::from_nanos(whole, 0);
    time.map(Val::Time).ok_or_else(|| RunError::new("the time is out of range"))
}

/// Since the epoch, in a unit of so many nanoseconds.
fn since_epoch(args: &Args<'_>, t: &mut Target<'_>, unit: i128) -> Result {
    let nanos = args.time(0, t)?.unix_nanos();
    Ok(Val::Int(nanos.div_euclid(unit) as i64))
}

pub fn unix_seconds(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    since_epoch(args, t, 1_000_000_000)
}

pub fn unix_milli(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    since_epoch(args, t, 1_000_000)
}

pub fn unix_micro(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    since_epoch(args, t, 1_000)
}

pub fn unix_nano(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    since_epoch(args, t, 1)
}

fn field(args: &Args<'_>, t: &mut Target<'_>, field: fn(Civil) -> i64) -> Result {
    Ok(Val::Int(field(Civil::of(args.time(0, t)?))))
}

pub fn year(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.year)
}

pub fn month(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.month)
}

pub fn day(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.day)
}

pub fn hour(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.hour)
}

pub fn minute(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.minute)
}

pub fn second(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.second)
}

pub fn nanosecond(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.nanos.into())
}

pub fn weekday(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    field(args, t, |at| at.weekday)
}

/// Nanoseconds from the year 1, which times are cut relative to, to the epoch.
const ZERO_TIME: i128 = 62_135_596_800 * 1_000_000_000;

pub fn truncate_time(args: &Args<'_>, t: &mut Target<'_>) -> Result {
    let (time, unit) = (args.time(0, t)?, args.duration(1, t)?);
    if unit <= 0 {
        return Ok(Val::Time(time));
    }
    let nanos = time.unix_nanos();
    let cut = nanos - (nanos + ZERO_TIME).rem_euclid(unit.into());
    Ok(Time::from_nanos(cut, time.offset).map_or(Val::Nil, Val::Time))
}
