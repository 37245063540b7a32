//! Statements of OTTL, compiled for every kind of row and run over a record made for it.

use model::metric::{Buckets, ExponentialHistogram, Histogram, MetricKind, Point, PointValue, Summary};
use model::trace::SpanEvent;
use model::{Arena, List, LogRecord, Metric, Resource, Scope, Span, TraceSpan, Value};
use ottl::{Condition, Context, Row, Statement, Target};

/// Statements of one input that are looked at; more would only be slower.
const LINES: usize = 64;

/// Every line as a statement and as a condition. A fault points into its text; nothing panics.
pub fn ottl(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    for line in text.lines().take(LINES) {
        for context in Context::ALL {
            match Statement::compile(line, context) {
                Ok(statement) => on(context, |t| {
                    let _ = statement.run(t);
                    let _ = statement.run(t);
                }),
                Err(fault) => assert!(fault.at <= line.len(), "{fault} in {line}"),
            }
            let condition = line.split_once(" where ").map_or(line, |(_, condition)| condition);
            if let Ok(condition) = Condition::compile(condition, context) {
                on(context, |t| {
                    let before = t.arena.mark();
                    let _ = condition.holds(t);
                    assert_eq!(t.arena.mark(), before, "a condition left something behind: {line}");
                });
            }
        }
        let _ = ottl::infer(&[line], &[], &Context::ALL);
    }
}

fn map(arena: &mut Arena, json: &str) -> List {
    let span = arena.store(json.as_bytes());
    arena.parse_object(span).unwrap_or_default()
}

fn metric(arena: &mut Arena, place: usize) -> Metric {
    let (kind, value) = match place {
        0 => (MetricKind::Sum, PointValue::Int(i64::MAX)),
        1 => {
            let (bounds, buckets) = (vec![1.0, 2.0], vec![1, 0, 5]);
            let histogram = Histogram { count: 6, sum: Some(9.0), bounds, buckets, ..Histogram::default() };
            (MetricKind::Histogram, PointValue::Histogram(Box::new(histogram)))
        }
        2 => {
            let positive = Some(Buckets { offset: i32::MAX, counts: vec![1, 2] });
            let histogram = ExponentialHistogram { count: 3, positive, ..ExponentialHistogram::default() };
            (MetricKind::ExponentialHistogram, PointValue::Exponential(Box::new(histogram)))
        }
        _ => {
            let summary = Summary { count: 1, sum: 2.0, quantiles: vec![(0.5, 1.0)] };
            (MetricKind::Summary, PointValue::Summary(Box::new(summary)))
        }
    };
    let point = |arena: &mut Arena, json| {
        let attributes = map(arena, json);
        Point { attributes, value: value.clone(), ..Point::default() }
    };
    let points = vec![point(arena, r#"{"a":"x","b":1}"#), point(arena, r#"{"a":"y","b":1}"#)];
    Metric { kind, points, ..Metric::default() }
}

/// Runs over each record of that kind.
fn on(context: Context, act: impl Fn(&mut Target<'_>)) {
    for place in 0..4 {
        let mut arena = Arena::default();
        let attributes =
            map(&mut arena, r#"{"a":"abc=12","l":[1,{"x":"y"},null],"n":1.5,"m":{"k":{"d":true}}}"#);
        let body = arena.store(if place == 0 { br#"{"a":{"b":[7]}}"# } else { b"plain \xff text \xc3\xa9" });
        let (mut resources, mut scopes) = (vec![Resource::default()], vec![Scope::default()]);
        let mut record = LogRecord::new(1, if place == 0 { Value::Json(body) } else { Value::Str(body) });
        record.attributes = attributes;
        let events = vec![SpanEvent::default()];
        let mut span = TraceSpan { attributes, events, name: Span::EMPTY, ..TraceSpan::default() };
        let mut metric = metric(&mut arena, place);
        let mut made = Vec::new();
        let row = match context {
            Context::Resource => Row::Resource(0),
            Context::Scope => Row::Scope(0),
            Context::Log => Row::Log(&mut record),
            Context::Span => Row::Span(&mut span),
            Context::SpanEvent => Row::SpanEvent(&mut span, 0),
            Context::Metric => Row::Metric(&mut metric, &mut made),
            Context::DataPoint => Row::DataPoint(&mut metric, 0, &mut made),
        };
        let mut cache = List::EMPTY;
        let clock = || 1_700_000_000_000_000_000;
        let (resources, scopes) = (&mut resources, &mut scopes);
        act(&mut Target { arena: &mut arena, resources, scopes, row, cache: &mut cache, clock });
    }
}
