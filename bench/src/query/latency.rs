//! How long a person waits: for the first rows of a search, and for a record to show up in the live tail.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use testkit::http;
use testkit::process::Running;

/// Of the OTLP receiver.
pub const PORT: u16 = 43_180;
const SEARCHES: &[&str] = &[
    "",
    "status:error",
    "quorum",
    "\"reset by peer\"",
    "\"joining quorum\"",
    "service:checkout @http.response.status_code:>=500",
    "@thread:worker-3 service:cart",
    "nowhere-to-be-found",
];
const TIMES: usize = 5;
const RECORDS: usize = 100;
const PATIENCE: Duration = Duration::from_mins(2);

pub fn measure(running: &mut Running) {
    let console = running.ready();
    println!("\nsearch to first rows, whole day, ms (median of {TIMES})");
    let mut all = Vec::new();
    for search in SEARCHES {
        let mut times: Vec<Duration> = (0..TIMES).map(|_| first_rows(console, search)).collect();
        times.sort();
        all.extend_from_slice(&times);
        println!(
            "  {:<52} {:>8.1}",
            if search.is_empty() { "(everything)" } else { search },
            millis(times[TIMES / 2])
        );
    }
    println!("  median of all {:.1} ms; aim 300", median(all));
    println!("live tail: {:.1} ms from sender to event stream at the median; aim 300", median(tail(console)));
}

fn millis(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

fn median(mut times: Vec<Duration>) -> f64 {
    times.sort();
    times.get(times.len() / 2).copied().map_or(f64::NAN, millis)
}

fn open(address: SocketAddr, path: &str) -> TcpStream {
    let mut stream = TcpStream::connect(address).expect("the console listens");
    stream.set_read_timeout(Some(PATIENCE)).expect("a socket");
    let head = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes()).expect("the console reads");
    stream
}

/// Until the first rows, or the end where there are none.
fn first_rows(console: SocketAddr, search: &str) -> Duration {
    let started = Instant::now();
    let day = "from=1700006400000&to=1700092800000";
    let mut stream = open(console, &format!("/api/logs?{day}&limit=100&q={}", percent(search)));
    let mut answer = Vec::new();
    let mut part = [0; 16 << 10];
    let has = |answer: &[u8], what: &str| answer.windows(what.len()).any(|window| window == what.as_bytes());
    while !has(&answer, "\"rows\":[") && !has(&answer, "\"end\"") {
        match stream.read(&mut part).expect("an answer") {
            0 => panic!("{search}: {}", String::from_utf8_lossy(&answer)),
            read => answer.extend_from_slice(&part[..read]),
        }
    }
    started.elapsed()
}

fn percent(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

/// From the request that brings a record to the event that shows it.
fn tail(console: SocketAddr) -> Vec<Duration> {
    let receiver = SocketAddr::from(([127, 0, 0, 1], PORT));
    let mut events = BufReader::new(open(console, "/api/logs/tail?q="));
    // The head, and whatever greets.
    let mut line = String::new();
    while events.read_line(&mut line).expect("an event stream") > 2 {
        line.clear();
    }
    (0..RECORDS)
        .map(|number| {
            // Not in step with anything the program does at intervals.
            std::thread::sleep(Duration::from_millis(37 + 13 * (number as u64 % 7)));
            let text = format!("tail-probe-{number}-");
            let started = Instant::now();
            send(receiver, &text);
            let mut line = String::new();
            while !line.contains(&text) {
                line.clear();
                assert!(events.read_line(&mut line).expect("an event stream") > 0, "the tail ends");
            }
            started.elapsed()
        })
        .collect()
}

fn send(receiver: SocketAddr, text: &str) {
    let record = serde_json::json!({"body": {"stringValue": text}, "severityText": "INFO"});
    let body = serde_json::json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
    let headers = [("content-type", "application/json")];
    let answer = http::post(receiver, "/v1/logs", &headers, body.to_string()).expect("the receiver answers");
    assert_eq!(answer.status, 200, "{}", answer.text());
}
