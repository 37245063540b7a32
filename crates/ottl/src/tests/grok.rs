//! Lines of logs as their makers document them, and what grok's patterns find in them.

use super::Bench;
use crate::Context;

/// A line, a pattern's name, and fields with the values they are to have, as JSON.
fn check(line: &str, name: &str, fields: &[(&str, &str)]) {
    let mut bench = Bench::new("", "");
    let line_text = format!("{line:?}");
    let call = format!("ExtractGrokPatterns({line_text}, \"^%{{{name}}}$\", true)");
    for (field, expected) in fields {
        let found = bench.value(Context::Log, &format!("{call}[\"{field}\"]"));
        assert_eq!(found.as_deref(), Ok(*expected), "{field} of {line}");
    }
}

#[test]
fn httpd() {
    check(
        r#"203.0.113.7 - frank [10/Oct/2000:13:55:36 -0700] "GET /a.gif?x=1 HTTP/1.0" 200 2326 "http://e.com/" "curl/8.1""#,
        "HTTPD_COMBINEDLOG",
        &[
            ("clientip", r#""203.0.113.7""#),
            ("auth", r#""frank""#),
            ("timestamp", r#""10/Oct/2000:13:55:36 -0700""#),
            ("request", r#""/a.gif?x=1""#),
            ("response", r#""200""#),
            ("agent", r#""\"curl/8.1\"""#),
        ],
    );
    check(
        "[Wed Oct 11 14:32:52 2000] [error] [client 127.0.0.1] client denied: /x",
        "HTTPD_ERRORLOG",
        &[("clientip", r#""127.0.0.1""#), ("loglevel", r#""error""#), ("message", r#""client denied: /x""#)],
    );
    check(
        "[Fri Sep 09 10:42:29.902022 2011] [core:error] [pid 35708:tid 4328636416] [client 72.15.99.187:61234] AH00128: File does not exist: /x",
        "HTTPD24_ERRORLOG",
        &[
            ("module", r#""core""#),
            ("tid", r#""4328636416""#),
            ("clientport", r#""61234""#),
            ("errorcode", r#""AH00128""#),
            ("message", r#""File does not exist: /x""#),
        ],
    );
}

#[test]
fn syslog() {
    check(
        r#"<165>1 2003-10-11T22:14:15.003Z host.example.com evntslog - ID47 [ex@32473 iut="3" s="a]b\"c"][e2 x="1"] An event"#,
        "SYSLOG5424LINE",
        &[
            ("syslog5424_pri", r#""165""#),
            ("syslog5424_ts", r#""2003-10-11T22:14:15.003Z""#),
            ("syslog5424_host", r#""host.example.com""#),
            ("syslog5424_app", r#""evntslog""#),
            ("syslog5424_msgid", r#""ID47""#),
            ("syslog5424_msg", r#""An event""#),
            ("syslog5424_sd", r#""[ex@32473 iut=\"3\" s=\"a]b\\\"c\"][e2 x=\"1\"]""#),
        ],
    );
    check(
        "Feb  5 12:01:01 host CRON[2345]: (root) CMD (run-parts /etc/cron.hourly)",
        "CRONLOG",
        &[("user", r#""root""#), ("action", r#""CMD""#), ("message", r#""run-parts /etc/cron.hourly""#)],
    );
    check(
        "Feb  5 12:01:01 host sshd[2345]: pam_unix(sshd:session): session opened for user root by (uid=0)",
        "SYSLOGPAMSESSION",
        &[("pam_module", r#""pam_unix""#), ("username", r#""root""#), ("pam_by", r#""(uid=0)""#)],
    );
}

#[test]
fn java() {
    check(
        "\tat com.example.Shop$Cart.add(Shop.java:42)",
        "JAVASTACKTRACEPART",
        &[
            ("class", r#""com.example.Shop$Cart""#),
            ("method", r#""add""#),
            ("file", r#""Shop.java""#),
            ("line", r#""42""#),
        ],
    );
    check("    at A.<init>(Native Method)", "JAVASTACKTRACEPART", &[("method", r#""<init>""#)]);
    check(
        "Jan 9, 2014 7:13:13 AM org.apache.Foo run: done",
        "CATALINALOG",
        &[("class", r#""org.apache.Foo""#), ("logmessage", r#""run: done""#)],
    );
    check(
        "2014-01-09 20:03:28 -0800 | ERROR | com.example.service.A - failed",
        "TOMCATLOG",
        &[("level", r#""ERROR""#), ("class", r#""com.example.service.A""#)],
    );
}

#[test]
fn aws() {
    check(
        r#"79a59df900b949e55d96a1e698fbacedfd6e09d98eacf8f8d5218e7cd47ef2be amzn-s3-demo-bucket1 [06/Feb/2019:00:00:38 +0000] 192.0.2.3 79a59df900b9 3E57427F3EXAMPLE REST.GET.VERSIONING - "GET /b?versioning HTTP/1.1" 200 - 113 - 7 - "-" "S3Console/0.4" - s9lzHYrFp76ZVxRcpX9 SigV4 h2 Auth b.s3.amazonaws.com TLSv1.2"#,
        "S3_ACCESS_LOG}.*%{SPACE",
        &[
            ("bucket", r#""amzn-s3-demo-bucket1""#),
            ("operation", r#""REST.GET.VERSIONING""#),
            ("verb", r#""GET""#),
            ("response", "200"),
            ("bytes", "113"),
            ("request_time_ms", "7"),
            ("agent", r#""\"S3Console/0.4\"""#),
        ],
    );
    check(
        r#"2015-05-13T23:39:43.945958Z my-loadbalancer 192.168.131.39:2817 10.0.0.1:80 0.000086 0.001048 0.001337 200 200 0 57 "GET https://www.example.com:443/a?b=c HTTP/1.1" "curl/7.38.0" DHE-RSA-AES128-SHA TLSv1.2"#,
        "ELB_ACCESS_LOG",
        &[
            ("elb", r#""my-loadbalancer""#),
            ("clientport", "2817"),
            ("backend_processing_time", "0.001048"),
            ("response", "200"),
            ("bytes", "57"),
            ("request", r#""https://www.example.com:443/a?b=c""#),
            ("urihost", r#""www.example.com""#),
            ("params", r#""?b=c""#),
            ("agent", r#""curl/7.38.0""#),
        ],
    );
    check(
        "2019-12-04\t21:02:31\tLAX1\t392\t192.0.2.100\tGET\td111111abcdef8.cloudfront.net\t/index.html\t200\t-\tMozilla/5.0%20(Windows)\t-\t-\tHit\tSOX4xwn4XV6Q4rgb7XiVGOHms_BGlTAC4KyHmureZmBNrjGdRLiNIQ==\td111111abcdef8.cloudfront.net\thttps\t23\t0.001\t-\tTLSv1.2\tECDHE-RSA-AES128-GCM-SHA256\tHit\tHTTP/2.0\t-\t-",
        "CLOUDFRONT_ACCESS_LOG",
        &[
            ("x_edge_location", r#""LAX1""#),
            ("sc_bytes", "392"),
            ("sc_status", "200"),
            ("time_taken", "0.001"),
            ("x_edge_response_result_type", r#""Hit""#),
        ],
    );
}

#[test]
fn haproxy() {
    check(
        r#"Feb  6 12:14:14 localhost haproxy[14389]: 10.0.1.2:33317 [06/Feb/2009:12:14:14.655] http-in static/srv1 10/0/30/69/109 200 2750 - - ---- 1/1/1/1/0 0/0 {1wt.eu} {} "GET /index.html HTTP/1.1""#,
        "HAPROXYHTTP",
        &[
            ("client_ip", r#""10.0.1.2""#),
            ("backend_name", r#""static""#),
            ("server_name", r#""srv1""#),
            ("time_duration", r#""109""#),
            ("http_status_code", r#""200""#),
            ("captured_request_headers", r#""1wt.eu""#),
            ("http_request", r#""/index.html""#),
        ],
    );
    check(
        "Feb  6 12:12:56 localhost haproxy[14387]: 10.0.1.2:33313 [06/Feb/2009:12:12:51.443] fnt bck/srv1 0/0/5007 212 -- 0/0/0/0/3 0/0",
        "HAPROXYTCP",
        &[("time_duration", r#""5007""#), ("retries", r#""3""#)],
    );
}

#[test]
fn databases() {
    check(
        r#"1339518083.107412 [0 127.0.0.1:60866] "keys" "*""#,
        "REDISMONLOG",
        &[("database", r#""0""#), ("command", r#""keys""#), ("params", r#""\"*\"""#)],
    );
    check("1234:M 07 Feb 2024 10:00:00.123 *", "REDISLOG", &[("pid", r#""1234""#)]);
    check("[1234] 07 Feb 10:00:00 *", "REDISLOG", &[("timestamp", r#""07 Feb 10:00:00""#)]);
    check(
        "03/10/14 10:22:12 UTC app_user shop 4711",
        "POSTGRESQL",
        &[("user_id", r#""app_user""#), ("connection_id", r#""shop""#), ("pid", r#""4711""#)],
    );
}

#[test]
fn a_family_that_is_not_held_is_named() {
    let mut bench = Bench::new("", "");
    let error = bench.value(Context::Log, r#"ExtractGrokPatterns("x", "%{RAILS3}")"#).unwrap_err();
    assert!(error.contains("the patterns of rails are not built in"), "{error}");
    let error = bench.value(Context::Log, r#"ExtractGrokPatterns("x", "%{NOPE}")"#).unwrap_err();
    assert!(error.ends_with("no pattern found for %{NOPE}"), "{error}");
}
