//! Prometheus' protobuf exposition: delimited messages `io.prometheus.client.MetricFamily`, from bytes to samples.
//!
//! It yields what the text formats do: a histogram's buckets are samples of their own, each with its label `le`. Only a
//! native histogram is one sample, whose buckets lie beside it; the text formats have none. One damaged message
//! spoils the page. Source: `metrics.proto` of Prometheus' client model.

use std::borrow::Cow;

use super::{Entry, Exemplar, Kind, Label, Sample};
use crate::protobuf::{Damaged, Field, Message};

/// Labels that the samples of a page may have together. A small message can ask for many: each of its buckets is a
/// sample with all its labels.
const MAX_LABELS: usize = 64 << 20;

/// Schemas whose buckets grow by a factor. Prometheus writes up to 8, OpenTelemetry's scales reach further.
pub(crate) const SCHEMAS: std::ops::RangeInclusive<i32> = -4..=20;

/// What is made of a histogram that has buckets of both sorts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Histograms {
    /// The native buckets are read; otherwise they are passed over.
    pub native: bool,
    /// The others are read beside native ones.
    pub always_classic: bool,
}

/// A histogram whose buckets grow by the factor 2^(2^-schema).
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NativeHistogram<'a> {
    /// Counts that are told as floats are rounded, as are those of buckets.
    pub count: u64,
    pub sum: f64,
    pub schema: i32,
    pub zero_threshold: f64,
    pub zero_count: u64,
    /// Numbers rise. Bucket `i` ends at the factor to the power of `i`, and holds it.
    pub positive: Vec<(i32, u64)>,
    pub negative: Vec<(i32, u64)>,
    pub exemplars: Vec<Exemplar<'a>>,
}

/// Reads a page from its start; used like [`super::Parser`].
pub struct Parser<'a> {
    page: &'a [u8],
    at: usize,
    histograms: Histograms,
    family: Family<'a>,
    metrics: Message,
    metric: Metric<'a>,
    sample: Sample<'a>,
    labels: usize,
}

#[derive(Default)]
struct Family<'a> {
    name: &'a str,
    help: &'a str,
    unit: &'a str,
    kind: Kind,
    /// What is still to be said of it.
    untold: u8,
}

/// A metric on its way to be samples.
#[derive(Default)]
struct Metric<'a> {
    labels: Vec<Label<'a>>,
    /// Nanoseconds since the epoch, as are those below.
    timestamp: Option<i64>,
    start: Option<i64>,
    value: f64,
    exemplar: Option<Exemplar<'a>>,
    count: f64,
    sum: f64,
    /// Bounds and what is below each, or quantiles and their values.
    parts: Vec<(f64, f64, Option<Exemplar<'a>>)>,
    native: Option<Box<NativeHistogram<'a>>>,
    steps: std::vec::IntoIter<Step>,
}

/// One sample to be made of a metric.
#[derive(Clone, Copy)]
enum Step {
    Value,
    Native,
    Count,
    Sum,
    Part(usize),
    /// The bucket without a bound, where the metric leaves it out.
    Infinity,
}

impl<'a> Parser<'a> {
    pub fn new(page: &'a [u8], histograms: Histograms) -> Parser<'a> {
        Parser {
            page,
            at: 0,
            histograms,
            family: Family::default(),
            metrics: Message::within(0..0),
            metric: Metric::default(),
            sample: Sample::default(),
            labels: 0,
        }
    }

    /// As [`super::Parser::sample_mut`].
    pub fn sample_mut(&mut self) -> &mut Sample<'a> {
        &mut self.sample
    }

    /// As [`super::Parser::advance`].
    pub fn advance(&mut self) -> Result<Option<Entry<'a>>, Damaged> {
        loop {
            if let Some(entry) = self.family.tell() {
                return Ok(Some(entry));
            }
            if let Some(step) = self.metric.steps.next() {
                self.labels += self.metric.labels.len();
                if self.labels > MAX_LABELS {
                    return Err(Damaged { at: self.at, why: "its samples have too many labels together" });
                }
                self.sample = self.metric.sample(step, self.family.name, self.family.kind);
                return Ok(Some(Entry::Sample));
            }
            match self.metrics.next(self.page)? {
                Some(field) if field.number == 4 => self.metric = self.read_metric(field)?,
                Some(_) => {}
                None if self.at == self.page.len() => return Ok(None),
                None => self.read_family()?,
            }
        }
    }

    fn read_family(&mut self) -> Result<(), Damaged> {
        // A length and a message: as a field's content, but for the key.
        let mut length = 0u64;
        let start = self.at;
        loop {
            let byte = *self.page.get(self.at).ok_or(Damaged { at: start, why: "a length cut off" })?;
            let shift = 7 * (self.at - start);
            self.at += 1;
            if shift > 28 {
                return Err(Damaged { at: start, why: "a message of more than a page" });
            }
            length |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                break;
            }
        }
        if length > (self.page.len() - self.at) as u64 {
            return Err(Damaged { at: start, why: "a message longer than the page" });
        }
        let range = self.at..self.at + length as usize;
        self.at = range.end;
        self.family = Family::read(self.page, Message::within(range.clone()))?;
        if self.family.name.is_empty() {
            return Err(Damaged { at: start, why: "a family without a name" });
        }
        self.metrics = Message::within(range);
        Ok(())
    }

    fn read_metric(&self, field: Field) -> Result<Metric<'a>, Damaged> {
        let mut metric = Metric::default();
        let mut steps = Vec::new();
        let mut message = field.message()?;
        while let Some(field) = message.next(self.page)? {
            match (field.number, self.family.kind) {
                (1, _) => metric.labels.push(label(self.page, field)?),
                (6, _) => {
                    let millis = field.varint()? as i64;
                    metric.timestamp = Some(millis.saturating_mul(1_000_000));
                }
                (2, Kind::Gauge) | (3, Kind::Counter) | (5, Kind::Unknown) => {
                    metric.read_value(self.page, field)?;
                    steps = vec![Step::Value];
                }
                (4, Kind::Summary) => steps = metric.read_summary(self.page, field)?,
                (7, Kind::Histogram | Kind::GaugeHistogram) => {
                    steps = metric.read_histogram(self.page, field, self.histograms)?;
                }
                _ => {}
            }
        }
        metric.steps = steps.into_iter();
        Ok(metric)
    }
}

impl<'a> Family<'a> {
    /// All but the metrics. They may come in any order, so this reads the message once for itself.
    fn read(page: &'a [u8], mut message: Message) -> Result<Family<'a>, Damaged> {
        // The first of the kinds is what is left out.
        let mut family = Family { kind: Kind::Counter, untold: 3, ..Family::default() };
        while let Some(field) = message.next(page)? {
            match field.number {
                1 => family.name = text(page, field)?,
                2 => family.help = text(page, field)?,
                3 => {
                    family.kind = match field.varint()? {
                        0 => Kind::Counter,
                        1 => Kind::Gauge,
                        2 => Kind::Summary,
                        4 => Kind::Histogram,
                        5 => Kind::GaugeHistogram,
                        _ => Kind::Unknown,
                    }
                }
                5 => family.unit = text(page, field)?,
                _ => {}
            }
        }
        Ok(family)
    }

    fn tell(&mut self) -> Option<Entry<'a>> {
        let family = Cow::Borrowed(self.name);
        while self.untold > 0 {
            self.untold -= 1;
            match self.untold {
                2 => return Some(Entry::Type { family, kind: self.kind }),
                1 if !self.help.is_empty() => {
                    return Some(Entry::Help { family, text: Cow::Borrowed(self.help) });
                }
                0 if !self.unit.is_empty() => return Some(Entry::Unit { family, unit: self.unit }),
                _ => {}
            }
        }
        None
    }
}

impl<'a> Metric<'a> {
    /// A gauge, a counter or a value of no kind.
    fn read_value(&mut self, page: &'a [u8], field: Field) -> Result<(), Damaged> {
        let mut message = field.message()?;
        while let Some(field) = message.next(page)? {
            match field.number {
                1 => self.value = double(&field)?,
                2 => self.exemplar = Some(exemplar(page, field)?),
                3 => self.start = Some(time(page, field)?),
                _ => {}
            }
        }
        Ok(())
    }

    fn read_summary(&mut self, page: &'a [u8], field: Field) -> Result<Vec<Step>, Damaged> {
        let mut message = field.message()?;
        while let Some(field) = message.next(page)? {
            match field.number {
                1 => self.count = field.varint()? as f64,
                2 => self.sum = double(&field)?,
                3 => {
                    let (mut quantile, mut value, mut message) = (0.0, 0.0, field.message()?);
                    while let Some(field) = message.next(page)? {
                        match field.number {
                            1 => quantile = double(&field)?,
                            2 => value = double(&field)?,
                            _ => {}
                        }
                    }
                    self.parts.push((quantile, value, None));
                }
                4 => self.start = Some(time(page, field)?),
                _ => {}
            }
        }
        Ok([Step::Count, Step::Sum].into_iter().chain((0..self.parts.len()).map(Step::Part)).collect())
    }

    fn read_histogram(
        &mut self,
        page: &'a [u8],
        field: Field,
        wanted: Histograms,
    ) -> Result<Vec<Step>, Damaged> {
        let (mut native, at) = (NativeHistogram::default(), field.at());
        let (mut count_float, mut zero_float) = (0.0, 0.0);
        let (mut negative, mut positive) = (Runs::default(), Runs::default());
        let mut message = field.message()?;
        while let Some(field) = message.next(page)? {
            match field.number {
                1 => {
                    native.count = field.varint()?;
                    self.count = native.count as f64;
                }
                2 => self.sum = double(&field)?,
                3 => self.parts.push(bucket(page, field)?),
                4 => count_float = double(&field)?,
                5 => native.schema = field.sint32()?,
                6 => native.zero_threshold = double(&field)?,
                7 => native.zero_count = field.varint()?,
                8 => zero_float = double(&field)?,
                9 => negative.span(page, field)?,
                10 => field.each_varint(page, |delta| negative.deltas.push(zigzag(delta)))?,
                11 => field.each_fixed64(page, |bits| negative.counts.push(f64::from_bits(bits)))?,
                12 => positive.span(page, field)?,
                13 => field.each_varint(page, |delta| positive.deltas.push(zigzag(delta)))?,
                14 => field.each_fixed64(page, |bits| positive.counts.push(f64::from_bits(bits)))?,
                15 => self.start = Some(time(page, field)?),
                16 => native.exemplars.push(exemplar(page, field)?),
                _ => {}
            }
        }
        let is_native = native.zero_threshold > 0.0 || !positive.is_empty() || !negative.is_empty();
        let floats = count_float > 0.0 || zero_float > 0.0;
        if floats {
            self.count = count_float;
            (native.count, native.zero_count) = (whole(count_float), whole(zero_float));
        }
        let mut steps = Vec::new();
        if is_native && wanted.native {
            if !SCHEMAS.contains(&native.schema) {
                return Err(Damaged { at, why: "a native histogram of an unknown schema" });
            }
            native.sum = self.sum;
            native.positive = positive.buckets(floats, at)?;
            native.negative = negative.buckets(floats, at)?;
            if native.exemplars.is_empty() {
                let of_buckets = self.parts.iter().filter_map(|(_, _, exemplar)| exemplar.clone());
                native.exemplars.extend(of_buckets.filter(|exemplar| exemplar.timestamp.is_some()));
            }
            self.native = Some(Box::new(native));
            steps.push(Step::Native);
            if !wanted.always_classic || self.parts.is_empty() {
                return Ok(steps);
            }
        }
        steps.extend([Step::Count, Step::Sum]);
        steps.extend((0..self.parts.len()).map(Step::Part));
        if self.parts.last().is_none_or(|(bound, ..)| *bound != f64::INFINITY) {
            steps.push(Step::Infinity);
        }
        Ok(steps)
    }

    fn sample(&mut self, step: Step, family: &'a str, kind: Kind) -> Sample<'a> {
        let suffix = match (step, kind) {
            (Step::Count, Kind::GaugeHistogram) => "_gcount",
            (Step::Count, _) => "_count",
            (Step::Sum, Kind::GaugeHistogram) => "_gsum",
            (Step::Sum, _) => "_sum",
            (Step::Part(_) | Step::Infinity, Kind::Histogram | Kind::GaugeHistogram) => "_bucket",
            _ => "",
        };
        let name = match suffix {
            "" => Cow::Borrowed(family),
            suffix => Cow::Owned(format!("{family}{suffix}")),
        };
        let mut sample = Sample {
            name,
            labels: self.labels.clone(),
            value: 0.0,
            timestamp: self.timestamp,
            exemplar: None,
            start: self.start,
            histogram: None,
        };
        match step {
            Step::Value => (sample.value, sample.exemplar) = (self.value, self.exemplar.take()),
            Step::Native => sample.histogram = self.native.take(),
            Step::Count => sample.value = self.count,
            Step::Sum => sample.value = self.sum,
            Step::Part(place) => {
                let (bound, value, exemplar) = &mut self.parts[place];
                let label = if kind == Kind::Summary { "quantile" } else { "le" };
                sample.labels.push((Cow::Borrowed(label), Cow::Owned(number(*bound))));
                (sample.value, sample.exemplar) = (*value, exemplar.take());
            }
            Step::Infinity => {
                sample.labels.push((Cow::Borrowed("le"), Cow::Borrowed("+Inf")));
                sample.value = self.count;
            }
        }
        sample
    }
}

/// A bucket of the classic sort: its bound and what is below it.
fn bucket(page: &[u8], field: Field) -> Result<(f64, f64, Option<Exemplar<'_>>), Damaged> {
    let (mut bound, mut count, mut float, mut found) = (0.0, 0.0, 0.0, None);
    let mut message = field.message()?;
    while let Some(field) = message.next(page)? {
        match field.number {
            1 => count = field.varint()? as f64,
            2 => bound = double(&field)?,
            3 => found = Some(exemplar(page, field)?),
            4 => float = double(&field)?,
            _ => {}
        }
    }
    Ok((bound, if float > 0.0 { float } else { count }, found))
}

/// The buckets of one sign: runs of neighbours, and the counts of all of them one after the other.
#[derive(Default)]
pub(crate) struct Runs {
    /// Distance to the run before, or of the first to bucket 0; length.
    spans: Vec<(i32, u32)>,
    /// Each count less the one before.
    pub deltas: Vec<i64>,
    /// Of histograms whose counts are floats.
    pub counts: Vec<f64>,
}

impl Runs {
    pub fn is_empty(&self) -> bool {
        self.spans.is_empty() && self.deltas.is_empty() && self.counts.is_empty()
    }

    pub fn span(&mut self, page: &[u8], field: Field) -> Result<(), Damaged> {
        let (mut offset, mut length, mut message) = (0, 0, field.message()?);
        while let Some(field) = message.next(page)? {
            match field.number {
                1 => offset = field.sint32()?,
                2 => length = field.varint()? as u32,
                _ => {}
            }
        }
        self.spans.push((offset, length));
        Ok(())
    }

    pub fn buckets(self, floats: bool, at: usize) -> Result<Vec<(i32, u64)>, Damaged> {
        let wrong = |why| Damaged { at, why };
        let told = if floats { self.counts.len() } else { self.deltas.len() };
        let spanned: u64 = self.spans.iter().map(|(_, length)| u64::from(*length)).sum();
        if spanned != told as u64 {
            return Err(wrong("a native histogram whose spans do not fit its counts"));
        }
        let mut buckets = Vec::with_capacity(told);
        let (mut number, mut count) = (0i64, 0i64);
        for (place, (offset, length)) in self.spans.into_iter().enumerate() {
            if place > 0 && offset < 0 {
                return Err(wrong("a native histogram whose spans overlap"));
            }
            number += i64::from(offset);
            for _ in 0..length {
                let told = if floats {
                    whole(self.counts[buckets.len()])
                } else {
                    let delta = self.deltas[buckets.len()];
                    count = count.checked_add(delta).filter(|count| *count >= 0).unwrap_or(-1);
                    u64::try_from(count).map_err(|_| wrong("a native histogram with a negative count"))?
                };
                let number32 =
                    i32::try_from(number).map_err(|_| wrong("a native histogram beyond all numbers"))?;
                buckets.push((number32, told));
                number += 1;
            }
        }
        Ok(buckets)
    }
}

fn text(page: &[u8], field: Field) -> Result<&str, Damaged> {
    let at = field.at();
    simdutf8::basic::from_utf8(&page[field.range()?])
        .map_err(|_| Damaged { at, why: "text that is not UTF-8" })
}

fn label(page: &[u8], field: Field) -> Result<Label<'_>, Damaged> {
    let (mut name, mut value, mut message) = ("", "", field.message()?);
    while let Some(field) = message.next(page)? {
        match field.number {
            1 => name = text(page, field)?,
            2 => value = text(page, field)?,
            _ => {}
        }
    }
    Ok((Cow::Borrowed(name), Cow::Borrowed(value)))
}

fn exemplar(page: &[u8], field: Field) -> Result<Exemplar<'_>, Damaged> {
    let (mut exemplar, mut message) = (Exemplar::default(), field.message()?);
    while let Some(field) = message.next(page)? {
        match field.number {
            1 => exemplar.labels.push(label(page, field)?),
            2 => exemplar.value = double(&field)?,
            3 => exemplar.timestamp = Some(time(page, field)?),
            _ => {}
        }
    }
    Ok(exemplar)
}

/// Nanoseconds since the epoch, of a `google.protobuf.Timestamp`.
fn time(page: &[u8], field: Field) -> Result<i64, Damaged> {
    let (mut seconds, mut nanos, mut message) = (0, 0, field.message()?);
    while let Some(field) = message.next(page)? {
        match field.number {
            1 => seconds = field.varint()? as i64,
            2 => nanos = field.varint()? as i64,
            _ => {}
        }
    }
    Ok(seconds.saturating_mul(1_000_000_000).saturating_add(nanos))
}

fn double(field: &Field) -> Result<f64, Damaged> {
    field.fixed64().map(f64::from_bits)
}

pub(crate) fn zigzag(value: u64) -> i64 {
    (value >> 1) as i64 ^ -((value & 1) as i64)
}

/// The nearest count; 0 for what is negative or no number.
pub(crate) fn whole(count: f64) -> u64 {
    count.round() as u64
}

/// A bound as Prometheus writes it.
fn number(value: f64) -> String {
    match value {
        f64::INFINITY => "+Inf".to_owned(),
        f64::NEG_INFINITY => "-Inf".to_owned(),
        value => format!("{value:?}"),
    }
}

#[cfg(test)]
mod tests;
