//! What each format makes of a line, seen through the `parser` processor.

use engine::testing::{batch, json_lines, process, processor};

use crate::parser::ParserProcessor;
use crate::testing::settings;

/// The record that one parser makes of a line, and its time in milliseconds; the line came at 1000.
fn read(parser: &str, line: &str) -> (String, u64) {
    let settings = settings(&format!(r#"{{"key": "log", "parsers": [{{"name": "p", {parser}}}]}}"#));
    let mut processor = processor::<ParserProcessor>(settings).unwrap();
    let record = serde_json::json!({ "log": line }).to_string();
    let (out, _) = process(&mut processor, batch("t", &[&record]));
    let text = json_lines(&out);
    (text.trim_start_matches("t ").trim_end().to_owned(), out[0].logs[0].time / 1_000_000)
}

#[test]
fn expressions_make_fields_of_named_groups() {
    let access = r#""format": "regex", "time_format": "%d/%b/%Y:%H:%M:%S %z",
        "regex": "^(?<remote>[^ ]*) \\[(?<time>[^\\]]*)\\] (?<code>[^ ]*) (?<size>[^ ]*)(?: (?<took>[0-9.]+))?$",
        "types": [{"key": "code", "type": "integer"}, {"key": "size", "type": "integer"},
                  {"key": "took", "type": "float"}]"#;
    for (line, expected, time) in [
        (
            "192.0.2.7 [10/Jun/2024:08:13:22 +0200] 200 612 0.123",
            r#"{"remote":"192.0.2.7","code":200,"size":612,"took":0.123}"#,
            1_718_000_002_000,
        ),
        (
            "192.0.2.7 [10/Jun/2024:06:13:22 +0000] 304 -",
            r#"{"remote":"192.0.2.7","code":304,"size":"-"}"#,
            1_718_000_002_000,
        ),
        ("192.0.2.7 [not a time] 200 5", r#"{"remote":"192.0.2.7","code":200,"size":5}"#, 1000),
        ("something else", r#"{"log":"something else"}"#, 1000),
    ] {
        assert_eq!(read(access, line), (expected.to_owned(), time), "{line}");
    }
    let keep = r#""format": "regex", "regex": "/^(?<A>[^;]*);(?<b>.*)$/i", "skip_empty_values": false"#;
    assert_eq!(read(keep, ";x").0, r#"{"A":"","b":"x"}"#);
}

#[test]
fn logfmt_and_ltsv() {
    let logfmt = r#""format": "logfmt", "time_key": "ts", "time_format": "%Y-%m-%dT%H:%M:%S.%L%z""#;
    for (line, expected, time) in [
        (r#"a=1 b="x y" flag e= k="""#, r#"{"a":"1","b":"x y","flag":true,"e":true,"k":""}"#, 1000),
        (r#"m="tab\tq\"u\u00e9""#, r#"{"m":"tab\tq\"ué"}"#, 1000),
        ("ts=2024-06-10T06:13:20.5Z n=1", r#"{"n":"1"}"#, 1_718_000_000_500),
        ("ts=yesterday n=1", r#"{"log":"ts=yesterday n=1"}"#, 1000),
    ] {
        assert_eq!(read(logfmt, line), (expected.to_owned(), time), "{line}");
    }
    let typed = r#""format": "logfmt", "types": [{"key": "n", "type": "integer"}]"#;
    assert_eq!(read(typed, "n=5 flag s=x").0, r#"{"n":5,"flag":"","s":"x"}"#);
    let ltsv = r#""format": "ltsv", "types": [{"key": "status", "type": "integer"}]"#;
    assert_eq!(read(ltsv, "host:h\tstatus:200").0, r#"{"host":"h","status":200}"#);
}

#[test]
fn json_takes_its_time_from_a_text_field() {
    let parser = r#""format": "json", "time_format": "%Y-%m-%dT%H:%M:%S.%L%z""#;
    for (line, expected, time) in [
        (r#"{"time":"2024-06-10T06:13:21.123Z","a":1}"#, r#"{"a":1}"#, 1_718_000_001_123),
        (r#"{"time":"soon","a":1}"#, r#"{"time":"soon","a":1}"#, 1000),
        (r#"{"time":1718000001,"a":1}"#, r#"{"time":1718000001,"a":1}"#, 1000),
        (r#"{"a":1}"#, r#"{"a":1}"#, 1000),
    ] {
        assert_eq!(read(parser, line), (expected.to_owned(), time), "{line}");
    }
    let keep = format!("{parser}, \"time_keep\": true");
    let line = r#"{"time":"2024-06-10T06:13:21.123Z"}"#;
    assert_eq!(read(&keep, line), (line.to_owned(), 1_718_000_001_123));
}

#[test]
fn decoders_work_on_what_was_read() {
    let decoder = |rest: &str| format!(r#""format": "json", "decoders": [{rest}]"#);
    let line = r#"{"log":"{\"in\":1,\"log\":\"deep\"}","a":1}"#;
    let add = decoder(r#"{"type": "json", "key": "log"}"#);
    assert_eq!(read(&add, line).0, r#"{"a":1,"in":1,"log":"deep"}"#);
    let replace = decoder(r#"{"type": "json", "key": "log", "replace": true}"#);
    assert_eq!(read(&replace, line).0, r#"{"log":{"in":1,"log":"deep"},"a":1}"#);
    let chain = decoder(
        r#"{"type": "escaped_utf8", "key": "log", "replace": true, "action": "do_next"},
           {"type": "json", "key": "log", "replace": true}"#,
    );
    assert_eq!(read(&chain, r#"{"log":"{\\\"x\\\":1}"}"#).0, r#"{"log":{"x":1}}"#);
    assert_eq!(read(&chain, r#"{"log":"a\\tb"}"#).0, r#"{"log":"a\tb"}"#);
    let either = decoder(
        r#"{"type": "json", "key": "log", "replace": true, "action": "try_next"},
           {"type": "escaped", "key": "log", "replace": true}"#,
    );
    assert_eq!(read(&either, r#"{"log":"a\\tb"}"#).0, r#"{"log":"a\tb"}"#);
    assert_eq!(read(&either, r#"{"log":"{\"x\":\"\\\\n\"}"}"#).0, r#"{"log":{"x":"\\n"}}"#);
}
