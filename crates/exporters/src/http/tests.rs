//! What `http` sends, case by case.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use config::Setting;
use engine::testing::{batch, exporter};
use engine::{Encoder as _, Exporter as _, Sealed, Surroundings};
use model::Batch;
use serde_json::Value;
use testkit::aws::signature;
use testkit::certificate::Certificate;
use testkit::fault::Fault;
use testkit::http::{self, Response, Server};

use super::*;
use crate::golden;

/// An endpoint that keeps what it gets.
struct Sink {
    server: Server,
    got: Arc<Mutex<Vec<http::Request>>>,
}

fn sink(answer: impl Fn(&http::Request) -> Response + Send + Sync + 'static) -> Sink {
    sink_with(None, answer)
}

fn sink_with(
    certificate: Option<&Certificate>,
    answer: impl Fn(&http::Request) -> Response + Send + Sync + 'static,
) -> Sink {
    let got: Arc<Mutex<Vec<http::Request>>> = Arc::default();
    let kept = got.clone();
    let tls = certificate.map(|certificate| certificate.server.clone());
    let server = Server::with(tls, Arc::default(), move |request| {
        let response = answer(&request);
        kept.lock().unwrap().push(request);
        response
    });
    Sink { server, got }
}

impl Sink {
    fn settings(&self, path: &str) -> Setting {
        Setting::map().with("endpoint", format!("{}{path}", self.server.url()))
    }

    fn take(&self) -> Vec<http::Request> {
        std::mem::take(&mut self.got.lock().unwrap())
    }
}

fn accepting() -> Sink {
    sink(|_| Response::new(200, ""))
}

fn built(settings: Setting) -> Http {
    exporter(settings, &Surroundings::for_tests()).unwrap()
}

fn refused(settings: Setting) -> String {
    match exporter::<Http>(settings, &Surroundings::for_tests()) {
        Ok(_) => panic!("was not refused"),
        Err(text) => text,
    }
}

fn encoded(http: &Http, batches: &[Batch]) -> Sealed {
    let (mut encoder, mut out) = (http.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut out));
    encoder.seal(&mut out);
    let records: u64 = out.payloads().iter().map(|payload| payload.records).sum();
    assert_eq!(records, batches.iter().map(Batch::len).sum::<usize>() as u64);
    out
}

async fn sent(settings: Setting, batches: &[Batch]) -> Vec<Outcome> {
    let http = built(settings);
    let mut outcomes = Vec::new();
    for payload in encoded(&http, batches).payloads() {
        outcomes.push(http.send(payload).await);
    }
    outcomes
}

fn lines(count: usize) -> Batch {
    let lines: Vec<_> = (0..count).map(|n| format!(r#"{{"n":{n},"log":"line\n"}}"#)).collect();
    batch("t", &lines.iter().map(String::as_str).collect::<Vec<_>>())
}

/// Requests as recorded: path, body, and the headers that the exporter decides.
fn recorded(case: &str) -> BTreeMap<String, (String, BTreeMap<String, String>)> {
    let text = fs::read_to_string(golden::file(case, "http.json")).unwrap();
    let requests: Vec<Value> = serde_json::from_str(&text).unwrap();
    let mut found = BTreeMap::new();
    for request in requests {
        let text = |value: &Value| value.as_str().unwrap().to_owned();
        let headers = request["headers"].as_array().unwrap().iter();
        let headers = headers.map(|pair| (text(&pair[0]).to_lowercase(), text(&pair[1])));
        // Raw UTF-8 where Fluent Bit escapes.
        let body = text(&request["body"]).replace("\\u00e9", "é");
        found.insert(text(&request["path"]), (body, kept(headers)));
    }
    found
}

fn kept(headers: impl Iterator<Item = (String, String)>) -> BTreeMap<String, String> {
    headers.filter(|(name, _)| name == "content-type" || name.starts_with("x-")).collect()
}

async fn check(case: &str, path: &str, settings: &[(&str, &str)], extra: impl FnOnce(Setting) -> Setting) {
    let sink = accepting();
    let mut setting = sink.settings(path);
    for (name, value) in settings {
        setting.set(*name, *value);
    }
    assert_eq!(sent(extra(setting), &golden::batches(case)).await, [Outcome::Sent], "{path}");
    let request = sink.take().remove(0);
    let headers = request.headers.iter().map(|(name, value)| (name.to_lowercase(), value.clone()));
    let got = (String::from_utf8(request.body.clone()).unwrap(), kept(headers));
    assert_eq!(got, recorded(case)[path], "{path}");
}

#[tokio::test]
async fn requests_are_those_recorded() {
    let same = |setting| setting;
    check("http_formats", "/json", &[], same).await;
    check("http_formats", "/json_lines", &[("format", "json_lines")], same).await;
    check("http_formats", "/json_stream", &[("format", "json_stream")], same).await;
    let date = [("format", "json_lines"), ("date_key", "when"), ("date_format", "iso8601")];
    check("http_formats", "/date", &date, same).await;
    let header = |name: &str, value: &str| Setting::map().with("name", name).with("value", value);
    let headers = Setting::list([header("X-A", "b"), header("X-C", "d e")]);
    let tag = [("format", "json"), ("tag_header", "X-Tag"), ("date_key", "")];
    check("http_formats", "/tag", &tag, |setting| setting.with("headers", headers)).await;
    for format in ["double", "epoch", "epoch_ms", "iso8601", "java_sql_timestamp"] {
        let settings = [("format", "json_lines"), ("date_format", format)];
        check("http_date_formats", &format!("/{format}"), &settings, same).await;
    }
}

#[tokio::test]
async fn statuses_decide() {
    let status = Arc::new(Mutex::new(0));
    let asked = status.clone();
    let sink = sink(move |_| Response::new(*asked.lock().unwrap(), "because").with("Retry-After", "7"));
    let http = built(sink.settings("/"));
    let out = encoded(&http, &[lines(3)]);
    for (code, expected) in [
        (200, "sent"),
        (204, "sent"),
        (205, "sent"),
        (206, "retry"),
        (301, "retry"),
        (400, "rejected 3"),
        (401, "rejected 3"),
        (408, "retry"),
        (413, "split"),
        (429, "retry 7s"),
        (500, "retry"),
        (503, "retry"),
    ] {
        *status.lock().unwrap() = code;
        let outcome = match http.send(&out.payloads()[0]).await {
            Outcome::Sent => "sent".into(),
            Outcome::Retry { after: Some(after), reason } if code == 429 => {
                assert!(reason.contains("because"), "{reason}");
                format!("retry {after:?}")
            }
            Outcome::Retry { .. } => "retry".into(),
            Outcome::Split { .. } => "split".into(),
            Outcome::Rejected { records, .. } => format!("rejected {records}"),
        };
        assert_eq!(outcome, expected, "{code}");
    }
}

#[tokio::test]
async fn no_answer_is_tried_again() {
    let sink = accepting();
    let http = built(sink.settings("/"));
    let out = encoded(&http, &[lines(1)]);
    sink.server.faults().next(1, Fault::Close);
    assert!(matches!(http.send(&out.payloads()[0]).await, Outcome::Retry { .. }));
    assert_eq!(http.send(&out.payloads()[0]).await, Outcome::Sent);
}

#[tokio::test]
async fn bodies_are_compressed_and_cut() {
    for compression in ["none", "gzip", "zstd"] {
        for format in ["json", "json_lines", "json_stream", "msgpack"] {
            let sink = accepting();
            let settings = sink.settings("/").with("compression", compression).with("format", format);
            let outcomes = sent(settings.with("max_body_bytes", "2KiB"), &[lines(200)]).await;
            assert!(outcomes.len() >= 3 && outcomes.iter().all(|outcome| *outcome == Outcome::Sent));
            let mut seen = 0;
            for request in sink.take() {
                let body = request.decoded().unwrap();
                assert!(body.len() <= 2048 + 64, "{} bytes", body.len());
                assert_eq!(request.header("content-encoding").unwrap_or("none"), compression);
                seen += String::from_utf8_lossy(&body).matches("line").count();
            }
            assert_eq!(seen, 200, "{compression} {format}");
        }
    }
}

#[tokio::test]
async fn a_single_large_record_is_sent_by_itself() {
    let sink = accepting();
    let long = format!(r#"{{"log":"{}"}}"#, "x".repeat(5000));
    let outcomes =
        sent(sink.settings("/").with("max_body_bytes", 1000), &[batch("t", &["{}", &long, "{}"])]).await;
    assert_eq!(outcomes.len(), 3);
    assert!(sink.take().iter().all(|request| serde_json::from_slice::<Value>(&request.body).is_ok()));
}

#[tokio::test]
async fn msgpack_holds_time_and_record() {
    let sink = accepting();
    sent(sink.settings("/").with("format", "msgpack"), &[batch("t", &[r#"{"a":1}"#])]).await;
    assert_eq!(sink.take()[0].body, b"\x92\xd7\0\0\0\0\x01\0\0\0\0\x81\xa1a\x01");
}

#[test]
fn halves_hold_all_records() {
    for compression in ["none", "gzip", "zstd"] {
        for format in ["json", "json_lines", "json_stream", "msgpack"] {
            let settings = Setting::map().with("endpoint", "http://x/").with("date_key", "");
            let http = built(settings.with("compression", compression).with("format", format));
            let whole = encoded(&http, &[lines(5)]);
            let (a, b) = http.split(&whole.payloads()[0]).unwrap();
            assert_eq!((a.records, b.records), (2, 3));
            let first = encoded(&http, &[lines(2)]);
            assert_eq!(a.wire().unwrap(), first.payloads()[0].wire().unwrap(), "{compression} {format}");
            let tail = String::from_utf8_lossy(
                &decompress(http.config.compression, &b.wire().unwrap(), 1 << 20).unwrap(),
            )
            .into_owned();
            assert_eq!(tail.matches("line").count(), 3, "{tail}");
            if format == "json" {
                assert_eq!(serde_json::from_str::<Vec<Value>>(&tail).unwrap()[0]["n"], 2);
            }
            let one = encoded(&http, &[lines(1)]);
            assert!(http.split(&one.payloads()[0]).is_none());
        }
    }
}

#[tokio::test]
async fn each_tag_has_its_own_request() {
    let sink = accepting();
    let batches: Vec<_> = (0..40).map(|n| batch(&format!("t{}", n % 35), &["{}"])).collect();
    sent(sink.settings("/").with("tag_header", "X-Tag"), &batches).await;
    let got = sink.take();
    assert!(got.len() >= 35, "{}", got.len());
    assert_eq!(got[0].header("x-tag"), Some("t0"));
}

#[tokio::test]
async fn credentials_travel_in_headers_and_are_not_shown() {
    let sink = accepting();
    let settings = sink.settings("/in?x=1").with("username", "Aladdin").with("password", "open sesame");
    let twice = |name: &str, value: &str| Setting::map().with("name", name).with("value", value);
    let headers = Setting::list([twice("X-Key", "one"), twice("X-Key", "two")]);
    let settings = settings.with("headers", headers);
    let http = built(settings.clone());
    let out = encoded(&http, &[lines(1)]);
    assert_eq!(http.send(&out.payloads()[0]).await, Outcome::Sent);
    let request = sink.take().remove(0);
    assert_eq!(request.header("authorization"), Some("Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ=="));
    assert_eq!((request.path.as_str(), request.query.as_str()), ("/in", "x=1"));
    let keys = |request: &http::Request| request.headers.iter().filter(|(name, _)| name == "x-key").count();
    assert_eq!(keys(&request), 2);
    let shown = http.show(&out.payloads()[0]);
    assert!(shown.contains("\"n\":0") && shown.contains("authorization: ***"), "{shown}");
    assert!(!shown.contains("QWxh") && !shown.contains("two"), "{shown}");
    sent(settings.with("duplicate_headers", false), &[lines(1)]).await;
    assert_eq!(keys(&sink.take()[0]), 1);
}

#[tokio::test]
async fn unicode_is_escaped_where_asked() {
    let sink = accepting();
    sent(sink.settings("/").with("escape_unicode", true), &[batch("t", &[r#"{"a":"é"}"#])]).await;
    assert_eq!(sink.take()[0].body, br#"[{"date":1.0,"a":"\u00e9"}]"#);
}

#[tokio::test]
async fn requests_go_through_the_proxy() {
    let sink = accepting();
    let settings =
        Setting::map().with("endpoint", "http://nowhere.invalid/x").with("proxy", sink.server.url());
    assert_eq!(sent(settings, &[lines(1)]).await, [Outcome::Sent]);
    assert_eq!(sink.take()[0].path, "http://nowhere.invalid/x");
}

#[tokio::test]
async fn tls_is_checked() {
    let certificate = Certificate::new();
    let sink = sink_with(Some(&certificate), |_| Response::new(200, ""));
    let ca_file = certificate.ca_file.display().to_string();
    let trusting = sink.settings("/").with("tls", Setting::map().with("ca_file", ca_file));
    assert_eq!(sent(trusting, &[lines(1)]).await, [Outcome::Sent]);
    let [Outcome::Retry { reason, .. }] = &sent(sink.settings("/"), &[lines(1)]).await[..] else {
        panic!("an unknown authority was trusted")
    };
    assert!(reason.contains("TLS"), "{reason}");
}

#[tokio::test]
async fn requests_are_signed() {
    let sink = sink(|request| match signature::verify(request) {
        Ok(scope) if scope.service == "osis" && scope.region == "eu-west-1" => Response::new(200, ""),
        problem => Response::new(403, format!("{problem:?}")),
    });
    let sigv4 = Setting::map().with("service", "osis").with("region", "eu-west-1");
    let settings = sink.settings("/log/ingest").with("sigv4", sigv4).with("compression", "gzip");
    let surroundings = Surroundings {
        environment: [
            ("AWS_ACCESS_KEY_ID", signature::ACCESS_KEY),
            ("AWS_SECRET_ACCESS_KEY", signature::SECRET_KEY),
        ]
        .into(),
        ..Surroundings::for_tests()
    };
    let http: Http = exporter(settings, &surroundings).unwrap();
    let out = encoded(&http, &[lines(2)]);
    assert_eq!(http.send(&out.payloads()[0]).await, Outcome::Sent);
    let request = sink.take().remove(0);
    assert_eq!(request.header("content-type"), Some("application/json"));
    assert_eq!(request.decoded().unwrap()[0], b'[');
}

#[test]
fn wrong_settings_are_refused_together() {
    let text = refused(
        Setting::map()
            .with("endpoint", "logs.example.com:443")
            .with("method", "GET")
            .with("format", "gelf")
            .with("body_key", "$m")
            .with("tag_header", "no header"),
    );
    for part in ["is no URL", "`POST` or `PUT`", "GELF", "`body_key` is not supported", "no header name"] {
        assert!(text.contains(part), "{part} is not in\n{text}");
    }
    assert!(refused(Setting::map()).contains("has no endpoint"));
    assert!(refused(Setting::map().with("endpoint", "http://u:p@x/")).contains("`username`"));
    let snappy = Setting::map().with("endpoint", "http://x/").with("compression", "snappy");
    assert!(refused(snappy).contains("gzip"));
}
