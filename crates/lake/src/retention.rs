//! Which segments go: those older than the limit, then the oldest above the size.

use std::sync::Arc;

use crate::{Segment, Settings, Table};

/// Logs go before spans, spans before metrics, where their age is the same hour.
fn weight(table: Table) -> u8 {
    match table {
        Table::Logs => 0,
        Table::Spans => 1,
        Table::Traces => 2,
        Table::Series | Table::Points | Table::Histograms => 3,
    }
}

const HOUR: i64 = 3_600_000_000;

pub(crate) fn choose(segments: &[Arc<Segment>], settings: &Settings) -> Vec<Arc<Segment>> {
    let oldest = (settings.now)() - settings.max_age.as_micros() as i64;
    let (mut gone, mut kept): (Vec<_>, Vec<_>) =
        segments.iter().cloned().partition(|segment| segment.max_time < oldest);
    kept.sort_by_key(|segment| (segment.max_time / HOUR, weight(segment.table), segment.max_time));
    let mut bytes: u64 = kept.iter().map(|segment| segment.bytes).sum();
    for segment in kept {
        if bytes <= settings.max_bytes {
            break;
        }
        bytes -= segment.bytes;
        gone.push(segment);
    }
    gone
}
