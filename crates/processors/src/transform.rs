//! Changes logs, spans and metrics by statements of OTTL, the OpenTelemetry Transformation Language.
//!
//! ```yaml
//! transform:
//!   error_mode: ignore
//!   log_statements:
//!     - merge_maps(log.attributes, ParseJSON(log.body), "upsert") where IsMatch(log.body, "^\\{")
//!     - set(log.severity_number, SEVERITY_NUMBER_ERROR) where log.attributes["level"] == "error"
//! ```
//!
//! Statements of a group run in order on one record, then on the next. A list holds statements, and its context
//! is found from their paths; or it holds groups with settings of their own. Every path begins with its context's
//! name (`log.`, `resource.`, `span.`), except in a group that names its `context`.
//!
//! XPaths have steps (`/a`, `//a`, `*`, `@name`, `text()`, `comment()`) and conditions (`[2]`, `[@a]`, `[b='c']`), no
//! functions or axes. `UserAgent` knows the usual browsers, robots and tools; others are named by their own `name/version`
//! or are "Other". Grok has the patterns of Logstash's core, httpd, syslog, Java, AWS, HAProxy, PostgreSQL and Redis.

use config::topology::ComponentId;
use engine::{BuildContext, ConfigError, Processor};
use model::{Batch, Signal};
use ottl::{Condition, Context, Statement, Target, infer};
use schemars::JsonSchema;
use serde::Deserialize;

use crate::statements::{
    Abort, Entry, ErrorMode, Failures, abandon, context_named, contexts, each_row, refuse,
};

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default)]
pub struct Config {
    /// What happens when a statement fails on a record.
    pub error_mode: ErrorMode,
    pub log_statements: Vec<Entry<GroupConfig>>,
    pub trace_statements: Vec<Entry<GroupConfig>>,
    pub metric_statements: Vec<Entry<GroupConfig>>,
}

#[derive(Deserialize, JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
pub struct GroupConfig {
    /// What the statements run on: `resource`, `scope`, `log`, `span`, `spanevent`, `metric` or `datapoint`.
    /// Without it the paths tell.
    pub context: Option<String>,
    /// In place of the processor's.
    pub error_mode: Option<ErrorMode>,
    /// The statements run on records of which one of these holds.
    pub conditions: Vec<String>,
    pub statements: Vec<String>,
}

pub struct Transform {
    id: ComponentId,
    groups: Vec<(Signal, Group)>,
}

struct Group {
    context: Context,
    error_mode: ErrorMode,
    conditions: Vec<Text<Condition>>,
    statements: Vec<Text<Statement>>,
}

struct Text<T> {
    compiled: T,
    text: String,
    failures: Failures,
}

impl Processor for Transform {
    const NAME: &'static str = "transform";
    type Config = Config;

    fn build(config: Config, cx: &mut BuildContext<'_>) -> Result<Self, ConfigError> {
        let mut groups = Vec::new();
        let mut whole = true;
        for (signal, key, entries) in [
            (Signal::Logs, "log_statements", config.log_statements),
            (Signal::Traces, "trace_statements", config.trace_statements),
            (Signal::Metrics, "metric_statements", config.metric_statements),
        ] {
            match gathered(entries) {
                Some(list) => {
                    for group in list {
                        let group = Group::new(group, signal, key, config.error_mode, cx);
                        whole &= group.is_some();
                        groups.extend(group.map(|group| (signal, group)));
                    }
                }
                None => {
                    return Err(cx.refuse(
                        key,
                        format!("{key}: statements and groups of statements stand in one list"),
                        "put the statements into a group's `statements`",
                    ));
                }
            }
        }
        if !whole {
            return Err(cx.refuse("error_mode", "not all statements can be used", "mend those named above"));
        }
        Ok(Transform { id: cx.id.clone(), groups })
    }

    fn process(&mut self, mut batch: Batch, out: &mut Vec<Batch>) {
        if batch.unread.is_none() {
            let signal = batch.signal();
            for (_, group) in self.groups.iter_mut().filter(|(of, _)| *of == signal) {
                if each_row(&mut batch, group.context, |t| group.run(&self.id, t)).is_err() {
                    abandon(&mut batch);
                    break;
                }
            }
        }
        out.push(batch);
    }
}

/// The groups of a list; bare statements are one. `None` where both stand side by side.
fn gathered(entries: Vec<Entry<GroupConfig>>) -> Option<Vec<GroupConfig>> {
    let (mut groups, mut bare) = (Vec::new(), GroupConfig::default());
    for entry in entries {
        match entry {
            Entry::One(text) => bare.statements.push(text),
            Entry::Group(group) => groups.push(group),
        }
    }
    match (bare.statements.is_empty(), groups.is_empty()) {
        (false, false) => None,
        (false, true) => Some(vec![bare]),
        _ => Some(groups),
    }
}

impl Group {
    fn new(
        config: GroupConfig,
        signal: Signal,
        key: &str,
        default: ErrorMode,
        cx: &mut BuildContext<'_>,
    ) -> Option<Group> {
        let context = match &config.context {
            Some(name) => context_named(name, signal, key, cx)?,
            None => {
                let statements: Vec<&str> = config.statements.iter().map(String::as_str).collect();
                let conditions: Vec<&str> = config.conditions.iter().map(String::as_str).collect();
                match infer(&statements, &conditions, contexts(signal)) {
                    Ok(context) => context,
                    Err((place, fault)) => {
                        let text =
                            statements.iter().chain(&conditions).nth(place).copied().unwrap_or_default();
                        refuse(cx, key, text, &fault);
                        return None;
                    }
                }
            }
        };
        let conditions = compiled(config.conditions, key, cx, |text| Condition::compile(text, context));
        let statements = compiled(config.statements, key, cx, |text| Statement::compile(text, context));
        Some(Group {
            context,
            error_mode: config.error_mode.unwrap_or(default),
            conditions: conditions?,
            statements: statements?,
        })
    }

    fn run(&mut self, id: &ComponentId, t: &mut Target<'_>) -> Result<(), Abort> {
        let mut holds = self.conditions.is_empty();
        for condition in &mut self.conditions {
            match condition.compiled.holds(t) {
                Ok(true) => {
                    holds = true;
                    break;
                }
                Ok(false) => {}
                Err(error) => condition.failures.note(self.error_mode, id, &condition.text, &error)?,
            }
        }
        if !holds {
            return Ok(());
        }
        for statement in &mut self.statements {
            if let Err(error) = statement.compiled.run(t) {
                statement.failures.note(self.error_mode, id, &statement.text, &error)?;
            }
        }
        Ok(())
    }
}

/// All texts compiled, or every fault reported.
fn compiled<T>(
    texts: Vec<String>,
    key: &str,
    cx: &mut BuildContext<'_>,
    compile: impl Fn(&str) -> Result<T, ottl::Fault>,
) -> Option<Vec<Text<T>>> {
    let mut whole = true;
    let mut all = Vec::with_capacity(texts.len());
    for text in texts {
        match compile(&text) {
            Ok(compiled) => all.push(Text { compiled, text, failures: Failures::default() }),
            Err(fault) => {
                refuse(cx, key, &text, &fault);
                whole = false;
            }
        }
    }
    whole.then_some(all)
}

#[cfg(test)]
mod tests {
    use engine::testing::{batch, json_lines, process, processor};
    use model::metric::{MetricKind, Point, PointValue};
    use model::{Metric, Reason, TraceSpan};

    use super::*;
    use crate::testing::settings;

    fn check(options: &str, records: &[&str], expected: &[&str]) {
        let mut transform = processor::<Transform>(settings(options)).unwrap();
        let (out, _) = process(&mut transform, batch("t", records));
        let expected: String = expected.iter().map(|record| format!("t {record}\n")).collect();
        assert_eq!(json_lines(&out), expected, "{options}");
    }

    #[test]
    fn statements_run_in_order_on_each_record() {
        check(
            r#"{"log_statements": [
                "set(log.cache[\"n\"], log.body[\"n\"] + 1)",
                "set(log.body[\"m\"], log.cache[\"n\"] * 2) where log.body[\"n\"] > 0",
                "delete_key(log.body, \"n\")"
            ]}"#,
            &[r#"{"n":1}"#, r#"{"n":0}"#, r#"{"n":2,"x":1}"#],
            &[r#"{"m":4}"#, "{}", r#"{"x":1,"m":6}"#],
        );
    }

    #[test]
    fn records_without_a_resource_get_one() {
        let options = r#"{"log_statements": ["set(resource.attributes[\"a\"], 1)"]}"#;
        let (out, _) = process(&mut processor::<Transform>(settings(options)).unwrap(), batch("t", &["{}"]));
        let resource = out[0].resources[out[0].scopes[out[0].logs[0].scope as usize].resource as usize];
        assert_eq!(out[0].arena.get(resource.attributes, b"a"), Some(model::Value::Int(1)));
    }

    #[test]
    fn groups_have_contexts_and_conditions() {
        check(
            r#"{"log_statements": [
                {"context": "log", "conditions": ["body[\"a\"] == 1", "body[\"a\"] == 2"],
                 "statements": ["set(body[\"b\"], true)"]},
                {"conditions": ["log.body[\"a\"] == 3"], "statements": ["set(log.body[\"c\"], true)"]}
            ]}"#,
            &[r#"{"a":1}"#, r#"{"a":2}"#, r#"{"a":3}"#],
            &[r#"{"a":1,"b":true}"#, r#"{"a":2,"b":true}"#, r#"{"a":3,"c":true}"#],
        );
    }

    #[test]
    fn a_failure_is_passed_over_or_stops_the_batch() {
        let options = |mode: &str| {
            format!(
                r#"{{"error_mode": "{mode}", "log_statements": [
                    "set(log.body[\"p\"], ParseJSON(log.body[\"j\"]))", "set(log.body[\"ok\"], true)"]}}"#
            )
        };
        let records = [r#"{"j":"{"}"#, r#"{"j":"{\"a\":1}"}"#];
        for mode in ["ignore", "silent"] {
            check(
                &options(mode),
                &records,
                &[r#"{"j":"{","ok":true}"#, r#"{"j":"{\"a\":1}","p":{"a":1.0},"ok":true}"#],
            );
        }
        let mut transform = processor::<Transform>(settings(&options("propagate"))).unwrap();
        let (out, gone) = process(&mut transform, batch("t", &records));
        assert!(out.is_empty());
        assert_eq!(gone, [(Reason::Malformed, 2)]);
    }

    #[test]
    fn spans_and_metrics_have_statements_of_their_own() {
        let options = r#"{
            "trace_statements": ["set(span.kind, SPAN_KIND_CLIENT)"],
            "metric_statements": [
                "copy_metric(name=\"copy\") where metric.name != \"copy\"",
                "set(datapoint.value_int, 7)"
            ]}"#;
        let error = processor::<Transform>(settings(options)).err().unwrap();
        assert!(error.contains("copy_metric"), "{error}");
        let options = r#"{
            "trace_statements": ["set(span.kind, SPAN_KIND_CLIENT)"],
            "metric_statements": [
                {"statements": ["copy_metric(name=\"copy\") where metric.name != \"copy\""]},
                {"statements": ["set(datapoint.value_int, 7) where metric.name == \"copy\""]}
            ]}"#;
        let mut transform = processor::<Transform>(settings(options)).unwrap();
        let mut traces = Batch::new("t".into(), Vec::new());
        traces.spans.push(TraceSpan::default());
        let (out, _) = process(&mut transform, traces);
        assert_eq!(out[0].spans[0].kind, 3);
        let mut metrics = Batch::new("t".into(), Vec::new());
        let points = vec![Point { value: PointValue::Int(1), ..Point::default() }];
        metrics.metrics.push(Metric { kind: MetricKind::Gauge, points, ..Metric::default() });
        let (out, _) = process(&mut transform, metrics);
        let values: Vec<_> =
            out[0].metrics.iter().map(|metric| format!("{:?}", metric.points[0].value)).collect();
        assert_eq!(values, ["Int(1)", "Int(7)"]);
    }

    #[test]
    fn what_is_wrong_is_told_all_at_once() {
        let options = r#"{"log_statements": [
            {"context": "log", "statements": ["sett(body, 1)", "set(bodi, 1)"]},
            {"context": "span", "statements": ["set(name, 1)"]},
            {"statements": ["set(body, 1)"]}
        ]}"#;
        let error = processor::<Transform>(settings(options)).err().unwrap();
        for part in [
            "undefined function \"sett\"",
            "did you mean `set`?",
            "path `bodi` is not known",
            "`span` is no context of this signal",
            "missing context name for path \"body\"",
        ] {
            assert!(error.contains(part), "no {part} in {error}");
        }
        let mixed = r#"{"log_statements": ["set(log.body, 1)", {"statements": ["set(log.body, 1)"]}]}"#;
        let error = processor::<Transform>(settings(mixed)).err().unwrap();
        assert!(error.contains("in one list"), "{error}");
    }
}
