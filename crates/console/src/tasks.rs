//! `api/tasks`: clusters, services, tasks and containers that told of themselves; `api/usage`: what they used.

use std::collections::BTreeMap;

use axum::extract::State;
use axum::response::Response;
use query::{Of, QueryError};
use serde_json::{Map, Value, json};

use crate::Console;
use crate::answers::{Refusal, object};
use crate::logs::objects;
use crate::parameters::Parameters;

/// A task, and what it belongs to as far as its rows tell.
#[derive(Default)]
struct Task {
    cluster: String,
    service: String,
    told: Map<String, Value>,
}

/// Tasks by cluster and service.
type Clusters = BTreeMap<String, BTreeMap<String, Vec<Value>>>;

pub(crate) async fn tasks(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let range = asked.range()?;
    let mut tasks: BTreeMap<String, Task> = BTreeMap::new();
    for row in objects(&console.engine.places(range).await?) {
        let text = |name: &str| row.get(name).and_then(Value::as_str).filter(|text| !text.is_empty());
        let Some(id) = text("task") else { continue };
        let task = tasks.entry(id.to_owned()).or_default();
        // A task's metrics may not say its service, nor its logs; its family is what a person knows it by.
        let service = text("ecs_service").or(text("task_family")).or(text("service"));
        for (known, told) in [(&mut task.cluster, text("cluster")), (&mut task.service, service)] {
            if let Some(told) = told
                && known.is_empty()
            {
                told.clone_into(known);
            }
        }
        add(&mut task.told, &row);
    }
    let mut clusters = Clusters::new();
    for Task { cluster, service, told } in tasks.into_values() {
        clusters.entry(cluster).or_default().entry(service).or_default().push(Value::Object(told));
    }
    let clusters: Vec<_> = clusters
        .into_iter()
        .map(|(name, services)| {
            let services: Vec<_> =
                services.into_iter().map(|(name, tasks)| json!({"name": name, "tasks": tasks})).collect();
            json!({"name": name, "services": services})
        })
        .collect();
    let hosts = objects(&console.engine.hosts(range).await?);
    let hosts: Vec<_> = hosts.into_iter().filter_map(|row| Some(json!({"name": row.get("host")?}))).collect();
    Ok(object(&json!({"clusters": clusters, "hosts": hosts})))
}

/// Adds what one row tells of a task.
fn add(task: &mut Map<String, Value>, row: &Map<String, Value>) {
    for (from, to) in [
        ("task", "task"),
        ("task_family", "family"),
        ("task_revision", "revision"),
        ("launch_type", "launch_type"),
    ] {
        if let Some(value) = row.get(from) {
            task.entry(to).or_insert_with(|| value.clone());
        }
    }
    for (name, wider) in [("from", i64::min as fn(i64, i64) -> i64), ("to", i64::max)] {
        if let Some(time) = row.get(name).and_then(Value::as_i64).map(|micros| micros / 1000) {
            let known = task.get(name).and_then(Value::as_i64).unwrap_or(time);
            task.insert(name.into(), json!(wider(known, time)));
        }
    }
    let containers = task.entry("containers").or_insert_with(|| json!([]));
    let Value::Array(containers) = containers else { return };
    let Some(name) = row.get("container") else { return };
    if !containers.iter().any(|container| container["name"] == *name) {
        containers.push(json!({"name": name, "id": row.get("container_id")}));
    }
}

pub(crate) async fn usage(State(console): State<Console>, asked: Parameters) -> Result<Response, Refusal> {
    let of = match (asked.get("task"), asked.get("host")) {
        (Some(task), _) => Of::Task { task: task.to_owned(), container: asked.text("container") },
        (None, Some(host)) => Of::Host(host.to_owned()),
        (None, None) => return Err(QueryError::refused("name a `task` or a `host`").into()),
    };
    let series = console.engine.usage(&of, asked.range()?).await?;
    let series: Vec<_> = series
        .into_iter()
        .map(|one| json!({"what": one.what, "container": one.container, "unit": one.unit, "points": one.points}))
        .collect();
    Ok(object(&json!({ "series": series })))
}
