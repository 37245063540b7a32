//! What is special in histogram points: `HistogramDataPoint` and `ExponentialHistogramDataPoint`.
//!
//! The smallest and largest values are written with the rest of a point, since their numbers come last.

use model::metric::{Buckets, ExponentialHistogram, Histogram};

use super::fields::{double, write_count, write_known, write_long, write_longs};
use crate::protobuf::{Damaged, Field, Message, to_zigzag, write_message, write_varint};

pub(super) fn read_explicit(input: &[u8], histogram: &mut Histogram, field: Field) -> Result<(), Damaged> {
    match field.number {
        4 => histogram.count = field.fixed64()?,
        5 => histogram.sum = Some(double(&field)?),
        6 => field.each_fixed64(input, |count| histogram.buckets.push(count))?,
        7 => field.each_fixed64(input, |bits| histogram.bounds.push(f64::from_bits(bits)))?,
        11 => histogram.min = Some(double(&field)?),
        12 => histogram.max = Some(double(&field)?),
        _ => {}
    }
    Ok(())
}

pub(super) fn write_explicit(histogram: &Histogram, out: &mut Vec<u8>) {
    write_long(out, 4, histogram.count);
    write_known(out, 5, histogram.sum);
    write_longs(out, 6, histogram.buckets.iter().copied());
    write_longs(out, 7, histogram.bounds.iter().map(|bound| bound.to_bits()));
}

pub(super) fn read_exponential(
    input: &[u8],
    histogram: &mut ExponentialHistogram,
    field: Field,
) -> Result<(), Damaged> {
    match field.number {
        4 => histogram.count = field.fixed64()?,
        5 => histogram.sum = Some(double(&field)?),
        6 => histogram.scale = field.sint32()?,
        7 => histogram.zero_count = field.fixed64()?,
        8 => read_buckets(input, histogram.positive.get_or_insert_default(), field.message()?)?,
        9 => read_buckets(input, histogram.negative.get_or_insert_default(), field.message()?)?,
        12 => histogram.min = Some(double(&field)?),
        13 => histogram.max = Some(double(&field)?),
        14 => histogram.zero_threshold = double(&field)?,
        _ => {}
    }
    Ok(())
}

fn read_buckets(input: &[u8], buckets: &mut Buckets, mut message: Message) -> Result<(), Damaged> {
    while let Some(field) = message.next(input)? {
        match field.number {
            1 => buckets.offset = field.sint32()?,
            2 => field.each_varint(input, |count| buckets.counts.push(count))?,
            _ => {}
        }
    }
    Ok(())
}

pub(super) fn write_exponential(histogram: &ExponentialHistogram, out: &mut Vec<u8>) {
    write_long(out, 4, histogram.count);
    write_known(out, 5, histogram.sum);
    write_count(out, 6, to_zigzag(histogram.scale));
    write_long(out, 7, histogram.zero_count);
    for (number, buckets) in [(8, &histogram.positive), (9, &histogram.negative)] {
        if let Some(buckets) = buckets {
            write_message(out, number, |out| write_buckets(buckets, out));
        }
    }
}

fn write_buckets(buckets: &Buckets, out: &mut Vec<u8>) {
    write_count(out, 1, to_zigzag(buckets.offset));
    if !buckets.counts.is_empty() {
        write_message(out, 2, |out| buckets.counts.iter().for_each(|count| write_varint(out, *count)));
    }
}
