//! Collector configurations build with the real components.

use config::Diagnostics;
use engine::component::Surroundings;
use frontends::collector::{self, Options};
use frontends::{Memory, Source};

const CATALOG: engine::Catalog = engine::Catalog {
    receivers: receivers::RECEIVERS,
    processors: processors::PROCESSORS,
    exporters: exporters::EXPORTERS,
};

/// Lowers and builds; returns what was found wrong.
fn build(text: &str, options: Options) -> Diagnostics {
    let environment = |name: &str| match name {
        "DD_API_KEY" => Some("0123456789abcdef0123456789abcdef".to_owned()),
        "OTLP_ENDPOINT" => Some("https://otlp.example.com".to_owned()),
        _ => None,
    };
    let sources = [Source::bytes("c.yaml", text)];
    let (topology, mut diagnostics) = collector::lower(&sources, &Memory::new(), &environment, options);
    let surroundings = Surroundings {
        environment: net::Environment::default().with("AWS_REGION", "eu-west-1"),
        sockets: net::Prebound::default(),
        task: None,
        workers: 1,
        memory_budget: 1 << 20,
    };
    let plan = engine::plan(&topology, &CATALOG, &surroundings, &mut diagnostics);
    assert!(plan.is_some() || diagnostics.has_errors());
    diagnostics
}

/// Every component that is lowered, with most of its keys.
const EVERYTHING: &str = r#"
extensions:
  health_check: {endpoint: 0.0.0.0:13133, path: /}
  file_storage: {directory: /var/lib/otelcol, create_directory: true}
  basicauth/grafana: {client_auth: {username: u, password: p}}
  bearertokenauth: {token: t}
  bearertokenauth/file: {filename: /var/run/token, scheme: Token}
  oauth2client: {client_id: i, client_secret_file: /s, token_url: 'https://idp.example.com/token', scopes: [a], endpoint_params: {audience: x}, timeout: 2s, expiry_buffer: 1m, tls: {insecure_skip_verify: true}}
  sigv4auth: {region: eu-west-1, service: xray}
  headers_setter: {headers: [{action: upsert, key: X-Scope-OrgID, value: shop}]}
  pprof: {endpoint: 0.0.0.0:1777}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 0.0.0.0:4317, max_recv_msg_size_mib: 16, keepalive: {server_parameters: {max_connection_age: 1h}}}
      http: {endpoint: 0.0.0.0:4318, cors: {allowed_origins: ['https://*.example.com'], max_age: 7200}}
  nginx: {endpoint: 'http://localhost:8080/status', collection_interval: 10s}
  awsecscontainermetrics: {collection_interval: 20s}
  prometheus:
    config:
      scrape_configs:
        - job_name: shop
          scrape_interval: 10s
          static_configs: [{targets: ['localhost:9102']}]
          relabel_configs: [{source_labels: [a], regex: '(.*)', target_label: b, replacement: '$$1'}]
  fluentforward: {endpoint: unix:///var/run/fluent.sock}
  fluent_forward/tcp: {endpoint: 0.0.0.0:8006}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 20}
  batch: {timeout: 5s, send_batch_size: 1024}
  resourcedetection: {detectors: [env, ecs, ec2, system], timeout: 2s, override: false, system: {resource_attributes: {os.type: {enabled: false}}}}
  resource: {attributes: [{key: team, action: insert, value: shop}]}
  filter: {error_mode: ignore, logs: {log_record: ['IsMatch(body, "GET /health")']}}
  filter/new: {error_mode: ignore, trace_conditions: ['span.name == "GET /health"']}
  transform:
    error_mode: ignore
    log_statements:
      - context: log
        conditions: ['IsMatch(body, "^{")']
        statements:
          - merge_maps(attributes, ParseJSON(body), "upsert")
          - set(severity_number, SEVERITY_NUMBER_ERROR) where attributes["level"] == "error"
  normalize: {ecs: false}
  redaction: {allow_all_keys: true, blocked_key_patterns: ['(?i)token'], blocked_values: ['4[0-9]{12}(?:[0-9]{3})?'], hash_function: sha3, summary: info}
  attributes: {actions: [{key: secret, action: delete}, {key: n, action: convert, converted_type: int}]}
exporters:
  otlp: {endpoint: 'otel.internal:4317', tls: {insecure: true}, auth: {authenticator: bearertokenauth/file}, sending_queue: {storage: file_storage}}
  otlphttp/xray: {traces_endpoint: 'https://xray.eu-west-1.amazonaws.com/v1/traces', auth: {authenticator: sigv4auth}}
  otlphttp/grafana: {endpoint: 'https://otlp.example.com/otlp', auth: {authenticator: basicauth/grafana}, compression: zstd}
  otlphttp/loki: {logs_endpoint: 'http://loki:3100/otlp/v1/logs', auth: {authenticator: headers_setter}}
  awscloudwatchlogs: {log_group_name: '/ecs/shop', log_stream_name: 'web/{TaskId}', region: eu-west-1, log_retention: 30, raw_log: true}
  datadog: {api: {key: '${env:DD_API_KEY}', site: datadoghq.eu}}
  debug: {verbosity: detailed}
  nop:
  file: {path: /var/log/telemetry.jsonl, rotation: {max_megabytes: 10, max_backups: 3}}
  loki: {endpoint: 'http://loki:3100/loki/api/v1/push', tenant_id: shop, auth: {authenticator: oauth2client}}
connectors:
  forward:
  routing:
    error_mode: silent
    default_pipelines: [logs/rest]
    table:
      - {context: log, condition: 'severity_number >= SEVERITY_NUMBER_ERROR and attributes["a"] == nil', pipelines: [logs/errors]}
      - {statement: 'route() where attributes["service.name"] == "shop"', pipelines: [logs/rest, logs/errors]}
service:
  extensions: [health_check, file_storage, basicauth/grafana, bearertokenauth, bearertokenauth/file, oauth2client, sigv4auth, headers_setter, pprof]
  telemetry: {logs: {level: info}, metrics: {level: detailed}}
  pipelines:
    traces: {receivers: [otlp], processors: [memory_limiter, filter/new, resourcedetection, batch], exporters: [otlp, otlphttp/xray, debug]}
    metrics: {receivers: [otlp, nginx, awsecscontainermetrics, prometheus], processors: [memory_limiter, resourcedetection, resource, batch], exporters: [otlp, nop]}
    logs: {receivers: [otlp, fluentforward, fluent_forward/tcp], processors: [filter, transform, normalize, redaction, attributes], exporters: [otlphttp/grafana, otlphttp/loki, awscloudwatchlogs, datadog, routing]}
    logs/errors: {receivers: [routing], processors: [attributes], exporters: [awscloudwatchlogs]}
    logs/rest: {receivers: [routing], exporters: [forward]}
    logs/end: {receivers: [forward, fluentforward], exporters: [file, loki]}
"#;

#[test]
fn everything_that_is_lowered_builds() {
    let diagnostics = build(EVERYTHING, Options::default());
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
}

/// What this program has not is named, each where it stands; on request it is left out.
#[test]
fn what_is_not_here_is_refused_by_name_or_left_out() {
    let text = EVERYTHING
        .replace("  debug: {", "  awsxray: {region: eu-west-1}\n  debug: {")
        .replace("otlphttp/xray, debug]", "otlphttp/xray, awsxray, debug]");
    let refused = build(&text, Options::default());
    let complaint =
        refused.iter().find(|found| found.message.contains("`awsxray` is not part")).expect("it is named");
    let line = text.lines().position(|line| line.starts_with("  awsxray:")).expect("it stands there") + 1;
    assert_eq!(complaint.origin.map(|origin| origin.line as usize), Some(line));
    let left_out = build(&text, Options { skip_unsupported: true });
    assert!(!left_out.has_errors(), "{}", left_out.render(false));
}

#[test]
fn every_example_builds() {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples");
    let mut seen = 0;
    for entry in std::fs::read_dir(folder).expect("it is there").flatten() {
        let text = std::fs::read_to_string(entry.path()).expect("it can be read");
        let diagnostics = build(&text, Options::default());
        let said = diagnostics.render(false);
        assert!(!diagnostics.has_errors(), "{}: {said}", entry.path().display());
        seen += 1;
    }
    assert!(seen >= 2, "{seen} examples");
}
