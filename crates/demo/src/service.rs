//! What front, api and worker have in common: they serve HTTP, make a server span of each request, count it, write a
//! line about it, and call the next one with their trace context.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::response::Response;
use bytes::Bytes;
use http::Request;
use net::http::{Client, ClientSettings, serve};
use net::{Endpoint, Environment, Listener};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::dice::Dice;
use crate::store::Store;
use crate::telemetry::{Context, Exception, Kind, Level, Span, Telemetry};
use crate::{DemoError, Part, Role, api, front, until, worker};

const MAX_BODY_BYTES: usize = 1 << 20;

/// Longest wait for the next service.
const TIMEOUT: Duration = Duration::from_secs(8);

pub struct Service {
    pub role: Role,
    pub telemetry: Telemetry,
    pub store: Store,
    /// Of every second version: it asks the database once for each product of a list.
    pub asks_one_by_one: bool,
    client: Client,
    next: String,
    dice: Mutex<Dice>,
}

/// A request as the routes see it.
pub struct Call {
    pub method: String,
    pub path: String,
    pub query: String,
    pub route: &'static str,
    pub request_id: String,
    pub user: String,
    pub body: Value,
}

/// What a route answers.
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    pub fn new(status: u16, body: Value) -> Answer {
        Answer { status, body }
    }

    pub fn error(status: u16, why: &str) -> Answer {
        Answer { status, body: json!({"error": why}) }
    }
}

/// A service that listens; [`Running::serve`] runs it.
pub struct Running {
    pub address: String,
    pub service: Arc<Service>,
    listener: Listener,
}

impl Running {
    pub fn bind(role: Role, part: &Part) -> Result<Running, DemoError> {
        let listener = Listener::bind(&Endpoint::Tcp(([127, 0, 0, 1], 0).into()))?;
        let address = match listener.endpoint() {
            Endpoint::Tcp(address) => address.to_string(),
            Endpoint::Unix { .. } => String::new(),
        };
        let mut settings = ClientSettings::new(&Environment::process());
        settings.use_proxy = false;
        let client = Client::new(settings).map_err(|error| DemoError::Client(error.to_string()))?;
        let base_memory = match role {
            Role::Front => 84 << 20,
            Role::Api => 142 << 20,
            _ => 96 << 20,
        };
        let service = Arc::new(Service {
            role,
            telemetry: Telemetry::start(part, role.service(), base_memory),
            asks_one_by_one: part.task.revision.is_multiple_of(2),
            store: Store::new(part.place, part.seed.wrapping_add(1)),
            client,
            next: part.next.clone().unwrap_or_default(),
            dice: Mutex::new(Dice::new(part.seed)),
        });
        Ok(Running { address, service, listener })
    }

    /// Serves until told to stop, then sends what is left to tell.
    pub async fn serve(self, stop: watch::Receiver<bool>) {
        let service = self.service.clone();
        let router = Router::new().fallback(move |request: Request<Body>| {
            let service = service.clone();
            async move { service.handle(request).await }
        });
        if self.service.role == Role::Worker {
            let (service, stop) = (self.service.clone(), stop.clone());
            tokio::spawn(async move { worker::sync_inventory(&service, stop).await });
        }
        serve(self.listener, router, until::told(stop)).await;
        self.service.telemetry.finish().await;
    }
}

impl Service {
    pub fn dice(&self) -> MutexGuard<'_, Dice> {
        self.dice.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub fn log(&self, level: Level, component: &str, message: &str, span: &Span, call: &Call, more: Value) {
        let mut fields = json!({"request_id": call.request_id, "user_id": call.user, "route": call.route});
        if let (Value::Object(fields), Value::Object(more)) = (&mut fields, more) {
            fields.extend(more);
        }
        self.telemetry.log(level, component, message, Some(span.context()), fields);
    }

    /// A line at the level of errors, with the exception's fields.
    pub fn log_exception(&self, component: &str, span: &Span, call: &Call, exception: &Exception) {
        let fields = exception.fields().into_iter().map(|(key, value)| (key.to_owned(), value)).collect();
        self.log(Level::Error, component, &exception.message, span, call, Value::Object(fields));
    }

    async fn handle(&self, request: Request<Body>) -> Response {
        let begun = Instant::now();
        let _in_progress = self.telemetry.meter().begin();
        let (head, body) = request.into_parts();
        let header = |name: &str| {
            head.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        let parent = Context::of_header(&header("traceparent"));
        let (method, path) = (head.method.to_string(), head.uri.path().to_owned());
        let route = route(self.role, &method, &path);
        let (mut request_id, user) = (header("x-request-id"), header("x-user-id"));
        let agent = header("user-agent");
        if request_id.is_empty() {
            request_id = format!("req-{:012x}", self.dice().roll() >> 16);
        }
        let query = head.uri.query().unwrap_or_default().to_owned();
        let mut span = self.telemetry.tracer.start(parent, format!("{method} {route}"), Kind::Server);
        span.set("http.request.method", method.as_str());
        span.set("http.route", route);
        span.set("url.path", path.as_str());
        span.set("url.scheme", "http");
        span.set("server.address", "127.0.0.1");
        span.set("user_agent.original", agent);
        span.set("user.id", user.as_str());
        if !query.is_empty() {
            span.set("url.query", query.as_str());
        }
        let body = to_bytes(body, MAX_BODY_BYTES).await.unwrap_or_default();
        let received = body.len();
        let body = serde_json::from_slice(&body).unwrap_or_default();
        let call = Call { method, path, query, route, request_id, user, body };
        let answer = match self.role {
            Role::Front => front::answer(self, &call, &mut span).await,
            Role::Api => api::answer(self, &call, &mut span).await,
            _ => worker::answer(self, &call, &mut span).await,
        };
        self.end(span, &call, answer, begun.elapsed(), received)
    }

    fn end(&self, mut span: Span, call: &Call, answer: Answer, took: Duration, received: usize) -> Response {
        let Answer { status, body } = answer;
        span.set("http.response.status_code", status);
        if status >= 500 {
            span.fail(body["error"].as_str().unwrap_or("it failed"));
        }
        // What went wrong has a line of its own.
        let level = if status >= 500 { Level::Warn } else { Level::Info };
        let duration_ms = (took.as_secs_f64() * 1e4).round() / 10.0;
        let fields = json!({"method": call.method, "status_code": status, "duration_ms": duration_ms});
        self.log(level, "http", &format!("{} {} {status}", call.method, call.path), &span, call, fields);
        self.telemetry.numbers().request(&call.method, call.route, status, took, span.context());
        let body = body.to_string();
        let meter = self.telemetry.meter();
        meter.traffic(received, body.len());
        let work = self.dice().around(match self.role {
            Role::Front => Duration::from_millis(9),
            Role::Api => Duration::from_millis(22),
            _ => Duration::from_millis(12),
        });
        meter.compute(work);
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = http::StatusCode::from_u16(status).unwrap_or_default();
        let json = http::HeaderValue::from_static("application/json");
        response.headers_mut().insert(http::header::CONTENT_TYPE, json);
        response
    }

    /// Asks the next service. `resend` counts the tries before this one.
    pub async fn ask(&self, parent: &Span, call: &Call, method: &str, path: &str, resend: u32) -> Answer {
        let mut span = parent.child(method, Kind::Client);
        let url = format!("http://{}{path}", self.next);
        span.set("http.request.method", method);
        span.set("url.full", url.as_str());
        if let Some((host, port)) = self.next.rsplit_once(':') {
            span.set("server.address", host);
            span.set("server.port", port.parse::<u64>().unwrap_or_default());
        }
        if resend > 0 {
            span.set("http.request.resend_count", resend);
        }
        let body = if method == "POST" { call.body.to_string() } else { String::new() };
        let sent = body.len();
        let request = Request::builder()
            .method(method)
            .uri(url)
            .header("traceparent", span.context().header())
            .header("x-request-id", &call.request_id)
            .header("x-user-id", &call.user)
            .header("user-agent", self.role.service())
            .header("content-type", "application/json")
            .body(Bytes::from(body));
        let answer = match request {
            Ok(request) => self.client.send(request, TIMEOUT).await.map_err(|error| error.to_string()),
            Err(error) => Err(error.to_string()),
        };
        match answer {
            Ok(answer) => {
                let status = answer.status.as_u16();
                self.telemetry.meter().traffic(answer.body.len(), sent);
                span.set("http.response.status_code", status);
                if status >= 400 {
                    span.set("error.type", status.to_string());
                    span.fail(answer.status.to_string());
                }
                Answer { status, body: serde_json::from_slice(&answer.body).unwrap_or_default() }
            }
            Err(error) => {
                span.set("error.type", "connection");
                span.fail(error);
                Answer::error(503, "the next service is not there")
            }
        }
    }
}

/// The route that a path belongs to.
fn route(role: Role, method: &str, path: &str) -> &'static str {
    match (method, path) {
        ("GET", "/products") => "/products",
        ("GET", "/search") => "/search",
        ("POST", "/cart") => "/cart",
        ("POST", "/checkout") => "/checkout",
        ("POST", "/payments") if role == Role::Worker => "/payments",
        ("GET", path) if path.starts_with("/products/") => "/products/{id}",
        ("GET", path) if role == Role::Worker && path.starts_with("/recommendations/") => {
            "/recommendations/{id}"
        }
        _ => "/",
    }
}
