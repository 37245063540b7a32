//! Questions that go wrong or go on for too long, over HTTP: each language tells what was wrong and where, limits say
//! what is missing, and a question ends with its connection.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests may wait.

#[path = "support/lake.rs"]
mod lake;
mod support;

use std::io::{Read, Write};
use std::net::TcpStream;
use std::thread::sleep;
use std::time::Duration;

use lake::{WithLake, logs, now_nanos, post};
use serde_json::{Value, json};
use testkit::http;
use testkit::process::{PATIENCE, wait_until};

const RECORDS: u64 = 10_000;

fn filled() -> WithLake {
    let program = WithLake::start();
    let start = now_nanos() - 60_000_000_000;
    for part in 0..4 {
        let records: Vec<_> = (0..RECORDS / 4)
            .map(|n| (start + n * 1_000_000, format!("line {n} of {part} was written")))
            .collect();
        program.send("/v1/logs", &logs(&[("service.name", "writer")], &records));
    }
    let count = json!({"language": "sql", "query": "SELECT count(*) FROM logs"});
    let arrived = wait_until(PATIENCE, || lines(&program, &count)[1]["rows"][0][0] == RECORDS);
    assert!(arrived, "{}", program.running.stderr());
    program
}

fn ask(program: &WithLake, body: &Value) -> http::Response {
    post(program.console, "/api/query", &[("content-type", "application/json")], body.to_string())
}

fn lines(program: &WithLake, body: &Value) -> Vec<Value> {
    let answer = ask(program, body);
    assert_eq!(answer.status, 200, "{}", answer.text());
    let parse = |line: &str| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"));
    answer.text().lines().map(parse).collect()
}

#[test]
fn every_language_tells_what_is_wrong_and_where() {
    let program = WithLake::start();
    let query = |language: &str, text: &str| {
        ask(&program, &json!({"language": language, "query": text, "from": 0, "to": 1}))
    };
    let get = |path: &str| http::get(program.console, path).expect("it answers");
    for (answer, place, expected, message) in [
        (query("insights", "fields a | filtre b = 1"), Some((11, 17)), "filter", "filtre"),
        (query("insights", "filter a in ["), Some((13, 13)), "", ""),
        (query("sql", "SELECT * FROM logz"), None, "", "logz"),
        (query("sql", "SELEC 1"), Some((0, 5)), "", "SELEC"),
        (query("basic", "10 PRINT"), None, "insights", "basic"),
        (get("/api/logs?q=(timeout"), Some((0, 1)), "`)`", "parenthesis"),
    ] {
        assert_eq!(answer.status, 400, "{}", answer.text());
        let error: Value = serde_json::from_slice(&answer.body).expect("JSON");
        let error = &error["error"];
        if let Some((start, end)) = place {
            assert_eq!((&error["start"], &error["end"]), (&json!(start), &json!(end)), "{error}");
        }
        let words = error["expected"].as_array().expect("a list");
        assert!(expected.is_empty() || words.contains(&json!(expected)), "{error}");
        assert!(error["message"].as_str().is_some_and(|text| text.contains(message)), "{error}");
    }
    let answer = get("/api/v1/query?query=sum(");
    let error: Value = serde_json::from_slice(&answer.body).expect("JSON");
    assert_eq!((answer.status, &error["errorType"]), (400, &json!("bad_data")), "{error}");
    assert!(error["start"].is_u64() && error["end"].is_u64(), "{error}");
    let writing = query("sql", "DELETE FROM logs");
    assert_eq!(writing.status, 400, "{}", writing.text());
}

#[test]
fn limits_say_what_is_missing() {
    let program = filled();
    let asked = json!({"language": "sql", "query": "SELECT message FROM logs", "limit": 10});
    let answer = lines(&program, &asked);
    let end = &answer.last().expect("an end")["end"];
    assert_eq!(end["rows"], 10, "{end}");
    assert_eq!(end["partial"], "only the first 10 rows are shown", "{end}");
    assert_eq!(end["scanned_rows"].as_u64().map(|rows| rows > 0), Some(true), "{end}");
}

/// A question that is never answered keeps the machine busy for as long as somebody waits, and no longer.
#[test]
fn a_question_ends_with_its_connection() {
    let program = filled();
    let endless = "SELECT count(*) FROM logs a, logs b, logs c WHERE a.message || b.message < c.message";
    let body = json!({"language": "sql", "query": endless}).to_string();
    let mut connection = TcpStream::connect(program.console).expect("it listens");
    write!(
        connection,
        "POST /api/query HTTP/1.1\r\nhost: localhost\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    )
    .expect("it takes the question");
    let mut head = [0; 12];
    connection.read_exact(&mut head).expect("it begins to answer");
    assert_eq!(&head, b"HTTP/1.1 200");
    let used = |pause: Duration| {
        let before = program.running.usage().cpu();
        sleep(pause);
        program.running.usage().cpu() - before
    };
    let busy = wait_until(PATIENCE, || used(Duration::from_millis(500)) > Duration::from_millis(100));
    assert!(busy, "the question is worked at");
    drop(connection);
    let idle = wait_until(PATIENCE, || used(Duration::from_millis(500)) < Duration::from_millis(50));
    assert!(idle, "it goes on for nobody");
}

#[test]
fn a_lake_is_not_shown_to_others_without_a_token() {
    let folder = testkit::process::Folder::new();
    let configuration = format!(
        "receivers: {{fluent_forward: {{endpoint: 127.0.0.1:0}}}}
exporters: {{lake: {{path: {}}}}}
service: {{pipelines: {{logs: {{receivers: [fluent_forward], exporters: [lake]}}}}}}
",
        folder.join("lake").display()
    );
    let file = folder.write("outrigger.yaml", configuration);
    let exit = support::outrigger().arg("--config").arg(file).env("OUTRIGGER_LISTEN", "0.0.0.0:0").output();
    assert_ne!(exit.code(), Some(0));
    assert!(exit.stderr.contains("OUTRIGGER_TOKEN"), "{}", exit.stderr);
}
