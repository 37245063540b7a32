//! Fluent Bit configurations, what they become and what is said about them.
//!
//! `tests/golden/messages/NAME.conf` (or `.yaml`) with the expected text, `tests/golden/lowering/NAME.conf`
//! with the expected topology. `UPDATE_GOLDEN=1` rewrites what is expected; review the difference.

use std::path::{Path, PathBuf};

use config::{Diagnostics, TagMatch, Topology};
use frontends::Source;
use frontends::fluent_bit::{Options, WithShipped, lower, lower_with};
use frontends::{Disk, Files, Memory};
use serde_json::{Value, json};

fn environment(name: &str) -> Option<String> {
    let value = match name {
        "AWS_REGION" => "eu-west-1",
        "ECS_CLUSTER" => "shop",
        "ECS_TASK_ID" => "0f1e2d3c",
        "apikey_0" | "apikey_2" => "0000example0000",
        "WITH_LINE_FEED" => "0000example0000\n",
        "HOSTNAME" => "sample-host",
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
    let component =
        |c: &config::Component| json!({"id": &*c.id, "kind": &*c.kind, "settings": c.settings.to_json()});
    let pipeline = &topology.pipelines[0];
    let service = &topology.service;
    json!({
        "service": {
            "grace": service.grace.map(|grace| grace.as_secs()),
            "log_level": service.log_level,
            "storage": service.storage.as_ref().map(|folder| format!("{} {:?}", folder.display(), service.disk_sync)),
            "monitor": service.monitor.as_ref().map(|monitor| format!("{monitor:?}")),
        },
        "receivers": topology.receivers.iter().map(component).collect::<Vec<_>>(),
        "processors": topology.processors.iter().map(component).collect::<Vec<_>>(),
        "exporters": topology.exporters.iter().map(|exporter| {
            let mut value = component(&exporter.component);
            if exporter.delivery != config::Delivery::default() {
                value["delivery"] = json!(delivery(&exporter.delivery));
            }
            value
        }).collect::<Vec<_>>(),
        "steps": pipeline.steps.iter().map(|s| format!("{} <- {}", s.processor, tags(&s.matching))).collect::<Vec<_>>(),
        "routes": pipeline.routes.iter().map(|r| format!("{} <- {}", r.exporter, tags(&r.matching))).collect::<Vec<_>>(),
    })
}

/// What the front end decides; the rest is the binary's.
fn delivery(delivery: &config::Delivery) -> String {
    let config::Delivery { flush, overflow, retry, concurrency, timeout, disk_quota_bytes, .. } = delivery;
    format!(
        "flush {flush:?}, {overflow:?}, {retry:?}, disk {disk_quota_bytes:?}, {concurrency} at once, {timeout:?}"
    )
}

fn tags(matching: &TagMatch) -> String {
    let mut parts: Vec<String> = matching.wildcard.iter().cloned().collect();
    parts.extend(matching.expression.iter().map(|pattern| format!("{pattern:?}")));
    if parts.is_empty() { "everything".into() } else { parts.join(" or ") }
}

/// Values as Fluent Bit itself read them: what the recorded output holds is what the records were set to.
#[test]
fn values_are_read_as_fluent_bit_reads_them() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fluent-bit");
    for case in ["env_expansion", "env_set", "config_trimming", "config_crlf"] {
        let folder = fixtures.join(case);
        let own: Value = std::fs::read(folder.join("env.json"))
            .map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).expect("is JSON"));
        let of_case = |name: &str| {
            own.get(name).and_then(Value::as_str).map(str::to_owned).or_else(|| environment(name))
        };
        let source = Source::path(folder.join("fluent-bit.conf").to_str().expect("UTF-8"));
        let (topology, _) = lower(&[source], &Disk, &of_case);
        let settings = topology
            .processors
            .iter()
            .find(|p| &*p.kind == "record_modifier")
            .expect("there")
            .settings
            .to_json();
        let mut read: Vec<(String, Value)> = settings["records"]
            .as_array()
            .expect("a list")
            .iter()
            .map(|record| (record["key"].as_str().unwrap_or_default().to_owned(), record["value"].clone()))
            .collect();
        let sent: Value = serde_json::from_slice(&std::fs::read(folder.join("datadog.json")).expect("reads"))
            .expect("is JSON");
        let mut expected: Vec<(String, Value)> =
            sent[0].as_object().expect("a record").clone().into_iter().collect();
        // What the Datadog output itself adds.
        expected.retain(|(key, _)| !matches!(key.as_str(), "timestamp" | "service" | "message" | "ddtags"));
        read.sort_by(|a, b| a.0.cmp(&b.0));
        expected.sort_by(|a, b| a.0.cmp(&b.0));
        assert_eq!(read, expected, "{case}");
    }
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
        let own: Value = std::fs::read(entry.path().join("env.json"))
            .map_or(Value::Null, |bytes| serde_json::from_slice(&bytes).expect("is JSON"));
        let of_case = |name: &str| {
            own.get(name).and_then(Value::as_str).map(str::to_owned).or_else(|| environment(name))
        };
        let (topology, diagnostics) = lower_with(&sources, &Disk, &of_case, Options { compat: true });
        // Fluent Bit did run it.
        let refused = diagnostics.iter().find(|d| d.message.starts_with(REFUSED));
        assert!(refused.is_none(), "{}\n{refused:?}", main.display());
        // Named as not supported, which is all one can ask.
        let faults = diagnostics.iter().filter(|d| d.severity == config::Severity::Error);
        let faults: Vec<_> = faults.filter(|d| !d.message.contains("is not part of Outrigger")).collect();
        assert!(faults.is_empty(), "{}\n{faults:?}", main.display());
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
            let (_, diagnostics) = lower(&[Source::path(path.clone())], &files, &|name| {
                Some(match name {
                    "PARSER_NAME" => "json".to_owned(),
                    other => other.to_lowercase(),
                })
            });
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
        "[INPUT]",
        "[FILTER]",
        "[OUTPUT]",
        "[PARSER]",
        "[MULTILINE_PARSER]",
        "[SERVICE]",
        "[",
        "]",
        "\n",
        "\n    ",
        "\t",
        "Name ",
        "Match ",
        "forward",
        "datadog",
        "cloudwatch",
        "grep",
        "modify",
        "parser",
        "multiline",
        "Regex ",
        "Rule ",
        "*",
        "${",
        "}",
        ":-",
        "$(",
        "\"",
        "/(?<a>",
        ")",
        "[[:",
        "\\",
        "@INCLUDE ",
        "@SET ",
        "=",
        "tls.",
        "host ",
        "https://[",
        "::",
        "é",
        "\0",
        "- ",
        ": ",
        "pipeline:",
        "inputs:",
        "&a ",
        "*a",
        "{",
        "|",
        ">",
        "\u{feff}",
        "9999999999999",
        "-1",
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

/// How a warning of what only Fluent Bit refuses begins.
const REFUSED: &str = "Fluent Bit refuses";

/// Where we say error and Fluent Bit says nothing: sections it ignores that name what does not exist, and a
/// multiline parser without a usable rule, which joins nothing.
const STRICTER: &[&str] = &["parsers_file_other_sections", "multiline_bad_rule"];

/// Small configurations with one thing wrong, and whether Fluent Bit started on them. What it runs, we run;
/// what it refuses, we accept or refuse as `config_errors.txt` says.
#[test]
fn where_fluent_bit_starts_so_do_we() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fixtures/fluent-bit/config_errors");
    let results: Vec<Value> =
        serde_json::from_slice(&std::fs::read(folder.join("results.json")).expect("reads")).expect("is JSON");
    let (mut text, mut wrong) = (String::new(), Vec::new());
    for case in &results {
        let name = case["name"].as_str().expect("a name");
        let mut files = Memory::new();
        for entry in std::fs::read_dir(folder.join(name)).expect("lists").flatten() {
            let file = entry.file_name().to_string_lossy().into_owned();
            files = files.with(format!("/{file}"), std::fs::read(entry.path()).expect("reads"));
        }
        let mut sources = vec![Source::path("/fluent-bit.conf")];
        if files.read("/parsers.conf").is_ok() {
            sources.push(Source::path("/parsers.conf"));
        }
        let environment = |name: &str| (name == "AWS_REGION").then(|| "eu-west-1".into());
        let (_, diagnostics) = lower(&sources, &files, &environment);
        let (_, with_compat) = lower_with(&sources, &files, &environment, Options { compat: true });
        let runs = case["exit"] == "runs";
        text.push_str(&format!(
            "## {name}: {}. Fluent Bit {}\n",
            case["about"].as_str().unwrap_or_default(),
            if runs { "starts" } else { "refuses" }
        ));
        text.push_str(&with_compat.render(false));
        text.push('\n');
        let named = if runs {
            !with_compat.iter().any(|d| d.message.starts_with(REFUSED))
        } else {
            with_compat.has_errors() || with_compat.render(false).contains(REFUSED)
        };
        if !named {
            wrong.push(format!("{name}, {}\n{}", case["exit"], with_compat.render(false)));
        }
        if runs && diagnostics.has_errors() && !STRICTER.contains(&name) {
            wrong.push(format!("{name}\n{}", diagnostics.render(false)));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    let mut failed = Vec::new();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden/config_errors.txt");
    golden(&path, &text, &mut failed);
    assert!(failed.is_empty(), "{}\n(UPDATE_GOLDEN=1 rewrites)", failed.join("\n"));
}
