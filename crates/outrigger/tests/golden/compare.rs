//! What counts as the same.

use std::time::SystemTime;

use serde_json::{Value, json};
use testkit::json::{canonical, elements};
use testkit::msgpack;

use crate::case::{Case, Replayed};

pub struct Difference {
    pub file: &'static str,
    /// What lacks and what is too much, for a person.
    pub text: String,
    /// All that was found, one document a line, sorted: kept for agreed deviations.
    pub found: String,
}

pub fn compare(case: &Case, replayed: &Replayed) -> Vec<Difference> {
    let mut differences = Vec::new();
    let mut check = |file: &'static str, expected: Vec<String>, found: Vec<String>| {
        if case.files.contains_key(file) {
            differences.extend(difference(file, expected, found));
        }
    };
    let lines = |file: &str| case.files.get(file).map(Vec::as_slice).unwrap_or_default();
    check(
        "datadog.json",
        documents(lines("datadog.json")),
        replayed.datadog.iter().map(|e| document(e)).collect(),
    );
    check(
        "cloudwatch.json",
        recorded_events(lines("cloudwatch.json")),
        replayed.cloudwatch.iter().map(event).collect(),
    );
    check("acks.bin", answers(lines("acks.bin")), answers(&replayed.acks));
    check("out.forward", forwarded(lines("out.forward")), forwarded(&replayed.peer));
    check("stdout.txt", printed(&case.text("stdout.txt").unwrap_or_default()), printed(&replayed.stdout));
    check(
        "s3.ndjson",
        each_line(lines("s3.ndjson")),
        replayed.objects.iter().flat_map(|o| each_line(&o.body)).collect(),
    );
    check(
        "http.json",
        recorded_requests(lines("http.json")),
        replayed.requests.iter().map(request).collect(),
    );
    differences
}

fn difference(file: &'static str, mut expected: Vec<String>, mut found: Vec<String>) -> Option<Difference> {
    expected.sort();
    found.sort();
    if expected == found {
        return None;
    }
    let mut text = String::new();
    for (mark, these, those) in [("-", &expected, &found), ("+", &found, &expected)] {
        let mut rest = those.clone();
        let only = these.iter().filter(|line| match rest.iter().position(|other| other == *line) {
            Some(place) => {
                rest.swap_remove(place);
                false
            }
            None => true,
        });
        only.take(6).for_each(|line| text.push_str(&format!("    {mark} {}\n", short(line))));
    }
    Some(Difference {
        file,
        text,
        found: found.iter().map(|line| format!("{}\n", short(&timeless(line)))).collect(),
    })
}

/// The same without the times of this run: milliseconds, and seconds with a fraction, of about now.
fn timeless(line: &str) -> String {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let is_now = |seconds: &str| seconds.parse::<u64>().is_ok_and(|s| s.abs_diff(now) < 86_400);
    let mut out = String::new();
    let mut rest = line;
    while let Some(start) = rest.find(|c: char| c.is_ascii_digit()) {
        let digits = rest[start..].bytes().take_while(u8::is_ascii_digit).count();
        let (number, after) = rest[start..].split_at(digits);
        out.push_str(&rest[..start]);
        rest = after;
        match digits {
            13 if is_now(&number[..10]) => out.push_str("(now)"),
            10 if is_now(number) => {
                out.push_str("(now)");
                rest = after.trim_start_matches(|c: char| c == '.' || c.is_ascii_digit());
            }
            _ => out.push_str(number),
        }
    }
    out + rest
}

/// Cases about a megabyte of text are not read by people.
fn short(line: &str) -> String {
    const LONGEST: usize = 1_500;
    if line.len() <= LONGEST {
        return line.to_owned();
    }
    let head: String = line.chars().take(LONGEST / 2).collect();
    let tail: Vec<char> = line.chars().rev().take(200).collect();
    format!("{head} ... {} bytes ... {}", line.len(), tail.iter().rev().collect::<String>())
}

/// JSON in one spelling; what is not JSON as it came.
fn document(bytes: &[u8]) -> String {
    match serde_json::from_slice::<Value>(bytes) {
        Ok(value) => canonical(&value),
        Err(_) => String::from_utf8_lossy(bytes).into_owned(),
    }
}

/// Recorded one a line between brackets; not always JSON, so not read by a JSON parser as a whole.
fn recorded(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let lines = bytes.split(|byte| *byte == b'\n');
    lines
        .map(|line| line.strip_suffix(b",").unwrap_or(line))
        .filter(|line| !matches!(*line, [] | [b'['] | [b']'] | [b'[', b']']))
}

fn documents(bytes: &[u8]) -> Vec<String> {
    recorded(bytes).map(document).collect()
}

fn recorded_events(bytes: &[u8]) -> Vec<String> {
    let read = |line: &[u8]| match serde_json::from_slice::<Value>(line) {
        Ok(v) => {
            let text = |key: &str| v[key].as_str().unwrap_or_default().to_owned();
            spell(&text("group"), &text("stream"), v["timestamp"].as_i64().unwrap_or(0), &text("message"))
        }
        Err(_) => String::from_utf8_lossy(line).into_owned(),
    };
    recorded(bytes).map(read).collect()
}

fn event(event: &testkit::aws::logs::Event) -> String {
    spell(&event.group, &event.stream, event.timestamp, &event.message)
}

fn spell(group: &str, stream: &str, timestamp: i64, message: &str) -> String {
    format!("{group} {stream} {timestamp} {}", document(message.as_bytes()))
}

/// Acknowledgements in order: each names its chunk.
fn answers(bytes: &[u8]) -> Vec<String> {
    let Some(values) = msgpack::decode_all(bytes) else { return vec![format!("{bytes:02x?}")] };
    values.iter().enumerate().map(|(place, value)| format!("{place:04} {}", canonical(value))).collect()
}

/// Records one by one, whatever mode carried them; how many share a message is chance.
fn forwarded(bytes: &[u8]) -> Vec<String> {
    let Some(messages) = msgpack::decode_all(bytes) else {
        return vec![format!("not msgpack: {bytes:02x?}")];
    };
    let mut records = Vec::new();
    for message in &messages {
        let tag = &message[0];
        match &message[1] {
            Value::Array(entries) => records.extend(entries.iter().map(|e| canonical(&json!([tag, e])))),
            packed @ Value::Object(_) => match unpacked(packed, &message[2]) {
                Some(entries) => records.extend(entries.iter().map(|e| canonical(&json!([tag, e])))),
                None => records.push(format!("damaged entries for {tag}")),
            },
            time => records.push(canonical(&json!([tag, [time, message[2]]]))),
        }
    }
    records
}

/// The entries of a packed message.
fn unpacked(packed: &Value, option: &Value) -> Option<Vec<Value>> {
    let bytes: Vec<u8> =
        packed["bin"].as_array()?.iter().filter_map(Value::as_u64).map(|byte| byte as u8).collect();
    let encoding = option["compressed"].as_str().unwrap_or("identity").to_owned();
    let headers = vec![("Content-Encoding".to_owned(), encoding)];
    let plain = testkit::http::Request { headers, body: bytes, ..Default::default() }.decoded().ok()?;
    msgpack::decode_all(&plain)
}

/// Lines of a stdout output. The number in front of a record counts within a chunk, and chunks are chance.
fn printed(text: &str) -> Vec<String> {
    let without_number = |line: &str| match line.strip_prefix('[').and_then(|rest| rest.split_once("] ")) {
        Some((number, rest)) if number.parse::<u32>().is_ok() => rest.to_owned(),
        _ => document(line.as_bytes()),
    };
    let mut lines = Vec::new();
    for line in text.lines() {
        match elements(line.as_bytes()) {
            Some(items) if line.starts_with("[{") => lines.extend(items.iter().map(|item| document(item))),
            _ => lines.push(without_number(line)),
        }
    }
    lines
}

fn each_line(bytes: &[u8]) -> Vec<String> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(document).collect()
}

fn recorded_requests(bytes: &[u8]) -> Vec<String> {
    let read = |line: &[u8]| match serde_json::from_slice::<Value>(line) {
        Ok(v) => {
            let headers = v["headers"].as_array().into_iter().flatten();
            let kind = headers
                .filter(|h| h[0].as_str().is_some_and(|name| name.eq_ignore_ascii_case("content-type")));
            let kind = kind.map(|h| h[1].as_str().unwrap_or_default().to_owned()).next().unwrap_or_default();
            spell_request(
                v["path"].as_str().unwrap_or_default(),
                &kind,
                v["body"].as_str().unwrap_or_default(),
            )
        }
        Err(_) => String::from_utf8_lossy(line).into_owned(),
    };
    recorded(bytes).map(read).collect()
}

fn request(request: &testkit::http::Request) -> String {
    let kind = request.header("content-type").unwrap_or_default();
    spell_request(&request.path, kind, &String::from_utf8_lossy(&request.body))
}

fn spell_request(path: &str, kind: &str, body: &str) -> String {
    let body: Vec<String> = body.lines().map(|line| document(line.as_bytes())).collect();
    format!("{path} {kind} {}", body.join(" "))
}
