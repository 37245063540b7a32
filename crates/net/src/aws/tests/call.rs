//! Calls and their failures: shapes of errors, a wrong clock, old keys.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;

use super::{ID, client, logs};
use crate::Environment;
use crate::aws::credentials::Fetched;
use crate::aws::{AwsClient, AwsError, Credentials, Keys, Service, ServiceError};
use crate::http::Response;
use crate::testing::{Scripted, answer};

fn error(status: u16, headers: &[(&'static str, &'static str)], body: &str) -> AwsError {
    let headers = headers.iter().map(|(n, v)| (n.parse().unwrap(), v.parse().unwrap())).collect();
    let status = status.try_into().unwrap();
    ServiceError::of(&Response {
        status,
        headers,
        body: Bytes::from(body.to_owned()),
        trailers: ::http::HeaderMap::new(),
    })
    .into()
}

#[test]
fn reads_every_shape_of_error() {
    let html = "<!doctype html>\n<html lang=en>\n<title>500 Internal Server Error</title>\n<p>The server...";
    let sts = "<ErrorResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><Error><Type>Sender</Type>\
               <Code>ExpiredToken</Code><Message>a &lt;b&gt; &amp; c</Message></Error><RequestId>r2</RequestId></ErrorResponse>";
    let ec2 = "<?xml version=\"1.0\"?><Response><Errors><Error><Code>RequestLimitExceeded</Code>\
               <Message>slow</Message></Error></Errors><RequestID>r3</RequestID></Response>";
    let throttled = "com.amazonaws.logs#ThrottlingException:http://internal.amazon.com/coral/";
    type Case<'a> = (u16, &'a [(&'static str, &'static str)], String, &'a str, &'a str);
    let cases: &[Case<'_>] = &[
        (
            400,
            &[("x-amzn-requestid", "r1")],
            format!("{{\"__type\":\"{throttled}\",\"message\":\"Rate exceeded\"}}"),
            "ThrottlingException: Rate exceeded (status 400, request r1)",
            "throttle",
        ),
        (
            400,
            &[("x-amzn-errortype", "ResourceNotFoundException:http://x/")],
            "{\"Message\":\"The specified log group does not exist.\"}".into(),
            "ResourceNotFoundException: The specified log group does not exist. (status 400)",
            "",
        ),
        (403, &[], sts.into(), "ExpiredToken: a <b> & c (status 403, request r2)", "auth"),
        (503, &[], ec2.into(), "RequestLimitExceeded: slow (status 503, request r3)", "throttle transient"),
        (
            500,
            &[],
            html.into(),
            "Http500: status 500 with a body that is no AWS error: <!doctype html> <html lang=en> \
             <title>500 Internal Server Error</title> <p>The server... (status 500)",
            "transient",
        ),
        (404, &[], String::new(), "NotFound: status 404 without a body (status 404)", ""),
        (
            403,
            &[("x-amz-request-id", "s3")],
            String::new(),
            "AccessDenied: status 403 without a body (status 403, request s3)",
            "auth",
        ),
        (
            400,
            &[],
            "{\"__type\":\"AccessDeniedException\",\"Message\":\"no\"}".into(),
            "AccessDeniedException: no (status 400)",
            "auth",
        ),
        (
            429,
            &[],
            "{}".into(),
            "TooManyRequestsException: status 429 with a body that is no AWS error: {} (status 429)",
            "throttle",
        ),
        (
            400,
            &[],
            "{truncated".into(),
            "Http400: status 400 with a body that is no AWS error: {truncated (status 400)",
            "",
        ),
    ];
    for (status, headers, body, text, kinds) in cases {
        let error = error(*status, headers, body);
        assert_eq!(error.to_string(), *text);
        let is = [
            (error.is_throttle(), "throttle"),
            (error.is_auth(), "auth"),
            (error.is_transient(), "transient"),
        ];
        let is: Vec<&str> = is.into_iter().filter(|(is, _)| *is).map(|(_, name)| name).collect();
        assert_eq!(is.join(" "), *kinds, "{text}");
    }
    let slow = error(503, &[("retry-after", "7")], "");
    assert_eq!(slow.retry_after(), Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn calls_a_json_operation() {
    let server = Scripted::new(vec![answer(200, "{\"ok\":1}")]);
    let response = logs(&server.url).call_json("Logs_20140328.PutLogEvents", "{}".into()).await.unwrap();
    assert_eq!(&response.body[..], b"{\"ok\":1}");
    let asked = &server.asked()[0];
    assert_eq!(asked.header("x-amz-target"), "Logs_20140328.PutLogEvents");
    assert_eq!(asked.header("content-type"), "application/x-amz-json-1.1");
    assert!(asked.header("user-agent").starts_with("outrigger/"));
    assert!(asked.header("authorization").contains(&format!("Credential={ID}/")));
    assert_eq!((asked.method.as_str(), asked.uri.path(), asked.body.as_str()), ("POST", "/", "{}"));
}

#[tokio::test]
async fn the_init_images_name_follows_ours() {
    let server = Scripted::new(vec![answer(200, "")]);
    let environment = Environment::from([("FLB_AWS_USER_AGENT", "ecs-init")]);
    let service = Service::new("kinesis", "eu-west-1", &environment).with_endpoint(&server.url);
    let client = AwsClient::new(service, super::credentials(), client());
    client.call_json("Kinesis_20131202.PutRecords", Bytes::new()).await.unwrap();
    assert!(server.asked()[0].header("user-agent").ends_with(" ecs-init"));
}

#[tokio::test]
async fn a_wrong_clock_is_corrected_from_the_answer() {
    let body = "{\"__type\":\"InvalidSignatureException\",\"message\":\"Signature expired: 2020 is now earlier than\"}";
    let date = ("date", "Fri, 01 Jan 2038 00:00:00 GMT".to_owned());
    let skewed = (400, vec![date], body.to_owned());
    let server = Scripted::new(vec![skewed.clone(), answer(200, ""), answer(200, ""), skewed]);
    let client = logs(&server.url);
    client.call_json("T.Op", Bytes::new()).await.unwrap();
    client.call_json("T.Op", Bytes::new()).await.unwrap();
    let dates: Vec<String> =
        server.asked().iter().map(|asked| asked.header("x-amz-date").to_owned()).collect();
    assert!(!dates[0].starts_with("2038"));
    assert!(dates[1].starts_with("20380101T0000"), "{dates:?}");
    assert!(dates[2].starts_with("20380101T0000"), "the correction is kept");
    // The same complaint again, with nothing left to correct, is the caller's.
    assert!(client.call_json("T.Op", Bytes::new()).await.unwrap_err().is_auth());
    assert_eq!(server.asked().len(), 4);
}

/// Keys `K0`, `K1`... that never expire.
fn numbered() -> (Credentials, Arc<AtomicUsize>) {
    let fetches = Arc::new(AtomicUsize::new(0));
    let count = fetches.clone();
    let credentials = Credentials::from_source(move || {
        let n = count.fetch_add(1, Ordering::SeqCst);
        let keys = Keys::new(&format!("K{n}"), "secret", None);
        Box::pin(std::future::ready(Ok(Fetched { keys, lifetime: None })))
    });
    (credentials, fetches)
}

#[tokio::test]
async fn rejected_keys_are_replaced_once() {
    let expired = answer(400, "{\"__type\":\"ExpiredTokenException\",\"message\":\"old\"}");
    let server = Scripted::new(vec![answer(200, ""), expired.clone(), answer(200, ""), expired]);
    let (credentials, fetches) = numbered();
    let service = Service::new("logs", "eu-west-1", &Environment::default()).with_endpoint(&server.url);
    let client = AwsClient::new(service, credentials, client());
    let call = async || client.call_json("T.Op", Bytes::new()).await;
    call().await.unwrap();
    // Keys that have only just been fetched are not thrown away, so let them age.
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(60)).await;
    tokio::time::resume();
    call().await.unwrap();
    let ids: Vec<String> = server
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").split(['=', '/']).nth(1).unwrap().to_owned())
        .collect();
    assert_eq!(ids, ["K0", "K0", "K1"]);
    // New keys that are rejected at once are not replaced over and over.
    assert!(call().await.unwrap_err().is("ExpiredTokenException"));
    assert!(call().await.unwrap_err().is("ExpiredTokenException"));
    assert_eq!(fetches.load(Ordering::SeqCst), 2);
}
