//! Asks nginx how many connections and requests it has had, on its `stub_status` page.
//!
//! ```yaml
//! nginx:
//!   endpoint: http://localhost:80/status
//!   collection_interval: 10s
//! ```
//!
//! nginx needs a location that shows the page: `location = /status { stub_status; allow 127.0.0.1; deny all; }`.
//! It says nothing of when it started, so the sums have no start time.

use std::time::Duration;

use axum::http::{HeaderMap, HeaderName, HeaderValue, Uri};
use config::{Interval, Secret};
use engine::{BuildContext, ConfigError, Fault, Outlet, Receiver, Stop, clock};
use model::Reason;
use net::Environment;
use net::http::{Client, ClientSettings};
use net::tls::TlsClientConfig;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::scraping::{Health, Metrics, Page, ScrapeError, Shape, Ticks, int};

/// The page is about a hundred bytes.
const MAX_PAGE_BYTES: usize = 16 << 10;

const REQUESTS: Shape =
    Shape::counter("nginx.requests", "Requests made to the server since it started.", "{requests}");
const ACCEPTED: Shape =
    Shape::counter("nginx.connections_accepted", "Client connections that were accepted.", "{connections}");
const HANDLED: Shape = Shape::counter(
    "nginx.connections_handled",
    "Connections that were handled; fewer than accepted when a limit was reached.",
    "{connections}",
);
const CURRENT: Shape =
    Shape::level("nginx.connections_current", "Connections by what they do right now.", "{connections}");

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// URL of the `stub_status` page.
    #[serde(default = "status_page")]
    pub endpoint: String,
    /// Time between two scrapes.
    #[serde(default = "ten_seconds")]
    pub collection_interval: Interval,
    /// Time before the first scrape.
    #[serde(default = "one_second")]
    pub initial_delay: Interval,
    /// Longest time to wait for the page.
    #[serde(default = "ten_seconds")]
    pub timeout: Interval,
    /// Headers to send.
    #[serde(default)]
    pub headers: Vec<Header>,
    /// TLS towards nginx, for an endpoint with `https`.
    #[serde(default)]
    pub tls: TlsClientConfig,
}

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Header {
    pub name: String,
    pub value: Secret,
}

fn status_page() -> String {
    "http://localhost:80/status".into()
}

fn ten_seconds() -> Interval {
    Interval::from_secs(10)
}

fn one_second() -> Interval {
    Interval::from_secs(1)
}

pub struct Nginx {
    endpoint: Uri,
    headers: HeaderMap,
    environment: Environment,
    config: Config,
}

impl Receiver for Nginx {
    const NAME: &'static str = "nginx";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let endpoint = config.endpoint.parse().ok();
        let Some(endpoint) = endpoint.filter(|uri: &Uri| uri.scheme().is_some() && uri.host().is_some())
        else {
            let message = format!("`{}` is no URL", config.endpoint);
            return Err(cx.refuse("endpoint", message, "write one such as `http://localhost:80/status`"));
        };
        if config.collection_interval.is_zero() {
            let help = "write a time such as `10s`";
            return Err(cx.refuse("collection_interval", "no time between two scrapes", help));
        }
        let mut headers = HeaderMap::new();
        for Header { name, value } in &config.headers {
            match (name.parse::<HeaderName>(), HeaderValue::from_str(value.reveal())) {
                (Ok(name), Ok(value)) => _ = headers.append(name, value),
                _ => {
                    let message = format!("`{name}` cannot be sent");
                    return Err(cx.refuse("headers", message, "write a header's name and text"));
                }
            }
        }
        Ok(Nginx { endpoint, headers, environment: cx.surroundings.environment.clone(), config })
    }

    async fn run(self, out: Outlet, stop: Stop) -> Result<(), Fault> {
        let page = self.page()?;
        let mut ticks = Ticks::new(*self.config.collection_interval, *self.config.initial_delay, stop);
        let (mut health, component) = (Health::default(), out.id().to_string());
        while ticks.next().await {
            let Some(answer) = ticks.unless_over(page.get()).await else { break };
            let taken = match answer {
                Ok(answer) => take(&answer.body, &out).await,
                Err(error) => Err(error),
            };
            match taken {
                Ok(()) => health.well(&component, &page.name()),
                Err(error) => health.failed(&component, &page.name(), &error),
            }
        }
        Ok(())
    }
}

impl Nginx {
    fn page(&self) -> Result<Page, Fault> {
        let mut settings = ClientSettings::new(&self.environment);
        settings.tls = self.config.tls.clone();
        let client = Client::new(settings).map_err(|error| Fault::from("cannot set up TLS", error))?;
        let timeout: Duration = *self.config.timeout;
        let (uri, headers) = (self.endpoint.clone(), self.headers.clone());
        Ok(Page { client, uri, headers, timeout, max_bytes: MAX_PAGE_BYTES })
    }
}

async fn take(page: &[u8], out: &Outlet) -> Result<(), ScrapeError> {
    let bytes = page.len() as u64;
    let mut metrics = Metrics::new(out.id().clone(), clock::now_nanos());
    if let Err(error) = read(page, &mut metrics) {
        out.refuse(Reason::Malformed, 1, bytes);
        return Err(error);
    }
    // A batch that is lost is counted by the engine; there is nobody to answer.
    let _ = out.send(metrics.finish(), bytes).await;
    Ok(())
}

/// The page as nginx has written it since 0.1.18: words and seven numbers, always in this order.
const PAGE: &str =
    "Active connections: # server accepts handled requests # # # Reading: # Writing: # Waiting: #";

fn read(page: &[u8], metrics: &mut Metrics) -> Result<(), ScrapeError> {
    let [active, accepted, handled, requests, reading, writing, waiting] = numbers(page)
        .ok_or_else(|| ScrapeError::Unreadable("this is no page of nginx's stub_status".into()))?;
    metrics.resource("", "outrigger/nginx");
    metrics.int(&REQUESTS, requests);
    metrics.int(&ACCEPTED, accepted);
    metrics.int(&HANDLED, handled);
    metrics.metric(&CURRENT);
    let states = [("active", active), ("reading", reading), ("writing", writing), ("waiting", waiting)];
    for (state, connections) in states {
        metrics.point(int(connections), &[("state", state)]);
    }
    Ok(())
}

fn numbers(page: &[u8]) -> Option<[u64; 7]> {
    let page = std::str::from_utf8(page).ok()?;
    let (mut numbers, mut filled) = ([0; 7], 0);
    let mut words = page.split_ascii_whitespace();
    for expected in PAGE.split_ascii_whitespace() {
        let word = words.next()?;
        match expected {
            "#" => {
                *numbers.get_mut(filled)? = word.parse().ok()?;
                filled += 1;
            }
            expected if expected != word => return None,
            _ => {}
        }
    }
    words.next().is_none().then_some(numbers)
}

#[cfg(test)]
mod tests;
