//! What a query asks of its source: each selector once, for all times it will look at.

use std::sync::Arc;

use crate::error::Error;
use crate::matcher::Matcher;
use crate::options::Options;
use crate::series::Series;
use crate::source::Source;
use crate::syntax::{At, Expr, Selector};

/// One question.
#[derive(Clone, PartialEq)]
pub struct Ask<'a> {
    pub matchers: &'a [Matcher],
    pub from: i64,
    pub to: i64,
}

/// The times at which a node is evaluated, first and last.
#[derive(Clone, Copy)]
struct Span {
    from: i64,
    to: i64,
}

impl Span {
    fn moved(self, pinned: Option<i64>, offset: i64, back: i64) -> Span {
        let Span { from, to } = pinned.map_or(self, |at| Span { from: at, to: at });
        Span { from: from.saturating_sub(offset).saturating_sub(back), to: to.saturating_sub(offset) }
    }
}

/// The questions, by the selectors' numbers.
pub fn asks<'a>(expr: &'a Expr, start: i64, end: i64, options: &Options) -> Vec<Ask<'a>> {
    let lookback = options.lookback.as_millis() as i64;
    let mut planner = Planner { start, end, lookback, asks: Vec::new() };
    planner.walk(expr, Span { from: start, to: end });
    planner.asks.sort_by_key(|(id, _)| *id);
    planner.asks.into_iter().map(|(_, ask)| ask).collect()
}

struct Planner<'a> {
    start: i64,
    end: i64,
    lookback: i64,
    asks: Vec<(usize, Ask<'a>)>,
}

impl<'a> Planner<'a> {
    fn walk(&mut self, expr: &'a Expr, span: Span) {
        match expr {
            Expr::Number(_) | Expr::Text(_) => {}
            Expr::Selector(selector) => self.ask(selector, span, self.lookback),
            Expr::Range(range) => self.ask(&range.selector, span, range.length),
            Expr::Subquery(subquery) => {
                let inner = span.moved(self.pinned(subquery.at), subquery.offset, subquery.length);
                self.walk(&subquery.expr, inner);
            }
            Expr::Call(call) => call.args.iter().for_each(|arg| self.walk(arg, span)),
            Expr::Aggregate(aggregate) => {
                aggregate.param.iter().for_each(|param| self.walk(param, span));
                self.walk(&aggregate.expr, span);
            }
            Expr::Binary(binary) => {
                self.walk(&binary.left, span);
                self.walk(&binary.right, span);
            }
            Expr::Negate(inner) => self.walk(inner, span),
        }
    }

    fn ask(&mut self, selector: &'a Selector, span: Span, back: i64) {
        let Span { from, to } = span.moved(self.pinned(selector.at), selector.offset, back);
        self.asks.push((selector.id, Ask { matchers: &selector.matchers, from, to }));
    }

    fn pinned(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Start => self.start,
            At::End => self.end,
            At::Time(time) => time,
        })
    }
}

/// What the source gave.
pub struct Selected {
    /// By the selectors' numbers.
    pub answers: Vec<Arc<Vec<Series>>>,
    /// Samples in all of them, those of an answer that serves two selectors once.
    pub samples: usize,
}

/// Asks the source; the same question only once.
pub async fn select(asks: &[Ask<'_>], source: &impl Source, options: &Options) -> Result<Selected, Error> {
    let mut answers: Vec<Arc<Vec<Series>>> = Vec::with_capacity(asks.len());
    let mut samples = 0usize;
    for (i, ask) in asks.iter().enumerate() {
        if let Some(same) = asks[..i].iter().position(|before| before == ask) {
            answers.push(answers[same].clone());
            continue;
        }
        let mut series = source.select(ask.matchers, ask.from, ask.to).await.map_err(Error::Source)?;
        // So that answers to which PromQL gives no order, and equal values in those to which it does, have
        // Prometheus' own.
        series.sort_by(|a, b| a.labels.cmp(&b.labels));
        samples = samples.saturating_add(series.iter().map(|series| series.samples.len()).sum());
        if samples > options.max_samples {
            return Err(Error::TooManySamples { limit: options.max_samples });
        }
        answers.push(Arc::new(series));
    }
    Ok(Selected { answers, samples })
}
