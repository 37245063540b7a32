//! The requests are those of OTLP's own examples, cut to what is told apart here.

use model::Signal;
use serde_json::json;

use super::*;
use crate::testing;

fn request(signal: Signal, json: &Value) -> Vec<u8> {
    wire::otlp::from_json(signal, json.to_string().as_bytes()).expect("a request")
}

fn shown(signal: Signal, json: &Value) -> Vec<Value> {
    let batch = wire::otlp::decode(signal, request(signal, json), "otlp".into(), 0).expect("a batch");
    parsed(&batch, 5)
}

fn parsed(batch: &Batch, most: usize) -> Vec<Value> {
    records(batch, most).iter().map(|text| serde_json::from_str(text).expect("JSON")).collect()
}

#[test]
fn a_log_record_shows_its_body_attributes_and_where_it_came_from() {
    let logs = json!({"resourceLogs": [{
        "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "my.service"}}]},
        "scopeLogs": [{
            "scope": {"name": "my.library", "version": "1.0.0"},
            "logRecords": [{
                "timeUnixNano": "1544712660300000000",
                "observedTimeUnixNano": "1544712660300000000",
                "severityNumber": 10,
                "severityText": "Information",
                "traceId": "5b8efff798038103d269b633813fc60c",
                "spanId": "eee19b7ec3c1b174",
                "body": {"stringValue": "Example log record"},
                "attributes": [
                    {"key": "boolean.attribute", "value": {"boolValue": true}},
                    {"key": "int.attribute", "value": {"intValue": "10"}},
                    {"key": "large.attribute", "value": {"intValue": "9223372036854775807"}},
                    {"key": "double.attribute", "value": {"doubleValue": 637.704}},
                    {"key": "array.attribute", "value": {"arrayValue": {"values": [{"stringValue": "many"}, {"stringValue": "values"}]}}},
                    {"key": "map.attribute", "value": {"kvlistValue": {"values": [{"key": "some.map.key", "value": {"stringValue": "some value"}}]}}}
                ]
            }]
        }]
    }]});
    let expected = json!({
        "tag": "otlp",
        "time": "2018-12-13T14:51:00.3Z",
        "severityNumber": 10,
        "severityText": "Information",
        "body": "Example log record",
        "attributes": {
            "boolean.attribute": true,
            "int.attribute": 10,
            "large.attribute": "9223372036854775807",
            "double.attribute": 637.704,
            "array.attribute": ["many", "values"],
            "map.attribute": {"some.map.key": "some value"}
        },
        "traceId": "5b8efff798038103d269b633813fc60c",
        "spanId": "eee19b7ec3c1b174",
        "observedTime": "2018-12-13T14:51:00.3Z",
        "scope": {"name": "my.library", "version": "1.0.0"},
        "resource": {"attributes": {"service.name": "my.service"}}
    });
    assert_eq!(shown(Signal::Logs, &logs), [expected]);
}

#[test]
fn a_span_shows_its_events_and_a_metric_its_points() {
    let spans = json!({"resourceSpans": [{"scopeSpans": [{"spans": [{
        "traceId": "5b8efff798038103d269b633813fc60c", "spanId": "eee19b7ec3c1b174", "name": "I'm a server span",
        "startTimeUnixNano": "1544712660000000000", "endTimeUnixNano": "1544712661000000000", "kind": 2,
        "attributes": [{"key": "my.span.attr", "value": {"stringValue": "some value"}}],
        "events": [{"timeUnixNano": "1544712660500000000", "name": "e",
                    "attributes": [{"key": "n", "value": {"intValue": "1"}}]}]
    }]}]}]});
    let [span] = &shown(Signal::Traces, &spans)[..] else { panic!("one span") };
    assert_eq!(span["name"], "I'm a server span");
    assert_eq!(span["startTime"], "2018-12-13T14:51:00Z");
    assert_eq!(span["attributes"], json!({"my.span.attr": "some value"}));
    assert_eq!(
        span["events"],
        json!([{"time": "2018-12-13T14:51:00.5Z", "name": "e", "attributes": {"n": 1}}])
    );

    let metrics = json!({"resourceMetrics": [{"scopeMetrics": [{"metrics": [{
        "name": "my.gauge", "unit": "1", "gauge": {"dataPoints": [{
            "asDouble": 10.5, "timeUnixNano": "1544712660300000000",
            "attributes": [{"key": "my.gauge.attr", "value": {"stringValue": "some value"}}]
        }]}
    }]}]}]});
    let [metric] = &shown(Signal::Metrics, &metrics)[..] else { panic!("one metric") };
    let point = &metric["gauge"]["dataPoints"][0];
    assert_eq!((&metric["name"], &point["asDouble"]), (&json!("my.gauge"), &json!(10.5)));
    assert_eq!(point["attributes"], json!({"my.gauge.attr": "some value"}));
}

#[test]
fn a_record_of_a_log_driver_is_a_map() {
    let batch = testing::batch("app-firelens-1", &[r#"{"log":"hi","nested":{"a":[1,2]},"stringValue":"x"}"#]);
    let [record] = &parsed(&batch, 5)[..] else { panic!("one record") };
    assert_eq!(record["tag"], "app-firelens-1");
    assert_eq!(record["time"], "1970-01-01T00:00:01Z");
    assert_eq!(record["body"], json!({"log": "hi", "nested": {"a": [1, 2]}, "stringValue": "x"}));
}

#[test]
fn a_request_that_nobody_has_read_is_read_for_the_sample_alone() {
    let record = json!({"body": {"stringValue": "unread"}});
    let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record, record, record]}]}]});
    let unread = Batch::unread("otlp".into(), Signal::Logs, request(Signal::Logs, &logs), 3);
    let seen = parsed(&unread, 2);
    assert_eq!(seen.len(), 2);
    assert_eq!(seen[0]["body"], "unread");
    assert!(records(&unread, 0).is_empty());

    let damaged = Batch::unread("otlp".into(), Signal::Logs, vec![0x0a, 0xff], 1);
    assert!(parsed(&damaged, 5)[0].as_str().is_some_and(|text| text.contains("cannot be read")));
    let huge = Batch::unread("otlp".into(), Signal::Logs, vec![0; MAX_REQUEST_BYTES + 1], 1);
    assert_eq!(parsed(&huge, 5)[0], "a request of 4194305 bytes, too large to show");
}

#[test]
fn what_is_long_is_cut_with_a_mark_and_never_within_a_letter() {
    let text = "ä".repeat(MAX_TEXT_BYTES);
    let batch = testing::batch("t", &[&json!({"log": text}).to_string()]);
    let body = parsed(&batch, 1)[0]["body"]["log"].as_str().expect("a text").to_owned();
    assert!(body.ends_with("ä… (2048 bytes left out)"), "{body}");

    let wide: Map<String, Value> = (0..2000).map(|n| (format!("key{n:04}"), json!("0123456789"))).collect();
    let record = records(&testing::batch("t", &[&Value::Object(wide).to_string()]), 1).remove(0);
    assert!(record.len() <= 2 * MAX_CONTENT_BYTES && record.contains("more left out"), "{}", record.len());

    let huge = json!({"log": "x".repeat(MAX_RECORD_BYTES)}).to_string();
    let [note] = &parsed(&testing::batch("t", &[&huge]), 1)[..] else { panic!("one note") };
    assert!(note.as_str().is_some_and(|note| note.contains("too large to show")), "{note}");
}

#[test]
fn what_is_nested_too_deeply_says_so() {
    let deep = format!(r#"{{"log":{}1{}}}"#, "[".repeat(100), "]".repeat(100));
    let [note] = &parsed(&testing::batch("t", &[&deep]), 1)[..] else { panic!("one note") };
    assert_eq!(note, "a record that is nested too deeply to show");
}
