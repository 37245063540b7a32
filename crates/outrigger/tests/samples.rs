//! The page of pipelines and what it asks: records before and after each place, and who may see them.
#![allow(clippy::print_stdout, clippy::print_stderr, clippy::disallowed_methods)] // Tests say what they saw.

mod support;

use std::net::SocketAddr;

use serde_json::{Value, json};
use support::outrigger;
use testkit::http::{self, Request, Response};
use testkit::process::{Folder, PATIENCE, Running, wait_until};
use testkit::tools::free_port;

const CONFIGURATION: &str = "
receivers:
  otlp:
    protocols:
      http:
        endpoint: 127.0.0.1:{http}
processors:
  transform/mark:
    log_statements:
      - context: log
        statements: ['set(attributes[\"marked\"], true)']
exporters:
  file/out:
    path: {file}
    create_directory: true
service:
  telemetry:
    metrics:
      level: none
  pipelines:
    logs:
      receivers: [otlp]
      processors: [transform/mark]
      exporters: [file/out]
";

struct Program {
    running: Running,
    /// Where it takes OTLP.
    http: SocketAddr,
    pages: SocketAddr,
    _folder: Folder,
}

/// Serves its pages at an address of `host`. Without a lake, so that the page is that of pipelines in both builds.
fn start(host: &str, token: Option<&str>) -> Program {
    let ([http, pages], folder) = ([(); 2].map(|()| free_port()), Folder::new());
    let file = folder.join("out/logs.json").display().to_string();
    let text = CONFIGURATION.replace("{http}", &http.to_string()).replace("{file}", &file);
    let token = token.map(|token| ("OUTRIGGER_TOKEN".to_owned(), token.to_owned()));
    let running = outrigger()
        .args(["run", "--strict", "--config"])
        .arg(folder.write("otel.yaml", text))
        .env("OUTRIGGER_LISTEN", format!("{host}:{pages}"))
        .envs(token)
        .spawn();
    let [http, pages] = [http, pages].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
    let answers =
        wait_until(PATIENCE, || http::get(pages, "/health").is_ok_and(|answer| answer.status == 200));
    assert!(answers, "{}", running.stderr());
    Program { running, http, pages, _folder: folder }
}

impl Program {
    fn send(&self, body: &str) {
        let record = json!({"body": {"stringValue": body}});
        let logs = json!({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]});
        let headers = [("content-type", "application/json")];
        let response = http::post(self.http, "/v1/logs", &headers, logs.to_string()).expect("it takes OTLP");
        assert_eq!(response.status, 200, "{}", response.text());
    }

    fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Response {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let headers = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        let request = Request {
            method: "GET".into(),
            path: path.into(),
            query: query.into(),
            headers,
            ..Request::default()
        };
        http::send(self.pages, &request).unwrap_or_else(|e| panic!("GET {path}: {e}"))
    }

    fn samples(&self, query: &str) -> Value {
        let response = self.ask(&format!("/api/pipelines/samples?{query}"), &[]);
        assert_eq!(response.status, 200, "{}", response.text());
        serde_json::from_slice(&response.body).unwrap_or_else(|e| panic!("{e}: {}", response.text()))
    }

    /// Sends a record once somebody looks at a place, and waits until it has come out behind it.
    fn seen(&self, query: &str) -> Value {
        let first = self.samples(query);
        assert_eq!(first, json!({"before": [], "after": []}), "nobody has looked before");
        self.send("hello");
        let mut seen = Value::Null;
        let came = wait_until(PATIENCE, || {
            seen = self.samples(query);
            seen["after"].as_array().is_some_and(|after| !after.is_empty())
        });
        assert!(came, "{query}: {seen}\n{}", self.running.stderr());
        seen
    }
}

#[test]
fn records_show_before_and_after_each_place() {
    let program = start("127.0.0.1", None);
    program.send("unseen");

    let step = program.seen("id=transform/mark");
    assert_eq!((&step["before"][0]["body"], &step["after"][0]["body"]), (&json!("hello"), &json!("hello")));
    assert_eq!(step["before"][0]["attributes"], Value::Null, "{step}");
    assert_eq!(step["after"][0]["attributes"], json!({"marked": true}), "{step}");
    assert_eq!(
        step["before"].as_array().map(Vec::len),
        Some(1),
        "what came before the look was kept: {step}"
    );

    let receiver = program.seen("id=otlp&kind=receiver");
    assert_eq!((&receiver["before"], &receiver["after"][0]["body"]), (&json!([]), &json!("hello")));

    let destination = program.seen("id=file%2Fout");
    assert_eq!(destination["before"][0]["attributes"]["marked"], true);
    let request = destination["after"][0].as_str().expect("a request as text");
    assert!(request.contains("hello") && request.contains("marked"), "{request}");

    for (query, status) in
        [("id=nobody", 404), ("id=otlp&kind=step", 404), ("", 400), ("id=otlp&kind=x", 400)]
    {
        let response = program.ask(&format!("/api/pipelines/samples?{query}"), &[]);
        assert_eq!(response.status, status, "{query}: {}", response.text());
        let answer: Value = serde_json::from_slice(&response.body).expect("JSON");
        assert!(answer["error"]["message"].is_string(), "{answer}");
    }
    let exit = program.running.stop();
    support::check_law(&exit.final_ledger().expect("it tells what became of every record"));
}

#[test]
fn the_page_of_pipelines_needs_no_lake() {
    let program = start("127.0.0.1", None);
    let page = program.ask("/", &[]);
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.header("content-type").is_some_and(|kind| kind.starts_with("text/html")));
    assert!(
        page.header("content-security-policy").is_some_and(|policy| policy.starts_with("default-src 'self'"))
    );
    let json = |response: Response| serde_json::from_slice::<Value>(&response.body).expect("JSON");
    let status = json(program.ask("/api/status", &[]));
    assert!(status["version"].is_string() && status["lake"].is_null(), "{status}");
    let pipelines = json(program.ask("/api/pipelines", &[]));
    assert_eq!(pipelines["receivers"][0]["id"], "otlp", "also before anything came: {pipelines}");
    // A page from elsewhere whose name was made to point here.
    for path in ["/", "/api/status", "/api/pipelines", "/api/pipelines/samples?id=otlp"] {
        assert_eq!(program.ask(path, &[("host", "evil.example")]).status, 401, "{path}");
    }
}

#[test]
fn an_address_open_to_others_shows_records_to_nobody_without_a_token() {
    let program = start("0.0.0.0", None);
    for path in ["/health", "/metrics", "/ledger"] {
        assert_eq!(program.ask(path, &[("host", "10.0.0.7")]).status, 200, "{path}");
    }
    for path in ["/", "/api/status", "/api/pipelines", "/api/pipelines/samples?id=otlp"] {
        let response = program.ask(path, &[]);
        assert_eq!(response.status, 403, "{path}");
        assert!(response.text().contains("OUTRIGGER_TOKEN"), "{}", response.text());
    }
}

#[test]
fn an_address_open_to_others_shows_records_to_who_has_the_token() {
    let program = start("0.0.0.0", Some("s3cret"));
    assert_eq!(program.ask("/health", &[]).status, 200);
    for path in ["/", "/api/status", "/api/pipelines", "/api/pipelines/samples?id=otlp"] {
        assert_eq!(program.ask(path, &[]).status, 401, "{path}");
        assert_eq!(program.ask(path, &[("authorization", "Bearer s3cret")]).status, 200, "{path}");
    }
    assert!(!program.running.stderr().contains("s3cret"));
}
