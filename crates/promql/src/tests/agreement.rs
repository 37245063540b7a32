//! Random queries over random series: none ends the program, and a range query gives at each step what an instant
//! query gives at that time.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::{MINUTE, series};
use crate::series::STALE;
use crate::testing::{Memory, ready};
use crate::{Labels, Options, Sample, Value, instant, range};

const SPECIAL: [f64; 6] = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, STALE, 0.0, -1.0];

/// A few series of two metrics with what makes trouble in them.
fn memory() -> impl Strategy<Value = Memory> {
    let value =
        prop_oneof![6 => (-100..100i32).prop_map(f64::from), 1 => prop::sample::select(SPECIAL.to_vec())];
    let samples = prop::collection::vec((1..150_000i64, value), 0..30);
    prop::collection::vec(samples, 6).prop_map(|all| {
        let one = |(n, samples): (usize, Vec<(i64, f64)>)| {
            let mut time = 0;
            let mut ascending = |(after, value): (i64, f64)| {
                time += after;
                (time, value)
            };
            let samples: Vec<(i64, f64)> = samples.into_iter().map(&mut ascending).collect();
            let name = if n < 4 { "x" } else { "y" };
            let (job, le) = (["a", "b"][n % 2], ["1", "2", "+Inf"][n / 2]);
            series(&[("__name__", name), ("job", job), ("le", le)], &samples)
        };
        Memory(all.into_iter().enumerate().map(one).collect())
    })
}

fn one_of(words: &'static [&'static str]) -> impl Strategy<Value = &'static str> + Clone {
    prop::sample::select(words)
}

fn scalar() -> impl Strategy<Value = String> {
    let words = ["0", "1", "2.5", "-3", "NaN", "Inf", "time()", "pi()", "scalar(x)", "0.5", "scalar(sum(y))"];
    prop::sample::select(words.to_vec()).prop_map(String::from)
}

/// The text of an instant vector.
fn vector() -> impl Strategy<Value = String> {
    let selectors =
        &["x", "y", "x{job=\"a\"}", "{job=~\"a|b\"}", "x offset 1m", "y @ 600", "x offset -90s", "vector(1)"];
    let offsets = &["", " offset 2m", " @ 900", " offset -1m"];
    one_of(selectors).prop_map(String::from).prop_recursive(5, 40, 3, move |inner| {
        let lengths = one_of(&["1m", "5m", "90s", "7m"]);
        let matrix = prop_oneof![
            (one_of(&["x", "y", "x{le=\"1\"}"]), lengths.clone(), one_of(offsets))
                .prop_map(|(x, length, offset)| format!("{x}[{length}]{offset}")),
            (inner.clone(), lengths, one_of(&["1m", "30s", "", "77s"]), one_of(offsets))
                .prop_map(|(x, length, step, offset)| format!("({x})[{length}:{step}]{offset}")),
        ];
        let each = one_of(&["abs", "sgn", "exp", "hour", "timestamp", "sort", "absent", "-", "year", "ln"]);
        let over = one_of(&[
            "rate",
            "increase",
            "delta",
            "irate",
            "idelta",
            "deriv",
            "changes",
            "resets",
            "avg_over_time",
            "sum_over_time",
            "stddev_over_time",
            "last_over_time",
            "absent_over_time",
            "min_over_time",
        ]);
        let ops = one_of(&[
            "+",
            "-",
            "*",
            "/",
            "%",
            "^",
            "atan2",
            "==",
            "> bool",
            "<",
            "and",
            "or",
            "unless",
            "+ on(job)",
            "and on(job)",
            "or ignoring(le)",
            "* on(job) group_left",
            "- ignoring(le) group_right(le)",
            "!= bool on(job, le)",
        ]);
        let sums = one_of(&["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]);
        let by = one_of(&["", "by (job)", "without (le)", "by ()"]);
        prop_oneof![
            (each, inner.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            (over, matrix.clone()).prop_map(|(f, x)| format!("{f}({x})")),
            (scalar(), matrix.clone()).prop_map(|(q, x)| format!("quantile_over_time({q}, {x})")),
            (scalar(), matrix).prop_map(|(t, x)| format!("predict_linear({x}, {t})")),
            (inner.clone(), ops, inner.clone()).prop_map(|(a, op, b)| format!("({a}) {op} ({b})")),
            (inner.clone(), one_of(&["+", "/", ">", "<= bool", "^"]), scalar())
                .prop_map(|(a, op, b)| format!("({a}) {op} {b}")),
            (sums, by.clone(), inner.clone()).prop_map(|(f, by, x)| format!("{f} {by} ({x})")),
            (by.clone(), scalar(), inner.clone()).prop_map(|(by, q, x)| format!("quantile {by} ({q}, {x})")),
            // Which of equal values stays is nobody's promise, so only how many do is looked at.
            (one_of(&["topk", "bottomk"]), by.clone(), scalar(), inner.clone())
                .prop_map(|(f, by, k, x)| format!("count({f} {by} ({k}, {x}))")),
            (by, inner.clone()).prop_map(|(by, x)| format!("count_values {by} (\"v\", {x})")),
            (scalar(), inner.clone()).prop_map(|(q, x)| format!("histogram_quantile({q}, {x})")),
            (scalar(), inner.clone()).prop_map(|(to, x)| format!("round({x}, {to})")),
            (scalar(), scalar(), inner.clone()).prop_map(|(a, b, x)| format!("clamp({x}, {a}, {b})")),
            inner.clone().prop_map(|x| format!("label_replace({x}, \"job\", \"$1\", \"le\", \"(.)\")")),
            inner.prop_map(|x| format!("label_join({x}, \"both\", \"-\", \"job\", \"le\")")),
        ]
    })
}

fn by_labels(samples: Vec<Sample>) -> BTreeMap<Labels, f64> {
    samples.into_iter().map(|sample| (sample.labels, sample.point.value)).collect()
}

/// Sums may be rounded in another order.
fn agree(a: &BTreeMap<Labels, f64>, b: &BTreeMap<Labels, f64>) -> bool {
    let near = |a: &f64, b: &f64| {
        a == b || (a.is_nan() && b.is_nan()) || (a - b).abs() <= 1e-9 * a.abs().max(b.abs())
    };
    a.keys().eq(b.keys()) && a.values().zip(b.values()).all(|(a, b)| near(a, b))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_range_is_many_instants(text in vector(), memory in memory(), closed: bool) {
        let options = Options { range_is_closed: closed, max_samples: 1_000_000, ..Options::default() };
        let answer = ready(range(&text, &memory, 0, 20 * MINUTE, 100_000, &options));
        let Ok(answer) = answer else { return Ok(()) };
        let Value::Matrix(matrix) = answer.value else { panic!("a range query gives a matrix") };
        for time in (0..=20 * MINUTE).step_by(100_000) {
            let at = |series: &crate::Series| {
                let place = series.samples.times.binary_search(&time).ok()?;
                let point = crate::Point { time, value: series.samples.values[place] };
                Some(Sample { labels: series.labels.clone(), point })
            };
            let of_range: Vec<Sample> = matrix.iter().filter_map(at).collect();
            let instant = ready(instant(&text, &memory, time, &options)).expect("what works for all works for one");
            let Value::Vector(of_instant) = instant.value else { panic!("it is a vector") };
            let (a, b) = (by_labels(of_range), by_labels(of_instant));
            prop_assert!(agree(&a, &b), "{text} at {time}: {a:?} but {b:?}");
        }
    }
}
