//! Configurations in, topologies and diagnostics out. Expected texts are the Collector's own, from its
//! specification.

use config::{Diagnostics, Topology};
use serde_json::json;

use super::{Options, lower};
use crate::{Memory, Source};

mod connectors;

const SMALL: &str = "
receivers:
  otlp:
    protocols:
      grpc:
      http:
        endpoint: 0.0.0.0:4318
processors:
  batch:
    timeout: 2s
exporters:
  otlphttp/east:
    endpoint: https://east.example.com/
    headers:
      api-key: ${env:API_KEY}
  debug:
service:
  pipelines:
    logs:
      receivers: [otlp]
      processors: [batch]
      exporters: [otlphttp/east]
    traces:
      receivers: [otlp]
      exporters: [otlphttp/east, debug]
";

fn read_all(texts: &[&str]) -> (Topology, Diagnostics) {
    let files = Memory::new().with("/etc/endpoint", "https://file.example.com");
    let environment = |name: &str| match name {
        "API_KEY" => Some("s3cr3t".to_owned()),
        "PORT" => Some("4319".to_owned()),
        "WORDS" => Some("[otlp, debug]".to_owned()),
        "DOLLAR" => Some("a$b".to_owned()),
        "NESTED" => Some("${PORT}".to_owned()),
        "ZEROS" => Some("0123".to_owned()),
        _ => None,
    };
    let sources: Vec<Source> = texts.iter().map(|text| Source::bytes("c.yaml", *text)).collect();
    lower(&sources, &files, &environment, Options::default())
}

fn read(text: &str) -> (Topology, Diagnostics) {
    read_all(&[text])
}

fn complaints(text: &str) -> Vec<String> {
    let (_, diagnostics) = read(text);
    let bad = diagnostics.iter().filter(|diagnostic| diagnostic.severity == config::Severity::Error);
    bad.map(|diagnostic| {
        let place = diagnostic.origin.map(|origin| origin.to_string()).unwrap_or_default();
        format!("{place} {} {}", diagnostic.message, diagnostic.help.clone().unwrap_or_default())
    })
    .collect()
}

/// `SMALL` with one part written otherwise.
fn with(from: &str, to: &str) -> String {
    assert!(SMALL.contains(from), "{from}");
    SMALL.replacen(from, to, 1)
}

#[test]
fn a_small_configuration_becomes_a_topology() {
    let (topology, diagnostics) = read(SMALL);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    assert_eq!(
        topology.receivers[0].settings.to_json().to_string(),
        r#"{"grpc":{"listen":"127.0.0.1:4317"},"http":{"listen":"0.0.0.0:4318"}}"#
    );
    let exporter = &topology.exporters[0];
    // Each signal has its own, with a queue of its own.
    let ids: Vec<&str> = topology.exporters.iter().map(|exporter| &*exporter.component.id).collect();
    assert_eq!(ids, ["otlphttp/east:logs", "otlphttp/east:traces", "debug"]);
    assert_eq!(&*exporter.component.kind, "otlp_http");
    assert_eq!(
        exporter.component.settings.to_json(),
        json!({"endpoint": "https://east.example.com", "headers": [{"name": "api-key", "value": "***"}]})
    );
    assert_eq!(exporter.delivery.flush.as_secs(), 2);
    let names: Vec<_> = topology.pipelines.iter().map(|p| (p.name.as_str(), p.routes.len())).collect();
    assert_eq!(names, [("logs", 1), ("traces", 2)]);
}

#[test]
fn faults_are_told_as_the_collector_tells_them_with_a_place() {
    for (from, to, expected) in [
        ("endpoint: 0.0.0.0:4318", "endpont: 0.0.0.0:4318", "c.yaml:7:9"),
        (
            "exporters: [otlphttp/east]",
            "exporters: [otlphttp/west]",
            "service::pipelines::logs: references exporter \"otlphttp/west\" which is not configured",
        ),
        (
            "processors: [batch]",
            "processors: [batch, batch]",
            "references processor \"batch\" multiple times",
        ),
        (
            "receivers: [otlp]\n      processors",
            "receivers: []\n      processors",
            "service::pipelines::logs: must have at least one receiver",
        ),
        ("  debug:\n", "  logging:\n  debug:\n", "use the `debug` exporter"),
        ("  debug:\n", "  debgu:\n  debug:\n", "unknown type: \"debgu\" for id: \"debgu\""),
        (
            "  debug:\n",
            "  kafka:\n  debug:\n",
            "the Collector's exporter `kafka` is not part of this program",
        ),
        ("  debug:\n", "  debug/:\n  debug:\n", "the part after / should not be empty"),
        ("  batch:\n    timeout: 2s", "  batch:\n    timeout: 2 s", "must be a duration such as `300ms`"),
        ("  batch:\n    timeout: 2s", "  batch:\n    timout: 2s", "did you mean `timeout`?"),
        ("    logs:\n", "    log:\n", "unknown pipeline type \"log\""),
        ("service:\n", "servce:\n", "did you mean `service`?"),
        (
            "service:\n",
            "service:\n  extensions: [health_check]\n",
            "service::extensions: references extension \"health_check\" which is not configured",
        ),
        (
            "    protocols:\n      grpc:\n      http:\n        endpoint: 0.0.0.0:4318\n",
            "    protocols:\n",
            "must specify at least one protocol",
        ),
        (
            "    headers:\n",
            "    sending_queue: {storage: file_storage}\n    headers:\n",
            "references extension \"file_storage\" which is not configured",
        ),
    ] {
        let found = complaints(&with(from, to));
        assert!(found.iter().any(|found| found.contains(expected)), "{to}: {found:#?}");
    }
    assert!(complaints("")[0].contains("empty configuration file"));
    let nothing = complaints("service: {pipelines: {}}");
    for expected in [
        "no receiver configuration specified in config",
        "no exporter configuration specified in config",
        "service must have at least one pipeline",
    ] {
        assert!(nothing.iter().any(|found| found.contains(expected)), "{nothing:#?}");
    }
}

#[test]
fn later_sources_win_key_by_key_and_lists_are_replaced() {
    let (topology, diagnostics) = read_all(&[
        SMALL,
        "exporters::otlphttp/east::endpoint: https://west.example.com",
        "service: {pipelines: {traces: {exporters: [debug]}}}",
    ]);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let endpoint = topology.exporters[0].component.settings.get("endpoint").and_then(|s| s.as_str());
    assert_eq!(endpoint, Some("https://west.example.com"));
    assert_eq!(topology.pipelines[1].routes.len(), 1);
}

#[test]
fn references_are_filled_in_by_the_collectors_rules() {
    let of = |written: &str| {
        let (topology, diagnostics) = read(&with("https://east.example.com/", &format!("\"{written}\"")));
        let settings = topology.exporters.first().map(|e| e.component.settings.clone()).unwrap_or_default();
        let endpoint = settings.get("endpoint").and_then(|s| s.as_str()).map(str::to_owned);
        (endpoint, diagnostics.has_errors())
    };
    for (written, expected) in [
        ("http://a:${PORT}", Some("http://a:4319")),
        ("http://a:${env:PORT}", Some("http://a:4319")),
        ("http://a:${NESTED}", Some("http://a:4319")),
        ("http://a:${ZEROS}", Some("http://a:0123")),
        ("${ZEROS}", Some("0123")),
        ("http://${NONE:-b}", Some("http://b")),
        ("http://${env:NONE:-b}", Some("http://b")),
        ("${file:/etc/endpoint}", Some("https://file.example.com")),
        ("${env:${NONE:-PORT}}", Some("4319")),
        ("http://$$a/$PORT", Some("http://$a/$PORT")),
        ("http://$${PORT}", Some("http://${PORT}")),
        ("http://$$${PORT}", Some("http://$4319")),
    ] {
        assert_eq!(of(written), (expected.map(str::to_owned), false), "{written}");
    }
    assert!(of("http://${1}").1, "a reference to no name");
    assert!(of("${file:/etc/none}").1, "a file that is not there");
    let (topology, _) = read(&with("[otlphttp/east, debug]", "\"${WORDS}\"").replace("otlp, debug", "debug"));
    assert!(topology.pipelines.len() == 2);
}

#[test]
fn what_the_engine_owns_is_lowered_to_delivery() {
    let (topology, diagnostics) = read(&with(
        "    headers:\n",
        "    timeout: 3s
    retry_on_failure: {initial_interval: 2s, max_interval: 20s, max_elapsed_time: 10m}
    sending_queue: {num_consumers: 3, sizer: bytes, queue_size: 1000000, block_on_overflow: true}
    headers:\n",
    ));
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let delivery = &topology.exporters[0].delivery;
    assert_eq!(delivery.timeout.as_secs(), 3);
    assert_eq!(delivery.concurrency, 3);
    assert_eq!(delivery.queue_bytes, Some(1_000_000));
    assert_eq!(delivery.overflow, config::Overflow::Block);
    assert_eq!((delivery.retry.base.as_secs(), delivery.retry.cap.as_secs()), (2, 20));
    assert_eq!(delivery.retry.max_age.map(|age| age.as_secs()), Some(600));
}

#[test]
fn extensions_reach_those_who_name_them() {
    let (topology, diagnostics) =
        read(&with("    headers:\n", "    auth: {authenticator: basicauth}\n    headers:\n").replace(
            "service:\n",
            "extensions:
  basicauth: {client_auth: {username: Aladdin, password: open sesame}}
  health_check: {endpoint: 0.0.0.0:13133}
  file_storage: {directory: /var/lib/q}
service:
  extensions: [basicauth, health_check, file_storage]
",
        ));
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let headers = topology.exporters[0].component.settings.get("headers").unwrap().items();
    // RFC 7617's own example.
    let value = headers.iter().find_map(|header| {
        (header.get("name")?.as_str() == Some("Authorization")).then(|| header.get("value")?.as_str())?
    });
    assert_eq!(value, Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_eq!(topology.service.storage, Some("/var/lib/q".into()));
    assert_eq!(topology.service.health_check.map(|check| check.listen), Some("0.0.0.0:13133".into()));
}

#[test]
fn remote_write_takes_the_collectors_keys() {
    let with_exporter = |keys: &str| {
        SMALL.replace("  debug:\n", &format!("  prometheusremotewrite:\n    {keys}\n  debug:\n")).replace(
            "    traces:\n",
            "    metrics:\n      receivers: [otlp]\n      exporters: [prometheusremotewrite]\n    traces:\n",
        )
    };
    let (topology, diagnostics) = read(&with_exporter(
        "endpoint: https://prometheus.example.com/api/v1/write
    headers: {X-Scope-OrgID: tenant}
    compression: snappy
    external_labels: {cluster: eu-1}
    namespace: shop
    resource_to_telemetry_conversion: {enabled: true}
    target_info: {enabled: false}
    translation_strategy: UnderscoreEscapingWithoutSuffixes
    protobuf_message: io.prometheus.write.v2.Request
    max_batch_size_bytes: 1000000
    remote_write_queue: {num_consumers: 3}",
    ));
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let exporter =
        topology.exporters.iter().find(|e| &*e.component.kind == "prometheus_remote_write").unwrap();
    assert_eq!(
        exporter.component.settings.to_json(),
        json!({
            "headers": [{"name": "X-Scope-OrgID", "value": "***"}],
            "endpoint": "https://prometheus.example.com/api/v1/write",
            "add_metric_suffixes": false,
            "namespace": "shop",
            "protobuf_message": "io.prometheus.write.v2.Request",
            "max_body_bytes": 1_000_000,
            "target_info": {"enabled": false},
            "resource_to_telemetry_conversion": {"enabled": true, "exclude_service_attributes": false},
            "external_labels": [{"name": "cluster", "value": "eu-1"}],
        })
    );
    assert_eq!((exporter.delivery.concurrency, exporter.delivery.timeout.as_secs()), (1, 5));
    for (keys, expected) in [
        ("namespace: shop", "endpoint must be specified"),
        ("endpoint: http://p\n    translation_strategy: NoTranslation", "names are always escaped here"),
        ("endpoint: http://p\n    compression: gzip\n    namespce: shop", "did you mean `namespace`?"),
    ] {
        let found = complaints(&with_exporter(keys));
        assert!(found.iter().any(|found| found.contains(expected)), "{keys}: {found:#?}");
    }
    let of_logs = with_exporter("endpoint: http://p")
        .replace("exporters: [otlphttp/east]", "exporters: [prometheusremotewrite]");
    assert!(!complaints(&of_logs).is_empty(), "it takes metrics alone");
}

#[test]
fn remote_write_is_received_under_both_names() {
    let with_receiver = |name: &str, keys: &str| {
        SMALL
            .replace("processors:\n  batch", &format!("  {name}:\n    {keys}\nprocessors:\n  batch"))
            .replace(
                "    traces:\n",
                &format!("    metrics:\n      receivers: [{name}]\n      exporters: [debug]\n    traces:\n"),
            )
    };
    for name in ["prometheusremotewrite", "prometheus_remote_write"] {
        for (keys, expected) in [
            ("", json!({"listen": "127.0.0.1:9090"})),
            (
                "endpoint: :19291\n    max_request_body_size: 1000000",
                json!({"listen": "0.0.0.0:19291", "max_request_body_bytes": 1_000_000}),
            ),
            ("cors: {allowed_origins: ['*']}", json!({"listen": "127.0.0.1:9090"})),
        ] {
            let (topology, diagnostics) = read(&with_receiver(name, keys));
            assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
            let receiver = topology.receivers.iter().find(|r| &*r.kind == "prometheus_remote_write").unwrap();
            assert_eq!(receiver.settings.to_json(), expected, "{name} {keys}");
        }
    }
    let found = complaints(&with_receiver("prometheusremotewrite", "endpont: :1"));
    assert!(found.iter().any(|found| found.contains("did you mean `endpoint`?")), "{found:#?}");
    let of_logs = with_receiver("prometheusremotewrite", "").replacen("    metrics:\n", "    logs/2:\n", 1);
    assert!(!complaints(&of_logs).is_empty(), "it brings metrics alone");
}

#[test]
fn a_sampler_takes_its_own_keys_and_no_metrics() {
    let with_sampler =
        with("  batch:\n    timeout: 2s", "  probabilistic_sampler: {sampling_percentage: 15}")
            .replace("processors: [batch]", "processors: [probabilistic_sampler]");
    let (topology, diagnostics) = read(&with_sampler);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let sampler = &topology.processors[0];
    assert_eq!(&*sampler.kind, "probabilistic_sampler");
    assert_eq!(sampler.settings.to_json(), json!({"sampling_percentage": 15}));
    let found = complaints(&with_sampler.replace("    logs:\n", "    metrics:\n"));
    assert!(found.iter().any(|found| found.contains("does not support metrics")), "{found:#?}");
}

fn with_files(keys: &str) -> String {
    SMALL
        .replace("processors:\n  batch", &format!("  filelog:\n    {keys}\nprocessors:\n  batch"))
        .replacen("receivers: [otlp]", "receivers: [otlp, filelog]", 1)
        .replace(
            "service:\n",
            "extensions: {file_storage: {directory: /var/lib/s/}}\nservice:\n  extensions: [file_storage]\n",
        )
}

#[test]
fn files_become_a_tail_and_its_steps() {
    let (topology, diagnostics) = read(&with_files(
        "include: ['/var/log/{a,b}/*.log']
    exclude: [/var/log/a/old.log]
    start_at: beginning
    include_file_path: true
    include_file_name: false
    storage: file_storage
    preserve_leading_whitespaces: true
    multiline: {line_end_pattern: 'END$'}
    force_flush_period: 1s
    resource: {team: shop}
    operators: [{type: noop}]",
    ));
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let tail = topology.receivers.iter().find(|receiver| &*receiver.kind == "tail").expect("it is there");
    assert_eq!(
        tail.settings.to_json(),
        json!({
            "path": ["/var/log/a/*.log", "/var/log/b/*.log"],
            "tag": "*",
            "use_attributes": true,
            "read_from_head": true,
            "poll_interval": "200ms",
            "refresh_interval": "1000ms",
            "max_line_bytes": 1 << 20,
            "skip_empty_lines": false,
            "exclude": ["/var/log/a/old.log"],
            "path_key": "log.file.path",
            "state_file": "/var/lib/s/receiver_filelog.json",
        })
    );
    let steps: Vec<_> = topology
        .processors
        .iter()
        .filter(|processor| processor.id.starts_with("filelog."))
        .map(|processor| (&*processor.kind, processor.settings.to_json()))
        .collect();
    let parser = json!({"name": "file_log", "type": "last", "pattern": "END$"});
    let team = json!({"id": "resource team", "type": "add", "field": "resource[\"team\"]", "value": "shop"});
    assert_eq!(
        steps,
        [
            (
                "multiline",
                json!({"mode": "parser", "key": "log", "flush_after": "1000ms", "parsers": [parser]})
            ),
            (
                "fluent_record",
                json!({"tag": false, "trim_start": false, "trim_end": true, "skip_empty": true})
            ),
            ("operators", json!({"operators": [team, {"type": "noop"}]})),
        ]
    );
}

#[test]
fn what_is_asked_of_files_and_is_not_there_is_refused() {
    for (keys, expected) in [
        ("exclude: [/a]", "required argument `include` is empty"),
        ("include: [/a]\n    start_at: middle", "must be one of `beginning`, `end`"),
        (
            "include: [/a]\n    encoding: utf-16",
            "c.yaml:10:15 receiver `filelog`: `encoding`: text in `utf-16`",
        ),
        ("include: [/a]\n    compression: gzip", "`compression` is not part of this program"),
        ("include: [/a]\n    max_log_size_behavior: truncate", "a long line is not cut off"),
        ("include: [/a]\n    header: {pattern: '^#'}", "`header` is not part of this program"),
        ("include: [/a]\n    storage: other", "references extension \"other\" which is not configured"),
        ("include: [/a]\n    multiline: {line_start_pattern: a, line_end_pattern: b}", "only one of"),
        ("include: [/a]\n    multiline: {line_start: a}", "has no setting `line_start`"),
        ("include: [/a]\n    multiline: {line_start_pattern: a, omit_pattern: true}", "`omit_pattern`"),
        ("include: [/a]\n    operatrs: []", "did you mean `operators`?"),
    ] {
        let found = complaints(&with_files(keys));
        assert!(found.iter().any(|found| found.contains(expected)), "{keys}: {found:#?}");
    }
    let off = "include: [/a]\n    compression: ''\n    delete_after_read: false\n    fingerprint_size: 1kb";
    assert_eq!(complaints(&with_files(off)), Vec::<String>::new());
}

#[test]
fn a_file_takes_the_collectors_keys() {
    let file = |keys: &str| {
        SMALL.replace("  debug:\n", &format!("  file: {keys}\n  debug:\n")).replace("debug]", "file]")
    };
    for (keys, expected) in [
        ("{path: /o.jsonl}", json!({"path": "/o.jsonl"})),
        ("{path: /o, append: true, format: json}", json!({"path": "/o", "append": true})),
        (
            "{path: /o, create_directory: true, directory_permissions: \"0700\"}",
            json!({"path": "/o", "create_directory": true}),
        ),
        (
            "{path: /o, rotation: {max_megabytes: 10, max_days: 3, max_backups: 2, localtime: false}}",
            json!({"path": "/o", "rotation": {"max_megabytes": 10, "max_days": 3, "max_backups": 2}}),
        ),
        ("{path: /o, rotation: {}}", json!({"path": "/o", "rotation": {}})),
    ] {
        let (topology, diagnostics) = read(&file(keys));
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
        let exporter = topology.exporters.iter().find(|e| &*e.component.kind == "otlp_file").unwrap();
        assert_eq!(exporter.component.settings.to_json(), expected);
        assert_eq!((exporter.delivery.concurrency, exporter.delivery.flush.as_millis()), (1, 1000));
    }
    let (topology, _) = read(&file("{path: /o, flush_interval: 3s}"));
    let exporter = topology.exporters.iter().find(|e| &*e.component.kind == "otlp_file").unwrap();
    assert_eq!(exporter.delivery.flush.as_secs(), 3);
    for (keys, expected) in [
        ("{}", "path must be non-empty"),
        ("{path: /o, format: proto}", "format `proto` is not written here"),
        ("{path: /o, format: text}", "format type is not supported"),
        ("{path: /o, compression: zstd}", "compression `zstd` is not written here"),
        ("{path: /o, append: true, rotation: {}}", "append and rotation enabled at the same time"),
        ("{path: /o, flush_interval: 0s}", "flush_interval must be larger than zero"),
        ("{path: /o, group_by: {enabled: true}}", "`group_by`: there is one file"),
        ("{path: /o, encoding: text_encoding}", "there are no encoding extensions"),
        ("{path: /o, rotaton: {}}", "did you mean `rotation`?"),
    ] {
        let found = complaints(&file(keys));
        assert!(found.iter().any(|found| found.contains(expected)), "{keys}: {found:#?}");
    }
}

#[test]
fn loki_takes_the_keys_the_collector_had() {
    let loki = |keys: &str| {
        SMALL
            .replace("  debug:\n", &format!("  loki: {keys}\n  debug:\n"))
            .replace("[otlphttp/east]", "[loki]")
    };
    let (topology, diagnostics) = read(&loki(
        "{endpoint: 'http://loki:3100/loki/api/v1/push', headers: {X-Scope-OrgID: shop}, timeout: 3s, \
         default_labels_enabled: {exporter: false, job: true}, tls: {insecure: true}}",
    ));
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let exporter = topology.exporters.iter().find(|e| &*e.component.kind == "loki").unwrap();
    let mut settings = exporter.component.settings.to_json();
    settings.as_object_mut().unwrap().remove("tls");
    assert_eq!(
        settings,
        json!({
            "headers": [{"name": "X-Scope-OrgID", "value": "***"}],
            "endpoint": "http://loki:3100/loki/api/v1/push",
            "default_labels_enabled": {"exporter": false, "job": true},
        })
    );
    assert_eq!(exporter.delivery.timeout.as_secs(), 3);
    for (keys, expected) in [
        ("{}", "\"endpoint\" must be a valid URL"),
        ("{endpoint: 'http://l', labels: {resource: {a: b}}}", "attributes become labels by hints"),
        ("{endpoint: 'http://l', format: json}", "is chosen by a hint"),
        ("{endpoint: 'http://l', tenant: {source: static}}", "is chosen by a hint"),
        ("{endpoint: 'http://l', tennant_id: a}", "did you mean `tenant_id`?"),
    ] {
        let found = complaints(&loki(keys));
        assert!(found.iter().any(|found| found.contains(expected)), "{keys}: {found:#?}");
    }
}

#[test]
fn tokens_that_change_reach_those_who_name_them() {
    let with_extension = |keys: &str| {
        with("    headers:\n", "    auth: {authenticator: a}\n    headers:\n")
            .replace("authenticator: a}", &format!("authenticator: {}}}", keys.split(':').next().unwrap()))
            .replace(
                "service:\n",
                &format!(
                    "extensions: {{{keys}}}\nservice:\n  extensions: [{}]\n",
                    keys.split(':').next().unwrap()
                ),
            )
    };
    for (keys, expected) in [
        (
            "bearertokenauth: {filename: /t}",
            json!({"token_file": {"path": "/t", "header": "Authorization", "scheme": "Bearer"}}),
        ),
        (
            "oauth2client: {client_id: i, client_secret: s3cr3t, token_url: 'https://t/x', scopes: [a, b], \
             endpoint_params: {audience: x, r: [y, z]}, timeout: 2s, expiry_buffer: 1m}",
            json!({"oauth2": {
                "client_id": "i", "token_url": "https://t/x", "client_secret": "***", "scopes": ["a", "b"],
                "timeout": "2000ms", "expiry_buffer": "60000ms",
                "endpoint_params": [
                    {"name": "audience", "value": "***"},
                    {"name": "r", "value": "***"},
                    {"name": "r", "value": "***"},
                ],
            }}),
        ),
    ] {
        let (topology, diagnostics) = read(&with_extension(keys));
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
        let auth = topology.exporters[0].component.settings.get("auth").unwrap();
        assert_eq!(auth.to_json(), expected);
    }
    for (keys, expected) in [
        ("bearertokenauth: {}", "no bearer token provided"),
        ("bearertokenauth: {tokens: [a]}", "`tokens`: only one token"),
        ("oauth2client: {client_secret: a, token_url: 'http://t'}", "no ClientID provided"),
        ("oauth2client: {client_id: a, token_url: 'http://t'}", "no ClientSecret provided"),
        ("oauth2client: {client_id: a, client_secret: a}", "no TokenURL provided"),
        (
            "oauth2client: {client_id: a, client_secret: a, token_url: 'http://t', scope: b}",
            "did you mean `scopes`?",
        ),
    ] {
        let found = complaints(&with_extension(keys));
        assert!(found.iter().any(|found| found.contains(expected)), "{keys}: {found:#?}");
    }
}
