//! What tests of this crate and of others ask: series in memory, and a way to wait for them.

use std::future::Future;
use std::pin::pin;
use std::task::{Context, Poll, Waker};

use crate::matcher::Matcher;
use crate::series::{Samples, Series};
use crate::source::{Source, SourceError};

/// Series that lie in memory.
#[derive(Debug, Default)]
pub struct Memory(pub Vec<Series>);

impl Source for Memory {
    async fn select(&self, matchers: &[Matcher], from: i64, to: i64) -> Result<Vec<Series>, SourceError> {
        let fits = |series: &&Series| matchers.iter().all(|m| m.is_match(series.labels.get(&m.name)));
        let cut = |series: &Series| {
            let times = &series.samples.times;
            let place = times.partition_point(|time| *time < from)..times.partition_point(|time| *time <= to);
            let samples = Samples {
                times: times[place.clone()].to_vec(),
                values: series.samples.values[place].to_vec(),
            };
            Series { labels: series.labels.clone(), samples }
        };
        Ok(self.0.iter().filter(fits).map(cut).filter(|series| !series.samples.is_empty()).collect())
    }
}

/// Waits for a future that never sleeps.
///
/// # Panics
///
/// Panics if it sleeps.
pub fn ready<T>(future: impl Future<Output = T>) -> T {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(value) => value,
        Poll::Pending => panic!("the source of a test sleeps"),
    }
}
