//! What the black-box tests share: the built program, a FireLens task's files, and the checks that always hold.
#![allow(dead_code)] // Each test file is a program of its own and uses a part of this.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use testkit::aws::Logs;
use testkit::certificate::Certificate;
use testkit::ecs::{self, Metadata};
use testkit::forward::{Address, Sender};
use testkit::intake::{self, Datadog};
use testkit::process::{Exit, Folder, Outrigger, Running};
use testkit::tools::free_port;

pub fn outrigger() -> Outrigger {
    Outrigger::new(env!("CARGO_BIN_EXE_outrigger"))
}

/// `name` from the environment as a number, for runs longer than the usual.
pub fn size(name: &str, usual: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(usual)
}

/// How long so many records may take on a busy machine with a debug build.
pub fn patience(records: u64) -> Duration {
    Duration::from_secs(60 + records / 2_000)
}

/// The two files of the dual-logging guide, as users upload them to S3.
pub const PARSERS: &str = "[PARSER]\n    Name   json\n    Format json\n";
pub const CUSTOM: &str = "\
[FILTER]
    Name         parser
    Match        *
    Key_Name     log
    Parser       json
    Reserve_Data True

[OUTPUT]
    Name              cloudwatch_logs
    Match             *
    region            ${AWS_REGION}
    log_group_name    /ecs/my-service
    log_stream_prefix ecs/
    auto_create_group true
";
pub const GROUP: &str = "/ecs/my-service";

/// The configuration ECS generates for an awsvpc task whose app logs to Datadog.
pub struct Generated {
    pub socket: PathBuf,
    pub port: u16,
    pub health_port: u16,
    /// The lines of the app's output section after `Match`.
    pub output: String,
}

impl Generated {
    /// Ports are free ones instead of 24224 and 8877, so that tests can run side by side.
    pub fn new(folder: &Folder, output: String) -> Generated {
        Generated { socket: folder.join("fluent.sock"), port: free_port(), health_port: free_port(), output }
    }

    pub fn text(&self) -> String {
        let (task, region) = (ecs::TASK_ARN, ecs::CLUSTER);
        format!(
            "
[INPUT]
    Name forward
    Mem_Buf_Limit 25MB
    unix_path {socket}

[INPUT]
    Name forward
    Listen 127.0.0.1
    Port {port}

[INPUT]
    Name tcp
    Tag firelens-healthcheck
    Listen 127.0.0.1
    Port {health}

[FILTER]
    Name record_modifier
    Match *
    Record ecs_cluster {region}
    Record ecs_task_arn {task}
    Record ecs_task_definition shop-web:7

[OUTPUT]
    Name null
    Match firelens-healthcheck

[OUTPUT]
    Name datadog
    Match web-firelens*
{output}",
            socket = self.socket.display(),
            port = self.port,
            health = self.health_port,
            output = self.output,
        )
    }
}

/// The app's Datadog options, with `TLS on` where there is a certificate, in the order ECS writes them.
pub fn datadog_options(intake: &Datadog, certificate: Option<&Certificate>) -> String {
    let mut lines = vec![format!("Host {}", intake.host()), format!("Port {}", intake.port())];
    match certificate {
        Some(certificate) => {
            lines.push("TLS on".into());
            lines.push(format!("tls.ca_file {}", certificate.ca_file.display()));
        }
        None => lines.push("TLS off".into()),
    }
    lines.extend(["apikey ${apikey_1}", "compress gzip", "dd_service my-service"].map(String::from));
    lines.extend(["dd_source python", "dd_tags env:production"].map(String::from));
    lines.iter().map(|line| format!("    {line}\n")).collect()
}

/// A FireLens task on stand-ins: metadata, Datadog's intake, CloudWatch Logs, and the guide's files on disk.
pub struct Task {
    pub folder: Folder,
    pub metadata: Metadata,
    pub intake: Datadog,
    pub logs: Logs,
    pub generated: Generated,
}

impl Task {
    pub fn new() -> Task {
        Task::with(Datadog::start(), Logs::start())
    }

    pub fn with(intake: Datadog, logs: Logs) -> Task {
        let folder = Folder::new();
        let generated = Generated::new(&folder, datadog_options(&intake, None));
        folder.write("fluent-bit.conf", generated.text());
        folder.write("parsers.conf", PARSERS);
        folder.write("custom.conf", CUSTOM);
        Task { folder, metadata: Metadata::start(), intake, logs, generated }
    }

    /// The program as ECS starts it, its files named by init variables.
    pub fn command(&self) -> Outrigger {
        outrigger()
            .envs(self.metadata.environment())
            .env("OUTRIGGER_FIRELENS_CONFIG", self.folder.join("fluent-bit.conf"))
            .env("aws_fluent_bit_init_file_1", self.folder.join("parsers.conf"))
            .env("aws_fluent_bit_init_file_2", self.folder.join("custom.conf"))
            .env("apikey_1", intake::API_KEY)
            .env("AWS_ENDPOINT_URL_CLOUDWATCH_LOGS", self.logs.url())
    }

    pub fn start(&self) -> Running {
        self.command().start()
    }

    pub fn sender(&self) -> Sender {
        Sender::new(Address::Unix(self.generated.socket.clone()))
    }

    /// Every record reached both destinations, or what is missing where.
    pub fn all_arrived(&self, records: u64, running: &mut Running) {
        let patience = patience(records);
        let seen = [("Datadog", self.intake.distinct()), ("CloudWatch", self.logs.distinct())];
        for (name, distinct) in seen {
            assert!(
                distinct.wait_for(records, patience),
                "{name} has {} of {records}, without {:?}; complaints {:?} {:?}; ledger {:#}; it said:\n{}",
                distinct.distinct(),
                distinct.missing(records),
                self.intake.complaints(),
                self.logs.complaints(),
                running.ledger(),
                running.stderr(),
            );
        }
    }
}

/// Reads the ledger of a stopped run and checks what must hold of every one.
pub fn settled(exit: &Exit) -> Value {
    assert!(!exit.panicked(), "{}", exit.stderr);
    let ledger = exit.final_ledger().unwrap_or_else(|| panic!("no final ledger in:\n{}", exit.stderr));
    assert!(exit.stderr.trim_end().ends_with('}'), "the ledger is the last line:\n{}", exit.stderr);
    check_law(&ledger);
    ledger
}

/// Recomputes the conservation law from the figures rather than believing `balances`.
pub fn check_law(ledger: &Value) {
    let n = |value: &Value| value.as_u64().unwrap_or(0);
    let sum = |value: &Value| value.as_object().map_or(0, |drops| drops.values().map(n).sum::<u64>());
    let intake = &ledger["intake"];
    let left = n(&intake["received"]) + n(&intake["added"]);
    let right = n(&intake["in_hand"]) + n(&intake["held"]) + sum(&intake["dropped"]) + n(&intake["routed"]);
    assert_eq!(left, right, "the intake does not balance: {ledger:#}");
    for view in ledger["destinations"].as_array().into_iter().flatten() {
        let waiting = n(&view["open"]) + n(&view["queued"]) + n(&view["in_flight"]);
        let right = waiting + n(&view["delivered"]) + n(&view["saved"]) + sum(&view["dropped"]);
        assert_eq!(n(&view["accepted"]), right, "{} does not balance: {ledger:#}", view["id"]);
    }
}

/// One destination's figures.
pub fn destination<'a>(ledger: &'a Value, id: &str) -> &'a Value {
    let all = ledger["destinations"].as_array().map(Vec::as_slice).unwrap_or_default();
    all.iter().find(|view| view["id"] == id).unwrap_or_else(|| panic!("no {id} in {ledger:#}"))
}

/// The workspace's root.
pub fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().expect("the workspace is there")
}

/// Compares with a file beside the tests; `UPDATE_GOLDEN=1` rewrites it.
pub fn golden(name: &str, found: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden").join(name);
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        std::fs::create_dir_all(path.parent().expect("a file has a folder")).expect("the folder can be made");
        std::fs::write(&path, found).expect("the golden file can be written");
        return;
    }
    let expected = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(expected == found, "{} differs; UPDATE_GOLDEN=1 rewrites it. Found:\n{found}", path.display());
}
