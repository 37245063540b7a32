//! CloudWatch Logs with the limits that emulators leave out, alone or in front of one.
//!
//! Alone it keeps groups, streams and events itself. In front of an emulator it checks a request first and
//! then passes it on, so that what the emulator stores has passed the real limits.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use super::{names, signature};
use crate::distinct::{self, Distinct};
use crate::fault::Faults;
use crate::http::{self, Request, Response, Server};

const MAX_BATCH_BYTES: usize = 1_048_576;
const BYTES_PER_EVENT: usize = 26;
const MAX_EVENTS: usize = 10_000;
const MAX_SPAN_MS: i64 = 24 * 3_600_000;
const TOO_OLD_MS: i64 = 14 * 24 * 3_600_000;
const TOO_NEW_MS: i64 = 2 * 3_600_000;

pub struct Options {
    /// Events kept for [`Logs::events`]; later ones are only counted.
    pub keep: usize,
    /// Count marked numbers in the body and look at nothing else.
    pub count_only: bool,
    /// Where accepted requests are passed on to.
    pub emulator: Option<SocketAddr>,
    /// Nothing is too old or too new: for cases recorded at another time.
    pub any_time: bool,
    /// Every log group is there already.
    pub any_group: bool,
    /// TLS, where there is one.
    pub certificate: Option<Arc<rustls::ServerConfig>>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            keep: 100_000,
            count_only: false,
            emulator: None,
            any_time: false,
            any_group: false,
            certificate: None,
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    pub group: String,
    pub stream: String,
    pub timestamp: i64,
    pub message: String,
}

/// One call, in order of arrival.
#[derive(Debug, Clone)]
pub struct Call {
    pub operation: String,
    pub headers: Vec<(String, String)>,
    /// Without the events.
    pub input: Value,
    pub events: usize,
    pub status: u16,
    pub at: std::time::Instant,
}

pub struct Logs {
    server: Server,
    shared: Arc<Shared>,
}

struct Shared {
    options: Options,
    distinct: Distinct,
    calls: AtomicU64,
    accepted: AtomicU64,
    throttled: AtomicU64,
    rejects_half: AtomicBool,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    streams: BTreeMap<String, BTreeSet<String>>,
    retention: BTreeMap<String, u64>,
    events: Vec<Event>,
    calls: Vec<Call>,
    complaints: Vec<String>,
    /// Events answered with `rejectedLogEventsInfo`.
    rejected: u64,
}

/// A refusal as the service words it.
struct Refusal {
    status: u16,
    kind: &'static str,
    message: String,
}

fn refuse<T>(kind: &'static str, message: impl Into<String>) -> Result<T, Refusal> {
    Err(Refusal { status: 400, kind, message: message.into() })
}

impl Logs {
    pub fn start() -> Logs {
        Logs::with(Options::default())
    }

    pub fn with(options: Options) -> Logs {
        let shared = Arc::new(Shared {
            options,
            distinct: Distinct::default(),
            calls: AtomicU64::new(0),
            accepted: AtomicU64::new(0),
            throttled: AtomicU64::new(0),
            rejects_half: AtomicBool::new(false),
            state: Mutex::default(),
        });
        let tls = shared.options.certificate.clone();
        let server = Server::with(tls, Arc::<Faults>::default(), {
            let shared = shared.clone();
            move |request| shared.answer(request)
        });
        Logs { server, shared }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn port(&self) -> u16 {
        self.server.address().port()
    }

    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    /// Answers the next `requests` PutLogEvents with ThrottlingException.
    pub fn throttle(&self, requests: u64) {
        self.shared.throttled.store(requests, Ordering::Relaxed);
    }

    /// Whether it says of the older half of each request that it threw it away.
    pub fn reject_half(&self, on: bool) {
        self.shared.rejects_half.store(on, Ordering::Relaxed);
    }

    pub fn distinct(&self) -> &Distinct {
        &self.shared.distinct
    }

    /// Events accepted so far.
    pub fn accepted(&self) -> u64 {
        self.shared.accepted.load(Ordering::Relaxed)
    }

    pub fn rejected(&self) -> u64 {
        self.shared.state().rejected
    }

    pub fn events(&self) -> Vec<Event> {
        self.shared.state().events.clone()
    }

    pub fn calls(&self) -> Vec<Call> {
        self.shared.state().calls.clone()
    }

    pub fn complaints(&self) -> Vec<String> {
        self.shared.state().complaints.clone()
    }

    /// Every stream as `group/stream`, and each group's retention.
    pub fn streams(&self) -> BTreeMap<String, BTreeSet<String>> {
        self.shared.state().streams.clone()
    }

    pub fn retention(&self, group: &str) -> Option<u64> {
        self.shared.state().retention.get(group).copied()
    }

    pub fn wait_for_events(&self, events: u64, limit: Duration) -> bool {
        crate::process::wait_until(limit, || self.accepted() >= events)
    }
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn answer(&self, request: Request) -> Response {
        let serial = self.calls.fetch_add(1, Ordering::Relaxed);
        let id = format!("00000000-0000-4000-8000-{serial:012}");
        let operation = request.header("x-amz-target").and_then(|t| t.strip_prefix("Logs_20140328."));
        let operation = operation.unwrap_or_default().to_owned();
        if self.options.count_only && operation == "PutLogEvents" {
            let numbers = distinct::numbers(&request.body)
                .inspect(|_| _ = self.accepted.fetch_add(1, Ordering::Relaxed));
            self.distinct.add_all(numbers);
            return Response::new(200, "{}").with("x-amzn-RequestId", id);
        }
        let input: Result<Value, _> = serde_json::from_slice(&request.body);
        let served = self.serve(&operation, &request, input.as_ref().unwrap_or(&Value::Null));
        let response = match served {
            Ok(output) => Response::new(200, output),
            Err(refusal) => {
                let body = json!({"__type": refusal.kind, "message": refusal.message});
                Response::new(refusal.status, body.to_string()).with("x-amzn-ErrorType", refusal.kind)
            }
        };
        self.note(operation, request, input.unwrap_or_default(), &response);
        response.with("x-amzn-RequestId", id).with("Content-Type", "application/x-amz-json-1.1")
    }

    fn note(&self, operation: String, request: Request, mut input: Value, response: &Response) {
        let events = input.get("logEvents").and_then(Value::as_array).map_or(0, Vec::len);
        if let Some(members) = input.as_object_mut() {
            members.remove("logEvents");
        }
        let (headers, status) = (request.headers, response.status);
        let expected = ["ResourceNotFoundException", "ResourceAlreadyExistsException", "ThrottlingException"];
        let kind = response.header("x-amzn-errortype").unwrap_or_default().to_owned();
        let mut state = self.state();
        if !kind.is_empty() && !expected.contains(&&kind[..]) {
            state.complaints.push(format!("{operation}: {kind}: {}", response.text()));
        }
        if state.calls.len() < 100_000 {
            state.calls.push(Call {
                operation,
                headers,
                input,
                events,
                status,
                at: std::time::Instant::now(),
            });
        }
    }

    fn serve(&self, operation: &str, request: &Request, input: &Value) -> Result<Vec<u8>, Refusal> {
        match signature::verify(request) {
            Ok(scope) if scope.service == "logs" => {}
            Ok(scope) => return refuse("InvalidSignatureException", format!("scope {}", scope.service)),
            Err(why) => return refuse("InvalidSignatureException", why),
        }
        if request.header("content-type") != Some("application/x-amz-json-1.1") {
            return refuse("SerializationException", "the content type is not application/x-amz-json-1.1");
        }
        let text = |name: &str| input.get(name).and_then(Value::as_str).unwrap_or_default().to_owned();
        let (group, stream) = (text("logGroupName"), text("logStreamName"));
        let valid =
            |checked: Result<(), String>| checked.or_else(|why| refuse("InvalidParameterException", why));
        valid(names::group(&group))?;
        match operation {
            "CreateLogGroup" => self.create_group(&group)?,
            "CreateLogStream" => {
                valid(names::stream(&stream))?;
                self.create_stream(&group, &stream)?;
            }
            "PutRetentionPolicy" => {
                let days = input.get("retentionInDays").and_then(Value::as_u64).unwrap_or_default();
                valid(names::retention(days))?;
                let mut state = self.state();
                if !state.streams.contains_key(&group) {
                    return refuse("ResourceNotFoundException", "The specified log group does not exist.");
                }
                state.retention.insert(group, days);
            }
            "PutLogEvents" => return self.put(&group, &stream, request, input),
            other => return refuse("UnknownOperationException", other),
        }
        self.pass_on(request).map(|_| Vec::new())
    }

    fn create_group(&self, group: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        if state.streams.contains_key(group) {
            return refuse("ResourceAlreadyExistsException", "The specified log group already exists");
        }
        state.streams.insert(group.to_owned(), BTreeSet::new());
        Ok(())
    }

    fn create_stream(&self, group: &str, stream: &str) -> Result<(), Refusal> {
        let mut state = self.state();
        if self.options.any_group {
            state.streams.entry(group.to_owned()).or_default();
        }
        let Some(streams) = state.streams.get_mut(group) else {
            return refuse("ResourceNotFoundException", "The specified log group does not exist.");
        };
        if !streams.insert(stream.to_owned()) {
            return refuse("ResourceAlreadyExistsException", "The specified log stream already exists");
        }
        Ok(())
    }

    fn put(&self, group: &str, stream: &str, request: &Request, input: &Value) -> Result<Vec<u8>, Refusal> {
        if !self.state().streams.get(group).is_some_and(|streams| streams.contains(stream)) {
            return refuse("ResourceNotFoundException", "The specified log stream does not exist.");
        }
        let throttled =
            self.throttled.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| n.checked_sub(1));
        if throttled.is_ok() {
            return refuse("ThrottlingException", "Rate exceeded");
        }
        let events = check_events(group, stream, input)?;
        let answer = self.thrown_away(&events);
        self.pass_on(request)?;
        self.distinct
            .add_all(events.iter().flat_map(|event| distinct::numbers(event.message.as_bytes()).take(1)));
        self.accepted.fetch_add(events.len() as u64, Ordering::Relaxed);
        let mut state = self.state();
        let room = self.options.keep.saturating_sub(state.events.len());
        state.events.extend(events.into_iter().take(room));
        Ok(answer.to_string().into_bytes())
    }

    /// What of a request it says it threw away. It is noted as arrived all the same, so that nothing is missing
    /// but what was neither taken nor refused.
    fn thrown_away(&self, events: &[Event]) -> Value {
        let half = events.len() / 2;
        if half == 0 || !self.rejects_half.load(Ordering::Relaxed) {
            return self.outside_of_time(events);
        }
        self.state().rejected += half as u64;
        json!({ "rejectedLogEventsInfo": { "tooOldLogEventEndIndex": half } })
    }

    /// Events are sorted, so what is too old is a prefix and what is too new is a suffix.
    fn outside_of_time(&self, events: &[Event]) -> Value {
        if self.options.any_time {
            return json!({});
        }
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as i64;
        let old_end = events.partition_point(|event| event.timestamp < now - TOO_OLD_MS);
        let new_start = events.partition_point(|event| event.timestamp <= now + TOO_NEW_MS);
        let mut info = serde_json::Map::new();
        if old_end > 0 {
            // Exclusive, as the service means it.
            info.insert("tooOldLogEventEndIndex".into(), json!(old_end));
        }
        if new_start < events.len() {
            info.insert("tooNewLogEventStartIndex".into(), json!(new_start));
        }
        if info.is_empty() {
            return json!({});
        }
        self.state().rejected += (old_end + events.len() - new_start) as u64;
        json!({ "rejectedLogEventsInfo": info })
    }

    fn pass_on(&self, request: &Request) -> Result<(), Refusal> {
        let Some(emulator) = self.options.emulator else { return Ok(()) };
        match http::send(emulator, request) {
            Ok(response) if response.status < 300 => Ok(()),
            Ok(response) if response.text().contains("ResourceAlreadyExists") => Ok(()),
            Ok(response) => Err(Refusal {
                status: 500,
                kind: "ServiceUnavailableException",
                message: format!("the emulator: {} {}", response.status, response.text()),
            }),
            Err(e) => {
                Err(Refusal { status: 500, kind: "ServiceUnavailableException", message: e.to_string() })
            }
        }
    }
}

fn check_events(group: &str, stream: &str, input: &Value) -> Result<Vec<Event>, Refusal> {
    let list = input.get("logEvents").and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
    if list.is_empty() || list.len() > MAX_EVENTS {
        return refuse("InvalidParameterException", format!("{} log events in one batch", list.len()));
    }
    let mut events = Vec::with_capacity(list.len());
    let mut bytes = 0;
    for event in list {
        let (Some(timestamp), Some(message)) =
            (event.get("timestamp").and_then(Value::as_i64), event.get("message").and_then(Value::as_str))
        else {
            return refuse("InvalidParameterException", format!("not a log event: {event}"));
        };
        if message.is_empty() {
            return refuse("InvalidParameterException", "Log event message must not be empty");
        }
        bytes += message.len() + BYTES_PER_EVENT;
        events.push(Event { group: group.into(), stream: stream.into(), timestamp, message: message.into() });
    }
    if bytes > MAX_BATCH_BYTES {
        return refuse("InvalidParameterException", format!("Upload too large: {bytes} bytes exceeds limit"));
    }
    if !events.is_sorted_by_key(|event| event.timestamp) {
        return refuse("InvalidParameterException", "Log events must be in chronological order");
    }
    let span = events.last().map_or(0, |last| last.timestamp - events[0].timestamp);
    if span >= MAX_SPAN_MS {
        return refuse("InvalidParameterException", "The batch of log events cannot span more than 24 hours");
    }
    Ok(events)
}
