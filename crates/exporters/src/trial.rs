//! For tests: an exporter built from a few settings, its payloads, and what comes of sending them.

use config::Setting;
use engine::{Encoder, Exporter, Outcome, Payload, Sealed, Surroundings};
use model::{Batch, Reason};
use serde_json::Value;

/// Settings written as JSON.
pub fn setting(json: &Value) -> Setting {
    match json {
        Value::Object(entries) => {
            entries.iter().fold(Setting::map(), |map, (name, value)| map.with(name.as_str(), setting(value)))
        }
        Value::Array(items) => Setting::list(items.iter().map(setting)),
        Value::String(text) => Setting::from(text.as_str()),
        Value::Bool(flag) => Setting::from(*flag),
        Value::Number(number) => Setting::from(number.as_i64().expect("a whole number")),
        Value::Null => Setting::default(),
    }
}

pub fn build<E: Exporter>(settings: &Value) -> Result<E, String> {
    build_in::<E>(settings, &[])
}

/// With variables.
pub fn build_in<E: Exporter>(settings: &Value, variables: &[(&str, &str)]) -> Result<E, String> {
    let mut surroundings = Surroundings::for_tests();
    surroundings.environment = variables.iter().copied().collect();
    engine::testing::exporter(setting(settings), &surroundings)
}

/// Everything the batches become.
pub fn encode<E: Exporter>(exporter: &E, batches: &[Batch]) -> Sealed {
    let (mut encoder, mut sealed) = (exporter.encoder(), Sealed::default());
    batches.iter().for_each(|batch| encoder.encode(batch, &mut sealed));
    encoder.seal(&mut sealed);
    let payloads: u64 = sealed.payloads().iter().map(|payload| payload.records).sum();
    let discarded: u64 = sealed.discarded().iter().map(|(_, records)| records).sum();
    let records: usize = batches.iter().map(Batch::len).sum();
    assert_eq!(payloads + discarded, records as u64, "each record is in a payload or discarded");
    sealed
}

pub fn discarded(sealed: &Sealed, reason: Reason) -> u64 {
    sealed.discarded().iter().filter(|(why, _)| *why == reason).map(|(_, records)| records).sum()
}

/// What became of records that were sent until each was settled.
#[derive(Debug, Default, PartialEq)]
pub struct Settled {
    pub delivered: u64,
    pub rejected: u64,
    pub requests: u64,
}

/// Sends as the engine does, halving what is refused as too large. A retry ends the test.
pub async fn settle<E: Exporter>(exporter: &E, payload: &Payload) -> Settled {
    let mut settled = Settled { requests: 1, ..Settled::default() };
    match exporter.send(payload).await {
        Outcome::Sent => settled.delivered = payload.records,
        Outcome::Rejected { records, .. } => {
            settled.rejected = records;
            settled.delivered = payload.records - records;
        }
        Outcome::Split { .. } => match exporter.split(payload) {
            Some((a, b)) => {
                assert_eq!(a.records + b.records, payload.records);
                for half in [a, b] {
                    let part = Box::pin(settle(exporter, &half)).await;
                    settled.delivered += part.delivered;
                    settled.rejected += part.rejected;
                    settled.requests += part.requests;
                }
            }
            None => settled.rejected = payload.records,
        },
        retry => panic!("not settled: {retry:?}"),
    }
    settled
}
