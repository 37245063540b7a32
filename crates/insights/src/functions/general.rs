//! Presence, choice, and what is known about the query itself.

use super::Call;
use crate::value::Value;

pub fn is_present<'r>(call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(!call.args[0].is_null())
}

pub fn coalesce<'r>(call: Call<'_, 'r>) -> Value<'r> {
    call.args.iter_mut().find(|value| !value.is_null()).map(std::mem::take).unwrap_or_default()
}

/// Pairs of a condition and its value; one more argument is the default.
pub fn case<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    let n_args = call.args.len();
    for place in (0..n_args - 1).step_by(2) {
        if call.args[place].truth() {
            return call.take(place + 1);
        }
    }
    if n_args % 2 == 1 { call.take(n_args - 1) } else { Value::Null }
}

pub fn is_numeric<'r>(call: Call<'_, 'r>) -> Value<'r> {
    Value::flag(call.number(0).is_some())
}

/// Bytes of the text.
pub fn message_size<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.take(0).shown().map_or(Value::Null, |text| Value::Int(text.len() as i64))
}

pub fn query_start_time<'r>(call: Call<'_, 'r>) -> Value<'r> {
    Value::Int(call.window.from_ms)
}

pub fn query_end_time<'r>(call: Call<'_, 'r>) -> Value<'r> {
    Value::Int(call.window.to_ms)
}

pub fn query_time_range<'r>(call: Call<'_, 'r>) -> Value<'r> {
    Value::Int(call.window.to_ms.saturating_sub(call.window.from_ms))
}

/// Nothing is masked here, so nothing is to be unmasked.
pub fn unmask<'r>(mut call: Call<'_, 'r>) -> Value<'r> {
    call.take(0)
}
