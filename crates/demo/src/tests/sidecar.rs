//! The real receiver understands the metadata that is served, with the configuration that the sidecar is given.

use std::sync::Arc;
use std::time::Duration;

use engine::Running;
use engine::component::Surroundings;
use engine::ledger::Ledger;
use frontends::collector::{self, Options};
use frontends::{Memory, Source};
use net::{Endpoint, Environment, Listener, Prebound};
use serde_json::Value;

use super::{attribute, otlp_sink};
use crate::dice::Dice;
use crate::identity::Task;
use crate::metadata::Metadata;
use crate::report::Report;

const CATALOG: engine::Catalog =
    engine::Catalog { receivers: receivers::RECEIVERS, processors: &[], exporters: exporters::EXPORTERS };

/// A task whose `api` used 0.3 of a second, and where its metadata is served.
fn metadata() -> (Task, String) {
    let (metadata, task) = (Arc::<Metadata>::default(), Task::new(1, 2, &mut Dice::new(9)));
    metadata.add(&task, &["api", "log_router"]);
    for cpu_nanos in [700_000_000, 1_000_000_000] {
        let report = Report { cpu_nanos, memory: 100 << 20, received: 5_000, ..Report::default() };
        metadata.report(&task.id, "api", &report);
    }
    let listener = Listener::bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into())).unwrap();
    let port = listener.endpoint().port().unwrap();
    tokio::spawn(net::http::serve(listener, metadata.router(), std::future::pending()));
    let own = task.container_id("log_router");
    (task, format!("http://127.0.0.1:{port}/v4/{own}"))
}

fn sidecar(metadata: &str, otlp: &str) -> Running {
    let sources = [Source::bytes("sidecar.yaml", crate::SIDECAR)];
    let variable = |name: &str| (name == "OUTRIGGER_DEMO_OTLP").then(|| otlp.to_owned());
    let (topology, mut diagnostics) =
        collector::lower(&sources, &Memory::new(), &variable, Options::default());
    let surroundings = Surroundings {
        environment: Environment::from([("ECS_CONTAINER_METADATA_URI_V4", metadata)]),
        sockets: Prebound::default(),
        task: None,
        workers: 1,
        memory_budget: 1 << 20,
    };
    let plan = engine::plan(&topology, &CATALOG, &surroundings, &mut diagnostics);
    assert!(diagnostics.iter().next().is_none(), "{}", diagnostics.render(false));
    Running::start(plan.unwrap(), Arc::<Ledger>::default())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sidecar_understands_the_metadata() {
    let ((server, requests), (task, url)) = (otlp_sink(), metadata());
    let running = sidecar(&url, &server.url());
    for _ in 0..500 {
        if !requests.lock().unwrap().is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    running.shutdown(Duration::from_secs(1)).await;
    let (_, request) = requests.lock().unwrap().first().cloned().expect("metrics of the task");
    let groups = request["resourceMetrics"].as_array().unwrap();
    let metrics_of = |container: &Value| {
        let group = groups.iter().find(|group| attribute(&group["resource"], "container.name") == *container);
        let group = group.expect("a resource");
        let arn = attribute(&group["resource"], "aws.ecs.task.arn");
        assert_eq!(
            (arn, &attribute(&group["resource"], "aws.ecs.service.name")),
            (task.arn().into(), &"shop".into())
        );
        group["scopeMetrics"][0]["metrics"].as_array().unwrap().clone()
    };
    let value = |metrics: &[Value], name: &str, data: &str| {
        let metric = metrics.iter().find(|metric| metric["name"] == name).expect(name);
        let point = &metric[data]["dataPoints"][0];
        point["asInt"].as_str().map_or_else(|| point["asDouble"].clone(), Value::from)
    };
    let api = metrics_of(&"api".into());
    assert_eq!(value(&api, "container.cpu.usage.total", "sum"), "1000000000");
    assert_eq!(value(&api, "container.memory.utilized", "gauge"), "100");
    assert!(value(&api, "container.cpu.usage.vcpu", "gauge").as_f64().unwrap() > 0.0);
    let whole = metrics_of(&Value::Null);
    assert_eq!(value(&whole, "ecs.task.cpu.reserved", "gauge"), 1024.0);
    assert_eq!(value(&whole, "ecs.task.network.io.usage.rx_bytes", "sum"), "5000");
}
