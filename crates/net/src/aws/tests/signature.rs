//! Signatures that botocore 1.x computed for the same requests at the same moment.

use std::time::{Duration, SystemTime};

use ::http::Request;
use bytes::Bytes;

use super::{ID, SECRET};
use crate::Environment;
use crate::aws::sign::{sha256_hex, sign};
use crate::aws::{Keys, Service};

/// 2026-03-04T05:06:07Z
const MOMENT: Duration = Duration::from_secs(1_772_600_767);

struct Case {
    service: (&'static str, &'static str),
    token: Option<&'static str>,
    request: (&'static str, &'static str, &'static [(&'static str, &'static str)], &'static str),
    signed_headers: &'static str,
    signature: &'static str,
}

const JSON: &[(&str, &str)] =
    &[("content-type", "application/x-amz-json-1.1"), ("x-amz-target", "Logs_20140328.PutLogEvents")];

const CASES: &[Case] = &[
    Case {
        service: ("logs", "eu-west-1"),
        token: None,
        request: ("POST", "https://logs.eu-west-1.amazonaws.com/", JSON, "{\"logGroupName\":\"g\"}"),
        signed_headers: "content-type;host;x-amz-date;x-amz-target",
        signature: "12fa4fbd3559c3e59c1fecb4580d95754cde9f7f013ba44a707cdb851223214b",
    },
    Case {
        service: ("logs", "eu-west-1"),
        token: Some("SESSION/TOKEN+=="),
        request: ("POST", "https://logs.eu-west-1.amazonaws.com/", JSON, "{\"logGroupName\":\"g\"}"),
        signed_headers: "content-type;host;x-amz-date;x-amz-security-token;x-amz-target",
        signature: "a88d62cbd1137f7ebdfc3f0d79c3829e5633aed68fc2f3d1c47d83ecc91ffdbd",
    },
    Case {
        service: ("s3", "us-east-1"),
        token: None,
        request: ("GET", "https://bucket.s3.us-east-1.amazonaws.com/a%20b//c%2Bd/%C3%BC.conf", &[], ""),
        signed_headers: "host;x-amz-content-sha256;x-amz-date",
        signature: "e2ab74fb4324a9a5b56493ad264e47faa9af4e065b58643f79bd1e9d5224fc45",
    },
    Case {
        service: ("s3", "us-east-1"),
        token: Some("SESSION/TOKEN+=="),
        request: (
            "GET",
            "http://127.0.0.1:9000/bucket/?continuation-token=1%2F%2B&encoding-type=url&list-type=2&prefix=a%2Fb",
            &[],
            "",
        ),
        signed_headers: "host;x-amz-content-sha256;x-amz-date;x-amz-security-token",
        signature: "24617f71f845e677f5c8feef719bae7406550668e423c9d6d823aef0a202605b",
    },
    Case {
        service: ("s3", "cn-north-1"),
        token: None,
        request: (
            "PUT",
            "https://bucket.s3.cn-north-1.amazonaws.com.cn/k",
            &[("content-type", "application/gzip"), ("if-none-match", "*")],
            "body",
        ),
        signed_headers: "content-type;host;if-none-match;x-amz-content-sha256;x-amz-date",
        signature: "7fb5734c26bdc28b1679c0185905eea8c2239237deb57ad710ecfaa92e90f11d",
    },
    Case {
        service: ("sts", "us-gov-west-1"),
        token: None,
        request: (
            "POST",
            "https://sts.us-gov-west-1.amazonaws.com/",
            &[("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            "Action=GetCallerIdentity&Version=2011-06-15",
        ),
        signed_headers: "content-type;host;x-amz-date",
        signature: "31cc491a96b58e909cd0921a2f27a2fd4b36b6689972ec848c25cecb44d9cf06",
    },
    Case {
        service: ("execute-api", "eu-west-1"),
        token: None,
        request: (
            "GET",
            "https://x.execute-api.eu-west-1.amazonaws.com/a%20b/%E2%82%AC?z=1&a=%20&empty=",
            &[("x-custom", "  two   spaces ")],
            "",
        ),
        signed_headers: "host;x-amz-date;x-custom",
        signature: "ab61b1e1f32ce2098982efa74f812433409422bd8051678c992194e68a57df8e",
    },
];

#[test]
fn signs_as_botocore_does() {
    for case in CASES {
        let (method, url, headers, body) = case.request;
        let mut request = Request::builder().method(method).uri(url);
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(Bytes::from_static(body.as_bytes())).unwrap();
        let service = Service::new(case.service.0, case.service.1, &Environment::default());
        let keys = Keys::new(ID, SECRET, case.token);
        let hash = sha256_hex(body.as_bytes());
        sign(&mut request, hash.clone(), &service, &keys, SystemTime::UNIX_EPOCH + MOMENT).unwrap();

        let header = |name: &str| request.headers().get(name).map(|value| value.to_str().unwrap());
        let (name, region) = case.service;
        let expected = format!(
            "AWS4-HMAC-SHA256 Credential={ID}/20260304/{region}/{name}/aws4_request, \
             SignedHeaders={}, Signature={}",
            case.signed_headers, case.signature
        );
        assert_eq!(header("authorization"), Some(expected.as_str()), "{url}");
        assert_eq!(header("x-amz-date"), Some("20260304T050607Z"));
        assert_eq!(header("x-amz-security-token"), case.token);
        assert_eq!(header("x-amz-content-sha256"), (name == "s3").then_some(hash.as_str()));
        let shown = format!("{request:?} {keys:?}");
        assert!(!shown.contains(case.signature) && !shown.contains("wJalr") && !shown.contains("SESSION"));
    }
}

#[test]
fn hashes_in_lower_case_hex() {
    // FIPS 180-2, appendix B.1.
    assert_eq!(sha256_hex(b"abc"), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}
