//! Takes in JSON over HTTP.
//!
//! ```yaml
//! http:
//!   listen: 0.0.0.0:9880
//! ```
//!
//! The body is an object, several objects one after the other, or an array of objects; each becomes a record. It
//! may be compressed with gzip or zstd. The path makes the tag: a request to `/app.log` makes records tagged
//! `app.log`. The answer comes once the records have reached the chosen level: 201 by default, 400 for what is
//! no JSON, 413 for too much of it, 503 where not every destination took them.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::header::{CONTENT_ENCODING, HeaderName, HeaderValue};
use axum::http::{HeaderMap, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use config::ByteSize;
use engine::{Ack, BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Batch, Path, Reason, Tag};
use net::http::{ServeSettings, serve_with};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Listener, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;
use tracing::warn;
use wire::inflate;
use wire::text::from_document;

use crate::connections::{Traffic, is_too_long, until_quiet};

/// Longest that requests in progress may go on at the end.
const GRACE: Duration = Duration::from_millis(400);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: Endpoint,
    /// Tag of records that come to `/`. Without it, the receiver's own name.
    #[serde(default)]
    pub tag: Option<String>,
    /// Key of a record whose text is its tag.
    #[serde(default)]
    pub tag_key: Option<String>,
    /// Largest body, as sent and after decompression.
    #[serde(default = "four_mebibytes")]
    pub max_message_bytes: ByteSize,
    /// Status of the answer when records were taken in.
    #[serde(default = "created")]
    pub success_status: u16,
    /// Headers of that answer.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// How far records must have come before the answer.
    #[serde(default)]
    pub ack: Ack,
    /// Speak TLS.
    #[serde(default)]
    pub tls: Option<TlsServerConfig>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub value: String,
}

fn four_mebibytes() -> ByteSize {
    ByteSize::mib(4)
}

fn created() -> u16 {
    201
}

pub struct Http {
    endpoint: Endpoint,
    sockets: Prebound,
    tls: Option<TlsServerConfig>,
    ack: Ack,
    answers: Answers,
}

#[derive(Clone)]
struct Answers {
    tag: Option<Tag>,
    tag_key: Option<Path>,
    max_bytes: usize,
    status: StatusCode,
    headers: HeaderMap,
    traffic: Arc<Traffic>,
}

impl Receiver for Http {
    const NAME: &'static str = "http";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let Ok(status) = StatusCode::from_u16(config.success_status) else {
            let message = format!("`{}` is no HTTP status", config.success_status);
            return Err(cx.refuse("success_status", message, "write one such as 200, 201 or 204"));
        };
        let tag_key = match config.tag_key.as_deref().map(Path::parse).transpose() {
            Ok(path) => path,
            Err(error) => {
                return Err(cx.refuse("tag_key", error.to_string(), "write a key such as `$service`"));
            }
        };
        let mut headers = HeaderMap::new();
        for Header { name, value } in config.headers {
            match (name.parse::<HeaderName>(), HeaderValue::from_str(&value)) {
                (Ok(name), Ok(value)) => _ = headers.append(name, value),
                _ => {
                    return Err(cx.refuse(
                        "headers",
                        format!("`{name}` cannot be sent"),
                        "write a header's name and text",
                    ));
                }
            }
        }
        let answers = Answers {
            tag: config.tag.map(Tag::from),
            tag_key,
            max_bytes: config.max_message_bytes.as_usize(),
            status,
            headers,
            traffic: Arc::default(),
        };
        let sockets = cx.surroundings.sockets.clone();
        Ok(Http { endpoint: config.listen, sockets, tls: config.tls, ack: config.ack, answers })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let listener =
            self.sockets.listen(&self.endpoint).map_err(|error| Fault::from("cannot listen", error))?;
        self.serve(listener, out, stop).await
    }
}

impl Http {
    async fn serve(self, mut listener: Listener, out: Outlet, stop: Stop) -> Result<(), Fault> {
        if let Some(tls) = &self.tls {
            let tls = ServerTls::new(tls).map_err(|error| Fault::from("cannot set up TLS", error))?;
            listener = listener.with_tls(tls);
        }
        let settings = ServeSettings {
            max_body_bytes: self.answers.max_bytes,
            grace: GRACE,
            ..ServeSettings::default()
        };
        let traffic = self.answers.traffic.clone();
        let intake = Arc::new(Intake { answers: self.answers, out: out.with_ack(self.ack) });
        let router = Router::new().fallback(answer).with_state(intake);
        serve_with(listener, router, until_quiet(stop, &traffic), settings).await;
        Ok(())
    }
}

struct Intake {
    answers: Answers,
    out: Outlet,
}

async fn answer(State(intake): State<Arc<Intake>>, request: Request) -> Response {
    let _busy = intake.answers.traffic.busy();
    match intake.take(request).await {
        Ok(()) => (intake.answers.status, intake.answers.headers.clone()).into_response(),
        Err((status, why)) => {
            warn!(component = %intake.out.id(), status = status.as_u16(), why, "request refused");
            (status, format!("error: {why}\n")).into_response()
        }
    }
}

type Refusal = (StatusCode, &'static str);

impl Intake {
    async fn take(&self, request: Request) -> Result<(), Refusal> {
        if !matches!(*request.method(), Method::POST | Method::PUT) {
            return Err((StatusCode::BAD_REQUEST, "invalid HTTP method; use POST"));
        }
        let tag = self.tag(request.uri().path());
        let encoding = request.headers().get(CONTENT_ENCODING).cloned();
        let body = self.read(request.into_body()).await?;
        let bytes = body.len() as u64;
        let body = self.inflate(encoding.as_ref(), body)?;
        let mut batch = Batch::new(tag, body);
        let passed_over = from_document(&mut batch, clock::now_nanos()).map_err(|_| {
            self.out.refuse(Reason::Malformed, 1, bytes);
            (StatusCode::BAD_REQUEST, "the body is not JSON")
        })?;
        if passed_over > 0 {
            self.out.refuse(Reason::Malformed, passed_over, 0);
        }
        let records = batch.len() as u64;
        for batch in self.by_key(batch) {
            let share = bytes * batch.len() as u64 / records.max(1);
            let lost = (StatusCode::SERVICE_UNAVAILABLE, "not every destination took the records");
            self.out.send(batch, share).await.map_err(|_| lost)?;
        }
        Ok(())
    }

    async fn read(&self, body: Body) -> Result<Vec<u8>, Refusal> {
        match to_bytes(body, self.answers.max_bytes).await {
            Ok(body) => Ok(Vec::from(body)),
            Err(error) if is_too_long(&error) => Err(self.too_large()),
            Err(_) => Err((StatusCode::BAD_REQUEST, "the body did not arrive")),
        }
    }

    fn inflate(&self, encoding: Option<&HeaderValue>, body: Vec<u8>) -> Result<Vec<u8>, Refusal> {
        let inflated = match encoding.map(HeaderValue::as_bytes) {
            None | Some(b"" | b"identity") => return Ok(body),
            Some(b"gzip") => inflate::gzip(&body, self.answers.max_bytes),
            Some(b"zstd") => inflate::zstd(&body, self.answers.max_bytes),
            _ => {
                return Err((
                    StatusCode::UNSUPPORTED_MEDIA_TYPE,
                    "send the body plain, or with gzip or zstd",
                ));
            }
        };
        match inflated.broken {
            _ if inflated.too_large => Err(self.too_large()),
            Some(why) => {
                self.out.refuse(Reason::Malformed, 1, body.len() as u64);
                Err((StatusCode::BAD_REQUEST, why))
            }
            None => Ok(inflated.bytes),
        }
    }

    fn too_large(&self) -> Refusal {
        self.out.refuse(Reason::TooLarge, 1, 0);
        (StatusCode::PAYLOAD_TOO_LARGE, "the body is larger than max_message_bytes")
    }

    /// The path without its first slash; what is neither letter, digit, dot nor underscore becomes `_`.
    fn tag(&self, path: &str) -> Tag {
        let path = path.strip_prefix('/').unwrap_or(path);
        if path.is_empty() {
            return self.answers.tag.clone().unwrap_or_else(|| self.out.id().clone());
        }
        let plain = |c: char| if c.is_ascii_alphanumeric() || c == '.' || c == '_' { c } else { '_' };
        path.chars().map(plain).collect::<String>().into()
    }

    /// Divides records by the tag they name themselves.
    fn by_key(&self, batch: Batch) -> Vec<Batch> {
        let Some(key) = &self.answers.tag_key else { return vec![batch] };
        let (mut batches, mut places): (Vec<Batch>, HashMap<Tag, usize>) = Default::default();
        for record in &batch.logs {
            let named = key.text(&batch.arena, record.body);
            let tag = named.map_or(batch.tag.clone(), |text| String::from_utf8_lossy(&text).into());
            let place = *places.entry(tag).or_insert_with_key(|tag| {
                batches.push(Batch::new(tag.clone(), Vec::new()));
                batches.len() - 1
            });
            batches[place].import(&batch, record);
        }
        batches
    }
}

#[cfg(test)]
mod tests {
    use config::Setting;
    use engine::outlet::Phase;
    use engine::testing::{Catch, json_lines, receiver, stop};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    /// Sends requests, each on a connection of its own; returns the statuses and the records.
    async fn check(settings: Setting, requests: &[(&str, &str, &[u8])]) -> (Vec<String>, String) {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.endpoint().port().unwrap();
        let http = receiver::<Http>(settings.with("listen", "127.0.0.1:0")).unwrap();
        let (catch, (phase, stop)) = (Catch::default(), stop());
        let served = tokio::spawn(http.serve(listener, catch.outlet(), stop));
        let mut answers = Vec::new();
        for (line, headers, body) in requests {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            let head = format!(
                "{line} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{headers}Content-Length: {}\r\n\r\n",
                body.len()
            );
            stream.write_all(head.as_bytes()).await.unwrap();
            stream.write_all(body).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            answers.push(answer.split(' ').nth(1).unwrap().to_owned());
        }
        phase.send_replace(Phase::Draining);
        served.await.unwrap().unwrap();
        (answers, json_lines(&catch.take()))
    }

    #[tokio::test]
    async fn bodies_become_records_tagged_by_their_path() {
        let (answers, records) = check(
            Setting::map(),
            &[
                ("POST /app.log", "", b"{\"a\":1}"),
                ("POST /my/app-2", "", b" [{\"a\":1}, {\"b\":{\"c\":2}}, 5] "),
                ("PUT /", "", b"{\"a\":1}\n{\"b\":2}\n"),
                ("POST /x", "", b"[]"),
            ],
        )
        .await;
        assert_eq!(answers, ["201"; 4]);
        assert_eq!(
            records,
            "app.log {\"a\":1}\nmy_app_2 {\"a\":1}\nmy_app_2 {\"b\":{\"c\":2}}\ntest {\"a\":1}\ntest {\"b\":2}\n"
        );
    }

    #[tokio::test]
    async fn compressed_bodies_and_tags_from_records() {
        let gzip = {
            use std::io::Write;
            let mut out = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
            out.write_all(b"[{\"t\":\"one\"},{\"t\":\"two\"},{\"t\":\"one\",\"n\":2},{}]").unwrap();
            out.finish().unwrap()
        };
        let settings = Setting::map().with("tag_key", "$t").with("success_status", 200);
        let (answers, records) = check(settings, &[("POST /p", "Content-Encoding: gzip\r\n", &gzip)]).await;
        assert_eq!(answers, ["200"]);
        assert_eq!(records, "one {\"t\":\"one\"}\none {\"t\":\"one\",\"n\":2}\ntwo {\"t\":\"two\"}\np {}\n");
    }

    #[tokio::test]
    async fn what_cannot_be_taken_is_refused() {
        let long = format!("{{\"a\":\"{}\"}}", "x".repeat(2000));
        let (answers, records) = check(
            Setting::map().with("max_message_bytes", "1KiB"),
            &[
                ("GET /", "", b""),
                ("POST /", "", b"{\"a\":"),
                ("POST /", "", b"no json"),
                ("POST /", "", long.as_bytes()),
                ("POST /", "Content-Encoding: br\r\n", b"{}"),
                ("POST /", "Content-Encoding: gzip\r\n", b"{}"),
            ],
        )
        .await;
        assert_eq!(answers, ["400", "400", "400", "413", "415", "400"]);
        assert_eq!(records, "");
    }
}
