//! The CloudWatch Logs API of the console, asked by the AWS command line and by `awslogs`.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

#[path = "support/lake.rs"]
mod lake;
mod support;

use lake::{WithLake, logs, now_nanos, post};
use serde_json::{Value, json};
use testkit::need;
use testkit::process::{PATIENCE, wait_until};
use testkit::tools::AwsCli;

/// Records of each of the two services.
const RECORDS: u64 = 50;
const ORDERS: &str = "/ecs/orders";

/// Two services that have logged for fifty seconds: one names its group and tells its container and task, one writes
/// JSON and tells its name alone.
fn shop() -> (WithLake, AwsCli, u64) {
    let program = WithLake::start();
    let start = now_nanos() - 100_000_000_000;
    let times = || (0..RECORDS).map(move |n| (n, start + n * 1_000_000_000));
    let orders = times().map(|(n, time)| {
        let text = if n % 10 == 0 { format!("ERROR order {n} failed") } else { format!("order {n} taken") };
        (time, text)
    });
    let checkout = times().map(|(n, time)| {
        let (level, status) = if n % 5 == 0 { ("error", 500) } else { ("info", 200) };
        let user = if n % 2 == 0 { "bob" } else { "ann" };
        let line =
            json!({"level": level, "status": status, "user": {"name": user}, "msg": format!("request {n} done")});
        (time, line.to_string())
    });
    let resource = [
        ("service.name", "orders"),
        ("aws.log.group.names", ORDERS),
        ("container.name", "app"),
        ("aws.ecs.task.id", "0f1e"),
    ];
    program.send("/v1/logs", &logs(&resource, &orders.collect::<Vec<_>>()));
    program.send("/v1/logs", &logs(&[("service.name", "checkout")], &checkout.collect::<Vec<_>>()));
    let url = program.url();
    let found = |group: &str| {
        let answer = call(&program, "FilterLogEvents", &json!({"logGroupName": group}));
        answer.1["events"].as_array().map_or(0, Vec::len)
    };
    let arrived = wait_until(PATIENCE, || [ORDERS, "checkout"].map(found) == [RECORDS as usize; 2]);
    assert!(arrived, "{}", program.running.stderr());
    let aws = AwsCli::new(url).unwrap_or_else(|missing| panic!("{missing}"));
    (program, aws, start / 1_000_000)
}

/// An operation without a client of AWS: its status and its answer.
fn call(program: &WithLake, operation: &str, body: &Value) -> (u16, Value) {
    let target = format!("Logs_20140328.{operation}");
    let headers = [("x-amz-target", target.as_str()), ("content-type", "application/x-amz-json-1.1")];
    let answer = post(program.console, "/", &headers, body.to_string());
    assert_eq!(answer.header("content-type"), Some("application/x-amz-json-1.1"));
    let json = serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.text()));
    (answer.status, json)
}

fn texts<'v>(values: &'v Value, member: &str) -> Vec<&'v str> {
    let values = values.as_array().map_or(&[][..], Vec::as_slice);
    values.iter().filter_map(|value| value[member].as_str()).collect()
}

/// A row of results by the names of its fields.
fn fields(row: &Value) -> Vec<(&str, &str)> {
    let fields = row.as_array().map_or(&[][..], Vec::as_slice);
    assert!(fields.iter().all(|field| field["field"].is_string() && field["value"].is_string()), "{row}");
    fields.iter().filter_map(|field| Some((field["field"].as_str()?, field["value"].as_str()?))).collect()
}

#[test]
fn groups_and_streams_are_listed() {
    need!(AwsCli::new(""));
    let (_program, aws, start) = shop();
    let all = aws.json(&["logs", "describe-log-groups"]);
    assert_eq!(texts(&all["logGroups"], "logGroupName"), [ORDERS, "checkout"], "{all}");
    assert_eq!(all["logGroups"][0]["creationTime"], start);
    let some = aws.json(&["logs", "describe-log-groups", "--log-group-name-prefix", "/ecs/"]);
    assert_eq!(texts(&some["logGroups"], "logGroupName"), [ORDERS]);
    let some = aws.json(&["logs", "describe-log-groups", "--log-group-name-pattern", "eck"]);
    assert_eq!(texts(&some["logGroups"], "logGroupName"), ["checkout"]);
    // One a page: the client asks again with the token.
    let paged = aws.json(&["logs", "describe-log-groups", "--page-size", "1"]);
    assert_eq!(texts(&paged["logGroups"], "logGroupName"), [ORDERS, "checkout"]);
    let streams = aws.json(&["logs", "describe-log-streams", "--log-group-name", ORDERS]);
    assert_eq!(texts(&streams["logStreams"], "logStreamName"), ["app/0f1e"], "{streams}");
    let last = start + (RECORDS - 1) * 1000;
    assert_eq!(streams["logStreams"][0]["lastEventTimestamp"], last);
    let said = aws.refusal(&["logs", "describe-log-streams", "--log-group-name", "/none"]);
    assert!(said.contains("ResourceNotFoundException") && said.contains("/none"), "{said}");
}

#[test]
fn queries_run_until_they_are_fetched_or_stopped() {
    need!(AwsCli::new(""));
    let (program, aws, start) = shop();
    let (from, to) = ((start / 1000).to_string(), (start / 1000 + 200).to_string());
    let start_query = |group: &[&str], query: &str| {
        let args = ["logs", "start-query", "--start-time", &from, "--end-time", &to, "--query-string", query];
        let started = aws.json(&[&args[..], group].concat());
        started["queryId"].as_str().unwrap_or_default().to_owned()
    };
    let results = |id: &str| {
        let mut found = Value::Null;
        let done = wait_until(PATIENCE, || {
            found = aws.json(&["logs", "get-query-results", "--query-id", id]);
            !matches!(found["status"].as_str(), Some("Scheduled" | "Running"))
        });
        assert!(done, "{found}");
        found
    };
    let counts = start_query(
        &["--log-group-name", "checkout"],
        "filter ispresent(status) | stats count(*) as n, max(@timestamp) by status | sort status",
    );
    let found = results(&counts);
    assert_eq!(found["status"], "Complete", "{found}");
    let rows: Vec<_> =
        found["results"].as_array().unwrap().iter().map(|row| fields(row)[..2].to_vec()).collect();
    assert_eq!(rows, [[("status", "200"), ("n", "40")], [("status", "500"), ("n", "10")]], "{found}");
    assert_eq!(found["statistics"]["recordsMatched"], 50.0, "{found}");
    assert!(found["statistics"]["recordsScanned"].as_f64() >= Some(50.0), "{found}");

    let arn = format!("arn:aws:logs:eu-west-1:123456789012:log-group:{ORDERS}");
    let events = start_query(
        &["--log-group-identifiers", &arn, "--limit", "3"],
        "fields @timestamp, @message, @log, @logStream | filter @message like /ERROR/ | sort @timestamp asc",
    );
    let found = results(&events);
    let rows = found["results"].as_array().unwrap();
    assert_eq!(rows.len(), 3, "{found}");
    let first = fields(&rows[0]);
    assert_eq!(
        first[1..4],
        [
            ("@message", "ERROR order 0 failed"),
            ("@log", "000000000000:/ecs/orders"),
            ("@logStream", "app/0f1e"),
        ]
    );
    let Some(("@ptr", pointer)) = first.last() else { panic!("{first:?}") };
    let record = aws.json(&["logs", "get-log-record", "--log-record-pointer", pointer]);
    assert_eq!(record["logRecord"]["@message"], "ERROR order 0 failed", "{record}");

    // Both groups, by what their names begin with.
    let sourced =
        start_query(&[], "SOURCE logGroups(namePrefix: ['/ecs', 'check']) | stats count(*) as n by @log");
    assert_eq!(results(&sourced)["results"].as_array().map(Vec::len), Some(2));

    let known = aws.json(&["logs", "describe-queries", "--status", "Complete"]);
    assert_eq!(texts(&known["queries"], "queryId"), [&*sourced, &*events, &*counts], "{known}");
    let said = aws.refusal(&["logs", "stop-query", "--query-id", &counts]);
    assert!(said.contains("InvalidParameterException") && said.contains("ended"), "{said}");
    let said = aws.refusal(&["logs", "get-query-results", "--query-id", "none"]);
    assert!(said.contains("ResourceNotFoundException"), "{said}");
    drop(program);
}

#[test]
fn what_is_wrong_with_a_query_is_told_with_its_place() {
    need!(AwsCli::new(""));
    let (program, aws, _) = shop();
    let query = ["logs", "start-query", "--start-time", "1", "--end-time", "2", "--query-string"];
    let said =
        aws.refusal(&[&query[..], &["fields a | filtre b = 1", "--log-group-name", "checkout"]].concat());
    assert!(said.contains("(MalformedQueryException) when calling the StartQuery operation"), "{said}");
    assert!(said.contains("`filtre` (characters 11 to 17)"), "{said}");
    let said = aws.refusal(&[&query[..], &["fields a", "--log-group-name", "/none"]].concat());
    assert!(said.contains("ResourceNotFoundException"), "{said}");
    let said = aws.refusal(&[&query[..], &["fields a"]].concat());
    assert!(said.contains("InvalidParameterException") && said.contains("SOURCE"), "{said}");
    let sql = ["SELECT 1", "--log-group-name", "checkout", "--query-language", "SQL"];
    let said = aws.refusal(&[&query[..], &sql].concat());
    assert!(said.contains("InvalidParameterException") && said.contains("api/query"), "{said}");

    let asked = json!({"startTime": 1, "endTime": 2, "queryString": "fields a | filtre b", "logGroupName": "checkout"});
    let (status, refused) = call(&program, "StartQuery", &asked);
    assert_eq!((status, &refused["__type"]), (400, &json!("MalformedQueryException")));
    let place = json!({"startCharOffset": 11, "endCharOffset": 17});
    assert_eq!(refused["queryCompileError"]["location"], place, "{refused}");
    for (operation, body, kind) in [
        ("CreateLogGroup", json!({"logGroupName": "x"}), "UnknownOperationException"),
        ("StartLiveTail", json!({}), "InvalidOperationException"),
        ("StartQuery", json!({"startTime": "soon"}), "SerializationException"),
        (
            "FilterLogEvents",
            json!({"logGroupName": "checkout", "limit": 10_001}),
            "InvalidParameterException",
        ),
        (
            "FilterLogEvents",
            json!({"logGroupName": "checkout", "nextToken": "x"}),
            "InvalidParameterException",
        ),
        ("FilterLogEvents", json!({}), "InvalidParameterException"),
    ] {
        let (status, refused) = call(&program, operation, &body);
        assert_eq!((status, &refused["__type"]), (400, &json!(kind)), "{operation}: {refused}");
    }
}

#[test]
fn events_are_filtered_and_read_page_by_page() {
    need!(AwsCli::new(""));
    let (program, aws, start) = shop();
    let filter = |args: &[&str]| aws.json(&[&["logs", "filter-log-events"], args].concat());
    let found = filter(&["--log-group-name", ORDERS, "--filter-pattern", "ERROR -\"order 0 \""]);
    let expected: Vec<String> = [10, 20, 30, 40].map(|n| format!("ERROR order {n} failed")).into();
    assert_eq!(texts(&found["events"], "message"), expected, "{found}");
    let first = &found["events"][0];
    assert_eq!((&first["timestamp"], &first["logStreamName"]), (&json!(start + 10_000), &json!("app/0f1e")));
    assert!(first["ingestionTime"].as_u64() > Some(start) && first["eventId"].is_string(), "{first}");

    // Members of the line, which the default configuration takes apart.
    let pattern = r#"{ $.status >= 500 && $.level = "error" && $.user.name = b* }"#;
    let found = filter(&["--log-group-name", "checkout", "--filter-pattern", pattern]);
    let expected: Vec<String> = [0, 10, 20, 30, 40].map(|n| format!("request {n} done")).into();
    assert_eq!(texts(&found["events"], "message"), expected, "{found}");
    let pattern = "[word, number >= 45, ...]";
    let found = filter(&["--log-group-name", ORDERS, "--filter-pattern", pattern]);
    assert_eq!(texts(&found["events"], "message").len(), 5, "{found}");

    // Both ends of the range are included.
    let (from, to) = ((start + 5000).to_string(), (start + 9000).to_string());
    let range = ["--log-group-name", ORDERS, "--start-time", &from, "--end-time", &to];
    assert_eq!(texts(&filter(&range)["events"], "message").len(), 5);
    // Seven a page: all come, each once, in order.
    let paged = filter(&["--log-group-name", ORDERS, "--page-size", "7"]);
    let messages = texts(&paged["events"], "message");
    assert_eq!((messages.len(), messages[1], messages[49]), (50, "order 1 taken", "order 49 taken"));
    let none = filter(&["--log-group-name", ORDERS, "--log-stream-name-prefix", "sidecar/"]);
    assert_eq!(none["events"], json!([]));
    let some = filter(&["--log-group-name", ORDERS, "--log-stream-names", "app/0f1e", "other"]);
    assert_eq!(texts(&some["events"], "message").len(), 50);
    let said = aws.refusal(&[
        "logs",
        "filter-log-events",
        "--log-group-name",
        ORDERS,
        "--filter-pattern",
        "{ $.a }",
    ]);
    assert!(said.contains("InvalidParameterException") && said.contains("characters 6 to 7"), "{said}");

    let get = |args: &[&str]| {
        let stream = ["logs", "get-log-events", "--log-group-name", ORDERS, "--log-stream-name", "app/0f1e"];
        aws.json(&[&stream[..], args].concat())
    };
    let numbers = |page: &Value| -> Vec<String> {
        let words = |text: &str| text.split(' ').find(|word| word.parse::<u64>().is_ok()).map(str::to_owned);
        texts(&page["events"], "message").into_iter().filter_map(words).collect()
    };
    let page = get(&["--limit", "2"]);
    assert_eq!(numbers(&page), ["48", "49"], "the newest, oldest first");
    let token = |page: &Value, name: &str| page[name].as_str().unwrap_or_default().to_owned();
    let before = get(&["--limit", "2", "--next-token", &token(&page, "nextBackwardToken")]);
    assert_eq!(numbers(&before), ["46", "47"]);
    let again = get(&["--limit", "2", "--next-token", &token(&before, "nextForwardToken")]);
    assert_eq!(numbers(&again), ["48", "49"]);
    let forward = token(&again, "nextForwardToken");
    let end = get(&["--next-token", &forward]);
    assert_eq!(
        (numbers(&end), token(&end, "nextForwardToken")),
        (vec![], forward),
        "the end keeps its token"
    );
    let head = get(&["--limit", "2", "--start-from-head"]);
    assert_eq!(numbers(&head), ["0", "1"]);
    drop(program);
}

/// `aws logs tail` is of version 2 of the command line, which PyPI does not have; `awslogs` asks alike.
#[test]
fn a_group_is_tailed() {
    need!(AwsCli::new(""));
    let (_program, aws, _) = shop();
    let lines =
        aws.awslogs(&["get", ORDERS, "ALL", "--start=1h ago", "--color=never", "--filter-pattern=ERROR"]);
    let lines: Vec<&str> = lines.lines().collect();
    assert_eq!(lines.len(), 5, "{lines:?}");
    assert!(lines[0].starts_with(ORDERS) && lines[0].contains("app/0f1e"), "{lines:?}");
    assert!(lines[0].ends_with("ERROR order 0 failed"), "{lines:?}");
    let lines = aws.awslogs(&["get", ORDERS, "app/*", "--start=1h ago", "--color=never"]);
    assert_eq!(lines.lines().count(), 50);
    assert_eq!(aws.awslogs(&["groups"]).lines().collect::<Vec<_>>(), [ORDERS, "checkout"]);
    assert_eq!(aws.awslogs(&["streams", ORDERS]).lines().collect::<Vec<_>>(), ["app/0f1e"]);
}

#[test]
fn the_token_is_the_access_key_where_one_is_needed() {
    need!(AwsCli::new(""));
    let program = WithLake::with_token("a-secret-of-the-shop");
    let aws = || AwsCli::new(program.url()).unwrap_or_else(|missing| panic!("{missing}"));
    let said = aws().refusal(&["logs", "describe-log-groups"]);
    assert!(said.contains("(401)"), "{said}");
    let groups = aws().access_key("a-secret-of-the-shop").json(&["logs", "describe-log-groups"]);
    assert_eq!(groups, json!({"logGroups": []}));
}
