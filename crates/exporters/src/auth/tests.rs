//! A strict token server and a destination that knows its tokens.

use std::fs;
use std::sync::{Arc, Mutex};

use engine::{Exporter, Payload};
use model::{Batch, Signal};
use serde_json::{Value, json};
use testkit::http::{Request as Asked, Response, Server};

use super::*;
use crate::otlp_grpc::OtlpGrpc;
use crate::otlp_http::OtlpHttp;
use crate::trial::{build, encode};

const LOGS: &[u8] = include_bytes!("../../../../fixtures/otlp/python-logs.body");
const ID: &str = "id:1";
const SECRET: &str = "s3cr3t&%";
/// RFC 6749, section 2.3.1: both are encoded as in a form before they are joined.
const BASIC: &str = "Basic aWQlM0ExOnMzY3IzdCUyNiUyNQ==";

/// How the token server behaves.
#[derive(Clone, Copy)]
struct Habits {
    /// Takes credentials in the body alone.
    in_body: bool,
    expires_in: &'static str,
    status: u16,
}

const USUAL: Habits = Habits { in_body: false, expires_in: "3600", status: 200 };

/// Both servers, and what they were asked.
struct World {
    tokens: Server,
    destination: Server,
    asked: Arc<Mutex<Vec<Asked>>>,
    /// Values of the header at the destination.
    seen: Arc<Mutex<Vec<String>>>,
}

/// Hands out `t1`, `t2` and so on; the destination takes those of which `takes` says so.
fn world(habits: Habits, takes: fn(&str) -> bool) -> World {
    let (asked, seen) = (Arc::<Mutex<Vec<Asked>>>::default(), Arc::<Mutex<Vec<String>>>::default());
    let keep = asked.clone();
    let tokens = Server::start(move |request| {
        let mut asked = keep.lock().unwrap();
        asked.push(request.clone());
        let answer =
            |status, body: String| Response::new(status, body).with("Content-Type", "application/json");
        let form = String::from_utf8(request.body.clone()).unwrap();
        let is_known = match habits.in_body {
            true => {
                form.contains("client_id=id%3A1&client_secret=s3cr3t%26%25")
                    && request.header("authorization").is_none()
            }
            false => request.header("authorization") == Some(BASIC) && !form.contains("client_id"),
        };
        if request.method != "POST"
            || request.header("content-type") != Some("application/x-www-form-urlencoded")
            || !form.contains("grant_type=client_credentials")
        {
            return answer(400, r#"{"error":"invalid_request"}"#.into());
        }
        if !is_known {
            return answer(
                401,
                r#"{"error":"invalid_client","error_description":"who","access_token":"leak"}"#.into(),
            );
        }
        let (number, life) = (asked.len(), habits.expires_in);
        answer(
            habits.status,
            format!(r#"{{"access_token":"t{number}","token_type":"bearer","expires_in":{life}}}"#),
        )
    });
    let keep = seen.clone();
    let destination = Server::start(move |request| {
        let value = request.header("authorization").unwrap_or_default().to_owned();
        let status = if takes(&value) { 200 } else { 401 };
        keep.lock().unwrap().push(value);
        Response::new(status, "")
    });
    World { tokens, destination, asked, seen }
}

impl World {
    fn exporter(&self, more: Value) -> OtlpHttp {
        let mut oauth2 = json!({
            "client_id": ID, "client_secret": SECRET, "token_url": format!("{}/token?x=1", self.tokens.url()),
        });
        oauth2.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        build(&json!({"endpoint": self.destination.url(), "auth": {"oauth2": oauth2}})).unwrap()
    }

    fn asked(&self) -> usize {
        self.asked.lock().unwrap().len()
    }

    fn seen(&self) -> Vec<String> {
        self.seen.lock().unwrap().clone()
    }
}

fn payload<E: Exporter>(exporter: &E) -> Payload {
    let items = wire::otlp::count(Signal::Logs, LOGS).unwrap();
    let batch = Batch::unread("t".into(), Signal::Logs, LOGS.to_vec(), items);
    let sealed = encode(exporter, &[batch]);
    let payload = &sealed.payloads()[0];
    Payload::new(payload.wire().unwrap(), payload.route.clone(), payload.records, payload.raw_bytes)
}

#[tokio::test]
async fn a_token_is_asked_for_once_and_used_until_it_ends() {
    for (expires_in, asked) in [("3600", 1), ("\"3600\"", 1), ("null", 1), ("0", 3)] {
        let world = world(Habits { expires_in, ..USUAL }, |_| true);
        let exporter = world.exporter(json!({
            "scopes": ["a", "b"], "endpoint_params": [{"name": "audience", "value": "x y"}],
        }));
        let payload = payload(&exporter);
        for _ in 0..3 {
            assert_eq!(exporter.send(&payload).await, Outcome::Sent);
        }
        assert_eq!(world.asked(), asked, "{expires_in}");
        assert_eq!(world.seen()[0], "Bearer t1");
        let first = world.asked.lock().unwrap()[0].clone();
        assert_eq!((first.path.as_str(), first.query.as_str()), ("/token", "x=1"));
        let form = "grant_type=client_credentials&scope=a%20b&audience=x%20y";
        assert_eq!(String::from_utf8(first.body).unwrap(), form);
    }
}

#[tokio::test]
async fn requests_at_the_same_time_share_one_token() {
    let world = world(USUAL, |_| true);
    let exporter = world.exporter(json!({}));
    let payload = payload(&exporter);
    let sent = tokio::join!(exporter.send(&payload), exporter.send(&payload), exporter.send(&payload));
    assert_eq!(sent, (Outcome::Sent, Outcome::Sent, Outcome::Sent));
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn credentials_go_the_way_the_server_takes_them() {
    let world = world(Habits { in_body: true, expires_in: "0", ..USUAL }, |_| true);
    let exporter = world.exporter(json!({}));
    let payload = payload(&exporter);
    assert_eq!(exporter.send(&payload).await, Outcome::Sent);
    assert_eq!(exporter.send(&payload).await, Outcome::Sent);
    // The way that works is tried first from then on.
    assert_eq!(world.asked(), 3);
}

#[tokio::test]
async fn a_token_that_the_destination_does_not_know_is_forgotten() {
    let world = world(USUAL, |value| value == "Bearer t2");
    let exporter = world.exporter(json!({}));
    let payload = payload(&exporter);
    let Outcome::Retry { reason, .. } = exporter.send(&payload).await else { panic!("no retry") };
    assert!(reason.contains("does not take the token"), "{reason}");
    assert_eq!(exporter.send(&payload).await, Outcome::Sent);
    assert_eq!(world.seen(), ["Bearer t1", "Bearer t2"]);
}

#[tokio::test]
async fn without_a_token_nothing_is_sent_and_nothing_leaks() {
    for (habits, more, expected) in [
        (USUAL, json!({"client_secret": "wrong"}), "status 401 invalid_client: who"),
        (Habits { status: 503, ..USUAL }, json!({}), "status 503"),
        (USUAL, json!({"client_secret_file": "/none/secret"}), "cannot read `/none/secret`"),
    ] {
        let world = world(habits, |_| true);
        let exporter = world.exporter(more);
        let payload = payload(&exporter);
        let Outcome::Retry { reason, .. } = exporter.send(&payload).await else { panic!("no retry") };
        assert!(reason.contains(expected), "{reason}");
        assert!(world.seen().is_empty());
        let shown = exporter.show(&payload) + &reason;
        assert!(shown.contains("authorization: ***"), "{shown}");
        for secret in [SECRET, "wrong", "leak", "t1"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
    let written = json!({"client_id": ID, "client_secret": SECRET, "token_url": "http://t"});
    let config: Oauth2Config = serde_json::from_value(written).unwrap();
    assert!(!format!("{config:?}").contains(SECRET));
}

#[tokio::test]
async fn credentials_are_read_from_files_for_each_token() {
    let folder = tempfile::tempdir().unwrap();
    let (id, secret) = (folder.path().join("id"), folder.path().join("secret"));
    fs::write(&id, "id:1\n").unwrap();
    fs::write(&secret, "old").unwrap();
    let world = world(USUAL, |_| true);
    let exporter = world.exporter(
        json!({"client_id": "", "client_secret": "", "client_id_file": id, "client_secret_file": secret}),
    );
    let payload = payload(&exporter);
    assert!(matches!(exporter.send(&payload).await, Outcome::Retry { .. }));
    fs::write(&secret, SECRET).unwrap();
    assert_eq!(exporter.send(&payload).await, Outcome::Sent);
}

#[tokio::test]
async fn a_token_file_is_read_again_when_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("token");
    let world = world(USUAL, |value| value == "Bearer new");
    let settings = |more: Value| {
        let mut file = json!({"path": path});
        file.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        json!({"endpoint": world.destination.url(), "auth": {"token_file": file}})
    };
    let exporter = build::<OtlpHttp>(&settings(json!({}))).unwrap();
    let payload = payload(&exporter);
    let Outcome::Retry { reason, .. } = exporter.send(&payload).await else { panic!("no retry") };
    assert!(reason.contains("no token in"), "{reason}");
    fs::write(&path, "old\n").unwrap();
    assert!(matches!(exporter.send(&payload).await, Outcome::Retry { .. }));
    fs::write(&path, "\nnew\nsecond").unwrap();
    // The destination has refused the old one, so it is not waited for.
    assert_eq!(exporter.send(&payload).await, Outcome::Sent);
    assert_eq!(world.seen(), ["Bearer old", "Bearer new"]);
    // While the file is away its last token stands in.
    fs::remove_file(&path).unwrap();
    assert_eq!(exporter.send(&payload).await, Outcome::Sent);
    fs::write(&path, "new").unwrap();
    let plain = build::<OtlpHttp>(&settings(json!({"scheme": ""}))).unwrap();
    assert!(matches!(plain.send(&payload).await, Outcome::Retry { .. }));
    assert_eq!(world.seen().last().unwrap(), "new");
}

/// gRPC says it in the trailers, or in the headers of an answer without a body.
#[tokio::test]
async fn only_what_is_said_of_the_token_makes_another_try() {
    let answer =
        |status: u16, headers: &[(&'static str, &'static str)], trailers: &[(&'static str, &'static str)]| {
            let map = |of: &[(&'static str, &'static str)]| {
                of.iter()
                    .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)))
                    .collect()
            };
            let status = StatusCode::from_u16(status).unwrap();
            net::http::Response {
                status,
                headers: map(headers),
                body: Default::default(),
                trailers: map(trailers),
            }
        };
    let file = token_file::TokenFile::new("/none".into());
    let ours = Auth(Some(Kind::File { file, header: AUTHORIZATION, scheme: "Bearer".into() }));
    for (answer, is_tried) in [
        (answer(401, &[], &[]), true),
        (answer(200, &[("grpc-status", "16")], &[]), true),
        (answer(200, &[], &[("grpc-status", "16")]), true),
        (answer(200, &[], &[("grpc-status", "7")]), false),
        (answer(403, &[], &[]), false),
        (answer(200, &[], &[]), false),
    ] {
        let refused = Outcome::Rejected { records: 1, reason: String::new() };
        let settled = ours.settle(&answer, refused.clone()).await;
        assert_eq!(matches!(settled, Outcome::Retry { .. }), is_tried, "{answer:?}");
        assert_eq!(Auth(None).settle(&answer, refused.clone()).await, refused);
    }
}

#[test]
fn settings_are_checked() {
    for (auth, expected) in [
        (json!({}), "how to authenticate is not told"),
        (json!({"token_file": {"path": "/t", "header": "a b"}}), "is no name of a header"),
        (json!({"oauth2": {"client_id": "a", "token_url": "http://t"}}), "`client_secret` is missing"),
        (json!({"oauth2": {"client_secret": "a", "token_url": "http://t"}}), "`client_id` is missing"),
        (json!({"oauth2": {"client_id": "a", "client_secret": "a", "token_url": "t"}}), "is no address"),
        (
            json!({"oauth2": {"client_id": "a"}, "token_file": {"path": "/t"}}),
            "how to authenticate is not told",
        ),
    ] {
        let settings = json!({"endpoint": "http://a", "auth": auth});
        for complaint in [build::<OtlpHttp>(&settings).err(), build::<OtlpGrpc>(&settings).err()] {
            let complaint = complaint.unwrap_or_else(|| panic!("{auth} was taken"));
            assert!(complaint.contains(expected), "{complaint}");
        }
    }
}
