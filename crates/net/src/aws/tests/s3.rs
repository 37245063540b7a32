//! S3 calls as they go over the wire.

use bytes::Bytes;

use super::{client, credentials};
use crate::Environment;
use crate::aws::s3::{Listing, ObjectSummary, PutOptions, S3};
use crate::testing::{Answer, Scripted, answer};

fn s3(server: &Scripted) -> S3 {
    S3::new("us-east-1", credentials(), client(), &Environment::default()).with_endpoint(&server.url)
}

fn with_headers(status: u16, headers: &[(&'static str, &str)], body: &str) -> Answer {
    (status, headers.iter().map(|(name, value)| (*name, (*value).to_owned())).collect(), body.into())
}

#[tokio::test]
async fn reads_an_object_only_when_it_changed() {
    let server = Scripted::new(vec![with_headers(200, &[("etag", "\"e1\"")], "text"), answer(304, "")]);
    let s3 = s3(&server);
    let object = s3.get_object("b", "conf d/ü+.conf", None).await.unwrap().unwrap();
    assert_eq!((&object.body[..], object.etag.as_deref()), (&b"text"[..], Some("\"e1\"")));
    assert!(s3.get_object("b", "conf d/ü+.conf", Some("\"e1\"")).await.unwrap().is_none());
    let asked = server.asked();
    assert_eq!(asked[0].uri.path(), "/b/conf%20d/%C3%BC%2B.conf");
    assert_eq!(asked[1].header("if-none-match"), "\"e1\"");
    assert_eq!(asked[0].header("x-amz-content-sha256").len(), 64);
}

#[tokio::test]
async fn follows_a_bucket_to_its_region_and_remembers() {
    let moved = "<Error><Code>PermanentRedirect</Code><Message>use the other</Message></Error>";
    let server = Scripted::new(vec![
        with_headers(301, &[("x-amz-bucket-region", "eu-central-1")], moved),
        answer(200, "x"),
        answer(200, "y"),
        answer(400, "<Error><Code>AuthorizationHeaderMalformed</Code><Region>eu-west-3</Region></Error>"),
        answer(200, "z"),
    ]);
    let s3 = s3(&server);
    for bucket in ["far", "far", "farther"] {
        assert!(s3.get_object(bucket, "k", None).await.unwrap().is_some());
    }
    let regions: Vec<String> = server
        .asked()
        .iter()
        .map(|asked| asked.header("authorization").split('/').nth(2).unwrap().to_owned())
        .collect();
    assert_eq!(regions, ["us-east-1", "eu-central-1", "eu-central-1", "us-east-1", "eu-west-3"]);
}

#[tokio::test]
async fn writes_only_when_asked_to_under_conditions() {
    let failed = "<Error><Code>PreconditionFailed</Code><Message>exists</Message></Error>";
    let server = Scripted::new(vec![with_headers(200, &[("etag", "\"e2\"")], ""), answer(412, failed)]);
    let s3 = s3(&server);
    let options = PutOptions {
        content_type: Some("application/gzip".into()),
        only_if_absent: true,
        ..PutOptions::default()
    };
    let etag = s3.put_object("b", "k", Bytes::from_static(b"body"), &options).await.unwrap();
    assert_eq!(etag.as_deref(), Some("\"e2\""));
    let error = s3.put_object("b", "k", Bytes::from_static(b"body"), &options).await.unwrap_err();
    assert!(error.is("PreconditionFailed") && !error.is_transient());
    let asked = &server.asked()[0];
    assert_eq!((asked.method.as_str(), asked.body.as_str()), ("PUT", "body"));
    assert_eq!((asked.header("if-none-match"), asked.header("content-type")), ("*", "application/gzip"));
}

#[tokio::test]
async fn looks_at_objects_and_deletes_them() {
    let found =
        with_headers(200, &[("etag", "\"e\""), ("last-modified", "Sat, 21 Nov 2026 00:00:00 GMT")], "12345");
    let server = Scripted::new(vec![found, answer(404, ""), answer(403, ""), answer(204, "")]);
    let s3 = s3(&server);
    let summary = s3.head("b", "k").await.unwrap().unwrap();
    assert_eq!((summary.size, summary.etag.as_deref()), (5, Some("\"e\"")));
    assert!(s3.head("b", "k").await.unwrap().is_none());
    assert!(s3.head("b", "k").await.unwrap_err().is_auth());
    s3.delete("b", "k").await.unwrap();
    assert_eq!(server.asked()[3].method.as_str(), "DELETE");
}

#[tokio::test]
async fn lists_page_by_page() {
    let first = "<?xml version=\"1.0\" encoding=\"UTF-8\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
        <Name>b</Name><Prefix>a/</Prefix><NextContinuationToken>1/+=</NextContinuationToken><KeyCount>2</KeyCount>\
        <IsTruncated>true</IsTruncated><Contents><Key>a/x+y%26z</Key><LastModified>2026-11-21T00:00:00.000Z</LastModified>\
        <ETag>&quot;e&quot;</ETag><Size>7</Size><Owner><ID>1</ID></Owner></Contents>\
        <Contents><Key>a/%E2%82%AC</Key><Size>0</Size></Contents></ListBucketResult>";
    let last = "<ListBucketResult><IsTruncated>false</IsTruncated><Contents/></ListBucketResult>";
    let server = Scripted::new(vec![answer(200, first), answer(200, last)]);
    let s3 = s3(&server);
    let page = s3.list("b", "a/", None).await.unwrap();
    let object = |key: &str, size, etag: Option<&str>, modified: Option<&str>| ObjectSummary {
        key: key.into(),
        size,
        etag: etag.map(str::to_owned),
        last_modified: modified.map(str::to_owned),
    };
    let expected =
        [object("a/x y&z", 7, Some("\"e\""), Some("2026-11-21T00:00:00.000Z")), object("a/€", 0, None, None)];
    assert_eq!(page.objects, expected);
    assert_eq!(s3.list("b", "a/", page.next.as_deref()).await.unwrap(), Listing::default());
    let query = |n: usize| server.asked()[n].uri.to_string();
    assert_eq!(query(0), "/b/?encoding-type=url&list-type=2&prefix=a%2F");
    assert_eq!(query(1), "/b/?continuation-token=1%2F%2B%3D&encoding-type=url&list-type=2&prefix=a%2F");
}

#[tokio::test]
async fn reads_ranges_and_writes_in_parts() {
    let failed =
        "<?xml version=\"1.0\"?><Error><Code>InternalError</Code><Message>try again</Message></Error>";
    let server = Scripted::new(vec![
        with_headers(206, &[("content-range", "bytes 4-7/1234"), ("etag", "\"e\"")], "abcd"),
        answer(
            200,
            "<InitiateMultipartUploadResult><UploadId>a/b+</UploadId></InitiateMultipartUploadResult>",
        ),
        with_headers(200, &[("etag", "\"p1\"")], ""),
        with_headers(200, &[("etag", "\"p2\"")], ""),
        answer(200, failed),
        answer(204, ""),
    ]);
    let s3 = s3(&server);
    let part = s3.get_range("b", "k", "bytes=4-7", 4).await.unwrap();
    assert_eq!((&part.body[..], part.start, part.size), (&b"abcd"[..], 4, 1234));
    let upload = s3.start_upload("b", "k").await.unwrap();
    let mut etags = Vec::new();
    for number in 1..3 {
        etags.push(s3.put_part("b", "k", &upload, number, Bytes::from_static(b"x")).await.unwrap());
    }
    let error = s3.finish_upload("b", "k", &upload, &etags).await.unwrap_err();
    assert!(error.is("InternalError"), "a failure behind status 200 is one: {error}");
    s3.abort_upload("b", "k", &upload).await.unwrap();
    let asked = server.asked();
    assert_eq!(asked[0].header("range"), "bytes=4-7");
    assert_eq!(asked[1].uri.to_string(), "/b/k?uploads=");
    assert_eq!(asked[3].uri.to_string(), "/b/k?partNumber=2&uploadId=a%2Fb%2B");
    let parts = "<Part><PartNumber>1</PartNumber><ETag>\"p1\"</ETag></Part><Part><PartNumber>2</PartNumber><ETag>\"p2\"</ETag></Part>";
    assert_eq!(asked[4].body, format!("<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>"));
    assert_eq!((asked[5].method.as_str(), asked[5].uri.query()), ("DELETE", Some("uploadId=a%2Fb%2B")));
}

#[tokio::test]
async fn lists_behind_a_key() {
    let server = Scripted::new(vec![answer(200, "")]);
    s3(&server).list_after("b", "a/", Some("a/day=2026-11-21"), None).await.unwrap();
    let after = "/b/?encoding-type=url&list-type=2&prefix=a%2F&start-after=a%2Fday%3D2026-11-21";
    assert_eq!(server.asked()[0].uri.to_string(), after);
}

#[tokio::test]
async fn the_bucket_is_in_the_host_where_the_certificate_allows() {
    // A resolver that finds nothing, so the error tells which host was asked for.
    let mut settings = crate::http::ClientSettings::new(&Environment::default());
    settings.resolver = crate::http::Resolver::with(|_| Box::pin(async { Ok(Vec::new()) }));
    let http = crate::http::Client::new(settings).unwrap();
    let new = || S3::new("eu-west-1", credentials(), http.clone(), &Environment::default());
    let s3 = new();
    for (bucket, host) in
        [("plain", "plain.s3.eu-west-1.amazonaws.com"), ("dot.ted", "s3.eu-west-1.amazonaws.com")]
    {
        let error = s3.head(bucket, "k").await.unwrap_err().to_string();
        assert!(error.contains(&format!("`{host}`")), "{error}");
    }
    let own = new().with_endpoint("https://store.example.com").with_path_style(false);
    let error = own.head("plain", "k").await.unwrap_err().to_string();
    assert!(error.contains("`plain.store.example.com`"), "{error}");
}
