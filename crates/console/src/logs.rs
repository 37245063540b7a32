//! `api/logs` and what stands below it.

use std::collections::BTreeMap;

use arrow::array::{Array, AsArray, RecordBatch};
use arrow::datatypes::{Int64Type, TimestampMicrosecondType};
use axum::extract::State;
use axum::response::Response;
use query::{Around, LogSearch, QueryError, json};
use serde_json::{Map, Value, json};

use crate::Console;
use crate::answers::{Refusal, Rows, lines, object};
use crate::parameters::Parameters;

const MOST_ROWS: usize = 10_000;
/// Values of `fields` that one request may ask for.
const MOST_FACETS: usize = 20;

pub(crate) async fn logs(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let search = LogSearch {
        search: asked.search()?,
        range: asked.range()?,
        limit: asked.size("limit", 100, MOST_ROWS)?,
        before: before(&console, &asked).await?,
    };
    Ok(lines(console.engine.logs(&search)?, Rows::Objects))
}

/// The `seq` of the last row that was shown.
async fn before(console: &Console, asked: &Parameters) -> Result<Option<(i64, i64)>, Refusal> {
    let Some(seq) = asked.get("before") else { return Ok(None) };
    let known = match seq.parse() {
        Ok(seq) => console.engine.time_of(seq).await?.map(|time| (time, seq)),
        Err(_) => None,
    };
    known.map(Some).ok_or_else(|| QueryError::refused(format!("`before`: there is no row {seq}")).into())
}

pub(crate) async fn histogram(
    State(console): State<Console>,
    asked: Parameters,
) -> Result<Response, Refusal> {
    let (search, range) = (asked.search()?, asked.range()?);
    let buckets = asked.size("buckets", 60, 1000)?;
    let step = (range.length() / buckets as i64).max(1);
    let rows = console.engine.histogram(&search, range, step).await?;
    let mut severities: BTreeMap<String, Vec<i64>> = BTreeMap::new();
    for (bucket, severity, count) in rows.iter().flat_map(counts) {
        let at = ((bucket - range.from) / step) as usize;
        let counts = severities.entry(severity).or_insert_with(|| vec![0; buckets]);
        // The last bucket also has what rounding leaves over.
        counts[at.min(buckets - 1)] += count;
    }
    Ok(object(&json!({"from": range.from / 1000, "step": step as f64 / 1000.0, "severities": severities})))
}

fn counts(rows: &RecordBatch) -> Vec<(i64, String, i64)> {
    let (buckets, severities) = (rows.column(0), rows.column(1).as_string_view());
    let buckets = buckets.as_primitive::<TimestampMicrosecondType>();
    let counts = rows.column(2).as_primitive::<Int64Type>();
    (0..rows.num_rows())
        .map(|row| {
            let severity = if severities.is_null(row) { "" } else { severities.value(row) };
            (buckets.value(row), severity.to_owned(), counts.value(row))
        })
        .collect()
}

pub(crate) async fn facets(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let (search, range) = (asked.search()?, asked.range()?);
    let fields = asked.get("fields").unwrap_or("severity,service,container,task,http_route,http_status");
    let mut facets = Vec::new();
    for field in fields.split(',').take(MOST_FACETS) {
        let rows = console.engine.facet(&search, range, field).await?;
        facets.push(json!({"field": field, "values": objects(&rows)}));
    }
    Ok(object(&json!({ "facets": facets })))
}

pub(crate) async fn around(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let around = Around {
        time: asked.number("time")?.unwrap_or_default(),
        seq: asked.number("seq")?.unwrap_or_default(),
        service: asked.text("service"),
        task: asked.text("task"),
        container: asked.text("container"),
        rows: asked.size("n", 20, 200)?,
    };
    let rows = console.engine.around(&around).await?;
    Ok(object(&json!({"rows": objects(&rows)})))
}

pub(crate) fn objects(rows: &[RecordBatch]) -> Vec<Map<String, Value>> {
    rows.iter().flat_map(json::objects).collect()
}
