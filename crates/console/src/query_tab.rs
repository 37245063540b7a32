//! `api/query`: a question in a language of the asker's choice.

use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use insights::Value as Cell;
use query::{InsightsAnswer, Limits, LogsAsked, QueryError, Range};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::Console;
use crate::answers::{Refusal, Rows, ended, lines};
use crate::parameters::now_micros;

#[derive(Deserialize)]
pub(crate) struct Question {
    language: String,
    query: String,
    /// Milliseconds since the epoch; all there is where one is missing.
    from: Option<f64>,
    to: Option<f64>,
    limit: Option<u64>,
}

pub(crate) async fn query(State(console): State<Console>, body: Bytes) -> Result<Response, Refusal> {
    let asked: Question = serde_json::from_slice(&body)
        .map_err(|error| QueryError::refused(format!("the body is no question: {error}")))?;
    let range = asked.from.zip(asked.to).map(|(from, to)| Range::millis(from as i64, to as i64));
    let most = console.engine.limits();
    let limits = Limits { rows: asked.limit.unwrap_or(most.rows).clamp(1, most.rows), ..most };
    let answer = match asked.language.as_str() {
        "sql" => console.engine.sql(&asked.query, range, limits).await?,
        "insights" => return insights(&console, &asked.query, range, limits).await,
        other => {
            let refused = QueryError::refused(format!("there is no language `{other}`"));
            return Err(refused.expecting(&["insights", "sql"]).into());
        }
    };
    Ok(lines(answer, Rows::Arrays))
}

async fn insights(
    console: &Console,
    text: &str,
    range: Option<Range>,
    limits: Limits,
) -> Result<Response, Refusal> {
    let range = range.unwrap_or(Range { from: 0, to: now_micros() });
    let running = console.engine.insights(text, range, &LogsAsked::default(), limits)?;
    Ok(table(running.finish().await?))
}

/// As lines: columns, rows, end.
fn table(answer: InsightsAnswer) -> Response {
    let InsightsAnswer { table, end } = answer;
    let columns = table
        .columns
        .iter()
        .enumerate()
        .map(|(at, column)| json!({"name": column.name, "type": kind(&table.rows, at)}));
    let columns = columns.collect::<Vec<_>>();
    let rows = (0..table.rows.len()).map(|row| {
        let cells = (0..table.columns.len()).map(|column| cell(&table, row, column));
        cells.collect::<Vec<_>>()
    });
    let rows = rows.collect::<Vec<_>>();
    let lines = [json!({ "columns": columns }), json!({ "rows": rows }), ended(&end)];
    let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let head = [(header::CONTENT_TYPE, "application/x-ndjson"), (header::CACHE_CONTROL, "no-store")];
    (head, text).into_response()
}

/// Numbers and times as such, so that they can be drawn; the rest as CloudWatch shows it.
fn cell(table: &insights::Table, row: usize, column: usize) -> Value {
    match &table.rows[row][column] {
        Cell::Null => Value::Null,
        Cell::Int(int) => json!(int),
        Cell::Float(float) => json!(float),
        Cell::Time(millis) => json!(millis.saturating_mul(1000)),
        _ => table.text(row, column).map_or(Value::Null, |text| json!(text)),
    }
}

fn kind(rows: &[Vec<Cell<'_>>], column: usize) -> &'static str {
    let mut cells = rows.iter().map(|row| &row[column]).filter(|cell| !cell.is_null()).peekable();
    if cells.peek().is_none() {
        return "text";
    }
    let cells: Vec<_> = cells.collect();
    if cells.iter().all(|cell| matches!(cell, Cell::Time(_))) {
        "time"
    } else if cells.iter().all(|cell| matches!(cell, Cell::Int(_) | Cell::Float(_))) {
        "number"
    } else {
        "text"
    }
}
