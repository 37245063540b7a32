//! Pipelines that connectors join.

use super::*;

/// `CONNECTORS` and `PIPELINES` are filled in.
const JOINED: &str = "
receivers:
  otlp:
    protocols: {grpc: }
  fluent_forward: {endpoint: 0.0.0.0:8006}
processors:
  batch: {timeout: 2s}
  resource/in: {attributes: [{key: a, action: delete}]}
  resource/out: {attributes: [{key: b, action: delete}]}
exporters:
  debug:
  debug/east:
  debug/west:
connectors:
CONNECTORS
service:
  pipelines:
PIPELINES
";

fn joined(connectors: &str, pipelines: &str) -> String {
    JOINED.replace("CONNECTORS", connectors).replace("PIPELINES", pipelines)
}

/// `name: receivers > steps > exporters`, of each pipeline of the topology.
fn ways(text: &str) -> Vec<String> {
    let (topology, diagnostics) = read(text);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    let way = |pipeline: &config::topology::Pipeline| {
        let steps: Vec<&str> = pipeline.steps.iter().map(|step| &*step.processor).collect();
        let routes: Vec<&str> = pipeline.routes.iter().map(|route| &*route.exporter).collect();
        let receivers = pipeline.receivers.join(" ");
        format!("{}: {receivers} > {} > {}", pipeline.name, steps.join(" "), routes.join(" "))
    };
    topology.pipelines.iter().map(way).collect()
}

#[test]
fn forward_joins_what_is_before_it_with_what_is_behind() {
    let text = joined(
        "  forward:",
        "    logs/in: {receivers: [otlp], processors: [resource/in, batch], exporters: [forward, debug]}
    logs/other: {receivers: [fluent_forward], exporters: [forward]}
    logs/out: {receivers: [forward], processors: [resource/out], exporters: [debug/east]}
    logs/last: {receivers: [forward], exporters: [debug/west]}",
    );
    let expected = [
        "logs/in: otlp > resource/in > debug",
        "logs/in.logs/out: otlp > resource/in resource/out > debug/east",
        "logs/in.logs/last: otlp > resource/in > debug/west",
        "logs/other.logs/out: fluent_forward > fluent_forward.join_partials fluent_forward.fluent_record resource/out > debug/east",
        "logs/other.logs/last: fluent_forward > fluent_forward.join_partials fluent_forward.fluent_record > debug/west",
    ];
    assert_eq!(ways(&text), expected);
    let (topology, _) = read(&text);
    let flush = |id: &str| {
        let exporter = topology.exporters.iter().find(|exporter| &*exporter.component.id == id).unwrap();
        exporter.delivery.flush.as_secs()
    };
    assert_eq!(
        (flush("debug"), flush("debug/east")),
        (2, 2),
        "what `batch` waits is the exporter's behind it"
    );
    let chain = joined(
        "  forward/1:\n  forward/2:",
        "    traces: {receivers: [otlp], exporters: [forward/1]}
    traces/1: {receivers: [forward/1, otlp], exporters: [forward/2]}
    traces/2: {receivers: [forward/2], exporters: [debug]}",
    );
    assert_eq!(
        ways(&chain),
        ["traces.traces/1.traces/2: otlp >  > debug", "traces/1.traces/2: otlp >  > debug"]
    );
}

const TABLE: &str = "  routing:
    default_pipelines: [logs/rest]
    error_mode: ignore
    table:
      - {condition: 'attributes[\"team\"] == \"a\"', pipelines: [logs/a]}
      - {context: log, statement: 'route() where severity_number > 16', pipelines: [logs/a, logs/b], action: copy}
      - {statement: route(), pipelines: [logs/b]}";

const BEHIND: &str = "    logs: {receivers: [otlp], exporters: [routing]}
    logs/a: {receivers: [routing], exporters: [debug/east]}
    logs/b: {receivers: [routing], exporters: [debug/west]}
    logs/rest: {receivers: [routing], exporters: [debug]}";

#[test]
fn routing_puts_a_step_before_each_pipeline_behind_it() {
    let text = joined(TABLE, BEHIND);
    let expected = [
        "logs.logs/a: otlp > routing.logs/a > debug/east",
        "logs.logs/b: otlp > routing.logs/b > debug/west",
        "logs.logs/rest: otlp > routing.logs/rest > debug",
    ];
    assert_eq!(ways(&text), expected);
    let step = |text: &str, id: &str| {
        let (topology, _) = read(text);
        let step = topology.processors.iter().find(|processor| &*processor.id == id).unwrap();
        assert_eq!(&*step.kind, "route");
        step.settings.to_json()
    };
    assert_eq!(
        step(&text, "routing.logs/b"),
        json!({"error_mode": "ignore", "table": [
            {"context": "resource", "condition": "attributes[\"team\"] == \"a\""},
            {"context": "log", "condition": "severity_number > 16", "take": true, "copy": true},
            {"context": "resource", "take": true},
        ]})
    );
    assert_eq!(step(&text, "routing.logs/rest")["otherwise"], "take");
    // Without a default, one of the steps counts what nobody takes.
    let nobody =
        joined(&TABLE.replace("    default_pipelines: [logs/rest]\n", "    match_once: false\n"), BEHIND);
    assert_eq!(step(&nobody, "routing.logs/a")["otherwise"], "drop");
    assert_eq!(step(&nobody, "routing.logs/b").get("otherwise"), None);
    assert_eq!(step(&nobody, "routing.logs/b")["all_matches"], true);
}

#[test]
fn pipelines_that_cannot_be_joined_are_told() {
    let forward = "  forward:";
    for (connectors, pipelines, expected) in [
        (
            forward,
            "    traces: {receivers: [otlp], exporters: [forward]}
    logs: {receivers: [forward], exporters: [debug]}",
            "connector \"forward\" used as exporter in [traces] pipeline but not used in any supported receiver pipeline",
        ),
        (
            forward,
            "    logs: {receivers: [forward], exporters: [debug]}",
            "connector \"forward\" used as receiver in [logs] pipeline but not used in any supported exporter pipeline",
        ),
        (
            forward,
            "    logs/in: {receivers: [otlp, forward], processors: [batch], exporters: [forward]}",
            "cycle detected: connector \"forward\" (logs to logs) -> processor \"batch\" in pipeline \"logs/in\" -> \
             connector \"forward\" (logs to logs)",
        ),
        (
            "  forward/a:\n  forward/b:",
            "    logs/in: {receivers: [otlp], exporters: [forward/a]}
    logs/1: {receivers: [forward/a], exporters: [forward/b]}
    logs/2: {receivers: [forward/b], exporters: [forward/a, debug]}",
            "cycle detected: connector \"forward/a\" (logs to logs) -> connector \"forward/b\" (logs to logs) -> \
             connector \"forward/a\" (logs to logs)",
        ),
        ("  debug:", BEHIND, "ambiguous ID: Found both \"debug\" exporter and \"debug\" connector"),
        ("  spanmetrics:", "    logs: {receivers: [otlp], exporters: [debug]}", "`spanmetrics` is not part"),
        ("  forwrd:", "    logs: {receivers: [otlp], exporters: [debug]}", "did you mean `forward`?"),
        ("  forward: {x: 1}", "    logs: {receivers: [otlp], exporters: [debug]}", "has invalid keys: x"),
    ] {
        let found = complaints(&joined(connectors, pipelines));
        assert!(found.iter().any(|found| found.contains(expected)), "{pipelines}: {found:#?}");
    }
    for (from, to, expected) in [
        ("[logs/rest]", "[logs/none]", "routes to pipeline \"logs/none\", which is not configured"),
        ("[logs/rest]", "[logs]", "routes to pipeline \"logs\", which does not take from it"),
        ("route() where", "delete_key(attributes, \"a\") where", "does more than route"),
        ("context: log", "context: request", "context `request`"),
        ("context: log", "context: spans", "invalid context: spans"),
        ("pipelines: [logs/a]", "piplines: [logs/a]", "no pipelines defined"),
        ("action: copy", "action: clone", "invalid action: clone"),
        ("error_mode: ignore", "error_mode: quiet", "unknown error mode quiet"),
    ] {
        assert!(TABLE.contains(from), "{from}");
        let found = complaints(&joined(&TABLE.replacen(from, to, 1), BEHIND));
        assert!(found.iter().any(|found| found.contains(expected)), "{to}: {found:#?}");
    }
    let empty = complaints(&joined("  routing:", BEHIND));
    assert!(empty.iter().any(|found| found.contains("the routing table is empty")), "{empty:#?}");
}

#[test]
fn a_connector_that_is_left_out_leaves_the_rest_as_it_is() {
    let text = joined(
        "  spanmetrics:",
        "    traces: {receivers: [otlp], exporters: [spanmetrics, debug]}
    traces/2: {receivers: [spanmetrics], exporters: [debug/east]}",
    );
    let environment = |_: &str| None;
    let sources = [Source::bytes("c.yaml", text.as_str())];
    let options = Options { skip_unsupported: true };
    let (topology, diagnostics) = lower(&sources, &Memory::new(), &environment, options);
    assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
    assert_eq!(topology.pipelines.len(), 1);
    assert_eq!(topology.pipelines[0].routes.len(), 1);
}
