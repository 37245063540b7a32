//! Takes in OTLP, OpenTelemetry's protocol, over gRPC and HTTP.
//!
//! ```yaml
//! otlp:
//!   grpc:
//!     listen: 127.0.0.1:4317
//!   http:
//!     listen: 127.0.0.1:4318
//! ```
//!
//! Over HTTP: `POST /v1/logs`, `/v1/traces` and `/v1/metrics` with `application/x-protobuf` or `application/json`.
//! Either may be compressed with gzip, zstd, deflate or snappy. The answer comes once the records have reached the
//! chosen level: success; a refusal for ever of what is no request, is too large, or is for a signal that no pipeline
//! takes; a word to try again where not every destination took the records. Where nothing behind the receiver looks
//! into requests they go on unread.
//! Source of the rules: the OTLP specification 1.x.

mod cors;
mod grpc;
mod http;
mod intake;
mod reply;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use config::ByteSize;
use engine::{Ack, BuildContext, ConfigError, Fault, Outlet, Receiver, Stop};
use net::http::{ServeSettings, Version, serve_with};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Listener, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;

use self::cors::Cors;
use self::intake::Intake;
use crate::auth::{AuthConfig, Guard};
use crate::connections::{Traffic, until_quiet};

/// Longest that requests in progress may go on at the end.
const GRACE: Duration = Duration::from_millis(400);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// OTLP over gRPC.
    #[serde(default)]
    pub grpc: Option<GrpcConfig>,
    /// OTLP over HTTP.
    #[serde(default)]
    pub http: Option<HttpConfig>,
    /// How far records must have come before the answer.
    #[serde(default)]
    pub ack: Ack,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GrpcConfig {
    /// Address and port to listen on.
    pub listen: Endpoint,
    /// Largest message, as sent and after decompression.
    #[serde(default = "four_mebibytes")]
    pub max_request_body_bytes: ByteSize,
    /// Speak TLS.
    #[serde(default)]
    pub tls: Option<TlsServerConfig>,
    /// Let in only who shows a credential.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HttpConfig {
    /// Address and port to listen on.
    pub listen: Endpoint,
    /// Largest request, as sent and after decompression.
    #[serde(default = "twenty_mebibytes")]
    pub max_request_body_bytes: ByteSize,
    /// Speak TLS.
    #[serde(default)]
    pub tls: Option<TlsServerConfig>,
    /// Let in only who shows a credential.
    #[serde(default)]
    pub auth: Option<AuthConfig>,
    /// Where each signal is taken.
    #[serde(default = "logs_path")]
    pub logs_path: String,
    #[serde(default = "traces_path")]
    pub traces_path: String,
    #[serde(default = "metrics_path")]
    pub metrics_path: String,
    /// Lets pages of other origins send from a browser.
    #[serde(default)]
    pub cors: Option<Cors>,
}

/// What gRPC libraries take when nobody tells them otherwise.
fn four_mebibytes() -> ByteSize {
    ByteSize::mib(4)
}

fn logs_path() -> String {
    "/v1/logs".into()
}

fn traces_path() -> String {
    "/v1/traces".into()
}

fn metrics_path() -> String {
    "/v1/metrics".into()
}

fn twenty_mebibytes() -> ByteSize {
    ByteSize::mib(20)
}

pub struct Otlp {
    grpc: Option<GrpcConfig>,
    http: Option<HttpConfig>,
    sockets: Prebound,
    ack: Ack,
}

impl Receiver for Otlp {
    const NAME: &'static str = "otlp";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let Config { grpc, http, ack } = config;
        if grpc.is_none() && http.is_none() {
            let help = "write `grpc: {listen: 127.0.0.1:4317}`, `http: {listen: 127.0.0.1:4318}` or both";
            return Err(cx.refuse("", "neither `grpc` nor `http` is set", help));
        }
        // Read once more when it runs, as the file may have changed.
        for (key, auth) in [
            ("grpc", grpc.as_ref().and_then(|grpc| grpc.auth.as_ref())),
            ("http", http.as_ref().and_then(|http| http.auth.as_ref())),
        ] {
            if let Some(Err(fault)) = auth.map(Guard::new) {
                return Err(cx.refuse(key, format!("`auth`: {fault}"), "bcrypt is what to prefer"));
            }
        }
        Ok(Otlp { grpc, http, sockets: cx.surroundings.sockets.clone(), ack })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let out = out.with_ack(self.ack);
        let traffic = Arc::new(Traffic::default());
        let grpc = match &self.grpc {
            Some(config) => Some(self.grpc(config, &out, &traffic)?),
            None => None,
        };
        let http = match &self.http {
            Some(config) => Some(self.http(config, &out, &traffic)?),
            None => None,
        };
        let serve = async |door: Option<Door>| {
            if let Some(door) = door {
                let stopped = until_quiet(stop.clone(), &traffic);
                serve_with(door.listener, door.router, stopped, door.settings).await;
            }
        };
        tokio::join!(serve(grpc), serve(http));
        Ok(())
    }
}

/// A listener and what answers behind it.
struct Door {
    listener: Listener,
    router: Router,
    settings: ServeSettings,
}

impl Otlp {
    fn grpc(&self, config: &GrpcConfig, out: &Outlet, traffic: &Arc<Traffic>) -> Result<Door, Fault> {
        let mut listener = self.listen(&config.listen)?;
        if let Some(tls) = &config.tls {
            listener = listener.with_tls(ServerTls::for_http2(tls).map_err(no_tls)?);
        }
        let guard = guard(config.auth.as_ref())?;
        let intake = Intake::new(out, config.max_request_body_bytes, traffic, guard);
        // The head of the message comes on top; one that is too large is answered by us, not by the server.
        let max_body_bytes = intake.max_bytes.saturating_add(1 << 10);
        let settings = ServeSettings {
            max_body_bytes,
            version: Version::Http2,
            grace: GRACE,
            ..ServeSettings::default()
        };
        Ok(Door { listener, router: grpc::router(intake), settings })
    }

    fn http(&self, config: &HttpConfig, out: &Outlet, traffic: &Arc<Traffic>) -> Result<Door, Fault> {
        let mut listener = self.listen(&config.listen)?;
        if let Some(tls) = &config.tls {
            listener = listener.with_tls(ServerTls::new(tls).map_err(no_tls)?);
        }
        let guard = guard(config.auth.as_ref())?;
        let intake = Intake::new(out, config.max_request_body_bytes, traffic, guard);
        let settings =
            ServeSettings { max_body_bytes: intake.max_bytes, grace: GRACE, ..ServeSettings::default() };
        Ok(Door { listener, router: http::router(intake, config), settings })
    }

    fn listen(&self, endpoint: &Endpoint) -> Result<Listener, Fault> {
        self.sockets.listen(endpoint).map_err(|error| Fault::from("cannot listen", error))
    }
}

fn guard(config: Option<&AuthConfig>) -> Result<Option<Guard>, Fault> {
    config.map(Guard::new).transpose().map_err(|fault| Fault::new(format!("cannot check senders: {fault}")))
}

fn no_tls(error: net::tls::TlsConfigError) -> Fault {
    Fault::from("cannot set up TLS", error)
}
