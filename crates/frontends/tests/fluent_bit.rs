//! Fluent Bit configurations, what they become and what is said about them.
//!
//! `tests/golden/messages/NAME.conf` (or `.yaml`) with the expected text, `tests/golden/lowering/NAME.conf`
//! with the expected topology. `UPDATE_GOLDEN=1` rewrites what is expected; review the difference.

use std::path::{Path, PathBuf};

use config::{Diagnostics, TagMatch, Topology};
use frontends::fluent_bit::{Source, WithShipped, lower};
use frontends::{Disk, Files, Memory};
use serde_json::{Value, json};

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "AWS_REGION" => "eu-west-1",
        "ECS_CLUSTER" => "shop",
        "ECS_TASK_ID" => "0f1e2d3c",
        "apikey_0" | "apikey_2" => "0000example0000",
        "WITH_LINE_FEED" => "0000example0000\n",
        "EMPTY" => "",
        "SOCKET" => "/var/run/fluent.sock",
        _ => return None,
    };
    Some(value.to_owned())
}

/// Lowers one file as the router's generated file, other cases' files beside it.
fn lower_file(path: &Path) -> (Topology, Diagnostics) {
    let name = path.file_name().and_then(|name| name.to_str()).expect("a file name");
    let mounted = format!("/fluent-bit/etc/{name}");
    let mut files = Memory::new();
    for entry in std::fs::read_dir(path.parent().expect("a folder")).expect("lists").flatten() {
        if let (Ok(bytes), Some(name)) = (std::fs::read(entry.path()), entry.file_name().to_str()) {
            files = files.with(format!("/fluent-bit/etc/{name}"), bytes);
        }
    }
    lower(&[Source::path(mounted)], &WithShipped(files), &environment)
}

fn cases(folder: &str) -> Vec<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(folder);
    let mut paths: Vec<PathBuf> = std::fs::read_dir(folder)
        .expect("lists")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        // What begins with an underscore is included by others.
        .filter(|path| path.file_name().and_then(|n| n.to_str()).is_some_and(|n| !n.starts_with('_')))
        .filter(|path| path.extension().is_some_and(|e| e == "conf" || e == "yaml"))
        .collect();
    paths.sort();
    assert!(!paths.is_empty());
    paths
}

fn golden(path: &Path, actual: &str, failed: &mut Vec<String>) {
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::write(path, actual).expect("writes");
    }
    if std::fs::read_to_string(path).unwrap_or_default() != actual {
        failed.push(format!("{} differs; now:\n{actual}", path.display()));
    }
}

#[test]
fn messages() {
    let mut failed = Vec::new();
    for path in cases("messages") {
        let (_, diagnostics) = lower_file(&path);
        let text = diagnostics.render(false);
        assert!(!text.contains("0000example0000"), "{}: a secret is shown", path.display());
        golden(&path.with_extension("txt"), &text, &mut failed);
    }
    assert!(failed.is_empty(), "{}\n(UPDATE_GOLDEN=1 rewrites)", failed.join("\n"));
}

#[test]
fn lowering() {
    let mut failed = Vec::new();
    for path in cases("lowering") {
        let (topology, diagnostics) = lower_file(&path);
        assert!(!diagnostics.has_errors(), "{}\n{}", path.display(), diagnostics.render(false));
        let mut text = serde_json::to_string_pretty(&as_json(&topology)).expect("prints");
        text.push('\n');
        assert!(!text.contains("0000example0000"), "{}: a secret is shown", path.display());
        golden(&path.with_extension("json"), &text, &mut failed);
    }
    assert!(failed.is_empty(), "{}\n(UPDATE_GOLDEN=1 rewrites)", failed.join("\n"));
}

fn as_json(topology: &Topology) -> Value {
    let component = |c: &config::Component| json!({"id": &*c.id, "kind": &*c.kind, "settings": c.settings.to_json()});
    let pipeline = &topology.pipelines[0];
    let service = &topology.service;
    json!({
        "service": {
            "grace": service.grace.map(|grace| grace.as_secs()),
            "log_level": service.log_level,
            "monitor": service.monitor.as_ref().map(|monitor| format!("{monitor:?}")),
        },
        "receivers": topology.receivers.iter().map(component).collect::<Vec<_>>(),
        "processors": topology.processors.iter().map(component).collect::<Vec<_>>(),
        "exporters": topology.exporters.iter().map(|exporter| {
            let mut value = component(&exporter.component);
            if exporter.delivery != config::Delivery::default() {
                value["delivery"] = json!(format!("{:?}", exporter.delivery));
            }
            value
        }).collect::<Vec<_>>(),
        "steps": pipeline.steps.iter().map(|s| format!("{} <- {}", s.processor, tags(&s.matching))).collect::<Vec<_>>(),
        "routes": pipeline.routes.iter().map(|r| format!("{} <- {}", r.exporter, tags(&r.matching))).collect::<Vec<_>>(),
    })
}

fn tags(matching: &TagMatch) -> String {
    let mut parts: Vec<String> = matching.wildcard.iter().cloned().collect();
    parts.extend(matching.expression.iter().map(|pattern| format!("{pattern:?}")));
    if parts.is_empty() { "everything".into() } else { parts.join(" or ") }
}

/// Every configuration Fluent Bit itself ran for the fixtures.
#[test]
fn recorded_configurations_lower_without_a_fault() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fluent-bit");
    let mut count = 0;
    for entry in std::fs::read_dir(fixtures).expect("lists").flatten() {
        let main = entry.path().join("fluent-bit.conf");
        // A case with an exit status is one that Fluent Bit refused.
        if !main.exists() || entry.path().join("exit").exists() {
            continue;
        }
        let mut sources = vec![Source::path(main.to_str().expect("UTF-8"))];
        let parsers = entry.path().join("parsers.conf");
        if parsers.exists() {
            sources.push(Source::path(parsers.to_str().expect("UTF-8")));
        }
        let (topology, diagnostics) = lower(&sources, &Disk, &environment);
        assert!(!diagnostics.has_errors(), "{}", diagnostics.render(false));
        assert!(!topology.receivers.is_empty() && !topology.pipelines[0].routes.is_empty());
        count += 1;
    }
    assert!(count > 50, "{count}");
}

#[test]
fn the_reference_guides_files_need_no_word() {
    let generated = std::fs::read(cases("lowering")[0].with_file_name("_generated.conf")).expect("reads");
    let parsers = "[PARSER]\n    Name   json\n    Format json\n";
    let custom = std::fs::read(cases("lowering")[0].with_file_name("_custom.conf")).expect("reads");
    let sources = [
        Source::bytes("/fluent-bit/etc/fluent-bit.conf", generated),
        Source::bytes("s3://bucket/fluent-bit-parsers.conf", parsers),
        Source::bytes("s3://bucket/fluent-bit-custom.conf", custom),
    ];
    let (topology, diagnostics) = lower(&sources, &Memory::new(), &environment);
    assert_eq!(diagnostics.render(false), "");
    let routes = &topology.pipelines[0].routes;
    let gets = |tag: &str| -> Vec<&str> {
        routes.iter().filter(|r| r.matching.matches(tag)).map(|r| &*r.exporter).collect()
    };
    assert_eq!(gets("app-firelens-0f1e"), ["datadog.0", "cloudwatch_logs.0"]);
    assert_eq!(gets("firelens-healthcheck"), ["null.0"], "the health check reaches nothing that costs");
    let steps: Vec<&str> = topology.pipelines[0].steps.iter().map(|step| &*step.processor).collect();
    assert_eq!(steps, ["join_partials", "record_modifier.0", "parser.0"]);
}

#[test]
fn every_shipped_file_lowers() {
    let files = WithShipped(Memory::new());
    for folder in ["/fluent-bit/configs", "/fluent-bit/parsers", "/ecs"] {
        for name in files.list(folder).expect("lists") {
            let path = format!("{folder}/{name}");
            let (_, diagnostics) = lower(&[Source::path(path.clone())], &files, &|name| Some(match name {
                "PARSER_NAME" => "json".to_owned(),
                other => other.to_lowercase(),
            }));
            let faults: Vec<&str> = diagnostics
                .iter()
                .filter(|d| d.severity == config::Severity::Error)
                .map(|d| d.message.as_str())
                .filter(|m| !m.contains("no [INPUT]") && !m.contains("is not part of Outrigger"))
                .collect();
            assert_eq!(faults, Vec::<&str>::new(), "{path}");
        }
    }
}

/// Whatever the bytes, reading them ends and nothing panics.
#[test]
fn noise_never_panics() {
    let words: &[&str] = &[
        "[INPUT]", "[FILTER]", "[OUTPUT]", "[PARSER]", "[MULTILINE_PARSER]", "[SERVICE]", "[", "]", "\n", "\n    ", "\t",
        "Name ", "Match ", "forward", "datadog", "cloudwatch", "grep", "modify", "parser", "multiline", "Regex ", "Rule ",
        "*", "${", "}", ":-", "$(", "\"", "/(?<a>", ")", "[[:", "\\", "@INCLUDE ", "@SET ", "=", "tls.", "host ", "https://[",
        "::", "é", "\0", "- ", ": ", "pipeline:", "inputs:", "&a ", "*a", "{", "|", ">", "\u{feff}", "9999999999999", "-1",
    ];
    let mut state: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut random = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    for round in 0..3000 {
        let mut bytes = Vec::new();
        for _ in 0..random() % 60 {
            match random() % 8 {
                0 => bytes.push((random() % 256) as u8),
                _ => bytes.extend(words[random() as usize % words.len()].as_bytes()),
            }
        }
        let name = if round % 2 == 0 { "/noise.conf" } else { "/noise.yaml" };
        lower(&[Source::bytes(name, bytes)], &Memory::new(), &environment).1.render(true);
    }
}
