//! One request through front, api and worker, seen from where their telemetry goes.

mod sidecar;

use std::io::Read;
use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Signal;
use serde_json::{Value, json};
use testkit::http::{Request, Response, Server};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::dice::Dice;
use crate::identity::Task;
use crate::service::Running;
use crate::{Part, Role};

/// Takes the forward protocol without answering.
struct ForwardSink {
    address: SocketAddr,
    messages: Arc<Mutex<Vec<Value>>>,
}

impl ForwardSink {
    fn start() -> ForwardSink {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let (address, messages) = (listener.local_addr().unwrap(), Arc::<Mutex<Vec<Value>>>::default());
        let taken = messages.clone();
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                let (mut stream, taken) = (stream.unwrap(), taken.clone());
                std::thread::spawn(move || {
                    let mut bytes = Vec::new();
                    let _ = stream.read_to_end(&mut bytes);
                    taken.lock().unwrap().extend(testkit::msgpack::decode_all(&bytes).unwrap());
                });
            }
        });
        ForwardSink { address, messages }
    }
}

/// Each as path and JSON.
type Requests = Arc<Mutex<Vec<(String, Value)>>>;

/// Takes OTLP/HTTP.
fn otlp_sink() -> (Server, Requests) {
    let requests = Requests::default();
    let taken = requests.clone();
    let server = Server::start(move |request| {
        let signal = if request.path == "/v1/traces" { Signal::Traces } else { Signal::Metrics };
        assert_eq!(request.header("content-type"), Some("application/x-protobuf"));
        let json = wire::otlp::to_json(signal, &request.decoded().unwrap()).unwrap();
        taken.lock().unwrap().push((request.path, serde_json::from_slice(&json).unwrap()));
        Response::new(200, "")
    });
    (server, requests)
}

/// The three services in this process.
struct Shop {
    entry: SocketAddr,
    task: Task,
    stop: watch::Sender<bool>,
    services: Vec<JoinHandle<()>>,
}

impl Shop {
    fn start(forward: &str, otlp: &str) -> Shop {
        let task = Task::new(0, 0, &mut Dice::new(5));
        let (stop, stopped) = watch::channel(false);
        let (mut next, mut services) = (None, Vec::new());
        for role in [Role::Worker, Role::Api, Role::Front] {
            let part = Part {
                task: task.clone(),
                place: 0,
                container: role.to_string(),
                next,
                forward: forward.into(),
                otlp: otlp.into(),
                program: Default::default(),
                metadata: None,
                folder: None,
                // With this seed nothing goes wrong in the first request.
                seed: 11,
            };
            let running = Running::bind(role, &part).unwrap();
            next = Some(running.address.clone());
            services.push(tokio::spawn(running.serve(stopped.clone())));
        }
        Shop { entry: next.unwrap().parse().unwrap(), task, stop, services }
    }

    /// All telemetry has left by then.
    async fn end(self) -> Task {
        self.stop.send_replace(true);
        for service in self.services {
            service.await.unwrap();
        }
        self.task
    }
}

async fn ask(entry: SocketAddr, method: &str, path: &str, body: Value) -> Response {
    let request = Request {
        method: method.into(),
        path: path.into(),
        headers: vec![("x-user-id".into(), "u-7".into()), ("x-request-id".into(), "req-1".into())],
        body: body.to_string().into_bytes(),
        ..Request::default()
    };
    tokio::task::spawn_blocking(move || testkit::http::send(entry, &request).unwrap()).await.unwrap()
}

/// An attribute's text or number.
fn attribute(of: &Value, key: &str) -> Value {
    let all = of["attributes"].as_array().into_iter().flatten();
    let found = all.into_iter().find(|pair| pair["key"] == key);
    let value = found.and_then(|pair| pair["value"].as_object()?.values().next().cloned());
    value.unwrap_or_default()
}

/// Spans with the name of their service, and resources.
fn spans(requests: &[(String, Value)]) -> Vec<(Value, Value)> {
    let traces = requests.iter().filter(|(path, _)| path == "/v1/traces");
    let resources = traces.flat_map(|(_, request)| request["resourceSpans"].as_array().unwrap());
    let spans = resources.flat_map(|group| {
        let spans = group["scopeSpans"][0]["spans"].as_array().unwrap();
        spans.iter().map(|span| (group["resource"].clone(), span.clone()))
    });
    spans.collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn one_checkout_is_one_trace_with_its_lines_and_metrics() {
    let (forward, (server, requests)) = (ForwardSink::start(), otlp_sink());
    let shop = Shop::start(&forward.address.to_string(), &server.url());
    let answer = ask(shop.entry, "POST", "/checkout", json!({"amount_cents": 4200})).await;
    assert_eq!(answer.status, 201, "{}", answer.text());
    let task = shop.end().await;

    let requests = requests.lock().unwrap().clone();
    let spans = spans(&requests);
    let named = |service: &str, name: &str, kind: u64| {
        let is = |(resource, span): &&(Value, Value)| {
            attribute(resource, "service.name") == service && span["name"] == name && span["kind"] == kind
        };
        spans.iter().find(is).unwrap_or_else(|| panic!("no {name} of {service} among {spans:#?}")).1.clone()
    };
    let chain = [
        named("shop-front", "POST /checkout", 2),
        named("shop-front", "POST", 3),
        named("shop-api", "POST /checkout", 2),
        named("shop-api", "POST", 3),
        named("shop-worker", "POST /payments", 2),
        named("shop-worker", "POST", 3),
    ];
    assert_eq!(chain[0]["parentSpanId"].as_str().unwrap_or_default(), "");
    for pair in chain.windows(2) {
        assert_eq!(pair[1]["parentSpanId"], pair[0]["spanId"]);
    }
    let query = named("shop-api", "INSERT orders", 3);
    assert_eq!(query["parentSpanId"], chain[2]["spanId"]);
    assert_eq!(attribute(&query, "db.system.name"), "postgresql");
    let trace = &chain[0]["traceId"];
    assert!(spans.iter().all(|(_, span)| span["traceId"] == *trace));
    assert_eq!(attribute(&chain[0], "http.route"), "/checkout");
    assert_eq!(attribute(&chain[0], "http.response.status_code"), "201");
    assert!(spans.iter().all(|(resource, _)| attribute(resource, "aws.ecs.task.arn") == task.arn()));

    let lines = lines_of(&forward, &task).await;
    for service in ["front", "api", "worker"] {
        let line = lines
            .iter()
            .find(|(container, line)| container == service && line["component"] == "http")
            .unwrap_or_else(|| panic!("no line of {service} among {lines:#?}"));
        assert_eq!(line.1["trace_id"], *trace);
        assert_eq!(line.1["request_id"], "req-1");
        assert_eq!(line.1["user_id"], "u-7");
        assert!(spans.iter().any(|(_, span)| span["spanId"] == line.1["span_id"]));
    }
    check_metrics(&requests);
}

/// Container and line of each record; all records are as FireLens leaves them.
async fn lines_of(forward: &ForwardSink, task: &Task) -> Vec<(String, Value)> {
    let mut lines = Vec::new();
    // The connections are closed; their threads may need a moment to see it.
    for _ in 0..200 {
        let messages = forward.messages.lock().unwrap().clone();
        lines.clear();
        for message in messages {
            let record = &message[2];
            let container = record["container_name"].as_str().unwrap().to_owned();
            assert_eq!(message[0], format!("{container}-firelens-{}", task.id));
            assert_eq!(record["container_id"], task.container_id(&container));
            assert_eq!(record["ecs_cluster"], "shop");
            assert_eq!(record["ecs_task_arn"], task.arn());
            assert_eq!(record["ecs_task_definition"], format!("shop:{}", task.revision));
            let line = serde_json::from_str(record["log"].as_str().unwrap()).unwrap();
            lines.push((container, line));
        }
        let is_there = |name: &str| lines.iter().any(|(container, _)| container == name);
        if ["front", "api", "worker"].into_iter().all(is_there) {
            break;
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    lines
}

fn check_metrics(requests: &[(String, Value)]) {
    let of = requests.iter().filter(|(path, _)| path == "/v1/metrics");
    let metrics: Vec<_> = of
        .flat_map(|(_, request)| {
            request["resourceMetrics"][0]["scopeMetrics"][0]["metrics"].as_array().unwrap()
        })
        .collect();
    let named = |name: &str| metrics.iter().rfind(|metric| metric["name"] == name).expect(name);
    assert_eq!(named("shop.orders")["sum"]["dataPoints"][0]["asInt"], "1");
    let durations = named("http.server.request.duration");
    assert_eq!(durations["histogram"]["dataPoints"][0]["count"], "1");
    assert_eq!(durations["histogram"]["aggregationTemporality"], 2);
    assert!(metrics.iter().any(|metric| metric["name"] == "process.memory.usage"));
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_time_out_tell_so_in_span_and_line() {
    let (forward, (server, requests)) = (ForwardSink::start(), otlp_sink());
    let shop = Shop::start(&forward.address.to_string(), &server.url());
    // One in six fails, so that of forty at once some do, whatever the order they come in.
    let asked: Vec<_> = (0..40)
        .map(|_| tokio::spawn(ask(shop.entry, "POST", "/checkout", json!({"amount_cents": 1}))))
        .collect();
    let mut failed = 0;
    for answer in asked {
        failed += usize::from(answer.await.unwrap().status == 502);
    }
    let task = shop.end().await;
    assert!(failed > 0);
    let spans = spans(&requests.lock().unwrap());
    let thrown: Vec<_> = spans
        .iter()
        .map(|(_, span)| span)
        .filter(|span| span["name"] == "POST /payments" && span["events"][0]["name"] == "exception")
        .collect();
    assert_eq!(thrown.len(), failed);
    assert_eq!(attribute(&thrown[0]["events"][0], "exception.type"), "PaymentProviderTimeout");
    assert_eq!(thrown[0]["status"]["code"], 2);
    let lines = lines_of(&forward, &task).await;
    let of_trace = |line: &Value| thrown.iter().any(|span| span["traceId"] == line["trace_id"]);
    let told = lines.iter().filter(|(_, line)| line["exception.type"] == "PaymentProviderTimeout");
    assert!(told.clone().all(|(_, line)| line["level"] == "error" && of_trace(line)));
    assert_eq!(told.count(), failed);
}
