//! What answers over gRPC mean. The calls themselves are tested with a real server, in the black-box tests.

use http::StatusCode;
use wire::protobuf::{write_bytes, write_message, write_number};

use super::*;

fn payload() -> Payload {
    Payload::new(vec![1, 2, 3], "/v1/logs", 10, 3)
}

fn response(status: u16, headers: &[(&'static str, &str)], trailers: &[(&'static str, &str)]) -> Response {
    let map = |pairs: &[(&'static str, &str)]| {
        pairs.iter().map(|(name, value)| (HeaderName::from_static(name), value.parse().unwrap())).collect()
    };
    let status = StatusCode::from_u16(status).unwrap();
    Response { status, headers: map(headers), body: Bytes::new(), trailers: map(trailers) }
}

fn word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Sent => "sent",
        Outcome::Retry { .. } => "again",
        Outcome::Rejected { .. } => "never",
        Outcome::Split { .. } => "halves",
    }
}

/// OTLP specification, OTLP/gRPC: the table of codes.
#[test]
fn codes_settle_the_payload() {
    let retryable = [1, 4, 10, 11, 14, 15];
    for code in 0..=16u8 {
        let answer = response(200, &[], &[("grpc-status", &code.to_string())]);
        let expected = match code {
            0 => "sent",
            code if retryable.contains(&code) => "again",
            _ => "never",
        };
        assert_eq!(word(&judge(&answer, &payload())), expected, "{code}");
    }
    // Without a body the status stands in the headers.
    let early = response(200, &[("grpc-status", "14"), ("grpc-message", "try%20later")], &[]);
    let Outcome::Retry { reason, .. } = judge(&early, &payload()) else { panic!("it is tried again") };
    assert_eq!(reason, "gRPC status 14: try later");
    // Something that speaks no gRPC answers.
    assert_eq!(word(&judge(&response(503, &[], &[]), &payload())), "again");
    assert_eq!(word(&judge(&response(200, &[], &[]), &payload())), "never");
    let large = "grpc: received message larger than max (5000000 vs. 4194304)";
    let large = response(200, &[("grpc-status", "8"), ("grpc-message", large)], &[]);
    assert_eq!(word(&judge(&large, &payload())), "halves");
}

#[test]
fn an_exhausted_server_is_given_the_time_it_asks_for() {
    let mut status = Vec::new();
    write_message(&mut status, 3, |out| {
        write_bytes(out, 1, b"type.googleapis.com/google.rpc.RetryInfo");
        write_message(out, 2, |out| write_message(out, 1, |out| write_number(out, 1, 7)));
    });
    let details = base64::prelude::BASE64_STANDARD.encode(status);
    for details in [details.as_str(), details.trim_end_matches('=')] {
        let answer = response(200, &[], &[("grpc-status", "8"), ("grpc-status-details-bin", details)]);
        let Outcome::Retry { after, .. } = judge(&answer, &payload()) else { panic!("it is tried again") };
        assert_eq!(after, Some(Duration::from_secs(7)));
    }
}

#[test]
fn what_was_refused_in_part_is_counted() {
    let mut message = Vec::new();
    write_message(&mut message, 1, |out| {
        write_number(out, 1, 3);
        write_bytes(out, 2, b"too old");
    });
    let mut answer = response(200, &[], &[("grpc-status", "0")]);
    answer.body = [&grpc::head(false, message.len())[..], &message].concat().into();
    let Outcome::Rejected { records, reason } = judge(&answer, &payload()) else { panic!("some are lost") };
    assert_eq!((records, reason.as_str()), (3, "too old"));
}
