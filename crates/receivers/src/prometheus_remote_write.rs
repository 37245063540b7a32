//! Takes in Prometheus' remote write, as Prometheus, its agents and other collectors send it.
//!
//! ```yaml
//! prometheus_remote_write:
//!   listen: 127.0.0.1:9090
//! ```
//!
//! `POST` to `/api/v1/write`, `/api/v1/push` or `/`, in version 1.0 or 2.0; the content type tells which, and the body is
//! a snappy block. Samples keep the names and values they came with. `job` and `instance` become the resource's
//! `service.name` and `service.instance.id`; all other labels become attributes. The request's own metadata tells what is
//! a counter, and else the name: what ends in `_total`, `_count`, `_sum` or `_bucket` is a monotonic cumulative sum, all
//! else a gauge. Prometheus sends the metadata of version 1.0 in requests without samples, so there names decide: one
//! series must not change its kind with the order of requests. Classic histograms and summaries stay the several series
//! they are written as, so that PromQL finds the names it knows; native histograms become exponential ones, and those
//! with custom bounds histograms. A series' end becomes a point that records no value. An exemplar goes with a sample of
//! its series in the same request.
//!
//! The answer comes once the samples have reached the chosen level: 204; 400 for what is no request, or where some
//! series broke the rules, and then the others are taken; 413 for too large a request, 415 for another content type
//! or compression; 503 with `Retry-After` where not every destination took the samples. Version 2.0 is told in headers
//! how many samples, histograms and exemplars were taken.
//! Source of the rules: the Prometheus remote write specifications 1.0 and 2.0.

mod intake;
mod reply;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use config::ByteSize;
use engine::{Ack, BuildContext, ConfigError, Fault, Outlet, Receiver, Stop};
use net::http::{ServeSettings, serve_with};
use net::tls::{ServerTls, TlsServerConfig};
use net::{Endpoint, Prebound};
use schemars::JsonSchema;
use serde::Deserialize;

use self::intake::Intake;
use crate::auth::{AuthConfig, Guard};
use crate::connections::{Traffic, until_quiet};

/// Longest that requests in progress may go on at the end.
const GRACE: Duration = Duration::from_millis(400);

/// A batch's bytes are numbered with 31 bits, of which its own texts need some.
const MAX_REQUEST_BYTES: usize = 1 << 30;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Address and port to listen on.
    #[serde(default = "usual")]
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
    /// How far samples must have come before the answer.
    #[serde(default)]
    pub ack: Ack,
}

/// Where Prometheus itself takes it.
fn usual() -> Endpoint {
    Endpoint::Tcp(SocketAddr::from(([127, 0, 0, 1], 9090)))
}

fn twenty_mebibytes() -> ByteSize {
    ByteSize::mib(20)
}

pub struct PrometheusRemoteWrite {
    config: Config,
    sockets: Prebound,
}

impl Receiver for PrometheusRemoteWrite {
    const NAME: &'static str = "prometheus_remote_write";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        // Read once more when it runs, as the file may have changed.
        if let Some(Err(fault)) = config.auth.as_ref().map(Guard::new) {
            return Err(cx.refuse("auth", fault.to_string(), "bcrypt is what to prefer"));
        }
        if config.max_request_body_bytes.as_usize() > MAX_REQUEST_BYTES {
            let message = "`max_request_body_bytes` is more than 1GiB";
            return Err(cx.refuse("max_request_body_bytes", message, "senders write some megabytes at most"));
        }
        Ok(PrometheusRemoteWrite { config, sockets: cx.surroundings.sockets.clone() })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let Config { listen, max_request_body_bytes, tls, auth, ack } = self.config;
        let mut listener =
            self.sockets.listen(&listen).map_err(|error| Fault::from("cannot listen", error))?;
        if let Some(tls) = &tls {
            let tls = ServerTls::new(tls).map_err(|error| Fault::from("cannot set up TLS", error))?;
            listener = listener.with_tls(tls);
        }
        let guard = auth.as_ref().map(Guard::new).transpose();
        let guard = guard.map_err(|fault| Fault::new(format!("cannot check senders: {fault}")))?;
        let traffic = Arc::new(Traffic::default());
        let max_bytes = max_request_body_bytes.as_usize();
        let intake = Intake { out: out.with_ack(ack), max_bytes, traffic: traffic.clone(), guard };
        let settings = ServeSettings { max_body_bytes: max_bytes, grace: GRACE, ..ServeSettings::default() };
        let router = Router::new().fallback(intake::answer).with_state(Arc::new(intake));
        serve_with(listener, router, until_quiet(stop, &traffic), settings).await;
        Ok(())
    }
}
