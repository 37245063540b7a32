//! Who passes. The decisions are the Collector's, as its specification tells them.

use engine::testing::{batch, process, processor};

use super::*;
use crate::testing::settings;

fn sampler(options: &str) -> ProbabilisticSampler {
    processor(settings(options)).unwrap()
}

/// The vectors of FNV's authors; what they hash begins with the seed here.
#[test]
fn the_hash_is_fnv_1a() {
    assert_eq!(hash(u32::from_le_bytes(*b"foob"), b"ar"), 0xbf9c_f968);
    assert_eq!(hash(0, b""), (0..4).fold(0x811c_9dc5u32, |hash, _| hash.wrapping_mul(0x0100_0193)));
}

#[test]
fn a_percentage_is_so_many_buckets() {
    for (percentage, expected) in [
        (0.0, 0),
        (-3.0, 0),
        (f32::NAN, 0),
        (0.001, 0),
        (0.0062, 1),
        (50.0, BUCKETS / 2),
        (99.999, BUCKETS - 1),
        (100.0, BUCKETS),
        (1e9, BUCKETS),
    ] {
        assert_eq!(passing(percentage), expected, "{percentage}");
    }
}

fn spans(ids: u32, priority: Option<Value>) -> Batch {
    let mut batch = Batch::new("t".into(), Vec::new());
    for number in 1..=ids {
        let mut span = TraceSpan::default();
        span.trace_id[12..].copy_from_slice(&number.wrapping_mul(0x9e37_79b9).to_be_bytes());
        if let Some(priority) = priority {
            batch.arena.set(&mut span.attributes, b"sampling.priority", priority);
        }
        batch.spans.push(span);
    }
    batch
}

fn kept(sampler: &mut ProbabilisticSampler, batch: Batch) -> usize {
    let before = batch.len();
    let (out, gone) = process(sampler, batch);
    let kept = out.iter().map(Batch::len).sum::<usize>();
    let expected = vec![(Reason::Filtered, (before - kept) as u64)];
    assert_eq!(gone, if kept == before { Vec::new() } else { expected });
    kept
}

#[test]
fn about_the_share_of_traces_passes() {
    for (percentage, least, most) in [("0", 0, 0), ("25", 2300, 2700), ("100", 10_000, 10_000)] {
        let mut sampler = sampler(&format!(r#"{{"sampling_percentage": {percentage}}}"#));
        let kept = kept(&mut sampler, spans(10_000, None));
        assert!((least..=most).contains(&kept), "{percentage}: {kept}");
    }
}

#[test]
fn priorities_of_spans_come_first() {
    for (priority, expected) in
        [(Value::Int(0), 0), (Value::Int(1), 9), (Value::Double(0.5), 9), (Value::Double(0.0), 0)]
    {
        for percentage in [0, 100] {
            let mut sampler = sampler(&format!(r#"{{"sampling_percentage": {percentage}}}"#));
            assert_eq!(kept(&mut sampler, spans(9, Some(priority))), expected, "{priority:?}");
        }
    }
    let mut all = sampler(r#"{"sampling_percentage": 100}"#);
    assert_eq!(kept(&mut all, spans(9, Some(Value::Int(-1)))), 9, "a negative one says nothing");
}

fn records(attribute: Option<(&str, Value)>) -> Batch {
    let mut batch = batch("t", &["{}"; 4]);
    for place in 0..4 {
        let mut attributes = List::EMPTY;
        if let Some((key, value)) = attribute {
            batch.arena.set(&mut attributes, key.as_bytes(), value);
        }
        batch.logs[place].attributes = attributes;
    }
    batch
}

#[test]
fn log_records_without_a_trace_need_an_attribute() {
    let user = Some(("user", Value::Int(5)));
    for (options, attribute, expected) in [
        (r#"{"sampling_percentage": 100}"#, None, 0),
        (r#"{"sampling_percentage": 100, "fail_closed": false}"#, None, 4),
        (r#"{"sampling_percentage": 100, "from_attribute": "user"}"#, user, 4),
        (r#"{"sampling_percentage": 100, "from_attribute": "user"}"#, None, 0),
        (r#"{"sampling_percentage": 0, "from_attribute": "user"}"#, user, 0),
        (
            r#"{"sampling_percentage": 0, "from_attribute": "user", "sampling_priority": "user"}"#,
            Some(("user", Value::Int(100))),
            4,
        ),
        (r#"{"sampling_priority": "user", "attribute_source": "record"}"#, user, 4),
    ] {
        assert_eq!(kept(&mut sampler(options), records(attribute)), expected, "{options} {attribute:?}");
    }
    let mut traced = records(None);
    traced.logs.iter_mut().for_each(|record| record.trace_id = [1; 16]);
    assert_eq!(kept(&mut sampler(r#"{"sampling_percentage": 100}"#), traced), 4);
}

#[test]
fn settings_are_checked() {
    for options in [
        r#"{"sampling_percentage": -1}"#,
        r#"{"mode": "equalizing"}"#,
        r#"{"attribute_source": "body"}"#,
        r#"{"percentage": 1}"#,
    ] {
        assert!(processor::<ProbabilisticSampler>(settings(options)).is_err(), "{options}");
    }
}
