//! Both layouts, of a record with everything in it.

use engine::testing::{batch, process, processor};
use model::{Severity, json};
use serde_json::{Value as Json, json};

use super::*;
use crate::testing::settings;

fn map(arena: &mut Arena, text: &str) -> List {
    let span = arena.store(text.as_bytes());
    arena.parse_object(span).unwrap()
}

fn changed(layout: &str, body: &str, attributes: &str, resource: &str) -> Json {
    let mut processor = processor::<OtelRecord>(settings(&format!(r#"{{"layout": "{layout}"}}"#))).unwrap();
    let mut batch = batch("t", &["{}"]);
    batch.need_resource();
    let text = batch.arena.store(body.as_bytes());
    batch.logs[0].body = Value::Str(text);
    batch.logs[0].attributes = map(&mut batch.arena, attributes);
    batch.resources[0].attributes = map(&mut batch.arena, resource);
    batch.logs[0].severity = Severity(17);
    batch.logs[0].trace_id = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2];
    batch.logs[0].span_id = [0, 0, 0, 0, 0, 0, 0, 10];
    batch.scopes[0].name = batch.arena.store(b"shop");
    let (out, _) = process(&mut processor, batch);
    let mut text = Vec::new();
    json::write_value(&out[0].arena, out[0].logs[0].body, &mut text);
    serde_json::from_slice(&text).unwrap()
}

#[test]
fn nested_parts_have_names_and_empty_ones_are_left_out() {
    assert_eq!(
        changed("nested", "hi", r#"{"a":{"b":1}}"#, r#"{"service.name":"checkout"}"#),
        json!({
            "body": "hi", "severity_number": 17, "trace_id": "00000000000000000000000000000102",
            "span_id": "000000000000000a", "attributes": {"a": {"b": 1}}, "scope": {"name": "shop"},
            "resource": {"service.name": "checkout"},
        })
    );
}

#[test]
fn datadog_finds_what_it_searches_by() {
    let resource = r#"{"service.name":"checkout","deployment.environment.name":"prod","cloud.provider":"aws",
        "aws.ecs.launchtype":"fargate","aws.ecs.task.arn":"arn:1","host.id":"i-1"}"#;
    assert_eq!(
        changed("datadog", "hi", r#"{"a":{"b":1},"ddtags":"x:y"}"#, resource),
        json!({
            "message": "hi", "status": "error", "service": "checkout",
            "ddtags": "env:prod,service:checkout,cloud_provider:aws,task_arn:arn:1,x:y",
            "dd.trace_id": "258", "otel.trace_id": "00000000000000000000000000000102",
            "dd.span_id": "10", "otel.span_id": "000000000000000a", "otel.severity_number": "17",
            "a.b": 1, "service.name": "checkout", "deployment.environment.name": "prod",
            "cloud.provider": "aws", "aws.ecs.launchtype": "fargate", "aws.ecs.task.arn": "arn:1",
            "host.id": "i-1",
        })
    );
    // A host outside Fargate, a level of the application's own, a message among the attributes.
    let told = changed("datadog", "x", r#"{"level":"warning","msg":"m"}"#, r#"{"host.name":"web-1"}"#);
    assert_eq!(
        (&told["hostname"], &told["status"], &told["message"]),
        (&json!("web-1"), &json!("warning"), &json!("m"))
    );
}
