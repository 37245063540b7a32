//! What receivers share that ask at intervals: the ticks, one bounded request, and a builder of metrics.
//!
//! With these a scraper is a function from an answer's bytes to metrics. An answer that does not come is no
//! fault of the receiver: it says so, less and less often, and asks again at the next tick.

mod metrics;

use std::time::Duration;

use axum::http::header::AUTHORIZATION;
use axum::http::{HeaderMap, Request, StatusCode, Uri};
use bytes::Bytes;
use engine::Stop;
use net::http::{Client, HttpError, Response};
use tokio::time::{Instant, Interval, MissedTickBehavior, interval_at};
use tracing::{info, warn};

#[cfg(test)]
pub use metrics::shown;
pub use metrics::{Metrics, Shape, int};

/// A page that is further away is a circle.
const MAX_REDIRECTS: usize = 5;

/// When to scrape, until the process drains.
pub struct Ticks {
    ticks: Interval,
    stop: Stop,
}

impl Ticks {
    /// The first tick comes after `initial_delay`. A tick that is missed is not made up for.
    pub fn new(every: Duration, initial_delay: Duration, stop: Stop) -> Ticks {
        let first = Instant::now() + initial_delay;
        let mut ticks = interval_at(first, every.max(Duration::from_millis(1)));
        ticks.set_missed_tick_behavior(MissedTickBehavior::Skip);
        Ticks { ticks, stop }
    }

    /// False when there are no more.
    pub async fn next(&mut self) -> bool {
        tokio::select! {
            biased;
            () = self.stop.draining() => false,
            _ = self.ticks.tick() => true,
        }
    }

    /// What comes of `work`, or `None` when the process drains first: nobody waits for a request. Sending is no
    /// such work: a batch that was begun to be sent is counted, and must arrive.
    pub async fn unless_over<T>(&mut self, work: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.stop.draining() => None,
            done = work => Some(done),
        }
    }
}

/// A page to ask for.
#[derive(Clone)]
pub struct Page {
    pub client: Client,
    pub uri: Uri,
    pub headers: HeaderMap,
    /// Of everything, from the lookup to the last byte.
    pub timeout: Duration,
    /// Largest answer held in memory.
    pub max_bytes: usize,
}

/// Why a scrape brought nothing.
#[derive(Debug, thiserror::Error)]
pub enum ScrapeError {
    #[error(transparent)]
    Http(#[from] HttpError),
    #[error("the answer is status {}: {excerpt}", .status.as_u16())]
    Status { status: StatusCode, excerpt: String },
    #[error("the answer cannot be read: {0}")]
    Unreadable(String),
    #[error("cannot read {0}")]
    File(String),
}

impl Page {
    /// For log lines: without user, password and query, which may be secrets.
    pub fn name(&self) -> String {
        let port = self.uri.port().map(|port| format!(":{port}")).unwrap_or_default();
        let (scheme, host) = (self.uri.scheme_str().unwrap_or_default(), self.uri.host().unwrap_or_default());
        format!("{scheme}://{host}{port}{}", self.uri.path())
    }

    /// The answer, if it says that all is well.
    pub async fn get(&self) -> Result<Response, ScrapeError> {
        well(self.ask().await?)
    }

    /// As `get`, but goes where the answer points to, a few times. What lets us in is for the first host only.
    pub async fn get_following(&self) -> Result<Response, ScrapeError> {
        let (mut page, deadline) = (self.clone(), Instant::now() + self.timeout);
        for _ in 0..MAX_REDIRECTS {
            let answer = page.ask().await?;
            let location = answer.header("location").filter(|_| answer.status.is_redirection());
            let Some(next) = location.and_then(|location| resolved(&page.uri, location)) else {
                return well(answer);
            };
            if (next.scheme(), next.authority()) != (page.uri.scheme(), page.uri.authority()) {
                page.headers.remove(AUTHORIZATION);
            }
            page.uri = next;
            page.timeout = deadline.saturating_duration_since(Instant::now());
        }
        Err(ScrapeError::Unreadable(format!("more than {MAX_REDIRECTS} redirects")))
    }

    async fn ask(&self) -> Result<Response, HttpError> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = self.uri.clone();
        *request.headers_mut() = self.headers.clone();
        self.client.send_capped(request, self.timeout, self.max_bytes).await
    }
}

fn well(answer: Response) -> Result<Response, ScrapeError> {
    match answer.status {
        status if status.is_success() => Ok(answer),
        status => Err(ScrapeError::Status { status, excerpt: answer.excerpt() }),
    }
}

/// Where a `Location` points to from a page.
fn resolved(from: &Uri, location: &str) -> Option<Uri> {
    let location = location.split('#').next().unwrap_or_default();
    let (scheme, authority) = (from.scheme_str()?, from.authority()?);
    if location.contains("://") {
        return location.parse().ok();
    }
    let text = match location.strip_prefix("//") {
        Some(other_host) => format!("{scheme}://{other_host}"),
        None if location.starts_with('/') => format!("{scheme}://{authority}{location}"),
        None => {
            let folder = from.path().rsplit_once('/').map_or("", |(folder, _)| folder);
            format!("{scheme}://{authority}{folder}/{location}")
        }
    };
    text.parse().ok()
}

/// Whether an endpoint is well, told when that changes and at every doubling of its failures.
#[derive(Debug, Default)]
pub struct Health {
    failures: u64,
}

impl Health {
    pub fn well(&mut self, component: &str, endpoint: &str) {
        if self.failures > 0 {
            info!(component, endpoint, failures = self.failures, "scrapes succeed again");
        }
        self.failures = 0;
    }

    pub fn failed(&mut self, component: &str, endpoint: &str, error: &ScrapeError) {
        self.failures += 1;
        if self.failures.is_power_of_two() {
            warn!(component, endpoint, failures = self.failures, %error, "scrape failed");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use engine::outlet::Phase;
    use engine::testing::stop;

    #[tokio::test(start_paused = true)]
    async fn ticks_come_after_the_delay_until_the_end() {
        let (phase, stop) = stop();
        let started = Instant::now();
        let mut ticks = Ticks::new(Duration::from_secs(10), Duration::from_secs(1), stop);
        for expected in [1, 11, 21] {
            assert!(ticks.next().await);
            assert_eq!(started.elapsed().as_secs(), expected);
        }
        assert_eq!(ticks.unless_over(async { 7 }).await, Some(7));
        phase.send_replace(Phase::Draining);
        assert_eq!(ticks.unless_over(std::future::pending::<()>()).await, None);
        assert!(!ticks.next().await);
    }

    #[test]
    fn locations_are_seen_from_their_page() {
        let from: Uri = "http://web:9102/a/metrics?x=1".parse().unwrap();
        for (location, expected) in [
            ("/metrics/", "http://web:9102/metrics/"),
            ("metrics/#top", "http://web:9102/a/metrics/"),
            ("https://other/m", "https://other/m"),
            ("//other/m", "http://other/m"),
        ] {
            assert_eq!(resolved(&from, location).unwrap().to_string(), expected, "{location}");
        }
        assert!(resolved(&from, "http://[").is_none());
    }
}
