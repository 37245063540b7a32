//! Answers as Prometheus' HTTP API writes them.
//!
//! Times are seconds, whole where they are; values are text as Go's `strconv.FormatFloat(v, 'f', -1, 64)` gives it:
//! the shortest digits that read back the same, never an exponent.

use serde_json::{Map, Value as Json, json};

use crate::answer::{Answer, Value};
use crate::error::Error;
use crate::labels::Labels;

/// The whole envelope of a success.
pub fn success(answer: &Answer) -> Json {
    let mut envelope = json!({"status": "success", "data": data(answer)});
    if !answer.warnings.is_empty() {
        envelope["warnings"] = json!(answer.warnings);
    }
    envelope
}

/// The whole envelope of a failure. Its status is [`crate::Kind::status`].
pub fn failure(error: &Error) -> Json {
    let place = |place: &Option<usize>| place.map_or_else(String::new, |at| format!("1:{}: ", at + 1));
    let message = match error {
        Error::Parse { message, start, .. } => {
            format!("invalid parameter \"query\": {}parse error: {message}", place(start))
        }
        other => with_causes(other),
    };
    json!({"status": "error", "errorType": error.kind().name(), "error": message})
}

fn with_causes(error: &Error) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

/// The `data` of a success.
pub fn data(answer: &Answer) -> Json {
    match &answer.value {
        Value::Scalar(point) => {
            json!({"resultType": "scalar", "result": [time(point.time), number(point.value)]})
        }
        Value::String { time: at, text } => json!({"resultType": "string", "result": [time(*at), text]}),
        Value::Vector(samples) => {
            let entry = |labels: &Labels, at: i64, value: f64| json!({"metric": metric(labels), "value": [time(at), number(value)]});
            let rows: Vec<Json> = samples
                .iter()
                .map(|sample| entry(&sample.labels, sample.point.time, sample.point.value))
                .collect();
            json!({"resultType": "vector", "result": rows})
        }
        Value::Matrix(matrix) => {
            let rows: Vec<Json> = matrix
                .iter()
                .map(|series| {
                    let points = series.samples.times.iter().zip(&series.samples.values);
                    let values: Vec<Json> =
                        points.map(|(at, value)| json!([time(*at), number(*value)])).collect();
                    json!({"metric": metric(&series.labels), "values": values})
                })
                .collect();
            json!({"resultType": "matrix", "result": rows})
        }
    }
}

/// Labels as an object, for `/series` too.
pub fn metric(labels: &Labels) -> Json {
    Json::Object(
        labels.iter().map(|label| (label.name.to_string(), json!(*label.value))).collect::<Map<_, _>>(),
    )
}

/// A value as its text.
pub fn number(value: f64) -> String {
    if value.is_nan() {
        "NaN".into()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".into() } else { "-Inf".into() }
    } else {
        value.to_string()
    }
}

fn time(ms: i64) -> Json {
    if ms % 1000 == 0 { json!(ms / 1000) } else { json!(ms as f64 / 1000.0) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::answer::{Point, Sample};

    #[test]
    fn numbers_have_no_exponent() {
        let cases = [
            (1e21, "1000000000000000000000"),
            (0.1, "0.1"),
            (1e-7, "0.0000001"),
            (-0.0, "-0"),
            (3.0, "3"),
            (f64::NAN, "NaN"),
            (f64::INFINITY, "+Inf"),
            (f64::NEG_INFINITY, "-Inf"),
        ];
        for (value, text) in cases {
            assert_eq!(number(value), text);
        }
    }

    #[test]
    fn an_answer_looks_as_prometheus_writes_it() {
        let labels: Labels = [("__name__", "up"), ("job", "a")].into_iter().collect();
        let point = Point { time: 1_435_781_430_781, value: 1.0 };
        let answer = |value| Answer { value, warnings: vec![] };
        assert_eq!(
            data(&answer(Value::Vector(vec![Sample { labels, point }]))).to_string(),
            r#"{"resultType":"vector","result":[{"metric":{"__name__":"up","job":"a"},"value":[1435781430.781,"1"]}]}"#
        );
        assert_eq!(
            data(&answer(Value::Scalar(Point { time: 5000, value: 0.5 }))).to_string(),
            r#"{"resultType":"scalar","result":[5,"0.5"]}"#
        );
    }

    #[test]
    fn a_failure_names_its_causes() {
        let error = Error::Source(crate::SourceError::Failed("disk on fire".into()));
        assert_eq!(
            failure(&error).to_string(),
            r#"{"status":"error","errorType":"internal","error":"series cannot be selected: series cannot be read: disk on fire"}"#
        );
    }

    #[test]
    fn a_failure_names_its_class_and_place() {
        let error = Error::parse("unexpected end of input", Some(4..5));
        assert_eq!(
            failure(&error).to_string(),
            r#"{"status":"error","errorType":"bad_data","error":"invalid parameter \"query\": 1:5: parse error: unexpected end of input"}"#
        );
    }
}
