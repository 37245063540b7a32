//! As Datadog's intake expects it: what it searches by at the top, attributes flattened beside it.

use model::{Arena, List, LogRecord, Resource, Scope, Span, Value, json};

use super::{Fields, hex};

/// Deepest map that is flattened; what is deeper stays a map.
const MAX_DEPTH: u32 = 10;

/// Attributes of a resource that become tags; the first that is there of those with one name.
const TAGS: &[(&str, &str)] = &[
    ("deployment.environment.name", "env"),
    ("deployment.environment", "env"),
    ("service.name", "service"),
    ("service.version", "version"),
    ("container.id", "container_id"),
    ("container.name", "container_name"),
    ("container.image.name", "image_name"),
    ("container.image.tag", "image_tag"),
    ("container.runtime", "runtime"),
    ("cloud.provider", "cloud_provider"),
    ("cloud.region", "region"),
    ("cloud.availability_zone", "zone"),
    ("aws.ecs.task.family", "task_family"),
    ("aws.ecs.task.revision", "task_version"),
    ("aws.ecs.task.arn", "task_arn"),
    ("aws.ecs.cluster.arn", "ecs_cluster_name"),
    ("aws.ecs.container.arn", "ecs_container_name"),
    ("k8s.cluster.name", "kube_cluster_name"),
    ("k8s.namespace.name", "kube_namespace"),
    ("k8s.deployment.name", "kube_deployment"),
    ("k8s.pod.name", "pod_name"),
    ("k8s.node.name", "kube_node"),
];

pub(super) fn fields(arena: &mut Arena, record: &LogRecord, scope: &Scope, resource: &Resource) -> List {
    let mut attributes = List::EMPTY;
    for list in [record.attributes, resource.attributes, scope.attributes] {
        flatten(arena, list, &mut Vec::new(), 0, &mut attributes);
    }
    let text = |arena: &Arena, list: List, key: &str| -> Option<String> {
        let text = arena.text(arena.get(list, key.as_bytes())?)?;
        Some(String::from_utf8_lossy(&text).into_owned())
    };
    let first = |arena: &Arena, keys: &[&str]| keys.iter().find_map(|key| text(arena, attributes, key));
    let message = match first(arena, &["msg", "message", "log"]) {
        Some(message) => message,
        None => body(arena, record.body),
    };
    let status = first(arena, &["status", "severity", "level", "syslog.severity"])
        .or_else(|| of_span(arena, record.severity_text))
        .or_else(|| level(record.severity.0).map(str::to_owned));
    let service = first(arena, &["service", "service.name"]);
    let hostname = first(arena, &["hostname"]).or_else(|| host(arena, resource.attributes, &text));
    let tags = tags(arena, resource.attributes, first(arena, &["ddtags"]), &text);
    let own = ["msg", "message", "log", "status", "service", "hostname", "ddtags"];
    arena.retain(&mut attributes, |arena, id| !own.iter().any(|own| own.as_bytes() == arena.key(id)));
    let mut fields = Fields { arena, list: attributes };
    fields.add_text("message", &message);
    let told = [("status", status), ("service", service), ("hostname", hostname), ("ddtags", Some(tags))];
    for (key, value) in told {
        if let Some(value) = value.filter(|value| !value.is_empty()) {
            fields.add_text(key, &value);
        }
    }
    if record.severity.0 != 0 {
        fields.add_text("otel.severity_number", &record.severity.0.to_string());
    }
    fields.add_span("otel.severity_text", record.severity_text);
    ids(&mut fields, record);
    fields.list
}

/// Datadog counts in the low 64 bits, in decimal.
fn ids(fields: &mut Fields<'_>, record: &LogRecord) {
    let decimal =
        |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte)).to_string();
    if record.trace_id != [0; 16] {
        fields.add_text("dd.trace_id", &decimal(&record.trace_id[8..]));
        fields.add_text("otel.trace_id", &hex(&record.trace_id));
    }
    if record.span_id != [0; 8] {
        fields.add_text("dd.span_id", &decimal(&record.span_id));
        fields.add_text("otel.span_id", &hex(&record.span_id));
    }
}

fn of_span(arena: &Arena, span: Span) -> Option<String> {
    (!span.is_empty()).then(|| String::from_utf8_lossy(arena.bytes(span)).into_owned())
}

/// Text as it is, anything else as JSON.
fn body(arena: &Arena, body: Value) -> String {
    match arena.text(body) {
        Some(text) => String::from_utf8_lossy(&text).into_owned(),
        None if body == Value::Null => String::new(),
        None => {
            let mut out = Vec::new();
            json::write_value(arena, body, &mut out);
            String::from_utf8_lossy(&out).into_owned()
        }
    }
}

fn level(severity: u8) -> Option<&'static str> {
    Some(match severity {
        1..=4 => "trace",
        5..=8 => "debug",
        9..=12 => "info",
        13..=16 => "warn",
        17..=20 => "error",
        21..=24 => "fatal",
        _ => return None,
    })
}

type Text<'t> = &'t dyn Fn(&Arena, List, &str) -> Option<String>;

/// A task on Fargate has no host: its tag tells where it ran.
fn host(arena: &Arena, resource: List, text: Text<'_>) -> Option<String> {
    let is = |key: &str, value: &str| {
        text(arena, resource, key).is_some_and(|own| own.eq_ignore_ascii_case(value))
    };
    if is("aws.ecs.launchtype", "fargate") {
        return None;
    }
    let keys: &[&str] = match is("cloud.provider", "aws") {
        true => &["host", "datadog.host.name", "host.id"],
        false => &["host", "datadog.host.name", "k8s.node.name", "host.id", "host.name"],
    };
    let found = keys.iter().find_map(|key| text(arena, resource, key))?;
    let local = ["localhost", "localhost.localdomain", "127.0.0.1", "0.0.0.0"];
    (!local.contains(&found.as_str())).then_some(found)
}

fn tags(arena: &Arena, resource: List, own: Option<String>, text: Text<'_>) -> String {
    let mut tags: Vec<(&str, String)> = Vec::new();
    for (key, tag) in TAGS {
        if !tags.iter().any(|(known, _)| known == tag)
            && let Some(value) = text(arena, resource, key)
        {
            tags.push((tag, value));
        }
    }
    let mut tags: Vec<String> = tags.into_iter().map(|(tag, value)| format!("{tag}:{value}")).collect();
    tags.extend(own.filter(|own| !own.is_empty()));
    tags.join(",")
}

/// Maps in maps become keys with dots. A key that is there already stays as it is.
fn flatten(arena: &mut Arena, list: List, prefix: &mut Vec<u8>, depth: u32, out: &mut List) {
    let entries: Vec<(Vec<u8>, Value)> =
        arena.iter(list).map(|(id, node)| (arena.key(id).to_vec(), node.value)).collect();
    for (key, value) in entries {
        let length = prefix.len();
        prefix.extend_from_slice(&key);
        match arena.expand(value) {
            Value::Map(inner) if depth < MAX_DEPTH => {
                prefix.push(b'.');
                flatten(arena, inner, prefix, depth + 1, out);
            }
            value if arena.find(*out, prefix).is_none() => {
                let key = arena.store(prefix);
                arena.push(out, key, value);
            }
            _ => {}
        }
        prefix.truncate(length);
    }
}
