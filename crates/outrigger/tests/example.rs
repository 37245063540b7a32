//! The sidecar of `examples/ecs-sidecar.yaml` beside a real nginx and a real application in Python: one request's trace,
//! logs and metrics leave with the same resource attributes.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

#[path = "support/otlp.rs"]
mod endpoint;
mod support;

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use endpoint::Endpoint;
use model::Signal;
use serde_json::Value;
use support::{outrigger, settled};
use testkit::ecs::{self, Metadata};
use testkit::forward::Address;
use testkit::process::{Folder, wait_until};
use testkit::tools::free_port;
use testkit::{http, need, tools};

const PACKAGES: [&str; 3] = [
    "opentelemetry-sdk==1.45.0",
    "opentelemetry-exporter-otlp-proto-http==1.45.0",
    "opentelemetry-exporter-otlp-proto-grpc==1.45.0",
];

/// Serves one request: a span, a log record through the SDK, a line of JSON on standard output, a counter.
const APP: &str = r#"
import json, sys
from http.server import BaseHTTPRequestHandler, HTTPServer
from opentelemetry import trace
from opentelemetry._logs import LogRecord, SeverityNumber
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
port, otlp = int(sys.argv[1]), sys.argv[2]
resource = Resource.create({'service.name': 'checkout'})
traces, logs = TracerProvider(resource=resource), LoggerProvider(resource=resource)
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=otlp + '/v1/traces')))
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(endpoint=otlp + '/v1/logs')))
reader = PeriodicExportingMetricReader(OTLPMetricExporter(endpoint=otlp + '/v1/metrics'), 3600000)
metrics = MeterProvider(resource=resource, metric_readers=[reader])
tracer, logger = traces.get_tracer('app'), logs.get_logger('app')
counter = metrics.get_meter('app').create_counter('orders')
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        with tracer.start_as_current_span('GET /order') as span:
            context = span.get_span_context()
            counter.add(1)
            logger.emit(LogRecord(severity_number=SeverityNumber.INFO, body='through the SDK'))
            print(json.dumps({'level': 'warning', 'message': 'on standard output', 'order': 7,
                'trace_id': format(context.trace_id, '032x'), 'span_id': format(context.span_id, '016x')}), flush=True)
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'ok')
    def log_message(self, *args):
        pass
server = HTTPServer(('127.0.0.1', port), Handler)
print('ready', flush=True)
server.handle_request()
for provider in (traces, logs, metrics):
    provider.shutdown()
"#;

/// A child that does not outlive the test.
struct Running(Child);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn nginx(folder: &Path, port: u16, status: u16, app: u16) -> Running {
    let place = folder.display();
    let configuration = format!(
        "daemon off; master_process off; pid {place}/nginx.pid; error_log {place}/error.log; events {{}}
http {{
  access_log {place}/access.log combined;
  client_body_temp_path {place}/a; proxy_temp_path {place}/b; fastcgi_temp_path {place}/c;
  uwsgi_temp_path {place}/d; scgi_temp_path {place}/e;
  server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass http://127.0.0.1:{app}; }} }}
  server {{ listen 127.0.0.1:{status}; location = /status {{ access_log off; stub_status; }} }}
}}"
    );
    let file = folder.join("nginx.conf");
    std::fs::write(&file, configuration).expect("it can be written");
    let child = Command::new("nginx").arg("-p").arg(folder).arg("-c").arg(file).spawn();
    Running(child.expect("nginx can be started"))
}

/// A line as the log driver sends it.
fn firelens(socket: &Path, container: &str, line: &str) {
    let mut connection = Address::Unix(socket.to_owned()).connect().expect("the sidecar listens");
    let mut message = vec![0x93];
    let text = |out: &mut Vec<u8>, text: &str| {
        out.push(0xda);
        out.extend_from_slice(&(text.len() as u16).to_be_bytes());
        out.extend_from_slice(text.as_bytes());
    };
    text(&mut message, &format!("{container}-firelens-{}", ecs::TASK_ID));
    message.push(0xce);
    message.extend_from_slice(&1_750_000_000u32.to_be_bytes());
    message.push(0x83);
    for (key, value) in [("log", line), ("container_name", container), ("source", "stdout")] {
        text(&mut message, key);
        text(&mut message, value);
    }
    connection.write_all(&message).expect("it reads");
    connection.finish_writing().expect("the connection is open");
    connection.read_all(Duration::from_secs(5));
}

/// Attributes that tell of the task, of each resource of a signal.
fn of_the_task(requests: &[Value], resources: &str) -> Vec<BTreeMap<String, String>> {
    let of_one = |resource: &Value| -> BTreeMap<String, String> {
        let attributes = resource["resource"]["attributes"].as_array().into_iter().flatten();
        attributes
            .map(|pair| (pair["key"].as_str().unwrap_or_default().to_owned(), pair["value"].to_string()))
            .filter(|(key, _)| {
                ["aws.", "cloud.", "deployment.", "host."].iter().any(|start| key.starts_with(start))
            })
            .collect()
    };
    requests
        .iter()
        .flat_map(|request| request[resources].as_array().into_iter().flatten())
        .map(of_one)
        .collect()
}

/// Every log record, with its body's text.
fn records(requests: &[Value]) -> Vec<Value> {
    let lists = requests.iter().flat_map(|request| request["resourceLogs"].as_array().into_iter().flatten());
    let scopes = lists.flat_map(|resource| resource["scopeLogs"].as_array().into_iter().flatten());
    scopes.flat_map(|scope| scope["logRecords"].as_array().into_iter().flatten()).cloned().collect()
}

fn attribute<'v>(record: &'v Value, key: &str) -> Option<&'v Value> {
    let pairs = record["attributes"].as_array()?;
    pairs.iter().find(|pair| pair["key"] == key).map(|pair| &pair["value"])
}

#[test]
fn one_request_leaves_as_a_trace_logs_and_metrics_of_the_same_task() {
    need!(tools::debian("nginx-light", "nginx"));
    let python = need!(tools::python("opentelemetry", &PACKAGES));
    let (folder, endpoint, metadata) = (Folder::new(), Endpoint::start(), Metadata::start());
    let [grpc, http_port, status, front, app_port] = [(); 5].map(|()| free_port());
    let socket = folder.join("fluent.sock");
    let mut running = outrigger()
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/ecs-sidecar.yaml")])
        .envs(metadata.environment())
        .env("OTLP_ENDPOINT", endpoint.server.url())
        .env("OTLP_GRPC", format!("127.0.0.1:{grpc}"))
        .env("OTLP_HTTP", format!("127.0.0.1:{http_port}"))
        .env("FLUENT_SOCKET", &socket)
        .env("NGINX_STATUS", format!("http://127.0.0.1:{status}/status"))
        .env("NGINX_INTERVAL", "500ms")
        .env("HEALTH", format!("127.0.0.1:{}", free_port()))
        .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
        .env("OUTRIGGER_DATA", folder.join("data"))
        .start();
    running.ready();
    let mut app = Command::new(python)
        .args(["-c", APP, &app_port.to_string(), &format!("http://127.0.0.1:{http_port}")])
        .env_remove("OTEL_RESOURCE_ATTRIBUTES")
        .stdout(Stdio::piped())
        .spawn()
        .expect("the application can be started");
    let mut said = BufReader::new(app.stdout.take().expect("piped")).lines();
    assert_eq!(said.next().expect("a line").expect("text"), "ready");
    let _nginx = nginx(folder.path(), front, status, app_port);
    let at = ([127, 0, 0, 1], front).into();
    let answered = wait_until(Duration::from_secs(10), || {
        http::get(at, "/order").is_ok_and(|answer| answer.status == 200)
    });
    assert!(answered, "nginx does not answer");
    firelens(&socket, "web", &said.next().expect("a line").expect("text"));
    let access = folder.join("access.log");
    assert!(wait_until(Duration::from_secs(5), || std::fs::read_to_string(&access)
        .is_ok_and(|text| !text.is_empty())));
    let line = std::fs::read_to_string(&access).expect("it is there");
    firelens(&socket, "nginx", line.lines().last().expect("a line"));
    app.wait().expect("the application ends");
    let arrived = wait_until(Duration::from_secs(20), || {
        endpoint.items(Signal::Traces) >= 1
            && endpoint.items(Signal::Logs) >= 3
            && endpoint.holds("nginx.connections_current")
    });
    let exit = running.stop();
    settled(&exit);
    assert!(arrived, "{}", exit.stderr);
    check(&endpoint);
}

fn check(endpoint: &Endpoint) {
    let [traces, logs, metrics] =
        [Signal::Traces, Signal::Logs, Signal::Metrics].map(|signal| endpoint.json(signal));
    let mut all = of_the_task(&traces, "resourceSpans");
    all.extend(of_the_task(&logs, "resourceLogs"));
    all.extend(of_the_task(&metrics, "resourceMetrics"));
    assert!(all.len() >= 5 && all.iter().all(|one| *one == all[0]), "{all:#?}");
    let arn = format!(r#"{{"stringValue":"{}"}}"#, ecs::TASK_ARN);
    assert_eq!(all[0].get("aws.ecs.task.arn"), Some(&arn));
    assert!(
        all[0].contains_key("deployment.environment.name") && all[0].contains_key("cloud.account.id"),
        "{:#?}",
        all[0]
    );

    let span = &traces[0]["resourceSpans"][0]["scopeSpans"][0]["spans"][0];
    let records = records(&logs);
    let by_body = |text: &str| {
        let found = records
            .iter()
            .find(|record| record["body"]["stringValue"].as_str().is_some_and(|body| body.contains(text)));
        found.unwrap_or_else(|| panic!("no record with `{text}`: {records:#?}"))
    };
    for text in ["through the SDK", "on standard output"] {
        let record = by_body(text);
        assert_eq!(
            (&record["traceId"], &record["spanId"]),
            (&span["traceId"], &span["spanId"]),
            "{record:#}"
        );
    }
    let line = by_body("on standard output");
    assert_eq!(line["severityNumber"], 13, "{line:#}");
    assert_eq!(line["severityText"], "warning");
    assert_eq!(attribute(line, "container_name").map(|value| &value["stringValue"]), Some(&"web".into()));
    let access = by_body("GET /order");
    assert_eq!(
        attribute(access, "http.request.method").map(|value| &value["stringValue"]),
        Some(&"GET".into())
    );
    assert_eq!(attribute(access, "url.path").map(|value| &value["stringValue"]), Some(&"/order".into()));
    assert_eq!(
        attribute(access, "http.response.status_code").map(|value| &value["intValue"]),
        Some(&"200".into()),
        "{access:#}"
    );
    assert_eq!(access["severityNumber"], 9);
}
