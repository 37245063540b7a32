//! Prometheus' HTTP API of the console: asked by Debian's `promtool`, and with the calls that Grafana's data source
//! makes, whose answers must have the form that Prometheus documents.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

#[path = "support/lake.rs"]
mod lake;
mod support;

use std::process::Command;

use lake::{WithLake, now_nanos, post};
use serde_json::{Value, json};
use testkit::process::{PATIENCE, wait_until};
use testkit::{http, need, tools};

/// Points of each series, a second apart.
const POINTS: u64 = 60;

/// A program that was told of a queue's length and of requests by status; the time of the last point in milliseconds.
fn measured() -> (WithLake, u64) {
    let program = WithLake::start();
    let end = now_nanos() / 1_000_000_000 * 1_000_000_000;
    let times = || (0..POINTS).map(|n| (n, (end - (POINTS - 1 - n) * 1_000_000_000).to_string()));
    let length = times().map(|(n, time)| json!({"timeUnixNano": time, "asDouble": n as f64 / 2.0}));
    let requests = |status: &'static str, each: u64| {
        times().map(move |(n, time)| {
            json!({
                "timeUnixNano": time, "startTimeUnixNano": "1", "asInt": (n * each).to_string(),
                "attributes": [{"key": "status", "value": {"stringValue": status}}],
            })
        })
    };
    let sum = json!({
        "isMonotonic": true, "aggregationTemporality": 2,
        "dataPoints": requests("200", 10).chain(requests("500", 1)).collect::<Vec<_>>(),
    });
    let metrics = json!([
        {"name": "shop.queue.length", "unit": "1", "gauge": {"dataPoints": length.collect::<Vec<_>>()}},
        {"name": "shop.requests", "sum": sum},
    ]);
    let service = json!([{"key": "service.name", "value": {"stringValue": "cart"}}]);
    let body = json!({"resourceMetrics": [
        {"resource": {"attributes": service}, "scopeMetrics": [{"metrics": metrics}]},
    ]});
    program.send("/v1/metrics", &body);
    let at = end / 1_000_000;
    let arrived = || {
        let (_, answer) = get(&program, &format!("query?query=shop_requests&time={}", at / 1000));
        answer["data"]["result"].as_array().is_some_and(|all| all.len() == 2)
    };
    assert!(wait_until(PATIENCE, arrived), "{}", program.running.stderr());
    (program, at)
}

fn read(answer: &http::Response) -> (u16, Value) {
    let json = serde_json::from_slice(&answer.body).unwrap_or_else(|e| panic!("{e}: {}", answer.text()));
    (answer.status, json)
}

fn get(program: &WithLake, path: &str) -> (u16, Value) {
    read(&http::get(program.console, &format!("/api/v1/{path}")).expect("it answers"))
}

/// As a form, which is how Grafana asks.
fn form(program: &WithLake, path: &str, form: &str) -> (u16, Value) {
    let head = [("content-type", "application/x-www-form-urlencoded")];
    read(&post(program.console, &format!("/api/v1/{path}"), &head, form))
}

/// The data of an answer that is a success.
fn data((status, mut answer): (u16, Value)) -> Value {
    assert_eq!((status, &answer["status"]), (200, &json!("success")), "{answer}");
    answer["data"].take()
}

fn promtool(args: &[&str]) -> (bool, String) {
    let output = Command::new("promtool").args(args).output().expect("it is installed");
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[test]
fn promtool_asks_and_understands() {
    need!(tools::debian("prometheus", "promtool"));
    let (program, at) = measured();
    let url = program.url();
    let [start, end] = [at / 1000 - 20, at / 1000].map(|seconds| seconds.to_string());
    let (ok, said) =
        promtool(&["query", "instant", &format!("--time={end}"), &url, "sum by (status) (shop_requests)"]);
    assert!(ok, "{said}");
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    for line in [format!("{{status=\"200\"}} => 590 @[{end}]"), format!("{{status=\"500\"}} => 59 @[{end}]")]
    {
        assert!(lines.contains(&line.as_str()), "{line} is not in\n{said}");
    }
    let range = ["query", "range", &format!("--start={start}"), &format!("--end={end}"), "--step=10s", &url];
    let (ok, said) = promtool(&[&range[..], &["shop_queue_length"]].concat());
    assert!(ok, "{said}");
    let samples: Vec<&str> = said.lines().skip(1).filter_map(|line| line.split(" @").next()).collect();
    assert_eq!(samples, ["19.5", "24.5", "29.5"], "{said}");
    let window = [format!("--start={start}"), format!("--end={end}")];
    let series = ["query", "series", "--match=shop_requests{status=\"500\"}", &window[0], &window[1], &url];
    let (ok, said) = promtool(&series);
    assert!(ok && said.lines().count() == 1, "{said}");
    assert!(said.contains("__name__=\"shop_requests\"") && said.contains("status=\"500\""), "{said}");
    let (ok, said) = promtool(&["query", "labels", &window[0], &window[1], &url, "status"]);
    assert!(ok, "{said}");
    assert_eq!(said.lines().collect::<Vec<_>>(), ["200", "500"]);
    let (ok, said) = promtool(&["query", "instant", &url, "sum("]);
    assert!(!ok && said.contains("bad_data") && said.contains("parse error"), "{said}");
}

/// The calls of Grafana's data source, each in the form that <https://prometheus.io/docs/prometheus/latest/querying/api/>
/// has for its answer.
#[test]
fn grafanas_calls_are_answered_in_prometheus_form() {
    let (program, at) = measured();
    let (start, end) = (at / 1000 - 30, at / 1000);
    let window = format!("start={start}&end={end}");

    let build = data(get(&program, "status/buildinfo"));
    let version = build["version"].as_str().unwrap_or_default();
    assert_eq!(version.split('.').filter(|part| part.parse::<u32>().is_ok()).count(), 3, "{build}");

    let names = data(get(&program, &format!("label/__name__/values?{window}")));
    let names: Vec<&str> = names.as_array().unwrap().iter().filter_map(Value::as_str).collect();
    assert!(["shop_queue_length", "shop_requests"].iter().all(|name| names.contains(name)), "{names:?}");
    assert!(names.is_sorted(), "{names:?}");
    // The selector percent-encoded, as a browser sends it.
    let matched = "match[]=shop_requests%7Bstatus%3D%22200%22%7D";
    let labels = data(form(&program, "labels", &format!("{matched}&{window}")));
    for label in ["__name__", "status"] {
        assert!(labels.as_array().unwrap().contains(&json!(label)), "{labels}");
    }
    let values = data(get(&program, &format!("label/status/values?match%5B%5D=shop_requests&{window}")));
    assert_eq!(values, json!(["200", "500"]));
    let series = data(form(&program, "series", &format!("{matched}&{window}")));
    assert_eq!(series.as_array().map(Vec::len), Some(1), "{series}");
    assert_eq!((&series[0]["__name__"], &series[0]["status"]), (&json!("shop_requests"), &json!("200")));

    let metadata = data(get(&program, "metadata"));
    for (name, kind) in [("shop_requests", "counter"), ("shop_queue_length", "gauge")] {
        let one = &metadata[name][0];
        assert_eq!(one["type"], kind, "{metadata}");
        assert!(one["help"].is_string() && one["unit"].is_string(), "{one}");
    }
    let one = data(get(&program, "metadata?metric=shop_requests"));
    assert_eq!(one.as_object().unwrap().keys().collect::<Vec<_>>(), ["shop_requests"]);

    let vector = data(form(&program, "query", &format!("query=sum(shop_requests)&time={end}")));
    assert_eq!(vector["resultType"], "vector");
    assert_eq!(vector["result"], json!([{"metric": {}, "value": [end, "649"]}]));
    let scalar = data(form(&program, "query", &format!("query=1%2B1&time={end}.5")));
    assert_eq!(scalar, json!({"resultType": "scalar", "result": [end as f64 + 0.5, "2"]}));
    let text = data(form(&program, "query", &format!("query=%22a%22&time={end}")));
    assert_eq!(text, json!({"resultType": "string", "result": [end, "a"]}));
    let matrix = data(form(
        &program,
        "query_range",
        &format!("query=sum(rate(shop_requests%5B20s%5D))&{window}&step=15"),
    ));
    assert_eq!(matrix["resultType"], "matrix");
    assert_eq!(matrix["result"][0]["metric"], json!({}));
    let samples = matrix["result"][0]["values"].as_array().unwrap();
    let times: Vec<u64> = samples.iter().filter_map(|sample| sample[0].as_u64()).collect();
    assert_eq!(times, [start, start + 15, end], "{matrix}");
    for sample in samples {
        let rate: f64 = sample[1].as_str().unwrap().parse().unwrap();
        assert!((rate - 11.0).abs() < 0.01, "ten and one a second: {matrix}");
    }

    assert_eq!(data(get(&program, "rules")), json!({"groups": []}));
    assert_eq!(data(get(&program, "alerts")), json!({"alerts": []}));
    assert_eq!(data(form(&program, "query_exemplars", &format!("query=shop_requests&{window}"))), json!([]));
}

#[test]
fn what_is_wrong_is_told_in_prometheus_form() {
    let (program, _) = measured();
    for (path, asked) in [
        ("query", "query=sum("),
        ("query", "query=up&time=soon"),
        ("query_range", "query=up&start=1&end=2"),
        ("query_range", "query=up&start=1&end=2&step=0"),
        ("query_range", "query=up&start=2&end=1&step=1"),
        ("query_range", "query=up&start=1&end=2000000&step=1"),
        ("series", ""),
        ("series", "match[]=%7B%7D"),
    ] {
        let (status, answer) = form(&program, path, asked);
        assert_eq!((status, &answer["status"]), (400, &json!("error")), "{path} {asked}: {answer}");
        assert_eq!(answer["errorType"], "bad_data", "{path} {asked}: {answer}");
        assert!(answer["error"].as_str().is_some_and(|text| !text.is_empty()), "{answer}");
    }
}
