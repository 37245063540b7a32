//! Writes the metrics a user wants, and skips the others.

use std::collections::BTreeMap;

use model::metric::PointValue;

use super::config::Switch;
use crate::scraping::{Metrics, Shape, int};

pub const SCHEMA_URL: &str = "https://opentelemetry.io/schemas/1.9.0";

/// A metric that a scraper can write.
#[derive(Debug)]
pub struct Known {
    pub shape: Shape,
    /// Written unless switched off.
    pub on: bool,
}

pub const fn on(shape: Shape) -> Known {
    Known { shape, on: true }
}

/// Written only when switched on.
pub const fn off(shape: Shape) -> Known {
    Known { shape, on: false }
}

pub struct Writer<'a> {
    pub metrics: Metrics,
    switches: &'a BTreeMap<String, Switch>,
    /// The metric whose first point has yet to come: one without points is not written.
    begun: Option<Shape>,
    wanted: bool,
}

impl<'a> Writer<'a> {
    pub fn new(metrics: Metrics, switches: &'a BTreeMap<String, Switch>) -> Writer<'a> {
        Writer { metrics, switches, begun: None, wanted: false }
    }

    pub fn wants(&self, known: &Known) -> bool {
        self.switches.get(known.shape.name).map_or(known.on, |switch| switch.enabled)
    }

    /// The points that follow are of this metric.
    pub fn metric(&mut self, known: &Known) {
        self.wanted = self.wants(known);
        self.begun = self.wanted.then_some(known.shape);
    }

    pub fn point(&mut self, value: PointValue, attributes: &[(&str, &str)]) {
        if let Some(shape) = self.begun.take() {
            self.metrics.metric(&shape);
        }
        if self.wanted {
            self.metrics.point(value, attributes);
        }
    }

    pub fn count(&mut self, value: u64, attributes: &[(&str, &str)]) {
        self.point(int(value), attributes);
    }

    pub fn number(&mut self, value: f64, attributes: &[(&str, &str)]) {
        self.point(PointValue::Double(value), attributes);
    }

    /// A metric of one integer, if it is known.
    pub fn one(&mut self, known: &Known, value: Option<u64>) {
        if let Some(value) = value {
            self.metric(known);
            self.count(value, &[]);
        }
    }

    /// A metric of one number, if it is known.
    pub fn one_number(&mut self, known: &Known, value: Option<f64>) {
        if let Some(value) = value.filter(|value| value.is_finite()) {
            self.metric(known);
            self.number(value, &[]);
        }
    }

    pub fn finish(self) -> Metrics {
        self.metrics
    }
}
