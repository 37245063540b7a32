//! From a page to samples under their rules.

use std::borrow::Cow;

use wire::prometheus::{Entry, Exposition, Families, Parser, Sample, protobuf};

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

/// A page being read, however it is written.
enum Reader<'a> {
    Text(Parser<'a>),
    Protobuf(Box<protobuf::Parser<'a>>),
}

impl<'a> Reader<'a> {
    fn new(body: &'a [u8], exposition: Exposition, job: &Job) -> Result<Reader<'a>, ScrapeError> {
        Ok(match exposition {
            Exposition::Text(format) => Reader::Text(Parser::new(body, format).map_err(unreadable)?),
            Exposition::Protobuf => Reader::Protobuf(Box::new(protobuf::Parser::new(body, job.histograms))),
        })
    }

    fn advance(&mut self) -> Result<Option<Entry<'a>>, ScrapeError> {
        match self {
            Reader::Text(parser) => parser.advance().map_err(unreadable),
            Reader::Protobuf(parser) => parser.advance().map_err(unreadable),
        }
    }

    fn sample_mut(&mut self) -> &mut Sample<'a> {
        match self {
            Reader::Text(parser) => parser.sample_mut(),
            Reader::Protobuf(parser) => parser.sample_mut(),
        }
    }
}

/// Every sample of a page, relabelled. The first thing wrong ends it.
pub fn read<'a>(
    body: &'a [u8],
    exposition: Exposition,
    job: &'a Job,
    target: &'a Target,
    translation: &mut Translation<'_>,
) -> Result<Counts, ScrapeError> {
    let mut counts = Counts { bytes: body.len() as u64, ..Counts::default() };
    let (mut families, mut labels) = (Families::default(), Labels::default());
    let mut reader = Reader::new(body, exposition, job)?;
    while let Some(entry) = reader.advance()? {
        if entry != Entry::Sample {
            families.note(entry);
            continue;
        }
        counts.samples += 1;
        let sample = reader.sample_mut();
        if !relabel(sample, &mut labels, job, target)? {
            continue;
        }
        counts.kept += 1;
        if job.limits.samples > 0 && counts.kept > job.limits.samples {
            return Err(unreadable(format!("more than {} samples", job.limits.samples)));
        }
        translation.sample(&families, &relabelled(&labels, sample, job));
        if translation.is_full() {
            return Err(unreadable("its samples take too much memory; set `sample_limit`, or drop some"));
        }
    }
    Ok(counts)
}

fn relabelled<'s>(labels: &'s Labels<'s>, sample: &'s Sample<'s>, job: &Job) -> Relabelled<'s> {
    let given = sample.timestamp.filter(|_| job.config.honor_timestamps);
    let timestamp = given.map(|at| u64::try_from(at).unwrap_or(0));
    let watched = given.is_none() || job.config.track_timestamps_staleness;
    let start = sample.start.map(|at| u64::try_from(at).unwrap_or(0));
    let (value, exemplar, histogram) = (sample.value, sample.exemplar.as_ref(), sample.histogram.as_deref());
    Relabelled { labels, value, timestamp, start, exemplar, histogram, watched }
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
    add_target(labels, target, job.config.honor_labels);
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

/// Gives a sample its target's labels. Where both have one, the other's is kept under another name, or honoured.
fn add_target<'a>(labels: &mut Labels<'a>, target: &'a Target, honor_labels: bool) {
    for (name, value) in target.labels.iter() {
        if honor_labels {
            labels.set_if_absent(name, value);
        } else if let Some(own) = labels.replace(name, value) {
            let mut exported = format!("exported_{name}");
            while !labels.get(&exported).is_empty() || !target.labels.get(&exported).is_empty() {
                exported.insert_str(0, "exported_");
            }
            labels.set(exported, own);
        }
    }
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
