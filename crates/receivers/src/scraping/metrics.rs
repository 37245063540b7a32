//! Builds a batch of metrics: resource, scope, metric, points, each under the one before it.

use model::metric::{MetricKind, Point, PointValue};
use model::{Arena, Batch, List, Metric, Resource, Scope, Tag, Value};

/// OpenTelemetry's number for totals since a start.
pub const CUMULATIVE: u8 = 2;

/// What is the same of a metric in every scrape.
#[derive(Debug, Clone, Copy)]
pub struct Shape {
    pub name: &'static str,
    pub description: &'static str,
    pub unit: &'static str,
    pub kind: MetricKind,
    pub monotonic: bool,
}

impl Shape {
    pub const fn gauge(name: &'static str, description: &'static str, unit: &'static str) -> Shape {
        Shape { name, description, unit, kind: MetricKind::Gauge, monotonic: false }
    }

    /// A cumulative sum that only grows.
    pub const fn counter(name: &'static str, description: &'static str, unit: &'static str) -> Shape {
        Shape { name, description, unit, kind: MetricKind::Sum, monotonic: true }
    }

    /// A cumulative sum that goes up and down.
    pub const fn level(name: &'static str, description: &'static str, unit: &'static str) -> Shape {
        Shape { name, description, unit, kind: MetricKind::Sum, monotonic: false }
    }
}

/// A batch under construction, all of whose points are of one moment.
pub struct Metrics {
    batch: Batch,
    /// Nanoseconds since the epoch.
    pub time: u64,
    /// Since when sums count; 0 is unknown.
    pub start: u64,
    /// Stands before the name of every metric.
    pub prefix: &'static str,
}

impl Metrics {
    pub fn new(tag: Tag, time: u64) -> Metrics {
        Metrics { batch: Batch::new(tag, Vec::new()), time, start: 0, prefix: "" }
    }

    /// Begins a resource and, in it, a scope of this name.
    pub fn resource(&mut self, schema_url: &str, scope: &str) {
        let schema_url = self.batch.arena.store(schema_url.as_bytes());
        self.batch.resources.push(Resource { schema_url, ..Resource::default() });
        let resource = self.batch.resources.len() as u32 - 1;
        let name = self.batch.arena.store(scope.as_bytes());
        let version = self.batch.arena.store(env!("CARGO_PKG_VERSION").as_bytes());
        self.batch.scopes.push(Scope { resource, name, version, ..Scope::default() });
    }

    /// Adds an attribute to the latest resource. Empty text says nothing and is left out.
    pub fn attribute(&mut self, key: &str, text: &str) {
        if !text.is_empty() {
            let value = Value::Str(self.batch.arena.store(text.as_bytes()));
            self.attribute_value(key, value);
        }
    }

    pub fn attribute_value(&mut self, key: &str, value: Value) {
        if let Some(resource) = self.batch.resources.last_mut() {
            let key = self.batch.arena.store(key.as_bytes());
            self.batch.arena.push(&mut resource.attributes, key, value);
        }
    }

    /// Begins a metric in the latest scope.
    pub fn metric(&mut self, shape: &Shape) {
        let arena = &mut self.batch.arena;
        let metric = Metric {
            name: arena.store(format!("{}{}", self.prefix, shape.name).as_bytes()),
            description: arena.store(shape.description.as_bytes()),
            unit: arena.store(shape.unit.as_bytes()),
            kind: shape.kind,
            temporality: if shape.kind == MetricKind::Sum { CUMULATIVE } else { 0 },
            monotonic: shape.monotonic,
            scope: (self.batch.scopes.len() as u32).saturating_sub(1),
            ..Metric::default()
        };
        self.batch.metrics.push(metric);
    }

    /// Adds a point to the latest metric.
    pub fn point(&mut self, value: PointValue, attributes: &[(&str, &str)]) {
        let attributes = texts(&mut self.batch.arena, attributes);
        if let Some(metric) = self.batch.metrics.last_mut() {
            let start = if metric.kind == MetricKind::Sum { self.start } else { 0 };
            let point = Point { start, time: self.time, attributes, value, ..Point::default() };
            metric.points.push(point);
        }
    }

    /// A metric of one integer. One beyond `i64` becomes the largest there is.
    pub fn int(&mut self, shape: &Shape, value: u64) {
        self.metric(shape);
        self.point(int(value), &[]);
    }

    /// A metric of one number.
    pub fn double(&mut self, shape: &Shape, value: f64) {
        self.metric(shape);
        self.point(PointValue::Double(value), &[]);
    }

    pub fn finish(self) -> Batch {
        self.batch
    }
}

/// An integer's point; one beyond `i64` becomes the largest there is.
pub fn int(value: u64) -> PointValue {
    PointValue::Int(i64::try_from(value).unwrap_or(i64::MAX))
}

fn texts(arena: &mut Arena, pairs: &[(&str, &str)]) -> List {
    let mut list = List::EMPTY;
    for (key, text) in pairs {
        let (key, text) = (arena.store(key.as_bytes()), arena.store(text.as_bytes()));
        arena.push(&mut list, key, Value::Str(text));
    }
    list
}

/// One line a point, `name{attributes} value unit kind`, for tests.
#[cfg(test)]
pub fn shown(batch: &Batch) -> Vec<String> {
    let text = |span| String::from_utf8_lossy(batch.arena.bytes(span)).into_owned();
    let mut lines = Vec::new();
    for metric in &batch.metrics {
        let kind = match metric.kind {
            MetricKind::Sum if metric.monotonic => "counter".to_owned(),
            kind => format!("{kind:?}").to_lowercase(),
        };
        for point in &metric.points {
            let mut attributes = Vec::new();
            model::json::write_value(&batch.arena, Value::Map(point.attributes), &mut attributes);
            let attributes = String::from_utf8_lossy(&attributes).into_owned();
            let value = match &point.value {
                _ if point.flags & 1 == 1 => "stale".to_owned(),
                PointValue::Int(value) => value.to_string(),
                PointValue::Double(value) => format!("{value:?}"),
                other => format!("{other:?}"),
            };
            let line = format!("{}{attributes} {value} {} {kind}", text(metric.name), text(metric.unit));
            lines.push(line.replace("  ", " "));
        }
    }
    lines
}
