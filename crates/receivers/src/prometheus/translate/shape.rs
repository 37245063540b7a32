//! A metric without its points.

use model::metric::MetricKind;
use model::{Arena, List, Metric, Value};
use wire::prometheus::Kind;

/// What is known of a metric, whatever its attributes.
#[derive(Debug, PartialEq, Eq)]
pub struct Shape {
    pub name: String,
    pub help: String,
    pub unit: String,
    pub kind: Kind,
    /// A histogram whose buckets grow by a factor.
    pub native: bool,
}

impl Shape {
    /// With room for its points.
    pub fn metric(&self, arena: &mut Arena, scope: u32) -> Metric {
        let (kind, monotonic) = match self.kind {
            _ if self.native => (MetricKind::ExponentialHistogram, false),
            Kind::Counter => (MetricKind::Sum, true),
            Kind::Info | Kind::StateSet => (MetricKind::Sum, false),
            Kind::Histogram | Kind::GaugeHistogram => (MetricKind::Histogram, false),
            Kind::Summary => (MetricKind::Summary, false),
            Kind::Gauge | Kind::Unknown => (MetricKind::Gauge, false),
        };
        let mut metadata = List::EMPTY;
        let (key, value) = (arena.store(b"prometheus.type"), arena.store(self.kind.as_str().as_bytes()));
        arena.push(&mut metadata, key, Value::Str(value));
        Metric {
            name: arena.store(self.name.as_bytes()),
            description: arena.store(self.help.as_bytes()),
            unit: arena.store(self.unit.as_bytes()),
            metadata,
            kind,
            // Cumulative, of those that have a temporality.
            temporality: if matches!(kind, MetricKind::Gauge | MetricKind::Summary) { 0 } else { 2 },
            monotonic,
            points: Vec::new(),
            scope,
        }
    }
}

/// Without `_total` and the unit, as far as the name has them.
pub fn trimmed<'n>(name: &'n str, kind: Kind, unit: &str) -> &'n str {
    let name = match kind {
        Kind::Counter => name.strip_suffix("_total").unwrap_or(name),
        _ => name,
    };
    let without_unit = name.strip_suffix(unit).filter(|_| !unit.is_empty());
    without_unit.and_then(|name| name.strip_suffix('_')).unwrap_or(name)
}
