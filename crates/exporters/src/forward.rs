//! Sends records to Fluentd, Fluent Bit or another Outrigger in Fluentd's forward protocol.
//!
//! Records travel in packed forward mode, one message a tag. With `require_ack` a message counts as delivered
//! when the receiver has answered with its chunk id; no answer, or another's, means the message is sent again, so
//! records may arrive twice and are not lost. Without it a message counts as delivered when the connection took
//! it, and what was under way when the receiver dies is gone: switch it on unless the receiver cannot answer.
//!
//! ```yaml
//! forward:
//!   endpoint: aggregator.internal:24224
//!   require_ack: true
//!   compression: gzip
//!   shared_key: ${SHARED_KEY}
//! ```

mod connection;
mod dial;
#[cfg(test)]
mod tests;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use config::Secret;
use engine::{BuildContext, ConfigError, Outcome, Payload, Sealed};
use model::{Batch, Tag, Template, TemplateScope};
use net::Dialer;
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;
use tokio::time::Instant;
use wire::forward::{Context, Decoder, PackOptions, Packer, Settings};

use crate::compress::Compression;
use connection::{Connection, Login};

/// Entries of one message before compression. Fluent Bit takes messages of 6 MB, other receivers more.
const MAX_BYTES: usize = 1 << 20;

/// Messages open at once; with more tags than this the oldest is sent early.
const MAX_OPEN: usize = 32;

/// Connections kept for later messages.
const MAX_IDLE: usize = 8;

/// Idle connections are closed after this, before load balancers and receivers do it.
const IDLE: Duration = Duration::from_secs(30);

/// Level 1 leaves a fifth of log lines at half the time of the usual level 6.
const GZIP_LEVEL: u32 = 1;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// `HOST:PORT` of the receiver.
    pub endpoint: String,
    /// Socket file of the receiver, instead of `endpoint`.
    pub unix_path: Option<String>,
    /// Replaces the tag; may hold `$TAG`, its parts and fields of the record.
    pub tag: Option<String>,
    /// Sends whole seconds, for receivers older than Fluentd 0.14.
    pub time_as_integer: bool,
    /// Sends a record's attributes as its metadata. On unless `fluentd_compat` is.
    pub retain_metadata: Option<bool>,
    /// Options are always sent; this changes nothing.
    pub send_options: bool,
    /// Waits for the receiver's acknowledgement of each message.
    pub require_ack: bool,
    /// How messages are compressed: `none` or `gzip`.
    pub compression: Compression,
    /// Key shared with the receiver. Setting it makes both sides prove that they know it.
    pub shared_key: Option<Secret>,
    /// Proves to know the empty key.
    pub empty_shared_key: bool,
    /// Name to give in the handshake.
    pub self_hostname: String,
    /// User name, for receivers that ask for one beside the key.
    pub username: Option<String>,
    /// Password of the user.
    pub password: Option<Secret>,
    /// Sends nothing that only Fluent Bit understands.
    pub fluentd_compat: bool,
    /// More options of each message.
    pub options: Vec<ExtraOption>,
    /// Setting it, even empty, switches TLS on.
    pub tls: Option<TlsClientConfig>,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            endpoint: "127.0.0.1:24224".into(),
            unix_path: None,
            tag: None,
            time_as_integer: false,
            retain_metadata: None,
            send_options: false,
            require_ack: false,
            compression: Compression::None,
            shared_key: None,
            empty_shared_key: false,
            self_hostname: "localhost".into(),
            username: None,
            password: None,
            fluentd_compat: false,
            options: Vec::new(),
            tls: None,
        }
    }
}

/// An option of each message.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExtraOption {
    pub name: String,
    pub value: String,
}

pub struct Forward {
    dialer: Dialer,
    login: Option<Login>,
    tag: Option<Template>,
    options: PackOptions,
    idle: Mutex<Vec<(Connection, Instant)>>,
}

impl engine::Exporter for Forward {
    const NAME: &'static str = "forward";
    type Config = Config;
    type Encoder = Encoder;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let tag = config.tag.as_deref().map(Template::parse).transpose();
        let tag =
            tag.map_err(|error| cx.refuse("tag", error.to_string(), "write a tag such as `ecs.$TAG[1]`"));
        let gzip = match config.compression {
            Compression::None => Ok(None),
            Compression::Gzip => Ok(Some(GZIP_LEVEL)),
            Compression::Zstd => Err(cx.refuse(
                "compression",
                "zstd is not supported here",
                "write `gzip`, which every receiver reads",
            )),
        };
        let login = login(&config, cx);
        let dialer = dial::dialer(&config, cx);
        let options = PackOptions {
            gzip: gzip?,
            ack: config.require_ack,
            time_as_integer: config.time_as_integer,
            metadata: config.retain_metadata.unwrap_or(!config.fluentd_compat),
            extra: config.options.into_iter().map(|option| (option.name, option.value)).collect(),
        };
        Ok(Forward { dialer: dialer?, login: login?, tag: tag?, options, idle: Mutex::default() })
    }

    fn encoder(&self) -> Encoder {
        Encoder { tag: self.tag.clone(), options: self.options.clone(), open: Vec::new(), name: Vec::new() }
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let message = match payload.wire() {
            Ok(message) => message,
            Err(error) => return Outcome::rejected(payload, format!("the payload cannot be read: {error}")),
        };
        // The route of a message that is to be acknowledged is its chunk id.
        let chunk = self.options.ack.then_some(&*payload.route);
        while let Some(mut connection) = self.idle() {
            // It may have died since it was last used; a new one tells.
            if connection.send(&message, chunk).await.is_ok() {
                self.keep(connection);
                return Outcome::Sent;
            }
        }
        match self.send_anew(&message, chunk).await {
            Ok(connection) => {
                self.keep(connection);
                Outcome::Sent
            }
            Err(problem) => Outcome::retry(problem),
        }
    }

    fn show(&self, payload: &Payload) -> String {
        let message = payload.wire().unwrap_or_default().to_vec();
        let decoded = Decoder::new(Settings::default()).decode(message, &Context::at(0));
        format!("forward to {}\n\n{}", self.dialer.peer(), lines(&decoded.batches))
    }
}

impl Forward {
    async fn send_anew(&self, message: &[u8], chunk: Option<&str>) -> Result<Connection, String> {
        let stream = self.dialer.dial().await.map_err(|error| error.to_string())?;
        let mut connection = Connection::new(stream);
        let named = |problem: String| format!("{}: {problem}", self.dialer.peer());
        if let Some(login) = &self.login {
            connection.log_in(login).await.map_err(named)?;
        }
        connection.send(message, chunk).await.map_err(named)?;
        Ok(connection)
    }

    fn idle(&self) -> Option<Connection> {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        idle.retain_mut(|(connection, since)| since.elapsed() < IDLE && connection.is_alive());
        idle.pop().map(|(connection, _)| connection)
    }

    fn keep(&self, connection: Connection) {
        let mut idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner);
        if connection.may_be_kept() && idle.len() < MAX_IDLE {
            idle.push((connection, Instant::now()));
        }
    }
}

fn login(config: &Config, cx: &mut BuildContext<'_>) -> Result<Option<Login>, ConfigError> {
    let key = config.shared_key.clone().filter(|key| !key.is_empty());
    let key = key.or_else(|| config.empty_shared_key.then(Secret::default));
    let Some(shared_key) = key else {
        if config.username.is_some() {
            let help = "set `shared_key`, or `empty_shared_key: true` if the receiver has none";
            return Err(cx.refuse("username", "a user is only asked for together with a shared key", help));
        }
        return Ok(None);
    };
    let password = config.password.clone().unwrap_or_default();
    let user = config.username.clone().map(|name| (name, password));
    Ok(Some(Login { hostname: config.self_hostname.clone(), shared_key, user }))
}

/// Tag, time and record, one a line.
fn lines(batches: &[Batch]) -> String {
    let mut out = Vec::new();
    for batch in batches {
        for record in &batch.logs {
            out.extend_from_slice(format!("{} {} ", batch.tag, record.time).as_bytes());
            model::json::write_value(&batch.arena, record.body, &mut out);
            out.push(b'\n');
        }
    }
    String::from_utf8_lossy(&out).into_owned()
}

pub struct Encoder {
    tag: Option<Template>,
    options: PackOptions,
    open: Vec<Open>,
    /// The tag of the record at hand, where it is made from a template.
    name: Vec<u8>,
}

struct Open {
    tag: Tag,
    packer: Packer,
}

impl Encoder {
    /// The place of the message for a tag, opened where there is none.
    fn open(&mut self, tag: &[u8], out: &mut Sealed) -> usize {
        if let Some(place) = self.open.iter().position(|open| open.tag.as_bytes() == tag) {
            return place;
        }
        if self.open.len() == MAX_OPEN {
            self.open.remove(0).seal(out);
        }
        let tag = String::from_utf8_lossy(tag).into();
        self.open.push(Open { tag, packer: Packer::new(self.options.clone()) });
        self.open.len() - 1
    }
}

impl engine::Encoder for Encoder {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        let mut name = std::mem::take(&mut self.name);
        for record in &batch.logs {
            name.clear();
            match &self.tag {
                None => name.extend_from_slice(batch.tag.as_bytes()),
                Some(template) => {
                    let scope = TemplateScope {
                        arena: &batch.arena,
                        body: record.body,
                        tag: &batch.tag,
                        captures: &[],
                    };
                    template.render(&scope, &mut name);
                }
            }
            let place = self.open(&name, out);
            self.open[place].packer.push(&batch.arena, record);
            if self.open[place].packer.bytes() >= MAX_BYTES {
                self.open.remove(place).seal(out);
            }
        }
        self.name = name;
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.drain(..).for_each(|open| open.seal(out));
    }
}

impl Open {
    fn seal(self, out: &mut Sealed) {
        let raw = self.packer.bytes() as u64;
        let packed = self.packer.finish(&self.tag);
        let route: Arc<str> = packed.chunk.map_or(self.tag, Arc::from);
        out.push(Payload::new(packed.bytes, route, packed.records, raw));
    }
}
