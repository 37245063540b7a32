//! From a page to samples under their rules, and the series about the scrape itself.

use std::borrow::Cow;
use std::time::Duration;

use wire::prometheus::{Entry, Families, Format, Kind, Parser, Sample};

use super::job::{Job, Target};
use super::labels::{Labels, NAME};
use super::relabel;
use super::translate::{Relabelled, Translation};
use crate::scraping::ScrapeError;

/// What a scrape brought.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    pub bytes: u64,
    pub samples: u64,
    /// Left after relabelling.
    pub kept: u64,
}

fn unreadable(why: impl ToString) -> ScrapeError {
    ScrapeError::Unreadable(why.to_string())
}

/// Every sample of a page, relabelled. The first thing wrong ends it.
pub fn read<'a>(
    body: &'a [u8],
    format: Format,
    job: &'a Job,
    target: &'a Target,
    translation: &mut Translation<'_>,
) -> Result<Counts, ScrapeError> {
    let mut counts = Counts { bytes: body.len() as u64, ..Counts::default() };
    let (mut families, mut labels) = (Families::default(), Labels::default());
    let mut parser = Parser::new(body, format).map_err(unreadable)?;
    while let Some(entry) = parser.advance().map_err(unreadable)? {
        if entry != Entry::Sample {
            families.note(entry);
            continue;
        }
        counts.samples += 1;
        let sample = parser.sample_mut();
        if !relabel(sample, &mut labels, job, target)? {
            continue;
        }
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
        if translation.is_full() {
            return Err(unreadable("its samples take too much memory; set `sample_limit`, or drop some"));
        }
    }
    Ok(counts)
}

/// The sample's labels and its target's, after the rules; false when they drop it.
fn relabel<'a>(
    sample: &mut Sample<'a>,
    labels: &mut Labels<'a>,
    job: &'a Job,
    target: &'a Target,
) -> Result<bool, ScrapeError> {
    let name = (Cow::Borrowed(NAME), std::mem::take(&mut sample.name));
    if !labels.fill(sample.labels.drain(..).chain([name])) {
        return Err(unreadable("a sample has a label twice"));
    }
    for (name, value) in target.labels.iter() {
        if job.config.honor_labels {
            labels.set_if_absent(name, value);
        } else if let Some(own) = labels.replace(name, value) {
            let mut exported = format!("exported_{name}");
            while !labels.get(&exported).is_empty() || !target.labels.get(&exported).is_empty() {
                exported.insert_str(0, "exported_");
            }
            labels.set(exported, own);
        }
    }
    if !relabel::apply(&job.metric_relabel, labels) || labels.is_empty() {
        return Ok(false);
    }
    for (name, value) in &job.external_labels {
        labels.set_if_absent(name, value);
    }
    if labels.get(NAME).is_empty() {
        return Err(unreadable("relabelling left a sample without a name"));
    }
    check_limits(labels, job)?;
    Ok(true)
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
pub fn report(
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
