//! `filter` and `router`.

use std::collections::BTreeMap;

use model::{Batch, Reason};
use serde::Deserialize;

use super::build::Refusal;
use super::entry::Entry;
use super::expression::Expression;
use super::field::Field;
use super::{Flow, Operator};
use crate::literal::Literal;

#[derive(Debug, Deserialize)]
pub(super) struct FilterConfig {
    expr: Expression,
    drop_ratio: Option<f64>,
}

/// Drops records of which the expression holds.
pub(super) struct Filter(Expression);

impl Filter {
    pub fn new(config: FilterConfig) -> Result<Filter, Refusal> {
        match config.drop_ratio {
            None | Some(1.0) => Ok(Filter(config.expr)),
            Some(_) => Err((
                "`drop_ratio`: every record of which the expression holds is dropped".into(),
                "use the processor `probabilistic_sampler`",
            )),
        }
    }
}

impl Operator for Filter {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        Ok(if self.0.holds(batch, entry) { Flow::Gone(Reason::Filtered) } else { Flow::On })
    }
}

#[derive(Debug, Deserialize)]
pub(super) struct RouterConfig {
    routes: Vec<RouteConfig>,
    default: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RouteConfig {
    expr: Expression,
    output: String,
    #[serde(default)]
    attributes: BTreeMap<String, Literal>,
}

/// Sends a record to the first operator whose expression holds; without any it is dropped.
pub(super) struct Router {
    routes: Vec<Route>,
    default: Option<(String, usize)>,
}

struct Route {
    condition: Expression,
    output: String,
    place: usize,
    attributes: Vec<(Field, Literal)>,
}

impl Router {
    pub fn new(config: RouterConfig) -> Result<Router, Refusal> {
        let route = |route: RouteConfig| Route {
            condition: route.expr,
            output: route.output,
            place: 0,
            attributes: route
                .attributes
                .into_iter()
                .map(|(key, value)| (Field::attribute(&key), value))
                .collect(),
        };
        let routes = config.routes.into_iter().map(route).collect();
        Ok(Router { routes, default: config.default.map(|id| (id, 0)) })
    }
}

impl Operator for Router {
    fn apply(&mut self, batch: &mut Batch, entry: &mut Entry) -> Result<Flow, String> {
        let Some(route) = self.routes.iter().find(|route| route.condition.holds(batch, entry)) else {
            return Ok(match &self.default {
                Some((_, place)) => Flow::To(*place),
                None => Flow::Gone(Reason::Filtered),
            });
        };
        for (field, value) in &route.attributes {
            let value = value.store(&mut batch.arena);
            field.set(batch, entry, value)?;
        }
        Ok(Flow::To(route.place))
    }

    fn targets(&mut self) -> Vec<(&str, &mut usize)> {
        let routes = self.routes.iter_mut().map(|route| (route.output.as_str(), &mut route.place));
        routes.chain(self.default.iter_mut().map(|(id, place)| (id.as_str(), place))).collect()
    }
}
