//! `api/query`: a question in a language of the asker's choice.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use query::{Limits, QueryError, Range};
use serde::Deserialize;

use crate::Console;
use crate::answers::{Refusal, Rows, lines};

#[derive(Deserialize)]
pub(crate) struct Question {
    language: String,
    query: String,
    /// Milliseconds since the epoch; all there is where one is missing.
    from: Option<f64>,
    to: Option<f64>,
    limit: Option<u64>,
}

pub(crate) async fn query(
    State(console): State<Console>,
    Json(asked): Json<Question>,
) -> Result<Response, Refusal> {
    let range = asked.from.zip(asked.to).map(|(from, to)| Range::millis(from as i64, to as i64));
    let most = console.engine.limits();
    let limits = Limits { rows: asked.limit.unwrap_or(most.rows).clamp(1, most.rows), ..most };
    let answer = match asked.language.as_str() {
        "sql" => console.engine.sql(&asked.query, range, limits).await?,
        other => {
            let refused = QueryError::refused(format!("there is no language `{other}`"));
            return Err(refused.expecting(&["sql"]).into());
        }
    };
    Ok(lines(answer, Rows::Arrays))
}
