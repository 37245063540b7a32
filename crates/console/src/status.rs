//! `api/status`: what runs and what it holds; `api/fields`: what can be asked for.

use std::collections::BTreeMap;

use arrow::datatypes::DataType;
use axum::extract::State;
use axum::response::Response;
use lake::Table;
use query::QueryError;
use serde_json::{Map, Value, json};

use crate::Console;
use crate::answers::{Refusal, object};
use crate::parameters::Parameters;

pub(crate) async fn status(State(console): State<Console>) -> Response {
    let lake = console.engine.lake();
    let tables: Map<String, Value> = Table::ALL
        .into_iter()
        .map(|table| {
            let size = lake.size(table);
            let millis = |micros: Option<i64>| micros.map(|micros| micros / 1000);
            let size = json!({"rows": size.rows, "bytes": size.bytes, "from": millis(size.from), "to": millis(size.to)});
            (table.name().to_owned(), size)
        })
        .collect();
    let publish = lake.published().map(|publish| {
        json!({
            "to": publish.to, "segments": publish.segments, "waiting_rows": publish.waiting_rows,
            "failures": publish.failures, "lost_rows": publish.lost_rows, "error": publish.error,
        })
    });
    let receivers: Vec<_> =
        console.receivers.iter().map(|(name, listen)| json!({"name": name, "listen": listen})).collect();
    object(&json!({
        "version": console.version,
        "build": "full",
        "started": console.started,
        "lake": {"path": lake.folder().display().to_string(), "tables": tables, "publish": publish},
        "receivers": receivers,
    }))
}

pub(crate) async fn fields(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let name = asked.get("table").unwrap_or("logs");
    let Some(table) = Table::named(name) else {
        return Err(QueryError::refused(format!("there is no table `{name}`")).into());
    };
    let mut fields: BTreeMap<String, (&str, &str)> = BTreeMap::new();
    for field in table.read().fields() {
        match field.data_type() {
            DataType::Map(..) | DataType::List(_) => {}
            data_type if data_type.is_numeric() => {
                fields.insert(field.name().clone(), ("column", "number"));
            }
            DataType::Timestamp(..) => {
                fields.insert(field.name().clone(), ("column", "time"));
            }
            _ => {
                fields.insert(field.name().clone(), ("column", "text"));
            }
        }
    }
    for key in console.engine.attribute_keys(table).await? {
        fields.entry(key).or_insert(("attribute", "text"));
    }
    let fields: Vec<_> = fields
        .into_iter()
        .map(|(name, (kind, data_type))| json!({"name": name, "kind": kind, "type": data_type}))
        .collect();
    Ok(object(&json!({ "fields": fields })))
}
