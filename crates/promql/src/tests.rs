//! The whole language over series in memory; what the comparison with Prometheus cannot show.

mod agreement;
mod bounds;
mod limits;
mod refusals;
mod staleness;

use crate::testing::{Memory, ready};
use crate::{Error, Options, Samples, Series, Value, instant, json, range};

const MINUTE: i64 = 60_000;

fn series(labels: &[(&str, &str)], samples: &[(i64, f64)]) -> Series {
    let samples: Samples = samples.iter().copied().collect();
    Series { labels: labels.iter().copied().collect(), samples }
}

/// One series called `x`.
fn x(samples: &[(i64, f64)]) -> Memory {
    Memory(vec![series(&[("__name__", "x")], samples)])
}

/// The answer at a time as Prometheus' API writes its result, numbers alone: `{labels} value`, joined by commas.
fn at(text: &str, source: &Memory, time: i64, options: &Options) -> String {
    match ready(instant(text, source, time, options)) {
        Ok(answer) => written(&answer.value),
        Err(error) => format!("error: {error}"),
    }
}

fn over(text: &str, source: &Memory, (start, end, step): (i64, i64, i64), options: &Options) -> String {
    match ready(range(text, source, start, end, step, options)) {
        Ok(answer) => written(&answer.value),
        Err(error) => format!("error: {error}"),
    }
}

fn written(value: &Value) -> String {
    match value {
        Value::Scalar(point) => json::number(point.value),
        Value::String { text, .. } => text.clone(),
        Value::Vector(samples) => {
            let rows = samples
                .iter()
                .map(|sample| format!("{} {}", sample.labels, json::number(sample.point.value)));
            rows.collect::<Vec<_>>().join(", ")
        }
        Value::Matrix(matrix) => {
            let points = |series: &Series| {
                let pairs = series.samples.times.iter().zip(&series.samples.values);
                pairs.map(|(time, value)| format!(" {}@{time}", json::number(*value))).collect::<String>()
            };
            let rows = matrix.iter().map(|series| format!("{}{}", series.labels, points(series)));
            rows.collect::<Vec<_>>().join(", ")
        }
    }
}

fn refused(text: &str) -> Error {
    ready(instant(text, &Memory::default(), 0, &Options::default())).expect_err("it is refused")
}
