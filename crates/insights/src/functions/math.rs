//! Numeric functions. What is no number gives null.

use super::Call;
use crate::number::{self, Number};
use crate::value::Value;

fn unary<'r>(call: &Call<'_, 'r>, int: fn(i64) -> Option<i64>, float: fn(f64) -> f64) -> Value<'r> {
    match call.number(0) {
        Some(Number::Int(value)) => int(value).map_or(Value::Null, Value::Int),
        Some(Number::Float(value)) => whole(float(value)),
        None => Value::Null,
    }
}

fn whole<'r>(float: f64) -> Value<'r> {
    if float.is_finite() { number::tidy(float).value() } else { Value::Null }
}

pub fn abs<'r>(call: Call<'_, 'r>) -> Value<'r> {
    unary(&call, i64::checked_abs, f64::abs)
}

pub fn ceil<'r>(call: Call<'_, 'r>) -> Value<'r> {
    unary(&call, Some, f64::ceil)
}

pub fn floor<'r>(call: Call<'_, 'r>) -> Value<'r> {
    unary(&call, Some, f64::floor)
}

/// Null when any is no number, as in arithmetic.
fn pick<'r>(call: &Call<'_, 'r>, better: std::cmp::Ordering) -> Value<'r> {
    let mut best: Option<Number> = None;
    for place in 0..call.args.len() {
        let Some(number) = call.number(place) else { return Value::Null };
        if best.is_none_or(|best| number.compare(best) == better) {
            best = Some(number);
        }
    }
    best.map_or(Value::Null, Number::value)
}

pub fn greatest<'r>(call: Call<'_, 'r>) -> Value<'r> {
    pick(&call, std::cmp::Ordering::Greater)
}

pub fn least<'r>(call: Call<'_, 'r>) -> Value<'r> {
    pick(&call, std::cmp::Ordering::Less)
}

pub fn log<'r>(call: Call<'_, 'r>) -> Value<'r> {
    call.float(0).map_or(Value::Null, |float| whole(float.ln()))
}

pub fn sqrt<'r>(call: Call<'_, 'r>) -> Value<'r> {
    call.float(0).map_or(Value::Null, |float| whole(float.sqrt()))
}

/// Halves go away from zero.
pub fn round<'r>(call: Call<'_, 'r>) -> Value<'r> {
    const MOST_DIGITS: i64 = 15;
    let digits = match call.args.len() {
        1 => Some(0),
        _ => call.int(1),
    };
    let (Some(number), Some(digits)) = (call.number(0), digits) else { return Value::Null };
    let digits = digits.clamp(-MOST_DIGITS, MOST_DIGITS) as i32;
    match number {
        Number::Int(int) if digits >= 0 => Value::Int(int),
        number => {
            let scale = 10f64.powi(digits.abs());
            let float = number.float();
            whole(if digits < 0 { (float / scale).round() * scale } else { (float * scale).round() / scale })
        }
    }
}

/// Kilometres between two places on a sphere.
pub fn haversine<'r>(call: Call<'_, 'r>) -> Value<'r> {
    const EARTH_RADIUS_KM: f64 = 6371.0;
    let (Some(lat1), Some(lon1), Some(lat2), Some(lon2)) =
        (call.float(0), call.float(1), call.float(2), call.float(3))
    else {
        return Value::Null;
    };
    let half = |a: f64, b: f64| ((b - a).to_radians() / 2.0).sin().powi(2);
    let chord = half(lat1, lat2) + lat1.to_radians().cos() * lat2.to_radians().cos() * half(lon1, lon2);
    whole(2.0 * EARTH_RADIUS_KM * chord.sqrt().min(1.0).asin())
}

pub fn to_number<'r>(call: Call<'_, 'r>) -> Value<'r> {
    call.number(0).map_or(Value::Null, Number::value)
}

/// Cut towards zero.
pub fn to_int<'r>(call: Call<'_, 'r>) -> Value<'r> {
    call.int(0).map_or(Value::Null, Value::Int)
}
