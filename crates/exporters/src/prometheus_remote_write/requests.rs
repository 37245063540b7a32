//! Fills requests with series; a full one is compressed at once, because snappy takes a body whole.

use engine::{Encoder, Payload, Sealed};
use model::{Batch, Reason};
use tracing::warn;
use wire::remote_write::{Added, Settings, Version, Writer};

use crate::otlp::stride;

const ONE: &str = "1.0";
const TWO: &str = "2.0";

/// The route tells the version, because a payload may outlive the settings it was made under.
pub fn version_of(route: &str) -> Version {
    if route == TWO { Version::Two } else { Version::One }
}

pub struct Requests {
    writer: Writer,
    version: Version,
    max_bytes: usize,
    points: u64,
    /// Whether it was told that points are not cumulative: each encoder says so once, the rest is in the counts.
    warned: bool,
}

impl Requests {
    pub fn new(settings: Settings, max_bytes: usize) -> Requests {
        let version = settings.version;
        Requests { writer: Writer::new(settings), version, max_bytes, points: 0, warned: false }
    }

    fn account(&mut self, added: Added, out: &mut Sealed) {
        self.points += added.written;
        out.discard(Reason::Rejected, added.not_cumulative + added.unwritable);
        out.discard(Reason::Empty, added.empty);
        if added.not_cumulative + added.unwritable > 0 && !self.warned {
            self.warned = true;
            let Added { not_cumulative, unwritable, .. } = added;
            warn!(
                not_cumulative,
                unwritable, "points that Prometheus has no form for; dropped, and told only once"
            );
        }
    }
}

impl Encoder for Requests {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if batch.metrics.is_empty() {
            return out.discard(Reason::Unmatched, batch.len() as u64);
        }
        self.writer.add_targets(batch);
        let mut start = 0;
        while start < batch.metrics.len() {
            let (rows, _) = stride(batch, start);
            start = rows.end;
            let added = self.writer.add(batch, rows);
            self.account(added, out);
            if self.writer.len() >= self.max_bytes {
                self.seal(out);
            }
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        let plain = self.writer.finish();
        let points = std::mem::take(&mut self.points);
        // Without points there is at most a `target_info` that leads nowhere.
        if points == 0 {
            return;
        }
        let route = match self.version {
            Version::One => ONE,
            Version::Two => TWO,
        };
        match snap::raw::Encoder::new().compress_vec(&plain) {
            Ok(body) => out.push(Payload::new(body, route, points, plain.len() as u64)),
            // Only beyond 4 GiB.
            Err(_) => out.discard(Reason::TooLarge, points),
        }
    }
}
