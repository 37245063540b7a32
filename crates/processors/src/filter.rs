//! Drops logs, spans, span events, metrics and data points for which a condition of OTTL holds.
//!
//! ```yaml
//! filter:
//!   error_mode: ignore
//!   log_conditions:
//!     - IsMatch(log.body, "GET /health")
//!     - resource.attributes["service.name"] == "noise"
//!   trace_conditions:
//!     - span.kind == SPAN_KIND_INTERNAL
//! ```
//!
//! What a dropped resource or scope holds goes with it. A metric that has lost all its points goes too; a span
//! that has lost its events stays. What is dropped is counted as filtered.

use config::topology::ComponentId;
use engine::{BuildContext, ConfigError, Processor};
use model::{Batch, Reason, Signal};
use ottl::{Condition, Context, Row, Target, infer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::statements::{
    Abort, Entry, ErrorMode, Failures, Ground, abandon, context_named, contexts, refuse,
};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Config {
    /// What happens when a condition fails on a record.
    pub error_mode: ErrorMode,
    pub log_conditions: Vec<Entry<GroupConfig>>,
    pub trace_conditions: Vec<Entry<GroupConfig>>,
    pub metric_conditions: Vec<Entry<GroupConfig>>,
    /// The older form of `log_conditions`.
    pub logs: LogLists,
    /// The older form of `trace_conditions`.
    pub traces: TraceLists,
    /// The older form of `metric_conditions`.
    pub metrics: MetricLists,
}

/// Conditions by what they are asked of; paths may go without its name.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct LogLists {
    pub resource: Vec<String>,
    pub log_record: Vec<String>,
}

/// As for logs.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct TraceLists {
    pub resource: Vec<String>,
    pub span: Vec<String>,
    pub spanevent: Vec<String>,
}

/// As for logs.
#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct MetricLists {
    pub resource: Vec<String>,
    pub metric: Vec<String>,
    pub datapoint: Vec<String>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// What the conditions are asked of. Without it the paths of each tell.
    pub context: Option<String>,
    /// In place of the processor's.
    pub error_mode: Option<ErrorMode>,
    pub conditions: Vec<String>,
}

pub struct Filter {
    rules: Rules,
}

struct Rules {
    id: ComponentId,
    list: Vec<Rule>,
}

struct Rule {
    signal: Signal,
    context: Context,
    error_mode: ErrorMode,
    condition: Condition,
    text: String,
    failures: Failures,
}

impl Processor for Filter {
    const NAME: &'static str = "filter";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let Config { logs, traces, metrics, .. } = config;
        let mut builder = Builder { mode: config.error_mode, list: Vec::new(), whole: true, cx };
        let older = [
            (Signal::Logs, "logs", vec![(Context::Resource, logs.resource), (Context::Log, logs.log_record)]),
            (
                Signal::Traces,
                "traces",
                vec![
                    (Context::Resource, traces.resource),
                    (Context::Span, traces.span),
                    (Context::SpanEvent, traces.spanevent),
                ],
            ),
            (
                Signal::Metrics,
                "metrics",
                vec![
                    (Context::Resource, metrics.resource),
                    (Context::Metric, metrics.metric),
                    (Context::DataPoint, metrics.datapoint),
                ],
            ),
        ];
        let newer = [
            ("log_conditions", config.log_conditions),
            ("trace_conditions", config.trace_conditions),
            ("metric_conditions", config.metric_conditions),
        ];
        for ((signal, old_key, lists), (key, entries)) in older.into_iter().zip(newer) {
            if !entries.is_empty() && lists.iter().any(|(_, list)| !list.is_empty()) {
                let message = format!("`{key}` and `{old_key}` are given together");
                return Err(builder.cx.refuse(
                    key,
                    message,
                    format!("move what `{old_key}` holds to `{key}`"),
                ));
            }
            for (context, list) in lists {
                let mode = builder.mode;
                list.into_iter().for_each(|text| builder.add(signal, old_key, Some(context), mode, text));
            }
            entries.into_iter().for_each(|entry| builder.entry(signal, key, entry));
        }
        if !builder.whole {
            return Err(cx.refuse("error_mode", "not all conditions can be used", "mend those named above"));
        }
        let list = builder.list;
        Ok(Filter { rules: Rules { id: cx.id.clone(), list } })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        let signal = batch.signal();
        let concerned = self.rules.list.iter().any(|rule| rule.signal == signal);
        if concerned && batch.unread.is_none() && self.rules.sift(&mut batch, signal).is_err() {
            abandon(&mut batch);
        }
        out.push(batch);
    }
}

struct Builder<'a, 'b> {
    mode: ErrorMode,
    list: Vec<Rule>,
    whole: bool,
    cx: &'a mut BuildContext<'b>,
}

impl Builder<'_, '_> {
    fn entry(&mut self, signal: Signal, key: &str, entry: Entry<GroupConfig>) {
        let group = match entry {
            Entry::One(text) => return self.add(signal, key, None, self.mode, text),
            Entry::Group(group) => group,
        };
        let mut context = None;
        if let Some(name) = &group.context {
            context = context_named(name, signal, key, self.cx);
            if context.is_none() {
                self.whole = false;
                return;
            }
        }
        let mode = group.error_mode.unwrap_or(self.mode);
        group.conditions.into_iter().for_each(|text| self.add(signal, key, context, mode, text));
    }

    fn add(
        &mut self,
        signal: Signal,
        key: &str,
        context: Option<Context>,
        error_mode: ErrorMode,
        text: String,
    ) {
        let context = match context {
            Some(context) => Ok(context),
            None => infer(&[], &[&text], contexts(signal)).map_err(|(_, fault)| fault),
        };
        let compiled = context.and_then(|context| Ok((context, Condition::compile(&text, context)?)));
        match compiled {
            Ok((context, condition)) => {
                let failures = Failures::default();
                self.list.push(Rule { signal, context, error_mode, condition, text, failures });
            }
            Err(fault) => {
                refuse(self.cx, key, &text, &fault);
                self.whole = false;
            }
        }
    }
}

impl Rules {
    /// Any rule of this context holds.
    fn hit(&mut self, signal: Signal, context: Context, t: &mut Target<'_>) -> Result<bool, Abort> {
        for rule in self.list.iter_mut().filter(|rule| rule.signal == signal && rule.context == context) {
            match rule.condition.holds(t) {
                Ok(true) => return Ok(true),
                Ok(false) => {}
                Err(error) => rule.failures.note(rule.error_mode, &self.id, &rule.text, &error)?,
            }
        }
        Ok(false)
    }

    fn knows(&self, signal: Signal, context: Context) -> bool {
        self.list.iter().any(|rule| rule.signal == signal && rule.context == context)
    }

    fn sift(&mut self, batch: &mut Batch, signal: Signal) -> Result<(), Abort> {
        let Batch { arena, resources, scopes, logs, spans, metrics, .. } = batch;
        let mut ground = Ground { arena, resources, scopes };
        let around = self.dropped_around(&mut ground, signal)?;
        // Where the protocol knows no scopes, the records share one.
        let is_gone = |scope: u32| around.get(scope as usize).copied().unwrap_or(false);
        let mut gone = 0;
        let mut outcome = Ok(());
        // Once a failure aborts, the rest is kept as it is; the whole batch goes anyway.
        let mut ask = |hit: Result<bool, Abort>| match hit {
            Ok(hit) => hit,
            Err(abort) => {
                outcome = Err(abort);
                false
            }
        };
        logs.retain_mut(|record| {
            let drop = is_gone(record.scope)
                || ask(ground.on(Row::Log(record), |t| self.hit(signal, Context::Log, t)));
            gone += u64::from(drop);
            !drop
        });
        let of_events = self.knows(signal, Context::SpanEvent);
        spans.retain_mut(|span| {
            let drop = is_gone(span.scope)
                || ask(ground.on(Row::Span(span), |t| self.hit(signal, Context::Span, t)));
            gone += u64::from(drop);
            if !drop && of_events {
                let hits: Vec<bool> = (0..span.events.len())
                    .map(|place| {
                        let row = Row::SpanEvent(span, place);
                        ask(ground.on(row, |t| self.hit(signal, Context::SpanEvent, t)))
                    })
                    .collect();
                let mut hits = hits.into_iter();
                span.events.retain(|_| !hits.next().unwrap_or(false));
            }
            !drop
        });
        let of_points = self.knows(signal, Context::DataPoint);
        let mut made = Vec::new();
        metrics.retain_mut(|metric| {
            let points = metric.points.len();
            let drop = is_gone(metric.scope)
                || ask(ground.on(Row::Metric(metric, &mut made), |t| self.hit(signal, Context::Metric, t)));
            if drop {
                gone += points as u64;
                return false;
            }
            if !of_points {
                return true;
            }
            let hits: Vec<bool> = (0..points)
                .map(|place| {
                    let row = Row::DataPoint(metric, place, &mut made);
                    ask(ground.on(row, |t| self.hit(signal, Context::DataPoint, t)))
                })
                .collect();
            let mut hits = hits.into_iter();
            metric.points.retain(|_| !hits.next().unwrap_or(false));
            gone += (points - metric.points.len()) as u64;
            !metric.points.is_empty()
        });
        batch.discard(Reason::Filtered, gone);
        outcome
    }

    /// Of each scope, whether it or its resource is dropped.
    fn dropped_around(&mut self, ground: &mut Ground<'_>, signal: Signal) -> Result<Vec<bool>, Abort> {
        let mut resources = Vec::with_capacity(ground.resources.len());
        if self.knows(signal, Context::Resource) {
            for place in 0..ground.resources.len().max(1) {
                let row = Row::Resource(place as u32);
                resources.push(ground.on(row, |t| self.hit(signal, Context::Resource, t))?);
            }
        }
        let mut scopes = Vec::with_capacity(ground.scopes.len());
        for place in 0..ground.scopes.len().max(1) {
            let resource = ground.scopes.get(place).map_or(0, |scope| scope.resource as usize);
            let gone = resources.get(resource).copied().unwrap_or(false)
                || ground.on(Row::Scope(place as u32), |t| self.hit(signal, Context::Scope, t))?;
            scopes.push(gone);
        }
        Ok(scopes)
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};
    use model::metric::{Point, PointValue};
    use model::trace::SpanEvent;
    use model::{List, Metric, Resource, Scope, TraceSpan, Value};

    use super::*;
    use crate::testing::settings;

    fn filter(options: &str) -> Filter {
        processor::<Filter>(settings(options)).unwrap_or_else(|error| panic!("{error}"))
    }

    fn check(options: &str, records: &[&str], kept: &[&str]) {
        let (out, gone) = process(&mut filter(options), batch("t", records));
        let expected: String = kept.iter().map(|record| format!("t {record}\n")).collect();
        assert_eq!(json_lines(&out), expected, "{options}");
        assert_eq!(gone, [(Reason::Filtered, (records.len() - kept.len()) as u64)], "{options}");
    }

    const RECORDS: [&str; 3] =
        [r#"{"log":"GET /health"}"#, r#"{"log":"GET /cart","n":1}"#, r#"{"log":"POST /cart"}"#];

    #[test]
    fn logs_go_where_a_condition_holds() {
        check(r#"{"log_conditions": ["IsMatch(log.body[\"log\"], \"health\")"]}"#, &RECORDS, &RECORDS[1..]);
        check(
            r#"{"log_conditions": [{"context": "log", "conditions": ["body[\"n\"] == 1", "HasPrefix(body[\"log\"], \"POST\")"]}]}"#,
            &RECORDS,
            &RECORDS[..1],
        );
        check(r#"{"logs": {"resource": ["attributes[\"a\"] == nil"]}}"#, &RECORDS, &[]);
        check(r#"{"logs": {"log_record": ["IsMatch(body[\"log\"], \"cart\")"]}}"#, &RECORDS, &RECORDS[..1]);
        // A condition that fails does not hold.
        check(r#"{"log_conditions": ["log.body[\"n\"] + 1 == 2"]}"#, &RECORDS, &[RECORDS[0], RECORDS[2]]);
        let options = r#"{"error_mode": "propagate", "log_conditions": ["log.body[\"n\"] + 1 == 2"]}"#;
        let (out, gone) = process(&mut filter(options), batch("t", &RECORDS));
        assert!(out.is_empty());
        assert_eq!(gone.iter().map(|(_, count)| count).sum::<u64>(), 3);
    }

    #[test]
    fn what_a_dropped_resource_holds_goes_with_it() {
        let mut records = batch("t", &RECORDS);
        let name = records.arena.store(b"noise");
        let mut attributes = List::EMPTY;
        records.arena.set(&mut attributes, b"service.name", Value::Str(name));
        records.resources = vec![Resource::default(), Resource { attributes, ..Resource::default() }];
        records.scopes = vec![Scope::default(), Scope { resource: 1, ..Scope::default() }];
        records.logs[1].scope = 1;
        let options = r#"{"logs": {"resource": ["attributes[\"service.name\"] == \"noise\""]}}"#;
        let (out, gone) = process(&mut filter(options), records);
        assert_eq!(json_lines(&out), format!("t {}\nt {}\n", RECORDS[0], RECORDS[2]));
        assert_eq!(gone, [(Reason::Filtered, 1)]);
    }

    #[test]
    fn spans_and_their_events_go() {
        let mut traces = Batch::new("t".into(), Vec::new());
        let name = traces.arena.store(b"exception");
        let events = vec![SpanEvent { name, ..SpanEvent::default() }, SpanEvent::default()];
        traces.spans =
            vec![TraceSpan { kind: 1, ..TraceSpan::default() }, TraceSpan { events, ..TraceSpan::default() }];
        let options =
            r#"{"trace_conditions": ["span.kind == SPAN_KIND_INTERNAL", "spanevent.name == \"exception\""]}"#;
        let (out, gone) = process(&mut filter(options), traces);
        assert_eq!((out[0].spans.len(), out[0].spans[0].events.len()), (1, 1));
        assert_eq!(gone, [(Reason::Filtered, 1)]);
    }

    #[test]
    fn a_metric_without_points_goes() {
        let metric = |values: &[i64]| {
            let point = |value: &i64| Point { value: PointValue::Int(*value), ..Point::default() };
            Metric { points: values.iter().map(point).collect(), ..Metric::default() }
        };
        let mut metrics = Batch::new("t".into(), Vec::new());
        metrics.metrics = vec![metric(&[1, 2, 3]), metric(&[1]), metric(&[9, 9])];
        metrics.metrics[2].name = metrics.arena.store(b"nines");
        let options = r#"{"metrics": {"metric": ["name == \"nines\""], "datapoint": ["value_int == 1"]}}"#;
        let (out, gone) = process(&mut filter(options), metrics);
        assert_eq!(out[0].metrics.iter().map(|metric| metric.points.len()).collect::<Vec<_>>(), [2]);
        assert_eq!(gone, [(Reason::Filtered, 4)]);
    }

    #[test]
    fn wrong_conditions_are_refused() {
        for (options, message) in [
            (r#"{"log_conditions": ["body == 1"]}"#, "missing context name"),
            (r#"{"log_conditions": [{"context": "span", "conditions": []}]}"#, "no context of this signal"),
            (r#"{"log_conditions": ["true"], "logs": {"log_record": ["true"]}}"#, "are given together"),
            (r#"{"logs": {"log_record": ["body =="]}}"#, "unexpected end of text"),
        ] {
            let error = processor::<Filter>(settings(options)).err().unwrap_or_else(|| panic!("{options}"));
            assert!(error.contains(message), "{options}: {error}");
        }
    }
}
