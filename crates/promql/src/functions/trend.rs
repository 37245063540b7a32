//! Functions that lay a line or a curve through a range.

use crate::error::Error;
use crate::functions::window::{Sum, Window};

type Outcome = Result<Option<f64>, Error>;

pub fn deriv(window: &Window<'_>) -> Outcome {
    if window.len() < 2 {
        return Ok(None);
    }
    // Counted from a time nearby, for the sake of rounding.
    Ok(Some(line(window, window.times[0]).slope))
}

pub fn predict_linear(window: &Window<'_>) -> Outcome {
    if window.len() < 2 {
        return Ok(None);
    }
    let line = line(window, window.at);
    Ok(Some(line.slope * window.args[0] + line.intercept))
}

/// Double exponential smoothing: the first argument weighs values, the second their trend.
pub fn holt_winters(window: &Window<'_>) -> Outcome {
    let (smoothing, trend) = (window.args[0], window.args[1]);
    for (name, factor) in [("smoothing", smoothing), ("trend", trend)] {
        if factor <= 0.0 || factor >= 1.0 {
            let message =
                format!("invalid {name} factor. Expected: 0 < {}f < 1, got: {factor:.6}", &name[..1]);
            return Err(Error::Execution(message));
        }
    }
    if window.len() < 2 {
        return Ok(None);
    }
    let values = window.values;
    let (mut before, mut smoothed) = (0.0, values[0]);
    let mut slope = values[1] - values[0];
    for (i, value) in values.iter().enumerate().skip(1) {
        if i > 1 {
            slope = trend * (smoothed - before) + (1.0 - trend) * slope;
        }
        let next = smoothing * value + (1.0 - smoothing) * (smoothed + slope);
        (before, smoothed) = (smoothed, next);
    }
    Ok(Some(smoothed))
}

struct Line {
    slope: f64,
    /// At the time asked for.
    intercept: f64,
}

/// Least squares.
fn line(window: &Window<'_>, origin: i64) -> Line {
    let first = window.values[0];
    if window.values[1..].iter().all(|value| *value == first) {
        let flat = Line { slope: 0.0, intercept: first };
        return if first.is_infinite() { Line { slope: f64::NAN, intercept: f64::NAN } } else { flat };
    }
    let (mut x_sum, mut y_sum, mut xy_sum, mut xx_sum) =
        (Sum::default(), Sum::default(), Sum::default(), Sum::default());
    for (time, y) in window.times.iter().zip(window.values) {
        let x = (time - origin) as f64 / 1000.0;
        x_sum.add(x);
        y_sum.add(*y);
        xy_sum.add(x * y);
        xx_sum.add(x * x);
    }
    let n = window.len() as f64;
    let (x, y) = (x_sum.total(), y_sum.total());
    let covariance = xy_sum.total() - x * y / n;
    let variance = xx_sum.total() - x * x / n;
    let slope = covariance / variance;
    Line { slope, intercept: y / n - slope * x / n }
}
