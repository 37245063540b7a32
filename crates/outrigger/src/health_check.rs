//! The Collector's `health_check` extension: a page that load balancers and ECS ask whether the program is up.
//!
//! Source: the extension's README and answers, as of v0.156.

use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use engine::clock;
use jiff::Timestamp;
use serde_json::json;
use tokio::time::Instant;

#[derive(Clone, Copy)]
struct Since {
    /// Since the epoch.
    nanos: u64,
    clock: Instant,
}

/// Answers from now on: whoever serves this has started its pipelines.
pub fn router(path: &str) -> Router {
    let since = Since { nanos: clock::now_nanos(), clock: Instant::now() };
    Router::new().route(path, get(available)).with_state(since)
}

async fn available(State(since): State<Since>) -> Response {
    let up_since =
        Timestamp::from_nanosecond(i128::from(since.nanos)).map(|time| time.to_string()).unwrap_or_default();
    let body = json!({
        "status": "Server available",
        "upSince": up_since,
        "uptime": go_duration(since.clock.elapsed()),
    });
    ([(header::CONTENT_TYPE, "application/json")], body.to_string()).into_response()
}

/// As Go prints one: `1h2m3.5s`.
fn go_duration(duration: Duration) -> String {
    let (hours, minutes) = (duration.as_secs() / 3600, duration.as_secs() / 60 % 60);
    let seconds = duration.as_secs_f64() - (hours * 3600 + minutes * 60) as f64;
    match (hours, minutes) {
        (0, 0) => format!("{seconds}s"),
        (0, _) => format!("{minutes}m{seconds}s"),
        _ => format!("{hours}h{minutes}m{seconds}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_print_as_in_go() {
        for (milliseconds, text) in [(1500, "1.5s"), (62_000, "1m2s"), (3_723_250, "1h2m3.25s")] {
            assert_eq!(go_duration(Duration::from_millis(milliseconds)), text);
        }
    }
}
