//! Servers for our own tests: one that answers by script and remembers what it was asked.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use ::http::{HeaderMap, Method, Request, Response, Uri};
use axum::Router;
use axum::body::Body;
use bytes::Bytes;

use crate::http::{Client, ClientSettings, serve};
use crate::{Endpoint, Environment, Listener};

pub(crate) const SOON: Duration = Duration::from_secs(5);

pub(crate) fn client() -> Client {
    Client::new(ClientSettings::new(&Environment::default())).unwrap()
}

pub(crate) fn get(url: &str) -> Request<Bytes> {
    Request::get(url).body(Bytes::new()).unwrap()
}

pub(crate) fn listener() -> (Listener, u16) {
    let listener = Listener::bind(&"127.0.0.1:0".parse::<Endpoint>().unwrap()).unwrap();
    let port = listener.endpoint().port().unwrap();
    (listener, port)
}

/// Serves a router for the rest of the test and returns its URL, without a trailing slash.
pub(crate) fn serving(router: Router) -> String {
    let (listener, port) = listener();
    tokio::spawn(serve(listener, router, std::future::pending()));
    format!("http://127.0.0.1:{port}")
}

#[derive(Debug, Clone)]
pub(crate) struct Asked {
    pub(crate) method: Method,
    pub(crate) uri: Uri,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Asked {
    pub(crate) fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }
}

/// Answers requests in order, whatever they ask; the last answer is repeated.
#[derive(Clone)]
pub(crate) struct Scripted {
    pub(crate) url: String,
    asked: Arc<Mutex<Vec<Asked>>>,
}

pub(crate) type Answer = (u16, Vec<(&'static str, String)>, String);

pub(crate) fn answer(status: u16, body: &str) -> Answer {
    (status, Vec::new(), body.into())
}

impl Scripted {
    pub(crate) fn new(answers: Vec<Answer>) -> Scripted {
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let script = Arc::new(Mutex::new(VecDeque::from(answers)));
        let record = asked.clone();
        let handler = move |request: Request<Body>| async move {
            let (parts, body) = request.into_parts();
            let body = axum::body::to_bytes(body, 1 << 20).await.unwrap();
            record.lock().unwrap().push(Asked {
                method: parts.method,
                uri: parts.uri,
                headers: parts.headers,
                body: String::from_utf8_lossy(&body).into_owned(),
            });
            let mut script = script.lock().unwrap();
            let (status, headers, body) =
                if script.len() > 1 { script.pop_front().unwrap() } else { script[0].clone() };
            let mut response = Response::builder().status(status);
            for (name, value) in headers {
                response = response.header(name, value);
            }
            response.body(Body::from(body)).unwrap()
        };
        Scripted { url: serving(Router::new().fallback(handler)), asked }
    }

    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}
