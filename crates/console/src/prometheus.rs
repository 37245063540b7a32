//! Prometheus' HTTP API, as far as Grafana asks it.

use std::collections::BTreeSet;

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use promql::{Error, Matcher};
use query::{PromqlQuery, QueryError, Range, prometheus_name};
use serde_json::{Map, Value, json};

use crate::Console;
use crate::logs::objects;
use crate::parameters::{Form, now_micros};

/// What is said of a range that nobody names: the last hour.
const LAST_MS: i64 = 3_600_000;

pub(crate) async fn query(State(console): State<Console>, asked: Form) -> Response {
    let at = match time(&asked, "time") {
        Ok(at) => at.unwrap_or_else(now_ms),
        Err(error) => return failure(&error),
    };
    let text = asked.get("query").unwrap_or_default().to_owned();
    evaluated(console, PromqlQuery::Instant { text, at }).await
}

pub(crate) async fn query_range(State(console): State<Console>, asked: Form) -> Response {
    let needed = |name: &str| time(&asked, name)?.ok_or_else(|| missing(name));
    let step = asked.get("step").map(|text| duration(text).ok_or_else(|| bad("step", text)));
    let parameters = || -> Result<PromqlQuery, Error> {
        let text = asked.get("query").unwrap_or_default().to_owned();
        let step = step.unwrap_or_else(|| Err(missing("step")))?;
        Ok(PromqlQuery::Range { text, start: needed("start")?, end: needed("end")?, step })
    };
    match parameters() {
        Ok(query) => evaluated(console, query).await,
        Err(error) => failure(&error),
    }
}

async fn evaluated(console: Console, query: PromqlQuery) -> Response {
    match console.engine.promql(query).await {
        Ok(answer) => body(StatusCode::OK, &promql::json::success(&answer)),
        Err(error) => failure(&error),
    }
}

pub(crate) async fn labels(State(console): State<Console>, asked: Form) -> Response {
    let names = |sets: Vec<promql::Labels>| -> Value {
        let names: BTreeSet<String> =
            sets.iter().flat_map(|labels| labels.iter().map(|label| label.name.to_string())).collect();
        json!(names)
    };
    from_sets(console, &asked, names).await
}

pub(crate) async fn label_values(
    State(console): State<Console>,
    Path(name): Path<String>,
    asked: Form,
) -> Response {
    let values = |sets: Vec<promql::Labels>| -> Value {
        let values: BTreeSet<String> = sets
            .iter()
            .map(|labels| labels.get(&name).to_owned())
            .filter(|value| !value.is_empty())
            .collect();
        json!(values)
    };
    from_sets(console, &asked, values).await
}

pub(crate) async fn series(State(console): State<Console>, asked: Form) -> Response {
    if asked.all("match[]").next().is_none() {
        return failure(&missing("match[]"));
    }
    let sets = |sets: Vec<promql::Labels>| sets.iter().map(promql::json::metric).collect();
    from_sets(console, &asked, sets).await
}

/// Answers from the label sets that the selectors pick.
async fn from_sets(
    console: Console,
    asked: &Form,
    make: impl FnOnce(Vec<promql::Labels>) -> Value,
) -> Response {
    let picked = async {
        let selectors: Result<Vec<Vec<Matcher>>, Error> =
            asked.all("match[]").map(promql::matchers_of).collect();
        let sets = console.engine.label_sets(&selectors?, range(asked)?).await;
        sets.map_err(|error| Error::Source(error.into()))
    };
    match picked.await {
        Ok(sets) => success(make(sets)),
        Err(error) => failure(&error),
    }
}

pub(crate) async fn metadata(State(console): State<Console>, asked: Form) -> Response {
    let found = match range(&asked) {
        Ok(range) => {
            console.engine.metrics(range).await.map_err(|error: QueryError| Error::Source(error.into()))
        }
        Err(error) => Err(error),
    };
    let rows = match found {
        Ok(rows) => objects(&rows),
        Err(error) => return failure(&error),
    };
    let wanted = asked.get("metric");
    let mut metadata: Map<String, Value> = Map::new();
    for row in rows {
        let text = |name: &str| row.get(name).and_then(Value::as_str).unwrap_or_default();
        let name = prometheus_name(text("metric"));
        if wanted.is_some_and(|wanted| wanted != name) {
            continue;
        }
        let kind = match text("kind") {
            "counter" => "counter",
            "histogram" | "exp_histogram" => "histogram",
            "summary" => "summary",
            _ => "gauge",
        };
        let one = json!({"type": kind, "help": "", "unit": text("unit")});
        if let Value::Array(all) = metadata.entry(name).or_insert_with(|| json!([])) {
            all.push(one);
        }
    }
    success(Value::Object(metadata))
}

pub(crate) async fn exemplars() -> Response {
    success(json!([]))
}

pub(crate) async fn build_info(State(console): State<Console>) -> Response {
    success(json!({"version": "2.42.0", "application": "outrigger", "revision": console.version}))
}

pub(crate) async fn rules() -> Response {
    success(json!({"groups": []}))
}

pub(crate) async fn alerts() -> Response {
    success(json!({"alerts": []}))
}

fn success(data: Value) -> Response {
    body(StatusCode::OK, &json!({"status": "success", "data": data}))
}

fn failure(error: &Error) -> Response {
    let status = StatusCode::from_u16(error.kind().status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut answer = promql::json::failure(error);
    if let Error::Parse { start: Some(start), end: Some(end), .. } = error {
        answer["start"] = json!(start);
        answer["end"] = json!(end);
    }
    body(status, &answer)
}

fn body(status: StatusCode, value: &Value) -> Response {
    (status, [(header::CONTENT_TYPE, "application/json")], value.to_string()).into_response()
}

fn missing(name: &str) -> Error {
    Error::Parameter(format!("invalid parameter {name:?}: it is missing"))
}

fn bad(name: &str, text: &str) -> Error {
    Error::Parameter(format!("invalid parameter {name:?}: cannot parse {text:?}"))
}

fn now_ms() -> i64 {
    now_micros() / 1000
}

fn range(asked: &Form) -> Result<Range, Error> {
    let to = time(asked, "end")?.unwrap_or_else(now_ms);
    let from = time(asked, "start")?.unwrap_or(to - LAST_MS);
    Ok(Range::millis(from, to))
}

/// Seconds since the epoch with a fraction, or RFC 3339; in milliseconds.
fn time(asked: &Form, name: &str) -> Result<Option<i64>, Error> {
    let Some(text) = asked.get(name) else { return Ok(None) };
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok(Some((seconds * 1000.0).round() as i64));
    }
    let timestamp: Result<jiff::Timestamp, _> = text.parse();
    timestamp.map(|time| Some(time.as_millisecond())).map_err(|_| bad(name, text))
}

/// Seconds with a fraction, or as PromQL writes durations; in milliseconds.
fn duration(text: &str) -> Option<i64> {
    if let Ok(seconds) = text.parse::<f64>() {
        return Some((seconds * 1000.0).round() as i64);
    }
    let (mut total, mut rest) = (0, text);
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let number: i64 = rest[..digits].parse().ok()?;
        let unit = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
        let millis = match &rest[digits..digits + unit] {
            "ms" => 1,
            "s" => 1000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            "w" => 7 * 86_400_000,
            "y" => 365 * 86_400_000,
            _ => return None,
        };
        total += number.checked_mul(millis)?;
        rest = &rest[digits + unit..];
    }
    Some(total)
}
