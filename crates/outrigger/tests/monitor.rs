//! The pages users' health checks and dashboards read: Fluent Bit's on 2020, the TCP check on 8877, our own.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::io::Write;
use std::net::{SocketAddr, TcpStream};

use serde_json::Value;
use support::{Task, outrigger};
use testkit::corpus::{Corpus, Mix};
use testkit::fault::Fault;
use testkit::http;
use testkit::process::{Running, wait_until};
use testkit::tools::free_port;

/// A task whose S3 file turns the monitoring API on, as the shipped health check file does.
fn monitored() -> (Task, Running, SocketAddr) {
    let task = Task::new();
    let port = free_port();
    let service = format!(
        "[SERVICE]\n    Flush 1\n    Grace 30\n    HTTP_Server On\n    HTTP_Listen 127.0.0.1\n    HTTP_Port {port}\n    \
         Health_Check On\n    HC_Errors_Count 2\n    HC_Retry_Failure_Count 2\n    HC_Period 5\n    storage.metrics On\n"
    );
    let running =
        task.command().env("aws_fluent_bit_init_file_3", task.folder.write("service.conf", service)).start();
    (task, running, SocketAddr::from(([127, 0, 0, 1], port)))
}

fn json(address: SocketAddr, path: &str) -> Value {
    let response = http::get(address, path).unwrap_or_else(|e| panic!("{path}: {e}"));
    assert_eq!(response.status, 200, "{path}");
    serde_json::from_slice(&response.body).unwrap_or_else(|e| panic!("{path}: {e}: {}", response.text()))
}

#[test]
fn the_monitoring_api_answers_as_dashboards_expect() {
    let (task, mut running, api) = monitored();
    task.sender().send(&Corpus::new(Mix::Json), 0..100).expect("the socket takes everything");
    task.all_arrived(100, &mut running);
    let delivered = wait_until(testkit::process::PATIENCE, || {
        json(api, "/api/v1/metrics")["output"]["datadog.0"]["proc_records"] == 100
    });
    let metrics = json(api, "/api/v1/metrics");
    assert!(delivered, "{metrics:#}");
    let records: u64 =
        metrics["input"].as_object().unwrap().values().filter_map(|i| i["records"].as_u64()).sum();
    assert_eq!(records, 100, "{metrics:#}");
    assert!(metrics["input"]["forward.0"]["bytes"].as_u64() > Some(50_000), "{metrics:#}");
    for key in ["proc_bytes", "errors", "retries", "retries_failed", "dropped_records", "retried_records"] {
        assert!(metrics["output"]["cloudwatch_logs.0"][key].is_u64(), "{key}: {metrics:#}");
    }
    assert!(json(api, "/")["fluent-bit"]["version"].is_string());
    assert!(json(api, "/api/v1/uptime")["uptime_sec"].is_u64());
    assert!(json(api, "/api/v1/storage")["storage_layer"]["chunks"]["total_chunks"].is_u64());
    let text = http::get(api, "/api/v1/metrics/prometheus").unwrap().text();
    for line in [
        "fluentbit_output_proc_records_total{name=\"datadog.0\"} 100",
        "fluentbit_uptime",
        "fluentbit_build_info",
    ] {
        assert!(text.contains(line), "{line} is not in\n{text}");
    }
    assert_eq!(http::get(api, "/api/v1/health").unwrap().text().trim(), "ok");
    running.stop();
}

#[test]
fn errors_make_the_health_check_fail_and_it_recovers() {
    let (task, running, api) = monitored();
    task.intake.faults().set(Fault::Status(500));
    let corpus = Corpus::new(Mix::Json);
    let mut number = 0;
    let failed = wait_until(testkit::process::PATIENCE, || {
        task.sender().send(&corpus, number..number + 5).expect("the socket takes everything");
        number += 5;
        std::thread::sleep(std::time::Duration::from_millis(200));
        http::get(api, "/api/v1/health").is_ok_and(|r| r.status == 500 && r.text().trim() == "error")
    });
    assert!(failed, "{}", running.stderr());
    task.intake.faults().lift();
    let recovered = wait_until(testkit::process::PATIENCE, || {
        http::get(api, "/api/v1/health").is_ok_and(|r| r.status == 200)
    });
    assert!(recovered, "{}", running.stderr());
}

/// `echo '{"health": "check"}' | nc 127.0.0.1 8877`, and what it sends goes nowhere.
#[test]
fn the_tcp_health_check_is_accepted_and_not_delivered() {
    let task = Task::new();
    let mut running = task.start();
    for _ in 0..20 {
        let mut stream = TcpStream::connect(("127.0.0.1", task.generated.health_port)).expect("it listens");
        stream.write_all(b"{\"health\": \"check\"}\n").expect("it takes the check");
    }
    task.sender().send(&Corpus::new(Mix::Json), 0..10).expect("the socket takes everything");
    task.all_arrived(10, &mut running);
    let exit = running.stop();
    support::settled(&exit);
    assert!(
        task.logs.events().iter().all(|event| !event.stream.contains("healthcheck")),
        "the check was delivered"
    );
    assert_eq!(task.intake.counts().entries, 10);
}

#[test]
fn our_own_pages_tell_the_ledger() {
    let task = Task::new();
    let mut running = task.start();
    task.sender().send(&Corpus::new(Mix::Json), 0..10).expect("the socket takes everything");
    task.all_arrived(10, &mut running);
    assert_eq!(running.get("/health").status, 200);
    let metrics = running.get("/metrics");
    assert!(metrics.header("content-type").is_some_and(|t| t.starts_with("text/plain")), "{metrics:?}");
    assert!(metrics.text().contains("# TYPE"), "{}", metrics.text());
    assert!(!metrics.text().contains(testkit::intake::API_KEY));
    let ledger = running.ledger();
    support::check_law(&ledger);
    assert_eq!(ledger["intake"]["received"], 10);

    let listen = running.ready().to_string();
    let healthy = outrigger().arg("health").env("OUTRIGGER_LISTEN", &listen).output();
    assert_eq!(healthy.code(), Some(0), "{}", healthy.stderr);
    running.stop();
    let gone = outrigger().arg("health").env("OUTRIGGER_LISTEN", &listen).output();
    assert_eq!(gone.code(), Some(1));
}
