//! The ways in: a query at one time, a query over a range, the matchers of a selector.

use crate::answer::{Answer, Point, Sample, Value};
use crate::error::Error;
use crate::eval::{Data, Evaluator, Meter, Row, Steps};
use crate::matcher::Matcher;
use crate::options::Options;
use crate::parse::parse;
use crate::select::{Selected, asks, select};
use crate::series::{Samples, Series};
use crate::source::Source;
use crate::syntax::{Expr, Type};

/// Times beyond ten thousand years either way are refused, so that sums of them and durations fit.
const FARTHEST: i64 = 10_000 * 365 * 86_400_000;

/// Evaluates at one time: scalars, texts, vectors, and the raw samples of a range selector.
pub async fn instant(text: &str, source: &impl Source, at: i64, options: &Options) -> Result<Answer, Error> {
    let expr = parse(text)?;
    let selected = fetched(&expr, source, at, at, options).await?;
    let value = instant_value(&expr, &evaluator(&selected, at, at, options)?, at)?;
    Ok(Answer { value, warnings: vec![] })
}

/// Evaluates at each step from `start` to `end`, both included. Always a matrix, sorted by labels.
pub async fn range(
    text: &str,
    source: &impl Source,
    start: i64,
    end: i64,
    step: i64,
    options: &Options,
) -> Result<Answer, Error> {
    let expr = parse(text)?;
    if !matches!(expr.kind(), Type::Scalar | Type::Vector) {
        let found = expr.kind().name();
        let message =
            format!("invalid expression type {found:?} for range query, must be Scalar or instant Vector");
        return Err(Error::Parameter(message));
    }
    let steps = steps(start, end, step, options)?;
    let selected = fetched(&expr, source, start, end, options).await?;
    let value = matrix(&expr, &evaluator(&selected, start, end, options)?, &steps)?;
    Ok(Answer { value, warnings: vec![] })
}

/// The matchers of a bare selector, such as the `match[]` of `/api/v1/series`.
pub fn matchers_of(selector: &str) -> Result<Vec<Matcher>, Error> {
    match parse(selector)? {
        Expr::Selector(selector) if selector.at.is_none() && selector.offset == 0 => Ok(selector.matchers),
        _ => Err(Error::parse("expected a selector of series", Some(0..selector.chars().count()))),
    }
}

fn steps(start: i64, end: i64, step: i64, options: &Options) -> Result<Steps, Error> {
    if end < start {
        return Err(Error::Parameter("end timestamp must not be before start time".into()));
    }
    if step <= 0 {
        let message =
            "zero or negative query resolution step widths are not accepted. Try a positive integer";
        return Err(Error::Parameter(message.into()));
    }
    if end.abs_diff(start) / step.unsigned_abs() > options.max_points as u64 {
        return Err(Error::TooManyPoints { limit: options.max_points });
    }
    Steps::between(start, end, step, options.max_samples)
}

async fn fetched(
    expr: &Expr,
    source: &impl Source,
    start: i64,
    end: i64,
    options: &Options,
) -> Result<Selected, Error> {
    if start < -FARTHEST || end > FARTHEST {
        return Err(Error::Parameter("time out of range".into()));
    }
    Meter::new(options).check()?;
    select(&asks(expr, start, end, options), source, options).await
}

fn evaluator<'a>(
    selected: &'a Selected,
    start: i64,
    end: i64,
    options: &'a Options,
) -> Result<Evaluator<'a>, Error> {
    let meter = Meter::new(options);
    meter.take(selected.samples)?;
    Ok(Evaluator { options, selected: &selected.answers, start, end, meter })
}

fn instant_value(expr: &Expr, evaluator: &Evaluator<'_>, at: i64) -> Result<Value, Error> {
    if expr.kind() == Type::Matrix {
        let mut matrix = evaluator.raw(expr, at)?;
        matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
        return Ok(Value::Matrix(matrix));
    }
    Ok(match evaluator.eval(expr, &Steps::once(at))? {
        Data::Scalar(values) => Value::Scalar(Point { time: at, value: values[0] }),
        Data::Text(text) => Value::String { time: at, text },
        Data::Vector(rows) => {
            let rows = rows.into_iter().filter(Row::has_any);
            let sample =
                |row: Row| Sample { labels: row.labels, point: Point { time: at, value: row.values[0] } };
            Value::Vector(rows.map(sample).collect())
        }
    })
}

fn matrix(expr: &Expr, evaluator: &Evaluator<'_>, steps: &Steps) -> Result<Value, Error> {
    let rows = match evaluator.eval(expr, steps)? {
        Data::Scalar(values) => vec![Row { labels: Default::default(), values }],
        Data::Vector(rows) => rows,
        Data::Text(_) => return Err(Error::Execution("bug: a text in a range query".into())),
    };
    let series = |row: Row| {
        let samples: Samples = row.present().map(|(i, value)| (steps.at(i), value)).collect();
        Series { labels: row.labels, samples }
    };
    let mut matrix: Vec<Series> = rows.into_iter().filter(Row::has_any).map(series).collect();
    matrix.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Value::Matrix(matrix))
}
