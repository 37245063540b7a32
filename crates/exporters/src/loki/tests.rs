//! What `loki` sends, and what a strict Loki makes of it.

use std::time::Duration;

use engine::Exporter as _;
use model::{Arena, Batch, List, LogRecord, Reason, Resource, Scope, Severity, Value as Field};
use serde_json::{Value, json};
use testkit::loki::{Options, Stored};

use super::*;
use crate::trial::{Settled, build, discarded, encode, settle};

/// A record with attributes of its own, of its resource, and a body of text.
struct Sample {
    attributes: Value,
    resource: Value,
    body: Value,
    time: u64,
    severity: u8,
}

impl Default for Sample {
    fn default() -> Self {
        let time = engine::clock::now_nanos();
        Sample {
            attributes: json!({}),
            resource: json!({}),
            body: "order 66 placed".into(),
            time,
            severity: 9,
        }
    }
}

fn field(arena: &mut Arena, value: &Value) -> Field {
    match value {
        Value::Null => Field::Null,
        Value::Bool(flag) => Field::Bool(*flag),
        Value::Number(number) => Field::Int(number.as_i64().unwrap()),
        Value::String(text) => Field::Str(arena.store(text.as_bytes())),
        Value::Array(items) => {
            let mut list = List::EMPTY;
            for item in items {
                let item = field(arena, item);
                arena.push(&mut list, model::Span::EMPTY, item);
            }
            Field::Array(list)
        }
        Value::Object(_) => Field::Map(map(arena, value)),
    }
}

fn map(arena: &mut Arena, value: &Value) -> List {
    let mut list = List::EMPTY;
    for (key, value) in value.as_object().unwrap() {
        let value = field(arena, value);
        arena.set(&mut list, key.as_bytes(), value);
    }
    list
}

fn batch(samples: &[Sample]) -> Batch {
    let mut batch = Batch::new("t".into(), Vec::new());
    for (place, sample) in samples.iter().enumerate() {
        let arena = &mut batch.arena;
        let body = field(arena, &sample.body);
        let mut record = LogRecord::new(sample.time, body);
        record.attributes = map(arena, &sample.attributes);
        record.severity = Severity(sample.severity);
        record.scope = place as u32;
        let attributes = map(arena, &sample.resource);
        batch.resources.push(Resource { attributes, ..Resource::default() });
        batch.scopes.push(Scope { resource: place as u32, ..Scope::default() });
        batch.logs.push(record);
    }
    batch
}

fn settings(loki: &testkit::loki::Loki, more: Value) -> Value {
    let mut settings = json!({"endpoint": loki.url()});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    settings
}

/// What Loki has of one record, and that it complains of nothing.
async fn stored(more: Value, sample: Sample) -> Stored {
    let loki = testkit::loki::Loki::start();
    let exporter = build::<Loki>(&settings(&loki, more)).unwrap();
    let sealed = encode(&exporter, &[batch(&[sample])]);
    for payload in sealed.payloads() {
        assert_eq!(exporter.send(payload).await, Outcome::Sent, "{:?}", loki.complaints());
    }
    loki.stored().remove(0)
}

#[tokio::test]
async fn attributes_become_labels_where_they_are_named() {
    let shop =
        json!({"service.name": "shop", "service.namespace": "eu", "service.instance.id": "7", "team.id": 4});
    let off = json!({"exporter": false, "job": false, "instance": false, "level": false});
    for (more, attributes, resource, expected) in [
        (
            json!({}),
            json!({}),
            shop.clone(),
            json!({"exporter": "OTLP", "job": "eu/shop", "instance": "7", "level": "INFO"}),
        ),
        (
            json!({}),
            json!({"level": "odd"}),
            json!({"service.name": "shop"}),
            json!({"exporter": "OTLP", "job": "shop", "level": "odd"}),
        ),
        (
            json!({"default_labels_enabled": off}),
            json!({}),
            shop.clone(),
            json!({"service_name": "unknown_service"}),
        ),
        (
            json!({"default_labels_enabled": off, "resource_labels": ["team.id", "none"], "labels": [{"name": "a", "value": "b"}]}),
            json!({}),
            shop.clone(),
            json!({"a": "b", "team_id": "4"}),
        ),
        (
            json!({"default_labels_enabled": off}),
            json!({"loki.attribute.labels": "http.method, 1st,", "http.method": "GET \"\\\n", "1st": true}),
            json!({"loki.resource.labels": ["team.id"], "team.id": "x"}),
            json!({"http_method": "GET \"\\\n", "key_1st": "true", "team_id": "x"}),
        ),
    ] {
        let found = stored(more.clone(), Sample { attributes, resource, ..Sample::default() }).await;
        assert_eq!(serde_json::to_value(&found.labels).unwrap(), expected, "{more}");
    }
}

#[tokio::test]
async fn a_line_is_written_as_it_is_asked_for() {
    let attributes = json!({"loki.attribute.labels": "team", "n": 1, "team": "x", "user id": "a b"});
    let resource = json!({"service.name": "shop"});
    for (format, body, expected) in [
        (
            "json",
            json!("placed"),
            r#"{"body":"placed","attributes":{"n":1,"user id":"a b"},"resources":{"service.name":"shop"}}"#,
        ),
        (
            "json",
            json!({"log": "x"}),
            r#"{"body":{"log":"x"},"attributes":{"n":1,"user id":"a b"},"resources":{"service.name":"shop"}}"#,
        ),
        (
            "logfmt",
            json!("order placed"),
            r#"msg="order placed" attribute_n=1 attribute_user_id="a b" resource_service.name=shop"#,
        ),
        (
            "logfmt",
            json!({"a": "", "b": "c=d", "n": null}),
            r#"a="" b="c=d" n="" attribute_n=1 attribute_user_id="a b" resource_service.name=shop"#,
        ),
        ("raw", json!("order placed\n"), "order placed\n"),
        ("raw", json!({"log": "x"}), r#"{"log":"x"}"#),
    ] {
        // The record's own wish comes before the settings'.
        for wished in [false, true] {
            let (mut attributes, mut more) = (attributes.clone(), json!({"format": format}));
            if wished {
                attributes["loki.format"] = format.into();
                more = json!({"format": "raw"});
            }
            let (body, resource) = (body.clone(), resource.clone());
            let found = stored(more, Sample { attributes, resource, body, ..Sample::default() }).await;
            assert_eq!(found.line, expected, "{format}");
            assert_eq!(found.labels["team"], "x");
        }
    }
}

#[tokio::test]
async fn ids_and_scope_stand_in_the_line() {
    let loki = testkit::loki::Loki::start();
    let exporter = build::<Loki>(&settings(&loki, json!({}))).unwrap();
    let mut batch = batch(&[Sample::default()]);
    batch.logs[0].trace_id = [0xab; 16];
    batch.logs[0].span_id = [1; 8];
    batch.logs[0].flags = 1;
    batch.logs[0].severity_text = batch.arena.store(b"info");
    (batch.scopes[0].name, batch.scopes[0].version) = (batch.arena.store(b"lib"), batch.arena.store(b"1"));
    let sealed = encode(&exporter, &[batch]);
    assert_eq!(exporter.send(&sealed.payloads()[0]).await, Outcome::Sent);
    let line: Value = serde_json::from_str(&loki.stored()[0].line).unwrap();
    let expected = json!({
        "body": "order 66 placed", "traceid": "ab".repeat(16), "spanid": "01".repeat(8), "severity": "info",
        "flags": 1, "instrumentation_scope": {"name": "lib", "version": "1"}
    });
    assert_eq!(line, expected);
    assert!(exporter.show(&sealed.payloads()[0]).contains(r#"{exporter="OTLP", level="INFO"}"#));
}

#[tokio::test]
async fn what_loki_never_takes_is_not_sent() {
    let many: Value = (0..40)
        .map(|n| (format!("a{n:02}"), json!("x".repeat(5000))))
        .collect::<serde_json::Map<_, _>>()
        .into();
    let names: Vec<String> = many.as_object().unwrap().keys().cloned().collect();
    let sample = Sample { attributes: many, body: "é".repeat(200_000).into(), ..Sample::default() };
    let found = stored(json!({"attribute_labels": names, "format": "raw"}), sample).await;
    assert_eq!((found.labels.len(), found.labels["a00"].len(), found.line.len()), (15, 2048, 256 << 10));
    // Labels there is no room for stay where they were.
    let attributes: Value =
        (0..20).map(|n| (format!("a{n:02}"), json!(1))).collect::<serde_json::Map<_, _>>().into();
    let names: Vec<String> = attributes.as_object().unwrap().keys().cloned().collect();
    let found = stored(json!({"attribute_labels": names}), Sample { attributes, ..Sample::default() }).await;
    assert!(found.line.contains("a19") && !found.line.contains("a00"), "{}", found.line);
}

#[tokio::test]
async fn tenants_are_kept_apart() {
    let loki = testkit::loki::Loki::with(Options { tenants: true, ..Options::default() });
    let exporter = build::<Loki>(&settings(&loki, json!({"tenant_id": "all"}))).unwrap();
    let of = |tenant: &str| Sample {
        resource: json!({"loki.tenant": "team", "team": tenant}),
        ..Sample::default()
    };
    let sealed = encode(&exporter, &[batch(&[of("a"), of("b"), of("a"), Sample::default()])]);
    assert_eq!(sealed.payloads().len(), 3);
    for payload in sealed.payloads() {
        assert_eq!(exporter.send(payload).await, Outcome::Sent);
    }
    let mut tenants: Vec<String> = loki.stored().into_iter().map(|stored| stored.tenant).collect();
    tenants.sort();
    assert_eq!(tenants, ["a", "a", "all", "b"]);
    let nobody = build::<Loki>(&settings(&loki, json!({}))).unwrap();
    let sealed = encode(&nobody, &[batch(&[Sample::default()])]);
    let Outcome::Retry { reason, .. } = nobody.send(&sealed.payloads()[0]).await else { panic!("no retry") };
    assert!(reason.contains("check `tenant_id`"), "{reason}");
}

#[tokio::test]
async fn what_loki_ignores_is_counted_and_the_rest_is_delivered() {
    const HOUR: u64 = 3_600_000_000_000;
    let loki = testkit::loki::Loki::start();
    let exporter = build::<Loki>(&settings(&loki, json!({}))).unwrap();
    let now = engine::clock::now_nanos();
    let at = |time: u64| Sample { time, ..Sample::default() };
    // Within a request entries are in the order of time, whatever order they came in.
    let ordered = encode(&exporter, &[batch(&[at(now), at(now - HOUR / 2), at(now - 10)])]);
    assert_eq!(exporter.send(&ordered.payloads()[0]).await, Outcome::Sent, "{:?}", loki.complaints());
    let times: Vec<u64> = loki.stored().iter().map(|stored| stored.time).collect();
    assert_eq!(times, [now - HOUR / 2, now - 10, now]);
    for (late, expected) in
        [(now - 2 * HOUR, "too far behind"), (now - 200 * HOUR, "too old"), (now + HOUR, "too new")]
    {
        let sealed = encode(&exporter, &[batch(&[at(late), at(now), at(now)])]);
        let outcome = exporter.send(&sealed.payloads()[0]).await;
        let Outcome::Rejected { records: 1, reason } = outcome else { panic!("{expected}: {outcome:?}") };
        assert!(reason.starts_with("status 400") && reason.contains(expected), "{reason}");
    }
}

#[tokio::test]
async fn busy_destinations_are_tried_again_and_refusals_are_for_ever() {
    for (status, body, expected) in [
        (429, "Ingestion rate limit exceeded", None),
        (500, "", None),
        (503, "", None),
        (400, "error parsing labels", Some(2)),
        (400, "x, total ignored: 1 out of 1 for stream: {}\nuser 'a', total ignored: 1 out of 5", Some(2)),
        (400, "user 'a', total ignored: 1 out of 2", Some(1)),
        (422, "", Some(2)),
        (260, "blocked", Some(2)),
    ] {
        let server = testkit::http::Server::start(move |_| {
            testkit::http::Response::new(status, body).with("Retry-After", "7")
        });
        let exporter = build::<Loki>(&json!({"endpoint": server.url()})).unwrap();
        let sealed = encode(&exporter, &[batch(&[Sample::default(), Sample::default()])]);
        match (exporter.send(&sealed.payloads()[0]).await, expected) {
            (Outcome::Retry { after, .. }, None) => assert_eq!(after, Some(Duration::from_secs(7))),
            (Outcome::Rejected { records, .. }, Some(told)) => assert_eq!(records, told, "{body}"),
            (outcome, _) => panic!("{status} {body}: {outcome:?}"),
        }
    }
}

#[tokio::test]
async fn requests_are_cut_at_their_size_and_halved_where_that_is_too_large() {
    let loki = testkit::loki::Loki::with(Options { max_body: 1000, ..Options::default() });
    let exporter = build::<Loki>(&settings(&loki, json!({"max_body_bytes": "4k"}))).unwrap();
    let samples: Vec<Sample> = (0..100)
        .map(|n| Sample { resource: json!({"service.name": format!("s{}", n % 3)}), ..Sample::default() })
        .collect();
    let sealed = encode(&exporter, &[batch(&samples)]);
    assert!(sealed.payloads().len() > 1);
    let mut all = Settled::default();
    for payload in sealed.payloads() {
        assert!(payload.raw_bytes <= 4 << 10, "{}", payload.raw_bytes);
        let settled = settle(&exporter, payload).await;
        all.delivered += settled.delivered;
        all.rejected += settled.rejected;
    }
    assert_eq!((all.delivered, all.rejected, loki.stored().len()), (100, 0, 100));
}

#[test]
fn what_holds_no_line_is_counted() {
    let exporter = build::<Loki>(&json!({"endpoint": "http://loki:3100", "format": "raw"})).unwrap();
    let sealed = encode(&exporter, &[batch(&[Sample { body: Value::Null, ..Sample::default() }])]);
    assert_eq!((sealed.payloads().len(), discarded(&sealed, Reason::Empty)), (0, 1));
}

#[test]
fn settings_are_checked() {
    for (settings, expected) in [
        (json!({"endpoint": "loki"}), "is no address"),
        (json!({"endpoint": "http://l", "tenant_id": "a\nb"}), "no header has"),
        (
            json!({"endpoint": "http://l", "labels": [{"name": "a-b", "value": "c"}]}),
            "`a-b` is no name of a label",
        ),
        (json!({"endpoint": "http://l", "format": "text"}), "text"),
    ] {
        let Err(complaint) = build::<Loki>(&settings) else { panic!("{settings} was taken") };
        assert!(complaint.contains(expected), "{complaint}");
    }
    for (endpoint, url) in [
        ("http://l:3100", "http://l:3100/loki/api/v1/push"),
        ("http://l:3100/", "http://l:3100/loki/api/v1/push"),
        ("https://l/team/loki/api/v1/push", "https://l/team/loki/api/v1/push"),
    ] {
        assert_eq!(build::<Loki>(&json!({"endpoint": endpoint})).unwrap().url, url);
    }
}
