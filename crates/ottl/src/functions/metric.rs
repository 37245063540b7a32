//! Functions of metrics and their points.

pub mod aggregate;
pub mod buckets;
pub mod convert;
pub mod extract;

use model::metric::{Exemplar, Point};
use model::{Arena, Metric, Value};

use crate::fault::RunError;
use crate::function::Args;
use crate::lex::Compare;
use crate::target::{Row, Target};
use crate::value::{Val, compare, copy_list};

pub const TEMPORALITIES: &[&str] = &["unspecified", "delta", "cumulative"];

fn no_metric() -> RunError {
    RunError::new("bug: a function of metrics on another row")
}

/// The metric of the row, and where new ones go.
fn row<'t>(t: &'t mut Target<'_>) -> Result<(&'t mut Arena, &'t mut Metric, &'t mut Vec<Metric>), RunError> {
    match &mut t.row {
        Row::Metric(metric, made) | Row::DataPoint(metric, _, made) => Ok((t.arena, metric, made)),
        _ => Err(no_metric()),
    }
}

/// A point of its own.
fn copy_point(arena: &mut Arena, point: &Point) -> Point {
    let exemplars = point.exemplars.iter().map(|exemplar| {
        let attributes = copy_list(arena, exemplar.attributes);
        Exemplar { attributes, ..*exemplar }
    });
    let exemplars = exemplars.collect();
    Point { attributes: copy_list(arena, point.attributes), exemplars, ..point.clone() }
}

/// The name with something behind it.
fn suffixed(t: &mut Target<'_>, suffix: &str) -> Result<model::Span, RunError> {
    let name = t.metric().ok_or_else(no_metric)?.name;
    let name = [t.bytes(name), suffix.as_bytes()].concat();
    t.keep(&name)
}

/// A point of the metric has the attribute.
pub fn has_key(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let key = args.string(0, t)?;
    let (arena, metric, _) = row(t)?;
    let found = metric.points.iter().any(|point| arena.find(point.attributes, arena.bytes(key)).is_some());
    Ok(Val::Bool(found))
}

/// A point of the metric has the attribute with this text.
pub fn has_value(args: &Args<'_>, t: &mut Target<'_>) -> Result<Val, RunError> {
    let (key, wanted) = (args.string(0, t)?, args.string(1, t)?);
    let (arena, metric, _) = row(t)?;
    for point in &metric.points {
        let value: Option<Value> = arena.get(point.attributes, arena.bytes(key));
        let value = value.map_or(Val::Nil, |value| Val::load(arena, value));
        if compare(arena, Compare::Equal, value, Val::Str(wanted)) {
            return Ok(Val::Bool(true));
        }
    }
    Ok(Val::Bool(false))
}
