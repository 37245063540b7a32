//! An OTLP endpoint that keeps what it gets.
#![allow(dead_code)] // Each test file is a program of its own and uses a part of this.

use std::sync::{Arc, Mutex};

use model::Signal;
use serde_json::Value;
use testkit::http::{Response, Server};
use wire::otlp;

/// A signal and the bytes of a request, as they were before compression.
type Request = (Signal, Vec<u8>);

pub struct Endpoint {
    pub server: Server,
    requests: Arc<Mutex<Vec<Request>>>,
}

impl Endpoint {
    pub fn start() -> Endpoint {
        let requests = Arc::new(Mutex::new(Vec::new()));
        let kept = requests.clone();
        let server = Server::start(move |request| {
            let signal = match request.path.as_str() {
                "/v1/logs" => Signal::Logs,
                "/v1/traces" => Signal::Traces,
                "/v1/metrics" => Signal::Metrics,
                _ => return Response::new(404, "no such path"),
            };
            match request.decoded() {
                Ok(body) => kept.lock().unwrap().push((signal, body)),
                Err(error) => return Response::new(400, error.to_string()),
            }
            Response::new(200, Vec::new())
        });
        Endpoint { server, requests }
    }

    pub fn items(&self, signal: Signal) -> u64 {
        let requests = self.requests.lock().unwrap();
        let of = requests.iter().filter(|(of, _)| *of == signal);
        of.map(|(_, body)| otlp::count(signal, body).expect("a request")).sum()
    }

    pub fn holds(&self, text: &str) -> bool {
        let requests = self.requests.lock().unwrap();
        requests.iter().any(|(_, body)| memchr::memmem::find(body, text.as_bytes()).is_some())
    }

    /// Every request of a signal, as its JSON.
    pub fn json(&self, signal: Signal) -> Vec<Value> {
        let requests = self.requests.lock().unwrap();
        let of = requests.iter().filter(|(of, _)| *of == signal);
        of.map(|(_, body)| {
            let json = otlp::to_json(signal, body).expect("a request");
            serde_json::from_slice(&json).expect("JSON")
        })
        .collect()
    }
}
