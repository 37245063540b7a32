//! What a query gives.

use crate::labels::Labels;
use crate::series::Series;

#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    pub value: Value,
    /// What the asker should know though there is an answer, for people.
    pub warnings: Vec<String>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    Scalar(Point),
    String { time: i64, text: String },
    Vector(Vec<Sample>),
    Matrix(Vec<Series>),
}

/// A value at a time in milliseconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Point {
    pub time: i64,
    pub value: f64,
}

/// The point of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    pub labels: Labels,
    pub point: Point,
}
