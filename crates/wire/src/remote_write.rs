//! Prometheus remote write: metrics as series, written as a `WriteRequest` of version 1.0 or a `Request` of 2.0, and read
//! from either by [`decode()`].
//!
//! A metric becomes one series for each of its points' sets of attributes; a histogram or a summary several. What
//! Prometheus has no form for is left out and counted: sums and histograms that tell changes (delta), since it keeps
//! running totals, and exponential histograms coarser than its schema -4.
//! Sources of the rules: "Prometheus and OpenMetrics Compatibility" of the OpenTelemetry specification, the Prometheus
//! remote write specifications 1.0 and 2.0, and `prompb` for the numbers of the fields.

mod decode;
mod exemplars;
mod labels;
mod names;
mod native;
mod origin;
mod points;
mod sink;
mod target;

use std::ops::Range;

use model::Batch;

pub use decode::{Decoded, Unreadable, decode};
use labels::Labels;
use origin::Origin;
use points::Points;
use sink::Sink;

/// Which message is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Version {
    /// `prometheus.WriteRequest`.
    One,
    /// `io.prometheus.write.v2.Request`, whose texts stand once each in a table.
    Two,
}

/// How metrics become series.
#[derive(Debug, Clone)]
pub struct Settings {
    pub version: Version,
    /// Stands before each name; empty for none.
    pub namespace: String,
    /// Labels of every series that has none of that name.
    pub external_labels: Vec<(String, String)>,
    /// Whether names end in their unit, and counters in `_total`.
    pub suffixes: bool,
    /// Whether a series `target_info` tells the attributes of each resource.
    pub target_info: bool,
    /// Whether a resource's attributes are labels of each of its series.
    pub resource_labels: bool,
    /// Whether `service.name`, `service.namespace` and `service.instance.id` are not among them.
    pub exclude_service: bool,
    /// Whether labels tell the scope.
    pub scope_labels: bool,
    /// Whether unit and description go along, and with version 1.0 the type, which 2.0 tells always.
    pub metadata: bool,
}

/// What became of data points.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Added {
    pub written: u64,
    /// Of sums and histograms that are not cumulative.
    pub not_cumulative: u64,
    /// Of exponential histograms whose buckets Prometheus cannot tell.
    pub unwritable: u64,
    /// Without a value.
    pub empty: u64,
}

/// Fills one request after the other.
pub struct Writer {
    settings: Settings,
    sink: Sink,
    labels: Labels,
}

impl Writer {
    pub fn new(settings: Settings) -> Writer {
        let sink = Sink::new(settings.version, settings.metadata);
        Writer { settings, sink, labels: Labels::default() }
    }

    /// Appends metrics of a batch; nothing where there are no such rows.
    pub fn add(&mut self, batch: &Batch, rows: Range<usize>) -> Added {
        let mut added = Added::default();
        let metrics = batch.metrics.get(rows).unwrap_or_default();
        for of_scope in metrics.chunk_by(|a, b| a.scope == b.scope) {
            let Some(first) = of_scope.first() else { continue };
            let origin = Origin::of_scope(batch, first.scope, &self.settings);
            for metric in of_scope {
                let (settings, sink, labels) = (&self.settings, &mut self.sink, &mut self.labels);
                Points::new(batch, metric, &origin, settings, sink, labels).write(&mut added);
            }
        }
        added
    }

    /// Appends `target_info` of the batch's resources, as of the last of their points. Once a batch, because time
    /// must not run backwards in a series.
    pub fn add_targets(&mut self, batch: &Batch) {
        if self.settings.target_info {
            target::write(batch, &self.settings, &mut self.sink, &mut self.labels);
        }
    }

    /// Bytes the request has so far.
    pub fn len(&self) -> usize {
        self.sink.len()
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Ends the request; the next one can begin.
    pub fn finish(&mut self) -> Vec<u8> {
        self.sink.finish()
    }
}

#[cfg(test)]
mod tests;
