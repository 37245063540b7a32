//! What each editor leaves of the attributes.

use model::Value;

use super::Bench;
use crate::Context;

/// Runs a statement over the attributes; expects them so, or an error that holds what is behind `!`.
fn check(cases: &[(&str, &str, &str)]) {
    for (attributes, statement, expected) in cases {
        let mut bench = Bench::new(attributes, "");
        let outcome = bench.run(Context::Log, statement);
        let left = bench.json(Value::Map(bench.log.attributes));
        match (outcome, expected.strip_prefix('!')) {
            (Ok(_), None) => assert_eq!(left, *expected, "{statement}"),
            (Err(error), Some(part)) => assert!(error.contains(part), "{statement}: {error}"),
            (outcome, _) => panic!("{statement}: {outcome:?}, left {left}, expected {expected}"),
        }
    }
}

#[test]
fn set_and_append() {
    check(&[
        ("", r#"set(attributes["a"], "b")"#, r#"{"a":"b"}"#),
        (r#"{"a":1}"#, r#"set(attributes["a"], nil)"#, r#"{"a":1}"#),
        (r#"{"a":1}"#, r#"set(attributes["b"], attributes["none"])"#, r#"{"a":1}"#),
        ("", r#"set(attributes["a"]["b"]["c"], 1)"#, r#"{"a":{"b":{"c":1}}}"#),
        ("", r#"set(attributes["a"][2], 1)"#, r#"{"a":[null,null,1]}"#),
        (r#"{"a":[1,2]}"#, r#"set(attributes["a"][1], "x")"#, r#"{"a":[1,"x"]}"#),
        (r#"{"a":[1,2]}"#, r#"set(attributes["a"][2], "x")"#, "!index 2 out of bounds"),
        (r#"{"a":1}"#, r#"set(attributes["a"]["b"], 1)"#, "!type int64 does not support string indexing"),
        (r#"{"a":{"b":1}}"#, r#"set(attributes["a"][0], 1)"#, "!invalid key type"),
        (r#"{"a":1}"#, r#"set(attributes["t"], time)"#, "!unsupported type time.Time for set operation"),
        (r#"{"a":1}"#, r#"set(attributes["t"], Duration("1s"))"#, "!unsupported type time.Duration"),
        (r#"{"a":{"b":1}}"#, r#"set(attributes["c"], attributes)"#, r#"{"a":{"b":1},"c":{"a":{"b":1}}}"#),
        (r#"{"a":1}"#, r#"set(attributes, {"x": 0x01})"#, r#"{"x":"AQ=="}"#),
        ("", r#"append(attributes["a"], "x")"#, r#"{"a":["x"]}"#),
        (r#"{"a":"x"}"#, r#"append(attributes["a"], 1)"#, r#"{"a":["x",1]}"#),
        (r#"{"a":["x"]}"#, r#"append(attributes["a"], values=["y", 2])"#, r#"{"a":["x","y",2]}"#),
        (r#"{"a":{}}"#, r#"append(attributes["a"], 1)"#, "!expected a list"),
        (r#"{"a":[1,2,3,4]}"#, r#"delete_index(attributes["a"], 1)"#, r#"{"a":[1,3,4]}"#),
        (r#"{"a":[1,2,3,4]}"#, r#"delete_index(attributes["a"], 1, 3)"#, r#"{"a":[1,4]}"#),
        (r#"{"a":[1,2]}"#, r#"delete_index(attributes["a"], 2)"#, "!out of bounds"),
        (r#"{"a":[1,2]}"#, r#"delete_index(attributes["a"], 0, 3)"#, "!out of bounds"),
    ]);
}

#[test]
fn copies_do_not_share() {
    let mut bench = Bench::new(r#"{"a":{"b":1}}"#, "");
    for statement in [
        r#"set(attributes["c"], attributes["a"])"#,
        r#"set(attributes["c"]["b"], 2)"#,
        r#"set(attributes["c"]["d"], 3)"#,
        r#"set(body, attributes["a"])"#,
        r#"set(body["b"], 9)"#,
        r#"set(cache["x"], attributes["a"])"#,
        r#"delete_key(cache["x"], "b")"#,
    ] {
        bench.run(Context::Log, statement).unwrap();
    }
    assert_eq!(bench.json(Value::Map(bench.log.attributes)), r#"{"a":{"b":1},"c":{"b":2,"d":3}}"#);
    assert_eq!(bench.json(bench.log.body), r#"{"b":9}"#);
}

#[test]
fn keys_go_and_stay() {
    const MAP: &str = r#"{"a":1,"b":2,"ab":3,"c":{"a":4}}"#;
    check(&[
        (MAP, r#"delete_key(attributes, "b")"#, r#"{"a":1,"ab":3,"c":{"a":4}}"#),
        (MAP, r#"delete_key(attributes, "none")"#, MAP_SORTED),
        (MAP, r#"delete_key(attributes["c"], "a")"#, r#"{"a":1,"ab":3,"b":2,"c":{}}"#),
        (MAP, r#"delete_key(attributes["none"], "a")"#, "!expected map but got nil"),
        (MAP, r#"delete_key(attributes["a"], "a")"#, "!expected map but got int64"),
        (MAP, r#"delete_matching_keys(attributes, "^a")"#, r#"{"b":2,"c":{"a":4}}"#),
        (MAP, r#"delete_matching_keys(attributes, Concat(["^", "a"], ""))"#, r#"{"b":2,"c":{"a":4}}"#),
        (MAP, r#"keep_keys(attributes, ["a", "c"])"#, r#"{"a":1,"c":{"a":4}}"#),
        (MAP, r#"keep_keys(attributes, [])"#, "{}"),
        (MAP, r#"keep_matching_keys(attributes, "b")"#, r#"{"ab":3,"b":2}"#),
        (MAP, r#"limit(attributes, 2)"#, r#"{"a":1,"b":2}"#),
        (MAP, r#"limit(attributes, 2, ["c"])"#, r#"{"a":1,"c":{"a":4}}"#),
        (MAP, r#"limit(attributes, 0)"#, "{}"),
        (MAP, r#"limit(attributes, 9)"#, MAP_SORTED),
    ]);
    const MAP_SORTED: &str = r#"{"a":1,"ab":3,"b":2,"c":{"a":4}}"#;
}

#[test]
fn maps_are_merged_and_cut() {
    const MAP: &str = r#"{"a":"aaaa","é":"éé","n":123456,"l":["long one"]}"#;
    check(&[
        (
            r#"{"a":1,"b":2}"#,
            r#"merge_maps(attributes, {"b": 3, "c": 4}, "insert")"#,
            r#"{"a":1,"b":2,"c":4}"#,
        ),
        (r#"{"a":1,"b":2}"#, r#"merge_maps(attributes, {"b": 3, "c": 4}, "update")"#, r#"{"a":1,"b":3}"#),
        (
            r#"{"a":1,"b":2}"#,
            r#"merge_maps(attributes, {"b": 3, "c": 4}, "upsert")"#,
            r#"{"a":1,"b":3,"c":4}"#,
        ),
        ("", r#"merge_maps(attributes, body, "upsert")"#, "!expected map but got nil"),
        (
            r#"{"j":"{\"x\":1,\"y\":{\"z\":null}}"}"#,
            r#"merge_maps(attributes, ParseJSON(attributes["j"]), "upsert")"#,
            r#"{"j":"{\"x\":1,\"y\":{\"z\":null}}","x":1,"y":{"z":null}}"#,
        ),
        (MAP, "truncate_all(attributes, 3)", r#"{"a":"aaa","l":["long one"],"n":123456,"é":"é"}"#),
        (MAP, "truncate_all(attributes, 0)", r#"{"a":"","l":["long one"],"n":123456,"é":""}"#),
        (
            r#"{"i":1,"d":1.5,"b":true,"s":"x","m":{"b":1,"a":2},"l":[1],"n":null}"#,
            "stringify_all(attributes)",
            r#"{"b":"true","d":"1.5","i":"1","l":"[1]","m":"{\"a\":2,\"b\":1}","n":"","s":"x"}"#,
        ),
    ]);
}

#[test]
fn flatten_joins_keys() {
    const MAP: &str = r#"{"name":"A","address":{"street":"first","house":{"n":1}},"who":["u1",{"x":"u2"}]}"#;
    check(&[
        (
            MAP,
            "flatten(attributes)",
            r#"{"address.house.n":1,"address.street":"first","name":"A","who.0":"u1","who.1.x":"u2"}"#,
        ),
        (
            MAP,
            "flatten(attributes, \"p\", 1)",
            r#"{"p.address.house":{"n":1},"p.address.street":"first","p.name":"A","p.who.0":"u1","p.who.1":{"x":"u2"}}"#,
        ),
        (r#"{"a":{"b":1},"a.b":2}"#, "flatten(attributes)", r#"{"a.b":2}"#),
        (r#"{"a":{"b":1},"a.b":2}"#, "flatten(attributes, resolveConflicts=true)", r#"{"a.b":1,"a.b.0":2}"#),
        (
            r#"{"l":["x","y","z"]}"#,
            "flatten(attributes, resolveConflicts=true)",
            r#"{"l":"x","l.0":"y","l.1":"z"}"#,
        ),
    ]);
}

#[test]
fn texts_are_replaced() {
    const MAP: &str = r#"{"a":"user=1 user=22","b":"/user/7/list","n":5}"#;
    check(&[
        (
            MAP,
            r#"replace_pattern(attributes["a"], "user=(\\d+)", "id<$1>")"#,
            r#"{"a":"id<1> id<22>","b":"/user/7/list","n":5}"#,
        ),
        (
            MAP,
            r#"replace_pattern(attributes["a"], "(?P<k>\\w+)=(\\d+)", "${2}:${k}$$")"#,
            r#"{"a":"1:user$ 22:user$","b":"/user/7/list","n":5}"#,
        ),
        (MAP, r#"replace_pattern(attributes["n"], "5", "6")"#, MAP),
        (MAP, r#"replace_pattern(attributes["none"], "5", "6")"#, MAP),
        (
            r#"{"a":"x abc"}"#,
            r#"replace_pattern(attributes["a"], "(abc)", "$1", SHA1, "h(%s)")"#,
            r#"{"a":"x h(a9993e364706816aba3e25717850c26c9cd0d89d)"}"#,
        ),
        (
            MAP,
            r#"replace_match(attributes["b"], "/user/*/list", "/user/{id}/list")"#,
            r#"{"a":"user=1 user=22","b":"/user/{id}/list","n":5}"#,
        ),
        (MAP, r#"replace_match(attributes["b"], "/user", "x")"#, MAP),
        (
            r#"{"a":"abc"}"#,
            r#"replace_match(attributes["a"], "a*", "abc", MD5)"#,
            r#"{"a":"900150983cd24fb0d6963f7d28e17f72"}"#,
        ),
        (
            r#"{"a":"one","b":"two one","n":1}"#,
            r#"replace_all_patterns(attributes, "value", "one", "1")"#,
            r#"{"a":"1","b":"two 1","n":1}"#,
        ),
        (
            r#"{"k8s.a":"x","b":"k8s"}"#,
            r#"replace_all_patterns(attributes, "key", "^k8s\\.", "kube.")"#,
            r#"{"b":"k8s","kube.a":"x"}"#,
        ),
        (
            r#"{"a":"/user/1/x","b":"/item/1"}"#,
            r#"replace_all_matches(attributes, "/user/*", "u")"#,
            r#"{"a":"u","b":"/item/1"}"#,
        ),
    ]);
}

#[test]
fn spans_are_named_after_the_conventions() {
    for (kind, attributes, expected) in [
        (2, r#"{"http.request.method":"GET","http.route":"/u/{id}","url.path":"/u/1"}"#, "GET /u/{id}"),
        (2, r#"{"http.request.method":"GET","url.path":"/u/1"}"#, "GET"),
        (3, r#"{"http.method":"POST","url.template":"/u/{id}","http.route":"/no"}"#, "POST /u/{id}"),
        (3, r#"{"rpc.system":"grpc","rpc.service":"a.B","rpc.method":"C"}"#, "a.B/C"),
        (2, r#"{"rpc.system.name":"grpc","rpc.method":"a.B/C"}"#, "a.B/C"),
        (2, r#"{"rpc.system":"grpc","rpc.grpc.service":"a.B"}"#, "a.B/*"),
        (2, r#"{"rpc.system":"grpc"}"#, "grpc"),
        (3, r#"{"db.system.name":"postgresql","db.query.summary":"SELECT a"}"#, "SELECT a"),
        (
            3,
            r#"{"db.system":"mysql","db.operation":"SELECT","db.name":"n","db.collection.name":"c"}"#,
            "SELECT n.c",
        ),
        (3, r#"{"db.system":"redis","server.address":"h","server.port":6379}"#, "h:6379"),
        (3, r#"{"db.system":"redis"}"#, "redis"),
        (2, r#"{"db.system":"redis"}"#, "old"),
        (
            5,
            r#"{"messaging.system":"kafka","messaging.operation.name":"process","messaging.destination.name":"q"}"#,
            "process q",
        ),
        (
            4,
            r#"{"messaging.system":"k","messaging.operation":"send","messaging.destination.temporary":true}"#,
            "send (temporary)",
        ),
        (4, r#"{"http.request.method":"GET"}"#, "old"),
        (1, r#"{"http.request.method":"GET"}"#, "old"),
    ] {
        let mut bench = Bench::new(attributes, "");
        bench.span.name = bench.text("old");
        bench.span.kind = kind;
        bench.run(Context::Span, r#"set_semconv_span_name("1.37.0", "was")"#).unwrap();
        assert_eq!(bench.arena.bytes(bench.span.name), expected.as_bytes(), "{attributes}");
        let was = bench.arena.get(bench.span.attributes, b"was");
        assert_eq!(was.is_some(), expected != "old", "{attributes}");
    }
    for (text, part) in [
        (r#"set_semconv_span_name("1.20.0")"#, "unsupported semconv version"),
        (r#"set_semconv_span_name("x")"#, "unsupported semconv version"),
        (r#"set_semconv_span_name("1.40.0", "")"#, "cannot be empty"),
    ] {
        let error = Bench::new("", "").run(Context::Span, text).unwrap_err();
        assert!(error.contains(part), "{error}");
    }
}
