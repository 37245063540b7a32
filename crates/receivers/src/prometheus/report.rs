//! The series about a scrape itself.

use std::time::Duration;

use wire::prometheus::{Entry, Families, Kind};

use super::job::{Job, Target};
use super::labels::NAME;
use super::page::Counts;
use super::translate::{Relabelled, Translation};

/// How a scrape went.
#[derive(Debug, Clone, Copy)]
pub struct Outcome {
    pub up: bool,
    pub took: Duration,
    pub counts: Counts,
}

type Series = (&'static str, &'static str, f64);

pub fn report(translation: &mut Translation<'_>, job: &Job, target: &Target, outcome: Outcome) {
    let mut series = usual(outcome, translation.added).to_vec();
    if job.config.extra_scrape_metrics {
        series.extend(extra(outcome, job, target));
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
        let sample = Relabelled {
            labels: &labels,
            value,
            timestamp: None,
            start: None,
            exemplar: None,
            histogram: None,
            watched: true,
        };
        translation.sample(&families, &sample);
    }
}

fn usual(Outcome { up, took, counts }: Outcome, added: u64) -> [Series; 5] {
    [
        ("up", "Whether the target could be scraped.", f64::from(u8::from(up))),
        ("scrape_duration_seconds", "How long the scrape took.", took.as_secs_f64()),
        ("scrape_samples_scraped", "Samples the target showed.", counts.samples as f64),
        ("scrape_samples_post_metric_relabeling", "Samples left after relabelling.", counts.kept as f64),
        ("scrape_series_added", "Series that were not there before.", added as f64),
    ]
}

fn extra(outcome: Outcome, job: &Job, target: &Target) -> [Series; 3] {
    let limit = job.limits.samples as f64;
    [
        ("scrape_timeout_seconds", "Longest a scrape may take.", target.timeout.as_secs_f64()),
        ("scrape_sample_limit", "Most samples a page may have; 0 is no limit.", limit),
        ("scrape_body_size_bytes", "Bytes of the page, decompressed.", outcome.counts.bytes as f64),
    ]
}
