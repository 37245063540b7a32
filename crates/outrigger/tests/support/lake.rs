//! The program as it runs without a configuration, with a lake of its own, on free ports.
#![allow(dead_code)] // Each test file is a program of its own and uses a part of this.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};
use testkit::http::{self, Response};
use testkit::process::{Folder, PATIENCE, Running, wait_until};
use testkit::tools::free_port;

use crate::support::outrigger;

/// The configuration that is built into the program.
const DEFAULT: &str = include_str!("../../src/default.yaml");

pub struct WithLake {
    pub running: Running,
    /// Of the console.
    pub console: SocketAddr,
    pub otlp: SocketAddr,
    pub forward: SocketAddr,
    _folder: Folder,
}

impl WithLake {
    pub fn start() -> WithLake {
        WithLake::with(&[])
    }

    /// On every address of this machine, for who has the token.
    pub fn with_token(token: &str) -> WithLake {
        let listen = format!("0.0.0.0:{}", free_port());
        WithLake::with(&[("OUTRIGGER_LISTEN", listen.as_str()), ("OUTRIGGER_TOKEN", token)])
    }

    fn with(environment: &[(&str, &str)]) -> WithLake {
        let [forward, grpc, otlp] = [(); 3].map(|()| free_port());
        let mut text =
            DEFAULT.replace("${env:OUTRIGGER_DEFAULT_ADDRESS}", "127.0.0.1").replace(": 10s", ": 1s");
        for (port, free) in [(":24224", forward), (":4317", grpc), (":4318", otlp)] {
            assert!(text.contains(port), "the configuration listens on {port}");
            text = text.replace(port, &format!(":{free}"));
        }
        let folder = Folder::new();
        let file = folder.write("outrigger.yaml", text);
        let command = outrigger().arg("--config").arg(file);
        let command = environment.iter().fold(command, |command, (name, value)| command.env(name, value));
        let mut running = command.spawn();
        let listen = environment.iter().find(|(name, _)| *name == "OUTRIGGER_LISTEN");
        let console = match listen.and_then(|(_, listen)| listen.rsplit_once(':')?.1.parse::<u16>().ok()) {
            None => running.ready(),
            Some(port) => SocketAddr::from(([127, 0, 0, 1], port)),
        };
        assert!(wait_until(PATIENCE, || http::get(console, "/health").is_ok()), "{}", running.stderr());
        let at = |port: u16| SocketAddr::from(([127, 0, 0, 1], port));
        WithLake { running, console, otlp: at(otlp), forward: at(forward), _folder: folder }
    }

    pub fn url(&self) -> String {
        format!("http://{}", self.console)
    }

    /// Sends a request of OTLP's in JSON.
    pub fn send(&self, path: &str, body: &Value) {
        let answer = post(self.otlp, path, &[("content-type", "application/json")], body.to_string());
        assert_eq!(answer.status, 200, "{}", answer.text());
    }
}

pub fn post(to: SocketAddr, path: &str, headers: &[(&str, &str)], body: impl Into<Vec<u8>>) -> Response {
    http::post(to, path, headers, body).unwrap_or_else(|e| panic!("POST {path}: {e}"))
}

pub fn now_nanos() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).expect("a clock after 1970").as_nanos() as u64
}

/// Log records of one resource: attributes of the resource, then times in nanoseconds with bodies.
pub fn logs(resource: &[(&str, &str)], records: &[(u64, String)]) -> Value {
    let attributes: Vec<Value> =
        resource.iter().map(|(key, value)| json!({"key": key, "value": {"stringValue": value}})).collect();
    let records: Vec<Value> = records
        .iter()
        .map(|(time, body)| json!({"timeUnixNano": time.to_string(), "body": {"stringValue": body}}))
        .collect();
    json!({"resourceLogs": [{"resource": {"attributes": attributes}, "scopeLogs": [{"logRecords": records}]}]})
}
