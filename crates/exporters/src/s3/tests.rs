//! What `s3` sends, case by case.

use std::collections::BTreeMap;
use std::fs;
use std::sync::{Arc, Mutex};

use config::Setting;
use engine::testing::{batch, exporter};
use engine::{Encoder as _, Exporter as _, Sealed, Surroundings};
use model::Batch;
use testkit::aws::signature;
use testkit::fault::Fault;
use testkit::http::{Request, Response, Server};

use super::*;
use crate::golden;

/// A bucket that takes signed uploads.
struct Bucket {
    server: Server,
    objects: Arc<Mutex<BTreeMap<String, Request>>>,
}

fn bucket() -> Bucket {
    let objects: Arc<Mutex<BTreeMap<String, Request>>> = Arc::default();
    let kept = objects.clone();
    let server = Server::start(move |request| {
        let problem = match signature::verify(&request) {
            Ok(scope) if scope.service == "s3" && scope.region == "eu-west-1" => None,
            Ok(scope) => Some(format!("signed for {scope:?}")),
            Err(problem) => Some(problem),
        };
        if let Some(problem) = problem {
            let body =
                format!("<Error><Code>SignatureDoesNotMatch</Code><Message>{problem}</Message></Error>");
            return Response::new(403, body);
        }
        match request.path.strip_prefix("/example-bucket/").map(str::to_owned) {
            Some(key) if request.method == "PUT" => {
                kept.lock().unwrap().insert(key, request);
                Response::new(200, "").with("ETag", "\"1\"")
            }
            _ => Response::new(
                404,
                "<Error><Code>NoSuchBucket</Code><Message>no such bucket</Message></Error>",
            ),
        }
    });
    Bucket { server, objects }
}

impl Bucket {
    fn settings(&self) -> Setting {
        settings().with("endpoint", self.server.url())
    }

    /// Keys and what is in them.
    fn take(&self) -> BTreeMap<String, String> {
        let objects = std::mem::take(&mut *self.objects.lock().unwrap());
        let text = |request: Request| String::from_utf8(request.decoded().unwrap()).unwrap();
        objects.into_iter().map(|(key, request)| (key, text(request))).collect()
    }
}

fn settings() -> Setting {
    Setting::map().with("bucket", "example-bucket").with("region", "eu-west-1")
}

fn surroundings() -> Surroundings {
    let keys =
        [("AWS_ACCESS_KEY_ID", signature::ACCESS_KEY), ("AWS_SECRET_ACCESS_KEY", signature::SECRET_KEY)];
    Surroundings { environment: keys.into(), ..Surroundings::for_tests() }
}

fn built(settings: Setting) -> S3 {
    exporter(settings, &surroundings()).unwrap()
}

fn encoded(s3: &S3, batches: &[Batch]) -> Sealed {
    let (mut encoder, mut out) = (s3.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut out));
    encoder.seal(&mut out);
    let payloads: u64 = out.payloads().iter().map(|payload| payload.records).sum();
    let discarded: u64 = out.discarded().iter().map(|(_, records)| records).sum();
    assert_eq!(payloads + discarded, batches.iter().map(Batch::len).sum::<usize>() as u64);
    out
}

async fn upload(settings: Setting, batches: &[Batch]) {
    let s3 = built(settings);
    for payload in encoded(&s3, batches).payloads() {
        assert_eq!(s3.send(payload).await, Outcome::Sent);
    }
}

#[tokio::test]
async fn objects_are_those_recorded() {
    for (case, key, log_key, start, end) in [
        ("s3_put_object", "/logs/$TAG[0]/%Y/%m/%d/$UUID.ndjson", None, "logs/web/2024/06/10/", ".ndjson"),
        ("s3_log_key", "/logs/$TAG", Some("log"), "logs/web.1-object", ""),
    ] {
        let bucket = bucket();
        let mut settings = bucket.settings().with("key", key);
        if let Some(name) = log_key {
            settings.set("log_key", name);
        }
        upload(settings, &golden::batches(case)).await;
        let objects = bucket.take();
        let (key, text) = objects.first_key_value().unwrap();
        let random = key.strip_prefix(start).and_then(|key| key.strip_suffix(end));
        assert!(random.is_some_and(|random| random.len() == 8), "{key}");
        // Raw UTF-8 where Fluent Bit escapes.
        let recorded = fs::read_to_string(golden::file(case, "s3.ndjson")).unwrap().replace("\\u00e9", "é");
        assert_eq!(*text, recorded, "{case}");
        assert_eq!(objects.len(), 1);
    }
}

#[tokio::test]
async fn what_the_user_asks_for_is_in_the_request() {
    for acl in [None, Some("bucket-owner-full-control")] {
        for compression in ["none", "gzip", "zstd"] {
            let bucket = bucket();
            let settings = bucket.settings().with("key", "a b/$TAG/ü=%Y").with("static_key", true);
            let mut settings = settings
                .with("compression", compression)
                .with("content_type", "text/plain")
                .with("storage_class", "STANDARD_IA")
                .with("format", "json")
                .with("date_key", "");
            if let Some(acl) = acl {
                settings.set("acl", acl);
            }
            upload(settings, &[batch("t", &[r#"{"n":1}"#, r#"{"n":2}"#])]).await;
            let objects = bucket.objects.lock().unwrap();
            let (key, request) = objects.first_key_value().unwrap();
            assert_eq!(key, "a%20b/t/%C3%BC%3D1970");
            assert_eq!(request.decoded().unwrap(), br#"[{"n":1},{"n":2}]"#);
            assert_eq!(request.header("content-encoding").unwrap_or("none"), compression);
            assert_eq!(request.header("content-type"), Some("text/plain"));
            assert_eq!(request.header("x-amz-storage-class"), Some("STANDARD_IA"));
            assert_eq!(request.header("x-amz-acl"), acl);
        }
    }
}

#[tokio::test]
async fn each_tag_has_an_object() {
    let bucket = bucket();
    let batches = [batch("a", &["{}"]), batch("b", &["{}"]), batch("a", &["{}"])];
    let settings = bucket.settings().with("key", "$TAG-$INDEX").with("static_key", true);
    upload(settings.with("date_format", "epoch"), &batches).await;
    let objects: Vec<_> = bucket.take().into_iter().collect();
    let line = "{\"date\":1}\n";
    assert_eq!(objects, [("a-0".into(), line.repeat(2)), ("b-1".into(), line.into())]);
}

#[test]
fn objects_are_closed_by_size_count_and_memory() {
    let long = |tag: &str, bytes: usize| batch(tag, &[&format!(r#"{{"log":"{}"}}"#, "x".repeat(bytes))]);
    let by_size = built(settings().with("max_file_bytes", 1000));
    let mut out = Sealed::default();
    let mut encoder = by_size.encoder();
    (0..5).for_each(|_| encoder.encode(&long("t", 500), &mut out));
    assert_eq!(out.payloads().iter().map(|payload| payload.records).collect::<Vec<_>>(), [2, 2]);

    // A quarter of the budget for tests is 8 MiB.
    for (compression, expected) in [("none", 3), ("gzip", 0)] {
        let by_memory = built(settings().with("compression", compression));
        let (mut encoder, mut out) = (by_memory.encoder(), Sealed::default());
        (0..20).for_each(|n| encoder.encode(&long(if n % 3 == 0 { "a" } else { "b" }, 1 << 20), &mut out));
        assert_eq!(out.payloads().len(), expected, "{compression}");
    }

    let many = built(settings());
    let (mut encoder, mut out) = (many.encoder(), Sealed::default());
    (0..40).for_each(|n| encoder.encode(&batch(&format!("t{n}"), &["{}"]), &mut out));
    assert_eq!(out.payloads().len(), 24);
}

#[tokio::test]
async fn errors_are_tried_again_and_explained() {
    let bucket = bucket();
    let s3 = built(bucket.settings());
    let out = encoded(&s3, &[batch("t", &["{}"])]);
    let payload = &out.payloads()[0];
    bucket.server.faults().next(1, Fault::RetryAfter(503, 3));
    let busy = s3.send(payload).await;
    assert!(matches!(busy, Outcome::Retry { after: Some(after), .. } if after.as_secs() == 3), "{busy:?}");
    bucket.server.faults().next(2, Fault::Close);
    assert!(matches!(s3.send(payload).await, Outcome::Retry { .. }));
    bucket.server.faults().lift();
    assert_eq!(s3.send(payload).await, Outcome::Sent);

    let elsewhere = built(bucket.settings().with("region", "us-west-2"));
    let Outcome::Retry { reason, .. } = elsewhere.send(payload).await else { panic!("no retry") };
    assert!(reason.contains("`example-bucket`") && reason.contains("`s3:PutObject`"), "{reason}");
    let missing = built(bucket.settings().with("bucket", "other"));
    let Outcome::Retry { reason, .. } = missing.send(payload).await else { panic!("no retry") };
    assert!(reason.contains("NoSuchBucket"), "{reason}");
}

#[test]
fn an_upload_can_be_shown() {
    let s3 = built(settings().with("key", "k/$TAG").with("static_key", true).with("compression", "zstd"));
    let out = encoded(&s3, &[batch("t", &[r#"{"n":1}"#])]);
    let shown = s3.show(&out.payloads()[0]);
    assert_eq!(shown, "PUT s3://example-bucket/k/t\n\n{\"date\":\"1970-01-01T00:00:01.000000Z\",\"n\":1}\n");
}

#[test]
fn wrong_settings_are_refused() {
    for (settings, part) in [
        (Setting::map(), "it has no bucket"),
        (settings().with("key", "/"), "the key is empty"),
        (settings().with("compression", "parquet"), "gzip"),
        (settings().with("format", "otlp"), "json_lines"),
    ] {
        let Err(text) = exporter::<S3>(settings, &surroundings()) else { panic!("accepted") };
        assert!(text.contains(part), "{text}");
    }
}
