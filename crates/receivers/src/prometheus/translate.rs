//! From samples to OTLP's metrics, and the memory of which series a target had.
//!
//! A histogram's and a summary's samples are gathered into one point. A series is a metric with its attributes; one
//! that was there in the scrape before and is no more ends with a point that records no value. A native histogram is a
//! series of its own, beside one of the same name whose buckets have bounds.

mod point;
mod resource;
mod shape;

use std::collections::HashMap;
use std::sync::Arc;

use model::{Batch, Tag};
use wire::prometheus::protobuf::NativeHistogram;
use wire::prometheus::{Exemplar, Families, Family, Kind, Part, native, ucum};

use super::labels::{Labels, NAME};
use point::Draft;
use resource::Scopes;
use shape::{Shape, trimmed};

/// Most memory of one scrape's metrics. A page of the largest size stays below, unless its target has many labels.
const MAX_BATCH_BYTES: usize = 512 << 20;

/// Between the parts of a series' key; it stands in no UTF-8 text.
const SEPARATOR: u8 = 0xff;
/// Behind the name of a native histogram; it stands in none either.
const NATIVE: u8 = 0xfe;

#[derive(Debug)]
struct Entry {
    shape: Arc<Shape>,
    /// The latest scrape that had it.
    seen: u64,
    /// Its place among that scrape's drafts.
    draft: usize,
    /// A point was sent.
    sent: bool,
    /// Its end is to be told.
    watched: bool,
}

/// The series of one target.
#[derive(Debug, Default)]
pub struct Series {
    /// By job, instance, metric and attributes.
    entries: HashMap<Box<[u8]>, Entry>,
    shapes: HashMap<String, Arc<Shape>>,
    /// Those of native histograms.
    native_shapes: HashMap<String, Arc<Shape>>,
    scrape: u64,
}

/// What is the same for every scrape of a target.
#[derive(Debug, Clone, Default)]
pub struct TranslationSettings {
    pub scheme: String,
    /// The target's own, for samples that relabelling has left without.
    pub job: String,
    pub instance: String,
    /// Names lose `_total` and their unit.
    pub trim_suffixes: bool,
}

/// One scrape under translation.
pub struct Translation<'s> {
    series: &'s mut Series,
    settings: TranslationSettings,
    batch: Batch,
    scopes: Scopes,
    drafts: Vec<Draft>,
    /// Series that were not there before.
    pub added: u64,
    /// Nanoseconds since the epoch.
    time: u64,
    key: Vec<u8>,
    /// Bytes of the buckets of native histograms.
    buckets: usize,
}

/// One sample after relabelling.
pub struct Relabelled<'a> {
    pub labels: &'a Labels<'a>,
    pub value: f64,
    /// Nanoseconds since the epoch, when the page gave it.
    pub timestamp: Option<u64>,
    /// Since when it counts, likewise.
    pub start: Option<u64>,
    pub exemplar: Option<&'a Exemplar<'a>>,
    /// In place of a value.
    pub histogram: Option<&'a NativeHistogram<'a>>,
    /// Whether the end of its series is told.
    pub watched: bool,
}

impl<'s> Translation<'s> {
    pub fn new(
        series: &'s mut Series,
        tag: Tag,
        time: u64,
        settings: TranslationSettings,
    ) -> Translation<'s> {
        series.scrape += 1;
        Translation {
            series,
            batch: Batch::new(tag, Vec::new()),
            scopes: Scopes::new(&settings.scheme),
            settings,
            drafts: Vec::new(),
            added: 0,
            time,
            key: Vec::new(),
            buckets: 0,
        }
    }

    /// There is no room for more.
    pub fn is_full(&self) -> bool {
        let drafts = self.drafts.len() * size_of::<Draft>();
        self.batch.arena.byte_size() + drafts + self.buckets > MAX_BATCH_BYTES
    }

    /// Takes in a sample, whose name is one of its labels.
    pub fn sample(&mut self, families: &Families, sample: &Relabelled<'_>) {
        let name = sample.labels.get(NAME);
        if let Some(histogram) = sample.histogram {
            return self.native(families.called(name), sample, histogram);
        }
        let (family, part) = match families.of(name) {
            Some((family, part)) => (Some(family), part),
            None => (None, Part::Value),
        };
        let kind = family.map_or(Kind::Unknown, |family| family.kind);
        if name == "target_info" {
            return self.scopes.target_info(&mut self.batch.arena, sample.labels);
        }
        if kind == Kind::GaugeHistogram {
            return;
        }
        let bound = match (kind, part) {
            (Kind::Histogram, Part::Bucket) => Some("le"),
            (Kind::Summary, Part::Value) => Some("quantile"),
            _ => None,
        };
        let number = bound.map(|label| sample.labels.get(label).parse::<f64>());
        let Ok(number) = number.transpose() else { return };
        let shape = self.shape(name, family, part, false);
        self.write_key(sample.labels, &shape);
        let place = self.draft(shape, sample);
        let exemplar =
            sample.exemplar.map(|exemplar| point::exemplar(&mut self.batch.arena, exemplar, self.time));
        let draft = &mut self.drafts[place];
        draft.exemplars.extend(exemplar);
        draft.start = draft.start.or(sample.start);
        draft.take(part, number, sample.value);
    }

    fn native(&mut self, family: Option<&Family>, sample: &Relabelled<'_>, histogram: &NativeHistogram<'_>) {
        if family.is_some_and(|family| family.kind == Kind::GaugeHistogram) {
            return;
        }
        let shape = self.shape(sample.labels.get(NAME), family, Part::Value, true);
        self.write_key(sample.labels, &shape);
        let place = self.draft(shape, sample);
        let draft = &mut self.drafts[place];
        if draft.native.is_some() {
            return;
        }
        draft.start = sample.start;
        let arena = &mut self.batch.arena;
        draft.exemplars = histogram.exemplars.iter().map(|e| point::exemplar(arena, e, self.time)).collect();
        let point = native::exponential(histogram);
        self.buckets += native::byte_size(&point);
        draft.native = Some(Box::new(point));
    }

    /// The metric's shape, made once for as long as the page says the same of it.
    fn shape(&mut self, sample: &str, family: Option<&Family>, part: Part, native: bool) -> Arc<Shape> {
        // Relabelling may have given a native histogram another name.
        let unknown = if native { Kind::Histogram } else { Kind::Unknown };
        let kind = family.map_or(unknown, |family| family.kind);
        let total;
        let name = match (family, kind) {
            _ if native => sample,
            (Some(family), Kind::Histogram | Kind::Summary) => family.name.as_str(),
            (Some(family), Kind::Counter) if part == Part::Created => {
                total = format!("{}_total", family.name);
                total.as_str()
            }
            _ => sample,
        };
        let (help, unit) = family.map_or(("", ""), |family| (family.help.as_str(), family.unit.as_str()));
        let shapes = if native { &mut self.series.native_shapes } else { &mut self.series.shapes };
        if let Some(shape) = shapes.get(name)
            && (shape.kind, shape.help.as_str()) == (kind, help)
        {
            return shape.clone();
        }
        let trimmed = if self.settings.trim_suffixes { trimmed(name, kind, unit) } else { name };
        let (shown, help) = (trimmed.to_owned(), help.to_owned());
        let unit = if unit.is_empty() { String::new() } else { ucum(unit) };
        let shape = Arc::new(Shape { name: shown, help, unit, kind, native });
        shapes.insert(name.to_owned(), shape.clone());
        shape
    }

    /// Job, instance, metric, and each label that becomes an attribute.
    fn write_key(&mut self, labels: &Labels<'_>, shape: &Shape) {
        let key = &mut self.key;
        key.clear();
        let own = [&self.settings.job, &self.settings.instance];
        let [job, instance] =
            [("job", own[0]), ("instance", own[1])].map(|(label, own)| match labels.get(label) {
                "" => own,
                value => value,
            });
        for part in [job, instance, &shape.name] {
            key.extend_from_slice(part.as_bytes());
            key.push(SEPARATOR);
        }
        if shape.native {
            // Behind the name, which is read from the shape alone.
            key.insert(key.len() - 1, NATIVE);
        }
        let bound = match shape.kind {
            Kind::Histogram if !shape.native => "le",
            Kind::Summary => "quantile",
            _ => "job",
        };
        for (name, value) in labels.iter() {
            if name == bound || name == "job" || name == "instance" || name.starts_with("__") {
                continue;
            }
            for part in [name, value] {
                key.extend_from_slice(part.as_bytes());
                key.push(SEPARATOR);
            }
        }
    }

    /// The draft of the series whose key was written.
    fn draft(&mut self, shape: Arc<Shape>, sample: &Relabelled<'_>) -> usize {
        let (place, scrape) = (self.drafts.len(), self.series.scrape);
        let watched = sample.watched;
        match self.series.entries.get_mut(self.key.as_slice()) {
            Some(entry) if entry.seen == scrape && Arc::ptr_eq(&entry.shape, &shape) => return entry.draft,
            Some(entry) => {
                *entry = Entry { shape: shape.clone(), seen: scrape, draft: place, sent: entry.sent, watched }
            }
            None => {
                self.added += 1;
                let entry = Entry { shape: shape.clone(), seen: scrape, draft: place, sent: false, watched };
                self.series.entries.insert(self.key.as_slice().into(), entry);
            }
        }
        let (scope, attributes) = self.scopes.locate(&mut self.batch, &self.key);
        let time = sample.timestamp.unwrap_or(self.time);
        self.drafts.push(Draft::new(shape, scope, attributes, time));
        place
    }

    /// Forgets what was taken in: the page turned out to be bad.
    pub fn abandon(&mut self) {
        self.drafts.clear();
        self.added = 0;
        let scrape = self.series.scrape;
        self.series.entries.retain(|_, entry| entry.sent);
        for entry in self.series.entries.values_mut().filter(|entry| entry.seen == scrape) {
            entry.seen = 0;
        }
    }

    /// The batch, with an end for each series that this scrape did not have.
    pub fn finish(mut self) -> Batch {
        let scrape = self.series.scrape;
        let gone: Vec<_> = self.series.entries.extract_if(|_, entry| entry.seen != scrape).collect();
        for (key, entry) in gone.into_iter().filter(|(_, entry)| entry.sent && entry.watched) {
            let (scope, attributes) = self.scopes.locate(&mut self.batch, &key);
            let mut draft = Draft::new(entry.shape, scope, attributes, self.time);
            draft.ended = true;
            self.drafts.push(draft);
        }
        for entry in self.series.entries.values_mut() {
            entry.sent = self.drafts.get(entry.draft).is_some_and(Draft::has_point);
        }
        for shapes in [&mut self.series.shapes, &mut self.series.native_shapes] {
            shapes.retain(|_, shape| Arc::strong_count(shape) > 1);
        }
        let mut places: HashMap<(u32, *const Shape), usize> = HashMap::new();
        for draft in std::mem::take(&mut self.drafts) {
            let metric = *places.entry((draft.scope, Arc::as_ptr(&draft.shape))).or_insert_with(|| {
                self.batch.metrics.push(draft.shape.metric(&mut self.batch.arena, draft.scope));
                self.batch.metrics.len() - 1
            });
            self.batch.metrics[metric].points.extend(draft.into_point());
        }
        self.batch.metrics.retain(|metric| !metric.points.is_empty());
        self.scopes.finish(&mut self.batch);
        self.batch
    }
}

#[cfg(test)]
mod tests;
