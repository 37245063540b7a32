//! What `otlp_file` writes, and what becomes of files that are full.

use std::fs;
use std::path::Path;

use engine::Exporter as _;
use model::{Batch, Signal};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::*;
use crate::trial::{build, encode};

const LOGS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-logs.body");
const METRICS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-metrics.body");
const TRACES: &[u8] = include_bytes!("../../../../fixtures/otlp/python-traces.body");

fn unread(signal: Signal, request: &[u8]) -> Batch {
    Batch::unread("t".into(), signal, request.to_vec(), wire::otlp::count(signal, request).unwrap())
}

fn built(path: &Path, more: Value) -> OtlpFile {
    let mut settings = json!({"path": path.to_str().unwrap()});
    settings.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    build(&settings).unwrap()
}

async fn write(exporter: &OtlpFile, signal: Signal, request: &[u8]) {
    for payload in encode(exporter, &[unread(signal, request)]).payloads() {
        assert_eq!(exporter.send(payload).await, Outcome::Sent);
    }
}

fn lines(path: &Path) -> usize {
    fs::read_to_string(path).unwrap().lines().count()
}

#[tokio::test]
async fn each_request_of_each_signal_is_a_line() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("deep/out.jsonl");
    let exporter = built(&path, json!({"create_directory": true}));
    let sent = [(Signal::Logs, LOGS), (Signal::Traces, TRACES), (Signal::Metrics, METRICS)];
    for (signal, request) in sent {
        write(&exporter, signal, request).await;
    }
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.ends_with('\n'));
    let read: Vec<Vec<u8>> = text
        .lines()
        .zip(sent)
        .map(|(line, (signal, _))| wire::otlp::from_json(signal, line.as_bytes()).unwrap())
        .collect();
    assert_eq!(read, [LOGS, TRACES, METRICS]);
}

#[tokio::test]
async fn a_file_is_emptied_once_unless_it_is_to_be_kept() {
    let folder = tempfile::tempdir().unwrap();
    for (settings, expected) in
        [(json!({}), 2), (json!({"append": true}), 3), (json!({"rotation": {"max_megabytes": 1}}), 3)]
    {
        let path = folder.path().join("out");
        fs::write(&path, "old\n").unwrap();
        // One a signal, as a configuration of the Collector becomes.
        let (logs, traces) = (built(&path, settings.clone()), built(&path, settings.clone()));
        write(&logs, Signal::Logs, LOGS).await;
        write(&traces, Signal::Traces, TRACES).await;
        assert_eq!(lines(&path), expected, "{settings}");
    }
}

#[tokio::test]
async fn a_missing_folder_is_told_with_what_mends_it() {
    let folder = tempfile::tempdir().unwrap();
    let exporter = built(&folder.path().join("none/out"), json!({}));
    let sealed = encode(&exporter, &[unread(Signal::Logs, LOGS)]);
    let Outcome::Retry { reason, .. } = exporter.send(&sealed.payloads()[0]).await else {
        panic!("no retry")
    };
    assert!(reason.contains("create_directory: true"), "{reason}");
}

fn names(folder: &TempDir) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap();
    let mut names: Vec<String> =
        entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

const DAY: u64 = 86_400_000_000_000;
/// 2026-01-31T08:30:00Z.
const NOW: u64 = 1_769_848_200_000_000_000;

/// Lines of which two are too much for a file.
fn fill(folder: &TempDir, rotation: Value, times: &[u64]) -> Vec<String> {
    let exporter = built(&folder.path().join("out.jsonl"), json!({"rotation": rotation}));
    let line = vec![b'x'; 600 << 10];
    for time in times {
        exporter.file.lock().unwrap().append(&line, *time).unwrap();
    }
    names(folder)
}

#[test]
fn full_files_are_put_aside_under_the_time() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("out-other.jsonl"), "").unwrap();
    let names = fill(&folder, json!({"max_megabytes": 1}), &[NOW; 3]);
    let expected = [
        "out-2026-01-31T08-30-00.000.jsonl",
        "out-2026-01-31T08-30-00.001.jsonl",
        "out-other.jsonl",
        "out.jsonl",
    ];
    assert_eq!(names, expected);
    let size = fs::metadata(folder.path().join("out.jsonl")).unwrap().len();
    assert_eq!(size, 600 << 10);
}

#[test]
fn old_files_and_too_many_go() {
    let times = [NOW, NOW, NOW + DAY, NOW + 2 * DAY, NOW + 3 * DAY];
    let all = ["out-2026-01-31T08-30-00.000.jsonl", "out-2026-02-01T08-30-00.000.jsonl"];
    let late = ["out-2026-02-02T08-30-00.000.jsonl", "out-2026-02-03T08-30-00.000.jsonl"];
    for (rotation, kept) in [
        (json!({"max_megabytes": 1}), [&all[..], &late].concat()),
        (json!({"max_megabytes": 1, "max_backups": 2}), late.to_vec()),
        (json!({"max_megabytes": 1, "max_backups": 0, "max_days": 1}), late.to_vec()),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let found = fill(&folder, rotation.clone(), &times);
        assert_eq!(found, [&kept[..], &["out.jsonl"]].concat(), "{rotation}");
    }
}

#[test]
fn settings_that_cannot_be_are_refused() {
    for settings in [json!({"path": ""}), json!({"path": "x", "rotation": {"max_megabytes": 0}})] {
        assert!(build::<OtlpFile>(&settings).is_err(), "{settings}");
    }
}
