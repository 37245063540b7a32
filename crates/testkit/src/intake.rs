//! Datadog's logs intake, with its real limits.
//!
//! What it refuses and why is in [`Datadog::complaints`]: a client that stays inside the limits leaves it empty.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;

use crate::certificate::Certificate;
use crate::distinct::{self, Distinct};
use crate::fault::Faults;
use crate::http::{Request, Response, Server};
use crate::json;

/// Of one request, before compression.
const MAX_BODY: usize = 5_000_000;
const MAX_ENTRIES: usize = 1_000;
/// Larger entries are accepted by Datadog and cut there; a client that cares cuts them itself.
const MAX_ENTRY: usize = 1_000_000;

/// The key the stand-in accepts: it looks like one and is none.
pub const API_KEY: &str = "0000example0000";

/// How the intake behaves; see [`Datadog::start`] for the usual one.
pub struct Options<'a> {
    /// Entries kept for [`Datadog::entries`]; later ones are only counted.
    pub keep: usize,
    /// Count marked numbers in the body and look at nothing else: for sinks that must not cost much.
    pub count_only: bool,
    pub certificate: Option<&'a Certificate>,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Options { keep: 100_000, count_only: false, certificate: None }
    }
}

pub struct Datadog {
    server: Server,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    keep: usize,
    count_only: bool,
    distinct: Distinct,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    entries: Vec<Vec<u8>>,
    requests: Vec<Seen>,
    counts: Counts,
    complaints: Vec<String>,
}

/// A request without its body.
#[derive(Debug, Clone)]
pub struct Seen {
    pub path: String,
    pub headers: Vec<(String, String)>,
    pub entries: usize,
    pub at: std::time::Instant,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counts {
    pub requests: u64,
    pub refused: u64,
    pub entries: u64,
    /// Before and after compression.
    pub raw_bytes: u64,
    pub wire_bytes: u64,
}

impl Datadog {
    pub fn start() -> Datadog {
        Datadog::with(Options::default())
    }

    pub fn with(options: Options<'_>) -> Datadog {
        let shared =
            Arc::new(Shared { keep: options.keep, count_only: options.count_only, ..Shared::default() });
        let tls = options.certificate.map(|certificate| certificate.server.clone());
        let server = Server::with(tls, Arc::<Faults>::default(), {
            let shared = shared.clone();
            move |request| shared.answer(request)
        });
        Datadog { server, shared }
    }

    pub fn host(&self) -> String {
        self.server.address().ip().to_string()
    }

    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// Which numbers of the corpus arrived.
    pub fn distinct(&self) -> &Distinct {
        &self.shared.distinct
    }

    pub fn counts(&self) -> Counts {
        self.state().counts
    }

    /// Requests that broke a limit, and how.
    pub fn complaints(&self) -> Vec<String> {
        self.state().complaints.clone()
    }

    /// The accepted requests, in order.
    pub fn requests(&self) -> Vec<Seen> {
        self.state().requests.clone()
    }

    /// The kept entries as they came, byte for byte.
    pub fn raw_entries(&self) -> Vec<Vec<u8>> {
        self.state().entries.clone()
    }

    /// The kept entries; panics on one that is not JSON.
    pub fn entries(&self) -> Vec<Value> {
        let parse = |raw: &Vec<u8>| {
            serde_json::from_slice(raw)
                .unwrap_or_else(|e| panic!("not JSON ({e}): {}", String::from_utf8_lossy(raw)))
        };
        self.state().entries.iter().map(parse).collect()
    }

    /// Waits until so many entries were accepted; false when the time is over.
    pub fn wait_for_entries(&self, entries: u64, limit: Duration) -> bool {
        crate::process::wait_until(limit, || self.counts().entries >= entries)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Shared {
    fn answer(&self, request: Request) -> Response {
        let wire_bytes = request.body.len() as u64;
        let checked = if self.count_only { self.count(&request) } else { self.check(&request) };
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.counts.requests += 1;
        match checked {
            Ok(accepted) => {
                state.counts.entries += accepted.entries;
                state.counts.raw_bytes += accepted.raw_bytes;
                state.counts.wire_bytes += wire_bytes;
                if !self.count_only {
                    state.requests.push(Seen {
                        path: request.path,
                        headers: request.headers,
                        entries: accepted.entries as usize,
                        at: std::time::Instant::now(),
                    });
                }
                let room = self.keep.saturating_sub(state.entries.len());
                state.entries.extend(accepted.kept.into_iter().take(room));
                Response::new(202, "{}").with("Content-Type", "application/json")
            }
            Err((status, why)) => {
                state.counts.refused += 1;
                let body = Value::from(why.as_str());
                state.complaints.push(format!("{status}: {why}"));
                let body = format!("{{\"errors\":[{{\"status\":\"{status}\",\"detail\":{body}}}]}}");
                Response::new(status, body).with("Content-Type", "application/json")
            }
        }
    }

    fn count(&self, request: &Request) -> Result<Accepted, (u16, String)> {
        let body = request.decoded().map_err(|e| (400, e.to_string()))?;
        let mut entries = 0;
        self.distinct.add_all(distinct::numbers(&body).inspect(|_| entries += 1));
        Ok(Accepted { entries, raw_bytes: body.len() as u64, kept: Vec::new() })
    }

    fn check(&self, request: &Request) -> Result<Accepted, (u16, String)> {
        let refuse = |status, why: &str| Err((status, why.to_owned()));
        if request.method != "POST" || !["/api/v2/logs", "/v1/input"].contains(&request.path.as_str()) {
            return refuse(404, &format!("{} {} is not the intake", request.method, request.path));
        }
        if request.header("dd-api-key").is_none_or(|key| key != API_KEY) {
            return refuse(403, "the API key is wrong");
        }
        if !request.header("content-type").is_some_and(|t| t.starts_with("application/json")) {
            return refuse(415, "the content type is not application/json");
        }
        let body = request.decoded().map_err(|e| (400, format!("cannot decompress: {e}")))?;
        if body.len() > MAX_BODY {
            return refuse(413, &format!("{} bytes are more than {MAX_BODY}", body.len()));
        }
        let Some(entries) = json::elements(&body) else {
            return refuse(400, "the body is not a JSON array");
        };
        if entries.len() > MAX_ENTRIES {
            return refuse(413, &format!("{} entries are more than {MAX_ENTRIES}", entries.len()));
        }
        if entries.is_empty() {
            return refuse(400, "the array is empty");
        }
        if let Some(large) = entries.iter().find(|entry| entry.len() > MAX_ENTRY) {
            return refuse(413, &format!("an entry of {} bytes is more than {MAX_ENTRY}", large.len()));
        }
        if let Some(bad) = entries.iter().find(|entry| entry.first() != Some(&b'{')) {
            return refuse(400, &format!("not an object: {}", String::from_utf8_lossy(bad)));
        }
        self.distinct.add_all(entries.iter().flat_map(|entry| distinct::numbers(entry).take(1)));
        let kept = entries.iter().take(self.keep).map(|entry| entry.to_vec()).collect();
        Ok(Accepted { entries: entries.len() as u64, raw_bytes: body.len() as u64, kept })
    }
}

struct Accepted {
    entries: u64,
    raw_bytes: u64,
    kept: Vec<Vec<u8>>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::http;

    fn post(intake: &Datadog, key: &str, body: &str) -> u16 {
        let headers = [("DD-API-KEY", key), ("Content-Type", "application/json")];
        http::post(intake.server.address(), "/api/v2/logs", &headers, body).unwrap().status
    }

    #[test]
    fn holds_to_the_limits() {
        let intake = Datadog::start();
        assert_eq!(post(&intake, "wrong", "[{}]"), 403);
        assert_eq!(post(&intake, API_KEY, "{}"), 400);
        assert_eq!(post(&intake, API_KEY, &format!("[{}]", ["{}"; 1001].join(","))), 413);
        let large = format!("[{{\"m\":\"{}\"}}]", "x".repeat(MAX_ENTRY));
        assert_eq!(post(&intake, API_KEY, &large), 413);
        assert_eq!(intake.complaints().len(), 4);
        assert_eq!(post(&intake, API_KEY, "[{\"m\":\"req-0000000001\"},{\"m\":\"req-0000000001\"}]"), 202);
        assert_eq!((intake.distinct().distinct(), intake.distinct().duplicates()), (1, 1));
        assert_eq!(intake.entries().len(), 2);
    }
}
