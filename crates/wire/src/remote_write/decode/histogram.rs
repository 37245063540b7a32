//! Native histograms: those whose buckets grow by a factor are exponential ones, those with bounds the others.

use model::metric::{Histogram, PointValue};

use super::{Made, double, point};
use crate::prometheus::native;
use crate::prometheus::protobuf::{NativeHistogram, Runs, SCHEMAS, whole, zigzag};
use crate::protobuf::{Damaged, Field};

/// The schema whose bounds are listed.
const CUSTOM: i32 = -53;
/// The hint that counts may fall.
const GAUGE: u64 = 3;

const MISFIT: &str = "a native histogram whose buckets are out of order";

/// The message `Histogram`, which is the same in both versions but for the time it began.
#[derive(Default)]
struct Told<'a> {
    native: NativeHistogram<'a>,
    count_float: f64,
    zero_float: f64,
    negative: Runs,
    positive: Runs,
    hint: u64,
    bounds: Vec<f64>,
    time: u64,
    start: u64,
}

pub(super) fn point_of(input: &[u8], field: Field) -> Result<Made, Damaged> {
    let at = field.at();
    let told = read(input, field)?;
    let (sum, time, start) = (told.native.sum, told.time, told.start);
    Ok(value(told, at).and_then(|value| point(value, sum, time, start)))
}

pub(super) fn byte_size(value: &PointValue) -> usize {
    match value {
        PointValue::Exponential(histogram) => native::byte_size(histogram),
        PointValue::Histogram(histogram) => {
            size_of::<Histogram>() + 8 * (histogram.bounds.len() + histogram.buckets.len())
        }
        _ => 0,
    }
}

fn read(input: &[u8], field: Field) -> Result<Told<'static>, Damaged> {
    let (mut told, mut message) = (Told::default(), field.message()?);
    while let Some(field) = message.next(input)? {
        match field.number {
            1 => told.native.count = field.varint()?,
            2 => told.count_float = double(&field)?,
            3 => told.native.sum = double(&field)?,
            4 => told.native.schema = field.sint32()?,
            5 => told.native.zero_threshold = double(&field)?,
            6 => told.native.zero_count = field.varint()?,
            7 => told.zero_float = double(&field)?,
            8 => told.negative.span(input, field)?,
            9 => field.each_varint(input, |delta| told.negative.deltas.push(zigzag(delta)))?,
            10 => field.each_fixed64(input, |bits| told.negative.counts.push(f64::from_bits(bits)))?,
            11 => told.positive.span(input, field)?,
            12 => field.each_varint(input, |delta| told.positive.deltas.push(zigzag(delta)))?,
            13 => field.each_fixed64(input, |bits| told.positive.counts.push(f64::from_bits(bits)))?,
            14 => told.hint = field.varint()?,
            15 => told.time = field.varint()?,
            16 => field.each_fixed64(input, |bits| told.bounds.push(f64::from_bits(bits)))?,
            17 => told.start = field.varint()?,
            _ => {}
        }
    }
    Ok(told)
}

fn value(told: Told<'_>, at: usize) -> Result<PointValue, &'static str> {
    if told.hint == GAUGE {
        return Err("a native histogram whose counts may fall");
    }
    let mut native = told.native;
    let floats = told.count_float > 0.0 || told.zero_float > 0.0;
    if floats {
        (native.count, native.zero_count) = (whole(told.count_float), whole(told.zero_float));
    }
    native.positive = told.positive.buckets(floats, at).map_err(|damaged| damaged.why)?;
    native.negative = told.negative.buckets(floats, at).map_err(|damaged| damaged.why)?;
    match native.schema {
        CUSTOM => listed(&native, told.bounds).map(|histogram| PointValue::Histogram(Box::new(histogram))),
        schema if !SCHEMAS.contains(&schema) => Err("a native histogram of an unknown schema"),
        _ if !is_rising(&native.positive) || !is_rising(&native.negative) => Err(MISFIT),
        _ => Ok(PointValue::Exponential(Box::new(native::exponential(&native)))),
    }
}

fn is_rising(buckets: &[(i32, u64)]) -> bool {
    buckets.is_sorted_by(|a, b| a.0 < b.0)
}

/// Bucket `i` ends at the bound of that number; the last one has none.
fn listed(native: &NativeHistogram<'_>, bounds: Vec<f64>) -> Result<Histogram, &'static str> {
    if !bounds.is_sorted_by(|a, b| a < b) {
        return Err("a native histogram whose bounds do not rise");
    }
    let mut buckets = vec![0u64; bounds.len() + 1];
    for (number, count) in &native.positive {
        let place = usize::try_from(*number).ok().and_then(|number| buckets.get_mut(number));
        *place.ok_or(MISFIT)? = *count;
    }
    Ok(Histogram { count: native.count, sum: Some(native.sum), bounds, buckets, ..Histogram::default() })
}
