//! The language as the specification tells it, over records made for it. One file a part.

mod converters;
mod editors;
mod grok;
mod language;
mod metrics;
mod paths;

use model::{Arena, List, LogRecord, Metric, Resource, Scope, Span, TraceSpan, Value};

use crate::json;
use crate::value::Val;
use crate::{Condition, Context, Row, Statement, Target};

/// 2023-11-14 22:13:20 UTC.
fn clock() -> u64 {
    1_700_000_000_000_000_000
}

/// A batch of one record of each kind, and the cache that statements share.
struct Bench {
    arena: Arena,
    resources: Vec<Resource>,
    scopes: Vec<Scope>,
    log: LogRecord,
    span: TraceSpan,
    metric: Metric,
    made: Vec<Metric>,
    cache: List,
}

impl Bench {
    /// The record's attributes, and its body; both are JSON.
    fn new(attributes: &str, body: &str) -> Bench {
        let mut bench = Bench {
            arena: Arena::default(),
            resources: vec![Resource::default()],
            scopes: vec![Scope::default()],
            log: LogRecord::new(0, Value::Null),
            span: TraceSpan::default(),
            metric: Metric::default(),
            made: Vec::new(),
            cache: List::EMPTY,
        };
        bench.log.attributes = bench.map(attributes);
        bench.span.attributes = bench.map(attributes);
        bench.log.body =
            if body.is_empty() { Value::Null } else { Value::Json(bench.arena.store(body.as_bytes())) };
        bench
    }

    fn map(&mut self, json: &str) -> List {
        if json.is_empty() {
            return List::EMPTY;
        }
        let span = self.arena.store(json.as_bytes());
        self.arena.parse_object(span).unwrap()
    }

    fn text(&mut self, text: &str) -> Span {
        self.arena.store(text.as_bytes())
    }

    fn on<T>(&mut self, context: Context, act: impl FnOnce(&mut Target<'_>) -> T) -> T {
        let row = match context {
            Context::Resource => Row::Resource(0),
            Context::Scope => Row::Scope(0),
            Context::Log => Row::Log(&mut self.log),
            Context::Span => Row::Span(&mut self.span),
            Context::SpanEvent => Row::SpanEvent(&mut self.span, 0),
            Context::Metric => Row::Metric(&mut self.metric, &mut self.made),
            Context::DataPoint => Row::DataPoint(&mut self.metric, 0, &mut self.made),
        };
        act(&mut Target {
            arena: &mut self.arena,
            resources: &mut self.resources,
            scopes: &mut self.scopes,
            row,
            cache: &mut self.cache,
            clock,
        })
    }

    /// Compiles and runs a statement; the message of what went wrong.
    fn run(&mut self, context: Context, text: &str) -> Result<bool, String> {
        let statement = Statement::compile(text, context).map_err(|fault| fault.message)?;
        self.on(context, |t| statement.run(t)).map_err(|error| error.to_string())
    }

    fn holds(&mut self, context: Context, text: &str) -> Result<bool, String> {
        let condition = Condition::compile(text, context).map_err(|fault| fault.message)?;
        self.on(context, |t| condition.holds(t)).map_err(|error| error.to_string())
    }

    fn json(&mut self, value: Value) -> String {
        let value = Val::load(&mut self.arena, value);
        let mut out = Vec::new();
        json::write(&mut self.arena, value, &mut out);
        String::from_utf8(out).unwrap()
    }

    /// What an expression yields, as JSON; nil as `null`.
    fn value(&mut self, context: Context, expression: &str) -> Result<String, String> {
        self.cache = List::EMPTY;
        self.run(context, &format!(r#"set(cache["it"], {expression})"#))?;
        let value = self.arena.get(self.cache, b"it").unwrap_or(Value::Null);
        Ok(self.json(value))
    }
}

/// Each expression, over the attributes and body, yields this JSON. `!` begins a part of an error's text.
fn values(attributes: &str, body: &str, cases: &[(&str, &str)]) {
    for (expression, expected) in cases {
        let mut bench = Bench::new(attributes, body);
        match (bench.value(Context::Log, expression), expected.strip_prefix('!')) {
            (Ok(found), None) => assert_eq!(found, *expected, "{expression}"),
            (Err(error), Some(part)) => assert!(error.contains(part), "{expression}: {error}"),
            (found, _) => panic!("{expression}: {found:?}, expected {expected}"),
        }
    }
}
