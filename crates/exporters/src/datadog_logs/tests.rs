//! What `datadog_logs` sends, case by case.

use std::time::Duration;

use engine::testing::batch;
use engine::{Exporter, Outcome, Payload, Sealed};
use model::{Batch, Reason};
use serde_json::{Value, json};
use testkit::fault::Fault;
use testkit::intake::{API_KEY, Datadog};

use super::{DatadogLogs, entries};
use crate::compress::{Compression, compress};
use crate::golden;
use crate::trial::{Settled, build, discarded, encode, settle};

/// Defaults with some settings changed; `none` so that tests can read the body.
fn with(changes: Value) -> DatadogLogs {
    let mut settings = json!({ "endpoint": "http://127.0.0.1:1", "api_key": API_KEY, "compression": "none" });
    let changes = changes.as_object().cloned().unwrap_or_default();
    settings.as_object_mut().unwrap().extend(changes);
    build(&settings).unwrap()
}

fn entries_of(_exporter: &DatadogLogs, sealed: &Sealed) -> Vec<Value> {
    let bodies = sealed.payloads().iter().map(|payload| entries::raw(payload).unwrap());
    bodies.flat_map(|body| serde_json::from_slice::<Vec<Value>>(&body).unwrap()).collect()
}

/// One an entry, in the order of their keys. Bytes that are not UTF-8 become U+FFFD here, one or more, where
/// Fluent Bit writes each as a character of the private area.
fn lines(entries: &[Value]) -> String {
    let mut text: String = entries.iter().map(|entry| format!("{entry}\n")).collect();
    text = text.replace(|c| ('\u{e080}'..='\u{e0ff}').contains(&c), "\u{fffd}");
    while text.contains("\u{fffd}\u{fffd}") {
        text = text.replace("\u{fffd}\u{fffd}", "\u{fffd}");
    }
    text
}

#[test]
fn entries_are_those_of_fluent_bit() {
    for (case, changes) in [
        ("dd_defaults", json!({})),
        ("dd_escape_unicode_off", json!({})),
        ("dd_hostname", json!({ "hostname": "edge-7" })),
        ("dd_include_tag_key", json!({ "tag_key": "tagkey" })),
        ("dd_json_date_key", json!({ "date_key": "date" })),
        ("dd_log_and_message", json!({})),
        ("dd_message_key", json!({ "message_key": "msg" })),
        ("dd_provider_ecs", json!({ "ecs_tags": true })),
        ("dd_provider_ecs_case", json!({})),
        ("dd_provider_ecs_edges", json!({ "ecs_tags": true })),
        ("dd_provider_ecs_record_tags", json!({ "ecs_tags": true })),
        ("dd_provider_ecs_tags", json!({ "ecs_tags": true, "tags": "env:prod" })),
        ("dd_request_gzip", json!({ "compression": "gzip" })),
        ("dd_service_and_source", json!({ "service": "shop", "source": "ruby" })),
        ("dd_tag_key", json!({ "tag_key": "fluent_tag" })),
        ("dd_tags", json!({ "tags": "env:prod, team:shop" })),
        ("dd_tags_of_the_record", json!({})),
        ("dd_timestamp_rounding", json!({})),
        ("dd_two_tags_one_flush", json!({ "tag_key": "tagkey" })),
    ] {
        let recorded = std::fs::read(golden::file(case, "datadog.json")).unwrap();
        let recorded: Vec<Value> = serde_json::from_slice(&recorded).expect(case);
        let exporter = with(changes);
        let sealed = encode(&exporter, &golden::batches(case));
        let (found, recorded) = (lines(&entries_of(&exporter, &sealed)), lines(&recorded));
        assert_eq!(found.lines().count(), recorded.lines().count(), "{case}");
        for (found, recorded) in found.lines().zip(recorded.lines()) {
            // Of a field that repeats we take the last, as everywhere; Fluent Bit makes a tag of each.
            let recorded = recorded.replace("container_id:one,container_id:two", "container_id:two");
            assert_eq!(found, recorded, "{case}");
        }
    }
}

#[test]
fn who_wins() {
    let configured =
        json!({ "service": "s", "source": "o", "hostname": "h", "tags": "t:1", "tag_key": "tag" });
    let none = json!({});
    for (settings, record, expected) in [
        (&none, r#"{"a":1}"#, r#"{"timestamp":1000,"a":1}"#),
        (&none, "{}", r#"{"timestamp":1000}"#),
        (&none, r#"{"log":"x","a":1,"message":"y"}"#, r#"{"timestamp":1000,"a":1,"message":"y"}"#),
        (&none, r#"{"message":"y","a":1,"log":{"b":2}}"#, r#"{"timestamp":1000,"a":1,"message":{"b":2}}"#),
        (&none, r#"{"log":1,"log":2,"ddtags":"own"}"#, r#"{"timestamp":1000,"message":2,"ddtags":"own"}"#),
        (&none, r#"{"timestamp":"t","log":1}"#, r#"{"timestamp":"t","message":1}"#),
        (
            &configured,
            r#"{"a":1}"#,
            r#"{"timestamp":1000,"tag":"web","ddsource":"o","service":"s","hostname":"h","a":1,"ddtags":"t:1"}"#,
        ),
        (
            &configured,
            r#"{"service":null,"a":1,"ddtags":"own","timestamp":5,"log":"l"}"#,
            r#"{"tag":"web","ddsource":"o","hostname":"h","service":null,"a":1,"timestamp":5,"message":"l","ddtags":"t:1"}"#,
        ),
        (
            &configured,
            r#"{"hostname":1,"tag":2,"ddsource":3,"service":4,"timestamp":5}"#,
            r#"{"hostname":1,"tag":2,"ddsource":3,"service":4,"timestamp":5,"ddtags":"t:1"}"#,
        ),
        (&json!({ "date_key": "" }), r#"{"a":1}"#, r#"{"a":1}"#),
        (&json!({ "date_key": "", "service": "s" }), r#"{"a":1}"#, r#"{"service":"s","a":1}"#),
        (
            &json!({ "message_key": "message" }),
            r#"{"message":1,"log":2}"#,
            r#"{"timestamp":1000,"message":1,"log":2}"#,
        ),
        (
            &json!({ "ecs_tags": true, "tags": "a:\"b" }),
            r#"{"ecs_cluster":"c","log":"l","container_id":7}"#,
            r#"{"timestamp":1000,"message":"l","container_id":7,"ddtags":"cluster_name:c,a:\"b"}"#,
        ),
    ] {
        let exporter = with(settings.clone());
        let sealed = encode(&exporter, &[batch("web", &[record])]);
        let body = entries::raw(&sealed.payloads()[0]).unwrap();
        assert_eq!(String::from_utf8(body).unwrap(), format!("[{expected}]"), "{record}");
    }
}

#[test]
fn a_line_without_fields_is_the_message() {
    let mut lines = batch("t", &[r#"{"a":1}"#]);
    let line = lines.arena.store(b"a \"line\" \xff");
    lines.logs[0].body = model::Value::Str(line);
    let sealed = encode(&with(json!({})), &[lines]);
    let body = entries::raw(&sealed.payloads()[0]).unwrap();
    assert_eq!(
        String::from_utf8(body).unwrap(),
        "[{\"timestamp\":1000,\"message\":\"a \\\"line\\\" \u{fffd}\"}]"
    );
}

#[test]
fn unicode_is_escaped_on_request() {
    let exporter = with(json!({ "escape_unicode": true }));
    let sealed = encode(&exporter, &[batch("t", &[r#"{"log":"é 😀"}"#])]);
    let body = entries::raw(&sealed.payloads()[0]).unwrap();
    assert_eq!(String::from_utf8(body).unwrap(), r#"[{"timestamp":1000,"message":"\u00e9 \ud83d\ude00"}]"#);
}

/// `count` records with a message of so many bytes.
fn records(count: usize, bytes: usize) -> Batch {
    let record = format!("{{\"log\":\"{}\",\"n\":1}}", "x".repeat(bytes));
    batch("t", &vec![record.as_str(); count])
}

#[test]
fn payloads_stay_within_the_limits() {
    for compression in ["none", "gzip", "zstd"] {
        for (count, bytes, payloads) in
            [(1_000, 10, 1), (1_001, 10, 2), (2_500, 100, 3), (12, 900_000, 3), (30, 480_000, 3)]
        {
            let exporter = with(json!({ "compression": compression }));
            let sealed = encode(&exporter, &[records(count, bytes)]);
            assert_eq!(sealed.payloads().len(), payloads, "{count} of {bytes} bytes");
            for payload in sealed.payloads() {
                let raw = entries::raw(payload).unwrap();
                assert_eq!(raw.len() as u64, payload.raw_bytes);
                assert!(raw.len() < 5_000_000 && payload.records <= 1_000);
                let entries: Vec<Value> = serde_json::from_slice(&raw).unwrap();
                assert_eq!(entries.len() as u64, payload.records);
            }
        }
    }
}

#[test]
fn an_entry_that_is_too_long_is_cut_and_marked() {
    let long = "é\\n".repeat(300_000);
    let (text, nested) =
        (format!(r#"{{"log":"{long}","n":1}}"#), format!(r#"{{"a":1,"deep":{{"x":"{long}"}}}}"#));
    let exporter = with(json!({ "tags": "a:b" }));
    let sealed = encode(&exporter, &[batch("t", &[&text, &nested])]);
    let entries = entries_of(&exporter, &sealed);
    for (entry, key) in entries.iter().zip(["message", "deep"]) {
        let size = entry.to_string().len();
        assert!((980_000..1_000_000).contains(&size), "{size}");
        assert!(entry[key].as_str().unwrap().len() > 400_000);
        assert!(entry["outrigger.cut_bytes"].as_u64().unwrap() > 200_000);
        assert_eq!(entry["ddtags"], "a:b");
    }
    assert_eq!(entries[0]["n"], 1);

    // Many small fields leave nothing to cut.
    let fields: Vec<_> = (0..60_000).map(|n| format!("\"key number {n}\":{n}")).collect();
    let sealed = encode(&exporter, &[batch("t", &[&format!("{{{}}}", fields.join(",")), r#"{"a":1}"#])]);
    assert_eq!(discarded(&sealed, Reason::TooLarge), 1);
    assert_eq!(entries_of(&exporter, &sealed).len(), 1);
}

#[test]
fn settings_are_checked() {
    for (settings, expected) in [
        (json!({ "endpoint": "https://x" }), "no API key"),
        (json!({ "endpoint": "https://x", "api_key": "  " }), "no API key"),
        (json!({ "endpoint": "https://x", "api_key": "a\nb" }), "characters that no key has"),
        (json!({ "endpoint": "http-intake", "api_key": "k" }), "no address to send to"),
        (
            json!({ "endpoint": "https://x", "api_key": "k", "headers": [{ "name": "a b", "value": "hidden" }] }),
            "no HTTP header",
        ),
        (json!({ "endpoint": "https://x", "api_key": "k", "compression": "lz4" }), "compression"),
    ] {
        let error = build::<DatadogLogs>(&settings).err().expect("a refusal");
        assert!(error.contains(expected) && !error.contains("hidden"), "{settings}: {error}");
    }
}

#[test]
fn no_text_shows_the_key() {
    let exporter =
        with(json!({ "compression": "zstd", "headers": [{ "name": "x-token", "value": "geheim" }] }));
    let sealed = encode(&exporter, &[batch("t", &[r#"{"log":"hi"}"#])]);
    let shown = exporter.show(&sealed.payloads()[0]);
    assert!(!shown.contains(API_KEY) && !shown.contains("geheim"), "{shown}");
    assert!(shown.ends_with(r#"[{"timestamp":1000,"message":"hi"}]"#), "{shown}");
    let request = exporter.request(bytes::Bytes::new()).unwrap();
    assert!(!format!("{request:?}").contains(API_KEY));
}

/// An exporter that sends to a stand-in.
fn towards(intake: &Datadog, changes: Value) -> DatadogLogs {
    let mut settings = json!({ "endpoint": intake.url() });
    settings.as_object_mut().unwrap().extend(changes.as_object().cloned().unwrap_or_default());
    with(settings)
}

#[tokio::test]
async fn all_compressions_arrive() {
    for compression in ["none", "gzip", "zstd"] {
        let intake = Datadog::start();
        let changes =
            json!({ "compression": compression, "headers": [{ "name": "X-Team", "value": "shop" }] });
        let exporter = towards(&intake, changes);
        for payload in encode(&exporter, &[records(1_500, 20)]).payloads() {
            assert_eq!(exporter.send(payload).await, Outcome::Sent);
        }
        assert_eq!((intake.counts().entries, intake.complaints().len()), (1_500, 0));
        let seen = &intake.requests()[0];
        assert_eq!(seen.path, "/api/v2/logs");
        assert!(
            seen.headers.iter().any(|(name, value)| name.eq_ignore_ascii_case("x-team") && value == "shop")
        );
    }
}

#[tokio::test]
async fn too_large_a_payload_is_halved_until_it_fits() {
    let intake = Datadog::start();
    let exporter = towards(&intake, json!({ "compression": "gzip" }));
    let entry = format!("{{\"message\":\"{}\"}}", "y".repeat(90));
    let raw = format!("[{}]", vec![entry.as_str(); 2_500].join(","));
    let payload = Payload::new(compress(Compression::Gzip, raw.as_bytes()), "logs", 2_500, raw.len() as u64);
    let settled = settle(&exporter, &payload).await;
    assert_eq!(settled, Settled { delivered: 2_500, rejected: 0, requests: 7 });
    assert_eq!(intake.counts().entries, 2_500);
}

#[tokio::test]
async fn one_bad_entry_does_not_take_the_others_along() {
    let intake = Datadog::start();
    let exporter = towards(&intake, json!({}));
    let mut entries = vec![r#"{"message":"good"}"#; 64];
    entries[37] = "7";
    let raw = format!("[{}]", entries.join(","));
    let payload = Payload::new(raw.clone().into_bytes(), "logs", 64, raw.len() as u64);
    let settled = settle(&exporter, &payload).await;
    assert_eq!((settled.delivered, settled.rejected), (63, 1));
    assert_eq!(intake.counts().entries, 63);
}

#[tokio::test]
async fn halving_ends_when_every_entry_is_refused() {
    let intake = Datadog::start();
    intake.faults().set(Fault::Status(400));
    let exporter = towards(&intake, json!({}));
    let sealed = encode(&exporter, &[records(1_000, 10)]);
    let settled = settle(&exporter, &sealed.payloads()[0]).await;
    assert_eq!((settled.delivered, settled.rejected), (0, 1_000));
    assert!(settled.requests < 100, "{}", settled.requests);
    intake.faults().lift();
    let sealed = encode(&exporter, &[records(10, 10)]);
    assert_eq!(settle(&exporter, &sealed.payloads()[0]).await.delivered, 10);
}

#[tokio::test]
async fn answers_decide() {
    let intake = Datadog::start();
    let exporter = towards(&intake, json!({}));
    let sealed = encode(&exporter, &[records(2, 10)]);
    let payload = &sealed.payloads()[0];
    let slow = Some(Duration::from_secs(30));
    for (fault, after, words) in [
        (Fault::Status(401), slow, "API key"),
        (Fault::Status(403), slow, "API key"),
        (Fault::Status(404), slow, "check `endpoint`"),
        (Fault::Status(301), slow, "https"),
        (Fault::Status(408), None, "408"),
        (Fault::RetryAfter(429, 7), Some(Duration::from_secs(7)), "429"),
        (Fault::Status(500), None, "500"),
        (Fault::RetryAfter(503, 90), Some(Duration::from_secs(90)), "503"),
        (Fault::Close, None, "ended before the answer"),
    ] {
        intake.faults().set(fault.clone());
        match exporter.send(payload).await {
            Outcome::Retry { after: found, reason } => {
                assert_eq!(found, after, "{fault:?}");
                assert!(reason.contains(words) && !reason.contains(API_KEY), "{fault:?}: {reason}");
            }
            other => panic!("{fault:?}: {other:?}"),
        }
    }
    intake.faults().lift();
    assert_eq!(exporter.send(payload).await, Outcome::Sent);

    let stranger = towards(&intake, json!({ "api_key": "another" }));
    assert!(matches!(stranger.send(payload).await, Outcome::Retry { after, .. } if after == slow));
}
