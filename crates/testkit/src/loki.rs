//! Loki's push API, with its real limits.
//!
//! As the real one does, it stores what it can of a request and answers 400 for the rest: [`Loki::complaints`] tells
//! what was refused and why, and stays empty for a client that keeps to the limits.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::SystemTime;

use crate::fault::Faults;
use crate::http::{Request, Response, Server};

const MAX_LINE: usize = 256 << 10;
const MAX_LABELS: usize = 15;
const MAX_NAME: usize = 1024;
const MAX_VALUE: usize = 2048;
const SECOND: u64 = 1_000_000_000;
/// Of an entry, against the clock.
const MAX_AGE: u64 = 7 * 24 * 3600 * SECOND;
const MAX_AHEAD: u64 = 600 * SECOND;
/// Of an entry, against the newest of its stream.
const MAX_BEHIND: u64 = 3600 * SECOND;

pub struct Options {
    /// Refuses requests without a tenant.
    pub tenants: bool,
    /// Largest request after decompression.
    pub max_body: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options { tenants: false, max_body: 100 << 20 }
    }
}

pub struct Loki {
    server: Server,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    stored: Vec<Stored>,
    /// By tenant and labels.
    newest: HashMap<(String, String), u64>,
    complaints: Vec<String>,
    requests: u64,
}

/// An entry as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    pub tenant: String,
    pub labels: BTreeMap<String, String>,
    /// Nanoseconds since the epoch.
    pub time: u64,
    pub line: String,
}

type Refused = (u16, String);

impl Loki {
    pub fn start() -> Loki {
        Loki::with(Options::default())
    }

    pub fn with(options: Options) -> Loki {
        let state = Arc::<Mutex<State>>::default();
        let server = Server::with(None, Arc::<Faults>::default(), {
            let state = state.clone();
            move |request| {
                let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
                state.requests += 1;
                match state.push(&request, &options) {
                    Ok(()) => Response::new(204, ""),
                    Err((status, why)) => {
                        state.complaints.push(format!("{status}: {why}"));
                        Response::new(status, why).with("Content-Type", "text/plain; charset=utf-8")
                    }
                }
            }
        });
        Loki { server, state }
    }

    pub fn url(&self) -> String {
        self.server.url()
    }

    pub fn faults(&self) -> &Faults {
        self.server.faults()
    }

    pub fn stored(&self) -> Vec<Stored> {
        self.lock().stored.clone()
    }

    /// Requests that were refused in whole or in part, and why.
    pub fn complaints(&self) -> Vec<String> {
        self.lock().complaints.clone()
    }

    pub fn requests(&self) -> u64 {
        self.lock().requests
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn push(&mut self, request: &Request, options: &Options) -> Result<(), Refused> {
        let refuse = |status, why: &str| Err((status, why.to_owned()));
        if request.path != "/loki/api/v1/push" {
            return refuse(404, "404 page not found");
        }
        if request.method != "POST" {
            return refuse(405, "method not allowed");
        }
        let tenant = request.header("x-scope-orgid").unwrap_or_default().to_owned();
        if options.tenants && tenant.is_empty() {
            return refuse(401, "no org id");
        }
        if request.header("content-type") != Some("application/x-protobuf") {
            return refuse(415, "the content type is not application/x-protobuf");
        }
        let body = snap::raw::Decoder::new()
            .decompress_vec(&request.body)
            .map_err(|error| (400, format!("snappy: {error}")))?;
        if body.len() > options.max_body {
            return refuse(413, "the request is too large");
        }
        let streams = read(&body).ok_or((400, "the request is no protobuf".to_owned()))?;
        if streams.is_empty() {
            return refuse(422, "the request holds no stream");
        }
        // A stream that cannot be parsed spoils the request; all else is judged entry by entry.
        let streams: Vec<_> = streams
            .into_iter()
            .map(|(text, entries)| Ok((labels(&text)?, text, entries)))
            .collect::<Result<_, Refused>>()?;
        let mut complaints = Vec::new();
        for (labels, text, entries) in streams {
            if let Err(why) = check_labels(&labels) {
                complaints.push(format!("stream '{text}': {why}"));
                continue;
            }
            let total = entries.len();
            let mut ignored = 0;
            for (time, line) in entries {
                if let Err(why) = self.check_entry(&tenant, &text, time, &line) {
                    ignored += 1;
                    complaints.push(format!("entry with timestamp {time} ignored, reason: '{why}'"));
                    continue;
                }
                self.stored.push(Stored { tenant: tenant.clone(), labels: labels.clone(), time, line });
            }
            if ignored > 0 {
                complaints.push(format!(
                    "user '{tenant}', total ignored: {ignored} out of {total} for stream: {text}"
                ));
            }
        }
        if complaints.is_empty() { Ok(()) } else { Err((400, complaints.join("\n"))) }
    }

    fn check_entry(&mut self, tenant: &str, stream: &str, time: u64, line: &str) -> Result<(), String> {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |d| d.as_nanos() as u64);
        if line.len() > MAX_LINE {
            return Err(format!("max entry size {MAX_LINE} bytes exceeded by {}", line.len()));
        }
        if time + MAX_AGE < now {
            return Err("timestamp too old".into());
        }
        if time > now + MAX_AHEAD {
            return Err("timestamp too new".into());
        }
        let newest = self.newest.entry((tenant.to_owned(), stream.to_owned())).or_insert(time);
        if time + MAX_BEHIND < *newest {
            return Err("entry too far behind".into());
        }
        *newest = time.max(*newest);
        Ok(())
    }
}

fn check_labels(labels: &BTreeMap<String, String>) -> Result<(), String> {
    // The name that Loki gives a stream itself does not count.
    let count = labels.keys().filter(|name| *name != "service_name").count();
    if labels.is_empty() {
        return Err("at least one label pair is required per stream".into());
    }
    if count > MAX_LABELS {
        return Err(format!("{count} label names; limit {MAX_LABELS}"));
    }
    for (name, value) in labels {
        if name.len() > MAX_NAME {
            return Err(format!("label name too long: {}", name.len()));
        }
        if value.len() > MAX_VALUE {
            return Err(format!("label value of '{name}' too long: {}", value.len()));
        }
    }
    Ok(())
}

/// Reads `{name="value", …}`.
fn labels(text: &str) -> Result<BTreeMap<String, String>, Refused> {
    let bad = |why: &str| (400, format!("error parsing labels {text}: {why}"));
    let mut rest = text.strip_prefix('{').ok_or_else(|| bad("no `{`"))?;
    let mut labels = BTreeMap::new();
    while !rest.starts_with('}') {
        let (name, after) = rest.split_once("=\"").ok_or_else(|| bad("no `=\"`"))?;
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        if name.is_empty() || !name.chars().all(is_name) || name.starts_with(|c: char| c.is_ascii_digit()) {
            return Err(bad("unexpected character in a name"));
        }
        let (mut value, mut chars) = (String::new(), after.char_indices());
        let end = loop {
            match chars.next() {
                None | Some((_, '\n')) => return Err(bad("literal not terminated")),
                Some((at, '"')) => break at,
                Some((_, '\\')) => value.push(match chars.next() {
                    Some((_, 'n')) => '\n',
                    Some((_, c @ ('\\' | '"'))) => c,
                    _ => return Err(bad("unknown escape sequence")),
                }),
                Some((_, c)) => value.push(c),
            }
        };
        if labels.insert(name.to_owned(), value).is_some() {
            return Err(bad("a label stands twice"));
        }
        rest = &after[end + 1..];
        rest = match rest.strip_prefix(", ").or_else(|| rest.strip_prefix(',')) {
            Some(more) if !more.starts_with('}') => more,
            None if rest.starts_with('}') => rest,
            _ => return Err(bad("unexpected text behind a label")),
        };
    }
    if rest == "}" { Ok(labels) } else { Err(bad("text behind `}`")) }
}

type Stream = (String, Vec<(u64, String)>);

/// Reads a push request; `None` where it is none.
fn read(body: &[u8]) -> Option<Vec<Stream>> {
    fields(body)?
        .into_iter()
        .map(|(number, stream)| {
            let (mut labels, mut entries) = (String::new(), Vec::new());
            for (number, value) in fields(stream.bytes().filter(|_| number == 1)?)? {
                match number {
                    1 => labels = String::from_utf8(value.bytes()?.to_vec()).ok()?,
                    2 => entries.push(entry(value.bytes()?)?),
                    _ => return None,
                }
            }
            Some((labels, entries))
        })
        .collect()
}

fn entry(body: &[u8]) -> Option<(u64, String)> {
    let (mut time, mut line) = (0, String::new());
    for (number, value) in fields(body)? {
        match number {
            1 => {
                for (number, value) in fields(value.bytes()?)? {
                    let Value::Number(value) = value else { return None };
                    time += if number == 1 { value.checked_mul(SECOND)? } else { value };
                }
            }
            2 => line = String::from_utf8(value.bytes()?.to_vec()).ok()?,
            _ => return None,
        }
    }
    Some((time, line))
}

enum Value<'a> {
    Number(u64),
    Bytes(&'a [u8]),
}

impl<'a> Value<'a> {
    fn bytes(&self) -> Option<&'a [u8]> {
        match self {
            Value::Number(_) => None,
            Value::Bytes(bytes) => Some(bytes),
        }
    }
}

/// The fields of a message, varints and byte strings alone.
fn fields(mut body: &[u8]) -> Option<Vec<(u64, Value<'_>)>> {
    let mut fields = Vec::new();
    while !body.is_empty() {
        let key = varint(&mut body)?;
        let value = match key & 7 {
            0 => Value::Number(varint(&mut body)?),
            2 => {
                let length = varint(&mut body)? as usize;
                let (value, rest) = body.split_at_checked(length)?;
                body = rest;
                Value::Bytes(value)
            }
            _ => return None,
        };
        fields.push((key >> 3, value));
    }
    Some(fields)
}

fn varint(body: &mut &[u8]) -> Option<u64> {
    let mut value = 0;
    for shift in (0..64).step_by(7) {
        let (byte, rest) = body.split_first()?;
        *body = rest;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_read_as_loki_reads_them() {
        let read = labels(r#"{a="1", b_c="x \"y\" \\ \n"}"#).unwrap();
        assert_eq!(read["b_c"], "x \"y\" \\ \n");
        for bad in [
            "",
            "{",
            "a=\"1\"",
            "{1a=\"1\"}",
            "{a-b=\"1\"}",
            "{a=\"1}",
            "{a=\"1\",}",
            "{a=\"1\"}x",
            "{a=\"\\q\"}",
        ] {
            assert!(labels(bad).is_err(), "{bad}");
        }
    }
}
