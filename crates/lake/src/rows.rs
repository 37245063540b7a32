//! Turns batches into payloads: rows of every table that a batch tells something of.

mod block;
mod columns;
mod logs;
mod metrics;
mod series;
mod spans;
mod traces;
mod value;

use model::{Batch, Signal};

use crate::{LakeError, Table, payload};

use logs::LogRows;
use metrics::MetricRows;
use spans::SpanRows;

/// Open columns of the tables. Owned by one encoder.
#[derive(Default)]
pub struct Rows {
    logs: LogRows,
    spans: SpanRows,
    metrics: MetricRows,
    records: u64,
    bytes: usize,
}

impl Rows {
    /// Adds every row of the batch. `now` stands in where a log record has no time, in nanoseconds since the epoch.
    pub fn push(&mut self, batch: &Batch, now: u64) {
        match batch.signal() {
            Signal::Logs => self.logs.push(batch, now),
            Signal::Traces => self.spans.push(batch),
            Signal::Metrics => self.metrics.push(batch),
        }
        self.records += batch.len() as u64;
        self.bytes += batch.byte_size();
    }

    /// Log records, spans and data points since the last [`Rows::seal`].
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Bytes of the batches since the last [`Rows::seal`]: about what the payload weighs.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The payload with everything added since the last one. `id` is its own for ever.
    pub fn seal(&mut self, id: payload::Id) -> Result<Vec<u8>, LakeError> {
        (self.records, self.bytes) = (0, 0);
        let (spans, traces) = self.spans.finish()?;
        let [series, points, histograms] = self.metrics.finish()?;
        let mut tables = vec![
            (Table::Logs, self.logs.finish()?),
            (Table::Spans, spans),
            (Table::Traces, traces),
            (Table::Series, series),
            (Table::Points, points),
            (Table::Histograms, histograms),
        ];
        tables.retain(|(_, rows)| rows.num_rows() > 0);
        payload::encode(id, &tables)
    }
}

#[cfg(test)]
mod tests;
