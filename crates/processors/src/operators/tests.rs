//! Operators as they are written, lines in, records out. Expected values are those of the Collector's own pages.

use engine::Processor;
use engine::testing::{batch, process, processor};
use model::{Batch, Value, json};
use serde_json::{Value as Json, json};
use tokio::time::Instant;

use super::Operators;
use crate::testing::settings;

const PATH: &str = "/var/log/pods/some-ns_kube-controller-kind-control-plane_49cc7c1fd3702c40b2686ea7486091d6/kube-controller/1.log";

fn build(operators: &Json) -> Result<Operators, String> {
    processor(settings(&json!({ "operators": operators }).to_string()))
}

/// Lines of a file, as `file_log` hands them on.
fn lines(lines: &[&str]) -> Batch {
    let bodies: Vec<String> = lines.iter().map(|line| json!({ "log": line }).to_string()).collect();
    let mut batch = batch("t", &bodies.iter().map(String::as_str).collect::<Vec<_>>());
    for place in 0..batch.logs.len() {
        let body = batch.logs[place].fields().and_then(|list| batch.arena.get(list, b"log")).unwrap();
        let path = Value::Str(batch.arena.store(PATH.as_bytes()));
        let mut attributes = model::List::EMPTY;
        batch.arena.set(&mut attributes, b"log.file.path", path);
        (batch.logs[place].body, batch.logs[place].attributes) = (body, attributes);
    }
    batch
}

/// What is there of each record, without the path: body, attributes, resource, severity, trace.
fn shown(batches: &[Batch]) -> Vec<Json> {
    let records = |batch: &Batch| {
        let read = |value| {
            let mut text = Vec::new();
            json::write_value(&batch.arena, value, &mut text);
            serde_json::from_slice::<Json>(&text).unwrap()
        };
        let show = |record: &model::LogRecord| {
            let mut shown = json!({ "body": read(record.body) });
            let mut attributes = read(Value::Map(record.attributes));
            attributes.as_object_mut().unwrap().remove("log.file.path");
            let scope = batch.scopes.get(record.scope as usize);
            let resource = scope.and_then(|scope| batch.resources.get(scope.resource as usize));
            let resource = resource.map(|resource| read(Value::Map(resource.attributes)));
            for (name, value) in [("attributes", Some(attributes)), ("resource", resource)] {
                if let Some(value) = value.filter(|value| *value != json!({})) {
                    shown[name] = value;
                }
            }
            if record.severity.0 > 0 || !record.severity_text.is_empty() {
                let text = String::from_utf8_lossy(batch.arena.bytes(record.severity_text));
                shown["severity"] = json!([record.severity.0, text]);
            }
            if record.trace_id != [0; 16] {
                shown["trace"] = json!(format!("{:x}", u128::from_be_bytes(record.trace_id)));
            }
            shown
        };
        batch.logs.iter().map(show).collect::<Vec<_>>()
    };
    batches.iter().flat_map(records).collect()
}

/// Everything that comes out, what is held at last included.
fn run(operators: &Json, input: &[&str]) -> Vec<Json> {
    let mut operators = build(operators).unwrap_or_else(|error| panic!("{error}"));
    let (mut out, _) = process(&mut operators, lines(input));
    operators.finish(&mut out);
    assert_eq!(operators.held(), 0);
    shown(&out)
}

fn check(operators: Json, input: &[&str], expected: &[Json]) {
    assert_eq!(run(&operators, input), expected, "{operators}");
}

#[test]
fn text_becomes_fields() {
    for (operator, line, expected) in [
        (json!({"type": "json_parser"}), r#"{"a":1,"b":{"c":"d"}}"#, json!({"a": 1, "b": {"c": "d"}})),
        (json!({"type": "json_parser", "parse_to": "attributes.x"}), r#"{"a":1}"#, json!({"x": {"a": 1}})),
        (
            json!({"type": "regex_parser", "regex": "^Host=(?P<host>[^,]+)(, Type=(?P<type>.*))?$"}),
            "Host=127.0.0.1",
            json!({"host": "127.0.0.1", "type": ""}),
        ),
        (
            json!({"type": "key_value_parser"}),
            r#"name=stanza  age='two years' note="a=b""#,
            json!({"name": "stanza", "age": "two years", "note": "a=b"}),
        ),
        (
            json!({"type": "key_value_parser", "delimiter": ":", "pair_delimiter": "!"}),
            "name:stanza ! age:2",
            json!({"name": "stanza", "age": "2"}),
        ),
        (
            json!({"type": "csv_parser", "header": "id,severity,message"}),
            r#"1,debug,"""Debug"", twice""#,
            json!({"id": "1", "severity": "debug", "message": "\"Debug\", twice"}),
        ),
        (
            json!({"type": "csv_parser", "header": "a|b", "delimiter": "\t", "header_delimiter": "|", "ignore_quotes": true}),
            "\"1\t2",
            json!({"a": "\"1", "b": "2"}),
        ),
    ] {
        check(json!([operator]), &[line], &[json!({"body": line, "attributes": expected})]);
    }
}

#[test]
fn fields_are_moved_about() {
    let line = r#"{"a":{"b":1,"c":"x"},"d":"e"}"#;
    let read = json!({"type": "json_parser", "parse_to": "body"});
    for (operator, expected) in [
        (
            json!({"type": "add", "field": "attributes.k", "value": "v"}),
            json!({"body": {"a": {"b": 1, "c": "x"}, "d": "e"}, "attributes": {"k": "v"}}),
        ),
        (
            json!({"type": "add", "field": "body.k.l", "value": 5}),
            json!({"body": {"a": {"b": 1, "c": "x"}, "d": "e", "k": {"l": 5}}}),
        ),
        (
            json!({"type": "add", "field": "resource[\"k.l\"]", "value": "EXPR(body.d + '-' + body.a.c)"}),
            json!({"body": {"a": {"b": 1, "c": "x"}, "d": "e"}, "resource": {"k.l": "e-x"}}),
        ),
        (json!({"type": "remove", "field": "body.a.b"}), json!({"body": {"a": {"c": "x"}, "d": "e"}})),
        (json!({"type": "remove", "field": "body"}), json!({"body": null})),
        (
            json!({"type": "move", "from": "body.a.c", "to": "resource.c"}),
            json!({"body": {"a": {"b": 1}, "d": "e"}, "resource": {"c": "x"}}),
        ),
        (json!({"type": "move", "from": "body.d", "to": "body"}), json!({"body": "e"})),
        (
            json!({"type": "copy", "from": "body.a", "to": "attributes.a"}),
            json!({"body": {"a": {"b": 1, "c": "x"}, "d": "e"}, "attributes": {"a": {"b": 1, "c": "x"}}}),
        ),
        (json!({"type": "retain", "fields": ["body.a.b", "body.none"]}), json!({"body": {"a": {"b": 1}}})),
        (json!({"type": "flatten", "field": "body.a"}), json!({"body": {"b": 1, "c": "x", "d": "e"}})),
        (json!({"type": "noop"}), json!({"body": {"a": {"b": 1, "c": "x"}, "d": "e"}})),
    ] {
        check(json!([read, operator]), &[line], &[expected]);
    }
}

#[test]
fn errors_send_the_record_on_or_drop_it() {
    for (on_error, left) in [("send", 2), ("send_quiet", 2), ("drop", 1), ("drop_quiet", 1)] {
        let operators = json!([{"type": "json_parser", "on_error": on_error}, {"type": "add", "field": "attributes.k", "value": 1}]);
        let out = run(&operators, &["no json", r#"{"a":1}"#]);
        assert_eq!(out.len(), left, "{on_error}");
        assert!(out.iter().all(|record| record["attributes"]["k"] == 1), "{on_error}: {out:?}");
    }
    let mut operators = build(&json!([{"type": "json_parser", "on_error": "drop"}])).unwrap();
    let (_, discarded) = process(&mut operators, lines(&["no json"]));
    assert_eq!(discarded, [(model::Reason::Malformed, 1)]);
}

#[test]
fn conditions_choose_records() {
    let line = r#"{"level":"warn","n":5,"nested":{"list":[1]}}"#;
    for (condition, holds) in [
        (r#"body matches "^[{].*\"n\":5""#, true),
        (r"body matches '^\\d'", false),
        ("body matches `n\":\\d`", true),
        (r#"attributes.level == "warn""#, true),
        (r#"attributes["level"] != nil"#, true),
        ("attributes.none == nil", true),
        ("attributes.none != nil and true", false),
        ("attributes.n >= 5 && attributes.n < 5.5", true),
        ("attributes.n > 5 || attributes.n == 4", false),
        ("not (attributes.level in ['info', 'debug'])", true),
        ("attributes.level not in ['warn']", false),
        ("!(attributes.level contains 'ar')", false),
        ("attributes.level startsWith 'wa' and attributes.level endsWith 'rn'", true),
        ("attributes.nested.list != nil", true),
        ("attributes.none matches 'x'", false),
        ("resource['none'] == nil", true),
    ] {
        let operators =
            json!([{"type": "json_parser"}, {"type": "filter", "expr": format!("not ({condition})")}]);
        assert_eq!(run(&operators, &[line]).len(), usize::from(holds), "{condition}");
    }
    let operators = json!([{"type": "add", "field": "attributes.k", "value": true, "if": "body == 'a'"}]);
    check(operators, &["a", "b"], &[json!({"body": "a", "attributes": {"k": true}}), json!({"body": "b"})]);
}

#[test]
fn routes_lead_further_down() {
    let operators = json!([
        {"type": "router", "default": "rest", "routes": [
            {"expr": "body startsWith '{'", "output": "json", "attributes": {"format": "json"}},
            {"expr": "body == 'drop'", "output": "dropping"},
        ]},
        {"type": "json_parser", "id": "json", "output": "last"},
        {"type": "filter", "id": "dropping", "expr": "true"},
        {"type": "add", "id": "rest", "field": "attributes.rest", "value": true, "output": ["last"]},
        {"type": "noop", "id": "last"},
    ]);
    check(
        operators,
        &[r#"{"a":1}"#, "drop", "b"],
        &[
            json!({"body": r#"{"a":1}"#, "attributes": {"format": "json", "a": 1}}),
            json!({"body": "b", "attributes": {"rest": true}}),
        ],
    );
    let alone =
        json!([{"type": "router", "routes": [{"expr": "body == 'a'", "output": "noop"}]}, {"type": "noop"}]);
    check(alone, &["a", "b"], &[json!({"body": "a"})]);
}

#[test]
fn severities_are_mapped() {
    let mapping = json!({"error": ["oops", "nooo!"], "info": {"min": 300, "max": 399}, "debug": "2xx", "info3": 42, "fatal": [{"min": 9001, "max": 9050}, "5xx"]});
    for (text, expected) in [
        ("\"ERROR\"", json!([17, "ERROR"])),
        ("\"Oops\"", json!([17, "Oops"])),
        ("\"warn3\"", json!([15, "warn3"])),
        ("302", json!([9, "302"])),
        ("\"204\"", json!([5, "204"])),
        ("42", json!([11, "42"])),
        ("503", json!([21, "503"])),
        ("9002", json!([21, "9002"])),
        ("\"unknown\"", json!([0, "unknown"])),
    ] {
        let severity = json!({"parse_from": "body.s", "mapping": mapping});
        let operators = json!([{"type": "json_parser", "parse_to": "body", "severity": severity}]);
        assert_eq!(run(&operators, &[&format!("{{\"s\":{text}}}")])[0]["severity"], expected, "{text}");
    }
    let bare = json!([{"type": "severity_parser", "parse_from": "body", "preset": "none", "overwrite_text": true, "mapping": {"error2": "e"}}]);
    assert_eq!(run(&bare, &["e"])[0]["severity"], json!([18, "ERROR2"]));
    assert_eq!(run(&bare, &["error"])[0]["severity"], json!([0, "error"]));
}

#[test]
fn times_and_traces_are_read() {
    let operators = json!([{
        "type": "regex_parser",
        "regex": r"^(?P<ts>\S+) (?P<trace>\S+) (?P<span>\S+)$",
        "timestamp": {"parse_from": "attributes.ts", "layout_type": "epoch", "layout": "s.ms"},
        "trace": {"trace_id": {"parse_from": "attributes.trace"}, "span_id": {"parse_from": "attributes.span"}},
    }]);
    let mut built = build(&operators).unwrap();
    let (out, _) =
        process(&mut built, lines(&["1136214245.123 480140f3d770a5ae32f0a22b6a812cff 92c3792d54ba94f3"]));
    let record = &out[0].logs[0];
    assert_eq!(record.time, 1_136_214_245_123_000_000);
    assert_eq!(shown(&out)[0]["trace"], "480140f3d770a5ae32f0a22b6a812cff");
    assert_eq!(record.span_id, 0x92c3_792d_54ba_94f3_u64.to_be_bytes());
}

/// The examples of the Collector's page.
#[test]
fn lines_of_containers_are_read_and_joined() {
    let resource = json!({
        "k8s.pod.name": "kube-controller-kind-control-plane",
        "k8s.pod.uid": "49cc7c1fd3702c40b2686ea7486091d6",
        "k8s.container.name": "kube-controller",
        "k8s.container.restart_count": "1",
        "k8s.namespace.name": "some-ns",
    });
    let record = |body: &str, mark: bool| {
        let attributes = match mark {
            true => json!({"logtag": "F", "log.iostream": "stdout"}),
            false => json!({"log.iostream": "stdout"}),
        };
        json!({"body": body, "attributes": attributes, "resource": resource})
    };
    let operators = json!([{"type": "container"}]);
    let docker =
        r#"{"log":"INFO: log line here\n","stream":"stdout","time":"2024-03-30T08:31:20.545192187Z"}"#;
    let crio = "2024-04-13T07:59:37.505201169-05:00 stdout F standalone crio line which is awesome";
    let pieces = [
        "2023-06-22T10:27:25.813799277Z stdout P multiline containerd line that i",
        "2023-06-22T10:27:25.813799278Z stderr F another stream",
        "2023-06-22T10:27:25.813799279Z stdout F s super awesomne",
    ];
    check(operators.clone(), &[docker], &[record("INFO: log line here", false)]);
    check(operators.clone(), &[crio], &[record("standalone crio line which is awesome", true)]);
    let mut between = record("another stream", true);
    between["attributes"]["log.iostream"] = json!("stderr");
    let joined = record("multiline containerd line that is super awesomne", true);
    check(operators.clone(), &pieces, &[between, joined]);
    let mut built = build(&operators).unwrap();
    let (out, _) = process(&mut built, lines(&[docker, crio]));
    let times: Vec<_> = out[0].logs.iter().map(|record| record.time).collect();
    assert_eq!(times, [1_711_787_480_545_192_187, 1_713_013_177_505_201_169]);
    assert_eq!(out[0].resources.len(), 1, "records of one pod share a resource");
    // A piece whose end does not come goes on after a while; other lines pass as they are.
    let cut = run(&operators, &[pieces[0], "no line of a container"]);
    assert_eq!(cut[0], json!({"body": "no line of a container"}));
    assert_eq!(cut[1]["body"], "multiline containerd line that i");
}

#[test]
fn lines_are_recombined() {
    let first = |unmatched: u32| json!([{"type": "recombine", "combine_field": "body", "is_first_entry": "body == 'log1'", "max_unmatched_batch_size": unmatched}]);
    let input = ["log2", "log3", "log4", "log1", "log5", "log6", "log7", "log1"];
    let last = json!([{"type": "recombine", "combine_field": "body", "is_last_entry": "body == 'log1'", "max_unmatched_batch_size": 3}]);
    let long = ["log2", "log3", "log4", "log5", "log1", "log6", "log7", "log1", "log8", "log1"];
    for (operators, input, expected) in [
        (first(0), &input[..], vec!["log2\nlog3\nlog4", "log1\nlog5\nlog6\nlog7", "log1"]),
        (first(1), &input[..], vec!["log2", "log3", "log4", "log1\nlog5\nlog6\nlog7", "log1"]),
        (first(3), &long[..], vec!["log2\nlog3\nlog4", "log5", "log1\nlog6\nlog7", "log1\nlog8", "log1"]),
        (last, &long[..], vec!["log2\nlog3\nlog4", "log5\nlog1", "log6\nlog7\nlog1", "log8\nlog1"]),
    ] {
        let bodies: Vec<_> = run(&operators, input).iter().map(|record| record["body"].clone()).collect();
        assert_eq!(bodies, expected, "{operators}");
    }
    // CRI's lines, joined by hand; the other fields are the last line's.
    let operators = json!([
        {"type": "regex_parser", "regex": r"^(?P<time>\S+) (?P<stream>\w+) (?P<logtag>\w) (?P<message>.*)", "parse_to": "body"},
        {"type": "recombine", "combine_field": "body.message", "combine_with": "", "is_last_entry": "body.logtag == 'F'"},
        {"type": "move", "from": "body.message", "to": "body"},
    ]);
    check(
        operators,
        &[
            "1 stdout F Single entry log 1",
            "2 stdout P This is a very very long line th",
            "3 stdout F at is really long",
        ],
        &[
            json!({"body": "Single entry log 1"}),
            json!({"body": "This is a very very long line that is really long"}),
        ],
    );
}

#[tokio::test(start_paused = true)]
async fn held_lines_go_on_after_a_while() {
    let operators = json!([
        {"type": "recombine", "combine_field": "body", "is_first_entry": "body matches '^[^\\\\s]'", "force_flush_period": "1s"},
        {"type": "add", "field": "attributes.k", "value": 1},
    ]);
    let mut built = build(&operators).unwrap();
    let (out, discarded) = process(&mut built, lines(&["Error", "  at a", "  at b"]));
    assert_eq!((out.len(), built.held(), discarded), (0, 1, vec![(model::Reason::Joined, 2)]));
    let mut out = Vec::new();
    built.tick(Instant::now(), &mut out);
    assert!(out.is_empty());
    tokio::time::advance(std::time::Duration::from_secs(1)).await;
    built.tick(Instant::now(), &mut out);
    assert_eq!(shown(&out), [json!({"body": "Error\n  at a\n  at b", "attributes": {"k": 1}})]);
    assert_eq!(built.held(), 0);
}

#[test]
fn what_is_not_known_is_refused() {
    for (operators, expected) in [
        (json!([{"type": "syslog_parser"}]), "the operator `syslog_parser` is not part of this program"),
        (json!([{"type": "json_parsr"}]), "did you mean `json_parser`?"),
        (json!([{"id": "a"}]), "operator 1 has no `type`"),
        (json!([{"type": "add", "field": "a", "value": 1}]), "a field begins with `body`"),
        (json!([{"type": "add", "field": "body"}]), "needs `value`"),
        (json!([{"type": "add", "field": "body", "value": "EXPR(env('A'))"}]), "`env('A')` is not known"),
        (json!([{"type": "noop", "if": "body ~ 'x'"}]), "`~ 'x'` is not understood"),
        (json!([{"type": "noop", "if": "len(body) > 5"}]), "is not known"),
        (json!([{"type": "noop", "if": "body matches '('"}]), "no regular expression"),
        (json!([{"type": "noop", "if": "body matches \"\\d\""}]), "there is no `\\d` in text"),
        (json!([{"type": "noop", "on_error": "explode"}]), "must be one of `send`"),
        (json!([{"type": "noop", "outptu": "x"}]), "has no setting `outptu`"),
        (json!([{"type": "noop", "output": "x"}]), "there is no operator `x`"),
        (json!([{"type": "noop"}, {"type": "noop", "output": "noop"}]), "`noop` stands before it"),
        (json!([{"type": "noop", "id": "a"}, {"type": "noop", "id": "a"}]), "the id is taken"),
        (json!([{"type": "regex_parser", "regex": "a"}]), "no named group"),
        (json!([{"type": "regex_parser", "regex": "(?P<a>"}]), "no regular expression"),
        (json!([{"type": "json_parser", "scope_name": {}}]), "has no setting `scope_name`"),
        (json!([{"type": "json_parser", "timestamp": {"parse_from": "body", "layout": "%Q"}}]), "%Q"),
        (
            json!([{"type": "severity_parser", "parse_from": "body", "mapping": {"bad": 1}}]),
            "`bad` is no severity",
        ),
        (json!([{"type": "recombine", "combine_field": "body"}]), "exactly one of"),
        (json!([{"type": "filter", "expr": "true", "drop_ratio": 0.5}]), "drop_ratio"),
        (json!([{"type": "container", "parse_to": "body"}]), "`parse_to` can only be"),
    ] {
        let error = build(&operators).err().unwrap_or_else(|| panic!("{operators} builds"));
        assert!(error.contains(expected), "{operators}: {error}");
    }
}
