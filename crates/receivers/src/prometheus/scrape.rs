//! Scrapes one target for as long as it is there.

use std::borrow::Cow;
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
use wire::prometheus::{Entry, Families, Format, Kind, Label, Parser};

use super::config::Protocol;
use super::credentials;
use super::job::{Job, Target};
use super::labels::{Labels, NAME};
use super::relabel;
use super::translate::{Relabelled, Series, Translation};
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

/// What a scrape brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub bytes: u64,
    pub samples: u64,
    /// Left after relabelling.
    pub kept: u64,
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
            if ticks.unless_over(self.scrape()).await.is_none() {
                return;
            }
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

    async fn scrape(&mut self) {
        let (begun, time) = (Instant::now(), clock::now_nanos());
        let fetched = self.fetch().await;
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
        report(&mut translation, &job, &target, read.is_ok(), took, counts);
        let batch = translation.finish();
        self.tell(read.err());
        self.send(batch, counts.bytes).await;
    }

    fn translation(&mut self, time: u64) -> Translation<'_> {
        let scheme = self.page.uri.scheme_str().unwrap_or_default();
        Translation::new(&mut self.series, self.out.id().clone(), time, scheme)
    }

    fn tell(&mut self, error: Option<ScrapeError>) {
        match error {
            None => self.health.well(self.out.id(), &self.target.url),
            Some(error) => {
                if matches!(error, ScrapeError::Unreadable(_)) {
                    self.out.refuse(Reason::Malformed, 1, 0);
                }
                self.health.failed(self.out.id(), &self.target.url, &error);
            }
        }
    }

    async fn send(&self, batch: Batch, bytes: u64) {
        if !batch.is_empty() {
            // A batch that is lost is counted by the engine; there is nobody to answer.
            let _ = self.out.send(batch, bytes).await;
        }
    }

    async fn fetch(&self) -> Result<(Bytes, Format), ScrapeError> {
        let mut page = self.page.clone();
        let config = &self.job.config;
        if let Some(value) = credentials::header(config.basic_auth.as_ref(), config.authorization.as_ref())? {
            page.headers.insert(AUTHORIZATION, value);
        }
        let answer = page.get().await?;
        let body = match answer.header("content-encoding") {
            Some("gzip") => gunzip(&answer.body, page.max_bytes)?,
            _ => answer.body.clone(),
        };
        let fallback = match config.fallback_scrape_protocol {
            Some(Protocol::OpenMetrics001 | Protocol::OpenMetrics100) => Format::OpenMetrics,
            _ => Format::Text,
        };
        let format = answer.header("content-type").and_then(Format::of).unwrap_or(fallback);
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

fn unreadable(why: impl ToString) -> ScrapeError {
    ScrapeError::Unreadable(why.to_string())
}

/// Every sample of a page, relabelled. The first thing wrong ends it.
pub fn read(
    body: &[u8],
    format: Format,
    job: &Job,
    target: &Target,
    translation: &mut Translation<'_>,
) -> Result<Counts, ScrapeError> {
    let mut counts = Counts { bytes: body.len() as u64, ..Counts::default() };
    let mut families = Families::default();
    let mut parser = Parser::new(body, format).map_err(unreadable)?;
    while let Some(entry) = parser.advance().map_err(unreadable)? {
        if entry != Entry::Sample {
            families.note(entry);
            continue;
        }
        counts.samples += 1;
        let sample = parser.sample_mut();
        let labels = std::mem::take(&mut sample.labels);
        let Some(labels) = relabelled(sample.name.clone(), labels, job, target)? else { continue };
        counts.kept += 1;
        if job.limits.samples > 0 && counts.kept > job.limits.samples {
            return Err(unreadable(format!("more than {} samples", job.limits.samples)));
        }
        let given = sample.timestamp.filter(|_| job.config.honor_timestamps);
        let timestamp = given.map(|at| u64::try_from(at).unwrap_or(0));
        let watched = given.is_none() || job.config.track_timestamps_staleness;
        let exemplar = sample.exemplar.as_ref();
        let sample = Relabelled { labels: &labels, value: sample.value, timestamp, exemplar, watched };
        translation.sample(&families, &sample);
    }
    Ok(counts)
}

/// The sample's labels and its target's, after the rules; `None` when they drop it.
fn relabelled<'a>(
    name: Cow<'a, str>,
    own: Vec<Label<'a>>,
    job: &Job,
    target: &Target,
) -> Result<Option<Labels<'a>>, ScrapeError> {
    let mut labels = Labels::default();
    if !labels.fill(own.into_iter().chain([(Cow::Borrowed(NAME), name)])) {
        return Err(unreadable("a sample has a label twice"));
    }
    for (name, value) in target.labels.iter() {
        let own = labels.get(name).to_owned();
        if !own.is_empty() && job.config.honor_labels {
            continue;
        }
        labels.set(name.to_owned(), value.to_owned());
        if !own.is_empty() {
            let mut exported = format!("exported_{name}");
            while !labels.get(&exported).is_empty() || !target.labels.get(&exported).is_empty() {
                exported.insert_str(0, "exported_");
            }
            labels.set(exported, own);
        }
    }
    if !relabel::apply(&job.metric_relabel, &mut labels) || labels.is_empty() {
        return Ok(None);
    }
    for (name, value) in &job.external_labels {
        labels.set_if_absent(name.clone(), value.clone());
    }
    if labels.get(NAME).is_empty() {
        return Err(unreadable("relabelling left a sample without a name"));
    }
    check_limits(&labels, job)?;
    Ok(Some(labels))
}

fn check_limits(labels: &Labels<'_>, job: &Job) -> Result<(), ScrapeError> {
    let limits = &job.limits;
    let over = |most: u64, is: usize| most > 0 && is as u64 > most;
    if over(limits.labels, labels.len()) {
        return Err(unreadable(format!("a sample has more than {} labels", limits.labels)));
    }
    for (name, value) in labels.iter() {
        if over(limits.label_name, name.len()) {
            return Err(unreadable("a label's name is longer than `label_name_length_limit`"));
        }
        if over(limits.label_value, value.len()) {
            return Err(unreadable(format!(
                "the value of `{name}` is longer than `label_value_length_limit`"
            )));
        }
    }
    Ok(())
}

/// The series about the scrape itself.
fn report(
    translation: &mut Translation<'_>,
    job: &Job,
    target: &Target,
    up: bool,
    took: Duration,
    counts: Counts,
) {
    let added = translation.added as f64;
    let mut series = vec![
        ("up", "Whether the target could be scraped.", f64::from(u8::from(up))),
        ("scrape_duration_seconds", "How long the scrape took.", took.as_secs_f64()),
        ("scrape_samples_scraped", "Samples the target showed.", counts.samples as f64),
        ("scrape_samples_post_metric_relabeling", "Samples left after relabelling.", counts.kept as f64),
        ("scrape_series_added", "Series that were not there before.", added),
    ];
    if job.config.extra_scrape_metrics {
        series.extend([
            ("scrape_timeout_seconds", "Longest a scrape may take.", target.timeout.as_secs_f64()),
            (
                "scrape_sample_limit",
                "Most samples a page may have; 0 is no limit.",
                job.limits.samples as f64,
            ),
            ("scrape_body_size_bytes", "Bytes of the page, decompressed.", counts.bytes as f64),
        ]);
    }
    let mut families = Families::default();
    for (name, help, value) in series {
        families.note(Entry::Type { family: name.into(), kind: Kind::Gauge });
        families.note(Entry::Help { family: name.into(), text: help.into() });
        if name.ends_with("_seconds") {
            families.note(Entry::Unit { family: name.into(), unit: "seconds" });
        }
        let mut labels = target.labels.clone();
        labels.set(NAME, name);
        for (name, value) in &job.external_labels {
            labels.set_if_absent(name.clone(), value.clone());
        }
        let (timestamp, exemplar) = (None, None);
        translation
            .sample(&families, &Relabelled { labels: &labels, value, timestamp, exemplar, watched: true });
    }
}
