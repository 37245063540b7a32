//! Functions over the samples of a range, in which time plays no part.

use crate::error::Error;
use crate::functions::window::{Sum, Window};

type Outcome = Result<Option<f64>, Error>;

pub fn sum(window: &Window<'_>) -> Outcome {
    let mut sum = Sum::default();
    window.values.iter().for_each(|value| sum.add(*value));
    Ok(Some(sum.finite_total()))
}

pub fn avg(window: &Window<'_>) -> Outcome {
    let mut mean = Sum::default();
    for (i, value) in window.values.iter().enumerate() {
        // An infinite mean stays unless it is met by its opposite or by NaN; the difference below would be NaN.
        let stays = value.is_infinite() && (mean.sum > 0.0) == (*value > 0.0) || value.is_finite();
        if mean.sum.is_infinite() && stays {
            continue;
        }
        let count = (i + 1) as f64;
        mean.add(value / count - mean.sum / count);
    }
    Ok(Some(mean.finite_total()))
}

pub fn count(window: &Window<'_>) -> Outcome {
    Ok(Some(window.len() as f64))
}

pub fn present(_window: &Window<'_>) -> Outcome {
    Ok(Some(1.0))
}

pub fn last(window: &Window<'_>) -> Outcome {
    Ok(window.values.last().copied())
}

pub fn max(window: &Window<'_>) -> Outcome {
    let larger = |max: f64, value: &f64| if *value > max || max.is_nan() { *value } else { max };
    Ok(Some(window.values.iter().fold(f64::NAN, larger)))
}

pub fn min(window: &Window<'_>) -> Outcome {
    let smaller = |min: f64, value: &f64| if *value < min || min.is_nan() { *value } else { min };
    Ok(Some(window.values.iter().fold(f64::NAN, smaller)))
}

pub fn stdvar(window: &Window<'_>) -> Outcome {
    let (mut mean, mut squares) = (Sum::default(), Sum::default());
    for (i, value) in window.values.iter().enumerate() {
        let delta = value - mean.total();
        mean.add(delta / (i + 1) as f64);
        squares.add(delta * (value - mean.total()));
    }
    Ok(Some(squares.total() / window.len() as f64))
}

pub fn stddev(window: &Window<'_>) -> Outcome {
    Ok(stdvar(window)?.map(f64::sqrt))
}

pub fn quantile(window: &Window<'_>) -> Outcome {
    Ok(Some(quantile_of(window.args[0], &mut window.values.to_vec())))
}

pub fn changes(window: &Window<'_>) -> Outcome {
    let differ = |pair: &&[f64]| pair[0] != pair[1] && !(pair[0].is_nan() && pair[1].is_nan());
    Ok(Some(window.values.windows(2).filter(differ).count() as f64))
}

pub fn resets(window: &Window<'_>) -> Outcome {
    Ok(Some(window.values.windows(2).filter(|pair| pair[1] < pair[0]).count() as f64))
}

/// The quantile of values in any order, between two of them by their distance. NaN counts as the smallest.
pub fn quantile_of(q: f64, values: &mut [f64]) -> f64 {
    if values.is_empty() || q.is_nan() {
        return f64::NAN;
    }
    if q < 0.0 {
        return f64::NEG_INFINITY;
    }
    if q > 1.0 {
        return f64::INFINITY;
    }
    values.sort_unstable_by(|a, b| b.is_nan().cmp(&a.is_nan()).then(a.total_cmp(b)));
    let last = (values.len() - 1) as f64;
    let rank = q * last;
    let lower = rank.floor().max(0.0);
    let upper = (lower + 1.0).min(last);
    let weight = rank - rank.floor();
    values[lower as usize] * (1.0 - weight) + values[upper as usize] * weight
}
