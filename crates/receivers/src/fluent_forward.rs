//! Takes in Fluentd's forward protocol, as Docker's log driver, FireLens, Fluent Bit and the Fluentd libraries
//! speak it.
//!
//! ```yaml
//! fluent_forward:
//!   unix_path: /var/run/fluent.sock
//!   unix_perm: "0666"
//! ```
//!
//! Over TCP, with TLS and a shared key:
//!
//! ```yaml
//! fluent_forward:
//!   listen: 0.0.0.0:24224
//!   shared_key: ${SHARED_KEY}
//!   tls:
//!     certificate_file: /etc/outrigger/server.pem
//!     key_file: /etc/outrigger/server.key
//! ```
//!
//! All four forms of a message are understood, compressed with gzip or zstd too. A chunk is acknowledged only at
//! the chosen level, so records in flight when a task is killed are sent again rather than lost; a chunk that comes
//! again while its first one is still on its way is not taken twice. A message that is damaged or too long is
//! dropped alone, counted, and the connection goes on. When destinations are full, sockets are not read, so that
//! senders wait; connections are never closed for that. While the process stops, sockets stay open until senders
//! are gone or silent.

mod connection;
mod greeting;
mod outstanding;
mod resent;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;

use config::{ByteSize, Secret};
use engine::{Ack, BuildContext, ConfigError, Fault, Outlet, Receiver, Stop};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Listener, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;
use wire::forward::Settings;
use wire::forward::handshake::Secrets;

use crate::connections::{Traffic, serve};
use connection::Connection;
use resent::Resent;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on. Set this or `unix_path`; without either it is `0.0.0.0:24224`.
    pub listen: Option<Endpoint>,
    /// Path of a unix socket to listen on. A socket that is left there is replaced.
    pub unix_path: Option<String>,
    /// Permissions of the unix socket in octal, such as `0666`. Without it the process's umask decides.
    pub unix_perm: Option<String>,
    /// Replaces the tag of every record.
    pub tag: Option<String>,
    /// Put before the tag of every record.
    pub tag_prefix: String,
    /// Largest message, as sent and after decompression. A larger one is dropped and counted.
    pub max_message_bytes: ByteSize,
    /// Key that clients must know.
    pub shared_key: Option<Secret>,
    /// Name this server gives itself in the handshake.
    pub self_hostname: String,
    /// Users of whom each client must be one. Needs `shared_key` or `empty_shared_key`.
    pub users: Vec<User>,
    /// Do the handshake with an empty key.
    pub empty_shared_key: bool,
    /// How far records must have come before their chunk is acknowledged.
    pub ack: Ack,
    /// Speak TLS. Has no effect on a unix socket.
    pub tls: Option<TlsServerConfig>,
}

/// A user who may send.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct User {
    pub username: String,
    pub password: Secret,
}

impl Default for Config {
    fn default() -> Self {
        Config {
            listen: None,
            unix_path: None,
            unix_perm: None,
            tag: None,
            tag_prefix: String::new(),
            max_message_bytes: ByteSize::mib(64),
            shared_key: None,
            self_hostname: "localhost".into(),
            users: Vec::new(),
            empty_shared_key: false,
            ack: Ack::default(),
            tls: None,
        }
    }
}

pub struct FluentForward {
    endpoint: Endpoint,
    sockets: Prebound,
    tls: Option<TlsServerConfig>,
    ack: Ack,
    shared: Arc<Shared>,
}

/// What the connections of one receiver share.
struct Shared {
    settings: Settings,
    /// Acknowledgements take so long that senders are read on meanwhile.
    reads_on: bool,
    secrets: Option<Secrets>,
    resent: Resent,
    traffic: Arc<Traffic>,
    /// Bytes of begun messages that all connections hold together, and may hold.
    held: AtomicUsize,
    max_held: usize,
}

impl Receiver for FluentForward {
    const NAME: &'static str = "fluent_forward";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let endpoint = endpoint(&config, cx)?;
        let max_message_bytes = config.max_message_bytes.as_usize();
        if max_message_bytes == 0 {
            return Err(cx.refuse(
                "max_message_bytes",
                "no message fits in 0 bytes",
                "write a size such as `64MiB`",
            ));
        }
        let settings = Settings {
            max_message_bytes,
            max_decompressed_bytes: max_message_bytes,
            tag: config.tag.clone(),
            tag_prefix: config.tag_prefix.clone(),
        };
        let shared = Shared {
            settings,
            reads_on: config.ack >= Ack::Durable,
            secrets: secrets(&config, cx)?,
            resent: Resent::default(),
            traffic: Arc::default(),
            held: AtomicUsize::new(0),
            // One message of the largest size always fits.
            max_held: max_message_bytes.max(cx.surroundings.memory_budget as usize),
        };
        let sockets = cx.surroundings.sockets.clone();
        Ok(FluentForward { endpoint, sockets, tls: config.tls, ack: config.ack, shared: Arc::new(shared) })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let listener =
            self.sockets.listen(&self.endpoint).map_err(|error| Fault::from("cannot listen", error))?;
        self.serve(listener, out, stop).await
    }
}

impl FluentForward {
    async fn serve(self, listener: Listener, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let listener = match &self.tls {
            Some(tls) => {
                let tls = ServerTls::new(tls).map_err(|error| Fault::from("cannot set up TLS", error))?;
                listener.with_tls(tls)
            }
            None => listener,
        };
        let out = out.with_ack(self.ack);
        let shared = self.shared;
        serve(listener, stop, shared.traffic.clone(), |stream, peer, ending| {
            Connection::new(stream, peer, out.clone(), shared.clone()).run(ending)
        })
        .await;
        Ok(())
    }
}

fn endpoint(config: &Config, cx: &mut BuildContext<'_>) -> Result<Endpoint, ConfigError> {
    let Some(path) = &config.unix_path else {
        let default = || Endpoint::Tcp(([0, 0, 0, 0], 24224).into());
        return Ok(config.listen.clone().unwrap_or_else(default));
    };
    if config.listen.is_some() {
        let help = "remove one; a second receiver can have the other";
        return Err(cx.refuse("listen", "`listen` and `unix_path` are both set", help));
    }
    let mode = match &config.unix_perm {
        None => None,
        Some(digits) => match u32::from_str_radix(digits, 8) {
            Ok(mode) if mode <= 0o777 => Some(mode),
            _ => {
                return Err(cx.refuse(
                    "unix_perm",
                    format!("`{digits}` is no mode"),
                    "write octal digits such as `0666`",
                ));
            }
        },
    };
    Ok(Endpoint::Unix { path: path.into(), mode })
}

fn secrets(config: &Config, cx: &mut BuildContext<'_>) -> Result<Option<Secrets>, ConfigError> {
    let key = config.shared_key.as_ref().map(Secret::reveal).filter(|key| !key.is_empty());
    let Some(key) = key.or(config.empty_shared_key.then_some("")) else {
        if config.users.is_empty() {
            return Ok(None);
        }
        let help = "set `shared_key`, or `empty_shared_key: true` to do without";
        return Err(cx.refuse("users", "users are only asked for in the handshake, which needs a key", help));
    };
    let users = config.users.iter().map(|user| (user.username.clone(), user.password.reveal().to_owned()));
    Ok(Some(Secrets {
        hostname: config.self_hostname.clone(),
        shared_key: key.into(),
        users: users.collect(),
    }))
}
