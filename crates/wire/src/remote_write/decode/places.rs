//! Resources, scopes and metrics that series share.

use std::collections::HashMap;

use model::metric::MetricKind;
use model::{Batch, List, Metric, Resource, Scope, Span, Value};

use super::Series;
use super::family::Shape;
use crate::prometheus::{Kind, ucum};

/// Between job and instance; it stands in no UTF-8 text.
const SEPARATOR: u8 = 0xff;
const CUMULATIVE: u8 = 2;

/// Those of one batch.
#[derive(Debug, Default)]
pub(super) struct Places {
    /// By job and instance. Resource and scope have the same number.
    scopes: HashMap<Box<[u8]>, u32>,
    /// By scope, shape and name.
    metrics: HashMap<Box<[u8]>, usize>,
    key: Vec<u8>,
}

impl Places {
    /// The scope of all that a job's instance has; made where it is not there yet. It tells nothing: if the sender has
    /// labels of a scope, they are attributes, and come out again as what they were.
    pub fn scope(&mut self, batch: &mut Batch, job: Span, instance: Span) -> u32 {
        self.key.clear();
        self.key.extend_from_slice(batch.arena.bytes(job));
        self.key.push(SEPARATOR);
        self.key.extend_from_slice(batch.arena.bytes(instance));
        if let Some(place) = self.scopes.get(self.key.as_slice()) {
            return *place;
        }
        let mut attributes = List::EMPTY;
        for (key, value) in [("service.name", job), ("service.instance.id", instance)] {
            if !value.is_empty() {
                let key = batch.arena.store(key.as_bytes());
                batch.arena.push(&mut attributes, key, Value::Str(value));
            }
        }
        let place = batch.resources.len() as u32;
        batch.resources.push(Resource { attributes, ..Resource::default() });
        batch.scopes.push(Scope { resource: place, ..Scope::default() });
        self.scopes.insert(self.key.as_slice().into(), place);
        place
    }

    /// The metric that a series' points of this shape belong to.
    pub fn metric(&mut self, batch: &mut Batch, series: &Series, shape: Shape) -> usize {
        self.key.clear();
        self.key.extend_from_slice(&series.scope.to_le_bytes());
        self.key.extend_from_slice(&[shape.kind as u8, u8::from(shape.monotonic)]);
        self.key.extend_from_slice(batch.arena.bytes(series.name));
        if let Some(place) = self.metrics.get(self.key.as_slice()) {
            return *place;
        }
        let metric = new(batch, series, shape);
        batch.metrics.push(metric);
        let place = batch.metrics.len() - 1;
        self.metrics.insert(self.key.as_slice().into(), place);
        place
    }
}

fn new(batch: &mut Batch, series: &Series, shape: Shape) -> Metric {
    let (arena, told) = (&mut batch.arena, series.told);
    let mut metadata = List::EMPTY;
    if told.kind != Kind::Unknown {
        let (key, kind) = (arena.store(b"prometheus.type"), arena.store(told.kind.as_str().as_bytes()));
        arena.push(&mut metadata, key, Value::Str(kind));
    }
    let mut unit = Span::EMPTY;
    if !told.unit.is_empty() {
        let word = ucum(&String::from_utf8_lossy(arena.bytes(told.unit)));
        unit = arena.store(word.as_bytes());
    }
    Metric {
        name: series.name,
        description: told.help,
        unit,
        metadata,
        kind: shape.kind,
        temporality: if shape.kind == MetricKind::Gauge { 0 } else { CUMULATIVE },
        monotonic: shape.monotonic,
        points: Vec::new(),
        scope: series.scope,
    }
}
