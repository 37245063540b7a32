//! Functions of single values that the standard library lacks, with Go's ideas of NaN.

pub fn sgn(value: f64) -> f64 {
    if value < 0.0 {
        -1.0
    } else if value > 0.0 {
        1.0
    } else {
        value
    }
}

/// Nothing where the bounds are crossed.
pub fn clamp(value: f64, bounds: &[f64]) -> Option<f64> {
    let (min, max) = (bounds[0], bounds[1]);
    if max < min {
        return None;
    }
    Some(larger(min, smaller(max, value)))
}

pub fn clamp_min(value: f64, bounds: &[f64]) -> Option<f64> {
    Some(larger(bounds[0], value))
}

pub fn clamp_max(value: f64, bounds: &[f64]) -> Option<f64> {
    Some(smaller(bounds[0], value))
}

/// To the nearest multiple, halves upwards.
pub fn round(value: f64, to: &[f64]) -> Option<f64> {
    let inverse = 1.0 / to.first().copied().unwrap_or(1.0);
    Some((value * inverse + 0.5).floor() / inverse)
}

/// An infinity wins over NaN, NaN over anything else.
fn larger(a: f64, b: f64) -> f64 {
    match (a, b) {
        _ if a == f64::INFINITY || b == f64::INFINITY => f64::INFINITY,
        _ if a.is_nan() || b.is_nan() => f64::NAN,
        _ => a.max(b),
    }
}

fn smaller(a: f64, b: f64) -> f64 {
    -larger(-a, -b)
}
