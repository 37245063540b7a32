//! `api/logs/patterns`: what matching messages look like, with what differs left out.

use axum::extract::State;
use axum::response::Response;
use query::LogsAsked;
use serde_json::{Value, json};

use crate::Console;
use crate::answers::{Refusal, object};
use crate::parameters::Parameters;

/// The language has a command for it.
const QUERY: &str = "pattern @message | limit 200";

pub(crate) async fn patterns(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let of = LogsAsked { search: asked.search()?, groups: Vec::new() };
    let running = console.engine.insights(QUERY, asked.range()?, &of, console.engine.limits())?;
    let table = running.finish().await?.table;
    let column = |name: &str| table.columns.iter().position(|column| column.name == name);
    let text = |row: usize, name: &str| {
        column(name).and_then(|at| table.text(row, at)).unwrap_or_default().into_owned()
    };
    let number = |row: usize, name: &str| text(row, name).parse::<f64>().map_or(Value::Null, Value::from);
    let patterns: Vec<_> = (0..table.rows.len())
        .map(|row| {
            json!({
                "pattern": text(row, "@pattern"),
                "count": number(row, "@sampleCount"),
                "share": number(row, "@ratio"),
                "severity": text(row, "@severityLabel"),
                "spark": [],
            })
        })
        .collect();
    Ok(object(&json!({ "patterns": patterns })))
}
