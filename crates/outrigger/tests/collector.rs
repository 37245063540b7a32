//! Collector configurations run, with OpenTelemetry's own SDKs as senders and a counting OTLP endpoint behind.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

#[path = "support/otlp.rs"]
mod endpoint;
mod support;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use endpoint::Endpoint;
use model::Signal;
use support::outrigger;
use testkit::process::{Folder, Running, wait_until};
use testkit::tools::free_port;
use testkit::{need, tools};

/// A server of `grpcio` that counts items, fails the first call of each signal, and tells its port and counts.
const GRPC_SERVER: &str = r#"
import sys, time, threading, grpc
from concurrent import futures
from google.protobuf.duration_pb2 import Duration
from opentelemetry.proto.collector.logs.v1 import logs_service_pb2 as lp, logs_service_pb2_grpc as lg
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2 as tp, trace_service_pb2_grpc as tg
from opentelemetry.proto.collector.metrics.v1 import metrics_service_pb2 as mp, metrics_service_pb2_grpc as mg
counts, failed, encodings = {'logs': 0, 'spans': 0, 'points': 0}, set(), set()
def points(request):
    for r in request.resource_metrics:
        for s in r.scope_metrics:
            for m in s.metrics:
                yield from getattr(m, m.WhichOneof('data')).data_points
items = {
    'logs': lambda q: sum(len(s.log_records) for r in q.resource_logs for s in r.scope_logs),
    'spans': lambda q: sum(len(s.spans) for r in q.resource_spans for s in r.scope_spans),
    'points': lambda q: sum(1 for _ in points(q)),
}
def handler(kind, answer):
    def export(self, request, context):
        if kind not in failed:
            failed.add(kind)
            context.abort(grpc.StatusCode.UNAVAILABLE, 'not yet')
        encodings.add(dict(context.invocation_metadata()).get('grpc-encoding', 'identity'))
        counts[kind] += items[kind](request)
        return answer()
    return export
Logs = type('Logs', (lg.LogsServiceServicer,), {'Export': handler('logs', lp.ExportLogsServiceResponse)})
Traces = type('Traces', (tg.TraceServiceServicer,), {'Export': handler('spans', tp.ExportTraceServiceResponse)})
Metrics = type('Metrics', (mg.MetricsServiceServicer,), {'Export': handler('points', mp.ExportMetricsServiceResponse)})
server = grpc.server(futures.ThreadPoolExecutor(4))
lg.add_LogsServiceServicer_to_server(Logs(), server)
tg.add_TraceServiceServicer_to_server(Traces(), server)
mg.add_MetricsServiceServicer_to_server(Metrics(), server)
print(server.add_insecure_port('127.0.0.1:0'), flush=True)
server.start()
sys.stdin.read()
server.stop(1).wait()
print(counts['logs'], counts['spans'], counts['points'], len(failed), flush=True)
"#;

/// A task's program with this configuration; `{grpc}`, `{http}` and `{endpoint}` are filled in.
struct Sidecar {
    running: Running,
    grpc: u16,
    http: u16,
    metrics: u16,
    endpoint: Endpoint,
    _folder: Folder,
}

impl Sidecar {
    fn start(configuration: &str) -> Sidecar {
        let [grpc, http, metrics] = [(); 3].map(|()| free_port());
        let (endpoint, folder) = (Endpoint::start(), Folder::new());
        let text = configuration
            .replace("{grpc}", &grpc.to_string())
            .replace("{http}", &http.to_string())
            .replace("{metrics}", &metrics.to_string())
            .replace("{endpoint}", &endpoint.server.url());
        let file = folder.write("otel.yaml", text);
        let mut running = outrigger()
            .args(["run", "--strict", "--config"])
            .arg(file)
            .env("OUTRIGGER_DATA", folder.join("data"))
            .env("OTEL_RESOURCE_ATTRIBUTES", "deployment.environment.name=test")
            .start();
        running.ready();
        Sidecar { running, grpc, http, metrics, endpoint, _folder: folder }
    }

    /// Waits until so many logs, spans and points have arrived; nothing more may come.
    fn delivers(self, logs: u64, spans: u64, points: u64) -> Endpoint {
        let endpoint = self.endpoint;
        let wanted = [(Signal::Logs, logs), (Signal::Traces, spans), (Signal::Metrics, points)];
        let all = || wanted.iter().all(|(signal, items)| endpoint.items(*signal) >= *items);
        let arrived = wait_until(Duration::from_secs(30), all);
        let exit = self.running.stop();
        let seen: Vec<u64> = wanted.iter().map(|(signal, _)| endpoint.items(*signal)).collect();
        assert!(arrived, "{seen:?} of {wanted:?} arrived\n{}", exit.stderr);
        assert_eq!(seen, [logs, spans, points], "{}", exit.stderr);
        assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
        support::check_law(&exit.final_ledger().expect("it tells what became of every record"));
        endpoint
    }
}

const PASS_THROUGH: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:{grpc}'}
      http: {endpoint: '127.0.0.1:{http}'}
exporters:
  otlphttp:
    endpoint: {endpoint}
    compression: gzip
service:
  pipelines:
    logs: {receivers: [otlp], exporters: [otlphttp]}
    traces: {receivers: [otlp], exporters: [otlphttp]}
    metrics: {receivers: [otlp], exporters: [otlphttp]}
";

/// Everything is read: a resource's attributes are changed on their way.
const READ: &str = "
receivers:
  otlp:
    protocols:
      grpc: {endpoint: '127.0.0.1:{grpc}'}
      http: {endpoint: '127.0.0.1:{http}'}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80}
  resourcedetection: {detectors: [env]}
  resource:
    attributes:
      - {key: team, action: upsert, value: storefront}
  batch:
exporters:
  otlphttp:
    endpoint: {endpoint}
service:
  telemetry: {metrics: {readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: {metrics}}}}}]}}
  pipelines:
    logs: {receivers: [otlp], processors: [memory_limiter, resourcedetection, resource, batch], exporters: [otlphttp]}
    traces: {receivers: [otlp], processors: [memory_limiter, resourcedetection, resource, batch], exporters: [otlphttp]}
    metrics: {receivers: [otlp], processors: [memory_limiter, resourcedetection, resource, batch], exporters: [otlphttp]}
";

/// 20 spans with an event each, 20 log records, one counter and one histogram, sent when the SDK is shut down.
const PYTHON: &str = r#"
import logging, sys
protocol, endpoint = sys.argv[1], sys.argv[2]
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor
from opentelemetry._logs import LogRecord, SeverityNumber
if protocol == 'grpc':
    from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter
    from opentelemetry.exporter.otlp.proto.grpc.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.grpc._log_exporter import OTLPLogExporter
    from grpc import Compression
    at = lambda signal: {'endpoint': endpoint, 'insecure': True, 'compression': Compression.Gzip if signal == 'logs' else Compression.NoCompression}
else:
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
    from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
    from opentelemetry.exporter.otlp.proto.http import Compression
    at = lambda signal: {'endpoint': endpoint + '/v1/' + signal, 'compression': Compression.Gzip if signal == 'logs' else Compression.NoCompression}
resource = Resource.create({'service.name': 'checkout'})
traces = TracerProvider(resource=resource)
traces.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(**at('traces'))))
logs = LoggerProvider(resource=resource)
logs.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter(**at('logs'))))
metrics = MeterProvider(resource=resource, metric_readers=[PeriodicExportingMetricReader(OTLPMetricExporter(**at('metrics')), 3600000)])
tracer, logger, meter = traces.get_tracer('shop'), logs.get_logger('shop'), metrics.get_meter('shop')
counter, histogram = meter.create_counter('orders', '1'), meter.create_histogram('latency', 'ms')
for n in range(20):
    with tracer.start_as_current_span(f'order {n}') as span:
        span.add_event('paid', {'amount': 9.99})
        counter.add(1, {'tier': 'gold'})
        histogram.record(n)
        logger.emit(LogRecord(timestamp=1700000000000000000 + n, severity_number=SeverityNumber.INFO, severity_text='INFO', body=f'order {n} placed', attributes={'n': n}))
for provider in (traces, logs, metrics):
    provider.shutdown()
"#;

const PACKAGES: [&str; 3] = [
    "opentelemetry-sdk==1.45.0",
    "opentelemetry-exporter-otlp-proto-http==1.45.0",
    "opentelemetry-exporter-otlp-proto-grpc==1.45.0",
];

fn python(python: &std::path::Path, protocol: &str, endpoint: &str) {
    let output = Command::new(python)
        .args(["-c", PYTHON, protocol, endpoint])
        .env_remove("OTEL_RESOURCE_ATTRIBUTES")
        .output()
        .expect("the SDK can be started");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && !said.contains("Failed to export"), "{said}");
}

#[test]
fn the_python_sdk_over_http_and_grpc_unread_and_read() {
    let interpreter = need!(tools::python("opentelemetry", &PACKAGES));
    for (configuration, reads) in [(PASS_THROUGH, false), (READ, true)] {
        for protocol in ["http", "grpc"] {
            let sidecar = Sidecar::start(configuration);
            let port = if protocol == "grpc" { sidecar.grpc } else { sidecar.http };
            python(&interpreter, protocol, &format!("http://127.0.0.1:{port}"));
            let endpoint = sidecar.delivers(20, 20, 2);
            assert!(endpoint.holds("order 19 placed") && endpoint.holds("checkout"));
            assert_eq!(endpoint.holds("storefront"), reads);
            assert_eq!(endpoint.holds("deployment.environment.name"), reads);
        }
    }
}

/// As the Python script, in JavaScript: 20 spans, 20 log records, one counter and one histogram.
const NODE: &str = r#"
const [protocol, endpoint] = process.argv.slice(1);
const { BasicTracerProvider, BatchSpanProcessor } = require('@opentelemetry/sdk-trace-base');
const { MeterProvider, PeriodicExportingMetricReader } = require('@opentelemetry/sdk-metrics');
const { LoggerProvider, BatchLogRecordProcessor } = require('@opentelemetry/sdk-logs');
const { resourceFromAttributes } = require('@opentelemetry/resources');
const exporter = (signal, name) => {
  const { [name]: Exporter } = require(`@opentelemetry/exporter-${signal === 'traces' ? 'trace' : signal}-otlp-${protocol}`);
  return new Exporter(protocol === 'grpc' ? { url: endpoint } : { url: `${endpoint}/v1/${signal}` });
};
require('@opentelemetry/api').diag.setLogger({ error: (...e) => { console.error(...e); process.exitCode = 1; }, warn() {}, info() {}, debug() {}, verbose() {} });
(async () => {
  const resource = resourceFromAttributes({ 'service.name': 'checkout' });
  const traces = new BasicTracerProvider({ resource, spanProcessors: [new BatchSpanProcessor(exporter('traces', 'OTLPTraceExporter'))] });
  const reader = new PeriodicExportingMetricReader({ exporter: exporter('metrics', 'OTLPMetricExporter'), exportIntervalMillis: 3600000 });
  const metrics = new MeterProvider({ resource, readers: [reader] });
  const logs = new LoggerProvider({ resource, processors: [new BatchLogRecordProcessor({ exporter: exporter('logs', 'OTLPLogExporter') })] });
  const tracer = traces.getTracer('shop'), logger = logs.getLogger('shop'), meter = metrics.getMeter('shop');
  const counter = meter.createCounter('orders'), histogram = meter.createHistogram('latency');
  for (let n = 0; n < 20; n++) {
    const span = tracer.startSpan(`order ${n}`);
    span.addEvent('paid', { amount: 9.99 });
    counter.add(1, { tier: 'gold' });
    histogram.record(n);
    logger.emit({ severityNumber: 9, severityText: 'INFO', body: `order ${n} placed`, attributes: { n } });
    span.end();
  }
  for (const provider of [traces, metrics, logs]) await provider.shutdown();
})().catch(error => { console.error(error); process.exit(1); });
"#;

#[test]
fn a_real_grpc_server_gets_everything_after_it_was_not_ready() {
    let interpreter = need!(tools::python("opentelemetry", &PACKAGES));
    let mut server = Command::new(&interpreter)
        .args(["-c", GRPC_SERVER])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the server can be started");
    let mut said = BufReader::new(server.stdout.take().expect("piped")).lines();
    let port = said.next().expect("a line").expect("text");
    let exporter = format!(
        "  otlp:\n    endpoint: 127.0.0.1:{port}\n    tls: {{insecure: true}}\n    retry_on_failure: {{initial_interval: 100ms}}\n"
    );
    let text =
        READ.replace("  otlphttp:\n    endpoint: {endpoint}\n", &exporter).replace("[otlphttp]", "[otlp]");
    let sidecar = Sidecar::start(&text);
    python(&interpreter, "grpc", &format!("http://127.0.0.1:{}", sidecar.grpc));
    let exit = sidecar.running.stop();
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    support::check_law(&exit.final_ledger().expect("it tells what became of every record"));
    drop(server.stdin.take());
    assert_eq!(said.next().expect("a line").expect("text"), "20 20 2 3", "{}", exit.stderr);
    server.wait().expect("it ends");
}

#[test]
fn the_node_sdk_in_each_of_its_protocols() {
    let exporters = ["trace", "metrics", "logs"].into_iter().flat_map(|signal| {
        ["http", "proto", "grpc"]
            .map(|protocol| format!("@opentelemetry/exporter-{signal}-otlp-{protocol}@0.223.0"))
    });
    let sdks = ["api@1", "resources@2", "sdk-trace-base@2", "sdk-metrics@2"]
        .map(|name| format!("@opentelemetry/{name}"));
    let packages: Vec<String> =
        exporters.chain(sdks).chain(["@opentelemetry/sdk-logs@0.223.0".to_owned()]).collect();
    let packages: Vec<&str> = packages.iter().map(String::as_str).collect();
    let folder = need!(tools::node("opentelemetry", &packages));
    for protocol in ["http", "proto", "grpc"] {
        let sidecar = Sidecar::start(READ);
        let port = if protocol == "grpc" { sidecar.grpc } else { sidecar.http };
        let output = Command::new("node")
            .args(["-e", NODE, protocol, &format!("http://127.0.0.1:{port}")])
            .env("NODE_PATH", folder.join("node_modules"))
            .env_remove("OTEL_RESOURCE_ATTRIBUTES")
            .output()
            .expect("node can be started");
        assert!(output.status.success(), "{protocol}: {}", String::from_utf8_lossy(&output.stderr));
        let endpoint = sidecar.delivers(20, 20, 2);
        assert!(endpoint.holds("order 19 placed") && endpoint.holds("storefront"), "{protocol}");
    }
}

/// What the Collector's dashboards ask for, under its names.
#[test]
fn counts_are_shown_under_the_collectors_names() {
    let interpreter = need!(tools::python("opentelemetry", &PACKAGES));
    let sidecar = Sidecar::start(READ);
    python(&interpreter, "grpc", &format!("http://127.0.0.1:{}", sidecar.grpc));
    let at = ([127, 0, 0, 1], sidecar.metrics).into();
    let page = || testkit::http::get(at, "/metrics").map(|answer| answer.text()).unwrap_or_default();
    let wanted = [
        r#"otelcol_receiver_accepted_spans{receiver="otlp"} 20"#,
        r#"otelcol_receiver_accepted_log_records{receiver="otlp"} 20"#,
        r#"otelcol_receiver_accepted_metric_points{receiver="otlp"} 2"#,
        r#"otelcol_exporter_sent_spans{exporter="otlphttp"} 20"#,
        r#"otelcol_exporter_sent_log_records{exporter="otlphttp"} 20"#,
        r#"otelcol_exporter_sent_metric_points{exporter="otlphttp"} 2"#,
        r#"otelcol_exporter_send_failed_spans{exporter="otlphttp"} 0"#,
        r#"otelcol_exporter_queue_size{data_type="traces",exporter="otlphttp"} 0"#,
        r#"otelcol_processor_incoming_items{processor="resource"} 42"#,
    ];
    let shown = wait_until(Duration::from_secs(20), || {
        let page = page();
        wanted.iter().all(|line| page.lines().any(|shown| shown == *line))
    });
    assert!(shown, "{}", page());
    sidecar.delivers(20, 20, 2);
}

/// As on a node of Kubernetes, with containerd.
const PODS: &str = r#"
receivers:
  filelog:
    include: ['{logs}/pods/*/*/*.log']
    exclude: ['{logs}/pods/kube-system_*/*/*.log']
    start_at: beginning
    include_file_path: true
    include_file_name: false
    operators:
      - type: container
        id: container-parser
      - type: json_parser
        if: body matches "^[{]"
        severity: {parse_from: attributes.level}
      - {type: remove, field: attributes.logtag}
exporters:
  otlphttp: {endpoint: '{endpoint}', compression: none}
service:
  pipelines:
    logs: {receivers: [filelog], exporters: [otlphttp]}
"#;

#[test]
fn lines_of_pods_come_with_their_pod() {
    let (endpoint, folder) = (Endpoint::start(), Folder::new());
    let pod = |name: &str| format!("pods/{name}_49cc7c1f-d370-2c40-b268-6ea7486091d6/app/0.log");
    folder.write(
        &pod("shop_web-0"),
        "2026-06-22T10:27:25.813799277Z stdout P {\"level\":\"warn\",\"mes\n\
         2026-06-22T10:27:25.813799278Z stderr F  at main.py:7 \n\
         2026-06-22T10:27:25.813799279Z stdout F sage\":\"slow\"}\n",
    );
    folder.write(&pod("kube-system_dns-0"), "2026-06-22T10:27:25Z stdout F not wanted\n");
    let text = PODS
        .replace("{endpoint}", &endpoint.server.url())
        .replace("{logs}", &folder.path().to_string_lossy());
    let file = folder.write("otel.yaml", text);
    let data = folder.join("data");
    let mut running =
        outrigger().args(["run", "--strict", "--config"]).arg(file).env("OUTRIGGER_DATA", data).start();
    running.ready();
    wait_until(Duration::from_secs(30), || endpoint.items(Signal::Logs) >= 2);
    let exit = running.stop();
    let mut seen = Vec::new();
    for request in endpoint.json(Signal::Logs) {
        for resource in request["resourceLogs"].as_array().expect("a list") {
            let name = |wanted: &str| {
                let attributes = resource["resource"]["attributes"].as_array().expect("a list");
                let found = attributes.iter().find(|attribute| attribute["key"] == wanted);
                found.map(|found| found["value"]["stringValue"].as_str().unwrap_or_default().to_owned())
            };
            let pod = (name("k8s.namespace.name"), name("k8s.pod.name"), name("k8s.container.name"));
            assert_eq!(pod, (Some("shop".into()), Some("web-0".into()), Some("app".into())));
            for record in resource["scopeLogs"][0]["logRecords"].as_array().expect("a list") {
                let body = record["body"]["stringValue"].as_str().unwrap_or_default().to_owned();
                let severity = record["severityNumber"].as_u64().unwrap_or_default();
                seen.push((body, severity, record["timeUnixNano"].as_str().unwrap_or_default().to_owned()));
            }
        }
    }
    let expected = [
        (" at main.py:7", 0, "1782124045813799278"),
        ("{\"level\":\"warn\",\"message\":\"slow\"}", 13, "1782124045813799279"),
    ];
    let expected = expected.map(|(body, severity, time)| (body.to_owned(), severity, time.to_owned()));
    assert_eq!(seen, expected, "{}", exit.stderr);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
}
