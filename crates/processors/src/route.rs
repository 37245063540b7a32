//! Keeps what one branch of a routing table takes, and leaves the rest to the other branches.
//!
//! ```yaml
//! route:
//!   table:
//!     - {context: resource, condition: 'attributes["team"] == "shop"', take: true}
//!     - {context: log, condition: 'severity_number >= SEVERITY_NUMBER_ERROR'}
//!   otherwise: leave
//! ```
//!
//! Each branch has the same table, with `take` at its own lines: a record goes with the first line whose condition holds.
//! A Collector's connector `routing` becomes such steps, one in front of each pipeline it feeds. What other branches take
//! is counted as `elsewhere`; what no branch takes is counted once, as `unmatched`, by the branch with `otherwise: drop`.

use config::topology::ComponentId;
use engine::{BuildContext, ConfigError, Processor};
use model::{Batch, Reason};
use ottl::{Condition, Context, Row, Target};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::statements::{Abort, ErrorMode, Failures, Ground, abandon, refuse};

#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Config {
    /// What happens when a condition fails on a record. Unless it is `propagate`, the record is one that no line takes.
    pub error_mode: ErrorMode,
    /// The lines, in the order in which they are asked.
    pub table: Vec<Line>,
    /// What becomes of records that no line takes.
    pub otherwise: Otherwise,
    /// Asks every line, so that a record goes with each whose condition holds.
    pub all_matches: bool,
}

#[derive(Debug, Clone, Default, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct Line {
    /// What is asked: `resource` (the default), `log`, `span`, `metric` or `datapoint`.
    pub context: Option<String>,
    /// An OTTL condition. It always holds when absent.
    pub condition: Option<String>,
    /// Whether this branch takes the records.
    pub take: bool,
    /// Whether the lines below are asked as well.
    pub copy: bool,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Otherwise {
    /// Another branch takes them.
    #[default]
    Leave,
    /// This branch takes them.
    Take,
    /// No branch takes them, and this one counts them.
    Drop,
}

pub struct Route {
    id: ComponentId,
    error_mode: ErrorMode,
    rules: Vec<Rule>,
    otherwise: Otherwise,
    all_matches: bool,
}

struct Rule {
    context: Context,
    /// `None` always holds.
    condition: Option<Condition>,
    text: String,
    take: bool,
    copy: bool,
    failures: Failures,
}

const CONTEXTS: [Context; 5] =
    [Context::Resource, Context::Log, Context::Span, Context::Metric, Context::DataPoint];

impl Processor for Route {
    const NAME: &'static str = "route";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        if config.table.is_empty() {
            let help = "write a list of `context`, `condition` and `take`";
            return Err(cx.refuse("table", "there is no line", help));
        }
        // All lines are looked at, so that all faults are reported.
        let rules: Vec<_> = config.table.iter().map(|line| rule(line, cx)).collect();
        let rules = rules.into_iter().collect::<Option<Vec<_>>>();
        let Some(rules) = rules else {
            return Err(cx.refuse("table", "not all lines can be used", "mend those named above"));
        };
        let Config { error_mode, otherwise, all_matches, .. } = config;
        Ok(Route { id: cx.id.clone(), error_mode, rules, otherwise, all_matches })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if batch.unread.is_none() && self.sift(&mut batch).is_err() {
            abandon(&mut batch);
        }
        out.push(batch);
    }
}

fn rule(line: &Line, cx: &mut BuildContext<'_>) -> Option<Rule> {
    let name = line.context.as_deref().unwrap_or("resource");
    let Some(context) = Context::named(name).filter(|context| CONTEXTS.contains(context)) else {
        let help = "choose one of resource, log, span, metric, datapoint";
        let _ = cx.refuse("table", format!("`{name}` is no context that is routed by"), help);
        return None;
    };
    let text = line.condition.clone().unwrap_or_default();
    let condition = match line.condition.as_deref().map(|text| Condition::compile(text, context)) {
        None => None,
        Some(Ok(condition)) => Some(condition),
        Some(Err(fault)) => {
            refuse(cx, "table", &text, &fault);
            return None;
        }
    };
    let (take, copy) = (line.take, line.copy);
    Some(Rule { context, condition, text, take, copy, failures: Failures::default() })
}

/// What a line says of a row, or of what is around it.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Answer {
    #[default]
    No,
    Yes,
    Failed,
}

/// How many rows or points leave this branch, by where they are.
#[derive(Default)]
struct Gone {
    elsewhere: u64,
    unmatched: u64,
}

/// Where a row goes.
enum Verdict {
    Here,
    Elsewhere,
    Nowhere,
}

impl Gone {
    /// Whether it stays.
    fn note(&mut self, verdict: &Verdict, count: u64) -> bool {
        match verdict {
            Verdict::Here => return true,
            Verdict::Elsewhere => self.elsewhere += count,
            Verdict::Nowhere => self.unmatched += count,
        }
        false
    }
}

impl Route {
    fn sift(&mut self, batch: &mut Batch) -> Result<(), Abort> {
        let Batch { arena, resources, scopes, logs, spans, metrics, .. } = batch;
        let mut ground = Ground { arena, resources, scopes };
        let around = self.resources(&mut ground)?;
        let of_scope: Vec<usize> = ground.scopes.iter().map(|scope| scope.resource as usize).collect();
        // Where the protocol knows no scopes, the records share one.
        let known = |scope: u32| &around[of_scope.get(scope as usize).copied().unwrap_or(0)];
        let mut gone = Gone::default();
        let mut outcome = Ok(());
        // Once a failure aborts, the rest is kept as it is; the whole batch goes anyway.
        let mut stays = |verdict: Result<Verdict, Abort>, count: usize| match verdict {
            Ok(verdict) => gone.note(&verdict, count as u64),
            Err(abort) => {
                outcome = Err(abort);
                true
            }
        };
        logs.retain_mut(|record| {
            let known = known(record.scope);
            stays(ground.on(Row::Log(record), |t| self.verdict(known, Context::Log, t)), 1)
        });
        spans.retain_mut(|span| {
            let known = known(span.scope);
            stays(ground.on(Row::Span(span), |t| self.verdict(known, Context::Span, t)), 1)
        });
        let by_points = self.rules.iter().any(|rule| rule.context == Context::DataPoint);
        let mut made = Vec::new();
        metrics.retain_mut(|metric| {
            let (mut known, points) = (known(metric.scope).clone(), metric.points.len());
            if !by_points {
                let row = Row::Metric(metric, &mut made);
                return stays(ground.on(row, |t| self.verdict(&known, Context::Metric, t)), points);
            }
            let row = Row::Metric(metric, &mut made);
            if let Err(abort) = ground.on(row, |t| self.ask(Context::Metric, t, &mut known)) {
                return stays(Err(abort), points);
            }
            let kept: Vec<bool> = (0..points)
                .map(|place| {
                    let row = Row::DataPoint(metric, place, &mut made);
                    stays(ground.on(row, |t| self.verdict(&known, Context::DataPoint, t)), 1)
                })
                .collect();
            let mut kept = kept.into_iter();
            metric.points.retain(|_| kept.next().unwrap_or(true));
            points == 0 || !metric.points.is_empty()
        });
        batch.discard(Reason::Elsewhere, gone.elsewhere);
        batch.discard(Reason::Unmatched, gone.unmatched);
        outcome
    }

    /// Of each resource, what the lines about resources say of it.
    fn resources(&mut self, ground: &mut Ground<'_>) -> Result<Vec<Vec<Answer>>, Abort> {
        let mut around = Vec::with_capacity(ground.resources.len());
        // Where the protocol knows no resources, the records share one that is not there yet.
        for place in 0..ground.resources.len().max(1) {
            let mut answers = vec![Answer::No; self.rules.len()];
            ground.on(Row::Resource(place as u32), |t| self.ask(Context::Resource, t, &mut answers))?;
            around.push(answers);
        }
        Ok(around)
    }

    /// Asks the lines of one context, until one ends the walk.
    fn ask(&mut self, context: Context, t: &mut Target<'_>, answers: &mut [Answer]) -> Result<(), Abort> {
        for (place, answer) in answers.iter_mut().enumerate() {
            if self.rules[place].context == context {
                *answer = self.answer(place, t)?;
                if *answer == Answer::Yes && !self.rules[place].copy && !self.all_matches {
                    break;
                }
            }
        }
        Ok(())
    }

    fn answer(&mut self, place: usize, t: &mut Target<'_>) -> Result<Answer, Abort> {
        let rule = &mut self.rules[place];
        let Some(condition) = &rule.condition else { return Ok(Answer::Yes) };
        match condition.holds(t) {
            Ok(true) => Ok(Answer::Yes),
            Ok(false) => Ok(Answer::No),
            Err(error) => {
                rule.failures.note(self.error_mode, &self.id, &rule.text, &error)?;
                Ok(Answer::Failed)
            }
        }
    }

    /// Walks down the table. `known` is what was asked of resource and metric before.
    fn verdict(&mut self, known: &[Answer], own: Context, t: &mut Target<'_>) -> Result<Verdict, Abort> {
        let (mut taken, mut matched) = (false, false);
        for (place, known) in known.iter().enumerate() {
            let answer = if self.rules[place].context == own { self.answer(place, t)? } else { *known };
            match answer {
                Answer::No => {}
                // No line takes it; what copied it before has its copy.
                Answer::Failed => break,
                Answer::Yes => {
                    let rule = &self.rules[place];
                    taken |= rule.take;
                    matched |= self.all_matches;
                    if !rule.copy && !self.all_matches {
                        return Ok(if taken { Verdict::Here } else { Verdict::Elsewhere });
                    }
                }
            }
        }
        Ok(match self.otherwise {
            _ if taken => Verdict::Here,
            _ if matched => Verdict::Elsewhere,
            Otherwise::Take => Verdict::Here,
            Otherwise::Leave => Verdict::Elsewhere,
            Otherwise::Drop => Verdict::Nowhere,
        })
    }
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, process, processor};
    use model::metric::{MetricKind, Point, PointValue};
    use model::{List, Metric, Resource, Scope, TraceSpan, Value};

    use super::*;
    use crate::testing::settings;

    fn route(options: &str) -> Route {
        processor::<Route>(settings(options)).unwrap_or_else(|error| panic!("{error}"))
    }

    /// Two resources, `team` being `a` of the first and `b` of the second, with two records each.
    fn records() -> Batch {
        let mut records = batch("t", &[r#"{"n":1}"#, r#"{"n":2}"#, r#"{"n":3}"#, r#"{"n":"x"}"#]);
        for team in ["a", "b"] {
            let value = Value::Str(records.arena.store(team.as_bytes()));
            let mut attributes = List::EMPTY;
            records.arena.set(&mut attributes, b"team", value);
            records.scopes.push(Scope { resource: records.resources.len() as u32, ..Scope::default() });
            records.resources.push(Resource { attributes, ..Resource::default() });
        }
        records.logs[2].scope = 1;
        records.logs[3].scope = 1;
        for (place, record) in records.logs.iter_mut().enumerate() {
            record.time = place as u64 + 1;
        }
        records
    }

    /// The numbers of the records that stay, and what the others are counted as.
    fn check(options: &str, stay: &[u64], gone: &[(Reason, u64)]) {
        let (out, discarded) = process(&mut route(options), records());
        let left: Vec<u64> = out.iter().flat_map(|batch| &batch.logs).map(|record| record.time).collect();
        assert_eq!((left.as_slice(), discarded.as_slice()), (stay, gone), "{options}");
    }

    const TEAM_A: &str = r#""condition": "attributes[\"team\"] == \"a\"""#;
    const SECOND: &str = r#""context": "log", "condition": "log.body[\"n\"] == 2""#;
    const FAILS: &str = r#""context": "log", "condition": "log.body[\"n\"] + 1 == 4""#;

    #[test]
    fn a_record_goes_with_the_first_line_that_holds() {
        for (table, more, stay, count) in [
            (format!("{{{TEAM_A}, \"take\": true}}"), "", vec![1, 2], 2),
            (format!("{{{TEAM_A}}}"), r#", "otherwise": "take""#, vec![3, 4], 2),
            // The line above took it.
            (format!("{{{TEAM_A}}}, {{{SECOND}, \"take\": true}}"), "", vec![], 4),
            (format!("{{{TEAM_A}, \"copy\": true}}, {{{SECOND}, \"take\": true}}"), "", vec![2], 3),
            (format!("{{{TEAM_A}}}, {{{SECOND}, \"take\": true}}"), r#", "all_matches": true"#, vec![2], 3),
            // A copy is none that was taken away.
            (format!("{{{TEAM_A}, \"copy\": true}}"), r#", "otherwise": "take""#, vec![1, 2, 3, 4], 0),
            // One of all that may hold is one that holds.
            (format!("{{{TEAM_A}}}"), r#", "all_matches": true, "otherwise": "take""#, vec![3, 4], 2),
            ("{\"take\": true}".to_owned(), "", vec![1, 2, 3, 4], 0),
            // A context of another signal.
            (r#"{"context": "span", "condition": "true", "take": true}"#.to_owned(), "", vec![], 4),
        ] {
            let options = format!(r#"{{"table": [{table}]{more}}}"#);
            let gone = [(Reason::Elsewhere, count)];
            check(&options, &stay, if count == 0 { &[] } else { &gone });
        }
        let nobody = format!(r#"{{"table": [{{{TEAM_A}}}], "otherwise": "drop"}}"#);
        check(&nobody, &[], &[(Reason::Elsewhere, 2), (Reason::Unmatched, 2)]);
    }

    #[test]
    fn what_a_condition_fails_on_goes_with_those_that_no_line_takes() {
        let all = r#"{"table": [{FAILS}, {"take": true}]}"#;
        for (options, stay) in [
            (all.replace("FAILS", FAILS), vec![1, 2]),
            (all.replace("FAILS", FAILS).replace("}]", "}], \"otherwise\": \"take\""), vec![1, 2, 4]),
        ] {
            let gone = 4 - stay.len() as u64;
            check(&options, &stay, &[(Reason::Elsewhere, gone)]);
        }
        let propagate =
            all.replace("FAILS", FAILS).replace("{\"table", "{\"error_mode\": \"propagate\", \"table");
        let (out, gone) = process(&mut route(&propagate), records());
        assert!(out.is_empty());
        assert_eq!(gone.iter().map(|(_, count)| count).sum::<u64>(), 4);
    }

    #[test]
    fn spans_metrics_and_points_are_routed() {
        let mut traces = Batch::new("t".into(), Vec::new());
        traces.spans = vec![TraceSpan { kind: 2, ..TraceSpan::default() }, TraceSpan::default()];
        let options =
            r#"{"table": [{"context": "span", "condition": "kind == SPAN_KIND_SERVER", "take": true}]}"#;
        let (out, gone) = process(&mut route(options), traces);
        assert_eq!((out[0].spans.len(), out[0].spans[0].kind), (1, 2));
        assert_eq!(gone, [(Reason::Elsewhere, 1)]);
        let metrics = || {
            let mut metrics = Batch::new("t".into(), Vec::new());
            for values in [[1, 2], [3, 4]] {
                let point = |value| Point { value: PointValue::Int(value), ..Point::default() };
                let name = metrics.arena.store(if values[0] == 1 { b"low" } else { b"big" });
                let points = values.map(point).to_vec();
                metrics.metrics.push(Metric { name, kind: MetricKind::Gauge, points, ..Metric::default() });
            }
            metrics
        };
        for (table, points) in [
            (r#"{"context": "metric", "condition": "name == \"low\"", "take": true}"#, vec![2]),
            (r#"{"context": "datapoint", "condition": "value_int > 1", "take": true}"#, vec![1, 2]),
            (
                r#"{"context": "metric", "condition": "name == \"low\""},
                   {"context": "datapoint", "condition": "value_int > 3", "take": true}"#,
                vec![1],
            ),
        ] {
            let (out, gone) = process(&mut route(&format!(r#"{{"table": [{table}]}}"#)), metrics());
            let left: Vec<usize> = out[0].metrics.iter().map(|metric| metric.points.len()).collect();
            assert_eq!(left, points, "{table}");
            assert_eq!(gone, [(Reason::Elsewhere, 4 - points.iter().sum::<usize>() as u64)], "{table}");
        }
    }

    #[test]
    fn a_table_that_cannot_be_used_is_refused() {
        for options in [
            "{}",
            r#"{"table": [{"context": "spanevent"}]}"#,
            r#"{"table": [{"context": "log", "condition": "body =="}]}"#,
            r#"{"table": [{"context": "resource", "condition": "body == 1"}]}"#,
        ] {
            assert!(processor::<Route>(settings(options)).is_err(), "{options}");
        }
    }
}
