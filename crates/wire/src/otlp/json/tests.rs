//! What real SDKs sent, every spelling the specification allows, and generated requests there and back.

use model::Signal;
use proptest::prelude::*;
use serde_json::Value;

use super::super::{count, decode, encode, generated, tests};
use super::*;

const PYTHON: [(Signal, &str); 3] = [
    (Signal::Logs, include_str!("../../../../../fixtures/otlp/python-logs.json")),
    (Signal::Traces, include_str!("../../../../../fixtures/otlp/python-traces.json")),
    (Signal::Metrics, include_str!("../../../../../fixtures/otlp/python-metrics.json")),
];
const NODE: [(Signal, &str); 3] = [
    (Signal::Logs, include_str!("../../../../../fixtures/otlp/node-logs.json")),
    (Signal::Traces, include_str!("../../../../../fixtures/otlp/node-traces.json")),
    (Signal::Metrics, include_str!("../../../../../fixtures/otlp/node-metrics.json")),
];

fn there_and_back(signal: Signal, sent: &str) -> Value {
    let request = from_json(signal, sent.as_bytes()).expect("the request is whole");
    let json = to_json(signal, &request).expect("the request is whole");
    serde_json::from_slice(&json).expect("it is JSON")
}

/// The Python SDK leaves out what we leave out and spells numbers as we do.
#[test]
fn what_the_python_sdk_sent_comes_back_the_same() {
    for (signal, sent) in PYTHON {
        let sent_value: Value = serde_json::from_str(sent).expect("it is JSON");
        assert_eq!(there_and_back(signal, sent), sent_value, "{signal:?}");
    }
}

/// The same program sent the same in protobuf, but for times and ids.
#[test]
fn json_and_protobuf_hold_as_many_items() {
    for (all, in_protobuf) in [(PYTHON, tests::PYTHON), (NODE, tests::NODE)] {
        for ((signal, json), (_, request)) in all.into_iter().zip(in_protobuf) {
            let from_json = from_json(signal, json.as_bytes()).expect("the request is whole");
            assert_eq!(count(signal, &from_json), count(signal, request), "{signal:?}");
            let batch = decode(signal, from_json.clone(), "t".into(), 0).expect("the request is whole");
            let mut out = Vec::new();
            encode(&batch, 0..batch.rows(), &mut out);
            assert_eq!(out, from_json, "{signal:?}: fields come in order, zeros are left out");
        }
    }
}

/// What protobuf's JSON leaves open, put into one form: defaults left out, whole numbers of 64 bits as text.
fn normal(value: Value, name: &str) -> Option<Value> {
    const LONG: [&str; 5] = ["intValue", "asInt", "count", "bucketCounts", "zeroCount"];
    const KNOWN: [&str; 5] = ["intValue", "asInt", "asDouble", "min", "max"];
    match value {
        Value::Array(items) if items.is_empty() => None,
        Value::Array(items) => {
            Some(items.into_iter().map(|item| normal(item, name).unwrap_or(Value::Null)).collect())
        }
        Value::Object(members) => Some(
            members
                .into_iter()
                .filter_map(|(name, value)| Some((name.clone(), normal(value, &name)?)))
                .collect(),
        ),
        Value::Number(number) if LONG.contains(&name) => Some(Value::String(number.to_string())),
        Value::Number(number) if number.as_f64() == Some(0.0) && !KNOWN.contains(&name) => None,
        Value::Bool(false) if name == "isMonotonic" => None,
        Value::String(text) if text.is_empty() => None,
        Value::Number(number) => number.as_f64().map(Value::from),
        other => Some(other),
    }
}

#[test]
fn what_the_node_sdk_sent_means_the_same() {
    for (signal, sent) in NODE {
        let sent_value: Value = serde_json::from_str(sent).expect("it is JSON");
        let again = there_and_back(signal, sent);
        assert_eq!(normal(again, ""), normal(sent_value, ""), "{signal:?}");
    }
}

/// A span's or a log record's JSON within its shells.
fn in_shells(signal: Signal, item: &str) -> String {
    match signal {
        Signal::Logs => format!(r#"{{"resourceLogs":[{{"scopeLogs":[{{"logRecords":[{item}]}}]}}]}}"#),
        Signal::Traces => format!(r#"{{"resourceSpans":[{{"scopeSpans":[{{"spans":[{item}]}}]}}]}}"#),
        Signal::Metrics => format!(r#"{{"resourceMetrics":[{{"scopeMetrics":[{{"metrics":[{item}]}}]}}]}}"#),
    }
}

/// JSON in, and what is written for it.
fn check(signal: Signal, item: &str, expected: &str) {
    let request =
        from_json(signal, in_shells(signal, item).as_bytes()).unwrap_or_else(|why| panic!("{item}: {why}"));
    let json = to_json(signal, &request).expect("what we made is whole");
    assert_eq!(String::from_utf8_lossy(&json), in_shells(signal, expected), "{item}");
}

#[test]
fn every_spelling_is_taken() {
    for (item, expected) in [
        // Identifiers are hexadecimal, in either case; empty is none.
        (
            r#"{"traceId":"5B8EFFF798038103D269B633813FC60C","spanId":""}"#,
            r#"{"traceId":"5b8efff798038103d269b633813fc60c"}"#,
        ),
        // Numbers of 64 bits are text, and may come as numbers, exact beyond 2^53.
        (r#"{"timeUnixNano":1544712660300000001}"#, r#"{"timeUnixNano":"1544712660300000001"}"#),
        (r#"{"timeUnixNano":"18446744073709551615"}"#, r#"{"timeUnixNano":"18446744073709551615"}"#),
        (
            r#"{"body":{"intValue":"-9223372036854775808"}}"#,
            r#"{"body":{"intValue":"-9223372036854775808"}}"#,
        ),
        (r#"{"body":{"intValue":1e3}}"#, r#"{"body":{"intValue":"1000"}}"#),
        // Enumerations are numbers, and may be named.
        (r#"{"severityNumber":"SEVERITY_NUMBER_ERROR2"}"#, r#"{"severityNumber":18}"#),
        (r#"{"severityNumber":"9"}"#, r#"{"severityNumber":9}"#),
        // Names may be in snake case; what nobody knows is left out; null is unset; the order does not matter.
        (
            r#"{"severity_text":"x","time_unix_nano":"1","future":{"a":[1]},"body":null}"#,
            r#"{"timeUnixNano":"1","severityText":"x"}"#,
        ),
        (r#"{"body":{"bytesValue":"-_8"}}"#, r#"{"body":{"bytesValue":"+/8="}}"#),
        (r#"{"body":{"doubleValue":"-Infinity"}}"#, r#"{"body":{"doubleValue":"-Infinity"}}"#),
        (r#"{"body":{"doubleValue":"NaN"}}"#, r#"{"body":{"doubleValue":"NaN"}}"#),
        (r#"{"body":{"doubleValue":"0.5"}}"#, r#"{"body":{"doubleValue":0.5}}"#),
        (
            r#"{"body":{"doubleValue":0.07200000000000001}}"#,
            r#"{"body":{"doubleValue":0.07200000000000001}}"#,
        ),
        // One of several is written even where it is zero.
        (r#"{"body":{"boolValue":false}}"#, r#"{"body":{"boolValue":false}}"#),
        (r#"{"body":{"stringValue":"a\"\u00e9\n"}}"#, "{\"body\":{\"stringValue\":\"a\\\"\u{e9}\\n\"}}"),
        (
            r#"{"body":{"arrayValue":{"values":[{"intValue":1},null,{}]}}}"#,
            r#"{"body":{"arrayValue":{"values":[{"intValue":"1"},{},{}]}}}"#,
        ),
        // Fixed numbers of 32 bits are numbers.
        (r#"{"flags":257,"droppedAttributesCount":"3"}"#, r#"{"droppedAttributesCount":3,"flags":257}"#),
    ] {
        check(Signal::Logs, item, expected);
    }
    check(
        Signal::Metrics,
        r#"{"sum":{"aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA","dataPoints":[{"asInt":0}]}}"#,
        r#"{"sum":{"dataPoints":[{"asInt":"0"}],"aggregationTemporality":1}}"#,
    );
    check(
        Signal::Metrics,
        r#"{"histogram":{"dataPoints":[{"count":"3","bucketCounts":["1",2],"explicitBounds":[0.5],"sum":0}]}}"#,
        r#"{"histogram":{"dataPoints":[{"count":"3","sum":0.0,"bucketCounts":["1","2"],"explicitBounds":[0.5]}]}}"#,
    );
    check(Signal::Traces, r#"{"kind":"SPAN_KIND_SERVER","status":{}}"#, r#"{"kind":2,"status":{}}"#);
}

/// Half a surrogate pair is no text, but JavaScript lets it pass: it is mended and not refused.
#[test]
fn half_a_surrogate_pair_is_mended() {
    let request = in_shells(Signal::Logs, r#"{"severityText":"a\ud83d."}"#);
    let request = from_json(Signal::Logs, request.as_bytes()).expect("it is taken");
    let json = to_json(Signal::Logs, &request).expect("what we made is whole");
    assert!(String::from_utf8_lossy(&json).contains("a\u{fffd}"));
}

#[test]
fn nothing_is_an_empty_request() {
    for nothing in ["", " \n", "{}", "null", r#"{"resourceLogs":[]}"#, r#"{"resourceLogs":null}"#] {
        assert_eq!(from_json(Signal::Logs, nothing.as_bytes()), Ok(Vec::new()), "{nothing}");
    }
    assert_eq!(to_json(Signal::Logs, b"").as_deref(), Ok(&b"{}"[..]));
}

#[test]
fn faults_tell_the_field_and_what_was_expected() {
    let record = "resourceLogs[0].scopeLogs[0].logRecords[0]";
    for (item, field, why) in [
        (r#"{"traceId":"12"}"#, ".traceId", r#"string "12", expected 32 hexadecimal digits"#),
        (r#"{"spanId":"zzzzzzzzzzzzzzzz"}"#, ".spanId", "expected 16 hexadecimal digits"),
        (r#"{"timeUnixNano":-1}"#, ".timeUnixNano", "expected a whole number of 64 bits, not negative"),
        (r#"{"timeUnixNano":1.5}"#, ".timeUnixNano", "expected a whole number of 64 bits, not negative"),
        (r#"{"timeUnixNano":{}}"#, ".timeUnixNano", "map, expected a number, or text that holds one"),
        (r#"{"severityNumber":"INFO"}"#, ".severityNumber", "expected a value of the enumeration"),
        (r#"{"flags":4294967296}"#, ".flags", "expected a whole number of 32 bits, not negative"),
        (r#"{"severityText":5}"#, ".severityText", "integer `5`, expected text"),
        (r#"{"body":"x"}"#, ".body", r#"string "x", expected an object, AnyValue"#),
        (r#"{"body":{"boolValue":1}}"#, ".body.boolValue", "expected true or false"),
        (r#"{"body":{"doubleValue":"inf"}}"#, ".body.doubleValue", "expected a number, `NaN`"),
        (r#"{"body":{"bytesValue":"*"}}"#, ".body.bytesValue", "expected base64"),
        (r#"{"attributes":{"a":1}}"#, ".attributes", "map, expected an array"),
        (r#"{"attributes":[{"key":"a"},{"key":1}]}"#, ".attributes[1].key", "integer `1`, expected text"),
    ] {
        let json = in_shells(Signal::Logs, item);
        let fault = from_json(Signal::Logs, json.as_bytes()).expect_err(item);
        assert_eq!(fault.field, format!("{record}{field}"), "{item}");
        assert!(fault.why.contains(why) && fault.why.contains("at line 1 column "), "{item}: {}", fault.why);
    }
    for (json, why) in [("[]", "sequence, expected an object"), ("{", "EOF"), ("{} x", "trailing characters")]
    {
        let fault = from_json(Signal::Logs, json.as_bytes()).expect_err(json);
        assert!(fault.field == "the request" && fault.why.contains(why), "{fault}");
    }
    let long = in_shells(Signal::Logs, &format!(r#"{{"traceId":"{}"}}"#, "é".repeat(10_000)));
    assert!(from_json(Signal::Logs, long.as_bytes()).expect_err("no id").to_string().len() < 1_000);
}

#[test]
fn depth_is_limited_both_ways() {
    let deep = |levels: usize| {
        let (open, shut) = (r#"{"arrayValue":{"values":["#.repeat(levels), "]}}".repeat(levels));
        in_shells(Signal::Logs, &format!(r#"{{"body":{open}{shut}}}"#))
    };
    assert!(from_json(Signal::Logs, deep(30).as_bytes()).is_ok());
    let fault = from_json(Signal::Logs, deep(60).as_bytes()).expect_err("too deep");
    assert!(fault.why.contains("recursion limit"), "{fault}");
    let mut value = Vec::new();
    for _ in 0..60 {
        let inner = std::mem::take(&mut value);
        crate::protobuf::write_message(&mut value, 5, |out| crate::protobuf::write_bytes(out, 1, &inner));
    }
    let mut request = Vec::new();
    for number in [5, 2, 2, 1] {
        let inner = if number == 5 { std::mem::take(&mut value) } else { std::mem::take(&mut request) };
        crate::protobuf::write_bytes(&mut request, number, &inner);
    }
    let damage = to_json(Signal::Logs, &request).expect_err("too deep");
    assert_eq!(damage.why, "values nested too deeply for JSON");
}

/// The generator reaches every field but the ones that rows have no place for.
#[test]
fn generated_requests_hold_every_field() {
    let mut all = String::new();
    let mut state = 1u64;
    for signal in [Signal::Logs, Signal::Traces, Signal::Metrics] {
        for _ in 0..300 {
            let dice = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                (state >> 56) as u8
            });
            let request = generated::request(signal, dice.take(3_000).collect());
            all.push_str(&String::from_utf8_lossy(&to_json(signal, &request).expect("it is whole")));
        }
    }
    for name in [
        "schemaUrl",
        "droppedAttributesCount",
        "version",
        "stringValue",
        "boolValue",
        "intValue",
        "doubleValue",
        "arrayValue",
        "kvlistValue",
        "bytesValue",
        "observedTimeUnixNano",
        "eventName",
        "severityText",
        "traceState",
        "parentSpanId",
        "droppedEventsCount",
        "droppedLinksCount",
        "links",
        "events",
        "status",
        "message",
        "code",
        "gauge",
        "isMonotonic",
        "exponentialHistogram",
        "summary",
        "metadata",
        "asInt",
        "asDouble",
        "exemplars",
        "filteredAttributes",
        "bucketCounts",
        "explicitBounds",
        "min",
        "max",
        "scale",
        "zeroCount",
        "positive",
        "negative",
        "offset",
        "zeroThreshold",
        "quantileValues",
        "quantile",
        "aggregationTemporality",
    ] {
        assert!(all.contains(&format!("\"{name}\":")), "no request holds {name}");
    }
}

proptest! {
    #[test]
    fn protobuf_is_the_same_by_way_of_json(signal in generated::signal(), dice in generated::dice()) {
        let request = generated::request(signal, dice);
        let json = to_json(signal, &request).expect("a generated request is whole");
        serde_json::from_slice::<serde::de::IgnoredAny>(&json).expect("it is JSON");
        prop_assert_eq!(from_json(signal, &json), Ok(request));
    }

    #[test]
    fn any_text_is_read_or_refused(
        signal in generated::signal(),
        dice in generated::dice(),
        flips in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..4),
    ) {
        let mut json = to_json(signal, &generated::request(signal, dice)).expect("a generated request is whole");
        for (at, byte) in flips {
            let at = at.index(json.len());
            json[at] = byte;
        }
        if let Ok(request) = from_json(signal, &json) {
            let json = to_json(signal, &request).expect("what we make is whole");
            let again = from_json(signal, &json).expect("what we make is JSON");
            prop_assert_eq!(to_json(signal, &again), Ok(json));
        }
    }
}
