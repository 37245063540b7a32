//! The command line as scripts and people see it: help, messages, exit codes.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use support::{CUSTOM, PARSERS, Task, golden, outrigger};
use testkit::process::{Exit, Folder};

fn run(args: &[&str]) -> Exit {
    outrigger().args(args).output()
}

#[test]
fn every_command_has_help_with_an_example() {
    let top = run(&["--help"]);
    assert_eq!(top.code(), Some(0));
    let mut all = top.stdout_text();
    for command in ["run", "validate", "explain", "replay", "health", "components", "fluent-bit"] {
        let help = run(&[command, "--help"]);
        assert_eq!(help.code(), Some(0), "{command}: {}", help.stderr);
        assert!(help.stdout_text().contains("Example"), "{command} has no example");
        all.push_str(&format!("\n==== {command}\n{}", help.stdout_text()));
    }
    golden("help.txt", &all);
}

#[test]
fn the_version_tells_how_it_was_built() {
    let version = run(&["--version"]);
    assert_eq!(version.code(), Some(0));
    let text = version.stdout_text();
    assert!(text.starts_with(concat!("outrigger ", env!("CARGO_PKG_VERSION"))), "{text}");
    assert!(text.contains("x86_64") || text.contains("aarch64"), "{text}");
    // Called by the name of what it replaces.
    let folder = Folder::new();
    let link = folder.join("fluent-bit");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_outrigger"), &link).expect("a link can be made");
    let version = testkit::process::Outrigger::new(&link).arg("-V").output();
    assert_eq!(version.code(), Some(0), "{}", version.stderr);
    assert!(version.stdout_text().contains("outrigger"), "{}", version.stdout_text());
}

/// A configuration like a user's, in a folder whose name does not show in what is compared.
fn configuration(custom: &str) -> (Folder, String) {
    let folder = Folder::new();
    folder.write("parsers.conf", PARSERS);
    let main = format!(
        "[SERVICE]\n    Parsers_File parsers.conf\n\n[INPUT]\n    Name forward\n    Listen 127.0.0.1\n    Port 24224\n\n\
         [OUTPUT]\n    Name datadog\n    Match web-firelens*\n    Host http-intake.logs.datadoghq.eu\n    TLS on\n    \
         apikey 0000example0000\n    compress gzip\n    dd_service my-service\n    dd_source python\n    \
         dd_tags env:production\n\n{custom}"
    );
    let path = folder.write("fluent-bit.conf", main);
    (folder, path.to_string_lossy().into_owned())
}

fn masked(text: &str, folder: &Folder) -> String {
    text.replace(&*folder.path().to_string_lossy(), "FOLDER")
}

#[test]
fn validate_passes_what_is_right() {
    let (folder, path) = configuration(CUSTOM);
    let exit = outrigger().args(["validate", "--config", &path]).env("AWS_REGION", "eu-west-1").output();
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    golden("validate_right.txt", &masked(&format!("{}{}", exit.stdout_text(), exit.stderr), &folder));
}

#[test]
fn validate_reports_every_fault_at_its_place() {
    let custom = "[FILTER]\n    Name parser\n    Match *\n    Key_Name log\n    Parser jsn\n\n\
                  [OUTPUT]\n    Name datadgo\n    Match *\n\n\
                  [OUTPUT]\n    Name cloudwatch_logs\n    Match *\n    region eu-west-1\n    log_group_name /ecs/x\n    \
                  log_stream_prefix ecs/\n    auto_create_gruop true\n    log_retention_days 8\n\n\
                  [OUTPUT]\n    Name null\n";
    let (folder, path) = configuration(custom);
    let exit = run(&["validate", "--config", &path]);
    assert_eq!(exit.code(), Some(64));
    let text = masked(&exit.stderr, &folder);
    for place in ["datadgo", "jsn", "auto_create_gruop"] {
        assert!(text.contains(place), "nothing about {place} in\n{text}");
    }
    golden("validate_faults.txt", &text);
}

#[test]
fn a_refused_configuration_is_64_and_a_missing_file_says_so() {
    let (_folder, path) = configuration("[OUTPUT]\n    Name nothing_of_the_kind\n    Match *\n");
    assert_eq!(run(&["fluent-bit", "-c", &path, "--dry-run"]).code(), Some(64));
    let exit = run(&["run", "--strict", "--config", &path]);
    assert_eq!(exit.code(), Some(64), "{}", exit.stderr);
    let missing = run(&["run", "--config", "/no/such/file.conf"]);
    assert_eq!(missing.code(), Some(64), "{}", missing.stderr);
    assert!(missing.stderr.contains("/no/such/file.conf"), "{}", missing.stderr);
}

#[test]
fn explain_shows_the_bytes_each_destination_gets() {
    let (folder, path) = configuration(CUSTOM);
    let record = "{\"log\":\"{\\\"level\\\":\\\"info\\\",\\\"dd.trace_id\\\":\\\"0af7\\\"}\",\"container_name\":\"web\"}\n";
    let exit = outrigger()
        .args(["explain", "--config", &path, "--sample", "-", "--tag", "web-firelens-0f1e"])
        .env("AWS_REGION", "eu-west-1")
        .env("OUTRIGGER_DATA", folder.path().join("data"))
        .aws_keys()
        .output_with(record.as_bytes());
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
    let text = masked(&exit.stdout_text(), &folder);
    assert!(
        !text.contains("0000example0000") && !exit.stderr.contains("0000example0000"),
        "the key shows:\n{text}"
    );
    assert!(text.contains("dd.trace_id"), "{text}");
    golden("explain.txt", &without_quotas(&without_times(&text)));
}

/// How much of the disk a queue may take depends on the machine.
fn without_quotas(text: &str) -> String {
    let masked = |line: &str| match line
        .split_once(", up to ")
        .and_then(|(a, rest)| Some((a, rest.split_once(';')?.1)))
    {
        Some((before, after)) => format!("{before}, up to (quota);{after}\n"),
        None => format!("{line}\n"),
    };
    text.lines().map(masked).collect()
}

/// Milliseconds of this run.
fn without_times(text: &str) -> String {
    let mut out = String::new();
    let mut digits = String::new();
    for c in text.chars().chain(['\n']) {
        if c.is_ascii_digit() {
            digits.push(c);
            continue;
        }
        out.push_str(if digits.len() == 13 { "(now)" } else { &digits });
        digits.clear();
        out.push(c);
    }
    out.pop();
    out
}

#[test]
fn components_are_listed_for_people_and_for_programs() {
    let exit = run(&["components"]);
    assert_eq!(exit.code(), Some(0));
    golden("components.txt", &exit.stdout_text());
    let exit = run(&["components", "--json"]);
    let all: serde_json::Value = serde_json::from_slice(&exit.stdout).expect("it is JSON");
    assert!(all["exporters"].as_array().is_some_and(|list| list.len() > 5), "{all:#}");
}

/// What is supported is found whatever its section: the embedded files of the legacy image resolve too.
#[test]
fn files_of_the_legacy_image_resolve() {
    let folder = Folder::new();
    let text = "@INCLUDE /fluent-bit/configs/parse-json.conf\n[INPUT]\n    Name dummy\n[OUTPUT]\n    Name null\n    Match *\n";
    let path = folder.write("x.conf", text);
    let exit = run(&["validate", "--config", &path.to_string_lossy()]);
    assert_eq!(exit.code(), Some(0), "{}", exit.stderr);
}

#[test]
fn keys_never_show() {
    let task = Task::new();
    let mut running = task.start();
    task.intake.faults().set(testkit::fault::Fault::Status(403));
    task.sender().send(&testkit::corpus::Corpus::new(testkit::corpus::Mix::Json), 0..5).expect("it listens");
    assert!(testkit::process::wait_until(testkit::process::PATIENCE, || task.intake.faults().hits() > 0));
    let pages =
        [running.get("/metrics").text(), running.get("/ledger").text(), running.get("/health").text()];
    let exit = {
        task.intake.faults().lift();
        running.stop()
    };
    for text in pages.iter().chain([&exit.stderr, &exit.stdout_text()]) {
        assert!(!text.contains(testkit::intake::API_KEY), "{text}");
        assert!(!text.contains(testkit::aws::signature::SECRET_KEY), "{text}");
    }
}
