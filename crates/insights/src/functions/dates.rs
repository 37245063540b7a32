//! Functions over times, all in milliseconds since the epoch unless said otherwise.

use jiff::fmt::strtime;
use jiff::tz::TimeZone;
use jiff::{Timestamp, Zoned};

use super::Call;
use super::java_date;
use crate::value::Value;

pub fn from_millis<'r>(call: Call<'_, 'r>) -> Value<'r> {
    call.int(0).map_or(Value::Null, Value::Time)
}

pub fn to_millis<'r>(call: Call<'_, 'r>) -> Value<'r> {
    match call.args[0] {
        Value::Time(ms) => Value::Int(ms),
        _ => call.int(0).map_or(Value::Null, Value::Int),
    }
}

/// Seconds, at the query's start.
pub fn now<'r>(call: Call<'_, 'r>) -> Value<'r> {
    Value::Int(call.window.now_ms.div_euclid(1000))
}

/// The zone an argument names; UTC when there is none.
fn zone(call: &mut Call<'_, '_>, place: usize) -> Option<TimeZone> {
    if call.args.len() <= place {
        return Some(TimeZone::UTC);
    }
    let name = call.text(place)?;
    if name.eq_ignore_ascii_case("utc") {
        return Some(TimeZone::UTC);
    }
    java_date::offset(&name).map(TimeZone::fixed).or_else(|| TimeZone::get(&name).ok())
}

pub fn format_date<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let (Some(ms), Some(format), Some(zone)) = (call.int(0), call.text(1), zone(&mut call, 2)) else {
        return Value::Null;
    };
    let Ok(time) = Timestamp::from_millisecond(ms) else { return Value::Null };
    strtime::format(&*format, &Zoned::new(time, zone)).map_or(Value::Null, Value::text)
}

pub fn parse_date<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let (Some(text), Some(pattern), Some(zone)) = (call.text(0), call.text(1), zone(&mut call, 2)) else {
        return Value::Null;
    };
    java_date::parse(&text, &pattern, &zone).map_or(Value::Null, Value::Int)
}
