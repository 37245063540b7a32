//! What `cloudwatch_logs` sends, case by case.

use std::time::Duration;

use engine::testing::batch;
use engine::{Exporter, Outcome, Payload, Sealed};
use model::{Batch, Reason};
use serde_json::{Value, json};
use testkit::aws::logs::{Logs, Options};
use testkit::aws::signature::{ACCESS_KEY, SECRET_KEY};
use testkit::fault::Fault;

use super::CloudWatchLogs;
use crate::golden;
use crate::trial::{build_in, discarded, encode, settle};

fn try_with(changes: &Value) -> Result<CloudWatchLogs, String> {
    let mut settings = json!({ "region": "eu-west-1", "log_group": "/ecs/shop", "log_stream": "s" });
    let changes = changes.as_object().cloned().unwrap_or_default();
    settings.as_object_mut().unwrap().extend(changes);
    build_in(&settings, &[("AWS_ACCESS_KEY_ID", ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", SECRET_KEY)])
}

/// Defaults with some settings changed.
fn with(changes: Value) -> CloudWatchLogs {
    try_with(&changes).unwrap_or_else(|refusal| panic!("{changes}: {refusal}"))
}

fn towards(service: &Logs, changes: Value) -> CloudWatchLogs {
    let mut settings = json!({ "endpoint": service.url() });
    settings.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap_or_default());
    with(settings)
}

fn bodies(sealed: &Sealed) -> Vec<Value> {
    let body = |payload: &Payload| serde_json::from_slice(&payload.wire().unwrap()).unwrap();
    sealed.payloads().iter().map(body).collect()
}

/// `group stream time message` of each event, a stream's events together.
fn lines(events: impl Iterator<Item = (String, String, u64, String)>) -> Vec<String> {
    let mut events: Vec<_> = events.collect();
    events.sort_by(|a, b| (&a.0, &a.1).cmp(&(&b.0, &b.1)));
    let line = |(group, stream, time, message): (String, String, u64, String)| {
        // JSON in one spelling. Bytes that are not UTF-8 become U+FFFD here; Fluent Bit writes characters of
        // the private area for some and nothing for others.
        let tree: Result<Value, _> = serde_json::from_str(&message);
        let mut text = tree.map_or(message, |tree| tree.to_string());
        text.retain(|c| c != '\u{fffd}' && !('\u{e080}'..='\u{e0ff}').contains(&c));
        format!("{group} {stream} {time} {text}")
    };
    events.into_iter().map(line).collect()
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

fn sent(sealed: &Sealed) -> Vec<String> {
    let mut events = Vec::new();
    for body in bodies(sealed) {
        for event in body["logEvents"].as_array().unwrap() {
            let (time, message) = (event["timestamp"].as_u64().unwrap(), text(&event["message"]));
            events.push((text(&body["logGroupName"]), text(&body["logStreamName"]), time, message));
        }
    }
    lines(events.into_iter())
}

fn recorded(case: &str) -> Vec<String> {
    let file = std::fs::read(golden::file(case, "cloudwatch.json")).unwrap();
    let events: Vec<Value> = serde_json::from_slice(&file).expect(case);
    lines(events.iter().map(|event| {
        let time = event["timestamp"].as_u64().unwrap();
        (text(&event["group"]), text(&event["stream"]), time, text(&event["message"]))
    }))
}

#[test]
fn events_are_those_of_fluent_bit() {
    for (case, changes) in [
        ("cw_stream_name", json!({ "log_stream": "fixed" })),
        ("cw_stream_prefix", json!({ "log_stream": null, "stream_prefix": "ecs/" })),
        ("cw_log_key", json!({ "log_key": "log" })),
        ("cw_empty_message", json!({ "log_key": "log" })),
        ("cw_empty_record", json!({})),
        ("cw_event_order", json!({})),
        ("cw_span_24h", json!({})),
        (
            "cw_templates_keys",
            json!({ "log_group": "g-$a.$b", "log_group_default": "/ecs/shop",
                "log_stream": "$svc-prod/x.$c,$d", "log_stream_default": "fallback" }),
        ),
        ("cw_log_format_emf", json!({ "emf": true })),
        ("cw_api_calls", json!({ "log_stream": null, "stream_prefix": "ecs/" })),
        ("dd_timestamp_rounding", json!({ "log_group": "g" })),
        ("dd_escape_unicode_off", json!({ "log_group": "g" })),
        ("dd_escape_unicode_off", json!({ "log_group": "g", "escape_unicode": true })),
    ] {
        let sealed = encode(&with(changes), &golden::batches(case));
        assert_eq!(sent(&sealed), recorded(case), "{case}");
    }
}

#[test]
fn requests_are_cut_where_fluent_bit_cuts_them() {
    let sealed = encode(&with(json!({})), &golden::batches("cw_span_24h"));
    let counts: Vec<_> = sealed.payloads().iter().map(|payload| payload.records).collect();
    assert_eq!(counts, [3, 3, 1, 2]);
}

#[test]
fn messages() {
    let key = json!({ "log_key": "log" });
    let sorted = json!({ "sorted_keys": true, "trim": true });
    for (settings, record, expected) in [
        (&json!({}), r#"{"b":1,"a":"x\"y\n","b":{"c":[1, 2]}}"#, Some(r#"{"a":"x\"y\n","b":{"c":[1, 2]}}"#)),
        (&json!({}), "{}", None),
        (&key, r#"{"log":"a \"b\" \\ é"}"#, Some("a \"b\" \\ é")),
        (&key, r#"{"log":{"a": 1},"b":2}"#, Some(r#"{"a": 1}"#)),
        (&key, r#"{"log":7}"#, Some("7")),
        (&key, r#"{"lo":"x","message":"y"}"#, Some(r#"{"lo":"x","message":"y"}"#)),
        (&key, r#"{"log":""}"#, None),
        (&key, r#"{"log":"  "}"#, Some("  ")),
        (&sorted, r#"{"b":"<1>","a":{"d":1,"c":2}}"#, Some(r#"{"a":{"c":2,"d":1},"b":"\u003c1\u003e"}"#)),
        (&json!({ "log_key": "log", "trim": true }), r#"{"log":" \n x y\t"}"#, Some("x y")),
        (&json!({ "log_key": "log", "trim": true }), r#"{"log":" \n"}"#, None),
        (&json!({ "escape_unicode": true }), r#"{"é":"😀"}"#, Some(r#"{"\u00e9":"\ud83d\ude00"}"#)),
    ] {
        let sealed = encode(&with(settings.clone()), &[batch("t", &[record])]);
        let found = bodies(&sealed).first().map(|body| text(&body["logEvents"][0]["message"]));
        assert_eq!(found.as_deref(), expected, "{record}");
        assert_eq!(discarded(&sealed, Reason::Empty), u64::from(expected.is_none()));
    }
}

#[test]
fn escapes_of_the_request_are_ascii_on_request() {
    let exporter = with(json!({ "escape_unicode": true, "log_key": "log" }));
    let sealed = encode(&exporter, &[batch("t", &[r#"{"log":"é"}"#])]);
    let body = String::from_utf8(sealed.payloads()[0].wire().unwrap().to_vec()).unwrap();
    assert!(body.contains(r#""message":"\u00e9""#), "{body}");
}

#[test]
fn names_fall_back_whole() {
    for (settings, record, expected) in [
        (json!({ "log_group": "/g/$a.$b", "log_group_default": "d" }), r#"{"a":"x","b":"y"}"#, "/g/x.y s"),
        (json!({ "log_group": "/g/$a.$b", "log_group_default": "d" }), r#"{"a":"x"}"#, "d s"),
        (json!({ "log_stream": "$a", "stream_prefix": "ecs/" }), r#"{"a":"x:y"}"#, "/ecs/shop x_y"),
        (json!({ "log_stream": "$a", "stream_prefix": "ecs/" }), "{\"b\":1}", "/ecs/shop ecs/web.1"),
        (json!({ "log_stream": "$TAG[1]" }), r#"{"a":1}"#, "/ecs/shop 1"),
        (json!({ "log_group": "$a" }), r#"{"b":1}"#, "default s"),
    ] {
        let sealed = encode(&with(settings), &[batch("web.1", &[record])]);
        assert_eq!(*sealed.payloads()[0].route, *expected.replace(' ', "\n"), "{record}");
    }
}

/// `count` records with a message of so many bytes.
fn records(count: usize, bytes: usize) -> Batch {
    let record = format!("{{\"log\":\"{}\"}}", "x".repeat(bytes));
    batch("t", &vec![record.as_str(); count])
}

fn now_batch(lines: &[&str]) -> Batch {
    let mut batch = batch("t", lines);
    let now = engine::clock::now_nanos();
    batch
        .logs
        .iter_mut()
        .enumerate()
        .for_each(|(place, record)| record.time = now + place as u64 * 1_000_000);
    batch
}

#[test]
fn payloads_stay_within_the_limits() {
    for (count, bytes, payloads) in
        [(10_000, 1, 1), (10_001, 1, 2), (7, 300_000, 3), (3, 1_040_000, 3), (3_000, 800, 3)]
    {
        let sealed = encode(&with(json!({ "log_key": "log" })), &[records(count, bytes)]);
        assert_eq!(sealed.payloads().len(), payloads, "{count} of {bytes}");
        for (payload, body) in sealed.payloads().iter().zip(bodies(&sealed)) {
            let events = body["logEvents"].as_array().unwrap();
            let size: usize = events.iter().map(|event| text(&event["message"]).len() + 26).sum();
            assert!(size <= 1 << 20 && events.len() <= 10_000);
            assert_eq!(events.len() as u64, payload.records);
        }
    }
}

#[test]
fn a_message_that_is_too_long_is_cut_between_characters() {
    let text_of = |sealed: &Sealed| text(&bodies(sealed)[0]["logEvents"][0]["message"]);
    let exporter = with(json!({ "log_key": "log" }));
    let fits = encode(&exporter, &[records(1, (1 << 20) - 26)]);
    assert_eq!(text_of(&fits).len(), (1 << 20) - 26);
    let long = format!("{{\"log\":\"{}\"}}", "é\\\"".repeat(500_000));
    let message = text_of(&encode(&exporter, &[batch("t", &[&long])]));
    assert!(((1 << 20) - 30..=(1 << 20) - 26).contains(&message.len()), "{}", message.len());
    assert!(message.ends_with("[Truncated...]"));
    let message = text_of(&encode(&with(json!({ "truncation_suffix": "" })), &[batch("t", &[&long])]));
    assert!(message.starts_with("{\"log\":\"é") && !message.ends_with("]"));
}

#[test]
fn open_payloads_are_bounded() {
    let exporter = with(json!({ "log_stream": "$s" }));
    let streams: Vec<String> = (0..200).map(|n| format!("{{\"s\":\"s{}\"}}", n % 100)).collect();
    let lines: Vec<&str> = streams.iter().map(String::as_str).collect();
    // 64 stay open; the first hundred is over before the second begins, so nothing is joined.
    assert_eq!(encode(&exporter, &[batch("t", &lines)]).payloads().len(), 200);

    let mut encoder = exporter.encoder();
    let mut sealed = Sealed::default();
    for n in 0..20 {
        let record = format!("{{\"s\":\"s{n}\",\"x\":\"{}\"}}", "y".repeat(400_000));
        engine::Encoder::encode(&mut encoder, &batch("t", &[&record]), &mut sealed);
    }
    assert_eq!(sealed.payloads().len(), 10);
}

#[test]
fn settings_are_checked() {
    for (changes, expected) in [
        (json!({ "log_group": "" }), "no log group"),
        (json!({ "log_stream": null }), "no log stream"),
        (json!({ "log_stream": "$a['b" }), "closing quote"),
        (json!({ "retention_days": 31 }), "offers is 60"),
        (json!({ "group_class": "cheap" }), "group_class"),
        (json!({ "region": "" }), "no AWS region"),
        (json!({ "log_grup": "x" }), "log_grup"),
    ] {
        let refusal = try_with(&changes).err().expect("a refusal");
        assert!(refusal.contains(expected), "{changes}: {refusal}");
    }
}

#[tokio::test]
async fn groups_and_streams_are_created_when_missing() {
    let service = Logs::start();
    let exporter = towards(&service, json!({ "create_group": true, "retention_days": 30, "emf": true }));
    let sealed = encode(&exporter, &[now_batch(&[r#"{"a":1}"#, r#"{"a":"é\""}"#])]);
    for _ in 0..2 {
        assert_eq!(exporter.send(&sealed.payloads()[0]).await, Outcome::Sent);
    }
    let calls: Vec<_> = service.calls().into_iter().map(|call| call.operation).collect();
    let expected = [
        "CreateLogStream",
        "CreateLogGroup",
        "PutRetentionPolicy",
        "CreateLogStream",
        "PutLogEvents",
        "PutLogEvents",
    ];
    assert_eq!(calls, expected);
    assert_eq!((service.retention("/ecs/shop"), service.accepted()), (Some(30), 4));
    assert_eq!(service.events()[1].message, r#"{"a":"é\""}"#);
    let put = &service.calls()[4];
    assert!(put.headers.iter().any(|(name, value)| name == "x-amzn-logs-format" && value == "json/emf"));
    assert!(service.complaints().is_empty(), "{:?}", service.complaints());
}

#[tokio::test]
async fn without_permission_to_create_a_group_the_data_waits() {
    let service = Logs::start();
    let exporter = towards(&service, json!({}));
    let sealed = encode(&exporter, &[now_batch(&[r#"{"a":1}"#])]);
    let Outcome::Retry { after, reason } = exporter.send(&sealed.payloads()[0]).await else { panic!("sent") };
    assert_eq!(after, Some(Duration::from_secs(30)));
    assert!(reason.contains("`/ecs/shop` does not exist") && reason.contains("create_group"), "{reason}");

    let exporter = towards(&service, json!({ "create_stream": false }));
    let Outcome::Retry { reason, .. } = exporter.send(&sealed.payloads()[0]).await else { panic!("sent") };
    assert!(reason.contains("create_stream"), "{reason}");
}

#[tokio::test]
async fn events_outside_of_time_are_counted() {
    let service = Logs::start();
    let exporter = towards(&service, json!({ "create_group": true }));
    let mut times = now_batch(&[r#"{"n":1}"#; 4]);
    let now = engine::clock::now_nanos();
    let hour = 3_600_000_000_000;
    for (record, time) in times.logs.iter_mut().zip([now, now + 3 * hour, now + 4 * hour, now - 2 * hour]) {
        record.time = time;
    }
    let sealed = encode(&exporter, &[times, batch("t", &[r#"{"old":1}"#])]);
    assert_eq!(sealed.payloads().len(), 2);
    let Outcome::Rejected { records, reason } = exporter.send(&sealed.payloads()[0]).await else {
        panic!("sent")
    };
    assert_eq!(records, 2);
    assert!(reason.contains("2 too new"), "{reason}");
    let Outcome::Rejected { records, reason } = exporter.send(&sealed.payloads()[1]).await else {
        panic!("sent")
    };
    assert_eq!(records, 1);
    assert!(reason.contains("1 too old") && reason.contains("1970-01-01T00:00:01Z"), "{reason}");
    assert_eq!(service.rejected(), 3);
}

#[tokio::test]
async fn answers_decide() {
    let service = Logs::start();
    let exporter = towards(&service, json!({ "create_group": true }));
    let sealed = encode(&exporter, &[now_batch(&[r#"{"a":1}"#])]);
    let payload = &sealed.payloads()[0];
    assert_eq!(exporter.send(payload).await, Outcome::Sent);
    service.throttle(1);
    let Outcome::Retry { after, reason } = exporter.send(payload).await else { panic!("sent") };
    assert!(after.is_none() && reason.contains("ThrottlingException"), "{reason}");
    let slow = Some(Duration::from_secs(30));
    for (fault, expected, words) in [
        (Fault::Status(500), None, "500"),
        (Fault::RetryAfter(503, 9), Some(Duration::from_secs(9)), "503"),
        (Fault::Status(403), slow, "allow the role `logs:PutLogEvents`"),
        (Fault::Close, None, "ended before the answer"),
        (Fault::Status(404), slow, "404"),
    ] {
        service.faults().set(fault.clone());
        let Outcome::Retry { after, reason } = exporter.send(payload).await else { panic!("{fault:?}") };
        assert_eq!(after, expected, "{fault:?}: {reason}");
        assert!(reason.contains(words), "{fault:?}: {reason}");
    }
    service.faults().set(Fault::Status(413));
    assert!(matches!(exporter.send(payload).await, Outcome::Rejected { records: 1, .. }));
    service.faults().lift();
    assert_eq!(exporter.send(payload).await, Outcome::Sent);
}

#[tokio::test]
async fn what_the_service_finds_invalid_is_halved() {
    let service = Logs::with(Options { any_time: true, ..Options::default() });
    let exporter = towards(&service, json!({ "create_group": true }));
    let event = |n: u64, message: &str| format!("{{\"timestamp\":{n},\"message\":\"{message}\"}}");
    let events: Vec<_> = (0..32).map(|n| event(n, if n == 11 { "" } else { "m" })).collect();
    let body =
        format!("{{\"logGroupName\":\"g\",\"logStreamName\":\"s\",\"logEvents\":[{}]}}", events.join(","));
    let payload = Payload::new(body.clone().into_bytes(), "g\ns", 32, body.len() as u64);
    let settled = settle(&exporter, &payload).await;
    assert_eq!((settled.delivered, settled.rejected), (31, 1));
    assert_eq!(service.accepted(), 31);
}

#[tokio::test]
async fn a_stream_that_was_removed_is_made_again() {
    let (first, second) = (Logs::start(), Logs::start());
    let mut exporter = towards(&first, json!({ "create_group": true }));
    let sealed = encode(&exporter, &[now_batch(&[r#"{"a":1}"#])]);
    assert_eq!(exporter.send(&sealed.payloads()[0]).await, Outcome::Sent);
    exporter.client = towards(&second, json!({})).client;
    assert_eq!(exporter.send(&sealed.payloads()[0]).await, Outcome::Sent);
    let calls: Vec<_> = second.calls().into_iter().map(|call| call.operation).collect();
    assert_eq!(
        calls,
        ["PutLogEvents", "CreateLogStream", "CreateLogGroup", "CreateLogStream", "PutLogEvents"]
    );
}
