//! `api/logs/tail`: matching log records as they arrive, as server-sent events.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use lake::Tail;
use query::{Filter, json};
use serde_json::Value;

use crate::Console;
use crate::answers::Refusal;
use crate::parameters::Parameters;

/// Proxies close what says nothing for long.
const BREATH: Duration = Duration::from_secs(15);

pub(crate) async fn tail(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let filter = console.engine.filter(&asked.search()?)?;
    let tail = console.engine.lake().tail();
    let greeting = stream::once(async { Bytes::from_static(b": watching\n\n") });
    let events = stream::unfold((tail, filter), async |(mut tail, filter)| {
        let event = event(&mut tail, &filter).await?;
        Some((event, (tail, filter)))
    });
    let head = [(header::CONTENT_TYPE, "text/event-stream"), (header::CACHE_CONTROL, "no-store")];
    let body = greeting.chain(events).map(Ok::<Bytes, Infallible>);
    Ok((head, Body::from_stream(body)).into_response())
}

/// Waits for the next thing to tell.
async fn event(tail: &mut Tail, filter: &Filter) -> Option<Bytes> {
    loop {
        let Ok(next) = tokio::time::timeout(BREATH, tail.next()).await else {
            return Some(Bytes::from_static(b": still there\n\n"));
        };
        match next? {
            Err(missed) => return Some(format!("event: dropped\ndata: {{\"count\":{missed}}}\n\n").into()),
            Ok(arrival) => match filter.matching(&arrival) {
                Ok(Some(rows)) => {
                    let rows: Vec<_> = json::objects(&rows).into_iter().map(Value::Object).collect();
                    return Some(format!("event: rows\ndata: {}\n\n", Value::from(rows)).into());
                }
                Ok(None) => {}
                Err(error) => {
                    return Some(format!("event: failed\ndata: {}\n\n", Value::from(error.message)).into());
                }
            },
        }
    }
}
