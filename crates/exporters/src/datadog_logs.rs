//! Sends logs to Datadog's intake.
//!
//! Each record becomes one entry of a JSON array, with its keys in their order. What the record says wins over
//! `service`, `source` and `hostname`; `tags` wins over the record's own. Field names keep their dots.
//! Requests stay within the intake's limits: 1,000 entries, 5 MB, and 1 MB an entry, whose longest value is
//! cut when it must be, and marked with the attribute `outrigger.cut_bytes`.
//!
//! A wrong API key loses nothing: records wait, and the log says so every half minute. An entry that the
//! intake refuses is found by halving and dropped alone.
//!
//! ```yaml
//! endpoint: https://http-intake.logs.datadoghq.eu
//! api_key: ${DD_API_KEY}
//! service: shop
//! source: nodejs
//! tags: env:prod,team:shop
//! ```

mod ecs_tags;
mod encoder;
mod entries;
mod layout;
#[cfg(test)]
mod tests;

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use bytes::Bytes;
use config::Secret;
use engine::{BuildContext, ConfigError, Exporter, Outcome, Payload};
use http::header::{CONTENT_ENCODING, CONTENT_TYPE};
use http::{HeaderName, HeaderValue, Request};
use net::http::{Client, Response};
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::compress::Compression;
use crate::http_destination::{self, Header, describe, later, no_answer, until_mended};

pub use encoder::DatadogEncoder;
use layout::Layout;

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DatadogLogsConfig {
    /// The intake of your site: scheme and host.
    pub endpoint: String,
    /// API key of your organisation.
    pub api_key: Option<Secret>,
    /// `zstd` makes smaller requests than `gzip` and costs less. `none` is for looking at what is sent.
    #[serde(default = "default_compression")]
    pub compression: Compression,
    /// Service of records that name none.
    pub service: Option<String>,
    /// Integration that reads the records (`ddsource`), for records that name none.
    pub source: Option<String>,
    /// Host of records that name none. Leave it out on Fargate.
    pub hostname: Option<String>,
    /// Tags of every record, such as `env:prod,team:shop`. They replace a record's own `ddtags`.
    pub tags: Option<String>,
    /// Field that becomes `message`.
    #[serde(default = "default_message_key")]
    pub message_key: String,
    /// Turn the fields that ECS adds (`container_id`, `ecs_cluster`, `ecs_task_arn` and so on) into tags.
    #[serde(default)]
    pub ecs_tags: bool,
    /// Field to add that holds the record's tag.
    pub tag_key: Option<String>,
    /// Field that holds the time, in milliseconds. Empty: no time is sent, and the intake takes its own.
    #[serde(default = "default_date_key")]
    pub date_key: String,
    /// Write `\uXXXX` for all that is not ASCII. Makes requests larger and changes nothing else.
    #[serde(default)]
    pub escape_unicode: bool,
    /// More headers.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// HTTP proxy, such as `http://proxy.internal:3128`. Without it `HTTPS_PROXY` and `NO_PROXY` decide.
    pub proxy: Option<String>,
    /// How to check the intake's certificate.
    pub tls: Option<TlsClientConfig>,
}

fn default_compression() -> Compression {
    Compression::Zstd
}

fn default_message_key() -> String {
    "log".into()
}

fn default_date_key() -> String {
    "timestamp".into()
}

/// The engine's own limit is shorter or equal; this one is for callers without.
const TIMEOUT: Duration = Duration::from_secs(60);

/// After so many refused entries in a row, with none accepted between, the entries are not to blame and
/// halving would only make a thousand requests of one.
const HOPELESS: u32 = 16;

pub struct DatadogLogs {
    url: String,
    api_key: HeaderValue,
    headers: Vec<(HeaderName, HeaderValue)>,
    compression: Compression,
    layout: Arc<Layout>,
    client: Client,
    /// Entries refused alone since a request was accepted.
    refused: AtomicU32,
}

impl Exporter for DatadogLogs {
    const NAME: &'static str = "datadog_logs";
    type Config = DatadogLogsConfig;
    type Encoder = DatadogEncoder;

    fn build(config: DatadogLogsConfig, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        // All is looked at before the first fault ends it, so that all faults are reported.
        let endpoint = http_destination::endpoint(&config.endpoint, "endpoint", cx);
        let api_key = api_key(config.api_key.as_ref(), cx);
        let headers = http_destination::headers(&config.headers, cx);
        let client = http_destination::client(config.tls.as_ref(), config.proxy.as_deref(), cx);
        Ok(DatadogLogs {
            url: format!("{}/api/v2/logs", endpoint?),
            api_key: api_key?,
            headers: headers?,
            compression: config.compression,
            layout: Arc::new(Layout::new(&config)),
            client: client?,
            refused: AtomicU32::new(0),
        })
    }

    fn encoder(&self) -> DatadogEncoder {
        DatadogEncoder::new(self.layout.clone(), self.compression)
    }

    async fn send(&self, payload: &Payload) -> Outcome {
        let request = match payload.wire() {
            Ok(body) => self.request(body),
            Err(error) => {
                return Outcome::rejected(payload, format!("the payload cannot be read back: {error}"));
            }
        };
        let request = match request {
            Ok(request) => request,
            Err(error) => return until_mended(format!("the request cannot be made: {error}")),
        };
        match self.client.send(request, TIMEOUT).await {
            Ok(response) => self.judge(&response, payload),
            Err(error) => no_answer(&error),
        }
    }

    fn split(&self, payload: &Payload) -> Option<(Payload, Payload)> {
        entries::halve(payload, self.compression)
    }

    fn show(&self, payload: &Payload) -> String {
        let mut text = format!("POST {}\ncontent-type: application/json\ndd-api-key: ***\n", self.url);
        if let Some(encoding) = self.compression.content_encoding() {
            text.push_str(&format!("content-encoding: {encoding}\n"));
        }
        for (name, _) in &self.headers {
            text.push_str(&format!("{name}: ***\n"));
        }
        let raw = entries::raw(payload).unwrap_or_default();
        text + "\n" + &String::from_utf8_lossy(&raw)
    }
}

impl DatadogLogs {
    fn request(&self, body: Bytes) -> Result<Request<Bytes>, http::Error> {
        let mut request = Request::post(&self.url)
            .header(CONTENT_TYPE, "application/json")
            .header("dd-api-key", self.api_key.clone())
            .header("dd-evp-origin", "outrigger")
            .header("dd-evp-origin-version", env!("CARGO_PKG_VERSION"));
        if let Some(encoding) = Compression::of(&body).content_encoding() {
            request = request.header(CONTENT_ENCODING, encoding);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        request.body(body)
    }

    fn judge(&self, response: &Response, payload: &Payload) -> Outcome {
        match response.status.as_u16() {
            200..300 => {
                self.refused.store(0, Ordering::Relaxed);
                Outcome::Sent
            }
            413 => Outcome::Split { reason: describe(response) },
            400 if payload.records > 1 && self.refused.load(Ordering::Relaxed) < HOPELESS => {
                Outcome::Split { reason: describe(response) }
            }
            400 => {
                self.refused.fetch_add(1, Ordering::Relaxed);
                Outcome::rejected(payload, describe(response))
            }
            401 | 403 => until_mended(format!(
                "Datadog does not accept the API key ({}); check `api_key`, and that it belongs to the site of {}",
                describe(response),
                self.url
            )),
            300..400 => until_mended(format!(
                "{} answers with a redirect ({}); the intake wants `https`",
                self.url,
                describe(response)
            )),
            status if http_destination::is_passing(status) => later(response),
            _ => until_mended(format!(
                "{} does not take logs ({}); check `endpoint`",
                self.url,
                describe(response)
            )),
        }
    }
}

fn api_key(key: Option<&Secret>, cx: &mut BuildContext<'_>) -> Result<HeaderValue, ConfigError> {
    let key = key.map(|key| key.reveal().trim()).unwrap_or_default();
    if key.is_empty() {
        return Err(cx.refuse("api_key", "no API key", "set `api_key` to an API key of your organisation"));
    }
    let mut value = HeaderValue::try_from(key).map_err(|_| {
        cx.refuse("api_key", "the API key holds characters that no key has", "look for quotes or line breaks")
    })?;
    value.set_sensitive(true);
    Ok(value)
}
