//! Literals, operators, conditions and what is refused when a text is compiled.

use super::{Bench, values};
use crate::{Condition, Context, Statement};

#[test]
fn literals_and_sums() {
    values(
        r#"{"n":7,"d":2.5,"s":"text"}"#,
        "",
        &[
            ("1 + 2 * 3", "7"),
            ("(1 + 2) * 3", "9"),
            ("10 - 4 - 3", "3"),
            ("7 / 2", "3"),
            ("-7 / 2", "-3"),
            ("7 / 2.0", "3.5"),
            ("1 / 0", "!attempted to divide by 0"),
            ("1.0 / 0.5", "2"),
            (r#"attributes["n"] + attributes["d"]"#, "9.5"),
            (r#"-attributes["n"] + 1"#, "-6"),
            (r#"9223372036854775807 * 9223372036854775807"#, "1"),
            (r#"9223372036854775807 + 9223372036854775807"#, "-2"),
            ("-9223372036854775808", "-9223372036854775808"),
            (r#"attributes["s"] + 1"#, "!no `+` of string and int64"),
            (r#"attributes["none"] + 1"#, "!no `+` of nil and int64"),
            (r#"-attributes["s"]"#, "!no minus of string"),
            (
                r#"{"a": [1, nil, "x"], "b": {"c": true}, "e": nil}"#,
                r#"{"a":[1,null,"x"],"b":{"c":true},"e":null}"#,
            ),
            ("[Int(\"3\"), [attributes[\"s\"]]]", r#"[3,["text"]]"#),
            (
                "Time(\"2020\", \"%Y\", \"UTC\") - Time(\"2019\", \"%Y\", \"UTC\")",
                "!unsupported type time.Duration",
            ),
            (r#"Hours(Time("2020-01-02", "%F", "UTC") - Time("2020-01-01", "%F", "UTC"))"#, "24"),
            (r#"UnixSeconds(Time("1970-01-01", "%F", "UTC") + Duration("1m"))"#, "60"),
            (r#"UnixSeconds(Duration("1m") + Time("1970-01-01", "%F", "UTC"))"#, "60"),
            (r#"UnixSeconds(Time("1970-01-02", "%F", "UTC") - Duration("1h"))"#, "82800"),
            (r#"Seconds(Duration("1m") - Duration("1s"))"#, "59"),
        ],
    );
}

#[test]
fn comparisons_follow_the_table() {
    let mut bench =
        Bench::new(r#"{"code":200,"text":"200","d":2.5,"t":true,"m":{"a":1,"b":2},"l":[1,"x"]}"#, "");
    for (condition, expected) in [
        (r#"attributes["code"] == 200"#, true),
        (r#"attributes["code"] == 200.0"#, true),
        (r#"attributes["code"] == "200""#, false),
        (r#"attributes["code"] != "200""#, true),
        (r#"attributes["code"] < "300""#, false),
        (r#"attributes["text"] == "200""#, true),
        (r#"attributes["text"] < "201""#, true),
        (r#"attributes["d"] > 2"#, true),
        (r#"attributes["t"] > false"#, true),
        (r#"true == attributes["t"]"#, true),
        (r#"attributes["none"] == nil"#, true),
        (r#"attributes["none"] >= nil"#, true),
        (r#"attributes["none"] < nil"#, false),
        (r#"attributes["code"] != nil"#, true),
        (r#"attributes["none"]["x"] == nil"#, true),
        (r#"attributes["m"] == {"b": 2, "a": 1}"#, true),
        (r#"attributes["m"] == {"b": 2}"#, false),
        (r#"attributes["l"] == [1, "x"]"#, true),
        (r#"attributes["l"] < [1, "y"]"#, false),
        ("0x0102 == 0x0102", true),
        ("0x0102 < 0x0103", true),
        (r#"Duration("1s") < Duration("1m")"#, true),
        (r#"Time("2020", "%Y", "UTC") < Time("2021", "%Y", "UTC")"#, true),
        ("1 == 1 or 1 == 2 and 1 == 2", true),
        ("not (1 == 1) or 2 == 2", true),
        ("not 1 == 2", true),
        ("(1 == 2 or 1 == 1) and true", true),
        ("(1 + 1) * 2 == 4", true),
        ("((1 == 1))", true),
        ("false", false),
        (r#"IsMatch(attributes["text"], "^2") and not IsMatch(attributes["text"], "x")"#, true),
    ] {
        assert_eq!(bench.holds(Context::Log, condition), Ok(expected), "{condition}");
    }
}

#[test]
fn conditions_look_no_further_than_needed() {
    let mut bench = Bench::new("", "");
    assert_eq!(bench.holds(Context::Log, r#"true or IsMatch(body, Concat(["("], ""))"#), Ok(true));
    assert_eq!(bench.holds(Context::Log, "false and 1 / 0 == 1"), Ok(false));
    assert!(bench.holds(Context::Log, r#"Concat(["a"], "")"#).unwrap_err().contains("must return bool"));
    assert_eq!(bench.run(Context::Log, r#"set(body, "x") where 1 == 2"#), Ok(false));
    assert_eq!(bench.run(Context::Log, r#"set(body, "x") where 1 == 1"#), Ok(true));
}

#[test]
fn keys_are_followed() {
    values(
        r#"{"m":{"a":{"b":[10,{"c":"d"}]}},"s":"x","i":1,"k":"a"}"#,
        r#"[1,{"x":2}]"#,
        &[
            (r#"attributes["m"]["a"]["b"][0]"#, "10"),
            (r#"attributes["m"]["a"]["b"][1]["c"]"#, r#""d""#),
            (r#"attributes["m"][attributes["k"]]["b"][attributes["i"] - 1]"#, "10"),
            (r#"attributes["m"][Concat(["a"], "")]["b"][0]"#, "10"),
            (r#"attributes["m"]["x"]["y"]"#, "null"),
            (r#"attributes["m"]["a"]["b"][2]"#, "!index 2 out of bounds"),
            (r#"attributes["m"]["a"]["b"][-1]"#, "!index -1 out of bounds"),
            (r#"attributes["s"]["x"]"#, "!type string does not support string indexing"),
            (r#"attributes["m"][0]"#, "!invalid key type"),
            (r#"attributes["m"]["a"]["b"]["x"]"#, "!invalid key type"),
            ("body[1][\"x\"]", "2"),
            (r#"ParseJSON("{\"a\":{\"b\":1}}")["a"]["b"]"#, "1"),
            (r#"ParseJSON("{\"a\":1}")["b"]"#, "!key not found in map"),
            (r#"Split("a b", " ")[1]"#, r#""b""#),
        ],
    );
}

#[test]
fn faults_are_told_with_their_place_and_a_way_out() {
    for (text, at, message, help) in [
        (r#"sett(body, 1)"#, 0, "undefined function \"sett\"", "did you mean `set`?"),
        (
            r#"set(body, ParseJson(body))"#,
            10,
            "invalid argument at position 1: undefined function \"ParseJson\"",
            "did you mean `ParseJSON`?",
        ),
        (
            r#"set(bdy, 1)"#,
            4,
            "invalid argument at position 0: path `bdy` is not known in the context `log`",
            "did you mean `body`?",
        ),
        (
            r#"set(log.severity, 1)"#,
            4,
            "invalid argument at position 0: path `severity` is not known in the context `log`",
            "it has: ",
        ),
        (
            r#"set(span.name, 1)"#,
            4,
            "invalid argument at position 0: `span` paths cannot be used in the context `log`",
            "here a path begins with one of: log, scope, resource",
        ),
        (
            r#"set(body)"#,
            0,
            "set: incorrect number of arguments. Expected: 2 Received: 1",
            "write `set(target, value)`",
        ),
        (
            r#"set(body, 1) where severity_number > SEVERITY_NUMBER_WARM"#,
            37,
            "enum symbol, SEVERITY_NUMBER_WARM, not found",
            "did you mean `SEVERITY_NUMBER_WARN`?",
        ),
    ] {
        let fault = Statement::compile(text, Context::Log).unwrap_err();
        assert_eq!((fault.at, fault.message.as_str()), (at, message), "{text}");
        assert!(fault.help.clone().unwrap_or_default().starts_with(help), "{text}: {:?}", fault.help);
    }
}

#[test]
fn arguments_are_checked_when_compiled() {
    for (text, message) in [
        ("set(\"a\", 1)", "`target` must be a path"),
        ("set(otelcol.client.addr, 1)", "`target` must be a path that can be set"),
        ("set(target=body, 1)", "unnamed argument used after named argument"),
        ("set(body, foo=1)", "no such parameter: foo"),
        ("set(body, target=1)", "is given twice"),
        ("limit(attributes, -1)", "at least 0"),
        ("limit(attributes, 1, [\"a\", \"b\"])", "below the number of priority keys"),
        ("limit(attributes, body)", "an integer written out"),
        ("delete_key(attributes, 1)", "`key` must be a string"),
        ("delete_matching_keys(attributes, \"(\")", "the pattern `(` is invalid"),
        ("keep_keys(attributes, \"a\")", "a list in brackets"),
        ("keep_keys(attributes, [1])", "a list of strings"),
        ("merge_maps(attributes, body, \"both\")", "one of \"insert\", \"update\", \"upsert\""),
        ("flatten(body, depth=0)", "at least 1"),
        ("append(attributes[\"a\"])", "give `value` or `values`"),
        ("set(body, ConvertCase(body, \"loud\"))", "one of \"lower\""),
        ("set(body, FormatTime(time, \"%Q\"))", "unsupported time format directive `%Q`"),
        ("set(body, Time(body, \"%Y\", \"Mars/Base\"))", "unknown time zone `Mars/Base`"),
        ("set(body, ExtractPatterns(body, \"a(b)\"))", "at least 1 named capture group"),
        ("set(body, ExtractGrokPatterns(body, \"%{NOPE}\"))", "no pattern found for %{NOPE}"),
        ("set(body, ExtractGrokPatterns(body, \"%{WORD}\", true))", "at least 1 named capture group"),
        ("set(body, IsRootSpan())", "not known in the context `log`"),
        ("set(body, ParseKeyValue(body, \"=\", \"=\"))", "cannot be equal"),
        ("set(body, IsInCIDR(body, [\"10.0.0.0\"]))", "invalid CIDR address"),
        ("replace_pattern(body, \"a\", \"b\", SHA256, \"x\")", "exactly one %s"),
        ("replace_pattern(body, \"a\", \"b\", Nope)", "undefined function \"Nope\""),
        ("replace_pattern(body, \"a\", \"b\", Concat)", "a converter that takes one string"),
        ("set(body[\"a\"].string, 1)", "keys cannot stand behind `body`"),
        ("set(severity_text[\"a\"], 1)", "takes no keys"),
        ("set(resource.cache[\"a\"], 1)", "out of reach"),
        ("set(body, 1) where body + \"a\" == 1", "only numbers, times, paths and converters"),
    ] {
        let fault =
            Statement::compile(text, Context::Log).err().unwrap_or_else(|| panic!("{text} was accepted"));
        assert!(fault.message.contains(message), "{text}: {}", fault.message);
    }
}

#[test]
fn names_and_prefixes_may_be_written_either_way() {
    for text in [
        "flatten(body, resolveConflicts=true, prefix=\"a\")",
        "flatten(body, resolve_conflicts=true)",
        "set(log.attributes[\"a\"], resource.attributes[\"b\"])",
        "set(attributes[\"a\"], instrumentation_scope.name)",
        "set(attributes[\"a\"], scope.name)",
        "set(log.cache[\"a\"], cache[\"b\"])",
        "set(attributes[\"a\"], otelcol.client.metadata[\"x\"][0])",
        "set(attributes[\"a\"], CommunityID(\"1.1.1.1\", 1, destinationIP=\"2.2.2.2\", destinationPort=2))",
    ] {
        Statement::compile(text, Context::Log).unwrap_or_else(|fault| panic!("{text}: {fault}"));
    }
    Condition::compile("metric.name == \"x\" and value_int > 1", Context::DataPoint).unwrap();
    Condition::compile("span.name == \"x\" and name == \"y\"", Context::SpanEvent).unwrap();
}
