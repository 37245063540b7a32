//! What stays, what goes, what is masked, and what is told of it.

use engine::testing::{batch, process, processor};
use model::metric::{Exemplar, MetricKind, Point};
use model::trace::{SpanEvent, SpanLink};
use model::{LogRecord, Metric, Resource, Scope, TraceSpan};

use super::*;
use crate::testing::settings;

fn redaction(options: &str) -> Redaction {
    processor::<Redaction>(settings(options)).unwrap_or_else(|error| panic!("{error}"))
}

/// A list of attributes from a JSON object, one level deep.
fn list(arena: &mut Arena, object: &str) -> List {
    let span = arena.store(object.as_bytes());
    let list = arena.parse_object(span).unwrap_or_else(|at| panic!("{object} at {at}"));
    let ids: Vec<NodeId> = arena.iter(list).map(|(id, _)| id).collect();
    for id in ids {
        let value = arena.expand(arena.node(id).value);
        arena.set_value(id, value);
    }
    list
}

fn written(arena: &Arena, value: Value) -> String {
    let mut text = Vec::new();
    json::write_value(arena, value, &mut text);
    String::from_utf8(text).unwrap()
}

/// One log record's attributes, and its body.
fn redacted(options: &str, attributes: &str, body: &str) -> (String, String) {
    let mut batch = batch("t", &[]);
    let body = batch.arena.store(body.as_bytes());
    let mut record = LogRecord::new(1, Value::Json(body));
    record.attributes = list(&mut batch.arena, attributes);
    batch.logs.push(record);
    let (out, _) = process(&mut redaction(options), batch);
    let record = &out[0].logs[0];
    (written(&out[0].arena, Value::Map(record.attributes)), written(&out[0].arena, record.body))
}

const CARD: &str = r#""blocked_values": ["4[0-9]{12}(?:[0-9]{3})?"]"#;

#[test]
fn attributes_stay_go_or_are_masked() {
    for (options, before, after) in [
        ("{}", r#"{"a":1,"b":"x"}"#, "{}"),
        (r#"{"allow_all_keys": true}"#, r#"{"a":1,"b":"x"}"#, r#"{"a":1,"b":"x"}"#),
        (r#"{"allowed_keys": ["b"]}"#, r#"{"a":1,"b":"x"}"#, r#"{"b":"x"}"#),
        (r#"{"allowed_keys": ["b"], "ignored_keys": ["a"]}"#, r#"{"a":1,"c":2}"#, r#"{"a":1}"#),
        (r#"{"ignored_key_patterns": ["^safe\\."]}"#, r#"{"safe.a":1,"unsafe.a":2}"#, r#"{"safe.a":1}"#),
        (
            &format!(r#"{{"allow_all_keys": true, {CARD}}}"#),
            r#"{"a":"card 4111111111111111, 4222222222222","n":4111111111111111}"#,
            r#"{"a":"card ****, ****","n":4111111111111111}"#,
        ),
        (
            &format!(r#"{{"allow_all_keys": true, "redact_all_types": true, {CARD}}}"#),
            r#"{"n":4111111111111111,"l":["4111111111111111"],"t":true}"#,
            r#"{"n":"****","l":"[\"****\"]","t":true}"#,
        ),
        (
            &format!(r#"{{"allow_all_keys": true, "ignored_keys": ["a"], {CARD}}}"#),
            r#"{"a":"4111111111111111"}"#,
            r#"{"a":"4111111111111111"}"#,
        ),
        (
            r#"{"allow_all_keys": true, "blocked_key_patterns": [".*token.*"]}"#,
            r#"{"api_token":"x\ny","Token":"z"}"#,
            r#"{"api_token":"****","Token":"z"}"#,
        ),
        // What is allowed wins.
        (
            r#"{"allow_all_keys": true, "blocked_values": [".+@.+"], "allowed_values": [".+@example\\.com$"]}"#,
            r#"{"a":"me@example.com","b":"me@example.org"}"#,
            r#"{"a":"me@example.com","b":"****"}"#,
        ),
        (
            r#"{"allow_all_keys": true, "blocked_key_patterns": ["mail"], "allowed_values": ["^none$"]}"#,
            r#"{"mail":"none","mail2":"x"}"#,
            r#"{"mail":"none","mail2":"****"}"#,
        ),
        // An expression is not asked of each line alone.
        (
            r#"{"allow_all_keys": true, "blocked_values": ["s3cret"], "allowed_values": ["^ok$"]}"#,
            r#"{"a":"s3cret\nok"}"#,
            r#"{"a":"****\nok"}"#,
        ),
        (r#"{"allow_all_keys": true, "blocked_values": ["x*"]}"#, r#"{"a":"axxb"}"#, r#"{"a":"a****b"}"#),
        // One expression after the other.
        (
            r#"{"allow_all_keys": true, "blocked_values": ["b", "a\\*+"]}"#,
            r#"{"a":"xab"}"#,
            r#"{"a":"x****"}"#,
        ),
    ] {
        assert_eq!(redacted(options, before, "null").0, after, "{options}");
    }
}

/// The digests of "abc", from RFC 1321, FIPS 180 and FIPS 202's examples.
#[test]
fn a_hash_may_stand_for_what_was_masked() {
    for (function, hash) in [
        ("", "****"),
        ("md5", "900150983cd24fb0d6963f7d28e17f72"),
        ("sha1", "a9993e364706816aba3e25717850c26c9cd0d89d"),
        ("sha3", "3a985da74fe225b2045c172d6bd390bd855f086e3e9d525b46bfe24511431532"),
    ] {
        let options = format!(
            r#"{{"allow_all_keys": true, "hash_function": "{function}", "blocked_values": ["abc"], "blocked_key_patterns": ["^k$"]}}"#
        );
        let after = redacted(&options, r#"{"a":"x abc","k":"abc"}"#, "null").0;
        assert_eq!(after, format!(r#"{{"a":"x {hash}","k":"{hash}"}}"#));
    }
}

#[test]
fn what_was_done_is_told_as_far_as_it_is_wanted() {
    let options = |summary: &str| {
        format!(
            r#"{{"allowed_keys": ["d", "c", "b"], "ignored_keys": ["i"], "blocked_values": ["secret"],
                 "allowed_values": ["^fine$"], "summary": "{summary}"}}"#
        )
    };
    let before = r#"{"z":1,"y":2,"d":"secret","c":"secret","b":"fine","i":1}"#;
    let rest = r#"{"d":"****","c":"****","b":"fine","i":1"#;
    for (summary, told) in [
        (
            "debug",
            r#","redaction.redacted.keys":"y,z","redaction.redacted.count":2,"redaction.masked.keys":"c,d","redaction.masked.count":2,"redaction.allowed.keys":"b","redaction.allowed.count":1,"redaction.ignored.count":1}"#,
        ),
        (
            "info",
            r#","redaction.redacted.count":2,"redaction.masked.count":2,"redaction.allowed.count":1,"redaction.ignored.count":1}"#,
        ),
        ("silent", "}"),
    ] {
        assert_eq!(redacted(&options(summary), before, "null").0, format!("{rest}{told}"), "{summary}");
    }
    // A step before has said something.
    let again = r#"{"allow_all_keys": true, "blocked_values": ["x"], "summary": "debug"}"#;
    let before = r#"{"a":"x","redaction.masked.keys":"b,a","redaction.masked.count":2}"#;
    let after = redacted(again, before, "null").0;
    assert_eq!(after, r#"{"a":"****","redaction.masked.keys":"a,b","redaction.masked.count":2}"#);
}

#[test]
fn bodies_are_redacted_at_every_depth() {
    let all = format!(
        r#"{{"allow_all_keys": true, "blocked_key_patterns": ["^password$"], "summary": "debug", {CARD}}}"#
    );
    let told = |keys: &str, count: u64| {
        format!(r#"{{"redaction.body.masked.keys":"{keys}","redaction.body.masked.count":{count}}}"#)
    };
    for (options, body, after, attributes) in [
        (all.as_str(), r#""paid with 4111111111111111""#, r#""paid with ****""#, told("body", 1)),
        (
            &all,
            r#"{"user":{"password":{"old":1}},"cards":["4111111111111111",{"n":"4111111111111111"}],"n":1}"#,
            r#"{"user":{"password":"****"},"cards":["****",{"n":"****"}],"n":1}"#,
            told("cards[0],cards[1].n,user.password", 3),
        ),
        (&all, "17", "17", "{}".into()),
        (
            r#"{"allowed_keys": ["user", "user.id"]}"#,
            r#"{"user":{"id":1,"name":"x"},"id":2}"#,
            r#"{"user":{"id":1}}"#,
            "{}".into(),
        ),
        ("{}", r#"{"log":"x"}"#, "{}", "{}".into()),
        ("{}", r#""x""#, r#""x""#, "{}".into()),
    ] {
        assert_eq!(redacted(options, "{}", body), (attributes, after.to_owned()), "{options} {body}");
    }
}

#[test]
fn all_that_holds_attributes_is_looked_into() {
    const SECRET: &str = r#"{"a":"secret"}"#;
    let mut redaction = redaction(r#"{"allow_all_keys": true, "blocked_values": ["secret"]}"#);
    let mut traces = Batch::new("t".into(), Vec::new());
    let of = |batch: &mut Batch| list(&mut batch.arena, SECRET);
    let event = SpanEvent { attributes: of(&mut traces), ..SpanEvent::default() };
    let link = SpanLink { attributes: of(&mut traces), ..SpanLink::default() };
    let attributes = of(&mut traces);
    traces.spans =
        vec![TraceSpan { attributes, events: vec![event], links: vec![link], ..TraceSpan::default() }];
    let mut metrics = Batch::new("t".into(), Vec::new());
    let exemplars = vec![Exemplar { attributes: of(&mut metrics), ..Exemplar::default() }];
    let points = vec![Point { attributes: of(&mut metrics), exemplars, ..Point::default() }];
    metrics.metrics = vec![Metric { kind: MetricKind::Gauge, points, ..Metric::default() }];
    let mut lists = Vec::new();
    for mut batch in [traces, metrics] {
        let attributes = of(&mut batch);
        batch.resources = vec![Resource { attributes, ..Resource::default() }];
        let attributes = of(&mut batch);
        batch.scopes = vec![Scope { attributes, ..Scope::default() }];
        let (out, gone) = process(&mut redaction, batch);
        assert!(gone.is_empty());
        let batch = &out[0];
        let mut found = vec![batch.resources[0].attributes, batch.scopes[0].attributes];
        for span in &batch.spans {
            found.extend([span.attributes, span.events[0].attributes, span.links[0].attributes]);
        }
        for point in batch.metrics.iter().flat_map(|metric| &metric.points) {
            found.extend([point.attributes, point.exemplars[0].attributes]);
        }
        lists.extend(found.into_iter().map(|list| written(&batch.arena, Value::Map(list))));
    }
    assert_eq!(lists, [r#"{"a":"****"}"#; 9]);
}

#[test]
fn expressions_and_names_are_checked() {
    for options in [
        r#"{"blocked_values": ["("]}"#,
        r#"{"allowed_values": ["("]}"#,
        r#"{"blocked_key_patterns": ["("]}"#,
        r#"{"ignored_key_patterns": ["("]}"#,
        r#"{"hash_function": "sha256"}"#,
        r#"{"summary": "all"}"#,
        r#"{"allowed_key": []}"#,
    ] {
        assert!(processor::<Redaction>(settings(options)).is_err(), "{options}");
    }
}
