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
        "AWS_REGION" => Some("eu-west-1".to_owned()),
        "TARGET" => Some("localhost:8080".to_owned()),
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
  basicauth/senders: {htpasswd: {inline: 'shop:secret'}}
  bearertokenauth/file: {filename: /var/run/token, scheme: Token}
  oauth2client: {client_id: i, client_secret_file: /s, token_url: 'https://idp.example.com/token', scopes: [a], endpoint_params: {audience: x}, timeout: 2s, expiry_buffer: 1m, tls: {insecure_skip_verify: true}}
  sigv4auth: {region: eu-west-1, service: xray}
  headers_setter: {headers: [{action: upsert, key: X-Scope-OrgID, value: shop}]}
  pprof: {endpoint: 0.0.0.0:1777}
receivers:
  otlp:
    protocols:
      grpc: {endpoint: 0.0.0.0:4317, max_recv_msg_size_mib: 16, keepalive: {server_parameters: {max_connection_age: 1h}}}
      http: {endpoint: 0.0.0.0:4318, cors: {allowed_origins: ['https://*.example.com'], max_age: 7200}, auth: {authenticator: bearertokenauth}, logs_url_path: /logs}
  otlp/users:
    protocols:
      http: {endpoint: 0.0.0.0:4328, auth: {authenticator: basicauth/senders}}
  nginx: {endpoint: 'http://localhost:8080/status', collection_interval: 10s}
  awsecscontainermetrics: {collection_interval: 20s}
  prometheus:
    config:
      scrape_configs:
        - job_name: shop
          scrape_interval: 10s
          static_configs: [{targets: ['localhost:9102']}]
          relabel_configs: [{source_labels: [a], regex: '(.*)', target_label: b, replacement: '$$1'}]
  hostmetrics: {collection_interval: 30s, scrapers: {cpu:, memory:, load:, disk:, filesystem:, network:, paging:, processes:}}
  filelog:
    include: [/var/log/pods/*/*/*.log]
    exclude: ['/var/log/pods/{kube-system,telemetry}_*/*/*.log']
    include_file_path: true
    start_at: beginning
    storage: file_storage
    retry_on_failure: {enabled: true}
    attributes: {origin: pods}
    resource: {cluster: eu-1}
    operators:
      - {type: container, id: container-parser}
      - {type: router, routes: [{output: json, expr: 'body matches "^[{]"'}], default: end}
      - type: json_parser
        id: json
        timestamp: {parse_from: attributes.time, layout_type: gotime, layout: '2006-01-02T15:04:05.999Z07:00'}
        severity: {parse_from: attributes.level, mapping: {fatal: critical}}
        on_error: send_quiet
      - {type: noop, id: end}
  file_log/multiline:
    include: [/var/log/app/**/*.log]
    multiline: {line_start_pattern: '^\d{4}-'}
    poll_interval: 500ms
    max_log_size: 256KiB
    encoding: utf-8
  fluentforward: {endpoint: unix:///var/run/fluent.sock}
  fluent_forward/tcp: {endpoint: 0.0.0.0:8006}
processors:
  memory_limiter: {check_interval: 1s, limit_percentage: 80, spike_limit_percentage: 20}
  batch: {timeout: 5s, send_batch_size: 1024}
  resourcedetection: {detectors: [env, ecs, ec2, system], timeout: 2s, override: false, system: {resource_attributes: {os.type: {enabled: false}}}}
  resource: {attributes: [{key: team, action: insert, value: shop}]}
  filter: {error_mode: ignore, logs: {log_record: ['IsMatch(body, "GET /health")']}}
  filter/oldest:
    metrics: {include: {match_type: strict, metric_names: [ecs.task.memory.utilized, ecs.task.cpu.utilized]}}
    logs: {exclude: {match_type: regexp, bodies: ['^GET /health"?'], severity_number: {min: INFO}}}
    spans: {exclude: {match_type: strict, services: [shop], span_kinds: [internal], attributes: [{key: n, value: 3}]}}
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
  attributes/chosen:
    include: {match_type: regexp, services: ['^shop'], resources: [{key: host.type, value: 't4g.*'}]}
    exclude: {match_type: strict, attributes: [{key: n, value: 3}]}
    actions: [{key: team, action: upsert, value: shop}]
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
  extensions: [health_check, file_storage, basicauth/grafana, basicauth/senders, bearertokenauth, bearertokenauth/file, oauth2client, sigv4auth, headers_setter, pprof]
  telemetry: {logs: {level: info}, metrics: {level: detailed}}
  pipelines:
    traces: {receivers: [otlp, otlp/users], processors: [memory_limiter, attributes/chosen, filter/new, resourcedetection, batch], exporters: [otlp, otlphttp/xray, debug]}
    metrics: {receivers: [otlp, nginx, awsecscontainermetrics, prometheus, hostmetrics], processors: [memory_limiter, filter/oldest, resourcedetection, resource, attributes/chosen, batch], exporters: [otlp, nop]}
    logs: {receivers: [otlp, filelog, file_log/multiline, fluentforward, fluent_forward/tcp], processors: [filter, filter/oldest, transform, normalize, redaction, attributes, attributes/chosen], exporters: [otlphttp/grafana, otlphttp/loki, awscloudwatchlogs, datadog, routing]}
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

/// As the AWS build's files for ECS are made: what a task sends to Amazon's Prometheus and to X-Ray.
fn of_aws(receivers: &str, exporters: &str, pipelines: &str) -> String {
    format!(
        "
extensions:
  health_check:
  sigv4auth: {{region: '${{env:AWS_REGION}}'}}
receivers:
  otlp: {{protocols: {{grpc: {{endpoint: '0.0.0.0:4317'}}, http: {{endpoint: '0.0.0.0:4318'}}}}}}
  awsecscontainermetrics:
  prometheus:
    config:
      global: {{scrape_interval: 20s, scrape_timeout: 10s}}
      scrape_configs: [{{job_name: app, static_configs: [{{targets: ['${{env:TARGET}}']}}]}}]
{receivers}
processors:
  batch/metrics: {{timeout: 60s}}
  batch/traces: {{timeout: 1s, send_batch_size: 50}}
  resourcedetection: {{detectors: [env, system, ecs, ec2]}}
  filter: {{metrics: {{include: {{match_type: strict, metric_names: [ecs.task.cpu.utilized, container.duration]}}}}}}
  resource: {{attributes: [{{key: TaskId, from_attribute: aws.ecs.task.id, action: insert}}, {{key: aws.ecs.task.id, action: delete}}]}}
exporters:
  prometheusremotewrite:
    endpoint: 'https://aps-workspaces.eu-west-1.amazonaws.com/workspaces/ws-1/api/v1/remote_write'
    auth: {{authenticator: sigv4auth}}
    resource_to_telemetry_conversion: {{enabled: true}}
{exporters}
service:
  extensions: [health_check, sigv4auth]
  pipelines:
    metrics/application: {{receivers: [otlp, prometheus], processors: [resourcedetection, batch/metrics], exporters: [prometheusremotewrite]}}
    metrics: {{receivers: [awsecscontainermetrics], processors: [filter, resource], exporters: [prometheusremotewrite]}}
{pipelines}
"
    )
}

#[test]
fn files_of_the_aws_build_run_or_name_what_is_refused() {
    let plain = build(&of_aws("", "", ""), Options::default());
    assert!(!plain.has_errors(), "{}", plain.render(false));
    let more = of_aws(
        "  awsxray: {endpoint: '0.0.0.0:2000', transport: udp}\n  statsd: {endpoint: '0.0.0.0:8125'}",
        "  awsxray:\n  awsemf/application: {namespace: ECS/AWSOTel/Application}",
        "    traces: {receivers: [otlp, awsxray], processors: [resourcedetection, batch/traces], exporters: [awsxray]}
    metrics/emf: {receivers: [otlp, statsd], processors: [batch/metrics], exporters: [awsemf/application]}",
    );
    let refused: Vec<String> = build(&more, Options::default())
        .iter()
        .filter(|found| found.severity == config::Severity::Error)
        .map(|found| found.message.clone())
        .collect();
    let expected =
        [("receiver", "awsxray"), ("receiver", "statsd"), ("exporter", "awsxray"), ("exporter", "awsemf")]
            .map(|(role, name)| format!("the Collector's {role} `{name}` is not part of this program"));
    assert_eq!(refused, expected);
}

/// An operator that is wrong is told where it is written.
#[test]
fn operators_are_refused_where_they_stand() {
    for (from, to) in [
        ("type: container,", "type: syslog_parser,"),
        ("layout_type: gotime", "layout_type: java"),
        ("on_error: send_quiet", "on_error: loudly"),
        ("{type: noop, id: end}", "{type: noop, id: end, output: end}"),
        ("'body matches \"^[{]\"'", "'body like \"x\"'"),
    ] {
        let text = EVERYTHING.replacen(from, to, 1);
        let line = EVERYTHING.lines().position(|line| line.contains(from)).expect("it stands there") + 1;
        let refused = build(&text, Options::default());
        let mut errors = refused.iter().filter(|found| found.severity == config::Severity::Error);
        let found = errors.any(|found| found.origin.is_some_and(|origin| origin.line as usize == line));
        assert!(found, "{to}: {}", refused.render(false));
    }
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
