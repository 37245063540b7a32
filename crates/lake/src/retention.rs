//! Which segments go: those older than the limit, then the oldest above the size. What is published goes first, as it is
//! a copy.

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

/// Segments that go.
#[derive(Default)]
pub(crate) struct Going {
    /// Their rows, as well.
    pub gone: Vec<Arc<Segment>>,
    /// Their files; an object has the rows.
    pub released: Vec<Arc<Segment>>,
}

impl Going {
    fn put(&mut self, segment: Arc<Segment>) {
        let list = if segment.is_published() { &mut self.released } else { &mut self.gone };
        list.push(segment);
    }
}

pub(crate) fn choose(segments: &[Arc<Segment>], settings: &Settings) -> Going {
    let now = (settings.now)();
    let oldest = now - settings.max_age.as_micros() as i64;
    let oldest_object = settings.publish.as_ref().and_then(|publish| publish.max_age);
    let oldest_object = oldest_object.map_or(i64::MIN, |age| now - age.as_micros() as i64);
    let mut going = Going::default();
    let mut kept = Vec::new();
    for segment in segments {
        let published = segment.is_published();
        match segment.max_time {
            time if published && time < oldest_object => going.gone.push(segment.clone()),
            time if segment.is_local() && time < oldest => going.put(segment.clone()),
            _ if segment.is_local() => kept.push(segment.clone()),
            _ => {}
        }
    }
    kept.sort_by_key(|segment| {
        let age = (segment.max_time / HOUR, weight(segment.table), segment.max_time);
        (!segment.is_published(), age)
    });
    let mut bytes: u64 = kept.iter().map(|segment| segment.bytes).sum();
    for segment in kept {
        if bytes <= settings.max_bytes {
            break;
        }
        bytes -= segment.bytes;
        going.put(segment);
    }
    going
}
