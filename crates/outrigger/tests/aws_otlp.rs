//! `examples/aws-otlp.yaml`: traces to X-Ray and logs to CloudWatch Logs over OTLP, signed with the task role's keys.
#![allow(clippy::disallowed_methods)] // Tests may wait.

mod support;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use model::Signal;
use support::{outrigger, settled};
use testkit::aws::signature;
use testkit::ecs::{self, Metadata};
use testkit::http::{self, Request, Response, Server};
use testkit::process::{Folder, wait_until};
use testkit::tools::free_port;
use wire::otlp;

const TRACES: &[u8] = include_bytes!("../../../fixtures/otlp/python-traces.body");
const LOGS: &[u8] = include_bytes!("../../../fixtures/otlp/python-logs.body");

/// What an endpoint of AWS took.
struct Taken {
    service: &'static str,
    request: Request,
    items: u64,
}

/// Takes a signal as the service does: signed for it, in protobuf, logs with the names of group and stream.
fn endpoint(signal: Signal, service: &'static str, taken: &Arc<Mutex<Vec<Taken>>>) -> Server {
    let taken = taken.clone();
    Server::start(move |request| {
        let scope = match signature::verify(&request) {
            Ok(scope) => scope,
            Err(problem) => return Response::new(403, problem),
        };
        if (scope.service.as_str(), scope.region.as_str()) != (service, ecs::REGION) {
            return Response::new(403, format!("signed for {} in {}", scope.service, scope.region));
        }
        let names = ["x-aws-log-group", "x-aws-log-stream"].map(|name| request.header(name).is_some());
        if signal == Signal::Logs && names != [true, true] {
            return Response::new(400, "no log group or stream");
        }
        let body = request.decoded().unwrap_or_default();
        let Ok(items) = otlp::count(signal, &body) else { return Response::new(400, "no request") };
        taken.lock().unwrap().push(Taken { service, request, items });
        Response::new(200, Vec::new())
    })
}

#[test]
fn traces_and_logs_reach_aws_signed() {
    let (folder, metadata, taken) = (Folder::new(), Metadata::start(), Arc::default());
    let xray = endpoint(Signal::Traces, "xray", &taken);
    let logs = endpoint(Signal::Logs, "logs", &taken);
    let [grpc, port] = [(); 2].map(|()| free_port());
    let mut running = outrigger()
        .args(["--config", concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/aws-otlp.yaml")])
        .envs(metadata.environment())
        .env("AWS_REGION", ecs::REGION)
        .env("XRAY_ENDPOINT", xray.url())
        .env("LOGS_ENDPOINT", logs.url())
        .env("LOG_GROUP", "/ecs/shop")
        .env("OTLP_GRPC", format!("127.0.0.1:{grpc}"))
        .env("OTLP_HTTP", format!("127.0.0.1:{port}"))
        .env("OUTRIGGER_DATA", folder.join("data"))
        .start();
    running.ready();
    for (path, body) in [("/v1/traces", TRACES), ("/v1/logs", LOGS)] {
        let headers = [("content-type", "application/x-protobuf")];
        let answer = http::post(([127, 0, 0, 1], port).into(), path, &headers, body).unwrap();
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
    let arrived = wait_until(Duration::from_secs(10), || taken.lock().unwrap().len() >= 2);
    let exit = running.stop();
    settled(&exit);
    assert!(arrived, "{}", exit.stderr);
    let taken = taken.lock().unwrap();
    for (service, signal, sent, path) in
        [("xray", Signal::Traces, TRACES, "/v1/traces"), ("logs", Signal::Logs, LOGS, "/v1/logs")]
    {
        let of: Vec<_> = taken.iter().filter(|taken| taken.service == service).collect();
        let items: u64 = of.iter().map(|taken| taken.items).sum();
        assert_eq!(items, otlp::count(signal, sent).unwrap());
        assert!(of.iter().all(|taken| taken.request.path == path));
        let token = of[0].request.header("x-amz-security-token");
        assert_eq!(token, Some(ecs::SESSION_TOKEN), "the task role's keys");
    }
}
