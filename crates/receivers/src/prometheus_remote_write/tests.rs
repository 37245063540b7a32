//! What `prometheus_remote_write` takes and refuses, and what a real Prometheus writes to it.

mod real;

use std::time::Duration;

use axum::http::StatusCode;
use config::Setting;
use engine::outlet::Phase;
use engine::testing::{Catch, receiver, stop};
use model::Batch;
use testkit::tools::free_port;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use wire::protobuf::{write_bytes, write_fixed64, write_message, write_number, write_varint};
use wire::remote_write::Version;

use super::reply::{Refusal, Written, respond};
use super::*;

/// As Prometheus sent it.
const SAMPLES: &[u8] = include_bytes!("../../../../fixtures/prometheus-remote-write/samples.body");
const METADATA: &[u8] = include_bytes!("../../../../fixtures/prometheus-remote-write/metadata.body");

const ONE: &str = "Content-Type: application/x-protobuf\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 0.1.0\r\n";
const TWO: &str = "Content-Type: application/x-protobuf;proto=io.prometheus.write.v2.Request\r\nContent-Encoding: snappy\r\nX-Prometheus-Remote-Write-Version: 2.0.0\r\n";

fn snappy(bytes: &[u8]) -> Vec<u8> {
    snap::raw::Encoder::new().compress_vec(bytes).unwrap()
}

/// A request of version 2.0 with a sample of each of these names, of which an empty one is wrong.
fn two(names: &[&str]) -> Vec<u8> {
    let mut request = Vec::new();
    for text in ["", "__name__"].iter().chain(names) {
        write_bytes(&mut request, 4, text.as_bytes());
    }
    for place in 0..names.len() as u64 {
        write_message(&mut request, 5, |out| {
            write_message(out, 1, |out| [1, place + 2].iter().for_each(|place| write_varint(out, *place)));
            write_message(out, 2, |out| {
                write_fixed64(out, 1, 1.5f64.to_bits());
                write_number(out, 2, 1_700_000_000_000);
            });
        });
    }
    snappy(&request)
}

async fn connect(port: u16) -> TcpStream {
    for _ in 0..200 {
        if let Ok(stream) = TcpStream::connect(("127.0.0.1", port)).await {
            return stream;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("nobody listens")
}

/// A status and the whole answer in small letters.
type Answer = (u16, String);

/// Sends requests, each on a connection of its own; returns the answers, and what was caught.
async fn check(settings: Setting, requests: &[(&str, &str, &[u8])]) -> (Vec<Answer>, Catch) {
    let catch = Catch::default();
    let port = free_port();
    let settings =
        settings.with("listen", format!("127.0.0.1:{port}")).with("max_request_body_bytes", "200k");
    let receiver = receiver::<PrometheusRemoteWrite>(settings).unwrap();
    let (phase, stop) = stop();
    let served = tokio::spawn(receiver.run(catch.outlet(), stop));
    let mut answers = Vec::new();
    for (line, headers, body) in requests {
        let mut stream = connect(port).await;
        let head = format!(
            "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(head.as_bytes()).await.unwrap();
        stream.write_all(body).await.unwrap();
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer).await.unwrap();
        let answer = String::from_utf8_lossy(&answer).to_lowercase();
        answers.push((answer.split(' ').nth(1).unwrap().parse().unwrap(), answer));
    }
    phase.send_replace(Phase::Draining);
    served.await.unwrap().unwrap();
    (answers, catch)
}

fn statuses(answers: &[Answer]) -> Vec<u16> {
    answers.iter().map(|(status, _)| *status).collect()
}

fn refused(catch: &Catch) -> String {
    format!("{:?}", catch.ledger())
}

#[tokio::test]
async fn what_prometheus_sends_becomes_points() {
    let (answers, catch) = check(
        Setting::map(),
        &[
            ("POST /api/v1/write", ONE, SAMPLES),
            (
                "POST /api/v1/push",
                "Content-Type: application/x-protobuf; proto=prometheus.WriteRequest\r\n",
                SAMPLES,
            ),
            ("POST /", "Content-Encoding: snappy\r\n", SAMPLES),
            ("POST /api/v1/write", ONE, METADATA),
            ("POST /api/v1/write", ONE, &snappy(b"")),
        ],
    )
    .await;
    assert_eq!(statuses(&answers), [204; 5]);
    assert!(answers.iter().all(|(_, answer)| !answer.contains("-written")), "{answers:?}");
    let points: Vec<usize> = catch.take().iter().map(Batch::len).collect();
    assert!(points.len() == 3 && points[0] > 20 && points.iter().all(|n| *n == points[0]), "{points:?}");
}

#[tokio::test]
async fn the_second_version_is_told_what_was_taken() {
    let (answers, catch) = check(
        Setting::map(),
        &[
            ("POST /api/v1/write", TWO, &two(&["a", "b"])),
            ("POST /api/v1/write", TWO, &two(&["a", "", "c"])),
            ("POST /api/v1/write", TWO, &two(&[])),
            ("POST /api/v1/write", TWO, b"nonsense"),
        ],
    )
    .await;
    assert_eq!(statuses(&answers), [204, 400, 204, 400]);
    for ((_, answer), samples) in answers.iter().zip([2, 2, 0, 0]) {
        let header = |of: &str, count: u64| format!("x-prometheus-remote-write-{of}-written: {count}\r\n");
        for header in [header("samples", samples), header("histograms", 0), header("exemplars", 0)] {
            assert!(answer.contains(&header), "{header} {answer}");
        }
    }
    assert!(answers[1].1.contains("1 for a series without a name"), "{}", answers[1].1);
    assert_eq!(catch.take().iter().map(Batch::len).collect::<Vec<_>>(), [2, 2]);
    assert!(refused(&catch).to_lowercase().contains("malformed"), "{}", refused(&catch));
}

#[tokio::test]
async fn what_cannot_be_taken_is_refused_as_the_protocol_says() {
    let framed = {
        use std::io::Write;
        let mut out = snap::write::FrameEncoder::new(Vec::new());
        out.write_all(b"x").unwrap();
        out.into_inner().unwrap()
    };
    let bomb = snappy(&vec![0; 1 << 20]);
    // Says that it is 4 GiB, and is nothing.
    let liar = b"\xff\xff\xff\xff\x0f";
    let of = |kind: &str, encoding: &str| format!("Content-Type: {kind}\r\nContent-Encoding: {encoding}\r\n");
    let json = of("application/json", "snappy");
    let other = of("application/x-protobuf;proto=io.prometheus.write.v3.Request", "snappy");
    let zstd = of("application/x-protobuf", "zstd");
    let damaged = snappy(b"\x0a\xff");
    let (answers, catch) = check(
        Setting::map(),
        &[
            ("GET /api/v1/write", ONE, b""),
            ("POST /api/v1/query", ONE, SAMPLES),
            ("POST /api/v1/write", &json, SAMPLES),
            ("POST /api/v1/write", &other, SAMPLES),
            ("POST /api/v1/write", &zstd, SAMPLES),
            ("POST /api/v1/write", ONE, &framed),
            ("POST /api/v1/write", ONE, b""),
            ("POST /api/v1/write", ONE, &SAMPLES[..SAMPLES.len() / 2]),
            ("POST /api/v1/write", ONE, &damaged),
            ("POST /api/v1/write", ONE, &bomb),
            ("POST /api/v1/write", ONE, liar),
            ("POST /api/v1/write", ONE, &vec![0; 300_000]),
        ],
    )
    .await;
    assert_eq!(statuses(&answers), [405, 404, 415, 415, 415, 400, 400, 400, 400, 413, 413, 413]);
    for (place, why) in [(5, "stream of snappy's frames"), (8, "no remote write"), (9, "decompressed")] {
        assert!(answers[place].1.contains(why), "{}", answers[place].1);
    }
    assert!(bomb.len() < 100_000, "{}", bomb.len());
    assert!(catch.take().is_empty());
}

#[test]
fn a_sender_whose_samples_find_no_room_is_told_when_to_try_again() {
    for (status, again) in [(StatusCode::SERVICE_UNAVAILABLE, Some("1")), (StatusCode::BAD_REQUEST, None)] {
        let refusal = Err(Refusal(status, "why".into()));
        let response = respond(Some(Version::Two), refusal, &Written::default());
        let header = |name: &str| response.headers().get(name).map(|value| value.to_str().unwrap());
        assert_eq!((response.status(), header("retry-after")), (status, again));
        assert_eq!(header("x-prometheus-remote-write-samples-written"), Some("0"));
    }
}

#[tokio::test]
async fn senders_show_a_credential() {
    let auth = Setting::map().with("values", Setting::list(["Bearer t0ken"]));
    let shown = format!("{ONE}Authorization: Bearer t0ken\r\n");
    let requests = [("POST /api/v1/write", ONE, SAMPLES), ("POST /api/v1/write", &*shown, SAMPLES)];
    let (answers, catch) = check(Setting::map().with("auth", auth), &requests).await;
    assert_eq!((statuses(&answers), catch.take().len()), (vec![401, 204], 1));
}

#[test]
fn it_is_where_prometheus_is_and_no_larger_than_a_batch() {
    let built = receiver::<PrometheusRemoteWrite>(Setting::map()).unwrap();
    assert_eq!(built.config.listen.to_string(), "127.0.0.1:9090");
    let large = receiver::<PrometheusRemoteWrite>(Setting::map().with("max_request_body_bytes", "2GiB"));
    assert!(large.err().unwrap().contains("more than 1GiB"));
}
