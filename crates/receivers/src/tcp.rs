//! Takes in JSON objects, or lines of text, from plain TCP connections.
//!
//! ```yaml
//! tcp:
//!   listen: 127.0.0.1:8877
//!   tag: firelens-healthcheck
//!   format: json
//! ```
//!
//! With `format: json`, objects follow each other with white space or nothing between them; an array becomes
//! `{"msg": [...]}`. With `format: none`, each piece of text up to the separator becomes `{"log": "..."}`. What is
//! no JSON costs its line and is counted; the connection goes on. Records get the time they arrive.

use std::sync::Arc;
use std::time::Duration;

use config::ByteSize;
use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::{Batch, Tag, Value};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Listener, PeerName, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::timeout;
use tracing::{debug, warn};
use wire::text::{Form, Split, Splitter};

use crate::connections::{Ending, Traffic, serve};
use crate::reading::Source;

/// Longest wait for what is on its way, once the connection has to end.
const LAST_WAIT: Duration = Duration::from_millis(10);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    pub listen: Endpoint,
    /// Tag of the records.
    pub tag: String,
    /// What comes in: `json` or `none`.
    #[serde(default)]
    pub format: Format,
    /// What ends a piece of text with `format: none`.
    #[serde(default = "line_end")]
    pub separator: String,
    /// Largest object or piece. A larger one is dropped and counted.
    #[serde(default = "one_mebibyte")]
    pub max_message_bytes: ByteSize,
    /// Key under which a record gets its sender's address, such as `tcp://10.0.0.7:51234`.
    #[serde(default)]
    pub source_address_key: Option<String>,
    /// Speak TLS.
    #[serde(default)]
    pub tls: Option<TlsServerConfig>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Format {
    #[default]
    Json,
    None,
}

fn line_end() -> String {
    "\n".into()
}

fn one_mebibyte() -> ByteSize {
    ByteSize::mib(1)
}

pub struct Tcp {
    endpoint: Endpoint,
    sockets: Prebound,
    tls: Option<TlsServerConfig>,
    shared: Arc<Shared>,
}

struct Shared {
    tag: Tag,
    form: Form,
    max_bytes: usize,
    source_address_key: Option<String>,
    traffic: Arc<Traffic>,
}

impl Receiver for Tcp {
    const NAME: &'static str = "tcp";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let form = match config.format {
            Format::Json => Form::Json,
            Format::None if config.separator.is_empty() => {
                let help = "write what ends a piece, such as a line end";
                return Err(cx.refuse("separator", "an empty separator separates nothing", help));
            }
            Format::None => Form::Pieces { separator: config.separator.into_bytes() },
        };
        let shared = Shared {
            tag: config.tag.into(),
            form,
            max_bytes: config.max_message_bytes.as_usize(),
            source_address_key: config.source_address_key,
            traffic: Arc::default(),
        };
        let sockets = cx.surroundings.sockets.clone();
        Ok(Tcp { endpoint: config.listen, sockets, tls: config.tls, shared: Arc::new(shared) })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let listener =
            self.sockets.listen(&self.endpoint).map_err(|error| Fault::from("cannot listen", error))?;
        self.serve(listener, out, stop).await
    }
}

impl Tcp {
    async fn serve(self, mut listener: Listener, out: Outlet, stop: Stop) -> Result<(), Fault> {
        if let Some(tls) = &self.tls {
            let tls = ServerTls::new(tls).map_err(|error| Fault::from("cannot set up TLS", error))?;
            listener = listener.with_tls(tls);
        }
        let shared = self.shared;
        serve(listener, stop, shared.traffic.clone(), |stream, peer, ending| {
            let splitter = Splitter::new(shared.form.clone(), shared.max_bytes);
            let (out, shared) = (out.clone(), shared.clone());
            Connection { source: Source::new(stream), peer, out, shared, splitter }.run(ending)
        })
        .await;
        Ok(())
    }
}

struct Connection {
    source: Source,
    peer: PeerName,
    out: Outlet,
    shared: Arc<Shared>,
    splitter: Splitter,
}

impl Connection {
    async fn run(mut self, mut ending: Ending) {
        loop {
            let ends = tokio::select! {
                ready = self.source.ready() => ready.is_err(),
                () = ending.comes() => timeout(LAST_WAIT, self.source.ready()).await.is_err(),
            };
            if ends {
                break;
            }
            if !self.read_once().await {
                break;
            }
        }
        let split = self.splitter.finish(self.shared.tag.clone(), clock::now_nanos());
        self.take(split, 0).await;
    }

    /// False when the sender is gone.
    async fn read_once(&mut self) -> bool {
        let shared = self.shared.clone();
        let mut buffer = self.splitter.take_buffer();
        let read = self.source.read(&mut buffer).await;
        let _busy = shared.traffic.busy();
        let split = self.splitter.split(buffer, shared.tag.clone(), clock::now_nanos());
        let bytes = read.as_ref().ok().copied().flatten().unwrap_or(0);
        self.take(split, bytes as u64).await;
        match read {
            Ok(read) => read != Some(0),
            Err(error) => {
                debug!(component = %self.out.id(), peer = %self.peer, %error, "connection broke");
                false
            }
        }
    }

    async fn take(&mut self, Split { mut batch, refused }: Split, bytes: u64) {
        for refused in &refused {
            self.out.refuse(refused.reason, refused.records, refused.bytes);
            let (reason, records, why) = (refused.reason.as_str(), refused.records, refused.why);
            warn!(component = %self.out.id(), peer = %self.peer, reason, records, why, "records refused");
        }
        if batch.is_empty() {
            return;
        }
        if let Some(key) = &self.shared.source_address_key {
            add_text(&mut batch, key, &format!("tcp://{}", self.peer));
        }
        let refused: u64 = refused.iter().map(|refused| refused.bytes).sum();
        // A batch that is lost is counted by the engine; there is nobody to answer.
        let _ = self.out.send(batch, bytes.saturating_sub(refused)).await;
    }
}

/// Sets a key of every record.
fn add_text(batch: &mut Batch, key: &str, text: &str) {
    let value = Value::Str(batch.arena.store(text.as_bytes()));
    for record in &mut batch.logs {
        if let Value::Map(list) = &mut record.body {
            batch.arena.set(list, key.as_bytes(), value);
        }
    }
}

#[cfg(test)]
mod tests {
    use config::Setting;
    use engine::outlet::Phase;
    use engine::testing::{Catch, json_lines, receiver, stop};
    use tokio::io::AsyncWriteExt;
    use tokio::net::TcpStream;

    use super::*;

    /// Sends each piece on a connection of its own and returns the records.
    async fn check(settings: Setting, pieces: &[&str], records: usize) -> (String, u64) {
        let listener = Listener::bind(&"127.0.0.1:0".parse().unwrap()).unwrap();
        let port = listener.endpoint().port().unwrap();
        let settings = settings.with("listen", "127.0.0.1:0").with("tag", "t");
        let (catch, (phase, stop)) = (Catch::default(), stop());
        let served = receiver::<Tcp>(settings).unwrap().serve(listener, catch.outlet(), stop);
        let served = tokio::spawn(served);
        for piece in pieces {
            let mut stream = TcpStream::connect(("127.0.0.1", port)).await.unwrap();
            stream.write_all(piece.as_bytes()).await.unwrap();
        }
        let mut batches = catch.records(records).await;
        phase.send_replace(Phase::Closing);
        served.await.unwrap().unwrap();
        batches.extend(catch.take());
        let refused = catch.ledger().receivers.iter().flat_map(|(_, r)| r.refused.values()).sum();
        (json_lines(&batches), refused)
    }

    #[tokio::test]
    async fn the_health_check_of_firelens_passes() {
        let (records, refused) = check(Setting::map(), &["{\"health\": \"check\"}"], 1).await;
        assert_eq!((records.as_str(), refused), ("t {\"health\":\"check\"}\n", 0));
    }

    #[tokio::test]
    async fn objects_and_lines_come_in() {
        let (records, refused) = check(Setting::map(), &["{\"a\":1}{\"b\":2}\nnonsense\n[3]\n"], 3).await;
        assert_eq!((records.as_str(), refused), ("t {\"a\":1}\nt {\"b\":2}\nt {\"msg\":[3]}\n", 1));
        let lines = Setting::map().with("format", "none").with("separator", "|");
        let (records, refused) = check(lines, &["one||two|three"], 3).await;
        assert_eq!(
            (records.as_str(), refused),
            ("t {\"log\":\"one\"}\nt {\"log\":\"two\"}\nt {\"log\":\"three\"}\n", 0)
        );
    }

    #[tokio::test]
    async fn the_sender_is_named() {
        let (records, _) = check(Setting::map().with("source_address_key", "from"), &["{\"a\":1}"], 1).await;
        assert!(records.starts_with("t {\"a\":1,\"from\":\"tcp://127.0.0.1:"), "{records}");
    }
}
