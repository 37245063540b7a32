//! Fills requests, one a tenant: records of the same labels are one stream, in the order of time.

use std::collections::BTreeMap;
use std::sync::Arc;

use engine::{Encoder, Sealed};
use model::{Batch, Reason};
use tracing::warn;

use super::push::{self, ENTRY_OVERHEAD, Entry};
use super::{Settings, labels, line};

/// Tenants with open requests at once; with more than this the oldest is sent early.
const MAX_TENANTS: usize = 64;

pub struct Streams {
    settings: Arc<Settings>,
    open: Vec<Open>,
    /// Whether it was told that lines are cut: each encoder says so once.
    told: bool,
}

/// The request of a tenant; its name is empty for the one of the settings.
struct Open {
    tenant: String,
    streams: BTreeMap<String, Vec<Entry>>,
    records: u64,
    bytes: usize,
}

impl Streams {
    pub fn new(settings: Arc<Settings>) -> Streams {
        Streams { settings, open: Vec::new(), told: false }
    }

    fn add(&mut self, tenant: String, labels: String, entry: Entry, out: &mut Sealed) {
        let place = self.open.iter().position(|open| open.tenant == tenant).unwrap_or_else(|| {
            if self.open.len() == MAX_TENANTS {
                self.open.remove(0).seal(out);
            }
            self.open.push(Open { tenant, streams: BTreeMap::new(), records: 0, bytes: 0 });
            self.open.len() - 1
        });
        let open = &mut self.open[place];
        let bytes = entry.line.len() + ENTRY_OVERHEAD;
        if open.records > 0 && open.bytes + bytes > self.settings.max_body_bytes {
            open.seal(out);
        }
        let of_labels = labels.len();
        let entries = open.streams.entry(labels).or_default();
        open.bytes += bytes + if entries.is_empty() { of_labels } else { 0 };
        entries.push(entry);
        open.records += 1;
    }

    fn cut(&mut self, line: &mut String) {
        let most = self.settings.max_line_bytes;
        if line.len() <= most {
            return;
        }
        if !self.told {
            self.told = true;
            warn!(bytes = line.len(), most, "line is longer than Loki takes; cut, and told only once");
        }
        line.truncate(line.floor_char_boundary(most));
    }
}

impl Encoder for Streams {
    fn encode(&mut self, batch: &Batch, out: &mut Sealed) {
        if batch.logs.is_empty() {
            return out.discard(Reason::Unmatched, batch.len() as u64);
        }
        let settings = self.settings.clone();
        for record in &batch.logs {
            let chosen = labels::choose(batch, record, &settings);
            let Some(mut line) = line::write(batch, record, &chosen) else {
                out.discard(Reason::Empty, 1);
                continue;
            };
            self.cut(&mut line);
            let time = [record.time, record.observed].into_iter().find(|time| *time != 0);
            let time = time.unwrap_or_else(engine::clock::now_nanos);
            let tenant = chosen.tenant.unwrap_or_default();
            self.add(tenant, chosen.labels, Entry { time, line }, out);
        }
    }

    fn seal(&mut self, out: &mut Sealed) {
        self.open.drain(..).for_each(|mut open| open.seal(out));
    }
}

impl Open {
    fn seal(&mut self, out: &mut Sealed) {
        let records = std::mem::take(&mut self.records);
        self.bytes = 0;
        let mut plain = Vec::new();
        for (labels, mut entries) in std::mem::take(&mut self.streams) {
            entries.sort_by_key(|entry| entry.time);
            push::write_stream(&labels, &entries, &mut plain);
        }
        match push::seal(&plain, &self.tenant, records) {
            Some(payload) if records > 0 => out.push(payload),
            Some(_) => {}
            None => out.discard(Reason::TooLarge, records),
        }
    }
}
