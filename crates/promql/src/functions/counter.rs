//! How fast a series goes: rate, increase and delta, extrapolated to the range's bounds as Prometheus does.

use crate::error::Error;
use crate::functions::window::Window;

type Outcome = Result<Option<f64>, Error>;

pub fn rate(window: &Window<'_>) -> Outcome {
    let seconds = (window.end - window.start) as f64 / 1000.0;
    Ok(extrapolated(window, true, Some(seconds)))
}

pub fn increase(window: &Window<'_>) -> Outcome {
    Ok(extrapolated(window, true, None))
}

pub fn delta(window: &Window<'_>) -> Outcome {
    Ok(extrapolated(window, false, None))
}

pub fn irate(window: &Window<'_>) -> Outcome {
    Ok(latest(window, true))
}

pub fn idelta(window: &Window<'_>) -> Outcome {
    Ok(latest(window, false))
}

/// The difference of the first and last sample, made up for resets, stretched towards the bounds: all the way if
/// the next sample would be expected beyond them, else by half the distance of two samples. A counter is never
/// stretched to before it was zero.
fn extrapolated(window: &Window<'_>, is_counter: bool, per: Option<f64>) -> Option<f64> {
    if window.len() < 2 {
        return None;
    }
    let (times, values, last) = (window.times, window.values, window.last());
    let mut result = values[last] - values[0];
    for reset in window.resets {
        result += values[reset - window.base - 1];
    }
    let mut to_start = seconds(times[0] - window.start);
    let to_end = seconds(window.end - times[last]);
    let sampled = seconds(times[last] - times[0]);
    let between = sampled / last as f64;
    if is_counter && result > 0.0 && values[0] >= 0.0 {
        let to_zero = sampled * (values[0] / result);
        if to_zero < to_start {
            to_start = to_zero;
        }
    }
    let threshold = between * 1.1;
    let mut stretched = sampled;
    stretched += if to_start < threshold { to_start } else { between / 2.0 };
    stretched += if to_end < threshold { to_end } else { between / 2.0 };
    let mut factor = stretched / sampled;
    if let Some(seconds) = per {
        factor /= seconds;
    }
    Some(result * factor)
}

/// From the last two samples alone.
fn latest(window: &Window<'_>, is_rate: bool) -> Option<f64> {
    if window.len() < 2 {
        return None;
    }
    let (times, values, last) = (window.times, window.values, window.last());
    let fell = is_rate && values[last] < values[last - 1];
    let difference = if fell { values[last] } else { values[last] - values[last - 1] };
    let interval = times[last] - times[last - 1];
    if interval == 0 {
        return None;
    }
    Some(if is_rate { difference / seconds(interval) } else { difference })
}

fn seconds(ms: i64) -> f64 {
    ms as f64 / 1000.0
}
