//! Which lines are joined, and when what is held goes on.

use std::time::Duration;

use engine::testing::{batch, json_lines, process, processor};
use model::Reason;

use super::*;
use crate::testing::settings;

fn multiline(options: &str) -> Multiline {
    processor(settings(&format!("{{{options}}}"))).unwrap()
}

const DATED: &str = r#""mode": "parser", "parsers": [{"name": "dated", "type": "regex", "rules": [
    {"states": ["start_state"], "regex": "/^\\d{4}-/", "next": "cont"},
    {"states": ["cont"], "regex": "/^(?!\\d{4}-)/", "next": "cont"}]}]"#;

/// Runs lines through, each the text of one record, and shows the texts that come out, held ones last.
fn join(options: &str, lines: &[&str]) -> Vec<String> {
    let mut multiline = multiline(options);
    let records: Vec<String> =
        lines.iter().map(|line| serde_json::json!({ "log": line }).to_string()).collect();
    let records: Vec<&str> = records.iter().map(String::as_str).collect();
    let (mut out, _) = process(&mut multiline, batch("t", &records));
    multiline.finish(&mut out);
    assert_eq!(multiline.held(), 0);
    let texts = json_lines(&out);
    let text = |line: &str| serde_json::from_str::<serde_json::Value>(&line[2..]).unwrap()["log"].clone();
    texts.lines().map(|line| text(line).as_str().unwrap().to_owned()).collect()
}

#[test]
fn rules_lead_from_state_to_state() {
    assert_eq!(
        join(DATED, &["orphan", "2024-1", " more", "", "and more", "2024-2", "2024-3", "end"]),
        ["orphan", "2024-1\n more\n\nand more", "2024-2", "2024-3\nend"]
    );
    let ending = r#""mode": "parser", "parsers": [{"name": "p", "type": "regex", "rules": [
        {"states": ["start_state"], "regex": "^begin", "next": "in"},
        {"states": ["in"], "regex": "^\\s", "next": "in"},
        {"states": ["in"], "regex": "^end", "next": "over"}]}]"#;
    assert_eq!(join(ending, &["begin", " a", "end", "end", " b"]), ["begin\n a\nend", "end", " b"]);
}

#[test]
fn endings_join_without_line_feeds() {
    let backslash = r#""mode": "parser", "parsers": [
        {"name": "p", "type": "endswith", "match_string": "\\", "negate": true}]"#;
    assert_eq!(join(backslash, &[r"a\", r"b\", "c", "single", r"x\"]), [r"a\b\c", "single", r"x\"]);
    let equal = r#""mode": "parser", "parsers": [{"name": "p", "type": "equal", "match_string": "END"}]"#;
    assert_eq!(join(equal, &["a", "b", "END", "END", "tail"]), ["abEND", "END", "tail"]);
}

#[test]
fn parsers_take_turns() {
    let both = r#""mode": "parser", "parsers": [
        {"name": "a", "type": "regex", "rules": [
            {"states": ["start_state"], "regex": "^A", "next": "x"}, {"states": ["x"], "regex": "^\\s", "next": "x"}]},
        {"name": "b", "type": "regex", "rules": [
            {"states": ["start_state"], "regex": "^B", "next": "x"}, {"states": ["x"], "regex": "^\\s", "next": "x"}]}]"#;
    assert_eq!(join(both, &["A", " 1", "B", " 2", "C", " 3", "A"]), ["A\n 1", "B\n 2", "C", " 3", "A"]);
}

#[test]
fn groups_are_told_apart_by_a_field_the_parser_reads() {
    let cri = r#""mode": "parser", "parsers": [{"name": "cri", "type": "equal", "match_string": "F",
        "key_content": "log", "key_pattern": "_p", "key_group": "stream", "parser": {"name": "cri",
        "format": "regex", "regex": "^(?<time>\\S+) (?<stream>\\S+) (?<_p>[FP]) (?<log>.*)$",
        "time_format": "%Y-%m-%dT%H:%M:%S.%L%z", "time_keep": true}}]"#;
    let mut multiline = multiline(cri);
    let records = [
        r#"{"log":"2024-06-10T06:13:21.1Z stdout P first half ","source":"stdout"}"#,
        r#"{"log":"2024-06-10T06:13:21.2Z stderr F on stderr"}"#,
        r#"{"log":"2024-06-10T06:13:21.3Z stdout F second half"}"#,
        r#"{"log":"not cri","source":"stdout"}"#,
    ];
    let (out, gone) = process(&mut multiline, batch("t", &records));
    assert_eq!(
        json_lines(&out),
        "t {\"time\":\"2024-06-10T06:13:21.2Z\",\"stream\":\"stderr\",\"_p\":\"F\",\"log\":\"on stderr\"}\n\
         t {\"time\":\"2024-06-10T06:13:21.1Z\",\"stream\":\"stdout\",\"_p\":\"P\",\"log\":\"first half second half\"}\n\
         t {\"log\":\"not cri\",\"source\":\"stdout\"}\n"
    );
    assert_eq!(out[0].logs[1].time, 1_718_000_001_100_000_000);
    assert_eq!(gone, [(Reason::Joined, 1)]);
}

#[test]
fn the_first_line_gives_fields_and_time() {
    let mut multiline = multiline(DATED);
    let (out, _) = process(
        &mut multiline,
        batch(
            "t",
            &[r#"{"first":1,"log":"2024-","n":"one"}"#, r#"{"log":" x","n":"two"}"#, r#"{"other":1}"#],
        ),
    );
    assert_eq!(json_lines(&out), "t {\"first\":1,\"log\":\"2024-\\n x\",\"n\":\"one\"}\nt {\"other\":1}\n");
    assert_eq!(out[0].logs[0].time, 1_000_000_000);
}

#[tokio::test(start_paused = true)]
async fn groups_wait_across_batches_and_tags_do_not_mix() {
    let mut multiline = multiline(&format!(r#"{DATED}, "flush_after": "500ms""#));
    for (tag, text, held) in [("a", "2024-a", 1), ("b", "2024-b", 2), ("a", " 1", 2), ("b", " 2", 2)] {
        let record = serde_json::json!({ "log": text }).to_string();
        let (out, _) = process(&mut multiline, batch(tag, &[&record]));
        assert!(out.is_empty());
        assert_eq!(multiline.held(), held);
    }
    let mut out = Vec::new();
    tokio::time::advance(Duration::from_millis(400)).await;
    multiline.tick(Instant::now(), &mut out);
    assert!(out.is_empty());
    tokio::time::advance(Duration::from_millis(100)).await;
    multiline.tick(Instant::now(), &mut out);
    assert_eq!(json_lines(&out), "a {\"log\":\"2024-a\\n 1\"}\nb {\"log\":\"2024-b\\n 2\"}\n");
    assert_eq!(multiline.held(), 0);
}

#[test]
fn without_a_buffer_only_what_arrives_together_is_joined() {
    let mut multiline = multiline(&format!(r#"{DATED}, "buffer": false"#));
    let (out, _) = process(&mut multiline, batch("t", &[r#"{"log":"2024-"}"#, r#"{"log":" x"}"#]));
    assert_eq!((json_lines(&out).as_str(), multiline.held()), ("t {\"log\":\"2024-\\n x\"}\n", 0));
}

#[test]
fn a_group_that_is_too_large_goes_on_in_parts() {
    let long = "x".repeat(MAX_BYTES / 2);
    let texts = join(DATED, &["2024-", &long, &long, "end"]);
    assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), [MAX_BYTES / 2 + 6, MAX_BYTES / 2 + 4]);
}

#[test]
fn partial_messages_are_joined_too() {
    let mut multiline = multiline(r#""mode": "partial_message", "key": "log""#);
    let piece = |last: bool| {
        format!(r#"{{"log":"x","a":1,"partial_message":"true","partial_id":"1","partial_last":"{last}"}}"#)
    };
    let (out, _) = process(&mut multiline, batch("t", &[&piece(false), &piece(true)]));
    assert_eq!(json_lines(&out), "t {\"a\":1,\"log\":\"xx\"}\n");
}

#[test]
fn wrong_settings_say_what_to_do() {
    for (options, expected) in [
        (r#"{"mode": "parser"}"#, "there is no parser"),
        (r#"{"mode": "parser", "parsers": [{"name": "x", "type": "equal"}]}"#, "no text to look for"),
        (r#"{"mode": "parser", "parsers": [{"name": "x", "type": "regex"}]}"#, "no rule for `start_state`"),
    ] {
        let error = processor::<Multiline>(settings(options)).err().unwrap();
        assert!(error.contains(expected), "{error}");
    }
}
