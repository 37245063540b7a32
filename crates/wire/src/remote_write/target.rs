//! `target_info`: a series of value 1 that tells a resource's attributes, to be joined by `job` and `instance`.

use model::Batch;

use super::Settings;
use super::labels::{Labels, Taken, sorted};
use super::names::plain_name;
use super::origin::{IDENTITY, Origin};
use super::sink::{Datum, Family, Kind, Series, Sink};

pub(super) fn write(batch: &Batch, settings: &Settings, sink: &mut Sink, labels: &mut Labels) {
    let name = plain_name("target_info", &settings.namespace);
    let family = Family { name: &name, kind: Kind::Gauge, help: "Target metadata", unit: "" };
    for (place, resource) in batch.resources.iter().enumerate() {
        let origin = Origin::of_resource(batch, place as u32, settings);
        let mut attributes = sorted(&batch.arena, &[resource.attributes]);
        attributes.retain(|(key, _)| !IDENTITY.contains(key));
        let time = last_time(batch, place as u32);
        // Nothing could be joined, or nothing would be told.
        if !origin.is_identified() || attributes.is_empty() || time == 0 {
            continue;
        }
        labels.clear();
        labels.put_attributes(&batch.arena, &attributes, "");
        origin.sign(&batch.arena, settings, labels);
        labels.put("__name__", &name, Taken::Replace);
        let (datum, exemplars) = (Datum::Sample(1.0), &[][..]);
        sink.write(&Series { labels, datum, time, created: 0, exemplars, family: &family });
    }
}

/// Of a resource's points, in nanoseconds since the epoch.
fn last_time(batch: &Batch, resource: u32) -> u64 {
    let of_resource = batch.metrics.iter().filter(|metric| {
        batch.scopes.get(metric.scope as usize).is_some_and(|scope| scope.resource == resource)
    });
    of_resource.flat_map(|metric| &metric.points).map(|point| point.time).max().unwrap_or(0)
}
