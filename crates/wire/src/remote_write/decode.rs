//! Requests as metrics: each sample a point of the metric of its name, kept as it was written.
//!
//! Nothing is put together again: `x_bucket` with its `le` stays a counter of that name, as do `x_sum` and `x_count`, so
//! that the names that were written are the names that are found. `job` and `instance` become the resource's
//! `service.name` and `service.instance.id`, as of what is scraped; all other labels are attributes.
//! A request is walked twice, first for its texts and metadata, since protobuf lets fields come in any order. A series
//! that breaks the rules is left out and counted; damaged bytes spoil the request.
//! Sources: the Prometheus remote write specifications 1.0 and 2.0, and `prompb` for the numbers of the fields.

mod exemplars;
mod family;
mod histogram;
mod labels;
mod places;

use std::collections::HashMap;
use std::ops::Range;

use model::metric::{MetricKind, Point, PointValue};
use model::{Batch, List, Reason, Span, Tag, Value};

use self::exemplars::Orphans;
use self::family::{Shape, Told};
use self::labels::Labels;
use self::places::Places;
use super::Version;
use super::points::{NO_RECORDED_VALUE, STALE};
use crate::protobuf::{Damaged, Field, Message};
use crate::{Refused, add_refusal};

/// Most memory of one request's metrics. What senders write takes some ten times its bytes.
const MAX_BATCH_BYTES: usize = 256 << 20;

/// What a request held.
#[derive(Debug)]
pub struct Decoded {
    pub batch: Batch,
    /// Taken into the batch, as are the next two.
    pub samples: u64,
    pub histograms: u64,
    pub exemplars: u64,
    /// Samples and histograms that were left out.
    pub refused: Vec<Refused>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    #[error(transparent)]
    Damaged(#[from] Damaged),
    #[error("its series take too much memory; send fewer at a time")]
    TooLarge,
}

/// Reads a `WriteRequest` of version 1.0 or a `Request` of 2.0, decompressed.
pub fn decode(version: Version, request: Vec<u8>, tag: Tag) -> Result<Decoded, Unreadable> {
    let end = request.len();
    let mut decoder = Decoder::new(version, Batch::new(tag, request));
    decoder.texts_and_metadata(Message::within(0..end))?;
    let mut message = Message::within(0..end);
    while let Some(field) = message.next(decoder.input())? {
        match (version, field.number) {
            (Version::One, 1) | (Version::Two, 5) => decoder.series(field.range()?)?,
            _ => {}
        }
    }
    decoder.adopt()?;
    Ok(decoder.decoded)
}

struct Decoder {
    version: Version,
    decoded: Decoded,
    /// Texts of a request of version 2.0.
    symbols: Vec<Span>,
    /// What a request of version 1.0 tells of its metrics.
    families: HashMap<Box<[u8]>, Told>,
    places: Places,
    /// Of the series in hand.
    labels: Labels,
    orphans: Orphans,
    /// Bytes of points, beside the arena.
    held: usize,
}

/// A series without its values.
#[derive(Default)]
struct Head {
    told: Option<Told>,
    /// Since when it counts, in nanoseconds since the epoch.
    created: u64,
    /// Samples and histograms.
    values: u64,
    exemplars: u64,
}

/// Where the points of a series are going to be.
struct Series {
    name: Span,
    scope: u32,
    told: Told,
    created: u64,
}

impl Decoder {
    fn new(version: Version, batch: Batch) -> Decoder {
        Decoder {
            version,
            decoded: Decoded { batch, samples: 0, histograms: 0, exemplars: 0, refused: Vec::new() },
            symbols: Vec::new(),
            families: HashMap::new(),
            places: Places::default(),
            labels: Labels::default(),
            orphans: Orphans::default(),
            held: 0,
        }
    }

    fn input(&self) -> &[u8] {
        self.decoded.batch.arena.input()
    }

    fn texts_and_metadata(&mut self, mut message: Message) -> Result<(), Damaged> {
        while let Some(field) = message.next(self.input())? {
            match (self.version, field.number) {
                (Version::Two, 4) => {
                    let text = field.text(self.input())?;
                    self.symbols.push(Span::input(text.start, text.end));
                }
                (Version::One, 3) => {
                    let (family, told) = family::metadata(self.input(), field.message()?)?;
                    let family = self.decoded.batch.arena.bytes(family).into();
                    self.families.insert(family, told);
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn series(&mut self, range: Range<usize>) -> Result<(), Unreadable> {
        let head = self.head(range.clone())?;
        let name = match self.labels.settle(&self.decoded.batch.arena) {
            Ok(name) => name,
            Err(why) => {
                self.refuse(head.values, why);
                return Ok(());
            }
        };
        if head.values == 0 {
            if head.exemplars > 0 {
                self.orphans.note(range);
            }
            return Ok(());
        }
        let told = head.told.unwrap_or_else(|| self.told_of(name));
        let batch = &mut self.decoded.batch;
        let scope = self.places.scope(batch, self.labels.job, self.labels.instance);
        let series = Series { name, scope, told, created: head.created };
        let place = self.values(range.clone(), &series)?;
        if let Some(place) = place {
            self.exemplars(range.clone(), place)?;
            self.orphans.keep(range, place);
        }
        Ok(())
    }

    /// All but the values; the labels are filled.
    fn head(&mut self, range: Range<usize>) -> Result<Head, Damaged> {
        let (mut head, mut message) = (Head::default(), Message::within(range));
        self.labels.clear();
        while let Some(field) = message.next(self.input())? {
            match (self.version, field.number) {
                (_, 1) => {
                    let input = self.decoded.batch.arena.input();
                    self.labels.read(self.version, input, field, &self.symbols)?;
                }
                (_, 2) | (Version::One, 4) | (Version::Two, 3) => head.values += 1,
                (Version::One, 3) | (Version::Two, 4) => head.exemplars += 1,
                (Version::Two, 5) => {
                    head.told = family::of_series(self.input(), field.message()?, &self.symbols)?;
                }
                // Where earlier drafts of the second version tell it, and some senders still do.
                (Version::Two, 6) => head.created = nanoseconds(field.varint()?).unwrap_or(0),
                _ => {}
            }
        }
        Ok(head)
    }

    fn told_of(&self, name: Span) -> Told {
        match self.families.is_empty() {
            true => Told::default(),
            false => family::find(&self.families, self.decoded.batch.arena.bytes(name)),
        }
    }

    /// Its samples and histograms; the place of the last one taken.
    fn values(&mut self, range: Range<usize>, series: &Series) -> Result<Option<(usize, usize)>, Unreadable> {
        let (mut place, mut message) = (None, Message::within(range));
        while let Some(field) = message.next(self.input())? {
            let made = match (self.version, field.number) {
                (_, 2) => sample(self.input(), field.message()?)?,
                (Version::One, 4) | (Version::Two, 3) => histogram::point_of(self.input(), field)?,
                _ => continue,
            };
            match made {
                Ok(made) => place = Some(self.push(series, made)?),
                Err(why) => self.refuse(1, why),
            }
        }
        Ok(place)
    }

    fn push(&mut self, series: &Series, mut point: Point) -> Result<(usize, usize), Unreadable> {
        if point.start == 0 {
            point.start = series.created;
        }
        let batch = &mut self.decoded.batch;
        let shape = match &point.value {
            PointValue::Exponential(_) => Shape::of(MetricKind::ExponentialHistogram),
            PointValue::Histogram(_) => Shape::of(MetricKind::Histogram),
            _ => Shape::of_number(series.told.kind, batch.arena.bytes(series.name)),
        };
        match shape.kind {
            MetricKind::ExponentialHistogram | MetricKind::Histogram => self.decoded.histograms += 1,
            _ => self.decoded.samples += 1,
        }
        // Each point has a list of its own, since what changes one must not change another.
        for (name, value) in &self.labels.rest {
            batch.arena.push(&mut point.attributes, *name, Value::Str(*value));
        }
        self.held += size_of::<Point>() + histogram::byte_size(&point.value);
        let metric = self.places.metric(batch, series, shape);
        let points = &mut batch.metrics[metric].points;
        points.push(point);
        let place = (metric, points.len() - 1);
        self.check_memory()?;
        Ok(place)
    }

    fn check_memory(&self) -> Result<(), Unreadable> {
        match self.decoded.batch.arena.byte_size() + self.held > MAX_BATCH_BYTES {
            true => Err(Unreadable::TooLarge),
            false => Ok(()),
        }
    }

    fn refuse(&mut self, records: u64, why: &'static str) {
        if records > 0 {
            // Their bytes are counted with those of the request.
            let refused = Refused { reason: Reason::Malformed, records, bytes: 0, why };
            add_refusal(&mut self.decoded.refused, refused);
        }
    }
}

/// A point, or why there is none.
type Made = Result<Point, &'static str>;

fn sample(input: &[u8], mut message: Message) -> Result<Made, Damaged> {
    let (mut value, mut time, mut start) = (0.0, 0, 0);
    while let Some(field) = message.next(input)? {
        match field.number {
            1 => value = double(&field)?,
            2 => time = field.varint()?,
            3 => start = field.varint()?,
            _ => {}
        }
    }
    Ok(point(PointValue::Double(value), value, time, start))
}

/// `told` is what a stale marker stands in; times are in milliseconds.
fn point(value: PointValue, told: f64, time: u64, start: u64) -> Made {
    let Some(time) = nanoseconds(time) else { return Err("a time before 1970, or too far ahead") };
    let flags = if told.to_bits() == STALE.to_bits() { NO_RECORDED_VALUE } else { 0 };
    let start = nanoseconds(start).unwrap_or(0);
    Ok(Point { start, time, attributes: List::EMPTY, flags, exemplars: Vec::new(), value })
}

/// Of milliseconds, which are signed. `None` where they are negative or too many.
fn nanoseconds(milliseconds: u64) -> Option<u64> {
    milliseconds.checked_mul(1_000_000)
}

fn double(field: &Field) -> Result<f64, Damaged> {
    field.fixed64().map(f64::from_bits)
}
