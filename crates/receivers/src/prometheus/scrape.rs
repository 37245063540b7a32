//! Scrapes one target for as long as it is there.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;
use std::time::Duration;

use axum::http::header::{ACCEPT, ACCEPT_ENCODING, AUTHORIZATION};
use axum::http::{HeaderMap, HeaderValue, Uri};
use bytes::Bytes;
use engine::{Outlet, Stop, clock};
use model::{Batch, Reason};
use net::http::Client;
use tokio::sync::watch;
use tokio::time::Instant;
use wire::prometheus::{Exposition, Format};

use super::access;
use super::config::Protocol;
use super::job::{Job, Target};
use super::page::{Counts, read};
use super::report::{Outcome, report};
use super::translate::{Series, Translation, TranslationSettings};
use crate::scraping::{Health, Page, ScrapeError, Ticks};

/// The first scrapes of many targets are spread over this, so that they do not all come at once.
const SPREAD: Duration = Duration::from_secs(5);

pub struct Scraper {
    job: Arc<Job>,
    target: Target,
    page: Page,
    out: Outlet,
    series: Series,
    health: Health,
}

impl Scraper {
    pub fn new(job: Arc<Job>, target: Target, client: Client, out: Outlet) -> Scraper {
        let page = Page {
            client,
            // It was seen to be one when the target was made.
            uri: target.url.parse::<Uri>().unwrap_or_default(),
            headers: headers(&job, target.timeout),
            timeout: target.timeout,
            max_bytes: job.limits.body_bytes,
        };
        Scraper { job, target, page, out, series: Series::default(), health: Health::default() }
    }

    /// Until the process drains, or discovery has lost the target: then its series end.
    pub async fn run(mut self, stop: Stop, mut wanted: watch::Receiver<bool>) {
        let mut ticks = Ticks::new(self.target.interval, self.offset(), stop);
        loop {
            tokio::select! {
                biased;
                () = no_more(&mut wanted) => return self.vanish().await,
                more = ticks.next() => if !more { return },
            }
            let (begun, time) = (Instant::now(), clock::now_nanos());
            let Some(fetched) = ticks.unless_over(self.fetch()).await else { return };
            self.take(fetched, begun, time).await;
        }
    }

    fn offset(&self) -> Duration {
        let mut hasher = DefaultHasher::new();
        self.target.hash(&mut hasher);
        let spread = self.target.interval.min(SPREAD).as_micros() as u64;
        Duration::from_micros(hasher.finish() % spread.max(1))
    }

    async fn vanish(mut self) {
        let translation = self.translation(clock::now_nanos());
        let batch = translation.finish();
        self.send(batch, 0).await;
    }

    async fn take(&mut self, fetched: Result<(Bytes, Exposition), ScrapeError>, begun: Instant, time: u64) {
        let (job, target) = (self.job.clone(), self.target.clone());
        let mut translation = self.translation(time);
        let read = fetched.and_then(|(body, format)| read(&body, format, &job, &target, &mut translation));
        let counts = match &read {
            Ok(counts) => *counts,
            Err(_) => {
                translation.abandon();
                Counts::default()
            }
        };
        let took = begun.elapsed();
        report(&mut translation, &job, &target, Outcome { up: read.is_ok(), took, counts });
        let batch = translation.finish();
        self.tell(read.err());
        self.send(batch, counts.bytes).await;
    }

    fn translation(&mut self, time: u64) -> Translation<'_> {
        let (job, labels) = (&self.job, &self.target.labels);
        let settings = TranslationSettings {
            scheme: self.page.uri.scheme_str().unwrap_or_default().to_owned(),
            job: labels.get("job").to_owned(),
            instance: labels.get("instance").to_owned(),
            trim_suffixes: job.trim_suffixes,
        };
        Translation::new(&mut self.series, self.out.id().clone(), time, settings)
    }

    fn tell(&mut self, error: Option<ScrapeError>) {
        match error {
            None => self.health.well(self.out.id(), &self.page.name()),
            Some(error) => {
                if matches!(error, ScrapeError::Unreadable(_)) {
                    self.out.refuse(Reason::Malformed, 1, 0);
                }
                self.health.failed(self.out.id(), &self.page.name(), &error);
            }
        }
    }

    async fn send(&self, batch: Batch, bytes: u64) {
        if !batch.is_empty() {
            // A batch that is lost is counted by the engine; there is nobody to answer.
            let _ = self.out.send(batch, bytes).await;
        }
    }

    async fn fetch(&self) -> Result<(Bytes, Exposition), ScrapeError> {
        let mut page = self.page.clone();
        let config = &self.job.config;
        if let Some(value) = access::header(config.basic_auth.as_ref(), config.authorization.as_ref())? {
            page.headers.insert(AUTHORIZATION, value);
        }
        let answer = match config.follow_redirects {
            true => page.get_following().await?,
            false => page.get().await?,
        };
        let body = match answer.header("content-encoding") {
            Some("gzip") => gunzip(&answer.body, page.max_bytes)?,
            _ => answer.body.clone(),
        };
        let fallback = match config.fallback_scrape_protocol {
            Some(Protocol::PrometheusProto) => Exposition::Protobuf,
            Some(Protocol::OpenMetrics001 | Protocol::OpenMetrics100) => {
                Exposition::Text(Format::OpenMetrics)
            }
            _ => Exposition::Text(Format::Text),
        };
        let format = answer.header("content-type").and_then(Exposition::of).unwrap_or(fallback);
        Ok((body, format))
    }
}

/// Resolves when nobody wants the target any more.
async fn no_more(wanted: &mut watch::Receiver<bool>) {
    let _ = wanted.wait_for(|wanted| !wanted).await;
}

fn headers(job: &Job, timeout: Duration) -> HeaderMap {
    let mut headers = HeaderMap::new();
    let text = |text: String| HeaderValue::from_str(&text).ok();
    headers.extend(text(job.accept.clone()).map(|value| (ACCEPT, value)));
    headers.extend(text(timeout.as_secs_f64().to_string()).map(|value| {
        let name = axum::http::HeaderName::from_static("x-prometheus-scrape-timeout-seconds");
        (name, value)
    }));
    if job.config.enable_compression {
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("gzip"));
    }
    headers
}

fn gunzip(body: &[u8], cap: usize) -> Result<Bytes, ScrapeError> {
    let inflated = wire::inflate::gzip(body, cap);
    match (inflated.broken, inflated.too_large) {
        (Some(why), _) => Err(ScrapeError::Unreadable(why.into())),
        (None, true) => Err(ScrapeError::Unreadable(format!("it is larger than {cap} bytes"))),
        (None, false) => Ok(inflated.bytes.into()),
    }
}
