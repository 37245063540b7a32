//! What the service's answers mean for a payload.

use engine::{Outcome, Payload};
use net::aws::{AwsError, AwsResponse};
use serde_json::Value;

use super::events::Events;
use super::names;
use crate::http_destination::{describe, until_mended};

/// The request is at fault, and would be the next time.
const BROKEN: &[&str] = &[
    "InvalidParameterException",
    "SerializationException",
    "ValidationException",
    "InvalidRequestException",
];

/// PutLogEvents answered without an error: some events may have been thrown away all the same.
pub fn accepted(response: &AwsResponse, payload: &Payload, body: &[u8]) -> Outcome {
    let answer = match response.body.is_empty() {
        true => Value::Null,
        false => match serde_json::from_slice(&response.body) {
            Ok(answer) => answer,
            // A captive portal or a wrong proxy answers 200 to everything.
            Err(_) => {
                return until_mended(format!(
                    "an answer that is not of CloudWatch Logs: {}",
                    describe(response)
                ));
            }
        },
    };
    let Some(info) = answer.get("rejectedLogEventsInfo").filter(|info| !info.is_null()) else {
        return Outcome::Sent;
    };
    let thrown = Thrown::read(info, payload.records);
    match thrown.count() {
        0 => Outcome::Sent,
        records => Outcome::Rejected { records, reason: thrown.describe(body) },
    }
}

/// Events thrown away: a front part that is too old or expired, a back part that is too new.
struct Thrown {
    old: u64,
    new: u64,
    records: u64,
}

impl Thrown {
    fn read(info: &Value, records: u64) -> Thrown {
        let index = |name: &str| info.get(name).and_then(Value::as_u64);
        // The ends are behind the last, so none of them can be 0; an emulator that says 0 means the first event.
        let end = |name: &str| index(name).map_or(0, |end| end.clamp(1, records.max(1)));
        let old = end("tooOldLogEventEndIndex").max(end("expiredLogEventEndIndex"));
        let new = index("tooNewLogEventStartIndex").map_or(0, |start| records.saturating_sub(start));
        Thrown { old, new, records }
    }

    fn count(&self) -> u64 {
        (self.old + self.new).min(self.records)
    }

    fn describe(&self, body: &[u8]) -> String {
        let events = Events::of(body);
        let when = |place: u64| {
            let time = events.as_ref().and_then(|events| events.time(place as usize));
            let time = time.and_then(|ms| jiff::Timestamp::from_millisecond(ms as i64).ok());
            time.map_or_else(|| "an unknown time".into(), |time| time.to_string())
        };
        let mut parts = Vec::new();
        if self.old > 0 {
            parts.push(format!(
                "{} too old (over 14 days, or over the group's retention; {} to {})",
                self.old,
                when(0),
                when(self.old - 1)
            ));
        }
        if self.new > 0 {
            parts.push(format!(
                "{} too new (over 2 hours ahead; {} to {})",
                self.new,
                when(self.records - self.new),
                when(self.records - 1)
            ));
        }
        format!("CloudWatch Logs threw events away: {}", parts.join(", "))
    }
}

/// PutLogEvents, or a call that it depends on, failed.
pub fn refused(error: &AwsError, operation: &str, route: &str, payload: &Payload) -> Outcome {
    let status = error.service().map_or(0, |error| error.status);
    if error.is("DataAlreadyAcceptedException") {
        return Outcome::Sent;
    }
    if operation == "PutLogEvents" && (status == 413 || BROKEN.contains(&error.code())) {
        return match payload.records {
            0 | 1 => Outcome::rejected(payload, error.to_string()),
            _ => Outcome::Split { reason: error.to_string() },
        };
    }
    if error.is("ResourceNotFoundException") {
        let (group, stream) = names::parts(route);
        return until_mended(format!(
            "there is no log stream `{stream}` in the log group `{group}`; create it, or set `create_stream`"
        ));
    }
    not_created(error, operation, route)
}

/// Sent again: soon when the service will have recovered by itself, slowly when a person is needed.
pub fn not_created(error: &AwsError, operation: &str, route: &str) -> Outcome {
    let (group, _) = names::parts(route);
    if error.is_auth() && !error.is_transient() {
        return until_mended(match action(error, operation) {
            Some(action) => {
                format!("{action} on log group `{group}` is not allowed ({error}); allow the role `{action}`")
            }
            None => format!("AWS does not accept our credentials: {error}"),
        });
    }
    let passing = error.is_throttle() || error.is_transient();
    if passing || matches!(error.code(), "OperationAbortedException" | "InvalidSequenceTokenException") {
        return Outcome::Retry { after: error.retry_after(), reason: format!("{operation}: {error}") };
    }
    until_mended(format!("{operation} on log group `{group}`: {error}"))
}

/// The permission that is missing. The service names it; where it does not, it is the operation's.
fn action(error: &AwsError, operation: &str) -> Option<String> {
    let denied = matches!(error.code(), "AccessDeniedException" | "AccessDenied" | "UnauthorizedOperation");
    let message = &error.service().filter(|_| denied)?.message;
    let named = message.split_once("perform: ").and_then(|(_, rest)| rest.split_whitespace().next());
    Some(named.map_or_else(|| format!("logs:{operation}"), str::to_owned))
}
