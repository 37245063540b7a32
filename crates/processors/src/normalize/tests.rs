//! Lines as libraries and servers write them, and what records become of them.

use engine::testing::{batch, process, processor};
use model::{LogRecord, Value, json};

use super::*;
use crate::testing::settings;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A record of this line, with attributes as JSON.
fn line(text: &str, attributes: &str) -> Batch {
    let mut batch = batch("t", &[attributes]);
    let arena = &mut batch.arena;
    for record in &mut batch.logs {
        let fields = crate::fields::fields(arena, record).unwrap();
        *record = LogRecord {
            attributes: fields,
            ..LogRecord::new(1_000, Value::Str(arena.store(text.as_bytes())))
        };
    }
    batch
}

fn run(options: &str, input: Batch) -> Batch {
    process(&mut processor::<Normalize>(settings(options)).unwrap(), input).0.remove(0)
}

/// `severity text|trace|span|body|attributes`, what is missing empty.
fn shown(batch: &Batch) -> String {
    let record = &batch.logs[0];
    let hex = |id: &[u8]| match id.iter().all(|byte| *byte == 0) {
        true => String::new(),
        false => id.iter().map(|byte| format!("{byte:02x}")).collect(),
    };
    let text = |value| {
        let mut text = Vec::new();
        json::write_value(&batch.arena, value, &mut text);
        String::from_utf8(text).unwrap()
    };
    let name = String::from_utf8_lossy(batch.arena.bytes(record.severity_text));
    let (trace, span) = (hex(&record.trace_id), hex(&record.span_id));
    let fields = text(Value::Map(record.attributes));
    format!("{} {name}|{trace}|{span}|{}|{fields}", record.severity.0, text(record.body))
}

fn check(text: &str, expected: &str) {
    assert_eq!(shown(&run("{}", line(text, "{}"))), expected, "{text}");
}

#[test]
fn lines_of_node_libraries() {
    check(
        r#"{"level":30,"time":1531171074631,"pid":657,"hostname":"web","msg":"hello world"}"#,
        r#"9 info|||"hello world"|{"pid":657,"hostname":"web"}"#,
    );
    check(
        r#"{"name":"myapp","hostname":"banana","pid":40161,"level":50,"msg":"no \"way\"","time":"2013-01-04T18:46:23.851Z","v":0}"#,
        r#"17 error|||"no \"way\""|{"name":"myapp","hostname":"banana","pid":40161,"v":0}"#,
    );
    check(
        &format!(
            r#"{{"level":"warn","message":"slow","service":"cart","timestamp":"2024-05-01T12:00:00.123Z","trace_id":"{TRACE}","span_id":"{SPAN}","trace_flags":"01"}}"#
        ),
        &format!(r#"13 warn|{TRACE}|{SPAN}|"slow"|{{"service":"cart"}}"#),
    );
    check(
        r#"{"dd":{"trace_id":"1234","span_id":"255","service":"cart"},"level":"info","message":"m"}"#,
        r#"9 info|000000000000000000000000000004d2|00000000000000ff|"m"|{"dd":{"service":"cart"}}"#,
    );
}

#[test]
fn lines_of_java_and_python_libraries() {
    check(
        r#"{"@timestamp":"2024-05-01T14:00:00.123+02:00","@version":"1","message":"Started","logger_name":"c.e.App","thread_name":"main","level":"INFO","level_value":20000}"#,
        r#"9 INFO|||"Started"|{"@version":"1","logger_name":"c.e.App","thread_name":"main","level_value":20000}"#,
    );
    check(
        &format!(
            r#"{{"@timestamp":"2024-05-01T12:00:00.123Z","log.level":"ERROR","message":"boom","ecs.version":"1.2.0","trace.id":"{TRACE}","span":{{"id":"{SPAN}"}}}}"#
        ),
        &format!(r#"17 ERROR|{TRACE}|{SPAN}|"boom"|{{"ecs.version":"1.2.0"}}"#),
    );
    check(
        &format!(
            r#"{{"asctime": "2024-05-01 12:00:00,123", "name": "root", "levelname": "CRITICAL", "message": "down", "otelTraceID": "{TRACE}", "otelSpanID": "0", "dd.service": ""}}"#
        ),
        &format!(
            r#"21 CRITICAL|{TRACE}||"down"|{{"asctime":"2024-05-01 12:00:00,123","name":"root","otelSpanID":"0","dd.service":""}}"#
        ),
    );
    check(
        "2024-05-01 12:00:00,123 - app.db - WARNING - slow",
        r#"13 WARNING|||"2024-05-01 12:00:00,123 - app.db - WARNING - slow"|{}"#,
    );
}

#[test]
fn lines_of_go_and_dotnet_libraries() {
    check(
        r#"{"level":"info","ts":1714564800.123,"caller":"app/main.go:12","msg":"ready","port":8080}"#,
        r#"9 info|||"ready"|{"caller":"app/main.go:12","port":8080}"#,
    );
    check(
        &format!(
            r#"{{"@t":"2024-05-01T12:00:00.1234567Z","@mt":"Order {{Id}} placed","@m":"Order 7 placed","@l":"Warning","Id":7,"@tr":"{TRACE}","@sp":"{SPAN}"}}"#
        ),
        &format!(r#"13 Warning|{TRACE}|{SPAN}|"Order 7 placed"|{{"@mt":"Order {{Id}} placed","Id":7}}"#),
    );
    check(
        r#"{"Timestamp":"2024-05-01T12:00:00.1234567+00:00","Level":"Error","MessageTemplate":"No stock","Properties":{"Sku":"a"}}"#,
        r#"17 Error|||"No stock"|{"Properties":{"Sku":"a"}}"#,
    );
}

#[test]
fn what_is_not_understood_stays() {
    for text in [r#"{"a":}"#, "{", "{}", "[1]", "just text", ""] {
        let body = serde_json::to_string(text).unwrap();
        check(text, &format!("0 |||{body}|{{}}"));
    }
    check(
        r#"{"status":200,"level":"top","trace_id":"none","span":{"id":1,"x":2},"time":"noon"}"#,
        r#"0 |||"{\"status\":200,\"level\":\"top\",\"trace_id\":\"none\",\"span\":{\"id\":1,\"x\":2},\"time\":\"noon\"}"|{"status":200,"level":"top","trace_id":"none","span":{"id":1,"x":2},"time":"noon"}"#,
    );
    check(r#"{"status":"error","level":"info","msg":"m"}"#, r#"9 info|||"m"|{"status":"error"}"#);
    check(r#"{"status":"warn","msg":"m"}"#, r#"13 warn|||"m"|{}"#);
}

#[test]
fn access_logs_of_nginx_and_apache() {
    let nginx = r#"192.0.2.7 - - [01/May/2024:12:00:00 +0000] "GET /cart?id=7 HTTP/1.1" 200 612 "https://shop.example/" "Mozilla/5.0 (X11; Linux)""#;
    let quoted = |text: &str| serde_json::to_string(text).unwrap();
    check(
        nginx,
        &format!(
            r#"9 |||{}|{{"client.address":"192.0.2.7","http.request.method":"GET","url.path":"/cart","url.query":"id=7","network.protocol.version":"1.1","http.response.status_code":200,"http.response.body.size":612,"http.request.header.referer":["https://shop.example/"],"user_agent.original":"Mozilla/5.0 (X11; Linux)"}}"#,
            quoted(nginx)
        ),
    );
    for (text, expected) in [
        (
            r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 503 -"#,
            r#"17 {"client.address":"127.0.0.1","user.name":"frank","http.request.method":"GET","url.path":"/apache_pb.gif","network.protocol.version":"1.0","http.response.status_code":503}"#,
        ),
        (
            r#"www.example.com:443 ::1 - - [10/Oct/2000:13:55:36 -0700] "PURGE * HTTP/2.0" 404 5 "-" "a \"b\"""#,
            r#"9 {"client.address":"::1","http.request.method":"_OTHER","http.request.method_original":"PURGE","url.original":"*","network.protocol.version":"2","http.response.status_code":404,"http.response.body.size":5,"user_agent.original":"a \\\"b\\\""}"#,
        ),
        (
            r#"192.0.2.7 - - [01/May/2024:12:00:00 +0000] "\x16\x03\x01" 400 157 "-" "-" "203.0.113.9""#,
            r#"9 {"client.address":"192.0.2.7","http.response.status_code":400,"http.response.body.size":157}"#,
        ),
    ] {
        let batch = run("{}", line(text, "{}"));
        let shown = shown(&batch);
        let (severity, fields) = (shown.split(' ').next().unwrap(), &shown[shown.find("|{").unwrap() + 1..]);
        assert_eq!(format!("{severity} {fields}"), expected, "{text}");
    }
}

#[test]
fn error_log_of_nginx() {
    check(
        "2024/05/01 12:00:00 [error] 31#32: *5 open() \"/x\" failed (2: No such file or directory), client: 192.0.2.7",
        r#"17 error|||"*5 open() \"/x\" failed (2: No such file or directory), client: 192.0.2.7"|{"process.pid":31,"thread.id":32}"#,
    );
    check(
        "2024/05/01 12:00:00 [notice] 1#1: start worker processes",
        r#"10 notice|||"start worker processes"|{"process.pid":1,"thread.id":1}"#,
    );
}

#[test]
fn fields_of_firelens() {
    let task = "arn:aws:ecs:eu-west-1:123456789012:task/shop/0f1e";
    let fields = format!(
        r#"{{"container_id":"c1","container_name":"/web","source":"stderr","ecs_cluster":"shop","ecs_task_arn":"{task}","ecs_task_definition":"cart:3","fluent.tag":"web"}}"#
    );
    let batch = run("{}", line("INFO ready", &fields));
    assert_eq!(
        shown(&batch),
        r#"9 INFO|||"INFO ready"|{"fluent.tag":"web","container.name":"web","container.id":"c1","log.iostream":"stderr"}"#
    );
    let mut text = Vec::new();
    json::write_map(&batch.arena, batch.resources[0].attributes, &mut text);
    assert_eq!(
        String::from_utf8(text).unwrap(),
        format!(
            r#"{{"aws.ecs.task.arn":"{task}","aws.ecs.task.id":"0f1e","aws.ecs.cluster.arn":"arn:aws:ecs:eu-west-1:123456789012:cluster/shop","aws.ecs.task.family":"cart","aws.ecs.task.revision":"3"}}"#
        )
    );
    let other = line("m", r#"{"source":"a file","container_name":7}"#);
    assert_eq!(shown(&run("{}", other)), r#"0 |||"m"|{"source":"a file","container_name":7}"#);
}

/// Another task's records keep what differs from the resource they share.
#[test]
fn a_shared_resource_tells_of_one_task_alone() {
    let task = |id: &str| format!(r#"{{"ecs_task_arn":"arn:aws:ecs:eu-west-1:1:task/shop/{id}"}}"#);
    let mut input = batch("t", &[&task("a"), &task("a"), &task("b")]);
    for record in &mut input.logs {
        let fields = crate::fields::fields(&mut input.arena, record).unwrap();
        *record = LogRecord { attributes: fields, ..LogRecord::new(1, Value::Null) };
    }
    let batch = run("{}", input);
    let left: Vec<usize> =
        batch.logs.iter().map(|record| batch.arena.iter(record.attributes).count()).collect();
    assert_eq!(left, [0, 0, 2]);
}

#[test]
fn what_a_record_says_itself_is_kept() {
    let mut input =
        line(&format!(r#"{{"level":"error","trace_id":"{TRACE}","time":1714564800,"message":"m"}}"#), "{}");
    input.logs[0].severity = model::Severity(5);
    input.logs[0].trace_id = [7; 16];
    let batch = run("{}", input);
    let record = &batch.logs[0];
    assert_eq!((record.severity.0, record.trace_id), (5, [7; 16]));
    assert_eq!((record.time, record.observed), (1_714_564_800_000_000_000, 1_000));
    assert_eq!(
        shown(&batch).split('|').next_back().unwrap(),
        format!(r#"{{"level":"error","trace_id":"{TRACE}"}}"#)
    );
}

#[test]
fn each_part_can_be_switched_off() {
    let json = r#"{"level":"error","trace_id":"4bf92f3577b34da6a3ce929d0e0e4736","ts":1714564800,"msg":"m"}"#;
    for (options, text, expected) in [
        (r#"{"json":false}"#, r#"{"a":1}"#, "0 |||\"{\\\"a\\\":1}\"|{}"),
        (
            r#"{"severity":false,"trace_context":false,"time":false}"#,
            json,
            &*format!("0 |||\"m\"|{}", json.replace(",\"msg\":\"m\"", "")),
        ),
        (r#"{"severity":false}"#, "INFO m", "0 |||\"INFO m\"|{}"),
        (
            r#"{"access_logs":false}"#,
            "2024/05/01 12:00:00 [error] 31#32: m",
            "17 error|||\"2024/05/01 12:00:00 [error] 31#32: m\"|{}",
        ),
    ] {
        assert_eq!(shown(&run(options, line(text, "{}"))), expected, "{options}");
    }
    let kept = run(r#"{"ecs":false}"#, line("m", r#"{"source":"stdout"}"#));
    assert_eq!(shown(&kept), r#"0 |||"m"|{"source":"stdout"}"#);
}

/// Each line cut anywhere, and with each byte replaced, is taken without harm.
#[test]
fn no_text_does_harm() {
    let mut normalize = processor::<Normalize>(settings("{}")).unwrap();
    for text in [
        r#"{"level":30,"time":1531171074631,"msg":"a\u00e9","dd":{"trace_id":"1"},"traceparent":"00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"}"#,
        r#"127.0.0.1 - frank [10/Oct/2000:13:55:36 -0700] "GET /a?b HTTP/1.0" 200 2326 "r" "a\"""#,
        "2024/05/01 12:00:00 [error] 31#32: *5 open() failed",
        "2024-05-01 12:00:00,123 - app.db - WARNING - slow",
        "time=\"2024-05-01T12:00:00Z\" level=info msg=\"it runs\"",
        "E0501 12:00:00.000000       1 main.go:12] failed",
        "[2024-05-01 12:00:00 +0000] [7] [INFO] Booting é",
    ] {
        for end in 0..=text.len() {
            for replaced in [b'"', b' ', b'\\', b':', b'[', b'=', 0xff, b'9'] {
                let mut bytes = text.as_bytes()[..end].to_vec();
                for cut in [end / 2, end.saturating_sub(1)] {
                    if let Some(byte) = bytes.get_mut(cut) {
                        *byte = replaced;
                    }
                    let mut input = line("", "{}");
                    input.logs[0].body = Value::Str(input.arena.store(&bytes));
                    process(&mut normalize, input);
                }
            }
        }
    }
}
